//! The audit: each finding has a fact that says the same, and each alarming fact a finding, unless
//! `tests/oracle/audit.toml` says why not.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use portcullis::openclaw::fact::Fact;
use portcullis::openclaw::fact::Origin;
use portcullis::openclaw::fact::State;
use portcullis::openclaw::fact::Subject;
use portcullis::openclaw::facts::Facts;
use portcullis::openclaw::facts::key;
use portcullis::runbook::Each;
use portcullis::runbook::GATEWAY_EXPOSURE;
use portcullis::runbook::Runbook;
use portcullis::verdict::Known;
use portcullis::verdict::Verdict;
use portcullis::verdict::judge;
use serde::Deserialize;
use serde_json::Value;

use crate::oracle::Case;
use crate::oracle::own;
use crate::oracle::say;
use crate::oracle::shared;
use crate::oracle::table::Differs;
use crate::oracle::table::Rows;
use crate::oracle::table::alike;
use crate::oracle::table::list;
use crate::oracle::table::look;

const TABLE: &str = include_str!("../../oracle/audit.toml");

/// What `tests/oracle/audit.toml` holds.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    check: Vec<Check>,
    alarm: Vec<Alarm>,
    words: Vec<Words>,
    hidden: Vec<Hidden>,
    #[serde(default)]
    differs: Vec<Differs>,
}

/// A check of the audit, and what of ours says the same.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Check {
    id: String,
    /// The facts that hold where the audit finds it.
    matches: Option<Rows>,
    /// How what its detail lists is compared.
    listed: Option<Listed>,
    /// Where its detail names elements of a list, the fact that holds them.
    names: Option<String>,
    /// The items of the runbook of which none is settled where the audit finds it.
    #[serde(default)]
    items: Vec<String>,
    /// Why nothing of ours says the same.
    why_not: Option<String>,
}

/// What the detail of a finding lists.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Listed {
    /// Config paths of open policies, of channels and accounts.
    Open,
    /// Config paths of open policies, of rooms too, and agents with what they may run.
    OpenAndExec,
    /// Config paths of open policies, and agents with their tools.
    OpenAndTools,
    /// Signs of several people, and agents with their tools.
    Signs,
    /// Agents that run anything.
    FullExec,
    /// A flag.
    Flag,
    /// A bind mount.
    Bind,
    /// A network of a sandbox.
    Network,
    /// Counts and switches.
    Surface,
}

/// Facts that an operator should hear of, and the checks by which the audit says so.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Alarm {
    name: String,
    when: Rows,
    /// The checks that say so.
    heard: Vec<String>,
    /// Why the audit may be silent.
    blind: Option<String>,
}

/// The words that OpenClaw knows at a path.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Words {
    paths: Vec<String>,
    words: Vec<String>,
}

/// Why a fact may be hidden although OpenClaw takes the config.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Hidden {
    paths: Vec<String>,
    because: String,
}

struct Finding<'a> {
    check: &'a str,
    detail: &'a str,
}

fn table() -> Table {
    toml::from_str(TABLE).unwrap()
}

fn findings(case: &Case) -> Vec<Finding<'_>> {
    let lists = ["findings", "suppressedFindings"].into_iter();
    let found = lists.filter_map(|list| case.audit.as_ref()?.get(list)?.as_array()).flatten();
    found
        .map(|found| Finding {
            check: found["checkId"].as_str().unwrap(),
            detail: found["detail"].as_str().unwrap_or_default(),
        })
        .collect()
}

/// How often a check was found, matched and reasoned about.
#[derive(Default)]
struct Tally {
    found: usize,
    matched: usize,
    reasoned: usize,
}

