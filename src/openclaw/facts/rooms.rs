//! Rooms that an account lists: groups, guilds and their channels, teams, topics.

use std::collections::HashSet;

use serde_json::Value;

use crate::openclaw::fact::State;
use crate::openclaw::fact::Subject;
use crate::openclaw::facts::accounts::Effective;
use crate::openclaw::facts::channels::Account;
use crate::openclaw::facts::found::Found;
use crate::openclaw::facts::found::Sheet;
use crate::openclaw::facts::reading::Item;
use crate::openclaw::facts::reading::Reading;

/// Where an account lists rooms.
const LISTS: [&str; 5] = ["groups", "guilds", "rooms", "teams", "channels"];

/// Where a room lists rooms within.
const WITHIN: [&str; 2] = ["topics", "channels"];

/// A room that an account lists and hears.
#[derive(Debug)]
pub(super) struct Room<'r> {
    /// Its key, those above it before a slash.
    name: String,
    /// What is written for it and for the rooms it stands in, the narrowest first.
    layers: Vec<Layer<'r>>,
    /// The room in the same list that stands for any.
    any: Option<Layer<'r>>,
    /// Whether it stands for any room that is not listed.
    pub(super) is_any: bool,
    inherited: bool,
}

/// What is written for a room, and where.
#[derive(Clone, Debug)]
struct Layer<'r> {
    path: Vec<&'r str>,
    value: &'r Value,
}

impl<'r> Layer<'r> {
    /// Returns what is written under a key; null is nothing.
    fn get(&self, key: &str) -> Option<&'r Value> {
        self.value.get(key).filter(|value| !value.is_null())
    }
}

/// Returns the rooms that an account lists and hears.
pub(super) fn of<'r>(account: &Account<'r>) -> Vec<Room<'r>> {
    let mut rooms = Vec::new();
    for list in LISTS {
        let Some(found) = account.rooms(list) else { continue };
        add(&mut rooms, found.value, &found.path, None, found.inherited);
    }
    if let Some(direct) = account.find("direct") {
        topics_of_direct(&mut rooms, direct.value, &direct.path, direct.inherited);
    }
    let mut names = HashSet::new();
    for room in &mut rooms {
        if !names.insert(room.name.clone()) {
            let list = room.path().iter().rev().nth(1);
            room.name = format!("{}/{}", list.copied().unwrap_or_default(), room.name);
        }
    }
    let mut names = HashSet::new();
    rooms.retain(|room| names.insert(room.name.clone()));
    rooms
}

