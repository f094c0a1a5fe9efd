//! A throw-away copy of a gateway's config, for OpenClaw to write to.
#![expect(clippy::disallowed_methods, reason = "one of the modules that look at the world")]

use std::collections::BTreeMap;
use std::fs;
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;

use sha2::Digest;
use sha2::Sha256;
use tempfile::TempDir;

use crate::openclaw::command::Gateway;
use crate::openclaw::config::Config;

/// What the state directory holds that a rehearsal leaves alone and a backup keeps.
pub(super) const KEPT: [&str; 3] = [".env", "secrets.json", "credentials"];

/// How many files are watched for a change.
const WATCHED: usize = 10_000;

/// Variables that would lead OpenClaw away from the copy, or keep it from writing there.
const LEADING_AWAY: [&str; 7] = [
    "OPENCLAW_HOME",
    "OPENCLAW_PROFILE",
    "OPENCLAW_INCLUDE_ROOTS",
    "OPENCLAW_CONFIG_READONLY",
    "OPENCLAW_NIX_MODE",
    "XDG_CONFIG_HOME",
    "XDG_STATE_HOME",
];

/// The copy. It is removed when this is dropped.
#[derive(Debug)]
pub struct Copy {
    folder: TempDir,
    config: PathBuf,
}

/// Why there is no copy.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// A file cannot be copied.
    #[error("cannot copy `{}`: {why}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        why: io::Error,
    },
    /// An include stands outside the config's folder, where a copy would have no place for it.
    #[error("`{}` is included from outside the config's folder, and a copy cannot hold it", .0.display())]
    Outside(PathBuf),
}

impl Copy {
    /// Copies a config and what it includes into a private folder.
    ///
    /// # Errors
    ///
    /// When a file cannot be copied, or has no place in the copy.
    pub fn of(config: &Config) -> Result<Self, CopyError> {
        let folder = folder("portcullis-rehearsal-")?;
        let root = config.path.parent().unwrap_or(Path::new("/"));
        let place = |path: &Path| {
            let inside = path.strip_prefix(root).ok();
            let inside = inside.map(|rest| folder.path().join("config").join(rest));
            inside.ok_or_else(|| CopyError::Outside(path.to_owned()))
        };
        for path in &config.files {
            let to = place(path)?;
            if let Some(parent) = to.parent() {
                fs::create_dir_all(parent).map_err(failed(parent))?;
            }
            let bytes = fs::read(path).map_err(failed(path))?;
            write(&to, &bytes)?;
        }
        Ok(Self { config: place(&config.path)?, folder })
    }

    /// Writes a config that copies none: that of a client of a gateway elsewhere.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn client(config: &str) -> Result<Self, CopyError> {
        let folder = folder("portcullis-client-")?;
        let path = folder.path().join("openclaw.json");
        write(&path, config.as_bytes())?;
        Ok(Self { config: path, folder })
    }

    /// Returns where the copied config is.
    #[must_use]
    pub fn config(&self) -> &Path {
        &self.config
    }

    /// Says what commands are run against, so that they see the copy and nothing else.
    #[must_use]
    pub fn gateway(&self, live: &Gateway, more: &BTreeMap<String, String>) -> Gateway {
        let mut environment = live.environment.clone();
        for (name, value) in more {
            environment.entry(name.clone()).or_insert_with(|| value.clone());
        }
        for name in LEADING_AWAY {
            environment.remove(name);
        }
        let folder = |name: &str| self.folder.path().join(name).display().to_string();
        environment.insert("HOME".to_owned(), folder(""));
        environment.insert("OPENCLAW_STATE_DIR".to_owned(), folder("state"));
        let config = self.config.display().to_string();
        environment.insert("OPENCLAW_CONFIG_PATH".to_owned(), config.clone());
        Gateway { profile: None, config: Some(config), environment, ..live.clone() }
    }

    /// Writes a patch beside the copy and returns where.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn patch(&self, number: usize, text: &str) -> Result<PathBuf, CopyError> {
        let path = self.folder.path().join(format!("rollback-{number}.json5"));
        fs::write(&path, text).map_err(|why| CopyError::File { path: path.clone(), why })?;
        Ok(path)
    }
}

/// Makes a private folder with an empty state directory.
fn folder(prefix: &str) -> Result<TempDir, CopyError> {
    let temporary = std::env::temp_dir();
    let folder = tempfile::Builder::new()
        .prefix(prefix)
        .permissions(Permissions::from_mode(0o700))
        .tempdir_in(&temporary)
        .map_err(failed(&temporary))?;
    let state = folder.path().join("state");
    fs::DirBuilder::new().create(&state).map_err(failed(&state))?;
    fs::set_permissions(&state, Permissions::from_mode(0o700)).map_err(failed(&state))?;
    Ok(folder)
}

/// Writes a private file that is not there yet.
fn write(path: &Path, bytes: &[u8]) -> Result<(), CopyError> {
    let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    io::Write::write_all(&mut file.map_err(failed(path))?, bytes).map_err(failed(path))
}

fn failed(path: &Path) -> impl Fn(io::Error) -> CopyError {
    let path = path.to_owned();
    move |why| CopyError::File { path: path.clone(), why }
}

/// The digests of the files that a rehearsal must leave alone.
pub type Fingerprint = BTreeMap<PathBuf, String>;

/// Takes the digests of a config's files and of the credentials beside it.
///
/// OpenClaw's database and logs are left out: a running gateway writes them all the time.
#[must_use]
pub fn fingerprint(config: &Config, state_dir: &Path) -> Fingerprint {
    let mut digests = Fingerprint::new();
    for path in &config.files {
        take(path, &mut digests);
    }
    for name in KEPT {
        take(&state_dir.join(name), &mut digests);
    }
    digests
}

fn take(path: &Path, digests: &mut Fingerprint) {
    let Ok(metadata) = fs::symlink_metadata(path) else { return };
    if digests.len() >= WATCHED {
        return;
    }
    if metadata.is_dir() {
        let entries = fs::read_dir(path).into_iter().flatten().flatten();
        entries.for_each(|entry| take(&entry.path(), digests));
        return;
    }
    let bytes =
        if metadata.is_file() || metadata.is_symlink() { fs::read(path).ok() } else { None };
    let digest = bytes.map(|bytes| format!("{:x}", Sha256::digest(bytes)));
    digests.insert(path.to_owned(), digest.unwrap_or_default());
}

/// Returns the files that differ between two moments.
#[must_use]
pub fn difference(before: &Fingerprint, after: &Fingerprint) -> Vec<String> {
    let paths = before.keys().chain(after.keys().filter(|path| !before.contains_key(*path)));
    let differ = paths.filter(|path| before.get(*path) != after.get(*path));
    differ.map(|path| path.display().to_string()).collect()
}
