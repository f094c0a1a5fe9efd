//! What lies over the step: a form, the help, the blockers, the search, an output.

mod apply;
pub(super) mod card;
mod records;
mod signing;

use ratatui::Frame;
use ratatui::layout::Position;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::text::Span;
use ratatui::widgets::Block;
use ratatui::widgets::Clear;
use ratatui::widgets::Paragraph;
use unicode_width::UnicodeWidthStr;

use crate::app::App;
use crate::app::Fate;
use crate::app::InFlight;
use crate::app::Overlay;
use crate::app::Sealed;
use crate::app::form::Form;
use crate::app::keymap;
use crate::app::page;
use crate::app::page::Step;
use crate::record::Outcome;
use crate::text::Shown;
use crate::text::count;
use crate::verdict::Verdict;
use crate::view::prose::Prose;
use crate::view::theme::Sign;
use crate::view::theme::Theme;

/// The widest an overlay gets: a line that still reads well.
const WIDEST: u16 = 100;

/// Draws the overlay over the body.
pub(super) fn draw(app: &App, theme: Theme, frame: &mut Frame, body: Rect) {
    match &app.overlay {
        None => {}
        Some(Overlay::Form(form)) => self::form(theme, frame, body, form),
        Some(Overlay::Help { scroll }) => {
            page(theme, frame, body, "Keys", "esc closes", &help(theme), *scroll);
        }
        Some(Overlay::Blockers { cursor }) => blockers(app, theme, frame, body, *cursor),
        Some(Overlay::Search { input, cursor }) => {
            search(app, theme, frame, body, input, *cursor);
        }
        Some(Overlay::Consent { checks, scroll }) => {
            page(
                theme,
                frame,
                body,
                "Run the checks",
                "enter runs them · esc leaves",
                &consent(app, theme, checks),
                *scroll,
            );
        }
        Some(Overlay::Output { check, scroll }) => {
            let text = output(app, theme, check);
            page(theme, frame, body, check, "r runs again · esc closes", &text, *scroll);
        }
        Some(Overlay::Card { item, place, scroll }) => {
            let cards = app.runbook.item(item).map_or(0, |item| item.cards.len());
            let title = format!("See for yourself, {} of {cards}", place + 1);
            let text = card::card(app, theme, item, *place);
            page(theme, frame, body, &title, card::keys(app, item, *place), &text, *scroll);
        }
        Some(Overlay::Apply { application, scroll }) => {
            let keys = if application.missing.is_empty() {
                "enter applies it · u undo by itself · esc leaves"
            } else {
                "esc leaves"
            };
            let text = apply::asked(theme, application);
            page(theme, frame, body, "Apply to the live config", keys, &text, *scroll);
        }
        Some(Overlay::Applying { scroll }) => {
            let text = apply::told(app, theme);
            page(theme, frame, body, "Into the live config", apply::keys(app), &text, *scroll);
        }
        Some(Overlay::Moved { scroll }) => {
            page(theme, frame, body, "What moved", "esc closes", &moved(app, theme), *scroll);
        }
        Some(Overlay::TakeOver { scroll }) => {
            let hint = "enter takes them over · esc starts without";
            page(theme, frame, body, "Accepted before", hint, &residuals(app, theme), *scroll);
        }
        Some(Overlay::Signing { offer, cursor, problem }) => {
            signing::draw(app, theme, frame, body, offer, *cursor, problem.as_deref());
        }
        Some(Overlay::Records(archive)) => records::draw(theme, frame, body, archive),
        Some(Overlay::Sealed { sealed, scroll }) => {
            page(
                theme,
                frame,
                body,
                "Sealed",
                "enter or esc closes",
                &self::sealed(app, theme, sealed),
                *scroll,
            );
        }
    }
}

/// Draws a frame over the middle of the body and returns what is inside.
pub(super) fn pane(
    theme: Theme,
    frame: &mut Frame,
    body: Rect,
    title: &str,
    hint: &str,
    height: u16,
) -> Rect {
    let width = body.width.min(WIDEST);
    let height = height.saturating_add(2).clamp(3, body.height.saturating_sub(2).max(3));
    let area = Rect {
        x: body.x + (body.width - width) / 2,
        y: body.y + (body.height.saturating_sub(height)) / 2,
        width,
        height: height.min(body.height),
    };
    let block = Block::bordered()
        .border_set(theme.border())
        .border_style(theme.focus())
        .title(Span::styled(format!(" {} ", Shown::line(title).as_str()), theme.heading()))
        .title_bottom(Line::styled(format!(" {hint} "), theme.quiet()).right_aligned());
    let inner = block.inner(area);
    frame.render_widget(Clear, area);
    frame.render_widget(block, area);
    Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner }
}

