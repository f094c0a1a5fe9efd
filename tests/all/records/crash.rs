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
use portcullis::record::chain::digest;
use portcullis::record::said::Said;
use portcullis::record::statement::Deed;
use portcullis::record::statement::Saying;
use portcullis::record::verify::Whole;
use portcullis::shell::chain::Chain;
use portcullis::shell::chain::folders;
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

/// Names the folder in which the victim works.
const DATA: &str = "PORTCULLIS_TEST_DATA";

/// Names what it does there.
const DEED: &str = "PORTCULLIS_TEST_DEED";

/// Seals one record, or says one thing, and ends: what is killed, over and over.
#[test]
#[ignore = "started by the tests below"]
fn victim() {
    let Some(data) = env::var_os(DATA) else { return };
    let places = Places { data: PathBuf::from(data), config: PathBuf::new() };
    let mut chain = Chain::open(&places, &target()).expect("the chain");
    if env::var_os(DEED).is_some_and(|deed| deed == "say") {
        return say(&mut chain, &places, &Deed::Revoke { says: "a test".to_owned() });
    }
    let change = Change1 { residual: Some(30), ..Change1::cleared("A002") };
    chain.seal(&record(&change), Signing::Signed, change.at, &mut quick).expect("a record");
}

/// Says something about the first record.
fn say(chain: &mut Chain, places: &Places, deed: &Deed) {
    let folder = folders(&places.records(&target())).remove(0);
    let found = records::found(&folder).expect("a record");
    let saying = Saying {
        deed,
        target: &target(),
        at: now(),
        who: "mira",
        record: &found.sha256,
        folder: &found.folder,
    };
    chain.state(&saying, Signing::Signed, &mut quick).expect("a statement");
}

#[expect(clippy::unnecessary_wraps, reason = "a pen may fail, this one does not")]
fn quick(file: &Path, namespace: &'static str) -> Result<(), String> {
    Quick::new().sign(file, namespace);
    Ok(())
}

/// How often how much was there after a kill, by system call.
type Ends = BTreeMap<(&'static str, usize), usize>;

/// An archive with one record.
fn one() -> Archive {
    let archive = Archive::new();
    archive.home.write("config/allowed_signers", &Quick::new().line());
    let mut chain = Chain::open(&archive.places, &target()).expect("the chain");
    let first = record(&Change1::cleared("A001"));
    chain.seal(&first, Signing::Signed, now(), &mut quick).expect("a record");
    archive
}

#[test]
fn killed_at_any_write_sync_or_rename_the_archive_is_old_or_new() {
    let next = record(&Change1::cleared("A003"));
    let ends = everywhere("seal", &[Whole::Valid], |chain, _| {
        chain.seal(&next, Signing::Signed, now(), &mut quick).expect("a record");
    });
    println!("records there after a kill, by system call: {ends:?}");
}

#[test]
fn killed_at_any_write_sync_or_rename_a_statement_is_made_or_not() {
    // Another kind than the one that was begun, so that nothing of it is simply written over.
    let next = Deed::Countersign { says: digest(b"") };
    let ends =
        everywhere("say", &[Whole::Valid, Whole::Revoked, Whole::Invalid], |chain, places| {
            say(chain, places, &next);
        });
    println!("records and statements there after a kill, by system call: {ends:?}");
}

/// Kills the victim everywhere; whoever comes next adds to what is there.
fn everywhere(deed: &str, words: &[Whole], next: impl Fn(&mut Chain, &Places)) -> Ends {
    let archive = one();
    let believed = Believed::read(&archive.places.config, None, None).expect("the signers");
    let mut ends = Ends::new();
    for call in ["write", "fsync", "rename", "unlink"] {
        for when in 1.. {
            let folder = tempdir().expect("a folder");
            let places = Places { data: folder.path().join("data"), config: PathBuf::new() };
            copy(&archive.places.data, &places.data);
            let killed = kill_at(deed, call, when, &places.data);
            let there = check(&places, &believed, words, &format!("{call} {when}"));
            *ends.entry((call, there)).or_insert(0) += 1;
            if !killed {
                assert_eq!(
                    there, 2,
                    "{call}: nothing was left to kill, and yet nothing was sealed"
                );
                break;
            }
            // Whoever comes next finishes or drops what was begun, and goes on behind it.
            let mut chain = Chain::open(&places, &target()).expect("the chain is free again");
            next(&mut chain, &places);
            drop(chain);
            assert_eq!(check(&places, &believed, words, "afterwards"), there + 1);
            let dir = places.records(&target());
            let left: Vec<String> = [dir.clone(), dir.join("statements")]
                .iter()
                .flat_map(|dir| fs::read_dir(dir).into_iter().flatten())
                .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
                .filter(|name| name.starts_with('.') || name.contains("new"))
                .collect();
            assert_eq!(left, Vec::<String>::new(), "{call} {when} left something behind");
        }
    }
    assert!(ends.keys().any(|(_, there)| *there == 1) && ends.keys().any(|(_, there)| *there == 2));
    ends
}

/// Runs the victim and kills it as it makes a system call for the n-th time; tells whether it was.
fn kill_at(deed: &str, call: &str, when: usize, data: &Path) -> bool {
    let mut strace = Command::new("strace");
    strace
        .args(["-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}")])
        .args(["-e", &format!("inject={call}:signal=SIGKILL:when={when}")])
        .arg(env::current_exe().expect("our own program"))
        .args(["--exact", "records::crash::victim", "--ignored", "--test-threads=1", "--quiet"])
        .env(DATA, data)
        .env(DEED, deed)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let status = strace.status().expect("strace; .ci/run installs it");
    let killed = status.signal() == Some(9) || status.code() == Some(137);
    assert!(killed || status.success(), "{call} {when}: {status}");
    killed
}

/// Verifies all of it and counts the records and what was said about them.
#[track_caller]
fn check(places: &Places, believed: &Believed, words: &[Whole], when: &str) -> usize {
    let shelf = records::verify(places, &target(), believed, now());
    assert_eq!(shelf.faults, [], "{when}");
    for (folder, verified) in &shelf.records {
        let fits = words.contains(&verified.whole);
        assert!(fits, "{when}: {}: {:?}", folder.display(), verified.answers);
        assert!(verified.said.iter().all(Said::counts), "{when}: {:?}", verified.said);
    }
    shelf.records.len() + shelf.records.iter().map(|(_, it)| it.said.len()).sum::<usize>()
}

fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-a").arg(from).arg(to).status().expect("cp");
    assert!(status.success());
}
