//! Which OpenClaw is installed, by the package its program belongs to; nothing is run.

use std::env;
use std::path::Path;

use serde_json::Value;

use crate::shell::store;

/// How many folders above the program its package is looked for.
const NEAR: usize = 4;

/// Returns the version of the `openclaw` that this search path leads to; none where its package
/// cannot be seen, as behind a wrapper script.
#[must_use]
pub(super) fn version(search_path: &str) -> Option<String> {
    let mut found = env::split_paths(search_path).map(|folder| folder.join("openclaw"));
    let program = found.find(|path| path.is_file())?.canonicalize().ok()?;
    program.ancestors().skip(1).take(NEAR).find_map(of_package)
}

fn of_package(folder: &Path) -> Option<String> {
    let text = store::read_text(&folder.join("package.json")).ok()?;
    let package: Value = serde_json::from_str(&text).ok()?;
    let own = package.get("name").and_then(Value::as_str) == Some("openclaw");
    own.then(|| package.get("version")?.as_str().map(str::to_owned))?
}
