//! Arguments: what to do, with what, and the exit status it ends in.

mod apply;
mod check;
mod collect;
mod connections;
mod emit;
mod facts;
mod import;
mod logs;
mod manual;
mod merged;
mod proof;
mod records;
mod rehearse;
mod residuals;
mod runbooks;
mod settings;
mod signing;
mod wizard;

use std::io;
use std::io::BufWriter;
use std::io::IsTerminal;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use clap::Parser;
use clap::Subcommand;
use clap::ValueEnum;

use crate::openclaw::command::Gateway;
use crate::openclaw::proof::Proof;
use crate::runbook::Runbook;
use crate::shell::places::Places;
use crate::shell::records::Believed;
use crate::shell::records::BelievedError;
use crate::shell::store;
use crate::verdict;

/// The way out.
///
/// One meaning for every command; where several hold, the more serious one wins: 2 over 1 over 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// All is well.
    Fine,
    /// Something could not be measured.
    Incomplete,
    /// Something is not met, not valid, or blocked.
    NotMet,
    /// Wrong usage, or input that cannot be read.
    Unreadable,
}

impl Status {
    /// Returns the exit status.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Fine => 0,
            Self::NotMet => 1,
            Self::Unreadable => 2,
            Self::Incomplete => 3,
        }
    }

    /// Says what it means.
    #[must_use]
    pub fn says(self) -> &'static str {
        match self {
            Self::Fine => "all is well",
            Self::NotMet => "something is not met, not valid or blocked",
            Self::Unreadable => "wrong usage, or input that cannot be read",
            Self::Incomplete => "something could not be measured",
        }
    }
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(status.code())
    }
}

/// Why the program stops, as it is printed: what, why, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What did not work.
    pub what: String,
    /// Why.
    pub cause: Option<String>,
    /// What to do.
    pub hint: Option<String>,
    /// The way out.
    pub status: Status,
}

impl Failure {
    /// Says that something given cannot be used.
    fn unreadable(what: impl Into<String>) -> Self {
        Self { what: what.into(), cause: None, hint: None, status: Status::Unreadable }
    }

    /// Says that something cannot be done as things stand.
    fn not_met(what: impl Into<String>) -> Self {
        Self { status: Status::NotMet, ..Self::unreadable(what) }
    }

    fn because(mut self, cause: impl std::fmt::Display) -> Self {
        self.cause = Some(cause.to_string());
        self
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::unreadable("the output cannot be written").because(error)
    }
}

/// Walks an operator through exposing an OpenClaw Gateway, and proves what can be proved.
#[derive(Debug, Parser)]
#[command(name = "portcullis", version, about, max_term_width = 100)]
struct Arguments {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Option<Command>,
}

/// What every command takes.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Options of every command")]
struct Common {
    /// The OpenClaw config file; without it, the one OpenClaw itself would use
    #[arg(long, global = true, value_name = "PATH", conflicts_with = "profile")]
    config: Option<PathBuf>,
    /// The OpenClaw profile
    #[arg(long, global = true, value_name = "NAME")]
    profile: Option<String>,
    /// The gateway is on this other host, and --config names a copy of its config; a second
    /// gateway of that host takes another name
    #[arg(long, global = true, value_name = "NAME", requires = "config")]
    host: Option<String>,
    /// The runbook, by its id or as a file
    #[arg(long, global = true, value_name = "ID|FILE")]
    runbook: Option<String>,
    /// Walk the sample gateway in the program; OpenClaw is not needed
    #[arg(long, global = true)]
    demo: bool,
    /// Draw with ASCII alone
    #[arg(long, global = true)]
    ascii: bool,
    /// Keep drafts and records here instead of in the user's data directory
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Give every automatic verdict, without a terminal
    Check(check::Check),
    /// List what to run where the gateway is, or run it there over ssh
    Collect(collect::Collect),
    /// Take what was collected on another host
    Import(Box<import::Import>),
    /// Try who gets in, and who does not
    Connections(connections::Connections),
    /// Print the minimum safe baseline as a patch
    Baseline(emit::Baseline),
    /// Try a patch on a throw-away copy, with the real OpenClaw, and say what it does to the audit
    Rehearse(rehearse::Rehearse),
    /// Print the rollback as a patch
    Rollback(emit::Rollback),
    /// Print what the live config means, secrets reduced to their class and source
    Facts(facts::Show),
    /// Look for the config's secrets in the gateway's logs
    Logs(logs::Logs),
    /// List, show, verify, export, countersign or withdraw the records of sealed changes
    #[command(subcommand)]
    Records(records::Action),
    /// List what is accepted, by whom, why, and until when; renew it
    #[command(subcommand)]
    Residuals(residuals::Action),
    /// List, show, or check runbooks, or print their schema
    #[command(subcommand)]
    Runbook(runbooks::Action),
    /// Print completions for a shell
    Completions(manual::Completions),
    /// Print the manual page
    Man(manual::Manual),
}

