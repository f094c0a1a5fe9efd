//! What a change comes to at this moment: verdicts, settled findings, and what blocks signing.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use chrono::DateTime;
use chrono::FixedOffset;

use crate::change::Answers;
use crate::change::Rehearsed;
use crate::openclaw::facts::Facts;
use crate::openclaw::finding::Finding;
use crate::openclaw::finding::Severity;
use crate::residual::Residual;
use crate::residual::Seen;
use crate::residual::Standing;
use crate::runbook::Item;
use crate::runbook::Need;
use crate::runbook::Runbook;
use crate::verdict;
use crate::verdict::Judged;
use crate::verdict::Known;
use crate::verdict::Run;
use crate::verdict::Verdict;
use crate::verdict::sighting;

/// What a change comes to.
#[derive(Clone, Debug, PartialEq)]
pub struct Review {
    /// Every item, judged, by id.
    pub items: BTreeMap<String, Judged>,
    /// Every finding of the checks that count, worst first.
    pub findings: Vec<FindingState>,
    /// What still keeps the change from being signed off, in the order of the steps.
    pub blockers: Vec<Blocker>,
    /// The pattern the live config is in.
    pub in_force: Option<String>,
    /// Why notes and sections do not apply, by id.
    pub outside: BTreeMap<String, String>,
    /// Checks whose newest run counts no more: the config moved, or a day has passed.
    pub stale: Vec<String>,
    /// Whether the way back is known to work.
    pub rehearsed: Rehearsed,
    /// The widening moves that are in place.
    pub in_place: BTreeSet<String>,
    /// What was seen that leads further to the gateway than its config can tell.
    pub beyond: Vec<&'static str>,
}

/// A finding and whether it is settled.
#[derive(Clone, Debug, PartialEq)]
pub struct FindingState {
    /// The finding.
    pub finding: Finding,
    /// The key by which it is accepted.
    pub key: String,
    /// The checks that reported it.
    pub sources: Vec<String>,
    /// Whether it is settled.
    pub settled: Settled,
    /// What the runbook says of it where the chosen pattern always raises it.
    pub by_design: Option<String>,
}

impl FindingState {
    /// Tells whether nothing but a fix settles it: a critical that no pattern raises by design.
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.finding.severity == Severity::Critical && self.by_design.is_none()
    }
}

/// Whether a finding is settled.
#[derive(Clone, Debug, PartialEq)]
pub enum Settled {
    /// It only informs.
    Informs,
    /// It waits; with the reason where it was accepted once.
    Open(Option<&'static str>),
    /// It was accepted.
    Accepted(Residual),
}

/// How much a blocker weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Seriousness {
    /// Something is observed to be wrong.
    Wrong,
    /// Something is missing.
    Missing,
}

/// One thing that keeps a change from being signed off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Blocker {
    /// No pattern is chosen.
    NoPattern,
    /// A note has not been acknowledged.
    Note(String),
    /// An entry of the inventory is not confirmed.
    Entry(String),
    /// A check is not measured.
    Check(String),
    /// A finding is not settled.
    Finding(String, Severity),
    /// An item is not settled.
    Item(String, Verdict),
    /// The config cannot be read, so nothing it decides is known.
    Config,
    /// The rollback has not been rehearsed.
    Rehearsal,
    /// Something is still open after the rollback.
    StillOpen(String),
}

impl Blocker {
    /// Says what it is, in a line.
    #[must_use]
    pub fn line(&self, runbook: &Runbook, review: &Review) -> String {
        match self {
            Self::Config => "the config cannot be read".to_owned(),
            Self::NoPattern => "no pattern is chosen".to_owned(),
            Self::Rehearsal => format!("the rollback, {}", review.rehearsed.said()),
            Self::StillOpen(what) => format!("still open: {what}"),
            Self::Note(id) => {
                let note = runbook.notes.iter().find(|note| note.id == *id);
                format!("to acknowledge: {}", note.map_or(id.as_str(), |note| &note.text))
            }
            Self::Entry(id) => {
                let entry = runbook.inventory.iter().find(|entry| entry.id == *id);
                format!("to confirm: {}", entry.map_or(id.as_str(), |entry| &entry.title))
            }
            Self::Check(id) => format!("not measured: {id}"),
            Self::Finding(key, severity) => {
                let state = review.findings.iter().find(|state| state.key == *key);
                let title = state.map_or(key.as_str(), |state| &state.finding.title);
                let check_id = state.map_or("", |state| &state.finding.check_id);
                format!("{}: {title} ({check_id})", severity.word())
            }
            Self::Item(id, verdict) => {
                let item = runbook.item(id);
                let statement = item.map_or(id.as_str(), |item| &item.statement);
                format!("{}: {statement}", verdict.word())
            }
        }
    }
}

