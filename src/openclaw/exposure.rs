//! The four sentences an operator must be able to say before anyone is let in.

use serde_json::Value;

use crate::openclaw::fact::State;
use crate::openclaw::fact::Subject;
use crate::openclaw::facts::Facts;
use crate::runbook::Each;
use crate::text::count;

/// Says who can reach the gateway, how they are authenticated, which agents they can trigger,
/// and which tools those agents have.
///
/// `seen` is what was observed beside the config, as [`beyond`] tells it.
#[must_use]
pub fn sentences(facts: &Facts, seen: &[&str]) -> [String; 4] {
    [reach(facts, seen), authentication(facts), agents(facts), tools(facts)]
}

/// Says what was observed that leads further than a config can tell, with the value of each path.
pub fn beyond<'v>(observed: impl Fn(&str) -> Vec<&'v Value>) -> Vec<&'static str> {
    let known = [
        ("tailscale.funnel", true, FUNNEL),
        ("tailscale.to_gateway", true, "a Tailscale route to the gateway was seen"),
        ("listener.loopback_only", false, LISTENS),
        ("docker.loopback_only", false, "a container was seen to publish its port beyond loopback"),
        ("seen.reached", true, "a connection stood from where none should"),
    ];
    let holds = |path, wide: bool| observed(path).into_iter().any(|it| it.as_bool() == Some(wide));
    let seen = known.into_iter().filter(|(path, wide, _)| holds(path, *wide));
    seen.map(|(_, _, says)| says).collect()
}

/// What is said where a socket is wider than a config that says loopback.
const LISTENS: &str = "its port was seen to listen beyond loopback";

/// What is said of a Funnel that the config does not name.
const FUNNEL: &str = "a Tailscale Funnel was seen that opens this host to the internet";

/// What the four sentences answer, in their order.
pub const QUESTIONS: [&str; 4] = ["who", "how", "agents", "tools"];

fn text<'f>(facts: &'f Facts, path: &str) -> Option<&'f str> {
    facts.get(&Subject::Gateway, path)?.value.as_ref()?.as_str()
}

fn flag(facts: &Facts, subject: &Subject, path: &str) -> Option<bool> {
    facts.get(subject, path)?.value.as_ref()?.as_bool()
}

fn list<'f>(facts: &'f Facts, subject: &Subject, path: &str) -> Vec<&'f str> {
    let value = facts.get(subject, path).and_then(|fact| fact.value.as_ref());
    let list = value.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    list.iter().filter_map(Value::as_str).collect()
}

fn reach(facts: &Facts, seen: &[&str]) -> String {
    let explicit = flag(facts, &Subject::Gateway, "config.gateway.bind_explicit") == Some(true);
    let network = match text(facts, "config.gateway.bind") {
        Some("loopback") if explicit => "this host only".to_owned(),
        Some("loopback") => "this host only, by OpenClaw's default".to_owned(),
        Some("lan") => "every network this host is on".to_owned(),
        Some("auto") => "every network this host is on (bind unset or auto)".to_owned(),
        Some("tailnet") => "the tailnet".to_owned(),
        Some("custom") => {
            let host = text(facts, "config.gateway.custom_bind_host").unwrap_or("an address");
            format!("whoever reaches {host}")
        }
        Some(other) => format!("unclear: bind is `{other}`"),
        None => "unclear: bind is not set and this may be a container".to_owned(),
    };
    let route = match text(facts, "config.gateway.tailscale.mode") {
        Some("serve") => "; the tailnet through Tailscale Serve",
        Some("funnel") => "; the whole internet through Tailscale Funnel",
        _ => "",
    };
    let gmail = match text(facts, "config.hooks.gmail_tailscale") {
        Some("serve") => "; Gmail's callbacks through Tailscale Serve",
        Some("funnel") => "; Gmail's callbacks, from the whole internet through Tailscale Funnel",
        _ => "",
    };
    let strangers = facts
        .subjects(Each::Account)
        .filter(|account| {
            flag(facts, account, "config.account.dm.open") == Some(true)
                || flag(facts, account, "config.account.group.open") == Some(true)
        })
        .count();
    let strangers = match strangers {
        0 => String::new(),
        open => format!("; strangers on {}", count(open, "account")),
    };
    // Of a config that opens the door itself it is no news that it is open.
    let open = network.starts_with("every network");
    let funnel = text(facts, "config.gateway.tailscale.mode") == Some("funnel");
    let listens = flag(facts, &Subject::Gateway, "listener.loopback_only") == Some(false);
    let listens = (listens && !seen.contains(&LISTENS)).then_some(LISTENS);
    let seen = seen.iter().copied().chain(listens);
    let seen = seen.filter(|seen| !(open && *seen == LISTENS || funnel && *seen == FUNNEL));
    let seen: String = seen.map(|seen| format!("; but {seen}")).collect();
    let by = if seen.is_empty() { "" } else { ", by the config" };
    format!("{network}{route}{gmail}{by}{seen}{strangers}")
}

