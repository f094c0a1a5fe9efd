//! What Portcullis says of real gateways, and what real gateways make of what it emits.

use std::time::Duration;

use serde_json::Value;

use crate::home::Home;
use crate::home::Ran;
use crate::home::outcomes;
use crate::home::verdicts;
use crate::home::why;
use crate::openclaw::gateway::Gateway;
use crate::openclaw::gateway::Installed;
use crate::openclaw::gateway::untouched;
use crate::terminal::script;
use crate::terminal::script::Plan;
use crate::terminal::sealed::Sealed;

const OPEN: &str = r#"{
  gateway: {
    mode: "local",
    bind: "loopback",
    port: PORT,
    auth: { mode: "token", token: "8f3b60c1d27e49a5b0836fd1c27a94e5" },
  },
  channels: {
    telegram: {
      botToken: "7011223344:AAFnotARealBotTokenForTheTests0001",
      dmPolicy: "open",
      allowFrom: ["*"],
    },
  },
  tools: { exec: { security: "full", ask: "off" } },
}
"#;

/// What someone has before the baseline: a gateway that starts.
const BARE: &str = "{ gateway: { mode: \"local\", port: PORT } }\n";

/// Keys of an older OpenClaw, beside an open channel.
const LEGACY: &str = r#"{
  gateway: { mode: "local", bind: "loopback", port: PORT, token: "8f3b60c1d27e49a5b0836fd1c27a94e5" },
  channels: { telegram: { enabled: true, dmPolicy: "open", allowFrom: ["*"] } },
}
"#;

const WARNING: &str = "\
warning: OPENCLAW_GATEWAY_TOKEN is not set here, and the baseline refers to it
cause: OpenClaw writes such a reference all the same, and the gateway then starts with a random token
hint: set it for the gateway's own service; --token-file FILE makes a new one
";

#[test]
fn an_open_gateway_is_found_open_and_walked_to_the_end() {
    let Some(openclaw) = Installed::find() else { return };
    let (home, port) = openclaw.home(OPEN);
    let _gateway = Gateway::start(&home, port);
    let before = untouched(&home);

    let ran = home.run("check --format json");
    ran.ends(1);
    assert_eq!(ran.stderr, "");
    let document = ran.json();
    for check in ["doctor", "audit", "audit-deep", "health", "connections"] {
        assert_eq!(outcomes(&document)[check], "measured", "{check}");
    }
    assert_eq!(
        open_findings(&document, "critical"),
        [
            "security.exposure.open_channels_with_exec",
            "security.exposure.open_groups_with_control_plane_tools",
            "security.exposure.open_groups_with_elevated",
            "security.exposure.open_groups_with_runtime_or_fs",
            "tools.exec.security_full_configured",
        ]
    );
    assert_eq!(
        of(&document, "not-met"),
        [
            "checklist.criticals-resolved",
            "checklist.dm-closed",
            "checklist.exec-elevated-gated",
            "checklist.non-main-sandboxed",
            "dm.no-wildcard-with-broad-tools",
            "dm.pairing-or-allowlist",
            "dm.sessions-isolated",
            "dm.shared-minimal-agents",
            "tools.exec-gated",
            "tools.no-risky-tools",
            "validate.audit-deep",
            "validate.high-impact-gated",
            "validate.warnings-documented",
        ]
    );
    // The gateway listens where the config says, on 127.0.0.1 and ::1 alone.
    assert_eq!(verdicts(&document)["checklist.loopback-only"], "met");
    assert_eq!(document["in_force"], "ssh-tunnel");
    assert_eq!(untouched(&home), before);
    assert!(home.files("data").is_empty() && home.files(".local").is_empty());

    let mut terminal = home.wizard().size(160, 50).start();
    let plan = Plan::new(home.root(), Duration::from_mins(3));
    script::walk(&mut terminal, &plan);
    let left = terminal.exit();
    assert_eq!((left.code, &left.not_restored[..]), (1, &[][..]), "{}", left.screen);
    let record = Sealed::named_by(&left);
    assert_eq!(record.document["demo"], false);
    assert_eq!(record.document["outcome"], "not-cleared");
    assert_eq!(record.blockers("check"), Vec::<&str>::new());
    assert_eq!(record.blockers("finding").len(), 5);
    assert_eq!(untouched(&home), before);
    for file in home.files("data") {
        assert_eq!(home.mode(&file), 0o600, "{file}");
        for folder in std::path::Path::new(&file).ancestors().skip(1) {
            let folder = folder.to_str().expect("a path");
            assert!(folder.is_empty() || home.mode(folder) == 0o700, "{folder}");
        }
    }
}

