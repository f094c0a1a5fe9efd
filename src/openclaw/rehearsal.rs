//! Rehearsing a rollback on a copy: what is run there, and what its answers prove.

use serde_json::Value;

use crate::openclaw::command;
use crate::openclaw::command::End;
use crate::openclaw::command::Ended;
use crate::openclaw::command::quote;
use crate::openclaw::finding::Finding;
use crate::openclaw::finding::Outcome;
use crate::openclaw::finding::Report;
use crate::openclaw::finding::Severity;
use crate::openclaw::proof::Found;
use crate::openclaw::proof::Proof;

/// How many problems of a refused patch are told.
const PROBLEMS: usize = 5;

/// What a command on the copy came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It did what it should.
    Good,
    /// OpenClaw refused, and says why.
    Refused(String),
    /// It gave no answer that proves anything.
    Unmeasured(String),
}

/// A rehearsal, as far as it went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rehearsal {
    /// What was done on the copy, a line each.
    pub steps: Vec<String>,
    /// What the audit found on the copy before the rollback.
    pub before: Option<Report>,
    /// What the audit found after it.
    pub after: Option<Report>,
    /// Why OpenClaw refused a patch, or what came out of it.
    pub refused: Option<String>,
    /// Why the rehearsal did not come to its end.
    pub stopped: Option<String>,
    /// What the rollback leaves open on the copy, as Portcullis reads it.
    pub left_open: Vec<String>,
    /// Files of the live gateway that changed meanwhile.
    pub touched: Vec<String>,
}

/// Reads `config validate --json`.
#[must_use]
pub fn validated(ended: &Ended) -> Answer {
    let document = match document(ended) {
        Ok(document) => document,
        Err(unmeasured) => return unmeasured,
    };
    match document.get("valid") {
        Some(Value::Bool(true)) => Answer::Good,
        Some(Value::Bool(false)) => Answer::Refused(issues(&document)),
        _ => Answer::Unmeasured("OpenClaw's answer to config validate is not understood".into()),
    }
}

/// Reads `config patch --dry-run --json`.
#[must_use]
pub fn tried(ended: &Ended) -> Answer {
    let document = match document(ended) {
        Ok(document) => document,
        Err(unmeasured) => return unmeasured,
    };
    match document.get("ok") {
        Some(Value::Bool(true)) => Answer::Good,
        Some(Value::Bool(false)) => Answer::Refused(issues(&document)),
        _ => Answer::Unmeasured("OpenClaw's answer to the dry run is not understood".into()),
    }
}

/// Reads `config patch`, which has no JSON: it ends in 0 where it wrote, or had nothing to write.
///
/// What it wrote is read back; its own word is not taken.
#[must_use]
pub fn applied(ended: &Ended) -> Answer {
    match ended.end {
        End::Exit(0) => Answer::Good,
        End::Exit(_) => Answer::Refused(refusal(ended)),
        _ => Answer::Unmeasured(ending(ended)),
    }
}

/// Reads the audit of the copy.
///
/// # Errors
///
/// Why it measured nothing.
pub fn audited(ended: &Ended) -> Result<Report, String> {
    match command::read("audit", "rehearsal", ended) {
        Outcome::Measured(report) => Ok(report),
        Outcome::Unmeasured { why, .. } => Err(why),
        Outcome::Cancelled => Err("the audit was stopped".to_owned()),
    }
}

