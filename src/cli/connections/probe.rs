//! What OpenClaw's own probe says of a gateway elsewhere.
//!
//! Given `--url` it takes credentials from the command line alone, where any process sees them. So
//! it is run as a client of that gateway: a throw-away config names the address and, for the
//! secret, a variable. Its row of that gateway decides.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use serde_json::json;

use crate::cli::Failure;
use crate::openclaw::command;
use crate::openclaw::command::Gateway;
use crate::openclaw::command::REMOTE_PROBE;
use crate::openclaw::connection::Trust;
use crate::openclaw::connection::Visit;
use crate::openclaw::finding::Outcome;
use crate::openclaw::proof::Proof;
use crate::shell::copy::Copy;
use crate::shell::in_turn::InTurn;
use crate::text::Mask;

/// How long it may take.
const DEADLINE: Duration = Duration::from_mins(1);

/// The variable that holds the secret while it runs.
const VARIABLE: &str = "PORTCULLIS_PROBE_SECRET";

/// Variables whose secret or address would go before the config's.
const LEADING_AWAY: [&str; 3] =
    ["OPENCLAW_GATEWAY_TOKEN", "OPENCLAW_GATEWAY_PASSWORD", "OPENCLAW_GATEWAY_URL"];

/// Asks it, and holds its answer against ours.
pub(super) fn ask(
    visit: &Visit,
    live: &Gateway,
    ca_file: Option<&Path>,
    mask: &Mask,
    proof: &mut Proof,
) -> Result<(), Failure> {
    let Ok(secret) = &visit.secret else { return Ok(()) };
    let copy = Copy::client(&client(visit).to_string()).map_err(|error| {
        Failure::unreadable("the probe has no config of its own").because(error)
    })?;
    let mut gateway = copy.gateway(live, &std::collections::BTreeMap::new());
    gateway.profile = None;
    gateway.environment.retain(|name, _| !LEADING_AWAY.contains(&name.as_str()));
    let own = [
        (VARIABLE, Some(secret.reveal().to_owned())),
        ("NODE_USE_SYSTEM_CA", Some("1".to_owned())),
    ];
    let authorities = ca_file.map(|path| path.display().to_string());
    for (name, value) in own.into_iter().chain([("NODE_EXTRA_CA_CERTS", authorities)]) {
        gateway.environment.extend(value.map(|value| (name.to_owned(), value)));
        gateway.keep.push(name.to_owned());
    }
    let arguments = ["gateway", "probe", "--json", "--timeout", "30000"];
    let in_turn = InTurn::new(mask);
    let ended = in_turn.run(&command::openclaw(REMOTE_PROBE, &arguments, DEADLINE, &gateway));
    drop(copy);
    in_turn.obey();
    weigh(command::read(REMOTE_PROBE, REMOTE_PROBE, &ended), proof);
    Ok(())
}

/// Writes the config of a client of that gateway.
fn client(visit: &Visit) -> Value {
    let key = if visit.entry.mode.as_deref() == Some("password") { "password" } else { "token" };
    let mut remote = json!({ "url": visit.address.to_string(), key: format!("${{{VARIABLE}}}") });
    if let Trust::Pinned { fingerprint, .. } = &visit.trust {
        remote["tlsFingerprint"] = fingerprint.to_string().into();
    }
    json!({ "gateway": { "mode": "remote", "remote": remote } })
}

/// Holds its answer against ours: where they differ, nothing is known.
fn weigh(outcome: Outcome, proof: &mut Proof) {
    let ours = proof.observed.get("connections.authorised").and_then(Value::as_bool);
    let (let_in, said) = match outcome {
        Outcome::Measured(report) => (Some(true), report.notes.join(" ")),
        Outcome::Unmeasured { why, partial } => (partial.and_then(|report| report.reached), why),
        Outcome::Cancelled => (None, "It was stopped.".to_owned()),
    };
    proof.notes.push(format!("openclaw gateway probe: {said}"));
    let differs = match (let_in, ours) {
        (Some(theirs), Some(ours)) if theirs == ours => return,
        (Some(_), _) => "OpenClaw's own probe says otherwise",
        (None, _) => "OpenClaw's own probe says nothing",
    };
    let why = format!("{differs}: {said}");
    proof.observed.remove("connections.authorised");
    proof.findings.retain(|found| found.check_id != "portcullis.connections.shut-out");
    proof.unmeasured = Some(
        proof.unmeasured.take().map_or_else(|| why.clone(), |before| format!("{before} {why}")),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openclaw::finding::Report;

    fn after(ours: bool, outcome: Outcome) -> (Option<bool>, bool) {
        let mut proof = Proof::of("connections");
        proof.observe("connections.authorised", ours);
        weigh(outcome, &mut proof);
        let observed = proof.observed.get("connections.authorised").and_then(Value::as_bool);
        (observed, proof.unmeasured.is_some())
    }

    #[test]
    fn what_both_say_counts_and_nothing_else() {
        let report = |reached| Report { reached, ..Report::default() };
        let not =
            |reached| Outcome::Unmeasured { why: "No.".to_owned(), partial: Some(report(reached)) };
        let silent = || Outcome::Unmeasured { why: "No.".to_owned(), partial: None };
        assert_eq!(after(true, Outcome::Measured(report(Some(true)))), (Some(true), false));
        assert_eq!(after(false, not(Some(false))), (Some(false), false));
        assert_eq!(after(false, Outcome::Measured(report(Some(true)))), (None, true));
        assert_eq!(after(true, not(Some(false))), (None, true));
        assert_eq!(after(true, silent()), (None, true));
        assert_eq!(after(true, Outcome::Cancelled), (None, true));
    }
}
