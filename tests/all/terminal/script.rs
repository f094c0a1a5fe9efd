//! The walk through the whole runbook, as an operator does it: by reading the screen.
//!
//! It knows no verdict and no row beforehand. What the footer offers for the row under the cursor
//! is done: confirm where a word counts, plan the first fix, accept what is left.

use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use crate::terminal::harness::Terminal;

/// The words that stand at the right end of a statement's first line.
const VERDICTS: [&str; 7] =
    ["not met", "met", "confirmed", "open", "unmeasured", "accepted", "not applicable"];

/// The marks of what is not settled.
const WAITING: [char; 4] = ['✗', '?', '◌', '!'];

/// How many rows a list may have before the walk says that it goes in circles.
const MANY: usize = 200;

/// What is walked with.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// The pattern to choose.
    pub(crate) pattern: &'static str,
    /// Why.
    pub(crate) reason: &'static str,
    /// Who accepts what is left.
    pub(crate) owner: &'static str,
    /// Who signs.
    pub(crate) name: &'static str,
    /// Where the rollback is written to.
    pub(crate) rollback: PathBuf,
    /// How long the checks may take.
    pub(crate) checks_within: Duration,
}

impl Plan {
    /// Walks the narrowest pattern.
    pub(crate) fn new(folder: &Path, checks_within: Duration) -> Self {
        Self {
            pattern: "Loopback and an SSH tunnel",
            reason: "the owner administers it from her laptop",
            owner: "Rosalind Achterberg",
            name: "Rosalind Achterberg",
            rollback: folder.join("way-back.json5"),
            checks_within,
        }
    }
}

/// All text that was on the screen, with its line breaks taken out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen(BTreeSet<String>);

impl Seen {
    /// Tells whether a phrase has been on the screen.
    pub(crate) fn holds(&self, phrase: &str) -> bool {
        self.0.iter().any(|text| text.contains(phrase))
    }

    fn add(&mut self, lines: &[String]) {
        self.0.insert(unwrapped(lines, |line| line));
        self.0.insert(unwrapped(lines, without_verdict));
    }
}

/// Joins the lines of a pane by single spaces, without the slashes of comments.
fn unwrapped<'a>(lines: &'a [String], line: impl Fn(&'a str) -> &'a str) -> String {
    let words = lines.iter().flat_map(|text| {
        let text = line(text.trim());
        text.strip_prefix("//").unwrap_or(text).split_whitespace()
    });
    words.collect::<Vec<_>>().join(" ")
}

fn without_verdict(line: &str) -> &str {
    let cut = VERDICTS.iter().find_map(|verdict| line.strip_suffix(&format!(" {verdict}")));
    cut.map_or(line, str::trim_end)
}

/// What stands on the screen while nothing lies over it.
struct Panes {
    /// The whole step, without its frame.
    step: Vec<String>,
    /// The list; empty where the step has no row.
    list: Vec<String>,
    /// The row of the list under the cursor.
    row: Option<usize>,
    /// What is under the cursor, as far as it is shown.
    detail: Vec<String>,
    footer: String,
}

impl Panes {
    /// Reads a screen on which list and detail stand side by side.
    fn of(terminal: &Terminal) -> Self {
        let (columns, rows) = terminal.extent();
        assert!(columns >= 150, "the walk reads list and detail side by side");
        let left = terminal.screen().lines().nth(1).map_or(0, |line| {
            let frames = line.chars().enumerate().filter(|(_, c)| *c == '╭');
            frames.last().map_or(0, |(at, _)| at + 1)
        });
        let left = u16::try_from(left).expect("a column");
        let step: Vec<String> = terminal.columns(left, columns - 1);
        let step = step[2..usize::from(rows) - 2].to_vec();
        let footer = terminal.columns(0, columns).pop().unwrap_or_default();
        let cursor = (2..rows - 2).find_map(|row| Some((row, terminal.reversed(row)?)));
        let Some((row, (from, to))) = cursor else {
            return Self { step, list: Vec::new(), row: None, detail: Vec::new(), footer };
        };
        let within = |from, to| terminal.columns(from, to)[2..usize::from(rows) - 2].to_vec();
        Self {
            step,
            list: within(from, to + 1),
            row: Some(usize::from(row) - 2),
            detail: within(to + 2, columns - 1),
            footer,
        }
    }

    /// Returns the row under the cursor.
    fn current(&self) -> &str {
        self.row.and_then(|row| self.list.get(row)).map_or("", |row| row.trim())
    }

    fn offers(&self, hint: &str) -> bool {
        self.footer.contains(&format!(" {hint} "))
    }

