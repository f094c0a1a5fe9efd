//! The sealed outcome of a change: one JSON document, the same for people, and the evidence.

pub mod chain;
pub mod document;
pub mod drift;
pub mod html;
pub mod policy;
pub mod said;
pub mod signers;
pub mod sshsig;
pub mod statement;
pub mod trust;
pub mod verify;

mod base64;
mod form;
mod markdown;
mod previous;

use chrono::DateTime;
use chrono::FixedOffset;
use chrono::SecondsFormat;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use self::chain::digest;
use self::document::Link;
use self::document::canonical;
pub use self::previous::Previous;

use crate::change::Answers;
use crate::change::Applied;
use crate::change::Blocker;
use crate::change::Change;
use crate::change::Rehearsed;
use crate::change::Review;
use crate::change::Settled;
use crate::change::rehearsal_check;
use crate::openclaw::command::Gateway;
use crate::openclaw::config::Config;
use crate::openclaw::exposure;
use crate::openclaw::facts::Facts;
use crate::openclaw::patch;
use crate::openclaw::tailor;
use crate::openclaw::tailor::Tailored;
use crate::openclaw::target::Target;
use crate::residual::Seen;
use crate::residual::Standing;
use crate::runbook::Item;
use crate::runbook::Runbook;
use crate::verdict;
use crate::verdict::Known;
use crate::verdict::Run;

/// The schema a record names.
pub const SCHEMA: &str = "portcullis/record";

/// All that a record is made from.
#[derive(Clone, Copy, Debug)]
pub struct Sealing<'a> {
    /// The runbook that was walked.
    pub runbook: &'a Runbook,
    /// The gateway.
    pub target: &'a Target,
    /// The change.
    pub change: &'a Change,
    /// What stands of it.
    pub answers: &'a Answers,
    /// What it comes to.
    pub review: &'a Review,
    /// What commands are run against.
    pub gateway: &'a Gateway,
    /// The live config, where it could be read.
    pub config: Option<&'a Config>,
    /// What it means.
    pub facts: Option<&'a Facts>,
    /// What keeps it from being signed as what it is meant to be.
    pub blockers: &'a [Blocker],
    /// What is sealed.
    pub ending: Ending,
    /// The person who seals.
    pub operator: &'a str,
    /// The moment of sealing.
    pub now: DateTime<FixedOffset>,
}

/// What is sealed: a change that opens or closes something, or the way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// A change.
    Change,
    /// The way back.
    Rollback,
}

/// How a change ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Nothing blocked.
    SignedOff,
    /// Something blocked; the record names it.
    NotCleared,
    /// Everything was closed, and all that follows it was done.
    RolledBack,
}

impl Outcome {
    /// Returns how something ends while so many things block it.
    #[must_use]
    pub fn of(ending: Ending, blockers: usize) -> Self {
        match (blockers, ending) {
            (0, Ending::Change) => Self::SignedOff,
            (0, Ending::Rollback) => Self::RolledBack,
            _ => Self::NotCleared,
        }
    }

    /// Returns the word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::SignedOff => "signed-off",
            Self::NotCleared => "not-cleared",
            Self::RolledBack => "rolled-back",
        }
    }
}

/// Whether a signature goes with what is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signing {
    /// A key vouches for it.
    Signed,
    /// Nobody's key does; it says so.
    Unsigned,
}

impl Signing {
    /// Returns what a record says of its signature.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Signed => "record.json.sig",
            Self::Unsigned => "unsigned",
        }
    }
}

/// A sealed record, before it is on disk.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The folder it stands in: the time in UTC and the name of the change.
    pub folder: String,
    /// How the change ended.
    pub outcome: Outcome,
    /// `record.json`: sorted keys, no fractions, one line break at the end.
    pub json: String,
    /// `record.md`.
    pub markdown: String,
    /// The files beside it, by path, each listed with its digest in `record.json`.
    pub files: Vec<(String, String)>,
    /// When it was sealed.
    pub sealed: DateTime<FixedOffset>,
    document: Value,
    page: markdown::Page,
}

