//! Whose certificate is trusted where TLS is spoken, and why one is not.

use std::fmt;

use chrono::DateTime;
use sha2::Digest;
use sha2::Sha256;

use crate::openclaw::connection::Address;

/// The SHA-256 of a certificate, as OpenClaw pins it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

/// Whose certificate is trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// One that an authority of this machine signed for the host.
    Machine,
    /// One that an authority of this file, in PEM, signed for the host.
    Authorities(Vec<u8>),
    /// This one alone, whoever signed it, for whatever host, and until whenever.
    Pinned {
        /// Its fingerprint.
        fingerprint: Fingerprint,
        /// Where the fingerprint comes from, in words.
        source: String,
    },
}

/// Why a certificate is not trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Distrust {
    /// What is wrong with it.
    pub fault: Fault,
    /// The certificate that was shown.
    pub shown: Option<Fingerprint>,
}

/// What is wrong with a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is past its time: since this second of the Unix era, where that is known.
    Expired(Option<u64>),
    /// Its time has not come.
    Early,
    /// It is for another host.
    OtherHost,
    /// Nobody who is trusted signed it.
    UnknownIssuer,
    /// It is not the one that is pinned.
    NotPinned,
    /// It was revoked.
    Revoked,
    /// It is not well made, or its holder did not prove to be that.
    Broken,
}

impl Fingerprint {
    /// Works out the fingerprint of a certificate, in DER.
    #[must_use]
    pub fn of(certificate: &[u8]) -> Self {
        Self(Sha256::digest(certificate).into())
    }

    /// Reads 64 hexadecimal digits, with or without colons, and `sha256:` or what OpenSSL writes
    /// before them.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let lower = text.trim().to_ascii_lowercase();
        let digits = ["sha256 fingerprint=", "sha256:", "sha-256:"]
            .into_iter()
            .find_map(|before| lower.strip_prefix(before))
            .unwrap_or(&lower);
        let digits: Vec<u8> = digits
            .bytes()
            .filter(|byte| !b": ".contains(byte))
            .map(|byte| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
            .collect::<Option<_>>()?;
        let bytes: Vec<u8> = digits
            .chunks(2)
            .map(|pair| pair.iter().fold(0, |sum, digit| sum << 4 | digit))
            .collect();
        (digits.len() == 64).then_some(())?;
        Some(Self(bytes.try_into().ok()?))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        let pairs: Vec<String> = self.0.iter().map(|byte| format!("{byte:02X}")).collect();
        formatter.write_str(&pairs.join(":"))
    }
}

impl fmt::Display for Trust {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Machine => formatter.write_str(
                "Its certificate is for that host, and of an authority that this machine trusts",
            ),
            Self::Authorities(_) => formatter.write_str(
                "Its certificate is for that host, and of an authority in the file of --ca-file",
            ),
            Self::Pinned { source, .. } => write!(
                formatter,
                "Its certificate is the one of {source}; by whom, for which host and until when \
                 it was signed was not looked at"
            ),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        let date = |seconds: u64| {
            let date = DateTime::from_timestamp(i64::try_from(seconds).ok()?, 0)?;
            Some(date.format("%Y-%m-%d").to_string())
        };
        match self {
            Self::Expired(since) => match since.and_then(date) {
                Some(date) => write!(formatter, "it expired on {date}"),
                None => formatter.write_str("it has expired"),
            },
            Self::Early => formatter.write_str("it is not valid yet"),
            Self::OtherHost => formatter.write_str("it is for another host"),
            Self::UnknownIssuer => formatter.write_str("nobody who is trusted here signed it"),
            Self::NotPinned => formatter.write_str("it is not the one that is expected"),
            Self::Revoked => formatter.write_str("it was revoked"),
            Self::Broken => formatter.write_str("it is not well made, or not its holder's"),
        }
    }
}

