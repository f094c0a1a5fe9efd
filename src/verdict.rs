//! Verdicts: what facts, findings and people's words make of an item.

pub mod brought;
mod evidence;
mod lint;
mod run;
pub mod sighting;
mod truth;

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use chrono::DateTime;
use chrono::FixedOffset;
use serde::Serialize;
use serde_json::Value;

pub use self::evidence::Evidence;
pub use self::evidence::Kind;
pub use self::evidence::Line;
pub use self::evidence::Statement;
pub use self::evidence::acceptance;
pub use self::evidence::by_design;
pub use self::evidence::finding_key;
pub use self::evidence::place;
pub use self::lint::lint;
pub use self::run::Brought;
pub use self::run::FRESH_HOURS;
pub use self::run::Run;
pub use self::run::Started;
pub use self::sighting::Sighting;
pub use self::truth::Truth;

use crate::openclaw::exposure;
use crate::openclaw::fact::Subject;
use crate::openclaw::facts::Facts;
use crate::openclaw::sight;
use crate::openclaw::witness::Asked;
use crate::residual::Residual;
use crate::residual::Seen;
use crate::runbook::Applies;
use crate::runbook::Item;
use crate::runbook::Outside;
use crate::runbook::Runbook;
use crate::runbook::Section;
use crate::runbook::Word;
use crate::verdict::truth::Ruling;

impl<'a> Known<'a> {
    /// Knows the config and nothing else: no check ran, nobody said anything.
    #[must_use]
    pub fn of_config(facts: Option<&'a Facts>, now: DateTime<FixedOffset>) -> Self {
        Self {
            facts,
            runs: BTreeMap::new(),
            words: BTreeMap::new(),
            sightings: BTreeMap::new(),
            residuals: BTreeMap::new(),
            pattern: None,
            reason: None,
            now,
        }
    }
}

/// What has become of an item.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, serde::Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Observed facts say so.
    Met,
    /// A person says so.
    Confirmed,
    /// Observed facts contradict it.
    NotMet,
    /// No rule decides and nobody has given their word.
    Open,
    /// A rule decides but has nothing to go by. Never the same as met.
    Unmeasured,
    /// Left open on purpose, with reason, owner and expiry.
    Accepted,
    /// Its own rule says that it does not concern this gateway.
    NotApplicable,
}

impl Verdict {
    /// Every verdict, in the order of the legend.
    pub const ALL: [Self; 7] = [
        Self::Met,
        Self::Confirmed,
        Self::NotMet,
        Self::Open,
        Self::Unmeasured,
        Self::Accepted,
        Self::NotApplicable,
    ];

    /// Returns the word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Confirmed => "confirmed",
            Self::NotMet => "not met",
            Self::Open => "open",
            Self::Unmeasured => "unmeasured",
            Self::Accepted => "accepted",
            Self::NotApplicable => "not applicable",
        }
    }

    /// Tells whether nothing more has to be done about it.
    #[must_use]
    pub fn is_settled(self) -> bool {
        match self {
            Self::Met | Self::Confirmed | Self::Accepted | Self::NotApplicable => true,
            Self::NotMet | Self::Open | Self::Unmeasured => false,
        }
    }
}

/// All that verdicts are made from.
#[derive(Clone, Debug)]
pub struct Known<'a> {
    /// What the config means; none while it cannot be read.
    pub facts: Option<&'a Facts>,
    /// The newest run of each check that still counts, by the check's id.
    pub runs: BTreeMap<&'a str, &'a Run>,
    /// What people said, by item.
    pub words: BTreeMap<&'a str, &'a Statement>,
    /// What was seen on cards and still counts, by card.
    pub sightings: BTreeMap<&'a str, &'a Sighting>,
    /// What was accepted, by item or finding.
    pub residuals: BTreeMap<&'a str, &'a Residual>,
    /// The pattern to judge by.
    pub pattern: Option<&'a str>,
    /// Why it is needed, where somebody has said so; only then does it count as an answer.
    pub reason: Option<&'a str>,
    /// The moment of judging.
    pub now: DateTime<FixedOffset>,
}

/// An item with its verdict and what backs it.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// The item's id.
    pub item: String,
    /// The verdict.
    pub verdict: Verdict,
    /// What the rule alone says, whatever people said.
    pub observed: Option<Truth>,
    /// What backs it, the deciding part first.
    pub evidence: Vec<Evidence>,
    /// Why it is not applicable, or why an acceptance does not hold any more.
    pub because: Option<String>,
    /// The subjects for which the rule does not hold.
    pub failing: Vec<Subject>,
    /// How many subjects were judged.
    pub subjects: usize,
    /// Digest of what was seen, for an acceptance to be bound to.
    pub scope: String,
}

