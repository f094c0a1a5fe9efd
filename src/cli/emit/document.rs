//! A patch as a JSON document.

use serde::Serialize;
use serde_json::Value;

use crate::openclaw::config::Config;
use crate::openclaw::facts::key;
use crate::openclaw::patch;
use crate::openclaw::tailor::Elsewhere;
use crate::openclaw::tailor::Line;
use crate::openclaw::tailor::Tailored;

/// A patch fitted to a live config.
#[derive(Debug, Serialize)]
pub(super) struct Document<'a> {
    /// Always `portcullis/patch`.
    schema: &'static str,
    /// The version of the shape.
    version: u32,
    /// `baseline` or `rollback`.
    kind: &'static str,
    /// SHA-256 of the config it is fitted to, in hex.
    config_digest: &'a str,
    /// Its parts in the order in which they are applied.
    parts: Vec<Part>,
    /// What the config says in words that today's OpenClaw refuses.
    after_migration: &'a [String],
    /// What an operator must know before applying it.
    notes: &'a [String],
    /// What it narrows.
    narrows: Vec<String>,
    /// What it widens.
    widens: Vec<String>,
    /// What stays open once it is applied.
    leaves_open: Vec<String>,
    /// What no config closes, and how it is closed by hand.
    steps: &'a [Elsewhere],
}

#[derive(Debug, Serialize)]
struct Part {
    /// The file that owns the keys.
    file: String,
    /// Where what the file holds stands in the merged config.
    at: String,
    /// Whether OpenClaw's writer puts them there; else they are put there by hand.
    by_writer: bool,
    /// The changes.
    changes: Vec<Line>,
    /// The merge patch.
    patch: Value,
}

/// Puts the document together.
pub(super) fn of<'a>(
    kind: &'static str,
    tailored: &'a Tailored,
    config: &'a Config,
    steps: &'a [Elsewhere],
) -> Document<'a> {
    let breadth = patch::breadth(tailored.before(), &tailored.applied(), config);
    let parts = tailored.parts.iter().map(|part| Part {
        file: part.file.display().to_string(),
        at: key::write(&part.at.iter().map(String::as_str).collect::<Vec<_>>()),
        by_writer: part.by_writer,
        changes: part.lines(),
        patch: part.value(),
    });
    Document {
        schema: "portcullis/patch",
        version: 1,
        kind,
        config_digest: &config.digest,
        parts: parts.collect(),
        after_migration: &tailored.after_migration,
        notes: &tailored.notes,
        narrows: breadth.narrows,
        widens: breadth.widens,
        leaves_open: tailored.leaves_open(config),
        steps,
    }
}
