//! Which agents there are, and which of them an account's messages reach.

use std::collections::BTreeSet;
use std::collections::HashMap;
use std::collections::HashSet;

use serde_json::Value;

use crate::openclaw::facts::channels::Account;
use crate::openclaw::facts::channels::UNKNOWN;
use crate::openclaw::facts::reading::Reading;

/// An agent.
#[derive(Clone, Debug)]
pub(super) struct Agent<'r> {
    pub(super) id: &'r str,
    /// Whether the config lists it; the only agent may be implied.
    pub(super) listed: bool,
}

impl<'r> Agent<'r> {
    /// Returns the paths at which a setting of the agent may be written: its own first, then the one
    /// for all.
    pub(super) fn paths(&self, own: &[&'r str], all: &[&'r str]) -> Vec<Vec<&'r str>> {
        let mut paths = Vec::new();
        if self.listed {
            paths.push(
                ["agents", "entries", self.id].into_iter().chain(own.iter().copied()).collect(),
            );
        }
        paths.push(all.to_vec());
        paths
    }
}

/// What is known about one channel's bindings.
#[derive(Default)]
struct Bound<'r> {
    /// By normalized account id.
    accounts: HashMap<String, Owners<'r>>,
    /// For any account.
    any: Owners<'r>,
}

#[derive(Default)]
struct Owners<'r> {
    agents: Vec<&'r str>,
    /// Whether one of them takes all that no narrower binding takes.
    whole: bool,
}

/// The agents and the way to them.
pub(super) struct Routes<'r> {
    pub(super) agents: Vec<Agent<'r>>,
    /// The agents that each account reaches, in the order of the accounts.
    pub(super) by_account: Vec<Vec<&'r str>>,
    /// The agents that someone else than a local user can trigger.
    pub(super) reachable: HashSet<&'r str>,
}

/// Works out which agents accounts and hooks reach.
pub(super) fn routes<'r>(
    reading: &'r Reading<'_>,
    accounts: &[Account<'r>],
    exposed: bool,
) -> Routes<'r> {
    let mut agents = agents(reading);
    let ids: HashMap<String, &'r str> =
        agents.iter().rev().map(|agent| (normalize(agent.id), agent.id)).collect();
    let find = |id: &'r str| {
        let known = ids.get(&normalize(id)).copied();
        let any = ids.is_empty().then_some(id);
        known.or(any).or_else(|| (normalize(id) == "main").then_some("main"))
    };
    let owner = owner(reading, &agents, &ids);
    let bound = bindings(reading, &find);
    let broadcast = broadcast(reading, &find);
    let by_account: Vec<Vec<&'r str>> = accounts
        .iter()
        .map(|account| {
            let mut reached = reached(account, &bound, owner);
            if account.channel == "whatsapp" {
                reached.extend(&broadcast);
            }
            unique(reached)
        })
        .collect();
    let known: HashSet<&str> = agents.iter().map(|agent| agent.id).collect();
    let implied = unique(by_account.iter().flatten().copied().collect());
    let implied = implied.into_iter().filter(|id| !known.contains(id));
    let implied: Vec<_> = implied.map(|id| Agent { id, listed: false }).collect();
    agents.extend(implied);
    let mut reachable: HashSet<&'r str> = by_account.iter().flatten().copied().collect();
    reachable.extend(posted(reading, &agents, &find, owner, exposed));
    spawned(reading, &agents, &find, &mut reachable);
    Routes { agents, by_account, reachable }
}

/// Returns the agents that the config lists; `main` where it lists none.
fn agents<'r>(reading: &'r Reading<'_>) -> Vec<Agent<'r>> {
    let Some(entries) = reading.object(&["agents", "entries"]) else {
        let odd = [&["agents"][..], &["agents", "entries"]];
        let odd = odd.into_iter().any(|path| reading.at(path).is_some_and(|it| !it.is_object()));
        let id = if odd { UNKNOWN } else { "main" };
        return vec![Agent { id, listed: odd }];
    };
    let written = entries.iter().filter(|(_, entry)| !entry.is_null());
    written.map(|(id, _)| Agent { id, listed: true }).collect()
}

/// Brings an agent's or account's id into the form in which OpenClaw compares them.
fn normalize(id: &str) -> String {
    let lower = id.trim().to_lowercase();
    let mut normal = String::with_capacity(lower.len());
    for c in lower.chars() {
        if c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-' {
            normal.push(c);
        } else if !normal.ends_with('-') {
            normal.push('-');
        }
    }
    let normal = normal.trim_matches('-');
    if normal.is_empty() { "main".to_owned() } else { normal.chars().take(64).collect() }
}

/// Returns the agent that takes what no binding takes: the named one, the marked one, the only one
/// or `main`.
fn owner<'r>(
    reading: &'r Reading<'_>,
    agents: &[Agent<'r>],
    ids: &HashMap<String, &'r str>,
) -> Option<&'r str> {
    let named = reading.at(&["agents", "defaults", "systemAgent", "agentId"]);
    if let Some(named) = named.and_then(Value::as_str) {
        return ids.get(&normalize(named)).copied();
    }
    let mut marked =
        agents.iter().filter(|agent| reading.is_on(&["agents", "entries", agent.id, "default"]));
    if let (Some(agent), None) = (marked.next(), marked.next()) {
        return Some(agent.id);
    }
    match agents {
        [only] => Some(only.id),
        _ => ids.get("main").copied(),
    }
}

