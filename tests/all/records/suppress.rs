//! What the config hides from OpenClaw's audit, and a narrow entry made on request.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use portcullis::openclaw::command;
use portcullis::openclaw::command::End;
use portcullis::openclaw::command::Ended;
use portcullis::openclaw::target::Target;
use portcullis::residual::Residual;
use portcullis::shell::demo;
use portcullis::verdict::Run;
use portcullis::verdict::Started;
use serde_json::Value;

use crate::home::Home;
use crate::home::Ran;
use crate::openclaw::gateway::Installed;
use crate::records::archive::Archive;
use crate::records::archive::Change1;
use crate::records::archive::Made;
use crate::records::archive::now;
use crate::records::archive::record_of;
use crate::stand_in::StandIn;

const OPEN: &str = r#"{
  gateway: { mode: "local", bind: "loopback", port: 18791, auth: { mode: "token", token: "8f3b60c1d27e49a5b0836fd1c27a94e5" } },
  channels: { telegram: { botToken: "7011223344:AAFnotARealBotTokenForTheTests0001", dmPolicy: "open", allowFrom: ["*"] } },
  tools: { exec: { security: "full", ask: "off" } },
  security: { audit: { suppressions: [{ checkId: "gateway.made_up", reason: "it was there before" }] } },
}
"#;

/// Moves an archive into a home of this config, with OpenClaw on its PATH.
fn archive(config: &str, openclaw: Option<&Installed>) -> Archive {
    let mut archive = Archive::new();
    let home = Home::new(config);
    let home = match openclaw {
        Some(openclaw) => openclaw.in_home(home),
        None => home,
    };
    archive.home = home.with("PORTCULLIS_DATA_DIR", "data").with("PORTCULLIS_CONFIG_DIR", "config");
    archive.places.data = archive.home.file("data");
    archive.places.config = archive.home.file("config");
    archive
}

/// The target as Portcullis names it here.
fn target(archive: &Archive) -> Target {
    let document = archive.home.run("check --offline --format json").json();
    let text = |key: &str| document["target"][key].as_str().unwrap_or_default().to_owned();
    Target {
        id: text("id"),
        host: text("host"),
        user: text("user"),
        profile: None,
        config: text("config"),
        state_dir: text("state_dir"),
        demo: false,
    }
}

/// Seals a record in which every finding of an audit is accepted that can be, and returns their
/// keys by check.
fn seal(archive: &Archive, audit: &str) -> BTreeMap<String, String> {
    let target = target(archive);
    let change = Change1::cleared("A001");
    let id = target.id.clone();
    let record = record_of(&change, &|made| accept_all(made, &target, audit));
    archive.seal_for(&id, &change, &record, None);
    let document: Value = serde_json::from_str(&record.json).unwrap();
    let findings = document["findings"].as_array().unwrap().iter();
    let text = |it: &Value, key: &str| it[key].as_str().unwrap().to_owned();
    findings.map(|it| (text(it, "check_id"), text(it, "key"))).collect()
}

fn accept_all(made: &mut Made, target: &Target, audit: &str) {
    made.target = target.clone();
    let command = command::command("audit", &demo::gateway()).expect("a command");
    let ended = Ended {
        end: End::Exit(0),
        stdout: audit.to_owned(),
        stderr: String::new(),
        truncated: false,
        took: Duration::ZERO,
    };
    let started = Started {
        check: "audit",
        name: "audit",
        at: now(),
        command: command.display(),
        config_digest: made.live.digest().to_owned(),
    };
    made.answers.runs.insert("audit".to_owned(), Run::of(started, &ended));
    let (facts, digest) = (made.live.facts(), made.live.digest());
    let review = portcullis::change::review(&made.runbook, &made.answers, facts, digest, now());
    for state in review.findings {
        let seen = portcullis::residual::Seen {
            subject: &state.key,
            scope: &state.finding.detail_digest,
            width: None,
        };
        let residual = Residual::accept(seen, "a test", "mira", "30", now()).expect("a residual");
        made.answers.residuals.insert(state.key, residual);
    }
}

const AUDIT: &str = r#"{"ts":1,"summary":{"critical":1,"warn":1,"info":0},"findings":[
{"checkId":"gateway.bind_no_auth","severity":"critical","title":"Gateway binds beyond loopback without auth","detail":"gateway.bind=lan"},
{"checkId":"channels.telegram.open","severity":"warn","title":"Telegram is open","detail":"Open at:\n- channels.telegram.dmPolicy"}],
"secretDiagnostics":[]}"#;

#[test]
fn what_the_config_hides_has_no_owner_and_no_end() {
    let hidden = AUDIT.replace("\"findings\":[", "\"findings\":[],\"suppressedFindings\":[");
    let hidden = hidden.replace("\"critical\":1,\"warn\":1", "\"critical\":0,\"warn\":0");
    let home = Home::new(OPEN).openclaw(&StandIn::healthy().answers("audit", &hidden).script());
    let check = home.run("check --data-dir data").stdout;
    let line = "warning  channels.telegram.open: Telegram is open, hidden by the config: no owner, no end\n";
    assert!(check.contains(line), "{check}");
    let archive = archive(OPEN, None);
    let ran = archive.run("residuals list");
    ran.ends(0);
    assert_eq!(
        ran.stdout,
        "no end    until -           gateway.made_up: it was there before  (no owner; the config \
         hides every finding of that id)\n"
    );
    let document = archive.run("residuals list --format json").json();
    let hidden = &document["suppressions"][0];
    assert_eq!((&hidden["owner"], &hidden["expires"]), (&Value::Null, &Value::Null));
    assert_eq!(hidden["state"], "no end");
}

