use serde_json::json;

use super::*;

/// Asserts what a config of an older dialect says in today's, and what is noted of it.
#[track_caller]
fn means(authored: &Value, expected: &Value, notes: &[&str]) {
    let today = today(authored);
    assert_eq!(*today.value, *expected);
    assert_eq!(today.migration, notes);
}

#[test]
fn todays_dialect_stays_as_it_is() {
    let config = json!({
        "gateway": { "bind": "loopback", "auth": { "mode": "token", "token": "x" } },
        "agents": { "entries": { "main": { "tools": { "exec": { "mode": "deny" } } } } },
        "channels": { "matrix": { "dm": { "policy": "open" } }, "discord": { "dm": { "enabled": true } } },
    });
    means(&config, &config, &[]);
}

#[test]
fn a_list_of_agents_becomes_entries_and_the_first_of_two_counts() {
    means(
        &json!({ "agents": { "list": [{ "id": "a", "x": 1 }, { "id": "a", "x": 2 }, 7, {}] } }),
        &json!({ "agents": { "entries": { "a": { "x": 1 }, "main": {} } } }),
        &["agents.list → agents.entries"],
    );
    means(
        &json!({ "agents": { "list": [{ "id": "a" }], "entries": { "b": {} } } }),
        &json!({ "agents": { "list": [{ "id": "a" }], "entries": { "b": {} } } }),
        &["agents.list: ignored beside agents.entries"],
    );
}

#[test]
fn what_is_written_in_both_dialects_is_todays() {
    means(
        &json!({ "gateway": { "token": "old", "auth": { "token": "new" } } }),
        &json!({ "gateway": { "auth": { "token": "new" } } }),
        &["gateway.token → gateway.auth.token"],
    );
    means(
        &json!({ "agents": { "defaults": { "tools": { "profile": "full", "deny": ["x"] } } }, "tools": { "profile": "minimal" } }),
        &json!({ "agents": { "defaults": {} }, "tools": { "profile": "minimal", "deny": ["x"] } }),
        &["agents.defaults.tools → tools"],
    );
}

#[test]
fn the_place_of_what_was_moved_is_remembered() {
    let config = json!({ "agent": { "sandbox": { "mode": "all" }, "bash": { "ask": "always" } } });
    let today = today(&config);
    let authored = |path: &[&str]| today.authored(path).join(".");
    assert_eq!(authored(&["agents", "defaults", "sandbox", "mode"]), "agent.sandbox.mode");
    assert_eq!(authored(&["tools", "exec", "ask"]), "agent.bash.ask");
    assert_eq!(authored(&["gateway", "bind"]), "gateway.bind");
}

#[test]
fn retired_keys_are_listed() {
    let config = json!({
        "gateway": { "tailscale": { "resetOnExit": true }, "reload": { "mode": "hot" } },
        "logging": { "redactSensitive": "tools" },
        "meta": { "lastTouchedAt": "x" },
        "bindings": [{ "match": { "peer": { "kind": "dm" } } }],
    });
    assert_eq!(
        today(&config).migration,
        [
            "gateway.tailscale.resetOnExit: retired",
            "logging.redactSensitive → logging.redactPatterns; redaction is always on",
            "meta.lastTouchedAt: retired",
            "bindings.*.match.peer.kind `dm` → `direct`",
            "gateway.reload.mode `hot` → `hybrid`",
        ]
    );
}
