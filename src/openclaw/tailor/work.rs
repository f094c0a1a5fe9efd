//! A config being changed: each change is kept with what stood there before and why it is made.

use serde_json::Value;

use crate::openclaw::patch;
use crate::openclaw::secret;
use crate::runbook::Template;

/// One key that a patch writes.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The config path, in today's dialect.
    pub path: Vec<String>,
    /// What stands there; none where nothing does.
    pub before: Option<Value>,
    /// What shall stand there; none where the key is taken out.
    pub after: Option<Value>,
    /// What that closes, in a sentence without a full stop.
    pub why: String,
}

/// How far a config is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Depth {
    /// Strangers stay out; people and programs that were let in by name stay in.
    Strangers,
    /// Nobody comes in from elsewhere.
    Everyone,
}

/// A config being changed.
pub(super) struct Work<'t> {
    /// The config with what was changed so far.
    now: Value,
    template: Option<&'t Template>,
    pub(super) changes: Vec<Change>,
    /// What the patch is for, in the runbook's words.
    pub(super) says: String,
}

impl<'t> Work<'t> {
    pub(super) fn new(config: Value, template: &'t Template) -> Self {
        let says = template.says.clone();
        Self { now: config, template: Some(template), changes: Vec::new(), says }
    }

    /// Changes a config for what no template asks for.
    pub(super) fn on(config: Value) -> Self {
        Self { now: config, template: None, changes: Vec::new(), says: String::new() }
    }

    /// Returns what stands at a path; null is nothing.
    pub(super) fn get(&self, path: &[&str]) -> Option<&Value> {
        let found = path.iter().try_fold(&self.now, |value, key| match value {
            Value::Array(elements) => elements.get(key.parse::<usize>().ok()?),
            value => value.get(*key),
        });
        found.filter(|value| !value.is_null())
    }

    /// Returns the word at a path.
    pub(super) fn word(&self, path: &[&str]) -> Option<&str> {
        self.get(path)?.as_str()
    }

    /// Tells whether a switch that is off by default is on: anything but `false` counts.
    pub(super) fn is_on(&self, path: &[&str]) -> bool {
        self.get(path).is_some_and(|value| *value != Value::Bool(false))
    }

    /// Returns the keys of the object at a path.
    pub(super) fn keys(&self, path: &[&str]) -> Vec<String> {
        let members = self.get(path).and_then(Value::as_object);
        members.map_or_else(Vec::new, |members| members.keys().cloned().collect())
    }

    /// Writes a value unless it stands there already.
    pub(super) fn set(&mut self, path: &[&str], value: impl Into<Value>, why: &str) {
        let value = value.into();
        if self.get(path) != Some(&value) {
            self.change(path, Some(value), why);
        }
    }

    /// Takes a key out where it stands.
    pub(super) fn clear(&mut self, path: &[&str], why: &str) {
        if self.get(path).is_some() {
            self.change(path, None, why);
        }
    }

    /// Tells whether a list would carry a secret into the patch.
    pub(super) fn tells_secret(path: &[&str], list: &[Value]) -> bool {
        let mut one = Value::Array(list.to_vec());
        for key in path.iter().rev() {
            one = Value::Object([((*key).to_owned(), one)].into_iter().collect());
        }
        secret::redact(&one) != one
    }

    /// Writes a switch off where it is on.
    pub(super) fn switch_off(&mut self, path: &[&str], why: &str) {
        if self.is_on(path) {
            self.set(path, false, why);
        }
    }

    fn change(&mut self, path: &[&str], after: Option<Value>, why: &str) {
        let keys: Vec<String> = path.iter().map(|&key| key.to_owned()).collect();
        let before = self.get(path).cloned();
        let mut one = after.clone().unwrap_or(Value::Null);
        for key in path.iter().rev() {
            one = Value::Object([((*key).to_owned(), one)].into_iter().collect());
        }
        patch::merge(&mut self.now, &one);
        let why = self.says(path).unwrap_or(why).to_owned();
        match self.changes.iter_mut().find(|change| change.path == keys) {
            Some(change) => *change = Change { after, why, ..change.clone() },
            None => self.changes.push(Change { path: keys, before, after, why }),
        }
    }

    /// Tells whether a key was changed so far.
    pub(super) fn changed(&self, path: &[&str]) -> bool {
        self.changes.iter().any(|change| change.path == path)
    }

    /// Returns the runbook's own words for a key, where it has some.
    fn says(&self, path: &[&str]) -> Option<&'t str> {
        let path = path.join(".");
        let key = self.template?.keys.iter().find(|key| key.path == path)?;
        Some(&key.says)
    }

    /// Returns the config as it is after the changes.
    pub(super) fn value(&self) -> &Value {
        &self.now
    }
}

/// Tells whether an entry of a list of senders stands for anyone: `*`, also behind a prefix.
pub(super) fn is_wildcard(entry: &Value) -> bool {
    let last = entry.as_str().map(|text| text.rsplit(':').next().unwrap_or(text));
    last.is_some_and(|text| text.trim() == "*")
}

/// Borrows the keys of a path.
pub(super) fn borrowed(path: &[String]) -> Vec<&str> {
    path.iter().map(String::as_str).collect()
}

/// Returns a path with more keys.
pub(super) fn within<'k>(path: &[&'k str], keys: &[&'k str]) -> Vec<&'k str> {
    path.iter().chain(keys).copied().collect()
}
