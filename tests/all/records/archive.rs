//! A throw-away archive: keys made by the real ssh-keygen, records sealed through the real chain.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

use chrono::DateTime;
use chrono::FixedOffset;
use chrono::TimeDelta;
use portcullis::app::Live;
use portcullis::app::Sealed;
use portcullis::change;
use portcullis::change::Answers;
use portcullis::change::Change;
use portcullis::change::Header;
use portcullis::openclaw::target::Target;
use portcullis::record::Record;
use portcullis::record::Sealing;
use portcullis::record::Signing;
use portcullis::residual::Residual;
use portcullis::residual::Seen;
use portcullis::runbook::GATEWAY_EXPOSURE;
use portcullis::runbook::Runbook;
use portcullis::shell::chain::Chain;
use portcullis::shell::demo;
use portcullis::shell::places::Places;

use ed25519_dalek::Signer as _;
use sha2::Digest;
use sha2::Sha512;

use crate::home::Home;
use crate::home::Ran;
use crate::records::agreement::armour;
use crate::records::agreement::base64;

/// The namespaces in which Portcullis signs.
pub(crate) const NAMESPACES: &str = "namespaces=\"exposure-*@portcullis\"";

/// A home with keys and records.
pub(crate) struct Archive {
    pub(crate) home: Home,
    pub(crate) places: Places,
}

/// What is sealed.
pub(crate) struct Change1 {
    pub(crate) name: &'static str,
    pub(crate) at: DateTime<FixedOffset>,
    pub(crate) cleared: bool,
    /// Days for which a residual is accepted, where there is one.
    pub(crate) residual: Option<u64>,
}

/// Now, to the second.
pub(crate) fn now() -> DateTime<FixedOffset> {
    let now = portcullis::shell::now();
    now - TimeDelta::nanoseconds(i64::from(now.timestamp_subsec_nanos()))
}

impl Change1 {
    pub(crate) fn cleared(name: &'static str) -> Self {
        Self { name, at: now(), cleared: true, residual: None }
    }
}

/// What a record is made of, to be changed before it is sealed.
pub(crate) struct Made {
    pub(crate) target: Target,
    pub(crate) runbook: Runbook,
    pub(crate) live: Live,
    pub(crate) answers: Answers,
}

/// Builds a record of the sample gateway without a wizard.
pub(crate) fn record(change: &Change1) -> Record {
    record_of(change, &|_| {})
}

/// Builds one of a change in which this stands.
pub(crate) fn with(answers: &Answers) -> Record {
    let change = Change1 { cleared: false, ..Change1::cleared("A001") };
    record_of(&change, &|made| made.answers = answers.clone())
}

/// Builds one of which something is changed before it is sealed.
pub(crate) fn record_of(change: &Change1, edit: &dyn Fn(&mut Made)) -> Record {
    let runbook = Runbook::parse(GATEWAY_EXPOSURE).expect("the runbook");
    let (target, live) = (demo::target(), demo::live());
    let mut made = Made { target, runbook, live, answers: Answers::default() };
    edit(&mut made);
    let Made { target, runbook, live, mut answers } = made;
    let header = Header {
        schema: change::SCHEMA.to_owned(),
        version: 1,
        change: change.name.to_owned(),
        runbook: runbook.id.clone(),
        revision: runbook.revision.clone(),
        runbook_sha256: Runbook::digest(GATEWAY_EXPOSURE),
        target: target.id.clone(),
        started: change.at,
        demo: true,
    };
    if let Some(days) = change.residual {
        // The form takes no end in the past, so one that is over was accepted long ago.
        let accepted = change.at - TimeDelta::days(100);
        let seen = Seen { subject: "audit", scope: "", width: Some(0) };
        let end = (100 + days).to_string();
        let residual = Residual::accept(seen, "no audit here", "mira", &end, accepted);
        answers.residuals.insert("audit".to_owned(), residual.expect("an acceptance"));
    }
    let facts = live.facts();
    let mut review = change::review(&runbook, &answers, facts, live.digest(), change.at);
    if change.cleared {
        review.blockers.clear();
    }
    Record::seal(&Sealing {
        runbook: &runbook,
        target: &target,
        gateway: &demo::gateway(),
        change: &Change::begin(header),
        answers: &answers,
        review: &review,
        blockers: &review.blockers,
        ending: portcullis::record::Ending::Change,
        config: live.config(),
        facts,
        operator: "mira",
        now: change.at,
    })
}

/// Has the real ssh-keygen sign a file with a key that has no passphrase.
pub(crate) fn ssh_sign(key: &Path, file: &Path, namespace: &str) -> Result<(), String> {
    let mut command = Command::new("ssh-keygen");
    command.args(["-Y", "sign", "-q", "-n", namespace, "-f"]).arg(key).arg(file);
    command.env_remove("SSH_AUTH_SOCK").stdin(Stdio::null()).stdout(Stdio::null());
    let output = command.output().expect("ssh-keygen");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(()) } else { Err(said) }
}

