//! The resolved exposure: what the live config means today, subject by subject.

mod accounts;
mod agents;
mod auth;
mod channels;
mod dialect;
mod elevated;
mod entry;
pub(crate) mod exec;
mod flags;
mod found;
mod gateway;
mod hooks;
mod host;
pub mod key;
mod pairing;
mod reading;
mod rooms;
mod routes;
mod sandbox;
mod service;
mod tools;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;
use std::mem;
use std::ops::Range;

use serde::Serialize;
use serde_json::Value;

pub use crate::openclaw::facts::entry::Entry;
pub use crate::openclaw::facts::entry::Secret;

use crate::openclaw::config::Config;
use crate::openclaw::fact::Fact;
use crate::openclaw::fact::PATHS;
use crate::openclaw::fact::Subject;
use crate::openclaw::facts::accounts::Known;
use crate::openclaw::facts::found::Found;
use crate::openclaw::facts::found::Sheet;
use crate::openclaw::facts::reading::Reading;
use crate::openclaw::facts::routes::Routes;
use crate::runbook::Each;
use crate::text::Mask;

pub use crate::openclaw::facts::gateway::is_wide;
pub use crate::openclaw::facts::pairing::Approvals;
pub use crate::openclaw::facts::pairing::Device;
pub use crate::openclaw::facts::pairing::Pairing;
pub use crate::openclaw::facts::pairing::Sender;
pub use crate::openclaw::facts::service::ALWAYS;
pub use crate::openclaw::facts::service::Service;
pub use crate::openclaw::facts::service::Variable;

/// What is known beside the config: the environment and the host.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct World {
    /// Environment variables visible here: ours, then those of `<state>/.env`; by name.
    pub environment: BTreeMap<String, String>,
    /// The host's name.
    pub host: String,
    /// The OS user.
    pub user: String,
    /// The state directory.
    pub state_dir: String,
    /// The port of a gateway whose config names none, which the profile decides; 0 for the usual.
    pub default_port: u16,
    /// Whether this is a container, where it can be told.
    pub container: Option<bool>,
    /// Addresses that something listens on at the gateway's port; none where it cannot be told.
    pub listeners: Option<Vec<String>>,
    /// The mode bits of the config file.
    pub config_mode: Option<u32>,
    /// The mode bits of the state directory.
    pub state_mode: Option<u32>,
    /// Copies of the config beside it; none where nobody looked.
    pub backups: Option<Vec<String>>,
    /// Whether docker or podman is on the path.
    pub sandbox_backend: Option<bool>,
    /// The environment of the gateway's own service; none where it cannot be seen.
    pub service: Option<Service>,
    /// Who was let in by approval; none where nobody looked.
    pub pairing: Option<Pairing>,
}

/// Everything that is known about a gateway's exposure.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Facts {
    /// Every subject, in the order of the config.
    pub subjects: Vec<Subject>,
    /// Every fact, subject by subject.
    pub facts: Vec<Fact>,
    /// Where the facts of a subject stand.
    #[serde(skip)]
    index: HashMap<Subject, Range<usize>>,
}

/// Returns a config in today's dialect, and what was said in older words with what it meant.
#[must_use]
pub fn in_todays_words(config: &Config) -> (Value, Vec<String>) {
    let today = dialect::today(&config.value);
    (today.value.into_owned(), today.migration)
}

impl Facts {
    /// Works out what a config means.
    #[must_use]
    pub fn resolve(config: &Config, world: &World) -> Self {
        Self::resolve_masked(config, world, &config.mask())
    }

    /// Works out what a config means, given the mask over its secrets, which is dear to make.
    pub(crate) fn resolve_masked(config: &Config, world: &World, mask: &Mask) -> Self {
        let reading = Reading::new(config, world, mask);
        let accounts = channels::accounts(&reading);
        let mut sheet = Sheet::new(Subject::Gateway);
        let loopback_only = gateway::put(&mut sheet, &reading);
        let proxied = !reading.items(&["gateway", "trustedProxies"]).is_empty();
        let exposed = loopback_only != Some(true) || proxied;
        let routes = routes::routes(&reading, &accounts, exposed);
        let order = PATHS.iter().enumerate().map(|(at, path)| (path.name, at)).collect();
        let mut facts = Self::default();
        let known = accounts.iter().zip(&routes.by_account).map(|(account, agents)| {
            let mut known = accounts::known(&reading, account, agents);
            for sheet in mem::take(&mut known.sheets) {
                facts.add(sheet, &order);
            }
            known
        });
        let known: Vec<Known> = known.collect();
        hooks::put(&mut sheet, &reading);
        gateway::sessions(&mut sheet, &reading);
        overall(&mut sheet, &reading, &routes);
        people(&mut sheet, &reading, &accounts, &known);
        host::put(&mut sheet, &reading);
        pairing::put_all(&mut sheet, &reading);
        let everyones = agents::credentials(&reading);
        facts.add_first(sheet, &order);
        let mut add = |sheet| facts.add(sheet, &order);
        for agent in &routes.agents {
            let reachable = routes.reachable.contains(agent.id);
            add(agents::sheet(&reading, agent, reachable, &everyones));
        }
        for (account, agents) in accounts.iter().zip(&routes.by_account) {
            for agent in agents {
                add(Sheet::new(Subject::Route {
                    channel: account.channel.to_owned(),
                    account: account.id.to_owned(),
                    agent: (*agent).to_owned(),
                }));
            }
        }
        facts
    }

