//! openat2(2), 5.6: opens a path as a process with another root would, and never leaves that root.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// `path` below `root`, its symbolic links followed inside `root`, as a handle that can be asked and not
/// read (`O_PATH`): opening so has no effect on what is opened.
pub(crate) fn open(root: BorrowedFd<'_>, path: &Path) -> io::Result<OwnedFd> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    // SAFETY: `open_how` is plain data; all zero is a valid value of it, and the one openat2(2) wants for
    // the fields that are not set.
    let mut how: libc::open_how = unsafe { std::mem::zeroed() };
    how.flags = u64::from((libc::O_PATH | libc::O_CLOEXEC).cast_unsigned());
    how.resolve = libc::RESOLVE_IN_ROOT | libc::RESOLVE_NO_MAGICLINKS;
    for _ in 0..16 {
        // SAFETY: `path` ends in NUL and lives over the call, `how` is as large as said.
        let fd = unsafe {
            libc::syscall(
                libc::SYS_openat2,
                root.as_raw_fd(),
                path.as_ptr(),
                &raw const how,
                size_of::<libc::open_how>(),
            )
        };
        if fd >= 0 {
            let fd = i32::try_from(fd).map_err(io::Error::other)?;
            // SAFETY: the kernel has just given this descriptor to us alone.
            return Ok(unsafe { OwnedFd::from_raw_fd(fd) });
        }
        let error = io::Error::last_os_error();
        // EAGAIN: something was renamed while the kernel walked `..`; openat2(2) says to try again.
        if !matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::EINTR)) {
            return Err(error);
        }
    }
    Err(io::Error::from_raw_os_error(libc::EAGAIN))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::os::fd::AsFd;
    use std::os::unix::fs::symlink;

    #[test]
    fn planted_links_stay_inside() {
        let root = tempfile::tempdir().expect("scratch");
        symlink("/etc", root.path().join("out")).expect("link");
        symlink("../../../..", root.path().join("up")).expect("link");
        let fd = File::open(root.path()).expect("root");
        let error = open(fd.as_fd(), Path::new("/out/passwd")).expect_err("no etc in the root");
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert_eq!(
            open(fd.as_fd(), Path::new("/up/etc/passwd")).expect_err("up").kind(),
            io::ErrorKind::NotFound
        );
    }
}
