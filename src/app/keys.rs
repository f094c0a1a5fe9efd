//! What each key does: the table's action, carried out where the keys are.

use crossterm::event::KeyCode;
use crossterm::event::KeyEvent;
use crossterm::event::KeyModifiers;

use crate::app::App;
use crate::app::Effect;
use crate::app::InFlight;
use crate::app::Overlay;
use crate::app::Pane;
use crate::app::brought::COPIED;
use crate::app::form;
use crate::app::form::Form;
use crate::app::form::Pressed;
use crate::app::keymap;
use crate::app::keymap::Action;
use crate::app::page;
use crate::app::page::Row;
use crate::app::page::Step;
use crate::app::shapes;
use crate::change;
use crate::openclaw::patch;

/// By how many rows a screen key moves.
const SCREEN: usize = 10;

impl App {
    pub(super) fn key(&mut self, key: KeyEvent) -> Vec<Effect> {
        if !key.is_press() {
            return Vec::new();
        }
        self.notice = None;
        match self.overlay.take() {
            None => match keymap::action(key) {
                None => Vec::new(),
                Some(action) => self.perform(action),
            },
            Some(Overlay::Form(form)) => self.form_key(form, key),
            Some(Overlay::Search { input, cursor }) => self.search_key(input, cursor, key),
            Some(overlay) => self.overlay_key(overlay, key),
        }
    }

    pub(super) fn paste(&mut self, text: &str) -> Vec<Effect> {
        self.notice = None;
        let mask = self.live.mask().clone();
        // Terminals send the end of a line as a carriage return.
        let lines = || text.replace("\r\n", "\n").replace('\r', "\n");
        if let Some(check) = self.check_here().cloned() {
            return self.check_pasted(&check, &lines());
        }
        match &mut self.overlay {
            Some(Overlay::Card { item, place, .. }) => {
                let (item, place) = (item.clone(), *place);
                return self.card_pasted(&item, place, &lines());
            }
            Some(Overlay::Form(form)) => form.paste(text, &mask),
            Some(Overlay::Search { input, .. }) => {
                for c in mask.text(text).chars().filter(|c| !c.is_control()) {
                    input.handle(tui_input::InputRequest::InsertChar(c));
                }
            }
            _ => self.refuse("nothing here takes text; e edits, / searches"),
        }
        Vec::new()
    }

    fn form_key(&mut self, mut form: Form, key: KeyEvent) -> Vec<Effect> {
        match form.press(key) {
            Pressed::Typed => self.overlay = Some(Overlay::Form(form)),
            Pressed::Leave => self.leave(&form),
            Pressed::Quit => {
                self.leave(&form);
                return self.quit();
            }
            Pressed::Done => {
                if let Some(effects) = self.submit(&mut form) {
                    return effects;
                }
                self.overlay = Some(Overlay::Form(form));
            }
        }
        Vec::new()
    }

    fn search_key(
        &mut self,
        mut input: tui_input::Input,
        cursor: usize,
        key: KeyEvent,
    ) -> Vec<Effect> {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let hits = self.hits(input.value());
        let last = hits.len().saturating_sub(1);
        let cursor = match key.code {
            KeyCode::Esc => return Vec::new(),
            KeyCode::Char('c') if control => return self.quit(),
            KeyCode::Enter => {
                if let Some((step, row, _)) = hits.get(cursor) {
                    self.go_to(*step, Some(row));
                }
                return Vec::new();
            }
            KeyCode::Down | KeyCode::Tab => (cursor + 1).min(last),
            KeyCode::Up | KeyCode::BackTab => cursor.saturating_sub(1),
            code => {
                if let Some(request) = form::request(code, control) {
                    input.handle(request);
                }
                0
            }
        };
        self.overlay = Some(Overlay::Search { input, cursor });
        Vec::new()
    }

