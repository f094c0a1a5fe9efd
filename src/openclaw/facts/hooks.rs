//! Where the outside can post: hooks, and the webhooks of plugins.

use serde_json::Value;

use crate::openclaw::facts::auth;
use crate::openclaw::facts::found::Found;
use crate::openclaw::facts::found::Sheet;
use crate::openclaw::facts::reading::Reading;

/// Plugins that serve a way in of their own.
const PLUGINS: [&str; 5] = ["webhooks", "voice-call", "admin-http-rpc", "a2a", "imap"];

/// Puts the facts about hooks on the gateway's sheet.
pub(super) fn put(sheet: &mut Sheet, reading: &Reading<'_>) {
    let enabled = reading.or(&["hooks", "enabled"], false);
    let path = ["hooks", "token"];
    let token = auth::credential(reading, &path);
    let token = token.map_or_else(|| Found::unset(&path), |token| token.worth(&path));
    sheet.put("config.hooks.token", token);
    sheet.put("config.hooks.agents", agents(reading, &enabled));
    sheet.put("config.hooks.enabled", enabled);
    let gmail = reading.or(&["hooks", "gmail", "tailscale", "mode"], "off");
    sheet.put("config.hooks.gmail_tailscale", gmail);
}

/// Finds the agents that hooks may start: any, unless they are named.
fn agents(reading: &Reading<'_>, enabled: &Found) -> Found {
    let path = ["hooks", "allowedAgentIds"];
    if enabled.flag() == Some(false) {
        return Found::follows(Some(Vec::<String>::new()), &["config.hooks.enabled"]).at(&path);
    }
    let Some(Value::Array(_)) = reading.at(&path) else {
        return Found::default(vec!["*"], &path);
    };
    let items = reading.items(&path);
    let any = items.iter().any(|item| item.is_wildcard() || item.meant.is_none());
    let mut names: Vec<String> = items.into_iter().map(|item| item.shown).collect();
    if any {
        names = vec!["*".to_owned()];
    }
    Found::set(names, reading.origin(&path)).at(&path)
}

/// Returns where the outside can post beside channels, by config path.
pub(super) fn surfaces(reading: &Reading<'_>) -> Vec<String> {
    let mut surfaces = Vec::new();
    if reading.at(&["hooks", "enabled"]).is_some_and(|on| *on != Value::Bool(false)) {
        surfaces.push("hooks".to_owned());
        let gmail = reading.object(&["hooks", "gmail"]).is_some_and(|gmail| !gmail.is_empty());
        surfaces.extend(gmail.then(|| "hooks.gmail".to_owned()));
    }
    for plugin in PLUGINS {
        let on = reading.at(&["plugins", "entries", plugin, "enabled"]);
        if on.is_some_and(|on| *on != Value::Bool(false)) {
            surfaces.push(format!("plugins.entries.{plugin}"));
        }
    }
    surfaces
}
