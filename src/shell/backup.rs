//! A backup of what a change could cost: the config, its includes, the credentials beside it.
//!
//! It stands outside the state directory, private, and every file of it was read back and compared
//! before anything is changed.
#![expect(clippy::disallowed_methods, reason = "one of the modules that touch files")]

use std::fs;
use std::fs::File;
use std::io;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;

use chrono::DateTime;
use chrono::FixedOffset;
use sha2::Digest;
use sha2::Sha256;

use crate::openclaw::config::Config;
use crate::shell;
use crate::shell::copy::KEPT;
use crate::shell::places::Places;
use crate::shell::places::make_private;

/// The file by which somebody says that a change is kept.
const KEPT_FILE: &str = "kept";

/// The digests of the config as it is after the change.
const AFTER: &str = "after.SHA256SUMS";

/// The file that says that nothing is on its way any more.
const FINISHED: &str = "finished";

/// Where the guard keeps what it replaces.
const REPLACED: &str = "replaced";

/// The program that holds files against their digests.
const SUMS: &str = if cfg!(target_os = "macos") { "shasum -a 256" } else { "sha256sum" };

/// How many files a backup holds at most.
const MOST: usize = 10_000;

/// A finished backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// Its folder.
    pub folder: PathBuf,
    /// The config's files: where each is, and where its copy is in the folder.
    config: Vec<(PathBuf, PathBuf)>,
}

/// What puts the config back by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guard {
    /// The file that keeps the change once it is there.
    pub kept: PathBuf,
    /// When it does so.
    pub at: DateTime<FixedOffset>,
}

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// It would lie where the change could cost it, too.
    #[error("the backup would lie in `{0}`, inside OpenClaw's own state directory")]
    Inside(String),
    /// A file cannot be read, written or read back.
    #[error("cannot {what} `{path}`: {why}")]
    File {
        /// What was tried.
        what: &'static str,
        /// The file.
        path: String,
        /// What the system says.
        why: io::Error,
    },
    /// A copy is not what was read.
    #[error("the copy `{0}` reads back as something else")]
    Differs(String),
    /// The copies cannot be held against their digests here.
    #[error("`{0}` does not find the copies to be what they were: {1}")]
    Unproven(String, String),
    /// There is more than a backup holds.
    #[error("there are more than {MOST} files to keep")]
    TooMany,
}

fn failed(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> BackupError {
    let path = path.display().to_string();
    move |why| BackupError::File { what, path, why }
}

impl Backup {
    /// Copies a config, its includes, and the credentials of a state directory.
    ///
    /// # Errors
    ///
    /// When anything cannot be copied and read back; nothing may be changed then.
    pub fn take(
        places: &Places,
        target: &str,
        name: &str,
        config: &Config,
        state_dir: &Path,
    ) -> Result<Self, BackupError> {
        let above = places.data.join("backups").join(target);
        make_private(&above).map_err(failed("make", &above))?;
        let real = above.canonicalize().map_err(failed("find", &above))?;
        if state_dir.canonicalize().is_ok_and(|state| real.starts_with(state)) {
            return Err(BackupError::Inside(real.display().to_string()));
        }
        let folder = real.join(name);
        make_private(&folder).map_err(failed("make", &folder))?;
        let mut sums = Vec::new();
        let mut kept = Vec::new();
        for (at, path) in config.files.iter().enumerate() {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let to = PathBuf::from(format!("config/{at}-{name}"));
            keep(path, &folder, &to, &mut sums)?;
            kept.push((path.clone(), to));
        }
        for name in KEPT {
            tree(&state_dir.join(name), &folder, &PathBuf::from("state").join(name), &mut sums)?;
        }
        write(&folder.join("SHA256SUMS"), &sums)?;
        sync(&folder)?;
        sync(&above)?;
        Ok(Self { folder, config: kept })
    }

    /// Writes a file into the backup's folder, such as a patch that is about to be applied.
    ///
    /// # Errors
    ///
    /// When it cannot be written, or exists.
    pub fn add(&self, name: &str, text: &str) -> Result<PathBuf, BackupError> {
        let path = self.folder.join(name);
        write(&path, text.as_bytes())?;
        Ok(path)
    }

    /// Returns the one command that puts the config back, byte for byte, once the copies are found
    /// to be what they were.
    #[must_use]
    pub fn undo(&self) -> String {
        let mut line = self.proof();
        for (live, copy) in &self.config {
            line.push_str(&format!(" && cp {} {}", quoted(copy), quoted(live)));
        }
        line
    }

    /// Returns the command that goes to the copies and ends well where they are what they were.
    fn proof(&self) -> String {
        format!("cd {} && {SUMS} -c SHA256SUMS >/dev/null", quoted(&self.folder))
    }

    /// Finds out whether the copies can be held against their digests by a shell of this host.
    fn prove(&self) -> Result<(), BackupError> {
        let ran = Command::new("sh").arg("-c").arg(self.proof()).stdin(Stdio::null()).output();
        let ran = ran.map_err(failed("prove", &self.folder))?;
        let said = String::from_utf8_lossy(&ran.stderr).trim().to_owned();
        if ran.status.success() { Ok(()) } else { Err(BackupError::Unproven(self.proof(), said)) }
    }

    /// Starts what puts the config back by itself after a while, whatever becomes of us and of the
    /// terminal: a shell of its own, which does nothing once the change is kept, or once somebody
    /// else has changed the config. What it replaces stays beside the backup.
    ///
    /// # Errors
    ///
    /// When it cannot be started; nothing may be changed then.
    pub fn guard(&self, after: Duration) -> Result<Guard, BackupError> {
        self.prove()?;
        let aside: String = (self.config.iter().enumerate())
            .map(|(at, (live, _))| format!(" && cp {} {REPLACED}/{at}", quoted(live)))
            .collect();
        let script = format!(
            "# Puts the config back after {seconds} s, unless `{KEPT_FILE}` is here or it was changed since.\n\
             trap '' HUP\n\
             cd {folder} || exit 1\n\
             left={seconds}\n\
             while [ $left -gt 0 ] || {{ [ ! -e {FINISHED} ] && kill -0 {writer} 2>/dev/null; }}; do\n  \
               [ -e {KEPT_FILE} ] && {{ echo kept; exit 0; }}\n  \
               sleep 1\n  \
               left=$((left - 1))\n\
             done\n\
             [ -e {KEPT_FILE} ] && {{ echo kept; exit 0; }}\n\
             if [ -e {AFTER} ] && ! {SUMS} -c {AFTER} >/dev/null; then\n  \
               echo 'not undone: the config was changed since'\n  \
               exit 1\n\
             fi\n\
             umask 077\n\
             mkdir -p {REPLACED}{aside}\n\
             {undo} && echo undone\n",
            seconds = after.as_secs(),
            writer = std::process::id(),
            folder = quoted(&self.folder),
            undo = self.undo(),
        );
        let path = self.add("undo.sh", &script)?;
        let log = self.add("undo.log", "")?;
        let open = || File::options().append(true).open(&log).map_err(failed("open", &log));
        Command::new("sh")
            .arg(&path)
            .stdin(Stdio::null())
            .stdout(open()?)
            .stderr(open()?)
            .process_group(0)
            .spawn()
            .map_err(failed("start", &path))?;
        Ok(Guard { kept: self.folder.join(KEPT_FILE), at: shell::now() + after })
    }

    /// Puts down what the config is after a part of the change, so that nothing is undone on top of
    /// what somebody else changed since.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn written(&self) -> Result<(), BackupError> {
        let mut sums = Vec::new();
        for (live, _) in &self.config {
            let bytes = fs::read(live).map_err(failed("read", live))?;
            sums.extend(sum(&bytes, live));
        }
        let path = self.folder.join(AFTER);
        let file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&path);
        let mut file = file.map_err(failed("write", &path))?;
        file.write_all(&sums).map_err(failed("write", &path))?;
        file.sync_all().map_err(failed("write", &path))
    }

    /// Says that the config is about to be written once more, so that what it was is no measure of
    /// whether somebody else changed it.
    ///
    /// # Errors
    ///
    /// When that cannot be put down.
    pub fn writing(&self) -> Result<(), BackupError> {
        let path = self.folder.join(AFTER);
        match fs::remove_file(&path) {
            Err(why) if why.kind() != io::ErrorKind::NotFound => Err(failed("remove", &path)(why)),
            _ => Ok(()),
        }
    }

    /// Puts down that nothing of the change is on its way any more, and where nothing was changed,
    /// that there is nothing to undo.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn finished(&self, changed: bool) -> Result<(), BackupError> {
        let done = self.add(FINISHED, "");
        if changed { done.map(drop) } else { self.add(KEPT_FILE, "").map(drop) }
    }
}

