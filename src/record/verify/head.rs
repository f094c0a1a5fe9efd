//! Whose word stands behind the head of a chain, and behind what was said later.

use chrono::DateTime;
use chrono::FixedOffset;

use crate::record::chain::Fault;
use crate::record::chain::Weight;
use crate::record::sshsig;
use crate::record::sshsig::Refusal;
use crate::record::sshsig::Signature;
use crate::record::trust::Trust;

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
    match trust.check(&signed, sshsig::HEAD, bytes, sig) {
        Ok(()) => {}
        Err(why @ Refusal::Unsupported(_)) => {
            return of(Weight::Doubt, format!("the head's signature: {why}"), "install OpenSSH");
        }
        Err(why) => return fault(format!("the head's signature: {why}"), restore),
    }
    let whose = trust.whose(&signed.key, sshsig::HEAD, at);
    if whose.may() != Some(false) {
        return None;
    }
    let cause = format!("the head is signed by nobody who may: {}", whose.says());
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
    trust.check(&signed, sshsig::STATEMENT, bytes, sig).is_ok()
        && trust.whose(&signed.key, sshsig::STATEMENT, at).may() == Some(true)
}
