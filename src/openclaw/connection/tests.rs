use std::collections::BTreeMap;

use super::*;
use crate::openclaw::proof::Proof;

const SECRET: &str = "8f3b60c1d27e49a5b0836fd1c27a94e5";
const WRONG: &str = "00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff";

const IN: Answer = Answer::LetIn;
const UNAUTHORISED: Answer = Answer::Refused(Refusal::Secret);
const DEVICE: Answer = Answer::Refused(Refusal::Device);
const ORIGIN: Answer = Answer::Refused(Refusal::Origin);
const ATTRIBUTION: Answer = Answer::Refused(Refusal::Attribution);
const LOGIN: Answer = Answer::TurnedBack(302);

fn entry(mode: &str) -> Entry {
    let proxied = mode == "trusted-proxy";
    Entry {
        mode: Some(mode.to_owned()),
        secret: Ok(Secret::new(SECRET)),
        source: "written in the config".to_owned(),
        user_header: proxied.then(|| "X-Forwarded-User".to_owned()),
        required_headers: vec!["x-forwarded-proto".to_owned(), "X-Proxy".to_owned()],
        users: Some(if proxied { vec!["mira@example.com".to_owned()] } else { Vec::new() }),
        allows_loopback: false,
        tls: false,
        certificate: None,
        remote: None,
    }
}

fn visit(mode: &str) -> Visit {
    let entry = entry(mode);
    let secret = match mode {
        "token" | "password" => entry.secret.clone(),
        mode => Err(format!("auth mode {mode} has no secret")),
    };
    Visit {
        address: Address::loopback(18_789, false),
        trust: Trust::Machine,
        entry,
        secret,
        wrong: Secret::new(WRONG),
        session: Vec::new(),
        given: false,
        listening: None,
    }
}

/// Visits a proxy, with a session.
fn through_a_proxy() -> Visit {
    Visit {
        address: Address::parse("ws://10.7.0.2:8080").unwrap(),
        session: vec![("Cookie".to_owned(), Secret::new("session=5e551on"))],
        given: true,
        ..visit("trusted-proxy")
    }
}

/// What a sound gateway answers.
fn sound(tried: &Try) -> Answer {
    match (tried.who, tried.over) {
        (Who::Authorised | Who::ForgedNobody | Who::ForgedUser | Who::ForgedBlank, _) => IN,
        (Who::Nobody, Over::WebSocket) => DEVICE,
        (Who::Nobody | Who::WrongSecret, _) => UNAUTHORISED,
        (Who::ForeignPage, _) => ORIGIN,
        (Who::ForgedStranger, _) => ATTRIBUTION,
    }
}

/// Concludes from what a gateway answers that is sound but for this.
fn but(visit: &Visit, answers: &[(Who, Over, Answer)]) -> Proof {
    let told = visit.tries().into_iter().map(|tried| {
        let other = answers.iter().find(|(who, over, _)| (*who, *over) == (tried.who, tried.over));
        let answer = other.map_or_else(|| sound(&tried), |(_, _, answer)| answer.clone());
        Told { who: tried.who, over: tried.over, answer }
    });
    conclude(visit, &told.collect::<Vec<_>>())
}

fn observed(proof: &Proof) -> BTreeMap<&str, bool> {
    let each = proof.observed.iter();
    each.map(|(path, value)| (path.trim_start_matches("connections."), *value == true)).collect()
}

fn found(proof: &Proof) -> Vec<&str> {
    proof.findings.iter().map(|found| found.check_id.as_str()).collect()
}

#[test]
fn a_sound_gateway_is_measured_whole() {
    let proof = but(&visit("token"), &[]);
    assert_eq!(
        observed(&proof),
        [
            ("authorised", true),
            ("refuses_forged", true),
            ("refuses_none", true),
            ("refuses_origin", true),
            ("refuses_wrong", true),
        ]
        .into()
    );
    assert_eq!((proof.unmeasured, proof.findings), (None, Vec::new()));
}

#[test]
fn a_gateway_without_auth_is_open_although_its_websocket_refuses() {
    let proof = but(
        &visit("none"),
        &[
            (Who::Nobody, Over::Http, IN),
            (Who::WrongSecret, Over::WebSocket, DEVICE),
            (Who::WrongSecret, Over::Http, IN),
        ],
    );
    assert!(!observed(&proof)["refuses_none"]);
    assert!(!observed(&proof)["refuses_wrong"]);
    assert!(observed(&proof)["authorised"]);
    assert_eq!(found(&proof), ["portcullis.connections.open"]);
}

