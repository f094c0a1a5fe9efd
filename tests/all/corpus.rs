//! Every config we have: each is read, understood, judged and drawn.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

use crate::stage::header;
use crate::stage::start;
use chrono::DateTime;
use chrono::FixedOffset;
use crossterm::event::KeyCode;
use crossterm::event::KeyEvent;
use crossterm::event::KeyModifiers;
use portcullis::app::App;
use portcullis::app::Live;
use portcullis::app::Message;
use portcullis::app::Start;
use portcullis::change;
use portcullis::change::Answers;
use portcullis::change::Change;
use portcullis::change::Choice;
use portcullis::change::Review;
use portcullis::openclaw::config;
use portcullis::openclaw::config::Assembled;
use portcullis::openclaw::config::FileRead;
use portcullis::openclaw::config::Files;
use portcullis::openclaw::config::Unreadable;
use portcullis::openclaw::facts::Facts;
use portcullis::openclaw::facts::World;
use portcullis::openclaw::facts::in_todays_words;
use portcullis::openclaw::patch;
use portcullis::openclaw::secret;
use portcullis::openclaw::tailor;
use portcullis::runbook::GATEWAY_EXPOSURE;
use portcullis::runbook::Runbook;
use portcullis::text::Mask;
use portcullis::verdict::Verdict;
use portcullis::view;
use portcullis::view::theme::Colour;
use portcullis::view::theme::Glyphs;
use portcullis::view::theme::Theme;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use serde_json::Value;

/// What the configs mention, but for what nobody sets.
const VARIABLES: [&str; 9] = [
    "OPENCLAW_GATEWAY_TOKEN",
    "GATEWAY_PASSWORD",
    "HOOKS_TOKEN",
    "TELEGRAM_BOT_TOKEN",
    "DISCORD_BOT_TOKEN",
    "SLACK_BOT_TOKEN",
    "SLACK_SIGNING_SECRET",
    "MATRIX_ACCESS_TOKEN",
    "MODEL_API_KEY",
];

