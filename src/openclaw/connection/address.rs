//! Where a gateway, or the proxy before it, is reached.

use std::fmt;

use thiserror::Error;

/// An address out of a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    host: String,
    port: u16,
    path: String,
    tls: bool,
}

/// Why a text is no address of a gateway.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AddressError {
    /// It does not begin as it must.
    #[error("it does not begin with ws://, wss://, http:// or https://")]
    Scheme,
    /// There is no host.
    #[error("it names no host")]
    Host,
    /// The port is none.
    #[error("`{0}` is no port")]
    Port(String),
    /// Something in it has no place there.
    #[error("it holds {0}")]
    Odd(&'static str),
}

impl Address {
    /// Names a port of this host.
    #[must_use]
    pub fn loopback(port: u16, tls: bool) -> Self {
        Self { host: "127.0.0.1".to_owned(), port, path: "/".to_owned(), tls }
    }

    /// Reads a URL.
    ///
    /// # Errors
    ///
    /// When it is no URL of a gateway, or would put a secret where it can be seen.
    pub fn parse(url: &str) -> Result<Self, AddressError> {
        let (scheme, rest) = url.split_once("://").ok_or(AddressError::Scheme)?;
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "ws" | "http" => false,
            "wss" | "https" => true,
            _ => return Err(AddressError::Scheme),
        };
        if !rest.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(AddressError::Odd("a space, or a character that no URL has"));
        }
        if rest.contains(['?', '#']) {
            return Err(AddressError::Odd("a query, which proxies write into their logs"));
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(AddressError::Odd("a user name; credentials do not belong in a URL"));
        }
        let (host, port) = split(authority)?;
        let port = match port {
            None if tls => 443,
            None => 80,
            Some(text) => text.parse().map_err(|_| AddressError::Port(text.to_owned()))?,
        };
        let path = if path.is_empty() { "/" } else { path };
        Ok(Self { host: host.to_owned(), port, path: path.to_owned(), tls })
    }

    /// Returns the host, without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Tells whether TLS is spoken there.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.tls
    }

    /// Returns host and port as a request names them.
    #[must_use]
    pub fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// Returns the path of the WebSocket.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns the path below which the HTTP interface is, with a `/` at its end.
    #[must_use]
    pub fn folder(&self) -> String {
        format!("{}/", self.path.trim_end_matches('/'))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        let scheme = if self.tls { "wss" } else { "ws" };
        let path = if self.path == "/" { "" } else { &self.path };
        write!(formatter, "{scheme}://{}{path}", self.authority())
    }
}

/// Splits a host, in brackets where it has colons itself, from its port.
fn split(authority: &str) -> Result<(&str, Option<&str>), AddressError> {
    let (host, after) = match authority.strip_prefix('[') {
        Some(rest) => rest.split_once(']').ok_or(AddressError::Host)?,
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let port = match after {
        "" => None,
        after => Some(after.strip_prefix(':').ok_or(AddressError::Host)?),
    };
    let odd = |c: char| !(c.is_ascii_alphanumeric() || "-._:%".contains(c));
    if host.is_empty() || host.contains(odd) {
        return Err(AddressError::Host);
    }
    Ok((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_and_written() {
        #[track_caller]
        fn reads(url: &str, shown: &str, path: &str, folder: &str) {
            let address = Address::parse(url).unwrap();
            let got = (address.to_string(), address.path().to_owned(), address.folder());
            assert_eq!(got, (shown.to_owned(), path.to_owned(), folder.to_owned()), "{url}");
        }
        reads("ws://127.0.0.1:18789", "ws://127.0.0.1:18789", "/", "/");
        reads("http://gw.lan", "ws://gw.lan:80", "/", "/");
        reads("https://gw.lan/", "wss://gw.lan:443", "/", "/");
        reads("WSS://[::1]:8443/claw", "wss://[::1]:8443/claw", "/claw", "/claw/");
        reads("ws://10.7.0.2:8080/claw/", "ws://10.7.0.2:8080/claw/", "/claw/", "/claw/");
        assert_eq!(Address::loopback(7, false).to_string(), "ws://127.0.0.1:7");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for (url, why) in [
            ("127.0.0.1:18789", AddressError::Scheme),
            ("ftp://x", AddressError::Scheme),
            ("ws://", AddressError::Host),
            ("ws://:80", AddressError::Host),
            ("ws://[::1", AddressError::Host),
            ("ws://[::1]80", AddressError::Host),
            ("ws://a:b", AddressError::Port("b".to_owned())),
            ("ws://a:99999", AddressError::Port("99999".to_owned())),
            ("ws://a\r\nb", AddressError::Odd("a space, or a character that no URL has")),
            (
                "ws://me:secret@a",
                AddressError::Odd("a user name; credentials do not belong in a URL"),
            ),
            ("ws://a/?token=x", AddressError::Odd("a query, which proxies write into their logs")),
        ] {
            assert_eq!(Address::parse(url), Err(why), "{url}");
        }
    }
}
