//! Drawing: the whole screen from the state, and nothing changed by it.

pub mod prose;
pub mod theme;

mod detail;
mod overlay;
mod rows;
mod tables;

use ratatui::Frame;
use ratatui::layout::Constraint;
use ratatui::layout::Layout;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::text::Span;
use ratatui::widgets::Block;
use ratatui::widgets::Clear;
use ratatui::widgets::Paragraph;
use unicode_width::UnicodeWidthStr;

use crate::app::App;
use crate::app::Pane;
use crate::app::Saving;
use crate::app::keymap;
use crate::app::page;
use crate::app::page::Progress;
use crate::app::page::Row;
use crate::app::page::Step;
use crate::openclaw::exposure;
use crate::text::Shown;
use crate::text::count;
use crate::verdict::Verdict;
use crate::view::prose::Prose;
use crate::view::theme::Sign;
use crate::view::theme::Theme;

/// The smallest terminal the wizard is drawn in.
pub const SMALLEST: (u16, u16) = (60, 20);

/// From this width on the steps stand at the side.
const WITH_RAIL: u16 = 80;

/// From this width inside the rail on, steps have their whole names.
const WIDE_RAIL: usize = 30;

/// From this width on list and detail stand side by side.
const SIDE_BY_SIDE: u16 = 140;

/// Draws the wizard.
///
/// ```text
///  Portcullis   Gateway exposure · rev 2026.9    vega ~/.openclaw/openclaw.json     change 7F3A
/// ╭ Steps ────────────────────╮╭ 5 DMs and groups ─────────────────────────── 4 of 6 settled ╮
/// │ ✓ 1 Exposure pattern      ││  the section's first sentence                               │
/// │ ▸ 5 DMs and groups    4/6 ││ ✗ an item                                           not met │
/// │                           ││─────────────────────────────────────────────────────────────│
/// │                           ││ what is under the cursor                                    │
/// ╰───────────────────────────╯╰─────────────────────────────────────────────────────────────╯
///  space confirm  e say how  a accept  ? help                          3 blockers · saved 14:02
/// ```
pub fn draw(app: &App, theme: Theme, frame: &mut Frame) {
    let area = frame.area();
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        too_small(frame);
    } else {
        whole(app, theme, frame, area);
    }
    theme.spell(frame.buffer_mut());
}

fn whole(app: &App, theme: Theme, frame: &mut Frame, area: Rect) {
    let banner = matches!(app.saving, Saving::Failed(_));
    let [head, warn, body, foot] = area.layout(&Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(u16::from(banner)),
        Constraint::Min(1),
        Constraint::Length(1),
    ]));
    header(app, theme, frame, head);
    if let Saving::Failed(why) = &app.saving {
        let text = format!(
            " Not saved: {why}. Everything is kept here and tried again at the next answer."
        );
        frame.render_widget(Line::styled(Shown::line(&text).into_string(), theme.wrong()), warn);
    }
    if app.step == Step::Rollback {
        step(app, theme, frame, body);
    } else if area.width >= WITH_RAIL {
        let rail_width = if area.width >= 100 { 32 } else { 27 };
        let [rail_area, main] =
            body.layout(&Layout::horizontal([Constraint::Length(rail_width), Constraint::Min(1)]));
        rail(app, theme, frame, rail_area);
        step(app, theme, frame, main);
    } else {
        let [crumb, main] =
            body.layout(&Layout::vertical([Constraint::Length(1), Constraint::Min(1)]));
        breadcrumb(app, theme, frame, crumb);
        step(app, theme, frame, main);
    }
    footer(app, theme, frame, foot);
    if app.overlay.is_some() {
        overlay::draw(app, theme, frame, body);
    }
    notice(app, theme, frame, body);
}

fn too_small(frame: &mut Frame) {
    let area = frame.area();
    let (columns, rows) = SMALLEST;
    let text = format!(
        "Portcullis needs {columns}×{rows}; this is {}×{}. Nothing is lost: make the window larger.",
        area.width, area.height
    );
    let mut prose = Prose::default();
    prose.add(&text, Style::new());
    frame.render_widget(Paragraph::new(prose.lines(usize::from(area.width))), area);
}

