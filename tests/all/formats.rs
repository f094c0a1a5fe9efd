//! Formats that others define: SARIF and `JUnit` are what their own schemas say.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use serde_json::json;

use crate::cli::CONFIG;
use crate::cli::CRITICAL;
use crate::cli::SMALL;
use crate::home::Home;
use crate::openclaw::gateway::Installed;
use crate::stand_in::StandIn;

/// An audit with one warning, which can be accepted.
const WARNING: &str = r#"{"ts":1,"summary":{"critical":0,"warn":1,"info":0},"findings":[
{"checkId":"gateway.trusted_proxies_missing","severity":"warn","title":"Reverse proxy headers are <not> trusted","detail":"gateway.bind is \"loopback\" & gateway.trustedProxies is empty"}],
"secretDiagnostics":[]}"#;

/// Holds documents against a schema and prints what is wrong with each, an array an argument.
const VALIDATE: &str = r"
const Ajv = require('ajv').default, formats = require('ajv-formats').default, fs = require('fs');
const ajv = new Ajv({ strict: false, allErrors: true, unicodeRegExp: false });
formats(ajv);
const read = file => JSON.parse(fs.readFileSync(file, 'utf8'));
const [schema, ...files] = process.argv.slice(1);
const check = ajv.compile(read(schema));
console.log(JSON.stringify(files.map(file =>
    check(read(file)) ? [] : check.errors.map(e => e.instancePath + ' ' + e.message))));
";

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/formats").join(name)
}

/// A home whose gateway is in one state or another, and what `check` is run with there.
struct State {
    name: &'static str,
    home: Home,
    arguments: &'static str,
    status: i32,
}

/// Every state that a log has its own words for.
fn states() -> Vec<State> {
    let healthy = StandIn::healthy;
    let small = "check --runbook small.toml --data-dir data";
    let home = |stand_in: &StandIn| {
        let home = Home::new(CONFIG).openclaw(&stand_in.script());
        home.write("small.toml", SMALL);
        home
    };
    let state = |name, home, arguments, status| State { name, home, arguments, status };
    let critical = healthy().answers("audit", CRITICAL);
    let warning = healthy().answers("audit", WARNING);
    let silent = healthy().does("audit", "exit 0");
    vec![
        state("the sample", Home::empty(), "check --demo", 1),
        state("all is well", home(&healthy()), small, 0),
        state("a critical", home(&critical), small, 1),
        state("a warning", home(&warning), small, 0),
        state("accepted", accepted(home(&warning), "2099-01-01"), small, 0),
        state("accepted once", accepted(home(&warning), "2020-01-01"), small, 0),
        state("silence", home(&silent), small, 3),
        state("not run", home(&critical), "check --runbook small.toml --offline", 0),
        state(
            "not run, and missed",
            home(&critical),
            "check --runbook small.toml --offline --require-all",
            3,
        ),
        state("the whole runbook", home(&warning), "check --offline", 0),
    ]
}

/// Puts a record into a home that accepts the warning until a day.
fn accepted(home: Home, until: &str) -> Home {
    let first = home.run("check --runbook small.toml --data-dir data --format json").json();
    let target = first["target"]["id"].as_str().expect("a target");
    let record = json!({
        "schema": "portcullis/record",
        "change": "1A2B",
        "sealed": "2026-11-20T10:00:00+00:00",
        "checks": [],
        "findings": [],
        "residuals": [{
            "subject": first["findings"][0]["key"],
            "scope": digest(WARNING),
            "reason": "there is no proxy <here>",
            "owner": "mira",
            "accepted": "2026-11-20T10:00:00+00:00",
            "expires": until,
            "pattern": "closed",
            "holds": true,
        }],
    });
    let folder = format!("data/records/{target}/20261120T100000Z-1A2B");
    home.write(&format!("{folder}/record.json"), &record.to_string());
    home
}

