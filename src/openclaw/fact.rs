//! One thing the live config means, where it comes from, and the list of all that can be known.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::runbook::Each;

/// Whom a fact is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// The gateway as a whole.
    Gateway,
    /// An account of a channel.
    Account {
        /// The channel id, such as `telegram`.
        channel: String,
        /// The account id; `default` where the channel has only itself.
        account: String,
    },
    /// A group, room, guild or topic that an account lists.
    Group {
        /// The channel id.
        channel: String,
        /// The account id.
        account: String,
        /// The group's key, topics behind a slash.
        group: String,
    },
    /// An agent.
    Agent(String),
    /// An account joined with an agent that its messages reach.
    Route {
        /// The channel id.
        channel: String,
        /// The account id.
        account: String,
        /// The agent id.
        agent: String,
    },
}

impl Subject {
    /// Returns the kind of subject this is.
    #[must_use]
    pub fn kind(&self) -> Each {
        match self {
            Self::Gateway => Each::Gateway,
            Self::Account { .. } => Each::Account,
            Self::Group { .. } => Each::Group,
            Self::Agent(_) => Each::Agent,
            Self::Route { .. } => Each::Route,
        }
    }

    /// Returns the account this subject belongs to, where it has one.
    #[must_use]
    pub fn account(&self) -> Option<Self> {
        match self {
            Self::Gateway | Self::Agent(_) => None,
            Self::Account { channel, account }
            | Self::Group { channel, account, .. }
            | Self::Route { channel, account, .. } => {
                Some(Self::Account { channel: channel.clone(), account: account.clone() })
            }
        }
    }

    /// Returns the agent this subject belongs to, where it has one.
    #[must_use]
    pub fn agent(&self) -> Option<Self> {
        match self {
            Self::Agent(id) | Self::Route { agent: id, .. } => Some(Self::Agent(id.clone())),
            Self::Gateway | Self::Account { .. } | Self::Group { .. } => None,
        }
    }
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Gateway => f.write_str("gateway"),
            Self::Account { channel, account } => write!(f, "{channel}/{account}"),
            Self::Group { channel, account, group } => write!(f, "{channel}/{account}/{group}"),
            Self::Agent(agent) => write!(f, "agent {agent}"),
            Self::Route { channel, account, agent } => write!(f, "{channel}/{account} → {agent}"),
        }
    }
}

impl Serialize for Subject {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// How a value came to be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Written in the config.
    Set,
    /// Not written: OpenClaw's own default.
    Default,
    /// Not written, and nothing stands in for it.
    Unset,
    /// It cannot be seen from here, such as another user's environment. Unmeasured.
    Hidden,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// OpenClaw's default.
    Default,
    /// An environment variable.
    Env(String),
    /// Seen on this host, such as a listening socket.
    Host(String),
    /// Follows from other facts.
    Derived(&'static [&'static str]),
    /// A key of a config file.
    #[serde(untagged)]
    File {
        /// The file, as shown.
        file: Arc<str>,
        /// The line, from 1.
        line: usize,
        /// The config path.
        key: String,
    },
}

/// One thing the live config means.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Fact {
    /// Its path, one of [`PATHS`].
    pub path: &'static str,
    /// Whom it is about.
    #[schemars(with = "String")]
    pub subject: Subject,
    /// Its value; none while unset or hidden.
    pub value: Option<Value>,
    /// How it came to be known.
    pub state: State,
    /// Where it comes from.
    pub origin: Origin,
    /// The config path at which it would be changed, where the config decides it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The config path it is inherited from, where it stands above its subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inherited_from: Option<String>,
}

impl Fact {
    /// Writes its value the way a person would, and says where it has none.
    #[must_use]
    pub fn said(&self) -> String {
        match (&self.value, self.state) {
            (_, State::Hidden) => "not visible here".to_owned(),
            (None, _) => "unset".to_owned(),
            (Some(value), _) => plain(value),
        }
    }
}

