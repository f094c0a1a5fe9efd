//! The change in progress: what was answered, accepted, planned and run, as a log that only grows.
//!
//! The log is the draft on disk, one JSON line an entry. Everything else — verdicts, blockers,
//! progress — is worked out from it and never stored. Undoing is an entry too.

mod gate;
mod rehearsed;
mod review;
mod since;

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use chrono::DateTime;
use chrono::FixedOffset;
use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;

pub use self::gate::before_widening;
pub use self::gate::comes_first;
pub use self::rehearsed::Rehearsed;
pub use self::rehearsed::check as rehearsal_check;
pub use self::review::Blocker;
pub use self::review::FindingState;
pub use self::review::Review;
pub use self::review::Seriousness;
pub use self::review::Settled;
pub use self::review::review;
pub use self::since::Since;

use crate::openclaw::patch;
use crate::residual::Residual;
use crate::verdict::Run;
use crate::verdict::Sighting;
use crate::verdict::Statement;
use crate::verdict::Verdict;

/// The schema a draft's first line names.
pub const SCHEMA: &str = "portcullis/draft";

/// The first line of a draft: what the change is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// The version of the shape.
    pub version: u32,
    /// The name of the change, four hex digits for people.
    pub change: String,
    /// The runbook's id.
    pub runbook: String,
    /// The runbook's revision.
    pub revision: String,
    /// The runbook's digest.
    pub runbook_sha256: String,
    /// The target.
    pub target: String,
    /// When it began.
    pub started: DateTime<FixedOffset>,
    /// Whether it runs on the sample gateway.
    pub demo: bool,
}

/// One line of a draft after the first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Counts up from 1.
    pub seq: u64,
    /// When.
    pub at: DateTime<FixedOffset>,
    /// What was done.
    pub op: Op,
    /// To what: an item, entry, note, check or finding.
    pub item: String,
    /// With what.
    pub value: Value,
}

impl Entry {
    /// Tells whether it is about something that happened in the world, which no entry takes back.
    fn happened(&self) -> bool {
        match self.op {
            Op::Run => true,
            Op::Move => {
                let done = self.value.get("done").is_some();
                done || [KEPT, UNDONE, NOT_WRITTEN].iter().any(|word| self.value == *word)
            }
            Op::Answer | Op::Accept | Op::Undo => false,
        }
    }
}

/// What an entry does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Op {
    /// Answers: a word, a value, the pattern.
    Answer,
    /// Accepts a finding or an item.
    Accept,
    /// Puts a move into the plan, or takes it out.
    Move,
    /// Keeps what a check came to.
    Run,
    /// Takes an earlier entry back.
    Undo,
}

/// The chosen pattern and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// The pattern's id.
    pub pattern: String,
    /// What needs it.
    pub reason: String,
}

/// A confirmed value of the inventory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// What was recorded.
    pub value: String,
    /// Whether the operator wrote it instead of taking what was found.
    pub edited: bool,
    /// What was found when it was recorded, so that a later difference shows.
    pub found: String,
}

/// A move in the plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Planned {
    /// What it does.
    pub says: String,
    /// The patch it writes, as config.
    pub patch: Value,
    /// What is done outside the config.
    pub steps: Vec<String>,
    /// What takes the steps back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undo: Vec<String>,
}

/// What came of a move that was applied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Done {
    /// When it was applied.
    pub at: DateTime<FixedOffset>,
    /// The digest of the config before it.
    pub before: String,
    /// And after it.
    pub after: String,
    /// Whom it let in that was not let in before, one sentence each.
    pub widens: Vec<String>,
    /// The folder of the backup.
    pub backup: String,
    /// The command that puts the backup back.
    pub undo: String,
    /// When it is put back by itself, unless the change is kept.
    pub undone_at: Option<DateTime<FixedOffset>>,
    /// The file by which it is kept.
    pub keep: Option<String>,
    /// Whether everything was as the patch says when it was looked at.
    pub met: bool,
    /// Whether all of it could be looked at.
    pub measured: bool,
    /// How the steps of the validation stood for the move before this one.
    pub validated: Vec<(String, Verdict)>,
    /// When it was seen to be undone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undone: Option<DateTime<FixedOffset>>,
    /// Whether it was only begun, and nobody has seen yet what came of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub begun: bool,
}

