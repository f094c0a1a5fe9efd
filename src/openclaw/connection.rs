//! Trying the gateway's door: what is sent, how each answer is judged, what all of them prove.
//!
//! Over WebSocket a client answers the gateway's challenge with a `connect` request; over HTTP it
//! asks `/tools/invoke` for nothing, which the gateway refuses with 401 to strangers and with 400
//! to those it lets in. Sockets are opened in the shell; here is only what they say.

mod address;
mod answer;
mod head;
mod outcome;
mod trust;
mod words;

use serde_json::Value;
use serde_json::json;

pub use crate::openclaw::connection::address::Address;
pub use crate::openclaw::connection::address::AddressError;
pub use crate::openclaw::connection::answer::Answer;
pub use crate::openclaw::connection::answer::Heard;
pub use crate::openclaw::connection::answer::Refusal;
pub use crate::openclaw::connection::answer::Silence;
pub use crate::openclaw::connection::head::Head;
pub use crate::openclaw::connection::head::NoHead;
pub use crate::openclaw::connection::outcome::Told;
pub use crate::openclaw::connection::outcome::conclude;
pub use crate::openclaw::connection::trust::Distrust;
pub use crate::openclaw::connection::trust::Fault;
pub use crate::openclaw::connection::trust::Fingerprint;
pub use crate::openclaw::connection::trust::Trust;
use crate::openclaw::facts::Entry;
use crate::openclaw::facts::Secret;

/// The site of the page that no gateway should let in; the name can never be registered.
pub const FOREIGN_ORIGIN: &str = "https://portcullis.invalid";

/// The user that no proxy lets in.
const NOBODY: &str = "portcullis-nobody@portcullis.invalid";

/// The client address that a forger writes; it is set aside for documentation.
const ELSEWHERE: &str = "203.0.113.9";

/// How the gateway is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// A WebSocket, as apps and the Control UI use it.
    WebSocket,
    /// A single HTTP request, as programs send it.
    Http,
}

/// Who the client pretends to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// One with the gateway's own secret, or with the session that was given.
    Authorised,
    /// One with nothing at all.
    Nobody,
    /// One with a secret that was just made up.
    WrongSecret,
    /// A page of a foreign site, otherwise authorised.
    ForeignPage,
    /// One without a session that writes the proxy's headers itself, naming an allowed user.
    ForgedStranger,
    /// The one with the session, naming an allowed user.
    ForgedUser,
    /// The one with the session, naming a user that nobody allowed.
    ForgedNobody,
    /// The one with the session, naming no user.
    ForgedBlank,
}

/// One connection to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Try {
    /// Who the client pretends to be.
    pub who: Who,
    /// How it speaks.
    pub over: Over,
    /// Headers it sends beside the usual ones.
    pub headers: Vec<(String, Secret)>,
    /// The secret it knows.
    secret: Option<Secret>,
    /// Whether the secret is a password.
    password: bool,
}

/// Where the door is tried from, and with what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visit {
    /// Where the gateway, or the proxy before it, is reached.
    pub address: Address,
    /// Whose certificate is trusted there, where TLS is spoken.
    pub trust: Trust,
    /// What the config asks of a client.
    pub entry: Entry,
    /// The secret to try with, or why there is none.
    pub secret: Result<Secret, String>,
    /// A secret that is not the gateway's.
    pub wrong: Secret,
    /// Headers that a session needs, such as a cookie.
    pub session: Vec<(String, Secret)>,
    /// Whether the address was given; else it is the gateway's own on this host.
    pub given: bool,
    /// The addresses that something listens on at the gateway's port, where nobody was reached.
    pub listening: Option<Vec<String>>,
}

impl Visit {
    /// Lists the connections to try, in order. The wrong secret is used once over each way: the
    /// gateway locks out who fails ten times in a minute.
    #[must_use]
    pub fn tries(&self) -> Vec<Try> {
        let mut who = Vec::new();
        let proxied = self.given && self.entry.trusts_a_proxy();
        // Who holds nothing goes first: what is no gateway is not handed a secret.
        who.push(Who::Nobody);
        if self.tries_authorised() {
            who.push(Who::Authorised);
        }
        if !proxied {
            who.push(Who::WrongSecret);
        }
        who.push(Who::ForeignPage);
        who.push(Who::ForgedStranger);
        if proxied {
            if !self.session.is_empty() {
                who.push(Who::ForgedUser);
            }
            who.push(Who::ForgedNobody);
            if self.anyone_may_come() {
                who.push(Who::ForgedBlank);
            }
        }
        let both = who.into_iter().flat_map(|who| [(who, Over::WebSocket), (who, Over::Http)]);
        // A browser sends no bearer by itself, so over HTTP a page is nobody; what a proxy's session
        // is worth to it, the WebSocket shows.
        let both = both.filter(|tried| *tried != (Who::ForeignPage, Over::Http));
        both.map(|(who, over)| self.make(who, over)).collect()
    }

