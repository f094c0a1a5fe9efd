//! Running checks from the wizard: consent, a queue as wide as the machine, late results dropped.

use std::collections::VecDeque;

use chrono::DateTime;
use chrono::FixedOffset;

use crate::app::App;
use crate::app::Effect;
use crate::app::Overlay;
use crate::change::Act;
use crate::openclaw::command;
use crate::openclaw::command::Ended;
use crate::openclaw::patch;
use crate::runbook::Need;
use crate::verdict::Run;
use crate::verdict::Started;

/// What the id of a move's rehearsal begins with, before the item.
pub const MOVE: &str = "move.";

/// Tells one run of a command from every other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunId(pub u64);

/// How many of the newest lines of a running check are kept for the screen.
const TAIL: usize = 200;

/// A check on its way.
#[derive(Clone, Debug, PartialEq)]
pub enum InFlight {
    /// Waiting for a free core.
    Waiting,
    /// Running.
    Running {
        /// Which run.
        run: RunId,
        /// Since when.
        since: DateTime<FixedOffset>,
        /// The command line, secrets left out.
        command: String,
        /// The newest lines of output.
        lines: VecDeque<String>,
        /// Digest of the config when it started.
        config_digest: String,
    },
}

impl InFlight {
    /// Returns the run, once it has started.
    #[must_use]
    pub fn run(&self) -> Option<RunId> {
        match self {
            Self::Waiting => None,
            Self::Running { run, .. } => Some(*run),
        }
    }
}

impl App {
    /// Asks for the checks that are not measured to run.
    pub(super) fn ask_to_run(&mut self) -> Vec<Effect> {
        let all = self.unmeasured();
        if all.is_empty() {
            self.say("Every check is measured; r on a check runs it again".to_owned());
        }
        self.ask(all)
    }

    /// Runs one check.
    pub(super) fn run_check(&mut self, check: &str) -> Vec<Effect> {
        self.ask(vec![check.to_owned()])
    }

    /// Runs checks; shows first what those may write that were not agreed to yet.
    fn ask(&mut self, checks: Vec<String>) -> Vec<Effect> {
        if let Some(host) = self.other_host() {
            let checks = checks.iter().filter_map(|check| self.runbook.check(check));
            let pasted = checks.into_iter().any(|check| self.errand(check).is_some());
            let why = if pasted {
                format!(
                    "nothing runs here: the gateway is on {host}; c copies what to run there, then \
                     paste what it prints"
                )
            } else {
                format!(
                    "nothing runs here: the gateway is on {host}, and this is not brought; run \
                     Portcullis there, or accept with a what stays unmeasured"
                )
            };
            self.refuse(why);
            return Vec::new();
        }
        if checks.iter().all(|check| self.consented.contains(check)) {
            return self.queue(checks);
        }
        self.overlay = Some(Overlay::Consent { checks, scroll: 0 });
        Vec::new()
    }

    /// Agrees to what the checks may write, and starts them.
    pub(super) fn consent(&mut self, checks: Vec<String>) -> Vec<Effect> {
        self.consented.extend(checks.iter().cloned());
        if let [one] = checks.as_slice()
            && let Some(item) = one.strip_prefix(MOVE)
        {
            return self.start_move(item);
        }
        self.queue(checks)
    }

    /// Rehearses a planned move; shows first what that may write.
    pub(super) fn rehearse_move(&mut self, index: usize) -> Vec<Effect> {
        let Some((item, planned)) = self.answers.plan.get(index) else { return Vec::new() };
        if planned.patch.as_object().is_none_or(serde_json::Map::is_empty) {
            self.refuse("nothing of it is in the config, so there is nothing to rehearse");
            return Vec::new();
        }
        if self.target.demo {
            self.refuse("this is the sample gateway: there is no OpenClaw to rehearse with");
            return Vec::new();
        }
        let id = format!("{MOVE}{item}");
        if self.consented.contains(&id) {
            let item = item.clone();
            return self.start_move(&item);
        }
        self.ask(vec![id])
    }

    fn start_move(&mut self, item: &str) -> Vec<Effect> {
        let id = format!("{MOVE}{item}");
        let planned = self.answers.plan.iter().find(|(planned, _)| planned == item);
        let Some(text) = planned.map(|(_, planned)| patch::pretty(&planned.patch)) else {
            return Vec::new();
        };
        if self.in_flight.contains_key(&id) {
            return Vec::new();
        }
        let command = command::rehearse("PATCH", &self.gateway).display();
        let run = self.begin(id, command);
        vec![Effect::Rehearse(run, text)]
    }

