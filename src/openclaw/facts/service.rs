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
    if let Some(service) = &reading.world.service {
        let place = &service.place;
        match service.variables.get(name) {
            Some(Variable { class, same: Some(false) }) => {
                return (format!("env {name} of {place}, not the one here"), Some(*class));
            }
            Some(Variable { class, .. }) => {
                return (format!("env {name} of {place}"), Some(*class));
            }
            None if service.complete => {
                return (format!("env {name}, which is not set in {place}"), Some(Class::Empty));
            }
            None => {}
        }
    }
    let ours = reading.world.environment.get(name);
    (format!("env {name}"), ours.map(|text| secret::class(text)))
}
