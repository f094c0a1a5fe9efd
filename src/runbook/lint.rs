//! What the shape of a runbook cannot say: ids are unique and names lead somewhere.

use std::collections::BTreeSet;

use crate::runbook::Applies;
use crate::runbook::Each;
use crate::runbook::FixRow;
use crate::runbook::Item;
use crate::runbook::Move;
use crate::runbook::Op;
use crate::runbook::Rows;
use crate::runbook::Rule;
use crate::runbook::Runbook;
use crate::runbook::meaning;
use crate::runbook::moves::SUBJECT;

/// Why a document is not a runbook.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum DocumentError {
    /// The text is not TOML, or holds what the shape does not know. The message has line and
    /// caret.
    #[error("{0}")]
    Shape(#[from] toml::de::Error),
    /// The same id stands twice.
    #[error("line {line}: id `{id}` appears twice; ids are unique in a runbook and never reused")]
    Twice {
        /// The id.
        id: String,
        /// The line of the second one.
        line: usize,
    },
    /// An id holds something else than `a-z`, `0-9`, `-` and dots between words.
    #[error("line {line}: id `{id}` may hold only a-z, 0-9, `-`, and dots between words")]
    Id {
        /// The id.
        id: String,
        /// Its line.
        line: usize,
    },
    /// A check id that is named could never be found.
    #[error("line {line}: check id `{id}` {why}")]
    CheckId {
        /// The id as named.
        id: String,
        /// What is wrong.
        why: &'static str,
        /// Its line.
        line: usize,
    },
    /// The same findings are named twice in one place.
    #[error("line {line}: {from} names the findings of `{id}` twice")]
    FindingTwice {
        /// The item or list.
        from: String,
        /// The second of the two names.
        id: String,
        /// The line of the item, or of the second one.
        line: usize,
    },
    /// A name leads nowhere.
    #[error("line {line}: {from} names {kind} `{name}`, which this runbook does not have")]
    Nowhere {
        /// What names it.
        from: String,
        /// What kind of thing is meant.
        kind: &'static str,
        /// The name.
        name: String,
        /// Its line.
        line: usize,
    },
    /// An operator has no value, or one it cannot take.
    #[error("line {line}: {from} compares `{path}` and {why}")]
    Row {
        /// The item or note the row belongs to.
        from: String,
        /// The path compared.
        path: String,
        /// What is wrong.
        why: &'static str,
        /// Its line.
        line: usize,
    },
    /// A list that must hold something is empty.
    #[error("{what}")]
    Empty {
        /// Which one.
        what: &'static str,
    },
}

/// Refuses a document whose ids collide or whose names lead nowhere.
pub(super) fn check(runbook: &Runbook, text: &str) -> Result<(), DocumentError> {
    if runbook.patterns.is_empty() {
        return Err(DocumentError::Empty { what: "a runbook needs at least one pattern" });
    }
    let linter = Linter { runbook, text };
    linter.ids()?;
    linter.notes()?;
    linter.rules()?;
    linter.findings()?;
    linter.names()
}

struct Linter<'a> {
    runbook: &'a Runbook,
    text: &'a str,
}

