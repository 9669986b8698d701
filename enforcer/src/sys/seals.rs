//! Seals of a memory file. memfd_create(2), fcntl(2).

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// What makes the content of a memory file final.
pub(crate) const FINAL: i32 =
    libc::F_SEAL_SEAL | libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_WRITE;

/// The seals of `file`; EINVAL where it is no memory file.
pub(crate) fn of(file: BorrowedFd<'_>) -> io::Result<i32> {
    // SAFETY: F_GET_SEALS takes no argument and writes nothing.
    let seals = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GET_SEALS) };
    if seals < 0 { Err(io::Error::last_os_error()) } else { Ok(seals) }
}
