//! The wizard's state: what is on the screen, what the operator did, what shall happen next.
//!
//! [`App::update`] is pure. It takes a [`Message`], changes the state and answers with
//! [`Effect`]s; the shell performs them and turns what comes of them into messages again.

pub mod form;
pub mod keymap;
pub mod page;

mod accept;
mod apply;
mod brought;
mod cards;
mod checks;
mod keys;
mod live;
mod moves;
mod overlay;
mod records;
mod renew;
mod settle;
mod shapes;
mod signing;

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use chrono::DateTime;
use chrono::FixedOffset;
use crossterm::event::KeyEvent;

pub use self::apply::Aftermath;
pub use self::apply::Application;
pub use self::apply::Applying;
pub use self::apply::NotApplied;
pub use self::apply::Told;
pub use self::checks::InFlight;
pub use self::checks::MOVE;
pub use self::checks::RunId;
pub use self::live::Live;
pub use self::overlay::Overlay;
pub use self::records::Archive;
pub use self::records::Listed;
pub use self::records::Open;
pub use self::records::Opened;
pub use self::renew::Fate;
pub use self::signing::Held;
pub use self::signing::Offer;
pub use self::signing::Pen;
pub use self::signing::SigningKey;
use crate::app::page::Row;
use crate::app::page::Step;
use crate::change::Act;
use crate::change::Answers;
use crate::change::Change;
use crate::change::Entry;
use crate::change::Review;
use crate::openclaw::command::Command;
use crate::openclaw::command::Ended;
use crate::openclaw::command::Gateway;
use crate::openclaw::target::Target;
use crate::record::Previous;
use crate::record::Record;
use crate::record::policy::Policy;
use crate::runbook::Runbook;

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// A key was pressed.
    Key(KeyEvent),
    /// Text was pasted.
    Paste(String),
    /// The terminal has another size: columns, rows.
    Resize(u16, u16),
    /// A command printed a line, already masked.
    Line(RunId, String),
    /// A command ended.
    Ended(RunId, Ended),
    /// Something changed beside or in the config's files.
    Touched,
    /// The config was read again because it moved.
    Moved(Box<Live>),
    /// All that was to be saved is on disk.
    Saved,
    /// It is not, and why.
    NotSaved(String),
    /// A file was written, or why not.
    Written(Result<String, String>),
    /// A record is ready to be signed, or why not.
    Offered(Result<Box<Offer>, String>),
    /// It was not signed, and why; nothing was sealed.
    NotSigned(String),
    /// A record was sealed, or why not.
    Sealed(Result<Sealed, String>),
    /// A line was told of what is applied.
    Told(Told),
    /// What came of it; the config was read again before.
    Applied(Result<Aftermath, NotApplied>),
    /// The file is there by which a change is kept.
    Kept(String),
    /// The records of the gateway were read.
    Records(Vec<Listed>),
    /// The record in this folder was read and verified, or why not.
    Record(String, Result<Box<Opened>, String>),
    /// A second passed while something runs.
    Tick,
    /// The system asks the program to end.
    Terminate,
}

/// What shall happen.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Start a command.
    Run(RunId, Box<Command>),
    /// Stop a command.
    Cancel(RunId),
    /// Put entries into the draft on disk, all or none, before anything else is handled.
    Save(Vec<Entry>),
    /// Write a config shape to a new file.
    Write(Emission),
    /// Put text on the terminal's clipboard.
    Copy(String),
    /// Get a record ready to be signed.
    Seal(Box<Record>),
    /// Sign the record that is ready, and seal it.
    Sign(Pen),
    /// Let go of the record that is ready; nothing was sealed.
    LetGo,
    /// Hand a patch to OpenClaw, after a backup.
    Apply(Box<Application>),
    /// Walk a patch, given as text, on a copy of the live config.
    Rehearse(RunId, String),
    /// Put down, by this file, that a change is kept.
    Keep(String),
    /// Read the list of the gateway's records.
    ListRecords,
    /// Read and verify the record in a folder.
    OpenRecord(String),
    /// Look at the config and the host again.
    Look,
    /// Leave.
    Quit,
}