impl Rehearsal {
    /// Returns the criticals that a report holds beside those that a pattern makes by design.
    fn criticals<'r>(
        report: &'r Report,
        by_design: &'r [String],
    ) -> impl Iterator<Item = &'r Finding> {
        report.findings.iter().filter(|finding| {
            finding.severity == Severity::Critical && !by_design.contains(&finding.check_id)
        })
    }

    /// Says what a patch changes in what the audit finds; it proves nothing of the way back.
    #[must_use]
    pub fn prediction(self) -> Proof {
        let mut proof = Proof::of("move");
        proof.notes = self.steps;
        if let (Some(before), Some(after)) = (&self.before, &self.after) {
            let count = |report: &Report, severity: Severity| {
                let found = report.findings.iter().filter(|found| found.severity == severity);
                crate::text::count(found.count(), severity.word())
            };
            proof.notes.push(format!(
                "The audit of the copy: {}, {} before; {}, {} after.",
                count(before, Severity::Critical),
                count(before, Severity::Warn),
                count(after, Severity::Critical),
                count(after, Severity::Warn),
            ));
            let among = |found: &Finding, report: &Report| {
                let same = |other: &Finding| {
                    (&other.check_id, &other.detail_digest)
                        == (&found.check_id, &found.detail_digest)
                };
                report.findings.iter().any(same)
            };
            let line = |word: &str, found: &Finding| {
                format!("{word} {} {}: {}", found.severity.word(), found.check_id, found.title)
            };
            let gone = before.findings.iter().filter(|found| !among(found, after));
            proof.notes.extend(gone.map(|found| line("gone", found)));
            for found in after.findings.iter().filter(|found| !among(found, before)) {
                proof.notes.push(line("new", found));
                proof.findings.push(Found {
                    check_id: found.check_id.clone(),
                    severity: found.severity,
                    title: found.title.clone(),
                    detail: found.detail.clone(),
                    remediation: found.remediation.clone(),
                });
            }
        }
        for file in &self.touched {
            proof.notes.push(format!("Changed by somebody else meanwhile: {file}"));
        }
        let refused = self.refused.map(|why| format!("OpenClaw refuses it: {why}"));
        proof.unmeasured = refused.or(self.stopped);
        proof
    }

    /// Weighs the rehearsal. Criticals that a pattern makes by design do not count.
    #[must_use]
    pub fn proof(self, by_design: &[String]) -> Proof {
        let mut proof = Proof::of("rehearsal");
        proof.notes = self.steps;
        let count = |report: &Option<Report>| {
            report.as_ref().map(|report| Self::criticals(report, by_design).count())
        };
        if let (Some(before), Some(after)) = (count(&self.before), count(&self.after)) {
            proof.notes.push(format!(
                "The audit of the copy: {} before, {} after.",
                crate::text::count(before, "critical"),
                crate::text::count(after, "critical"),
            ));
        }
        let mut wrong = |id: &str, title: &str, detail: String, remediation: &str| {
            proof.findings.push(Found {
                check_id: format!("portcullis.rehearsal.{id}"),
                severity: Severity::Critical,
                title: title.to_owned(),
                detail,
                remediation: Some(remediation.to_owned()),
            });
        };
        if let Some(why) = &self.refused {
            wrong(
                "refused",
                "OpenClaw refuses the rollback",
                why.clone(),
                "Settle what it names and rehearse again; until then there is no way back.",
            );
        }
        if let Some(after) = &self.after {
            for critical in Self::criticals(after, by_design) {
                wrong(
                    "critical",
                    "A critical is left after the rollback",
                    format!("{}: {}", critical.check_id, critical.title),
                    "The rollback does not close it: close it by hand, before you widen anything.",
                );
            }
        }
        for open in &self.left_open {
            wrong(
                "open",
                "The rollback leaves something open",
                open.clone(),
                "The rollback does not close it: close it by hand, before you widen anything.",
            );
        }
        for file in &self.touched {
            wrong(
                "touched",
                "A file of the live gateway changed during the rehearsal",
                file.clone(),
                "Someone else changed it: the rehearsal writes to its copy alone. Rehearse again.",
            );
        }
        let whole = self.after.is_some() && self.stopped.is_none();
        if !proof.findings.is_empty() {
            proof.observe("rehearsal.ok", false);
        } else if whole {
            proof.observe("rehearsal.ok", true);
        }
        proof.unmeasured = self.stopped;
        proof.notes.push(
            "It does not cover what no config holds: a Funnel started by hand, firewall and proxy \
             rules, published container ports, paired devices, open connections."
                .to_owned(),
        );
        proof
    }
}

