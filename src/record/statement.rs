//! What is said about a record after it was sealed: a file of its own, signed and chained.

use chrono::DateTime;
use chrono::FixedOffset;
use chrono::NaiveDate;
use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;
use serde_json::json;

use crate::record::Signing;
use crate::record::document::Accepted;
use crate::record::document::Link;
use crate::record::document::canonical;
use crate::residual;

/// The schema a statement names.
const SCHEMA: &str = "portcullis/statement";

/// What a statement says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Deed {
    /// A second person signed the record.
    Countersign {
        /// SHA-256 of the signature that was taken in, in hex.
        says: String,
    },
    /// The record counts no more.
    Revoke {
        /// Why.
        says: String,
    },
    /// Another record stands in its place.
    Supersede {
        /// Why.
        says: String,
        /// The other one.
        by: Named,
    },
    /// A residual of the record was renewed.
    Renew {
        /// Why it is acceptable still.
        says: String,
        /// Which, and until when.
        residual: Renewal,
    },
}

/// A record, named so that no other can be meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// Its folder.
    pub folder: String,
    /// SHA-256 of its `record.json`, in hex.
    pub record: String,
}

/// A residual with its new end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renewal {
    /// A finding's key, an item's or a check's id.
    pub subject: String,
    /// Digest of what was seen when it was accepted; it is not looked at anew.
    pub scope: String,
    /// Who answers for it from now on.
    pub owner: String,
    /// The last day on which it holds.
    pub expires: NaiveDate,
}

impl Deed {
    /// Returns the word for it.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Countersign { .. } => "countersign",
            Self::Revoke { .. } => "revoke",
            Self::Supersede { .. } => "supersede",
            Self::Renew { .. } => "renew",
        }
    }

    /// Returns why; for a countersignature, the digest of the signature.
    #[must_use]
    pub fn says(&self) -> &str {
        match self {
            Self::Countersign { says }
            | Self::Revoke { says }
            | Self::Supersede { says, .. }
            | Self::Renew { says, .. } => says,
        }
    }
}

/// A statement about a record.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Statement {
    schema: String,
    version: u32,
    /// What it says.
    #[serde(flatten)]
    pub deed: Deed,
    /// The target.
    pub target: String,
    /// When it was made.
    pub at: DateTime<FixedOffset>,
    /// Who made it, by their own word.
    pub who: String,
    /// SHA-256 of the `record.json` it is about.
    pub record: String,
    /// The folder of that record.
    pub folder: String,
    /// Its place among the statements of the target.
    pub chain: Link,
    /// Whether it is signed, as in a record.
    pub signature: String,
}

/// What a statement is made from.
#[derive(Clone, Copy, Debug)]
pub struct Saying<'a> {
    /// What it says.
    pub deed: &'a Deed,
    /// The target.
    pub target: &'a str,
    /// When.
    pub at: DateTime<FixedOffset>,
    /// Who says it.
    pub who: &'a str,
    /// SHA-256 of the `record.json` it is about.
    pub record: &'a str,
    /// The folder of that record.
    pub folder: &'a str,
}

impl Saying<'_> {
    /// Writes it at its place.
    #[must_use]
    pub fn text(&self, link: &Link, signing: Signing) -> String {
        let mut document = json!(self.deed);
        let rest = json!({
            "schema": SCHEMA,
            "version": 1,
            "target": self.target,
            "at": super::time(self.at),
            "who": self.who,
            "record": self.record,
            "folder": self.folder,
            "chain": link,
            "signature": match signing {
                Signing::Signed => "signed",
                Signing::Unsigned => signing.word(),
            },
        });
        if let (Value::Object(document), Value::Object(rest)) = (&mut document, rest) {
            document.extend(rest);
        }
        canonical(document)
    }

    /// Names its file.
    #[must_use]
    pub fn file(&self, link: &Link) -> String {
        format!("{:06}-{}.json", link.seq.unwrap_or_default(), self.deed.word())
    }
}

impl Statement {
    /// Reads a statement; none where it is none.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let statement: Self = serde_json::from_slice(bytes).ok()?;
        let known = statement.schema == SCHEMA && statement.version == 1;
        (known && super::form::is_canonical(bytes)).then_some(statement)
    }

    /// Tells whether it says that it is signed.
    #[must_use]
    pub fn says_signed(&self) -> bool {
        self.signature != Signing::Unsigned.word()
    }
}

/// Why a residual is not renewed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotRenewed {
    /// Its end has passed, so it is open again.
    #[error("it expired on {0}, so it is open again")]
    Expired(NaiveDate),
    /// What was typed will not do.
    #[error(transparent)]
    Refused(#[from] residual::Refusal),
}

impl Renewal {
    /// Gives a residual a new end.
    ///
    /// # Errors
    ///
    /// When it has expired, or reason, owner or end will not do.
    pub fn of(
        accepted: &Accepted,
        reason: &str,
        owner: &str,
        expires: &str,
        now: DateTime<FixedOffset>,
    ) -> Result<Self, NotRenewed> {
        if accepted.expires < now.date_naive() {
            return Err(NotRenewed::Expired(accepted.expires));
        }
        let seen =
            residual::Seen { subject: &accepted.subject, scope: &accepted.scope, width: None };
        let made = residual::Residual::accept(seen, reason, owner, expires, now)?;
        Ok(Self {
            subject: made.subject,
            scope: made.scope,
            owner: made.owner,
            expires: made.expires,
        })
    }

