//! The screens as they are drawn, on the sample gateway at a fixed moment.
//!
//! Changed on purpose? `INSTA_UPDATE=always cargo test --test all screens` takes them anew.

use portcullis::view::theme::Colour;
use portcullis::view::theme::Glyphs;
use portcullis::view::theme::Theme;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;

use crate::stage::Stage;

const THEME: Theme = Theme { glyphs: Glyphs::Unicode, colour: Colour::Ansi };

/// Every step with the keys that lead there, on the usual small terminal.
const SMALL: [(&str, &str); 19] = [
    ("pattern", "1 g"),
    ("inventory", "2 g j j j j"),
    ("checks", "3 g"),
    ("finding", "3 g j j j j j j"),
    ("templates", "4 g j"),
    ("templates-diff", "4 g j d"),
    ("dms", "5 g"),
    ("proxy", "6 g"),
    ("tools", "7 g j"),
    ("change", "5 g f 8 g"),
    ("offer", "8 g j"),
    ("card", "1 g j s"),
    ("validation", "9 g j"),
    ("checklist", "0 g"),
    ("sign-off", "- g"),
    ("rollback", "R"),
    ("accept", "5 g a"),
    ("blockers", "b"),
    ("help", "?"),
];

#[test]
fn every_step_fits_the_usual_small_terminal() {
    for (name, keys) in SMALL {
        let mut stage = Stage::half_way();
        stage.press(keys);
        snapshot(&format!("{name}-80x24"), &stage.draw(THEME, 80, 24));
    }
}

#[test]
fn the_first_screen_and_a_section_use_the_room_there_is() {
    for (columns, rows) in [(60, 20), (100, 30), (160, 50)] {
        let size = format!("{columns}x{rows}");
        snapshot(&format!("start-{size}"), &Stage::new().draw(THEME, columns, rows));
        let mut stage = Stage::half_way();
        stage.press("5 g");
        snapshot(&format!("dms-{size}"), &stage.draw(THEME, columns, rows));
    }
}

#[test]
fn a_search_and_the_question_before_the_checks_lie_over_the_step() {
    let mut stage = Stage::new();
    stage.press("3 g enter");
    snapshot("consent-80x24", &stage.draw(THEME, 80, 24));
    stage.press("esc /").type_text("elevated");
    snapshot("search-80x24", &stage.draw(THEME, 80, 24));
}

#[track_caller]
pub(crate) fn snapshot(name: &str, screen: &Buffer) {
    let mut backend = TestBackend::new(screen.area.width, screen.area.height);
    let cells = (screen.content.iter().enumerate()).map(|(index, cell)| {
        let (column, row) = screen.pos_of(index);
        (column, row, cell)
    });
    ratatui::backend::Backend::draw(&mut backend, cells).expect("a screen");
    insta::assert_snapshot!(name, backend);
}