/// Works out what a change comes to.
#[must_use]
pub fn review(
    runbook: &Runbook,
    answers: &Answers,
    facts: Option<&Facts>,
    config_digest: &str,
    now: DateTime<FixedOffset>,
) -> Review {
    let counting = |run: &&Run| run.counts(config_digest, now);
    let known = Known {
        facts,
        runs: (answers.runs.iter())
            .filter(|(_, run)| counting(run))
            .map(|(check, run)| (check.as_str(), run))
            .collect(),
        words: (answers.words.iter())
            .filter(|(item, word)| {
                let said = (word.at, word.config.as_deref());
                answers.still_counts(runbook, item, said, config_digest)
            })
            .map(|(item, word)| (item.as_str(), word))
            .collect(),
        sightings: (answers.sightings.iter())
            .filter(|(card, seen)| {
                let item = sighting::item_of(card).unwrap_or_default();
                let at = (seen.at, seen.config.as_deref());
                seen.counts(now) && answers.still_counts(runbook, item, at, config_digest)
            })
            .map(|(card, seen)| (card.as_str(), seen))
            .collect(),
        residuals: answers.residuals.iter().map(|(id, r)| (id.as_str(), r)).collect(),
        pattern: answers.choice.as_ref().map(|choice| choice.pattern.as_str()),
        reason: (answers.choice.as_ref())
            .map(|choice| choice.reason.trim())
            .filter(|reason| !reason.is_empty()),
        now,
    };
    let items: BTreeMap<String, Judged> = runbook
        .items()
        .map(|item| {
            let section = runbook.section_of(&item.id);
            (item.id.clone(), verdict::judge(item, section, runbook, &known))
        })
        .collect();
    let findings = findings(runbook, &known, &items);
    let outside = outside(runbook, &known);
    let stale: Vec<String> = (answers.runs.iter())
        .filter(|(_, run)| !counting(run))
        .map(|(check, _)| check.clone())
        .collect();
    let settled =
        |id: &str| items.get(id).is_some_and(|judged: &Judged| judged.verdict.is_settled());
    let in_place = verdict::moves_in_place(runbook, &known, settled);
    let mut review = Review {
        beyond: verdict::seen_beyond(runbook, &known),
        in_place,
        rehearsed: Rehearsed::of(runbook, answers, &stale),
        stale,
        blockers: Vec::new(),
        in_force: verdict::pattern_in_force(runbook, &known).map(str::to_owned),
        items,
        findings,
        outside,
    };
    review.blockers = blockers(runbook, answers, &known, &review);
    review
}

impl Review {
    /// Returns the verdict of an item; open where the runbook has no such item.
    #[must_use]
    pub fn verdict(&self, item: &str) -> Verdict {
        self.items.get(item).map_or(Verdict::Open, |judged| judged.verdict)
    }

    /// Counts the findings of a severity that wait, not counting those the config hides.
    #[must_use]
    pub fn open_findings(&self, severity: Severity) -> usize {
        let open = |state: &&FindingState| {
            state.finding.severity == severity && matches!(state.settled, Settled::Open(_))
        };
        self.findings.iter().filter(open).count()
    }

    /// Returns what keeps a rollback from being signed as one: what is still open in the config, and
    /// the follow-ups that are not settled.
    #[must_use]
    pub fn after_rollback(&self, runbook: &Runbook, open: Option<&[String]>) -> Vec<Blocker> {
        let open = match open {
            None => vec![Blocker::Config],
            Some(open) => open.iter().cloned().map(Blocker::StillOpen).collect(),
        };
        let follow_ups = runbook.rollback.follow_ups.iter().filter_map(|item| {
            let verdict = self.verdict(&item.id);
            (!verdict.is_settled()).then(|| Blocker::Item(item.id.clone(), verdict))
        });
        open.into_iter().chain(follow_ups).collect()
    }

    /// Returns the items that count for the chosen pattern, in the order of the steps.
    pub fn required<'r>(
        &self,
        runbook: &'r Runbook,
        pattern: Option<&str>,
    ) -> impl Iterator<Item = &'r Item> {
        let controls = pattern.and_then(|id| runbook.pattern(id));
        let controls = controls.into_iter().flat_map(|pattern| &pattern.controls);
        let sections = runbook.sections.iter().flat_map(|section| &section.items);
        controls.chain(sections).chain(&runbook.validation).chain(&runbook.checklist)
    }
}

