//! Tools: which of them an agent is left with, by profile, allowance and denial.

use std::collections::HashSet;

use serde_json::Value;

use crate::openclaw::facts::found::Found;
use crate::openclaw::facts::found::Sheet;
use crate::openclaw::facts::reading::Item;
use crate::openclaw::facts::reading::Reading;
use crate::openclaw::facts::routes::Agent;

/// Core tools that facts ask for, by the group that holds them.
const GROUPS: &[(&str, &[&str])] = &[
    ("group:fs", &["ls", "read", "write", "edit", "apply_patch"]),
    ("group:runtime", &["exec", "process", "code_execution", "secrets"]),
    ("group:sessions", &["sessions", "sessions_spawn", "sessions_send", "subagents"]),
    ("group:ui", &["browser", "canvas", "screen", "terminal", "portal"]),
    ("group:automation", &["automations", "gateway", "plugins", "openclaw"]),
    ("group:nodes", &["nodes", "computer", "mobile_ui"]),
    (
        "group:openclaw",
        &[
            "code_execution",
            "secrets",
            "sessions",
            "sessions_spawn",
            "sessions_send",
            "subagents",
            "browser",
            "screen",
            "terminal",
            "portal",
            "automations",
            "gateway",
            "plugins",
            "openclaw",
            "nodes",
            "computer",
            "mobile_ui",
        ],
    ),
    ("group:web", &["web_search", "web_fetch", "x_search"]),
    ("group:memory", &["memory_search", "memory_get"]),
    ("group:messaging", &["message"]),
    ("group:agents", &["agents_list"]),
    ("group:media", &["view_image"]),
];

/// What a profile lets through, of the tools that facts ask for.
const PROFILES: &[(&str, &[&str])] = &[
    ("minimal", &["gateway"]),
    (
        "coding",
        &[
            "ls",
            "read",
            "write",
            "edit",
            "apply_patch",
            "exec",
            "process",
            "terminal",
            "sessions_spawn",
            "sessions_send",
            "subagents",
            "automations",
            "gateway",
            "plugins",
        ],
    ),
    ("messaging", &["message", "sessions_spawn", "sessions_send", "subagents", "gateway"]),
    ("full", &["*"]),
];

/// Tools that have no place behind an open surface.
const DANGEROUS: [&str; 10] = [
    "browser",
    "canvas",
    "nodes",
    "computer",
    "automations",
    "gateway",
    "plugins",
    "sessions_spawn",
    "sessions_send",
    "subagents",
];

/// Tools that change files.
const WRITE: [&str; 3] = ["write", "edit", "apply_patch"];

/// What the sandbox lets through where the config does not say.
const SANDBOX_ALLOW: [&str; 10] = [
    "exec",
    "process",
    "read",
    "ls",
    "write",
    "edit",
    "apply_patch",
    "sessions_send",
    "sessions_spawn",
    "subagents",
];

/// What the sandbox denies where the config does not say.
const SANDBOX_DENY: [&str; 7] =
    ["browser", "canvas", "computer", "mobile_ui", "nodes", "automations", "gateway"];

/// One layer of the tool policy: what is allowed, where not everything, and what is denied.
#[derive(Clone, Debug, Default)]
struct Layer {
    allow: Vec<String>,
    /// Whether an allowance that names nothing allows nothing.
    strict: bool,
    deny: Vec<String>,
}

/// Every layer that a tool has to pass.
pub(super) struct Policy {
    layers: Vec<Layer>,
    /// Whether something in them cannot be seen.
    unseen: bool,
    browser: bool,
}

impl Layer {
    fn allows(&self, tool: &str) -> bool {
        let listed = |list: &[String], tool: &str| list.iter().any(|entry| matches(entry, tool));
        if listed(&self.deny, tool) {
            return false;
        }
        if self.allow.is_empty() {
            return !self.strict;
        }
        listed(&self.allow, tool) || tool == "apply_patch" && listed(&self.allow, "write")
    }
}

impl Policy {
    /// Tells whether an agent has a tool.
    fn allows(&self, tool: &str) -> bool {
        (tool != "browser" || self.browser) && self.layers.iter().all(|layer| layer.allows(tool))
    }

