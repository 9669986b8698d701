//! The project that a file is counted for. `FS_IOC_FSGETXATTR`, `FS_IOC_FSSETXATTR`, linux/fs.h; `file_setattr`, 6.17.

use super::{Errno, Sys, Word, call, registers};
use std::ffi::CStr;
use std::os::fd::RawFd;

/// `struct fsxattr`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Attributes {
    flags: u32,
    extent_size: u32,
    extents: u32,
    project: u32,
    cow_extent_size: u32,
    padding: [u8; 8],
}

/// `struct file_attr`, 6.17.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct FileAttr {
    flags: u64,
    extent_size: u32,
    extents: u32,
    project: u32,
    cow_extent_size: u32,
}

const GET: u32 = 0x801c_581f;
const SET: u32 = 0x401c_5820;
/// `FS_XFLAG_PROJINHERIT`: what is made in a directory is counted as the directory is.
const INHERIT: u32 = 0x200;

// The vocabulary of the C library has neither yet.
const FILE_GETATTR: libc::c_long = 468;
const FILE_SETATTR: libc::c_long = 469;

/// Which project a file is counted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Membership {
    /// The project; 0 is none.
    pub project: u32,
    /// Whether what is made in it is counted with it; of directories alone.
    pub inherited: bool,
}

/// Of an open file or directory; `O_PATH` is not enough.
pub(crate) fn get(sys: &dyn Sys, fd: RawFd) -> Result<Membership, Errno> {
    let attributes = read(sys, fd)?;
    Ok(Membership { project: attributes.project, inherited: attributes.flags & INHERIT != 0 })
}

fn read(sys: &dyn Sys, fd: RawFd) -> Result<Attributes, Errno> {
    let mut attributes = Attributes::default();
    // SAFETY: the structure lives here, of the size that the command's number names.
    unsafe { call!(sys, SYS_ioctl, fd, GET, &raw mut attributes) }?;
    Ok(attributes)
}

/// Counts an open file or directory for a project; the other attributes stay.
pub(crate) fn set(sys: &dyn Sys, fd: RawFd, membership: Membership) -> Result<(), Errno> {
    let before = read(sys, fd)?;
    let inherit = if membership.inherited { INHERIT } else { 0 };
    let attributes =
        Attributes { flags: before.flags & !INHERIT | inherit, project: membership.project, ..before };
    // SAFETY: the structure lives here, of the size that the command's number names.
    unsafe { call!(sys, SYS_ioctl, fd, SET, &raw const attributes) }.map(|_| ())
}

/// Of what cannot be opened (a link, a socket, a device): `directory` and a name in it. ENOSYS before 6.17.
pub(crate) fn get_special(sys: &dyn Sys, directory: RawFd, name: &CStr) -> Result<Membership, Errno> {
    let attributes = read_special(sys, directory, name)?;
    Ok(Membership { project: attributes.project, inherited: false })
}

fn read_special(sys: &dyn Sys, directory: RawFd, name: &CStr) -> Result<FileAttr, Errno> {
    let mut attributes = FileAttr::default();
    let arguments = special(directory, name, (&raw mut attributes).word());
    // SAFETY: the name ends in NUL, and the structure lives here, of the size given.
    unsafe { sys.call(FILE_GETATTR, arguments) }?;
    Ok(attributes)
}

/// Counts what cannot be opened for a project.
pub(crate) fn set_special(sys: &dyn Sys, directory: RawFd, name: &CStr, project: u32) -> Result<(), Errno> {
    let attributes = FileAttr { project, ..read_special(sys, directory, name)? };
    let arguments = special(directory, name, (&raw const attributes).word());
    // SAFETY: the name ends in NUL, and the structure lives here, of the size given.
    unsafe { sys.call(FILE_SETATTR, arguments) }.map(|_| ())
}

fn special(directory: RawFd, name: &CStr, attributes: usize) -> [usize; 6] {
    let size = size_of::<FileAttr>();
    registers([directory.word(), name.word(), attributes, size, libc::AT_SYMLINK_NOFOLLOW.word()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::mem::{offset_of, size_of};

    #[test]
    fn structures_are_the_kernels() {
        // The size of an ioctl's argument is in its number, from bit 16 on.
        assert_eq!(size_of::<Attributes>(), (GET >> 16 & 0x3fff) as usize);
        assert_eq!(size_of::<Attributes>(), (SET >> 16 & 0x3fff) as usize);
        assert_eq!(offset_of!(Attributes, project), 12);
        assert_eq!(size_of::<FileAttr>(), 24);
        assert_eq!(offset_of!(FileAttr, project), 16);
    }
}
