//! `portcullis check`: every automatic verdict, without a terminal. It never answers for a person.

mod json;
mod junit;
mod running;
mod sarif;
mod text;

use chrono::DateTime;
use chrono::FixedOffset;
use clap::Args;
use clap::ValueEnum;

use crate::change;
use crate::change::Answers;
use crate::change::Choice;
use crate::change::Review;
use crate::change::Since;
use crate::cli::Common;
use crate::cli::Failure;
use crate::cli::Status;
pub(super) use crate::cli::check::running::run_all;
use crate::cli::check::sarif::Which;
use crate::cli::print;
use crate::cli::warn;
use crate::cli::wizard;
use crate::cli::wizard::Scene;
use crate::openclaw::finding::Severity;
use crate::record::Previous;
use crate::runbook::Item;
use crate::runbook::Need;
use crate::runbook::Runbook;
use crate::shell;
use crate::shell::records;
use crate::shell::store;
use crate::verdict::Run;
use crate::verdict::Verdict;

/// Gives every automatic verdict.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// The pattern to judge by; without it, the one the live config is in
    #[arg(long, value_name = "ID")]
    pattern: Option<String>,
    /// Run no command; what only a command can tell is not run
    #[arg(long)]
    offline: bool,
    /// Under --offline, count what was not run as unmeasured
    #[arg(long, requires = "offline")]
    require_all: bool,
    /// Rehearse the rollback, too, on a throw-away copy; takes about a minute
    #[arg(long, conflicts_with = "offline")]
    rehearse: bool,
    /// How it is printed
    #[arg(long, value_enum, default_value = "text")]
    format: Report,
}

/// How the verdicts are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Report {
    /// For people
    Text,
    /// One JSON document
    Json,
    /// SARIF 2.1.0, with all that is known
    Sarif,
    /// SARIF with what is wrong and not accepted alone; GitHub takes every result for an alert
    SarifProblems,
    /// `JUnit` XML, for a build server
    Junit,
}

/// All that the answer is made from.
struct Answer<'a> {
    runbook: &'a Runbook,
    scene: &'a Scene,
    answers: Answers,
    review: Review,
    offline: bool,
    /// Whether what was not run counts as unmeasured.
    all: bool,
    at: DateTime<FixedOffset>,
    /// How the findings differ from those of the last record, and which one that is.
    since: Option<(Previous, Since)>,
}

impl Check {
    pub(super) fn run(self, common: &Common) -> Result<Status, Failure> {
        let scene = wizard::scene(common)?;
        let (runbook, _) = common.runbook_for(&scene.gateway)?;
        if scene.live.config().is_none() {
            return Err(super::facts::unreadable(&scene.live));
        }
        let mut answers = Answers::default();
        let at = shell::now();
        let digest = scene.live.digest();
        let review = |answers: &Answers| {
            change::review(&runbook, answers, scene.live.facts(), digest, shell::now())
        };
        let pattern = match &self.pattern {
            Some(pattern) if runbook.pattern(pattern).is_none() => {
                let known: Vec<&str> = runbook.patterns.iter().map(|p| p.id.as_str()).collect();
                return Err(Failure::unreadable(format!("there is no pattern `{pattern}`"))
                    .hint(format!("patterns are {}", known.join(", "))));
            }
            Some(pattern) => Some(pattern.clone()),
            None => review(&answers).in_force,
        };
        answers.choice = pattern.map(|pattern| Choice { pattern, reason: String::new() });
        let places = common.places().ok();
        let draft = places.as_ref().and_then(|p| store::draft(p, &scene.target.id));
        if let Some(draft) = draft {
            // What was brought from elsewhere counts here too; nobody's word does.
            answers.runs = draft.answers().runs;
            answers.runs.retain(|_, run| run.brought.is_some());
        }
        if !self.offline && common.host.is_none() {
            answers.runs.extend(run_all(&runbook, &scene, common.demo, self.rehearse));
        }
        let previous = places.and_then(|places| records::previous(&places, &scene.target.id));
        if let Some(previous) = &previous {
            // What was accepted in the newest record holds here too, by its own scope and end.
            answers.residuals = previous.accepted(&runbook);
            if let Some(doubt) = &previous.doubt {
                let record = &previous.change;
                warn(&format!("warning: nothing that record {record} accepts counts: {doubt}"));
            }
        }
        let review = review(&answers);
        let since = previous.and_then(|previous| {
            let since = previous.since(&answers, &review)?;
            Some((previous, since))
        });
        let answer = Answer {
            runbook: &runbook,
            scene: &scene,
            answers,
            review,
            offline: self.offline,
            all: !self.offline || self.require_all,
            at,
            since,
        };
        print(&match self.format {
            Report::Text => answer.text(),
            Report::Json => super::pretty(&answer.json())?,
            Report::Sarif => super::pretty(&answer.sarif(Which::All))?,
            Report::SarifProblems => super::pretty(&answer.sarif(Which::Problems))?,
            Report::Junit => answer.junit(),
        })?;
        Ok(answer.status())
    }
}