impl Done {
    /// Says what was true after it, as part of a sentence.
    #[must_use]
    pub fn said(&self) -> &'static str {
        match (self.met, self.measured) {
            (true, true) => "read back, as the patch says",
            (true, false) => "read back, and not all of it could be measured",
            (false, true) => "read back, and not all of it was true",
            (false, false) => "not seen to be true, or only in part",
        }
    }

    /// Tells whether it was seen to be undone, or the config of this digest is again as it was before.
    #[must_use]
    pub fn is_undone(&self, digest: &str) -> bool {
        self.undone.is_some() || (self.before != self.after && digest == self.before)
    }
}

/// A move that was applied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Applied {
    /// What it was to do.
    #[serde(flatten)]
    pub planned: Planned,
    /// What came of it.
    pub done: Done,
}

impl Planned {
    /// Writes the move as a patch file, with what it does above it.
    #[must_use]
    pub fn text(&self) -> String {
        let undo = self.undo.iter().map(|step| format!("to take it back: {step}"));
        let elsewhere: Vec<String> = self.steps.iter().cloned().chain(undo).collect();
        patch::explained(&self.patch, &self.says, &elsewhere)
    }
}

/// What the operator adds to a change.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// Chooses the pattern.
    Choose(Choice),
    /// Records an entry of the inventory.
    Record(String, Recorded),
    /// Keeps what was seen on a card.
    Saw(Box<Sighting>),
    /// Gives their word for an item, or acknowledges a note.
    Say(String, Statement),
    /// Accepts a finding or an item.
    Accept(Residual),
    /// Puts a move into the plan.
    Plan(String, Planned),
    /// Takes a move out of the plan.
    Unplan(String),
    /// Keeps what came of a move that was applied.
    Applied(String, Box<Applied>),
    /// Says that an applied move is kept and not undone by itself.
    Kept(String),
    /// Says that an applied move was undone.
    Undone(String),
    /// Says that nothing was written of a move that was begun.
    NotWritten(String),
    /// Keeps what a check came to.
    Ran(Box<Run>),
}

/// What an entry says of a move that is kept.
const KEPT: &str = "kept";

/// And of one that was undone.
const UNDONE: &str = "undone";

/// And of one that was begun and not written.
const NOT_WRITTEN: &str = "not written";

/// The item under which the pattern is answered.
const PATTERN: &str = "pattern";

/// A change in progress.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// What it is about.
    pub header: Header,
    entries: Vec<Entry>,
}

impl Change {
    /// Begins a change.
    #[must_use]
    pub fn begin(header: Header) -> Self {
        Self { header, entries: Vec::new() }
    }

    /// Returns every entry, the oldest first.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Adds what the operator did and returns the entry to be saved.
    pub fn act(&mut self, act: Act, at: DateTime<FixedOffset>) -> Entry {
        let (op, item, value) = match act {
            Act::Choose(choice) => (Op::Answer, PATTERN.to_owned(), json(&choice)),
            Act::Record(entry, recorded) => (Op::Answer, entry, json(&recorded)),
            Act::Saw(sighting) => (Op::Answer, sighting.card.clone(), json(&sighting)),
            Act::Say(item, statement) => (Op::Answer, item, json(&statement)),
            Act::Accept(residual) => (Op::Accept, residual.subject.clone(), json(&residual)),
            Act::Plan(item, planned) => (Op::Move, item, json(&planned)),
            Act::Unplan(item) => (Op::Move, item, Value::Null),
            Act::Applied(item, applied) => (Op::Move, item, json(&applied)),
            Act::Kept(item) => (Op::Move, item, KEPT.into()),
            Act::Undone(item) => (Op::Move, item, UNDONE.into()),
            Act::NotWritten(item) => (Op::Move, item, NOT_WRITTEN.into()),
            Act::Ran(run) => (Op::Run, run.check.clone(), json(&run)),
        };
        self.push(op, item, value, at)
    }

