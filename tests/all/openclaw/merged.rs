//! The merged file beside what OpenClaw's own writer makes of the same patch.

use std::fs;
use std::path::Path;

use portcullis::json5::Document;
use serde_json::Value;
use serde_json::json;

use crate::home::Home;
use crate::openclaw::gateway::Installed;

/// A config of ours, the patch over it, and the file that the patch is about.
struct Case {
    config: &'static str,
    patch: Value,
    owner: &'static str,
}

fn cases() -> [Case; 3] {
    [
        Case {
            config: "39-json5-exotica",
            patch: json!({
                "gateway": { "bind": "loopback", "port": 18_790, "auth": { "rateLimit": null } },
                "channels": { "telegram": { "dmPolicy": "pairing", "allowFrom": [16_180_339] } },
                "tools": { "exec": { "mode": "deny" }, "elevated": { "enabled": false } },
            }),
            owner: "openclaw.json",
        },
        Case {
            config: "40-bom-crlf",
            patch: json!({
                "gateway": { "auth": { "rateLimit": { "maxAttempts": 10 } }, "port": 18_790 },
                "session": { "dmScope": "per-channel-peer" },
            }),
            owner: "openclaw.json",
        },
        Case {
            config: "35-include-one",
            patch: json!({ "gateway": { "port": 18_790, "tailscale": { "mode": "off" } } }),
            owner: "includes/gateway.json5",
        },
    ]
}

#[test]
fn the_merged_file_is_valid_and_says_what_openclaws_own_writer_would() {
    let Some(openclaw) = Installed::find() else { return };
    for case in cases() {
        let name = case.config;
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
        let text = fs::read(source.join(format!("{name}.json5"))).unwrap();
        let (home, _) = openclaw.home(str::from_utf8(&text).unwrap());
        let home = home
            .with("OPENCLAW_GATEWAY_TOKEN", "8f3b60c1d27e49a5b0836fd1c27a94e5")
            .with("TELEGRAM_BOT_TOKEN", "7011223344:AAFnotARealBotTokenForTheTests0001");
        let include = fs::read_to_string(source.join("includes/gateway.json5")).unwrap();
        home.write(".openclaw/includes/gateway.json5", &include);
        let owner = format!(".openclaw/{}", case.owner);
        let before = home.read(&owner);

        let ours = merged(&home, &case);
        home.write(&owner, &ours);
        let ran = says(&home, &["config", "validate", "--json"]);
        assert_eq!(ran["valid"], true, "{name}: {ran}");

        home.write(&owner, &before);
        home.write("patch.json5", &case.patch.to_string());
        let patch = ["config", "patch", "--file", "patch.json5"];
        home.finish(home.program("openclaw").args(patch)).ends(0);
        let theirs = home.read(&owner);
        let (ours, theirs) = (document(&ours), document(&theirs));
        assert_eq!(without_meta(ours.value), without_meta(theirs.value), "{name}");
        assert_eq!(ours.comments, document(&before).comments, "{name}");
        if case.owner == "openclaw.json" {
            assert_eq!(theirs.comments, 0, "{name}");
        }
    }
}

/// Merges the patch into the file that it is about.
fn merged(home: &Home, case: &Case) -> String {
    use portcullis::openclaw::config;
    use portcullis::openclaw::config::Assembled;
    use portcullis::openclaw::config::FileRead;
    use portcullis::openclaw::config::Files;

    let root = home.file(".openclaw/openclaw.json");
    let mut files = Files::new();
    while let Assembled::Needs(path) = config::assemble(&root, &files).unwrap() {
        let bytes = fs::read(&path).unwrap();
        files.insert(path, FileRead::Bytes(bytes));
    }
    let all = config::merged(&root, &files, &[], &case.patch).unwrap();
    let mut changed = all.into_iter().filter(|file| !file.touched.is_empty());
    let file = changed.next().expect("a file that changes");
    assert_eq!(
        (file.path, changed.next()),
        (home.file(&format!(".openclaw/{}", case.owner)), None)
    );
    file.text
}

fn says(home: &Home, arguments: &[&str]) -> Value {
    home.finish(home.program("openclaw").args(arguments)).ends(0).json()
}

#[track_caller]
fn document(text: &str) -> Document {
    Document::parse(text.as_bytes()).expect("JSON5")
}

/// Takes out what OpenClaw notes about its own writing.
fn without_meta(mut value: Value) -> Value {
    if let Some(members) = value.as_object_mut() {
        members.shift_remove("meta");
    }
    value
}
