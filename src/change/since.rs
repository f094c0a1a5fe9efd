//! What is new among the findings and what is gone: against the run before, against a record.

use std::collections::BTreeSet;

use crate::openclaw::finding::Finding;
use crate::verdict;
use crate::verdict::Run;

/// How findings differ from those of an earlier time, by the keys under which they are accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Since {
    /// What is there and was not.
    pub new: BTreeSet<String>,
    /// What was there and is not.
    pub gone: BTreeSet<String>,
}

impl Since {
    /// Compares what there is with what there was.
    #[must_use]
    pub fn between(before: &BTreeSet<String>, now: &BTreeSet<String>) -> Self {
        Self {
            new: now.difference(before).cloned().collect(),
            gone: before.difference(now).cloned().collect(),
        }
    }

    /// Says it in a line; nothing where nothing changed.
    #[must_use]
    pub fn line(&self) -> Option<String> {
        if self.new.is_empty() && self.gone.is_empty() {
            return None;
        }
        Some(format!("{} new, {} gone", self.new.len(), self.gone.len()))
    }
}

/// Returns the keys of what a run found; none where it measured nothing or only a part, because
/// what half an answer does not name may be there all the same.
#[must_use]
pub(super) fn keys(run: &Run) -> Option<BTreeSet<String>> {
    let found = run.report().filter(|_| run.is_measured())?;
    Some(found.findings.iter().map(key).collect())
}

fn key(finding: &Finding) -> String {
    verdict::finding_key(finding)
}
