//! By which settings a channel has an account of its own beside those it lists.

use serde_json::Map;
use serde_json::Value;

use crate::openclaw::facts::reading::Reading;

/// Settings by which a channel that is not known here has an account of its own.
const ANY: &[&[&str]] = &[
    &["accessToken"],
    &["account"],
    &["accountSid"],
    &["appId"],
    &["appToken"],
    &["authDir"],
    &["baseUrl"],
    &["botSecret"],
    &["botToken"],
    &["channelAccessToken"],
    &["homeserver"],
    &["host"],
    &["nick"],
    &["phoneNumber"],
    &["privateKey"],
    &["serviceAccount"],
    &["serviceAccountFile"],
    &["token"],
    &["tokenFile"],
    &["username"],
];

/// Variables by which a channel has an account of its own.
const VARIABLES: [(&str, &str); 3] = [
    ("telegram", "TELEGRAM_BOT_TOKEN"),
    ("discord", "DISCORD_BOT_TOKEN"),
    ("slack", "SLACK_BOT_TOKEN"),
];

/// Returns the settings, any of which has to be there whole.
///
/// The table is that of OpenClaw's policy check, by which it tells an account of the channel's own.
fn settings(channel: &str) -> &'static [&'static [&'static str]] {
    match channel {
        "clickclack" => &[&["baseUrl", "workspace", "token"]],
        "discord" | "synology-chat" => &[&["token"]],
        "feishu" => &[&["appId", "appSecret"]],
        "googlechat" => &[&["serviceAccount"], &["serviceAccountFile"]],
        "imessage" => &[&["cliPath"], &["dbPath"]],
        "irc" => &[&["host", "nick"]],
        "line" => &[&["channelAccessToken"], &["tokenFile"]],
        "matrix" => &[&["homeserver", "accessToken"], &["homeserver", "userId", "password"]],
        "mattermost" => &[&["baseUrl", "botToken"]],
        "nextcloud-talk" => &[&["baseUrl", "botSecret"], &["baseUrl", "botSecretFile"]],
        "qa-channel" => &[&["baseUrl"]],
        "qqbot" => &[&["appId"], &["clientSecret"], &["clientSecretFile"]],
        "signal" => &[&["account"]],
        "slack" => &[&["appToken"], &["botToken"], &["signingSecret"]],
        "telegram" | "zalo" => &[&["botToken"], &["tokenFile"]],
        "tlon" => &[&["ship"]],
        "twitch" => &[&["username"]],
        "whatsapp" => &[&["authDir"]],
        "zalouser" => &[&["profile"]],
        _ => ANY,
    }
}

/// Tells whether a channel has an account of its own beside those it lists.
pub(super) fn has_own(reading: &Reading<'_>, channel: &str, section: &Map<String, Value>) -> bool {
    let written = |key: &&str| match section.get(*key) {
        None | Some(Value::Null) => false,
        Some(Value::String(text)) => !text.trim().is_empty(),
        Some(_) => true,
    };
    let variable = VARIABLES.iter().find(|(name, _)| *name == channel);
    settings(channel).iter().any(|keys| keys.iter().all(written))
        || variable.is_some_and(|(_, name)| reading.world.environment.contains_key(*name))
}