fn header(app: &App, theme: Theme, frame: &mut Frame, area: Rect) {
    let width = usize::from(area.width);
    let change = &app.change.header.change;
    let state = if app.sealed.is_some() { "sealed" } else { "draft" };
    let moved = app.moved.as_ref();
    let moved = moved.map(|moved| format!(" config changed {}  ", moved.at.format("%H:%M:%S")));
    let right = format!("{}change {change} · {state} ", moved.unwrap_or_default());
    let runbook = format!("{} · rev {}", app.runbook.title, app.runbook.revision);
    let place = format!("{} {}", app.target.host, short_path(app));
    let mut spans = vec![Span::raw(" "), Span::styled("Portcullis", theme.heading())];
    if app.target.demo {
        spans.push(Span::raw(" "));
        spans.push(Span::styled(" DEMO ", theme.demo()));
    }
    let used: usize = spans.iter().map(Span::width).sum();
    let room = width.saturating_sub(used + right.width() + 2);
    let both = format!("{runbook}   {place}");
    let middle = if both.width() <= room { both } else { place };
    let middle = Shown::line(&middle).cut(room).into_string();
    let gap = room.saturating_sub(middle.width());
    spans.push(Span::raw("  "));
    spans.push(Span::raw(middle));
    spans.push(Span::raw(" ".repeat(gap)));
    spans.push(Span::styled(right, theme.quiet()));
    frame.render_widget(Line::from(spans), area);
}

fn short_path(app: &App) -> String {
    match app.target.profile.as_ref() {
        None => app.target.config.clone(),
        Some(profile) => format!("[{profile}] {}", app.target.config),
    }
}

fn rail(app: &App, theme: Theme, frame: &mut Frame, area: Rect) {
    let block = frame_block(theme, app.pane == Pane::Rail).title(" Steps ");
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let width = usize::from(inner.width);
    let steps = Step::all(&app.runbook);
    let height = usize::from(inner.height);
    let here = steps.iter().position(|step| *step == app.step).unwrap_or(0);
    let first = (here + 1).saturating_sub(height);
    let lines: Vec<Line> = steps
        .iter()
        .enumerate()
        .skip(first)
        .take(height)
        .map(|(index, step)| rail_line(app, theme, *step, index, width))
        .collect();
    frame.render_widget(Paragraph::new(lines), inner);
}

fn rail_line(app: &App, theme: Theme, step: Step, index: usize, width: usize) -> Line<'static> {
    let progress = page::progress(app, step);
    let (mark, style) = match progress {
        Progress::Done => (theme.verdict(Verdict::Met), theme.good()),
        Progress::Outside => (theme.verdict(Verdict::NotApplicable), theme.quiet()),
        Progress::Waiting(1..) => (theme.sign(Sign::Warning), theme.waiting()),
        Progress::Waiting(0) | Progress::Part(..) | Progress::Idle => (" ", Style::new()),
    };
    let right = match progress {
        Progress::Done | Progress::Idle => String::new(),
        Progress::Outside => "n/a".to_owned(),
        Progress::Waiting(waiting) => format!("{waiting}"),
        Progress::Part(done, all) => format!("{done}/{all}"),
    };
    let on = app.step == step;
    let mark = if on { theme.sign(Sign::Here) } else { mark };
    let title =
        if width < WIDE_RAIL { step.short_title(&app.runbook) } else { step.title(&app.runbook) };
    let title = format!("{:>2} {title}", index + 1);
    let room = width.saturating_sub(2 + right.width());
    let title = Shown::line(&title).cut(room).into_string();
    let gap = room.saturating_sub(title.width());
    let title_style = if on { theme.heading() } else { Style::new() };
    Line::from(vec![
        Span::styled(mark, if on { theme.key() } else { style }),
        Span::styled(title, title_style),
        Span::raw(" ".repeat(gap + 1)),
        Span::styled(right, style),
    ])
}

