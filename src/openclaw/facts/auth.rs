//! How callers prove who they are: the mode, and where its secret comes from; never the secret.

use serde_json::Value;

use crate::openclaw::fact::Origin;
use crate::openclaw::facts::found::Found;
use crate::openclaw::facts::found::Sheet;
use crate::openclaw::facts::reading::Reading;
use crate::openclaw::facts::service;
use crate::openclaw::secret;
use crate::openclaw::secret::Class;
use crate::openclaw::secret::Reference;

/// A token or password, reduced to what may be said of it.
pub(super) struct Credential {
    /// Where it comes from, in words.
    pub(super) source: String,
    /// What it is worth; none where it cannot be seen.
    pub(super) class: Option<Class>,
    pub(super) origin: Origin,
}

impl Credential {
    fn new(source: impl Into<String>, class: Option<Class>, origin: Origin) -> Self {
        Self { source: source.into(), class, origin }
    }

    /// Returns what it is worth, as found at a path.
    pub(super) fn worth(&self, path: &[&str]) -> Found {
        match self.class {
            Some(class) => Found::set(word(class), self.origin.clone()),
            None => Found::hidden(self.origin.clone()),
        }
        .at(path)
    }
}

fn word(class: Class) -> &'static str {
    match class {
        Class::Empty => "empty",
        Class::Placeholder => "placeholder",
        Class::Short => "short",
        Class::Ok => "ok",
    }
}

/// Reads a credential at a path; none where nothing is written.
pub(super) fn credential(reading: &Reading<'_>, path: &[&str]) -> Option<Credential> {
    let value = reading.at(path)?;
    let origin = reading.origin(path);
    let elsewhere = |kind: &str, provider: &str| {
        Credential::new(format!("{kind} secret ({provider})"), None, origin.clone())
    };
    let short = value.as_str().and_then(shorthand);
    let reference = short
        .map_or_else(|| secret::reference(value), |name| Some(Reference::Env(name.to_owned())));
    let found = match reference {
        None => Credential::new("written in the config, not as text", None, origin),
        Some(Reference::Inline) => {
            let class = value.as_str().map(secret::class);
            Credential::new("written in the config", class, origin)
        }
        Some(Reference::Env(name)) => {
            let (source, class) = service::variable(reading, &name);
            Credential::new(source, class, Origin::Env(name))
        }
        Some(Reference::Mixed(names)) => {
            let meant = value.as_str().and_then(|text| reading.substitute(text).ok());
            let source = format!("text with env {}", names.join(", "));
            Credential::new(source, meant.map(|text| secret::class(&text)), origin)
        }
        Some(Reference::Store { provider, .. }) => elsewhere("store", &provider),
        Some(Reference::File { provider, .. }) => elsewhere("file", &provider),
        Some(Reference::Exec { provider, .. }) => elsewhere("exec", &provider),
    };
    Some(found)
}

/// Returns the variable of `$NAME`, which OpenClaw reads as `${NAME}` where a secret stands.
pub(super) fn shorthand(text: &str) -> Option<&str> {
    let name = text.trim().strip_prefix('$')?;
    let starts = name.starts_with(|c: char| c.is_ascii_uppercase());
    let rest = name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
    (starts && rest && name.len() <= 128).then_some(name)
}

/// Finds the credential of a mode: in the config, else in the environment.
fn effective(reading: &Reading<'_>, key: &str, variable: &str) -> Option<Credential> {
    let written = credential(reading, &["gateway", "auth", key]);
    let written = written.filter(|written| written.class != Some(Class::Empty));
    written.or_else(|| {
        let (source, class) = service::variable(reading, variable);
        let class = class.filter(|class| *class != Class::Empty)?;
        Some(Credential::new(source, Some(class), Origin::Env(variable.to_owned())))
    })
}

/// Finds the auth mode: without one, the one whose secret is there.
pub(super) fn mode(reading: &Reading<'_>) -> Found {
    let password = effective(reading, "password", "OPENCLAW_GATEWAY_PASSWORD");
    let default = if password.is_some() { "password" } else { "token" };
    reading.or(&["gateway", "auth", "mode"], default)
}

