//! What was found for a fact, before it is put on a subject's sheet.

use serde_json::Value;

use crate::openclaw::fact::Fact;
use crate::openclaw::fact::Origin;
use crate::openclaw::fact::State;
use crate::openclaw::fact::Subject;
use crate::openclaw::facts::key;

/// What was found for a fact.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Found {
    pub(super) value: Option<Value>,
    pub(super) state: State,
    pub(super) origin: Origin,
    pub(super) key: Option<String>,
    pub(super) inherited_from: Option<String>,
}

impl Found {
    fn new(value: Option<Value>, state: State, origin: Origin) -> Self {
        Self { value, state, origin, key: None, inherited_from: None }
    }

    /// Written nowhere: OpenClaw's own value, which could be changed at a path.
    pub(super) fn default(value: impl Into<Value>, at: &[&str]) -> Self {
        Self::new(Some(value.into()), State::Default, Origin::Default).at(at)
    }

    /// Written nowhere, and nothing stands in for it.
    pub(super) fn unset(at: &[&str]) -> Self {
        Self::new(None, State::Unset, Origin::Default).at(at)
    }

    /// Not visible from here.
    pub(super) fn hidden(origin: Origin) -> Self {
        Self::new(None, State::Hidden, origin)
    }

    /// Written in the config.
    pub(super) fn set(value: impl Into<Value>, origin: Origin) -> Self {
        Self::new(Some(value.into()), State::Set, origin)
    }

    /// Seen on this host; hidden where it could not be looked at.
    pub(super) fn host(value: Option<impl Into<Value>>, what: &str) -> Self {
        let state = if value.is_some() { State::Set } else { State::Hidden };
        Self::new(value.map(Into::into), state, Origin::Host(what.to_owned()))
    }

    /// Says that nobody was to look, as in the demo.
    pub(super) fn unasked(mut self) -> Self {
        self.state = State::Unset;
        self
    }

    /// Follows from other facts; hidden where they do not tell.
    pub(super) fn follows(value: Option<impl Into<Value>>, from: &'static [&'static str]) -> Self {
        let state = if value.is_some() { State::Set } else { State::Hidden };
        Self::new(value.map(Into::into), state, Origin::Derived(from))
    }

    /// Says at which config path it would be changed.
    pub(super) fn at(mut self, path: &[&str]) -> Self {
        self.key = Some(key::write(path));
        self
    }

    /// Says that it is written above its subject, at its key.
    pub(super) fn inherited(mut self) -> Self {
        if self.state == State::Set {
            self.inherited_from.clone_from(&self.key);
        }
        self
    }

    /// Takes over where another one would be changed.
    pub(super) fn at_place_of(mut self, other: &Self) -> Self {
        self.key.clone_from(&other.key);
        self
    }

    /// Returns the word it holds.
    pub(super) fn word(&self) -> Option<&str> {
        self.value.as_ref()?.as_str()
    }

    /// Returns the flag it holds.
    pub(super) fn flag(&self) -> Option<bool> {
        self.value.as_ref()?.as_bool()
    }

    /// Tells whether it cannot be seen from here.
    pub(super) fn is_hidden(&self) -> bool {
        self.state == State::Hidden
    }
}

/// The facts of one subject, as they are found.
#[derive(Debug)]
pub(super) struct Sheet {
    subject: Subject,
    facts: Vec<Fact>,
}

impl Sheet {
    pub(super) fn new(subject: Subject) -> Self {
        Self { subject, facts: Vec::new() }
    }

    pub(super) fn put(&mut self, path: &'static str, found: Found) {
        self.facts.push(Fact {
            path,
            subject: self.subject.clone(),
            value: found.value,
            state: found.state,
            origin: found.origin,
            key: found.key,
            inherited_from: found.inherited_from,
        });
    }

    /// Takes back every value: what stands at the subject is refused, so none can be told.
    pub(super) fn hide(&mut self, origin: &Origin) {
        for fact in &mut self.facts {
            fact.value = None;
            fact.state = State::Hidden;
            fact.origin = origin.clone();
            fact.inherited_from = None;
        }
    }

    pub(super) fn into_parts(mut self) -> (Subject, Vec<Fact>) {
        self.settle();
        (self.subject, self.facts)
    }

    /// Marks as OpenClaw's default what follows from nothing but defaults.
    fn settle(&mut self) {
        let written = |facts: &[Fact], path: &str| {
            let fact = facts.iter().find(|fact| fact.path == path);
            fact.is_none_or(|fact| matches!(fact.state, State::Set | State::Hidden))
        };
        loop {
            let next = self.facts.iter().position(|fact| match &fact.origin {
                Origin::Derived(from) => {
                    fact.state == State::Set
                        && !from.is_empty()
                        && !from.iter().any(|path| written(&self.facts, path))
                }
                Origin::File { .. } | Origin::Default | Origin::Env(_) | Origin::Host(_) => false,
            });
            let Some(fact) = next.and_then(|at| self.facts.get_mut(at)) else { return };
            fact.state = State::Default;
        }
    }
}
