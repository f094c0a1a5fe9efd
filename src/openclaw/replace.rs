//! The shell command by which an operator puts merged files in the place of the live ones.
//!
//! It is for `sh`. It does nothing unless every file is, to the byte, the one that was read or
//! written here. Each new file is made beside the live one and moved over it in one step, with
//! the live one's owner and mode, so that the gateway never reads half a file and can read the
//! whole one; links are resolved before, so that they stay.

use std::path::Path;
use std::path::PathBuf;

use sha2::Digest;
use sha2::Sha256;

/// What the new file is called until it is moved over the live one.
const BESIDE: &str = ".portcullis-new";

/// A live file, and the one that takes its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaced {
    /// The live file, without links.
    pub live: PathBuf,
    /// SHA-256 of what it held when it was read, in hex.
    pub live_sha256: String,
    /// What takes its place; nothing where it only must not have changed.
    pub new: Option<New>,
}

/// A file that takes a live one's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct New {
    /// The file, without links.
    pub file: PathBuf,
    /// SHA-256 of what it holds, in hex.
    pub sha256: String,
    /// Where the live file is kept.
    pub backup: PathBuf,
}

/// The commands, each to be pasted into a shell as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commands {
    /// Puts the new files in place, after a backup.
    pub replace: String,
    /// Puts the backups in place again.
    pub undo: String,
}

/// Returns the SHA-256 of bytes, in hex.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

/// Writes the commands; nothing where a path cannot be written in one.
#[must_use]
pub fn commands(files: &[Replaced], digests: &str) -> Option<Commands> {
    let mut checks = Vec::new();
    let (mut backups, mut copies, mut moves) = (Vec::new(), Vec::new(), Vec::new());
    let mut copies_back = Vec::new();
    for file in files {
        let live = quoted(&file.live)?;
        checks.push(format!("{} {live}", file.live_sha256));
        let Some(new) = &file.new else { continue };
        let (merged, backup) = (quoted(&new.file)?, quoted(&new.backup)?);
        checks.push(format!("{} {merged}", new.sha256));
        let mut beside = file.live.clone().into_os_string();
        beside.push(BESIDE);
        let beside = quoted(Path::new(&beside))?;
        backups.push(format!("cp -p {live} {backup} && chmod 600 {backup}"));
        copies.push(format!("cp -p {live} {beside} && cat {merged} > {beside}"));
        copies_back.push(format!("cp -p {live} {beside} && cat {backup} > {beside}"));
        moves.push(format!("mv -f {beside} {live}"));
    }
    let check = format!("printf '%s  %s\\n' \\\n  {} | {digests} -c -", checks.join(" \\\n  "));
    let chain = |steps: Vec<Vec<String>>| {
        let steps: Vec<String> = steps.into_iter().flatten().collect();
        (!steps.is_empty()).then(|| steps.join(" &&\n") + "\n")
    };
    Some(Commands {
        replace: chain(vec![vec![check], backups, copies, moves.clone()])?,
        undo: chain(vec![copies_back, moves])?,
    })
}

/// Quotes a path for `sh`; nothing where a reader of digests would stumble over it.
fn quoted(path: &Path) -> Option<String> {
    let path = path.to_str()?;
    if path.chars().any(char::is_control) || path.contains('\\') {
        return None;
    }
    Some(format!("'{}'", path.replace('\'', "'\\''")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_no_command_can_carry_has_none() {
        let file = |live: &str| Replaced {
            live: live.into(),
            live_sha256: sha256(b""),
            new: Some(New { file: "/n".into(), sha256: sha256(b"x"), backup: "/b".into() }),
        };
        assert!(commands(&[file("/a\nb")], "sha256sum").is_none());
        assert!(commands(&[file("/a\\b")], "sha256sum").is_none());
        let told = commands(&[file("/it's $(here)")], "sha256sum").unwrap();
        assert!(
            told.replace
                .ends_with("mv -f '/it'\\''s $(here).portcullis-new' '/it'\\''s $(here)'\n")
        );
    }
}