/// Returns the digest of what the only finding of an audit names.
fn digest(audit: &str) -> String {
    use portcullis::openclaw::finding::Finding;
    use portcullis::openclaw::finding::Severity;
    use portcullis::openclaw::finding::Told;

    let audit: Value = serde_json::from_str(audit).expect("JSON");
    let text = |key: &str| audit["findings"][0][key].as_str().expect("a text").to_owned();
    let told = Told { title: text("title"), detail: text("detail"), remediation: None };
    Finding::new("audit", &text("checkId"), Severity::Warn, told).detail_digest
}

/// Returns what a SARIF log says: each rule's kind, level and number of suppressions.
fn said(log: &Value) -> BTreeMap<String, (String, String, usize)> {
    let results = log["runs"][0]["results"].as_array().expect("results");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    results
        .iter()
        .map(|result| {
            let suppressions = result["suppressions"].as_array().expect("suppressions").len();
            let said = (text(&result["kind"]), text(&result["level"]), suppressions);
            (text(&result["ruleId"]), said)
        })
        .collect()
}

#[test]
fn every_format_ends_in_the_same_status() {
    for state in states() {
        for format in ["text", "json", "sarif", "junit"] {
            let ran = state.home.run(&format!("{} --format {format}", state.arguments));
            assert_eq!(ran.status, state.status, "{} as {format}: {}", state.name, ran.stderr);
        }
    }
}

#[test]
fn sarif_is_what_the_official_schema_says() {
    let Some(openclaw) = Installed::find() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let mut files = Vec::new();
    let mut written = |name: &str, log: &Value| {
        let path = folder.path().join(name.replace(' ', "-"));
        fs::write(&path, log.to_string()).expect("a file");
        files.push(path);
    };
    let mut logs = Vec::new();
    for state in states() {
        let ran = state.home.run(&format!("{} --format sarif", state.arguments));
        let log = ran.json();
        written(state.name, &log);
        logs.push(log);
    }
    let mut broken = logs[0].clone();
    broken["runs"][0]["results"][0]["kind"] = Value::from("met");
    broken["runs"][0]["tool"]["driver"]["name"] = Value::Null;
    written("broken", &broken);

    let mut node = Command::new(openclaw.bin().join("node"));
    let modules = openclaw.bin().parent().expect("node_modules");
    node.env("NODE_PATH", modules).arg("-e").arg(VALIDATE);
    node.arg(fixture("sarif-2.1.0.schema.json")).args(&files);
    let output = node.output().expect("node");
    let wrong: Vec<Vec<String>> = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let (broken, whole) = wrong.split_last().expect("answers");
    for (state, wrong) in states().iter().zip(whole) {
        assert_eq!(wrong, &Vec::<String>::new(), "{}", state.name);
    }
    assert_eq!(
        broken,
        &[
            "/runs/0/tool/driver/name must be string",
            "/runs/0/results/0/kind must be equal to one of the allowed values",
        ]
    );
    for log in &logs {
        beyond_the_schema(log);
    }
    println!("SARIF logs valid: {} of {}", whole.len(), logs.len());
}

/// Holds a log to what the standard says in words, and to its errata.
fn beyond_the_schema(log: &Value) {
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().expect("rules");
    let ids: BTreeSet<&str> = rules.iter().filter_map(|rule| rule["id"].as_str()).collect();
    assert_eq!(ids.len(), rules.len(), "a rule stands twice");
    for rule in rules {
        assert!(rule["help"]["text"].as_str().is_some_and(|text| !text.is_empty()), "{rule}");
    }
    for result in run["results"].as_array().expect("results") {
        let number = usize::try_from(result["ruleIndex"].as_u64().expect("a number")).unwrap();
        assert_eq!(rules[number]["id"], result["ruleId"]);
        let (kind, level) = (result["kind"].as_str(), result["level"].as_str());
        assert_eq!(kind == Some("fail"), level != Some("none"), "only a failure has a level");
        assert!(result["message"]["text"].as_str().is_some_and(|text| !text.is_empty()));
        let locations = result["locations"].as_array().expect("locations");
        assert!(!locations.is_empty(), "viewers want a place: {result}");
        for location in locations {
            let region = &location["physicalLocation"]["region"];
            assert!(region.is_null() || region["startLine"].as_u64() > Some(0), "{location}");
        }
    }
}

