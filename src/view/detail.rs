//! What is under the cursor, whole: statement, why, evidence, findings, fix, cards, source.

mod item;
mod moves;

use ratatui::style::Style;

use crate::app::App;
use crate::app::InFlight;
use crate::app::Live;
use crate::app::page;
use crate::app::page::Row;
use crate::app::page::Shape;
use crate::app::page::Step;
use crate::change;
use crate::change::Settled;
use crate::openclaw::exposure;
use crate::openclaw::finding::Outcome;
use crate::openclaw::patch;
use crate::text::count;
use crate::verdict::Run;
use crate::verdict::Verdict;
use crate::view::prose::Prose;
use crate::view::tables;
use crate::view::theme::Theme;

/// Returns what stands in the detail pane for a row.
pub(super) fn prose(app: &App, theme: Theme, row: &Row, width: usize) -> Prose {
    let mut prose = Prose::default();
    match row {
        Row::Pattern(index) => pattern(app, theme, *index, &mut prose),
        Row::Item(id) => item::item(app, theme, id, &mut prose),
        Row::Note(id) => note(app, theme, id, &mut prose),
        Row::Entry(index) => entry(app, theme, *index, &mut prose),
        Row::Check(index) => check(app, theme, *index, &mut prose),
        Row::Finding(key) => finding(app, theme, key, &mut prose),
        Row::Shape(shape) => {
            if *shape == Shape::Rollback {
                if app.step == Step::Rollback {
                    open_now(app, theme, &mut prose);
                }
                rehearsal(app, theme, &mut prose);
            }
            self::shape(app, theme, *shape, width, &mut prose);
        }
        Row::Applied(index) => moves::applied(app, theme, *index, &mut prose),
        Row::Offer(index) => moves::offer(app, theme, *index, &mut prose),
        Row::Move(index) => moves::planned(app, theme, *index, &mut prose),
        Row::Blocker(index) => blocker(app, theme, *index, &mut prose),
        Row::Sign => sign(app, theme, &mut prose),
    }
    prose
}

fn pattern(app: &App, theme: Theme, index: usize, prose: &mut Prose) {
    let Some(pattern) = app.runbook.patterns.get(index) else { return };
    prose.add(&pattern.title, theme.heading());
    prose.lead("For: ", theme.quiet(), &pattern.recommended, Style::new());
    if let Some(warning) = &pattern.warning {
        prose.lead("! ", theme.wrong(), warning, theme.wrong());
    }
    if let Some(choice) = app.answers.choice.as_ref().filter(|c| c.pattern == pattern.id) {
        prose.lead("Because: ", theme.quiet(), &choice.reason, Style::new());
    }
    if app.review.in_force.as_ref() == Some(&pattern.id) {
        prose.add("The live config is in this pattern now.", theme.quiet());
    }
    prose.gap();
    prose.add("It requires", theme.heading());
    for control in &pattern.controls {
        let verdict = app.review.verdict(&control.id);
        let mark = format!("{} ", theme.verdict(verdict));
        let style = theme.of_verdict(verdict);
        prose.with_right(&mark, style, &control.statement, Style::new(), verdict.word(), style);
    }
}

fn note(app: &App, theme: Theme, id: &str, prose: &mut Prose) {
    let Some(note) = app.runbook.notes.iter().find(|note| note.id == id) else { return };
    prose.add(&note.text, Style::new());
    if note.acknowledge {
        match app.answers.words.get(id) {
            Some(word) => {
                let said = format!("Acknowledged by {} at {}", word.who, word.at.format("%H:%M"));
                prose.add(&said, theme.good());
            }
            None => prose.add("space acknowledges it; the record says so.", theme.quiet()),
        }
    }
    prose.gap();
    prose.add(&note.source, theme.quiet());
}

