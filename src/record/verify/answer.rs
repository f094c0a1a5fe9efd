//! One answer to what is asked of a record, with its cause and what to do.

use serde::Serialize;

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
    /// Those who must sign have signed.
    Policy,
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
            Self::Policy => "policy",
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

impl Answer {
    pub(super) fn new(aspect: Aspect, state: State, says: impl Into<String>) -> Self {
        Self { aspect, state, says: says.into(), remedy: None }
    }

    pub(super) fn so(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }
}
