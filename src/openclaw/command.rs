//! Every OpenClaw command we run: its argv, environment, deadline, side effects, and how its
//! answer is read.

mod answer;
mod audit;
mod doctor;
mod environment;
mod health;
mod plain;
mod probe;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

pub(crate) use crate::openclaw::command::answer::document;
pub(crate) use crate::openclaw::command::answer::documents;
pub use crate::openclaw::command::answer::read;
pub(crate) use crate::openclaw::command::plain::quote;

/// A command as it will be run: no shell, nothing hidden.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The name a runbook's check gives, such as `audit-deep`.
    pub name: &'static str,
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// The whole environment of the process.
    pub environment: BTreeMap<String, String>,
    /// When it is stopped, counted from its start.
    pub deadline: Duration,
    /// The other host that its gateway is on, so that it is not run here.
    pub elsewhere: Option<String>,
    /// What it may write although it only reads, for the operator to agree to.
    pub writes: &'static str,
}

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Why it ended.
    pub end: End,
    /// What it printed, decoded and masked, bounded.
    pub stdout: String,
    /// What it printed on the other stream, decoded and masked, bounded.
    pub stderr: String,
    /// Whether more was printed than was kept.
    pub truncated: bool,
    /// How long it took.
    pub took: Duration,
}

impl Ended {
    /// Says that nothing was started, and why.
    #[must_use]
    pub fn not_started(why: String) -> Self {
        Self {
            end: End::NotStarted(why),
            stdout: String::new(),
            stderr: String::new(),
            truncated: false,
            took: Duration::ZERO,
        }
    }
}

/// Why a process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// By itself, with this exit status.
    Exit(i32),
    /// A signal ended it.
    Signal(i32),
    /// The deadline passed and it was stopped.
    Deadline,
    /// The operator stopped it.
    Cancelled,
    /// It could not be started.
    NotStarted(String),
}

/// What commands are run against.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gateway {
    /// The program, `openclaw` where nothing else is said.
    pub program: String,
    /// Our own program, `portcullis` where nothing else is said.
    pub own: String,
    /// OpenClaw's profile, where one is named.
    pub profile: Option<String>,
    /// The config file the operator named, where they did.
    pub config: Option<String>,
    /// The environment visible to us, of which commands get what they need.
    pub environment: BTreeMap<String, String>,
    /// The names of variables that the config refers to.
    ///
    /// Without them OpenClaw sees an empty secret, and its audit reports a gateway without auth.
    pub keep: Vec<String>,
    /// The port on which the gateway is probed.
    pub port: u16,
    /// The version of OpenClaw that is installed; none where that cannot be seen.
    pub version: Option<String>,
    /// The host the gateway is on, where it is not this one.
    pub elsewhere: Option<String>,
}

/// The names under which runbooks know commands.
pub const NAMES: [&str; 9] = [
    "doctor-lint",
    "doctor",
    "audit",
    "audit-deep",
    "health",
    "probe",
    "connections",
    "logs",
    "rehearsal",
];

/// The name of the probe of a gateway elsewhere, as a client's config names it.
pub const REMOTE_PROBE: &str = "remote-probe";

/// The names of the commands that are our own.
pub const OWN: [&str; 4] = ["connections", "logs", "move", "rehearsal"];

/// What a command that first brings the state up to date may write.
const WRITES_STATE: &str = "may write OpenClaw's own state before it reads: \
    state/openclaw.sqlite and plugin-skills/ beside the config, npm's log folder, and a line in \
    the log that all gateways of this user share in the system's temporary folder; never the config";

/// What a command that only opens the state may write.
const WRITES_LITTLE: &str = "may create state/openclaw.sqlite beside the config where there is \
    none, and write a line in the log that all gateways of this user share in the system's \
    temporary folder; never the config";

/// What plain doctor may write.
const WRITES_DOCTOR: &str = "may migrate OpenClaw's own state (state/openclaw.sqlite, \
    cron/jobs.json beside the config) and write a line in the log that all gateways of this user \
    share in the system's temporary folder; its input is closed, so it cannot be told to repair \
    the config";

