//! The runbook as written: patterns, inventory, checks, items and templates, read from TOML.
//!
//! A runbook is data. Everything an operator reads or settles stands in `runbooks/*.toml`; this
//! room only gives it types and refuses what does not fit. It knows no facts and no commands:
//! the paths that rules read and the commands that checks name are held against the real lists
//! in [`crate::verdict`].

mod item;
mod lint;
mod meaning;
mod moves;
mod rule;
mod template;

use schemars::JsonSchema;
use serde::Deserialize;
use sha2::Digest;
use sha2::Sha256;

pub use self::item::Applies;
pub use self::item::Card;
pub use self::item::Closes;
pub use self::item::Fix;
pub use self::item::FixRow;
pub use self::item::Item;
pub use self::item::Judge;
pub use self::item::Reads;
pub use self::item::Word;
pub use self::lint::DocumentError;
pub use self::meaning::Meaning;
pub use self::moves::Ask;
pub use self::moves::Move;
pub use self::moves::SUBJECT;
pub use self::moves::Takes;
pub use self::rule::Each;
pub use self::rule::Op;
pub use self::rule::Row;
pub use self::rule::Rows;
pub use self::rule::Rule;
pub use self::template::Outside;
pub use self::template::Rollback;
pub use self::template::Template;
pub use self::template::TemplateKey;

/// The runbook that comes with the program.
pub const GATEWAY_EXPOSURE: &str = include_str!("../runbooks/gateway-exposure.toml");

/// The port that OpenClaw listens on where nothing else is said.
const DEFAULT_PORT: &str = "18789";

/// A versioned document of patterns, inventory, checks, items and templates.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Runbook {
    /// The name by which `--runbook` finds it, such as `gateway-exposure`.
    pub id: String,
    /// The heading on every screen.
    pub title: String,
    /// Which state of the text this is; a record names it.
    pub revision: String,
    /// The page whose statements this runbook carries.
    pub source: String,
    /// The OpenClaw version whose keys and defaults the rules were written against.
    pub openclaw: String,
    /// Sentences that are read, and some that must be acknowledged.
    #[serde(default, rename = "note")]
    pub notes: Vec<Note>,
    /// The exposure patterns, narrowest first.
    #[serde(rename = "pattern")]
    pub patterns: Vec<Pattern>,
    /// What must be recorded before anything changes.
    #[serde(rename = "inventory")]
    pub inventory: Vec<Entry>,
    /// The commands whose findings must be settled.
    #[serde(rename = "check")]
    pub checks: Vec<Check>,
    /// The minimum safe baseline.
    pub baseline: Template,
    /// The way back, and what must follow it.
    pub rollback: Rollback,
    /// The reviewed areas, a step each.
    #[serde(rename = "section")]
    pub sections: Vec<Section>,
    /// What is proved after each change.
    pub validation: Vec<Item>,
    /// The last review before signing.
    pub checklist: Vec<Item>,
    /// The widening moves, in the order in which they are made.
    #[serde(default, rename = "move")]
    pub moves: Vec<Move>,
    /// Findings that a pattern always raises, and what accepting them takes.
    #[serde(default, rename = "by_design")]
    pub by_design: Vec<ByDesign>,
    /// What is known of findings, by check id. One that is not here is shown all the same.
    #[serde(default, rename = "finding")]
    pub meanings: Vec<Meaning>,
}

/// A sentence shown at a step.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Note {
    /// Unique in the document.
    pub id: String,
    /// The step it stands at: `pattern`, `inventory`, `checks`, `templates`, a section's id,
    /// `change`, `validation`, `checklist` or `sign-off`.
    pub step: String,
    /// The sentence.
    pub text: String,
    /// Where the sentence comes from.
    pub source: String,
    /// Whether the operator must acknowledge it once, and the record says so.
    #[serde(default)]
    pub acknowledge: bool,
    /// When it matters; always, where absent.
    pub applies: Option<Applies>,
}

/// One way of exposing a gateway, with the controls it requires.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pattern {
    /// Unique in the document; rules compare `answer.pattern` with it.
    pub id: String,
    /// The name on its card.
    pub title: String,
    /// When it is the right choice.
    pub recommended: String,
    /// Said on the card before anyone chooses it.
    pub warning: Option<String>,
    /// Met while the live config is in this pattern.
    pub now: Option<Rule>,
    /// What must hold once it is chosen.
    #[serde(default, rename = "control")]
    pub controls: Vec<Item>,
}

/// One thing to record before a change.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Unique in the document.
    pub id: String,
    /// A few words for the list.
    pub title: String,
    /// What to record.
    pub statement: String,
    /// Why it is asked for.
    pub why: String,
    /// The facts that fill it in, in the order shown.
    #[serde(default)]
    pub facts: Vec<String>,
    /// The table shown under it.
    pub table: Option<Table>,
    /// Where the entry comes from.
    pub source: String,
}

