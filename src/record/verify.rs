//! Verifying a record: separate answers, one word for the whole, a cause and a remedy for each.

mod answer;
mod commands;
mod content;
mod head;
mod signature;

use std::collections::BTreeMap;

use chrono::DateTime;
use chrono::FixedOffset;
use serde::Serialize;

pub use self::answer::Answer;
pub use self::answer::Aspect;
pub use self::answer::State;
pub use self::commands::commands;
pub use self::commands::quote;
pub use self::head::head;
pub use self::head::vouched;
use crate::record::chain::Fault;
use crate::record::chain::Ring;
use crate::record::chain::Weight;
use crate::record::chain::digest;
use crate::record::document::Document;
use crate::record::document::DocumentError;
use crate::record::statement::Kind;
use crate::record::trust::Trust;

/// What to do where something is not what was sealed.
const ALTERED: &str = "restore the record from a backup or an export; trust nothing it says";

/// A record as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The name of its folder.
    pub folder: String,
    /// The bytes of `record.json`.
    pub json: Vec<u8>,
    /// SHA-256 of them, in hex.
    pub sha256: String,
    /// What they say.
    pub document: Result<Document, DocumentError>,
    /// Its signature, where there is one.
    pub signature: Option<Vec<u8>>,
    /// Further signatures, by the name of their file.
    pub countersignatures: Vec<(String, Vec<u8>)>,
    /// SHA-256 of every other file in its folder, by path.
    pub files: BTreeMap<String, String>,
    /// What was said about it later, by people whose signatures were checked.
    pub said: Vec<Said>,
}

impl Found {
    /// Reads a record; nothing stands beside it yet.
    #[must_use]
    pub fn new(folder: String, json: Vec<u8>, signature: Option<Vec<u8>>) -> Self {
        Self {
            folder,
            sha256: digest(&json),
            document: Document::parse(&json),
            json,
            signature,
            countersignatures: Vec::new(),
            files: BTreeMap::new(),
            said: Vec::new(),
        }
    }

    /// Returns it as a ring of its chain.
    #[must_use]
    pub fn ring(&self) -> Ring {
        Ring {
            name: self.folder.clone(),
            sha256: self.sha256.clone(),
            sig_sha256: self.signature.as_deref().map(digest),
            link: self.document.as_ref().ok().map(|document| document.chain.clone()),
        }
    }
}

/// What was said later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// What.
    pub kind: Kind,
    /// By whom.
    pub who: String,
    /// Why.
    pub why: String,
    /// Whether a listed key vouches for it.
    pub vouched: bool,
}

/// One word for the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Whole {
    /// All is as it must be.
    Valid,
    /// Something cannot be told.
    Incomplete,
    /// What was accepted holds no more.
    Expired,
    /// The change was not cleared, and says so.
    NotCleared,
    /// No key vouches for it.
    Unsigned,
    /// The key that signed is not of someone who may sign.
    Untrusted,
    /// The record, or the key that signed it, counts no more.
    Revoked,
    /// It is not what was sealed.
    Invalid,
}

impl Whole {
    /// Returns the word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Incomplete => "incomplete",
            Self::Expired => "expired",
            Self::NotCleared => "not-cleared",
            Self::Unsigned => "unsigned",
            Self::Untrusted => "untrusted",
            Self::Revoked => "revoked",
            Self::Invalid => "invalid",
        }
    }
}

/// What verifying a record came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// What the record says; none where it cannot be read.
    pub document: Option<Document>,
    /// SHA-256 of `record.json`, in hex.
    pub sha256: String,
    /// One word.
    pub whole: Whole,
    /// The answers.
    pub answers: Vec<Answer>,
    /// Who signed, as the list of signers names them.
    pub principal: Option<String>,
    /// The fingerprint of the key that signed.
    pub key: Option<String>,
}

/// Verifies a record.
///
/// `chain` holds what is wrong with its place in the chain; none where it stands alone.
#[must_use]
pub fn verify(
    found: &Found,
    chain: Option<&[Fault]>,
    trust: Trust<'_>,
    now: DateTime<FixedOffset>,
) -> Verified {
    let document = found.document.as_ref().ok();
    let at = document.map_or(now, |document| document.sealed);
    let looked = signature::look(found, trust, at);
    let mut answers = vec![content::syntax(found), looked.signature, looked.signer];
    if let Some(document) = document {
        let first = (looked.key.as_ref(), looked.principal.as_deref());
        answers.push(signature::countersigned(found, first, trust, at));
        answers.push(content::chain(document, chain));
        answers.push(content::residuals(document, now));
        answers.push(content::evidence(found, document));
        answers.push(content::outcome(found, document));
    }
    let withdrawn = found.said.iter().any(|said| said.vouched && said.kind == Kind::Revoke);
    Verified {
        whole: whole(&answers, chain.unwrap_or_default(), looked.revoked || withdrawn),
        sha256: found.sha256.clone(),
        principal: looked.principal,
        key: looked.key.map(|key| key.fingerprint()),
        document: document.cloned(),
        answers,
    }
}

fn whole(answers: &[Answer], faults: &[Fault], revoked: bool) -> Whole {
    let broken = faults.iter().any(|fault| fault.weight == Weight::Broken);
    let mut whole = if revoked { Whole::Revoked } else { Whole::Valid };
    for answer in answers {
        let of = match (answer.state, answer.aspect) {
            (State::Good, _) | (State::None, Aspect::Countersigned) => Whole::Valid,
            (State::None, Aspect::Signature | Aspect::Signer) => Whole::Unsigned,
            (State::None | State::Unknown, _) => Whole::Incomplete,
            (State::Bad, Aspect::Signer) => Whole::Untrusted,
            (State::Bad, Aspect::Chain) if !broken => Whole::Untrusted,
            (State::Bad, Aspect::Residuals) => Whole::Expired,
            (State::Bad, Aspect::Outcome) => Whole::NotCleared,
            (State::Bad, _) => Whole::Invalid,
        };
        whole = whole.max(of);
    }
    whole
}
