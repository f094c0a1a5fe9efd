//! The environment of the gateway's own service: of the process that listens on its port, else of
//! the unit that starts it. A value is compared and classed where it is read, and goes no further.
#![expect(clippy::disallowed_methods, reason = "one of the modules that look at the world")]

use std::collections::BTreeMap;
use std::fs;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;

use crate::openclaw::facts::Service;
use crate::openclaw::facts::Variable;
use crate::openclaw::secret;
use crate::shell::listen::Listener;

/// How much of an environment or a unit is read.
const MAX_BYTES: u64 = 4 << 20;

/// How many processes, and of each how many open files, are looked at.
const PROCESSES: usize = 20_000;
const FILES: usize = 20_000;

/// What is asked, and what it is held against.
pub(super) struct Asked<'a> {
    /// The names of the variables.
    pub(super) names: &'a [String],
    /// Our own environment.
    pub(super) ours: &'a BTreeMap<String, String>,
    /// What the gateway adds to its own when it starts, where that lacks it.
    pub(super) added: &'a [(String, String)],
}

impl Asked<'_> {
    fn answer(&self, place: String, complete: bool, found: &[(String, String)]) -> Service {
        let named = |name: &&String| {
            let all = found.iter().rev().chain(self.added);
            let (_, value) = all.into_iter().find(|(other, _)| other == *name)?;
            let same = self.ours.get(*name).map(|ours| ours == value);
            Some(((*name).clone(), Variable { class: secret::class(value), same }))
        };
        let variables = self.names.iter().filter_map(|name| named(&name)).collect();
        Service { place, variables, complete }
    }
}

/// Looks at the process that listens on the gateway's port, where it may be looked at.
pub(super) fn process(listeners: &[Listener], asked: &Asked<'_>) -> Option<Service> {
    let sockets: Vec<PathBuf> = (listeners.iter().filter(|listener| listener.inode != 0))
        .map(|listener| PathBuf::from(format!("socket:[{}]", listener.inode)))
        .collect();
    if sockets.is_empty() {
        return None;
    }
    let me = nix::unistd::geteuid().as_raw();
    let processes = fs::read_dir("/proc").ok()?.flatten().take(PROCESSES).filter(|entry| {
        entry.file_name().as_bytes().iter().all(u8::is_ascii_digit)
            && entry.metadata().is_ok_and(|metadata| me == 0 || metadata.uid() == me)
    });
    let holds = |process: &Path| {
        let files = fs::read_dir(process.join("fd")).into_iter().flatten().flatten().take(FILES);
        files.flat_map(|file| fs::read_link(file.path())).any(|to| sockets.contains(&to))
    };
    let process = processes.map(|entry| entry.path()).find(|process| holds(process))?;
    // Anyone may listen there; only OpenClaw's own environment is asked about.
    let command = bytes(&process.join("cmdline"))?;
    if !String::from_utf8_lossy(&command).to_lowercase().contains("openclaw") {
        return None;
    }
    let environment = bytes(&process.join("environ"))?;
    let lines = environment.split(|&byte| byte == 0).map(String::from_utf8_lossy);
    let found: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once('=').map(|(name, value)| (name.into(), value.into())))
        .collect();
    Some(asked.answer("the gateway's process".to_owned(), true, &found))
}

/// The unit of systemd that starts a gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Its name.
    pub name: String,
    /// Whether it is of the user's own systemd, and not of the system's.
    pub of_user: bool,
    path: PathBuf,
}

impl Unit {
    /// Finds the one of a profile: the user's own before the system's.
    pub(super) fn find(
        home: Option<&Path>,
        profile: Option<&str>,
        environment: &BTreeMap<String, String>,
    ) -> Option<Self> {
        let name = match profile {
            Some(profile) => format!("openclaw-gateway-{profile}.service"),
            None => "openclaw-gateway.service".to_owned(),
        };
        let ours = environment.get("XDG_CONFIG_HOME").map(PathBuf::from);
        let config = ours.or_else(|| home.map(|home| home.join(".config")));
        let own = config.map(|config| (config.join("systemd/user"), true));
        let folders = own.into_iter().chain([(PathBuf::from("/etc/systemd/system"), false)]);
        let mut units = folders.map(|(folder, of_user)| (folder.join(&name), of_user));
        let (path, of_user) = units.find(|(unit, _)| unit.is_file())?;
        Some(Self { name, of_user, path })
    }
}

