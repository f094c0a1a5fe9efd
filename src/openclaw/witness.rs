//! What other programs of the gateway's host say, of which no config knows: which sockets listen,
//! where Tailscale, a proxy and containers lead.
//!
//! Reading is pure: text in, what it says out. What cannot be read whole is said to be unreadable;
//! nothing is skipped, for what is skipped might be the one address that is open.

pub mod docker;
pub mod nginx;
pub mod sockets;
pub mod tailscale;

use serde_json::Value;

use crate::openclaw::command::quote;
use crate::openclaw::fact::Holds;
use crate::openclaw::fact::Path;
use crate::openclaw::fact::Subject;
use crate::openclaw::facts::Facts;
use crate::openclaw::finding::Finding;
use crate::openclaw::finding::Outcome;
use crate::openclaw::finding::Report;
use crate::openclaw::finding::Severity;
use crate::openclaw::finding::Told;
use crate::runbook::Each;

/// A program that says something about the gateway's host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Witness {
    /// `ss -ltnp`, or `lsof` where there is no `ss`.
    Sockets,
    /// `tailscale status --json`.
    Tailscale,
    /// `tailscale serve status --json`.
    Serve,
    /// `tailscale funnel status --json`.
    Funnel,
    /// `nginx -T`.
    Nginx,
    /// `docker ps`, names and ports.
    Docker,
}

/// What a witness is asked about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// The gateway's port.
    pub port: u16,
    /// The header in which the gateway takes the user from a proxy, where the config names one.
    pub user_header: Option<String>,
    /// The agents that senders reach and whose tools include the one that runs commands; none where
    /// that cannot be told.
    pub commanding: Option<Vec<String>>,
}

impl Asked {
    /// Asks about the gateway of these facts.
    #[must_use]
    pub fn about(facts: Option<&Facts>) -> Self {
        let of = |path| facts.and_then(|facts| facts.get(&Subject::Gateway, path)?.value.as_ref());
        let port = of("config.gateway.port").and_then(Value::as_u64);
        let header = of("config.gateway.trusted_proxy.user_header").and_then(Value::as_str);
        Self {
            port: port.and_then(|port| u16::try_from(port).ok()).unwrap_or_default(),
            user_header: header.map(str::to_owned),
            commanding: facts.and_then(commanding),
        }
    }
}

/// Returns the agents that senders reach and that may run commands as far as their tools go.
fn commanding(facts: &Facts) -> Option<Vec<String>> {
    let mut names = Vec::new();
    for subject in facts.subjects(Each::Agent) {
        let Subject::Agent(name) = subject else { continue };
        let of = |path| facts.get(subject, path)?.value.as_ref()?.as_bool();
        let reached = of("config.agent.reachable");
        let commands = of("config.agent.tools.commands");
        match (reached, commands) {
            (Some(false), _) | (_, Some(false)) => {}
            (Some(true), _) => names.push(name.clone()),
            (None, _) => return None,
        }
    }
    Some(names)
}

/// Why a text tells nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    /// It holds nothing that belongs to the program's answer.
    #[error("it holds no {0}")]
    Nothing(&'static str),
    /// A line of the answer is not understood.
    #[error("line {line} is not understood: {text}")]
    Line {
        /// Which line, from 1.
        line: usize,
        /// What stands there.
        text: String,
    },
    /// The config that would name the gateway's port cannot be read.
    #[error("which port the gateway has is not known, so nothing is told of it")]
    NoPort,
    /// There is more than one answer.
    #[error("it holds several answers; paste one at a time")]
    Several,
    /// A value of the answer is not what belongs there.
    #[error("`{0}` is not what belongs there")]
    Value(String),
}

const fn observed(name: &'static str, holds: Holds, means: &'static str) -> Path {
    Path { name, of: Each::Gateway, holds, means }
}

