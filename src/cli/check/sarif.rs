//! What a check found, as SARIF 2.1.0, for code scanning.
//!
//! Items and findings are results of one run. What is accepted is a result with a suppression;
//! where the acceptance has expired there is none. What was not measured is `open`, what waits for
//! a person is `review`, and neither ever passes. A check that measured nothing is a notification.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::DateTime;
use chrono::FixedOffset;
use chrono::Utc;
use serde_json::Value;
use serde_json::json;

use crate::change::FindingState;
use crate::change::Settled;
use crate::cli::check::Answer;
use crate::openclaw::facts::key;
use crate::openclaw::finding::Severity;
use crate::residual::Residual;
use crate::runbook::Item;
use crate::runbook::Need;
use crate::shell;
use crate::text::Shown;
use crate::verdict::Evidence;
use crate::verdict::Judged;
use crate::verdict::Truth;
use crate::verdict::Verdict;

/// Where the schema of the format is.
const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// The name under which viewers know the folder that the sources are in.
const ROOT: &str = "%SRCROOT%";

/// How many places of one result are named.
const PLACES: usize = 20;

/// Which results a log holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    /// Everything.
    All,
    /// What is wrong and not accepted, for those who take every result for an alert.
    Problems,
}

/// The rules of a run, each once, in the order in which they were first named.
#[derive(Default)]
struct Rules {
    rules: Vec<Value>,
    places: BTreeMap<String, usize>,
}

impl Rules {
    /// Returns the number of a rule, made unless it is there.
    fn number(&mut self, id: &str, make: impl FnOnce() -> Value) -> usize {
        if let Some(number) = self.places.get(id) {
            return *number;
        }
        self.rules.push(make());
        self.places.insert(id.to_owned(), self.rules.len() - 1);
        self.rules.len() - 1
    }
}

