//! The command line: what is said, on which stream, and in which exit status it ends.

use serde_json::Value;

use crate::home::Home;
use crate::home::outcomes;
use crate::home::verdicts;
use crate::stand_in::StandIn;

/// A runbook of one check and one item, whose verdict the audit alone decides.
pub(crate) const SMALL: &str = r#"
id = "small"
title = "A small runbook"
revision = "1"
source = "a test"
openclaw = "2026.9.6"
inventory = []
section = []
validation = []

[[pattern]]
id = "closed"
title = "Closed"
recommended = "always"

[[check]]
id = "audit"
statement = "Run the audit"
why = "It lists what is open."
command = "audit"
need = "required"
source = "a test"

[[checklist]]
id = "no-criticals"
statement = "No critical finding is open"
why = "A critical is a way in."
rule.each = "gateway"
rule.must.all = [{ path = "audit.critical", op = "max", value = 0 }]
source = "a test"

[baseline]
says = "Closed"
source = "a test"

[[baseline.key]]
path = "gateway.bind"
value = "loopback"
says = "Only this machine can connect"

[rollback.template]
says = "Closed again"
source = "a test"
key = []

[[rollback.follow_up]]
id = "look"
statement = "Somebody looked"
why = "To be sure."
source = "a test"
"#;

/// The small runbook with another item in its checklist.
pub(crate) fn small(item: &str) -> String {
    let (before, rest) = SMALL.split_once("[[checklist]]").expect("a checklist");
    let (_, after) = rest.split_once("[baseline]").expect("a baseline");
    format!("{before}{item}[baseline]{after}")
}

/// An audit with one critical finding.
pub(crate) const CRITICAL: &str = r#"{"ts":1,"summary":{"critical":1,"warn":0,"info":0},"findings":[
{"checkId":"gateway.bind_no_auth","severity":"critical","title":"Gateway binds beyond loopback without auth","detail":"gateway.bind=lan"}],
"secretDiagnostics":[]}"#;

pub(crate) const CONFIG: &str = "{ gateway: { mode: 'local', bind: 'loopback' } }\n";

#[test]
fn help_says_what_there_is() {
    let home = Home::empty();
    let commands = [
        "",
        "check",
        "collect",
        "import",
        "connections",
        "baseline",
        "rollback",
        "facts",
        "runbook",
        "runbook lint",
    ];
    let texts = commands.map(|command| {
        let ran = home.run(&format!("{command} -h"));
        ran.ends(0);
        assert_eq!(ran.stderr, "");
        format!("$ portcullis {command} -h\n{}", ran.stdout)
    });
    insta::assert_snapshot!("help", texts.join("\n"));
}

#[test]
fn wrong_usage_ends_in_status_2_and_says_nothing_on_stdout() {
    #[track_caller]
    fn wrong(arguments: &str, stderr: &str) {
        let home = Home::new(CONFIG);
        home.write("closed.toml", SMALL);
        let ran = home.run(arguments);
        ran.ends(2);
        assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", stderr));
    }
    let more = "\nFor more information, try '--help'.\n";
    wrong(
        "chekc",
        &format!(
            "error: unrecognized subcommand 'chekc'\n\n  tip: a similar subcommand exists: 'check'\n\n\
             Usage: portcullis [OPTIONS] [COMMAND]\n{more}"
        ),
    );
    wrong(
        "check --require-all",
        &format!(
            "error: the following required arguments were not provided:\n  --offline\n\n\
             Usage: portcullis check --offline --require-all\n{more}"
        ),
    );
    wrong(
        "check --format yaml",
        &format!(
            "error: invalid value 'yaml' for '--format <FORMAT>'\n  [possible values: text, json, sarif, sarif-problems, junit]\n{more}"
        ),
    );
    wrong(
        "facts --config a --profile b",
        &format!(
            "error: the argument '--config <PATH>' cannot be used with '--profile <NAME>'\n\n\
             Usage: portcullis facts --config <PATH>\n{more}"
        ),
    );
    wrong(
        "",
        "error: the wizard needs a terminal\n\
         hint: `portcullis check` gives the automatic verdicts without one\n",
    );
    wrong(
        "check --offline --pattern ssh",
        "error: there is no pattern `ssh`\n\
         hint: patterns are ssh-tunnel, tailscale-serve, tailnet-lan, trusted-proxy, public-internet\n",
    );
    wrong(
        "check --offline --runbook gateway",
        "error: there is no runbook `gateway`\n\
         hint: `portcullis runbook list` shows the ones there are\n",
    );
    wrong(
        "check --offline --runbook ./gateway.toml",
        "error: the runbook cannot be read\n\
         cause: cannot read `./gateway.toml`: No such file or directory (os error 2)\n",
    );
    wrong(
        "check --offline --config nowhere.json",
        "error: the config cannot be read\n\
         cause: cannot read `HOME/nowhere.json`: there is no such file\n\
         hint: --config names another file; `openclaw config file` says where OpenClaw looks\n",
    );
    wrong(
        "facts --profile work",
        "error: the config cannot be read\n\
         cause: cannot read `HOME/.openclaw-work/openclaw.json`: there is no such file\n\
         hint: --config names another file; `openclaw config file` says where OpenClaw looks\n",
    );
}

