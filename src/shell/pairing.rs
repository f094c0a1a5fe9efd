//! The state database read for approvals, without creating or changing a file.
//!
//! `SQLite` creates a log and an index beside a database that it opens for reading, unless it is
//! told that nobody writes (`immutable`) or that the index is only to be read (`readonly_shm`).
//! Which of the two holds is told by what lies beside the database; where neither does, it is left
//! alone. (<https://sqlite.org/uri.html>, <https://sqlite.org/wal.html#read_only_databases>)
#![expect(clippy::disallowed_methods, reason = "one of the modules that look at the world")]

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::ErrorCode;
use rusqlite::OpenFlags;
use rusqlite::Row;

use crate::openclaw::facts::Approvals;
use crate::openclaw::facts::Device;
use crate::openclaw::facts::Pairing;
use crate::openclaw::facts::Sender;

/// The database, from the state directory.
const DATABASE: &str = "state/openclaw.sqlite";

/// The largest database that is looked into.
const MAX_BYTES: u64 = 1 << 30;

/// How many approvals of a kind are read.
const MAX_ROWS: u32 = 10_000;

/// How long another program's lock is waited for.
const PATIENCE: Duration = Duration::from_millis(250);

const SENDERS: &str = "SELECT channel_key, account_id, entry FROM channel_pairing_allow_entries \
                       ORDER BY channel_key, account_id, entry LIMIT ?1";

const DEVICES: &str = "SELECT COALESCE(NULLIF(operator_label, ''), NULLIF(display_name, ''), \
                       NULLIF(client_id, ''), 'unnamed'), NULLIF(role, '') \
                       FROM device_pairing_paired ORDER BY approved_at_ms, device_id LIMIT ?1";

/// Reads the approvals of a state directory.
#[must_use]
pub(super) fn read(state_dir: &Path) -> Pairing {
    let database = state_dir.join(DATABASE);
    // Once more where a gateway wrote meanwhile.
    for _ in 0..2 {
        let before = match Beside::look(&database) {
            Ok(beside) => beside,
            Err(why) => return Pairing::Unread(why),
        };
        let way = match before.way() {
            Ok(way) => way,
            Err(why) => return Pairing::Unread(why),
        };
        let read = approvals(&database, way);
        // Locks keep a shared one as it is while it is read; a still one may have changed.
        if way == Way::Shared || Beside::look(&database).as_ref() == Ok(&before) {
            return read.map_or_else(Pairing::Unread, Pairing::Read);
        }
    }
    Pairing::Unread("it is being written".to_owned())
}

/// How a database can be read without a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Nobody writes, so that no lock is needed.
    Still,
    /// Beside a running gateway, through the index it keeps.
    Shared,
}

/// The size, moment of change and number of a file; none where there is none.
type Stamp = Option<(u64, i64, i64, u64)>;

/// A database and what lies beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Beside {
    database: Stamp,
    log: Stamp,
    /// Whether the index of the log is there.
    index: bool,
    journal: Stamp,
}

impl Beside {
    fn look(database: &Path) -> Result<Self, String> {
        let looked = fs::metadata(database).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => "there is none in this state directory".to_owned(),
            _ => error.to_string(),
        })?;
        if !looked.is_file() {
            return Err("it is no regular file".to_owned());
        }
        if looked.len() > MAX_BYTES {
            return Err(format!("it has more than {} MB", MAX_BYTES >> 20));
        }
        let beside = |end: &str| fs::metadata(with_end(database, end));
        let stamp = |end: &str| beside(end).ok().as_ref().map(stamp);
        Ok(Self {
            database: Some(self::stamp(&looked)),
            log: stamp("-wal"),
            index: beside("-shm").is_ok_and(|index| index.is_file()),
            journal: stamp("-journal"),
        })
    }

    fn way(&self) -> Result<Way, String> {
        let holds = |stamp: &Stamp| stamp.is_some_and(|(length, ..)| length > 0);
        if holds(&self.journal) {
            return Err("a write of it was not finished".to_owned());
        }
        match (holds(&self.log), self.index) {
            (false, _) => Ok(Way::Still),
            (true, true) => Ok(Way::Shared),
            (true, false) => Err("its log has no index".to_owned()),
        }
    }
}

fn stamp(metadata: &fs::Metadata) -> (u64, i64, i64, u64) {
    (metadata.len(), metadata.mtime(), metadata.mtime_nsec(), metadata.ino())
}

fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

fn approvals(database: &Path, way: Way) -> Result<Approvals, String> {
    let end = match way {
        Way::Still => "?mode=ro&immutable=1",
        Way::Shared => "?mode=ro&readonly_shm=1",
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = Connection::open_with_flags(format!("file:{}{end}", escaped(database)), flags);
    let opened = opened.map_err(|error| said(&error))?;
    read_all(&opened).map_err(|error| said(&error))
}

fn read_all(database: &Connection) -> rusqlite::Result<Approvals> {
    database.busy_timeout(PATIENCE)?;
    database.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA query_only = ON;")?;
    let sender =
        |row: &Row<'_>| Ok(Sender { channel: row.get(0)?, account: row.get(1)?, id: row.get(2)? });
    let device = |row: &Row<'_>| Ok(Device { name: row.get(0)?, role: row.get(1)? });
    Ok(Approvals {
        senders: rows(database, SENDERS, sender)?,
        devices: rows(database, DEVICES, device)?,
    })
}

fn rows<T>(
    database: &Connection,
    query: &str,
    read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    let mut statement = database.prepare(query)?;
    let rows: Vec<T> = statement.query_map([MAX_ROWS + 1], read)?.collect::<Result<_, _>>()?;
    if rows.len() > MAX_ROWS as usize { Err(rusqlite::Error::InvalidQuery) } else { Ok(rows) }
}

/// Says why, in words that hold nothing of what the database holds.
fn said(error: &rusqlite::Error) -> String {
    let why = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => "another program holds it",
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => "it is damaged",
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => "it cannot be opened",
        Some(ErrorCode::Unknown) => "it has no table of approvals as OpenClaw 2026.9.6 keeps it",
        Some(_) => "it cannot be read",
        None if matches!(error, rusqlite::Error::InvalidQuery) => "it holds too many approvals",
        None => "it holds something else than approvals",
    };
    why.to_owned()
}

/// Writes a path as part of a URI.
fn escaped(path: &Path) -> String {
    let mut text = String::new();
    for &byte in path.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'-' | b'_' | b'~') {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}
