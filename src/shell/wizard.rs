//! The loop: one queue of what happened, one thread that owns the state and the screen.
//!
//! The input thread blocks on the terminal, commands run on threads of their own, signals arrive
//! on one more; all of them put messages into one queue. Nothing wakes up while nothing happens.

use std::collections::BTreeMap;
use std::io;
use std::sync::mpsc;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::RecvTimeoutError;
use std::sync::mpsc::Sender;
use std::thread;
use std::time::Duration;

use crossterm::event;
use crossterm::event::Event as Input;

use crate::app::App;
use crate::app::Effect;
use crate::app::Message;
use crate::app::RunId;
use crate::app::Sealed;
use crate::openclaw::command::Command;
use crate::record::Record;
use crate::shell;
use crate::shell::demo;
use crate::shell::live::Source;
use crate::shell::live::Stamp;
use crate::shell::places::Places;
use crate::shell::run::Event;
use crate::shell::run::Processes;
use crate::shell::run::Running;
use crate::shell::signals;
use crate::shell::store;
use crate::shell::store::Draft;
use crate::shell::term::Screen;
use crate::shell::watch;
use crate::view::theme::Theme;

/// How often seconds are drawn while something runs.
const TICK: Duration = Duration::from_secs(1);

/// How many messages are taken between two frames.
const BATCH: usize = 512;

/// The world around the wizard.
#[derive(Debug)]
pub struct World {
    /// Where the config is read from; none in the demo.
    pub source: Option<Source>,
    /// Our folders.
    pub places: Places,
    /// The draft.
    pub draft: Draft,
}

/// How the wizard ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// The record, where one was sealed.
    pub sealed: Option<Sealed>,
    /// How many things blocked when it was left.
    pub blockers: usize,
    /// How many answers could not be saved.
    pub unsaved: usize,
}

struct Shell {
    world: World,
    processes: Processes,
    running: BTreeMap<RunId, Stop>,
    queue: Sender<Message>,
    stamp: Stamp,
}

/// How a command is stopped.
enum Stop {
    Process(Running),
    Demo(Sender<()>),
}

/// Runs the wizard until it is left.
///
/// # Errors
///
/// When the terminal cannot be taken or drawn on.
pub fn run(mut app: App, world: World, theme: Theme, screen: &mut Screen) -> io::Result<Left> {
    let (queue, messages) = mpsc::channel();
    read_input(queue.clone());
    let told = queue.clone();
    signals::listen(move |_| told.send(Message::Terminate).is_ok())?;
    let stamp = world.source.as_ref().map(|source| source.stamp(&app.live)).unwrap_or_default();
    if let Some(source) = &world.source {
        watch::watch(&source.files(&app.live), queue.clone());
    }
    let mut shell =
        Shell { world, processes: Processes::default(), running: BTreeMap::new(), queue, stamp };
    let drawn = shell.turn(&mut app, &messages, theme, screen);
    shell.processes.kill_all();
    drawn.map(|()| Left {
        sealed: app.sealed,
        blockers: app.review.blockers.len(),
        unsaved: app.unsaved.len(),
    })
}

impl Shell {
    /// Draws, waits for what happens, handles it, until it is left.
    fn turn(
        &mut self,
        app: &mut App,
        messages: &Receiver<Message>,
        theme: Theme,
        screen: &mut Screen,
    ) -> io::Result<()> {
        loop {
            screen.draw(app, theme)?;
            let Some(first) = wait(app, messages) else { return Ok(()) };
            let more = messages.try_iter().take(BATCH).collect::<Vec<_>>();
            for message in std::iter::once(first).chain(more) {
                if matches!(message, Message::Key(_) | Message::Touched) {
                    self.look_at_config(app);
                }
                if self.handle(app, message, screen)? {
                    return Ok(());
                }
            }
        }
    }

