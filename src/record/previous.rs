//! The last record of a target, as far as the next change needs it.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use chrono::DateTime;
use chrono::FixedOffset;
use serde::Deserialize;

use crate::change::Answers;
use crate::change::Review;
use crate::change::Since;
use crate::openclaw::finding::Severity;
use crate::openclaw::suppress::Narrow;
use crate::record::Signing;
use crate::record::document::Accepted;
use crate::record::said;
use crate::record::said::Said;
use crate::record::sshsig;
use crate::record::sshsig::Refusal;
use crate::record::sshsig::Signature;
use crate::record::trust::Trust;
use crate::record::verify;
use crate::record::verify::Found;
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
    findings: Vec<Reported>,
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
    findings: Vec<Reported>,
    checks: Vec<Checked>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct Reported {
    key: String,
    severity: Severity,
    #[serde(default)]
    check_id: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    paths: Vec<String>,
    sources: Vec<String>,
}

#[derive(Deserialize)]
struct Checked {
    check: String,
    outcome: String,
}

impl Previous {
    /// Reads a record; none where it is none, or of a shape that is not known.
    ///
    /// What was said about it since is applied: residuals are renewed, and nothing that a withdrawn
    /// record accepts counts.
    #[must_use]
    pub fn read(found: &Found, trust: Trust<'_>) -> Option<Self> {
        let document: Document = serde_json::from_slice(&found.json).ok()?;
        if document.schema != super::SCHEMA {
            return None;
        }
        let day = document.sealed.get(..10)?.to_owned();
        let held: Vec<Accepted> = document.residuals.into_iter().filter(|it| it.holds).collect();
        let renewed = said::renewed(&held, &found.said);
        let critical = |key: &str| is_critical(&document.findings, key);
        // A critical is accepted with its evidence, which a renewal does not name.
        let residuals = held.into_iter().zip(renewed);
        let residuals = residuals.map(|(was, is)| if critical(&was.subject) { was } else { is });
        let previous = Self {
            residuals: residuals.collect(),
            doubt: None,
            change: document.change,
            day,
            findings: document.findings,
            measured: (document.checks.into_iter())
                .filter(|check| check.outcome == "measured")
                .map(|check| check.check)
                .collect(),
        };
        let says_signed = document.signature.is_some_and(|it| it != Signing::Unsigned.word());
        let withdrawn = said::withdrawal(&found.said).or_else(|| said::claim(&found.said));
        let doubt = doubt(found, says_signed, document.sealed.parse().ok()?, trust);
        let lacks = || verify::lacks(found, trust).map(|it| format!("it lacks a signature: {it}"));
        Some(match doubt.or_else(|| withdrawn.map(Said::line)).or_else(lacks) {
            None => previous,
            Some(doubt) => previous.doubted(doubt),
        })
    }

    /// Takes away what it accepted, for a reason.
    #[must_use]
    pub fn doubted(self, doubt: String) -> Self {
        Self { residuals: Vec::new(), doubt: self.doubt.or(Some(doubt)), ..self }
    }

    /// Tells whether it reports a finding as critical.
    #[must_use]
    pub fn is_critical(&self, key: &str) -> bool {
        is_critical(&self.findings, key)
    }

    /// Tells what a finding of the audit is told apart by; none where its key is no such finding's.
    #[must_use]
    pub fn audited(&self, key: &str) -> Option<Narrow<'_>> {
        let found = self.findings.iter().find(|found| found.key == key)?;
        let audited = found.sources.iter().any(|check| check.starts_with("audit"));
        let path = found.paths.first().map(String::as_str);
        audited.then_some(Narrow { check_id: &found.check_id, title: &found.title, path })
    }

    /// Returns what was accepted in it, as acceptances of a change that walks this runbook.
    #[must_use]
    pub fn accepted(&self, runbook: &Runbook) -> BTreeMap<String, Residual> {
        let residuals = self.residuals.iter().map(|accepted| accepted.residual(runbook));
        residuals.map(|residual| (residual.subject.clone(), residual)).collect()
    }

    /// Lists the checks whose findings it holds and that are not measured now.
    #[must_use]
    pub fn not_measured_now(&self, answers: &Answers, review: &Review) -> Vec<&str> {
        let sources = self.findings.iter().flat_map(|found| &found.sources);
        let own: BTreeSet<&String> = sources.filter(|it| self.measured.contains(*it)).collect();
        own.into_iter().map(String::as_str).filter(|it| !counts(answers, review, it)).collect()
    }

    /// Compares the findings of now with its own, where the checks that report them measured both
    /// times; none where there is no such check.
    #[must_use]
    pub fn since(&self, answers: &Answers, review: &Review) -> Option<Since> {
        let counts = |check: &str| counts(answers, review, check);
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

/// Tells whether what a check measured last still counts.
fn counts(answers: &Answers, review: &Review, check: &str) -> bool {
    let run = answers.runs.get(check);
    run.is_some_and(Run::is_measured) && !review.stale.iter().any(|stale| stale == check)
}

/// Says why nobody stands behind a record that says it is signed.
fn doubt(
    found: &Found,
    says_signed: bool,
    sealed: DateTime<FixedOffset>,
    trust: Trust<'_>,
) -> Option<String> {
    let Some(bytes) = &found.signature else {
        return says_signed.then(|| "its signature is gone".to_owned());
    };
    let signed = match Signature::parse(bytes) {
        Ok(signed) => signed,
        Err(why) => return Some(format!("its signature: {why}")),
    };
    match trust.check(&signed, sshsig::RECORD, &found.json, bytes) {
        Err(Refusal::Unsupported(_)) => return None,
        Err(why) => return Some(format!("its signature: {why}")),
        Ok(()) => {}
    }
    let whose = trust.whose(&signed.key, sshsig::RECORD, sealed);
    (whose.may() == Some(false)).then(|| format!("its signer: {}", whose.says()))
}

fn is_critical(findings: &[Reported], key: &str) -> bool {
    findings.iter().any(|it| it.key == key && it.severity == Severity::Critical)
}