/// Everything that witnesses tell, beside the facts `listener.*`.
pub const PATHS: &[Path] = &[
    observed("tailscale.running", Holds::Flag, "whether Tailscale is connected"),
    observed(
        "tailscale.funnel",
        Holds::Flag,
        "whether a Funnel opens this host to the internet, started by whomever",
    ),
    observed(
        "tailscale.routes",
        Holds::List,
        "where Tailscale Serve and Funnel lead, and from where",
    ),
    observed(
        "tailscale.to_gateway",
        Holds::Flag,
        "whether a route that somebody set by hand leads straight to the gateway's port",
    ),
    observed("nginx.to_gateway", Holds::List, "the places of nginx that lead to the gateway"),
    observed(
        "nginx.overwrites_forwarded",
        Holds::Flag,
        "whether each of them writes X-Forwarded-For and X-Real-IP anew from the client's own address",
    ),
    observed(
        "nginx.overwrites_user",
        Holds::Flag,
        "whether each of them writes the user's header anew, or blanks it",
    ),
    observed(
        "docker.publishes_gateway",
        Holds::List,
        "the addresses on which a container publishes the gateway's port",
    ),
    observed("docker.loopback_only", Holds::Flag, "whether those are loopback addresses, or none"),
];

/// Finds a path by name.
#[must_use]
pub fn path(name: &str) -> Option<&'static Path> {
    PATHS.iter().find(|path| path.name == name)
}

impl Witness {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Sockets, Self::Tailscale, Self::Serve, Self::Funnel, Self::Nginx, Self::Docker];

    /// Returns the name under which its answer is kept.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sockets => "ss",
            Self::Tailscale => "tailscale",
            Self::Serve => "tailscale-serve",
            Self::Funnel => "tailscale-funnel",
            Self::Nginx => "nginx",
            Self::Docker => "docker",
        }
    }

    /// Reads its answer.
    ///
    /// # Errors
    ///
    /// When the text is not wholly its answer.
    pub fn read(self, text: &str, asked: &Asked) -> Result<Report, Unread> {
        if asked.port == 0 && matches!(self, Self::Sockets | Self::Nginx | Self::Docker) {
            return Err(Unread::NoPort);
        }
        Ok(match self {
            Self::Sockets => sockets::report(&sockets::read(text)?, asked),
            Self::Tailscale => tailscale::state_report(&tailscale::state(text)?),
            Self::Serve | Self::Funnel => {
                tailscale::report(self.name(), &tailscale::routes(text)?, asked)
            }
            Self::Nginx => nginx::report(&nginx::read(text)?, asked),
            Self::Docker => docker::report(&docker::read(text)?, asked),
        })
    }

    /// Tells whether its answer shows by itself that nothing is missing at its end.
    fn shows_its_end(self) -> bool {
        match self {
            Self::Tailscale | Self::Serve | Self::Funnel => true,
            Self::Sockets | Self::Nginx | Self::Docker => false,
        }
    }

    /// Reads the answer of a process that ended so; none where nobody knows how.
    ///
    /// What may not be whole can show that something is open, and never that nothing is.
    #[must_use]
    pub fn outcome(self, text: &str, status: Option<i32>, asked: &Asked) -> Outcome {
        let unmeasured = |why, partial| Outcome::Unmeasured { why, partial };
        let whole = self.shows_its_end() && !text.trim().is_empty();
        match (self.read(text, asked), status) {
            (Ok(report), Some(0)) => Outcome::Measured(report),
            (Ok(report), None) if whole => Outcome::Measured(report),
            (Ok(report), None) => unmeasured(
                "No exit status stands below it, so nobody can tell whether it is whole."
                    .to_owned(),
                Some(against(report)),
            ),
            (Ok(report), Some(status)) => unmeasured(
                format!("The command ended with status {status}, so its answer may not be whole."),
                Some(against(report)),
            ),
            (Err(_), Some(status)) if status != 0 => {
                let last = text.lines().map(str::trim).rfind(|line| !line.is_empty());
                let last = last.map(|line| format!(": {}", quote(line))).unwrap_or_default();
                unmeasured(format!("The command ended with status {status}{last}."), None)
            }
            (Err(why), _) => {
                unmeasured(format!("It is no answer of `{}`: {why}.", self.name()), None)
            }
        }
    }
}