#[test]
fn the_baseline_is_taken_and_keeps_strangers_out() {
    let Some(openclaw) = Installed::find() else { return };
    let (home, port) = openclaw.home(BARE);
    let before = untouched(&home);

    let ran = home.run("baseline --token-file token -o baseline.json5");
    ran.ends(0);
    let said = format!("written to baseline.json5\n{WARNING}");
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", said.as_str()));
    assert_eq!((home.mode("token"), home.mode("baseline.json5")), (0o600, 0o600));
    let line = home.read("token");
    let token = line.strip_prefix("OPENCLAW_GATEWAY_TOKEN=").and_then(|l| l.strip_suffix('\n'));
    let token = token.expect("a line of a service's environment").to_owned();
    assert!(token.len() == 64 && token.bytes().all(|b| b.is_ascii_hexdigit()), "{token}");
    let home = home.with("OPENCLAW_GATEWAY_TOKEN", &token);
    refuses_to_overwrite(&home);

    let baseline = json5(&home.read("baseline.json5"));
    assert_eq!(baseline["gateway"]["auth"]["token"], "${OPENCLAW_GATEWAY_TOKEN}");
    home.run("rollback -o rollback.json5").ends(0);
    json5(&home.read("rollback.json5"));
    for arguments in ["baseline", "baseline --diff", "rollback", "rollback --diff", "facts"] {
        let ran = home.run(arguments);
        ran.ends(0);
        let said = ran.stdout + &ran.stderr;
        assert!(!said.contains(&token) && !said.contains("replace-with"), "{arguments}: {said}");
    }
    for file in ["baseline.json5", "rollback.json5"] {
        let ran = openclaw_says(&home, &["config", "patch", "--file", file, "--dry-run", "--json"]);
        assert_eq!(ran.ends(0).json()["ok"], true, "{file}");
    }
    assert_eq!(untouched(&home), before);

    openclaw_says(&home, &["config", "patch", "--file", "baseline.json5"]).ends(0);
    let applied = untouched(&home);
    assert!(!String::from_utf8_lossy(&applied.0).contains(&token));
    let gateway = Gateway::start(&home, port);
    let wrong = "0".repeat(64);
    assert_eq!(gateway.invoke(None), Some(401));
    assert_eq!(gateway.invoke(Some(&wrong)), Some(401));
    assert_eq!(gateway.invoke(Some(&token)), Some(400));

    let document = home.run("check --format json").json();
    for check in ["doctor", "audit", "audit-deep", "health", "connections"] {
        assert_eq!(outcomes(&document)[check], "measured", "{check}");
    }
    assert_eq!(open_findings(&document, "critical"), Vec::<String>::new());
    let warnings = open_findings(&document, "warn");
    let warnings: Vec<_> = warnings.iter().filter(|id| !id.starts_with("core/doctor")).collect();
    assert_eq!(warnings, ["gateway.trusted_proxies_missing"]);
    for item in [
        "checklist.loopback-only",
        "checklist.criticals-resolved",
        "validate.audit-deep",
        "validate.authorised-connects",
    ] {
        assert_eq!(verdicts(&document)[item], "met", "{item}");
    }
    assert_eq!(verdicts(&document)["validate.stranger-refused"], "open");
    drop(gateway);
    a_gateway_that_is_down_proves_little(&home);
    assert_eq!(untouched(&home), applied);
}

