//! What lies over the step.

use crate::app::Application;
use crate::app::Archive;
use crate::app::Offer;
use crate::app::Sealed;
use crate::app::form::Form;

/// What lies over the step. Never more than one.
#[derive(Clone, Debug)]
pub enum Overlay {
    /// Questions to be answered.
    Form(Form),
    /// Every key.
    Help {
        /// The first line shown.
        scroll: u16,
    },
    /// What blocks signing.
    Blockers {
        /// Which one is under the cursor.
        cursor: usize,
    },
    /// Looking for something.
    Search {
        /// What is looked for.
        input: tui_input::Input,
        /// Which hit is under the cursor.
        cursor: usize,
    },
    /// What checks may write, before they start.
    Consent {
        /// Which checks.
        checks: Vec<String>,
        /// The first line shown.
        scroll: u16,
    },
    /// What a check printed.
    Output {
        /// Which check.
        check: String,
        /// The first line shown.
        scroll: u16,
    },
    /// How to see an item with one's own eyes, and what was seen.
    Card {
        /// The item.
        item: String,
        /// Which of its cards, from 0.
        place: usize,
        /// The first line shown.
        scroll: u16,
    },
    /// What is about to be applied, to be agreed to.
    Apply {
        /// What, and what stands before it.
        application: Box<Application>,
        /// The first line shown.
        scroll: u16,
    },
    /// What is told while it is applied, and what came of it.
    Applying {
        /// The first line shown.
        scroll: u16,
    },
    /// What the config means now that it did not mean before.
    Moved {
        /// The first line shown.
        scroll: u16,
    },
    /// What is about to be signed, and with which key.
    Signing {
        /// The record and the keys.
        offer: Box<Offer>,
        /// Which key is under the cursor.
        cursor: usize,
        /// Why nothing was sealed the last time.
        problem: Option<String>,
    },
    /// What the last record accepted, to be taken over.
    TakeOver {
        /// The first line shown.
        scroll: u16,
    },
    /// The record that was made.
    Sealed {
        /// Where it is.
        sealed: Sealed,
        /// The first line shown.
        scroll: u16,
    },
    /// The records there are.
    Records(Archive),
}