    /// Returns what holds the words looked for: step, row and a line for the list.
    #[must_use]
    pub fn hits(&self, words: &str) -> Vec<(Step, Row, String)> {
        let words = words.to_lowercase();
        if words.trim().is_empty() {
            return Vec::new();
        }
        let mut hits = Vec::new();
        for step in Step::all(&self.runbook) {
            for row in page::rows(self, step) {
                let (title, text) = page::text(self, &row);
                let whole = format!("{title} {text}").to_lowercase();
                if words.split_whitespace().all(|word| whole.contains(word)) {
                    hits.push((step, row, title));
                }
            }
        }
        hits
    }

    fn overlay_key(&mut self, overlay: Overlay, key: KeyEvent) -> Vec<Effect> {
        let action = keymap::action(key);
        if action == Some(Action::Quit) && key.code != KeyCode::Char('q') {
            return self.quit();
        }
        if key.code == KeyCode::Esc || key.code == KeyCode::Char('q') {
            match overlay {
                Overlay::Signing { .. } => {
                    self.say("Nothing was sealed; sign when you are ready".to_owned());
                    return vec![Effect::LetGo];
                }
                Overlay::Records(archive) => self.close_record(archive),
                Overlay::Applying { .. } if !self.is_applying() => {
                    return self.leave_applied(false);
                }
                _ => {}
            }
            return Vec::new();
        }
        let scrolled = |scroll: u16| scrolled(scroll, action);
        let stays = match overlay {
            Overlay::Help { .. } if action == Some(Action::Help) => return Vec::new(),
            Overlay::Help { scroll } => Overlay::Help { scroll: scrolled(scroll) },
            Overlay::Output { check, .. } if action == Some(Action::Run) => {
                return self.run_check(&check);
            }
            Overlay::Output { check, scroll } => {
                Overlay::Output { check, scroll: scrolled(scroll) }
            }
            Overlay::Card { item, place, scroll } => {
                return self.card_key(&item, place, scrolled(scroll), action);
            }
            Overlay::Apply { application, .. } if action == Some(Action::Open) => {
                return self.apply(*application);
            }
            Overlay::Apply { mut application, scroll } => {
                if action == Some(Action::Undo) {
                    Self::toggle_undo(&mut application);
                }
                Overlay::Apply { application, scroll: scrolled(scroll) }
            }
            Overlay::Applying { scroll } if action == Some(Action::Open) => {
                if self.is_applying() {
                    Overlay::Applying { scroll }
                } else {
                    return self.leave_applied(true);
                }
            }
            Overlay::Applying { scroll } => Overlay::Applying { scroll: scrolled(scroll) },
            Overlay::Moved { .. } if action == Some(Action::Moved) => return Vec::new(),
            Overlay::Moved { scroll } => Overlay::Moved { scroll: scrolled(scroll) },
            Overlay::Consent { checks, .. } if action == Some(Action::Open) => {
                return self.consent(checks);
            }
            Overlay::Consent { checks, scroll } => {
                Overlay::Consent { checks, scroll: scrolled(scroll) }
            }
            Overlay::TakeOver { .. } if action == Some(Action::Open) => return self.take_over(),
            Overlay::TakeOver { scroll } => Overlay::TakeOver { scroll: scrolled(scroll) },
            Overlay::Signing { offer, cursor, .. } => {
                return self.signing_key(offer, cursor, action);
            }
            Overlay::Records(archive) => return self.records_key(archive, action),
            Overlay::Sealed { .. } if action == Some(Action::Open) => return Vec::new(),
            Overlay::Sealed { sealed, scroll } => {
                Overlay::Sealed { sealed, scroll: scrolled(scroll) }
            }
            Overlay::Blockers { .. } if action == Some(Action::Blockers) => return Vec::new(),
            Overlay::Blockers { cursor } => match self.blockers_key(cursor, action) {
                None => return Vec::new(),
                Some(cursor) => Overlay::Blockers { cursor },
            },
            Overlay::Form(_) | Overlay::Search { .. } => overlay,
        };
        self.overlay = Some(stays);
        Vec::new()
    }

