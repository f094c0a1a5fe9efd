//! `portcullis check`: every automatic verdict, without a terminal. It never answers for a person.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc;

use chrono::DateTime;
use chrono::FixedOffset;
use clap::Args;
use serde_json::Value;
use serde_json::json;

use crate::change;
use crate::change::Answers;
use crate::change::Choice;
use crate::change::Review;
use crate::change::Settled;
use crate::change::Since;
use crate::cli::Common;
use crate::cli::Failure;
use crate::cli::Format;
use crate::cli::Status;
use crate::cli::print;
use crate::cli::warn;
use crate::cli::wizard;
use crate::cli::wizard::Scene;
use crate::openclaw::command;
use crate::openclaw::command::Ended;
use crate::openclaw::exposure;
use crate::openclaw::finding::Severity;
use crate::record::Previous;
use crate::runbook::Item;
use crate::runbook::Need;
use crate::runbook::Runbook;
use crate::shell;
use crate::shell::demo;
use crate::shell::records;
use crate::shell::run::Event;
use crate::shell::run::Processes;
use crate::shell::signals;
use crate::text::Shown;
use crate::verdict::Run;
use crate::verdict::Started;
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
    format: Format,
}

/// All that the answer is made from.
struct Answer<'a> {
    runbook: &'a Runbook,
    scene: &'a Scene,
    answers: Answers,
    review: Review,
    offline: bool,
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
        if !self.offline {
            answers.runs = run_all(&runbook, &scene, common.demo, self.rehearse);
        }
        let places = common.places().ok();
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
        let offline = self.offline;
        let answer =
            Answer { runbook: &runbook, scene: &scene, answers, review, offline, at, since };
        print(&match self.format {
            Format::Text => answer.text(),
            Format::Json => super::pretty(&answer.json())?,
        })?;
        Ok(answer.status(!self.offline || self.require_all))
    }
}

/// What ends the waiting for a check.
enum Told {
    /// The check of this id ended.
    Ended(String, Ended),
    /// We are asked to end, by this signal.
    Asked(i32),
}

/// Runs every required check and every proof of our own, as many at once as there are cores.
///
/// The commands are in groups of their own, which a ctrl-c at the terminal does not reach; so
/// they are stopped before we end.
pub(super) fn run_all(
    runbook: &Runbook,
    scene: &Scene,
    demo: bool,
    rehearse: bool,
) -> BTreeMap<String, Run> {
    let mut waiting: Vec<_> = runbook
        .checks
        .iter()
        .filter(|check| is_run(check, demo, rehearse))
        .filter_map(|check| Some((check, command::command(&check.command, &scene.gateway)?)))
        .collect();
    waiting.reverse();
    let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let processes = Processes::default();
    let (queue, told) = mpsc::channel();
    let asked = queue.clone();
    // Where signals cannot be listened to, each does what it always does.
    let _ = signals::listen(move |signal| asked.send(Told::Asked(signal)).is_ok());
    let mask = scene.live.mask().clone();
    let mask: Arc<dyn Fn(&str) -> String + Send + Sync> = Arc::new(move |line| mask.text(line));
    let mut runs = BTreeMap::new();
    let mut started = BTreeMap::new();
    loop {
        while started.len() < cores
            && let Some((check, command)) = waiting.pop()
        {
            super::progress(&format!("running  {}", command.short()));
            started.insert(check.id.clone(), (check, shell::now(), command.display()));
            let (queue, id) = (queue.clone(), check.id.clone());
            if demo {
                let (_running, never) = mpsc::channel();
                let _ = queue.send(Told::Ended(id, demo::answer(&command, &never)));
                continue;
            }
            processes.start(&command, Arc::clone(&mask), move |event| {
                if let Event::Ended(ended) = event {
                    let _ = queue.send(Told::Ended(id.clone(), ended));
                }
            });
        }
        if started.is_empty() {
            return runs;
        }
        let (id, ended) = match told.recv() {
            Ok(Told::Ended(id, ended)) => (id, ended),
            Ok(Told::Asked(signal)) => {
                processes.kill_all();
                signals::obey(signal);
                return runs;
            }
            Err(_) => return runs,
        };
        if let Some((check, at, command)) = started.remove(&id) {
            let config_digest = scene.live.digest().to_owned();
            let begun = Started { check: &id, name: &check.command, at, command, config_digest };
            runs.insert(id.clone(), Run::of(begun, &ended));
        }
    }
}