#[test]
fn a_broken_runbook_is_shown_with_line_and_caret() {
    let home = Home::empty();
    home.write("own.toml", &SMALL.replacen("title =", "titel =", 1));
    let ran = home.run("runbook lint own.toml");
    ran.ends(1);
    assert_eq!(ran.stdout, "");
    assert_eq!(
        ran.stderr,
        "error: `own.toml` is not a runbook\n\
         cause: TOML parse error at line 3, column 1\n  |\n\
         3 | titel = \"A small runbook\"\n  | ^^^^^\n\
         unknown field `titel`, expected one of `id`, `title`, `revision`, `source`, `openclaw`, \
         `note`, `pattern`, `inventory`, `check`, `baseline`, `rollback`, `section`, `validation`, \
         `checklist`, `move`, `by_design`, `finding`\n\n"
    );
}

#[test]
fn a_runbook_whose_names_lead_nowhere_says_which() {
    #[track_caller]
    fn lint(from: &str, to: &str, status: i32, stdout: &str, stderr: &str) {
        let home = Home::empty();
        assert!(SMALL.contains(from), "{from}");
        home.write("own.toml", &SMALL.replacen(from, to, 1));
        let ran = home.run("runbook lint own.toml");
        ran.ends(status);
        assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), (stdout, stderr));
    }
    lint("closed", "closed", 0, "small: fine, 2 items\n", "");
    lint(
        r#"path = "audit.critical", op = "max", value = 0"#,
        r#"path = "config.gateway.bnid", op = "equals", value = "loopback""#,
        1,
        "`no-criticals` reads `config.gateway.bnid`, which is no fact; \
         did you mean `config.gateway.bind`?\n",
        "",
    );
    lint(
        r#"command = "audit""#,
        r#"command = "audti""#,
        1,
        "check `audit` runs `audti`, which is no command known here; known are doctor-lint, \
         doctor, audit, audit-deep, health, probe, connections, logs, rehearsal\n",
        "",
    );
    lint(
        r#"id = "look""#,
        r#"id = "closed""#,
        1,
        "",
        "error: `own.toml` is not a runbook\n\
         cause: line 47: id `closed` appears twice; ids are unique in a runbook and never reused\n",
    );
    lint(
        "value = 0",
        r#"value = "none""#,
        1,
        "",
        "error: `own.toml` is not a runbook\n\
         cause: line 25: no-criticals compares `audit.critical` and needs a whole number as `value`\n",
    );
}

