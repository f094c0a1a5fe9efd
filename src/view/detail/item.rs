//! An item whole: its statement, what backs it, why, what to do, how to see for oneself.

use ratatui::style::Style;

use crate::app::App;
use crate::runbook::Item;
use crate::runbook::Need;
use crate::verdict::Evidence;
use crate::verdict::Judged;
use crate::verdict::Kind;
use crate::verdict::Truth;
use crate::verdict::Verdict;
use crate::view::overlay::card;
use crate::view::prose::Prose;
use crate::view::theme::Theme;

/// How much of the evidence is listed one by one.
const LISTED: usize = 40;

/// Writes an item.
pub(super) fn item(app: &App, theme: Theme, id: &str, prose: &mut Prose) {
    let (Some(item), Some(judged)) = (app.runbook.item(id), app.review.items.get(id)) else {
        return;
    };
    let verdict = judged.verdict;
    let mark = format!("{} ", theme.verdict(verdict));
    let style = theme.of_verdict(verdict);
    prose.with_right(&mark, style, &item.statement, theme.heading(), verdict.word(), style);
    if let Some(because) = &judged.because {
        prose.lead("  ", style, because, style);
    }
    prose.gap();
    evidence(theme, judged, prose);
    findings(app, theme, item, prose);
    prose.gap();
    proof(app, theme, item, prose);
    prose.lead("Why: ", theme.quiet(), &item.why, Style::new());
    what_to_do(app, theme, item, judged, prose);
    cards(app, theme, item, prose);
    prose.gap();
    prose.add(&item.source, theme.quiet());
}

fn evidence(theme: Theme, judged: &Judged, prose: &mut Prose) {
    let listed = judged.evidence.iter().take(LISTED);
    for evidence in listed {
        let style = match evidence.speaks {
            Truth::Yes if judged.verdict == Verdict::NotMet => theme.quiet(),
            Truth::Yes => Style::new(),
            Truth::No | Truth::Unknown => theme.of_truth(evidence.speaks),
        };
        let mark = match evidence.speaks {
            Truth::Yes => theme.verdict(Verdict::Met),
            Truth::No => theme.verdict(Verdict::NotMet),
            Truth::Unknown => theme.verdict(Verdict::Unmeasured),
        };
        let mark = format!("{mark} ");
        prose.with_right(&mark, style, &said(evidence), style, &evidence.place, theme.quiet());
    }
    if judged.evidence.len() > LISTED {
        prose.add(&format!("… and {} more", judged.evidence.len() - LISTED), theme.quiet());
    }
}

/// Says a piece of evidence the way an operator would read it.
fn said(evidence: &Evidence) -> String {
    let path = evidence.about.strip_prefix("config.").unwrap_or(&evidence.about);
    let subject = evidence.subject.as_ref().map(|subject| format!("{subject}  "));
    match evidence.kind {
        Kind::Statement => format!("{} says: {}", evidence.about, evidence.says),
        Kind::Fact | Kind::Observation => {
            format!("{}{path} = {}", subject.unwrap_or_default(), evidence.says)
        }
    }
}

/// Lists the findings that bear on an item.
fn findings(app: &App, theme: Theme, item: &Item, prose: &mut Prose) {
    for state in &app.review.findings {
        if !item.is_about(&state.finding.check_id) {
            continue;
        }
        let word = state.finding.severity.word();
        let style = theme.of_severity(state.finding.severity);
        let text = format!("audit: {}", state.finding.check_id);
        prose.with_right("", style, &text, style, word, style);
    }
}

/// Shows the check that proves an item, where it is one that belongs to items alone.
fn proof(app: &App, theme: Theme, item: &Item, prose: &mut Prose) {
    let check = item.run.as_ref().and_then(|run| app.runbook.check(run));
    let Some(check) = check.filter(|check| check.need == Need::Proof) else { return };
    prose.lead("Proof (r): ", theme.key(), &check.statement, Style::new());
    if !super::running(app, theme, &check.id, prose)
        && let Some(run) = app.answers.runs.get(&check.id)
    {
        super::ran(app, theme, run, prose);
    }
    prose.gap();
}

fn what_to_do(app: &App, theme: Theme, item: &Item, judged: &Judged, prose: &mut Prose) {
    if judged.verdict.is_settled() && judged.verdict != Verdict::Accepted {
        return;
    }
    if let Some(fix) = &item.fix {
        let planned = app.answers.plan.iter().any(|(planned, _)| *planned == item.id);
        let lead = if planned { "Planned: " } else { "Fix (f): " };
        prose.lead(lead, theme.key(), &fix.says, Style::new());
        for step in &fix.steps {
            prose.lead("  - ", theme.quiet(), step, Style::new());
        }
    }
    match crate::verdict::can_confirm(item, judged) {
        Ok(()) => {
            let text = "space confirms it with your word; e says how you know.";
            prose.add(text, theme.quiet());
        }
        Err(why) => prose.lead("No tick: ", theme.quiet(), why, theme.quiet()),
    }
}

/// Lists the cards, each with what its newest answer came to.
fn cards(app: &App, theme: Theme, item: &Item, prose: &mut Prose) {
    if item.cards.is_empty() {
        return;
    }
    prose.gap();
    prose.lead("s ", theme.key(), "See for yourself", theme.heading());
    for (place, card) in item.cards.iter().enumerate() {
        let (verdict, said) = match app.seen(&item.id, place) {
            None => (Verdict::Open, "not looked at"),
            Some((seen, _)) if !app.card_counts(&item.id, seen) => {
                (Verdict::Unmeasured, "out of date")
            }
            Some((_, seen)) => card::said(&seen),
        };
        let style = theme.of_verdict(verdict);
        let mark = format!("{} ", theme.verdict(verdict));
        prose.with_right(&mark, style, &card.title, Style::new(), said, style);
        prose.lead("  ", theme.quiet(), &card.proves, theme.quiet());
    }
}

/// Says what a finding means and what to do about it, where that is known.
pub(super) fn meaning(app: &App, theme: Theme, check_id: &str, prose: &mut Prose) {
    let Some(meaning) = app.runbook.meaning(check_id) else { return };
    prose.gap();
    prose.lead("Means:  ", theme.quiet(), &meaning.means, Style::new());
    prose.lead("Do:     ", theme.key(), &meaning.remedy, Style::new());
    for worse in &meaning.worse {
        prose.lead("Do not: ", theme.wrong(), worse, Style::new());
    }
}

/// Lists the items a finding bears on, so that their fixes are found.
pub(super) fn bears_on(app: &App, theme: Theme, check_id: &str, prose: &mut Prose) {
    let mut first = true;
    for item in app.runbook.items().filter(|item| item.is_about(check_id)) {
        let verdict = app.review.verdict(&item.id);
        if verdict == Verdict::NotApplicable {
            continue;
        }
        if std::mem::take(&mut first) {
            prose.gap();
            prose.add("Bears on", theme.quiet());
        }
        let mark = format!("{} ", theme.verdict(verdict));
        prose.lead(&mark, theme.of_verdict(verdict), &item.statement, Style::new());
    }
}
