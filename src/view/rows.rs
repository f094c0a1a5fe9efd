//! One line of a list: mark, text, and a word at the right.

use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::text::Span;
use unicode_width::UnicodeWidthStr;

use crate::app::App;
use crate::app::InFlight;
use crate::app::page;
use crate::app::page::Row;
use crate::app::page::Shape;
use crate::change;
use crate::change::FindingState;
use crate::change::Rehearsed;
use crate::change::Settled;
use crate::openclaw::finding::Outcome;
use crate::openclaw::finding::Severity;
use crate::record::Ending;
use crate::runbook::Need;
use crate::text::Shown;
use crate::text::count;
use crate::verdict::Run;
use crate::verdict::Verdict;
use crate::view::prose::wrap;
use crate::view::theme::Sign;
use crate::view::theme::Theme;

/// A line of a list before it has a width.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RowLine {
    pub(super) mark: &'static str,
    pub(super) style: Style,
    pub(super) indent: usize,
    pub(super) text: String,
    pub(super) right: String,
}

impl RowLine {
    fn new(mark: &'static str, style: Style, text: impl Into<String>) -> Self {
        Self { mark, style, indent: 0, text: text.into(), right: String::new() }
    }

    fn right(mut self, right: impl Into<String>) -> Self {
        self.right = right.into();
        self
    }

    /// Fits the row into one line of a width: the text gives way, mark and word stay.
    pub(super) fn line(&self, width: usize) -> Line<'static> {
        let (right, room) = self.right_and_room(width);
        let text = Shown::line(&self.text).cut(room).into_string();
        self.first(text, right, room)
    }

    /// Writes the row whole, over as many lines as that takes.
    pub(super) fn lines(&self, width: usize) -> Vec<Line<'static>> {
        let (right, room) = self.right_and_room(width);
        let text = Shown::line(&self.text).into_string();
        // The lines below the first leave the word's column empty, so that words stand alone.
        let mut texts = wrap(&text, room.max(1), 0).into_iter();
        let first = self.first(texts.next().unwrap_or_default(), right, room);
        let below = texts.map(|text| {
            let before = " ".repeat(self.before());
            let gap = width.saturating_sub(before.width() + text.width());
            Line::from(vec![Span::raw(before), Span::raw(text), Span::raw(" ".repeat(gap))])
        });
        [first].into_iter().chain(below).collect()
    }

    /// Returns how wide what stands before the text is.
    fn before(&self) -> usize {
        1 + self.indent + self.mark.width() + 1
    }

    /// Returns the word at the right, and the room it leaves for the text.
    fn right_and_room(&self, width: usize) -> (String, usize) {
        let right = Shown::line(&self.right).cut(width / 2).into_string();
        let room = width.saturating_sub(self.before() + right.width() + 2);
        (right, room)
    }

    fn first(&self, text: String, right: String, room: usize) -> Line<'static> {
        let gap = room.saturating_sub(text.width()) + 1;
        Line::from(vec![
            Span::raw(" ".repeat(1 + self.indent)),
            Span::styled(self.mark, self.style),
            Span::raw(" "),
            Span::raw(text),
            Span::raw(" ".repeat(gap)),
            Span::styled(right, self.style),
            Span::raw(" "),
        ])
    }
}

/// Returns the line of a row.
pub(super) fn row(app: &App, theme: Theme, row: &Row) -> RowLine {
    match row {
        Row::Pattern(index) => pattern(app, theme, *index),
        Row::Item(id) => item(app, theme, id),
        Row::Note(id) => note(app, theme, id),
        Row::Entry(index) => entry(app, theme, *index),
        Row::Check(index) => check(app, theme, *index),
        Row::Finding(key) => finding(app, theme, key),
        Row::Shape(shape) => match shape {
            Shape::Baseline => {
                RowLine::new(theme.sign(Sign::Note), theme.quiet(), "Minimum safe baseline")
            }
            Shape::Rollback => rollback(app, theme),
        },
        Row::Applied(index) => applied(app, theme, *index),
        Row::Offer(index) => offer(app, theme, *index),
        Row::Move(index) => planned(app, theme, *index),
        Row::Blocker(index) => {
            let blocker = app.review.blockers.get(*index);
            let line = blocker.map_or(String::new(), |b| b.line(&app.runbook, &app.review));
            RowLine::new(theme.verdict(Verdict::NotMet), theme.waiting(), line)
        }
        Row::Sign => sign(app, theme),
    }
}

