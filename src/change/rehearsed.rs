//! Whether the way back is known to work.

use crate::change::Answers;
use crate::runbook::Runbook;

/// The command that rehearses the rollback.
const COMMAND: &str = "rehearsal";

/// What the rehearsal of the rollback came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rehearsed {
    /// It was not rehearsed.
    Never,
    /// It was, on another config or too long ago.
    OutOfDate,
    /// It was, and nothing could be told from it.
    Unmeasured,
    /// OpenClaw refuses it, or it leaves something open.
    Fails,
    /// It works.
    Works,
}

impl Rehearsed {
    /// Says how the rehearsal of a change stands; `stale` names the checks whose run counts no more.
    #[must_use]
    pub fn of(runbook: &Runbook, answers: &Answers, stale: &[String]) -> Self {
        let Some(run) = check(runbook).and_then(|check| answers.runs.get(check)) else {
            return Self::Never;
        };
        if stale.contains(&run.check) {
            return Self::OutOfDate;
        }
        let worked = run.report().and_then(|report| report.observed.get("rehearsal.ok"));
        match worked.and_then(serde_json::Value::as_bool) {
            Some(true) => Self::Works,
            Some(false) => Self::Fails,
            None => Self::Unmeasured,
        }
    }

    /// Says it in a few words.
    #[must_use]
    pub fn said(self) -> &'static str {
        match self {
            Self::Never => "not rehearsed",
            Self::OutOfDate => "rehearsal out of date",
            Self::Unmeasured => "rehearsal: unmeasured",
            Self::Fails => "rehearsed: does not work",
            Self::Works => "rehearsed: works",
        }
    }
}

/// Returns the check that rehearses the rollback, where a runbook has one.
#[must_use]
pub fn check(runbook: &Runbook) -> Option<&str> {
    let mut checks = runbook.checks.iter();
    checks.find(|check| check.command == COMMAND).map(|check| check.id.as_str())
}