    /// Takes back the newest answer, acceptance or plan that still stands; what was run or applied
    /// stays.
    ///
    /// Returns the entry to be saved and the item whose answer was taken back.
    pub fn undo(&mut self, at: DateTime<FixedOffset>) -> Option<(Entry, String)> {
        let standing = self.standing().filter(|entry| !entry.happened()).last()?;
        let (seq, item) = (standing.seq, standing.item.clone());
        let entry = self.push(Op::Undo, item.clone(), Value::from(seq), at);
        Some((entry, item))
    }

    fn push(&mut self, op: Op, item: String, value: Value, at: DateTime<FixedOffset>) -> Entry {
        let seq = self.entries.last().map_or(0, |entry| entry.seq) + 1;
        let entry = Entry { seq, at, op, item, value };
        self.entries.push(entry.clone());
        entry
    }

    /// Returns the entries that were not taken back.
    fn standing(&self) -> impl Iterator<Item = &Entry> {
        let undone: BTreeSet<u64> = (self.entries.iter())
            .filter(|entry| entry.op == Op::Undo)
            .filter_map(|entry| entry.value.as_u64())
            .collect();
        let stands = move |entry: &&Entry| entry.op != Op::Undo && !undone.contains(&entry.seq);
        self.entries.iter().filter(stands)
    }

    /// Returns what stands now.
    #[must_use]
    pub fn answers(&self) -> Answers {
        let mut answers = Answers::default();
        for entry in self.standing() {
            answers.take(entry);
        }
        answers
    }

    /// Reads a draft.
    ///
    /// # Errors
    ///
    /// When the first line is no header of a draft this version knows, or a line in the middle
    /// cannot be read. A torn last line is dropped and said.
    pub fn read(text: &str) -> Result<(Self, Option<Torn>), DraftError> {
        let mut lines = text.split_inclusive('\n');
        let first = lines.next().unwrap_or_default();
        let header: Header =
            serde_json::from_str(first).map_err(|why| DraftError::Header(why.to_string()))?;
        if header.schema != SCHEMA || header.version != 1 {
            return Err(DraftError::Schema { schema: header.schema, version: header.version });
        }
        let mut entries = Vec::new();
        let mut whole = first.len();
        let lines: Vec<&str> = lines.collect();
        for (index, line) in lines.iter().enumerate() {
            let last = index + 1 == lines.len();
            match serde_json::from_str::<Entry>(line) {
                Ok(entry) if line.ends_with('\n') => {
                    whole += line.len();
                    entries.push(entry);
                }
                _ if last => return Ok((Self { header, entries }, Some(Torn { whole }))),
                Ok(_) => {
                    return Err(DraftError::Line { line: index + 2, why: "it is torn".into() });
                }
                Err(why) => {
                    return Err(DraftError::Line { line: index + 2, why: why.to_string() });
                }
            }
        }
        Ok((Self { header, entries }, None))
    }

    /// Writes one line of a draft.
    #[must_use]
    pub fn line<T: Serialize>(entry: &T) -> String {
        let mut line = json(entry).to_string();
        line.push('\n');
        line
    }
}

/// A draft whose last line was cut off while it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Torn {
    /// How many bytes of the file are whole.
    pub whole: usize,
}

/// Why a draft cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DraftError {
    /// The first line is not a header.
    #[error("its first line is no draft header: {0}")]
    Header(String),
    /// It is something else, or newer.
    #[error("it says it is `{schema}` version {version}; this program reads `{SCHEMA}` version 1")]
    Schema {
        /// What it says it is.
        schema: String,
        /// The version it names.
        version: u32,
    },
    /// A line in the middle cannot be read.
    #[error("line {line} cannot be read: {why}")]
    Line {
        /// Which line.
        line: usize,
        /// Why.
        why: String,
    },
}