/// What a path of [`PATHS`] holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// True or false.
    Flag,
    /// A word or a sentence.
    Text,
    /// A whole number.
    Count,
    /// A list of words.
    List,
}

/// A path that rules may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path {
    /// The path itself.
    pub name: &'static str,
    /// Whom it is about.
    pub of: Each,
    /// What it holds.
    pub holds: Holds,
    /// What it means.
    pub means: &'static str,
}

macro_rules! paths {
    ($($name:literal $of:ident $holds:ident $means:literal;)*) => {
        &[$(Path { name: $name, of: Each::$of, holds: Holds::$holds, means: $means },)*]
    };
}

/// Every fact a rule can read, by path.
pub const PATHS: &[Path] = paths! {
    "config.gateway.mode" Gateway Text "`local` or `remote`; the gateway refuses to start without it";
    "config.gateway.bind" Gateway Text "the effective bind: `loopback`, `lan`, `tailnet`, `custom` or `auto` (all interfaces, in a container)";
    "config.gateway.bind_explicit" Gateway Flag "whether the config says where to bind; unset means all interfaces in a container";
    "config.gateway.custom_bind_host" Gateway Text "the address of a custom bind";
    "config.gateway.loopback_only" Gateway Flag "bound to loopback by the config, explicitly, with no Tailscale route";
    "config.gateway.port" Gateway Count "the port";
    "config.gateway.url" Gateway Text "the URL that follows from bind, port and TLS";
    "config.gateway.tls" Gateway Flag "whether the gateway itself speaks TLS";
    "config.gateway.auth.mode" Gateway Text "the effective mode: `none`, `token`, `password` or `trusted-proxy`";
    "config.gateway.auth.source" Gateway Text "where the token or password, or the proxy's identity, comes from; never the value";
    "config.gateway.auth.secret" Gateway Text "the class of the token or password: `empty`, `placeholder`, `short` or `ok`; hidden where it cannot be seen from here";
    "config.gateway.auth.rate_limit" Gateway Flag "whether a rate limit is set explicitly";
    "config.gateway.auth.allow_tailscale" Gateway Flag "whether Tailscale identity headers authenticate the Control UI";
    "config.gateway.auth.identity_scopes" Gateway List "identities that are given operator scopes";
    "config.gateway.tailscale.mode" Gateway Text "`off`, `serve` or `funnel`";
    "config.gateway.trusted_proxies" Gateway List "addresses whose forwarding headers are believed";
    "config.gateway.trusted_proxies_wide" Gateway List "those of them that are wider than a few proxies: below /24 or /64, or everything";
    "config.gateway.trusted_proxy.user_header" Gateway Text "the header that carries the identity";
    "config.gateway.trusted_proxy.required_headers" Gateway List "headers that must be present";
    "config.gateway.trusted_proxy.allow_users" Gateway List "users let in; empty lets in everyone the proxy lets through";
    "config.gateway.trusted_proxy.allow_loopback" Gateway Flag "whether a proxy on this host is believed";
    "config.gateway.trusted_proxy.device_auto_approve" Gateway Flag "whether devices behind the proxy are approved by themselves";
    "config.gateway.allow_real_ip_fallback" Gateway Flag "whether X-Real-IP is believed";
    "config.gateway.control_ui.enabled" Gateway Flag "whether the Control UI is served";
    "config.gateway.control_ui.allowed_origins" Gateway List "browser origins let in";
    "config.gateway.control_ui.origin_wildcard" Gateway Flag "whether any origin is let in";
    "config.gateway.terminal" Gateway Flag "whether the Control UI offers a terminal; on by default";
    "config.gateway.http_apis" Gateway List "HTTP endpoints that are switched on";
    "config.gateway.http_tools" Gateway List "tools handed back to the HTTP endpoint";
    "config.gateway.node_commands" Gateway List "commands that paired nodes may run";
    "config.gateway.node_auto_approve" Gateway List "networks whose nodes are approved by themselves";
    "config.gateway.dangerous_flags" Gateway List "flags named dangerous that are set and still act";
    "config.gateway.inert_flags" Gateway List "flags that are set and do nothing any more";
    "config.discovery.mdns" Gateway Text "what is announced on the local network: `off`, `minimal` or `full`";
    "config.hooks.enabled" Gateway Flag "whether webhooks are served";
    "config.hooks.token" Gateway Text "the class of the hook token";
    "config.hooks.agents" Gateway List "agents that hooks may start; `*` for any";
    "config.hooks.gmail_tailscale" Gateway Text "how Gmail's callbacks come in: `off`, `serve` or `funnel`, which is the whole internet";
    "config.session.dm_scope" Gateway Text "how DM sessions are kept apart: `main`, `per-peer`, `per-channel-peer`, `per-account-channel-peer`";
    "config.session.dm_isolated" Gateway Flag "whether each sender on each channel has a session of their own, in every binding too";
    "config.session.group_scope" Gateway Text "`per-group`, or `main`, which lets rooms share the main session";
    "config.logging.redact_patterns" Gateway List "further patterns that logs redact";
    "config.audit.suppressions" Gateway Count "findings that the config hides from the audit";
    "config.channels" Gateway List "channels that are configured and enabled";
    "config.webhooks" Gateway List "places where the outside can post: hooks, plugin and channel webhooks";
    "config.senders.many" Gateway Flag "whether more than one person can message the bot";
    "config.allowlists.stars" Gateway List "allowlists of elevated tools and of commands that let anyone in, by config path";
    "config.secrets.inline" Gateway List "config paths that hold a secret in plain text; never the value";
    "config.credentials" Gateway List "credentials configured for agents, by name: model keys, MCP servers, skills, environment";
    "config.migration" Gateway List "keys of an older dialect, with what they meant";
    "config.account.dm.policy" Account Text "`pairing`, `allowlist`, `open` or `disabled`";
    "config.account.dm.senders" Account List "who may write, as configured";
    "config.account.dm.wildcard" Account Flag "whether `*` is among the senders";
    "config.account.dm.open" Account Flag "whether any stranger may write: an open policy, or `*` behind pairing or an allowlist";
    "config.account.group.policy" Account Text "`allowlist`, `open` or `disabled`";
    "config.account.group.senders" Account List "who may write in groups, as configured";
    "config.account.group.wildcard" Account Flag "whether `*` stands among group senders or rooms, or a listed room hears everyone in it";
    "config.account.group.open" Account Flag "whether groups nobody listed can reach the bot";
    "config.account.group.mention" Account Flag "whether every group waits for a mention";
    "config.account.shared" Account Flag "whether more than one person can write to it";
    "config.account.webhooks" Account List "webhook surfaces of the account";
    "config.account.agents" Account List "agents its messages reach";
    "config.group.policy" Group Text "the group's own policy";
    "config.group.senders" Group List "who may write there";
    "config.group.wildcard" Group Flag "whether it stands for any group, or lets anyone write";
    "config.group.mention" Group Flag "whether it waits for a mention";
    "config.agent.reachable" Agent Flag "whether someone else than a local user can trigger it";
    "config.agent.profile" Agent Text "`minimal`, `messaging`, `coding`, `full`; unset filters nothing";
    "config.agent.tools.allow" Agent List "tools allowed on top of, or instead of, the profile";
    "config.agent.tools.deny" Agent List "tools denied";
    "config.agent.tools.commands" Agent Flag "whether its tool policy leaves it the tool that runs commands";
    "config.agent.tools.broad" Agent Flag "whether it can run commands or write files";
    "config.agent.tools.dangerous" Agent List "tools it has that have no place behind an open surface: browser, canvas, nodes, cron, gateway, session spawning";
    "config.agent.exec.mode" Agent Text "`deny`, `allowlist`, `ask`, `auto` or `full`, whichever way it is written";
    "config.agent.exec.security" Agent Text "`deny`, `allowlist` or `full`";
    "config.agent.exec.ask" Agent Text "`off`, `on-miss` or `always`";
    "config.agent.exec.gated" Agent Flag "whether host commands are denied or wait for approval";
    "config.agent.exec.conflict" Agent Flag "whether `mode` stands beside `security` or `ask`, which OpenClaw refuses";
    "config.agent.elevated.usable" Agent Flag "whether some sender can use elevated tools";
    "config.agent.elevated.senders" Agent List "who can, by provider";
    "config.agent.elevated.wildcard" Agent Flag "whether anyone can";
    "config.agent.sandbox.mode" Agent Text "`off`, `non-main` or `all`";
    "config.agent.sandbox.non_main" Agent Flag "whether sessions other than the main one run in the sandbox";
    "config.agent.sandbox.scope" Agent Text "`session`, `agent` or `shared`";
    "config.agent.sandbox.workspace" Agent Text "`none`, `ro` or `rw`";
    "config.agent.sandbox.binds" Agent List "bind mounts";
    "config.agent.sandbox.binds_sensitive" Agent List "bind mounts of credentials, home, system paths or the Docker socket";
    "config.agent.sandbox.dangerous" Agent List "sandbox settings that undo it: host network, unconfined profiles, dangerous flags";
    "config.agent.credentials" Agent List "credentials it can use, by name";
    "listener.found" Gateway Flag "whether something listens on the gateway's port";
    "listener.addresses" Gateway List "the addresses it listens on";
    "listener.loopback_only" Gateway Flag "whether all of them are 127.0.0.1 or ::1";
    "host.name" Gateway Text "the host";
    "host.user" Gateway Text "the OS user";
    "host.state_dir" Gateway Text "the state directory";
    "host.config_path" Gateway Text "the config file";
    "host.config_private" Gateway Flag "whether only its owner can read the config";
    "host.state_private" Gateway Flag "whether only its owner can enter the state directory";
    "host.container" Gateway Flag "whether this is a container";
    "host.backups" Gateway List "copies of the config beside it; they hold its secrets";
    "host.approved" Account Count "senders approved by pairing, kept in the state database; they may write while the DM policy is `pairing`";
    "host.pairing.senders" Gateway Count "senders approved by pairing in all";
    "host.pairing.devices" Gateway List "devices that are paired, by name; a new token does not end them";
    "host.sandbox_backend" Gateway Flag "whether a sandbox backend (docker or podman) is on the path";
};

