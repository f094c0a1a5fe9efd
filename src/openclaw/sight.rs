//! What a card's command showed: a status, a connection that stood, a firewall's rules, plain lines.
//!
//! Pure, as [`witness`] is: what cannot be read whole is no answer, and no
//! answer proves nothing.

mod documents;
mod firewall;
mod reach;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::openclaw::fact;
use crate::openclaw::fact::Holds;
use crate::openclaw::fact::Path;
use crate::openclaw::witness;
use crate::openclaw::witness::Asked;
use crate::openclaw::witness::Unread;
use crate::openclaw::witness::Witness;
use crate::runbook::Each;
use crate::runbook::Reads;

const fn seen(name: &'static str, holds: Holds, means: &'static str) -> Path {
    Path { name, of: Each::Gateway, holds, means }
}

/// Everything that is read out of a card's answer, beside what witnesses tell.
pub const PATHS: &[Path] = &[
    seen("seen.statuses", Holds::List, "the HTTP statuses, in order"),
    seen("seen.refused", Holds::Flag, "whether each of them is 401 or 403"),
    seen(
        "seen.turned_away",
        Holds::Flag,
        "whether each of them is 401, 403 or a redirect, such as one to a login",
    ),
    seen("seen.reached", Holds::Flag, "whether a connection stood, or a port was found open"),
    seen("seen.lines", Holds::List, "the lines in small letters, each blank a single one"),
    seen("seen.count", Holds::Count, "the number that was printed"),
    seen("seen.default_deny", Holds::Flag, "whether a firewall drops what no rule lets in"),
    seen("seen.open_to_all", Holds::Flag, "whether it lets everyone in to the gateway's port"),
    seen(
        "seen.exec_gated",
        Holds::Flag,
        "whether host commands are denied or wait for approval, for each agent that senders reach \
         and whose tools include them",
    ),
    seen("seen.sandboxed", Holds::Flag, "whether a session other than the main one is sandboxed"),
    seen("seen.archive_whole", Holds::Flag, "whether an archive was read back and found whole"),
];

/// Finds a path by name, among what a kind of answer tells.
#[must_use]
pub fn path(reads: Reads, name: &str) -> Option<&'static Path> {
    let of = |family: &str| name.starts_with(family).then_some(name);
    let own: &[&str] = match reads {
        Reads::Status => &["seen.statuses", "seen.refused", "seen.turned_away"],
        Reads::Reach => &["seen.reached"],
        Reads::Lines => &["seen.lines"],
        Reads::Count => &["seen.count"],
        Reads::Firewall => &["seen.default_deny", "seen.open_to_all"],
        Reads::ExecPolicy => &["seen.exec_gated"],
        Reads::Sandbox => &["seen.sandboxed"],
        Reads::Backup => &["seen.archive_whole"],
        Reads::Sockets => return fact::path(of("listener.")?),
        Reads::Serve => return witness::path(of("tailscale.")?),
        Reads::Nginx => return witness::path(of("nginx.")?),
        Reads::Docker => return witness::path(of("docker.")?),
    };
    let known = PATHS.iter().find(|path| path.name == name);
    known.filter(|path| own.contains(&path.name))
}

/// Returns the names under which answers of this kind are imported.
#[must_use]
pub fn imported(reads: Reads) -> &'static [Witness] {
    match reads {
        Reads::Sockets => &[Witness::Sockets],
        Reads::Serve => &[Witness::Serve, Witness::Funnel],
        Reads::Nginx => &[Witness::Nginx],
        Reads::Docker => &[Witness::Docker],
        Reads::Status
        | Reads::Reach
        | Reads::Lines
        | Reads::Count
        | Reads::Firewall
        | Reads::ExecPolicy
        | Reads::Sandbox
        | Reads::Backup => &[],
    }
}

/// Reads an answer.
///
/// # Errors
///
/// When it is not wholly what the card's command prints.
pub fn read(reads: Reads, text: &str, asked: &Asked) -> Result<BTreeMap<String, Value>, Unread> {
    let of_port = matches!(
        reads,
        Reads::Reach | Reads::Firewall | Reads::Sockets | Reads::Nginx | Reads::Docker
    );
    if of_port && asked.port == 0 {
        return Err(Unread::NoPort);
    }
    let witness = match reads {
        Reads::Status => return status(text),
        Reads::Reach => return reach(text, asked.port),
        Reads::Lines => return lines(text),
        Reads::Count => return count(text),
        Reads::Firewall => return firewall(text, asked.port),
        Reads::ExecPolicy => return exec_policy(text, asked),
        Reads::Sandbox => {
            return Ok(observed([("seen.sandboxed", documents::sandboxed(text)?.into())]));
        }
        Reads::Backup => {
            return Ok(observed([("seen.archive_whole", documents::archive_whole(text)?.into())]));
        }
        Reads::Sockets => Witness::Sockets,
        Reads::Serve => Witness::Serve,
        Reads::Nginx => Witness::Nginx,
        Reads::Docker => Witness::Docker,
    };
    Ok(witness.read(text, asked)?.observed)
}

