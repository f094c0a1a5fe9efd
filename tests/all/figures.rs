//! Figures: how long `portcullis facts` takes, and how much memory, beside OpenClaw's own
//! commands on the same files in the same run. They measure the machine too, so no limit is
//! asserted, and they run on request alone:
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
use crate::openclaw::gateway::Installed;

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
