//! Reading which sockets listen, from `ss -ltnp`, `lsof -nP -iTCP -sTCP:LISTEN`, or
//! `Get-NetTCPConnection -State Listen` of `PowerShell`.

use std::net::IpAddr;
use std::net::Ipv6Addr;

use serde_json::Value;

use crate::openclaw::command::quote;
use crate::openclaw::finding::Report;
use crate::openclaw::witness::Asked;
use crate::openclaw::witness::Unread;

/// A socket that listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Socket {
    /// The address; IPv4 within IPv6 as IPv4, any address as `::`.
    pub address: IpAddr,
    /// The port.
    pub port: u16,
    /// The program that holds it, where it is told; only root sees that of others.
    pub program: Option<String>,
}

/// Reads every socket that listens.
///
/// # Errors
///
/// When it is no such list, or a line of it is not understood.
pub fn read(text: &str) -> Result<Vec<Socket>, Unread> {
    let mut sockets = Vec::new();
    let mut headed = false;
    for (number, line) in text.lines().enumerate() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let listens = |word: &&str| ["LISTEN", "(LISTEN)", "Listen"].contains(word);
        headed |= matches!(words.first(), Some(&("State" | "Netid" | "COMMAND" | "LocalAddress")));
        let Some(at) = words.iter().position(listens) else { continue };
        // `ss` has two queues between its state and the address; `lsof` ends with the state.
        // `PowerShell` has a column for each of the addresses and ports before it.
        let (local, program) = match words.get(at) {
            Some(&"(LISTEN)") => (
                at.checked_sub(1).and_then(|at| words.get(at)).map(|&local| local.to_owned()),
                words.first().map(|it| (*it).to_owned()),
            ),
            Some(&"Listen") => match words.as_slice() {
                [address, port, _, _, "Listen", ..] => (Some(format!("{address}:{port}")), None),
                _ => (None, None),
            },
            _ => (
                words.get(at + 3).map(|&local| local.to_owned()),
                line.split_once("((\"").and_then(|(_, rest)| name(rest)),
            ),
        };
        let socket = local.and_then(|local| endpoint(&local));
        let Some((address, port)) = socket else {
            return Err(Unread::Line { line: number + 1, text: quote(line) });
        };
        sockets.push(Socket { address, port, program });
    }
    if sockets.is_empty() && !headed {
        return Err(Unread::Nothing("list of listening sockets"));
    }
    Ok(sockets)
}

/// Says what listens at the gateway's port.
#[must_use]
pub fn report(sockets: &[Socket], asked: &Asked) -> Report {
    let mut report = Report::default();
    let ours: Vec<&Socket> = sockets.iter().filter(|socket| socket.port == asked.port).collect();
    let mut addresses: Vec<String> = ours.iter().map(|it| it.address.to_string()).collect();
    addresses.sort();
    addresses.dedup();
    let loopback = ours.iter().all(|socket| socket.address.is_loopback());
    report.note(match addresses.as_slice() {
        [] => format!("Nothing listens on port {}.", asked.port),
        _ => format!("Port {} listens on {}.", asked.port, addresses.join(", ")),
    });
    for program in ours.iter().filter_map(|socket| socket.program.as_ref()) {
        report.note(format!("The program is {}.", quote(program)));
    }
    report.observed.insert("listener.found".to_owned(), Value::Bool(!ours.is_empty()));
    if !ours.is_empty() {
        report.observed.insert("listener.loopback_only".to_owned(), Value::Bool(loopback));
    }
    report.observed.insert("listener.addresses".to_owned(), Value::from(addresses));
    report
}

/// Returns a name up to its closing quote.
fn name(rest: &str) -> Option<String> {
    let (name, _) = rest.split_once('"')?;
    Some(name.to_owned())
}

