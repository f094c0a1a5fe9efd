//! What a policy demands of records, and where it is told that a record lacks it.

use std::fs;

use serde_json::Value;

use crate::records::archive::Archive;
use crate::records::archive::Change1;
use crate::terminal::harness::Launch;

const TWO: &str = "[[rule]]\nsignatures = 2\nby = [\"*@example.org\"]\n";

fn verified(archive: &Archive, status: i32) -> Value {
    let ran = archive.run("records verify A001 --format json");
    ran.ends(status);
    ran.json()["records"][0].clone()
}

fn policy(record: &Value) -> Value {
    let answers = record["answers"].as_array().expect("answers");
    answers.iter().find(|it| it["aspect"] == "policy").cloned().unwrap_or_default()
}

#[test]
fn a_record_lacks_a_second_signature_until_somebody_countersigns() {
    let archive = Archive::new();
    let mira = archive.signer("mira");
    let bob = archive.signer("bob");
    archive.seal(&Change1 { residual: Some(30), ..Change1::cleared("A001") }, Some(&mira));
    assert_eq!(policy(&verified(&archive, 0)), Value::Null);
    archive.home.write("config/policy.toml", TWO);
    let record = verified(&archive, 1);
    assert_eq!(record["whole"], "lacking");
    let says = "policy.toml line 2: 2 signatures of *@example.org; 1 there";
    assert_eq!(policy(&record)["says"], says);
    assert!(policy(&record)["remedy"].as_str().unwrap().contains("countersign"));
    let page = archive.run("records show A001");
    page.ends(0);
    assert!(
        page.stdout.starts_with(&format!("> it lacks a signature: {says}\n")),
        "{}",
        page.stdout
    );
    // What it accepts waits for the second signature, too.
    let residuals = archive.run("residuals list");
    residuals.ends(1);
    assert!(residuals.stderr.contains("it lacks a signature"), "{}", residuals.stderr);
    let public = bob.with_extension("pub");
    archive.run(&format!("records countersign A001 --key {}", public.display())).ends(0);
    let record = verified(&archive, 0);
    assert_eq!((&record["whole"], &policy(&record)["state"]), (&"valid".into(), &"good".into()));
    archive.run("residuals list").ends(0);
    // Without a list nobody can be named, so nothing can be told.
    fs::remove_file(archive.home.file("config/allowed_signers")).unwrap();
    let record = verified(&archive, 3);
    assert_eq!(policy(&record)["state"], "unknown");
}

#[test]
fn an_unsigned_record_lacks_what_is_demanded_and_says_unsigned() {
    let archive = Archive::new();
    archive.signer("mira");
    archive.seal(&Change1::cleared("A001"), None);
    archive.home.write("config/policy.toml", "[[rule]]\nsignatures = 1\n");
    let record = verified(&archive, 1);
    assert_eq!((&record["whole"], &policy(&record)["state"]), (&"unsigned".into(), &"bad".into()));
}

#[test]
fn a_policy_that_cannot_be_used_lets_nothing_pass_and_shows_where() {
    let archive = Archive::new();
    let mira = archive.signer("mira");
    archive.seal(&Change1::cleared("A001"), Some(&mira));
    let none = archive.run("records policy");
    none.ends(0);
    assert!(none.stdout.starts_with("No policy"), "{}", none.stdout);
    archive.home.write("config/policy.toml", "[[rule]]\nsignatures = 1\npatterns = [\"pubic\"]\n");
    for (command, status) in [("records verify --all", 2), ("records policy", 1)] {
        let ran = archive.run(command);
        ran.ends(status);
        let caret = "3 | patterns = [\"pubic\"]\n  |             ^^^^^^^\n";
        assert!(ran.stderr.contains(caret), "{command}: {}", ran.stderr);
        assert!(ran.stderr.contains("known are "), "{command}: {}", ran.stderr);
    }
    archive.home.write("config/policy.toml", TWO);
    let ran = archive.run("records policy");
    assert_eq!(ran.ends(0).stdout, "line 2: every pattern: 2 signatures of *@example.org\n");
    // The one that the README shows is one.
    let readme = include_str!("../../../README.md");
    let shown = readme.split("```toml\n").find(|text| text.starts_with("[[rule]]"));
    let shown = shown.and_then(|text| text.split("```").next()).expect("a policy");
    archive.home.write("config/policy.toml", shown);
    assert_eq!(archive.run("records policy").ends(0).stdout.lines().count(), 2);
    // An own runbook brings patterns of its own.
    let own = portcullis::runbook::GATEWAY_EXPOSURE.replace("ssh-tunnel", "our-vpn");
    archive
        .home
        .write("config/policy.toml", "[[rule]]\nsignatures = 1\npatterns = [\"our-vpn\"]\n");
    archive.run("records policy").ends(1);
    archive.home.write("config/runbooks/own.toml", &own);
    archive.run("records policy").ends(0);
}

#[test]
fn the_sign_off_page_says_what_is_demanded() {
    let archive = Archive::new();
    archive.home.write("config/policy.toml", TWO);
    let config = archive.places.config.clone();
    let launch = Launch::demo(archive.home.root()).size(100, 40);
    let mut terminal = launch.environment("PORTCULLIS_CONFIG_DIR", config).start();
    terminal.see("Portcullis");
    terminal.press("- g");
    terminal.see("Policy   2 signatures of *@example.org");
    terminal.press("q");
    terminal.exit();
}
