//! The gateway itself: where it binds, what it trusts, what it offers beside chat.

use std::net::IpAddr;

use serde_json::Value;

use crate::openclaw::fact::Origin;
use crate::openclaw::facts::auth;
use crate::openclaw::facts::flags;
use crate::openclaw::facts::found::Found;
use crate::openclaw::facts::found::Sheet;
use crate::openclaw::facts::key;
use crate::openclaw::facts::reading::Reading;

/// The port of a gateway that names none.
const PORT: u16 = 18789;

/// Puts the facts about the gateway on its sheet; returns whether only this host reaches it.
pub(super) fn put(sheet: &mut Sheet, reading: &Reading<'_>) -> Option<bool> {
    let mode = reading.or_unset(&["gateway", "mode"]);
    sheet.put("config.gateway.mode", mode);
    let tailscale = reading.or(&["gateway", "tailscale", "mode"], "off");
    let bind = bind(reading, &tailscale);
    let only = loopback_only(reading, &bind, &tailscale);
    address(sheet, reading, &bind);
    sheet.put("config.gateway.loopback_only", only.1);
    auth::put(sheet, reading, &tailscale);
    sheet.put("config.gateway.bind", bind);
    sheet.put("config.gateway.tailscale.mode", tailscale);
    proxies(sheet, reading);
    surfaces(sheet, reading);
    let list = |path: &[&str]| reading.list(path);
    let nodes = ["gateway", "nodes", "commands", "allow"];
    sheet.put("config.gateway.node_commands", list(&nodes));
    let auto = ["gateway", "nodes", "pairing", "autoApproveCidrs"];
    sheet.put("config.gateway.node_auto_approve", list(&auto));
    flags::put(sheet, reading);
    sheet.put("config.discovery.mdns", reading.or(&["discovery", "mdns", "mode"], "minimal"));
    only.0
}

/// Finds the effective bind: unset it is every interface in a container, loopback elsewhere.
fn bind(reading: &Reading<'_>, tailscale: &Found) -> Found {
    let path = ["gateway", "bind"];
    if let Some(found) = reading.first(&[&path]) {
        return found;
    }
    match (tailscale.word(), reading.world.container) {
        (Some("serve" | "funnel"), _) | (_, Some(false)) => Found::default("loopback", &path),
        (_, Some(true)) => Found::default("auto", &path),
        (_, None) => Found::hidden(Origin::Host("signs of a container".to_owned())).at(&path),
    }
}

fn loopback_only(reading: &Reading<'_>, bind: &Found, tailscale: &Found) -> (Option<bool>, Found) {
    let explicit = reading.at(&["gateway", "bind"]).is_some();
    let is = |found: &Found, word: &str| (!found.is_hidden()).then(|| found.word() == Some(word));
    let only = match (is(bind, "loopback"), is(tailscale, "off")) {
        _ if !explicit => Some(false),
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        (None, _) | (_, None) => None,
    };
    let inputs =
        &["config.gateway.bind", "config.gateway.bind_explicit", "config.gateway.tailscale.mode"];
    (only, Found::follows(only, inputs).at_place_of(bind))
}

/// Puts bind, port and what URL follows from them.
fn address(sheet: &mut Sheet, reading: &Reading<'_>, bind: &Found) {
    let path = ["gateway", "bind"];
    let explicit = match reading.at(&path) {
        Some(_) => Found::set(true, reading.origin(&path)).at(&path),
        None => Found::default(false, &path),
    };
    sheet.put("config.gateway.bind_explicit", explicit);
    let host = reading.or_unset(&["gateway", "customBindHost"]);
    let tls = reading.or(&["gateway", "tls", "enabled"], false);
    let port = port(reading);
    let inputs = &["config.gateway.bind", "config.gateway.port", "config.gateway.tls"];
    sheet.put("config.gateway.url", Found::follows(url(reading, bind, &host, &port, &tls), inputs));
    sheet.put("config.gateway.custom_bind_host", host);
    sheet.put("config.gateway.tls", tls);
    sheet.put("config.gateway.port", port);
}

