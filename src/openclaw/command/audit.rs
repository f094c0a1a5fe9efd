//! Reading `security audit --json` and `security audit --deep --json`.

use serde_json::Value;

use crate::openclaw::command::answer::not_understood;
use crate::openclaw::command::plain::plain;
use crate::openclaw::command::plain::quote;
use crate::openclaw::finding::Finding;
use crate::openclaw::finding::Outcome;
use crate::openclaw::finding::Report;
use crate::openclaw::finding::Severity;
use crate::openclaw::finding::Told;

/// What the deep probe says of a healthy gateway to a CLI that is not paired with it.
const UNPAIRED: &str = "missing scope: operator.read";

/// The findings that OpenClaw also reports where it merely could not resolve the secret.
const UNDECIDED: [&str; 2] = ["gateway.loopback_no_auth", "gateway.http.no_auth"];

/// How far an audit was asked to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Depth {
    /// The config and the files only.
    Config,
    /// The running gateway as well.
    Deep,
}

/// Reads an audit's document. A deep audit that did not get into the gateway is unmeasured.
pub(super) fn read(check: &str, document: &Value, depth: Depth) -> Outcome {
    // `--fix` wraps the report and what it changed in one document.
    let report = document.get("report").unwrap_or(document);
    let Some(found) = report.get("findings").and_then(Value::as_array) else {
        return not_understood(document);
    };
    let deep = Deep::read(report);
    let mut read = Report { reached: deep.as_ref().map(Deep::reached), ..Report::default() };
    take(&mut read, check, found);
    if let Some(hidden) = report.get("suppressedFindings").and_then(Value::as_array) {
        let shown = read.findings.len();
        take(&mut read, check, hidden);
        for finding in &mut read.findings[shown..] {
            finding.suppressed = true;
        }
    }
    note_secrets(&mut read, report.get("secretDiagnostics").or(document.get("secretDiagnostics")));
    note_unpaired(&mut read);
    let read = read.sorted();
    if let Some(why) = miscounted(report, &read) {
        return Outcome::Unmeasured { why, partial: Some(read) };
    }
    match (depth, deep) {
        (Depth::Config, _) => Outcome::Measured(read),
        (Depth::Deep, Some(deep)) if deep.reached() => Outcome::Measured(read),
        (Depth::Deep, Some(deep)) => Outcome::Unmeasured { why: deep.why(), partial: Some(read) },
        (Depth::Deep, None) => Outcome::Unmeasured {
            why: "The answer has no deep part, so the running gateway was not looked at."
                .to_owned(),
            partial: Some(read),
        },
    }
}

/// Takes findings out of a list, tolerating what is missing or unknown.
fn take(report: &mut Report, check: &str, found: &[Value]) {
    for value in found {
        let text = |key| value.get(key).and_then(Value::as_str);
        let Some(check_id) = text("checkId") else {
            report.note("A finding without an id was skipped.");
            continue;
        };
        let check_id = quote(check_id);
        let severity = severity(text("severity")).unwrap_or_else(|| {
            let word = quote(text("severity").unwrap_or_default());
            report.note(format!(
                "{check_id} has the unknown severity `{word}` and is held for a warning."
            ));
            Severity::Warn
        });
        let told = Told {
            title: plain(text("title").unwrap_or(&check_id)),
            detail: plain(text("detail").unwrap_or_default()),
            remediation: text("remediation").map(plain),
        };
        report.findings.push(Finding::new(check, &check_id, severity, told));
    }
}

/// Reads a word for a severity.
fn severity(word: Option<&str>) -> Option<Severity> {
    match word?.to_ascii_lowercase().as_str() {
        "critical" | "error" | "high" => Some(Severity::Critical),
        "warn" | "warning" => Some(Severity::Warn),
        "info" => Some(Severity::Info),
        _ => None,
    }
}

/// Notes secrets that OpenClaw could not resolve here, and what that leaves undecided.
fn note_secrets(report: &mut Report, diagnostics: Option<&Value>) {
    let diagnostics = diagnostics.and_then(Value::as_array).into_iter().flatten();
    let diagnostics: Vec<_> = diagnostics.filter_map(Value::as_str).collect();
    for diagnostic in &diagnostics {
        report.note(quote(diagnostic));
    }
    if !diagnostics.iter().any(|diagnostic| diagnostic.contains("gateway.auth")) {
        return;
    }
    let undecided = UNDECIDED.iter().filter(|id| {
        let mut findings = report.findings.iter();
        findings.any(|finding| finding.check_id == **id)
    });
    for id in undecided.collect::<Vec<_>>() {
        report.note(format!(
            "{id} cannot be decided here: the gateway's secret is not visible to this process. Set \
             the variable it refers to and run the check again."
        ));
    }
}

