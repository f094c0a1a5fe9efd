//! Secrets in logs are found by value and told by name.

use std::fs::File;
use std::io::Write;

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
