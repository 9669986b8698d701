//! pidfd_open(2), 5.3, and pidfd_send_signal(2), 5.1: a process held by a descriptor cannot be mistaken
//! for the next one with its number.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// A process that is held.
pub(crate) struct Held(OwnedFd);

/// Holds the process with this id.
pub(crate) fn hold(pid: u32) -> io::Result<Held> {
    // SAFETY: takes two integers, gives a descriptor.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    let fd = i32::try_from(fd).map_err(io::Error::other)?;
    // SAFETY: the kernel has just given this descriptor to us alone.
    Ok(Held(unsafe { OwnedFd::from_raw_fd(fd) }))
}

impl Held {
    /// SIGKILL; a process that has ended already is no error.
    pub(crate) fn kill(&self) -> io::Result<()> {
        // SAFETY: a descriptor that we own, a signal number, no siginfo, no flags.
        let done = unsafe {
            libc::syscall(
                libc::SYS_pidfd_send_signal,
                self.0.as_raw_fd(),
                libc::SIGKILL,
                std::ptr::null::<libc::siginfo_t>(),
                0,
            )
        };
        match io::Error::last_os_error() {
            _ if done == 0 => Ok(()),
            error if error.raw_os_error() == Some(libc::ESRCH) => Ok(()),
            error => Err(error),
        }
    }
}