    fn has_more(&self) -> bool {
        self.detail.iter().any(|line| line.contains('↓') && line.ends_with(" more"))
    }

    fn add_to(&self, seen: &mut Seen) {
        seen.add(&self.step);
        seen.add(&self.list);
        seen.add(&self.detail);
    }
}

/// Walks the whole runbook, seals, leaves, and returns all that was seen.
///
/// The terminal must be wide enough for list and detail side by side.
pub(crate) fn walk(terminal: &mut Terminal, plan: &Plan) -> Seen {
    let mut walk = Walk { terminal, plan, seen: Seen::default(), planned: false };
    walk.choose_the_pattern();
    for step in ["2", "3", "4", "5", "6", "7", "9", "0", "8"] {
        walk.settle_the_step(step);
        if step == "3" {
            walk.run_the_checks();
            walk.settle_the_step(step);
        }
    }
    walk.look_at_the_overlays();
    walk.roll_back();
    walk.seal();
    walk.seen
}

struct Walk<'a> {
    terminal: &'a mut Terminal,
    plan: &'a Plan,
    seen: Seen,
    /// Whether a fix is in the plan.
    planned: bool,
}

impl Walk<'_> {
    fn choose_the_pattern(&mut self) {
        self.terminal.see("Portcullis");
        self.terminal.press("1 g");
        self.each_row(|walk, panes| {
            if panes.current().starts_with(walk.plan.pattern) {
                walk.terminal.press("enter");
                walk.terminal.see("what needs this?");
                walk.terminal.press("enter");
                walk.terminal.see("a pattern needs a reason");
                walk.terminal.type_text(walk.plan.reason);
                walk.terminal.press("enter");
                walk.terminal.see("chosen");
                walk.terminal.see(&format!("Because: {}", walk.plan.reason));
            }
        });
        // The controls of the chosen pattern are rows now.
        self.settle_the_step("1");
    }

    fn settle_the_step(&mut self, step: &str) {
        self.terminal.press(step);
        self.terminal.press("g");
        self.each_row(Self::settle_the_row);
    }

    /// Goes down the list and reads each row to the end of its detail.
    fn each_row(&mut self, mut act: impl FnMut(&mut Self, &Panes)) {
        for _ in 0..MANY {
            let panes = self.read_the_row();
            act(self, &panes);
            let before = Panes::of(self.terminal);
            before.add_to(&mut self.seen);
            self.terminal.press("j");
            let after = Panes::of(self.terminal);
            if (after.row, &after.list) == (before.row, &before.list) {
                return;
            }
        }
        panic!("the list has no end:\n{}", self.terminal.screen());
    }

    fn read_the_row(&mut self) -> Panes {
        let first = Panes::of(self.terminal);
        first.add_to(&mut self.seen);
        let mut panes = Panes::of(self.terminal);
        while panes.has_more() {
            self.terminal.press("pgdn");
            panes = Panes::of(self.terminal);
            panes.add_to(&mut self.seen);
        }
        first
    }

    /// Does what the footer offers for the row under the cursor, and reads what came of it.
    fn settle_the_row(&mut self, panes: &Panes) {
        let row = panes.current();
        if panes.offers("space acknowledge") && row.ends_with("to acknowledge") {
            self.terminal.press("space");
            self.come_back_to(row);
            self.expect("acknowledged");
        } else if panes.offers("enter confirm") && row.ends_with("to confirm") {
            self.confirm_the_entry(row);
        } else if panes.offers("space confirm") {
            self.terminal.press("space");
            self.come_back_to(row);
            self.expect("confirmed");
        } else if panes.offers("f fix") && !self.planned {
            self.terminal.press("f");
            self.terminal.see("Put into the plan of moves");
            self.expect("fix planned");
            self.planned = true;
        } else if panes.offers("d diff") && panes.offers("f take out") {
            self.terminal.press("d");
            self.read_the_row();
            self.terminal.press("d");
        } else if panes.offers("d diff") {
            self.look_at_the_shape(row.contains("Rollback"));
        } else if panes.offers("a accept") && row.starts_with(WAITING) {
            self.accept();
        } else {
            return;
        }
        self.read_the_row();
    }

    /// Goes back up to a row: the cursor moves on by itself to the next one that waits.
    fn come_back_to(&mut self, row: &str) {
        let name = |row: &str| row.chars().skip(2).take(24).collect::<String>();
        for _ in 0..MANY {
            if name(Panes::of(self.terminal).current()) == name(row) {
                return;
            }
            self.terminal.press("k");
        }
        panic!("`{row}` is gone:\n{}", self.terminal.screen());
    }

    fn confirm_the_entry(&mut self, row: &str) {
        self.terminal.press("enter");
        if self.terminal.screen().contains("esc leaves, text is kept") {
            self.terminal.type_text("none that is known");
            self.terminal.press("enter");
            self.expect("written by you");
        } else {
            self.come_back_to(row);
            self.expect("confirmed");
        }
    }

    fn accept(&mut self) {
        self.terminal.press("a");
        self.terminal.see("Accept and put on record");
        self.terminal.press("ctrl-u");
        self.terminal.type_text("known, and watched until then");
        self.terminal.press("tab ctrl-u");
        self.terminal.type_text(self.plan.owner);
        self.terminal.press("tab ctrl-u");
        self.terminal.type_text("30");
        self.terminal.press("enter");
        self.terminal.see_no("Accept and put on record");
        let panes = Panes::of(self.terminal);
        let row = panes.current();
        assert!(row.starts_with(['●', '◌']), "{row}");
    }

    fn look_at_the_shape(&mut self, is_rollback: bool) {
        self.terminal.press("d");
        self.terminal.see("What it changes in the live config");
        self.read_the_row();
        self.terminal.press("d");
        self.terminal.see_no("What it changes in the live config");
        if is_rollback && !self.plan.rollback.exists() {
            let path = self.plan.rollback.display().to_string();
            for outcome in ["Written to", "File exists"] {
                self.terminal.press("w");
                self.terminal.see("Write the rollback");
                self.terminal.press("ctrl-u");
                self.terminal.type_text(&path);
                self.terminal.press("enter");
                self.terminal.see(outcome);
            }
        }
    }

    fn run_the_checks(&mut self) {
        self.terminal.press("g");
        for _ in 0..MANY {
            if Panes::of(self.terminal).offers("enter run the checks") {
                break;
            }
            self.terminal.press("j");
        }
        self.terminal.press("enter");
        self.terminal.see("What they may write all the same");
        self.seen.add(&self.terminal.screen().lines().map(str::to_owned).collect::<Vec<_>>());
        self.terminal.press("enter");
        self.terminal.until_within(self.plan.checks_within, "the end of the checks", |screen| {
            ["running", "waiting", "not run"].iter().all(|word| !screen.contains(word))
        });
        self.terminal.press("g");
        self.terminal.press("enter");
        self.terminal.see("sha256");
        self.terminal.press("esc");
    }

    fn look_at_the_overlays(&mut self) {
        self.terminal.press("b");
        self.terminal.see("enter goes there");
        self.terminal.press("esc /");
        self.terminal.see("Words of an item");
        self.terminal.type_text("sandbox");
        self.terminal.see("Tools and sandbox:");
        self.terminal.press("enter");
        self.terminal.see_no("esc closes");
        self.terminal.press("?");
        self.terminal.see("What the marks mean");
        self.terminal.press("esc");
        self.terminal.see_no("What the marks mean");
    }

    fn roll_back(&mut self) {
        let before = Panes::of(self.terminal).step;
        self.terminal.press("R");
        self.terminal.see("esc back");
        self.terminal.press("g");
        self.each_row(Self::settle_the_row);
        self.terminal.press("esc");
        let after = Panes::of(self.terminal).step;
        assert_eq!(before.first(), after.first(), "esc goes back to where R was pressed");
    }

    fn seal(&mut self) {
        self.terminal.press("-");
        self.terminal.press("g");
        self.each_row(|_, _| {});
        self.terminal.press("g");
        for _ in 0..MANY {
            if Panes::of(self.terminal).offers("enter sign off") {
                break;
            }
            self.terminal.press("j");
        }
        self.terminal.press("enter");
        self.terminal.see("type `sign`");
        self.terminal.press("ctrl-u");
        self.terminal.type_text(self.plan.name);
        self.terminal.press("tab enter");
        self.terminal.see("type the word `sign` to seal");
        self.terminal.type_text("sign");
        self.terminal.press("enter");
        self.terminal.see("Sign the record");
        self.terminal.see("leave it UNSIGNED");
        self.terminal.press("G enter");
        self.terminal.see("To check it without this program");
        self.terminal.press("enter");
        self.terminal.see("Sealed in");
        self.read_the_row();
        self.terminal.press("q");
    }

    /// Checks what the row under the cursor says now.
    #[track_caller]
    fn expect(&mut self, word: &str) {
        let panes = Panes::of(self.terminal);
        let row = panes.current();
        assert!(row.ends_with(word), "expected `{word}`:\n{}", self.terminal.screen());
    }
}
