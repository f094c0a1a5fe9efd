//! Signing in the wizard: the agent, a passphrase, a token, a key made on the spot, and none.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;

use tempfile::TempDir;
use tempfile::tempdir;

use crate::home::PORTCULLIS;
use crate::records::archive::make_key;
use crate::terminal::harness::Launch;
use crate::terminal::harness::Left;
use crate::terminal::harness::Terminal;
use crate::terminal::sealed::Sealed;

/// Goes to the sign-off of a new change and says that it is to be signed.
fn at_the_keys(launch: &Launch) -> Terminal {
    let mut terminal = launch.start();
    terminal.see("Portcullis");
    terminal.press("- g enter");
    terminal.see("type `sign`");
    terminal.press("tab");
    terminal.type_text("sign");
    terminal.press("enter");
    terminal.see("Sign the record");
    terminal
}

/// Leaves and returns what was sealed.
fn leave(terminal: &mut Terminal) -> (Left, Sealed) {
    terminal.see("To check it without this program");
    terminal.press("enter q");
    let left = terminal.exit();
    assert_eq!((left.code, &left.not_restored[..]), (1, &[][..]), "{}", left.screen);
    let sealed = Sealed::named_by(&left);
    (left, sealed)
}

fn launch(home: &Path) -> Launch {
    Launch::demo(home).size(120, 40)
}

fn home() -> TempDir {
    let home = tempdir().expect("a home");
    fs::create_dir(home.path().join(".ssh")).expect("a folder");
    home
}

