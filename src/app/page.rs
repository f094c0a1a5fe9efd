//! The steps, and what each one lists: the rows that a cursor can stand on.

use crate::app::App;
use crate::change::Blocker;
use crate::change::Settled;
use crate::runbook::Need;
use crate::runbook::Runbook;
use crate::verdict::Verdict;

/// A step of the wizard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// Choosing the exposure pattern.
    Pattern,
    /// Recording what is there.
    Inventory,
    /// Running the checks.
    Checks,
    /// The baseline and the rollback.
    Templates,
    /// One of the runbook's sections.
    Section(usize),
    /// The plan of moves.
    Change,
    /// Validation after a change.
    Validation,
    /// The review checklist.
    Checklist,
    /// Signing.
    SignOff,
    /// The way back, reached from anywhere.
    Rollback,
}

/// One of the two config shapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// The minimum safe baseline.
    Baseline,
    /// The rollback.
    Rollback,
}

/// Something a cursor can stand on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// A pattern, by its place.
    Pattern(usize),
    /// An item, by its id.
    Item(String),
    /// A note, by its id.
    Note(String),
    /// An entry of the inventory, by its place.
    Entry(usize),
    /// A check, by its place.
    Check(usize),
    /// A finding, by its key.
    Finding(String),
    /// A config shape.
    Shape(Shape),
    /// A move that was applied, by its place.
    Applied(usize),
    /// A widening move of the runbook, by its place.
    Offer(usize),
    /// A move of the plan, by its place.
    Move(usize),
    /// A blocker, by its place.
    Blocker(usize),
    /// Signing itself.
    Sign,
}

impl Step {
    /// Returns the steps of a runbook, in order.
    #[must_use]
    pub fn all(runbook: &Runbook) -> Vec<Self> {
        let before = [Self::Pattern, Self::Inventory, Self::Checks, Self::Templates];
        let after = [Self::Change, Self::Validation, Self::Checklist, Self::SignOff];
        let sections = (0..runbook.sections.len()).map(Self::Section);
        before.into_iter().chain(sections).chain(after).collect()
    }

    /// Returns the step's name.
    #[must_use]
    pub fn title(self, runbook: &Runbook) -> &str {
        match self {
            Self::Pattern => "Exposure pattern",
            Self::Inventory => "Pre-flight inventory",
            Self::Checks => "Baseline checks",
            Self::Templates => "Baseline and rollback",
            Self::Section(index) => {
                runbook.sections.get(index).map_or("Section", |section| &section.title)
            }
            Self::Change => "The change",
            Self::Validation => "Validate after",
            Self::Checklist => "Review checklist",
            Self::SignOff => "Sign off",
            Self::Rollback => "Rollback",
        }
    }

    /// Returns the step's name where there is little room.
    #[must_use]
    pub fn short_title(self, runbook: &Runbook) -> &str {
        match self {
            Self::Pattern => "Pattern",
            Self::Inventory => "Inventory",
            Self::Checks => "Checks",
            Self::Templates => "Baseline/rollback",
            Self::Checklist => "Checklist",
            Self::Section(_) | Self::Change | Self::Validation | Self::SignOff | Self::Rollback => {
                self.title(runbook)
            }
        }
    }

    /// Returns the word by which notes name the step.
    #[must_use]
    pub fn note_name(self, runbook: &Runbook) -> &str {
        match self {
            Self::Pattern => "pattern",
            Self::Inventory => "inventory",
            Self::Checks => "checks",
            Self::Templates | Self::Rollback => "templates",
            Self::Section(index) => runbook.sections.get(index).map_or("", |section| &section.id),
            Self::Change => "change",
            Self::Validation => "validation",
            Self::Checklist => "checklist",
            Self::SignOff => "sign-off",
        }
    }
}

/// How much of a step is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Nothing is left.
    Done,
    /// It does not concern this gateway.
    Outside,
    /// So many of so many.
    Part(usize, usize),
    /// All is answered, but so many findings wait.
    Waiting(usize),
    /// There is nothing to count.
    Idle,
}

/// Returns the rows of a step, notes that must be acknowledged first, other notes last.
#[must_use]
pub fn rows(app: &App, step: Step) -> Vec<Row> {
    let name = step.note_name(&app.runbook);
    let here = |ask| {
        let notes = app.runbook.notes_at(name).filter(move |note| note.acknowledge == ask);
        let shown = notes.filter(|note| !app.review.outside.contains_key(&note.id));
        shown.map(|note| Row::Note(note.id.clone()))
    };
    let mut rows: Vec<Row> = here(true).collect();
    rows.extend(own_rows(app, step));
    if step != Step::Rollback {
        rows.extend(here(false));
    }
    rows
}

