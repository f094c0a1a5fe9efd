//! Answering an item's cards: run here where that may be, paste, or write down what was seen.

use crate::app::App;
use crate::app::Effect;
use crate::app::Overlay;
use crate::app::form::Asks;
use crate::app::form::Form;
use crate::app::keymap::Action;
use crate::app::page::Row;
use crate::change::Act;
use crate::openclaw::command;
use crate::openclaw::command::End;
use crate::openclaw::command::Ended;
use crate::openclaw::witness::Asked;
use crate::runbook::Card;
use crate::verdict::Sighting;
use crate::verdict::sighting;
use crate::verdict::sighting::How;
use crate::verdict::sighting::Judged;
use crate::verdict::sighting::card_id;

impl App {
    /// Opens the cards of the item under the cursor.
    pub(super) fn open_cards(&mut self) {
        let Some(Row::Item(item)) = self.row() else {
            return self.refuse("only items have cards");
        };
        if self.runbook.item(&item).is_none_or(|item| item.cards.is_empty()) {
            return self.refuse("this item has no card; its rule, or your word, decides");
        }
        self.overlay = Some(Overlay::Card { item, place: 0, scroll: 0 });
    }

    /// Returns a card of an item, by its place.
    #[must_use]
    pub fn card(&self, item: &str, place: usize) -> Option<&Card> {
        self.runbook.item(item)?.cards.get(place)
    }

    /// Tells whether a card's command may be run from here.
    #[must_use]
    pub fn may_run(&self, card: &Card) -> bool {
        card.here && !self.target.demo && self.other_host().is_none()
    }

    /// Returns what was seen on a card, and what its rule makes of it.
    #[must_use]
    pub fn seen(&self, item: &str, place: usize) -> Option<(&Sighting, Judged)> {
        let sighting = self.answers.sightings.get(&card_id(item, place))?;
        let asked = Asked::about(self.live.facts());
        Some((sighting, sighting::judged(self.card(item, place)?, sighting, &asked)))
    }

    /// Tells whether an answer of an item's card still counts.
    #[must_use]
    pub fn card_counts(&self, item: &str, seen: &Sighting) -> bool {
        let at = (seen.at, seen.config.as_deref());
        let live = self.live.digest();
        seen.counts(self.now) && self.answers.still_counts(&self.runbook, item, at, live)
    }

    /// Takes a key while a card is open; none where it was left.
    pub(super) fn card_key(
        &mut self,
        item: &str,
        place: usize,
        scroll: u16,
        action: Option<Action>,
    ) -> Vec<Effect> {
        let cards = self.runbook.item(item).map_or(0, |item| item.cards.len()).max(1);
        let at = |place| Overlay::Card { item: item.to_owned(), place, scroll: 0 };
        let next = match action {
            Some(Action::Right | Action::NextPane) => at((place + 1) % cards),
            Some(Action::Left | Action::PreviousPane) => at((place + cards - 1) % cards),
            _ => Overlay::Card { item: item.to_owned(), place, scroll },
        };
        self.overlay = Some(next);
        match action {
            Some(Action::Run) => self.run_card(item, place),
            Some(Action::Cancel) => self.cancel(&card_id(item, place)),
            Some(Action::Copy) => {
                let command = self.card(item, place).map(|card| card.command.clone());
                self.say("Copied to the terminal's clipboard, where it allows that".to_owned());
                command.map(Effect::Copy).into_iter().collect()
            }
            Some(Action::Edit) => {
                let asks = Asks::Sighting { item: item.to_owned(), place };
                let form = Form::new(
                    asks,
                    "What did you see?".to_owned(),
                    vec![("the answer, or what happened", String::new())],
                );
                self.open(form);
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    /// Runs a card's command, where it may be run from here.
    fn run_card(&mut self, item: &str, place: usize) -> Vec<Effect> {
        let id = card_id(item, place);
        let Some(card) = self.card(item, place) else { return Vec::new() };
        if self.target.demo {
            self.refuse("this is the sample gateway: nothing is there to be asked");
            return Vec::new();
        }
        if let Some(host) = self.other_host() {
            self.refuse(format!("the gateway is on {host}; run it there and paste what it says"));
            return Vec::new();
        }
        if !card.here {
            self.refuse(format!("it is done on {}; paste what it says here", card.place));
            return Vec::new();
        }
        if self.in_flight.contains_key(&id) {
            return Vec::new();
        }
        let Some(command) = command::card(&card.command, &self.gateway) else {
            self.refuse("its command cannot be run without a shell; run it and paste the answer");
            return Vec::new();
        };
        let run = self.begin(id, command.display());
        vec![Effect::Run(run, Box::new(command))]
    }

    /// Takes the end of a card's command; none where the name is no card's.
    pub(super) fn card_ended(
        &mut self,
        id: &str,
        ended: &Ended,
        config_digest: &str,
    ) -> Option<Vec<Effect>> {
        id.strip_prefix("card.")?;
        let status = match &ended.end {
            End::Exit(status) if !ended.truncated => *status,
            End::Exit(_) => {
                self.refuse("it printed more than is kept, so its answer is not whole");
                return Some(Vec::new());
            }
            End::NotStarted(why) => {
                self.refuse(format!("it could not be started: {why}"));
                return Some(Vec::new());
            }
            End::Deadline | End::Signal(_) | End::Cancelled => {
                self.refuse("it was stopped before it had answered");
                return Some(Vec::new());
            }
        };
        let both = [ended.stdout.as_str(), ended.stderr.as_str()];
        let says =
            if ended.stdout.trim().is_empty() { both.concat() } else { ended.stdout.clone() };
        // It was asked of the config as it was then.
        let config = (!config_digest.is_empty()).then(|| config_digest.to_owned());
        let seen = Sighting::new(id, How::Ran, &says, self.now);
        let seen = Sighting { status: Some(status), config, ..seen };
        Some(self.saw(seen))
    }

    /// Takes a pasted answer.
    pub(super) fn card_pasted(&mut self, item: &str, place: usize, text: &str) -> Vec<Effect> {
        let text = self.live.mask().text(text);
        let seen = Sighting::new(&card_id(item, place), How::Pasted, &text, self.now);
        self.saw(seen)
    }

    /// Takes a written answer.
    pub(super) fn card_typed(&mut self, item: &str, place: usize, text: &str) -> Vec<Effect> {
        self.overlay = Some(Overlay::Card { item: item.to_owned(), place, scroll: 0 });
        let seen = Sighting::new(&card_id(item, place), How::Typed, text, self.now);
        self.saw(seen)
    }

    /// Keeps what was seen, with who brought it and where it was seen from.
    fn saw(&mut self, seen: Sighting) -> Vec<Effect> {
        let place = self.runbook.items().find_map(|item| {
            let cards = item.cards.iter().enumerate();
            let mut cards = cards.filter(|(place, _)| card_id(&item.id, *place) == seen.card);
            cards.next().map(|(_, card)| card.place.clone())
        });
        let vantage = match seen.how {
            How::Ran => self.target.host.clone(),
            How::Pasted | How::Typed => place.unwrap_or_default(),
        };
        let live = || self.live.config().map(|config| config.digest.clone());
        let config = seen.config.clone().or_else(live);
        let seen = Sighting { who: self.operator.clone(), vantage, config, ..seen };
        self.act(Act::Saw(Box::new(seen)))
    }
}
