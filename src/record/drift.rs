//! What has drifted since a record was sealed: the gateway of now, held against what it says.

use serde::Serialize;

use crate::change::Answers;
use crate::change::Review;
use crate::record::Previous;
use crate::record::document::Document;
use crate::record::verify::State;
use crate::runbook::Runbook;

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum About {
    /// Which gateway it is.
    Gateway,
    /// The live config.
    Config,
    /// The OpenClaw that is installed.
    #[serde(rename = "openclaw")]
    OpenClaw,
    /// The runbook.
    Runbook,
    /// What the checks find.
    Findings,
}

impl About {
    /// Returns the word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Config => "config",
            Self::OpenClaw => "OpenClaw",
            Self::Runbook => "runbook",
            Self::Findings => "findings",
        }
    }
}

/// One thing that was compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Drift {
    /// What.
    pub about: About,
    /// Good where it is the same, bad where it is not, unknown where it was not measured.
    pub state: State,
    /// What was found, in a line.
    pub says: String,
}

/// The gateway as it is now.
#[derive(Clone, Copy, Debug)]
pub struct Now<'a> {
    /// The target.
    pub target: &'a str,
    /// The digest of the live config; none where it cannot be read.
    pub config: Option<&'a str>,
    /// The version of OpenClaw that is installed; none where it cannot be seen.
    pub openclaw: Option<&'a str>,
    /// The runbook.
    pub runbook: &'a Runbook,
    /// Its digest.
    pub runbook_sha256: &'a str,
    /// What the checks answered last.
    pub answers: &'a Answers,
    /// What that comes to.
    pub review: &'a Review,
}

/// Compares. `record` holds the findings of the same record.
#[must_use]
pub fn drift(document: &Document, record: Option<&Previous>, now: Now<'_>) -> Vec<Drift> {
    if now.target != document.target.id {
        let (here, there) = (now.target, &document.target.id);
        let says = format!("this one is {here}, the record is about {there}; nothing is compared");
        return vec![Drift { about: About::Gateway, state: State::Bad, says }];
    }
    vec![
        config(document, now),
        openclaw(document, now),
        runbook(document, now),
        findings(record, now),
    ]
}

fn config(document: &Document, now: Now<'_>) -> Drift {
    let told = |state, says: String| Drift { about: About::Config, state, says };
    match (document.config.after.as_deref(), now.config) {
        (_, None) => told(State::Unknown, "it cannot be read now".to_owned()),
        (None, Some(_)) => told(State::Bad, "it could not be read then, and can be now".to_owned()),
        (Some(then), Some(now)) if then != now => {
            told(State::Bad, format!("another: {} then, {} now", short(then), short(now)))
        }
        (Some(_), Some(_)) => told(State::Good, "the same".to_owned()),
    }
}

fn openclaw(document: &Document, now: Now<'_>) -> Drift {
    let told = |state, says: String| Drift { about: About::OpenClaw, state, says };
    match (document.openclaw.installed.as_deref(), now.openclaw) {
        (Some(then), Some(is)) if then == is => told(State::Good, format!("the same, {is}")),
        (Some(then), Some(is)) => told(State::Bad, format!("another: {then} then, {is} now")),
        (Some(then), None) => {
            told(State::Unknown, format!("{then} then; which one is installed now cannot be seen"))
        }
        (None, Some(is)) => told(State::Unknown, format!("{is} now; the record names none")),
        (None, None) => told(State::None, "neither then nor now known".to_owned()),
    }
}

fn runbook(document: &Document, now: Now<'_>) -> Drift {
    let (then, is) = (&document.runbook, now.runbook);
    let told = |state, says: String| Drift { about: About::Runbook, state, says };
    if then.id != is.id || then.revision != is.revision {
        let (id, revision) = (&then.id, &then.revision);
        let says = format!(
            "another: {id} revision {revision} then, {} revision {} now",
            is.id, is.revision
        );
        return told(State::Bad, says);
    }
    if then.sha256 != now.runbook_sha256 {
        return told(State::Bad, format!("another text of revision {}", is.revision));
    }
    told(State::Good, format!("the same, revision {}", is.revision))
}

fn findings(record: Option<&Previous>, now: Now<'_>) -> Drift {
    let told = |state, says: String| Drift { about: About::Findings, state, says };
    let Some(record) = record else {
        return told(State::Unknown, "those of the record cannot be read".to_owned());
    };
    let Some(since) = record.since(now.answers, now.review) else {
        let says = "not compared: no check of the record has run on this config in the last day; \
                    --run runs them";
        return told(State::Unknown, says.to_owned());
    };
    let short = |key: &String| key.split('#').next().unwrap_or(key).to_owned();
    let name = |keys: &std::collections::BTreeSet<String>| {
        let names: Vec<String> = keys.iter().map(short).collect();
        if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) }
    };
    if since.line().is_some() {
        let (new, gone) = (name(&since.new), name(&since.gone));
        let says = format!("{} new{new}, {} gone{gone}", since.new.len(), since.gone.len());
        return told(State::Bad, says);
    }
    let missing = record.not_measured_now(now.answers, now.review);
    if missing.is_empty() {
        return told(State::Good, "none is new, none is gone".to_owned());
    }
    let says = format!(
        "none is new, none is gone, as far as compared; not measured now: {}; --run runs them",
        missing.join(", ")
    );
    told(State::Unknown, says)
}

fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}
