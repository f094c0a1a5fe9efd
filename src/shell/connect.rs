//! Trying the gateway's door over real sockets: each answer bounded in time and in length.
#![expect(clippy::disallowed_methods, reason = "one of the modules that touch the world")]

mod tls;

use std::io;
use std::io::ErrorKind;
use std::io::Read;
use std::io::Write;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::net::ToSocketAddrs;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use serde_json::Value;
use tungstenite::Error;
use tungstenite::Message;
use tungstenite::WebSocket;
use tungstenite::protocol::Role;
use tungstenite::protocol::WebSocketConfig;

use crate::openclaw::connection::Address;
use crate::openclaw::connection::Answer;
use crate::openclaw::connection::Head;
use crate::openclaw::connection::Heard;
use crate::openclaw::connection::NoHead;
use crate::openclaw::connection::Over;
use crate::openclaw::connection::Silence;
use crate::openclaw::connection::Told;
use crate::openclaw::connection::Trust;
use crate::openclaw::connection::Try;
pub use crate::shell::connect::tls::Tls;
pub use crate::shell::connect::tls::fingerprint;

/// How long a gateway may take for one answer. Who takes longer is not asked again.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// How long all of them may take together.
const ALTOGETHER: Duration = Duration::from_secs(45);

/// How much of a body in HTTP is read; the gateway's refusals are a line.
const BODY: usize = 64 << 10;

/// How much is read of a connection; the gateway's welcome takes 15 KB where there is little to tell.
const LONGEST: usize = 8 << 20;

/// How many messages may come before the one that counts.
const MESSAGES: usize = 64;

/// Where the door is, and how it is spoken to there.
#[derive(Debug)]
pub struct Door {
    address: Address,
    at: SocketAddr,
    tls: Option<Tls>,
}

impl Door {
    /// Finds the address that a host stands for, and what TLS takes where it is spoken.
    ///
    /// # Errors
    ///
    /// Why there is none, in words.
    pub fn find(address: &Address, trust: &Trust) -> Result<Self, String> {
        let tls = address.is_tls().then(|| Tls::new(address, trust)).transpose()?;
        Ok(Self { address: address.clone(), at: resolve(address)?, tls })
    }

    /// Returns the IP address.
    #[must_use]
    pub fn ip(&self) -> IpAddr {
        self.at.ip()
    }
}

fn resolve(address: &Address) -> Result<SocketAddr, String> {
    let host = address.host().to_owned();
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(SocketAddr::new(ip, address.port()));
    }
    let port = address.port();
    let (found, answer) = mpsc::channel();
    // The system's own search knows no deadline; a thread that is still at it dies with us.
    thread::spawn(move || {
        let first = (host.as_str(), port).to_socket_addrs().map(|mut all| all.next());
        let _ = found.send(first.ok().flatten());
    });
    answer
        .recv_timeout(PATIENCE)
        .ok()
        .flatten()
        .ok_or_else(|| format!("no address is known for `{}`", address.host()))
}

/// Tries each in turn. Once one is not answered in time, the rest are not tried; nor are they
/// where the first, which hold no secret, show that this is no gateway.
#[must_use]
pub fn try_each(door: &Door, tries: &[Try], patience: Duration) -> Vec<Told> {
    let end = Instant::now() + patience.max(ALTOGETHER);
    let mut told: Vec<Told> = Vec::new();
    let mut give_up = false;
    for tried in tries {
        let heard = if give_up {
            Heard::Nothing(Silence::Unasked)
        } else {
            ask(door, tried, (Instant::now() + patience).min(end))
        };
        give_up |= matches!(
            heard,
            Heard::Unreached(_) | Heard::Untrusted(_) | Heard::Nothing(Silence::Slow)
        );
        told.push(Told { who: tried.who, over: tried.over, answer: Answer::of(&heard) });
        give_up |= told.len() == 2 && told.iter().all(|it| matches!(it.answer, Answer::Unclear(_)));
    }
    told
}

/// Tries one connection.
fn ask(door: &Door, tried: &Try, until: Instant) -> Heard {
    let line = match Line::open(door.at, until) {
        Ok(line) => line,
        Err(error) => return Heard::Unreached(in_words(&error)),
    };
    match &door.tls {
        None => speak(line, &door.address, tried),
        Some(tls) => match tls.greet(line) {
            Ok(line) => speak(line, &door.address, tried),
            Err(heard) => heard,
        },
    }
}

/// Says what a connection is there to say, and hears the answer.
fn speak(mut line: impl Read + Write, address: &Address, tried: &Try) -> Heard {
    let spoken = line.write_all(tried.request(address).as_bytes()).and_then(|()| line.flush());
    if let Err(error) = spoken {
        return Heard::Nothing(silence(&error));
    }
    let mut read = Vec::new();
    let head = match head(&mut line, &mut read) {
        Ok(head) => head,
        Err(silence) => return Heard::Nothing(silence),
    };
    match tried.over {
        Over::WebSocket if head.upgraded => {
            let rest = read.get(head.end..).unwrap_or_default().to_vec();
            converse(line, rest, tried).unwrap_or_else(Heard::Nothing)
        }
        Over::WebSocket | Over::Http => match body(&mut line, read, head) {
            Ok(body) => Heard::Http { status: head.status, body },
            Err(silence) => Heard::Nothing(silence),
        },
    }
}

