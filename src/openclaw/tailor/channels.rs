//! Channels: who may write to them, directly and in groups, at every level that decides it.
//!
//! The keys are those that OpenClaw 2026.9.6 takes. An account is a shallow spread over its
//! channel, so whatever it writes itself has to be closed at the account.

use serde_json::Value;

use crate::openclaw::tailor::work::Depth;
use crate::openclaw::tailor::work::Work;
use crate::openclaw::tailor::work::borrowed;
use crate::openclaw::tailor::work::is_wildcard;
use crate::openclaw::tailor::work::within;

/// Channels that decide by `dmPolicy` who may write directly.
const DIRECT: [&str; 17] = [
    "telegram",
    "whatsapp",
    "discord",
    "slack",
    "signal",
    "imessage",
    "googlechat",
    "irc",
    "line",
    "mattermost",
    "nextcloud-talk",
    "zalouser",
    "zalo",
    "feishu",
    "msteams",
    "sms",
    "nostr",
];

/// Channels that decide by `groupPolicy` which rooms are heard.
const GROUPS: [&str; 17] = [
    "telegram",
    "whatsapp",
    "discord",
    "slack",
    "signal",
    "imessage",
    "googlechat",
    "irc",
    "line",
    "mattermost",
    "nextcloud-talk",
    "zalouser",
    "zalo",
    "feishu",
    "msteams",
    "matrix",
    "buzz",
];

/// Channels whose accounts get a DM policy of their own from OpenClaw where they write none.
const OWN_DIRECT: [&str; 5] = ["irc", "line", "mattermost", "nextcloud-talk", "sms"];

/// Channels whose accounts get a group policy of their own from OpenClaw where they write none.
const OWN_GROUPS: [&str; 5] = ["irc", "line", "mattermost", "nextcloud-talk", "zalouser"];

/// Channels that hear every group where nothing is written.
const OPEN_GROUPS: [&str; 3] = ["feishu", "zalo", "qa-channel"];

/// Keys below a channel that list who may write.
const SENDERS: [&str; 6] =
    ["allowFrom", "groupAllowFrom", "users", "roles", "allowedUserIds", "groupChannels"];

const ANY_SENDER: &str = "`*` let anyone write; who is named stays";

/// Keys of a channel that list rooms by id; `*` stands for any.
const ROOMS: [&str; 5] = ["groups", "guilds", "rooms", "teams", "channels"];

/// Keys of a channel below which only groups are spoken of.
const OF_GROUPS: [&str; 10] = [
    "groupPolicy",
    "groupAllowFrom",
    "groupEnabled",
    "groupChannels",
    "groups",
    "guilds",
    "rooms",
    "teams",
    "channels",
    "autoJoin",
];

/// Tells whether a config path is about a channel's groups, and not about who writes directly.
pub(super) fn is_of_groups(path: &[String]) -> bool {
    path.iter().skip(1).any(|key| OF_GROUPS.contains(&key.as_str()))
}

/// Keeps strangers out of these channels, and of what channels fall back on.
pub(super) fn keep_strangers_out(work: &mut Work<'_>, names: &[String]) {
    for name in names {
        section(work, name, Depth::Strangers);
    }
    defaults(work, Depth::Strangers);
    access_groups(work);
}

/// Narrows what channels fall back on that say nothing of their groups.
fn defaults(work: &mut Work<'_>, depth: Depth) {
    let path = ["channels", "defaults", "groupPolicy"];
    policy(work, &path, group_word(depth), depth, "Groups of channels that say nothing");
}

