//! What is run on another host for a gateway there, and how what is brought back is read.
//!
//! The same list is printed to be copied, and run over ssh. Nothing of it writes the config.

pub mod parcel;
pub mod ssh;

use crate::openclaw::command;
use crate::openclaw::command::Command;
use crate::openclaw::command::Gateway;
use crate::openclaw::command::quoted;
use crate::openclaw::witness::Witness;

/// The file that holds when it began and when it ended.
pub const TIME: &str = "time.txt";

/// The file that holds the config's sums, before and after.
pub const SUMS: &str = "config.sums";

/// The system of the other host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    /// Linux, WSL among it.
    Linux,
    /// macOS.
    Macos,
}

/// What an answer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// When it is taken.
    Time,
    /// Which config it is taken of.
    Sums,
    /// What a command of OpenClaw's says, by the name under which we know it.
    OpenClaw(&'static str),
    /// What another program says.
    Witness(Witness),
}

/// One command to be run on another host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Errand {
    /// What it is for.
    pub kind: Kind,
    /// The file that its answer goes into.
    pub file: &'static str,
    /// The command, for a POSIX shell.
    pub line: String,
    /// What it tells.
    pub tells: &'static str,
    /// What it may write although it only reads.
    pub writes: &'static str,
    /// Whether the file holds an answer before; it is added to, then.
    pub again: bool,
}

/// The command that says what time it is.
const CLOCK: &str = "date -u +%Y-%m-%dT%H:%M:%SZ";

/// What a program writes that only reads.
const NOTHING: &str = "writes nothing";

/// What nginx may write when it tests its configuration.
const WRITES_NGINX: &str = "may create nginx's log files and folders where there are none";

/// What the question for the config's path may write.
const WRITES_LOG: &str = "may write a line in the log that all gateways of this user share in the \
    system's temporary folder";

/// The commands of OpenClaw that are asked for, with what they tell.
const OPENCLAW: [(&str, &str, &str); 5] = [
    ("doctor-lint", "doctor.json", "what OpenClaw's own lint finds"),
    ("audit", "audit.json", "what OpenClaw's audit finds in config and files"),
    ("audit-deep", "audit-deep.json", "the same, and whether the running gateway lets it in"),
    ("health", "health.json", "whether the gateway says that it is well"),
    ("probe", "probe.json", "whether the gateway lets in who has its secret"),
];

/// Lists what is run, in its order.
///
/// `files` are the config's files but the first, below its folder, so that a change of them shows.
#[must_use]
pub fn errands(system: System, gateway: &Gateway, files: &[String]) -> Vec<Errand> {
    let sum = sum(system, gateway, files);
    let time = |again| Errand {
        kind: Kind::Time,
        file: TIME,
        line: CLOCK.to_owned(),
        tells: if again { "when it was done" } else { "when it began" },
        writes: NOTHING,
        again,
    };
    let sums = |again| Errand {
        kind: Kind::Sums,
        file: SUMS,
        line: sum.clone(),
        tells: if again {
            "that the config stayed the same meanwhile"
        } else {
            "which config it is about: its SHA-256, nothing of what it holds"
        },
        writes: WRITES_LOG,
        again,
    };
    let mut errands = vec![time(false), sums(false)];
    errands.extend(OPENCLAW.iter().filter_map(|&(name, file, tells)| {
        let command = command::command(name, gateway)?;
        let (line, writes) = (without_url(&command), command.writes);
        Some(Errand { kind: Kind::OpenClaw(command.name), file, line, tells, writes, again: false })
    }));
    errands.extend(Witness::ALL.map(|witness| {
        let (file, line, tells) = of(witness, system);
        let writes = if witness == Witness::Nginx { WRITES_NGINX } else { NOTHING };
        let (kind, line) = (Kind::Witness(witness), line.to_owned());
        Errand { kind, file, line, tells, writes, again: false }
    }));
    errands.extend([sums(true), time(true)]);
    errands
}

/// A command whose answer can be pasted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pasteable {
    /// The name under which we know it.
    pub name: &'static str,
    /// The command alone.
    pub command: String,
    /// One line that runs it and says around its answer when it was taken, of which config and how
    /// it ended. It runs on Linux and macOS.
    pub line: String,
}

