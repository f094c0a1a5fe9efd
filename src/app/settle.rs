//! What the operator decides: the pattern, the inventory, their word, acceptances, moves, signing.

use crate::app::App;
use crate::app::Effect;
use crate::app::Emission;
use crate::app::Overlay;
use crate::app::form::Asks;
use crate::app::form::Form;
use crate::app::page;
use crate::app::page::Row;
use crate::app::page::Shape;
use crate::app::page::Step;
use crate::change::Act;
use crate::change::Blocker;
use crate::change::Choice;
use crate::change::Planned;
use crate::change::Recorded;
use crate::change::Settled;
use crate::openclaw::facts;
use crate::openclaw::patch;
use crate::openclaw::tailor;
use crate::openclaw::tailor::Elsewhere;
use crate::openclaw::tailor::Tailored;
use crate::record::Ending;
use crate::record::Outcome;
use crate::record::Record;
use crate::record::Sealing;
use crate::residual::DEFAULT_DAYS;
use crate::residual::Residual;
use crate::residual::Seen;
use crate::runbook::Template;
use crate::verdict;
use crate::verdict::Known;
use crate::verdict::Run;
use crate::verdict::Statement;
use crate::verdict::Verdict;

/// The word a person types to sign.
const SIGN: &str = "sign";

/// What a bare confirmation says.
const CONFIRMED: &str = "confirmed";

impl App {
    /// Opens a form; what was typed into it before and left is there again.
    pub(super) fn open(&mut self, mut form: Form) {
        if let Some(kept) = self.kept.remove(&form.asks.key()) {
            for (field, text) in form.fields.iter_mut().zip(kept) {
                field.input = tui_input::Input::new(text);
            }
        }
        self.overlay = Some(Overlay::Form(form));
    }

    /// Leaves a form and keeps what was typed.
    pub(super) fn leave(&mut self, form: &Form) {
        let typed = form.fields.iter().map(|field| field.input.value().to_owned()).collect();
        self.kept.insert(form.asks.key(), typed);
        self.overlay = None;
    }

    /// Gives the operator's bare word for what is under the cursor.
    pub(super) fn settle(&mut self) -> Vec<Effect> {
        match self.row() {
            Some(Row::Item(id)) => match self.may_say(&id) {
                Ok(()) => {
                    let effects = self.say_word(id, CONFIRMED.to_owned());
                    self.move_on();
                    effects
                }
                Err(why) => {
                    self.refuse(why);
                    Vec::new()
                }
            },
            Some(Row::Note(id)) => {
                let asks = self.runbook.notes.iter().any(|n| n.id == id && n.acknowledge);
                if asks {
                    let effects = self.say_word(id, "acknowledged".to_owned());
                    self.move_on();
                    return effects;
                }
                self.refuse("this is to be read; nothing has to be settled here");
                Vec::new()
            }
            Some(Row::Entry(index)) => self.confirm_entry(index),
            Some(Row::Pattern(index)) => self.ask_reason(index),
            Some(Row::Finding(_)) => {
                self.refuse("a finding is fixed, or accepted with `a`; a tick does not settle it");
                Vec::new()
            }
            _ => {
                self.refuse("there is nothing to confirm here");
                Vec::new()
            }
        }
    }

