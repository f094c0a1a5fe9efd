//! What was seen on a card: run here, pasted, or typed; and what its rule makes of it.

use chrono::DateTime;
use chrono::FixedOffset;
use chrono::TimeDelta;
use serde::Deserialize;
use serde::Serialize;
use sha2::Digest;
use sha2::Sha256;

use crate::openclaw::fact;
use crate::openclaw::sight;
use crate::openclaw::witness::Asked;
use crate::runbook::Card;
use crate::runbook::Judge;
use crate::runbook::Reads;
use crate::verdict::Evidence;
use crate::verdict::FRESH_HOURS;
use crate::verdict::Run;
use crate::verdict::Truth;
use crate::verdict::truth;

/// How much of an answer is kept.
const KEPT: usize = 24_000;

/// What stands below an answer whose end was cut off.
const SHORTENED: &str = "\n[shortened]\n";

/// How an answer came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// The wizard ran the card's command.
    Ran,
    /// It was pasted.
    Pasted,
    /// Somebody wrote down what they saw.
    Typed,
}

impl How {
    /// Returns the word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Ran => "run here",
            Self::Pasted => "pasted",
            Self::Typed => "typed",
        }
    }
}

/// An answer to a card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// The card, `card.<item>.<n>`.
    pub card: String,
    /// How it came.
    pub how: How,
    /// The answer, masked, shortened.
    pub says: String,
    /// SHA-256 of the whole masked answer, in hex.
    pub sha256: String,
    /// The exit status of the command, where it was run here.
    pub status: Option<i32>,
    /// Who brought it.
    pub who: String,
    /// When.
    pub at: DateTime<FixedOffset>,
    /// Where it was seen from.
    pub vantage: String,
    /// Digest of the config at that moment; none where it could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<String>,
}

impl Sighting {
    /// Takes an answer, which is masked already.
    #[must_use]
    pub fn new(card: &str, how: How, says: &str, at: DateTime<FixedOffset>) -> Self {
        let mut kept: String = says.chars().take(KEPT).collect();
        if kept.len() < says.len() {
            kept.push_str(SHORTENED);
        }
        Self {
            card: card.to_owned(),
            how,
            says: kept,
            sha256: format!("{:x}", Sha256::digest(says.as_bytes())),
            status: None,
            who: String::new(),
            at,
            vantage: String::new(),
            config: None,
        }
    }

    /// Tells whether its end was cut off.
    #[must_use]
    pub fn is_shortened(&self) -> bool {
        self.says.ends_with(SHORTENED)
    }

    /// Tells whether it still counts.
    #[must_use]
    pub fn counts(&self, now: DateTime<FixedOffset>) -> bool {
        now - self.at <= TimeDelta::hours(FRESH_HOURS)
    }

    /// Says where it comes from, in a few words.
    #[must_use]
    pub fn origin(&self) -> String {
        let at = self.at.format("%Y-%m-%d %H:%M");
        let digest: String = self.sha256.chars().take(12).collect();
        format!(
            "{} from {} by {} at {at}, sha256 {digest}…",
            self.how.word(),
            self.vantage,
            self.who
        )
    }
}

/// Names a card by its item and its place there, from 0.
#[must_use]
pub fn card_id(item: &str, place: usize) -> String {
    format!("card.{item}.{}", place + 1)
}

/// Returns the item that a card belongs to.
#[must_use]
pub fn item_of(card: &str) -> Option<&str> {
    let (item, _) = card.strip_prefix("card.")?.rsplit_once('.')?;
    Some(item)
}

/// What a card's rule makes of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judged {
    /// The card has no rule.
    NoRule,
    /// The answer could not be read, and why.
    Unread(String),
    /// It was read; this holds.
    Read(Truth),
}

impl Judged {
    /// Returns what it proves.
    #[must_use]
    pub fn truth(&self) -> Truth {
        match self {
            Self::NoRule | Self::Unread(_) => Truth::Unknown,
            Self::Read(truth) => *truth,
        }
    }
}

/// Holds an answer against its card's rule.
#[must_use]
pub fn judged(card: &Card, sighting: &Sighting, asked: &Asked) -> Judged {
    let Some(judge) = &card.judge else { return Judged::NoRule };
    if sighting.is_shortened() {
        return Judged::Unread("it is too long to be kept whole".to_owned());
    }
    // A connection that is refused, a count of none: these end with a status of their own.
    let own_status =
        matches!(judge.reads, Reads::Reach | Reads::Count | Reads::Status | Reads::Backup);
    if let Some(status) = sighting.status.filter(|status| *status != 0 && !own_status) {
        return Judged::Unread(format!("the command ended with status {status}"));
    }
    let empty = sighting.says.trim().is_empty();
    if empty && sighting.status.is_none() {
        return Judged::Unread("it is empty".to_owned());
    }
    match sight::read(judge.reads, &sighting.says, asked) {
        Err(why) => Judged::Unread(why.to_string()),
        Ok(observed) => Judged::Read(truth::of_rows(&judge.must, &observed)),
    }
}

/// Returns what an answer is as evidence.
pub(super) fn evidence(card: &Card, sighting: &Sighting, judged: &Judged) -> Evidence {
    let first = sighting.says.lines().map(str::trim).find(|line| !line.is_empty());
    let first: String = first.unwrap_or("nothing").chars().take(120).collect();
    let title = &card.title;
    let says = match judged {
        Judged::Unread(why) => format!("{title}: {first} (not read: {why})"),
        Judged::NoRule | Judged::Read(_) => format!("{title}: {first}"),
    };
    Evidence::other(&sighting.card, says, sighting.origin(), judged.truth())
}

/// Returns what an imported answer says on a card that reads its kind.
pub(super) fn imported(id: &str, card: &Card, run: &Run) -> Option<Evidence> {
    let (report, judge) = (run.report()?, card.judge.as_ref()?);
    let truth = truth::of_rows(&judge.must, &report.observed);
    let note = report.notes.first().map_or("", String::as_str);
    let says = format!("{}: {note}", card.title);
    Some(Evidence::other(id, says, run.vantage().unwrap_or_default(), truth))
}

/// Returns what in a rule leads nowhere, for the kind of answer it reads.
pub(super) fn lint(from: &str, judge: &Judge) -> Vec<String> {
    let rows = judge.must.iter();
    let unknown = rows.filter(|row| sight::path(judge.reads, &row.path).is_none());
    let said = unknown.map(|row| {
        let known = sight::PATHS.iter().map(|path| path.name);
        let known = known.filter(|name| sight::path(judge.reads, name).is_some());
        let known: Vec<&str> = known.collect();
        let hint =
            if fact::path(&row.path).is_some() { ", which its answer does not tell" } else { "" };
        format!("the card of `{from}` reads `{}`{hint}; known are {}", row.path, known.join(", "))
    });
    said.collect()
}
