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
use crate::shell::records;
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
            None => make(&self.hand.key(common)?, &found)?,
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
                let out = below.join(format!("{name}.sig"));
                match target {
                    None => {
                        place_in(&below, &out, &made)?;
                        print(&format!("Countersigned: {}\n", out.display()))?;
                    }
                    Some(target) => self.take_in(common, &target, &found, (&out, &made))?,
                }
            }
        }
        Ok(Status::Fine)
    }
}

impl Countersign {
    /// Puts a signature beside the record and says so in the chain, so that taking it away shows.
    ///
    /// The signature comes first: a crash in between leaves one that the same command takes in.
    fn take_in(
        &self,
        common: &Common,
        target: &str,
        found: &Found,
        (out, made): (&Path, &[u8]),
    ) -> Result<(), Failure> {
        let key = self.hand.key(common)?;
        let stands = |bytes: &Vec<u8>| {
            let signed = Signature::parse(bytes);
            signed.is_ok_and(|signed| signed.check(sshsig::RECORD, &found.json).is_ok())
        };
        let there = read(out).ok().filter(stands);
        let made = there.as_deref().unwrap_or(made);
        let deed = Deed::Countersign { says: digest(made) };
        let (dir, believed) = (common.places()?.records(target), common.believed()?);
        let known = || {
            let said = records::said(&dir, found, believed.trust());
            said.iter().any(|said| said.deed == deed)
        };
        if there.is_some() && known() {
            return Err(not("this key has countersigned it already"));
        }
        let put = || match &there {
            None => place_in(out.parent().unwrap_or(out), out, made),
            Some(_) => Ok(()),
        };
        let stated = self.hand.say(common, (target, found, &deed), Some(&key), put);
        if stated.is_err() && there.is_none() && !known() {
            // Nothing vouches for it yet; without a statement it would stay outside the chain.
            store::remove(out).map_err(cannot)?;
        }
        let path = stated?;
        print(&format!("Countersigned: {}\nIn the chain: {}\n", out.display(), path.display()))
    }
}

fn place_in(folder: &Path, out: &Path, made: &[u8]) -> Result<(), Failure> {
    crate::shell::places::make_private(folder).map_err(|why| not(why.to_string()))?;
    put(out, made)?;
    store::sync_dir(folder).map_err(cannot)
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
