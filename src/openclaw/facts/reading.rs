//! The config as it is read for facts: in today's dialect, with the environment that can be seen.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Map;
use serde_json::Value;

use crate::openclaw::config::Config;
use crate::openclaw::fact::Origin;
use crate::openclaw::facts::World;
use crate::openclaw::facts::dialect;
use crate::openclaw::facts::dialect::Today;
use crate::openclaw::facts::found::Found;
use crate::openclaw::facts::key;
use crate::openclaw::secret;
use crate::openclaw::secret::Reference;
use crate::text::Mask;

/// Every word that OpenClaw knows at the places that facts read; all else may hold a secret.
const WORDS: &[&str] = &[
    "local",
    "remote",
    "auto",
    "lan",
    "loopback",
    "custom",
    "tailnet",
    "none",
    "token",
    "password",
    "trusted-proxy",
    "off",
    "serve",
    "funnel",
    "minimal",
    "full",
    "main",
    "per-peer",
    "per-channel-peer",
    "per-account-channel-peer",
    "per-group",
    "pairing",
    "allowlist",
    "open",
    "disabled",
    "allowall",
    "messaging",
    "coding",
    "deny",
    "ask",
    "on-miss",
    "always",
    "non-main",
    "all",
    "session",
    "agent",
    "shared",
    "ro",
    "rw",
];

/// The config as it is read for facts.
pub(super) struct Reading<'a> {
    pub(super) config: &'a Config,
    pub(super) world: &'a World,
    pub(super) today: Today<'a>,
    /// Where secrets stand in plain text, as written.
    pub(super) inline: Vec<&'a [String]>,
    /// The files of the config, as shown.
    files: Vec<Arc<str>>,
    mask: &'a Mask,
}

/// An element of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    /// The text as written, secrets masked.
    pub(super) shown: String,
    /// What it means; none where a variable in it cannot be seen.
    pub(super) meant: Option<String>,
    /// Whether it stands where a list belongs, so that OpenClaw refuses it.
    pub(super) odd: bool,
}

impl Item {
    /// Tells whether it stands for anyone: `*`, also behind a prefix such as `telegram:`.
    pub(super) fn is_wildcard(&self) -> bool {
        let last = self.meant.as_deref().map(|text| text.rsplit(':').next().unwrap_or(text));
        last.is_some_and(|text| text.trim() == "*")
    }
}

impl<'a> Reading<'a> {
    pub(super) fn new(config: &'a Config, world: &'a World, mask: &'a Mask) -> Self {
        let mut inline: Vec<&[String]> =
            config.secrets.iter().map(|(path, _)| path.as_slice()).collect();
        inline.dedup();
        let shown = |file: &PathBuf| Arc::from(file.display().to_string());
        let files = config.files.iter().map(shown).collect();
        Self { config, world, today: dialect::today(&config.value), inline, files, mask }
    }

    /// Returns what stands at a path, in today's dialect; null is nothing.
    pub(super) fn at(&self, path: &[&str]) -> Option<&Value> {
        let found = path.iter().try_fold(&*self.today.value, |value, key| match value {
            Value::Object(members) => members.get(*key),
            Value::Array(elements) => elements.get(key.parse::<usize>().ok()?),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
        });
        found.filter(|value| !value.is_null())
    }

    /// Returns the object at a path.
    pub(super) fn object(&self, path: &[&str]) -> Option<&Map<String, Value>> {
        self.at(path)?.as_object()
    }

    /// Returns the elements at a path; what is not a list is its only element.
    pub(super) fn items(&self, path: &[&str]) -> Vec<Item> {
        self.at(path).map_or_else(Vec::new, |value| self.items_of(value))
    }

