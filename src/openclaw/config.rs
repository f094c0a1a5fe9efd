//! The live config: every file of it, merged as OpenClaw merges them, each value with its place.
//!
//! Reading is pure. [`assemble`] takes the files read so far and either answers with the config
//! or names the next file it needs; the shell reads that file and asks again.

mod error;
mod include;
mod locate;
mod merge;
mod merged;
mod owners;

use std::collections::BTreeMap;
use std::io::BufWriter;
use std::path::Path;
use std::path::PathBuf;

use serde_json::Value;
use sha2::Digest;
use sha2::Sha256;

use crate::json5::Duplicate;
use crate::json5::Places;
use crate::openclaw::config::include::Reader;
use crate::openclaw::config::include::Stop;
use crate::openclaw::config::merge::Spot;
use crate::openclaw::secret;
use crate::text::Mask;
use crate::text::Shown;
use crate::text::count;

pub use crate::openclaw::config::error::ConfigError;
pub use crate::openclaw::config::error::IncludeError;
pub use crate::openclaw::config::error::Unreadable;
pub use crate::openclaw::config::locate::LocateError;
pub use crate::openclaw::config::locate::Located;
pub use crate::openclaw::config::locate::Location;
pub use crate::openclaw::config::locate::Why;
pub use crate::openclaw::config::locate::include_roots;
pub use crate::openclaw::config::locate::locate;
pub use crate::openclaw::config::merged::MergeError;
pub use crate::openclaw::config::merged::MergedFile;
pub use crate::openclaw::config::merged::merged;

/// How many warnings of one kind are given one by one.
const WARNINGS: usize = 20;

/// The key by which JavaScript reaches an object's prototype.
const PROTOTYPE: &str = "__proto__";

/// What the shell found when it read a file.
#[derive(Clone, Debug, PartialEq)]
pub enum FileRead {
    /// The bytes of a regular file.
    Bytes(Vec<u8>),
    /// Why there are none.
    Unreadable(Unreadable),
}

/// The files read so far, by path as named.
pub type Files = BTreeMap<PathBuf, FileRead>;

/// What reading came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Assembled {
    /// The whole config.
    Complete(Box<Config>),
    /// A file that must be read first.
    Needs(PathBuf),
}

/// A place in a config file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

/// An include that was followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Include {
    /// Where what it holds stands in the merged config; empty for the whole of it.
    pub path: Vec<String>,
    /// The file that includes.
    pub written: PathBuf,
    /// The files it names.
    pub files: Vec<PathBuf>,
    /// Whether it names them in a list, whose parts are merged.
    pub list: bool,
    /// Whether keys stand beside it, which go over what is included.
    pub beside: bool,
}

/// The live config, merged.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The file OpenClaw starts from.
    pub path: PathBuf,
    /// Every file that was read, the first one first.
    pub files: Vec<PathBuf>,
    /// Every include that was followed, inner ones first.
    pub includes: Vec<Include>,
    /// The merged value, references to the environment as written.
    pub value: Value,
    /// How many comments the files hold, which OpenClaw's own writer would strip.
    pub comments: usize,
    /// What is odd but does not stop reading, such as a key that stands twice.
    pub warnings: Vec<String>,
    /// SHA-256, in hex, over the names of the files below the config's folder and the merged value
    /// as JSON, every secret replaced by what it is worth: a new token does not change it, a
    /// placeholder made a token does; comments and spacing do not.
    pub digest: String,
    /// The names of the files, below the config's folder where they lie there, and the SHA-256 of
    /// each, in hex.
    pub sums: Vec<(String, String)>,
    /// The secrets that stand in the value, with their paths, in its order.
    pub(crate) secrets: Vec<secret::Found>,
    places: Places<Spot>,
}

/// Puts a config together from its files, includes below the config's folder only.
///
/// The path is absolute.
///
/// # Errors
///
/// When a file cannot be read or is not JSON5, or an include is not one OpenClaw accepts.
pub fn assemble(path: &Path, files: &Files) -> Result<Assembled, ConfigError> {
    assemble_within(path, files, &[])
}

/// Puts a config together from its files, includes also below other folders.
///
/// # Errors
///
/// Those of [`assemble`].
pub fn assemble_within(
    path: &Path,
    files: &Files,
    roots: &[PathBuf],
) -> Result<Assembled, ConfigError> {
    let mut reader = Reader::new(path, files, roots);
    match reader.root() {
        Ok((value, places)) => {
            Ok(Assembled::Complete(Box::new(complete(path, reader, value, places))))
        }
        Err(Stop::Needs(path)) => Ok(Assembled::Needs(path)),
        Err(Stop::Wrong(error)) => Err(*error),
    }
}

