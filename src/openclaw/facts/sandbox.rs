//! The sandbox of an agent, and what undoes it.

use serde_json::Map;
use serde_json::Value;

use crate::openclaw::facts::found::Found;
use crate::openclaw::facts::found::Sheet;
use crate::openclaw::facts::reading::Item;
use crate::openclaw::facts::reading::Reading;
use crate::openclaw::facts::routes::Agent;

/// System paths that no sandbox should see.
const SYSTEM: [&str; 11] = [
    "/etc",
    "/private/etc",
    "/proc",
    "/sys",
    "/dev",
    "/root",
    "/boot",
    "/run",
    "/var/run",
    "/private/var/run",
    "/var/lib/docker",
];

/// Names below a home directory that hold credentials.
const PRIVATE: [&str; 14] = [
    ".aws",
    ".azure",
    ".cargo",
    ".clawdbot",
    ".config",
    ".docker",
    ".gnupg",
    ".kube",
    ".local",
    ".netrc",
    ".npm",
    ".openclaw",
    ".ssh",
    ".password-store",
];

/// Finds a word about the sandbox: of the agent, of all agents, or OpenClaw's default.
fn word(reading: &Reading<'_>, agent: &Agent<'_>, key: &'static str, default: &str) -> Found {
    let paths = agent.paths(&["sandbox", key], &["agents", "defaults", "sandbox", key]);
    let borrowed: Vec<&[&str]> = paths.iter().map(Vec::as_slice).collect();
    let narrow = borrowed.first().copied().unwrap_or_default();
    reading.first(&borrowed).unwrap_or_else(|| Found::default(default, narrow))
}

/// Returns the sandbox mode of an agent.
pub(super) fn mode(reading: &Reading<'_>, agent: &Agent<'_>) -> Found {
    word(reading, agent, "mode", "off")
}

/// Puts the facts about the sandbox on an agent's sheet.
pub(super) fn put(sheet: &mut Sheet, reading: &Reading<'_>, agent: &Agent<'_>, mode: Found) {
    let non_main = match mode.word() {
        Some("non-main" | "all") => Some(true),
        Some("off") => Some(false),
        Some(_) | None => None,
    };
    let non_main = Found::follows(non_main, &["config.agent.sandbox.mode"]).at_place_of(&mode);
    sheet.put("config.agent.sandbox.non_main", non_main);
    sheet.put("config.agent.sandbox.mode", mode);
    let scope = word(reading, agent, "scope", "agent");
    let shared = scope.word() == Some("shared");
    sheet.put("config.agent.sandbox.scope", scope);
    sheet.put("config.agent.sandbox.workspace", word(reading, agent, "workspaceAccess", "none"));
    let mut scopes = agent.paths(&["sandbox"], &["agents", "defaults", "sandbox"]);
    if shared && scopes.len() > 1 {
        scopes.remove(0);
    }
    let binds = binds(reading, &scopes);
    let sensitive = sensitive(reading, &scopes);
    let sensitive = Found::follows(sensitive, &["config.agent.sandbox.binds"]);
    sheet.put("config.agent.sandbox.binds_sensitive", sensitive.at_place_of(&binds));
    sheet.put("config.agent.sandbox.binds", binds);
    let dangerous = dangerous(reading, &scopes);
    let place: Vec<&str> = scopes.first().cloned().unwrap_or_default();
    sheet.put("config.agent.sandbox.dangerous", Found::follows(dangerous, &[]).at(&place));
}

/// Returns the paths of the bind mounts of every scope.
fn lists<'r>(scopes: &[Vec<&'r str>]) -> Vec<Vec<&'r str>> {
    let kinds = ["docker", "browser"];
    let lists = scopes.iter().flat_map(|scope| {
        kinds.map(|kind| scope.iter().copied().chain([kind, "binds"]).collect::<Vec<_>>())
    });
    lists.collect()
}

fn binds(reading: &Reading<'_>, scopes: &[Vec<&str>]) -> Found {
    let lists = lists(scopes);
    let all: Vec<String> =
        lists.iter().flat_map(|path| reading.items(path)).map(|item| item.shown).collect();
    match lists.iter().find(|path| reading.at(path).is_some()) {
        Some(path) => Found::set(all, reading.origin(path)).at(path),
        None => Found::default(all, &lists.first().cloned().unwrap_or_default()),
    }
}