fn entry(app: &App, theme: Theme, index: usize, prose: &mut Prose) {
    let Some(entry) = app.runbook.inventory.get(index) else { return };
    prose.add(&entry.statement, theme.heading());
    prose.lead("Why: ", theme.quiet(), &entry.why, Style::new());
    prose.gap();
    let found = patch::found(entry, app.live.facts());
    if let Some((recorded, at)) = app.answers.inventory.get(&entry.id) {
        let lead = format!("Recorded {}: ", at.format("%H:%M"));
        prose.lead(&lead, theme.good(), &recorded.value, Style::new());
        if app.otherwise.contains(&entry.id) {
            let now = if found.is_empty() { "nothing" } else { &found };
            prose.lead("! ", theme.waiting(), &format!("Found now: {now}"), theme.waiting());
            let text = match (recorded.edited, found.is_empty()) {
                (_, true) => "What is on record stays; e writes down what is there.",
                (true, false) => "enter keeps your words and records that this is found; e edits.",
                (false, false) => "What is on record stays; enter records what is found now.",
            };
            prose.add(text, theme.quiet());
        }
        prose.gap();
    } else if let Live::Unreadable { why, .. } = &app.live {
        prose.lead("! ", theme.wrong(), why, theme.wrong());
        prose.add("e writes down what is there.", theme.quiet());
    } else {
        prose.add("Found; enter confirms, e edits", theme.quiet());
    }
    if let Some(facts) = app.live.facts() {
        tables::facts(theme, facts, entry, prose);
        if let Some(table) = entry.table {
            prose.gap();
            tables::table(theme, facts, table, prose);
        }
    }
    prose.gap();
    prose.add(&entry.source, theme.quiet());
}

fn check(app: &App, theme: Theme, index: usize, prose: &mut Prose) {
    let Some(check) = app.runbook.checks.get(index) else { return };
    prose.add(&check.statement, theme.heading());
    prose.lead("Why: ", theme.quiet(), &check.why, Style::new());
    prose.gap();
    if running(app, theme, &check.id, prose) {
        return;
    }
    let run = app.answers.runs.get(&check.id);
    if let Some(run) = run {
        ran(app, theme, run, prose);
        prose.gap();
        prose.add("enter shows all that it printed.", theme.quiet());
    } else {
        let text = match app.other_host() {
            None => "It has not run. enter shows what the checks may write, then runs them.",
            Some(_) if app.errand(check).is_some() => "It has not been brought.",
            Some(_) => "It is run where the gateway is, and not brought here.",
        };
        prose.add(text, theme.quiet());
    }
    if let Some(errand) = app.errand(check) {
        if let Some(host) = app.other_host().filter(|_| run.is_none()) {
            prose.gap();
            prose.lead(&format!("On {host}: "), theme.key(), &errand.line, Style::new());
        }
        let text = match app.other_host() {
            Some(_) => "c copies that line; paste here what it prints.",
            None => {
                "c copies a line for another shell, such as another user's; paste what it prints."
            }
        };
        prose.add(text, theme.quiet());
    }
    prose.gap();
    prose.add(&check.source, theme.quiet());
}

/// Shows a check at work; tells whether it is.
pub(super) fn running(app: &App, theme: Theme, check: &str, prose: &mut Prose) -> bool {
    let Some(InFlight::Running { command, lines, .. }) = app.in_flight.get(check) else {
        return false;
    };
    prose.lead("$ ", theme.key(), command, Style::new());
    for line in lines.iter().rev().take(12).rev() {
        prose.add(line, theme.quiet());
    }
    true
}

