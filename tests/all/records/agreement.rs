//! Our verifying beside `ssh-keygen -Y verify`, case by case: one verdict, or a reason written here.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::thread;

use chrono::NaiveDateTime;
use ed25519_dalek::Signer as _;
use portcullis::record::signers::Asked;
use portcullis::record::signers::Revoked;
use portcullis::record::signers::Signer;
use portcullis::record::signers::Signers;
use portcullis::record::sshsig;
use portcullis::record::sshsig::Refusal;
use portcullis::record::sshsig::Signature;
use portcullis::shell::sign;
use sha2::Digest;
use sha2::Sha256;
use sha2::Sha512;
use tempfile::TempDir;
use tempfile::tempdir;

use crate::records::archive::make_key;
use crate::records::archive::ssh_sign;

/// How many cases CI runs, and how many the whole set has.
const SOME: usize = 153;
const ALL: usize = 2_601;

/// When everything is verified, in UTC.
const AT: &str = "20261124130207";

/// One question to both.
#[derive(Clone, Debug)]
struct Case {
    class: &'static str,
    message: Vec<u8>,
    signature: Vec<u8>,
    signers: Vec<u8>,
    revoked: Option<Vec<u8>>,
    identity: String,
    namespace: String,
}

/// Keys and signatures that the cases are cut from.
struct Stock {
    folder: TempDir,
    /// Public key lines by kind; `other` signs nothing that is asked.
    public: BTreeMap<&'static str, String>,
    /// Signatures by kind, message and namespace.
    made: BTreeMap<(&'static str, usize, usize), Vec<u8>>,
}

const KINDS: [(&str, &[&str]); 4] = [
    ("ed25519", &["ed25519"]),
    ("p256", &["ecdsa", "-b", "256"]),
    ("p384", &["ecdsa", "-b", "384"]),
    ("rsa", &["rsa", "-b", "2048"]),
];
const NAMESPACES: [&str; 2] = [sshsig::RECORD, sshsig::HEAD];
const MESSAGES: [&[u8]; 2] =
    [b"{\n  \"outcome\": \"signed-off\"\n}\n", b"{\n  \"outcome\": \"not-cleared\"\n}\n"];

/// Numbers that are the same on every machine.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next()).unwrap() % end.max(1)
    }

    fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }
}

impl Stock {
    fn new() -> Self {
        let folder = tempdir().expect("a folder");
        let mut stock = Self { public: BTreeMap::new(), made: BTreeMap::new(), folder };
        let root = stock.folder.path().to_owned();
        let others = [("other", &["ed25519"][..])];
        for (kind, arguments) in KINDS.iter().copied().chain(others) {
            let key = root.join(kind);
            make_key(&key, arguments);
            let public = fs::read_to_string(key.with_extension("pub")).expect("a public key");
            stock.public.insert(kind, public.trim().to_owned());
            for (m, message) in MESSAGES.iter().enumerate() {
                for (n, namespace) in NAMESPACES.iter().enumerate() {
                    let file = root.join(format!("{kind}-{m}-{n}"));
                    fs::write(&file, message).expect("a file");
                    ssh_sign(&key, &file, namespace).expect("a signature");
                    let made = fs::read(file.with_file_name(format!("{kind}-{m}-{n}.sig")));
                    stock.made.insert((kind, m, n), made.expect("a signature"));
                }
            }
        }
        stock.security_key();
        stock
    }

    /// Adds a FIDO2 key made in software: what a device would answer, byte by byte.
    fn security_key(&mut self) {
        let secret = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
        let text = |out: &mut Vec<u8>, bytes: &[u8]| {
            out.extend(u32::try_from(bytes.len()).unwrap().to_be_bytes());
            out.extend(bytes);
        };
        let (kind, application) = (b"sk-ssh-ed25519@openssh.com", b"ssh:");
        let mut key = Vec::new();
        text(&mut key, kind);
        text(&mut key, secret.verifying_key().as_bytes());
        text(&mut key, application);
        self.public.insert("fido2", format!("sk-ssh-ed25519@openssh.com {}", base64(&key)));
        for (m, message) in MESSAGES.iter().enumerate() {
            for (n, namespace) in NAMESPACES.iter().enumerate() {
                let mut signed = b"SSHSIG".to_vec();
                for part in [namespace.as_bytes(), b"", b"sha512", &Sha512::digest(message)] {
                    text(&mut signed, part);
                }
                let touched = [1u8, 0, 0, 0, 9];
                let mut asked = Sha256::digest(application).to_vec();
                asked.extend(touched);
                asked.extend(Sha256::digest(&signed));
                let mut made = Vec::new();
                text(&mut made, kind);
                text(&mut made, &secret.sign(&asked).to_bytes());
                made.extend(touched);
                let mut wire = b"SSHSIG\0\0\0\x01".to_vec();
                for part in [&key[..], namespace.as_bytes(), b"", b"sha512", &made] {
                    text(&mut wire, part);
                }
                self.made.insert(("fido2", m, n), armour(&wire));
            }
        }
    }

