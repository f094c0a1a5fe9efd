//! What the README tells people to copy works as it stands there.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::home::Home;
use crate::home::PORTCULLIS;
use crate::openclaw::gateway::Installed;
use crate::stand_in::StandIn;

const CONFIG: &str = "{ gateway: { mode: 'local', bind: 'loopback' } }\n";

const OPEN: &str = "{ channels: { telegram: { dmPolicy: 'open', allowFrom: ['*'] } } }\n";

/// Returns the block of the README whose first line names a file.
fn block(file: &str) -> String {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md"));
    let readme = readme.expect("the README");
    let (_, rest) = readme.split_once(&format!("# {file}\n")).expect("a block of that name");
    let (block, _) = rest.split_once("```").expect("its end");
    block.to_owned()
}

/// Returns the values of a key in a unit file.
fn values<'u>(unit: &'u str, key: &str) -> Vec<&'u str> {
    let lines = unit.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    lines.collect()
}

#[test]
fn the_units_are_what_systemd_takes() {
    let program = Path::new("/usr/bin/systemd-analyze");
    if !program.exists() {
        let line = "\nSKIPPED the README's units: no systemd-analyze; apt-get install systemd\n";
        return std::io::stderr().write_all(line.as_bytes()).expect("stderr");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let home = Home::empty();
    let verified = |service: &str| {
        for (name, text) in [
            ("portcullis-check.service", service),
            ("portcullis-check.timer", &block("~/.config/systemd/user/portcullis-check.timer")),
        ] {
            fs::write(folder.path().join(name), text).expect("a unit");
        }
        let mut command = home.program("/usr/bin/systemd-analyze");
        command.args(["--user", "verify", "portcullis-check.timer", "portcullis-check.service"]);
        let runtime = folder.path().display().to_string();
        command.current_dir(folder.path()).env("XDG_RUNTIME_DIR", &runtime);
        command.env("SYSTEMD_UNIT_PATH", format!("{runtime}:/usr/lib/systemd/user"));
        home.finish(&mut command)
    };
    let service = block("~/.config/systemd/user/portcullis-check.service");
    let service = service.replace("/usr/local/bin/portcullis", PORTCULLIS);
    let ran = verified(&service);
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
    let ran = verified(&service.replace("UMask=", "Umask="));
    assert!(ran.stderr.contains("Umask"), "systemd-analyze looks at nothing: {}", ran.stderr);
}

#[test]
fn the_service_runs_the_check_and_fails_where_it_does() {
    let service = block("~/.config/systemd/user/portcullis-check.service");
    let command = values(&service, "ExecStart")[0];
    let arguments = command.strip_prefix("/usr/local/bin/portcullis ").expect("our program");
    let path = values(&service, "Environment")[0].strip_prefix("PATH=%h").expect("a PATH");
    let file = values(&service, "EnvironmentFile")[0].strip_prefix("-%h/").expect("a file");
    for (config, status) in [(CONFIG, 3), (OPEN, 1)] {
        let home = Home::new(config);
        let script = StandIn::healthy().script();
        let openclaw = home.write(".local/bin/openclaw", &format!("#!/bin/sh\n{script}"));
        fs::set_permissions(openclaw, std::os::unix::fs::PermissionsExt::from_mode(0o700))
            .expect("an executable file");
        home.write(file, "BOT=one\n");
        let mut command = home.program(PORTCULLIS);
        command.args(arguments.split(' '));
        command.env("PATH", format!("{}{path}", home.root().display()));
        let ran = home.finish(&mut command);
        ran.ends(status);
        for check in ["doctor", "audit", "audit-deep", "health"] {
            let line = format!("check    {check:<12} measured");
            assert!(ran.stdout.contains(&line), "{check}: {}", ran.stdout);
        }
    }
}

#[test]
fn the_timer_names_times_that_there_are() {
    let timer = block("~/.config/systemd/user/portcullis-check.timer");
    assert_eq!(values(&timer, "OnCalendar"), ["daily"]);
    assert_eq!(values(&timer, "Persistent"), ["true"]);
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md"));
    assert!(readme.expect("the README").contains("enable --now portcullis-check.timer"));
}

#[test]
fn the_workflow_is_yaml_and_its_check_runs() {
    let Some(openclaw) = Installed::find() else { return };
    let workflow = block(".github/workflows/exposure.yml");
    let mut node = Command::new(openclaw.bin().join("node"));
    node.env("NODE_PATH", openclaw.bin().parent().expect("node_modules"));
    node.arg("-e").arg("console.log(JSON.stringify(require('yaml').parse(process.argv[1])))");
    let output = node.arg(&workflow).output().expect("node");
    let workflow: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    assert_eq!(workflow["permissions"]["security-events"], "write", "SARIF is uploaded with it");
    assert!(workflow["on"]["schedule"][0]["cron"].is_string());
    let steps = workflow["jobs"]["check"]["steps"].as_array().expect("steps");
    let run = |step: &Value| step["run"].as_str().map(str::to_owned);
    let checks = steps.iter().filter_map(run).find(|run| run.starts_with("portcullis check"));
    let script = checks.expect("a step that checks");
    let upload = steps.iter().find(|step| step["with"]["sarif_file"].is_string());
    let upload = upload.expect("a step that uploads");
    assert_eq!(upload["if"], "${{ !cancelled() }}", "what is wrong is uploaded, too");
    let file = upload["with"]["sarif_file"].as_str().expect("a file");

    let bin = Path::new(PORTCULLIS).parent().expect("a folder");
    for (config, status) in [(CONFIG, 0), (OPEN, 1)] {
        let home = Home::empty().on_path(bin);
        home.write("deploy/openclaw.json5", config);
        // What a runner does with the text of a step.
        home.write("step.sh", &script);
        let ran = home.finish(home.program("/bin/sh").args(["-e", "step.sh"]));
        ran.ends(status);
        let log: Value = serde_json::from_str(&home.read(file)).expect("a SARIF log");
        let results = log["runs"][0]["results"].as_array().expect("results");
        assert!(results.iter().all(|it| it["kind"] == "fail"), "GitHub shows each as an alert");
        assert_eq!(results.is_empty(), status == 0, "{} fail", results.len());
        let uris = log.to_string().matches("\"uri\":\"deploy/openclaw.json5\"").count();
        assert!(uris >= results.len(), "{uris} places of {} results", results.len());
    }
}
