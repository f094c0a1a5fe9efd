//! Reading where nginx leads and which headers it sends there, from `nginx -T`.
//!
//! One `proxy_set_header` at a level takes away all that stand above it, so that looking for a line
//! proves nothing: each place that leads to the gateway is looked at with what really holds there.
//! What no `proxy_set_header` names is passed on as the client sent it.

mod syntax;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::openclaw::command::quote;
use crate::openclaw::finding::Report;
use crate::openclaw::witness::Asked;
use crate::openclaw::witness::Unread;
use crate::openclaw::witness::finding;
use crate::openclaw::witness::nginx::syntax::Directive;

/// A place that passes requests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// What an operator finds it by, such as `location / of claw.example.org`.
    pub name: String,
    /// Where it leads, as written.
    pub to: String,
    /// The addresses it leads to, behind the names of groups; none where a variable decides.
    pub targets: Option<Vec<String>>,
    /// The headers it writes, by their names in lower case.
    pub headers: BTreeMap<String, String>,
    /// Whether what it does not write is passed on as the client sent it.
    pub passes: bool,
}

/// What holds at a level, for the levels within.
#[derive(Clone, Default)]
struct Level {
    name: String,
    headers: BTreeMap<String, String>,
    passes: Option<bool>,
}

/// Reads every place that passes requests on.
///
/// # Errors
///
/// When it is no answer of `nginx -T`, or is cut off.
pub fn read(text: &str) -> Result<Vec<Place>, Unread> {
    let directives = syntax::parse(text)?;
    let mut groups = BTreeMap::new();
    let mut places = Vec::new();
    for http in directives.iter().filter(|directive| directive.name == "http") {
        for group in http.block.iter().flatten().filter(|inner| inner.name == "upstream") {
            let servers = group.block.iter().flatten().filter(|inner| inner.name == "server");
            let servers = servers.filter_map(|server| server.words.first().cloned());
            groups.insert(group.words.first().cloned().unwrap_or_default(), servers.collect());
        }
        level(http, &Level::default(), &groups, &mut places);
    }
    Ok(places)
}

fn level(
    directive: &Directive,
    above: &Level,
    groups: &BTreeMap<String, Vec<String>>,
    places: &mut Vec<Place>,
) {
    let Some(block) = &directive.block else { return };
    let mut here = above.clone();
    let word =
        |directive: &Directive, at: usize| directive.words.get(at).cloned().unwrap_or_default();
    match directive.name.as_str() {
        "server" => {
            let of = |name: &str| block.iter().rfind(|inner| inner.name == name);
            let name = of("server_name").or_else(|| of("listen"));
            let name = name.map(|inner| inner.words.join(" "));
            here.name = name.unwrap_or_else(|| "a server without a name".to_owned());
        }
        "location" | "if" | "limit_except" => {
            let words = directive.words.join(" ");
            here.name = format!("{} {words} of {}", directive.name, above.name);
        }
        _ => {}
    }
    let own: BTreeMap<String, String> = (block.iter())
        .filter(|inner| inner.name == "proxy_set_header")
        .map(|inner| (word(inner, 0).to_ascii_lowercase(), word(inner, 1)))
        .collect();
    if !own.is_empty() {
        here.headers = own;
    }
    if let Some(said) = block.iter().rfind(|inner| inner.name == "proxy_pass_request_headers") {
        here.passes = Some(word(said, 0) != "off");
    }
    for inner in block {
        if inner.name == "proxy_pass" {
            let to = word(inner, 0);
            places.push(Place {
                name: here.name.clone(),
                targets: targets(&to, groups),
                to,
                headers: here.headers.clone(),
                passes: here.passes.unwrap_or(true),
            });
        }
        level(inner, &here, groups, places);
    }
}

/// Returns the addresses that a URL leads to; none where a variable decides.
fn targets(to: &str, groups: &BTreeMap<String, Vec<String>>) -> Option<Vec<String>> {
    if to.contains('$') {
        return None;
    }
    let (scheme, rest) = to.split_once("://").unwrap_or(("http", to));
    let authority = rest.split('/').next().unwrap_or(rest);
    let usual = if scheme == "https" { 443 } else { 80 };
    let with_port = |address: &str| {
        let bare = address.rsplit_once(':').is_none_or(|(_, port)| port.parse::<u16>().is_err());
        if bare { format!("{address}:{usual}") } else { address.to_owned() }
    };
    match groups.get(authority) {
        Some(servers) => Some(servers.iter().map(|server| with_port(server)).collect()),
        None => Some(vec![with_port(authority)]),
    }
}

