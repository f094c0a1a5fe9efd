//! What OpenClaw's own commands say, that no check reads: exec policy, sandbox, archives.

use serde_json::Value;

use crate::openclaw::command;
use crate::openclaw::facts::exec::gated;
use crate::openclaw::witness::Unread;

/// What OpenClaw says of an archive that is not whole, or that it could not look into.
const FAILED: &str = "Backup archive verification failed";

/// What it says then where it looked into it and found it broken; a full disk, a missing file or a
/// permission says nothing of the archive.
const BROKEN: [&str; 8] = [
    "zlib:",
    "TAR_",
    "is not a valid OpenClaw backup",
    "manifest",
    "Archive contains",
    "Archive hardlink",
    "Archive entry is beneath",
    "SQLite snapshot failed verification",
];

/// Returns the one JSON document of an answer.
fn document(text: &str) -> Result<Value, Unread> {
    let mut documents = command::documents(text);
    // One that was cut off may have said the opposite.
    let begun = text.lines().filter(|line| line.starts_with('{')).count();
    match (documents.pop(), documents.is_empty()) {
        (None, _) => Err(Unread::Nothing("JSON document")),
        (Some(document), true) if begun <= 1 => Ok(document),
        (Some(_), _) => Err(Unread::Several),
    }
}

/// Tells whether the commands of these agents are denied or wait for approval, by
/// `effectivePolicy`; none where that cannot be told.
///
/// An agent without a scope of its own has that of `tools.exec`. Where no agent matters, or nobody
/// knows which, all scopes must be gated, and one that is not tells nothing.
pub(super) fn exec_gated(text: &str, agents: Option<&[String]>) -> Result<Option<bool>, Unread> {
    let document = document(text)?;
    let scopes = document.pointer("/effectivePolicy/scopes").and_then(Value::as_array);
    let scopes = scopes.filter(|scopes| !scopes.is_empty());
    let scopes = scopes.ok_or(Unread::Nothing("`effectivePolicy.scopes`"))?;
    let Some(agents) = agents.filter(|agents| !agents.is_empty()) else {
        let all = scopes.iter().map(scope_gated).collect::<Option<Vec<bool>>>();
        return Ok(all.filter(|all| all.iter().all(|gated| *gated)).map(|_| true));
    };
    // The common scope names the default agent, too, also where that has a scope of its own.
    let labelled = |label: &str| {
        scopes.iter().find(|scope| scope.get("scopeLabel").and_then(Value::as_str) == Some(label))
    };
    let mut all = Some(true);
    for agent in agents {
        let own = labelled(&format!("agent:{agent}"));
        match own.or_else(|| labelled("tools.exec")).and_then(scope_gated) {
            Some(true) => {}
            Some(false) => return Ok(Some(false)),
            None => all = None,
        }
    }
    Ok(all)
}

/// Tells whether a scope denies commands, or has each wait for an approval that somebody gives:
/// with a fallback of `full` a command runs where nobody answers.
fn scope_gated(scope: &Value) -> Option<bool> {
    let word = |pointer| scope.pointer(pointer).and_then(Value::as_str);
    let security = word("/security/effective");
    let by_asking = gated(security, word("/ask/effective"))?;
    if !by_asking || security == Some("deny") {
        return Some(by_asking);
    }
    match word("/askFallback/effective")? {
        "deny" | "allowlist" => Some(true),
        "full" => Some(false),
        _ => None,
    }
}

