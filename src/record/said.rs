//! What was said about a record later, and whether it counts.
//!
//! Somebody has to stand behind a statement as behind the record itself: a signer on the list, or,
//! where there is no list, the key that signed the record. An unsigned record can be spoken about
//! unsigned.

use chrono::DateTime;
use chrono::FixedOffset;
use serde::Serialize;

use crate::record::document::Accepted;
use crate::record::sshsig;
use crate::record::sshsig::Refusal;
use crate::record::sshsig::Signature;
use crate::record::statement::Deed;
use crate::record::statement::Statement;
use crate::record::trust::Trust;
use crate::record::trust::Whose;

/// A statement about a record, judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Said {
    /// Its file.
    pub file: String,
    /// What it says.
    #[serde(flatten)]
    pub deed: Deed,
    /// When it was made.
    pub at: DateTime<FixedOffset>,
    /// Who made it: as the list of signers names them, else by their own word.
    pub who: String,
    /// Why it does not count; none where it does.
    pub doubt: Option<String>,
}

/// A statement as it was found.
#[derive(Clone, Copy, Debug)]
pub struct Spoken<'a> {
    /// Its file.
    pub file: &'a str,
    /// Its bytes.
    pub bytes: &'a [u8],
    /// Its signature, where there is one.
    pub signature: Option<&'a [u8]>,
    /// What it says.
    pub statement: &'a Statement,
}

impl Spoken<'_> {
    /// Reads its signature.
    ///
    /// # Errors
    ///
    /// When it does not belong to it, or nobody here can tell; a signature that is gone is wrong.
    pub fn signed(&self, trust: Trust<'_>) -> Result<Option<Signature>, Refusal> {
        let Some(sig) = self.signature else {
            if self.statement.says_signed() {
                return Err(Refusal::Shape("it was signed, and its signature is gone"));
            }
            return Ok(None);
        };
        let signed = Signature::parse(sig)?;
        trust.check(&signed, sshsig::STATEMENT, self.bytes, sig)?;
        Ok(Some(signed))
    }

    /// Judges it beside the signature of the record it is about.
    #[must_use]
    pub fn judge(&self, record: Option<&Signature>, trust: Trust<'_>) -> Said {
        let Statement { deed, at, who, .. } = self.statement;
        let (who, doubt) = match self.signed(trust) {
            Err(why) => (who.clone(), Some(format!("its signature: {why}"))),
            Ok(None) if record.is_none() => (who.clone(), None),
            Ok(None) => (who.clone(), Some("it is unsigned, and the record is not".to_owned())),
            Ok(Some(signed)) => {
                let whose = trust.whose(&signed.key, sshsig::STATEMENT, *at);
                let same = record.is_some_and(|record| record.key == signed.key);
                let doubt = match &whose {
                    Whose::Known { .. } => None,
                    Whose::NoList(_) if same || record.is_none() => None,
                    Whose::NoList(_) => {
                        Some("another key than the record's, and no allowed_signers".to_owned())
                    }
                    Whose::Revoked
                    | Whose::Barred { .. }
                    | Whose::Stranger(_)
                    | Whose::Certificate => Some(whose.says()),
                };
                (whose.principal().map_or_else(|| who.clone(), str::to_owned), doubt)
            }
        };
        Said { file: self.file.to_owned(), deed: deed.clone(), at: *at, who, doubt }
    }
}

impl Said {
    /// Tells whether somebody stands behind it who may.
    #[must_use]
    pub fn counts(&self) -> bool {
        self.doubt.is_none()
    }

    /// Says it in a line.
    #[must_use]
    pub fn line(&self) -> String {
        let day = self.at.format("%Y-%m-%d");
        let (who, says) = (&self.who, self.deed.says());
        let said = match &self.deed {
            Deed::Countersign { .. } => format!("countersignature taken in by {who} on {day}"),
            Deed::Revoke { .. } => format!("revoked by {who} on {day}: {says}"),
            Deed::Supersede { by, .. } => {
                format!("superseded by {}, says {who} on {day}: {says}", by.folder)
            }
            Deed::Renew { residual, .. } => format!(
                "`{}` renewed until {} by {who} on {day}: {says}",
                residual.subject, residual.expires
            ),
        };
        match &self.doubt {
            None => said,
            Some(doubt) => format!("{said} (it does not count: {doubt})"),
        }
    }
}

/// Returns what withdraws a record: the revocation, else the last record in its place.
#[must_use]
pub fn withdrawal(said: &[Said]) -> Option<&Said> {
    let counting = || said.iter().filter(|said| said.counts());
    let revoked = counting().find(|said| matches!(said.deed, Deed::Revoke { .. }));
    revoked.or_else(|| counting().rfind(|said| matches!(said.deed, Deed::Supersede { .. })))
}

/// Returns what claims to withdraw a record though nobody who may stands behind it.
#[must_use]
pub fn claim(said: &[Said]) -> Option<&Said> {
    let withdraws =
        |said: &&Said| matches!(said.deed, Deed::Revoke { .. } | Deed::Supersede { .. });
    said.iter().filter(withdraws).find(|said| !said.counts())
}

/// Returns what was accepted as it stands now, renewals applied in their order.
#[must_use]
pub fn renewed(accepted: &[Accepted], said: &[Said]) -> Vec<Accepted> {
    let renew = |accepted: &Accepted| {
        let mut now = accepted.clone();
        for said in said.iter().filter(|said| said.counts()) {
            if let Deed::Renew { says, residual } = &said.deed
                && let Some(renewed) = residual.renew(&now, says, said.at)
            {
                now = renewed;
            }
        }
        now
    };
    accepted.iter().map(renew).collect()
}
