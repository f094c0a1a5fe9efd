//! The baseline and the rollback fitted to a live config: what is open there is closed, key by key.
//!
//! Pure: a config and its facts in, changes out. Nothing is added for a channel that is not
//! configured; no channel, no agent and no `gateway.mode` is ever taken out, since OpenClaw's writer
//! refuses that, and since what is switched off can be switched on again.

mod baseline;
mod channels;
mod fix;
mod gateway;
pub mod moved;
mod notes;
mod owner;
mod tools;
mod work;
mod write;

use std::path::PathBuf;

use serde::Serialize;
use serde_json::Value;
use serde_json::json;

use crate::openclaw::command::Gateway;
use crate::openclaw::config::Config;
use crate::openclaw::fact::Subject;
use crate::openclaw::facts;
use crate::openclaw::facts::Facts;
use crate::openclaw::patch;
use crate::openclaw::patch::TOKEN_VARIABLE;
use crate::openclaw::tailor::owner::Owner;
use crate::openclaw::tailor::work::Depth;
use crate::openclaw::tailor::work::Work;
use crate::runbook::Outside;
use crate::runbook::Template;

pub use self::fix::fix;
pub use self::work::Change;

/// What was said in older words but is taken by today's OpenClaw all the same.
const STILL_TAKEN: [&str; 2] =
    ["agents.list → agents.entries", "gateway.controlUi.dangerouslyDisableDeviceAuth: retired"];

/// A patch fitted to a live config.
#[derive(Clone, Debug, PartialEq)]
pub struct Tailored {
    /// What it is for, in the runbook's words.
    pub says: String,
    /// Its parts in the order in which they are applied, one for each file that owns keys of it.
    pub parts: Vec<Part>,
    /// What the config says in words that today's OpenClaw refuses: the patch fits once they are
    /// migrated.
    pub after_migration: Vec<String>,
    /// What an operator must know before applying it.
    pub notes: Vec<String>,
    /// The config it is fitted to, in today's dialect.
    before: Value,
}

/// The part of a patch that belongs to one file.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// The file.
    pub file: PathBuf,
    /// Where what the file holds stands in the merged config; empty for the first file.
    pub at: Vec<String>,
    /// Whether OpenClaw's writer puts it there; else it is put there by hand.
    pub by_writer: bool,
    /// The changes.
    pub changes: Vec<Change>,
}

/// A change as it is printed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Line {
    /// The config path.
    pub path: String,
    /// What stands there, in words; never a secret.
    pub from: String,
    /// What shall stand there.
    pub to: String,
    /// What that closes.
    pub why: String,
}

/// What no config closes, and how it is closed by hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Elsewhere {
    /// What to do, and why the config cannot.
    pub says: String,
    /// The commands.
    pub commands: Vec<String>,
}

/// Fills in what a runbook's steps leave to the gateway: its port, and how it is called.
pub fn elsewhere<'a>(
    outside: impl Iterator<Item = &'a Outside>,
    gateway: &Gateway,
) -> Vec<Elsewhere> {
    let program = if gateway.program.is_empty() { "openclaw" } else { &gateway.program };
    let profile = gateway.profile.as_ref().map_or_else(String::new, |p| format!(" --profile {p}"));
    let fill = |command: &String| {
        let command = command.replace("{openclaw}", &format!("{program}{profile}"));
        command.replace("{port}", &gateway.port.to_string())
    };
    let steps = outside.map(|step| Elsewhere {
        says: step.says.clone(),
        commands: step.commands.iter().map(fill).collect(),
    });
    steps.collect()
}

/// Fits the rollback to a config: closes everything that is open in it.
#[must_use]
pub fn rollback(template: &Template, config: &Config, facts: &Facts) -> Tailored {
    let (today, migration) = facts::in_todays_words(config);
    let mut work = Work::new(today.clone(), template);
    gateway::close(&mut work, facts);
    channels::close(&mut work, Depth::Everyone);
    tools::commands(&mut work);
    tools::elevated(&mut work);
    tools::chat_commands(&mut work);
    tools::dangerous(&mut work, facts);
    tools::sandboxes(&mut work, facts);
    gateway::flags(&mut work);
    rest(&mut work, template);
    finish(work, config, facts, today, &migration)
}