/// Puts the facts about authentication on the gateway's sheet.
pub(super) fn put(sheet: &mut Sheet, reading: &Reading<'_>, tailscale: &Found) {
    let token = effective(reading, "token", "OPENCLAW_GATEWAY_TOKEN");
    let password = effective(reading, "password", "OPENCLAW_GATEWAY_PASSWORD");
    let path = ["gateway", "auth", "mode"];
    let mode = mode(reading);
    let (source, class) = match mode.word() {
        Some("token") => secret_of(reading, token, "token", "OPENCLAW_GATEWAY_TOKEN"),
        Some("password") => secret_of(reading, password, "password", "OPENCLAW_GATEWAY_PASSWORD"),
        Some("trusted-proxy") => (header(reading), Found::unset(&["gateway", "auth", "token"])),
        Some("none") => {
            let none = Found::set("none", mode.origin.clone()).at(&path);
            (none, Found::unset(&["gateway", "auth", "token"]))
        }
        Some(_) | None => {
            let hidden = || Found::hidden(mode.origin.clone()).at(&path);
            (hidden(), hidden())
        }
    };
    sheet.put("config.gateway.auth.source", source);
    sheet.put("config.gateway.auth.secret", class);
    let limit = ["gateway", "auth", "rateLimit"];
    let limited = match reading.at(&limit) {
        Some(Value::Object(_)) => Found::set(true, reading.origin(&limit)).at(&limit),
        Some(value) => reading.found(&limit, value),
        None => Found::default(false, &limit),
    };
    sheet.put("config.gateway.auth.rate_limit", limited);
    let by_tailscale = tailscale.word() == Some("serve")
        && !matches!(mode.word(), Some("password" | "trusted-proxy"));
    let allow = reading.or(&["gateway", "auth", "allowTailscale"], by_tailscale);
    sheet.put("config.gateway.auth.allow_tailscale", allow);
    sheet.put("config.gateway.auth.mode", mode);
    sheet.put("config.gateway.auth.identity_scopes", identities(reading));
    proxy(sheet, reading);
}

/// Finds source and worth of the mode's secret. One that is nowhere to be seen may still stand in
/// the environment of the service.
fn secret_of(
    reading: &Reading<'_>,
    found: Option<Credential>,
    key: &str,
    variable: &str,
) -> (Found, Found) {
    let path = ["gateway", "auth", key];
    if let Some(found) = found {
        let source = Found::set(found.source.clone(), found.origin.clone()).at(&path);
        return (source, found.worth(&path));
    }
    if let Some(written) = credential(reading, &path) {
        let source = Found::set(written.source.clone(), written.origin.clone()).at(&path);
        return (source, written.worth(&path));
    }
    let hidden = || Found::hidden(Origin::Env(variable.to_owned())).at(&path);
    (hidden(), hidden())
}

fn header(reading: &Reading<'_>) -> Found {
    let path = ["gateway", "auth", "trustedProxy", "userHeader"];
    let found = reading.or_unset(&path);
    match found.word().map(|header| format!("header {header} from the proxy")) {
        Some(source) => Found { value: Some(Value::from(source)), ..found },
        None => found,
    }
}

fn identities(reading: &Reading<'_>) -> Found {
    let path = ["gateway", "auth", "identityScopes"];
    match reading.at(&path) {
        None => Found::default(Vec::<String>::new(), &path),
        Some(Value::Object(members)) => {
            let names: Vec<String> = members.keys().map(|name| reading.safe(name)).collect();
            Found::set(names, reading.origin(&path)).at(&path)
        }
        Some(Value::Array(_)) => Found::set("(a list)", reading.origin(&path)).at(&path),
        Some(value) => reading.found(&path, value),
    }
}

/// Puts what a proxy in front has to say and may do.
fn proxy(sheet: &mut Sheet, reading: &Reading<'_>) {
    let at = |keys: &[&'static str]| -> Vec<&'static str> {
        ["gateway", "auth", "trustedProxy"].into_iter().chain(keys.iter().copied()).collect()
    };
    let header = reading.or_unset(&at(&["userHeader"]));
    sheet.put("config.gateway.trusted_proxy.user_header", header);
    let headers = reading.list(&at(&["requiredHeaders"]));
    sheet.put("config.gateway.trusted_proxy.required_headers", headers);
    let users = reading.list(&at(&["allowUsers"]));
    sheet.put("config.gateway.trusted_proxy.allow_users", users);
    let loopback = reading.or(&at(&["allowLoopback"]), false);
    sheet.put("config.gateway.trusted_proxy.allow_loopback", loopback);
    let approve = reading.or(&at(&["deviceAutoApprove", "enabled"]), false);
    sheet.put("config.gateway.trusted_proxy.device_auto_approve", approve);
}
