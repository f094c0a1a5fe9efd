//! Looking for the secrets of a config in the logs: by value, because redaction goes by pattern.

use std::collections::BTreeMap;

use aho_corasick::AhoCorasick;
use aho_corasick::MatchKind;
use serde_json::Value;

use crate::openclaw::secret;
use crate::openclaw::secret::Class;
use crate::openclaw::secret::Reference;

/// The folder that every gateway and CLI of an OS user logs into, where the config names no file.
///
/// Source: OpenClaw's docs, gateway/logging.
pub const FOLDER: &str = "/tmp/openclaw";

/// Variables that hold the gateway's own secret although no config names them.
const GATEWAYS_OWN: [&str; 2] = ["OPENCLAW_GATEWAY_TOKEN", "OPENCLAW_GATEWAY_PASSWORD"];

/// How many bytes a secret has at least; shorter ones stand in any log by chance.
const SHORTEST: usize = 8;

/// How many secrets are looked for at once.
const MOST: usize = 10_000;

/// The secrets to look for. It has no `Debug`, no `Serialize`, and never shows a value.
#[derive(Clone, Default)]
pub struct Sought {
    known: Vec<(String, String)>,
    /// Secrets that the config names and that cannot be seen from here.
    pub hidden: Vec<String>,
    /// Secrets too short to be looked for.
    pub short: Vec<String>,
}

impl Sought {
    /// Gathers the secrets that a config holds or refers to.
    #[must_use]
    pub fn of(config: &Value, environment: &BTreeMap<String, String>) -> Self {
        let mut sought = Self::default();
        for (path, value) in secret::secrets(config) {
            sought.take(path.join("."), &value);
        }
        let mut variables = Vec::new();
        sought.references(config, &mut Vec::new(), &mut variables);
        variables.extend(
            GATEWAYS_OWN
                .iter()
                .filter(|name| environment.contains_key(**name))
                .map(|name| (*name).to_owned()),
        );
        variables.sort();
        variables.dedup();
        for name in variables {
            match environment.get(&name) {
                Some(value) => sought.take(format!("env {name}"), value),
                None => sought.hidden.push(format!("env {name}")),
            }
        }
        sought.known.truncate(MOST);
        sought
    }

    /// Returns the names of the secrets that are looked for.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.known.iter().map(|(name, _)| name.as_str())
    }

    fn take(&mut self, name: String, value: &str) {
        let value = value.trim();
        if matches!(secret::class(value), Class::Empty | Class::Placeholder) {
            return;
        }
        if value.len() < SHORTEST {
            self.short.push(name);
        } else {
            self.known.push((name, value.to_owned()));
        }
    }

    fn references(&mut self, value: &Value, path: &mut Vec<String>, variables: &mut Vec<String>) {
        match secret::reference(value) {
            Some(Reference::Env(name)) => variables.push(name),
            Some(Reference::Mixed(names)) => variables.extend(names),
            Some(Reference::Store { .. } | Reference::File { .. } | Reference::Exec { .. }) => {
                self.hidden.push(path.join("."));
                return;
            }
            Some(Reference::Inline) | None => {}
        }
        let members: Box<dyn Iterator<Item = (String, &Value)>> = match value {
            Value::Object(members) => Box::new(members.iter().map(|(key, v)| (key.clone(), v))),
            Value::Array(list) => {
                Box::new(list.iter().enumerate().map(|(at, v)| (at.to_string(), v)))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return,
        };
        for (key, value) in members {
            path.push(key);
            self.references(value, path, variables);
            path.pop();
        }
    }
}

/// Finds secrets in a text that comes in pieces.
pub struct Search {
    needles: AhoCorasick,
    /// The name of the secret behind each needle.
    names: Vec<String>,
    longest: usize,
}

/// Where a secret stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The name of the secret, never its value.
    pub name: String,
    /// The first line it stands in, from 1.
    pub line: u64,
    /// How many times it stands in the file.
    pub times: u64,
}

/// How far a file has been searched.
#[derive(Debug, Default)]
pub struct Progress {
    rest: Vec<u8>,
    /// How many bytes at the start of `rest` have been searched before.
    seen: usize,
    line: u64,
    hits: Vec<Hit>,
}

