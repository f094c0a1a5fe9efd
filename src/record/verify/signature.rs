//! Who signed a record, first and second.

use chrono::DateTime;
use chrono::FixedOffset;

use crate::record::chain::digest;
use crate::record::document::Document;
use crate::record::policy::Person;
use crate::record::sshsig;
use crate::record::sshsig::Key;
use crate::record::sshsig::Refusal;
use crate::record::sshsig::Signature;
use crate::record::statement::Deed;
use crate::record::trust::Trust;
use crate::record::trust::Whose;
use crate::record::verify::ALTERED;
use crate::record::verify::Answer;
use crate::record::verify::Aspect;
use crate::record::verify::Found;
use crate::record::verify::State;

/// The first signature, looked at.
pub(super) struct Looked {
    pub(super) signature: Answer,
    pub(super) signer: Answer,
    pub(super) principal: Option<String>,
    pub(super) key: Option<Key>,
    pub(super) revoked: bool,
}

/// Looks at the signature of whoever sealed the record.
pub(super) fn look(found: &Found, trust: Trust<'_>, at: DateTime<FixedOffset>) -> Looked {
    let signature = |state, says: String| Answer::new(Aspect::Signature, state, says);
    let nobody = |signature: Answer, state| Looked {
        signature,
        signer: Answer::new(Aspect::Signer, state, "nobody that can be named"),
        principal: None,
        key: None,
        revoked: false,
    };
    let Some(bytes) = &found.signature else {
        if found.document.as_ref().is_ok_and(Document::says_signed) {
            let said = "it was signed, and record.json.sig is gone".to_owned();
            return nobody(signature(State::Bad, said).so(ALTERED), State::Unknown);
        }
        let remedy = "sign the next change with a key; this record stays UNSIGNED";
        let none = signature(State::None, "UNSIGNED: no key vouches for it".to_owned()).so(remedy);
        return nobody(none, State::None);
    };
    let signed = match Signature::parse(bytes) {
        Ok(signed) => signed,
        Err(why) => {
            return nobody(signature(State::Bad, why.to_string()).so(ALTERED), State::Unknown);
        }
    };
    match trust.check(&signed, sshsig::RECORD, &found.json, bytes) {
        Ok(()) => {}
        Err(Refusal::Unsupported(kind)) => {
            let said = format!("a {kind} key is left to ssh-keygen, which is not here");
            let remedy = "install OpenSSH, or run the command below where it is";
            return nobody(signature(State::Unknown, said).so(remedy), State::Unknown);
        }
        Err(why) => {
            return nobody(signature(State::Bad, why.to_string()).so(ALTERED), State::Unknown);
        }
    }
    let made = format!("{} {}", signed.key.kind(), signed.key.fingerprint());
    let whose = trust.whose(&signed.key, sshsig::RECORD, at);
    Looked {
        signature: signature(State::Good, format!("belongs to these bytes, {made}")),
        signer: signer(&whose),
        principal: whose.principal().map(str::to_owned),
        revoked: whose == Whose::Revoked,
        key: Some(signed.key),
    }
}

/// Says whose key signed, and whether it may.
fn signer(whose: &Whose) -> Answer {
    let state = match whose.may() {
        Some(true) => State::Good,
        Some(false) => State::Bad,
        None => State::Unknown,
    };
    let remedy = whose.remedy();
    Answer { remedy, ..Answer::new(Aspect::Signer, state, whose.says()) }
}

