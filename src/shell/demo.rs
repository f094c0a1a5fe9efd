//! The sample gateway in the program: a config, and answers once captured from the real CLI.
//!
//! Only the answers of the commands are replaced. Everything else is the program itself.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::mpsc::Receiver;
use std::time::Duration;
use std::time::Instant;

use crate::app::Live;
use crate::openclaw::command::Command;
use crate::openclaw::command::End;
use crate::openclaw::command::Ended;
use crate::openclaw::command::Gateway;
use crate::openclaw::config;
use crate::openclaw::config::Assembled;
use crate::openclaw::config::FileRead;
use crate::openclaw::config::Files;
use crate::openclaw::facts::Facts;
use crate::openclaw::facts::World;
use crate::openclaw::patch::TOKEN_VARIABLE;
use crate::openclaw::proof::Proof;
use crate::openclaw::target::Target;
use crate::text::Mask;

const CONFIG: &str = include_str!("../../assets/demo/openclaw.json");
const PATH: &str = "/home/claw/.openclaw/openclaw.json";

/// Captured answers by command, with the exit status each came with.
const ANSWERS: [(&str, i32, &str); 9] = [
    ("doctor-lint", 1, include_str!("../../assets/demo/doctor-lint.json")),
    ("doctor", 0, include_str!("../../assets/demo/doctor.txt")),
    ("audit", 0, include_str!("../../assets/demo/audit.json")),
    ("audit-deep", 0, include_str!("../../assets/demo/audit-deep.json")),
    ("health", 0, include_str!("../../assets/demo/health.json")),
    ("probe", 0, include_str!("../../assets/demo/probe.json")),
    ("connections", 0, CONNECTIONS),
    ("logs", 0, include_str!("../../assets/demo/logs.json")),
    ("rehearsal", 0, include_str!("../../assets/demo/rehearsal.json")),
];

/// The OpenClaw whose answers these are.
const VERSION: &str = "2026.9.6";

/// What our own connections to the sample gateway came to.
const CONNECTIONS: &str = include_str!("../../assets/demo/connections.json");

/// How long an answer takes, so that the screen can be seen at work.
const PAUSE: Duration = Duration::from_millis(400);

/// Returns the sample gateway.
#[must_use]
pub fn target() -> Target {
    Target {
        id: Target::id("demo-vega", "claw", PATH),
        host: "vega".to_owned(),
        user: "claw".to_owned(),
        profile: None,
        config: "~/.openclaw/openclaw.json".to_owned(),
        state_dir: "~/.openclaw".to_owned(),
        demo: true,
    }
}

/// Returns what commands would be run against.
#[must_use]
pub fn gateway() -> Gateway {
    Gateway {
        program: "openclaw".to_owned(),
        port: 18_789,
        version: Some(VERSION.to_owned()),
        ..Gateway::default()
    }
}

/// Reads the sample config.
#[must_use]
pub fn live() -> Live {
    let path = Path::new(PATH);
    let files = Files::from([(path.to_owned(), FileRead::Bytes(CONFIG.as_bytes().to_vec()))]);
    let mask = Mask::default();
    match config::assemble(path, &files) {
        Ok(Assembled::Complete(config)) => {
            let facts = Box::new(Facts::resolve(&config, &world()));
            Live::Read { config, facts, mask }
        }
        Ok(Assembled::Needs(path)) => {
            Live::Unreadable { why: format!("the sample includes `{}`", path.display()), mask }
        }
        Err(error) => Live::Unreadable { why: error.to_string(), mask },
    }
}

fn world() -> World {
    let token = "0".repeat(8) + "5a1e".repeat(10).as_str();
    World {
        environment: BTreeMap::from([(TOKEN_VARIABLE.to_owned(), token)]),
        host: "vega".to_owned(),
        user: "claw".to_owned(),
        state_dir: "~/.openclaw".to_owned(),
        container: Some(false),
        listeners: Some(vec!["127.0.0.1".to_owned(), "::1".to_owned()]),
        config_mode: Some(0o600),
        state_mode: Some(0o700),
        backups: Some(vec!["openclaw.json.bak".to_owned()]),
        sandbox_backend: Some(true),
        default_port: 18_789,
        service: None,
        pairing: None,
    }
}

/// Returns what trying the sample gateway's door came to.
#[must_use]
pub fn connections() -> Proof {
    serde_json::from_str(CONNECTIONS).unwrap_or_else(|error| Proof {
        unmeasured: Some(format!("the sample's answer cannot be read: {error}")),
        ..Proof::of("connections")
    })
}

/// Tells whether there is an answer to a command.
#[must_use]
pub fn knows(command: &str) -> bool {
    ANSWERS.iter().any(|(name, ..)| *name == command)
}

/// Answers a command after a moment, or is stopped before.
#[must_use]
pub fn answer(command: &Command, stop: &Receiver<()>) -> Ended {
    let started = Instant::now();
    let stopped = stop.recv_timeout(PAUSE).is_ok();
    let known = ANSWERS.iter().find(|(name, ..)| *name == command.name);
    let (end, stdout) = match known {
        _ if stopped => (End::Cancelled, ""),
        None => (End::NotStarted("the demo has no answer for this command".to_owned()), ""),
        Some((_, status, text)) => (End::Exit(*status), *text),
    };
    Ended {
        end,
        stdout: stdout.to_owned(),
        stderr: String::new(),
        truncated: false,
        took: started.elapsed(),
    }
}
