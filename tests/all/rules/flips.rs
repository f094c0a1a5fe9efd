//! One key changed in a good config: exactly the items that it concerns turn over.

use std::collections::BTreeMap;

use portcullis::runbook::Runbook;
use portcullis::verdict::Verdict;
use serde::Deserialize;
use serde_json::Map;
use serde_json::Value;

use crate::rules::folder;
use crate::rules::name;
use crate::rules::runbook;
use crate::rules::scene;
use crate::rules::scene::Audit;
use crate::rules::scene::Host;
use crate::rules::scene::Scene;

/// A good config, and what each change of one key turns over.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Flips {
    config: String,
    env: BTreeMap<String, String>,
    host: Host,
    pattern: String,
    audit: Audit,
    /// Everything that is not settled in the good config, with its verdict.
    unsettled: BTreeMap<String, String>,
    pub(super) flip: Vec<Flip>,
}

/// One changed key and what it turns over.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Flip {
    pub(super) says: String,
    /// The key, dots between its parts.
    path: String,
    /// The value as JSON5; none takes the key out.
    value: Option<String>,
    /// Keys that are changed before, in the good config as well.
    #[serde(default)]
    beside: BTreeMap<String, String>,
    /// From which verdict to which, by item.
    turns: BTreeMap<String, String>,
    pub(super) bug: Option<String>,
}

#[test]
fn a_changed_key_turns_over_the_items_it_concerns_and_no_other() {
    let flips = read();
    let runbook = runbook();
    let flip = flips.flip.iter().filter(|flip| flip.bug.is_none());
    let wrong: Vec<String> = flip.filter_map(|flip| flips.wrong(flip, &runbook)).collect();
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_good_config_leaves_to_a_person_only_what_a_person_must_say() {
    let flips = read();
    let verdicts = flips.verdicts(&Map::new(), &runbook());
    let unsettled = verdicts.into_iter().filter(|(_, verdict)| !verdict.is_settled());
    let unsettled: BTreeMap<String, String> =
        unsettled.map(|(item, verdict)| (item, name(verdict))).collect();
    assert_eq!(unsettled, flips.unsettled);
}

pub(super) fn read() -> Flips {
    super::read(&folder().join("flips.toml"))
}

impl Flips {
    /// Says what turns over otherwise than it must.
    pub(super) fn wrong(&self, flip: &Flip, runbook: &Runbook) -> Option<String> {
        let mut keys: Map<String, Value> = Map::new();
        for (path, text) in &flip.beside {
            keys.insert(path.clone(), value(text));
        }
        let before = self.verdicts(&keys, runbook);
        keys.insert(flip.path.clone(), flip.value.as_deref().map_or(Value::Null, value));
        let after = self.verdicts(&keys, runbook);
        let turned = before.into_iter().filter_map(|(item, from)| {
            let to = *after.get(&item)?;
            (from != to).then(|| (item, format!("{} → {}", name(from), name(to))))
        });
        let turned: BTreeMap<String, String> = turned.collect();
        (turned != flip.turns).then(|| {
            let extra = turned.iter().filter(|(item, turn)| flip.turns.get(*item) != Some(turn));
            let lost = flip.turns.iter().filter(|(item, turn)| turned.get(*item) != Some(turn));
            let line =
                |mark: &str, (item, turn): (&String, &String)| format!("  {mark} {item}: {turn}");
            let mut lines = vec![format!("{}:", flip.says)];
            lines.extend(extra.map(|it| line("turns, and must not:", it)));
            lines.extend(lost.map(|it| line("must turn, and does not:", it)));
            lines.join("\n")
        })
    }

    /// Returns every verdict once some keys of the good config are changed.
    fn verdicts(&self, keys: &Map<String, Value>, runbook: &Runbook) -> BTreeMap<String, Verdict> {
        let mut config = scene::config(&self.config).value;
        for (path, value) in keys {
            let parts: Vec<&str> = path.split('.').collect();
            set(&mut config, &parts, value);
        }
        let scene = Scene {
            config: Some(config.to_string()),
            env: self.env.clone(),
            host: self.host.clone(),
            pattern: Some(self.pattern.clone()),
            audit: Some(self.audit.clone()),
            audit_reached: true,
            ..Scene::default()
        };
        let review = scene.review(runbook);
        review.items.into_iter().map(|(item, judged)| (item, judged.verdict)).collect()
    }
}

/// Puts a value at a path, or takes out what stands there.
fn set(config: &mut Value, path: &[&str], value: &Value) {
    let Some((first, rest)) = path.split_first() else { return };
    let members = config.as_object_mut().unwrap_or_else(|| panic!("`{first}` is in no object"));
    match (rest, value) {
        ([], Value::Null) => {
            assert!(members.shift_remove(*first).is_some(), "`{first}` is not there to take out");
        }
        ([], value) => {
            members.insert((*first).to_owned(), value.clone());
        }
        (rest, value) => {
            let inner = members.entry((*first).to_owned()).or_insert_with(|| Map::new().into());
            set(inner, rest, value);
        }
    }
}

/// Reads a value as JSON5.
fn value(text: &str) -> Value {
    scene::config(&format!("{{ it: {text} }}")).value["it"].clone()
}