/// Takes the `*` that stands for any room out of these channels; rooms that are named stay.
///
/// What `*` says holds for named rooms, too, where they say nothing. So it goes only where it
/// restricts nothing and names nobody; else it stays for a person to take apart.
pub(super) fn hear_named_rooms_only(work: &mut Work<'_>, names: &[String]) {
    for name in names {
        let channel = ["channels", name];
        for (at, place) in places(work, &channel).into_iter().enumerate() {
            for list in ROOMS {
                let rooms = [borrowed(&place).as_slice(), &[list]].concat();
                let any = within(&rooms, &["*"]);
                let has_others = work.keys(&rooms).len() > 1;
                // An account that lists no room of its own hears those of its channel.
                let falls_back =
                    at > 0 && !has_others && !work.keys(&within(&channel, &[list])).is_empty();
                let members = work.get(&any).and_then(Value::as_object);
                let is_bare = members.is_some_and(|members| {
                    !members.iter().any(|(key, value)| restricts(key, value, has_others))
                });
                if is_bare && !falls_back {
                    work.clear(&any, "Any room nobody listed was heard");
                }
            }
        }
    }
}

/// Tells whether what stands under the `*` of rooms keeps something out, there or, where nothing
/// else is said, in rooms that are named.
fn restricts(key: &str, value: &Value, has_others: bool) -> bool {
    match (key, value) {
        ("requireMention", Value::Bool(mention)) => *mention && has_others,
        ("enabled", Value::Bool(enabled)) => !enabled,
        (key, Value::Array(list)) if SENDERS.contains(&key) => {
            list.is_empty() || !list.iter().all(is_wildcard)
        }
        _ => true,
    }
}

/// Returns where a channel and its accounts stand.
fn places(work: &Work<'_>, at: &[&str]) -> Vec<Vec<String>> {
    let mut places = vec![at.iter().map(|&key| key.to_owned()).collect::<Vec<_>>()];
    for account in work.keys(&within(at, &["accounts"])) {
        places.push(within(at, &["accounts", &account]).into_iter().map(str::to_owned).collect());
    }
    places
}

/// Makes every room of these channels that was heard without a mention wait for one.
pub(super) fn wait_for_mentions(work: &mut Work<'_>, names: &[String]) {
    for name in names {
        let mut found = Vec::new();
        if let Some(section) = work.get(&["channels", name]) {
            let mut path = vec!["channels".to_owned(), name.clone()];
            unmentioned(section, &mut path, &mut found);
        }
        for path in found {
            work.set(&borrowed(&path), true, "It was heard without a mention");
        }
    }
}

/// Collects where a mention is said not to be needed.
fn unmentioned(value: &Value, path: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    for (key, member) in value.as_object().into_iter().flatten() {
        path.push(key.clone());
        if key == "requireMention" && *member == Value::Bool(false) {
            found.push(path.clone());
        }
        unmentioned(member, path, found);
        path.pop();
    }
}

/// Closes every channel that is configured; none is added, and none is taken out.
pub(super) fn close(work: &mut Work<'_>, depth: Depth) {
    for channel in work.keys(&["channels"]) {
        match channel.as_str() {
            "modelByChannel" => {}
            "defaults" => defaults(work, depth),
            name => section(work, name, depth),
        }
    }
    access_groups(work);
}

fn section(work: &mut Work<'_>, name: &str, depth: Depth) {
    let at = ["channels", name];
    if !work.get(&at).is_some_and(Value::is_object) {
        return;
    }
    // What is switched off stays so, and opens nothing the day it is switched on again.
    let is_off = work.get(&["channels", name, "enabled"]) == Some(&Value::Bool(false));
    let width = if is_off { Depth::Strangers } else { depth };
    if !is_off {
        written_or_not(work, name, depth);
    }
    nested(work, &at, width, depth);
    wildcards(work, &at);
    rooms(work, &at, width);
    if !is_off && depth == Depth::Everyone && !is_known(name) {
        let path = ["channels", name, "enabled"];
        work.set(&path, false, "It has no policy that closes it, so it is switched off");
    }
}

/// Says whether a channel can be closed by its policies alone.
fn is_known(name: &str) -> bool {
    DIRECT.contains(&name) || ["matrix", "buzz"].contains(&name)
}

