//! The rollback, rehearsed on a copy and applied to the live config, by the real OpenClaw.

use std::process::Command;

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