/// Judges one item. What its section says of where it applies holds for the item, too.
#[must_use]
pub fn judge(
    item: &Item,
    section: Option<&Section>,
    runbook: &Runbook,
    known: &Known<'_>,
) -> Judged {
    let truth = truth::Bench::new(runbook, known);
    let of_section = section.and_then(|section| section.applies.as_ref());
    let because = outside(of_section, known, &truth)
        .or_else(|| outside(item.applies.as_ref(), known, &truth));
    if let Some(because) = because {
        return Judged {
            item: item.id.clone(),
            verdict: Verdict::NotApplicable,
            observed: None,
            evidence: Vec::new(),
            because: Some(because),
            failing: Vec::new(),
            subjects: 0,
            scope: String::new(),
        };
    }
    let ruling = item.rule.as_ref().map(|rule| truth.rule(rule));
    let seen_on_cards = on_cards(item, known);
    let scope = evidence::scope(ruling.as_ref(), &seen_on_cards);
    let word = known.words.get(item.id.as_str()).copied();
    let residual = known.residuals.get(item.id.as_str()).copied();
    let width = known.pattern.and_then(|pattern| runbook.width(pattern));
    let seen = Seen { subject: &item.id, scope: &scope, width };
    let standing = residual.map(|residual| residual.standing(seen, known.now.date_naive()));
    let refuted = seen_on_cards.iter().any(|evidence| evidence.speaks == Truth::No);
    let own = if refuted { Verdict::NotMet } else { unaccepted(item, ruling.as_ref(), word) };
    let accepted = standing.is_some_and(|standing| standing.why().is_none());
    let verdict = if !own.is_settled() && accepted { Verdict::Accepted } else { own };
    let (observed, mut evidence, failing, subjects) = match ruling {
        None => (None, Vec::new(), Vec::new(), 0),
        Some(ruling) => (Some(ruling.truth), ruling.evidence, ruling.failing, ruling.subjects),
    };
    let observed = if refuted { Some(Truth::No) } else { observed };
    let place = if refuted { 0 } else { evidence.len() };
    evidence.splice(place..place, seen_on_cards);
    evidence.extend(word.map(Evidence::statement));
    let because = match (verdict, standing.and_then(crate::residual::Standing::why)) {
        (Verdict::Accepted, _) => residual.map(|residual| residual.reason.clone()),
        (Verdict::NotApplicable, _) => Some("there is nothing here that it is about".to_owned()),
        (verdict, Some(why)) if !verdict.is_settled() => Some(why.to_owned()),
        _ => None,
    };
    Judged { item: item.id.clone(), verdict, observed, evidence, because, failing, subjects, scope }
}

/// Returns what was seen on an item's cards, as evidence.
fn on_cards(item: &Item, known: &Known<'_>) -> Vec<Evidence> {
    let asked = Asked::about(known.facts);
    let cards = item.cards.iter().enumerate().flat_map(|(place, card)| {
        let id = sighting::card_id(&item.id, place);
        let seen = known.sightings.get(id.as_str());
        let judged = |seen| sighting::judged(card, seen, &asked);
        let seen = seen.map(|seen| sighting::evidence(card, seen, &judged(seen)));
        let names = card.judge.as_ref().map_or(&[][..], |judge| sight::imported(judge.reads));
        let runs = names.iter().filter_map(|name| known.runs.get(name.name()));
        let imported =
            runs.filter_map(|run| sighting::imported(&id, card, run)).collect::<Vec<_>>();
        seen.into_iter().chain(imported)
    });
    cards.collect()
}

