//! A record for people: its own Markdown, with what verifying it says above.

use std::path::Path;

use crate::cli::Failure;
use crate::cli::records::Place;
use crate::record::trust::Trust;
use crate::record::verify;
use crate::record::verify::Found;
use crate::shell::store;
use crate::text::Shown;

/// Returns the record's page, safe to show; it must be the one that was sealed.
pub(super) fn markdown(place: &Place, found: &Found, trust: Trust<'_>) -> Result<Shown, Failure> {
    let text = match place {
        Place::Folder(folder, _) => read(&folder.join("record.md"))?,
        Place::File(_, bundle) => bundle.files.get("record.md").cloned().unwrap_or_default(),
    };
    let same = found.document.as_ref().is_ok_and(|document| document.is_page(&text));
    let warning = if same {
        ""
    } else {
        "> This page is not the one that was sealed; `portcullis records verify` says more.\n\n"
    };
    let said: String = found.said.iter().map(|said| format!("> {}\n", said.line())).collect();
    let lacks = verify::lacks(found, trust);
    let lacks = lacks.map(|it| format!("> it lacks a signature: {it}\n")).unwrap_or_default();
    let said = format!("{lacks}{said}");
    let gap = if said.is_empty() { "" } else { "\n" };
    Ok(Shown::text(&format!("{warning}{said}{gap}{text}")))
}

fn read(path: &Path) -> Result<String, Failure> {
    store::read_text(path)
        .map_err(|error| Failure::unreadable("the record cannot be read").because(error))
}
