//! What a config leaves open, one phrase each.

use serde_json::Value;

use crate::openclaw::config::Config;
use crate::openclaw::fact;
use crate::openclaw::fact::Subject;
use crate::openclaw::facts;
use crate::openclaw::patch::merge;
use crate::openclaw::patch::read_as;
use crate::openclaw::patch::value;
use crate::runbook::Each;
use crate::runbook::Template;

/// Says what stays open in a live config once a template has been written over it.
#[must_use]
pub fn leaves_open(template: &Template, live: &Config) -> Vec<String> {
    let (mut after, _) = facts::in_todays_words(live);
    merge(&mut after, &value(template, Some(live)));
    open_in(&after, live)
}

/// Says what is open in a config that stands where the live one does.
#[must_use]
pub fn open_in(after: &Value, live: &Config) -> Vec<String> {
    let Some(facts) = read_as(after, live) else {
        return vec!["what it leaves open cannot be told".to_owned()];
    };
    let of = |subject: &Subject, path: &str| {
        facts.get(subject, path).and_then(|fact| fact.value.as_ref()).cloned()
    };
    let is = |subject: &Subject, path: &str, open: bool| of(subject, path) == Some(open.into());
    let gateway = |path: &str| of(&Subject::Gateway, path);
    let mut open = Vec::new();
    let loopback =
        gateway("config.gateway.bind").as_ref().and_then(Value::as_str) == Some("loopback");
    if !loopback || is(&Subject::Gateway, "config.gateway.bind_explicit", false) {
        open.push("the bind".to_owned());
    }
    if gateway("config.gateway.auth.mode") == Some("none".into()) {
        open.push("the gateway to whoever reaches it: no authentication".to_owned());
    }
    for account in facts.subjects(Each::Account) {
        if is(account, "config.account.dm.open", true) {
            open.push(format!("DMs of {account}"));
        }
        if is(account, "config.account.group.open", true) {
            open.push(format!("groups of {account}"));
        }
    }
    for agent in facts.subjects(Each::Agent) {
        if is(agent, "config.agent.exec.gated", false) {
            open.push(format!("commands of {agent}"));
        }
        if is(agent, "config.agent.elevated.usable", true) {
            open.push(format!("elevated tools of {agent}"));
        }
    }
    match gateway("config.gateway.tailscale.mode") {
        Some(Value::String(mode)) if mode != "off" => open.push(format!("Tailscale {mode}")),
        _ => {}
    }
    if is(&Subject::Gateway, "config.hooks.enabled", true) {
        open.push("webhooks".to_owned());
    }
    let lists = [
        ("config.gateway.http_apis", "HTTP endpoints"),
        ("config.gateway.http_tools", "tools over HTTP"),
        ("config.gateway.node_commands", "commands of nodes"),
        ("config.gateway.node_auto_approve", "approval of nodes by network"),
        ("config.gateway.trusted_proxies_wide", "headers believed from whole networks"),
        ("config.gateway.dangerous_flags", "dangerous flags"),
    ];
    for (path, what) in lists {
        if let Some(Value::Array(list)) = gateway(path)
            && !list.is_empty()
        {
            open.push(format!("{what}: {}", fact::plain(&Value::Array(list))));
        }
    }
    if is(&Subject::Gateway, "config.gateway.control_ui.origin_wildcard", true) {
        open.push("the Control UI to any web page".to_owned());
    }
    if is(&Subject::Gateway, "config.gateway.allow_real_ip_fallback", true) {
        open.push("addresses that clients claim".to_owned());
    }
    if let Some(Value::Array(webhooks)) = gateway("config.webhooks") {
        let of_plugins = webhooks.iter().filter_map(Value::as_str);
        let of_plugins = of_plugins.filter(|at| at.starts_with("plugins."));
        open.extend(of_plugins.map(|at| format!("the way in of {at}")));
    }
    open
}