/// Looks at the signatures of those who joined.
pub(super) fn countersigned(
    found: &Found,
    first: (Option<&Key>, Option<&str>),
    trust: Trust<'_>,
    at: DateTime<FixedOffset>,
) -> Answer {
    let told = |state, says: String| Answer::new(Aspect::Countersigned, state, says);
    let there: Vec<String> = found.countersignatures.iter().map(|(_, sig)| digest(sig)).collect();
    for said in found.said.iter().filter(|said| said.counts()) {
        if let Deed::Countersign { says } = &said.deed
            && !there.contains(says)
        {
            let cause = format!("the {} is gone", said.line());
            return told(State::Bad, cause).so("restore the folder `countersign` of the record");
        }
    }
    let mut names = Vec::new();
    for (file, bytes) in &found.countersignatures {
        let signed = match Signature::parse(bytes) {
            Ok(signed) => signed,
            Err(why) => return told(State::Bad, format!("{file}: {why}")).so(ALTERED),
        };
        if let Err(why) = trust.check(&signed, sshsig::RECORD, &found.json, bytes) {
            let state = match why {
                Refusal::Unsupported(_) => State::Unknown,
                _ => State::Bad,
            };
            return told(state, format!("{file}: {why}")).so("remove the file, or ask its signer");
        }
        let whose = trust.whose(&signed.key, sshsig::RECORD, at);
        if whose.may() == Some(false) {
            return told(State::Bad, format!("{file}: {}", whose.says())).so(ALTERED);
        }
        let principal = whose.principal();
        let same = first.0 == Some(&signed.key) || (principal.is_some() && principal == first.1);
        if !same {
            names.push(principal.map_or_else(|| signed.key.fingerprint(), str::to_owned));
        }
    }
    match (names.as_slice(), found.countersignatures.len()) {
        ([], 0) => told(State::None, "solo: nobody else signed".to_owned()),
        ([], _) => told(State::None, "solo: the same person signed twice".to_owned()),
        (names, _) => told(State::Good, format!("by {}", names.join(", "))),
    }
}

/// Lists those who signed and may: whoever sealed it, and those who joined.
pub(super) fn people(
    looked: &Looked,
    found: &Found,
    trust: Trust<'_>,
    at: DateTime<FixedOffset>,
) -> Vec<Person> {
    let first = looked.principal.clone().zip(looked.key.clone());
    let mut people: Vec<Person> =
        first.map(|(principal, key)| Person { principal, key }).into_iter().collect();
    if trust.policy.is_none() {
        return people;
    }
    for (_, bytes) in &found.countersignatures {
        let Ok(signed) = Signature::parse(bytes) else { continue };
        if trust.check(&signed, sshsig::RECORD, &found.json, bytes).is_err() {
            continue;
        }
        let whose = trust.whose(&signed.key, sshsig::RECORD, at);
        if let Some(principal) = whose.principal() {
            people.push(Person { principal: principal.to_owned(), key: signed.key });
        }
    }
    people
}

/// Tells whether those who must sign have signed; none where nothing is demanded.
pub(super) fn policy(document: &Document, people: &[Person], trust: Trust<'_>) -> Option<Answer> {
    let policy = trust.policy?;
    let told = |state, says: String| Some(Answer::new(Aspect::Policy, state, says));
    let Some(lacks) = policy.lacks(document, people) else {
        return told(State::Good, "it has what policy.toml demands of it".to_owned());
    };
    if trust.signers.is_none() {
        let says = format!("{lacks}, as nobody can be named without allowed_signers");
        return Some(Answer::new(Aspect::Policy, State::Unknown, says).so(NAME_THEM));
    }
    let remedy = "have whoever is missing run `portcullis records countersign`";
    Some(Answer::new(Aspect::Policy, State::Bad, lacks).so(remedy))
}

/// What to do where nobody can be named.
const NAME_THEM: &str = "list those who may sign in allowed_signers";

/// Says what a record lacks that the policy demands; nothing where it has all of it.
#[must_use]
pub fn lacks(found: &Found, trust: Trust<'_>) -> Option<String> {
    let document = found.document.as_ref().ok()?;
    trust.policy?;
    let looked = look(found, trust, document.sealed);
    let people = people(&looked, found, trust, document.sealed);
    let answer = policy(document, &people, trust)?;
    (answer.state != State::Good).then_some(answer.says)
}
