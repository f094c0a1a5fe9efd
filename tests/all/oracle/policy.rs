//! The policy check: its evidence holds the values that OpenClaw works with, and they are ours,
//! unless `tests/oracle/policy.toml` says why not.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

use portcullis::openclaw::fact::Fact;
use portcullis::openclaw::fact::Subject;
use portcullis::openclaw::facts::Facts;
use portcullis::runbook::Each;
use serde::Deserialize;
use serde_json::Value;
use sha2::Digest;
use sha2::Sha256;

use crate::oracle::Case;
use crate::oracle::own;
use crate::oracle::say;
use crate::oracle::shared;
use crate::oracle::table::Differs;
use crate::oracle::table::list;

const TABLE: &str = include_str!("../../oracle/policy.toml");

/// What `tests/oracle/policy.toml` holds.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    differs: Vec<Differs>,
}

/// One value that OpenClaw works with.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Evidence {
    kind: String,
    source: String,
    scope: Option<String>,
    channel: Option<String>,
    account_id: Option<String>,
    group_id: Option<String>,
    agent_id: Option<String>,
    endpoint: Option<String>,
    value: Option<Value>,
    non_loopback: Option<bool>,
    #[serde(default)]
    entries: Vec<String>,
}

/// What comparing a value came to.
enum Compared {
    Same,
    /// It is about nobody: a channel's own value while all its accounts are listed, or all agents.
    Nobody,
    Other(String),
}

/// Returns where `tests/openclaw/capture policy-cache` keeps what the check says of a config.
pub(super) fn cached(path: &Path) -> PathBuf {
    let bytes = std::fs::read(path).unwrap();
    let digest = Sha256::digest(&bytes);
    let name = digest.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    let folder = std::env::var_os("PORTCULLIS_ORACLE_CACHE").map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| std::env::temp_dir().join("portcullis-oracle"));
    folder.join(format!("{name}.policy.json"))
}

#[test]
fn what_openclaw_works_with_is_what_we_say_it_does() {
    let table: Table = toml::from_str(TABLE).unwrap();
    let cases: Vec<Case> = own().into_iter().chain(shared("policy oracle")).collect();
    let valid = cases.iter().filter(|case| case.valid);
    let asked: Vec<(&Case, Vec<Evidence>)> =
        valid.clone().filter_map(|case| Some((case, evidence(case.policy.as_ref()?)))).collect();
    let mut tallies: BTreeMap<String, [usize; 3]> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (case, evidence) in &asked {
        let mut count = |about: &str, compared: Compared| {
            let mut tally = |at: usize| tallies.entry(about.to_owned()).or_default()[at] += 1;
            match compared {
                Compared::Nobody => {}
                Compared::Same => tally(0),
                Compared::Other(why) => {
                    let known = table.differs.iter();
                    let told = known.filter(|differs| differs.explains(about, &case.name, &why));
                    if told.count() > 0 {
                        tally(1);
                    } else {
                        tally(2);
                        wrong.push(format!("{}: {about}: {why}", case.name));
                    }
                }
            }
        };
        for one in evidence {
            count(&one.kind, one.compare(&case.facts, evidence));
        }
        for subject in case.facts.subjects(Each::Account).chain(case.facts.subjects(Each::Agent)) {
            count(kind(subject), named(subject, evidence));
        }
    }
    let names: Vec<&str> = asked.iter().map(|(case, _)| case.name.as_str()).collect();
    wrong.extend(table.differs.iter().filter_map(|differs| differs.fault(&names)));
    say(&format!("\n{} of {} valid configs were asked about", asked.len(), valid.count()));
    say("  same differ  wrong");
    for (kind, [same, differ, wrong]) in &tallies {
        say(&format!("{same:6} {differ:6} {wrong:6}  {kind}"));
    }
    let sum = |at: usize| tallies.values().map(|tally| tally[at]).sum::<usize>();
    say(&format!("{:6} {:6} {:6}  in all", sum(0), sum(1), sum(2)));
    table.differs.iter().for_each(|differs| say(&differs.line()));
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_valid_config_of_the_corpus_was_asked_about() {
    let missing: Vec<String> = own()
        .into_iter()
        .filter(|case| case.valid && case.policy.is_none())
        .map(|case| case.name)
        .collect();
    assert_eq!(missing, Vec::<String>::new(), "tests/openclaw/capture policy NAME");
}

fn evidence(policy: &Value) -> Vec<Evidence> {
    serde_json::from_value(policy["evidence"].clone()).unwrap()
}

fn kind(subject: &Subject) -> &'static str {
    match subject {
        Subject::Agent(_) => "agents",
        _ => "accounts",
    }
}

