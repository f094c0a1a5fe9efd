//! One rule of nft: whether a stranger's first packet to a port meets it, and what it does then.

use crate::openclaw::sight::firewall::is_few;

/// The first packet of a TCP connection from an address that nobody named, over a cable.
#[derive(Clone, Copy)]
pub(super) struct Stranger {
    /// The version of IP, 4 or 6.
    pub version: u8,
    /// The port it is for.
    pub port: u16,
}

/// Whether a packet meets a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Meets {
    Always,
    Perhaps,
    Never,
}

/// What a rule does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Does {
    Nothing,
    Accepts,
    Drops,
    Returns,
    Jumps(String),
    Goes(String),
    /// It may let in, and this is not followed.
    Unclear,
}

/// Reads a rule.
pub(super) fn read(text: &str, stranger: Stranger) -> (Meets, Does) {
    let words = words(text);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut rest = words.as_slice();
    let mut meets = Meets::Always;
    while let [first, more @ ..] = rest {
        let does = match (*first, more) {
            ("accept", _) => Does::Accepts,
            ("drop" | "reject", _) => Does::Drops,
            ("return", _) => Does::Returns,
            ("jump", [to, ..]) => Does::Jumps((*to).to_owned()),
            ("goto", [to, ..]) => Does::Goes((*to).to_owned()),
            ("ct", ["state", "vmap", map, ..]) => {
                let known = ["established ", "related ", "invalid ", "untracked "];
                if members(map).all(|it| known.iter().any(|word| it.starts_with(word))) {
                    rest = more.get(3..).unwrap_or_default();
                    continue;
                }
                Does::Unclear
            }
            ("vmap" | "queue" | "tproxy" | "redirect" | "dnat", _) => Does::Unclear,
            _ => {
                let (met, taken) = condition(rest, stranger);
                meets = meets.max(met);
                rest = rest.get(taken..).unwrap_or_default();
                continue;
            }
        };
        return (meets, does);
    }
    (meets, Does::Nothing)
}

/// Reads what stands first: whether the packet meets it, and how many words it takes.
fn condition(words: &[&str], stranger: Stranger) -> (Meets, usize) {
    match words {
        ["counter", "packets", _, "bytes", ..] => (Meets::Always, 5),
        ["counter" | "meta", ..] => (Meets::Always, 1),
        ["comment", ..] | ["l4proto" | "protocol" | "nexthdr", "tcp" | "6", ..] => {
            (Meets::Always, 2)
        }
        ["log", more @ ..] => {
            let ends = ["accept", "drop", "reject", "return", "jump", "goto", "counter", "comment"];
            let end = more.iter().position(|word| ends.contains(word)).unwrap_or(more.len());
            (Meets::Always, 1 + end)
        }
        ["fib", "daddr", "type", "local", ..] => (Meets::Always, 4),
        ["iif" | "iifname", "!=", "\"lo\"", ..] => (Meets::Always, 3),
        ["iif" | "iifname" | "l4proto" | "protocol" | "nexthdr", "!=", ..] => (Meets::Perhaps, 3),
        ["iif" | "iifname", name, ..] => {
            (one_of(name, |it| ["lo", "tailscale0"].contains(&it.trim_matches('"'))), 2)
        }
        ["ct", "state", "!=", ..] => (Meets::Perhaps, 4),
        ["ct", "state", states, ..] => {
            let new = members(states).any(|state| state == "new");
            let known = ["established", "related", "invalid", "untracked", "new"];
            let known = members(states).all(|state| known.contains(&state));
            (if new { Meets::Always } else { never(known) }, 3)
        }
        ["l4proto" | "protocol" | "nexthdr", names, ..] => {
            let others = ["icmp", "ipv6-icmp", "icmpv6", "igmp", "udp", "esp", "ah", "sctp", "gre"];
            (one_of(names, |it| others.contains(&it)), 2)
        }
        ["nfproto", family @ ("ipv4" | "ipv6"), ..] => {
            let ours = (*family == "ipv6") == (stranger.version == 6);
            (if ours { Meets::Always } else { Meets::Never }, 2)
        }
        ["pkttype", "broadcast" | "multicast", ..] => (Meets::Never, 2),
        ["udp" | "icmp" | "icmpv6" | "igmp" | "sctp" | "dccp", _, _, ..] => (Meets::Never, 3),
        ["tcp" | "th", "dport", "!=", ports, ..] => match holds(ports, stranger.port) {
            Some(true) => (Meets::Never, 4),
            Some(false) => (Meets::Always, 4),
            None => (Meets::Perhaps, 4),
        },
        ["tcp" | "th", "dport", ports, ..] => match holds(ports, stranger.port) {
            Some(true) => (Meets::Always, 3),
            Some(false) => (Meets::Never, 3),
            None => (Meets::Perhaps, 2),
        },
        [family @ ("ip" | "ip6"), more @ ..] => {
            let other = (*family == "ip6") != (stranger.version == 6);
            match more {
                _ if other => (Meets::Never, 1),
                ["protocol" | "nexthdr", ..] => (Meets::Always, 1),
                ["saddr" | "daddr", "!=", ..] => (Meets::Perhaps, 4),
                ["saddr", from, ..] => (one_of(from, |it| is_few(it) == Some(true)), 3),
                ["daddr", to, ..] => (one_of(to, is_many_cast), 3),
                _ => (Meets::Perhaps, 1),
            }
        }
        _ => (Meets::Perhaps, 1),
    }
}

fn never(known: bool) -> Meets {
    if known { Meets::Never } else { Meets::Perhaps }
}

/// A packet that is none of a set never meets it, where each member is understood.
fn one_of(text: &str, known: impl Fn(&str) -> bool) -> Meets {
    never(members(text).next().is_some() && members(text).all(known))
}

/// Tells whether an address stands for many hosts or all of them, such as no connection is made to.
fn is_many_cast(address: &str) -> bool {
    ["224.", "239.", "ff", "255.255.255.255"].iter().any(|start| address.starts_with(start))
}

fn members(text: &str) -> impl Iterator<Item = &str> {
    let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or(text);
    inner.split(',').map(str::trim).filter(|member| !member.is_empty())
}

/// Tells whether ports hold one; none where a name stands for some of them.
fn holds(ports: &str, port: u16) -> Option<bool> {
    let mut found = false;
    for one in members(ports) {
        let (first, last) = one.split_once('-').unwrap_or((one, one));
        found |= (first.parse().ok()?..=last.parse().ok()?).contains(&port);
    }
    Some(found)
}

/// Splits a rule into words: what stands in quotes or braces is one, and keeps its quotes.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    let mut depth = 0;
    for c in text.chars() {
        match c {
            '"' if depth == 0 => quoted = !quoted,
            '{' if !quoted => depth += 1,
            '}' if !quoted => depth -= 1,
            _ => {}
        }
        let ends = c.is_whitespace() && !quoted && depth == 0;
        match words.last_mut() {
            Some(word) if !ends => word.push(c),
            _ => words.push(String::new()),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}
