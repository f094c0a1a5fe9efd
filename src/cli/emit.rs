//! `portcullis baseline` and `portcullis rollback`: config shapes for OpenClaw's own writer.

use std::path::Path;
use std::path::PathBuf;

use clap::Args;
use serde_json::Value;

use crate::app::Live;
use crate::cli::Common;
use crate::cli::Failure;
use crate::cli::Status;
use crate::cli::merged;
use crate::cli::print;
use crate::cli::warn;
use crate::cli::wizard;
use crate::openclaw::config::Config;
use crate::openclaw::patch;
use crate::openclaw::patch::TOKEN_VARIABLE;
use crate::runbook::Template;
use crate::shell;
use crate::shell::store;

/// Prints the minimum safe baseline.
#[derive(Debug, Args)]
pub(super) struct Baseline {
    /// Write your own config file with it merged in, comments and all; it holds your secrets
    #[arg(long, requires = "output", conflicts_with = "diff")]
    merged: bool,
    /// Show what it changes in the live config, secrets left out
    #[arg(long, conflicts_with = "output")]
    diff: bool,
    /// Make a new 256-bit token and put it into this new file, readable only by you
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Write to this new file
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Prints the rollback.
#[derive(Debug, Args)]
pub(super) struct Rollback {
    /// The runbook's own text; the only one this version has
    #[arg(long)]
    template: bool,
    /// Write your own config file with it merged in, comments and all; it holds your secrets
    #[arg(long, requires = "output", conflicts_with = "diff")]
    merged: bool,
    /// Show what it changes in the live config, secrets left out
    #[arg(long, conflicts_with = "output")]
    diff: bool,
    /// Write to this new file
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Baseline {
    pub(super) fn run(self, common: &Common) -> Result<Status, Failure> {
        let (runbook, _) = common.runbook()?;
        let scene = wizard::scene(common)?;
        if let Some(path) = &self.token_file {
            write_token(path)?;
        }
        match &self.output {
            Some(output) if self.merged => {
                let patch = patch::value(&runbook.baseline, scene.live.config());
                merged::write(&scene, &patch, output)?;
            }
            output => emit(&runbook.baseline, &scene.live, self.diff, output.as_deref())?,
        }
        let there = shell::variable(TOKEN_VARIABLE).is_some_and(|token| !token.is_empty());
        if !there && !common.demo {
            warn(&format!(
                "warning: {TOKEN_VARIABLE} is not set here, and the baseline refers to it\n\
                 cause: OpenClaw writes such a reference all the same, and the gateway then starts with a random token\n\
                 hint: set it for the gateway's own service; --token-file FILE makes a new one"
            ));
        }
        Ok(Status::Fine)
    }
}

impl Rollback {
    pub(super) fn run(self, common: &Common) -> Result<Status, Failure> {
        let (runbook, _) = common.runbook()?;
        let scene = wizard::scene(common)?;
        let template = &runbook.rollback.template;
        match &self.output {
            Some(output) if self.merged => {
                let patch = patch::value(template, scene.live.config());
                merged::write(&scene, &patch, output)?;
            }
            output => emit(template, &scene.live, self.diff, output.as_deref())?,
        }
        for warning in scene.live.config().map(|live| misfits(template, live)).unwrap_or_default() {
            warn(&warning);
        }
        let open = scene.live.config().map(|live| patch::leaves_open(template, live));
        for what in open.unwrap_or_default() {
            warn(&format!("warning: it leaves open: {what}"));
        }
        if !self.template {
            warn(
                "note: this is the runbook's own text, not fitted to the live config; read the diff, and rehearse it on a copy",
            );
        }
        Ok(Status::Fine)
    }
}

fn emit(
    template: &Template,
    live: &Live,
    diff: bool,
    output: Option<&Path>,
) -> Result<(), Failure> {
    let config = live.config();
    if let Live::Unreadable { why, .. } = live {
        if diff {
            return Err(super::facts::unreadable(live));
        }
        warn(&format!(
            "warning: the live config could not be read, so nothing is fitted to it\ncause: {why}"
        ));
    }
    if diff {
        return print(&patch::diff(config, &patch::value(template, config)));
    }
    let text = patch::render(template, config, patch::COLUMNS);
    let Some(path) = output else { return print(&text) };
    store::write_new(path, &text).map_err(|error| {
        Failure::unreadable("the file was not written")
            .because(error)
            .hint("name a file that does not exist yet; nothing is overwritten")
    })?;
    warn(&format!("written to {}", path.display()));
    Ok(())
}

/// Says where the runbook's text does not fit the live config.
fn misfits(template: &Template, live: &Config) -> Vec<String> {
    let mut found = Vec::new();
    if live.get(&["tools", "exec", "mode"]).is_some() {
        found.push(
            "warning: the live config has tools.exec.mode, and OpenClaw refuses a patch that sets security or ask beside it\n\
             hint: before you apply it, replace the exec block by  exec: { mode: \"deny\" }"
                .to_owned(),
        );
    }
    let channels = live.get(&["channels"]).and_then(Value::as_object);
    let named = template.keys.iter().filter_map(|key| key.path.strip_prefix("channels."));
    let absent: Vec<&str> = named
        .filter_map(|path| path.split('.').next())
        .filter(|channel| !channels.is_some_and(|channels| channels.contains_key(*channel)))
        .collect();
    if !absent.is_empty() {
        found.push(format!(
            "warning: it names channels that are not configured here: {}\n\
             hint: leave them out; an added channel makes OpenClaw look for its plugin",
            absent.join(", ")
        ));
    }
    found
}

/// Makes a token and puts it where only the operator can read it.
fn write_token(path: &Path) -> Result<(), Failure> {
    let mut bytes = [0u8; 32];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::unreadable("the system gives no random bytes").because(error))?;
    let mut line = format!("{TOKEN_VARIABLE}=");
    for byte in bytes {
        line.push_str(&format!("{byte:02x}"));
    }
    line.push('\n');
    store::write_new(path, &line).map_err(|error| {
        Failure::unreadable("the token was not written")
            .because(error)
            .hint("name a file that does not exist yet; nothing is overwritten")
    })
}
