//! The state database: read for approvals as OpenClaw keeps it, and left without a trace.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::SystemTime;

use nix::sys::stat::Mode;
use rusqlite::Connection;
use serde_json::Value;
use serde_json::json;

use crate::home::Home;
use crate::openclaw::gateway::Gateway;
use crate::openclaw::gateway::Installed;

const CONFIG: &str = r#"{
  gateway: {
    mode: "local", bind: "loopback", port: PORT,
    auth: { mode: "token", token: "8f3b60c1d27e49a5b0836fd1c27a94e5" },
  },
  channels: {
    telegram: { botToken: "7011223344:AAFnotARealBotTokenForTheTests0001" },
  },
}
"#;

const DATABASE: &str = ".openclaw/state/openclaw.sqlite";

/// What lies in the state directory: names, bytes, modes, moments of change, numbers.
type Trace = Vec<(String, Vec<u8>, u32, SystemTime, u64)>;

fn trace(home: &Home) -> Trace {
    let mut names = home.files(".openclaw");
    let folders = [".openclaw", ".openclaw/state"].map(str::to_owned);
    names.extend(folders.into_iter().filter(|folder| home.file(folder).exists()));
    let looked = names.into_iter().map(|name| {
        let path = home.file(&name);
        let metadata = fs::metadata(&path).expect("a file");
        let bytes = if metadata.is_file() { fs::read(&path).expect("bytes") } else { Vec::new() };
        (name, bytes, metadata.mode(), metadata.modified().expect("a moment"), metadata.ino())
    });
    looked.collect()
}

/// Returns the value, the state and the place of a fact.
#[track_caller]
fn fact(home: &Home, subject: &str, path: &str) -> (Value, Value, Value) {
    let document = home.run("facts --format json").ends(0).json();
    let facts = document["facts"].as_array().expect("facts").iter();
    let mut found = facts.filter(|fact| fact["subject"] == subject && fact["path"] == path);
    let fact = found.next().unwrap_or_else(|| panic!("no fact {path} of {subject}"));
    (fact["value"].clone(), fact["state"].clone(), fact["origin"].clone())
}

/// Checks that a fact could not be read, and why.
#[track_caller]
fn unread(home: &Home, why: &str) {
    let before = trace(home);
    let place = json!({ "host": format!("the state database: {why}") });
    let expected = (Value::Null, json!("hidden"), place);
    assert_eq!(fact(home, "gateway", "host.pairing.senders"), expected);
    assert_eq!(fact(home, "telegram/default", "host.approved"), expected);
    assert_eq!(fact(home, "telegram/default", "config.account.shared").1, "hidden");
    assert!(trace(home) == before, "the state directory has changed");
}

/// Returns a home whose state database the real CLI has made.
fn made(openclaw: &Installed) -> (Home, u16) {
    let (home, port) = openclaw.home(CONFIG);
    let mut command = home.program("openclaw");
    let ran = home.finish(command.args(["pairing", "list", "telegram", "--json"]));
    assert_eq!(ran.json(), json!({ "channel": "telegram", "requests": [] }));
    (home, port)
}

/// Approves a sender as OpenClaw does.
fn approve(database: &Connection, account: &str, sender: &str) {
    let insert = "INSERT INTO channel_pairing_allow_entries VALUES ('telegram', ?1, ?2, 0, 1)";
    database.execute(insert, [account, sender]).expect("a row");
}

fn pair(database: &Connection, name: &str) {
    let insert = "INSERT INTO device_pairing_paired \
        (device_id, public_key, display_name, role, tokens_json, created_at_ms, approved_at_ms) \
        VALUES (?1, 'key', ?1, 'operator', '{\"operator\":\"tok-never-shown\"}', 1, 1)";
    database.execute(insert, [name]).expect("a row");
}