impl Answer<'_> {
    fn pattern(&self) -> Option<&str> {
        self.answers.choice.as_ref().map(|choice| choice.pattern.as_str())
    }

    fn items(&self) -> impl Iterator<Item = (&Item, Verdict)> {
        let items = self.review.required(self.runbook, self.pattern());
        items.map(|item| (item, self.review.verdict(&item.id)))
    }

    fn count(&self, verdict: Verdict) -> usize {
        self.items().filter(|(_, of)| *of == verdict).count()
    }

    /// Counts rule verdicts and open criticals; what waits for a person does not count.
    fn status(&self) -> Status {
        let mut status = Status::Fine;
        for (_, verdict) in self.items() {
            status = status.max(match verdict {
                Verdict::NotMet => Status::NotMet,
                Verdict::Unmeasured if self.all => Status::Incomplete,
                _ => Status::Fine,
            });
        }
        if self.runbook.checks.iter().any(|check| self.is_missing(check)) {
            status = status.max(Status::Incomplete);
        }
        if self.review.open_findings(Severity::Critical) > 0 {
            status = status.max(Status::NotMet);
        }
        status
    }

    /// Tells whether a check had to be measured and was not.
    fn is_missing(&self, check: &crate::runbook::Check) -> bool {
        let measured = self.answers.runs.get(&check.id).is_some_and(|run| self.is_measured(run));
        self.all && check.need == Need::Required && !measured
    }

    /// Tells whether a run measured what it was for, and still counts.
    fn is_measured(&self, run: &Run) -> bool {
        run.is_measured() && !self.review.stale.contains(&run.check)
    }

    /// Says what a run came to, where it was brought from, and why it does not count.
    fn told(&self, run: &Run) -> String {
        let mut said = run.outcome_word().to_owned();
        if let Some(why) = run.why() {
            said.push_str(&format!(": {why}"));
        }
        if let Some(from) = run.vantage() {
            said.push_str(&format!(" ({from})"));
        }
        if self.review.stale.contains(&run.check) {
            let untied = run.brought.as_ref().and_then(|brought| brought.untied.as_deref());
            let why = untied.unwrap_or("the config moved since, or a day has passed");
            said.push_str(&format!("; does not count: {why}"));
        }
        said
    }

    /// Returns what was brought that the runbook names no check for.
    fn beside(&self) -> impl Iterator<Item = &Run> {
        self.answers.runs.values().filter(|run| run.is_beside(self.runbook))
    }

    /// Returns the word for a verdict; under `--offline`, nothing was tried.
    fn word(&self, verdict: Verdict) -> &'static str {
        match verdict {
            Verdict::Unmeasured if self.offline => "not run",
            verdict => verdict.word(),
        }
    }
}
