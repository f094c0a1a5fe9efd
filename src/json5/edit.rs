//! Editing a text so that it says something else, and nothing else of it changes.
//!
//! The text is compared with what it shall say, and only what differs is touched:
//!
//! - A value that differs is replaced from its first byte to its last; members and elements that
//!   stay, and all comments around them, stay as they are.
//! - A new member follows the last one, a new element the one before it, in the style of its
//!   neighbours: indentation, quotes, colon, comma behind the last.
//! - A member that goes takes its key, its value, one comma, and the blanks it stood in; its line
//!   too, where nothing else is on it. Comments before and behind it stay, for they are the
//!   operator's words. Where another member comes as it goes, that one takes its place.
//! - Of a key that stands twice in one object, the last one counts: it is the one that is
//!   changed; all of them go.
//!
//! The result is read again. A result that does not say what it shall, or in which a byte outside
//! of what was touched is another, is refused.

mod editor;
mod kept;

use std::ops::Range;

use serde_json::Value;

use crate::json5::Document;
use crate::json5::ReadError;
use crate::json5::edit::editor::Splice;
use crate::json5::edit::editor::splices;
use crate::json5::edit::kept::Kept;
use crate::json5::edit::kept::between;
use crate::json5::refusal;
use crate::json5::same;
use crate::json5::spans;

const BOM: &str = "\u{feff}";

/// A text that was edited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edited {
    /// The new text, with the byte order mark of the old one.
    pub text: String,
    /// What was touched, in order.
    pub touched: Vec<Touched>,
}

/// A part of a text that was touched; all bytes between these parts are as they were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touched {
    /// Where it stood in the old text, in bytes; empty where something was put in.
    pub before: Range<usize>,
    /// Where it stands in the new text, in bytes; empty where something was taken out.
    pub after: Range<usize>,
}

/// Why a text is not edited.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The text is not JSON5.
    #[error("{0}")]
    Read(#[from] ReadError),
    /// The new text would not be JSON5.
    #[error("the edited text cannot be read again: {0}")]
    Unreadable(ReadError),
    /// The new text would say something else than it shall.
    #[error("the edited text would not say what it shall")]
    Value,
    /// Something else would change too.
    #[error("the edit would change more than it shall")]
    Bytes,
}

/// Edits a text so that it says `wanted`, touching only what differs.
///
/// # Errors
///
/// When the text is not JSON5, and when the result is in doubt.
pub fn edit(bytes: &[u8], wanted: &Value) -> Result<Edited, EditError> {
    let document = Document::parse(bytes)?;
    let text = refusal::text(bytes)?;
    let root = spans::scan(text);

    let bom = if bytes.starts_with(BOM.as_bytes()) { BOM } else { "" };
    let edited = apply(bom, text, splices(text, &root, &document.value, wanted));
    let again = Document::parse(edited.text.as_bytes()).map_err(EditError::Unreadable)?;
    if !same(&again.value, wanted) {
        return Err(EditError::Value);
    }
    let new = refusal::text(edited.text.as_bytes())?;
    let kept = Kept { old: text, new };
    if !between(bytes, &edited)
        || !kept.values((&root, &document.value), (&spans::scan(new), wanted))
    {
        return Err(EditError::Bytes);
    }
    Ok(edited)
}

/// Replaces the parts; those that only take out may overlap.
fn apply(bom: &str, text: &str, mut splices: Vec<Splice>) -> Edited {
    splices.sort_by_key(|splice| (splice.span.start, splice.span.end));
    let mut edited = Edited { text: bom.to_owned(), touched: Vec::new() };
    let mut done = 0;
    for splice in splices {
        let start = splice.span.start.max(done);
        let end = splice.span.end.max(done);
        edited.text.push_str(&text[done..start]);
        let from = edited.text.len();
        edited.text.push_str(&splice.text);
        edited.touched.push(Touched {
            before: bom.len() + start..bom.len() + end,
            after: from..edited.text.len(),
        });
        done = end;
    }
    edited.text.push_str(&text[done..]);
    edited
}

#[cfg(test)]
#[path = "edit/tests.rs"]
mod tests;
