//! Channels and their accounts: which there are, and where each of their settings is written.
//!
//! An account is a shallow spread of itself over its channel: whatever it writes wins.

mod own;

use serde_json::Map;
use serde_json::Value;

use crate::openclaw::fact::Origin;
use crate::openclaw::fact::Subject;
use crate::openclaw::facts::reading::Reading;

/// Sections below `channels` that are no channels.
const NO_CHANNELS: [&str; 2] = ["defaults", "modelByChannel"];

/// What stands for a channel, an account or an agent that cannot be named.
pub(super) const UNKNOWN: &str = "?";

/// Whether and how a channel decides who may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Surface {
    /// By a policy, with this default.
    Policy(&'static str),
    /// Not at all: there is no such surface.
    None,
    /// In a way that is not known here.
    Unknown,
}

/// An enabled account of an enabled channel.
#[derive(Clone, Debug)]
pub(super) struct Account<'r> {
    pub(super) channel: &'r str,
    pub(super) id: &'r str,
    /// Whether it stands below `accounts`.
    listed: bool,
    /// Where its settings are written, the narrowest first.
    layers: Vec<Layer<'r>>,
    /// How many accounts the channel lists.
    siblings: usize,
}

#[derive(Clone, Debug)]
struct Layer<'r> {
    path: Vec<&'r str>,
    members: Option<&'r Map<String, Value>>,
}

/// A setting of an account, with where it stands.
#[derive(Clone, Debug)]
pub(super) struct Setting<'r> {
    pub(super) value: &'r Value,
    pub(super) path: Vec<&'r str>,
    /// Whether it stands above the account.
    pub(super) inherited: bool,
}

/// Returns the channels that are configured and enabled. One that is no object may be anything.
pub(super) fn enabled<'r>(reading: &'r Reading<'_>) -> Vec<&'r str> {
    let Some(channels) = reading.object(&["channels"]) else { return Vec::new() };
    channels
        .iter()
        .filter(|(name, section)| {
            !section.is_null()
                && section.get("enabled") != Some(&Value::Bool(false))
                && !NO_CHANNELS.contains(&name.as_str())
        })
        .map(|(name, _)| name.as_str())
        .collect()
}

/// Returns where all channels stand, where that is no object: nothing can be told of them.
pub(super) fn refused(reading: &Reading<'_>) -> Option<Origin> {
    let path = ["channels"];
    let odd = reading.at(&path).is_some_and(|channels| !channels.is_object());
    odd.then(|| reading.origin(&path))
}

/// Returns every enabled account of every enabled channel.
pub(super) fn accounts<'r>(reading: &'r Reading<'_>) -> Vec<Account<'r>> {
    let mut accounts = Vec::new();
    if refused(reading).is_some() {
        accounts.push(Account::unknown(UNKNOWN, vec!["channels"]));
    }
    for channel in enabled(reading) {
        let Some(section) = reading.object(&["channels", channel]) else {
            accounts.push(Account {
                id: "default",
                ..Account::unknown(channel, vec!["channels", channel])
            });
            continue;
        };
        if section.get("accounts").is_some_and(|listed| !listed.is_null() && !listed.is_object()) {
            accounts.push(Account::unknown(channel, vec!["channels", channel, "accounts"]));
        }
        let listed = section.get("accounts").and_then(Value::as_object);
        let siblings = listed.map_or(0, Map::len);
        let names = listed.into_iter().flat_map(Map::keys);
        let own = own::has_own(reading, channel, section)
            && !listed.is_some_and(|listed| listed.contains_key("default"));
        let mut all: Vec<Account<'r>> = names
            .map(|name| Account::listed(channel, name, section, siblings))
            .filter(Account::is_enabled)
            .collect();
        if siblings == 0 || own {
            all.push(Account::of_channel(channel, section, siblings));
        }
        accounts.append(&mut all);
    }
    accounts
}

