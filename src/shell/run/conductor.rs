//! Conducting one command: starting it, minding the clock, signalling its group, ending.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Child;
use std::process::Stdio;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use nix::sys::signal::Signal;
use nix::sys::wait::WaitStatus;
use nix::unistd::Pid;

use crate::openclaw::command::Command;
use crate::openclaw::command::End;
use crate::openclaw::command::Ended;
use crate::shell::run::Event;
use crate::shell::run::GRACE;
use crate::shell::run::Mask;
use crate::shell::run::Stream;
use crate::shell::run::VANISH;
use crate::shell::run::mailbox::First;
use crate::shell::run::mailbox::Letter;
use crate::shell::run::mailbox::Mailbox;
use crate::shell::run::not_started;
use crate::shell::run::reader;

/// How long the streams may stay open once the process is gone.
const DRAIN: Duration = Duration::from_secs(1);

/// Runs a command from its start to its end.
pub(super) fn conduct(
    command: &Command,
    mask: &Mask,
    mailbox: &Arc<Mailbox>,
    on: &mut impl FnMut(Event),
) -> Ended {
    let begun = Instant::now();
    if let Some(host) = &command.elsewhere {
        return not_started(format!("the gateway is on {host}, not here"));
    }
    let mut child = match spawn(command) {
        Ok(child) => child,
        Err(reason) => return not_started(reason),
    };
    let group = Pid::from_raw(i32::try_from(child.id()).unwrap_or(i32::MAX));
    mailbox.started(group);
    let mut conductor = Conductor {
        mailbox,
        stop: None,
        exited: false,
        status: None,
        open: 2,
        ended: Ended {
            end: End::Cancelled,
            stdout: String::new(),
            stderr: String::new(),
            truncated: false,
            took: Duration::ZERO,
        },
    };
    match attend(&mut child, group, mask, mailbox) {
        Ok(()) => conductor.run(begun + command.deadline, on),
        Err(error) => {
            conductor.stop = Some(End::NotStarted(format!("no thread could be started: {error}")));
            conductor.exited = true;
        }
    }
    // Until the process is reaped its group keeps its number: nobody else's is signalled.
    mailbox.signal(Signal::SIGKILL);
    mailbox.reaping();
    // A process that even a kill does not end, in a broken file system say, is not waited for.
    let reaped = conductor.exited.then(|| child.wait().ok()).flatten();
    let by_itself = conductor.status.map(end_of).or(reaped.map(|status| {
        let signal = || End::Signal(status.signal().unwrap_or_default());
        status.code().map_or_else(signal, End::Exit)
    }));
    let end = conductor.stop.or(by_itself).unwrap_or(End::Signal(0));
    Ended { end, took: begun.elapsed(), ..conductor.ended }
}

/// Starts the process, or says why it cannot be.
fn spawn(command: &Command) -> Result<Child, String> {
    let Some((program, arguments)) = command.argv.split_first() else {
        return Err("no program is named".to_owned());
    };
    std::process::Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(&command.environment)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(|error| match error.kind() {
            io::ErrorKind::NotFound if program.contains('/') => {
                format!("`{program}` does not exist")
            }
            io::ErrorKind::NotFound => format!("`{program}` is not on the PATH"),
            _ => format!("`{program}` could not be started: {error}"),
        })
}

/// Starts the threads that read and wait.
fn attend(child: &mut Child, group: Pid, mask: &Mask, mailbox: &Arc<Mailbox>) -> io::Result<()> {
    if let Some(stdout) = child.stdout.take() {
        reader::start(stdout, Stream::Out, Arc::clone(mask), Arc::clone(mailbox))?;
    }
    if let Some(stderr) = child.stderr.take() {
        reader::start(stderr, Stream::Err, Arc::clone(mask), Arc::clone(mailbox))?;
    }
    let mailbox = Arc::clone(mailbox);
    thread::Builder::new().name("wait".to_owned()).spawn(move || {
        mailbox.exited(wait(group));
    })?;
    Ok(())
}