/// Checks that what needs the gateway is unmeasured soon, and that the config's verdicts stand.
fn a_gateway_that_is_down_proves_little(home: &Home) {
    let ran = home.run("check --format json");
    assert!(ran.status == 1 || ran.status == 3, "status {}", ran.status);
    let document = ran.json();
    let outcomes = outcomes(&document);
    assert_eq!((outcomes["audit"].as_str(), outcomes["doctor"].as_str()), ("measured", "measured"));
    for check in ["health", "audit-deep", "connections"] {
        assert_eq!(outcomes[check], "unmeasured", "{check}");
        let checks = document["checks"].as_array().expect("checks");
        let run = checks.iter().find(|run| run["check"] == check).expect("the check");
        // On an idle machine 4 and 5 s; what counts is that nobody waits for the deadline.
        assert!(run["took_ms"].as_u64().expect("a time") < 60_000, "{run}");
        assert!(run["ended"].as_str().expect("an end").starts_with("exit status"), "{run}");
    }
    let said = why(&document, "health");
    assert!(said.starts_with("No gateway answered at ws://127.0.0.1:"), "{said}");
    let verdicts = verdicts(&document);
    for item in ["validate.audit-deep", "checklist.criticals-resolved"] {
        assert_ne!(verdicts[item], "met", "{item}");
    }
    // Nobody listens, so nothing shows on which addresses it would.
    assert_ne!(verdicts["checklist.loopback-only"], "met");
    assert_eq!(verdicts["pattern.ssh-tunnel.loopback"], "met");
}

#[test]
fn a_config_that_openclaw_rejects_is_unmeasured_in_its_own_words_and_judged_all_the_same() {
    let Some(openclaw) = Installed::find() else { return };
    let (home, _) = openclaw.home(LEGACY);
    let before = untouched(&home);
    let ran = home.run("check --format json");
    ran.ends(1);
    let document = ran.json();
    for check in ["audit", "audit-deep"] {
        assert_eq!(outcomes(&document)[check], "unmeasured", "{check}");
        let said = why(&document, check);
        let expected = "The installed OpenClaw rejects this config: gateway:";
        assert!(said.starts_with(expected) && said.contains("token"), "{said}");
    }
    assert_eq!(verdicts(&document)["dm.pairing-or-allowlist"], "not-met");
    assert_eq!(verdicts(&document)["checklist.criticals-resolved"], "unmeasured");
    assert_eq!(untouched(&home), before);
}

#[track_caller]
fn refuses_to_overwrite(home: &Home) {
    let before = (home.read("token"), home.read("baseline.json5"));
    let ran = home.run("baseline --token-file token");
    ran.ends(2);
    assert_eq!(ran.stdout, "");
    assert_eq!(
        ran.stderr,
        "error: the token was not written\n\
         cause: cannot create `token`: File exists (os error 17)\n\
         hint: name a file that does not exist yet; nothing is overwritten\n"
    );
    let ran = home.run("baseline -o baseline.json5");
    ran.ends(2);
    assert_eq!(
        ran.stderr,
        "error: the file was not written\n\
         cause: cannot create `baseline.json5`: File exists (os error 17)\n\
         hint: name a file that does not exist yet; nothing is overwritten\n"
    );
    assert_eq!((home.read("token"), home.read("baseline.json5")), before);
}

fn openclaw_says(home: &Home, arguments: &[&str]) -> Ran {
    home.finish(home.program("openclaw").args(arguments))
}

#[track_caller]
fn json5(text: &str) -> Value {
    json5::from_str(text).expect("JSON5")
}

/// Returns the check ids of the open findings of a severity, sorted.
fn open_findings(document: &Value, severity: &str) -> Vec<String> {
    let findings = document["findings"].as_array().expect("findings").iter();
    let open = findings.filter(|it| it["severity"] == severity && it["open"] == true);
    let mut ids: Vec<String> =
        open.map(|it| it["check_id"].as_str().unwrap_or("").into()).collect();
    ids.sort();
    ids
}

/// Returns the items of a verdict, sorted.
fn of(document: &Value, verdict: &str) -> Vec<String> {
    let verdicts = verdicts(document).into_iter();
    verdicts.filter(|(_, of)| of == verdict).map(|(item, _)| item).collect()
}
