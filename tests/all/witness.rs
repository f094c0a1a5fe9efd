//! What other programs really print is read rightly.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use portcullis::openclaw::finding::Report;
use portcullis::openclaw::witness::Asked;
use portcullis::openclaw::witness::Witness;

fn listening() -> (TcpListener, Asked) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("its address").port();
    (listener, Asked { port, user_header: Some("X-Forwarded-User".to_owned()), commanding: None })
}

/// Runs a program, or says loudly that it is missing.
fn printed(program: &str, arguments: &[&str]) -> Option<String> {
    use std::io::Write;

    let Ok(output) = Command::new(program).args(arguments).output() else {
        let line = format!("\nSKIPPED what `{program}` really prints: it is not here\n");
        std::io::stderr().write_all(line.as_bytes()).expect("stderr");
        return None;
    };
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[track_caller]
fn addresses(report: &Report) -> Vec<&str> {
    let addresses = report.observed["listener.addresses"].as_array().expect("a list");
    addresses.iter().filter_map(|address| address.as_str()).collect()
}

#[test]
fn a_socket_of_ours_is_found_in_what_ss_prints() {
    let (_listener, asked) = listening();
    let Some(text) = printed("ss", &["-ltnp"]) else { return };
    let report = Witness::Sockets.read(&text, &asked).expect("a list");
    assert_eq!(addresses(&report), ["127.0.0.1"]);
    let wide = TcpListener::bind(("::", asked.port));
    if wide.is_ok() {
        let text = printed("ss", &["-ltnp"]).expect("it was there");
        let report = Witness::Sockets.read(&text, &asked).expect("a list");
        assert_eq!(addresses(&report), ["127.0.0.1", "::"]);
        assert_eq!(report.observed["listener.loopback_only"], false);
    }
}

#[test]
fn a_socket_of_ours_is_found_in_what_lsof_prints() {
    let (_listener, asked) = listening();
    let Some(text) = printed("lsof", &["-nP", "-iTCP", "-sTCP:LISTEN"]) else { return };
    let report = Witness::Sockets.read(&text, &asked).expect("a list");
    assert_eq!(addresses(&report), ["127.0.0.1"]);
}

#[test]
fn what_nginx_prints_of_itself_is_read() {
    let nginx = "/usr/sbin/nginx";
    let folder = tempfile::tempdir().expect("a folder");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("a mode");
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("a file");
    let path = |name: &str| folder.path().join(name).display().to_string();
    write(
        "claw.conf",
        "server { listen 127.0.0.1:1; server_name claw; include headers.inc; location / { proxy_pass http://claw; } location /ws { proxy_set_header Upgrade $http_upgrade; proxy_pass http://claw; } }\n",
    );
    write(
        "headers.inc",
        "proxy_set_header X-Forwarded-For $remote_addr;\nproxy_set_header X-Real-IP $remote_addr;\nproxy_set_header X-Forwarded-User \"\";\n",
    );
    write(
        "nginx.conf",
        &format!(
            "pid {};\nevents {{ }}\nhttp {{\n  # nothing }} here\n  upstream claw {{ server 127.0.0.1:18789; }}\n  include *claw.conf;\n}}\n",
            path("pid")
        ),
    );
    if !Path::new(nginx).exists() {
        let required = ["CI", "PORTCULLIS_REQUIRE_NGINX"];
        assert!(required.iter().all(|name| std::env::var_os(name).is_none()), "no nginx");
    }
    let Some(text) = printed(
        nginx,
        &["-T", "-c", &path("nginx.conf"), "-p", &path(""), "-g", "error_log stderr;"],
    ) else {
        return;
    };
    let asked =
        Asked { port: 18789, user_header: Some("X-Forwarded-User".to_owned()), commanding: None };
    let report = Witness::Nginx.read(&text, &asked).unwrap_or_else(|why| panic!("{why}:\n{text}"));
    assert_eq!(
        report.notes,
        ["location / of claw leads to http://claw", "location /ws of claw leads to http://claw"]
    );
    assert_eq!(report.observed["nginx.overwrites_forwarded"], false);
    assert_eq!(report.findings[0].detail, "- location /ws of claw: X-Forwarded-For is not set\n");
    write(
        "claw.conf",
        "server { listen 127.0.0.1:1; server_name claw; include headers.inc; location / { proxy_pass http://claw; } }\n",
    );
    let text = printed(
        nginx,
        &["-T", "-c", &path("nginx.conf"), "-p", &path(""), "-g", "error_log stderr;"],
    );
    let report = Witness::Nginx.read(&text.expect("it is there"), &asked).expect("a config");
    assert_eq!(report.observed["nginx.overwrites_forwarded"], true);
    assert_eq!(report.observed["nginx.overwrites_user"], true);
}
