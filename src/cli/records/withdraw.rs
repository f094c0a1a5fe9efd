//! `portcullis records revoke` and `supersede`: a sealed record counts no more. It stays as it is;
//! what is said about it stands beside it.

use clap::Args;

use crate::cli::Common;
use crate::cli::Failure;
use crate::cli::Status;
use crate::cli::print;
use crate::cli::records::Place;
use crate::cli::records::find;
use crate::cli::signing::Voice;
use crate::cli::signing::masked;
use crate::record::said;
use crate::record::statement::Deed;
use crate::record::statement::Named;
use crate::record::verify::Found;

/// Says that a record counts no more.
#[derive(Debug, Args)]
pub(in crate::cli) struct Revoke {
    /// The change, the folder, or the start of the digest
    id: String,
    /// Why it counts no more
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    voice: Voice,
}

/// Says that another record stands in the place of one.
#[derive(Debug, Args)]
pub(in crate::cli) struct Supersede {
    /// The change, the folder, or the start of the digest
    id: String,
    /// The record that stands in its place, of the same gateway
    #[arg(long, value_name = "ID")]
    by: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    voice: Voice,
}

impl Revoke {
    pub(super) fn run(self, common: &Common) -> Result<Status, Failure> {
        let (target, found) = standing(common, &self.id)?;
        let deed = Deed::Revoke { says: masked(common, &self.reason)? };
        let done = format!("Said to be revoked: {}.", found.folder);
        let status = self.voice.say(common, &target, &found, &deed, &done)?;
        let (place, mut found) = find(common, &self.id)?;
        found.said = place.said(&found, common.believed().unwrap_or_default().trust());
        if said::withdrawal(&found.said).is_some() {
            print("What it accepts counts no more.\n")?;
            return Ok(status);
        }
        super::super::warn(
            "warning: nobody who may say so has signed this, so it is a claim and no more\n\
             hint: have someone on allowed_signers revoke the record, or put the key there",
        );
        Ok(status.max(Status::Incomplete))
    }
}

impl Supersede {
    pub(super) fn run(self, common: &Common) -> Result<Status, Failure> {
        let (target, found) = standing(common, &self.id)?;
        let (other, by) = standing(common, &self.by)?;
        if other != target {
            return Err(Failure::not_met(format!("`{}` is about another gateway", self.by))
                .because(format!("`{}` is about {target}, `{}` about {other}", self.id, self.by))
                .hint("revoke it instead"));
        }
        if by.sha256 == found.sha256 {
            return Err(Failure::not_met("a record cannot stand in its own place")
                .hint("`portcullis records list` shows the others"));
        }
        if let Err(why) = &by.document {
            return Err(Failure::not_met(format!("`{}` cannot be read", self.by)).because(why));
        }
        let named = Named { folder: by.folder.clone(), record: by.sha256 };
        let deed = Deed::Supersede { says: masked(common, &self.reason)?, by: named };
        let done = format!("Superseded: {} by {}.", found.folder, by.folder);
        self.voice.say(common, &target, &found, &deed, &done)
    }
}

/// Finds a record of ours that nobody has withdrawn, and its target.
fn standing(common: &Common, id: &str) -> Result<(String, Found), Failure> {
    let (place, mut found) = find(common, id)?;
    // Whom to believe may be unreadable; that a record counts no more can be said all the same.
    let believed = common.believed().unwrap_or_default();
    found.said = place.said(&found, believed.trust());
    let Place::Folder(_, Some(target)) = place else {
        return Err(Failure::unreadable(format!("`{id}` is not among the records kept here"))
            .hint("say it where its chain is; --data-dir names another place"));
    };
    match said::withdrawal(&found.said) {
        None => Ok((target, found)),
        Some(said) => Err(Failure::not_met(format!("`{id}` counts no more as it is"))
            .because(said.line())
            .hint("`portcullis records list` shows the ones that do")),
    }
}
