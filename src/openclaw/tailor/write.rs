//! A tailored patch as text: JSON5 with a comment above every key.

use serde_json::Value;

use crate::openclaw::fact;
use crate::openclaw::facts::key;
use crate::openclaw::patch;
use crate::openclaw::secret;
use crate::openclaw::tailor::Elsewhere;
use crate::openclaw::tailor::Part;
use crate::openclaw::tailor::Tailored;
use crate::openclaw::tailor::work::Change;
use crate::text::MARK;
use crate::text::Shown;
use crate::text::count;

/// How many columns a value may take in a comment.
const VALUE: usize = 48;

/// A key of the patch, and what stands below it.
enum Node<'c> {
    Leaf(&'c Change),
    Inner(Vec<(&'c str, Node<'c>)>),
}

impl Tailored {
    /// Writes the part of one file as JSON5, a comment above each key.
    #[must_use]
    pub fn text(&self, part: &Part, columns: usize) -> String {
        let mut text = String::new();
        let mut says = |words: &str| patch::comment(&mut text, words, 0, columns);
        says(&self.says);
        let file = Shown::line(&part.file.display().to_string()).into_string();
        if self.parts.len() > 1 {
            let at = self.parts.iter().position(|other| other == part).unwrap_or_default() + 1;
            says(&format!("Part {at} of {}, for {file}", self.parts.len()));
        }
        if !part.by_writer {
            says(&format!(
                "By hand: OpenClaw's writer refuses keys that an include holds together with \
                 another file. Put these into {file}; null takes a key out"
            ));
        }
        if !self.after_migration.is_empty() {
            says(&format!(
                "Fits only after migration: the config holds {} of an older dialect. \
                 `openclaw doctor --fix` rewrites them",
                count(self.after_migration.len(), "key")
            ));
        }
        for note in &self.notes {
            says(Shown::line(note).as_str());
        }
        // OpenClaw's writer takes whole paths; a hand writes what the file itself holds.
        let skip = if part.by_writer { 0 } else { part.at.len() };
        text.push_str(&document(&part.changes, skip, columns));
        text
    }

    /// Writes every part of it, each a document of its own, the steps below the last.
    #[must_use]
    pub fn texts(&self, steps: &[Elsewhere], columns: usize) -> Vec<String> {
        let mut texts: Vec<String> =
            self.parts.iter().map(|part| self.text(part, columns)).collect();
        if texts.is_empty() {
            let mut text = String::new();
            patch::comment(&mut text, &self.says, 0, columns);
            let says = "The live config says all of this already; nothing changes";
            patch::comment(&mut text, says, 0, columns);
            text.push_str("{}\n");
            texts.push(text);
        }
        if let Some(last) = texts.last_mut() {
            steps_below(last, steps, columns);
        }
        texts
    }

    /// Writes every part of it, one after the other.
    #[must_use]
    pub fn whole(&self, steps: &[Elsewhere], columns: usize) -> String {
        self.texts(steps, columns).join("\n")
    }

    /// Returns how a part is named beside the first one: `rollback.json5`, `rollback.2.json5`.
    #[must_use]
    pub fn file_name(name: &str, at: usize) -> String {
        match (at, name.rsplit_once('.')) {
            (0, _) => name.to_owned(),
            (at, Some((stem, end))) if !stem.is_empty() && !end.contains('/') => {
                format!("{stem}.{}.{end}", at + 1)
            }
            (at, _) => format!("{name}.{}", at + 1),
        }
    }
}

/// Writes changes as one JSON5 document, in lines of at most so many columns where values allow;
/// without so many keys at the front of each path.
fn document(changes: &[Change], skip: usize, columns: usize) -> String {
    let mut root = Vec::new();
    for change in changes {
        put(&mut root, change.path.get(skip..).unwrap_or_default(), change);
    }
    let mut text = "{\n".to_owned();
    inner(&mut text, &root, 1, columns);
    text.push_str("}\n");
    text
}

