//! What the threads of a command tell its conductor, held back when it is too much.

use std::collections::VecDeque;
use std::sync::Condvar;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Instant;

use nix::sys::signal::Signal;
use nix::sys::signal::killpg;
use nix::sys::wait::WaitStatus;
use nix::unistd::Pid;

use crate::shell::run::Stream;

/// How many bytes of lines may wait to be taken.
const HELD: usize = 1 << 20;

/// One thing the conductor is told.
#[derive(Debug)]
pub(super) enum Letter {
    /// A line, and whether it was ended by a newline.
    Line(Stream, String, bool),
    /// More was printed than is kept.
    Truncated,
    /// A stream was closed.
    Closed,
    /// The process ended.
    Exited(Option<WaitStatus>),
    /// The operator stops the command.
    Cancel,
}

/// What comes first when a letter waits and the time is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum First {
    /// The clock: a command that never stops talking still meets its deadline.
    Clock,
    /// The letter: what was printed before the end is not lost.
    Letter,
}

/// A queue with one taker. Lines wait for room; all else is always taken.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    inside: Mutex<Inside>,
    /// Told when something came in, or when the command is gone.
    filled: Condvar,
    /// Told when there is room for lines again.
    emptied: Condvar,
}

#[derive(Debug, Default)]
struct Inside {
    letters: VecDeque<Letter>,
    held: usize,
    cancelled: bool,
    /// The process group while it may be signalled: from its start until its leader is reaped.
    group: Option<Pid>,
    gone: bool,
}

impl Mailbox {
    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a line in as soon as there is room; tells whether anyone will take it.
    pub(super) fn line(&self, stream: Stream, text: String, ended: bool) -> bool {
        let mut inside = self.lock();
        while inside.held > HELD && !inside.gone {
            inside = self.emptied.wait(inside).unwrap_or_else(PoisonError::into_inner);
        }
        if inside.gone {
            return false;
        }
        inside.held += text.len() + 1;
        inside.letters.push_back(Letter::Line(stream, text, ended));
        self.filled.notify_all();
        true
    }

    /// Says that more was printed than is kept.
    pub(super) fn truncated(&self) {
        self.put(Letter::Truncated);
    }

    /// Says that a stream was closed.
    pub(super) fn closed(&self) {
        self.put(Letter::Closed);
    }

    /// Says that the process ended.
    pub(super) fn exited(&self, status: Option<WaitStatus>) {
        self.put(Letter::Exited(status));
    }

    /// Stops the command, once; ahead of the lines that wait.
    pub(super) fn cancel(&self) {
        let mut inside = self.lock();
        if !inside.cancelled && !inside.gone {
            inside.cancelled = true;
            inside.letters.push_front(Letter::Cancel);
            self.filled.notify_all();
        }
    }

    fn put(&self, letter: Letter) {
        self.lock().letters.push_back(letter);
        self.filled.notify_all();
    }

    /// Takes the next letter, or none when the time is up.
    pub(super) fn take(&self, until: Instant, first: First) -> Option<Letter> {
        let mut inside = self.lock();
        loop {
            let left = super::left(until);
            if (first == First::Letter || left.is_some())
                && let Some(letter) = inside.letters.pop_front()
            {
                if let Letter::Line(_, text, _) = &letter {
                    inside.held -= text.len() + 1;
                    self.emptied.notify_all();
                }
                return Some(letter);
            }
            let waited = self.filled.wait_timeout(inside, left?);
            inside = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Says which group the command's processes are in.
    pub(super) fn started(&self, group: Pid) {
        self.lock().group = Some(group);
    }

    /// Says that the group's number may soon be another's.
    pub(super) fn reaping(&self) {
        self.lock().group = None;
    }

    /// Signals every process of the group, while it is certainly ours.
    pub(super) fn signal(&self, signal: Signal) {
        if let Some(group) = self.lock().group {
            // It fails when nobody is left or when they changed user; there is no more to do.
            let _ = killpg(group, signal);
        }
    }

    /// Says that the command is gone; who still reads for it may stop.
    pub(super) fn gone(&self) {
        let mut inside = self.lock();
        inside.gone = true;
        inside.letters.clear();
        self.filled.notify_all();
        self.emptied.notify_all();
    }

    /// Waits until the command is gone; tells whether it is.
    pub(super) fn wait_gone(&self, until: Instant) -> bool {
        let mut inside = self.lock();
        while !inside.gone {
            let Some(left) = super::left(until) else {
                return false;
            };
            let waited = self.filled.wait_timeout(inside, left);
            inside = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}
