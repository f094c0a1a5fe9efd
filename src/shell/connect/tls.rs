//! TLS before the door: whose certificate it is, told apart from everything else that may go wrong.

use std::io;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use rustls::CertificateError;
use rustls::ClientConfig;
use rustls::ClientConnection;
use rustls::DigitallySignedStruct;
use rustls::Error;
use rustls::RootCertStore;
use rustls::SignatureScheme;
use rustls::StreamOwned;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::client::danger::ServerCertVerified;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto;
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::ServerName;
use rustls::pki_types::UnixTime;
use rustls::pki_types::pem::PemObject;

use crate::openclaw::connection::Address;
use crate::openclaw::connection::Distrust;
use crate::openclaw::connection::Fault;
use crate::openclaw::connection::Fingerprint;
use crate::openclaw::connection::Heard;
use crate::openclaw::connection::Silence;
use crate::openclaw::connection::Trust;
use crate::shell::connect::Line;
use crate::shell::connect::in_words;
use crate::shell::connect::silence;

/// How TLS is spoken with one host.
#[derive(Debug)]
pub struct Tls {
    config: Arc<ClientConfig>,
    host: ServerName<'static>,
    judge: Arc<Judge>,
}

/// Reads the first certificate of a file in PEM, which is the server's own.
#[must_use]
pub fn fingerprint(pem: &[u8]) -> Option<Fingerprint> {
    CertificateDer::from_pem_slice(pem).ok().map(|certificate| Fingerprint::of(&certificate))
}

impl Tls {
    /// Makes ready to speak TLS with the host of an address.
    ///
    /// # Errors
    ///
    /// Why that cannot be, in words: no authorities to trust, or a host that no certificate names.
    pub fn new(address: &Address, trust: &Trust) -> Result<Self, String> {
        let provider = Arc::new(ring::default_provider());
        let host = ServerName::try_from(address.host().to_owned())
            .map_err(|_| format!("no certificate can name the host `{}`", address.host()))?;
        let expects = match trust {
            Trust::Pinned { fingerprint, .. } => Expects::Pinned(*fingerprint),
            Trust::Machine => {
                Expects::Signed(signed_by(&machines(), &provider).ok_or_else(|| {
                    "this machine holds no authorities to judge a certificate by; install \
                 ca-certificates, or name some with --ca-file"
                        .to_owned()
                })?)
            }
            Trust::Authorities(pem) => {
                let all = CertificateDer::pem_slice_iter(pem).filter_map(Result::ok);
                Expects::Signed(signed_by(&all.collect::<Vec<_>>(), &provider).ok_or_else(
                    || {
                        "there is no certificate of an authority in the file of --ca-file"
                            .to_owned()
                    },
                )?)
            }
        };
        let judge =
            Arc::new(Judge { expects, provider: provider.clone(), shown: Mutex::default() });
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .dangerous()
            .with_custom_certificate_verifier(judge.clone())
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { config: Arc::new(config), host, judge })
    }

    /// Speaks TLS on a connection, up to where the certificate is known to be right.
    pub(super) fn greet(
        &self,
        mut line: Line,
    ) -> Result<StreamOwned<ClientConnection, Line>, Heard> {
        let mut connection = ClientConnection::new(self.config.clone(), self.host.clone())
            .map_err(|error| Heard::Unreached(error.to_string()))?;
        while connection.is_handshaking() {
            connection.complete_io(&mut line).map_err(|error| self.unheard(&error))?;
        }
        Ok(StreamOwned::new(connection, line))
    }

    fn unheard(&self, error: &io::Error) -> Heard {
        let shown = *self.judge.shown.lock().unwrap_or_else(PoisonError::into_inner);
        match error.get_ref().and_then(|error| error.downcast_ref::<Error>()) {
            Some(Error::InvalidCertificate(why)) => {
                Heard::Untrusted(Distrust { fault: fault(why), shown })
            }
            Some(Error::AlertReceived(_)) => Heard::Nothing(Silence::Alerted),
            Some(_) => Heard::Nothing(Silence::NoTls),
            None if shown.is_none() && silence(error) == Silence::Closed => {
                Heard::Unreached(in_words(error))
            }
            None => Heard::Nothing(silence(error)),
        }
    }
}

/// Finds the authorities that this machine trusts.
fn machines() -> Vec<CertificateDer<'static>> {
    rustls_native_certs::load_native_certs().certs
}

/// Trusts what one of these authorities signed; none where there is none.
fn signed_by(
    authorities: &[CertificateDer<'static>],
    provider: &Arc<CryptoProvider>,
) -> Option<Arc<WebPkiServerVerifier>> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(authorities.iter().cloned());
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build().ok()
}

fn fault(why: &CertificateError) -> Fault {
    match why {
        CertificateError::Expired => Fault::Expired(None),
        CertificateError::ExpiredContext { not_after, .. } => {
            Fault::Expired(Some(not_after.as_secs()))
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Fault::Early,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            Fault::OtherHost
        }
        CertificateError::UnknownIssuer => Fault::UnknownIssuer,
        CertificateError::ApplicationVerificationFailure => Fault::NotPinned,
        CertificateError::Revoked => Fault::Revoked,
        _ => Fault::Broken,
    }
}

/// Names what a certificate says that was signed by another authority of a trusted one's name, or
/// by itself as its own authority.
fn by_whom(why: Error) -> Error {
    match why {
        Error::InvalidCertificate(CertificateError::BadSignature | CertificateError::Other(_)) => {
            CertificateError::UnknownIssuer.into()
        }
        why => why,
    }
}

/// Judges certificates, and remembers which one was shown.
#[derive(Debug)]
struct Judge {
    expects: Expects,
    provider: Arc<CryptoProvider>,
    shown: Mutex<Option<Fingerprint>>,
}

#[derive(Debug)]
enum Expects {
    Signed(Arc<WebPkiServerVerifier>),
    Pinned(Fingerprint),
}

impl ServerCertVerifier for Judge {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        host: &ServerName<'_>,
        stapled: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let shown = Fingerprint::of(own);
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = Some(shown);
        match &self.expects {
            Expects::Signed(by) => {
                by.verify_server_cert(own, between, host, stapled, now).map_err(by_whom)
            }
            Expects::Pinned(pinned) if *pinned == shown => Ok(ServerCertVerified::assertion()),
            Expects::Pinned(_) => Err(CertificateError::ApplicationVerificationFailure.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        own: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        crypto::verify_tls12_signature(message, own, signed, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        own: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        crypto::verify_tls13_signature(message, own, signed, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
