//! The record for people: one page that can be read aloud.

use std::fmt::Write;

use crate::change::Settled;
use crate::openclaw::exposure;
use crate::openclaw::patch;
use crate::openclaw::tailor::Tailored;
use crate::record::Outcome;
use crate::record::Sealing;
use crate::record::Signing;
use crate::record::sshsig;
use crate::runbook::Item;
use crate::text::Shown;
use crate::verdict::Evidence;
use crate::verdict::Kind;
use crate::verdict::Run;

/// The page, but for what it says of its signature.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Page {
    title: String,
    body: String,
}

impl Page {
    /// Returns the page, saying whether the record is signed.
    pub(super) fn text(&self, signing: Signing) -> String {
        let said = match signing {
            Signing::Signed => format!(
                "Signed: `record.json.sig` holds the signature. To check it without this program:\n\n\
                 ```\nssh-keygen -Y check-novalidate -n {} -s record.json.sig < record.json\n```",
                sshsig::RECORD
            ),
            Signing::Unsigned => "**UNSIGNED.** No key vouches for this record: whoever can write \
                                  to its folder can change it."
                .to_owned(),
        };
        format!("{}{said}\n\n{}", self.title, self.body)
    }
}

/// Writes the page.
pub(super) fn write(sealing: &Sealing<'_>, outcome: Outcome) -> Page {
    let mut title = String::new();
    self::title(&mut title, sealing, outcome);
    let mut page = String::new();
    head(&mut page, sealing);
    blockers(&mut page, sealing);
    exposure(&mut page, sealing);
    inventory(&mut page, sealing);
    checks(&mut page, sealing);
    items(&mut page, sealing);
    residuals(&mut page, sealing);
    acknowledged(&mut page, sealing);
    applied(&mut page, sealing);
    plan(&mut page, sealing);
    way_back(&mut page, sealing);
    Page { title, body: page }
}

/// Adds a line. Writing into a string cannot fail.
macro_rules! line {
    ($page:expr) => { $page.push('\n') };
    ($page:expr, $($format:tt)*) => {{
        let _ = writeln!($page, $($format)*);
    }};
}

fn safe(text: &str) -> String {
    Shown::line(text).to_string().replace('|', "\\|").replace('<', "&lt;")
}

fn title(page: &mut String, sealing: &Sealing<'_>, outcome: Outcome) {
    line!(page, "# {}: {}", sealing.runbook.title, outcome.word());
    line!(page);
    if sealing.target.demo {
        line!(page, "**DEMO.** This record is about the sample gateway, not about a real one.");
        line!(page);
    }
}

fn head(page: &mut String, sealing: &Sealing<'_>) {
    let target = sealing.target;
    line!(page, "- Who: {}", safe(sealing.operator));
    line!(page, "- When: {}", sealing.now.format("%Y-%m-%d %H:%M:%S %:z"));
    line!(
        page,
        "- Gateway: {} on {}, user {}",
        safe(&target.config),
        safe(&target.host),
        safe(&target.user)
    );
    let version = sealing.gateway.version.as_deref().unwrap_or("installed version not known");
    line!(page, "- OpenClaw: {}", safe(version));
    let revision = &sealing.runbook.revision;
    line!(page, "- Runbook: {} revision {revision}", safe(&sealing.runbook.id));
    match &sealing.answers.choice {
        None => line!(page, "- Pattern: none chosen"),
        Some(choice) => {
            let pattern = sealing.runbook.pattern(&choice.pattern);
            let title = pattern.map_or(choice.pattern.as_str(), |pattern| &pattern.title);
            line!(page, "- Pattern: {}, because: {}", safe(title), safe(&choice.reason));
        }
    }
    line!(page);
}

fn blockers(page: &mut String, sealing: &Sealing<'_>) {
    if sealing.blockers.is_empty() {
        return;
    }
    line!(page, "## What blocks");
    line!(page);
    for blocker in sealing.blockers {
        line!(page, "- {}", safe(&blocker.line(sealing.runbook, sealing.review)));
    }
    line!(page);
}

