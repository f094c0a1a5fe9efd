//! What the runbook says of OpenClaw's findings: of each one there is, and of none there is not.
//!
//! `audit-check-ids.txt` and `doctor-check-ids.txt` list what OpenClaw can report, and are held
//! against its code where it is installed; `check-ids-without-entry.tsv` says of what the runbook
//! says nothing, and why.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use portcullis::runbook::GATEWAY_EXPOSURE;
use portcullis::runbook::Runbook;
use portcullis::view::theme::Colour;
use portcullis::view::theme::Glyphs;
use portcullis::view::theme::Theme;
use serde_json::Value;
use serde_json::json;

use crate::home::Home;
use crate::openclaw::gateway::Installed;
use crate::stage::Stage;
use crate::stand_in::StandIn;

const AUDIT: &str = include_str!("../fixtures/audit-check-ids.txt");
const DOCTOR: &str = include_str!("../fixtures/doctor-check-ids.txt");
const WITHOUT: &str = include_str!("../fixtures/check-ids-without-entry.tsv");

/// What this program's own checks report, with the code that does and how it names it.
const OURS: [(&str, &str, &str); 5] = [
    ("portcullis.logs.secret", LOGS, "\"portcullis.logs.secret\""),
    ("portcullis.connections.open", CONNECTIONS, "\"open\","),
    ("portcullis.connections.shut-out", CONNECTIONS, "\"shut-out\","),
    ("portcullis.connections.origin", CONNECTIONS, "\"origin\","),
    ("portcullis.connections.forged", CONNECTIONS, "find(\"forged\","),
];
const LOGS: &str = include_str!("../../src/cli/logs.rs");
const CONNECTIONS: &str = include_str!("../../src/openclaw/connection/words.rs");

/// What channel plugins report that are installed apart, seen in their answers.
const APART: [&str; 4] = [
    "channels.discord.allowFrom.name_based_entries",
    "channels.discord.allowlisted_groups.broad_members",
    "channels.discord.commands.native.no_allowlists",
    "channels.slack.commands.slash.no_allowlists",
];

#[test]
fn every_check_id_has_an_entry_or_a_reason_why_not() {
    let runbook = runbook();
    let without = without();
    for id in listed().map(str::to_owned).chain(captured()) {
        let reason = without.iter().any(|(named, _)| excuses(named, &id));
        assert_ne!(runbook.meaning(&id).is_some(), reason, "{id}");
    }
    for (named, why) in without {
        assert!(named == "policy/..." || listed().any(|id| id == named), "{named} is nowhere");
        assert!(!why.is_empty(), "{named}");
    }
}

#[test]
fn every_entry_is_of_a_check_that_exists() {
    let runbook = runbook();
    for meaning in &runbook.meanings {
        let id = meaning.id.as_str();
        let ours = OURS.iter().any(|(ours, _, _)| *ours == id);
        assert!(ours || listed().any(|listed| listed == id), "{id}");
    }
    for (id, code, named) in OURS {
        assert!(code.contains(named) && runbook.meaning(id).is_some(), "{id}");
    }
}

#[test]
fn the_lists_of_check_ids_are_those_of_the_installed_code() {
    if Installed::find().is_none() {
        return;
    }
    let code = code();
    let reported = reported(&code);
    assert!(reported.len() > 200, "{} ids in the code", reported.len());
    for id in &reported {
        let known = listed().any(|listed| is_made_by(id, listed) || is_made_by(&open(listed), id));
        assert!(known || id.starts_with("policy/"), "{id} is in the code and in no list");
    }
    let documented = without().into_iter().filter(|(_, why)| why.starts_with("only documented"));
    let documented: Vec<_> = documented.map(|(id, _)| id).collect();
    for listed in listed() {
        let (check, needs) = listed.split_once(':').unwrap_or((listed, ""));
        let known = reported.iter().any(|id| is_made_by(id, check));
        let elsewhere = APART.contains(&listed) || documented.contains(&listed);
        assert_eq!(known, !elsewhere, "{listed}");
        let needed = format!("requirement: \"{needs}\"");
        assert!(needs.is_empty() || code.contains(&needed), "{listed}");
    }
}

