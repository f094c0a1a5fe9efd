//! Reading an answer: what holds for all commands, before each is read in its own way.

use serde_json::Value;

use crate::openclaw::command::End;
use crate::openclaw::command::Ended;
use crate::openclaw::command::OWN;
use crate::openclaw::command::REMOTE_PROBE;
use crate::openclaw::command::audit;
use crate::openclaw::command::doctor;
use crate::openclaw::command::health;
use crate::openclaw::command::plain::plain;
use crate::openclaw::command::plain::quote;
use crate::openclaw::command::probe;
use crate::openclaw::finding::Outcome;
use crate::openclaw::finding::Report;
use crate::openclaw::proof::Proof;

/// What is said of an answer of which the rest was dropped: whatever stood there could contradict
/// what was kept.
const OVERLONG: &str = "It printed more than is kept, so its answer is not known whole. Run it by \
    itself and look at what it prints.";

/// Reads a command's answer. Exit statuses prove nothing by themselves.
///
/// `check` becomes the source of the findings. A command that did not end by itself is
/// unmeasured, whatever it printed; what was understood of it is kept as the partial report.
#[must_use]
pub fn read(name: &str, check: &str, ended: &Ended) -> Outcome {
    let why = match &ended.end {
        End::Cancelled => return Outcome::Cancelled,
        End::Exit(status) if !ended.truncated => return answer(name, check, ended, *status),
        End::Exit(_) => OVERLONG.to_owned(),
        End::NotStarted(reason) => {
            return unmeasured(format!(
                "{}. Run portcullis where OpenClaw is installed and on the PATH, as the gateway's OS user.",
                quote(reason)
            ));
        }
        End::Deadline => format!(
            "It gave no complete answer within {} and was stopped. Run it again, when the host is \
             less busy or with a longer deadline.",
            seconds(ended)
        ),
        End::Signal(signal) => format!(
            "Signal {signal} ended it after {}, so its answer is not complete. Run it again.",
            seconds(ended)
        ),
    };
    let partial = match answer(name, check, ended, 0) {
        Outcome::Measured(report) => Some(report),
        Outcome::Unmeasured { partial, .. } => partial,
        Outcome::Cancelled => None,
    };
    Outcome::Unmeasured { why, partial }
}

/// Reads what a command printed that ended by itself.
fn answer(name: &str, check: &str, ended: &Ended, status: i32) -> Outcome {
    if name == "doctor" {
        return doctor::read_text(check, ended, status);
    }
    let Some(document) = document(&ended.stdout) else {
        return no_document(ended, status);
    };
    if OWN.contains(&name) {
        return match serde_json::from_value::<Proof>(document) {
            Ok(proof) => proof.outcome(check),
            Err(_) => unmeasured("Another version of Portcullis answered than the one that asked."),
        };
    }
    if let Some(why) = rejected_config(&document) {
        return unmeasured(why);
    }
    let outcome = match name {
        "audit" => audit::read(check, &document, audit::Depth::Config),
        "audit-deep" => audit::read(check, &document, audit::Depth::Deep),
        "doctor-lint" => doctor::read_lint(check, &document, status),
        "health" => health::read(&document),
        "probe" => probe::read(&document),
        REMOTE_PROBE => probe::read_remote(&document),
        _ => unmeasured(format!("No reader is known for the command `{}`.", quote(name))),
    };
    with_warnings(outcome, ended)
}

/// Finds the JSON document among the lines of an output.
///
/// Lines before and after it are skipped. A document begins at the start of a line; when there
/// are several, such as log lines in JSON, the longest counts. What stands inside a document that
/// was cut off is indented, and never taken for one.
pub(crate) fn document(output: &str) -> Option<Value> {
    let mut longest: Option<(usize, Value)> = None;
    for (length, value) in found(output) {
        if longest.as_ref().is_none_or(|(known, _)| length > *known) {
            longest = Some((length, value));
        }
    }
    longest.map(|(_, value)| value)
}

/// Returns every JSON object that begins a line.
pub(crate) fn documents(output: &str) -> Vec<Value> {
    found(output).into_iter().map(|(_, value)| value).collect()
}

/// Finds every JSON object that begins a line, with its length.
fn found(output: &str) -> Vec<(usize, Value)> {
    let output = output.trim_start_matches('\u{feff}');
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(rest) = output.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with('{') {
            let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
            if let Some(Ok(value)) = values.next() {
                let length = values.byte_offset();
                at += length;
                found.push((length, value));
                continue;
            }
        }
        at += rest.find('\n').map_or(rest.len(), |end| end + 1);
    }
    found
}

