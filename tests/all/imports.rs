//! What was taken on another host is read as if it had been taken here, and counts no longer.

mod over_ssh;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use chrono::DateTime;
use chrono::TimeDelta;
use chrono::Utc;
use serde_json::Value;
use sha2::Digest;
use sha2::Sha256;

use crate::cli::SMALL;
use crate::home::Home;
use crate::home::Ran;
use crate::home::outcomes;
use crate::home::verdicts;
use crate::openclaw::gateway::Gateway;
use crate::openclaw::gateway::Installed;
use crate::stand_in::StandIn;
use crate::terminal::harness::Launch;
use portcullis::openclaw::errand;
use portcullis::openclaw::errand::Summed;

const CONFIG: &str = "{ gateway: { mode: 'local', bind: 'loopback', port: 18789 } }\n";

/// A healthy audit with its own time.
fn audit(at: DateTime<Utc>) -> String {
    let ts = at.timestamp_millis();
    format!(
        r#"{{"ts":{ts},"summary":{{"critical":0,"warn":0,"info":0}},"findings":[],"secretDiagnostics":[]}}"#
    )
}

/// A home with a copy of a config, and a folder of what was taken on its host.
struct Brought(Home);

impl Brought {
    /// Makes one whose answers were taken at a time.
    fn at(time: DateTime<Utc>) -> Self {
        let home = Home::empty();
        home.write("copy/openclaw.json", CONFIG);
        let brought = Self(home);
        brought.put("time.txt", &format!("{}\n{}\n", stamp(time), stamp(time)));
        brought.put("config.sums", &sums(CONFIG).repeat(2));
        brought.put("audit.json", &format!("{}\n[exit status 0]\n", audit(time)));
        brought
    }

    fn fresh() -> Self {
        Self::at(Utc::now() - TimeDelta::minutes(2))
    }

    fn put(&self, name: &str, text: &str) -> &Self {
        self.0.write(&format!("results/{name}"), text);
        self
    }

    fn run(&self, arguments: &str) -> Ran {
        let common = "--data-dir data --host vega --config copy/openclaw.json";
        self.0.run(&format!("{arguments} {common}"))
    }

    fn import(&self) -> Ran {
        self.run("import --from results --format json")
    }

    /// Returns what an answer came to, and why it does not count.
    #[track_caller]
    fn counts(&self, check: &str) -> (String, Option<String>) {
        let document = self.import().json();
        let result = result(&document, check);
        let text = |key: &str| result[key].as_str().map(str::to_owned);
        assert_eq!(result["counts"].as_bool(), Some(text("counts_not").is_none()));
        (text("outcome").expect("an outcome"), text("counts_not"))
    }
}

#[track_caller]
fn result<'d>(document: &'d Value, check: &str) -> &'d Value {
    let mut results = document["results"].as_array().expect("results").iter();
    results.find(|result| result["check"] == check).unwrap_or_else(|| panic!("{check}: {document}"))
}

