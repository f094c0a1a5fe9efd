//! `portcullis connections` in token mode, against a real gateway that is sound, has another token,
//! has no auth, lets any page in, or is gone; and against what is no gateway.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::io::Write;
use std::net::Ipv4Addr;
use std::net::TcpListener;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use serde_json::Value;

use crate::home::Home;
use crate::home::Ran;
use crate::openclaw::gateway::Gateway;
use crate::openclaw::gateway::Installed;
use crate::openclaw::gateway::untouched;
use crate::terminal::harness::Launch;

pub(super) const TOKEN: &str = "8f3b60c1d27e49a5b0836fd1c27a94e5";

pub(super) const CONFIG: &str = r#"{
  gateway: {
    mode: "local",
    bind: "loopback",
    port: PORT,
    auth: { mode: "token", token: "8f3b60c1d27e49a5b0836fd1c27a94e5" },
    controlUi: { allowedOrigins: ["https://claw.example"] },
  },
}
"#;

/// How something that is no gateway answers.
type Serve = fn(&mut dyn Write);

pub(super) const SOUND: [(&str, bool); 5] = [
    ("authorised", true),
    ("refuses_forged", true),
    ("refuses_none", true),
    ("refuses_origin", true),
    ("refuses_wrong", true),
];

#[test]
fn who_gets_in_is_told_of_a_real_gateway() {
    let Some(openclaw) = Installed::find() else { return };
    let (home, port) = openclaw.home(CONFIG);
    let gateway = Gateway::start(&home, port);
    let before = untouched(&home);

    let ran = home.run("connections --format json");
    assert_eq!(observed(ran.ends(0)), SOUND.into());
    let text = home.run("connections");
    text.ends(0);
    for said in [&ran, &text] {
        assert!(!said.stdout.contains(TOKEN) && said.stderr.is_empty(), "{}", said.stderr);
    }
    assert_eq!(untouched(&home), before);
    assert!(home.files("data").is_empty() && home.files(".local").is_empty());

    // Elsewhere a secret is sent only where a variable is named for it.
    let url = format!("connections --format json --url http://localhost:{port}");
    let mut sound = BTreeMap::from(SOUND);
    let named = format!("{url} --secret-env GATEWAY_SECRET");
    home.run(&named).ends(2);
    let home = home.with("GATEWAY_SECRET", TOKEN);
    assert_eq!(observed(home.run(&named).ends(0)), sound);
    sound.remove("authorised");
    assert_eq!(observed(home.run(&url).ends(3)), sound);

    // Where the config of that gateway is not, its auth mode is said.
    let elsewhere = Home::empty().with("GATEWAY_SECRET", TOKEN);
    elsewhere.run(&named).ends(2);
    assert_eq!(
        observed(elsewhere.run(&format!("{named} --auth token")).ends(0)),
        BTreeMap::from(SOUND)
    );

    // At a terminal the secret is asked for, and typed unseen.
    let asks = |home: &Home| {
        let words = ["connections", "--auth", "token", "--url"];
        let words = words.into_iter().fold(home.wizard(), Launch::argument);
        let mut terminal = words.argument(format!("ws://localhost:{port}")).start();
        terminal.hear("(not shown; Enter for none): ");
        terminal
    };
    for (typed, code) in
        [(format!("{TOKEN}\r"), 0), ("\r".to_owned(), 3), ("wrong\r".to_owned(), 1)]
    {
        let mut terminal = asks(&elsewhere);
        terminal.send(typed.as_bytes());
        let left = terminal.exit();
        assert_eq!((left.code, left.not_restored), (code, Vec::<&str>::new()), "{}", left.screen);
        assert!(!String::from_utf8_lossy(terminal.transcript()).contains(TOKEN), "it was shown");
    }
    let mut terminal = asks(&elsewhere);
    terminal.send(b"\x03");
    let left = terminal.exit();
    assert!(left.code != 0 && left.not_restored.is_empty(), "{:?}", left.not_restored);
    assert!(elsewhere.files("").is_empty(), "{:?}", elsewhere.files(""));

    // Config and gateway disagree: whoever has the config's token stays out.
    let other = CONFIG.replace("PORT", &port.to_string()).replace(TOKEN, &TOKEN.replace('8', "7"));
    home.write("other.json5", &other);
    let ran = home.run("connections --format json --config other.json5");
    sound.insert("authorised", false);
    assert_eq!(observed(ran.ends(1)), sound);
    assert_eq!(findings(&ran), ["portcullis.connections.shut-out"]);

    // Every page may connect, once the gateway has taken that up.
    let any = CONFIG.replace("PORT", &port.to_string()).replace("https://claw.example", "*");
    fs::write(home.file(".openclaw/openclaw.json"), any).expect("a config");
    let ran = wait(&home, |ran| observed(ran).get("refuses_origin") == Some(&false));
    sound.insert("authorised", true);
    sound.insert("refuses_origin", false);
    assert_eq!(observed(ran.ends(1)), sound);
    assert_eq!(findings(&ran), ["portcullis.connections.origin"]);

    drop(gateway);
    let ran = home.run("connections --format json");
    assert_eq!(observed(ran.ends(3)), BTreeMap::new());
    let why = format!(
        "No gateway answered at ws://127.0.0.1:{port}: nothing listens there. Start the gateway, \
         and run it again (port {port})."
    );
    assert_eq!(ran.json()["unmeasured"], why.as_str());
}