/// Shows what a run came to, and what it changed.
pub(super) fn ran(app: &App, theme: Theme, run: &Run, prose: &mut Prose) {
    prose.lead("$ ", theme.key(), &run.command, Style::new());
    let at = run.at.format("%Y-%m-%d %H:%M:%S");
    let took = run.took().as_secs_f32();
    let ended = run.vantage().unwrap_or_else(|| format!("{took:.1} s · {}", run.ended));
    prose.add(&format!("{at} · {ended}"), theme.quiet());
    if app.review.stale.contains(&run.check) {
        let moved = "the config moved since, or a day has passed";
        let text = match &run.brought {
            None => format!("Out of date: {moved}. r runs it again."),
            Some(brought) => {
                let why = brought.untied.as_deref().unwrap_or(moved);
                format!("It does not count: {why}. Import another.")
            }
        };
        prose.lead("! ", theme.waiting(), &text, theme.waiting());
    }
    match &run.outcome {
        Outcome::Measured(report) => {
            let said = count(report.findings.len(), "finding");
            prose.add(&format!("Measured: {said}."), theme.good());
            for note in &report.notes {
                prose.lead("- ", theme.quiet(), note, Style::new());
            }
        }
        Outcome::Unmeasured { why, partial } => {
            let lead = format!("{} Unmeasured: ", theme.verdict(Verdict::Unmeasured));
            prose.lead(&lead, theme.waiting(), why, Style::new());
            for note in partial.iter().flat_map(|report| &report.notes) {
                prose.lead("- ", theme.quiet(), note, Style::new());
            }
            prose.add("r tries again; a accepts that it stays unmeasured.", theme.quiet());
        }
        Outcome::Cancelled => prose.add("Stopped by the operator: unmeasured.", theme.waiting()),
    }
    if let Some(since) = app.answers.since.get(&run.check) {
        let said = since.line().unwrap_or_else(|| "nothing is new, nothing is gone".to_owned());
        prose.lead("Since the run before: ", theme.quiet(), &said, Style::new());
        for (word, keys) in [("new ", &since.new), ("gone ", &since.gone)] {
            for key in keys {
                let name = key.split('#').next().unwrap_or(key);
                prose.lead(word, theme.quiet(), name, Style::new());
            }
        }
    }
}

fn finding(app: &App, theme: Theme, key: &str, prose: &mut Prose) {
    let Some(state) = app.review.findings.iter().find(|state| state.key == key) else { return };
    let finding = &state.finding;
    let style = theme.of_severity(finding.severity);
    let word = finding.severity.word();
    prose.with_right("", style, &finding.title, theme.heading(), word, style);
    prose.add(&format!("{} · from {}", finding.check_id, state.sources.join(", ")), theme.quiet());
    item::meaning(app, theme, &finding.check_id, prose);
    prose.gap();
    prose.verbatim(&finding.detail, |_| Style::new());
    if let Some(remediation) = &finding.remediation {
        prose.gap();
        let ours = finding.check_id.starts_with("portcullis.");
        let lead = if ours { "Advice: " } else { "OpenClaw advises: " };
        prose.lead(lead, theme.quiet(), remediation, Style::new());
    }
    item::bears_on(app, theme, &finding.check_id, prose);
    if finding.suppressed {
        let text = "The config hides this from the audit's summary, without owner or end. Hidden is not resolved.";
        prose.lead("! ", theme.waiting(), text, theme.waiting());
    }
    if let Some(because) = &state.by_design {
        prose.gap();
        prose.lead("By design: ", theme.key(), because, Style::new());
    }
    prose.gap();
    match &state.settled {
        Settled::Informs => prose.add("It informs; nothing has to be settled.", theme.quiet()),
        Settled::Open(why) => {
            if let Some(why) = why {
                prose.lead("! ", theme.waiting(), why, theme.waiting());
            }
            let text = if state.is_final() {
                "Fix it and run the check again; a critical is not accepted."
            } else {
                "Fix it and run the check again, or a accepts it."
            };
            prose.add(text, theme.quiet());
        }
        Settled::Accepted(residual) => {
            let who = format!("Accepted by {} until {}: ", residual.owner, residual.expires);
            prose.lead(&who, theme.of_verdict(Verdict::Accepted), &residual.reason, Style::new());
        }
    }
}

