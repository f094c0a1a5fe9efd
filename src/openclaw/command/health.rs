//! Reading `health --json`.

use serde_json::Value;

use crate::openclaw::command::answer::error;
use crate::openclaw::command::answer::not_let_in;
use crate::openclaw::command::answer::not_understood;
use crate::openclaw::command::answer::unmeasured;
use crate::openclaw::command::plain::quote;
use crate::openclaw::finding::Outcome;
use crate::openclaw::finding::Report;

/// Reads what the gateway says of its own health.
pub(super) fn read(document: &Value) -> Outcome {
    let text = |pointer| document.pointer(pointer).and_then(Value::as_str);
    if text("/status") == Some("starting") {
        return unmeasured("The gateway is still starting. Run the check again in a moment.");
    }
    // The lint says `ok` too, and the probe.
    if ["findings", "targets"].iter().any(|key| document.get(key).is_some()) {
        return not_understood(document);
    }
    match document.get("ok") {
        Some(Value::Bool(true)) => Outcome::Measured(up(document)),
        Some(Value::Bool(false)) => not_let_in(down(document)),
        _ => not_understood(document),
    }
}

/// Takes the notes worth a line out of a healthy answer.
fn up(document: &Value) -> Report {
    let mut report = Report { reached: Some(true), ..Report::default() };
    let list = |pointer| document.pointer(pointer).and_then(Value::as_array);
    if let Some(errors) = list("/plugins/errors").filter(|errors| !errors.is_empty()) {
        let names: Vec<_> = errors.iter().map(name).collect();
        report.note(quote(&format!("Plugins that failed to load: {}", names.join(", "))));
    }
    if document.pointer("/eventLoop/degraded") == Some(&Value::Bool(true)) {
        report.note("The gateway is too busy to answer in good time.");
    }
    let reload = document.pointer("/configReload/hotReloadStatus");
    if let Some(status) = reload.and_then(Value::as_str).filter(|status| *status != "active") {
        report.note(format!(
            "Changes of the config are not applied while it runs (hot reload: {}).",
            quote(status)
        ));
    }
    report
}

/// Returns the name of a plugin that is listed by its name or as an object.
fn name(plugin: &Value) -> String {
    let named = plugin.as_str().or_else(|| plugin.get("id")?.as_str());
    named.map_or_else(|| plugin.to_string(), str::to_owned)
}

/// Says why there is no answer.
fn down(document: &Value) -> String {
    let text = |pointer| document.pointer(pointer).and_then(Value::as_str);
    let at = text("/gateway/url").map_or(String::new(), |url| format!(" at {}", quote(url)));
    let message = quote(text("/error/message").unwrap_or("no reason given"));
    if let Some(code) = text("/error/details/code") {
        return format!(
            "The gateway{at} denied the request: {message} ({}). Give the check the credentials \
             the running gateway uses and run it again.",
            quote(code)
        );
    }
    match text("/error/type") {
        Some("gateway_transport_error") => format!(
            "No gateway answered{at}: {message}. Start the gateway and run the check again."
        ),
        _ => error(document).unwrap_or(format!("The gateway{at} is not healthy: {message}.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openclaw::command::answer::exited;
    use crate::openclaw::command::read as read_answer;

    fn answer(document: &str) -> Outcome {
        read_answer("health", "health", &exited(1, document))
    }

    #[test]
    fn a_healthy_gateway_was_reached() {
        let document = r#"{"ok":true,"plugins":{"errors":["telegram",{"id":"slack"}]},
            "configReload":{"hotReloadStatus":"disabled"},"eventLoop":{"degraded":true}}"#;
        let Outcome::Measured(report) = answer(document) else {
            panic!("it is measured");
        };
        assert_eq!(report.reached, Some(true));
        assert_eq!(
            report.notes,
            [
                "Plugins that failed to load: telegram, slack",
                "The gateway is too busy to answer in good time.",
                "Changes of the config are not applied while it runs (hot reload: disabled).",
            ]
        );
    }

    #[test]
    fn a_gateway_that_is_down_or_denies_is_unmeasured_and_says_why() {
        let cases = [
            (
                r#"{"ok":false,"error":{"type":"gateway_transport_error","kind":"timeout",
                "message":"Gateway not reachable after waiting 3 s."},
                "gateway":{"url":"ws://127.0.0.1:1"}}"#,
                "No gateway answered at ws://127.0.0.1:1: Gateway not reachable after waiting 3 \
                 s. Start the gateway and run the check again.",
            ),
            (
                r#"{"ok":false,"error":{"type":"gateway_request_error","message":"unauthorized:
                token mismatch","details":{"code":"AUTH_TOKEN_MISMATCH"}}}"#,
                "The gateway denied the request: unauthorized: token mismatch \
                 (AUTH_TOKEN_MISMATCH). Give the check the credentials the running gateway uses \
                 and run it again.",
            ),
            (
                r#"{"ok":false,"error":{"type":"cli_error","message":"Broken."}}"#,
                "OpenClaw answered with an error: Broken.",
            ),
            (r#"{"ok":false}"#, "The gateway is not healthy: no reason given."),
        ];
        for (document, why) in cases {
            // The documents break lines within strings for width; JSON may not.
            let document = document.replace("\n                ", " ");
            assert_eq!(answer(&document), not_let_in(why), "{document}");
        }
    }

    #[test]
    fn a_starting_gateway_is_unmeasured() {
        assert_eq!(
            answer(r#"{"status":"starting"}"#),
            unmeasured("The gateway is still starting. Run the check again in a moment.")
        );
    }
}
