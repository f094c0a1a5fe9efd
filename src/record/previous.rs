//! The last record of a target, as far as the next change needs it.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde::Deserialize;

use crate::change::Answers;
use crate::change::Review;
use crate::change::Since;
use crate::record::Signing;
use crate::record::document::Accepted;
use crate::record::sshsig;
use crate::record::sshsig::Refusal;
use crate::record::sshsig::Signature;
use crate::residual::Residual;
use crate::runbook::Runbook;
use crate::verdict::Run;

/// What a sealed record said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Previous {
    /// The name of the change.
    pub change: String,
    /// The day it was sealed, as written.
    pub day: String,
    /// What was accepted in it and held when it was sealed.
    pub residuals: Vec<Accepted>,
    /// Why nothing it accepted counts: it is not what was signed.
    pub doubt: Option<String>,
    findings: Vec<Found>,
    /// The checks it measured.
    measured: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Document {
    schema: String,
    change: String,
    sealed: String,
    #[serde(default)]
    signature: Option<String>,
    #[serde(default)]
    residuals: Vec<Accepted>,
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
    pub fn read(json: &str, signature: Option<&[u8]>) -> Option<Self> {
        let document: Document = serde_json::from_str(json).ok()?;
        let day = document.sealed.get(..10)?.to_owned();
        let doubt = match signature.map(Signature::parse) {
            None if document.signature.is_none_or(|it| it == Signing::Unsigned.word()) => None,
            None => Some("its signature is gone".to_owned()),
            Some(parsed) => {
                let checked = parsed.and_then(|s| s.check(sshsig::RECORD, json.as_bytes()));
                let wrong = checked.err().filter(|why| !matches!(why, Refusal::Unsupported(_)));
                wrong.map(|why| format!("its signature: {why}"))
            }
        };
        let held = document.residuals.into_iter().filter(|residual| residual.holds);
        (document.schema == super::SCHEMA).then(|| Self {
            residuals: if doubt.is_none() { held.collect() } else { Vec::new() },
            doubt,
            change: document.change,
            day,
            findings: document.findings,
            measured: (document.checks.into_iter())
                .filter(|check| check.outcome == "measured")
                .map(|check| check.check)
                .collect(),
        })
    }

    /// Returns what was accepted in it, as acceptances of a change that walks this runbook.
    #[must_use]
    pub fn accepted(&self, runbook: &Runbook) -> BTreeMap<String, Residual> {
        let residuals = self.residuals.iter().map(|accepted| accepted.residual(runbook));
        residuals.map(|residual| (residual.subject.clone(), residual)).collect()
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
