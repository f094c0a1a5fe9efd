//! What holds a chain together beside its records: its head, and what was said later.

use std::collections::BTreeSet;

use crate::record::chain::Fault;
use crate::record::chain::Head;
use crate::record::chain::RESTORE;
use crate::record::chain::Weight;
use crate::record::said::Spoken;
use crate::record::sshsig;
use crate::record::sshsig::Refusal;
use crate::record::sshsig::Signature;
use crate::record::trust::Trust;

/// Checks the head of a chain; none where all is well.
#[must_use]
pub fn head(
    head: &Head,
    bytes: &[u8],
    signature: Option<&[u8]>,
    target: &str,
    trust: Trust<'_>,
) -> Option<Fault> {
    let of = |weight, cause: String, remedy| Some(Fault { weight, cause, remedy });
    let fault = |cause: String, remedy| of(Weight::Broken, cause, remedy);
    let restore = "restore `head` and `head.sig` from a backup";
    if head.target != target {
        return fault(format!("the head is that of another gateway, `{}`", head.target), restore);
    }
    let Some(sig) = signature else {
        if head.says_signed() {
            return fault("the head was signed, and head.sig is gone".to_owned(), restore);
        }
        let cause = "the head is self-reported: nobody signed it, so a cut tail would not show";
        return of(Weight::Doubt, cause.to_owned(), "the next signed record signs the head too");
    };
    let signed = match Signature::parse(sig) {
        Ok(signed) => signed,
        Err(why) => return fault(format!("the head's signature: {why}"), restore),
    };
    match trust.check(&signed, sshsig::HEAD, bytes, sig) {
        Ok(()) => {}
        Err(why @ Refusal::Unsupported(_)) => {
            return of(Weight::Doubt, format!("the head's signature: {why}"), "install OpenSSH");
        }
        Err(why) => return fault(format!("the head's signature: {why}"), restore),
    }
    let whose = trust.whose(&signed.key, sshsig::HEAD, head.at);
    if whose.may() != Some(false) {
        return None;
    }
    let cause = format!("the head is signed by nobody who may: {}", whose.says());
    of(Weight::Distrust, cause, "ask whoever keeps allowed_signers")
}

/// Checks a statement as a part of its chain; none where all is well.
///
/// `records` holds the digests of the records that are there.
#[must_use]
pub fn statement(
    spoken: &Spoken<'_>,
    target: &str,
    records: &BTreeSet<&str>,
    trust: Trust<'_>,
) -> Option<Fault> {
    let fault = |weight, cause: String| {
        let cause = format!("statement `{}` {cause}", spoken.file);
        Some(Fault { weight, cause, remedy: RESTORE })
    };
    if spoken.statement.target != target {
        return fault(Weight::Broken, "is about another gateway".to_owned());
    }
    if !records.contains(spoken.statement.record.as_str()) {
        return fault(Weight::Broken, "is about a record that is not here".to_owned());
    }
    match spoken.signed(trust) {
        Ok(_) => None,
        Err(why @ Refusal::Unsupported(_)) => fault(Weight::Doubt, format!("is signed, but {why}")),
        Err(why) => fault(Weight::Broken, format!("is not what was signed: {why}")),
    }
}
