//! Killed at each write, sync and rename, an archive is the old one or the new one.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

use portcullis::record::Signing;
use portcullis::record::verify::Whole;
use portcullis::shell::chain::Chain;
use portcullis::shell::places::Places;
use portcullis::shell::records;
use portcullis::shell::records::Believed;
use tempfile::tempdir;

use crate::records::archive::Archive;
use crate::records::archive::Change1;
use crate::records::archive::Quick;
use crate::records::archive::now;
use crate::records::archive::record;
use crate::records::archive::target;

/// Names the folder in which the victim seals.
const DATA: &str = "PORTCULLIS_TEST_DATA";

/// Seals one record and ends: what is killed, over and over.
#[test]
#[ignore = "started by the test below"]
fn victim() {
    let Some(data) = env::var_os(DATA) else { return };
    let places = Places { data: PathBuf::from(data), config: PathBuf::new() };
    let mut chain = Chain::open(&places, &target()).expect("the chain");
    let change = Change1 { residual: Some(30), ..Change1::cleared("A002") };
    chain.seal(&record(&change), Signing::Signed, change.at, &mut quick).expect("a record");
}

#[expect(clippy::unnecessary_wraps, reason = "a pen may fail, this one does not")]
fn quick(file: &Path, namespace: &'static str) -> Result<(), String> {
    Quick::new().sign(file, namespace);
    Ok(())
}

#[test]
fn killed_at_any_write_sync_or_rename_the_archive_is_old_or_new() {
    let archive = Archive::new();
    archive.home.write("config/allowed_signers", &Quick::new().line());
    let mut chain = Chain::open(&archive.places, &target()).expect("the chain");
    let first = record(&Change1::cleared("A001"));
    chain.seal(&first, Signing::Signed, now(), &mut quick).expect("a record");
    drop(chain);
    let believed = Believed::read(&archive.places.config, None, None).expect("the signers");
    let mut ends = BTreeMap::new();
    let next = record(&Change1::cleared("A003"));
    for call in ["write", "fsync", "rename", "unlink"] {
        for when in 1.. {
            let folder = tempdir().expect("a folder");
            let places = Places { data: folder.path().join("data"), config: PathBuf::new() };
            copy(&archive.places.data, &places.data);
            let killed = kill_at(call, when, &places.data);
            let there = check(&places, &believed, &format!("{call} {when}"));
            *ends.entry((call, there)).or_insert(0) += 1;
            if !killed {
                assert_eq!(
                    there, 2,
                    "{call}: nothing was left to kill, and yet nothing was sealed"
                );
                break;
            }
            // Whoever comes next finishes or drops what was begun, and seals behind it.
            let mut chain = Chain::open(&places, &target()).expect("the chain is free again");
            chain.seal(&next, Signing::Signed, now(), &mut quick).expect("a record");
            drop(chain);
            assert_eq!(check(&places, &believed, "afterwards"), there + 1);
            let left: Vec<String> = fs::read_dir(places.records(&target()))
                .expect("the records")
                .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
                .filter(|name| name.starts_with('.') || name.contains("new"))
                .collect();
            assert_eq!(left, Vec::<String>::new(), "{call} {when} left something behind");
        }
    }
    println!("records there after a kill, by system call: {ends:?}");
    assert!(ends.keys().any(|(_, there)| *there == 1) && ends.keys().any(|(_, there)| *there == 2));
}

/// Runs the victim and kills it as it makes a system call for the n-th time; tells whether it was.
fn kill_at(call: &str, when: usize, data: &Path) -> bool {
    let mut strace = Command::new("strace");
    strace
        .args(["-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}")])
        .args(["-e", &format!("inject={call}:signal=SIGKILL:when={when}")])
        .arg(env::current_exe().expect("our own program"))
        .args(["--exact", "records::crash::victim", "--ignored", "--test-threads=1", "--quiet"])
        .env(DATA, data)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let status = strace.status().expect("strace; .ci/run installs it");
    let killed = status.signal() == Some(9) || status.code() == Some(137);
    assert!(killed || status.success(), "{call} {when}: {status}");
    killed
}

/// Verifies all of it and counts the records.
#[track_caller]
fn check(places: &Places, believed: &Believed, when: &str) -> usize {
    let shelf = records::verify(places, &target(), believed, now());
    assert_eq!(shelf.faults, [], "{when}");
    for (folder, verified) in &shelf.records {
        assert_eq!(
            verified.whole,
            Whole::Valid,
            "{when}: {}: {:?}",
            folder.display(),
            verified.answers
        );
    }
    shelf.records.len()
}

fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-a").arg(from).arg(to).status().expect("cp");
    assert!(status.success());
}
