//! `portcullis rollback --apply`: through OpenClaw's own writer, after a backup, and read back.

use std::time::Duration;

use crate::app::NotApplied;
use crate::cli::Common;
use crate::cli::Failure;
use crate::cli::Status;
use crate::cli::print;
use crate::cli::wizard::Scene;
use crate::openclaw::tailor::Tailored;
use crate::shell::apply;
use crate::shell::apply::Manner;
use crate::shell::apply::Site;
use crate::shell::in_turn::InTurn;
use crate::text::Shown;

/// Applies the rollback to the live config and says what is now true.
///
/// # Errors
///
/// When it cannot be applied; the failure says what state things are in and how to undo.
pub(super) fn run(
    tailored: &Tailored,
    scene: &Scene,
    common: &Common,
    undo_in: Option<Duration>,
) -> Result<Status, Failure> {
    let Some(source) = &scene.source else {
        return Err(Failure::unreadable("the sample gateway has nothing to apply to"));
    };
    if scene.live.config().is_none() {
        return Err(super::facts::unreadable(&scene.live));
    }
    if tailored.is_empty() {
        say("The live config says all of it already; nothing was changed.");
        return Ok(Status::Fine);
    }
    let site = Site {
        source: source.clone(),
        live: scene.live.clone(),
        gateway: scene.gateway.clone(),
        places: common.places()?,
        target: scene.target.id.clone(),
    };
    let manner = Manner { closes_all: true, undo_in };
    let in_turn = InTurn::new(scene.live.mask());
    let applied = apply::apply(tailored, &site, manner, &in_turn, &mut |line| say(&line.text));
    in_turn.obey();
    let applied = applied.map_err(not_applied)?;
    say("next     portcullis check, then the follow-up steps of the rollback");
    Ok(match (applied.met, applied.measured) {
        (false, _) => Status::NotMet,
        (true, false) => Status::Incomplete,
        (true, true) => Status::Fine,
    })
}

fn not_applied(error: NotApplied) -> Failure {
    let failure = Failure::not_met(error.what);
    let failure = if error.why.is_empty() { failure } else { failure.because(error.why) };
    if error.hint.is_empty() { failure } else { failure.hint(error.hint) }
}

/// Says a line. A reader that went away does not stop what is being applied.
fn say(line: &str) {
    let _ = print(&format!("{}\n", Shown::line(line)));
}
