//! What became of the answers that were brought, told as text and as JSON.

use chrono::TimeDelta;
use serde_json::Value;
use serde_json::json;

use crate::cli::wizard::Scene;
use crate::text::Shown;
use crate::verdict::FRESH_HOURS;
use crate::verdict::Run;
use crate::verdict::brought::Journey;

/// What became of an answer.
pub(super) enum Became {
    /// It was read and is kept.
    Kept(Box<Run>),
    /// The program is not on that host.
    Absent(&'static str),
    /// The draft holds a newer one, or one that counts where this does not.
    Older(&'static str),
}

/// What is told of a journey.
pub(super) struct Tale<'a> {
    pub(super) scene: &'a Scene,
    pub(super) journey: &'a Journey<'a>,
    pub(super) became: &'a [Became],
    /// What was not brought.
    pub(super) absent: &'a [&'static str],
}

impl Tale<'_> {
    pub(super) fn text(&self, dry_run: bool) -> String {
        let journey = self.journey;
        let mut text = String::new();
        let mut line = |line: &str| {
            text.push_str(Shown::line(line).as_str());
            text.push('\n');
        };
        let kept = if dry_run { "read, and nothing of it kept" } else { "kept in its draft" };
        line(&format!("{} ({}): {kept}", journey.host, self.scene.target.id));
        for it in self.became {
            let run = match it {
                Became::Kept(run) => run,
                Became::Absent(name) => {
                    line(&format!("{name:<16} not on that host"));
                    continue;
                }
                Became::Older(name) => {
                    line(&format!(
                        "{name:<16} not kept: the draft holds a newer one, or one that counts"
                    ));
                    continue;
                }
            };
            let why = run.why().map(|why| format!(": {why}")).unwrap_or_default();
            let from = run.vantage().unwrap_or_default();
            line(&format!("{:<16} {}{why}", run.check, run.outcome_word()));
            line(&format!("{:<16} {from}", ""));
            if let Some(report) = run.report() {
                for finding in &report.findings {
                    let severity = finding.severity.word();
                    line(&format!("{:<16} {severity}: {}", "", finding.title));
                }
                for note in &report.notes {
                    line(&format!("{:<16} {note}", ""));
                }
            }
            let end = run.at + TimeDelta::hours(FRESH_HOURS);
            let counts = match journey.why_not(run) {
                Some(why) => format!("does not count: {why}"),
                None if run.is_measured() => {
                    format!("counts until {}", end.format("%Y-%m-%d %H:%M %:z"))
                }
                None => "measures nothing, so nothing counts".to_owned(),
            };
            line(&format!("{:<16} {counts}", ""));
        }
        if !self.absent.is_empty() {
            line(&format!("not brought      {}", self.absent.join(", ")));
        }
        text
    }

    pub(super) fn json(&self) -> Value {
        let journey = self.journey;
        let results: Vec<Value> = (self.became.iter())
            .map(|it| match it {
                Became::Absent(name) => json!({ "check": name, "outcome": "absent" }),
                Became::Older(name) => json!({ "check": name, "outcome": "older" }),
                Became::Kept(run) => json!({
                    "check": run.check,
                    "outcome": run.outcome_word(),
                    "why": run.why(),
                    "at": run.at.to_rfc3339(),
                    "vantage": run.vantage(),
                    "brought": run.brought,
                    "counts": journey.why_not(run).is_none(),
                    "counts_not": journey.why_not(run),
                    "output_sha256": run.output_sha256,
                    "report": run.report(),
                }),
            })
            .collect();
        json!({
            "schema": "portcullis/import",
            "version": 1,
            "target": self.scene.target,
            "config_digest": journey.digest,
            "untied": journey.untied,
            "results": results,
            "not_brought": self.absent,
        })
    }
}
