//! The laws of `src/lib.rs`, each held by a test: keys in, effects and state out.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::DateTime;
use chrono::FixedOffset;
use chrono::NaiveDate;
use crossterm::event::KeyCode;
use crossterm::event::KeyEvent;
use crossterm::event::KeyModifiers;
use portcullis::app::App;
use portcullis::app::Effect;
use portcullis::app::InFlight;
use portcullis::app::Message;
use portcullis::app::Overlay;
use portcullis::app::RunId;
use portcullis::app::Saving;
use portcullis::app::keymap;
use portcullis::app::page::Row;
use portcullis::app::page::Step;
use portcullis::change::Act;
use portcullis::change::Blocker;
use portcullis::change::Change;
use portcullis::change::Entry;
use portcullis::change::Settled;
use portcullis::openclaw::command::End;
use portcullis::openclaw::command::Ended;
use portcullis::openclaw::finding::Outcome;
use portcullis::openclaw::finding::Severity;
use portcullis::record::Outcome as Ending;
use portcullis::record::Record;
use portcullis::record::Sealing;
use portcullis::residual::Residual;
use portcullis::runbook::GATEWAY_EXPOSURE;
use portcullis::runbook::Runbook;
use portcullis::shell::demo;
use portcullis::verdict::Statement;
use portcullis::verdict::Verdict;
use portcullis::view;
use portcullis::view::theme::Colour;
use portcullis::view::theme::Glyphs;
use portcullis::view::theme::Theme;
use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use crate::stage::header;
use crate::stage::start;

const AUDIT: &str = include_str!("../../assets/demo/audit.json");

/// The wizard on the sample gateway, with everything that it asked to be done.
struct Wizard {
    app: App,
    effects: Vec<Effect>,
}

fn now() -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339("2026-11-24T14:02:07+01:00").unwrap()
}

impl Wizard {
    fn new() -> Self {
        let runbook = Runbook::parse(GATEWAY_EXPOSURE).unwrap();
        let change = Change::begin(header(&runbook, now()));
        Self::with(runbook, change)
    }

    fn with(runbook: Runbook, change: Change) -> Self {
        let start = start(runbook, change);
        Self { app: App::new(start, now()), effects: Vec::new() }
    }

    fn send(&mut self, message: Message) -> &mut Self {
        let effects = self.app.update(message, now());
        self.effects.extend(effects);
        self
    }

    /// Presses keys given as words; what is no key's name is typed.
    fn press(&mut self, keys: &str) -> &mut Self {
        for word in keys.split_whitespace() {
            let code = match word {
                "enter" => KeyCode::Enter,
                "esc" => KeyCode::Esc,
                "tab" => KeyCode::Tab,
                "space" => KeyCode::Char(' '),
                "down" => KeyCode::Down,
                typed => {
                    for c in typed.chars() {
                        self.send(Message::Key(KeyEvent::new(
                            KeyCode::Char(c),
                            KeyModifiers::NONE,
                        )));
                    }
                    continue;
                }
            };
            self.send(Message::Key(KeyEvent::new(code, KeyModifiers::NONE)));
        }
        self
    }

    fn runs(&self) -> Vec<RunId> {
        let run = |effect: &Effect| match effect {
            Effect::Run(run, _) => Some(*run),
            _ => None,
        };
        self.effects.iter().filter_map(run).collect()
    }

    /// Lets every check that runs or waits answer this.
    fn finish(&mut self, stdout: &str) -> &mut Self {
        while let Some(run) = self.app.in_flight.values().find_map(InFlight::run) {
            self.send(Message::Ended(run, answered(stdout)));
        }
        self
    }

    fn choose_pattern(&mut self) -> &mut Self {
        self.press("1 g enter needed enter")
    }

    /// Puts the cursor on an item.
    fn on(&mut self, item: &str) -> &mut Self {
        let steps = Step::all(&self.app.runbook);
        let place = steps.iter().find_map(|step| {
            let rows = portcullis::app::page::rows(&self.app, *step);
            let row = rows.iter().position(|row| *row == Row::Item(item.to_owned()))?;
            Some((*step, row))
        });
        let (step, row) = place.unwrap_or_else(|| panic!("no row for `{item}`"));
        self.app.step = step;
        self.app.cursors.insert(step, row);
        self
    }

