//! Verifying a record: separate answers, one word for the whole, a cause and a remedy for each.

use std::collections::BTreeMap;

use chrono::DateTime;
use chrono::FixedOffset;
use serde::Serialize;

use crate::record::chain::Fault;
use crate::record::chain::Weight;
use crate::record::chain::digest;
use crate::record::document::Document;
use crate::record::signers::Asked;
use crate::record::signers::Revoked;
use crate::record::signers::Signer;
use crate::record::signers::Signers;
use crate::record::sshsig;
use crate::record::sshsig::Refusal;
use crate::record::sshsig::Signature;
use crate::record::statement::Kind;

/// A record as it was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The name of its folder.
    pub folder: String,
    /// The bytes of `record.json`.
    pub json: Vec<u8>,
    /// Its signature, where there is one.
    pub signature: Option<Vec<u8>>,
    /// Further signatures, by the name of their file.
    pub countersignatures: Vec<(String, Vec<u8>)>,
    /// SHA-256 of every other file in its folder, by path.
    pub files: BTreeMap<String, String>,
    /// What was said about it later, by people whose signatures were checked.
    pub said: Vec<Said>,
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

/// Asks `ssh-keygen` about namespace, message and signature; none where it cannot be asked.
pub type Elsewhere<'a> = &'a dyn Fn(&str, &[u8], &[u8]) -> Option<bool>;

/// Who is believed.
#[derive(Clone, Copy)]
pub struct Trust<'a> {
    /// The list of those who may sign; none where there is no list.
    pub signers: Option<&'a Signers>,
    /// The keys that count no more.
    pub revoked: &'a Revoked,
    /// Who is asked about keys that are not known here.
    pub elsewhere: Elsewhere<'a>,
}

/// What stands behind an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It is as it must be.
    Good,
    /// It is not.
    Bad,
    /// It cannot be told.
    Unknown,
    /// There is nothing to answer for.
    None,
}

/// What is asked of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Aspect {
    /// It is a record in the one form.
    Syntax,
    /// The signature belongs to its bytes.
    Signature,
    /// The key belongs to someone who may sign.
    Signer,
    /// A second person signed.
    Countersigned,
    /// It stands at its place and none is missing.
    Chain,
    /// What was accepted still holds.
    Residuals,
    /// The files beside it are those that were sealed.
    Evidence,
    /// How the change ended, and what was said since.
    Outcome,
}

impl Aspect {
    /// Returns the word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Syntax => "syntax",
            Self::Signature => "signature",
            Self::Signer => "signer",
            Self::Countersigned => "countersigned",
            Self::Chain => "chain",
            Self::Residuals => "residuals",
            Self::Evidence => "evidence",
            Self::Outcome => "outcome",
        }
    }
}

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// To what.
    pub aspect: Aspect,
    /// What it is.
    pub state: State,
    /// What was found, in a line.
    pub says: String,
    /// What to do, where something is wrong or missing.
    pub remedy: Option<String>,
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

