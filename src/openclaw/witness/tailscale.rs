//! Reading where Tailscale leads: `tailscale status`, `serve status` and `funnel status`, as JSON.
//!
//! Routes stand at the top, below `Foreground`, a session each, and below `Services`, a name each; a
//! Funnel may stand in any of them. OpenClaw's own routes are in the foreground and end with it.

use std::collections::BTreeSet;

use serde_json::Map;
use serde_json::Value;

use crate::openclaw::command::document;
use crate::openclaw::command::quote;
use crate::openclaw::finding::Report;
use crate::openclaw::witness::Asked;
use crate::openclaw::witness::Unread;
use crate::openclaw::witness::finding;

/// All that such a config holds; a document with anything else is another command's answer.
const PARTS: [&str; 7] = ["TCP", "Web", "Services", "AllowFunnel", "Foreground", "Tun", "ETag"];

/// How many levels of configs are followed.
const DEPTH: usize = 4;

/// All that Tailscale passes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Routes {
    /// Where it leads.
    pub routes: Vec<Route>,
    /// The names and ports that a Funnel opens to the internet.
    pub funnel: BTreeSet<String>,
}

/// One place that Tailscale passes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// From where, such as `vega.example.ts.net:443/`.
    pub from: String,
    /// To where: a URL, an address, or a folder.
    pub to: String,
    /// Whether it ends with the program that set it.
    pub foreground: bool,
}

/// What `tailscale status` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// Its word for how it is, `Running` when it is connected.
    pub backend: String,
    /// The daemon's version.
    pub version: String,
}

/// Reads `tailscale serve status --json` or `tailscale funnel status --json`.
///
/// Nothing at all, `null` and `{}` mean that there are no routes.
///
/// # Errors
///
/// When it is no such document, or a part of it is of another shape.
pub fn routes(text: &str) -> Result<Routes, Unread> {
    let text = text.trim();
    let mut routes = Routes::default();
    if text.is_empty() || text == "null" {
        return Ok(routes);
    }
    // A warning about versions may stand beside it.
    let document = document(text).ok_or(Unread::Nothing("whole JSON document"))?;
    let document = document.as_object().ok_or(Unread::Nothing("object"))?;
    take(document, false, "", 0, &mut routes)?;
    Ok(routes)
}

fn take(
    config: &Map<String, Value>,
    foreground: bool,
    service: &str,
    depth: usize,
    routes: &mut Routes,
) -> Result<(), Unread> {
    if depth > DEPTH {
        return Err(Unread::Value("Foreground".to_owned()));
    }
    if let Some(other) = config.keys().find(|key| !PARTS.contains(&key.as_str())) {
        return Err(Unread::Value(quote(other)));
    }
    if config.get("Tun") == Some(&Value::Bool(true)) {
        let from = format!("{service}every port");
        routes.routes.push(Route { from, to: "this host".to_owned(), foreground });
    }
    for (at, web) in members(config, "Web")? {
        let web = web.as_object().ok_or_else(|| Unread::Value(quote(at)))?;
        for (path, handler) in members(web, "Handlers")? {
            let text = |key| handler.get(key).and_then(Value::as_str);
            let to = text("Proxy").or_else(|| text("Path")).or_else(|| text("Redirect"));
            let to = to.or_else(|| text("Text").map(|_| "a text"));
            let to = to.ok_or_else(|| Unread::Value(quote(&format!("{at}{path}"))))?;
            routes.routes.push(Route {
                from: format!("{service}{at}{path}"),
                to: to.to_owned(),
                foreground,
            });
        }
    }
    for (port, tcp) in members(config, "TCP")? {
        if let Some(to) = tcp.get("TCPForward").and_then(Value::as_str).filter(|to| !to.is_empty())
        {
            let from = format!("{service}port {port}");
            routes.routes.push(Route { from, to: to.to_owned(), foreground });
        }
    }
    for (at, open) in members(config, "AllowFunnel")? {
        match open {
            Value::Bool(true) => {
                routes.funnel.insert(format!("{service}{at}"));
            }
            Value::Bool(false) | Value::Null => {}
            _ => return Err(Unread::Value(quote(&format!("AllowFunnel of {at}")))),
        }
    }
    for (session, inner) in members(config, "Foreground")? {
        let inner = inner.as_object().ok_or_else(|| Unread::Value(quote(session)))?;
        take(inner, true, service, depth + 1, routes)?;
    }
    for (name, inner) in members(config, "Services")? {
        let inner = inner.as_object().ok_or_else(|| Unread::Value(quote(name)))?;
        take(inner, foreground, &format!("{name} "), depth + 1, routes)?;
    }
    Ok(())
}

