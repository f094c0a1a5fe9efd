//! The runbook's own config shapes: the minimum safe baseline and the rollback.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::runbook::Applies;
use crate::runbook::Item;

/// A config shape, one key at a time, each with what it does.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// What the shape is for; the comment at its top.
    pub says: String,
    /// Where the shape comes from.
    pub source: String,
    /// The keys, in the order they are printed.
    #[serde(rename = "key")]
    pub keys: Vec<TemplateKey>,
}

/// One key of a config shape.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TemplateKey {
    /// The config path, dots between the parts.
    pub path: String,
    /// The value.
    #[schemars(with = "serde_json::Value")]
    pub value: toml::Value,
    /// What the key does, for the comment beside it.
    pub says: String,
    /// Written only where the live config has no value of its own.
    #[serde(default)]
    pub only_if_unset: bool,
}

/// The way back and what must follow it.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rollback {
    /// The config shape.
    pub template: Template,
    /// What no config shape can close, in the order in which it is done.
    #[serde(default, rename = "outside")]
    pub outside: Vec<Outside>,
    /// What is done after it has been written.
    #[serde(rename = "follow_up")]
    pub follow_ups: Vec<Item>,
}

/// What stays open whatever the config says, and how it is closed by hand.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Outside {
    /// Unique in the document.
    pub id: String,
    /// What to do, and why the config cannot.
    pub says: String,
    /// The commands; `{port}` is the gateway's port, `{openclaw}` the program with its profile.
    #[serde(default)]
    pub commands: Vec<String>,
    /// When it matters; always, where absent.
    pub applies: Option<Applies>,
    /// Where it comes from.
    pub source: String,
}