pub(super) fn page(
    theme: Theme,
    frame: &mut Frame,
    body: Rect,
    title: &str,
    hint: &str,
    text: &Prose,
    scroll: u16,
) {
    let room = usize::from(body.width.min(WIDEST).saturating_sub(4));
    let lines = text.lines(room);
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX);
    let inner = pane(theme, frame, body, title, hint, height);
    let last = height.saturating_sub(inner.height);
    let first = scroll.min(last);
    frame.render_widget(Paragraph::new(lines).scroll((first, 0)), inner);
    if first < last {
        let long = format!(" {} {} more, pgdn ", theme.sign(Sign::More), last - first);
        // Beside the keys, as far as both fit.
        let short = format!(" {} {} ", theme.sign(Sign::More), last - first);
        let free = usize::from(inner.width).saturating_sub(hint.width() + 2);
        let more = if long.width() <= free { long } else { short };
        let width = u16::try_from(more.width()).unwrap_or(0).min(inner.width);
        let edge = Rect { y: inner.bottom(), width, height: 1, ..inner };
        frame.render_widget(Line::styled(more, theme.key()), edge);
    }
}

fn form(theme: Theme, frame: &mut Frame, body: Rect, form: &Form) {
    let room = usize::from(body.width.min(WIDEST).saturating_sub(4));
    let mut text = Prose::default();
    for line in &form.intro {
        text.add(line, Style::new());
    }
    text.gap();
    let mut lines = text.lines(room);
    let mut cursor = None;
    for (index, field) in form.fields.iter().enumerate() {
        let focused = index == form.focus;
        let style = if focused { theme.key() } else { theme.quiet() };
        lines.push(Line::styled(Shown::line(&field.label).into_string(), style));
        let shown = Shown::line(field.input.value());
        let (before, at) =
            window(shown.as_str(), field.input.visual_cursor(), room.saturating_sub(3));
        if focused {
            cursor = Some((lines.len(), 2 + at));
        }
        let lead = if focused { "> " } else { "  " };
        lines.push(Line::from(vec![Span::styled(lead, style), Span::raw(before)]));
    }
    let mut below = Prose::default();
    below.gap();
    if let Some(problem) = &form.problem {
        below.lead("! ", theme.wrong(), problem, theme.wrong());
    }
    lines.extend(below.lines(room));
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX);
    let hint = if form.fields.len() > 1 {
        "tab next field · enter done · esc leaves, text is kept"
    } else {
        "enter done · esc leaves, text is kept"
    };
    let inner = pane(theme, frame, body, &form.title, hint, height);
    let over = height.saturating_sub(inner.height);
    frame.render_widget(Paragraph::new(lines).scroll((over, 0)), inner);
    if let Some((row, column)) = cursor {
        let row = u16::try_from(row).unwrap_or(0).saturating_sub(over);
        let column = u16::try_from(column).unwrap_or(0).min(inner.width.saturating_sub(1));
        frame.set_cursor_position(Position::new(inner.x + column, inner.y + row));
    }
}

/// Returns the part of a line around the cursor that fits, and the cursor's column in it.
fn window(text: &str, cursor: usize, room: usize) -> (String, usize) {
    let skip = cursor.saturating_sub(room);
    let mut shown = String::new();
    let mut column = 0;
    for c in text.chars() {
        let wide = unicode_width::UnicodeWidthChar::width(c).unwrap_or(0);
        if column >= skip && shown.width() + wide <= room {
            shown.push(c);
        }
        column += wide;
    }
    (shown, cursor - skip)
}

fn help(theme: Theme) -> Prose {
    let mut text = Prose::default();
    for binding in keymap::BINDINGS.iter().filter(|binding| !binding.help.is_empty()) {
        text.lead(&format!("{:<10} ", binding.label), theme.key(), binding.help, Style::new());
    }
    text.gap();
    text.add("What the marks mean", theme.heading());
    for verdict in Verdict::ALL {
        let lead = format!("{} {:<15}", theme.verdict(verdict), verdict.word());
        text.lead(&lead, theme.of_verdict(verdict), meaning(verdict), Style::new());
    }
    text
}

fn meaning(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Met => "observed facts say so",
        Verdict::Confirmed => "a person says so, with name and time",
        Verdict::NotMet => "observed facts contradict it; fix it or accept it",
        Verdict::Open => "it needs your word",
        Verdict::Unmeasured => "nothing has measured it; never shown as met",
        Verdict::Accepted => "left open on purpose: reason, owner, expiry",
        Verdict::NotApplicable => "its own rule says that it does not concern this gateway",
    }
}

/// How much room the keys below a list take at the most.
const KEYS: usize = 32;