impl Record {
    /// Seals a change. It is signed off only when nothing blocks; else it names what does.
    #[must_use]
    pub fn seal(sealing: &Sealing<'_>) -> Self {
        let outcome = Outcome::of(sealing.ending, sealing.blockers.len());
        let record = Self {
            folder: format!(
                "{}-{}",
                sealing.now.to_utc().format("%Y%m%dT%H%M%SZ"),
                sealing.change.header.change
            ),
            outcome,
            sealed: sealing.now,
            json: String::new(),
            markdown: String::new(),
            files: files(sealing),
            document: document(sealing, outcome),
            page: markdown::write(sealing, outcome),
        };
        record.linked(&Link::default(), Signing::Unsigned)
    }

    /// Gives it its place in the chain, and has it say whether it is signed.
    #[must_use]
    pub fn linked(mut self, link: &Link, signing: Signing) -> Self {
        self.markdown = self.page.text(signing);
        let mut listed: Vec<Value> = (self.files.iter())
            .map(|(path, text)| (path.as_str(), text))
            .chain([("record.md", &self.markdown)])
            .map(|(path, text)| json!({ "path": path, "sha256": digest(text.as_bytes()) }))
            .collect();
        listed.sort_by(|a, b| a["path"].as_str().cmp(&b["path"].as_str()));
        if let Value::Object(document) = &mut self.document {
            document.insert("chain".to_owned(), json!(link));
            document.insert("signature".to_owned(), signing.word().into());
            document.insert("files".to_owned(), listed.into());
        }
        self.json = canonical(self.document.clone());
        self
    }
}

/// Gathers what stands beside the record: config shapes, the plan, the commands' masked output.
fn files(sealing: &Sealing<'_>) -> Vec<(String, String)> {
    let mut files = Vec::new();
    for (name, texts) in
        [("baseline.json5", baseline(sealing)), ("rollback.json5", rollback(sealing))]
    {
        let texts = texts.into_iter().enumerate();
        files.extend(texts.map(|(at, text)| (Tailored::file_name(name, at), text)));
    }
    let applied = sealing.answers.applied.iter().map(|(_, applied)| applied.planned.text());
    let planned = sealing.answers.plan.iter().map(|(_, planned)| planned.text());
    let moves: Vec<String> = applied.chain(planned).collect();
    if !moves.is_empty() {
        files.push(("change.json5".to_owned(), moves.join("\n")));
    }
    for seen in sealing.answers.sightings.values() {
        files.push((format!("evidence/{}.txt", seen.card), seen.says.clone()));
    }
    for run in sealing.answers.runs.values() {
        files.push((format!("evidence/{}.1.txt", run.check), run.output.clone()));
    }
    files
}

/// Returns the baseline as it is written: fitted to the config, the runbook's own without one.
fn baseline(sealing: &Sealing<'_>) -> Vec<String> {
    let template = &sealing.runbook.baseline;
    match sealing.config.zip(sealing.facts) {
        Some((config, facts)) => {
            tailor::baseline(template, config, facts).texts(&[], patch::COLUMNS)
        }
        None => vec![patch::render(template, None, patch::COLUMNS)],
    }
}

/// Returns the rollback as it is written, with what no config closes.
fn rollback(sealing: &Sealing<'_>) -> Vec<String> {
    let Some(fitted) = way_back(sealing) else {
        return vec![patch::render(&sealing.runbook.rollback.template, None, patch::COLUMNS)];
    };
    let known = Known::of_config(sealing.facts, sealing.now);
    let outside = verdict::left_outside(sealing.runbook, &known);
    fitted.texts(&tailor::elsewhere(outside, sealing.gateway), patch::COLUMNS)
}