/// Reads until the head of an answer is complete.
fn head(line: &mut impl Read, read: &mut Vec<u8>) -> Result<Head, Silence> {
    let mut part = [0; 4096];
    loop {
        match Head::parse(read) {
            Ok(head) => return Ok(head),
            Err(NoHead::Long) => return Err(Silence::Long),
            Err(NoHead::Garbled) => return Err(Silence::Garbled),
            Err(NoHead::Yet) => {}
        }
        match line.read(&mut part) {
            Ok(0) => return Err(Silence::Closed),
            Ok(count) => read.extend_from_slice(part.get(..count).unwrap_or_default()),
            Err(error) => return Err(silence(&error)),
        }
    }
}

/// Reads the beginning of a body, to its end where it is short.
fn body(line: &mut impl Read, read: Vec<u8>, head: Head) -> Result<Vec<u8>, Silence> {
    let mut body = read;
    body.drain(..head.end);
    let wanted = head.length.unwrap_or(BODY).min(BODY);
    let mut part = [0; 4096];
    // A server that keeps the connection says in its last chunk that nothing more comes.
    while body.len() < wanted && !(head.length.is_none() && body.ends_with(b"0\r\n\r\n")) {
        match line.read(&mut part) {
            Ok(0) => break,
            Ok(count) => body.extend_from_slice(part.get(..count).unwrap_or_default()),
            // The rest may be cut off once the head has said what there is to say.
            Err(error) if is_cut_off(&error) => break,
            Err(error) => return Err(silence(&error)),
        }
    }
    Ok(body)
}

/// Tells whether the other side ended the connection without a goodbye.
fn is_cut_off(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof)
}

/// Answers the gateway's challenge and waits for its word.
fn converse(line: impl Read + Write, rest: Vec<u8>, tried: &Try) -> Result<Heard, Silence> {
    let config = WebSocketConfig::default()
        .read_buffer_size(16 << 10)
        .max_message_size(Some(LONGEST))
        .max_frame_size(Some(LONGEST));
    let mut socket = WebSocket::from_partially_read(line, rest, Role::Client, Some(config));
    let mut asked = false;
    for _ in 0..MESSAGES {
        let message = socket.read().map_err(|error| unheard(&error))?;
        let Message::Text(text) = message else {
            if message.is_close() {
                return Err(Silence::Closed);
            }
            continue;
        };
        let frame: Value = serde_json::from_str(text.as_str()).map_err(|_| Silence::Garbled)?;
        let says = |key: &str, word: &str| frame.get(key).is_some_and(|value| value == word);
        if says("type", "event") && says("event", "connect.challenge") && !asked {
            asked = true;
            let connect = Message::text(tried.connect());
            socket.send(connect).map_err(|error| unheard(&error))?;
        } else if says("type", "res") && says("id", "1") && asked {
            // A goodbye that does not arrive changes nothing.
            let _ = socket.close(None).and_then(|()| socket.flush());
            return Ok(Heard::Frame(frame));
        }
    }
    Err(Silence::Long)
}

fn unheard(error: &Error) -> Silence {
    match error {
        Error::Io(error) => silence(error),
        Error::ConnectionClosed | Error::AlreadyClosed => Silence::Closed,
        Error::Capacity(_) => Silence::Long,
        _ => Silence::Garbled,
    }
}

fn silence(error: &io::Error) -> Silence {
    match error.kind() {
        ErrorKind::TimedOut | ErrorKind::WouldBlock => Silence::Slow,
        ErrorKind::FileTooLarge => Silence::Long,
        _ => Silence::Closed,
    }
}

fn in_words(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::ConnectionRefused => "nothing listens there".to_owned(),
        ErrorKind::TimedOut | ErrorKind::WouldBlock => "no answer in time".to_owned(),
        ErrorKind::NetworkUnreachable | ErrorKind::HostUnreachable => {
            "the network leads nowhere".to_owned()
        }
        _ => format!("the connection failed ({})", error.kind()),
    }
}

/// A connection that ends at a moment and after so many bytes, however they come.
struct Line {
    stream: TcpStream,
    until: Instant,
    left: usize,
}

impl Line {
    fn open(at: SocketAddr, until: Instant) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&at, left(until)?)?;
        let _ = stream.set_nodelay(true);
        Ok(Self { stream, until, left: LONGEST })
    }
}

impl Read for Line {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(left(self.until)?))?;
        let count = self.stream.read(buffer).map_err(late)?;
        self.left = self.left.checked_sub(count).ok_or(ErrorKind::FileTooLarge)?;
        Ok(count)
    }
}

impl Write for Line {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(left(self.until)?))?;
        self.stream.write(buffer).map_err(late)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// Returns the time that is left.
fn left(until: Instant) -> io::Result<Duration> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(ErrorKind::TimedOut.into()) } else { Ok(left) }
}

/// Names a read or write that took too long as what it is on every system.
fn late(error: io::Error) -> io::Error {
    match error.kind() {
        ErrorKind::WouldBlock => ErrorKind::TimedOut.into(),
        _ => error,
    }
}

#[cfg(test)]
mod tests;
