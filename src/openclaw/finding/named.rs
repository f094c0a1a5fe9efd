//! What the free text of a finding names: config paths, files, and listed things.

use std::collections::BTreeSet;

use crate::openclaw::finding::digest;

/// The keys at the root of OpenClaw's config, current and retired: what a config path begins with.
const ROOTS: [&str; 51] = [
    "accessGroups",
    "acp",
    "agent",
    "agents",
    "approvals",
    "attachments",
    "audio",
    "auth",
    "bindings",
    "broadcast",
    "browser",
    "canvasHost",
    "channels",
    "cloudWorkers",
    "commands",
    "cron",
    "desktop",
    "diagnostics",
    "discovery",
    "env",
    "gateway",
    "hooks",
    "identity",
    "logging",
    "mcp",
    "media",
    "memory",
    "messages",
    "meta",
    "models",
    "nodeHost",
    "plugins",
    "proxy",
    "routing",
    "sandbox",
    "secrets",
    "security",
    "session",
    "skills",
    "surfaces",
    "talk",
    "telemetry",
    "tools",
    "transcripts",
    "tts",
    "ui",
    "update",
    "web",
    "wizard",
    "worktreeAcceleration",
    "worktreeRoot",
];

/// The words after which OpenClaw lists what a finding is about, separated by commas.
const LISTS: [&str; 6] =
    [" includes: ", " includes ", " enabled for: ", "Agents: ", "Paths: ", "paths: "];

/// What a text names, sorted, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// Config paths, such as `channels.telegram.groupPolicy`.
    paths: BTreeSet<String>,
    /// Files, agents, plugins, tools and whatever else is listed.
    others: BTreeSet<String>,
}

impl Named {
    /// Collects what a text names.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut named = Self::default();
        for line in text.lines() {
            let line = line.trim();
            named.take_lists(line);
            let rest = match line.strip_prefix("- ") {
                Some(bullet) => named.take_bullet(bullet),
                None => line,
            };
            for word in rest.split_whitespace() {
                named.take_word(word);
            }
        }
        named
    }

    /// Adds what another text names.
    pub fn extend(&mut self, other: Self) {
        self.paths.extend(other.paths);
        self.others.extend(other.others);
    }

    /// Returns the config paths, sorted.
    #[must_use]
    pub fn into_paths(self) -> Vec<String> {
        self.paths.into_iter().collect()
    }

    /// Returns the SHA-256 over a check's id and everything named, in hex.
    #[must_use]
    pub fn digest(&self, check_id: &str) -> String {
        let paths = self.paths.iter().map(String::as_str);
        let others = self.others.iter().map(String::as_str);
        digest([check_id].into_iter().chain(paths).chain(["--"]).chain(others))
    }

    /// Takes the head of a bullet, `channels.x.dmPolicy="open"` or `discord (@openclaw/discord)`,
    /// and returns what follows it.
    fn take_bullet<'a>(&mut self, bullet: &'a str) -> &'a str {
        let end = bullet
            .find(|c: char| c.is_whitespace() || c == '=' || c == '(')
            .unwrap_or(bullet.len());
        let head = bullet[..end].trim_end_matches([':', ',', ';', '.']);
        if is_config_path(head) {
            self.paths.insert(head.to_owned());
        } else if bullet.starts_with(|c: char| c.is_ascii_lowercase() || c == '@') {
            self.others.insert(head.to_owned());
        }
        &bullet[end..]
    }

    /// Takes the items of a comma list, up to the end of its clause.
    fn take_lists(&mut self, line: &str) {
        let starts = LISTS.iter().filter_map(|lead| Some(line.find(lead)? + lead.len()));
        for start in starts {
            for item in line[start..].split(',') {
                let Some(word) = item.split_whitespace().next() else {
                    break;
                };
                let bare = word.trim_matches(['"', '\'', '`', '.', ';']);
                if !bare.is_empty() && !is_config_path(bare) {
                    self.others.insert(bare.to_owned());
                }
                let ends_clause = word.ends_with(['.', ';']);
                if ends_clause || item.split_whitespace().nth(1).is_some() {
                    break;
                }
            }
        }
    }

    /// Takes a word when it is a file or a config path, stripped of what surrounds it.
    fn take_word(&mut self, word: &str) {
        let word = word.trim_matches(['"', '\'', '`', '(', ')', ',', ';', ':', '[', ']']);
        if word.starts_with("/v1/") || word.contains("://") {
            return;
        }
        if word.len() > 1 && (word.starts_with('/') || word.starts_with("~/")) {
            self.others.insert(word.trim_end_matches('.').to_owned());
            return;
        }
        let end = word
            .find(|c: char| !(c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '*')))
            .unwrap_or(word.len());
        let path = word[..end].trim_end_matches('.');
        if is_config_path(path) {
            self.paths.insert(path.to_owned());
        }
    }
}

/// Tells whether a word is a config path: a known root and at least one key below it.
fn is_config_path(word: &str) -> bool {
    word.split_once('.').is_some_and(|(root, rest)| {
        ROOTS.contains(&root) && rest.split('.').all(|key| !key.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn names(text: &str, paths: &[&str], others: &[&str]) {
        let named = Named::parse(text);
        let found = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>();
        assert_eq!(
            (found(&named.paths), found(&named.others)),
            (
                paths.iter().map(ToString::to_string).collect(),
                others.iter().map(ToString::to_string).collect(),
            )
        );
    }

    #[test]
    fn paths_are_read_from_bullets() {
        names(
            "Open access at:\n- channels.telegram.groups.-100123.topics.9.groupPolicy\n- \
             channels.irc.dmPolicy=\"open\"\n- channels.line.groups.a@b/c.policy\nSee below.",
            &[
                "channels.irc.dmPolicy",
                "channels.line.groups.a@b/c.policy",
                "channels.telegram.groups.-100123.topics.9.groupPolicy",
            ],
            &[],
        );
    }

    #[test]
    fn paths_are_read_from_running_text() {
        names(
            "gateway.bind=\"lan\" is set; use agents.entries.x.tools (or `tools.exec.mode`).",
            &["agents.entries.x.tools", "gateway.bind", "tools.exec.mode"],
            &[],
        );
    }

    #[test]
    fn listed_things_count_and_are_no_paths() {
        names(
            "Exec-enabled scopes:\n- global: security=full, host=auto\n- main: security=full",
            &[],
            &["global", "main"],
        );
        names("Full trust is enabled for: global, main. Open:", &[], &["global", "main"]);
        names(
            "gateway.tools.allow includes exec, gateway which removes them from the list.",
            &["gateway.tools.allow"],
            &["exec", "gateway"],
        );
    }

    #[test]
    fn files_count_and_urls_do_not() {
        names(
            "/srv/.openclaw/openclaw.json mode=644; see https://docs.openclaw.ai/gateway.html",
            &[],
            &["/srv/.openclaw/openclaw.json"],
        );
    }

    #[test]
    fn sentences_and_versions_are_no_paths() {
        names("Nothing here. At version 2026.9.6 e.g. openclaw.json, docs.openclaw.ai", &[], &[]);
    }
}
