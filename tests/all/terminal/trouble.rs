//! What must never go wrong in a terminal: lost answers, a broken terminal, a silent refusal.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

use nix::sys::signal::Signal;
use tempfile::TempDir;
use tempfile::tempdir;

use crate::terminal::harness::Launch;
use crate::terminal::harness::Terminal;

/// A way to leave.
type Leave = fn(&mut Terminal);

/// A gateway's config, small and real.
const CONFIG: &str = r#"{
  // one bot, one owner
  gateway: { mode: "local", bind: "loopback", auth: { mode: "token", token: "${OPENCLAW_GATEWAY_TOKEN}" } },
  channels: { telegram: { enabled: true, dmPolicy: "pairing", botToken: "${TELEGRAM_BOT_TOKEN}" } },
}
"#;

/// How often the program is killed in the middle of its work.
const KILLS: usize = 20;

/// A home with a config in it.
fn gateway() -> (TempDir, Launch) {
    let home = tempdir().expect("a home");
    let config = home.path().join("openclaw.json");
    fs::write(&config, CONFIG).expect("a config");
    let launch = Launch::at_home(home.path()).argument("--config").argument(config);
    (home, launch)
}

/// Opens the question why the first pattern is needed.
fn open_a_form(terminal: &mut Terminal) {
    terminal.see("Loopback and an SSH tunnel");
    terminal.press("g enter");
    terminal.see("what needs this?");
}

/// Returns the draft of the only target.
fn draft(home: &Path) -> PathBuf {
    let drafts = fs::read_dir(home.join("data/drafts")).expect("drafts");
    let mut drafts = drafts.map(|entry| entry.expect("an entry").path());
    let draft = drafts.find(|path| path.extension().is_some_and(|end| end == "jsonl"));
    draft.expect("a draft")
}

#[test]
fn what_was_typed_survives_every_size_of_the_window() {
    let (_home, launch) = gateway();
    let mut terminal = launch.start();
    open_a_form(&mut terminal);
    terminal.type_text("half a reas");
    for (columns, rows) in [(60, 20), (50, 10), (160, 50), (80, 24)] {
        terminal.resize(columns, rows);
        if columns < 60 {
            terminal.see("needs 60×20; this is 50×10");
        } else {
            terminal.see("half a reas");
        }
    }
    terminal.type_text("on");
    terminal.press("enter");
    terminal.see("Because: half a reason");
}

#[test]
fn a_key_pressed_in_a_window_that_is_too_small_is_not_lost() {
    let (_home, launch) = gateway();
    let mut terminal = launch.start();
    open_a_form(&mut terminal);
    terminal.resize(50, 10);
    terminal.see("needs 60×20");
    terminal.send(b"typed blindly");
    terminal.resize(80, 24);
    terminal.see("typed blindly");
}

/// Keys and a new size that are there at once are both taken, whichever came first.
#[test]
fn keys_and_a_new_size_at_the_same_moment_are_both_taken() {
    let (_home, launch) = gateway();
    let mut terminal = launch.start();
    open_a_form(&mut terminal);
    terminal.signal(Signal::SIGSTOP);
    terminal.send(b"keys first ");
    terminal.resize(160, 50);
    terminal.signal(Signal::SIGCONT);
    terminal.see("keys first");
    terminal.until("the wide screen", |screen| screen.lines().count() == 50);
    terminal.signal(Signal::SIGSTOP);
    terminal.resize(80, 24);
    terminal.send(b"size first");
    terminal.signal(Signal::SIGCONT);
    terminal.see("keys first size first");
    terminal.until("the small screen", |screen| screen.lines().count() == 24);
}

#[test]
fn pasted_lines_become_one_and_nothing_in_them_is_a_key() {
    let (_home, launch) = gateway();
    let mut terminal = launch.start();
    open_a_form(&mut terminal);
    terminal.paste("first\nsecond\r\nthird\x03\x1b[A\tq\x07 end of it");
    terminal.see("end of it");
    terminal.see("> first second");
    terminal.press("enter");
    terminal.see("Because: first second");
    terminal.press("g");
    terminal.paste("q\nq\nq");
    terminal.see("nothing here takes text");
}

