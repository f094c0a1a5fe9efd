//! Direct messages to an account.

use serde_json::Value;

use crate::openclaw::fact::Origin;
use crate::openclaw::facts::accounts::Effective;
use crate::openclaw::facts::accounts::wildcard;
use crate::openclaw::facts::channels::Account;
use crate::openclaw::facts::channels::Setting;
use crate::openclaw::facts::channels::Surface;
use crate::openclaw::facts::found::Found;
use crate::openclaw::facts::found::Sheet;
use crate::openclaw::facts::reading::Item;
use crate::openclaw::facts::reading::Reading;

/// Finds what is written as a setting.
pub(super) fn setting(reading: &Reading<'_>, setting: &Setting<'_>) -> Found {
    let found = reading.found(&setting.path, setting.value);
    if setting.inherited { found.inherited() } else { found }
}

/// Returns the effective DM policy.
pub(super) fn policy(reading: &Reading<'_>, account: &Account<'_>) -> Found {
    let switch = account.find_in("dm", "enabled");
    if let Some(switch) = switch.filter(|switch| switch.value == &Value::Bool(false)) {
        let found = Found::set("disabled", reading.origin(&switch.path)).at(&switch.path);
        return if switch.inherited { found.inherited() } else { found };
    }
    let matrix = account.channel == "matrix";
    let place = account.place(if matrix { &["dm", "policy"] } else { &["dmPolicy"] });
    let below = matrix.then(|| account.find_in("dm", "policy")).flatten();
    let written = below.or_else(|| account.find("dmPolicy"));
    let written = written.map(|written| setting(reading, &written));
    let narrower =
        account.direct_is_own().then_some(["allowlist", "disabled", "pairing"].as_slice());
    match (written.filter(|written| reaches(written, narrower)), account.direct()) {
        (Some(written), _) => written,
        (None, Surface::Policy(default)) => Found::default(default, &place),
        (None, Surface::None) => Found::default("disabled", &place),
        (None, Surface::Unknown) => Found::hidden(Origin::Default).at(&place),
    }
}

/// Says whether a channel's policy reaches an account that OpenClaw gives a default of its own.
///
/// The default hides what is narrower; what is wider is believed, since OpenClaw's own policy check
/// believes it too.
pub(super) fn reaches(written: &Found, narrower: Option<&[&str]>) -> bool {
    let hides = |words: &[&str]| written.word().is_some_and(|word| words.contains(&word));
    written.inherited_from.is_none() || !narrower.is_some_and(hides)
}

/// Returns who may write directly, as written and as items.
pub(super) fn senders(reading: &Reading<'_>, account: &Account<'_>) -> (Found, Vec<Item>) {
    let matrix = account.channel == "matrix";
    let key = account.senders_key();
    let below = matrix.then(|| account.find_in("dm", key)).flatten();
    let written = below.or_else(|| account.find(key));
    let place = [&["dm"][..usize::from(matrix)], &[key]].concat();
    let place = account.place(&place);
    list(reading, written.as_ref(), &place)
}

/// Returns a list as found and as items; empty where nothing is written.
pub(super) fn list(
    reading: &Reading<'_>,
    written: Option<&Setting<'_>>,
    place: &[&str],
) -> (Found, Vec<Item>) {
    let Some(written) = written else {
        return (Found::default(Vec::<Value>::new(), place), Vec::new());
    };
    let items = reading.items_of(written.value);
    let found = reading.found_items(&written.path, written.value, &items);
    (if written.inherited { found.inherited() } else { found }, items)
}

/// Puts the facts about direct messages on an account's sheet; returns whether strangers may write.
pub(super) fn put(
    sheet: &mut Sheet,
    reading: &Reading<'_>,
    account: &Account<'_>,
    effective: &Effective,
) -> Option<bool> {
    let anyone = wildcard(&effective.items);
    let inputs = &["config.account.dm.policy", "config.account.dm.senders"];
    let found = Found::follows(anyone, &["config.account.dm.senders"]);
    sheet.put("config.account.dm.wildcard", found.at_place_of(&effective.senders));
    let open = match effective.policy.word() {
        Some("open") => Some(true),
        Some("pairing" | "allowlist") => anyone,
        Some("disabled") => Some(false),
        Some(_) | None => None,
    };
    let nested = open_chat(reading, account, effective);
    let found = match (&nested, open) {
        (None, Some(true)) if effective.policy.word() != Some("open") => {
            Found::follows(open, inputs).at_place_of(&effective.senders)
        }
        (Some(path), None | Some(false)) => Found::set(true, reading.origin(path)).at(path),
        (_, open) => Found::follows(open, inputs).at_place_of(&effective.policy),
    };
    let open = found.flag();
    sheet.put("config.account.dm.open", found);
    sheet.put("config.account.dm.policy", effective.policy.clone());
    sheet.put("config.account.dm.senders", effective.senders.clone());
    open
}

/// Returns the path at which a single direct chat lets strangers in.
fn open_chat<'r>(
    reading: &Reading<'_>,
    account: &Account<'r>,
    effective: &Effective,
) -> Option<Vec<&'r str>> {
    let direct = account.find("direct")?;
    direct.value.as_object()?.iter().find_map(|(peer, chat)| {
        let at = |key: &'r str| direct.path.iter().copied().chain([peer.as_str(), key]).collect();
        let policy = chat.get("dmPolicy").filter(|policy| !policy.is_null());
        let policy_at: Vec<&str> = at("dmPolicy");
        let own = policy.map(|policy| reading.found(&policy_at, policy));
        let word = own.as_ref().unwrap_or(&effective.policy).word();
        if own.is_some() && word == Some("open") {
            return Some(policy_at);
        }
        let senders = reading.items_of(chat.get("allowFrom")?);
        let anyone = peer == "*" && wildcard(&senders) == Some(true);
        (anyone && word != Some("disabled")).then(|| at("allowFrom"))
    })
}
