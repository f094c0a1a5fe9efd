//! Figures: how long `portcullis facts` takes, and how much memory, beside OpenClaw's own
//! commands on the same files in the same run; `check --offline` beside the real audit; and what a
//! child costs that misbehaves. They measure the machine too, so no limit of time is asserted, and
//! they run on request alone:
//!
//! `PORTCULLIS_CORPUS=… cargo test --release --test all -- --ignored figures --nocapture --test-threads 1`

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use serde_json::Value;
use serde_json::json;

use crate::home::Home;
use crate::home::PORTCULLIS;
use crate::home::outcomes;
use crate::openclaw::gateway::Installed;
use crate::stand_in::StandIn;

/// How often our command is run, and OpenClaw's.
const OURS: usize = 21;
const THEIRS: usize = 3;

/// GNU time, which tells the peak memory of what it ran.
const TIME: &str = "/usr/bin/time";

#[test]
#[ignore = "it measures"]
fn figures_of_facts() {
    let Some(openclaw) = Installed::find() else { return };
    assert!(Path::new(TIME).exists(), "{TIME} tells the memory; it comes with the package `time`");
    let largest = largest().map(|path| fs::read_to_string(path).expect("a config"));
    let files = [("largest of the corpus", largest), ("5,000 accounts", Some(pretty(&large())))];
    let mut page = String::new();
    for (name, config) in files {
        let Some(config) = config else {
            let _ = writeln!(page, "{name}: PORTCULLIS_CORPUS names no folder");
            continue;
        };
        let (home, _) = openclaw.home(&config);
        let _ = writeln!(page, "{name}, {} KB", config.len() / 1000);
        for (program, arguments, times) in [
            (PORTCULLIS, "facts --format json", OURS),
            (PORTCULLIS, "facts", OURS),
            ("openclaw", "config validate --json", THEIRS),
            ("openclaw", "security audit --json", THEIRS),
        ] {
            let (took, peak, status) = measured(&home, program, arguments, times);
            let program = program.rsplit('/').next().unwrap_or(program);
            let command = format!("{program} {arguments}");
            let memory = peak / 1000;
            let _ = writeln!(page, "  {command:<34} {took:>9.1?}  {memory:>5} MB  (exit {status})");
        }
    }
    println!("{page}");
}

#[test]
#[ignore = "it measures"]
fn figures_of_check() {
    let Some(openclaw) = Installed::find() else { return };
    let config = r#"{ gateway: { mode: "local", bind: "loopback", port: PORT,
        auth: { mode: "token", token: "8f3b60c1d27e49a5b0836fd1c27a94e5" } } }"#;
    let (home, _) = openclaw.home(config);
    let mut page = String::new();
    for (program, arguments, times) in [
        (PORTCULLIS, "check --offline", OURS),
        (PORTCULLIS, "check --offline --format json", OURS),
        ("openclaw", "security audit --json", THEIRS),
        ("openclaw", "security audit --deep --json", THEIRS),
    ] {
        let (took, peak, status) = measured(&home, program, arguments, times);
        let program = program.rsplit('/').next().unwrap_or(program);
        let (command, memory) = (format!("{program} {arguments}"), peak / 1000);
        let _ = writeln!(page, "  {command:<40} {took:>9.1?}  {memory:>5} MB  (exit {status})");
    }
    println!("{page}");
}

/// The most memory that a check may take whatever a child prints, in KB.
const MEMORY: u64 = 200_000;

#[test]
#[ignore = "it measures"]
fn figures_of_children_that_misbehave() {
    const CONFIG: &str = "{ gateway: { mode: 'local', bind: 'loopback', port: 18999 } }\n";
    // Of the four, health has the shortest deadline: 20 s, and 2 s of grace.
    let children = [
        ("healthy", "echo '{\"ok\":true}'"),
        ("silent", "exec sleep 300"),
        (
            "hung, deaf to SIGTERM",
            "trap '' TERM; echo '{\"ok\":true}'; while :; do sleep 300; done",
        ),
        ("its child holds the pipe", "echo '{\"ok\":true}'; setsid sleep 40 & exit 0"),
        ("1 GB of lines", "yes '{\"ok\":true,\"noise\":\"0123456789\"}' | head -c 1000000000"),
        ("1 GB without an end of line", "head -c 1000000000 /dev/zero | tr '\\0' x"),
        ("1 GB of noise", "head -c 1000000000 /dev/urandom"),
        ("1 GB on the other stream", "yes warning | head -c 1000000000 >&2"),
        ("a flood without end", "yes '{\"ok\":true}'"),
        ("killed amid its answer", "printf '{\"ok\":tr'; kill -9 $$"),
        ("killed after 100 MB", "yes | head -c 100000000; kill -9 $$"),
    ];
    let mut page = String::new();
    for (name, script) in children {
        let stand_in = StandIn::healthy().does("health", script);
        let home = Home::new(CONFIG).openclaw(&stand_in.script());
        let (took, peak, _) = measured(&home, PORTCULLIS, "check --format json", 1);
        let document = home.run("check --format json").json();
        let outcome = outcomes(&document).remove("health").expect("an outcome");
        let why = document["checks"].as_array().expect("checks").iter();
        let why = why.filter(|check| check["check"] == "health").find_map(|it| it["why"].as_str());
        let why = why.unwrap_or_default();
        let memory = peak / 1000;
        let _ = writeln!(page, "  {name:<28} {took:>7.1?}  {memory:>4} MB  {outcome}  {why:.60}");
        // Who answered and ended has answered, whatever it left behind.
        let answers = ["healthy", "its child holds the pipe"].contains(&name);
        assert_eq!(outcome == "measured", answers, "{name}: {why}");
        assert!(peak < MEMORY, "{name}: {peak} KB");
    }
    println!("{page}");
}

