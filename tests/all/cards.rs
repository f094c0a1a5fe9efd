//! Evidence cards: each that judges has a good and a bad answer, and what is neither proves nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use chrono::DateTime;
use chrono::FixedOffset;
use chrono::TimeDelta;
use portcullis::app::Message;
use portcullis::app::page::Row;
use portcullis::app::page::Step;
use portcullis::openclaw::command;
use portcullis::openclaw::command::Gateway;
use portcullis::openclaw::witness::Asked;
use portcullis::runbook::Card;
use portcullis::runbook::GATEWAY_EXPOSURE;
use portcullis::runbook::Runbook;
use portcullis::verdict::Truth;
use portcullis::verdict::Verdict;
use portcullis::verdict::sighting::How;
use portcullis::verdict::sighting::Judged;
use portcullis::verdict::sighting::Sighting;
use portcullis::verdict::sighting::card_id;
use portcullis::verdict::sighting::judged;

use crate::moves::Wizard;

const ANSWERS: &str = include_str!("../cards/answers.tsv");

fn now() -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339("2026-11-24T14:02:07+01:00").unwrap()
}

/// A judging card's good answer, its bad one, and whether they were captured.
struct Answers {
    good: String,
    bad: String,
    captured: bool,
}

fn rows() -> BTreeMap<String, Answers> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cards");
    let read = |name: &str| fs::read_to_string(folder.join(format!("{name}.txt"))).expect(name);
    let lines = ANSWERS.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let rows = lines.map(|line| {
        let columns: Vec<&str> = line.split('\t').collect();
        let [card, good, bad, whence] = columns[..] else { panic!("{line}") };
        assert!(["captured", "documented"].contains(&whence), "{line}");
        let row = Answers { good: read(good), bad: read(bad), captured: whence == "captured" };
        (card.to_owned(), row)
    });
    rows.collect()
}

fn cards() -> Vec<(String, Card)> {
    let runbook = Runbook::parse(GATEWAY_EXPOSURE).unwrap();
    let all = runbook.items().flat_map(|item| {
        let cards = item.cards.iter().enumerate();
        cards.map(|(place, card)| (card_id(&item.id, place), card.clone())).collect::<Vec<_>>()
    });
    all.collect()
}

fn of(card: &Card, id: &str, how: How, says: &str) -> Judged {
    let asked = Asked {
        port: 18789,
        user_header: Some("X-Forwarded-User".to_owned()),
        commanding: Some(vec!["main".to_owned()]),
    };
    judged(card, &Sighting::new(id, how, says, now()), &asked)
}

#[test]
fn every_card_that_judges_has_a_good_and_a_bad_answer() {
    let mut rows = rows();
    for (id, card) in cards() {
        if card.judge.is_none() {
            continue;
        }
        let row = rows.remove(&id).unwrap_or_else(|| panic!("{id} has no answers"));
        assert_eq!(card.tried, row.captured, "{id}: tried is said of what was captured");
        assert_eq!(of(&card, &id, How::Pasted, &row.good), Judged::Read(Truth::Yes), "{id}: good");
        assert_eq!(of(&card, &id, How::Pasted, &row.bad), Judged::Read(Truth::No), "{id}: bad");
    }
    assert_eq!(rows.keys().collect::<Vec<_>>(), Vec::<&String>::new(), "no such card judges");
}

#[test]
fn what_is_no_answer_proves_nothing() {
    for (id, card) in cards().iter().filter(|(_, card)| card.judge.is_some()) {
        let nothing = [
            "",
            "\n",
            "bash: sudo: command not found\n",
            "Permission denied\n",
            "{\"half\": ",
            "000\n",
            "\u{1b}[31m\u{202e}\n",
        ];
        for text in nothing {
            let said = of(card, id, How::Pasted, text);
            assert_ne!(said.truth(), Truth::Yes, "{id}: {text:?}");
        }
        let failed = Sighting { status: Some(127), ..Sighting::new(id, How::Ran, "", now()) };
        let asked = Asked { port: 18789, user_header: None, commanding: None };
        assert_eq!(judged(card, &failed, &asked).truth(), Truth::Unknown, "{id}");
    }
}

#[test]
fn a_half_of_a_good_answer_is_never_better_than_the_whole() {
    for (id, row) in rows() {
        let (_, card) = cards().into_iter().find(|(card, _)| *card == id).unwrap();
        // What is bad stays bad or is unread, wherever it is cut off at the end of a line.
        let lines: Vec<&str> = row.bad.lines().collect();
        for keep in 0..lines.len() {
            let half = lines[..keep].join("\n");
            if of(&card, &id, How::Pasted, &half).truth() == Truth::Yes {
                let told = lines[keep..].join("\n");
                // Only where what was cut off was the whole of what is bad.
                assert_ne!(of(&card, &id, How::Pasted, &told).truth(), Truth::Yes, "{id}: {half}");
            }
        }
    }
}

