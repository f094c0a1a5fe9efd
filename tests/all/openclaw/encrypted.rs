//! `portcullis connections` where TLS is spoken: by a real nginx before a real gateway, with
//! certificates that are right and wrong, and by a real gateway that signs its own.

use std::collections::BTreeMap;
use std::fs;

use rcgen::BasicConstraints;
use rcgen::CertificateParams;
use rcgen::CertifiedIssuer;
use rcgen::DnType;
use rcgen::IsCa;
use rcgen::KeyPair;
use rcgen::KeyUsagePurpose;
use rcgen::date_time_ymd;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use sha2::Digest;
use sha2::Sha256;

use crate::home::Home;
use crate::openclaw::connections::CONFIG;
use crate::openclaw::connections::SOUND;
use crate::openclaw::connections::TOKEN;
use crate::openclaw::connections::observed;
use crate::openclaw::connections::wait;
use crate::openclaw::gateway::Gateway;
use crate::openclaw::gateway::Installed;
use crate::openclaw::nginx::Nginx;
use crate::openclaw::proxied::report;

/// A gateway that makes its own certificate.
const OWN: &str = r#"{
  gateway: {
    mode: "local",
    bind: "loopback",
    port: PORT,
    tls: { enabled: true },
    auth: { mode: "token", token: "8f3b60c1d27e49a5b0836fd1c27a94e5" },
    controlUi: { allowedOrigins: ["https://claw.example"] },
  },
}
"#;

/// A certificate with its key, in PEM, and its fingerprint.
struct Shown {
    certificate: String,
    key: String,
    fingerprint: String,
}

/// An authority of our own. Two of the same name are not the same.
fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).expect("an authority");
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a signature")
}

/// Makes a certificate for a host with a time that begins and ends in these years.
fn issued(host: &str, years: (i32, i32), by: Option<&CertifiedIssuer<'static, KeyPair>>) -> Shown {
    let mut params = CertificateParams::new(vec![host.to_owned()]).expect("a host");
    params.not_before = date_time_ymd(years.0, 1, 1);
    params.not_after = date_time_ymd(years.1, 1, 1);
    let key = KeyPair::generate().expect("a key");
    let certificate = match by {
        Some(by) => params.signed_by(&key, by),
        None => params.self_signed(&key),
    }
    .expect("a signature");
    let digest = Sha256::digest(certificate.der());
    Shown {
        certificate: certificate.pem(),
        key: key.serialize_pem(),
        fingerprint: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}

/// How a server is tried and what must be said of it; none where all must be sound.
struct Case<'a> {
    url: String,
    options: &'a str,
    fault: Option<&'a str>,
}

