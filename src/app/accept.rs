//! Accepting what is left open: whether it may be, and the questions that go with it.

use crate::app::App;
use crate::app::form::Asks;
use crate::app::form::Form;
use crate::app::page::Row;
use crate::change::Settled;
use crate::residual::DEFAULT_DAYS;
use crate::verdict::Run;
use crate::verdict::Verdict;

impl App {
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
}
