//! Groups that an account hears.

use serde_json::Value;

use crate::openclaw::fact::Origin;
use crate::openclaw::facts::accounts::Effective;
use crate::openclaw::facts::accounts::direct;
use crate::openclaw::facts::accounts::wildcard;
use crate::openclaw::facts::channels::Account;
use crate::openclaw::facts::channels::Surface;
use crate::openclaw::facts::found::Found;
use crate::openclaw::facts::found::Sheet;
use crate::openclaw::facts::reading::Item;
use crate::openclaw::facts::reading::Reading;
use crate::openclaw::facts::rooms::Room;

/// Channels whose mention rule stands on the channel itself.
const MENTION_AT_ROOT: [&str; 7] =
    ["slack", "feishu", "googlechat", "mattermost", "msteams", "clickclack", "twitch"];

/// Returns the effective group policy.
pub(super) fn policy(reading: &Reading<'_>, account: &Account<'_>) -> Found {
    let place = account.place(&["groupPolicy"]);
    let written = account.find("groupPolicy").map(|written| direct::setting(reading, &written));
    let narrower = account.groups_are_own().then_some(["allowlist", "disabled"].as_slice());
    if let Some(written) = written.filter(|written| direct::reaches(written, narrower)) {
        return written;
    }
    if account.takes_defaults() {
        let path = ["channels", "defaults", "groupPolicy"];
        if let Some(found) = reading.first(&[&path]) {
            return found.inherited();
        }
    }
    match account.groups() {
        Surface::Policy(default) => Found::default(default, &place),
        Surface::None => Found::default("disabled", &place),
        Surface::Unknown => Found::hidden(Origin::Default).at(&place),
    }
}

/// Returns who may write in groups, as written and as items.
pub(super) fn senders(reading: &Reading<'_>, account: &Account<'_>) -> (Found, Vec<Item>) {
    let written = account
        .find("groupAllowFrom")
        .or_else(|| account.group_senders_fall_back().then(|| account.find("allowFrom")).flatten());
    direct::list(reading, written.as_ref(), &account.place(&["groupAllowFrom"]))
}

/// Returns whether a room that says nothing waits for a mention.
pub(super) fn default_mention<'r>(
    reading: &'r Reading<'_>,
    account: &Account<'r>,
    rooms: &[Room<'r>],
    policy: &Found,
) -> Found {
    let any = rooms.iter().find(|room| room.is_any).and_then(|room| room.own_mention(reading));
    if let Some(found) = any {
        return found;
    }
    if let Some(written) = account.find("requireMention") {
        return direct::setting(reading, &written);
    }
    let path = ["messages", "groupChat", "requireMention"];
    if let Some(found) = reading.first(&[&path]) {
        return found.inherited();
    }
    let place: &[&str] = match account.channel {
        channel if MENTION_AT_ROOT.contains(&channel) => &["requireMention"],
        "discord" => &["guilds", "*", "requireMention"],
        "nextcloud-talk" => &["rooms", "*", "requireMention"],
        _ => &["groups", "*", "requireMention"],
    };
    let place = account.place(place);
    match account.groups() {
        Surface::Policy(_) | Surface::None => {
            Found::default(account.waits_for_mention(policy.word()), &place)
        }
        Surface::Unknown => Found::hidden(Origin::Default).at(&place),
    }
}

/// Tells whether messages from a room are heard at all; none where its policy cannot be seen.
pub(super) fn hears(reading: &Reading<'_>, room: &Room<'_>, effective: &Effective) -> Option<bool> {
    let own = room.own_policy(reading);
    let policy = own.as_ref().unwrap_or(&effective.group_policy);
    (!policy.is_hidden()).then(|| policy.word() != Some("disabled"))
}

