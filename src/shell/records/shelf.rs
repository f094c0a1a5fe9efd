//! A target's records, verified in their chain.

use std::collections::BTreeSet;
use std::path::PathBuf;

use chrono::DateTime;
use chrono::FixedOffset;

use crate::record::chain;
use crate::record::chain::Fault;
use crate::record::chain::Ring;
use crate::record::chain::Weight;
use crate::record::trust::Trust;
use crate::record::verify;
use crate::record::verify::Alone;
use crate::record::verify::Verified;
use crate::shell::chain as on_disk;
use crate::shell::chain::HeadFile;
use crate::shell::chain::StatementFile;
use crate::shell::places::Places;
use crate::shell::records::Believed;
use crate::shell::records::Unreadable;
use crate::shell::records::about;
use crate::shell::records::found;

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
    let trust = believed.trust();
    let statements = on_disk::statements(&dir);
    let mut shelf = Shelf::default();
    let mut rings = Vec::new();
    let mut alone = Vec::new();
    // One after the other, so that only one is held at a time.
    for folder in on_disk::folders(&dir) {
        match found(&folder) {
            Ok(mut found) => {
                found.said = about(&statements, &found, trust);
                let elsewhere = found.document.as_ref().ok().map(|document| &document.target.id);
                let astray = elsewhere.filter(|id| *id != target).map(|id| astray(id));
                rings.push(found.ring());
                alone.push((folder, Alone::of(found, trust, now), astray));
            }
            Err(why) => shelf.unreadable.push(Unreadable { folder, why: why.to_string() }),
        }
    }
    let head = on_disk::head(&dir);
    let told = head.as_ref().and_then(|file| file.head.as_ref());
    let mut records = chain::follow("record", &rings, told.map(|head| &head.records));
    shelf.faults = std::mem::take(&mut records.whole);
    shelf.faults.extend(statements_faults(&statements, &rings, head.as_ref(), target, trust));
    shelf.faults.extend(head.and_then(|file| match &file.head {
        None => Some(Fault {
            weight: Weight::Broken,
            cause: "the head cannot be read".to_owned(),
            remedy: "restore `head` and `head.sig` from a backup",
        }),
        Some(head) => verify::head(head, &file.bytes, file.signature.as_deref(), target, trust),
    }));
    for ((folder, alone, astray), ring) in alone.into_iter().zip(&rings) {
        let mut own = records.of.remove(&ring.name).unwrap_or_default();
        own.extend(astray);
        own.extend(shelf.faults.iter().cloned());
        shelf.records.push((folder, alone.placed(Some(&own))));
    }
    shelf
}

/// Finds what is wrong with what was said later.
fn statements_faults(
    statements: &[StatementFile],
    records: &[Ring],
    head: Option<&HeadFile>,
    target: &str,
    trust: Trust<'_>,
) -> Vec<Fault> {
    let rings: Vec<Ring> = statements.iter().map(StatementFile::ring).collect();
    let told = head.and_then(|file| file.head.as_ref());
    let row = chain::follow("statement", &rings, told.map(|head| &head.statements));
    // Where nothing was said later, a head that is missing is missing once.
    let missing = row.whole.into_iter().filter(|_| told.is_some() || !statements.is_empty());
    let mut faults: Vec<Fault> = missing.chain(row.of.into_values().flatten()).collect();
    let records: BTreeSet<&str> = records.iter().map(|ring| ring.sha256.as_str()).collect();
    let spoken = statements.iter().filter_map(StatementFile::spoken);
    faults.extend(spoken.filter_map(|it| verify::statement(&it, target, &records, trust)));
    faults
}

fn astray(id: &str) -> Fault {
    Fault {
        weight: Weight::Broken,
        cause: format!("it is about another gateway, `{id}`"),
        remedy: "move it back to the records of that gateway",
    }
}
