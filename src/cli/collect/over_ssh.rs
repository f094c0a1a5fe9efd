//! Running what is to be collected over ssh, one command after the other.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use crate::cli::Failure;
use crate::cli::Status;
use crate::cli::print;
use crate::cli::progress;
use crate::openclaw::command::End;
use crate::openclaw::command::Ended;
use crate::openclaw::errand::Errand;
use crate::openclaw::errand::Kind;
use crate::openclaw::errand::ssh::Destination;
use crate::openclaw::errand::ssh::KEPT;
use crate::shell;
use crate::shell::brought;
use crate::shell::in_turn::InTurn;
use crate::text::Mask;
use crate::text::Shown;

/// The exit status with which ssh says that it could not connect.
const NO_CONNECTION: i32 = 255;

/// The exit status with which a shell says that there is no such program.
const NOT_FOUND: i32 = 127;

/// Returns what ssh needs of our environment.
pub(super) fn environment() -> BTreeMap<String, String> {
    KEPT.into_iter().filter_map(|name| Some((name.to_owned(), shell::variable(name)?))).collect()
}

/// Runs every errand over ssh and keeps what it prints, masked, in a new private folder.
///
/// # Errors
///
/// When the host cannot be reached, or an answer cannot be kept.
pub(super) fn run(
    to: &Destination,
    errands: &[Errand],
    mask: &Mask,
    folder: Option<PathBuf>,
) -> Result<Status, Failure> {
    let name = format!("portcullis-{}-{}", to.name(), shell::now().format("%Y%m%dT%H%M%S"));
    let folder = folder.unwrap_or_else(|| PathBuf::from(name));
    brought::folder(&folder).map_err(|error| cannot_keep(&folder, &error))?;
    let in_turn = InTurn::new(mask);
    let mut status = Status::Fine;
    let mut said = String::new();
    for errand in errands {
        let command = to.command(errand, environment());
        progress(&format!("running  {}", command.short()));
        let ended = in_turn.run(&command);
        if let (End::Exit(NO_CONNECTION), Kind::Time) = (&ended.end, errand.kind) {
            let why = ended.stderr.lines().last().unwrap_or("ssh gave no reason").to_owned();
            return Err(Failure::not_met(format!("`{}` cannot be reached over ssh", to.host))
                .because(why)
                .hint(
                    "nothing is asked here: the host must be known to ssh and a key must open it",
                ));
        }
        let (word, text) = answer(errand, &ended);
        let required = !matches!(errand.kind, Kind::Witness(_));
        if text.is_none() || (required && ended.end == End::Exit(NOT_FOUND)) {
            status = Status::Incomplete;
        }
        if let Some(text) = text {
            let path = folder.join(errand.file);
            brought::add(&path, &text).map_err(|error| cannot_keep(&path, &error))?;
        }
        if !errand.again {
            said.push_str(&format!("{:<16} {word}\n", errand.name()));
        }
    }
    in_turn.obey();
    let (host, folder) = (to.name(), folder.display());
    said.push_str(&format!(
        "Kept in {folder}; take them with: portcullis import --host {host} --config COPY --from {folder}\n"
    ));
    print(Shown::text(&said).as_str())?;
    Ok(status)
}

/// Says how a command ended, and what of it is kept: nothing of one that did not end by itself.
fn answer(errand: &Errand, ended: &Ended) -> (String, Option<String>) {
    let status = match &ended.end {
        End::Exit(status) => *status,
        End::Signal(signal) => return (format!("ended by signal {signal}"), None),
        End::Deadline => return ("stopped at its deadline".to_owned(), None),
        End::Cancelled => return ("stopped".to_owned(), None),
        End::NotStarted(why) => return (why.clone(), None),
    };
    if ended.truncated {
        return ("it printed more than is kept".to_owned(), None);
    }
    if status == NO_CONNECTION {
        let why = ended.stderr.lines().last().unwrap_or_default();
        return (format!("the connection was lost: {why}"), None);
    }
    let word = match status {
        NOT_FOUND => "not on that host, or not on the PATH there".to_owned(),
        status => format!("{}, exit status {status}", errand.file),
    };
    let text = match errand.kind {
        Kind::Time | Kind::Sums => ended.stdout.clone(),
        Kind::OpenClaw(_) | Kind::Witness(_) => {
            let lines = [ended.stdout.trim_end(), ended.stderr.trim_end()];
            let lines = lines.into_iter().filter(|text| !text.is_empty());
            let end = format!("[exit status {status}]\n");
            lines.chain([end.as_str()]).collect::<Vec<_>>().join("\n")
        }
    };
    (word, Some(text))
}

fn cannot_keep(path: &Path, error: &io::Error) -> Failure {
    Failure::unreadable(format!("`{}` cannot be written", path.display()))
        .because(error)
        .hint("-o names another folder; it must not exist yet")
}