#[test]
fn a_certificate_decides_whether_anything_is_sent_at_all() {
    let Some(openclaw) = Installed::find() else { return };
    let (home, port) = openclaw.home(CONFIG);
    let (ours, theirs, alike) = (authority("ours"), authority("theirs"), authority("ours"));
    let always = (2020, 4000);
    let shown = [
        issued("localhost", always, Some(&ours)),
        issued("localhost", (2020, 2024), Some(&ours)),
        issued("localhost", (3000, 4000), Some(&ours)),
        issued("elsewhere.example", always, Some(&ours)),
        issued("localhost", always, None),
    ];
    let names = ["right", "expired", "early", "elsewhere", "alone"];
    let mut files = Vec::new();
    for (name, shown) in names.iter().zip(&shown) {
        files.push((format!("{name}.pem"), shown.certificate.clone()));
        files.push((format!("{name}.key"), shown.key.clone()));
    }
    let pass = format!(
        "location / {{ proxy_pass http://127.0.0.1:{port}; proxy_http_version 1.1; \
         proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade; }}"
    );
    let server = |name: &str, rules: &str| {
        format!(
            "listen LISTEN ssl; ssl_certificate {name}.pem; ssl_certificate_key {name}.key; \
             access_log {name}.log; {rules} {pass}"
        )
    };
    let mut servers: Vec<String> = names.iter().map(|name| server(name, "")).collect();
    servers.push(server("right", "ssl_protocols TLSv1.2;"));
    servers.push(format!("listen LISTEN; {pass}"));
    let files: Vec<(&str, String)> =
        files.iter().map(|(name, text)| (name.as_str(), text.clone())).collect();
    let Some(nginx) = Nginx::serve(&servers, &files, None) else { return };
    let _gateway = Gateway::start(&home, port);
    home.write("ours.pem", &ours.pem());
    home.write("theirs.pem", &theirs.pem());
    home.write("alike.pem", &alike.pem());
    let home = home.with("GATEWAY_SECRET", TOKEN);

    let [right, expired, early, elsewhere, alone, old, plain] =
        [0, 1, 2, 3, 4, 5, 6].map(|place| format!("wss://localhost:{}", nginx.port(place)));
    let by_number = format!("https://127.0.0.1:{}", nginx.port(0));
    let pinned = format!("--tls-fingerprint {}", shown[0].fingerprint);
    let pinned_alone = format!("--tls-fingerprint SHA256:{}", shown[4].fingerprint.to_uppercase());
    let unknown = Some("cannot be trusted: nobody who is trusted here signed it");
    let not_pinned = Some("cannot be trusted: it is not the one that is expected");
    let other_host = Some("cannot be trusted: it is for another host");
    let case = |url: &str, options, fault| Case { url: url.to_owned(), options, fault };
    let cases = [
        case(&expired, "--ca-file ours.pem", Some("cannot be trusted: it expired on 2024-01-01")),
        case(&early, "--ca-file ours.pem", Some("cannot be trusted: it is not valid yet")),
        case(&elsewhere, "--ca-file ours.pem", other_host),
        case(&by_number, "--ca-file ours.pem", other_host),
        case(&right, "--ca-file theirs.pem", unknown),
        case(&right, "--ca-file alike.pem", unknown),
        case(&alone, "--ca-file ours.pem", unknown),
        case(&right, "", unknown),
        case(&alone, &pinned, not_pinned),
        case(&right, &pinned_alone, not_pinned),
        case(&plain, "--ca-file ours.pem", Some("it speaks no TLS, or none of today")),
        case(&right, "--ca-file ours.pem", None),
        case(&old, "--ca-file ours.pem", None),
        case(&right, &pinned, None),
        case(&by_number, &pinned, None),
        case(&alone, &pinned_alone, None),
    ];
    let mut wrong = Vec::new();
    for Case { url, options, fault } in &cases {
        let line =
            format!("connections --format json --secret-env GATEWAY_SECRET --url {url} {options}");
        let ran = home.run(&line);
        assert!(!ran.stdout.contains(TOKEN) && ran.stderr.is_empty(), "{}", ran.stderr);
        let (why, seen) = (ran.json()["unmeasured"].clone(), observed(&ran));
        let right = match fault {
            None => seen == SOUND.into() && ran.status == 0 && why.is_null(),
            Some(fault) => {
                let said = why.as_str().is_some_and(|why| why.contains(fault));
                seen.is_empty() && ran.status == 3 && said
            }
        };
        if !right {
            wrong.push(format!("{url} {options}: {}", ran.stdout));
        }
    }
    // No request came as far as a server whose certificate was refused every time.
    for name in ["expired", "early", "elsewhere"] {
        assert_eq!(nginx.read(&format!("{name}.log")), "");
    }
    assert!(nginx.read("right.log").contains("tools/invoke"));
    let probed = format!(
        "connections --format json --probe --secret-env GATEWAY_SECRET --url {right} --ca-file ours.pem"
    );
    assert_eq!(observed(home.run(&probed).ends(0)), SOUND.into());
    // What the machine trusts is trusted without a word.
    let ours = home.file("ours.pem").display().to_string();
    let home = home.with("SSL_CERT_FILE", &ours);
    let line = format!("connections --format json --secret-env GATEWAY_SECRET --url {right}");
    assert_eq!(observed(home.run(&line).ends(0)), SOUND.into());
    report("over TLS", cases.len() + 1, &wrong);
}