/// Tells whether a check is run: not what takes minutes unless it is asked for, nor what the sample
/// has no answer to.
fn is_run(check: &crate::runbook::Check, demo: bool, rehearse: bool) -> bool {
    let asked = rehearse || check.command != "rehearsal";
    let own = command::OWN.contains(&check.command.as_str()) && asked;
    match check.need {
        Need::Required => true,
        Need::Proof => own && (!demo || demo::knows(&check.command)),
        Need::OnRequest => false,
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
    fn status(&self, all: bool) -> Status {
        let mut status = Status::Fine;
        for (_, verdict) in self.items() {
            status = status.max(match verdict {
                Verdict::NotMet => Status::NotMet,
                Verdict::Unmeasured if all => Status::Incomplete,
                _ => Status::Fine,
            });
        }
        let required = self.runbook.checks.iter().filter(|check| check.need == Need::Required);
        let measured = |id: &str| self.answers.runs.get(id).is_some_and(Run::is_measured);
        if all && required.into_iter().any(|check| !measured(&check.id)) {
            status = status.max(Status::Incomplete);
        }
        if self.review.open_findings(Severity::Critical) > 0 {
            status = status.max(Status::NotMet);
        }
        status
    }

    fn text(&self) -> String {
        let mut text = String::new();
        let target = &self.scene.target;
        let mut line = |line: String| {
            text.push_str(Shown::line(&line).as_str());
            text.push('\n');
        };
        let demo = if target.demo { "DEMO  " } else { "" };
        line(format!("{demo}{} on {}, user {}", target.config, target.host, target.user));
        line(format!("pattern  {}", self.pattern().unwrap_or("cannot be told from the config")));
        if let Some(facts) = self.scene.live.facts() {
            for (question, said) in exposure::QUESTIONS.iter().zip(exposure::sentences(facts)) {
                line(format!("{question:<8} {said}"));
            }
        }
        line(String::new());
        for check in &self.runbook.checks {
            let said = match self.answers.runs.get(&check.id) {
                None if check.need == Need::OnRequest => continue,
                None => "not run".to_owned(),
                Some(run) => {
                    let why = run.why().map(|why| format!(": {why}")).unwrap_or_default();
                    format!("{}{why} ({:.1} s)", run.outcome_word(), run.took().as_secs_f32())
                }
            };
            line(format!("check    {:<12} {said}", check.id));
        }
        let mut advised = BTreeSet::new();
        for state in &self.review.findings {
            let hidden = if state.finding.suppressed {
                ", hidden by the config: no owner, no end"
            } else {
                ""
            };
            let severity = state.finding.severity.word();
            let accepted = match &state.settled {
                Settled::Accepted(it) => format!(", accepted by {} until {}", it.owner, it.expires),
                Settled::Open(_) | Settled::Informs => String::new(),
            };
            line(format!(
                "{severity:<8} {}: {}{hidden}{accepted}",
                state.finding.check_id, state.finding.title
            ));
            if let Some(meaning) = self.runbook.meaning(&state.finding.check_id)
                && state.finding.severity > Severity::Info
                && advised.insert(&meaning.id)
            {
                line(format!("do       {}", meaning.remedy));
            }
        }
        if let Some((previous, since)) = &self.since {
            let said = since.line().unwrap_or_else(|| "no finding is new or gone".to_owned());
            line(format!("since    record {} of {}: {said}", previous.change, previous.day));
            for (word, keys) in [("new", &since.new), ("gone", &since.gone)] {
                for key in keys {
                    line(format!("{word:<8} {}", key.split('#').next().unwrap_or(key)));
                }
            }
        }
        line(String::new());
        for (item, verdict) in self.items() {
            let word = self.word(verdict);
            line(format!("{word:<15} {}: {}", item.id, item.statement));
            if verdict == Verdict::NotMet
                && let Some(judged) = self.review.items.get(&item.id)
            {
                let against = judged.evidence.iter();
                let against = against.filter(|e| e.speaks == crate::verdict::Truth::No).take(3);
                for evidence in against {
                    let subject = evidence.subject.as_ref().map(|s| format!("{s}  "));
                    let place = &evidence.place;
                    let place =
                        if place.is_empty() { String::new() } else { format!("  ({place})") };
                    let subject = subject.unwrap_or_default();
                    line(format!(
                        "                {subject}{} = {}{place}",
                        evidence.about, evidence.says
                    ));
                }
            }
        }
        line(String::new());
        let counts =
            Verdict::ALL.map(|verdict| format!("{} {}", self.count(verdict), self.word(verdict)));
        line(counts.join(" · "));
        text
    }

    /// Returns the word for a verdict; under `--offline`, nothing was tried.
    fn word(&self, verdict: Verdict) -> &'static str {
        match verdict {
            Verdict::Unmeasured if self.offline => "not run",
            verdict => verdict.word(),
        }
    }

    fn json(&self) -> Value {
        let facts = self.scene.live.facts();
        let counts = Verdict::ALL.map(|verdict| (verdict.word(), self.count(verdict)));
        json!({
            "schema": "portcullis/check",
            "version": 1,
            "at": self.at.to_rfc3339(),
            "demo": self.scene.target.demo,
            "target": self.scene.target,
            "runbook": { "id": self.runbook.id, "revision": self.runbook.revision },
            "openclaw": { "installed": self.scene.gateway.version },
            "config_digest": self.scene.live.digest(),
            "config_warnings": self.scene.live.config().map(|config| &config.warnings),
            "pattern": self.pattern(),
            "in_force": self.review.in_force,
            "offline": self.offline,
            "exposure": facts.map(|facts| {
                let said = exposure::sentences(facts);
                exposure::QUESTIONS.iter().copied().zip(said).collect::<BTreeMap<_, _>>()
            }),
            "checks": self.runbook.checks.iter().map(|check| match self.answers.runs.get(&check.id) {
                None => json!({ "check": check.id, "outcome": "not run" }),
                Some(run) => json!({
                    "check": check.id,
                    "outcome": run.outcome_word(),
                    "why": run.why(),
                    "command": run.command,
                    "ended": run.ended,
                    "took_ms": run.took_ms,
                }),
            }).collect::<Vec<_>>(),
            "findings": self.review.findings.iter().map(|state| {
                let meaning = self.runbook.meaning(&state.finding.check_id);
                json!({
                    "key": state.key,
                    "check_id": state.finding.check_id,
                    "severity": state.finding.severity,
                    "title": state.finding.title,
                    "detail": state.finding.detail,
                    "paths": state.finding.paths,
                    "suppressed": state.finding.suppressed,
                    "sources": state.sources,
                    "open": matches!(state.settled, Settled::Open(_)),
                    "accepted": match &state.settled {
                        Settled::Accepted(it) => json!({ "owner": it.owner, "expires": it.expires }),
                        Settled::Open(_) | Settled::Informs => Value::Null,
                    },
                    "by_design": state.by_design,
                    "means": meaning.map(|meaning| &meaning.means),
                    "do": meaning.map(|meaning| &meaning.remedy),
                    "worse": meaning.map(|meaning| &meaning.worse),
                })
            }).collect::<Vec<_>>(),
            "since": self.since.as_ref().map(|(previous, since)| json!({
                "record": previous.change,
                "sealed": previous.day,
                "new": since.new,
                "gone": since.gone,
            })),
            "items": self.items().map(|(item, verdict)| {
                let judged = self.review.items.get(&item.id);
                json!({
                    "item": item.id,
                    "statement": item.statement,
                    "verdict": verdict,
                    "by": if item.rule.is_some() { "rule" } else { "operator" },
                    "because": judged.and_then(|judged| judged.because.as_ref()),
                    "failing": judged.map(|judged| &judged.failing),
                    "evidence": judged.map(|judged| &judged.evidence),
                })
            }).collect::<Vec<_>>(),
            "counts": counts.into_iter().collect::<BTreeMap<_, _>>(),
        })
    }
}
