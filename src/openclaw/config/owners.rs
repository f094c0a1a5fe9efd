//! Which file holds which part of a config, so that a change is written where its key stands.
//!
//! A value can be put together from several places: what the files of an `$include` hold, one
//! over the other, and the keys beside it over those. A change is written where the value comes
//! from; a new key joins the last of the places that hold keys of its object.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

use serde_json::Map;
use serde_json::Value;

use crate::json5::Step;
use crate::json5::align;
use crate::json5::same;
use crate::openclaw::config::include::KEY;
use crate::openclaw::config::include::normal;

/// What each file of a config says by itself, by its path as named.
pub(super) type Texts = BTreeMap<PathBuf, Value>;

/// A value in a file, by its path in what that file itself says.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Spot {
    file: PathBuf,
    path: Vec<String>,
}

impl Spot {
    fn member(&self, key: &str) -> Self {
        let path = self.path.iter().cloned().chain([key.to_owned()]).collect();
        Self { file: self.file.clone(), path }
    }
}

/// Returns what each file must say for the config to become another.
///
/// The result may still be wrong, where a file is included at several places; whoever asks puts
/// the config together from it and looks.
pub(super) fn divide(root: &Path, texts: &Texts, before: &Value, after: &Value) -> Texts {
    let mut divider = Divider { texts, wanted: texts.clone() };
    let root = Spot { file: root.to_owned(), path: Vec::new() };
    let layers = divider.layers(&root);
    divider.change(&[root], &layers, before, after);
    divider.wanted
}

/// Counts how often each file is included.
pub(super) fn included(texts: &Texts) -> BTreeMap<PathBuf, usize> {
    let mut counts = BTreeMap::new();
    for (file, text) in texts {
        references(file, text, &mut counts);
    }
    counts
}

