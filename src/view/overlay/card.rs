//! A card: how to see with one's own eyes what no config shows, and what was seen.

use ratatui::style::Style;

use crate::app::App;
use crate::app::InFlight;
use crate::runbook::Card;
use crate::text::count;
use crate::verdict::Truth;
use crate::verdict::Verdict;
use crate::verdict::sighting::Judged;
use crate::verdict::sighting::card_id;
use crate::view::prose::Prose;
use crate::view::theme::Theme;

/// How many lines of an answer are shown.
const SHOWN: usize = 40;

/// Writes a card and what was seen on it.
pub(super) fn card(app: &App, theme: Theme, item: &str, place: usize) -> Prose {
    let mut text = Prose::default();
    let Some(card) = app.card(item, place) else { return text };
    text.add(&card.title, theme.heading());
    if let Some(item) = app.runbook.item(item) {
        text.lead("of  ", theme.quiet(), &item.statement, theme.quiet());
    }
    text.gap();
    verdict(app, theme, item, place, &mut text);
    text.gap();
    rows(theme, card, &mut text);
    text.gap();
    answer(app, theme, item, place, &mut text);
    text
}

fn rows(theme: Theme, card: &Card, text: &mut Prose) {
    let mut row = |lead: &str, said: &str| text.lead(lead, theme.quiet(), said, Style::new());
    row("proves       ", &card.proves);
    row("leaves open  ", &card.leaves_open);
    row("where        ", &card.place);
    row("do           ", &card.command);
    if let Some(command) = &card.macos {
        row("  on macOS   ", command);
    }
    if let Some(command) = &card.windows {
        row("  on Windows ", command);
    }
    row("good answer  ", &card.good);
    let elsewhere = card.macos.is_some() || card.windows.is_some();
    let known = match (card.tried, elsewhere) {
        (true, false) => "the command was tried",
        (true, true) => "the command was tried on Linux, the others were read about",
        (false, _) => "the command was read about, not tried",
    };
    let judged =
        if card.judge.is_some() { "a rule judges the answer" } else { "you judge the answer" };
    text.add(&format!("{judged}; {known}"), theme.quiet());
}

/// Says what the newest answer came to, where it stands whatever the card's length.
fn verdict(app: &App, theme: Theme, item: &str, place: usize, text: &mut Prose) {
    if let Some(InFlight::Running { since, .. }) = app.in_flight.get(&card_id(item, place)) {
        let seconds = (app.now - *since).num_seconds().max(0);
        return text.add(&format!("It runs for {seconds} s; x stops it."), theme.key());
    }
    let Some((seen, judged)) = app.seen(item, place) else { return };
    let (mark, said) = said(&judged);
    let style = theme.of_verdict(mark);
    let said = match &judged {
        Judged::Unread(why) => format!("{said}: {why}"),
        Judged::NoRule | Judged::Read(_) => said.to_owned(),
    };
    text.lead(&format!("{} ", theme.verdict(mark)), style, &said, style);
    text.add(&seen.origin(), theme.quiet());
    if !app.card_counts(item, seen) {
        let why = "It counts no more: a day has passed, or the config was changed since.";
        text.add(why, theme.waiting());
    } else if judged == Judged::Read(Truth::Yes) && app.takes_word(item) {
        text.add("It backs your word: esc, then space on the item gives it.", theme.quiet());
    }
}

fn answer(app: &App, theme: Theme, item: &str, place: usize, text: &mut Prose) {
    if let Some(InFlight::Running { command, lines, .. }) = app.in_flight.get(&card_id(item, place))
    {
        text.lead("$ ", theme.key(), command, Style::new());
        for line in lines {
            text.add(line, theme.quiet());
        }
        return;
    }
    let Some((seen, _)) = app.seen(item, place) else {
        return text.add("Paste the answer here, or e writes down what you saw.", theme.quiet());
    };
    text.add("The answer", theme.heading());
    let lines: Vec<&str> = seen.says.lines().collect();
    let shown = lines.get(..SHOWN.min(lines.len())).unwrap_or_default();
    text.verbatim(&shown.join("\n"), |_| Style::new());
    if let Some(more @ 1..) = lines.len().checked_sub(SHOWN) {
        text.add(&format!("and {}", count(more, "more line")), theme.quiet());
    }
    if seen.is_shortened() {
        text.add("It was too long to be kept whole; its end is not here.", theme.waiting());
    }
}

/// Says what an answer came to, with the mark it gets.
pub(in crate::view) fn said(judged: &Judged) -> (Verdict, &'static str) {
    match judged {
        Judged::NoRule => (Verdict::Open, "kept as evidence; you judge it"),
        Judged::Unread(_) => (Verdict::Unmeasured, "not read"),
        Judged::Read(Truth::Yes) => (Verdict::Met, "a good answer"),
        Judged::Read(Truth::No) => (Verdict::NotMet, "it refutes the item"),
        Judged::Read(Truth::Unknown) => (Verdict::Unmeasured, "it tells nothing about this"),
    }
}

/// Returns the keys that matter on a card.
pub(super) fn keys(app: &App, item: &str, place: usize) -> &'static str {
    match app.card(item, place) {
        Some(card) if app.may_run(card) => {
            "r runs it here · paste · e write · ← → cards · esc closes"
        }
        _ => "paste the answer · e write · c copy · ← → cards · esc closes",
    }
}