    /// Returns the rehearsal of a planned move, where there was one.
    #[must_use]
    pub fn predicted(&self, item: &str) -> Option<&Run> {
        self.answers.runs.get(&format!("{MOVE}{item}"))
    }

    /// Returns the required checks that have no run that counts.
    fn unmeasured(&self) -> Vec<String> {
        let measured = |id: &str| {
            let run = self.answers.runs.get(id);
            run.is_some_and(|run| run.is_measured() && run.counts(self.live.digest(), self.now))
        };
        let checks = self.runbook.checks.iter().filter(|check| check.need == Need::Required);
        checks.filter(|check| !measured(&check.id)).map(|check| check.id.clone()).collect()
    }

    /// Returns the commands of checks, for the operator to agree to.
    #[must_use]
    pub fn commands(&self, checks: &[String]) -> Vec<command::Command> {
        let command = |id: &String| match id.strip_prefix(MOVE) {
            Some(_) => Some(command::rehearse("PATCH", &self.gateway)),
            None => command::command(&self.runbook.check(id)?.command, &self.gateway),
        };
        checks.iter().filter_map(command).collect()
    }

    fn queue(&mut self, checks: Vec<String>) -> Vec<Effect> {
        for check in checks {
            self.in_flight.entry(check).or_insert(InFlight::Waiting);
        }
        self.start_waiting()
    }

    /// Starts as many waiting checks as there are free cores, in the order of the runbook.
    fn start_waiting(&mut self) -> Vec<Effect> {
        let mut effects = Vec::new();
        let running = self.in_flight.values().filter(|flight| flight.run().is_some()).count();
        let mut free = self.cores.saturating_sub(running);
        let checks: Vec<(String, String)> = (self.runbook.checks.iter())
            .map(|check| (check.id.clone(), check.command.clone()))
            .collect();
        for (check, name) in checks {
            if free == 0 || self.in_flight.get(&check) != Some(&InFlight::Waiting) {
                continue;
            }
            let Some(command) = command::command(&name, &self.gateway) else {
                self.in_flight.remove(&check);
                self.refuse(format!("the check `{check}` runs `{name}`, which is not known here"));
                continue;
            };
            free -= 1;
            let run = self.begin(check, command.display());
            effects.push(Effect::Run(run, Box::new(command)));
        }
        effects
    }

    /// Puts down that something runs from now on.
    pub(super) fn begin(&mut self, id: String, command: String) -> RunId {
        let run = RunId(self.next_run);
        self.next_run += 1;
        let flight = InFlight::Running {
            run,
            since: self.now,
            command,
            lines: VecDeque::new(),
            config_digest: self.live.digest().to_owned(),
        };
        self.in_flight.insert(id, flight);
        run
    }

    /// Stops a check; its end comes as a message.
    pub(super) fn cancel(&mut self, check: &str) -> Vec<Effect> {
        match self.in_flight.get(check) {
            None => {
                self.refuse("nothing runs here that could be stopped");
                Vec::new()
            }
            Some(InFlight::Waiting) => {
                self.in_flight.remove(check);
                Vec::new()
            }
            Some(InFlight::Running { run, .. }) => vec![Effect::Cancel(*run)],
        }
    }

    pub(super) fn line(&mut self, id: RunId, line: String) {
        let flights = self.in_flight.values_mut();
        for flight in flights {
            if let InFlight::Running { run, lines, .. } = flight
                && *run == id
            {
                lines.push_back(line);
                if lines.len() > TAIL {
                    lines.pop_front();
                }
                return;
            }
        }
    }

    /// Takes the end of a run. A run nobody waits for any more is dropped.
    pub(super) fn ended(&mut self, id: RunId, ended: &Ended) -> Vec<Effect> {
        let found = self.in_flight.iter().find(|(_, flight)| flight.run() == Some(id));
        let Some(check) = found.map(|(check, _)| check.clone()) else { return Vec::new() };
        let Some(InFlight::Running { since, command, config_digest, .. }) =
            self.in_flight.remove(&check)
        else {
            return Vec::new();
        };
        if let Some(mut effects) = self.card_ended(&check, ended, &config_digest) {
            effects.extend(self.start_waiting());
            return effects;
        }
        let name = match check.strip_prefix(MOVE) {
            Some(_) => "move",
            None => self.runbook.check(&check).map_or("", |check| check.command.as_str()),
        };
        let started = Started { check: &check, name, at: since, command, config_digest };
        let run = Run::of(started, ended);
        let mut effects = self.act(Act::Ran(Box::new(run)));
        effects.extend(self.start_waiting());
        effects.push(Effect::Look);
        effects
    }
}