    /// Tells whether there is something to be let in with.
    fn tries_authorised(&self) -> bool {
        self.secret.is_ok() || self.entry.trusts_a_proxy() && !self.session.is_empty()
    }

    /// Tells whether the gateway takes any name from the proxy, or may do so.
    fn anyone_may_come(&self) -> bool {
        self.entry.users.as_ref().is_none_or(Vec::is_empty)
    }

    fn make(&self, who: Who, over: Over) -> Try {
        let mut headers = match who {
            Who::Nobody | Who::ForgedStranger => Vec::new(),
            Who::Authorised
            | Who::WrongSecret
            | Who::ForeignPage
            | Who::ForgedUser
            | Who::ForgedNobody
            | Who::ForgedBlank => self.session.clone(),
        };
        let allowed = self.entry.users.iter().flatten().next().map_or(NOBODY, String::as_str);
        match who {
            Who::ForeignPage => headers.push(("Origin".to_owned(), Secret::new(FOREIGN_ORIGIN))),
            Who::ForgedStranger | Who::ForgedUser => headers.extend(self.forged(allowed)),
            Who::ForgedNobody => headers.extend(self.forged(NOBODY)),
            Who::ForgedBlank => headers.extend(self.forged("")),
            Who::Authorised | Who::Nobody | Who::WrongSecret => {}
        }
        let secret = match who {
            Who::Authorised | Who::ForeignPage => self.secret.clone().ok(),
            Who::WrongSecret => Some(self.wrong.clone()),
            Who::Nobody
            | Who::ForgedStranger
            | Who::ForgedUser
            | Who::ForgedNobody
            | Who::ForgedBlank => None,
        };
        let password = self.entry.mode.as_deref() == Some("password");
        Try { who, over, headers, secret, password }
    }

    /// Writes what only the proxy should write: the user, and where the client comes from.
    fn forged(&self, user: &str) -> Vec<(String, Secret)> {
        let header = self.entry.user_header.as_deref().unwrap_or("X-Forwarded-User");
        let mut headers = vec![
            (header.to_owned(), user.to_owned()),
            ("X-Forwarded-For".to_owned(), ELSEWHERE.to_owned()),
            ("X-Forwarded-Proto".to_owned(), "https".to_owned()),
            ("X-Forwarded-Host".to_owned(), self.address.authority()),
        ];
        for name in &self.entry.required_headers {
            if !headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)) {
                headers.push((name.clone(), "1".to_owned()));
            }
        }
        let sendable = |(name, value): (String, String)| {
            is_header(&name, &value).then(|| (name, Secret::new(value)))
        };
        headers.into_iter().filter_map(sendable).collect()
    }
}

impl Try {
    /// Writes the HTTP request: for a tool, without naming one, or for a WebSocket.
    #[must_use]
    pub fn request(&self, address: &Address) -> String {
        let mut request = match self.over {
            Over::Http => format!("POST {}tools/invoke HTTP/1.1\r\n", address.folder()),
            Over::WebSocket => format!("GET {} HTTP/1.1\r\n", address.path()),
        };
        request.push_str(&format!("Host: {}\r\nUser-Agent: portcullis\r\n", address.authority()));
        for (name, value) in &self.headers {
            request.push_str(&format!("{name}: {}\r\n", value.reveal()));
        }
        match (self.over, &self.secret) {
            (Over::WebSocket, _) => request.push_str(&format!(
                "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                 Sec-WebSocket-Key: {}\r\n\r\n",
                head::KEY
            )),
            (Over::Http, secret) => {
                if let Some(secret) = secret {
                    request.push_str(&format!("Authorization: Bearer {}\r\n", secret.reveal()));
                }
                request.push_str(
                    "Connection: close\r\nContent-Type: application/json\r\n\
                     Content-Length: 2\r\n\r\n{}",
                );
            }
        }
        request
    }

    /// Writes the answer to the gateway's challenge.
    ///
    /// The mode `probe` is what OpenClaw's own probe says; the version is what its log shows.
    #[must_use]
    pub fn connect(&self) -> String {
        let mut params = json!({
            "minProtocol": 3,
            "maxProtocol": 99,
            "client": {
                "id": "cli",
                "version": concat!("portcullis-", env!("CARGO_PKG_VERSION")),
                "platform": "linux",
                "mode": "probe",
            },
            "role": "operator",
            "scopes": [],
            "caps": [],
        });
        if let Some(secret) = &self.secret {
            let key = if self.password { "password" } else { "token" };
            params["auth"] = json!({ key: secret.reveal() });
        }
        let frame: Value =
            json!({ "type": "req", "id": "1", "method": "connect", "params": params });
        frame.to_string()
    }
}

/// Tells whether a name and a value make one header and nothing else.
#[must_use]
pub fn is_header(name: &str, value: &str) -> bool {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let text = |byte: u8| byte == b'\t' || byte >= b' ' && byte != 0x7f;
    !name.is_empty() && name.bytes().all(token) && value.bytes().all(text)
}

#[cfg(test)]
mod tests;
