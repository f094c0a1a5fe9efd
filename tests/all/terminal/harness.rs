//! The program in a pseudo-terminal: keys in, screens out, and every byte it ever wrote.
//!
//! The screen is fed only up to the last end of a synchronized update, so a half-drawn frame is
//! never looked at, and nothing ever sleeps: a key is answered by a frame.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::Read;
use std::io::Write;
use std::num::NonZero;
use std::path::Path;
use std::path::PathBuf;
use std::sync::mpsc;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::RecvTimeoutError;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use nix::sys::signal::Signal;
use nix::sys::signal::kill;
use nix::unistd::Pid;
use portable_pty::Child;
use portable_pty::CommandBuilder;
use portable_pty::MasterPty;
use portable_pty::PtySize;
use portable_pty::native_pty_system;

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_mins(1);

/// Ends a frame.
const FRAME: &[u8] = b"\x1b[?2026l";

/// What is started, where, and in what terminal.
#[derive(Clone, Debug)]
pub(crate) struct Launch {
    program: OsString,
    arguments: Vec<OsString>,
    environment: Vec<(String, OsString)>,
    home: PathBuf,
    columns: u16,
    rows: u16,
}

impl Launch {
    /// Starts the program with a home of its own: 80 by 24, colours, nothing else inherited.
    pub(crate) fn at_home(home: &Path) -> Self {
        let environment = [
            ("HOME", home.as_os_str().to_owned()),
            ("PORTCULLIS_DATA_DIR", home.join("data").into_os_string()),
            ("TMPDIR", home.as_os_str().to_owned()),
            ("TERM", "xterm-256color".into()),
            ("TZ", "UTC".into()),
            ("PATH", std::env::var_os("PATH").unwrap_or_default()),
        ];
        Self {
            program: env!("CARGO_BIN_EXE_portcullis").into(),
            arguments: Vec::new(),
            environment: environment.map(|(name, value)| (name.to_owned(), value)).into(),
            home: home.to_owned(),
            columns: 80,
            rows: 24,
        }
    }

    /// Walks the sample gateway, its drafts and records below the home.
    pub(crate) fn demo(home: &Path) -> Self {
        Self::at_home(home).argument("--demo").argument("--data-dir").argument(home.join("data"))
    }

    /// Starts another program, which ends up in ours.
    pub(crate) fn through(mut self, program: &str, arguments: &[&str]) -> Self {
        let ours = std::mem::replace(&mut self.program, program.into());
        let before = arguments.iter().map(OsString::from).chain([ours]);
        self.arguments = before.chain(std::mem::take(&mut self.arguments)).collect();
        self
    }

