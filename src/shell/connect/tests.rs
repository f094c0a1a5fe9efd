use std::net::Ipv4Addr;
use std::net::TcpListener;

use super::*;
use crate::openclaw::connection::Visit;
use crate::openclaw::connection::conclude;
use crate::openclaw::facts::Entry;
use crate::openclaw::facts::Secret;

const SECRET: &str = "8f3b60c1d27e49a5b0836fd1c27a94e5";

/// How long a server that never ends is borne here.
const SHORT: Duration = Duration::from_secs(2);

/// How long one is waited for that does answer, on a busy machine.
const LONG: Duration = Duration::from_secs(40);

/// Serves every connection in this way, for as long as the test lasts; returns its port and
/// everything that it was sent.
fn server(serve: fn(&mut TcpStream)) -> (u16, mpsc::Receiver<Vec<u8>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let (heard, all) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, heard) = (stream.unwrap(), heard.clone());
            thread::spawn(move || {
                let mut request = [0; 4096];
                let count = stream.read(&mut request).unwrap_or_default();
                let _ = heard.send(request[..count].to_vec());
                serve(&mut stream);
            });
        }
    });
    (port, all)
}

/// Tries such a server with a secret, and returns why it is unmeasured.
#[track_caller]
fn why(serve: fn(&mut TcpStream), patience: Duration) -> String {
    let (port, heard) = server(serve);
    let address = Address::loopback(port, false);
    let entry = Entry {
        mode: Some("token".to_owned()),
        secret: Ok(Secret::new(SECRET)),
        source: String::new(),
        user_header: None,
        required_headers: Vec::new(),
        users: Some(Vec::new()),
        allows_loopback: false,
        tls: false,
        certificate: None,
        remote: None,
    };
    let visit = Visit {
        address: address.clone(),
        trust: Trust::Machine,
        secret: entry.secret.clone(),
        entry,
        wrong: Secret::new("f".repeat(48)),
        session: Vec::new(),
        given: false,
        listening: None,
    };
    let begun = Instant::now();
    let door = Door::find(&address, &visit.trust).unwrap();
    let told = try_each(&door, &visit.tries(), patience);
    assert!(begun.elapsed() < patience + Duration::from_mins(1));
    let sent: Vec<u8> = heard.try_iter().flatten().collect();
    assert!(!String::from_utf8_lossy(&sent).contains(SECRET), "it was handed the secret");
    let proof = conclude(&visit, &told);
    assert!(proof.observed.is_empty() && proof.findings.is_empty(), "{proof:?}");
    let why = proof.unmeasured.unwrap();
    let end = why.split_once("refusal: ").map(|(_, end)| end.to_owned());
    end.unwrap_or(why)
}

#[test]
fn a_server_that_never_answers_is_unmeasured() {
    assert_eq!(
        why(|_| thread::sleep(Duration::from_mins(5)), SHORT),
        "no complete answer came in time."
    );
}

#[test]
fn a_server_that_answers_a_byte_at_a_time_is_unmeasured() {
    let drip: fn(&mut TcpStream) = |stream| {
        let endless = b"HTTP/1.1 200 OK\r\nX: ".iter().chain([b'y'].iter().cycle());
        for byte in endless {
            if stream.write_all(&[*byte]).is_err() {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
    };
    assert_eq!(why(drip, SHORT), "no complete answer came in time.");
}

#[test]
fn a_server_that_answers_without_end_is_unmeasured() {
    let head: fn(&mut TcpStream) = |stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n");
        while stream.write_all(&[b'y'; 4096]).is_ok() {}
    };
    assert_eq!(why(head, LONG), "the answer is longer than any gateway's.");
    let body: fn(&mut TcpStream) = |stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        while stream.write_all(&[b'{'; 4096]).is_ok() {}
    };
    assert_eq!(why(body, LONG), "HTTP 200 is not a gateway's answer.");
    let frames: fn(&mut TcpStream) = |stream| {
        let accept = "aFfwhaWAp7mQFZlIHVYSwMBvTTw=";
        let head = format!("HTTP/1.1 101 S\r\nSec-WebSocket-Accept: {accept}\r\n\r\n");
        let _ = stream.write_all(head.as_bytes());
        while stream.write_all(b"\x81\x02{}").is_ok() {}
    };
    assert_eq!(why(frames, LONG), "the answer is longer than any gateway's.");
}

#[test]
fn a_server_of_another_kind_is_unmeasured() {
    let garbled: fn(&mut TcpStream) = |stream| {
        let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n\0\xff\x1b[2J");
    };
    assert_eq!(why(garbled, LONG), "the answer is not a gateway's.");
    let closed: fn(&mut TcpStream) = |_| {};
    assert_eq!(why(closed, LONG), "the connection was closed before the answer was complete.");
    let web: fn(&mut TcpStream) = |stream| {
        let _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno");
    };
    assert!(why(web, LONG).starts_with("there is no /tools/invoke to ask (HTTP 404)"));
    let huge: fn(&mut TcpStream) = |stream| {
        let accept = "aFfwhaWAp7mQFZlIHVYSwMBvTTw=";
        let head = format!("HTTP/1.1 101 S\r\nSec-WebSocket-Accept: {accept}\r\n\r\n");
        let _ = stream.write_all(head.as_bytes());
        let _ = stream.write_all(b"\x81\x7f\x00\x00\xff\xff\xff\xff\xff\xff");
    };
    assert_eq!(why(huge, LONG), "the answer is longer than any gateway's.");
}

#[test]
fn a_port_where_nobody_listens_says_so() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let address = Address::loopback(port, false);
    let error = Line::open(resolve(&address).unwrap(), Instant::now() + PATIENCE).err();
    assert_eq!(in_words(&error.unwrap()), "nothing listens there");
}

#[test]
fn a_name_that_stands_for_nothing_is_no_address() {
    let address = Address::parse("ws://nobody.invalid:1").unwrap();
    assert_eq!(resolve(&address), Err("no address is known for `nobody.invalid`".to_owned()));
}