fn pattern(app: &App, theme: Theme, index: usize) -> RowLine {
    let Some(pattern) = app.runbook.patterns.get(index) else {
        return RowLine::new(" ", Style::new(), "");
    };
    let chosen = app.answers.choice.as_ref().is_some_and(|choice| choice.pattern == pattern.id);
    let now = app.review.in_force.as_ref() == Some(&pattern.id);
    let (mark, style) = if chosen {
        (theme.verdict(Verdict::Confirmed), theme.good())
    } else {
        (" ", Style::new())
    };
    let right = match (chosen, now) {
        (true, true) => "chosen, now",
        (true, false) => "chosen",
        (false, true) => "now",
        (false, false) => "",
    };
    RowLine::new(mark, style, &pattern.title).right(right)
}

fn item(app: &App, theme: Theme, id: &str) -> RowLine {
    let verdict = app.review.verdict(id);
    let statement = app.runbook.item(id).map_or(id, |item| item.statement.as_str());
    let judged = app.review.items.get(id);
    let planned = app.answers.plan.iter().any(|(item, _)| item == id);
    let right = match (verdict, judged) {
        (Verdict::NotMet, _) if planned => "fix planned".to_owned(),
        (Verdict::NotMet, Some(judged)) if judged.subjects > 1 => {
            format!("{} of {} fail", judged.failing.len(), judged.subjects)
        }
        (Verdict::Open, _) => "your word".to_owned(),
        (verdict, _) => verdict.word().to_owned(),
    };
    let style = theme.of_verdict(verdict);
    let mut line = RowLine::new(theme.verdict(verdict), style, statement).right(right);
    line.indent = if app.step == page::Step::Pattern { 2 } else { 0 };
    line
}

fn note(app: &App, theme: Theme, id: &str) -> RowLine {
    let Some(note) = app.runbook.notes.iter().find(|note| note.id == id) else {
        return RowLine::new(" ", Style::new(), id);
    };
    let said = app.answers.words.contains_key(id);
    match (note.acknowledge, said) {
        (false, _) => RowLine::new(theme.sign(Sign::Note), theme.quiet(), &note.text),
        (true, true) => RowLine::new(theme.verdict(Verdict::Confirmed), theme.good(), &note.text)
            .right("acknowledged"),
        (true, false) => RowLine::new(theme.verdict(Verdict::Open), theme.waiting(), &note.text)
            .right("to acknowledge"),
    }
}

fn entry(app: &App, theme: Theme, index: usize) -> RowLine {
    let Some(entry) = app.runbook.inventory.get(index) else {
        return RowLine::new(" ", Style::new(), "");
    };
    match app.answers.inventory.get(&entry.id) {
        None => RowLine::new(theme.verdict(Verdict::Open), theme.waiting(), &entry.title)
            .right("to confirm"),
        Some(_) if app.otherwise.contains(&entry.id) => {
            let mark = theme.verdict(Verdict::Confirmed);
            RowLine::new(mark, theme.waiting(), &entry.title).right("found otherwise now")
        }
        Some((recorded, _)) => {
            let mark = theme.verdict(Verdict::Confirmed);
            let right = if recorded.edited { "written by you" } else { "confirmed" };
            RowLine::new(mark, theme.good(), &entry.title).right(right)
        }
    }
}

