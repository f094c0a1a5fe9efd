//! Running the checks, as many at once as there are cores.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc;

use crate::cli::progress;
use crate::cli::wizard::Scene;
use crate::openclaw::command;
use crate::openclaw::command::Ended;
use crate::runbook::Need;
use crate::runbook::Runbook;
use crate::shell;
use crate::shell::demo;
use crate::shell::run::Event;
use crate::shell::run::Processes;
use crate::shell::signals;
use crate::verdict::Run;
use crate::verdict::Started;

/// What ends the waiting for a check.
enum Told {
    /// The check of this id ended.
    Ended(String, Ended),
    /// We are asked to end, by this signal.
    Asked(i32),
}

/// Runs every required check and every proof of our own, as many at once as there are cores.
///
/// The commands are in groups of their own, which a ctrl-c at the terminal does not reach; so
/// they are stopped before we end.
pub(in crate::cli) fn run_all(
    runbook: &Runbook,
    scene: &Scene,
    demo: bool,
    rehearse: bool,
) -> BTreeMap<String, Run> {
    let mut waiting: Vec<_> = runbook
        .checks
        .iter()
        .filter(|check| is_run(check, demo, rehearse))
        .filter_map(|check| Some((check, command::command(&check.command, &scene.gateway)?)))
        .collect();
    waiting.reverse();
    let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let processes = Processes::default();
    let (queue, told) = mpsc::channel();
    let asked = queue.clone();
    // Where signals cannot be listened to, each does what it always does.
    let _ = signals::listen(move |signal| asked.send(Told::Asked(signal)).is_ok());
    let mask = scene.live.mask().clone();
    let mask: Arc<dyn Fn(&str) -> String + Send + Sync> = Arc::new(move |line| mask.text(line));
    let mut runs = BTreeMap::new();
    let mut started = BTreeMap::new();
    loop {
        while started.len() < cores
            && let Some((check, command)) = waiting.pop()
        {
            progress(&format!("running  {}", command.short()));
            started.insert(check.id.clone(), (check, shell::now(), command.display()));
            let (queue, id) = (queue.clone(), check.id.clone());
            if demo {
                let (_running, never) = mpsc::channel();
                let _ = queue.send(Told::Ended(id, demo::answer(&command, &never)));
                continue;
            }
            processes.start(&command, Arc::clone(&mask), move |event| {
                if let Event::Ended(ended) = event {
                    let _ = queue.send(Told::Ended(id.clone(), ended));
                }
            });
        }
        if started.is_empty() {
            return runs;
        }
        let (id, ended) = match told.recv() {
            Ok(Told::Ended(id, ended)) => (id, ended),
            Ok(Told::Asked(signal)) => {
                processes.kill_all();
                signals::obey(signal);
                return runs;
            }
            Err(_) => return runs,
        };
        if let Some((check, at, command)) = started.remove(&id) {
            let config_digest = scene.live.digest().to_owned();
            let begun = Started { check: &id, name: &check.command, at, command, config_digest };
            runs.insert(id.clone(), Run::of(begun, &ended));
        }
    }
}

/// Tells whether a check is run: not what takes minutes unless it is asked for, nor what the sample
/// has no answer to.
fn is_run(check: &crate::runbook::Check, demo: bool, rehearse: bool) -> bool {
    let asked = rehearse || check.command != "rehearsal";
    let own = command::OWN.contains(&check.command.as_str()) && asked;
    match check.need {
        Need::Required => true,
        Need::Proof => own && (!demo || demo::knows(&check.command)),
        Need::OnRequest => false,
    }
}
