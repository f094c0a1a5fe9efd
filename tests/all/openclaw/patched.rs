//! The tailored patches against the real OpenClaw: they pass its dry run, apply, validate, and leave
//! no finding about exposure.
//!
//! Which findings are about exposure is data: `tests/tailored/exposure.tsv`. What came of a config of
//! the folder that `PORTCULLIS_CORPUS` names is kept by digest where the oracle keeps its answers.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Mutex;
use std::thread;

use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;
use sha2::Digest;
use sha2::Sha256;

use crate::home::Home;
use crate::home::Ran;
use crate::openclaw::gateway::Installed;
use crate::oracle;

const EXPOSURE: &str = include_str!("../../tailored/exposure.tsv");

/// Own configs, by where they stand below `tests`.
const CHOSEN: [&str; 8] = [
    "tailored/funnel.json5",
    "tailored/routes.json5",
    "tailored/channels.json5",
    "tailored/owners.json5",
    "corpus/44-wide-open.json5",
    "corpus/20-telegram-nested.json5",
    "corpus/12-trusted-proxy-bad.json5",
    "corpus/28-agents-list.json5",
];

/// What came of a patch on a scratch copy.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Outcome {
    /// How many keys it writes, by OpenClaw's writer and by hand.
    keys: [usize; 2],
    /// What went wrong on the way; nothing where all went well.
    wrong: Vec<String>,
    /// How many criticals the audit finds after it.
    critical: usize,
    /// The findings about exposure that are left, each with its severity.
    exposed: Vec<String>,
}

/// A config on its own, with what it includes.
struct Subject {
    name: String,
    /// Its files, by name below the state directory, the config first.
    files: Vec<(String, Vec<u8>)>,
    environment: BTreeMap<String, String>,
}

impl Subject {
    fn own(path: &str) -> Self {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
        let path = tests.join(path);
        let mut files = vec![("openclaw.json".to_owned(), fs::read(&path).unwrap())];
        let folder = path.parent().unwrap();
        below(&folder.join("owners"), "owners", &mut files);
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        Self { name, files, environment: oracle::invented().collect() }
    }

    fn shared(folder: &Path, path: &Path) -> Self {
        let stem = path.file_stem().unwrap().to_str().unwrap();
        let number = stem.split('-').next().unwrap();
        let includes = folder.join("includes").join(number);
        let mut files = vec![("openclaw.json".to_owned(), fs::read(path).unwrap())];
        below(&includes, "", &mut files);
        let environment = oracle::mentioned(path, &includes);
        Self { name: stem.to_owned(), files, environment }
    }

    /// Makes a home in which it is the live config.
    fn home(&self, openclaw: &Installed) -> Home {
        let mut home = openclaw.in_home(Home::empty());
        for (name, bytes) in &self.files {
            let path = home.write(&format!(".openclaw/{name}"), "");
            fs::write(path, bytes).unwrap();
        }
        for (name, value) in self.environment.iter().filter(|(name, _)| *name != "HOME") {
            home = home.with(name, value);
        }
        let state = home.file(".openclaw").display().to_string();
        let config = home.file(".openclaw/openclaw.json").display().to_string();
        let token = "5550001112223334445556667778889990001112";
        home.with("OPENCLAW_STATE_DIR", &state)
            .with("OPENCLAW_CONFIG_PATH", &config)
            .with("OPENCLAW_GATEWAY_TOKEN", token)
            .with("NO_COLOR", "1")
    }

    fn digest(&self, more: &[u8]) -> String {
        let mut hash = Sha256::new();
        for (name, bytes) in &self.files {
            hash.update(name.as_bytes());
            hash.update(bytes);
        }
        hash.update(more);
        format!("{:x}", hash.finalize())
    }
}

fn below(folder: &Path, name: &str, files: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let own = entry.file_name().into_string().unwrap();
        let own = if name.is_empty() { own } else { format!("{name}/{own}") };
        if entry.path().is_dir() {
            below(&entry.path(), &own, files);
        } else {
            files.push((own, fs::read(entry.path()).unwrap()));
        }
    }
}

fn says(home: &Home, arguments: &[&str]) -> Ran {
    home.finish(home.program("openclaw").args(arguments))
}