/// The paths that show something open, with what they say then.
const AGAINST: [(&str, bool); 6] = [
    ("listener.loopback_only", false),
    ("tailscale.funnel", true),
    ("tailscale.to_gateway", true),
    ("nginx.overwrites_forwarded", false),
    ("nginx.overwrites_user", false),
    ("docker.loopback_only", false),
];

/// Keeps of a report what shows something open.
fn against(mut report: Report) -> Report {
    report.observed.retain(|path, value| {
        AGAINST.iter().any(|(of, says)| of == path && *value == Value::Bool(*says))
    });
    report
}

/// Makes a finding of a witness.
fn finding(source: &str, check_id: &str, title: &str, detail: &[String], remedy: &str) -> Finding {
    let told = Told {
        title: title.to_owned(),
        detail: detail.iter().map(|line| format!("- {line}\n")).collect::<String>(),
        remediation: Some(remedy.to_owned()),
    };
    Finding::new(source, check_id, Severity::Warn, told)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_text_makes_a_reader_panic(
            text in r#"(?s)(# configuration file /[a-z]{1,3}:\n|include [a-z*/]{1,3};|[a-z]{1,4} [{};$"'\\#]|LISTEN 0 1 |\[::1%|\]:1|\*:18789 |->|\{"Web":|AllowFunnel|.|\n){0,60}"#,
        ) {
            let asked = Asked { port: 18789, user_header: Some("X-User".to_owned()), commanding: None };
            for witness in Witness::ALL {
                for status in [None, Some(0), Some(1)] {
                    let _ = witness.outcome(&text, status, &asked);
                }
            }
        }
    }

    #[test]
    fn where_no_port_is_known_a_witness_tells_nothing_of_it() {
        let nobody = Asked { port: 0, user_header: None, commanding: None };
        let text = "claw\t0.0.0.0:18789->18789/tcp\n";
        assert_eq!(Witness::Docker.read(text, &nobody), Err(Unread::NoPort));
        let routes = r#"{"TCP":{"443":{"TCPForward":"127.0.0.1:18789"}}}"#;
        let report = Witness::Serve.read(routes, &nobody).unwrap();
        assert_eq!(report.observed.get("tailscale.to_gateway"), None);
    }

    #[test]
    fn what_is_cut_off_or_failed_proves_nothing() {
        let asked = Asked { port: 18789, user_header: None, commanding: None };
        let whole = "State Recv-Q Send-Q Local Address:Port Peer Address:Port\n\
                     LISTEN 0 511 127.0.0.1:18789 0.0.0.0:*\n";
        let measured = |outcome: Outcome| matches!(outcome, Outcome::Measured(_));
        let read = |text, status| Witness::Sockets.outcome(text, status, &asked);
        assert!(measured(read(whole, Some(0))));
        assert!(!measured(read(whole, None)));
        assert!(!measured(read(whole, Some(1))));
        for witness in Witness::ALL {
            assert!(!measured(witness.outcome("", None, &asked)), "{witness:?}");
            assert!(
                !measured(witness.outcome("sh: not found\n", Some(127), &asked)),
                "{witness:?}"
            );
            assert!(!measured(witness.outcome("sh: not found\n", None, &asked)), "{witness:?}");
        }
        let wide = whole.replace("127.0.0.1", "0.0.0.0");
        for (text, status, open) in
            [(whole, None, false), (&wide, None, true), (&wide, Some(1), true)]
        {
            let Outcome::Unmeasured { partial: Some(report), .. } = read(text, status) else {
                panic!("{text}");
            };
            let seen: Vec<&String> = report.observed.keys().collect();
            let expected: &[&str] = if open { &["listener.loopback_only"] } else { &[] };
            assert_eq!(seen, expected);
        }
        assert!(measured(Witness::Serve.outcome("{}", None, &asked)));
        assert!(!measured(Witness::Serve.outcome("", None, &asked)));
        assert!(measured(Witness::Serve.outcome("", Some(0), &asked)));
        assert_eq!(
            Witness::Nginx.outcome("sh: 1: nginx: not found\n", Some(127), &asked),
            Outcome::Unmeasured {
                why: "The command ended with status 127: sh: 1: nginx: not found.".to_owned(),
                partial: None,
            }
        );
    }
}
