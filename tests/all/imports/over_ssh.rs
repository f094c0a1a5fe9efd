//! The same commands over ssh, against a real sshd of our own on a high port.

use std::fs;
use std::fs::Permissions;
use std::io::Write;
use std::net::Ipv4Addr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use chrono::Utc;

use crate::home::Home;
use crate::home::Ran;
use crate::imports::CONFIG;
use crate::imports::audit;
use crate::imports::result;
use crate::records::archive::make_key;
use crate::stand_in::StandIn;

/// How long sshd may take to listen, on a busy machine.
const READY: Duration = Duration::from_mins(1);

/// A secret that the other host prints.
const SECRET: &str = "sk-ant-api03-b7f2049ce1d85a3670f9c2e4ab1863d50e7c94fa2b6d8103";

/// A host of ours behind sshd. It ends when this is dropped.
struct There {
    child: Child,
    port: u16,
    home: Home,
}

impl There {
    /// Starts sshd with keys of its own; none, said loudly, where there is no sshd and none is
    /// required.
    #[track_caller]
    fn start(script: &str) -> Option<Self> {
        let sshd = "/usr/sbin/sshd";
        if !Path::new(sshd).exists() {
            let missing = "no sshd; apt-get install openssh-server";
            let required = ["CI", "PORTCULLIS_REQUIRE_SSHD"];
            assert!(required.iter().all(|name| std::env::var_os(name).is_none()), "{missing}");
            let line = format!("\nSKIPPED the tests over ssh: {missing}\n");
            std::io::stderr().write_all(line.as_bytes()).expect("stderr");
            return None;
        }
        // Run by root, sshd wants a folder that no test can choose.
        let _ = fs::DirBuilder::new().create("/run/sshd");
        let home = Home::new(CONFIG).openclaw(script);
        home.write("keys/authorized", "");
        for key in ["host", "client"] {
            make_key(&home.file(&format!("keys/{key}")), &["ed25519"]);
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        drop(listener);
        home.write("keys/authorized", &home.read("keys/client.pub"));
        // What a login on that host sets: its own home, and there the PATH.
        let here = home.root().display().to_string();
        home.write(".profile", &format!("PATH={here}/bin:/usr/bin:/bin; export PATH\n"));
        let shell = home.write(
            "login",
            &format!("#!/bin/sh\nexport HOME={here}\nexec /bin/sh -c \"$SSH_ORIGINAL_COMMAND\"\n"),
        );
        fs::set_permissions(&shell, Permissions::from_mode(0o700)).expect("an executable file");
        home.write(
            "sshd_config",
            &format!(
                "ListenAddress 127.0.0.1\nPort {port}\nHostKey {here}/keys/host\nPidFile none\n\
                 AuthorizedKeysFile {here}/keys/authorized\nStrictModes no\nUsePAM no\n\
                 PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin yes\n\
                 ForceCommand {here}/login\nLogLevel ERROR\n"
            ),
        );
        let known = home.read("keys/host.pub");
        let known = known.split(' ').take(2).collect::<Vec<_>>().join(" ");
        home.write("known", &format!("[127.0.0.1]:{port} {known}\n"));
        home.write(
            "ssh_config",
            &format!(
                "Host vega\n  HostName 127.0.0.1\n  Port {port}\n  IdentityFile {here}/keys/client\n  \
                 IdentitiesOnly yes\n  UserKnownHostsFile {here}/known\n  GlobalKnownHostsFile none\n"
            ),
        );
        let log = fs::File::create(home.file("sshd.log")).expect("a log");
        let mut command = Command::new(sshd);
        command.args(["-D", "-e", "-f"]).arg(home.file("sshd_config"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let child = command.spawn().expect("sshd");
        let mut there = Self { child, port, home };
        let begun = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            let ended = there.child.try_wait().expect("a child");
            assert!(
                ended.is_none() && begun.elapsed() < READY,
                "sshd is not ready ({ended:?}):\n{}",
                there.home.read("sshd.log")
            );
            thread::sleep(Duration::from_millis(50));
        }
        Some(there)
    }

    /// Runs `collect` here with that host as the target.
    fn collect(&self, here: &Home, arguments: &str) -> Ran {
        let config = self.home.file("ssh_config").display().to_string();
        here.run(&format!("collect --target ssh:vega --ssh-config {config} {arguments}"))
    }
}

impl Drop for There {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What answers as OpenClaw on that host.
fn healthy() -> StandIn {
    let now = audit(Utc::now());
    let deep = r#""deep":{"gateway":{"attempted":true,"url":"ws://127.0.0.1:18789","ok":true,"error":null,"close":null}},"secretDiagnostics""#;
    StandIn::healthy()
        .answers("audit", &now)
        .answers("audit-deep", &now.replace("\"secretDiagnostics\"", deep))
        .does(
            "other",
            "case \"$*\" in *'config file'*) echo \"$HOME/.openclaw/openclaw.json\";; esac",
        )
}

#[test]
fn what_is_taken_over_ssh_is_imported_and_counts() {
    let Some(there) = There::start(&healthy().script()) else { return };
    let here = Home::empty();
    here.write("copy/openclaw.json", CONFIG);
    let shown = there.collect(&here, "");
    shown.ends(0);
    assert_eq!(here.files("."), ["copy/openclaw.json"], "nothing runs without --run");
    let lines = shown.stdout.lines().filter(|line| line.starts_with("ssh "));
    assert_eq!(lines.filter(|line| line.contains("-o BatchMode=yes")).count(), 15);

    let ran = there.collect(&here, "--run -o results --config copy/openclaw.json");
    ran.ends(0);
    assert_eq!(here.mode("results"), 0o700);
    assert_eq!(here.mode("results/audit.json"), 0o600);
    assert!(ran.stdout.contains("tailscale        not on that host"), "{}", ran.stdout);
    let common = "--data-dir data --host vega --config copy/openclaw.json";
    let document = here.run(&format!("import {common} --from results --format json")).json();
    for check in ["doctor", "audit", "audit-deep", "health", "ss"] {
        let result = result(&document, check);
        assert_eq!(result["outcome"], "measured", "{result}");
        assert_eq!(result["counts"], true, "{result}");
    }
    assert_eq!(result(&document, "tailscale")["outcome"], "absent");
    // The folder is a new one, always.
    there.collect(&here, "--run -o results").ends(2);
}

#[test]
fn no_secret_comes_over_ssh() {
    let script = healthy().answers("health", &format!(r#"{{"ok":true,"x":"{SECRET}"}}"#)).script();
    let Some(there) = There::start(&script) else { return };
    let here = Home::empty();
    there.collect(&here, "--run -o results").ends(0);
    let health = here.read("results/health.json");
    assert!(health.contains("‹secret›") && !health.contains(SECRET), "{health}");
}

#[test]
fn a_host_that_is_not_known_or_lets_nobody_in_is_not_asked_twice() {
    let Some(there) = There::start(&healthy().script()) else { return };
    let here = Home::empty();
    let refused = |why: &str| {
        let ran = there.collect(&here, "--run -o results");
        ran.ends(1);
        assert!(
            ran.stderr.starts_with("error: `vega` cannot be reached over ssh\n"),
            "{}",
            ran.stderr
        );
        assert!(ran.stderr.contains(why), "{}", ran.stderr);
        assert_eq!(ran.stdout, "");
        fs::remove_dir_all(here.file("results")).expect("the folder was made");
    };
    let (known, authorized) = (there.home.read("known"), there.home.read("keys/authorized"));
    there.home.write("known", "");
    refused("Host key verification failed");
    there.home.write("known", &known);
    there.home.write("keys/authorized", "");
    refused("Permission denied");
    there.home.write("keys/authorized", &authorized);
    there.collect(&here, "--run -o results").ends(0);
    let nowhere = format!(
        "collect --target ssh:claw@127.0.0.1:1 --run -o elsewhere --ssh-config {}",
        there.home.file("ssh_config").display()
    );
    here.run(&nowhere).ends(1);
    assert_ne!(there.port, 1);
    here.run("collect --target vega").ends(2);
}

#[test]
fn a_missing_openclaw_is_said_and_the_rest_is_taken() {
    let Some(there) = There::start("exit 127\n") else { return };
    let here = Home::empty();
    let ran = there.collect(&here, "--run -o results");
    ran.ends(3);
    assert!(
        ran.stdout.contains("audit            not on that host, or not on the PATH there"),
        "{}",
        ran.stdout
    );
    assert!(here.read("results/ss.txt").ends_with("[exit status 0]\n"));
}