fn bindings<'r>(
    reading: &'r Reading<'_>,
    find: &impl Fn(&'r str) -> Option<&'r str>,
) -> HashMap<String, Bound<'r>> {
    let mut bound: HashMap<String, Bound<'r>> = HashMap::new();
    let list = reading.at(&["bindings"]).and_then(Value::as_array);
    for binding in list.into_iter().flatten() {
        let Some(wanted) = binding.get("match").and_then(Value::as_object) else { continue };
        let text = |key: &str| wanted.get(key).and_then(Value::as_str).map(str::trim);
        let agent = binding.get("agentId").and_then(Value::as_str).unwrap_or("main");
        let (Some(channel), Some(agent)) = (text("channel"), find(agent)) else { continue };
        let channel = bound.entry(channel.to_lowercase()).or_default();
        let owners = match text("accountId").unwrap_or_default() {
            "*" => &mut channel.any,
            "" => channel.accounts.entry("default".to_owned()).or_default(),
            account => channel.accounts.entry(normalize(account)).or_default(),
        };
        owners.agents.push(agent);
        let narrow = ["peer", "guildId", "teamId", "roles"];
        owners.whole |= !narrow.iter().any(|key| wanted.get(*key).is_some_and(|v| !v.is_null()));
    }
    bound
}

fn reached<'r>(
    account: &Account<'r>,
    bound: &HashMap<String, Bound<'r>>,
    owner: Option<&'r str>,
) -> Vec<&'r str> {
    let channel = bound.get(&account.channel.to_lowercase());
    let own = channel.and_then(|channel| channel.accounts.get(&normalize(account.id)));
    let both = [own, channel.map(|channel| &channel.any)];
    let whole = both.iter().flatten().any(|owners| owners.whole);
    let mut agents: Vec<&'r str> =
        both.iter().flatten().flat_map(|owners| owners.agents.iter().copied()).collect();
    agents.extend(owner.filter(|_| !whole));
    agents
}

/// Returns the agents that answer together in broadcast groups.
fn broadcast<'r>(
    reading: &'r Reading<'_>,
    find: &impl Fn(&'r str) -> Option<&'r str>,
) -> Vec<&'r str> {
    let peers = reading.object(&["broadcast"]);
    let lists = peers.into_iter().flatten().filter_map(|(_, agents)| agents.as_array());
    lists.flatten().filter_map(Value::as_str).filter_map(find).collect()
}

/// Returns the agents that a post reaches: through hooks, and through HTTP APIs beyond loopback.
fn posted<'r>(
    reading: &'r Reading<'_>,
    agents: &[Agent<'r>],
    find: &impl Fn(&'r str) -> Option<&'r str>,
    owner: Option<&'r str>,
    exposed: bool,
) -> Vec<&'r str> {
    let endpoints = ["gateway", "http", "endpoints"];
    let api = ["chatCompletions", "responses"].into_iter().any(|api| {
        let [gateway, http, endpoints] = endpoints;
        reading.is_on(&[gateway, http, endpoints, api, "enabled"])
    });
    let all = || agents.iter().map(|agent| agent.id).collect();
    if api && exposed {
        return all();
    }
    if !reading.is_on(&["hooks", "enabled"]) {
        return Vec::new();
    }
    let Some(Value::Array(allowed)) = reading.at(&["hooks", "allowedAgentIds"]) else {
        return all();
    };
    let allowed: Vec<&str> = allowed.iter().filter_map(Value::as_str).collect();
    if allowed.iter().any(|id| id.trim() == "*") {
        return all();
    }
    let mappings = reading.at(&["hooks", "mappings"]).and_then(Value::as_array);
    let mapped = mappings.into_iter().flatten().map(|mapping| mapping.get("agentId"));
    let mapped = mapped.filter_map(|id| id.and_then(Value::as_str));
    let named = allowed.iter().copied().chain(mapped).filter_map(find);
    named.chain(owner.filter(|_| !allowed.is_empty())).collect()
}

/// Adds the agents that reachable ones may start.
fn spawned<'r>(
    reading: &'r Reading<'_>,
    agents: &[Agent<'r>],
    find: &impl Fn(&'r str) -> Option<&'r str>,
    reachable: &mut HashSet<&'r str>,
) {
    let mut queue: Vec<&'r str> = reachable.iter().copied().collect();
    while let Some(id) = queue.pop() {
        let path = ["agents", "entries", id, "subagents", "allowAgents"];
        let path = if reading.at(&path).is_some() {
            path.to_vec()
        } else {
            vec!["agents", "defaults", "subagents", "allowAgents"]
        };
        let Some(list) = reading.at(&path).and_then(Value::as_array) else { continue };
        let named: Vec<&str> = list.iter().filter_map(Value::as_str).collect();
        let more: Vec<&'r str> = if named.contains(&"*") {
            agents.iter().map(|agent| agent.id).collect()
        } else {
            named.into_iter().filter_map(find).collect()
        };
        queue.extend(more.into_iter().filter(|id| reachable.insert(id)));
        if reachable.len() >= agents.len() {
            return;
        }
    }
}

fn unique(list: Vec<&str>) -> Vec<&str> {
    let mut seen = BTreeSet::new();
    list.into_iter().filter(|entry| seen.insert(*entry)).collect()
}
