//! What is said about a record after it was sealed: a file of its own, signed and chained.

use chrono::DateTime;
use chrono::FixedOffset;
use serde::Deserialize;
use serde::Serialize;
use serde_json::json;

use crate::record::Signing;
use crate::record::document::Link;
use crate::record::document::canonical;

/// The schema a statement names.
const SCHEMA: &str = "portcullis/statement";

/// What a statement says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A second person signed the record.
    Countersign,
    /// The record counts no more.
    Revoke,
    /// Another record stands in its place.
    Supersede,
    /// A residual of the record was renewed.
    Renew,
}

impl Kind {
    /// Returns the word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Countersign => "countersign",
            Self::Revoke => "revoke",
            Self::Supersede => "supersede",
            Self::Renew => "renew",
        }
    }
}

/// A statement about a record.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Statement {
    schema: String,
    version: u32,
    /// What it says.
    pub kind: Kind,
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
    /// Why; for a countersignature, SHA-256 of the signature that was taken in.
    pub says: String,
    /// Its place among the statements of the target.
    pub chain: Link,
    /// Whether it is signed, as in a record.
    pub signature: String,
}

/// What a statement is made from.
#[derive(Clone, Copy, Debug)]
pub struct Saying<'a> {
    /// What it says.
    pub kind: Kind,
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
    /// Why, or what.
    pub says: &'a str,
}

impl Saying<'_> {
    /// Writes it at its place.
    #[must_use]
    pub fn text(&self, link: &Link, signing: Signing) -> String {
        canonical(json!({
            "schema": SCHEMA,
            "version": 1,
            "kind": self.kind.word(),
            "target": self.target,
            "at": super::time(self.at),
            "who": self.who,
            "record": self.record,
            "folder": self.folder,
            "says": self.says,
            "chain": link,
            "signature": match signing {
                Signing::Signed => "signed",
                Signing::Unsigned => signing.word(),
            },
        }))
    }

    /// Names its file.
    #[must_use]
    pub fn file(&self, link: &Link) -> String {
        format!("{:06}-{}.json", link.seq.unwrap_or_default(), self.kind.word())
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
}
