//! What a card's command showed: a status, a connection that stood, a firewall's rules, plain lines.
//!
//! Pure, as [`witness`](crate::openclaw::witness) is: what cannot be read whole is no answer, and no
//! answer proves nothing.

use std::collections::BTreeMap;

use serde_json::Value;

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
];

/// Finds a path by name, among what a kind of answer tells.
#[must_use]
pub fn path(reads: Reads, name: &str) -> Option<&'static Path> {
    let own: &[&str] = match reads {
        Reads::Status => &["seen.statuses", "seen.refused", "seen.turned_away"],
        Reads::Reach => &["seen.reached"],
        Reads::Lines => &["seen.lines"],
        Reads::Count => &["seen.count"],
        Reads::Firewall => &["seen.default_deny", "seen.open_to_all"],
        Reads::Sockets => return crate::openclaw::fact::path(name),
        Reads::Serve | Reads::Nginx | Reads::Docker => return witness::path(name),
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
        Reads::Status | Reads::Reach | Reads::Lines | Reads::Count | Reads::Firewall => &[],
    }
}

/// Reads an answer.
///
/// # Errors
///
/// When it is not wholly what the card's command prints.
pub fn read(reads: Reads, text: &str, asked: &Asked) -> Result<BTreeMap<String, Value>, Unread> {
    let witness = match reads {
        Reads::Status => return status(text),
        Reads::Reach => return reach(text),
        Reads::Lines => return lines(text),
        Reads::Count => return count(text),
        Reads::Firewall => return firewall(text, asked.port),
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
            // Header lines stand below a status line.
            // curl says beside a status why it waited in vain for more.
            None if line.is_empty() || headers || line.starts_with("curl: (") => continue,
            None => line,
        };
        let is_status = word.len() == 3 && word.bytes().all(|byte| byte.is_ascii_digit());
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
        let away = ["301", "302", "303", "307", "308", "401", "403"];
        found.extend(observed([
            ("seen.refused", all(&["401", "403"]).into()),
            ("seen.turned_away", all(&away).into()),
        ]));
    }
    Ok(found)
}

/// Words by which `nc`, `curl`, `nmap` and `ssh` say that a connection stood.
const STOOD: [&str; 5] = [" succeeded", " open", "connected to", "http/", "<html"];

/// And that none did.
const FAILED: [&str; 13] = [
    "refused",
    "timed out",
    "timeout",
    "filtered",
    "closed",
    "could not resolve",
    "couldn't connect",
    "failed to connect",
    "no route to host",
    "unreachable",
    "name or service not known",
    "host seems down",
    "hosts up) scanned",
];

