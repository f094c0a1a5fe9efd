//! Accepted residuals: what is left open on purpose, by whom, why, and until when.

use chrono::DateTime;
use chrono::Days;
use chrono::FixedOffset;
use chrono::NaiveDate;
use serde::Deserialize;
use serde::Serialize;

/// How long an acceptance lasts where nothing else is said, in days.
pub const DEFAULT_DAYS: u64 = 90;

/// How long an acceptance may last at the most, in days.
pub const MAX_DAYS: u64 = 400;

/// How many days before its end an acceptance has to be renewed rather than taken over.
pub const RENEW_DAYS: i64 = 14;

/// An accepted finding or item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Residual {
    /// What is accepted: an item's id, or a finding's key.
    pub subject: String,
    /// Digest of what exactly was seen when it was accepted. Another digest reopens it.
    pub scope: String,
    /// Why it is acceptable here.
    pub reason: String,
    /// The person who answers for it.
    pub owner: String,
    /// When it was accepted.
    pub accepted: DateTime<FixedOffset>,
    /// The last day on which it holds.
    pub expires: NaiveDate,
    /// The pattern it was accepted under, by its place from narrow to wide.
    pub width: Option<usize>,
}

/// What is wrong with an acceptance as typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No reason was given.
    #[error("a reason is needed: say why this is acceptable here")]
    NoReason,
    /// No owner was given.
    #[error("an owner is needed: name the person who answers for it")]
    NoOwner,
    /// The expiry is not a date.
    #[error("the expiry is a date such as 2027-01-31, or a number of days")]
    NoDate,
    /// The expiry has passed already.
    #[error("the expiry lies in the past")]
    Past,
    /// The expiry is too far away.
    #[error("the expiry is more than {MAX_DAYS} days away")]
    TooFar,
}

impl Residual {
    /// Makes an acceptance out of what was typed.
    ///
    /// # Errors
    ///
    /// When reason, owner or expiry is missing, or the expiry is past or too far away.
    pub fn accept(
        seen: Seen<'_>,
        reason: &str,
        owner: &str,
        expires: &str,
        now: DateTime<FixedOffset>,
    ) -> Result<Self, Refusal> {
        let (reason, owner) = (reason.trim(), owner.trim());
        if reason.is_empty() {
            return Err(Refusal::NoReason);
        }
        if owner.is_empty() {
            return Err(Refusal::NoOwner);
        }
        Ok(Self {
            subject: seen.subject.to_owned(),
            scope: seen.scope.to_owned(),
            reason: reason.to_owned(),
            owner: owner.to_owned(),
            accepted: now,
            expires: expiry(expires, now.date_naive())?,
            width: seen.width,
        })
    }

    /// Tells whether its end is so near that it is renewed rather than taken over.
    #[must_use]
    pub fn ends_soon(&self, today: NaiveDate) -> bool {
        (0..=RENEW_DAYS).contains(&(self.expires - today).num_days())
    }

    /// Tells whether the acceptance still holds for what is seen now, and if not, why.
    #[must_use]
    pub fn standing(&self, seen: Seen<'_>, today: NaiveDate) -> Standing {
        if self.expires < today {
            Standing::Expired
        } else if self.scope != seen.scope {
            Standing::Changed
        } else if seen.width > self.width {
            Standing::Widened
        } else {
            Standing::Holds
        }
    }
}

/// What is there to accept, as it looks now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen<'a> {
    /// An item's id, or a finding's key.
    pub subject: &'a str,
    /// Digest of its details.
    pub scope: &'a str,
    /// The chosen pattern's place from narrow to wide.
    pub width: Option<usize>,
}

/// Whether an acceptance still holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It does.
    Holds,
    /// Its last day has passed.
    Expired,
    /// What was accepted looks different now.
    Changed,
    /// The pattern is wider than the one it was accepted under.
    Widened,
}

impl Standing {
    /// Says why an acceptance does not hold any more; nothing while it does.
    #[must_use]
    pub fn why(self) -> Option<&'static str> {
        match self {
            Self::Holds => None,
            Self::Expired => Some("the acceptance has expired"),
            Self::Changed => Some("what was accepted has changed since"),
            Self::Widened => Some("the pattern is wider than the one this was accepted under"),
        }
    }
}

fn expiry(typed: &str, today: NaiveDate) -> Result<NaiveDate, Refusal> {
    let typed = typed.trim();
    let date = if typed.is_empty() {
        today.checked_add_days(Days::new(DEFAULT_DAYS))
    } else if let Ok(days) = typed.parse::<u64>() {
        if days > MAX_DAYS {
            return Err(Refusal::TooFar);
        }
        today.checked_add_days(Days::new(days))
    } else {
        typed.parse().ok()
    };
    let date = date.ok_or(Refusal::NoDate)?;
    if date < today {
        return Err(Refusal::Past);
    }
    if (date - today).num_days() > i64::try_from(MAX_DAYS).unwrap_or(i64::MAX) {
        return Err(Refusal::TooFar);
    }
    Ok(date)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<FixedOffset> {
        DateTime::parse_from_rfc3339("2026-11-24T14:02:07+01:00").unwrap()
    }

    const SEEN: Seen<'_> = Seen { subject: "dm.open", scope: "abc", width: Some(1) };

    #[track_caller]
    fn case(reason: &str, owner: &str, expires: &str, expected: Result<&str, Refusal>) {
        let made = Residual::accept(SEEN, reason, owner, expires, now());
        assert_eq!(made.map(|residual| residual.expires.to_string()), expected.map(str::to_owned));
    }

    #[test]
    fn an_acceptance_has_a_reason_an_owner_and_an_expiry() {
        case("lab only", "mira", "", Ok("2027-02-22"));
        case("lab only", "mira", "30", Ok("2026-12-24"));
        case("lab only", "mira", "2026-12-01", Ok("2026-12-01"));
        case("  ", "mira", "", Err(Refusal::NoReason));
        case("lab only", "", "", Err(Refusal::NoOwner));
        case("lab only", "mira", "soon", Err(Refusal::NoDate));
        case("lab only", "mira", "2026-11-23", Err(Refusal::Past));
        case("lab only", "mira", "401", Err(Refusal::TooFar));
        case("lab only", "mira", "2031-01-01", Err(Refusal::TooFar));
        case("lab only", "mira", "99999999999", Err(Refusal::TooFar));
    }

    #[test]
    fn an_acceptance_reopens_when_it_expires_or_its_detail_changes_or_the_pattern_widens() {
        let residual = Residual::accept(SEEN, "lab only", "mira", "10", now()).unwrap();
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let standing = |seen, today| residual.standing(seen, today);
        assert_eq!(standing(SEEN, day("2026-12-04")), Standing::Holds);
        assert_eq!(standing(SEEN, day("2026-12-05")), Standing::Expired);
        let changed = Seen { scope: "abd", ..SEEN };
        assert_eq!(standing(changed, day("2026-12-01")), Standing::Changed);
        let wider = Seen { width: Some(2), ..SEEN };
        assert_eq!(standing(wider, day("2026-12-01")), Standing::Widened);
        let narrower = Seen { width: Some(0), ..SEEN };
        assert_eq!(standing(narrower, day("2026-12-01")), Standing::Holds);
    }
}