/// What stands of a change: the newest of each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answers {
    /// The chosen pattern.
    pub choice: Option<Choice>,
    /// The inventory as recorded.
    pub inventory: BTreeMap<String, (Recorded, DateTime<FixedOffset>)>,
    /// What people said, by item or note.
    pub words: BTreeMap<String, Statement>,
    /// What was seen on cards, by card.
    pub sightings: BTreeMap<String, Sighting>,
    /// What was accepted, by item or finding.
    pub residuals: BTreeMap<String, Residual>,
    /// The plan, in the order it was made.
    pub plan: Vec<(String, Planned)>,
    /// The moves that were applied, the oldest first.
    pub applied: Vec<(String, Applied)>,
    /// The move that was begun and of which nobody has seen yet what came of it.
    pub begun: Option<(String, Applied)>,
    /// The newest run of each check.
    pub runs: BTreeMap<String, Run>,
    /// What the newest run of each check changed among its findings, where both it and the one
    /// before measured.
    pub since: BTreeMap<String, Since>,
    /// What the last run of each check that measured found.
    pub found: BTreeMap<String, BTreeSet<String>>,
}

/// What an answer other than the pattern holds.
#[derive(Deserialize)]
#[serde(untagged)]
enum Said {
    Sighting(Sighting),
    Recorded(Recorded),
    Statement(Statement),
}

impl Answers {
    fn take(&mut self, entry: &Entry) {
        let item = entry.item.clone();
        match entry.op {
            Op::Undo => {}
            Op::Accept => {
                if let Ok(residual) = serde_json::from_value(entry.value.clone()) {
                    self.residuals.insert(item, residual);
                }
            }
            Op::Run => {
                if let Ok(run) = serde_json::from_value::<Run>(entry.value.clone()) {
                    self.ran(item, run);
                }
            }
            Op::Move if entry.value == KEPT || entry.value == UNDONE => {
                let mut moves = self.applied.iter_mut().rev();
                if let Some((_, applied)) = moves.find(|(id, _)| *id == item) {
                    applied.done.undone_at = None;
                    applied.done.undone = (entry.value == UNDONE).then_some(entry.at);
                }
            }
            Op::Move if entry.value == NOT_WRITTEN => self.begun = None,
            Op::Move => {
                let applied = serde_json::from_value::<Applied>(entry.value.clone()).ok();
                if let Some(begun) = applied.as_ref().filter(|applied| applied.done.begun) {
                    self.begun = Some((item, begun.clone()));
                    return;
                }
                self.plan.retain(|(planned, _)| *planned != item);
                if let Some(applied) = applied {
                    self.begun = None;
                    self.applied.push((item, applied));
                    return;
                }
                if let Ok(planned) = serde_json::from_value(entry.value.clone()) {
                    self.plan.push((item, planned));
                }
            }
            Op::Answer if item == PATTERN => {
                self.choice =
                    serde_json::from_value(entry.value.clone()).ok().or(self.choice.take());
            }
            Op::Answer => match serde_json::from_value(entry.value.clone()) {
                Ok(Said::Sighting(sighting)) => {
                    self.sightings.insert(item, sighting);
                }
                Ok(Said::Recorded(recorded)) => {
                    self.inventory.insert(item, (recorded, entry.at));
                }
                Ok(Said::Statement(statement)) => {
                    self.words.insert(item, statement);
                }
                Err(_) => {}
            },
        }
    }
}

impl Answers {
    /// Keeps a run, and how its findings differ from those of the last one that measured.
    fn ran(&mut self, check: String, run: Run) {
        if let Some(now) = since::keys(&run) {
            if let Some(before) = self.found.get(&check) {
                self.since.insert(check.clone(), Since::between(before, &now));
            }
            self.found.insert(check.clone(), now);
        } else {
            self.since.remove(&check);
        }
        self.runs.insert(check, run);
    }
}

fn json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or(Value::Null)
}
