//! Reading `doctor --lint --json`, and the boxes that plain `doctor` draws.

mod boxes;

use serde_json::Value;

use crate::openclaw::command::Ended;
use crate::openclaw::command::answer::issues;
use crate::openclaw::command::answer::not_understood;
use crate::openclaw::command::answer::rejects;
use crate::openclaw::command::answer::unmeasured;
use crate::openclaw::command::plain::plain;
use crate::openclaw::command::plain::quote;
use crate::openclaw::finding::Finding;
use crate::openclaw::finding::Outcome;
use crate::openclaw::finding::Report;
use crate::openclaw::finding::Severity;
use crate::openclaw::finding::Told;

/// The check that fails when OpenClaw rejects the config; then no other check is run.
const VALIDATION: &str = "core/doctor/final-config-validation";

/// The exit status with which the lint says that it could not run its checks.
const RUNNER_FAILED: i32 = 2;

/// Reads the lint's document. That it found something makes it no less measured.
pub(super) fn read_lint(check: &str, document: &Value, status: i32) -> Outcome {
    let Some(found) = document.get("findings").and_then(Value::as_array) else {
        return not_understood(document);
    };
    let mut report = Report::default();
    for value in found {
        take(&mut report, check, value);
    }
    for warning in document.get("warnings").and_then(Value::as_array).into_iter().flatten() {
        let text = warning.as_str().or_else(|| warning.get("message")?.as_str());
        report.note(quote(text.unwrap_or_default()));
    }
    let rejected = found.iter().filter(|value| {
        let is = |key, text| value.get(key).and_then(Value::as_str) == Some(text);
        is("checkId", VALIDATION) && is("severity", "error")
    });
    let rejected = issues(rejected);
    let partial =
        |why: String, report: Report| Outcome::Unmeasured { why, partial: Some(report.sorted()) };
    if !rejected.is_empty() {
        return partial(rejects(&rejected), report);
    }
    if status == RUNNER_FAILED {
        let why = "Doctor could not run all of its checks (status 2).".to_owned();
        return partial(why, report);
    }
    Outcome::Measured(report.sorted())
}

/// Takes one finding of the lint, tolerating what is missing or unknown.
fn take(report: &mut Report, check: &str, value: &Value) {
    let text = |key| value.get(key).and_then(Value::as_str);
    let Some(check_id) = text("checkId") else {
        report.note("A finding without an id was skipped.");
        return;
    };
    // A requirement is an id below the check's, or a sentence that explains it.
    let requirement = text("requirement").map(plain).unwrap_or_default();
    let is_id = !requirement.is_empty() && !requirement.contains(char::is_whitespace);
    let check_id =
        if is_id { quote(&format!("{check_id}:{requirement}")) } else { quote(check_id) };
    let severity = match text("severity") {
        Some("error" | "critical") => Severity::Critical,
        Some("warning" | "warn") => Severity::Warn,
        Some("info") => Severity::Info,
        unknown => {
            let word = quote(unknown.unwrap_or_default());
            report.note(format!(
                "{check_id} has the unknown severity `{word}` and is held for a warning."
            ));
            Severity::Warn
        }
    };
    let message = plain(text("message").unwrap_or_default());
    let (title, rest) = message.split_once('\n').unwrap_or((&message, ""));
    let mut detail = vec![rest.to_owned()];
    if !is_id {
        detail.push(requirement);
    }
    for key in ["path", "target"] {
        detail.extend(text(key).map(|value| format!("{key}: {}", plain(value))));
    }
    detail.retain(|line| !line.is_empty());
    let remediation = text("fixHint").map(plain);
    let listed = remediation.iter().flat_map(|hint| hint.lines());
    let listed = listed.filter(|line| line.starts_with("Paths:"));
    let target = text("target").map(|target| format!("- {target}"));
    let beside: Vec<&str> = listed.chain([title]).chain(target.as_deref()).collect();
    let told = Told {
        title: title.to_owned(),
        detail: detail.join("\n"),
        remediation: remediation.clone(),
    };
    report.findings.push(Finding::naming(check, &check_id, severity, told, &beside));
}

