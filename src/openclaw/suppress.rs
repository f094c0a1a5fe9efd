//! `security.audit.suppressions`: what the config hides from OpenClaw's audit.
//!
//! An entry has no owner and no end, and hides whatever matches it, a critical too. So it is shown
//! as what it is; and where somebody wants one all the same, it is as narrow as OpenClaw allows.

use serde_json::Value;
use serde_json::json;

use crate::openclaw::config::Config;

const PATH: [&str; 3] = ["security", "audit", "suppressions"];

/// An entry as it stands in the config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppression {
    /// The check it hides.
    pub check_id: String,
    /// What else it asks of a finding; empty where it hides every finding of that check.
    pub only: Vec<String>,
    /// Why, where it says so.
    pub reason: Option<String>,
}

/// What one finding is told apart by.
#[derive(Clone, Copy, Debug)]
pub struct Narrow<'a> {
    /// The check.
    pub check_id: &'a str,
    /// OpenClaw's heading.
    pub title: &'a str,
    /// A config path its detail names, where it names any.
    pub path: Option<&'a str>,
}

/// Reads the entries of a config, in its order.
#[must_use]
pub fn of(config: &Config) -> Vec<Suppression> {
    let list = config.get(&PATH).and_then(Value::as_array);
    let entry = |entry: &Value| {
        let text = |key: &str| entry.get(key).and_then(Value::as_str);
        let only = [("title", "titleIncludes"), ("detail", "detailIncludes")];
        let only =
            only.into_iter().filter_map(|(word, key)| Some(format!("{word} \"{}\"", text(key)?)));
        Suppression {
            check_id: text("checkId").unwrap_or("an entry without an id").to_owned(),
            only: only.collect(),
            reason: text("reason").map(str::to_owned),
        }
    };
    list.into_iter().flatten().map(entry).collect()
}

/// Returns the patch that hides one finding and keeps what is hidden already.
///
/// A patch replaces a list as a whole, so the entries there are go into it as they stand.
#[must_use]
pub fn patch(config: Option<&Config>, narrow: Narrow<'_>, reason: &str) -> Value {
    let there = config.and_then(|config| config.get(&PATH)).and_then(Value::as_array);
    let mut entry = json!({
        "checkId": narrow.check_id,
        "titleIncludes": narrow.title,
        "reason": reason,
    });
    if let (Some(path), Value::Object(entry)) = (narrow.path, &mut entry) {
        entry.insert("detailIncludes".to_owned(), path.into());
    }
    let all: Vec<Value> = there.into_iter().flatten().cloned().chain([entry]).collect();
    json!({ "security": { "audit": { "suppressions": all } } })
}
