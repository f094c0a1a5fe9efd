//! A patch on its way into the live config: backup, dry run, OpenClaw's own writer, read back.
//!
//! Portcullis never writes the config. It hands the patch to OpenClaw, makes sure before that there
//! is a way back, and says afterwards what is true, not what was asked for.

use std::time::Duration;

use serde_json::Value;

use crate::app::Aftermath;
use crate::app::Live;
use crate::app::NotApplied;
use crate::app::Told;
use crate::openclaw::command;
use crate::openclaw::command::Command;
use crate::openclaw::command::Ended;
use crate::openclaw::command::Gateway;
use crate::openclaw::config::Config;
use crate::openclaw::fact::Subject;
use crate::openclaw::finding::Outcome;
use crate::openclaw::finding::Severity;
use crate::openclaw::patch;
use crate::openclaw::rehearsal;
use crate::openclaw::rehearsal::Answer;
use crate::openclaw::tailor::Tailored;
use crate::shell;
use crate::shell::backup::Backup;
use crate::shell::backup::Guard;
use crate::shell::copy;
use crate::shell::copy::Fingerprint;
use crate::shell::in_turn::InTurn;
use crate::shell::listen;
use crate::shell::listen::Listener;
use crate::shell::live::Source;
use crate::shell::places::Places;
use crate::text::count;

/// How long OpenClaw may take to write the config.
const DEADLINE: Duration = Duration::from_mins(2);

/// How long the gateway may take to listen where it should, once nothing keeps it.
const SETTLES: Duration = Duration::from_secs(30);

/// How long OpenClaw lets running work go on before it restarts, and a little more.
const DRAINS: Duration = Duration::from_secs(330);

/// Variables that keep OpenClaw from writing its config.
const READ_ONLY: [&str; 2] = ["OPENCLAW_CONFIG_READONLY", "OPENCLAW_NIX_MODE"];

/// How any other change gets into such a config.
const PATCH: &str = "write its patch to a file with `w`, and what it says into the config by hand";

/// What closes a config that OpenClaw does not write.
const MERGED: &str = "`portcullis rollback --merged -o FILE` gives the file that takes its place, and \
                      the command that puts it there";

/// What is needed to apply a patch.
#[derive(Clone, Debug)]
pub struct Site {
    /// Where the config is read from.
    pub source: Source,
    /// The config as it was read last.
    pub live: Live,
    /// What commands are run against.
    pub gateway: Gateway,
    /// Our folders.
    pub places: Places,
    /// The name under which the target's backups stand.
    pub target: String,
}

/// How a patch is applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Manner {
    /// Whether it is to leave nothing open.
    pub closes_all: bool,
    /// After how long the backup is put back, unless somebody says that the change is kept.
    pub undo_in: Option<Duration>,
}

fn refused(what: impl Into<String>, why: impl Into<String>, hint: impl Into<String>) -> NotApplied {
    NotApplied { what: what.into(), why: why.into(), hint: hint.into(), written: None }
}