#[test]
fn approvals_are_read_from_a_database_at_rest_and_beside_its_writer() {
    let Some(openclaw) = Installed::find() else { return };
    let (home, _) = made(&openclaw);
    let path = home.file(DATABASE);
    assert_eq!(fact(&home, "gateway", "host.pairing.senders").0, 0);
    // Nobody is approved and nobody listed: nobody can write.
    assert_eq!(fact(&home, "telegram/default", "config.account.shared").0, false);

    let database = Connection::open(&path).expect("a database");
    approve(&database, "default", "16180339");
    approve(&database, "other", "16180339");
    pair(&database, "mira's laptop");
    // The rows stand in the log while the writer is there.
    assert!(fs::metadata(path.with_extension("sqlite-wal")).expect("a log").len() > 0);
    let before = trace(&home);
    assert_eq!(fact(&home, "telegram/default", "host.approved").0, 1);
    assert_eq!(fact(&home, "gateway", "host.pairing.senders").0, 2);
    let devices = fact(&home, "gateway", "host.pairing.devices");
    assert_eq!(devices.0, json!(["mira's laptop (operator)"]));
    assert_eq!(devices.2, json!({ "host": "the state database" }));
    assert_eq!(fact(&home, "telegram/default", "config.account.shared").0, false);
    assert!(trace(&home) == before, "the state directory has changed");

    approve(&database, "default", "27182818");
    drop(database);
    assert!(!path.with_extension("sqlite-wal").exists());
    let before = trace(&home);
    assert_eq!(fact(&home, "telegram/default", "host.approved").0, 2);
    assert_eq!(fact(&home, "telegram/default", "config.account.shared").0, true);
    assert_eq!(fact(&home, "gateway", "config.senders.many").0, true);
    let ran = home.run("facts");
    assert!(
        !format!("{ran:?}").contains("27182818") && !format!("{ran:?}").contains("never-shown")
    );
    assert!(trace(&home) == before, "the state directory has changed");
}

#[test]
fn approvals_are_read_beside_a_running_gateway() {
    let Some(openclaw) = Installed::find() else { return };
    let (home, port) = made(&openclaw);
    let database = Connection::open(home.file(DATABASE)).expect("a database");
    approve(&database, "default", "16180339");
    drop(database);
    let _gateway = Gateway::start(&home, port);
    let before = home.files(".openclaw/state");
    assert_eq!(fact(&home, "telegram/default", "host.approved").0, 1);
    assert_eq!(home.files(".openclaw/state"), before);
}

#[test]
fn what_cannot_be_read_without_a_trace_is_left_alone_and_says_why() {
    let home = Home::new(&CONFIG.replace("PORT", "28999"));
    unread(&home, "there is none in this state directory");

    let path = home.write(DATABASE, "no database, only a text that is long enough to be one");
    unread(&home, "it is damaged");

    fs::remove_file(&path).expect("a file");
    let database = Connection::open(&path).expect("a database");
    database.execute_batch("CREATE TABLE other (a)").expect("a table");
    unread(&home, "it has no table of approvals as OpenClaw 2026.9.6 keeps it");

    let senders = "CREATE TABLE channel_pairing_allow_entries (channel_key, account_id, entry)";
    let devices = "CREATE TABLE device_pairing_paired (device_id, operator_label, display_name, \
                   client_id, role, approved_at_ms)";
    database.execute_batch(&format!("{senders}; {devices};")).expect("tables");
    assert_eq!(fact(&home, "telegram/default", "host.approved").0, 0);
    let odd = "INSERT INTO channel_pairing_allow_entries VALUES ('telegram', 'default', x'00')";
    database.execute_batch(odd).expect("a row");
    unread(&home, "it holds something else than approvals");
    drop(database);

    home.write(".openclaw/state/openclaw.sqlite-wal", "a log that nobody keeps an index of");
    unread(&home, "its log has no index");
    fs::remove_file(path.with_extension("sqlite-wal")).expect("a file");
    home.write(".openclaw/state/openclaw.sqlite-journal", "half a write");
    unread(&home, "a write of it was not finished");
    fs::remove_file(path.with_extension("sqlite-journal")).expect("a file");

    fs::File::options().write(true).open(&path).expect("a file").set_len(2 << 30).expect("room");
    let place = fact(&home, "gateway", "host.pairing.senders").2;
    assert_eq!(place, json!({ "host": "the state database: it has more than 1024 MB" }));

    fs::remove_file(&path).expect("a file");
    nix::unistd::mkfifo(&path, Mode::S_IRWXU).expect("a FIFO");
    unread(&home, "it is no regular file");
}
