//! The environment that commands get: stated, and no more than they need.

use std::collections::BTreeMap;

use crate::openclaw::command::Gateway;

/// The variables that change what a command does, worth showing before its line.
pub(super) const TELLING: [&str; 3] =
    ["OPENCLAW_CONFIG_PATH", "npm_config_fetch_retries", "npm_config_offline"];

/// The variables that are passed on by their whole name.
///
/// `SHELL` is among them because a config may have OpenClaw read secrets from a login shell.
const KEPT: [&str; 9] =
    ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TZ", "TMPDIR", "NODE_EXTRA_CA_CERTS"];

/// The variables that are passed on by the beginning of their name.
const KEPT_PREFIXES: [&str; 3] = ["LC_", "XDG_", "OPENCLAW_"];

/// The variables that are dropped although their name begins so.
///
/// A URL in the environment would send health and the deep audit to another gateway than the one
/// whose config is under review.
const DROPPED: [&str; 1] = ["OPENCLAW_GATEWAY_URL"];

/// The variables that are set whatever the operator's are.
///
/// Without the last two, a config that names a channel whose plugin is missing makes the audit
/// install it from the network: 270 MB and a minute.
const SET: [(&str, &str); 4] = [
    ("NO_COLOR", "1"),
    ("TERM", "dumb"),
    ("npm_config_fetch_retries", "0"),
    ("npm_config_offline", "true"),
];

/// Returns the whole environment of a command run against a gateway.
pub(super) fn stated(gateway: &Gateway) -> BTreeMap<String, String> {
    let passed = |name: &str| {
        let by_name = KEPT.contains(&name) || gateway.keep.iter().any(|kept| kept == name);
        let by_prefix = KEPT_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
        (by_name || by_prefix) && !DROPPED.contains(&name)
    };
    let mut environment: BTreeMap<_, _> = gateway
        .environment
        .iter()
        .filter(|(name, _)| passed(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    for (name, value) in SET {
        environment.insert(name.to_owned(), value.to_owned());
    }
    if let Some(config) = &gateway.config {
        environment.insert("OPENCLAW_CONFIG_PATH".to_owned(), config.clone());
    }
    environment
}

/// Tells whether a variable's name says that its value is a secret.
pub(super) fn names_a_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    ["TOKEN", "PASSWORD", "SECRET", "KEY"].iter().any(|word| name.contains(word))
}