    fn judge_again(&mut self, act: Act) -> &mut Self {
        self.app.change.act(act, now());
        // Any answer has everything worked out anew.
        self.press("1 g enter again enter")
    }
}

fn answered(stdout: &str) -> Ended {
    Ended {
        end: End::Exit(0),
        stdout: stdout.to_owned(),
        stderr: String::new(),
        truncated: false,
        took: Duration::from_millis(8200),
    }
}

fn timed_out() -> Ended {
    Ended { end: End::Deadline, ..answered("") }
}

fn seal(wizard: &Wizard) -> Record {
    let app = &wizard.app;
    Record::seal(&Sealing {
        gateway: &demo::gateway(),
        runbook: &app.runbook,
        target: &app.target,
        change: &app.change,
        answers: &app.answers,
        review: &app.review,
        blockers: &app.review.blockers,
        ending: portcullis::record::Ending::Change,
        config: app.live.config(),
        facts: app.live.facts(),
        operator: "mira",
        now: now(),
    })
}

#[test]
fn a_signed_off_record_exists_only_of_a_change_without_blockers() {
    let mut wizard = Wizard::new();
    let record = seal(&wizard);
    assert_eq!(record.outcome, Ending::NotCleared);
    let json: serde_json::Value = serde_json::from_str(&record.json).unwrap();
    assert_eq!(json["outcome"], "not-cleared");
    let named = json["blockers"].as_array().unwrap().len();
    assert_eq!(named, wizard.app.review.blockers.len());
    for blocker in wizard.app.review.blockers.clone() {
        wizard.app.review.blockers = vec![blocker];
        assert_eq!(seal(&wizard).outcome, Ending::NotCleared);
    }
    wizard.app.review.blockers.clear();
    assert_eq!(seal(&wizard).outcome, Ending::SignedOff);
}

#[test]
fn the_rollback_that_nothing_rehearsed_always_blocks() {
    let wizard = Wizard::new();
    assert!(wizard.app.review.blockers.contains(&Blocker::Rehearsal));
    assert_eq!(wizard.app.review.verdict("checklist.rollback-rehearsed"), Verdict::Unmeasured);
}

#[test]
fn what_is_observed_false_cannot_be_confirmed() {
    let mut wizard = Wizard::new();
    wizard.on("dm.pairing-or-allowlist");
    assert_eq!(wizard.app.review.verdict("dm.pairing-or-allowlist"), Verdict::NotMet);
    wizard.press("space");
    assert_eq!(wizard.effects, []);
    assert!(wizard.app.notice.as_ref().is_some_and(|notice| notice.wrong));
    // Nor by a draft that someone edited.
    let says = "trust me".to_owned();
    let word = Statement { says, who: "mira".to_owned(), at: now(), config: None };
    wizard.judge_again(Act::Say("dm.pairing-or-allowlist".to_owned(), word));
    assert_eq!(wizard.app.review.verdict("dm.pairing-or-allowlist"), Verdict::NotMet);
}

#[test]
fn an_item_without_a_rule_is_settled_by_a_persons_word() {
    let mut wizard = Wizard::new();
    let item = "tools.separate-boundaries";
    assert_eq!(wizard.app.review.verdict(item), Verdict::Open);
    wizard.on(item).press("space");
    assert_eq!(wizard.app.review.verdict(item), Verdict::Confirmed);
    assert_eq!(wizard.app.answers.words[item].who, "mira");
    wizard.press("u");
    assert_eq!(wizard.app.review.verdict(item), Verdict::Open);
}

#[test]
fn an_acceptance_needs_a_reason_and_gets_an_owner_and_an_expiry() {
    let mut wizard = Wizard::new();
    let item = "tools.exec-gated";
    wizard.on(item).press("a enter enter enter");
    let Some(Overlay::Form(form)) = &wizard.app.overlay else { panic!("the form has closed") };
    assert!(form.problem.as_ref().is_some_and(|problem| problem.contains("reason")));
    wizard.press("esc a lab tab tab enter");
    let residual = &wizard.app.answers.residuals[item];
    assert_eq!((residual.reason.as_str(), residual.owner.as_str()), ("lab", "mira"));
    assert_eq!(residual.expires, NaiveDate::from_ymd_opt(2027, 2, 22).unwrap());
    assert_eq!(wizard.app.review.verdict(item), Verdict::Accepted);
    // Asked again, it is there to be renewed.
    wizard.press("a");
    let Some(Overlay::Form(form)) = &wizard.app.overlay else { panic!("no form") };
    assert_eq!(form.fields[0].input.value(), "lab");
}

