//! The sealed records of the gateway, and one of them opened.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;

use crate::app::Archive;
use crate::app::Listed;
use crate::app::Open;
use crate::app::Opened;
use crate::record::verify::State;
use crate::record::verify::Whole;
use crate::text::count;
use crate::view::overlay;
use crate::view::prose::Prose;
use crate::view::theme::Theme;

/// Draws the list, or the record that is open.
///
/// ```text
/// ╭ 2 records ──────────────────────────────────────╮
/// │ 2026-11-24 14:02  7F3A  signed-off   signed     │
/// ╰────────────────────────── enter opens · esc back ╯
/// ```
pub(super) fn draw(theme: Theme, frame: &mut Frame, body: Rect, archive: &Archive) {
    if let Some(open) = &archive.open {
        let hint = "esc back to the list";
        let text = record(theme, open);
        return overlay::page(theme, frame, body, &open.folder, hint, &text, open.scroll);
    }
    let Some(list) = &archive.list else {
        let inner = overlay::pane(theme, frame, body, "Records", "esc closes", 1);
        frame.render_widget(Line::styled("Reading them.", theme.quiet()), inner);
        return;
    };
    let title = count(list.len(), "record");
    let height = u16::try_from(list.len().max(1)).unwrap_or(u16::MAX);
    let inner = overlay::pane(theme, frame, body, &title, "enter opens · esc closes", height);
    if list.is_empty() {
        let none = "No change of this gateway has been sealed here.";
        frame.render_widget(Line::styled(none, theme.quiet()), inner);
        return;
    }
    let lines: Vec<String> = list.iter().map(line).collect();
    overlay::list(theme, frame, inner, &lines, archive.cursor);
}

fn line(listed: &Listed) -> String {
    let at = listed.sealed.format("%Y-%m-%d %H:%M");
    let signed = if listed.signed { "signed" } else { "UNSIGNED" };
    let withdrawn = listed.withdrawn.map(|word| format!("{word}  ")).unwrap_or_default();
    let Listed { change, outcome, operator, .. } = listed;
    format!("{at}  {change:<4}  {outcome:<11}  {signed:<8}  {withdrawn}{operator}")
}

fn record(theme: Theme, open: &Open) -> Prose {
    let mut text = Prose::default();
    match &open.record {
        None => text.add("Verifying it, with the others of its chain.", theme.quiet()),
        Some(Err(why)) => text.lead("! ", theme.wrong(), why, theme.wrong()),
        Some(Ok(opened)) => page(theme, opened, &mut text),
    }
    text
}

fn page(theme: Theme, opened: &Opened, text: &mut Prose) {
    let verified = &opened.verified;
    let style = match verified.whole {
        Whole::Valid => theme.good(),
        Whole::Incomplete | Whole::Expired | Whole::NotCleared | Whole::Lacking => theme.waiting(),
        Whole::Superseded
        | Whole::Unsigned
        | Whole::Untrusted
        | Whole::Revoked
        | Whole::Invalid => theme.wrong(),
    };
    text.add(verified.whole.word(), style);
    for answer in &verified.answers {
        let (word, style) = match answer.state {
            State::Good => ("ok  ", theme.good()),
            State::Bad => ("BAD ", theme.wrong()),
            State::Unknown => ("?   ", theme.waiting()),
            State::None => ("none", theme.quiet()),
        };
        let lead = format!("{word} {:<13} ", answer.aspect.word());
        text.lead(&lead, style, &answer.says, Style::new());
        if let Some(remedy) = &answer.remedy {
            text.lead("     to do         ", theme.quiet(), remedy, theme.quiet());
        }
    }
    for said in &verified.said {
        text.lead("     said later    ", theme.quiet(), &said.line(), Style::new());
    }
    text.gap();
    if !opened.genuine {
        let said = "This page is not the one that was sealed.";
        text.lead("! ", theme.wrong(), said, theme.wrong());
    }
    text.verbatim(
        &opened.page,
        |line| {
            if line.starts_with('#') { theme.heading() } else { Style::new() }
        },
    );
}
