//! Moves: what widens waits for what stands before it, what was applied is not taken back by a key,
//! and every change is validated anew.

use std::time::Duration;

use chrono::DateTime;
use chrono::FixedOffset;
use chrono::TimeDelta;
use crossterm::event::KeyCode;
use crossterm::event::KeyEvent;
use crossterm::event::KeyModifiers;
use portcullis::app::Aftermath;
use portcullis::app::App;
use portcullis::app::Effect;
use portcullis::app::Live;
use portcullis::app::Message;
use portcullis::app::NotApplied;
use portcullis::app::Overlay;
use portcullis::app::Start;
use portcullis::app::Told;
use portcullis::app::page::Row;
use portcullis::app::page::Step;
use portcullis::app::page::rows;
use portcullis::change::Act;
use portcullis::change::Blocker;
use portcullis::change::Change;
use portcullis::change::before_widening;
use portcullis::openclaw::command::End;
use portcullis::openclaw::command::Ended;
use portcullis::openclaw::finding::Severity;
use portcullis::openclaw::patch;
use portcullis::openclaw::proof::Found;
use portcullis::openclaw::proof::Proof;
use portcullis::openclaw::target::Target;
use portcullis::record::Record;
use portcullis::runbook::GATEWAY_EXPOSURE;
use portcullis::runbook::Runbook;
use portcullis::shell::demo;
use portcullis::verdict::Statement;
use portcullis::verdict::Verdict;

use crate::stage::header;
use crate::stage::start;

/// The wizard on the sample config, taken for a real gateway.
pub(crate) struct Wizard {
    pub(crate) app: App,
    now: DateTime<FixedOffset>,
}

impl Wizard {
    pub(crate) fn new(pattern: &str) -> Self {
        let runbook = Runbook::parse(GATEWAY_EXPOSURE).unwrap();
        let now = DateTime::parse_from_rfc3339("2026-11-24T14:02:07+01:00").unwrap();
        let place = runbook.width(pattern).unwrap();
        let change = Change::begin(header(&runbook, now));
        let target = Target { demo: false, ..demo::target() };
        let start = Start { target, ..start(runbook, change) };
        let mut wizard = Self { app: App::new(start, now), now };
        wizard.at(Step::Pattern, &Row::Pattern(place));
        wizard.press("enter needed enter");
        wizard
    }

    pub(crate) fn at(&mut self, step: Step, row: &Row) -> &mut Self {
        let place = rows(&self.app, step).iter().position(|known| known == row);
        self.app.step = step;
        self.app.cursors.insert(step, place.unwrap_or_else(|| panic!("no {row:?}")));
        self
    }

    pub(crate) fn send(&mut self, message: Message) -> Vec<Effect> {
        self.now += TimeDelta::seconds(1);
        self.app.update(message, self.now)
    }

    pub(crate) fn press(&mut self, keys: &str) -> Vec<Effect> {
        let mut effects = Vec::new();
        for word in keys.split_whitespace() {
            let codes = match word {
                "enter" => vec![KeyCode::Enter],
                "esc" => vec![KeyCode::Esc],
                "tab" => vec![KeyCode::Tab],
                "space" => vec![KeyCode::Char(' ')],
                "clear" => {
                    let key = KeyEvent::new(KeyCode::Char('u'), KeyModifiers::CONTROL);
                    effects.extend(self.send(Message::Key(key)));
                    continue;
                }
                typed => typed.chars().map(KeyCode::Char).collect(),
            };
            for code in codes {
                let key = KeyEvent::new(code, KeyModifiers::NONE);
                effects.extend(self.send(Message::Key(key)));
            }
        }
        effects
    }

    fn offer(&mut self, id: &str) -> &mut Self {
        let place = self.app.runbook.moves.iter().position(|one| one.id == id).unwrap();
        self.at(Step::Change, &Row::Offer(place))
    }

    /// Has every item say that a person confirmed it, whatever its rule.
    fn settle_all(&mut self) {
        for judged in self.app.review.items.values_mut() {
            judged.verdict = Verdict::Confirmed;
        }
    }

    pub(crate) fn notice(&self) -> &str {
        self.app.notice.as_ref().map_or("", |notice| &notice.text)
    }

