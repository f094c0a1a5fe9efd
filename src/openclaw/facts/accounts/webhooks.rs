//! Where a channel account listens for posts from outside.

use serde_json::Value;

use crate::openclaw::facts::channels::Account;
use crate::openclaw::facts::key;

/// Channels that get their messages by webhook whatever the config says.
const ALWAYS: [&str; 6] =
    ["googlechat", "line", "msteams", "nextcloud-talk", "sms", "synology-chat"];

/// Settings that switch a webhook on where they are written.
const SWITCHES: [&str; 4] = ["webhookUrl", "webhookPort", "webhook", "webhookPath"];

/// Returns the webhook surfaces of an account, by config path; never a URL, which may hold a key.
pub(super) fn of(account: &Account<'_>) -> Vec<String> {
    let mode = account.find("mode").or_else(|| account.find("connectionMode"));
    let mode = mode.as_ref().and_then(|mode| Some((mode.value.as_str()?, &mode.path)));
    match (account.channel, mode) {
        ("slack", Some(("http", path))) | ("feishu", Some(("webhook", path))) => {
            return vec![key::write(path)];
        }
        ("slack" | "feishu" | "discord" | "whatsapp", _) => return Vec::new(),
        _ => {}
    }
    let switch = SWITCHES.iter().find_map(|switch| {
        let setting = account.find(switch)?;
        let on = !matches!(setting.value, Value::Bool(false));
        on.then(|| key::write(&setting.path))
    });
    let always = ALWAYS.contains(&account.channel);
    switch.or_else(|| always.then(|| key::write(&account.place(&[])))).into_iter().collect()
}
