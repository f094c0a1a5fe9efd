//! `portcullis records export`: a record on its way to somebody else.

use clap::Args;
use clap::ValueEnum;

use crate::cli::Common;
use crate::cli::Failure;
use crate::cli::Status;
use crate::cli::print;
use crate::cli::records::Place;
use crate::cli::records::Trusted;
use crate::cli::records::page;
use crate::record::html;
use crate::record::verify;
use crate::shell;
use crate::shell::records;
use crate::shell::records::Bundle;

/// Prints a record for somebody else.
#[derive(Debug, Args)]
pub(in crate::cli) struct Export {
    /// The change, the folder, the start of the digest, or an exported file
    id: String,
    /// In what form
    #[arg(long, value_enum)]
    format: Form,
    #[command(flatten)]
    trusted: Trusted,
}

/// In what form a record is exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For people
    Md,
    /// One page for a browser or paper
    Html,
    /// One file that can be verified and countersigned elsewhere
    Json,
}

impl Export {
    pub(super) fn run(self, common: &Common) -> Result<Status, Failure> {
        let (place, mut found) = super::find(common, &self.id)?;
        let text = match self.format {
            Form::Md => {
                let believed = self.trusted.read(common)?;
                found.said = place.said(&found, believed.trust());
                page::markdown(&place, &found, believed.trust())?.into_string()
            }
            Form::Html => {
                let believed = self.trusted.read(common)?;
                let now = shell::now();
                let verified = match &place {
                    Place::Folder(folder, Some(target)) => {
                        let verified = records::verify(&common.places()?, target, &believed, now);
                        let own = verified.records.into_iter();
                        own.map(|(f, v)| (f.file_name() == folder.file_name(), v))
                            .find_map(|(own, verified)| own.then_some(verified))
                    }
                    Place::Folder(..) | Place::File(..) => None,
                };
                found.said = place.said(&found, believed.trust());
                let alone = || verify::verify(found.clone(), believed.trust(), now);
                let verified = verified.unwrap_or_else(alone);
                html::page(&found.json, &verified, now).ok_or_else(|| {
                    Failure::unreadable("the record cannot be read")
                        .hint("`portcullis records verify` says why")
                })?
            }
            Form::Json => {
                let bundle = match place {
                    Place::Folder(folder, _) => Bundle::gather(&folder, &found).map_err(|e| {
                        Failure::unreadable("the record cannot be exported").because(e)
                    })?,
                    Place::File(_, bundle) => *bundle,
                };
                super::super::pretty(&bundle)?
            }
        };
        print(&text)?;
        Ok(Status::Fine)
    }
}