    fn says(&mut self, item: &str) {
        let (who, says, at) = ("mira".to_owned(), "seen".to_owned(), self.now);
        let config = Some(self.app.live.digest().to_owned());
        let said = Statement { says, who, at, config };
        self.app.change.act(Act::Say(item.to_owned(), said), at);
    }
}

fn applies(effects: &[Effect]) -> bool {
    effects.iter().any(|effect| matches!(effect, Effect::Apply(_)))
}

fn aftermath() -> Aftermath {
    Aftermath {
        backup: "/data/backups/x".to_owned(),
        undo: "cd /data/backups/x".to_owned(),
        keep: Some("/data/backups/x/kept".to_owned()),
        undone_at: Some(DateTime::parse_from_rfc3339("2026-11-24T15:02:07+01:00").unwrap()),
        met: true,
        measured: true,
    }
}

#[test]
fn a_widening_move_is_not_planned_before_what_comes_first() {
    let mut wizard = Wizard::new("trusted-proxy");
    wizard.offer("move.proxy.bind").press("enter");
    assert!(wizard.notice().starts_with("first: "), "{}", wizard.notice());
    assert!(wizard.app.answers.plan.is_empty());
    wizard.offer("move.proxy.identity").press("f");
    assert!(wizard.notice().starts_with("first: "), "{}", wizard.notice());
    assert!(wizard.app.overlay.is_none());
}

#[test]
fn a_move_is_worked_out_from_what_was_said_and_refuses_what_lets_everyone_in() {
    let mut wizard = Wizard::new("trusted-proxy");
    wizard.settle_all();
    wizard.offer("move.proxy.identity").press("f");
    assert!(matches!(wizard.app.overlay, Some(Overlay::Form(_))));
    wizard.press("0.0.0.0/0 tab tab ada@example.com enter");
    let Some(Overlay::Form(form)) = &wizard.app.overlay else { panic!("the form is gone") };
    assert!(form.problem.as_ref().is_some_and(|it| it.contains("0.0.0.0/0")), "{form:?}");
    wizard.press("tab clear 192.0.2.7 tab tab enter");
    assert!(wizard.app.overlay.is_none(), "{:?}", wizard.app.overlay);
    let (id, planned) = &wizard.app.answers.plan[0];
    assert_eq!(id, "move.proxy.identity");
    let patch = &planned.patch["gateway"];
    assert_eq!(patch["auth"]["mode"], "trusted-proxy");
    assert_eq!(patch["trustedProxies"], serde_json::json!(["192.0.2.7"]));
    assert_eq!(patch["auth"]["trustedProxy"]["userHeader"], "x-forwarded-user");
    assert_eq!(patch["auth"]["trustedProxy"]["allowUsers"], serde_json::json!(["ada@example.com"]));
    assert!(planned.steps[0].contains("set x-forwarded-user from the login"), "{planned:?}");
}

#[test]
fn what_widens_waits_for_inventory_checks_and_rehearsal_and_what_narrows_does_not() {
    let mut wizard = Wizard::new("tailscale-serve");
    wizard.settle_all();
    wizard.offer("move.serve").press("f");
    wizard.at(Step::Change, &Row::Move(0)).press("A");
    let Some(Overlay::Apply { application, .. }) = &wizard.app.overlay else { panic!("not asked") };
    assert!(application.missing.iter().any(|it| it.contains("to confirm")), "{application:?}");
    assert!(application.missing.iter().any(|it| it.contains("not measured")), "{application:?}");
    assert!(application.missing.iter().any(|it| it.contains("rollback")), "{application:?}");
    assert!(application.breadth.widens.iter().any(|it| it.contains("off → serve")));
    assert!(!applies(&wizard.press("enter")));
    wizard.press("esc");
    // What had to come first for the plan has to stand when it is applied, too.
    wizard.app.review.blockers.clear();
    wizard.press("A");
    let Some(Overlay::Apply { application, .. }) = &wizard.app.overlay else { panic!("not asked") };
    assert!(application.missing.iter().all(|it| it.starts_with("first: ")), "{application:?}");
    assert!(!applies(&wizard.press("enter")));
    wizard.press("esc");
    // Nothing of it is missing: then it is applied.
    wizard.settle_all();
    wizard.press("A");
    assert!(applies(&wizard.press("enter")));

    let mut wizard = Wizard::new("tailscale-serve");
    wizard.at(Step::Section(2), &Row::Item("tools.exec-gated".to_owned())).press("f");
    wizard.at(Step::Change, &Row::Move(0)).press("A");
    assert!(applies(&wizard.press("enter")), "narrowing is always open");

    let mut wizard = Wizard::new("tailnet-lan");
    wizard.offer("move.rate-limit").press("f");
    wizard.at(Step::Change, &Row::Move(0)).press("A");
    assert!(applies(&wizard.press("enter")), "a move of the runbook that narrows is open, too");
}

