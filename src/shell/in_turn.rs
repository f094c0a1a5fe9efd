//! Commands run one after the other to their ends, while we may be asked to end ourselves.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::mpsc;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::Sender;
use std::time::Duration;

use crate::openclaw::command::Command;
use crate::openclaw::command::End;
use crate::openclaw::command::Ended;
use crate::shell::run::Event;
use crate::shell::run::Mask;
use crate::shell::run::Processes;
use crate::shell::signals;
use crate::text;

/// What ends the waiting for a command.
enum Told {
    Ended(Ended),
    /// We are asked to end, by this signal.
    Asked(i32),
}

/// Runs commands in turn. Once we are asked to end, none is started any more.
#[expect(missing_debug_implementations, reason = "a queue and a closure have nothing to show")]
pub struct InTurn {
    processes: Processes,
    mask: Mask,
    queue: Sender<Told>,
    told: Receiver<Told>,
    asked: Cell<Option<i32>>,
}

impl InTurn {
    /// Begins to listen to signals, in the place of what each always does.
    #[must_use]
    pub fn new(mask: &text::Mask) -> Self {
        let (queue, told) = mpsc::channel();
        let asked = queue.clone();
        // Where signals cannot be listened to, each does what it always does.
        let _ = signals::listen(move |signal| asked.send(Told::Asked(signal)).is_ok());
        Self::with(mask, queue, told)
    }

    /// Listens to no signal; somebody else does.
    #[must_use]
    pub fn unasked(mask: &text::Mask) -> Self {
        let (queue, told) = mpsc::channel();
        Self::with(mask, queue, told)
    }

    fn with(mask: &text::Mask, queue: Sender<Told>, told: Receiver<Told>) -> Self {
        let mask = mask.clone();
        Self {
            processes: Processes::default(),
            mask: Arc::new(move |line: &str| mask.text(line)),
            queue,
            told,
            asked: Cell::new(None),
        }
    }

    /// Runs a command to its end; it is killed when we are asked to end.
    pub fn run(&self, command: &Command) -> Ended {
        self.end(command, true)
    }

    /// Runs a command to its end, whoever asks us to end meanwhile.
    pub fn run_whole(&self, command: &Command) -> Ended {
        self.end(command, false)
    }

    /// Tells whether we were asked to end.
    pub fn is_asked(&self) -> bool {
        self.drain();
        self.asked.get().is_some()
    }

    /// Ends as the signal that asked for it would have ended us; goes on where none did.
    pub fn obey(self) {
        self.drain();
        if let Some(signal) = self.asked.get() {
            signals::obey(signal);
        }
    }

    /// Takes what was told between two commands: nothing but signals.
    fn drain(&self) {
        while let Ok(told) = self.told.try_recv() {
            if let Told::Asked(signal) = told {
                self.asked.set(Some(signal));
            }
        }
    }

    fn end(&self, command: &Command, kill: bool) -> Ended {
        if self.asked.get().is_some() {
            return cancelled();
        }
        let queue = self.queue.clone();
        self.processes.start(command, Arc::clone(&self.mask), move |event| {
            if let Event::Ended(ended) = event {
                let _ = queue.send(Told::Ended(ended));
            }
        });
        loop {
            match self.told.recv() {
                Ok(Told::Ended(ended)) => return ended,
                Ok(Told::Asked(signal)) => {
                    self.asked.set(Some(signal));
                    if kill {
                        self.processes.kill_at_once();
                        return cancelled();
                    }
                }
                Err(_) => return cancelled(),
            }
        }
    }
}

fn cancelled() -> Ended {
    Ended {
        end: End::Cancelled,
        stdout: String::new(),
        stderr: String::new(),
        truncated: false,
        took: Duration::ZERO,
    }
}
