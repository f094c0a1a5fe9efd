//! A chain as it is found on disk: its records, its statements, its head.

use std::fs;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;

use crate::record::chain::Head;
use crate::record::chain::Ring;
use crate::record::chain::digest;
use crate::record::said::Spoken;
use crate::record::statement::Statement;
use crate::record::verify::Found;
use crate::shell::chain::settle::in_force;
use crate::shell::chain::signature_of;
use crate::shell::store::StoreError;
use crate::shell::store::failed;

/// The largest `record.json`, signature, head or statement that is read.
const MAX: u64 = 64 << 20;

/// A head as it is on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeadFile {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its signature, where it says that it has one and the file is there.
    pub signature: Option<Vec<u8>>,
    /// What it says; none where it is none.
    pub head: Option<Head>,
}

/// Returns the head of a chain; none where there is none.
#[must_use]
pub fn head(dir: &Path) -> Option<HeadFile> {
    if let Some(file) = in_force(dir) {
        return Some(file);
    }
    let bytes = read(&dir.join("head")).ok()?;
    let head = Head::parse(&bytes);
    let signed = head.as_ref().is_none_or(Head::says_signed);
    let signature = read(&dir.join("head.sig")).ok().filter(|_| signed);
    Some(HeadFile { bytes, signature, head })
}

/// Lists the records of a target, the oldest first by the names of their folders.
#[must_use]
pub fn folders(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let visible = |path: &PathBuf| {
        path.file_name().is_some_and(|name| !name.to_string_lossy().starts_with('.'))
    };
    let mut folders: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| visible(path) && path.join("record.json").is_file())
        .collect();
    folders.sort();
    folders
}

/// Reads the records of a target as far as their chain goes.
#[must_use]
pub fn rings(dir: &Path) -> Vec<Ring> {
    folders(dir)
        .iter()
        .filter_map(|folder| {
            let bytes = read(&folder.join("record.json")).ok()?;
            let sig = read(&folder.join("record.json.sig")).ok();
            Some(Found::new(name(folder), bytes, sig).ring())
        })
        .collect()
}

/// A statement as it is on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementFile {
    /// The name of its file.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its signature, where there is one.
    pub signature: Option<Vec<u8>>,
    /// What it says; none where it is none.
    pub statement: Option<Statement>,
}

impl StatementFile {
    /// Returns it as it was spoken; none where it is no statement.
    #[must_use]
    pub fn spoken(&self) -> Option<Spoken<'_>> {
        let statement = self.statement.as_ref()?;
        let (file, bytes) = (self.name.as_str(), self.bytes.as_slice());
        Some(Spoken { file, bytes, signature: self.signature.as_deref(), statement })
    }

    /// Returns it as a ring of its chain.
    #[must_use]
    pub fn ring(&self) -> Ring {
        Ring {
            name: self.name.clone(),
            sha256: digest(&self.bytes),
            sig_sha256: self.signature.as_deref().map(digest),
            link: self.statement.as_ref().map(|statement| statement.chain.clone()),
        }
    }
}

/// Reads the statements of a target.
#[must_use]
pub fn statements(dir: &Path) -> Vec<StatementFile> {
    let entries = fs::read_dir(dir.join("statements")).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.retain(|path| {
        !name(path).starts_with('.') && path.extension().is_some_and(|end| end == "json")
    });
    paths.sort();
    let statement = |path: &PathBuf| {
        let bytes = read(path).ok()?;
        let signature = read(&signature_of(path)).ok();
        let statement = Statement::parse(&bytes);
        Some(StatementFile { name: name(path), bytes, signature, statement })
    };
    paths.iter().filter_map(statement).collect()
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Reads a file of bounded size.
///
/// # Errors
///
/// Whatever the system says.
pub fn read(path: &Path) -> Result<Vec<u8>, StoreError> {
    let mut file = File::open(path).map_err(failed("read", path))?;
    let size = file.metadata().map_or(0, |it| it.len());
    // A file of ours has its size once and for all, and is read in one go.
    if let Ok(size @ 1..) = usize::try_from(size.min(MAX)) {
        let mut bytes = vec![0; size];
        file.read_exact(&mut bytes).map_err(failed("read", path))?;
        return Ok(bytes);
    }
    let mut bytes = Vec::new();
    file.take(MAX).read_to_end(&mut bytes).map_err(failed("read", path))?;
    Ok(bytes)
}
