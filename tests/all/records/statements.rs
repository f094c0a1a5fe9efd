//! What is said about a record after it was sealed: revoked, superseded, renewed, and honoured.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;

use chrono::TimeDelta;
use portcullis::openclaw::target::Target;
use serde_json::Value;

use crate::home::Ran;
use crate::records::archive::Archive;
use crate::records::archive::Change1;
use crate::records::archive::now;
use crate::records::archive::target;

/// Runs `portcullis` with words of which the last is a reason, spaces and all.
fn say(archive: &Archive, words: &str, reason: &str, key: Option<&Path>) -> Ran {
    let mut command = archive.home.program(crate::home::PORTCULLIS);
    command.args(words.split_whitespace()).args(["--name", "Mira", "--reason", reason]);
    match key {
        Some(key) => command.arg("--key").arg(key.with_extension("pub")),
        None => command.arg("--unsigned"),
    };
    archive.home.finish(&mut command)
}

/// Two records of one signer, the older one an hour old, the newer one with a residual.
fn two() -> (Archive, std::path::PathBuf) {
    let archive = Archive::new();
    let key = archive.signer("mira");
    let earlier = now() - TimeDelta::hours(1);
    archive.seal(&Change1 { at: earlier, ..Change1::cleared("A001") }, Some(&key));
    archive.seal(&Change1 { residual: Some(10), ..Change1::cleared("A002") }, Some(&key));
    (archive, key)
}

#[track_caller]
fn verified(archive: &Archive, id: &str, status: i32) -> Value {
    let ran = archive.run(&format!("records verify {id} --format json"));
    ran.ends(status);
    ran.json()["records"][0].clone()
}

fn answer<'a>(record: &'a Value, aspect: &str) -> &'a Value {
    let answers = record["answers"].as_array().expect("answers");
    answers.iter().find(|it| it["aspect"] == aspect).expect("an answer")
}

/// Checks a statement with the real ssh-keygen, and the head that names it.
#[track_caller]
fn stands(archive: &Archive, file: &str) {
    let statement = archive.dir().join("statements").join(file);
    for (path, namespace) in [
        (statement, "exposure-statement@portcullis"),
        (archive.dir().join("head"), "exposure-head@portcullis"),
    ] {
        let mut command = Command::new("ssh-keygen");
        command.args(["-Y", "verify", "-I", "mira@example.org", "-n", namespace, "-f"]);
        command.arg(archive.home.file("config/allowed_signers"));
        command.arg("-s").arg(format!("{}.sig", path.display()));
        command.stdin(fs::File::open(&path).expect("a file")).stdout(Stdio::null());
        assert!(command.status().expect("ssh-keygen").success(), "{}", path.display());
    }
}

#[test]
fn a_revoked_record_says_so_everywhere() {
    let (archive, key) = two();
    let ran = say(&archive, "records revoke A002", "sealed for the wrong host", Some(&key));
    ran.ends(0);
    assert!(ran.stdout.contains("Signed: SHA256:"), "{}", ran.stdout);
    stands(&archive, "000001-revoke.json");
    let record = verified(&archive, "A002", 1);
    assert_eq!(record["whole"], "revoked");
    let said = answer(&record, "outcome")["says"].as_str().unwrap();
    assert!(said.starts_with("revoked by mira@example.org on 20"), "{said}");
    assert!(said.ends_with(": sealed for the wrong host"), "{said}");
    assert_eq!(record["said"][0]["kind"], "revoke");
    assert_eq!(record["said"][0]["doubt"], Value::Null);
    assert_eq!(verified(&archive, "A001", 0)["whole"], "valid");
    archive.run("records verify --all").ends(1);
    let listed = archive.run("records list");
    listed.ends(0);
    let lines: Vec<&str> = listed.stdout.lines().collect();
    assert!(lines[0].contains("A002") && lines[0].ends_with("  REVOKED"), "{}", listed.stdout);
    assert!(lines[1].contains("A001") && !lines[1].contains("REVOKED"), "{}", listed.stdout);
    let listed = archive.run("records list --format json").json();
    assert_eq!(listed["records"][0]["withdrawn"]["says"], "sealed for the wrong host");
    assert_eq!(listed["records"][1]["withdrawn"], Value::Null);
    let page = archive.run("records show A002");
    page.ends(0);
    assert!(page.stdout.starts_with("> revoked by mira@example.org on 20"), "{}", page.stdout);
    let html = archive.run("records export A002 --format html");
    html.ends(0);
    assert!(html.stdout.contains("<p class=\"banner bad\">REVOKED. "), "{}", html.stdout);
    // What it accepted counts no more, and that is said.
    let residuals = archive.run("residuals list");
    residuals.ends(1);
    assert!(residuals.stdout.starts_with("void "), "{}", residuals.stdout);
    assert!(residuals.stderr.contains("does not count: revoked by"), "{}", residuals.stderr);
    // Once is enough, and it cannot be undone by a second word.
    for words in ["records revoke A002", "records supersede A002 --by A001"] {
        let again = say(&archive, words, "again", Some(&key));
        again.ends(1);
        assert!(again.stderr.contains("revoked by"), "{}", again.stderr);
    }
}