/// Holds the deep probe's missing scope for what it is: the gateway let the probe in.
fn note_unpaired(report: &mut Report) {
    if report.reached != Some(true) {
        return;
    }
    let mut downgraded = false;
    for finding in &mut report.findings {
        if finding.check_id == "gateway.probe_failed" && finding.detail.trim() == UNPAIRED {
            finding.severity = Severity::Info;
            finding.detail.push_str(
                "\nOpenClaw calls this a warning. The gateway was reached and accepted the \
                 credentials; it only withholds operator.read from a CLI that is not paired.",
            );
            downgraded = true;
        }
    }
    if downgraded {
        report.note(
            "gateway.probe_failed is no failure here: the gateway accepted the credentials and \
             only withheld operator.read, as it does from a CLI that is not paired.",
        );
    }
}

/// Returns why the list cannot be trusted, when it holds fewer criticals than are counted.
fn miscounted(document: &Value, report: &Report) -> Option<String> {
    let counted = document.pointer("/summary/critical")?.as_u64()?;
    let open = |finding: &&Finding| finding.severity == Severity::Critical && !finding.suppressed;
    let listed = report.findings.iter().filter(open).count();
    (counted > listed as u64).then(|| {
        format!(
            "Its summary counts {counted} critical and its list holds {listed}, so the list is not \
             whole."
        )
    })
}

/// The deep part: what probing the running gateway came to.
struct Deep<'a> {
    url: &'a str,
    attempted: bool,
    ok: bool,
    error: &'a str,
    close: Option<i64>,
    closed: bool,
}

impl<'a> Deep<'a> {
    /// Reads the deep part of a report, where it has one.
    fn read(report: &'a Value) -> Option<Self> {
        let gateway = report.pointer("/deep/gateway").filter(|part| part.is_object())?;
        let text = |key| gateway.get(key).and_then(Value::as_str);
        let close = gateway.get("close").filter(|close| !close.is_null());
        Some(Self {
            url: text("url").unwrap_or("the configured address"),
            attempted: gateway.get("attempted") != Some(&Value::Bool(false)),
            ok: gateway.get("ok") == Some(&Value::Bool(true)),
            error: text("error").unwrap_or_default(),
            close: close.and_then(|close| close.get("code")?.as_i64()),
            closed: close.is_some(),
        })
    }

    /// Tells whether the gateway was reached and let the probe in.
    fn reached(&self) -> bool {
        self.attempted && (self.ok || (self.error.contains(UNPAIRED) && !self.closed))
    }