    /// A case that both take.
    fn good(&self, class: &'static str, kind: &'static str, m: usize, n: usize) -> Case {
        let line = format!("mira@example.org {}\n", self.public[kind]);
        Case {
            class,
            message: MESSAGES[m].to_vec(),
            signature: self.made[&(kind, m, n)].clone(),
            signers: line.into_bytes(),
            revoked: None,
            identity: "mira@example.org".to_owned(),
            namespace: NAMESPACES[n].to_owned(),
        }
    }

    fn cases(&self, count: usize) -> Vec<Case> {
        let mut dice = Dice(6);
        (0..count).map(|number| self.case(number, &mut dice)).collect()
    }

    #[expect(clippy::too_many_lines, reason = "one arm a class, read as a table")]
    fn case(&self, number: usize, dice: &mut Dice) -> Case {
        const CLASSES: [&str; 17] = [
            "good",
            "a bit of the message flipped",
            "a byte of the armoured signature changed",
            "a bit of the signature flipped",
            "asked in another namespace",
            "a namespace list",
            "a validity window",
            "a revoked key",
            "a broken list of revoked keys",
            "another key",
            "swapped signatures",
            "cut off",
            "CRLF",
            "names and patterns",
            "a byte of allowed_signers changed",
            "more in front or behind",
            "several lines",
        ];
        let class = CLASSES[number % CLASSES.len()];
        let kinds = ["ed25519", "ed25519", "p256", "p384", "fido2", "rsa"];
        let (kind, m, n) = (*dice.pick(&kinds), dice.below(2), dice.below(2));
        let mut case = self.good(class, kind, m, n);
        let public = &self.public[kind];
        match class {
            "a bit of the message flipped" => flip(&mut case.message, dice),
            "a byte of the armoured signature changed" => {
                let at = dice.below(case.signature.len());
                case.signature[at] = *dice.pick(b"Aa0/+= \n\r\t-x\0\xff");
            }
            "a bit of the signature flipped" => {
                let mut wire = dearmour(&case.signature);
                flip(&mut wire, dice);
                case.signature = armour(&wire);
            }
            "asked in another namespace" => {
                case.namespace =
                    (*dice.pick(&["file", "exposure", NAMESPACES[1 - n], "EXPOSURE"])).to_owned();
            }
            "a namespace list" => {
                let list = dice.pick(&[
                    "exposure-*@portcullis",
                    "file",
                    "file,exposure-record@portcullis",
                    "*",
                    "!exposure-*,*",
                    "exposure-head@portcullis",
                    "",
                    "exposure-????@portcullis",
                ]);
                let word = dice.pick(&["namespaces", "Namespaces", "NAMESPACES", "namespace"]);
                case.signers = format!("mira@example.org {word}=\"{list}\" {public}\n").into();
            }
            "a validity window" => {
                let times = [
                    "20261124130206Z",
                    "20261124130207Z",
                    "20261124130208Z",
                    "20261124Z",
                    "20261125",
                    "202611241302Z",
                    "202611241303",
                    "20200101",
                    "20400101Z",
                    "19700101Z",
                    "soon",
                    "20261124130207UTC",
                    "20261324",
                    "2026112413020Z",
                ];
                let (after, before) = (dice.pick(&times), dice.pick(&times));
                let options = match dice.below(4) {
                    0 => format!("valid-after=\"{after}\""),
                    1 => format!("valid-before=\"{before}\""),
                    2 => format!("valid-after=\"{after}\",valid-before=\"{before}\""),
                    _ => format!(
                        "valid-before=\"{before}\",namespaces=\"exposure-*\",valid-after=\"{after}\""
                    ),
                };
                case.signers = format!("mira@example.org {options} {public}\n").into();
            }
            "a revoked key" => {
                let revoked = match dice.below(4) {
                    0 => format!("{public}\n"),
                    1 => format!("# gone\n\n{}\n{public} a comment\n", self.public["other"]),
                    2 => format!("{}\n", self.public["other"]),
                    _ => String::new(),
                };
                case.revoked = Some(revoked.into());
            }
            "a broken list of revoked keys" => {
                let revoked = match dice.below(3) {
                    0 => format!("nonsense\n{public}\n"),
                    1 => format!("{}\nssh-ed25519 AAAA\n", self.public["other"]),
                    _ => format!("mira@example.org {}\n", self.public["other"]),
                };
                case.revoked = Some(revoked.into());
            }
            "another key" => {
                case.signers = format!("mira@example.org {}\n", self.public["other"]).into();
            }
            "swapped signatures" => {
                let (other, m, n) = (*dice.pick(&kinds), dice.below(2), dice.below(2));
                case.signature = self.made[&(other, m, n)].clone();
            }
            "cut off" => {
                let which = dice.below(3);
                let part = [&mut case.signature, &mut case.message, &mut case.signers];
                let part = part.into_iter().nth(which).unwrap();
                let keep = dice.below(part.len());
                part.truncate(keep);
            }
            "CRLF" => {
                let which = dice.below(4);
                let crlf = |bytes: &mut Vec<u8>| {
                    *bytes = String::from_utf8_lossy(bytes).replace('\n', "\r\n").into_bytes();
                };
                match which {
                    0 => crlf(&mut case.signature),
                    1 => crlf(&mut case.message),
                    2 => crlf(&mut case.signers),
                    _ => {
                        crlf(&mut case.signature);
                        crlf(&mut case.signers);
                    }
                }
            }
            "names and patterns" => {
                let names = dice.pick(&[
                    "*@example.org",
                    "*",
                    "mira",
                    "bob@*,mira@*",
                    "!mira@*,*",
                    "*,!mira@example.org",
                    "\"mira@example.org\"",
                    "\"mira @example.org\"",
                    "mi?a@example.org",
                    "MIRA@example.org",
                    "mira@example.org,",
                    "\"mira@example.org",
                    "*@*.org",
                    "mira@example.or",
                ]);
                case.signers = format!("{names} {public}\n").into();
                case.identity =
                    (*dice.pick(&["mira@example.org", "bob@example.org", "*"])).to_owned();
            }
            "a byte of allowed_signers changed" => {
                let options =
                    *dice.pick(&["", "namespaces=\"exposure-*\" ", "valid-after=\"20200101Z\" "]);
                case.signers = format!("mira@example.org {options}{public}\n").into();
                let at = dice.below(case.signers.len());
                case.signers[at] = *dice.pick(b"Aa0/+= \n\r\t-x,\"#!");
            }
            "more in front or behind" => {
                let ends: [&[u8]; 5] =
                    [b"\n", b" ", b"x", b"-----END SSH SIGNATURE-----\n", b"# x\n"];
                let more = *dice.pick(&ends);
                let which = dice.below(3);
                let part = [&mut case.signature, &mut case.message, &mut case.signers];
                let part = part.into_iter().nth(which).unwrap();
                if dice.below(2) == 0 {
                    part.extend(more);
                } else {
                    part.splice(..0, more.iter().copied());
                }
            }
            "several lines" => {
                let other = &self.public["other"];
                let lines = [
                    format!("mira@example.org {other}"),
                    format!("bob@example.org {public}"),
                    format!("mira@example.org valid-before=\"20200101Z\" {public}"),
                    format!("mira@example.org namespaces=\"git\" {public}"),
                    format!("mira@example.org cert-authority {public}"),
                    format!("mira@example.org {public} a comment"),
                    format!("mira@example.org no-such-option {public}"),
                    "mira@example.org".to_owned(),
                    "   # a comment".to_owned(),
                    format!("\t mira@example.org\t{public}"),
                    format!("mira@example.org namespaces=\"*\",namespaces=\"*\" {public}"),
                    format!("mira@example.org \"quoted\" {public}"),
                ];
                let text: Vec<String> =
                    (0..=dice.below(3)).map(|_| dice.pick(&lines).clone()).collect();
                case.signers = format!("{}\n", text.join("\n")).into();
            }
            _ => {}
        }
        case
    }
}