    /// Tells whether the agent has the tool that runs commands.
    pub(super) fn runs(&self) -> bool {
        self.allows("exec")
    }

    /// Tells whether the tool policy alone keeps the agent from running commands. It outweighs
    /// every exec mode, a session's own included.
    pub(super) fn denies_commands(&self) -> bool {
        !self.runs() && !self.unseen
    }

    fn writes(&self) -> bool {
        WRITE.iter().any(|tool| self.allows(tool))
    }
}

/// Says whether an entry names a tool: by name, by an older name, or with `*` for any letters.
fn matches(entry: &str, tool: &str) -> bool {
    if !entry.contains('*') {
        return entry == tool;
    }
    let mut parts = entry.split('*');
    let Some(first) = parts.next() else { return false };
    let Some(mut rest) = tool.strip_prefix(first) else { return false };
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some(at) = rest.find(part) else { return false };
        rest = rest.get(at + part.len()..).unwrap_or_default();
    }
    true
}

/// Takes groups apart and puts today's names for older ones.
fn expand(items: Vec<Item>, unseen: &mut bool) -> Vec<String> {
    let mut tools = Vec::new();
    for item in items {
        let Some(text) = item.meant else {
            *unseen = true;
            continue;
        };
        let name = text.trim().to_lowercase();
        match (GROUPS.iter().find(|(group, _)| *group == name), name.as_str()) {
            (Some((_, group)), _) => tools.extend(group.iter().map(|&tool| tool.to_owned())),
            (None, "") => {}
            (None, "bash") => tools.push("exec".to_owned()),
            (None, "cron") => tools.push("automations".to_owned()),
            (None, "apply-patch") => tools.push("apply_patch".to_owned()),
            (None, _) => tools.push(name),
        }
    }
    tools
}

/// Works out an agent's tool policy.
pub(super) fn policy(reading: &Reading<'_>, agent: &Agent<'_>, sandbox: Option<&str>) -> Policy {
    let scopes = agent.paths(&["tools"], &["tools"]);
    let mut unseen = false;
    let mut layers = Vec::new();
    let profile = agent.paths(&["tools", "profile"], &["tools", "profile"]);
    let profile = first(reading, &profile).map(|value| reading.items_of(value));
    if let Some(item) = profile.and_then(|items| items.into_iter().next()) {
        unseen |= item.meant.is_none();
        let name = item.meant.unwrap_or_default();
        if let Some((_, tools)) = PROFILES.iter().find(|(profile, _)| *profile == name) {
            let also = agent.paths(&["tools", "alsoAllow"], &["tools", "alsoAllow"]);
            let also = first(reading, &also).map(|value| reading.items_of(value));
            let mut allow: Vec<String> = tools.iter().map(|&tool| tool.to_owned()).collect();
            allow.extend(expand(also.unwrap_or_default(), &mut unseen));
            layers.push(Layer { allow, strict: true, deny: Vec::new() });
        }
    }
    for scope in &scopes {
        layers.push(scoped(reading, scope, &mut unseen));
    }
    if sandbox == Some("all") {
        layers.push(sandboxed(reading, agent, &mut unseen));
    }
    Policy { layers, unseen, browser: reading.stays_on(&["browser", "enabled"]) }
}

fn first<'r>(reading: &'r Reading<'_>, paths: &[Vec<&str>]) -> Option<&'r Value> {
    paths.iter().find_map(|path| reading.at(path))
}

/// Reads the allowance and denial of one scope; adding alone narrows nothing.
fn scoped(reading: &Reading<'_>, scope: &[&str], unseen: &mut bool) -> Layer {
    let mut list = |key| {
        let path: Vec<&str> = scope.iter().copied().chain([key]).collect();
        *unseen |= reading.is_no_list(&path);
        expand(reading.items(&path), unseen)
    };
    let (mut allow, also, deny) = (list("allow"), list("alsoAllow"), list("deny"));
    if !allow.is_empty() {
        allow.extend(also);
    }
    Layer { allow, strict: false, deny }
}

