//! Records as they are found: in their folders, or in one exported file.

mod believed;
mod bundle;
mod list;
mod previous;
mod shelf;
mod show;

use std::collections::BTreeMap;
use std::fs;
use std::fs::File;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use sha2::Digest;
use sha2::Sha256;

pub use self::believed::Believed;
pub use self::believed::BelievedError;
pub use self::believed::read_policy;
pub use self::bundle::Bundle;
pub use self::list::Entry;
pub use self::list::list;
pub use self::list::list_of;
pub use self::previous::newest;
pub use self::previous::previous;
pub use self::shelf::Shelf;
pub use self::shelf::verify;
pub use self::show::listed;
pub use self::show::open;
pub use self::show::word;
use crate::record::said;
use crate::record::said::Said;
use crate::record::sshsig::Signature;
use crate::record::statement::Deed;
use crate::record::trust::Trust;
use crate::record::verify::Found;
use crate::shell::chain as on_disk;
use crate::shell::chain::StatementFile;
use crate::shell::places::Places;
use crate::shell::store::StoreError;
use crate::shell::store::failed;

/// The files of a record that it does not list itself.
const OWN: [&str; 2] = ["record.json", "record.json.sig"];

/// What can be said of a folder that is no record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// The folder.
    pub folder: PathBuf,
    /// Why.
    pub why: String,
}

/// Lists the targets that have records.
#[must_use]
pub fn targets(places: &Places) -> Vec<String> {
    let entries = fs::read_dir(places.data.join("records")).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let mut names: Vec<String> =
        folders.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Reads a record from its folder, with the digests of all that stands beside it.
///
/// # Errors
///
/// When `record.json` cannot be read.
pub fn found(folder: &Path) -> Result<Found, StoreError> {
    let json = on_disk::read(&folder.join("record.json"))?;
    let signature = on_disk::read(&folder.join("record.json.sig")).ok();
    let mut found = Found::new(name(folder), json, signature);
    walk(folder, folder, &mut found)?;
    found.countersignatures.sort();
    Ok(found)
}

/// Reads what was said later about a record of a target, and judges it.
#[must_use]
pub fn said(dir: &Path, found: &Found, trust: Trust<'_>) -> Vec<Said> {
    about(&on_disk::statements(dir), found, trust)
}

/// Finds the records that are withdrawn, or said to be, by target and folder.
#[must_use]
pub fn withdrawn(places: &Places, believed: &Believed) -> BTreeMap<(String, String), Said> {
    let mut all = BTreeMap::new();
    for target in targets(places) {
        let dir = places.records(&target);
        let statements = on_disk::statements(&dir);
        for spoken in statements.iter().filter_map(StatementFile::spoken) {
            if !matches!(spoken.statement.deed, Deed::Revoke { .. } | Deed::Supersede { .. }) {
                continue;
            }
            let folder = &spoken.statement.folder;
            let Ok(found) = found(&dir.join(folder)) else { continue };
            let said = about(&statements, &found, believed.trust());
            if let Some(said) = said::withdrawal(&said).or_else(|| said::claim(&said)) {
                all.insert((target.clone(), folder.clone()), said.clone());
            }
        }
    }
    all
}

/// Judges those of the statements that are about a record.
fn about(statements: &[StatementFile], found: &Found, trust: Trust<'_>) -> Vec<Said> {
    let spoken = statements.iter().filter_map(StatementFile::spoken);
    let about = spoken.filter(|spoken| spoken.statement.record == found.sha256);
    let mut about: Vec<_> = about.collect();
    if about.is_empty() {
        return Vec::new();
    }
    about.sort_by_key(|spoken| spoken.statement.chain.seq);
    let first = found.signature.as_deref().and_then(|sig| Signature::parse(sig).ok());
    about.iter().map(|spoken| spoken.judge(first.as_ref(), trust)).collect()
}

fn walk(root: &Path, dir: &Path, found: &mut Found) -> Result<(), StoreError> {
    let entries = fs::read_dir(dir).map_err(failed("read", dir))?;
    for entry in entries.flatten() {
        let path = entry.path();
        let kind = entry.file_type().map_err(failed("read", &path))?;
        if kind.is_dir() {
            walk(root, &path, found)?;
            continue;
        }
        let below = path.strip_prefix(root).unwrap_or(&path).display().to_string();
        if OWN.contains(&below.as_str()) {
            continue;
        }
        if below.starts_with("countersign/") {
            found.countersignatures.push((below, on_disk::read(&path)?));
            continue;
        }
        let mut hash = Sha256::new();
        let mut file = File::open(&path).map_err(failed("read", &path))?;
        io::copy(&mut file, &mut hash).map_err(failed("read", &path))?;
        found.files.insert(below, format!("{:x}", hash.finalize()));
    }
    Ok(())
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
