//! Reading `gateway probe --json`, by the row of the one target that was asked for.
//!
//! The exit status and the `ok` at the top are no help: both are good after a wrong token.

use serde_json::Value;

use crate::openclaw::command::answer::not_let_in;
use crate::openclaw::command::answer::not_understood;
use crate::openclaw::command::answer::unmeasured;
use crate::openclaw::command::plain::quote;
use crate::openclaw::finding::Outcome;
use crate::openclaw::finding::Report;

/// Reads what a probe met.
pub(super) fn read(document: &Value) -> Outcome {
    let kind = document.pointer("/error/type").and_then(Value::as_str);
    if kind == Some("gateway_credentials_required") {
        return unmeasured(
            "OpenClaw had no token or password to probe with. Set OPENCLAW_GATEWAY_TOKEN to the \
             gateway's token and run the check again.",
        );
    }
    let Some(targets) = document.get("targets").and_then(Value::as_array) else {
        return not_understood(document);
    };
    // Without a URL the target is this host's loopback; with one it is the explicit one alone.
    let named = |id: &str| targets.iter().find(|row| row.get("id").is_some_and(|it| it == id));
    named("explicit").or_else(|| named("localLoopback")).map_or_else(no_row, judge)
}

/// Reads what a probe met at the gateway that the config is a client of, and there alone.
pub(super) fn read_remote(document: &Value) -> Outcome {
    let rows = document.get("targets").and_then(Value::as_array);
    let Some(rows) = rows else { return not_understood(document) };
    let row = rows.iter().find(|row| row.get("id").is_some_and(|id| id == "configRemote"));
    match row.map_or_else(no_row, judge) {
        // Who was not reached has refused nobody.
        Outcome::Unmeasured { why, .. } if row.and_then(code) != Some(1008) => unmeasured(why),
        outcome => outcome,
    }
}

fn no_row() -> Outcome {
    unmeasured("The probe's answer has no row for the gateway it was asked about.")
}

/// Judges a target's row: authorised, denied, or not reached.
fn judge(row: &Value) -> Outcome {
    let text = |pointer| row.pointer(pointer).and_then(Value::as_str);
    let url = quote(text("/url").unwrap_or("its address"));
    let error = quote(text("/connect/error").unwrap_or("no reason given"));
    let closed = row.pointer("/connect/close").is_some_and(|close| !close.is_null());
    let connected = text("/server/connId").is_some();
    if text("/auth/role") == Some("operator") && connected && !closed {
        return Outcome::Measured(let_in(row, &url));
    }
    let capability = text("/auth/capability").unwrap_or("unknown");
    if capability == "pairing_pending" {
        return not_let_in(format!(
            "The gateway at {url} waits for this device to be paired. Approve it with `openclaw \
             devices`, or probe with the gateway's token."
        ));
    }
    if code(row) == Some(1008) {
        return not_let_in(format!(
            "The gateway at {url} denied the credentials: {error}. The config and the running \
             gateway disagree, or OPENCLAW_GATEWAY_TOKEN is an old one."
        ));
    }
    if row.pointer("/connect/ok") == Some(&Value::Bool(false)) {
        return not_let_in(format!(
            "No gateway answered at {url}: {error}. Start the gateway and run the check again."
        ));
    }
    not_let_in(format!("The probe of {url} shows neither entry nor refusal: {error}."))
}

/// Returns the code with which the gateway closed the connection.
fn code(row: &Value) -> Option<i64> {
    row.pointer("/connect/close/code").and_then(Value::as_i64)
}