/// Says whether a check id is about exposure, for a kind of patch.
fn is_exposure(check_id: &str, kind: &str) -> bool {
    let rows = EXPOSURE.lines().filter(|row| !row.starts_with('#'));
    let mut rows = rows.filter_map(|row| row.split_once('\t'));
    let row = rows.find(|(id, _)| {
        let (mut named, mut found) = (id.split('.'), check_id.split('.'));
        loop {
            match (named.next(), found.next()) {
                (None, None) => return true,
                (Some(a), Some(b)) if a == b || a.starts_with('<') => {}
                _ => return false,
            }
        }
    });
    match row {
        Some((_, of)) => of == "both" || of == kind,
        // What nobody has classed yet is looked at.
        None => true,
    }
}

/// Returns the criticals of the audit and what it finds of exposure.
fn audited(home: &Home, kind: &str) -> (usize, Vec<String>) {
    let ran = says(home, &["security", "audit", "--json"]);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap_or_default();
    let none = || (0, vec![format!("no report: {}{}", ran.stdout, ran.stderr)]);
    found(&report, kind).unwrap_or_else(none)
}

fn found(report: &Value, kind: &str) -> Option<(usize, Vec<String>)> {
    let findings = report["findings"].as_array()?;
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap_or_default().to_owned();
    let exposed = findings.iter().filter(|finding| {
        let severity = text(finding, "severity");
        (severity == "critical" || severity == "warn")
            && is_exposure(&text(finding, "checkId"), kind)
    });
    let exposed = exposed.map(|finding| {
        let detail = text(finding, "detail").replace('\n', " ");
        format!("{} {}: {detail}", text(finding, "severity"), text(finding, "checkId"))
    });
    let critical = report["summary"]["critical"].as_u64().unwrap_or_default();
    Some((usize::try_from(critical).unwrap(), exposed.collect()))
}

/// How closely a patch is looked at; each of OpenClaw's commands takes seconds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    /// Dry run, write, validate, write again, audit.
    Close,
    /// Write and audit.
    Short,
}

/// Applies a tailored patch to a scratch copy, and looks at what it leaves.
fn tailored(home: &Home, kind: &str, look: Look) -> Outcome {
    let mut outcome = Outcome::default();
    let emitted = home.run(&format!("{kind} --format json"));
    emitted.ends(0);
    let document = emitted.json();
    let parts = document["parts"].as_array().unwrap();
    home.run(&format!("{kind} -o patch.json5")).ends(0);
    for (at, part) in parts.iter().enumerate() {
        let keys = part["changes"].as_array().unwrap().len();
        let file =
            if at == 0 { "patch.json5".to_owned() } else { format!("patch.{}.json5", at + 1) };
        if part["by_writer"] == false {
            outcome.keys[1] += keys;
            let named = part["file"].as_str().unwrap();
            let named = named.strip_prefix("HOME/").unwrap();
            by_hand(home, named, &home.read(&file));
            continue;
        }
        outcome.keys[0] += keys;
        if look == Look::Close {
            let dry = says(home, &["config", "patch", "--file", &file, "--dry-run", "--json"]);
            let ok = serde_json::from_str::<Value>(&dry.stdout).is_ok_and(|dry| dry["ok"] == true);
            if !ok {
                outcome.wrong.push(format!("dry run: {}{}", dry.stdout, dry.stderr));
            }
        }
        let real = says(home, &["config", "patch", "--file", &file]);
        if real.status != 0 || !real.stdout.contains("Applied") {
            outcome.wrong.push(format!("apply: {}{}", real.stdout, real.stderr));
        }
    }
    let again = home.run(&format!("{kind} --format json"));
    let left = again.json()["parts"].clone();
    if left != Value::Array(Vec::new()) {
        outcome.wrong.push(format!("not a no-op: {left}"));
    }
    if look == Look::Close {
        outcome.wrong.extend(twice(home, parts));
    }
    (outcome.critical, outcome.exposed) = audited(home, kind);
    outcome
}