#[test]
fn a_third_person_with_the_exported_file_learns_that_it_is_revoked() {
    let (archive, key) = two();
    say(&archive, "records revoke A001", "it was about a test", Some(&key)).ends(0);
    let bundle = archive.run("records export A001 --format json");
    bundle.ends(0);
    archive.home.write("exported.json", &bundle.stdout);
    let record = verified(&archive, "exported.json", 1);
    assert_eq!(record["whole"], "revoked");
    // Without a list the key of the record itself is believed, and no other.
    fs::remove_file(archive.home.file("config/allowed_signers")).unwrap();
    assert_eq!(verified(&archive, "exported.json", 1)["whole"], "revoked");
    let mut edited = bundle.json();
    let statement = &mut edited["statements"]["000001-revoke.json"]["text"];
    let text = statement.as_str().unwrap().replace("a test", "a joke");
    *statement = text.into();
    archive.home.write("exported.json", &edited.to_string());
    let record = verified(&archive, "exported.json", 3);
    assert_eq!(record["whole"], "incomplete");
    assert_eq!(answer(&record, "outcome")["state"], "unknown");
}

#[test]
fn a_superseded_record_names_the_one_in_its_place() {
    let (archive, key) = two();
    let ran = say(&archive, "records supersede A002 --by A001", "sealed by mistake", Some(&key));
    ran.ends(0);
    stands(&archive, "000001-supersede.json");
    let record = verified(&archive, "A002", 1);
    assert_eq!(record["whole"], "superseded");
    let outcome = answer(&record, "outcome");
    assert!(
        outcome["says"].as_str().unwrap().contains("-A001, says mira@example.org"),
        "{outcome}"
    );
    assert!(outcome["remedy"].as_str().unwrap().ends_with("-A001"), "{outcome}");
    assert_eq!(verified(&archive, "A001", 0)["whole"], "valid");
    let listed = archive.run("records list").stdout;
    assert!(listed.lines().next().unwrap().ends_with("  superseded"), "{listed}");
    // The one in its place counts now, and it accepts nothing.
    let residuals = archive.run("residuals list");
    residuals.ends(0);
    assert_eq!(residuals.stdout, "Nothing is accepted here.\n");
    // No circles, and nobody in their own place.
    let back = say(&archive, "records supersede A001 --by A002", "no, that one", Some(&key));
    back.ends(1);
    let own = say(&archive, "records supersede A001 --by A001", "itself", Some(&key));
    own.ends(1);
    assert!(own.stderr.contains("its own place"), "{}", own.stderr);
}

