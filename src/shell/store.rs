//! Files of ours: drafts, records, emitted shapes. Nothing that exists is ever overwritten.

use std::fs;
use std::fs::File;
use std::fs::OpenOptions;
use std::fs::TryLockError;
use std::io;
use std::io::Read;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;

use crate::change::Change;
use crate::change::DraftError;
use crate::change::Entry;
use crate::change::Header;
use crate::shell::places::Places;
use crate::shell::places::make_private;

/// The largest draft that is read.
const MAX_DRAFT: u64 = 64 << 20;

/// A draft on disk, open for appending and locked against a second operator.
#[derive(Debug)]
pub struct Draft {
    file: File,
    path: PathBuf,
    /// How many bytes of the file are whole lines.
    whole: u64,
}

/// Why a draft cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file cannot be read or written.
    #[error("cannot {what} `{}`: {why}", path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        why: io::Error,
    },
    /// Someone else works on this target.
    #[error("another portcullis works on this target; its draft is `{}`", .0.display())]
    Locked(PathBuf),
    /// Someone else adds to the records of this target.
    #[error("another portcullis adds to these records; its lock is `{}`", .0.display())]
    ChainLocked(PathBuf),
    /// The record was not signed.
    #[error("{0}")]
    NotSigned(String),
    /// The draft is not readable.
    #[error("cannot resume `{}`: {why}", path.display())]
    Draft {
        /// The file.
        path: PathBuf,
        /// Why.
        why: DraftError,
    },
}

pub(super) fn failed(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_owned();
    move |why| StoreError::File { what, path, why }
}

/// A draft with what it held.
#[derive(Debug)]
pub struct Opened {
    /// The open draft.
    pub draft: Draft,
    /// The change, new or resumed.
    pub change: Change,
    /// What is worth saying about it.
    pub notice: Option<String>,
}

impl Draft {
    /// Resumes the draft of a target, or begins one.
    ///
    /// # Errors
    ///
    /// When it cannot be read or written, is locked, or is not a draft of ours.
    pub fn open(places: &Places, target: &str, header: Header) -> Result<Opened, StoreError> {
        let dir = places.drafts();
        make_private(&dir).map_err(failed("make", &dir))?;
        let path = dir.join(format!("{target}.jsonl"));
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&path)
            .map_err(failed("open", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::Locked(path)),
            Err(TryLockError::Error(why)) => return Err(failed("lock", &path)(why)),
        }
        let mut text = String::new();
        let limited = (&mut file).take(MAX_DRAFT).read_to_string(&mut text);
        limited.map_err(failed("read", &path))?;
        let mut draft = Self { file, path, whole: 0 };
        // A header without its line end is all that a crash at the very start can leave.
        if !text.contains('\n') {
            draft.truncate(0)?;
            draft.append(&Change::line(&header))?;
            return Ok(Opened { draft, change: Change::begin(header), notice: None });
        }
        let (change, torn) = Change::read(&text)
            .map_err(|why| StoreError::Draft { path: draft.path.clone(), why })?;
        draft.whole = text.len() as u64;
        let mut notice = (!change.entries().is_empty())
            .then(|| "Resumed where you left off; everything was saved".to_owned());
        if let Some(torn) = torn {
            draft.truncate(torn.whole as u64)?;
            notice = Some(
                "Resumed; the last line of the draft was torn and has been dropped".to_owned(),
            );
        }
        Ok(Opened { draft, change, notice })
    }

    /// Puts entries on disk before it returns.
    ///
    /// # Errors
    ///
    /// When they cannot be written whole; what was written of them is taken back.
    pub fn save(&mut self, entries: &[Entry]) -> Result<(), StoreError> {
        self.append(&entries.iter().map(Change::line).collect::<String>())
    }

    fn append(&mut self, line: &str) -> Result<(), StoreError> {
        let written = self.file.write_all(line.as_bytes()).and_then(|()| self.file.sync_data());
        match written {
            Ok(()) => {
                self.whole += line.len() as u64;
                Ok(())
            }
            Err(why) => {
                let whole = self.whole;
                let error = failed("write", &self.path)(why);
                self.truncate(whole)?;
                Err(error)
            }
        }
    }

    fn truncate(&mut self, length: u64) -> Result<(), StoreError> {
        self.file.set_len(length).map_err(failed("shorten", &self.path))?;
        self.whole = length;
        Ok(())
    }

    /// Puts the draft aside once its record is sealed, so that the next change begins anew.
    ///
    /// # Errors
    ///
    /// When it cannot be moved.
    pub fn close(&self, places: &Places, change: &str) -> Result<(), StoreError> {
        let dir = places.drafts().join("closed");
        make_private(&dir).map_err(failed("make", &dir))?;
        let name = self.path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let to = dir.join(format!("{name}-{change}.jsonl"));
        fs::rename(&self.path, &to).map_err(failed("move", &self.path))
    }
}

