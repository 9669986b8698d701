//! Sockets of families that few programs need, and sockets that lead out.

use crate::call;
use crate::found::{Found, errno::*};
use crate::socket_outside;

const UNIX: usize = 1;
const NETLINK: usize = 16;
const STREAM: usize = 1;
const RAW: usize = 3;
const SEQPACKET: usize = 5;

fn socket(family: usize, kind: usize, protocol: usize) -> Found {
    call!(SOCKET, family, kind, protocol).into()
}

pub(crate) fn raw() -> Found {
    socket(2, RAW, 1)
}

pub(crate) fn packet() -> Found {
    socket(17, RAW, 0)
}

pub(crate) fn express() -> Found {
    socket(44, RAW, 0)
}

pub(crate) fn vsock() -> Found {
    socket(40, STREAM, 0)
}

pub(crate) fn vsock_wide() -> Found {
    socket(1 << 32 | 40, STREAM, 0)
}

pub(crate) fn algorithms() -> Found {
    socket(38, SEQPACKET, 0)
}

pub(crate) fn audit() -> Found {
    socket(NETLINK, RAW, 9)
}

pub(crate) fn firewall() -> Found {
    socket(NETLINK, RAW, 12)
}

pub(crate) fn transforms() -> Found {
    socket(NETLINK, RAW, 6)
}

/// Connects a stream to a socket of the file system, or to an abstract one; nothing is sent.
pub(crate) fn connect(name: &[u8], is_abstract: bool) -> isize {
    const CLOEXEC_NONBLOCK: usize = 0o2_004_000;
    let from = 2 + usize::from(is_abstract);
    // struct sockaddr_un
    let mut address = [0u8; 110];
    address[0] = UNIX as u8;
    let Some(place) = address.get_mut(from..from + name.len()) else { return -EINVAL };
    place.copy_from_slice(name);
    let socket = call!(SOCKET, UNIX, STREAM | CLOEXEC_NONBLOCK, 0);
    if socket < 0 {
        return socket;
    }
    let answer = call!(CONNECT, socket, &raw const address, from + name.len());
    call!(CLOSE, socket);
    answer
}

pub(crate) fn abstract_socket() -> Found {
    match socket_outside() {
        None | Some(b"") => Found::NotTried,
        Some(name) => connect(name, true).into(),
    }
}