fn shape(app: &App, theme: Theme, shape: Shape, width: usize, prose: &mut Prose) {
    if app.as_diff {
        prose.add("What it changes in the live config (secrets left out)", theme.heading());
        let text = match app.fitted(shape) {
            Some(fitted) => patch::difference(fitted.before(), &fitted.applied()),
            None => patch::diff(None, &patch::value(app.template(shape), None)),
        };
        return diff(theme, &text, prose);
    }
    let columns = width.min(patch::COLUMNS);
    let text = app.shape_texts(shape, columns).join("\n");
    prose.verbatim(&text, |line| {
        if line.trim_start().starts_with("//") { theme.quiet() } else { Style::new() }
    });
    prose.gap();
    asked(app, theme, shape, prose);
    if shape == Shape::Rollback {
        let fitted = app.fitted(shape).zip(app.live.config());
        let open = fitted.map(|(fitted, live)| fitted.leaves_open(live));
        for what in open.unwrap_or_default() {
            let text = format!("It leaves open: {what}");
            prose.lead("! ", theme.wrong(), &text, theme.wrong());
        }
    }
}

/// Lists what the runbook asks for, key by key, and what has become of it.
fn asked(app: &App, theme: Theme, shape: Shape, prose: &mut Prose) {
    let Some(fitted) = app.fitted(shape) else { return };
    let after = fitted.applied();
    let template = app.template(shape);
    prose.add("What the runbook asks for", theme.heading());
    for key in &template.keys {
        let pointer = format!("/{}", key.path.replace('.', "/"));
        let wanted = serde_json::to_value(&key.value).ok();
        let (before, after) = (fitted.before().pointer(&pointer), after.pointer(&pointer));
        let parts: Vec<&str> = key.path.split('.').collect();
        let absent = match parts.as_slice() {
            ["channels", channel, ..] => {
                fitted.before().pointer(&format!("/channels/{channel}")).is_none()
            }
            _ => false,
        };
        let (style, word) = match wanted.as_ref() {
            _ if absent => (theme.quiet(), "no such channel here"),
            wanted if before == wanted => (theme.good(), "holds already"),
            wanted if after == wanted => (theme.key(), "written above"),
            _ if after != before => (theme.key(), "closed above in another way"),
            _ => (theme.quiet(), "left as it is"),
        };
        prose.with_right("", style, &key.path, Style::new(), word, style);
        prose.lead("  ", theme.quiet(), &key.says, theme.quiet());
    }
}

/// Says what is open in the live config, and how it is closed.
fn open_now(app: &App, theme: Theme, prose: &mut Prose) {
    match app.open_now() {
        None => prose.add("What is open cannot be told: the config cannot be read.", theme.wrong()),
        Some(open) if open.is_empty() => {
            prose.add("Nothing that a config decides is open.", theme.good());
        }
        Some(open) => {
            prose.lead("Open now: ", theme.wrong(), &open.join(" · "), theme.wrong());
            prose.add(
                "A closes it through OpenClaw's own writer, after a backup; enter writes the patch.",
                theme.heading(),
            );
        }
    }
    prose.gap();
}

/// Shows the rehearsal, or how to have one.
fn rehearsal(app: &App, theme: Theme, prose: &mut Prose) {
    let Some(check) = change::rehearsal_check(&app.runbook) else { return };
    if !running(app, theme, check, prose) {
        match app.answers.runs.get(check) {
            Some(run) => ran(app, theme, run, prose),
            None => prose.lead(
                "! ",
                theme.waiting(),
                "Not rehearsed. r walks it on a throw-away copy, with the real OpenClaw.",
                theme.waiting(),
            ),
        }
    }
    prose.gap();
}

/// Shows a difference between two configs.
pub(super) fn diff(theme: Theme, text: &str, prose: &mut Prose) {
    for line in text.lines() {
        let (sign, body) = line.split_at_checked(2).unwrap_or((line, ""));
        let style = match sign.trim() {
            "+" => theme.good(),
            "-" => theme.wrong(),
            _ => Style::new(),
        };
        prose.lead(sign, style, body, style);
    }
}

fn blocker(app: &App, theme: Theme, index: usize, prose: &mut Prose) {
    let Some(blocker) = app.review.blockers.get(index) else { return };
    prose.add(&blocker.line(&app.runbook, &app.review), theme.heading());
    let (step, _) = page::home(app, blocker);
    let text = format!("enter goes there: {}", step.title(&app.runbook));
    prose.add(&text, theme.quiet());
}