fn exposure(page: &mut String, sealing: &Sealing<'_>) {
    line!(page, "## What is exposed");
    line!(page);
    match sealing.facts {
        None => line!(page, "The config could not be read, so none of this is known."),
        Some(facts) => {
            let titles = [
                "Who can reach it",
                "How they are authenticated",
                "Agents they can trigger",
                "Tools those agents have",
            ];
            for (title, sentence) in
                titles.iter().zip(exposure::sentences(facts, &sealing.review.beyond))
            {
                line!(page, "- {title}: {}", safe(&sentence));
            }
        }
    }
    line!(page);
}

fn inventory(page: &mut String, sealing: &Sealing<'_>) {
    line!(page, "## Inventory");
    line!(page);
    for entry in &sealing.runbook.inventory {
        match sealing.answers.inventory.get(&entry.id) {
            None => line!(page, "- {}: not confirmed", safe(&entry.title)),
            Some((recorded, at)) => {
                let edited = if recorded.edited { " (as written by the operator)" } else { "" };
                let title = safe(&entry.title);
                line!(page, "- {title}: {}{edited}", safe(&recorded.value));
                let now = patch::found(entry, sealing.facts);
                if sealing.facts.is_some() && now != recorded.found {
                    let at = at.format("%H:%M");
                    line!(
                        page,
                        "  - recorded at {at}; when sealed, this was found: {}",
                        safe(&now)
                    );
                }
            }
        }
    }
    line!(page);
}

fn checked(run: &Run) -> String {
    let why = run.why().map(|why| format!(": {}", safe(why))).unwrap_or_default();
    let at = run.at.format("%Y-%m-%d %H:%M:%S %:z");
    let from = run.vantage().map(|from| format!(", {}", safe(&from))).unwrap_or_default();
    format!(
        "- {}: {}{why} ({at}, {}{from}, output sha256 {}): `{}`",
        safe(&run.check),
        run.outcome_word(),
        safe(&run.ended),
        run.output_sha256,
        Shown::line(&run.command).as_str().replace('`', "'")
    )
}

fn checks(page: &mut String, sealing: &Sealing<'_>) {
    line!(page, "## Checks");
    line!(page);
    for check in &sealing.runbook.checks {
        match sealing.answers.runs.get(&check.id) {
            None => line!(page, "- {}: not run", safe(&check.id)),
            Some(run) => {
                line!(page, "{}", checked(run));
            }
        }
    }
    for run in super::beside(sealing) {
        line!(page, "{}", checked(run));
    }
    line!(page);
    for state in &sealing.review.findings {
        let settled = match &state.settled {
            Settled::Informs => "informs".to_owned(),
            Settled::Open(_) => "OPEN".to_owned(),
            Settled::Accepted(residual) => format!("accepted until {}", residual.expires),
        };
        let severity = format!("{:?}", state.finding.severity).to_lowercase();
        let hidden =
            if state.finding.suppressed { ", hidden by the config: no owner, no end" } else { "" };
        line!(
            page,
            "- {severity} `{}`: {} — {settled}{hidden}",
            safe(&state.finding.check_id),
            safe(&state.finding.title)
        );
    }
    line!(page);
}

fn items(page: &mut String, sealing: &Sealing<'_>) {
    line!(page, "## Items");
    line!(page);
    line!(page, "| verdict | item | backed by |");
    line!(page, "|---|---|---|");
    let pattern = sealing.answers.choice.as_ref().map(|choice| choice.pattern.as_str());
    for item in sealing.review.required(sealing.runbook, pattern) {
        line!(
            page,
            "| {} | {} | {} |",
            sealing.review.verdict(&item.id).word(),
            safe(&item.statement),
            backing(sealing, item)
        );
    }
    line!(page);
}

fn backing(sealing: &Sealing<'_>, item: &Item) -> String {
    let Some(judged) = sealing.review.items.get(&item.id) else { return String::new() };
    if let Some(because) = &judged.because {
        return safe(because);
    }
    let words = judged.evidence.iter().filter(|evidence| evidence.kind == Kind::Statement);
    let rest = judged.evidence.iter().filter(|evidence| evidence.kind != Kind::Statement);
    let all: Vec<&Evidence> = words.chain(rest).collect();
    let mut said: Vec<String> = all.iter().take(BACKING).map(|evidence| one(evidence)).collect();
    if all.len() > BACKING {
        said.push(format!("and {} more in record.json", all.len() - BACKING));
    }
    said.join("; ")
}

