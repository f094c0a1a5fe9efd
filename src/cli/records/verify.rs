//! `portcullis records verify`: what a record is worth, offline.

use std::path::PathBuf;

use clap::Args;
use serde_json::Value;
use serde_json::json;

use crate::change;
use crate::change::Answers;
use crate::cli::Common;
use crate::cli::Failure;
use crate::cli::Format;
use crate::cli::Status;
use crate::cli::check;
use crate::cli::print;
use crate::cli::records::Place;
use crate::cli::records::Trusted;
use crate::cli::wizard;
use crate::record::Previous;
use crate::record::document::Document;
use crate::record::drift;
use crate::record::drift::Drift;
use crate::record::drift::Now;
use crate::record::verify;
use crate::record::verify::State;
use crate::record::verify::Verified;
use crate::record::verify::Whole;
use crate::shell;
use crate::shell::places::Places;
use crate::shell::records;
use crate::shell::records::Believed;
use crate::shell::records::Shelf;
use crate::shell::store;
use crate::text::Shown;

/// Verifies records.
#[derive(Debug, Args)]
pub(in crate::cli) struct Verify {
    /// The change, the folder, the start of the digest, or an exported file
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    id: Option<String>,
    /// Verify every record there is
    #[arg(long)]
    all: bool,
    /// Say what has changed on this gateway since
    #[arg(long, conflicts_with = "all")]
    live: bool,
    /// Run the checks now, instead of taking what they answered last in the open draft
    #[arg(long, requires = "live")]
    run: bool,
    #[command(flatten)]
    trusted: Trusted,
    /// How it is printed
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// A record with its verdict and what has drifted since.
struct Told {
    folder: PathBuf,
    verified: Verified,
    drift: Option<Vec<Drift>>,
}

impl Verify {
    pub(super) fn run(self, common: &Common) -> Result<Status, Failure> {
        let believed = self.trusted.read(common)?;
        let places = common.places()?;
        let (told, shelves) = match &self.id {
            None => all(&places, &believed),
            Some(id) => (vec![self.one(id, common, &places, &believed)?], Vec::new()),
        };
        let signers = believed.signers.as_ref().map(|(path, _)| path.display().to_string());
        let text = match self.format {
            Format::Json => super::super::pretty(&json!({
                "schema": "portcullis/verify",
                "version": 1,
                "at": shell::now().to_rfc3339(),
                "allowed_signers": signers,
                "records": told.iter().map(|told| told.json(signers.as_deref())).collect::<Vec<_>>(),
                "chains": shelves.iter().map(|(target, shelf)| json!({
                    "target": target,
                    "faults": shelf.faults.iter()
                        .map(|fault| json!({ "cause": fault.cause, "remedy": fault.remedy }))
                        .collect::<Vec<_>>(),
                    "unreadable": shelf.unreadable.iter()
                        .map(|it| json!({ "folder": it.folder.display().to_string(), "why": it.why }))
                        .collect::<Vec<_>>(),
                })).collect::<Vec<_>>(),
            }))?,
            Format::Text if told.is_empty() && shelves.is_empty() => {
                "There is no record to verify here.\n".to_owned()
            }
            Format::Text => text(&told, &shelves, self.all, signers.as_deref()),
        };
        print(&text)?;
        let mut status = if told.is_empty() { Status::Incomplete } else { Status::Fine };
        for told in &told {
            status = status.max(self::status(told.verified.whole));
            for drift in told.drift.iter().flatten() {
                status = status.max(match drift.state {
                    State::Good | State::None => Status::Fine,
                    State::Unknown => Status::Incomplete,
                    State::Bad => Status::NotMet,
                });
            }
        }
        let broken = |shelf: &Shelf| {
            // What is wrong with a chain shows at its records, where it has any.
            !shelf.unreadable.is_empty() || (shelf.records.is_empty() && !shelf.faults.is_empty())
        };
        if shelves.iter().any(|(_, shelf)| broken(shelf)) {
            status = status.max(Status::NotMet);
        }
        Ok(status)
    }

