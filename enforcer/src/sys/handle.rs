//! Files by what the file system calls them, whatever their paths are. name_to_handle_at(2), open_by_handle_at(2), which takes
//! CAP_DAC_READ_SEARCH.

use super::{Errno, Sys, call, int};
use std::os::fd::{OwnedFd, RawFd};

/// `MAX_HANDLE_SZ`, linux/exportfs.h.
const LONGEST: usize = 128;

/// `struct file_handle`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Handle {
    bytes: u32,
    kind: i32,
    handle: [u8; LONGEST],
}

/// Of what a descriptor holds; `O_PATH` is enough.
pub(crate) fn of(sys: &dyn Sys, fd: RawFd) -> Result<Handle, Errno> {
    let mut handle = Handle { bytes: 128, kind: 0, handle: [0; LONGEST] };
    let mut mount = 0_i32;
    // SAFETY: the path ends in NUL, and both places live here; the handle is as long as it says.
    unsafe {
        call!(sys, SYS_name_to_handle_at, fd, c"", &raw mut handle, &raw mut mount, libc::AT_EMPTY_PATH)
    }?;
    Ok(handle)
}

/// Opens it, on the file system of `on`. ESTALE where it is gone.
pub(crate) fn open(sys: &dyn Sys, on: RawFd, handle: &Handle, flags: i32) -> Result<OwnedFd, Errno> {
    // SAFETY: the handle lives here, and is as long as it says.
    let fd =
        unsafe { call!(sys, SYS_open_by_handle_at, on, std::ptr::from_ref(handle), flags | libc::O_CLOEXEC) };
    Ok(super::file::owned(int(fd?)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structure_is_the_kernels() {
        assert_eq!(size_of::<Handle>(), 8 + LONGEST);
        assert_eq!(std::mem::offset_of!(Handle, handle), 8);
    }
}