/// A signature that was looked at.
struct Looked {
    signature: Answer,
    signer: Answer,
    principal: Option<String>,
    key: Option<sshsig::Key>,
    revoked: bool,
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
    let read = Document::parse(&found.json);
    let at = read.as_ref().map_or(now, |document| document.sealed);
    let looked = look(found, read.as_ref().ok(), trust, at);
    let syntax = syntax(&found.json, read.as_ref().map(|_| ()));
    let mut answers = vec![syntax, looked.signature, looked.signer];
    let document = read.ok();
    if let Some(document) = &document {
        let first = (looked.key.as_ref(), looked.principal.as_deref());
        answers.push(countersigned(found, first, trust, at));
        answers.push(self::chain(document, chain));
        answers.push(residuals(document, now));
        answers.push(evidence(found, document));
        answers.push(outcome(found, document));
    }
    let withdrawn = found.said.iter().any(|said| said.vouched && said.kind == Kind::Revoke);
    Verified {
        whole: whole(&answers, chain.unwrap_or_default(), looked.revoked || withdrawn),
        sha256: digest(&found.json),
        principal: looked.principal,
        key: looked.key.map(|key| key.fingerprint()),
        document,
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

fn answer(aspect: Aspect, state: State, says: impl Into<String>) -> Answer {
    Answer { aspect, state, says: says.into(), remedy: None }
}

impl Answer {
    fn so(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }
}

const ALTERED: &str = "restore the record from a backup or an export; trust nothing it says";

fn syntax(json: &[u8], read: Result<(), &crate::record::document::DocumentError>) -> Answer {
    let bad = |why: String| answer(Aspect::Syntax, State::Bad, why).so(ALTERED);
    match read {
        Err(why) => bad(why.to_string()),
        Ok(()) if !super::form::is_canonical(json) => {
            bad(crate::record::document::DocumentError::Form.to_string())
        }
        Ok(()) => answer(Aspect::Syntax, State::Good, "a record in its one form"),
    }
}

fn look(
    found: &Found,
    document: Option<&Document>,
    trust: Trust<'_>,
    at: DateTime<FixedOffset>,
) -> Looked {
    let signature = |state, says: String| answer(Aspect::Signature, state, says);
    let nobody = |signature: Answer, state| Looked {
        signature,
        signer: answer(Aspect::Signer, state, "nobody that can be named"),
        principal: None,
        key: None,
        revoked: false,
    };
    let Some(bytes) = &found.signature else {
        if document.is_some_and(Document::says_signed) {
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
    let told = check(&signed, sshsig::RECORD, &found.json, bytes, trust);
    let made = format!("{} {}", signed.key.kind(), signed.key.fingerprint());
    let (signature, good) = match told {
        Ok(()) => (signature(State::Good, format!("belongs to these bytes, {made}")), true),
        Err(Refusal::Unsupported(kind)) => {
            let said = format!("a {kind} key is left to ssh-keygen, which is not here");
            let remedy = "install OpenSSH, or run the command below where it is";
            (signature(State::Unknown, said).so(remedy), false)
        }
        Err(why) => (signature(State::Bad, why.to_string()).so(ALTERED), false),
    };
    if !good {
        return nobody(signature, State::Unknown);
    }
    let (whose, principal, revoked) = signer(&signed, sshsig::RECORD, trust, at);
    Looked { signature, signer: whose, principal, key: Some(signed.key), revoked }
}

/// Checks a signature here, or elsewhere where it cannot be told here.
fn check(
    signed: &Signature,
    namespace: &str,
    message: &[u8],
    bytes: &[u8],
    trust: Trust<'_>,
) -> Result<(), Refusal> {
    match signed.check(namespace, message) {
        Err(Refusal::Unsupported(kind)) => match (trust.elsewhere)(namespace, message, bytes) {
            Some(true) => Ok(()),
            Some(false) => Err(Refusal::Wrong),
            None => Err(Refusal::Unsupported(kind)),
        },
        told => told,
    }
}

/// Tells whose key signed, and whether it may.
fn signer(
    signed: &Signature,
    namespace: &str,
    trust: Trust<'_>,
    at: DateTime<FixedOffset>,
) -> (Answer, Option<String>, bool) {
    let told = |state, says: String| answer(Aspect::Signer, state, says);
    if trust.revoked.holds(&signed.key) {
        let remedy = "walk the runbook again and sign with a key that counts";
        return (told(State::Bad, "its key is revoked".to_owned()).so(remedy), None, true);
    }
    let add = format!(
        "once you know whose key it is, add to allowed_signers: NAME \
         namespaces=\"exposure-*@portcullis\" {}",
        signed.key.line()
    );
    let Some(signers) = trust.signers else {
        let said = "there is no allowed_signers, so nobody can be named".to_owned();
        return (told(State::Unknown, said).so(add), None, false);
    };
    let asked = Asked { key: &signed.key, namespace, at: at.timestamp(), principal: None };
    match signers.who(asked) {
        Signer::Known { principal, line } => {
            let said = format!("{principal}, line {line} of allowed_signers");
            (told(State::Good, said), Some(principal), false)
        }
        Signer::Barred { line, why } => {
            let said = format!("line {line} of allowed_signers bars its key: {why}");
            (told(State::Bad, said).so("ask whoever keeps the list"), None, false)
        }
        Signer::Unknown => {
            let said = "its key is not in allowed_signers".to_owned();
            (told(State::Bad, said).so(add), None, false)
        }
        Signer::Certificate => {
            let said = "it is signed with a certificate, which only ssh-keygen follows".to_owned();
            (told(State::Unknown, said).so("run the command below"), None, false)
        }
    }
}

fn countersigned(
    found: &Found,
    first: (Option<&sshsig::Key>, Option<&str>),
    trust: Trust<'_>,
    at: DateTime<FixedOffset>,
) -> Answer {
    let told = |state, says: String| answer(Aspect::Countersigned, state, says);
    let mut names = Vec::new();
    for (file, bytes) in &found.countersignatures {
        let signed = match Signature::parse(bytes) {
            Ok(signed) => signed,
            Err(why) => return told(State::Bad, format!("{file}: {why}")).so(ALTERED),
        };
        if let Err(why) = check(&signed, sshsig::RECORD, &found.json, bytes, trust) {
            let state = match why {
                Refusal::Unsupported(_) => State::Unknown,
                _ => State::Bad,
            };
            return told(state, format!("{file}: {why}")).so("remove the file, or ask its signer");
        }
        let (answer, principal, _) = signer(&signed, sshsig::RECORD, trust, at);
        if answer.state == State::Bad {
            return told(State::Bad, format!("{file}: {}", answer.says)).so(ALTERED);
        }
        let same = first.0 == Some(&signed.key)
            || (principal.is_some() && principal.as_deref() == first.1);
        if !same {
            names.push(principal.unwrap_or_else(|| signed.key.fingerprint()));
        }
    }
    match (names.as_slice(), found.countersignatures.len()) {
        ([], 0) => told(State::None, "solo: nobody else signed".to_owned()),
        ([], _) => told(State::None, "solo: the same person signed twice".to_owned()),
        (names, _) => told(State::Good, format!("by {}", names.join(", "))),
    }
}

fn chain(document: &Document, faults: Option<&[Fault]>) -> Answer {
    let told = |state, says: String| answer(Aspect::Chain, state, says);
    match (faults, document.chain.seq) {
        (None, _) => told(State::Unknown, "it stands alone, outside its chain".to_owned())
            .so("verify it where the other records of the gateway are"),
        (Some(_), None) => told(State::Unknown, "it was sealed outside a chain".to_owned())
            .so("the next record of the gateway is chained"),
        (Some([]), Some(seq)) => told(State::Good, format!("number {seq}, and none is missing")),
        (Some(faults), Some(_)) => {
            let worst = faults.iter().max_by_key(|fault| fault.weight);
            let (cause, remedy) = worst.map_or(("", ""), |it| (it.cause.as_str(), it.remedy));
            let more = match faults.len() - 1 {
                0 => String::new(),
                more => format!(", and {more} more"),
            };
            let state = match worst.map(|fault| fault.weight) {
                Some(Weight::Broken | Weight::Distrust) => State::Bad,
                Some(Weight::Doubt) | None => State::Unknown,
            };
            told(state, format!("{cause}{more}")).so(remedy)
        }
    }
}

/// Checks the head of a chain; none where all is well.
#[must_use]
pub fn head(
    bytes: &[u8],
    signature: Option<&[u8]>,
    says_signed: bool,
    at: DateTime<FixedOffset>,
    trust: Trust<'_>,
) -> Option<Fault> {
    let of = |weight, cause: String, remedy| Some(Fault { weight, cause, remedy });
    let fault = |cause: String, remedy| of(Weight::Broken, cause, remedy);
    let restore = "restore `head` and `head.sig` from a backup";
    let Some(sig) = signature else {
        if says_signed {
            return fault("the head was signed, and head.sig is gone".to_owned(), restore);
        }
        let cause = "the head is self-reported: nobody signed it, so a cut tail would not show";
        return of(Weight::Doubt, cause.to_owned(), "the next signed record signs the head too");
    };
    let signed = match Signature::parse(sig) {
        Ok(signed) => signed,
        Err(why) => return fault(format!("the head's signature: {why}"), restore),
    };
    match check(&signed, sshsig::HEAD, bytes, sig, trust) {
        Ok(()) => {}
        Err(why @ Refusal::Unsupported(_)) => {
            return of(Weight::Doubt, format!("the head's signature: {why}"), "install OpenSSH");
        }
        Err(why) => return fault(format!("the head's signature: {why}"), restore),
    }
    let (answer, ..) = signer(&signed, sshsig::HEAD, trust, at);
    if answer.state != State::Bad {
        return None;
    }
    let cause = format!("the head is signed by nobody who may: {}", answer.says);
    of(Weight::Distrust, cause, "ask whoever keeps allowed_signers")
}

/// Tells whether a listed key vouches for a statement.
#[must_use]
pub fn vouched(
    bytes: &[u8],
    signature: Option<&[u8]>,
    at: DateTime<FixedOffset>,
    trust: Trust<'_>,
) -> bool {
    let Some(sig) = signature else { return false };
    let Ok(signed) = Signature::parse(sig) else { return false };
    check(&signed, sshsig::STATEMENT, bytes, sig, trust).is_ok()
        && signer(&signed, sshsig::STATEMENT, trust, at).0.state == State::Good
}

fn residuals(document: &Document, now: DateTime<FixedOffset>) -> Answer {
    let today = now.date_naive();
    let held = document.residuals.iter().filter(|residual| residual.holds);
    let (gone, fresh): (Vec<_>, Vec<_>) = held.partition(|residual| residual.expires < today);
    let told = |state, says: String| answer(Aspect::Residuals, state, says);
    if let Some(first) = gone.first() {
        let more =
            if gone.len() == 1 { String::new() } else { format!(", and {} more", gone.len() - 1) };
        let said = format!("`{}` expired on {}{more}", first.subject, first.expires);
        return told(State::Bad, said)
            .so("walk the runbook again: fix it, or accept it with a new end");
    }
    match fresh.iter().map(|residual| residual.expires).min() {
        None => told(State::Good, "none".to_owned()),
        Some(first) => {
            let count = crate::text::count(fresh.len(), "residual");
            told(State::Good, format!("{count}, the first until {first}"))
        }
    }
}

fn evidence(found: &Found, document: &Document) -> Answer {
    let told = |state, says: String| answer(Aspect::Evidence, state, says);
    for listed in &document.files {
        match found.files.get(&listed.path) {
            None => return told(State::Bad, format!("`{}` is missing", listed.path)).so(ALTERED),
            Some(sha256) if *sha256 != listed.sha256 => {
                return told(State::Bad, format!("`{}` is not what was sealed", listed.path))
                    .so(ALTERED);
            }
            Some(_) => {}
        }
    }
    let listed = |path: &String| document.files.iter().any(|listed| listed.path == *path);
    // Records of an earlier version do not list their page.
    if let Some(path) = found.files.keys().find(|path| !listed(path) && *path != "record.md") {
        return told(State::Bad, format!("`{path}` was not there when it was sealed"))
            .so("move the file away");
    }
    told(State::Good, crate::text::count(document.files.len(), "file"))
}

fn outcome(found: &Found, document: &Document) -> Answer {
    let told = |state, says: String| answer(Aspect::Outcome, state, says);
    if let Some(said) = found.said.iter().find(|said| said.vouched && said.kind == Kind::Revoke) {
        return told(State::Bad, format!("revoked by {}: {}", said.who, said.why))
            .so("walk the runbook again");
    }
    let good = ["signed-off", "rolled-back"].contains(&document.outcome.as_str());
    if good && document.blockers.is_empty() {
        return told(State::Good, "signed-off".to_owned());
    }
    let blockers = crate::text::count(document.blockers.len(), "blocker");
    let first = document
        .blockers
        .first()
        .map(|blocker| format!(", first {} {}", blocker.kind, blocker.id).trim_end().to_owned());
    told(State::Bad, format!("{}: {blockers}{}", document.outcome, first.unwrap_or_default()))
        .so("settle what blocks and seal again")
}

/// Writes a word so that a shell takes it as it is.
#[must_use]
pub fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-@:+=,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Says the same in commands of the system's own: what to run, in the folder of the record.
#[must_use]
pub fn commands(verified: &Verified, folder: &str, signers: Option<&str>) -> Vec<String> {
    let json = quote(&format!("{folder}/record.json"));
    let mut commands = vec![format!("sha256sum {json}   # {}", verified.sha256)];
    if verified.answers.iter().any(|a| a.aspect == Aspect::Signature && a.state == State::None) {
        return commands;
    }
    let sig = quote(&format!("{folder}/record.json.sig"));
    let namespace = sshsig::RECORD;
    commands.push(match (signers, &verified.principal, &verified.document) {
        (Some(signers), Some(principal), Some(document)) => {
            // Any name will do that the pattern matches; the pattern itself may not.
            let who = principal.split(',').find(|name| !name.starts_with('!'));
            let who = who.unwrap_or_default().replace(['*', '?'], "x");
            let at = document.sealed.to_utc().format("%Y%m%d%H%M%SZ");
            format!(
                "ssh-keygen -Y verify -f {} -I {} -n {namespace} -s {sig} -Overify-time={at} < {json}",
                quote(signers),
                quote(&who)
            )
        }
        _ => format!("ssh-keygen -Y check-novalidate -n {namespace} -s {sig} < {json}"),
    });
    commands
}