#[test]
fn what_validates_a_change_is_said_anew_once_the_config_is_another_whoever_changed_it() {
    let mut wizard = Wizard::new();
    let (validates, stays) = ("validate.routing", "pattern.ssh-tunnel.tunnel");
    wizard.choose_pattern();
    for item in [validates, stays] {
        wizard.on(item).press("e seen enter");
        assert!(wizard.app.answers.words.contains_key(item), "{item}");
    }
    let said = |wizard: &Wizard, item: &str| {
        let evidence = &wizard.app.review.items[item].evidence;
        evidence.iter().any(|evidence| evidence.says == "seen")
    };
    assert!(said(&wizard, validates) && said(&wizard, stays));
    let mut live = demo::live();
    if let portcullis::app::Live::Read { config, .. } = &mut live {
        config.digest = "moved".to_owned();
    }
    wizard.send(Message::Moved(Box::new(live)));
    assert!(!said(&wizard, validates));
    assert!(said(&wizard, stays), "it is not about a change");
}

#[test]
fn an_entry_of_the_inventory_that_is_found_otherwise_says_so_and_stays_until_it_is_recorded_anew() {
    let mut wizard = Wizard::new();
    wizard.choose_pattern().press("2 g down down enter");
    let recorded = |wizard: &Wizard| wizard.app.answers.inventory["inventory.url"].0.value.clone();
    let before = recorded(&wizard);
    let mut live = demo::live();
    if let portcullis::app::Live::Read { facts, .. } = &mut live {
        let port = facts.facts.iter_mut().find(|fact| fact.path == "config.gateway.port");
        port.expect("the port").value = Some(19001.into());
    }
    wizard.send(Message::Moved(Box::new(live)));
    assert!(wizard.app.otherwise.contains("inventory.url"));
    assert_eq!(recorded(&wizard), before);
    wizard.press("g down down enter");
    assert_ne!(recorded(&wizard), before);
    assert!(recorded(&wizard).contains("19001"), "{}", recorded(&wizard));
}

#[test]
fn a_critical_is_accepted_only_where_the_pattern_makes_it() {
    let mut wizard = Wizard::new();
    wizard.choose_pattern().press("3 g enter enter");
    let first = wizard.runs()[1];
    wizard.send(Message::Ended(first, answered(AUDIT)));
    let critical = wizard.app.review.findings.iter();
    let critical = critical.filter(|state| state.finding.severity == Severity::Critical);
    let critical = critical.map(|state| (state.key.clone(), state.finding.detail_digest.clone()));
    let critical: Vec<_> = critical.collect();
    assert_eq!(critical.len(), 5);
    for (subject, scope) in critical {
        let residual = Residual {
            subject: subject.clone(),
            scope,
            reason: "a draft someone edited".to_owned(),
            owner: "mallory".to_owned(),
            accepted: now(),
            expires: NaiveDate::from_ymd_opt(2027, 1, 1).unwrap(),
            width: Some(0),
        };
        wizard.judge_again(Act::Accept(residual));
        let state = wizard.app.review.findings.iter().find(|state| state.key == subject).unwrap();
        assert!(matches!(state.settled, Settled::Open(Some(_))), "{subject}");
    }
    assert_eq!(wizard.app.review.verdict("checklist.criticals-resolved"), Verdict::NotMet);
}

#[test]
fn a_timed_out_audit_is_unmeasured() {
    let mut wizard = Wizard::new();
    wizard.choose_pattern().press("3 g enter enter");
    for _ in 0..4 {
        let runs = wizard.runs();
        for run in runs {
            wizard.send(Message::Ended(run, timed_out()));
        }
    }
    assert!(!wizard.app.is_busy());
    for check in ["doctor", "audit", "audit-deep", "health"] {
        let run = &wizard.app.answers.runs[check];
        assert!(matches!(run.outcome, Outcome::Unmeasured { .. }), "{check}");
        assert!(wizard.app.review.blockers.contains(&Blocker::Check(check.to_owned())));
    }
    assert_eq!(wizard.app.review.verdict("checklist.criticals-resolved"), Verdict::Unmeasured);
    assert_eq!(wizard.app.review.findings, []);
}

