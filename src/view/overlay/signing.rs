//! What is about to be signed, and the keys to sign it with.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use crate::app::App;
use crate::app::Offer;
use crate::app::Pen;
use crate::change::Settled;
use crate::record::Outcome;
use crate::text::Shown;
use crate::text::count;
use crate::view::overlay;
use crate::view::prose::Prose;
use crate::view::theme::Theme;

/// Draws it.
///
/// ```text
/// ┌ Sign the record ─────────────────────┐
/// │ digest, gateway, pattern, counts     │
/// │ the residuals                        │
/// │                                      │
/// │ > ssh-ed25519 mira  SHA256:…         │
/// │   leave it UNSIGNED                  │
/// └──────────── enter signs · esc leaves ┘
/// ```
pub(super) fn draw(
    app: &App,
    theme: Theme,
    frame: &mut Frame,
    body: Rect,
    offer: &Offer,
    cursor: usize,
    problem: Option<&str>,
) {
    let room = usize::from(body.width.min(overlay::WIDEST).saturating_sub(4));
    let pens = offer.pens();
    let keys: Vec<String> = pens.iter().map(|pen| name(pen, offer)).collect();
    let mut below = Prose::default();
    below.gap();
    for why in problem.iter().copied().chain(offer.without.as_deref()) {
        below.lead("! ", theme.wrong(), why, theme.wrong());
    }
    let mut lines = summary(app, theme, offer).lines(room);
    // The keys are always seen; the residuals give way where there is no room for all.
    let keep = usize::from(body.height).saturating_sub(5 + keys.len() + below.lines(room).len());
    if lines.len() > keep {
        lines.truncate(keep.saturating_sub(1));
        lines.push(Line::styled("… the rest is in the record", theme.quiet()));
    }
    lines.push(Line::default());
    for (place, key) in keys.iter().enumerate() {
        let here = place == cursor;
        let style = if here { theme.key() } else { Style::new() };
        let lead = if here { "> " } else { "  " };
        let key = Shown::line(key).cut(room.saturating_sub(2));
        lines.push(Line::styled(format!("{lead}{key}"), style));
    }
    lines.extend(below.lines(room));
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX);
    let hint = "j k choose · enter signs · esc seals nothing";
    let inner = overlay::pane(theme, frame, body, "Sign the record", hint, height);
    frame.render_widget(Paragraph::new(lines), inner);
}

fn name(pen: &Pen, offer: &Offer) -> String {
    match pen {
        Pen::Key(key) => format!("{}  {}  {}", key.name, key.fingerprint, key.held.place()),
        Pen::NewKey => {
            let path = offer.new_key.as_deref().unwrap_or_default();
            format!("make a key now with ssh-keygen, {path}")
        }
        Pen::None => "leave it UNSIGNED".to_owned(),
    }
}

fn summary(app: &App, theme: Theme, offer: &Offer) -> Prose {
    let mut text = Prose::default();
    text.lead("sha256    ", theme.quiet(), &offer.sha256, Style::new());
    let target = &app.target;
    let gateway = format!("{} on {}, user {}", target.config, target.host, target.user);
    text.lead("Gateway   ", theme.quiet(), &gateway, Style::new());
    let place = format!("record {} of {}", offer.seq, target.id);
    text.lead("Chain     ", theme.quiet(), &place, Style::new());
    let pattern = app.answers.choice.as_ref().map_or("none chosen", |choice| {
        let pattern = app.runbook.pattern(&choice.pattern);
        pattern.map_or(choice.pattern.as_str(), |pattern| &pattern.title)
    });
    text.lead("Pattern   ", theme.quiet(), pattern, Style::new());
    match app.blockers().len() {
        0 => text.lead(
            "Outcome   ",
            theme.quiet(),
            Outcome::of(app.ending(), 0).word(),
            theme.good(),
        ),
        blockers => {
            let said = format!("not-cleared, {} named in it", count(blockers, "blocker"));
            text.lead("Outcome   ", theme.quiet(), &said, theme.waiting());
        }
    }
    let accepted =
        app.review.findings.iter().filter(|state| matches!(state.settled, Settled::Accepted(_)));
    let counts = format!(
        "{}, {} of them accepted, {}",
        count(app.review.findings.len(), "finding"),
        accepted.count(),
        count(app.answers.residuals.len(), "residual"),
    );
    text.lead("Counts    ", theme.quiet(), &counts, Style::new());
    for demand in app.demanded() {
        let said = format!("{demand}; yours may be one, the others countersign");
        text.lead("Policy    ", theme.waiting(), &said, Style::new());
    }
    for residual in app.answers.residuals.values() {
        let subject = residual.subject.split('#').next().unwrap_or(&residual.subject);
        let said = format!(
            "{subject}: {} ({}, until {})",
            residual.reason, residual.owner, residual.expires
        );
        text.lead("Residual  ", theme.quiet(), &said, Style::new());
    }
    text
}