/// Puts the facts about groups on an account's sheet; returns whether groups nobody listed reach it.
pub(super) fn put(
    sheet: &mut Sheet,
    reading: &Reading<'_>,
    account: &Account<'_>,
    effective: &Effective,
    rooms: &[Room<'_>],
) -> Option<bool> {
    let listed = wildcard(&effective.group_items);
    let to_everyone = |heard: Option<bool>| {
        rooms.iter().find(move |room| {
            hears(reading, room, effective) == heard
                && room.hears_everyone(reading, account, effective)
        })
    };
    let everyone = to_everyone(Some(true));
    let anywhere =
        everyone.is_some() || rooms.iter().any(|room| room.is_any || room.has_wildcard(reading));
    let anyone = match listed {
        _ if anywhere => Some(true),
        Some(false) if to_everyone(None).is_some() => None,
        listed => listed,
    };
    let found = match everyone.filter(|_| anyone != Some(true)) {
        Some(room) => Found::set(true, reading.origin(room.path())).at(room.path()),
        None => Found::follows(anyone, &["config.account.group.senders"])
            .at_place_of(&effective.group_senders),
    };
    sheet.put("config.account.group.wildcard", found);
    let found = open(reading, account, effective, rooms);
    let open = found.flag();
    sheet.put("config.account.group.open", found);
    sheet.put("config.account.group.mention", mention(reading, effective, rooms));
    sheet.put("config.account.group.policy", effective.group_policy.clone());
    sheet.put("config.account.group.senders", effective.group_senders.clone());
    open
}

/// Finds whether groups nobody listed can reach the account, and what lets them.
fn open(
    reading: &Reading<'_>,
    account: &Account<'_>,
    effective: &Effective,
    rooms: &[Room<'_>],
) -> Found {
    let own = rooms.iter().filter_map(|room| room.own_policy(reading));
    let nested = own.into_iter().find(|found| matches!(found.word(), Some("open" | "allowall")));
    let policy = effective.group_policy.word();
    if let Some(nested) = nested.filter(|_| !matches!(policy, Some("open" | "allowall"))) {
        return Found { value: Some(Value::Bool(true)), ..nested };
    }
    let inputs = &["config.account.group.policy", "config.account.group.senders"];
    if let Some(path) = group_chats(account).filter(|_| policy != Some("open")) {
        return Found::set(true, reading.origin(&path)).at(&path);
    }
    let any = rooms.iter().find(|room| room.is_any);
    let heard = any.and_then(|any| hears(reading, any, effective));
    if let Some(any) = any
        .filter(|_| heard == Some(true))
        .filter(|_| matches!(policy, Some("allowlist" | "disabled")))
    {
        return Found::set(true, reading.origin(any.path())).at(any.path());
    }
    let (open, place) = match policy {
        Some("open" | "allowall") => (Some(true), &effective.group_policy),
        Some("allowlist") if rooms.is_empty() => {
            (wildcard(&effective.group_items), &effective.group_senders)
        }
        Some("allowlist" | "disabled") if any.is_some() && heard.is_none() => {
            (None, &effective.group_policy)
        }
        Some("allowlist" | "disabled") => (Some(false), &effective.group_policy),
        Some(_) | None => (None, &effective.group_policy),
    };
    Found::follows(open, inputs).at_place_of(place)
}

/// Returns where group chats outside any server are let in without being listed.
fn group_chats<'r>(account: &Account<'r>) -> Option<Vec<&'r str>> {
    let switch = account.find_in("dm", "groupEnabled")?;
    let listed = account.find_in("dm", "groupChannels");
    let listed = listed.as_ref().and_then(|listed| listed.value.as_array());
    let some = listed.is_some_and(|list| {
        !list.is_empty()
            && !list.iter().any(|entry| entry.as_str().is_some_and(|e| e.trim() == "*"))
    });
    (switch.value == &Value::Bool(true) && !some).then_some(switch.path)
}

/// Finds whether every group that is heard waits for a mention, and which one does not.
fn mention(reading: &Reading<'_>, effective: &Effective, rooms: &[Room<'_>]) -> Found {
    let inputs = &["config.account.group.policy", "config.group.mention"];
    let (mut heard, mut unknown) = (Vec::new(), Vec::new());
    for room in rooms {
        match hears(reading, room, effective) {
            Some(true) => heard.push(room),
            Some(false) => {}
            None => unknown.push(room),
        }
    }
    let closed = effective.group_policy.word() == Some("disabled");
    let own = heard.iter().filter_map(|room| room.own_mention(reading));
    let default = (!closed || !heard.is_empty()).then(|| effective.mention.clone());
    let all: Vec<Found> = default.into_iter().chain(own).collect();
    if let Some(ungated) = all.iter().find(|found| !found.is_hidden() && found.flag() != Some(true))
    {
        return Found { value: Some(Value::Bool(false)), ..ungated.clone() };
    }
    if let Some(hidden) = all.into_iter().find(Found::is_hidden) {
        return hidden;
    }
    // Ungated, and perhaps heard.
    let mut unknown = unknown.into_iter().filter_map(|room| room.own_mention(reading));
    if let Some(ungated) = unknown.find(|found| found.flag() != Some(true)) {
        return Found::hidden(ungated.origin.clone()).at_place_of(&ungated);
    }
    Found::follows(Some(true), inputs).at_place_of(&effective.mention)
}