fn own_rows(app: &App, step: Step) -> Vec<Row> {
    let runbook = &app.runbook;
    let items = |items: &[crate::runbook::Item]| -> Vec<Row> {
        items.iter().map(|item| Row::Item(item.id.clone())).collect()
    };
    match step {
        Step::Pattern => pattern_rows(app),
        Step::Inventory => (0..runbook.inventory.len()).map(Row::Entry).collect(),
        Step::Checks => {
            let findings = app.review.findings.iter().map(|state| Row::Finding(state.key.clone()));
            let listed = |index: &usize| {
                runbook.checks.get(*index).is_some_and(|check| check.need != Need::Proof)
            };
            let checks = (0..runbook.checks.len()).filter(listed).map(Row::Check);
            checks.chain(findings).collect()
        }
        Step::Templates => vec![Row::Shape(Shape::Baseline), Row::Shape(Shape::Rollback)],
        Step::Section(index) => {
            runbook.sections.get(index).map_or_else(Vec::new, |section| items(&section.items))
        }
        Step::Change => {
            let planned = |index: &usize| {
                let one = runbook.moves.get(*index);
                let id = one.map_or("", |one| one.id.as_str());
                app.answers.plan.iter().any(|(planned, _)| planned == id)
            };
            let applied = (0..app.answers.applied.len()).map(Row::Applied);
            let plan = (0..app.answers.plan.len()).map(Row::Move);
            let offers = app.offers().into_iter().filter(|index| !planned(index));
            applied.chain(plan).chain(offers.map(Row::Offer)).collect()
        }
        Step::Validation => items(&runbook.validation),
        Step::Checklist => items(&runbook.checklist),
        Step::SignOff => {
            let blockers = (0..app.review.blockers.len()).map(Row::Blocker);
            [Row::Sign].into_iter().chain(blockers).collect()
        }
        Step::Rollback => {
            let mut rows = vec![Row::Shape(Shape::Rollback)];
            rows.extend(items(&runbook.rollback.follow_ups));
            rows.push(Row::Sign);
            rows
        }
    }
}

/// Lists the patterns; the controls of the chosen one stand below it.
fn pattern_rows(app: &App) -> Vec<Row> {
    let mut rows = Vec::new();
    for (index, pattern) in app.runbook.patterns.iter().enumerate() {
        rows.push(Row::Pattern(index));
        let chosen = app.answers.choice.as_ref().is_some_and(|c| c.pattern == pattern.id);
        if chosen {
            rows.extend(pattern.controls.iter().map(|item| Row::Item(item.id.clone())));
        }
    }
    rows
}

/// Returns how much of a step is done.
#[must_use]
pub fn progress(app: &App, step: Step) -> Progress {
    let runbook = &app.runbook;
    let settled = |ids: &mut dyn Iterator<Item = &String>| {
        let verdicts: Vec<Verdict> = ids.map(|id| app.review.verdict(id)).collect();
        let done = verdicts.iter().filter(|verdict| verdict.is_settled()).count();
        part(done, verdicts.len())
    };
    match step {
        Step::Pattern => {
            let choice = app.answers.choice.as_ref();
            let chosen = choice.and_then(|choice| runbook.pattern(&choice.pattern));
            let Some(pattern) = chosen else { return Progress::Part(0, 1) };
            settled(&mut pattern.controls.iter().map(|item| &item.id))
        }
        Step::Inventory => {
            let known = |id| app.answers.inventory.contains_key(id);
            let done = runbook.inventory.iter().filter(|entry| known(&entry.id)).count();
            part(done, runbook.inventory.len())
        }
        Step::Checks => checks_progress(app),
        Step::Templates | Step::Rollback => Progress::Idle,
        Step::Section(index) => {
            let Some(section) = runbook.sections.get(index) else { return Progress::Done };
            if app.review.outside.contains_key(&section.id) {
                return Progress::Outside;
            }
            settled(&mut section.items.iter().map(|item| &item.id))
        }
        Step::Change => match (app.answers.applied.len(), app.answers.plan.len()) {
            (_, 0) => Progress::Idle,
            (applied, planned) => Progress::Part(applied, applied + planned),
        },
        Step::Validation => settled(&mut runbook.validation.iter().map(|item| &item.id)),
        Step::Checklist => settled(&mut runbook.checklist.iter().map(|item| &item.id)),
        Step::SignOff => match app.sealed {
            Some(_) => Progress::Idle,
            None => Progress::Waiting(app.review.blockers.len()),
        },
    }
}

fn checks_progress(app: &App) -> Progress {
    let blocked = |blocker: &&Blocker| matches!(blocker, Blocker::Check(_));
    let missing = app.review.blockers.iter().filter(blocked).count();
    let needed = app.runbook.checks.iter();
    let needed = needed.filter(|check| check.need == Need::Required).count();
    if missing > 0 {
        return Progress::Part(needed.saturating_sub(missing), needed);
    }
    let open = |state: &&crate::change::FindingState| matches!(state.settled, Settled::Open(_));
    match app.review.findings.iter().filter(open).count() {
        0 => Progress::Done,
        waiting => Progress::Waiting(waiting),
    }
}

