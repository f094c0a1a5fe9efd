//! The chain of a target's records on disk: locked while something is added, old or new after a
//! crash, whatever the moment.
//!
//! Everything is written and synced out of sight first. One rename puts it into place and is the
//! moment at which the new state holds; the head that goes with it waits beside the old one as
//! `head.new` until then, and is taken for the head from then on.

mod found;
mod settle;

use std::fs;
use std::fs::File;
use std::fs::OpenOptions;
use std::fs::Permissions;
use std::fs::TryLockError;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;

use chrono::DateTime;
use chrono::FixedOffset;

pub use self::found::HeadFile;
pub use self::found::StatementFile;
pub use self::found::folders;
pub use self::found::head;
pub use self::found::read;
pub use self::found::rings;
pub use self::found::statements;
use self::settle::settle;
pub use self::settle::stands;
use crate::app::Sealed;
use crate::record::Record;
use crate::record::Signing;
use crate::record::chain;
use crate::record::chain::Head;
use crate::record::chain::Ring;
use crate::record::chain::Tip;
use crate::record::chain::digest;
use crate::record::document::Link;
use crate::record::sshsig;
use crate::record::statement::Saying;
use crate::shell::places::Places;
use crate::shell::places::make_private;
use crate::shell::store::StoreError;
use crate::shell::store::failed;
use crate::shell::store::remove;
use crate::shell::store::sync_dir;
use crate::shell::store::write_new;

/// What a folder is called while a record is sealed in it.
const SEALING: &str = ".sealing-";

