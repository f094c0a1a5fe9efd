//! Figures: how fast it starts, answers, and sleeps. They measure the machine too, so no limit
//! is asserted, and they run on request alone:
//!
//! `cargo test --release --test all -- --ignored figures --nocapture --test-threads 1`

use std::fmt::Write;
use std::fs;
use std::time::Duration;
use std::time::Instant;

use nix::unistd::Pid;
use tempfile::tempdir;

use crate::terminal::harness::Launch;
use crate::terminal::harness::Terminal;

/// How often the program is started.
const STARTS: usize = 20;

/// How many keys are pressed while the checks run.
const KEYS: usize = 500;

/// How long the program is left alone.
const IDLE: Duration = Duration::from_secs(10);

#[test]
#[ignore = "it measures"]
fn figures() {
    let mut starts: Vec<Duration> = (0..STARTS).map(|_| first_frame()).collect();
    let mut keys = keys_while_checks_run();
    let mut page = String::new();
    starts.sort_unstable();
    keys.sort_unstable();
    let _ = writeln!(page, "first frame   {:>8.1?} median of {STARTS}", starts[STARTS / 2]);
    let at = |share: usize| keys[(keys.len() * share / 100).min(keys.len() - 1)];
    let (median, slow) = (at(50), at(99));
    let worst = keys.last().expect("a key");
    let _ = writeln!(
        page,
        "key to frame  {median:>8.1?} p50, {slow:.1?} p99, {worst:.1?} worst of {}, checks running",
        keys.len()
    );
    let (idle, busy) = wake_ups();
    let _ = writeln!(page, "idle          {idle:>8} wake-ups in {IDLE:.0?} ({busy} for one key)");
    println!("{page}");
}

fn first_frame() -> Duration {
    let home = tempdir().expect("a home");
    let launch = Launch::demo(home.path()).size(100, 30);
    let started = Instant::now();
    let mut terminal = launch.start();
    terminal.see("Portcullis");
    let took = started.elapsed();
    terminal.press("q");
    terminal.exit();
    took
}

fn keys_while_checks_run() -> Vec<Duration> {
    let mut took = Vec::new();
    while took.len() < KEYS {
        let home = tempdir().expect("a home");
        let mut terminal = Launch::demo(home.path()).size(100, 30).start();
        terminal.see("Portcullis");
        terminal.press("3 g enter");
        terminal.see("enter runs them");
        terminal.press("enter");
        for key in ["j", "k"].into_iter().cycle() {
            if took.len() == KEYS || !terminal.screen().contains("running") {
                break;
            }
            let pressed = Instant::now();
            terminal.press(key);
            took.push(pressed.elapsed());
        }
    }
    took
}

/// Returns how often the program woke up while nothing happened, and for a key.
fn wake_ups() -> (u64, u64) {
    let home = tempdir().expect("a home");
    let mut terminal = Launch::demo(home.path()).size(100, 30).start();
    terminal.see("Portcullis");
    terminal.press("2 g");
    // The thread that drew the frame still has to fall asleep.
    std::thread::sleep(Duration::from_secs(1));
    let before = switches(&terminal);
    std::thread::sleep(IDLE);
    let idle = switches(&terminal) - before;
    let before = switches(&terminal);
    terminal.press("j");
    (idle, switches(&terminal) - before)
}

/// Counts the context switches of every thread so far.
fn switches(terminal: &Terminal) -> u64 {
    let pid: Pid = terminal.pid();
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).expect("the threads");
    let counts = tasks.map(|task| {
        let status = task.expect("a thread").path().join("status");
        let status = fs::read_to_string(status).expect("its status");
        let lines = status.lines().filter(|line| line.contains("ctxt_switches"));
        let numbers = lines.filter_map(|line| line.split_whitespace().last()?.parse::<u64>().ok());
        numbers.sum::<u64>()
    });
    counts.sum()
}