fn flip(bytes: &mut [u8], dice: &mut Dice) {
    let at = dice.below(bytes.len());
    bytes[at] ^= 1 << dice.below(8);
}

const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

pub(crate) fn base64(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0usize, |group, byte| group << 8 | usize::from(*byte));
        let group = group << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let letter = ALPHABET[(group >> (18 - 6 * place)) & 63];
            text.push(if place > chunk.len() { '=' } else { letter.into() });
        }
    }
    text
}

pub(crate) fn armour(wire: &[u8]) -> Vec<u8> {
    let body = base64(wire);
    let lines: Vec<&str> =
        body.as_bytes().chunks(70).map(|line| std::str::from_utf8(line).unwrap()).collect();
    let body = lines.join("\n");
    format!("-----BEGIN SSH SIGNATURE-----\n{body}\n-----END SSH SIGNATURE-----\n").into_bytes()
}

fn dearmour(armoured: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(armoured).expect("armour");
    let letters = text.lines().filter(|line| !line.starts_with('-')).flat_map(str::bytes);
    let values = letters.filter_map(|letter| ALPHABET.iter().position(|known| *known == letter));
    let mut wire = Vec::new();
    let (mut group, mut bits) = (0usize, 0);
    for value in values {
        group = (group << 6 | value) & 0xffff;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            wire.push(u8::try_from((group >> bits) & 255).unwrap());
        }
    }
    wire
}