/// Returns the rollback fitted to the config, where that could be read.
fn way_back(sealing: &Sealing<'_>) -> Option<Tailored> {
    let (config, facts) = (sealing.config?, sealing.facts?);
    Some(tailor::rollback(&sealing.runbook.rollback.template, config, facts))
}

/// Returns what stays open once the rollback is applied; none where it could not be fitted.
fn left_open(sealing: &Sealing<'_>) -> Option<Vec<String>> {
    Some(way_back(sealing)?.leaves_open(sealing.config?))
}

fn document(sealing: &Sealing<'_>, outcome: Outcome) -> Value {
    let runbook = sealing.runbook;
    let header = &sealing.change.header;
    let digest = sealing.config.map(|config| config.digest.clone());
    let first = sealing.answers.applied.first().map(|(_, applied)| applied.done.before.clone());
    json!({
        "schema": SCHEMA,
        "version": 1,
        "outcome": outcome.word(),
        "demo": sealing.target.demo,
        "target": sealing.target,
        "change": header.change,
        "runbook": {
            "id": runbook.id,
            "revision": runbook.revision,
            "sha256": header.runbook_sha256,
            "source": runbook.source,
        },
        "tool": { "name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION") },
        "openclaw": openclaw(sealing),
        "operator": { "name": sealing.operator, "separation": "not established" },
        "started": time(header.started),
        "sealed": time(sealing.now),
        "exposure": sealing.facts.map(|facts| {
            let said = exposure::sentences(facts, &sealing.review.beyond);
            exposure::QUESTIONS.iter().zip(said).map(|(q, s)| ((*q).to_owned(), Value::from(s)))
                .collect::<Map<String, Value>>()
        }),
        "pattern": pattern(sealing),
        "acknowledged": acknowledged(sealing),
        "inventory": inventory(sealing),
        "checks": checks(sealing),
        "findings": findings(sealing),
        "items": items(sealing),
        "residuals": residuals(sealing),
        "plan": plan(sealing),
        "moves": moves(sealing),
        "rollback_leaves_open": left_open(sealing),
        "rehearsal": rehearsal(sealing),
        "config": { "before": first.or_else(|| digest.clone()), "after": digest },
        "blockers": sealing.blockers.iter().map(blocker).collect::<Vec<_>>(),
    })
}

/// Says which OpenClaw it is about: the one that is installed, and the one that wrote the config.
fn openclaw(sealing: &Sealing<'_>) -> Value {
    let wrote = sealing.config.and_then(|config| config.get(&["meta", "lastTouchedVersion"]));
    json!({
        "rules_written_for": sealing.runbook.openclaw,
        "installed": sealing.gateway.version,
        "config_written_by": wrote.and_then(Value::as_str),
    })
}

/// Writes a time with its offset.
fn time(at: DateTime<FixedOffset>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, false)
}

fn pattern(sealing: &Sealing<'_>) -> Value {
    let choice = sealing.answers.choice.as_ref();
    json!({
        "chosen": choice.map(|choice| &choice.pattern),
        "reason": choice.map(|choice| &choice.reason),
        "in_force": sealing.review.in_force,
    })
}

fn acknowledged(sealing: &Sealing<'_>) -> Vec<Value> {
    let notes = sealing.runbook.notes.iter().filter(|note| note.acknowledge);
    notes
        .filter_map(|note| {
            let word = sealing.answers.words.get(&note.id)?;
            Some(
                json!({ "note": note.id, "text": note.text, "who": word.who, "at": time(word.at) }),
            )
        })
        .collect()
}

fn inventory(sealing: &Sealing<'_>) -> Vec<Value> {
    let entries = sealing.runbook.inventory.iter();
    entries
        .map(|entry| match sealing.answers.inventory.get(&entry.id) {
            None => json!({ "entry": entry.id, "title": entry.title, "confirmed": false }),
            Some((recorded, at)) => json!({
                "entry": entry.id,
                "title": entry.title,
                "confirmed": true,
                "value": recorded.value,
                "found": recorded.found,
                "edited": recorded.edited,
                "at": time(*at),
            }),
        })
        .collect()
}