/// What the probe may write, and how it gets at the token.
const WRITES_PROBE: &str = "connects to the gateway on this host with the token or password that \
    the config or OPENCLAW_GATEWAY_TOKEN holds, never on the command line; may write \
    state/openclaw.sqlite and plugin-skills/ beside the config, and asks the local network for \
    gateways (mDNS, 1.2 s)";

/// What our own connections do.
const WRITES_CONNECTIONS: &str = "connects to the gateway on this host, over WebSocket and HTTP: \
    with nothing, with its own secret, with a made-up one, as a page of a foreign site, and with \
    the headers of a proxy; the gateway logs the refusals. Nothing else is written";

/// What the search of the logs does.
const WRITES_NOTHING: &str = "reads OpenClaw's logs, and with journalctl those of its service, and \
    looks for the secrets of the config in memory; writes nothing, and prints where one stands, never what it is";

/// How long a card's command may take.
const CARD: Duration = Duration::from_mins(1);

/// What the rehearsal writes.
const WRITES_REHEARSAL: &str = "copies the config and its includes into a private folder (0700) that \
    is removed again, and runs OpenClaw on the copy there: config patch, validate and audit; \
    OpenClaw writes a line in the log that all gateways of this user share in the system's \
    temporary folder; never the live config or its state";

/// Makes a command ready to run; none where the name is unknown.
#[must_use]
pub fn command(name: &str, gateway: &Gateway) -> Option<Command> {
    let port = gateway.port.to_string();
    let (name, arguments, seconds, writes): (_, &[&str], _, _) = match name {
        "doctor-lint" => ("doctor-lint", &["doctor", "--lint", "--json"], 90, WRITES_LITTLE),
        "doctor" => ("doctor", &["doctor"], 90, WRITES_DOCTOR),
        "audit" => ("audit", &["security", "audit", "--json"], 90, WRITES_STATE),
        "audit-deep" => {
            ("audit-deep", &["security", "audit", "--deep", "--json"], 150, WRITES_STATE)
        }
        "health" => ("health", &["health", "--json", "--timeout", "3000"], 20, WRITES_LITTLE),
        // Given `--port`, the probe tries this host's gateway alone and takes the credentials
        // from the config or the environment; given `--url`, it wants them on the command line.
        // Without a known port it finds the config's own.
        "probe" if gateway.port == 0 => {
            ("probe", &["gateway", "probe", "--json"], 40, WRITES_PROBE)
        }
        "probe" => ("probe", &["gateway", "probe", "--port", &port, "--json"], 40, WRITES_PROBE),
        "connections" => {
            ("connections", &["connections", "--format", "json"], 60, WRITES_CONNECTIONS)
        }
        "logs" => ("logs", &["logs", "--format", "json"], 60, WRITES_NOTHING),
        "rehearsal" => {
            ("rehearsal", &["rollback", "--rehearse", "--format", "json"], 600, WRITES_REHEARSAL)
        }
        _ => return None,
    };
    Some(made(name, arguments, seconds, writes, gateway))
}

/// Makes the command that rehearses a patch of a file on a copy of the live config.
#[must_use]
pub fn rehearse(file: &str, gateway: &Gateway) -> Command {
    made("move", &["rehearse", file, "--format", "json"], 600, WRITES_REHEARSAL, gateway)
}

fn made(
    name: &'static str,
    arguments: &[&str],
    seconds: u64,
    writes: &'static str,
    gateway: &Gateway,
) -> Command {
    let own = OWN.contains(&name);
    let program = match (own, gateway.program.as_str(), gateway.own.as_str()) {
        (false, "", _) => "openclaw",
        (false, program, _) => program,
        (true, _, "") => "portcullis",
        (true, _, own) => own,
    };
    let mut argv = vec![program.to_owned()];
    if let Some(profile) = &gateway.profile {
        argv.extend(["--profile".to_owned(), profile.clone()]);
    }
    if let Some(config) = gateway.config.as_ref().filter(|_| own) {
        argv.extend(["--config".to_owned(), config.clone()]);
    }
    argv.extend(arguments.iter().map(ToString::to_string));
    Command {
        name,
        argv,
        environment: environment::stated(gateway),
        deadline: Duration::from_secs(seconds),
        elsewhere: gateway.elsewhere.clone(),
        writes,
    }
}

