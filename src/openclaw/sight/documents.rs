//! What OpenClaw's own commands say, that no check reads: exec policy, sandbox, archives.

use serde_json::Value;

use crate::openclaw::command::document;
use crate::openclaw::facts::exec::gated;
use crate::openclaw::witness::Unread;

/// What OpenClaw says of an archive that is not whole, or that it could not look into.
const FAILED: &str = "Backup archive verification failed";

/// What it says then where it could not look into it.
const NOT_SEEN: [&str; 6] = [
    "does not exist",
    "could not be inspected",
    "must be a regular file",
    "extraction space",
    "EACCES",
    "EPERM",
];

/// Tells whether the commands of these agents are denied or wait for approval, by
/// `effectivePolicy`; none where that cannot be told.
///
/// An agent without a scope of its own has that of `tools.exec`. Where nobody knows which agents
/// matter, all scopes must be gated, and one that is not tells nothing.
pub(super) fn exec_gated(text: &str, agents: Option<&[String]>) -> Result<Option<bool>, Unread> {
    let document = document(text).ok_or(Unread::Nothing("JSON document"))?;
    let scopes = document.pointer("/effectivePolicy/scopes").and_then(Value::as_array);
    let scopes = scopes.filter(|scopes| !scopes.is_empty());
    let scopes = scopes.ok_or(Unread::Nothing("`effectivePolicy.scopes`"))?;
    let of = |scope: &Value| {
        let word = |pointer| scope.pointer(pointer).and_then(Value::as_str);
        gated(word("/security/effective"), word("/ask/effective"))
    };
    let Some(agents) = agents else {
        let all = scopes.iter().map(of).collect::<Option<Vec<bool>>>();
        return Ok(all.filter(|all| all.iter().all(|gated| *gated)).map(|_| true));
    };
    let named = |scope: &&Value, name: &str| {
        scope.get("agentId").and_then(Value::as_str).is_some_and(|id| id == name)
    };
    let common = scopes.iter().find(|scope| {
        scope.get("scopeLabel").and_then(Value::as_str) == Some("tools.exec")
            && scope.get("agentId").is_none()
    });
    let mut all = Some(true);
    for agent in agents {
        let own = scopes.iter().find(|scope| named(scope, agent));
        match own.or(common).and_then(of) {
            Some(true) => {}
            Some(false) => return Ok(Some(false)),
            None => all = None,
        }
    }
    Ok(all)
}

/// Tells whether the session that was asked about is sandboxed.
///
/// The main session is no answer: the item is about the others.
pub(super) fn sandboxed(text: &str) -> Result<bool, Unread> {
    let document = document(text).ok_or(Unread::Nothing("JSON document"))?;
    let word = |key| document.get(key).and_then(Value::as_str);
    let (session, main) = (word("sessionKey"), word("mainSessionKey"));
    let session = session.ok_or(Unread::Nothing("`sessionKey`"))?;
    if main.is_none_or(|main| main == session) {
        return Err(Unread::Nothing("session other than the main one"));
    }
    let sandboxed = document.pointer("/sandbox/sessionIsSandboxed").and_then(Value::as_bool);
    sandboxed.ok_or(Unread::Nothing("`sandbox.sessionIsSandboxed`"))
}

/// Tells whether an archive was read back and found whole.
pub(super) fn archive_whole(text: &str) -> Result<bool, Unread> {
    let document = document(text).ok_or(Unread::Nothing("JSON document"))?;
    match document.get("ok").and_then(Value::as_bool) {
        Some(true) if document.get("archivePath").is_some_and(Value::is_string) => Ok(true),
        Some(false) => {
            let said = document.pointer("/error/message").and_then(Value::as_str);
            let said = said.unwrap_or_default();
            let broken =
                said.starts_with(FAILED) && !NOT_SEEN.iter().any(|phrase| said.contains(phrase));
            if broken { Ok(false) } else { Err(Unread::Value(said.chars().take(80).collect())) }
        }
        Some(true) | None => Err(Unread::Nothing("`archivePath`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(scopes: &[(Option<&str>, &str, &str)]) -> String {
        let scopes = scopes.iter().map(|(agent, security, ask)| {
            serde_json::json!({
                "scopeLabel": agent.map_or("tools.exec".to_owned(), |id| format!("agent:{id}")),
                "agentId": agent,
                "security": { "effective": security },
                "ask": { "effective": ask },
            })
        });
        let mut scopes: Vec<Value> = scopes.collect();
        for scope in scopes.iter_mut().filter_map(Value::as_object_mut) {
            scope.retain(|_, value| !value.is_null());
        }
        serde_json::json!({ "effectivePolicy": { "scopes": scopes } }).to_string()
    }

    #[test]
    fn only_the_agents_that_senders_reach_matter() {
        let text = policy(&[
            (None, "deny", "always"),
            (Some("main"), "full", "off"),
            (Some("ops"), "allowlist", "on-miss"),
        ]);
        let of = |agents: Option<&[&str]>| {
            let agents = agents.map(|agents| agents.iter().map(|&id| id.to_owned()).collect());
            let agents: Option<Vec<String>> = agents;
            exec_gated(&text, agents.as_deref()).unwrap()
        };
        assert_eq!(of(Some(&["ops"])), Some(true));
        assert_eq!(of(Some(&["ops", "main"])), Some(false));
        assert_eq!(of(Some(&["other"])), Some(true), "the common scope holds");
        assert_eq!(of(Some(&[])), Some(true));
        assert_eq!(of(None), None, "nobody knows whether main is reached");
        let alone = policy(&[(Some("main"), "deny", "off")]);
        assert_eq!(exec_gated(&alone, Some(&["other".to_owned()])), Ok(None));
        assert_eq!(exec_gated(&alone, None), Ok(Some(true)));
        let odd = policy(&[(Some("main"), "sometimes", "off")]);
        assert_eq!(exec_gated(&odd, Some(&["main".to_owned()])), Ok(None));
        assert!(exec_gated(r#"{"effectivePolicy":{"scopes":[]}}"#, None).is_err());
    }

    #[test]
    fn the_main_session_says_nothing_of_the_others() {
        let of = |session: &str| {
            sandboxed(&format!(
                r#"{{"sessionKey":"{session}","mainSessionKey":"agent:main:main","sandbox":{{"sessionIsSandboxed":true}}}}"#
            ))
        };
        assert_eq!(of("agent:main:telegram:group:-1"), Ok(true));
        assert!(of("agent:main:main").is_err());
        assert!(sandboxed(r#"{"sessionKey":"a","sandbox":{"sessionIsSandboxed":true}}"#).is_err());
    }

    #[test]
    fn an_archive_that_could_not_be_found_is_not_a_broken_one() {
        let failed =
            |why: &str| archive_whole(&format!(r#"{{"ok":false,"error":{{"message":"{why}"}}}}"#));
        assert_eq!(failed("Backup archive verification failed: /a. zlib"), Ok(false));
        assert!(failed("Backup archive verification failed: . Archive does not exist.").is_err());
        assert!(failed("unknown command").is_err());
        assert_eq!(archive_whole(r#"{"ok":true,"archivePath":"/a"}"#), Ok(true));
        assert!(archive_whole(r#"{"ok":true}"#).is_err());
    }
}