#[test]
fn every_finding_ever_captured_bears_on_what_its_pattern_says() {
    let runbook = runbook();
    let about = |id: &str| runbook.meaning(id).map(|meaning| meaning.id.clone());
    for (found, id) in [
        ("channels.whatsapp.dm.open", "channels.<provider>.dm.open"),
        ("channels.dm.session_collision.discord-default_x-y.1", COLLISION),
        (
            "tools.elevated.allowFrom.telegram.wildcard",
            "tools.elevated.allowFrom.<provider>.wildcard",
        ),
        ("core/doctor/security:gateway.bind_no_auth", "gateway.bind_no_auth"),
        ("core/doctor/gateway-auth", "core/doctor/gateway-auth"),
        ("core/doctor/gateway-auth:SECRET_REF_REDACTED_VALUE", REDACTED),
        ("core/doctor/device-pairing:pending-first-time", "core/doctor/device-pairing"),
    ] {
        assert_eq!(about(found).as_deref(), Some(id), "{found}");
    }
    assert_eq!(about("gateway.something_new"), None);
    let item = runbook.item("dm.sessions-isolated").expect("the item");
    assert!(item.is_about("channels.dm.session_collision.discord-default_x-y.1"));
}

const COLLISION: &str = "channels.dm.session_collision.<accounts>.<n>";
const REDACTED: &str = "core/doctor/gateway-auth:SECRET_REF_REDACTED_VALUE";

#[test]
fn every_entry_says_in_a_sentence_what_it_means_and_what_to_do() {
    for meaning in runbook().meanings {
        let id = &meaning.id;
        for text in [&meaning.means, &meaning.remedy].into_iter().chain(&meaning.worse) {
            assert!(text.ends_with('.') && !text.contains("  "), "{id}: {text}");
            let first = text.split(' ').next().unwrap_or_default();
            let key = first.contains('.') || first.starts_with('/');
            assert!(key || first.starts_with(char::is_uppercase), "{id}: {text}");
        }
        assert!(meaning.means.chars().count() <= 160, "{id}: {}", meaning.means);
        assert!(!meaning.means.trim_end_matches('.').contains(". "), "{id}: {}", meaning.means);
        let worse: BTreeSet<_> = meaning.worse.iter().collect();
        assert_eq!(worse.len(), meaning.worse.len(), "{id}");
        assert!(!meaning.worse.contains(&meaning.remedy), "{id}");
        let page =
            if id.starts_with("portcullis.") { "Gateway exposure, " } else { "OpenClaw 2026." };
        assert!(meaning.source.starts_with(page), "{id}");
    }
}

#[test]
fn what_stops_a_gateway_in_trusted_proxy_mode_is_never_told_to_be_done() {
    let runbook = runbook();
    for id in ["gateway.trusted_proxy_auth", "browser.control_no_auth"] {
        let worse = &runbook.meaning(id).expect("an entry").worse;
        let stops = |text: &String| text.contains("token") && text.contains("does not start");
        assert!(worse.iter().any(stops), "{id}: {worse:?}");
    }
}

#[test]
fn check_says_what_to_do_and_shows_what_it_does_not_know() {
    let stand_in = StandIn::healthy().answers("audit", &audit().to_string());
    let config = r#"{ gateway: { mode: "local", bind: "loopback" } }"#;
    let home = Home::new(config).openclaw(&stand_in.script());

    let text = home.run("check").stdout;
    let runbook = runbook();
    let advice = |id| &runbook.meaning(id).expect("an entry").remedy;
    let bind = advice("gateway.bind_no_auth");
    let flags = advice("config.insecure_or_dangerous_flags");
    let expected = format!(
        "critical gateway.bind_no_auth: Title\ndo       {bind}\n\
         critical gateway.of_tomorrow: Title\n\
         warning  config.insecure_or_dangerous_flags: Title\ndo       {flags}\n\
         warning  config.insecure_or_dangerous_flags: Title\n\
         info     gateway.tailscale_serve: Title\n"
    );
    assert!(text.contains(&expected), "{text}");

    let document = home.run("check --format json").json();
    let findings = document["findings"].as_array().expect("findings");
    let of = |id: &str| findings.iter().find(|found| found["check_id"] == id).expect("a finding");
    let known = of("gateway.bind_no_auth");
    assert_eq!(known["do"], bind.as_str());
    assert!(
        known["means"].is_string() && known["worse"].as_array().is_some_and(|it| it.len() == 2)
    );
    let unknown = of("gateway.of_tomorrow");
    assert_eq!((&unknown["means"], &unknown["do"], &unknown["worse"]), (NULL, NULL, NULL));
    assert_eq!(unknown["open"], true);
}

