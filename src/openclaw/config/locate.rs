//! Where OpenClaw finds its config, from flags and environment alone.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

use crate::openclaw::config::include::normal;

/// What our own flags say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Location {
    /// `--config`.
    pub config: Option<PathBuf>,
    /// `--profile`.
    pub profile: Option<String>,
    /// The folder that relative paths start from.
    pub cwd: PathBuf,
}

/// Where the config is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// The files it may be, the first that exists is it; when none does, OpenClaw would write the
    /// first.
    pub candidates: Vec<PathBuf>,
    /// The state directory.
    pub state_dir: PathBuf,
    /// The one it is instead when this one exists and `state_dir` does not.
    pub legacy_state_dir: Option<PathBuf>,
    /// The named profile, which also names logs and the default port.
    pub profile: Option<String>,
    /// The gateway's port, unless config, environment or flag say another.
    pub default_port: u16,
    /// What decided.
    pub why: Why,
}

/// What decides where the config is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// `--config`.
    ConfigFlag,
    /// `OPENCLAW_CONFIG_PATH`.
    ConfigPath,
    /// `OPENCLAW_STATE_DIR`.
    StateDir,
    /// `--profile`.
    Profile,
    /// `OPENCLAW_HOME`.
    Home,
    /// Nothing: the default in the user's home.
    Default,
}

/// Why it cannot be told where the config is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LocateError {
    /// Not a name OpenClaw takes for a profile.
    #[error("`{0}` is not a profile's name: up to 64 letters, digits, `-` and `_`")]
    Profile(String),
    /// The user has no home directory.
    #[error("there is no home directory; set HOME or OPENCLAW_HOME")]
    NoHome,
}

const CONFIG: &str = "openclaw.json";
const LEGACY_CONFIG: &str = "clawdbot.json";
const DEFAULT_PORT: u16 = 18_789;
const DEV_PORT: u16 = 19_001;

/// Tells where OpenClaw finds its config and its state.
///
/// # Errors
///
/// When the profile has no valid name, or there is no home and one is needed.
pub fn locate(
    env: &BTreeMap<String, String>,
    home: Option<&Path>,
    flags: &Location,
) -> Result<Located, LocateError> {
    let world = World { env, home, cwd: &flags.cwd };
    let flag = flags.profile.as_deref().map(profile).transpose()?.flatten();
    let inherited = world.set("OPENCLAW_PROFILE").and_then(|name| profile(name).ok()?);
    let named = if flags.profile.is_some() { flag.clone() } else { inherited };
    let default_port = port(named.as_deref(), flag.as_deref());
    let state = world.state(flag.as_deref());
    let config = match (&flags.config, world.set("OPENCLAW_CONFIG_PATH")) {
        (Some(path), _) => Some((world.resolve(&path.to_string_lossy())?, Why::ConfigFlag)),
        (None, Some(path)) => {
            let other = match &flag {
                Some(flag) => world.is_config_of_other_profile(path, flag)?,
                None => false,
            };
            (!other).then_some((world.resolve(path)?, Why::ConfigPath))
        }
        (None, None) => None,
    };
    let state = match (state, &config) {
        (Err(LocateError::NoHome), Some((path, why))) => State {
            dir: path.parent().map(Path::to_owned).unwrap_or_default(),
            legacy: None,
            why: *why,
        },
        (state, _) => state?,
    };
    let (candidates, why) = match config {
        Some((path, why)) => (vec![path], why),
        None => (state.candidates(flag.as_deref()), state.why),
    };
    Ok(Located {
        candidates,
        state_dir: state.dir,
        legacy_state_dir: state.legacy,
        profile: named,
        default_port,
        why,
    })
}

/// Returns the folders outside the config's own that includes may come from.
#[must_use]
pub fn include_roots(
    env: &BTreeMap<String, String>,
    home: Option<&Path>,
    cwd: &Path,
) -> Vec<PathBuf> {
    let world = World { env, home, cwd };
    let roots = world.set("OPENCLAW_INCLUDE_ROOTS").unwrap_or_default();
    let roots = roots.split(':').filter(|root| !root.trim().is_empty());
    roots.filter_map(|root| world.resolve(root).ok()).collect()
}

/// Checks the name of a profile; the default one has none.
fn profile(name: &str) -> Result<Option<String>, LocateError> {
    let name = name.trim();
    if name.eq_ignore_ascii_case("default") {
        return Ok(None);
    }
    let valid = name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    if valid { Ok(Some(name.to_owned())) } else { Err(LocateError::Profile(name.to_owned())) }
}

/// Returns the port of a profile: FNV-1a over its name, but `--profile dev` is the dev gateway.
fn port(named: Option<&str>, flag: Option<&str>) -> u16 {
    let Some(name) = named else {
        return DEFAULT_PORT;
    };
    if flag == Some("dev") {
        return DEV_PORT;
    }
    let hash = name
        .bytes()
        .fold(2_166_136_261_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(16_777_619));
    u16::try_from(20_000 + hash % 40_000).unwrap_or(DEFAULT_PORT)
}

