//! What the tables in `tests/oracle` are made of: conditions on facts, and told differences.

use std::cell::Cell;

use portcullis::openclaw::fact;
use portcullis::openclaw::fact::Fact;
use portcullis::openclaw::fact::State;
use portcullis::openclaw::fact::Subject;
use portcullis::openclaw::facts::Facts;
use portcullis::runbook::Each;
use serde::Deserialize;
use serde_json::Value;

/// A condition on one fact; whatever of it is written has to hold.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    path: String,
    /// It has this value.
    is: Option<toml::Value>,
    /// It is known and has another value.
    not: Option<toml::Value>,
    /// It is one of these words.
    one_of: Option<Vec<String>>,
    /// Its list holds this word.
    holds: Option<String>,
    /// Whether it has a value, or its list an element.
    some: Option<bool>,
    /// Whether it is written in the config.
    written: Option<bool>,
    /// Whether it cannot be seen from here.
    unseen: Option<bool>,
}

impl Row {
    fn met(&self, facts: &Facts, subject: &Subject) -> bool {
        let Some(fact) = look(facts, &self.path, subject) else { return false };
        let value = fact.value.as_ref();
        let same = |wanted: &toml::Value| {
            value.is_some_and(|value| serde_json::to_value(wanted).expect("plain TOML") == *value)
        };
        let word = value.and_then(Value::as_str);
        let has = value.is_some_and(|value| value.as_array().is_none_or(|list| !list.is_empty()));
        let hidden = fact.state == State::Hidden;
        self.is.as_ref().is_none_or(same)
            && self.not.as_ref().is_none_or(|other| value.is_some() && !same(other))
            && self.one_of.as_ref().is_none_or(|words| words.iter().any(|w| word == Some(w)))
            && self.holds.as_ref().is_none_or(|word| list(value).contains(&word.as_str()))
            && self.some.is_none_or(|some| some == has && !hidden)
            && self.written.is_none_or(|written| written == (fact.state == State::Set))
            && self.unseen.is_none_or(|unseen| unseen == hidden)
    }
}

/// Returns the fact about a subject, or about what the subject belongs to.
pub(super) fn look<'f>(facts: &'f Facts, path: &str, subject: &Subject) -> Option<&'f Fact> {
    let of = fact::path(path).unwrap_or_else(|| panic!("no such fact: {path}")).of;
    let about = match of {
        Each::Gateway => Some(Subject::Gateway),
        Each::Account => subject.account(),
        Each::Agent => subject.agent(),
        Each::Group | Each::Route => (subject.kind() == of).then(|| subject.clone()),
    };
    facts.get(&about?, path)
}

/// Returns the words of a list; none where there is no list.
pub(super) fn list(value: Option<&Value>) -> Vec<&str> {
    let elements = value.and_then(Value::as_array).into_iter().flatten();
    elements.filter_map(Value::as_str).collect()
}

/// Conditions that hold together, of the gateway or of at least one subject of a kind.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rows {
    #[serde(default = "gateway")]
    pub(super) each: Each,
    #[serde(default)]
    all: Vec<Row>,
    /// Groups of which each needs one that holds.
    #[serde(default)]
    any: Vec<Vec<Row>>,
}

fn gateway() -> Each {
    Each::Gateway
}

impl Rows {
    /// Returns the subjects for which everything holds.
    pub(super) fn met<'f>(&'f self, facts: &'f Facts) -> impl Iterator<Item = &'f Subject> {
        let all = |subject: &Subject| self.all.iter().all(|row| row.met(facts, subject));
        let one = |group: &[Row], subject: &Subject| group.iter().any(|r| r.met(facts, subject));
        facts
            .subjects(self.each)
            .filter(move |subject| all(subject) && self.any.iter().all(|group| one(group, subject)))
    }
}

/// A place where OpenClaw and we say different things, and who is right.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Differs {
    /// What was compared: a check id, or a kind of evidence; `*` stands for a part.
    about: String,
    /// The config, by its name or, of a shared one, its number; `*` where it is a rule.
    config: String,
    /// A part of the complaint; all of them where absent.
    says: Option<String>,
    /// Who is right, and by what evidence.
    because: String,
    #[serde(skip)]
    used: Cell<usize>,
}

impl Differs {
    /// Tells whether it is about a complaint, and remembers that it was needed.
    pub(super) fn explains(&self, about: &str, config: &str, complaint: &str) -> bool {
        let same = alike(&self.about, about)
            && (self.config == "*" || self.config == config)
            && self.says.as_ref().is_none_or(|says| complaint.contains(says));
        self.used.set(self.used.get() + usize::from(same));
        same
    }

    /// Returns what is wrong with it once the configs of these names were held against it.
    pub(super) fn fault(&self, names: &[&str]) -> Option<String> {
        let seen = self.config == "*" || names.contains(&self.config.as_str());
        let unused = seen && self.used.get() == 0;
        unused.then(|| format!("not needed any more: {} in {}", self.about, self.config))
    }

    /// Says how often it was needed, and why.
    pub(super) fn line(&self) -> String {
        format!("{:>6}  {} in {}: {}", self.used.get(), self.about, self.config, self.because)
    }
}

/// Says whether a name is meant by another, in which `*` stands for any part.
pub(super) fn alike(wanted: &str, name: &str) -> bool {
    match wanted.split_once('*') {
        None => wanted == name,
        Some((before, after)) => {
            name.len() > before.len() + after.len()
                && name.starts_with(before)
                && name.ends_with(after)
        }
    }
}
