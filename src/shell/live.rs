//! Reading what is there: the config with its includes, the environment, the host.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::time::SystemTime;

use serde_json::Value;

use crate::app::Live;
use crate::json5;
use crate::openclaw::command::Gateway;
use crate::openclaw::config;
use crate::openclaw::config::Assembled;
use crate::openclaw::config::Config;
use crate::openclaw::config::ConfigError;
use crate::openclaw::config::FileRead;
use crate::openclaw::config::Files;
use crate::openclaw::config::LocateError;
use crate::openclaw::config::Located;
use crate::openclaw::config::Location;
use crate::openclaw::config::Unreadable;
use crate::openclaw::facts::ALWAYS;
use crate::openclaw::facts::Entry;
use crate::openclaw::facts::Facts;
use crate::openclaw::facts::Pairing;
use crate::openclaw::facts::World;
use crate::openclaw::logs::Sought;
use crate::openclaw::target::Target;
use crate::shell::installed;
use crate::shell::listen;
use crate::shell::pairing;
use crate::shell::service;
use crate::shell::service::Unit;
use crate::text::Mask;
use crate::text::Shown;
use crate::text::names_secret;

/// Where the gateway is and how its config is read.
#[derive(Clone, Debug)]
pub struct Source {
    located: Located,
    environment: BTreeMap<String, String>,
    home: Option<PathBuf>,
    cwd: PathBuf,
    config_flag: Option<PathBuf>,
    /// The host the gateway is on, where it is not this one.
    elsewhere: Option<String>,
    /// The config file.
    pub path: PathBuf,
    /// The state directory.
    pub state_dir: PathBuf,
}

/// A config with the texts it was read from, secrets and all: for editing, never for showing.
#[derive(Clone)]
pub struct Texts {
    /// The config.
    pub config: Box<Config>,
    /// What its files hold.
    pub files: Files,
    /// The folders beside the config's own that it may include from.
    pub roots: Vec<PathBuf>,
}

/// What tells one state of the config files from another without reading them.
pub type Stamp = Vec<Option<(SystemTime, u64, u64)>>;

impl Source {
    /// Finds the gateway's config.
    ///
    /// # Errors
    ///
    /// When it cannot be told where it is.
    pub fn find(config: Option<&Path>, profile: Option<&str>) -> Result<Self, LocateError> {
        let environment: BTreeMap<String, String> = env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let home = env::home_dir();
        let cwd = env::current_dir().unwrap_or_default();
        let flags = Location {
            config: config.map(Path::to_owned),
            profile: profile.map(str::to_owned),
            cwd: cwd.clone(),
        };
        let located = config::locate(&environment, home.as_deref(), &flags)?;
        let there = located.candidates.iter().find(|path| path.symlink_metadata().is_ok());
        let path = there.or_else(|| located.candidates.first()).cloned().unwrap_or_default();
        let legacy = located.legacy_state_dir.as_ref();
        let state_dir = match legacy.filter(|legacy| legacy.exists()) {
            Some(legacy) if !located.state_dir.exists() => legacy.clone(),
            _ => located.state_dir.clone(),
        };
        let config_flag = config.map(|_| path.clone());
        Ok(Self { located, environment, home, cwd, config_flag, elsewhere: None, path, state_dir })
    }

    /// Makes it the copy of a config whose gateway is on another host.
    ///
    /// Nothing that is seen on this host is then taken for anything of the gateway's.
    #[must_use]
    pub fn on(self, host: String) -> Self {
        Self { elsewhere: Some(host), environment: BTreeMap::new(), ..self }
    }

    /// Reads the config and works out what it means.
    #[must_use]
    pub fn read(&self) -> Live {
        let environment = self.environment();
        match self.assemble() {
            Ok(config) => {
                let mut mask = config.mask();
                let world = self.world(&config, environment);
                let facts = Facts::resolve_masked(&config, &world, &mask);
                hide(&mut mask, &world.environment, &referenced(&config.value));
                Live::Read { config, facts: Box::new(facts), mask }
            }
            Err(error) => {
                let hint = error.hint().map(|hint| format!(". {hint}")).unwrap_or_default();
                let mut mask = Mask::default();
                hide(&mut mask, &environment, &[]);
                let why = Shown::line(&mask.line(&format!("{error}{hint}"))).into_string();
                Live::Unreadable { why, mask }
            }
        }
    }