    /// Moves in the list of blockers; none where it was left for one of them.
    fn blockers_key(&mut self, cursor: usize, action: Option<Action>) -> Option<usize> {
        let last = self.review.blockers.len().saturating_sub(1);
        match action {
            Some(Action::Open) => {
                if let Some(blocker) = self.review.blockers.get(cursor) {
                    let (step, row) = page::home(self, blocker);
                    self.go_to(step, row.as_ref());
                }
                None
            }
            action => Some(moved(cursor, last, action)),
        }
    }

    fn perform(&mut self, action: Action) -> Vec<Effect> {
        if self.sealed.is_some() && changes_something(action) {
            self.refuse("this change is sealed; leave with q and start a new one");
            return Vec::new();
        }
        match action {
            Action::Up => self.move_by(|place, _| place.saturating_sub(1)),
            Action::Down => self.move_by(|place, last| (place + 1).min(last)),
            Action::PageUp => self.scroll_detail(|scroll| scroll.saturating_sub(5)),
            Action::PageDown => self.scroll_detail(|scroll| scroll.saturating_add(5)),
            Action::Top => self.move_by(|_, _| 0),
            Action::Bottom => self.move_by(|_, last| last),
            Action::Left => self.pane = Pane::Rail,
            Action::Right => self.pane = Pane::List,
            Action::NextPane => self.pane = next_pane(self.pane),
            Action::PreviousPane => self.pane = next_pane(next_pane(self.pane)),
            Action::NextStep => self.next_step(),
            Action::Step(index) => self.step_at(index),
            Action::Open => return self.open_row(),
            Action::Back => self.back(),
            Action::Settle => return self.settle(),
            Action::Edit => return self.edit(),
            Action::Fix => return self.fix(),
            Action::Accept => self.ask_acceptance(),
            Action::NotApplicable => self.why_applicable(),
            Action::Cards => self.open_cards(),
            Action::Undo => return self.undo(),
            Action::Run => return self.run(),
            Action::Cancel => return self.stop(),
            Action::Write => self.ask_file(),
            Action::Copy => return self.copy(),
            Action::Print => self.print(),
            Action::Apply => self.ask_to_apply(),
            Action::Diff => self.as_diff = !self.as_diff,
            Action::Blockers => self.overlay = Some(Overlay::Blockers { cursor: 0 }),
            Action::Moved if self.moved.is_some() => {
                self.overlay = Some(Overlay::Moved { scroll: 0 });
            }
            Action::Moved => self.refuse("the config has not changed since the wizard opened"),
            Action::Records => return self.show_records(),
            Action::Search => {
                self.overlay =
                    Some(Overlay::Search { input: tui_input::Input::default(), cursor: 0 });
            }
            Action::Rollback => {
                self.go(Step::Rollback);
                self.pane = Pane::List;
            }
            Action::Help => self.overlay = Some(Overlay::Help { scroll: 0 }),
            Action::Quit => return self.quit(),
        }
        Vec::new()
    }

    fn move_by(&mut self, to: impl Fn(usize, usize) -> usize) {
        match self.pane {
            Pane::List => {
                let last = self.rows().len().saturating_sub(1);
                self.cursors.insert(self.step, to(self.cursor(), last));
                self.scroll = 0;
            }
            Pane::Rail => {
                let steps = Step::all(&self.runbook);
                let here = steps.iter().position(|step| *step == self.step).unwrap_or(0);
                let there = to(here, steps.len().saturating_sub(1));
                if let Some(step) = steps.get(there) {
                    self.go(*step);
                }
            }
            Pane::Detail => {
                let to = to(usize::from(self.scroll), usize::from(u16::MAX));
                self.scroll = u16::try_from(to).unwrap_or(u16::MAX);
            }
        }
    }

    fn scroll_detail(&mut self, to: impl Fn(u16) -> u16) {
        self.scroll = to(self.scroll);
    }

    fn next_step(&mut self) {
        let steps = Step::all(&self.runbook);
        let here = steps.iter().position(|step| *step == self.step);
        let next = here.map_or(0, |here| (here + 1) % steps.len().max(1));
        self.step_at(next);
    }

