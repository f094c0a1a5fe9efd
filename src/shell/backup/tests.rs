#![expect(clippy::disallowed_methods, reason = "files are what this is about")]

use std::time::Instant;

use tempfile::TempDir;

use super::*;
use crate::openclaw::config::Assembled;
use crate::openclaw::config::FileRead;
use crate::openclaw::config::Files;
use crate::openclaw::config::assemble;

const BEFORE: &str = "{ gateway: { bind: 'loopback' } }";

struct Bench {
    _folder: TempDir,
    config: PathBuf,
    state_dir: PathBuf,
    backup: Backup,
}

/// A config in a folder of that name, and a backup of it in another.
fn bench(name: &str) -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let state_dir = folder.path().join(name);
    fs::create_dir_all(state_dir.join("credentials")).unwrap();
    let config = state_dir.join("openclaw.json");
    fs::write(&config, BEFORE).unwrap();
    fs::write(state_dir.join("credentials").join(name), "{}").unwrap();
    let files = Files::from([(config.clone(), FileRead::Bytes(BEFORE.into()))]);
    let Ok(Assembled::Complete(read)) = assemble(&config, &files) else { panic!() };
    let data = folder.path().join(format!("data {name}"));
    let places = Places { data, config: folder.path().into() };
    let backup = Backup::take(&places, "vega", "now", &read, &state_dir).unwrap();
    Bench { _folder: folder, config, state_dir, backup }
}

impl Bench {
    fn live(&self) -> String {
        fs::read_to_string(&self.config).unwrap()
    }

    /// Waits for what the guard says at its end.
    fn log(&self) -> String {
        let began = Instant::now();
        loop {
            let log = fs::read_to_string(self.backup.folder.join("undo.log")).unwrap();
            let done = ["undone", "kept"].iter().any(|word| log.contains(word));
            if done || began.elapsed() > Duration::from_mins(2) {
                return log;
            }
            std::thread::yield_now();
        }
    }
}

#[test]
fn one_command_undoes_whatever_the_folders_are_called() {
    for name in ["plain", "it's $HOME `here`", "back\\slash", "two\nlines", "\"q\" and\ttab", "\\"]
    {
        let bench = bench(name);
        fs::write(&bench.config, "{}").unwrap();
        let ran = Command::new("sh").arg("-c").arg(bench.backup.undo()).output().unwrap();
        assert!(ran.status.success(), "{name:?}: {}", String::from_utf8_lossy(&ran.stderr));
        assert_eq!(bench.live(), BEFORE, "{name:?}");
        assert!(bench.state_dir.exists());
    }
}

#[test]
fn a_guard_undoes_what_was_written_and_not_what_somebody_else_changed() {
    for name in ["plain", "back\\slash's", "two\nlines"] {
        let ours = bench(name);
        fs::write(&ours.config, "ours").unwrap();
        ours.backup.written().unwrap();
        ours.backup.finished(true).unwrap();
        ours.backup.guard(Duration::ZERO).unwrap();
        assert_eq!(ours.log(), "undone\n", "{name:?}");
        assert_eq!(ours.live(), BEFORE);
        let replaced = ours.backup.folder.join("replaced/0");
        assert_eq!(fs::read_to_string(replaced).unwrap(), "ours", "nothing is lost");

        let theirs = bench(name);
        fs::write(&theirs.config, "ours").unwrap();
        theirs.backup.written().unwrap();
        fs::write(&theirs.config, "theirs").unwrap();
        theirs.backup.finished(true).unwrap();
        theirs.backup.guard(Duration::ZERO).unwrap();
        assert!(theirs.log().contains("not undone"), "{name:?}: {}", theirs.log());
        assert_eq!(theirs.live(), "theirs");
    }
}

#[test]
fn a_second_part_that_ended_half_way_is_undone_with_the_first() {
    let bench = bench("plain");
    fs::write(&bench.config, "part one").unwrap();
    bench.backup.written().unwrap();
    bench.backup.writing().unwrap();
    fs::write(&bench.config, "part two").unwrap();
    bench.backup.finished(true).unwrap();
    bench.backup.guard(Duration::ZERO).unwrap();
    assert_eq!(bench.log(), "undone\n");
    assert_eq!(bench.live(), BEFORE);
}

#[test]
fn there_is_no_guard_where_the_copies_are_not_what_they_were() {
    let bench = bench("plain");
    fs::write(bench.backup.folder.join("config/0-openclaw.json"), "torn").unwrap();
    let refused = bench.backup.guard(Duration::ZERO).unwrap_err();
    assert!(matches!(refused, BackupError::Unproven(..)), "{refused}");
    assert!(!bench.backup.folder.join("undo.sh").exists());
}