#[test]
fn an_own_runbook_is_found_by_file_and_by_id() {
    let home = Home::new(CONFIG).with("PORTCULLIS_CONFIG_DIR", "own");
    home.write("own/runbooks/small.toml", SMALL);
    home.write("own/runbooks/torn.toml", "id = ");
    let list = home.run("runbook list");
    list.ends(0);
    assert_eq!(
        list.stdout,
        "gateway-exposure  Gateway exposure  (in the program)\n\
         small  A small runbook  (own/runbooks/small.toml)\n"
    );
    assert_eq!(
        list.stderr,
        "warning: `own/runbooks/torn.toml` is not a runbook: TOML parse error at line 1, column 6\n  \
         |\n1 | id = \n  |      ^\nstring values must be quoted, expected literal string\n\n"
    );
    let shown = "A small runbook · rev 1\n\nPattern closed: Closed\n\nInventory\n\nChecks\n  \
                 audit: Run the audit\n\nValidate after\n\nReview checklist\n  \
                 no-criticals: No critical finding is open\n\nAfter a rollback\n  \
                 look: Somebody looked\n";
    for name in ["small", "own/runbooks/small.toml"] {
        assert_eq!(home.run(&format!("runbook show {name}")).ends(0).stdout, shown);
        assert_eq!(home.run(&format!("--runbook {name} runbook show")).ends(0).stdout, shown);
    }
    let ran = home.run("baseline --template --runbook small");
    assert_eq!(
        ran.ends(0).stdout,
        "// Closed\n{\n  gateway: {\n    // Only this machine can connect\n    bind: \"loopback\",\n  },\n}\n"
    );
}

#[test]
fn a_runbook_that_leads_nowhere_is_not_used() {
    let home = Home::new(CONFIG);
    home.write("own.toml", &SMALL.replacen("audit.critical", "config.agent.exec.gatd", 1));
    let ran = home.run("check --offline --runbook own.toml");
    ran.ends(2);
    assert_eq!(
        (ran.stdout.as_str(), ran.stderr.as_str()),
        (
            "",
            "error: `small` cannot be used\n\
             cause: `no-criticals` reads `config.agent.exec.gatd`, which is no fact; did you mean \
             `config.agent.exec.gated`?\n\
             hint: `portcullis runbook lint FILE` lists everything that leads nowhere\n"
        )
    );
}

#[test]
fn the_schema_holds_the_runbook_that_comes_with_the_program() {
    let home = Home::empty();
    let schema = home.run("runbook schema").ends(0).json();
    assert_eq!(schema.pointer("/$schema").and_then(Value::as_str), Some(DRAFT));
    let runbook: toml::Value =
        toml::from_str(portcullis::runbook::GATEWAY_EXPOSURE).expect("a TOML document");
    let runbook = serde_json::to_value(runbook).expect("a JSON document");
    let mut wrong = Vec::new();
    conforms(&runbook, &schema, &schema, "", &mut wrong);
    assert_eq!(wrong, Vec::<String>::new());

    let mut strange = runbook;
    strange["pattern"][0]["titel"] = Value::from("x");
    strange["checklist"][1]["id"] = Value::from(7);
    strange["section"][0]["item"][0]["word"] = Value::from("sometimes");
    conforms(&strange, &schema, &schema, "", &mut wrong);
    assert_eq!(
        wrong,
        [
            "/checklist/1/id is no string",
            "/pattern/0/titel is not known",
            "/section/0/item/0/word is none of the variants",
        ]
    );
}

const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

/// Holds a value against the part of JSON Schema that ours uses.
fn conforms(value: &Value, schema: &Value, root: &Value, at: &str, wrong: &mut Vec<String>) {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let target = root.pointer(reference.trim_start_matches('#')).expect("a definition");
        return conforms(value, target, root, at, wrong);
    }
    for word in ["anyOf", "oneOf"] {
        if let Some(variants) = schema.get(word).and_then(Value::as_array) {
            let fits = |variant| {
                let mut wrong = Vec::new();
                conforms(value, variant, root, at, &mut wrong);
                wrong.is_empty()
            };
            if !variants.iter().any(fits) {
                wrong.push(format!("{at} is none of the variants"));
            }
            return;
        }
    }
    let is = |kind: &str| match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "null" => value.is_null(),
        _ => false,
    };
    let kinds: Vec<&str> = match schema.get("type") {
        Some(Value::String(kind)) => vec![kind],
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if !kinds.is_empty() && !kinds.iter().any(|kind| is(kind)) {
        return wrong.push(format!("{at} is no {}", kinds.join(" or ")));
    }
    if schema.get("const").is_some_and(|only| only != value)
        || (schema.get("enum").and_then(Value::as_array)).is_some_and(|all| !all.contains(value))
    {
        return wrong.push(format!("{at} is none of the variants"));
    }
    if let (Some(items), Some(list)) = (schema.get("items"), value.as_array()) {
        for (index, value) in list.iter().enumerate() {
            conforms(value, items, root, &format!("{at}/{index}"), wrong);
        }
    }
    let Some(members) = value.as_object() else { return };
    for required in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
        let name = required.as_str().unwrap_or_default();
        if !members.contains_key(name) {
            wrong.push(format!("{at}/{name} is missing"));
        }
    }
    for (name, value) in members {
        let at = format!("{at}/{name}");
        match schema.get("properties").and_then(|properties| properties.get(name)) {
            Some(schema) => conforms(value, schema, root, &at, wrong),
            None if schema.get("additionalProperties") == Some(&Value::Bool(false)) => {
                wrong.push(format!("{at} is not known"));
            }
            None => {}
        }
    }
}