/// Returns the members of an object within; none where there is none or nothing.
fn members<'v>(
    config: &'v Map<String, Value>,
    key: &str,
) -> Result<impl Iterator<Item = (&'v String, &'v Value)>, Unread> {
    match config.get(key) {
        None | Some(Value::Null) => Ok(None.into_iter().flatten()),
        Some(Value::Object(members)) => Ok(Some(members).into_iter().flatten()),
        Some(_) => Err(Unread::Value(key.to_owned())),
    }
}

/// Reads `tailscale status --json`.
///
/// # Errors
///
/// When it is no such document.
pub fn state(text: &str) -> Result<State, Unread> {
    let document = document(text).ok_or(Unread::Nothing("whole JSON document"))?;
    let word = |key| document.get(key).and_then(Value::as_str).map(str::to_owned);
    let backend = word("BackendState").ok_or(Unread::Nothing("`BackendState`"))?;
    Ok(State { backend, version: word("Version").unwrap_or_default() })
}

/// Says whether Tailscale is connected.
#[must_use]
pub fn state_report(state: &State) -> Report {
    let mut report = Report::default();
    let (backend, version) = (quote(&state.backend), quote(&state.version));
    report.note(format!("Tailscale {version} is {backend}."));
    let running = state.backend == "Running";
    report.observed.insert("tailscale.running".to_owned(), Value::Bool(running));
    report
}

/// Says where Tailscale leads, and whether the internet is let in.
#[must_use]
pub fn report(source: &str, routes: &Routes, asked: &Asked) -> Report {
    let mut report = Report::default();
    let lines: Vec<String> = routes.routes.iter().map(line).collect();
    for line in &lines {
        report.note(line.clone());
    }
    if lines.is_empty() {
        report.note("No route is set.");
    }
    let by_hand: Vec<String> = routes
        .routes
        .iter()
        // What OpenClaw sets up itself leads to another port, of its own choice.
        .filter(|route| port(&route.to) == Some(asked.port))
        .map(line)
        .collect();
    let funnel: Vec<String> = routes.funnel.iter().map(|at| quote(at)).collect();
    if !funnel.is_empty() {
        report.findings.push(finding(
            source,
            "portcullis.tailscale.funnel",
            "A Tailscale Funnel opens this host to the internet",
            &funnel,
            "Unless that is meant, close it with `tailscale funnel --https=443 off`, with the port \
             it stands at. OpenClaw's audit does not see a Funnel that somebody set by hand.",
        ));
    }
    if !by_hand.is_empty() {
        report.findings.push(finding(
            source,
            "portcullis.tailscale.by_hand",
            "A Tailscale route that OpenClaw does not manage leads to the gateway",
            &by_hand,
            "It stays when gateway.tailscale.mode changes. Take it away with `tailscale serve \
             --https=443 off`, or rely on no login by Tailscale's headers.",
        ));
    }
    let mut observe = |path: &str, value: Value| report.observed.insert(path.to_owned(), value);
    observe("tailscale.funnel", Value::Bool(!funnel.is_empty()));
    if asked.port != 0 {
        observe("tailscale.to_gateway", Value::Bool(!by_hand.is_empty()));
    }
    observe("tailscale.routes", Value::from(lines));
    report
}