/// Fits the baseline to a config: what is as safe or safer is left alone, and strangers stay out.
#[must_use]
pub fn baseline(template: &Template, config: &Config, facts: &Facts) -> Tailored {
    let (today, migration) = facts::in_todays_words(config);
    let mut work = Work::new(today.clone(), template);
    for key in &template.keys {
        baseline::row(&mut work, key, facts);
    }
    gateway::narrow(&mut work);
    hooks(&mut work, facts);
    channels::close(&mut work, Depth::Strangers);
    tools::chat_commands(&mut work);
    tools::sandboxes(&mut work, facts);
    gateway::flags(&mut work);
    let mut tailored = finish(work, config, facts, today, &migration);
    tailored.cut_off_note(facts);
    tailored.sandbox_note(facts);
    tailored
}

/// Writes what else the runbook's rollback asks for, where it concerns this config.
fn rest(work: &mut Work<'_>, template: &Template) {
    for key in &template.keys {
        let path: Vec<&str> = key.path.split('.').collect();
        let absent = match path.as_slice() {
            ["channels", channel, ..] => work.get(&["channels", channel]).is_none(),
            ["tools", "exec", "security" | "ask"] => true,
            _ => false,
        };
        let off = match path.as_slice() {
            ["channels", channel, ..] => {
                work.get(&["channels", channel, "enabled"]) == Some(&Value::Bool(false))
            }
            _ => false,
        };
        let set = key.only_if_unset && work.get(&path).is_some();
        if !absent && !off && !set {
            work.set(&path, serde_json::to_value(&key.value).unwrap_or_default(), &key.says);
        }
    }
}

/// Switches hooks off that anyone could post to.
fn hooks(work: &mut Work<'_>, facts: &Facts) {
    let fact = facts.get(&Subject::Gateway, "config.hooks.token");
    let class = fact.and_then(|fact| fact.value.as_ref()).and_then(Value::as_str);
    let hidden = fact.is_some_and(|fact| fact.state == crate::openclaw::fact::State::Hidden);
    let token = work.get(&["hooks", "token"]);
    let shared = token.is_some() && token == work.get(&["gateway", "auth", "token"]);
    if shared || !hidden && class != Some("ok") {
        let why = "Their token is missing, easy to guess, or the gateway's own";
        work.switch_off(&["hooks", "enabled"], why);
    }
}

/// Makes OpenClaw's dry run take a list of several agents, which it refuses though the write would
/// not: with an owner named, the writer turns the list into entries itself.
fn roster(work: &mut Work<'_>, config: &Config) {
    let list = config.get(&["agents", "list"]).and_then(Value::as_array);
    let several = list.is_some_and(|list| list.len() > 1);
    let touched = work.changes.iter().any(|change| {
        change.path.first().is_some_and(|key| key == "agents")
            && change.path.get(1).is_some_and(|key| key == "entries")
    });
    let entries = config.get(&["agents", "entries"]).is_some();
    let path = ["agents", "ownership"];
    if several && !touched && !entries && !work.changes.is_empty() && work.get(&path).is_none() {
        let why = "OpenClaw's dry run refuses a list of several agents without it; the writer turns \
                   the list into entries";
        work.set(&path, "explicit", why);
    }
}

fn finish(
    mut work: Work<'_>,
    config: &Config,
    facts: &Facts,
    before: Value,
    migration: &[String],
) -> Tailored {
    roster(&mut work, config);
    let refused = migration.iter().filter(|line| !STILL_TAKEN.contains(&line.as_str()));
    let says = work.says.clone();
    let parts = parts(work.changes, config);
    let mut tailored = Tailored {
        says,
        parts,
        after_migration: refused.cloned().collect(),
        notes: Vec::new(),
        before,
    };
    tailored.notes = tailored.noted(facts);
    tailored
}

