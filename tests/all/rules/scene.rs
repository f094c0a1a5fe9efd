//! What rules are tried on: a config, what can be seen beside it, what was run and said.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use chrono::DateTime;
use chrono::FixedOffset;
use chrono::TimeDelta;
use portcullis::change::Answers;
use portcullis::change::Choice;
use portcullis::change::Review;
use portcullis::change::review;
use portcullis::openclaw::command::End;
use portcullis::openclaw::command::Ended;
use portcullis::openclaw::config::Assembled;
use portcullis::openclaw::config::Config;
use portcullis::openclaw::config::FileRead;
use portcullis::openclaw::config::assemble;
use portcullis::openclaw::facts::Facts;
use portcullis::openclaw::facts::World;
use portcullis::openclaw::proof;
use portcullis::openclaw::proof::Proof;
use portcullis::residual::Residual;
use portcullis::residual::Seen;
use portcullis::runbook::Runbook;
use portcullis::verdict::Run;
use portcullis::verdict::Started;
use portcullis::verdict::Statement;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;

/// A gateway at a moment.
#[derive(Clone, Debug, Default)]
pub(super) struct Scene {
    /// The config as text; none where it cannot be read.
    pub(super) config: Option<String>,
    pub(super) env: BTreeMap<String, String>,
    pub(super) host: Host,
    pub(super) pattern: Option<String>,
    pub(super) audit: Option<Audit>,
    /// Whether an audit that is no capture reached the gateway.
    pub(super) audit_reached: bool,
    /// How long ago the audit was run, in hours.
    pub(super) audit_hours: i64,
    /// Ids of findings that were accepted under the chosen pattern.
    pub(super) accepted: Vec<String>,
    /// What our own commands measured, by its path.
    pub(super) observed: BTreeMap<String, bool>,
    /// The items that a person has confirmed.
    pub(super) confirmed: Vec<String>,
}

/// What the host shows; what is absent cannot be told.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Host {
    container: Option<bool>,
    listeners: Option<Vec<String>>,
}

/// What the newest audit said.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Audit {
    /// `clean`, or the path of a capture.
    Named(String),
    /// A deep audit that found this.
    Found(Vec<Finding>),
}

/// One finding of an audit.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Finding {
    id: String,
    severity: String,
    #[serde(default)]
    detail: String,
    /// Whether the config hides it.
    #[serde(default)]
    hidden: bool,
}

impl Scene {
    /// Works out what everything comes to.
    pub(super) fn review(&self, runbook: &Runbook) -> Review {
        let config = self.config.as_deref().map(config);
        let facts = config.as_ref().map(|config| Facts::resolve(config, &self.world()));
        let digest = config.map(|config| config.digest).unwrap_or_default();
        let mut answers = Answers {
            choice: self.pattern.clone().map(|pattern| Choice { pattern, reason: "asked".into() }),
            words: self.confirmed.iter().map(|item| (item.clone(), statement(&digest))).collect(),
            ..Answers::default()
        };
        if let Some(audit) = &self.audit {
            let run = self.run(audit, &digest);
            answers.runs.insert(run.check.clone(), run);
        }
        if !self.observed.is_empty() {
            let run = self.proof(&digest);
            answers.runs.insert(run.check.clone(), run);
        }
        let judge = |answers: &Answers| review(runbook, answers, facts.as_ref(), &digest, now());
        let found = judge(&answers);
        answers.residuals = self.residuals(runbook, &found);
        if answers.residuals.is_empty() { found } else { judge(&answers) }
    }

    fn world(&self) -> World {
        let mut environment = self.env.clone();
        environment.entry("HOME".to_owned()).or_insert_with(|| "/home/claw".to_owned());
        World {
            environment,
            host: "vega".to_owned(),
            user: "claw".to_owned(),
            state_dir: "/home/claw/.openclaw".to_owned(),
            container: self.host.container,
            listeners: self.host.listeners.clone(),
            ..World::default()
        }
    }

    fn run(&self, audit: &Audit, digest: &str) -> Run {
        let stdout = audit.text(self.audit_reached);
        let deep = serde_json::from_str::<Value>(&stdout).is_ok_and(|it| it.get("deep").is_some());
        let name = if deep { "audit-deep" } else { "audit" };
        let started = Started {
            check: name,
            name,
            at: now() - TimeDelta::hours(self.audit_hours),
            command: "openclaw security audit --json".to_owned(),
            config_digest: digest.to_owned(),
        };
        let ended = Ended {
            end: End::Exit(0),
            stdout,
            stderr: String::new(),
            truncated: false,
            took: Duration::from_secs(6),
        };
        Run::of(started, &ended)
    }

