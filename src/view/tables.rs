//! The inventory's facts and its tables of channels and agents.

use ratatui::style::Style;

use crate::openclaw::fact;
use crate::openclaw::fact::Fact;
use crate::openclaw::fact::Origin;
use crate::openclaw::fact::State;
use crate::openclaw::fact::Subject;
use crate::openclaw::facts::Facts;
use crate::runbook::Each;
use crate::runbook::Entry;
use crate::runbook::Table;
use crate::verdict;
use crate::view::prose::Prose;
use crate::view::theme::Theme;

/// How many rows a table lists one by one.
const LISTED: usize = 60;

/// Lists the gateway's facts that fill an entry, each with where it comes from.
pub(super) fn facts(theme: Theme, facts: &Facts, entry: &Entry, prose: &mut Prose) {
    for path in &entry.facts {
        let about = facts.facts.iter().filter(|fact| fact.path == *path);
        let asked = |fact: &&Fact| fact.state != State::Unset || !fact.path.starts_with("host.");
        for fact in about.filter(|fact| fact.subject == Subject::Gateway).filter(asked) {
            let name = fact::label(path);
            let style = if fact.state == State::Hidden { theme.waiting() } else { Style::new() };
            let place = place(fact);
            let lead = format!("{name}: ");
            prose.with_right(&lead, theme.quiet(), &fact.said(), style, &place, theme.quiet());
        }
    }
}

/// Writes one row an account or an agent.
pub(super) fn table(theme: Theme, facts: &Facts, table: Table, prose: &mut Prose) {
    let (each, none) = match table {
        Table::Accounts => (Each::Account, "No channel is configured and enabled."),
        Table::Agents => (Each::Agent, "No agent is configured."),
    };
    let all = facts.subjects(each).count();
    if all == 0 {
        prose.add(none, theme.quiet());
    }
    for subject in facts.subjects(each).take(LISTED) {
        prose.add(&subject.to_string(), theme.heading());
        let cells = match table {
            Table::Accounts => ACCOUNT,
            Table::Agents => AGENT,
        };
        for (name, path) in cells {
            let fact = facts.get(subject, path);
            let inherited = fact.and_then(|fact| fact.inherited_from.as_deref());
            let style = if inherited.is_some() { theme.quiet() } else { Style::new() };
            let place = match (inherited, fact) {
                (Some(from), _) => format!("from {from}"),
                (None, Some(fact)) => place(fact),
                (None, None) => String::new(),
            };
            let lead = format!("  {name:<10}");
            prose.with_right(
                &lead,
                theme.quiet(),
                &fact.map_or_else(|| "unknown".to_owned(), Fact::said),
                style,
                &place,
                theme.quiet(),
            );
        }
    }
    if all > LISTED {
        prose.add(&format!("… and {} more", all - LISTED), theme.quiet());
    }
}

const ACCOUNT: &[(&str, &str)] = &[
    ("DMs", "config.account.dm.policy"),
    ("from", "config.account.dm.senders"),
    ("groups", "config.account.group.policy"),
    ("mention", "config.account.group.mention"),
    ("webhooks", "config.account.webhooks"),
    ("agents", "config.account.agents"),
];

const AGENT: &[(&str, &str)] = &[
    ("reachable", "config.agent.reachable"),
    ("profile", "config.agent.profile"),
    ("exec", "config.agent.exec.mode"),
    ("sandbox", "config.agent.sandbox.mode"),
    ("elevated", "config.agent.elevated.usable"),
    ("risky", "config.agent.tools.dangerous"),
    ("secrets", "config.agent.credentials"),
];

/// Says where a fact comes from; what follows from others beside it goes without saying.
fn place(fact: &Fact) -> String {
    match fact.origin {
        Origin::Derived(_) => String::new(),
        Origin::File { .. } | Origin::Default | Origin::Env(_) | Origin::Host(_) => {
            verdict::place(&fact.origin)
        }
    }
}
