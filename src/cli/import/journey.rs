//! What becomes of the answers that were brought, and how that is told.

use chrono::DateTime;
use chrono::FixedOffset;
use chrono::TimeDelta;
use serde_json::Value;
use serde_json::json;

use crate::cli::import::Parcel;
use crate::cli::wizard::Scene;
use crate::openclaw::errand::Kind;
use crate::openclaw::errand::parcel;
use crate::openclaw::errand::parcel::Answer;
use crate::openclaw::errand::parcel::Span;
use crate::openclaw::finding::Outcome;
use crate::openclaw::witness::Asked;
use crate::runbook::Runbook;
use crate::text::Shown;
use crate::verdict::Brought;
use crate::verdict::FRESH_HOURS;
use crate::verdict::Run;
use crate::verdict::Started;

/// The exit status with which a shell says that there is no such program.
const NOT_FOUND: i32 = 127;

/// What becomes of an answer.
pub(super) enum Taken {
    /// It was read and is kept.
    Kept(Box<Run>),
    /// The program is not on that host.
    Absent(&'static str),
    /// The draft holds a newer one, or one that counts where this does not.
    Older(&'static str),
}

/// What all answers have in common.
pub(super) struct Journey<'a> {
    pub(super) scene: &'a Scene,
    pub(super) runbook: &'a Runbook,
    pub(super) host: &'a str,
    pub(super) asked: Asked,
    pub(super) span: Option<Span>,
    /// Why they are not of the config here, where they are not.
    pub(super) untied: Option<String>,
    pub(super) now: DateTime<FixedOffset>,
}

impl Journey<'_> {
    /// Returns the check that an answer belongs to, or the answer's own name.
    pub(super) fn check(&self, name: &str) -> String {
        let check = self.runbook.checks.iter().find(|check| check.command == name);
        check.map_or_else(|| name.to_owned(), |check| check.id.clone())
    }

    /// Reads an answer; nothing where it is none, such as the time.
    pub(super) fn taken(&self, parcel: &Parcel) -> Option<Taken> {
        let name = parcel.errand.name();
        let check = self.check(name);
        let answer = Answer::parse(&parcel.text);
        let outcome = answer.outcome(parcel.errand.kind, &check, &self.asked)?;
        let witness = matches!(parcel.errand.kind, Kind::Witness(_));
        if witness && answer.status == Some(NOT_FOUND) {
            return Some(Taken::Absent(name));
        }
        let (at, told_by) = self.when(parcel, &answer);
        let (at, outcome) = if parcel::is_to_come(at, self.now) {
            let why =
                format!("It says that it was taken at {}, which is to come.", at.to_rfc3339());
            (self.now, Outcome::Unmeasured { why, partial: None })
        } else {
            (at.min(self.now), outcome)
        };
        let untied = self.untied.clone().or_else(|| self.outside(parcel, &answer));
        let started = Started {
            check: &check,
            name,
            at: at.with_timezone(self.now.offset()),
            command: parcel.errand.line.clone(),
            config_digest: match untied {
                None => self.scene.live.digest().to_owned(),
                Some(_) => String::new(),
            },
        };
        let brought = Brought {
            file: parcel.file.clone(),
            sha256: parcel.piece.sha256.clone(),
            host: self.host.to_owned(),
            told_by: told_by.to_owned(),
            untied,
            read: self.now,
        };
        // Of what other programs print only what was read is kept: the rest is nobody's business.
        let output = match (parcel.errand.kind, &outcome) {
            (Kind::Witness(_), Outcome::Measured(report)) => report.notes.join("\n"),
            (Kind::Witness(_), _) => String::new(),
            _ => answer.body.to_owned(),
        };
        Some(Taken::Kept(Box::new(Run::brought(started, &output, outcome, brought))))
    }