#[test]
fn each_finding_of_the_audit_has_a_fact_that_says_the_same() {
    let table = table();
    let runbook = Runbook::parse(GATEWAY_EXPOSURE).unwrap();
    let cases: Vec<Case> = own().into_iter().chain(shared("audit oracle")).collect();
    let mut tallies: BTreeMap<&str, Tally> = BTreeMap::new();
    let mut wrong = Vec::new();
    let reports = cases.iter().filter(|case| case.audit.is_some());
    for case in reports.clone() {
        for finding in findings(case) {
            let Some(check) = table.check.iter().find(|check| alike(&check.id, finding.check))
            else {
                wrong.push(format!("{}: {} is not in the table", case.name, finding.check));
                continue;
            };
            let tally = tallies.entry(check.id.as_str()).or_default();
            tally.found += 1;
            let mut complaints = check.complaints(&finding, &case.facts);
            complaints.extend(check.unsettled(&runbook, &case.facts));
            let differs = |complaint: &String| {
                let known = table.differs.iter();
                known.filter(|differs| differs.explains(&check.id, &case.name, complaint)).count()
                    > 0
            };
            let all = complaints.len();
            complaints.retain(|complaint| !differs(complaint));
            if check.why_not.is_some() || complaints.is_empty() && all > 0 {
                tally.reasoned += 1;
            } else if complaints.is_empty() {
                tally.matched += 1;
            }
            let told = complaints.iter();
            wrong.extend(told.map(|why| format!("{}: {}: {why}", case.name, check.id)));
        }
    }
    wrong.extend(table.check.iter().filter_map(Check::fault));
    let names: Vec<&str> = reports.clone().map(|case| case.name.as_str()).collect();
    wrong.extend(table.differs.iter().filter_map(|differs| differs.fault(&names)));
    say(&format!("\n{} reports of the audit\n found matched reasoned", names.len()));
    for (id, tally) in &tallies {
        say(&format!("{:6} {:7} {:8}  {id}", tally.found, tally.matched, tally.reasoned));
    }
    let sum = |of: fn(&Tally) -> usize| tallies.values().map(of).sum::<usize>();
    let [found, matched, reasoned] = [sum(|t| t.found), sum(|t| t.matched), sum(|t| t.reasoned)];
    say(&format!("{found:6} {matched:7} {reasoned:8}  in all"));
    table.differs.iter().for_each(|differs| say(&differs.line()));
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn each_alarming_fact_is_heard_in_the_audit_or_is_a_told_blind_spot() {
    let table = table();
    let mut cases = own();
    let few = cases.len();
    cases.extend(shared("blind spots"));
    let mut wrong = Vec::new();
    let mut lines = Vec::new();
    for alarm in &table.alarm {
        let (mut heard, mut silent) = (0, 0);
        for case in cases.iter().filter(|case| case.audit.is_some()) {
            let Some(subject) = alarm.when.met(&case.facts).next() else { continue };
            let told = findings(case);
            if told.iter().any(|told| alarm.heard.iter().any(|id| alike(id, told.check))) {
                heard += 1;
                continue;
            }
            silent += 1;
            if alarm.blind.is_none() {
                wrong.push(format!("{}: {}: nothing heard of {subject}", case.name, alarm.name));
            }
        }
        if alarm.blind.is_some() && silent == 0 && cases.len() > few {
            wrong.push(format!("{}: never silent, so no blind spot", alarm.name));
        }
        if heard + silent == 0 {
            wrong.push(format!("{}: no config has it", alarm.name));
        }
        lines.push(format!("{heard:6} {silent:7}  {}", alarm.name));
    }
    say(&format!("\n heard  silent  alarming facts\n{}", lines.join("\n")));
    assert!(wrong.is_empty(), "{} are silent:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_config_that_openclaw_takes_is_understood_in_known_words() {
    let table = table();
    let cases: Vec<Case> = own().into_iter().chain(shared("known words")).collect();
    let mut wrong = Vec::new();
    let valid: Vec<&Case> = cases.iter().filter(|case| case.valid).collect();
    let mut hidden: BTreeMap<&str, usize> = BTreeMap::new();
    let mut words = 0;
    for case in &valid {
        for fact in &case.facts.facts {
            let about = || format!("{}: {} of {}", case.name, fact.path, fact.subject);
            if fact.state == State::Hidden {
                *hidden.entry(fact.path).or_default() += 1;
                let told = |why: &Hidden| why.paths.iter().any(|path| path == fact.path);
                if !table.hidden.iter().any(told) {
                    wrong.push(format!("{} is hidden: {:?}", about(), fact.origin));
                }
            }
            let known = table.words.iter().find(|w| w.paths.iter().any(|path| path == fact.path));
            let Some((word, known)) = fact.value.as_ref().and_then(Value::as_str).zip(known) else {
                continue;
            };
            words += 1;
            if !known.words.iter().any(|known| known == word) {
                wrong.push(format!("{} is `{word}`", about()));
            }
        }
    }
    for why in &table.hidden {
        assert!(why.because.len() > 20, "{:?} has no reason", why.paths);
    }
    say(&format!(
        "\n{} of {} readable configs are valid; {words} words known, hidden: {hidden:?}",
        valid.len(),
        cases.len()
    ));
    assert!(wrong.is_empty(), "{} unknown:\n{}", wrong.len(), wrong.join("\n"));
}

impl Check {
    /// Returns what is wrong with the table's entry itself.
    fn fault(&self) -> Option<String> {
        let compares = self.matches.is_some() || self.listed.is_some() || self.names.is_some();
        (compares == self.why_not.is_some())
            .then(|| format!("{} wants either a match or a reason", self.id))
    }

    /// Returns what of a finding no fact of ours says.
    fn complaints(&self, finding: &Finding<'_>, facts: &Facts) -> Vec<String> {
        let mut wrong = Vec::new();
        if self.matches.as_ref().is_some_and(|rows| rows.met(facts).next().is_none()) {
            wrong.push("no fact says so".to_owned());
        }
        if let Some(path) = &self.names {
            let ours = look(facts, path, &Subject::Gateway).and_then(|fact| fact.value.as_ref());
            let missing = named(finding.detail).filter(|name| !list(ours).contains(name));
            wrong.extend(missing.map(|name| format!("{path} lacks {name}")));
        }
        wrong.extend(self.listed.into_iter().flat_map(|what| what.complaints(finding, facts)));
        wrong
    }

    /// Returns the items that call settled what the audit found.
    fn unsettled(&self, runbook: &Runbook, facts: &Facts) -> Vec<String> {
        let known = Known {
            facts: Some(facts),
            runs: BTreeMap::new(),
            words: BTreeMap::new(),
            sightings: BTreeMap::new(),
            residuals: BTreeMap::new(),
            pattern: None,
            reason: None,
            now: chrono::DateTime::UNIX_EPOCH.fixed_offset(),
        };
        let verdict = |id: &String| {
            let item = runbook.item(id).unwrap_or_else(|| panic!("no such item: {id}"));
            judge(item, None, runbook, &known).verdict
        };
        let settled = self.items.iter().map(|id| (id, verdict(id)));
        let settled = settled.filter(|(_, verdict)| {
            !matches!(verdict, Verdict::NotMet | Verdict::Unmeasured | Verdict::Open)
        });
        settled.map(|(id, verdict)| format!("the item {id} is {}", verdict.word())).collect()
    }
}

/// Returns what a detail names after `includes`.
fn named(detail: &str) -> impl Iterator<Item = &str> {
    let rest = detail.split_once(" includes").map_or("", |(_, rest)| rest);
    let rest = rest.trim_start_matches([':', ' ']);
    let end = [" which ", ". "].iter().filter_map(|end| rest.find(end)).min();
    rest[..end.unwrap_or(rest.len())].split(", ")
}

impl Listed {
    fn complaints(self, finding: &Finding<'_>, facts: &Facts) -> Vec<String> {
        let detail = finding.detail;
        match self {
            Self::Open => open(detail, facts, Rooms::Silent),
            Self::OpenAndTools => {
                [open(detail, facts, Rooms::Silent), contexts(detail, facts)].concat()
            }
            Self::OpenAndExec => {
                [open(detail, facts, Rooms::Listed), scopes(detail, facts)].concat()
            }
            Self::Signs => [signs(detail, facts), contexts(detail, facts)].concat(),
            Self::FullExec => full(detail, facts),
            Self::Flag => flag(detail, facts),
            Self::Bind => bind(detail, facts),
            Self::Network => network(detail, facts),
            Self::Surface => surface(detail, facts),
        }
    }
}

/// Whether a finding lists the policies of rooms, too.
#[derive(Clone, Copy, PartialEq)]
enum Rooms {
    Listed,
    Silent,
}

/// Returns the bullets of a text that follow one another.
fn bullets(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| line.strip_prefix("- "))
}

/// Writes one of our config paths the way the audit does.
fn plain(path: &str) -> String {
    key::parts(path).join(".")
}

/// Tells whether a fact is that someone unlisted is let in.
fn lets_in(fact: &Fact) -> bool {
    let word = fact.value.as_ref().and_then(Value::as_str);
    match fact.path {
        "config.account.dm.policy" | "config.account.group.policy" | "config.group.policy" => {
            matches!(word, Some("open" | "allowall"))
        }
        "config.account.dm.open" | "config.account.group.open" => {
            fact.value == Some(Value::Bool(true))
        }
        _ => false,
    }
}

/// Holds open policies against ours: every path the audit lists is open by one of our facts, and
/// every policy that is written as open is listed.
fn open(detail: &str, facts: &Facts, rooms: Rooms) -> Vec<String> {
    let told: BTreeSet<&str> =
        bullets(detail).filter(|bullet| bullet.starts_with("channels.")).collect();
    let written = |fact: &Fact| match &fact.origin {
        Origin::File { key, .. } => Some(plain(key)),
        Origin::Default | Origin::Env(_) | Origin::Host(_) | Origin::Derived(_) => None,
    };
    let ours: BTreeSet<String> =
        facts.facts.iter().filter(|fact| lets_in(fact)).filter_map(written).collect();
    let unknown = told.iter().filter(|path| !ours.contains(**path));
    let unknown = unknown.map(|path| format!("{path} is not open to us"));
    let policies = facts.facts.iter().filter(|fact| {
        let room = fact.path == "config.group.policy";
        fact.path.ends_with(".policy") && (rooms == Rooms::Listed || !room) && lets_in(fact)
    });
    let policies: BTreeSet<String> = policies.filter_map(written).collect();
    let missed = policies.iter().filter(|path| !told.contains(path.as_str()));
    unknown.chain(missed.map(|path| format!("only we call {path} open"))).collect()
}

/// Holds agents with their tools against ours, such as
/// `- agents.entries.main (sandbox=off; runtime=[exec, process]; fs=[read, write])`.
fn contexts(detail: &str, facts: &Facts) -> Vec<String> {
    let mut wrong = Vec::new();
    for bullet in bullets(detail) {
        let Some((agent, rest)) =
            bullet.strip_prefix("agents.entries.").and_then(|rest| rest.split_once(" ("))
        else {
            continue;
        };
        let subject = Subject::Agent(agent.to_owned());
        for part in rest.trim_end_matches(')').split("; ") {
            let Some((name, told)) = part.split_once('=') else { continue };
            let names: Vec<&str> =
                told.trim_matches(['[', ']']).split(", ").filter(|name| !name.is_empty()).collect();
            let says = |path: &str, value: Value| {
                let ours = look(facts, path, &subject).and_then(|fact| fact.value.clone());
                (ours != Some(value.clone()))
                    .then(|| format!("{path} of {agent} is {ours:?}, told {value}"))
            };
            match name {
                "sandbox" => wrong.extend(says("config.agent.sandbox.mode", told.into())),
                "profile" if told != "none" => {
                    wrong.extend(says("config.agent.profile", told.into()));
                }
                "runtime" | "fs" if names.iter().any(|name| *name != "read") => {
                    wrong.extend(says("config.agent.tools.broad", true.into()));
                }
                "controlPlane" => {
                    let ours = look(facts, "config.agent.tools.dangerous", &subject);
                    let ours = list(ours.and_then(|fact| fact.value.as_ref()));
                    let missing = names.iter().filter(|name| !ours.contains(name));
                    wrong.extend(missing.map(|name| format!("{agent} has {name}: not to us")));
                }
                _ => {}
            }
        }
    }
    wrong
}

/// Holds agents with what they may run against ours, such as `- main: security=full, host=auto`.
fn scopes(detail: &str, facts: &Facts) -> Vec<String> {
    let told = bullets(detail).filter_map(|bullet| bullet.split_once(": security="));
    let wrong = told.filter_map(|(agent, rest)| {
        let told = rest.split(',').next()?;
        let subject = Subject::Agent(agent.to_owned());
        let ours = look(facts, "config.agent.exec.security", &subject);
        let ours = ours.and_then(|fact| fact.value.as_ref()?.as_str());
        (ours != Some(told)).then(|| format!("{agent} has security {ours:?}, told {told}"))
    });
    wrong.collect()
}

/// Holds signs of several people against ours, such as `- channels.telegram.dmPolicy="open"`.
fn signs(detail: &str, facts: &Facts) -> Vec<String> {
    let told = bullets(detail).filter(|bullet| bullet.starts_with("channels."));
    let lone = told.filter(|bullet| {
        let path = bullet.split(['=', ' ']).next().unwrap_or_default();
        let parts: Vec<&str> = path.split('.').collect();
        let meant = |subject: &&Subject| {
            let Subject::Account { channel, account } = subject else { return false };
            let own = parts.get(2) == Some(&"accounts");
            (parts[1] == *channel || parts[1] == "defaults")
                && (!own || parts.get(3) == Some(&account.as_str()))
        };
        let shared = |subject: &Subject| {
            let fact = look(facts, "config.account.shared", subject);
            fact.is_some_and(|fact| fact.value == Some(Value::Bool(true)))
        };
        !facts.subjects(Each::Account).filter(meant).any(shared)
    });
    lone.map(|bullet| format!("{bullet} is for one person to us")).collect()
}

/// Holds agents that run anything against ours.
fn full(detail: &str, facts: &Facts) -> Vec<String> {
    let rest = detail.split_once("enabled for: ").map_or("", |(_, rest)| rest);
    let told: BTreeSet<&str> =
        rest.split(". ").next().unwrap_or(rest).trim_end_matches('.').split(", ").collect();
    let full = |subject: &&Subject| {
        let fact = look(facts, "config.agent.exec.security", subject);
        fact.is_some_and(|fact| fact.value == Some("full".into()) && fact.state == State::Set)
    };
    let ours: BTreeSet<String> = (facts.subjects(Each::Agent).filter(full))
        .map(|subject| match subject {
            Subject::Agent(id) => id.clone(),
            other => panic!("{other} is no agent"),
        })
        .collect();
    let told: BTreeSet<String> = told.into_iter().map(str::to_owned).collect();
    let only = |a: &BTreeSet<String>, b: &BTreeSet<String>, who: &str| {
        a.difference(b).map(|agent| format!("{agent} runs anything {who}")).collect::<Vec<_>>()
    };
    [only(&told, &ours, "only to the audit"), only(&ours, &told, "only to us")].concat()
}

/// Holds a flag against ours: `Detected enabled flag: hooks.allowRequestSessionKey=true.`
fn flag(detail: &str, facts: &Facts) -> Vec<String> {
    let flag = detail.split_once("flag: ").map_or("", |(_, flag)| flag).trim_end_matches('.');
    let flag = flag.replace('[', ".").replace(']', "");
    let value =
        |path: &str| look(facts, path, &Subject::Gateway).and_then(|fact| fact.value.as_ref());
    if let Some(count) = flag.strip_prefix("security.audit.suppressions configured (") {
        let ours = value("config.audit.suppressions").and_then(Value::as_u64);
        let told = count.trim_end_matches(')').parse().ok();
        return (ours != told)
            .then(|| format!("{ours:?} suppressions, told {told:?}"))
            .into_iter()
            .collect();
    }
    let ours = list(value("config.gateway.dangerous_flags"));
    let ours: Vec<String> = ours.into_iter().map(plain).collect();
    let name = flag.strip_suffix("=true").unwrap_or(&flag);
    (!ours.iter().any(|ours| ours == name))
        .then(|| format!("{name} is no dangerous flag to us"))
        .into_iter()
        .collect()
}

/// Returns the words of a list of every agent.
fn of_agents<'f>(facts: &'f Facts, path: &'static str) -> impl Iterator<Item = &'f str> {
    let agents = facts.subjects(Each::Agent);
    agents.flat_map(move |agent| list(facts.get(agent, path).and_then(|fact| fact.value.as_ref())))
}

/// Holds a bind mount against ours: `X.binds contains "/a:/b" which targets …`.
fn bind(detail: &str, facts: &Facts) -> Vec<String> {
    let told = detail.split('"').nth(1).unwrap_or_default();
    let known = of_agents(facts, "config.agent.sandbox.binds_sensitive").any(|ours| ours == told);
    (!known).then(|| format!("{told} is not sensitive to us")).into_iter().collect()
}

/// Holds a network against ours: `X.docker.network is "host" …`.
fn network(detail: &str, facts: &Facts) -> Vec<String> {
    let (path, rest) = detail.split_once(" is \"").unwrap_or_default();
    let told = format!("{path}={}", rest.split('"').next().unwrap_or_default());
    let known = of_agents(facts, "config.agent.sandbox.dangerous").any(|ours| plain(ours) == told);
    (!known).then(|| format!("{told} undoes nothing to us")).into_iter().collect()
}

/// Holds the summary's switches and counts against ours.
fn surface(detail: &str, facts: &Facts) -> Vec<String> {
    let mut wrong = Vec::new();
    let told = |name: &str| detail.lines().find_map(|line| line.strip_prefix(name));
    let hooks = look(facts, "config.hooks.enabled", &Subject::Gateway);
    let hooks = hooks.is_some_and(|fact| fact.value == Some(Value::Bool(true)));
    if told("hooks.webhooks: ") != Some(if hooks { "enabled" } else { "disabled" }) {
        wrong.push(format!("hooks are {hooks} to us"));
    }
    let open = told("groups: open=").and_then(|rest| rest.split(',').next());
    let ours =
        facts.facts.iter().any(|fact| fact.path == "config.account.group.policy" && lets_in(fact));
    if open != Some("0") && !ours {
        wrong.push("no group is open to us".to_owned());
    }
    wrong
}