/// Says what is wrong with what OpenClaw left: it must be valid, and the same patch a second time
/// must leave every byte.
fn twice(home: &Home, parts: &[Value]) -> Vec<String> {
    let mut wrong = Vec::new();
    let valid = says(home, &["config", "validate", "--json"]);
    let told: Value = serde_json::from_str(&valid.stdout).unwrap_or_default();
    if told["valid"] != true {
        wrong.push(format!("validate: {}{}", valid.stdout, valid.stderr));
    }
    let before = home.read(".openclaw/openclaw.json");
    for (at, _) in parts.iter().enumerate().filter(|(_, part)| part["by_writer"] == true) {
        let file =
            if at == 0 { "patch.json5".to_owned() } else { format!("patch.{}.json5", at + 1) };
        let again = says(home, &["config", "patch", "--file", &file]);
        // A patch that changes nothing in an included file is refused, which changes nothing either.
        let refused = again.stderr.contains("$include-owned");
        let changed = home.read(".openclaw/openclaw.json") != before;
        if changed || (again.status != 0 && !refused) {
            wrong.push(format!("a second time: {}{}", again.stdout, again.stderr));
        }
    }
    wrong
}

/// Does what the text asks a hand to do.
fn by_hand(home: &Home, file: &str, text: &str) {
    let patch: Value = json5::from_str(text).unwrap();
    let mut value: Value = json5::from_str(&home.read(file)).unwrap();
    portcullis::openclaw::patch::merge(&mut value, &patch);
    fs::write(home.file(file), value.to_string()).unwrap();
}

/// Does something for each, two at a time.
fn two_at_a_time<T: Sync, R: Send>(all: &[T], each: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = Mutex::new(0..all.len());
    let done = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let Some(at) = next.lock().unwrap().next() else { return };
                    let result = each(&all[at]);
                    done.lock().unwrap().push((at, result));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap();
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

#[test]
fn every_known_finding_is_classed_as_about_exposure_or_not() {
    let known = include_str!("../../fixtures/audit-check-ids.txt");
    let rows: Vec<(&str, &str)> = EXPOSURE
        .lines()
        .filter(|row| !row.starts_with('#') && !row.is_empty())
        .map(|row| row.split_once('\t').expect(row))
        .collect();
    let ids: Vec<&str> = rows.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids, known.lines().filter(|line| !line.is_empty()).collect::<Vec<_>>());
    assert!(rows.iter().all(|(_, of)| ["both", "rollback", "neither"].contains(of)));
}