pub(super) fn list(theme: Theme, frame: &mut Frame, area: Rect, lines: &[String], cursor: usize) {
    let height = usize::from(area.height);
    let cursor = cursor.min(lines.len().saturating_sub(1));
    let first = (cursor + 1).saturating_sub(height);
    let room = usize::from(area.width);
    let shown: Vec<Line> = lines
        .iter()
        .enumerate()
        .skip(first)
        .take(height)
        .map(|(index, line)| {
            let text = Shown::line(line).cut(room).into_string();
            let gap = room.saturating_sub(text.width());
            let line = Line::raw(format!("{text}{}", " ".repeat(gap)));
            if index == cursor { line.style(theme.cursor()) } else { line }
        })
        .collect();
    frame.render_widget(Paragraph::new(shown), area);
    let below = lines.len().saturating_sub(first + height);
    let mut more = String::new();
    for (sign, rows) in [(Sign::Less, first), (Sign::More, below)] {
        if rows > 0 {
            more.push_str(&format!(" {} {rows} ", theme.sign(sign)));
        }
    }
    // On the frame below the list, beside the keys where both fit.
    let fits = more.width() + KEYS <= usize::from(area.width);
    let width = u16::try_from(more.width()).unwrap_or(0) * u16::from(fits);
    let edge = Rect { y: area.bottom(), width, height: 1, ..area };
    let edge = edge.intersection(frame.area());
    frame.render_widget(Line::styled(more, theme.key()), edge);
}

fn blockers(app: &App, theme: Theme, frame: &mut Frame, body: Rect, cursor: usize) {
    let all = &app.review.blockers;
    let title = count(all.len(), "blocker");
    let height = u16::try_from(all.len().max(1)).unwrap_or(u16::MAX);
    let inner = pane(theme, frame, body, &title, "enter goes there · esc closes", height);
    if all.is_empty() {
        frame.render_widget(Line::styled("Nothing blocks signing.", theme.good()), inner);
        return;
    }
    let steps = Step::all(&app.runbook);
    let lines: Vec<String> = (all.iter())
        .map(|blocker| {
            let (step, _) = page::home(app, blocker);
            let number = steps.iter().position(|known| *known == step).map_or(0, |at| at + 1);
            format!("step {number:>2}  {}", blocker.line(&app.runbook, &app.review))
        })
        .collect();
    list(theme, frame, inner, &lines, cursor);
}

fn search(
    app: &App,
    theme: Theme,
    frame: &mut Frame,
    body: Rect,
    input: &tui_input::Input,
    cursor: usize,
) {
    let hits = app.hits(input.value());
    let inner = pane(theme, frame, body, "Search", "enter goes there · esc closes", body.height);
    let text = Shown::line(input.value());
    let room = usize::from(inner.width).saturating_sub(3);
    let (shown, at) = window(text.as_str(), input.visual_cursor(), room);
    let line = Line::from(vec![Span::styled("/ ", theme.key()), Span::raw(shown)]);
    frame.render_widget(line, Rect { height: 1, ..inner });
    let column = u16::try_from(2 + at).unwrap_or(0).min(inner.width.saturating_sub(1));
    frame.set_cursor_position(Position::new(inner.x + column, inner.y));
    let below =
        Rect { y: inner.y.saturating_add(1), height: inner.height.saturating_sub(1), ..inner };
    if hits.is_empty() {
        let text = if input.value().trim().is_empty() {
            "Words of an item, a finding or a fact."
        } else {
            "Nothing holds these words."
        };
        frame.render_widget(Line::styled(text, theme.quiet()), below);
        return;
    }
    let lines: Vec<String> = hits
        .iter()
        .map(|(step, _, line)| format!("{}: {line}", step.title(&app.runbook)))
        .collect();
    list(theme, frame, below, &lines, cursor);
}

fn consent(app: &App, theme: Theme, checks: &[String]) -> Prose {
    let mut text = Prose::default();
    let commands = app.commands(checks);
    text.add("These commands run, without a shell, each with a deadline:", Style::new());
    for command in &commands {
        let seconds = format!("at most {} s", command.deadline.as_secs());
        text.with_right(
            "$ ",
            theme.key(),
            &command.short(),
            theme.heading(),
            &seconds,
            theme.quiet(),
        );
    }
    text.gap();
    text.add("They read. What they may write all the same:", Style::new());
    let mut said: Vec<(&str, Vec<&str>)> = Vec::new();
    for command in &commands {
        match said.iter_mut().find(|(writes, _)| *writes == command.writes) {
            Some((_, names)) => names.push(command.name),
            None => said.push((command.writes, vec![command.name])),
        }
    }
    for (writes, names) in said {
        text.lead("- ", theme.quiet(), &format!("{} {writes}", names.join(", ")), Style::new());
    }
    text.gap();
    let last =
        "npm is kept offline, so that nothing is installed. Output is masked before it is kept.";
    text.add(last, theme.quiet());
    text
}