#[test]
fn a_renewed_residual_holds_until_its_new_end() {
    let (archive, key) = two();
    let listed = archive.run("residuals list --format json").json();
    assert_eq!(listed["residuals"][0]["state"], "ends soon");
    let ran = say(&archive, "residuals renew audit --until 200", "still no audit", Some(&key));
    ran.ends(0);
    stands(&archive, "000001-renew.json");
    let listed = archive.run("residuals list --format json");
    listed.ends(0);
    let residual = &listed.json()["residuals"][0];
    assert_eq!((&residual["state"], &residual["renewed"]), (&"holds".into(), &true.into()));
    assert_eq!(residual["residual"]["reason"], "still no audit");
    let record = verified(&archive, "A002", 0);
    let said = answer(&record, "residuals")["says"].as_str().unwrap();
    assert!(said.ends_with(", 1 renewed"), "{said}");
    // A second renewal goes on from the first.
    say(&archive, "residuals renew audit --until 20", "until the audit", Some(&key)).ends(0);
    let listed = archive.run("residuals list --format json").json();
    assert_eq!(listed["residuals"][0]["residual"]["reason"], "until the audit");
    for (words, reason, cause) in [
        ("residuals renew audit --until 401", "for ever", "more than 400 days"),
        ("residuals renew audit --until 2020-01-01", "back then", "in the past"),
    ] {
        let ran = say(&archive, words, reason, Some(&key));
        ran.ends(1);
        assert!(ran.stderr.contains(cause), "{words}: {}", ran.stderr);
    }
    let silent = say(&archive, "residuals renew audit --until 20", " ", Some(&key));
    silent.ends(2);
    assert!(silent.stderr.contains("a reason is needed"), "{}", silent.stderr);
    say(&archive, "residuals renew health --until 20", "no such", Some(&key)).ends(2);
    say(&archive, "residuals renew audit --until 20 --target other", "x", Some(&key)).ends(2);
}

#[test]
fn what_has_expired_is_accepted_anew_and_not_renewed() {
    let archive = Archive::new();
    let key = archive.signer("mira");
    let past = now() - TimeDelta::days(40);
    archive.seal(&Change1 { at: past, residual: Some(30), ..Change1::cleared("A001") }, Some(&key));
    let ran = say(&archive, "residuals renew audit --until 20", "once more", Some(&key));
    ran.ends(1);
    assert!(ran.stderr.contains("it is open again"), "{}", ran.stderr);
    assert!(!archive.dir().join("statements").exists());
}

#[test]
fn a_word_that_nobody_stands_behind_is_a_doubt_and_no_renewal() {
    let (archive, key) = two();
    let mallory = archive.key("mallory");
    // Mallory is not on the list: the record is in doubt, not revoked.
    say(&archive, "residuals renew audit --until 300", "for mallory", Some(&mallory)).ends(0);
    let listed = archive.run("residuals list --format json");
    assert_eq!(listed.json()["residuals"][0]["renewed"], false);
    let ran = say(&archive, "records revoke A002", "so says mallory", Some(&mallory));
    assert!(ran.ends(3).stderr.contains("it is a claim and no more"), "{}", ran.stderr);
    let record = verified(&archive, "A002", 1);
    // Mallory's head is what is not trusted.
    assert_eq!(record["whole"], "untrusted");
    assert_eq!(answer(&record, "outcome")["state"], "unknown");
    let listed = archive.run("records list").stdout;
    assert!(listed.lines().next().unwrap().ends_with("revoked, says somebody"), "{listed}");
    // Whoever may says it again, and then it is so.
    say(&archive, "records revoke A002", "mallory is right", Some(&key)).ends(0);
    assert_eq!(verified(&archive, "A002", 1)["whole"], "revoked");
}

