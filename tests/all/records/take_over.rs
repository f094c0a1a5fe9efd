//! What a record accepted goes on into the next change and into `check`, or is open again.

use portcullis::app::Overlay;
use portcullis::app::page::Row;
use portcullis::change::Settled;
use portcullis::record::Previous;
use portcullis::record::signers::Revoked;
use portcullis::record::trust::Trust;
use portcullis::record::verify::Found;
use portcullis::view::theme::Colour;
use portcullis::view::theme::Glyphs;
use portcullis::view::theme::Theme;
use serde_json::Value;

use crate::cli::small;
use crate::home::Home;
use crate::screens::snapshot;
use crate::stage::Stage;
use crate::stand_in::StandIn;
use crate::terminal::harness::Terminal;

const THEME: Theme = Theme { glyphs: Glyphs::Unicode, colour: Colour::Ansi };
const PROXIES: &str = "gateway.trusted_proxies_missing";
const MANY: &str = "security.trust_model.multi_user_heuristic";

/// Seals a change in which two warnings are accepted, of which one ends on this day.
fn sealed(first: &str) -> String {
    let mut stage = Stage::half_way();
    for (finding, until) in [(PROXIES, "2027-01-31"), (MANY, "2027-01-31")] {
        stage.on_finding(finding).press("a").type_text("one person at a keyboard");
        stage.press("tab tab");
        for _ in 0..3 {
            stage.backspace();
        }
        stage.type_text(until).press("enter");
        assert!(matches!(settled(&stage, finding), Settled::Accepted(_)), "{finding}");
    }
    stage.press("- g enter tab").type_text("sign").press("enter");
    let json = stage.sealed.expect("a record").json;
    // Ends are moved in the text; an unsigned record is taken as it reads.
    json.replacen("2027-01-31", first, 1)
}

/// Opens the next change.
fn after(json: &str) -> Stage {
    let found = Found::new("r1".to_owned(), json.as_bytes().to_vec(), None);
    let revoked = Revoked::default();
    let trust =
        Trust { signers: None, revoked: &revoked, policy: None, elsewhere: &|_, _, _| None };
    let previous = Previous::read(&found, trust).expect("a record");
    assert_eq!(previous.doubt, None);
    Stage::after(Some(previous))
}

fn settled(stage: &Stage, finding: &str) -> Settled {
    let all = &stage.app().review.findings;
    let found = all.iter().find(|state| state.finding.check_id == finding);
    found.expect("a finding").settled.clone()
}

#[test]
fn what_goes_on_is_taken_over_with_one_key() {
    let mut stage = after(&sealed("2027-01-31"));
    assert!(matches!(stage.app().overlay, Some(Overlay::TakeOver { .. })));
    stage.press("enter").answer_much();
    for finding in [PROXIES, MANY] {
        let Settled::Accepted(residual) = settled(&stage, finding) else { panic!("{finding}") };
        assert!(residual.reason.ends_with("one person at a keyboard"), "{}", residual.reason);
        assert_eq!(residual.expires.to_string(), "2027-01-31");
    }
}

#[test]
fn left_alone_nothing_is_taken_over() {
    let mut stage = after(&sealed("2027-01-31"));
    stage.press("esc").answer_much();
    assert_eq!(settled(&stage, PROXIES), Settled::Open(None));
    // It is remembered where it is accepted anew.
    stage.on_finding(PROXIES).press("a");
    let Some(Overlay::Form(form)) = &stage.app().overlay else { panic!("no form") };
    assert!(form.intro.iter().any(|line| line.starts_with("Accepted before by claw until")));
}

#[test]
fn what_ends_soon_is_asked_for_again() {
    let mut stage = after(&sealed("2026-11-30"));
    for (columns, rows) in [(80, 24), (60, 20)] {
        snapshot(&format!("take-over-{columns}x{rows}"), &stage.draw(THEME, columns, rows));
    }
    stage.press("enter").answer_much();
    let (soon, kept) = if matches!(settled(&stage, PROXIES), Settled::Open(None)) {
        (PROXIES, MANY)
    } else {
        (MANY, PROXIES)
    };
    assert!(matches!(settled(&stage, kept), Settled::Accepted(_)));
    assert_eq!(settled(&stage, soon), Settled::Open(None));
    stage.on_finding(soon).press("a enter enter enter");
    let Settled::Accepted(residual) = settled(&stage, soon) else { panic!("not renewed") };
    assert!(residual.reason.ends_with("one person at a keyboard"), "{}", residual.reason);
    assert_eq!(residual.expires.to_string(), "2027-02-22");
}

#[test]
fn what_expired_is_open_again_and_says_so() {
    let mut stage = after(&sealed("2026-11-01"));
    stage.press("enter").answer_much();
    let states = [PROXIES, MANY].map(|finding| settled(&stage, finding));
    let expired = Settled::Open(Some("the acceptance has expired"));
    assert_eq!(states.iter().filter(|state| **state == expired).count(), 1, "{states:?}");
}

#[test]
fn what_looks_different_now_is_open_again() {
    let json = sealed("2027-01-31");
    let record: Value = serde_json::from_str(&json).unwrap();
    let scope = record["residuals"].as_array().unwrap().iter();
    let scope = scope.map(|it| it["scope"].as_str().unwrap()).find(|scope| !scope.is_empty());
    // The digest of what was seen then: something else than now.
    let json = json.replace(&format!("\"scope\": \"{}\"", scope.unwrap()), "\"scope\": \"0\"");
    let mut stage = after(&json);
    stage.press("enter").answer_much();
    let changed = Settled::Open(Some("what was accepted has changed since"));
    let states = [PROXIES, MANY].map(|finding| settled(&stage, finding));
    assert!(states.contains(&changed), "{states:?}");
}

