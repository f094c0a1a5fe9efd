//! SSH signatures of files, read and checked without a process.
//!
//! The format is OpenSSH's PROTOCOL.sshsig. What `ssh-keygen -Y verify` takes is taken and what it
//! refuses is refused; keys that are not known here (RSA, certificates) are left to it, and said.

use sha2::Digest;
use sha2::Sha256;
use ssh_key::Algorithm;
use ssh_key::EcdsaCurve;
use ssh_key::HashAlg;
use ssh_key::PublicKey;
use ssh_key::SshSig;

use crate::record::base64;

/// The namespace in which records are signed.
pub const RECORD: &str = "exposure-record@portcullis";

/// The namespace in which the head of a chain is signed.
pub const HEAD: &str = "exposure-head@portcullis";

/// The namespace in which later statements about records are signed.
pub const STATEMENT: &str = "exposure-statement@portcullis";

const BEGIN: &[u8] = b"-----BEGIN SSH SIGNATURE-----\n";
const END: &[u8] = b"\n-----END SSH SIGNATURE-----";
const MAGIC: &[u8] = b"SSHSIG";

/// The longest armoured signature that is read, in bytes; a real one has a few hundred.
const LONGEST: usize = 64 << 10;

/// A signature as it stands in a `.sig` file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The namespace it was made for.
    pub namespace: String,
    /// The key it says it was made with.
    pub key: Key,
    hash: Hash,
    made: Vec<u8>,
}

/// A public key, as it travels.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key(Vec<u8>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hash {
    Sha256,
    Sha512,
}

/// Why a signature does not stand.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is no signature.
    #[error("it is no SSH signature: {0}")]
    Shape(&'static str),
    /// It was made for something else.
    #[error("it was made for the namespace `{0}`")]
    Namespace(String),
    /// It does not belong to these bytes, or not to this key.
    #[error("it does not belong to these bytes")]
    Wrong,
    /// Only `ssh-keygen` can tell.
    #[error("a key of the kind `{0}` is left to ssh-keygen")]
    Unsupported(String),
}

impl Key {
    /// Takes a key as it travels; none where it does not begin with the name of its kind.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Option<Self> {
        let mut rest = bytes.as_slice();
        let kind = text(&mut rest)?;
        std::str::from_utf8(kind).is_ok_and(|kind| !kind.is_empty()).then_some(Self(bytes))
    }

    /// Reads a key as it stands in a `.pub` file, `allowed_signers` or the agent's list, and what
    /// follows it on the line.
    #[must_use]
    pub fn parse(line: &str) -> Option<(Self, &str)> {
        let line = line.trim_start_matches([' ', '\t']);
        let (kind, rest) = line.split_once([' ', '\t'])?;
        let rest = rest.trim_start_matches([' ', '\t']);
        let end = rest.find([' ', '\t', '\r', '\n']).unwrap_or(rest.len());
        let (body, comment) = rest.split_at_checked(end)?;
        let key = Self::new(base64::decode(body.as_bytes())?)?;
        (key.kind() == kind).then(|| (key, comment.trim()))
    }

    /// Returns the name of its kind, such as `ssh-ed25519`.
    #[must_use]
    pub fn kind(&self) -> &str {
        let mut rest = self.0.as_slice();
        text(&mut rest).and_then(|kind| std::str::from_utf8(kind).ok()).unwrap_or_default()
    }

    /// Returns its fingerprint as OpenSSH writes it: `SHA256:` and 43 letters.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let digest = base64::encode(&Sha256::digest(&self.0));
        format!("SHA256:{}", digest.trim_end_matches('='))
    }

    /// Writes it as one line, as in a `.pub` file, without a comment.
    #[must_use]
    pub fn line(&self) -> String {
        format!("{} {}", self.kind(), base64::encode(&self.0))
    }

    /// Tells whether it is a certificate, which stands for the key of whoever issued it.
    #[must_use]
    pub fn is_certificate(&self) -> bool {
        self.kind().contains("-cert-v")
    }
}