#[test]
fn the_wizard_says_what_to_do_before_what_openclaw_advises_and_shows_what_it_does_not_know() {
    let theme = Theme { glyphs: Glyphs::Unicode, colour: Colour::None };
    let mut stage = Stage::new().audited(&audit().to_string());
    stage.press("3 g enter enter j j j j j j");
    let screen = |stage: &Stage| {
        let screen = stage.draw(theme, 200, 80);
        screen.content.iter().map(ratatui::buffer::Cell::symbol).collect::<String>()
    };
    let known = screen(&stage);
    let places = ["Means:  The gateway", "Do:     Set", "Do not: ", "OpenClaw advises: "];
    let places =
        places.map(|text| known.find(text).unwrap_or_else(|| panic!("no {text}: {known}")));
    assert!(places.is_sorted(), "{known}");
    stage.press("j");
    let unknown = screen(&stage);
    assert!(unknown.contains("gateway.of_tomorrow · from audit"), "{unknown}");
    assert!(unknown.contains("OpenClaw advises: Mind it."), "{unknown}");
    assert!(!unknown.contains("Means:") && !unknown.contains("Do not:"), "{unknown}");
}

/// An audit that found what is known, what is not, and one thing twice.
fn audit() -> Value {
    let found = |id: &str, severity: &str, detail: &str| {
        json!({
            "checkId": id,
            "severity": severity,
            "title": "Title",
            "detail": detail,
            "remediation": "Mind it.",
        })
    };
    json!({
        "ts": 1,
        "summary": { "critical": 2, "warn": 2, "info": 1 },
        "findings": [
            found("gateway.bind_no_auth", "critical", "gateway.bind=\"lan\""),
            found("gateway.of_tomorrow", "critical", "gateway.x"),
            found("config.insecure_or_dangerous_flags", "warn", "hooks.a=true"),
            found("config.insecure_or_dangerous_flags", "warn", "hooks.b=true"),
            found("gateway.tailscale_serve", "info", ""),
        ],
    })
}

const NULL: &Value = &Value::Null;

#[test]
fn a_check_id_that_could_never_be_found_is_refused_with_its_line() {
    let refused = |from: &str, to: &str| {
        assert_eq!(GATEWAY_EXPOSURE.matches(from).count(), 1, "{from}");
        let text = GATEWAY_EXPOSURE.replace(from, to);
        let line = |at: &str| {
            let line = text.lines().position(|line| line.contains(at));
            line.map_or(0, |index| index + 1)
        };
        let error = Runbook::parse(&text).expect_err(to).to_string();
        (error, line(to.lines().last().unwrap_or_default()))
    };
    let finding = "[[finding]]\nid = \"gateway.bind_no_auth\"";
    let (error, line) = refused(finding, "[[finding]]\nid = \"gateway..bind_no_auth\"");
    let why = "has nothing before, between or after its dots";
    assert_eq!(error, format!("line {line}: check id `gateway..bind_no_auth` {why}"));

    let collision = "[[finding]]\nid = \"channels.dm.session_collision.<accounts>.<n>\"";
    let (error, line) = refused(collision, "[[finding]]\nid = \"channels.<accounts...>.<n>\"");
    let why = "has a `<` that no letters and `>` follow within the same dots";
    assert_eq!(error, format!("line {line}: check id `channels.<accounts...>.<n>` {why}"));

    let invalid = "[[finding]]\nid = \"channels.<provider>.dm.open_invalid\"";
    let (error, line) = refused(invalid, "[[finding]]\nid = \"channels.<channel>.dm.open\"");
    let twice = "the runbook names the findings of `channels.<channel>.dm.open` twice";
    assert_eq!(error, format!("line {line}: {twice}"));

    let item = "findings = [\"channels.<provider>.dm.open\", \"security.exposure.open_channels_with_exec\"]";
    let (error, _) = refused(item, "findings = [\"a.b\", \"a.b\"]");
    let twice = "`dm.open-only-if-trusted` names the findings of `a.b` twice";
    assert!(error.ends_with(twice), "{error}");
}

fn runbook() -> Runbook {
    Runbook::parse(GATEWAY_EXPOSURE).unwrap_or_else(|error| panic!("{error}"))
}

/// Returns every check id of the lists.
fn listed() -> impl Iterator<Item = &'static str> {
    AUDIT.lines().chain(DOCTOR.lines())
}

/// Returns what the runbook has no entry for, with the reason.
fn without() -> Vec<(&'static str, &'static str)> {
    let rows = WITHOUT.lines().skip(1);
    rows.map(|row| row.split_once('\t').expect("two cells")).collect()
}