/// A config shape on its way to a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emission {
    /// Where to.
    pub path: String,
    /// What.
    pub text: String,
}

/// A record on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Its folder.
    pub folder: String,
    /// SHA-256 of `record.json`, in hex.
    pub sha256: String,
    /// Its place in the chain of the target.
    pub seq: u64,
    /// The fingerprint of the key that signed it; none where it is unsigned.
    pub key: Option<String>,
}

/// Which part of the screen the arrow keys move in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pane {
    /// The steps.
    Rail,
    /// The list of the step.
    #[default]
    List,
    /// What is under the cursor.
    Detail,
}

/// How the config moved on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// When that was noticed.
    pub at: DateTime<FixedOffset>,
    /// Which facts changed, one line each, the newest change only.
    pub facts: Vec<String>,
}

/// A sentence that stands in the footer until the next key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What it says.
    pub text: String,
    /// Whether something was refused or went wrong.
    pub wrong: bool,
}

/// Whether what was done is on disk.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Saving {
    /// Nothing was done yet.
    #[default]
    Nothing,
    /// All of it, since then.
    Saved(DateTime<FixedOffset>),
    /// Not all of it, and why.
    Failed(String),
}

/// What the wizard is started with.
#[derive(Clone, Debug)]
pub struct Start {
    /// The runbook.
    pub runbook: Runbook,
    /// The gateway.
    pub target: Target,
    /// What commands are run against.
    pub gateway: Gateway,
    /// The live config.
    pub live: Live,
    /// The change, new or resumed.
    pub change: Change,
    /// The person at the keys.
    pub operator: String,
    /// How many checks run at once.
    pub cores: usize,
    /// The size of the terminal: columns, rows.
    pub size: (u16, u16),
    /// Where emitted files go where the operator names no folder.
    pub folder: String,
    /// What is worth saying at the start, such as a torn draft.
    pub notice: Option<String>,
    /// The last record of the gateway, where there is one.
    pub previous: Option<Previous>,
    /// The step to open at; the first that is not finished, where none is named.
    pub step: Option<Step>,
    /// What is demanded of records, where anything is.
    pub policy: Option<Policy>,
    /// Who else keeps records of this gateway that are not in its chain here, a line each.
    pub others: Vec<String>,
}

/// The wizard.
#[derive(Clone, Debug)]
pub struct App {
    /// The runbook being walked.
    pub runbook: Runbook,
    /// The gateway it is about.
    pub target: Target,
    /// The live config as it was read last.
    pub live: Live,
    /// What was done so far.
    pub change: Change,
    /// What stands of it; follows from the change.
    pub answers: Answers,
    /// What it comes to; follows from answers, facts and time.
    pub review: Review,
    /// The planned moves, by item, of which the live config says already all that they write.
    pub in_place: BTreeSet<String>,
    /// The entries of the inventory of which something else is found now than was recorded.
    pub otherwise: BTreeSet<String>,
    /// The person at the keys.
    pub operator: String,
    /// The step on the screen.
    pub step: Step,
    /// The step to go back to from the rollback screen.
    pub back: Step,
    /// Where the arrow keys move.
    pub pane: Pane,
    /// The cursor in each step's list.
    pub cursors: BTreeMap<Step, usize>,
    /// The first line shown of the detail.
    pub scroll: u16,
    /// Whether templates and moves show as a diff against the live config.
    pub as_diff: bool,
    /// What lies over the step.
    pub overlay: Option<Overlay>,
    /// What was typed into a form that was left, by what it asks.
    pub kept: BTreeMap<String, Vec<String>>,
    /// Checks that wait or run, by check.
    pub in_flight: BTreeMap<String, InFlight>,
    /// The checks of which the operator agreed to what they may write.
    pub consented: BTreeSet<String>,
    /// What is applied, or was applied last.
    pub applying: Option<Applying>,
    /// How the config moved on disk since the wizard opened.
    pub moved: Option<Moved>,
    /// What the footer says until the next key.
    pub notice: Option<Notice>,
    /// Whether what was done is on disk.
    pub saving: Saving,
    /// What is not known to be on disk, the oldest first.
    pub unsaved: Vec<Entry>,
    /// The size of the terminal: columns, rows.
    pub size: (u16, u16),
    /// Where emitted files go where the operator names no folder.
    pub folder: String,
    /// The record this change ended in.
    pub sealed: Option<Sealed>,
    /// The last record before it.
    pub previous: Option<Previous>,
    /// What is demanded of records, where anything is.
    pub policy: Option<Policy>,
    /// Who else keeps records of this gateway that are not in its chain here, a line each.
    pub others: Vec<String>,
    /// The moment of the newest message.
    pub now: DateTime<FixedOffset>,
    gateway: Gateway,
    cores: usize,
    next_run: u64,
}