/// Checks a sealed record with the real ssh-keygen and with ourselves.
#[track_caller]
fn stands(home: &Path, sealed: &Sealed, public: &Path) {
    let key = fs::read_to_string(public).expect("a public key");
    let signers = home.join("signers");
    fs::write(&signers, format!("mira@example.org {key}")).expect("a list");
    for (file, namespace) in [
        (sealed.folder.join("record.json"), "exposure-record@portcullis"),
        (sealed.folder.with_file_name("head"), "exposure-head@portcullis"),
    ] {
        let mut command = Command::new("ssh-keygen");
        command.args(["-Y", "verify", "-I", "mira@example.org", "-n", namespace, "-f"]);
        command.arg(&signers).arg("-s").arg(format!("{}.sig", file.display()));
        command.stdin(fs::File::open(&file).expect("a file")).stdout(Stdio::null());
        assert!(command.status().expect("ssh-keygen").success(), "{}", file.display());
    }
    let mut command = Command::new(PORTCULLIS);
    command.args(["records", "verify", "--all", "--format", "json", "--data-dir"]);
    command.arg(home.join("data")).arg("--allowed-signers").arg(&signers);
    let output = command.env("HOME", home).output().expect("portcullis");
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(document["records"][0]["whole"], "not-cleared");
    assert_eq!(document["records"][0]["signer"], "mira@example.org");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_passphrase_is_asked_for_and_a_wrong_one_or_ctrl_c_seals_nothing() {
    let home = home();
    let key = home.path().join(".ssh/id_ed25519");
    make_key(&key, &["ed25519"]);
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-p", "-P", "", "-N", "open sesame", "-f"]).arg(&key);
    assert!(command.status().expect("ssh-keygen").success());
    let mut terminal = at_the_keys(&launch(home.path()));
    terminal.see("> ssh-ed25519 a test");
    for wrong in ["not it\r", "\x03"] {
        terminal.send(b"\r");
        terminal.hear("Enter passphrase");
        // A signal between its prompt and its reading would be lost on it.
        asks(&terminal);
        terminal.send(wrong.as_bytes());
        terminal.see("ssh-keygen did not sign");
        terminal.press("j k");
        terminal.see_no("ssh-keygen did not sign");
        // Nothing is there but the lock and the empty folder.
        assert!(
            !home
                .path()
                .join("data/records")
                .join(crate::records::archive::target())
                .join("head")
                .exists()
        );
    }
    terminal.send(b"\r");
    for _ in 0..2 {
        terminal.hear("Enter passphrase");
        terminal.send(b"open sesame\r");
    }
    let (left, sealed) = leave(&mut terminal);
    assert!(left.screen.contains("Signed: SHA256:"), "{}", left.screen);
    assert_eq!(sealed.document["signature"], "record.json.sig");
    assert_eq!(sealed.document["chain"]["seq"], 1);
    assert!(sealed.page.contains("Signed: `record.json.sig`"));
    let transcript = String::from_utf8_lossy(terminal.transcript()).into_owned();
    assert!(!transcript.contains("open sesame"));
    stands(home.path(), &sealed, &key.with_extension("pub"));
}

#[test]
fn the_agent_signs_without_a_file() {
    let home = home();
    let agent = Agent::start(home.path());
    let key = home.path().join("elsewhere");
    make_key(&key, &["ed25519"]);
    agent.add(&[key.to_str().expect("a path")], None);
    fs::remove_file(&key).expect("the agent has it now");
    let launch = launch(home.path()).environment("SSH_AUTH_SOCK", agent.socket.as_os_str());
    let mut terminal = at_the_keys(&launch);
    terminal.see("in the agent");
    terminal.send(b"\r");
    let (_, sealed) = leave(&mut terminal);
    stands(home.path(), &sealed, &key.with_extension("pub"));
}

#[test]
fn a_token_signs_through_the_agent() {
    let home = home();
    let provider = ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm2.so"];
    let provider = provider.into_iter().find(|path| Path::new(path).exists());
    let provider = provider.expect("softhsm2; .ci/run installs it");
    let conf = home.path().join("softhsm2.conf");
    let tokens = home.path().join("tokens");
    fs::create_dir(&tokens).expect("a folder");
    fs::write(&conf, format!("directories.tokendir = {}\n", tokens.display())).expect("a file");
    let util = |arguments: &[&str]| {
        let mut command = Command::new("softhsm2-util");
        command.args(arguments).env("SOFTHSM2_CONF", &conf).stdout(Stdio::null());
        assert!(command.status().expect("softhsm2-util").success(), "{arguments:?}");
    };
    util(&["--init-token", "--free", "--label", "test", "--pin", "1234", "--so-pin", "123456"]);
    let key = home.path().join("token");
    make_key(&key, &["ecdsa", "-b", "256", "-m", "PKCS8"]);
    let path = key.to_str().expect("a path");
    util(&["--import", path, "--token", "test", "--label", "test", "--id", "01", "--pin", "1234"]);
    fs::remove_file(&key).expect("the token has it now");
    // The agent resolves links before it looks at what it may load.
    let real = fs::canonicalize(provider).expect("the provider");
    let agent = Agent::start_with(home.path(), Some((&conf, &real)));
    agent.add(&["-s", real.to_str().expect("a path")], Some("1234"));
    let launch = launch(home.path()).environment("SSH_AUTH_SOCK", agent.socket.as_os_str());
    let mut terminal = at_the_keys(&launch);
    terminal.see("> ecdsa-sha2-nistp256");
    terminal.send(b"\r");
    let (_, sealed) = leave(&mut terminal);
    stands(home.path(), &sealed, &key.with_extension("pub"));
}

#[test]
fn a_key_is_made_on_the_spot_where_there_is_none() {
    let home = home();
    let mut terminal = at_the_keys(&launch(home.path()));
    terminal.see("> make a key now");
    terminal.send(b"\r");
    terminal.hear("Enter passphrase");
    terminal.send(b"\r");
    terminal.hear("Enter same passphrase");
    terminal.send(b"\r");
    terminal.see("> ssh-ed25519");
    terminal.send(b"\r");
    let (_, sealed) = leave(&mut terminal);
    stands(home.path(), &sealed, &home.path().join(".ssh/id_portcullis.pub"));
}

#[test]
fn the_key_that_is_set_comes_first() {
    let home = home();
    for name in ["id_a", "id_z"] {
        make_key(&home.path().join(".ssh").join(name), &["ed25519"]);
    }
    let config = home.path().join("config");
    fs::create_dir(&config).expect("a folder");
    fs::write(config.join("config.toml"), "signing_key = \"~/.ssh/id_z.pub\"\n").expect("a file");
    let launch = launch(home.path()).environment("PORTCULLIS_CONFIG_DIR", config.clone());
    let mut terminal = at_the_keys(&launch);
    terminal.send(b"\r");
    let (_, sealed) = leave(&mut terminal);
    stands(home.path(), &sealed, &home.path().join(".ssh/id_z.pub"));
    fs::write(config.join("config.toml"), "signing_key = \"~/nobody.pub\"\n").expect("a file");
    let mut terminal = at_the_keys(&launch);
    terminal.see("which config.toml names");
    terminal.press("esc q");
    terminal.exit();
}

#[test]
fn without_ssh_keygen_the_record_says_unsigned_everywhere() {
    let home = home();
    let mut terminal = at_the_keys(&launch(home.path()).environment("PATH", "/nowhere"));
    terminal.see("ssh-keygen is not on the PATH");
    // Leaving seals nothing; coming back does.
    terminal.press("esc");
    terminal.see("Nothing was sealed");
    terminal.press("enter tab");
    terminal.type_text("sign");
    terminal.press("enter");
    terminal.see("> leave it UNSIGNED");
    terminal.press("enter");
    terminal.see("UNSIGNED: no key vouches for it");
    let (left, sealed) = leave(&mut terminal);
    assert!(left.screen.contains("UNSIGNED"), "{}", left.screen);
    assert_eq!(sealed.document["signature"], "unsigned");
    assert!(sealed.page.contains("**UNSIGNED.**"));
    let mut command = Command::new(PORTCULLIS);
    command.args(["records", "verify", "--all", "--data-dir"]).arg(home.path().join("data"));
    let output = command.env("HOME", home.path()).output().expect("portcullis");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("unsigned "));
}

