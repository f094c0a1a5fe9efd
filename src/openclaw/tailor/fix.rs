//! The fix of an item, fitted to a live config: for the subjects that fail, and for no other.

use std::collections::BTreeSet;

use serde_json::Map;
use serde_json::Value;

use crate::openclaw::config::Config;
use crate::openclaw::fact::Fact;
use crate::openclaw::fact::Subject;
use crate::openclaw::facts;
use crate::openclaw::facts::Facts;
use crate::openclaw::patch::json;
use crate::openclaw::patch::put;
use crate::openclaw::tailor::channels;
use crate::openclaw::tailor::tools;
use crate::openclaw::tailor::work::Work;
use crate::openclaw::tailor::work::borrowed;
use crate::runbook::Closes;
use crate::runbook::Fix;
use crate::runbook::FixRow;

/// Returns the merge patch of a fix: what it closes in the channels of the failing subjects, and
/// each value where the fact of a failing subject comes from.
#[must_use]
pub fn fix(fix: &Fix, failing: &[Subject], facts: &Facts, config: &Config) -> Value {
    let mut patch = closed(&fix.closes, failing, config);
    for row in &fix.set {
        let mut subjects: Vec<Subject> = Vec::new();
        for subject in failing {
            let about = [Some(subject.clone()), subject.account(), subject.agent()];
            let about = about.into_iter().flatten().find(|s| facts.get(s, &row.path).is_some());
            let about = about.unwrap_or(Subject::Gateway);
            if !subjects.contains(&about) {
                subjects.push(about);
            }
        }
        for fact in subjects.iter().filter_map(|subject| facts.get(subject, &row.path)) {
            write(&mut patch, row, fact, config);
        }
    }
    patch
}

fn write(patch: &mut Value, row: &FixRow, fact: &Fact, config: &Config) {
    let Some(key) = &fact.key else { return };
    let mut parts = facts::key::parts(key);
    let stands = fact.value.as_ref().and_then(Value::as_str);
    if stands.is_some_and(|word| row.unless.iter().any(|narrow| narrow == word)) {
        return;
    }
    if row.own {
        parts = own(parts, &fact.subject, config);
    }
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    if row.unset {
        if config.get(&parts).is_some() {
            put(patch, &parts, Value::Null);
        }
        return;
    }
    if let Some(value) = &row.value {
        return put(patch, &parts, json(value));
    }
    // Rows on the same list build on each other, so what an earlier one left comes first.
    let inherited = fact.value.as_ref().filter(|_| row.own);
    let there = at(patch, &parts).or_else(|| config.get(&parts)).or(inherited);
    let there = there.and_then(Value::as_array).cloned();
    let list = match (&row.remove, &row.add) {
        (Some(remove), _) => {
            let remove = json(remove);
            there.map(|list| list.into_iter().filter(|value| *value != remove).collect())
        }
        (None, Some(add)) => {
            let mut list: Vec<Value> = there.unwrap_or_default();
            let add = json(add);
            if !list.contains(&add) {
                list.push(add);
            }
            Some(list)
        }
        (None, None) => None,
    };
    if let Some(list) = list {
        put(patch, &parts, Value::Array(list));
    }
}

/// Returns the key under which a value holds for one account or agent alone, where the config has an
/// entry for it; the key itself elsewhere.
fn own(key: Vec<String>, subject: &Subject, config: &Config) -> Vec<String> {
    let (entry, shared): (Vec<String>, Vec<Vec<String>>) = match subject {
        Subject::Account { channel, account } => (
            ["channels", channel, "accounts", account].map(str::to_owned).to_vec(),
            vec![["channels", channel].map(str::to_owned).to_vec()],
        ),
        Subject::Agent(agent) => (
            ["agents", "entries", agent].map(str::to_owned).to_vec(),
            vec![["agents", "defaults"].map(str::to_owned).to_vec(), Vec::new()],
        ),
        _ => return key,
    };
    let there = config.get(&entry.iter().map(String::as_str).collect::<Vec<_>>()).is_some();
    if !there || key.starts_with(&entry) {
        return key;
    }
    let rest = shared.iter().find_map(|shared| key.strip_prefix(shared.as_slice()));
    rest.map_or(key.clone(), |rest| [entry.as_slice(), rest].concat())
}

fn at<'v>(value: &'v Value, path: &[&str]) -> Option<&'v Value> {
    path.iter().try_fold(value, |value, key| value.get(key))
}

/// Closes what a fix names in the channels of these subjects, and in what channels fall back on.
fn closed(closes: &[Closes], failing: &[Subject], config: &Config) -> Value {
    let mut patch = Value::Object(Map::new());
    if closes.is_empty() {
        return patch;
    }
    let (today, _) = facts::in_todays_words(config);
    let accounts: Vec<Subject> = failing.iter().filter_map(Subject::account).collect();
    let names: BTreeSet<String> = accounts.iter().filter_map(channel).collect();
    let names: Vec<String> = names.into_iter().collect();
    for one in closes {
        let mut work = Work::on(today.clone());
        match one {
            Closes::Dms | Closes::Groups => channels::keep_strangers_out(&mut work, &names),
            Closes::Rooms => channels::hear_named_rooms_only(&mut work, &names),
            Closes::Mentions => channels::wait_for_mentions(&mut work, &names),
            Closes::Allowlists => tools::anyone(&mut work),
        }
        // What keeps strangers out looks at both ways in.
        let wanted = |path: &[String]| match one {
            Closes::Dms => !channels::is_of_groups(path),
            Closes::Groups => channels::is_of_groups(path),
            Closes::Rooms | Closes::Mentions | Closes::Allowlists => true,
        };
        let changes = work.changes.iter().filter(|change| wanted(&change.path));
        for change in changes.filter(|change| concerns(&change.path, &accounts)) {
            let after = change.after.clone().unwrap_or(Value::Null);
            put(&mut patch, &borrowed(&change.path), after);
        }
    }
    patch
}

