//! The picture in the readme is what the program draws.
//!
//! Drawing changed on purpose? `UPDATE_PICTURES=1 cargo test --test all picture` draws it anew.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use portcullis::view::theme::Colour;
use portcullis::view::theme::Glyphs;
use portcullis::view::theme::Theme;
use ratatui::buffer::Buffer;
use ratatui::buffer::Cell;
use ratatui::style::Color;
use ratatui::style::Modifier;
use unicode_width::UnicodeWidthStr;

use crate::stage::Stage;

/// The width and height of a cell, and the room around the screen.
const CELL: (f64, f64) = (8.4, 18.0);
const MARGIN: f64 = 14.0;

const BACKGROUND: &str = "#16191d";
const TEXT: &str = "#dfe3e8";
const DIM: &str = "#98a2ad";

#[test]
fn the_picture_in_the_readme_is_what_is_drawn() {
    let mut stage = Stage::half_way();
    stage.press("5 g");
    let theme = Theme { glyphs: Glyphs::Unicode, colour: Colour::Ansi };
    same("wizard", &svg(&stage.draw(theme, 100, 30)));
}

/// Compares a picture with the committed one, or replaces it on request.
#[track_caller]
fn same(name: &str, drawn: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("assets/screens/{name}.svg"));
    if std::env::var_os("UPDATE_PICTURES").is_some() {
        fs::create_dir_all(path.parent().expect("a folder")).expect("the folder of pictures");
        fs::write(&path, drawn).expect("the picture");
        return;
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == drawn,
        "{} shows another screen; UPDATE_PICTURES=1 draws it anew",
        path.display()
    );
}

/// How a cell looks once reversed and dim are worked out.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Look {
    ink: &'static str,
    paper: Option<&'static str>,
    bold: bool,
}

impl Look {
    fn of(cell: &Cell) -> Self {
        let has = |modifier| cell.modifier.contains(modifier);
        let plain = if has(Modifier::DIM) { DIM } else { TEXT };
        let (ink, paper) = (colour(cell.fg).unwrap_or(plain), colour(cell.bg));
        let bold = has(Modifier::BOLD);
        if has(Modifier::REVERSED) {
            return Self { ink: paper.unwrap_or(BACKGROUND), paper: Some(ink), bold };
        }
        Self { ink, paper, bold }
    }
}

fn colour(colour: Color) -> Option<&'static str> {
    match colour {
        Color::Red => Some("#ff7b72"),
        Color::Green => Some("#7ee787"),
        Color::Yellow => Some("#f2cc60"),
        Color::Magenta => Some("#d2a8ff"),
        Color::Cyan => Some("#76e3ea"),
        Color::Reset => None,
        other => panic!("the theme has no {other:?}"),
    }
}

/// Writes a screen as a picture: paper, frames as lines, and one text for each run of one look.
fn svg(screen: &Buffer) -> String {
    let (columns, rows) = (screen.area.width, screen.area.height);
    let (width, height) = (f64::from(columns) * CELL.0, f64::from(rows) * CELL.1);
    let (width, height) = (width + 2.0 * MARGIN, height + 2.0 * MARGIN);
    let mut picture = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
         width=\"{width:.0}\" height=\"{height:.0}\" role=\"img\" \
         font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\" \
         font-size=\"14\">\n\
         <title>Portcullis in a terminal</title>\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{BACKGROUND}\"/>\n"
    );
    for row in 0..rows {
        let mut column = 0;
        while column < columns {
            let (text, end) = run(screen, column, row);
            let look = Look::of(&screen[(column, row)]);
            place(&mut picture, &text, look, column, end, row);
            column = end;
        }
    }
    picture.push_str("</svg>\n");
    picture
}

/// Returns the text from a cell on that looks alike, and where it ends.
fn run(screen: &Buffer, from: u16, row: u16) -> (String, u16) {
    let look = Look::of(&screen[(from, row)]);
    let framed = strokes(screen[(from, row)].symbol()).is_some();
    let (mut text, mut column) = (String::new(), from);
    while column < screen.area.width {
        let cell = &screen[(column, row)];
        if Look::of(cell) != look || strokes(cell.symbol()).is_some() != framed {
            break;
        }
        text.push_str(cell.symbol());
        column += u16::try_from(cell.symbol().width().max(1)).unwrap_or(1);
    }
    (text, column)
}

fn place(picture: &mut String, text: &str, look: Look, from: u16, end: u16, row: u16) {
    let x = |column: u16| MARGIN + f64::from(column) * CELL.0;
    let y = MARGIN + f64::from(row) * CELL.1;
    let width = |cells: u16| f64::from(cells) * CELL.0;
    if let Some(paper) = look.paper {
        let (x, width, height) = (x(from), width(end - from), CELL.1);
        let _ = writeln!(
            picture,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height}\" fill=\"{paper}\"/>"
        );
    }
    if text.chars().next().is_some_and(|first| strokes(&first.to_string()).is_some()) {
        let mut path = String::new();
        for (column, sign) in (from..end).zip(text.chars()) {
            let stroke = strokes(&sign.to_string()).unwrap_or_default();
            let _ = write!(path, "M{:.1} {y:.1}{stroke}", x(column));
        }
        let _ = writeln!(picture, "<path d=\"{path}\" fill=\"none\" stroke=\"{}\"/>", look.ink);
        return;
    }
    // A gap of spaces needs no text; each word group stands where its column is.
    let mut column = from;
    for part in text.split_inclusive("  ") {
        let words = part.trim_end();
        let before = words.len() - words.trim_start().len();
        let words = words.trim_start();
        if !words.is_empty() {
            let start = column + u16::try_from(before).unwrap_or(0);
            let cells = u16::try_from(words.width()).unwrap_or(0);
            let bold = if look.bold { " font-weight=\"bold\"" } else { "" };
            let _ = writeln!(
                picture,
                "<text x=\"{:.1}\" y=\"{:.1}\" fill=\"{}\" textLength=\"{:.1}\"{bold}>{}</text>",
                x(start),
                y + 13.5,
                look.ink,
                width(cells),
                escaped(words)
            );
        }
        column += u16::try_from(part.width()).unwrap_or(0);
    }
}

/// Returns the strokes of a frame's sign, from the upper left corner of its cell.
fn strokes(symbol: &str) -> Option<&'static str> {
    Some(match symbol {
        "─" => "m0 9h8.4",
        "│" => "m4.2 0v18",
        "╭" => "m4.2 18v-5q0-4 4.2-4",
        "╮" => "m4.2 18v-5q0-4-4.2-4",
        "╰" => "m4.2 0v5q0 4 4.2 4",
        "╯" => "m4.2 0v5q0 4-4.2 4",
        _ => return None,
    })
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;")
}

#[test]
fn what_is_written_into_a_picture_is_text() {
    assert_eq!(escaped(r#"a<b>&"c""#), "a&lt;b&gt;&amp;&quot;c&quot;");
}
