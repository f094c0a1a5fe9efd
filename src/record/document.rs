//! A sealed record read back, as far as this program asks about it.

use chrono::DateTime;
use chrono::FixedOffset;
use chrono::NaiveDate;
use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;

use crate::residual::Residual;
use crate::runbook::Runbook;

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Document {
    schema: String,
    version: u32,
    /// How the change ended: `signed-off`, `rolled-back` or `not-cleared`.
    pub outcome: String,
    /// Whether it is about the sample gateway.
    pub demo: bool,
    /// The name of the change.
    pub change: String,
    /// The gateway.
    pub target: Gateway,
    /// Who sealed it, by their own word.
    pub operator: Operator,
    /// When it was sealed.
    pub sealed: DateTime<FixedOffset>,
    /// The OpenClaw it is about.
    pub openclaw: OpenClaw,
    /// The pattern.
    pub pattern: Pattern,
    /// The runbook that was walked.
    pub runbook: Walked,
    /// What was accepted.
    pub residuals: Vec<Accepted>,
    /// What still blocked.
    pub blockers: Vec<Blocked>,
    /// Its place in the chain.
    pub chain: Link,
    /// `record.json.sig` where it was signed, else `unsigned`.
    pub signature: String,
    /// The files beside it.
    pub files: Vec<Listed>,
    /// The live config.
    pub config: Config,
}

/// The gateway a record is about.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Gateway {
    /// The name its records stand under.
    pub id: String,
    /// The host.
    pub host: String,
    /// The OS user.
    pub user: String,
    /// The config file.
    pub config: String,
}

/// Who sealed a record.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Operator {
    /// The name as typed.
    pub name: String,
}

/// The OpenClaw of a record.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct OpenClaw {
    /// The version that was installed; none where it could not be seen.
    #[serde(default)]
    pub installed: Option<String>,
}

/// The pattern of a record.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Pattern {
    /// The pattern's id.
    pub chosen: Option<String>,
}

/// The runbook of a record.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Walked {
    /// Its id.
    pub id: String,
    /// Its revision.
    pub revision: String,
    /// Its digest.
    pub sha256: String,
}

/// The config's digests in a record.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Config {
    /// Over the merged config, secrets replaced; none where it could not be read.
    pub after: Option<String>,
}

/// An accepted residual of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// A finding's key, an item's or a check's id.
    pub subject: String,
    /// Digest of what was seen.
    pub scope: String,
    /// Why it is acceptable.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// When it was accepted.
    pub accepted: DateTime<FixedOffset>,
    /// The last day on which it holds.
    pub expires: NaiveDate,
    /// The pattern it was accepted under.
    #[serde(default)]
    pub pattern: Option<String>,
    /// Whether it held when the record was sealed.
    pub holds: bool,
}

impl Accepted {
    /// Returns it as an acceptance of a change that walks this runbook.
    #[must_use]
    pub fn residual(&self, runbook: &Runbook) -> Residual {
        Residual {
            subject: self.subject.clone(),
            scope: self.scope.clone(),
            reason: self.reason.clone(),
            owner: self.owner.clone(),
            accepted: self.accepted,
            expires: self.expires,
            width: self.pattern.as_deref().and_then(|pattern| runbook.width(pattern)),
        }
    }
}

/// What blocked.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Blocked {
    /// Of what kind it is.
    pub kind: String,
    /// Its id.
    pub id: String,
}

/// A file that stands beside a record.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Listed {
    /// Its path below the record's folder.
    pub path: String,
    /// SHA-256 of its bytes, in hex.
    pub sha256: String,
}

/// A record's place in the chain of its target.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Counts up from 1; none in a record that was sealed outside a chain.
    pub seq: Option<u64>,
    /// SHA-256 of the previous `record.json`.
    pub prev_record: Option<String>,
    /// SHA-256 of the previous `record.json.sig`, where there is one.
    pub prev_sig: Option<String>,
}

/// Why a text is no record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// It is no text.
    #[error("it is no UTF-8 text")]
    Text,
    /// It is no record.
    #[error("{0}")]
    Shape(String),
    /// It is something else, or newer.
    #[error("it says it is `{0}` version {1}; this program reads `portcullis/record` version 1")]
    Schema(String, u32),
    /// It is not in the one form in which records are written.
    #[error("it is not in the form in which records are written: sorted keys, no fractions, LF")]
    Form,
}

impl Document {
    /// Reads a record.
    ///
    /// # Errors
    ///
    /// When it is none, or newer than this program.
    pub fn parse(bytes: &[u8]) -> Result<Self, DocumentError> {
        let text = std::str::from_utf8(bytes).map_err(|_| DocumentError::Text)?;
        let document: Self =
            serde_json::from_str(text).map_err(|error| DocumentError::Shape(error.to_string()))?;
        if document.schema != super::SCHEMA || document.version != 1 {
            return Err(DocumentError::Schema(document.schema, document.version));
        }
        Ok(document)
    }

    /// Tells whether it says that it is signed.
    #[must_use]
    pub fn says_signed(&self) -> bool {
        self.signature != super::Signing::Unsigned.word()
    }
}

/// Writes a document in its one form: sorted keys, two spaces, one line break at the end.
#[must_use]
pub(super) fn canonical(document: Value) -> String {
    let mut text = serde_json::to_string_pretty(&sorted(document)).unwrap_or_default();
    text.push('\n');
    text
}

/// Sorts the keys of every object, so that the same record is the same bytes.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut pairs: Vec<(String, Value)> = map.into_iter().collect();
            pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
            pairs.into_iter().map(|(key, value)| (key, sorted(value))).collect()
        }
        Value::Array(list) => list.into_iter().map(sorted).collect(),
        other => other,
    }
}