/// Says that there is no document, with the last words of the command.
fn no_document(ended: &Ended, status: i32) -> Outcome {
    let last_line = |text: &str| {
        let text = plain(text);
        let line = text.lines().map(str::trim).rfind(|line| !line.is_empty());
        line.map(quote)
    };
    let last = last_line(&ended.stderr).or_else(|| last_line(&ended.stdout));
    unmeasured(match last {
        Some(last) => format!("It ended with status {status} and printed no JSON: {last}."),
        None => format!("It ended with status {status} and printed nothing."),
    })
}

/// Returns why, when OpenClaw answers that it rejects the config.
fn rejected_config(document: &Value) -> Option<String> {
    let message = document.pointer("/error/message")?.as_str()?;
    if document.get("ok") != Some(&Value::Bool(false)) || !message.contains("config is invalid") {
        return None;
    }
    let mut issues = issues(document.get("issues")?.as_array()?);
    if issues.is_empty() {
        issues = quote(message);
    }
    Some(rejects(&issues))
}

/// Returns the issues of an invalid config as part of a sentence.
pub(super) fn issues<'a>(issues: impl IntoIterator<Item = &'a Value>) -> String {
    let issues: Vec<_> = issues
        .into_iter()
        .map(|issue| {
            let text = |key| issue.get(key).and_then(Value::as_str).unwrap_or_default();
            format!("{}: {}", text("path"), text("message"))
        })
        .collect();
    quote(&issues.join("; "))
}

/// Returns the sentence that says why the config is rejected.
pub(super) fn rejects(issues: &str) -> String {
    format!("The installed OpenClaw rejects this config: {issues}.")
}

/// Returns the sentence for an error document: `{ok: false, error: {type, message}}`.
pub(super) fn error(document: &Value) -> Option<String> {
    let error = document.get("error")?;
    let text = |key| error.get(key).and_then(Value::as_str);
    let message = error.as_str().or_else(|| text("message")).or_else(|| text("type"))?;
    Some(format!("OpenClaw answered with an error: {}.", quote(message)))
}

/// Returns the sentence for a document that nobody understands.
pub(super) fn not_understood(document: &Value) -> Outcome {
    unmeasured(error(document).unwrap_or_else(|| {
        "It printed JSON that this version of Portcullis does not understand.".to_owned()
    }))
}

/// Notes OpenClaw's warnings about the config, which it prints beside a good answer.
fn with_warnings(mut outcome: Outcome, ended: &Ended) -> Outcome {
    let report = match &mut outcome {
        Outcome::Measured(report) => Some(report),
        Outcome::Unmeasured { partial, .. } => partial.as_mut(),
        Outcome::Cancelled => None,
    };
    if let Some(report) = report {
        for line in plain(&ended.stderr).lines() {
            if line.starts_with("[config] warnings:") {
                report.note(quote(line));
            }
        }
        if ended.stderr.contains("OpenClaw config is invalid") {
            report.note("The installed OpenClaw rejects this config; it answered all the same.");
        }
    }
    outcome
}

/// Makes an outcome that measured nothing.
pub(super) fn unmeasured(why: impl Into<String>) -> Outcome {
    Outcome::Unmeasured { why: why.into(), partial: None }
}

/// Makes an outcome of a gateway that did not let us in, though it says something.
pub(super) fn not_let_in(why: impl Into<String>) -> Outcome {
    Outcome::Unmeasured {
        why: why.into(),
        partial: Some(Report { reached: Some(false), ..Report::default() }),
    }
}

/// Returns how long a command took, in words.
fn seconds(ended: &Ended) -> String {
    format!("{:.0} s", ended.took.as_secs_f64())
}

