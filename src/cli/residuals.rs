//! `portcullis residuals`: what is accepted on each gateway, by its newest record.

mod suppress;

use chrono::NaiveDate;
use clap::Args;
use clap::Subcommand;
use serde_json::Value;
use serde_json::json;

use crate::cli::Common;
use crate::cli::Failure;
use crate::cli::Format;
use crate::cli::Status;
use crate::cli::print;
use crate::cli::signing::Voice;
use crate::cli::signing::masked;
use crate::cli::warn;
use crate::record::Previous;
use crate::record::document::Accepted;
use crate::record::statement::Deed;
use crate::record::statement::Renewal;
use crate::record::verify::Found;
use crate::shell;
use crate::shell::records;
use crate::text::Shown;

/// What is done with residuals.
#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// List what the newest record of each gateway accepts; ends in status 1 where one has expired
    List {
        /// Only those whose end has passed
        #[arg(long)]
        expired: bool,
        /// How it is printed
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
    },
    /// Give a residual of the newest record a new end
    Renew(Renew),
    /// Print a patch that hides one accepted warning from OpenClaw's own audit, as narrowly as it can
    Suppress(suppress::Suppress),
}

/// Which residual is meant.
#[derive(Debug, Args)]
struct Which {
    /// What was accepted: a finding's id or key, an item, or a check
    subject: String,
    /// The gateway, where several have accepted it
    #[arg(long, value_name = "ID")]
    target: Option<String>,
}

/// Gives a residual a new end.
#[derive(Debug, Args)]
pub(super) struct Renew {
    #[command(flatten)]
    which: Which,
    /// The last day on which it holds, or a number of days; at most 400
    #[arg(long, value_name = "DATE")]
    until: String,
    /// Why it is acceptable still
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Who answers for it; without it, whoever did
    #[arg(long, value_name = "NAME")]
    owner: Option<String>,
    #[command(flatten)]
    voice: Voice,
}

/// The record of a gateway that counts now, and what it accepts.
struct Newest {
    target: String,
    found: Found,
    previous: Previous,
}

/// An accepted residual and the record that holds it.
struct Held {
    target: String,
    folder: String,
    change: String,
    signed: bool,
    accepted: Accepted,
    /// Whether it was renewed after the record was sealed.
    renewed: bool,
    /// Why it counts for nothing.
    doubt: Option<String>,
}

impl Action {
    pub(super) fn run(self, common: &Common) -> Result<Status, Failure> {
        match self {
            Self::List { expired, format } => list(common, expired, format),
            Self::Renew(renew) => renew.run(common),
            Self::Suppress(suppress) => suppress.run(common),
        }
    }
}

fn list(common: &Common, expired: bool, format: Format) -> Result<Status, Failure> {
    let today = shell::now().date_naive();
    let mut all: Vec<Held> = newest(common)?.iter().flat_map(Newest::held).collect();
    all.sort_by(|a, b| {
        let key = |it: &Held| (it.accepted.expires, it.target.clone(), it.accepted.subject.clone());
        key(a).cmp(&key(b))
    });
    let over = |it: &Held| it.accepted.expires < today;
    let wrong = all.iter().any(|it| over(it) || it.doubt.is_some());
    if expired {
        all.retain(over);
    }
    let hidden = if expired { Vec::new() } else { suppress::hidden(common) };
    print(&match format {
        Format::Json => super::pretty(&json!({
            "schema": "portcullis/residuals",
            "version": 1,
            "today": today,
            "residuals": all.iter().map(|it| it.json(today)).collect::<Vec<_>>(),
            "suppressions": hidden.iter().map(suppress::json).collect::<Vec<_>>(),
        }))?,
        Format::Text if all.is_empty() && hidden.is_empty() => {
            "Nothing is accepted here.\n".to_owned()
        }
        Format::Text => {
            let held = all.iter().map(|it| it.line(today));
            held.chain(hidden.iter().map(suppress::line)).collect()
        }
    })?;
    Ok(if wrong { Status::NotMet } else { Status::Fine })
}

/// Reads the record of each gateway that counts now.
fn newest(common: &Common) -> Result<Vec<Newest>, Failure> {
    let (places, believed) = (common.places()?, common.believed()?);
    let mut all = Vec::new();
    for target in records::targets(&places) {
        let Some((folder, found)) = records::newest(&places, &target, &believed) else { continue };
        if let Err(why) = &found.document {
            warn(&format!("warning: `{}` is no record: {why}", folder.display()));
            continue;
        }
        let Some(previous) = records::previous(&places, &target) else { continue };
        if let Some(doubt) = &previous.doubt {
            let change = &previous.change;
            warn(&format!("warning: what record {change} accepts does not count: {doubt}"));
        }
        all.push(Newest { target, found, previous });
    }
    Ok(all)
}

