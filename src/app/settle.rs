//! What the operator decides: the pattern, the inventory, their word, acceptances, moves, signing.

use std::collections::BTreeSet;

use crate::app::App;
use crate::app::Effect;
use crate::app::Emission;
use crate::app::Overlay;
use crate::app::form::Asks;
use crate::app::form::Form;
use crate::app::page::Row;
use crate::app::page::Step;
use crate::change::Act;
use crate::change::Choice;
use crate::change::Recorded;
use crate::openclaw::fact;
use crate::openclaw::fact::State;
use crate::openclaw::patch;
use crate::openclaw::tailor::Tailored;
use crate::residual::Residual;
use crate::residual::Seen;
use crate::runbook::Entry;
use crate::verdict;
use crate::verdict::Statement;

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

    /// Tells whether a person's word would settle an item now.
    #[must_use]
    pub fn takes_word(&self, item: &str) -> bool {
        self.may_say(item).is_ok() && !self.review.verdict(item).is_settled()
    }

    fn say_word(&mut self, item: String, says: String) -> Vec<Effect> {
        let config = self.live.config().map(|config| config.digest.clone());
        let statement = Statement { says, who: self.operator.clone(), at: self.now, config };
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

    /// Returns the entries that are on record and of which something else is found now.
    pub(super) fn found_otherwise(&self) -> BTreeSet<String> {
        let Some(facts) = self.live.facts() else { return BTreeSet::new() };
        let entries = self.runbook.inventory.iter().filter(|entry| {
            let recorded = self.answers.inventory.get(&entry.id);
            recorded.is_some_and(|(it, _)| it.found != patch::found(entry, Some(facts)))
        });
        entries.map(|entry| entry.id.clone()).collect()
    }

    /// Returns what of the host an entry asks for and nobody can see from here.
    fn unseen(&self, entry: &Entry) -> Vec<String> {
        let facts = self.live.facts().map(|facts| facts.facts.as_slice()).unwrap_or_default();
        let hidden = facts.iter().filter(|fact| {
            fact.state == State::Hidden
                && ["host.", "listener."].iter().any(|family| fact.path.starts_with(family))
                && entry.facts.iter().any(|path| path == fact.path)
        });
        let mut labels: Vec<String> = hidden.map(|fact| fact::label(fact.path)).collect();
        labels.dedup();
        labels
    }

    fn is_unseen(&self, entry: &str) -> bool {
        let entry = self.runbook.inventory.iter().find(|known| known.id == entry);
        entry.is_some_and(|entry| !self.unseen(entry).is_empty())
    }

    fn confirm_entry(&mut self, index: usize) -> Vec<Effect> {
        let Some(entry) = self.runbook.inventory.get(index) else { return Vec::new() };
        let found = patch::found(entry, self.live.facts());
        let written = self.answers.inventory.get(&entry.id).is_some_and(|(it, _)| it.edited);
        if found.is_empty() || !written && !self.unseen(entry).is_empty() {
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
        let unseen = self.unseen(entry);
        if !unseen.is_empty() {
            form.intro
                .push(format!("Not visible from here, for you to write: {}", unseen.join(", ")));
        }
        self.open(form);
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
            Asks::Value { entry, found } if first == found && self.is_unseen(&entry) => {
                needs(form, "write what is not visible from here; `unknown` is an answer too")
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