#[test]
fn a_refusal_for_want_of_a_device_alone_proves_nothing() {
    let gone = Answer::Unclear("HTTP 500 is not a gateway's answer".to_owned());
    let proof = but(&visit("token"), &[(Who::Nobody, Over::Http, gone)]);
    assert_eq!(observed(&proof).get("refuses_none"), None);
    let proof = but(&visit("token"), &[(Who::Nobody, Over::Http, DEVICE)]);
    assert_eq!(observed(&proof).get("refuses_none"), None);
    assert!(proof.unmeasured.unwrap().contains("as a gateway without auth does"));
}

#[test]
fn a_secret_that_the_gateway_does_not_know_gets_nobody_in() {
    for over in [Over::WebSocket, Over::Http] {
        let proof = but(&visit("token"), &[(Who::Authorised, over, UNAUTHORISED)]);
        assert!(!observed(&proof)["authorised"]);
        assert_eq!(found(&proof), ["portcullis.connections.shut-out"]);
    }
}

#[test]
fn who_is_locked_out_or_wants_pairing_is_unmeasured() {
    let locked = Answer::Refused(Refusal::Locked);
    for (who, path) in [(Who::Authorised, "authorised"), (Who::WrongSecret, "refuses_wrong")] {
        let proof = but(&visit("token"), &[(who, Over::Http, locked.clone())]);
        assert_eq!(observed(&proof).get(path), None, "{path}");
        assert!(proof.unmeasured.unwrap().contains("locked out"));
    }
    let proof = but(&visit("token"), &[(Who::Authorised, Over::WebSocket, DEVICE)]);
    assert_eq!(observed(&proof).get("authorised"), None);
}

#[test]
fn a_page_is_judged_by_its_origin_and_by_nothing_else() {
    let says = |answer: Answer| {
        let proof = but(&visit("token"), &[(Who::ForeignPage, Over::WebSocket, answer)]);
        let truth = observed(&proof).get("refuses_origin").copied();
        (truth, proof.unmeasured.is_some(), proof.findings.len())
    };
    assert_eq!(says(ORIGIN), (Some(true), false, 0));
    assert_eq!(says(IN), (Some(false), false, 1));
    assert_eq!(says(UNAUTHORISED), (None, true, 0));
    assert_eq!(says(LOGIN), (None, true, 0));
}

#[test]
fn what_shows_neither_entry_nor_refusal_is_unmeasured_whole() {
    let silent = |answer: &Answer| {
        let visit = visit("token");
        let told = visit.tries().into_iter();
        let told = told.map(|it| Told { who: it.who, over: it.over, answer: answer.clone() });
        conclude(&visit, &told.collect::<Vec<_>>())
    };
    let proof = silent(&Answer::of(&Heard::Nothing(Silence::Garbled)));
    assert_eq!(
        proof.unmeasured.as_deref(),
        Some(
            "Something is at ws://127.0.0.1:18789, and shows neither entry nor refusal: the answer \
             is not a gateway's."
        )
    );
    assert!(proof.observed.is_empty() && proof.findings.is_empty());
    let proof = silent(&Answer::Unreached("nothing listens there".to_owned()));
    assert_eq!(
        proof.unmeasured.as_deref(),
        Some(
            "No gateway answered at ws://127.0.0.1:18789: nothing listens there. Start the \
             gateway, and run it again (port 18789)."
        )
    );
    assert!(proof.observed.is_empty());
}

#[test]
fn a_proxy_on_a_gateways_own_port_proves_no_refusal() {
    let proof = but(&visit("token"), &[(Who::WrongSecret, Over::Http, Answer::TurnedBack(401))]);
    assert_eq!(observed(&proof).get("refuses_wrong"), None);
}

#[test]
fn a_forger_on_this_host_is_let_in_only_where_that_was_asked_for() {
    let forged = [
        (Who::ForgedStranger, Over::WebSocket, IN),
        (Who::ForgedStranger, Over::Http, IN),
        (Who::WrongSecret, Over::Http, UNAUTHORISED),
    ];
    let proof = but(&visit("trusted-proxy"), &forged);
    assert!(!observed(&proof)["refuses_forged"]);
    assert_eq!(found(&proof), ["portcullis.connections.forged"]);
    let mut allowed = visit("trusted-proxy");
    allowed.entry.allows_loopback = true;
    let proof = but(&allowed, &forged);
    assert_eq!(observed(&proof).get("refuses_forged"), None);
    assert!(proof.findings.is_empty());
    assert!(proof.notes.iter().any(|note| note.contains("as allowLoopback says")));
    assert_eq!(
        proof.unmeasured.as_deref(),
        Some("An authorised client can only be tried through the proxy: --url names it.")
    );
}

