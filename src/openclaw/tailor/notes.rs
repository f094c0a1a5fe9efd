//! What an operator must know before applying a tailored patch.

use serde_json::Value;

use crate::openclaw::fact::Subject;
use crate::openclaw::facts::Facts;
use crate::openclaw::tailor::Tailored;
use crate::runbook::Each;

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
        let listed = self.before().pointer("/gateway/trustedProxies");
        let unnamed = listed.and_then(Value::as_array).is_none_or(Vec::is_empty);
        if kept && unnamed && !changes(&["gateway", "trustedProxies"]) {
            let note = "gateway.trustedProxies names no proxy, and OpenClaw does not start so";
            notes.push(note.to_owned());
        }
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

    /// Names who was let in before and is not any more.
    pub(super) fn cut_off_note(&mut self, facts: &Facts) {
        let flag = |subject: &Subject, path: &str| {
            let value = facts.get(subject, path).and_then(|fact| fact.value.as_ref());
            value == Some(&Value::Bool(true))
        };
        let changes = |path: &[&str]| {
            self.changes().any(|change| {
                path.iter().zip(&change.path).filter(|(a, b)| a == b).count() == path.len()
            })
        };
        let mut who = Vec::new();
        if changes(&["gateway", "bind"]) && !flag(&Subject::Gateway, "config.gateway.loopback_only")
        {
            who.push("whoever connects over the network".to_owned());
        }
        if changes(&["gateway", "tailscale", "mode"]) {
            who.push("whoever comes through Tailscale".to_owned());
        }
        if changes(&["hooks", "enabled"]) {
            who.push("whatever posts to hooks".to_owned());
        }
        let strangers = facts.subjects(Each::Account).filter(|account| {
            flag(account, "config.account.dm.open") || flag(account, "config.account.group.open")
        });
        who.extend(strangers.map(|account| format!("strangers on {account}")));
        let denied = Value::from("deny");
        let runs = facts.subjects(Each::Agent).filter(|agent| {
            let fact = facts.get(agent, "config.agent.exec.security");
            fact.is_some_and(|fact| fact.value.as_ref() != Some(&denied))
        });
        if changes(&["tools", "exec"]) || changes(&["agents", "entries"]) {
            who.extend(runs.map(|agent| format!("host commands of {agent}")));
        }
        if !who.is_empty() {
            self.notes.push(format!("Cut off: {}", who.join("; ")));
        }
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