    /// Returns the elements of a value; what is not a list is its only element.
    pub(super) fn items_of(&self, value: &Value) -> Vec<Item> {
        match value {
            Value::Null => Vec::new(),
            Value::Array(elements) => elements.iter().map(|element| self.item(element)).collect(),
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
                vec![self.item(value)]
            }
        }
    }

    /// Returns the senders that a value lists; of one that is no list nothing can be told.
    pub(super) fn senders(&self, value: &Value) -> Vec<Item> {
        let mut items = self.items_of(value);
        if !value.is_array() {
            for item in &mut items {
                (item.meant, item.odd) = (None, true);
            }
        }
        items
    }

    fn item(&self, value: &Value) -> Item {
        let (shown, meant) = match value {
            Value::String(text) => (self.safe(text), self.substitute(text).ok()),
            Value::Object(members) => {
                let meant = match secret::reference(value) {
                    Some(Reference::Env(name)) => self.world.environment.get(&name).cloned(),
                    Some(_) => None,
                    None => Some(String::new()),
                };
                (format!("(an object of {})", members.len()), meant)
            }
            Value::Array(_) => ("(a list)".to_owned(), Some(String::new())),
            Value::Null | Value::Bool(_) | Value::Number(_) => {
                (value.to_string(), Some(value.to_string()))
            }
        };
        Item { shown, meant, odd: false }
    }

    /// Masks what may be a secret in a text that is shown as written.
    pub(super) fn safe(&self, text: &str) -> String {
        if WORDS.contains(&text) || text == "*" { text.to_owned() } else { self.mask.line(text) }
    }

    /// Puts variables into a text.
    ///
    /// # Errors
    ///
    /// The first variable that cannot be seen.
    pub(super) fn substitute(&self, text: &str) -> Result<String, String> {
        let mut meant = String::new();
        let mut rest = text;
        while let Some(at) = rest.find("${") {
            let (before, from) = rest.split_at(at);
            let Some((name, after)) = from.get(2..).and_then(|from| from.split_once('}')) else {
                break;
            };
            if before.ends_with('$') {
                meant.push_str(before.get(..at - 1).unwrap_or_default());
                meant.push_str("${");
                rest = from.get(2..).unwrap_or_default();
                continue;
            }
            meant.push_str(before);
            if is_variable(name) {
                let value = self.world.environment.get(name).ok_or_else(|| name.to_owned())?;
                meant.push_str(value);
            } else {
                meant.push_str("${");
                meant.push_str(name);
                meant.push('}');
            }
            rest = after;
        }
        meant.push_str(rest);
        Ok(meant)
    }

    /// Returns where what stands at a path is written, in whichever dialect.
    pub(super) fn origin(&self, path: &[&str]) -> Origin {
        let moved = self.today.moved_from(path);
        let keys: Vec<&str>;
        let keys = match &moved {
            None => path,
            Some(authored) => {
                keys = authored.iter().map(String::as_str).collect();
                &keys
            }
        };
        let (file, line) = self.config.line(keys).unwrap_or((0, 0));
        let file = self.files.get(file).cloned().unwrap_or_default();
        Origin::File { file, line, key: key::write(keys) }
    }

    /// Returns a value as found at a path: a scalar as written, anything else only by its kind, as a
    /// list, which no word or flag is taken for.
    pub(super) fn found(&self, path: &[&str], value: &Value) -> Found {
        let origin = self.origin(path);
        let found = match value {
            Value::String(text) => match self.substitute(text) {
                Err(variable) => Found::hidden(Origin::Env(variable)),
                Ok(meant) if meant != *text && is_plain(&meant) => Found::set(meant, origin),
                Ok(_) => Found::set(self.safe(text), origin),
            },
            Value::Null | Value::Bool(_) | Value::Number(_) => Found::set(value.clone(), origin),
            Value::Array(_) => Found::set(vec!["(a list)"], origin),
            Value::Object(_) => Found::set(vec!["(an object)"], origin),
        };
        found.at(path)
    }

    /// Returns a value as found where a list belongs; what is none stays none, and OpenClaw refuses
    /// it.
    pub(super) fn found_list(&self, path: &[&str], value: &Value) -> Found {
        self.found_items(path, value, &self.items_of(value))
    }

    /// Returns a value as found where a list belongs, given its elements.
    pub(super) fn found_items(&self, path: &[&str], value: &Value, items: &[Item]) -> Found {
        match value {
            Value::Array(_) => {
                let shown: Vec<&str> = items.iter().map(|item| item.shown.as_str()).collect();
                Found::set(shown, self.origin(path)).at(path)
            }
            Value::Object(_) => Found::set("(an object)", self.origin(path)).at(path),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                self.found(path, value)
            }
        }
    }

    /// Tells whether something stands at a path where a list belongs, and is none.
    pub(super) fn is_no_list(&self, path: &[&str]) -> bool {
        self.at(path).is_some_and(|value| !value.is_array())
    }

    /// Finds what is written at the first of some paths, the narrowest first.
    pub(super) fn first(&self, paths: &[&[&str]]) -> Option<Found> {
        let mut places = paths.iter().enumerate();
        places.find_map(|(above, path)| {
            let found = self.found(path, self.at(path)?);
            Some(if above > 0 { found.inherited() } else { found })
        })
    }

    /// Finds a word or flag at a path, or OpenClaw's default.
    pub(super) fn or(&self, path: &[&str], default: impl Into<Value>) -> Found {
        self.first(&[path]).unwrap_or_else(|| Found::default(default, path))
    }

    /// Finds a word at a path, or that nothing stands there.
    pub(super) fn or_unset(&self, path: &[&str]) -> Found {
        self.first(&[path]).unwrap_or_else(|| Found::unset(path))
    }

    /// Finds a list at a path; empty by default.
    pub(super) fn list(&self, path: &[&str]) -> Found {
        match self.at(path) {
            None => Found::default(Vec::<Value>::new(), path),
            Some(value) => self.found_list(path, value),
        }
    }

    /// Tells whether a switch is on, as OpenClaw reads it: only `true` is.
    pub(super) fn is_on(&self, path: &[&str]) -> bool {
        self.at(path) == Some(&Value::Bool(true))
    }

    /// Tells whether something that is on by default stays so: only `false` switches it off.
    pub(super) fn stays_on(&self, path: &[&str]) -> bool {
        self.at(path) != Some(&Value::Bool(false))
    }
}

fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

/// Says whether a text from the environment can be shown: a word that OpenClaw knows, an address.
fn is_plain(text: &str) -> bool {
    WORDS.contains(&text) || text.parse::<IpAddr>().is_ok() || text.parse::<u16>().is_ok()
}