/// Tells whether a reason holds for an id; `...` at its end stands for any rest.
fn excuses(named: &str, id: &str) -> bool {
    named.strip_suffix("...").map_or(named == id, |start| id.starts_with(start))
}

/// Returns the check ids in OpenClaw's answers that lie here.
fn captured() -> BTreeSet<String> {
    fn gather(value: &Value, ids: &mut BTreeSet<String>) {
        match value {
            Value::Array(values) => values.iter().for_each(|value| gather(value, ids)),
            Value::Object(fields) => {
                let text = |key| fields.get(key).and_then(Value::as_str);
                if let Some(id) = text("checkId") {
                    let needs = text("requirement").filter(|it| !it.contains(char::is_whitespace));
                    ids.insert(needs.map_or(id.to_owned(), |needs| format!("{id}:{needs}")));
                }
                fields.values().for_each(|value| gather(value, ids));
            }
            _ => {}
        }
    }
    let mut ids = BTreeSet::new();
    for folder in ["tests/corpus", "tests/fixtures/checks", "assets/demo"] {
        for file in files(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), "json") {
            let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{error}"));
            if let Ok(value) = serde_json::from_str(&text) {
                gather(&value, &mut ids);
            }
        }
    }
    assert!(ids.len() > 60, "{} captured ids", ids.len());
    ids
}

/// Returns the code of the installed OpenClaw that can report something.
fn code() -> String {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/openclaw/node_modules/.bin");
    let bin = std::env::var_os("PORTCULLIS_OPENCLAW_BIN").map_or(ours, PathBuf::from);
    let program = fs::canonicalize(bin.join("openclaw")).expect("where openclaw lies");
    let dist = program.parent().expect("its folder").join("dist");
    let mut code = String::new();
    for file in files(&dist, "mjs").into_iter().chain(files(&dist.join("extensions"), "js")) {
        let text = fs::read_to_string(&file).unwrap_or_default();
        if text.contains("checkId") || text.contains("CHECK_ID") || text.contains("core/doctor/") {
            code.push_str(&text);
        }
    }
    code
}

/// Returns the check ids in code; `*` stands for what is put in when it runs.
fn reported(code: &str) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    for (index, _) in code.match_indices(['"', '`']) {
        let (before, text) = code.split_at(index);
        let (quote, rest) = text.split_at(1);
        let Some((id, _)) = rest.split_once(quote) else { continue };
        let names = ["checkId: ", "CHECK_ID = ", "CHECK_ID$1 = ", "CHECK_ID$2 = ", "CHECK_ID$3 = "];
        let reports = names.iter().any(|name| before.ends_with(name));
        if reports || is_of_doctor(id) {
            ids.insert(blanked(id));
        }
    }
    ids
}

/// Tells whether a text is the id of a check of doctor, and not only how one starts.
fn is_of_doctor(text: &str) -> bool {
    let name = text.strip_prefix("core/doctor/").unwrap_or_default();
    name.ends_with(char::is_alphanumeric) && !name.contains(char::is_whitespace)
}

/// Puts `*` in the place of each `<word>` of a listed id.
fn open(listed: &str) -> String {
    let words = listed.split('.').map(|word| if word.starts_with('<') { "*" } else { word });
    words.collect::<Vec<_>>().join(".")
}

/// Puts `*` in the place of what a template takes in.
fn blanked(template: &str) -> String {
    let mut parts = template.split("${");
    let mut id = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        id.push('*');
        id.push_str(part.rsplit_once('}').map_or("", |(_, rest)| rest));
    }
    id
}

/// Tells whether code that reports one id, with `*` for what it takes in, can report the other.
fn is_made_by(reported: &str, id: &str) -> bool {
    match reported.split_once('*') {
        None => reported == id,
        Some((start, rest)) => id.strip_prefix(start).is_some_and(|id| {
            let ends = id.char_indices().skip(1).map(|(end, _)| end).chain([id.len()]);
            ends.into_iter().any(|end| is_made_by(rest, &id[end..]))
        }),
    }
}

/// Returns the files of a folder and of those below it with this ending, workers apart.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
    {
        let path = entry.expect("an entry").path();
        if path.is_dir() && !path.ends_with("worker") && !path.ends_with("node_modules") {
            files.extend(self::files(&path, ending));
        } else if path.extension().is_some_and(|it| it == ending) {
            files.push(path);
        }
    }
    files
}