/// Waits until the ssh-keygen that the wizard started sleeps over its question.
fn asks(terminal: &Terminal) {
    let parent = terminal.pid().to_string();
    for _ in 0..6_000 {
        let processes = fs::read_dir("/proc").expect("/proc").flatten();
        let stats = processes.filter_map(|it| fs::read_to_string(it.path().join("stat")).ok());
        let sleeps = |stat: String| {
            let (name, rest) = stat.rsplit_once(") ")?;
            let mut words = rest.split(' ');
            let (how, whose) = (words.next()?, words.next()?);
            Some(name.ends_with("(ssh-keygen") && how == "S" && whose == parent)
        };
        if stats.into_iter().any(|stat| sleeps(stat) == Some(true)) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("ssh-keygen does not ask");
}

/// A real ssh-agent, gone when this is dropped.
struct Agent {
    child: Child,
    socket: PathBuf,
    folder: PathBuf,
}

impl Agent {
    fn start(folder: &Path) -> Self {
        Self::start_with(folder, None)
    }

    fn start_with(folder: &Path, token: Option<(&Path, &Path)>) -> Self {
        let socket = folder.join("agent");
        let mut command = Command::new("ssh-agent");
        command.arg("-D").arg("-a").arg(&socket).stdout(Stdio::null()).stderr(Stdio::null());
        if let Some((conf, provider)) = token {
            command.env("SOFTHSM2_CONF", conf).arg("-P").arg(provider);
        }
        let child = command.spawn().expect("ssh-agent");
        let agent = Self { child, socket, folder: folder.to_owned() };
        // It answers as soon as its socket is there; listing nothing is an answer.
        for _ in 0..6_000 {
            let listed = agent.command("ssh-add").arg("-l").output().expect("ssh-add");
            if listed.status.code() == Some(1) {
                return agent;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        panic!("the agent does not answer");
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("SSH_AUTH_SOCK", &self.socket).env("HOME", &self.folder).stdin(Stdio::null());
        command
    }

    fn add(&self, arguments: &[&str], pin: Option<&str>) {
        let mut command = self.command("ssh-add");
        command.args(arguments);
        if let Some(pin) = pin {
            let ask = self.folder.join("ask");
            fs::write(&ask, format!("#!/bin/sh\necho {pin}\n")).expect("a script");
            fs::set_permissions(&ask, fs::Permissions::from_mode(0o700)).expect("a script");
            command.env("SSH_ASKPASS", ask).env("SSH_ASKPASS_REQUIRE", "force");
        }
        let output = command.output().expect("ssh-add");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