/// Says which places lead to the gateway, and what a client can write there itself.
#[must_use]
pub fn report(places: &[Place], asked: &Asked) -> Report {
    let mut report = Report::default();
    let ends = format!(":{}", asked.port);
    let leads = |place: &&Place| {
        place.targets.as_ref().is_none_or(|to| to.iter().any(|target| target.ends_with(&ends)))
    };
    let ours: Vec<&Place> = places.iter().filter(leads).collect();
    let unclear: Vec<&&Place> = ours.iter().filter(|place| place.targets.is_none()).collect();
    let line = |place: &Place| quote(&format!("{} leads to {}", place.name, place.to));
    for place in &ours {
        report.note(line(place));
    }
    for place in &unclear {
        report.note(quote(&format!("Where {} leads, a variable decides.", place.name)));
    }
    if ours.is_empty() {
        report.note(format!("No place leads to port {}.", asked.port));
    }
    let forwarded: Vec<String> = ours.iter().filter_map(|place| forwarded(place)).collect();
    let user = asked.user_header.as_deref();
    let user: Option<Vec<String>> =
        user.map(|header| ours.iter().filter_map(|place| written(place, header)).collect());
    if !forwarded.is_empty() {
        report.findings.push(finding(
            "nginx",
            "portcullis.nginx.forwarded",
            "A client can write its own address where nginx leads to the gateway",
            &forwarded,
            "Set `proxy_set_header X-Forwarded-For $remote_addr;` and `X-Real-IP $remote_addr;` in \
             the same block as every other proxy_set_header: one of them takes away all that \
             stand further out.",
        ));
    }
    if let Some(user) = user.as_ref().filter(|user| !user.is_empty()) {
        report.findings.push(finding(
            "nginx",
            "portcullis.nginx.user",
            "A client can write the user's header where nginx leads to the gateway",
            user,
            "Set the header from what the login answered, or to \"\", in the same block as every \
             other proxy_set_header.",
        ));
    }
    let mut observe = |path: &str, value: Value| report.observed.insert(path.to_owned(), value);
    if unclear.is_empty() {
        observe("nginx.to_gateway", ours.iter().map(|place| line(place)).collect());
    }
    // Where a variable decides, what is bad is bad, and what is good may be somewhere else.
    if !ours.is_empty() && (unclear.is_empty() || !forwarded.is_empty()) {
        observe("nginx.overwrites_forwarded", Value::Bool(forwarded.is_empty()));
    }
    if let Some(user) = user
        && !ours.is_empty()
        && (unclear.is_empty() || !user.is_empty())
    {
        observe("nginx.overwrites_user", Value::Bool(user.is_empty()));
    }
    report
}

/// Says how a client can write its own address at a place; nothing where it cannot.
fn forwarded(place: &Place) -> Option<String> {
    for (header, shown) in [("x-forwarded-for", "X-Forwarded-For"), ("x-real-ip", "X-Real-IP")] {
        match place.headers.get(header).map(String::as_str) {
            Some("$remote_addr" | "$realip_remote_addr" | "") => {}
            None if !place.passes => {}
            None => return Some(quote(&format!("{}: {shown} is not set", place.name))),
            Some(value) => {
                return Some(quote(&format!("{}: {shown} is {value}", place.name)));
            }
        }
    }
    None
}

/// Says how a client can write a header at a place; nothing where it cannot.
fn written(place: &Place, header: &str) -> Option<String> {
    let variable = format!("$http_{}", header.to_ascii_lowercase().replace('-', "_"));
    match place.headers.get(&header.to_ascii_lowercase()) {
        None if !place.passes => None,
        None => Some(quote(&format!("{}: {header} is not set", place.name))),
        Some(value) if value.to_ascii_lowercase().contains(&variable) => {
            Some(quote(&format!("{}: {header} is {value}", place.name)))
        }
        Some(_) => None,
    }
}

#[cfg(test)]
#[path = "nginx/tests.rs"]
mod tests;