fn line(route: &Route) -> String {
    let ends = if route.foreground { ", while its program runs" } else { "" };
    quote(&format!("{} leads to {}{ends}", route.from, route.to))
}

/// Returns the port that a route leads to.
fn port(to: &str) -> Option<u16> {
    let rest = to.split_once("://").map_or(to, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or(rest);
    authority.rsplit_once(':')?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reported(text: &str) -> Report {
        let asked = Asked { port: 18789, user_header: None, commanding: None };
        report("tailscale-serve", &routes(text).unwrap(), &asked)
    }

    #[track_caller]
    fn case(text: &str, funnel: bool, to_gateway: bool, lines: &[&str]) {
        let report = reported(text);
        assert_eq!(report.observed["tailscale.funnel"], funnel, "{text}");
        assert_eq!(report.observed["tailscale.to_gateway"], to_gateway, "{text}");
        assert_eq!(report.observed["tailscale.routes"], Value::from(lines), "{text}");
        assert_eq!(report.findings.len(), usize::from(funnel) + usize::from(to_gateway), "{text}");
    }

    #[test]
    fn a_funnel_is_seen_wherever_it_stands() {
        case("", false, false, &[]);
        case("null\n", false, false, &[]);
        case("{}", false, false, &[]);
        case("Warning: client version != tailscaled server version\n{}\n", false, false, &[]);
        case(
            r#"{"TCP":{"443":{"HTTPS":true}},"Web":{"vega.x.ts.net:443":{"Handlers":{"/":{"Proxy":"http://127.0.0.1:18789"}}}}}"#,
            false,
            true,
            &["vega.x.ts.net:443/ leads to http://127.0.0.1:18789"],
        );
        case(r#"{"AllowFunnel":{"vega.x.ts.net:443":true}}"#, true, false, &[]);
        case(r#"{"AllowFunnel":{"vega.x.ts.net:443":false}}"#, false, false, &[]);
        case(
            r#"{"Foreground":{"a1":{"Web":{"vega.x.ts.net:443":{"Handlers":{"/":{"Proxy":"http://127.0.0.1:40123"}}}}}}}"#,
            false,
            false,
            &["vega.x.ts.net:443/ leads to http://127.0.0.1:40123, while its program runs"],
        );
        case(
            r#"{"Foreground":{"a1":{"AllowFunnel":{"vega.x.ts.net:443":true}}}}"#,
            true,
            false,
            &[],
        );
        case(
            r#"{"Services":{"svc:claw":{"TCP":{"443":{"TCPForward":"127.0.0.1:18789"}},"AllowFunnel":null}}}"#,
            false,
            true,
            &["svc:claw port 443 leads to 127.0.0.1:18789"],
        );
    }

    #[test]
    fn a_service_that_takes_every_port_is_a_route() {
        let text = r#"{"Services":{"svc:claw":{"Tun":true}}}"#;
        case(text, false, false, &["svc:claw every port leads to this host"]);
    }

    #[test]
    fn a_shape_that_is_not_known_is_not_taken_for_nothing() {
        for text in [
            "[]",
            "{",
            "Available within your tailnet:",
            r#"{"AllowFunnel":["vega"]}"#,
            r#"{"Version":"1.80.2","BackendState":"Running"}"#,
            r#"{"error":"not running"}"#,
            r#"{"AllowFunnel":{"vega.x.ts.net:443":"yes"}}"#,
            r#"{"Foreground":{"a1":true}}"#,
            r#"{"Web":{"a":{"Handlers":{"/":{"Unheard":"of"}}}}}"#,
        ] {
            assert!(routes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn only_running_is_running() {
        let running =
            |text| state_report(&state(text).unwrap()).observed["tailscale.running"].clone();
        assert_eq!(running(r#"{"Version":"1.80.2","BackendState":"Running","Self":{}}"#), true);
        assert_eq!(running(r#"{"BackendState":"NeedsLogin"}"#), false);
        assert_eq!(state("{}"), Err(Unread::Nothing("`BackendState`")));
    }
}