#[test]
fn a_late_result_never_replaces_a_newer_one() {
    let mut wizard = Wizard::new();
    wizard.press("3 g enter enter");
    let first = wizard.runs()[1];
    wizard.send(Message::Ended(first, answered(AUDIT)));
    let kept = wizard.app.answers.runs["audit"].clone();
    let effects = wizard.effects.len();
    wizard.send(Message::Ended(first, timed_out()));
    wizard.send(Message::Ended(RunId(999), timed_out()));
    assert_eq!(wizard.app.answers.runs["audit"], kept);
    assert_eq!(wizard.effects.len(), effects);
}

#[test]
fn at_most_one_check_a_core_runs_and_each_can_be_stopped() {
    let mut wizard = Wizard::new();
    wizard.press("3 g enter");
    assert_eq!(wizard.runs(), [], "nothing starts before what it may write was shown");
    wizard.press("enter");
    let started = wizard.runs();
    assert_eq!(started.len(), 2);
    wizard.press("g x");
    assert!(wizard.effects.contains(&Effect::Cancel(started[0])));
    wizard.send(Message::Ended(started[0], Ended { end: End::Cancelled, ..answered("") }));
    assert_eq!(wizard.runs().len(), 3);
    assert_eq!(wizard.app.answers.runs["doctor"].outcome, Outcome::Cancelled);
}

#[test]
fn an_answer_that_could_not_be_saved_is_saved_with_the_next_one_in_order() {
    let mut wizard = Wizard::new();
    wizard.on("tools.separate-boundaries").press("space");
    wizard.send(Message::NotSaved("the disk is full".to_owned()));
    assert_eq!(wizard.app.saving, Saving::Failed("the disk is full".to_owned()));
    wizard.effects.clear();
    wizard.press("u");
    let Some(Effect::Save(entries)) = wizard.effects.first() else { panic!("nothing is saved") };
    assert_eq!(entries.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [1, 2]);
    wizard.send(Message::Saved);
    wizard.effects.clear();
    wizard.press("q");
    assert_eq!(wizard.effects, [Effect::Quit]);
}

#[test]
fn esc_keeps_what_was_typed() {
    let mut wizard = Wizard::new();
    wizard.press("1 g enter half esc");
    assert!(wizard.app.overlay.is_none());
    wizard.press("enter");
    let Some(Overlay::Form(form)) = &wizard.app.overlay else { panic!("no form") };
    assert_eq!(form.fields[0].input.value(), "half");
}

#[test]
fn a_moved_config_makes_runs_out_of_date() {
    let mut wizard = Wizard::new();
    wizard.choose_pattern().press("3 g enter enter");
    let audit = wizard.runs()[1];
    wizard.send(Message::Ended(audit, answered(AUDIT)));
    assert_eq!(wizard.app.review.stale, Vec::<String>::new());
    let mut live = demo::live();
    if let portcullis::app::Live::Read { config, .. } = &mut live {
        config.digest = "moved".to_owned();
    }
    wizard.send(Message::Moved(Box::new(live)));
    assert_eq!(wizard.app.review.stale, ["audit"]);
    assert_eq!(wizard.app.review.findings, []);
    assert!(wizard.app.moved.is_some());
    // What was measured before is not shown as if it were: enter runs it again.
    wizard.press("3 g j j enter");
    assert!(wizard.app.in_flight.contains_key("audit"), "{:?}", wizard.app.overlay);
}

#[test]
fn what_was_accepted_stands_while_its_check_is_out_of_date_and_falls_when_the_finding_is_gone() {
    let mut wizard = Wizard::new();
    wizard.choose_pattern().press("3 g enter enter").finish(AUDIT);
    let warning = wizard.app.review.findings.iter();
    let warning = warning.filter(|state| state.finding.severity == Severity::Warn);
    let key = warning.map(|state| state.key.clone()).next().expect("a warning");
    let row = Row::Finding(key.clone());
    let place = wizard.app.rows().iter().position(|known| *known == row).expect("its row");
    wizard.app.cursors.insert(Step::Checks, place);
    wizard.press("a known enter enter enter");
    let holds = |wizard: &Wizard| {
        let json: serde_json::Value = serde_json::from_str(&seal(wizard).json).unwrap();
        let mut residuals = json["residuals"].as_array().unwrap().clone().into_iter();
        residuals.find(|residual| residual["subject"] == key.as_str()).expect("it")["holds"].clone()
    };
    assert_eq!(holds(&wizard), true);
    let mut live = demo::live();
    if let portcullis::app::Live::Read { config, .. } = &mut live {
        config.digest = "moved".to_owned();
    }
    wizard.send(Message::Moved(Box::new(live)));
    assert_eq!(wizard.app.review.findings, []);
    assert_eq!(holds(&wizard), true, "nothing says that the finding is gone");
    let clean = r#"{"ts":1,"summary":{"critical":0,"warn":0,"info":0},"findings":[],"secretDiagnostics":[]}"#;
    wizard.press("3 g enter").finish(clean);
    assert_eq!(holds(&wizard), false, "it was looked for and is gone");
}