    /// Puts a sheet before those of the accounts, which it sums up.
    fn add_first(&mut self, sheet: Sheet, order: &HashMap<&str, usize>) {
        let mut first = Self::default();
        first.add(sheet, order);
        let moved = first.facts.len();
        for range in self.index.values_mut() {
            *range = range.start + moved..range.end + moved;
        }
        self.index.extend(first.index);
        self.facts.splice(0..0, first.facts);
        self.subjects.splice(0..0, first.subjects);
    }

    fn add(&mut self, sheet: Sheet, order: &HashMap<&str, usize>) {
        let (subject, mut facts) = sheet.into_parts();
        facts.sort_by_cached_key(|fact| order.get(fact.path));
        let from = self.facts.len();
        self.facts.append(&mut facts);
        if self.facts.len() > from {
            self.index.insert(subject.clone(), from..self.facts.len());
        }
        self.subjects.push(subject);
    }

    /// Lists what a later state of the config means otherwise, one line a fact.
    #[must_use]
    pub fn difference(&self, after: &Self) -> Vec<String> {
        let mut lines = Vec::new();
        for fact in &after.facts {
            let before = self.get(&fact.subject, fact.path);
            if before.map(|before| (&before.value, before.state)) != Some((&fact.value, fact.state))
            {
                let was = before.map_or_else(|| "new".to_owned(), Fact::said);
                lines.push(format!("{}  {}: {was} → {}", fact.subject, fact.path, fact.said()));
            }
        }
        for subject in self.subjects.iter().filter(|subject| !after.subjects.contains(subject)) {
            lines.push(format!("{subject}: gone"));
        }
        lines
    }

    /// Returns the subjects of one kind.
    pub fn subjects(&self, each: Each) -> impl Iterator<Item = &Subject> {
        self.subjects.iter().filter(move |subject| subject.kind() == each)
    }

    /// Returns a fact about exactly this subject.
    #[must_use]
    pub fn get(&self, subject: &Subject, path: &str) -> Option<&Fact> {
        let facts = self.facts.get(self.index.get(subject)?.clone())?;
        facts.iter().find(|fact| fact.path == path)
    }
}

/// Puts the facts that concern the whole config on the gateway's sheet.
fn overall(sheet: &mut Sheet, reading: &Reading<'_>, routes: &Routes<'_>) {
    let channels = match channels::refused(reading) {
        Some(origin) => Found::hidden(origin),
        None => Found::follows(Some(channels::enabled(reading)), &[]),
    };
    sheet.put("config.channels", channels.at(&["channels"]));
    sheet.put("config.allowlists.stars", elevated::stars(reading, &routes.agents));
    let inline = reading.inline.iter().map(|path| {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        reading.safe(&key::write(&path))
    });
    let inline: Vec<String> = inline.collect();
    sheet.put("config.secrets.inline", Found::follows(Some(inline), &[]));
    let own = routes.agents.iter().flat_map(|agent| agents::own_credentials(reading, agent.id));
    let names: Vec<String> = agents::credentials(reading).into_iter().chain(own).collect();
    sheet.put("config.credentials", Found::follows(Some(names), &[]));
    let migration = reading.today.migration.clone();
    sheet.put("config.migration", Found::follows(Some(migration), &[]));
}

/// Puts who can write and post from outside on the gateway's sheet.
fn people(
    sheet: &mut Sheet,
    reading: &Reading<'_>,
    accounts: &[channels::Account<'_>],
    known: &[Known],
) {
    let mut by_channel: HashMap<&str, BTreeSet<&str>> = HashMap::new();
    for (account, known) in accounts.iter().zip(known) {
        let people = known.people.iter().map(String::as_str);
        by_channel.entry(account.channel).or_default().extend(people);
    }
    let several = by_channel.values().any(|people| people.len() > 1);
    let many = if several || known.iter().any(|known| known.shared == Some(true)) {
        Some(true)
    } else {
        known.iter().all(|known| known.shared == Some(false)).then_some(false)
    };
    sheet.put("config.senders.many", Found::follows(many, &["config.account.shared"]));
    let mut webhooks = hooks::surfaces(reading);
    webhooks.extend(known.iter().flat_map(|known| known.webhooks.iter().cloned()));
    sheet.put("config.webhooks", Found::follows(Some(webhooks), &["config.account.webhooks"]));
}

#[cfg(test)]
mod tests;
