//! The baseline and the rollback fitted to the live config, and the files they go to.

use crate::app::App;
use crate::app::form::Asks;
use crate::app::form::Form;
use crate::app::page::Row;
use crate::app::page::Shape;
use crate::openclaw::facts;
use crate::openclaw::patch;
use crate::openclaw::tailor;
use crate::openclaw::tailor::Elsewhere;
use crate::openclaw::tailor::Tailored;
use crate::runbook::Template;
use crate::verdict;
use crate::verdict::Known;

impl App {
    /// Asks where the shape or the move under the cursor goes.
    pub(super) fn ask_file(&mut self) {
        match self.row() {
            Some(Row::Shape(shape)) => self.ask_shape_file(shape),
            Some(Row::Move(index)) => {
                let Some((item, _)) = self.answers.plan.get(index) else { return };
                let path = format!("{}/{}", self.folder, move_file(item));
                let form = Form::new(
                    Asks::MoveFile { item: item.clone() },
                    "Write this move".to_owned(),
                    vec![("to a new file", path)],
                );
                self.open(form);
            }
            _ => self.refuse("there is nothing to write here"),
        }
    }

    pub(super) fn ask_shape_file(&mut self, shape: Shape) {
        let (title, name) = match shape {
            Shape::Baseline => ("Write the baseline", "baseline.json5"),
            Shape::Rollback => ("Write the rollback", "rollback.json5"),
        };
        let path = format!("{}/{name}", self.folder);
        let form = Form::new(Asks::File { shape }, title.to_owned(), vec![("to a new file", path)]);
        self.open(form);
    }

    /// Returns the runbook's template of a shape.
    #[must_use]
    pub fn template(&self, shape: Shape) -> &Template {
        match shape {
            Shape::Baseline => &self.runbook.baseline,
            Shape::Rollback => &self.runbook.rollback.template,
        }
    }

    /// Returns a shape fitted to the live config; none while that cannot be read.
    #[must_use]
    pub fn fitted(&self, shape: Shape) -> Option<Tailored> {
        let (config, facts) = (self.live.config()?, self.live.facts()?);
        Some(match shape {
            Shape::Baseline => tailor::baseline(self.template(shape), config, facts),
            Shape::Rollback => tailor::rollback(self.template(shape), config, facts),
        })
    }

    /// Returns what no config closes, for the shape that closes all.
    fn elsewhere(&self, shape: Shape) -> Vec<Elsewhere> {
        match shape {
            Shape::Baseline => Vec::new(),
            Shape::Rollback => {
                let known = Known::of_config(self.live.facts(), self.now);
                tailor::elsewhere(verdict::left_outside(&self.runbook, &known), &self.gateway)
            }
        }
    }

    /// Returns a shape as it is written: fitted to the live config, a text for each file that owns
    /// keys of it; the runbook's own while the config cannot be read.
    #[must_use]
    pub fn shape_texts(&self, shape: Shape, columns: usize) -> Vec<String> {
        match self.fitted(shape) {
            Some(fitted) => fitted.texts(&self.elsewhere(shape), columns),
            None => vec![patch::render(self.template(shape), None, columns)],
        }
    }

    /// Returns what is open in the live config; none while it cannot be read.
    #[must_use]
    pub fn open_now(&self) -> Option<Vec<String>> {
        let config = self.live.config()?;
        let (today, _) = facts::in_todays_words(config);
        Some(patch::open_in(&today, config))
    }
}

/// Names the file of a move after the item it is for.
pub(super) fn move_file(item: &str) -> String {
    format!("{}.json5", item.replace('.', "-"))
}
