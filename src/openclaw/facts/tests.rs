//! Facts against what the real OpenClaw makes of the same configs.

use std::path::Path;

use serde_json::Value;
use serde_json::json;

use super::*;
use crate::openclaw::config::Assembled;
use crate::openclaw::config::FileRead;
use crate::openclaw::config::Files;
use crate::openclaw::config::assemble;
use crate::openclaw::fact::Origin;
use crate::openclaw::fact::State;

/// Reads a config as if it stood in a file.
fn config(text: &str) -> Config {
    let path = Path::new("/etc/oc/openclaw.json");
    let files: Files = [(path.to_owned(), FileRead::Bytes(text.as_bytes().to_vec()))].into();
    match assemble(path, &files) {
        Ok(Assembled::Complete(config)) => *config,
        other => panic!("{other:?}"),
    }
}

fn world() -> World {
    World {
        environment: [("SEEN".to_owned(), "fedcba9876543210fedcba9876543210".to_owned())].into(),
        host: "box".to_owned(),
        container: Some(false),
        ..World::default()
    }
}

fn resolve(text: &str) -> Facts {
    Facts::resolve(&config(text), &world())
}

fn account(name: &str) -> Subject {
    let (channel, account) = name.split_once('/').expect("channel and account");
    Subject::Account { channel: channel.to_owned(), account: account.to_owned() }
}

fn group(name: &str) -> Subject {
    let mut parts = name.splitn(3, '/');
    let mut part = || parts.next().expect("three parts").to_owned();
    Subject::Group { channel: part(), account: part(), group: part() }
}

fn subject(name: &str) -> Subject {
    match name {
        "gateway" => Subject::Gateway,
        name if name.matches('/').count() > 1 => group(name),
        name if name.contains('/') => account(name),
        name => Subject::Agent(name.to_owned()),
    }
}

#[track_caller]
fn fact<'f>(facts: &'f Facts, about: &str, path: &str) -> &'f Fact {
    let Some(fact) = facts.get(&subject(about), path) else {
        panic!("no {path} of {about} among {:?}", facts.subjects)
    };
    fact
}

/// Asserts the value of one fact; null stands for none.
#[track_caller]
fn says(text: &str, about: &str, path: &str, expected: &Value) {
    let facts = resolve(text);
    let fact = fact(&facts, about, path);
    assert_eq!(fact.value.clone().unwrap_or(Value::Null), *expected, "{path} of {about} in {text}");
}

#[track_caller]
fn gateway(text: &str, path: &str, expected: &Value) {
    says(text, "gateway", path, expected);
}

#[track_caller]
fn hidden(text: &str, about: &str, path: &str) {
    let facts = resolve(text);
    let fact = fact(&facts, about, path);
    assert_eq!((fact.state, &fact.value), (State::Hidden, &None), "{path} of {about} in {text}");
}

mod about_agents;
mod about_channels;
mod about_gateway;
mod about_odd;
mod about_shape;
