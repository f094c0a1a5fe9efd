//! Signing through `ssh-keygen` and the agent. No private key is ever read here.
#![expect(clippy::disallowed_methods, reason = "ssh-keygen is given the terminal to ask at")]

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use crate::app::Held;
use crate::app::Offer;
use crate::app::SigningKey;
use crate::openclaw::command::Command;
use crate::openclaw::command::End;
use crate::openclaw::command::Ended;
use crate::record::sshsig::Key;
use crate::shell::run;
use crate::shell::run::Event;
use crate::shell::store;

/// How long the agent may take to list its keys, or ssh-keygen to check a signature.
const DEADLINE: Duration = Duration::from_secs(20);

/// The name of a key that is made on the spot.
const NEW_KEY: &str = "id_portcullis";

/// Looks for keys and says what can be signed with; the one that is set comes first.
#[must_use]
pub fn offer(sha256: String, seq: u64, set: Option<&Path>) -> Offer {
    let mut without = missing();
    let mut keys = if without.is_none() { keys() } else { Vec::new() };
    if let Some(path) = set.filter(|_| without.is_none()) {
        match named(path) {
            Some(key) => {
                let place = keys.iter().position(|it| it.fingerprint == key.fingerprint);
                // Where the agent holds it, the agent signs.
                let key = place.map_or(key, |place| keys.remove(place));
                keys.insert(0, key);
            }
            None => without = Some(format!("{}, which config.toml names", no_key(path))),
        }
    }
    let new = ssh_folder().map(|folder| folder.join(NEW_KEY));
    let new = new.filter(|path| missing().is_none() && !path.exists());
    let new_key = new.map(|path| path.display().to_string());
    Offer { sha256, seq, keys, new_key, without }
}

/// Says why nothing can be signed here; none where it can.
fn missing() -> Option<String> {
    let found = env::var_os("PATH")
        .is_some_and(|path| env::split_paths(&path).any(|dir| dir.join("ssh-keygen").is_file()));
    (!found).then(|| "ssh-keygen is not on the PATH, so nothing can be signed here".to_owned())
}

fn ssh_folder() -> Option<PathBuf> {
    env::var_os("HOME").filter(|home| !home.is_empty()).map(|home| PathBuf::from(home).join(".ssh"))
}

/// Lists the keys that can sign: those of the agent, then those in `~/.ssh` that it does not hold.
#[must_use]
pub fn keys() -> Vec<SigningKey> {
    let mut keys = Vec::new();
    if env::var_os("SSH_AUTH_SOCK").is_some_and(|socket| !socket.is_empty()) {
        let listed = finish(&["ssh-add", "-L"]).stdout;
        let all = listed.lines().filter_map(|line| key(line, Held::Agent(line.to_owned())));
        keys.extend(all);
    }
    let folder = ssh_folder().and_then(|folder| fs::read_dir(folder).ok());
    let entries = folder.into_iter().flatten().flatten().map(|entry| entry.path());
    let mut paths: Vec<PathBuf> = entries.collect();
    paths.retain(|path| {
        path.extension().is_some_and(|end| end == "pub") && path.with_extension("").is_file()
    });
    paths.sort();
    for path in paths {
        let Ok(text) = store::read_text(&path) else { continue };
        let held = Held::File(path.display().to_string());
        keys.extend(text.lines().next().and_then(|line| key(line, held)));
    }
    let mut unique: Vec<SigningKey> = Vec::new();
    for key in keys {
        if !unique.iter().any(|known| known.fingerprint == key.fingerprint) {
            unique.push(key);
        }
    }
    unique
}

/// Reads a public key; none where it is none, or a certificate.
fn key(line: &str, held: Held) -> Option<SigningKey> {
    let (key, comment) = Key::parse(line)?;
    let name = format!("{} {comment}", key.kind()).trim().to_owned();
    (!key.is_certificate()).then(|| SigningKey { name, fingerprint: key.fingerprint(), held })
}

/// Says that a file holds no public key.
#[must_use]
pub fn no_key(path: &Path) -> String {
    format!("there is no public key in `{}`", path.display())
}