impl App {
    /// Opens the wizard where the change was left.
    #[must_use]
    pub fn new(start: Start, now: DateTime<FixedOffset>) -> Self {
        let answers = start.change.answers();
        let (facts, digest) = (start.live.facts(), start.live.digest());
        let review = crate::change::review(&start.runbook, &answers, facts, digest, now);
        let saving = match start.change.entries().last() {
            None => Saving::Nothing,
            Some(entry) => Saving::Saved(entry.at),
        };
        let mut app = Self {
            runbook: start.runbook,
            target: start.target,
            live: start.live,
            change: start.change,
            answers,
            review,
            in_place: BTreeSet::new(),
            otherwise: BTreeSet::new(),
            operator: start.operator,
            step: Step::Pattern,
            back: Step::Pattern,
            pane: Pane::List,
            cursors: BTreeMap::new(),
            scroll: 0,
            as_diff: false,
            overlay: None,
            kept: BTreeMap::new(),
            in_flight: BTreeMap::new(),
            consented: BTreeSet::new(),
            applying: None,
            moved: None,
            notice: start.notice.map(|text| Notice { text, wrong: false }),
            saving,
            unsaved: Vec::new(),
            size: start.size,
            folder: start.folder,
            sealed: None,
            previous: start.previous,
            policy: start.policy,
            others: start.others,
            now,
            gateway: start.gateway,
            cores: start.cores.max(1),
            next_run: 1,
        };
        app.hold_against_live();
        app.back = app.first_unfinished();
        app.step = start.step.unwrap_or(app.back);
        app.notice_undone();
        app.find_what_was_begun();
        if app.step != Step::Rollback {
            app.offer_residuals();
        }
        let last = app.answers.applied.last();
        if let Some(at) = last.and_then(|(_, applied)| app.pending(applied)) {
            let at = at.format("%H:%M:%S");
            app.say(format!(
                "The last move is undone by itself at {at} unless you keep it, step 8"
            ));
        }
        app
    }

    /// Takes what happened and answers with what shall happen.
    pub fn update(&mut self, message: Message, now: DateTime<FixedOffset>) -> Vec<Effect> {
        self.now = now;
        match message {
            Message::Key(key) => return self.key(key),
            Message::Paste(text) => return self.paste(&text),
            Message::Resize(columns, rows) => self.size = (columns, rows),
            Message::Line(run, line) => self.line(run, line),
            Message::Ended(run, ended) => return self.ended(run, &ended),
            Message::Moved(live) => self.moved(*live),
            Message::Saved => {
                self.unsaved.clear();
                self.saving = Saving::Saved(now);
            }
            Message::NotSaved(why) => self.saving = Saving::Failed(why),
            Message::Written(Ok(path)) => self.say(format!("Written to {path}")),
            Message::Written(Err(why)) => self.refuse(why),
            Message::Offered(Ok(offer)) => self.offered(*offer),
            Message::Offered(Err(why)) => {
                self.refuse(format!("The record was not sealed: {why}"));
            }
            Message::NotSigned(why) => self.not_signed(why),
            Message::Sealed(Ok(sealed)) => {
                self.sealed = Some(sealed.clone());
                self.overlay = Some(Overlay::Sealed { sealed, scroll: 0 });
            }
            Message::Sealed(Err(why)) => self.refuse(format!("The record was not sealed: {why}")),
            Message::Told(line) => return self.told(line),
            Message::Applied(outcome) => return self.applied(outcome),
            Message::Kept(file) => return self.kept(&file),
            Message::Records(list) => self.listed(list),
            Message::Record(folder, record) => self.opened(&folder, record),
            Message::Tick | Message::Touched => {}
            Message::Terminate => return self.quit(),
        }
        Vec::new()
    }

