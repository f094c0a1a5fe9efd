//! Reading what containers publish, from `docker ps --format '{{.Names}}\t{{.Ports}}'`.

use std::net::IpAddr;

use serde_json::Value;

use crate::openclaw::command::quote;
use crate::openclaw::finding::Report;
use crate::openclaw::witness::Asked;
use crate::openclaw::witness::Unread;
use crate::openclaw::witness::finding;

/// A port of a container that this host passes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// The container's name.
    pub container: String,
    /// The address of this host on which it is open.
    pub address: IpAddr,
    /// The first and last port of this host.
    pub host: (u16, u16),
    /// The first and last port in the container.
    pub inside: (u16, u16),
}

/// Reads every port that a container publishes; those that are only exposed stay in the container.
///
/// # Errors
///
/// When a line is not understood.
pub fn read(text: &str) -> Result<Vec<Published>, Unread> {
    let mut published = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let wrong = || Unread::Line { line: number + 1, text: quote(line) };
        let (container, ports) = line.split_once('\t').ok_or_else(wrong)?;
        for port in ports.split(',').map(str::trim).filter(|port| !port.is_empty()) {
            match port.split_once("->") {
                Some((host, inside)) => {
                    let (address, host) = host.rsplit_once(':').ok_or_else(wrong)?;
                    published.push(Published {
                        container: container.trim().to_owned(),
                        address: address.trim_matches(['[', ']']).parse().map_err(|_| wrong())?,
                        host: range(host).ok_or_else(wrong)?,
                        inside: range(protocol(inside).ok_or_else(wrong)?).ok_or_else(wrong)?,
                    });
                }
                None => {
                    range(protocol(port).ok_or_else(wrong)?).ok_or_else(wrong)?;
                }
            }
        }
    }
    Ok(published)
}

/// Says where containers publish the gateway's port.
#[must_use]
pub fn report(published: &[Published], asked: &Asked) -> Report {
    let mut report = Report::default();
    let holds = |(first, last): (u16, u16)| (first..=last).contains(&asked.port);
    let ours: Vec<&Published> =
        published.iter().filter(|it| holds(it.host) || holds(it.inside)).collect();
    let mut addresses: Vec<String> = ours.iter().map(|it| it.address.to_string()).collect();
    addresses.sort();
    addresses.dedup();
    let wide: Vec<String> = ours
        .iter()
        .filter(|it| !it.address.is_loopback())
        .map(|it| format!("{} on {}", it.container, it.address))
        .collect();
    report.note(match addresses.as_slice() {
        [] => format!("No container publishes port {}.", asked.port),
        _ => format!("Port {} is published on {}.", asked.port, addresses.join(", ")),
    });
    if !wide.is_empty() {
        report.findings.push(finding(
            "docker",
            "portcullis.docker.published",
            "A container publishes the gateway's port beyond this host",
            &wide,
            "Publish it on 127.0.0.1 alone, such as `127.0.0.1:18789:18789`. A firewall that does \
             not filter forwarded packets does not hold it back.",
        ));
    }
    report.observed.insert("docker.loopback_only".to_owned(), Value::Bool(wide.is_empty()));
    report.observed.insert("docker.publishes_gateway".to_owned(), Value::from(addresses));
    report
}

/// Takes the protocol off a port.
fn protocol(port: &str) -> Option<&str> {
    let (port, protocol) = port.split_once('/')?;
    ["tcp", "udp", "sctp"].contains(&protocol).then_some(port)
}

fn range(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    Some((first.parse().ok()?, last.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn case(text: &str, addresses: &[&str], loopback_only: bool) {
        let report = report(
            &read(text).unwrap(),
            &Asked { port: 18789, user_header: None, commanding: None },
        );
        assert_eq!(report.observed["docker.publishes_gateway"], Value::from(addresses));
        assert_eq!(report.observed["docker.loopback_only"], loopback_only);
        assert_eq!(report.findings.is_empty(), loopback_only);
    }

    #[test]
    fn only_what_is_published_on_loopback_stays_here() {
        case("claw\t127.0.0.1:18789->18789/tcp\n", &["127.0.0.1"], true);
        case(
            "claw\t0.0.0.0:18789->18789/tcp, [::]:18789->18789/tcp, 8080/tcp\ndb\t5432/tcp\n",
            &["0.0.0.0", "::"],
            false,
        );
        case("claw\t:::8080->18789/tcp\n", &["::"], false);
        case("claw\t0.0.0.0:18780-18790->18780-18790/tcp\n", &["0.0.0.0"], false);
        case("claw\t18789/tcp\nweb\t0.0.0.0:80->80/tcp\nidle\t\n", &[], true);
        case("", &[], true);
    }

    #[test]
    fn a_line_that_is_not_understood_is_not_skipped() {
        for text in [
            "claw 0.0.0.0:1->1/tcp",
            "claw\tall->18789/tcp",
            "claw\t0.0.0.0:x->1/tcp",
            "claw\t1/quic",
        ] {
            assert!(matches!(read(text), Err(Unread::Line { line: 1, .. })), "{text}");
        }
    }
}
