//! What one of our own commands proves, as text.

use serde_json::Value;

use crate::openclaw::proof::PATHS;
use crate::openclaw::proof::Proof;
use crate::text::Shown;

/// How far the words at the begin of a line reach.
const WIDTH: usize = 11;

/// Writes a proof: what was done, what holds, what speaks against the gateway, what is not known.
///
/// ```text
/// Searched 1 log, 20 bytes, for 1 secret: gateway.auth.token.
///
/// no          logs.clean: whether no secret of the config stands in the logs
///
/// warning     portcullis.logs.secret: gateway.auth.token stands in a log in full
///             /tmp/openclaw/openclaw.log line 3: gateway.auth.token.
///             Rotate the secret first: …
///
/// unmeasured: Not everything could be searched: …
/// ```
pub(super) fn text(proof: &Proof) -> String {
    let mut parts: Vec<Vec<String>> = vec![proof.notes.clone(), holds(proof)];
    for found in &proof.findings {
        let (severity, id) = (found.severity.word(), &found.check_id);
        let mut part = vec![format!("{severity:<WIDTH$} {id}: {}", found.title)];
        let told = [Some(&found.detail), found.remediation.as_ref()];
        let told = told.into_iter().flatten().flat_map(|text| text.lines());
        part.extend(told.map(|line| format!("{:WIDTH$} {line}", "")));
        parts.push(part);
    }
    parts.extend(proof.unmeasured.iter().map(|why| vec![format!("unmeasured: {why}")]));
    let parts = parts.iter().filter(|part| !part.is_empty());
    let text = parts.map(|part| part.join("\n") + "\n").collect::<Vec<_>>().join("\n");
    Shown::text(&text).into_string()
}

/// Says of each path of the command whether it holds; of none where nothing was measured.
fn holds(proof: &Proof) -> Vec<String> {
    let family = proof.schema.trim_start_matches("portcullis/");
    let own = |name: &str| name.split('.').next() == Some(family);
    let mut lines = Vec::new();
    for path in PATHS.iter().filter(|path| own(path.name) && !proof.observed.is_empty()) {
        let said = match proof.observed.get(path.name).and_then(Value::as_bool) {
            Some(true) => "yes",
            Some(false) => "no",
            // Where nothing is said to be missing, it was not there to be measured.
            None if proof.unmeasured.is_none() => continue,
            None => "unmeasured",
        };
        lines.push(format!("{said:<WIDTH$} {}: {}", path.name, path.means));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openclaw::finding::Severity;
    use crate::openclaw::proof::Found;

    #[test]
    fn each_part_stands_by_itself_and_none_is_empty() {
        let mut proof = Proof::of("logs");
        proof.unmeasured = Some("There is no log.".to_owned());
        assert_eq!(text(&proof), "unmeasured: There is no log.\n");
        proof.notes = vec!["Searched 1 log.".to_owned(), "Not\u{1b} shipped ones.".to_owned()];
        proof.observe("logs.clean", false);
        proof.unmeasured = None;
        proof.findings.push(Found {
            check_id: "portcullis.logs.secret".to_owned(),
            severity: Severity::Warn,
            title: "env BOT stands in a log in full".to_owned(),
            detail: "a.log line 3: env BOT.\n- env BOT".to_owned(),
            remediation: Some("Rotate it.".to_owned()),
        });
        assert_eq!(
            text(&proof),
            "Searched 1 log.\n\
             Not\u{241b} shipped ones.\n\
             \n\
             no          logs.clean: whether no secret of the config stands in the logs\n\
             \n\
             warning     portcullis.logs.secret: env BOT stands in a log in full\n\
             \x20           a.log line 3: env BOT.\n\
             \x20           - env BOT\n\
             \x20           Rotate it.\n"
        );
    }
}
