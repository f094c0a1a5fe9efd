//! Noticing that the config moved on disk, without waking up while it does not.

use std::path::Path;
use std::path::PathBuf;
use std::sync::mpsc::Sender;

use crate::app::Message;

/// Watches the folders of the config's files and says whenever something in them changes.
///
/// Folders are watched, not files, since a config is replaced by renaming a new file over it.
/// Where nothing can be watched, the files are looked at with every key instead.
#[cfg(target_os = "linux")]
pub(super) fn watch(files: &[PathBuf], queue: Sender<Message>) {
    use nix::sys::inotify::AddWatchFlags;
    use nix::sys::inotify::InitFlags;
    use nix::sys::inotify::Inotify;

    let Ok(inotify) = Inotify::init(InitFlags::IN_CLOEXEC) else { return };
    let changes = AddWatchFlags::IN_CLOSE_WRITE
        | AddWatchFlags::IN_MOVED_TO
        | AddWatchFlags::IN_MOVED_FROM
        | AddWatchFlags::IN_DELETE
        | AddWatchFlags::IN_ATTRIB;
    let mut folders: Vec<&Path> = files.iter().filter_map(|file| file.parent()).collect();
    folders.sort_unstable();
    folders.dedup();
    let watched = folders.iter().filter(|dir| inotify.add_watch(**dir, changes).is_ok()).count();
    if watched == 0 {
        return;
    }
    let names: Vec<_> =
        files.iter().filter_map(|file| file.file_name().map(ToOwned::to_owned)).collect();
    std::thread::spawn(move || {
        while let Ok(events) = inotify.read_events() {
            let ours = |name: &std::ffi::OsString| names.contains(name);
            let touched = events.iter().any(|event| event.name.as_ref().is_some_and(ours));
            if touched && queue.send(Message::Touched).is_err() {
                return;
            }
        }
    });
}

/// Watches nothing here; the files are looked at with every key instead.
#[cfg(not(target_os = "linux"))]
pub(super) fn watch(_files: &[PathBuf], _queue: Sender<Message>) {}
