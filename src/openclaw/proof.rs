//! What Portcullis measures by itself: who gets in, what the logs hold, whether the way back works.
//!
//! Each is a command of our own (`portcullis connections`, `logs`, `rollback --rehearse`), run as
//! the commands of OpenClaw are: shown before, stopped at a deadline, its answer read.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;

use crate::openclaw::fact::Holds;
use crate::openclaw::fact::Path;
use crate::openclaw::finding::Finding;
use crate::openclaw::finding::Outcome;
use crate::openclaw::finding::Report;
use crate::openclaw::finding::Severity;
use crate::openclaw::finding::Told;
use crate::runbook::Each;

/// The version of the document.
const VERSION: u32 = 1;

const fn observed(name: &'static str, means: &'static str) -> Path {
    Path { name, of: Each::Gateway, holds: Holds::Flag, means }
}

/// Everything that is measured, in the families `connections`, `logs` and `rehearsal`.
pub const PATHS: &[Path] = &[
    observed(
        "connections.authorised",
        "whether a client with the secret of config and environment, or with a session, gets in",
    ),
    observed("connections.refuses_none", "whether a client without a secret is refused"),
    observed("connections.refuses_wrong", "whether a client with a wrong secret is refused"),
    observed("connections.refuses_origin", "whether a page of a foreign site is refused"),
    observed(
        "connections.refuses_forged",
        "whether a client is refused that writes a proxy's identity headers itself",
    ),
    observed(
        "connections.proxy_overwrites",
        "whether the proxy puts its own identity over the one a client sends",
    ),
    observed("logs.clean", "whether no secret of the config stands in the logs"),
    observed("rehearsal.ok", "whether the rollback works on a copy and leaves nothing open there"),
];

/// The first parts of the paths.
pub const FAMILIES: [&str; 3] = ["connections.", "logs.", "rehearsal."];

/// Finds a path by name.
#[must_use]
pub fn path(name: &str) -> Option<&'static Path> {
    PATHS.iter().find(|path| path.name == name)
}

/// The answer of one of our own commands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Proof {
    /// The name of the document, such as `portcullis/connections`.
    pub schema: String,
    /// Its version.
    pub version: u32,
    /// What was measured, by its path of [`PATHS`]; what is not there was not measured.
    pub observed: BTreeMap<String, Value>,
    /// What speaks against the gateway, or is worth knowing.
    pub findings: Vec<Found>,
    /// What was done, and what it does not prove, a line each.
    pub notes: Vec<String>,
    /// Why not everything could be measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unmeasured: Option<String>,
}

/// A finding of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Our id of what was checked, such as `portcullis.logs.secret`.
    pub check_id: String,
    /// How bad it is.
    pub severity: Severity,
    /// The heading.
    pub title: String,
    /// The explanation; what it names makes its identity.
    pub detail: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remediation: Option<String>,
}

impl Proof {
    /// Begins an answer of the command with this name.
    #[must_use]
    pub fn of(command: &str) -> Self {
        Self {
            schema: format!("portcullis/{command}"),
            version: VERSION,
            observed: BTreeMap::new(),
            findings: Vec::new(),
            notes: Vec::new(),
            unmeasured: None,
        }
    }

    /// Puts down what was measured.
    pub fn observe(&mut self, path: &str, holds: bool) {
        self.observed.insert(path.to_owned(), Value::Bool(holds));
    }

    /// Tells whether everything that was measured is as it should be.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.observed.values().all(|value| value == &Value::Bool(true))
    }

    /// Reads the answer of one of our commands, with the check as the source of its findings.
    #[must_use]
    pub fn outcome(self, check: &str) -> Outcome {
        let findings = self.findings.into_iter().map(|found| {
            let Found { check_id, severity, title, detail, remediation } = found;
            Finding::new(check, &check_id, severity, Told { title, detail, remediation })
        });
        let report = Report {
            findings: findings.collect(),
            reached: None,
            notes: self.notes,
            observed: self.observed,
        };
        let report = report.sorted();
        match self.unmeasured {
            None => Outcome::Measured(report),
            Some(why) => Outcome::Unmeasured { why, partial: Some(report) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_is_of_a_family() {
        for path in PATHS {
            assert!(FAMILIES.iter().any(|family| path.name.starts_with(family)), "{}", path.name);
        }
    }

    #[test]
    fn what_was_measured_stays_measured_beside_what_was_not() {
        let mut proof = Proof::of("connections");
        proof.observe("connections.refuses_none", true);
        proof.unmeasured = Some("The secret is not visible here.".to_owned());
        let Outcome::Unmeasured { partial: Some(report), .. } = proof.outcome("connections") else {
            panic!("it is measured in part");
        };
        assert_eq!(report.observed["connections.refuses_none"], true);
    }
}