/// What makes `FILE.sig` beside a file, in a namespace; or says why not.
pub type Pen<'a> = &'a mut dyn FnMut(&Path, &'static str) -> Result<(), String>;

/// The chain of a target, locked: nobody else adds to it while this is there.
#[derive(Debug)]
pub struct Chain {
    dir: PathBuf,
    target: String,
    records: Tip,
    statements: Tip,
    lock: File,
}

impl Drop for Chain {
    fn drop(&mut self) {
        // Closing it would not do: a process that is being started has it open for a moment too.
        // The end of our own process lets go of it in any case.
        let _ = self.lock.unlock();
    }
}

impl Chain {
    /// Locks the chain of a target, and finishes or drops what a crash left half done.
    ///
    /// # Errors
    ///
    /// When someone else adds to it, or it cannot be read or written.
    pub fn open(places: &Places, target: &str) -> Result<Self, StoreError> {
        let dir = places.records(target);
        make_private(&dir).map_err(failed("make", &dir))?;
        let path = dir.join("lock");
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(failed("open", &path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::ChainLocked(path)),
            Err(TryLockError::Error(why)) => return Err(failed("lock", &path)(why)),
        }
        settle(&dir)?;
        let head = head(&dir).and_then(|file| file.head);
        let (records, statements) = match head {
            Some(head) if stands(&dir, &head) => (head.records, head.statements),
            head => (
                chain::tip(&rings(&dir), head.as_ref().map(|head| &head.records)),
                chain::tip(&said(&dir), head.as_ref().map(|head| &head.statements)),
            ),
        };
        Ok(Self { dir, target: target.to_owned(), records, statements, lock })
    }

    /// Returns the place of the next record.
    #[must_use]
    pub fn link(&self) -> Link {
        self.records.next()
    }

    /// Seals a record: its folder appears whole, and the head with it, or nothing does.
    ///
    /// # Errors
    ///
    /// When it cannot be written or signed; nothing was sealed then.
    pub fn seal(
        &mut self,
        record: &Record,
        signing: Signing,
        at: DateTime<FixedOffset>,
        pen: Pen<'_>,
    ) -> Result<Sealed, StoreError> {
        let link = self.link();
        let record = record.clone().linked(&link, signing);
        let dir = self.dir.clone();
        let folder = dir.join(&record.folder);
        if folder.exists() {
            let why = io::Error::from(io::ErrorKind::AlreadyExists);
            return Err(StoreError::File { what: "create", path: folder, why });
        }
        let draft = tempfile::Builder::new()
            .prefix(SEALING)
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(&dir)
            .map_err(failed("make a folder in", &dir))?;
        let root = draft.path();
        let mut folders = vec![root.to_owned()];
        for (name, text) in &record.files {
            let path = root.join(name);
            if let Some(parent) = path.parent() {
                make_private(parent).map_err(failed("make", parent))?;
                if !folders.iter().any(|known| known == parent) {
                    folders.push(parent.to_owned());
                }
            }
            write_new(&path, text)?;
        }
        write_new(&root.join("record.md"), &record.markdown)?;
        let json = root.join("record.json");
        write_new(&json, &record.json)?;
        let signature = sign(&json, signing, sshsig::RECORD, &mut *pen)?;
        for folder in folders.iter().rev() {
            sync_dir(folder)?;
        }
        let records = Tip {
            count: link.seq.unwrap_or_default(),
            name: record.folder.clone(),
            sha256: Some(digest(record.json.as_bytes())),
            sig_sha256: signature.as_deref().map(digest),
        };
        let head = Head::new(&self.target, at, records.clone(), self.statements.clone());
        self.announce(&head, signing, pen)?;
        // From this rename on the record is sealed.
        let kept = draft.keep();
        let moved = fs::rename(&kept, &folder).map_err(failed("move into place", &folder));
        if moved.is_err() {
            // What cannot be removed here is removed when the chain is opened again.
            let _ = fs::remove_dir_all(&kept);
        }
        moved?;
        sync_dir(&dir)?;
        settle(&dir)?;
        let key = signature.and_then(|bytes| sshsig::Signature::parse(&bytes).ok());
        let sealed = Sealed {
            folder: folder.display().to_string(),
            sha256: records.sha256.clone().unwrap_or_default(),
            seq: records.count,
            key: key.map(|signature| signature.key.fingerprint()),
        };
        self.records = records;
        Ok(sealed)
    }

    /// Adds a statement about a record, or nothing.
    ///
    /// # Errors
    ///
    /// When it cannot be written or signed; nothing was added then.
    pub fn state(
        &mut self,
        saying: &Saying<'_>,
        signing: Signing,
        pen: Pen<'_>,
    ) -> Result<PathBuf, StoreError> {
        let link = self.statements.next();
        let folder = self.dir.join("statements");
        make_private(&folder).map_err(failed("make", &folder))?;
        let name = saying.file(&link);
        let draft = folder.join(format!(".{name}"));
        let text = saying.text(&link, signing);
        remove(&draft)?;
        remove(&signature_of(&draft))?;
        write_new(&draft, &text)?;
        let signature = sign(&draft, signing, sshsig::STATEMENT, &mut *pen)?;
        let statements = Tip {
            count: link.seq.unwrap_or_default(),
            name: name.clone(),
            sha256: Some(digest(text.as_bytes())),
            sig_sha256: signature.as_deref().map(digest),
        };
        let head = Head::new(&self.target, saying.at, self.records.clone(), statements.clone());
        self.announce(&head, signing, pen)?;
        let path = folder.join(&name);
        if signature.is_some() {
            let (from, to) = (signature_of(&draft), signature_of(&path));
            fs::rename(&from, &to).map_err(failed("move into place", &to))?;
        }
        // From this rename on the statement stands.
        fs::rename(&draft, &path).map_err(failed("move into place", &path))?;
        sync_dir(&folder)?;
        sync_dir(&self.dir)?;
        settle(&self.dir)?;
        self.statements = statements;
        Ok(path)
    }

    /// Puts the head of the new state beside the old one.
    fn announce(&self, head: &Head, signing: Signing, pen: Pen<'_>) -> Result<(), StoreError> {
        let path = self.dir.join("head.new");
        remove(&path)?;
        remove(&signature_of(&path))?;
        write_new(&path, &head.text(signing))?;
        let signed = sign(&path, signing, sshsig::HEAD, pen);
        if signed.is_err() {
            remove(&path)?;
        }
        signed?;
        sync_dir(&self.dir)
    }
}

fn said(dir: &Path) -> Vec<Ring> {
    statements(dir).iter().map(StatementFile::ring).collect()
}

/// Has a file signed, and returns the signature once it is on disk and belongs to the file.
fn sign(
    path: &Path,
    signing: Signing,
    namespace: &'static str,
    pen: Pen<'_>,
) -> Result<Option<Vec<u8>>, StoreError> {
    if signing == Signing::Unsigned {
        return Ok(None);
    }
    pen(path, namespace).map_err(StoreError::NotSigned)?;
    let made = signature_of(path);
    fs::set_permissions(&made, Permissions::from_mode(0o600)).map_err(failed("write", &made))?;
    let file = File::open(&made).map_err(failed("read", &made))?;
    file.sync_all().map_err(failed("write", &made))?;
    let bytes = read(&made)?;
    let message = read(path)?;
    let checked = sshsig::Signature::parse(&bytes).and_then(|s| s.check(namespace, &message));
    match checked {
        Ok(()) | Err(sshsig::Refusal::Unsupported(_)) => Ok(Some(bytes)),
        Err(why) => {
            Err(StoreError::NotSigned(format!("what ssh-keygen made does not verify: {why}")))
        }
    }
}

/// Returns the path of a file's signature.
#[must_use]
pub fn signature_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".sig");
    PathBuf::from(name)
}
