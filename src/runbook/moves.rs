//! Widening moves: the steps from a closed gateway to a pattern, one control each.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::runbook::Each;
use crate::runbook::FixRow;
use crate::runbook::Rule;

/// One control that is opened on the way to a pattern.
///
/// What takes the config back is worked out from the patch; `undo` is for the steps elsewhere.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Move {
    /// Unique in the document.
    pub id: String,
    /// The patterns it leads to; every one, where the list is empty.
    #[serde(default)]
    pub patterns: Vec<String>,
    /// What it does, as the plan lists it.
    pub says: String,
    /// Whom it lets in, or what it lets them do.
    pub why: String,
    /// Whether it lets in nobody and nothing, so that it need not wait for what stands before a widening
    /// move.
    #[serde(default)]
    pub narrows: bool,
    /// What it is about; for an account or an agent the operator says which.
    #[serde(default)]
    pub each: Option<Each>,
    /// What the operator must say first.
    #[serde(default, rename = "ask")]
    pub asks: Vec<Ask>,
    /// The values to write; `{name}` stands for what was said.
    #[serde(default)]
    pub set: Vec<FixRow>,
    /// What is done elsewhere, before the config is changed; `{name}` stands for what was said.
    #[serde(default)]
    pub steps: Vec<String>,
    /// What takes those steps back.
    #[serde(default)]
    pub undo: Vec<String>,
    /// The items and moves that come first.
    #[serde(default)]
    pub after: Vec<String>,
    /// Met once it is in place.
    pub in_place: Option<Rule>,
    /// The item that is settled once it is in place, where no config tells.
    pub settles: Option<String>,
    /// Where it comes from.
    pub source: String,
}

/// What the operator must say before a move can be planned.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// The name that stands between braces in values and steps.
    pub name: String,
    /// The question.
    pub label: String,
    /// What an answer may be.
    pub takes: Takes,
    /// The words to choose from, where only these are answers.
    #[serde(default)]
    pub one_of: Vec<String>,
    /// The answer that stands there first.
    #[serde(default)]
    pub first: String,
}

/// What an answer may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Takes {
    /// One word or line.
    Text,
    /// Several, with commas between them; none of them `*`.
    Names,
    /// Addresses of single hosts or narrow networks, with commas between them.
    Addresses,
    /// Origins such as `https://claw.example.com`, with commas between them.
    Origins,
}

impl Takes {
    /// Tells whether an answer is a list.
    #[must_use]
    pub fn is_list(self) -> bool {
        self != Self::Text
    }
}

/// The name that stands for the account or agent a move is about.
pub const SUBJECT: &str = "subject";

impl Move {
    /// Returns the names that stand between braces in what it does and says.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let rows = self.set.iter().flat_map(|row| [&row.value, &row.add, &row.remove]);
        let values = rows.flatten().filter_map(toml::Value::as_str);
        let texts = self.steps.iter().chain(&self.undo).map(String::as_str);
        let texts = texts.chain([self.says.as_str()]).chain(values);
        let names = texts.flat_map(|text| text.split('{').skip(1)).filter_map(|rest| {
            let (name, _) = rest.split_once('}')?;
            let plain = |c: char| c.is_ascii_lowercase() || c == '-';
            (!name.is_empty() && name.chars().all(plain)).then(|| name.to_owned())
        });
        names.collect()
    }

    /// Returns what it does while nothing was said yet: each name in brackets.
    #[must_use]
    pub fn title(&self) -> String {
        self.open(&self.says)
    }

    /// Writes a text while nothing was said yet: each name in brackets.
    #[must_use]
    pub fn open(&self, text: &str) -> String {
        let subject = if self.each == Some(Each::Account) { "account" } else { "name" };
        let text = text.replace(&format!("{{{SUBJECT}}}"), &format!("[{subject}]"));
        let asked = |text: String, ask: &Ask| {
            text.replace(&format!("{{{}}}", ask.name), &format!("[{}]", ask.name))
        };
        self.asks.iter().fold(text, asked)
    }

    /// Tells whether it leads to a pattern.
    #[must_use]
    pub fn leads_to(&self, pattern: &str) -> bool {
        self.patterns.is_empty() || self.patterns.iter().any(|id| id == pattern)
    }
}
