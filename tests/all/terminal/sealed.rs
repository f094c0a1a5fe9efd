//! A sealed record on disk, looked at as a reviewer without the program would.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use serde_json::Value;
use sha2::Digest;
use sha2::Sha256;

use crate::terminal::harness::Left;

/// A record on disk.
pub(crate) struct Sealed {
    pub(crate) folder: PathBuf,
    pub(crate) document: Value,
    pub(crate) page: String,
}

impl Sealed {
    /// Finds the record that the program's last words name, and checks every digest in it.
    #[track_caller]
    pub(crate) fn named_by(left: &Left) -> Self {
        let words = left.screen.replace('\n', "");
        let (_, rest) = words.split_once("Record: ").expect("the last words name the record");
        let (folder, rest) = rest.split_once("sha256: ").expect("and its digest");
        let folder = PathBuf::from(folder.trim());
        let bytes = fs::read(folder.join("record.json")).expect("record.json");
        assert_eq!(digest(&bytes), rest[..64], "the digest of record.json");
        let document: Value = serde_json::from_slice(&bytes).expect("JSON");
        let page = fs::read_to_string(folder.join("record.md")).expect("record.md");
        let sealed = Self { folder, document, page };
        sealed.lists_every_file();
        sealed
    }

    #[track_caller]
    fn lists_every_file(&self) {
        let mut listed = BTreeSet::from(["record.json".to_owned(), "record.md".to_owned()]);
        for file in self.document["files"].as_array().expect("the list of files") {
            let path = file["path"].as_str().expect("a path");
            let bytes = fs::read(self.folder.join(path)).unwrap_or_else(|e| panic!("{path}: {e}"));
            assert_eq!(file["sha256"], digest(&bytes), "{path}");
            listed.insert(path.to_owned());
        }
        if self.document["signature"] != "unsigned" {
            listed.insert("record.json.sig".to_owned());
        }
        assert_eq!(files(&self.folder, &self.folder), listed, "every file is listed");
    }

    /// Returns the ids of the blockers of a kind.
    pub(crate) fn blockers(&self, kind: &str) -> Vec<&str> {
        let all = self.document["blockers"].as_array().expect("the list of blockers");
        let of_kind = all.iter().filter(|blocker| blocker["kind"] == kind);
        of_kind.map(|blocker| blocker["id"].as_str().expect("an id")).collect()
    }
}

fn files(root: &Path, dir: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(dir).expect("a folder").map(|entry| entry.expect("an entry").path());
    let name = |path: &Path| path.strip_prefix(root).expect("below").display().to_string();
    entries
        .flat_map(|path| if path.is_dir() { files(root, &path) } else { [name(&path)].into() })
        .collect()
}

fn digest(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}
