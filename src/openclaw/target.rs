//! The gateway in question, and the name its drafts and records stand under.

use schemars::JsonSchema;
use serde::Serialize;
use sha2::Digest;
use sha2::Sha256;

/// The gateway a change is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Target {
    /// The name its drafts and records stand under: the host and eight hex digits.
    pub id: String,
    /// The host.
    pub host: String,
    /// The OS user.
    pub user: String,
    /// OpenClaw's profile, where one is named.
    pub profile: Option<String>,
    /// The config file.
    pub config: String,
    /// The state directory.
    pub state_dir: String,
    /// Whether it is the sample gateway in the program.
    pub demo: bool,
}

impl Target {
    /// Names a target after its host, OS user and the real path of its config.
    #[must_use]
    pub fn id(host: &str, user: &str, real_config: &str) -> String {
        let digest = Sha256::digest(format!("{host}\0{user}\0{real_config}"));
        let slug: String = host
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
            .take(24)
            .collect();
        let slug = slug.trim_matches('-');
        let slug = if slug.is_empty() { "host" } else { slug };
        let digest = format!("{digest:x}");
        format!("{slug}-{}", digest.get(..8).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_named_after_host_user_and_config() {
        let id = Target::id("Vega.local", "claw", "/home/claw/.openclaw/openclaw.json");
        let (slug, digest) = id.rsplit_once('-').unwrap();
        assert_eq!(slug, "vega-local");
        assert_eq!(digest.len(), 8);
        assert_ne!(id, Target::id("Vega.local", "root", "/home/claw/.openclaw/openclaw.json"));
        assert!(Target::id("", "", "").starts_with("host-"));
    }
}