impl Signature {
    /// Reads an armoured signature.
    ///
    /// # Errors
    ///
    /// When it is none.
    pub fn parse(armoured: &[u8]) -> Result<Self, Refusal> {
        let wire = dearmour(armoured)?;
        let mut rest = wire.as_slice();
        let mut next = |what| text(&mut rest).ok_or(Refusal::Shape(what));
        // The preamble is no string of its own; it is cut off before.
        let key = Key::new(next("it has no key")?.to_vec());
        let key = key.ok_or(Refusal::Shape("its key has no kind"))?;
        let namespace = next("it has no namespace")?;
        let _reserved = next("it ends too soon")?;
        let hash = match next("it names no digest")? {
            b"sha256" => Hash::Sha256,
            b"sha512" => Hash::Sha512,
            _ => return Err(Refusal::Shape("it names a digest that is not known")),
        };
        let made = next("it ends too soon")?.to_vec();
        if !rest.is_empty() {
            return Err(Refusal::Shape("something follows it"));
        }
        let namespace = String::from_utf8(namespace.to_vec())
            .map_err(|_| Refusal::Shape("its namespace is no text"))?;
        if namespace.is_empty() || namespace.contains('\0') {
            return Err(Refusal::Shape("it has no namespace"));
        }
        Ok(Self { namespace, key, hash, made })
    }

    /// Checks that it was made for this namespace over these bytes with the key it names.
    ///
    /// Whose key that is, is another question.
    ///
    /// # Errors
    ///
    /// Why it does not stand, or that only `ssh-keygen` can tell.
    pub fn check(&self, namespace: &str, message: &[u8]) -> Result<(), Refusal> {
        if self.namespace != namespace {
            return Err(Refusal::Namespace(self.namespace.clone()));
        }
        let unsupported = || Refusal::Unsupported(self.key.kind().to_owned());
        if !is_known(self.key.kind()) {
            return Err(unsupported());
        }
        let key = PublicKey::from_bytes(&self.key.0)
            .map_err(|_| Refusal::Shape("its key cannot be read"))?;
        match key.algorithm() {
            Algorithm::Ed25519
            | Algorithm::SkEd25519
            | Algorithm::SkEcdsaSha2NistP256
            | Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 | EcdsaCurve::NistP384 } => {}
            _ => return Err(unsupported()),
        }
        let made = ssh_key::Signature::try_from(self.made.as_slice())
            .map_err(|_| Refusal::Shape("what was signed cannot be read"))?;
        let hash = match self.hash {
            Hash::Sha256 => HashAlg::Sha256,
            Hash::Sha512 => HashAlg::Sha512,
        };
        let sig = SshSig::new(key.key_data().clone(), namespace, hash, made)
            .map_err(|_| Refusal::Shape("it has no namespace"))?;
        key.verify(namespace, message, &sig).map_err(|_| Refusal::Wrong)
    }
}

/// Tells whether keys of a kind are checked here.
fn is_known(kind: &str) -> bool {
    matches!(
        kind,
        "ssh-ed25519"
            | "sk-ssh-ed25519@openssh.com"
            | "sk-ecdsa-sha2-nistp256@openssh.com"
            | "ecdsa-sha2-nistp256"
            | "ecdsa-sha2-nistp384"
    )
}

/// Takes the armour off, and the preamble and version behind it.
fn dearmour(armoured: &[u8]) -> Result<Vec<u8>, Refusal> {
    if armoured.len() > LONGEST {
        return Err(Refusal::Shape("it is too long"));
    }
    let body = armoured.strip_prefix(BEGIN);
    let body = body.ok_or(Refusal::Shape("its first line is another"))?;
    let end = body.windows(END.len()).position(|window| window == END);
    let body = end.and_then(|end| body.get(..end)).ok_or(Refusal::Shape("it is cut off"))?;
    let wire = base64::decode(body).ok_or(Refusal::Shape("it is no base64"))?;
    let rest = wire.strip_prefix(MAGIC).ok_or(Refusal::Shape("its preamble is another"))?;
    let (version, rest) = rest.split_first_chunk::<4>().ok_or(Refusal::Shape("it is cut off"))?;
    if u32::from_be_bytes(*version) != 1 {
        return Err(Refusal::Shape("it is of a version that is not known"));
    }
    Ok(rest.to_vec())
}

/// Takes one length-prefixed string.
fn text<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, after) = rest.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let (text, after) = after.split_at_checked(length)?;
    *rest = after;
    Some(text)
}
