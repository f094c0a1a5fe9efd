//! Who is believed: whose signatures count, and which keys count no more.

use chrono::DateTime;
use chrono::FixedOffset;

use crate::record::policy::Policy;
use crate::record::signers::Asked;
use crate::record::signers::Revoked;
use crate::record::signers::Signer;
use crate::record::signers::Signers;
use crate::record::sshsig::Key;
use crate::record::sshsig::Refusal;
use crate::record::sshsig::Signature;

/// Asks `ssh-keygen` about namespace, message and signature; none where it cannot be asked.
pub type Elsewhere<'a> = &'a dyn Fn(&str, &[u8], &[u8]) -> Option<bool>;

/// Who is believed.
#[derive(Clone, Copy)]
pub struct Trust<'a> {
    /// The list of those who may sign; none where there is no list.
    pub signers: Option<&'a Signers>,
    /// The keys that count no more.
    pub revoked: &'a Revoked,
    /// What is demanded of records, where anything is.
    pub policy: Option<&'a Policy>,
    /// Who is asked about keys that are not known here.
    pub elsewhere: Elsewhere<'a>,
}

/// Whose key it is, and whether it may sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Somebody who may.
    Known {
        /// Who, as the list names them.
        principal: String,
        /// The line of the list.
        line: usize,
    },
    /// Its key counts no more.
    Revoked,
    /// There is no list, so nobody can be named.
    NoList(Key),
    /// The list bars it.
    Barred {
        /// The line of the list.
        line: usize,
        /// Why.
        why: &'static str,
    },
    /// It is not on the list.
    Stranger(Key),
    /// It is a certificate, which only `ssh-keygen` follows to its issuer.
    Certificate,
}

impl Trust<'_> {
    /// Checks that a signature belongs to a message, here or elsewhere where it cannot be told here.
    ///
    /// # Errors
    ///
    /// Why it does not, or that nobody here can tell.
    pub fn check(
        &self,
        signed: &Signature,
        namespace: &str,
        message: &[u8],
        bytes: &[u8],
    ) -> Result<(), Refusal> {
        match signed.check(namespace, message) {
            Err(Refusal::Unsupported(kind)) => match (self.elsewhere)(namespace, message, bytes) {
                Some(true) => Ok(()),
                Some(false) => Err(Refusal::Wrong),
                None => Err(Refusal::Unsupported(kind)),
            },
            told => told,
        }
    }

    /// Tells whose key signed, and whether it may.
    #[must_use]
    pub fn whose(&self, key: &Key, namespace: &str, at: DateTime<FixedOffset>) -> Whose {
        if self.revoked.holds(key) {
            return Whose::Revoked;
        }
        let Some(signers) = self.signers else { return Whose::NoList(key.clone()) };
        let asked = Asked { key, namespace, at: at.timestamp(), principal: None };
        match signers.who(asked) {
            Signer::Known { principal, line } => Whose::Known { principal, line },
            Signer::Barred { line, why } => Whose::Barred { line, why },
            Signer::Unknown => Whose::Stranger(key.clone()),
            Signer::Certificate => Whose::Certificate,
        }
    }
}

impl Whose {
    /// Tells whether it may sign; none where that cannot be told.
    #[must_use]
    pub fn may(&self) -> Option<bool> {
        match self {
            Self::Known { .. } => Some(true),
            Self::Revoked | Self::Barred { .. } | Self::Stranger(_) => Some(false),
            Self::NoList(_) | Self::Certificate => None,
        }
    }

    /// Says it in a line.
    #[must_use]
    pub fn says(&self) -> String {
        match self {
            Self::Known { principal, line } => {
                format!("{principal}, line {line} of allowed_signers")
            }
            Self::Revoked => "its key is revoked".to_owned(),
            Self::NoList(_) => "there is no allowed_signers, so nobody can be named".to_owned(),
            Self::Barred { line, why } => {
                format!("line {line} of allowed_signers bars its key: {why}")
            }
            Self::Stranger(_) => "its key is not in allowed_signers".to_owned(),
            Self::Certificate => {
                "it is signed with a certificate, which only ssh-keygen follows".to_owned()
            }
        }
    }

    /// Says what to do, where it may not or where nobody can tell.
    #[must_use]
    pub fn remedy(&self) -> Option<String> {
        match self {
            Self::Known { .. } => None,
            Self::Revoked => {
                Some("walk the runbook again and sign with a key that counts".to_owned())
            }
            Self::NoList(key) | Self::Stranger(key) => Some(format!(
                "once you know whose key it is, add to allowed_signers: NAME \
                 namespaces=\"exposure-*@portcullis\" {}",
                key.line()
            )),
            Self::Barred { .. } => Some("ask whoever keeps the list".to_owned()),
            Self::Certificate => Some("run the command below".to_owned()),
        }
    }

    /// Returns who it is, as the list names them.
    #[must_use]
    pub fn principal(&self) -> Option<&str> {
        match self {
            Self::Known { principal, .. } => Some(principal),
            _ => None,
        }
    }
}
