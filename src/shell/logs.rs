//! The logs there are, searched piece by piece. Nothing is opened that could hang.
#![expect(clippy::disallowed_methods, reason = "one of the modules that look at the world")]

mod journal;

use std::fs;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;

use crate::openclaw::logs;
use crate::openclaw::logs::Hit;
use crate::openclaw::logs::Progress;
use crate::openclaw::logs::Search;
pub use crate::shell::logs::journal::journal;

/// How many files are searched, the newest first.
const FILES: usize = 500;

/// How many bytes are searched in all.
const BYTES: u64 = 2 << 30;

/// How deep the state directory's logs are walked.
const DEPTH: usize = 4;

/// How much is read at once.
const PIECE: usize = 1 << 20;

/// A log that was searched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Searched {
    /// The file, or the command that prints it.
    pub place: String,
    /// How many bytes of it.
    pub bytes: u64,
    /// Whether others than its owner may read it.
    pub open: bool,
    /// What stands in it.
    pub hits: Vec<Hit>,
}

/// What came of a search.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The logs that were searched.
    pub searched: Vec<Searched>,
    /// The logs that were not, and why.
    pub missed: Vec<String>,
}

/// Finds the logs of a gateway: the config's own file, the shared folder, the state directory.
///
/// Answers them the newest first, and the places that were looked at.
#[must_use]
pub fn find(file: Option<&Path>, state_dir: &Path) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let uid = nix::unistd::geteuid();
    let fallback = std::env::temp_dir().join(format!("openclaw-{uid}"));
    let mut places = vec![PathBuf::from(logs::FOLDER), fallback, state_dir.join("logs")];
    let mut found = Vec::new();
    for folder in &places[..2] {
        walk(folder, 1, &logs::is_log, &mut found);
    }
    walk(&state_dir.join("logs"), DEPTH, &|_| true, &mut found);
    if let Some(file) = file {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let rotated = |other: &str| {
            let rest = other.strip_prefix(&name);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        walk(file.parent().unwrap_or(Path::new(".")), 1, &rotated, &mut found);
        places.insert(0, file.to_owned());
    }
    found.sort_by_key(|(path, modified)| (std::cmp::Reverse(*modified), path.clone()));
    found.dedup();
    (found.into_iter().map(|(path, _)| path).collect(), places)
}

/// Searches files, as many and as much as is reasonable.
#[must_use]
pub fn search(files: &[PathBuf], search: &Search) -> Answer {
    let mut answer = Answer::default();
    let mut left = BYTES;
    for (at, path) in files.iter().enumerate() {
        if at == FILES || left == 0 {
            let more = files.len() - at;
            answer.missed.push(format!("{more} older files, too many or too large to search"));
            break;
        }
        match one(path, search, left) {
            Ok(searched) => {
                left = left.saturating_sub(searched.bytes);
                answer.searched.push(searched);
            }
            // What another gateway rotated away meanwhile is no log any more.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => answer.missed.push(format!("{}: {error}", path.display())),
        }
    }
    answer
}

fn one(path: &Path, search: &Search, most: u64) -> std::io::Result<Searched> {
    let file = File::options().read(true).custom_flags(nix::libc::O_NONBLOCK).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(std::io::Error::other("not a regular file"));
    }
    let mut reader = file.take(most);
    let mut piece = vec![0; PIECE];
    let (mut progress, mut bytes) = (Progress::default(), 0);
    loop {
        let read = match reader.read(&mut piece) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        bytes += read as u64;
        search.piece(piece.get(..read).unwrap_or_default(), &mut progress);
    }
    let open = metadata.mode() & 0o044 != 0;
    Ok(Searched { place: path.display().to_string(), bytes, open, hits: progress.hits() })
}

fn walk(
    folder: &Path,
    depth: usize,
    wanted: &dyn Fn(&str) -> bool,
    found: &mut Vec<(PathBuf, i64)>,
) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.take(10_000).flatten() {
        let Ok(kind) = entry.file_type() else { continue };
        let name = entry.file_name().to_string_lossy().into_owned();
        if kind.is_dir() && depth > 1 {
            walk(&entry.path(), depth - 1, wanted, found);
        } else if !kind.is_dir() && wanted(&name) {
            let modified = fs::metadata(entry.path()).map_or(0, |metadata| metadata.mtime());
            found.push((entry.path(), modified));
        }
    }
}
