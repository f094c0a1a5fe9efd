//! Accounts: who may write to them directly and in groups, and whether strangers may.

mod direct;
mod groups;
mod webhooks;

use std::collections::BTreeSet;

use crate::openclaw::facts::channels::Account;
use crate::openclaw::facts::channels::Surface;
use crate::openclaw::facts::found::Found;
use crate::openclaw::facts::found::Sheet;
use crate::openclaw::facts::pairing;
use crate::openclaw::facts::reading::Item;
use crate::openclaw::facts::reading::Reading;
use crate::openclaw::facts::rooms;
use crate::openclaw::facts::rooms::Room;

/// What holds for an account before its rooms have their say.
#[derive(Debug)]
pub(super) struct Effective {
    pub(super) policy: Found,
    pub(super) senders: Found,
    /// The direct senders, access groups taken apart.
    pub(super) items: Vec<Item>,
    pub(super) group_policy: Found,
    pub(super) group_senders: Found,
    /// The group senders, access groups taken apart.
    pub(super) group_items: Vec<Item>,
    /// Whether a room that says nothing waits for a mention.
    pub(super) mention: Found,
}

/// What is known of an account once its facts are put together.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) sheets: Vec<Sheet>,
    /// Whether more than one person can write to it; none where it cannot be told.
    pub(super) shared: Option<bool>,
    /// Everyone who may write to it by name.
    pub(super) people: BTreeSet<String>,
    pub(super) webhooks: Vec<String>,
}

/// Puts together the facts about an account and its rooms.
pub(super) fn known(reading: &Reading<'_>, account: &Account<'_>, agents: &[&str]) -> Known {
    let rooms = rooms::of(account);
    let effective = effective(reading, account, &rooms);
    let mut sheet = Sheet::new(account.subject());
    let open = direct::put(&mut sheet, reading, account, &effective);
    let group_open = groups::put(&mut sheet, reading, account, &effective, &rooms);
    let approved = pairing::approved(reading, account);
    let mut people = people(&effective, approved.as_ref());
    let told = Told { open: [open, group_open], approvals: approved.is_some() };
    let mut shared = shared(reading, account, &effective, &rooms, &told, people.len());
    let webhooks = webhooks::of(account);
    let inputs = &[
        "config.account.dm.open",
        "config.account.dm.senders",
        "config.account.group.open",
        "host.approved",
    ];
    sheet.put("config.account.shared", Found::follows(shared, inputs));
    sheet.put("config.account.webhooks", listed(&webhooks));
    let mut sheets = vec![sheet];
    sheets.extend(rooms.iter().map(|room| room.sheet(reading, account, &effective)));
    if let Some(path) = account.refused() {
        let origin = reading.origin(path);
        for sheet in &mut sheets {
            sheet.hide(&origin);
        }
        people.clear();
        shared = None;
    }
    if let Some(sheet) = sheets.first_mut() {
        pairing::put(sheet, reading, account);
        sheet.put("config.account.agents", Found::follows(Some(agents.to_vec()), &["bindings"]));
    }
    Known { sheets, shared, people, webhooks }
}

/// Returns a list that follows from the whole section.
fn listed(list: &[String]) -> Found {
    Found::follows(Some(list.to_vec()), &[])
}

fn effective<'r>(reading: &'r Reading<'_>, account: &Account<'r>, rooms: &[Room<'r>]) -> Effective {
    let (senders, items) = direct::senders(reading, account);
    let (group_senders, group_items) = groups::senders(reading, account);
    let group_policy = groups::policy(reading, account);
    Effective {
        policy: direct::policy(reading, account),
        senders,
        items: expand(reading, account.channel, items),
        group_senders,
        group_items: expand(reading, account.channel, group_items),
        mention: groups::default_mention(reading, account, rooms, &group_policy),
        group_policy,
    }
}

/// Takes access groups apart into their members.
fn expand(reading: &Reading<'_>, channel: &str, items: Vec<Item>) -> Vec<Item> {
    let mut all = Vec::with_capacity(items.len());
    for item in items {
        let name = item.meant.as_deref().and_then(|text| text.strip_prefix("accessGroup:"));
        let Some(name) = name else {
            all.push(item);
            continue;
        };
        let members = reading.items(&["accessGroups", name, "members", channel]);
        if members.is_empty() {
            all.push(Item { meant: None, ..item });
        }
        all.extend(members);
    }
    all
}

/// Tells whether `*` stands among senders; none where one of them cannot be seen.
fn wildcard(items: &[Item]) -> Option<bool> {
    if items.iter().any(Item::is_wildcard) {
        return Some(true);
    }
    items.iter().all(|item| item.meant.is_some()).then_some(false)
}

/// Returns everyone who may write by name, directly or in groups, or by approval.
fn people(effective: &Effective, approved: Option<&BTreeSet<String>>) -> BTreeSet<String> {
    let direct = effective.items.iter().filter(|_| effective.policy.word() != Some("disabled"));
    let closed = effective.group_policy.word() == Some("disabled");
    let groups = effective.group_items.iter().filter(|_| !closed);
    let named = direct.chain(groups).filter(|item| !item.is_wildcard());
    let named = named.filter_map(|item| Some(item.meant.as_ref()?.trim().to_lowercase()));
    let pairing = effective.policy.word() == Some("pairing");
    let approved = approved.filter(|_| pairing).into_iter().flatten().cloned();
    named.chain(approved).collect()
}

/// What is told of who may write to an account.
struct Told {
    /// Whether strangers may, directly and in groups.
    open: [Option<bool>; 2],
    /// Whether approvals could be read.
    approvals: bool,
}

/// Tells whether more than one person can write to an account.
fn shared(
    reading: &Reading<'_>,
    account: &Account<'_>,
    effective: &Effective,
    rooms: &[Room<'_>],
    told: &Told,
    people: usize,
) -> Option<bool> {
    let direct = effective.policy.word();
    let anyone = direct != Some("disabled") && wildcard(&effective.items) == Some(true);
    let policies: Vec<Option<bool>> =
        rooms.iter().map(|room| groups::hears(reading, room, effective)).collect();
    let hears = policies.contains(&Some(true));
    if told.open.contains(&Some(true)) || anyone || hears || people > 1 {
        return Some(true);
    }
    let seen = [&effective.items, &effective.group_items]
        .into_iter()
        .flatten()
        .all(|item| item.meant.is_some());
    let known = !told.open.contains(&None)
        && !policies.contains(&None)
        && account.direct() != Surface::Unknown;
    match direct {
        Some("allowlist" | "disabled") if seen && known => Some(false),
        Some("pairing") if seen && known && told.approvals => Some(false),
        _ => None,
    }
}