    /// Handles a message and what follows from it. Answers whether the wizard is left.
    fn handle(&mut self, app: &mut App, message: Message, screen: &mut Screen) -> io::Result<bool> {
        let mut effects = app.update(message, shell::now());
        while !effects.is_empty() {
            let mut next = Vec::new();
            for effect in effects {
                match effect {
                    Effect::Quit => return Ok(true),
                    Effect::Copy(text) => screen.copy(&text)?,
                    Effect::Look => self.look(app),
                    Effect::Run(run, command) => self.start(app, run, &command),
                    Effect::Cancel(run) => self.stop(run),
                    Effect::Save(entries) => {
                        let saved = match self.world.draft.save(&entries) {
                            Ok(()) => Message::Saved,
                            Err(error) => Message::NotSaved(error.to_string()),
                        };
                        next.extend(app.update(saved, shell::now()));
                    }
                    Effect::Write(emission) => {
                        let path = std::path::absolute(&emission.path)?;
                        let written = store::write_new(&path, &emission.text);
                        let written = written.map(|()| path.display().to_string());
                        let written = written.map_err(|error| error.to_string());
                        next.extend(app.update(Message::Written(written), shell::now()));
                    }
                    Effect::Seal(record) => {
                        let sealed = self.seal(app, &record);
                        next.extend(app.update(Message::Sealed(sealed), shell::now()));
                    }
                }
            }
            effects = next;
        }
        Ok(false)
    }

    fn seal(&self, app: &App, record: &Record) -> Result<Sealed, String> {
        let World { places, draft, .. } = &self.world;
        let sealed = store::seal(places, &app.target.id, record).map_err(|e| e.to_string())?;
        draft.close(places, &app.change.header.change).map_err(|e| e.to_string())?;
        Ok(sealed)
    }

    fn start(&mut self, app: &App, run: RunId, command: &Command) {
        let queue = self.queue.clone();
        if self.world.source.is_none() {
            let (stop, stopped) = mpsc::channel();
            let command = command.clone();
            thread::spawn(move || {
                // The receiver is gone only when the wizard has been left.
                let _ = queue.send(Message::Ended(run, demo::answer(&command, &stopped)));
            });
            self.running.insert(run, Stop::Demo(stop));
            return;
        }
        let mask = app.live.mask().clone();
        let mask = std::sync::Arc::new(move |line: &str| mask.text(line));
        let running = self.processes.start(command, mask, move |event| {
            let message = match event {
                Event::Line { text, .. } => Message::Line(run, text),
                Event::Ended(ended) => Message::Ended(run, ended),
            };
            let _ = queue.send(message);
        });
        self.running.insert(run, Stop::Process(running));
    }

    fn stop(&mut self, run: RunId) {
        match self.running.remove(&run) {
            None => {}
            Some(Stop::Process(running)) => running.cancel(),
            Some(Stop::Demo(stop)) => {
                let _ = stop.send(());
            }
        }
    }

    /// Reads the config again where its files have changed.
    fn look_at_config(&mut self, app: &mut App) {
        let Some(source) = &self.world.source else { return };
        let stamp = source.stamp(&app.live);
        if stamp != self.stamp {
            self.look(app);
        }
    }

    /// Reads the config and the host again.
    fn look(&mut self, app: &mut App) {
        let Some(source) = &self.world.source else { return };
        let live = source.read();
        self.stamp = source.stamp(&live);
        app.update(Message::Moved(Box::new(live)), shell::now());
    }
}

/// Waits for the next message; a tick where something runs, none where nobody can send any more.
fn wait(app: &App, messages: &Receiver<Message>) -> Option<Message> {
    if !app.is_busy() {
        return messages.recv().ok();
    }
    match messages.recv_timeout(TICK) {
        Ok(message) => Some(message),
        Err(RecvTimeoutError::Timeout) => Some(Message::Tick),
        Err(RecvTimeoutError::Disconnected) => None,
    }
}

fn read_input(queue: Sender<Message>) {
    thread::spawn(move || {
        loop {
            let message = match event::read() {
                Ok(Input::Key(key)) => Message::Key(key),
                Ok(Input::Paste(text)) => Message::Paste(text),
                Ok(Input::Resize(columns, rows)) => Message::Resize(columns, rows),
                Ok(Input::FocusGained | Input::FocusLost | Input::Mouse(_)) => continue,
                Err(_) => Message::Terminate,
            };
            let last = message == Message::Terminate;
            if queue.send(message).is_err() || last {
                return;
            }
        }
    });
}
