//! What came back from a connection, and what it says: let in, refused, or neither.
//!
//! Nothing that the other side wrote is kept or shown: it is judged by codes known here.

use std::fmt;

use serde_json::Value;

use crate::openclaw::connection::Distrust;

/// What was heard on a connection.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    /// An answer in HTTP: its status, and the beginning of its body.
    Http {
        /// The status.
        status: u16,
        /// The beginning of the body.
        body: Vec<u8>,
    },
    /// The gateway's answer to `connect`.
    Frame(Value),
    /// Nobody could be reached, for this reason.
    Unreached(String),
    /// The certificate is not trusted, and nothing was sent.
    Untrusted(Distrust),
    /// Somebody was reached and gave no answer.
    Nothing(Silence),
}

/// How somebody gave no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// In all the time there was, it was not complete.
    Slow,
    /// The connection was closed before it was complete.
    Closed,
    /// It was longer than any gateway's.
    Long,
    /// It was neither HTTP nor a WebSocket.
    Garbled,
    /// It does not speak TLS, or not as it is spoken today.
    NoTls,
    /// It broke TLS off by itself.
    Alerted,
    /// It was not even asked, because the one before went unanswered.
    Unasked,
}

/// What an answer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The gateway let the client in.
    LetIn,
    /// The gateway refused it.
    Refused(Refusal),
    /// Something with this HTTP status refused it that does not speak as a gateway does: a proxy.
    TurnedBack(u16),
    /// Nobody could be reached, for this reason.
    Unreached(String),
    /// The certificate is not trusted, and nothing was sent.
    Untrusted(Distrust),
    /// Neither can be told, for this reason.
    Unclear(String),
}

/// Why the gateway refused a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It did not prove who it is.
    Secret,
    /// It has no paired device. A gateway without auth says so over WebSocket, too.
    Device,
    /// Its page is of a foreign site.
    Origin,
    /// It came as if through a proxy that is not believed.
    Attribution,
    /// It failed too often, and nothing was looked at.
    Locked,
}

impl Answer {
    /// Judges what was heard.
    #[must_use]
    pub fn of(heard: &Heard) -> Self {
        match heard {
            Heard::Http { status, body } => http(*status, body),
            Heard::Frame(frame) => websocket(frame),
            Heard::Unreached(why) => Self::Unreached(why.clone()),
            Heard::Untrusted(distrust) => Self::Untrusted(*distrust),
            Heard::Nothing(silence) => Self::Unclear(silence.to_string()),
        }
    }
}

impl fmt::Display for Silence {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(match self {
            Self::Slow => "no complete answer came in time",
            Self::Closed => "the connection was closed before the answer was complete",
            Self::Long => "the answer is longer than any gateway's",
            Self::Garbled => "the answer is not a gateway's",
            Self::NoTls => "it speaks no TLS, or none of today",
            Self::Alerted => {
                "it broke TLS off, as a server does that asks for a client's certificate"
            }
            Self::Unasked => "not tried, because the one before was not answered in time",
        })
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::LetIn => formatter.write_str("let in"),
            Self::Refused(Refusal::Secret) => formatter.write_str("refused as unauthorised"),
            Self::Refused(Refusal::Device) => formatter.write_str("refused without a device"),
            Self::Refused(Refusal::Origin) => formatter.write_str("refused for its origin"),
            Self::Refused(Refusal::Attribution) => {
                formatter.write_str("refused as coming through no known proxy")
            }
            Self::Refused(Refusal::Locked) => formatter.write_str("refused as locked out"),
            Self::TurnedBack(status) => write!(formatter, "turned back by a proxy ({status})"),
            Self::Unreached(why) => write!(formatter, "nobody reached: {why}"),
            Self::Untrusted(distrust) => {
                write!(formatter, "its certificate is not trusted: {}", distrust.fault)
            }
            Self::Unclear(why) => write!(formatter, "unmeasured: {why}"),
        }
    }
}

/// Judges an answer to `/tools/invoke`, or to a WebSocket that was not opened.
fn http(status: u16, body: &[u8]) -> Answer {
    let document = document(body).unwrap_or(Value::Null);
    let kind = document.pointer("/error/type").and_then(Value::as_str);
    let message = document.pointer("/error/message").and_then(Value::as_str).unwrap_or_default();
    match (status, kind) {
        (200, _) if document.get("ok") == Some(&Value::Bool(true)) => Answer::LetIn,
        (400, Some("invalid_request")) => Answer::LetIn,
        // Who lacks a scope has been recognised.
        (403, _) if message.starts_with("missing scope") => Answer::LetIn,
        (401, Some("unauthorized")) => Answer::Refused(Refusal::Secret),
        (403, Some("proxy_attribution_required")) => Answer::Refused(Refusal::Attribution),
        (429, _) => Answer::Refused(Refusal::Locked),
        (301..=303 | 307 | 308 | 401 | 403 | 407, _) => Answer::TurnedBack(status),
        (404 | 405, _) => Answer::Unclear(format!(
            "there is no /tools/invoke to ask (HTTP {status}); another program, or another OpenClaw"
        )),
        (502..=504, _) => {
            Answer::Unclear(format!("the gateway is not ready, or not there (HTTP {status})"))
        }
        (status, _) => Answer::Unclear(format!("HTTP {status} is not a gateway's answer")),
    }
}

