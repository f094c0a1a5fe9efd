//! `config.toml`: what an operator sets once for all changes.

use std::path::PathBuf;

use serde::Deserialize;

use crate::cli::Common;
use crate::cli::Failure;
use crate::shell;
use crate::shell::store;

/// What `config.toml` in our config folder may hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    /// The name under which words are given and records are sealed; the OS user where absent.
    pub(super) operator: Option<String>,
    /// The public key to sign with where none is named; `~/` is the home directory.
    #[serde(default)]
    pub(super) signing_key: Option<PathBuf>,
    /// Whether to draw with ASCII alone.
    #[serde(default)]
    pub(super) ascii: bool,
}

impl Settings {
    /// Reads the settings; all are at their defaults where there is no file.
    pub(super) fn read(common: &Common) -> Result<Self, Failure> {
        let path = common.places()?.config.join("config.toml");
        if !path.exists() {
            return Ok(Self::default());
        }
        let text = store::read_text(&path)
            .map_err(|error| Failure::unreadable("the settings cannot be read").because(error))?;
        let settings: Self = toml::from_str(&text).map_err(|error| {
            Failure::unreadable(format!("`{}` does not hold settings", path.display()))
                .because(error.to_string().trim_end())
                .hint("known are: operator = \"NAME\", signing_key = \"~/.ssh/id_ed25519.pub\", ascii = true")
        })?;
        let operator = settings.operator.filter(|name| !name.trim().is_empty());
        let signing_key = settings.signing_key.map(shell::at_home);
        Ok(Self { operator, signing_key, ..settings })
    }
}