/// A state directory, and why it is this one.
struct State {
    dir: PathBuf,
    legacy: Option<PathBuf>,
    why: Why,
}

impl State {
    /// Returns the files the config may be in; a profile has no legacy name.
    fn candidates(&self, flag: Option<&str>) -> Vec<PathBuf> {
        if flag.is_some() {
            return vec![self.dir.join(CONFIG)];
        }
        let dirs = [&self.dir].into_iter().chain(&self.legacy);
        dirs.flat_map(|dir| [dir.join(CONFIG), dir.join(LEGACY_CONFIG)]).collect()
    }
}

/// What is looked at.
struct World<'w> {
    env: &'w BTreeMap<String, String>,
    home: Option<&'w Path>,
    cwd: &'w Path,
}

impl World<'_> {
    fn set(&self, name: &str) -> Option<&str> {
        let value = self.env.get(name)?.trim();
        (!value.is_empty()).then_some(value)
    }

    /// Returns a variable that names a home, which `undefined` and `null` do not.
    fn home_set(&self, name: &str) -> Option<&str> {
        self.set(name).filter(|value| !matches!(*value, "undefined" | "null"))
    }

    fn os_home(&self) -> Option<PathBuf> {
        let named = self.home_set("HOME").or_else(|| self.home_set("USERPROFILE"));
        let home = named.map(Path::new).or(self.home)?;
        Some(normal(&self.cwd.join(home)))
    }

    fn openclaw_home(&self) -> Result<PathBuf, LocateError> {
        let Some(named) = self.home_set("OPENCLAW_HOME") else {
            return self.os_home().ok_or(LocateError::NoHome);
        };
        match below_home(named) {
            Some(rest) => Ok(self.os_home().ok_or(LocateError::NoHome)?.join(rest)),
            None => Ok(normal(&self.cwd.join(named))),
        }
    }

    /// Resolves a path as OpenClaw does: `~` is its home, others start from here.
    fn resolve(&self, path: &str) -> Result<PathBuf, LocateError> {
        let path = path.trim();
        match below_home(path) {
            Some(rest) => Ok(normal(&self.openclaw_home()?.join(rest))),
            None => Ok(normal(&self.cwd.join(path))),
        }
    }

    fn state(&self, profile: Option<&str>) -> Result<State, LocateError> {
        let (dir, legacy, why) = match (self.set("OPENCLAW_STATE_DIR"), profile) {
            (Some(dir), Some(flag)) if self.is_of_other_profile(dir, flag)? => {
                (self.of_profile(flag)?, None, Why::Profile)
            }
            (Some(dir), _) => (self.resolve(dir)?, None, Why::StateDir),
            (None, Some(flag)) => (self.of_profile(flag)?, None, Why::Profile),
            (None, None) => {
                let home = self.openclaw_home()?;
                let moved = self.home_set("OPENCLAW_HOME").is_some();
                let why = if moved { Why::Home } else { Why::Default };
                (home.join(".openclaw"), Some(home.join(".clawdbot")), why)
            }
        };
        Ok(State { dir, legacy, why })
    }

    fn of_profile(&self, name: &str) -> Result<PathBuf, LocateError> {
        Ok(self.openclaw_home()?.join(format!(".openclaw-{name}")))
    }

    /// Returns the state directory of the profile that our environment was made for, where it is
    /// another than the one asked for.
    fn inherited(&self, flag: &str) -> Result<Option<PathBuf>, LocateError> {
        let dir = match profile(self.set("OPENCLAW_PROFILE").unwrap_or("default")) {
            Ok(Some(name)) => self.of_profile(&name)?,
            Ok(None) => self.openclaw_home()?.join(".openclaw"),
            Err(_) => return Ok(None),
        };
        Ok((dir != self.of_profile(flag)?).then_some(dir))
    }

    /// Says whether a state directory was inherited from another profile.
    fn is_of_other_profile(&self, dir: &str, flag: &str) -> Result<bool, LocateError> {
        let inherited = self.inherited(flag)?;
        Ok(inherited.is_some() && Some(self.resolve(dir)?) == inherited)
    }

    /// Says whether the config's path was inherited from another profile.
    fn is_config_of_other_profile(&self, path: &str, flag: &str) -> Result<bool, LocateError> {
        let Some(inherited) = self.inherited(flag)? else {
            return Ok(false);
        };
        let state = self.set("OPENCLAW_STATE_DIR").map(|dir| self.resolve(dir)).transpose()?;
        Ok(state.is_none_or(|dir| dir == inherited)
            && self.resolve(path)? == inherited.join(CONFIG))
    }
}

