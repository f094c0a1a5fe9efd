//! Channels of older dialects: sections at the root, policies below `dm`.

use serde_json::Value;

use crate::openclaw::facts::dialect::Today;
use crate::openclaw::facts::dialect::within;

/// Channels whose sections once stood at the root.
const AT_THE_ROOT: [&str; 9] = [
    "whatsapp",
    "telegram",
    "discord",
    "slack",
    "signal",
    "imessage",
    "msteams",
    "googlechat",
    "mattermost",
];

/// Moves channel sections to where they live today.
pub(super) fn move_sections(today: &mut Today<'_>) {
    for channel in AT_THE_ROOT {
        if today.get(&[channel]).is_some_and(Value::is_object) {
            today.shift(&[channel], &["channels", channel]);
        }
    }
    if today.get(&["channels", "bluebubbles"]).is_some() {
        today.shift(&["channels", "bluebubbles"], &["channels", "imessage"]);
    }
    if today.take(&["channels", "webchat"]).is_some() {
        today.note("channels.webchat: retired, it is built in".to_owned());
    }
}

/// Moves the policies that stood below `dm`; Matrix keeps its own there to this day.
pub(super) fn move_policies(today: &mut Today<'_>) {
    for channel in today.keys(&["channels"]) {
        if channel == "matrix" {
            continue;
        }
        let section = ["channels", channel.as_str()];
        policy(today, &section);
        for account in today.keys(&within(&section, "accounts")) {
            let accounts = within(&section, "accounts");
            policy(today, &within(&accounts, &account));
        }
    }
    for channel in ["telegram", "whatsapp", "imessage"] {
        if today.get(&["channels", channel, "requireMention"]).is_some() {
            today.note(format!(
                "channels.{channel}.requireMention → channels.{channel}.groups.*.requireMention"
            ));
        }
    }
}

fn policy(today: &mut Today<'_>, section: &[&str]) {
    let dm = within(section, "dm");
    today.shift(&within(&dm, "policy"), &within(section, "dmPolicy"));
    today.shift(&within(&dm, "allowFrom"), &within(section, "allowFrom"));
}