fn checks(sealing: &Sealing<'_>) -> Vec<Value> {
    let checks = sealing.runbook.checks.iter();
    checks
        .map(|check| match sealing.answers.runs.get(&check.id) {
            None => json!({ "check": check.id, "outcome": "not run" }),
            Some(run) => checked(sealing, run),
        })
        .chain(beside(sealing).map(|run| checked(sealing, run)))
        .collect()
}

fn checked(sealing: &Sealing<'_>, run: &Run) -> Value {
    let mut checked = json!({
        "check": run.check,
        "outcome": run.outcome_word(),
        "why": run.why(),
        "counts": !sealing.review.stale.contains(&run.check),
        "command": run.command,
        "at": time(run.at),
        "took_ms": run.took_ms,
        "ended": run.ended,
        "config": run.config_digest,
        "output_sha256": run.output_sha256,
        "vantage": run.vantage().unwrap_or_else(|| sealing.target.host.clone()),
    });
    if let Some(brought) = &run.brought {
        checked["brought"] = json!(brought);
    }
    checked
}

/// Returns what other programs say, brought here.
pub(crate) fn beside<'s>(sealing: &'s Sealing<'_>) -> impl Iterator<Item = &'s Run> {
    sealing.answers.runs.values().filter(|run| run.is_beside(sealing.runbook))
}

fn findings(sealing: &Sealing<'_>) -> Vec<Value> {
    let findings = sealing.review.findings.iter();
    findings
        .map(|state| {
            let settled = match &state.settled {
                Settled::Informs => "informs",
                Settled::Open(_) => "open",
                Settled::Accepted(_) => "accepted",
            };
            json!({
                "key": state.key,
                "check_id": state.finding.check_id,
                "severity": state.finding.severity,
                "title": state.finding.title,
                "paths": state.finding.paths,
                "detail_digest": state.finding.detail_digest,
                "suppressed": state.finding.suppressed,
                "sources": state.sources,
                "settled": settled,
            })
        })
        .collect()
}

fn items(sealing: &Sealing<'_>) -> Vec<Value> {
    let pattern = sealing.answers.choice.as_ref().map(|choice| choice.pattern.as_str());
    let item = |item: &Item| {
        let judged = sealing.review.items.get(&item.id);
        json!({
            "item": item.id,
            "statement": item.statement,
            "verdict": sealing.review.verdict(&item.id),
            "by": if item.rule.is_some() { "rule" } else { "operator" },
            "because": judged.and_then(|judged| judged.because.as_ref()),
            "evidence": judged.map(|judged| &judged.evidence),
        })
    };
    match sealing.ending {
        Ending::Change => sealing.review.required(sealing.runbook, pattern).map(item).collect(),
        Ending::Rollback => sealing.runbook.rollback.follow_ups.iter().map(item).collect(),
    }
}

/// Tells whether a finding was accepted that the last run of its check found, when that run counts no
/// more: nothing says that it is gone.
fn still_accepted(sealing: &Sealing<'_>, subject: &str) -> bool {
    let Sealing { runbook, answers, review, .. } = sealing;
    let out_of_date =
        |check: &String| runbook.check(check).is_some() && review.stale.contains(check);
    let found =
        answers.found.iter().any(|(check, keys)| out_of_date(check) && keys.contains(subject));
    let Some(residual) = answers.residuals.get(subject).filter(|_| found) else { return false };
    let width = answers.choice.as_ref().and_then(|choice| runbook.width(&choice.pattern));
    let seen = Seen { subject, scope: &residual.scope, width };
    residual.standing(seen, sealing.now.date_naive()) == Standing::Holds
}