    pub(crate) fn argument(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    pub(crate) fn environment(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn size(mut self, columns: u16, rows: u16) -> Self {
        (self.columns, self.rows) = (columns, rows);
        self
    }

    /// Starts it.
    pub(crate) fn start(&self) -> Terminal {
        let pair = native_pty_system().openpty(size(self.columns, self.rows)).expect("a terminal");
        let mut command = CommandBuilder::new(&self.program);
        command.args(&self.arguments);
        command.env_clear();
        for (name, value) in &self.environment {
            command.env(name, value);
        }
        command.cwd(&self.home);
        let modes = modes(pair.master.as_ref());
        let child = pair.slave.spawn_command(command).expect("the program starts");
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().expect("a reader");
        let (sender, output) = mpsc::channel();
        thread::spawn(move || {
            let mut bytes = [0; 1 << 14];
            while let Ok(read @ 1..) = reader.read(&mut bytes) {
                if sender.send(bytes[..read].to_vec()).is_err() {
                    break;
                }
            }
        });
        Terminal {
            keyboard: pair.master.take_writer().expect("a writer"),
            master: pair.master,
            child,
            output,
            screen: vt100::Parser::new(non_zero(self.rows), non_zero(self.columns), 0),
            transcript: Vec::new(),
            drawn: 0,
            heard: 0,
            frames: 0,
            modes,
        }
    }
}

/// The running program.
pub(crate) struct Terminal {
    keyboard: Box<dyn Write + Send>,
    master: Box<dyn MasterPty + Send>,
    child: Box<dyn Child + Send + Sync>,
    output: Receiver<Vec<u8>>,
    screen: vt100::Parser,
    transcript: Vec<u8>,
    /// How much of the transcript is on the screen.
    drawn: usize,
    /// How much of it another program said and was heard.
    heard: usize,
    frames: usize,
    /// How the terminal took lines before the program had it.
    modes: String,
}

/// How the program ended, and what it left.
#[derive(Debug)]
pub(crate) struct Left {
    pub(crate) code: u32,
    /// What stands on the screen now; the program's last words.
    pub(crate) screen: String,
    /// What it did not put back, in words.
    pub(crate) not_restored: Vec<&'static str>,
}

impl Terminal {
    /// Presses keys one by one, each when the one before it has been answered by a frame.
    ///
    /// Words name keys (`down enter esc ctrl-c`); a single character stands for itself.
    #[track_caller]
    pub(crate) fn press(&mut self, keys: &str) {
        for key in keys.split_whitespace() {
            let before = self.frames;
            self.send(code(key).as_bytes());
            self.wait(PATIENCE, &format!("a frame after the key `{key}`"), |terminal| {
                terminal.frames > before
            });
        }
    }

    /// Types text into a field and waits until its end stands there.
    #[track_caller]
    pub(crate) fn type_text(&mut self, text: &str) {
        self.send(text.as_bytes());
        let tail: String = text.chars().skip(text.chars().count().saturating_sub(20)).collect();
        self.see(tail.trim());
    }

    /// Pastes, the way a terminal hands over a paste.
    pub(crate) fn paste(&mut self, text: &str) {
        self.send(format!("\x1b[200~{text}\x1b[201~").as_bytes());
    }

    /// Sends bytes and waits for nothing.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        // A program that is gone takes no keys; what it left tells more than an error here.
        let _ = self.keyboard.write_all(bytes).and_then(|()| self.keyboard.flush());
    }

    /// Waits until a text stands on the screen.
    #[track_caller]
    pub(crate) fn see(&mut self, text: &str) {
        self.until(&format!("`{text}`"), |screen| screen.contains(text));
    }

    /// Waits until another program, which has the terminal for a while, says something new.
    #[track_caller]
    pub(crate) fn hear(&mut self, text: &str) {
        let text = text.as_bytes();
        let said = |terminal: &Self| {
            let new = &terminal.transcript[terminal.heard.max(terminal.drawn)..];
            new.windows(text.len()).position(|window| window == text)
        };
        let what = format!("`{}` from the other program", String::from_utf8_lossy(text));
        self.wait(PATIENCE, &what, |terminal| said(terminal).is_some());
        let at = said(self).unwrap_or_default();
        self.heard = self.heard.max(self.drawn) + at + text.len();
    }

    /// Waits until a text is gone from the screen.
    #[track_caller]
    pub(crate) fn see_no(&mut self, text: &str) {
        self.until(&format!("no `{text}`"), |screen| !screen.contains(text));
    }

    /// Waits until the screen is as it should be.
    #[track_caller]
    pub(crate) fn until(&mut self, what: &str, right: impl Fn(&str) -> bool) {
        self.until_within(PATIENCE, what, right);
    }

    /// Waits longer, for what takes long.
    #[track_caller]
    pub(crate) fn until_within(
        &mut self,
        patience: Duration,
        what: &str,
        right: impl Fn(&str) -> bool,
    ) {
        self.wait(patience, what, |terminal| right(&terminal.screen()));
    }

    /// Waits until so many frames have been drawn, or the program is gone.
    pub(crate) fn wait_for_frames(&mut self, more: usize) {
        let enough = self.frames + more;
        self.wait(PATIENCE, "frames", |terminal| terminal.frames >= enough);
    }

    /// Returns what stands on the screen.
    pub(crate) fn screen(&self) -> String {
        self.screen.screen().contents()
    }

    /// Returns the rows of the screen between two columns.
    pub(crate) fn columns(&self, from: u16, to: u16) -> Vec<String> {
        self.screen.screen().rows(from, to - from).collect()
    }

    /// Returns the size of the screen: columns, rows.
    pub(crate) fn extent(&self) -> (u16, u16) {
        let (rows, columns) = self.screen.screen().size();
        (columns.get(), rows.get())
    }

    /// Returns the first and the last reversed column of a row, where there is one.
    pub(crate) fn reversed(&self, row: u16) -> Option<(u16, u16)> {
        let screen = self.screen.screen();
        let (columns, _) = self.extent();
        let reversed = |column: &u16| screen.cell(row, *column).is_some_and(vt100::Cell::inverse);
        let first = (0..columns).find(reversed)?;
        let last = (first..columns).rev().find(reversed)?;
        Some((first, last))
    }

    /// Returns every byte the program has written.
    pub(crate) fn transcript(&self) -> &[u8] {
        &self.transcript
    }

    /// Gives the terminal another size.
    pub(crate) fn resize(&mut self, columns: u16, rows: u16) {
        self.drain();
        self.screen.screen_mut().set_size(non_zero(rows), non_zero(columns));
        self.master.resize(size(columns, rows)).expect("another size");
    }

    /// Returns the number of the process.
    pub(crate) fn pid(&self) -> Pid {
        let pid = self.child.process_id().expect("a running program");
        Pid::from_raw(i32::try_from(pid).expect("a process number"))
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).expect("the program can be reached");
    }

