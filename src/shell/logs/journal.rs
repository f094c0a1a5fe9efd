//! The journal of a service, searched as `journalctl` prints it. Nothing of it is kept.
#![expect(
    clippy::disallowed_methods,
    reason = "it starts journalctl, whose output no mask may touch"
)]

use std::io;
use std::io::ErrorKind;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::mpsc;
use std::sync::mpsc::RecvTimeoutError;
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::sys::signal::killpg;
use nix::sys::wait::Id;
use nix::sys::wait::WaitPidFlag;
use nix::sys::wait::waitid;
use nix::unistd::Pid;

use crate::openclaw::logs::Progress;
use crate::openclaw::logs::Search;
use crate::shell::logs::Answer;
use crate::shell::logs::Searched;
use crate::shell::service::Unit;

/// How long the journal is searched; `portcullis logs` as a whole has a minute.
const PATIENCE: Duration = Duration::from_secs(25);

/// How many bytes of it are searched.
const BYTES: u64 = 1 << 30;

/// How much is read at once.
const PIECE: usize = 1 << 20;

/// The variables that `journalctl` gets.
const KEPT: [&str; 3] = ["HOME", "PATH", "XDG_RUNTIME_DIR"];

/// Searches everything that the journal holds of a unit: what it logged, and the fields that
/// systemd adds, such as the command line. What was found counts, be it not searched to its end.
pub fn journal(unit: &Unit, search: &Search, answer: &mut Answer) {
    let mut arguments = vec!["-u", &unit.name, "-o", "export", "--no-pager"];
    if unit.of_user {
        arguments.insert(0, "--user");
    }
    let place = format!("journalctl {}", arguments.join(" "));
    let (searched, why) = match start(&arguments) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            (None, Some("there is no journalctl here".to_owned()))
        }
        Err(error) => (None, Some(error.to_string())),
        Ok(child) => read(child, search, &place),
    };
    answer.searched.extend(searched);
    answer.missed.extend(why.map(|why| format!("{place}: {why}")));
}

fn start(arguments: &[&str]) -> io::Result<Child> {
    let kept = KEPT.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
    Command::new("journalctl")
        .args(arguments)
        .env_clear()
        .envs(kept)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
}

/// Searches what a process prints, to its end or until there is too much; then it is stopped.
fn read(mut child: Child, search: &Search, place: &str) -> (Option<Searched>, Option<String>) {
    let group = Pid::from_raw(i32::try_from(child.id()).unwrap_or(i32::MAX));
    let (done, waits) = mpsc::channel::<()>();
    let watch = thread::spawn(move || {
        let late = waits.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout);
        if late {
            let _ = killpg(group, Signal::SIGKILL);
        }
        late
    });
    let (mut progress, mut bytes) = (Progress::default(), 0);
    let mut piece = vec![0; PIECE];
    let mut output = child.stdout.take();
    while let Some(output) = output.as_mut().filter(|_| bytes < BYTES) {
        match output.read(&mut piece) {
            Ok(0) => break,
            Ok(read) => {
                bytes += read as u64;
                search.piece(piece.get(..read).unwrap_or_default(), &mut progress);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    let too_long = bytes >= BYTES;
    if too_long {
        let _ = killpg(group, Signal::SIGKILL);
    }
    // It is left unreaped until nobody signals it any more, so that its number stays its own.
    let ended = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
    while waitid(Id::Pid(group), ended) == Err(Errno::EINTR) {}
    drop(done);
    let late = watch.join().unwrap_or_default();
    let good = child.wait().is_ok_and(|status| status.success());
    let why = match (too_long, late, good) {
        (true, _, _) => Some("there is more than can be searched"),
        (_, true, _) => Some("it did not come to its end in time"),
        (_, _, false) => Some("it failed"),
        _ if bytes == 0 => {
            Some("it prints nothing: nothing was logged there, or this user may not read it")
        }
        _ => None,
    };
    let searched = Searched { place: place.to_owned(), bytes, open: false, hits: progress.hits() };
    ((bytes > 0).then_some(searched), why.map(str::to_owned))
}