#[test]
fn a_card_that_runs_here_needs_no_shell_and_one_with_a_pipe_is_not_run() {
    for (id, card) in cards().iter().filter(|(_, card)| card.here) {
        let command = command::card(&card.command, &Gateway::default());
        assert!(command.is_some(), "{id}: {}", card.command);
        assert!(!card.command.starts_with("sudo"), "{id} would ask for a password");
    }
    let shell = ["a | b", "a; b", "a $(b)", "a > b", "a \"$B\"", "a && b", "a `b`", "a *"];
    for line in shell {
        assert_eq!(command::card(line, &Gateway::default()), None, "{line}");
    }
    let ss = command::card("ss -Hltn 'sport = :18789'", &Gateway::default()).unwrap();
    assert_eq!(ss.argv, ["ss", "-Hltn", "sport = :18789"]);
}

#[test]
fn an_answer_counts_for_a_day() {
    let seen = Sighting::new("card.x.1", How::Typed, "seen", now());
    assert!(seen.counts(now() + TimeDelta::hours(24)));
    assert!(!seen.counts(now() + TimeDelta::hours(25)));
}

#[test]
fn a_pasted_answer_refutes_and_is_refuted_by_a_newer_one() {
    let item = "pattern.ssh-tunnel.loopback".to_owned();
    let mut wizard = Wizard::new("ssh-tunnel");
    assert_eq!(wizard.app.review.verdict(&item), Verdict::Met);
    wizard.at(Step::Pattern, &Row::Item(item.clone())).press("s");
    let row = &rows()["card.pattern.ssh-tunnel.loopback.1"];
    wizard.send(Message::Paste(row.bad.replace('\n', "\r")));
    assert_eq!(
        wizard.app.review.verdict(&item),
        Verdict::NotMet,
        "the socket is open, whatever the config"
    );
    let evidence = &wizard.app.review.items[&item].evidence[0];
    assert_eq!(evidence.about, "card.pattern.ssh-tunnel.loopback.1");
    assert!(evidence.place.contains("pasted from the gateway host by mira"), "{evidence:?}");
    wizard.press("esc space");
    assert!(wizard.notice().contains("observed to be false"), "{}", wizard.notice());
    wizard.press("s");
    wizard.send(Message::Paste(row.good.clone()));
    assert_eq!(wizard.app.review.verdict(&item), Verdict::Met);
    // What cannot be read changes nothing but the evidence.
    wizard.send(Message::Paste("ss: command not found\n".to_owned()));
    assert_eq!(wizard.app.review.verdict(&item), Verdict::Met);
    wizard.press("esc u");
    let (seen, _) = wizard.app.seen(&item, 0).unwrap();
    assert_eq!(seen.says, row.good, "undone");
}

#[test]
fn a_secret_in_a_pasted_answer_is_masked() {
    let item = "pattern.ssh-tunnel.loopback".to_owned();
    let mut wizard = Wizard::new("ssh-tunnel");
    wizard.at(Step::Pattern, &Row::Item(item.clone())).press("s");
    let secret =
        "sk-ant-api03-abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-abcdefg";
    wizard.send(Message::Paste(format!("export ANTHROPIC_API_KEY={secret}\n")));
    let entries = format!("{:?}", wizard.app.change.entries());
    assert!(entries.contains("ANTHROPIC_API_KEY"), "{entries}");
    assert!(!entries.contains(secret), "{entries}");
}

#[test]
fn a_card_elsewhere_is_not_run_and_a_written_answer_is_kept() {
    let item = "pattern.ssh-tunnel.tunnel".to_owned();
    let mut wizard = Wizard::new("ssh-tunnel");
    wizard.at(Step::Pattern, &Row::Item(item.clone())).press("s");
    assert!(wizard.press("r").is_empty());
    assert!(wizard.notice().contains("it is done on the client"), "{}", wizard.notice());
    wizard.press("e looked enter");
    let (seen, judged) = wizard.app.seen(&item, 0).unwrap();
    assert_eq!((seen.says.as_str(), judged), ("looked", Judged::NoRule));
    assert_eq!(wizard.app.review.verdict(&item), Verdict::Open, "it takes a word still");
    let effects = wizard.press("esc");
    assert_eq!(effects, []);
}

/// What a shell knows that is not `PowerShell`, and programs that Windows or macOS do not have.
const UNIX_ONLY: [&str; 11] = [
    "/dev/null",
    "| grep",
    "| head",
    "$(",
    "sudo ",
    "nc -",
    "ss -",
    "ps -eo",
    "printenv",
    "read -rs",
    "curl -",
];
const LINUX_ONLY: [&str; 4] = ["ss -", "ufw", "ps -eo", "nc -vz -w"];

#[test]
fn every_card_has_a_title_and_a_command_for_each_system() {
    let mut titles = BTreeMap::new();
    for (id, card) in cards() {
        assert!((1..=40).contains(&card.title.chars().count()), "{id}: {}", card.title);
        let item = id.rsplit_once('.').unwrap().0.to_owned();
        assert_eq!(titles.insert((item, card.title.clone()), id.clone()), None, "{id}");
        let holds = |marks: &[&str]| marks.iter().any(|mark| card.command.contains(mark));
        // Portcullis itself runs on Unix.
        if !card.command.starts_with("portcullis ") {
            assert_eq!(card.windows.is_some(), holds(&UNIX_ONLY), "{id}: Windows");
        }
        if holds(&LINUX_ONLY) {
            assert!(card.macos.is_some(), "{id}: macOS");
        }
        for other in [&card.macos, &card.windows].into_iter().flatten() {
            assert_ne!(other, &card.command, "{id}");
        }
    }
}
