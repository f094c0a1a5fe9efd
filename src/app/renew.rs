//! What the last record accepted: taken over, renewed, or open again.

use chrono::NaiveDate;

use crate::app::App;
use crate::app::Effect;
use crate::app::Overlay;
use crate::change::Act;
use crate::residual::Residual;

/// What becomes of an earlier acceptance in a new change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It goes on until its end.
    Holds,
    /// Its end is near: it is asked for again.
    EndsSoon,
    /// Its end has passed: it is open again.
    Expired,
}

impl Fate {
    /// Says it in a few words.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Holds => "goes on",
            Self::EndsSoon => "ends soon, to renew",
            Self::Expired => "expired, open again",
        }
    }
}

/// An acceptance that was given before.
pub(super) struct Earlier {
    pub(super) reason: String,
    pub(super) owner: String,
    pub(super) expires: NaiveDate,
}

impl App {
    /// Returns what the last record accepted, and what becomes of each.
    #[must_use]
    pub fn earlier(&self) -> Vec<(Residual, Fate)> {
        let Some(previous) = &self.previous else { return Vec::new() };
        let today = self.now.date_naive();
        let fate = |residual: &Residual| {
            if residual.expires < today {
                Fate::Expired
            } else if residual.ends_soon(today) {
                Fate::EndsSoon
            } else {
                Fate::Holds
            }
        };
        let all = previous.accepted(&self.runbook).into_values();
        all.map(|residual| (residual.clone(), fate(&residual))).collect()
    }

    /// Offers them where the change is new.
    pub(super) fn offer_residuals(&mut self) {
        if self.change.entries().is_empty() && !self.earlier().is_empty() {
            self.overlay = Some(Overlay::TakeOver { scroll: 0 });
        }
    }

    /// Takes over what goes on, and what has expired so that it says so where it is open.
    pub(super) fn take_over(&mut self) -> Vec<Effect> {
        let earlier = self.earlier();
        let (soon, kept): (Vec<_>, Vec<_>) =
            earlier.into_iter().partition(|(_, fate)| *fate == Fate::EndsSoon);
        let taken = crate::text::count(kept.len(), "acceptance");
        for (residual, _) in kept {
            let entry = self.change.act(Act::Accept(residual), self.now);
            self.unsaved.push(entry);
        }
        self.recompute();
        self.say(match soon.len() {
            0 => format!("Took over {taken}"),
            soon => format!("Took over {taken}; {soon} to renew with `a` where they are open"),
        });
        if self.unsaved.is_empty() {
            return Vec::new();
        }
        vec![Effect::Save(self.unsaved.clone())]
    }

    /// Returns who accepted a subject before, why and until when: in this change, or in the last
    /// record, where the same finding counts as it was then.
    pub(super) fn accepted_before(&self, subject: &str) -> Option<Earlier> {
        if let Some(it) = self.answers.residuals.get(subject) {
            let (reason, owner) = (it.reason.clone(), it.owner.clone());
            return Some(Earlier { reason, owner, expires: it.expires });
        }
        let check = |subject: &str| subject.split('#').next().map(str::to_owned);
        let all = &self.previous.as_ref()?.residuals;
        let same = all.iter().find(|it| it.subject == subject);
        let it = same.or_else(|| all.iter().find(|it| check(&it.subject) == check(subject)))?;
        let (reason, owner) = (it.reason.clone(), it.owner.clone());
        Some(Earlier { reason, owner, expires: it.expires })
    }
}