fn reach(text: &str) -> Result<BTreeMap<String, Value>, Unread> {
    let lines = || text.lines().map(str::to_lowercase);
    let stood = lines().any(|line| {
        let failed = FAILED.iter().any(|word| line.contains(word));
        // `open|filtered` of nmap tells nothing, and a failure may name the open it hoped for.
        !failed && STOOD.iter().any(|word| line.contains(word))
    });
    let failed = lines().any(|line| {
        FAILED.iter().take(FAILED.len() - 1).any(|word| line.contains(word))
            && !line.contains("open|filtered")
    });
    match (stood, failed) {
        (true, _) => Ok(observed([("seen.reached", true.into())])),
        (false, true) => Ok(observed([("seen.reached", false.into())])),
        (false, false) => Err(Unread::Nothing("connection, refused or not")),
    }
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

/// Reads `ufw status verbose` or `nft list ruleset`, or one after the other.
fn firewall(text: &str, port: u16) -> Result<BTreeMap<String, Value>, Unread> {
    let ufw = ufw(text, port);
    let nft = nft(text, port);
    let (deny, open) = match (ufw, nft) {
        (Some((deny, open)), Some((nft_deny, nft_open))) => (deny || nft_deny, open || nft_open),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => return Err(Unread::Nothing("rules of ufw or nft")),
    };
    Ok(observed([("seen.default_deny", deny.into()), ("seen.open_to_all", open.into())]))
}

/// Tells whether ufw denies by default, and whether it lets everyone in to a port.
fn ufw(text: &str, port: u16) -> Option<(bool, bool)> {
    let status = text.lines().find_map(|line| line.trim().strip_prefix("Status: "))?;
    let deny = status == "active"
        && text.lines().any(|line| {
            let line = line.trim();
            line.starts_with("Default: deny (incoming)")
                || line.starts_with("Default: reject (incoming)")
        });
    let open = text.lines().any(|line| {
        let Some((to, from)) = line.split_once("ALLOW") else { return false };
        let to = to.replace("(v6)", "");
        let to = to.trim();
        let ours = to == "Anywhere" || to.split('/').next() == Some(&port.to_string());
        let from = from.trim_start().trim_start_matches("IN").trim();
        ours && !line.contains("ALLOW OUT") && from.starts_with("Anywhere")
    });
    Some((deny, open || status != "active"))
}

/// Tells the same of nft: of the chains that see what comes in.
fn nft(text: &str, port: u16) -> Option<(bool, bool)> {
    let mut chains: Vec<(bool, bool)> = Vec::new();
    let mut inside: Option<(bool, bool)> = None;
    for line in text.lines().map(str::trim) {
        if line.contains("hook input") {
            inside = Some((line.contains("policy drop"), false));
        } else if let Some((drops, open)) = &mut inside {
            if line == "}" {
                chains.push((*drops, *open));
                inside = None;
                continue;
            }
            let named = line.contains(&format!("dport {port} "));
            let narrow = ["saddr", "iifname", "iif "].iter().any(|word| line.contains(word));
            *drops |= line == "drop" || line == "reject" || (named && line.ends_with("drop"));
            *open |= named && line.ends_with("accept") && !narrow;
        }
    }
    let drops = !chains.is_empty() && chains.iter().all(|(drops, _)| *drops);
    let open = chains.iter().any(|(_, open)| *open);
    (!chains.is_empty()).then_some((drops, open))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: Asked = Asked { port: 18789, user_header: None };

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
    fn a_connection_that_stood_is_told_from_one_that_did_not() {
        let stood = [
            "Connection to 192.0.2.7 18789 port [tcp/*] succeeded!",
            "18789/tcp open  unknown",
            "HTTP/1.1 200 OK",
        ];
        for text in stood {
            tells(Reads::Reach, text, "seen.reached", true);
        }
        let failed = [
            "nc: connect to 192.0.2.7 port 18789 (tcp) failed: Connection refused",
            "nc: connect to 192.0.2.7 port 18789 (tcp) timed out: Operation now in progress",
            "18789/tcp filtered unknown",
            "18789/tcp closed unknown",
            "curl: (28) Connection timed out after 5001 milliseconds",
            "curl: (6) Could not resolve host: vega.tailnet.ts.net",
        ];
        for text in failed {
            tells(Reads::Reach, text, "seen.reached", false);
        }
        tells(Reads::Reach, "443/tcp closed https\n18789/tcp open unknown", "seen.reached", true);
        for text in ["", "sudo: nmap: command not found", "18789/tcp open|filtered unknown"] {
            tells_nothing(Reads::Reach, text);
        }
    }

    #[test]
    fn a_firewall_lets_in_whom_it_names() {
        let ufw = "Status: active\nLogging: on (low)\nDefault: deny (incoming), allow (outgoing)\n\n\
                   To                         Action      From\n\
                   18789/tcp                  ALLOW IN    192.168.1.0/24\n\
                   22/tcp                     ALLOW IN    Anywhere\n";
        tells(Reads::Firewall, ufw, "seen.default_deny", true);
        tells(Reads::Firewall, ufw, "seen.open_to_all", false);
        let open = ufw.replace("192.168.1.0/24", "Anywhere");
        tells(Reads::Firewall, &open, "seen.open_to_all", true);
        let six = format!("{ufw}18789/tcp (v6)             ALLOW IN    Anywhere (v6)\n");
        tells(Reads::Firewall, &six, "seen.open_to_all", true);
        tells(Reads::Firewall, "Status: inactive\n", "seen.default_deny", false);
        tells(Reads::Firewall, "Status: inactive\n", "seen.open_to_all", true);
        let nft = "table inet filter {\n  chain input {\n    type filter hook input priority filter; policy drop;\n    \
                   ip saddr 192.168.1.0/24 tcp dport 18789 accept\n  }\n}\n";
        tells(Reads::Firewall, nft, "seen.default_deny", true);
        tells(Reads::Firewall, nft, "seen.open_to_all", false);
        let open = nft.replace("ip saddr 192.168.1.0/24 ", "");
        tells(Reads::Firewall, &open, "seen.open_to_all", true);
        let accepts = nft.replace("policy drop", "policy accept");
        tells(Reads::Firewall, &accepts, "seen.default_deny", false);
        tells_nothing(Reads::Firewall, "sudo: ufw: command not found");
    }

    #[test]
    fn a_count_is_one_number() {
        tells(Reads::Count, "0\n", "seen.count", 0);
        tells_nothing(Reads::Count, "");
        tells_nothing(Reads::Count, "grep: no such file\n0\n");
    }
}
