//! What running promises, tried on real children of `/bin/sh`.

use std::collections::BTreeMap;
use std::sync::mpsc;
use std::sync::mpsc::Receiver;

use nix::unistd::Pid;

use super::*;

/// What a test has of its command: the way to stop it, and what it reports.
struct Watched {
    running: Running,
    events: Receiver<Event>,
}

fn sh(script: &str, deadline: Duration) -> Command {
    Command {
        name: "audit",
        argv: ["/bin/sh", "-c", script].map(str::to_owned).into(),
        environment: BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]),
        deadline,
        elsewhere: None,
        writes: "",
    }
}

fn watch(command: &Command) -> Watched {
    let (sender, events) = mpsc::channel();
    let mask: Mask = Arc::new(|line| line.replace("s3cret", "•••"));
    let running = start(command, mask, move |event| {
        let _ = sender.send(event);
    });
    Watched { running, events }
}

impl Watched {
    /// Waits for the next line.
    #[track_caller]
    fn line(&self) -> String {
        match self.events.recv_timeout(Duration::from_secs(20)) {
            Ok(Event::Line { text, .. }) => text,
            other => panic!("no line but {other:?}"),
        }
    }

    /// Waits for the end, which comes last.
    #[track_caller]
    fn end(self) -> Ended {
        let ended = loop {
            match self.events.recv_timeout(Duration::from_secs(20)) {
                Ok(Event::Line { .. }) => {}
                Ok(Event::Ended(ended)) => break ended,
                Err(error) => panic!("no end: {error}"),
            }
        };
        assert_eq!(self.events.recv_timeout(Duration::from_secs(20)).ok(), None);
        ended
    }
}

fn run(script: &str) -> Ended {
    watch(&sh(script, Duration::from_secs(30))).end()
}

/// Tells whether a process lives; one that is ended and not yet reaped by init does not.
fn lives(process: &str) -> bool {
    let stat = format!("/proc/{process}/stat");
    let alive = || {
        std::fs::read_to_string(&stat)
            .is_ok_and(|stat| !stat.rsplit(") ").next().unwrap_or("Z").starts_with(['Z', 'X']))
    };
    // A killed process dies when the system next looks at it, which a busy one puts off.
    let patience = Instant::now() + Duration::from_secs(5);
    while alive() && Instant::now() < patience {
        std::thread::yield_now();
    }
    alive()
}

#[test]
fn a_command_reports_its_lines_and_its_end() {
    let watched =
        watch(&sh("echo one; echo two >&2; printf three; exit 7", Duration::from_secs(9)));
    let ended = watched.end();
    assert_eq!(ended.end, End::Exit(7));
    assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("one\nthree", "two\n"));
    assert!(!ended.truncated);
}

#[test]
fn the_environment_is_the_stated_one_and_the_input_is_closed() {
    let ended = run("cat; env -u PWD -u SHLVL -u _ | sort");
    assert_eq!(ended.stdout, "PATH=/usr/bin:/bin\n");
}

#[test]
fn every_line_is_masked_before_it_is_reported() {
    let watched = watch(&sh("echo a s3cret; printf 's3c'; printf 'ret' ", Duration::from_secs(9)));
    assert_eq!(watched.line(), "a •••");
    assert_eq!(watched.end().stdout, "a •••\n•••");
}

#[test]
fn invalid_utf8_is_replaced() {
    assert_eq!(run(r"printf 'a\377b\r\n'").stdout, "a\u{fffd}b\n");
}

#[test]
fn a_signal_is_told_from_an_exit() {
    assert_eq!(run("kill -9 $$").end, End::Signal(9));
}

#[test]
fn a_missing_program_is_not_started() {
    let mut command = sh("", Duration::from_secs(9));
    for (program, reason) in [
        ("openclaw-that-is-not-there", "`openclaw-that-is-not-there` is not on the PATH"),
        ("/not/there", "`/not/there` does not exist"),
        ("/etc", "`/etc` could not be started: Permission denied (os error 13)"),
    ] {
        command.argv = vec![program.to_owned()];
        assert_eq!(watch(&command).end().end, End::NotStarted(reason.to_owned()));
    }
    command.argv.clear();
    assert_eq!(watch(&command).end().end, End::NotStarted("no program is named".to_owned()));
}

#[test]
fn the_program_is_looked_for_on_the_stated_path() {
    let mut command = sh("", Duration::from_secs(9));
    command.argv = vec!["sh".to_owned(), "-c".to_owned(), "echo found".to_owned()];
    assert_eq!(watch(&command).end().stdout, "found\n");
    command.environment.insert("PATH".to_owned(), "/nowhere".to_owned());
    assert_eq!(watch(&command).end().end, End::NotStarted("`sh` is not on the PATH".to_owned()));
}

#[test]
fn the_deadline_stops_all_that_was_started() {
    let script = "sleep 61 & echo $!; (sleep 62 & echo $!; wait) & echo $!; wait";
    let ended = watch(&sh(script, Duration::from_millis(400))).end();
    assert_eq!(ended.end, End::Deadline);
    assert!(ended.took < Duration::from_millis(1900), "{:?}", ended.took);
    let processes: Vec<_> = ended.stdout.lines().collect();
    assert_eq!(processes.len(), 3);
    assert!(!processes.into_iter().any(lives));
}

