//! The gateway of older dialects: its token, its bind by address, commands of nodes.

use serde_json::Value;

use crate::openclaw::facts::dialect::Today;

/// Addresses that once stood for a bind mode.
const BINDS: [(&str, &str); 9] = [
    ("all", "lan"),
    ("0.0.0.0", "lan"),
    ("::", "lan"),
    ("[::]", "lan"),
    ("*", "lan"),
    ("127.0.0.1", "loopback"),
    ("localhost", "loopback"),
    ("::1", "loopback"),
    ("[::1]", "loopback"),
];

/// Moves what stood elsewhere below `gateway`.
pub(super) fn move_gateway(today: &mut Today<'_>) {
    today.shift(&["gateway", "token"], &["gateway", "auth", "token"]);
    today.shift(&["gateway", "password"], &["gateway", "auth", "password"]);
    today.shift(&["gateway", "auth", "type"], &["gateway", "auth", "mode"]);
    let commands = ["gateway", "nodes", "commands"];
    let [gateway, nodes, list] = commands;
    today.shift(&[gateway, nodes, "allowCommands"], &[gateway, nodes, list, "allow"]);
    today.shift(&[gateway, nodes, "denyCommands"], &[gateway, nodes, list, "deny"]);
    environment(today);
    bind(today);
}

/// Reads an address as the bind mode it meant.
fn bind(today: &mut Today<'_>) {
    let Some(Value::String(written)) = today.get(&["gateway", "bind"]) else { return };
    let word = written.trim().to_lowercase();
    let Some((_, mode)) = BINDS.iter().find(|(alias, _)| *alias == word) else { return };
    today.take(&["gateway", "bind"]);
    today.put(&["gateway", "bind"], Value::from(*mode));
    today.note(format!("gateway.bind `{word}` → `{mode}`"));
}

/// Moves variables that stood directly below `env`.
fn environment(today: &mut Today<'_>) {
    for name in today.keys(&["env"]) {
        if today.get(&["env", &name]).is_some_and(Value::is_string) {
            today.shift(&["env", &name], &["env", "vars", &name]);
        }
    }
}
