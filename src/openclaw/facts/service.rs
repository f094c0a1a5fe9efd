//! The environment of the gateway's own service, told apart from ours: what a variable is worth
//! there, never what it says.

use std::collections::BTreeMap;

use crate::openclaw::facts::reading::Reading;
use crate::openclaw::secret;
use crate::openclaw::secret::Class;

/// The variables that always matter, whether the config names them or not.
pub const ALWAYS: [&str; 2] = ["OPENCLAW_GATEWAY_TOKEN", "OPENCLAW_GATEWAY_PASSWORD"];

/// What could be seen of the service's environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Whose environment it is, such as `the gateway's process`.
    pub place: String,
    /// The variables that were asked for and are set there.
    pub variables: BTreeMap<String, Variable>,
    /// Whether what is not among them is not set: a unit file does not tell all.
    pub complete: bool,
}

/// A variable of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variable {
    /// What it is worth.
    pub class: Class,
    /// Whether ours says the same; none where we have none.
    pub same: Option<bool>,
}

/// Says where a variable's value comes from, and what it is worth; none where it cannot be seen.
///
/// The service's environment goes before ours, which is only where ours is run from.
pub(super) fn variable(reading: &Reading<'_>, name: &str) -> (String, Option<Class>) {
    // The config's own variables stand in for those that the environment lacks.
    let written = [&["env", "vars", name][..], &["env", name]];
    let written = written.into_iter().find_map(|path| reading.at(path)?.as_str());
    let written =
        written.map(|text| (format!("env {name}, from the config"), Some(secret::class(text))));
    if let Some(service) = &reading.world.service {
        let place = &service.place;
        match service.variables.get(name) {
            Some(Variable { class, same: Some(false) }) => {
                return (format!("env {name} of {place}, not the one here"), Some(*class));
            }
            Some(Variable { class, .. }) => {
                return (format!("env {name} of {place}"), Some(*class));
            }
            None if written.is_some() => return written.unwrap_or_default(),
            None if service.complete && reading.at(&["env", "shellEnv"]).is_some() => {
                return (format!("env {name}, perhaps of a login shell"), None);
            }
            None if service.complete => {
                return (format!("env {name}, which is not set in {place}"), Some(Class::Empty));
            }
            None => {}
        }
    }
    match (reading.world.environment.get(name), written) {
        (None, Some(written)) => written,
        (ours, _) => (format!("env {name}"), ours.map(|text| secret::class(text))),
    }
}