    /// Returns the acceptance as it goes on; none where this is not about it, or came too late, or
    /// reaches too far.
    #[must_use]
    pub fn renew(
        &self,
        accepted: &Accepted,
        why: &str,
        at: DateTime<FixedOffset>,
    ) -> Option<Accepted> {
        let same = self.subject == accepted.subject && self.scope == accepted.scope;
        let days = (self.expires - at.date_naive()).num_days();
        let in_time = accepted.expires >= at.date_naive();
        let bounded = u64::try_from(days).is_ok_and(|days| days <= residual::MAX_DAYS);
        (same && in_time && bounded).then(|| Accepted {
            reason: why.to_owned(),
            owner: self.owner.clone(),
            accepted: at,
            expires: self.expires,
            ..accepted.clone()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<FixedOffset> {
        DateTime::parse_from_rfc3339(text).unwrap()
    }

    fn accepted() -> Accepted {
        Accepted {
            subject: "audit".to_owned(),
            scope: "abc".to_owned(),
            reason: "lab only".to_owned(),
            owner: "mira".to_owned(),
            accepted: at("2026-11-01T10:00:00+01:00"),
            expires: "2026-11-30".parse().unwrap(),
            pattern: None,
            holds: true,
        }
    }

    #[test]
    fn every_kind_reads_back_as_it_was_written() {
        let by = Named { folder: "r2".to_owned(), record: "def".to_owned() };
        let now = at("2026-11-24T14:02:07+01:00");
        let residual = Renewal::of(&accepted(), "still a lab", "bob", "30", now).unwrap();
        for deed in [
            Deed::Countersign { says: "123".to_owned() },
            Deed::Revoke { says: "the wrong gateway".to_owned() },
            Deed::Supersede { says: "sealed twice".to_owned(), by },
            Deed::Renew { says: "still a lab".to_owned(), residual },
        ] {
            let saying = Saying {
                deed: &deed,
                target: "vega-1",
                at: now,
                who: "mira",
                record: "abc",
                folder: "r1",
            };
            let link = Link { seq: Some(7), ..Link::default() };
            let text = saying.text(&link, Signing::Signed);
            let read = Statement::parse(text.as_bytes()).unwrap();
            assert_eq!((&read.deed, read.at, &read.chain), (&deed, now, &link));
            assert!(read.says_signed());
            assert_eq!(saying.file(&link), format!("000007-{}.json", deed.word()));
            assert_eq!(Statement::parse(text.replace('\n', "\r\n").as_bytes()), None);
            assert_eq!(Statement::parse(text.replace(deed.word(), "bless").as_bytes()), None);
        }
    }

    #[test]
    fn a_residual_is_renewed_before_its_end_and_not_for_ever() {
        let now = at("2026-11-24T14:02:07+01:00");
        let made = |until: &str, now| {
            Renewal::of(&accepted(), "still a lab", "mira", until, now)
                .map(|it| it.expires.to_string())
        };
        assert_eq!(made("2027-01-31", now), Ok("2027-01-31".to_owned()));
        assert_eq!(made("401", now), Err(NotRenewed::Refused(residual::Refusal::TooFar)));
        let late = at("2026-12-01T00:30:00+01:00");
        assert_eq!(made("30", late), Err(NotRenewed::Expired(accepted().expires)));
        assert!(matches!(
            Renewal::of(&accepted(), " ", "mira", "30", now),
            Err(NotRenewed::Refused(residual::Refusal::NoReason))
        ));
    }

    #[test]
    fn a_renewal_counts_for_what_it_names_in_time_and_no_further_than_an_acceptance() {
        let now = at("2026-11-24T14:02:07+01:00");
        let renewal = Renewal::of(&accepted(), "still a lab", "bob", "30", now).unwrap();
        let renewed = renewal.renew(&accepted(), "still a lab", now).unwrap();
        assert_eq!((renewed.owner.as_str(), renewed.expires), ("bob", renewal.expires));
        assert_eq!((renewed.reason.as_str(), renewed.accepted), ("still a lab", now));
        let none = |renewal: &Renewal, accepted: &Accepted, at| {
            assert_eq!(renewal.renew(accepted, "still a lab", at), None);
        };
        none(&renewal, &Accepted { scope: "abd".to_owned(), ..accepted() }, now);
        none(&renewal, &Accepted { subject: "health".to_owned(), ..accepted() }, now);
        none(&renewal, &accepted(), at("2026-12-01T00:30:00+01:00"));
        let far = Renewal { expires: "2031-01-01".parse().unwrap(), ..renewal.clone() };
        none(&far, &accepted(), now);
        let past = Renewal { expires: "2026-11-23".parse().unwrap(), ..renewal };
        none(&past, &accepted(), now);
    }
}
