//! What agents may do: commands on the host, elevated tools, tools with no place behind an open
//! surface, and sandboxes that hold nothing.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::openclaw::fact::State;
use crate::openclaw::facts::Facts;
use crate::openclaw::tailor::channels::without_wildcard;
use crate::openclaw::tailor::work::Work;
use crate::openclaw::tailor::work::within;
use crate::runbook::Each;

/// What is denied to every agent; a denial outweighs every allowance, a session's own included.
const DENIED: [&str; 9] = [
    "group:runtime",
    "group:fs",
    "group:automation",
    "group:nodes",
    "sessions_spawn",
    "sessions_send",
    "subagents",
    "browser",
    "canvas",
];

/// Refuses commands on the host, for every agent.
///
/// Where `mode` is written, `security` and `ask` may not stand beside it.
pub(super) fn commands(work: &mut Work<'_>) {
    deny(work, &["tools", "exec"]);
    for agent in work.keys(&["agents", "entries"]) {
        let own = ["agents", "entries", &agent, "tools", "exec"];
        let written = ["mode", "security", "ask"];
        if written.iter().any(|key| work.get(&within(&own, &[key])).is_some()) {
            deny(work, &own);
        }
    }
    work.switch_off(&["commands", "bash"], "A chat command ran commands on the host");
}

fn deny(work: &mut Work<'_>, at: &[&str]) {
    let path = |key| within(at, &[key]);
    if work.get(&path("mode")).is_some() {
        work.set(&path("mode"), "deny", "No host command runs");
        let why = "OpenClaw refuses it beside mode";
        work.clear(&path("security"), why);
        work.clear(&path("ask"), why);
    } else {
        work.set(&path("security"), "deny", "No host command runs");
        work.set(&path("ask"), "always", "Relaxed later, it still asks first");
    }
}

/// Switches elevated tools off, for every agent.
pub(super) fn elevated(work: &mut Work<'_>) {
    let at = ["tools", "elevated"];
    work.set(&within(&at, &["enabled"]), false, "Nobody has elevated tools");
    senders(work, &at);
    for agent in work.keys(&["agents", "entries"]) {
        let own = ["agents", "entries", &agent, "tools", "elevated"];
        work.switch_off(&within(&own, &["enabled"]), "Nobody has elevated tools");
        senders(work, &own);
    }
}

fn senders(work: &mut Work<'_>, at: &[&str]) {
    let list = within(at, &["allowFrom"]);
    let why = "`*` gave anyone elevated tools";
    without_wildcard(work, &list, why);
    for provider in work.keys(&list) {
        without_wildcard(work, &within(&list, &[&provider]), why);
    }
}

/// Takes `*` out of who has elevated tools and who may use chat commands, also where they are off.
pub(super) fn anyone(work: &mut Work<'_>) {
    senders(work, &["tools", "elevated"]);
    for agent in work.keys(&["agents", "entries"]) {
        senders(work, &["agents", "entries", &agent, "tools", "elevated"]);
    }
    chat_commands(work);
}

/// Takes `*` out of who may use chat commands.
pub(super) fn chat_commands(work: &mut Work<'_>) {
    let why = "`*` gave anyone the owner's chat commands";
    without_wildcard(work, &["commands", "ownerAllowFrom"], why);
    let list = ["commands", "allowFrom"];
    without_wildcard(work, &list, why);
    for provider in work.keys(&list) {
        without_wildcard(work, &within(&list, &[&provider]), why);
    }
}

/// Denies the tools that have no place behind an open surface, where some agent has them.
pub(super) fn dangerous(work: &mut Work<'_>, facts: &Facts) {
    let has = |path: &str, narrow: &Value| {
        let mut all = facts.subjects(Each::Agent).filter_map(|agent| facts.get(agent, path));
        all.any(|fact| fact.state == State::Hidden || fact.value.as_ref() != Some(narrow))
    };
    let none = Value::Array(Vec::new());
    if !has("config.agent.tools.dangerous", &none)
        && !has("config.agent.tools.broad", &false.into())
    {
        return;
    }
    let path = ["tools", "deny"];
    let mut list = work.get(&path).and_then(Value::as_array).cloned().unwrap_or_default();
    if Work::tells_secret(&path, &list) {
        return;
    }
    for tool in DENIED {
        if !list.iter().any(|entry| entry.as_str() == Some(tool)) {
            list.push(Value::from(tool));
        }
    }
    let why =
        "Tools that act on the host, on other sessions or on the gateway; no permission beats it";
    work.set(&path, list, why);
}

/// Takes back what undoes a sandbox: the host's network, unconfined profiles, mounts of what is
/// private.
pub(super) fn sandboxes(work: &mut Work<'_>, facts: &Facts) {
    let mut private = BTreeSet::new();
    for agent in facts.subjects(Each::Agent) {
        let fact = facts.get(agent, "config.agent.sandbox.binds_sensitive");
        let list = fact.and_then(|fact| fact.value.as_ref()).and_then(Value::as_array);
        private.extend(list.into_iter().flatten().filter_map(Value::as_str));
    }
    let mut scopes = vec![vec!["agents".to_owned(), "defaults".to_owned()]];
    for agent in work.keys(&["agents", "entries"]) {
        scopes.push(vec!["agents".to_owned(), "entries".to_owned(), agent]);
    }
    for scope in &scopes {
        for kind in ["docker", "browser"] {
            let at: Vec<&str> = scope.iter().map(String::as_str).chain(["sandbox", kind]).collect();
            undone(work, &at, &private);
        }
    }
}

fn undone(work: &mut Work<'_>, at: &[&str], private: &BTreeSet<&str>) {
    let network = within(at, &["network"]);
    let joined = |word: &str| word == "host" || word.starts_with("container:");
    if work.word(&network).is_some_and(joined) {
        work.clear(&network, "The sandbox shared a network it should be kept from");
    }
    for key in ["seccompProfile", "apparmorProfile"] {
        let path = within(at, &[key]);
        if work.word(&path) == Some("unconfined") {
            work.clear(&path, "The sandbox was not confined");
        }
    }
    work.switch_off(&within(at, &["privileged"]), "The sandbox had the host's own rights");
    let path = within(at, &["binds"]);
    let Some(Value::Array(list)) = work.get(&path) else { return };
    let kept: Vec<Value> = list
        .iter()
        .filter(|entry| !entry.as_str().is_some_and(|entry| private.contains(entry)))
        .cloned()
        .collect();
    if kept.len() < list.len() && !Work::tells_secret(&path, &kept) {
        work.set(&path, kept, "What is private or the system's own was mounted into the sandbox");
    }
}