fn put<'c>(into: &mut Vec<(&'c str, Node<'c>)>, path: &'c [String], change: &'c Change) {
    let Some((first, rest)) = path.split_first() else { return };
    if rest.is_empty() {
        into.push((first, Node::Leaf(change)));
        return;
    }
    let at = into.iter().position(|(key, node)| *key == first && matches!(node, Node::Inner(_)));
    let at = at.unwrap_or_else(|| {
        into.push((first, Node::Inner(Vec::new())));
        into.len() - 1
    });
    if let Some((_, Node::Inner(below))) = into.get_mut(at) {
        put(below, rest, change);
    }
}

fn inner(text: &mut String, members: &[(&str, Node<'_>)], depth: usize, columns: usize) {
    for (key, node) in members {
        let name = patch::name(key);
        match node {
            Node::Inner(below) => {
                patch::line(text, depth, &format!("{name}: {{"));
                inner(text, below, depth + 1, columns);
                patch::line(text, depth, "},");
            }
            Node::Leaf(change) => {
                patch::comment(text, &says(change), depth, columns);
                value(text, &name, change.after.as_ref().unwrap_or(&Value::Null), depth, columns);
            }
        }
    }
}

/// Writes a key and its value: on one line, or a list one element a line.
fn value(text: &mut String, name: &str, value: &Value, depth: usize, columns: usize) {
    let plain = patch::literal(value);
    if let Value::Array(list) = value
        && 2 * depth + name.len() + plain.len() + 3 > columns
    {
        patch::line(text, depth, &format!("{name}: ["));
        for element in list {
            patch::line(text, depth + 1, &format!("{},", patch::literal(element)));
        }
        return patch::line(text, depth, "],");
    }
    patch::line(text, depth, &format!("{name}: {plain},"));
}

/// Says what a change does: what it was, what it becomes, and what that closes.
fn says(change: &Change) -> String {
    let (was, is) = words(change);
    format!("{was} → {is}. {}", change.why)
}

/// Writes what no config closes below a patch, commands as they are typed.
fn steps_below(text: &mut String, steps: &[Elsewhere], columns: usize) {
    if steps.is_empty() {
        return;
    }
    text.push_str("//\n// What no config closes:\n");
    for (at, step) in steps.iter().enumerate() {
        patch::comment(text, &format!("{}. {}", at + 1, step.says), 0, columns);
        for command in &step.commands {
            text.push_str(&format!("//      {}\n", Shown::line(command).as_str()));
        }
    }
}

/// Says in words what stood at a key and what shall stand there; never a secret.
pub(super) fn words(change: &Change) -> (String, String) {
    let word = |value: Option<&Value>, none: &str| match value {
        None => none.to_owned(),
        Some(value) => shown(&change.path, value),
    };
    (word(change.before.as_ref(), "unset"), word(change.after.as_ref(), "taken out"))
}

fn shown(path: &[String], value: &Value) -> String {
    let mut whole = value.clone();
    for key in path.iter().rev() {
        whole = Value::Object([(key.clone(), whole)].into_iter().collect());
    }
    let keys: Vec<&str> = path.iter().map(String::as_str).collect();
    let redacted = secret::redact(&whole);
    // A key that was a secret itself is another one now.
    let found = keys.iter().try_fold(&redacted, |value, key| value.get(*key));
    match found {
        Some(value) => {
            let whole = Shown::line(&fact::plain(value));
            match value.as_array() {
                Some(list) if whole.width() > VALUE => count(list.len(), "entry"),
                _ => whole.cut(VALUE).into_string(),
            }
        }
        None => MARK.to_owned(),
    }
}

/// Writes a config path so that nothing in it acts on a terminal.
pub(super) fn path(change: &Change) -> String {
    let keys: Vec<&str> = change.path.iter().map(String::as_str).collect();
    Shown::line(&key::write(&keys)).into_string()
}