impl Linter<'_> {
    fn ids(&self) -> Result<(), DocumentError> {
        let runbook = self.runbook;
        let ids = (runbook.notes.iter().map(|note| &note.id))
            .chain(runbook.patterns.iter().map(|pattern| &pattern.id))
            .chain(runbook.inventory.iter().map(|entry| &entry.id))
            .chain(runbook.checks.iter().map(|check| &check.id))
            .chain(runbook.rollback.outside.iter().map(|outside| &outside.id))
            .chain(runbook.sections.iter().map(|section| &section.id))
            .chain(runbook.moves.iter().map(|one| &one.id))
            .chain(runbook.items().map(|item| &item.id));
        let mut seen = BTreeSet::new();
        for id in ids {
            if !is_id(id) {
                return Err(DocumentError::Id { id: id.clone(), line: self.line_of(id, 1) });
            }
            if !seen.insert(id) {
                return Err(DocumentError::Twice { id: id.clone(), line: self.line_of(id, 2) });
            }
        }
        Ok(())
    }

    fn notes(&self) -> Result<(), DocumentError> {
        const STEPS: [&str; 7] =
            ["pattern", "inventory", "checks", "templates", "change", "validation", "checklist"];
        for note in &self.runbook.notes {
            let section = self.runbook.sections.iter().any(|section| section.id == note.step);
            if !section && note.step != "sign-off" && !STEPS.contains(&note.step.as_str()) {
                return Err(self.nowhere(&note.id, "step", &note.step));
            }
            if let Some(applies) = &note.applies {
                self.applies(&note.id, applies)?;
            }
        }
        Ok(())
    }

    fn rules(&self) -> Result<(), DocumentError> {
        for pattern in &self.runbook.patterns {
            if let Some(rule) = &pattern.now {
                self.rule(&pattern.id, rule)?;
            }
        }
        for item in self.runbook.items() {
            if let Some(rule) = &item.rule {
                self.rule(&item.id, rule)?;
            }
            if let Some(applies) = &item.applies {
                self.applies(&item.id, applies)?;
            }
        }
        for section in &self.runbook.sections {
            if let Some(applies) = &section.applies {
                self.applies(&section.id, applies)?;
            }
        }
        for one in &self.runbook.moves {
            if let Some(rule) = &one.in_place {
                self.rule(&one.id, rule)?;
            }
        }
        for outside in &self.runbook.rollback.outside {
            if let Some(applies) = &outside.applies {
                self.applies(&outside.id, applies)?;
            }
        }
        Ok(())
    }

    fn findings(&self) -> Result<(), DocumentError> {
        let runbook = self.runbook;
        let by_design = runbook.by_design.iter().map(|by_design| &by_design.check_id);
        for id in by_design {
            self.check_id(id)?;
        }
        for item in runbook.items() {
            let line = self.line_of(&item.id, 1);
            self.each_once(&format!("`{}`", item.id), item.findings.iter().map(|id| (id, line)))?;
        }
        let meanings = runbook.meanings.iter().map(|meaning| &meaning.id);
        self.each_once("the runbook", meanings.map(|id| (id, self.line_of_entry(id))))
    }

    /// Refuses check ids that cannot be, and two that stand for the same.
    fn each_once<'a>(
        &self,
        from: &str,
        ids: impl Iterator<Item = (&'a String, usize)>,
    ) -> Result<(), DocumentError> {
        let mut seen = BTreeSet::new();
        for (id, line) in ids {
            self.check_id(id)?;
            let shape = id.split('.').map(|word| if word.starts_with('<') { "<>" } else { word });
            if !seen.insert(shape.collect::<Vec<_>>()) {
                let (from, id) = (from.to_owned(), id.clone());
                return Err(DocumentError::FindingTwice { from, id, line });
            }
        }
        Ok(())
    }

    fn check_id(&self, id: &str) -> Result<(), DocumentError> {
        let line = self.line_of(id, 1);
        let refused = |why| DocumentError::CheckId { id: id.to_owned(), why, line };
        meaning::fault(id).map_or(Ok(()), |why| Err(refused(why)))
    }

    fn names(&self) -> Result<(), DocumentError> {
        for item in self.runbook.items() {
            self.item(item)?;
        }
        for one in &self.runbook.moves {
            self.widening(one)?;
        }
        for by_design in &self.runbook.by_design {
            let from = &by_design.check_id;
            for pattern in &by_design.patterns {
                self.known_pattern(from, pattern)?;
            }
            for evidence in &by_design.evidence {
                if self.runbook.item(evidence).is_none() {
                    return Err(self.nowhere(from, "item", evidence));
                }
            }
        }
        Ok(())
    }

    fn item(&self, item: &Item) -> Result<(), DocumentError> {
        if let Some(run) = &item.run
            && self.runbook.check(run).is_none()
        {
            return Err(self.nowhere(&item.id, "check", run));
        }
        self.sets(&item.id, item.fix.iter().flat_map(|fix| &fix.set))
    }

    fn widening(&self, one: &Move) -> Result<(), DocumentError> {
        for pattern in &one.patterns {
            self.known_pattern(&one.id, pattern)?;
        }
        for name in &one.after {
            if self.runbook.item(name).is_none() && self.runbook.widening(name).is_none() {
                return Err(self.nowhere(&one.id, "item or move", name));
            }
        }
        if let Some(item) = &one.settles
            && self.runbook.item(item).is_none()
        {
            return Err(self.nowhere(&one.id, "item", item));
        }
        for name in one.names() {
            let asked = one.asks.iter().any(|ask| ask.name == name);
            let subject = name == SUBJECT && one.each.is_some_and(|each| each != Each::Gateway);
            if !asked && !subject {
                return Err(DocumentError::Nowhere {
                    from: format!("`{}`", one.id),
                    kind: "question",
                    name,
                    line: self.line_of(&one.id, 1),
                });
            }
        }
        self.sets(&one.id, one.set.iter())
    }

    fn sets<'r>(
        &self,
        from: &str,
        rows: impl Iterator<Item = &'r FixRow>,
    ) -> Result<(), DocumentError> {
        for row in rows {
            let acts = [row.value.is_some(), row.remove.is_some(), row.add.is_some(), row.unset];
            if acts.iter().filter(|act| **act).count() != 1 {
                return Err(DocumentError::Row {
                    from: from.to_owned(),
                    path: row.path.clone(),
                    why: "needs one of `value`, `remove`, `add` and `unset`",
                    line: self.line_of(from, 1),
                });
            }
        }
        Ok(())
    }

    fn applies(&self, from: &str, applies: &Applies) -> Result<(), DocumentError> {
        for pattern in &applies.patterns {
            self.known_pattern(from, pattern)?;
        }
        applies.when.as_ref().map_or(Ok(()), |rule| self.rule(from, rule))
    }

    fn rule(&self, from: &str, rule: &Rule) -> Result<(), DocumentError> {
        let refuse = |path: &str, why| {
            Err(DocumentError::Row {
                from: from.to_owned(),
                path: path.to_owned(),
                why,
                line: self.line_of(from, 1),
            })
        };
        if rule.must == Rows::default() {
            return refuse("must", "has no row, so it would always be met");
        }
        if rule.unless == Some(Rows::default()) {
            return refuse("unless", "has no row, so it would always be met");
        }
        for row in rule.rows() {
            match (&row.value, row.op) {
                (None, op) if op.takes_value() => return refuse(&row.path, "needs a `value`"),
                (Some(_), op) if !op.takes_value() => {
                    return refuse(&row.path, "takes no `value` with `present` or `absent`");
                }
                (Some(value), Op::In | Op::NotIn) if !value.is_array() => {
                    return refuse(&row.path, "needs a list as `value`");
                }
                (Some(value), Op::Min | Op::Max) if !value.is_integer() => {
                    return refuse(&row.path, "needs a whole number as `value`");
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn known_pattern(&self, from: &str, pattern: &str) -> Result<(), DocumentError> {
        match self.runbook.pattern(pattern) {
            Some(_) => Ok(()),
            None => Err(self.nowhere(from, "pattern", pattern)),
        }
    }

    fn nowhere(&self, from: &str, kind: &'static str, name: &str) -> DocumentError {
        DocumentError::Nowhere {
            from: format!("`{from}`"),
            kind,
            name: name.to_owned(),
            line: self.line_of(name, 1),
        }
    }

    /// Returns the last line that gives an entry this id, 1 where there is none.
    fn line_of_entry(&self, id: &str) -> usize {
        let entry = format!("id = \"{id}\"");
        let lines = self.text.lines().enumerate();
        lines.filter(|(_, line)| line.trim() == entry).last().map_or(1, |(index, _)| index + 1)
    }

    /// Returns the line on which the quoted word stands for the given time, 1 where it does not.
    fn line_of(&self, word: &str, time: usize) -> usize {
        let quoted = format!("\"{word}\"");
        let lines = self.text.lines().enumerate();
        let mut found = lines.filter(|(_, line)| line.contains(&quoted));
        found.nth(time - 1).map_or(1, |(index, _)| index + 1)
    }
}

fn is_id(id: &str) -> bool {
    let word = |word: &str| {
        !word.is_empty()
            && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    id.split('.').all(word)
}
