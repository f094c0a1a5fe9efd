//! Where our own files live: data, config, and the operator's runbooks.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::path::PathBuf;

use directories::ProjectDirs;

/// Our own folders. All of them are private to their owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// Drafts and records.
    pub data: PathBuf,
    /// The operator's own runbooks.
    pub config: PathBuf,
}

impl Places {
    /// Finds the folders: the flag, then the environment, then the system's own places.
    ///
    /// # Errors
    ///
    /// When no home directory is known and nothing else is said.
    pub fn find(data: Option<&Path>) -> io::Result<Self> {
        let said = |name| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        let dirs = ProjectDirs::from("", "", "portcullis");
        let none = || {
            io::Error::new(
                io::ErrorKind::NotFound,
                "no home directory is known; set HOME or give --data-dir",
            )
        };
        let data = data
            .map(Path::to_owned)
            .or_else(|| said("PORTCULLIS_DATA_DIR"))
            .or_else(|| dirs.as_ref().map(|dirs| dirs.data_dir().to_owned()))
            .ok_or_else(none)?;
        let config = said("PORTCULLIS_CONFIG_DIR")
            .or_else(|| dirs.as_ref().map(|dirs| dirs.config_dir().to_owned()))
            .unwrap_or_else(|| data.join("config"));
        Ok(Self { data, config })
    }

    /// Returns the folder of the operator's own runbooks.
    #[must_use]
    pub fn runbooks(&self) -> PathBuf {
        self.config.join("runbooks")
    }

    /// Returns the folder of the drafts.
    #[must_use]
    pub fn drafts(&self) -> PathBuf {
        self.data.join("drafts")
    }

    /// Returns the folder of a target's records.
    #[must_use]
    pub fn records(&self, target: &str) -> PathBuf {
        self.data.join("records").join(target)
    }
}

/// Makes a folder that only its owner can enter, and those above it.
///
/// # Errors
///
/// Whatever the system says.
pub fn make_private(dir: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}
