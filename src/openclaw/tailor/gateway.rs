//! The gateway itself: where it binds, which routes lead to it, what it believes and serves.

use serde_json::Value;

use crate::openclaw::fact::Subject;
use crate::openclaw::facts::Facts;
use crate::openclaw::patch::TOKEN_VARIABLE;
use crate::openclaw::tailor::channels::without_wildcard;
use crate::openclaw::tailor::work::Depth;
use crate::openclaw::tailor::work::Work;
use crate::openclaw::tailor::work::borrowed;
use crate::openclaw::tailor::work::within;

/// Flags that do nothing any more, or are refused, however they are named.
const INERT: [&[&str]; 2] = [
    &["gateway", "controlUi", "dangerouslyDisableDeviceAuth"],
    &["gateway", "controlUi", "allowInsecureAuth"],
];

/// An address that no host has (RFC 5737): OpenClaw starts behind a proxy only with at least one.
const NO_PROXY: &str = "192.0.2.1";

/// Plugins that serve a way in of their own.
const PLUGINS: [&str; 5] = ["webhooks", "voice-call", "admin-http-rpc", "a2a", "imap"];

/// Closes every way to the gateway.
pub(super) fn close(work: &mut Work<'_>, facts: &Facts) {
    work.set(&["gateway", "bind"], "loopback", "Only this machine can connect");
    work.clear(&["gateway", "customBindHost"], "The address of the bind that was closed");
    authentication(work, facts);
    proxies(work, Depth::Everyone);
    routes(work, Depth::Everyone);
    let endpoints = ["gateway", "http", "endpoints"];
    for endpoint in work.keys(&endpoints) {
        let path = within(&endpoints, &[&endpoint, "enabled"]);
        work.switch_off(&path, "Whoever holds the token could start any agent by HTTP");
    }
    let clear = |work: &mut Work<'_>, path: &[&str], why: &str| {
        let empty = work.get(path).and_then(Value::as_array).is_some_and(Vec::is_empty);
        if !empty {
            work.clear(path, why);
        }
    };
    let tools = ["gateway", "tools", "allow"];
    clear(work, &tools, "Tools that OpenClaw withholds from HTTP were handed back to it");
    let nodes = ["gateway", "nodes", "commands", "allow"];
    clear(work, &nodes, "Paired nodes could be made to run these");
    let why = "An ingress of its own published what agents serve";
    work.clear(&["gateway", "portals", "ingress"], why);
    if work.get(&["gateway", "terminal", "enabled"]) != Some(&Value::Bool(false)) {
        let why = "The Control UI offers a terminal on the host unless it is switched off";
        work.set(&["gateway", "terminal", "enabled"], false, why);
    }
    work.switch_off(&["desktop", "host", "enabled"], "The host's desktop could be seen and used");
    work.switch_off(&["mcp", "apps", "enabled"], "Apps of MCP servers were served to browsers");
    work.clear(&["discovery", "wideArea", "domain"], "The gateway was announced under a domain");
    work.switch_off(&["hooks", "enabled"], "Whoever holds the hook token could start agents");
    for plugin in PLUGINS {
        let path = ["plugins", "entries", plugin, "enabled"];
        work.switch_off(&path, "The plugin serves a way in of its own");
    }
}

/// Closes what lets strangers in, or believes them, and leaves what asks for a secret.
pub(super) fn narrow(work: &mut Work<'_>) {
    proxies(work, Depth::Strangers);
    routes(work, Depth::Strangers);
}

/// Makes clients show a token where they show nothing, or what anyone could guess.
///
/// Over a trusted proxy no token is set: OpenClaw refuses to start with both.
fn authentication(work: &mut Work<'_>, facts: &Facts) {
    if is_behind_proxy(work) {
        return;
    }
    if !has_credential(facts) {
        token(work, "token", &format!("${{{TOKEN_VARIABLE}}}"));
    }
    let why = "Tailscale's word for who somebody is counted in place of a token";
    if work.is_on(&["gateway", "auth", "allowTailscale"]) {
        work.set(&["gateway", "auth", "allowTailscale"], false, why);
    }
}

