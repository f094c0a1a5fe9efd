//! Config shapes and fixes as merge patches: rendered, applied to a value, shown as a difference.
//!
//! A merge patch follows OpenClaw's `config patch`: objects merge, arrays and scalars replace,
//! `null` deletes.

mod open;

use serde_json::Map;
use serde_json::Value;

use crate::openclaw::breadth;
use crate::openclaw::breadth::Breadth;
use crate::openclaw::command::Gateway;
use crate::openclaw::config;
use crate::openclaw::config::Assembled;
use crate::openclaw::config::Config;
use crate::openclaw::config::FileRead;
use crate::openclaw::config::Files;
use crate::openclaw::fact;
use crate::openclaw::fact::State;
use crate::openclaw::fact::Subject;
use crate::openclaw::facts;
use crate::openclaw::facts::Facts;
use crate::openclaw::facts::World;
use crate::openclaw::secret;
use crate::runbook::Entry;
use crate::runbook::Template;
use crate::runbook::TemplateKey;
use crate::text::Shown;

pub use self::open::leaves_open;
pub use self::open::open_in;

/// The environment variable that emitted shapes refer to for the gateway's token.
pub const TOKEN_VARIABLE: &str = "OPENCLAW_GATEWAY_TOKEN";

/// How wide an emitted file is.
pub const COLUMNS: usize = 79;

/// Returns the keys of a template that are written over a live config.
fn keys<'t>(template: &'t Template, live: Option<&Config>) -> Vec<&'t TemplateKey> {
    let has_own = |key: &TemplateKey| {
        let path: Vec<&str> = key.path.split('.').collect();
        live.is_some_and(|config| config.get(&path).is_some())
    };
    template.keys.iter().filter(|key| !key.only_if_unset || !has_own(key)).collect()
}

/// Returns a template as a merge patch.
#[must_use]
pub fn value(template: &Template, live: Option<&Config>) -> Value {
    let mut patch = Value::Object(Map::new());
    for key in keys(template, live) {
        let parts: Vec<&str> = key.path.split('.').collect();
        put(&mut patch, &parts, json(&key.value));
    }
    patch
}

/// Writes a template as JSON5, a comment above each key, in lines of at most so many columns.
#[must_use]
pub fn render(template: &Template, live: Option<&Config>, columns: usize) -> String {
    let mut text = String::new();
    comment(&mut text, &template.says, 0, columns);
    text.push_str("{\n");
    let mut open: Vec<&str> = Vec::new();
    for key in keys(template, live) {
        let parts: Vec<&str> = key.path.split('.').collect();
        let Some((leaf, parents)) = parts.split_last() else { continue };
        let common = open.iter().zip(parents).take_while(|(a, b)| a == b).count();
        while open.len() > common {
            open.pop();
            line(&mut text, open.len() + 1, "},");
        }
        for parent in parents.iter().skip(common) {
            line(&mut text, open.len() + 1, &format!("{}: {{", name(parent)));
            open.push(parent);
        }
        comment(&mut text, &key.says, open.len() + 1, columns);
        let value = json(&key.value);
        line(&mut text, open.len() + 1, &format!("{}: {value},", name(leaf)));
    }
    while open.pop().is_some() {
        line(&mut text, open.len() + 1, "},");
    }
    text.push_str("}\n");
    text
}

/// Writes a patch as JSON5, with what it does and what is done elsewhere above it.
#[must_use]
pub fn explained(patch: &Value, says: &str, elsewhere: &[String]) -> String {
    let mut text = String::new();
    comment(&mut text, says, 0, COLUMNS);
    for step in elsewhere {
        comment(&mut text, &format!("Elsewhere: {step}"), 0, COLUMNS);
    }
    text.push_str(&pretty(patch));
    text
}

/// Returns the command that applies an emitted file through OpenClaw's own writer.
#[must_use]
pub fn apply_command(gateway: &Gateway, file: &str) -> String {
    let profile = gateway.profile.as_ref().map_or_else(String::new, |p| format!("--profile {p} "));
    let program = if gateway.program.is_empty() { "openclaw" } else { &gateway.program };
    format!("{program} {profile}config patch --file {file} --dry-run   # then without --dry-run")
}

/// Merges a patch into a value, as OpenClaw's `config patch` does.
pub fn merge(into: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *into = patch.clone();
        return;
    };
    if !into.is_object() {
        *into = Value::Object(Map::new());
    }
    let Value::Object(into) = into else { return };
    for (key, patch) in patch {
        if patch.is_null() {
            into.shift_remove(key);
        } else {
            merge(into.entry(key.clone()).or_insert(Value::Null), patch);
        }
    }
}

/// Shows what a patch changes in a config, path by path, secrets replaced.
#[must_use]
pub fn diff(live: Option<&Config>, patch: &Value) -> String {
    let before = live.map_or_else(|| Value::Object(Map::new()), |config| config.value.clone());
    let mut after = before.clone();
    merge(&mut after, patch);
    difference(&before, &after)
}