#[test]
fn who_ignores_the_request_to_end_is_killed() {
    let script = "trap '' TERM; (trap '' TERM; sleep 63) & echo $!; while :; do sleep 1; done";
    let ended = watch(&sh(script, Duration::from_millis(300))).end();
    assert_eq!(ended.end, End::Deadline);
    let took = ended.took.as_millis();
    assert!((2300..4200).contains(&took), "{took} ms");
    assert!(!lives(ended.stdout.trim()));
}

#[test]
fn who_is_stopped_still_hears_the_request_to_end() {
    let ended = watch(&sh("kill -STOP $$", Duration::from_millis(300))).end();
    assert_eq!(ended.end, End::Deadline);
    assert!(ended.took < Duration::from_secs(2), "{:?}", ended.took);
}

#[test]
fn cancelling_stops_at_once_and_may_be_repeated() {
    let watched = watch(&sh("echo $$; sleep 64", Duration::from_mins(1)));
    let process = watched.line();
    let running = watched.running.clone();
    running.cancel();
    running.cancel();
    let ended = watched.end();
    assert_eq!(ended.end, End::Cancelled);
    assert!(ended.took < Duration::from_secs(5), "{:?}", ended.took);
    assert!(!lives(&process));
    running.cancel();
}

#[test]
fn a_command_cancelled_before_it_began_is_cancelled() {
    let watched = watch(&sh("sleep 65", Duration::from_mins(1)));
    watched.running.cancel();
    assert_eq!(watched.end().end, End::Cancelled);
}

#[test]
fn a_grandchild_that_holds_the_pipe_does_not_hold_us() {
    let ended = run("sleep 66 & echo $!; exit 3");
    assert_eq!(ended.end, End::Exit(3));
    assert!(ended.took < Duration::from_secs(3), "{:?}", ended.took);
    assert!(!lives(ended.stdout.trim()));
}

#[test]
fn a_grandchild_that_left_the_group_does_not_hold_us_either() {
    let ended = run("setsid sleep 67 & echo $!; exit 0");
    assert_eq!(ended.end, End::Exit(0));
    assert!(ended.took < Duration::from_secs(5), "{:?}", ended.took);
    let _ = nix::sys::signal::kill(
        Pid::from_raw(ended.stdout.trim().parse().unwrap()),
        Signal::SIGKILL,
    );
}

#[test]
fn what_is_printed_after_the_process_ended_is_kept() {
    assert_eq!(run("(sleep 0.2; echo late) & echo soon").stdout, "soon\nlate\n");
}

#[test]
fn a_command_that_closes_its_output_is_waited_for() {
    let ended = run("echo out; exec >&- 2>&-; sleep 0.2; exit 5");
    assert_eq!((ended.end, ended.stdout.as_str()), (End::Exit(5), "out\n"));
}

#[test]
fn a_flood_is_read_to_its_end_and_kept_in_part() {
    let ended = run("yes 'all work and no play' | head -c 200000000; echo; echo done >&2");
    assert_eq!((ended.end, ended.stderr.as_str()), (End::Exit(0), "done\n"));
    assert!(ended.truncated);
    assert!((8_300_000..8_400_000).contains(&ended.stdout.len()), "{}", ended.stdout.len());
    assert!(ended.took < Duration::from_secs(20), "{:?}", ended.took);
}

#[test]
fn a_line_without_end_is_cut_before_what_could_be_half_a_secret() {
    let script = "head -c 8388605 /dev/zero | tr '\\0' x; printf s3cret; head -c 99999 /dev/zero";
    let ended = run(script);
    assert!(ended.truncated);
    assert!(!ended.stdout.contains('s'));
    assert_eq!(ended.stdout.len(), (8 << 20) - (16 << 10));
}

#[test]
fn a_long_document_on_one_line_is_kept_whole() {
    let ended = run("printf '{\"a\":\"'; head -c 5000000 /dev/zero | tr '\\0' x; echo '\"}'");
    assert!(!ended.truncated);
    assert!(serde_json::from_str::<serde_json::Value>(&ended.stdout).is_ok());
}

#[test]
fn a_flood_without_end_meets_its_deadline() {
    let ended = watch(&sh("yes", Duration::from_millis(500))).end();
    assert_eq!(ended.end, End::Deadline);
    assert!(ended.took < Duration::from_secs(4), "{:?}", ended.took);
}

#[test]
fn all_are_stopped_when_their_registry_is_dropped() {
    let processes = Processes::default();
    let (sender, events) = mpsc::channel();
    for _ in 0..3 {
        let sender = sender.clone();
        let mask: Mask = Arc::new(str::to_owned);
        processes.start(&sh("echo $$; sleep 68", Duration::from_mins(1)), mask, move |event| {
            let _ = sender.send(event);
        });
    }
    let mut pids = Vec::new();
    while pids.len() < 3 {
        if let Ok(Event::Line { text, .. }) = events.recv_timeout(Duration::from_secs(20)) {
            pids.push(text);
        }
    }
    drop(processes);
    assert!(!pids.iter().any(|process| lives(process)));
}