fn breadcrumb(app: &App, theme: Theme, frame: &mut Frame, area: Rect) {
    let steps = Step::all(&app.runbook);
    let here = steps.iter().position(|step| *step == app.step);
    let place = here.map_or(String::new(), |here| format!("step {} of {}", here + 1, steps.len()));
    let line = Line::from(vec![
        Span::raw(" "),
        Span::styled(place, theme.quiet()),
        Span::raw("  "),
        Span::styled(Shown::line(app.step.title(&app.runbook)).into_string(), theme.heading()),
    ]);
    frame.render_widget(line, area);
}

fn frame_block(theme: Theme, focused: bool) -> Block<'static> {
    let style = if focused { theme.focus() } else { theme.quiet() };
    Block::bordered().border_set(theme.border()).border_style(style)
}

/// Draws the step: its sentence, its list, and what is under the cursor.
fn step(app: &App, theme: Theme, frame: &mut Frame, area: Rect) {
    let steps = Step::all(&app.runbook);
    let number = steps.iter().position(|step| *step == app.step).map(|index| index + 1);
    let number = number.map_or(String::new(), |number| format!("{number} "));
    let title = format!(" {number}{} ", app.step.title(&app.runbook));
    let block = frame_block(theme, app.pane != Pane::Rail)
        .title(Span::styled(Shown::line(&title).into_string(), theme.heading()))
        .title(Line::from(status(app)).right_aligned());
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let intro = intro(app, theme, usize::from(inner.width));
    let intro_height = u16::try_from(intro.len()).unwrap_or(u16::MAX).min(inner.height / 3);
    let [top, rest] =
        inner.layout(&Layout::vertical([Constraint::Length(intro_height), Constraint::Min(1)]));
    frame.render_widget(Paragraph::new(intro), top);
    let rows = app.rows();
    if area.width >= SIDE_BY_SIDE - 30 {
        let [list_area, rule, detail_area] = rest.layout(&Layout::horizontal([
            Constraint::Percentage(48),
            Constraint::Length(1),
            Constraint::Min(1),
        ]));
        let hides = rows.len() > usize::from(list_area.height);
        let [list_area, below] = list_area
            .layout(&Layout::vertical([Constraint::Min(1), Constraint::Length(u16::from(hides))]));
        let hidden = list(app, theme, frame, list_area, &rows);
        frame.render_widget(Line::styled(hidden, theme.quiet()).right_aligned(), below);
        frame.render_widget(vertical_rule(theme, rule.height), rule);
        detail_pane(app, theme, frame, detail_area);
        return;
    }
    let wanted = u16::try_from(rows.len()).unwrap_or(u16::MAX).max(1);
    let most = if rest.height > 16 { rest.height / 2 } else { rest.height * 2 / 5 };
    let [list_area, rule, detail_area] = rest.layout(&Layout::vertical([
        Constraint::Length(wanted.min(most.max(3))),
        Constraint::Length(1),
        Constraint::Min(1),
    ]));
    let hidden = list(app, theme, frame, list_area, &rows);
    let line = theme.rule().repeat(usize::from(rule.width).saturating_sub(hidden.width()));
    let style = if app.pane == Pane::Detail { theme.focus() } else { theme.quiet() };
    frame.render_widget(Line::styled(format!("{line}{hidden}"), style), rule);
    detail_pane(app, theme, frame, detail_area);
}

fn vertical_rule(theme: Theme, height: u16) -> Paragraph<'static> {
    let set = theme.border();
    let lines: Vec<Line> =
        (0..height).map(|_| Line::styled(set.vertical_left, theme.quiet())).collect();
    Paragraph::new(lines)
}

/// Says how much of the step is done.
fn status(app: &App) -> String {
    match page::progress(app, app.step) {
        Progress::Done => " done ".to_owned(),
        Progress::Outside => " not applicable ".to_owned(),
        Progress::Waiting(blockers) if app.step == Step::SignOff => {
            format!(" {} ", count(blockers, "blocker"))
        }
        Progress::Waiting(findings) => format!(" {} open ", count(findings, "finding")),
        Progress::Idle if app.step == Step::Change => " nothing planned ".to_owned(),
        Progress::Idle if app.step == Step::SignOff => " sealed ".to_owned(),
        Progress::Idle => format!(" {} ", app.review.rehearsed.said()),
        Progress::Part(done, all) if app.step == Step::Change => {
            let planned = format!("{} planned", count(all - done, "move"));
            if done == 0 { format!(" {planned} ") } else { format!(" {planned}, {done} applied ") }
        }
        Progress::Part(done, all) => format!(" {done} of {all} settled "),
    }
}