fn document(ended: &Ended) -> Result<Value, Answer> {
    if !matches!(ended.end, End::Exit(_)) {
        return Err(Answer::Unmeasured(ending(ended)));
    }
    if ended.truncated {
        return Err(Answer::Unmeasured("OpenClaw printed more than is kept".to_owned()));
    }
    command::document(&ended.stdout).ok_or_else(|| {
        Answer::Unmeasured(format!("OpenClaw printed no JSON: {}", last_line(ended)))
    })
}

/// Returns what is wrong, in OpenClaw's words.
fn issues(document: &Value) -> String {
    let lists = ["issues", "errors"].iter().filter_map(|key| document.get(key)?.as_array());
    let issue = |issue: &Value| {
        let text = |key| issue.get(key).and_then(Value::as_str);
        let message = text("message").unwrap_or("no reason given");
        text("path").map_or_else(|| message.to_owned(), |path| format!("{path}: {message}"))
    };
    let issues: Vec<String> = lists.flatten().map(issue).collect();
    let whole = || document.pointer("/error/message").and_then(Value::as_str);
    if issues.is_empty() {
        return quote(whole().unwrap_or("no reason given"));
    }
    quote(&issues.join("; "))
}

/// Finds why a patch was refused: the problems where they are listed, else what is said of the
/// config, else the last line. Advice follows all of them.
fn refusal(ended: &Ended) -> String {
    let mut lines = said(ended).skip_while(|line| *line != "Problem:").skip(1);
    let problems: Vec<&str> =
        lines.by_ref().map_while(|line| line.strip_prefix("- ")).take(PROBLEMS).collect();
    if !problems.is_empty() {
        let bare = problems.iter().map(|line| line.split_once(" — ").map_or(*line, |(_, it)| it));
        return quote(&bare.collect::<Vec<_>>().join("; "));
    }
    said(ended).find(|line| line.starts_with("Config ")).map_or_else(|| last_line(ended), quote)
}

fn last_line(ended: &Ended) -> String {
    quote(said(ended).next_back().unwrap_or("it said nothing"))
}

/// Returns the lines that are no log's.
fn said(ended: &Ended) -> impl DoubleEndedIterator<Item = &str> {
    let lines = ended.stderr.lines().chain(ended.stdout.lines()).map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with('['))
}