/// Waits for a process to end and leaves it to be reaped.
#[cfg(target_os = "linux")]
fn wait(process: Pid) -> Option<WaitStatus> {
    use nix::sys::wait::Id;
    use nix::sys::wait::WaitPidFlag;
    use nix::sys::wait::waitid;

    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
    retried(|| waitid(Id::Pid(process), flags))
}

/// Waits for a process to end, where it cannot be left to be reaped.
#[cfg(not(target_os = "linux"))]
fn wait(process: Pid) -> Option<WaitStatus> {
    retried(|| nix::sys::wait::waitpid(process, None))
}

/// Repeats a wait that a signal of our own interrupted.
fn retried(mut wait: impl FnMut() -> nix::Result<WaitStatus>) -> Option<WaitStatus> {
    loop {
        match wait() {
            Err(nix::errno::Errno::EINTR) => {}
            result => return result.ok(),
        }
    }
}

/// Returns why a process ended.
fn end_of(status: WaitStatus) -> End {
    match status {
        WaitStatus::Exited(_, code) => End::Exit(code),
        WaitStatus::Signaled(_, signal, _) => End::Signal(signal as i32),
        _ => End::Signal(0),
    }
}

/// The state of a command while it runs.
struct Conductor<'a> {
    mailbox: &'a Mailbox,
    /// Why it was stopped, when it was.
    stop: Option<End>,
    /// Whether the process has ended.
    exited: bool,
    /// How it ended, where that could be told.
    status: Option<WaitStatus>,
    /// How many streams are open.
    open: u8,
    /// What was printed so far.
    ended: Ended,
}

/// What the conductor waits for beside letters.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Waiting {
    /// The process, until its deadline.
    Process,
    /// The group that was told to end.
    Group,
    /// The streams that outlive the process.
    Streams,
    /// The streams of what was killed.
    Killed,
}

impl Conductor<'_> {
    /// Takes letters until the process is gone and its streams are closed, or must be.
    fn run(&mut self, deadline: Instant, on: &mut impl FnMut(Event)) {
        let mut waiting = Waiting::Process;
        let mut until = deadline;
        while self.open > 0 || !self.exited {
            let first = match waiting {
                Waiting::Process | Waiting::Group => First::Clock,
                Waiting::Streams | Waiting::Killed => First::Letter,
            };
            let letter = self.mailbox.take(until, first);
            let now = Instant::now();
            match letter {
                Some(Letter::Line(stream, text, ended)) => self.line(stream, text, ended, on),
                Some(Letter::Truncated) => self.ended.truncated = true,
                Some(Letter::Closed) => self.open = self.open.saturating_sub(1),
                Some(Letter::Exited(status)) => {
                    (self.exited, self.status) = (true, status);
                    (waiting, until) = (Waiting::Streams, now + DRAIN);
                }
                Some(Letter::Cancel) if waiting == Waiting::Process => {
                    self.tell_to_end(End::Cancelled);
                    (waiting, until) = (Waiting::Group, now + GRACE);
                }
                Some(Letter::Cancel) => {}
                None => match waiting {
                    Waiting::Process => {
                        self.tell_to_end(End::Deadline);
                        (waiting, until) = (Waiting::Group, now + GRACE);
                    }
                    Waiting::Group | Waiting::Streams => {
                        self.mailbox.signal(Signal::SIGKILL);
                        (waiting, until) = (Waiting::Killed, now + VANISH);
                    }
                    Waiting::Killed => return,
                },
            }
        }
    }

    /// Asks the group to end, and wakes those of it that are stopped so that they hear.
    fn tell_to_end(&mut self, why: End) {
        self.stop = Some(why);
        self.mailbox.signal(Signal::SIGTERM);
        self.mailbox.signal(Signal::SIGCONT);
    }

    /// Keeps a line and reports it.
    fn line(&mut self, stream: Stream, text: String, ended: bool, on: &mut impl FnMut(Event)) {
        let kept = match stream {
            Stream::Out => &mut self.ended.stdout,
            Stream::Err => &mut self.ended.stderr,
        };
        kept.push_str(&text);
        if ended {
            kept.push('\n');
        }
        let text = reader::shortened(text);
        on(Event::Line { stream, text });
    }
}