/// Returns what stands above the list.
fn intro(app: &App, theme: Theme, width: usize) -> Vec<Line<'static>> {
    let mut prose = Prose::default();
    match app.step {
        Step::Pattern | Step::Rollback => return sentences(app, theme, width),
        Step::Section(index) => {
            let Some(section) = app.runbook.sections.get(index) else { return Vec::new() };
            prose.add(&section.intro, theme.quiet());
            if let Some(why) = app.review.outside.get(&section.id) {
                prose.add(&format!("Not applicable: {why}"), theme.quiet());
            }
        }
        Step::Checks => prose.add(&rows::findings_summary(app), Style::new()),
        Step::Change if app.answers.choice.is_none() && app.answers.plan.is_empty() => {
            prose.add(
                "No move is planned. f on an item that is not met puts its fix here; the moves that widen \
                 come with a pattern, step 1.",
                theme.quiet(),
            );
        }
        Step::Change => {
            let text = "One control at a time: f plans a move, A applies it. What widens waits for inventory, checks, criticals and rehearsal, and for the validation of the move before it.";
            prose.add(text, theme.quiet());
        }
        Step::Inventory | Step::Templates | Step::Validation | Step::Checklist | Step::SignOff => {}
    }
    prose.gap();
    prose.lines(width)
}

/// Says in four lines who can reach the gateway, how, which agents, with which tools.
fn sentences(app: &App, theme: Theme, width: usize) -> Vec<Line<'static>> {
    let Some(facts) = app.live.facts() else {
        let mut prose = Prose::default();
        if let crate::app::Live::Unreadable { why, .. } = &app.live {
            prose.lead("! ", theme.wrong(), why, theme.wrong());
        }
        return prose.lines(width);
    };
    let said = exposure::sentences(facts, &app.review.beyond);
    let lines = exposure::QUESTIONS.iter().zip(said).map(|(question, sentence)| {
        let lead = format!(" {question:<7}");
        let room = width.saturating_sub(lead.width());
        Line::from(vec![
            Span::styled(lead, theme.quiet()),
            Span::raw(Shown::line(&sentence).cut(room).into_string()),
        ])
    });
    lines.chain([Line::default()]).collect()
}

/// Draws the rows there is room for, whole where all of them fit so, and says how many are out of
/// sight above and below.
fn list(app: &App, theme: Theme, frame: &mut Frame, area: Rect, all: &[Row]) -> String {
    let height = usize::from(area.height);
    let cursor = app.cursor();
    let width = usize::from(area.width);
    let written = |row| rows::row(app, theme, row);
    let whole = all.iter().try_fold((Vec::new(), 0), |(mut shown, used), row| {
        let lines = if used < height { written(row).lines(width) } else { Vec::new() };
        let used = used + lines.len().max(1);
        shown.push(lines);
        (used <= height).then_some((shown, used))
    });
    let fits = whole.is_some();
    let first = if fits { 0 } else { first_shown(cursor, height, all.len()) };
    let shown: Vec<Vec<Line>> = match whole {
        Some((shown, _)) => shown,
        None => {
            all.iter().skip(first).take(height).map(|row| vec![written(row).line(width)]).collect()
        }
    };
    let style = match app.pane {
        Pane::List => theme.cursor(),
        Pane::Rail | Pane::Detail => theme.heading(),
    };
    let lines = shown.into_iter().enumerate().flat_map(|(place, lines)| {
        let on = first + place == cursor;
        lines.into_iter().map(move |line| if on { line.style(style) } else { line })
    });
    frame.render_widget(Paragraph::new(lines.collect::<Vec<Line>>()), area);
    let below = if fits { 0 } else { all.len().saturating_sub(first + height) };
    let mut more = String::new();
    for (sign, rows) in [(Sign::Less, first), (Sign::More, below)] {
        if rows > 0 {
            more.push_str(&format!(" {} {rows} more ", theme.sign(sign)));
        }
    }
    more
}

