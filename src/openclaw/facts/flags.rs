//! Flags that are named dangerous: those that still act, and those that do nothing any more.

use serde_json::Value;

use crate::openclaw::facts::found::Found;
use crate::openclaw::facts::found::Sheet;
use crate::openclaw::facts::key;
use crate::openclaw::facts::reading::Reading;

/// Flags that today's OpenClaw ignores or refuses.
const INERT: [[&str; 3]; 2] = [
    ["gateway", "controlUi", "dangerouslyDisableDeviceAuth"],
    ["gateway", "controlUi", "allowInsecureAuth"],
];

/// Flags that act when they are true without being named so.
const LOOSE: [&[&str]; 2] =
    [&["hooks", "allowRequestSessionKey"], &["hooks", "gmail", "allowUnsafeExternalContent"]];

/// Limits that are lost when they are false.
const LIMITS: [&[&str]; 2] =
    [&["tools", "exec", "applyPatch", "workspaceOnly"], &["tools", "fs", "workspaceOnly"]];

/// Puts the facts about dangerous flags on the gateway's sheet.
pub(super) fn put(sheet: &mut Sheet, reading: &Reading<'_>) {
    let mut acting = Vec::new();
    walk(&reading.today.value, &mut Vec::new(), &mut acting);
    let on = |path: &&&[&str]| reading.is_on(path);
    acting.extend(LOOSE.iter().filter(on).map(|path| key::write(path)));
    let lost = |path: &&&[&str]| !reading.stays_on(path);
    acting.extend(LIMITS.iter().filter(lost).map(|path| format!("{}=false", key::write(path))));
    let mappings = reading.at(&["hooks", "mappings"]).and_then(Value::as_array);
    for at in 0..mappings.map_or(0, Vec::len) {
        let path = ["hooks", "mappings", &at.to_string(), "allowUnsafeExternalContent"];
        if reading.is_on(&path) {
            acting.push(key::write(&path));
        }
    }
    let inert = INERT.iter().filter(|path| reading.at(&path[..]).is_some_and(is_set));
    let inert: Vec<String> = inert.map(|path| key::write(path)).collect();
    sheet.put("config.gateway.dangerous_flags", Found::follows(Some(acting), &[]));
    sheet.put("config.gateway.inert_flags", Found::follows(Some(inert), &[]));
}

fn is_set(value: &Value) -> bool {
    !matches!(value, Value::Null | Value::Bool(false))
}

/// Collects the flags whose own name says that they are dangerous.
fn walk<'v>(value: &'v Value, path: &mut Vec<&'v str>, acting: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                path.push(name);
                let inert = INERT.iter().any(|inert| inert[..] == path[..]);
                if name.starts_with("dangerously") && is_set(member) && !inert {
                    acting.push(key::write(path));
                }
                walk(member, path, acting);
                path.pop();
            }
        }
        Value::Array(elements) => elements.iter().for_each(|element| walk(element, path, acting)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