#[test]
fn every_config_that_openclaw_takes_is_read() {
    let mut wrong = Vec::new();
    for path in configs(&own()) {
        let captured = fs::read_to_string(path.with_extension("validate.json")).unwrap();
        let valid = captured.lines().find_map(|line| serde_json::from_str::<Value>(line).ok());
        let valid = valid.is_some_and(|document| document["valid"] == true);
        if let Live::Unreadable { why, .. } = live(&path)
            && valid
        {
            wrong.push(format!("{}: {why}", path.display()));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn every_config_is_understood_judged_and_drawn() {
    let (read, unread) = all_are_judged_and_drawn(&own());
    assert_eq!(read + unread.len(), configs(&own()).len());
    assert_eq!(
        unread,
        ["41-syntax-error.json5: expected a comma or a closing bracket at line 4, column 5"]
    );
}

#[test]
fn every_config_of_another_corpus_is_understood_judged_and_drawn() {
    let Some(folder) = std::env::var_os("PORTCULLIS_CORPUS").map(PathBuf::from) else {
        let line = "\nSKIPPED the other corpus: PORTCULLIS_CORPUS names no folder of *.json5\n";
        std::io::stderr().write_all(line.as_bytes()).unwrap();
        return;
    };
    let (read, unread) = all_are_judged_and_drawn(&folder);
    let line = format!("\n{read} configs read, {} not: {unread:#?}\n", unread.len());
    std::io::stderr().write_all(line.as_bytes()).unwrap();
    assert!(read > unread.len());
}

#[test]
fn what_the_audit_found_is_not_met() {
    // A row stands here only where the captured audit names what makes the item false. Its
    // findings about channels that are switched off, and about rooms that wait for a mention,
    // contradict no item.
    let table = fs::read_to_string(own().join("not-met.tsv")).unwrap();
    let mut rows: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
    for row in table.lines().skip(1) {
        let cells: Vec<&str> = row.split('\t').collect();
        let [config, item, check_id] = cells[..] else { panic!("not three cells: {row}") };
        rows.entry(config).or_default().push((item, check_id));
    }
    let runbook = runbook();
    let mut wrong = Vec::new();
    for (config, rows) in rows {
        let path = own().join(format!("{config}.json5"));
        let found = audited(&path);
        let review = judged(&runbook, &live(&path));
        for (item, check_id) in rows {
            if !found.contains(check_id) {
                wrong.push(format!("{config}: the audit has no `{check_id}`"));
            }
            let verdict = review.verdict(item);
            if verdict != Verdict::NotMet {
                wrong.push(format!("{config}: `{item}` is {}, for {check_id}", verdict.word()));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// Returns the check ids of a captured audit.
fn audited(config: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(config.with_extension("audit.json")).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap_or_default();
    let findings = document["findings"].as_array().into_iter().flatten();
    findings.filter_map(|it| it["checkId"].as_str().map(str::to_owned)).collect()
}

fn own() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")
}

/// Lists the configs of a folder.
fn configs(folder: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|e| e == "json5")).collect();
    paths.sort();
    assert!(!paths.is_empty(), "no *.json5 in {}", folder.display());
    paths
}

/// Reads, judges and draws every config; returns how many are read, and why others are not.
fn all_are_judged_and_drawn(folder: &Path) -> (usize, Vec<String>) {
    let runbook = runbook();
    let (mut read, mut unread) = (0, Vec::new());
    for path in configs(folder) {
        let live = live(&path);
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        match &live {
            Live::Read { facts, .. } => {
                assert!(facts.facts.len() > 20, "{name}: {} facts", facts.facts.len());
                read += 1;
            }
            Live::Unreadable { why, .. } => {
                let (_, why) = why.split_once("`: ").expect("a cause");
                unread.push(format!("{name}: {why}"));
            }
        }
        let review = judged(&runbook, &live);
        for item in runbook.items() {
            // Nothing was run: what only a command can tell is not met by anyone.
            let by_audit = item
                .rule
                .as_ref()
                .is_some_and(|rule| rule.must.iter().any(|row| row.path.starts_with("audit.")));
            let verdict = review.verdict(&item.id);
            assert!(!by_audit || verdict != Verdict::Met, "{name}: {} is met", item.id);
        }
        drawn(&runbook, live, &name);
    }
    (read, unread)
}

/// Draws the first three steps.
fn drawn(runbook: &Runbook, live: Live, name: &str) {
    let change = Change::begin(header(runbook, now()));
    let start = Start { live, ..start(runbook.clone(), change) };
    let mut app = App::new(start, now());
    let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
    let theme = Theme { glyphs: Glyphs::Unicode, colour: Colour::Ansi };
    for (step, title) in [('1', "Exposure pattern"), ('2', "Pre-flight"), ('3', "Baseline checks")]
    {
        app.update(Message::Key(KeyEvent::new(KeyCode::Char(step), KeyModifiers::NONE)), now());
        terminal.draw(|frame| view::draw(&app, theme, frame)).unwrap();
        let screen = terminal.backend().to_string();
        assert!(screen.contains(title), "{name}, step {step}:\n{screen}");
    }
}

/// Judges a config as `check --offline` does: by the pattern it is in.
fn judged(runbook: &Runbook, live: &Live) -> Review {
    let mut answers = Answers::default();
    let review =
        |answers: &Answers| change::review(runbook, answers, live.facts(), live.digest(), now());
    let in_force = review(&answers).in_force;
    answers.choice = in_force.map(|pattern| Choice { pattern, reason: String::new() });
    review(&answers)
}

/// Reads a config as the program does, on a host of which nothing else is known.
fn live(path: &Path) -> Live {
    live_with(path, Files::new())
}

/// Reads a value as if it stood where a config does.
fn live_of(path: &Path, value: &Value) -> Live {
    let bytes = FileRead::Bytes(value.to_string().into_bytes());
    live_with(path, Files::from([(path.to_owned(), bytes)]))
}

fn live_with(path: &Path, mut files: Files) -> Live {
    let environment =
        VARIABLES.map(|name| (name.to_owned(), format!("value-of-{name}-0123456789")));
    let config = loop {
        match config::assemble(path, &files) {
            Ok(Assembled::Complete(config)) => break config,
            Ok(Assembled::Needs(path)) => {
                let read = fs::read(&path)
                    .map_or(FileRead::Unreadable(Unreadable::Missing), FileRead::Bytes);
                files.insert(path, read);
            }
            Err(error) => {
                return Live::Unreadable { why: error.to_string(), mask: Mask::default() };
            }
        }
    };
    let world = World { environment: environment.into(), default_port: 18789, ..World::default() };
    let facts = Facts::resolve(&config, &world);
    let mask = Mask::new(secret::secrets(&config.value).into_iter().map(|(_, secret)| secret));
    Live::Read { config, facts: Box::new(facts), mask }
}

fn runbook() -> Runbook {
    Runbook::parse(GATEWAY_EXPOSURE).unwrap()
}

fn now() -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339("2026-11-24T14:02:07+01:00").unwrap()
}

/// What a fix came to on a config.
pub(crate) struct Fixed {
    pub(crate) config: PathBuf,
    pub(crate) item: String,
    pub(crate) patch: Value,
    has_steps: bool,
    after: Verdict,
    /// Items that are not met only once it is written.
    broken: Vec<String>,
    /// Who is let in by it who was not before.
    widens: Vec<String>,
    /// Senders that were named and are no more.
    lost: Vec<String>,
}

/// Writes each fix of each config whose item fails, and judges what comes of it.
pub(crate) fn fixed(folder: &Path) -> Vec<Fixed> {
    let runbook = runbook();
    let mut all = Vec::new();
    for path in configs(folder) {
        let live = live(&path);
        let (Some(facts), Some(config)) = (live.facts(), live.config()) else { continue };
        let before = judged(&runbook, &live);
        for item in before.required(&runbook, before.in_force.as_deref()) {
            let Some(fix) = &item.fix else { continue };
            let writes = !(fix.set.is_empty() && fix.closes.is_empty());
            if !writes || before.verdict(&item.id) != Verdict::NotMet {
                continue;
            }
            let patch = tailor::fix(fix, &before.items[&item.id].failing, facts, config);
            let (mut value, _) = in_todays_words(config);
            patch::merge(&mut value, &patch);
            let then = live_of(&path, &value);
            assert!(then.config().is_some(), "{}: {patch} leaves no config", path.display());
            let after = judged(&runbook, &then);
            let broken = runbook.items().filter(|other| {
                before.verdict(&other.id) != Verdict::NotMet
                    && after.verdict(&other.id) == Verdict::NotMet
            });
            all.push(Fixed {
                config: path.clone(),
                item: item.id.clone(),
                patch,
                has_steps: !fix.steps.is_empty(),
                after: after.verdict(&item.id),
                broken: broken.map(|item| item.id.clone()).collect(),
                widens: patch::breadth(&in_todays_words(config).0, &value, config).widens,
                lost: named(&in_todays_words(config).0)
                    .difference(&named(&value))
                    .cloned()
                    .collect(),
            });
        }
    }
    all
}

/// Returns who and which room is let in by name, with where that stands.
fn named(value: &Value) -> BTreeSet<String> {
    const SENDERS: [&str; 6] =
        ["allowFrom", "groupAllowFrom", "users", "roles", "allowedUserIds", "groupChannels"];
    const ROOMS: [&str; 5] = ["groups", "guilds", "rooms", "teams", "channels"];
    let mut found = BTreeSet::new();
    let mut rest = vec![(String::new(), value)];
    while let Some((path, value)) = rest.pop() {
        let key = path.rsplit('/').next().unwrap_or_default();
        match value {
            Value::Object(members) => {
                let of_channel = path.starts_with("/channels/") && ROOMS.contains(&key);
                for (name, member) in members {
                    found.extend((of_channel && name != "*").then(|| format!("{path} {name}")));
                    rest.push((format!("{path}/{name}"), member));
                }
            }
            Value::Array(list) if SENDERS.contains(&key) || path.contains("/accessGroups/") => {
                let names = list.iter().map(ToString::to_string);
                let names = names.filter(|name| !name.contains('*'));
                found.extend(names.map(|name| format!("{path} {name}")));
            }
            _ => {}
        }
    }
    found
}

/// Lists the fixes that leave their item not met although they leave nothing to be done elsewhere,
/// and those after which another item is not met.
fn wrongly_fixed(all: &[Fixed]) -> Vec<String> {
    let mut wrong = Vec::new();
    for one in all {
        let config = one.config.file_name().unwrap().display();
        if one.after == Verdict::NotMet && !one.has_steps {
            wrong.push(format!("{config}: `{}` stays not met after {}", one.item, one.patch));
        }
        if !one.broken.is_empty() {
            wrong.push(format!("{config}: `{}` breaks {:?}", one.item, one.broken));
        }
        if !one.widens.is_empty() || !one.lost.is_empty() {
            let (widens, lost) = (&one.widens, &one.lost);
            wrong.push(format!("{config}: `{}` widens {widens:?}, drops {lost:?}", one.item));
        }
    }
    wrong
}

#[test]
fn a_fix_settles_its_item_or_names_what_is_left_to_do_and_breaks_no_other() {
    let all = fixed(&own());
    assert!(all.len() > 150, "{}", all.len());
    assert_eq!(wrongly_fixed(&all), Vec::<String>::new());
}

#[test]
fn the_fixes_of_another_corpus_are_counted() {
    // Its own absence is said by the test above that reads it.
    let Some(folder) = std::env::var_os("PORTCULLIS_CORPUS").map(PathBuf::from) else { return };
    let all = fixed(&folder);
    let settled = all.iter().filter(|one| one.after != Verdict::NotMet).count();
    let line = format!(
        "\n{settled} of {} fixes settle their item: {:#?}\n",
        all.len(),
        wrongly_fixed(&all)
    );
    std::io::stderr().write_all(line.as_bytes()).unwrap();
    let stuck = all.iter().filter(|one| one.after == Verdict::NotMet && !one.has_steps).count();
    assert_eq!(stuck, 0);
}
