//! What a secret is worth: whether it is known to everyone, or so short that it can be guessed.

use crate::openclaw::secret::is_variable;

/// Values that stand in examples, or where another program hid the real one.
const PLACEHOLDERS: [&str; 15] = [
    "replace-with-a-long-random-token",
    "change-me-to-a-long-random-token",
    "change-me-to-a-strong-password",
    "change-me-now",
    "undefined",
    "null",
    "__openclaw_redacted__",
    "redacted",
    "xoxb-redacted",
    "xapp-redacted",
    "password",
    "secret",
    "token",
    "12345678",
    "todo",
];

/// Beginnings and parts of values that say they are to be replaced.
const REPLACE_ME: [&str; 14] = [
    "changeme",
    "change-me",
    "change_me",
    "replace-me",
    "replaceme",
    "replace-with",
    "replace_with",
    "your-",
    "your_",
    "placeholder",
    "example-token",
    "insert-",
    "replace_me",
    "removed",
];

/// How many characters a secret has at least that cannot be guessed.
const SHORT: usize = 24;

/// What a secret is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Nothing but white space.
    Empty,
    /// Known to everyone: from an example, or a mark of redaction.
    Placeholder,
    /// Under 24 characters.
    Short,
    /// Long enough.
    Ok,
}

/// Tells what a secret is worth.
#[must_use]
pub fn class(secret: &str) -> Class {
    let secret = secret.trim();
    if secret.is_empty() {
        return Class::Empty;
    }
    let lower = secret.to_lowercase();
    let bare = lower.trim_matches(['[', ']', '<', '>', '{', '}', '*']);
    let mut chars = lower.chars();
    let first = chars.next();
    let same = chars.all(|c| Some(c) == first);
    let placeholder = same
        || bare.is_empty()
        || PLACEHOLDERS.contains(&bare)
        || bare.starts_with("redacted")
        || REPLACE_ME.iter().any(|part| bare.contains(part))
        || bare.contains("xxxx")
        || is_template(secret)
        || bare.ends_with("...") && bare.len() < 16;
    if placeholder {
        Class::Placeholder
    } else if secret.chars().count() < SHORT {
        Class::Short
    } else {
        Class::Ok
    }
}

/// Says whether a value is a name where a secret should be: a template nobody filled in, or a
/// reference in another program's words, which OpenClaw takes as it stands.
fn is_template(secret: &str) -> bool {
    const BRACKETS: [(&str, &str); 5] =
        [("<", ">"), ("{", "}"), ("__", "__"), ("***", "***"), ("%", "%")];
    let bracketed = BRACKETS.iter().any(|(open, close)| {
        secret.len() > open.len() + close.len()
            && secret.starts_with(open)
            && secret.ends_with(close)
    });
    let shouted =
        secret.contains('_') && secret.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
    let name = secret.trim_start_matches(['$', '{']);
    let name = name.strip_prefix("env:").unwrap_or(name).trim_end_matches('}');
    bracketed || shouted || name.len() < secret.len() && is_variable(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_has_a_class() {
        for empty in ["", "  ", "\n"] {
            assert_eq!(class(empty), Class::Empty, "{empty:?}");
        }
        for placeholder in [
            "replace-with-a-long-random-token",
            " change-me-now ",
            "undefined",
            "null",
            "***",
            "[redacted]",
            "[REDACTED_PRIVATE_KEY]",
            "__OPENCLAW_REDACTED__",
            "your-token-here",
            "YOUR_BOT_TOKEN",
            "<token>",
            "changeme",
            "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "sk-xxxx",
            "sk-...",
            "00000000000000000000000000000000",
            "a",
            "{{GATEWAY_TOKEN}}",
            "__GATEWAY_TOKEN__",
            "$GATEWAY_TOKEN",
            "$${GATEWAY_TOKEN}",
            "${env:GATEWAY_TOKEN}",
            "env:GATEWAY_TOKEN",
            "GEMINI_KEY_HERE",
            "xoxb-REPLACE_ME",
            "***REMOVED-OLD-TOKEN***",
        ] {
            assert_eq!(class(placeholder), Class::Placeholder, "{placeholder}");
        }
        assert_eq!(class("hunter2hunter2"), Class::Short);
        assert_eq!(class("0123456789abcdef0123456"), Class::Short);
        assert_eq!(class("0123456789abcdef01234567"), Class::Ok);
    }
}
