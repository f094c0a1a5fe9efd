//! A running gateway is narrowed by the tailored rollback: what was let in before is refused after.

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::UdpSocket;
use std::time::Duration;
use std::time::Instant;

use crate::openclaw::gateway::Gateway;
use crate::openclaw::gateway::Installed;

/// How long OpenClaw may take to apply a new bind, on a busy machine.
const APPLIED: Duration = Duration::from_mins(3);

const TOKEN: &str = "8f3b60c1d27e49a5b0836fd1c27a94e5";
const HOOK: &str = "4c19d7e2a05b48f6913ce87d20ab65f3";

const WIDE: &str = r#"{
  gateway: {
    mode: "local",
    bind: "lan",
    port: PORT,
    auth: { mode: "token", token: "8f3b60c1d27e49a5b0836fd1c27a94e5" },
    controlUi: { enabled: false },
    http: { endpoints: { chatCompletions: { enabled: true } } },
  },
  hooks: { enabled: true, token: "4c19d7e2a05b48f6913ce87d20ab65f3", path: "/hooks" },
}
"#;

/// Returns an address of this machine that others reach it at; where it has none, one that a
/// loopback bind does not listen on either.
fn beyond_loopback() -> IpAddr {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("a socket");
    // Nothing is sent: this only asks which way a packet would leave.
    let ours = socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).and_then(|()| socket.local_addr());
    let ours = ours.map(|address| address.ip()).ok().filter(|ip| !ip.is_loopback());
    ours.unwrap_or(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2)))
}

/// Waits for what must come to pass.
#[track_caller]
fn until(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < APPLIED, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_running_gateway_refuses_after_the_rollback_what_it_let_in_before() {
    let Some(openclaw) = Installed::find() else { return };
    let (home, port) = openclaw.home(WIDE);
    let gateway = Gateway::start(&home, port);
    let outside = beyond_loopback();
    let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
    // 400: let in, and told that nothing was asked for.
    assert_eq!(gateway.post(outside, "/tools/invoke", TOKEN), Some(400));
    assert_eq!(gateway.post(outside, "/v1/chat/completions", TOKEN), Some(400));
    assert_eq!(gateway.post(outside, "/hooks/agent", HOOK), Some(400));

    home.run("rollback -o rollback.json5").ends(0);
    let patch = ["config", "patch", "--file", "rollback.json5"];
    let ran = home.finish(home.program("openclaw").args(patch));
    assert!(ran.ends(0).stdout.contains("Applied"), "{}", ran.stdout);

    until("the endpoints are gone", || {
        gateway.post(here, "/tools/invoke", TOKEN) == Some(400)
            && gateway.post(here, "/v1/chat/completions", TOKEN) == Some(404)
            && gateway.post(here, "/hooks/agent", HOOK) == Some(404)
    });
    // Where it restarts within its own process, as it does without a service manager, OpenClaw
    // 2026.9.6 keeps the bind it was started with. That is why the steps say: stop and start.
    drop(gateway);
    let gateway = Gateway::start(&home, port);
    assert_eq!(gateway.post(outside, "/tools/invoke", TOKEN), None);
    assert_eq!(gateway.post(here, "/tools/invoke", TOKEN), Some(400));
    assert_eq!(gateway.post(here, "/v1/chat/completions", TOKEN), Some(404));
    assert_eq!(gateway.post(here, "/hooks/agent", HOOK), Some(404));
}