impl Distrust {
    /// Says what was found at an address, and what to do; nothing is sent past such a certificate.
    #[must_use]
    pub fn explain(&self, address: &Address, trust: &Trust) -> String {
        let Self { fault, shown } = self;
        let todo = match (fault, trust) {
            (Fault::Expired(_), _) => {
                "Renew it where TLS ends, and have it loaded; every client refuses it until then"
                    .to_owned()
            }
            (Fault::Early, _) => {
                "Compare the clocks of both hosts; every client refuses it until then".to_owned()
            }
            (Fault::OtherHost, _) => format!(
                "Name the host with --url as the certificate does, or get one for {}",
                address.host()
            ),
            (Fault::NotPinned, Trust::Pinned { source, .. }) => format!(
                "Expected is the one of {source}. Where TLS ends with a renewed one, pin that; \
                 else somebody stands in between"
            ),
            (Fault::UnknownIssuer | Fault::Broken, Trust::Machine) => {
                "--ca-file names the certificates of an authority of your own; --tls-fingerprint \
                 pins the one certificate of a gateway that signs its own"
                    .to_owned()
            }
            (Fault::UnknownIssuer, Trust::Authorities(_)) => {
                "Name the file of the authority that signed it with --ca-file, and have the \
                 server send the certificates in between; --tls-fingerprint pins the one \
                 certificate of a gateway that signs its own"
                    .to_owned()
            }
            (Fault::Revoked | Fault::Broken | Fault::NotPinned | Fault::UnknownIssuer, _) => {
                "Get another one".to_owned()
            }
        };
        let shown = shown.map(|shown| {
            format!(
                " Its SHA-256 is {shown}; compare it, on the host where TLS ends, with `openssl \
                 x509 -noout -fingerprint -sha256 -in` that certificate, before you pin it."
            )
        });
        let shown = match fault {
            Fault::UnknownIssuer | Fault::NotPinned | Fault::Broken => shown.unwrap_or_default(),
            Fault::Expired(_) | Fault::Early | Fault::OtherHost | Fault::Revoked => String::new(),
        };
        format!(
            "The certificate at {address} cannot be trusted: {fault}. No request and no secret \
             was sent. {todo}.{shown}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn a_fingerprint_is_read_however_it_is_written() {
        let empty = Fingerprint::of(b"");
        let colons = empty.to_string();
        assert!(colons.starts_with("E3:B0:C4"), "{colons}");
        for text in [
            PLAIN.to_owned(),
            PLAIN.to_uppercase(),
            format!("sha256:{PLAIN}"),
            format!(" SHA256 Fingerprint={colons}\n"),
            format!("sha256 Fingerprint={colons}"),
            colons,
        ] {
            assert_eq!(Fingerprint::parse(&text), Some(empty), "{text}");
        }
        for text in ["", "e3b0", &PLAIN[1..], &format!("{PLAIN}00"), &PLAIN.replace('b', "g")] {
            assert_eq!(Fingerprint::parse(text), None, "{text}");
        }
    }

    #[test]
    fn each_fault_says_what_to_do() {
        #[track_caller]
        fn says(fault: Fault, trust: &Trust, expected: &str) {
            let address = Address::parse("wss://claw.example").unwrap();
            let distrust = Distrust { fault, shown: None };
            let begins = "The certificate at wss://claw.example:443 cannot be trusted: ";
            let said = distrust.explain(&address, trust);
            let rest = said.strip_prefix(begins).unwrap();
            let (why, todo) = rest.split_once(". No request and no secret was sent. ").unwrap();
            assert_eq!(format!("{why} | {todo}"), expected);
        }
        let pinned =
            Trust::Pinned { fingerprint: Fingerprint::of(b""), source: "the file".to_owned() };
        says(
            Fault::Expired(Some(1_700_000_000)),
            &Trust::Machine,
            "it expired on 2023-11-14 | Renew it where TLS ends, and have it loaded; every client \
             refuses it until then.",
        );
        says(
            Fault::OtherHost,
            &Trust::Machine,
            "it is for another host | Name the host with --url as the certificate does, or get \
             one for claw.example.",
        );
        says(
            Fault::NotPinned,
            &pinned,
            "it is not the one that is expected | Expected is the one of the file. Where TLS ends \
             with a renewed one, pin that; else somebody stands in between.",
        );
        says(
            Fault::UnknownIssuer,
            &Trust::Authorities(Vec::new()),
            "nobody who is trusted here signed it | Name the file of the authority that signed it \
             with --ca-file, and have the server send the certificates in between; --tls-fingerprint \
             pins the one certificate of a gateway that signs its own.",
        );
    }
}