fn channel(subject: &Subject) -> Option<String> {
    match subject {
        Subject::Account { channel, .. } => Some(channel.clone()),
        _ => None,
    }
}

/// Tells whether a path is not an account's own, or one of these accounts'.
fn concerns(path: &[String], accounts: &[Subject]) -> bool {
    let ["channels", name, "accounts", own, ..] = borrowed(path)[..] else { return true };
    let of = |it: &Subject| matches!(it, Subject::Account { channel, account } if channel == name && account == own);
    // Some channels' accounts fall back on the one that is called so.
    own == "default" || accounts.iter().any(of)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use serde_json::json;

    use super::*;
    use crate::openclaw::config::Assembled;
    use crate::openclaw::config::FileRead;
    use crate::openclaw::config::Files;
    use crate::openclaw::config::assemble;

    fn config(channels: &Value) -> Box<Config> {
        let path = PathBuf::from("/home/claw/.openclaw/openclaw.json");
        let text = json!({ "channels": channels }).to_string();
        let files = Files::from([(path.clone(), FileRead::Bytes(text.clone().into()))]);
        let Ok(Assembled::Complete(config)) = assemble(&path, &files) else { panic!("{text}") };
        config
    }

    fn account(account: &str) -> Subject {
        Subject::Account { channel: "telegram".to_owned(), account: account.to_owned() }
    }

    #[track_caller]
    fn case(closes: Closes, failing: &[Subject], telegram: &Value, patch: &Value) {
        let config = config(&json!({ "telegram": telegram }));
        let patch = match patch {
            Value::Null => json!({}),
            patch => json!({ "channels": { "telegram": patch } }),
        };
        assert_eq!(closed(&[closes], failing, &config), patch);
    }

    #[test]
    fn any_room_goes_only_where_it_restricts_nothing_and_names_nobody() {
        let one = |any: Value| json!({ "groups": { "*": any, "-100": {} } });
        let all = [account("default")];
        let gone = json!({ "groups": { "*": null } });
        case(Closes::Rooms, &all, &one(json!({})), &gone);
        case(Closes::Rooms, &all, &one(json!({ "requireMention": false })), &gone);
        for any in [
            json!({ "requireMention": true }),
            json!({ "tools": { "deny": ["exec"] } }),
            json!({ "enabled": false }),
            json!({ "allowFrom": ["42"] }),
            json!({ "allowFrom": [] }),
        ] {
            case(Closes::Rooms, &all, &one(any), &Value::Null);
        }
        let alone = json!({ "groups": { "*": { "requireMention": true } } });
        case(Closes::Rooms, &all, &alone, &gone);
    }

    #[test]
    fn an_account_that_does_not_fail_keeps_what_is_its_own() {
        let telegram = json!({ "accounts": {
            "loud": { "dmPolicy": "open", "allowFrom": ["*"] },
            "other": { "dmPolicy": "open", "allowFrom": ["*", "7"] },
        } });
        let loud = json!({ "dmPolicy": "pairing", "allowFrom": [] });
        let other = json!({ "dmPolicy": "pairing", "allowFrom": ["7"] });
        let only = json!({ "accounts": { "loud": loud } });
        case(Closes::Dms, &[account("loud")], &telegram, &only);
        let all = json!({ "accounts": { "loud": loud, "other": other } });
        case(Closes::Dms, &[account("loud"), account("other")], &telegram, &all);
        case(Closes::Dms, &[], &telegram, &Value::Null);
    }

    #[test]
    fn what_an_account_falls_back_on_is_closed_with_it() {
        let open = json!({ "dmPolicy": "open", "allowFrom": ["*"] });
        let telegram = json!({ "accounts": { "default": open, "work": {} } });
        let closed = json!({ "dmPolicy": "pairing", "allowFrom": [] });
        let patch = json!({ "accounts": { "default": closed } });
        case(Closes::Dms, &[account("work")], &telegram, &patch);
    }

    #[test]
    fn an_accounts_rooms_are_not_emptied_where_the_channels_would_take_their_place() {
        let telegram = json!({
            "groups": { "-200": { "requireMention": false } },
            "accounts": { "only": { "groups": { "*": {} } } },
        });
        case(Closes::Rooms, &[account("only")], &telegram, &Value::Null);
    }

    #[test]
    fn shapes_that_are_none_of_a_channel_are_left_alone() {
        for odd in [json!([]), json!("open"), json!(7), json!({ "accounts": ["loud"] })] {
            for closes in [Closes::Dms, Closes::Groups, Closes::Rooms, Closes::Mentions] {
                case(closes, &[account("loud")], &odd, &Value::Null);
            }
        }
    }
}
