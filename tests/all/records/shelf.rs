//! The wizard's list of sealed records, and one of them opened.

use chrono::TimeDelta;
use portcullis::app::Listed;
use portcullis::app::Opened;
use portcullis::app::Overlay;
use portcullis::record::Record;
use portcullis::record::chain::digest;
use portcullis::record::signers::Revoked;
use portcullis::record::trust::Trust;
use portcullis::record::verify;
use portcullis::record::verify::Found;
use portcullis::view::theme::Colour;
use portcullis::view::theme::Glyphs;
use portcullis::view::theme::Theme;

use crate::records::archive::Archive;
use crate::records::archive::Change1;
use crate::records::archive::now;
use crate::screens::snapshot;
use crate::stage;
use crate::stage::Stage;
use crate::terminal::harness::Launch;

const THEME: Theme = Theme { glyphs: Glyphs::Unicode, colour: Colour::Ansi };

fn listed(change: &str, outcome: &str, signed: bool, withdrawn: Option<&'static str>) -> Listed {
    Listed {
        folder: format!("20261124T130207Z-{change}"),
        sealed: stage::now(),
        change: change.to_owned(),
        outcome: outcome.to_owned(),
        signed,
        operator: "mira".to_owned(),
        withdrawn,
    }
}

/// Verifies a record as it would be found, its files beside it.
fn opened(record: &Record) -> Opened {
    let mut found = Found::new(record.folder.clone(), record.json.clone().into_bytes(), None);
    let files = record.files.iter().map(|(name, text)| (name.clone(), digest(text.as_bytes())));
    found.files = files.collect();
    found.files.insert("record.md".to_owned(), digest(record.markdown.as_bytes()));
    let revoked = Revoked::default();
    let trust =
        Trust { signers: None, revoked: &revoked, policy: None, elsewhere: &|_, _, _| None };
    let verified = verify::verify(found, trust, stage::now());
    // The real page has hundreds of lines, which other tests read.
    let page: String = record.markdown.lines().take(3).map(|line| format!("{line}\n")).collect();
    Opened { verified, page, genuine: true }
}

#[test]
fn the_list_and_a_record_fit_small_terminals() {
    let mut stage = Stage::half_way();
    stage.press("- g enter tab").type_text("sign").press("enter");
    let record = stage.sealed.take().expect("a record");
    let list = vec![
        Listed { folder: record.folder.clone(), ..listed("7F3A", "not-cleared", false, None) },
        listed("81C0", "signed-off", true, Some("REVOKED")),
        listed("0A11", "signed-off", true, None),
    ];
    stage.shelf = Some((list, opened(&record)));
    stage.press("v");
    for (columns, rows) in [(80, 24), (60, 20)] {
        snapshot(&format!("records-{columns}x{rows}"), &stage.draw(THEME, columns, rows));
    }
    stage.press("enter");
    for (columns, rows) in [(80, 24), (60, 20)] {
        snapshot(&format!("record-{columns}x{rows}"), &stage.draw(THEME, columns, rows));
    }
    // Out again, one step at a time.
    stage.press("esc");
    let Some(Overlay::Records(list)) = &stage.app().overlay else { panic!("the list has gone") };
    assert_eq!(list.open, None);
    stage.press("j j k v");
    assert!(stage.app().overlay.is_none());
}

#[test]
fn where_nothing_was_sealed_the_list_says_so() {
    let mut stage = Stage::new();
    stage.shelf =
        Some((Vec::new(), opened(&crate::records::archive::record(&Change1::cleared("A001")))));
    stage.press("v enter");
    let screen = format!("{:?}", stage.draw(THEME, 80, 24));
    assert!(screen.contains("No change of this gateway has been sealed here."), "{screen}");
}

#[test]
fn the_wizard_lists_the_real_archive_and_verifies_what_it_opens() {
    let archive = Archive::new();
    let key = archive.signer("mira");
    let earlier = now() - TimeDelta::hours(1);
    archive.seal(&Change1 { at: earlier, ..Change1::cleared("A001") }, Some(&key));
    archive.seal(&Change1::cleared("A002"), Some(&key));
    let public = key.with_extension("pub").display().to_string();
    archive.run(&format!("records revoke A001 --reason wrong --key {public}")).ends(0);
    let launch = Launch::demo(archive.home.root()).size(100, 30);
    let mut terminal =
        launch.environment("PORTCULLIS_CONFIG_DIR", archive.places.config.clone()).start();
    terminal.see("Portcullis");
    terminal.press("v");
    terminal.see("2 records");
    terminal.see("REVOKED  mira");
    terminal.press("enter");
    terminal.see("valid");
    terminal.see("belongs to these bytes");
    terminal.press("esc j enter");
    terminal.see("revoked by mira@example.org");
    terminal.press("esc esc q");
    terminal.exit();
}
