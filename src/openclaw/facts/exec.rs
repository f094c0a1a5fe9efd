//! Commands on the host: which an agent may run, and whether they wait for approval.
//!
//! `mode` stands for a pair of `security` and `ask`; the agent's layer goes over the one for all.
//! Where nothing is written, all may run on the host, unless every command stays in the sandbox:
//! OpenClaw 2026.9.6 reads an unset `security` as `deny` where the command's host is the sandbox, and
//! that `deny` then stops nothing in there (`bash-tools`, `configuredSecurity`). An authored `deny`
//! stops commands in the sandbox too. `ask: on-miss` asks only beside `security: allowlist`, so under
//! `full` it asks nothing (`requiresExecApproval`).
//! Approvals kept outside the config can only tighten what is found here.

use serde_json::Value;

use crate::openclaw::fact::State;
use crate::openclaw::facts::found::Found;
use crate::openclaw::facts::found::Sheet;
use crate::openclaw::facts::reading::Reading;
use crate::openclaw::facts::routes::Agent;

/// What may run on the host.
pub(super) struct Exec {
    mode: Found,
    security: Found,
    ask: Found,
    conflict: Option<Vec<String>>,
    /// Whether every command runs in the sandbox.
    sandboxed: bool,
}

/// Returns the pair that a mode stands for.
fn pair(mode: &str) -> Option<(&'static str, &'static str)> {
    match mode {
        "deny" => Some(("deny", "off")),
        "allowlist" => Some(("allowlist", "off")),
        "ask" | "auto" => Some(("allowlist", "on-miss")),
        "full" => Some(("full", "off")),
        _ => None,
    }
}

/// Returns the mode that a pair comes to.
///
/// A miss is a command that the allowlist lacks: under `full` there is none, so nothing is asked.
fn mode(security: &str, ask: &str) -> Option<&'static str> {
    match (security, ask) {
        ("deny", "off" | "on-miss" | "always") => Some("deny"),
        ("allowlist", "off") => Some("allowlist"),
        ("full", "off" | "on-miss") => Some("full"),
        ("allowlist", "on-miss" | "always") | ("full", "always") => Some("ask"),
        _ => None,
    }
}

/// Tells whether commands never leave the sandbox: it holds every session, or they are sent there.
fn stays_inside(reading: &Reading<'_>, agent: &Agent<'_>, sandbox: Option<&str>) -> bool {
    let paths = agent.paths(&["tools", "exec", "host"], &["tools", "exec", "host"]);
    match paths.iter().find_map(|path| reading.at(path)).map(Value::as_str) {
        None | Some(Some("auto")) => sandbox == Some("all"),
        Some(host) => host == Some("sandbox"),
    }
}

/// Works out what an agent may run on the host, given the mode of its sandbox.
pub(super) fn exec(reading: &Reading<'_>, agent: &Agent<'_>, sandbox: Option<&str>) -> Exec {
    let layers = agent.paths(&["tools", "exec"], &["tools", "exec"]);
    let narrow = layers.first().cloned().unwrap_or_default();
    let at = |layer: &[&str], key: &'static str| -> Vec<String> {
        layer.iter().copied().chain([key]).map(str::to_owned).collect()
    };
    let default = |key, word: &str| {
        let place = at(&narrow, key);
        let place: Vec<&str> = place.iter().map(String::as_str).collect();
        Found::default(word, &place)
    };
    let sandboxed = stays_inside(reading, agent, sandbox);
    let word = if sandboxed { "deny" } else { "full" };
    let mut exec = Exec {
        mode: default("mode", word),
        security: default("security", word),
        ask: default("ask", "off"),
        conflict: None,
        sandboxed,
    };
    let mut by_mode = false;
    for layer in layers.iter().rev() {
        let find = |key: &'static str| {
            let path = at(layer, key);
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            let found = reading.first(&[&path])?;
            Some(if agent.listed && *layer != narrow { found.inherited() } else { found })
        };
        let (written, security, ask) = (find("mode"), find("security"), find("ask"));
        if written.is_some() && (security.is_some() || ask.is_some()) {
            exec.conflict = Some(at(layer, "mode"));
        }
        if let Some(written) = written {
            exec.take_mode(written);
            by_mode = true;
        } else if security.is_some() || ask.is_some() {
            exec.security = security.unwrap_or(exec.security);
            exec.ask = ask.unwrap_or(exec.ask);
            by_mode = false;
        }
    }
    if !by_mode {
        exec.derive_mode();
    }
    exec
}

/// Tells whether commands are denied or wait for approval; none where it cannot be told.
pub(crate) fn gated(security: Option<&str>, ask: Option<&str>) -> Option<bool> {
    match (security, ask) {
        (Some("deny"), _)
        | (Some("allowlist" | "full"), Some("always"))
        | (Some("allowlist"), Some("on-miss")) => Some(true),
        (Some("allowlist"), Some("off")) | (Some("full"), Some("off" | "on-miss")) => Some(false),
        _ => None,
    }
}

impl Exec {
    /// Takes a mode as written; a pair that it does not stand for cannot be told.
    fn take_mode(&mut self, written: Found) {
        let pair = written.word().and_then(pair);
        let part = |word: Option<&'static str>| Found {
            value: word.map(Value::from),
            state: if word.is_some() { written.state } else { State::Hidden },
            ..written.clone()
        };
        self.security = part(pair.map(|(security, _)| security));
        self.ask = part(pair.map(|(_, ask)| ask));
        self.mode = written;
    }

    fn derive_mode(&mut self) {
        if self.security.state == State::Default && self.ask.state == State::Default {
            return;
        }
        let word = match (self.security.word(), self.ask.word()) {
            (Some(security), Some(ask)) => mode(security, ask),
            _ => None,
        };
        let inputs = &["config.agent.exec.security", "config.agent.exec.ask"];
        self.mode = Found::follows(word, inputs).at_place_of(&self.security);
    }

    /// Tells whether commands can run at all, on the host or in the sandbox; none where it cannot be
    /// told.
    pub(super) fn runs(&self) -> Option<bool> {
        match self.security.word() {
            Some("deny") if self.sandboxed && self.security.state == State::Default => Some(true),
            Some("deny") => Some(false),
            Some("allowlist" | "full") => Some(true),
            Some(_) | None => None,
        }
    }

    /// Puts the facts about commands on an agent's sheet. An agent whose tool policy leaves it no
    /// tool to run commands with is gated whatever its exec mode.
    pub(super) fn put(self, sheet: &mut Sheet, reading: &Reading<'_>, without_tool: bool) {
        let inputs = &["config.agent.exec.security", "config.agent.exec.ask"];
        let tools =
            &["config.agent.profile", "config.agent.tools.allow", "config.agent.tools.deny"];
        let gated = if without_tool {
            Found::follows(Some(true), tools).at_place_of(&self.security)
        } else {
            Found::follows(gated(self.security.word(), self.ask.word()), inputs)
                .at_place_of(&self.security)
        };
        let conflict = match &self.conflict {
            Some(path) => {
                let path: Vec<&str> = path.iter().map(String::as_str).collect();
                Found::set(true, reading.origin(&path)).at(&path)
            }
            None => Found::follows(Some(false), inputs).at_place_of(&self.mode),
        };
        sheet.put("config.agent.exec.gated", gated);
        sheet.put("config.agent.exec.conflict", conflict);
        sheet.put("config.agent.exec.mode", self.mode);
        sheet.put("config.agent.exec.security", self.security);
        sheet.put("config.agent.exec.ask", self.ask);
    }
}