#[test]
fn what_is_not_known_never_passes_and_only_an_acceptance_that_holds_suppresses() {
    let mut found = BTreeMap::new();
    for state in states() {
        let ran = state.home.run(&format!("{} --format sarif", state.arguments));
        found.insert(state.name, ran.json());
    }
    let item = |state: &str| said(&found[state])["no-criticals"].clone();
    let is = |kind: &str, level: &str, n: usize| (kind.to_owned(), level.to_owned(), n);
    assert_eq!(item("all is well"), is("pass", "none", 0));
    assert_eq!(item("a critical"), is("fail", "error", 0));
    assert_eq!(item("silence"), is("open", "none", 0));
    assert_eq!(item("not run"), is("open", "none", 0));
    let warning = |state: &str| said(&found[state])["gateway.trusted_proxies_missing"].clone();
    assert_eq!(warning("a warning"), is("fail", "warning", 0));
    assert_eq!(warning("accepted"), is("fail", "warning", 1));
    assert_eq!(warning("accepted once"), is("fail", "warning", 0));

    let result = |state: &str| {
        let results = found[state]["runs"][0]["results"].as_array().expect("results");
        results.iter().find(|it| it["ruleId"] == "gateway.trusted_proxies_missing").unwrap().clone()
    };
    let suppression = &result("accepted")["suppressions"][0];
    assert_eq!(suppression["kind"], "external");
    assert_eq!(suppression["status"], "accepted");
    let why = "there is no proxy <here> (accepted by mira until 2099-01-01)";
    assert_eq!(suppression["justification"], why);
    let text = result("accepted once")["message"]["text"].to_string();
    assert!(text.contains("the acceptance has expired"), "{text}");

    let invocation = |state: &str| found[state]["runs"][0]["invocations"][0].clone();
    assert_eq!(invocation("all is well")["executionSuccessful"], true);
    assert_eq!(invocation("silence")["executionSuccessful"], false);
    assert_eq!(invocation("silence")["exitCode"], 3);
    let told = &invocation("silence")["toolExecutionNotifications"][0];
    assert_eq!(
        (told["level"].as_str(), told["descriptor"]["id"].as_str()),
        (Some("error"), Some("check/audit"))
    );
    assert_eq!(invocation("not run")["toolExecutionNotifications"][0]["level"], "note");
}

#[test]
fn only_problems_are_left_where_every_result_becomes_an_alert() {
    for state in states() {
        let all = state.home.run(&format!("{} --format sarif", state.arguments)).json();
        let ran = state.home.run(&format!("{} --format sarif-problems", state.arguments));
        ran.ends(state.status);
        let problems = said(&ran.json());
        let mut expected = said(&all);
        expected.retain(|_, (kind, _, suppressed)| kind == "fail" && *suppressed == 0);
        assert_eq!(problems, expected, "{}", state.name);
        beyond_the_schema(&ran.json());
    }
}

