//! A tailored patch as text: JSON5 with a comment above every key.

use serde_json::Value;

use crate::openclaw::fact;
use crate::openclaw::facts::key;
use crate::openclaw::patch;
use crate::openclaw::secret;
use crate::openclaw::tailor::Elsewhere;
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

/// Writes changes as one JSON5 document, in lines of at most so many columns where values allow;
/// without so many keys at the front of each path.
pub(super) fn document(changes: &[Change], skip: usize, columns: usize) -> String {
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
pub(super) fn steps(text: &mut String, steps: &[Elsewhere], columns: usize) {
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