impl Search {
    /// Makes ready to look for secrets as they are, in JSON, and in a URL.
    ///
    /// # Errors
    ///
    /// When there are too many of them to be looked for together.
    pub fn new(sought: &Sought) -> Result<Self, aho_corasick::BuildError> {
        let mut needles = Vec::new();
        let mut names = Vec::new();
        for (name, value) in &sought.known {
            for needle in forms(value) {
                needles.push(needle);
                names.push(name.clone());
            }
        }
        let longest = needles.iter().map(String::len).max().unwrap_or(1);
        let needles =
            AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&needles)?;
        Ok(Self { needles, names, longest })
    }

    /// Searches the next piece of a file.
    pub fn piece(&self, bytes: &[u8], progress: &mut Progress) {
        progress.rest.extend_from_slice(bytes);
        let Progress { rest, seen, line, hits } = progress;
        let mut counted = 0;
        for found in self.needles.find_iter(rest.as_slice()) {
            if found.end() <= *seen {
                continue;
            }
            *line += newlines(rest.get(counted..found.start()).unwrap_or_default());
            counted = found.start();
            let Some(name) = self.names.get(found.pattern().as_usize()) else { continue };
            match hits.iter_mut().find(|hit| hit.name == *name) {
                Some(hit) => hit.times += 1,
                None => hits.push(Hit { name: name.clone(), line: *line + 1, times: 1 }),
            }
        }
        // What stands across two pieces is found with the next one.
        let keep = rest.len().saturating_sub(self.longest - 1).max(counted);
        *line += newlines(rest.get(counted..keep).unwrap_or_default());
        rest.drain(..keep);
        *seen = rest.len();
    }
}

impl Progress {
    /// Returns what was found in the file.
    #[must_use]
    pub fn hits(self) -> Vec<Hit> {
        self.hits
    }
}

fn newlines(bytes: &[u8]) -> u64 {
    bytes.split(|byte| *byte == b'\n').skip(1).count() as u64
}

/// Returns the ways in which a secret may be written; of one of several lines, each long line.
fn forms(secret: &str) -> Vec<String> {
    let lines = secret.lines().map(str::trim).filter(|line| !line.starts_with("-----"));
    let mut forms: Vec<String> = Vec::new();
    for line in lines.filter(|line| line.len() >= SHORTEST) {
        let json = Value::from(line).to_string();
        let json = json.trim_matches('"').to_owned();
        let url = line.bytes().fold(String::new(), |url, byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                url + &char::from(byte).to_string()
            }
            byte => url + &format!("%{byte:02X}"),
        });
        for form in [line.to_owned(), json, url] {
            if !forms.contains(&form) {
                forms.push(form);
            }
        }
    }
    forms
}

/// Tells whether a file of the shared folder is a log.
#[must_use]
pub fn is_log(name: &str) -> bool {
    name.starts_with("openclaw") && name.contains(".log")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const TOKEN: &str = "c4b1e0ffee5ca1ab1e0ddba11dcafe0123456789abcdef00";

    fn sought() -> Sought {
        let config = json!({
            "gateway": { "auth": { "token": TOKEN, "password": { "source": "exec", "id": "x" } } },
            "hooks": { "token": "short" },
            "channels": { "telegram": { "botToken": "${BOT}" }, "slack": { "botToken": "${GONE}" } },
            "models": { "providers": { "a": { "apiKey": "your-api-key" } } },
        });
        let environment =
            BTreeMap::from([("BOT".to_owned(), "4711:AAx\"y/z-long-enough".to_owned())]);
        Sought::of(&config, &environment)
    }

    fn hits(text: &[u8], piece: usize) -> Vec<Hit> {
        let search = Search::new(&sought()).unwrap();
        let mut progress = Progress::default();
        for piece in text.chunks(piece) {
            search.piece(piece, &mut progress);
        }
        progress.hits()
    }

    #[test]
    fn secrets_are_known_by_name_and_what_cannot_be_looked_for_is_named() {
        let sought = sought();
        let names: Vec<_> = sought.names().collect();
        assert_eq!(names, ["gateway.auth.token", "env BOT"]);
        assert_eq!(sought.hidden, ["gateway.auth.password", "env GONE"]);
        assert_eq!(sought.short, ["hooks.token"]);
    }

    #[test]
    fn a_secret_is_found_plain_in_json_and_in_a_url_with_its_line() {
        let text = format!(
            "one\ntwo {TOKEN}\n{{\"t\":\"4711:AAx\\\"y/z-long-enough\"}}\n?t=4711%3AAAx%22y%2Fz-long-enough\n{TOKEN}\n"
        );
        for piece in [1, 7, 48, 4096] {
            let found = hits(text.as_bytes(), piece);
            let hit = |name: &str, line, times| Hit { name: name.to_owned(), line, times };
            assert_eq!(found, [hit("gateway.auth.token", 2, 2), hit("env BOT", 3, 2)], "{piece}");
        }
    }

    proptest! {
        #[test]
        fn a_secret_is_found_wherever_it_stands(
            before in "[a-f0-9\n]{0,200}", after in "[a-f0-9\n]{0,200}", piece in 1..90_usize,
        ) {
            let text = format!("{before}\n{TOKEN}\n{after}");
            let line = before.matches('\n').count() as u64 + 2;
            prop_assert_eq!(
                hits(text.as_bytes(), piece),
                [Hit { name: "gateway.auth.token".to_owned(), line, times: 1 }]
            );
        }

        #[test]
        fn nothing_is_found_where_it_does_not_stand(text in "[a-f0-9\n]{0,400}", piece in 1..90_usize) {
            prop_assert!(hits(text.as_bytes(), piece).is_empty());
        }
    }
}
