//! The program in a terminal: the whole walk, and what must never go wrong there.

pub(crate) mod harness;
pub(crate) mod script;
pub(crate) mod sealed;

mod figures;
mod trouble;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use serde_json::json;
use tempfile::tempdir;

use self::harness::Launch;
use self::script::Plan;
use self::script::Seen;
use self::sealed::Sealed;

/// How long the demo's checks may take.
const CHECKS: Duration = Duration::from_mins(1);

#[test]
fn the_whole_runbook_is_walked_on_the_demo_and_sealed() {
    let home = tempdir().expect("a home");
    let mut terminal = Launch::demo(home.path()).size(160, 50).start();
    let plan = Plan::new(home.path(), CHECKS);
    let seen = script::walk(&mut terminal, &plan);
    // The proxy section does not apply to this pattern, and is shown all the same.
    assert_eq!(unseen(&seen), Vec::<String>::new());
    let left = terminal.exit();
    assert_eq!((left.code, &left.not_restored[..]), (1, &[][..]), "{}", left.screen);

    let record = Sealed::named_by(&left);
    let document = &record.document;
    assert_eq!(document["schema"], "portcullis/record");
    assert_eq!(document["outcome"], "not-cleared");
    assert_eq!(document["demo"], true);
    assert_eq!(document["operator"]["name"], plan.name);
    assert_eq!(document["pattern"]["chosen"], "ssh-tunnel");
    assert_eq!(document["pattern"]["reason"], plan.reason);
    assert_eq!(document["rehearsal"]["outcome"], "unmeasured");
    assert_eq!(document["signature"], "unsigned");
    // All that was asked is answered; what is left is what no answer can settle.
    for kind in ["pattern", "note", "inventory", "check"] {
        assert_eq!(record.blockers(kind), Vec::<&str>::new(), "{kind}");
    }
    assert_eq!(record.blockers("rehearsal").len(), 1);
    let planned = document["plan"].as_array().expect("the plan");
    assert_eq!(planned.len(), 1);
    assert_eq!(record.blockers("item"), [planned[0]["item"].as_str().expect("an item")]);
    let residuals = document["residuals"].as_array().expect("the residuals");
    assert!(residuals.iter().all(|it| it["owner"] == plan.owner && it["holds"] == true));
    let warnings = document["findings"].as_array().expect("the findings").iter();
    let mut warnings = warnings.filter(|finding| finding["severity"] == "warn");
    assert!(warnings.all(|finding| finding["settled"] == json!("accepted")));
    assert!(record.page.contains("not-cleared") && record.page.contains("DEMO"));

    let written = fs::metadata(&plan.rollback).expect("the rollback was written");
    assert_eq!(written.permissions().mode() & 0o777, 0o600);
    let beside = fs::read(record.folder.join("rollback.json5")).expect("and one by the record");
    assert_eq!(fs::read(&plan.rollback).expect("a text"), beside);
}

#[test]
fn every_sentence_of_the_page_is_seen_on_the_walk() {
    let home = tempdir().expect("a home");
    let mut terminal = Launch::demo(home.path()).size(160, 50).start();
    let plan = Plan {
        pattern: "Trusted reverse proxy",
        reason: "the practice logs in through its own single sign-on",
        ..Plan::new(home.path(), CHECKS)
    };
    let seen = script::walk(&mut terminal, &plan);
    assert_eq!(unseen(&seen), Vec::<String>::new());
}

/// Returns the sentences of the page that were not on the screen.
fn unseen(seen: &Seen) -> Vec<String> {
    (crate::document::seed().iter())
        .filter(|sentence| !seen.holds(&sentence.seen))
        .map(|sentence| format!("{} ({}): `{}`", sentence.row, sentence.id, sentence.seen))
        .collect()
}
