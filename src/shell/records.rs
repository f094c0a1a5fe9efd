//! Records as they are found: in their folders, or in one exported file.

use std::collections::BTreeMap;
use std::fs;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::path::PathBuf;

use chrono::DateTime;
use chrono::FixedOffset;
use chrono::Local;
use chrono::NaiveDateTime;
use chrono::TimeZone;
use serde::Deserialize;
use serde::Serialize;
use sha2::Digest;
use sha2::Sha256;

use crate::record::chain;
use crate::record::chain::Fault;
use crate::record::chain::Ring;
use crate::record::chain::Weight;
use crate::record::document::Document;
use crate::record::signers::Revoked;
use crate::record::signers::RevokedError;
use crate::record::signers::Signers;
use crate::record::verify;
use crate::record::verify::Found;
use crate::record::verify::Said;
use crate::record::verify::Trust;
use crate::record::verify::Verified;
use crate::shell::chain as on_disk;
use crate::shell::places::Places;
use crate::shell::sign;
use crate::shell::store;
use crate::shell::store::StoreError;
use crate::shell::store::failed;

/// The files of a record that it does not list itself.
const OWN: [&str; 2] = ["record.json", "record.json.sig"];

/// What the list shows of a record; kept in an index that can be made anew at any time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The target.
    pub target: String,
    /// The name of its folder.
    pub folder: String,
    /// When it was sealed.
    pub sealed: DateTime<FixedOffset>,
    /// The name of the change.
    pub change: String,
    /// How the change ended.
    pub outcome: String,
    /// The pattern, where one was chosen.
    pub pattern: Option<String>,
    /// Who sealed it, by their own word.
    pub operator: String,
    /// Whether it is about the sample gateway.
    pub demo: bool,
    /// Its place in the chain.
    pub seq: Option<u64>,
    /// Whether it says that it is signed; only verifying tells whether that is so.
    pub signed: bool,
    /// Size and time of `record.json`, by which the index is known to be out of date.
    stamp: (u64, i64, i64),
}

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

/// Lists all records, the newest first.
#[must_use]
pub fn list(places: &Places) -> (Vec<Entry>, Vec<Unreadable>) {
    let (mut entries, mut unreadable) = (Vec::new(), Vec::new());
    for target in targets(places) {
        of_target(places, &target, &mut entries, &mut unreadable);
    }
    entries.sort_by(|a, b| (b.sealed, &b.folder).cmp(&(a.sealed, &a.folder)));
    (entries, unreadable)
}

fn of_target(
    places: &Places,
    target: &str,
    entries: &mut Vec<Entry>,
    unreadable: &mut Vec<Unreadable>,
) {
    let dir = places.records(target);
    let index = dir.join("index.json");
    let known = on_disk::read(&index).ok();
    let known = known.and_then(|bytes| serde_json::from_slice::<Vec<Entry>>(&bytes).ok());
    let known = known.unwrap_or_default();
    let mut known: BTreeMap<String, Entry> =
        known.into_iter().map(|entry| (entry.folder.clone(), entry)).collect();
    let (before, mut fresh) = (known.len(), 0);
    let mut listed = Vec::new();
    let children = fs::read_dir(&dir).into_iter().flatten().flatten();
    for child in children {
        let name = child.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        let json = child.path().join("record.json");
        let Ok(metadata) = fs::metadata(&json) else { continue };
        let stamp = (metadata.len(), metadata.mtime(), metadata.mtime_nsec());
        if let Some(entry) = known.remove(&name).filter(|entry| entry.stamp == stamp) {
            listed.push(entry);
            continue;
        }
        let read = on_disk::read(&json).map_err(|why| why.to_string());
        match read.and_then(|bytes| Document::parse(&bytes).map_err(|why| why.to_string())) {
            Ok(document) => {
                fresh += 1;
                listed.push(Entry {
                    target: target.to_owned(),
                    folder: name,
                    sealed: document.sealed,
                    signed: document.says_signed(),
                    change: document.change,
                    outcome: document.outcome,
                    pattern: document.pattern.chosen,
                    operator: document.operator.name,
                    demo: document.demo,
                    seq: document.chain.seq,
                    stamp,
                });
            }
            Err(why) => unreadable.push(Unreadable { folder: child.path(), why }),
        }
    }
    if fresh > 0 || before != listed.len() {
        // A folder that cannot be written to is listed all the same, only more slowly.
        let _ = keep_index(&index, &listed);
    }
    entries.append(&mut listed);
}

fn keep_index(path: &Path, entries: &[Entry]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".index-").tempfile_in(folder)?;
    serde_json::to_writer(&mut file, entries)?;
    file.persist(path).map(drop).map_err(|error| error.error)
}