    fn one(
        &self,
        id: &str,
        common: &Common,
        places: &Places,
        believed: &Believed,
    ) -> Result<Told, Failure> {
        let (place, mut found) = super::find(common, id)?;
        let now = shell::now();
        found.said = place.said(&found, believed.trust());
        let record = Previous::read(&found, believed.trust());
        let (folder, verified) = match place {
            Place::Folder(folder, Some(target)) => {
                let chained = records::verify(places, &target, believed, now);
                let name = folder.file_name().map(ToOwned::to_owned);
                let own =
                    chained.records.into_iter().find(|(f, _)| f.file_name() == name.as_deref());
                let alone = || verify::verify(found, believed.trust(), now);
                let verified = own.map_or_else(alone, |(_, verified)| verified);
                (folder, verified)
            }
            Place::Folder(path, None) | Place::File(path, _) => {
                (path, verify::verify(found, believed.trust(), now))
            }
        };
        let drift = match &verified.document {
            Some(document) if self.live => {
                Some(self.drift(document, record.as_ref(), common, places)?)
            }
            _ => None,
        };
        Ok(Told { folder, verified, drift })
    }
}

impl Verify {
    /// Holds the gateway of now against a record.
    fn drift(
        &self,
        document: &Document,
        record: Option<&Previous>,
        common: &Common,
        places: &Places,
    ) -> Result<Vec<Drift>, Failure> {
        let scene = wizard::scene(common)?;
        let (runbook, sha256) = common.runbook_for(&scene.gateway)?;
        let mut answers = if self.run {
            Answers::default()
        } else {
            store::draft(places, &scene.target.id).map(|draft| draft.answers()).unwrap_or_default()
        };
        if self.run && scene.target.id == document.target.id {
            answers.runs = check::run_all(&runbook, &scene, common.demo, false);
        }
        let (facts, digest) = (scene.live.facts(), scene.live.digest());
        let review = change::review(&runbook, &answers, facts, digest, shell::now());
        let now = Now {
            target: &scene.target.id,
            config: scene.live.config().map(|config| config.digest.as_str()),
            openclaw: scene.gateway.version.as_deref(),
            runbook: &runbook,
            runbook_sha256: &sha256,
            answers: &answers,
            review: &review,
        };
        Ok(drift::drift(document, record, now))
    }
}

fn all(places: &Places, believed: &Believed) -> (Vec<Told>, Vec<(String, Shelf)>) {
    let mut told = Vec::new();
    let mut shelves = Vec::new();
    for target in records::targets(places) {
        let mut shelf = records::verify(places, &target, believed, shell::now());
        let records = std::mem::take(&mut shelf.records);
        let none = records.is_empty();
        told.extend(records.into_iter().map(|(folder, verified)| Told {
            folder,
            verified,
            drift: None,
        }));
        if !none || !shelf.faults.is_empty() || !shelf.unreadable.is_empty() {
            // Faults of a chain that has records were told with each of them.
            shelves.push((target, shelf));
        }
    }
    (told, shelves)
}

fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}

/// Returns the way out that belongs to a word.
fn status(whole: Whole) -> Status {
    match whole {
        Whole::Valid => Status::Fine,
        Whole::Incomplete => Status::Incomplete,
        Whole::Expired
        | Whole::NotCleared
        | Whole::Lacking
        | Whole::Superseded
        | Whole::Unsigned
        | Whole::Untrusted
        | Whole::Revoked
        | Whole::Invalid => Status::NotMet,
    }
}

fn mark(state: State) -> &'static str {
    match state {
        State::Good => "ok",
        State::Bad => "BAD",
        State::Unknown => "?",
        State::None => "none",
    }
}

fn text(told: &[Told], shelves: &[(String, Shelf)], all: bool, signers: Option<&str>) -> String {
    let mut text = String::new();
    let mut line = |line: String| {
        text.push_str(Shown::line(&line).as_str());
        text.push('\n');
    };
    for told in told {
        let verified = &told.verified;
        let name = told.folder.file_name().unwrap_or_default().to_string_lossy();
        let who = verified.principal.as_ref().map(|who| format!("  by {who}")).unwrap_or_default();
        line(format!(
            "{:<11} {name}  sha256 {}{who}",
            verified.whole.word(),
            short(&verified.sha256)
        ));
        for answer in &verified.answers {
            let quiet = all && matches!(answer.state, State::Good);
            let solo = all && answer.aspect == verify::Aspect::Countersigned;
            if quiet || (solo && answer.state == State::None) {
                continue;
            }
            line(format!(
                "  {:<4} {:<14} {}",
                mark(answer.state),
                answer.aspect.word(),
                answer.says
            ));
            if let Some(remedy) = &answer.remedy {
                line(format!("       {:<14} {remedy}", "to do"));
            }
        }
        for said in verified.said.iter().filter(|_| !all) {
            line(format!("  {:<4} {:<14} {}", "", "said later", said.line()));
        }
        for drift in told.drift.iter().flatten() {
            let about = format!("live {}", drift.about.word());
            line(format!("  {:<4} {about:<14} {}", mark(drift.state), drift.says));
        }
        if !all {
            line(String::new());
            line("The same without this program:".to_owned());
            for command in verify::commands(verified, &told.folder.display().to_string(), signers) {
                line(format!("  $ {command}"));
            }
        }
    }
    for (target, shelf) in shelves {
        for it in &shelf.unreadable {
            line(format!("{:<11} {}: {}", "invalid", it.folder.display(), it.why));
        }
        for fault in &shelf.faults {
            line(format!("chain of {target}: {}", fault.cause));
            line(format!("       {:<14} {}", "to do", fault.remedy));
        }
    }
    if all {
        let mut counts = std::collections::BTreeMap::new();
        for told in told {
            *counts.entry(told.verified.whole).or_insert(0usize) += 1;
        }
        let counts: Vec<String> =
            counts.iter().map(|(whole, count)| format!("{count} {}", whole.word())).collect();
        line(counts.join(" · "));
    }
    text
}

impl Told {
    fn json(&self, signers: Option<&str>) -> Value {
        let verified = &self.verified;
        let folder = self.folder.display().to_string();
        json!({
            "folder": folder,
            "sha256": verified.sha256,
            "whole": verified.whole,
            "outcome": verified.document.as_ref().map(|document| &document.outcome),
            "sealed": verified.document.as_ref().map(|document| document.sealed.to_rfc3339()),
            "signer": verified.principal,
            "key": verified.key,
            "answers": verified.answers,
            "said": verified.said,
            "live": self.drift,
            "commands": verify::commands(verified, &folder, signers),
        })
    }
}