fn part(done: usize, all: usize) -> Progress {
    if done == all { Progress::Done } else { Progress::Part(done, all) }
}

/// Returns the step and the row where a blocker is dealt with.
#[must_use]
pub fn home(app: &App, blocker: &Blocker) -> (Step, Option<Row>) {
    let runbook = &app.runbook;
    match blocker {
        Blocker::NoPattern => (Step::Pattern, Some(Row::Pattern(0))),
        Blocker::Config => (Step::Inventory, None),
        Blocker::Rehearsal => (Step::Templates, Some(Row::Shape(Shape::Rollback))),
        Blocker::StillOpen(_) => (Step::Rollback, Some(Row::Shape(Shape::Rollback))),
        Blocker::Note(id) => {
            let step = Step::all(runbook).into_iter().find(|step| {
                let name = step.note_name(runbook);
                runbook.notes_at(name).any(|note| note.id == *id)
            });
            (step.unwrap_or(Step::Inventory), Some(Row::Note(id.clone())))
        }
        Blocker::Entry(id) => {
            let place = runbook.inventory.iter().position(|entry| entry.id == *id);
            (Step::Inventory, place.map(Row::Entry))
        }
        Blocker::Check(id) => {
            let place = runbook.checks.iter().position(|check| check.id == *id);
            (Step::Checks, place.map(Row::Check))
        }
        Blocker::Finding(key, _) => (Step::Checks, Some(Row::Finding(key.clone()))),
        Blocker::Item(id, _) => (item_step(runbook, id), Some(Row::Item(id.clone()))),
    }
}

/// Returns the step an item stands at.
#[must_use]
pub fn item_step(runbook: &Runbook, id: &str) -> Step {
    let holds = |items: &[crate::runbook::Item]| items.iter().any(|item| item.id == id);
    if let Some(index) = runbook.sections.iter().position(|section| holds(&section.items)) {
        Step::Section(index)
    } else if holds(&runbook.validation) {
        Step::Validation
    } else if holds(&runbook.checklist) {
        Step::Checklist
    } else if holds(&runbook.rollback.follow_ups) {
        Step::Rollback
    } else {
        Step::Pattern
    }
}

/// Returns the title of a row and the words by which a search finds it.
#[must_use]
pub fn text(app: &App, row: &Row) -> (String, String) {
    let runbook = &app.runbook;
    let pair = |title: &str, text: &[&str]| (title.to_owned(), text.join(" "));
    let nothing = || pair("", &[]);
    match row {
        Row::Pattern(index) => runbook.patterns.get(*index).map_or_else(nothing, |pattern| {
            pair(&pattern.title, &[&pattern.id, &pattern.recommended])
        }),
        Row::Item(id) => runbook.item(id).map_or_else(nothing, |item| {
            let judged = app.review.items.get(id);
            let facts = judged.into_iter().flat_map(|judged| &judged.evidence);
            let facts: Vec<String> = facts.map(|e| format!("{} {}", e.about, e.says)).collect();
            let findings = item.findings.join(" ");
            let word = app.review.verdict(id).word();
            pair(&item.statement, &[id, &item.why, &findings, word, &facts.join(" ")])
        }),
        Row::Note(id) => {
            let note = runbook.notes.iter().find(|note| note.id == *id);
            note.map_or_else(nothing, |note| pair(&note.text, &[id]))
        }
        Row::Entry(index) => runbook.inventory.get(*index).map_or_else(nothing, |entry| {
            let found = crate::openclaw::patch::found(entry, app.live.facts());
            pair(&entry.title, &[&entry.id, &entry.statement, &found])
        }),
        Row::Check(index) => runbook
            .checks
            .get(*index)
            .map_or_else(nothing, |check| pair(&check.statement, &[&check.id, &check.why])),
        Row::Finding(key) => {
            let state = app.review.findings.iter().find(|state| state.key == *key);
            state.map_or_else(nothing, |state| {
                let finding = &state.finding;
                let title = format!("{}: {}", finding.check_id, finding.title);
                pair(&title, &[&finding.detail, finding.severity.word()])
            })
        }
        Row::Shape(Shape::Baseline) => pair("Minimum safe baseline", &["patch config"]),
        Row::Shape(Shape::Rollback) => pair("Rollback", &["patch config"]),
        Row::Applied(index) => app
            .answers
            .applied
            .get(*index)
            .map_or_else(nothing, |(item, applied)| pair(&applied.planned.says, &[item])),
        Row::Offer(index) => runbook
            .moves
            .get(*index)
            .map_or_else(nothing, |one| pair(&one.title(), &[&one.id, &one.why])),
        Row::Move(index) => app
            .answers
            .plan
            .get(*index)
            .map_or_else(nothing, |(item, planned)| pair(&planned.says, &[item])),
        Row::Blocker(_) | Row::Sign => nothing(),
    }
}
