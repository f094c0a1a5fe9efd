//! `portcullis records countersign`: a second person signs, here or on another machine.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;

use clap::Args;

use crate::app::SigningKey;
use crate::cli::Common;
use crate::cli::Failure;
use crate::cli::Status;
use crate::cli::print;
use crate::cli::records::Place;
use crate::cli::signing::Hand;
use crate::record::chain::digest;
use crate::record::sshsig;
use crate::record::sshsig::Signature;
use crate::record::statement::Deed;
use crate::record::verify::Found;
use crate::shell::chain::read;
use crate::shell::chain::signature_of;
use crate::shell::sign;
use crate::shell::store;
use crate::shell::store::StoreError;

/// Signs a record that somebody else has sealed.
#[derive(Debug, Args)]
pub(in crate::cli) struct Countersign {
    /// The change, the folder, the start of the digest, or an exported file
    id: String,
    #[command(flatten)]
    hand: Hand,
    /// Take in a signature that was made on another machine instead of making one
    #[arg(long, value_name = "FILE.sig")]
    signature: Option<PathBuf>,
}

impl Countersign {
    pub(super) fn run(self, common: &Common) -> Result<Status, Failure> {
        let (place, found) = super::find(common, &self.id)?;
        let first = found.signature.as_deref().and_then(|sig| Signature::parse(sig).ok());
        let Some(first) = first else {
            return Err(not("the record is UNSIGNED, so there is nobody to join")
                .hint("a record is signed when it is sealed"));
        };
        let made = match &self.signature {
            Some(path) => read(path).map_err(cannot)?,
            None => make(&self.hand.key()?, &found)?,
        };
        let signed = Signature::parse(&made).map_err(|why| not(why.to_string()))?;
        match signed.check(sshsig::RECORD, &found.json) {
            Ok(()) => {}
            Err(sshsig::Refusal::Unsupported(_))
                if sign::ask(sshsig::RECORD, &found.json, &made) == Some(true) => {}
            Err(why) => return Err(not(format!("the signature does not stand: {why}"))),
        }
        if signed.key == first.key {
            return Err(not("the same key has signed this record already")
                .hint("a countersignature is another person's, with another key"));
        }
        let name = signed.key.fingerprint().replace(['/', ':', '+'], "_");
        match place {
            Place::File(path, _) => {
                let out = path.with_extension(format!("{name}.sig"));
                put(&out, &made)?;
                let hint = format!(
                    "Countersigned. Send {} back; there:\nportcullis records countersign {} --signature FILE\n",
                    out.display(),
                    found.folder
                );
                print(&hint)?;
            }
            Place::Folder(folder, target) => {
                let below = folder.join("countersign");
                crate::shell::places::make_private(&below).map_err(|why| not(why.to_string()))?;
                let out = below.join(format!("{name}.sig"));
                put(&out, &made)?;
                print(&format!("Countersigned: {}\n", out.display()))?;
                if let Some(target) = target {
                    // Said in the chain, so that taking the signature away shows.
                    let deed = Deed::Countersign { says: digest(&made) };
                    let path = self.hand.say(common, &target, &found, &deed)?;
                    print(&format!("In the chain: {}\n", path.display()))?;
                }
            }
        }
        Ok(Status::Fine)
    }
}

fn make(key: &SigningKey, found: &Found) -> Result<Vec<u8>, Failure> {
    let folder = tempfile::Builder::new()
        .permissions(Permissions::from_mode(0o700))
        .tempdir()
        .map_err(|why| not(why.to_string()))?;
    let file = folder.path().join("record.json");
    put(&file, &found.json)?;
    sign::sign(key, &file, sshsig::RECORD).map_err(not)?;
    read(&signature_of(&file)).map_err(cannot)
}

fn put(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    store::write_new(path, &String::from_utf8_lossy(bytes)).map_err(cannot)
}

fn not(why: impl Into<String>) -> Failure {
    Failure { status: Status::NotMet, ..Failure::unreadable("it was not countersigned") }
        .because(why.into())
}

#[expect(clippy::needless_pass_by_value, reason = "it maps errors")]
fn cannot(why: StoreError) -> Failure {
    not(why.to_string())
}
