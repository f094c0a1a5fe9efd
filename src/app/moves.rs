//! Planning a widening move: what the operator says first, and the patch that follows from it.

use crate::app::App;
use crate::app::Effect;
use crate::app::form::Asks;
use crate::app::form::Form;
use crate::app::page;
use crate::app::page::Row;
use crate::change::Act;
use crate::change::Planned;
use crate::openclaw::fact::Subject;
use crate::openclaw::tailor;
use crate::openclaw::tailor::Tailored;
use crate::openclaw::tailor::moved;
use crate::openclaw::tailor::moved::Said;
use crate::runbook::Each;
use crate::runbook::Move;
use crate::runbook::SUBJECT;

impl App {
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
        // An item without a rule tells nobody apart; what is closed already stays as it is.
        let no_rule = self.runbook.item(&id).is_some_and(|item| item.rule.is_none());
        let failing: Vec<Subject> = match self.review.items.get(&id) {
            Some(_) if no_rule => facts.subjects(Each::Account).cloned().collect(),
            Some(judged) => judged.failing.clone(),
            None => Vec::new(),
        };
        let patch = tailor::fix(fix, &failing, facts, config);
        if fix.steps.is_empty() && patch.as_object().is_none_or(serde_json::Map::is_empty) {
            self.refuse("the config holds nothing that this fix could close; read the detail");
            return Vec::new();
        }
        let planned =
            Planned { says: fix.says.clone(), patch, steps: fix.steps.clone(), undo: Vec::new() };
        self.say("Put into the plan of moves, step 8 of the wizard".to_owned());
        self.act(Act::Plan(id, planned))
    }

    /// Tells whether the live config says already all that a move writes.
    pub(super) fn says_all_of(&self, planned: &Planned) -> bool {
        let (Some(facts), Some(config)) = (self.live.facts(), self.live.config()) else {
            return false;
        };
        let writes = planned.patch.as_object().is_some_and(|patch| !patch.is_empty());
        writes && Tailored::of(&planned.says, &planned.patch, config, facts).is_empty()
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

    /// Puts a widening move into the plan, once what it needs has been said.
    pub(super) fn plan_offer(&mut self, index: usize) -> Vec<Effect> {
        let Some(one) = self.runbook.moves.get(index).cloned() else { return Vec::new() };
        if let Some(first) = self.closed(index) {
            self.refuse(first);
            return Vec::new();
        }
        if self.review.in_place.contains(&one.id) {
            self.say("It is in place already".to_owned());
            return Vec::new();
        }
        if one.asks.is_empty() && one.each.is_none_or(|each| each == Each::Gateway) {
            return match self.planned_move(&one, &Subject::Gateway, &Said::new()) {
                Ok(effects) => effects,
                Err(why) => {
                    self.refuse(why);
                    Vec::new()
                }
            };
        }
        let subject = self.subjects(&one).first().map(ToString::to_string);
        let which = which(&one).map(|label| (label.to_owned(), subject.unwrap_or_default()));
        let asks = one.asks.iter().map(|ask| {
            let choice = if ask.one_of.is_empty() {
                ask.label.clone()
            } else {
                format!("{}: {}", ask.label, ask.one_of.join(" or "))
            };
            (choice, ask.first.clone())
        });
        let fields = which.into_iter().chain(asks).collect();
        let mut form = Form::new(Asks::Move { id: one.id.clone() }, one.title(), fields);
        form.intro.push(one.why.clone());
        self.open(form);
        Vec::new()
    }

    /// Takes what the operator said and puts the move into the plan.
    ///
    /// # Errors
    ///
    /// Why an answer cannot be taken.
    pub(super) fn said_for_move(
        &mut self,
        id: &str,
        values: &[String],
    ) -> Result<Vec<Effect>, String> {
        let one = self.runbook.widening(id).cloned().ok_or("the runbook has no such move")?;
        let mut values = values.iter();
        let mut said = Said::new();
        let subject = match which(&one) {
            None => Subject::Gateway,
            Some(label) => {
                let typed = values.next().map_or("", |value| value.trim());
                said.insert(SUBJECT.to_owned(), vec![typed.to_owned()]);
                let mut known = self.subjects(&one).into_iter();
                let found = known.find(|subject| subject.to_string() == typed);
                found.ok_or_else(|| format!("{label}: the config has no `{typed}`"))?
            }
        };
        for (ask, typed) in one.asks.iter().zip(values) {
            said.insert(ask.name.clone(), moved::answer(ask, typed)?);
        }
        self.planned_move(&one, &subject, &said)
    }

    fn planned_move(
        &mut self,
        one: &Move,
        subject: &Subject,
        said: &Said,
    ) -> Result<Vec<Effect>, String> {
        let (Some(facts), Some(config)) = (self.live.facts(), self.live.config()) else {
            return Err("the config cannot be read, so no move can be worked out".to_owned());
        };
        let fix = moved::as_fix(one, said);
        let patch = moved::value(one, subject, said, facts, config);
        let planned = Planned {
            says: fix.says,
            patch,
            steps: fix.steps,
            undo: one.undo.iter().map(|step| moved::filled(step, said)).collect(),
        };
        self.say("Planned; A applies it once nothing stands before it".to_owned());
        Ok(self.act(Act::Plan(one.id.clone(), planned)))
    }

    /// Returns what a move can be about.
    fn subjects(&self, one: &Move) -> Vec<Subject> {
        let each = one.each.unwrap_or(Each::Gateway);
        self.live.facts().map_or_else(Vec::new, |facts| facts.subjects(each).cloned().collect())
    }
}

/// Returns the question for what a move is about, where that is not the gateway.
fn which(one: &Move) -> Option<&'static str> {
    match one.each? {
        Each::Gateway => None,
        Each::Account => Some("which account"),
        Each::Group => Some("which group"),
        Each::Agent => Some("which agent"),
        Each::Route => Some("which route"),
    }
}