/// A table of subjects under an inventory entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Table {
    /// One row a channel account, with the agents it reaches.
    Accounts,
    /// One row an agent, with its tools.
    Agents,
}

/// A command whose answer is evidence.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// Unique in the document.
    pub id: String,
    /// What it is for.
    pub statement: String,
    /// Why it is run.
    pub why: String,
    /// The command, by the name under which the program knows it.
    pub command: String,
    /// Whether signing waits for it.
    pub need: Need,
    /// Where the check comes from.
    pub source: String,
}

/// Whether signing waits for a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    /// It must be measured, or its absence accepted.
    Required,
    /// It is offered.
    OnRequest,
    /// It proves items and is run from them.
    Proof,
}

/// A reviewed area: a step of the wizard with its items.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Section {
    /// Unique in the document.
    pub id: String,
    /// The name of the step.
    pub title: String,
    /// What the section starts from, in one or two sentences.
    pub intro: String,
    /// When the section matters at all; always, where absent.
    pub applies: Option<Applies>,
    /// What is settled here.
    #[serde(rename = "item")]
    pub items: Vec<Item>,
}

/// A finding that comes with a pattern, so that accepting it needs named evidence, not a tick.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ByDesign {
    /// The audit's check id.
    pub check_id: String,
    /// The patterns that raise it.
    pub patterns: Vec<String>,
    /// Why it is there however well the gateway is set up; offered as the reason.
    pub because: String,
    /// The items that must be settled before it can be accepted.
    #[serde(default)]
    pub evidence: Vec<String>,
}

impl Runbook {
    /// Reads a runbook.
    ///
    /// # Errors
    ///
    /// Whatever TOML or the shape refuses, with line and caret; and what the shape cannot say:
    /// ids used twice, names that lead nowhere.
    pub fn parse(text: &str) -> Result<Self, DocumentError> {
        let runbook: Self = toml::from_str(text)?;
        lint::check(&runbook, text)?;
        Ok(runbook)
    }

    /// Returns the JSON Schema of a runbook.
    #[must_use]
    pub fn schema() -> serde_json::Value {
        schemars::schema_for!(Runbook).to_value()
    }

    /// Returns the SHA-256 of a runbook's text, in hex.
    #[must_use]
    pub fn digest(text: &str) -> String {
        format!("{:x}", Sha256::digest(text.as_bytes()))
    }

    /// Finds a pattern by its id.
    #[must_use]
    pub fn pattern(&self, id: &str) -> Option<&Pattern> {
        self.patterns.iter().find(|pattern| pattern.id == id)
    }

    /// Returns a runbook's text as it reads for a gateway on this port.
    ///
    /// A runbook writes OpenClaw's default port wherever it means the gateway's.
    #[must_use]
    pub fn at_port(text: &str, port: u16) -> String {
        text.replace(DEFAULT_PORT, &port.to_string())
    }

    /// Returns a pattern's place in the order from narrow to wide.
    #[must_use]
    pub fn width(&self, pattern: &str) -> Option<usize> {
        self.patterns.iter().position(|candidate| candidate.id == pattern)
    }

    /// Finds a check by its id.
    #[must_use]
    pub fn check(&self, id: &str) -> Option<&Check> {
        self.checks.iter().find(|check| check.id == id)
    }

    /// Finds a widening move by its id.
    #[must_use]
    pub fn widening(&self, id: &str) -> Option<&Move> {
        self.moves.iter().find(|one| one.id == id)
    }

    /// Returns every item of the document, in the order of the steps.
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        let controls = self.patterns.iter().flat_map(|pattern| &pattern.controls);
        let sections = self.sections.iter().flat_map(|section| &section.items);
        controls
            .chain(sections)
            .chain(&self.validation)
            .chain(&self.checklist)
            .chain(&self.rollback.follow_ups)
    }

    /// Finds the section an item stands in.
    #[must_use]
    pub fn section_of(&self, item: &str) -> Option<&Section> {
        let holds = |section: &&Section| section.items.iter().any(|held| held.id == item);
        self.sections.iter().find(holds)
    }

    /// Finds an item by its id.
    #[must_use]
    pub fn item(&self, id: &str) -> Option<&Item> {
        self.items().find(|item| item.id == id)
    }

    /// Finds what is known of a finding, from the entry that says most of this very one.
    #[must_use]
    pub fn meaning(&self, check_id: &str) -> Option<&Meaning> {
        let about = self.meanings.iter().filter(|meaning| meaning.is_about(check_id));
        about.min_by_key(|meaning| meaning.looseness())
    }

    /// Returns the notes that stand at a step.
    pub fn notes_at<'a>(&'a self, step: &'a str) -> impl Iterator<Item = &'a Note> {
        self.notes.iter().filter(move |note| note.step == step)
    }
}