    fn may_say(&self, id: &str) -> Result<(), &'static str> {
        let item = self.runbook.item(id).ok_or("the runbook has no such item")?;
        let judged = self.review.items.get(id).ok_or("the runbook has no such item")?;
        verdict::can_confirm(item, judged)
    }

    fn say_word(&mut self, item: String, says: String) -> Vec<Effect> {
        let statement = Statement { says, who: self.operator.clone(), at: self.now };
        self.act(Act::Say(item, statement))
    }

    /// Opens the question that goes with what is under the cursor.
    pub(super) fn edit(&mut self) -> Vec<Effect> {
        match self.row() {
            Some(Row::Item(id)) => match self.may_say(&id) {
                Ok(()) => {
                    let form = Form::new(
                        Asks::Word { item: id },
                        "What did you see that confirms it?".to_owned(),
                        vec![("in a sentence", String::new())],
                    );
                    self.open(form);
                }
                Err(why) => self.refuse(why),
            },
            Some(Row::Entry(index)) => self.ask_value(index),
            Some(Row::Pattern(index)) => return self.ask_reason(index),
            _ => self.refuse("there is nothing to edit here"),
        }
        Vec::new()
    }

    /// Asks what needs a pattern.
    pub(super) fn ask_reason(&mut self, index: usize) -> Vec<Effect> {
        let Some(pattern) = self.runbook.patterns.get(index) else { return Vec::new() };
        let before = self.answers.choice.as_ref();
        let before = before.filter(|choice| choice.pattern == pattern.id);
        let reason = before.map_or_else(String::new, |choice| choice.reason.clone());
        let mut form = Form::new(
            Asks::Reason { pattern: pattern.id.clone() },
            pattern.title.clone(),
            vec![("what needs this?", reason)],
        );
        form.intro.extend(pattern.warning.clone());
        self.open(form);
        Vec::new()
    }

    fn confirm_entry(&mut self, index: usize) -> Vec<Effect> {
        let Some(entry) = self.runbook.inventory.get(index) else { return Vec::new() };
        let found = patch::found(entry, self.live.facts());
        if found.is_empty() {
            self.ask_value(index);
            return Vec::new();
        }
        let value = match self.answers.inventory.get(&entry.id) {
            Some((recorded, _)) if recorded.edited => recorded.value.clone(),
            _ => found.clone(),
        };
        let recorded = Recorded { edited: value != found, value, found };
        let effects = self.act(Act::Record(entry.id.clone(), recorded));
        self.move_on();
        effects
    }

    /// Moves the cursor to the next row below that still waits for the operator, if there is one.
    fn move_on(&mut self) {
        let rows = self.rows();
        let below = rows.iter().enumerate().skip(self.cursor() + 1);
        let waits = |row: &Row| match row {
            Row::Item(id) => !self.review.verdict(id).is_settled(),
            Row::Note(id) => {
                let asks = self.runbook.notes.iter().any(|note| note.id == *id && note.acknowledge);
                asks && !self.answers.words.contains_key(id)
            }
            Row::Entry(index) => {
                let entry = self.runbook.inventory.get(*index);
                entry.is_some_and(|entry| !self.answers.inventory.contains_key(&entry.id))
            }
            Row::Pattern(_)
            | Row::Check(_)
            | Row::Finding(_)
            | Row::Shape(_)
            | Row::Applied(_)
            | Row::Offer(_)
            | Row::Move(_)
            | Row::Blocker(_)
            | Row::Sign => false,
        };
        if let Some((place, _)) = below.into_iter().find(|(_, row)| waits(row)) {
            self.cursors.insert(self.step, place);
            self.scroll = 0;
        }
    }

    fn ask_value(&mut self, index: usize) {
        let Some(entry) = self.runbook.inventory.get(index) else { return };
        let found = patch::found(entry, self.live.facts());
        let recorded = self.answers.inventory.get(&entry.id);
        let value = recorded.map_or_else(|| found.clone(), |(recorded, _)| recorded.value.clone());
        let mut form = Form::new(
            Asks::Value { entry: entry.id.clone(), found },
            entry.title.clone(),
            vec![("record", value)],
        );
        form.intro.push(entry.statement.clone());
        self.open(form);
    }

    /// Tells whether what a row stands for can be accepted.
    ///
    /// # Errors
    ///
    /// Why not, as it is said to the operator.
    pub fn may_accept(&self, row: &Row) -> Result<(), &'static str> {
        match row {
            Row::Item(id) => match self.review.verdict(id) {
                Verdict::NotMet | Verdict::Open | Verdict::Unmeasured | Verdict::Accepted => Ok(()),
                Verdict::Met | Verdict::Confirmed | Verdict::NotApplicable => {
                    Err("it is settled; there is nothing to accept")
                }
            },
            Row::Finding(key) => {
                let state = self.review.findings.iter().find(|state| state.key == *key);
                match state.ok_or("there is nothing to accept here")? {
                    state if state.settled == Settled::Informs => {
                        Err("it only informs; there is nothing to accept")
                    }
                    state if state.is_final() => Err(
                        "a critical is fixed, not accepted, unless the chosen pattern always raises it",
                    ),
                    _ => Ok(()),
                }
            }
            Row::Check(index) => {
                let check = self.runbook.checks.get(*index);
                let run = check.and_then(|check| self.answers.runs.get(&check.id));
                let counts = |run: &Run| run.counts(self.live.digest(), self.now);
                match run {
                    Some(run) if run.is_measured() && counts(run) => {
                        Err("it is measured; there is nothing to accept")
                    }
                    _ => Ok(()),
                }
            }
            Row::Pattern(_)
            | Row::Note(_)
            | Row::Entry(_)
            | Row::Shape(_)
            | Row::Applied(_)
            | Row::Offer(_)
            | Row::Move(_)
            | Row::Blocker(_)
            | Row::Sign => Err("there is nothing to accept here"),
        }
    }

    /// Asks for reason, owner and expiry of what is under the cursor.
    pub(super) fn ask_acceptance(&mut self) {
        let row = self.row();
        if let Some(Err(why)) = row.as_ref().map(|row| self.may_accept(row)) {
            return self.refuse(why);
        }
        let (subject, scope, title, reason) = match row {
            Some(Row::Item(id)) => {
                let Some(judged) = self.review.items.get(&id) else { return };
                let scope = judged.scope.clone();
                let item = self.runbook.item(&id);
                let title = item.map_or_else(|| id.clone(), |item| item.statement.clone());
                (id, scope, title, String::new())
            }
            Some(Row::Finding(key)) => {
                let Some(state) = self.review.findings.iter().find(|s| s.key == key) else {
                    return;
                };
                let reason = state.by_design.clone().unwrap_or_default();
                (key, state.finding.detail_digest.clone(), state.finding.title.clone(), reason)
            }
            Some(Row::Check(index)) => {
                let Some(check) = self.runbook.checks.get(index) else { return };
                (
                    check.id.clone(),
                    String::new(),
                    format!("{} stays unmeasured", check.id),
                    String::new(),
                )
            }
            _ => return self.refuse("there is nothing to accept here"),
        };
        let earlier = self.accepted_before(&subject);
        let reason = earlier.as_ref().map_or(reason, |it| it.reason.clone());
        let owner = earlier.as_ref().map_or_else(|| self.operator.clone(), |it| it.owner.clone());
        let mut form = Form::new(
            Asks::Acceptance { subject, scope },
            "Accept and put on record".to_owned(),
            vec![
                ("reason", reason),
                ("owner", owner),
                ("holds for so many days, or until a date", DEFAULT_DAYS.to_string()),
            ],
        );
        form.intro.push(title);
        form.intro.extend(earlier.map(|it| {
            format!(
                "Accepted before by {} until {}; renew it, or say why now",
                it.owner, it.expires
            )
        }));
        self.open(form);
    }

    /// Puts the fix of the item under the cursor into the plan, or takes it out again.
    pub(super) fn fix(&mut self) -> Vec<Effect> {
        let id = match self.row() {
            Some(Row::Item(id)) => id,
            Some(Row::Move(index)) => {
                let planned = self.answers.plan.get(index).map(|(item, _)| item.clone());
                return planned.map_or_else(Vec::new, |item| self.act(Act::Unplan(item)));
            }
            Some(Row::Finding(key)) => {
                self.go_to_the_fix(&key);
                return Vec::new();
            }
            Some(Row::Offer(index)) => return self.plan_offer(index),
            _ => {
                self.refuse("there is nothing to fix here");
                return Vec::new();
            }
        };
        if self.review.verdict(&id).is_settled() {
            self.refuse("it is settled; there is nothing to fix");
            return Vec::new();
        }
        if self.answers.plan.iter().any(|(planned, _)| *planned == id) {
            self.say("Taken out of the plan".to_owned());
            return self.act(Act::Unplan(id));
        }
        let Some(fix) = self.runbook.item(&id).and_then(|item| item.fix.as_ref()) else {
            self.refuse("the runbook has no fix for this; read the detail, and act elsewhere");
            return Vec::new();
        };
        let (Some(facts), Some(config)) = (self.live.facts(), self.live.config()) else {
            self.refuse("the config cannot be read, so no fix can be worked out");
            return Vec::new();
        };
        let failing = self.review.items.get(&id).map(|judged| judged.failing.as_slice());
        let patch = patch::fix(fix, failing.unwrap_or_default(), facts, config);
        let planned =
            Planned { says: fix.says.clone(), patch, steps: fix.steps.clone(), undo: Vec::new() };
        self.say("Put into the plan of moves, step 8 of the wizard".to_owned());
        self.act(Act::Plan(id, planned))
    }

    /// Goes to the first item that a finding bears on and that has a fix.
    fn go_to_the_fix(&mut self, key: &str) {
        let state = self.review.findings.iter().find(|state| state.key == key);
        let check_id = state.map_or("", |state| state.finding.check_id.as_str());
        let mut bearing = self.runbook.items().filter(|item| {
            item.fix.is_some()
                && !self.review.verdict(&item.id).is_settled()
                && item.is_about(check_id)
        });
        let first = bearing.next().map(|item| item.id.clone());
        drop(bearing);
        let Some(id) = first else {
            return self.refuse("no item with a fix bears on this; follow OpenClaw's advice");
        };
        let step = page::item_step(&self.runbook, &id);
        self.go_to(step, Some(&Row::Item(id)));
        self.say("This item bears on the finding; f plans its fix".to_owned());
    }

    /// Asks where the shape or the move under the cursor goes.
    pub(super) fn ask_file(&mut self) {
        match self.row() {
            Some(Row::Shape(shape)) => self.ask_shape_file(shape),
            Some(Row::Move(index)) => {
                let Some((item, _)) = self.answers.plan.get(index) else { return };
                let path = format!("{}/{}", self.folder, move_file(item));
                let form = Form::new(
                    Asks::MoveFile { item: item.clone() },
                    "Write this move".to_owned(),
                    vec![("to a new file", path)],
                );
                self.open(form);
            }
            _ => self.refuse("there is nothing to write here"),
        }
    }

    pub(super) fn ask_shape_file(&mut self, shape: Shape) {
        let (title, name) = match shape {
            Shape::Baseline => ("Write the baseline", "baseline.json5"),
            Shape::Rollback => ("Write the rollback", "rollback.json5"),
        };
        let path = format!("{}/{name}", self.folder);
        let form = Form::new(Asks::File { shape }, title.to_owned(), vec![("to a new file", path)]);
        self.open(form);
    }

    /// Returns the runbook's template of a shape.
    #[must_use]
    pub fn template(&self, shape: Shape) -> &Template {
        match shape {
            Shape::Baseline => &self.runbook.baseline,
            Shape::Rollback => &self.runbook.rollback.template,
        }
    }

    /// Returns a shape fitted to the live config; none while that cannot be read.
    #[must_use]
    pub fn fitted(&self, shape: Shape) -> Option<Tailored> {
        let (config, facts) = (self.live.config()?, self.live.facts()?);
        Some(match shape {
            Shape::Baseline => tailor::baseline(self.template(shape), config, facts),
            Shape::Rollback => tailor::rollback(self.template(shape), config, facts),
        })
    }

    /// Returns what no config closes, for the shape that closes all.
    fn elsewhere(&self, shape: Shape) -> Vec<Elsewhere> {
        match shape {
            Shape::Baseline => Vec::new(),
            Shape::Rollback => {
                let known = Known::of_config(self.live.facts(), self.now);
                tailor::elsewhere(verdict::left_outside(&self.runbook, &known), &self.gateway)
            }
        }
    }

    /// Returns a shape as it is written: fitted to the live config, a text for each file that owns
    /// keys of it; the runbook's own while the config cannot be read.
    #[must_use]
    pub fn shape_texts(&self, shape: Shape, columns: usize) -> Vec<String> {
        match self.fitted(shape) {
            Some(fitted) => fitted.texts(&self.elsewhere(shape), columns),
            None => vec![patch::render(self.template(shape), None, columns)],
        }
    }

    /// Takes the answers of a form.
    pub(super) fn submit(&mut self, form: &mut Form) -> Option<Vec<Effect>> {
        let values = form.values(self.live.mask());
        let first = values.first().map_or("", |value| value.trim()).to_owned();
        let needs = |form: &mut Form, what: &str| {
            form.problem = Some(what.to_owned());
            None
        };
        match form.asks.clone() {
            Asks::Reason { .. } if first.is_empty() => {
                needs(form, "a pattern needs a reason: say what needs it")
            }
            Asks::Reason { pattern } => {
                Some(self.act(Act::Choose(Choice { pattern, reason: first })))
            }
            Asks::Value { .. } if first.is_empty() => {
                needs(form, "say what is there; `none` is an answer too")
            }
            Asks::Value { entry, found } => {
                let recorded = Recorded { edited: first != found, value: first, found };
                Some(self.act(Act::Record(entry, recorded)))
            }
            Asks::Word { .. } if first.is_empty() => {
                needs(form, "say what you saw, or leave with esc and press space to confirm")
            }
            Asks::Word { item } => Some(self.say_word(item, first)),
            Asks::Acceptance { subject, scope } => {
                let width = self.answers.choice.as_ref();
                let width = width.and_then(|choice| self.runbook.width(&choice.pattern));
                let seen = Seen { subject: &subject, scope: &scope, width };
                let [reason, owner, expires] = values.as_slice() else { return None };
                match Residual::accept(seen, reason, owner, expires, self.now) {
                    Err(refusal) => needs(form, &refusal.to_string()),
                    Ok(residual) => Some(self.act(Act::Accept(residual))),
                }
            }
            Asks::File { .. } | Asks::MoveFile { .. } if first.is_empty() => {
                needs(form, "name a file that does not exist yet")
            }
            Asks::File { shape } => {
                let texts = self.shape_texts(shape, patch::COLUMNS).into_iter().enumerate();
                let effects = texts.map(|(at, text)| {
                    Effect::Write(Emission { path: Tailored::file_name(&first, at), text })
                });
                Some(effects.collect())
            }
            Asks::MoveFile { item } => {
                let planned = self.answers.plan.iter().find(|(planned, _)| *planned == item);
                let text = planned.map_or_else(String::new, |(_, p)| p.text());
                Some(vec![Effect::Write(Emission { path: first, text })])
            }
            Asks::Sighting { .. } if first.is_empty() => {
                needs(form, "write down what you saw, or leave with esc")
            }
            Asks::Sighting { item, place } => Some(self.card_typed(&item, place, &first)),
            Asks::Move { id } => match self.said_for_move(&id, &values) {
                Ok(effects) => Some(effects),
                Err(why) => needs(form, &why),
            },
            Asks::Signature => self.sign(form, &values),
        }
    }

    /// Asks for the name and the word that sign, and names what blocks.
    pub(super) fn ask_signature(&mut self) {
        if self.sealed.is_some() {
            return self.refuse("this change is sealed; leave with q and start a new one");
        }
        let blockers = self.blockers().len();
        let title = match self.ending() {
            Ending::Change => "Sign off",
            Ending::Rollback => "Sign the rollback",
        };
        let word = Outcome::of(self.ending(), 0).word();
        let mut form = Form::new(
            Asks::Signature,
            title.to_owned(),
            vec![("your name", self.operator.clone()), ("type `sign`", String::new())],
        );
        form.intro.push(if blockers == 0 {
            format!("Nothing blocks: the record will be `{word}`.")
        } else {
            let things = crate::text::count(blockers, "thing");
            format!("{things} still block: the record will be `not-cleared` and name them all.")
        });
        self.open(form);
    }

    /// Tells what is sealed from the step on the screen.
    #[must_use]
    pub fn ending(&self) -> Ending {
        if self.step == Step::Rollback { Ending::Rollback } else { Ending::Change }
    }

    /// Returns what keeps what is sealed from the step on the screen from being signed as that.
    #[must_use]
    pub fn blockers(&self) -> Vec<Blocker> {
        match self.ending() {
            Ending::Change => self.review.blockers.clone(),
            Ending::Rollback => {
                self.review.after_rollback(&self.runbook, self.open_now().as_deref())
            }
        }
    }

    /// Returns what is open in the live config; none while it cannot be read.
    #[must_use]
    pub fn open_now(&self) -> Option<Vec<String>> {
        let config = self.live.config()?;
        let (today, _) = facts::in_todays_words(config);
        Some(patch::open_in(&today, config))
    }

    fn sign(&mut self, form: &mut Form, values: &[String]) -> Option<Vec<Effect>> {
        let [name, word] = values else { return None };
        let problem = if name.trim().is_empty() {
            Some("a record needs a name")
        } else if word.trim() != SIGN {
            Some("type the word `sign` to seal the record")
        } else if self.is_busy() {
            Some("a check is still running; wait for it, or stop it in step 3")
        } else {
            None
        };
        if let Some(problem) = problem {
            form.problem = Some(problem.to_owned());
            return None;
        }
        let sealing = Sealing {
            gateway: &self.gateway,
            runbook: &self.runbook,
            target: &self.target,
            change: &self.change,
            answers: &self.answers,
            review: &self.review,
            blockers: &self.blockers(),
            ending: self.ending(),
            config: self.live.config(),
            facts: self.live.facts(),
            operator: name.trim(),
            now: self.now,
        };
        let record = Record::seal(&sealing);
        Some(vec![Effect::Seal(Box::new(record))])
    }

    /// Takes back the newest answer.
    pub(super) fn undo(&mut self) -> Vec<Effect> {
        if self.sealed.is_some() {
            self.refuse("a sealed record stays as it is; leave with q and start a new change");
            return Vec::new();
        }
        let Some((entry, item)) = self.change.undo(self.now) else {
            self.refuse("there is nothing to undo");
            return Vec::new();
        };
        let title = self.title(&item);
        self.say(format!("Took back: {title}"));
        self.recompute();
        self.save(entry)
    }

    /// Returns what an item, entry, note or finding is called on the screen.
    fn title(&self, id: &str) -> String {
        let runbook = &self.runbook;
        let item = runbook.item(id).map(|item| item.statement.clone());
        let entry = || runbook.inventory.iter().find(|entry| entry.id == id);
        let note = || runbook.notes.iter().find(|note| note.id == id);
        item.or_else(|| entry().map(|entry| entry.title.clone()))
            .or_else(|| note().map(|note| note.text.clone()))
            .unwrap_or_else(|| id.to_owned())
    }

    /// Goes to a step.
    pub(super) fn go(&mut self, step: Step) {
        if self.step != Step::Rollback {
            self.back = self.step;
        }
        self.step = step;
        self.scroll = 0;
        if self.pane == crate::app::Pane::Detail {
            self.pane = crate::app::Pane::List;
        }
    }

    /// Goes to a row of a step.
    pub(super) fn go_to(&mut self, step: Step, row: Option<&Row>) {
        self.go(step);
        let place = row.and_then(|row| self.rows().iter().position(|candidate| candidate == row));
        if let Some(place) = place {
            self.cursors.insert(step, place);
        }
        self.pane = crate::app::Pane::List;
    }
}

/// Names the file of a move after the item it is for.
pub(super) fn move_file(item: &str) -> String {
    format!("{}.json5", item.replace('.', "-"))
}
