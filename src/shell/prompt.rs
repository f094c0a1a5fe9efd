//! Asking for a secret at the terminal: it is read and not shown.

use std::fs::File;
use std::io;
use std::io::IsTerminal;
use std::io::Read;
use std::io::Write;

use nix::sys::termios;
use nix::sys::termios::LocalFlags;
use nix::sys::termios::SetArg;
use nix::sys::termios::Termios;

use crate::shell::signals;

/// How long an answer may be, in bytes.
const LONGEST: usize = 4096;

/// Tells whether someone can be asked.
#[must_use]
pub fn is_attended() -> bool {
    io::stdin().is_terminal() && terminal().is_ok()
}

/// Asks for a secret, on the terminal itself wherever our output goes.
///
/// # Errors
///
/// When there is no terminal, or it refuses.
pub fn secret(question: &str) -> io::Result<String> {
    let mut quiet = Quiet::new(terminal()?)?;
    quiet.terminal.write_all(question.as_bytes())?;
    quiet.terminal.flush()?;
    let mut answer = Vec::new();
    let mut byte = [0];
    while answer.len() < LONGEST && quiet.terminal.read(&mut byte)? > 0 && byte != *b"\n" {
        answer.extend(byte);
    }
    String::from_utf8(answer).map_err(|_| io::ErrorKind::InvalidData.into())
}

fn terminal() -> io::Result<File> {
    File::options().read(true).write(true).open("/dev/tty")
}

/// The terminal while it does not show what is typed. Dropping it gives it back.
struct Quiet {
    terminal: File,
    before: Termios,
}

impl Quiet {
    fn new(terminal: File) -> io::Result<Self> {
        let before = termios::tcgetattr(&terminal)?;
        let mut quiet = before.clone();
        quiet.local_flags.remove(LocalFlags::ECHO);
        quiet.local_flags.insert(LocalFlags::ECHONL | LocalFlags::ICANON | LocalFlags::ISIG);
        let (other, shown) = (terminal.try_clone()?, before.clone());
        // Where signals cannot be listened to, the guard alone gives the terminal back.
        let _ = signals::listen(move |_| {
            let _ = termios::tcsetattr(&other, SetArg::TCSANOW, &shown);
            false
        });
        termios::tcsetattr(&terminal, SetArg::TCSAFLUSH, &quiet)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        let _ = termios::tcsetattr(&self.terminal, SetArg::TCSANOW, &self.before);
    }
}
