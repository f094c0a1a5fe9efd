//! The operator's own files with a patch merged in, every byte outside the touched values kept.
//!
//! What OpenClaw's own writer would do to the values is done to the texts: comments, order,
//! quotes, spacing and line ends stay, and references to the environment stay references. An
//! `$include` is followed to the file that holds the key. The files are then read again as the
//! live ones are; unless the config they make is the live one with the patch merged in, there is
//! no result.

use std::path::Path;
use std::path::PathBuf;

use serde_json::Value;

use crate::json5::Document;
use crate::json5::EditError;
use crate::json5::Touched;
use crate::json5::edit;
use crate::json5::same;
use crate::openclaw::config::Assembled;
use crate::openclaw::config::Config;
use crate::openclaw::config::ConfigError;
use crate::openclaw::config::FileRead;
use crate::openclaw::config::Files;
use crate::openclaw::config::assemble_within;
use crate::openclaw::config::dotted;
use crate::openclaw::config::include::KEY;
use crate::openclaw::config::include::holds;
use crate::openclaw::config::merge::BLOCKED;
use crate::openclaw::config::owners;
use crate::openclaw::config::owners::Texts;
use crate::openclaw::patch;

/// A file of a config with its part of a patch merged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergedFile {
    /// The file, as the config names it.
    pub path: PathBuf,
    /// The bytes that were read.
    pub before: Vec<u8>,
    /// The new text; the operator's secrets stand in it as they stood.
    pub text: String,
    /// What was touched; empty where nothing of the patch belongs into this file.
    pub touched: Vec<Touched>,
}

/// Why a patch is not merged into the operator's files.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// The config cannot be put together.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The patch has a key that OpenClaw takes for something else than a setting.
    #[error("the patch has a key `{0}`, which is no setting")]
    Key(&'static str),
    /// A file cannot be edited.
    #[error("`{}` cannot be edited: {why}", file.display())]
    Edit {
        /// The file.
        file: PathBuf,
        /// Why.
        why: EditError,
    },
    /// A file is included at several places that the patch treats differently.
    #[error(
        "`{}` is included at {places} places, and what the patch changes at one of them would \
         change at `{path}` too", file.display()
    )]
    Shared {
        /// The file.
        file: PathBuf,
        /// How often it is included.
        places: usize,
        /// What would change too.
        path: String,
    },
    /// The files would make another config.
    #[error("the merged files would not say at `{0}` what the patch does")]
    Value(String),
}

impl MergeError {
    /// Returns what can be done about it, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Config(error) => error.hint(),
            Self::Shared { .. } => Some(
                "give each place a file of its own, or write the value beside the `$include` of \
                 the one that differs",
            ),
            Self::Key(_) | Self::Edit { .. } | Self::Value(_) => None,
        }
    }
}

/// Merges a patch into the files of a config: the first file first, then the included ones.
///
/// # Errors
///
/// When the config cannot be put together from the files, or the result is in doubt.
pub fn merged(
    root: &Path,
    files: &Files,
    roots: &[PathBuf],
    patch: &Value,
) -> Result<Vec<MergedFile>, MergeError> {
    if let Some(key) = [KEY].into_iter().chain(BLOCKED).find(|key| holds(patch, key)) {
        return Err(MergeError::Key(key));
    }
    let config = complete(root, files, roots)?;
    let mut after = config.value.clone();
    patch::merge(&mut after, patch);

    let read = config.files.iter().filter_map(|file| match files.get(file) {
        Some(FileRead::Bytes(bytes)) => Some((file, bytes)),
        Some(FileRead::Unreadable(_)) | None => None,
    });
    let read: Vec<(&PathBuf, &Vec<u8>)> = read.collect();
    let mut texts = Texts::new();
    for (file, bytes) in &read {
        let document = Document::parse(bytes)
            .map_err(|why| ConfigError::Syntax { file: (*file).clone(), why })?;
        texts.insert((*file).clone(), document.value);
    }
    let wanted = owners::divide(root, &texts, &config.value, &after);

    let mut all = Vec::new();
    let mut again = files.clone();
    for (file, bytes) in read {
        let wanted = wanted.get(file).unwrap_or(&Value::Null);
        let edited =
            edit(bytes, wanted).map_err(|why| MergeError::Edit { file: file.clone(), why })?;
        again.insert(file.clone(), FileRead::Bytes(edited.text.clone().into_bytes()));
        all.push(MergedFile {
            path: file.clone(),
            before: bytes.clone(),
            text: edited.text,
            touched: edited.touched,
        });
    }
    let merged = complete(root, &again, roots)?;
    match difference(&merged.value, &after, &mut Vec::new()) {
        None => Ok(all),
        Some(at) => Err(doubt(&texts, &all, &at)),
    }
}

fn complete(path: &Path, files: &Files, roots: &[PathBuf]) -> Result<Box<Config>, ConfigError> {
    match assemble_within(path, files, roots)? {
        Assembled::Complete(config) => Ok(config),
        Assembled::Needs(file) => {
            Err(ConfigError::File { file, why: super::Unreadable::Missing, included: None })
        }
    }
}

/// Says why files make another config than they shall.
fn doubt(texts: &Texts, all: &[MergedFile], path: &[String]) -> MergeError {
    let counts = owners::included(texts);
    let changed = all.iter().filter(|file| !file.touched.is_empty());
    let shared = changed.map(|file| (file, counts.get(&file.path).copied().unwrap_or(0)));
    match shared.into_iter().find(|(_, places)| *places > 1) {
        Some((file, places)) => {
            MergeError::Shared { file: file.path.clone(), places, path: dotted(path) }
        }
        None => MergeError::Value(dotted(path)),
    }
}

/// Returns the path of the first value in which two values differ.
fn difference(a: &Value, b: &Value, path: &mut Vec<String>) -> Option<Vec<String>> {
    if same(a, b) {
        return None;
    }
    if let (Value::Object(a), Value::Object(b)) = (a, b) {
        for key in a.keys().chain(b.keys()) {
            path.push(key.clone());
            let found = match (a.get(key), b.get(key)) {
                (Some(a), Some(b)) => difference(a, b, path),
                _ => Some(path.clone()),
            };
            if found.is_some() {
                return found;
            }
            path.pop();
        }
    }
    Some(path.clone())
}

#[cfg(test)]
#[path = "merged/tests.rs"]
mod tests;