    fn step_at(&mut self, index: usize) {
        match Step::all(&self.runbook).get(index) {
            Some(step) => self.go(*step),
            None => self.refuse("this runbook has no such step"),
        }
    }

    fn back(&mut self) {
        if self.pane == Pane::Detail {
            self.pane = Pane::List;
        } else if self.step == Step::Rollback {
            self.go(self.back);
        } else {
            self.pane = Pane::List;
            self.scroll = 0;
        }
    }

    fn open_row(&mut self) -> Vec<Effect> {
        if self.pane == Pane::Rail {
            self.pane = Pane::List;
            return Vec::new();
        }
        match self.row() {
            None => {
                self.next_step();
                Vec::new()
            }
            Some(Row::Pattern(index)) => self.ask_reason(index),
            Some(Row::Entry(index)) => {
                let entry = self.runbook.inventory.get(index);
                let on_record = |id| self.answers.inventory.contains_key(id);
                if entry.is_some_and(|it| on_record(&it.id) && !self.otherwise.contains(&it.id)) {
                    self.say("It is on record; e edits it, u takes it back".to_owned());
                    return Vec::new();
                }
                self.settle()
            }
            Some(Row::Check(index)) => self.open_check(index),
            Some(Row::Sign) => {
                self.ask_signature();
                Vec::new()
            }
            Some(Row::Blocker(index)) => {
                if let Some(blocker) = self.review.blockers.get(index) {
                    let (step, row) = page::home(self, blocker);
                    self.go_to(step, row.as_ref());
                }
                Vec::new()
            }
            Some(Row::Shape(shape)) => {
                self.ask_shape_file(shape);
                Vec::new()
            }
            Some(Row::Offer(index)) => self.plan_offer(index),
            Some(Row::Applied(index)) => {
                let item = self.answers.applied.get(index).map(|(item, _)| item.clone());
                let effects = item.map_or_else(Vec::new, |item| self.keep(&item));
                if effects.is_empty() {
                    self.pane = Pane::Detail;
                }
                effects
            }
            Some(Row::Item(_) | Row::Note(_) | Row::Finding(_) | Row::Move(_)) => {
                self.pane = Pane::Detail;
                self.say("Up and down scroll the detail; esc goes back to the list".to_owned());
                Vec::new()
            }
        }
    }

    fn open_check(&mut self, index: usize) -> Vec<Effect> {
        let Some(check) = self.runbook.checks.get(index).map(|check| check.id.clone()) else {
            return Vec::new();
        };
        let runs = matches!(self.in_flight.get(&check), Some(InFlight::Running { .. }));
        let stale = self.review.stale.contains(&check);
        let shown = !stale || self.other_host().is_some();
        if runs || (self.answers.runs.contains_key(&check) && shown) {
            self.overlay = Some(Overlay::Output { check, scroll: 0 });
            return Vec::new();
        }
        let asked = self.runbook.checks.get(index).map(|check| check.need);
        match asked {
            Some(crate::runbook::Need::OnRequest | crate::runbook::Need::Proof) => {
                self.run_check(&check)
            }
            Some(crate::runbook::Need::Required) | None => self.ask_to_run(),
        }
    }

    fn run(&mut self) -> Vec<Effect> {
        match self.row() {
            Some(Row::Check(index)) => {
                let check = self.runbook.checks.get(index).map(|check| check.id.clone());
                check.map_or_else(Vec::new, |check| self.run_check(&check))
            }
            Some(Row::Move(index)) => self.rehearse_move(index),
            Some(Row::Shape(page::Shape::Rollback)) => {
                let check = change::rehearsal_check(&self.runbook).map(str::to_owned);
                check.map_or_else(Vec::new, |check| self.run_check(&check))
            }
            Some(Row::Finding(key)) => {
                let state = self.review.findings.iter().find(|state| state.key == key);
                let source = state.and_then(|state| state.sources.first().cloned());
                source.map_or_else(Vec::new, |check| self.run_check(&check))
            }
            Some(Row::Item(id)) => {
                let run = self.runbook.item(&id).and_then(|item| item.run.clone());
                if let Some(check) = run {
                    return self.run_check(&check);
                }
                self.refuse("no command proves this item; read its detail");
                Vec::new()
            }
            _ => self.ask_to_run(),
        }
    }

