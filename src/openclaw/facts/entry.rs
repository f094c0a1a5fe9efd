//! What it takes to get in, for trying the gateway's door: the one place that hands out the secret
//! itself, and never for showing.

use std::fmt;

use serde_json::Value;

use crate::openclaw::config::Config;
use crate::openclaw::facts::World;
use crate::openclaw::facts::auth;
use crate::openclaw::facts::reading::Reading;
use crate::openclaw::facts::service;
use crate::openclaw::secret;
use crate::openclaw::secret::Reference;

/// Where a gateway keeps the certificate that it made for itself, below its state directory.
///
/// Source: OpenClaw's docs, gateway/config-gateway, `gateway.tls`.
const CERTIFICATE: &str = "gateway/tls/gateway-cert.pem";

/// A text that is sent and never shown: its `Debug` says nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// What a client of the gateway needs, as config and environment give it here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The auth mode; none where it cannot be told.
    pub mode: Option<String>,
    /// The secret of the mode, or why it cannot be had here.
    pub secret: Result<Secret, String>,
    /// Where the secret comes from, in words; empty where there is none.
    pub source: String,
    /// The header in which a trusted proxy names the user.
    pub user_header: Option<String>,
    /// Headers without which the gateway does not believe the proxy.
    pub required_headers: Vec<String>,
    /// The users who may come in; empty for everyone, none where it cannot be told.
    pub users: Option<Vec<String>>,
    /// Whether a proxy on this host is believed.
    pub allows_loopback: bool,
    /// Whether the gateway speaks TLS itself.
    pub tls: bool,
    /// The file of the certificate that the gateway shows, where it speaks TLS.
    pub certificate: Option<String>,
    /// The gateway that this config is a client of, and the certificate that it pins there.
    pub remote: Option<(String, String)>,
}

impl Secret {
    /// Takes a text that must not be shown.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the text, to be sent.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("Secret(…)")
    }
}

impl Entry {
    /// Works out what a config asks of a client.
    #[must_use]
    pub fn resolve(config: &Config, world: &World) -> Self {
        let mask = config.mask();
        let reading = Reading::new(config, world, &mask);
        let mode = auth::mode(&reading).word().map(str::to_owned);
        let (secret, source) = match mode.as_deref() {
            Some("token") => of_mode(&reading, "token", "OPENCLAW_GATEWAY_TOKEN"),
            Some("password") => of_mode(&reading, "password", "OPENCLAW_GATEWAY_PASSWORD"),
            Some(mode) => (Err(format!("auth mode {mode} has no secret")), String::new()),
            None => (Err("the auth mode cannot be told from here".to_owned()), String::new()),
        };
        let at = |keys: &[&'static str]| -> Vec<&'static str> {
            ["gateway", "auth", "trustedProxy"].into_iter().chain(keys.iter().copied()).collect()
        };
        let meant = |path: &[&str]| -> Option<Vec<String>> {
            reading.items(path).into_iter().map(|item| item.meant).collect()
        };
        let header = reading.at(&at(&["userHeader"])).and_then(Value::as_str);
        let meant_at =
            |path: &[&str]| reading.substitute(reading.at(path).and_then(Value::as_str)?).ok();
        let tls = reading.is_on(&["gateway", "tls", "enabled"]);
        let own = || {
            meant_at(&["gateway", "tls", "certPath"])
                .unwrap_or_else(|| format!("{}/{CERTIFICATE}", world.state_dir))
        };
        Self {
            mode,
            secret,
            source,
            user_header: header.and_then(|text| reading.substitute(text).ok()),
            required_headers: meant(&at(&["requiredHeaders"])).unwrap_or_default(),
            users: meant(&at(&["allowUsers"])),
            allows_loopback: reading.is_on(&at(&["allowLoopback"])),
            tls,
            certificate: tls.then(own),
            remote: meant_at(&["gateway", "remote", "url"]).zip(meant_at(&[
                "gateway",
                "remote",
                "tlsFingerprint",
            ])),
        }
    }

    /// Describes a gateway elsewhere, of which nothing is known but its auth mode.
    #[must_use]
    pub fn elsewhere(mode: &str) -> Self {
        Self {
            mode: Some(mode.to_owned()),
            secret: Err("no secret was given".to_owned()),
            source: String::new(),
            user_header: None,
            required_headers: Vec::new(),
            users: None,
            allows_loopback: false,
            tls: false,
            certificate: None,
            remote: None,
        }
    }

    /// Tells whether a proxy in front says who the client is.
    #[must_use]
    pub fn trusts_a_proxy(&self) -> bool {
        self.mode.as_deref() == Some("trusted-proxy")
    }
}

/// Finds the secret of a mode as facts do: in the config, else in the environment.
fn of_mode(reading: &Reading<'_>, key: &str, variable: &str) -> (Result<Secret, String>, String) {
    let empty = |text: &Result<String, String>| text.as_ref().is_ok_and(|it| it.trim().is_empty());
    let path = ["gateway", "auth", key];
    if let Some(value) = reading.at(&path)
        && let Some(written) = auth::credential(reading, &path)
    {
        let secret = written_out(reading, value);
        if !empty(&secret) {
            return (secret.map(|text| Secret::new(text.trim())), written.source);
        }
    }
    match of_variable(reading, variable).filter(|text| !empty(text)) {
        None => {
            (Err(format!("neither the config nor {variable} gives a {key} here")), String::new())
        }
        Some(text) => {
            (text.map(|text| Secret::new(text.trim())), service::variable(reading, variable).0)
        }
    }
}

/// Returns the text of a variable as the gateway has it; none where it is nowhere to be seen.
///
/// Where ours is known to be another than the service's, there is no telling what that one is.
fn of_variable(reading: &Reading<'_>, name: &str) -> Option<Result<String, String>> {
    let ours = reading.world.environment.get(name).cloned();
    let Some(service) = &reading.world.service else { return ours.map(Ok) };
    let place = &service.place;
    let why = match service.variables.get(name).map(|variable| variable.same) {
        Some(Some(false)) => Some(format!("is another one in {place} than here")),
        Some(None) => Some(format!("is set in {place} and not here")),
        None if service.complete && ours.is_some() => {
            Some(format!("is set here and not in {place}"))
        }
        Some(Some(true)) | None => None,
    };
    match why {
        Some(why) => Some(Err(format!("the variable {name} {why}"))),
        None => ours.map(Ok),
    }
}

/// Returns the text of a secret that the config writes or refers to.
fn written_out(reading: &Reading<'_>, value: &Value) -> Result<String, String> {
    let elsewhere = |kind: &str| format!("the secret is in {kind}, which only OpenClaw opens");
    let short = value.as_str().and_then(auth::shorthand).map(str::to_owned);
    match short.map(Reference::Env).or_else(|| secret::reference(value)) {
        None => Err("the secret is written in the config, and not as text".to_owned()),
        Some(Reference::Env(name)) => of_variable(reading, &name)
            .unwrap_or_else(|| Err(format!("the variable {name} is not set here"))),
        Some(Reference::Inline | Reference::Mixed(_)) => reading
            .substitute(value.as_str().unwrap_or_default())
            .map_err(|name| format!("the variable {name} is not set here")),
        Some(Reference::Store { .. }) => Err(elsewhere("OpenClaw's own store")),
        Some(Reference::File { .. }) => Err(elsewhere("a file")),
        Some(Reference::Exec { .. }) => Err(elsewhere("the answer of a command")),
    }
}
