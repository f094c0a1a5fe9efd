//! `portcullis connections` in trusted-proxy mode, against a real gateway behind a real nginx whose
//! header rules are right, missing, or lost by inheritance.

use std::io::Write;

use crate::home::Home;
use crate::home::Ran;
use crate::openclaw::gateway::Gateway;
use crate::openclaw::gateway::Installed;
use crate::openclaw::network::Network;
use crate::openclaw::nginx::Kind;
use crate::openclaw::nginx::Nginx;
use crate::openclaw::nginx::SESSION;

/// A gateway that believes a proxy on another host.
const ANOTHER_HOST: &str = r#"{
  gateway: {
    mode: "local",
    bind: "custom",
    customBindHost: "THIS_END",
    port: PORT,
    controlUi: { enabled: false },
    trustedProxies: ["THAT_END"],
    auth: {
      mode: "trusted-proxy",
      trustedProxy: { userHeader: "x-forwarded-user", allowUsers: ["mira@example.com"] },
    },
  },
}
"#;

/// A gateway that believes a proxy on this host.
const THIS_HOST: &str = r#"{
  gateway: {
    mode: "local",
    bind: "loopback",
    port: PORT,
    trustedProxies: ["127.0.0.1"],
    auth: {
      mode: "trusted-proxy",
      trustedProxy: {
        userHeader: "x-forwarded-user",
        requiredHeaders: ["x-forwarded-proto"],
        allowUsers: ["mira@example.com"],
        allowLoopback: true,
      },
    },
  },
}
"#;

/// With what a client comes to the proxy.
#[derive(Clone, Copy, Debug)]
enum With {
    /// Nothing.
    Nothing,
    /// A login that the proxy knows.
    Session,
    /// One that it does not know any more.
    OldSession,
}

/// What is judged behind each proxy: what was observed, `!` before what does not hold, and the exit
/// status. From another host the gateway takes nobody whom the proxy does not give an address, and
/// looks at no origin; `local-origin` is observed where the proxy is on this host.
const CASES: [(Kind, With, &str, i32); 9] = [
    (Kind::Right, With::Session, "authorised none origin forged overwrites", 0),
    (Kind::Right, With::Nothing, "none forged", 3),
    (Kind::Right, With::OldSession, "none forged", 3),
    (Kind::Missing, With::Session, "!authorised none local-origin forged !overwrites", 1),
    (Kind::Missing, With::Nothing, "none forged", 3),
    (Kind::Inherited, With::Session, "!authorised none local-origin forged !overwrites", 1),
    (Kind::Inherited, With::Nothing, "none forged", 3),
    (Kind::Open, With::Nothing, "authorised !none origin overwrites", 1),
    (Kind::Bare, With::Nothing, "none local-origin !forged !overwrites", 1),
];

#[test]
fn a_proxy_on_another_host_is_judged_by_what_it_hands_on() {
    let Some(openclaw) = Installed::find() else { return };
    let Some(network) = Network::lay() else { return };
    let config =
        ANOTHER_HOST.replace("THIS_END", &network.here).replace("THAT_END", &network.there);
    let (home, port) = openclaw.home(&config);
    let home = home.with("SESSION", SESSION);
    let gateway = format!("{}:{port}", network.here);
    let Some(nginx) = Nginx::start(&gateway, Some(&network)) else { return };
    let _gateway = Gateway::start(&home, port);
    let mut wrong = judge(&home, &nginx, "");
    // Past the proxy, from here: refused, whatever the headers say.
    let direct = format!("connections --format json --url ws://{gateway}");
    wrong.extend(differs("past the proxy", &home.run(&direct), "none origin forged", 3));
    let ran = home.run("connections --format json");
    wrong.extend(differs("over loopback", &ran, "none wrong origin forged", 3));
    report("a proxy on another host", CASES.len() + 2, &wrong);
}

#[test]
fn a_proxy_on_this_host_is_judged_by_what_it_hands_on() {
    let Some(openclaw) = Installed::find() else { return };
    let (home, port) = openclaw.home(THIS_HOST);
    let home = home.with("SESSION", SESSION);
    let Some(nginx) = Nginx::start(&format!("127.0.0.1:{port}"), None) else { return };
    let _gateway = Gateway::start(&home, port);
    let mut wrong = judge(&home, &nginx, "origin ");
    // A forger on this host is believed, because allowLoopback says so; and it is said.
    let ran = home.run("connections --format json");
    wrong.extend(differs("over loopback", &ran, "none wrong origin", 3));
    let said = "Any process on this host can pass for any user, as allowLoopback says";
    assert!(ran.stdout.contains(said), "{}", ran.stdout);
    report("a proxy on this host", CASES.len() + 1, &wrong);
}

/// Tries every case, and returns those that are judged wrongly.
fn judge(home: &Home, nginx: &Nginx, local_origin: &str) -> Vec<String> {
    let wrong = CASES.iter().filter_map(|(kind, with, observed, status)| {
        let observed = observed.replace("local-origin ", local_origin);
        let url = nginx.url(*kind);
        let mut command = home.program(crate::home::PORTCULLIS);
        command.args(["connections", "--format", "json", "--url", &url]);
        match with {
            With::Nothing => {}
            With::Session => {
                command.args(["--header", "Authorization: Basic ${SESSION}"]);
            }
            With::OldSession => {
                command.args(["--header", "Authorization: Basic bWlyYTpvbGQ="]);
            }
        }
        let ran = home.finish(&mut command);
        assert!(!(ran.stdout.clone() + &ran.stderr).contains(SESSION), "the session is shown");
        differs(&format!("{kind:?} with {with:?}"), &ran, &observed, *status)
    });
    wrong.collect()
}

/// Says how an answer differs from what it should be.
fn differs(case: &str, ran: &Ran, observed: &str, status: i32) -> Option<String> {
    const ORDER: [&str; 6] = [
        "authorised",
        "refuses_none",
        "refuses_wrong",
        "refuses_origin",
        "refuses_forged",
        "proxy_overwrites",
    ];
    let document = ran.json();
    let said = ORDER.iter().filter_map(|name| {
        let holds = document["observed"][format!("connections.{name}")].as_bool()?;
        let short = name.trim_start_matches("refuses_").trim_start_matches("proxy_");
        Some(format!("{}{short}", if holds { "" } else { "!" }))
    });
    let said = said.collect::<Vec<_>>().join(" ");
    let found = document["findings"].as_array().map(Vec::len).unwrap_or_default();
    // What does not hold is always found, too.
    let right = said == observed && ran.status == status && (found > 0) == said.contains('!');
    (!right).then(|| {
        format!("{case}: `{said}` in {}, not `{observed}` in {status}:\n{}", ran.status, ran.stdout)
    })
}

/// Prints the figure, and fails where it is not whole.
#[track_caller]
pub(super) fn report(what: &str, all: usize, wrong: &[String]) {
    // Written past the capture of the test harness, so that it is seen where tests pass.
    let right = all - wrong.len();
    let line = format!("\n{what}: {right} of {all} connection tests judged rightly\n");
    std::io::stderr().write_all(line.as_bytes()).expect("stderr");
    assert!(wrong.is_empty(), "{what}:\n{}", wrong.join("\n"));
}
