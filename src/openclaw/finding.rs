//! What an OpenClaw command found, reduced to what can be compared over time.

mod named;

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;
use sha2::Digest;
use sha2::Sha256;

pub use crate::openclaw::finding::named::Named;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Acceptable only when intended and documented.
    Warn,
    /// Settled before anyone is let in.
    Critical,
}

impl Severity {
    /// Returns the word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Warn => "warning",
            Self::Info => "info",
        }
    }
}

/// One result of an audit or of doctor's lint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The check that reported it, by its id in the runbook.
    pub source: String,
    /// OpenClaw's own id of what was checked.
    pub check_id: String,
    /// How bad it is.
    pub severity: Severity,
    /// OpenClaw's heading.
    pub title: String,
    /// OpenClaw's explanation, masked.
    pub detail: String,
    /// OpenClaw's advice, where it gives any.
    pub remediation: Option<String>,
    /// The config paths named in the detail, sorted.
    pub paths: Vec<String>,
    /// SHA-256 over the check id and all that the detail names, in hex: the same while the matter is.
    ///
    /// Config paths, files and listed things count; numbers, times, titles and wording do not. So
    /// an acceptance lasts over an upgrade that words the finding anew, and ends when one more
    /// channel, file or tool is named.
    pub detail_digest: String,
    /// Whether the config hides it from the audit's summary.
    pub suppressed: bool,
}

/// What a finding says, before it is reduced to what can be compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// OpenClaw's heading.
    pub title: String,
    /// OpenClaw's explanation.
    pub detail: String,
    /// OpenClaw's advice, where it gives any.
    pub remediation: Option<String>,
}

impl Finding {
    /// Makes a finding of what was told, with the paths and the digest of what it names.
    #[must_use]
    pub fn new(source: &str, check_id: &str, severity: Severity, told: Told) -> Self {
        Self::naming(source, check_id, severity, told, &[])
    }

    /// Makes a finding that also names the config paths or files given beside its detail.
    #[must_use]
    pub fn naming(
        source: &str,
        check_id: &str,
        severity: Severity,
        told: Told,
        beside: &[&str],
    ) -> Self {
        let mut named = Named::parse(&told.detail);
        for text in beside {
            named.extend(Named::parse(text));
        }
        Self {
            source: source.to_owned(),
            check_id: check_id.to_owned(),
            severity,
            detail_digest: named.digest(check_id),
            paths: named.into_paths(),
            title: told.title,
            detail: told.detail,
            remediation: told.remediation,
            suppressed: false,
        }
    }
}

/// What a command's answer says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum Outcome {
    /// It answered, and the answer was understood.
    Measured(Report),
    /// It did not answer, or not in a way that proves anything.
    Unmeasured {
        /// Why, as a sentence for the operator.
        why: String,
        /// What was understood all the same, such as the part of a deep audit that needs no
        /// gateway.
        partial: Option<Report>,
    },
    /// The operator stopped it.
    Cancelled,
}

/// What a measured command reported.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// What it found, worst first.
    pub findings: Vec<Finding>,
    /// Whether it reached the gateway and was let in; none for commands that do not try.
    pub reached: Option<bool>,
    /// What else is worth a line, such as a version or what could not be resolved.
    pub notes: Vec<String>,
    /// What our own commands measured, by its path.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub observed: BTreeMap<String, Value>,
}

impl Report {
    /// Puts the worst findings first and keeps the order of those that are equally bad.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        self.findings.sort_by_key(|finding| (finding.suppressed, Reverse(finding.severity)));
        self
    }

    /// Adds a note unless it was already taken.
    pub fn note(&mut self, note: impl Into<String>) {
        let note = note.into();
        if !note.is_empty() && !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }
}

/// Returns lowercase hex of the SHA-256 over parts, each ended by a newline.
fn digest<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part.as_bytes());
        hasher.update(b"\n");
    }
    hasher
        .finalize()
        .iter()
        .fold(String::with_capacity(64), |hex, byte| hex + &format!("{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(detail: &str) -> Told {
        Told { title: "Title".to_owned(), detail: detail.to_owned(), remediation: None }
    }

    fn digest_of(detail: &str) -> String {
        Finding::new("audit", "some.check", Severity::Warn, told(detail)).detail_digest
    }

    #[test]
    fn a_digest_stays_while_only_wording_numbers_and_order_change() {
        assert_eq!(
            digest_of("Found 2 at:\n- channels.slack.dmPolicy\n- channels.irc.dmPolicy"),
            digest_of(
                "3 open places:\n- channels.irc.dmPolicy=\"open\"\n- channels.slack.dmPolicy"
            )
        );
    }

    #[test]
    fn a_digest_changes_when_one_more_thing_is_named() {
        let before = digest_of("Unpinned:\n- discord (@openclaw/discord)");
        let after = digest_of("Unpinned:\n- discord (@openclaw/discord)\n- slack (x)");
        assert_ne!(before, after);
        assert_ne!(
            digest_of("gateway.tools.allow includes exec, gateway which removes them."),
            digest_of("gateway.tools.allow includes exec which removes them.")
        );
    }

    #[test]
    fn a_digest_differs_between_checks_and_between_files() {
        let one = Finding::new("audit", "fs.a", Severity::Warn, told("/srv/a mode=644"));
        let other = Finding::new("audit", "fs.b", Severity::Warn, told("/srv/a mode=644"));
        assert_ne!(one.detail_digest, other.detail_digest);
        assert_ne!(digest_of("/srv/a mode=644"), digest_of("/srv/b mode=644"));
        assert_eq!(digest_of("/srv/a mode=644"), digest_of("/srv/a mode=666"));
    }

    #[test]
    fn the_worst_findings_come_first_and_equal_ones_keep_their_order() {
        let finding = |id: &str, severity| Finding::new("audit", id, severity, Told::default());
        let mut hidden = finding("hidden", Severity::Critical);
        hidden.suppressed = true;
        let report = Report {
            findings: vec![
                hidden,
                finding("a", Severity::Info),
                finding("b", Severity::Critical),
                finding("c", Severity::Info),
                finding("d", Severity::Warn),
            ],
            ..Report::default()
        };
        let ids: Vec<_> = report.sorted().findings.into_iter().map(|f| f.check_id).collect();
        assert_eq!(ids, ["b", "d", "a", "c", "hidden"]);
    }
}