/// Finds the port: of the environment, the config, or the profile.
fn port(reading: &Reading<'_>) -> Found {
    let path = ["gateway", "port"];
    let variable = "OPENCLAW_GATEWAY_PORT";
    let here = reading.world.environment.get(variable);
    if let Some(port) = here.and_then(|port| port.trim().parse::<u16>().ok()) {
        return Found::set(port, Origin::Env(variable.to_owned())).at(&path);
    }
    let found = reading.first(&[&path]).map(|found| {
        let number = found.word().and_then(|word| word.parse::<u16>().ok());
        number.map_or(found.clone(), |port| Found { value: Some(Value::from(port)), ..found })
    });
    let default = match reading.world.default_port {
        0 => PORT,
        port => port,
    };
    found.unwrap_or_else(|| Found::default(default, &path))
}

fn url(
    reading: &Reading<'_>,
    bind: &Found,
    custom: &Found,
    port: &Found,
    tls: &Found,
) -> Option<String> {
    let scheme = if tls.flag()? { "https" } else { "http" };
    let port = port.value.as_ref()?.as_u64()?;
    let host = match bind.word()? {
        "loopback" => "127.0.0.1",
        "custom" => custom.word()?,
        _ if reading.world.host.is_empty() => return None,
        _ => &reading.world.host,
    };
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    Some(format!("{scheme}://{host}:{port}"))
}

/// Puts whose forwarding headers are believed.
fn proxies(sheet: &mut Sheet, reading: &Reading<'_>) {
    let path = ["gateway", "trustedProxies"];
    let items = reading.items(&path);
    let wide: Vec<String> = items
        .iter()
        .filter(|item| item.meant.as_deref().is_some_and(is_wide))
        .map(|item| item.shown.clone())
        .collect();
    let unseen = wide.is_empty() && items.iter().any(|item| item.meant.is_none());
    let wide = Found::follows((!unseen).then_some(wide), &["config.gateway.trusted_proxies"]);
    sheet.put("config.gateway.trusted_proxies_wide", wide.at(&path));
    sheet.put("config.gateway.trusted_proxies", reading.list(&path));
    let real_ip = reading.or(&["gateway", "allowRealIpFallback"], false);
    sheet.put("config.gateway.allow_real_ip_fallback", real_ip);
}

/// Says whether a range is wider than a few proxies; what is no address cannot be told from one.
#[must_use]
pub fn is_wide(text: &str) -> bool {
    let (address, bits) =
        text.trim().split_once('/').map_or((text.trim(), None), |(a, b)| (a, Some(b)));
    let bits = bits.map(str::parse::<u8>);
    match (address.parse::<IpAddr>(), bits) {
        (Ok(IpAddr::V4(_) | IpAddr::V6(_)), None) => false,
        (Ok(IpAddr::V4(_)), Some(Ok(bits))) => !(24..=32).contains(&bits),
        (Ok(IpAddr::V6(ip)), Some(Ok(bits))) if ip.to_ipv4_mapped().is_some() => bits < 120,
        (Ok(IpAddr::V6(_)), Some(Ok(bits))) => !(64..=128).contains(&bits),
        (Err(_), _) | (Ok(_), Some(Err(_))) => true,
    }
}

/// Puts what the gateway serves to browsers and programs.
fn surfaces(sheet: &mut Sheet, reading: &Reading<'_>) {
    let ui = ["gateway", "controlUi"];
    let [gateway, control] = ui;
    sheet
        .put("config.gateway.control_ui.enabled", reading.or(&[gateway, control, "enabled"], true));
    let path = [gateway, control, "allowedOrigins"];
    let origins = reading.items(&path);
    let any = origins.iter().any(|item| item.meant.as_deref().is_some_and(|o| o.trim() == "*"));
    let unseen = !any && origins.iter().any(|item| item.meant.is_none());
    let any =
        Found::follows((!unseen).then_some(any), &["config.gateway.control_ui.allowed_origins"]);
    sheet.put("config.gateway.control_ui.origin_wildcard", any.at(&path));
    sheet.put("config.gateway.control_ui.allowed_origins", reading.list(&path));
    sheet.put("config.gateway.terminal", reading.or(&["gateway", "terminal", "enabled"], true));
    sheet.put("config.gateway.http_apis", apis(reading));
    sheet.put("config.gateway.http_tools", reading.list(&["gateway", "tools", "allow"]));
}