/// Closes what a channel and its accounts decide by a default, too.
fn written_or_not(work: &mut Work<'_>, name: &str, depth: Depth) {
    let at = ["channels", name];
    let everyone = depth == Depth::Everyone;
    let (dm, group) = (dm_path(name), ["groupPolicy"]);
    let dm_off = work.get(&within(&at, &["dm", "enabled"])) == Some(&Value::Bool(false));
    if everyone && !dm_off && (DIRECT.contains(&name) || name == "matrix") {
        let why = format!("No DM is taken on {name}");
        work.set(&within(&at, dm), dm_word(depth), &why);
    }
    let open = OPEN_GROUPS.contains(&name) && work.get(&within(&at, &group)).is_none();
    if everyone && GROUPS.contains(&name) || open && GROUPS.contains(&name) {
        let why = format!("No group reaches the bot on {name}");
        let why = if everyone { &why } else { "Unset, it hears every group" };
        work.set(&within(&at, &group), group_word(depth), why);
    }
    if !everyone {
        return;
    }
    for account in work.keys(&within(&at, &["accounts"])) {
        let own = within(&at, &["accounts", &account]);
        let off = work.get(&within(&own, &["enabled"])) == Some(&Value::Bool(false));
        if off || !work.get(&own).is_some_and(Value::is_object) {
            continue;
        }
        // An account's own `dm` hides the channel's, policy and all.
        let hides = name == "matrix" && work.get(&within(&own, &["dm"])).is_some();
        if OWN_DIRECT.contains(&name) || hides {
            let why = "The account has a DM policy of its own, by OpenClaw's default";
            work.set(&within(&own, dm), dm_word(depth), why);
        }
        if OWN_GROUPS.contains(&name) {
            let why = "The account has a group policy of its own, by OpenClaw's default";
            work.set(&within(&own, &group), group_word(depth), why);
        }
    }
}

fn dm_path(name: &str) -> &'static [&'static str] {
    if name == "matrix" { &["dm", "policy"] } else { &["dmPolicy"] }
}

fn dm_word(depth: Depth) -> &'static str {
    match depth {
        Depth::Strangers => "pairing",
        Depth::Everyone => "disabled",
    }
}

fn group_word(depth: Depth) -> &'static str {
    match depth {
        Depth::Strangers => "allowlist",
        Depth::Everyone => "disabled",
    }
}

/// Narrows a policy that is written, unless it is as narrow already.
fn policy(work: &mut Work<'_>, path: &[&str], closed: &str, width: Depth, why: &str) {
    let Some(written) = work.get(path) else { return };
    let narrow: &[&str] = match width {
        Depth::Everyone => &["disabled"],
        Depth::Strangers => &["disabled", "allowlist", "pairing"],
    };
    if !written.as_str().is_some_and(|written| narrow.contains(&written)) {
        work.set(path, closed, why);
    }
}

/// Narrows every policy written anywhere in a channel: accounts, direct chats, rooms, topics.
fn nested(work: &mut Work<'_>, at: &[&str], width: Depth, depth: Depth) {
    let mut found = Vec::new();
    if let Some(section) = work.get(at) {
        let mut path = at.iter().map(|&key| key.to_owned()).collect();
        policies(section, &mut path, &mut found);
    }
    for path in found {
        let path = borrowed(&path);
        let group = path.last() == Some(&"groupPolicy");
        let closed = if group { group_word(depth) } else { dm_word(depth) };
        let why = match (depth, group) {
            (Depth::Everyone, _) => "Written here, it beats what the channel says",
            (Depth::Strangers, true) => "Any group could reach the bot",
            (Depth::Strangers, false) => "Any stranger could write",
        };
        policy(work, &path, closed, width, why);
    }
    let switches: [(&[&str], &str, &str); 2] = [
        (
            &["dm", "groupEnabled"],
            "groupEnabled",
            "Group chats outside any server come in unlisted",
        ),
        (&["autoJoin"], "autoJoin", "It joins rooms that it is invited to"),
    ];
    for place in &places(work, at) {
        let place = borrowed(place);
        for (path, name, why) in switches {
            let path = within(&place, path);
            match (name, width) {
                ("groupEnabled", _) if work.get(&path) == Some(&Value::Bool(true)) => {
                    let listed = work.get(&within(&place, &["dm", "groupChannels"]));
                    let listed = listed.and_then(Value::as_array);
                    let some = listed.is_some_and(|l| !l.is_empty() && !l.iter().any(is_wildcard));
                    if width == Depth::Everyone || !some {
                        work.set(&path, false, why);
                    }
                }
                ("autoJoin", Depth::Everyone) if work.get(&path).is_some_and(Value::is_string) => {
                    work.set(&path, "off", why);
                }
                ("autoJoin", Depth::Strangers) if work.word(&path) == Some("always") => {
                    work.set(&path, "off", why);
                }
                _ => {}
            }
        }
    }
}

