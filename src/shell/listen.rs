//! Which addresses this host listens on: the truth behind `gateway.bind`.
#![expect(clippy::disallowed_methods, reason = "one of the modules that look at the world")]

mod netlink;

use std::fs::File;
use std::io::Read;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::thread;
use std::time::Duration;
use std::time::Instant;

/// The state of a socket that listens, in the kernel's tables.
const LISTENING: &str = "0A";

/// How long lies between two looks at a listener that is about to change.
const GLANCE: Duration = Duration::from_millis(200);

/// A socket that listens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listener {
    /// The address; IPv4 within IPv6 as IPv4.
    pub address: IpAddr,
    /// The number by which processes that hold the socket are found.
    pub inode: u64,
}

/// Returns the sockets that listen on a port, sorted by address.
///
/// None where the kernel does not show them; an empty list where nothing listens. What another
/// network namespace listens on, such as a container's, is not seen.
#[must_use]
pub fn listening(port: u16) -> Option<Vec<Listener>> {
    let all = netlink::listening().or_else(tables)?;
    let here = all.into_iter().filter(|(_, its)| *its == port);
    let mut listeners: Vec<Listener> = here.map(|(listener, _)| listener).collect();
    listeners.sort_unstable();
    Some(listeners)
}

/// Returns the addresses that are listened on, each once.
#[must_use]
pub fn addresses(listeners: &[Listener]) -> Vec<String> {
    let mut addresses: Vec<IpAddr> = listeners.iter().map(|listener| listener.address).collect();
    addresses.dedup();
    addresses.iter().map(ToString::to_string).collect()
}

/// Reads the kernel's tables of all sockets; none where there are none.
fn tables() -> Option<Vec<(Listener, u16)>> {
    let tables = [table("/proc/net/tcp"), table("/proc/net/tcp6")];
    if tables.iter().all(Option::is_none) {
        return None;
    }
    let tables: String = tables.into_iter().flatten().collect();
    Some(parse(&tables))
}

/// Tells whether a port is listened on as wanted, or anew: then nothing more is to be waited for.
///
/// A gateway that restarts listens on none for a moment; that is waited for, too.
#[must_use]
pub fn is_done(now: &[Listener], before: &[Listener], loopback: bool) -> bool {
    let wanted = |listener: &Listener| listener.address.is_loopback();
    let anew = |listener: &Listener| !before.iter().any(|old| old.inode == listener.inode);
    !now.is_empty() && (now.iter().all(wanted) == loopback || now.iter().all(anew))
}

/// Returns the sockets that listen on a port, once they are as asked for or the time is up.
#[must_use]
pub fn watched(
    port: u16,
    patience: Duration,
    enough: &dyn Fn(&[Listener]) -> bool,
) -> Option<Vec<Listener>> {
    let until = Instant::now() + patience;
    loop {
        let listeners = listening(port)?;
        if enough(&listeners) || Instant::now() >= until {
            return Some(listeners);
        }
        thread::sleep(GLANCE);
    }
}

/// Reads one of the kernel's tables.
///
/// The kernel walks all its sockets for each read, in 2 ms, however few bytes are asked for: without
/// room to read into, they are asked for by the dozen.
fn table(path: &str) -> Option<String> {
    let mut text = String::with_capacity(64 << 10);
    File::open(path).ok()?.read_to_string(&mut text).ok()?;
    Some(text)
}

/// Reads the sockets that listen out of the text of `/proc/net/tcp` and `tcp6`, with their ports.
///
/// Lines that do not fit are skipped.
fn parse(tables: &str) -> Vec<(Listener, u16)> {
    let line = |line: &str| {
        let mut columns = line.split_whitespace();
        let local = columns.nth(1)?;
        let state = columns.nth(1)?;
        let (address, port) = local.split_once(':')?;
        let port = u16::from_str_radix(port, 16).ok().filter(|_| state == LISTENING)?;
        let inode = columns.nth(5).and_then(|inode| inode.parse().ok()).unwrap_or_default();
        Some((Listener { address: address_of(address)?, inode }, port))
    };
    tables.lines().filter_map(line).collect()
}