impl Guard {
    /// Returns the command by which the change is kept.
    #[must_use]
    pub fn keep(&self) -> String {
        format!("touch {}", quoted(&self.kept))
    }
}

fn quoted(path: &Path) -> String {
    crate::openclaw::command::quoted(&path.display().to_string())
}

fn tree(from: &Path, folder: &Path, to: &Path, sums: &mut Vec<u8>) -> Result<(), BackupError> {
    let Ok(metadata) = fs::symlink_metadata(from) else { return Ok(()) };
    if metadata.is_file() {
        return keep(from, folder, to, sums);
    }
    if !metadata.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(from).map_err(failed("list", from))? {
        let entry = entry.map_err(failed("list", from))?;
        if sums.split(|byte| *byte == b'\n').count() > MOST {
            return Err(BackupError::TooMany);
        }
        tree(&entry.path(), folder, &to.join(entry.file_name()), sums)?;
    }
    Ok(())
}

/// Copies a file, reads the copy back, and puts down its digest as `sha256sum` does.
fn keep(from: &Path, folder: &Path, to: &Path, sums: &mut Vec<u8>) -> Result<(), BackupError> {
    let bytes = fs::read(from).map_err(failed("read", from))?;
    let copy = folder.join(to);
    if let Some(parent) = copy.parent() {
        make_private(parent).map_err(failed("make", parent))?;
    }
    write(&copy, &bytes)?;
    if let Some(parent) = copy.parent() {
        sync(parent)?;
    }
    if fs::read(&copy).map_err(failed("read back", &copy))? != bytes {
        return Err(BackupError::Differs(copy.display().to_string()));
    }
    sums.extend(sum(&bytes, to));
    Ok(())
}

/// Writes a line as `sha256sum` does: one that begins with a backslash has some in its name.
fn sum(bytes: &[u8], path: &Path) -> Vec<u8> {
    let mut name = Vec::new();
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'\\' => name.extend(b"\\\\"),
            b'\n' => name.extend(b"\\n"),
            b'\r' => name.extend(b"\\r"),
            byte => name.push(*byte),
        }
    }
    let escaped = if name.len() == path.as_os_str().len() { "" } else { "\\" };
    let mut line = format!("{escaped}{:x}  ", Sha256::digest(bytes)).into_bytes();
    line.extend(name);
    line.push(b'\n');
    line
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), BackupError> {
    let mut file = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(failed("create", path))?;
    file.write_all(bytes).map_err(failed("write", path))?;
    file.sync_all().map_err(failed("write", path))
}

fn sync(dir: &Path) -> Result<(), BackupError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(failed("write", dir))
}

#[cfg(test)]
#[path = "backup/tests.rs"]
mod tests;
