//! Older dialects of the config, put into today's words; what was moved is remembered.

mod agents;
mod channels;
mod gateway;
mod retired;

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::Map;
use serde_json::Value;

use crate::openclaw::facts::key;

/// A config in today's dialect.
pub(super) struct Today<'a> {
    /// What it says; borrowed until something has to be moved.
    pub(super) value: Cow<'a, Value>,
    /// What was said in older words, with what it meant.
    pub(super) migration: Vec<String>,
    /// Where a value was written, by where it stands now; keys joined by NUL.
    moved: HashMap<String, Vec<String>>,
}

/// Puts a config into today's dialect.
pub(super) fn today(authored: &Value) -> Today<'_> {
    let value = Cow::Borrowed(authored);
    let mut today = Today { value, migration: Vec::new(), moved: HashMap::new() };
    channels::move_sections(&mut today);
    agents::move_agent(&mut today);
    agents::move_routing(&mut today);
    agents::move_list(&mut today);
    agents::move_tools(&mut today);
    gateway::move_gateway(&mut today);
    channels::move_policies(&mut today);
    retired::list(&mut today);
    today
}

impl Today<'_> {
    /// Returns where the value at a path was written, where that was elsewhere.
    pub(super) fn moved_from(&self, path: &[&str]) -> Option<Vec<String>> {
        if self.moved.is_empty() {
            return None;
        }
        (1..=path.len()).rev().find_map(|upto| {
            let (above, rest) = path.split_at(upto);
            let from = self.moved.get(&above.join("\0"))?;
            Some(from.iter().cloned().chain(rest.iter().map(|&key| key.to_owned())).collect())
        })
    }

    fn authored(&self, path: &[&str]) -> Vec<String> {
        self.moved_from(path).unwrap_or_else(|| path.iter().map(|&key| key.to_owned()).collect())
    }

    fn get(&self, path: &[&str]) -> Option<&Value> {
        let found = path.iter().try_fold(&*self.value, |value, key| value.as_object()?.get(*key));
        found.filter(|value| !value.is_null())
    }

    /// Returns the keys of the object at a path.
    fn keys(&self, path: &[&str]) -> Vec<String> {
        let members = self.get(path).and_then(Value::as_object);
        members.map_or_else(Vec::new, |members| members.keys().cloned().collect())
    }

    fn take(&mut self, path: &[&str]) -> Option<Value> {
        self.get(path)?;
        let (last, parents) = path.split_last()?;
        let mut members = self.value.to_mut().as_object_mut()?;
        for parent in parents {
            members = members.get_mut(*parent)?.as_object_mut()?;
        }
        members.shift_remove(*last)
    }

    /// Puts a value at a path unless something stands there; returns whether it did.
    fn put(&mut self, path: &[&str], value: Value) -> bool {
        let Some((last, parents)) = path.split_last() else { return false };
        let mut at = self.value.to_mut();
        for parent in parents {
            let Some(members) = at.as_object_mut() else { return false };
            let slot = members.entry((*parent).to_owned()).or_insert(Value::Null);
            if slot.is_null() {
                *slot = Value::Object(Map::new());
            }
            at = slot;
        }
        let Some(members) = at.as_object_mut() else { return false };
        let slot = members.entry((*last).to_owned()).or_insert(Value::Null);
        let free = slot.is_null();
        if free {
            *slot = value;
        }
        free
    }

    /// Remembers where what stands at a path now was written.
    fn remember(&mut self, to: &[&str], from: &[&str]) {
        let from = self.authored(from);
        self.moved.insert(to.join("\0"), from);
    }

    /// Moves a value; where something stands already, only what is missing there is added.
    fn shift(&mut self, from: &[&str], to: &[&str]) {
        let Some(value) = self.take(from) else { return };
        self.fill(value, from, to);
        self.note(format!("{} → {}", key::write(from), key::write(to)));
    }

    fn fill(&mut self, value: Value, from: &[&str], to: &[&str]) {
        if self.get(to).is_none() {
            if self.put(to, value) {
                self.remember(to, from);
            }
            return;
        }
        let Value::Object(members) = value else { return };
        for (name, member) in members {
            let (from, to) = (within(from, &name), within(to, &name));
            self.fill(member, &from, &to);
        }
    }

    fn note(&mut self, line: String) {
        if !self.migration.contains(&line) {
            self.migration.push(line);
        }
    }
}

/// Returns a path with one more key.
fn within<'k>(path: &[&'k str], key: &'k str) -> Vec<&'k str> {
    path.iter().copied().chain([key]).collect()
}

#[cfg(test)]
mod tests;
