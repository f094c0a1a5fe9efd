//! The record of a target that counts now, for whoever goes on from it.

use std::path::PathBuf;

use crate::record::Previous;
use crate::record::chain::Weight;
use crate::record::said;
use crate::record::statement::Deed;
use crate::record::verify;
use crate::record::verify::Found;
use crate::shell::chain as on_disk;
use crate::shell::places::Places;
use crate::shell::records;
use crate::shell::records::Believed;

/// How many records may stand in each other's place before it is a circle.
const MOST: usize = 16;

/// Reads the newest record of a target, or the one that stands in its place, with what was said
/// about it; none where there is none that can be read.
#[must_use]
pub fn newest(places: &Places, target: &str, believed: &Believed) -> Option<(PathBuf, Found)> {
    let (dir, trust) = (places.records(target), believed.trust());
    let folders = on_disk::folders(&dir);
    // A folder's name begins with the time it was sealed, so the last by name is the newest.
    let mut folder = folders.last()?.clone();
    for _ in 0..MOST {
        let mut found = records::found(&folder).ok()?;
        found.said = records::said(&dir, &found, trust);
        let withdrawn = said::withdrawal(&found.said).map(|said| &said.deed);
        let other = match withdrawn {
            Some(Deed::Supersede { by, .. }) => dir.join(&by.folder),
            _ => return Some((folder, found)),
        };
        if !folders.contains(&other) {
            return Some((folder, found));
        }
        folder = other;
    }
    None
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
    let fault =
        verify::head(head, &file.bytes, file.signature.as_deref(), target, believed.trust());
    fault.filter(|fault| fault.weight > Weight::Doubt).map(|fault| fault.cause)
}