fn check(app: &App, theme: Theme, index: usize) -> RowLine {
    let Some(check) = app.runbook.checks.get(index) else {
        return RowLine::new(" ", Style::new(), "");
    };
    let name = &check.statement;
    match app.in_flight.get(&check.id) {
        Some(InFlight::Waiting) => {
            return RowLine::new(theme.sign(Sign::Waiting), theme.quiet(), name).right("waiting");
        }
        Some(InFlight::Running { since, .. }) => {
            let seconds = (app.now - *since).num_seconds().max(0);
            return RowLine::new(theme.sign(Sign::Running), theme.key(), name)
                .right(format!("running {seconds} s"));
        }
        None => {}
    }
    let Some(run) = app.answers.runs.get(&check.id) else {
        let right = match check.need {
            Need::Required => "not run",
            Need::OnRequest | Need::Proof => "on request",
        };
        return RowLine::new(theme.verdict(Verdict::Unmeasured), theme.quiet(), name).right(right);
    };
    let took = match run.brought {
        Some(_) => "imported".to_owned(),
        None => format!("{:.1} s", run.took().as_secs_f32()),
    };
    let stale = app.review.stale.contains(&check.id);
    let unmeasured = theme.verdict(Verdict::Unmeasured);
    match &run.outcome {
        _ if stale => {
            let right = match run.brought {
                Some(_) => "imported, does not count",
                None => "out of date: run again",
            };
            RowLine::new(unmeasured, theme.waiting(), name).right(right)
        }
        Outcome::Measured(report) => {
            let open = report.findings.iter().filter(|f| f.severity > Severity::Info).count();
            let mark =
                if open == 0 { theme.verdict(Verdict::Met) } else { theme.sign(Sign::Warning) };
            let said = if open == 0 { "clean".to_owned() } else { count(open, "finding") };
            let tone = if open == 0 { theme.good() } else { theme.waiting() };
            RowLine::new(mark, tone, name).right(format!("{said}  {took}"))
        }
        Outcome::Unmeasured { .. } => {
            RowLine::new(unmeasured, theme.waiting(), name).right(format!("unmeasured  {took}"))
        }
        Outcome::Cancelled => RowLine::new(unmeasured, theme.waiting(), name).right("stopped"),
    }
}

fn finding(app: &App, theme: Theme, key: &str) -> RowLine {
    let Some(state) = app.review.findings.iter().find(|state| state.key == key) else {
        return RowLine::new(" ", Style::new(), key);
    };
    let style = theme.of_severity(state.finding.severity);
    let text = format!("{}  {}", state.finding.check_id, state.finding.title);
    let word = state.finding.severity.word();
    let (mark, style, right) = match &state.settled {
        Settled::Accepted(residual) => {
            let until = format!("{word}, accepted until {}", residual.expires);
            (theme.verdict(Verdict::Accepted), theme.of_verdict(Verdict::Accepted), until)
        }
        Settled::Informs => (theme.sign(Sign::Note), style, word.to_owned()),
        Settled::Open(_) if state.by_design.is_some() => {
            (severity_mark(theme, state), style, format!("{word}, by design"))
        }
        Settled::Open(_) => (severity_mark(theme, state), style, word.to_owned()),
    };
    let hidden = if state.finding.suppressed { ", hidden by the config" } else { "" };
    let new = if is_new(app, state) { "new, " } else { "" };
    RowLine::new(mark, style, text).right(format!("{new}{right}{hidden}"))
}

/// Tells whether every check that reports a finding did not report it the time before.
fn is_new(app: &App, state: &FindingState) -> bool {
    state.sources.iter().all(|check| {
        app.answers.since.get(check).is_some_and(|since| since.new.contains(&state.key))
    })
}

fn severity_mark(theme: Theme, state: &FindingState) -> &'static str {
    match state.finding.severity {
        Severity::Critical => theme.verdict(Verdict::NotMet),
        Severity::Warn => theme.sign(Sign::Warning),
        Severity::Info => theme.sign(Sign::Note),
    }
}

fn rollback(app: &App, theme: Theme) -> RowLine {
    let flight = change::rehearsal_check(&app.runbook).and_then(|id| app.in_flight.get(id));
    if let Some(InFlight::Running { since, .. }) = flight {
        let seconds = (app.now - *since).num_seconds().max(0);
        return RowLine::new(theme.sign(Sign::Running), theme.key(), "Rollback")
            .right(format!("rehearsing {seconds} s"));
    }
    let rehearsed = app.review.rehearsed;
    let (verdict, style) = match rehearsed {
        Rehearsed::Works => (Verdict::Met, theme.good()),
        Rehearsed::Fails => (Verdict::NotMet, theme.wrong()),
        Rehearsed::Never | Rehearsed::OutOfDate | Rehearsed::Unmeasured => {
            (Verdict::Unmeasured, theme.waiting())
        }
    };
    RowLine::new(theme.verdict(verdict), style, "Rollback").right(rehearsed.said())
}

fn planned(app: &App, theme: Theme, index: usize) -> RowLine {
    let Some((item, planned)) = app.answers.plan.get(index) else {
        return RowLine::new(" ", Style::new(), "");
    };
    let says = format!("{}. {}", index + 1, planned.says);
    if app.in_place.contains(item) {
        // Whether its steps elsewhere were taken, nobody can see.
        if planned.steps.is_empty() {
            return RowLine::new(theme.verdict(Verdict::Met), theme.good(), says).right("in place");
        }
        return RowLine::new(theme.sign(Sign::Here), theme.waiting(), says).right("steps left");
    }
    RowLine::new(theme.sign(Sign::Here), theme.key(), says)
}