    /// Says why the gateway was not reached or did not let the probe in.
    fn why(&self) -> String {
        let url = quote(self.url);
        let error = match quote(self.error) {
            error if error.is_empty() => "no reason given".to_owned(),
            error => error,
        };
        if !self.attempted {
            format!("The audit did not try the gateway at {url}: {error}.")
        } else if self.close == Some(1008) || self.error.starts_with("unauthorized") {
            format!(
                "The gateway at {url} denied the audit: {error}. Give the check the credentials \
                 the running gateway uses and run it again."
            )
        } else if self.close == Some(1006) || self.error.contains("ECONNREFUSED") {
            format!(
                "No gateway answered at {url}: {error}. Start the gateway and run the check again."
            )
        } else {
            format!("The audit did not get into the gateway at {url}: {error}.")
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::openclaw::command::answer::exited;
    use crate::openclaw::command::read as read_answer;

    fn finding(id: &str, severity: &str, detail: &str) -> Value {
        json!({"checkId": id, "severity": severity, "title": "T", "detail": detail, "new": 1})
    }

    fn deep(ok: bool, error: &str, close: &Value) -> Value {
        json!({"gateway": {"attempted": true, "url": "ws://127.0.0.1:1", "ok": ok,
            "error": error, "close": close}})
    }

    fn answer(name: &str, document: &Value) -> Outcome {
        read_answer(name, "the-audit", &exited(0, &document.to_string()))
    }

    #[track_caller]
    fn measured(outcome: Outcome) -> Report {
        match outcome {
            Outcome::Measured(report) => report,
            Outcome::Unmeasured { .. } | Outcome::Cancelled => panic!("{outcome:?}"),
        }
    }

    #[track_caller]
    fn unmeasured(outcome: Outcome) -> (String, Report) {
        match outcome {
            Outcome::Unmeasured { why, partial: Some(partial) } => (why, partial),
            Outcome::Unmeasured { .. } | Outcome::Measured(_) | Outcome::Cancelled => {
                panic!("{outcome:?}")
            }
        }
    }

    #[test]
    fn findings_are_read_worst_first_and_suppressed_ones_last() {
        let document = json!({
            "findings": [finding("a", "info", ""), finding("b", "critical", "- tools.exec.mode"),
                finding("c", "odd", "\u{1b}[1mx"), {"severity": "info"}],
            "suppressedFindings": [finding("d", "critical", "")],
            "secretDiagnostics": []});
        let report = measured(answer("audit", &document));
        let told: Vec<_> = report
            .findings
            .iter()
            .map(|f| (f.check_id.as_str(), f.severity, f.suppressed))
            .collect();
        assert_eq!(
            told,
            [
                ("b", Severity::Critical, false),
                ("c", Severity::Warn, false),
                ("a", Severity::Info, false),
                ("d", Severity::Critical, true),
            ]
        );
        assert_eq!(report.findings[0].paths, ["tools.exec.mode"]);
        assert_eq!(report.findings[0].source, "the-audit");
        assert_eq!(report.findings[1].detail, "x");
        assert_eq!(report.reached, None);
        assert_eq!(
            report.notes,
            [
                "c has the unknown severity `odd` and is held for a warning.",
                "A finding without an id was skipped.",
            ]
        );
    }

    #[test]
    fn the_report_that_a_fix_wraps_is_read() {
        let document = json!({"fix": {"ok": true}, "report": {"findings":
            [finding("a", "warn", "")]}});
        assert_eq!(measured(answer("audit", &document)).findings.len(), 1);
    }

    #[test]
    fn a_deep_audit_is_measured_only_when_it_got_into_the_gateway() {
        let paired = json!({"findings": [], "deep": deep(true, "", &Value::Null)});
        assert_eq!(measured(answer("audit-deep", &paired)).reached, Some(true));
        let cases = [
            (
                json!({"findings": []}),
                None,
                "The answer has no deep part, so the running gateway was not looked at.",
            ),
            (
                json!({"findings": [], "deep": deep(false, "unauthorized: gateway token mismatch",
                    &json!({"code": 1008}))}),
                Some(false),
                "The gateway at ws://127.0.0.1:1 denied the audit: unauthorized: gateway token \
                 mismatch. Give the check the credentials the running gateway uses and run it \
                 again.",
            ),
            (
                json!({"findings": [], "deep": deep(false, "connect ECONNREFUSED 127.0.0.1:1",
                    &json!({"code": 1006}))}),
                Some(false),
                "No gateway answered at ws://127.0.0.1:1: connect ECONNREFUSED 127.0.0.1:1. Start \
                 the gateway and run the check again.",
            ),
            (
                json!({"findings": [], "deep": deep(false, "timeout", &Value::Null)}),
                Some(false),
                "The audit did not get into the gateway at ws://127.0.0.1:1: timeout.",
            ),
            (
                json!({"findings": [], "deep": deep(false, UNPAIRED, &json!({"code": 1008}))}),
                Some(false),
                "The gateway at ws://127.0.0.1:1 denied the audit: missing scope: operator.read. \
                 Give the check the credentials the running gateway uses and run it again.",
            ),
        ];
        for (document, reached, expected) in cases {
            let (why, partial) = unmeasured(answer("audit-deep", &document));
            assert_eq!((why.as_str(), partial.reached), (expected, reached));
        }
    }

    #[test]
    fn a_missing_scope_means_that_the_gateway_let_the_probe_in() {
        let document = json!({
            "summary": {"critical": 0},
            "findings": [finding("gateway.probe_failed", "warn", UNPAIRED)],
            "deep": deep(false, UNPAIRED, &Value::Null)});
        let report = measured(answer("audit-deep", &document));
        assert_eq!(report.reached, Some(true));
        assert_eq!(report.findings[0].severity, Severity::Info);
        assert_eq!(
            report.notes,
            ["gateway.probe_failed is no failure here: the gateway accepted the credentials \
                 and only withheld operator.read, as it does from a CLI that is not paired.",]
        );
    }

    #[test]
    fn an_unresolved_secret_leaves_no_auth_findings_undecided() {
        let document = json!({
            "findings": [finding("gateway.http.no_auth", "warn", "")],
            "secretDiagnostics": ["failed to resolve gateway.auth.token locally."]});
        let report = measured(answer("audit", &document));
        assert_eq!(report.findings.len(), 1);
        assert_eq!(
            report.notes,
            [
                "failed to resolve gateway.auth.token locally",
                "gateway.http.no_auth cannot be decided here: the gateway's secret is not visible \
                 to this process. Set the variable it refers to and run the check again.",
            ]
        );
    }

    #[test]
    fn a_list_that_holds_fewer_criticals_than_are_counted_is_not_trusted() {
        let document =
            json!({"summary": {"critical": 2}, "findings": [finding("a", "critical", "")]});
        let (why, partial) = unmeasured(answer("audit", &document));
        assert_eq!(
            why,
            "Its summary counts 2 critical and its list holds 1, so the list is not whole."
        );
        assert_eq!(partial.findings.len(), 1);
    }
}