/// A key in this process, for where thousands are signed or nothing else may run.
pub(crate) struct Quick(ed25519_dalek::SigningKey);

impl Quick {
    pub(crate) fn new() -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(&[6; 32]))
    }

    fn wire(&self) -> Vec<u8> {
        let mut key = Vec::new();
        text(&mut key, b"ssh-ed25519");
        text(&mut key, self.0.verifying_key().as_bytes());
        key
    }

    /// Returns its line in a list of signers.
    pub(crate) fn line(&self) -> String {
        format!("mira@example.org {NAMESPACES} ssh-ed25519 {}\n", base64(&self.wire()))
    }

    /// Signs a file as ssh-keygen does.
    pub(crate) fn sign(&self, file: &Path, namespace: &str) {
        let message = fs::read(file).expect("a file");
        let mut signed = b"SSHSIG".to_vec();
        for part in [namespace.as_bytes(), b"", b"sha512", &Sha512::digest(message)] {
            text(&mut signed, part);
        }
        let mut made = Vec::new();
        text(&mut made, b"ssh-ed25519");
        text(&mut made, &self.0.sign(&signed).to_bytes());
        let mut wire = b"SSHSIG\0\0\0\x01".to_vec();
        for part in [&self.wire()[..], namespace.as_bytes(), b"", b"sha512", &made] {
            text(&mut wire, part);
        }
        fs::write(format!("{}.sig", file.display()), armour(&wire)).expect("a signature");
    }
}

/// Puts a string with its length before it.
pub(crate) fn text(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend(u32::try_from(bytes.len()).expect("a short text").to_be_bytes());
    out.extend(bytes);
}

/// Makes a key without a passphrase.
pub(crate) fn make_key(path: &Path, kind: &[&str]) {
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-N", "", "-C", "a test", "-f"]).arg(path).arg("-t").args(kind);
    assert!(command.stdin(Stdio::null()).status().expect("ssh-keygen").success());
}

impl Archive {
    pub(crate) fn new() -> Self {
        let home = Home::new("{ gateway: { mode: 'local', bind: 'loopback' } }\n");
        fs::create_dir_all(home.file("keys")).expect("a folder");
        let home = home.with("PORTCULLIS_DATA_DIR", "data").with("PORTCULLIS_CONFIG_DIR", "config");
        let places = Places { data: home.file("data"), config: home.file("config") };
        Self { home, places }
    }

    /// Copies it, byte for byte, to a home of its own.
    pub(crate) fn twin(&self) -> Self {
        let twin = Self::new();
        for name in ["data", "config", "keys"] {
            let mut copy = Command::new("cp");
            copy.arg("-a").arg(self.home.file(name).join(".")).arg(twin.home.file(name));
            fs::create_dir_all(twin.home.file(name)).expect("a folder");
            assert!(copy.status().expect("cp").success());
        }
        twin
    }

    /// Makes a key and puts its owner on the list of signers.
    pub(crate) fn signer(&self, name: &str) -> PathBuf {
        let key = self.key(name);
        let list = self.home.file("config/allowed_signers");
        let mut text = fs::read_to_string(&list).unwrap_or_default();
        let public = fs::read_to_string(key.with_extension("pub")).expect("a public key");
        text.push_str(&format!("{name}@example.org {NAMESPACES} {public}"));
        self.home.write("config/allowed_signers", &text);
        key
    }

    pub(crate) fn key(&self, name: &str) -> PathBuf {
        let key = self.home.file(&format!("keys/{name}"));
        make_key(&key, &["ed25519"]);
        key
    }

    /// Seals a record, signed where a key is given.
    pub(crate) fn seal(&self, change: &Change1, key: Option<&Path>) -> Sealed {
        self.seal_as(change, &record(change), key)
    }

    /// Seals this record.
    pub(crate) fn seal_as(&self, change: &Change1, record: &Record, key: Option<&Path>) -> Sealed {
        self.seal_for(&target(), change, record, key)
    }

    /// Seals this record among those of a target.
    pub(crate) fn seal_for(
        &self,
        target: &str,
        change: &Change1,
        record: &Record,
        key: Option<&Path>,
    ) -> Sealed {
        let mut chain = Chain::open(&self.places, target).expect("the chain");
        let mut pen =
            |file: &Path, namespace: &'static str| ssh_sign(key.expect("a key"), file, namespace);
        let signing = if key.is_some() { Signing::Signed } else { Signing::Unsigned };
        chain.seal(record, signing, change.at, &mut pen).expect("a sealed record")
    }

    /// Runs `portcullis` with these words.
    pub(crate) fn run(&self, arguments: &str) -> Ran {
        self.home.run(arguments)
    }

    pub(crate) fn dir(&self) -> PathBuf {
        self.places.records(&target())
    }
}

/// The target of every record here.
pub(crate) fn target() -> String {
    let Target { id, .. } = demo::target();
    id
}
