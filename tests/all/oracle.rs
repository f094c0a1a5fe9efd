//! The real OpenClaw as an oracle: its captured answers beside our facts about the same configs.
//!
//! The configs of `tests/corpus` are always held against it; those of the folder that
//! `PORTCULLIS_CORPUS` names are, where it is set. Its `NNN.json5` has `NNN.audit.json` and
//! `NNN.validate.txt` beside it, and what it includes below `includes/NNN`.

mod audit;
mod policy;
mod table;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

use portcullis::openclaw::config::Assembled;
use portcullis::openclaw::config::Config;
use portcullis::openclaw::config::FileRead;
use portcullis::openclaw::config::Files;
use portcullis::openclaw::config::assemble;
use portcullis::openclaw::facts::Facts;
use portcullis::openclaw::facts::World;
use serde_json::Value;

const CAPTURE: &str = include_str!("../openclaw/capture");

/// A config, with what we and OpenClaw make of it.
pub(super) struct Case {
    /// What the tables call it: `18-telegram-open`, or only the number of a shared one.
    pub(super) name: String,
    pub(super) facts: Facts,
    /// Whether OpenClaw takes it as it is.
    pub(super) valid: bool,
    /// The report of its audit, where there is one.
    pub(super) audit: Option<Value>,
    /// What its policy check saw, where that was asked.
    pub(super) policy: Option<Value>,
}

/// Returns the configs of `tests/corpus` that we can read.
pub(super) fn own() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let cases = configs(&folder).into_iter().filter_map(|path| {
        let text = std::fs::read_to_string(&path).unwrap();
        let config = read(&path, &path, &folder)?;
        let beside = |end: &str| json(&path.with_extension(end));
        let mut environment: BTreeMap<String, String> = invented().collect();
        if !text.contains("OPENCLAW_GATEWAY_TOKEN") && !text.contains("$include") {
            environment.remove("OPENCLAW_GATEWAY_TOKEN");
        }
        Some(Case {
            name: path.file_stem()?.to_str()?.to_owned(),
            facts: Facts::resolve(&config, &world(environment)),
            valid: beside("validate.json")?.get("valid") == Some(&Value::Bool(true)),
            audit: beside("audit.json").filter(|audit| audit.get("findings").is_some()),
            policy: beside("policy.json"),
        })
    });
    cases.collect()
}

/// Returns the configs of the folder named by `PORTCULLIS_CORPUS` that we can read.
pub(super) fn shared(who: &str) -> Vec<Case> {
    let Some(folder) = std::env::var_os("PORTCULLIS_CORPUS").map(PathBuf::from) else {
        say(&format!("{who}: PORTCULLIS_CORPUS names no folder, so only tests/corpus is held"));
        return Vec::new();
    };
    let cases = configs(&folder).into_iter().filter_map(|path| {
        let stem = path.file_stem()?.to_str()?;
        let name = stem.split('-').next()?.to_owned();
        let home = folder.join("includes").join(&name);
        let config = read(&home.join("openclaw.json"), &path, &home)?;
        let beside = |end: &str| folder.join(format!("{stem}.{end}"));
        let told = std::fs::read_to_string(beside("validate.txt")).unwrap_or_default();
        let audit = json(&beside("audit.json"));
        Some(Case {
            facts: Facts::resolve(&config, &world(mentioned(&path, &home))),
            valid: told.starts_with("Config valid"),
            audit: audit.filter(|audit| audit.get("findings").is_some()),
            policy: json(&policy::cached(&path)),
            name,
        })
    });
    cases.collect()
}

/// Says something that no test harness keeps for itself.
pub(super) fn say(text: &str) {
    let mut told = std::io::stderr().lock();
    writeln!(told, "{text}").unwrap();
}

pub(super) fn configs(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut configs: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|end| end == "json5")).collect();
    configs.sort();
    configs
}

fn json(path: &Path) -> Option<Value> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

/// Reads a config as if it stood at a place; none where it cannot be read, as OpenClaw cannot.
pub(super) fn read(place: &Path, path: &Path, within: &Path) -> Option<Config> {
    let bytes = std::fs::read(path).unwrap();
    let mut files: Files = [(place.to_owned(), FileRead::Bytes(bytes))].into();
    loop {
        match assemble(place, &files) {
            Ok(Assembled::Complete(config)) => return Some(*config),
            Ok(Assembled::Needs(path)) => {
                assert!(path.starts_with(within), "{} is outside", path.display());
                let bytes = std::fs::read(&path).ok()?;
                files.insert(path, FileRead::Bytes(bytes));
            }
            Err(_) => return None,
        }
    }
}

/// The host on which the answers were captured: a container.
pub(super) fn world(environment: BTreeMap<String, String>) -> World {
    World {
        environment,
        host: "vega".to_owned(),
        user: "claw".to_owned(),
        state_dir: "/home/claw/.openclaw".to_owned(),
        container: Some(true),
        backups: Some(Vec::new()),
        ..World::default()
    }
}

/// Returns the variables that `tests/openclaw/capture` sets.
pub(super) fn invented() -> impl Iterator<Item = (String, String)> {
    let list = CAPTURE.split_once("corpus_environment=(").unwrap().1.split_once("\n)").unwrap().0;
    let token = CAPTURE.lines().find_map(|line| line.strip_prefix("token=")).unwrap();
    let lines = list.lines().filter_map(|line| line.trim().split_once('='));
    lines
        .chain([("OPENCLAW_GATEWAY_TOKEN", token), ("HOME", "/home/claw")])
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
}

/// Returns a value for every variable that a shared config or what it includes mentions.
pub(super) fn mentioned(path: &Path, includes: &Path) -> BTreeMap<String, String> {
    let mut text = std::fs::read_to_string(path).unwrap_or_default();
    if let Ok(included) = std::fs::read_dir(includes) {
        for entry in included.filter_map(Result::ok) {
            text += &std::fs::read_to_string(entry.path()).unwrap_or_default();
        }
    }
    let names = text.split("${").skip(1).filter_map(|rest| rest.split_once('}'));
    let mut environment: BTreeMap<String, String> = names
        .map(|(name, _)| (name.to_owned(), "5550001112223334445556667778889990001112".to_owned()))
        .collect();
    environment.insert("HOME".to_owned(), "/home/claw".to_owned());
    environment
}