/// Reads an address: words of 32 bits in hex, each in the host's byte order.
fn address_of(hex: &str) -> Option<IpAddr> {
    let mut bytes = [0; 16];
    let words = hex.len() / 8;
    if !hex.is_ascii() || !hex.len().is_multiple_of(8) || words > 4 {
        return None;
    }
    for (at, word) in bytes.chunks_exact_mut(4).take(words).enumerate() {
        let value = u32::from_str_radix(&hex[at * 8..at * 8 + 8], 16).ok()?;
        word.copy_from_slice(&value.to_ne_bytes());
    }
    let [a, b, c, d, ..] = bytes;
    match words {
        1 => Some(Ipv4Addr::new(a, b, c, d).into()),
        4 => Some(Ipv6Addr::from(bytes).to_canonical()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // As a host of little byte order prints them; the other order turns each word around.
    const TABLES: &str = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:4965 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 1 1
   1: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2 1
   2: 0100007F:4965 0100007F:9C40 01 00000000:00000000 00:00000000 00000000  1000        0 3 1
   3: 050010AC:4965 0100007F:9C40 06 00000000:00000000 00:00000000 00000000  1000        0 4 1
  sl  local_address                         remote_address                        st tx_queue
   0: 00000000000000000000000001000000:4965 00000000000000000000000000000000:0000 0A 00000000:0
   1: 0000000000000000FFFF00000100007F:4965 00000000000000000000000000000000:0000 0A 00000000:0
   2: 00000000000000000000000000000000:0016 00000000000000000000000000000000:0000 0A 00000000:0
   3: B80D01200000000067452301EFCDAB89:1F90 00000000000000000000000000000000:0000 0A 00000000:0
 torn line
   4: 0100007F
   5: XYZ0007F:4965 00000000:0000 0A
";

    #[cfg(target_endian = "little")]
    #[test]
    fn only_sockets_that_listen_are_read() {
        let read = parse(TABLES).into_iter();
        let read: Vec<_> =
            read.map(|(it, port)| (it.address.to_string(), port, it.inode)).collect();
        let expected = [
            ("127.0.0.1", 18789, 1),
            ("0.0.0.0", 22, 2),
            ("::1", 18789, 0),
            ("127.0.0.1", 18789, 0),
            ("::", 22, 0),
            ("2001:db8::123:4567:89ab:cdef", 8080, 0),
        ];
        assert_eq!(read, expected.map(|(address, port, inode)| (address.to_owned(), port, inode)));
    }

    #[test]
    fn a_gateway_that_listens_anew_is_waited_for_no_longer() {
        let at = |address: &str, inode| Listener { address: address.parse().unwrap(), inode };
        let before = [at("0.0.0.0", 1)];
        assert!(!is_done(&[], &before, true), "it restarts");
        assert!(!is_done(&before, &before, true), "it has not restarted yet");
        assert!(is_done(&[at("127.0.0.1", 2)], &before, true));
        assert!(is_done(&[at("0.0.0.0", 2)], &before, true), "it came back as it was");
        assert!(is_done(&[at("0.0.0.0", 1)], &before, false), "nothing was to change");
        assert!(!is_done(&[at("127.0.0.1", 1), at("0.0.0.0", 1)], &before, true));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_socket_of_ours_is_seen() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = listening(port).unwrap();
        assert_eq!(addresses(&seen), ["127.0.0.1"]);
        let tables = tables().unwrap().into_iter().filter(|(_, its)| *its == port);
        assert_eq!(tables.map(|(listener, _)| listener).collect::<Vec<_>>(), seen);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_socket_on_every_address_is_seen_so() {
        let Ok(listener) = std::net::TcpListener::bind("[::]:0") else { return };
        let port = listener.local_addr().unwrap().port();
        assert_eq!(addresses(&listening(port).unwrap()), ["::"]);
    }
}