#[test]
fn validation_counts_anew_after_a_change_and_no_key_takes_the_change_back() {
    let mut wizard = Wizard::new("tailscale-serve");
    wizard.says("validate.routing");
    wizard.at(Step::Section(2), &Row::Item("tools.exec-gated".to_owned())).press("f");
    assert_eq!(wizard.app.review.verdict("validate.routing"), Verdict::Confirmed);
    wizard.at(Step::Change, &Row::Move(0)).press("A enter");
    wizard.send(Message::Told(Told {
        text: "writing  openclaw.json".to_owned(),
        wrong: false,
        begun: None,
    }));
    wizard.send(Message::Applied(Ok(aftermath())));
    assert_eq!(wizard.app.review.verdict("validate.routing"), Verdict::Open, "said before it");
    let effects = wizard.press("enter");
    let file = "/data/backups/x/kept".to_owned();
    assert!(effects.contains(&Effect::Keep(file.clone())));
    let (_, applied) = &wizard.app.answers.applied[0];
    assert!(wizard.app.pending(applied).is_some(), "nothing is kept before the file is there");
    wizard.send(Message::Kept(file));
    assert_eq!(wizard.app.step, Step::Validation);
    assert!(wizard.app.answers.plan.is_empty());
    let (_, applied) = &wizard.app.answers.applied[0];
    assert_eq!(wizard.app.pending(applied), None, "it is kept");
    wizard.says("validate.routing");
    for _ in 0..9 {
        wizard.press("u");
    }
    assert_eq!(wizard.app.answers.applied.len(), 1, "undo takes back answers, not changes");

    // And the next thing that widens waits for all seven steps.
    let review = &wizard.app.review;
    let missing = before_widening(&wizard.app.runbook, &wizard.app.answers, review);
    let items = missing
        .iter()
        .filter(|it| matches!(it, Blocker::Item(id, _) if id.starts_with("validate.")));
    assert_eq!(items.count(), 7);
}

/// Ends the wizard while its move is being written, and opens it again later on such a config.
fn ended_while_writing(written: bool, by_itself: bool, seconds: i64) -> Wizard {
    let mut wizard = Wizard::new("tailscale-serve");
    wizard.at(Step::Section(2), &Row::Item("tools.exec-gated".to_owned())).press("f");
    wizard.at(Step::Change, &Row::Move(0)).press("A enter");
    let undone_at = aftermath().undone_at.filter(|_| by_itself);
    let begun = Aftermath { met: false, measured: false, undone_at, ..aftermath() };
    let begun = Some(Box::new(begun));
    let effects =
        wizard.send(Message::Told(Told { text: "to undo".to_owned(), wrong: false, begun }));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Save(_))), "it is put down first");
    assert_eq!((wizard.app.answers.plan.len(), wizard.app.answers.applied.len()), (1, 0));
    let mut live = demo::live();
    if let (true, Live::Read { config, .. }) = (written, &mut live) {
        patch::merge(&mut config.value, &wizard.app.answers.plan[0].1.patch);
        "after".clone_into(&mut config.digest);
    }
    let now = wizard.now + TimeDelta::seconds(seconds);
    let target = Target { demo: false, ..demo::target() };
    let change = wizard.app.change.clone();
    let start = Start { target, live, ..start(wizard.app.runbook.clone(), change) };
    Wizard { app: App::new(start, now), now }
}

