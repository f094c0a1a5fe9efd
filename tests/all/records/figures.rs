//! Figures: how many records a second are verified, beside ssh-keygen; how long a list takes.
//!
//! Run with a release build: `PORTCULLIS_BIN=target/release/portcullis cargo test --test all --
//! --ignored --nocapture records::figures`.

use std::env;
use std::fs;
use std::fs::File;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use portcullis::record::Signing;
use portcullis::shell::chain::Chain;
use portcullis::shell::chain::folders;

use crate::home::PORTCULLIS;
use crate::records::archive::Archive;
use crate::records::archive::Change1;
use crate::records::archive::Quick;
use crate::records::archive::now;
use crate::records::archive::record;
use crate::records::archive::target;

/// How many records are verified, by us and by ssh-keygen.
const OURS: usize = 1_000;
const THEIRS: usize = 200;

/// How many records are listed.
const LISTED: usize = 10_000;

fn program() -> PathBuf {
    env::var_os("PORTCULLIS_BIN").map_or_else(|| PORTCULLIS.into(), PathBuf::from)
}

fn timed(archive: &Archive, arguments: &str) -> Duration {
    let mut best = Duration::MAX;
    for _ in 0..5 {
        let mut command = Command::new(program());
        command.args(arguments.split_whitespace()).arg("--data-dir").arg(&archive.places.data);
        command.env("PORTCULLIS_CONFIG_DIR", &archive.places.config).stdout(Stdio::null());
        let begun = Instant::now();
        command.status().expect("portcullis");
        best = best.min(begun.elapsed());
    }
    best
}

/// Seals that many records, all alike but for their place.
fn sealed(count: usize) -> Archive {
    let archive = Archive::new();
    archive.home.write("config/allowed_signers", &Quick::new().line());
    let mut chain = Chain::open(&archive.places, &target()).expect("the chain");
    let key = Quick::new();
    let mut sealed = record(&Change1::cleared("A001"));
    sealed.files.clear();
    for number in 0..count {
        sealed.folder = format!("20260101T000000Z-{number:05}");
        let mut pen = |file: &std::path::Path, namespace: &'static str| {
            key.sign(file, namespace);
            Ok(())
        };
        chain.seal(&sealed, Signing::Signed, now(), &mut pen).expect("a record");
    }
    archive
}

#[test]
#[ignore = "figures, not a promise; a release build is measured"]
fn verifying_beside_ssh_keygen() {
    let archive = sealed(OURS);
    let all = folders(&archive.dir());
    let size = fs::metadata(all[0].join("record.json")).expect("a record").len();
    let ours = timed(&archive, "records verify --all --format json");
    let signers = archive.home.file("config/allowed_signers");
    let begun = Instant::now();
    for folder in all.iter().take(THEIRS) {
        let mut command = Command::new("ssh-keygen");
        command.args([
            "-Y",
            "verify",
            "-I",
            "mira@example.org",
            "-n",
            "exposure-record@portcullis",
        ]);
        command.arg("-f").arg(&signers).arg("-s").arg(folder.join("record.json.sig"));
        command.stdin(File::open(folder.join("record.json")).expect("a record"));
        assert!(command.stdout(Stdio::null()).status().expect("ssh-keygen").success());
    }
    let theirs = begun.elapsed();
    let rate = |count: usize, took: Duration| {
        f64::from(u32::try_from(count).expect("a number")) / took.as_secs_f64()
    };
    let (ours, theirs) = (rate(OURS, ours), rate(THEIRS, theirs));
    println!("record.json has {size} bytes");
    println!("portcullis records verify --all: {ours:.0} records/s, chain, files and all");
    println!(
        "ssh-keygen -Y verify, a process each: {theirs:.0} records/s; {:.0} times",
        ours / theirs
    );
}

#[test]
#[ignore = "figures, not a promise; a release build is measured"]
fn a_list_of_ten_thousand() {
    let archive = sealed(1);
    let first = folders(&archive.dir()).remove(0);
    for number in 1..LISTED {
        let folder = archive.dir().join(format!("20250101T000000Z-{number:05}"));
        fs::create_dir(&folder).expect("a folder");
        for name in ["record.json", "record.json.sig", "record.md"] {
            fs::copy(first.join(name), folder.join(name)).expect("a copy");
        }
    }
    let begun = Instant::now();
    let mut command = Command::new(program());
    command.args(["records", "list", "--data-dir"]).arg(&archive.places.data);
    command.stdout(Stdio::null()).status().expect("portcullis");
    println!("records list, {LISTED} records, no index yet: {:?}", begun.elapsed());
    println!("records list, {LISTED} records, index kept: {:?}", timed(&archive, "records list"));
}
