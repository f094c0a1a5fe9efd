//! `--merged`: the operator's own file, and the command that puts it in place.

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::path::PathBuf;

use portcullis::json5::Document;
use portcullis::json5::EditError;
use portcullis::json5::Touched;
use portcullis::json5::edit;
use portcullis::json5::same;
use portcullis::openclaw::config;
use portcullis::openclaw::config::Assembled;
use portcullis::openclaw::config::Config;
use portcullis::openclaw::config::FileRead;
use portcullis::openclaw::config::Files;
use portcullis::openclaw::config::Unreadable;
use portcullis::openclaw::patch;
use portcullis::runbook::GATEWAY_EXPOSURE;
use portcullis::runbook::Runbook;
use serde_json::Value;
use serde_json::json;

use crate::home::Home;
use crate::home::Ran;

const CONFIG: &str = "\u{feff}{\r
  // mine, and I want to keep it\r
  gateway: { mode: 'local', bind: 'lan', port: 0x4965, }, // hex\r
  channels: { $include: './channels.json5' },\r
  tools: { exec: { security: 'full', ask: 'off' }, },\r
}\r
";

const CHANNELS: &str = "// a file of its own
{
\ttelegram: { dmPolicy: \"open\", allowFrom: [\"*\"], token: \"${TOKEN}\" },
}
";

/// How many bytes are edited for one file, in all.
const BYTES: usize = 1 << 19;

#[test]
fn the_merged_files_are_put_in_place_by_their_command_and_taken_back() {
    let home = Home::new(CONFIG);
    home.write(".openclaw/channels.json5", CHANNELS);
    let ran = home.run("rollback --merged -o merged.json5");
    ran.ends(0);
    assert!(
        ran.stderr.starts_with(
            "written to merged.json5: 4 places touched, every other byte as it was\n\
             written to merged.json5.include-channels.json5: 2 places touched, every other byte as it was\n\
             note: it holds the secrets of your config; only you can read it\n\
             note: its 3 comments are kept; `openclaw config patch` would strip them\n"
        ),
        "{}",
        ran.stderr
    );
    insta::assert_snapshot!("merged_root", home.read("merged.json5").replace('\r', "␍"));
    let channels = "merged.json5.include-channels.json5";
    insta::assert_snapshot!("merged_include", home.read(channels));
    assert_eq!((home.mode("merged.json5"), home.mode(channels)), (0o600, 0o600));
    let live = || (home.read(".openclaw/openclaw.json"), home.read(".openclaw/channels.json5"));
    assert_eq!(live(), (CONFIG.to_owned(), CHANNELS.to_owned()));

    let (replace, undo) = commands(&home, &ran);
    sh(&home, &replace).ends(0);
    let new = (home.read("merged.json5"), home.read(channels));
    assert_eq!(live(), new);
    assert_eq!(home.read("merged.json5.before"), CONFIG);
    assert_eq!(home.mode(".openclaw/openclaw.json"), 0o600);
    assert_eq!(home.files(".openclaw"), [".openclaw/channels.json5", ".openclaw/openclaw.json"]);
    // A second time the live file is no longer the one that was read.
    assert_ne!(sh(&home, &replace).status, 0);
    assert_eq!(live(), new);
    assert_eq!(home.read("merged.json5.before"), CONFIG);

    let ran = home.run("rollback --merged -o again.json5");
    ran.ends(0);
    assert_eq!(ran.stdout, "");
    assert!(ran.stderr.starts_with("nothing changes: "), "{}", ran.stderr);
    assert!(!home.file("again.json5").exists());

    sh(&home, &undo).ends(0);
    assert_eq!(live(), (CONFIG.to_owned(), CHANNELS.to_owned()));
}

#[test]
fn a_config_that_moved_is_not_replaced() {
    for moved in ["openclaw.json", "channels.json5", "../merged.json5"] {
        let home = Home::new(CONFIG);
        home.write(".openclaw/channels.json5", CHANNELS);
        let ran = home.run("rollback --merged -o merged.json5");
        let (replace, _) = commands(&home, ran.ends(0));
        let name = format!(".openclaw/{moved}");
        let text = home.read(&name) + "// somebody else was here\n";
        home.write(&name, &text);
        let before = home.read(".openclaw/openclaw.json");
        assert_ne!(sh(&home, &replace).status, 0, "{moved}");
        assert_eq!(home.read(".openclaw/openclaw.json"), before);
        assert!(!home.file("merged.json5.before").exists(), "{moved}");
    }
}

#[test]
fn a_link_stays_a_link_and_odd_names_are_carried() {
    let home = Home::empty();
    let name = ".openclaw/it's $(touch gone) real.json";
    let live = home.write(name, "{ gateway: { bind: 'lan' } } // mine\n");
    symlink(&live, home.file(".openclaw/openclaw.json")).unwrap();
    let ran = home.run("rollback --merged -o merged.json5");
    ran.ends(0);
    assert!(ran.stderr.contains("is reached by a link"), "{}", ran.stderr);
    let (replace, _) = commands(&home, &ran);
    sh(&home, &replace).ends(0);
    assert!(home.file(".openclaw/openclaw.json").is_symlink());
    assert_eq!(home.read(name), home.read("merged.json5"));
    assert!(home.read(name).ends_with("// mine\n") && !home.file("gone").exists());
}

#[test]
fn nothing_is_overwritten_and_the_live_config_is_never_written() {
    #[track_caller]
    fn refused(home: &Home, arguments: &str, cause: &str) {
        let before = home.files("");
        let ran = home.run(arguments);
        ran.ends(2);
        assert_eq!(ran.stdout, "");
        assert!(ran.stderr.contains(cause), "{}", ran.stderr);
        assert_eq!(home.files(""), before);
    }
    let home = Home::new(CONFIG);
    home.write(".openclaw/channels.json5", CHANNELS);
    home.write("there", "");
    home.write("half.before", "");
    home.write("part.include-channels.json5", "");
    symlink("nowhere", home.file("link")).unwrap();
    for taken in ["there", "half", "part", "link"] {
        refused(&home, &format!("rollback --merged -o {taken}"), "` exists\n");
    }
    let config = "OpenClaw would take `.openclaw/../.openclaw/openclaw.json` for its config";
    refused(&home, "baseline --merged -o .openclaw/../.openclaw/openclaw.json", config);
    refused(&home, "baseline --merged -o nowhere/merged.json5", "No such file or directory");
    refused(&home, "baseline --merged", "--output <FILE>");
    refused(&home, "baseline --merged --diff -o x", "cannot be used with");
    refused(&home, "--demo rollback --merged -o x", "the demo's config is no file");
    assert_eq!(home.read(".openclaw/openclaw.json"), CONFIG);

    // Beside a config under its older name, the newer name would win.
    let home = Home::empty();
    home.write(".openclaw/clawdbot.json", "{ gateway: { bind: 'lan' } }");
    refused(&home, "rollback --merged -o .openclaw/openclaw.json", "for its config");
}

#[test]
fn a_file_that_two_places_share_is_not_changed_for_one_of_them() {
    let home =
        Home::new("{ gateway: { $include: './s.json5' }, discovery: { $include: './s.json5' } }");
    home.write(".openclaw/s.json5", "{ bind: 'lan' }");
    let ran = home.run("rollback --merged -o merged.json5");
    ran.ends(2);
    assert_eq!(
        ran.stderr,
        "error: the merged file was not written\n\
         cause: `HOME/.openclaw/s.json5` is included at 2 places, and what the patch changes at one of them would change at `discovery.bind` too\n\
         hint: give each place a file of its own, or write the value beside the `$include` of the one that differs\n"
    );
}

#[test]
fn every_edit_of_every_config_touches_nothing_else() {
    let done = all_are_edited(&own());
    assert!(done.edits > 2_000 && done.patches > 80, "{done:?}");
    assert_eq!(done.refused, Vec::<String>::new());
}

#[test]
fn every_edit_of_every_config_of_another_corpus_touches_nothing_else() {
    let Some(folder) = std::env::var_os("PORTCULLIS_CORPUS").map(PathBuf::from) else {
        let line = "\nSKIPPED the other corpus: PORTCULLIS_CORPUS names no folder of *.json5\n";
        std::io::stderr().write_all(line.as_bytes()).unwrap();
        return;
    };
    let done = all_are_edited(&folder);
    std::io::stderr().write_all(format!("\n{done:?}\n").as_bytes()).unwrap();
}

/// What a run over a corpus came to.
#[derive(Debug, Default)]
struct Done {
    files: usize,
    comments: usize,
    edits: usize,
    left_out: usize,
    patches: usize,
    refused: Vec<String>,
}

/// Edits each file of a folder in every single place, and merges real patches into it.
fn all_are_edited(folder: &Path) -> Done {
    let runbook = Runbook::parse(GATEWAY_EXPOSURE).unwrap();
    let mut done = Done::default();
    for path in configs(folder) {
        let bytes = fs::read(&path).unwrap();
        let Ok(document) = Document::parse(&bytes) else { continue };
        done.files += 1;
        done.comments += document.comments;
        let mut all = Vec::new();
        acts(&document.value, "", &mut all);
        // Of a very large file only some, so that the run ends.
        let step = 1 + all.len() * bytes.len() / BYTES;
        for act in all.iter().step_by(step) {
            done.edits += 1;
            is_edited(&path, &bytes, &document, &act.on(&document.value));
        }
        done.left_out += all.len() - all.len().div_ceil(step);
        let Some((config, files)) = read(&path) else { continue };
        let template = &runbook.rollback.template;
        for patch in [
            patch::value(&runbook.baseline, Some(&config)),
            patch::value(template, Some(&config)),
            json!({"gateway": null, "tools": {"exec": null}, "agents": {"defaults": {"sandbox": {"mode": "all"}}}}),
        ] {
            done.patches += 1;
            match config::merged(&path, &files, &[], &patch) {
                Err(error) => done.refused.push(format!("{}: {error}", path.display())),
                Ok(all) => {
                    let mut again = files.clone();
                    for file in &all {
                        bytes_stay(&file.before, &file.text, &file.touched);
                        let text = file.text.clone().into_bytes();
                        again.insert(file.path.clone(), FileRead::Bytes(text));
                    }
                    let mut wanted = config.value.clone();
                    patch::merge(&mut wanted, &patch);
                    let Ok(Assembled::Complete(merged)) = config::assemble(&path, &again) else {
                        panic!("{}", path.display());
                    };
                    assert!(same(&merged.value, &wanted), "{}", path.display());
                }
            }
        }
    }
    done
}

/// Checks one edit: the value, the bytes around it, the comments, and that a second one is none.
fn is_edited(path: &Path, bytes: &[u8], document: &Document, wanted: &Value) {
    let edited = match edit(bytes, wanted) {
        Ok(edited) => edited,
        Err(
            error @ (EditError::Read(_)
            | EditError::Unreadable(_)
            | EditError::Value
            | EditError::Bytes),
        ) => {
            panic!("{}: {error}", path.display());
        }
    };
    let again = Document::parse(edited.text.as_bytes()).unwrap();
    assert!(same(&again.value, wanted), "{}", path.display());
    assert!(again.comments <= document.comments);
    bytes_stay(bytes, &edited.text, &edited.touched);
    assert_eq!(edit(edited.text.as_bytes(), wanted).unwrap().touched, []);
}

#[track_caller]
fn bytes_stay(before: &[u8], text: &str, touched: &[Touched]) {
    let after = text.as_bytes();
    let (mut i, mut j) = (0, 0);
    for part in touched {
        assert_eq!(before[i..part.before.start], after[j..part.after.start]);
        (i, j) = (part.before.end, part.after.end);
    }
    assert_eq!(before[i..], after[j..]);
}

/// One thing that can be done to a value: at a JSON pointer.
#[derive(Debug)]
enum Act {
    Put(String, Value),
    Add(String),
    Remove(String, String),
}

impl Act {
    /// Does it to a copy.
    fn on(&self, value: &Value) -> Value {
        let mut value = value.clone();
        let at = match self {
            Self::Put(at, _) | Self::Add(at) | Self::Remove(at, _) => {
                value.pointer_mut(at).unwrap()
            }
        };
        match (self, at) {
            (Self::Put(_, new), at) => *at = new.clone(),
            (Self::Add(_), Value::Object(members)) => {
                let new = json!({"deep": ["*", 1], "x": "it's"});
                members.insert("a new-key".to_owned(), new);
            }
            (Self::Add(_), Value::Array(elements)) => elements.push(json!("new")),
            (Self::Remove(_, key), Value::Object(members)) => {
                members.shift_remove(key);
            }
            (Self::Remove(_, index), Value::Array(elements)) => {
                elements.remove(index.parse().unwrap());
            }
            (act, at) => panic!("{act:?} on {at}"),
        }
        value
    }
}

/// Returns everything that can be done to a value: each member and element gone, each plain value
/// another one and an object, each object and array with one more.
fn acts(value: &Value, at: &str, all: &mut Vec<Act>) {
    let inner: Vec<(String, &Value)> = match value {
        Value::Object(members) => members.iter().map(|(key, it)| (key.clone(), it)).collect(),
        Value::Array(elements) => {
            elements.iter().enumerate().map(|(index, it)| (index.to_string(), it)).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            all.push(Act::Put(at.to_owned(), json!("something \"else\"")));
            all.push(Act::Put(at.to_owned(), json!({"now": {"an": "object"}})));
            return;
        }
    };
    all.push(Act::Add(at.to_owned()));
    for (key, member) in inner {
        let below = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
        all.push(Act::Remove(at.to_owned(), key));
        acts(member, &below, all);
    }
}

fn read(path: &Path) -> Option<(Box<Config>, Files)> {
    let mut files = Files::new();
    loop {
        match config::assemble(path, &files) {
            Ok(Assembled::Complete(config)) => return Some((config, files)),
            Ok(Assembled::Needs(path)) => {
                let read = fs::read(&path)
                    .map_or(FileRead::Unreadable(Unreadable::Missing), FileRead::Bytes);
                files.insert(path, read);
            }
            Err(_) => return None,
        }
    }
}

fn own() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")
}

fn configs(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut configs: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|end| end == "json5")).collect();
    configs.sort();
    configs
}

/// Returns the commands that a run printed: to put the files in place, and to undo it.
#[track_caller]
fn commands(home: &Home, ran: &Ran) -> (String, String) {
    let text = ran.stdout.replace("HOME", &home.root().display().to_string());
    let (replace, undo) = text.split_once("\n\n# Then").expect("two commands");
    (replace.to_owned(), format!("# Then{undo}"))
}

fn sh(home: &Home, script: &str) -> Ran {
    home.finish(home.program("/bin/sh").args(["-c", script]))
}