fn ending(ended: &Ended) -> String {
    let seconds = ended.took.as_secs();
    match &ended.end {
        End::NotStarted(why) => quote(why),
        End::Deadline => format!("it gave no answer within {seconds} s and was stopped"),
        End::Signal(signal) => format!("signal {signal} ended it after {seconds} s"),
        End::Cancelled => "it was stopped".to_owned(),
        End::Exit(status) => format!("it ended with status {status}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openclaw::finding::Told;

    fn ended(status: i32, stdout: &str, stderr: &str) -> Ended {
        Ended {
            end: End::Exit(status),
            stdout: stdout.to_owned(),
            stderr: stderr.to_owned(),
            truncated: false,
            took: std::time::Duration::from_secs(3),
        }
    }

    fn report(critical: &[&str]) -> Report {
        let finding = |id: &&str| Finding::new("audit", id, Severity::Critical, Told::default());
        Report { findings: critical.iter().map(finding).collect(), ..Report::default() }
    }

    #[test]
    fn a_dry_run_is_read_by_its_word_and_not_by_its_status() {
        assert_eq!(tried(&ended(1, r#"{"ok":true}"#, "")), Answer::Good);
        let refused = r#"{"ok":false,"errors":[{"kind":"schema","message":"no such key"}]}"#;
        assert_eq!(tried(&ended(0, refused, "")), Answer::Refused("no such key".to_owned()));
        assert!(matches!(tried(&ended(0, "fine", "")), Answer::Unmeasured(_)));
        let cut = Ended { truncated: true, ..ended(0, r#"{"ok":true}"#, "") };
        assert!(matches!(tried(&cut), Answer::Unmeasured(_)));
        let killed = Ended { end: End::Deadline, ..ended(0, r#"{"ok":true}"#, "") };
        assert!(matches!(tried(&killed), Answer::Unmeasured(_)));
    }

    #[test]
    fn a_refused_patch_says_why() {
        let said =
            "[state-migrations] x\nConfig validation failed: tools.exec: mode cannot be combined\n";
        assert_eq!(
            applied(&ended(1, "", said)),
            Answer::Refused("Config validation failed: tools.exec: mode cannot be combined".into())
        );
    }

    #[test]
    fn a_refused_patch_says_the_problem_and_not_the_advice() {
        let invalid = "OpenClaw config is invalid\nFile: ~/a.json\nProblem:\n  - a.json:1 — logging: \
            Unrecognized key: \"x\"\n  - a.json:2 — b: wrong\nLegacy config keys detected:\n  - : \
            retired\n\nRun \"openclaw doctor --fix\" to repair the config, then retry.\n";
        let why = "logging: Unrecognized key: \"x\"; b: wrong";
        assert_eq!(applied(&ended(1, "", invalid)), Answer::Refused(why.to_owned()));
        let managed = "Config is externally managed (`OPENCLAW_CONFIG_READONLY=1`), so it stays.\n\
            Config path: /a.json\nEdit the config in your external deployment source.\n";
        let why = "Config is externally managed (`OPENCLAW_CONFIG_READONLY=1`), so it stays";
        assert_eq!(applied(&ended(1, "", managed)), Answer::Refused(why.to_owned()));
        let odd = "config patch mode error: --json requires --dry-run.\n";
        let why = "config patch mode error: --json requires --dry-run";
        assert_eq!(applied(&ended(1, "", odd)), Answer::Refused(why.to_owned()));
    }

    #[test]
    fn a_prediction_names_what_is_new_and_what_is_gone_and_proves_no_way_back() {
        let rehearsal = Rehearsal {
            before: Some(report(&["stays", "goes"])),
            after: Some(report(&["stays", "comes"])),
            ..Rehearsal::default()
        };
        let proof = rehearsal.prediction();
        assert_eq!(proof.observed, std::collections::BTreeMap::new());
        let notes = proof.notes.join("\n");
        assert!(notes.contains("gone critical goes") && notes.contains("new critical comes"));
        assert!(!notes.contains("stays"), "{notes}");
        assert_eq!(proof.findings.len(), 1);
        let refused = Rehearsal { refused: Some("no".into()), ..Rehearsal::default() }.prediction();
        assert_eq!(refused.unmeasured.as_deref(), Some("OpenClaw refuses it: no"));
    }

    #[test]
    fn it_is_good_only_when_it_came_to_its_end_and_nothing_is_left() {
        let good = Rehearsal {
            before: Some(report(&["a", "b"])),
            after: Some(report(&["by.design"])),
            ..Rehearsal::default()
        };
        let by_design = ["by.design".to_owned()];
        let ok = |rehearsal: &Rehearsal| {
            rehearsal.clone().proof(&by_design).observed.get("rehearsal.ok").cloned()
        };
        assert_eq!(ok(&good), Some(true.into()));
        let left = Rehearsal { after: Some(report(&["a"])), ..good.clone() };
        assert_eq!(ok(&left), Some(false.into()));
        let open = Rehearsal { left_open: vec!["DMs of telegram".into()], ..good.clone() };
        assert_eq!(ok(&open), Some(false.into()));
        let refused = Rehearsal { refused: Some("no".into()), after: None, ..good.clone() };
        assert_eq!(ok(&refused), Some(false.into()));
        let stopped = Rehearsal { stopped: Some("no CLI".into()), after: None, ..good };
        assert_eq!(ok(&stopped), None);
    }
}