fn authentication(facts: &Facts) -> String {
    let source = text(facts, "config.gateway.auth.source").unwrap_or("nowhere to be seen");
    let class = facts.get(&Subject::Gateway, "config.gateway.auth.secret");
    let class = match class {
        Some(fact) if fact.state == State::Hidden => ", not visible here",
        Some(fact) => match fact.value.as_ref().and_then(Value::as_str) {
            Some("placeholder") => ", a placeholder",
            Some("short") => ", too short",
            Some("empty") => ", empty",
            _ => "",
        },
        None => "",
    };
    let from = |source: &str| {
        let from = if source.starts_with("written in") { "" } else { "from " };
        format!("{from}{source}")
    };
    match text(facts, "config.gateway.auth.mode") {
        Some("none") => "not at all: auth mode is none".to_owned(),
        Some("token") => format!("token {}{class}", from(source)),
        Some("password") => format!("password {}{class}", from(source)),
        Some("trusted-proxy") => format!("by the proxy in front: {source}"),
        Some(other) => format!("unclear: auth mode is `{other}`"),
        None => "unclear: the auth mode cannot be told".to_owned(),
    }
}

/// Returns the agents that someone else than a local user can trigger, and whether that is
/// because the gateway itself can be reached from elsewhere.
fn exposed(facts: &Facts) -> (Vec<(&Subject, &str)>, bool) {
    let local = flag(facts, &Subject::Gateway, "config.gateway.loopback_only") == Some(true);
    let all = facts.subjects(Each::Agent).filter_map(|subject| match subject {
        Subject::Agent(id) => Some((subject, id.as_str())),
        _ => None,
    });
    let meant =
        |agent: &Subject| !local || flag(facts, agent, "config.agent.reachable") == Some(true);
    (all.filter(|(agent, _)| meant(agent)).collect(), !local)
}

fn agents(facts: &Facts) -> String {
    let all = facts.subjects(Each::Agent).count();
    let (exposed, by_gateway) = exposed(facts);
    let names: Vec<&str> = exposed.iter().map(|(_, name)| *name).collect();
    let why = if by_gateway { ", by whoever the gateway lets in" } else { "" };
    match names.as_slice() {
        [] => format!("none from outside, of {}", count(all, "agent")),
        names => format!("{} of {all}: {}{why}", names.len(), names.join(", ")),
    }
}

fn tools(facts: &Facts) -> String {
    let mut parts = Vec::new();
    for (agent, id) in exposed(facts).0 {
        let word = |path| {
            let value = facts.get(agent, path).and_then(|fact| fact.value.as_ref());
            value.and_then(Value::as_str).unwrap_or("unset").to_owned()
        };
        let dangerous = list(facts, agent, "config.agent.tools.dangerous").len();
        let (profile, exec) = (word("config.agent.profile"), word("config.agent.exec.mode"));
        let exec = match flag(facts, agent, "config.agent.exec.gated") {
            Some(true) if exec == "full" => "withheld".to_owned(),
            _ => exec,
        };
        let sandbox = word("config.agent.sandbox.mode");
        parts.push(format!(
            "{id}: {profile} tools, exec {exec}, sandbox {sandbox}, {}",
            count(dangerous, "risky tool")
        ));
    }
    if parts.is_empty() { "none from outside".to_owned() } else { parts.join("; ") }
}