/// How an answer is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON document
    Json,
}

/// Does what the arguments say.
#[must_use]
pub fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version arrive as errors too; they go to stdout and are fine.
            let status = if error.use_stderr() { Status::Unreadable } else { Status::Fine };
            let printed = error.print();
            return if printed.is_ok() { status.into() } else { Status::Unreadable.into() };
        }
    };
    let common = arguments.common;
    let done = match arguments.command {
        None => wizard::run(&common),
        Some(Command::Check(check)) => check.run(&common),
        Some(Command::Collect(collect)) => collect.run(&common),
        Some(Command::Import(import)) => import.run(&common),
        Some(Command::Connections(connections)) => connections.run(&common),
        Some(Command::Baseline(baseline)) => baseline.run(&common),
        Some(Command::Rehearse(rehearse)) => rehearse.run(&common),
        Some(Command::Rollback(rollback)) => rollback.run(&common),
        Some(Command::Facts(facts)) => facts.run(&common),
        Some(Command::Logs(logs)) => logs.run(&common),
        Some(Command::Records(action)) => action.run(&common),
        Some(Command::Residuals(action)) => action.run(&common),
        Some(Command::Runbook(action)) => action.run(&common),
        Some(Command::Completions(completions)) => completions.run(),
        Some(Command::Man(manual)) => manual.run(),
    };
    match done {
        Ok(status) => status.into(),
        Err(failure) => {
            complain(&failure);
            failure.status.into()
        }
    }
}

fn complain(failure: &Failure) {
    let mut message = format!("error: {}\n", failure.what);
    for (word, text) in [("cause", &failure.cause), ("hint", &failure.hint)] {
        if let Some(text) = text {
            message.push_str(&format!("{word}: {text}\n"));
        }
    }
    let message = crate::text::Shown::text(&message);
    // Nobody is left to be told when stderr itself is gone.
    let _ = io::stderr().write_all(message.as_str().as_bytes());
}

/// Writes a JSON document over several lines, with a line break at its end.
fn pretty(document: &impl serde::Serialize) -> Result<String, Failure> {
    let mut text = serde_json::to_string_pretty(document)
        .map_err(|error| Failure::unreadable("the answer cannot be written").because(error))?;
    text.push('\n');
    Ok(text)
}

/// Prints to stdout. A reader that has seen enough, such as `head`, is no error.
fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    printed(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

/// Prints a JSON document to stdout as it is written: a large one is never held whole.
fn print_json(document: &impl serde::Serialize) -> Result<(), Failure> {
    let mut out = BufWriter::with_capacity(64 << 10, io::stdout().lock());
    let written = serde_json::to_writer_pretty(&mut out, document).map_err(io::Error::from);
    printed(written.and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush()))
}