#[test]
fn a_change_that_was_written_while_the_wizard_was_killed_is_on_record() {
    let wizard = ended_while_writing(true, false, 5);
    assert!(wizard.notice().contains("nobody saw its end"), "{}", wizard.notice());
    let [(item, applied)] = wizard.app.answers.applied.as_slice() else { panic!("it is lost") };
    assert_eq!(item, "tools.exec-gated");
    let done = &applied.done;
    assert_eq!((done.met, done.begun, done.after.as_str()), (false, false, "after"));
    assert_eq!(done.undo, aftermath().undo, "its way back is known");
    assert!(wizard.app.answers.plan.is_empty());
}

#[test]
fn what_was_begun_and_not_written_is_planned_still() {
    let wizard = ended_while_writing(false, false, 600);
    assert!(wizard.notice().contains("nothing of it was written"), "{}", wizard.notice());
    assert!(wizard.app.answers.begun.is_none());
    assert_eq!((wizard.app.answers.plan.len(), wizard.app.answers.applied.len()), (1, 0));
    // OpenClaw's writer may still be at work, so nothing is signed.
    let mut wizard = ended_while_writing(false, false, 5);
    assert!(wizard.notice().contains("does not say it yet"), "{}", wizard.notice());
    wizard.at(Step::SignOff, &Row::Sign).press("enter tab sign enter");
    let Some(Overlay::Form(form)) = &wizard.app.overlay else { panic!("it is being signed") };
    let problem = form.problem.clone().unwrap_or_default();
    assert!(problem.contains("may still write it"), "{problem}");
    wizard.press("esc");
    let mut live = demo::live();
    if let Live::Read { config, .. } = &mut live {
        patch::merge(&mut config.value, &wizard.app.answers.plan[0].1.patch);
        "after".clone_into(&mut config.digest);
    }
    wizard.send(Message::Moved(Box::new(live)));
    assert_eq!((wizard.app.answers.plan.len(), wizard.app.answers.applied.len()), (0, 1));
}

#[test]
fn what_may_have_been_written_and_undone_by_itself_is_on_record_and_not_forgotten() {
    let wizard = ended_while_writing(false, true, 7200);
    assert!(wizard.notice().contains("but may have"), "{}", wizard.notice());
    let [(_, applied)] = wizard.app.answers.applied.as_slice() else { panic!("it is forgotten") };
    assert!(!applied.done.met && !applied.done.measured);
    assert!(wizard.app.is_undone(applied), "the config is as it was");
}

#[test]
fn what_was_not_applied_stays_in_the_plan_and_says_why() {
    let mut wizard = Wizard::new("tailscale-serve");
    wizard.at(Step::Section(2), &Row::Item("tools.exec-gated".to_owned())).press("f");
    wizard.at(Step::Change, &Row::Move(0)).press("A enter");
    assert!(wizard.app.is_busy());
    let why = NotApplied {
        what: "the config moved; nothing was changed".to_owned(),
        why: "changed by someone else meanwhile".to_owned(),
        hint: "to undo: cd /data".to_owned(),
        written: None,
    };
    wizard.send(Message::Applied(Err(why)));
    assert!(!wizard.app.is_busy());
    wizard.press("enter");
    assert_eq!((wizard.app.answers.plan.len(), wizard.app.answers.applied.len()), (1, 0));
}

#[test]
fn a_draft_with_applied_moves_reads_back_as_it_was() {
    let mut wizard = Wizard::new("tailscale-serve");
    wizard.at(Step::Section(2), &Row::Item("tools.exec-gated".to_owned())).press("f");
    wizard.at(Step::Change, &Row::Move(0)).press("A enter");
    wizard.send(Message::Applied(Ok(aftermath())));
    wizard.press("enter");
    let mut text = Change::line(&wizard.app.change.header);
    for entry in wizard.app.change.entries() {
        text.push_str(&Change::line(entry));
    }
    let (read, torn) = Change::read(&text).unwrap();
    assert_eq!(torn, None);
    assert_eq!(read.answers(), wizard.app.answers);
}