/// How many pieces of evidence stand beside an item; record.json has all of them.
const BACKING: usize = 6;

fn one(evidence: &Evidence) -> String {
    let place =
        if evidence.place.is_empty() { String::new() } else { format!(" ({})", evidence.place) };
    if evidence.kind == Kind::Statement {
        return safe(&format!("{}{place}: {}", evidence.about, evidence.says));
    }
    let subject = evidence.subject.as_ref().map(|s| format!("{s} ")).unwrap_or_default();
    let about = match evidence.about.as_str() {
        "audit.warn" => "audit warnings not accepted",
        "audit.critical" => "audit criticals not accepted",
        about => about,
    };
    safe(&format!("{subject}{about} = {}{place}", evidence.says))
}

fn residuals(page: &mut String, sealing: &Sealing<'_>) {
    line!(page, "## Accepted residuals");
    line!(page);
    if sealing.answers.residuals.is_empty() {
        line!(page, "None.");
    }
    for residual in sealing.answers.residuals.values() {
        line!(
            page,
            "- `{}`: {} — {} until {}",
            safe(&residual.subject),
            safe(&residual.reason),
            safe(&residual.owner),
            residual.expires
        );
    }
    line!(page);
}

fn acknowledged(page: &mut String, sealing: &Sealing<'_>) {
    for note in sealing.runbook.notes.iter().filter(|note| note.acknowledge) {
        if let Some(word) = sealing.answers.words.get(&note.id) {
            let at = word.at.format("%Y-%m-%d %H:%M %:z");
            line!(page, "Acknowledged by {} ({at}): {}", safe(&word.who), safe(&note.text));
            line!(page);
        }
    }
}

fn applied(page: &mut String, sealing: &Sealing<'_>) {
    if sealing.answers.applied.is_empty() {
        return;
    }
    line!(page, "## Applied moves");
    line!(page);
    line!(
        page,
        "Each through OpenClaw's own writer, after a backup. Their patches are in `change.json5`."
    );
    line!(page);
    let live = sealing.config.map_or("", |config| config.digest.as_str());
    for (item, applied) in &sealing.answers.applied {
        let done = &applied.done;
        let became = if done.is_undone(live) { "undone since" } else { done.said() };
        let at = done.at.format("%Y-%m-%d %H:%M %:z");
        let says = safe(&applied.planned.says);
        line!(page, "- {says} (for `{}`), {at}: {became}", safe(item));
        for widens in &done.widens {
            line!(page, "  - widened: {}", safe(widens));
        }
    }
    line!(page);
}

fn plan(page: &mut String, sealing: &Sealing<'_>) {
    if sealing.answers.plan.is_empty() {
        return;
    }
    line!(page, "## Planned moves");
    line!(page);
    line!(page, "These were not applied by this program. Their patches are in `change.json5`.");
    line!(page);
    for (item, planned) in &sealing.answers.plan {
        line!(page, "- {} (for `{}`)", safe(&planned.says), safe(item));
    }
    line!(page);
}

fn way_back(page: &mut String, sealing: &Sealing<'_>) {
    line!(page, "## The way back");
    line!(page);
    line!(page, "`rollback.json5` beside this file; {}.", sealing.review.rehearsed.said());
    for what in super::left_open(sealing).unwrap_or_default() {
        line!(page);
        line!(page, "It leaves open: {}", safe(&what));
    }
    let fitted = super::way_back(sealing);
    let parts = fitted.iter().flat_map(|fitted| &fitted.parts).map(|part| part.by_writer);
    let parts: Vec<bool> = parts.collect();
    let name = |at| Tailored::file_name("rollback.json5", at);
    line!(page);
    line!(page, "```");
    for (at, _) in parts.iter().enumerate().filter(|(_, by_writer)| **by_writer) {
        line!(page, "openclaw config patch --file {} --dry-run", name(at));
        line!(page, "openclaw config patch --file {}", name(at));
    }
    if parts.is_empty() {
        line!(page, "openclaw config patch --file rollback.json5 --dry-run");
        line!(page, "openclaw config patch --file rollback.json5");
    }
    line!(page, "```");
    for (at, _) in parts.iter().enumerate().filter(|(_, by_writer)| !**by_writer) {
        line!(page);
        line!(page, "By hand, as it says: `{}`", name(at));
    }
}
