//! `security.audit.suppressions` beside the residuals: what the config hides, and a narrow entry.

use std::path::PathBuf;

use clap::Args;
use serde_json::Value;
use serde_json::json;

use crate::cli::Common;
use crate::cli::Failure;
use crate::cli::Status;
use crate::cli::print;
use crate::cli::residuals::Which;
use crate::cli::warn;
use crate::cli::wizard;
use crate::openclaw::patch;
use crate::openclaw::suppress;
use crate::openclaw::suppress::Suppression;
use crate::shell;
use crate::shell::store;
use crate::text::Shown;

/// Hides one accepted warning from OpenClaw's own audit.
#[derive(Debug, Args)]
pub(in crate::cli) struct Suppress {
    #[command(flatten)]
    which: Which,
    /// Write to this new file
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Suppress {
    pub(super) fn run(self, common: &Common) -> Result<Status, Failure> {
        let (newest, accepted) = self.which.find(common)?;
        let subject = accepted.subject.clone();
        let not = |why: String| Failure::not_met(format!("`{subject}` is not hidden")).because(why);
        if newest.previous.is_critical(&subject) {
            return Err(not(
                "it is critical, and a critical that nobody sees is the worst of them".to_owned(),
            )
            .hint("it stays accepted in the record, with its evidence"));
        }
        let Some(narrow) = newest.previous.audited(&subject) else {
            return Err(not(
                "OpenClaw's audit hides its own findings only, and this is none".to_owned()
            )
            .hint("an item or a check of the runbook is accepted in the record alone"));
        };
        if accepted.expires < shell::now().date_naive() {
            return Err(not(format!("it expired on {}, so it is open again", accepted.expires)));
        }
        let scene = wizard::scene(common)?;
        if scene.target.id != newest.target {
            return Err(not(format!("the config here is that of {}", scene.target.id))
                .hint("--config or --profile names the gateway that accepted it"));
        }
        let Some(config) = scene.live.config() else {
            return Err(crate::cli::facts::unreadable(&scene.live));
        };
        let (owner, until) = (&accepted.owner, accepted.expires);
        let reason = format!("record {}, {owner}, until {until}", newest.previous.change);
        let made = suppress::patch(Some(config), narrow, &reason);
        let says = format!(
            "Hides one finding from OpenClaw's own audit: {}, accepted by {owner} until {until} in \
             record {}. The config knows no owner and no end: take the entry out on that day. \
             Entries that are there already stay.",
            narrow.check_id, newest.previous.change
        );
        let text = patch::explained(&made, &says, &[]);
        match &self.output {
            None => print(&text)?,
            Some(path) => {
                store::write_new(path, &text).map_err(|error| {
                    Failure::unreadable("the file was not written")
                        .because(error)
                        .hint("name a file that does not exist yet; nothing is overwritten")
                })?;
                let name = path.display().to_string();
                warn(&format!("written to {name}"));
                warn(&format!("hint: {}", patch::apply_command(&scene.gateway, &name)));
            }
        }
        warn(
            "note: the audit then says that something is hidden, and warns of it \
             (security.audit.suppressions.active, config.insecure_or_dangerous_flags); `portcullis \
             check` shows what is hidden all the same",
        );
        Ok(Status::Fine)
    }
}

/// Reads what the config of this gateway hides; nothing where there is no config to be read.
pub(super) fn hidden(common: &Common) -> Vec<Suppression> {
    let scene = wizard::scene(common).ok();
    scene.and_then(|scene| scene.live.config().map(suppress::of)).unwrap_or_default()
}

pub(super) fn line(hidden: &Suppression) -> String {
    let only = if hidden.only.is_empty() {
        "every finding of that id".to_owned()
    } else {
        hidden.only.join(", ")
    };
    let reason = hidden.reason.as_deref().unwrap_or("no reason");
    let id = &hidden.check_id;
    let line =
        format!("no end    until -           {id}: {reason}  (no owner; the config hides {only})");
    format!("{}\n", Shown::line(&line))
}

pub(super) fn json(hidden: &Suppression) -> Value {
    json!({
        "check_id": hidden.check_id,
        "only": hidden.only,
        "reason": hidden.reason,
        "owner": null,
        "expires": null,
        "state": "no end",
    })
}