#[test]
fn what_was_shown_is_not_applied_once_the_config_or_the_gate_is_another() {
    let mut wizard = Wizard::new("tailscale-serve");
    wizard.at(Step::Section(2), &Row::Item("tools.exec-gated".to_owned())).press("f");
    wizard.at(Step::Change, &Row::Move(0)).press("A");
    let Some(Overlay::Apply { application, .. }) = &mut wizard.app.overlay else { panic!() };
    application.digest = "of another config".to_owned();
    assert!(!applies(&wizard.press("enter")), "it was worked out for another config");

    wizard.at(Step::Change, &Row::Move(0)).press("A");
    let Some(Overlay::Apply { application, .. }) = &mut wizard.app.overlay else { panic!() };
    application.widens = true;
    assert!(application.missing.is_empty());
    assert!(!applies(&wizard.press("enter")), "what stands before it is asked for once more");
}

#[test]
fn what_was_written_in_part_is_kept_as_a_change_that_is_not_met() {
    let mut wizard = Wizard::new("tailscale-serve");
    wizard.at(Step::Section(2), &Row::Item("tools.exec-gated".to_owned())).press("f");
    wizard.at(Step::Change, &Row::Move(0)).press("A enter");
    let not = NotApplied {
        what: "the patch is written, and the config cannot be read back".to_owned(),
        why: String::new(),
        hint: String::new(),
        written: Some(Box::new(Aftermath { met: false, measured: false, ..aftermath() })),
    };
    wizard.send(Message::Applied(Err(not)));
    let [(_, applied)] = &wizard.app.answers.applied[..] else { panic!("it is not kept") };
    assert!(!applied.done.met && !applied.done.measured);
    assert!(wizard.app.pending(applied).is_some(), "it is undone by itself");
    assert!(wizard.press("enter").iter().all(|effect| !matches!(effect, Effect::Keep(_))));
}

#[test]
fn a_planned_move_of_another_pattern_is_not_applied() {
    let mut wizard = Wizard::new("tailscale-serve");
    wizard.settle_all();
    wizard.offer("move.serve").press("f");
    let pattern = wizard.app.runbook.width("ssh-tunnel").unwrap();
    wizard.at(Step::Pattern, &Row::Pattern(pattern)).press("enter needed enter");
    wizard.app.review.blockers.clear();
    wizard.at(Step::Change, &Row::Move(0)).press("A");
    let Some(Overlay::Apply { application, .. }) = &wizard.app.overlay else { panic!() };
    assert_eq!(application.missing, ["it does not lead to the chosen pattern"]);
}

/// Plans the fix of a command rule and has it applied; `after` is the config's digest then.
fn applied(wizard: &mut Wizard, item: &str, after: &str) {
    let section = (0..wizard.app.runbook.sections.len())
        .find(|at| wizard.app.runbook.sections[*at].items.iter().any(|it| it.id == item));
    wizard.at(Step::Section(section.unwrap()), &Row::Item(item.to_owned())).press("f");
    wizard.at(Step::Change, &Row::Move(0)).press("A enter");
    assert!(wizard.app.is_applying(), "{}", wizard.notice());
    moved_to(wizard, after);
    wizard.send(Message::Applied(Ok(aftermath())));
    wizard.press("esc");
}

/// Lets the config have another digest.
fn moved_to(wizard: &mut Wizard, digest: &str) {
    let mut live = demo::live();
    if let Live::Read { config, .. } = &mut live {
        digest.clone_into(&mut config.digest);
    }
    wizard.send(Message::Moved(Box::new(live)));
}

fn sealed(wizard: &mut Wizard) -> Record {
    wizard.at(Step::SignOff, &Row::Sign).press("enter tab sign");
    let effects = wizard.press("enter");
    let record = effects.into_iter().find_map(|effect| match effect {
        Effect::Seal(record) => Some(*record),
        _ => None,
    });
    record.expect("a record is sealed")
}

