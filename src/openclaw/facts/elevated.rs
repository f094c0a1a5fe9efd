//! Elevated tools: who can make an agent run commands outside its limits.

use std::collections::BTreeMap;

use crate::openclaw::facts::found::Found;
use crate::openclaw::facts::found::Sheet;
use crate::openclaw::facts::key;
use crate::openclaw::facts::reading::Item;
use crate::openclaw::facts::reading::Reading;
use crate::openclaw::facts::routes::Agent;

type Senders = BTreeMap<String, Vec<Item>>;

/// Puts the facts about elevated tools on an agent's sheet.
pub(super) fn put(sheet: &mut Sheet, reading: &Reading<'_>, agent: &Agent<'_>) {
    let switches =
        agent.paths(&["tools", "elevated", "enabled"], &["tools", "elevated", "enabled"]);
    let on = switches.iter().all(|path| reading.stays_on(path));
    let lists =
        agent.paths(&["tools", "elevated", "allowFrom"], &["tools", "elevated", "allowFrom"]);
    let all = lists.last().and_then(|path| senders(reading, path)).unwrap_or_default();
    let own = lists.first().filter(|_| lists.len() > 1).and_then(|path| senders(reading, path));
    let allowed = match own {
        Some(own) => meet(&all, &own),
        None => all,
    };
    let listed: Vec<String> = allowed
        .iter()
        .flat_map(|(provider, items)| items.iter().map(move |i| format!("{provider}: {}", i.shown)))
        .collect();
    let anyone = allowed.values().flatten().any(Item::is_wildcard);
    let inputs = &["config.agent.elevated.senders"];
    let written = lists.iter().find(|path| reading.at(path).is_some());
    let place = written.or(lists.first()).cloned().unwrap_or_default();
    let found = match written {
        Some(path) => Found::set(listed, reading.origin(path)).at(path),
        None => Found::default(listed, &place),
    };
    let above = agent.listed && place.first() == Some(&"tools");
    let found = if above { found.inherited() } else { found };
    let switch = switches.iter().find(|path| reading.at(path).is_some());
    let switch = switch.or(switches.first()).cloned().unwrap_or_default();
    let items = || allowed.values().flatten();
    let (some, odd) = (items().any(|item| !item.odd), items().any(|item| item.odd));
    let usable = if on && odd && !some { None } else { Some(on && some) };
    sheet.put("config.agent.elevated.usable", Found::follows(usable, inputs).at(&switch));
    let unseen = items().any(|item| item.meant.is_none());
    let anyone = if on && unseen && !anyone { None } else { Some(on && anyone) };
    let anyone = Found::follows(anyone, inputs);
    sheet.put("config.agent.elevated.wildcard", anyone.at_place_of(&found));
    sheet.put("config.agent.elevated.senders", found);
}

/// Finds the allowlists of elevated tools and of commands that let anyone in.
pub(super) fn stars(reading: &Reading<'_>, agents: &[Agent<'_>]) -> Found {
    let own = agents.iter().filter(|agent| agent.listed);
    let own =
        own.map(|agent| vec!["agents", "entries", agent.id, "tools", "elevated", "allowFrom"]);
    let all: [&[&str]; 3] = [
        &["tools", "elevated", "allowFrom"],
        &["commands", "allowFrom"],
        &["commands", "ownerAllowFrom"],
    ];
    let mut stars = Vec::new();
    let mut unseen = false;
    for path in all.into_iter().map(<[&str]>::to_vec).chain(own) {
        let Some(senders) = senders(reading, &path) else { continue };
        let items = || senders.values().flatten();
        unseen |= items().any(|item| item.meant.is_none());
        if items().any(Item::is_wildcard) {
            stars.push(reading.safe(&key::write(&path)));
        }
    }
    Found::follows((!stars.is_empty() || !unseen).then_some(stars), &[])
}

/// Reads senders by provider; a bare list is for any provider.
fn senders(reading: &Reading<'_>, path: &[&str]) -> Option<Senders> {
    let value = reading.at(path)?;
    let Some(providers) = value.as_object() else {
        return Some([("*".to_owned(), reading.senders(value))].into());
    };
    let lists = providers.iter();
    Some(lists.map(|(provider, list)| (provider.clone(), reading.senders(list))).collect())
}

/// Returns the senders that both lists let in; where they name none alike, those of the narrower
/// one, since a person may be written in two ways.
fn meet(all: &Senders, own: &Senders) -> Senders {
    let mut both = Senders::new();
    for (provider, own) in own {
        let Some(all) = all.get(provider).or_else(|| all.get("*")) else { continue };
        if all.is_empty() || own.is_empty() {
            continue;
        }
        let items = if own.iter().any(Item::is_wildcard) { all } else { own };
        let same: Vec<Item> = items.iter().filter(|item| all.contains(item)).cloned().collect();
        let kept = if same.is_empty() { items.clone() } else { same };
        both.insert(provider.clone(), kept);
    }
    both
}
