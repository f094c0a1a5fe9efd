//! The tailored rollback and baseline: nothing stays open, and what is applied is said once.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

use portcullis::openclaw::config::Assembled;
use portcullis::openclaw::config::Config;
use portcullis::openclaw::config::FileRead;
use portcullis::openclaw::config::Files;
use portcullis::openclaw::config::assemble;
use portcullis::openclaw::facts::Facts;
use portcullis::openclaw::patch;
use portcullis::openclaw::tailor;
use portcullis::openclaw::tailor::Tailored;
use portcullis::runbook::GATEWAY_EXPOSURE;
use portcullis::runbook::Runbook;

use crate::oracle;

/// A config that we can read, and what it is called.
struct Case {
    name: String,
    config: Config,
    environment: BTreeMap<String, String>,
}

impl Case {
    fn facts(&self, config: &Config) -> Facts {
        Facts::resolve(config, &oracle::world(self.environment.clone()))
    }
}

/// Returns the configs of `tests/corpus`, and those of `PORTCULLIS_CORPUS` where it is set.
fn cases() -> Vec<Case> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut cases = Vec::new();
    for path in oracle::configs(&own) {
        let Some(config) = oracle::read(&path, &path, &own) else { continue };
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        cases.push(Case { name, config, environment: oracle::invented().collect() });
    }
    let Some(folder) = std::env::var_os("PORTCULLIS_CORPUS").map(PathBuf::from) else {
        oracle::say("tailored: PORTCULLIS_CORPUS names no folder, so only tests/corpus is held");
        return cases;
    };
    for path in oracle::configs(&folder) {
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        let home = folder.join("includes").join(stem.split('-').next().unwrap());
        let Some(config) = oracle::read(&home.join("openclaw.json"), &path, &home) else {
            continue;
        };
        cases.push(Case { name: stem, config, environment: oracle::mentioned(&path, &home) });
    }
    cases
}

fn runbook() -> Runbook {
    Runbook::parse(GATEWAY_EXPOSURE).unwrap()
}

/// Returns a config as it is once a patch was applied, in one file.
fn applied(tailored: &Tailored, before: &Config) -> Config {
    let bytes = tailored.applied().to_string().into_bytes();
    let files = Files::from([(before.path.clone(), FileRead::Bytes(bytes))]);
    match assemble(&before.path, &files) {
        Ok(Assembled::Complete(config)) => *config,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_tailored_rollback_leaves_nothing_open_and_a_second_one_changes_nothing() {
    let runbook = runbook();
    let template = &runbook.rollback.template;
    let mut wrong = Vec::new();
    let cases = cases();
    for case in &cases {
        let tailored = tailor::rollback(template, &case.config, &case.facts(&case.config));
        for open in tailored.leaves_open(&case.config) {
            wrong.push(format!("{}: open: {open}", case.name));
        }
        let after = applied(&tailored, &case.config);
        let again = tailor::rollback(template, &after, &case.facts(&after));
        for change in again.changes() {
            wrong.push(format!("{}: again: {}", case.name, change.path.join(".")));
        }
    }
    oracle::say(&format!("{} configs rolled back", cases.len()));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_tailored_baseline_says_everything_once() {
    let runbook = runbook();
    let mut wrong = Vec::new();
    for case in cases() {
        let facts = case.facts(&case.config);
        let tailored = tailor::baseline(&runbook.baseline, &case.config, &facts);
        let after = applied(&tailored, &case.config);
        let again = tailor::baseline(&runbook.baseline, &after, &case.facts(&after));
        for change in again.changes() {
            wrong.push(format!("{}: again: {}", case.name, change.path.join(".")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_channel_no_agent_and_no_mode_is_added_or_taken_out() {
    let runbook = runbook();
    for case in cases() {
        let facts = case.facts(&case.config);
        for tailored in [
            tailor::rollback(&runbook.rollback.template, &case.config, &facts),
            tailor::baseline(&runbook.baseline, &case.config, &facts),
        ] {
            let (before, _) = portcullis::openclaw::facts::in_todays_words(&case.config);
            let after = tailored.applied();
            for path in ["/channels", "/agents/entries"] {
                let keys = |value: &serde_json::Value| -> Vec<String> {
                    let members = value.pointer(path).and_then(|value| value.as_object());
                    members.map_or_else(Vec::new, |members| members.keys().cloned().collect())
                };
                assert_eq!(keys(&before), keys(&after), "{}: {path}", case.name);
            }
            let mode = |value: &serde_json::Value| value.pointer("/gateway/mode").cloned();
            assert!(mode(&before).is_none() || mode(&before) == mode(&after), "{}", case.name);
        }
    }
}

#[test]
fn a_patch_as_text_is_the_patch() {
    let runbook = runbook();
    for case in cases() {
        let facts = case.facts(&case.config);
        let tailored = tailor::rollback(&runbook.rollback.template, &case.config, &facts);
        for part in tailored.parts.iter().filter(|part| part.by_writer) {
            let text = tailored.text(part, 79);
            let read: serde_json::Value = json5::from_str(&text).expect(&text);
            assert_eq!(read, part.value(), "{}", case.name);
        }
    }
}

#[test]
fn a_tailored_patch_narrows_and_never_widens() {
    let runbook = runbook();
    let mut wrong = Vec::new();
    for case in cases() {
        let facts = case.facts(&case.config);
        for tailored in [
            tailor::rollback(&runbook.rollback.template, &case.config, &facts),
            tailor::baseline(&runbook.baseline, &case.config, &facts),
        ] {
            let before = tailored.before();
            let breadth = patch::breadth(before, &tailored.applied(), &case.config);
            // An address that no host has stands where OpenClaw asks for at least one proxy.
            let widens = breadth.widens.into_iter().filter(|line| !line.ends_with("→ 192.0.2.1"));
            wrong.extend(widens.map(|line| format!("{}: {line}", case.name)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
