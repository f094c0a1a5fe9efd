//! A move under the cursor: planned, offered by the runbook, or applied.

use ratatui::style::Style;

use crate::app::App;
use crate::app::MOVE;
use crate::openclaw::patch;
use crate::view::detail;
use crate::view::prose::Prose;
use crate::view::theme::Theme;

/// Shows a move of the plan.
pub(super) fn planned(app: &App, theme: Theme, index: usize, prose: &mut Prose) {
    let Some((item, planned)) = app.answers.plan.get(index) else { return };
    prose.add(&planned.says, theme.heading());
    prose.add(&format!("for {item}"), theme.quiet());
    prose.gap();
    steps(theme, "", &planned.steps, prose);
    let empty = planned.patch.as_object().is_none_or(serde_json::Map::is_empty);
    if empty {
        prose.add(
            "Nothing in the config changes; the steps above are done elsewhere.",
            theme.quiet(),
        );
    } else if app.as_diff {
        detail::diff(theme, &patch::diff(app.live.config(), &planned.patch), prose);
    } else {
        let shown = crate::openclaw::secret::redact(&planned.patch);
        prose.verbatim(&patch::pretty(&shown), |_| Style::new());
    }
    steps(theme, "to take it back: ", &planned.undo, prose);
    let rehearsal = format!("{MOVE}{item}");
    prose.gap();
    if !detail::running(app, theme, &rehearsal, prose) {
        match app.predicted(item) {
            Some(run) => detail::ran(app, theme, run, prose),
            None if !empty => prose.add(
                "r rehearses it on a throw-away copy and says what it does to the audit.",
                theme.quiet(),
            ),
            None => {}
        }
    }
    if !empty {
        prose.gap();
        prose.add(
            "A applies it through OpenClaw's own writer, after a backup; w writes it to a file. Then \
             validate, step 9.",
            theme.quiet(),
        );
    }
}

/// Shows a widening move of the runbook.
pub(super) fn offer(app: &App, theme: Theme, index: usize, prose: &mut Prose) {
    let Some(one) = app.runbook.moves.get(index) else { return };
    prose.add(&one.title(), theme.heading());
    prose.lead("What it opens: ", theme.quiet(), &one.why, Style::new());
    if let Some(first) = app.closed(index) {
        prose.lead("! ", theme.waiting(), &first, theme.waiting());
    }
    prose.gap();
    for ask in &one.asks {
        prose.lead("asks for ", theme.quiet(), &ask.label, Style::new());
    }
    let open = |texts: &[String]| texts.iter().map(|text| one.open(text)).collect::<Vec<_>>();
    steps(theme, "", &open(&one.steps), prose);
    for row in &one.set {
        let says = match (&row.value, &row.add, row.unset) {
            (Some(value), _, _) => format!("{} = {value}", row.path),
            (None, Some(add), _) => format!("{} + {add}", row.path),
            _ => format!("{} is taken out", row.path),
        };
        prose.lead("writes ", theme.quiet(), &one.open(&says), Style::new());
    }
    steps(theme, "to take it back: ", &open(&one.undo), prose);
    prose.gap();
    let said = if one.narrows {
        "f plans it. It narrows, so it waits for nothing."
    } else {
        "f plans it. It widens, so what stands before it is settled first."
    };
    prose.add(said, theme.quiet());
    prose.add(&one.source, theme.quiet());
}

/// Shows a move that was applied.
pub(super) fn applied(app: &App, theme: Theme, index: usize, prose: &mut Prose) {
    let Some((item, applied)) = app.answers.applied.get(index) else { return };
    let done = &applied.done;
    prose.add(&applied.planned.says, theme.heading());
    prose.add(&format!("{item}, applied {}", done.at.format("%Y-%m-%d %H:%M:%S")), theme.quiet());
    prose.gap();
    if app.is_undone(applied) {
        prose.add("The config is again as it was before: it has been undone.", theme.waiting());
    } else if let Some(at) = app.pending(applied) {
        let said =
            format!("Undone by itself at {} unless you keep it: enter.", at.format("%H:%M:%S"));
        prose.add(&said, theme.waiting());
    }
    let style = match (done.met, done.measured) {
        (true, true) => theme.good(),
        (true, false) => theme.waiting(),
        (false, _) => theme.wrong(),
    };
    prose.lead("after it ", theme.quiet(), done.said(), style);
    for line in &done.widens {
        prose.lead("widened ", theme.waiting(), line, Style::new());
    }
    prose.lead("backup ", theme.quiet(), &done.backup, Style::new());
    prose.lead("to undo ", theme.quiet(), &done.undo, Style::new());
    steps(theme, "and elsewhere: ", &applied.planned.undo, prose);
}

fn steps(theme: Theme, lead: &str, steps: &[String], prose: &mut Prose) {
    for step in steps {
        prose.lead(&format!("- {lead}"), theme.quiet(), step, Style::new());
    }
}
