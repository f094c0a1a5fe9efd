//! Secrets in logs are found by value and told by name.

use std::fs;
use std::fs::File;
use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::home::Home;
use crate::openclaw::gateway::Gateway;
use crate::openclaw::gateway::Installed;

const TOKEN: &str = "b7e1c2f09a4d4c1e8f6a5b3d2c1e0f9a8b7c6d5e4f3a2b1c";

const CONFIG: &str = r#"{
  gateway: { mode: "local", bind: "loopback", port: PORT, auth: { mode: "token", token: "TOKEN" } },
  logging: { file: "LOG", level: "debug" },
}
"#;

#[test]
fn a_real_gateways_log_is_clean_until_a_secret_stands_in_it() {
    let Some(openclaw) = Installed::find() else { return };
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("gateway.log");
    let config = CONFIG.replace("TOKEN", TOKEN).replace("LOG", log.to_str().unwrap());
    let (home, port) = openclaw.home(&config);
    let gateway = Gateway::start(&home, port);
    assert_eq!(gateway.invoke(Some(TOKEN)), Some(400));

    let ran = home.run("logs --format json");
    let document = ran.ends(0).json();
    assert_eq!(document["observed"]["logs.clean"], true, "{document}");
    let named = format!("Log: {}", log.display());
    assert!(document["notes"].as_array().unwrap().contains(&named.clone().into()), "{document}");

    let mut file = File::options().append(true).open(&log).unwrap();
    writeln!(file, "{{\"client\":\"someone {TOKEN}\"}}\n{TOKEN}").unwrap();
    let ran = home.run("logs");
    ran.ends(1);
    assert!(ran.stdout.contains("gateway.auth.token"), "{}", ran.stdout);
    assert!(ran.stdout.contains(&format!("{} line ", log.display())), "{}", ran.stdout);
    assert!(ran.stdout.contains(", 2 times"), "{}", ran.stdout);
    assert!(!format!("{}{}", ran.stdout, ran.stderr).contains(TOKEN), "the secret is shown");
}

#[test]
fn a_log_that_cannot_be_searched_leaves_the_answer_open() {
    let home = Home::empty();
    let log = home.file("logs/gateway.log");
    let config = CONFIG.replace("TOKEN", TOKEN).replace("PORT", "18789");
    home.write(".openclaw/openclaw.json", &config.replace("LOG", log.to_str().unwrap()));
    home.write("logs/gateway.log", "nothing\n");
    mkfifo(&home.file("logs/gateway.log.1"), Mode::S_IRUSR).unwrap();
    let ran = home.run("logs --format json");
    let document = ran.ends(3).json();
    assert!(document["observed"].as_object().unwrap().is_empty(), "{document}");
    let why = document["unmeasured"].as_str().unwrap();
    assert!(why.contains("gateway.log.1: not a regular file"), "{why}");
}

#[test]
fn a_secret_that_is_not_visible_here_leaves_the_answer_open() {
    let home = Home::empty();
    let log = home.file("gateway.log");
    let config = CONFIG.replace("TOKEN", "${NOT_SET_HERE}").replace("PORT", "18789");
    home.write(".openclaw/openclaw.json", &config.replace("LOG", log.to_str().unwrap()));
    home.write("gateway.log", "nothing\n");
    let ran = home.run("logs");
    ran.ends(3);
    assert!(ran.stdout.contains("not visible here, so not looked for: env NOT_SET_HERE"));
}

#[test]
fn the_logs_of_other_gateways_do_not_stand_in_for_this_ones() {
    let home = Home::empty();
    let log = home.file("gone.log");
    let config = CONFIG.replace("TOKEN", TOKEN).replace("PORT", "18789");
    home.write(".openclaw/openclaw.json", &config.replace("LOG", log.to_str().unwrap()));
    home.write(".openclaw/logs/other.log", "nothing\n");
    let document = home.run("logs --format json").ends(3).json();
    assert!(document["observed"].as_object().unwrap().is_empty(), "{document}");
    let why = document["unmeasured"].as_str().unwrap();
    assert!(why.contains("the log that the config names"), "{why}");
}

