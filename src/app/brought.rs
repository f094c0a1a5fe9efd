//! Answers of checks that were taken where the gateway is, and are pasted here.

use sha2::Digest;
use sha2::Sha256;

use crate::app::App;
use crate::app::Effect;
use crate::app::Overlay;
use crate::app::page::Row;
use crate::change::Act;
use crate::openclaw::command::Gateway;
use crate::openclaw::errand;
use crate::openclaw::errand::Kind;
use crate::openclaw::errand::Pasteable;
use crate::openclaw::errand::Summed;
use crate::openclaw::errand::parcel;
use crate::openclaw::errand::parcel::Pasted;
use crate::openclaw::finding::Outcome;
use crate::openclaw::witness::Asked;
use crate::runbook::Check;
use crate::verdict::Run;
use crate::verdict::brought::Arrival;
use crate::verdict::brought::Journey;
use crate::verdict::brought::Taken;

/// What is named where another answer has its file.
const PASTE: &str = "a paste";

/// What is said of a check whose answer cannot be brought.
const NOT_PASTED: &str = "what this check says is not pasted; it is run by Portcullis where the \
    gateway is, or a accepts that it stays unmeasured";

/// What is said once something was put on the clipboard.
pub(super) const COPIED: &str = "Copied to the terminal's clipboard, where the terminal allows it";

impl App {
    /// Returns the check under the cursor, the one that proves the item there, or the one whose
    /// output is open.
    pub(super) fn check_here(&self) -> Option<&Check> {
        match (&self.overlay, self.row()) {
            (Some(Overlay::Output { check, .. }), _) => self.runbook.check(check),
            (None, Some(Row::Check(index))) => self.runbook.checks.get(index),
            (None, Some(Row::Item(id))) => {
                self.runbook.check(self.runbook.item(&id)?.run.as_deref()?)
            }
            _ => None,
        }
    }

    /// Returns the host the gateway is on, where it is not this one.
    #[must_use]
    pub fn other_host(&self) -> Option<&str> {
        self.gateway.elsewhere.as_deref()
    }

    /// Returns what to run where the gateway is, whose output can be pasted here; none for a
    /// check that only a program here can make.
    #[must_use]
    pub fn errand(&self, check: &Check) -> Option<Pasteable> {
        let config = self.live.config();
        if self.other_host().is_none() {
            let files = config.map(|config| config.files.as_slice()).unwrap_or_default();
            let files: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
            if files.is_empty() {
                return None;
            }
            return errand::pasteable(&check.command, &self.gateway, Summed::Here(&files));
        }
        let files = config.map(|config| config.sums.as_slice()).unwrap_or_default();
        let below = |name: &&String| !name.starts_with('/');
        let files = files.iter().skip(1).map(|(name, _)| name).filter(below).cloned();
        // As it is run there, where our copy of the config is not.
        let there = Gateway {
            program: "openclaw".to_owned(),
            profile: self.gateway.profile.clone(),
            port: self.gateway.port,
            ..Gateway::default()
        };
        errand::pasteable(&check.command, &there, Summed::There(&files.collect::<Vec<_>>()))
    }

    /// Puts that line on the terminal's clipboard.
    pub(super) fn copy_errand(&mut self, check: &Check) -> Vec<Effect> {
        let Some(errand) = self.errand(check) else {
            self.refuse(NOT_PASTED);
            return Vec::new();
        };
        let sums = self.live.config().map(|config| config.sums.as_slice()).unwrap_or_default();
        let outside = sums.iter().find(|(name, _)| name.starts_with('/'));
        let said = match outside.filter(|_| self.other_host().is_some()) {
            None => "run it there, paste here what it prints".to_owned(),
            Some((name, _)) => format!(
                "what it prints will not count, for the config includes `{name}` from outside its \
                 folder, of which it cannot tell the path there"
            ),
        };
        self.say(format!("{COPIED}: {said}"));
        vec![Effect::Copy(errand.line)]
    }

    /// Takes the pasted answer of a check.
    ///
    /// It counts as one that was run here where it says by itself when it was taken and of which
    /// config. What cannot be read is not kept, and what was known stays.
    pub(super) fn check_pasted(&mut self, check: &Check, text: &str) -> Vec<Effect> {
        if self.target.demo {
            self.refuse("this is the sample gateway: it takes nothing from elsewhere");
            return Vec::new();
        }
        let Some(errand) = self.errand(check) else {
            self.refuse(NOT_PASTED);
            return Vec::new();
        };
        let pasted = match Pasted::parse(text) {
            Ok(pasted) => pasted,
            Err(why) => {
                self.refuse(format!("It is not kept: {why}"));
                return Vec::new();
            }
        };
        if let Some(name) = pasted.name.as_ref().filter(|name| *name != errand.name) {
            let why = format!("It is not kept: it is the answer of `{name}`, not of this check");
            self.refuse(why);
            return Vec::new();
        }
        let sums = self.live.config().map(|config| config.sums.as_slice()).unwrap_or_default();
        let journey = Journey {
            runbook: &self.runbook,
            host: &self.target.host,
            digest: self.live.digest(),
            asked: Asked { port: self.gateway.port, ..Asked::about(self.live.facts()) },
            span: pasted.span,
            untied: match pasted.name {
                Some(_) => parcel::tied(&pasted.sums, sums).err(),
                None => Some("nothing above it names the command that printed it".to_owned()),
            },
            now: self.now,
        };
        let answer = self.live.mask().text(&pasted.text);
        let sha256 = format!("{:x}", Sha256::digest(text.as_bytes()));
        let arrival = Arrival {
            kind: Kind::OpenClaw(errand.name),
            line: &errand.command,
            file: PASTE,
            sha256: &sha256,
            written: None,
            text: &answer,
        };
        let Some(Taken::Kept(run)) = journey.taken(&arrival) else {
            self.refuse("It is not kept, for it is no answer");
            return Vec::new();
        };
        // Of this config and just now it is news, be it that nothing answers.
        let counts = journey.why_not(&run).is_none();
        if let (Outcome::Unmeasured { why, partial: None }, false) = (&run.outcome, counts) {
            let why = format!("It is not kept, for it cannot be read: {why}");
            self.refuse(why);
            return Vec::new();
        }
        let known = self.answers.runs.get(&check.id);
        if known.is_some_and(|known| journey.is_better(known, &run)) {
            self.refuse("It is not kept: a newer answer is known, or one that counts");
            return Vec::new();
        }
        // A slip of the hand, such as the answer of another check, does not undo what is measured.
        let loses = known.is_some_and(Run::is_measured) && !counts;
        if let (Some(why), true) = (run.why(), loses) {
            let why = format!("It is not kept, for it measures nothing and another did: {why}");
            self.refuse(why);
            return Vec::new();
        }
        let why_not = match run.why() {
            Some(why) => Some(format!("Kept, but it measured nothing: {why}")),
            None => journey.why_not(&run).map(|why| format!("Kept, but it does not count: {why}")),
        };
        let effects = self.act(Act::Ran(run));
        if effects.is_empty() {
            return effects;
        }
        match why_not {
            Some(why) => self.refuse(why),
            None => self.say(format!("Kept as taken on {}", self.target.host)),
        }
        effects
    }
}
