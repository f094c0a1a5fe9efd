//! The head of an answer in HTTP: the little of it that is needed.

/// How long a head may be.
const LONGEST: usize = 16 << 10;

/// The answer of a server that agrees to a WebSocket, to the key that is always sent.
const ACCEPT: &str = "aFfwhaWAp7mQFZlIHVYSwMBvTTw=";

/// The key that is sent with a WebSocket's request. It need not be a secret: its answer shows that
/// the other side understood, and is thus known beforehand.
pub(super) const KEY: &str = "cG9ydGN1bGxpcy10cmllcw==";

/// What the head of an answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The status.
    pub status: u16,
    /// Where the body begins.
    pub end: usize,
    /// How long the body is, where it says so.
    pub length: Option<usize>,
    /// Whether a WebSocket begins here.
    pub upgraded: bool,
}

/// How a head is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoHead {
    /// It may be complete once more is read.
    Yet,
    /// It is longer than any gateway's.
    Long,
    /// It is not HTTP.
    Garbled,
}

impl Head {
    /// Reads a head at the beginning of what was received.
    ///
    /// # Errors
    ///
    /// When it is not complete, or none.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoHead> {
        const BEGINS: &[u8] = b"HTTP/1.";
        let known = bytes.len().min(BEGINS.len());
        if bytes.get(..known) != BEGINS.get(..known) {
            return Err(NoHead::Garbled);
        }
        let kept = bytes.get(..bytes.len().min(LONGEST)).unwrap_or_default();
        let Some(end) = kept.windows(4).position(|four| four == b"\r\n\r\n") else {
            return Err(if bytes.len() > LONGEST { NoHead::Long } else { NoHead::Yet });
        };
        let text = std::str::from_utf8(bytes.get(..end).unwrap_or_default());
        let mut lines = text.map_err(|_| NoHead::Garbled)?.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let mut head = Self {
            status: status.ok_or(NoHead::Garbled)?,
            end: end + 4,
            length: None,
            upgraded: false,
        };
        for line in lines {
            let Some((name, value)) = line.split_once(':') else { continue };
            let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
            match name.as_str() {
                "content-length" => head.length = value.parse().ok(),
                "sec-websocket-accept" => head.upgraded = head.status == 101 && value == ACCEPT,
                _ => {}
            }
        }
        Ok(head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_once_it_is_complete() {
        let text = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 7\r\nX: y\r\n\r\n{}";
        for cut in 0..text.len() - 2 {
            assert_eq!(Head::parse(&text.as_bytes()[..cut]), Err(NoHead::Yet), "{cut}");
        }
        let head = Head { status: 401, end: text.len() - 2, length: Some(7), upgraded: false };
        assert_eq!(Head::parse(text.as_bytes()), Ok(head));
    }

    #[test]
    fn a_websocket_begins_only_where_the_key_was_understood() {
        let says = |accept: &str| {
            let text = format!("HTTP/1.1 101 S\r\nsec-websocket-accept: {accept}\r\n\r\n");
            Head::parse(text.as_bytes()).unwrap().upgraded
        };
        // As a real gateway answered to the key above.
        assert!(says("aFfwhaWAp7mQFZlIHVYSwMBvTTw="));
        assert!(!says("bm8="));
    }

    #[test]
    fn what_is_no_head_is_told_from_one_that_is_not_complete() {
        for garbled in ["SSH-2.0-OpenSSH\r\n", "220 smtp", "{", "HTTP/1.1 abc\r\n\r\n", "HTTP/2"] {
            assert_eq!(Head::parse(garbled.as_bytes()), Err(NoHead::Garbled), "{garbled}");
        }
        let endless = "HTTP/1.1 200 OK\r\n".to_owned() + &"X: y\r\n".repeat(LONGEST);
        assert_eq!(Head::parse(endless.as_bytes()), Err(NoHead::Long));
    }
}