    /// Returns what a client of the gateway needs, its secret among it; none without a config.
    #[must_use]
    pub fn entry(&self, live: &Live) -> Option<Entry> {
        let config = live.config()?;
        Some(Entry::resolve(config, &self.world(config, self.environment())))
    }

    /// Returns the folder we were started in.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.cwd
    }

    /// Returns the addresses that something listens on at the gateway's port.
    #[must_use]
    pub fn listening(&self, live: &Live) -> Option<Vec<String>> {
        if self.elsewhere.is_some() {
            return None;
        }
        listen::listening(self.gateway(live).port).as_deref().map(listen::addresses)
    }

    /// Returns the unit of systemd that starts the gateway, where there is one.
    #[must_use]
    pub fn unit(&self) -> Option<Unit> {
        let profile = self.located.profile.as_deref();
        Unit::find(self.home.as_deref(), profile, &self.environment)
    }

    /// Returns the files that a config was read from.
    #[must_use]
    pub fn files(&self, live: &Live) -> Vec<PathBuf> {
        live.config().map_or_else(|| vec![self.path.clone()], |config| config.files.clone())
    }

    /// Says whether OpenClaw would take a file of this path for the config, now or later.
    #[must_use]
    pub fn is_config(&self, path: &Path) -> bool {
        let real = |path: &Path| {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            let folder = folder.unwrap_or(Path::new(".")).canonicalize().ok()?;
            Some(folder.join(path.file_name()?))
        };
        let path = real(path);
        let own = self.located.candidates.iter().chain([&self.path]);
        path.is_some() && own.map(|own| real(own)).any(|own| own == path)
    }

    /// Returns what tells whether the files of a config have changed.
    #[must_use]
    pub fn stamp(&self, live: &Live) -> Stamp {
        stamp(&self.files(live))
    }

    fn assemble(&self) -> Result<Box<Config>, ConfigError> {
        self.texts().map(|texts| texts.config)
    }

    /// Reads the config, and keeps what its files hold to the byte.
    ///
    /// # Errors
    ///
    /// When there is no config; see [`config::assemble_within`].
    pub fn texts(&self) -> Result<Texts, ConfigError> {
        let roots = config::include_roots(&self.environment, self.home.as_deref(), &self.cwd);
        let mut files = Files::new();
        loop {
            match config::assemble_within(&self.path, &files, &roots)? {
                Assembled::Complete(config) => return Ok(Texts { config, files, roots }),
                Assembled::Needs(path) => {
                    let read = self.read_file(&path, &roots);
                    files.insert(path, read);
                }
            }
        }
    }

    /// Reads one file of the config; an include that a link leads out of its folder is refused.
    fn read_file(&self, path: &Path, roots: &[PathBuf]) -> FileRead {
        if path != self.path
            && let (Ok(real), Some(Ok(dir))) =
                (path.canonicalize(), self.path.parent().map(Path::canonicalize))
        {
            let inside = |root: &Path| real.starts_with(root);
            let real_roots = roots.iter().filter_map(|root| root.canonicalize().ok());
            if !inside(&dir) && !real_roots.into_iter().any(|root| inside(&root)) {
                return FileRead::Unreadable(Unreadable::Outside(real));
            }
            if let Ok(metadata) = fs::metadata(&real)
                && metadata.is_file()
                && metadata.nlink() > 1
            {
                return FileRead::Unreadable(Unreadable::Linked(metadata.nlink()));
            }
        }
        read_bytes(path)
    }

    /// Returns the variables of `<state>/.env`.
    fn dotenv(&self) -> Vec<(String, String)> {
        if self.elsewhere.is_some() {
            return Vec::new();
        }
        let FileRead::Bytes(bytes) = read_bytes(&self.state_dir.join(".env")) else {
            return Vec::new();
        };
        String::from_utf8_lossy(&bytes).lines().filter_map(dotenv_line).collect()
    }

    fn world(&self, config: &Config, environment: BTreeMap<String, String>) -> World {
        let default_port = self.located.default_port;
        if let Some(host) = &self.elsewhere {
            let pairing = Some(Pairing::Unread(format!("it is on {host}")));
            let host = host.clone();
            return World { environment, host, default_port, pairing, ..World::default() };
        }
        let port = port(config, &environment, default_port);
        let listeners = listen::listening(port);
        let mut names = referenced(&config.value);
        names.extend(ALWAYS.map(str::to_owned));
        let added = self.dotenv();
        let asked = service::Asked { names: &names, ours: &environment, added: &added };
        let service = service::process(listeners.as_deref().unwrap_or_default(), &asked);
        let profile = self.located.profile.as_deref();
        let service = service.or_else(|| service::unit(self.home.as_deref(), profile, &asked));
        World {
            service,
            environment,
            host: hostname(),
            user: user(),
            state_dir: self.state_dir.display().to_string(),
            container: container(),
            listeners: listeners.as_deref().map(listen::addresses),
            config_mode: mode(&self.path),
            state_mode: mode(&self.state_dir),
            backups: Some(backups(&self.path)),
            sandbox_backend: Some(on_path("docker") || on_path("podman")),
            default_port,
            pairing: Some(pairing::read(&self.state_dir)),
        }
    }

    /// Names the gateway.
    #[must_use]
    pub fn target(&self) -> Target {
        if let Some(host) = &self.elsewhere {
            return Target {
                id: Target::id(host, "", ""),
                host: host.clone(),
                config: home_relative(&self.path, self.home.as_deref()),
                ..Target::default()
            };
        }
        let (host, user) = (hostname(), user());
        let real = self.path.canonicalize().unwrap_or_else(|_| self.path.clone());
        Target {
            id: Target::id(&host, &user, &real.display().to_string()),
            host,
            user,
            profile: self.located.profile.clone(),
            config: home_relative(&self.path, self.home.as_deref()),
            state_dir: home_relative(&self.state_dir, self.home.as_deref()),
            demo: false,
        }
    }

    /// Returns the environment as OpenClaw sees it: ours, then `<state>/.env`.
    #[must_use]
    pub fn environment(&self) -> BTreeMap<String, String> {
        let mut environment = self.environment.clone();
        for (name, value) in self.dotenv() {
            environment.entry(name).or_insert(value);
        }
        environment
    }

    /// Gathers the secrets of a config, to look for them where they should not be.
    #[must_use]
    pub fn secrets(&self, config: &Config) -> Sought {
        Sought::of(&config.value, &self.environment())
    }

    /// Returns the place that a config's path means, `~` being the home directory.
    #[must_use]
    pub fn from_home(&self, path: &str) -> PathBuf {
        match (path.strip_prefix("~/"), &self.home) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => self.cwd.join(path),
        }
    }

    /// Says what commands are run against.
    #[must_use]
    pub fn gateway(&self, live: &Live) -> Gateway {
        let config = live.config();
        let port = config.map_or(self.located.default_port, |config| {
            port(config, &self.environment, self.located.default_port)
        });
        Gateway {
            program: "openclaw".to_owned(),
            own: env::current_exe()
                .map_or_else(|_| String::new(), |path| path.display().to_string()),
            profile: self.located.profile.clone(),
            config: self.config_flag.as_ref().map(|path| path.display().to_string()),
            keep: config.map_or_else(Vec::new, |config| referenced(&config.value)),
            environment: self.environment.clone(),
            port,
            version: self.environment.get("PATH").and_then(|path| installed::version(path)),
            elsewhere: self.elsewhere.clone(),
        }
    }
}