#[test]
fn about_an_unsigned_record_an_unsigned_word_will_do() {
    let archive = Archive::new();
    archive.seal(&Change1 { residual: Some(10), ..Change1::cleared("A001") }, None);
    let ran = say(&archive, "residuals renew audit --until 100", "still no audit", None);
    ran.ends(0);
    assert!(ran.stdout.contains("UNSIGNED"), "{}", ran.stdout);
    let listed = archive.run("residuals list --format json").json();
    assert_eq!(listed["residuals"][0]["renewed"], true);
    say(&archive, "records revoke A001", "never mind", None).ends(0);
    assert_eq!(verified(&archive, "A001", 1)["whole"], "revoked");
    // About a signed record it is a doubt.
    let (archive, _) = two();
    say(&archive, "records revoke A002", "never mind", None).ends(3);
    let record = verified(&archive, "A002", 3);
    assert_eq!(record["whole"], "incomplete");
    let said = answer(&record, "outcome")["says"].as_str().unwrap();
    assert!(said.ends_with("it is unsigned, and the record is not)"), "{said}");
    archive.run("residuals list").ends(1);
}

#[test]
fn whatever_is_done_to_a_statement_shows() {
    type Deed = fn(&Path);
    let deeds: [(&str, Deed); 9] = [
        ("the last is cut off", |dir| {
            fs::remove_file(dir.join("statements/000002-renew.json")).unwrap();
            fs::remove_file(dir.join("statements/000002-renew.json.sig")).unwrap();
        }),
        ("the first is taken out", |dir| {
            fs::remove_file(dir.join("statements/000001-revoke.json")).unwrap();
        }),
        ("all are removed", |dir| fs::remove_dir_all(dir.join("statements")).unwrap()),
        ("its signature is removed", |dir| {
            fs::remove_file(dir.join("statements/000001-revoke.json.sig")).unwrap();
        }),
        ("the last one's signature is removed", |dir| {
            fs::remove_file(dir.join("statements/000002-renew.json.sig")).unwrap();
        }),
        ("the signatures are swapped", |dir| {
            let said = dir.join("statements");
            let (a, b) = (said.join("000001-revoke.json.sig"), said.join("000002-renew.json.sig"));
            let keep = dir.join("keep");
            fs::rename(&a, &keep).unwrap();
            fs::rename(&b, &a).unwrap();
            fs::rename(&keep, &b).unwrap();
        }),
        ("a word is changed", |dir| {
            let path = dir.join("statements/000001-revoke.json");
            let text = fs::read_to_string(&path).unwrap();
            fs::write(path, text.replace("a test", "a joke")).unwrap();
        }),
        ("it is about another record", |dir| {
            let path = dir.join("statements/000001-revoke.json");
            let text = fs::read_to_string(&path).unwrap();
            let at = text.find("\"record\": \"").unwrap() + 11;
            let other = format!("{}{}{}", &text[..at], "0".repeat(64), &text[at + 64..]);
            fs::write(path, other).unwrap();
        }),
        ("it is there twice", |dir| {
            let said = dir.join("statements");
            for end in ["", ".sig"] {
                let from = said.join(format!("000001-revoke.json{end}"));
                fs::copy(from, said.join(format!("000003-revoke.json{end}"))).unwrap();
            }
        }),
    ];
    let (whole, key) = two();
    say(&whole, "records revoke A001", "it was about a test", Some(&key)).ends(0);
    say(&whole, "residuals renew audit --until 100", "still no audit", Some(&key)).ends(0);
    assert_eq!(verified(&whole, "A001", 1)["whole"], "revoked");
    assert_eq!(verified(&whole, "A002", 0)["whole"], "valid");
    for (what, deed) in deeds {
        let archive = whole.twin();
        deed(&archive.dir());
        let ran = archive.run("records verify A002 --format json");
        ran.ends(1);
        let record = &ran.json()["records"][0];
        assert_eq!(record["whole"], "invalid", "{what}: {}", ran.stdout);
        assert_eq!(answer(record, "chain")["state"], "bad", "{what}");
        assert!(answer(record, "chain")["remedy"].is_string(), "{what}");
    }
}