fn observed<const N: usize>(pairs: [(&str, Value); N]) -> BTreeMap<String, Value> {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Reads HTTP statuses: numbers alone on their lines, as `curl -w` prints them, or status lines.
fn status(text: &str) -> Result<BTreeMap<String, Value>, Unread> {
    let mut statuses = Vec::new();
    let mut headers = false;
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        let word = match line.strip_prefix("HTTP/") {
            Some(rest) => {
                headers = true;
                rest.split_whitespace().nth(1).unwrap_or_default()
            }
            None => line,
        };
        let is_status = word.len() == 3 && word.bytes().all(|byte| byte.is_ascii_digit());
        // Header lines stand below a status line; what is a status among them counts as one.
        // curl says beside a status why it waited in vain for more.
        let beside = line.is_empty() || headers || line.starts_with("curl: (");
        if !is_status && beside && !line.starts_with("HTTP/") {
            continue;
        }
        if !is_status {
            return Err(Unread::Line { line: at + 1, text: line.chars().take(80).collect() });
        }
        statuses.push(word.to_owned());
    }
    if statuses.is_empty() {
        return Err(Unread::Nothing("HTTP status"));
    }
    let all = |known: &[&str]| statuses.iter().all(|status| known.contains(&status.as_str()));
    let answered = !statuses.iter().any(|status| status == "000");
    let mut found = observed([("seen.statuses", Value::from(statuses.clone()))]);
    // Where nobody answered, nobody was refused either.
    if answered {
        found.extend(observed([("seen.refused", all(&["401", "403"]).into())]));
        let login = ["302", "303", "307", "401", "403"];
        let moved = ["301", "302", "303", "307", "308", "401", "403"];
        // For good a page moves to another name, or to https, and not to a login.
        if all(&login) || !all(&moved) {
            found.extend(observed([("seen.turned_away", all(&login).into())]));
        }
    }
    Ok(found)
}

fn reach(text: &str, port: u16) -> Result<BTreeMap<String, Value>, Unread> {
    let stood = reach::stood(text, port);
    let stood = stood.ok_or(Unread::Nothing("connection to the port, refused or not"))?;
    Ok(observed([("seen.reached", stood.into())]))
}

fn lines(text: &str) -> Result<BTreeMap<String, Value>, Unread> {
    let lines = text
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase());
    let lines: Vec<String> = lines.filter(|line| !line.is_empty()).collect();
    if lines.is_empty() {
        return Err(Unread::Nothing("line"));
    }
    Ok(observed([("seen.lines", lines.into())]))
}

fn count(text: &str) -> Result<BTreeMap<String, Value>, Unread> {
    // A status such as 000 is no count.
    let plain = Some(text.trim()).filter(|text| *text == "0" || !text.starts_with('0'));
    let number = plain.unwrap_or_default().parse::<u32>();
    let number = number.map_err(|_| Unread::Value(text.trim().chars().take(80).collect()))?;
    Ok(observed([("seen.count", number.into())]))
}

fn firewall(text: &str, port: u16) -> Result<BTreeMap<String, Value>, Unread> {
    let walls = firewall::read(text, port)?;
    let known =
        [("seen.default_deny", walls.default_deny), ("seen.open_to_all", walls.open_to_all)];
    let known = known.into_iter().filter_map(|(path, says)| Some((path.to_owned(), says?.into())));
    Ok(known.collect())
}

fn exec_policy(text: &str, asked: &Asked) -> Result<BTreeMap<String, Value>, Unread> {
    let gated = documents::exec_gated(text, asked.commanding.as_deref())?;
    Ok(gated.into_iter().map(|gated| ("seen.exec_gated".to_owned(), gated.into())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: Asked = Asked { port: 18789, user_header: None, commanding: None };

    #[track_caller]
    fn tells(reads: Reads, text: &str, path: &str, value: impl Into<Value>) {
        let found = read(reads, text, &ASKED).unwrap();
        assert_eq!(found.get(path), Some(&value.into()), "{text}");
    }

    #[track_caller]
    fn tells_nothing(reads: Reads, text: &str) {
        assert!(read(reads, text, &ASKED).is_err(), "{text}");
    }

    #[test]
    fn a_status_is_a_number_alone_or_a_status_line() {
        tells(Reads::Status, "401\n403\n", "seen.refused", true);
        tells(Reads::Status, "401\n200\n", "seen.refused", false);
        tells(Reads::Status, "302\n", "seen.turned_away", true);
        tells(Reads::Status, "HTTP/2 302 \r\nlocation: /login\r\n\r\n", "seen.turned_away", true);
        tells(Reads::Status, "HTTP/1.1 200 OK\n", "seen.turned_away", false);
        tells_nothing(Reads::Status, "");
        tells_nothing(Reads::Status, "curl: (7) Failed to connect\n");
        let silent = read(Reads::Status, "000\n", &ASKED).unwrap();
        assert_eq!(silent.get("seen.refused"), None, "nobody answered, so nobody refused");
    }

    #[test]
    fn statuses_among_headers_count_and_a_page_that_moved_is_no_login() {
        tells(Reads::Status, "HTTP/1.1 401\nserver: x\n\n200\n", "seen.refused", false);
        for status in ["301", "308", "301\n302"] {
            let moved = read(Reads::Status, status, &ASKED).unwrap();
            assert_eq!(moved.get("seen.turned_away"), None, "{status}");
        }
        tells(Reads::Status, "301\n200\n", "seen.turned_away", false);
    }

    #[test]
    fn where_no_port_is_known_nothing_is_told_of_it() {
        let nobody = Asked { port: 0, user_header: None, commanding: None };
        for (reads, text) in [
            (Reads::Docker, "claw\t0.0.0.0:18789->18789/tcp\n"),
            (Reads::Firewall, "Status: active\nDefault: deny (incoming), allow (outgoing)\n"),
            (Reads::Reach, "18789/tcp closed unknown\n"),
        ] {
            assert_eq!(read(reads, text, &nobody), Err(Unread::NoPort), "{text}");
        }
    }

    #[test]
    fn a_count_is_one_number() {
        tells(Reads::Count, "0\n", "seen.count", 0);
        tells_nothing(Reads::Count, "");
        tells_nothing(Reads::Count, "grep: no such file\n0\n");
    }
}