#[test]
fn whoever_leaves_gets_the_terminal_back_as_it_was() {
    let ways: [(&str, Leave); 6] = [
        ("q", |terminal| terminal.press("q")),
        ("ctrl-c", |terminal| terminal.press("ctrl-c")),
        ("ctrl-c in a form", |terminal| {
            open_a_form(terminal);
            terminal.type_text("not done");
            terminal.press("ctrl-c");
        }),
        ("SIGTERM", |terminal| terminal.signal(Signal::SIGTERM)),
        ("SIGHUP", |terminal| terminal.signal(Signal::SIGHUP)),
        ("SIGINT in a form", |terminal| {
            open_a_form(terminal);
            terminal.signal(Signal::SIGINT);
        }),
    ];
    for (way, leave) in ways {
        let (_home, launch) = gateway();
        let mut terminal = launch.start();
        terminal.see("Portcullis");
        leave(&mut terminal);
        let left = terminal.exit();
        assert_eq!((left.code, &left.not_restored[..]), (0, &[][..]), "{way}: {}", left.screen);
        assert!(left.screen.contains("Saved; "), "{way}: {}", left.screen);
    }
}

#[test]
fn a_check_that_runs_does_not_keep_anyone() {
    let home = tempdir().expect("a home");
    let mut terminal = Launch::demo(home.path()).start();
    terminal.see("Portcullis");
    terminal.press("3 g enter");
    terminal.see("enter runs them");
    terminal.press("enter");
    terminal.see("running");
    terminal.press("q");
    let left = terminal.exit();
    assert_eq!((left.code, &left.not_restored[..]), (0, &[][..]), "{}", left.screen);
}

#[test]
fn an_answer_shown_as_saved_survives_a_kill_at_any_moment() {
    let (home, launch) = gateway();
    let recorded = |number: usize| format!("answer {number:03}");
    // At the row of the backup, whose detail shows the newest answer.
    let at_the_entry = |terminal: &mut Terminal| {
        terminal.see("Portcullis");
        terminal.press("/");
        terminal.type_text("backup");
        terminal.see("inventory: Backup");
        terminal.press("enter");
    };
    let mut newest = 0;
    for round in 0..KILLS {
        let mut terminal = launch.start();
        at_the_entry(&mut terminal);
        if round > 0 {
            let screen = terminal.screen();
            let (shown, begun) = (recorded(newest), recorded(newest + 1));
            assert!(screen.contains(&shown) || screen.contains(&begun), "{round}:\n{screen}");
            newest += usize::from(!screen.contains(&shown));
        }
        newest += 1;
        terminal.press("e ctrl-u");
        terminal.type_text(&recorded(newest));
        terminal.press("enter");
        terminal.see(&format!(": {}", recorded(newest)));
        terminal.see("saved ");
        // The next answer is on its way while the program dies, a little further each time.
        let keys = format!("e\x15{}\r", recorded(newest + 1));
        let (taken, sent) = keys.split_at(round % keys.len());
        terminal.send(taken.as_bytes());
        terminal.wait_for_frames(usize::from(!taken.is_empty()));
        terminal.send(sent.as_bytes());
        terminal.wait_for_frames(round % 2);
        terminal.kill();
    }
    let text = fs::read_to_string(draft(home.path())).expect("the draft");
    assert!(text.lines().count() > KILLS);
}

#[test]
fn a_torn_last_line_is_dropped_and_said() {
    let (home, launch) = gateway();
    let mut terminal = launch.start();
    open_a_form(&mut terminal);
    terminal.type_text("whole");
    terminal.press("enter");
    terminal.see("Because: whole");
    terminal.kill();
    let path = draft(home.path());
    let whole = fs::read_to_string(&path).expect("the draft");
    let last = whole.lines().last().expect("an entry");
    fs::write(&path, format!("{whole}{}", &last[..last.len() / 2])).expect("a torn draft");
    let mut terminal = launch.start();
    terminal.see("torn");
    terminal.press("1 g");
    terminal.see("Because: whole");
    assert_eq!(fs::read_to_string(&path).expect("the draft"), whole);
}

#[test]
fn a_second_one_on_the_same_gateway_is_refused() {
    let (_home, launch) = gateway();
    let mut first = launch.start();
    first.see("Portcullis");
    let left = launch.start().exit();
    assert_eq!((left.code, &left.not_restored[..]), (2, &[][..]), "{}", left.screen);
    assert!(left.screen.contains("another portcullis works on this target"), "{}", left.screen);
    first.press("j");
}

#[test]
fn without_colour_no_colour_is_sent() {
    for (name, value) in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let home = tempdir().expect("a home");
        let mut terminal = Launch::demo(home.path()).environment(name, value).start();
        look_around(&mut terminal);
        let coloured: Vec<String> = renditions(terminal.transcript())
            .into_iter()
            .filter(|code| {
                !["", "0", "1", "2", "7", "22", "27", "39", "49", "59"].contains(&code.as_str())
            })
            .collect();
        assert_eq!(coloured, Vec::<String>::new(), "{name}={value}");
    }
}