impl Newest {
    /// Returns all that its record accepted, with its new end where it was renewed.
    fn held(&self) -> Vec<Held> {
        let Ok(document) = &self.found.document else { return Vec::new() };
        let then: Vec<Accepted> =
            document.residuals.iter().filter(|it| it.holds).cloned().collect();
        let now = match &self.previous.doubt {
            Some(_) => then.clone(),
            None => self.previous.residuals.clone(),
        };
        let held = then.into_iter().zip(now).map(|(was, accepted)| Held {
            target: self.target.clone(),
            folder: self.found.folder.clone(),
            change: document.change.clone(),
            signed: document.says_signed(),
            renewed: was != accepted,
            accepted,
            doubt: self.previous.doubt.clone(),
        });
        held.collect()
    }
}

impl Renew {
    fn run(self, common: &Common) -> Result<Status, Failure> {
        let (newest, accepted) = self.which.find(common)?;
        let subject = &accepted.subject;
        let not =
            |why: String| Failure::not_met(format!("`{subject}` was not renewed")).because(why);
        if newest.previous.is_critical(subject) {
            return Err(not("it is critical, and accepted with the evidence it names".to_owned())
                .hint("walk the runbook again; `portcullis` begins a change"));
        }
        let reason = masked(common, &self.reason)?;
        let owner = self.owner.as_deref().unwrap_or(&accepted.owner);
        let renewal = Renewal::of(&accepted, &reason, owner, &self.until, shell::now())
            .map_err(|why| not(why.to_string()).hint(HINT))?;
        let until = renewal.expires;
        let done = format!("Renewed: `{subject}` until {until}, {owner} answers for it.");
        let deed = Deed::Renew { says: reason, residual: renewal };
        self.voice.say(common, &newest.target, &newest.found, &deed, &done)
    }
}

impl Which {
    /// Finds the one residual that is meant.
    fn find(&self, common: &Common) -> Result<(Newest, Accepted), Failure> {
        let named = |target: &str| self.target.as_deref().is_none_or(|wanted| wanted == target);
        let mut newest = newest(common)?;
        newest.retain(|it| named(&it.target));
        let own = |(at, it): (usize, &Newest)| {
            let meant = it.previous.residuals.iter().filter(|it| self.means(&it.subject));
            meant.map(|accepted| (at, accepted.clone())).collect::<Vec<_>>()
        };
        let meant: Vec<(usize, Accepted)> = newest.iter().enumerate().flat_map(own).collect();
        match meant.as_slice() {
            [(at, accepted)] => Ok((newest.swap_remove(*at), accepted.clone())),
            [] => Err(Failure::unreadable(format!("`{}` is not accepted here", self.subject))
                .hint("`portcullis residuals list --format json` shows what is, with its key")),
            several => {
                let name = |(at, it): &(usize, Accepted)| {
                    let target = newest.get(*at).map_or("", |it| it.target.as_str());
                    format!("{} on {target}", it.subject)
                };
                let keys: Vec<String> = several.iter().map(name).collect();
                Err(Failure::unreadable(format!("several are called `{}`", self.subject))
                    .hint(format!("name the key, and --target: {}", keys.join(", "))))
            }
        }
    }

    fn means(&self, subject: &str) -> bool {
        subject == self.subject || subject.split('#').next() == Some(&self.subject)
    }
}

/// What an end may be.
const HINT: &str = "--until takes a date such as 2027-01-31, or a number of days up to 400; what \
                    has expired is accepted anew in a change";

impl Held {
    fn state(&self, today: NaiveDate) -> &'static str {
        match (self.accepted.expires - today).num_days() {
            ..0 => "expired",
            _ if self.doubt.is_some() => "void",
            0..=crate::residual::RENEW_DAYS => "ends soon",
            _ => "holds",
        }
    }

    fn line(&self, today: NaiveDate) -> String {
        let it = &self.accepted;
        let subject = it.subject.split('#').next().unwrap_or(&it.subject);
        let unsigned = if self.signed { "" } else { ", UNSIGNED" };
        let how = if self.renewed { "renewed" } else { "accepted" };
        let line = format!(
            "{:<9} until {}  {subject}: {}  ({}, {how} {}; {} record {}{unsigned})",
            self.state(today),
            it.expires,
            it.reason,
            it.owner,
            it.accepted.format("%Y-%m-%d"),
            self.target,
            self.change,
        );
        format!("{}\n", Shown::line(&line))
    }

    fn json(&self, today: NaiveDate) -> Value {
        json!({
            "target": self.target,
            "record": self.folder,
            "change": self.change,
            "says_signed": self.signed,
            "state": self.state(today),
            "renewed": self.renewed,
            "doubt": self.doubt,
            "residual": self.accepted,
        })
    }
}
