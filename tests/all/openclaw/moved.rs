//! Every widening move of the runbook, in the words of the real OpenClaw.

use std::path::PathBuf;

use portcullis::openclaw::config::Assembled;
use portcullis::openclaw::config::Config;
use portcullis::openclaw::config::FileRead;
use portcullis::openclaw::config::Files;
use portcullis::openclaw::config::assemble;
use portcullis::openclaw::facts::Facts;
use portcullis::openclaw::facts::World;
use portcullis::openclaw::patch;
use portcullis::openclaw::tailor;
use portcullis::openclaw::tailor::moved;
use portcullis::openclaw::tailor::moved::Said;
use portcullis::runbook::Each;
use portcullis::runbook::Fix;
use portcullis::runbook::FixRow;
use portcullis::runbook::GATEWAY_EXPOSURE;
use portcullis::runbook::Move;
use portcullis::runbook::Runbook;
use portcullis::runbook::Takes;
use serde_json::Value;
use serde_json::json;

use crate::openclaw::gateway::Installed;

/// Closed gateways: agents as a list, as entries, and none; exec in its older words and its newer.
const CLOSED: [&str; 3] = [
    r#"{
  gateway: { mode: "local", bind: "loopback", port: PORT, auth: { mode: "token", token: "8f3b60c1d27e49a5b0836fd1c27a94e5" } },
  channels: { telegram: { botToken: "7011223344:AAFnotARealBotTokenForTheTests0001", dmPolicy: "pairing", groupPolicy: "disabled" } },
  tools: { profile: "messaging", exec: { security: "deny", ask: "always" }, elevated: { enabled: false } },
}
"#,
    r#"{
  gateway: { mode: "local", bind: "loopback", port: PORT, auth: { mode: "token", token: "8f3b60c1d27e49a5b0836fd1c27a94e5" } },
  channels: { signal: { account: "+15550001111", dmPolicy: "disabled", groupPolicy: "disabled" } },
  agents: { list: [{ id: "main", default: true }, { id: "clerk", tools: { exec: { security: "deny", ask: "always" } } }] },
  tools: { profile: "messaging", exec: { mode: "deny" } },
}
"#,
    r#"{
  gateway: { mode: "local", bind: "loopback", port: PORT, auth: { mode: "token", token: "8f3b60c1d27e49a5b0836fd1c27a94e5" } },
  channels: { telegram: { accounts: { work: { botToken: "7011223344:AAFnotARealBotTokenForTheTests0001", dmPolicy: "allowlist", allowFrom: [16180339] } } } },
  agents: { entries: { main: { default: true, tools: { exec: { mode: "deny" } } } } },
}
"#,
];

fn read(text: &str) -> (Box<Config>, Facts) {
    let path = PathBuf::from("/home/claw/.openclaw/openclaw.json");
    let files = Files::from([(path.clone(), FileRead::Bytes(text.into()))]);
    let Ok(Assembled::Complete(config)) = assemble(&path, &files) else { panic!("{text}") };
    let facts = Facts::resolve(&config, &World::default());
    (config, facts)
}

fn said(one: &Move, subject: &str) -> Said {
    let mut said = Said::from([("subject".to_owned(), vec![subject.to_owned()])]);
    for ask in &one.asks {
        let typed = match (ask.takes, ask.one_of.first()) {
            (_, Some(word)) => word.as_str(),
            (Takes::Addresses, _) => "192.0.2.7, 127.0.0.1",
            (Takes::Origins, _) => "https://claw.example.com",
            (Takes::Names, _) if ask.name == "senders" => "48151623, 16180339",
            (Takes::Names, _) => "ada",
            (Takes::Text, _) => ask.first.as_str(),
        };
        said.insert(ask.name.clone(), moved::answer(ask, typed).unwrap());
    }
    said
}

#[test]
fn the_real_openclaw_takes_every_move_and_nothing_of_one_is_left_out() {
    let Some(openclaw) = Installed::find() else { return };
    let runbook = Runbook::parse(GATEWAY_EXPOSURE).unwrap();
    let mut faults = Vec::new();
    for (at, text) in CLOSED.into_iter().enumerate() {
        let (home, _) = openclaw.home(text);
        let (config, facts) = read(&home.read(".openclaw/openclaw.json"));
        for one in runbook.moves.iter().filter(|one| !one.set.is_empty()) {
            let each = one.each.unwrap_or(Each::Gateway);
            // What is about the gateway alone is the same in all of them.
            let subjects = facts.subjects(each).filter(|_| at == 0 || each != Each::Gateway);
            for subject in subjects {
                let said = said(one, &subject.to_string());
                let value = moved::value(one, subject, &said, &facts, &config);
                let rows = moved::as_fix(one, &said).set;
                let written = |row: &FixRow| {
                    let alone = Fix {
                        says: String::new(),
                        set: vec![row.clone()],
                        closes: Vec::new(),
                        steps: Vec::new(),
                    };
                    let alone = tailor::fix(&alone, std::slice::from_ref(subject), &facts, &config);
                    let about = [Some(subject.clone()), subject.account(), subject.agent()];
                    let mut about = about.into_iter().flatten();
                    let already = about.find_map(|it| facts.get(&it, &row.path)?.value.clone());
                    let wanted = row.value.as_ref().and_then(toml::Value::as_str).map(Value::from);
                    row.unset || alone != json!({}) || (already.is_some() && already == wanted)
                };
                for row in rows.iter().filter(|row| !written(row)) {
                    faults.push(format!(
                        "{} {subject}: {} is not written: {value}",
                        one.id, row.path
                    ));
                }
                let mut whole = json!({});
                for first in runbook.moves.iter().filter(|it| one.after.contains(&it.id)) {
                    let said = self::said(first, &subject.to_string());
                    patch::merge(&mut whole, &moved::value(first, subject, &said, &facts, &config));
                }
                patch::merge(&mut whole, &value);
                home.write("patch.json5", &whole.to_string());
                let ran = home.finish(home.program("openclaw").args([
                    "config",
                    "patch",
                    "--file",
                    "patch.json5",
                    "--dry-run",
                    "--json",
                ]));
                let ok =
                    serde_json::from_str::<Value>(&ran.stdout).is_ok_and(|it| it["ok"] == true);
                if !ok {
                    faults.push(format!(
                        "{} {subject}: {value}: {}{}",
                        one.id, ran.stdout, ran.stderr
                    ));
                }
            }
        }
    }
    assert_eq!(faults, Vec::<String>::new());
}