/// Makes a command of OpenClaw's that no runbook names, such as one that runs on a copy.
#[must_use]
pub fn openclaw(
    name: &'static str,
    arguments: &[&str],
    deadline: Duration,
    gateway: &Gateway,
) -> Command {
    let program = if gateway.program.is_empty() { "openclaw" } else { &gateway.program };
    let profile = gateway.profile.iter().flat_map(|profile| ["--profile", profile]);
    let argv = std::iter::once(program).chain(profile).chain(arguments.iter().copied());
    Command {
        name,
        argv: argv.map(str::to_owned).collect(),
        environment: environment::stated(gateway),
        deadline,
        elsewhere: gateway.elsewhere.clone(),
        writes: "",
    }
}

/// Makes a card's command ready to run as it stands, without a shell; none where it needs one.
#[must_use]
pub fn card(line: &str, gateway: &Gateway) -> Option<Command> {
    let shell = ['|', ';', '&', '<', '>', '`', '$', '*', '?'];
    let mut quoted = None;
    let needs_a_shell = line.chars().any(|c| match quoted {
        None if c == '\'' || c == '"' => {
            quoted = Some(c);
            false
        }
        None => shell.contains(&c),
        Some(open) => {
            if c == open {
                quoted = None;
            }
            open == '"' && (c == '$' || c == '`')
        }
    });
    let words = shlex::split(line).filter(|words| !needs_a_shell && !words.is_empty())?;
    let (program, arguments) = words.split_first()?;
    if program == "openclaw" {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        return Some(openclaw("card", &arguments, CARD, gateway));
    }
    Some(Command {
        name: "card",
        argv: words,
        environment: environment::stated(gateway),
        deadline: CARD,
        writes: "",
        elsewhere: gateway.elsewhere.clone(),
    })
}

impl Command {
    /// Tells whether it is a command of our own.
    #[must_use]
    pub fn is_own(&self) -> bool {
        OWN.contains(&self.name)
    }

    /// Returns the line an operator could paste to run the same command.
    ///
    /// It begins with the variables that change what the command does. A secret in an argument
    /// is shown as the variable that holds it.
    #[must_use]
    pub fn display(&self) -> String {
        let mut line = String::new();
        for name in environment::TELLING.into_iter().filter(|_| !self.is_own()) {
            if let Some(value) = self.environment.get(name) {
                let _ = write!(line, "{name}={} ", quoted(value));
            }
        }
        line.push_str(&self.short());
        if self.name == "doctor" {
            line.push_str(" </dev/null");
        }
        line
    }

    /// Returns the program and its arguments as one line, quoted for a shell, secrets hidden.
    #[must_use]
    pub fn short(&self) -> String {
        let mut words: Vec<_> = self.argv.iter().map(|word| self.shown(word)).collect();
        if let Some(program) = words.first_mut().filter(|_| self.is_own()) {
            "portcullis".clone_into(program);
        }
        words.join(" ")
    }

    /// Quotes an argument, or names the variable whose secret value it holds.
    fn shown(&self, word: &str) -> String {
        let secret = self.environment.iter().find(|(name, value)| {
            environment::names_a_secret(name) && !value.is_empty() && word.contains(value.as_str())
        });
        match secret {
            Some((name, value)) if word == value => format!("\"${name}\""),
            Some((name, value)) => {
                let around: Vec<_> = word.split(value.as_str()).map(bare_or_quoted).collect();
                around.join(&format!("\"${name}\""))
            }
            None => quoted(word),
        }
    }
}

/// Quotes a word for a POSIX shell where it needs it.
pub(crate) fn quoted(word: &str) -> String {
    if word.is_empty() {
        return "''".to_owned();
    }
    bare_or_quoted(word)
}