impl Answer<'_> {
    /// Makes the SARIF log.
    pub(super) fn sarif(&self, which: Which) -> Value {
        let mut rules = Rules::default();
        let mut results: Vec<Value> = self
            .items()
            .map(|(item, verdict)| self.item_result(item, verdict, &mut rules))
            .collect();
        results.extend(
            self.review.findings.iter().map(|state| self.finding_result(state, &mut rules)),
        );
        if which == Which::Problems {
            results.retain(is_problem);
        }
        let mut run = json!({
            "tool": { "driver": {
                "name": "Portcullis",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules.rules,
            }},
            "automationDetails": { "id": format!("portcullis/{}/", self.scene.target.id) },
            "invocations": [self.invocation()],
            "results": results,
            "properties": {
                "target": self.scene.target,
                "runbook": { "id": self.runbook.id, "revision": self.runbook.revision },
                "configDigest": self.scene.live.digest(),
                "pattern": self.pattern(),
                "offline": self.offline,
            },
        });
        if let Some(folder) = self.folder() {
            run["originalUriBaseIds"] =
                json!({ ROOT: { "uri": format!("{}/", file_uri(folder)) } });
        }
        json!({ "$schema": SCHEMA, "version": "2.1.0", "runs": [run] })
    }

    fn item_result(&self, item: &Item, verdict: Verdict, rules: &mut Rules) -> Value {
        let number = rules.number(&item.id, || item_rule(item));
        let judged = self.review.items.get(&item.id);
        let observed = judged.and_then(|judged| judged.observed);
        let kind = match (verdict, observed) {
            (Verdict::Met | Verdict::Confirmed, _) => "pass",
            (Verdict::NotMet, _) | (Verdict::Accepted, Some(Truth::No)) => "fail",
            (Verdict::Unmeasured, _) | (Verdict::Accepted, Some(Truth::Unknown)) => "open",
            (Verdict::Open, _) | (Verdict::Accepted, Some(Truth::Yes) | None) => "review",
            (Verdict::NotApplicable, _) => "notApplicable",
        };
        let residual = self.answers.residuals.get(&item.id);
        let residual = residual.filter(|_| verdict == Verdict::Accepted);
        let against: Vec<&Evidence> = judged.map(against).unwrap_or_default();
        let places = against.iter().flat_map(|evidence| &evidence.lines);
        let places = places.map(|line| (Path::new(&*line.file).to_owned(), Some(line.line)));
        json!({
            "ruleId": item.id,
            "ruleIndex": number,
            "kind": kind,
            "level": if kind == "fail" { "error" } else { "none" },
            "message": { "text": self.item_message(item, verdict, judged, &against) },
            "locations": self.locations(places.collect(), judged),
            "partialFingerprints": {
                "portcullisItem/v1": judged.map_or("", |judged| &judged.scope),
            },
            "suppressions": suppressions(residual),
            "properties": { "verdict": verdict.word() },
        })
    }

    fn item_message(
        &self,
        item: &Item,
        verdict: Verdict,
        judged: Option<&Judged>,
        against: &[&Evidence],
    ) -> String {
        let mut text = format!("{}: {}.", self.word(verdict), item.statement.trim_end_matches('.'));
        if let Some(because) = judged.and_then(|judged| judged.because.as_ref()) {
            text.push_str(&format!(" {because}."));
        }
        for evidence in against.iter().take(PLACES) {
            let subject = evidence.subject.as_ref().map(|subject| format!("{subject}: "));
            let place = match evidence.place.as_str() {
                "" => String::new(),
                place => format!(" ({place})"),
            };
            let (about, says) = (&evidence.about, &evidence.says);
            text.push_str(&format!("\n{}{about} = {says}{place}", subject.unwrap_or_default()));
        }
        shown(&text)
    }

    fn finding_result(&self, state: &FindingState, rules: &mut Rules) -> Value {
        let finding = &state.finding;
        let id = shown(&finding.check_id);
        let number = rules.number(&id, || self.finding_rule(state));
        let (kind, residual) = match &state.settled {
            Settled::Informs => ("informational", None),
            Settled::Open(_) => ("fail", None),
            Settled::Accepted(residual) => ("fail", Some(residual)),
        };
        let mut text = format!("{}\n{}", finding.title, finding.detail);
        if let Settled::Open(Some(why)) = &state.settled {
            text.push_str(&format!("\nIt was accepted once, and counts again: {why}."));
        }
        if finding.suppressed {
            text.push_str("\nThe config hides it from OpenClaw's own summary; it counts here.");
        }
        let places = finding.paths.iter().filter_map(|path| self.place(path)).collect();
        json!({
            "ruleId": id,
            "ruleIndex": number,
            "kind": kind,
            "level": if kind == "fail" { level(finding.severity) } else { "none" },
            "message": { "text": shown(&text) },
            "locations": self.locations(places, None),
            "partialFingerprints": { "portcullisFinding/v1": finding.detail_digest },
            "suppressions": suppressions(residual),
            "properties": {
                "key": state.key,
                "severity": finding.severity.word(),
                "sources": state.sources,
                "paths": finding.paths,
            },
        })
    }

    fn finding_rule(&self, state: &FindingState) -> Value {
        let finding = &state.finding;
        let help = match self.runbook.meaning(&finding.check_id) {
            Some(meaning) => {
                let mut help = format!("{}\nDo: {}", meaning.means, meaning.remedy);
                for worse in &meaning.worse {
                    help.push_str(&format!("\nNot: {worse}"));
                }
                help
            }
            None => finding.remediation.clone().unwrap_or_else(|| finding.title.clone()),
        };
        json!({
            "id": shown(&finding.check_id),
            "shortDescription": { "text": shown(&finding.title) },
            "help": { "text": shown(&help) },
            "defaultConfiguration": { "level": level(finding.severity) },
            "properties": { "tags": ["security", "openclaw"] },
        })
    }

    /// Returns where a config path is written, or the nearest above it that is.
    fn place(&self, path: &str) -> Option<(std::path::PathBuf, Option<usize>)> {
        let config = self.scene.live.config()?;
        let keys = key::parts(path);
        let mut keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        while !keys.is_empty() {
            if let Some(place) = config.place(&keys) {
                return Some((place.file, Some(place.line)));
            }
            keys.pop();
        }
        None
    }

    /// Writes places, each once; the config file as a whole where there is none.
    fn locations(
        &self,
        mut places: Vec<(std::path::PathBuf, Option<usize>)>,
        judged: Option<&Judged>,
    ) -> Vec<Value> {
        if places.is_empty()
            && let Some(config) = self.scene.live.config()
        {
            places.push((config.path.clone(), None));
        }
        let mut once = Vec::new();
        for place in places {
            if !once.contains(&place) && once.len() < PLACES {
                once.push(place);
            }
        }
        let subjects = judged.map(|judged| judged.failing.as_slice()).unwrap_or_default();
        let logical: Vec<Value> = subjects
            .iter()
            .take(PLACES)
            .map(|subject| json!({ "fullyQualifiedName": shown(&subject.to_string()) }))
            .collect();
        let mut locations: Vec<Value> =
            once.iter().map(|(file, line)| self.location(file, *line)).collect();
        if let Some(first) = locations.first_mut().filter(|_| !logical.is_empty()) {
            first["logicalLocations"] = Value::from(logical);
        }
        locations
    }

    fn location(&self, file: &Path, line: Option<usize>) -> Value {
        let below = self.folder().and_then(|folder| file.strip_prefix(folder).ok());
        let artifact = match below {
            Some(below) => json!({ "uri": encoded(below), "uriBaseId": ROOT }),
            None => json!({ "uri": file_uri(file) }),
        };
        let mut physical = json!({ "artifactLocation": artifact });
        if let Some(line) = line {
            physical["region"] = json!({ "startLine": line });
        }
        json!({ "physicalLocation": physical })
    }

    /// Returns the folder we were started in, where the gateway is a real one.
    fn folder(&self) -> Option<&Path> {
        let source = self.scene.source.as_ref()?;
        Some(source.folder()).filter(|folder| folder.is_absolute())
    }

    fn invocation(&self) -> Value {
        let status = self.status();
        let complete = !self.runbook.checks.iter().any(|check| self.is_missing(check));
        let mut told = Vec::new();
        for check in &self.runbook.checks {
            let said = match self.answers.runs.get(&check.id) {
                Some(run) if self.is_measured(run) => continue,
                Some(run) => self.told(run),
                None if check.need == Need::OnRequest => continue,
                None => "not run".to_owned(),
            };
            let required = self.is_missing(check);
            told.push(json!({
                "descriptor": { "id": format!("check/{}", check.id) },
                "level": if required { "error" } else { "note" },
                "message": { "text": shown(&format!("{} {said}", check.id)) },
            }));
        }
        let warnings = self.scene.live.config().map(|config| config.warnings.as_slice());
        let warnings: Vec<Value> = warnings
            .unwrap_or_default()
            .iter()
            .map(|warning| json!({ "level": "warning", "message": { "text": shown(warning) } }))
            .collect();
        json!({
            "executionSuccessful": complete,
            "exitCode": status.code(),
            "exitCodeDescription": status.says(),
            "startTimeUtc": utc(self.at),
            "endTimeUtc": utc(shell::now()),
            "toolExecutionNotifications": told,
            "toolConfigurationNotifications": warnings,
        })
    }
}