/// Applies a patch and tells, line by line, what is done and what is true after it.
///
/// # Errors
///
/// When it cannot be applied, or only in part; the error says what state things are in and how to
/// undo.
pub fn apply(
    tailored: &Tailored,
    site: &Site,
    manner: Manner,
    in_turn: &InTurn,
    tell: &mut dyn FnMut(Told),
) -> Result<Aftermath, NotApplied> {
    let Some(config) = site.live.config() else {
        let why = match &site.live {
            Live::Unreadable { why, .. } => why.clone(),
            Live::Read { .. } => String::new(),
        };
        return Err(refused("the config cannot be read; nothing was changed", why, ""));
    };
    let mut work = Work {
        site,
        manner,
        config,
        before: copy::fingerprint(config, &site.source.state_dir),
        listened: listen::listening(site.gateway.port),
        in_turn,
        tell,
    };
    if site.source.read().digest() != site.live.digest() {
        let what = "the config was changed since this was worked out; nothing was changed";
        return Err(refused(what, "", "look at it anew, then apply"));
    }
    work.may_be_written(tailored)?;
    let name = format!("{}-before", shell::now().format("%Y%m%dT%H%M%S%.3f"));
    let backup = Backup::take(&site.places, &site.target, &name, config, &site.source.state_dir);
    let backup = backup.map_err(|error| {
        let what = "there is no backup, so nothing was changed";
        refused(what, error.to_string(), "make room for it, or name a --data-dir")
    })?;
    work.say(&format!("backup   {}", backup.folder.display()));
    let guard = work.guard(&backup)?;
    let aftermath = |met, measured| Aftermath {
        backup: backup.folder.display().to_string(),
        undo: backup.undo(),
        keep: guard.as_ref().map(|guard| guard.kept.display().to_string()),
        undone_at: guard.as_ref().map(|guard| guard.at),
        met,
        measured,
    };
    let begun = Some(Box::new(aftermath(false, false)));
    (work.tell)(Told { text: format!("to undo  {}", backup.undo()), wrong: false, begun });
    let mut written = 0;
    let outcome = work.write(tailored, &backup, &mut written);
    // What would undo the change by itself waits for this only as long as we live.
    let _ = backup.finished(written > 0);
    match outcome.and_then(|()| work.look(tailored)) {
        Ok((met, measured)) => Ok(aftermath(met, measured)),
        Err(not) if written == 0 => Err(not),
        Err(not) => Err(NotApplied { written: Some(Box::new(aftermath(false, false))), ..not }),
    }
}

/// What is changed, and how it was before.
struct Work<'a> {
    site: &'a Site,
    manner: Manner,
    config: &'a Config,
    before: Fingerprint,
    /// Who listened on the gateway's port before; none where this system does not tell.
    listened: Option<Vec<Listener>>,
    in_turn: &'a InTurn,
    tell: &'a mut dyn FnMut(Told),
}