    /// Waits for the end of the program.
    #[track_caller]
    pub(crate) fn exit(&mut self) -> Left {
        self.wait_for_end();
        let code = self.child.wait().expect("an exit status").exit_code();
        self.screen.process(&self.transcript[self.drawn..]);
        self.drawn = self.transcript.len();
        let screen = self.screen.screen();
        let checks = [
            ("the other screen is still there", screen.alternate_screen()),
            ("the cursor is hidden", screen.hide_cursor()),
            ("pastes are still bracketed", screen.bracketed_paste()),
            ("a frame was never ended", unfinished(&self.transcript)),
            ("keys are still raw", modes(self.master.as_ref()) != self.modes),
        ];
        let wrong = checks.into_iter().filter(|(_, wrong)| *wrong);
        Left {
            code,
            screen: screen.contents(),
            not_restored: wrong.map(|(what, _)| what).collect(),
        }
    }

    /// Kills the program as nothing can prevent.
    pub(crate) fn kill(mut self) {
        self.signal(Signal::SIGKILL);
        self.child.wait().expect("the program ends");
    }

    #[track_caller]
    fn wait_for_end(&mut self) {
        let end = Instant::now() + PATIENCE;
        loop {
            match self.output.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.take(&bytes),
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => panic!("{}", self.waited("the end")),
            }
        }
    }

    #[track_caller]
    fn wait(&mut self, patience: Duration, what: &str, right: impl Fn(&Self) -> bool) {
        let end = Instant::now() + patience;
        self.drain();
        while !right(self) {
            match self.output.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.take(&bytes),
                // The program is gone; `exit` tells how.
                Err(RecvTimeoutError::Disconnected) if what.starts_with("a frame after") => return,
                Err(RecvTimeoutError::Disconnected | RecvTimeoutError::Timeout) => {
                    panic!("{}", self.waited(what))
                }
            }
        }
    }

    fn drain(&mut self) {
        while let Ok(bytes) = self.output.try_recv() {
            self.take(&bytes);
        }
    }

    /// Keeps what was written and draws it up to the last whole frame.
    fn take(&mut self, bytes: &[u8]) {
        let seen = self.transcript.len().saturating_sub(FRAME.len() - 1);
        self.transcript.extend(bytes);
        let fresh = &self.transcript[seen..];
        let ends: Vec<usize> = fresh
            .windows(FRAME.len())
            .enumerate()
            .filter(|(_, window)| *window == FRAME)
            .map(|(at, _)| seen + at + FRAME.len())
            .collect();
        if let Some(last) = ends.last() {
            self.screen.process(&self.transcript[self.drawn..*last]);
            self.drawn = *last;
        }
        self.frames += ends.len();
    }

    fn waited(&self, what: &str) -> String {
        let mut said = format!("waited in vain for {what}; the screen is\n");
        for line in self.screen().lines() {
            let _ = writeln!(said, "│{line}");
        }
        let rest = String::from_utf8_lossy(&self.transcript[self.drawn..]);
        let _ = write!(said, "and behind the last frame came {rest:?}");
        said
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = kill(self.pid(), Signal::SIGKILL);
            let _ = self.child.wait();
        }
    }
}

/// Returns what a terminal sends for a key.
fn code(key: &str) -> String {
    let code = match key {
        "up" => "\x1b[A",
        "down" => "\x1b[B",
        "right" => "\x1b[C",
        "left" => "\x1b[D",
        "home" => "\x1b[H",
        "end" => "\x1b[F",
        "pgup" => "\x1b[5~",
        "pgdn" => "\x1b[6~",
        "enter" => "\r",
        "esc" => "\x1b",
        "tab" => "\t",
        "shift-tab" => "\x1b[Z",
        "space" => " ",
        "backspace" => "\x7f",
        "ctrl-c" => "\x03",
        "ctrl-u" => "\x15",
        single => {
            assert_eq!(single.chars().count(), 1, "no such key: `{single}`");
            single
        }
    };
    code.to_owned()
}

/// Tells whether a frame was begun after the last one ended.
fn unfinished(transcript: &[u8]) -> bool {
    let last = |mark: &[u8]| transcript.windows(mark.len()).rposition(|window| window == mark);
    last(b"\x1b[?2026h") > last(FRAME)
}

fn modes(master: &(dyn MasterPty + Send)) -> String {
    format!("{:?}", master.get_termios())
}

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}

fn non_zero(number: u16) -> NonZero<u16> {
    NonZero::new(number).expect("a screen has an extent")
}