fn printed(outcome: io::Result<()>) -> Result<(), Failure> {
    match outcome {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

/// Returns the way out that belongs to what one of our own commands measured.
fn status(proof: &Proof) -> Status {
    match (proof.is_good(), &proof.unmeasured) {
        (false, _) => Status::NotMet,
        (true, Some(_)) => Status::Incomplete,
        (true, None) => Status::Fine,
    }
}

/// Says what is going on, where somebody sits at a terminal and waits.
fn progress(text: &str) {
    if io::stderr().is_terminal() {
        warn(text);
    }
}

/// Says something beside the answer.
fn warn(text: &str) {
    let text = crate::text::Shown::text(&format!("{text}\n"));
    let _ = io::stderr().write_all(text.as_str().as_bytes());
}

impl Common {
    /// Refuses what only works beside the gateway.
    fn must_be_here(&self, what: &str) -> Result<(), Failure> {
        let Some(host) = &self.host else { return Ok(()) };
        Err(Failure::unreadable(format!("{what} only where the gateway is, and it is on `{host}`"))
            .hint("`portcullis collect` lists what to run there, `portcullis import` takes it"))
    }

    fn places(&self) -> Result<Places, Failure> {
        Places::find(self.data_dir.as_deref())
            .map_err(|error| Failure::unreadable("there is no place for drafts").because(error))
    }

    /// Reads who is believed.
    fn believed(&self) -> Result<Believed, Failure> {
        self.believed_by(None, None)
    }

    /// Reads who is believed, from other files where they are named.
    fn believed_by(
        &self,
        signers: Option<&Path>,
        revoked: Option<&Path>,
    ) -> Result<Believed, Failure> {
        Believed::read(&self.places()?.config, signers, revoked).map_err(|error| {
            let hint = match error {
                BelievedError::Policy { .. } => "nothing passes until the policy can be read",
                BelievedError::File(_) | BelievedError::Revoked { .. } => {
                    "--allowed-signers and --revoked-keys name other files"
                }
            };
            Failure::unreadable("nobody's signature can be judged").because(error).hint(hint)
        })
    }

    /// Finds the runbook: a file, one of the operator's own, or the one in the program.
    fn runbook(&self) -> Result<(Runbook, String), Failure> {
        self.runbook_as(str::to_owned)
    }

    /// Finds the runbook, as it reads for a gateway.
    fn runbook_for(&self, gateway: &Gateway) -> Result<(Runbook, String), Failure> {
        self.runbook_as(|text| Runbook::at_port(text, gateway.port))
    }

    fn runbook_as(&self, read: impl Fn(&str) -> String) -> Result<(Runbook, String), Failure> {
        let text = match &self.runbook {
            None => crate::runbook::GATEWAY_EXPOSURE.to_owned(),
            Some(name) => self.runbook_text(name)?,
        };
        let runbook = Runbook::parse(&read(&text)).map_err(|error| {
            let name = self.runbook.as_deref().unwrap_or("gateway-exposure");
            Failure::unreadable(format!("`{name}` is not a runbook"))
                .because(error)
                .hint("`portcullis runbook schema` prints what a runbook may hold")
        })?;
        if let Some(found) = verdict::lint(&runbook).into_iter().next() {
            return Err(Failure::unreadable(format!("`{}` cannot be used", runbook.id))
                .because(found)
                .hint("`portcullis runbook lint FILE` lists everything that leads nowhere"));
        }
        let digest = Runbook::digest(&text);
        Ok((runbook, digest))
    }

    fn runbook_text(&self, name: &str) -> Result<String, Failure> {
        let path = PathBuf::from(name);
        let folder = self.places()?.runbooks();
        let own = folder.join(format!("{name}.toml"));
        let named = |path: &PathBuf| {
            let runbook = store::read_text(path).ok().and_then(|text| Runbook::parse(&text).ok());
            runbook.is_some_and(|runbook| runbook.id == name)
        };
        let path = if path.is_file() || name.contains(['/', '.']) {
            path
        } else if let Some(own) = store::runbooks(&folder).into_iter().find(named) {
            own
        } else if own.is_file() {
            own
        } else if name == "gateway-exposure" {
            return Ok(crate::runbook::GATEWAY_EXPOSURE.to_owned());
        } else {
            return Err(Failure::unreadable(format!("there is no runbook `{name}`"))
                .hint("`portcullis runbook list` shows the ones there are"));
        };
        store::read_text(&path)
            .map_err(|error| Failure::unreadable("the runbook cannot be read").because(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_of_every_command_are_sound() {
        Arguments::command().debug_assert();
    }
}
