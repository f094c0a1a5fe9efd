//! The wizard that applies: a fix by the real OpenClaw, and the screen for trouble at night.

use std::time::Duration;

use serde_json::Value;

use crate::openclaw::gateway::Installed;
use crate::openclaw::gateway::untouched;
use crate::terminal::harness::Terminal;

/// How long OpenClaw's writer and its audit may take together, on a busy machine.
const APPLIES: Duration = Duration::from_mins(4);

/// Open, and with commands nobody asks about.
const OPEN: &str = r#"{
  // mine
  gateway: { mode: "local", bind: "loopback", port: PORT, auth: { mode: "token", token: "8f3b60c1d27e49a5b0836fd1c27a94e5" } },
  channels: { telegram: { botToken: "7011223344:AAFnotARealBotTokenForTheTests0001", dmPolicy: "open", allowFrom: ["*"], groupPolicy: "open" } },
  tools: { exec: { mode: "full" } },
}
"#;

fn applied(terminal: &mut Terminal) {
    terminal.until_within(APPLIES, "what came of it", |screen| screen.contains("Applied"));
}

#[test]
fn at_night_one_screen_closes_everything_and_ends_in_a_record() {
    let Some(openclaw) = Installed::find() else { return };
    let (home, _) = openclaw.home(OPEN);
    let mut terminal = home.wizard().argument("rollback").size(100, 40).start();
    terminal.see("Open now: DMs of telegram/default");
    terminal.press("A");
    terminal.see("narrows telegram/default, dm policy: open → disabled");
    terminal.press("enter");
    applied(&mut terminal);
    terminal.see("Applied, and true.");
    terminal.press("enter");
    terminal.see("Nothing that a config decides is open.");
    // The follow-ups stand below; what nobody has done yet is named in the record.
    terminal.press("G enter");
    terminal.see("Sign the rollback");
    terminal.press("tab");
    terminal.type_text("sign");
    terminal.press("enter");
    terminal.see("Sign the record");
    terminal.see("not-cleared");
    terminal.press("j enter");
    terminal.see("UNSIGNED: no key vouches");
    let config = home.read(".openclaw/openclaw.json");
    assert!(!config.contains("\"open\""), "{config}");
    let records = home.files("data/records");
    let record = records.iter().find(|file| file.ends_with("/record.json")).expect("a record");
    let record: Value = serde_json::from_str(&home.read(record)).expect("JSON");
    assert_eq!(record["moves"][0]["item"], "rollback");
    assert_eq!(record["moves"][0]["met"], true);
    assert_ne!(record["config"]["before"], record["config"]["after"]);
    let blockers = record["blockers"].to_string();
    assert!(blockers.contains("follow-up.rotate"), "{blockers}");
    assert!(!blockers.contains("\"kind\":\"open\""), "{blockers}");
    assert!(
        record["items"].as_array().is_some_and(|items| items.len() == 6),
        "{}",
        record["items"]
    );
}

#[test]
fn a_planned_move_is_rehearsed_and_says_what_it_does_to_the_audit() {
    let Some(openclaw) = Installed::find() else { return };
    let (home, _) = openclaw.home(OPEN);
    let before = untouched(&home);
    let mut terminal = home.wizard().size(100, 50).start();
    terminal.see("Exposure pattern");
    terminal.press("7 j");
    terminal.see("Fix (f): Refuse commands on the host");
    terminal.press("f 8");
    terminal.see("1 move planned");
    terminal.press("r");
    terminal.see("enter runs them");
    terminal.press("enter");
    terminal.until_within(APPLIES, "the prediction", |screen| {
        screen.contains("before;") || screen.contains("Unmeasured")
    });
    terminal.see("gone critical");
    drop(terminal);
    assert_eq!(untouched(&home), before);
}

#[test]
fn three_keys_write_the_way_back() {
    let (home, _) = match Installed::find() {
        Some(openclaw) => openclaw.home(OPEN),
        None => return,
    };
    let before = untouched(&home);
    let mut terminal = home.wizard().argument("rollback").start();
    terminal.see("Open now");
    terminal.press("enter enter");
    terminal.see("Written to");
    let text = home.read("rollback.json5");
    assert!(text.contains("dmPolicy: \"disabled\""), "{text}");
    assert_eq!(untouched(&home), before);
}

#[test]
fn a_fix_is_applied_from_the_plan_and_leaving_does_not_stop_it() {
    let Some(openclaw) = Installed::find() else { return };
    let (home, _) = openclaw.home(OPEN);
    let mut terminal = home.wizard().size(100, 40).start();
    terminal.see("Exposure pattern");
    terminal.press("7 j");
    terminal.see("Fix (f): Refuse commands on the host");
    terminal.press("f 8");
    terminal.see("1 move planned");
    terminal.press("A");
    terminal.see("enter applies it");
    terminal.press("enter");
    terminal.until_within(APPLIES, "the writing", |screen| screen.contains("writing "));
    terminal.press("esc q");
    let left = terminal.exit();
    assert_eq!((left.code, &left.not_restored[..]), (0, &[][..]), "{}", left.screen);
    assert!(left.screen.contains("it is finished first"), "{}", left.screen);
    // What came of it is in the draft, and the next start says so.
    let mut again = home.wizard().size(100, 40).start();
    again.press("8");
    again.see("applied ");
    assert!(!home.read(".openclaw/openclaw.json").contains("// mine"), "OpenClaw wrote it");
}
