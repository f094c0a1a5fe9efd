//! No secret comes out, wherever it stands and in whatever form it is told back to us.
//!
//! A config, its include, a `.env` and the environment hold a secret of its own at every place
//! where OpenClaw keeps one. A stand-in for `openclaw` prints all of them in every form. Then
//! everything that Portcullis says and writes is searched.

mod forms;
mod planted;

use std::fs;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use serde_json::Value;
use serde_json::json;

use self::forms::Forms;
use self::planted::Planted;
use crate::home::Home;
use crate::home::outcomes;
use crate::stand_in::StandIn;
use crate::terminal::script;
use crate::terminal::script::Plan;

#[test]
fn no_secret_comes_out_of_a_headless_command() {
    let planted = Planted::everywhere();
    let stand_in = echoing(&planted);
    let (home, _elsewhere) = planted.home(&stand_in.script());
    let forms = Forms::of(&planted.secrets);
    let watch = Watch::begin(forms.clone());
    for arguments in [
        "check",
        "check --format json",
        "check --format sarif",
        "check --format junit",
        "check --format json --pattern public-internet",
        "check --offline",
        "facts",
        "facts --format json",
        "baseline",
        "baseline --diff",
        "baseline --token-file new-token",
        "baseline -o baseline.json5",
        "rollback",
        "rollback --diff",
        "rollback -o rollback.json5",
        "check --config nowhere.json5",
    ] {
        let ran = home.run(arguments);
        forms.assert_absent_from(&format!("stdout of `{arguments}`"), ran.stdout.as_bytes());
        forms.assert_absent_from(&format!("stderr of `{arguments}`"), ran.stderr.as_bytes());
        assert!(ran.status < 4, "`{arguments}` ended in status {}", ran.status);
    }
    watch.end();
    assert_files_are_clean(&home, &forms);
}

#[test]
fn no_secret_comes_out_of_the_wizard() {
    let planted = Planted::everywhere();
    let (home, _elsewhere) = planted.home(&echoing(&planted).script());
    let forms = Forms::of(&planted.secrets);
    let watch = Watch::begin(forms.clone());
    let mut terminal = home.wizard().size(160, 50).start();
    terminal.see("Portcullis");
    let pasted = &planted.secrets["gateway.token"];
    for form in ["2 j e ctrl-u", "/"] {
        terminal.press(form);
        terminal.paste(&format!("it is {pasted}, I think"));
        terminal.see("it is ‹secret›, I think");
        terminal.press(if form == "/" { "esc" } else { "enter" });
    }
    terminal.press("4 g c p d d");
    let plan = Plan::new(home.root(), Duration::from_mins(2));
    script::walk(&mut terminal, &plan);
    let left = terminal.exit();
    watch.end();
    assert!(left.screen.contains("Record: "), "{}", left.screen);
    forms.assert_absent_from("the terminal", terminal.transcript());
    let written = home.files("data");
    assert!(written.iter().any(|file| file.ends_with("/record.json")), "{written:?}");
    assert_files_are_clean(&home, &forms);
}

#[test]
fn the_answers_that_echo_secrets_are_still_understood() {
    let planted = Planted::everywhere();
    let (home, _elsewhere) = planted.home(&echoing(&planted).script());
    let document = home.run("check --format json").json();
    for check in ["doctor", "audit", "audit-deep", "health"] {
        assert_eq!(outcomes(&document)[check], "measured", "{check}");
    }
    let masked = document["findings"].to_string().matches("‹secret›").count();
    assert!(masked > planted.secrets.len(), "{masked} masked");
}

#[test]
fn facts_keep_where_a_secret_comes_from_and_what_it_is_worth() {
    let planted = Planted::everywhere();
    let (home, _elsewhere) = planted.home("exit 1");
    let ran = home.run("facts --format json");
    ran.ends(0);
    let document = ran.json();
    let fact = |path: &str| {
        let facts = document["facts"].as_array().expect("facts");
        facts.iter().find(|fact| fact["path"] == path).cloned().expect("the fact")
    };
    assert_eq!(fact("config.gateway.auth.secret")["value"], "ok");
}

