//! Secrets in a config: where they stand, where they come from, what they are worth.
//!
//! What a config says of itself is judged by key and place first and by shape second, so that a
//! token in a URL, an argument or a comment-like key is found too. It is better to hide a value
//! that is none than to show one.

mod walk;
mod worth;

use serde_json::Map;
use serde_json::Value;

use crate::text::names_secret;

pub use crate::openclaw::secret::walk::Found;
pub(crate) use crate::openclaw::secret::walk::classified;
pub use crate::openclaw::secret::walk::redact;
pub use crate::openclaw::secret::walk::secrets;
pub use crate::openclaw::secret::worth::Class;
pub use crate::openclaw::secret::worth::class;

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
        return !PLAIN_HEADERS.iter().any(|plain| key.eq_ignore_ascii_case(plain));
    }
    names_secret(key) || parents.iter().any(|key| is_service_account(key))
}

fn is_service_account(key: &str) -> bool {
    const END: &str = "serviceaccount";
    let from = key.len().checked_sub(END.len());
    from.and_then(|from| key.get(from..)).is_some_and(|end| end.eq_ignore_ascii_case(END))
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

    proptest! {
        #[test]
        fn any_text_has_a_reference_and_a_class(text in "(\\$|\\{|\\}|[A-Z]|é){0,12}") {
            let _ = reference(&json!(text));
            let _ = class(&text);
        }
    }
}
