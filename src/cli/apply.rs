//! `portcullis rollback --apply`: through OpenClaw's own writer, after a backup, and read back.

use std::time::Duration;

use crate::cli::Common;
use crate::cli::Failure;
use crate::cli::Status;
use crate::cli::in_turn::InTurn;
use crate::cli::print;
use crate::cli::wizard::Scene;
use crate::openclaw::command;
use crate::openclaw::command::Command;
use crate::openclaw::command::Ended;
use crate::openclaw::config::Config;
use crate::openclaw::patch;
use crate::openclaw::rehearsal;
use crate::openclaw::rehearsal::Answer;
use crate::openclaw::tailor::Part;
use crate::openclaw::tailor::Tailored;
use crate::shell;
use crate::shell::backup::Backup;
use crate::shell::copy;
use crate::shell::copy::Fingerprint;
use crate::shell::listen;
use crate::shell::live::Source;
use crate::text::Shown;
use crate::text::count;

/// How long OpenClaw may take to write the config.
const DEADLINE: Duration = Duration::from_mins(2);

/// How long the gateway may take to listen where it should, while nothing keeps it.
const SETTLES: Duration = Duration::from_secs(30);

/// Variables that keep OpenClaw from writing its config.
const READ_ONLY: [&str; 2] = ["OPENCLAW_CONFIG_READONLY", "OPENCLAW_NIX_MODE"];

/// Applies a fitted patch to the live config and says what is now true.
///
/// # Errors
///
/// When it cannot be applied; the failure says what state things are in and how to undo.
pub(super) fn run(tailored: &Tailored, scene: &Scene, common: &Common) -> Result<Status, Failure> {
    let (Some(config), Some(source)) = (scene.live.config(), &scene.source) else {
        return Err(match scene.source {
            None => Failure::unreadable("the sample gateway has nothing to apply to"),
            Some(_) => super::facts::unreadable(&scene.live),
        });
    };
    if tailored.is_empty() {
        say("The live config says all of it already; nothing was changed.")?;
        return Ok(Status::Fine);
    }
    let before = copy::fingerprint(config, &source.state_dir);
    let ran = listen::listening(scene.gateway.port).map(|listeners| !listeners.is_empty());
    let work = Work { scene, source, config, before, ran };
    let in_turn = InTurn::new(scene.live.mask());
    work.may_be_written(tailored, &in_turn)?;
    let name = format!("{}-rollback", shell::now().format("%Y%m%dT%H%M%S%.3f"));
    let backup =
        Backup::take(&common.places()?, &scene.target.id, &name, config, &source.state_dir)
            .map_err(|error| {
                Failure::not_met("there is no backup, so nothing was changed").because(error)
            })?;
    say(&format!("backup   {}", backup.folder.display()))?;
    say(&format!("to undo  {}", backup.undo()))?;
    let applied = work.apply(tailored, &backup, &in_turn);
    in_turn.obey();
    let applied = applied?;
    work.tell(tailored, &applied)
}

/// What is changed, and how it was before.
struct Work<'a> {
    scene: &'a Scene,
    source: &'a Source,
    config: &'a Config,
    before: Fingerprint,
    /// Whether a gateway listened before.
    ran: Option<bool>,
}