#[test]
fn a_record_says_what_was_applied_how_it_was_validated_and_that_it_was_undone() {
    let mut wizard = Wizard::new("tailscale-serve");
    let original = wizard.app.live.digest().to_owned();
    applied(&mut wizard, "tools.exec-gated", "one");
    // Undone by itself: the config is as it was, and then moves on all the same.
    moved_to(&mut wizard, &original);
    moved_to(&mut wizard, "two");
    wizard.says("validate.routing");
    wizard.press("1");
    applied(&mut wizard, "tools.no-risky-tools", "three");
    // While it may still undo itself, nothing is sealed that would be untrue in five minutes.
    wizard.at(Step::SignOff, &Row::Sign).press("enter tab sign");
    assert!(!wizard.press("enter").iter().any(|effect| matches!(effect, Effect::Seal(_))));
    let Some(Overlay::Form(form)) = &wizard.app.overlay else { panic!("the form is gone") };
    assert!(form.problem.as_ref().is_some_and(|it| it.contains("keep it in step 8")), "{form:?}");
    wizard.press("tab tab clear esc");
    wizard.send(Message::Kept(aftermath().keep.unwrap()));
    let record = sealed(&mut wizard);
    let json: serde_json::Value = serde_json::from_str(&record.json).unwrap();
    let moves = &json["moves"];
    assert_eq!((&moves[0]["undone"], &moves[1]["undone"]), (&true.into(), &false.into()));
    assert_eq!((&moves[1]["before"], &moves[1]["after"]), (&"two".into(), &"three".into()));
    let validation = moves[0]["validation"].as_array().unwrap();
    let routing = validation.iter().find(|it| it["item"] == "validate.routing").unwrap();
    assert_eq!(routing["verdict"], "confirmed", "as it stood before the next move");
    let page = &record.markdown;
    let (_, page) = page.split_once("## Applied moves").expect("the page lists them");
    assert!(page.contains("Refuse commands on the host (for `tools.exec-gated`)"), "{page}");
    assert!(
        page.contains("undone since") && page.contains("read back, as the patch says"),
        "{page}"
    );
}

#[test]
fn what_a_rehearsal_predicts_is_no_finding_of_the_gateway() {
    let mut wizard = Wizard::new("tailscale-serve");
    wizard.at(Step::Section(2), &Row::Item("tools.exec-gated".to_owned())).press("f");
    wizard.at(Step::Change, &Row::Move(0)).press("r");
    let effects = wizard.press("enter");
    let run = effects.iter().find_map(|effect| match effect {
        Effect::Rehearse(run, _) => Some(*run),
        _ => None,
    });
    let mut proof = Proof::of("move");
    proof.notes.push("The audit of the copy: 0 criticals before; 1 critical after.".to_owned());
    proof.findings.push(Found {
        check_id: "gateway.bind_no_auth".to_owned(),
        severity: Severity::Critical,
        title: "on the copy alone".to_owned(),
        detail: "gateway.bind".to_owned(),
        remediation: None,
    });
    let ended = Ended {
        end: End::Exit(1),
        stdout: serde_json::to_string(&proof).unwrap(),
        stderr: String::new(),
        truncated: false,
        took: Duration::from_secs(30),
    };
    wizard.send(Message::Ended(run.expect("a rehearsal"), ended));
    let predicted = wizard.app.predicted("tools.exec-gated").expect("it is kept");
    assert!(predicted.is_measured(), "{predicted:?}");
    assert_eq!(wizard.app.review.findings, [], "a prediction is not what is there");
    let json: serde_json::Value = serde_json::from_str(&sealed(&mut wizard).json).unwrap();
    assert_eq!(json["findings"], serde_json::json!([]));
    let checks = json["checks"].as_array().unwrap();
    assert!(checks.iter().all(|check| check["check"] != "move.tools.exec-gated"), "{checks:?}");
}

#[test]
fn a_name_in_a_move_that_nobody_is_asked_for_is_refused() {
    for (from, to) in [
        ("value = \"{bind}\"", "value = \"{bnd}\""),
        ("says = \"Let {senders} write to {subject}\"", "says = \"Let {senders} write to {whom}\""),
        ("says = \"Name the origins of the Control UI on this network\"", "says = \"{subject}\""),
    ] {
        assert!(GATEWAY_EXPOSURE.contains(from), "{from}");
        let refused = Runbook::parse(&GATEWAY_EXPOSURE.replacen(from, to, 1)).unwrap_err();
        assert!(refused.to_string().contains("names question"), "{refused}");
    }
}