/// Reads what the sandbox lets through, for an agent that never leaves it.
fn sandboxed(reading: &Reading<'_>, agent: &Agent<'_>, unseen: &mut bool) -> Layer {
    let mut list = |key| {
        let path = ["tools", "sandbox", "tools", key];
        let found = first(reading, &agent.paths(&path, &path));
        *unseen |= found.is_some_and(|value| !value.is_array());
        found.map(|value| expand(reading.items_of(value), unseen))
    };
    let (allow, also, deny) = (list("allow"), list("alsoAllow"), list("deny"));
    let named: Vec<String> = allow.iter().flatten().chain(also.iter().flatten()).cloned().collect();
    let own = |tools: &[&str]| tools.iter().map(|&tool| tool.to_owned()).collect::<Vec<_>>();
    let deny = deny.unwrap_or_else(|| {
        let kept = |tool: &String| !named.iter().any(|entry| matches(entry, tool));
        own(&SANDBOX_DENY).into_iter().filter(kept).collect()
    });
    let base = allow.unwrap_or_else(|| own(&SANDBOX_ALLOW));
    let allow = if base.is_empty() { base } else { base.into_iter().chain(named).collect() };
    Layer { allow, strict: false, deny }
}

/// Puts the facts about an agent's tools on its sheet.
///
/// `runs` tells whether commands can run at all, by the exec policy.
pub(super) fn put(
    sheet: &mut Sheet,
    reading: &Reading<'_>,
    agent: &Agent<'_>,
    policy: &Policy,
    runs: Option<bool>,
) {
    sheet.put("config.agent.profile", word(reading, agent, &["tools", "profile"]));
    sheet.put("config.agent.tools.allow", union(reading, agent, &["allow", "alsoAllow"]));
    let deny = union(reading, agent, &["deny"]);
    let inputs = &["config.agent.profile", "config.agent.tools.allow", "config.agent.tools.deny"];
    let broad = match (policy.writes(), policy.runs(), runs) {
        (true, _, _) | (false, true, Some(true)) => Some(true),
        (false, true, None) => None,
        (false, false, _) | (false, true, Some(false)) => Some(false),
    };
    let broad = broad.filter(|_| !policy.unseen);
    let commands = (!policy.unseen).then_some(policy.runs());
    sheet.put("config.agent.tools.commands", Found::follows(commands, inputs).at_place_of(&deny));
    sheet.put("config.agent.tools.broad", Found::follows(broad, inputs).at_place_of(&deny));
    let left: Vec<&str> = DANGEROUS.into_iter().filter(|tool| policy.allows(tool)).collect();
    let left = (!policy.unseen).then_some(left);
    sheet.put("config.agent.tools.dangerous", Found::follows(left, inputs).at_place_of(&deny));
    sheet.put("config.agent.tools.deny", deny);
}

/// Finds a word of an agent, or of all agents.
fn word(reading: &Reading<'_>, agent: &Agent<'_>, path: &[&'static str]) -> Found {
    let paths = agent.paths(path, path);
    let borrowed: Vec<&[&str]> = paths.iter().map(Vec::as_slice).collect();
    let narrow = borrowed.first().copied().unwrap_or_default();
    reading.first(&borrowed).unwrap_or_else(|| Found::unset(narrow))
}

/// Joins the lists of an agent and of all agents.
fn union(reading: &Reading<'_>, agent: &Agent<'_>, keys: &[&'static str]) -> Found {
    let mut seen = HashSet::new();
    let mut list: Vec<String> = Vec::new();
    let mut written: Option<Vec<&str>> = None;
    for scope in agent.paths(&["tools"], &["tools"]) {
        for key in keys {
            let path: Vec<&str> = scope.iter().copied().chain([*key]).collect();
            let items = reading.items(&path);
            if reading.at(&path).is_some() && written.is_none() {
                written = Some(path);
            }
            list.extend(
                items.into_iter().map(|item| item.shown).filter(|i| seen.insert(i.clone())),
            );
        }
    }
    let own =
        if agent.listed { vec!["agents", "entries", agent.id, "tools"] } else { vec!["tools"] };
    let Some(path) = written else {
        let place: Vec<&str> = own.into_iter().chain(keys.first().copied()).collect();
        return Found::default(list, &place);
    };
    let found = Found::set(list, reading.origin(&path)).at(&path);
    if agent.listed && path.first() == Some(&"tools") { found.inherited() } else { found }
}