#[test]
fn the_records_of_one_gateway_are_not_those_of_another() {
    let (archive, _) = two();
    let other = archive.dir().with_file_name("other-00000000");
    fs::rename(archive.dir(), &other).unwrap();
    let ran = archive.run("records verify --all --format json");
    ran.ends(1);
    let document = ran.json();
    for record in document["records"].as_array().unwrap() {
        assert_eq!(record["whole"], "invalid");
        assert!(answer(record, "chain")["says"].as_str().unwrap().contains("another gateway"));
    }
}

#[test]
fn a_newest_record_that_was_cut_off_takes_what_is_accepted_with_it() {
    let archive = Archive::new();
    let key = archive.signer("mira");
    let earlier = now() - TimeDelta::hours(1);
    let first = Change1 { at: earlier, residual: Some(30), ..Change1::cleared("A001") };
    archive.seal(&first, Some(&key));
    archive.run("residuals list").ends(0);
    archive.seal(&Change1::cleared("A002"), Some(&key));
    let newest = portcullis::shell::chain::folders(&archive.dir()).pop().unwrap();
    fs::remove_dir_all(newest).unwrap();
    let ran = archive.run("residuals list");
    ran.ends(1);
    assert!(ran.stdout.starts_with("void "), "{}", ran.stdout);
    assert!(ran.stderr.contains("names another record"), "{}", ran.stderr);
}

#[test]
fn the_key_that_is_set_signs_where_none_is_named() {
    let (archive, _) = two();
    let bob = archive.signer("bob");
    let set = |path: &str| {
        let text = format!("operator = \"Bob\"\nsigning_key = \"{path}\"\n");
        archive.home.write("config/config.toml", &text);
    };
    let revoke = || {
        let mut command = archive.home.program(crate::home::PORTCULLIS);
        command.args(["records", "revoke", "A002", "--reason", "a test"]);
        archive.home.finish(&mut command)
    };
    set("~/keys/nobody.pub");
    let ran = revoke();
    ran.ends(2);
    assert!(ran.stderr.contains("`signing_key` in config.toml"), "{}", ran.stderr);
    set("~/keys/bob.pub");
    revoke().ends(0);
    let said = answer(&verified(&archive, "A002", 1), "outcome")["says"].clone();
    assert!(said.as_str().unwrap().starts_with("revoked by bob@example.org"), "{said}");
    let statement = fs::read_to_string(archive.dir().join("statements/000001-revoke.json"));
    assert!(statement.unwrap().contains("\"who\": \"Bob\""));
    drop(bob);
}