/// Finds the HTTP endpoints that are switched on.
fn apis(reading: &Reading<'_>) -> Found {
    let endpoints = ["gateway", "http", "endpoints"];
    let [gateway, http, list] = endpoints;
    let switches = [
        ("chatCompletions", vec![gateway, http, list, "chatCompletions", "enabled"]),
        ("responses", vec![gateway, http, list, "responses", "enabled"]),
        ("admin-http-rpc", vec!["plugins", "entries", "admin-http-rpc", "enabled"]),
    ];
    let on = |path: &[&str]| !matches!(reading.at(path), None | Some(Value::Bool(false)));
    let first = switches.iter().find(|(_, path)| on(path));
    let names: Vec<&str> =
        switches.iter().filter(|(_, path)| on(path)).map(|(name, _)| *name).collect();
    match first {
        Some((_, path)) => Found::set(names, reading.origin(path)).at(path),
        None => Found::default(names, &endpoints),
    }
}

/// Puts the facts about sessions, logs and what the config hides from the audit.
pub(super) fn sessions(sheet: &mut Sheet, reading: &Reading<'_>) {
    let scope = reading.or(&["session", "dmScope"], "main");
    let group = group_scope(reading);
    let isolated = isolated(reading, &scope);
    sheet.put("config.session.dm_isolated", isolated);
    sheet.put("config.session.dm_scope", scope);
    sheet.put("config.session.group_scope", group);
    sheet.put("config.logging.redact_patterns", reading.list(&["logging", "redactPatterns"]));
    let path = ["security", "audit", "suppressions"];
    let suppressions = match reading.at(&path) {
        Some(Value::Array(list)) => Found::set(list.len(), reading.origin(&path)).at(&path),
        Some(value) => reading.found(&path, value),
        None => Found::default(0, &path),
    };
    sheet.put("config.audit.suppressions", suppressions);
}

/// Finds how sessions of rooms are kept apart: the first binding that lets its rooms share one goes
/// before what holds for all.
fn group_scope(reading: &Reading<'_>) -> Found {
    let overall = reading.or(&["session", "groupScope"], "per-group");
    let bindings = reading.at(&["bindings"]).and_then(Value::as_array).map_or(0, Vec::len);
    let own = (0..bindings)
        .filter_map(|at| reading.first(&[&["bindings", &at.to_string(), "session", "groupScope"]]));
    let all: Vec<Found> = std::iter::once(overall.clone()).chain(own).collect();
    let shared = all.iter().find(|found| !found.is_hidden() && found.word() != Some("per-group"));
    let unknown = || all.iter().find(|found| found.is_hidden());
    shared.or_else(unknown).cloned().unwrap_or(overall)
}

/// Finds whether DM sessions are kept apart by channel and sender, in every binding too.
fn isolated(reading: &Reading<'_>, scope: &Found) -> Found {
    let apart = |word: Option<&str>| {
        word.map(|word| matches!(word, "per-channel-peer" | "per-account-channel-peer"))
    };
    let inputs = &["config.session.dm_scope", "bindings"];
    if reading.at(&["session", "scope"]).and_then(Value::as_str) == Some("global") {
        let path = ["session", "scope"];
        return Found::set(false, reading.origin(&path)).at(&path);
    }
    let bindings = reading.at(&["bindings"]).and_then(Value::as_array);
    for at in 0..bindings.map_or(0, Vec::len) {
        let index = at.to_string();
        let path = ["bindings", &index, "session", "dmScope"];
        let Some(found) = reading.first(&[&path]) else { continue };
        if apart(found.word()) != Some(true) {
            let value = (!found.is_hidden()).then_some(Value::Bool(false));
            return Found { value, key: Some(key::write(&path)), ..found };
        }
    }
    let value = if scope.is_hidden() { None } else { Some(apart(scope.word()) == Some(true)) };
    Found::follows(value, inputs).at_place_of(scope)
}