/// Looks at the one unit that starts the gateway, where there is one.
pub(super) fn unit(
    home: Option<&Path>,
    profile: Option<&str>,
    asked: &Asked<'_>,
) -> Option<Service> {
    let unit = Unit::find(home, profile, asked.ours)?;
    let text = String::from_utf8_lossy(&bytes(&unit.path)?).into_owned();
    let mut found = Vec::new();
    for (key, value) in settings(&text) {
        match key {
            "Environment" if value.is_empty() => found.clear(),
            "Environment" => found.extend(assignments(&value)),
            "EnvironmentFile" => {
                let path = value.trim_start_matches('-').replace("%h", &shown(home));
                let text = bytes(Path::new(&path)).unwrap_or_default();
                let text = String::from_utf8_lossy(&text).into_owned();
                found.extend(text.lines().filter_map(super::live::dotenv_line));
            }
            _ => {}
        }
    }
    Some(asked.answer(format!("the unit {}", unit.name), false, &found))
}

fn shown(path: Option<&Path>) -> String {
    path.map(|path| path.display().to_string()).unwrap_or_default()
}

/// Returns the settings of a unit's service, lines that go on joined.
fn settings(text: &str) -> Vec<(&str, String)> {
    let mut found: Vec<(&str, String)> = Vec::new();
    let (mut within, mut goes_on) = (false, false);
    for line in text.lines() {
        let line = line.trim();
        if goes_on && let Some((_, value)) = found.last_mut() {
            goes_on = line.ends_with('\\');
            value.push(' ');
            value.push_str(line.trim_end_matches('\\'));
            continue;
        }
        if line.starts_with('[') {
            within = line == "[Service]";
        } else if within
            && !line.starts_with(['#', ';'])
            && let Some((key, value)) = line.split_once('=')
        {
            goes_on = value.ends_with('\\');
            found.push((key.trim(), value.trim().trim_end_matches('\\').to_owned()));
        }
    }
    found
}

/// Reads the assignments of an `Environment=` line, which quotes take together.
fn assignments(text: &str) -> Vec<(String, String)> {
    let mut words = vec![String::new()];
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(next) = chars.next() {
        let Some(word) = words.last_mut() else { break };
        match (quote, next) {
            (Some(open), c) if c == open => quote = None,
            (_, '\\') => word.extend(chars.next()),
            (None, '"' | '\'') => quote = Some(next),
            (None, c) if c.is_whitespace() => words.push(String::new()),
            (_, c) => word.push(c),
        }
    }
    let pair = |word: &String| {
        let (name, value) = word.split_once('=')?;
        Some((name.to_owned(), value.to_owned()))
    };
    words.iter().filter_map(pair).collect()
}

/// Reads what is there at once: a FIFO is not waited for, and there is an end.
fn bytes(path: &Path) -> Option<Vec<u8>> {
    let mut options = File::options();
    let file = options.read(true).custom_flags(nix::libc::O_NONBLOCK).open(path).ok()?;
    file.metadata().ok().filter(fs::Metadata::is_file)?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_assignments_of_a_unit_are_read_as_systemd_reads_them() {
        let unit = "[Unit]\nEnvironment=NOT=1\n[Service]\n# Environment=NOR=1\n\
            Environment=\"A=1 2\" B='x y' \\\n  C=3\nEnvironment = D=\\\"4\nExecStart=/bin/x E=5\n";
        let found = settings(unit).into_iter().filter(|(key, _)| *key == "Environment");
        let found: Vec<_> = found.flat_map(|(_, value)| assignments(&value)).collect();
        let expected = [("A", "1 2"), ("B", "x y"), ("C", "3"), ("D", "\"4")];
        assert_eq!(found, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
}