fn add<'r>(
    rooms: &mut Vec<Room<'r>>,
    list: &'r Value,
    path: &[&'r str],
    within: Option<(&str, &[Layer<'r>])>,
    inherited: bool,
) {
    let Some(members) = list.as_object() else { return };
    let any = members.get("*").map(|value| Layer { path: join(path, &["*"]), value });
    for (key, room) in members {
        if is_off(room) {
            continue;
        }
        let mut layers = vec![Layer { path: join(path, &[key]), value: room }];
        let name = within.map_or_else(|| key.clone(), |(above, _)| format!("{above}/{key}"));
        layers.extend(within.map(|(_, layers)| layers.to_vec()).unwrap_or_default());
        for list in WITHIN {
            if let Some(inner) = room.get(list) {
                let at = join(path, &[key, list]);
                add(rooms, inner, &at, Some((&name, &layers)), inherited);
            }
        }
        let is_any = key == "*" && within.is_none();
        let any = any.clone().filter(|_| key != "*");
        rooms.push(Room { name, layers, any, is_any, inherited });
    }
}

/// Adds the topics within direct chats, which have group policies of their own.
fn topics_of_direct<'r>(
    rooms: &mut Vec<Room<'r>>,
    direct: &'r Value,
    path: &[&'r str],
    inherited: bool,
) {
    for (peer, chat) in direct.as_object().into_iter().flatten() {
        if let Some(topics) = chat.get("topics") {
            let name = format!("direct/{peer}");
            add(rooms, topics, &join(path, &[peer, "topics"]), Some((&name, &[])), inherited);
        }
    }
}

/// Says whether a room is switched off; `allow` is the older word.
fn is_off(room: &Value) -> bool {
    ["enabled", "allow"].iter().any(|key| room.get(key) == Some(&Value::Bool(false)))
}

fn join<'k>(path: &[&'k str], keys: &[&'k str]) -> Vec<&'k str> {
    path.iter().chain(keys).copied().collect()
}

impl<'r> Room<'r> {
    /// Finds a setting on the room, then on the rooms it stands in.
    fn find(&self, reading: &Reading<'_>, key: &'r str) -> Option<Found> {
        self.layers.iter().enumerate().find_map(|(above, layer)| {
            let found = reading.found(&join(&layer.path, &[key]), layer.get(key)?);
            Some(if above > 0 || self.inherited { found.inherited() } else { found })
        })
    }

    fn place(&self, key: &'r str) -> Vec<&'r str> {
        join(self.path(), &[key])
    }

    /// Returns where the room stands.
    pub(super) fn path(&self) -> &[&'r str] {
        self.layers.first().map_or(&[], |layer| &layer.path)
    }

    /// Returns the room's own policy, where it or a room around it writes one.
    pub(super) fn own_policy(&self, reading: &Reading<'_>) -> Option<Found> {
        self.find(reading, "groupPolicy")
    }

    /// Returns whether the room waits for a mention, where it, a room around it or the room that
    /// stands for any says so.
    pub(super) fn own_mention(&self, reading: &Reading<'_>) -> Option<Found> {
        self.find(reading, "requireMention").or_else(|| {
            let (any, key) = (self.any.as_ref()?, "requireMention");
            Some(reading.found(&join(&any.path, &[key]), any.get(key)?).inherited())
        })
    }

    /// Returns the senders that the room or one around it lists, and where.
    fn own_senders(&self, reading: &Reading<'_>) -> Option<(Vec<&'r str>, Vec<Item>)> {
        self.layers.iter().find_map(|layer| {
            ["allowFrom", "groupAllowFrom", "users", "roles"].into_iter().find_map(|key| {
                let items = reading.senders(layer.get(key)?);
                Some((join(&layer.path, &[key]), items))
            })
        })
    }

    /// Tells whether everyone in the room is heard, since no senders are listed for it: on channels
    /// that keep an account's senders for direct messages. A guild that lists channels is heard in
    /// these only, and they speak for themselves.
    pub(super) fn hears_everyone(
        &self,
        reading: &Reading<'_>,
        account: &Account<'_>,
        effective: &Effective,
    ) -> bool {
        if account.group_senders_fall_back() || !effective.group_items.is_empty() {
            return false;
        }
        let own = self.layers.first().and_then(|layer| layer.get("channels"));
        let inner = own.and_then(Value::as_object);
        let listed = |key: &str| {
            let written = self.layers.iter().find_map(|layer| layer.get(key));
            written.is_some_and(|value| !reading.items_of(value).is_empty())
        };
        inner.is_none_or(serde_json::Map::is_empty)
            && !["users", "roles", "allowFrom", "groupAllowFrom"].into_iter().any(listed)
    }

    /// Tells whether anyone may write there: `*` among its own senders.
    pub(super) fn has_wildcard(&self, reading: &Reading<'_>) -> bool {
        let senders = self.own_senders(reading);
        senders.is_some_and(|(_, items)| items.iter().any(Item::is_wildcard))
    }

    /// Puts together the facts about the room.
    pub(super) fn sheet(
        &self,
        reading: &Reading<'_>,
        account: &Account<'r>,
        effective: &Effective,
    ) -> Sheet {
        let mut sheet = Sheet::new(Subject::Group {
            channel: account.channel.to_owned(),
            account: account.id.to_owned(),
            group: self.name.clone(),
        });
        let own = self.own_policy(reading);
        let policy = own.unwrap_or_else(|| effective.group_policy.clone().inherited());
        let (senders, items) = match self.own_senders(reading) {
            Some((path, items)) => {
                let shown: Vec<String> = items.iter().map(|item| item.shown.clone()).collect();
                (Found::set(shown, reading.origin(&path)).at(&path), items)
            }
            None => (effective.group_senders.clone().inherited(), effective.group_items.clone()),
        };
        let anyone = match policy.word() {
            Some("open" | "allowall") => Some(true),
            Some("disabled") => Some(false),
            _ if items.iter().any(Item::is_wildcard) => Some(true),
            word if word != Some("disabled")
                && self.hears_everyone(reading, account, effective) =>
            {
                Some(true)
            }
            _ if items.iter().any(|item| item.meant.is_none()) => None,
            _ if policy.is_hidden() => None,
            _ => Some(false),
        };
        let wildcard = if self.is_any { Some(true) } else { anyone };
        let mention = self.own_mention(reading).unwrap_or_else(|| match effective.mention.state {
            State::Default => effective.mention.clone().at(&self.place("requireMention")),
            State::Set | State::Unset | State::Hidden => effective.mention.clone().inherited(),
        });
        sheet.put("config.group.policy", policy);
        let found = Found::follows(wildcard, &["config.group.policy", "config.group.senders"]);
        sheet.put("config.group.wildcard", found.at_place_of(&senders));
        sheet.put("config.group.senders", senders);
        sheet.put("config.group.mention", mention);
        sheet
    }
}
