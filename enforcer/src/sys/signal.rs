//! Signals of the calling thread. sigprocmask(2), sigaction(2), signalfd(2).

use super::{Errno, Sys, call, int};
use std::os::fd::RawFd;

/// A set of signals as the kernel has it: bit N-1 for signal N.
pub(crate) type Mask = u64;

/// `struct sigaction` of the kernel's own interface; all zero is the default disposition.
#[repr(C)]
#[derive(Default)]
struct Action {
    handler: u64,
    flags: u64,
    restorer: u64,
    mask: Mask,
}

/// Sets the mask; what it was.
pub(crate) fn set_mask(sys: &dyn Sys, mask: Mask) -> Result<Mask, Errno> {
    let mut old: Mask = 0;
    // SAFETY: both masks live here, of the size given.
    unsafe {
        call!(sys, SYS_rt_sigprocmask, libc::SIG_SETMASK, &raw const mask, &raw mut old, size_of::<Mask>())
    }?;
    Ok(old)
}

/// Gives a signal its default disposition.
pub(crate) fn set_default(sys: &dyn Sys, signal: i32) -> Result<(), Errno> {
    set_action(sys, signal, &Action::default())
}

/// Ignores a signal.
pub(crate) fn ignore(sys: &dyn Sys, signal: i32) -> Result<(), Errno> {
    /// `SIG_IGN`
    const IGNORE: u64 = 1;
    set_action(sys, signal, &Action { handler: IGNORE, ..Action::default() })
}

fn set_action(sys: &dyn Sys, signal: i32, action: &Action) -> Result<(), Errno> {
    // SAFETY: the action lives here; it names no handler, so its size on any architecture is covered by zeros.
    unsafe { call!(sys, SYS_rt_sigaction, signal, std::ptr::from_ref(action), 0usize, size_of::<Mask>()) }
        .map(|_| ())
}

/// A descriptor from which the blocked signals of `mask` are read, without blocking.
pub(crate) fn descriptor(sys: &dyn Sys, mask: Mask) -> Result<RawFd, Errno> {
    let flags = libc::SFD_CLOEXEC | libc::SFD_NONBLOCK;
    // SAFETY: the mask lives here, of the size given.
    int(unsafe { call!(sys, SYS_signalfd4, -1, &raw const mask, size_of::<Mask>(), flags) }?)
}

/// One signal from such a descriptor; `None`: there is none.
pub(crate) fn next(sys: &dyn Sys, descriptor: RawFd) -> Result<Option<i32>, Errno> {
    let mut info = [0u8; 128];
    match super::file::read(sys, descriptor, &mut info) {
        Ok(_) => {
            let [a, b, c, d, ..] = info;
            Ok(i32::try_from(u32::from_ne_bytes([a, b, c, d])).ok())
        }
        Err(Errno::EAGAIN) => Ok(None),
        Err(errno) => Err(errno),
    }
}

#[cfg(test)]
mod tests {
    use std::mem::{offset_of, size_of};

    #[test]
    fn structures_are_the_kernels() {
        assert_eq!(size_of::<super::Action>(), 32);
        assert_eq!(size_of::<libc::signalfd_siginfo>(), 128);
        assert_eq!(offset_of!(libc::signalfd_siginfo, ssi_signo), 0);
    }
}