#[test]
fn check_ends_in_0_when_all_is_met_and_1_when_something_is_not() {
    #[track_caller]
    fn check(stand_in: &StandIn, arguments: &str, status: i32, outcome: &str, verdict: &str) {
        let home = Home::new(CONFIG).openclaw(&stand_in.script());
        home.write("small.toml", SMALL);
        let ran = home.run(&format!("check --runbook small.toml --format json {arguments}"));
        ran.ends(status);
        assert_eq!(ran.stderr, "");
        let document = ran.json();
        assert_eq!(document["schema"], "portcullis/check");
        assert_eq!(outcomes(&document)["audit"], outcome);
        assert_eq!(verdicts(&document)["no-criticals"], verdict);
    }
    let healthy = StandIn::healthy;
    let critical = || healthy().answers("audit", CRITICAL);
    let silent = || healthy().does("audit", "exit 0");
    check(&healthy(), "", 0, "measured", "met");
    check(&critical(), "", 1, "measured", "not-met");
    check(&silent(), "", 3, "unmeasured", "unmeasured");
    check(&critical(), "--offline", 0, "not run", "unmeasured");
    check(&critical(), "--offline --require-all", 3, "not run", "unmeasured");
    // The status of a command proves nothing.
    let status =
        |status| healthy().does("audit", &format!("printf '%s' '{CRITICAL}'; exit {status}"));
    check(&status(0), "", 1, "measured", "not-met");
    check(&status(1), "", 1, "measured", "not-met");
    // A pattern that nobody has, and a config nobody can read, are not verdicts.
    let home = Home::new("{ gateway: ").openclaw(&healthy().script());
    home.write("small.toml", SMALL);
    assert_eq!(home.run("check --runbook small.toml").ends(2).stdout, "");
}

#[test]
fn check_prints_text_for_people() {
    let stand_in = StandIn::healthy().answers("audit", CRITICAL);
    let home = Home::new(CONFIG).openclaw(&stand_in.script());
    home.write("small.toml", SMALL);
    let ran = home.run("check --runbook small.toml --pattern closed");
    ran.ends(1);
    let (_, after_head) = ran.stdout.split_once("\n\n").expect("a head");
    let text: String = after_head.lines().map(without_time).collect();
    assert_eq!(
        text,
        "check    audit        measured (… s)\n\
         critical gateway.bind_no_auth: Gateway binds beyond loopback without auth\n\
         \n\
         not met         no-criticals: No critical finding is open\n                \
         audit.critical = 1\n\
         \n\
         0 met · 0 confirmed · 1 not met · 0 open · 0 unmeasured · 0 accepted · 0 not applicable\n"
    );
}

fn without_time(line: &str) -> String {
    match line.rsplit_once(" (") {
        Some((before, time)) if time.ends_with(" s)") => format!("{before} (… s)\n"),
        _ => format!("{line}\n"),
    }
}

#[test]
fn the_demo_needs_neither_config_nor_openclaw() {
    let home = Home::empty();
    let ran = home.run("check --demo --format json");
    ran.ends(1);
    assert_eq!(ran.stderr, "");
    let document = ran.json();
    assert_eq!(document["demo"], true);
    let measured: Vec<String> = outcomes(&document).into_values().collect();
    assert_eq!(measured.iter().filter(|outcome| *outcome == "measured").count(), 6);
    for command in ["facts", "baseline", "rollback", "facts --format json"] {
        home.run(&format!("{command} --demo")).ends(0);
    }
    assert_eq!(home.files("."), Vec::<String>::new());
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let home = Home::empty();
    let script = format!("{} runbook schema | head -n 1; echo $?", crate::home::PORTCULLIS);
    let ran = home.finish(home.program("/bin/sh").args(["-c", &script]));
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("{\n0\n", ""));
}

