//! `portcullis records`: what was sealed, and whether it still stands.

mod countersign;
mod export;
mod page;
mod verify;
mod withdraw;

use std::path::Path;
use std::path::PathBuf;

use clap::Args;
use clap::Subcommand;
use serde_json::json;

use crate::cli::Common;
use crate::cli::Failure;
use crate::cli::Format;
use crate::cli::Status;
use crate::cli::print;
use crate::cli::warn;
use crate::record::said::Said;
use crate::record::trust::Trust;
use crate::record::verify::Found;
use crate::shell::records;
use crate::shell::records::Believed;
use crate::shell::records::BelievedError;
use crate::shell::records::Bundle;
use crate::shell::records::Entry;
use crate::shell::records::Unreadable;
use crate::shell::store;
use crate::text::Shown;

/// What is done with records.
#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// List the records there are, the newest first
    List {
        /// How it is printed
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
    },
    /// Print a record as it reads for people
    Show {
        /// The change, the folder, the start of the digest, or a file
        id: String,
    },
    /// Verify records: their signatures, their chain, their residuals, their evidence
    Verify(verify::Verify),
    /// Print a record as Markdown, as one HTML page, or as one JSON file for somebody else
    Export(export::Export),
    /// Sign a record that somebody else has sealed
    Countersign(countersign::Countersign),
    /// Say that a record counts no more
    Revoke(withdraw::Revoke),
    /// Say that another record stands in the place of one
    Supersede(withdraw::Supersede),
    /// Check and explain the policy: who must sign which records
    Policy {
        /// The file; without it, policy.toml in the config folder
        file: Option<PathBuf>,
    },
}

/// Who is believed.
#[derive(Clone, Debug, Args)]
struct Trusted {
    /// The list of those who may sign, as OpenSSH reads it
    #[arg(long, value_name = "FILE")]
    allowed_signers: Option<PathBuf>,
    /// Public keys that count no more, one a line
    #[arg(long, value_name = "FILE")]
    revoked_keys: Option<PathBuf>,
}

impl Trusted {
    fn read(&self, common: &Common) -> Result<Believed, Failure> {
        common.believed_by(self.allowed_signers.as_deref(), self.revoked_keys.as_deref())
    }
}

impl Action {
    pub(super) fn run(self, common: &Common) -> Result<Status, Failure> {
        match self {
            Self::List { format } => list(common, format),
            Self::Show { id } => {
                let (place, mut found) = find(common, &id)?;
                let believed = common.believed()?;
                found.said = place.said(&found, believed.trust());
                print(page::markdown(&place, &found, believed.trust())?.as_str())?;
                Ok(Status::Fine)
            }
            Self::Verify(verify) => verify.run(common),
            Self::Export(export) => export.run(common),
            Self::Countersign(countersign) => countersign.run(common),
            Self::Revoke(revoke) => revoke.run(common),
            Self::Supersede(supersede) => supersede.run(common),
            Self::Policy { file } => policy(common, file),
        }
    }
}

/// Where a record was found.
#[derive(Clone, Debug)]
enum Place {
    /// In a folder; with the target where that is one of ours.
    Folder(PathBuf, Option<String>),
    /// In an exported file.
    File(PathBuf, Box<Bundle>),
}

impl Place {
    /// Reads what was said later about the record that was found there, and judges it.
    fn said(&self, found: &Found, trust: Trust<'_>) -> Vec<Said> {
        match self {
            Self::Folder(folder, _) => {
                let dir = folder.parent().unwrap_or(Path::new("."));
                records::said(dir, found, trust)
            }
            Self::File(_, bundle) => bundle.said(found, trust),
        }
    }
}

fn list(common: &Common, format: Format) -> Result<Status, Failure> {
    let places = common.places()?;
    let (entries, unreadable) = records::list(&places);
    for Unreadable { folder, why } in &unreadable {
        warn(&format!("warning: `{}` is no record: {why}", folder.display()));
    }
    let withdrawn = records::withdrawn(&places, &common.believed()?);
    let withdrawn = |entry: &Entry| withdrawn.get(&(entry.target.clone(), entry.folder.clone()));
    let text = match format {
        Format::Json => super::pretty(&json!({
            "schema": "portcullis/records",
            "version": 1,
            "records": entries.iter().map(|entry| json!({
                "target": entry.target,
                "folder": entry.folder,
                "sealed": entry.sealed.to_rfc3339(),
                "change": entry.change,
                "outcome": entry.outcome,
                "pattern": entry.pattern,
                "operator": entry.operator,
                "demo": entry.demo,
                "seq": entry.seq,
                "says_signed": entry.signed,
                "withdrawn": withdrawn(entry),
            })).collect::<Vec<_>>(),
            "unreadable": unreadable.iter().map(|it| json!({
                "folder": it.folder.display().to_string(), "why": it.why,
            })).collect::<Vec<_>>(),
        }))?,
        Format::Text if entries.is_empty() => "No record has been sealed here.\n".to_owned(),
        Format::Text => entries.iter().map(|entry| line(entry, withdrawn(entry))).collect(),
    };
    print(&text)?;
    Ok(if unreadable.is_empty() { Status::Fine } else { Status::NotMet })
}