#[test]
fn an_error_in_the_config_is_told_without_the_secret_beside_it() {
    let secret = "Zq8mT3vLx0Rk5Wc2Nb7Yd4Hj9Sf6Ga1P";
    let broken = [
        "{ gateway: { auth: { token: 'SECRET' } }",
        "{ gateway: { auth: { token: 'SECRET }\n} }",
        "{ gateway: { auth: { token: SECRET } } }",
        "{ gateway: { auth: { token: \"SECRET\"\" } } }",
        "{ gateway: { auth: { token: 'SECRET' 'SECRET' } } }",
        "{ gateway: { auth: { token: 'SECRET\\x' } } }",
        "{ gateway: { auth: { 'SECRET' } } }",
        "{ gateway: { auth: { token: 'a', token: 'SECRET' } }",
        "SECRET",
        "'SECRET'",
        "['SECRET']",
        "{ $include: 'SECRET' }",
        "{ $include: ['SECRET', 7] }",
        "OPENCLAW_GATEWAY_TOKEN=SECRET",
        "{ gateway: { auth: { token: 'SECRET' } } } SECRET",
        "{ gateway: { auth: { token: /* SECRET } }",
        "{ gateway: { auth: { token: `SECRET` } } }",
        "{ gateway: { auth: { token: 'SECRET\n' } } }",
        "{ \"gateway\": { \"auth\": { \"token\": \"SECRET\u{0}\" } } ",
    ];
    let forms = Forms::of(&[("token".to_owned(), secret.to_owned())].into());
    for config in broken {
        // A file of this name is what the config itself asks for, so its name may be told.
        let named = config.contains("$include");
        let home = Home::new(&config.replace("SECRET", secret)).openclaw("exit 1");
        for arguments in ["check --offline", "facts", "baseline", "baseline --diff", "rollback"] {
            let ran = home.run(arguments);
            if named {
                continue;
            }
            let what = format!("`{arguments}` of {config:?}");
            forms.assert_absent_from(&what, ran.stdout.as_bytes());
            forms.assert_absent_from(&what, ran.stderr.as_bytes());
        }
    }
}

#[test]
fn the_search_itself_finds_every_form() {
    let secret = "a\"b/c+d é-0123456789".to_owned();
    let forms = Forms::of(&[("token".to_owned(), secret.clone())].into());
    for (name, text) in forms::written(&secret) {
        assert!(forms.found_in(text.as_bytes()).is_some(), "{name}: {text}");
    }
    assert_eq!(forms.found_in(b"nothing of the kind"), None);
}

