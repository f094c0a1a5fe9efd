//! Records as they are found: in their folders, or in one exported file.

mod believed;
mod bundle;
mod list;

use std::fs;
use std::fs::File;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use chrono::DateTime;
use chrono::FixedOffset;
use sha2::Digest;
use sha2::Sha256;

pub use self::believed::Believed;
pub use self::believed::BelievedError;
pub use self::bundle::Bundle;
pub use self::list::Entry;
pub use self::list::list;
use crate::record::chain;
use crate::record::chain::Fault;
use crate::record::chain::Ring;
use crate::record::chain::Weight;
use crate::record::verify;
use crate::record::verify::Found;
use crate::record::verify::Said;
use crate::record::verify::Verified;
use crate::shell::chain as on_disk;
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

/// A target's records, verified in their chain.
#[derive(Clone, Debug, Default)]
pub struct Shelf {
    /// Each record with what was found, the oldest first.
    pub records: Vec<(PathBuf, Verified)>,
    /// Folders that are no records.
    pub unreadable: Vec<Unreadable>,
    /// What is wrong with the chain as a whole.
    pub faults: Vec<Fault>,
}

/// Verifies the records of a target and their chain.
#[must_use]
pub fn verify(
    places: &Places,
    target: &str,
    believed: &Believed,
    now: DateTime<FixedOffset>,
) -> Shelf {
    let dir = places.records(target);
    let mut shelf = Shelf::default();
    let mut all = Vec::new();
    for folder in on_disk::folders(&dir) {
        match found(&folder) {
            Ok(found) => all.push((folder, found)),
            Err(why) => shelf.unreadable.push(Unreadable { folder, why: why.to_string() }),
        }
    }
    let rings: Vec<Ring> = all.iter().map(|(_, found)| found.ring()).collect();
    let trust = believed.trust();
    let head = on_disk::head(&dir);
    let told = head.as_ref().and_then(|file| file.head.as_ref());
    let mut records = chain::follow("record", &rings, told.map(|head| &head.records));
    let said = on_disk::statements(&dir);
    let statements = chain::follow(
        "statement",
        &on_disk::statement_rings(&dir),
        told.map(|head| &head.statements),
    );
    let mut faults = std::mem::take(&mut records.whole);
    // Where nothing was said later, a head that is missing is missing once.
    let missing = statements.whole.into_iter().filter(|_| told.is_some() || !said.is_empty());
    faults.extend(missing.chain(statements.of.into_values().flatten()));
    if let Some(file) = &head {
        faults.extend(match &file.head {
            None => Some(Fault {
                weight: Weight::Broken,
                cause: "the head cannot be read".to_owned(),
                remedy: "restore `head` and `head.sig` from a backup",
            }),
            Some(head) => {
                let sig = file.signature.as_deref();
                verify::head(&file.bytes, sig, head.says_signed(), head.at, trust)
            }
        });
    }
    for (folder, mut found) in all {
        let about = said.iter().filter_map(|file| Some((file, file.statement.as_ref()?)));
        let about = about.filter(|(_, statement)| statement.record == found.sha256);
        let later = about.map(|(file, statement)| Said {
            kind: statement.kind,
            who: statement.who.clone(),
            why: statement.says.clone(),
            vouched: verify::vouched(&file.bytes, file.signature.as_deref(), statement.at, trust),
        });
        found.said = later.collect();
        let mut own = records.of.remove(&found.folder).unwrap_or_default();
        own.extend(faults.iter().cloned());
        shelf.records.push((folder, verify::verify(&found, Some(&own), trust, now)));
    }
    shelf.faults = faults;
    shelf
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