/// Says whether one of our accounts or agents is known to OpenClaw, too.
fn named(subject: &Subject, evidence: &[Evidence]) -> Compared {
    let known = evidence.iter().any(|one| match subject {
        Subject::Agent(id) => one.agent_id.as_ref() == Some(id),
        _ => one.account().as_ref() == Some(subject),
    });
    if known { Compared::Same } else { Compared::Other(format!("only we know {subject}")) }
}

impl Evidence {
    /// Returns the account it is about.
    fn account(&self) -> Option<Subject> {
        let account = self.account_id.clone().unwrap_or_else(|| "default".to_owned());
        Some(Subject::Account { channel: self.channel.clone()?, account })
    }

    fn agent(&self) -> Option<Subject> {
        self.agent_id.clone().map(Subject::Agent)
    }

    fn compare(&self, facts: &Facts, all: &[Self]) -> Compared {
        let gateway = |path| self.same(facts.get(&Subject::Gateway, path));
        let account = |path: &str| {
            self.account().map_or(Compared::Nobody, |account| self.of(facts, &account, path))
        };
        let agent = |path: &str| {
            self.agent().map_or(Compared::Nobody, |agent| self.of(facts, &agent, path))
        };
        match self.kind.as_str() {
            "bind" => self.bind(facts),
            "auth" => gateway("config.gateway.auth.mode"),
            "authRateLimit" => gateway("config.gateway.auth.rate_limit"),
            "tailscaleFunnel" => {
                let mode = facts.get(&Subject::Gateway, "config.gateway.tailscale.mode");
                let ours = mode.map(Fact::said).unwrap_or_default();
                self.verdict(ours == "funnel", &ours)
            }
            "httpEndpoint" => {
                let apis = facts.get(&Subject::Gateway, "config.gateway.http_apis");
                let apis = list(apis.and_then(|fact| fact.value.as_ref()));
                let on = self.endpoint.as_deref().is_some_and(|name| apis.contains(&name));
                self.verdict(on, &apis.join(", "))
            }
            "sessionDmScope" if self.source == "session/dmScope" => {
                gateway("config.session.dm_scope")
            }
            "channelDmPolicy" => account("config.account.dm.policy"),
            "channelGroupPolicy" => match &self.group_id {
                None => account("config.account.group.policy"),
                Some(group) => self.room(facts, group, "config.group.policy"),
            },
            "channelRequireMention" => match &self.group_id {
                None => self.mention(facts, all),
                Some(group) => self.room(facts, group, "config.group.mention"),
            },
            "execSecurity" => agent("config.agent.exec.security"),
            "execAsk" => agent("config.agent.exec.ask"),
            "elevatedEnabled" => self.elevated(facts, all),
            // Who may use elevated tools is read beside the switch; scopes of bindings are not told.
            "elevatedAllowFrom" | "sessionDmScope" => Compared::Nobody,
            "profile" => self.profile(facts),
            "mode" => agent("config.agent.sandbox.mode"),
            other => Compared::Other(format!("unknown kind {other}")),
        }
    }

    /// Compares with what a subject's fact says.
    fn of(&self, facts: &Facts, subject: &Subject, path: &str) -> Compared {
        let known = facts.subjects(subject.kind()).any(|known| known == subject);
        if known {
            return self.same(facts.get(subject, path));
        }
        match (self.account_id.is_none(), subject) {
            (true, Subject::Account { .. }) => Compared::Nobody,
            _ => Compared::Other(format!("only OpenClaw knows {subject}")),
        }
    }

    fn same(&self, ours: Option<&Fact>) -> Compared {
        let said = ours.map_or_else(|| "nothing".to_owned(), Fact::said);
        let same = ours.is_some_and(|fact| fact.value == self.value);
        if same { Compared::Same } else { self.other(&said) }
    }

    /// Compares a switch with what follows from our facts.
    fn verdict(&self, ours: bool, said: &str) -> Compared {
        if self.value == Some(Value::Bool(ours)) { Compared::Same } else { self.other(said) }
    }