fn offer(app: &App, theme: Theme, index: usize) -> RowLine {
    let Some(one) = app.runbook.moves.get(index) else {
        return RowLine::new(" ", Style::new(), "");
    };
    if app.review.in_place.contains(&one.id) {
        return RowLine::new(theme.verdict(Verdict::Met), theme.good(), one.title())
            .right("in place");
    }
    match app.closed(index) {
        Some(_) => {
            RowLine::new(theme.sign(Sign::Waiting), theme.quiet(), one.title()).right("not yet")
        }
        None => RowLine::new(theme.verdict(Verdict::Open), theme.waiting(), one.title())
            .right("f plans it"),
    }
}

fn applied(app: &App, theme: Theme, index: usize) -> RowLine {
    let Some((_, applied)) = app.answers.applied.get(index) else {
        return RowLine::new(" ", Style::new(), "");
    };
    let says = &applied.planned.says;
    if app.is_undone(applied) {
        return RowLine::new(theme.verdict(Verdict::NotApplicable), theme.quiet(), says)
            .right("undone");
    }
    if let Some(at) = app.pending(applied) {
        let right = format!("undone at {} unless kept", at.format("%H:%M:%S"));
        return RowLine::new(theme.sign(Sign::Warning), theme.waiting(), says).right(right);
    }
    let right = format!("applied {}", applied.done.at.format("%H:%M"));
    if applied.done.met {
        RowLine::new(theme.verdict(Verdict::Met), theme.good(), says).right(right)
    } else {
        RowLine::new(theme.verdict(Verdict::NotMet), theme.wrong(), says).right(right)
    }
}

fn sign(app: &App, theme: Theme) -> RowLine {
    if app.sealed.is_some() {
        return RowLine::new(theme.verdict(Verdict::Met), theme.good(), "Sealed");
    }
    let blockers = app.blockers().len();
    let (whole, as_is) = match app.ending() {
        Ending::Change => ("Sign off", "Seal this change as it is"),
        Ending::Rollback => ("Sign the rollback", "Seal the rollback as it is"),
    };
    if blockers == 0 {
        return RowLine::new(theme.sign(Sign::Here), theme.good(), whole).right("nothing blocks");
    }
    RowLine::new(theme.sign(Sign::Here), theme.waiting(), as_is)
        .right(format!("not-cleared: {}", count(blockers, "blocker")))
}

/// Counts the findings by what they are, as the heading of the checks.
pub(super) fn findings_summary(app: &App) -> String {
    let counts = |run: &&Run| run.report().is_some() && !app.review.stale.contains(&run.check);
    if app.is_busy() && !app.answers.runs.values().any(|run| counts(&run)) {
        return "The checks are running; read on meanwhile.".to_owned();
    }
    if !app.answers.runs.values().any(|run| counts(&run)) {
        let before = if app.answers.runs.is_empty() {
            "Nothing is measured yet."
        } else {
            "The config moved, or a day has passed: what was measured counts no more."
        };
        let after = match app.other_host() {
            None => "enter shows what the checks may write, then runs them.".to_owned(),
            Some(host) => format!("c copies a line to run on {host}; paste here what it prints."),
        };
        return format!("{before} {after}");
    }
    let of = |severity: Severity| {
        let all =
            app.review.findings.iter().filter(|state| state.finding.severity == severity).count();
        let open = match app.review.open_findings(severity) {
            _ if severity == Severity::Info => String::new(),
            open => format!(" ({open} open)"),
        };
        format!("{} {all}{open}", severity.word())
    };
    let hidden = app.review.findings.iter().filter(|state| state.finding.suppressed).count();
    let hidden =
        if hidden == 0 { String::new() } else { format!(", {hidden} hidden by the config") };
    let counts = [Severity::Critical, Severity::Warn, Severity::Info].map(of);
    let since = app.previous.as_ref().and_then(|previous| {
        let line = previous.since(&app.answers, &app.review)?.line()?;
        Some(format!(". Since record {} of {}: {line}", previous.change, previous.day))
    });
    format!("{}{hidden}{}", counts.join(", "), since.unwrap_or_default())
}
