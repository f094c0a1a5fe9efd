//! The runbook's baseline over a live config: what is as safe or safer there is left alone.

use serde_json::Value;

use crate::openclaw::facts::Facts;
use crate::openclaw::tailor::gateway;
use crate::openclaw::tailor::tools;
use crate::openclaw::tailor::work::Work;
use crate::openclaw::tailor::work::within;
use crate::runbook::TemplateKey;

/// Words of a setting, the safest first; each is as safe as all that follow it.
const ORDERS: [(&str, &[&str]); 3] = [
    ("session.dmScope", &["per-account-channel-peer", "per-channel-peer"]),
    ("agents.defaults.sandbox.mode", &["all", "non-main"]),
    ("tools.profile", &["minimal", "messaging"]),
];

/// Writes one row of the baseline, unless what stands there is as safe.
pub(super) fn row(work: &mut Work<'_>, key: &TemplateKey, facts: &Facts) {
    let value = serde_json::to_value(&key.value).unwrap_or_default();
    let path: Vec<&str> = key.path.split('.').collect();
    match key.path.as_str() {
        "gateway.bind" => {
            work.set(&path, value, &key.says);
            work.clear(&["gateway", "customBindHost"], "The address of the bind that was closed");
        }
        // Mode and token go together, and not over a trusted proxy.
        "gateway.auth.mode" | "gateway.auth.token" => {
            if !gateway::is_behind_proxy(work) && !gateway::has_credential(facts) {
                work.set(&path, value, &key.says);
            }
        }
        "tools.exec.security" => tools::commands(work),
        "tools.exec.ask" if work.get(&["tools", "exec", "mode"]).is_some() => {}
        "tools.elevated.enabled" => tools::elevated(work),
        "session.dmScope" => sessions(work, &value, &key.says),
        _ if key.only_if_unset && work.get(&path).is_some() => {}
        _ => {
            as_safe_or(work, &key.path, &path, &value, &key.says);
            overrides(work, &key.path, &value, &key.says);
        }
    }
}

/// Writes a word unless the one that stands there is as safe.
fn as_safe_or(work: &mut Work<'_>, name: &str, path: &[&str], value: &Value, says: &str) {
    let order = ORDERS.iter().find(|(of, _)| *of == name).map_or(&[][..], |(_, order)| *order);
    let safe = work.word(path).is_some_and(|word| order.contains(&word));
    if !safe {
        work.set(path, value.clone(), says);
    }
}

/// Writes it at each agent that says otherwise for itself.
fn overrides(work: &mut Work<'_>, name: &str, value: &Value, says: &str) {
    let own: &[&str] = match name {
        "agents.defaults.sandbox.mode" => &["sandbox", "mode"],
        "tools.profile" => &["tools", "profile"],
        _ => return,
    };
    for agent in work.keys(&["agents", "entries"]) {
        let path = within(&["agents", "entries", &agent], own);
        if work.get(&path).is_some() {
            as_safe_or(work, name, &path, value, says);
        }
    }
}

/// Keeps sessions apart, in every binding too.
fn sessions(work: &mut Work<'_>, value: &Value, says: &str) {
    as_safe_or(work, "session.dmScope", &["session", "dmScope"], value, says);
    if work.word(&["session", "scope"]) == Some("global") {
        work.clear(&["session", "scope"], "One session for all let senders read each other");
    }
    let path = ["bindings"];
    let Some(Value::Array(list)) = work.get(&path) else { return };
    let mut list = list.clone();
    for binding in &mut list {
        let scope = binding.pointer_mut("/session/dmScope");
        let Some(scope) = scope else { continue };
        let safe = scope.as_str().is_some_and(|word| ORDERS[0].1.contains(&word));
        if !safe && !scope.is_null() {
            *scope = value.clone();
        }
    }
    let whole = Value::Array(list);
    // A list that holds a secret would carry it into the patch.
    if crate::openclaw::secret::redact(&whole) == whole {
        work.set(&path, whole, "A binding kept its senders in one session");
    }
}
