//! `portcullis logs`: whether a secret of the config stands in the gateway's logs.

use std::path::Path;

use clap::Args;

use crate::cli::Common;
use crate::cli::Failure;
use crate::cli::Format;
use crate::cli::Status;
use crate::cli::print;
use crate::cli::wizard;
use crate::openclaw::finding::Severity;
use crate::openclaw::logs::Search;
use crate::openclaw::logs::Sought;
use crate::openclaw::proof::Found;
use crate::openclaw::proof::Proof;
use crate::shell;
use crate::shell::logs::Answer;
use crate::text::count;

/// Looks for the secrets of the live config in the gateway's logs, by value and in memory.
#[derive(Debug, Args)]
pub(super) struct Logs {
    /// How it is printed
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

impl Logs {
    pub(super) fn run(self, common: &Common) -> Result<Status, Failure> {
        common.must_be_here("logs are searched")?;
        let scene = wizard::scene(common)?;
        let (Some(config), Some(source)) = (scene.live.config(), &scene.source) else {
            return Err(match scene.source {
                None => Failure::unreadable("the sample gateway has no logs"),
                Some(_) => super::facts::unreadable(&scene.live),
            });
        };
        let sought = source.secrets(config);
        let search = Search::new(&sought).map_err(|error| {
            Failure::unreadable("the secrets cannot be looked for").because(error)
        })?;
        let file = config.get(&["logging", "file"]).and_then(serde_json::Value::as_str);
        let file = file.map(|file| source.from_home(file));
        let (files, places) = shell::logs::find(file.as_deref(), &source.state_dir);
        let places: Vec<String> = places.iter().map(|place| place.display().to_string()).collect();
        let mut answer = shell::logs::search(&files, &search);
        let unit = source.unit();
        if let Some(unit) = &unit {
            shell::logs::journal(unit, &search, &mut answer);
        }
        let proof = proof(&sought, &answer, file.as_deref(), &places, unit.is_some());
        print(&match self.format {
            Format::Json => super::pretty(&proof)?,
            Format::Text => super::proof::text(&proof),
        })?;
        Ok(super::status(&proof))
    }
}

/// Weighs what was found, what was not, and what could not be looked at.
fn proof(
    sought: &Sought,
    answer: &Answer,
    own: Option<&Path>,
    places: &[String],
    is_service: bool,
) -> Proof {
    let mut proof = Proof::of("logs");
    for searched in &answer.searched {
        for hit in &searched.hits {
            let place = &searched.place;
            let times =
                if hit.times == 1 { String::new() } else { format!(", {} times", hit.times) };
            let read = if searched.open { ". Others than its owner may read the file" } else { "" };
            proof.findings.push(Found {
                check_id: "portcullis.logs.secret".to_owned(),
                severity: if searched.open { Severity::Critical } else { Severity::Warn },
                title: format!("{} stands in a log in full", hit.name),
                detail: format!("{place} line {}{times}: {}{read}.", hit.line, hit.name),
                remediation: Some(
                    "Rotate the secret first: whoever read the log has it. Then remove the log, and \
                     add a pattern for the secret to logging.redactPatterns."
                        .to_owned(),
                ),
            });
        }
    }
    let names: Vec<&str> = sought.names().collect();
    let bytes: u64 = answer.searched.iter().map(|searched| searched.bytes).sum();
    proof.notes.push(format!(
        "Searched {}, {bytes} bytes, for {}: {}.",
        count(answer.searched.len(), "log"),
        count(names.len(), "secret"),
        if names.is_empty() { "none".to_owned() } else { names.join(", ") },
    ));
    for searched in &answer.searched {
        proof.notes.push(format!("Log: {}", searched.place));
    }
    let journal = if is_service { "the journal of other units" } else { "the journal" };
    proof.notes.push(format!(
        "It does not prove anything about {journal}, about logs shipped elsewhere, or about a \
         secret written in a form other than plain, JSON or a URL."
    ));
    let mut why = Vec::new();
    if names.is_empty() {
        why.push("the config holds no secret that could be looked for".to_owned());
    }
    if answer.searched.is_empty() {
        why.push(format!("there is no log in {}", places.join(", ")));
    }
    // Other gateways of this user log beside it; theirs say nothing about this one.
    let searched =
        |file: &Path| answer.searched.iter().any(|searched| Path::new(&searched.place) == file);
    if let Some(own) = own.filter(|own| !searched(own)) {
        why.push(format!("the log that the config names, {}, is not there", own.display()));
    }
    if !sought.hidden.is_empty() {
        why.push(format!("not visible here, so not looked for: {}", sought.hidden.join(", ")));
    }
    if !sought.short.is_empty() {
        why.push(format!("too short to be looked for: {}", sought.short.join(", ")));
    }
    why.extend(answer.missed.iter().cloned());
    if !proof.findings.is_empty() {
        proof.observe("logs.clean", false);
    } else if why.is_empty() {
        proof.observe("logs.clean", true);
    }
    if !why.is_empty() {
        proof.unmeasured = Some(format!("Not everything could be searched: {}.", why.join("; ")));
    }
    proof
}