fn outside(runbook: &Runbook, known: &Known<'_>) -> BTreeMap<String, String> {
    let notes = runbook.notes.iter().map(|note| (&note.id, note.applies.as_ref()));
    let sections = runbook.sections.iter().map(|section| (&section.id, section.applies.as_ref()));
    (notes.chain(sections))
        .filter_map(|(id, applies)| {
            Some((id.clone(), verdict::not_applicable(applies, runbook, known)?))
        })
        .collect()
}

/// Gathers the findings of every check that counts; the same finding of two checks is one.
fn findings(
    runbook: &Runbook,
    known: &Known<'_>,
    items: &BTreeMap<String, Judged>,
) -> Vec<FindingState> {
    let mut states: Vec<FindingState> = Vec::new();
    let checks = runbook.checks.iter().filter_map(|check| known.runs.get(check.id.as_str()));
    let beside = known.runs.values().filter(|run| run.is_beside(runbook));
    let reports = checks.chain(beside);
    for finding in reports.filter_map(|run| run.report()).flat_map(|report| &report.findings) {
        let key = verdict::finding_key(finding);
        if let Some(state) = states.iter_mut().find(|state| state.key == key) {
            if !state.sources.contains(&finding.source) {
                state.sources.push(finding.source.clone());
            }
            state.finding.severity = state.finding.severity.max(finding.severity);
            continue;
        }
        let by_design = verdict::by_design(finding, known, runbook);
        states.push(FindingState {
            settled: settled(finding, runbook, known, items),
            by_design: by_design.map(|by_design| by_design.because.clone()),
            sources: vec![finding.source.clone()],
            finding: finding.clone(),
            key,
        });
    }
    states.sort_by_key(|state| std::cmp::Reverse(state.finding.severity));
    states
}

fn settled(
    finding: &Finding,
    runbook: &Runbook,
    known: &Known<'_>,
    items: &BTreeMap<String, Judged>,
) -> Settled {
    if finding.severity == Severity::Info {
        return Settled::Informs;
    }
    let residual = match verdict::acceptance(finding, known, runbook) {
        None => return Settled::Open(None),
        Some(Err(why)) => return Settled::Open(Some(why)),
        Some(Ok(residual)) => residual,
    };
    if finding.severity == Severity::Critical {
        let named = verdict::by_design(finding, known, runbook);
        let mut named = named.into_iter().flat_map(|by_design| &by_design.evidence);
        if !named.all(|id| items.get(id).is_some_and(|item| item.verdict.is_settled())) {
            return Settled::Open(Some("the items that must prove it are not settled yet"));
        }
    }
    Settled::Accepted(residual.clone())
}

fn blockers(
    runbook: &Runbook,
    answers: &Answers,
    known: &Known<'_>,
    review: &Review,
) -> Vec<Blocker> {
    let mut blockers = Vec::new();
    if known.facts.is_none() {
        blockers.push(Blocker::Config);
    }
    if answers.choice.is_none() {
        blockers.push(Blocker::NoPattern);
    }
    for note in runbook.notes.iter().filter(|note| note.acknowledge) {
        if !review.outside.contains_key(&note.id) && !answers.words.contains_key(&note.id) {
            blockers.push(Blocker::Note(note.id.clone()));
        }
    }
    for entry in &runbook.inventory {
        if !answers.inventory.contains_key(&entry.id) {
            blockers.push(Blocker::Entry(entry.id.clone()));
        }
    }
    for check in runbook.checks.iter().filter(|check| check.need == Need::Required) {
        let measured = known.runs.get(check.id.as_str()).is_some_and(|run| run.is_measured());
        let absence = Seen { subject: &check.id, scope: "", width: None };
        let accepted = known.residuals.get(check.id.as_str()).is_some_and(|residual| {
            residual.standing(absence, known.now.date_naive()) == Standing::Holds
        });
        if !measured && !accepted {
            blockers.push(Blocker::Check(check.id.clone()));
        }
    }
    for state in &review.findings {
        if matches!(state.settled, Settled::Open(_)) {
            blockers.push(Blocker::Finding(state.key.clone(), state.finding.severity));
        }
    }
    for item in review.required(runbook, known.pattern) {
        let verdict = review.verdict(&item.id);
        if !verdict.is_settled() {
            blockers.push(Blocker::Item(item.id.clone(), verdict));
        }
    }
    if review.rehearsed != Rehearsed::Works {
        blockers.push(Blocker::Rehearsal);
    }
    blockers
}