/// Returns the median time of some runs, the most memory in KB, and the exit status.
fn measured(home: &Home, program: &str, arguments: &str, times: usize) -> (Duration, u64, i32) {
    let mut took = Vec::new();
    let (mut peak, mut status) = (0, 0);
    for _ in 0..times {
        let mut command: Command = home.program(TIME);
        command.args(["--quiet", "-o", "peak", "-f", "%M", program]);
        command.args(arguments.split_whitespace()).stdout(Stdio::null()).stderr(Stdio::null());
        let begun = Instant::now();
        status = command.status().expect("a process").code().expect("an exit status");
        took.push(begun.elapsed());
        peak = peak.max(home.read("peak").trim().parse().expect("a number of KB"));
    }
    took.sort_unstable();
    (took[took.len() / 2], peak, status)
}

/// Returns the largest config of the corpus.
fn largest() -> Option<std::path::PathBuf> {
    let folder = std::env::var_os("PORTCULLIS_CORPUS")?;
    let files = fs::read_dir(folder).expect("the corpus").map(|file| file.expect("a file").path());
    let configs = files.filter(|path| path.extension().is_some_and(|end| end == "json5"));
    configs.max_by_key(|path| fs::metadata(path).expect("a file").len())
}

/// Makes a config of 5 MB: 5,000 accounts, each bound to one of 2,000 agents.
fn large() -> Value {
    let channels = ["telegram", "discord", "slack", "whatsapp", "signal"];
    let mut sections = BTreeMap::new();
    let mut bindings = Vec::new();
    for channel in channels {
        let accounts: BTreeMap<String, Value> =
            (0..1000).map(|at| (format!("account-{at:04}"), account(channel, at))).collect();
        for account in accounts.keys() {
            let agent = format!("agent-{:04}", bindings.len() % 2000);
            let wanted = json!({ "channel": channel, "accountId": account });
            bindings.push(json!({ "agentId": agent, "match": wanted }));
        }
        sections.insert(channel, json!({ "dmPolicy": "pairing", "accounts": accounts }));
    }
    let agents: BTreeMap<String, Value> =
        (0..2000).map(|at| (format!("agent-{at:04}"), agent(at))).collect();
    json!({
        "gateway": {
            "mode": "local",
            "bind": "loopback",
            "auth": { "mode": "token", "token": "${OPENCLAW_GATEWAY_TOKEN}" },
        },
        "session": { "dmScope": "per-channel-peer" },
        "tools": { "deny": ["group:automation"], "exec": { "mode": "ask" } },
        "channels": sections,
        "agents": { "ownership": "explicit", "entries": agents },
        "bindings": bindings,
    })
}

fn pretty(config: &Value) -> String {
    serde_json::to_string_pretty(config).expect("JSON")
}

fn account(channel: &str, at: usize) -> Value {
    let senders = |from: usize| (0..4).map(|n| (from + at * 4 + n).to_string()).collect::<Vec<_>>();
    let mut account = json!({
        "name": format!("the {channel} account of desk {at}"),
        "dmPolicy": "allowlist",
        "allowFrom": senders(10_000_000),
        "groupPolicy": "allowlist",
        "groupAllowFrom": senders(20_000_000),
    });
    let token = format!("{}:AAF{}", 7_000_000 + at, "x1y2z3w4v5".repeat(4));
    if ["telegram", "slack", "discord"].contains(&channel) {
        let key = if channel == "discord" { "token" } else { "botToken" };
        account[key] = Value::from(token);
    }
    let room = json!({ "requireMention": !at.is_multiple_of(7) });
    match channel {
        "discord" => account["guilds"] = json!({ format!("{}", 500_000_000 + at): room }),
        "slack" => account["channels"] = json!({ format!("C0{at:08}"): room }),
        "signal" => account["groups"] = json!({ format!("group.{at:012}"): room }),
        _ => {
            let other = format!("-200{at:010}");
            account["groups"] = json!({ format!("-100{at:010}"): room.clone(), other: room });
        }
    }
    account
}

fn agent(at: usize) -> Value {
    json!({
        "name": format!("Agent {at}"),
        "workspace": format!("~/agents/{at:04}"),
        "tools": {
            "profile": "messaging",
            "alsoAllow": ["read", "web_search"],
            "deny": ["group:runtime", "browser", "canvas", "nodes", "cron", "gateway"],
            "exec": { "mode": "deny" },
            "elevated": { "enabled": false },
        },
        "sandbox": {
            "mode": "non-main",
            "scope": "agent",
            "workspaceAccess": "none",
            "docker": { "binds": [format!("/srv/data/{at}:/data:ro")] },
        },
        "identity": { "name": format!("Agent number {at}") },
    })
}

#[test]
fn the_large_config_is_large() {
    let config = large();
    let text = pretty(&config);
    assert!((4_500_000..6_000_000).contains(&text.len()), "{}", text.len());
    let accounts = config["channels"].as_object().expect("channels").values();
    let accounts: usize =
        accounts.map(|it| it["accounts"].as_object().map_or(0, serde_json::Map::len)).sum();
    assert_eq!(accounts, 5000);
}