fn below_home(path: &str) -> Option<&str> {
    let rest = path.strip_prefix('~')?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix('/') }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn located(env: &[(&str, &str)], flags: &[(&str, &str)]) -> Result<Located, LocateError> {
        let env = env.iter().map(|&(name, value)| (name.to_owned(), value.to_owned()));
        let mut location = Location { cwd: "/here".into(), ..Location::default() };
        for (flag, value) in flags {
            match *flag {
                "config" => location.config = Some(value.into()),
                _ => location.profile = Some((*value).to_owned()),
            }
        }
        locate(&env.collect(), Some(Path::new("/home/op")), &location)
    }

    #[track_caller]
    fn found(env: &[(&str, &str)], flags: &[(&str, &str)], expected: &[&str], why: Why) {
        let located = located(env, flags).expect("it can be told");
        let expected: Vec<PathBuf> = expected.iter().map(PathBuf::from).collect();
        assert_eq!(located.candidates, expected);
        assert_eq!(located.why, why);
    }

    #[test]
    fn the_default_is_below_home_with_its_legacy_names() {
        let expected = [
            "/home/op/.openclaw/openclaw.json",
            "/home/op/.openclaw/clawdbot.json",
            "/home/op/.clawdbot/openclaw.json",
            "/home/op/.clawdbot/clawdbot.json",
        ];
        found(&[], &[], &expected, Why::Default);
        let located = located(&[], &[]).unwrap();
        assert_eq!(located.state_dir, Path::new("/home/op/.openclaw"));
        assert_eq!(located.default_port, 18_789);
        assert_eq!(located.profile, None);
    }

    #[test]
    fn variables_and_flags_move_it() {
        found(
            &[("OPENCLAW_CONFIG_PATH", " ~/c.json ")],
            &[],
            &["/home/op/c.json"],
            Why::ConfigPath,
        );
        found(&[("OPENCLAW_CONFIG_PATH", "../c.json")], &[], &["/c.json"], Why::ConfigPath);
        found(
            &[("OPENCLAW_CONFIG_PATH", "/e.json")],
            &[("config", "c.json")],
            &["/here/c.json"],
            Why::ConfigFlag,
        );
        found(
            &[("OPENCLAW_STATE_DIR", "/s")],
            &[],
            &["/s/openclaw.json", "/s/clawdbot.json"],
            Why::StateDir,
        );
        found(
            &[],
            &[("profile", "Work")],
            &["/home/op/.openclaw-Work/openclaw.json"],
            Why::Profile,
        );
        found(
            &[("OPENCLAW_STATE_DIR", "/s")],
            &[("profile", "work")],
            &["/s/openclaw.json"],
            Why::StateDir,
        );
        let home = [("OPENCLAW_HOME", "~/h"), ("HOME", "/home/op")];
        let located = located(&home, &[]).unwrap();
        assert_eq!(located.candidates[0], Path::new("/home/op/h/.openclaw/openclaw.json"));
        assert_eq!(located.why, Why::Home);
    }

    #[test]
    fn what_was_inherited_from_another_profile_gives_way_to_the_flag() {
        let work = ["/home/op/.openclaw-work/openclaw.json"];
        let flag = [("profile", "work")];
        let config = ("OPENCLAW_CONFIG_PATH", "/home/op/.openclaw/openclaw.json");
        found(&[config], &flag, &work, Why::Profile);
        found(&[("OPENCLAW_STATE_DIR", "/home/op/.openclaw"), config], &flag, &work, Why::Profile);
        found(&[("OPENCLAW_CONFIG_PATH", "/x.json")], &flag, &["/x.json"], Why::ConfigPath);
    }

    #[test]
    fn a_profile_has_its_own_port() {
        #[track_caller]
        fn port(env: &[(&str, &str)], flags: &[(&str, &str)], expected: u16) {
            assert_eq!(located(env, flags).unwrap().default_port, expected);
        }
        port(&[], &[("profile", "dev")], 19_001);
        port(&[], &[("profile", "default")], 18_789);
        port(&[], &[("profile", "a")], 20_000 + u16::try_from(0xe40c_292c_u32 % 40_000).unwrap());
        let alone = [("OPENCLAW_PROFILE", "a")];
        port(&alone, &[], 20_000 + u16::try_from(0xe40c_292c_u32 % 40_000).unwrap());
        assert_eq!(located(&alone, &[]).unwrap().state_dir, Path::new("/home/op/.openclaw"));
    }

    #[test]
    fn what_cannot_be_told_is_an_error() {
        let error = located(&[], &[("profile", "a b")]).unwrap_err();
        assert_eq!(error, LocateError::Profile("a b".to_owned()));
        let nowhere = locate(&BTreeMap::new(), None, &Location::default());
        assert_eq!(nowhere, Err(LocateError::NoHome));
        let flags = Location { config: Some("/c/openclaw.json".into()), ..Location::default() };
        let located = locate(&BTreeMap::new(), None, &flags).unwrap();
        assert_eq!(located.state_dir, Path::new("/c"));
    }

    #[test]
    fn include_roots_are_listed_with_colons() {
        let env = [("OPENCLAW_INCLUDE_ROOTS".to_owned(), "/a: ~/b :".to_owned())];
        let roots = include_roots(&env.into(), Some(Path::new("/h")), Path::new("/w"));
        assert_eq!(roots, [Path::new("/a"), Path::new("/h/b")]);
    }
}
