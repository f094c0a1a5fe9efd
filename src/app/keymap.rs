//! Every key in one table. What the keys do, the footer and the help are all drawn from it.

use crossterm::event::KeyCode;
use crossterm::event::KeyEvent;
use crossterm::event::KeyModifiers;

use crate::app::App;
use crate::app::page::Row;
use crate::app::page::Shape;
use crate::app::page::Step;

/// What a key means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Moves the cursor up, or the text down.
    Up,
    /// Moves the cursor down, or the text up.
    Down,
    /// Goes to the pane on the left.
    Left,
    /// Goes to the pane on the right.
    Right,
    /// Goes up by a screen.
    PageUp,
    /// Goes down by a screen.
    PageDown,
    /// Goes to the first row.
    Top,
    /// Goes to the last row.
    Bottom,
    /// Goes to the next pane.
    NextPane,
    /// Goes to the pane before.
    PreviousPane,
    /// Goes to the next step.
    NextStep,
    /// Goes to a step, counted from 0.
    Step(usize),
    /// Opens, chooses, or confirms what is under the cursor.
    Open,
    /// Leaves what lies on top.
    Back,
    /// Gives one's word.
    Settle,
    /// Edits a value.
    Edit,
    /// Puts a fix into the plan of moves, or takes it out.
    Fix,
    /// Accepts with reason, owner and expiry.
    Accept,
    /// Opens the cards: how to see it with one's own eyes.
    Cards,
    /// Asks why something is or is not applicable.
    NotApplicable,
    /// Takes the newest answer back.
    Undo,
    /// Runs a check, or runs it again.
    Run,
    /// Stops a check.
    Cancel,
    /// Writes a config shape or a move to a file.
    Write,
    /// Copies it.
    Copy,
    /// Shows the command that applies it.
    Print,
    /// Applies it to the live config.
    Apply,
    /// Switches between text and difference.
    Diff,
    /// Shows what changed on disk.
    Moved,
    /// Lists what blocks signing.
    Blockers,
    /// Lists the sealed records.
    Records,
    /// Looks for something.
    Search,
    /// Drops to the rollback.
    Rollback,
    /// Lists every key.
    Help,
    /// Leaves; everything is saved.
    Quit,
}

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// The keys.
    pub keys: &'static [Press],
    /// How they are written.
    pub label: &'static str,
    /// What they do.
    pub action: Action,
    /// The word in the footer.
    pub hint: &'static str,
    /// The sentence in the help.
    pub help: &'static str,
}

/// A key with its modifiers; shift is part of the character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Press(KeyCode, KeyModifiers);

const fn plain(code: KeyCode) -> Press {
    Press(code, KeyModifiers::NONE)
}

const fn char(c: char) -> Press {
    plain(KeyCode::Char(c))
}

const fn ctrl(c: char) -> Press {
    Press(KeyCode::Char(c), KeyModifiers::CONTROL)
}

macro_rules! bindings {
    ($([$($key:expr),*] $label:literal $action:expr, $hint:literal, $help:literal;)*) => {
        &[$(Binding {
            keys: &[$($key),*],
            label: $label,
            action: $action,
            hint: $hint,
            help: $help,
        },)*]
    };
}