/// Sorts changes by the file that owns them: the first file's own ones first, those by hand last.
fn parts(changes: Vec<Change>, config: &Config) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for change in changes {
        let Owner { file, at, by_writer } = owner::of(&change, config);
        let same =
            |part: &&mut Part| part.file == file && part.at == at && part.by_writer == by_writer;
        match parts.iter_mut().find(same) {
            Some(part) => part.changes.push(change),
            None => parts.push(Part { file, at, by_writer, changes: vec![change] }),
        }
    }
    parts.sort_by_key(|part| (!part.by_writer, part.file != config.path));
    parts
}

impl Tailored {
    /// Makes a patch of one's own into parts, one for each file that owns keys of it.
    #[must_use]
    pub fn of(says: &str, patch: &Value, config: &Config, facts: &Facts) -> Self {
        let (today, migration) = facts::in_todays_words(config);
        let mut changes = Vec::new();
        leaves(patch, &today, &mut Vec::new(), says, &mut changes);
        let refused = migration.iter().filter(|line| !STILL_TAKEN.contains(&line.as_str()));
        let mut tailored = Self {
            says: says.to_owned(),
            parts: parts(changes, config),
            after_migration: refused.cloned().collect(),
            notes: Vec::new(),
            before: today,
        };
        tailored.notes = tailored.noted(facts);
        tailored
    }

    /// Tells whether the config says all of it already.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Returns every change.
    pub fn changes(&self) -> impl Iterator<Item = &Change> {
        self.parts.iter().flat_map(|part| &part.changes)
    }

    /// Returns the whole of it as one merge patch, whichever file its keys are in.
    #[must_use]
    pub fn value(&self) -> Value {
        value(self.changes())
    }

    /// Returns the config as it is once all of it is applied, in today's dialect.
    #[must_use]
    pub fn applied(&self) -> Value {
        let mut after = self.before.clone();
        patch::merge(&mut after, &self.value());
        after
    }

    /// Says what stays open in the live config once all of it is applied.
    #[must_use]
    pub fn leaves_open(&self, live: &Config) -> Vec<String> {
        patch::open_in(&self.applied(), live)
    }

    /// Tells whether it makes the gateway read its token from the environment.
    #[must_use]
    pub fn needs_token(&self) -> bool {
        let reference = format!("${{{TOKEN_VARIABLE}}}");
        self.changes().any(|change| change.after.as_ref() == Some(&Value::from(reference.as_str())))
    }

    /// Returns the config it is fitted to, in today's dialect.
    #[must_use]
    pub fn before(&self) -> &Value {
        &self.before
    }
}

impl Part {
    /// Returns it as a merge patch.
    #[must_use]
    pub fn value(&self) -> Value {
        value(self.changes.iter())
    }

    /// Returns its changes as they are printed.
    #[must_use]
    pub fn lines(&self) -> Vec<Line> {
        let lines = self.changes.iter().map(|change| {
            let (from, to) = write::words(change);
            Line { path: write::path(change), from, to, why: change.why.clone() }
        });
        lines.collect()
    }
}

/// Collects the keys that a patch writes and the config does not say already.
fn leaves(
    written: &Value,
    now: &Value,
    at: &mut Vec<String>,
    why: &str,
    changes: &mut Vec<Change>,
) {
    match written {
        Value::Object(members) if !members.is_empty() => {
            for (key, value) in members {
                at.push(key.clone());
                leaves(value, now.get(key).unwrap_or(&Value::Null), at, why, changes);
                at.pop();
            }
        }
        Value::Object(_) => {}
        value if value != now => changes.push(Change {
            path: at.clone(),
            before: (!now.is_null()).then(|| now.clone()),
            after: (!value.is_null()).then(|| value.clone()),
            why: why.to_owned(),
        }),
        _ => {}
    }
}

fn value<'c>(changes: impl Iterator<Item = &'c Change>) -> Value {
    let mut patch = json!({});
    for change in changes {
        let keys: Vec<&str> = change.path.iter().map(String::as_str).collect();
        patch::put(&mut patch, &keys, change.after.clone().unwrap_or(Value::Null));
    }
    patch
}

#[cfg(test)]
mod tests;
