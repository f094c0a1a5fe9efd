//! Two values merged as OpenClaw merges an include with what stands beside it.

use std::collections::BTreeMap;

use serde_json::Map;
use serde_json::Value;

use crate::json5::Inside;
use crate::json5::Places;
use crate::json5::Position;

/// A place in one of the files of a config.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    /// The file, by its number among those that were read.
    pub(super) file: usize,
    /// Where in it.
    pub(super) at: Position,
}

/// A value with its places.
pub(super) type Placed = (Value, Places<Spot>);

/// Keys that OpenClaw drops when it merges.
pub(super) const BLOCKED: [&str; 3] = ["__proto__", "prototype", "constructor"];

/// Merges one value over another: objects member by member, arrays one after the other, anything
/// else by taking the second. (`deepMerge` in OpenClaw's `config/includes.ts`, 2026.9.6)
pub(super) fn merge(base: Placed, over: Placed) -> Placed {
    let (base, base_places) = base;
    let (over, over_places) = over;
    match (base, base_places.inside, over, over_places.inside) {
        (
            Value::Object(base),
            Inside::Object(base_inside),
            Value::Object(over),
            Inside::Object(over_inside),
        ) => {
            let mut value = sanitize(base);
            let mut inside: BTreeMap<_, _> = base_inside.into_iter().collect();
            let mut over_inside: BTreeMap<_, _> = over_inside.into_iter().collect();
            for (key, member) in sanitize(over) {
                let Some(places) = over_inside.remove(key.as_str()) else {
                    continue;
                };
                let current = value.get_mut(&key).map(Value::take);
                let (member, places) = match (current, inside.remove(key.as_str())) {
                    (Some(current), Some(there)) => merge((current, there), (member, places)),
                    _ => (member, places),
                };
                inside.insert(key.as_str().into(), places);
                value.insert(key, member);
            }
            inside.retain(|key, _| value.contains_key(&**key));
            (
                Value::Object(value),
                Places { at: over_places.at, inside: Inside::Object(inside.into()) },
            )
        }
        (
            Value::Array(mut value),
            Inside::Array(mut inside),
            Value::Array(over),
            Inside::Array(more),
        ) => {
            value.extend(over);
            inside.extend(more);
            (Value::Array(value), Places { at: base_places.at, inside: Inside::Array(inside) })
        }
        (_, _, over, inside) => (over, Places { at: over_places.at, inside }),
    }
}

/// Drops the keys that OpenClaw drops, from objects in objects too.
fn sanitize(members: Map<String, Value>) -> Map<String, Value> {
    let kept = members.into_iter().filter(|(key, _)| !BLOCKED.contains(&key.as_str()));
    kept.map(|(key, member)| match member {
        Value::Object(members) => (key, Value::Object(sanitize(members))),
        other => (key, other),
    })
    .collect()
}
