//! Being asked to end: by the terminal, by the system, by the one who started us.

use std::io;
use std::thread;

use signal_hook::consts::SIGHUP;
use signal_hook::consts::SIGINT;
use signal_hook::consts::SIGTERM;
use signal_hook::iterator::Signals;
use signal_hook::low_level;

/// Tells of each signal that asks us to end, from another thread. Once nobody listens any more, a
/// signal does again what it always does.
///
/// # Errors
///
/// When the signals cannot be taken over.
pub fn listen(told: impl Fn(i32) -> bool + Send + 'static) -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGHUP, SIGINT])?;
    thread::spawn(move || {
        for signal in signals.forever() {
            if !told(signal) {
                return obey(signal);
            }
        }
    });
    Ok(())
}

/// Ends as the signal would have ended us had nobody listened; the one who waits for us sees it.
pub fn obey(signal: i32) {
    // A signal that cannot be obeyed leaves us running, and the caller ends in its own way.
    let _ = low_level::emulate_default_handler(signal);
}
