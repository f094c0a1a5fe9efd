//! A record as one file, on its way to somebody else.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde::Serialize;

use crate::record::chain;
use crate::record::said::Said;
use crate::record::statement::Statement;
use crate::record::trust::Trust;
use crate::record::verify::Found;
use crate::shell::chain as on_disk;
use crate::shell::chain::StatementFile;
use crate::shell::records::about;
use crate::shell::store;
use crate::shell::store::StoreError;

/// The one file that goes to somebody else: all of a record, its bytes as they were signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bundle {
    /// Always `portcullis/export`.
    pub schema: String,
    /// The version of the shape.
    pub version: u32,
    /// The name of the record's folder.
    pub folder: String,
    /// The text of `record.json`.
    pub record: String,
    /// The text of `record.json.sig`, where it is signed.
    pub signature: Option<String>,
    /// The texts of further signatures, by the name of their file.
    pub countersignatures: BTreeMap<String, String>,
    /// The texts of the files beside it.
    pub files: BTreeMap<String, String>,
    /// What was said about it later, by the name of the file.
    #[serde(default)]
    pub statements: BTreeMap<String, Stated>,
}

/// A statement in an exported file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stated {
    /// Its text.
    pub text: String,
    /// The text of its signature, where it is signed.
    pub signature: Option<String>,
}

/// The schema an exported file names.
const BUNDLE: &str = "portcullis/export";

impl Bundle {
    /// Gathers a record into one file.
    ///
    /// # Errors
    ///
    /// When a file of it cannot be read as text.
    pub fn gather(folder: &Path, found: &Found) -> Result<Self, StoreError> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let files = found.files.keys().map(|path| {
            let content = store::read_text(&folder.join(path))?;
            Ok((path.clone(), content))
        });
        let dir = folder.parent().unwrap_or(folder);
        let about = |file: &StatementFile| {
            file.statement.as_ref().is_some_and(|statement| statement.record == found.sha256)
        };
        let statements = on_disk::statements(dir).into_iter().filter(about).map(|file| {
            let signature = file.signature.as_deref().map(text);
            (file.name, Stated { text: text(&file.bytes), signature })
        });
        Ok(Self {
            schema: BUNDLE.to_owned(),
            version: 1,
            folder: found.folder.clone(),
            record: text(&found.json),
            signature: found.signature.as_deref().map(text),
            countersignatures: (found.countersignatures.iter())
                .map(|(file, bytes)| (file.clone(), text(bytes)))
                .collect(),
            files: files.collect::<Result<_, StoreError>>()?,
            statements: statements.collect(),
        })
    }

    /// Reads an exported file; none where it is something else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bundle: Self = serde_json::from_str(text).ok()?;
        (bundle.schema == BUNDLE && bundle.version == 1).then_some(bundle)
    }

    /// Returns the record in it.
    #[must_use]
    pub fn found(&self) -> Found {
        let files = self.files.iter();
        let others = self.countersignatures.iter();
        let signature = self.signature.clone().map(String::into_bytes);
        let record = self.record.clone().into_bytes();
        Found {
            countersignatures: others.map(|(f, t)| (f.clone(), t.clone().into_bytes())).collect(),
            files: files.map(|(p, t)| (p.clone(), chain::digest(t.as_bytes()))).collect(),
            ..Found::new(self.folder.clone(), record, signature)
        }
    }

    /// Judges what was said about it later, as far as the file holds it.
    #[must_use]
    pub fn said(&self, found: &Found, trust: Trust<'_>) -> Vec<Said> {
        let files: Vec<StatementFile> = (self.statements.iter())
            .map(|(name, stated)| StatementFile {
                name: name.clone(),
                bytes: stated.text.clone().into_bytes(),
                signature: stated.signature.clone().map(String::into_bytes),
                statement: Statement::parse(stated.text.as_bytes()),
            })
            .collect();
        about(&files, found, trust)
    }
}
