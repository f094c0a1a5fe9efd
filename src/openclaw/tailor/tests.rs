use std::path::PathBuf;

use super::*;
use crate::openclaw::config::Assembled;
use crate::openclaw::config::FileRead;
use crate::openclaw::config::Files;
use crate::openclaw::config::assemble;
use crate::openclaw::facts::World;
use crate::runbook::GATEWAY_EXPOSURE;
use crate::runbook::Runbook;

fn runbook() -> Runbook {
    Runbook::parse(GATEWAY_EXPOSURE).unwrap()
}

/// Reads a config, and the files it includes by these names.
#[track_caller]
fn read(text: &str, others: &[(&str, &str)]) -> (Config, Facts) {
    let root = PathBuf::from("/home/claw/.openclaw/openclaw.json");
    let mut files: Files = [(root.clone(), FileRead::Bytes(text.into()))].into();
    for (name, text) in others {
        files.insert(root.with_file_name(name), FileRead::Bytes((*text).into()));
    }
    let Ok(Assembled::Complete(config)) = assemble(&root, &files) else {
        panic!("not a config: {text}")
    };
    let facts = Facts::resolve(&config, &World::default());
    (*config, facts)
}

#[track_caller]
fn rolled_back(text: &str) -> Value {
    let (config, facts) = read(text, &[]);
    let tailored = rollback(&runbook().rollback.template, &config, &facts);
    assert_eq!(tailored.leaves_open(&config), Vec::<String>::new(), "{text}");
    tailored.value()
}

/// What every rollback writes over a config that says nothing, beside what the case is about.
#[track_caller]
fn also_closes(text: &str, section: &str, expected: &Value) {
    assert_eq!(rolled_back(text)[section], *expected, "{text}");
}

#[test]
fn exec_is_denied_in_the_form_in_which_it_is_written() {
    let exec = |text: &str| rolled_back(text)["tools"]["exec"].clone();
    let pair = json!({ "security": "deny", "ask": "always" });
    assert_eq!(exec("{}"), pair);
    assert_eq!(exec("{ tools: { exec: { ask: 'off' } } }"), pair);
    assert_eq!(exec("{ tools: { exec: { mode: 'ask' } } }"), json!({ "mode": "deny" }));
    assert_eq!(
        exec("{ tools: { exec: { mode: 'ask', security: 'full' } } }"),
        json!({ "mode": "deny", "security": null })
    );
    assert_eq!(exec("{ tools: { exec: { mode: 'deny' } } }"), Value::Null);
}

#[test]
fn an_agent_that_says_otherwise_for_itself_is_closed_itself() {
    also_closes(
        "{ agents: { entries: { a: { tools: { exec: { security: 'full' } } }, b: {}, c: { tools: { exec: { host: 'node' }, elevated: { enabled: true, allowFrom: { telegram: ['*', 7] } } } } } } }",
        "agents",
        &json!({ "entries": {
            "a": { "tools": { "exec": { "security": "deny", "ask": "always" } } },
            "c": { "tools": { "elevated": { "enabled": false, "allowFrom": { "telegram": [7] } } } },
        } }),
    );
}

#[test]
fn only_channels_that_are_configured_are_closed_each_by_its_own_keys() {
    also_closes(
        "{ channels: { signal: {}, matrix: { autoJoin: 'always' }, sms: {}, buzz: {}, twitch: {}, reef: { enabled: false }, modelByChannel: {}, defaults: { groupPolicy: 'open' } } }",
        "channels",
        &json!({
            "signal": { "dmPolicy": "disabled", "groupPolicy": "disabled" },
            "matrix": { "dm": { "policy": "disabled" }, "groupPolicy": "disabled", "autoJoin": "off" },
            "sms": { "dmPolicy": "disabled" },
            "buzz": { "groupPolicy": "disabled" },
            "twitch": { "enabled": false },
            "defaults": { "groupPolicy": "disabled" },
        }),
    );
    assert_eq!(rolled_back("{}").get("channels"), None);
}

