//! Running a command: no shell, its own process group, a deadline, bounded and masked output.
//!
//! Four threads serve a command. Two read its streams, decode and mask whole lines, and put them
//! into a mailbox that holds them back when it is full. One waits for the process and leaves it
//! unreaped, so that its group keeps its number. One conducts: it takes from the mailbox, minds
//! the clock, signals the group, and reports.
#![expect(clippy::disallowed_methods, reason = "the one module that starts processes")]

mod conductor;
mod mailbox;
mod reader;

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::Weak;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use nix::sys::signal::Signal;

use crate::openclaw::command::Command;
use crate::openclaw::command::End;
use crate::openclaw::command::Ended;
use crate::shell::run::mailbox::Mailbox;

/// How long a group may take to end by itself once it is told to.
const GRACE: Duration = Duration::from_secs(2);

/// How long ended processes may take to vanish once they are killed.
const VANISH: Duration = Duration::from_secs(1);

/// What hides secrets in a line before anything else sees it.
pub type Mask = Arc<dyn Fn(&str) -> String + Send + Sync>;

/// Which stream a line came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// What happens to a command that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It printed a line.
    Line {
        /// The stream it was printed on.
        stream: Stream,
        /// The line without its end, decoded and masked; cut when it is very long.
        text: String,
    },
    /// It ended; nothing comes after this.
    Ended(Ended),
}

/// A command that was started. Dropping this does not stop it.
#[derive(Clone, Debug)]
pub struct Running(Arc<Mailbox>);

impl Running {
    /// Stops the command and all it started; does nothing when it was stopped or has ended.
    pub fn cancel(&self) {
        self.0.cancel();
    }
}

/// The commands that were started and may still run.
///
/// The last clone stops them all when it is dropped, so that none outlives us.
#[derive(Clone, Debug, Default)]
pub struct Processes(Arc<Started>);

/// What is behind [`Processes`].
#[derive(Debug, Default)]
struct Started(Mutex<Vec<Weak<Mailbox>>>);

impl Processes {
    /// Starts a command as [`start`] does, and remembers it.
    pub fn start(
        &self,
        command: &Command,
        mask: Mask,
        on: impl FnMut(Event) + Send + 'static,
    ) -> Running {
        let running = start(command, mask, on);
        let mut started = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        started.retain(|mailbox| mailbox.strong_count() > 0);
        started.push(Arc::downgrade(&running.0));
        running
    }

    /// Stops every command and all that they started; returns when they are gone.
    ///
    /// Those that do not end within two seconds are killed.
    pub fn kill_all(&self) {
        self.0.kill_all();
    }

    /// Kills every command and all that they started, without giving them time to end.
    ///
    /// For those that work on throw-away copies, while whoever asks us to end does not wait.
    pub fn kill_at_once(&self) {
        let started = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        for mailbox in started.iter().filter_map(Weak::upgrade) {
            mailbox.signal(Signal::SIGKILL);
        }
    }
}

impl Started {
    /// Cancels all, then waits for each.
    fn kill_all(&self) {
        let started = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let mailboxes: Vec<_> = started.iter().filter_map(Weak::upgrade).collect();
        for mailbox in &mailboxes {
            mailbox.cancel();
        }
        let until = Instant::now() + GRACE + VANISH;
        for mailbox in &mailboxes {
            if !mailbox.wait_gone(until) {
                mailbox.signal(Signal::SIGKILL);
            }
        }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        self.kill_all();
    }
}

/// Starts a command and reports its lines and its end from another thread.
///
/// Exactly one [`Event::Ended`] is reported, and last; also when the program cannot be started.
pub fn start(command: &Command, mask: Mask, on: impl FnMut(Event) + Send + 'static) -> Running {
    let mailbox = Arc::new(Mailbox::default());
    let on = Arc::new(Mutex::new(on));
    let conductor = {
        let (command, mailbox, on) = (command.clone(), Arc::clone(&mailbox), Arc::clone(&on));
        thread::Builder::new().name(command.name.to_owned()).spawn(move || {
            let mut on = on.lock().unwrap_or_else(PoisonError::into_inner);
            let ended = conductor::conduct(&command, &mask, &mailbox, &mut *on);
            mailbox.gone();
            on(Event::Ended(ended));
        })
    };
    if let Err(error) = conductor {
        mailbox.gone();
        let mut on = on.lock().unwrap_or_else(PoisonError::into_inner);
        on(Event::Ended(not_started(format!("no thread could be started: {error}"))));
    }
    Running(mailbox)
}

/// Returns the time left until a moment; none when it has passed.
fn left(until: Instant) -> Option<Duration> {
    let left = until.saturating_duration_since(Instant::now());
    (!left.is_zero()).then_some(left)
}

/// Makes the end of a command that never ran.
fn not_started(reason: String) -> Ended {
    Ended {
        end: End::NotStarted(reason),
        stdout: String::new(),
        stderr: String::new(),
        truncated: false,
        took: Duration::ZERO,
    }
}

#[cfg(test)]
mod tests;
