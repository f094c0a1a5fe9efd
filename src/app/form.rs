//! A few questions on top of the step: a line of text each.

use crossterm::event::KeyCode;
use crossterm::event::KeyEvent;
use crossterm::event::KeyModifiers;
use tui_input::Input;
use tui_input::InputRequest;

use crate::app::page::Shape;
use crate::text::Mask;

/// What a form is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asks {
    /// Why the pattern is needed.
    Reason {
        /// The pattern.
        pattern: String,
    },
    /// The value of an inventory entry.
    Value {
        /// The entry.
        entry: String,
        /// What was found.
        found: String,
    },
    /// What a person says about an item.
    Word {
        /// The item.
        item: String,
    },
    /// Reason, owner and expiry.
    Acceptance {
        /// What is accepted.
        subject: String,
        /// Digest of what is seen.
        scope: String,
    },
    /// Where a config shape goes.
    File {
        /// Which.
        shape: Shape,
    },
    /// Where the patch of a move goes.
    MoveFile {
        /// The item the move is for.
        item: String,
    },
    /// What was seen on a card.
    Sighting {
        /// The item.
        item: String,
        /// Which of its cards, from 0.
        place: usize,
    },
    /// What a widening move needs to know.
    Move {
        /// The move.
        id: String,
    },
    /// The name and the word that sign.
    Signature,
}

impl Asks {
    /// Returns the name under which what was typed is kept.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Reason { pattern } => format!("reason {pattern}"),
            Self::Value { entry, .. } => format!("value {entry}"),
            Self::Word { item } => format!("word {item}"),
            Self::Acceptance { subject, .. } => format!("accept {subject}"),
            Self::File { shape } => format!("file {shape:?}"),
            Self::MoveFile { item } => format!("move {item}"),
            Self::Sighting { item, place } => format!("card {item} {place}"),
            Self::Move { id } => format!("widen {id}"),
            Self::Signature => "signature".to_owned(),
        }
    }
}

/// A few questions.
#[derive(Clone, Debug)]
pub struct Form {
    /// What it is for.
    pub asks: Asks,
    /// Its heading.
    pub title: String,
    /// What is worth knowing before answering.
    pub intro: Vec<String>,
    /// The questions.
    pub fields: Vec<Field>,
    /// Which one takes the keys.
    pub focus: usize,
    /// What was wrong with the answers.
    pub problem: Option<String>,
}

/// A question and its answer.
#[derive(Clone, Debug)]
pub struct Field {
    /// The question.
    pub label: String,
    /// The answer.
    pub input: Input,
}

/// What a key did to a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pressed {
    /// It was typed, or moved the cursor.
    Typed,
    /// The form is to be left; its text is kept.
    Leave,
    /// The answers are given.
    Done,
    /// The program is to be left.
    Quit,
}

impl Form {
    /// Makes a form whose fields hold these answers.
    #[must_use]
    pub fn new(asks: Asks, title: String, fields: Vec<(impl Into<String>, String)>) -> Self {
        let fields = fields.into_iter();
        let fields =
            fields.map(|(label, text)| Field { label: label.into(), input: Input::new(text) });
        let fields = fields.collect();
        Self { asks, title, intro: Vec::new(), fields, focus: 0, problem: None }
    }

    /// Returns what was typed, secrets masked.
    #[must_use]
    pub fn values(&self, mask: &Mask) -> Vec<String> {
        self.fields.iter().map(|field| mask.line(field.input.value())).collect()
    }

    /// Takes a key.
    pub fn press(&mut self, key: KeyEvent) -> Pressed {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('c') if control => return Pressed::Quit,
            KeyCode::Esc => return Pressed::Leave,
            KeyCode::Enter if self.focus + 1 >= self.fields.len() => return Pressed::Done,
            KeyCode::Enter | KeyCode::Tab | KeyCode::Down => self.move_focus(1),
            KeyCode::BackTab | KeyCode::Up => self.move_focus(self.fields.len().max(1) - 1),
            code => {
                if let Some(request) = request(code, control)
                    && let Some(field) = self.fields.get_mut(self.focus)
                {
                    field.input.handle(request);
                    self.problem = None;
                }
            }
        }
        Pressed::Typed
    }

    /// Takes pasted text as one line.
    pub fn paste(&mut self, text: &str, mask: &Mask) {
        let Some(field) = self.fields.get_mut(self.focus) else { return };
        for c in mask.text(text).trim().chars() {
            let c = if c.is_control() { ' ' } else { c };
            field.input.handle(InputRequest::InsertChar(c));
        }
        self.problem = None;
    }

    fn move_focus(&mut self, by: usize) {
        let fields = self.fields.len().max(1);
        self.focus = (self.focus + by) % fields;
    }
}

/// Returns what a key does inside a line of text.
#[must_use]
pub fn request(code: KeyCode, control: bool) -> Option<InputRequest> {
    Some(match (code, control) {
        (KeyCode::Char('a'), true) | (KeyCode::Home, _) => InputRequest::GoToStart,
        (KeyCode::Char('e'), true) | (KeyCode::End, _) => InputRequest::GoToEnd,
        (KeyCode::Char('u'), true) => InputRequest::DeleteLine,
        (KeyCode::Char('w'), true) => InputRequest::DeletePrevWord,
        (KeyCode::Char('k'), true) => InputRequest::DeleteTillEnd,
        (KeyCode::Char(c), false) if !c.is_control() => InputRequest::InsertChar(c),
        (KeyCode::Backspace, _) => InputRequest::DeletePrevChar,
        (KeyCode::Delete, _) => InputRequest::DeleteNextChar,
        (KeyCode::Left, false) => InputRequest::GoToPrevChar,
        (KeyCode::Right, false) => InputRequest::GoToNextChar,
        (KeyCode::Left, true) => InputRequest::GoToPrevWord,
        (KeyCode::Right, true) => InputRequest::GoToNextWord,
        _ => return None,
    })
}
