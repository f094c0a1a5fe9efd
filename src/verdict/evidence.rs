//! What backs a verdict: a fact with its place, a finding, a run, a person's statement.

use std::sync::Arc;

use chrono::DateTime;
use chrono::FixedOffset;
use serde::Deserialize;
use serde::Serialize;
use sha2::Digest;
use sha2::Sha256;

use crate::openclaw::fact::Fact;
use crate::openclaw::fact::Origin;
use crate::openclaw::fact::Subject;
use crate::openclaw::finding::Finding;
use crate::openclaw::finding::Severity;
use crate::residual::Residual;
use crate::residual::Seen;
use crate::runbook::Runbook;
use crate::verdict::Known;
use crate::verdict::Truth;
use crate::verdict::truth::Ruling;

/// One thing that backs a verdict or speaks against it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evidence {
    /// What kind of thing it is.
    pub kind: Kind,
    /// What it is about, such as a fact's path or a person.
    #[serde(rename = "ref")]
    pub about: String,
    /// Whom it is about, where not the gateway as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<Subject>,
    /// What it says.
    pub says: String,
    /// Where it stands: file and line, OpenClaw's default, an environment variable.
    pub place: String,
    /// Whether it speaks for the item.
    pub speaks: Truth,
    /// The lines of config files it stands on, for those who open them.
    #[serde(skip)]
    pub lines: Vec<Line>,
}

/// A line of a config file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The whole path of the file.
    pub file: Arc<str>,
    /// The line, from 1.
    pub line: usize,
}

/// Kinds of evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A resolved fact.
    Fact,
    /// A finding, a check, or an answer given in the wizard.
    Observation,
    /// A person's word.
    Statement,
}

/// What a person said about an item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// What they said; `confirmed` where they said no more.
    pub says: String,
    /// Who.
    pub who: String,
    /// When.
    pub at: DateTime<FixedOffset>,
    /// Digest of the config at that moment; none where it could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<String>,
}

impl Evidence {
    /// Says what a fact is, and what it follows from where it follows from others.
    pub(super) fn fact(fact: &Fact, sources: &[&Fact], speaks: Truth) -> Self {
        let mut says = fact.said();
        let from: Vec<String> = sources.iter().map(|fact| name_and_value(fact)).collect();
        if !from.is_empty() {
            says = format!("{says} ({})", from.join(", "));
        }
        let mut places: Vec<String> = Vec::new();
        let origins = if sources.is_empty() { &[fact][..] } else { sources };
        let lines = origins.iter().filter_map(|fact| line(&fact.origin)).collect();
        for source in sources.iter().filter(|source| source.origin != Origin::Default) {
            let place = place(&source.origin);
            if !places.contains(&place) {
                places.push(place);
            }
        }
        Self {
            kind: Kind::Fact,
            about: fact.path.to_owned(),
            subject: (fact.subject != Subject::Gateway).then(|| fact.subject.clone()),
            says,
            place: match sources {
                [] => place(&fact.origin),
                _ if places.is_empty() => place(&Origin::Default),
                _ => joined(&places),
            },
            speaks,
            lines,
        }
    }

    pub(super) fn other(path: &str, says: String, place: String, speaks: Truth) -> Self {
        Self {
            kind: Kind::Observation,
            about: path.to_owned(),
            subject: None,
            says,
            place,
            speaks,
            lines: Vec::new(),
        }
    }

    pub(super) fn statement(statement: &Statement) -> Self {
        Self {
            kind: Kind::Statement,
            about: statement.who.clone(),
            subject: None,
            says: statement.says.clone(),
            place: statement.at.format("%Y-%m-%d %H:%M").to_string(),
            speaks: Truth::Yes,
            lines: Vec::new(),
        }
    }
}

/// Returns the line of a config file that a fact stands on.
fn line(origin: &Origin) -> Option<Line> {
    match origin {
        Origin::File { file, line: 1.., .. } if file.is_empty() => None,
        Origin::File { file, line: line @ 1.., .. } => {
            Some(Line { file: Arc::clone(file), line: *line })
        }
        Origin::File { .. }
        | Origin::Default
        | Origin::Env(_)
        | Origin::Host(_)
        | Origin::Derived(_) => None,
    }
}

