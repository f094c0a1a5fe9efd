//! The fixes of the runbook, in the words of the real OpenClaw.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;
use serde_json::json;

use crate::corpus::fixed;
use crate::home::Home;
use crate::openclaw::gateway::Installed;

/// On how many configs each fix is tried.
const EACH: usize = 1;

#[test]
fn the_real_openclaw_takes_every_fix() {
    let Some(openclaw) = Installed::find() else { return };
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let is_valid = |config: &Path| {
        let captured = fs::read_to_string(config.with_extension("validate.json")).unwrap();
        let mut lines = captured.lines();
        let valid = lines.find_map(|line| serde_json::from_str::<Value>(line).ok());
        valid.is_some_and(|document| document["valid"] == true)
    };
    let mut tried: BTreeMap<String, usize> = BTreeMap::new();
    let mut faults = Vec::new();
    // Later configs hold more: several channels, accounts, agents.
    for one in fixed(&own).iter().rev() {
        let times = tried.get(&one.item).copied().unwrap_or_default();
        let text = fs::read_to_string(&one.config).unwrap();
        // What includes other files is written elsewhere, and has a test of its own.
        let alone = !text.contains("$include");
        if times == EACH || one.patch == json!({}) || !alone || !is_valid(&one.config) {
            continue;
        }
        tried.insert(one.item.clone(), times + 1);
        let home = openclaw.in_home(Home::new(&text));
        home.write("patch.json5", &one.patch.to_string());
        let arguments = ["config", "patch", "--file", "patch.json5", "--dry-run", "--json"];
        let ran = home.finish(home.program("openclaw").args(arguments));
        if !serde_json::from_str::<Value>(&ran.stdout).is_ok_and(|it| it["ok"] == true) {
            let config = one.config.file_name().unwrap().display();
            let said = format!("{}{}", ran.stdout, ran.stderr);
            faults.push(format!("{config}: {}: {}: {said}", one.item, one.patch));
        }
    }
    assert!(tried.len() > 15, "{tried:?}");
    assert_eq!(faults, Vec::<String>::new());
}
