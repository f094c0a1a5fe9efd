//! The live config as it was read last, or why it could not be read.

use crate::openclaw::config::Config;
use crate::openclaw::facts::Facts;
use crate::text::Mask;

/// The live config as it was read last.
#[derive(Clone, Debug, PartialEq)]
pub enum Live {
    /// It was read.
    Read {
        /// The config.
        config: Box<Config>,
        /// What it means.
        facts: Box<Facts>,
        /// What must never be shown.
        mask: Mask,
    },
    /// It could not be read.
    Unreadable {
        /// Why, and what to do.
        why: String,
        /// What must never be shown.
        mask: Mask,
    },
}

impl Live {
    /// Returns what the config means, where it could be read.
    #[must_use]
    pub fn facts(&self) -> Option<&Facts> {
        match self {
            Self::Read { facts, .. } => Some(facts),
            Self::Unreadable { .. } => None,
        }
    }

    /// Returns the config, where it could be read.
    #[must_use]
    pub fn config(&self) -> Option<&Config> {
        match self {
            Self::Read { config, .. } => Some(config),
            Self::Unreadable { .. } => None,
        }
    }

    /// Returns the digest that runs are bound to; empty while the config cannot be read.
    #[must_use]
    pub fn digest(&self) -> &str {
        self.config().map_or("", |config| &config.digest)
    }

    /// Returns what must never be shown.
    #[must_use]
    pub fn mask(&self) -> &Mask {
        match self {
            Self::Read { mask, .. } | Self::Unreadable { mask, .. } => mask,
        }
    }
}
