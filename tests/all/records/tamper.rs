//! What verifying says: of a whole archive, and of everything that can be done to one.

use std::fs;
use std::path::Path;
use std::process::Command;

use chrono::TimeDelta;
use portcullis::record::Signing;
use portcullis::record::document::Link;
use portcullis::shell::chain::Chain;
use portcullis::shell::store::StoreError;
use serde_json::Value;

use crate::records::archive::Archive;
use crate::records::archive::Change1;
use crate::records::archive::now;
use crate::records::archive::record;
use crate::records::archive::ssh_sign;
use crate::records::archive::target;

/// Two cleared changes, signed by one who may.
fn two() -> Archive {
    let archive = Archive::new();
    let key = archive.signer("mira");
    let earlier = now() - TimeDelta::hours(1);
    archive.seal(&Change1 { at: earlier, ..Change1::cleared("A001") }, Some(&key));
    archive.seal(&Change1::cleared("A002"), Some(&key));
    archive
}

/// Returns the whole word of each record, by the name of its change.
fn words(document: &Value) -> Vec<(String, String)> {
    let records = document["records"].as_array().expect("a list").iter();
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    records
        .map(|it| {
            let folder = text(&it["folder"]);
            (folder[folder.len() - 4..].to_owned(), text(&it["whole"]))
        })
        .collect()
}

fn answer<'a>(record: &'a Value, aspect: &str) -> &'a Value {
    let answers = record["answers"].as_array().expect("answers");
    answers.iter().find(|it| it["aspect"] == aspect).expect("an answer")
}

#[test]
fn a_record_is_the_same_bytes_every_time() {
    fn whole(value: &Value) {
        match value {
            Value::Number(number) => assert!(number.is_u64() || number.is_i64(), "{number}"),
            Value::Array(list) => list.iter().for_each(whole),
            Value::Object(map) => {
                let keys: Vec<_> = map.keys().collect();
                assert!(keys.is_sorted(), "{keys:?}");
                map.values().for_each(whole);
            }
            Value::Null | Value::Bool(_) | Value::String(_) => {}
        }
    }
    let change = Change1 { residual: Some(30), ..Change1::cleared("A001") };
    let link = Link { seq: Some(1), ..Link::default() };
    let sealed = [0, 1].map(|_| record(&change).linked(&link, Signing::Signed));
    assert_eq!(sealed[0], sealed[1]);
    let json = &sealed[0].json;
    assert!(json.ends_with("}\n") && !json.contains('\r'));
    let document: Value = serde_json::from_str(json).expect("JSON");
    whole(&document);
    for time in ["started", "sealed"] {
        let time = document[time].as_str().expect("a time");
        chrono::DateTime::parse_from_rfc3339(time).expect("RFC 3339");
    }
    assert_eq!(document["signature"], "record.json.sig");
}

#[test]
fn a_whole_archive_is_valid_and_the_commands_it_names_say_the_same() {
    let archive = two();
    let ran = archive.run("records verify --all --format json");
    ran.ends(0);
    let valid = |name: &str| (name.to_owned(), "valid".to_owned());
    assert_eq!(words(&ran.json()), [valid("A001"), valid("A002")]);
    let ran = archive.run("records verify A002");
    ran.ends(0);
    assert!(ran.stdout.starts_with("valid "), "{}", ran.stdout);
    let commands: Vec<&str> =
        ran.stdout.lines().filter_map(|line| line.trim().strip_prefix("$ ")).collect();
    assert_eq!(commands.len(), 2, "{}", ran.stdout);
    for command in commands {
        let command = command.replace("HOME", &archive.home.root().display().to_string());
        let mut shell = archive.home.program("sh");
        let done = archive.home.finish(shell.args(["-c", &command]));
        done.ends(0);
        let digest = command.split("# ").nth(1);
        assert!(digest.is_none_or(|digest| done.stdout.starts_with(digest)), "{}", done.stdout);
    }
    let listed = archive.run("records list");
    listed.ends(0);
    assert_eq!(listed.stdout.lines().count(), 2);
    assert!(
        listed.stdout.lines().all(|line| line.contains("signed-off  signed")),
        "{}",
        listed.stdout
    );
    // The index is only a shortcut: the second list is the first.
    assert_eq!(archive.run("records list").stdout, listed.stdout);
    let page = archive.run("records show A001");
    page.ends(0);
    assert!(page.stdout.contains("Signed: `record.json.sig`"), "{}", page.stdout);
}

