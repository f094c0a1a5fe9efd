//! Killed while a rollback is applied: we at each of our system calls, OpenClaw at any moment.

use std::collections::BTreeMap;
use std::io::BufRead;
use std::io::BufReader;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use serde_json::Value;

use crate::home::Home;
use crate::openclaw::gateway::Installed;
use crate::oracle;

/// Open, small, and with comments that only the backup keeps.
const OPEN: &str = r#"{
  // mine
  gateway: { mode: "local", bind: "loopback", port: PORT, auth: { mode: "token", token: "8f3b60c1d27e49a5b0836fd1c27a94e5" } },
  tools: { exec: { mode: "full" } },
}
"#;

/// What applies it.
const ARGUMENTS: [&str; 4] = ["rollback", "--apply", "--data-dir", "data"];

/// What a kill came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Came {
    Old,
    New,
}

/// Applies the rollback, our own process killed as it makes a system call for the n-th time; says
/// what the config is then, and whether we were killed. OpenClaw goes on without us.
fn killed_at(openclaw: &Installed, call: &str, when: usize) -> (Came, bool) {
    let (home, _) = openclaw.home(OPEN);
    let mut strace = home.program("strace");
    strace
        .args(["-qq", "-o", "/dev/null", "-e", &format!("trace={call}")])
        .args(["-e", &format!("inject={call}:signal=SIGKILL:when={when}")])
        .arg(env!("CARGO_BIN_EXE_portcullis"))
        .args(ARGUMENTS)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let status = strace.status().expect("strace; .ci/run installs it");
    let killed = status.signal() == Some(9) || status.code() == Some(137);
    // What we started writes on, and is waited for.
    let session = home.root().display().to_string();
    let until = Instant::now() + Duration::from_mins(2);
    while is_open_by_anyone(&session) {
        assert!(Instant::now() < until, "{call} {when}: OpenClaw does not end");
        std::thread::sleep(Duration::from_millis(200));
    }
    (look(&home, &format!("{call} {when}")), killed)
}

/// Tells whether a process whose home this is runs.
fn is_open_by_anyone(root: &str) -> bool {
    let processes = std::fs::read_dir("/proc").expect("/proc").flatten();
    let needle = format!("HOME={root}");
    processes.into_iter().any(|process| {
        let environment = std::fs::read(process.path().join("environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable == needle.as_bytes())
    })
}

/// Applies the rollback, and kills us and OpenClaw alike a while after the writing began.
fn killed_after(openclaw: &Installed, after: Duration) -> Came {
    let (home, _) = openclaw.home(OPEN);
    let mut command = home.program("setsid");
    command.arg(env!("CARGO_BIN_EXE_portcullis")).args(ARGUMENTS);
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("setsid");
    let lines = BufReader::new(child.stdout.take().expect("a stdout")).lines();
    let writing = lines.map_while(Result::ok).find(|line| line.starts_with("writing"));
    assert!(writing.is_some(), "it never came to the writing");
    std::thread::sleep(after);
    let mut kill = Command::new("pkill");
    kill.args(["-KILL", "-s", &child.id().to_string()]);
    kill.status().expect("pkill");
    child.wait().expect("its end");
    look(&home, &format!("{after:?} after the writing began"))
}

/// Says what the config is after a kill: never anything else than the old one or the new one.
fn look(home: &Home, when: &str) -> Came {
    let before = OPEN.replace("PORT", &port(home));
    let after = home.read(".openclaw/openclaw.json");
    let came = if after == before { Came::Old } else { Came::New };
    if came == Came::New {
        let config: Value = serde_json::from_str(&after).expect("OpenClaw writes JSON");
        assert_eq!(config["tools"]["exec"]["mode"], "deny", "{when}: {after}");
    }
    backup_is_whole(home, &before, came, when);
    came
}

/// Returns the port that the config names, in either of its forms.
fn port(home: &Home) -> String {
    let text = home.read(".openclaw/openclaw.json");
    let (_, rest) = text.split_once("port").expect("a port");
    rest.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect()
}

/// Holds that the backup, where it was finished, is what was there before, and that nothing was
/// changed where it was not.
#[track_caller]
fn backup_is_whole(home: &Home, before: &str, came: Came, when: &str) {
    let files = if home.file("data").exists() { home.files("data") } else { Vec::new() };
    let Some(sums) = files.iter().find(|file| file.ends_with("/SHA256SUMS")) else {
        return assert_eq!(came, Came::Old, "{when}: changed without a backup");
    };
    if home.read(sums).is_empty() {
        return assert_eq!(came, Came::Old, "{when}: changed before the backup was whole");
    }
    let folder = home.file(sums.trim_end_matches("/SHA256SUMS"));
    let mut check = Command::new("sha256sum");
    check.args(["--quiet", "-c", "SHA256SUMS"]).current_dir(&folder);
    assert!(check.status().expect("sha256sum").success(), "{when}: the backup is torn");
    let kept = std::fs::read_to_string(folder.join("config/0-openclaw.json")).expect("a copy");
    assert_eq!(kept, before, "{when}");
}

/// Kills us at each of these calls until there is none left to be killed at.
fn at_each(calls: &[&str]) {
    let Some(openclaw) = Installed::find() else { return };
    let mut ends: BTreeMap<(&str, Came), usize> = BTreeMap::new();
    for call in calls {
        for when in 1.. {
            let (came, killed) = killed_at(&openclaw, call, when);
            *ends.entry((call, came)).or_default() += 1;
            if !killed {
                assert_eq!(came, Came::New, "{call}: nothing was killed, and nothing was changed");
                break;
            }
        }
    }
    oracle::say(&format!("the config after a kill, by system call: {ends:?}"));
    assert!(ends.keys().any(|(_, came)| *came == Came::Old), "{ends:?}");
}

#[test]
fn killed_at_any_sync_the_config_is_old_or_new_and_the_backup_whole() {
    at_each(&["fsync"]);
}

#[test]
#[ignore = "minutes; run it where applying or the backup changes"]
fn killed_at_any_write_the_config_is_old_or_new_and_the_backup_whole() {
    at_each(&["write", "rename", "unlink"]);
}

#[test]
fn killed_with_openclaw_at_any_moment_the_config_is_old_or_new_and_the_backup_whole() {
    let Some(openclaw) = Installed::find() else { return };
    let moments = [500, 1_500, 2_500, 3_500, 4_500].map(Duration::from_millis);
    let ends = moments.map(|after| killed_after(&openclaw, after));
    oracle::say(&format!("the config after a kill, by moment: {ends:?}"));
}