/// Prefixes of paths that are not facts of the config: answers, findings, checks.
///
/// `audit.<check id>` counts that finding in the newest measured audit; `audit.critical` counts
/// criticals that are neither accepted nor by design; `audit.warn` warnings not accepted;
/// `audit.suppressed` those the config hides; `audit.reached` holds where a deep audit reached the
/// gateway. Half an audit never tells that there is none. `check.<id>.measured` tells whether a
/// check counts today. `answer.<id>` holds what the operator said.
pub const FAMILIES: [&str; 3] = ["audit.", "check.", "answer."];

/// Finds a path by name.
#[must_use]
pub fn path(name: &str) -> Option<&'static Path> {
    PATHS.iter().find(|path| path.name == name)
}

/// Returns a path as a label: without the words that go without saying.
#[must_use]
pub fn label(path: &str) -> String {
    let known = ["config.gateway.", "config.account.", "config.agent.", "config.", "host."];
    let rest = known.iter().find_map(|prefix| path.strip_prefix(prefix)).unwrap_or(path);
    rest.replace(['.', '_'], " ")
}

/// Writes a value the way a person would.
#[must_use]
pub fn plain(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Array(list) if list.is_empty() => "none".to_owned(),
        Value::Array(list) => list.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::Object(_) => value.to_string(),
    }
}
