//! The record of a target that counts now, for whoever goes on from it.

use std::path::PathBuf;

use crate::record::Previous;
use crate::record::chain;
use crate::record::chain::Ring;
use crate::record::chain::Weight;
use crate::record::said;
use crate::record::statement::Deed;
use crate::record::statement::Named;
use crate::record::verify;
use crate::record::verify::Found;
use crate::shell::chain as on_disk;
use crate::shell::chain::StatementFile;
use crate::shell::places::Places;
use crate::shell::records;
use crate::shell::records::Believed;
use crate::shell::records::name;

/// How many records may stand in each other's place before it is a circle.
const MOST: usize = 16;

/// Reads the newest record of a target, or the one that stands in its place, with what was said
/// about it; none where there is none that can be read.
#[must_use]
pub fn newest(places: &Places, target: &str, believed: &Believed) -> Option<(PathBuf, Found)> {
    let (dir, trust) = (places.records(target), believed.trust());
    let folders = on_disk::folders(&dir);
    // A folder's name begins with the time it was sealed, so the last by name is the newest.
    let mut at = Named { folder: name(folders.last()?), record: String::new() };
    let mut standing: Option<(PathBuf, Found)> = None;
    for _ in 0..MOST {
        let folder = dir.join(&at.folder);
        let there = folders.contains(&folder).then(|| records::found(&folder).ok()).flatten();
        let same = |found: &Found| at.record.is_empty() || found.sha256 == at.record;
        let Some(mut found) = there.filter(same) else {
            // What was to stand in its place is not there, so it stays withdrawn.
            return standing;
        };
        found.said = records::said(&dir, &found, trust);
        let withdrawn = said::withdrawal(&found.said).map(|said| said.deed.clone());
        standing = Some((folder, found));
        match withdrawn {
            Some(Deed::Supersede { by, .. }) => at = by,
            Some(Deed::Revoke { .. } | Deed::Countersign { .. } | Deed::Renew { .. }) | None => {
                return standing;
            }
        }
    }
    standing
}

/// Reads what the next change of a target goes on from.
///
/// It is in doubt where the chain does not name the newest record as its last, and where nobody's
/// signature can be judged.
#[must_use]
pub fn previous(places: &Places, target: &str) -> Option<Previous> {
    match Believed::read(&places.config, None, None) {
        Ok(believed) => believing(places, target, &believed),
        Err(why) => {
            let previous = believing(places, target, &Believed::default());
            previous.map(|previous| previous.doubted(why.to_string()))
        }
    }
}

fn believing(places: &Places, target: &str, believed: &Believed) -> Option<Previous> {
    let (_, found) = newest(places, target, believed)?;
    let previous = Previous::read(&found, believed.trust())?;
    Some(match doubt(places, target, &found, believed) {
        None => previous,
        Some(doubt) => previous.doubted(doubt),
    })
}

/// Says why the chain does not stand behind its newest record.
fn doubt(places: &Places, target: &str, found: &Found, believed: &Believed) -> Option<String> {
    let dir = places.records(target);
    let Some(file) = on_disk::head(&dir) else {
        let chained = found.document.as_ref().is_ok_and(|it| it.chain.seq.is_some());
        return chained.then(|| "the head of its chain is gone".to_owned());
    };
    let Some(head) = &file.head else {
        return Some("the head of its chain cannot be read".to_owned());
    };
    if !on_disk::stands(&dir, head) {
        return Some(
            "the head of its chain names another record or statement as the last".to_owned(),
        );
    }
    let rings: Vec<Ring> = on_disk::statements(&dir).iter().map(StatementFile::ring).collect();
    let row = chain::follow("statement", &rings, Some(&head.statements));
    if let Some(fault) = row.whole.iter().chain(row.of.values().flatten()).next() {
        return Some(fault.cause.clone());
    }
    let fault =
        verify::head(head, &file.bytes, file.signature.as_deref(), target, believed.trust());
    fault.filter(|fault| fault.weight > Weight::Doubt).map(|fault| fault.cause)
}
