//! Whom the host's own firewall lets in to a port, from `ufw status verbose` and `nft list ruleset`.
//!
//! A rule that might let a stranger in and is not understood leaves the answer unread: only what is
//! understood whole says that nobody comes in.

mod nft;
mod rule;

use std::net::IpAddr;

use crate::openclaw::command::quote;
use crate::openclaw::witness::Unread;

/// What is known of a firewall; none where it does not show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Walls {
    /// Whether it drops what no rule lets in.
    pub default_deny: Option<bool>,
    /// Whether it lets everyone in to the port.
    pub open_to_all: Option<bool>,
}

/// Reads either, or one after the other.
pub(super) fn read(text: &str, port: u16) -> Result<Walls, Unread> {
    let nft = nft::read(text, port);
    let ufw = match ufw(text, port)? {
        Ufw::Silent => return nft?.ok_or(Unread::Nothing("rules of ufw or nft")),
        // What others wrote counts.
        Ufw::Off => {
            let nothing = Walls { default_deny: Some(false), open_to_all: Some(true) };
            return Ok(nft?.unwrap_or(nothing));
        }
        Ufw::On(walls) => walls,
    };
    // What ufw wrote stands in nft as well, in its own words; what is open there is open.
    let nft = nft.ok().flatten().unwrap_or_default();
    let also = nft.open_to_all == Some(true);
    Ok(Walls {
        default_deny: nft.default_deny.filter(|deny| *deny).or(ufw.default_deny),
        open_to_all: ufw.open_to_all.map(|open| open || also),
    })
}

/// What ufw says.
enum Ufw {
    /// Nothing: it was not asked, or is not there.
    Silent,
    /// It is switched off.
    Off,
    On(Walls),
}

fn ufw(text: &str, port: u16) -> Result<Ufw, Unread> {
    let status = text.lines().find_map(|line| line.trim().strip_prefix("Status: "));
    let Some(status) = status else { return Ok(Ufw::Silent) };
    if status != "active" {
        return Ok(Ufw::Off);
    }
    let default = text.lines().find_map(|line| line.trim().strip_prefix("Default: "));
    let incoming = default.and_then(|default| default.split(',').next());
    let default_deny =
        incoming.map(|word| word.starts_with("deny ") || word.starts_with("reject "));
    let mut open = false;
    for (at, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("table ") {
            break;
        }
        open |= admits(line, port)
            .ok_or_else(|| Unread::Line { line: at + 1, text: quote(line.trim()) })?;
    }
    Ok(Ufw::On(Walls { default_deny, open_to_all: Some(open) }))
}

/// Tells whether a row of ufw lets everyone in to a port; none where nobody can tell.
fn admits(line: &str, port: u16) -> Option<bool> {
    let row = [" ALLOW", " LIMIT"].iter().find_map(|word| line.split_once(word));
    let Some((to, rest)) = row else { return Some(false) };
    if ["OUT", "FWD"].iter().any(|way| rest.trim_start().starts_with(way)) {
        return Some(false);
    }
    let from = rest.trim_start().trim_start_matches("IN").trim();
    if from.split_whitespace().next().and_then(is_few).unwrap_or(false) {
        return Some(false);
    }
    let to = to.replace("(v6)", "");
    let (to, interface) = to.split_once(" on ").unwrap_or((&to, ""));
    if ["lo", "tailscale0"].contains(&interface.trim()) {
        return Some(false);
    }
    // What stands in brackets is the name of the ports before it.
    let to = to.split('(').next().unwrap_or(to).trim();
    let reaches = match to.split_whitespace().last()? {
        "Anywhere" => true,
        word if is_few(word).is_some() => true,
        word => holds(word, port)?,
    };
    if reaches && !from.starts_with("Anywhere") && !from.starts_with("0.0.0.0") {
        return None;
    }
    Some(reaches)
}

/// Tells whether a list of ports such as `22,18780:18799/tcp` holds one.
fn holds(ports: &str, port: u16) -> Option<bool> {
    let (ports, protocol) = ports.split_once('/').unwrap_or((ports, "tcp"));
    let mut found = false;
    for one in ports.split(',') {
        let (first, last) = one.split_once(':').unwrap_or((one, one));
        found |= (first.parse().ok()?..=last.parse().ok()?).contains(&port);
    }
    Some(found && protocol == "tcp")
}

/// Tells whether an address or a network stands for some hosts and not for whoever comes; none
/// where it is no address.
fn is_few(word: &str) -> Option<bool> {
    let (address, bits) = word.split_once('/').unwrap_or((word, "128"));
    let address: IpAddr = address.parse().ok()?;
    let bits: u8 = bits.parse().ok()?;
    Some(if address.is_ipv4() { bits >= 8 } else { bits >= 16 })
}

#[cfg(test)]
#[path = "firewall/tests.rs"]
mod tests;