/// Keeps the cursor in sight with a few rows around it.
fn first_shown(cursor: usize, height: usize, all: usize) -> usize {
    let middle = cursor.saturating_sub(height / 2);
    middle.min(all.saturating_sub(height))
}

fn detail_pane(app: &App, theme: Theme, frame: &mut Frame, area: Rect) {
    let Some(row) = app.row() else { return };
    let width = usize::from(area.width.saturating_sub(1));
    let lines = detail::prose(app, theme, &row, width).lines(width);
    let height = usize::from(area.height);
    let last = lines.len().saturating_sub(height);
    let first = usize::from(app.scroll).min(last);
    let below = lines.len().saturating_sub(first + height);
    let shown: Vec<Line> = lines.into_iter().skip(first).take(height).collect();
    frame.render_widget(Paragraph::new(shown), Rect { width: area.width, ..area });
    if below > 0 && area.height > 0 {
        let more = format!(" {} {below} more", theme.sign(Sign::More));
        let wide = u16::try_from(more.width()).unwrap_or(0).min(area.width);
        let corner = Rect {
            x: area.right().saturating_sub(wide),
            y: area.bottom().saturating_sub(1),
            width: wide,
            height: 1,
        };
        frame.render_widget(Clear, corner);
        frame.render_widget(Line::styled(more, theme.key()), corner);
    }
}

/// Draws what was just said over the last rows of the body, whole, until the next key.
fn notice(app: &App, theme: Theme, frame: &mut Frame, body: Rect) {
    let Some(notice) = &app.notice else { return };
    let style = if notice.wrong { theme.waiting() } else { theme.heading() };
    let mut prose = Prose::default();
    let lead = format!(
        " {} ",
        if notice.wrong { theme.sign(Sign::Warning) } else { theme.sign(Sign::Here) }
    );
    prose.lead(&lead, style, &notice.text, style);
    let lines = prose.lines(usize::from(body.width.saturating_sub(1)));
    let height = u16::try_from(lines.len()).unwrap_or(1).min(body.height);
    let area = Rect { y: body.bottom().saturating_sub(height), height, ..body };
    frame.render_widget(Clear, area);
    frame.render_widget(Paragraph::new(lines), area);
}

fn footer(app: &App, theme: Theme, frame: &mut Frame, area: Rect) {
    let width = usize::from(area.width);
    let left = app.blockers().len();
    let blockers = count(left, "blocker");
    let saved = match &app.saving {
        Saving::Nothing => "nothing to save yet".to_owned(),
        Saving::Saved(at) => format!("saved {}", at.format("%H:%M:%S")),
        Saving::Failed(_) => "NOT SAVED".to_owned(),
    };
    let right = format!("{blockers} {} {saved} ", theme.sign(Sign::Dot));
    let room = width.saturating_sub(right.width() + 1);
    // What lies over the step names its own keys.
    let mut spans = if app.overlay.is_none() { hints(app, theme, room) } else { Vec::new() };
    let used: usize = spans.iter().map(Span::width).sum();
    spans.push(Span::raw(" ".repeat(width.saturating_sub(used + right.width()))));
    let style = if left == 0 { theme.good() } else { theme.quiet() };
    spans.push(Span::styled(right, style));
    frame.render_widget(Line::from(spans), area);
}

/// Draws the keys that matter here, as many as there is room for; the help always fits.
fn hints(app: &App, theme: Theme, room: usize) -> Vec<Span<'static>> {
    let mut spans = Vec::new();
    let mut used = 0;
    let help = [(keymap::Action::Help, "help")];
    let wanted = keymap::hints(app);
    for (action, word) in wanted.into_iter().chain(help) {
        let Some(binding) = keymap::binding(action) else { continue };
        let key = binding.label.split(' ').next().unwrap_or(binding.label);
        let wide = key.width() + word.width() + 3;
        let reserved = if action == keymap::Action::Help { 0 } else { 8 };
        if used + wide + reserved > room {
            continue;
        }
        used += wide;
        spans.push(Span::raw(" "));
        spans.push(Span::styled(key.to_owned(), theme.key()));
        spans.push(Span::raw(format!(" {word} ")));
    }
    spans
}