#[test]
#[expect(clippy::too_many_lines, reason = "one deed after the other, read as a table")]
fn whatever_is_done_to_an_archive_shows() {
    type Deed = fn(&Archive, &Path, &Path);
    let deeds: [(&str, Deed, [&str; 2], i32); 17] = [
        (
            "a word of the record is changed",
            |_, first, _| edit(first, "\"mira\"", "\"mara\""),
            ["invalid", "invalid"],
            1,
        ),
        (
            "a space is added",
            |_, _, second| edit(second, "\"demo\": true", "\"demo\":  true"),
            ["valid", "invalid"],
            1,
        ),
        (
            "the line ends are changed",
            |_, first, _| edit(first, "\n", "\r\n"),
            ["invalid", "invalid"],
            1,
        ),
        (
            "the signature is removed",
            |_, first, _| remove(&first.join("record.json.sig")),
            ["invalid", "invalid"],
            1,
        ),
        (
            "the signatures are swapped",
            |_, first, second| {
                let (a, b) = (first.join("record.json.sig"), second.join("record.json.sig"));
                let keep = first.with_extension("keep");
                fs::rename(&a, &keep).unwrap();
                fs::rename(&b, &a).unwrap();
                fs::rename(&keep, &b).unwrap();
            },
            ["invalid", "invalid"],
            1,
        ),
        (
            "somebody else signs it again",
            |archive, _, second| {
                let key = archive.key("mallory");
                remove(&second.join("record.json.sig"));
                ssh_sign(&key, &second.join("record.json"), "exposure-record@portcullis").unwrap();
            },
            ["valid", "invalid"],
            1,
        ),
        (
            "the last record is cut off",
            |_, _, second| fs::remove_dir_all(second).unwrap(),
            ["invalid", ""],
            1,
        ),
        (
            "the first record is taken out",
            |_, first, _| fs::remove_dir_all(first).unwrap(),
            ["", "invalid"],
            1,
        ),
        (
            "a record is there twice",
            |_, _, second| {
                let twin = second.with_file_name("20990101T000000Z-A002");
                fs::create_dir(&twin).unwrap();
                for name in ["record.json", "record.json.sig"] {
                    fs::copy(second.join(name), twin.join(name)).unwrap();
                }
            },
            ["valid", "valid"],
            1,
        ),
        (
            "the head is removed",
            |archive, _, _| remove(&archive.dir().join("head")),
            ["invalid", "invalid"],
            1,
        ),
        (
            "the head is not signed any more",
            |archive, _, _| remove(&archive.dir().join("head.sig")),
            ["invalid", "invalid"],
            1,
        ),
        (
            "the head is edited",
            |archive, _, _| {
                let head = archive.dir().join("head");
                let text =
                    fs::read_to_string(&head).unwrap().replace("\"count\": 2", "\"count\": 1");
                fs::write(head, text).unwrap();
            },
            ["invalid", "invalid"],
            1,
        ),
        (
            "a file beside the record is changed",
            |_, first, _| {
                fs::write(first.join("baseline.json5"), "{}").unwrap();
            },
            ["invalid", "valid"],
            1,
        ),
        (
            "a file beside the record is removed",
            |_, _, second| remove(&second.join("record.md")),
            ["valid", "invalid"],
            1,
        ),
        (
            "a file is added beside the record",
            |_, first, _| {
                fs::write(first.join("evidence.txt"), "all is well").unwrap();
            },
            ["invalid", "valid"],
            1,
        ),
        (
            "the key is revoked",
            |archive, _, _| {
                let key = fs::read_to_string(archive.home.file("keys/mira.pub")).unwrap();
                archive.home.write("config/revoked_keys", &key);
            },
            ["invalid", "invalid"],
            1,
        ),
        (
            "nobody may sign",
            |archive, _, _| drop(archive.home.write("config/allowed_signers", "")),
            ["invalid", "invalid"],
            1,
        ),
    ];
    let whole = two();
    for (what, deed, expected, status) in deeds {
        let archive = whole.twin();
        let folders = portcullis::shell::chain::folders(&archive.dir());
        deed(&archive, &folders[0], &folders[1]);
        let ran = archive.run("records verify --all --format json");
        ran.ends(status);
        let words = words(&ran.json());
        for (name, expected) in ["A001", "A002"].into_iter().zip(expected) {
            let word =
                words.iter().find(|(record, _)| record == name).map(|(_, word)| word.as_str());
            let fits = match (word, expected) {
                (None, "") => true,
                // Which of the refusing words it is, other tests say.
                (Some(word), "invalid") => !["valid", "incomplete"].contains(&word),
                (word, expected) => word == Some(expected),
            };
            assert!(fits, "{what}: {name} is {word:?}, not {expected}\n{}", ran.stdout);
        }
        let records = ran.json();
        let bad = records["records"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|it| it["answers"].as_array().unwrap());
        for answer in bad.filter(|it| it["state"] == "bad") {
            assert!(answer["remedy"].is_string(), "{what}: {answer} has no remedy");
        }
    }
}