/// Every key that does something while no field takes text.
pub const BINDINGS: &[Binding] = bindings! {
    [plain(KeyCode::Up), char('k')] "↑ k" Action::Up, "up", "up";
    [plain(KeyCode::Down), char('j')] "↓ j" Action::Down, "down", "down";
    [plain(KeyCode::Left), char('h')] "← h" Action::Left, "steps", "to the steps";
    [plain(KeyCode::Right), char('l')] "→ l" Action::Right, "list", "to the list";
    [plain(KeyCode::PageUp)] "PgUp" Action::PageUp, "up", "up a screen; in the detail, too";
    [plain(KeyCode::PageDown)] "PgDn" Action::PageDown, "down", "down a screen; in the detail, too";
    [plain(KeyCode::Home), char('g')] "g" Action::Top, "first", "to the first row";
    [plain(KeyCode::End), char('G')] "G" Action::Bottom, "last", "to the last row";
    [plain(KeyCode::Tab)] "tab" Action::NextPane, "next pane", "to the next pane: steps, list, detail";
    [plain(KeyCode::BackTab)] "shift-tab" Action::PreviousPane, "pane before", "to the pane before";
    [char('>'), char('.')] ">" Action::NextStep, "next step", "to the next step";
    [char('1')] "1" Action::Step(0), "", "to step 1; so do 2 to 9, 0 for 10 and - for 11";
    [char('2')] "2" Action::Step(1), "", "";
    [char('3')] "3" Action::Step(2), "", "";
    [char('4')] "4" Action::Step(3), "", "";
    [char('5')] "5" Action::Step(4), "", "";
    [char('6')] "6" Action::Step(5), "", "";
    [char('7')] "7" Action::Step(6), "", "";
    [char('8')] "8" Action::Step(7), "", "";
    [char('9')] "9" Action::Step(8), "", "";
    [char('0')] "0" Action::Step(9), "", "";
    [char('-')] "-" Action::Step(10), "", "";
    [plain(KeyCode::Enter)] "enter" Action::Open, "open", "choose, confirm, run or open what is under the cursor";
    [plain(KeyCode::Esc)] "esc" Action::Back, "back", "back out; what was typed is kept";
    [char(' ')] "space" Action::Settle, "settle", "confirm with your own word, where a word counts";
    [char('e')] "e" Action::Edit, "edit", "edit the value, or say more than yes";
    [char('f')] "f" Action::Fix, "fix", "put the fix into the plan of moves, or take it out";
    [char('a')] "a" Action::Accept, "accept", "accept with reason, owner and expiry";
    [char('s')] "s" Action::Cards, "see for yourself", "how to see it with your own eyes; run it, paste or write the answer";
    [char('n')] "n" Action::NotApplicable, "why n/a", "ask what makes this applicable or not";
    [char('u')] "u" Action::Undo, "undo", "take the newest answer back";
    [char('r')] "r" Action::Run, "run", "run the check, or all that are not measured";
    [char('x')] "x" Action::Cancel, "stop", "stop the check that runs";
    [char('w')] "w" Action::Write, "write", "write it to a new file";
    [char('c')] "c" Action::Copy, "copy", "copy it to the terminal's clipboard";
    [char('p')] "p" Action::Print, "command", "show the command that applies it";
    [char('A')] "A" Action::Apply, "apply", "apply the rollback, the baseline or a planned move, after a backup";
    [char('d')] "d" Action::Diff, "diff", "switch between the text and what it changes";
    [char('b')] "b" Action::Blockers, "blockers", "list what blocks signing, and go there";
    [char('m')] "m" Action::Moved, "what moved", "show what the config on disk means otherwise than before";
    [char('v')] "v" Action::Records, "records", "view the sealed records, and open one";
    [char('/')] "/" Action::Search, "search", "look for an item, a finding or a fact";
    [char('R')] "R" Action::Rollback, "rollback", "drop to the rollback, from anywhere";
    [char('?')] "?" Action::Help, "help", "show every key";
    [char('q'), ctrl('c')] "q ctrl-c" Action::Quit, "quit", "leave; everything is saved and resumes here";
};

/// Returns what a key means while no field takes text.
#[must_use]
pub fn action(key: KeyEvent) -> Option<Action> {
    let modifiers = key.modifiers - KeyModifiers::SHIFT;
    let press = Press(key.code, modifiers);
    let binding = BINDINGS.iter().find(|binding| binding.keys.contains(&press));
    binding.map(|binding| binding.action)
}

/// Returns the line of the table for an action.
#[must_use]
pub fn binding(action: Action) -> Option<&'static Binding> {
    BINDINGS.iter().find(|binding| binding.action == action)
}

/// Returns the few actions that matter for the row under the cursor, the likeliest first, each
/// with the word for it there.
#[must_use]
pub fn hints(app: &App) -> Vec<(Action, &'static str)> {
    let mut hints = match app.row() {
        None => Vec::new(),
        Some(row) => row_hints(app, &row),
    };
    if app.target.demo || app.other_host().is_some() {
        // There is no OpenClaw here to hand a patch to.
        hints.retain(|(action, _)| *action != Action::Apply);
    }
    if app.other_host().is_some() {
        hints.retain(|(action, _)| *action != Action::Run);
    }
    if app.step == Step::Rollback {
        hints.push((Action::Back, "back"));
    }
    if hints.is_empty() {
        hints.push((Action::NextStep, "next step"));
    }
    hints
}