    fn other(&self, ours: &str) -> Compared {
        let told = self.value.as_ref().map(Value::to_string).unwrap_or_default();
        let about = [&self.account_id, &self.agent_id].into_iter().flatten().next();
        let about = about.map(|id| format!(" of {id}")).unwrap_or_default();
        Compared::Other(format!("{}{about} is {told}, to us {ours}", self.source))
    }

    /// Compares the bind; a custom one is told to be beyond loopback by its address.
    fn bind(&self, facts: &Facts) -> Compared {
        if self.source == "gateway/customBindHost" {
            return self.same(facts.get(&Subject::Gateway, "config.gateway.custom_bind_host"));
        }
        let bind = facts.get(&Subject::Gateway, "config.gateway.bind").map(Fact::said);
        let bind = bind.unwrap_or_default();
        let explicit = facts.get(&Subject::Gateway, "config.gateway.bind_explicit");
        let explicit = explicit.is_some_and(|fact| fact.value == Some(Value::Bool(true)));
        let word = if explicit { bind.as_str() } else { "runtime-default" };
        let same = self.value == Some(Value::from(word))
            && self.non_loopback == Some(!["loopback", "custom"].contains(&bind.as_str()));
        if same { Compared::Same } else { self.other(&bind) }
    }

    /// Compares a room's value.
    fn room(&self, facts: &Facts, group: &str, path: &str) -> Compared {
        let Some(Subject::Account { channel, account }) = self.account() else {
            return Compared::Nobody;
        };
        let rooms = facts.subjects(Each::Group).filter(|subject| match subject {
            Subject::Group { channel: of, account: by, group: name } => {
                let last = name.rsplit('/').next();
                *of == channel && *by == account && (name == group || last == Some(group))
            }
            _ => false,
        });
        let rooms: Vec<&Subject> = rooms.collect();
        let same = |room: &&Subject| facts.get(room, path).is_some_and(|f| f.value == self.value);
        let known =
            facts.subjects(Each::Account).any(|known| Some(known) == self.account().as_ref());
        match (rooms.first(), known) {
            (_, false) if self.account_id.is_none() => Compared::Nobody,
            (None, _) => Compared::Other(format!("only OpenClaw knows the room {group}")),
            (Some(_), _) if rooms.iter().any(same) => Compared::Same,
            (Some(room), _) => self.same(facts.get(room, path)),
        }
    }

    /// Compares whether every room of an account waits for a mention.
    fn mention(&self, facts: &Facts, all: &[Self]) -> Compared {
        let Some(account) = self.account() else { return Compared::Nobody };
        let of = |one: &&Self| {
            one.kind == "channelRequireMention" && one.account().as_ref() == Some(&account)
        };
        let every = all.iter().filter(of).all(|one| one.value == Some(Value::Bool(true)));
        let ours = facts.get(&account, "config.account.group.mention");
        match ours {
            None if self.account_id.is_none() => Compared::Nobody,
            None => Compared::Other(format!("only OpenClaw knows {account}")),
            Some(fact) if fact.value == Some(Value::Bool(every)) => Compared::Same,
            Some(fact) => self.other(&fact.said()),
        }
    }

    /// Compares whether an agent has elevated tools: switched on, and somebody allowed.
    fn elevated(&self, facts: &Facts, all: &[Self]) -> Compared {
        let Some(agent) = self.agent() else { return Compared::Nobody };
        let on = self.value == Some(Value::Bool(true));
        let allowed = |one: &Self| {
            let about = one.agent_id.is_none() || one.agent_id == self.agent_id;
            one.kind == "elevatedAllowFrom" && about && !one.entries.is_empty()
        };
        let usable = on && all.iter().any(allowed);
        let Some(fact) = facts.get(&agent, "config.agent.elevated.usable") else {
            return Compared::Other(format!("only OpenClaw knows {agent}"));
        };
        if fact.value == Some(Value::Bool(usable)) {
            Compared::Same
        } else {
            self.other(&fact.said())
        }
    }

    /// Compares a tool profile; one that is not written filters nothing, as `full` does.
    fn profile(&self, facts: &Facts) -> Compared {
        let Some(agent) = self.agent().filter(|_| self.scope.as_deref() == Some("agent")) else {
            return Compared::Nobody;
        };
        match facts.get(&agent, "config.agent.profile") {
            None => Compared::Other(format!("only OpenClaw knows {agent}")),
            Some(fact) if fact.value.is_none() && self.value == Some("full".into()) => {
                Compared::Same
            }
            fact => self.same(fact),
        }
    }
}
