//! An `openclaw` that is missing, hangs, floods or talks nonsense proves nothing and holds nobody up.

use std::fs;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use nix::sys::signal::Signal;
use nix::sys::signal::kill;
use nix::unistd::Pid;

use crate::home::Home;
use crate::home::PORTCULLIS;
use crate::home::outcomes;
use crate::home::verdicts;
use crate::home::why;
use crate::stand_in::StandIn;

const CONFIG: &str = "{ gateway: { mode: 'local', bind: 'loopback', port: 18999 } }\n";

/// What only commands can tell.
const BY_COMMANDS: [&str; 2] = ["checklist.criticals-resolved", "validate.audit-deep"];

/// The checks that are required.
const CHECKS: [&str; 4] = ["audit", "audit-deep", "doctor", "health"];

#[track_caller]
fn nothing_is_measured(home: &Home, within: Duration, expected: &str) {
    let ran = home.run("check --format json");
    assert!(ran.took < within, "it took {:?}", ran.took);
    let document = ran.json();
    for check in CHECKS {
        assert_eq!(outcomes(&document)[check], "unmeasured");
        assert_eq!(why(&document, check), expected, "{check}");
    }
    for item in BY_COMMANDS {
        assert_eq!(verdicts(&document)[item], "unmeasured");
    }
    assert!(ran.status == 1 || ran.status == 3, "status {}", ran.status);
    assert_eq!(ran.stderr, "");
}

#[test]
fn a_missing_openclaw_says_so_and_what_to_do() {
    let home = Home::new(CONFIG).with("PATH", "/nowhere");
    nothing_is_measured(
        &home,
        Duration::from_secs(30),
        "`openclaw` is not on the PATH. Run portcullis where OpenClaw is \
             installed and on the PATH, as the gateway's OS user.",
    );
}

#[test]
fn an_openclaw_that_cannot_be_run_is_unmeasured() {
    let home = Home::new(CONFIG).openclaw("");
    home.write("bin/openclaw", "#!/nowhere/sh\n");
    fs::set_permissions(
        home.file("bin/openclaw"),
        std::os::unix::fs::PermissionsExt::from_mode(0o700),
    )
    .expect("an executable file");
    nothing_is_measured(
        &home,
        Duration::from_secs(30),
        "`openclaw` is not on the PATH. Run portcullis where OpenClaw is \
             installed and on the PATH, as the gateway's OS user.",
    );
}

#[test]
fn silence_with_a_good_status_is_unmeasured() {
    let home = Home::new(CONFIG).openclaw("exit 0");
    nothing_is_measured(
        &home,
        Duration::from_secs(30),
        "It ended with status 0 and printed nothing.",
    );
}

#[test]
fn nonsense_is_unmeasured() {
    let home = Home::new(CONFIG).openclaw("echo '<html>'; echo 'no such thing' >&2; exit 0");
    nothing_is_measured(
        &home,
        Duration::from_secs(30),
        "It ended with status 0 and printed no JSON: no such thing.",
    );
    let home = Home::new(CONFIG).openclaw("echo '{}'");
    nothing_is_measured(
        &home,
        Duration::from_secs(30),
        "It printed JSON that this version of Portcullis does not understand.",
    );
    let home = Home::new(CONFIG).openclaw("head -c 300000 /dev/urandom");
    let ran = home.run("check --format json");
    assert!(ran.json()["items"].is_array());
    assert!(!ran.stdout.contains('\u{1b}'));
}

#[test]
fn a_flood_is_unmeasured_and_bounded() {
    // Each line is a good answer to each of the four; the last ones are not kept.
    let flood = "yes '{\"ok\":true,\"schemaVersion\":1,\"checksRun\":41,\"checksSkipped\":0,\
        \"summary\":{\"critical\":0,\"warn\":0,\"info\":0},\"findings\":[],\
        \"deep\":{\"gateway\":{\"attempted\":true,\"ok\":true}}}' | head -c 60000000";
    let home = Home::new(CONFIG).openclaw(&format!("{flood}\nexit 0"));
    let ran = home.run("check --format json");
    assert!(ran.took < Duration::from_mins(3), "it took {:?}", ran.took);
    let document = ran.json();
    for check in CHECKS {
        assert_eq!(outcomes(&document)[check], "unmeasured", "{check}");
        assert!(why(&document, check).starts_with("It printed more than is kept"), "{check}");
    }
    assert!(ran.stdout.len() < 1_000_000, "{} bytes", ran.stdout.len());
}

#[test]
fn an_openclaw_killed_by_a_signal_is_unmeasured() {
    let healthy = StandIn::healthy();
    let stand_in = healthy.does("audit", "printf '{\"summary\":'; kill -9 $$");
    let ran = Home::new(CONFIG).openclaw(&stand_in.script()).run("check --format json");
    let document = ran.json();
    assert_eq!(outcomes(&document)["audit"], "unmeasured");
    assert_eq!(outcomes(&document)["audit-deep"], "measured");
    let said = why(&document, "audit");
    assert!(said.starts_with("Signal 9 ended it after "), "{said}");
}

