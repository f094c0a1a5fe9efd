//! The sealed records of the gateway: listed, and one of them opened.

use chrono::DateTime;
use chrono::FixedOffset;

use crate::app::App;
use crate::app::Effect;
use crate::app::Overlay;
use crate::app::keymap::Action;
use crate::record::verify::Verified;

/// What the list shows of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The name of its folder.
    pub folder: String,
    /// When it was sealed, as the clock of this place has it.
    pub sealed: DateTime<FixedOffset>,
    /// The name of the change.
    pub change: String,
    /// How the change ended.
    pub outcome: String,
    /// Whether it says that it is signed; opening it tells whether that is so.
    pub signed: bool,
    /// Who sealed it, by their own word.
    pub operator: String,
    /// What was said since that takes it away, in a word or two.
    pub withdrawn: Option<&'static str>,
}

/// A record that was opened.
#[derive(Clone, Debug, PartialEq)]
pub struct Opened {
    /// What verifying it came to.
    pub verified: Verified,
    /// Its page for people.
    pub page: String,
    /// Whether that page is the one that was sealed.
    pub genuine: bool,
}

/// The records as they lie over the step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Archive {
    /// The newest first; none while they are read.
    pub list: Option<Vec<Listed>>,
    /// Which one is under the cursor.
    pub cursor: usize,
    /// The one that is open.
    pub open: Option<Open>,
}

/// A record that is open, or about to be.
#[derive(Clone, Debug, PartialEq)]
pub struct Open {
    /// The name of its folder.
    pub folder: String,
    /// What is in it, or why it cannot be read; none while it is read.
    pub record: Option<Result<Box<Opened>, String>>,
    /// The first line shown.
    pub scroll: u16,
}

impl App {
    /// Shows the records; they are read while the list already stands.
    pub(super) fn show_records(&mut self) -> Vec<Effect> {
        self.overlay = Some(Overlay::Records(Archive::default()));
        vec![Effect::ListRecords]
    }

    /// Takes the list, where it is still waited for.
    pub(super) fn listed(&mut self, list: Vec<Listed>) {
        if let Some(Overlay::Records(archive)) = &mut self.overlay {
            archive.cursor = archive.cursor.min(list.len().saturating_sub(1));
            archive.list = Some(list);
        }
    }

    /// Takes a record, where it is the one that is waited for.
    pub(super) fn opened(&mut self, folder: &str, record: Result<Box<Opened>, String>) {
        if let Some(Overlay::Records(Archive { open: Some(open), .. })) = &mut self.overlay
            && open.folder == folder
        {
            open.record = Some(record);
        }
    }

    /// Moves in the list, opens, or goes back to it.
    pub(super) fn records_key(
        &mut self,
        mut archive: Archive,
        action: Option<Action>,
    ) -> Vec<Effect> {
        let mut effects = Vec::new();
        let last = archive.list.as_ref().map_or(0, |list| list.len().saturating_sub(1));
        match (&mut archive.open, action) {
            (Some(_), Some(Action::Open | Action::Left | Action::Records)) => archive.open = None,
            (Some(open), action) => open.scroll = super::keys::scrolled(open.scroll, action),
            (None, Some(Action::Records)) => return Vec::new(),
            (None, Some(Action::Open | Action::Right)) => {
                let meant = archive.list.as_ref().and_then(|list| list.get(archive.cursor));
                if let Some(meant) = meant {
                    let folder = meant.folder.clone();
                    effects.push(Effect::OpenRecord(folder.clone()));
                    archive.open = Some(Open { folder, record: None, scroll: 0 });
                }
            }
            (None, action) => archive.cursor = super::keys::moved(archive.cursor, last, action),
        }
        self.overlay = Some(Overlay::Records(archive));
        effects
    }

    /// Goes back from a record to the list, and from the list to the step.
    pub(super) fn close_record(&mut self, archive: Archive) {
        if archive.open.is_some() {
            self.overlay = Some(Overlay::Records(Archive { open: None, ..archive }));
        }
    }
}
