//! What must be settled before anyone is let in: narrowing is always open, widening is not.

use chrono::DateTime;
use chrono::FixedOffset;

use crate::change::Answers;
use crate::change::Blocker;
use crate::change::Review;
use crate::openclaw::finding::Severity;
use crate::runbook::Item;
use crate::runbook::Runbook;
use crate::verdict::Sighting;
use crate::verdict::Statement;

/// Returns what still stands before a widening move: the pattern, the inventory, the checks, the
/// criticals, the rehearsal; and all of the validation, once a move was applied.
#[must_use]
pub fn before_widening<'r>(
    runbook: &Runbook,
    answers: &Answers,
    review: &'r Review,
) -> Vec<&'r Blocker> {
    let validating = !answers.applied.is_empty();
    let stands = |blocker: &&Blocker| match blocker {
        Blocker::NoPattern
        | Blocker::Note(_)
        | Blocker::Entry(_)
        | Blocker::Check(_)
        | Blocker::Config
        | Blocker::Rehearsal => true,
        Blocker::StillOpen(_) => false,
        Blocker::Finding(_, severity) => *severity == Severity::Critical,
        Blocker::Item(id, _) => validating && runbook.validation.iter().any(|item| item.id == *id),
    };
    review.blockers.iter().filter(stands).collect()
}

impl Answers {
    /// Returns when the config was changed last through a move.
    #[must_use]
    pub fn last_applied(&self) -> Option<DateTime<FixedOffset>> {
        self.applied.last().map(|(_, applied)| applied.done.at)
    }

    /// Tells whether what was seen on a card still counts: what validates a change is seen after it.
    pub(super) fn still_shows(&self, runbook: &Runbook, card: &str, seen: &Sighting) -> bool {
        let of =
            |item: &Item| card.strip_prefix("card.").is_some_and(|it| it.starts_with(&item.id));
        let validates = runbook.validation.iter().any(of);
        !validates || self.last_applied().is_none_or(|at| seen.at >= at)
    }

    /// Tells whether a word still counts: one that validates a change is given after it.
    pub(super) fn still_says(&self, runbook: &Runbook, item: &str, word: &Statement) -> bool {
        let validates = runbook.validation.iter().any(|known| known.id == item);
        !validates || self.last_applied().is_none_or(|at| word.at >= at)
    }
}
