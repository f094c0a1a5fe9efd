//! The listening sockets asked for by themselves, which the kernel answers at once, where reading
//! `/proc/net/tcp` makes it walk all its connections. (`man 7 sock_diag`)

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::os::fd::AsRawFd;
use std::os::fd::OwnedFd;

use nix::libc;
use nix::sys::socket::AddressFamily;
use nix::sys::socket::MsgFlags;
use nix::sys::socket::SockFlag;
use nix::sys::socket::SockProtocol;
use nix::sys::socket::SockType;
use nix::sys::socket::recv;
use nix::sys::socket::send;
use nix::sys::socket::socket;

use crate::shell::listen::Listener;

/// The kind of a message that asks for sockets by family, and of those that answer it.
const BY_FAMILY: u16 = 20;

/// The kinds of messages that end an answer.
const ERROR: u16 = 2;
const DONE: u16 = 3;

/// A request for all that match.
const DUMP: u16 = 0x1 | 0x300;

/// The state of a socket that listens, as a bit.
const LISTENING: u32 = 1 << 10;

/// How long the head of a message is, and what is said of a socket behind it.
const HEAD: usize = 16;
const SOCKET: usize = 72;

/// How many messages an answer may have: far more than a host has sockets that listen.
const MESSAGES: usize = 10_000;

/// Returns every socket that listens for TCP; none where the kernel does not say.
pub(super) fn listening() -> Option<Vec<(Listener, u16)>> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let protocol = SockProtocol::NetlinkSockDiag;
    let diag = socket(AddressFamily::Netlink, SockType::Raw, flags, protocol).ok()?;
    let mut found = family(&diag, libc::AF_INET)?;
    found.extend(family(&diag, libc::AF_INET6)?);
    Some(found)
}

fn family(diag: &OwnedFd, family: i32) -> Option<Vec<(Listener, u16)>> {
    let request = request(u8::try_from(family).ok()?);
    send(diag.as_raw_fd(), &request, MsgFlags::empty()).ok()?;
    let mut found = Vec::new();
    let mut room = vec![0; 64 << 10];
    for _ in 0..MESSAGES {
        let length = recv(diag.as_raw_fd(), &mut room, MsgFlags::empty()).ok()?;
        if read(room.get(..length)?, &mut found)? {
            return Some(found);
        }
    }
    None
}

fn request(family: u8) -> Vec<u8> {
    const LENGTH: u32 = 72;
    let mut request = Vec::new();
    request.extend(LENGTH.to_ne_bytes());
    request.extend(BY_FAMILY.to_ne_bytes());
    request.extend(DUMP.to_ne_bytes());
    request.extend([0; 8]);
    let tcp = 6;
    request.extend([family, tcp, 0, 0]);
    request.extend(LISTENING.to_ne_bytes());
    // Whichever address and port.
    request.extend([0; 48]);
    request
}

/// Reads the messages that came in one piece; returns whether they end the answer.
fn read(mut bytes: &[u8], found: &mut Vec<(Listener, u16)>) -> Option<bool> {
    while !bytes.is_empty() {
        let length = usize::try_from(u32::from_ne_bytes(array(bytes, 0)?)).ok()?;
        let message = bytes.get(..length).filter(|message| message.len() >= HEAD)?;
        match u16::from_ne_bytes(array(message, 4)?) {
            DONE => return Some(true),
            BY_FAMILY => found.push(described(message.get(HEAD..HEAD + SOCKET)?)?),
            ERROR => return None,
            _ => {}
        }
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Some(false)
}

fn described(socket: &[u8]) -> Option<(Listener, u16)> {
    let port = u16::from_be_bytes(array(socket, 4)?);
    let address: IpAddr = match i32::from(*socket.first()?) {
        libc::AF_INET => Ipv4Addr::from(array::<4>(socket, 8)?).into(),
        _ => Ipv6Addr::from(array::<16>(socket, 8)?).to_canonical(),
    };
    let inode = u32::from_ne_bytes(array(socket, 68)?);
    Some((Listener { address, inode: inode.into() }, port))
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_is_torn_or_refused_is_none() {
        let mut found = Vec::new();
        assert_eq!(read(&[1, 2], &mut found), None);
        let message = |length: u32, kind: u16| {
            let mut bytes = length.to_ne_bytes().to_vec();
            bytes.extend(kind.to_ne_bytes());
            bytes.resize(HEAD, 0);
            bytes
        };
        assert_eq!(read(&message(16, ERROR), &mut found), None);
        assert_eq!(read(&message(16, BY_FAMILY), &mut found), None);
        assert_eq!(read(&message(0, 0), &mut found), None);
        assert_eq!(read(&message(16, 0), &mut found), Some(false));
        assert_eq!(read(&message(16, DONE), &mut found), Some(true));
        assert!(found.is_empty());
    }
}