/// Reads an address with its port, as `ss` and `lsof` write them.
fn endpoint(text: &str) -> Option<(IpAddr, u16)> {
    let (address, port) = text.rsplit_once(':')?;
    let address = address.trim_matches(['[', ']']);
    let address = address.split('%').next().unwrap_or(address).trim_end_matches(']');
    let address = match address {
        "*" => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        address => address.parse::<IpAddr>().ok()?.to_canonical(),
    };
    Some((address, port.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: Asked = Asked { port: 18789, user_header: None, commanding: None };

    #[track_caller]
    fn case(text: &str, addresses: &[&str], loopback_only: Option<bool>) {
        let report = report(&read(text).unwrap(), &ASKED);
        assert_eq!(report.observed["listener.addresses"], Value::from(addresses));
        assert_eq!(
            report.observed.get("listener.loopback_only").cloned(),
            loopback_only.map(Value::Bool)
        );
        assert_eq!(report.observed["listener.found"], !addresses.is_empty());
    }

    const HEAD: &str = "State  Recv-Q Send-Q Local Address:Port  Peer Address:PortProcess\n";

    #[test]
    fn the_fourth_column_is_where_it_listens_and_the_fifth_never_is() {
        case(
            &format!(
                "{HEAD}LISTEN 0      511        127.0.0.1:18789      0.0.0.0:*    users:((\"node\",pid=4242,fd=21))\nLISTEN 0      511            [::1]:18789         [::]:*    users:((\"node\",pid=4242,fd=22))\nLISTEN 0      128          0.0.0.0:22         0.0.0.0:*\n"
            ),
            &["127.0.0.1", "::1"],
            Some(true),
        );
        case(&format!("{HEAD}LISTEN 0 511 0.0.0.0:18789 0.0.0.0:*\n"), &["0.0.0.0"], Some(false));
        case(&format!("{HEAD}LISTEN 0 511 *:18789 *:*\n"), &["::"], Some(false));
        case(&format!("{HEAD}LISTEN 0 511 [::]:18789 [::]:*\n"), &["::"], Some(false));
        case(
            &format!(
                "{HEAD}LISTEN 0 511 100.101.2.3%tailscale0:18789 0.0.0.0:*\nLISTEN 0 511 127.0.0.1:18789 0.0.0.0:*\n"
            ),
            &["100.101.2.3", "127.0.0.1"],
            Some(false),
        );
        case(
            &format!("{HEAD}LISTEN 0 511 [::ffff:127.0.0.1]:18789 *:*\n"),
            &["127.0.0.1"],
            Some(true),
        );
        case(&format!("{HEAD}LISTEN 0 5 [fe80::1%eth0]:18789 [::]:*\n"), &["fe80::1"], Some(false));
        case("LISTEN 0 511 127.0.0.1:18789 0.0.0.0:*\n", &["127.0.0.1"], Some(true));
        case(
            "Netid State Recv-Q Send-Q\ntcp LISTEN 0 511 127.0.0.1:18789 0.0.0.0:*\n",
            &["127.0.0.1"],
            Some(true),
        );
        case(HEAD, &[], None);
    }

    #[test]
    fn what_lsof_lists_is_read() {
        let head = "COMMAND  PID USER   FD   TYPE DEVICE SIZE/OFF NODE NAME\n";
        case(
            &format!(
                "{head}node    4242 claw   21u  IPv4 0x1f2e      0t0  TCP 127.0.0.1:18789 (LISTEN)\nnode    4242 claw   22u  IPv6 0x1f2f      0t0  TCP [::1]:18789 (LISTEN)\n"
            ),
            &["127.0.0.1", "::1"],
            Some(true),
        );
        case(
            &format!("{head}node 4242 claw 21u IPv6 0x1f2e 0t0 TCP *:18789 (LISTEN)\n"),
            &["::"],
            Some(false),
        );
    }

    #[test]
    fn what_powershell_lists_is_read() {
        let head = "\nLocalAddress LocalPort RemoteAddress RemotePort State AppliedSetting OwningProcess\n------------ --------- ------------- ---------- ----- -------------- -------------\n";
        let rows = "::1          18789     ::            0          Listen                4242\n127.0.0.1    18789     0.0.0.0       0          Listen                4242\n";
        case(&format!("{head}{rows}"), &["127.0.0.1", "::1"], Some(true));
        let wide = "0.0.0.0      18789     0.0.0.0       0          Listen                4242\n";
        case(&format!("{head}{wide}"), &["0.0.0.0"], Some(false));
        case(head, &[], None);
        assert!(read(&format!("{head}127.0.0.1 18789 Listen\n")).is_err());
    }

    #[test]
    fn a_line_that_is_not_understood_is_not_skipped() {
        let text = format!("{HEAD}LISTEN 0 511 somewhere:18789 0.0.0.0:*\n");
        assert_eq!(
            read(&text).unwrap_err().to_string(),
            "line 2 is not understood: LISTEN 0 511 somewhere:18789 0.0.0.0:*"
        );
        assert_eq!(
            read(&format!("{HEAD}LISTEN 0 511")).unwrap_err().to_string(),
            "line 2 is not understood: LISTEN 0 511"
        );
        assert_eq!(read("hello\n"), Err(Unread::Nothing("list of listening sockets")));
    }
}