    /// Returns the earliest time at which an answer can have been taken, and what tells it.
    fn when(&self, parcel: &Parcel, answer: &Answer<'_>) -> (DateTime<FixedOffset>, &'static str) {
        let told = [
            (answer.time(), "the answer itself"),
            (self.span.map(|span| span.from), "the time brought with it"),
            (Some(parcel.piece.written), "the file's own time"),
        ];
        let told = told.into_iter().filter_map(|(at, by)| Some((at?, by)));
        told.min_by_key(|(at, _)| *at).unwrap_or((self.now, "nothing"))
    }

    /// Says why an answer was not taken while the config was summed; nothing where it was.
    fn outside(&self, parcel: &Parcel, answer: &Answer<'_>) -> Option<String> {
        let Some(span) = self.span else {
            return Some("nothing says when the config was summed".to_owned());
        };
        let written = Some(parcel.piece.written).filter(|written| *written < span.from);
        let times = answer.time().into_iter().chain(written);
        times.filter_map(|time| span.excludes(time)).map(str::to_owned).next()
    }

    /// Says why a run does not count; nothing where it does.
    pub(super) fn why_not(&self, run: &Run) -> Option<String> {
        if let Some(why) = run.brought.as_ref().and_then(|brought| brought.untied.clone()) {
            return Some(why);
        }
        let counts = run.counts(self.scene.live.digest(), self.now);
        (!counts).then(|| "it was taken more than a day ago".to_owned())
    }

    pub(super) fn text(&self, taken: &[Taken], absent: &[&str], dry_run: bool) -> String {
        let mut text = String::new();
        let mut line = |line: &str| {
            text.push_str(Shown::line(line).as_str());
            text.push('\n');
        };
        let kept = if dry_run { "read, and nothing of it kept" } else { "kept in its draft" };
        line(&format!("{} ({}): {kept}", self.host, self.scene.target.id));
        for it in taken {
            let run = match it {
                Taken::Kept(run) => run,
                Taken::Absent(name) => {
                    line(&format!("{name:<16} not on that host"));
                    continue;
                }
                Taken::Older(name) => {
                    line(&format!(
                        "{name:<16} not kept: the draft holds a newer one, or one that counts"
                    ));
                    continue;
                }
            };
            let why = run.why().map(|why| format!(": {why}")).unwrap_or_default();
            let from = run.vantage().unwrap_or_default();
            line(&format!("{:<16} {}{why}", run.check, run.outcome_word()));
            line(&format!("{:<16} {from}", ""));
            if let Some(report) = run.report() {
                for finding in &report.findings {
                    let severity = finding.severity.word();
                    line(&format!("{:<16} {severity}: {}", "", finding.title));
                }
                for note in &report.notes {
                    line(&format!("{:<16} {note}", ""));
                }
            }
            let end = run.at + TimeDelta::hours(FRESH_HOURS);
            let counts = self.why_not(run).map_or_else(
                || format!("counts until {}", end.format("%Y-%m-%d %H:%M %:z")),
                |why| format!("does not count: {why}"),
            );
            line(&format!("{:<16} {counts}", ""));
        }
        if !absent.is_empty() {
            line(&format!("not brought      {}", absent.join(", ")));
        }
        text
    }

    pub(super) fn json(&self, taken: &[Taken], absent: &[&str]) -> Value {
        let results: Vec<Value> = taken
            .iter()
            .map(|it| match it {
                Taken::Absent(name) => json!({ "check": name, "outcome": "absent" }),
                Taken::Older(name) => json!({ "check": name, "outcome": "older" }),
                Taken::Kept(run) => json!({
                    "check": run.check,
                    "outcome": run.outcome_word(),
                    "why": run.why(),
                    "at": run.at.to_rfc3339(),
                    "vantage": run.vantage(),
                    "brought": run.brought,
                    "counts": self.why_not(run).is_none(),
                    "counts_not": self.why_not(run),
                    "output_sha256": run.output_sha256,
                    "report": run.report(),
                }),
            })
            .collect();
        json!({
            "schema": "portcullis/import",
            "version": 1,
            "target": self.scene.target,
            "config_digest": self.scene.live.digest(),
            "untied": self.untied,
            "results": results,
            "not_brought": absent,
        })
    }
}
