//! The list of records, with an index that can be made anew at any time.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use chrono::DateTime;
use chrono::FixedOffset;
use serde::Deserialize;
use serde::Serialize;

use crate::record::document::Document;
use crate::shell::chain as on_disk;
use crate::shell::places::Places;
use crate::shell::records::Unreadable;
use crate::shell::records::targets;

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

/// Lists all records, the newest first.
#[must_use]
pub fn list(places: &Places) -> (Vec<Entry>, Vec<Unreadable>) {
    list_all(places, &targets(places))
}

/// Lists the records of a target, the newest first.
#[must_use]
pub fn list_of(places: &Places, target: &str) -> (Vec<Entry>, Vec<Unreadable>) {
    list_all(places, &[target.to_owned()])
}

fn list_all(places: &Places, targets: &[String]) -> (Vec<Entry>, Vec<Unreadable>) {
    let (mut entries, mut unreadable) = (Vec::new(), Vec::new());
    for target in targets {
        of_target(places, target, &mut entries, &mut unreadable);
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