/// Reads a record from its folder, with the digests of all that stands beside it.
///
/// # Errors
///
/// When `record.json` cannot be read.
pub fn found(folder: &Path) -> Result<Found, StoreError> {
    let json = on_disk::read(&folder.join("record.json"))?;
    let signature = on_disk::read(&folder.join("record.json.sig")).ok();
    let mut found = Found {
        folder: name(folder),
        json,
        signature,
        countersignatures: Vec::new(),
        files: BTreeMap::new(),
        said: Vec::new(),
    };
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

/// The one file that goes to somebody else: all of a record, its bytes as they were signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bundle {
    /// Always `portcullis/export`.
    pub schema: String,
    /// The version of the shape.
    pub version: u32,
    /// The name of the record's folder.
    pub folder: String,
    /// The text of `record.json`.
    pub record: String,
    /// The text of `record.json.sig`, where it is signed.
    pub signature: Option<String>,
    /// The texts of further signatures, by the name of their file.
    pub countersignatures: BTreeMap<String, String>,
    /// The texts of the files beside it.
    pub files: BTreeMap<String, String>,
}

/// The schema an exported file names.
const BUNDLE: &str = "portcullis/export";

impl Bundle {
    /// Gathers a record into one file.
    ///
    /// # Errors
    ///
    /// When a file of it cannot be read as text.
    pub fn gather(folder: &Path, found: &Found) -> Result<Self, StoreError> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let files = found.files.keys().map(|path| {
            let content = store::read_text(&folder.join(path))?;
            Ok((path.clone(), content))
        });
        Ok(Self {
            schema: BUNDLE.to_owned(),
            version: 1,
            folder: found.folder.clone(),
            record: text(&found.json),
            signature: found.signature.as_deref().map(text),
            countersignatures: (found.countersignatures.iter())
                .map(|(file, bytes)| (file.clone(), text(bytes)))
                .collect(),
            files: files.collect::<Result<_, StoreError>>()?,
        })
    }

    /// Reads an exported file; none where it is something else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bundle: Self = serde_json::from_str(text).ok()?;
        (bundle.schema == BUNDLE && bundle.version == 1).then_some(bundle)
    }

    /// Returns the record in it.
    #[must_use]
    pub fn found(&self) -> Found {
        let files = self.files.iter();
        let others = self.countersignatures.iter();
        Found {
            folder: self.folder.clone(),
            json: self.record.clone().into_bytes(),
            signature: self.signature.clone().map(String::into_bytes),
            countersignatures: others.map(|(f, t)| (f.clone(), t.clone().into_bytes())).collect(),
            files: files.map(|(p, t)| (p.clone(), chain::digest(t.as_bytes()))).collect(),
            said: Vec::new(),
        }
    }
}

/// Who is believed, as read from disk.
#[derive(Clone, Debug, Default)]
pub struct Believed {
    /// The list of signers, and where it was read from.
    pub signers: Option<(PathBuf, Signers)>,
    /// The keys that count no more.
    pub revoked: Revoked,
}

/// Why nobody can be believed.
#[derive(Debug, thiserror::Error)]
pub enum BelievedError {
    /// A named file cannot be read.
    #[error(transparent)]
    File(#[from] StoreError),
    /// The list of revoked keys cannot be used, so nothing passes.
    #[error("`{}` cannot be used: {why}", path.display())]
    Revoked {
        /// The file.
        path: PathBuf,
        /// Why.
        why: RevokedError,
    },
}

impl Believed {
    /// Reads who may sign and which keys are revoked: from the named files, else from ours.
    ///
    /// # Errors
    ///
    /// When a named file cannot be read, or the list of revoked keys cannot be used.
    pub fn read(
        config: &Path,
        signers: Option<&Path>,
        revoked: Option<&Path>,
    ) -> Result<Self, BelievedError> {
        let path = signers.map_or_else(|| config.join("allowed_signers"), Path::to_owned);
        let text = match on_disk::read(&path) {
            Err(why) if signers.is_some() => return Err(why.into()),
            Err(_) => None,
            Ok(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        };
        let list = text.map(|text| (path, Signers::parse(&text, &zone)));
        let path = revoked.map_or_else(|| config.join("revoked_keys"), Path::to_owned);
        let revoked = match on_disk::read(&path) {
            Err(why) if revoked.is_some() => return Err(why.into()),
            Err(_) => Revoked::default(),
            Ok(bytes) => Revoked::parse(&bytes)
                .map_err(|why| BelievedError::Revoked { path: path.clone(), why })?,
        };
        Ok(Self { signers: list, revoked })
    }

    /// Returns whom to believe; keys that are not known here are asked about elsewhere.
    #[must_use]
    pub fn trust(&self) -> Trust<'_> {
        Trust {
            signers: self.signers.as_ref().map(|(_, signers)| signers),
            revoked: &self.revoked,
            elsewhere: &sign::ask,
        }
    }
}

/// Turns a time of this place into seconds since 1970.
fn zone(time: NaiveDateTime) -> Option<i64> {
    Local.from_local_datetime(&time).earliest().map(|time| time.timestamp())
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
    let rings: Vec<Ring> = (all.iter())
        .map(|(_, f)| on_disk::ring(f.folder.clone(), &f.json, f.signature.as_deref()))
        .collect();
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
        let sha256 = chain::digest(&found.json);
        let about = said.iter().filter_map(|file| Some((file, file.statement.as_ref()?)));
        let about = about.filter(|(_, statement)| statement.record == sha256);
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