/// The page a reviewer could read aloud.
fn sign(app: &App, theme: Theme, prose: &mut Prose) {
    if let Some(sealed) = &app.sealed {
        prose.lead("Sealed in ", theme.good(), &sealed.folder, Style::new());
        prose.lead("sha256 ", theme.quiet(), &sealed.sha256, Style::new());
        match &sealed.key {
            Some(key) => prose.lead("Signed with ", theme.good(), key, Style::new()),
            None => prose.add("UNSIGNED: no key vouches for it.", theme.waiting()),
        }
        prose.gap();
    }
    let target = &app.target;
    prose.lead("Who      ", theme.quiet(), &app.operator, Style::new());
    let user = match target.user.as_str() {
        "" => String::new(),
        user => format!(", user {user}"),
    };
    let gateway = format!("{} on {}{user}", target.config, target.host);
    prose.lead("Gateway  ", theme.quiet(), &gateway, Style::new());
    let pattern = app.answers.choice.as_ref().map_or_else(
        || "none chosen".to_owned(),
        |choice| {
            let pattern = app.runbook.pattern(&choice.pattern);
            let title = pattern.map_or(choice.pattern.as_str(), |pattern| &pattern.title);
            format!("{title}, because: {}", choice.reason)
        },
    );
    prose.lead("Pattern  ", theme.quiet(), &pattern, Style::new());
    if let Some(facts) = app.live.facts() {
        for (question, sentence) in
            exposure::QUESTIONS.iter().zip(exposure::sentences(facts, &app.review.beyond))
        {
            prose.lead(&format!("{question:<9}"), theme.quiet(), &sentence, Style::new());
        }
    }
    for (_, applied) in &app.answers.applied {
        let undone = match app.pending(applied) {
            _ if app.is_undone(applied) => ", undone since".to_owned(),
            None if !applied.done.met => format!(", {}", applied.done.said()),
            Some(at) => format!(", undone by itself at {} unless kept", at.format("%H:%M:%S")),
            None => String::new(),
        };
        let said =
            format!("{} at {}{undone}", applied.planned.says, applied.done.at.format("%H:%M"));
        prose.lead("Changed  ", theme.quiet(), &said, Style::new());
    }
    let planned = count(app.answers.plan.len(), "move");
    let changed = match (app.answers.applied.len(), app.answers.plan.len()) {
        (0, 0) => Some("nothing was changed through this program".to_owned()),
        (_, 0) => None,
        _ => Some(format!("{planned} planned and not applied by this program")),
    };
    if let Some(changed) = changed {
        prose.lead("Changed  ", theme.quiet(), &changed, Style::new());
    }
    proved(app, theme, prose);
    for residual in app.answers.residuals.values() {
        let text = format!(
            "{}: {} — {} until {}",
            residual.subject, residual.reason, residual.owner, residual.expires
        );
        prose.lead("Accepted ", theme.quiet(), &text, Style::new());
    }
    for demand in app.demanded() {
        let text = format!("{demand}; who is missing countersigns");
        prose.lead("Policy   ", theme.quiet(), &text, Style::new());
    }
    for other in &app.others {
        prose.lead("Others   ", theme.waiting(), other, Style::new());
    }
    let back = format!("rollback.json5 beside the record; {}", app.review.rehearsed.said());
    prose.lead("Way back ", theme.quiet(), &back, Style::new());
}

fn proved(app: &App, theme: Theme, prose: &mut Prose) {
    let pattern = app.answers.choice.as_ref().map(|choice| choice.pattern.as_str());
    let verdicts: Vec<Verdict> = app
        .review
        .required(&app.runbook, pattern)
        .map(|item| app.review.verdict(&item.id))
        .collect();
    let counts = Verdict::ALL.into_iter().filter_map(|verdict| {
        let of = verdicts.iter().filter(|v| **v == verdict).count();
        (of > 0).then(|| format!("{of} {}", verdict.word()))
    });
    let counts = counts.collect::<Vec<_>>().join(", ");
    prose.lead("Items    ", theme.quiet(), &counts, Style::new());
}
