//! What becomes of an answer that was taken on another host: the run it is kept as, and why it does
//! not count where it does not.

use chrono::DateTime;
use chrono::FixedOffset;

use crate::openclaw::errand::Kind;
use crate::openclaw::errand::parcel;
use crate::openclaw::errand::parcel::Answer;
use crate::openclaw::errand::parcel::Span;
use crate::openclaw::finding::Outcome;
use crate::openclaw::witness::Asked;
use crate::runbook::Runbook;
use crate::verdict::Brought;
use crate::verdict::Run;
use crate::verdict::Started;

/// The exit status with which a shell says that there is no such program.
const NOT_FOUND: i32 = 127;

/// An answer that was brought.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// What it is an answer to.
    pub kind: Kind,
    /// The command that was run there.
    pub line: &'a str,
    /// Where it was read from: a file's name, or a paste.
    pub file: &'a str,
    /// SHA-256 of what was read, in hex.
    pub sha256: &'a str,
    /// When the file was written, where it is one.
    pub written: Option<DateTime<FixedOffset>>,
    /// What it says, masked.
    pub text: &'a str,
}

/// What becomes of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Taken {
    /// It was read, and this is kept of it.
    Kept(Box<Run>),
    /// The program is not on that host.
    Absent,
}

/// What all answers that are brought together have in common.
#[derive(Clone, Debug)]
pub struct Journey<'a> {
    /// The runbook whose checks they answer.
    pub runbook: &'a Runbook,
    /// The host they were taken on.
    pub host: &'a str,
    /// Digest of the config here.
    pub digest: &'a str,
    /// What witnesses are asked about.
    pub asked: Asked,
    /// From when to when they were taken, where that was said.
    pub span: Option<Span>,
    /// Why they are not of the config here, where they are not.
    pub untied: Option<String>,
    /// When they are brought.
    pub now: DateTime<FixedOffset>,
}

impl Journey<'_> {
    /// Returns the check that an answer belongs to, or the answer's own name.
    #[must_use]
    pub fn check(&self, name: &str) -> String {
        let check = self.runbook.checks.iter().find(|check| check.command == name);
        check.map_or_else(|| name.to_owned(), |check| check.id.clone())
    }

    /// Reads an answer; nothing where it is none, such as the time.
    #[must_use]
    pub fn taken(&self, arrival: &Arrival<'_>) -> Option<Taken> {
        let check = self.check(arrival.kind.name());
        let answer = Answer::parse(arrival.text);
        let outcome = answer.outcome(arrival.kind, &check, &self.asked)?;
        let witness = matches!(arrival.kind, Kind::Witness(_));
        if witness && answer.status == Some(NOT_FOUND) {
            return Some(Taken::Absent);
        }
        let (at, told_by) = self.when(arrival, &answer);
        let (at, outcome) = if parcel::is_to_come(at, self.now) {
            let why =
                format!("It says that it was taken at {}, which is to come.", at.to_rfc3339());
            (self.now, Outcome::Unmeasured { why, partial: None })
        } else {
            (at.min(self.now), outcome)
        };
        let untied = self.untied.clone().or_else(|| self.outside(arrival, &answer));
        let started = Started {
            check: &check,
            name: arrival.kind.name(),
            at: at.with_timezone(self.now.offset()),
            command: arrival.line.to_owned(),
            config_digest: match untied {
                None => self.digest.to_owned(),
                Some(_) => String::new(),
            },
        };
        let brought = Brought {
            file: arrival.file.to_owned(),
            sha256: arrival.sha256.to_owned(),
            host: self.host.to_owned(),
            told_by: told_by.to_owned(),
            untied,
            read: self.now,
        };
        // Of what other programs print only what was read is kept: the rest is nobody's business.
        let output = match (arrival.kind, &outcome) {
            (Kind::Witness(_), Outcome::Measured(report)) => report.notes.join("\n"),
            (Kind::Witness(_), _) => String::new(),
            _ => answer.body.to_owned(),
        };
        Some(Taken::Kept(Box::new(Run::brought(started, &output, outcome, brought))))
    }

    /// Returns the earliest time at which an answer can have been taken, and what tells it.
    fn when(
        &self,
        arrival: &Arrival<'_>,
        answer: &Answer<'_>,
    ) -> (DateTime<FixedOffset>, &'static str) {
        let told = [
            (answer.time(), "the answer itself"),
            (self.span.map(|span| span.from), "the time brought with it"),
            (arrival.written, "the file's own time"),
        ];
        let told = told.into_iter().filter_map(|(at, by)| Some((at?, by)));
        told.min_by_key(|(at, _)| *at).unwrap_or((self.now, "nothing"))
    }

    /// Says why an answer was not taken while the config was summed; nothing where it was.
    fn outside(&self, arrival: &Arrival<'_>, answer: &Answer<'_>) -> Option<String> {
        let Some(span) = self.span else {
            return Some("nothing says when the config was summed".to_owned());
        };
        let written = arrival.written.filter(|written| *written < span.from);
        let times = answer.time().into_iter().chain(written);
        times.filter_map(|time| span.excludes(time)).map(str::to_owned).next()
    }

    /// Says why a run does not count; nothing where it does.
    #[must_use]
    pub fn why_not(&self, run: &Run) -> Option<String> {
        if let Some(why) = run.brought.as_ref().and_then(|brought| brought.untied.clone()) {
            return Some(why);
        }
        let counts = run.counts(self.digest, self.now);
        (!counts).then(|| "it was taken more than a day ago".to_owned())
    }

    /// Tells whether a run that is known counts where one that was brought does not, or is newer than
    /// that and counts no less.
    #[must_use]
    pub fn is_better(&self, known: &Run, brought: &Run) -> bool {
        let counts = |run: &Run| run.counts(self.digest, self.now);
        match (counts(known), counts(brought)) {
            (true, false) => true,
            (false, true) => false,
            (true, true) | (false, false) => known.at > brought.at,
        }
    }
}