/// Makes the end of a process that printed this and ended by itself.
#[cfg(test)]
pub(super) fn exited(status: i32, stdout: &str) -> Ended {
    Ended {
        end: End::Exit(status),
        stdout: stdout.to_owned(),
        stderr: String::new(),
        truncated: false,
        took: std::time::Duration::from_secs(7),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openclaw::command::NAMES;

    const HEALTHY: &str = r#"{"ok":true}"#;

    #[track_caller]
    fn why(outcome: &Outcome) -> &str {
        match outcome {
            Outcome::Unmeasured { why, .. } => why,
            Outcome::Measured(_) | Outcome::Cancelled => panic!("{outcome:?} is not unmeasured"),
        }
    }

    #[test]
    fn a_command_that_did_not_end_by_itself_is_unmeasured_whatever_it_printed() {
        for end in [End::Deadline, End::Signal(9), End::NotStarted("x".to_owned())] {
            for name in NAMES {
                let ended = Ended { end: end.clone(), ..exited(0, HEALTHY) };
                why(&read(name, name, &ended));
            }
        }
    }

    #[test]
    fn a_cancelled_command_is_cancelled() {
        let ended = Ended { end: End::Cancelled, ..exited(0, HEALTHY) };
        assert_eq!(read("health", "health", &ended), Outcome::Cancelled);
    }

    #[test]
    fn what_was_understood_before_the_deadline_is_kept() {
        let ended = Ended { end: End::Deadline, ..exited(0, HEALTHY) };
        let outcome = read("health", "health", &ended);
        assert!(matches!(&outcome, Outcome::Unmeasured { partial: Some(_), .. }), "{outcome:?}");
        assert_eq!(
            why(&outcome),
            "It gave no complete answer within 7 s and was stopped. Run it again, when the host \
             is less busy or with a longer deadline."
        );
    }

    #[test]
    fn a_missing_program_says_what_to_do() {
        let ended = Ended {
            end: End::NotStarted("`openclaw` is not on the PATH".to_owned()),
            ..exited(0, "")
        };
        assert_eq!(
            why(&read("audit", "audit", &ended)),
            "`openclaw` is not on the PATH. Run portcullis where OpenClaw is installed and on the PATH, \
             as the gateway's OS user."
        );
    }

    #[test]
    fn the_document_is_found_among_stray_lines() {
        let output = "\u{feff}[state-migrations] {\"a\": 1}\n{\"level\":\"warn\"}\n{\n  \"ok\": true,\n  \
                      \"list\": [\n    {\"b\": 2}\n  ]\n}\nDone {not json}\n{\n";
        assert_eq!(document(output), Some(serde_json::json!({"ok": true, "list": [{"b": 2}]})));
    }

    #[test]
    fn a_document_that_was_cut_off_is_none() {
        let cut = "{\n  \"findings\": [\n    {\n      \"checkId\": \"a\"\n    },\n    {\"checkId\": \"b\"}\n";
        assert_eq!(document(cut), None);
        assert_eq!(document(&"{\"a\":".repeat(100_000)), None);
        assert_eq!(document(&"{\n".repeat(20_000)), None);
    }

    #[test]
    fn a_rejected_config_is_told_in_openclaws_words() {
        let document = r#"{"ok": false, "error": {"type": "cli_error", "message":
            "OpenClaw config is invalid: ~/cfg/x.json"}, "issues": [
            {"path": "logging", "message": "Unrecognized key: \"redactSensitive\""},
            {"path": "gateway.nodes", "message": "Unrecognized key: \"allowCommands\""}]}"#;
        for name in ["audit", "audit-deep", "health", "probe", "doctor-lint"] {
            assert_eq!(
                read(name, name, &exited(1, document)),
                unmeasured(
                    "The installed OpenClaw rejects this config: logging: Unrecognized key: \
                     \"redactSensitive\"; gateway.nodes: Unrecognized key: \"allowCommands\"."
                )
            );
        }
    }

    #[test]
    fn output_without_a_document_is_unmeasured_with_its_last_words() {
        let mut ended = exited(127, "");
        assert_eq!(
            why(&read("audit", "audit", &ended)),
            "It ended with status 127 and printed nothing."
        );
        ended.stderr = "first\n\u{1b}[31msh: openclaw: not found\u{1b}[0m\n\n".to_owned();
        assert_eq!(
            why(&read("audit", "audit", &ended)),
            "It ended with status 127 and printed no JSON: sh: openclaw: not found."
        );
    }

    #[test]
    fn an_answer_that_is_not_known_whole_proves_nothing_but_what_it_found() {
        let whole = exited(0, HEALTHY);
        assert!(matches!(read("health", "health", &whole), Outcome::Measured(_)));
        let cut = Ended { truncated: true, ..whole };
        assert_eq!(why(&read("health", "health", &cut)), OVERLONG);
        let found = r#"{"summary":{"critical":1},"findings":[{"checkId":"a.b","severity":"critical","title":"t","detail":"d"}]}"#;
        let cut = Ended { truncated: true, ..exited(0, found) };
        let Outcome::Unmeasured { partial: Some(report), .. } = read("audit", "audit", &cut) else {
            panic!("what was found is kept");
        };
        assert_eq!(report.findings.len(), 1);
    }

    #[test]
    fn a_document_of_another_kind_proves_nothing() {
        for name in ["audit", "audit-deep", "health", "probe", "doctor-lint"] {
            for status in [0, 1] {
                why(&read(name, name, &exited(status, "{}")));
                why(&read(name, name, &exited(status, r#"{"findings": 3, "targets": {}}"#)));
            }
        }
        assert_eq!(
            why(&read("audit", "a", &exited(1, r#"{"ok":false,"error":{"message":"No."}}"#))),
            "OpenClaw answered with an error: No."
        );
    }

    #[test]
    fn warnings_about_the_config_are_noted() {
        let mut ended = exited(0, HEALTHY);
        ended.stderr =
            "[config] warnings: env var X\nelse\n[config] warnings: env var X".to_owned();
        let Outcome::Measured(report) = read("health", "health", &ended) else {
            panic!("it is measured");
        };
        assert_eq!(report.notes, ["[config] warnings: env var X"]);
    }
}
