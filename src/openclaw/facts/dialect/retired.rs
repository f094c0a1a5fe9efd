//! Keys that today's OpenClaw refuses, warns of or ignores, with what has become of them.

use serde_json::Value;

use crate::openclaw::facts::dialect::Today;

/// Keys by path, each with what to do instead; `*` stands for any key.
const RETIRED: &[(&str, &str)] = &[
    ("agents.defaults.memorySearch", "memory.search"),
    ("agents.entries.*.memorySearch", "agents.entries.*.memory.search"),
    ("agents.defaults.imageGenerationModel", "agents.defaults.mediaModels"),
    ("agents.defaults.videoGenerationModel", "agents.defaults.mediaModels"),
    ("channels.*.streamMode", "channels.*.streaming"),
    ("audio.transcription", "tools.media.models"),
    ("commands.ownerDisplay", ""),
    ("commands.useAccessGroups", ""),
    ("cron.runLog", ""),
    ("cron.webhook", ""),
    ("cron.store", ""),
    ("gateway.channelHealthCheckMinutes", ""),
    ("gateway.controlUi.allowInsecureAuth", ""),
    ("gateway.controlUi.dangerouslyDisableDeviceAuth", ""),
    ("gateway.reload.debounceMs", ""),
    ("gateway.tailscale.resetOnExit", ""),
    ("gateway.tailscale.serviceName", ""),
    ("gateway.webchat", ""),
    ("heartbeat", "agents.defaults.heartbeat"),
    ("identity", "agents.entries.*.identity"),
    ("logging.redactSensitive", "logging.redactPatterns; redaction is always on"),
    ("memory.backend", ""),
    ("memory.qmd", "memory.search.extraPaths"),
    ("messages.groupChat.requireMention", "channels.*.groups.*.requireMention"),
    ("messages.messagePrefix", "channels.whatsapp.responsePrefix"),
    ("messages.suppressToolErrors", ""),
    ("messages.tts", "tts"),
    ("meta.lastTouchedAt", ""),
    ("plugins.installs", ""),
    ("providers", "models.providers"),
    ("routing.allowFrom", "channels.whatsapp.allowFrom"),
    ("session.idleMinutes", "session.reset.idleMinutes"),
    ("session.maintenance.rotateBytes", ""),
    ("session.typingMode", "agents.defaults.typingMode"),
    ("tools.web.search", "plugins.entries.*.config.webSearch"),
    ("ui.assistant", "agents.entries.*.identity"),
    ("web.enabled", "channels.whatsapp.enabled"),
];

/// Lists the retired keys that a config holds.
pub(super) fn list(today: &mut Today<'_>) {
    for (path, instead) in RETIRED {
        let parts: Vec<&str> = path.split('.').collect();
        if !holds(&today.value, &parts) || !concerns(today, path) {
            continue;
        }
        today.note(if instead.is_empty() {
            format!("{path}: retired")
        } else {
            format!("{path} → {instead}")
        });
    }
    if older_peers(today) {
        today.note("bindings.*.match.peer.kind `dm` → `direct`".to_owned());
    }
    let reload = today.get(&["gateway", "reload", "mode"]).and_then(Value::as_str);
    if let Some(mode @ ("hot" | "restart")) = reload {
        let line = format!("gateway.reload.mode `{mode}` → `hybrid`");
        today.note(line);
    }
}

/// Says whether bindings name direct chats by their older word.
fn older_peers(today: &Today<'_>) -> bool {
    let bindings = today.get(&["bindings"]).and_then(Value::as_array);
    let kind = |binding: &Value| binding.pointer("/match/peer/kind").cloned();
    bindings.into_iter().flatten().any(|binding| kind(binding) == Some(Value::from("dm")))
}

/// Says whether a key is retired in the shape it is written in.
fn concerns(today: &Today<'_>, path: &str) -> bool {
    if path != "tools.web.search" {
        return true;
    }
    let search = today.get(&["tools", "web", "search"]).and_then(Value::as_object);
    search.is_some_and(|search| search.contains_key("apiKey"))
}

fn holds(value: &Value, path: &[&str]) -> bool {
    let Some((first, rest)) = path.split_first() else { return !value.is_null() };
    let Some(members) = value.as_object() else { return false };
    if *first == "*" {
        return members.values().any(|member| holds(member, rest));
    }
    members.get(*first).is_some_and(|member| holds(member, rest))
}