/// Returns the bind mounts that show what they should not; none where none is seen to and one of
/// them cannot be seen.
fn sensitive(reading: &Reading<'_>, scopes: &[Vec<&str>]) -> Option<Vec<String>> {
    let lists = lists(scopes);
    let items: Vec<Item> = lists.iter().flat_map(|path| reading.items(path)).collect();
    let is_odd = |item: &&Item| item.meant.as_deref().is_some_and(|it| is_sensitive(it, reading));
    let odd: Vec<String> = items.iter().filter(is_odd).map(|item| item.shown.clone()).collect();
    let unseen = items.iter().any(|item| item.meant.is_none())
        || lists.iter().any(|path| reading.is_no_list(path));
    (!odd.is_empty() || !unseen).then_some(odd)
}

/// Says whether a bind mount shows credentials, a home, system paths or a socket; a source that is
/// no absolute path cannot be told from one that does.
fn is_sensitive(spec: &str, reading: &Reading<'_>) -> bool {
    let home = reading.world.environment.get("HOME").map(|home| clean(home));
    let source = spec.split(':').next().unwrap_or(spec).trim();
    let source = match (source.strip_prefix('~'), &home) {
        (Some(rest), Some(home)) => clean(&format!("{home}{rest}")),
        (Some(_), None) => return true,
        (None, _) => clean(source),
    };
    if !source.starts_with('/') {
        return true;
    }
    let state = clean(&reading.world.state_dir);
    let touches = |kept: &str| inside(kept, &source) || inside(&source, kept);
    SYSTEM.iter().any(|kept| touches(kept))
        || home.is_some_and(|home| inside(&source, &home))
        || state.starts_with('/') && state != "/" && touches(&state)
        || source.split('/').any(|part| PRIVATE.contains(&part))
        || source.split('/').any(|part| part.rsplit('.').next() == Some("sock"))
        || is_home(&source)
}

/// Says whether a path is the whole of somebody's home, or of all homes.
fn is_home(source: &str) -> bool {
    let parts: Vec<&str> = source.split('/').skip(1).collect();
    matches!(parts.as_slice(), ["home" | "Users"] | ["home" | "Users", _])
}

/// Says whether `path` is `root` or lies below it.
fn inside(root: &str, path: &str) -> bool {
    root == "/"
        || path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Takes `.`, `..` and double slashes out of a path.
fn clean(path: &str) -> String {
    if !path.starts_with('/') {
        return path.to_owned();
    }
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// Returns the settings that undo the sandbox, by config path; none where none is seen to and one
/// of them cannot be seen, or is of another kind than belongs there.
fn dangerous(reading: &Reading<'_>, scopes: &[Vec<&str>]) -> Option<Vec<String>> {
    let mut found = Vec::new();
    let mut unseen = false;
    for scope in scopes {
        unseen |= reading.at(scope).is_some_and(|value| !value.is_object());
        for kind in ["docker", "browser"] {
            let path: Vec<&str> = scope.iter().copied().chain([kind]).collect();
            let Some(value) = reading.at(&path) else { continue };
            let Some(members) = value.as_object() else {
                unseen = true;
                continue;
            };
            let at = crate::openclaw::facts::key::write(&path);
            let undoing = undoing(reading, members, &mut unseen);
            found.extend(undoing.into_iter().map(|key| format!("{at}.{key}")));
        }
    }
    (!found.is_empty() || !unseen).then_some(found)
}

fn undoing(reading: &Reading<'_>, members: &Map<String, Value>, unseen: &mut bool) -> Vec<String> {
    let mut found = Vec::new();
    let mut word = |key| {
        let value = members.get(key).filter(|value| !value.is_null())?;
        let meant = value.as_str().and_then(|text| reading.substitute(text).ok());
        *unseen |= meant.is_none();
        meant.map(|text| text.trim().to_lowercase())
    };
    let joined = |network: &String| network == "host" || network.starts_with("container:");
    if let Some(network) = word("network").filter(joined) {
        found.push(format!("network={network}"));
    }
    for key in ["seccompProfile", "apparmorProfile"] {
        if word(key).is_some_and(|profile| profile == "unconfined") {
            found.push(format!("{key}=unconfined"));
        }
    }
    let flags = members.iter().filter(|(key, value)| {
        let named = key.starts_with("dangerously") || *key == "privileged";
        named && !matches!(value, Value::Null | Value::Bool(false))
    });
    found.extend(flags.map(|(key, _)| key.clone()));
    found
}