#[test]
fn a_countersignature_that_the_chain_cannot_take_leaves_nothing() {
    let (archive, _) = two();
    let bob = archive.signer("bob");
    let words = format!("records countersign A002 --key {}.pub", bob.display());
    let chain = portcullis::shell::chain::Chain::open(&archive.places, &target()).unwrap();
    let ran = archive.run(&words);
    ran.ends(1);
    assert!(ran.stderr.contains("another portcullis adds to these records"), "{}", ran.stderr);
    drop(chain);
    let signatures = |archive: &Archive| {
        let all = archive.home.files("data");
        all.into_iter().filter(|name| name.contains("/countersign/")).count()
    };
    assert_eq!(signatures(&archive), 0);
    let crashed = archive.twin();
    archive.run(&words).ends(0);
    assert_eq!(signatures(&archive), 1);
    let again = archive.run(&words);
    again.ends(1);
    assert!(again.stderr.contains("countersigned it already"), "{}", again.stderr);
    let record = verified(&archive, "A002", 0);
    assert_eq!(answer(&record, "countersigned")["says"], "by bob@example.org");
    // A signature that a crash left without its statement is taken in as it is.
    let folder = Path::new(record["folder"].as_str().unwrap()).file_name().unwrap().to_owned();
    let [from, to] = [&archive, &crashed].map(|it| it.dir().join(&folder).join("countersign"));
    fs::create_dir(&to).unwrap();
    for entry in fs::read_dir(&from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
    crashed.run(&words).ends(0);
    let record = verified(&crashed, "A002", 0);
    assert_eq!(record["said"][0]["kind"], "countersign");
    // Taken away, it is missed.
    fs::remove_dir_all(&from).unwrap();
    let record = verified(&archive, "A002", 1);
    assert_eq!(record["whole"], "invalid");
    assert!(answer(&record, "countersigned")["says"].as_str().unwrap().contains("is gone"));
}

#[test]
fn another_os_user_of_the_same_gateway_is_named() {
    let archive = Archive::new();
    archive.seal(&Change1::cleared("A001"), None);
    let config = archive.home.file(".openclaw/openclaw.json").canonicalize().unwrap();
    let mine = Target { user: "root".to_owned(), ..portcullis::shell::demo::target() };
    let told = || portcullis::shell::others::others(&archive.places, &mine, &config);
    assert_eq!(told(), Vec::<String>::new());
    let folder = portcullis::shell::chain::folders(&archive.dir()).remove(0);
    let path = folder.join("record.json");
    let text = fs::read_to_string(&path).unwrap();
    let text = text.replace("~/.openclaw/openclaw.json", &config.display().to_string());
    fs::write(&path, text).unwrap();
    let theirs = archive.dir().with_file_name("vega-00000000");
    fs::rename(archive.dir(), theirs).unwrap();
    let says = "OS user claw looks after this gateway too; what they seal is a chain of its own, \
                in vega-00000000 here";
    assert_eq!(told(), [says]);
}

#[test]
fn a_secret_of_the_config_that_slips_into_a_reason_is_masked() {
    const TOKEN: &str = "5f3b60c1d27e49a5b0836fd1c27a94e5aa";
    let (archive, key) = two();
    let config = format!("{{ gateway: {{ auth: {{ mode: 'token', token: '{TOKEN}' }} }} }}\n");
    archive.home.write(".openclaw/openclaw.json", &config);
    let reason = format!("the token {TOKEN} got out");
    say(&archive, "records revoke A001", &reason, Some(&key)).ends(0);
    say(&archive, "residuals renew audit --until 20", &reason, Some(&key)).ends(0);
    for file in archive.home.files("data") {
        assert!(!archive.home.read(&file).contains(TOKEN), "{file}");
    }
}

#[test]
fn a_policy_that_cannot_be_read_keeps_nobody_from_revoking() {
    let (archive, key) = two();
    archive.home.write("config/policy.toml", "nonsense");
    say(&archive, "records revoke A001", "a test", Some(&key)).ends(0);
    fs::remove_file(archive.home.file("config/policy.toml")).unwrap();
    assert_eq!(verified(&archive, "A001", 1)["whole"], "revoked");
}

#[test]
fn a_revocation_that_was_taken_out_does_not_bring_back_what_was_accepted() {
    let (archive, key) = two();
    let bob = archive.signer("bob");
    say(&archive, "records revoke A002", "a test", Some(&key)).ends(0);
    archive.run(&format!("records countersign A001 --key {}.pub", bob.display())).ends(0);
    assert!(archive.run("residuals list").stdout.starts_with("void "));
    for end in ["", ".sig"] {
        let path = archive.dir().join(format!("statements/000001-revoke.json{end}"));
        fs::remove_file(path).unwrap();
    }
    let ran = archive.run("residuals list");
    ran.ends(1);
    assert!(ran.stdout.starts_with("void "), "{}", ran.stdout);
    assert!(ran.stderr.contains("statement 1 is missing"), "{}", ran.stderr);
}

#[test]
fn a_record_whose_successor_is_gone_stays_superseded() {
    let (archive, key) = two();
    say(&archive, "records supersede A002 --by A001", "a mistake", Some(&key)).ends(0);
    archive.run("residuals list").ends(0);
    let first = portcullis::shell::chain::folders(&archive.dir()).remove(0);
    fs::remove_dir_all(first).unwrap();
    let ran = archive.run("residuals list");
    ran.ends(1);
    assert!(ran.stdout.starts_with("void "), "{}", ran.stdout);
    assert!(ran.stderr.contains("superseded by"), "{}", ran.stderr);
}