fn complete(path: &Path, reader: Reader, value: Value, places: Places<Spot>) -> Config {
    let mut warnings = Vec::new();
    for (file, document) in &reader.read {
        warnings.extend(duplicates(path, file, &document.duplicates));
    }
    let (digest, secrets) = digest(path, &reader.read, &value);
    let sums = reader.read.iter().map(|(file, _)| (short(path, file), reader.sum(file))).collect();
    let mut odd = Vec::new();
    if include::holds(&value, PROTOTYPE) {
        prototypes(&value, &mut Vec::new(), &mut odd);
    }
    warnings.append(&mut odd);
    Config {
        path: path.to_owned(),
        digest,
        comments: reader.read.iter().map(|(_, read)| read.comments).sum(),
        files: reader.read.into_iter().map(|(file, _)| file).collect(),
        includes: reader.followed,
        value,
        warnings,
        sums,
        secrets,
        places,
    }
}

/// Warns of the keys that stand twice in a file.
fn duplicates(root: &Path, file: &Path, found: &[Duplicate]) -> Vec<String> {
    let name = short(root, file);
    let mut warnings: Vec<String> = found
        .iter()
        .take(WARNINGS)
        .map(|twice| {
            format!(
                "`{}` stands twice in {name}, at line {} and line {}; the last one counts",
                dotted(&twice.path),
                twice.first.line,
                twice.last.line
            )
        })
        .collect();
    if let Some(more @ 1..) = found.len().checked_sub(WARNINGS) {
        let more = count(more, "key");
        warnings.push(format!("{more} more in {name} repeated; the last one counts"));
    }
    warnings
}

/// Warns of keys by which JavaScript reaches the prototype of an object.
fn prototypes(value: &Value, path: &mut Vec<String>, warnings: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                path.push(key.clone());
                if key == PROTOTYPE && warnings.len() < WARNINGS {
                    let path = dotted(path);
                    warnings.push(format!(
                        "`{path}` is a name that OpenClaw may read as the object's prototype"
                    ));
                }
                prototypes(member, path, warnings);
                path.pop();
            }
        }
        Value::Array(elements) => {
            for (at, element) in elements.iter().enumerate() {
                path.push(at.to_string());
                prototypes(element, path, warnings);
                path.pop();
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Returns the digest of a config, and the secrets that it leaves out.
fn digest(
    path: &Path,
    read: &[(PathBuf, include::Read)],
    value: &Value,
) -> (String, Vec<secret::Found>) {
    let mut hash = Sha256::new();
    for (file, _) in read {
        hash.update(short(path, file).as_bytes());
        hash.update([0]);
    }
    let secrets = secret::classified(value, BufWriter::new(&mut hash));
    (format!("{:x}", hash.finalize()), secrets)
}

/// Returns a file's name below the config's folder.
fn short(root: &Path, file: &Path) -> String {
    let folder = root.parent().unwrap_or(Path::new(""));
    let name = file.strip_prefix(folder).unwrap_or(file);
    name.to_string_lossy().into_owned()
}

/// Writes a path with dots, its keys bounded and safe to show.
fn dotted(path: &[String]) -> String {
    let keys = path.iter().map(|key| {
        let shown = Shown::line(key).cut(60).into_string();
        let plain = !key.is_empty() && !key.contains(['.', ' ', '"', '[']);
        if plain { shown } else { format!("[\"{shown}\"]") }
    });
    keys.collect::<Vec<_>>().join(".").replace(".[", "[")
}

impl Config {
    /// Returns the value at a path, where there is one; elements of arrays are named by index.
    #[must_use]
    pub fn get(&self, path: &[&str]) -> Option<&Value> {
        path.iter().try_fold(&self.value, |value, key| match value {
            Value::Object(members) => members.get(*key),
            Value::Array(elements) => elements.get(key.parse::<usize>().ok()?),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
        })
    }

    /// Returns a mask over every secret that stands in it.
    #[must_use]
    pub fn mask(&self) -> Mask {
        Mask::new(self.secrets.iter().map(|(_, secret)| secret))
    }

    /// Returns the number of the file, and the line, in which the value at a path is written.
    pub(crate) fn line(&self, path: &[&str]) -> Option<(usize, usize)> {
        let spot = self.places.get(path)?.at;
        Some((spot.file, spot.at.line))
    }

    /// Returns where the value at a path is written.
    #[must_use]
    pub fn place(&self, path: &[&str]) -> Option<Place> {
        let spot = self.places.get(path)?.at;
        Some(Place {
            file: self.files.get(spot.file)?.clone(),
            line: spot.at.line,
            column: spot.at.column,
        })
    }
}

#[cfg(test)]
#[path = "config/tests.rs"]
mod tests;