#[test]
fn a_wider_pattern_opens_it_again() {
    let mut stage = after(&sealed("2027-01-31"));
    stage.press("enter").answer_much();
    assert!(matches!(settled(&stage, PROXIES), Settled::Accepted(_)));
    stage.on("1", |row| *row == Row::Pattern(1)).press("enter").type_text("guests").press("enter");
    assert_eq!(
        stage.app().answers.choice.as_ref().map(|it| it.pattern.as_str()),
        Some("tailscale-serve")
    );
    let widened = Settled::Open(Some("the pattern is wider than the one this was accepted under"));
    assert_eq!(settled(&stage, PROXIES), widened);
}

/// The one item of the runbook, which a fact decides.
const ITEM: &str = r#"[[checklist]]
id = "no-strangers"
statement = "No stranger can write to the bot"
why = "Anyone who finds the bot could drive its tools."
rule.each = "account"
rule.must.none = [{ path = "config.account.dm.open", op = "equals", value = true }]
source = "a test"

"#;

fn config(account: &str) -> String {
    format!(
        "{{ gateway: {{ mode: 'local', bind: 'loopback', auth: {{ mode: 'token', \
         token: '0123456789abcdef0123456789abcdef' }} }}, \
         channels: {{ telegram: {{ accounts: {{ {account}: {{ dmPolicy: 'open', allowFrom: ['*'] }} }} }} }} }}\n"
    )
}

/// Walks the small runbook in a real terminal: accepts the item and seals the record.
fn walked() -> Home {
    let home = Home::new(&config("front")).openclaw(&StandIn::healthy().script());
    home.write("small.toml", &small(ITEM));
    let home = home.with("PORTCULLIS_DATA_DIR", "data").with("PORTCULLIS_CONFIG_DIR", "own");
    let mut terminal = home.wizard().argument("--runbook").argument("small.toml").start();
    terminal.see("Portcullis");
    seal(&mut terminal);
    let left = terminal.exit();
    assert!(left.screen.contains("Record: "), "{}", left.screen);
    home
}

fn seal(terminal: &mut Terminal) {
    terminal.press("1 g enter");
    terminal.see("enter");
    terminal.type_text("a test");
    terminal.press("enter 7");
    terminal.see("No stranger can write to the bot");
    terminal.press("g a");
    terminal.see("Accept and put on record");
    terminal.type_text("a public bot");
    terminal.press("tab tab enter");
    terminal.see_no("Accept and put on record");
    terminal.press("8 g enter");
    terminal.see("type `sign`");
    terminal.press("tab");
    terminal.type_text("sign");
    terminal.press("enter");
    terminal.see("Sign the record");
    terminal.press("G enter");
    terminal.see("UNSIGNED: no key");
    terminal.press("enter q");
}

#[test]
fn check_honours_what_is_accepted_until_its_end_and_as_long_as_it_looks_the_same() {
    let home = walked();
    let check = |home: &Home| home.run("check --runbook small.toml --pattern closed --format json");
    let verdict =
        |ran: &crate::home::Ran| crate::home::verdicts(&ran.json())["no-strangers"].clone();
    let ran = check(&home);
    ran.ends(0);
    assert_eq!(verdict(&ran), "accepted");
    // Without the record it is what it is.
    let ran = home.run("check --runbook small.toml --pattern closed --format json --data-dir none");
    ran.ends(1);
    assert_eq!(verdict(&ran), "not-met");
    // Another account is open: that was not accepted.
    home.write(".openclaw/openclaw.json", &config("back"));
    let ran = check(&home);
    ran.ends(1);
    assert_eq!(verdict(&ran), "not-met");
    home.write(".openclaw/openclaw.json", &config("front"));
    check(&home).ends(0);
    // Its end has passed.
    let record = home.files("data").into_iter().find(|name| name.ends_with("/record.json"));
    let record = record.expect("a record");
    let text = home.read(&record);
    let document: Value = serde_json::from_str(&text).unwrap();
    let residual = &document["residuals"][0];
    assert_eq!((&residual["subject"], &residual["holds"]), (&"no-strangers".into(), &true.into()));
    let until = residual["expires"].as_str().unwrap();
    home.write(&record, &text.replace(until, "2020-01-01"));
    // The head would tell that the record is another; here only the date matters.
    let folder = std::path::Path::new(&record).parent().unwrap().parent().unwrap();
    let past = home.read(&record);
    let sha = |text: &str| portcullis::record::chain::digest(text.as_bytes());
    let head = folder.join("head").display().to_string();
    home.write(&head, &home.read(&head).replace(&sha(&text), &sha(&past)));
    let ran = check(&home);
    ran.ends(1);
    assert_eq!(verdict(&ran), "not-met");
    assert!(!ran.stderr.contains("counts:"), "{}", ran.stderr);
    // And an edited record without its head counts for nothing, whatever its dates say.
    home.write(&record, &text.replace("a public bot", "a private bot"));
    let ran = check(&home);
    ran.ends(1);
    assert!(ran.stderr.contains("names another record"), "{}", ran.stderr);
    // The wizard does not take it over either, and says why.
    let mut terminal = home.wizard().argument("--runbook").argument("small.toml").start();
    terminal.see("accepts counts: the head of its chain names");
    terminal.press("q");
    terminal.exit();
}
