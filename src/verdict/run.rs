//! A command that was run for a check, and what came of it.

use std::time::Duration;

use chrono::DateTime;
use chrono::FixedOffset;
use chrono::TimeDelta;
use serde::Deserialize;
use serde::Serialize;
use sha2::Digest;
use sha2::Sha256;

use crate::openclaw::command;
use crate::openclaw::command::End;
use crate::openclaw::command::Ended;
use crate::openclaw::finding::Outcome;
use crate::openclaw::finding::Report;
use crate::runbook::Runbook;

/// For how long a run counts, in hours.
pub const FRESH_HOURS: i64 = 24;

/// How much of a command's output is kept.
const KEPT: usize = 24_000;

/// A command that was run, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The check it was run for.
    pub check: String,
    /// When it started.
    pub at: DateTime<FixedOffset>,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// The command line, secrets left out.
    pub command: String,
    /// How the process ended, in words.
    pub ended: String,
    /// Digest of the config it ran against.
    pub config_digest: String,
    /// SHA-256 of the whole masked output, in hex.
    pub output_sha256: String,
    /// The masked output, shortened.
    pub output: String,
    /// What the answer came to.
    pub outcome: Outcome,
    /// Where the answer was brought from; none where it was run from here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brought: Option<Brought>,
}

/// Where an answer was brought from that was taken on another host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brought {
    /// The file it was read from.
    pub file: String,
    /// SHA-256 of the file, in hex.
    pub sha256: String,
    /// The host it was taken on.
    pub host: String,
    /// What says when it was taken.
    pub told_by: String,
    /// Why it does not count for the config, where it does not.
    pub untied: Option<String>,
    /// When it was brought.
    pub read: DateTime<FixedOffset>,
}

/// A command that was started for a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Started<'a> {
    /// The check.
    pub check: &'a str,
    /// The name of its command.
    pub name: &'a str,
    /// When it was started.
    pub at: DateTime<FixedOffset>,
    /// The command line, secrets left out.
    pub command: String,
    /// Digest of the config at that moment.
    pub config_digest: String,
}

impl Run {
    /// Reads what a command came to.
    #[must_use]
    pub fn of(started: Started<'_>, ended: &Ended) -> Self {
        let output = output(ended);
        Self {
            check: started.check.to_owned(),
            at: started.at,
            took_ms: u64::try_from(ended.took.as_millis()).unwrap_or(u64::MAX),
            command: started.command,
            ended: in_words(&ended.end),
            config_digest: started.config_digest,
            output_sha256: format!("{:x}", Sha256::digest(output.as_bytes())),
            output: shorten(&output),
            outcome: command::read(started.name, started.check, ended),
            brought: None,
        }
    }

    /// Keeps an answer that was taken on another host.
    #[must_use]
    pub fn brought(started: Started<'_>, output: &str, outcome: Outcome, brought: Brought) -> Self {
        Self {
            check: started.check.to_owned(),
            at: started.at,
            took_ms: 0,
            command: started.command,
            ended: "brought from another host".to_owned(),
            config_digest: started.config_digest,
            output_sha256: format!("{:x}", Sha256::digest(output.as_bytes())),
            output: shorten(output),
            outcome,
            brought: Some(brought),
        }
    }

    /// Says where it was brought from, and when it was taken there; none where it was run from here.
    #[must_use]
    pub fn vantage(&self) -> Option<String> {
        let brought = self.brought.as_ref()?;
        let at = self.at.format("%Y-%m-%d %H:%M %:z");
        Some(format!("imported from {}, taken on {} at {at}", brought.file, brought.host))
    }

    /// Tells whether it is what another program says, brought here, for which a runbook names no check.
    #[must_use]
    pub fn is_beside(&self, runbook: &Runbook) -> bool {
        self.brought.is_some() && runbook.check(&self.check).is_none()
    }

    /// Tells whether the run still counts: for the live config, and not too long ago.
    #[must_use]
    pub fn counts(&self, config_digest: &str, now: DateTime<FixedOffset>) -> bool {
        let age = now - self.at;
        self.config_digest == config_digest && age <= TimeDelta::hours(FRESH_HOURS)
    }

    /// Tells whether the run measured what it was for.
    #[must_use]
    pub fn is_measured(&self) -> bool {
        match self.outcome {
            Outcome::Measured(_) => true,
            Outcome::Unmeasured { .. } | Outcome::Cancelled => false,
        }
    }

    /// Returns what was understood of the answer, be it only a part.
    #[must_use]
    pub fn report(&self) -> Option<&Report> {
        match &self.outcome {
            Outcome::Measured(report) => Some(report),
            Outcome::Unmeasured { partial, .. } => partial.as_ref(),
            Outcome::Cancelled => None,
        }
    }

    /// Returns the word for what it came to.
    #[must_use]
    pub fn outcome_word(&self) -> &'static str {
        match self.outcome {
            Outcome::Measured(_) => "measured",
            Outcome::Unmeasured { .. } => "unmeasured",
            Outcome::Cancelled => "cancelled",
        }
    }

    /// Says why it measured nothing.
    #[must_use]
    pub fn why(&self) -> Option<&str> {
        match &self.outcome {
            Outcome::Unmeasured { why, .. } => Some(why),
            Outcome::Measured(_) | Outcome::Cancelled => None,
        }
    }

    /// Returns how long the run took.
    #[must_use]
    pub fn took(&self) -> Duration {
        Duration::from_millis(self.took_ms)
    }
}

fn output(ended: &Ended) -> String {
    if ended.stderr.trim().is_empty() {
        return ended.stdout.clone();
    }
    format!("{}\n[stderr]\n{}", ended.stdout.trim_end(), ended.stderr)
}

/// Keeps the beginning and the end of a long output, and says how much is left out.
fn shorten(output: &str) -> String {
    if output.len() <= KEPT {
        return output.to_owned();
    }
    let head = output.floor_char_boundary(KEPT / 2);
    let tail = output.ceil_char_boundary(output.len() - KEPT / 2);
    let (first, last) = (output.get(..head).unwrap_or(""), output.get(tail..).unwrap_or(""));
    format!("{first}\n[… {} bytes left out …]\n{last}", tail - head)
}

/// Says how a process ended.
fn in_words(end: &End) -> String {
    match end {
        End::Exit(status) => format!("exit status {status}"),
        End::Signal(signal) => format!("ended by signal {signal}"),
        End::Deadline => "stopped at its deadline".to_owned(),
        End::Cancelled => "stopped by the operator".to_owned(),
        End::NotStarted(why) => format!("not started: {why}"),
    }
}