#[test]
fn a_gateway_without_auth_is_open_whatever_its_config_says() {
    let Some(openclaw) = Installed::find() else { return };
    let (home, port) = openclaw.home(CONFIG);
    let _gateway = Gateway::start_with(&home, port, &["--auth", "none"]);
    let ran = home.run("connections --format json");
    let observed = observed(ran.ends(1));
    assert_eq!((observed["refuses_none"], observed["refuses_wrong"]), (false, false));
    assert_eq!(findings(&ran).first().map(String::as_str), Some("portcullis.connections.open"));
    assert_eq!(ran.json()["findings"][0]["severity"], "critical");
    home.write(
        "none.json5",
        &format!("{{ gateway: {{ port: {port}, auth: {{ mode: 'none' }} }} }}"),
    );
    let ran = home.run("connections --format json --config none.json5");
    assert_eq!(findings(ran.ends(1)), ["portcullis.connections.open"]);
}

#[test]
fn what_is_no_gateway_is_unmeasured_and_gets_no_secret() {
    let silent = |_: &mut dyn Write| {};
    let garbage = |stream: &mut dyn Write| {
        let _ = stream.write_all(b"220 mail.example ESMTP\r\n");
    };
    let web = |stream: &mut dyn Write| {
        let page = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>";
        let _ = stream.write_all(page.as_bytes());
    };
    let servers: [(Serve, &str); 3] = [
        (silent, "no complete answer came in time"),
        (garbage, "the answer is not a gateway's"),
        (web, "HTTP 200 is not a gateway's answer"),
    ];
    for (answer, why) in servers {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = listener.local_addr().expect("its address").port();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.expect("a connection");
                thread::spawn(move || {
                    let mut heard = [0; 4096];
                    let count = stream.read(&mut heard).unwrap_or_default();
                    let heard = String::from_utf8_lossy(&heard[..count]).into_owned();
                    assert!(!heard.contains(TOKEN), "it was handed the secret");
                    answer(&mut stream);
                    // Kept open until the other side has had enough.
                    let _ = stream.read(&mut [0; 64]);
                });
            }
        });
        let home = Home::new(&CONFIG.replace("PORT", &port.to_string()));
        let ran = home.run("connections --format json");
        assert_eq!(observed(ran.ends(3)), BTreeMap::new());
        let expected = format!(
            "Something is at ws://127.0.0.1:{port}, and shows neither entry nor refusal: {why}."
        );
        assert_eq!(ran.json()["unmeasured"], expected.as_str());
        assert!(ran.took < Duration::from_mins(1), "{:?}", ran.took);
    }
}

#[test]
fn what_cannot_be_tried_says_what_to_do_instead() {
    let home = Home::new(&CONFIG.replace("PORT", "1"));
    let home = home.with("GATEWAY_SECRET", TOKEN);
    let ran = home.run("connections --url ws://192.0.2.1 --secret-env GATEWAY_SECRET");
    assert!(ran.ends(3).stdout.starts_with("unmeasured: Nothing was sent to ws://192.0.2.1:80"));
    for wrong in [
        "--url gateway",
        "--url ws://me:word@gateway",
        "--secret-env HOME",
        "--url ws://127.0.0.1:1 --header nothing",
        "--url ws://127.0.0.1:1 --header X:${NOT_SET_ANYWHERE}",
        "--url ws://127.0.0.1:1 --header Host:x",
        "--ca-file ca.pem",
        "--url wss://127.0.0.1:1 --ca-file nowhere.pem",
        "--url wss://127.0.0.1:1 --ca-file .openclaw/openclaw.json",
        "--url wss://127.0.0.1:1 --tls-fingerprint 3a:b0",
    ] {
        let ran = home.run(&format!("connections {wrong}"));
        assert_eq!(ran.ends(2).stdout, "", "{wrong}");
    }
}

/// Tries again until an answer is as it must become, and returns it.
#[track_caller]
pub(super) fn wait(home: &Home, becomes: impl Fn(&Ran) -> bool) -> Ran {
    let begun = Instant::now();
    loop {
        let ran = home.run("connections --format json");
        if becomes(&ran) {
            return ran;
        }
        assert!(begun.elapsed() < Duration::from_mins(2), "{}", ran.stdout);
        thread::sleep(Duration::from_millis(100));
    }
}

/// Returns what was observed, by the last part of its path.
pub(super) fn observed(ran: &Ran) -> BTreeMap<&'static str, bool> {
    let document = ran.json();
    let names = SOUND.iter().map(|(name, _)| *name).chain(["proxy_overwrites"]);
    let holds = |name| document["observed"][format!("connections.{name}")].as_bool();
    names.filter_map(|name| Some((name, holds(name)?))).collect()
}

fn findings(ran: &Ran) -> Vec<String> {
    let document = ran.json();
    let findings = document["findings"].as_array().cloned().unwrap_or_default();
    let id = |found: &Value| found["check_id"].as_str().unwrap_or_default().to_owned();
    findings.iter().map(id).collect()
}