/// Says what was seen that leads further to the gateway than its config can tell: on this host, by
/// other programs, and on cards.
#[must_use]
pub fn seen_beyond(runbook: &Runbook, known: &Known<'_>) -> Vec<&'static str> {
    let asked = Asked::about(known.facts);
    let reports = known.runs.values().filter_map(|run| run.report());
    let mut observed: Vec<BTreeMap<String, Value>> =
        reports.map(|report| report.observed.clone()).collect();
    for item in runbook.items() {
        for (place, card) in item.cards.iter().enumerate() {
            let seen = known.sightings.get(sighting::card_id(&item.id, place).as_str());
            let Some((seen, judge)) = seen.zip(card.judge.as_ref()) else { continue };
            observed.extend(sight::read(judge.reads, &seen.says, &asked));
        }
    }
    exposure::beyond(|path| observed.iter().filter_map(|of| of.get(path)).collect())
}

/// Returns what the item would be without an acceptance.
fn unaccepted(item: &Item, ruling: Option<&Ruling>, word: Option<&Statement>) -> Verdict {
    let by_word = |without| {
        if word.is_some() { Verdict::Confirmed } else { without }
    };
    let Some(ruling) = ruling else {
        return by_word(Verdict::Open);
    };
    if ruling.subjects == 0 {
        return Verdict::NotApplicable;
    }
    match (ruling.truth, item.word) {
        (Truth::No, _) => Verdict::NotMet,
        (Truth::Yes, Word::Never | Word::Allowed) => Verdict::Met,
        (Truth::Yes, Word::Required) => by_word(Verdict::Open),
        (Truth::Unknown, Word::Never) => Verdict::Unmeasured,
        (Truth::Unknown, Word::Allowed | Word::Required) => by_word(Verdict::Unmeasured),
    }
}

/// Tells whether a person's word can settle an item as it stands, and if not, why not.
///
/// # Errors
///
/// The reason, as a sentence for the operator.
pub fn can_confirm(item: &Item, judged: &Judged) -> Result<(), &'static str> {
    if judged.verdict == Verdict::NotApplicable {
        return Err("it does not concern this gateway, so there is nothing to confirm");
    }
    match (judged.observed, item.word) {
        (None, _)
        | (Some(Truth::Yes), Word::Required)
        | (Some(Truth::Unknown), Word::Allowed | Word::Required) => Ok(()),
        (Some(Truth::No), _) => Err("it is observed to be false: fix it, or accept it with `a`"),
        (Some(Truth::Yes), _) => Err("it is met by observed facts; there is nothing to confirm"),
        (Some(Truth::Unknown), Word::Never) => {
            Err("it is unmeasured, and only a measurement can confirm it; `a` accepts that")
        }
    }
}

/// Says why something does not apply; nothing where it does.
#[must_use]
pub fn not_applicable(
    applies: Option<&Applies>,
    runbook: &Runbook,
    known: &Known<'_>,
) -> Option<String> {
    outside(applies, known, &truth::Bench::new(runbook, known))
}

/// Returns the ids of the widening moves that are observed to be in place.
#[must_use]
pub fn moves_in_place(
    runbook: &Runbook,
    known: &Known<'_>,
    settled: impl Fn(&str) -> bool,
) -> BTreeSet<String> {
    let truth = truth::Bench::new(runbook, known);
    let holds = |rule| {
        let ruling = truth.rule(rule);
        ruling.truth == Truth::Yes && ruling.subjects > 0
    };
    let here = runbook.moves.iter().filter(|one| {
        let rule = one.in_place.as_ref().map(holds);
        let item = one.settles.as_deref().map(&settled);
        (rule.is_some() || item.is_some()) && rule != Some(false) && item != Some(false)
    });
    here.map(|one| one.id.clone()).collect()
}

/// Returns what no config shape closes and concerns this gateway.
pub fn left_outside<'a>(
    runbook: &'a Runbook,
    known: &Known<'_>,
) -> impl Iterator<Item = &'a Outside> {
    let truth = truth::Bench::new(runbook, known);
    let steps = runbook.rollback.outside.iter();
    let here: Vec<&Outside> =
        steps.filter(|step| outside(step.applies.as_ref(), known, &truth).is_none()).collect();
    here.into_iter()
}

fn outside(
    applies: Option<&Applies>,
    known: &Known<'_>,
    truth: &truth::Bench<'_>,
) -> Option<String> {
    let applies = applies?;
    let chosen = known.pattern.is_some_and(|id| applies.patterns.iter().any(|p| p == id));
    let undecided = known.pattern.is_none() && !applies.patterns.is_empty();
    let here = applies.when.as_ref().is_some_and(|rule| truth.somewhere(rule) != Truth::No);
    (!chosen && !undecided && !here).then(|| applies.otherwise.clone())
}

/// Returns the id of the first pattern, widest first, that the live config is observed to be in.
#[must_use]
pub fn pattern_in_force<'a>(runbook: &'a Runbook, known: &Known<'_>) -> Option<&'a str> {
    let truth = truth::Bench::new(runbook, known);
    let holds = |rule| {
        let ruling = truth.rule(rule);
        ruling.truth == Truth::Yes && ruling.subjects > 0
    };
    let mut wide_first = runbook.patterns.iter().rev();
    wide_first.find(|pattern| pattern.now.as_ref().is_some_and(holds)).map(|p| p.id.as_str())
}
