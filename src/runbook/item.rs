//! One statement to settle, with what decides it and what to do about it.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::runbook::Rows;
use crate::runbook::Rule;
use crate::runbook::meaning;

/// One statement to settle.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// Unique in the document and never reused: records and residuals name it.
    pub id: String,
    /// What must hold.
    pub statement: String,
    /// What goes wrong where it does not hold.
    pub why: String,
    /// When it has to be settled; always, where absent.
    pub applies: Option<Applies>,
    /// What facts and findings must say. Without a rule the operator's word decides.
    pub rule: Option<Rule>,
    /// What a person's word can do.
    #[serde(default)]
    pub word: Word,
    /// Audit check ids that bear on it; shown beside it.
    #[serde(default)]
    pub findings: Vec<String>,
    /// What puts it right.
    pub fix: Option<Fix>,
    /// The check that proves it when run again, by the check's id.
    pub run: Option<String>,
    /// How to see it with one's own eyes.
    #[serde(default, rename = "card")]
    pub cards: Vec<Card>,
    /// Where the statement comes from.
    pub source: String,
}

impl Item {
    /// Tells whether a finding bears on it; `<word>` in a named id stands for any word.
    #[must_use]
    pub fn is_about(&self, check_id: &str) -> bool {
        self.findings.iter().any(|named| meaning::stands_for(named, check_id))
    }
}

/// What a person's word can do for an item.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Word {
    /// The rule decides alone.
    #[default]
    Never,
    /// A person may confirm the item while the rule is unmeasured.
    Allowed,
    /// The rule can refute the item; a person confirms what it cannot see.
    Required,
}

/// When something applies. What applies nowhere here is not applicable, and nothing else is.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Applies {
    /// Applies under these patterns, whatever the facts say.
    #[serde(default)]
    pub patterns: Vec<String>,
    /// Applies too where this holds for at least one subject, or cannot be measured.
    pub when: Option<Rule>,
    /// Said where it does not apply.
    pub otherwise: String,
}

/// What puts an item right: config values, steps elsewhere, or both.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fix {
    /// What it does, as the plan of moves lists it.
    pub says: String,
    /// The values to write, for each subject that fails.
    #[serde(default)]
    pub set: Vec<FixRow>,
    /// What to close in the channels of the subjects that fail, at every level that decides it.
    #[serde(default)]
    pub closes: Vec<Closes>,
    /// What to do outside the config.
    #[serde(default)]
    pub steps: Vec<String>,
}

/// What a fix closes in a channel. Who was let in by name stays in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Closes {
    /// Direct messages of strangers: open policies become `pairing`, `*` goes out of the senders.
    Dms,
    /// Groups of strangers: open policies become `allowlist`, `*` goes out of the senders.
    Groups,
    /// The `*` that stands for any room; rooms that are named stay.
    Rooms,
    /// Rooms that were heard without a mention.
    Mentions,
    /// The `*` in who may use elevated tools and commands, whatever the channel.
    Allowlists,
}

/// One value that a fix writes where the fact comes from.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FixRow {
    /// The fact to change.
    pub path: String,
    /// The value to write.
    #[schemars(with = "Option<serde_json::Value>")]
    pub value: Option<toml::Value>,
    /// The value to take out of the list that is there, keeping the rest.
    #[schemars(with = "Option<serde_json::Value>")]
    pub remove: Option<toml::Value>,
    /// The value to put into the list that is there, keeping the rest.
    #[schemars(with = "Option<serde_json::Value>")]
    pub add: Option<toml::Value>,
    /// Whether the value is a list, also where one word was said.
    #[serde(default)]
    pub list: bool,
    /// Whether what stands there is taken out.
    #[serde(default)]
    pub unset: bool,
    /// Words that are left as they stand, for they are as narrow.
    #[serde(default)]
    pub unless: Vec<String>,
    /// Whether it is written for this account or agent alone, also where the fact is inherited.
    #[serde(default)]
    pub own: bool,
}

/// How a person sees for themselves what no config can show.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// A few words for its heading.
    pub title: String,
    /// What the answer proves.
    pub proves: String,
    /// What it leaves open.
    pub leaves_open: String,
    /// The machine to do it on.
    pub place: String,
    /// The command, or the act; on every system, where no other is named for one.
    pub command: String,
    /// What a good answer looks like.
    pub good: String,
    /// The command on macOS, where it is another one.
    pub macos: Option<String>,
    /// The command on Windows, in PowerShell.
    pub windows: Option<String>,
    /// Whether the wizard may run the command itself: on the gateway host, as it stands, without a
    /// shell.
    #[serde(default)]
    pub here: bool,
    /// Whether it was tried on Linux, and not only read about. What is named for macOS and Windows
    /// was read about.
    #[serde(default)]
    pub tried: bool,
    /// What reads the answer, and what must hold of it.
    pub judge: Option<Judge>,
}

/// What reads a card's answer, and what must hold of it.
///
/// An answer that it refutes makes the item not met; one that it finds good is evidence, and the
/// item still takes what it takes.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Judge {
    /// What kind of answer it is.
    pub reads: Reads,
    /// What must hold of it.
    pub must: Rows,
}

/// Kinds of answers that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reads {
    /// HTTP statuses, a line each.
    Status,
    /// What `nc`, `curl`, `nmap` say of a connection.
    Reach,
    /// Plain lines.
    Lines,
    /// One number.
    Count,
    /// The rules of ufw or nft.
    Firewall,
    /// What `ss` or `lsof` say of sockets that listen.
    Sockets,
    /// What `tailscale serve status --json` or `funnel status --json` say.
    Serve,
    /// What `nginx -T` says.
    Nginx,
    /// What `docker ps` says of published ports.
    Docker,
    /// What `openclaw exec-policy show --json` or `openclaw approvals get --json` say.
    ExecPolicy,
    /// What `openclaw sandbox explain --json` says of one session.
    Sandbox,
    /// What `openclaw backup verify --json` says of an archive.
    Backup,
}
