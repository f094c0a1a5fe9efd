//! `portcullis runbook`: the documents themselves.

use std::path::PathBuf;

use clap::Subcommand;

use crate::cli::Common;
use crate::cli::Failure;
use crate::cli::Status;
use crate::cli::print;
use crate::cli::warn;
use crate::runbook::Runbook;
use crate::shell::store;
use crate::text::Shown;
use crate::text::count;
use crate::verdict;

/// What is done with runbooks.
#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// List the runbooks there are
    List,
    /// Print a runbook's steps and statements
    Show {
        /// Its id, or a file
        id: Option<String>,
    },
    /// Check a runbook
    Lint {
        /// The file
        file: PathBuf,
    },
    /// Print the JSON Schema of a runbook
    Schema,
}

impl Action {
    pub(super) fn run(self, common: &Common) -> Result<Status, Failure> {
        match self {
            Self::List => list(common),
            Self::Show { id } => {
                let common = Common { runbook: id.or(common.runbook.clone()), ..common.clone() };
                let (runbook, _) = common.runbook()?;
                print(&show(&runbook))?;
                Ok(Status::Fine)
            }
            Self::Lint { file } => lint(&file),
            Self::Schema => {
                print(&super::pretty(&Runbook::schema())?)?;
                Ok(Status::Fine)
            }
        }
    }
}

fn list(common: &Common) -> Result<Status, Failure> {
    let mut text = String::new();
    let (runbook, _) = Common { runbook: None, ..common.clone() }.runbook()?;
    text.push_str(&format!("{}  {}  (in the program)\n", runbook.id, runbook.title));
    for file in store::runbooks(&common.places()?.runbooks()) {
        let said = store::read_text(&file).map_err(|error| error.to_string());
        let said = said.and_then(|text| Runbook::parse(&text).map_err(|error| error.to_string()));
        let name = file.display().to_string();
        match said {
            Ok(runbook) => {
                let line = format!("{}  {}  ({name})", runbook.id, runbook.title);
                text.push_str(Shown::line(&line).as_str());
                text.push('\n');
            }
            Err(why) => warn(&format!("warning: `{name}` is not a runbook: {why}")),
        }
    }
    print(&text)?;
    Ok(Status::Fine)
}

fn lint(file: &std::path::Path) -> Result<Status, Failure> {
    let text = store::read_text(file)
        .map_err(|error| Failure::unreadable("the runbook cannot be read").because(error))?;
    let runbook = Runbook::parse(&text).map_err(|error| Failure {
        status: Status::NotMet,
        ..Failure::unreadable(format!("`{}` is not a runbook", file.display())).because(error)
    })?;
    let found = verdict::lint(&runbook);
    for line in &found {
        print(&format!("{}\n", Shown::line(line).as_str()))?;
    }
    if found.is_empty() {
        let items = count(runbook.items().count(), "item");
        print(&format!("{}: fine, {items}\n", Shown::line(&runbook.id).as_str()))?;
        return Ok(Status::Fine);
    }
    Ok(Status::NotMet)
}

fn show(runbook: &Runbook) -> String {
    let mut text = format!("{} · rev {}\n", runbook.title, runbook.revision);
    let mut heading = |title: &str, lines: &mut dyn Iterator<Item = String>| {
        text.push_str(&format!("\n{title}\n"));
        for line in lines {
            text.push_str(&format!("  {line}\n"));
        }
    };
    for pattern in &runbook.patterns {
        let mut lines =
            pattern.controls.iter().map(|item| format!("{}: {}", item.id, item.statement));
        heading(&format!("Pattern {}: {}", pattern.id, pattern.title), &mut lines);
    }
    heading(
        "Inventory",
        &mut runbook.inventory.iter().map(|e| format!("{}: {}", e.id, e.statement)),
    );
    heading("Checks", &mut runbook.checks.iter().map(|c| format!("{}: {}", c.id, c.statement)));
    for section in &runbook.sections {
        let mut items = section.items.iter().map(|item| format!("{}: {}", item.id, item.statement));
        heading(&section.title, &mut items);
    }
    let line = |item: &crate::runbook::Item| format!("{}: {}", item.id, item.statement);
    heading("Validate after", &mut runbook.validation.iter().map(line));
    heading("Review checklist", &mut runbook.checklist.iter().map(line));
    heading("After a rollback", &mut runbook.rollback.follow_ups.iter().map(line));
    Shown::text(&text).into_string()
}