/// Quotes a part of a word for a POSIX shell where it needs it; nothing stays nothing.
fn bare_or_quoted(word: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "_-./:=@%+,".contains(c);
    if word.chars().all(safe) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "f3b1c0ffee5ca1ab1e0ddba11deadbeefcafe0123456789a";

    fn gateway() -> Gateway {
        Gateway {
            version: None,
            program: "openclaw".to_owned(),
            own: "/opt/bin/portcullis".to_owned(),
            profile: None,
            config: None,
            environment: [
                ("PATH", "/usr/bin"),
                ("HOME", "/home/claw"),
                ("LC_ALL", "C.UTF-8"),
                ("XDG_RUNTIME_DIR", "/run/user/7"),
                ("HTTPS_PROXY", "http://proxy"),
                ("AWS_SECRET_ACCESS_KEY", "not for openclaw"),
                ("TELEGRAM_BOT", "referenced"),
                ("OPENCLAW_GATEWAY_TOKEN", TOKEN),
                ("OPENCLAW_GATEWAY_URL", "wss://elsewhere"),
                ("TERM", "xterm"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
            keep: vec!["TELEGRAM_BOT".to_owned()],
            port: 18789,
            elsewhere: None,
        }
    }

    #[test]
    fn every_name_is_a_command_and_no_other_is() {
        let gateway = gateway();
        for name in NAMES {
            assert_eq!(command(name, &gateway).map(|command| command.name), Some(name));
        }
        assert_eq!(command("doctor --fix", &gateway), None);
    }

    #[test]
    fn no_secret_is_on_any_command_line() {
        for name in NAMES {
            let command = command(name, &gateway()).unwrap();
            assert!(!command.argv.concat().contains(TOKEN), "{name}");
            assert!(!command.display().contains(TOKEN), "{name}");
        }
    }

    #[test]
    fn the_lines_can_be_pasted() {
        let lines = NAMES.map(|name| command(name, &gateway()).unwrap().short());
        assert_eq!(
            lines,
            [
                "openclaw doctor --lint --json",
                "openclaw doctor",
                "openclaw security audit --json",
                "openclaw security audit --deep --json",
                "openclaw health --json --timeout 3000",
                "openclaw gateway probe --port 18789 --json",
                "portcullis connections --format json",
                "portcullis logs --format json",
                "portcullis rollback --rehearse --format json",
            ]
        );
        assert_eq!(
            command("doctor", &gateway()).unwrap().display(),
            "npm_config_fetch_retries=0 npm_config_offline=true openclaw doctor </dev/null"
        );
    }

    #[test]
    fn without_a_known_port_the_probe_finds_the_configs_own() {
        let gateway = Gateway { port: 0, ..gateway() };
        assert_eq!(command("probe", &gateway).unwrap().short(), "openclaw gateway probe --json");
    }

    #[test]
    fn a_profile_goes_first_and_a_config_into_the_environment() {
        let gateway = Gateway {
            profile: Some("front desk".to_owned()),
            config: Some("/srv/it's/openclaw.json".to_owned()),
            ..gateway()
        };
        assert_eq!(
            command("audit", &gateway).unwrap().display(),
            r"OPENCLAW_CONFIG_PATH='/srv/it'\''s/openclaw.json' npm_config_fetch_retries=0 npm_config_offline=true openclaw --profile 'front desk' security audit --json"
        );
    }

    #[test]
    fn a_secret_argument_is_shown_as_its_variable() {
        let mut command = command("probe", &gateway()).unwrap();
        command.argv = vec!["x".into(), TOKEN.into(), format!("--token={TOKEN}"), String::new()];
        assert_eq!(
            command.short(),
            r#"x "$OPENCLAW_GATEWAY_TOKEN" --token="$OPENCLAW_GATEWAY_TOKEN" ''"#
        );
    }

    #[test]
    fn the_environment_is_stated_and_minimal() {
        let environment = command("audit", &gateway()).unwrap().environment;
        let names: Vec<_> = environment.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                "HOME",
                "LC_ALL",
                "NO_COLOR",
                "OPENCLAW_GATEWAY_TOKEN",
                "PATH",
                "TELEGRAM_BOT",
                "TERM",
                "XDG_RUNTIME_DIR",
                "npm_config_fetch_retries",
                "npm_config_offline",
            ]
        );
        assert_eq!(environment["TERM"], "dumb");
    }
}