impl Work<'_> {
    /// Says before trying what would keep OpenClaw from writing.
    fn may_be_written(&self, tailored: &Tailored, in_turn: &InTurn) -> Result<(), Failure> {
        let merged = "`portcullis rollback --merged -o FILE` gives the file that takes its place, \
                      and the command that puts it there";
        let refused = |what: &str| Err(Failure::not_met(what).hint(merged));
        if let Some(name) = READ_ONLY
            .iter()
            .find(|name| self.source.environment().get(**name).is_some_and(|value| value != "0"))
        {
            return refused(&format!("{name} is set, so OpenClaw does not write this config"));
        }
        if self.config.path.is_symlink() {
            return refused(
                "the config is a symbolic link, which OpenClaw's writer would replace by a file",
            );
        }
        let ended = in_turn.run(&self.command(&["config", "validate", "--json"]));
        match rehearsal::validated(&ended) {
            Answer::Good => {}
            Answer::Refused(why) => {
                let failure = Failure::not_met(
                    "the installed OpenClaw rejects this config and writes nothing to it",
                );
                let migrate = if tailored.after_migration.is_empty() {
                    merged.to_owned()
                } else {
                    format!("{merged}; `openclaw doctor --fix` rewrites the older keys first")
                };
                return Err(failure.because(why).hint(migrate));
            }
            Answer::Unmeasured(why) => {
                return Err(Failure::not_met("OpenClaw cannot be asked to write the config")
                    .because(why)
                    .hint(merged));
            }
        }
        Ok(())
    }

    /// Applies the parts that OpenClaw's writer takes, one after the other.
    fn apply<'t>(
        &self,
        tailored: &'t Tailored,
        backup: &Backup,
        in_turn: &InTurn,
    ) -> Result<Vec<&'t Part>, Failure> {
        let mut applied: Vec<&Part> = Vec::new();
        let mut expected = self.before.clone();
        for (at, part) in tailored.parts.iter().enumerate().filter(|(_, part)| part.by_writer) {
            let stop = |what: &str, why: String| {
                let done = match applied.len() {
                    0 => "nothing was changed".to_owned(),
                    done => format!("{} of {} written", count(done, "part"), tailored.parts.len()),
                };
                Failure::not_met(format!("{what}; {done}"))
                    .because(why)
                    .hint(format!("to undo: {}", backup.undo()))
            };
            let text = tailored.text(part, patch::COLUMNS);
            let file = backup.add(&format!("patch-{}.json5", at + 1), &text);
            let file = file.map_err(|e| stop("the patch was not written", e.to_string()))?;
            let file = file.display().to_string();
            let dry = ["config", "patch", "--file", &file, "--dry-run", "--json"];
            let dry = in_turn.run(&self.command(&dry));
            answered(rehearsal::tried(&dry))
                .map_err(|why| stop("OpenClaw refuses the patch", why))?;
            let now = copy::fingerprint(self.config, &self.source.state_dir);
            let moved = copy::difference(&expected, &now);
            if !moved.is_empty() {
                let why = format!("changed by someone else meanwhile: {}", moved.join(", "));
                return Err(stop("the config moved", why));
            }
            say(&format!("writing  {} through OpenClaw's own writer", part.file.display()))?;
            // A patch that is on its way is never stopped.
            let written = in_turn.run_whole(&self.command(&["config", "patch", "--file", &file]));
            answered(rehearsal::applied(&written))
                .map_err(|why| stop("OpenClaw did not write the patch", why))?;
            if let Some(hint) = reload(&written) {
                say(&format!("openclaw {hint}"))?;
            }
            applied.push(part);
            expected = copy::fingerprint(self.config, &self.source.state_dir);
        }
        Ok(applied)
    }

    /// Reads everything back and says what is now true.
    fn tell(&self, tailored: &Tailored, applied: &[&Part]) -> Result<Status, Failure> {
        let live = self.source.read();
        let Some(config) = live.config() else {
            return Err(super::facts::unreadable(&live));
        };
        let mut status = Status::Fine;
        let missing = applied.iter().filter(|part| {
            let mut patched = config.value.clone();
            patch::merge(&mut patched, &part.value());
            patched != config.value
        });
        for part in missing {
            status = Status::NotMet;
            say(&format!("NOT MET  {} does not say what was written", part.file.display()))?;
        }
        for part in tailored.parts.iter().filter(|part| !part.by_writer) {
            status = Status::NotMet;
            say(&format!(
                "to do    {} by hand: OpenClaw's writer does not take its part",
                part.file.display()
            ))?;
        }
        for open in patch::open_in(&config.value, config) {
            status = Status::NotMet;
            say(&format!("OPEN     {open}"))?;
        }
        say(&format!(
            "now      {} in the config, read back",
            count(tailored.changes().count(), "change")
        ))?;
        status = status.max(self.listens()?);
        say("next     portcullis check, then the follow-up steps of the rollback")?;
        Ok(status)
    }

    /// Watches where the gateway listens; a new bind takes effect when it restarts by itself.
    fn listens(&self) -> Result<Status, Failure> {
        let port = self.scene.gateway.port;
        if self.ran == Some(false) {
            say(&format!("listener none on port {port}: no gateway ran here before"))?;
            return Ok(Status::Fine);
        }
        let Some(listeners) = listen::settled(port, SETTLES) else {
            say("listener unmeasured: this system does not tell")?;
            return Ok(Status::Incomplete);
        };
        let addresses = listen::addresses(&listeners).join(", ");
        if listeners.is_empty() {
            say(&format!(
                "LISTENER none on port {port}: the gateway is not back. Its log says why"
            ))?;
            return Ok(Status::NotMet);
        }
        if listeners.iter().all(|listener| listener.address.is_loopback()) {
            say(&format!("listener {addresses} on port {port}: this host only"))?;
            return Ok(Status::Fine);
        }
        say(&format!(
            "LISTENER {addresses} on port {port}: still open. A gateway that restarts within its own \
             process keeps the bind it was started with: `openclaw gateway stop`, then \
             `openclaw gateway start`"
        ))?;
        Ok(Status::NotMet)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        command::openclaw("apply", arguments, DEADLINE, &self.scene.gateway)
    }
}

fn answered(answer: Answer) -> Result<(), String> {
    match answer {
        Answer::Good => Ok(()),
        Answer::Refused(why) | Answer::Unmeasured(why) => Err(why),
    }
}

/// Returns what OpenClaw says of when a change takes effect.
fn reload(ended: &Ended) -> Option<&str> {
    let mut lines = ended.stdout.lines().map(str::trim);
    lines.find(|line| line.contains("restart") || line.contains("Restart"))
}

fn say(line: &str) -> Result<(), Failure> {
    print(&format!("{}\n", Shown::line(line)))
}
