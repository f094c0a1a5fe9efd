//! Wider or narrower: what a change of the config does to who gets in and what they can do.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::openclaw::fact;
use crate::openclaw::fact::Fact;
use crate::openclaw::fact::State;
use crate::openclaw::facts::Facts;

/// What a change of the config narrows and what it widens, one sentence each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Breadth {
    /// Who or what is let in less than before.
    pub narrows: Vec<String>,
    /// Who or what is let in more than before.
    pub widens: Vec<String>,
    /// What cannot be told, before or after.
    pub untold: Vec<String>,
}

/// How the values of a fact are ordered.
enum Order {
    /// Words, the narrowest first.
    Words(&'static [&'static str]),
    /// The one word that is wider than all others.
    Word(&'static str),
    /// The wide one of the two.
    Flag(bool),
    /// A list: each further element is wider.
    Longer,
    /// A list: each further element is narrower.
    Shorter,
}

use self::Order::Flag;
use self::Order::Longer;
use self::Order::Shorter;
use self::Order::Word;
use self::Order::Words;

/// The facts by which breadth is told.
const ORDERS: &[(&str, Order)] = &[
    ("config.gateway.bind", Words(&["loopback", "tailnet", "custom", "lan", "auto"])),
    ("config.gateway.tailscale.mode", Words(&["off", "serve", "funnel"])),
    ("config.gateway.auth.mode", Word("none")),
    ("config.gateway.trusted_proxies", Longer),
    ("config.gateway.trusted_proxy.allow_loopback", Flag(true)),
    ("config.gateway.trusted_proxy.device_auto_approve", Flag(true)),
    ("config.gateway.allow_real_ip_fallback", Flag(true)),
    ("config.gateway.control_ui.origin_wildcard", Flag(true)),
    ("config.gateway.control_ui.allowed_origins", Longer),
    ("config.gateway.terminal", Flag(true)),
    ("config.gateway.http_apis", Longer),
    ("config.gateway.http_tools", Longer),
    ("config.gateway.node_commands", Longer),
    ("config.gateway.node_auto_approve", Longer),
    ("config.gateway.dangerous_flags", Longer),
    ("config.discovery.mdns", Words(&["off", "minimal", "full"])),
    ("config.hooks.enabled", Flag(true)),
    ("config.session.dm_isolated", Flag(false)),
    ("config.account.dm.policy", Words(&["disabled", "allowlist", "pairing", "open"])),
    ("config.account.dm.senders", Longer),
    ("config.account.group.policy", Words(&["disabled", "allowlist", "open"])),
    ("config.account.group.senders", Longer),
    ("config.account.group.wildcard", Flag(true)),
    ("config.account.group.mention", Flag(false)),
    ("config.agent.profile", Words(&["minimal", "messaging", "coding", "full"])),
    ("config.agent.tools.deny", Shorter),
    ("config.agent.tools.dangerous", Longer),
    ("config.agent.exec.security", Words(&["deny", "allowlist", "full"])),
    ("config.agent.elevated.usable", Flag(true)),
    ("config.agent.sandbox.mode", Words(&["all", "non-main", "off"])),
    ("config.agent.sandbox.dangerous", Longer),
    ("config.agent.sandbox.binds", Longer),
];

/// Compares what a config means before and after a change.
#[must_use]
pub fn compare(before: &Facts, after: &Facts) -> Breadth {
    let mut breadth = Breadth::default();
    for subject in &before.subjects {
        for (path, order) in ORDERS {
            let (was, is) = (before.get(subject, path), after.get(subject, path));
            match (was, is) {
                (Some(was), Some(is)) => {
                    let open = [is_open(before, was), is_open(after, is)];
                    breadth.weigh(was, is, order, open);
                }
                (Some(_), None) if !after.subjects.contains(subject) => {
                    let line = format!("{subject} is reached no more");
                    if !breadth.narrows.contains(&line) {
                        breadth.narrows.push(line);
                    }
                }
                _ => {}
            }
        }
    }
    for subject in after.subjects.iter().filter(|subject| !before.subjects.contains(subject)) {
        breadth.widens.push(format!("{subject} is new"));
    }
    breadth
}

impl Breadth {
    /// `open` tells whether a policy lets anyone in, whatever its word.
    fn weigh(&mut self, was: &Fact, is: &Fact, order: &Order, open: [bool; 2]) {
        if (&was.value, was.state == State::Hidden) == (&is.value, is.state == State::Hidden) {
            return;
        }
        let line =
            format!("{}, {}: {} → {}", is.subject, fact::label(is.path), was.said(), is.said());
        let [was_open, is_open] = open;
        match (rank(was, order, was_open), rank(is, order, is_open)) {
            (Some(was), Some(is)) if is < was => self.narrows.push(line),
            (Some(was), Some(is)) if is > was => self.widens.push(line),
            (Some(_), Some(_)) => self.listed(was, is, order, line),
            _ => self.untold.push(line),
        }
    }

    /// Tells two lists of one length apart by what is new.
    fn listed(&mut self, was: &Fact, is: &Fact, order: &Order, line: String) {
        let (was, is) = (elements(was), elements(is));
        let new = is.difference(&was).next().is_some();
        let gone = was.difference(&is).next().is_some();
        match (order, new, gone) {
            (Longer, true, _) | (Shorter, false, true) => self.widens.push(line),
            (Longer, false, true) | (Shorter, true, _) => self.narrows.push(line),
            _ => {}
        }
    }
}

