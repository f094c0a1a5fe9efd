//! Holds a runbook against what can be known: fact paths, subjects, command names.

use crate::openclaw::command;
use crate::openclaw::fact;
use crate::openclaw::proof;
use crate::openclaw::witness;
use crate::runbook::Applies;
use crate::runbook::Each;
use crate::runbook::Rule;
use crate::runbook::Runbook;
use crate::verdict::sighting;

/// Returns everything in a runbook that leads nowhere, one sentence each.
#[must_use]
pub fn lint(runbook: &Runbook) -> Vec<String> {
    let mut found = Vec::new();
    for check in &runbook.checks {
        if !command::NAMES.contains(&check.command.as_str()) {
            let names = command::NAMES.join(", ");
            found.push(format!(
                "check `{}` runs `{}`, which is no command known here; known are {names}",
                check.id, check.command
            ));
        }
    }
    for entry in &runbook.inventory {
        for path in entry.facts.iter().filter(|path| fact::path(path).is_none()) {
            found.push(format!("inventory entry `{}` reads {}", entry.id, unknown(path)));
        }
    }
    for pattern in &runbook.patterns {
        rules(&pattern.id, pattern.now.as_ref(), &mut found);
    }
    for note in &runbook.notes {
        applies(&note.id, note.applies.as_ref(), &mut found);
    }
    for outside in &runbook.rollback.outside {
        applies(&outside.id, outside.applies.as_ref(), &mut found);
    }
    for section in &runbook.sections {
        applies(&section.id, section.applies.as_ref(), &mut found);
    }
    for one in &runbook.moves {
        rules(&one.id, one.in_place.as_ref(), &mut found);
        for row in one.set.iter().filter(|row| fact::path(&row.path).is_none()) {
            found.push(format!("the move `{}` writes {}", one.id, unknown(&row.path)));
        }
    }
    for item in runbook.items() {
        rules(&item.id, item.rule.as_ref(), &mut found);
        applies(&item.id, item.applies.as_ref(), &mut found);
        for judge in item.cards.iter().filter_map(|card| card.judge.as_ref()) {
            found.extend(sighting::lint(&item.id, judge));
        }
        for row in item.fix.iter().flat_map(|fix| &fix.set) {
            if fact::path(&row.path).is_none() {
                found.push(format!("the fix of `{}` writes {}", item.id, unknown(&row.path)));
            }
        }
    }
    found
}

fn applies(from: &str, applies: Option<&Applies>, found: &mut Vec<String>) {
    rules(from, applies.and_then(|applies| applies.when.as_ref()), found);
}

fn rules(from: &str, rule: Option<&Rule>, found: &mut Vec<String>) {
    let Some(rule) = rule else { return };
    for row in rule.rows() {
        if fact::FAMILIES.iter().any(|family| row.path.starts_with(family)) {
            continue;
        }
        let path = fact::path(&row.path).or_else(|| proof::path(&row.path));
        match path.or_else(|| witness::path(&row.path)) {
            None => found.push(format!("`{from}` reads {}", unknown(&row.path))),
            Some(path) if !reaches(rule.each, path.of) => found.push(format!(
                "`{from}` judges each {:?} and reads `{}`, which is about another kind of subject",
                rule.each, row.path
            )),
            Some(_) => {}
        }
    }
}

/// Tells whether a subject of one kind belongs to a subject of another.
fn reaches(each: Each, of: Each) -> bool {
    match of {
        Each::Gateway => true,
        Each::Account => matches!(each, Each::Account | Each::Group | Each::Route),
        Each::Agent => matches!(each, Each::Agent | Each::Route),
        Each::Group => each == Each::Group,
        Each::Route => each == Each::Route,
    }
}

fn unknown(path: &str) -> String {
    let known = fact::PATHS.iter().chain(proof::PATHS).chain(witness::PATHS);
    let near = known.map(|known| known.name).min_by_key(|known| distance(known, path));
    match near {
        Some(near) => format!("`{path}`, which is no fact; did you mean `{near}`?"),
        None => format!("`{path}`, which is no fact"),
    }
}

/// Counts the edits between two words, for a suggestion.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (j, to) in b.iter().enumerate() {
            let above = row.get(j + 1).copied().unwrap_or(usize::MAX);
            let edit = diagonal + usize::from(from != *to);
            let best = edit.min(left + 1).min(above + 1);
            diagonal = above;
            if let Some(cell) = row.get_mut(j) {
                *cell = left;
            }
            left = best;
        }
        if let Some(last) = row.last_mut() {
            *last = left;
        }
    }
    row.last().copied().unwrap_or(usize::MAX)
}
