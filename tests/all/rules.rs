//! The rules of the runbook, tried on configs whose right verdict is known from OpenClaw.
//!
//! `tests/rules` has a file for each item with a rule, and for those that may not apply: its cases
//! say what the verdict must be and which fact about OpenClaw makes it right. `patterns.toml` does so for the pattern in force.
//! A case that comes out wrong is fixed, or carries `bug` until it is.

mod flips;
mod scene;

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

use portcullis::runbook::GATEWAY_EXPOSURE;
use portcullis::runbook::Runbook;
use portcullis::runbook::Word;
use portcullis::verdict::Judged;
use portcullis::verdict::Verdict;
use serde::Deserialize;
use serde::Deserializer;
use serde::de::DeserializeOwned;
use serde::de::Error;

use crate::rules::scene::Audit;
use crate::rules::scene::Host;
use crate::rules::scene::Scene;

/// Files of `tests/rules` that are not about one item.
const OTHERS: [&str; 2] = ["flips", "patterns"];

/// The verdicts that each rule must be seen to come to.
const EACH: [Verdict; 3] = [Verdict::Met, Verdict::NotMet, Verdict::Unmeasured];

/// The cases of one item.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    item: String,
    /// Why the rule never comes to a verdict.
    #[serde(default)]
    impossible: BTreeMap<String, String>,
    case: Vec<Case>,
}

/// One case: what there is, and what must come of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    says: String,
    #[serde(deserialize_with = "verdict")]
    expect: Verdict,
    /// The fact about OpenClaw that makes the answer right.
    because: String,
    config: Option<String>,
    #[serde(default)]
    config_unreadable: bool,
    #[serde(default)]
    env: BTreeMap<String, String>,
    #[serde(default)]
    host: Host,
    pattern: Option<String>,
    audit: Option<Audit>,
    /// Whether an audit whose findings are written here reached the gateway; it did, unless told.
    audit_reached: Option<bool>,
    #[serde(default)]
    audit_hours: i64,
    #[serde(default)]
    accepted: Vec<String>,
    /// What our own commands measured, by its path; all other is unmeasured.
    #[serde(default)]
    observed: BTreeMap<String, bool>,
    /// Whether a person has confirmed the item.
    #[serde(default)]
    word: bool,
    /// Exactly the subjects that fail.
    failing: Option<Vec<String>>,
    /// What is wrong with the program that it does not come out so yet.
    bug: Option<String>,
}

/// The cases of the pattern in force.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Patterns {
    case: Vec<InForce>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InForce {
    says: String,
    /// The pattern the config is in; none where none can be told.
    pattern: Option<String>,
    because: String,
    config: Option<String>,
    #[serde(default)]
    config_unreadable: bool,
    #[serde(default)]
    env: BTreeMap<String, String>,
    #[serde(default)]
    host: Host,
    bug: Option<String>,
}