fn residuals(sealing: &Sealing<'_>) -> Vec<Value> {
    let standing = |subject: &str| {
        let finding = sealing.review.findings.iter().find(|state| state.key == subject);
        match finding {
            Some(state) => matches!(state.settled, Settled::Accepted(_)),
            None => {
                sealing.runbook.check(subject).is_some()
                    || sealing.review.verdict(subject) == crate::verdict::Verdict::Accepted
                    || still_accepted(sealing, subject)
            }
        }
    };
    let pattern = |width: Option<usize>| {
        width.and_then(|width| sealing.runbook.patterns.get(width)).map(|pattern| &pattern.id)
    };
    let residuals = sealing.answers.residuals.values();
    residuals
        .map(|residual| {
            json!({
                "subject": residual.subject,
                "scope": residual.scope,
                "reason": residual.reason,
                "owner": residual.owner,
                "accepted": time(residual.accepted),
                "expires": residual.expires,
                "pattern": pattern(residual.width),
                "holds": standing(&residual.subject),
            })
        })
        .collect()
}

fn plan(sealing: &Sealing<'_>) -> Vec<Value> {
    let plan = sealing.answers.plan.iter();
    plan.map(|(item, planned)| {
        json!({ "item": item, "says": planned.says, "patch": crate::openclaw::secret::redact(&planned.patch), "steps": planned.steps })
    })
    .collect()
}

/// Writes the moves that were applied, each with how the validation stood once it was done.
fn moves(sealing: &Sealing<'_>) -> Vec<Value> {
    let applied = &sealing.answers.applied;
    let now = || {
        let items = sealing.runbook.validation.iter();
        items.map(|item| (item.id.clone(), sealing.review.verdict(&item.id))).collect::<Vec<_>>()
    };
    let one = |(at, (item, applied)): (usize, &(String, Applied))| {
        let next = sealing.answers.applied.get(at + 1);
        let validation = next.map_or_else(now, |(_, next)| next.done.validated.clone());
        let validation = validation
            .into_iter()
            .map(|(item, verdict)| json!({ "item": item, "verdict": verdict }));
        let (planned, done) = (&applied.planned, &applied.done);
        let live = sealing.config.map(|config| config.digest.as_str());
        json!({
            "item": item,
            "says": planned.says,
            "patch": crate::openclaw::secret::redact(&planned.patch),
            "patch_sha256": digest(patch::pretty(&planned.patch).as_bytes()),
            "steps": planned.steps,
            "widens": done.widens,
            "at": time(done.at),
            "before": done.before,
            "after": done.after,
            "met": done.met,
            "measured": done.measured,
            "undone": done.is_undone(live.unwrap_or_default()),
            "validation": validation.collect::<Vec<_>>(),
        })
    };
    applied.iter().enumerate().map(one).collect()
}

fn rehearsal(sealing: &Sealing<'_>) -> Value {
    let outcome = match sealing.review.rehearsed {
        Rehearsed::Works => "works",
        Rehearsed::Fails => "fails",
        Rehearsed::Never | Rehearsed::OutOfDate | Rehearsed::Unmeasured => "unmeasured",
    };
    let check = rehearsal_check(sealing.runbook);
    json!({ "outcome": outcome, "says": sealing.review.rehearsed.said(), "check": check })
}

fn blocker(blocker: &Blocker) -> Value {
    let (kind, id, verdict) = match blocker {
        Blocker::NoPattern => ("pattern", "", None),
        Blocker::Config => ("config", "", None),
        Blocker::Rehearsal => ("rehearsal", "", None),
        Blocker::StillOpen(what) => ("open", what.as_str(), None),
        Blocker::Note(id) => ("note", id.as_str(), None),
        Blocker::Entry(id) => ("inventory", id.as_str(), None),
        Blocker::Check(id) => ("check", id.as_str(), None),
        Blocker::Finding(key, _) => ("finding", key.as_str(), None),
        Blocker::Item(id, verdict) => ("item", id.as_str(), Some(verdict.word())),
    };
    json!({ "kind": kind, "id": id, "verdict": verdict })
}
