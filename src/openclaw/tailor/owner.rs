//! Which file a change belongs to, and whether OpenClaw's writer puts it there.
//!
//! OpenClaw 2026.9.6 writes a patch into an included file only when that file alone owns every key
//! of it (`config/include-write-boundary.ts`). A patch that reaches into an include otherwise is
//! refused, though its dry run says that it is fine.

use std::path::Path;
use std::path::PathBuf;

use crate::openclaw::config::Config;
use crate::openclaw::config::Include;
use crate::openclaw::tailor::work::Change;

/// Where a change goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    /// The file.
    pub(super) file: PathBuf,
    /// Where what the file holds stands in the merged config.
    pub(super) at: Vec<String>,
    /// Whether OpenClaw's writer puts it there; it refuses it otherwise.
    pub(super) by_writer: bool,
}

/// Finds where a change goes.
pub(super) fn of(change: &Change, config: &Config) -> Owner {
    let root = || Owner { file: config.path.clone(), at: Vec::new(), by_writer: true };
    if let Some(include) = boundary(&change.path, config) {
        let Some(file) = include.files.first() else { return root() };
        let by_writer = is_inside(file, config);
        return Owner { file: file.clone(), at: include.path.clone(), by_writer };
    }
    let around = || config.includes.iter().filter(|include| starts(&change.path, &include.path));
    let Some(include) = around().max_by_key(|include| include.path.len()) else {
        return root();
    };
    // What stands beside an include in the first file is written there; a list that meets one from
    // the include is joined with it, and so cannot be.
    let keys: Vec<&str> = change.path.iter().map(String::as_str).collect();
    let place = config.place(&keys).map(|place| place.file);
    let joined = change.before.as_ref().is_some_and(serde_json::Value::is_array);
    let file = match place {
        Some(file) if file == config.path && !joined => return root(),
        Some(file) => file,
        None if include.list => include.written.clone(),
        None => include.files.first().unwrap_or(&include.written).clone(),
    };
    let holds = around().find(|include| include.files.contains(&file));
    let at = holds.map(|include| include.path.clone()).unwrap_or_default();
    Owner { file, at, by_writer: false }
}

/// Returns the deepest include that alone owns a path.
fn boundary<'c>(path: &[String], config: &'c Config) -> Option<&'c Include> {
    let all = &config.includes;
    if all.iter().any(|include| include.path.is_empty()) {
        return None;
    }
    let owns = |entry: &Include| {
        let others = || all.iter().filter(|other| !std::ptr::eq(*other, entry));
        is_sole(entry)
            && starts(path, &entry.path)
            && !others().any(|other| starts(&entry.path, &other.path) && !is_sole(other))
            && !others().any(|other| {
                other.path.len() > entry.path.len() && starts(&other.path, &entry.path)
            })
            && !others().any(|other| {
                other.path != entry.path && other.files.iter().any(|f| entry.files.contains(f))
            })
            // Two includes at one path are one file that includes another at its root.
            && !others().any(|other| other.path == entry.path)
            && !entry.path.iter().any(|key| key.bytes().all(|b| b.is_ascii_digit()))
    };
    all.iter().filter(|entry| owns(entry)).max_by_key(|entry| entry.path.len())
}

fn is_sole(include: &Include) -> bool {
    !include.list && !include.beside
}

fn starts(path: &[String], prefix: &[String]) -> bool {
    path.len() >= prefix.len() && path.iter().zip(prefix).all(|(a, b)| a == b)
}

/// Says whether a file lies in the config's own folder, the only one OpenClaw writes includes in.
fn is_inside(file: &Path, config: &Config) -> bool {
    config.path.parent().is_some_and(|folder| file.starts_with(folder))
}