/// A unit of the user's own that starts the gateway.
fn service(home: &Home) {
    home.write(
        ".config/systemd/user/openclaw-gateway.service",
        "[Service]\nExecStart=/usr/bin/openclaw gateway run\n",
    );
    home.write(".openclaw/logs/gateway.log", "nothing\n");
    let config = CONFIG.replace("TOKEN", TOKEN).replace("PORT", "18789");
    home.write(
        ".openclaw/openclaw.json",
        &config.replace("  logging: { file: \"LOG\", level: \"debug\" },\n", ""),
    );
}

/// Puts a stand-in for journalctl first on the PATH: the journal of a test would be the system's.
fn journalctl(home: Home, script: &str) -> Home {
    let program = home.write("bin/journalctl", &format!("#!/bin/sh\n{script}"));
    fs::set_permissions(program, Permissions::from_mode(0o700)).expect("an executable file");
    let folder = home.file("bin");
    home.on_path(&folder)
}

const SLOW: &str = "it did not come to its end in time";

const JOURNAL: &str = "journalctl --user -u openclaw-gateway.service -o export --no-pager";

#[test]
fn the_journal_of_a_service_is_searched_as_its_log_files_are() {
    let says = |script: &str| {
        let home = journalctl(Home::empty(), script);
        service(&home);
        let ran = home.run("logs --format json");
        assert!(!format!("{}{}", ran.stdout, ran.stderr).contains(TOKEN), "the secret is shown");
        let document = ran.json();
        let clean = document["observed"]["logs.clean"].as_bool();
        (ran.status, clean, document, home)
    };
    let asked = "echo \"$@\" >\"$HOME/asked\"; env >\"$HOME/environment\"";
    let (status, clean, document, home) =
        says(&format!("{asked}; printf '__CURSOR=s\\nMESSAGE=ready\\n\\n'"));
    assert_eq!((status, clean), (0, Some(true)), "{document}");
    assert_eq!(format!("journalctl {}", home.read("asked")), format!("{JOURNAL}\n"));
    assert!(document["notes"].to_string().contains(&format!("Log: {JOURNAL}")), "{document}");
    assert!(!home.read("environment").contains("OPENCLAW"), "{}", home.read("environment"));

    let argv = format!("printf '__CURSOR=s\\n_CMDLINE=node gateway --token {TOKEN}\\n\\n'");
    let (status, clean, document, _home) = says(&argv);
    assert_eq!((status, clean), (1, Some(false)), "{document}");
    let detail = format!("{JOURNAL} line 2: gateway.auth.token.");
    assert_eq!(document["findings"][0]["detail"], detail.as_str());

    // What is not searched to its end is not clean; what was found there is found.
    let (status, clean, document, _home) = says(&format!("{argv}; exit 1"));
    assert_eq!((status, clean), (1, Some(false)), "{document}");
    for (script, whys) in [
        (
            "exit 0",
            &["it prints nothing: nothing was logged there, or this user may not read it"][..],
        ),
        ("echo MESSAGE=ready; exit 1", &["it failed"]),
        ("yes MESSAGE=ready", &["there is more than can be searched", SLOW]),
        ("echo MESSAGE=ready; exec sleep 300", &[SLOW]),
    ] {
        let (status, clean, document, _home) = says(script);
        assert_eq!((status, clean), (3, None), "{document}");
        let said = document["unmeasured"].as_str().expect("a reason");
        assert!(whys.iter().any(|why| said.ends_with(&format!("{JOURNAL}: {why}."))), "{said}");
    }
}

#[test]
fn without_a_unit_no_journal_is_asked() {
    let home = journalctl(Home::empty(), "touch \"$HOME/asked\"; echo MESSAGE=ready");
    service(&home);
    fs::remove_dir_all(home.file(".config")).expect("no unit");
    let document = home.run("logs --format json").ends(0).json();
    assert!(document["notes"].to_string().contains("anything about the journal,"), "{document}");
    assert!(!home.file("asked").exists());
}