#[test]
fn findings_are_held_against_the_last_record() {
    let home = Home::new(CONFIG).openclaw(&StandIn::healthy().answers("audit", CRITICAL).script());
    home.write("small.toml", SMALL);
    let check = || home.run("check --data-dir data --runbook small.toml --format json").json();
    let first = check();
    assert_eq!(first["since"], Value::Null, "there is no record yet");

    let target = first["target"]["id"].as_str().unwrap();
    let key = first["findings"][0]["key"].as_str().unwrap();
    let record = |folder: &str, findings: &[&str], outcome: &str| {
        let found = |key: &&str| serde_json::json!({ "key": key, "severity": "warn", "sources": ["audit"] });
        let record = serde_json::json!({
            "schema": "portcullis/record",
            "change": "1A2B",
            "sealed": "2026-11-20T10:00:00+00:00",
            "checks": [{ "check": "audit", "outcome": outcome }],
            "findings": findings.iter().map(found).collect::<Vec<_>>(),
        });
        home.write(&format!("data/records/{target}/{folder}/record.json"), &record.to_string());
    };
    record("20261119T100000Z-0000", &["gone.before#000000000000"], "measured");
    record("20261120T100000Z-1A2B", &[key], "measured");
    assert_eq!(check()["since"]["new"], serde_json::json!([]));
    record("20261121T100000Z-1A2B", &["something.else#000000000000"], "measured");
    let since = check()["since"].clone();
    assert_eq!(since["record"], "1A2B");
    assert_eq!(since["new"], serde_json::json!([key]));
    assert_eq!(since["gone"], serde_json::json!(["something.else#000000000000"]));
    let text = home.run("check --data-dir data --runbook small.toml").stdout;
    assert!(text.contains("since    record 1A2B of 2026-11-20: 1 new, 1 gone\n"), "{text}");
    assert!(text.contains("gone     something.else\n"), "{text}");
    // What was not measured then says nothing about what is new now.
    record("20261122T100000Z-1A2B", &[], "unmeasured");
    assert_eq!(check()["since"], Value::Null);
}

#[test]
fn the_runbook_names_the_gateways_own_port() {
    let home = Home::new("{ gateway: { mode: 'local', bind: 'loopback', port: 19517 } }\n");
    let text = home.run("check --offline").stdout;
    assert!(text.contains("127.0.0.1:19517"), "{text}");
    assert!(!text.contains("18789"), "{text}");
}

#[test]
fn completions_and_manual_pages_come_from_the_arguments() {
    let home = Home::empty();
    for shell in ["bash", "zsh", "fish"] {
        let ran = home.run(&format!("completions {shell}"));
        assert!(ran.ends(0).stdout.contains("rollback"), "{shell}");
    }
    assert!(home.run("man").ends(0).stdout.starts_with(".ie"));
    assert!(home.run("man rollback").ends(0).stdout.contains("rehearse"));
    home.run("man nothing").ends(2);
}

#[test]
fn settings_that_cannot_be_read_are_said_with_their_line() {
    let home = Home::new(CONFIG);
    home.write("own/config.toml", "operator = \"Ada\"\noperater = 1\n");
    let own = home.file("own").display().to_string();
    let home = home.with("PORTCULLIS_CONFIG_DIR", &own);
    let mut terminal = home.wizard().start();
    let left = terminal.exit();
    assert_eq!(left.code, 2);
    assert!(left.screen.contains("does not hold settings"), "{}", left.screen);
    assert!(left.screen.contains("line 2"), "{}", left.screen);
}

#[test]
fn a_name_in_the_config_forges_no_line_of_the_facts() {
    let home = Home::new(
        r#"{ gateway: { mode: "local", bind: "lan", auth: { mode: "none" } },
             agents: { entries: { "x\nhow      token from env, strong\nwho      this host only": {} } } }"#,
    );
    let ran = home.run("facts");
    let said = ran.ends(0).stdout.lines().filter(|line| line.starts_with("how ")).count();
    assert_eq!(said, 1, "{}", ran.stdout);
    assert!(ran.stdout.contains('⏎'), "{}", ran.stdout);
}
