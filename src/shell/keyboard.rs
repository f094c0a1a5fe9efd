//! The keys, read on a thread of its own, which steps aside while another program has the terminal.

use std::sync::Arc;
use std::sync::Condvar;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::mpsc::Sender;
use std::thread;
use std::time::Duration;

use crossterm::event;
use crossterm::event::Event as Input;
use nix::sys::signal;
use nix::sys::signal::Signal;

use crate::app::Message;

/// How long the reader may take to step aside; it is woken at once.
const PATIENCE: Duration = Duration::from_secs(2);

/// Who reads the keys.
#[derive(Clone, Debug, Default)]
pub(super) struct Keyboard(Arc<(Mutex<Reader>, Condvar)>);

/// What the reader does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Reader {
    /// It reads.
    #[default]
    Reads,
    /// It is to step aside.
    Asked,
    /// It has stepped aside.
    Aside,
}

impl Keyboard {
    /// Starts to read, until nobody listens any more.
    pub(super) fn read(&self, queue: Sender<Message>) {
        let keyboard = self.clone();
        thread::spawn(move || {
            loop {
                keyboard.step_aside();
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

    /// Has the reader step aside; a new window size is what wakes it.
    pub(super) fn pause(&self) {
        let (reader, told) = &*self.0;
        let mut reader = reader.lock().unwrap_or_else(PoisonError::into_inner);
        *reader = Reader::Asked;
        // Where it cannot be woken, it reads one more key, which the other program then misses.
        let _ = signal::raise(Signal::SIGWINCH);
        let waited = told.wait_timeout_while(reader, PATIENCE, |reader| *reader == Reader::Asked);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    /// Lets the reader go on.
    pub(super) fn resume(&self) {
        let (reader, told) = &*self.0;
        *reader.lock().unwrap_or_else(PoisonError::into_inner) = Reader::Reads;
        told.notify_all();
    }

    fn step_aside(&self) {
        let (reader, told) = &*self.0;
        let mut reader = reader.lock().unwrap_or_else(PoisonError::into_inner);
        if *reader == Reader::Asked {
            *reader = Reader::Aside;
            told.notify_all();
            let waited = told.wait_while(reader, |reader| *reader == Reader::Aside);
            drop(waited.unwrap_or_else(PoisonError::into_inner));
        }
    }
}