/// Tells whether the session that was asked about is sandboxed.
///
/// The main session is no answer: the item is about the others.
pub(super) fn sandboxed(text: &str) -> Result<bool, Unread> {
    let document = document(text)?;
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
    let document = document(text)?;
    match document.get("ok").and_then(Value::as_bool) {
        Some(true) if document.get("archivePath").is_some_and(Value::is_string) => Ok(true),
        Some(false) => {
            let said = document.pointer("/error/message").and_then(Value::as_str);
            let said = said.ok_or(Unread::Nothing("`error.message`"))?;
            let broken =
                said.starts_with(FAILED) && BROKEN.iter().any(|phrase| said.contains(phrase));
            if broken { Ok(false) } else { Err(Unread::Value(said.chars().take(80).collect())) }
        }
        Some(true) | None => Err(Unread::Nothing("`archivePath`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A policy as OpenClaw prints it: label, agent, security, ask, and what follows silence.
    fn policy(scopes: &[(&str, Option<&str>, &str, &str, &str)]) -> String {
        let scopes = scopes.iter().map(|(label, agent, security, ask, fallback)| {
            serde_json::json!({
                "scopeLabel": label,
                "agentId": agent,
                "security": { "effective": security },
                "ask": { "effective": ask },
                "askFallback": { "effective": fallback },
            })
        });
        let scopes: Vec<Value> = scopes.collect();
        serde_json::json!({ "effectivePolicy": { "scopes": scopes } }).to_string()
    }

    #[track_caller]
    fn case(text: &str, agents: Option<&[&str]>, gated: Option<bool>) {
        let agents = agents.map(|agents| agents.iter().map(|&id| id.to_owned()).collect());
        let agents: Option<Vec<String>> = agents;
        assert_eq!(exec_gated(text, agents.as_deref()), Ok(gated));
    }

    #[test]
    fn only_the_agents_that_senders_reach_matter() {
        let text = policy(&[
            ("tools.exec", None, "deny", "always", "deny"),
            ("agent:main", Some("main"), "full", "off", "deny"),
            ("agent:ops", Some("ops"), "allowlist", "on-miss", "deny"),
        ]);
        case(&text, Some(&["ops"]), Some(true));
        case(&text, Some(&["ops", "main"]), Some(false));
        // The common scope holds for who has none.
        case(&text, Some(&["other"]), Some(true));
        // No agent matters, or nobody knows which: a scope that is open tells nothing.
        case(&text, Some(&[]), None);
        case(&text, None, None);
        let closed = policy(&[("tools.exec", Some("main"), "deny", "always", "deny")]);
        case(&closed, Some(&[]), Some(true));
        case(&policy(&[("agent:main", Some("main"), "deny", "off", "full")]), Some(&["x"]), None);
        case(&policy(&[("tools.exec", None, "sometimes", "off", "deny")]), Some(&["main"]), None);
        assert!(exec_gated(r#"{"effectivePolicy":{"scopes":[]}}"#, None).is_err());
    }

    #[test]
    fn an_agents_own_scope_outweighs_the_common_one_that_names_it() {
        let text = policy(&[
            ("tools.exec", Some("main"), "deny", "always", "deny"),
            ("agent:main", Some("main"), "full", "off", "deny"),
        ]);
        case(&text, Some(&["main"]), Some(false));
        case(&text, None, None);
        let alone = policy(&[("tools.exec", Some("main"), "deny", "always", "deny")]);
        case(&alone, Some(&["main"]), Some(true));
        case(&alone, None, Some(true));
    }

    #[test]
    fn who_runs_what_nobody_answered_for_does_not_wait() {
        let of = |ask: &str, fallback: &str| policy(&[("tools.exec", None, "full", ask, fallback)]);
        case(&of("always", "deny"), Some(&["main"]), Some(true));
        case(&of("always", "full"), Some(&["main"]), Some(false));
        case(&of("always", "later"), Some(&["main"]), None);
        case(&of("off", "deny"), Some(&["main"]), Some(false));
    }

    #[test]
    fn of_two_answers_neither_is_taken() {
        let open = policy(&[("tools.exec", None, "full", "off", "deny")]);
        let closed = policy(&[("tools.exec", None, "deny", "off", "deny")]);
        let both = format!("{closed}\n{open}\n");
        assert_eq!(exec_gated(&both, None), Err(Unread::Several));
        let cut = open.get(..open.len() - 5).unwrap_or_default();
        assert_eq!(exec_gated(&format!("{closed}\n{cut}"), None), Err(Unread::Several));
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
        assert_eq!(failed("Backup archive verification failed: /a. zlib: bad"), Ok(false));
        assert!(failed("Backup archive verification failed: /a. ENOSPC: no space").is_err());
        assert!(failed("Backup archive verification failed: . Archive does not exist.").is_err());
        assert!(failed("unknown command").is_err());
        assert_eq!(archive_whole(r#"{"ok":true,"archivePath":"/a"}"#), Ok(true));
        assert!(archive_whole(r#"{"ok":true}"#).is_err());
    }
}