#[test]
fn a_gateway_that_signs_its_own_certificate_is_known_by_it() {
    let Some(openclaw) = Installed::find() else { return };
    let (home, port) = openclaw.home(OWN);
    let _gateway = Gateway::start_encrypted(&home, port);
    let ran = wait(&home, |ran| observed(ran).get("authorised") == Some(&true));
    assert_eq!(observed(ran.ends(0)), SOUND.into());
    let note = "Its certificate is the one of HOME/.openclaw/gateway/tls/gateway-cert.pem; by \
                whom, for which host and until when it was signed was not looked at.";
    assert_eq!(ran.json()["notes"][1], note);

    // Named by an address, it is as unknown as any other; pinned by the client's config, it is not.
    let home = home.with("GATEWAY_SECRET", TOKEN);
    let elsewhere = format!(
        "connections --format json --secret-env GATEWAY_SECRET --url wss://127.0.0.1:{port}"
    );
    refused(&home, &elsewhere, "nobody who is trusted here signed it");
    let shown = home.read(".openclaw/gateway/tls/gateway-cert.pem");
    let other = issued("localhost", (2020, 4000), None);
    let client = |fingerprint: &str| {
        OWN.replace("PORT", &port.to_string()).replace(
            "tls:",
            &format!(
                "remote: {{ url: 'wss://127.0.0.1:{port}', tlsFingerprint: '{fingerprint}' }}, tls:"
            ),
        )
    };
    home.write("client.json5", &client(&fingerprint(&shown)));
    let pinned = format!("{elsewhere} --config client.json5");
    assert_eq!(observed(home.run(&pinned).ends(0)), SOUND.into());
    // OpenClaw's own probe says the same, of the secret that is right and of one that is not.
    fs::create_dir(home.file("tmp")).expect("a folder");
    let home = home.with("WRONG", &TOKEN.replace('8', "7"));
    let folder = home.file("tmp").display().to_string();
    let home = home.with("TMPDIR", &folder);
    let cases = [("GATEWAY_SECRET", true, "let the probe in"), ("WRONG", false, "denied")];
    for (variable, let_in, said) in cases {
        let ran = home.run(&format!("{} --probe", pinned.replace("GATEWAY_SECRET", variable)));
        assert_eq!(observed(ran.ends(i32::from(!let_in)))["authorised"], let_in);
        let notes = ran.json()["notes"].clone();
        let last = notes.as_array().and_then(|notes| notes.last()?.as_str()).expect("a note");
        assert!(last.starts_with("openclaw gateway probe: ") && last.contains(said), "{last}");
        assert!(!ran.stdout.contains(TOKEN), "{}", ran.stdout);
    }
    assert_eq!(home.files("tmp").iter().filter(|file| file.contains("portcullis")).count(), 0);

    home.write("client.json5", &client(&other.fingerprint));
    refused(&home, &pinned, "it is not the one that is expected");

    // The config names the certificate's file.
    let named = OWN.replace("PORT", &port.to_string());
    let named = named.replace("enabled: true", "enabled: true, certPath: '~/kept.pem'");
    home.write("kept.pem", &shown);
    home.write("named.json5", &named);
    let ran = home.run("connections --format json --config named.json5");
    assert_eq!(observed(ran.ends(0)), SOUND.into());

    // The file holds another certificate than the gateway shows, or none.
    let own = ".openclaw/gateway/tls/gateway-cert.pem";
    home.write(own, &other.certificate);
    refused(&home, "connections --format json", "it is not the one that is expected");
    home.write(own, "no certificate");
    refused(&home, "connections --format json", "nobody who is trusted here signed it");
}

/// Works out the fingerprint of a certificate as its host would.
fn fingerprint(pem: &str) -> String {
    let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate");
    Sha256::digest(certificate)
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect::<Vec<_>>()
        .join(":")
}

#[track_caller]
fn refused(home: &Home, line: &str, fault: &str) {
    let ran = home.run(line);
    assert_eq!(observed(ran.ends(3)), BTreeMap::new());
    let why = ran.json()["unmeasured"].as_str().expect("a reason").to_owned();
    assert!(why.contains(&format!("cannot be trusted: {fault}.")), "{why}");
}
