//! The rollback, rehearsed on a copy and applied to the live config, by the real OpenClaw.

use std::process::Command;
use std::time::Duration;
use std::time::Instant;

use crate::home::Home;
use crate::home::Ran;
use crate::openclaw::gateway::Installed;
use crate::openclaw::gateway::untouched;

/// Open in every way that counts, with comments that OpenClaw's writer strips.
const OPEN: &str = r#"{
  // mine
  gateway: { mode: "local", bind: "lan", port: PORT, auth: { mode: "token", token: "8f3b60c1d27e49a5b0836fd1c27a94e5" } },
  channels: {
    telegram: {
      botToken: "7011223344:AAFnotARealBotTokenForTheTests0001",
      dmPolicy: "open", allowFrom: ["*"], groupPolicy: "open",
      accounts: { second: { botToken: "7011223345:AAFnotARealBotTokenForTheTests0002", dmPolicy: "open", allowFrom: ["*"] } },
    },
  },
  tools: { exec: { mode: "full" } },
}
"#;

/// Keys of an older OpenClaw, which today's rejects.
const LEGACY: &str = r#"{ gateway: { mode: "local", bind: "lan", port: PORT, token: "8f3b60c1d27e49a5b0836fd1c27a94e5" } }"#;

#[test]
fn the_rollback_is_rehearsed_on_a_copy_and_the_gateway_stays_as_it_is() {
    let Some(openclaw) = Installed::find() else { return };
    let (home, _) = openclaw.home(OPEN);
    home.write("tmp/keep", "");
    let temporary = home.file("tmp").display().to_string();
    let home = home.with("TMPDIR", &temporary);
    let before = untouched(&home);
    let document = home.run("rollback --rehearse --format json").ends(0).json();
    assert_eq!(document["observed"]["rehearsal.ok"], true, "{document}");
    let notes = document["notes"].to_string();
    assert!(notes.contains("criticals before, 0 criticals after"), "{notes}");
    assert_eq!(untouched(&home), before);
    let left = home.files("tmp");
    assert!(!left.iter().any(|file| file.contains("portcullis-rehearsal")), "{left:?}");
}

#[test]
fn the_rollback_is_applied_after_a_backup_and_taken_back_by_one_command() {
    let Some(openclaw) = Installed::find() else { return };
    let (home, _) = openclaw.home(OPEN);
    let before = home.read(".openclaw/openclaw.json");
    let ran = home.run("rollback --apply --data-dir data");
    ran.ends(0);
    let after = home.read(".openclaw/openclaw.json");
    assert_ne!(after, before);
    assert!(ran.stdout.contains("no gateway ran here before"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("OPEN "), "{}", ran.stdout);
    let backups = home.files("data/backups");
    assert!(backups.iter().any(|file| file.ends_with("/SHA256SUMS")), "{backups:?}");
    for file in &backups {
        assert_eq!(home.mode(file), 0o600, "{file}");
    }
    let again = home.run("rollback --apply --data-dir data");
    assert!(again.ends(0).stdout.contains("nothing was changed"), "{}", again.stdout);
    assert_eq!(home.read(".openclaw/openclaw.json"), after);

    let undo = ran.stdout.lines().find_map(|line| line.strip_prefix("to undo  ")).expect("a line");
    let undo = undo.replace("HOME", home.root().to_str().unwrap());
    let mut sh = Command::new("sh");
    assert!(sh.args(["-c", &undo]).status().expect("sh").success(), "{undo}");
    assert_eq!(home.read(".openclaw/openclaw.json"), before);
}

/// Applies the rollback with an undo that runs by itself, and returns what was printed.
fn applied_for(home: &Home, seconds: u64) -> Ran {
    let ran = home.run(&format!("rollback --apply --undo-in {seconds} --data-dir data"));
    ran.ends(0);
    ran
}

/// Waits until the undo that runs by itself has said what it did.
fn undone(home: &Home) -> String {
    let until = Instant::now() + Duration::from_mins(3);
    loop {
        let files = home.files("data/backups");
        let log = files.iter().find(|file| file.ends_with("/undo.log")).expect("a log");
        let said = home.read(log);
        if !said.is_empty() {
            return said;
        }
        assert!(Instant::now() < until, "nothing was undone");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_change_that_nobody_keeps_is_undone_although_we_are_gone() {
    let Some(openclaw) = Installed::find() else { return };
    let (home, _) = openclaw.home(OPEN);
    let before = home.read(".openclaw/openclaw.json");
    // Where the machine is slow it is undone before it was looked at, and then it says so.
    home.run("rollback --apply --undo-in 10 --data-dir data");
    // What is left is a wait, in which others may have their turn.
    drop(openclaw);
    assert_eq!(undone(&home).trim(), "undone");
    assert_eq!(home.read(".openclaw/openclaw.json"), before);
}

#[test]
fn a_change_that_is_kept_stays() {
    let Some(openclaw) = Installed::find() else { return };
    let (home, _) = openclaw.home(OPEN);
    let ran = applied_for(&home, 600);
    let after = home.read(".openclaw/openclaw.json");
    let keep = ran.stdout.lines().find_map(|line| line.strip_prefix("to keep  ")).expect("a line");
    let keep = keep.replace("HOME", home.root().to_str().unwrap());
    assert!(Command::new("sh").args(["-c", &keep]).status().expect("sh").success(), "{keep}");
    assert_eq!(undone(&home).trim(), "kept");
    assert_eq!(home.read(".openclaw/openclaw.json"), after);
}

#[test]
fn what_openclaw_would_not_write_is_said_before_anything_is_tried() {
    let Some(openclaw) = Installed::find() else { return };
    let (home, _) = openclaw.home(OPEN);
    let home = home.with("OPENCLAW_CONFIG_READONLY", "1");
    let ran = home.run("rollback --apply --data-dir data");
    ran.ends(1);
    assert!(ran.stderr.contains("OPENCLAW_CONFIG_READONLY is set"), "{}", ran.stderr);
    assert!(ran.stderr.contains("rollback --merged"), "{}", ran.stderr);
    assert!(!home.file("data/backups").exists());

    let (home, _) = openclaw.home(LEGACY);
    let before = untouched(&home);
    let ran = home.run("rollback --apply --data-dir data");
    ran.ends(1);
    assert!(ran.stderr.contains("the installed OpenClaw rejects this config"), "{}", ran.stderr);
    assert_eq!(untouched(&home), before);
    let ran = home.run("rollback --rehearse");
    ran.ends(3);
    assert!(ran.stdout.contains("rejects this config"), "{}", ran.stdout);
}
