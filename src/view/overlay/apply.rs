//! What is about to be applied, and what is told while it is.

use ratatui::style::Style;

use crate::app::App;
use crate::app::Application;
use crate::app::Applying;
use crate::openclaw::patch;
use crate::text::count;
use crate::verdict::Verdict;
use crate::view::detail;
use crate::view::prose::Prose;
use crate::view::theme::Theme;

/// Shows what applying would change, whom it lets in, and what stands before it.
pub(super) fn asked(theme: Theme, application: &Application) -> Prose {
    let mut text = Prose::default();
    text.add(&application.planned.says, theme.heading());
    for step in &application.planned.steps {
        text.lead("first, elsewhere: ", theme.waiting(), step, Style::new());
    }
    text.gap();
    if !application.missing.is_empty() {
        let said =
            format!("It widens, and {} before it:", count(application.missing.len(), "thing"));
        text.add(&said, theme.wrong());
        for missing in &application.missing {
            let mark = format!("{} ", theme.verdict(Verdict::NotMet));
            text.lead(&mark, theme.wrong(), missing, Style::new());
        }
        text.gap();
    }
    let breadth = &application.breadth;
    for (word, style, lines) in [
        ("widens  ", theme.waiting(), &breadth.widens),
        ("narrows ", theme.good(), &breadth.narrows),
        ("untold  ", theme.quiet(), &breadth.untold),
    ] {
        for line in lines {
            text.lead(word, style, line, Style::new());
        }
    }
    text.gap();
    let patch = &application.patch;
    detail::diff(theme, &patch::difference(patch.before(), &patch.applied()), &mut text);
    text.gap();
    for part in patch.parts.iter().filter(|part| !part.by_writer) {
        let said = format!("{}: by hand, OpenClaw's writer refuses it", part.file.display());
        text.lead("! ", theme.wrong(), &said, Style::new());
    }
    text.add(
        "A backup is made and read back first. OpenClaw's own writer writes; it strips comments, \
         the backup keeps them.",
        theme.quiet(),
    );
    match application.undo_in {
        Some(seconds) => {
            let said = format!(
                "It is undone by itself after {seconds} s unless you keep it; u switches that off."
            );
            text.add(&said, theme.key());
        }
        None => {
            text.add(
                "It is not undone by itself; u has it undone after 300 s unless you keep it.",
                theme.key(),
            );
        }
    }
    text
}

/// Shows what was told so far, and what came of it.
pub(super) fn told(app: &App, theme: Theme) -> Prose {
    let mut text = Prose::default();
    let Some(applying) = &app.applying else { return text };
    text.add(&applying.application.planned.says, theme.heading());
    text.gap();
    for line in &applying.lines {
        text.add(&line.text, if line.wrong { theme.wrong() } else { Style::new() });
    }
    text.gap();
    outcome(app, theme, applying, &mut text);
    text
}

fn outcome(app: &App, theme: Theme, applying: &Applying, text: &mut Prose) {
    match &applying.outcome {
        None => {
            let seconds = (app.now - applying.since).num_seconds().max(0);
            let said = format!("On its way for {seconds} s. Leaving does not stop it half way.");
            text.add(&said, theme.key());
        }
        Some(Ok(aftermath)) => {
            let (style, said) = match (aftermath.met, aftermath.measured) {
                (true, true) => (theme.good(), "Applied, and true."),
                (true, false) => (theme.waiting(), "Applied; not all of it could be measured."),
                (false, _) => (theme.wrong(), "Applied, and not all of it is true: read above."),
            };
            text.add(said, style);
            if aftermath.keep.is_some() {
                let applied = app.answers.applied.last();
                let at = applied.and_then(|(_, applied)| app.pending(applied));
                let said = at.map_or_else(
                    || "It has been undone by itself, or is about to be.".to_owned(),
                    |at| {
                        format!("Undone by itself at {} unless you keep it.", at.format("%H:%M:%S"))
                    },
                );
                text.add(&said, theme.waiting());
            }
        }
        Some(Err(not)) => {
            let lead = if not.written.is_some() { "Applied in part: " } else { "Not applied: " };
            text.lead(lead, theme.wrong(), &not.what, theme.wrong());
            if !not.why.is_empty() {
                text.lead("because ", theme.quiet(), &not.why, Style::new());
            }
            if !not.hint.is_empty() {
                text.lead("do: ", theme.key(), &not.hint, Style::new());
            }
            if let Some(at) = not.written.as_ref().and_then(|written| written.undone_at) {
                let said = format!("Undone by itself at {}.", at.format("%H:%M:%S"));
                text.add(&said, theme.waiting());
            }
        }
    }
}

/// Returns the keys that matter while it is told.
pub(super) fn keys(app: &App) -> &'static str {
    match app.applying.as_ref().and_then(|applying| applying.outcome.as_ref()) {
        None => "esc hides it, A shows it again",
        Some(Ok(aftermath)) if aftermath.keep.is_some() => {
            "enter keeps it · esc leaves it to be undone"
        }
        Some(_) => "enter goes on",
    }
}