impl<'r> Account<'r> {
    fn listed(
        channel: &'r str,
        id: &'r str,
        section: &'r Map<String, Value>,
        siblings: usize,
    ) -> Self {
        let accounts = section.get("accounts").and_then(Value::as_object);
        let layer = |name: &'r str| Layer {
            path: vec!["channels", channel, "accounts", name],
            members: accounts.and_then(|accounts| accounts.get(name)).and_then(Value::as_object),
        };
        let mut layers = vec![layer(id)];
        let default = accounts.is_some_and(|accounts| accounts.contains_key("default"));
        if channel == "whatsapp" && id != "default" && default {
            layers.push(layer("default"));
        }
        layers.push(Layer { path: vec!["channels", channel], members: Some(section) });
        Self { channel, id, listed: true, layers, siblings }
    }

    fn of_channel(channel: &'r str, section: &'r Map<String, Value>, siblings: usize) -> Self {
        let layers = vec![Layer { path: vec!["channels", channel], members: Some(section) }];
        Self { channel, id: "default", listed: false, layers, siblings }
    }

    /// Returns what stands for the accounts at a path that holds no object.
    fn unknown(channel: &'r str, path: Vec<&'r str>) -> Self {
        let layers = vec![Layer { path, members: None }];
        Self { channel, id: UNKNOWN, listed: false, layers, siblings: 0 }
    }

    /// Returns where something stands that is no object, so that OpenClaw refuses the config and
    /// nothing can be told about the account.
    pub(super) fn refused(&self) -> Option<&[&'r str]> {
        let odd = self.layers.iter().find(|layer| layer.members.is_none())?;
        Some(&odd.path)
    }

    fn is_enabled(&self) -> bool {
        let own = self.layers.first().and_then(|layer| layer.members);
        own.and_then(|own| own.get("enabled")) != Some(&Value::Bool(false))
    }

    pub(super) fn subject(&self) -> Subject {
        Subject::Account { channel: self.channel.to_owned(), account: self.id.to_owned() }
    }

    /// Finds where a setting is written, the account before its channel.
    pub(super) fn find(&self, key: &'r str) -> Option<Setting<'r>> {
        self.layers.iter().enumerate().find_map(|(above, layer)| {
            let value = layer.members?.get(key).filter(|value| !value.is_null())?;
            let path = layer.path.iter().copied().chain([key]).collect();
            Some(Setting { value, path, inherited: above > 0 })
        })
    }

    /// Finds a setting one level down, such as `dm.policy`, layer by layer.
    pub(super) fn find_in(&self, outer: &'r str, key: &'r str) -> Option<Setting<'r>> {
        self.layers.iter().enumerate().find_map(|(above, layer)| {
            let outside = layer.members?.get(outer)?.as_object()?;
            let value = outside.get(key).filter(|value| !value.is_null())?;
            let path = layer.path.iter().copied().chain([outer, key]).collect();
            Some(Setting { value, path, inherited: above > 0 })
        })
    }

    /// Finds the object of rooms under a key; the only account's empty one counts as none.
    pub(super) fn rooms(&self, key: &'r str) -> Option<Setting<'r>> {
        let found = self.find(key)?;
        let is_empty = found.value.as_object().is_some_and(Map::is_empty);
        if key != "groups" || !is_empty || found.inherited || self.siblings > 1 {
            return Some(found);
        }
        self.layers.iter().skip(1).find_map(|layer| {
            let value = layer.members?.get(key).filter(|value| !value.is_null())?;
            let path = layer.path.iter().copied().chain([key]).collect();
            Some(Setting { value, path, inherited: true })
        })
    }

    /// Returns the narrowest path at which a setting could be written.
    pub(super) fn place(&self, keys: &[&'r str]) -> Vec<&'r str> {
        let own = self.layers.first().map(|layer| layer.path.clone()).unwrap_or_default();
        own.into_iter().chain(keys.iter().copied()).collect()
    }

    /// Says how the channel decides who may write directly.
    pub(super) fn direct(&self) -> Surface {
        match self.channel {
            "telegram" | "whatsapp" | "discord" | "slack" | "signal" | "imessage"
            | "googlechat" | "irc" | "line" | "mattermost" | "nextcloud-talk" | "zalouser"
            | "zalo" | "feishu" | "matrix" | "msteams" | "sms" | "nostr" => {
                Surface::Policy("pairing")
            }
            "synology-chat" => Surface::Policy("allowlist"),
            "buzz" => Surface::None,
            _ => Surface::Unknown,
        }
    }

    /// Returns the key under which the channel lists who may write directly.
    pub(super) fn senders_key(&self) -> &'static str {
        if self.channel == "synology-chat" { "allowedUserIds" } else { "allowFrom" }
    }

    /// Says how the channel decides which rooms are heard.
    pub(super) fn groups(&self) -> Surface {
        match self.channel {
            "telegram" | "whatsapp" | "discord" | "slack" | "signal" | "imessage"
            | "googlechat" | "irc" | "line" | "mattermost" | "nextcloud-talk" | "zalouser"
            | "matrix" | "msteams" | "buzz" => Surface::Policy("allowlist"),
            "zalo" | "feishu" | "qa-channel" => {
                Surface::Policy(if self.rooms("groups").is_some() { "allowlist" } else { "open" })
            }
            "sms" | "nostr" | "synology-chat" => Surface::None,
            _ => Surface::Unknown,
        }
    }

    /// Says whether OpenClaw gives the account a DM policy of its own where it writes none.
    pub(super) fn direct_is_own(&self) -> bool {
        let own = ["irc", "line", "mattermost", "nextcloud-talk", "sms"];
        self.listed && own.contains(&self.channel)
    }

    /// Says whether OpenClaw gives the account a group policy of its own where it writes none.
    pub(super) fn groups_are_own(&self) -> bool {
        let own = ["irc", "line", "mattermost", "nextcloud-talk", "zalouser"];
        self.listed && own.contains(&self.channel)
    }

    /// Says whether `channels.defaults.groupPolicy` reaches the channel: where OpenClaw fills in no
    /// default of its own.
    pub(super) fn takes_defaults(&self) -> bool {
        match self.groups() {
            Surface::Policy(_) => {
                ["feishu", "matrix", "zalo", "qa-channel"].contains(&self.channel)
            }
            Surface::Unknown => true,
            Surface::None => false,
        }
    }

    /// Says whether a room waits for a mention where nothing is written about it.
    ///
    /// Some channels take an open group policy for the wish to hear everything.
    pub(super) fn waits_for_mention(&self, policy: Option<&str>) -> bool {
        policy != Some("open") || !["feishu", "qa-channel"].contains(&self.channel)
    }

    /// Says whether group senders that are not listed are taken from the direct ones.
    pub(super) fn group_senders_fall_back(&self) -> bool {
        !["discord", "slack", "matrix"].contains(&self.channel)
    }
}
