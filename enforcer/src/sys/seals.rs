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

/// A memory file with this content, sealed or not.
#[cfg(test)]
pub(crate) fn test_file(name: &std::ffi::CStr, content: &[u8], seal: bool) -> std::fs::File {
    use std::io::Write;
    use std::os::fd::FromRawFd;
    // SAFETY: a name that ends in NUL; the descriptor is ours alone.
    let mut file = unsafe {
        let fd = libc::memfd_create(name.as_ptr(), libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING);
        assert!(fd >= 0, "memfd_create");
        std::fs::File::from_raw_fd(fd)
    };
    file.write_all(content).expect("write");
    if seal {
        // SAFETY: F_ADD_SEALS takes an integer.
        assert_eq!(unsafe { libc::fcntl(file.as_raw_fd(), libc::F_ADD_SEALS, FINAL) }, 0);
    }
    file
}