impl Work<'_> {
    fn say(&mut self, line: &str) {
        (self.tell)(Told { text: line.to_owned(), wrong: false, begun: None });
    }

    /// Says what is not as it was meant.
    fn wrong(&mut self, line: &str) {
        (self.tell)(Told { text: line.to_owned(), wrong: true, begun: None });
    }

    /// Says how a config that OpenClaw does not write is changed.
    fn otherwise(&self) -> &'static str {
        if self.manner.closes_all { MERGED } else { PATCH }
    }

    /// Says before trying what would keep OpenClaw from writing.
    fn may_be_written(&self, tailored: &Tailored) -> Result<(), NotApplied> {
        let environment = self.site.source.environment();
        let set = |name: &&&str| environment.get(**name).is_some_and(|value| value != "0");
        if let Some(name) = READ_ONLY.iter().find(set) {
            let what = format!("{name} is set, so OpenClaw does not write this config");
            return Err(refused(what, "nothing was changed", self.otherwise()));
        }
        if self.config.path.is_symlink() {
            let what =
                "the config is a symbolic link, which OpenClaw's writer would replace by a file";
            return Err(refused(what, "nothing was changed", self.otherwise()));
        }
        let ended = self.in_turn.run(&self.command(&["config", "validate", "--json"]));
        match rehearsal::validated(&ended) {
            Answer::Good => Ok(()),
            Answer::Refused(why) => {
                let migrate = if tailored.after_migration.is_empty() {
                    self.otherwise().to_owned()
                } else {
                    format!(
                        "{}; `openclaw doctor --fix` rewrites the older keys first",
                        self.otherwise()
                    )
                };
                let what = "the installed OpenClaw rejects this config and writes nothing to it";
                Err(refused(what, why, migrate))
            }
            Answer::Unmeasured(why) => {
                Err(refused("OpenClaw cannot be asked to write the config", why, self.otherwise()))
            }
        }
    }

    /// Starts what undoes the change by itself, before there is anything to undo.
    fn guard(&mut self, backup: &Backup) -> Result<Option<Guard>, NotApplied> {
        let Some(after) = self.manner.undo_in else { return Ok(None) };
        let guard = backup.guard(after).map_err(|error| {
            let what = "nothing would undo the change by itself, so nothing was changed";
            refused(what, error.to_string(), "apply it without an undo by itself")
        })?;
        let at = guard.at.format("%H:%M:%S");
        self.say(&format!("undone   at {at}, also without us, unless you say before:"));
        self.say(&format!("to keep  {}", guard.keep()));
        Ok(Some(guard))
    }

    /// Applies the parts that OpenClaw's writer takes, one after the other.
    fn write(
        &mut self,
        tailored: &Tailored,
        backup: &Backup,
        written: &mut usize,
    ) -> Result<(), NotApplied> {
        let mut expected = self.before.clone();
        for (at, part) in tailored.parts.iter().enumerate().filter(|(_, part)| part.by_writer) {
            let so_far = *written;
            let stop = |what: &str, why: String| {
                let done = match so_far {
                    0 => "nothing was changed".to_owned(),
                    done => format!("{} of {} written", count(done, "part"), tailored.parts.len()),
                };
                refused(format!("{what}; {done}"), why, format!("to undo: {}", backup.undo()))
            };
            let text = tailored.text(part, patch::COLUMNS);
            let file = backup.add(&format!("patch-{}.json5", at + 1), &text);
            let file = file.map_err(|e| stop("the patch was not written", e.to_string()))?;
            let file = file.display().to_string();
            let dry = ["config", "patch", "--file", &file, "--dry-run", "--json"];
            let dry = self.in_turn.run(&self.command(&dry));
            answered(rehearsal::tried(&dry))
                .map_err(|why| stop("OpenClaw refuses the patch", why))?;
            let now = copy::fingerprint(self.config, &self.site.source.state_dir);
            let moved = copy::difference(&expected, &now);
            if !moved.is_empty() {
                let why = format!("changed by someone else meanwhile: {}", moved.join(", "));
                return Err(stop("the config moved", why));
            }
            let begins = backup.writing();
            begins.map_err(|e| stop("nobody would know whose change it is", e.to_string()))?;
            self.say(&format!("writing  {} through OpenClaw's own writer", part.file.display()));
            // A patch that is on its way is never stopped.
            let ended =
                self.in_turn.run_whole(&self.command(&["config", "patch", "--file", &file]));
            let now = copy::fingerprint(self.config, &self.site.source.state_dir);
            let changed = copy::difference(&expected, &now);
            if let Err(why) = answered(rehearsal::applied(&ended)) {
                if changed.is_empty() {
                    return Err(stop("OpenClaw did not write the patch", why));
                }
                *written += 1;
                let _ = backup.written();
                let what =
                    format!("OpenClaw says that it failed, and yet wrote {}", changed.join(", "));
                return Err(refused(what, why, format!("to undo: {}", backup.undo())));
            }
            if let Some(hint) = reload(&ended) {
                self.say(&format!("openclaw {hint}"));
            }
            *written += 1;
            let put_down = backup.written();
            put_down.map_err(|e| stop("what was written cannot be read back", e.to_string()))?;
            expected = now;
        }
        Ok(())
    }

    /// Reads everything back and says what is now true: whether all is met, and all measured.
    fn look(&mut self, tailored: &Tailored) -> Result<(bool, bool), NotApplied> {
        let live = self.site.source.read();
        let Some(config) = live.config() else {
            let what = "the patch is written, and the config cannot be read back";
            return Err(refused(what, String::new(), "see `portcullis facts`"));
        };
        let mut met = true;
        let missing = tailored.parts.iter().filter(|part| part.by_writer).filter(|part| {
            let mut patched = config.value.clone();
            patch::merge(&mut patched, &part.value());
            patched != config.value
        });
        for part in missing {
            met = false;
            self.wrong(&format!("NOT MET  {} does not say what was written", part.file.display()));
        }
        for part in tailored.parts.iter().filter(|part| !part.by_writer) {
            met = false;
            self.wrong(&format!(
                "to do    {} by hand: OpenClaw's writer does not take its part",
                part.file.display()
            ));
        }
        if self.manner.closes_all {
            for open in patch::open_in(&config.value, config) {
                met = false;
                self.wrong(&format!("OPEN     {open}"));
            }
        }
        let changes = count(tailored.changes().count(), "change");
        self.say(&format!("now      {changes} in the config, read back"));
        let (listens, seen) = self.listens(binds_loopback(&live));
        let heard = self.audit();
        Ok((met && listens, seen && heard))
    }

    /// Watches where the gateway listens until it does so as the config says.
    fn listens(&mut self, closed: bool) -> (bool, bool) {
        let port = self.site.gateway.port;
        if self.listened.as_ref().is_some_and(Vec::is_empty) {
            self.say(&format!("listener none on port {port}: no gateway ran here before"));
            return (true, true);
        }
        let before = self.listened.clone().unwrap_or_default();
        let in_turn = self.in_turn;
        let enough = |now: &[Listener]| listen::is_done(now, &before, closed) || in_turn.is_asked();
        let mut found = listen::watched(port, SETTLES, &enough);
        if found.as_ref().is_some_and(|now| !enough(now) && !now.is_empty()) {
            self.say(
                "waiting  OpenClaw restarts once its running work is done, after 315 s at most",
            );
            found = listen::watched(port, DRAINS, &enough);
        }
        let Some(listeners) = found else {
            self.say("listener unmeasured: this system does not tell");
            return (true, false);
        };
        let addresses = listen::addresses(&listeners).join(", ");
        let loopback = listeners.iter().all(|listener| listener.address.is_loopback());
        let stop_and_start = "A gateway that restarts within its own process keeps the bind it was \
                              started with: `openclaw gateway stop`, then `openclaw gateway start`";
        if listeners.is_empty() {
            self.wrong(&format!(
                "LISTENER none on port {port}: the gateway is not back. Its log says why"
            ));
            return (false, true);
        }
        match (closed, loopback) {
            (true, true) => {
                self.say(&format!("listener {addresses} on port {port}: this host only"));
            }
            (false, false) => {
                self.say(&format!("listener {addresses} on port {port}, as the config says"));
            }
            (true, false) => {
                self.wrong(&format!(
                    "LISTENER {addresses} on port {port}: still open. {stop_and_start}"
                ));
                return (false, true);
            }
            (false, true) => {
                self.wrong(&format!(
                    "LISTENER {addresses} on port {port}: still this host only. {stop_and_start}"
                ));
                return (false, true);
            }
        }
        (true, true)
    }

    /// Runs the audit, the deep one where a gateway runs, and counts what it finds. Answers whether
    /// it could be measured.
    fn audit(&mut self) -> bool {
        let runs = self.listened.as_ref().is_none_or(|listeners| !listeners.is_empty());
        let name = if runs { "audit-deep" } else { "audit" };
        let Some(command) = command::command(name, &self.site.gateway) else { return false };
        let ended = self.in_turn.run(&command);
        let (report, why) = match command::read(name, name, &ended) {
            Outcome::Measured(report) => (Some(report), None),
            Outcome::Unmeasured { why, partial } => (partial, Some(why)),
            Outcome::Cancelled => (None, Some("it was stopped".to_owned())),
        };
        if let Some(report) = &report {
            let of = |severity| {
                let these = report.findings.iter().filter(|found| found.severity == severity);
                count(these.count(), severity.word())
            };
            self.say(&format!("audit    {}, {}", of(Severity::Critical), of(Severity::Warn)));
            let criticals = report.findings.iter();
            for found in criticals.filter(|found| found.severity == Severity::Critical) {
                self.say(&format!("critical {}: {}", found.check_id, found.title));
            }
        }
        if let Some(why) = &why {
            self.say(&format!("audit    unmeasured: {why}"));
        }
        why.is_none()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        command::openclaw("apply", arguments, DEADLINE, &self.site.gateway)
    }
}

/// Tells whether the config says that the gateway listens for this host alone.
fn binds_loopback(live: &Live) -> bool {
    let bind = live.facts().and_then(|facts| facts.get(&Subject::Gateway, "config.gateway.bind"));
    bind.and_then(|bind| bind.value.as_ref()).and_then(Value::as_str) == Some("loopback")
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
