//! Agents of older dialects: one `agent`, `routing`, `agents.list`, tools below the defaults.

use serde_json::Value;

use crate::openclaw::facts::dialect::Today;
use crate::openclaw::facts::dialect::within;

/// Moves the one `agent` of the first dialects to where its parts live today.
pub(super) fn move_agent(today: &mut Today<'_>) {
    if !today.get(&["agent"]).is_some_and(Value::is_object) {
        return;
    }
    today.shift(&["agent", "sandbox", "tools"], &["tools", "sandbox", "tools"]);
    today.shift(&["agent", "tools"], &["tools"]);
    today.shift(&["agent", "elevated"], &["tools", "elevated"]);
    today.shift(&["agent", "bash"], &["tools", "exec"]);
    today.shift(&["agent"], &["agents", "defaults"]);
}

/// Moves what `routing` held.
pub(super) fn move_routing(today: &mut Today<'_>) {
    if today.get(&["channels", "whatsapp"]).is_some() {
        today.shift(&["routing", "allowFrom"], &["channels", "whatsapp", "allowFrom"]);
    }
    today.shift(&["routing", "groupChat"], &["messages", "groupChat"]);
    today.shift(&["routing", "bindings"], &["bindings"]);
    today.shift(&["routing", "agentToAgent"], &["tools", "agentToAgent"]);
    today.shift(&["routing", "agents"], &["agents", "entries"]);
    let default = today.get(&["routing", "defaultAgentId"]).and_then(Value::as_str);
    if let Some(default) = default.map(str::to_owned) {
        let to = ["agents", "entries", &default, "default"];
        if today.put(&to, Value::Bool(true)) {
            today.remember(&to, &["routing", "defaultAgentId"]);
        }
        today.note(format!("routing.defaultAgentId → agents.entries.{default}.default"));
    }
}

/// Turns the list of agents into entries by id; of two with one id the first counts.
pub(super) fn move_list(today: &mut Today<'_>) {
    if !today.get(&["agents", "list"]).is_some_and(Value::is_array) {
        return;
    }
    if today.get(&["agents", "entries"]).is_some() {
        today.note("agents.list: ignored beside agents.entries".to_owned());
        return;
    }
    let Some(Value::Array(list)) = today.take(&["agents", "list"]) else { return };
    for (index, mut agent) in list.into_iter().enumerate() {
        let Some(members) = agent.as_object_mut() else { continue };
        let id = members.shift_remove("id");
        let id = id.as_ref().and_then(Value::as_str).map_or("main", str::trim).to_owned();
        let to = ["agents", "entries", &id];
        if today.put(&to, agent) {
            today.remember(&to, &["agents", "list", &index.to_string()]);
        }
    }
    today.note("agents.list → agents.entries".to_owned());
}

/// Moves tools written below the agents' defaults, and the older names of the exec tool.
pub(super) fn move_tools(today: &mut Today<'_>) {
    today.shift(&["agents", "defaults", "tools"], &["tools"]);
    today.shift(&["tools", "bash"], &["tools", "exec"]);
    sandbox(today, &["agents", "defaults"]);
    for id in today.keys(&["agents", "entries"]) {
        let agent = ["agents", "entries", id.as_str()];
        let (bash, exec) =
            (within(&within(&agent, "tools"), "bash"), within(&within(&agent, "tools"), "exec"));
        today.shift(&bash, &exec);
        sandbox(today, &agent);
    }
}

/// Reads `perSession` as the scope it meant.
fn sandbox(today: &mut Today<'_>, agent: &[&str]) {
    let sandbox = within(agent, "sandbox");
    let from = within(&sandbox, "perSession");
    let Some(Value::Bool(per_session)) = today.get(&from) else { return };
    let scope = if *per_session { "session" } else { "shared" };
    let to = within(&sandbox, "scope");
    if today.put(&to, Value::from(scope)) {
        today.remember(&to, &from);
    }
    let agent = crate::openclaw::facts::key::write(agent);
    today.note(format!("{agent}.sandbox.perSession → {agent}.sandbox.scope `{scope}`"));
}
