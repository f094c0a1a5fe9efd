//! Secrets in a config: where they stand, where they come from, what they are worth.
//!
//! What a config says of itself is judged by key and place first and by shape second, so that a
//! token in a URL, an argument or a comment-like key is found too. It is better to hide a value
//! that is none than to show one.

use serde_json::Map;
use serde_json::Value;

use crate::text::MARK;
use crate::text::names_secret;
use crate::text::shapes;

/// Variables whose value is no secret, though they stand beside those that are.
const PLAIN_VARIABLES: [&str; 11] = [
    "PATH",
    "HOME",
    "USER",
    "SHELL",
    "LANG",
    "TZ",
    "TERM",
    "PWD",
    "NODE_ENV",
    "NODE_OPTIONS",
    "DEBUG",
];

/// Ends of variables whose value is no secret.
const PLAIN_ENDS: [&str; 17] = [
    "_PATH", "_DIR", "_HOME", "_HOST", "_PORT", "_URL", "_FILE", "_REGION", "_MODEL", "_ENABLED",
    "_LEVEL", "_MODE", "_TIMEOUT", "_VERSION", "_NAME", "_LOCALE", "_ROOT",
];

/// Headers whose value is no secret.
const PLAIN_HEADERS: [&str; 12] = [
    "accept",
    "accept-language",
    "content-type",
    "user-agent",
    "host",
    "origin",
    "referer",
    "http-referer",
    "x-title",
    "anthropic-version",
    "anthropic-beta",
    "openai-beta",
];

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

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// It stands in the config.
    Inline,
    /// The variable of this name.
    Env(String),
    /// Text mixed with these variables.
    Mixed(Vec<String>),
    /// OpenClaw's own store.
    Store {
        /// The provider's alias.
        provider: String,
        /// The name in it.
        id: String,
    },
    /// A file.
    File {
        /// The provider's alias.
        provider: String,
        /// The pointer into it.
        id: String,
    },
    /// The output of a command.
    Exec {
        /// The provider's alias.
        provider: String,
        /// The name it is asked for.
        id: String,
    },
}

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

/// Says whether what stands at a path is a secret, by its keys.
#[must_use]
pub fn is_secret(path: &[&str]) -> bool {
    let named = path.iter().rposition(|key| !is_index(key));
    let Some((key, parents)) = named.and_then(|at| path[..=at].split_last()) else {
        return false;
    };
    let parent = parents.last().copied().unwrap_or_default();
    let within = |name: &str| parent.eq_ignore_ascii_case(name);
    if within("env") || within("vars") && parents.contains(&"env") {
        return !is_plain_variable(key);
    }
    if within("headers") {
        return !PLAIN_HEADERS.contains(&key.to_ascii_lowercase().as_str());
    }
    names_secret(key)
        || parents.iter().any(|key| key.to_ascii_lowercase().ends_with("serviceaccount"))
}

fn is_index(key: &str) -> bool {
    key.bytes().all(|b| b.is_ascii_digit())
}

fn is_plain_variable(name: &str) -> bool {
    let option = name.contains(|c: char| c.is_ascii_lowercase());
    !names_secret(name)
        && (option
            || PLAIN_VARIABLES.contains(&name)
            || name.starts_with("LC_")
            || PLAIN_ENDS.iter().any(|end| name.ends_with(end)))
}

/// Returns where a value comes from, where it is one that can come from elsewhere.
#[must_use]
pub fn reference(value: &Value) -> Option<Reference> {
    match value {
        Value::String(text) => Some(in_text(text)),
        Value::Object(members) => in_object(members),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
    }
}

fn in_object(members: &Map<String, Value>) -> Option<Reference> {
    let text = |key| members.get(key).and_then(Value::as_str);
    let id = text("id")?.to_owned();
    let provider = text("provider").unwrap_or("default").to_owned();
    match text("source")? {
        "env" => Some(Reference::Env(id)),
        "store" => Some(Reference::Store { provider, id }),
        "file" => Some(Reference::File { provider, id }),
        "exec" => Some(Reference::Exec { provider, id }),
        _ => None,
    }
}

/// Says whether an object is a reference and nothing else.
fn is_reference(members: &Map<String, Value>) -> bool {
    let known = |key: &String| matches!(key.as_str(), "source" | "provider" | "id");
    members.keys().all(known) && in_object(members).is_some()
}

/// Reads `${NAME}` as OpenClaw does: capitals, digits and underscores; `$${NAME}` is itself.
fn in_text(text: &str) -> Reference {
    let mut names = Vec::new();
    let mut whole = false;
    let mut from = 0;
    while let Some(at) = text[from..].find("${").map(|at| from + at) {
        from = at + 2;
        let Some(end) = text[from..].find('}').map(|end| from + end) else {
            break;
        };
        let name = &text[from..end];
        if text[..at].ends_with('$') || !is_variable(name) {
            continue;
        }
        whole = at == 0 && end + 1 == text.len();
        names.push(name.to_owned());
        from = end + 1;
    }
    match names.len() {
        0 => Reference::Inline,
        1 if whole => Reference::Env(names.remove(0)),
        _ => Reference::Mixed(names),
    }
}

fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
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

/// Returns the secrets that stand in a config, with their paths; of a URL or an argument only the
/// part that is secret. References are not values.
#[must_use]
pub fn secrets(value: &Value) -> Vec<(Vec<String>, String)> {
    let mut found = Vec::new();
    let mut take = |path: &[String], part: &str| {
        found.push((path.to_vec(), part.to_owned()));
        MARK.to_owned()
    };
    walk(value, &mut Vec::new(), &mut take);
    found
}

/// Returns a config without its secrets, for showing.
#[must_use]
pub fn redact(value: &Value) -> Value {
    walk(value, &mut Vec::new(), &mut |_, _| MARK.to_owned())
}

/// Returns a config whose secrets are replaced by what they are worth, for its digest.
pub(crate) fn classified(value: &Value) -> Value {
    walk(value, &mut Vec::new(), &mut |_, part| {
        match class(part) {
            Class::Empty => "<empty secret>",
            Class::Placeholder => "<placeholder secret>",
            Class::Short => "<short secret>",
            Class::Ok => "<secret>",
        }
        .to_owned()
    })
}

type Take<'t> = dyn FnMut(&[String], &str) -> String + 't;

/// Copies a value with every secret replaced by what `take` gives for it.
fn walk(value: &Value, path: &mut Vec<String>, take: &mut Take) -> Value {
    match value {
        Value::Object(members) if is_reference(members) => value.clone(),
        Value::Object(members) => {
            let mut copy = Map::new();
            for (key, member) in members {
                path.push(key.clone());
                let mut shown = parts(key, path, take);
                while copy.contains_key(&shown) {
                    shown.push('′');
                }
                copy.insert(shown, walk(member, path, take));
                path.pop();
            }
            Value::Object(copy)
        }
        Value::Array(elements) => {
            let mut copy = Vec::with_capacity(elements.len());
            for (at, element) in elements.iter().enumerate() {
                path.push(at.to_string());
                let before = at.checked_sub(1).and_then(|at| elements[at].as_str());
                copy.push(match element {
                    Value::String(text) if before.is_some_and(is_flag) && !text.is_empty() => {
                        Value::String(take(path, text))
                    }
                    _ => walk(element, path, take),
                });
                path.pop();
            }
            Value::Array(copy)
        }
        Value::String(text) => Value::String(text_at(text, path, take)),
        Value::Number(number) if is_number_secret(path) => {
            Value::String(take(path, &number.to_string()))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

/// Says whether an argument announces a secret as the next one.
fn is_flag(argument: &str) -> bool {
    argument.starts_with('-') && !argument.contains('=') && names_secret(argument)
        || argument == "-H"
        || argument == "--header"
}

/// Says whether a number at a path is a secret: not where it may well be a port or a count.
fn is_number_secret(path: &[String]) -> bool {
    path.last().is_some_and(|key| names_secret(key))
}

fn text_at(text: &str, path: &[String], take: &mut Take) -> String {
    let keys: Vec<&str> = path.iter().map(String::as_str).collect();
    if text.trim().is_empty() || !is_secret(&keys) {
        return parts(text, path, take);
    }
    match in_text(text) {
        Reference::Env(_) => text.to_owned(),
        Reference::Mixed(_) => parts(text, path, take),
        Reference::Inline
        | Reference::Store { .. }
        | Reference::File { .. }
        | Reference::Exec { .. } => take(path, text),
    }
}

/// Replaces the parts of a text that look like secrets.
fn parts(text: &str, path: &[String], take: &mut Take) -> String {
    let mut shown = String::new();
    let mut from = 0;
    for range in shapes(text) {
        shown.push_str(&text[from..range.start]);
        shown.push_str(&take(path, &text[range.clone()]));
        from = range.end;
    }
    shown.push_str(&text[from..]);
    shown
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_known_by_key_and_place() {
        #[track_caller]
        fn secret(path: &str, expected: bool) {
            let path: Vec<&str> = path.split('/').collect();
            assert_eq!(is_secret(&path), expected, "{path:?}");
        }
        secret("gateway/auth/token", true);
        secret("gateway/auth/password", true);
        secret("gateway/auth/mode", false);
        secret("channels/telegram/accounts/a/botToken", true);
        secret("channels/telegram/tokenFile", false);
        secret("channels/feishu/appSecret", true);
        secret("channels/wecom/encodingAesKey", true);
        secret("channels/googlechat/serviceAccount/client_email", true);
        secret("models/providers/x/apiKey", true);
        secret("models/providers/x/models/0/maxTokens", false);
        secret("env/vars/ANTHROPIC_API_KEY", true);
        secret("env/vars/SOMETHING", true);
        secret("env/vars/NODE_ENV", false);
        secret("env/LANG", false);
        secret("mcp/servers/x/env/GITHUB_PAT", true);
        secret("mcp/servers/x/headers/X-Custom", true);
        secret("mcp/servers/x/headers/Content-Type", false);
        secret("skills/entries/x/env/KEY", true);
        secret("keys/apiKeys/0", true);
        secret("agents/defaults/model", false);
        secret("session/key", false);
        secret("", false);
    }

    #[test]
    fn references_are_told_from_values() {
        #[track_caller]
        fn from(value: impl Into<Value>, expected: impl Into<Option<Reference>>) {
            let value = value.into();
            assert_eq!(reference(&value), expected.into(), "{value}");
        }
        let env = |name: &str| Some(Reference::Env(name.to_owned()));
        let mixed =
            |names: &[&str]| Some(Reference::Mixed(names.iter().map(|&n| n.to_owned()).collect()));
        let provider = "default".to_owned();
        let id = "GW".to_owned();
        from(json!("abc"), Some(Reference::Inline));
        from(json!("${TOKEN}"), env("TOKEN"));
        from(json!("${A}-${B}"), mixed(&["A", "B"]));
        from(json!("Bearer ${A}"), mixed(&["A"]));
        from(json!("${A} "), mixed(&["A"]));
        for literal in ["$${A}", "${a}", "${}", "${A", "${A:-b}", "$A"] {
            from(json!(literal), Some(Reference::Inline));
        }
        from(json!("${${A}}"), mixed(&["A"]));
        from(json!({"source": "env", "provider": "default", "id": "GW"}), env("GW"));
        from(
            json!({"source": "store", "provider": "default", "id": "GW"}),
            Some(Reference::Store { provider: provider.clone(), id: id.clone() }),
        );
        from(json!({"source": "exec", "id": "GW"}), Some(Reference::Exec { provider, id }));
        from(json!({"source": "cloud", "id": "GW"}), None);
        from(json!(null), None);
        from(json!(7), None);
    }

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

    #[test]
    fn a_config_is_shown_without_its_secrets() {
        let config = json!({
            "env": {"vars": {"KEY": "hunter2", "NODE_ENV": "production"}},
            "gateway": {
                "auth": {"token": "${TOKEN}", "password": "hunter2-hunter2"},
                "remote": {"url": "wss://user:passpass@gw.example/?token=tokentoken"},
            },
            "mcp": {"servers": {"x": {
                "args": ["--api-key", "keykeykey", "--verbose", "--token=abcd"],
                "headers": {"Authorization": "Bearer abcdef"},
            }}},
            "channels": {"1234567890:AAFAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKEFA": {}},
            "models": {"providers": {"x": {"apiKey": {"source": "env", "id": "KEY"}}}},
        });
        let shown = json!({
            "env": {"vars": {"KEY": "‹secret›", "NODE_ENV": "production"}},
            "gateway": {
                "auth": {"token": "${TOKEN}", "password": "‹secret›"},
                "remote": {"url": "wss://user:‹secret›@gw.example/?token=‹secret›"},
            },
            "mcp": {"servers": {"x": {
                "args": ["--api-key", "‹secret›", "--verbose", "--token=‹secret›"],
                "headers": {"Authorization": "‹secret›"},
            }}},
            "channels": {"‹secret›": {}},
            "models": {"providers": {"x": {"apiKey": {"source": "env", "id": "KEY"}}}},
        });
        assert_eq!(redact(&config), shown);
        let found: Vec<String> = secrets(&config).into_iter().map(|(_, part)| part).collect();
        assert_eq!(
            found,
            [
                "hunter2",
                "hunter2-hunter2",
                "passpass",
                "tokentoken",
                "keykeykey",
                "abcd",
                "Bearer abcdef",
                "1234567890:AAFAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKEFA",
            ]
        );
    }

    #[test]
    fn secrets_know_their_path() {
        let config = json!({"channels": {"telegram": {"accounts": {"a": {"botToken": "b0t"}}}}});
        let path = ["channels", "telegram", "accounts", "a", "botToken"].map(str::to_owned);
        assert_eq!(secrets(&config), [(path.to_vec(), "b0t".to_owned())]);
    }

    proptest! {
        #[test]
        fn any_text_has_a_reference_and_a_class(text in "(\\$|\\{|\\}|[A-Z]|é){0,12}") {
            let _ = reference(&json!(text));
            let _ = class(&text);
        }
    }
}