/// Tells whether a policy lets anyone in by what stands beside it, such as `*` in an allowlist.
fn is_open(facts: &Facts, policy: &Fact) -> bool {
    let beside = match policy.path {
        "config.account.dm.policy" => "config.account.dm.open",
        "config.account.group.policy" => "config.account.group.open",
        _ => return false,
    };
    let open = facts.get(&policy.subject, beside).and_then(|fact| fact.value.as_ref());
    open == Some(&Value::Bool(true))
}

/// Returns how wide a value is; nothing where it cannot be told.
fn rank(fact: &Fact, order: &Order, open: bool) -> Option<usize> {
    if open {
        return Some(usize::MAX);
    }
    if fact.state == State::Hidden {
        return None;
    }
    let value = fact.value.as_ref();
    match order {
        Words(words) => {
            let word = value?.as_str()?;
            words.iter().position(|known| *known == word)
        }
        Word(wide) => Some(usize::from(value?.as_str()? == *wide)),
        Flag(wide) => Some(usize::from(value?.as_bool()? == *wide)),
        // `*` is wider than any number of names.
        Longer => Some(value.and_then(Value::as_array).map_or(0, |list| {
            let any = list.iter().any(|entry| entry == "*");
            if any { usize::MAX } else { list.len() }
        })),
        Shorter => Some(usize::MAX - value.and_then(Value::as_array).map_or(0, Vec::len)),
    }
}

fn elements(fact: &Fact) -> BTreeSet<String> {
    let list = fact.value.as_ref().and_then(Value::as_array);
    list.into_iter().flatten().map(Value::to_string).collect()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::openclaw::config::Assembled;
    use crate::openclaw::config::FileRead;
    use crate::openclaw::config::Files;
    use crate::openclaw::config::assemble;
    use crate::openclaw::facts::World;

    fn facts(text: &str) -> Facts {
        let path = PathBuf::from("/home/claw/.openclaw/openclaw.json");
        let files = Files::from([(path.clone(), FileRead::Bytes(text.into()))]);
        let Ok(Assembled::Complete(config)) = assemble(&path, &files) else { panic!("{text}") };
        Facts::resolve(&config, &World::default())
    }

    #[track_caller]
    fn from_to(before: &str, after: &str, narrows: &[&str], widens: &[&str]) {
        let breadth = compare(&facts(before), &facts(after));
        assert_eq!((breadth.narrows, breadth.widens), (own(narrows), own(widens)));
        // And the way back does the opposite.
        let back = compare(&facts(after), &facts(before));
        assert_eq!((back.narrows.len(), back.widens.len()), (widens.len(), narrows.len()));
    }

    fn own(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|line| (*line).to_owned()).collect()
    }

    #[test]
    fn narrower_and_wider_are_told_apart() {
        from_to(
            "{ gateway: { bind: 'lan' } }",
            "{ gateway: { bind: 'loopback' } }",
            &["gateway, bind: lan → loopback"],
            &[],
        );
        from_to(
            "{ gateway: { bind: 'loopback', tailscale: { mode: 'off' } } }",
            "{ gateway: { bind: 'loopback', tailscale: { mode: 'funnel' } } }",
            &[],
            &["gateway, tailscale mode: off → funnel"],
        );
        from_to(
            "{ channels: { signal: { dmPolicy: 'open', allowFrom: ['*'] } } }",
            "{ channels: { signal: { dmPolicy: 'allowlist', allowFrom: ['+1', '+2', '+3'] } } }",
            &[
                "signal/default, dm policy: open → allowlist",
                "signal/default, dm senders: * → +1, +2, +3",
                "signal/default, group senders: * → +1, +2, +3",
                "signal/default, group wildcard: yes → no",
            ],
            &[],
        );
    }

    #[test]
    fn origins_and_a_profile_that_can_do_more_are_wider() {
        let profiles = ["{ tools: { profile: 'messaging' } }", "{ tools: { profile: 'coding' } }"];
        let [narrow, wide] = profiles.map(facts);
        let line = "agent main, profile: messaging → coding".to_owned();
        assert!(compare(&narrow, &wide).widens.contains(&line));
        let origins = ["[]", "['https://claw.example.com']"];
        let [none, one] = origins.map(|them| {
            facts(&format!("{{ gateway: {{ controlUi: {{ allowedOrigins: {them} }} }} }}"))
        });
        let breadth = compare(&none, &one);
        assert_eq!((breadth.narrows.len(), breadth.widens.len()), (0, 1), "{breadth:?}");
        assert_eq!(compare(&one, &none).narrows.len(), 1);
    }

    #[test]
    fn one_sender_for_another_lets_somebody_new_in() {
        let before = "{ channels: { sms: { dmPolicy: 'allowlist', allowFrom: ['+1'] } } }";
        let after = "{ channels: { sms: { dmPolicy: 'allowlist', allowFrom: ['+2'] } } }";
        let breadth = compare(&facts(before), &facts(after));
        assert!(breadth.widens.contains(&"sms/default, dm senders: +1 → +2".to_owned()));
        assert_eq!(breadth.narrows, own(&[]));
    }
}
