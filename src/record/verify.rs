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
pub use self::head::statement;
pub use self::signature::lacks;
use crate::record::chain::Fault;
use crate::record::chain::Ring;
use crate::record::chain::Weight;
use crate::record::chain::digest;
use crate::record::document::Document;
use crate::record::document::DocumentError;
use crate::record::said;
use crate::record::said::Said;
use crate::record::statement::Deed;
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
    /// What was said about it later, in the order in which it was said.
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
    /// Somebody who must sign has not.
    Lacking,
    /// Another record stands in its place.
    Superseded,
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
            Self::Lacking => "lacking",
            Self::Superseded => "superseded",
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
    /// What was said about it later.
    pub said: Vec<Said>,
}

/// A record verified by itself; what its place in the chain is worth is not known yet.
#[derive(Clone, Debug)]
pub struct Alone {
    document: Option<Document>,
    sha256: String,
    answers: Vec<Answer>,
    principal: Option<String>,
    key: Option<String>,
    said: Vec<Said>,
    least: Whole,
}

/// How many answers come before the one about the chain.
const BEFORE_CHAIN: usize = 4;

impl Alone {
    /// Verifies all of a record but its place in the chain.
    #[must_use]
    pub fn of(found: Found, trust: Trust<'_>, now: DateTime<FixedOffset>) -> Self {
        let at = found.document.as_ref().map_or(now, |document| document.sealed);
        let looked = signature::look(&found, trust, at);
        let people = signature::people(&looked, &found, trust, at);
        let mut answers = vec![content::syntax(&found), looked.signature, looked.signer];
        if let Ok(document) = &found.document {
            let first = (looked.key.as_ref(), looked.principal.as_deref());
            answers.push(signature::countersigned(&found, first, trust, at));
            answers.extend(signature::policy(document, &people, trust));
            answers.push(content::residuals(document, &found.said, now));
            answers.push(content::evidence(&found, document));
            answers.push(content::outcome(document, &found.said));
        }
        let least = match said::withdrawal(&found.said).map(|said| &said.deed) {
            _ if looked.revoked => Whole::Revoked,
            Some(Deed::Revoke { .. }) => Whole::Revoked,
            Some(Deed::Supersede { .. }) => Whole::Superseded,
            Some(Deed::Countersign { .. } | Deed::Renew { .. }) | None => Whole::Valid,
        };
        Self {
            document: found.document.ok(),
            sha256: found.sha256,
            answers,
            principal: looked.principal,
            key: looked.key.map(|key| key.fingerprint()),
            said: found.said,
            least,
        }
    }

    /// Adds what is wrong with its place in the chain; none where it stands alone.
    #[must_use]
    pub fn placed(mut self, chain: Option<&[Fault]>) -> Verified {
        if let Some(document) = &self.document {
            self.answers.insert(BEFORE_CHAIN, content::chain(document, chain));
        }
        Verified {
            whole: whole(&self.answers, chain.unwrap_or_default(), self.least),
            document: self.document,
            sha256: self.sha256,
            answers: self.answers,
            principal: self.principal,
            key: self.key,
            said: self.said,
        }
    }
}

impl Document {
    /// Tells whether a page for people is the one that was sealed with it.
    #[must_use]
    pub fn is_page(&self, text: &str) -> bool {
        let listed = self.files.iter().find(|listed| listed.path == "record.md");
        listed.is_some_and(|listed| listed.sha256 == digest(text.as_bytes()))
    }
}

/// Verifies a record that stands alone.
#[must_use]
pub fn verify(found: Found, trust: Trust<'_>, now: DateTime<FixedOffset>) -> Verified {
    Alone::of(found, trust, now).placed(None)
}

fn whole(answers: &[Answer], faults: &[Fault], least: Whole) -> Whole {
    let broken = faults.iter().any(|fault| fault.weight == Weight::Broken);
    let mut whole = least;
    for answer in answers {
        let of = match (answer.state, answer.aspect) {
            (State::Good, _) | (State::None, Aspect::Countersigned) => Whole::Valid,
            (State::None, Aspect::Signature | Aspect::Signer) => Whole::Unsigned,
            (State::None | State::Unknown, _) => Whole::Incomplete,
            (State::Bad, Aspect::Signer) => Whole::Untrusted,
            (State::Bad, Aspect::Chain) if !broken => Whole::Untrusted,
            (State::Bad, Aspect::Residuals) => Whole::Expired,
            (State::Bad, Aspect::Policy) => Whole::Lacking,
            (State::Bad, Aspect::Outcome) => Whole::NotCleared,
            (State::Bad, _) => Whole::Invalid,
        };
        whole = whole.max(of);
    }
    whole
}