/// A stand-in that answers well, and prints every secret in every form while it does.
fn echoing(planted: &Planted) -> StandIn {
    let secrets = planted.read_by_openclaw();
    let mut lines = Vec::new();
    for secret in &secrets {
        let forms = forms::written(secret).into_iter();
        let forms = forms.map(|(name, text)| format!("{name} {text} {text}{text} in=\"{text}\";"));
        lines.push(forms.collect::<Vec<_>>().join(" "));
    }
    let finding = |index: usize, line: &String| {
        json!({
            "checkId": format!("gateway.echo_{index}"),
            "severity": "warn",
            "title": line,
            "detail": format!("- channels.telegram.{line}\n{line}"),
            "remediation": line,
        })
    };
    let findings: Vec<Value> = lines.iter().enumerate().map(|(i, line)| finding(i, line)).collect();
    let count = findings.len();
    let deep = json!({"gateway": {"attempted": true, "ok": true, "error": null, "close": null,
        "url": format!("ws://127.0.0.1:18789/?token={}", secrets[0])}});
    let audit = |deep: Value| {
        json!({
            "ts": 1, "summary": {"critical": 0, "warn": count, "info": 0}, "findings": findings,
            "deep": deep, "secretDiagnostics": lines,
        })
    };
    let lint: Vec<Value> = lines
        .iter()
        .map(|line| {
            json!({"checkId": "core/doctor/echo", "severity": "warning", "message": line,
            "path": line, "target": line, "requirement": line, "fixHint": line})
        })
        .collect();
    let lint = json!({"schemaVersion": 1, "ok": false, "checksRun": 1, "checksSkipped": 0,
        "findings": lint, "warnings": lines});
    let health = json!({"ok": true, "plugins": {"errors": lines, "loaded": lines},
        "configReload": {"hotReloadStatus": lines[0]}});
    let noise = noise(&lines, &secrets);
    let answer = |document: &Value| {
        // Printed over many lines, as OpenClaw does, and on one.
        let text = serde_json::to_string_pretty(document).expect("JSON");
        format!("{noise}\ncat <<'END'\n{text}\nEND")
    };
    StandIn::healthy()
        .does("audit", &answer(&audit(Value::Null)))
        .does("audit-deep", &answer(&audit(deep)))
        .does("doctor", &answer(&lint))
        .does("health", &format!("{noise}\ncat <<'END'\n{health}\nEND"))
}

/// What is printed beside the answer: every form on stderr, secrets in two writes, and lines so
/// long that they are cut.
fn noise(lines: &[String], secrets: &[String]) -> String {
    let mut script = format!("cat >&2 <<'END'\n[config] warnings: {}\nEND\n", lines.join("\n"));
    script.push_str("cat <<'END'\n");
    for line in lines {
        script.push_str(&format!("[state-migrations] {line}\n"));
    }
    // Each of these lines is longer than what is kept of a line, and a secret lies across the cut.
    for (index, secret) in secrets.iter().enumerate().take(8) {
        let before = (64 << 10) - secret.len() / 2 - index % 3;
        script.push_str(&format!("{}{secret}{}\n", "x".repeat(before), "y".repeat(99)));
    }
    script.push_str("END\n");
    let secret = secrets.iter().find(|s| !s.contains('\'')).expect("a secret without a quote");
    let (head, tail) = secret.split_at(secret.len() / 2);
    for stream in ["", " >&2"] {
        script.push_str(&format!(
            "printf %s 'a {head}'{stream}; sleep 0.05; printf '%s\\n' '{tail} b'{stream}\n"
        ));
    }
    script
}

/// Checks every file of the home but those that the secrets were planted in.
fn assert_files_are_clean(home: &Home, forms: &Forms) {
    let files = home.files(".");
    for file in files.iter().filter(|file| !planted::FILES.contains(&file.as_str())) {
        forms.assert_absent_from(file, file.as_bytes());
        forms.assert_absent_from(file, &fs::read(home.file(file)).expect("a file"));
    }
}

/// Looks at every command line on this machine while it lives.
struct Watch {
    over: Arc<AtomicBool>,
    watching: thread::JoinHandle<Option<String>>,
}

impl Watch {
    fn begin(forms: Forms) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let watched = Arc::clone(&over);
        let watching = thread::spawn(move || {
            while !watched.load(Ordering::Relaxed) {
                for process in fs::read_dir("/proc").into_iter().flatten().flatten() {
                    let line = fs::read(process.path().join("cmdline")).unwrap_or_default();
                    if let Some(found) = forms.found_in(&line) {
                        let line = String::from_utf8_lossy(&line).replace('\0', " ");
                        return Some(format!("{found} in {line}"));
                    }
                }
                thread::sleep(Duration::from_millis(5));
            }
            None
        });
        Self { over, watching }
    }

    #[track_caller]
    fn end(self) {
        self.over.store(true, Ordering::Relaxed);
        assert_eq!(self.watching.join().expect("the watch"), None);
    }
}
