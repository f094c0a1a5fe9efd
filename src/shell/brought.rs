//! Files that were brought from another host, and the config files they are held against.
#![expect(clippy::disallowed_methods, reason = "one of the modules that touch files")]

use std::fs::DirBuilder;
use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::Read;
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use chrono::DateTime;
use chrono::FixedOffset;
use chrono::Utc;
use sha2::Digest;
use sha2::Sha256;

/// The largest file that is read.
const MAX: u64 = 16 << 20;

/// A file as it is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// What it holds.
    pub bytes: Vec<u8>,
    /// When it was last written.
    pub written: DateTime<FixedOffset>,
    /// SHA-256 of what it holds, in hex.
    pub sha256: String,
}

/// Reads a regular file of bounded size; nothing else is opened, so that nothing can hang.
///
/// # Errors
///
/// Whatever the system says, and when it is no regular file or too large.
pub fn read(path: &Path) -> io::Result<Piece> {
    let file = File::options().read(true).custom_flags(nix::libc::O_NONBLOCK).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    let mut bytes = Vec::new();
    file.take(MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX {
        return Err(io::Error::other("it is larger than 16 MB"));
    }
    let written = DateTime::<Utc>::from(metadata.modified()?).fixed_offset();
    let sha256 = format!("{:x}", Sha256::digest(&bytes));
    Ok(Piece { bytes, written, sha256 })
}

/// Makes a new private folder.
///
/// # Errors
///
/// When there is something already, or it cannot be made.
pub fn folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)
}

/// Adds to a private file, which is made where there is none.
///
/// # Errors
///
/// Whatever the system says.
pub fn add(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}