    /// Makes the run of a command of ours that measured this.
    fn proof(&self, digest: &str) -> Run {
        let mut proof = Proof::of("connections");
        for (path, holds) in &self.observed {
            assert!(proof::path(path).is_some(), "`{path}` is nothing that is measured");
            proof.observe(path, *holds);
        }
        let started = Started {
            check: "connections",
            name: "connections",
            at: now(),
            command: "portcullis connections --format json".to_owned(),
            config_digest: digest.to_owned(),
        };
        let ended = Ended {
            end: End::Exit(0),
            stdout: serde_json::to_string(&proof).expect("a document"),
            stderr: String::new(),
            truncated: false,
            took: Duration::from_secs(1),
        };
        Run::of(started, &ended)
    }

    fn residuals(&self, runbook: &Runbook, found: &Review) -> BTreeMap<String, Residual> {
        let width = self.pattern.as_ref().and_then(|pattern| runbook.width(pattern));
        let accepted = self.accepted.iter().map(|id| {
            let mut findings = found.findings.iter();
            let state = findings.find(|state| state.finding.check_id == *id);
            let state = state.unwrap_or_else(|| panic!("`{id}` is accepted but not found"));
            let scope = &state.finding.detail_digest;
            let seen = Seen { subject: &state.key, scope, width };
            let residual = Residual::accept(seen, "known and wanted", "mira", "30", now());
            (state.key.clone(), residual.expect("an acceptance"))
        });
        accepted.collect()
    }
}

impl Audit {
    fn text(&self, reached: bool) -> String {
        match self {
            Self::Named(name) if name == "clean" => deep(&[], reached),
            Self::Named(path) => {
                let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
                std::fs::read_to_string(&path)
                    .unwrap_or_else(|why| panic!("{}: {why}", path.display()))
            }
            Self::Found(findings) => deep(findings, reached),
        }
    }
}

/// Writes a deep audit in OpenClaw's own shape.
fn deep(findings: &[Finding], reached: bool) -> String {
    let count = |severity: &str| {
        findings.iter().filter(|finding| !finding.hidden && finding.severity == severity).count()
    };
    let list = |hidden| -> Vec<Value> {
        let listed = findings.iter().filter(|finding| finding.hidden == hidden);
        listed.map(Finding::to_json).collect()
    };
    json!({
        "ts": 1_795_500_000_000_i64,
        "summary": {
            "critical": count("critical"), "warn": count("warn"), "info": count("info"),
        },
        "findings": list(false),
        "suppressedFindings": list(true),
        "deep": { "gateway": {
            "attempted": true,
            "url": "ws://127.0.0.1:18789",
            "ok": reached,
            "error": (!reached).then_some("connect ECONNREFUSED 127.0.0.1:18789"),
            "close": (!reached).then(|| json!({ "code": 1006, "reason": "" })),
        } },
        "secretDiagnostics": [],
    })
    .to_string()
}

impl Finding {
    fn to_json(&self) -> Value {
        json!({
            "checkId": self.id, "severity": self.severity, "title": self.id, "detail": self.detail,
        })
    }
}

/// Reads a config from a text that must be one.
pub(super) fn config(text: &str) -> Config {
    match try_config(text) {
        Ok(config) => config,
        Err(why) => panic!("{why} in:\n{text}"),
    }
}

/// Reads a config from a text.
pub(super) fn try_config(text: &str) -> Result<Config, String> {
    let path = PathBuf::from("/home/claw/.openclaw/openclaw.json");
    let files = [(path.clone(), FileRead::Bytes(text.as_bytes().to_vec()))].into();
    match assemble(&path, &files) {
        Ok(Assembled::Complete(config)) => Ok(*config),
        Ok(Assembled::Needs(file)) => Err(format!("includes {}", file.display())),
        Err(why) => Err(why.to_string()),
    }
}

/// Returns the moment at which everything is judged.
fn now() -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339("2026-11-24T12:00:00+00:00").expect("a moment")
}

fn statement(config: &str) -> Statement {
    let config = Some(config.to_owned());
    Statement { says: "confirmed".to_owned(), who: "mira".to_owned(), at: now(), config }
}
