//! A config with a secret of its own at every place where OpenClaw keeps one.

use std::collections::BTreeMap;

use sha2::Digest;
use sha2::Sha256;
use tempfile::TempDir;

use crate::home::Home;

/// The files of the home that hold the secrets.
pub(crate) const FILES: [&str; 3] =
    [".openclaw/openclaw.json", ".openclaw/channels.json5", ".openclaw/.env"];

/// The main config; each `@name@` becomes a secret.
const CONFIG: &str = r#"
// The old token was @comment@, and nobody took this line out.
{
  $include: "./channels.json5",
  gateway: {
    mode: "local",
    bind: "lan",
    port: 18997,
    auth: { token: "@gateway.token@", password: "@gateway.password@" },
    remote: { url: "wss://op:@remote.userinfo@@far.example/?token=@remote.query@", token: "@remote.token@" },
    controlUi: { allowedOrigins: ["*"] },
  },
  hooks: { enabled: true, token: "@hooks.token@", path: "/hooks" },
  env: {
    vars: {
      WEATHER: "@env.vars.plain@",
      SEARCH_API_KEY: "@env.vars.key@",
      DATABASE: "postgres://bot:@env.vars.url@@db.example/claw",
    },
  },
  models: {
    providers: {
      acme: {
        baseUrl: "https://api.acme.example/v1?key=@model.query@",
        apiKey: "@model.key@",
        headers: { Authorization: "Bearer @model.header@", "X-Team": "@model.team@" },
        models: [],
      },
    },
  },
  mcp: {
    servers: {
      files: {
        command: "files-server",
        args: ["--root", "/srv", "--token", "@mcp.argument@", "--api-key=@mcp.option@"],
        env: { FILES_KEY: "@mcp.env@", OPAQUE: "@mcp.opaque@" },
      },
      web: {
        url: "https://mcp:@mcp.userinfo@@mcp.example/sse?access_token=@mcp.query@",
        headers: { "x-api-key": "@mcp.header@", Cookie: "session=@mcp.cookie@" },
      },
    },
  },
  skills: {
    entries: {
      weather: { apiKey: "@skill.key@", env: { WEATHER_ID: "@skill.env@" } },
    },
  },
  plugins: {
    entries: {
      relay: {
        enabled: true,
        config: {
          clientSecret: "@plugin.secret@",
          nested: { password: "@plugin.password@" },
          accessKey: "@plugin.access@",
          hook: "https://relay.example/in?sig=@plugin.query@&token=@plugin.token@",
        },
      },
    },
  },
  tools: { exec: { security: "full", ask: "off" }, web: { search: { apiKey: "@search.key@" } } },
  agents: { entries: { main: { default: true, tools: { profile: "full" } } } },
  secrets: { providers: { vault: { source: "exec", command: "/usr/bin/vault", env: { VAULT_TOKEN: "@vault.token@" } } } },
}
"#;

/// What it includes.
const CHANNELS: &str = r#"
{
  channels: {
    telegram: {
      dmPolicy: "open",
      allowFrom: ["*"],
      webhookSecret: "@telegram.webhook@",
      accounts: {
        main: { botToken: "@telegram.main@" },
        second: { botToken: "@telegram.second@", proxy: "socks5://me:@telegram.proxy@@proxy.example:1080" },
        third: { botToken: "${THIRD_BOT}" },
        fourth: { botToken: "${FOURTH_BOT}" },
        fifth: { botToken: { source: "env", provider: "default", id: "FIFTH_BOT" } },
      },
    },
    slack: { botToken: "@slack.bot@", appToken: "@slack.app@", signingSecret: "@slack.signing@" },
    discord: { token: "@discord.token@" },
  },
}
"#;

/// `<state>/.env`. Some of these names do not say that they are secrets, but the config refers to
/// them.
const DOTENV: &str = "THIRD_BOT=@dotenv.referenced@\nexport DB_PASSWORD=\"@dotenv.named@\"\n";

/// Secrets of unusual make, by name.
const UNUSUAL: [(&str, &str); 3] = [
    ("gateway.password", "Tidal hämster \"9\" \\ lantern/quarry+more"),
    ("skill.key", "739184265017390"),
    ("slack.signing", "hunter7Q"),
];

/// The secrets, by the name of the place where each is planted.
#[derive(Clone, Debug)]
pub(crate) struct Planted {
    /// All secrets.
    pub(crate) secrets: BTreeMap<String, String>,
}

impl Planted {
    /// Makes a secret for every place.
    pub(crate) fn everywhere() -> Self {
        let environment = ["environment.referenced", "environment.ref", "environment.named"];
        let mut secrets = BTreeMap::new();
        for text in [CONFIG, CHANNELS, DOTENV] {
            // Between two places stands text with a space, a quote or a line end in it.
            for name in text.split('@').filter(|name| is_name(name)) {
                secrets.insert(name.to_owned(), secret(name));
            }
        }
        for name in environment {
            secrets.insert(name.to_owned(), secret(name));
        }
        assert_eq!(secrets.len(), 44, "{:?}", secrets.keys());
        Self { secrets }
    }

    /// Returns those that OpenClaw itself knows: all but the one in a comment.
    pub(crate) fn read_by_openclaw(&self) -> Vec<String> {
        let known = self.secrets.iter().filter(|(name, _)| *name != "comment");
        known.map(|(_, secret)| secret.clone()).collect()
    }

    /// Makes a home that holds them, with an `openclaw` that lies elsewhere.
    pub(crate) fn home(&self, openclaw: &str) -> (Home, TempDir) {
        let elsewhere = tempfile::tempdir().expect("a folder");
        let program = elsewhere.path().join("openclaw");
        std::fs::write(&program, format!("#!/bin/sh\n{openclaw}\n")).expect("a script");
        std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o700))
            .expect("an executable file");
        let home = Home::new(&self.filled(CONFIG))
            .on_path(elsewhere.path())
            .with("FOURTH_BOT", &self.secrets["environment.referenced"])
            .with("FIFTH_BOT", &self.secrets["environment.ref"])
            .with("MY_API_TOKEN", &self.secrets["environment.named"]);
        home.write(".openclaw/channels.json5", &self.filled(CHANNELS));
        home.write(".openclaw/.env", &self.filled(DOTENV));
        (home, elsewhere)
    }

    fn filled(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, secret) in &self.secrets {
            let json = serde_json::Value::from(secret.as_str()).to_string();
            text = text.replace(&format!("@{name}@"), &json[1..json.len() - 1]);
        }
        text
    }
}

fn is_name(text: &str) -> bool {
    text.contains(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c == '.')
        && !text.contains(".example")
        && text != "me"
}

/// Makes a secret that nothing but its place gives away.
fn secret(name: &str) -> String {
    if let Some((_, secret)) = UNUSUAL.iter().find(|(unusual, _)| *unusual == name) {
        return (*secret).to_owned();
    }
    let digest = Sha256::digest(name.as_bytes());
    let letters = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";
    let text: String =
        digest.iter().map(|byte| char::from(letters[usize::from(*byte) % letters.len()])).collect();
    // Inside a URL only what needs no escape keeps its place.
    text
}