#[test]
fn the_real_openclaw_takes_a_tailored_patch_and_finds_nothing_open_after_it() {
    let Some(openclaw) = Installed::find() else { return };
    let rollbacks = CHOSEN.iter().map(|config| (*config, "rollback", Look::Close));
    // The first and the third: routes to the gateway, and channels. Each costs a core ten seconds.
    let baselines = [CHOSEN[0], CHOSEN[2]].map(|config| (config, "baseline", Look::Short));
    let jobs: Vec<(&str, &str, Look)> = rollbacks.chain(baselines).collect();
    let wrong = two_at_a_time(&jobs, |(config, kind, look)| {
        let outcome = tailored(&Subject::own(config).home(&openclaw), kind, *look);
        let faults = outcome.wrong.into_iter().chain(outcome.exposed);
        faults.map(|fault| format!("{config}, {kind}: {fault}")).collect::<Vec<_>>()
    });
    let wrong = wrong.concat();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// Finds what came of something before, or finds it out.
fn remembered<T: Serialize + for<'d> Deserialize<'d>>(digest: &str, find: impl FnOnce() -> T) -> T {
    let folder = std::env::var_os("PORTCULLIS_ORACLE_CACHE").map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| std::env::temp_dir().join("portcullis-oracle"));
    let path = folder.join(format!("{digest}.patched.json"));
    let there = fs::read(&path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    there.unwrap_or_else(|| {
        let found = find();
        fs::create_dir_all(&folder).unwrap();
        fs::write(&path, serde_json::to_vec(&found).unwrap()).unwrap();
        found
    })
}

/// Applies the runbook's own rollback.
fn template(home: &Home) -> Outcome {
    home.run("rollback --template -o patch.json5").ends(0);
    let mut outcome = Outcome::default();
    let real = says(home, &["config", "patch", "--file", "patch.json5"]);
    if real.status != 0 {
        outcome.wrong.push(format!("apply: {}", real.stderr));
    }
    (outcome.critical, outcome.exposed) = audited(home, "rollback");
    outcome
}

/// A config of another corpus with what came of it: before, after each of several patches.
type Row = (String, Vec<Outcome>);

/// What came of a patch on every valid config of the folder that `PORTCULLIS_CORPUS` names.
fn corpus(openclaw: &Installed, try_all: impl Fn(&Subject) -> Vec<Outcome> + Sync) -> Vec<Row> {
    let Some(folder) = std::env::var_os("PORTCULLIS_CORPUS").map(PathBuf::from) else {
        return Vec::new();
    };
    let valid = |path: &PathBuf| {
        let told = fs::read_to_string(path.with_extension("validate.txt"));
        told.unwrap_or_default().starts_with("Config valid")
    };
    let paths: Vec<PathBuf> = oracle::configs(&folder).into_iter().filter(valid).collect();
    oracle::say(&format!("{} valid configs, with {}", paths.len(), openclaw.bin().display()));
    two_at_a_time(&paths, |path| {
        let subject = Subject::shared(&folder, path);
        let captured = fs::read(path.with_extension("audit.json")).unwrap();
        let captured: Value = serde_json::from_slice(&captured).unwrap();
        let (critical, exposed) = found(&captured, "rollback").unwrap_or_default();
        let mut outcomes = vec![Outcome { critical, exposed, ..Outcome::default() }];
        outcomes.extend(try_all(&subject));
        oracle::say(&format!("{} done", subject.name));
        (subject.name, outcomes)
    })
}

/// Returns what came of a tailored patch, which is tried once for each config and patch.
fn tried(openclaw: &Installed, subject: &Subject, kind: &str, look: Look) -> Outcome {
    let home = subject.home(openclaw);
    let emitted = home.run(&format!("{kind} --format json"));
    let digest = format!("{kind} {}", emitted.json()["parts"]);
    remembered(&subject.digest(digest.as_bytes()), || tailored(&home, kind, look))
}

#[test]
#[ignore = "an hour of the real CLI where nothing is remembered; its table is for a report"]
fn every_valid_config_of_another_corpus_is_closed() {
    let Some(openclaw) = Installed::find() else { return };
    let rows = corpus(&openclaw, |subject| {
        let rollback = tried(&openclaw, subject, "rollback", Look::Close);
        let seed = remembered(&subject.digest(b"template"), || template(&subject.home(&openclaw)));
        vec![rollback, seed]
    });
    table(&rows, &["before", "rollback", "runbook's own"]);
    nothing_is_left(&rows, 1);
}

#[test]
#[ignore = "an hour of the real CLI where nothing is remembered; its table is for a report"]
fn every_valid_config_of_another_corpus_takes_the_baseline() {
    let Some(openclaw) = Installed::find() else { return };
    let rows =
        corpus(&openclaw, |subject| vec![tried(&openclaw, subject, "baseline", Look::Short)]);
    table(&rows, &["before", "baseline"]);
    nothing_is_left(&rows, 1);
}

/// Checks that all went well with one of the patches, and that it left nothing about exposure.
fn nothing_is_left(rows: &[Row], at: usize) {
    let left = rows.iter().flat_map(|(name, outcomes)| {
        let faults = outcomes[at].wrong.iter().chain(&outcomes[at].exposed);
        faults.map(move |fault| format!("{name}: {fault}"))
    });
    let left: Vec<String> = left.collect();
    assert!(left.is_empty(), "{}", left.join("\n\n"));
}

/// Says criticals and findings about exposure of each config, and the sums.
fn table(rows: &[Row], heads: &[&str]) {
    let heads: String = heads.iter().map(|head| format!(" {head:>14}")).collect();
    oracle::say(&format!("\n{:<44}{heads}   keys (by hand)", "critical/exposed"));
    for (name, outcomes) in rows {
        let cells = outcomes.iter().map(|outcome| {
            let mark = if outcome.wrong.is_empty() { "" } else { " failed" };
            format!(" {:>14}", format!("{}/{}{mark}", outcome.critical, outcome.exposed.len()))
        });
        let [by_writer, by_hand] = outcomes.get(1).map_or([0, 0], |outcome| outcome.keys);
        let cells: String = cells.collect();
        oracle::say(&format!("{name:<44}{cells}   {by_writer} ({by_hand})"));
    }
    for at in 0..rows.first().map_or(0, |(_, outcomes)| outcomes.len()) {
        let of = || rows.iter().map(|(_, outcomes)| &outcomes[at]);
        let closed = of().filter(|one| one.wrong.is_empty() && one.exposed.is_empty()).count();
        oracle::say(&format!(
            "{at}: {} criticals, {} about exposure; {closed} of {} closed fully",
            of().map(|one| one.critical).sum::<usize>(),
            of().map(|one| one.exposed.len()).sum::<usize>(),
            rows.len()
        ));
    }
}
