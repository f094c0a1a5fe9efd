//! The wizard on the sample gateway at a fixed moment, played without a terminal.

use std::sync::mpsc;
use std::time::Duration;

use chrono::DateTime;
use chrono::FixedOffset;
use crossterm::event::KeyCode;
use crossterm::event::KeyEvent;
use crossterm::event::KeyModifiers;
use portcullis::app::App;
use portcullis::app::Effect;
use portcullis::app::Listed;
use portcullis::app::Message;
use portcullis::app::Opened;
use portcullis::app::Start;
use portcullis::app::page::Row;
use portcullis::change::Change;
use portcullis::change::Header;
use portcullis::change::SCHEMA;
use portcullis::record::Previous;
use portcullis::record::Record;
use portcullis::runbook::GATEWAY_EXPOSURE;
use portcullis::runbook::Runbook;
use portcullis::shell::demo;
use portcullis::view;
use portcullis::view::theme::Theme;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;

/// The wizard and the world it believes in: everything is saved at once, checks answer at once.
pub(crate) struct Stage {
    app: App,
    /// What audits answer in place of the sample's.
    audit: Option<String>,
    /// The record that was to be signed last.
    pub(crate) sealed: Option<Record>,
    /// The records there are, and what opening any of them shows.
    pub(crate) shelf: Option<(Vec<Listed>, Opened)>,
}

/// The head of a change of the sample gateway that walks a runbook.
pub(crate) fn header(runbook: &Runbook, started: DateTime<FixedOffset>) -> Header {
    Header {
        schema: SCHEMA.to_owned(),
        version: 1,
        change: "7F3A".to_owned(),
        runbook: runbook.id.clone(),
        revision: runbook.revision.clone(),
        runbook_sha256: String::new(),
        target: demo::target().id,
        started,
        demo: true,
    }
}

/// What the wizard is started with on the sample gateway.
pub(crate) fn start(runbook: Runbook, change: Change) -> Start {
    Start {
        runbook,
        target: demo::target(),
        gateway: demo::gateway(),
        live: demo::live(),
        change,
        operator: "mira".to_owned(),
        cores: 2,
        size: (80, 24),
        folder: ".".to_owned(),
        notice: None,
        step: None,
        previous: None,
        policy: None,
        others: Vec::new(),
    }
}

impl Stage {
    /// Opens a new change.
    pub(crate) fn new() -> Self {
        Self::after(None)
    }

    /// Opens a change that goes on from a record.
    pub(crate) fn after(previous: Option<Previous>) -> Self {
        let runbook = Runbook::parse(GATEWAY_EXPOSURE).expect("the runbook");
        let change = Change::begin(header(&runbook, now()));
        let start = Start { operator: "claw".to_owned(), previous, ..start(runbook, change) };
        Self { app: App::new(start, now()), audit: None, sealed: None, shelf: None }
    }

    /// Opens a change in which much is answered: the pattern, the inventory, the checks.
    pub(crate) fn half_way() -> Self {
        let mut stage = Self::new();
        stage.answer_much();
        stage
    }

    /// Answers much: the pattern, the inventory, the checks.
    pub(crate) fn answer_much(&mut self) -> &mut Self {
        let stage = self;
        stage.press("g enter").type_text("the owner's own admin work").press("enter j j space");
        stage.press("2 g");
        for _ in 0..9 {
            stage.press("space j");
        }
        stage.press("3 g enter enter 5 g j space 1 g")
    }

    /// Returns the wizard.
    pub(crate) fn app(&self) -> &App {
        &self.app
    }

    /// Goes to a step and puts the cursor on a row there.
    #[track_caller]
    pub(crate) fn on(&mut self, step: &str, row: impl Fn(&Row) -> bool) -> &mut Self {
        self.press(step).press("g");
        let place = self.app.rows().iter().position(row).expect("a row");
        for _ in 0..place {
            self.press("j");
        }
        self
    }

    /// Puts the cursor on a finding of step 3.
    #[track_caller]
    pub(crate) fn on_finding(&mut self, check_id: &str) -> &mut Self {
        self.on("3", |row| matches!(row, Row::Finding(key) if key.starts_with(check_id)))
    }

    /// Lets audits answer this.
    pub(crate) fn audited(mut self, answer: &str) -> Self {
        self.audit = Some(answer.to_owned());
        self
    }

    /// Presses keys given as words; a single character stands for itself.
    pub(crate) fn press(&mut self, keys: &str) -> &mut Self {
        for key in keys.split_whitespace() {
            let code = match key {
                "enter" => KeyCode::Enter,
                "esc" => KeyCode::Esc,
                "tab" => KeyCode::Tab,
                "space" => KeyCode::Char(' '),
                "pgdn" => KeyCode::PageDown,
                single => {
                    assert_eq!(single.chars().count(), 1, "no such key: `{single}`");
                    KeyCode::Char(single.chars().next().unwrap_or(' '))
                }
            };
            self.send(Message::Key(KeyEvent::new(code, KeyModifiers::NONE)));
        }
        self
    }

    /// Types text into a field.
    pub(crate) fn type_text(&mut self, text: &str) -> &mut Self {
        for c in text.chars() {
            self.send(Message::Key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE)));
        }
        self
    }

    /// Takes the last character of a field back.
    pub(crate) fn backspace(&mut self) -> &mut Self {
        self.send(Message::Key(KeyEvent::new(KeyCode::Backspace, KeyModifiers::NONE)));
        self
    }

    /// Draws the screen.
    pub(crate) fn draw(&self, theme: Theme, columns: u16, rows: u16) -> Buffer {
        let mut terminal = Terminal::new(TestBackend::new(columns, rows)).expect("a screen");
        terminal.draw(|frame| view::draw(&self.app, theme, frame)).expect("a frame");
        terminal.backend().buffer().clone()
    }

    fn send(&mut self, message: Message) {
        for effect in self.app.update(message, now()) {
            match effect {
                Effect::Save(_) => self.send(Message::Saved),
                Effect::Run(run, command) => {
                    // Nobody can stop it, so the sample answers without its pause.
                    let (_, stop) = mpsc::channel();
                    let mut ended = demo::answer(&command, &stop);
                    ended.took = Duration::from_millis(8_200);
                    let audits = command.display().contains("security audit");
                    if let Some(answer) = self.audit.as_ref().filter(|_| audits) {
                        ended.stdout.clone_from(answer);
                    }
                    self.send(Message::Ended(run, ended));
                }
                Effect::Seal(record) => self.sealed = Some(*record),
                Effect::ListRecords => {
                    let list = self.shelf.as_ref().map(|(list, _)| list.clone());
                    self.send(Message::Records(list.unwrap_or_default()));
                }
                Effect::OpenRecord(folder) => {
                    let (_, opened) = self.shelf.clone().expect("a record");
                    self.send(Message::Record(folder, Ok(Box::new(opened))));
                }
                // The sample never moves.
                Effect::Look => {}
                other => panic!("the stage does not play {other:?}"),
            }
        }
    }
}

pub(crate) fn now() -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339("2026-11-24T14:02:07+01:00").expect("a time")
}