/// Takes the notes worth a line out of a row that got in.
fn let_in(row: &Value, url: &str) -> Report {
    let text = |pointer| row.pointer(pointer).and_then(Value::as_str);
    let mut report = Report { reached: Some(true), ..Report::default() };
    report.note(match text("/server/version") {
        Some(version) => format!("OpenClaw {} let the probe in at {url}.", quote(version)),
        None => format!("The gateway let the probe in at {url}."),
    });
    if text("/auth/capability") == Some("connected_no_operator_scope") {
        report.note(
            "It withheld operator.read, as it does from a CLI that is not paired; that is no \
             failure.",
        );
    }
    report
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::openclaw::command::answer::exited;
    use crate::openclaw::command::read as read_answer;

    /// A row as OpenClaw prints it: connected or not, refused or not, its role, its capability.
    fn row(id: &str, ok: bool, close: Option<i64>, role: Option<&str>, capability: &str) -> Value {
        json!({"id": id, "url": "ws://127.0.0.1:1",
            "connect": {"ok": ok, "error": "the reason", "close": close.map(|code| json!({"code": code}))},
            "auth": {"role": role, "scopes": [], "capability": capability},
            "server": {"version": role.map(|_| "2026.9.6"), "connId": role.map(|_| "c0ffee")}})
    }

    fn answer(rows: &[Value]) -> Outcome {
        let document = json!({"ok": true, "capability": "read_only", "targets": rows});
        read_answer("probe", "probe", &exited(0, &document.to_string()))
    }

    #[test]
    fn the_row_decides_and_neither_the_top_nor_the_exit_status() {
        let admin = row("explicit", true, None, Some("operator"), "admin_capable");
        let denied = row("explicit", true, Some(1008), None, "unknown");
        let down = row("explicit", false, Some(1006), None, "unknown");
        let pending = row("explicit", true, None, None, "pairing_pending");
        let odd = row("explicit", true, None, None, "unknown");
        let measured = Outcome::Measured(Report {
            reached: Some(true),
            notes: vec!["OpenClaw 2026.9.6 let the probe in at ws://127.0.0.1:1.".to_owned()],
            ..Report::default()
        });
        assert_eq!(answer(&[admin]), measured);
        let cases = [
            (
                denied,
                "The gateway at ws://127.0.0.1:1 denied the credentials: the reason. The config \
                 and the running gateway disagree, or OPENCLAW_GATEWAY_TOKEN is an old one.",
            ),
            (
                down,
                "No gateway answered at ws://127.0.0.1:1: the reason. Start the gateway and run \
                 the check again.",
            ),
            (
                pending,
                "The gateway at ws://127.0.0.1:1 waits for this device to be paired. Approve it \
                 with `openclaw devices`, or probe with the gateway's token.",
            ),
            (odd, "The probe of ws://127.0.0.1:1 shows neither entry nor refusal: the reason."),
        ];
        for (row, why) in cases {
            assert_eq!(answer(&[row]), not_let_in(why));
        }
    }

    #[test]
    fn a_cli_that_is_not_paired_is_let_in() {
        let scopeless = "connected_no_operator_scope";
        let unpaired = row("localLoopback", true, None, Some("operator"), scopeless);
        assert!(matches!(
            answer(&[unpaired]),
            Outcome::Measured(Report { reached: Some(true), .. })
        ));
    }

    #[test]
    fn the_explicit_row_is_judged_and_not_another_that_got_in() {
        let other = row("localLoopback", true, None, Some("operator"), "read_only");
        let asked = row("explicit", false, Some(1006), None, "unknown");
        assert!(matches!(answer(&[other, asked]), Outcome::Unmeasured { .. }));
    }

    #[test]
    fn the_remote_row_is_judged_and_not_another_that_got_in() {
        let here = row("localLoopback", true, None, Some("operator"), "read_only");
        let there = |close, role| row("configRemote", true, close, role, "read_only");
        let read = |rows: &[Value]| {
            let document = json!({"ok": true, "targets": rows}).to_string();
            read_answer(crate::openclaw::command::REMOTE_PROBE, "probe", &exited(0, &document))
        };
        let denied = [here.clone(), there(Some(1008), None)];
        assert!(matches!(read(&denied), Outcome::Unmeasured { partial: Some(_), .. }));
        let down = [here.clone(), there(Some(1006), None)];
        assert!(matches!(read(&down), Outcome::Unmeasured { partial: None, .. }));
        assert_eq!(read(std::slice::from_ref(&here)), no_row());
        let let_in = [here, there(None, Some("operator"))];
        assert!(matches!(read(&let_in), Outcome::Measured(Report { reached: Some(true), .. })));
    }

    #[test]
    fn no_credentials_and_no_row_are_unmeasured() {
        let document =
            r#"{"ok":false,"error":{"type":"gateway_credentials_required","message":"m"}}"#;
        assert_eq!(
            read_answer("probe", "probe", &exited(1, document)),
            unmeasured(
                "OpenClaw had no token or password to probe with. Set OPENCLAW_GATEWAY_TOKEN to \
                 the gateway's token and run the check again."
            )
        );
        assert_eq!(
            answer(&[row("configRemote", true, None, Some("operator"), "read_only")]),
            unmeasured("The probe's answer has no row for the gateway it was asked about.")
        );
    }
}