/// Reads the change that a draft holds, whoever else works on it; none where there is none that
/// can be read.
#[must_use]
pub fn draft(places: &Places, target: &str) -> Option<Change> {
    let path = places.drafts().join(format!("{target}.jsonl"));
    Some(Change::read(&read_text(&path).ok()?).ok()?.0)
}

/// Writes a file only we can read, in the system's temporary folder; it is gone when it is dropped.
///
/// # Errors
///
/// When it cannot be written.
pub fn private_file(text: &str) -> std::io::Result<tempfile::NamedTempFile> {
    let mut file = tempfile::Builder::new().prefix("portcullis-").suffix(".json5").tempfile()?;
    file.write_all(text.as_bytes())?;
    Ok(file)
}

/// Writes a text to a new private file and waits until it is on disk.
///
/// # Errors
///
/// When the file exists, or cannot be written.
pub fn write_new(path: &Path, text: &str) -> Result<(), StoreError> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(failed("create", path))?;
    file.write_all(text.as_bytes()).map_err(failed("write", path))?;
    file.sync_all().map_err(failed("write", path))
}

/// Says whether something is at a path, be it a link that leads nowhere.
#[must_use]
pub fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// Returns the path of a file without links.
///
/// # Errors
///
/// When there is no such file.
pub fn real_path(path: &Path) -> Result<PathBuf, StoreError> {
    path.canonicalize().map_err(failed("find", path))
}

/// Removes a file of ours; none is fine.
///
/// # Errors
///
/// Whatever the system says.
pub fn remove(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(why) if why.kind() != io::ErrorKind::NotFound => Err(failed("remove", path)(why)),
        _ => Ok(()),
    }
}

/// Waits until a folder's entries are on disk.
///
/// # Errors
///
/// Whatever the system says.
pub fn sync_dir(dir: &Path) -> Result<(), StoreError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(failed("write", dir))
}

/// Reads a text file of bounded size.
///
/// # Errors
///
/// Whatever the system says, and when it is no UTF-8 text.
pub fn read_text(path: &Path) -> Result<String, StoreError> {
    let mut text = String::new();
    let file = File::open(path).map_err(failed("read", path))?;
    file.take(MAX_DRAFT).read_to_string(&mut text).map_err(failed("read", path))?;
    Ok(text)
}

/// Lists the operator's own runbooks.
#[must_use]
pub fn runbooks(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    let paths = entries.flatten().map(|entry| entry.path());
    let mut paths: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|end| end == "toml")).collect();
    paths.sort();
    paths
}

/// Removes a throw-away folder that holds nothing but a draft. Tells whether it is gone.
#[must_use]
pub fn discard_draft(places: &Places) -> bool {
    let Ok(entries) = fs::read_dir(&places.data) else { return false };
    let only_drafts = entries.flatten().all(|entry| entry.path() == places.drafts());
    only_drafts && fs::remove_dir_all(&places.data).is_ok()
}
