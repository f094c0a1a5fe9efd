//! The same commands over the system's ssh: where to, and with which arguments.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::openclaw::command::Command;
use crate::openclaw::command::quoted;
use crate::openclaw::errand::Errand;
use crate::openclaw::errand::Kind;

/// How long a command may take there, beside what it takes to connect.
const DEADLINE: Duration = Duration::from_mins(1);

/// How long a command of OpenClaw's may take there, the deep audit being the slowest.
const DEADLINE_OPENCLAW: Duration = Duration::from_mins(3);

/// What ssh must not do: ask, forward, run a command here, or wait for a host that is gone.
const OPTIONS: [&str; 8] = [
    "BatchMode=yes",
    "ConnectTimeout=15",
    "ServerAliveInterval=10",
    "ServerAliveCountMax=3",
    "ClearAllForwardings=yes",
    "ForwardAgent=no",
    "ForwardX11=no",
    "PermitLocalCommand=no",
];

/// The variables that ssh needs of ours.
pub const KEPT: [&str; 7] =
    ["PATH", "HOME", "USER", "LOGNAME", "LANG", "SSH_AUTH_SOCK", "XDG_RUNTIME_DIR"];

/// Where ssh connects to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// The user and the host, or a name of ssh's own config.
    pub host: String,
    /// The port, where one is named.
    pub port: Option<u16>,
    /// The config file of ssh, where another than its own is named.
    pub config: Option<String>,
}

impl Destination {
    /// Reads `ssh:user@host` or `ssh:user@host:port`; none where it is neither.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("ssh:")?;
        let rest = rest.strip_prefix("//").unwrap_or(rest);
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') => (host, Some(port.parse().ok()?)),
            _ => (rest, None),
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || "@._-:%".contains(c);
        let good = !host.is_empty() && !host.starts_with('-') && host.chars().all(plain);
        good.then(|| Self { host: host.to_owned(), port, config: None })
    }

    /// Returns the host's name without the user.
    #[must_use]
    pub fn name(&self) -> &str {
        self.host.rsplit_once('@').map_or(&self.host, |(_, host)| host)
    }

    /// Makes the command that runs an errand there, through a login shell, which knows the PATH.
    #[must_use]
    pub fn command(&self, errand: &Errand, environment: BTreeMap<String, String>) -> Command {
        let mut argv = vec!["ssh".to_owned(), "-T".to_owned()];
        if let Some(config) = &self.config {
            argv.extend(["-F".to_owned(), config.clone()]);
        }
        for option in OPTIONS {
            argv.extend(["-o".to_owned(), option.to_owned()]);
        }
        if let Some(port) = self.port {
            argv.extend(["-p".to_owned(), port.to_string()]);
        }
        argv.extend(["--".to_owned(), self.host.clone()]);
        argv.push(format!("sh -lc {}", quoted(&errand.line)));
        Command {
            name: errand.name(),
            argv,
            environment,
            deadline: match errand.kind {
                Kind::OpenClaw(_) => DEADLINE_OPENCLAW,
                Kind::Time | Kind::Sums | Kind::Witness(_) => DEADLINE,
            },
            elsewhere: None,
            writes: errand.writes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openclaw::command::Gateway;
    use crate::openclaw::errand;
    use crate::openclaw::errand::System;

    #[test]
    fn a_destination_is_a_host_and_never_an_option() {
        let read = |text| Destination::parse(text).map(|it| (it.host, it.port));
        let host = |host: &str, port| Some((host.to_owned(), port));
        assert_eq!(read("ssh:claw@vega"), host("claw@vega", None));
        assert_eq!(read("ssh://claw@vega:2222"), host("claw@vega", Some(2222)));
        assert_eq!(read("ssh:vega"), host("vega", None));
        for wrong in
            ["vega", "ssh:", "ssh:-oProxyCommand=x", "ssh:a b", "ssh:a:b", "ssh:$(x)", "ssh:a;b"]
        {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        assert_eq!(Destination::parse("ssh:claw@vega.lan:1").unwrap().name(), "vega.lan");
    }

    #[test]
    fn nothing_is_asked_and_nothing_forwarded() {
        let to = Destination::parse("ssh:claw@vega:2222").unwrap();
        let errands = errand::errands(System::Linux, &Gateway::default(), &[]);
        let command = to.command(&errands[1], BTreeMap::new());
        assert_eq!(
            command.short(),
            r#"ssh -T -o BatchMode=yes -o ConnectTimeout=15 -o ServerAliveInterval=10 -o ServerAliveCountMax=3 -o ClearAllForwardings=yes -o ForwardAgent=no -o ForwardX11=no -o PermitLocalCommand=no -p 2222 -- claw@vega 'sh -lc '\''sha256sum "$(openclaw config file)"'\'''"#
        );
    }
}