fn row_hints(app: &App, row: &Row) -> Vec<(Action, &'static str)> {
    match row {
        Row::Pattern(_) => vec![(Action::Open, "choose"), (Action::NextStep, "next step")],
        Row::Item(id) => item_hints(app, id),
        Row::Note(id) => {
            let asks = app.runbook.notes.iter().any(|note| note.id == *id && note.acknowledge);
            let settle = asks.then_some((Action::Settle, "acknowledge"));
            settle.into_iter().chain([(Action::NextStep, "next step")]).collect()
        }
        Row::Entry(_) => vec![(Action::Open, "confirm"), (Action::Edit, "edit")],
        Row::Check(index) => {
            let check = app.runbook.checks.get(*index);
            let id = check.map_or("", |check| check.id.as_str());
            if app.in_flight.contains_key(id) {
                vec![(Action::Cancel, "stop")]
            } else if app.other_host().is_some() {
                let output = app.answers.runs.contains_key(id).then_some((Action::Open, "output"));
                let brought = check.is_some_and(|check| app.errand(check).is_some());
                let line = brought.then_some((Action::Copy, "copy the line"));
                let accept = app.may_accept(row).is_ok().then_some((Action::Accept, "accept"));
                output.into_iter().chain(line).chain(accept).collect()
            } else if app.answers.runs.contains_key(id) {
                let accept = app.may_accept(row).is_ok().then_some((Action::Accept, "accept"));
                let runs = [(Action::Open, "output"), (Action::Run, "retry")];
                runs.into_iter().chain(accept).collect()
            } else {
                vec![(Action::Open, "run the checks"), (Action::Run, "run this one")]
            }
        }
        Row::Finding(_) => {
            let accept = app.may_accept(row).is_ok().then_some((Action::Accept, "accept"));
            [(Action::Fix, "to the fix")]
                .into_iter()
                .chain(accept)
                .chain([(Action::Run, "run again")])
                .collect()
        }
        Row::Shape(shape) => {
            let rehearse = (*shape == Shape::Rollback).then_some((Action::Run, "rehearse"));
            let others = [
                (Action::Write, "write"),
                (Action::Diff, if app.as_diff { "text" } else { "diff" }),
                (Action::Apply, "apply"),
                (Action::Copy, "copy"),
                (Action::Print, "command"),
            ];
            rehearse.into_iter().chain(others).collect()
        }
        Row::Applied(index) => {
            let pending = app.answers.applied.get(*index).and_then(|(_, done)| app.pending(done));
            let keep = pending.map(|_| (Action::Open, "keep it"));
            keep.into_iter().chain([(Action::Print, "undo command")]).collect()
        }
        Row::Offer(_) => vec![(Action::Fix, "plan it")],
        Row::Move(_) => {
            vec![
                (Action::Apply, "apply"),
                (Action::Run, "rehearse"),
                (Action::Write, "write"),
                (Action::Diff, if app.as_diff { "text" } else { "diff" }),
                (Action::Print, "command"),
                (Action::Fix, "take out"),
            ]
        }
        Row::Blocker(_) => vec![(Action::Open, "go there")],
        Row::Sign => vec![(Action::Open, "sign off")],
    }
}

fn item_hints(app: &App, id: &str) -> Vec<(Action, &'static str)> {
    let (Some(item), Some(judged)) = (app.runbook.item(id), app.review.items.get(id)) else {
        return Vec::new();
    };
    let mut hints = Vec::new();
    if app.other_host().is_some() {
        let check = item.run.as_ref().and_then(|run| app.runbook.check(run));
        let brought = check.is_some_and(|check| app.errand(check).is_some());
        hints.extend(brought.then_some((Action::Copy, "copy the line")));
    } else if let Some(run) = &item.run {
        let ran = app.answers.runs.contains_key(run);
        hints.push((Action::Run, if ran { "run again" } else { "run its check" }));
    }
    if crate::verdict::can_confirm(item, judged).is_ok() && !judged.verdict.is_settled() {
        hints.push((Action::Settle, "confirm"));
        hints.push((Action::Edit, "say how"));
    }
    if !item.cards.is_empty() {
        hints.push((Action::Cards, "see"));
    }
    if !judged.verdict.is_settled() {
        if item.fix.is_some() {
            let planned = app.answers.plan.iter().any(|(planned, _)| planned == id);
            hints.push((Action::Fix, if planned { "take out" } else { "fix" }));
        }
        hints.push((Action::Accept, "accept"));
    } else if hints.is_empty() {
        hints.push((Action::NextStep, "next step"));
    }
    hints
}