#[test]
fn every_case_is_judged_as_openclaw_makes_it() {
    let runbook = runbook();
    let mut wrong = Vec::new();
    for (cases, case) in cases().iter().flat_map(Cases::each) {
        if case.bug.is_none() {
            wrong.extend(case.wrong(&cases.item, &runbook));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_rule_is_seen_met_not_met_and_unmeasured_or_says_why_not() {
    let runbook = runbook();
    let mut all: BTreeMap<String, Cases> =
        cases().into_iter().map(|cases| (cases.item.clone(), cases)).collect();
    let mut missing = Vec::new();
    for item in runbook.items().filter(|item| item.rule.is_some()) {
        match all.remove(&item.id) {
            None => missing.push(format!("{}: no file", item.id)),
            Some(cases) => missing.extend(cases.missing(item.word)),
        }
    }
    let applies = |id: &str| runbook.item(id).is_some_and(|item| item.applies.is_some());
    let odd = all.keys().filter(|id| !applies(id));
    missing.extend(odd.map(|id| format!("{id}: no item with a rule, nor one that may not apply")));
    assert!(missing.is_empty(), "{} missing:\n{}", missing.len(), missing.join("\n"));
}

#[test]
fn the_pattern_in_force_is_the_one_openclaw_is_in() {
    let runbook = runbook();
    let Patterns { case } = read(&folder().join("patterns.toml"));
    let wrong: Vec<String> =
        case.iter().filter(|it| it.bug.is_none()).filter_map(|it| it.wrong(&runbook)).collect();
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    let seen = |id: Option<&str>| case.iter().any(|case| case.pattern.as_deref() == id);
    let unseen = runbook.patterns.iter().map(|it| it.id.as_str()).filter(|id| !seen(Some(id)));
    assert_eq!(unseen.collect::<Vec<_>>(), Vec::<&str>::new());
    assert!(seen(None));
}

/// A case that carries `bug` and comes out right must lose it. `--nocapture` lists the others.
#[test]
fn what_is_known_to_be_wrong_is_wrong_still() {
    let runbook = runbook();
    let mut fixed = Vec::new();
    let mut note = |name: &str, says: &str, bug: &str, wrong: Option<String>| match wrong {
        Some(_) => println!("known bug: {name}: {says}: {bug}"),
        None => fixed.push(format!("{name}: {says}: take out `bug`")),
    };
    for (cases, case) in cases().iter().flat_map(Cases::each) {
        if let Some(bug) = &case.bug {
            note(&cases.item, &case.says, bug, case.wrong(&cases.item, &runbook));
        }
    }
    let Patterns { case } = read(&folder().join("patterns.toml"));
    for case in &case {
        if let Some(bug) = &case.bug {
            note("patterns", &case.says, bug, case.wrong(&runbook));
        }
    }
    for flip in &flips::read().flip {
        if let Some(bug) = &flip.bug {
            note("flips", &flip.says, bug, flips::read().wrong(flip, &runbook));
        }
    }
    assert_eq!(fixed, Vec::<String>::new());
}

impl Cases {
    fn each(&self) -> impl Iterator<Item = (&Self, &Case)> {
        self.case.iter().map(move |case| (self, case))
    }

    /// Says which verdicts no case comes to, and which reasons are missing or refuted.
    fn missing(&self, word: Word) -> Vec<String> {
        let seen = |verdict| self.case.iter().any(|case| case.expect == verdict);
        let mut missing = Vec::new();
        let mut wanted = EACH.to_vec();
        if self.impossible.contains_key(&name(Verdict::Met)) && word != Word::Never {
            wanted.push(Verdict::Confirmed);
        }
        for verdict in wanted {
            let verdict_name = name(verdict);
            match (seen(verdict), self.impossible.get(&verdict_name)) {
                (true, None) => {}
                (false, Some(why)) if why.len() > 20 => {}
                (false, _) => missing.push(format!("{}: no `{verdict_name}`", self.item)),
                (true, Some(_)) => missing.push(format!(
                    "{}: `{verdict_name}` is said to be impossible, and a case shows it",
                    self.item
                )),
            }
        }
        let known: Vec<String> = EACH.into_iter().map(name).collect();
        let odd = self.impossible.keys().filter(|key| !known.contains(key));
        missing.extend(odd.map(|key| format!("{}: `{key}` need not be shown", self.item)));
        let mut sayings: Vec<&str> = self.case.iter().map(|case| case.says.as_str()).collect();
        sayings.sort_unstable();
        let twice = sayings.windows(2).filter(|pair| pair[0] == pair[1]);
        missing.extend(twice.map(|pair| format!("{}: `{}` stands twice", self.item, pair[0])));
        missing
    }
}

impl Case {
    fn scene(&self, item: &str) -> Scene {
        let scene = Scene {
            config: readable(self.config.as_deref(), self.config_unreadable, &self.says),
            env: self.env.clone(),
            host: self.host.clone(),
            pattern: self.pattern.clone(),
            audit: self.audit.clone(),
            audit_reached: self.audit_reached.unwrap_or(true),
            audit_hours: self.audit_hours,
            accepted: self.accepted.clone(),
            observed: self.observed.clone(),
            confirmed: Vec::new(),
        };
        Scene { confirmed: self.word.then(|| item.to_owned()).into_iter().collect(), ..scene }
    }

    /// Says what comes out otherwise than it must.
    fn wrong(&self, item: &str, runbook: &Runbook) -> Option<String> {
        assert!(!self.because.is_empty(), "{item}: `{}` has no because", self.says);
        let review = self.scene(item).review(runbook);
        let judged = review.items.get(item).unwrap_or_else(|| panic!("`{item}` is no item"));
        let mut failing: Vec<String> = judged.failing.iter().map(ToString::to_string).collect();
        failing.sort();
        let other = self.failing.as_ref().is_some_and(|expected| {
            let mut expected = expected.clone();
            expected.sort();
            expected != failing
        });
        (judged.verdict != self.expect || other).then(|| {
            let expected = name(self.expect);
            let failing = failing.join(", ");
            let (says, got) = (&self.says, name(judged.verdict));
            let evidence = evidence(judged);
            format!("{item}: {says}: {got}, not {expected}; failing: {failing}; {evidence}")
        })
    }
}

impl InForce {
    fn wrong(&self, runbook: &Runbook) -> Option<String> {
        assert!(!self.because.is_empty(), "`{}` has no because", self.says);
        let scene = Scene {
            config: readable(self.config.as_deref(), self.config_unreadable, &self.says),
            env: self.env.clone(),
            host: self.host.clone(),
            ..Scene::default()
        };
        let got = scene.review(runbook).in_force;
        (got != self.pattern).then(|| format!("{}: {got:?}, not {:?}", self.says, self.pattern))
    }
}

/// Returns the text of a config; none where it cannot be read. An absent one is empty.
fn readable(config: Option<&str>, unreadable: bool, says: &str) -> Option<String> {
    let text = config.unwrap_or("{}");
    if unreadable {
        let broken = config.is_none() || scene::try_config(text).is_err();
        assert!(broken, "`{says}`: the config can be read");
        return None;
    }
    Some(text.to_owned())
}

fn evidence(judged: &Judged) -> String {
    let lines = judged.evidence.iter().map(|it| format!("{} is {}", it.about, it.says));
    lines.take(6).collect::<Vec<_>>().join(", ")
}

fn name(verdict: Verdict) -> String {
    verdict.word().replace(' ', "-")
}

fn verdict<'de, D: Deserializer<'de>>(from: D) -> Result<Verdict, D::Error> {
    let text = String::deserialize(from)?;
    let found = Verdict::ALL.into_iter().find(|verdict| name(*verdict) == text);
    found.ok_or_else(|| D::Error::custom(format!("`{text}` is no verdict")))
}

fn runbook() -> Runbook {
    Runbook::parse(GATEWAY_EXPOSURE).unwrap_or_else(|error| panic!("{error}"))
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rules")
}

/// Reads the cases of every item, by name.
fn cases() -> Vec<Cases> {
    let files = std::fs::read_dir(folder()).expect("tests/rules");
    let mut files: Vec<PathBuf> = files.map(|file| file.expect("a file").path()).collect();
    files.sort();
    let stem = |file: &Path| file.with_extension("").file_name().map(ToOwned::to_owned);
    files.retain(|file| !OTHERS.iter().any(|other| stem(file).is_some_and(|it| it == *other)));
    let each = files.iter().map(|file| {
        let cases: Cases = read(file);
        assert_eq!(stem(file), Some(cases.item.clone().into()), "a file is named like its item");
        cases
    });
    each.collect()
}

fn read<T: DeserializeOwned>(file: &Path) -> T {
    let text =
        std::fs::read_to_string(file).unwrap_or_else(|why| panic!("{}: {why}", file.display()));
    toml::from_str(&text).unwrap_or_else(|why| panic!("{}: {why}", file.display()))
}