/// Reads a public key from a file the operator names.
#[must_use]
pub fn named(path: &Path) -> Option<SigningKey> {
    let text = store::read_text(path).ok()?;
    key(text.lines().next()?, Held::File(path.display().to_string()))
}

/// Has `ssh-keygen` sign a file; it asks for a passphrase or a touch at the terminal.
///
/// The signature stands in `FILE.sig` afterwards.
///
/// # Errors
///
/// When it did not sign: it was cancelled, the passphrase was wrong, nobody touched the key.
pub fn sign(key: &SigningKey, file: &Path, namespace: &str) -> Result<(), String> {
    let mut command = process::Command::new("ssh-keygen");
    command.args(["-Y", "sign", "-n", namespace]);
    let listed;
    match &key.held {
        Held::File(path) => command.arg("-f").arg(path),
        Held::Agent(line) => {
            let mut public = tempfile::NamedTempFile::new().map_err(|why| why.to_string())?;
            std::io::Write::write_all(&mut public, format!("{line}\n").as_bytes())
                .map_err(|why| why.to_string())?;
            listed = public;
            command.arg("-U").arg("-f").arg(listed.path())
        }
    };
    command.arg(file);
    let status = command.status().map_err(|why| format!("ssh-keygen cannot be started: {why}"))?;
    if status.success() {
        return Ok(());
    }
    // A signature that was begun must not stand beside the file.
    let _ = fs::remove_file(crate::shell::chain::signature_of(file));
    Err("ssh-keygen did not sign: cancelled, a wrong passphrase, or no touch".to_owned())
}

/// Has `ssh-keygen` make a key; it asks for a passphrase at the terminal.
///
/// # Errors
///
/// When it made none.
pub fn make_key(path: &str, comment: &str) -> Result<(), String> {
    let mut command = process::Command::new("ssh-keygen");
    command.args(["-q", "-t", "ed25519", "-C", comment, "-f", path]);
    if let Some(folder) = Path::new(path).parent() {
        crate::shell::places::make_private(folder).map_err(|why| why.to_string())?;
    }
    let status = command.status().map_err(|why| format!("ssh-keygen cannot be started: {why}"))?;
    if status.success() { Ok(()) } else { Err("ssh-keygen made no key".to_owned()) }
}

/// Asks `ssh-keygen` whether a signature belongs to a message, where that cannot be told here.
///
/// None where it cannot be asked.
#[must_use]
pub fn ask(namespace: &str, message: &[u8], signature: &[u8]) -> Option<bool> {
    let folder = tempfile::tempdir().ok()?;
    let (file, sig) = (folder.path().join("message"), folder.path().join("signature"));
    fs::write(&file, message).ok()?;
    fs::write(&sig, signature).ok()?;
    let mut command = process::Command::new("ssh-keygen");
    command.args(["-Y", "check-novalidate", "-n", namespace, "-s"]).arg(&sig);
    command.stdin(fs::File::open(&file).ok()?).stdout(Stdio::null()).stderr(Stdio::null());
    Some(command.status().ok()?.success())
}

/// Runs a command that asks nobody, to its end.
fn finish(argv: &[&str]) -> Ended {
    let command = Command {
        name: "ssh-add",
        argv: argv.iter().map(|&word| word.to_owned()).collect(),
        environment: ["PATH", "HOME", "SSH_AUTH_SOCK"]
            .into_iter()
            .filter_map(|name| Some((name.to_owned(), env::var(name).ok()?)))
            .collect::<BTreeMap<_, _>>(),
        deadline: DEADLINE,
        elsewhere: None,
        writes: "",
    };
    let (queue, told) = mpsc::channel();
    let mask: run::Mask = Arc::new(str::to_owned);
    let running = run::start(&command, mask, move |event| {
        if let Event::Ended(ended) = event {
            let _ = queue.send(ended);
        }
    });
    let ended = told.recv();
    drop(running);
    ended.unwrap_or_else(|_| Ended {
        end: End::Cancelled,
        stdout: String::new(),
        stderr: String::new(),
        truncated: false,
        took: Duration::ZERO,
    })
}
