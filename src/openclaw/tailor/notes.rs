//! What an operator must know before applying a tailored patch.

use serde_json::Value;

use crate::openclaw::fact::Subject;
use crate::openclaw::facts::Facts;
use crate::openclaw::tailor::Tailored;

impl Tailored {
    /// Says what an operator must know before applying it.
    pub(super) fn noted(&self, facts: &Facts) -> Vec<String> {
        let mut notes = Vec::new();
        let word = |path| {
            let fact = facts.get(&Subject::Gateway, path)?;
            fact.value.as_ref()?.as_str().map(str::to_owned)
        };
        let changes = |path: &[&str]| self.changes().any(|change| change.path == path);
        let behind = word("config.gateway.auth.mode").as_deref() == Some("trusted-proxy");
        let kept = behind && !changes(&["gateway", "auth", "mode"]);
        if kept {
            let note = "No token is set: OpenClaw refuses to start with one beside a trusted proxy";
            notes.push(note.to_owned());
        }
        let wide = facts.get(&Subject::Gateway, "config.gateway.trusted_proxies_wide");
        let wide = wide.and_then(|fact| fact.value.as_ref()).and_then(Value::as_array);
        let wide = wide.is_some_and(|wide| !wide.is_empty());
        if kept && wide && !changes(&["gateway", "trustedProxies"]) {
            let note =
                "gateway.trustedProxies believes whole networks; name the proxy's own address";
            notes.push(note.to_owned());
        }
        if changes(&["gateway", "bind"]) && kept {
            let note = "Cut off: the proxy, unless it runs on this host and is let in from here";
            notes.push(note.to_owned());
        }
        notes
    }

    /// Says that a sandbox without a backend refuses to run anything.
    pub(super) fn sandbox_note(&mut self, facts: &Facts) {
        let fact = facts.get(&Subject::Gateway, "host.sandbox_backend");
        let backend = fact.and_then(|fact| fact.value.as_ref()).and_then(Value::as_bool);
        let sandboxed =
            self.applied().pointer("/agents/defaults/sandbox/mode") != Some(&Value::from("off"));
        let note = match backend {
            Some(true) => return,
            Some(false) => "Neither docker nor podman is on the path",
            None => "Whether docker or podman is there cannot be told from here",
        };
        if sandboxed {
            let rest =
                "without one, sessions that belong in the sandbox fail closed: they run nothing";
            self.notes.push(format!("{note}; {rest}"));
        }
    }
}