/// Where the config's files are summed for an answer that is pasted.
#[derive(Clone, Copy, Debug)]
pub enum Summed<'a> {
    /// On the gateway's host, which knows its config itself; these are the other files below the
    /// config's folder.
    There(&'a [String]),
    /// Here, by their whole paths.
    Here(&'a [String]),
}

/// Makes a command of OpenClaw's pasteable; none for one whose answer cannot be brought.
#[must_use]
pub fn pasteable(name: &str, gateway: &Gateway, files: Summed<'_>) -> Option<Pasteable> {
    let (name, ..) = OPENCLAW.iter().find(|(known, ..)| *known == name)?;
    let command = without_url(&command::command(name, gateway)?);
    let of = |system| match files {
        Summed::There(files) => sum(system, gateway, files),
        Summed::Here(paths) => {
            let paths: Vec<String> = paths.iter().map(|path| quoted(path)).collect();
            format!("{} {}", program(system), paths.join(" "))
        }
    };
    let sums = format!("{} 2>/dev/null || {}", of(System::Linux), of(System::Macos));
    let line = format!(
        "{CLOCK}; {sums}; echo \"[check {name}]\"; {command} 2>&1; echo \"[exit status $?]\"; {sums}; \
         {CLOCK}"
    );
    Some(Pasteable { name, command, line })
}

/// Writes a command for a shell of which nobody knows the variables: one that names another gateway
/// would be asked instead of this one.
fn without_url(command: &Command) -> String {
    format!("env -u OPENCLAW_GATEWAY_URL {}", command.display())
}

/// Returns the file, the command and the purpose of a witness.
fn of(witness: Witness, system: System) -> (&'static str, &'static str, &'static str) {
    match (witness, system) {
        (Witness::Sockets, System::Linux) => {
            ("ss.txt", "ss -ltnp", "on which addresses the gateway really listens")
        }
        (Witness::Sockets, System::Macos) => (
            "ss.txt",
            "lsof -nP -iTCP -sTCP:LISTEN",
            "on which addresses the gateway really listens",
        ),
        (Witness::Tailscale, _) => (
            "tailscale.json",
            "tailscale status --json --peers=false",
            "whether Tailscale is connected; without the other machines",
        ),
        (Witness::Serve, _) => (
            "tailscale-serve.json",
            "tailscale serve status --json",
            "where Tailscale leads, by whomever it was set",
        ),
        (Witness::Funnel, _) => (
            "tailscale-funnel.json",
            "tailscale funnel status --json",
            "whether a Funnel is open, by whomever it was set",
        ),
        (Witness::Nginx, _) => (
            "nginx.txt",
            "nginx -T",
            "where nginx leads and which headers it overwrites; with `sudo` before it where only \
             root may read it. It prints all of nginx's configuration: look for secrets in it",
        ),
        (Witness::Docker, _) => (
            "docker.txt",
            r"docker ps --format '{{.Names}}\t{{.Ports}}'",
            "which containers publish which ports",
        ),
    }
}

/// Returns the program that sums files.
fn program(system: System) -> &'static str {
    match system {
        System::Linux => "sha256sum",
        System::Macos => "shasum -a 256",
    }
}

/// Returns the command that sums the config's files.
fn sum(system: System, gateway: &Gateway, files: &[String]) -> String {
    let program = program(system);
    let profile = gateway.profile.as_ref();
    let profile = profile.map(|name| format!(" --profile {}", quoted(name))).unwrap_or_default();
    let file = format!("openclaw{profile} config file");
    let mut line = format!("{program} \"$({file})\"");
    for name in files {
        line.push_str(&format!(" \"$(dirname \"$({file})\")\"/{}", quoted(name)));
    }
    line
}

impl Kind {
    /// Returns the name under which an answer is taken.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Sums => "sums",
            Self::OpenClaw(name) => name,
            Self::Witness(witness) => witness.name(),
        }
    }
}

impl Errand {
    /// Returns the name under which `portcullis import` takes it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.kind.name()
    }

    /// Returns the line that runs it and keeps its answer, to be copied.
    #[must_use]
    pub fn kept(&self) -> String {
        let Self { line, file, .. } = self;
        let into = if self.again { ">>" } else { ">" };
        match self.kind {
            Kind::Time | Kind::Sums => format!("{line} {into} {file}"),
            Kind::OpenClaw(_) | Kind::Witness(_) => {
                format!("{line} {into} {file} 2>&1; echo \"[exit status $?]\" >> {file}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_has_a_file_of_its_own_but_what_is_taken_twice() {
        for system in [System::Linux, System::Macos] {
            let errands = errands(system, &Gateway::default(), &[]);
            let mut files: Vec<&str> =
                errands.iter().filter(|errand| !errand.again).map(|errand| errand.file).collect();
            let again: Vec<&str> =
                errands.iter().filter(|errand| errand.again).map(|errand| errand.file).collect();
            assert_eq!(again, [SUMS, TIME]);
            assert!(again.iter().all(|file| files.contains(file)));
            let count = files.len();
            files.sort_unstable();
            files.dedup();
            assert_eq!(files.len(), count);
            assert!(errands.iter().all(|errand| !errand.writes.is_empty()));
        }
    }

    #[test]
    fn the_config_is_summed_with_its_includes() {
        let gateway = Gateway { profile: Some("work".to_owned()), ..Gateway::default() };
        let files = ["parts/it's.json5".to_owned()];
        let sums = &errands(System::Linux, &gateway, &files)[1];
        assert_eq!(
            sums.kept(),
            r#"sha256sum "$(openclaw --profile work config file)" "$(dirname "$(openclaw --profile work config file)")"/'parts/it'\''s.json5' > config.sums"#
        );
        assert_eq!(
            errands(System::Macos, &Gateway::default(), &[])[1].line,
            r#"shasum -a 256 "$(openclaw config file)""#
        );
    }

    #[test]
    fn the_lines_say_how_they_ended() {
        let errands = errands(System::Linux, &Gateway::default(), &[]);
        let health = errands.iter().find(|errand| errand.name() == "health").unwrap();
        assert_eq!(
            health.kept(),
            "env -u OPENCLAW_GATEWAY_URL npm_config_fetch_retries=0 npm_config_offline=true openclaw health --json --timeout \
             3000 > health.json 2>&1; echo \"[exit status $?]\" >> health.json"
        );
    }
}
