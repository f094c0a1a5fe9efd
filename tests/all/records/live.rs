//! What has drifted since a record was sealed.

use std::sync::mpsc;

use portcullis::app::Live;
use portcullis::openclaw::command;
use portcullis::shell::demo;
use portcullis::verdict::Run;
use portcullis::verdict::Started;
use serde_json::Value;

use crate::home::Ran;
use crate::records::archive::Archive;
use crate::records::archive::Change1;
use crate::records::archive::Made;
use crate::records::archive::now;
use crate::records::archive::record_of;
use crate::terminal::harness::Launch;

/// A record of the sample gateway, its audit run, changed before it was sealed.
fn sealed(edit: &dyn Fn(&mut Made)) -> Archive {
    let archive = Archive::new();
    let key = archive.signer("mira");
    let change = Change1::cleared("A001");
    let record = record_of(&change, &|made| {
        audit(made, |output| output);
        edit(made);
    });
    archive.seal_as(&change, &record, Some(&key));
    archive
}

/// Puts the audit's answer into a change, as it was or otherwise.
fn audit(made: &mut Made, otherwise: impl Fn(String) -> String) {
    let audit = command::command("audit", &demo::gateway()).expect("a command");
    let (_open, stop) = mpsc::channel();
    let mut ended = demo::answer(&audit, &stop);
    ended.stdout = otherwise(ended.stdout);
    let started = Started {
        check: "audit",
        name: "audit",
        at: now(),
        command: audit.display(),
        config_digest: made.live.digest().to_owned(),
    };
    made.answers.runs.insert("audit".to_owned(), Run::of(started, &ended));
}

/// Returns state and words of one thing that was compared.
#[track_caller]
fn live(ran: &Ran, about: &str) -> (String, String) {
    let document = ran.json();
    let all = document["records"][0]["live"].as_array().expect("what drifted").clone();
    let one = all.iter().find(|it| it["about"] == about).expect("it was compared");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    (text(&one["state"]), text(&one["says"]))
}

const VERIFY: &str = "records verify A001 --demo --live --format json";

#[test]
fn what_has_not_run_is_not_compared_and_what_runs_is_the_same() {
    let archive = sealed(&|_| {});
    let ran = archive.run(VERIFY);
    ran.ends(3);
    for about in ["config", "openclaw", "runbook"] {
        assert_eq!(live(&ran, about).0, "good", "{}", ran.stdout);
    }
    let (state, says) = live(&ran, "findings");
    assert_eq!(state, "unknown");
    assert!(says.contains("--run runs them"), "{says}");
    let ran = archive.run(&format!("{VERIFY} --run"));
    ran.ends(0);
    assert_eq!(live(&ran, "findings"), ("good".to_owned(), "none is new, none is gone".to_owned()));
    let text = archive.run("records verify A001 --demo --live --run");
    text.ends(0);
    assert!(text.stdout.contains("  ok   live findings  none is new"), "{}", text.stdout);
}

#[test]
fn a_finding_that_came_or_went_is_named() {
    let archive = sealed(&|made| {
        audit(made, |output| {
            let renamed = output.replace("gateway.trusted_proxies_missing", "gone.before");
            assert_ne!(renamed, output, "the sample has no such finding");
            renamed
        });
    });
    let ran = archive.run(&format!("{VERIFY} --run"));
    ran.ends(1);
    let (state, says) = live(&ran, "findings");
    assert_eq!(state, "bad");
    assert_eq!(says, "1 new (gateway.trusted_proxies_missing), 1 gone (gone.before)");
}

#[test]
fn another_config_or_runbook_shows_and_so_does_another_gateway() {
    let archive = sealed(&|made| {
        let Live::Read { config, .. } = &mut made.live else { panic!("the sample can be read") };
        config.digest = "0".repeat(64);
        made.runbook.revision = "2025.1".to_owned();
    });
    let ran = archive.run(VERIFY);
    ran.ends(1);
    let (state, says) = live(&ran, "config");
    assert_eq!(state, "bad");
    assert!(says.starts_with("another: 000000000000 then, "), "{says}");
    let (state, says) = live(&ran, "runbook");
    assert_eq!(state, "bad");
    assert!(says.starts_with("another: gateway-exposure revision 2025.1 then, "), "{says}");
    // This home has a gateway of its own, which the record is not about.
    let ran = archive.run("records verify A001 --live --format json");
    ran.ends(1);
    assert_eq!(live(&ran, "gateway").0, "bad");
    assert_eq!(ran.json()["records"][0]["live"].as_array().map(Vec::len), Some(1));
}

#[test]
fn what_the_open_draft_ran_is_compared() {
    let archive = sealed(&|_| {});
    let mut terminal = Launch::demo(archive.home.root()).start();
    terminal.see("Portcullis");
    terminal.press("3 enter");
    terminal.see("enter");
    terminal.press("enter");
    terminal.see("critical 5");
    terminal.press("q");
    terminal.exit();
    let ran = archive.run(VERIFY);
    ran.ends(0);
    assert_eq!(live(&ran, "findings").0, "good", "{}", ran.stdout);
}
