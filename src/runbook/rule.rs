//! Rules: a closed table of paths, operators and values. It always ends and cannot crash.

use schemars::JsonSchema;
use serde::Deserialize;

/// What facts and findings must say, for each subject of one kind.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The kind of subject that is judged, one by one.
    pub each: Each,
    /// Which subjects are meant; all of them, where absent.
    pub when: Option<Rows>,
    /// What must hold for each of them.
    pub must: Rows,
    /// What excuses a subject: where this holds the rule is met, whatever `must` says.
    pub unless: Option<Rows>,
}

/// The kinds of subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Each {
    /// The gateway as a whole: one subject.
    Gateway,
    /// Every enabled account of every configured channel.
    Account,
    /// Every group, room, guild or topic that an account lists.
    Group,
    /// Every agent.
    Agent,
    /// Every account joined with each agent that its messages reach.
    Route,
}

/// Rows joined by what must hold of them: every group that is present.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rows {
    /// Every row holds.
    #[serde(default)]
    pub all: Vec<Row>,
    /// At least one row holds.
    #[serde(default)]
    pub any: Vec<Row>,
    /// No row holds.
    #[serde(default)]
    pub none: Vec<Row>,
}

/// One comparison.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// The fact, finding or answer, such as `config.account.dm.policy`.
    pub path: String,
    /// How it is compared.
    pub op: Op,
    /// With what; none for `present` and `absent`.
    #[schemars(with = "Option<serde_json::Value>")]
    pub value: Option<toml::Value>,
}

/// How a value is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Op {
    /// The same value.
    Equals,
    /// Another value.
    NotEquals,
    /// One of the listed values.
    In,
    /// None of the listed values.
    NotIn,
    /// There at all; a list is present when it holds something.
    Present,
    /// Not there; a list is absent when it is empty.
    Absent,
    /// The list holds the value.
    Contains,
    /// The list does not hold the value.
    NotContains,
    /// The number is at least this.
    Min,
    /// The number is at most this.
    Max,
}

impl Op {
    /// Tells whether the operator compares with a value.
    #[must_use]
    pub fn takes_value(self) -> bool {
        !matches!(self, Self::Present | Self::Absent)
    }
}

impl Rows {
    /// Returns every row, whichever group it stands in.
    pub fn iter(&self) -> impl Iterator<Item = &Row> {
        self.all.iter().chain(&self.any).chain(&self.none)
    }
}

impl Rule {
    /// Returns every row of the rule.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.when
            .iter()
            .flat_map(Rows::iter)
            .chain(self.must.iter())
            .chain(self.unless.iter().flat_map(Rows::iter))
    }
}
