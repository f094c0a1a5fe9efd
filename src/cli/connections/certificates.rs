//! Whose certificate is trusted where TLS is spoken: what is asked for, and what is known here.

use std::path::Path;
use std::path::PathBuf;

use clap::Args;

use crate::cli::Failure;
use crate::openclaw::config::FileRead;
use crate::openclaw::connection::Address;
use crate::openclaw::connection::Fingerprint;
use crate::openclaw::connection::Trust;
use crate::shell::connect;
use crate::shell::live;

/// Which certificate to trust.
#[derive(Debug, Args)]
pub(super) struct Certificates {
    /// Trust the authorities in this file (PEM), and no others
    #[arg(long, value_name = "FILE", conflicts_with = "tls_fingerprint")]
    ca_file: Option<PathBuf>,
    /// Trust the certificate with this fingerprint, and no other
    #[arg(long, value_name = "SHA256")]
    tls_fingerprint: Option<String>,
}

impl Certificates {
    /// Returns the file of authorities that was named.
    pub(super) fn ca_file(&self) -> Option<&Path> {
        self.ca_file.as_deref()
    }

    /// Says whose certificate is trusted on this host: of the gateway its own alone, as OpenClaw's
    /// clients do it.
    pub(super) fn trust_here(
        &self,
        address: &Address,
        own: Option<&Path>,
    ) -> Result<Trust, Failure> {
        if let Some(trust) = self.asked_for(address)? {
            return Ok(trust);
        }
        let pinned = own.and_then(|path| match live::read_bytes(path) {
            FileRead::Bytes(pem) => Some(Trust::Pinned {
                fingerprint: connect::fingerprint(&pem)?,
                source: path.display().to_string(),
            }),
            FileRead::Unreadable(_) => None,
        });
        Ok(pinned.unwrap_or(Trust::Machine))
    }

    /// Says whose certificate is trusted elsewhere: the one that the config pins there as a client
    /// of that gateway, else whom the machine trusts.
    pub(super) fn trust_there(
        &self,
        address: &Address,
        remote: Option<&(String, String)>,
    ) -> Result<Trust, Failure> {
        const PIN: &str = "gateway.remote.tlsFingerprint";
        if let Some(trust) = self.asked_for(address)? {
            return Ok(trust);
        }
        let same = |url: &str| Address::parse(url).is_ok_and(|remote| remote == *address);
        match remote.filter(|(url, _)| same(url)) {
            None => Ok(Trust::Machine),
            Some((_, text)) => {
                Ok(Trust::Pinned { fingerprint: fingerprint(PIN, text)?, source: PIN.to_owned() })
            }
        }
    }

    fn asked_for(&self, address: &Address) -> Result<Option<Trust>, Failure> {
        const PIN: &str = "--tls-fingerprint";
        let named = self.ca_file.is_some() || self.tls_fingerprint.is_some();
        if named && !address.is_tls() {
            return Err(Failure::unreadable(format!("{address} speaks no TLS"))
                .because("a certificate is named to trust, and there will be none")
                .hint("wss:// and https:// speak it"));
        }
        if let Some(path) = &self.ca_file {
            return authorities(path).map(Some);
        }
        let pinned = self.tls_fingerprint.as_ref().map(|text| {
            Ok(Trust::Pinned { fingerprint: fingerprint(PIN, text)?, source: PIN.to_owned() })
        });
        pinned.transpose()
    }
}

fn authorities(path: &Path) -> Result<Trust, Failure> {
    let odd = |why: String| {
        Failure::unreadable(format!("`{}` gives no authority to trust", path.display()))
            .because(why)
            .hint("--ca-file wants certificates in PEM")
    };
    match live::read_bytes(path) {
        FileRead::Bytes(pem) if connect::fingerprint(&pem).is_some() => Ok(Trust::Authorities(pem)),
        FileRead::Bytes(_) => Err(odd("there is no certificate in it".to_owned())),
        FileRead::Unreadable(why) => Err(odd(why.to_string())),
    }
}

/// Reads the fingerprint of a certificate.
fn fingerprint(source: &str, text: &str) -> Result<Fingerprint, Failure> {
    Fingerprint::parse(text).ok_or_else(|| {
        Failure::unreadable(format!("{source} is no SHA-256 of a certificate"))
            .hint("`openssl x509 -noout -fingerprint -sha256 -in FILE` prints it, 64 digits")
    })
}