/// Finds the JSON document in a body, be it sent in chunks.
fn document(body: &[u8]) -> Option<Value> {
    let begin = body.iter().position(|byte| *byte == b'{')?;
    serde_json::Deserializer::from_slice(body.get(begin..)?).into_iter().next()?.ok()
}

/// Judges the answer to `connect`.
fn websocket(frame: &Value) -> Answer {
    let text = |pointer| frame.pointer(pointer).and_then(Value::as_str);
    if frame.get("ok") == Some(&Value::Bool(true)) && text("/payload/type") == Some("hello-ok") {
        return Answer::LetIn;
    }
    match (text("/error/details/code"), text("/error/code")) {
        (Some("AUTH_RATE_LIMITED"), _) => Answer::Refused(Refusal::Locked),
        (Some("CONTROL_UI_ORIGIN_NOT_ALLOWED"), _) => Answer::Refused(Refusal::Origin),
        (
            Some(
                "DEVICE_IDENTITY_REQUIRED"
                | "CONTROL_UI_DEVICE_IDENTITY_REQUIRED"
                | "PAIRING_REQUIRED",
            ),
            _,
        )
        | (_, Some("NOT_PAIRED")) => Answer::Refused(Refusal::Device),
        (Some(code), _) if code.starts_with("AUTH_") => Answer::Refused(Refusal::Secret),
        (Some("PROTOCOL_MISMATCH"), _) => {
            Answer::Unclear("the gateway speaks another version of the protocol".to_owned())
        }
        (_, Some("UNAVAILABLE")) => Answer::Unclear("the gateway is still starting".to_owned()),
        _ => Answer::Unclear("the gateway's answer to `connect` is not known here".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn says(status: u16, body: &str, expected: &Answer) {
        let heard = Heard::Http { status, body: body.as_bytes().to_vec() };
        assert_eq!(Answer::of(&heard), *expected, "{status} {body}");
    }

    #[test]
    fn the_gateways_words_decide_over_http_and_not_the_status_alone() {
        let invalid =
            r#"{"ok":false,"error":{"type":"invalid_request","message":"requires name"}}"#;
        let stranger = r#"{"error":{"message":"Unauthorized","type":"unauthorized"}}"#;
        let proxied = r#"{"error":{"message":"m","type":"proxy_attribution_required"}}"#;
        says(400, invalid, &Answer::LetIn);
        says(400, &format!("4a\r\n{invalid}\r\n0\r\n\r\n"), &Answer::LetIn);
        says(200, r#"{"ok":true,"result":{}}"#, &Answer::LetIn);
        says(403, r#"{"error":{"message":"missing scope: operator.read"}}"#, &Answer::LetIn);
        says(401, stranger, &Answer::Refused(Refusal::Secret));
        says(403, proxied, &Answer::Refused(Refusal::Attribution));
        says(429, "", &Answer::Refused(Refusal::Locked));
        for status in [302, 401, 403, 407] {
            says(status, "<html>Log in</html>", &Answer::TurnedBack(status));
        }
        for (status, body) in
            [(400, "<html>Bad Request</html>"), (200, "<html>"), (404, "Not Found"), (502, "")]
        {
            let heard = Heard::Http { status, body: body.as_bytes().to_vec() };
            assert!(matches!(Answer::of(&heard), Answer::Unclear(_)), "{status} {body}");
        }
    }

    #[test]
    fn the_code_decides_over_websocket() {
        #[track_caller]
        fn says(frame: &Value, expected: &Answer) {
            assert_eq!(Answer::of(&Heard::Frame(frame.clone())), *expected, "{frame}");
        }
        let refused = |code: &str, detail: &str| {
            json!({"type": "res", "id": "1", "ok": false,
                "error": {"code": code, "message": "m", "details": {"code": detail}}})
        };
        says(&json!({"ok": true, "payload": {"type": "hello-ok"}}), &Answer::LetIn);
        for code in ["AUTH_TOKEN_MISMATCH", "AUTH_PASSWORD_MISMATCH", "AUTH_UNAUTHORIZED"] {
            says(&refused("INVALID_REQUEST", code), &Answer::Refused(Refusal::Secret));
        }
        for (detail, refusal) in [
            ("AUTH_RATE_LIMITED", Refusal::Locked),
            ("CONTROL_UI_ORIGIN_NOT_ALLOWED", Refusal::Origin),
            ("DEVICE_IDENTITY_REQUIRED", Refusal::Device),
        ] {
            says(&refused("INVALID_REQUEST", detail), &Answer::Refused(refusal));
        }
        for odd in [
            json!({}),
            json!({"ok": true}),
            json!([]),
            json!("hello-ok"),
            refused("UNAVAILABLE", ""),
            refused("X", "PROTOCOL_MISMATCH"),
            refused("TOKEN 8f3b60c1", "8f3b60c1"),
        ] {
            let answer = Answer::of(&Heard::Frame(odd.clone()));
            assert!(matches!(&answer, Answer::Unclear(why) if !why.contains("8f3b")), "{odd}");
        }
    }
}