    /// Does what the operator decided and has it saved.
    fn act(&mut self, act: Act) -> Vec<Effect> {
        if self.sealed.is_some() {
            self.refuse("this change is sealed; leave with q and start a new one");
            return Vec::new();
        }
        let entry = self.change.act(act, self.now);
        self.recompute();
        self.save(entry)
    }

    /// Has an entry saved, and with it whatever could not be saved before.
    fn save(&mut self, entry: Entry) -> Vec<Effect> {
        self.unsaved.push(entry);
        vec![Effect::Save(self.unsaved.clone())]
    }

    fn moved(&mut self, live: Live) {
        let facts = match (self.live.facts(), live.facts()) {
            (Some(before), Some(after)) => before.difference(after),
            (Some(_), None) => vec!["the config cannot be read any more".to_owned()],
            (None, Some(_)) => vec!["the config can be read again".to_owned()],
            (None, None) => Vec::new(),
        };
        // The host can differ where the config does not: the gateway was started, say.
        let same = self.live.digest() == live.digest();
        self.live = live;
        if !same {
            let changed = crate::text::count(facts.len(), "fact");
            match &self.live {
                Live::Read { .. } => self.say(format!(
                    "The config changed on disk: {changed} read otherwise; m shows them"
                )),
                Live::Unreadable { why, .. } => {
                    let why = format!("The config changed on disk and cannot be read now: {why}");
                    self.refuse(why);
                }
            }
            self.moved = Some(Moved { at: self.now, facts });
        }
        self.recompute();
        self.notice_undone();
        self.find_what_was_begun();
    }

    fn recompute(&mut self) {
        self.answers = self.change.answers();
        let (facts, digest) = (self.live.facts(), self.live.digest());
        self.review = crate::change::review(&self.runbook, &self.answers, facts, digest, self.now);
        self.hold_against_live();
    }

    /// Works out what of the plan and the inventory differs from the live config. It reads the whole of
    /// it, so not at every frame.
    fn hold_against_live(&mut self) {
        let plan = self.answers.plan.iter();
        let in_place = plan.filter(|(_, planned)| self.says_all_of(planned));
        self.in_place = in_place.map(|(item, _)| item.clone()).collect();
        self.otherwise = self.found_otherwise();
    }

    fn quit(&mut self) -> Vec<Effect> {
        let unsaved = (!self.unsaved.is_empty()).then(|| Effect::Save(self.unsaved.clone()));
        let running = self.in_flight.values().filter_map(InFlight::run).map(Effect::Cancel);
        unsaved.into_iter().chain(running).chain([Effect::Quit]).collect()
    }

    fn say(&mut self, text: String) {
        self.notice = Some(Notice { text, wrong: false });
    }

    fn refuse(&mut self, text: impl Into<String>) {
        self.notice = Some(Notice { text: text.into(), wrong: true });
    }

    /// Returns the rows of the step on the screen.
    #[must_use]
    pub fn rows(&self) -> Vec<Row> {
        page::rows(self, self.step)
    }

    /// Returns the place of the cursor in the list of the step on the screen.
    #[must_use]
    pub fn cursor(&self) -> usize {
        let last = self.rows().len().saturating_sub(1);
        self.cursors.get(&self.step).copied().unwrap_or(0).min(last)
    }

    /// Returns the row under the cursor.
    #[must_use]
    pub fn row(&self) -> Option<Row> {
        self.rows().into_iter().nth(self.cursor())
    }

    /// Tells whether anything runs, so that seconds must be drawn.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        !self.in_flight.is_empty() || self.is_applying()
    }

    fn first_unfinished(&self) -> Step {
        let open = self.review.blockers.first();
        open.map_or(Step::SignOff, |blocker| page::home(self, blocker).0)
    }
}
