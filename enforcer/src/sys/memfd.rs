//! Files in memory that nobody can change any more. memfd_create(2), fcntl(2) `F_ADD_SEALS`.

use super::{Errno, Sys, call, file, int};
use std::ffi::CStr;
use std::os::fd::RawFd;

/// `MFD_NOEXEC_SEAL`, 6.3.
const NOEXEC_SEAL: u32 = 8;
/// `MFD_EXEC`, 6.3: asked for by name, since `vm.memfd_noexec` may make the opposite the default.
const EXEC: u32 = 16;

/// A sealed file with `bytes` in it, closed at exec.
pub(crate) fn sealed(sys: &dyn Sys, name: &CStr, bytes: &[u8], executable: bool) -> Result<RawFd, Errno> {
    let base = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
    let mode = if executable { EXEC } else { NOEXEC_SEAL };
    let fd = match create(sys, name, base | mode) {
        // Before 6.3 the flag is unknown, and every such file executable.
        Err(Errno::EINVAL) => create(sys, name, base),
        other => other,
    }?;
    file::write(sys, fd, bytes)?;
    let seals = libc::F_SEAL_SEAL | libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_WRITE;
    // SAFETY: takes no pointers.
    unsafe { call!(sys, SYS_fcntl, fd, libc::F_ADD_SEALS, seals) }?;
    Ok(fd)
}

fn create(sys: &dyn Sys, name: &CStr, flags: u32) -> Result<RawFd, Errno> {
    // SAFETY: the name ends in NUL.
    int(unsafe { call!(sys, SYS_memfd_create, name, flags) }?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::Kernel;

    #[test]
    fn nothing_can_be_written_any_more() {
        let fd = sealed(&Kernel, c"sealed", b"text", false).unwrap();
        assert_eq!(file::write(&Kernel, fd, b"x"), Err(Errno::EPERM));
        let through_proc = std::fs::OpenOptions::new().write(true).open(format!("/proc/self/fd/{fd}"));
        assert!(through_proc.is_err() || file::write(&Kernel, fd, b"x").is_err());
        file::close(&Kernel, fd).unwrap();
    }
}