/// Reads plain doctor's text: measured when it ended well and drew its boxes.
pub(super) fn read_text(check: &str, ended: &Ended, status: i32) -> Outcome {
    let text = plain(&ended.stdout);
    let mut report = Report { findings: boxes::parse(check, &text), ..Report::default() };
    if text.contains("Health check failed") || ended.stderr.contains("Health check failed") {
        report.reached = Some(false);
        report.note("Doctor could not reach the gateway, so it says nothing of its health.");
    }
    if !text.contains("Doctor complete") {
        report.note("Doctor did not say that it is complete.");
    }
    if report.findings.is_empty() {
        return unmeasured(format!(
            "Doctor ended with status {status} and none of its boxes could be read."
        ));
    }
    let report = report.sorted();
    match status {
        0 => Outcome::Measured(report),
        _ => Outcome::Unmeasured {
            why: format!("Doctor ended with status {status}, so it may not have finished."),
            partial: Some(report),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openclaw::command::answer::exited;
    use crate::openclaw::command::read;

    const LINT: &str = r#"{"schemaVersion":1,"ok":false,"checksRun":35,"findings":[
        {"checkId":"core/doctor/host","severity":"info","message":"One.\nTwo.","requirement":"A sentence."},
        {"checkId":"core/doctor/security","severity":"error","message":"Open.","path":"gateway.bind",
         "requirement":"gateway.bind_no_auth","fixHint":"Close it.\nPaths: gateway.auth.token, channels.x.y"},
        {"checkId":"core/doctor/new","severity":"dire","message":"?"},{}],
        "warnings":["slow disk"]}"#;

    #[test]
    fn a_lint_is_measured_whatever_it_found() {
        let Outcome::Measured(report) = read("doctor-lint", "lint", &exited(1, LINT)) else {
            panic!("it is measured");
        };
        let told: Vec<_> = report
            .findings
            .iter()
            .map(|f| (f.severity, f.check_id.as_str(), f.title.as_str(), f.detail.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                (
                    Severity::Critical,
                    "core/doctor/security:gateway.bind_no_auth",
                    "Open.",
                    "path: gateway.bind"
                ),
                (Severity::Warn, "core/doctor/new", "?", ""),
                (Severity::Info, "core/doctor/host", "One.", "Two.\nA sentence."),
            ]
        );
        assert_eq!(
            report.findings[0].paths,
            ["channels.x.y", "gateway.auth.token", "gateway.bind"]
        );
        assert_eq!(
            report.notes,
            [
                "core/doctor/new has the unknown severity `dire` and is held for a warning.",
                "A finding without an id was skipped.",
                "slow disk",
            ]
        );
    }

    #[test]
    fn a_lint_that_could_not_run_its_checks_is_unmeasured() {
        let Outcome::Unmeasured { why, partial } = read("doctor-lint", "lint", &exited(2, LINT))
        else {
            panic!("it is unmeasured");
        };
        assert_eq!(why, "Doctor could not run all of its checks (status 2).");
        assert_eq!(partial.map(|report| report.findings.len()), Some(3));
    }

    #[test]
    fn a_lint_of_a_rejected_config_is_unmeasured_because_no_other_check_ran() {
        let document = r#"{"schemaVersion":1,"ok":false,"checksRun":1,"findings":[
            {"checkId":"core/doctor/final-config-validation","severity":"error",
             "message":"Unrecognized key: \"x\"","path":"logging.x"}]}"#;
        let Outcome::Unmeasured { why, partial } = read("doctor-lint", "l", &exited(1, document))
        else {
            panic!("it is unmeasured");
        };
        assert_eq!(
            why,
            "The installed OpenClaw rejects this config: logging.x: Unrecognized key: \"x\"."
        );
        assert_eq!(partial.map(|report| report.findings.len()), Some(1));
    }

    #[test]
    fn plain_doctor_is_measured_by_its_boxes() {
        let text = "┌  OpenClaw doctor\n│\n◇  Host desktop ───╮\n│                  │\n│  \
                    disabled        │\n│                  │\n├──────────────────╯\n";
        let Outcome::Measured(report) = read("doctor", "doctor", &exited(0, text)) else {
            panic!("it is measured");
        };
        assert_eq!(report.findings[0].check_id, "doctor/host-desktop");
        assert_eq!(report.findings[0].detail, "disabled");
        assert!(matches!(
            read("doctor", "doctor", &exited(1, text)),
            Outcome::Unmeasured { partial: Some(_), .. }
        ));
        assert_eq!(
            read("doctor", "doctor", &exited(0, "All good.\n")),
            unmeasured("Doctor ended with status 0 and none of its boxes could be read.")
        );
    }

    #[test]
    fn doctor_says_when_it_could_not_reach_the_gateway() {
        let mut ended = exited(0, "◇  Gateway ──╮\n│  x  │\n├──╯\n");
        ended.stderr = "Health check failed: GatewayTransportError".to_owned();
        let Outcome::Measured(report) = read("doctor", "doctor", &ended) else {
            panic!("it is measured");
        };
        assert_eq!(report.reached, Some(false));
    }
}