#[test]
fn a_proxy_overwrites_only_where_it_is_seen_to_over_both_ways() {
    #[track_caller]
    fn says(visit: &Visit, answers: &[(Who, Over, Answer)], expected: Option<bool>) {
        let proof = but(visit, answers);
        assert_eq!(observed(&proof).get("proxy_overwrites").copied(), expected, "{proof:#?}");
        let forged = found(&proof).contains(&"portcullis.connections.forged");
        assert_eq!(forged, expected == Some(false));
    }
    let sound = through_a_proxy();
    says(&sound, &[], Some(true));
    for over in [Over::WebSocket, Over::Http] {
        // The name of the client goes through, and is not on the list.
        says(&sound, &[(Who::ForgedNobody, over, UNAUTHORISED)], Some(false));
        // Nobody is named but by the client.
        says(&sound, &[(Who::Authorised, over, UNAUTHORISED)], Some(false));
        // A header stands for the session.
        says(&sound, &[(Who::ForgedStranger, over, IN)], Some(false));
        // A proxy that refuses what is forged.
        says(&sound, &[(Who::ForgedNobody, over, Answer::TurnedBack(400))], Some(true));
        // The session has ended.
        says(&sound, &[(Who::Authorised, over, LOGIN), (Who::ForgedUser, over, LOGIN)], None);
        says(
            &sound,
            &[(Who::ForgedNobody, over, Answer::of(&Heard::Nothing(Silence::Slow)))],
            None,
        );
    }
    let mut anyone = through_a_proxy();
    anyone.entry.users = Some(Vec::new());
    says(&anyone, &[], None);
    says(&anyone, &[(Who::ForgedBlank, Over::Http, UNAUTHORISED)], Some(false));
}

#[test]
fn without_a_session_a_login_is_all_that_shows() {
    let mut stranger = through_a_proxy();
    stranger.session.clear();
    let turned_back = [Who::Nobody, Who::ForgedStranger, Who::ForgedNobody, Who::ForeignPage];
    let answers: Vec<_> = turned_back
        .into_iter()
        .flat_map(|who| [(who, Over::WebSocket, LOGIN), (who, Over::Http, LOGIN)])
        .collect();
    let proof = but(&stranger, &answers);
    assert_eq!(observed(&proof), [("refuses_forged", true), ("refuses_none", true)].into());
    assert!(proof.unmeasured.unwrap().contains("no session was given"));
}

#[test]
fn only_who_may_know_the_secret_sends_it() {
    for visit in [visit("token"), visit("password"), through_a_proxy()] {
        let mut wrong = 0;
        for tried in visit.tries() {
            let sent = tried.request(&visit.address) + &tried.connect();
            let knows = matches!(tried.who, Who::Authorised | Who::ForeignPage);
            assert_eq!(sent.contains(SECRET), knows && visit.secret.is_ok(), "{tried:?}");
            wrong += usize::from(tried.connect().contains(WRONG));
            let stranger = matches!(tried.who, Who::Nobody | Who::ForgedStranger);
            assert_eq!(sent.contains("5e551on"), visit.given && !stranger, "{tried:?}");
            let debug = format!("{tried:?} {visit:?}");
            assert!(!debug.contains(SECRET) && !debug.contains("5e551on"), "{debug}");
        }
        assert_eq!(wrong, if visit.given { 0 } else { 2 });
    }
}

#[test]
fn a_forger_writes_all_that_the_gateway_asks_of_a_proxy() {
    let visit = through_a_proxy();
    let all = visit.tries();
    let find = |who| all.iter().find(|it| it.who == who && it.over == Over::Http).unwrap();
    assert_eq!(
        find(Who::ForgedStranger).request(&visit.address),
        "POST /tools/invoke HTTP/1.1\r\nHost: 10.7.0.2:8080\r\nUser-Agent: portcullis\r\n\
         X-Forwarded-User: mira@example.com\r\nX-Forwarded-For: 203.0.113.9\r\n\
         X-Forwarded-Proto: https\r\nX-Forwarded-Host: 10.7.0.2:8080\r\nX-Proxy: 1\r\n\
         Connection: close\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    );
    let nobody = find(Who::ForgedNobody).request(&visit.address);
    assert!(nobody.contains("X-Forwarded-User: portcullis-nobody@portcullis.invalid\r\n"));
}

#[test]
fn a_header_is_one_line() {
    assert!(is_header("Cookie", "a=b; c=d"));
    assert!(is_header("X", ""));
    for (name, value) in [("", "x"), ("A B", "x"), ("A:", "x"), ("A", "x\r\nB: y"), ("A", "\0")] {
        assert!(!is_header(name, value), "{name:?} {value:?}");
    }
}
