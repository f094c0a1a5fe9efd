//! What a record says, held against what is there: its form, its place, its evidence, its end.

use chrono::DateTime;
use chrono::FixedOffset;

use crate::record::chain::Fault;
use crate::record::chain::Weight;
use crate::record::document::Document;
use crate::record::document::DocumentError;
use crate::record::form;
use crate::record::said;
use crate::record::said::Said;
use crate::record::statement::Deed;
use crate::record::verify::ALTERED;
use crate::record::verify::Answer;
use crate::record::verify::Aspect;
use crate::record::verify::Found;
use crate::record::verify::State;

pub(super) fn syntax(found: &Found) -> Answer {
    let bad =
        |why: &DocumentError| Answer::new(Aspect::Syntax, State::Bad, why.to_string()).so(ALTERED);
    match &found.document {
        Err(why) => bad(why),
        Ok(_) if !form::is_canonical(&found.json) => bad(&DocumentError::Form),
        Ok(_) => Answer::new(Aspect::Syntax, State::Good, "a record in its one form"),
    }
}

pub(super) fn chain(document: &Document, faults: Option<&[Fault]>) -> Answer {
    let told = |state, says: String| Answer::new(Aspect::Chain, state, says);
    match (faults, document.chain.seq) {
        (None, _) => told(State::Unknown, "it stands alone, outside its chain".to_owned())
            .so("verify it where the other records of the gateway are"),
        (Some(_), None) => told(State::Unknown, "it was sealed outside a chain".to_owned())
            .so("the next record of the gateway is chained"),
        (Some([]), Some(seq)) => told(State::Good, format!("number {seq}, and none is missing")),
        (Some(faults), Some(_)) => {
            let worst = faults.iter().max_by_key(|fault| fault.weight);
            let (cause, remedy) = worst.map_or(("", ""), |it| (it.cause.as_str(), it.remedy));
            let more = match faults.len() - 1 {
                0 => String::new(),
                more => format!(", and {more} more"),
            };
            let state = match worst.map(|fault| fault.weight) {
                Some(Weight::Broken | Weight::Distrust) => State::Bad,
                Some(Weight::Doubt) | None => State::Unknown,
            };
            told(state, format!("{cause}{more}")).so(remedy)
        }
    }
}

pub(super) fn residuals(document: &Document, said: &[Said], now: DateTime<FixedOffset>) -> Answer {
    let today = now.date_naive();
    let standing = said::renewed(&document.residuals, said);
    let held = standing.iter().filter(|residual| residual.holds);
    let (gone, fresh): (Vec<_>, Vec<_>) = held.partition(|residual| residual.expires < today);
    let told = |state, says: String| Answer::new(Aspect::Residuals, state, says);
    if let Some(first) = gone.first() {
        let more =
            if gone.len() == 1 { String::new() } else { format!(", and {} more", gone.len() - 1) };
        let said = format!("`{}` expired on {}{more}", first.subject, first.expires);
        return told(State::Bad, said)
            .so("walk the runbook again: fix it, or accept it with a new end");
    }
    let renewed = document.residuals.iter().zip(&standing).filter(|(was, is)| was != is).count();
    let renewed = if renewed == 0 { String::new() } else { format!(", {renewed} renewed") };
    match fresh.iter().map(|residual| residual.expires).min() {
        None => told(State::Good, "none".to_owned()),
        Some(first) => {
            let count = crate::text::count(fresh.len(), "residual");
            told(State::Good, format!("{count}, the first until {first}{renewed}"))
        }
    }
}

pub(super) fn evidence(found: &Found, document: &Document) -> Answer {
    let told = |state, says: String| Answer::new(Aspect::Evidence, state, says);
    for listed in &document.files {
        match found.files.get(&listed.path) {
            None => return told(State::Bad, format!("`{}` is missing", listed.path)).so(ALTERED),
            Some(sha256) if *sha256 != listed.sha256 => {
                return told(State::Bad, format!("`{}` is not what was sealed", listed.path))
                    .so(ALTERED);
            }
            Some(_) => {}
        }
    }
    let listed = |path: &String| document.files.iter().any(|listed| listed.path == *path);
    // Records of an earlier version do not list their page.
    if let Some(path) = found.files.keys().find(|path| !listed(path) && *path != "record.md") {
        return told(State::Bad, format!("`{path}` was not there when it was sealed"))
            .so("move the file away");
    }
    told(State::Good, crate::text::count(document.files.len(), "file"))
}

pub(super) fn outcome(document: &Document, said: &[Said]) -> Answer {
    let told = |state, says: String| Answer::new(Aspect::Outcome, state, says);
    if let Some(said) = said::withdrawal(said) {
        let remedy = match &said.deed {
            Deed::Supersede { by, .. } => format!("verify {}", by.folder),
            Deed::Revoke { .. } | Deed::Countersign { .. } | Deed::Renew { .. } => {
                "walk the runbook again".to_owned()
            }
        };
        return told(State::Bad, said.line()).so(remedy);
    }
    let whole = ["signed-off", "rolled-back"].contains(&document.outcome.as_str());
    if !whole || !document.blockers.is_empty() {
        let blockers = crate::text::count(document.blockers.len(), "blocker");
        let first = document.blockers.first().map(|blocker| {
            format!(", first {} {}", blocker.kind, blocker.id).trim_end().to_owned()
        });
        let said = format!("{}: {blockers}{}", document.outcome, first.unwrap_or_default());
        return told(State::Bad, said).so("settle what blocks and seal again");
    }
    match said::claim(said) {
        Some(claim) => told(State::Unknown, claim.line()).so(format!(
            "ask {}; where it is right, say it again with a key that counts",
            claim.who
        )),
        None => told(State::Good, document.outcome.clone()),
    }
}