/// Collects where policies are written.
fn policies(value: &Value, path: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    for (key, member) in value.as_object().into_iter().flatten() {
        let within_dm = path.last().is_some_and(|last| last == "dm");
        path.push(key.clone());
        let is_policy = key == "dmPolicy" || key == "groupPolicy" || key == "policy" && within_dm;
        if is_policy && !member.is_null() && !member.is_object() {
            found.push(path.clone());
        }
        policies(member, path, found);
        path.pop();
    }
}

/// Takes `*` out of every list of senders in a channel: of accounts, rooms, topics, direct chats.
fn wildcards(work: &mut Work<'_>, at: &[&str]) {
    let mut found = Vec::new();
    if let Some(section) = work.get(at) {
        let mut path = at.iter().map(|&key| key.to_owned()).collect();
        lists(section, &mut path, &mut found);
    }
    for path in found {
        without_wildcard(work, &borrowed(&path), ANY_SENDER);
    }
}

fn lists(value: &Value, path: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    for (key, member) in value.as_object().into_iter().flatten() {
        path.push(key.clone());
        match member {
            Value::Array(list)
                if SENDERS.contains(&key.as_str()) && list.iter().any(is_wildcard) =>
            {
                found.push(path.clone());
            }
            Value::String(_) if SENDERS.contains(&key.as_str()) && is_wildcard(member) => {
                found.push(path.clone());
            }
            member => lists(member, path, found),
        }
        path.pop();
    }
}

/// Takes `*` out of a list.
pub(super) fn without_wildcard(work: &mut Work<'_>, path: &[&str], why: &str) {
    let Some(found) = work.get(path) else { return };
    let list = match found {
        Value::Array(list) => list.as_slice(),
        one => std::slice::from_ref(one),
    };
    let mut kept: Vec<Value> = list.iter().filter(|entry| !is_wildcard(entry)).cloned().collect();
    if kept.len() == list.len() {
        return;
    }
    if Work::tells_secret(path, &kept) {
        kept.clear();
    }
    work.set(path, kept, why);
}

/// Makes rooms that stand for any room wait for a mention, where groups stay open to those listed;
/// and pairs senders where the list that let anyone write names nobody.
fn rooms(work: &mut Work<'_>, at: &[&str], width: Depth) {
    if width != Depth::Strangers {
        return;
    }
    for place in &places(work, at) {
        let place = borrowed(place);
        for list in ROOMS {
            let path = within(&place, &[list, "*", "requireMention"]);
            if work.get(&path) == Some(&Value::Bool(false)) {
                work.set(&path, true, "Any room nobody listed was heard without a mention");
            }
        }
        let senders = within(&place, &["allowFrom"]);
        let emptied = work.changed(&senders)
            && work.get(&senders).and_then(Value::as_array).is_some_and(Vec::is_empty);
        let path = within(&place, &["dmPolicy"]);
        if emptied && work.word(&path) == Some("allowlist") {
            let why = "`*` let anyone write, and OpenClaw refuses an allowlist of nobody";
            work.set(&path, "pairing", why);
        }
    }
}

/// Takes `*` out of the groups of senders that channels refer to.
fn access_groups(work: &mut Work<'_>) {
    for group in work.keys(&["accessGroups"]) {
        for channel in work.keys(&["accessGroups", &group, "members"]) {
            without_wildcard(work, &["accessGroups", &group, "members", &channel], ANY_SENDER);
        }
    }
}
