//! `portcullis residuals`: what is accepted on each gateway, by its newest record.

use chrono::NaiveDate;
use clap::Subcommand;
use serde_json::Value;
use serde_json::json;

use crate::cli::Common;
use crate::cli::Failure;
use crate::cli::Format;
use crate::cli::Status;
use crate::cli::print;
use crate::cli::warn;
use crate::record::document::Accepted;
use crate::record::document::Document;
use crate::shell;
use crate::shell::chain;
use crate::shell::records;
use crate::shell::store;
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
}

/// An accepted residual and the record that holds it.
struct Held {
    target: String,
    folder: String,
    change: String,
    signed: bool,
    accepted: Accepted,
}

impl Action {
    pub(super) fn run(self, common: &Common) -> Result<Status, Failure> {
        let Self::List { expired, format } = self;
        let today = shell::now().date_naive();
        let mut all = held(common)?;
        all.sort_by(|a, b| {
            let key =
                |it: &Held| (it.accepted.expires, it.target.clone(), it.accepted.subject.clone());
            key(a).cmp(&key(b))
        });
        let any_expired = all.iter().any(|it| it.accepted.expires < today);
        if expired {
            all.retain(|it| it.accepted.expires < today);
        }
        print(&match format {
            Format::Json => super::pretty(&json!({
                "schema": "portcullis/residuals",
                "version": 1,
                "today": today,
                "residuals": all.iter().map(|it| it.json(today)).collect::<Vec<_>>(),
            }))?,
            Format::Text if all.is_empty() => "Nothing is accepted here.\n".to_owned(),
            Format::Text => all.iter().map(|it| it.line(today)).collect(),
        })?;
        Ok(if any_expired { Status::NotMet } else { Status::Fine })
    }
}

fn held(common: &Common) -> Result<Vec<Held>, Failure> {
    let places = common.places()?;
    let mut all = Vec::new();
    for target in records::targets(&places) {
        let Some(folder) = chain::folders(&places.records(&target)).pop() else { continue };
        let read = chain::read(&folder.join("record.json")).map_err(|why| why.to_string());
        let read = read.and_then(|b| Document::parse(&b).map_err(|why| why.to_string()));
        let document = match read {
            Ok(document) => document,
            Err(why) => {
                warn(&format!("warning: `{}` is no record: {why}", folder.display()));
                continue;
            }
        };
        if let Some(doubt) = store::previous(&places, &target).and_then(|it| it.doubt) {
            warn(&format!(
                "warning: what record {} accepts does not count: {doubt}",
                document.change
            ));
        }
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let signed = document.says_signed();
        all.extend(document.residuals.into_iter().filter(|it| it.holds).map(|accepted| Held {
            target: target.clone(),
            folder: name.clone(),
            change: document.change.clone(),
            signed,
            accepted,
        }));
    }
    Ok(all)
}

impl Held {
    fn state(&self, today: NaiveDate) -> &'static str {
        match (self.accepted.expires - today).num_days() {
            ..0 => "expired",
            0..=crate::residual::RENEW_DAYS => "ends soon",
            _ => "holds",
        }
    }

    fn line(&self, today: NaiveDate) -> String {
        let it = &self.accepted;
        let subject = it.subject.split('#').next().unwrap_or(&it.subject);
        let unsigned = if self.signed { "" } else { ", UNSIGNED" };
        let line = format!(
            "{:<9} until {}  {subject}: {}  ({}, accepted {}; {} record {}{unsigned})",
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
            "residual": self.accepted,
        })
    }
}