fn edit(folder: &Path, from: &str, to: &str) {
    let path = folder.join("record.json");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "nothing to edit");
    fs::write(path, text.replace(from, to)).unwrap();
}

fn remove(path: &Path) {
    fs::remove_file(path).unwrap();
}

#[test]
fn each_reason_not_to_believe_a_record_has_its_word() {
    #[track_caller]
    fn case(change: &Change1, key: Option<&str>, prepare: fn(&Archive), word: &str, status: i32) {
        let archive = Archive::new();
        let key = key.map(|name| archive.signer(name));
        archive.seal(change, key.as_deref());
        prepare(&archive);
        let ran = archive.run(&format!("records verify {} --format json", change.name));
        ran.ends(status);
        assert_eq!(ran.json()["records"][0]["whole"], word, "{}", ran.stdout);
    }
    let cleared = Change1::cleared("A001");
    case(&cleared, Some("mira"), |_| {}, "valid", 0);
    case(&cleared, None, |_| {}, "unsigned", 1);
    let blocked = Change1 { cleared: false, ..Change1::cleared("A001") };
    case(&blocked, Some("mira"), |_| {}, "not-cleared", 1);
    let accepting = Change1 { residual: Some(30), ..Change1::cleared("A001") };
    case(&accepting, Some("mira"), |_| {}, "valid", 0);
    let past = now() - TimeDelta::days(40);
    let over = Change1 { residual: Some(30), at: past, ..Change1::cleared("A001") };
    case(&over, Some("mira"), |_| {}, "expired", 1);
    let no_list: fn(&Archive) = |archive| remove(&archive.home.file("config/allowed_signers"));
    case(&cleared, Some("mira"), no_list, "incomplete", 3);
    let other: fn(&Archive) = |archive| {
        remove(&archive.home.file("config/allowed_signers"));
        archive.signer("bob");
    };
    case(&cleared, Some("mira"), other, "untrusted", 1);
    let revoked: fn(&Archive) = |archive| {
        let key = fs::read_to_string(archive.home.file("keys/mira.pub")).unwrap();
        archive.home.write("config/revoked_keys", &key);
    };
    case(&cleared, Some("mira"), revoked, "revoked", 1);
}

#[test]
fn a_second_person_signs_on_another_machine() {
    let here = two();
    let there = Archive::new();
    let bob = there.key("bob");
    let bundle = here.run("records export A002 --format json");
    bundle.ends(0);
    there.home.write("record.json.export", &bundle.stdout);
    let signers = here.home.file("config/allowed_signers");
    let verify =
        format!("records verify record.json.export --allowed-signers {}", signers.display());
    there.run(&verify).ends(3);
    let ran =
        there.run(&format!("records countersign record.json.export --key {}.pub", bob.display()));
    ran.ends(0);
    let made = there
        .home
        .files("")
        .into_iter()
        .find(|name| name.contains('_') && name.ends_with("sig"))
        .expect("a signature");
    let made = there.home.file(&made);
    // Nobody who seals at this place knows bob yet.
    let public = fs::read_to_string(bob.with_extension("pub")).unwrap();
    let mira = here.home.file("keys/mira.pub");
    let take_in =
        format!("records countersign A002 --signature {} --key {}", made.display(), mira.display());
    here.run(&take_in).ends(0);
    let verify = || here.run("records verify A002 --format json");
    let ran = verify();
    ran.ends(1);
    assert_eq!(answer(&ran.json()["records"][0], "countersigned")["state"], "bad");
    let list = fs::read_to_string(&signers).unwrap();
    here.home.write("config/allowed_signers", &format!("{list}bob@example.org {public}"));
    let ran = verify();
    ran.ends(0);
    assert_eq!(answer(&ran.json()["records"][0], "countersigned")["says"], "by bob@example.org");
    assert_eq!(
        answer(
            &here.run("records verify A001 --format json").json()["records"][0],
            "countersigned"
        )["says"],
        "solo: nobody else signed"
    );
    // The one who sealed it is no second person.
    let again = here.run(&format!("records countersign A002 --key {}", mira.display()));
    again.ends(1);
    assert!(again.stderr.contains("the same key"), "{}", again.stderr);
    // What was said about it is in the chain: without it the head names something that is gone.
    let said = here.dir().join("statements");
    for entry in fs::read_dir(&said).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    verify().ends(1);
}