/// Writes that clients show a token, and which.
pub(super) fn token(work: &mut Work<'_>, mode: &str, token: &str) {
    work.set(&["gateway", "auth", "mode"], mode, "Every client shows a token");
    let why = "A long random token, kept out of this file";
    work.set(&["gateway", "auth", "token"], token, why);
}

/// Tells whether a proxy in front says who somebody is, and OpenClaw can start so.
pub(super) fn is_behind_proxy(work: &Work<'_>) -> bool {
    let header = work.word(&["gateway", "auth", "trustedProxy", "userHeader"]);
    work.word(&["gateway", "auth", "mode"]) == Some("trusted-proxy")
        && header.is_some_and(|header| !header.trim().is_empty())
}

/// Tells whether clients have to show a secret that cannot be guessed, or one that cannot be seen
/// from here but is written.
pub(super) fn has_credential(facts: &Facts) -> bool {
    let fact = |path| facts.get(&Subject::Gateway, path);
    let word = |path| fact(path)?.value.as_ref()?.as_str();
    let mode = matches!(word("config.gateway.auth.mode"), Some("token" | "password"));
    match word("config.gateway.auth.secret") {
        Some(class) => mode && class == "ok",
        // A reference that cannot be seen from here names its source; a secret nowhere, none.
        None => mode && word("config.gateway.auth.source").is_some(),
    }
}

/// Closes what is believed of proxies and browsers.
fn proxies(work: &mut Work<'_>, depth: Depth) {
    trusted(work, depth);
    let path = ["gateway", "allowRealIpFallback"];
    work.switch_off(&path, "Any client could say which address it comes from");
    let trusted = ["gateway", "auth", "trustedProxy"];
    let path = within(&trusted, &["deviceAutoApprove", "enabled"]);
    work.switch_off(&path, "Devices behind the proxy were approved by themselves");
    if depth == Depth::Everyone {
        let path = within(&trusted, &["allowLoopback"]);
        work.switch_off(&path, "Any program on this host could pass for the proxy");
    }
    let path = ["gateway", "controlUi", "allowedOrigins"];
    without_wildcard(work, &path, "`*` let any web page open the Control UI");
    let path = ["gateway", "nodes", "pairing", "autoApproveCidrs"];
    let none = work.get(&path).and_then(Value::as_array).is_some_and(Vec::is_empty);
    if !none {
        work.clear(&path, "Nodes in these networks were approved by themselves");
    }
}

/// Closes whose forwarding headers are believed.
fn trusted(work: &mut Work<'_>, depth: Depth) {
    let path = ["gateway", "trustedProxies"];
    let behind = is_behind_proxy(work);
    let everyone = depth == Depth::Everyone;
    let written = work.get(&path).is_some();
    let list = work.get(&path).and_then(Value::as_array).cloned().unwrap_or_default();
    if everyone && !behind {
        if !list.is_empty() || written && !work.get(&path).is_some_and(Value::is_array) {
            work.clear(&path, "Forwarding headers from there were believed");
        }
        return;
    }
    let mut kept: Vec<Value> = list.iter().filter(|entry| !is_wide(entry)).cloned().collect();
    if Work::tells_secret(&path, &kept) {
        kept.clear();
    }
    if kept.is_empty() && behind {
        if everyone {
            let why = "OpenClaw starts behind a proxy only with one; no host has this address";
            work.set(&path, vec![Value::from(NO_PROXY)], why);
        }
        // Which address is the proxy's own, only the operator knows.
        return;
    }
    if kept != list {
        work.set(&path, kept, "Whole networks were believed to be the proxy");
    }
}

/// Says whether a range is wider than a few proxies: below /24 or /64.
fn is_wide(entry: &Value) -> bool {
    let Some(text) = entry.as_str() else { return true };
    let Some((address, bits)) = text.trim().split_once('/') else { return text.trim() == "*" };
    let least = if address.contains(':') { 64 } else { 24 };
    bits.parse::<u8>().map_or(true, |bits| bits < least)
}

