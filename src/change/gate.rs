//! What must be settled before anyone is let in: narrowing is always open, widening is not.

use chrono::DateTime;
use chrono::FixedOffset;

use crate::change::Answers;
use crate::change::Blocker;
use crate::change::Review;
use crate::openclaw::finding::Severity;
use crate::runbook::Move;
use crate::runbook::Runbook;

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

/// Returns the first item or move that comes before a widening move and is not settled or in place.
#[must_use]
pub fn comes_first<'m>(runbook: &Runbook, review: &Review, one: &'m Move) -> Option<&'m str> {
    let stands = |id: &&String| match runbook.item(id) {
        Some(_) => !review.verdict(id).is_settled(),
        None => !review.in_place.contains(*id),
    };
    one.after.iter().find(stands).map(String::as_str)
}

impl Answers {
    /// Returns when the config was changed last through a move.
    #[must_use]
    pub fn last_applied(&self) -> Option<DateTime<FixedOffset>> {
        self.applied.last().map(|(_, applied)| applied.done.at)
    }

    /// Tells whether what was said or seen of an item at a moment, and of a config, still counts:
    /// what validates a change comes after it, whoever made it.
    #[must_use]
    pub fn still_counts(
        &self,
        runbook: &Runbook,
        item: &str,
        (at, config): (DateTime<FixedOffset>, Option<&str>),
        live: &str,
    ) -> bool {
        let validates = runbook.validation.iter().any(|known| known.id == item);
        let same = live.is_empty() || config == Some(live);
        !validates || same && self.last_applied().is_none_or(|applied| at >= applied)
    }
}