#[test]
fn an_openclaw_that_hangs_is_stopped_at_its_deadline_with_all_it_started() {
    // Health has the shortest deadline of the four, 20 s; this one does not listen to SIGTERM.
    let hang = "trap '' TERM; sleep 300 & echo $$ $! >\"$HOME/hanging\"; echo '{\"ok\":true}'; \
                while :; do sleep 300; done";
    let stand_in = StandIn::healthy().does("health", hang);
    let home = Home::new(CONFIG).openclaw(&stand_in.script());
    let ran = home.run("check --format json");
    assert!(ran.took < Duration::from_mins(1), "it took {:?}", ran.took);
    let document = ran.json();
    assert_eq!(outcomes(&document)["health"], "unmeasured");
    assert!(
        why(&document, "health").starts_with("It gave no complete answer within"),
        "{}",
        why(&document, "health")
    );
    assert!(ran.status == 1 || ran.status == 3, "status {}", ran.status);
    assert_gone(&home.read("hanging"));
}

#[test]
fn stopping_the_check_stops_what_it_started() {
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        let home = Home::new(CONFIG).openclaw("sleep 300 & echo $$ $! >>\"$HOME/hanging\"; wait");
        let mut check = home
            .program(PORTCULLIS)
            .args(["check", "--format", "json"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a process");
        let begun = |home: &Home| {
            fs::read_to_string(home.file("hanging")).is_ok_and(|text| text.lines().count() == 2)
        };
        until("both commands run", || begun(&home));
        let process = Pid::from_raw(i32::try_from(check.id()).expect("a process id"));
        kill(process, signal).expect("a signal");
        let ended = check.wait().expect("an end");
        assert!(!ended.success(), "{signal}: {ended}");
        assert_gone(&home.read("hanging"));
    }
}

/// Starts our program here and sends it a signal once the stand-in has left a file.
#[track_caller]
fn signalled(home: &Home, arguments: &[&str], once: &str, signal: Signal) {
    let mut program = home.program(PORTCULLIS);
    let program = program.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = program.spawn().expect("a process");
    until(once, || home.file(once).exists());
    kill(Pid::from_raw(i32::try_from(child.id()).expect("a process id")), signal)
        .expect("a signal");
    let ended = child.wait().expect("an end");
    assert!(!ended.success(), "{signal}: {ended}");
}

/// Returns the copies that a rehearsal made here.
fn copies(home: &Home) -> usize {
    let entries = fs::read_dir(home.file("tmp")).expect("a folder").flatten();
    let ours = |name: &str| name.starts_with("portcullis-rehearsal");
    entries.filter(|entry| ours(&entry.file_name().to_string_lossy())).count()
}

#[test]
fn a_rehearsal_that_is_stopped_leaves_no_copy_behind() {
    let home = Home::new(CONFIG)
        .openclaw("cd \"$TMPDIR/..\"; ls \"$TMPDIR\" >part; mv part seen; sleep 300");
    home.write("tmp/keep", "");
    let folder = home.file("tmp").display().to_string();
    let home = home.with("TMPDIR", &folder);
    signalled(&home, &["rollback", "--rehearse"], "seen", Signal::SIGTERM);
    assert!(home.read("seen").contains("portcullis-rehearsal"), "there was a copy");
    assert_eq!(copies(&home), 0);
}

#[test]
fn a_patch_that_is_on_its_way_is_not_stopped() {
    let script = r#"case "$*" in
*validate*) echo '{"valid":true}' ;;
*--dry-run*) echo '{"ok":true}' ;;
*patch*) touch "$HOME/begun"; sleep 2; touch "$HOME/written" ;;
esac"#;
    let open = "{ gateway: { mode: 'local', bind: 'lan', port: 18999 } }\n";
    let home = Home::new(open).openclaw(script);
    let apply = ["rollback", "--apply", "--data-dir", "data"];
    signalled(&home, &apply, "begun", Signal::SIGTERM);
    assert!(home.file("written").exists(), "the patch was stopped");
}

/// Waits for what must come to pass soon.
#[track_caller]
fn until(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_mins(1), "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Checks that processes are gone, and not even left as zombies of ours.
#[track_caller]
fn assert_gone(processes: &str) {
    for process in processes.split_whitespace() {
        until(&format!("process {process} ends"), || {
            fs::read_to_string(format!("/proc/{process}/stat"))
                .map_or(true, |stat| stat.rsplit(") ").next().is_some_and(|s| s.starts_with('Z')))
        });
    }
}