#[test]
fn what_an_account_a_chat_or_a_topic_writes_itself_is_closed_there() {
    also_closes(
        "{ channels: { telegram: {
            dmPolicy: 'disabled', groupPolicy: 'disabled',
            groups: { '-1': { groupPolicy: 'open', allowFrom: ['*', '5'], topics: { '9': { groupPolicy: 'open' } } } },
            direct: { '7': { dmPolicy: 'open', allowFrom: ['telegram:*'], topics: { '3': { groupPolicy: 'allowlist' } } } },
            accounts: { ops: { dmPolicy: 'allowlist', allowFrom: ['8'] }, plain: {} },
        } } }",
        "channels",
        &json!({ "telegram": {
            "groups": { "-1": {
                "groupPolicy": "disabled", "allowFrom": ["5"],
                "topics": { "9": { "groupPolicy": "disabled" } },
            } },
            "direct": { "7": {
                "dmPolicy": "disabled", "allowFrom": [],
                "topics": { "3": { "groupPolicy": "disabled" } },
            } },
            "accounts": { "ops": { "dmPolicy": "disabled" } },
        } }),
    );
}

#[test]
fn accounts_that_openclaw_gives_a_policy_of_their_own_are_closed_one_by_one() {
    also_closes(
        "{ channels: { irc: { dmPolicy: 'disabled', groupPolicy: 'disabled', accounts: { a: {}, b: { enabled: false } } } } }",
        "channels",
        &json!({ "irc": { "accounts": { "a": { "dmPolicy": "disabled", "groupPolicy": "disabled" } } } }),
    );
    also_closes(
        "{ channels: { matrix: { dm: { policy: 'disabled' }, groupPolicy: 'disabled', accounts: { a: { dm: { enabled: true } } } } } }",
        "channels",
        &json!({ "matrix": { "accounts": { "a": { "dm": { "policy": "disabled" } } } } }),
    );
}

#[test]
fn a_channel_that_is_off_opens_nothing_the_day_it_is_switched_on() {
    also_closes(
        "{ channels: { slack: { enabled: false, dmPolicy: 'open', allowFrom: ['*', 'U1'], groupPolicy: 'allowlist' } } }",
        "channels",
        &json!({ "slack": { "dmPolicy": "disabled", "allowFrom": ["U1"] } }),
    );
}

#[test]
fn a_proxy_in_front_gets_no_token_and_the_gateway_still_starts() {
    let patch = rolled_back(
        "{ gateway: { bind: 'lan', trustedProxies: ['0.0.0.0/0'], auth: { mode: 'trusted-proxy', trustedProxy: { userHeader: 'x-user', allowLoopback: true } } } }",
    );
    assert_eq!(
        patch["gateway"],
        json!({
            "bind": "loopback",
            "trustedProxies": ["192.0.2.1"],
            "auth": { "trustedProxy": { "allowLoopback": false } },
            "terminal": { "enabled": false },
        })
    );
}

#[test]
fn a_secret_that_is_good_stays_and_one_that_anyone_could_guess_does_not() {
    let auth = |auth: &str| {
        rolled_back(&format!("{{ gateway: {{ auth: {auth} }} }}"))["gateway"]["auth"].clone()
    };
    let token = json!({ "mode": "token", "token": "${OPENCLAW_GATEWAY_TOKEN}" });
    assert_eq!(auth("{ mode: 'token', token: '8f3b60c1d27e49a5b0836fd1c27a94e5' }"), Value::Null);
    assert_eq!(auth("{ mode: 'token', token: '${ELSEWHERE}' }"), Value::Null);
    assert_eq!(auth("{ mode: 'none' }"), token);
    assert_eq!(auth("{}"), token);
    assert_eq!(
        auth("{ mode: 'token', token: 'replace-with-a-long-random-token' }"),
        json!({ "token": "${OPENCLAW_GATEWAY_TOKEN}" })
    );
    assert_eq!(auth("{ mode: 'trusted-proxy' }"), token);
}

#[test]
fn a_patch_is_cut_by_the_file_that_owns_each_key() {
    let (config, facts) = read(
        "{ gateway: { $include: './g.json5' }, channels: { $include: ['./a.json5', './b.json5'] }, tools: { $include: './t.json5', profile: 'full' }, hooks: { enabled: true } }",
        &[
            ("g.json5", "{ bind: 'lan' }"),
            ("a.json5", "{ signal: { dmPolicy: 'open' } }"),
            ("b.json5", "{}"),
            ("t.json5", "{ exec: { mode: 'full' } }"),
        ],
    );
    let tailored = rollback(&runbook().rollback.template, &config, &facts);
    let parts: Vec<(&str, bool, usize)> = tailored
        .parts
        .iter()
        .map(|part| {
            let name = part.file.file_name().unwrap().to_str().unwrap();
            (name, part.by_writer, part.changes.len())
        })
        .collect();
    assert_eq!(
        parts,
        [
            ("openclaw.json", true, 1),
            ("g.json5", true, 4),
            ("openclaw.json", false, 1),
            ("a.json5", false, 1),
            ("t.json5", false, 3),
        ]
    );
    assert_eq!(tailored.leaves_open(&config), Vec::<String>::new());
}

