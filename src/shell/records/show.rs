//! Records for the wizard: the list of a gateway's own, and one of them verified.

use chrono::DateTime;
use chrono::FixedOffset;
use chrono::Local;

use crate::app::Listed;
use crate::app::Opened;
use crate::record::said::Said;
use crate::record::statement::Deed;
use crate::shell::places::Places;
use crate::shell::records::Believed;
use crate::shell::records::Entry;
use crate::shell::records::list_of;
use crate::shell::records::verify;
use crate::shell::records::withdrawn;
use crate::shell::store;

/// Lists the records of a target, the newest first.
#[must_use]
pub fn listed(places: &Places, target: &str, believed: &Believed) -> Vec<Listed> {
    let withdrawn = withdrawn(places, believed);
    let of = |entry: Entry| Listed {
        withdrawn: withdrawn.get(&(entry.target, entry.folder.clone())).map(word),
        folder: entry.folder,
        sealed: entry.sealed.with_timezone(&Local).fixed_offset(),
        change: entry.change,
        outcome: entry.outcome,
        signed: entry.signed,
        operator: entry.operator,
    };
    let (entries, _) = list_of(places, target);
    entries.into_iter().map(of).collect()
}

/// Says in a word or two what became of a record.
#[must_use]
pub fn word(said: &Said) -> &'static str {
    match (&said.deed, said.counts()) {
        (Deed::Supersede { .. }, true) => "superseded",
        (Deed::Supersede { .. }, false) => "superseded, says somebody",
        (_, true) => "REVOKED",
        (_, false) => "revoked, says somebody",
    }
}

/// Reads a record of a target and verifies it in its chain.
///
/// # Errors
///
/// When it or its page cannot be read.
pub fn open(
    places: &Places,
    target: &str,
    folder: &str,
    believed: &Believed,
    now: DateTime<FixedOffset>,
) -> Result<Opened, String> {
    let shelf = verify(places, target, believed, now);
    let meant = |path: &std::path::Path| path.file_name().is_some_and(|name| name == folder);
    let (path, verified) = (shelf.records.into_iter().find(|(path, _)| meant(path)))
        .ok_or_else(|| format!("`{folder}` is not there any more"))?;
    let page = store::read_text(&path.join("record.md")).map_err(|why| why.to_string())?;
    let genuine = verified.document.as_ref().is_some_and(|document| document.is_page(&page));
    Ok(Opened { verified, page, genuine })
}