/// Says what a patch puts into the list.
fn entries(ran: &Ran) -> Vec<Value> {
    let body: String = ran.stdout.lines().filter(|line| !line.starts_with("//")).collect();
    let patch: Value = serde_json::from_str(&body).expect("a patch");
    patch["security"]["audit"]["suppressions"].as_array().expect("a list").clone()
}

#[test]
fn a_narrow_entry_is_made_of_an_accepted_warning_and_of_nothing_else() {
    let archive = archive(OPEN, None);
    let keys = seal(&archive, AUDIT);
    let ran = archive.run("residuals suppress channels.telegram.open");
    ran.ends(0);
    let entries = entries(&ran);
    assert_eq!(entries.len(), 2, "what was there stays: {entries:?}");
    assert_eq!(entries[0]["checkId"], "gateway.made_up");
    let made = &entries[1];
    assert_eq!(made["checkId"], "channels.telegram.open");
    assert_eq!(made["titleIncludes"], "Telegram is open");
    assert_eq!(made["detailIncludes"], "channels.telegram.dmPolicy");
    let reason = made["reason"].as_str().unwrap();
    assert!(reason.starts_with("record A001, mira, until 20"), "{reason}");
    assert!(
        ran.stdout.starts_with("// Hides one finding from OpenClaw's own audit"),
        "{}",
        ran.stdout
    );
    // A critical was not accepted; and where it were, it is not hidden.
    archive.run("residuals suppress gateway.bind_no_auth").ends(2);
    archive.run("residuals suppress dm.open").ends(2);
    archive.run("residuals suppress channels.telegram.open -o out.json5").ends(0);
    archive.run("residuals suppress channels.telegram.open -o out.json5").ends(2);
    assert_eq!(fs::read_to_string(archive.home.file("out.json5")).unwrap(), ran.stdout);
    hold(&archive, &keys["gateway.bind_no_auth"]);
    for words in
        ["suppress gateway.bind_no_auth", "renew gateway.bind_no_auth --until 9 --reason x"]
    {
        let ran = archive.run(&format!("residuals {words}"));
        ran.ends(1);
        assert!(ran.stderr.contains("it is critical"), "{words}: {}", ran.stderr);
    }
}

/// Rewrites an unsigned record and its head so that it takes an acceptance for one that held.
fn hold(archive: &Archive, subject: &str) {
    let files = archive.home.files("data");
    let of = |end: &str| files.iter().find(|name| name.ends_with(end)).expect("a file").clone();
    let (record, head) = (of("/record.json"), of("/head"));
    let before = archive.home.read(&record);
    let mut document: Value = serde_json::from_str(&before).unwrap();
    for residual in document["residuals"].as_array_mut().unwrap() {
        if residual["subject"] == subject {
            assert_eq!(residual["holds"], false);
            residual["holds"] = true.into();
        }
    }
    let after = format!("{}\n", serde_json::to_string_pretty(&document).unwrap());
    let sha = |text: &str| portcullis::record::chain::digest(text.as_bytes());
    archive.home.write(&head, &archive.home.read(&head).replace(&sha(&before), &sha(&after)));
    archive.home.write(&record, &after);
}

#[test]
fn the_real_openclaw_takes_the_entry_and_hides_that_finding_alone() {
    let Some(openclaw) = Installed::find() else { return };
    let archive = archive(OPEN, Some(&openclaw));
    let audit = || {
        let mut audit = archive.home.program("openclaw");
        let ran = archive.home.finish(audit.args(["security", "audit", "--json"]));
        serde_json::from_str::<Value>(&ran.stdout).expect("an audit")
    };
    let ids = |list: &Value| -> Vec<String> {
        let all = list.as_array().into_iter().flatten();
        all.map(|it| it["checkId"].as_str().unwrap_or_default().to_owned()).collect()
    };
    let before = audit();
    let warn = before["findings"].as_array().expect("findings").iter();
    let warn = warn.filter(|it| it["severity"] == "warn").find(|it| {
        // One that stands alone under its id, and is not about suppressions themselves.
        let id = it["checkId"].as_str().unwrap_or_default();
        !id.contains("dangerous")
            && ids(&before["findings"]).iter().filter(|o| *o == id).count() == 1
    });
    let id = warn.expect("a warning")["checkId"].as_str().expect("an id").to_owned();
    seal(&archive, &before.to_string());
    archive.run(&format!("residuals suppress {id} -o narrow.json5")).ends(0);
    let mut patch = archive.home.program("openclaw");
    archive.home.finish(patch.args(["config", "patch", "--file", "narrow.json5"])).ends(0);
    let after = audit();
    assert_eq!(ids(&after["suppressedFindings"]), [id.as_str()], "{after}");
    let listed = archive.run("residuals list").stdout;
    assert!(listed.contains("no end    until -           gateway.made_up"), "{listed}");
    assert!(listed.contains(&format!("no end    until -           {id}: record A001")), "{listed}");
    // And the version of this OpenClaw is known without asking it.
    let package = fs::read_to_string(
        std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/openclaw/node_modules/openclaw/package.json"),
    );
    let version =
        archive.run("check --offline --format json").json()["openclaw"]["installed"].clone();
    if let Ok(package) = package {
        let package: Value = serde_json::from_str(&package).unwrap();
        assert_eq!(version, package["version"]);
    }
}