#[track_caller]
fn raised(text: &str) -> (Value, Vec<String>) {
    let (config, facts) = read(text, &[]);
    let tailored = baseline(&runbook().baseline, &config, &facts);
    (tailored.value(), tailored.notes)
}

#[test]
fn the_baseline_leaves_alone_what_is_as_safe_or_safer() {
    let safe = "{
        gateway: { mode: 'local', bind: 'loopback', port: 19000, auth: { mode: 'password', password: 'Tidal-lantern-quarry-0123456' } },
        session: { dmScope: 'per-account-channel-peer' },
        agents: { defaults: { sandbox: { mode: 'all' } }, entries: { a: { sandbox: { mode: 'non-main' }, tools: { profile: 'minimal' } } } },
        tools: { profile: 'minimal', exec: { mode: 'deny' }, elevated: { enabled: false } },
        channels: { signal: { dmPolicy: 'allowlist', allowFrom: ['+15550100110'] } },
    }";
    assert_eq!(raised(safe).0, json!({}));
}

#[test]
fn the_baseline_keeps_strangers_out_and_those_who_are_named_in() {
    let (patch, notes) = raised(
        "{
        gateway: { mode: 'local', bind: 'lan', auth: { mode: 'token', token: '8f3b60c1d27e49a5b0836fd1c27a94e5' }, tailscale: { mode: 'serve' } },
        session: { dmScope: 'per-channel-peer' },
        agents: { defaults: { sandbox: { mode: 'all' } }, entries: { a: { sandbox: { mode: 'off' } } } },
        tools: { profile: 'messaging', exec: { mode: 'ask' }, elevated: { enabled: false } },
        channels: { signal: { dmPolicy: 'open', allowFrom: ['*', '+15550100110'], groupPolicy: 'disabled' }, sms: { dmPolicy: 'allowlist', allowFrom: ['*'] } },
    }",
    );
    assert_eq!(
        patch,
        json!({
            "gateway": { "bind": "loopback" },
            "agents": { "entries": { "a": { "sandbox": { "mode": "non-main" } } } },
            "tools": { "exec": { "mode": "deny" } },
            "channels": {
                "signal": { "dmPolicy": "pairing", "allowFrom": ["+15550100110"] },
                "sms": { "dmPolicy": "pairing", "allowFrom": [] },
            },
        })
    );
    assert_eq!(
        notes,
        [
            "Cut off: whoever connects over the network; strangers on signal/default; strangers on \
             sms/default; host commands of agent a",
            "Whether docker or podman is there cannot be told from here; without one, sessions that \
             belong in the sandbox fail closed: they run nothing",
        ]
    );
}

#[test]
fn the_baseline_sets_no_token_over_a_trusted_proxy() {
    let (patch, notes) = raised(
        "{
        gateway: { mode: 'local', bind: 'lan', trustedProxies: ['10.0.0.5'], auth: { mode: 'trusted-proxy', trustedProxy: { userHeader: 'x-user' } } },
    }",
    );
    assert_eq!(patch["gateway"], json!({ "bind": "loopback" }));
    assert_eq!(
        notes[..2],
        [
            "No token is set: OpenClaw refuses to start with one beside a trusted proxy",
            "Cut off: the proxy, unless it runs on this host and is let in from here",
        ]
    );
}

#[test]
fn names_and_values_cannot_act_on_a_terminal_and_a_secret_does_not_come_along() {
    let (config, facts) = read(
        "{ channels: { telegram: { botToken: '7011223344:AAFnotARealBotTokenForTheTests0001', accounts: { 'a\u{202e}b': { dmPolicy: 'open', allowFrom: ['*', 'sk-ant-api03-0123456789abcdefghijABCDEFGHIJ0123456789'] } } } } }",
        &[],
    );
    let tailored = rollback(&runbook().rollback.template, &config, &facts);
    let text = tailored.whole(&[], 79);
    assert!(!text.contains('\u{202e}') && text.contains("\"a\\u202eb\": {"), "{text}");
    assert!(!text.contains("sk-ant-api03") && text.contains("allowFrom: [],"), "{text}");
}