/// Closes the routes that OpenClaw itself makes and announces.
fn routes(work: &mut Work<'_>, depth: Depth) {
    let mode = ["gateway", "tailscale", "mode"];
    let open = |word: Option<&str>| match depth {
        Depth::Everyone => word != Some("off"),
        Depth::Strangers => !matches!(word, Some("off" | "serve")),
    };
    if work.get(&mode).is_some() && open(work.word(&mode)) {
        let why = match work.word(&mode) {
            Some("serve") => "The tailnet could connect through Tailscale Serve",
            Some("funnel") => "The whole internet could connect through Tailscale Funnel",
            _ => "A route through Tailscale could be made",
        };
        let why = why.to_owned();
        work.set(&mode, "off", &why);
    }
    let path = ["gateway", "tailscale", "preserveFunnel"];
    work.switch_off(&path, "A Funnel made by hand was kept in place");
    let gmail = ["hooks", "gmail", "tailscale", "mode"];
    if work.get(&gmail).is_some() && open(work.word(&gmail)) {
        work.set(&gmail, "off", "Mail hooks were reachable through Tailscale");
    }
    if work.word(&["discovery", "mdns", "mode"]) == Some("full") {
        let why = "It told the local network more than that it is there";
        work.set(&["discovery", "mdns", "mode"], "minimal", why);
    }
}

/// Takes back every flag that is named dangerous, and the limits that were lifted.
pub(super) fn flags(work: &mut Work<'_>) {
    let mut found = Vec::new();
    dangerous(work.value(), &mut Vec::new(), &mut found);
    for path in found {
        let path = borrowed(&path);
        if INERT.contains(&path.as_slice()) {
            continue;
        }
        let why = "Its own name says that it is dangerous";
        match work.get(&path) {
            Some(Value::Bool(_)) => work.set(&path, false, why),
            _ => work.clear(&path, why),
        }
    }
    let why = "Who posts to a hook could choose whose session it lands in";
    if work.is_on(&["hooks", "allowRequestSessionKey"]) {
        work.set(&["hooks", "allowRequestSessionKey"], false, why);
    }
    let why = "Mail reached agents without being marked as from outside";
    if work.is_on(&["hooks", "gmail", "allowUnsafeExternalContent"]) {
        work.set(&["hooks", "gmail", "allowUnsafeExternalContent"], false, why);
    }
    for path in
        [&["tools", "exec", "applyPatch", "workspaceOnly"][..], &["tools", "fs", "workspaceOnly"]]
    {
        if work.get(path) == Some(&Value::Bool(false)) {
            work.set(path, true, "Files outside the workspace could be changed");
        }
    }
    mappings(work);
}

fn dangerous(value: &Value, path: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    for (key, member) in value.as_object().into_iter().flatten() {
        path.push(key.clone());
        let is_set = !matches!(member, Value::Null | Value::Bool(false));
        if key.starts_with("dangerously") && is_set {
            found.push(path.clone());
        } else {
            dangerous(member, path, found);
        }
        path.pop();
    }
}

/// Takes the mark of unsafe content off the hooks' mappings, which are a list and written whole.
fn mappings(work: &mut Work<'_>) {
    let path = ["hooks", "mappings"];
    let Some(Value::Array(list)) = work.get(&path) else { return };
    let mut list = list.clone();
    let mut any = false;
    for mapping in &mut list {
        if let Some(flag) = mapping.get_mut("allowUnsafeExternalContent")
            && *flag != Value::Bool(false)
        {
            *flag = Value::Bool(false);
            any = true;
        }
    }
    // A list that holds a secret would carry it into the patch.
    let whole = Value::Array(list);
    if any && crate::openclaw::secret::redact(&whole) == whole {
        work.set(
            &path,
            whole,
            "What was posted reached agents without being marked as from outside",
        );
    }
}