fn port(config: &Config, environment: &BTreeMap<String, String>, default: u16) -> u16 {
    let said = environment.get("OPENCLAW_GATEWAY_PORT").and_then(|port| port.parse().ok());
    let written = config.get(&["gateway", "port"]).and_then(Value::as_u64);
    said.or_else(|| written.and_then(|port| u16::try_from(port).ok())).unwrap_or(default)
}

/// Returns the environment variables that a config refers to, each once, sorted.
fn referenced(value: &Value) -> Vec<String> {
    fn add<'v>(value: &'v Value, names: &mut BTreeSet<&'v str>) {
        match value {
            Value::Object(members) => {
                let text = |key| members.get(key).and_then(Value::as_str);
                if text("source") == Some("env") {
                    names.extend(text("id"));
                }
                members.values().for_each(|member| add(member, names));
            }
            Value::Array(elements) => elements.iter().for_each(|element| add(element, names)),
            Value::String(text) if text.contains('$') => names.extend(variables(text)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let mut names = BTreeSet::new();
    add(value, &mut names);
    names.into_iter().map(str::to_owned).collect()
}

/// Returns the names in `${NAME}`.
fn variables(text: &str) -> impl Iterator<Item = &str> {
    text.split("${").skip(1).filter_map(|rest| Some(rest.split_once('}')?.0))
}

/// Adds the secrets of the environment to a mask: by their names, and those that a config names.
fn hide(mask: &mut Mask, environment: &BTreeMap<String, String>, named: &[String]) {
    for (name, value) in environment {
        if names_secret(name) || named.contains(name) {
            mask.add(value);
        }
    }
}

/// Reads a regular file of bounded size. Nothing else is opened, so that nothing can hang.
pub(crate) fn read_bytes(path: &Path) -> FileRead {
    let refused = |error: &std::io::Error| {
        FileRead::Unreadable(match error.kind() {
            std::io::ErrorKind::NotFound => Unreadable::Missing,
            _ => Unreadable::Refused(error.to_string()),
        })
    };
    let opened = File::options().read(true).custom_flags(nix::libc::O_NONBLOCK).open(path);
    let file = match opened {
        Ok(file) => file,
        Err(error) => return refused(&error),
    };
    let metadata = match file.metadata() {
        Ok(metadata) => metadata,
        Err(error) => return refused(&error),
    };
    let kind = metadata.file_type();
    if !kind.is_file() {
        let what = if kind.is_dir() {
            "a directory"
        } else if kind.is_fifo() {
            "a FIFO"
        } else if kind.is_socket() {
            "a socket"
        } else {
            "a device"
        };
        return FileRead::Unreadable(Unreadable::NotRegular(what));
    }
    if metadata.len() > json5::MAX_BYTES as u64 {
        return FileRead::Unreadable(Unreadable::TooLarge(metadata.len()));
    }
    let mut bytes = Vec::new();
    match file.take(json5::MAX_BYTES as u64 + 1).read_to_end(&mut bytes) {
        Err(error) => refused(&error),
        Ok(read) if read > json5::MAX_BYTES => {
            FileRead::Unreadable(Unreadable::TooLarge(read as u64))
        }
        Ok(_) => FileRead::Bytes(bytes),
    }
}

pub(super) fn dotenv_line(line: &str) -> Option<(String, String)> {
    let line = line.trim();
    let line = line.strip_prefix("export ").unwrap_or(line);
    let (name, value) = line.split_once('=')?;
    let value = value.trim();
    let quoted = |quote| value.strip_prefix(quote).and_then(|value| value.strip_suffix(quote));
    let value = quoted('"').or_else(|| quoted('\'')).unwrap_or(value);
    (!name.trim_start().starts_with('#')).then(|| (name.trim().to_owned(), value.to_owned()))
}

fn stamp(paths: &[PathBuf]) -> Stamp {
    let stamp = |path: &PathBuf| {
        let metadata = fs::metadata(path).ok()?;
        Some((metadata.modified().ok()?, metadata.len(), metadata.ino()))
    };
    paths.iter().map(stamp).collect()
}

fn hostname() -> String {
    let name = nix::unistd::gethostname().ok();
    name.map_or_else(|| "unknown-host".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// Returns the name of the OS user, or their number.
#[must_use]
pub fn user() -> String {
    let uid = nix::unistd::geteuid();
    let user = nix::unistd::User::from_uid(uid).ok().flatten();
    user.map_or_else(|| uid.to_string(), |user| user.name)
}

fn container() -> Option<bool> {
    let marked = Path::new("/.dockerenv").exists() || Path::new("/run/.containerenv").exists();
    let kubernetes = env::var_os("KUBERNETES_SERVICE_HOST").is_some();
    cfg!(target_os = "linux").then_some(marked || kubernetes)
}

fn mode(path: &Path) -> Option<u32> {
    fs::metadata(path).ok().map(|metadata| metadata.mode() & 0o7777)
}

/// Lists the copies of the config that OpenClaw leaves beside it.
fn backups(config: &Path) -> Vec<String> {
    let (Some(dir), Some(name)) = (config.parent(), config.file_name()) else {
        return Vec::new();
    };
    let name = name.to_string_lossy().into_owned();
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    let names =
        entries.take(10_000).flatten().map(|e| e.file_name().to_string_lossy().into_owned());
    let marks = [".bak", ".last-good", ".rejected", ".clobbered"];
    let copy = |other: &String| {
        other.strip_prefix(&name).is_some_and(|rest| marks.iter().any(|m| rest.starts_with(m)))
    };
    let mut names: Vec<String> = names.filter(copy).collect();
    names.sort();
    names
}

fn on_path(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|dir| dir.join(program).is_file())
}

fn home_relative(path: &Path, home: Option<&Path>) -> String {
    match home.and_then(|home| path.strip_prefix(home).ok()) {
        Some(rest) if !rest.as_os_str().is_empty() => format!("~/{}", rest.display()),
        _ => path.display().to_string(),
    }
}