#[test]
fn two_operators_cannot_fork_a_chain() {
    let archive = two();
    let first = Chain::open(&archive.places, &target()).expect("the chain");
    let second = Chain::open(&archive.places, &target());
    assert!(matches!(second, Err(StoreError::ChainLocked(_))), "{second:?}");
    drop(first);
    let chain = Chain::open(&archive.places, &target()).expect("the chain is free again");
    assert_eq!(chain.link().seq, Some(3));
}

#[test]
fn the_page_needs_nothing_but_itself() {
    let archive = two();
    let ran = archive.run("records export A001 --format html");
    ran.ends(0);
    let page = &ran.stdout;
    for part in
        ["<!doctype html>", "prefers-color-scheme:dark", "@media print", "signed-off", "valid"]
    {
        assert!(page.contains(part), "{part}");
    }
    // A rule that nothing may be loaded, and what fails says what to do.
    assert!(page.contains("content=\"default-src 'none'; style-src 'unsafe-inline'\""), "{page}");
    assert!(page.contains("<td class=\"bad\">not met</td>"), "{page}");
    let alone = archive.run("records export A001 --format html --allowed-signers /dev/null").stdout;
    assert!(alone.contains(">once you know whose key it is, add to allowed_signers: "), "{alone}");
    for part in ["<script", "http://", "https://", "src=", "url(", "@import"] {
        assert!(!page.contains(part), "{part}");
    }
    let markdown = archive.run("records export A001 --format md");
    markdown.ends(0);
    assert!(markdown.stdout.starts_with("# Gateway exposure"), "{}", markdown.stdout);
}

#[test]
fn the_register_of_residuals_says_what_is_over() {
    let archive = Archive::new();
    archive.seal(&Change1 { residual: Some(30), ..Change1::cleared("A001") }, None);
    let ran = archive.run("residuals list");
    ran.ends(0);
    assert!(ran.stdout.starts_with("holds ") && ran.stdout.contains("(mira"), "{}", ran.stdout);
    assert_eq!(
        archive.run("residuals list --expired").ends(0).stdout,
        "Nothing is accepted here.\n"
    );
    let archive = Archive::new();
    let past = now() - TimeDelta::days(40);
    archive.seal(&Change1 { at: past, residual: Some(30), ..Change1::cleared("A001") }, None);
    let ran = archive.run("residuals list --expired --format json");
    ran.ends(1);
    let document = ran.json();
    assert_eq!(document["residuals"][0]["state"], "expired");
    assert_eq!(document["residuals"][0]["residual"]["owner"], "mira");
}

#[test]
fn an_rsa_key_is_judged_through_ssh_keygen() {
    let archive = Archive::new();
    let key = archive.home.file("keys/rsa");
    crate::records::archive::make_key(&key, &["rsa", "-b", "2048"]);
    let public = fs::read_to_string(key.with_extension("pub")).unwrap();
    archive.home.write("config/allowed_signers", &format!("mira@example.org {public}"));
    archive.seal(&Change1::cleared("A001"), Some(&key));
    archive.run("records verify A001").ends(0);
    let without = archive.home.program(crate::home::PORTCULLIS);
    let mut without = unreachable(without);
    let ran = archive.home.finish(without.args(["records", "verify", "A001"]));
    ran.ends(3);
    assert!(ran.stdout.contains("left to ssh-keygen"), "{}", ran.stdout);
}

/// Takes everything off the PATH.
fn unreachable(mut command: Command) -> Command {
    command.env("PATH", "/nowhere");
    command
}
