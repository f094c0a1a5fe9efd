//! Who is believed, as read from disk.

use std::path::Path;
use std::path::PathBuf;

use chrono::Local;
use chrono::NaiveDateTime;
use chrono::TimeZone;

use crate::record::policy::Policy;
use crate::record::policy::PolicyError;
use crate::record::signers::Revoked;
use crate::record::signers::RevokedError;
use crate::record::signers::Signers;
use crate::record::trust::Trust;
use crate::runbook::GATEWAY_EXPOSURE;
use crate::runbook::Runbook;
use crate::shell::chain as on_disk;
use crate::shell::sign;
use crate::shell::store;
use crate::shell::store::StoreError;

/// Who is believed, as read from disk.
#[derive(Clone, Debug, Default)]
pub struct Believed {
    /// The list of signers, and where it was read from.
    pub signers: Option<(PathBuf, Signers)>,
    /// The keys that count no more.
    pub revoked: Revoked,
    /// What is demanded of records, where anything is.
    pub policy: Option<Policy>,
}

/// Why nobody can be believed.
#[derive(Debug, thiserror::Error)]
pub enum BelievedError {
    /// A named file cannot be read.
    #[error(transparent)]
    File(#[from] StoreError),
    /// The list of revoked keys cannot be used, so nothing passes.
    #[error("`{}` cannot be used: {why}", path.display())]
    Revoked {
        /// The file.
        path: PathBuf,
        /// Why.
        why: RevokedError,
    },
    /// The policy cannot be used, so nothing passes.
    #[error("`{}` cannot be used: {why}", path.display())]
    Policy {
        /// The file.
        path: PathBuf,
        /// Why.
        why: PolicyError,
    },
}

impl Believed {
    /// Reads who may sign and which keys are revoked: from the named files, else from ours.
    ///
    /// # Errors
    ///
    /// When a named file cannot be read, or the list of revoked keys cannot be used.
    pub fn read(
        config: &Path,
        signers: Option<&Path>,
        revoked: Option<&Path>,
    ) -> Result<Self, BelievedError> {
        let path = signers.map_or_else(|| config.join("allowed_signers"), Path::to_owned);
        let text = match on_disk::read(&path) {
            Err(why) if signers.is_some() => return Err(why.into()),
            Err(_) => None,
            Ok(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        };
        let list = text.map(|text| (path, Signers::parse(&text, &zone)));
        let path = revoked.map_or_else(|| config.join("revoked_keys"), Path::to_owned);
        let revoked = match on_disk::read(&path) {
            Err(why) if revoked.is_some() => return Err(why.into()),
            Err(_) => Revoked::default(),
            Ok(bytes) => Revoked::parse(&bytes)
                .map_err(|why| BelievedError::Revoked { path: path.clone(), why })?,
        };
        Ok(Self { signers: list, revoked, policy: policy(config)? })
    }

    /// Returns whom to believe; keys that are not known here are asked about elsewhere.
    #[must_use]
    pub fn trust(&self) -> Trust<'_> {
        Trust {
            signers: self.signers.as_ref().map(|(_, signers)| signers),
            revoked: &self.revoked,
            policy: self.policy.as_ref(),
            elsewhere: &sign::ask,
        }
    }
}

/// Reads the policy of a config folder; none where there is none.
fn policy(config: &Path) -> Result<Option<Policy>, BelievedError> {
    let path = config.join("policy.toml");
    if !path.exists() {
        return Ok(None);
    }
    read_policy(&path, config).map(Some)
}

/// Reads a policy. Patterns are those of our own runbook and of the operator's.
///
/// # Errors
///
/// When it cannot be read or used.
pub fn read_policy(path: &Path, config: &Path) -> Result<Policy, BelievedError> {
    let text = store::read_text(path)?;
    let own = store::runbooks(&config.join("runbooks"));
    let own = own.iter().filter_map(|path| store::read_text(path).ok());
    let texts = [GATEWAY_EXPOSURE.to_owned()].into_iter().chain(own);
    let runbooks = texts.filter_map(|text| Runbook::parse(&text).ok());
    let mut known: Vec<String> = Vec::new();
    for pattern in runbooks.flat_map(|runbook| runbook.patterns) {
        if !known.contains(&pattern.id) {
            known.push(pattern.id);
        }
    }
    let path = path.to_owned();
    Policy::parse(&text, &known).map_err(|why| BelievedError::Policy { path, why })
}

/// Turns a time of this place into seconds since 1970.
fn zone(time: NaiveDateTime) -> Option<i64> {
    Local.from_local_datetime(&time).earliest().map(|time| time.timestamp())
}
