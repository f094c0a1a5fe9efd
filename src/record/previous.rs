//! The last record of a target, as far as the next change needs it.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::change::Answers;
use crate::change::Review;
use crate::change::Since;
use crate::verdict::Run;

/// What a sealed record said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Previous {
    /// The name of the change.
    pub change: String,
    /// The day it was sealed, as written.
    pub day: String,
    findings: Vec<Found>,
    /// The checks it measured.
    measured: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Document {
    schema: String,
    change: String,
    sealed: String,
    findings: Vec<Found>,
    checks: Vec<Checked>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct Found {
    key: String,
    sources: Vec<String>,
}

#[derive(Deserialize)]
struct Checked {
    check: String,
    outcome: String,
}

impl Previous {
    /// Reads a record; none where it is none, or of a shape that is not known.
    #[must_use]
    pub fn read(json: &str) -> Option<Self> {
        let document: Document = serde_json::from_str(json).ok()?;
        let day = document.sealed.get(..10)?.to_owned();
        (document.schema == super::SCHEMA).then(|| Self {
            change: document.change,
            day,
            findings: document.findings,
            measured: (document.checks.into_iter())
                .filter(|check| check.outcome == "measured")
                .map(|check| check.check)
                .collect(),
        })
    }

    /// Compares the findings of now with its own, where the checks that report them measured both
    /// times; none where there is no such check.
    #[must_use]
    pub fn since(&self, answers: &Answers, review: &Review) -> Option<Since> {
        let counts = |check: &str| {
            let run = answers.runs.get(check);
            run.is_some_and(Run::is_measured) && !review.stale.iter().any(|stale| stale == check)
        };
        let both = |check: &&String| self.measured.contains(*check) && counts(check);
        if !self.measured.iter().any(|check| counts(check)) {
            return None;
        }
        let was = self.findings.iter().filter(|found| found.sources.iter().any(|c| both(&c)));
        let is = review.findings.iter().filter(|state| state.sources.iter().any(|c| both(&c)));
        Some(Since::between(
            &was.map(|found| found.key.clone()).collect(),
            &is.map(|state| state.key.clone()).collect(),
        ))
    }
}