fn stamp(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn sums(config: &str) -> String {
    format!("{:x}  /home/claw/.openclaw/openclaw.json\n", Sha256::digest(config))
}

#[test]
fn an_answer_counts_for_a_day_and_for_the_config_it_was_taken_of() {
    let good = || ("measured".to_owned(), None);
    let not = |why: &str| ("measured".to_owned(), Some(why.to_owned()));
    assert_eq!(Brought::fresh().counts("audit"), good());
    let hours = |hours| Brought::at(Utc::now() - TimeDelta::hours(hours));
    assert_eq!(hours(23).counts("audit"), good());
    assert_eq!(hours(25).counts("audit"), not("it was taken more than a day ago"));

    let moved = Brought::fresh();
    moved.0.write("copy/openclaw.json", &CONFIG.replace("loopback", "lan"));
    assert_eq!(moved.counts("audit"), not("`openclaw.json` there is not the one here"));
    // Spacing alone makes it another file, and another file may be anything.
    moved.0.write("copy/openclaw.json", &format!("{CONFIG}\n"));
    assert_eq!(moved.counts("audit"), not("`openclaw.json` there is not the one here"));

    let mut without = Brought::fresh();
    fs::remove_file(without.0.file("results/config.sums")).expect("it was there");
    assert_eq!(without.counts("audit"), not("no sums of the config were brought with it"));
    without = Brought::fresh();
    fs::remove_file(without.0.file("results/time.txt")).expect("it was there");
    assert_eq!(without.counts("audit"), not("nothing says when the config was summed"));
    without.put("time.txt", &format!("{}\n", stamp(Utc::now())));
    assert_eq!(without.counts("audit"), not("nothing says when the config was summed"));

    let changing = Brought::fresh();
    changing.put("config.sums", &(sums(CONFIG) + &sums("{}")));
    assert_eq!(changing.counts("audit"), not("the config changed while it was taken"));

    // An audit of yesterday beside the sums of today is one of who knows which config.
    let mixed = Brought::fresh();
    mixed.put("audit.json", &audit(Utc::now() - TimeDelta::hours(3)));
    assert_eq!(mixed.counts("audit"), not("it was taken before the config was summed"));
    let late = Brought::at(Utc::now() - TimeDelta::hours(3));
    late.put("audit.json", &audit(Utc::now() - TimeDelta::hours(1)));
    assert_eq!(late.counts("audit"), not("it was taken after the config was summed"));

    let to_come = Brought::at(Utc::now() + TimeDelta::hours(2));
    let file = fs::File::open(to_come.0.file("results/audit.json")).expect("it is there");
    file.set_modified(std::time::SystemTime::now() + std::time::Duration::from_hours(2))
        .expect("a time");
    assert_eq!(to_come.counts("audit").0, "unmeasured");
}

#[test]
fn what_counts_not_decides_nothing() {
    let check = |brought: &Brought| {
        brought.import();
        let ran = brought.run("check --format json");
        (ran.status, verdicts(&ran.json())["checklist.criticals-resolved"].clone())
    };
    let deep = |brought: &Brought, at: DateTime<Utc>| {
        let deep = r#""deep":{"gateway":{"attempted":true,"url":"ws://127.0.0.1:18789","ok":true,"error":null,"close":null}},"secretDiagnostics""#;
        brought.put("audit-deep.json", &audit(at).replace("\"secretDiagnostics\"", deep));
    };
    let fresh = Brought::fresh();
    deep(&fresh, Utc::now() - TimeDelta::minutes(2));
    assert_eq!(check(&fresh), (3, "met".to_owned()), "doctor and health are missing");
    let old = Brought::at(Utc::now() - TimeDelta::hours(25));
    deep(&old, Utc::now() - TimeDelta::hours(25));
    assert_eq!(check(&old), (3, "unmeasured".to_owned()));
    let other = Brought::fresh();
    deep(&other, Utc::now() - TimeDelta::minutes(2));
    other.import();
    other.0.write("copy/openclaw.json", &CONFIG.replace("mode: 'local', ", ""));
    assert_eq!(check(&other).1, "unmeasured", "the config moved");
}

#[test]
fn an_older_answer_does_not_replace_a_newer_one() {
    let brought = Brought::fresh();
    brought.import().ends(0);
    let old = Utc::now() - TimeDelta::hours(2);
    brought.put("time.txt", &format!("{}\n{}\n", stamp(old), stamp(old)));
    brought.put("audit.json", &audit(old));
    let document = brought.import().json();
    assert_eq!(result(&document, "audit")["outcome"], "older");
    let checked = brought.run("check --format json").json();
    let checks = checked["checks"].as_array().expect("checks");
    let kept = checks.iter().find(|check| check["check"] == "audit").expect("it");
    assert_eq!(kept["counts"], true);
    assert_eq!(brought.0.read(&draft(&brought.0)).lines().count(), 2, "a header and one run");
    // Nor does a newer one that counts for nothing replace one that counts.
    let now = Utc::now();
    brought.put("time.txt", &format!("{}\n{}\n", stamp(now), stamp(now)));
    brought.put("audit.json", &audit(now));
    brought.put("config.sums", &sums("{}").repeat(2));
    assert_eq!(result(&brought.import().json(), "audit")["outcome"], "older");
}

fn draft(home: &Home) -> String {
    home.files("data/drafts").into_iter().next().expect("a draft")
}

#[test]
fn a_dry_run_keeps_nothing() {
    let brought = Brought::fresh();
    let ran = brought.run("import --from results --dry-run");
    ran.ends(0);
    assert!(ran.stdout.contains("read, and nothing of it kept"), "{}", ran.stdout);
    assert_eq!(brought.0.files("data"), Vec::<String>::new());
}

#[test]
fn what_listens_there_is_seen_and_what_listens_here_is_not() {
    let item = "checklist.loopback-only";
    let wide = std::net::TcpListener::bind("0.0.0.0:0").expect("a port");
    let port = wide.local_addr().expect("its address").port();
    let config = CONFIG.replace("18789", &port.to_string());
    let brought = Brought::fresh();
    brought.0.write("copy/openclaw.json", &config);
    brought.put("config.sums", &sums(&config).repeat(2));
    let found = |brought: &Brought| {
        let document = brought.run("check --format json").json();
        let items = document["items"].as_array().expect("items").clone();
        items.into_iter().find(|it| it["item"] == item).unwrap_or_else(|| panic!("{document}"))
    };
    brought.import();
    let text = found(&brought).to_string();
    assert!(text.contains("not visible here"), "{text}");
    assert_eq!(found(&brought)["verdict"], "unmeasured");
    let list = |address: &str| {
        format!(
            "State Recv-Q Send-Q Local Address:Port\nLISTEN 0 511 {address}:{port} 0.0.0.0:*\n[exit status 0]\n"
        )
    };
    brought.put("ss.txt", &list("127.0.0.1")).import();
    assert_eq!(found(&brought)["verdict"], "met");
    let text = found(&brought).to_string();
    assert!(text.contains("imported from ss.txt, taken on vega at "), "{text}");
    brought.put("ss.txt", &list("0.0.0.0")).import();
    assert_eq!(found(&brought)["verdict"], "not-met");
}

#[test]
fn a_rule_reads_what_other_programs_say_and_nothing_where_they_disagree() {
    let row = |path: &str, value: bool| {
        let from = r#"path = "audit.critical", op = "max", value = 0"#;
        let to = format!(r#"path = "{path}", op = "equals", value = {value}"#);
        assert!(SMALL.contains(from));
        SMALL.replacen(from, &to, 1)
    };
    let brought = Brought::fresh();
    let verdict = || {
        brought.run("import --from results --runbook small.toml");
        let document = brought.run("check --runbook small.toml --format json").json();
        verdicts(&document)["no-criticals"].clone()
    };
    brought.0.write("small.toml", &row("tailscale.funnel", false));
    assert_eq!(verdict(), "unmeasured");
    brought.put("tailscale-serve.json", "{}\n[exit status 0]\n");
    assert_eq!(verdict(), "met");
    let open = r#"{"Foreground":{"a1":{"AllowFunnel":{"vega.x.ts.net:443":true}}}}"#;
    brought.put("tailscale-serve.json", &format!("{open}\n[exit status 0]\n"));
    assert_eq!(verdict(), "not-met");
    brought.put("tailscale-funnel.json", "{}\n[exit status 0]\n");
    assert_eq!(verdict(), "unmeasured", "one says open, one says closed");
    brought.0.write("small.toml", &row("docker.loopback_only", true));
    assert_eq!(verdict(), "unmeasured");
    // A list that may be cut off shows what is open and never that nothing is.
    brought.put("docker.txt", "claw\t127.0.0.1:18789->18789/tcp\n");
    assert_eq!(verdict(), "unmeasured");
    brought.put("docker.txt", "claw\t0.0.0.0:18789->18789/tcp\n");
    assert_eq!(verdict(), "not-met");
    brought.put("docker.txt", "claw\t127.0.0.1:18789->18789/tcp\n[exit status 0]\n");
    assert_eq!(verdict(), "met");
    brought.put("docker.txt", "claw\t127.0.0.1:18789->18789/tcp\n[exit status 1]\n");
    assert_eq!(verdict(), "unmeasured");
}

#[test]
fn an_imported_funnel_refutes_what_the_config_alone_says() {
    let brought = Brought::fresh();
    let verdict = || {
        brought.run("import --from results");
        let document = brought.run("check --pattern ssh-tunnel --format json").json();
        verdicts(&document)["pattern.ssh-tunnel.loopback"].clone()
    };
    assert_eq!(verdict(), "met");
    brought.put("tailscale-serve.json", "{}\n[exit status 0]\n");
    assert_eq!(verdict(), "met");
    let open = r#"{"AllowFunnel":{"vega.x.ts.net:443":true},"Web":{"vega.x.ts.net:443":{"Handlers":{"/":{"Proxy":"http://127.0.0.1:18789"}}}}}"#;
    brought.put("tailscale-serve.json", &format!("{open}\n[exit status 0]\n"));
    assert_eq!(verdict(), "not-met", "the card of the item reads it");
    let document = brought.run("check --format json").json();
    let who = document["exposure"]["who"].as_str().expect("who can reach it");
    let seen =
        "this host only, by the config; but a Tailscale Funnel was seen that opens this host";
    assert!(who.starts_with(seen), "{who}");
    assert_eq!(verdicts(&document)["checklist.loopback-only"], "not-met");
}

#[test]
fn nothing_is_run_here_for_a_gateway_elsewhere() {
    let home = Home::empty().openclaw("touch \"$HOME/ran\"\n");
    home.write("copy/openclaw.json", CONFIG);
    let brought = Brought(home);
    for (arguments, status) in [
        ("check", 3),
        ("check --rehearse", 3),
        ("facts", 0),
        ("rollback", 0),
        ("rollback --rehearse", 2),
        ("rollback --apply", 2),
        ("connections", 2),
        ("logs", 2),
    ] {
        brought.run(arguments).ends(status);
        assert!(!brought.0.file("ran").exists(), "{arguments} ran openclaw");
    }
    let without = brought.0.run("check --host vega");
    assert_eq!(without.status, 2, "a config is needed: {}", without.stderr);
}

#[test]
fn no_secret_of_an_answer_is_kept() {
    let secret = "b7f2049ce1d85a3670f9c2e4ab1863d50e7c94fa2b6d8103";
    let config = CONFIG.replace("port:", &format!("auth: {{ token: '{secret}' }}, port:"));
    let brought = Brought::fresh();
    brought.0.write("copy/openclaw.json", &config);
    brought.put("config.sums", &sums(&config).repeat(2));
    let now = Utc::now() - TimeDelta::minutes(2);
    let found = format!(
        r#""findings":[{{"checkId":"a.b","severity":"warn","title":"T {secret}","detail":"token={secret}"}}]"#
    );
    brought.put("audit.json", &audit(now).replace("\"findings\":[]", &found));
    brought.put("ss.txt", &format!("{secret}\nState\nLISTEN 0 1 127.0.0.1:18789 0.0.0.0:*\n"));
    brought.put(
        "nginx.txt",
        &format!("# configuration file /etc/nginx/nginx.conf:\nhttp {{ server {{ server_name {secret}; location / {{ proxy_set_header Authorization \"Bearer other-{secret}\"; proxy_pass http://127.0.0.1:18789; }} }} }}\n"),
    );
    for arguments in [
        "import --from results",
        "import --from results --format json",
        "check",
        "check --format sarif",
    ] {
        let ran = brought.run(arguments);
        assert!(!ran.stdout.contains(secret) && !ran.stderr.contains(secret), "{arguments}");
    }
    let draft = brought.0.read(&draft(&brought.0));
    assert!(draft.contains("‹secret›"), "nothing was masked:\n{draft}");
    assert!(!draft.contains(secret), "the draft holds it");
}

#[test]
fn what_cannot_be_read_is_said() {
    let brought = Brought::fresh();
    let nothing = brought.run("import");
    nothing.ends(2);
    assert!(nothing.stderr.starts_with("error: nothing was brought\n"), "{}", nothing.stderr);
    let gone = brought.run("import --audit gone.json");
    gone.ends(2);
    assert!(gone.stderr.starts_with("error: `gone.json` cannot be read\n"), "{}", gone.stderr);
    brought.run("import --audit results").ends(2);
    let demo = brought.0.run("import --demo --audit results/audit.json");
    demo.ends(2);
    // An answer of another command proves nothing.
    let wrong = brought.run("import --health results/audit.json --format json");
    wrong.ends(3);
    assert_eq!(result(&wrong.json(), "health")["outcome"], "unmeasured");
    brought.put("tailscale.json", "sh: 1: tailscale: not found\n[exit status 127]\n");
    assert_eq!(result(&brought.import().json(), "tailscale")["outcome"], "absent");
}

/// What a capture must come to: the command it is of, the exit status, the outcome, and the
/// number of findings that its own list holds.
const CAPTURES: [(&str, &str, i32, &str); 15] = [
    ("assets/demo/doctor-lint.json", "doctor", 1, "measured"),
    ("assets/demo/audit.json", "audit", 0, "measured"),
    ("assets/demo/audit-deep.json", "audit-deep", 0, "measured"),
    ("assets/demo/health.json", "health", 0, "measured"),
    ("assets/demo/probe.json", "probe", 0, "measured"),
    ("tests/fixtures/checks/audit-deep.gateway-down.json", "audit-deep", 0, "unmeasured"),
    ("tests/fixtures/checks/audit-deep.wrong-token.json", "audit-deep", 0, "unmeasured"),
    ("tests/fixtures/checks/audit.invalid-config.json", "audit", 1, "unmeasured"),
    ("tests/fixtures/checks/audit.suppressions.json", "audit", 0, "measured"),
    ("tests/fixtures/checks/doctor-lint.invalid-config.json", "doctor", 1, "unmeasured"),
    ("tests/fixtures/checks/health.gateway-down.json", "health", 1, "unmeasured"),
    ("tests/fixtures/checks/health.wrong-token.json", "health", 1, "unmeasured"),
    // A deep audit is a plain one too; a plain one is no deep one.
    ("assets/demo/audit-deep.json", "audit", 0, "measured"),
    ("assets/demo/audit.json", "audit-deep", 0, "unmeasured"),
    ("assets/demo/doctor.txt", "doctor", 0, "unmeasured"),
];

#[test]
fn every_capture_is_read_rightly_when_it_is_brought() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let brought = Brought::fresh();
    let mut rightly = 0;
    for (file, flag, status, outcome) in CAPTURES {
        let capture = fs::read_to_string(root.join(file)).expect("a capture");
        let name = file.rsplit('/').next().expect("a name");
        brought.0.write(name, &format!("{capture}\n[exit status {status}]\n"));
        let ran = brought.run(&format!("import --dry-run --format json --{flag} {name}"));
        let document = ran.json();
        let result = result(&document, flag);
        assert_eq!(result["outcome"], outcome, "{file}: {result}");
        assert_eq!(result["why"].is_string(), outcome == "unmeasured", "{file}");
        let held: Value = serde_json::from_str(&capture).unwrap_or_default();
        let count = |list: &str| held[list].as_array().map_or(0, Vec::len);
        let read = result["report"]["findings"].as_array().map_or(0, Vec::len);
        assert_eq!(read, count("findings") + count("suppressedFindings"), "{file}");
        rightly += 1;
    }
    println!("imports read rightly: {rightly} of {}", CAPTURES.len());
    let all = fs::read_dir(root.join("tests/fixtures/checks")).expect("the captures");
    let names = all.map(|file| file.expect("a file").file_name().to_string_lossy().into_owned());
    let takes = |name: &String| {
        ["audit", "doctor-lint", "health"].iter().any(|it| name.starts_with(it))
            && Path::new(name).extension().is_some_and(|end| end == "json")
    };
    let missing: Vec<String> = names
        .filter(takes)
        .filter(|name| !CAPTURES.iter().any(|(file, ..)| file.ends_with(&format!("/{name}"))))
        .collect();
    assert_eq!(missing, Vec::<String>::new(), "captures that nobody imports");
}

/// Returns the lines of `collect` that are commands.
fn collected(home: &Home, arguments: &str) -> String {
    let ran = home.run(&format!("collect {arguments}"));
    ran.ends(0);
    assert!(ran.stdout.lines().all(|line| line.len() < 400), "{}", ran.stdout);
    ran.stdout
}

#[test]
fn the_lines_of_collect_are_commands_and_nothing_else() {
    let home = Home::empty();
    home.write("copy/openclaw.json", CONFIG);
    let text = collected(&home, "--host vega --config copy/openclaw.json");
    insta::assert_snapshot!("collect", text);
    for word in ["if ", "for ", "while ", "function", "eval", "base64", "curl", "| sh", "sudo "] {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let with: Vec<&str> = lines.filter(|line| line.contains(word)).collect();
        assert_eq!(with, Vec::<&str>::new(), "{word}");
    }
    let document = home.run("collect --format json --system macos").json();
    let commands = document["commands"].as_array().expect("commands");
    assert!(commands.iter().any(|it| it["command"] == "lsof -nP -iTCP -sTCP:LISTEN"));
}

#[test]
fn what_the_lines_of_collect_leave_is_taken() {
    let now = audit(Utc::now());
    let deep = r#""deep":{"gateway":{"attempted":true,"url":"ws://127.0.0.1:18789","ok":true,"error":null,"close":null}},"secretDiagnostics""#;
    let stand_in = StandIn::healthy()
        .answers("audit", &now)
        .answers("audit-deep", &now.replace("\"secretDiagnostics\"", deep))
        .does(
            "other",
            "case \"$*\" in *'config file'*) echo \"$HOME/.openclaw/openclaw.json\";; esac",
        );
    let home = Home::new(CONFIG).openclaw(&stand_in.script());
    let lines = collected(&home, "--host vega --config .openclaw/openclaw.json");
    home.write("lines", &lines);
    let ran = home.finish(home.program("/bin/sh").arg("lines"));
    assert_eq!(ran.stderr, "", "{}", ran.stdout);
    let common = "--data-dir data --host vega --config .openclaw/openclaw.json";
    let ran = home.run(&format!("import {common} --from portcullis-results --format json"));
    let document = ran.json();
    for check in ["doctor", "audit", "audit-deep", "health", "ss"] {
        let result = result(&document, check);
        assert_eq!(
            (&result["outcome"], &result["counts"]),
            (&"measured".into(), &true.into()),
            "{result}"
        );
    }
    assert_eq!(home.mode("portcullis-results/audit.json"), 0o600);
    assert_eq!(home.mode("portcullis-results"), 0o700);
}

#[test]
fn a_real_gateway_is_judged_from_afar_as_it_is_there() {
    let Some(openclaw) = Installed::find() else { return };
    let config = r#"{ gateway: { mode: "local", bind: "loopback", port: PORT, auth: { mode: "token", token: "${OPENCLAW_GATEWAY_TOKEN}" } } }"#;
    let (there, port) = openclaw.home(config);
    let there =
        there.with("OPENCLAW_GATEWAY_TOKEN", "b7f2049ce1d85a3670f9c2e4ab1863d50e7c94fa2b6d8103");
    let gateway = Gateway::start(&there, port);
    let here = there.run("check --format json");
    let lines = collected(&there, &format!("--port {port}"));
    there.write("lines", &lines);
    there.finish(there.program("/bin/sh").arg("lines"));
    drop(gateway);

    let afar = Home::empty();
    afar.write("copy/openclaw.json", &there.read(".openclaw/openclaw.json"));
    for file in there.files("portcullis-results") {
        afar.write(&file, &there.read(&file));
    }
    let common = "--data-dir data --host vega --config copy/openclaw.json";
    let imported = afar.run(&format!("import {common} --from portcullis-results --format json"));
    let imported = imported.json();
    for check in ["doctor", "audit", "audit-deep", "health", "probe", "ss"] {
        let result = result(&imported, check);
        assert_eq!(result["outcome"], "measured", "{result}");
        assert_eq!(result["counts"], true, "{result}");
    }
    let judged = afar.run(&format!("check {common} --format json"));
    let (here, afar) = (here.json(), judged.json());
    for check in ["doctor", "audit", "audit-deep", "health"] {
        assert_eq!(outcomes(&afar)[check], outcomes(&here)[check], "{check}");
    }
    // What is known from afar is what is known there; the rest is not known.
    let (here, afar) = (verdicts(&here), verdicts(&afar));
    let differs: BTreeMap<&String, (&String, &String)> = (here.iter())
        .filter_map(|(item, verdict)| Some((item, (verdict, afar.get(item)?))))
        .filter(|(_, (there, afar))| there != afar)
        .collect();
    let more: Vec<_> = differs.iter().filter(|(_, (_, afar))| *afar != "unmeasured").collect();
    assert!(more.is_empty(), "more is known from afar than there: {more:?}");
    println!("verdicts from afar: {} of {} as there", here.len() - differs.len(), here.len());
}

#[test]
fn a_record_says_where_an_answer_came_from() {
    use portcullis::change::Change;

    let brought = Brought::fresh();
    brought.put("ss.txt", "State\nLISTEN 0 1 127.0.0.1:18789 0.0.0.0:*\n[exit status 0]\n");
    brought.import();
    let (change, torn) = Change::read(&brought.0.read(&draft(&brought.0))).expect("a draft");
    assert_eq!(torn, None);
    let record = crate::records::archive::with(&change.answers());
    let document: Value = serde_json::from_str(&record.json).expect("JSON");
    for check in ["audit", "ss"] {
        let checks = document["checks"].as_array().expect("checks");
        let it = checks.iter().find(|it| it["check"] == check).unwrap_or_else(|| panic!("{check}"));
        let vantage = it["vantage"].as_str().expect("a vantage");
        assert!(vantage.starts_with(&format!("imported from {check}")), "{vantage}");
        assert_eq!(it["brought"]["host"], "vega");
        assert_eq!(it["brought"]["sha256"].as_str().map(str::len), Some(64));
        let file = format!("evidence/{check}.1.txt");
        assert!(record.files.iter().any(|(name, _)| *name == file), "{file}");
        let line = record.markdown.lines().find(|line| line.starts_with(&format!("- {check}: ")));
        assert!(line.is_some_and(|line| line.contains("imported from")), "{line:?}");
    }
}

#[test]
fn the_wizard_shows_what_was_imported_and_runs_nothing_here() {
    let brought = Brought::fresh();
    brought.put("health.json", "{\"ok\":true}\n[exit status 0]\n");
    brought.import().ends(0);
    let arguments = ["--host", "vega", "--config", "copy/openclaw.json", "--data-dir", "data"];
    let launch = brought.0.wizard().size(120, 40);
    let launch = arguments.into_iter().fold(launch, Launch::argument);
    let mut terminal = launch.start();
    terminal.press("3");
    terminal.see("imported");
    terminal.press("j j");
    terminal.see("imported from audit.json, taken on vega at");
    terminal.press("r");
    terminal.see("nothing runs here: the gateway is on vega; c copies what to run there");
    terminal.press("q");
    terminal.exit();
    brought.0.write("copy/openclaw.json", &CONFIG.replace("loopback", "lan"));
    let mut terminal = launch.start();
    terminal.press("3");
    terminal.see("imported, does not count");
    terminal.press("q");
    terminal.exit();
}

#[test]
fn what_the_copied_line_prints_there_counts_once_it_is_pasted() {
    let Some(openclaw) = Installed::find() else { return };
    let config = CONFIG.replace(
        "port: 18789",
        "port: 18789, auth: { mode: 'token', token: '8f3b60c1d27e49a5b0836fd1c27a94e5' }",
    );
    let there = openclaw.in_home(Home::new(&config));
    let printed = |check: &str| {
        let gateway = portcullis::openclaw::command::Gateway {
            program: "openclaw".to_owned(),
            port: 18789,
            ..Default::default()
        };
        let line = errand::pasteable(check, &gateway, Summed::There(&[])).expect("a line").line;
        let output = there.program("bash").args(["-c", &line]).output().expect("bash");
        let text = String::from_utf8(output.stdout).expect("text");
        format!("claw@vega:~$ {line}\n{text}claw@vega:~$ \n")
    };
    let audit = printed("audit");
    let here = Home::empty();
    here.write("copy/openclaw.json", &config);
    let arguments = ["--host", "vega", "--config", "copy/openclaw.json", "--data-dir", "data"];
    let launch = arguments.into_iter().fold(here.wizard().size(160, 50), Launch::argument);
    let mut terminal = launch.start();
    terminal.press("3 j j");
    terminal.see("On vega: date -u");
    terminal.press("c");
    terminal.see("run it there, paste here what it prints");
    assert!(String::from_utf8_lossy(terminal.transcript()).contains("\u{1b}]52;c;"));
    terminal.paste("what was that line again?");
    terminal.see("It is not kept: there is no JSON in it");
    terminal.paste(&audit.repeat(2));
    terminal.see("It is not kept: it holds several answers; paste one at a time");
    let around = audit.replace("openclaw.json", "other.json");
    terminal.paste(&around);
    terminal.see("Kept, but it does not count: `openclaw.json` was not summed there");
    let json: String = audit.lines().skip_while(|line| *line != "{").collect();
    terminal.paste(&json);
    terminal.see("Kept, but it does not count: nothing above it names the command");
    terminal.paste(&audit);
    terminal.see("Kept as taken on vega");
    terminal.see("imported from a paste, taken on vega at");
    terminal.paste(&around);
    terminal.see("It is not kept: a newer answer is known, or one that counts");
    // The answer of another command is none.
    terminal.press("j");
    terminal.paste(&audit);
    terminal.see("It is not kept: it is the answer of `audit`, not of this check");
    terminal.press("k k k");
    terminal.paste(&printed("doctor-lint"));
    terminal.see("Kept as taken on vega");
    // What is not visible from here is not waved through.
    terminal.press("2 g enter");
    terminal.see("Not visible from here, for you to write: ");
    terminal.press("enter");
    terminal.see("`unknown` is an answer too");
    terminal.type_text(" on vega");
    terminal.press("enter");
    terminal.see("written by you");
    terminal.press("q");
    terminal.exit();
    let kept = here.files("data").into_iter().map(|name| fs::read(here.file(&name)).expect("it"));
    let kept: Vec<u8> = kept.flatten().collect();
    let secret = String::from_utf8_lossy(&kept).contains("8f3b60c1d27e49a5b0836fd1c27a94e5");
    assert!(!kept.is_empty() && !secret, "no secret is kept");
    here.write("copy/openclaw.json", &config.replace("loopback", "lan"));
    let mut terminal = launch.start();
    terminal.press("3 j j");
    terminal.see("imported, does not count");
    terminal.press("q");
    terminal.exit();
}