/// Shows how one config differs from another, path by path, secrets replaced.
#[must_use]
pub fn difference(before: &Value, after: &Value) -> String {
    let (before, after) = (secret::redact(before), secret::redact(after));
    let mut text = String::new();
    differences(&mut text, &mut Vec::new(), Some(&before), Some(&after));
    if text.is_empty() {
        return "  Nothing changes: the live config says all of this already.\n".to_owned();
    }
    text
}

/// Tells what a config that stands where the live one does narrows and widens.
#[must_use]
pub fn breadth(before: &Value, after: &Value, live: &Config) -> Breadth {
    match (read_as(before, live), read_as(after, live)) {
        (Some(before), Some(after)) => breadth::compare(&before, &after),
        _ => Breadth::default(),
    }
}

/// Reads a value as if it were the live config, of whose host nothing is known.
fn read_as(value: &Value, live: &Config) -> Option<Facts> {
    let path = live.path.clone();
    let bytes = value.to_string().into_bytes();
    let files = Files::from([(path.clone(), FileRead::Bytes(bytes))]);
    match config::assemble(&path, &files) {
        Ok(Assembled::Complete(config)) => Some(Facts::resolve(&config, &World::default())),
        _ => None,
    }
}

/// Writes each value that differs, under its path; a new or vanished object leaf by leaf.
fn differences<'v>(
    text: &mut String,
    path: &mut Vec<&'v str>,
    before: Option<&'v Value>,
    after: Option<&'v Value>,
) {
    if before == after {
        return;
    }
    let members = |value: Option<&'v Value>| value.and_then(Value::as_object);
    let inner = |value: Option<&Value>| value.is_none_or(Value::is_object);
    // An object that goes is shown whole: what it stood for is more than its members.
    let goes = after.is_none() && !path.is_empty();
    if inner(before) && inner(after) && !goes {
        let (old, new) = (members(before), members(after));
        let gone = old.into_iter().flatten().map(|(key, _)| key);
        let keys = gone.filter(|key| !new.is_some_and(|new| new.contains_key(*key)));
        for key in new.into_iter().flatten().map(|(key, _)| key).chain(keys) {
            path.push(key);
            differences(text, path, old.and_then(|o| o.get(key)), new.and_then(|n| n.get(key)));
            path.pop();
        }
        return;
    }
    text.push_str(&format!("  {}\n", facts::key::write(path)));
    for (sign, value) in [('-', before), ('+', after)] {
        if let Some(value) = value {
            text.push_str(&format!("{sign}   {value}\n"));
        }
    }
}

/// Writes what is found for an inventory entry, as one line; empty where nothing is known.
#[must_use]
pub fn found(entry: &Entry, facts: Option<&Facts>) -> String {
    let Some(facts) = facts else { return String::new() };
    let mut parts = Vec::new();
    for path in &entry.facts {
        for fact in facts.facts.iter().filter(|fact| fact.path == *path) {
            let subject = match &fact.subject {
                Subject::Gateway => String::new(),
                subject => format!("{subject} "),
            };
            let word = fact::label(path);
            if fact.state != State::Unset {
                parts.push(format!("{subject}{word}: {}", fact.said()));
            }
        }
    }
    parts.join(" · ")
}

pub(super) fn put(into: &mut Value, path: &[&str], value: Value) {
    let Some((first, rest)) = path.split_first() else {
        *into = value;
        return;
    };
    if !into.is_object() {
        *into = Value::Object(Map::new());
    }
    if let Value::Object(map) = into {
        put(map.entry((*first).to_owned()).or_insert(Value::Null), rest, value);
    }
}

pub(super) fn json(value: &toml::Value) -> Value {
    serde_json::to_value(value).unwrap_or(Value::Null)
}

/// Writes a value over several lines, with a line break at its end.
#[must_use]
pub fn pretty(value: &Value) -> String {
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.push('\n');
    text
}

pub(super) fn line(text: &mut String, depth: usize, content: &str) {
    text.push_str(&"  ".repeat(depth));
    text.push_str(content);
    text.push('\n');
}

/// Writes a comment, wrapped.
pub(super) fn comment(text: &mut String, says: &str, depth: usize, columns: usize) {
    let room = columns.saturating_sub(2 * depth + 3).max(20);
    let mut row = String::new();
    for word in says.split_whitespace() {
        if !row.is_empty() && row.chars().count() + 1 + word.chars().count() > room {
            line(text, depth, &format!("// {row}"));
            row.clear();
        }
        if !row.is_empty() {
            row.push(' ');
        }
        row.push_str(word);
    }
    if !row.is_empty() {
        line(text, depth, &format!("// {row}"));
    }
}

/// Writes a key bare where JSON5 allows it.
pub(super) fn name(key: &str) -> String {
    let mut chars = key.chars();
    let starts = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_' || c == '$');
    if starts && chars.all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '$') {
        return key.to_owned();
    }
    literal(&Value::from(key))
}

/// Writes a value on one line, what is invisible or acts on a terminal as an escape.
pub(super) fn literal(value: &Value) -> String {
    let mut escaped = String::new();
    for c in value.to_string().chars() {
        let mut one = [0; 4];
        let plain: &str = c.encode_utf8(&mut one);
        if Shown::line(plain).as_str() == plain {
            escaped.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            escaped.push_str(&format!("\\u{unit:04x}"));
        }
    }
    escaped
}