fn references(file: &Path, value: &Value, counts: &mut BTreeMap<PathBuf, usize>) {
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                match member {
                    Value::String(path) if key == KEY => {
                        *counts.entry(beside(file, path)).or_default() += 1;
                    }
                    Value::Array(paths) if key == KEY => {
                        for path in paths.iter().filter_map(Value::as_str) {
                            *counts.entry(beside(file, path)).or_default() += 1;
                        }
                    }
                    other => references(file, other, counts),
                }
            }
        }
        Value::Array(elements) => {
            for element in elements {
                references(file, element, counts);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Returns the file that an include names.
fn beside(file: &Path, path: &str) -> PathBuf {
    normal(&file.parent().unwrap_or(Path::new("")).join(path))
}

struct Divider<'t> {
    texts: &'t Texts,
    wanted: Texts,
}

impl Divider<'_> {
    fn raw(&self, spot: &Spot) -> Option<&Value> {
        at(self.texts.get(&spot.file)?, &spot.path)
    }

    /// Returns the values that make up the one at a spot, the one that beats the others last.
    fn layers(&self, spot: &Spot) -> Vec<Spot> {
        let Some(Value::Object(members)) = self.raw(spot) else { return vec![spot.clone()] };
        let mut layers = match members.get(KEY) {
            None => return vec![spot.clone()],
            Some(Value::String(path)) => self.included(spot, path),
            Some(Value::Array(paths)) => {
                let paths = paths.iter().filter_map(Value::as_str);
                paths.flat_map(|path| self.included(spot, path)).collect()
            }
            Some(_) => Vec::new(),
        };
        if members.len() > 1 || layers.is_empty() {
            layers.push(spot.clone());
        }
        self.joined(layers)
    }

    fn included(&self, spot: &Spot, path: &str) -> Vec<Spot> {
        let file = beside(&spot.file, path);
        if file == spot.file || !self.texts.contains_key(&file) {
            return Vec::new();
        }
        self.layers(&Spot { file, path: Vec::new() })
    }

    /// Drops the layers of which nothing is left, because what came later is of another kind.
    fn joined(&self, layers: Vec<Spot>) -> Vec<Spot> {
        let mut joined: Vec<Spot> = Vec::new();
        for layer in layers {
            let last = joined.last().and_then(|last| self.raw(last));
            let joins = match (last, self.raw(&layer)) {
                (Some(last), Some(next)) => join(last, next),
                _ => false,
            };
            if !joins {
                joined.clear();
            }
            joined.push(layer);
        }
        joined
    }

    /// Changes a value: `held` is where it stands under its key, `layers` what it is made of.
    fn change(&mut self, held: &[Spot], layers: &[Spot], before: &Value, after: &Value) {
        if same(before, after) {
            return;
        }
        match (before, after) {
            (Value::Object(before), Value::Object(after)) => self.members(layers, before, after),
            (Value::Array(before), Value::Array(after)) if self.are_arrays(layers) => {
                self.elements(layers, before, after);
            }
            (Value::Object(_), _) => self.replace(held, after),
            (_, _) if layers.len() == 1 => self.replace(layers, after),
            _ => self.replace(held, after),
        }
    }

    fn members(
        &mut self,
        layers: &[Spot],
        before: &Map<String, Value>,
        after: &Map<String, Value>,
    ) {
        for (key, old) in before {
            let held = layers.iter().map(|layer| layer.member(key));
            let held: Vec<Spot> = held.filter(|spot| self.raw(spot).is_some()).collect();
            match after.get(key) {
                None => held.iter().for_each(|spot| self.write(spot, None)),
                Some(new) => {
                    let layers = held.iter().flat_map(|spot| self.layers(spot)).collect();
                    let layers = self.joined(layers);
                    self.change(&held, &layers, old, new);
                }
            }
        }
        let holds_keys = |layer: &&Spot| {
            let members = self.raw(layer).and_then(Value::as_object);
            members.is_some_and(|members| members.keys().any(|key| key != KEY))
        };
        let Some(layer) = layers.iter().rfind(holds_keys).or(layers.last()).cloned() else {
            return;
        };
        for (key, new) in after.iter().filter(|(key, _)| !before.contains_key(*key)) {
            self.write(&layer.member(key), Some(new.clone()));
        }
    }

    fn are_arrays(&self, layers: &[Spot]) -> bool {
        layers.iter().all(|layer| self.raw(layer).is_some_and(Value::is_array))
    }

    /// Changes an array, which can be several in a row, each in its file.
    fn elements(&mut self, layers: &[Spot], before: &[Value], after: &[Value]) {
        let spots: Vec<(usize, Spot)> = layers
            .iter()
            .enumerate()
            .flat_map(|(number, layer)| {
                let count = self.raw(layer).and_then(Value::as_array).map_or(0, Vec::len);
                (0..count).map(move |index| (number, layer.member(&index.to_string())))
            })
            .collect();
        let steps = align(before, after);
        for step in &steps {
            if let Step::Change(old, new) = step
                && let Some((_, spot)) = spots.get(*old)
            {
                let layers = self.layers(spot);
                self.change(std::slice::from_ref(spot), &layers, &before[*old], &after[*new]);
            }
        }
        let mut made: Vec<Vec<Value>> = vec![Vec::new(); layers.len()];
        let mut number = 0;
        for step in steps {
            let element = match step {
                Step::Insert(new) => after[new].clone(),
                Step::Keep(old) | Step::Change(old, _) | Step::Remove(old) => {
                    let Some((of, spot)) = spots.get(old) else { return };
                    number = *of;
                    let written = self.wanted.get(&spot.file).and_then(|text| at(text, &spot.path));
                    match (step, written) {
                        (Step::Remove(_), _) | (_, None) => continue,
                        (_, Some(written)) => written.clone(),
                    }
                }
            };
            if let Some(made) = made.get_mut(number) {
                made.push(element);
            }
        }
        for (layer, made) in layers.iter().zip(made) {
            self.write(layer, Some(Value::Array(made)));
        }
    }

    /// Writes a value where the last of several stands; those that would join it go.
    fn replace(&mut self, held: &[Spot], value: &Value) {
        let Some((last, others)) = held.split_last() else { return };
        for other in others {
            if self.raw(other).is_some_and(|other| join(other, value)) {
                self.write(other, None);
            }
        }
        self.write(last, Some(value.clone()));
    }

    fn write(&mut self, spot: &Spot, value: Option<Value>) {
        let Some(text) = self.wanted.get_mut(&spot.file) else { return };
        let Some((key, parents)) = spot.path.split_last() else {
            *text = value.unwrap_or_default();
            return;
        };
        let parent = parents.iter().try_fold(text, |value, key| match value {
            Value::Object(members) => members.get_mut(key),
            Value::Array(elements) => elements.get_mut(key.parse::<usize>().ok()?),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
        });
        match (parent, value) {
            (Some(Value::Object(members)), Some(value)) => {
                members.insert(key.clone(), value);
            }
            (Some(Value::Object(members)), None) => {
                members.shift_remove(key);
            }
            (Some(Value::Array(elements)), Some(value)) => {
                if let Some(element) = key.parse::<usize>().ok().and_then(|at| elements.get_mut(at))
                {
                    *element = value;
                }
            }
            _ => {}
        }
    }
}

/// Says whether OpenClaw puts two values together instead of taking the second.
fn join(a: &Value, b: &Value) -> bool {
    a.is_object() && b.is_object() || a.is_array() && b.is_array()
}

fn at<'v>(value: &'v Value, path: &[String]) -> Option<&'v Value> {
    path.iter().try_fold(value, |value, key| match value {
        Value::Object(members) => members.get(key),
        Value::Array(elements) => elements.get(key.parse::<usize>().ok()?),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    })
}
