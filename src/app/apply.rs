//! Applying a move or a config shape: shown whole, agreed to, handed to the shell, told line by line.

use chrono::DateTime;
use chrono::FixedOffset;
use chrono::TimeDelta;

use crate::app::App;
use crate::app::Effect;
use crate::app::Overlay;
use crate::app::page::Row;
use crate::app::page::Shape;
use crate::app::page::Step;
use crate::change::Act;
use crate::change::Applied;
use crate::change::Done;
use crate::change::Planned;
use crate::change::before_widening;
use crate::change::comes_first;
use crate::openclaw::breadth::Breadth;
use crate::openclaw::patch;
use crate::openclaw::tailor::Tailored;
use crate::verdict::Verdict;

/// The seconds after which a move is undone by itself, unless somebody says that it is kept.
const UNDO_IN: u32 = 300;

/// The name under which an applied rollback is kept.
const ROLLBACK: &str = "rollback";

/// The name under which an applied baseline is kept.
const BASELINE: &str = "baseline";

/// A patch that is about to be applied.
#[derive(Clone, Debug, PartialEq)]
pub struct Application {
    /// The item or move it is for, or the name of the config shape.
    pub item: String,
    /// What it does.
    pub planned: Planned,
    /// The patch, a part for each file that owns keys of it.
    pub patch: Tailored,
    /// Whether it is to leave nothing open.
    pub closes_all: bool,
    /// Whom it lets in and whom not.
    pub breadth: Breadth,
    /// What stands before it, one sentence each; nothing before what narrows.
    pub missing: Vec<String>,
    /// After how many seconds it is undone by itself.
    pub undo_in: Option<u32>,
    /// The config it was worked out for.
    pub digest: String,
    /// Whether it lets anyone in, or lets them do more.
    pub widens: bool,
}

/// What came of a patch that was handed to OpenClaw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aftermath {
    /// The folder of the backup.
    pub backup: String,
    /// The one command that puts it back.
    pub undo: String,
    /// The file whose presence keeps the change, where it is undone otherwise.
    pub keep: Option<String>,
    /// When it is undone otherwise.
    pub undone_at: Option<DateTime<FixedOffset>>,
    /// Whether everything is as the patch says.
    pub met: bool,
    /// Whether all of it could be looked at.
    pub measured: bool,
}

/// A line that is told while a patch is applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// What it says.
    pub text: String,
    /// Whether something is not as it was meant.
    pub wrong: bool,
    /// What takes it back, once that is there and before anything is written.
    pub begun: Option<Box<Aftermath>>,
}

/// Why a patch was not applied, or not wholly.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {why}")]
pub struct NotApplied {
    /// What did not work, and what state things are in.
    pub what: String,
    /// Why.
    pub why: String,
    /// What to do.
    pub hint: String,
    /// What came of the part that was written; none where nothing was.
    pub written: Option<Box<Aftermath>>,
}

/// A patch on its way into the live config, or what came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Applying {
    /// What is applied.
    pub application: Application,
    /// Since when.
    pub since: DateTime<FixedOffset>,
    /// How the validation stood before it.
    pub validated: Vec<(String, Verdict)>,
    /// What was told so far.
    pub lines: Vec<Told>,
    /// What came of it.
    pub outcome: Option<Result<Aftermath, NotApplied>>,
}

/// For how long OpenClaw may still write what was begun, in seconds.
const BEGUN: i64 = 180;

impl App {
    /// Shows what applying the row under the cursor would do, and what stands before it.
    pub(super) fn ask_to_apply(&mut self) {
        if self.is_applying() {
            self.overlay = Some(Overlay::Applying { scroll: 0 });
            return;
        }
        if self.target.demo {
            return self
                .refuse("this is the sample gateway: nothing is applied; w writes the patch");
        }
        if let Some(host) = self.other_host() {
            let said =
                format!("the gateway is on {host}: nothing is applied from here; w writes it");
            return self.refuse(said);
        }
        let application = match self.row() {
            Some(Row::Shape(shape)) => self.application_of_shape(shape),
            Some(Row::Move(index)) => self.application_of_move(index),
            Some(Row::Offer(_)) => Err("f puts it into the plan first; A there applies it"),
            _ => Err("there is nothing to apply here; moves stand in step 8, the rollback under R"),
        };
        match application {
            Err(why) => self.refuse(why),
            Ok(application) if application.patch.is_empty() => {
                self.say("The live config says all of it already".to_owned());
            }
            Ok(application) => {
                let application = Box::new(application);
                self.overlay = Some(Overlay::Apply { application, scroll: 0 });
            }
        }
    }

