//! The rim: everything that touches the world.
//!
//! Files, processes, threads, the environment, the clock and the terminal are used here and
//! nowhere else; clippy holds the rest of the crate to it.
#![expect(clippy::disallowed_methods, reason = "the one room that performs effects")]

pub mod apply;
pub mod backup;
pub mod brought;
pub mod chain;
pub mod connect;
pub mod copy;
pub mod demo;
pub mod in_turn;
mod installed;
mod keyboard;
pub mod listen;
pub mod live;
pub mod logs;
pub mod others;
mod pairing;
pub mod places;
pub mod prompt;
pub mod records;
pub mod run;
pub mod service;
pub mod sign;
pub mod signals;
pub mod store;
pub mod term;
mod watch;
pub mod wizard;

use std::path::PathBuf;

use chrono::DateTime;
use chrono::FixedOffset;

/// Returns the time, with the offset of this place.
#[must_use]
pub fn now() -> DateTime<FixedOffset> {
    chrono::Local::now().fixed_offset()
}

/// Returns an environment variable.
#[must_use]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Returns a path with `~/` at its front taken for the home directory.
#[must_use]
pub fn at_home(path: PathBuf) -> PathBuf {
    let home = std::env::var_os("HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
    match (path.strip_prefix("~"), home) {
        (Ok(below), Some(home)) => home.join(below),
        _ => path,
    }
}
