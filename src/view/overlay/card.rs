//! A card: how to see with one's own eyes what no config shows, and what was seen.

use ratatui::style::Style;

use crate::app::App;
use crate::app::InFlight;
use crate::runbook::Card;
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
    if let Some(item) = app.runbook.item(item) {
        text.add(&item.statement, theme.heading());
    }
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
    let known = if card.tried { "it was tried" } else { "it was read about, not tried" };
    let judged = if card.judge.is_some() { "the answer is judged" } else { "you judge the answer" };
    text.add(&format!("{judged}; {known}"), theme.quiet());
}

fn answer(app: &App, theme: Theme, item: &str, place: usize, text: &mut Prose) {
    if let Some(InFlight::Running { command, lines, since, .. }) =
        app.in_flight.get(&card_id(item, place))
    {
        text.lead("$ ", theme.key(), command, Style::new());
        for line in lines {
            text.add(line, theme.quiet());
        }
        let seconds = (app.now - *since).num_seconds().max(0);
        return text.add(&format!("It runs for {seconds} s; x stops it."), theme.key());
    }
    let Some((seen, judged)) = app.seen(item, place) else {
        return text.add("Paste the answer here, or e writes down what you saw.", theme.quiet());
    };
    let (mark, style, said) = match &judged {
        Judged::NoRule => {
            (Verdict::Open, theme.waiting(), "kept as evidence; you judge it".to_owned())
        }
        Judged::Unread(why) => (Verdict::Unmeasured, theme.waiting(), format!("not read: {why}")),
        Judged::Read(Truth::Yes) => (Verdict::Met, theme.good(), "a good answer".to_owned()),
        Judged::Read(Truth::No) => {
            (Verdict::NotMet, theme.wrong(), "it refutes the item".to_owned())
        }
        Judged::Read(Truth::Unknown) => {
            (Verdict::Unmeasured, theme.waiting(), "it tells nothing about this".to_owned())
        }
    };
    text.lead(&format!("{} ", theme.verdict(mark)), style, &said, style);
    text.add(&seen.origin(), theme.quiet());
    if !seen.counts(app.now) {
        text.add("It is more than a day old and counts no more.", theme.waiting());
    }
    let lines: Vec<&str> = seen.says.lines().take(SHOWN).collect();
    text.verbatim(&lines.join("\n"), |_| Style::new());
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