/// What this program says.
fn ours(case: &Case) -> bool {
    let utc = |time: NaiveDateTime| Some(time.and_utc().timestamp());
    let at = NaiveDateTime::parse_from_str(AT, "%Y%m%d%H%M%S").expect("a time");
    let Ok(signature) = Signature::parse(&case.signature) else { return false };
    let stands = match signature.check(&case.namespace, &case.message) {
        Ok(()) => true,
        Err(Refusal::Unsupported(_)) => {
            sign::ask(&case.namespace, &case.message, &case.signature) == Some(true)
        }
        Err(_) => false,
    };
    let revoked = case.revoked.as_deref().map_or(Ok(Revoked::default()), Revoked::parse);
    let Ok(revoked) = revoked else { return false };
    let signers = Signers::parse(&String::from_utf8_lossy(&case.signers), &utc);
    let asked = Asked {
        key: &signature.key,
        namespace: &case.namespace,
        at: at.and_utc().timestamp(),
        principal: Some(&case.identity),
    };
    stands && !revoked.holds(&signature.key) && matches!(signers.who(asked), Signer::Known { .. })
}

/// What ssh-keygen says.
fn theirs(case: &Case, folder: &Path) -> bool {
    let put = |name: &str, bytes: &[u8]| -> PathBuf {
        let path = folder.join(name);
        fs::write(&path, bytes).expect("a file");
        path
    };
    let mut command = Command::new("ssh-keygen");
    command.args(["-Y", "verify", "-I", &case.identity, "-n", &case.namespace]);
    command.arg("-f").arg(put("signers", &case.signers));
    command.arg("-s").arg(put("signature", &case.signature));
    command.arg(format!("-Overify-time={AT}Z"));
    if let Some(revoked) = &case.revoked {
        command.arg("-r").arg(put("revoked", revoked));
    }
    let message = fs::File::open(put("message", &case.message)).expect("a file");
    command.env("TZ", "UTC").stdin(message).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().expect("ssh-keygen").success()
}

/// Asks both about every case; returns, by class, how many, how many both take, and who differs.
fn compare(cases: &[Case]) -> BTreeMap<&'static str, (usize, usize, Vec<String>)> {
    let next = AtomicUsize::new(0);
    let told: Vec<(usize, bool, bool)> = thread::scope(|scope| {
        let worker = || {
            let folder = tempdir().expect("a folder");
            let mut told = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::SeqCst);
                let Some(case) = cases.get(number) else { return told };
                told.push((number, ours(case), theirs(case, folder.path())));
            }
        };
        let workers: Vec<_> = (0..4).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a worker")).collect()
    });
    let mut table = BTreeMap::<_, (usize, usize, Vec<String>)>::new();
    for (number, ours, theirs) in told {
        let case = &cases[number];
        let row = table.entry(case.class).or_default();
        row.0 += 1;
        row.1 += usize::from(ours && theirs);
        if ours != theirs {
            row.2.push(format!(
                "case {number}: ours {ours}, ssh-keygen {theirs}\n  signers: {:?}\n  identity {}, namespace {}\n  signature: {:?}\n  revoked: {:?}",
                String::from_utf8_lossy(&case.signers),
                case.identity,
                case.namespace,
                String::from_utf8_lossy(&case.signature),
                case.revoked.as_deref().map(String::from_utf8_lossy),
            ));
        }
    }
    table
}

/// Asks both, and returns the table and the cases in which they differ.
#[track_caller]
fn agree(count: usize) -> String {
    let table = compare(&Stock::new().cases(count));
    let line = |class: &str, cases: usize, taken: usize, differ: usize| {
        format!("{class:<44} {cases:>6} cases {taken:>6} taken by both {differ:>4} differ\n")
    };
    let (mut text, mut differ) = (String::new(), Vec::new());
    for (class, (cases, taken, different)) in &table {
        text.push_str(&line(class, *cases, *taken, different.len()));
        differ.extend(different.iter().map(|case| format!("{class}: {case}")));
    }
    let total: usize = table.values().map(|row| row.0).sum();
    let taken = table.values().map(|row| row.1).sum();
    text.push_str(&line("all", total, taken, differ.len()));
    assert!(differ.is_empty(), "{} of {total} differ:\n{}", differ.len(), differ.join("\n"));
    assert_eq!(table["good"].0, table["good"].1, "a good signature is refused");
    text
}

#[test]
fn ssh_keygen_says_the_same_of_some() {
    println!("{}", agree(SOME));
}

#[test]
#[ignore = "the whole set takes a minute; run it where the reading of signatures changes"]
fn ssh_keygen_says_the_same_of_all() {
    println!("{}", agree(ALL));
}
