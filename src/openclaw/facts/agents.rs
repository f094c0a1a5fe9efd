//! Agents: their tools, what they may run, their sandbox, and the credentials they can use.

use serde_json::Map;
use serde_json::Value;

use crate::openclaw::fact::Subject;
use crate::openclaw::facts::elevated;
use crate::openclaw::facts::exec;
use crate::openclaw::facts::found::Found;
use crate::openclaw::facts::found::Sheet;
use crate::openclaw::facts::reading::Reading;
use crate::openclaw::facts::routes::Agent;
use crate::openclaw::facts::sandbox;
use crate::openclaw::facts::tools;

/// Puts together the facts about an agent. Of one that is no object only who reaches it is known.
pub(super) fn sheet(
    reading: &Reading<'_>,
    agent: &Agent<'_>,
    reachable: bool,
    everyones: &[String],
) -> Sheet {
    let mut sheet = Sheet::new(Subject::Agent(agent.id.to_owned()));
    let mode = sandbox::mode(reading, agent);
    let policy = tools::policy(reading, agent, mode.word());
    let exec = exec::exec(reading, agent, mode.word());
    tools::put(&mut sheet, reading, agent, &policy, exec.runs());
    exec.put(&mut sheet, reading, policy.denies_commands());
    elevated::put(&mut sheet, reading, agent);
    sandbox::put(&mut sheet, reading, agent, mode);
    let mut names = own_credentials(reading, agent.id);
    let everyones = everyones.iter().filter(|name| may_use(reading, agent, name));
    names.extend(everyones.cloned());
    sheet.put("config.agent.credentials", Found::follows(Some(names), &[]));
    if let Some(path) = refused(reading, agent) {
        sheet.hide(&reading.origin(&path));
    }
    let from = &["config.account.agents", "config.hooks.agents", "config.gateway.http_apis"];
    sheet.put("config.agent.reachable", Found::follows(Some(reachable), from));
    sheet
}

/// Returns where something stands that is no object, so that nothing can be told of the agent.
fn refused<'r>(reading: &Reading<'_>, agent: &Agent<'r>) -> Option<Vec<&'r str>> {
    let entry = vec!["agents", "entries", agent.id];
    let above = [vec!["agents"], vec!["agents", "defaults"], vec!["agents", "entries"]];
    let own = agent.listed.then_some(entry);
    let mut paths = above.into_iter().chain(own);
    paths.find(|path| reading.at(path).is_some_and(|value| !value.is_object()))
}

/// Says whether an agent may use a credential that is there for all: skills may be picked.
fn may_use(reading: &Reading<'_>, agent: &Agent<'_>, name: &str) -> bool {
    let Some(skill) = name.strip_prefix("skills.entries.") else { return true };
    let paths = agent.paths(&["skills"], &["agents", "defaults", "skills"]);
    let picked = paths.iter().find_map(|path| reading.at(path)?.as_array());
    picked.is_none_or(|picked| picked.iter().any(|entry| entry.as_str() == Some(skill)))
}

/// Returns the credentials that are there for every agent, by name.
pub(super) fn credentials(reading: &Reading<'_>) -> Vec<String> {
    let mut names = Vec::new();
    let mut add = |path: &[&str], holds: &dyn Fn(&str, &Value) -> bool| {
        let at = crate::openclaw::facts::key::write(path);
        for (name, entry) in reading.object(path).into_iter().flatten() {
            if holds(name, entry) && entry.get("enabled") != Some(&Value::Bool(false)) {
                names.push(format!("{at}.{name}"));
            }
        }
    };
    add(&["models", "providers"], &|_, _| true);
    add(&["env", "vars"], &|name, _| crate::openclaw::secret::is_secret(&["env", "vars", name]));
    add(&["mcp", "servers"], &|_, _| true);
    add(&["skills", "entries"], &|_, entry| has(entry, &["apiKey", "env", "token"]));
    add(&["auth", "profiles"], &|_, _| true);
    add(&["plugins", "entries"], &|_, entry| entry.get("config").is_some_and(holds_secret));
    if reading.object(&["tools", "github"]).is_some_and(|github| !github.is_empty()) {
        names.push("tools.github".to_owned());
    }
    names
}

fn has(entry: &Value, keys: &[&str]) -> bool {
    keys.iter().any(|key| entry.get(key).is_some_and(|value| !value.is_null()))
}

/// Says whether a secret, or a reference to one, stands somewhere in a value.
fn holds_secret(value: &Value) -> bool {
    let named = |(key, value): (&String, &Value)| {
        let written = !matches!(value, Value::Null | Value::Bool(_) | Value::Number(_));
        written && crate::openclaw::secret::is_secret(&[key]) || holds_secret(value)
    };
    match value {
        Value::Object(members) => members.iter().any(named),
        Value::Array(elements) => elements.iter().any(holds_secret),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Returns the credentials that are an agent's own, by name.
pub(super) fn own_credentials(reading: &Reading<'_>, id: &str) -> Vec<String> {
    let path = ["agents", "entries", id];
    let Some(agent) = reading.object(&path) else { return Vec::new() };
    let at = crate::openclaw::facts::key::write(&path);
    let lists = [("models", "providers"), ("auth", "profiles"), ("mcp", "servers")];
    let nested = lists.into_iter().flat_map(|(outer, inner)| {
        let members =
            agent.get(outer).and_then(|outer| outer.get(inner)).and_then(Value::as_object);
        names(members, &format!("{at}.{outer}.{inner}"))
    });
    let older = agent.get("mcpServers").and_then(Value::as_object);
    nested.chain(names(older, &format!("{at}.mcpServers"))).collect()
}

fn names(members: Option<&Map<String, Value>>, at: &str) -> Vec<String> {
    members.into_iter().flat_map(Map::keys).map(|name| format!("{at}.{name}")).collect()
}
