//! The control socket between launcher and init. socketpair(2), recvmsg(2), poll(2).

use super::{Errno, Sys, call, int};
use std::os::fd::RawFd;

/// Two ends that keep message boundaries (`SOCK_SEQPACKET`), closed at exec.
pub(crate) fn pair(sys: &dyn Sys) -> Result<[RawFd; 2], Errno> {
    let mut ends = [-1; 2];
    let kind = libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC;
    // SAFETY: two descriptors are written, which live here.
    unsafe { call!(sys, SYS_socketpair, libc::AF_UNIX, kind, 0, ends.as_mut_ptr()) }?;
    Ok(ends)
}

/// Sends one message; a peer that is gone gives `EPIPE` and no signal.
pub(crate) fn send(sys: &dyn Sys, socket: RawFd, bytes: &[u8]) -> Result<(), Errno> {
    // SAFETY: the slice is readable for its length; no address is given.
    unsafe { call!(sys, SYS_sendto, socket, bytes.as_ptr(), bytes.len(), libc::MSG_NOSIGNAL, 0usize, 0) }
        .map(|_| ())
}

/// Receives one message; 0: the peer is gone.
pub(crate) fn receive(sys: &dyn Sys, socket: RawFd, into: &mut [u8]) -> Result<usize, Errno> {
    // SAFETY: the slice is writable for its length; no address is asked for.
    unsafe { call!(sys, SYS_recvfrom, socket, into.as_mut_ptr(), into.len(), 0, 0usize, 0usize) }
}

/// Receives one message and the descriptor that may come with it.
pub(crate) fn receive_with_descriptor(
    sys: &dyn Sys,
    socket: RawFd,
    into: &mut [u8],
) -> Result<(usize, Option<RawFd>), Errno> {
    let mut control = Control { length: 0, level: 0, kind: 0, descriptor: -1, padding: 0 };
    let mut part = libc::iovec { iov_base: into.as_mut_ptr().cast(), iov_len: into.len() };
    // SAFETY: a structure of plain integers and pointers, for which all zero is a value.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = (&raw mut control).cast();
    message.msg_controllen = size_of::<Control>();
    // SAFETY: the header describes one buffer and one control block, which live here.
    let length = unsafe { call!(sys, SYS_recvmsg, socket, &raw mut message, libc::MSG_CMSG_CLOEXEC) }?;
    let is_rights = control.level == libc::SOL_SOCKET && control.kind == libc::SCM_RIGHTS;
    let whole = message.msg_controllen >= size_of::<Control>() - 4;
    Ok((length, (is_rights && whole && control.descriptor >= 0).then_some(control.descriptor)))
}

/// `struct cmsghdr` with one descriptor, padded as `CMSG_SPACE(4)`.
#[repr(C)]
struct Control {
    length: usize,
    level: i32,
    kind: i32,
    descriptor: i32,
    padding: i32,
}

/// One descriptor to wait for, `struct pollfd`.
pub(crate) type Interest = libc::pollfd;

/// Interest in whether there is something to read.
pub(crate) fn readable(fd: RawFd) -> Interest {
    Interest { fd, events: libc::POLLIN, revents: 0 }
}

/// Waits for any of them; `wait` false only looks. ppoll(2).
pub(crate) fn poll(sys: &dyn Sys, interests: &mut [Interest], wait: bool) -> Result<i32, Errno> {
    let now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    let timeout = if wait { std::ptr::null() } else { &raw const now };
    // SAFETY: the slice is writable for its length, the timeout lives here, no mask is given.
    int(unsafe { call!(sys, SYS_ppoll, interests.as_mut_ptr(), interests.len(), timeout, 0usize, 0) }?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::Kernel;

    #[test]
    fn structure_is_the_kernels() {
        assert_eq!(size_of::<Control>(), 24);
        assert_eq!(std::mem::offset_of!(Control, descriptor), size_of::<libc::cmsghdr>());
    }

    #[test]
    fn messages_keep_their_boundaries_and_the_end_is_seen() {
        let [left, right] = pair(&Kernel).unwrap();
        send(&Kernel, left, b"one").unwrap();
        send(&Kernel, left, b"two").unwrap();
        let mut buffer = [0; 16];
        assert_eq!(receive_with_descriptor(&Kernel, right, &mut buffer), Ok((3, None)));
        assert_eq!(receive(&Kernel, right, &mut buffer), Ok(3));
        super::super::file::close(&Kernel, left).unwrap();
        let mut interests = [readable(right)];
        assert_eq!(poll(&Kernel, &mut interests, true), Ok(1));
        assert_eq!(receive(&Kernel, right, &mut buffer), Ok(0));
        super::super::file::close(&Kernel, right).unwrap();
    }
}
