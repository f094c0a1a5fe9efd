//! What a crash left half done: finished where it came into force, dropped where it did not.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use crate::record::chain::Head;
use crate::record::chain::Tip;
use crate::record::chain::digest;
use crate::shell::chain::HeadFile;
use crate::shell::chain::SEALING;
use crate::shell::chain::read;
use crate::shell::chain::signature_of;
use crate::shell::store::StoreError;
use crate::shell::store::failed;
use crate::shell::store::remove;
use crate::shell::store::sync_dir;

/// Finishes what a crash left half done, or drops what never came into force.
pub(super) fn settle(dir: &Path) -> Result<(), StoreError> {
    let (new, new_sig) = (dir.join("head.new"), dir.join("head.new.sig"));
    let (old, old_sig) = (dir.join("head"), dir.join("head.sig"));
    let waiting = in_force(dir);
    if let Some(file) = waiting {
        if new_sig.exists() {
            fs::rename(&new_sig, &old_sig).map_err(failed("move into place", &old_sig))?;
        } else if file.head.is_some_and(|head| !head.says_signed()) {
            remove(&old_sig)?;
        }
        fs::rename(&new, &old).map_err(failed("move into place", &old))?;
        sync_dir(dir)?;
    } else {
        remove(&new)?;
        remove(&new_sig)?;
    }
    let entries = fs::read_dir(dir).map_err(failed("read", dir))?;
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(SEALING) {
            let path = entry.path();
            fs::remove_dir_all(&path).map_err(failed("remove", &path))?;
        }
    }
    let last = read(&old).ok().and_then(|bytes| Head::parse(&bytes)).map(|head| head.statements);
    drop_unsaid(&dir.join("statements"), &last.map(|tip| tip.name).unwrap_or_default())
}

/// Removes what was begun of a statement that never came into force behind the last one.
fn drop_unsaid(said: &Path, last: &str) -> Result<(), StoreError> {
    for entry in fs::read_dir(said).into_iter().flatten().flatten() {
        let (name, path) = (entry.file_name().to_string_lossy().into_owned(), entry.path());
        let alone = name.strip_suffix(".sig").is_some_and(|of| {
            of > last && of.starts_with(|c: char| c.is_ascii_digit()) && !said.join(of).exists()
        });
        if alone || (name.starts_with('.') && name.contains(".json")) {
            remove(&path)?;
        }
    }
    Ok(())
}

/// Returns the head that waits, where what it announces has come into place.
pub(super) fn in_force(dir: &Path) -> Option<HeadFile> {
    let bytes = read(&dir.join("head.new")).ok()?;
    let head = Head::parse(&bytes)?;
    let there = |below: PathBuf, name: &str| name.is_empty() || below.join(name).exists();
    if !there(dir.to_owned(), &head.records.name)
        || !there(dir.join("statements"), &head.statements.name)
    {
        return None;
    }
    let signed = head.says_signed();
    let own = read(&dir.join("head.new.sig")).ok();
    // It may have been moved to its place already.
    let signature = own.or_else(|| read(&dir.join("head.sig")).ok()).filter(|_| signed);
    Some(HeadFile { bytes, signature, head: Some(head) })
}

/// Tells whether what a head names last is what is there last.
#[must_use]
pub fn stands(dir: &Path, head: &Head) -> bool {
    let same = |path: PathBuf, tip: &Tip| {
        tip.count == 0
            || (read(&path).ok().map(|bytes| digest(&bytes)) == tip.sha256
                && read(&signature_of(&path)).ok().map(|bytes| digest(&bytes)) == tip.sig_sha256)
    };
    let newer = |below: &Path, name: &str| {
        let entries = fs::read_dir(below).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).any(|other| {
            other.as_str() > name && other.starts_with(|first: char| first.is_ascii_digit())
        })
    };
    let said = dir.join("statements");
    same(dir.join(&head.records.name).join("record.json"), &head.records)
        && same(said.join(&head.statements.name), &head.statements)
        && !newer(dir, &head.records.name)
        && !newer(&said, &format!("{}.sig", head.statements.name))
}