fn name_and_value(fact: &Fact) -> String {
    let mut parts = fact.path.rsplit('.');
    let name = parts.next().unwrap_or(fact.path);
    format!("{} {}", name.replace('_', " "), fact.said())
}

/// Joins places; a file that several of them share is named once.
fn joined(places: &[String]) -> String {
    let mut text = String::new();
    let mut last = "";
    for place in places {
        let file = place.split_once(" line ").map_or("", |(file, _)| file);
        let shared = !file.is_empty() && file == last;
        let rest = if shared { place.get(file.len()..).unwrap_or(place) } else { place };
        text.push_str(if text.is_empty() { "" } else { "," });
        text.push_str(if text.is_empty() || shared { "" } else { " " });
        text.push_str(rest);
        last = file;
    }
    text
}

/// Returns the name of a file without its folder.
fn name(file: &str) -> &str {
    file.rsplit('/').next().unwrap_or(file)
}

/// Says where a fact comes from.
#[must_use]
pub fn place(origin: &Origin) -> String {
    match origin {
        Origin::File { file, line: 0, .. } => name(file).to_owned(),
        Origin::File { file, line, .. } => format!("{} line {line}", name(file)),
        Origin::Default => "OpenClaw's default".to_owned(),
        Origin::Env(name) => format!("env {name}"),
        Origin::Host(what) => what.clone(),
        Origin::Derived([]) => "follows from the config".to_owned(),
        Origin::Derived(from) => format!("follows from {}", from.join(", ")),
    }
}

/// Digests what a rule saw fail, so that an acceptance holds for this and nothing else.
pub(super) fn scope(ruling: Option<&Ruling>, on_cards: &[Evidence]) -> String {
    let mut hash = Sha256::new();
    let evidence = ruling.iter().flat_map(|ruling| &ruling.evidence);
    let mut lines: Vec<String> = evidence
        .filter(|evidence| evidence.speaks != Truth::Yes)
        .map(|evidence| {
            let subject = evidence.subject.as_ref().map(ToString::to_string);
            format!("{} {} {}\n", evidence.about, subject.unwrap_or_default(), evidence.says)
        })
        .collect();
    let failing = ruling.iter().flat_map(|ruling| &ruling.failing);
    lines.extend(failing.map(|subject| format!("{subject}\n")));
    let refuting = on_cards.iter().filter(|seen| seen.speaks == Truth::No);
    lines.extend(refuting.map(|seen| format!("{}\n", seen.about)));
    lines.sort();
    for line in lines {
        hash.update(line);
    }
    format!("{:x}", hash.finalize())
}

/// Returns the key by which a finding is accepted and remembered.
#[must_use]
pub fn finding_key(finding: &Finding) -> String {
    let digest = finding.detail_digest.get(..12).unwrap_or(&finding.detail_digest);
    format!("{}#{digest}", finding.check_id)
}

/// Returns the acceptance of a finding while it holds, or why it does not; nothing where it was
/// never accepted.
///
/// A critical is accepted only where the runbook says that the chosen pattern always raises it.
#[must_use]
pub fn acceptance<'a>(
    finding: &Finding,
    known: &Known<'a>,
    runbook: &Runbook,
) -> Option<Result<&'a Residual, &'static str>> {
    let key = finding_key(finding);
    let residual = known.residuals.get(key.as_str()).copied()?;
    let width = known.pattern.and_then(|pattern| runbook.width(pattern));
    let seen = Seen { subject: &key, scope: &finding.detail_digest, width };
    if let Some(why) = residual.standing(seen, known.now.date_naive()).why() {
        return Some(Err(why));
    }
    if finding.severity == Severity::Critical && by_design(finding, known, runbook).is_none() {
        return Some(Err("no pattern raises this by design, so it must be fixed"));
    }
    Some(Ok(residual))
}

/// Returns what the runbook says of a finding that comes with the chosen pattern.
#[must_use]
pub fn by_design<'r>(
    finding: &Finding,
    known: &Known<'_>,
    runbook: &'r Runbook,
) -> Option<&'r crate::runbook::ByDesign> {
    let pattern = known.pattern?;
    runbook.by_design.iter().find(|by_design| {
        by_design.check_id == finding.check_id && by_design.patterns.iter().any(|p| p == pattern)
    })
}