#[test]
fn with_colour_the_words_are_the_same() {
    let screens = ["1", ""].map(|no_colour| {
        let home = tempdir().expect("a home");
        let mut terminal = Launch::demo(home.path()).environment("NO_COLOR", no_colour).start();
        terminal.see("Portcullis");
        terminal.press("5 g j");
        let screen = terminal.screen();
        screen.lines().skip(1).map(str::to_owned).collect::<Vec<_>>()
    });
    assert_eq!(screens[0], screens[1]);
}

#[test]
fn ascii_is_ascii_alone() {
    let asked = |launch: Launch| launch.argument("--ascii");
    let dumb = |launch: Launch| launch.environment("TERM", "dumb");
    for plain in [asked, dumb] {
        let home = tempdir().expect("a home");
        let mut terminal = plain(Launch::demo(home.path())).start();
        look_around(&mut terminal);
        let text = String::from_utf8_lossy(terminal.transcript());
        let others: std::collections::BTreeSet<char> =
            text.chars().filter(|c| !c.is_ascii()).collect();
        assert!(others.is_empty(), "{others:?}");
    }
}

#[test]
fn a_place_that_cannot_be_written_is_said_before_the_screen_is_taken() {
    let (home, launch) = gateway();
    let file = home.path().join("a-file");
    fs::write(&file, "").expect("a file");
    let mut terminal = launch.argument("--data-dir").argument(file.join("below")).start();
    let left = terminal.exit();
    assert_eq!((left.code, &left.not_restored[..]), (2, &[][..]), "{}", left.screen);
    for said in ["error: the draft cannot be opened", "cause: ", "a-file", "hint: --data-dir"] {
        assert!(left.screen.contains(said), "{said}: {}", left.screen);
    }
    assert!(!terminal.transcript().contains(&b'\x1b'), "the screen was taken");
}

#[test]
fn without_a_terminal_the_wizard_says_what_to_use_instead() {
    let home = tempdir().expect("a home");
    let output = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .arg("--demo")
        .env_clear()
        .env("HOME", home.path())
        .stdin(Stdio::null())
        .output()
        .expect("the program starts");
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "error: the wizard needs a terminal\n\
         hint: `portcullis check` gives the automatic verdicts without one\n"
    );
}

#[test]
fn a_full_disk_is_said_until_everything_is_saved_after_all() {
    let (home, launch) = gateway();
    // Files may grow to two blocks of 512 bytes, the draft with them.
    let limited = "trap '' XFSZ; ulimit -S -f 2; exec \"$@\"";
    let mut terminal = launch.clone().through("sh", &["-c", limited, "sh"]).start();
    open_a_form(&mut terminal);
    terminal.type_text(&"a long story ".repeat(60));
    terminal.press("enter");
    terminal.see("Not saved");
    terminal.see("NOT SAVED");
    terminal.press("2");
    terminal.see("Not saved");
    let freed = Command::new("prlimit")
        .args(["--fsize=unlimited:unlimited", "--pid", &terminal.pid().to_string()])
        .status()
        .expect("prlimit");
    assert!(freed.success());
    terminal.press("g");
    for _ in 0..3 {
        terminal.press("space j");
    }
    terminal.see_no("Not saved");
    terminal.see("saved ");
    terminal.kill();
    let text = fs::read_to_string(draft(home.path())).expect("the draft");
    assert!(text.lines().all(|line| line.starts_with('{') && line.ends_with('}')), "{text}");
    let mut terminal = launch.start();
    terminal.see("Portcullis");
    terminal.press("1 g");
    terminal.see("Because: a long story");
}

/// Goes through every step and every overlay.
fn look_around(terminal: &mut Terminal) {
    terminal.see("Portcullis");
    for step in "1234567890-".chars() {
        terminal.press(&format!("{step} g j j G pgdn"));
    }
    terminal.press("R esc b esc ? esc 4 g d w esc 5 g f a esc 8 1 g enter esc 3 g enter");
    terminal.see("enter runs them");
    terminal.press("enter");
    terminal.until("the end of the checks", |screen| {
        ["running", "waiting", "not run"].iter().all(|word| !screen.contains(word))
    });
    terminal.press("g enter esc G / a esc");
}

/// Returns every number of every rendition that was sent.
fn renditions(transcript: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(transcript);
    let codes = text.split("\x1b[").skip(1).filter_map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != ';')?;
        rest[end..].starts_with('m').then(|| rest[..end].to_owned())
    });
    codes.flat_map(|code| code.split(';').map(str::to_owned).collect::<Vec<_>>()).collect()
}