fn output(app: &App, theme: Theme, check: &str) -> Prose {
    let mut text = Prose::default();
    if let Some(InFlight::Running { command, lines, .. }) = app.in_flight.get(check) {
        text.lead("$ ", theme.key(), command, Style::new());
        for line in lines {
            text.add(line, Style::new());
        }
        return text;
    }
    let Some(run) = app.answers.runs.get(check) else {
        text.add("It has not run.", theme.quiet());
        return text;
    };
    text.lead("$ ", theme.key(), &run.command, Style::new());
    let at = run.at.format("%Y-%m-%d %H:%M:%S %:z");
    text.add(&format!("{at} · {:.1} s · {}", run.took().as_secs_f32(), run.ended), theme.quiet());
    text.lead("sha256 ", theme.quiet(), &run.output_sha256, theme.quiet());
    text.gap();
    text.verbatim(&run.output, |_| Style::new());
    text
}

fn moved(app: &App, theme: Theme) -> Prose {
    let mut text = Prose::default();
    let Some(moved) = &app.moved else { return text };
    let at = moved.at.format("%H:%M:%S");
    text.add(
        &format!("The config on disk changed at {at}. Facts that differ since:"),
        theme.heading(),
    );
    text.gap();
    if moved.facts.is_empty() {
        text.add("None: something changed that has no bearing on the exposure.", theme.quiet());
    }
    for line in &moved.facts {
        text.lead("- ", theme.waiting(), line, Style::new());
    }
    text.gap();
    text.add("Checks that ran before count no more; r runs them again.", theme.quiet());
    text
}

/// Says what the last record accepted, and what becomes of each.
fn residuals(app: &App, theme: Theme) -> Prose {
    let mut text = Prose::default();
    let Some(previous) = &app.previous else { return text };
    let said = format!("Record {} of {} accepted:", previous.change, previous.day);
    text.add(&said, theme.heading());
    text.gap();
    for (residual, fate) in app.earlier() {
        let subject = residual.subject.split('#').next().unwrap_or(&residual.subject);
        let said = format!(
            "{subject}: {} ({}, until {})",
            residual.reason, residual.owner, residual.expires
        );
        let style = if fate == Fate::Holds { theme.good() } else { theme.waiting() };
        text.with_right("- ", theme.quiet(), &said, Style::new(), fate.word(), style);
    }
    text.gap();
    let last = "What looks different now, or goes with a wider pattern, opens again by itself.";
    text.add(last, theme.quiet());
    text
}

fn sealed(app: &App, theme: Theme, sealed: &Sealed) -> Prose {
    let mut text = Prose::default();
    let blockers = app.blockers().len();
    if blockers == 0 {
        text.add(Outcome::of(app.ending(), 0).word(), theme.good());
    } else {
        let said = format!("not-cleared: {} named in it", count(blockers, "blocker"));
        text.add(&said, theme.waiting());
    }
    text.gap();
    text.lead("Record  ", theme.quiet(), &sealed.folder, Style::new());
    text.lead("sha256  ", theme.quiet(), &sealed.sha256, Style::new());
    let place = format!("number {} of this gateway's chain", sealed.seq);
    text.lead("Place   ", theme.quiet(), &place, Style::new());
    text.gap();
    let folder = &sealed.folder;
    if let Some(key) = &sealed.key {
        text.lead("Signed  ", theme.good(), key, Style::new());
        text.gap();
        text.add("To check it without this program:", Style::new());
        let check = format!(
            "ssh-keygen -Y check-novalidate -n {} -s '{folder}/record.json.sig' < '{folder}/record.json'",
            crate::record::sshsig::RECORD
        );
        text.lead("$ ", theme.key(), &check, Style::new());
    } else {
        let said = "UNSIGNED: no key vouches for it. To check it without this program:";
        text.add(said, theme.waiting());
    }
    if !app.demanded().is_empty() {
        let said = format!(
            "The policy demands {}; see `portcullis records verify {}`",
            app.demanded().join(", and "),
            app.change.header.change
        );
        text.lead("! ", theme.waiting(), &said, theme.waiting());
    }
    let check = format!("sha256sum '{folder}/record.json'");
    text.lead("$ ", theme.key(), &check, Style::new());
    if sealed.key.is_some() {
        text.gap();
        let who = "Whose key it is, allowed_signers says; `portcullis records verify` names the line \
                   to put there.";
        text.add(who, theme.quiet());
    }
    text
}