fn policy(common: &Common, file: Option<PathBuf>) -> Result<Status, Failure> {
    let config = common.places()?.config;
    let own = config.join("policy.toml");
    if file.is_none() && !own.exists() {
        print(&format!("No policy: nothing is demanded. It would stand in {}\n", own.display()))?;
        return Ok(Status::Fine);
    }
    let path = file.unwrap_or(own);
    let policy = records::read_policy(&path, &config).map_err(|error| match error {
        BelievedError::Policy { why, .. } => {
            Failure::not_met(format!("`{}` is no policy", path.display())).because(why)
        }
        other => Failure::unreadable("the policy cannot be read").because(other),
    })?;
    print(
        &policy.lines().iter().map(|line| format!("{}\n", Shown::line(line))).collect::<String>(),
    )?;
    Ok(Status::Fine)
}

/// Writes one line of the list; times are those of this place.
fn line(entry: &Entry, withdrawn: Option<&Said>) -> String {
    let at = entry.sealed.with_timezone(&chrono::Local).format("%Y-%m-%d %H:%M:%S %:z");
    let seq = entry.seq.map_or_else(|| "-".to_owned(), |seq| seq.to_string());
    let signed = if entry.signed { "signed" } else { "UNSIGNED" };
    let demo = if entry.demo { "  DEMO" } else { "" };
    let withdrawn = withdrawn.map(|said| format!("  {}", records::word(said))).unwrap_or_default();
    let pattern = entry.pattern.as_deref().unwrap_or("no pattern");
    let line = format!(
        "{at}  {:<4}  {:<11} {signed:<8}  {}#{seq}  {pattern}  {}{demo}{withdrawn}",
        entry.change, entry.outcome, entry.target, entry.operator
    );
    format!("{}\n", Shown::line(&line))
}

/// Finds the record that is meant: by a path, a change, a folder, or the start of its digest.
fn find(common: &Common, id: &str) -> Result<(Place, Found), Failure> {
    let path = Path::new(id);
    let unreadable = |error| Failure::unreadable(format!("`{id}` cannot be read")).because(error);
    if path.join("record.json").is_file() {
        let target = own_target(common, path)?;
        let found = records::found(path).map_err(unreadable)?;
        return Ok((Place::Folder(path.to_owned(), target), found));
    }
    if path.is_file() {
        let text = store::read_text(path).map_err(unreadable)?;
        let bundle = Bundle::parse(&text).ok_or_else(|| {
            Failure::unreadable(format!("`{id}` is no exported record"))
                .hint("`portcullis records export ID --format json` makes one")
        })?;
        let found = bundle.found();
        return Ok((Place::File(path.to_owned(), Box::new(bundle)), found));
    }
    let places = common.places()?;
    let (entries, _) = records::list(&places);
    let folder = |entry: &Entry| places.records(&entry.target).join(&entry.folder);
    let named = |entry: &&Entry| entry.change.eq_ignore_ascii_case(id) || entry.folder == id;
    let mut meant: Vec<&Entry> = entries.iter().filter(named).collect();
    if meant.is_empty() && id.len() >= SHORTEST && id.bytes().all(|b| b.is_ascii_hexdigit()) {
        let digest = |entry: &&Entry| {
            store::read_text(&folder(entry).join("record.json")).is_ok_and(|text| {
                crate::record::chain::digest(text.as_bytes()).starts_with(&id.to_lowercase())
            })
        };
        meant = entries.iter().filter(digest).collect();
    }
    match meant.as_slice() {
        [] => Err(Failure::unreadable(format!("there is no record `{id}`"))
            .hint("`portcullis records list` shows the ones there are")),
        [entry] => {
            let folder = folder(entry);
            let found = records::found(&folder).map_err(unreadable)?;
            Ok((Place::Folder(folder, Some(entry.target.clone())), found))
        }
        several => {
            let folders: Vec<&str> = several.iter().map(|entry| entry.folder.as_str()).collect();
            Err(Failure::unreadable(format!("several records are called `{id}`"))
                .hint(format!("name one of {}", folders.join(", "))))
        }
    }
}

/// The shortest start of a digest that names a record.
const SHORTEST: usize = 6;

/// Returns the target of a folder that stands among our records.
fn own_target(common: &Common, folder: &Path) -> Result<Option<String>, Failure> {
    let records = common.places()?.data.join("records");
    let Ok(folder) = folder.canonicalize() else { return Ok(None) };
    let Ok(records) = records.canonicalize() else { return Ok(None) };
    let Ok(below) = folder.strip_prefix(&records) else { return Ok(None) };
    Ok(below.parent().map(|target| target.display().to_string()).filter(|t| !t.is_empty()))
}