    fn stop(&mut self) -> Vec<Effect> {
        let checks: Vec<String> = match self.row() {
            Some(Row::Check(index)) => {
                self.runbook.checks.get(index).map(|check| check.id.clone()).into_iter().collect()
            }
            _ => self.in_flight.keys().cloned().collect(),
        };
        if checks.is_empty() {
            self.refuse("nothing runs");
        }
        checks.iter().flat_map(|check| self.cancel(check)).collect()
    }

    fn why_applicable(&mut self) {
        let Some(Row::Item(id)) = self.row() else {
            return self.refuse("only items can be not applicable");
        };
        let because = self.review.items.get(&id).and_then(|judged| judged.because.clone());
        let outside = self.review.verdict(&id) == crate::verdict::Verdict::NotApplicable;
        let applies = self.runbook.item(&id).and_then(|item| item.applies.as_ref());
        match (outside, applies) {
            (true, _) => self.say(format!("Not applicable: {}", because.unwrap_or_default())),
            (false, Some(_)) => {
                self.refuse("its own rule says that it applies here");
            }
            (false, None) => {
                self.refuse("it always applies, to every gateway");
            }
        }
    }

    fn copy(&mut self) -> Vec<Effect> {
        if let Some(check) = self.check_here().cloned() {
            return self.copy_errand(&check);
        }
        let Some(Row::Shape(shape)) = self.row() else {
            self.refuse("there is nothing to copy here");
            return Vec::new();
        };
        self.say(COPIED.to_owned());
        vec![Effect::Copy(self.shape_texts(shape, patch::COLUMNS).join("\n"))]
    }

    fn print(&mut self) {
        let name = match self.row() {
            Some(Row::Shape(page::Shape::Baseline)) => "baseline.json5",
            Some(Row::Shape(page::Shape::Rollback)) => "rollback.json5",
            Some(Row::Applied(index)) => {
                let undo = self.answers.applied.get(index).map(|(_, it)| it.done.undo.clone());
                return undo.map_or((), |undo| self.say(undo));
            }
            Some(Row::Move(index)) => match self.answers.plan.get(index) {
                Some((item, _)) => &shapes::move_file(item),
                None => return,
            },
            _ => return self.refuse("no command goes with this"),
        };
        self.say(patch::apply_command(&self.gateway, name));
    }
}

/// Returns the first line shown after a key.
pub(super) fn scrolled(scroll: u16, action: Option<Action>) -> u16 {
    match action {
        Some(Action::Up) => scroll.saturating_sub(1),
        Some(Action::Down) => scroll.saturating_add(1),
        Some(Action::PageUp) => scroll.saturating_sub(10),
        Some(Action::PageDown | Action::Settle) => scroll.saturating_add(10),
        Some(Action::Top) => 0,
        _ => scroll,
    }
}

/// Returns the place in a list after a key.
pub(super) fn moved(cursor: usize, last: usize, action: Option<Action>) -> usize {
    match action {
        Some(Action::Up) => cursor.saturating_sub(1),
        Some(Action::Down) => (cursor + 1).min(last),
        Some(Action::PageUp) => cursor.saturating_sub(SCREEN),
        Some(Action::PageDown) => (cursor + SCREEN).min(last),
        Some(Action::Top) => 0,
        Some(Action::Bottom) => last,
        _ => cursor,
    }
}

/// Tells whether an action adds to the change.
fn changes_something(action: Action) -> bool {
    use Action::{Accept, Apply, Edit, Fix, Run, Settle, Undo};
    matches!(action, Accept | Apply | Edit | Fix | Run | Settle | Undo)
}

fn next_pane(pane: Pane) -> Pane {
    match pane {
        Pane::Rail => Pane::List,
        Pane::List => Pane::Detail,
        Pane::Detail => Pane::Rail,
    }
}