#[test]
fn a_result_names_file_and_line_below_the_folder_it_was_started_in() {
    let config = "{\n  gateway: { mode: 'local', bind: 'loopback' },\n  channels: {\n    telegram: {\n      dmPolicy: 'open',\n      allowFrom: ['*'],\n      botToken: '${BOT}',\n    },\n  },\n}\n";
    let home = Home::empty();
    home.write("deploy/open claw.json5", config);
    let mut command = home.program(crate::home::PORTCULLIS);
    command.args(["check", "--offline", "--format", "sarif", "--config", "deploy/open claw.json5"]);
    let log = home.finish(&mut command).json();
    let results = log["runs"][0]["results"].as_array().expect("results");
    let open = results.iter().find(|it| it["ruleId"] == "dm.pairing-or-allowlist").expect("it");
    assert_eq!(
        open["locations"],
        json!([
            {
                "physicalLocation": {
                    "artifactLocation": { "uri": "deploy/open%20claw.json5", "uriBaseId": "%SRCROOT%" },
                    "region": { "startLine": 5 },
                },
                "logicalLocations": [{ "fullyQualifiedName": "telegram/default" }],
            },
            {
                "physicalLocation": {
                    "artifactLocation": { "uri": "deploy/open%20claw.json5", "uriBaseId": "%SRCROOT%" },
                    "region": { "startLine": 6 },
                },
            },
        ])
    );
    assert_eq!(log["runs"][0]["originalUriBaseIds"]["%SRCROOT%"]["uri"], "file://HOME/");
}

/// Finds xmllint, or says loudly that it is missing; where it is required, fails.
#[track_caller]
fn xmllint() -> Option<&'static str> {
    let program = ["/usr/bin/xmllint", "/usr/local/bin/xmllint"];
    let found = program.into_iter().find(|path| Path::new(path).exists());
    if found.is_none() {
        let missing = "no xmllint; apt-get install libxml2-utils";
        let required = ["CI", "PORTCULLIS_REQUIRE_XMLLINT"];
        assert!(required.iter().all(|name| std::env::var_os(name).is_none()), "{missing}");
        let line = format!("\nSKIPPED the schema of JUnit's reports: {missing}\n");
        std::io::stderr().write_all(line.as_bytes()).expect("stderr");
    }
    found
}

#[test]
fn junit_is_what_the_build_servers_schema_says() {
    let Some(xmllint) = xmllint() else { return };
    let validated = |home: &Home, xml: &str| {
        home.write("report.xml", xml);
        let mut command = home.program(xmllint);
        command.args(["--noout", "--nonet", "--schema"]).arg(fixture("junit-10.xsd"));
        home.finish(command.arg("report.xml"))
    };
    for state in states() {
        let xml = state.home.run(&format!("{} --format junit", state.arguments)).stdout;
        let ran = validated(&state.home, &xml);
        assert_eq!(ran.status, 0, "{}: {}", state.name, ran.stderr);
        let broken = xml.replacen("<testcase ", "<testcase odd=\"1\" ", 1);
        assert_ne!(validated(&state.home, &broken).status, 0, "{}", state.name);
    }
    println!("JUnit reports valid: {0} of {0}", states().len());
}

#[test]
fn junit_fails_for_what_ends_in_1_and_breaks_for_what_ends_in_3() {
    for state in states() {
        let xml = state.home.run(&format!("{} --format junit", state.arguments)).stdout;
        let head = xml.lines().nth(1).expect("a head");
        let count = |name: &str| {
            let (_, rest) = head.split_once(&format!("{name}=\"")).expect("a count");
            let (number, _) = rest.split_once('"').expect("its end");
            number.parse::<usize>().expect("a number")
        };
        let status = match (count("failures"), count("errors")) {
            (1.., _) => 1,
            (0, 1..) => 3,
            (0, 0) => 0,
        };
        assert_eq!(status, state.status, "{}: {head}", state.name);
        assert_eq!(count("tests"), xml.matches("<testcase ").count());
        assert_eq!(count("failures"), xml.matches("<failure ").count());
        assert_eq!(count("errors"), xml.matches("<error ").count());
    }
    let states = states();
    let accepted = states.iter().find(|state| state.name == "accepted").expect("it");
    let xml = accepted.home.run(&format!("{} --format junit", accepted.arguments)).stdout;
    assert!(
        xml.contains("<skipped message=\"warning, accepted by mira until 2099-01-01: there is no proxy &lt;here&gt;\">"),
        "{xml}"
    );
}
