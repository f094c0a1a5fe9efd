//! Reading a stream: whole lines, decoded and masked before anyone sees them, not without end.

use std::io;
use std::io::Read;
use std::sync::Arc;
use std::thread;

use crate::shell::run::Mask;
use crate::shell::run::Stream;
use crate::shell::run::mailbox::Mailbox;

/// How many bytes of a stream are kept. Everything beyond is read and dropped.
const KEPT: usize = 8 << 20;

/// How many bytes are dropped at the end of a line that is cut.
///
/// A secret that the cut splits could not be masked; no secret is longer than this.
const BLURRED: usize = 16 << 10;

/// How many bytes of a line are reported while the command runs.
const SHOWN: usize = 4 << 10;

/// How many bytes are read at once.
const CHUNK: usize = 64 << 10;

/// Starts to read a stream into a mailbox, until it is closed.
pub(super) fn start(
    stream: impl Read + Send + 'static,
    name: Stream,
    mask: Mask,
    mailbox: Arc<Mailbox>,
) -> io::Result<()> {
    let thread = thread::Builder::new().name("read".to_owned());
    thread.spawn(move || {
        // Told even when the mask panics, so that nobody waits for this stream.
        let _closed = Closed(&mailbox);
        read(stream, name, &mask, &mailbox);
    })?;
    Ok(())
}

/// Says at its end that a stream was closed.
struct Closed<'a>(&'a Mailbox);

impl Drop for Closed<'_> {
    fn drop(&mut self) {
        self.0.closed();
    }
}

/// Reads to the end of a stream.
fn read(mut stream: impl Read, name: Stream, mask: &Mask, mailbox: &Mailbox) {
    let mut chunk = vec![0; CHUNK];
    let mut line = Vec::new();
    let mut room = KEPT;
    let mut cut = false;
    let send = |line: &[u8], ended| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        mailbox.line(name, mask(&String::from_utf8_lossy(line)), ended)
    };
    loop {
        let length = match stream.read(&mut chunk) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => break,
        };
        let kept = length.min(room);
        room -= kept;
        let mut pieces = chunk[..kept].split_inclusive(|byte| *byte == b'\n');
        let wanted = pieces.all(|piece| {
            line.extend_from_slice(piece);
            let Some(whole) = line.strip_suffix(b"\n") else {
                return true;
            };
            let wanted = send(whole, true);
            line.clear();
            wanted
        });
        if !wanted {
            return;
        }
        if kept < length && !cut {
            cut = true;
            line.truncate(line.len().saturating_sub(BLURRED));
            if !line.is_empty() {
                send(&line, false);
            }
            line = Vec::new();
            mailbox.truncated();
        }
    }
    if !line.is_empty() {
        send(&line, false);
    }
}

/// Cuts a masked line to what is reported while the command runs.
pub(super) fn shortened(mut line: String) -> String {
    if line.len() > SHOWN {
        line.truncate(line.floor_char_boundary(SHOWN));
        line.push('…');
    }
    line
}