/// Tells whether a result says that something is wrong which nobody has accepted.
fn is_problem(result: &Value) -> bool {
    let accepted = result["suppressions"].as_array().is_some_and(|it| !it.is_empty());
    result["kind"] == "fail" && !accepted
}

fn item_rule(item: &Item) -> Value {
    let mut help = item.why.clone();
    if let Some(fix) = &item.fix {
        help.push_str(&format!("\nDo: {}.", fix.says.trim_end_matches('.')));
        for step in &fix.steps {
            help.push_str(&format!("\n- {step}"));
        }
    }
    help.push_str(&format!("\nSource: {}", item.source));
    json!({
        "id": item.id,
        "shortDescription": { "text": item.statement },
        "fullDescription": { "text": item.why },
        "help": { "text": help },
        "defaultConfiguration": { "level": "error" },
        "properties": { "tags": ["security", "openclaw"] },
    })
}

/// Returns what speaks against an item, or leaves it open.
fn against(judged: &Judged) -> Vec<&Evidence> {
    let worst = match judged.observed {
        Some(Truth::No) => Truth::No,
        Some(Truth::Unknown) => Truth::Unknown,
        Some(Truth::Yes) | None => return Vec::new(),
    };
    judged.evidence.iter().filter(|evidence| evidence.speaks == worst).collect()
}

/// Writes an acceptance that holds; none is an empty list, which says that it is known to be none.
fn suppressions(residual: Option<&Residual>) -> Value {
    let suppression = residual.map(|it| {
        json!({
            "kind": "external",
            "status": "accepted",
            "justification":
                shown(&format!("{} (accepted by {} until {})", it.reason, it.owner, it.expires)),
            "properties": {
                "owner": shown(&it.owner),
                "accepted": it.accepted.to_rfc3339(),
                "expires": it.expires,
            },
        })
    });
    suppression.into_iter().collect()
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "error",
        Severity::Warn => "warning",
        Severity::Info => "note",
    }
}

fn utc(at: DateTime<FixedOffset>) -> String {
    at.with_timezone(&Utc).format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn shown(text: &str) -> String {
    Shown::text(text).into_string()
}

fn file_uri(path: &Path) -> String {
    format!("file://{}", encoded(path))
}

/// Writes a path as part of a URI.
fn encoded(path: &Path) -> String {
    use std::os::unix::ffi::OsStrExt;

    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    let bytes = path.as_os_str().as_bytes().iter();
    bytes
        .map(
            |&byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") },
        )
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_becomes_a_uri() {
        assert_eq!(
            file_uri(Path::new("/home/claw/it's ä.json")),
            "file:///home/claw/it%27s%20%C3%A4.json"
        );
    }
}