#[test]
fn every_key_has_one_meaning_and_the_footer_shows_only_keys_of_the_table() {
    let mut meanings = BTreeMap::new();
    for binding in keymap::BINDINGS {
        for key in binding.keys {
            let before = meanings.insert(format!("{key:?}"), binding.action);
            assert_eq!(before, None, "{key:?} has two meanings");
        }
    }
    let mut wizard = Wizard::new();
    for step in Step::all(&wizard.app.runbook) {
        wizard.app.step = step;
        for row in 0..wizard.app.rows().len() {
            wizard.app.cursors.insert(step, row);
            for (action, _) in keymap::hints(&wizard.app) {
                assert!(keymap::binding(action).is_some(), "{action:?} has no key");
            }
        }
    }
}

#[test]
fn a_draft_reads_back_as_it_was_and_a_torn_last_line_is_dropped() {
    let mut wizard = Wizard::new();
    wizard.choose_pattern().on("tools.separate-boundaries").press("space");
    let change = &wizard.app.change;
    let mut text = Change::line(&change.header);
    text.extend(change.entries().iter().map(Change::line::<Entry>));
    let (read, torn) = Change::read(&text).unwrap();
    assert_eq!((&read, torn), (change, None));
    let whole = text.len();
    let cut = text.len() - 3;
    text.truncate(cut);
    let (read, torn) = Change::read(&text).unwrap();
    assert_eq!(read.entries().len() + 1, change.entries().len());
    assert!(torn.is_some_and(|torn| torn.whole < whole));
    let mut lines: Vec<&str> = text.lines().collect();
    lines[1] = "{}";
    assert!(Change::read(&(lines.join("\n") + "\n")).is_err());
}

fn draw(app: &App, columns: u16, rows: u16) {
    let theme = Theme { glyphs: Glyphs::Unicode, colour: Colour::Ansi };
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    terminal.draw(|frame| view::draw(app, theme, frame)).unwrap();
}

fn any_key() -> impl Strategy<Value = KeyEvent> {
    let code = prop_oneof![
        8 => prop::sample::select("123456789-0jkhlgGespfanurxwcpdb/R?q >ö漢".chars().collect::<Vec<_>>())
            .prop_map(KeyCode::Char),
        4 => prop::sample::select(vec![
            KeyCode::Enter, KeyCode::Esc, KeyCode::Tab, KeyCode::BackTab, KeyCode::Up,
            KeyCode::Down, KeyCode::Left, KeyCode::Right, KeyCode::PageUp, KeyCode::PageDown,
            KeyCode::Home, KeyCode::End, KeyCode::Backspace, KeyCode::Delete, KeyCode::F(1),
        ]),
    ];
    let modifiers = prop_oneof![9 => Just(KeyModifiers::NONE), 1 => Just(KeyModifiers::CONTROL)];
    (code, modifiers).prop_map(|(code, modifiers)| KeyEvent::new(code, modifiers))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_keys_at_any_size_never_panic(
        keys in prop::collection::vec(any_key(), 1..60),
        columns in 0u16..200,
        rows in 0u16..60,
    ) {
        let mut wizard = Wizard::new();
        wizard.send(Message::Resize(columns, rows));
        for key in keys {
            wizard.send(Message::Key(key));
            if let Some(run) = wizard.runs().last().copied() {
                wizard.send(Message::Ended(run, answered(AUDIT)));
            }
            draw(&wizard.app, columns, rows);
        }
        wizard.send(Message::Paste("one\n\u{1b}[31mtwo\u{202e}".to_owned()));
        draw(&wizard.app, columns, rows);
    }
}
