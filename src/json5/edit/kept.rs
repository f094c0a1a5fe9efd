//! That nothing else of a text changed, seen from the result.

use serde_json::Value;

use crate::json5::edit::Edited;
use crate::json5::edit::Touched;
use crate::json5::same;
use crate::json5::spans::Item;
use crate::json5::spans::Written;

/// Says whether all bytes between what was touched are the same.
pub(super) fn between(bytes: &[u8], edited: &Edited) -> bool {
    let new = edited.text.as_bytes();
    let end = Touched { before: bytes.len()..bytes.len(), after: new.len()..new.len() };
    let (mut i, mut j) = (0, 0);
    for touched in edited.touched.iter().chain([&end]) {
        let old = bytes.get(i..touched.before.start);
        if old.is_none() || old != new.get(j..touched.after.start) {
            return false;
        }
        (i, j) = (touched.before.end, touched.after.end);
    }
    true
}

/// What must be the same in the old text and the new.
pub(super) struct Kept<'t> {
    pub(super) old: &'t str,
    pub(super) new: &'t str,
}

impl Kept<'_> {
    /// Says whether every member whose value stays is written as it was.
    pub(super) fn values(&self, old: (&Written, &Value), new: (&Written, &Value)) -> bool {
        match (old.1, new.1) {
            (before, after) if same(before, after) => {
                self.old[old.0.span.start..old.0.span.end]
                    == self.new[new.0.span.start..new.0.span.end]
            }
            (Value::Object(before), Value::Object(after)) => before.iter().all(|(key, before)| {
                let Some(after) = after.get(key) else { return true };
                let counts = |item: &&Item| item.is(key);
                let a = old.0.items().iter().rfind(counts);
                let b = new.0.items().iter().rfind(counts);
                let (Some(a), Some(b)) = (a, b) else { return false };
                let (Some(one), Some(other)) = (&a.key, &b.key) else { return false };
                self.old[one.span.start..one.span.end] == self.new[other.span.start..other.span.end]
                    && self.values((&a.value, before), (&b.value, after))
            }),
            _ => true,
        }
    }
}
