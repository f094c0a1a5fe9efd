//! Signing: what is offered before the touch, and what the operator picks.

use crate::app::App;
use crate::app::Effect;
use crate::app::Overlay;
use crate::app::form::Asks;
use crate::app::form::Form;
use crate::app::keymap::Action;
use crate::app::page::Step;
use crate::change::Blocker;
use crate::record::Ending;
use crate::record::Outcome;
use crate::record::Record;
use crate::record::Sealing;

/// The word a person types to sign.
const SIGN: &str = "sign";

/// A key that can sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningKey {
    /// Its kind and comment, such as `ssh-ed25519 mira@vega`.
    pub name: String,
    /// Its fingerprint.
    pub fingerprint: String,
    /// Where its private part is.
    pub held: Held,
}

/// Where the private part of a key is. Portcullis never touches it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    /// The agent has it: the public key as the agent lists it.
    Agent(String),
    /// It lies beside this `.pub` file, or a device has it.
    File(String),
}

impl Held {
    /// Says where, in a word or two.
    #[must_use]
    pub fn place(&self) -> &str {
        match self {
            Self::Agent(_) => "in the agent",
            Self::File(path) => path,
        }
    }
}

/// How a record is sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pen {
    /// With a key.
    Key(SigningKey),
    /// With a key that is made now.
    NewKey,
    /// Without one.
    None,
}

/// A record ready to be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// SHA-256 of the bytes to be signed, in hex.
    pub sha256: String,
    /// Its place in the chain of the target.
    pub seq: u64,
    /// The keys there are.
    pub keys: Vec<SigningKey>,
    /// Where a key made now would go; none where `ssh-keygen` is missing or that key is there.
    pub new_key: Option<String>,
    /// Why nothing can be signed, or why the key that is set cannot be used.
    pub without: Option<String>,
}

impl Offer {
    /// Returns what can be picked, in the order of the list.
    #[must_use]
    pub fn pens(&self) -> Vec<Pen> {
        let keys = self.keys.iter().cloned().map(Pen::Key);
        let new = self.new_key.iter().map(|_| Pen::NewKey);
        keys.chain(new).chain([Pen::None]).collect()
    }
}

impl App {
    /// Asks for the name and the word that sign, and names what blocks.
    pub(super) fn ask_signature(&mut self) {
        if self.sealed.is_some() {
            return self.refuse("this change is sealed; leave with q and start a new one");
        }
        self.find_what_was_begun();
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

    pub(super) fn sign(&mut self, form: &mut Form, values: &[String]) -> Option<Vec<Effect>> {
        let [name, word] = values else { return None };
        let problem = if name.trim().is_empty() {
            Some("a record needs a name")
        } else if word.trim() != SIGN {
            Some("type the word `sign` to seal the record")
        } else if self.is_busy() {
            Some("a check is still running; wait for it, or stop it where it was started")
        } else if self.answers.begun.is_some() {
            Some(
                "a move was begun and OpenClaw may still write it; wait three minutes and sign then",
            )
        } else if self.answers.applied.iter().any(|(_, it)| self.pending(it).is_some()) {
            Some(
                "a move may still be undone by itself: keep it in step 8, or wait until it is undone",
            )
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

    /// Says which signatures the record of this change must have, a line each.
    #[must_use]
    pub fn demanded(&self) -> Vec<String> {
        let Some(policy) = &self.policy else { return Vec::new() };
        let pattern = self.answers.choice.as_ref().map(|choice| choice.pattern.as_str());
        policy.demands(pattern, self.now.date_naive())
    }

    /// Shows what is about to be signed.
    pub(super) fn offered(&mut self, offer: Offer) {
        self.overlay = Some(Overlay::Signing { offer: Box::new(offer), cursor: 0, problem: None });
    }

    /// Moves among the keys, signs, or leaves.
    pub(super) fn signing_key(
        &mut self,
        offer: Box<Offer>,
        cursor: usize,
        action: Option<Action>,
    ) -> Vec<Effect> {
        let pens = offer.pens();
        let last = pens.len().saturating_sub(1);
        let cursor = match action {
            Some(Action::Open) => {
                let pen = pens.into_iter().nth(cursor).unwrap_or(Pen::None);
                self.overlay = Some(Overlay::Signing { offer, cursor, problem: None });
                return vec![Effect::Sign(pen)];
            }
            Some(Action::Up) => cursor.saturating_sub(1),
            Some(Action::Down) => (cursor + 1).min(last),
            Some(Action::Top) => 0,
            Some(Action::Bottom) => last,
            _ => cursor,
        };
        self.overlay = Some(Overlay::Signing { offer, cursor, problem: None });
        Vec::new()
    }

    /// Says why nothing was sealed; the choice stays open.
    pub(super) fn not_signed(&mut self, why: String) {
        match &mut self.overlay {
            Some(Overlay::Signing { problem, .. }) => *problem = Some(why),
            _ => self.refuse(format!("The record was not sealed: {why}")),
        }
    }
}
