//! The fix of an item, fitted to a live config: for the subjects that fail, and for no other.

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
use crate::runbook::Template;

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
    let mut names: Vec<String> = Vec::new();
    for subject in failing {
        if let Some(Subject::Account { channel, .. }) = subject.account()
            && !names.contains(&channel)
        {
            names.push(channel);
        }
    }
    let mut patch = Value::Object(Map::new());
    if closes.is_empty() {
        return patch;
    }
    let (today, _) = facts::in_todays_words(config);
    let template = Template { says: String::new(), source: String::new(), keys: Vec::new() };
    for one in closes {
        let mut work = Work::new(today.clone(), &template);
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
        for change in work.changes.iter().filter(|change| wanted(&change.path)) {
            let after = change.after.clone().unwrap_or(Value::Null);
            put(&mut patch, &borrowed(&change.path), after);
        }
    }
    patch
}
