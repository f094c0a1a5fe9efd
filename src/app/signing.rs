//! Signing: what is offered before the touch, and what the operator picks.

use crate::app::App;
use crate::app::Effect;
use crate::app::Overlay;
use crate::app::keymap::Action;

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