    fn application_of_shape(&self, shape: Shape) -> Result<Application, &'static str> {
        let (Some(patch), Some(live)) = (self.fitted(shape), self.live.config()) else {
            return Err("the config cannot be read, so nothing can be fitted to it");
        };
        let planned = Planned {
            says: patch.says.clone(),
            patch: patch.value(),
            steps: Vec::new(),
            undo: Vec::new(),
        };
        Ok(Application {
            item: match shape {
                Shape::Rollback => ROLLBACK,
                Shape::Baseline => BASELINE,
            }
            .to_owned(),
            breadth: patch::breadth(patch.before(), &patch.applied(), live),
            planned,
            patch,
            closes_all: shape == Shape::Rollback,
            missing: Vec::new(),
            undo_in: None,
            digest: self.live.digest().to_owned(),
            widens: false,
        })
    }

    fn application_of_move(&self, index: usize) -> Result<Application, &'static str> {
        let Some((item, planned)) = self.answers.plan.get(index) else {
            return Err("there is no such move");
        };
        let (Some(config), Some(facts)) = (self.live.config(), self.live.facts()) else {
            return Err("the config cannot be read, so nothing can be applied to it");
        };
        if planned.patch.as_object().is_none_or(serde_json::Map::is_empty) {
            return Err("nothing of it is in the config: do its steps, then settle its item");
        }
        if self.review.verdict(item) == Verdict::Met {
            return Err("its item is met by now; f takes it out of the plan");
        }
        let patch = Tailored::of(&planned.says, &planned.patch, config, facts);
        let breadth = patch::breadth(patch.before(), &patch.applied(), config);
        let meant_to = self.runbook.widening(item).is_some_and(|one| !one.narrows);
        let widens = meant_to || !breadth.widens.is_empty();
        let missing = if widens { self.missing(item) } else { Vec::new() };
        Ok(Application {
            item: item.clone(),
            planned: planned.clone(),
            patch,
            closes_all: false,
            breadth,
            missing,
            // What only narrows opens nothing when it stays.
            undo_in: widens.then_some(UNDO_IN),
            digest: self.live.digest().to_owned(),
            widens,
        })
    }

    /// Says what stands before a move that widens, at this moment.
    fn missing(&self, item: &str) -> Vec<String> {
        let missing = before_widening(&self.runbook, &self.answers, &self.review);
        let missing = missing.iter().map(|blocker| blocker.line(&self.runbook, &self.review));
        missing.chain(self.astray(item)).collect()
    }

    /// Says why a widening move that was planned leads nowhere now: another pattern was chosen, or
    /// what comes first holds no longer.
    fn astray(&self, item: &str) -> Option<String> {
        let index = self.runbook.moves.iter().position(|one| one.id == item)?;
        if self.answers.choice.is_some() && !self.offers().contains(&index) {
            return Some("it does not lead to the chosen pattern".to_owned());
        }
        self.closed(index)
    }

    /// Switches between undoing by itself and not.
    pub(super) fn toggle_undo(application: &mut Application) {
        application.undo_in = match application.undo_in {
            Some(_) => None,
            None => Some(UNDO_IN),
        };
    }

    /// Applies what was agreed to.
    pub(super) fn apply(&mut self, mut application: Application) -> Vec<Effect> {
        if application.digest != self.live.digest() {
            self.refuse("the config was changed since this was shown; A shows it anew");
            return Vec::new();
        }
        if application.widens {
            application.missing = self.missing(&application.item);
        }
        if !application.missing.is_empty() {
            self.overlay = Some(Overlay::Apply { application: Box::new(application), scroll: 0 });
            self.refuse("it widens, and what stands before it is not settled");
            return Vec::new();
        }
        let validated = self.runbook.validation.iter();
        let validated =
            validated.map(|item| (item.id.clone(), self.review.verdict(&item.id))).collect();
        self.applying = Some(Applying {
            application: application.clone(),
            since: self.now,
            validated: if self.answers.applied.is_empty() { Vec::new() } else { validated },
            lines: Vec::new(),
            outcome: None,
        });
        self.overlay = Some(Overlay::Applying { scroll: u16::MAX });
        vec![Effect::Apply(Box::new(application))]
    }

    /// Tells whether something is on its way into the live config.
    #[must_use]
    pub fn is_applying(&self) -> bool {
        self.applying.as_ref().is_some_and(|applying| applying.outcome.is_none())
    }

    /// Takes a line that was told while something is applied.
    ///
    /// What is about to be written is put down first: whoever ends the program cannot end OpenClaw's
    /// writer, and the change must not be forgotten.
    pub(super) fn told(&mut self, mut line: Told) -> Vec<Effect> {
        let begun = line.begun.take();
        let Some(applying) = &mut self.applying else { return Vec::new() };
        applying.lines.push(line);
        let applying = applying.clone();
        let Some(aftermath) = begun else { return Vec::new() };
        let item = applying.application.item.clone();
        let applied = self.outcome(applying, *aftermath, true);
        self.act(Act::Applied(item, Box::new(applied)))
    }

    /// Writes down what came of a patch, or that nobody has seen yet what came of it.
    fn outcome(&self, applying: Applying, aftermath: Aftermath, begun: bool) -> Applied {
        let application = applying.application;
        let done = Done {
            at: self.now,
            before: application.digest,
            after: self.live.digest().to_owned(),
            widens: application.breadth.widens,
            backup: aftermath.backup,
            undo: aftermath.undo,
            undone_at: aftermath.undone_at,
            keep: aftermath.keep,
            met: aftermath.met,
            measured: aftermath.measured,
            validated: applying.validated,
            undone: None,
            begun,
        };
        Applied { planned: application.planned, done }
    }

    /// Finds out what became of a patch that was begun when the program ended.
    ///
    /// While OpenClaw may still write it, nobody can tell. After that what cannot be told from a change
    /// is on record as one.
    pub(super) fn find_what_was_begun(&mut self) {
        if self.is_applying() || self.sealed.is_some() {
            return;
        }
        let Some((item, mut applied)) = self.answers.begun.clone() else { return };
        let at = applied.done.at.format("%H:%M:%S");
        let begun = format!("`{}` was begun at {at} and nobody saw its end", applied.planned.says);
        let is_over = self.now - applied.done.at > TimeDelta::seconds(BEGUN);
        let untouched = applied.done.before == self.live.digest();
        let act = if self.says_all_of(&applied.planned) {
            self.say(format!(
                "{begun}; the config says it now, so it is on record as applied and not looked at, \
                 step 8"
            ));
            self.live.digest().clone_into(&mut applied.done.after);
            Some(applied)
        } else if !is_over {
            let undo = &applied.done.undo;
            return self
                .refuse(format!("{begun}; the config does not say it yet. To undo: {undo}"));
        } else if untouched && applied.done.undone_at.is_none() {
            self.say(format!("{begun}; the config is as it was, so nothing of it was written"));
            None
        } else {
            self.refuse(format!(
                "{begun}; the config does not say it, but may have: it is on record as applied and \
                 not looked at, step 8"
            ));
            // Never the digest before it: as undone it stands on record, and not as never done.
            let after = if untouched { "" } else { self.live.digest() };
            after.clone_into(&mut applied.done.after);
            Some(applied)
        };
        let act = match act {
            Some(mut applied) => {
                applied.done.begun = false;
                Act::Applied(item, Box::new(applied))
            }
            None => Act::NotWritten(item),
        };
        let entry = self.change.act(act, self.now);
        self.unsaved.push(entry);
        self.recompute();
    }

    /// Takes what came of it. The config has been read again by then.
    pub(super) fn applied(&mut self, outcome: Result<Aftermath, NotApplied>) -> Vec<Effect> {
        let Some(applying) = &mut self.applying else { return Vec::new() };
        applying.outcome = Some(outcome.clone());
        let applying = applying.clone();
        self.overlay = Some(Overlay::Applying { scroll: u16::MAX });
        // What was written in part is a change of the config like any other.
        let written = |not: NotApplied| not.written.map(|written| *written);
        let item = applying.application.item.clone();
        let Some(aftermath) = outcome.map_or_else(written, Some) else {
            let begun = self.answers.begun.is_some();
            return if begun { self.act(Act::NotWritten(item)) } else { Vec::new() };
        };
        let applied = self.outcome(applying, aftermath, false);
        self.act(Act::Applied(item, Box::new(applied)))
    }

    /// Leaves what was told of an applied patch: keeps it where that is agreed to, and goes on.
    pub(super) fn leave_applied(&mut self, keep: bool) -> Vec<Effect> {
        let Some(applying) = &self.applying else { return Vec::new() };
        match &applying.outcome {
            Some(Ok(_)) => {}
            Some(Err(not)) if not.written.is_some() => {}
            _ => return Vec::new(),
        }
        let keep = keep && matches!(applying.outcome, Some(Ok(_)));
        let item = applying.application.item.clone();
        let effects = if keep { self.keep(&item) } else { Vec::new() };
        if ![ROLLBACK, BASELINE].contains(&item.as_str()) {
            self.go(Step::Validation);
        }
        effects
    }

    /// Says that an applied move is kept, where it would be undone by itself.
    pub(super) fn keep(&mut self, item: &str) -> Vec<Effect> {
        let mut moves = self.answers.applied.iter().rev();
        let Some((_, applied)) = moves.find(|(id, _)| id == item) else { return Vec::new() };
        let (Some(_), Some(file)) = (self.pending(applied), applied.done.keep.clone()) else {
            return Vec::new();
        };
        vec![Effect::Keep(file)]
    }

    /// Takes that a change is kept: the file that says so is there.
    pub(super) fn kept(&mut self, file: &str) -> Vec<Effect> {
        let mut moves = self.answers.applied.iter().rev();
        let of = |applied: &Applied| applied.done.keep.as_deref() == Some(file);
        let Some((item, _)) = moves.find(|(_, applied)| of(applied)) else { return Vec::new() };
        let item = item.clone();
        self.say("Kept; it is not undone by itself".to_owned());
        self.act(Act::Kept(item))
    }

    /// Returns when an applied move will be undone by itself; none where it will not.
    #[must_use]
    pub fn pending(&self, applied: &Applied) -> Option<DateTime<FixedOffset>> {
        applied.done.undone_at.filter(|at| *at > self.now)
    }

    /// Tells whether the config is again as it was before an applied move.
    #[must_use]
    pub fn is_undone(&self, applied: &Applied) -> bool {
        applied.done.is_undone(self.live.digest())
    }

    /// Puts down that the newest move was undone, once the config is again as it was before it: the
    /// config may move on, and the record must still say so.
    pub(super) fn notice_undone(&mut self) {
        let Some((item, applied)) = self.answers.applied.last() else { return };
        let noticed = applied.done.undone.is_some() || self.sealed.is_some();
        if !noticed && self.is_undone(applied) {
            let entry = self.change.act(Act::Undone(item.clone()), self.now);
            self.unsaved.push(entry);
            self.recompute();
        }
    }

    /// Returns why a widening move cannot be planned yet; none where it can.
    #[must_use]
    pub fn closed(&self, index: usize) -> Option<String> {
        let one = self.runbook.moves.get(index)?;
        let first = comes_first(&self.runbook, &self.review, one)?;
        let title = match (self.runbook.item(first), self.runbook.widening(first)) {
            (Some(item), _) => item.statement.clone(),
            (None, Some(one)) => one.title(),
            (None, None) => first.to_owned(),
        };
        Some(format!("first: {title}"))
    }

    /// Returns the widening moves that lead to the chosen pattern, by their place.
    #[must_use]
    pub fn offers(&self) -> Vec<usize> {
        let Some(choice) = &self.answers.choice else { return Vec::new() };
        let moves = self.runbook.moves.iter().enumerate();
        moves.filter(|(_, one)| one.leads_to(&choice.pattern)).map(|(at, _)| at).collect()
    }
}
