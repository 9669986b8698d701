//! The mount tree. mount(2), pivot_root(2), open_tree(2), move_mount(2), mount_setattr(2), fsopen(2).

use super::{Errno, Sys, call, int};
use std::ffi::CStr;
use std::os::fd::{AsRawFd, RawFd};

/// `struct mount_attr`, linux/mount.h, 5.12.
#[repr(C)]
struct MountAttr {
    set: u64,
    clear: u64,
    propagation: u64,
    userns: u64,
}

/// `MOUNT_ATTR_RDONLY`
pub(crate) const READ_ONLY: u64 = 1;
/// `MOUNT_ATTR_NOSUID`
pub(crate) const NO_SUID: u64 = 2;
/// `MOUNT_ATTR_NODEV`
pub(crate) const NO_DEV: u64 = 4;
/// `MOUNT_ATTR_NOEXEC`
pub(crate) const NO_EXEC: u64 = 8;

const OPEN_TREE_CLONE: u32 = 1;
const AT_RECURSIVE: u32 = 0x8000;
const AT_EMPTY_PATH: u32 = 0x1000;
const CLOEXEC: u32 = 0o2_000_000;
const MOVE_FROM_EMPTY: u32 = 0x4;
const MOVE_TO_EMPTY: u32 = 0x40;
const FSOPEN_CLOEXEC: u32 = 1;
const FSCONFIG_SET_STRING: u32 = 1;
const FSCONFIG_CREATE: u32 = 6;
const FSCONFIG_RECONFIGURE: u32 = 7;
const FSPICK_CLOEXEC: u32 = 1;
const FSPICK_EMPTY_PATH: u32 = 8;
const FSMOUNT_CLOEXEC: u32 = 1;

/// A detached copy of the tree at `path` with everything mounted below it; at `directory` itself where the path
/// is empty.
pub(crate) fn clone_tree(sys: &dyn Sys, directory: RawFd, path: &CStr) -> Result<RawFd, Errno> {
    let flags = OPEN_TREE_CLONE | CLOEXEC | AT_RECURSIVE | empty(path);
    // SAFETY: the path ends in NUL.
    int(unsafe { call!(sys, SYS_open_tree, directory, path, flags) }?)
}

/// The same of one mount alone, without what is mounted below it.
pub(crate) fn clone_mount(sys: &dyn Sys, directory: RawFd, path: &CStr) -> Result<RawFd, Errno> {
    let flags = OPEN_TREE_CLONE | CLOEXEC | empty(path);
    // SAFETY: the path ends in NUL.
    int(unsafe { call!(sys, SYS_open_tree, directory, path, flags) }?)
}

/// Mounts a detached tree at `path` below `directory`, or over `directory` itself where the path is empty.
pub(crate) fn attach(sys: &dyn Sys, tree: RawFd, directory: RawFd, path: &CStr) -> Result<(), Errno> {
    let to = if path.is_empty() { MOVE_TO_EMPTY } else { 0 };
    // SAFETY: both paths end in NUL.
    unsafe { call!(sys, SYS_move_mount, tree, c"", directory, path, MOVE_FROM_EMPTY | to) }.map(|_| ())
}

/// Sets attributes, and with `private` ends propagation, on the mount at `tree`, or on the whole tree.
pub(crate) fn restrict(
    sys: &dyn Sys,
    tree: RawFd,
    set: u64,
    private: bool,
    whole: bool,
) -> Result<(), Errno> {
    let attr =
        MountAttr { set, clear: 0, propagation: if private { libc::MS_PRIVATE } else { 0 }, userns: 0 };
    let flags = AT_EMPTY_PATH | if whole { AT_RECURSIVE } else { 0 };
    // SAFETY: the structure lives here, of the size given.
    unsafe { call!(sys, SYS_mount_setattr, tree, c"", flags, &raw const attr, size_of::<MountAttr>()) }
        .map(|_| ())
}

/// Lets files be written through the mount at `tree`; others of the same file system stay as they are.
pub(crate) fn make_writable(sys: &dyn Sys, tree: RawFd) -> Result<(), Errno> {
    let attr = MountAttr { set: 0, clear: READ_ONLY, propagation: 0, userns: 0 };
    // SAFETY: the structure lives here, of the size given.
    unsafe {
        call!(sys, SYS_mount_setattr, tree, c"", AT_EMPTY_PATH, &raw const attr, size_of::<MountAttr>())
    }
    .map(|_| ())
}

/// Ends propagation of the whole mount namespace in both directions.
pub(crate) fn make_all_private(sys: &dyn Sys) -> Result<(), Errno> {
    // SAFETY: a change of propagation reads the target alone.
    unsafe { call!(sys, SYS_mount, 0usize, c"/", 0usize, libc::MS_REC | libc::MS_PRIVATE, 0usize) }
        .map(|_| ())
}

/// Ends propagation of the whole mount namespace out of it: what others mount still arrives.
pub(crate) fn make_all_slaves(sys: &dyn Sys) -> Result<(), Errno> {
    // SAFETY: a change of propagation reads the target alone.
    unsafe { call!(sys, SYS_mount, 0usize, c"/", 0usize, libc::MS_REC | libc::MS_SLAVE, 0usize) }.map(|_| ())
}

/// Mounts a new file system at `path` below the current directory (`.` for itself).
pub(crate) fn mount(
    sys: &dyn Sys,
    kind: &CStr,
    path: &CStr,
    flags: u64,
    options: &CStr,
) -> Result<(), Errno> {
    // SAFETY: all strings end in NUL; the options are a string for the kinds used here.
    unsafe { call!(sys, SYS_mount, kind, path, kind, flags, options) }.map(|_| ())
}

/// Mounts one file of the caller's tree at a path below the current directory.
pub(crate) fn bind(sys: &dyn Sys, from: &CStr, path: &CStr) -> Result<(), Errno> {
    // SAFETY: both paths end in NUL; a bind reads neither kind nor options.
    unsafe { call!(sys, SYS_mount, from, path, 0usize, libc::MS_BIND, 0usize) }.map(|_| ())
}

/// A detached tmpfs with `attributes`, its root with the permissions of `mode` (octal).
pub(crate) fn detached_tmpfs(sys: &dyn Sys, attributes: u64, mode: &CStr) -> Result<RawFd, Errno> {
    // SAFETY: the name ends in NUL.
    let context = int(unsafe { call!(sys, SYS_fsopen, c"tmpfs", FSOPEN_CLOEXEC) }?)?;
    // SAFETY: key and value end in NUL.
    unsafe { call!(sys, SYS_fsconfig, context, FSCONFIG_SET_STRING, c"mode", mode, 0) }?;
    // SAFETY: this command reads neither key nor value.
    unsafe { call!(sys, SYS_fsconfig, context, FSCONFIG_CREATE, 0usize, 0usize, 0) }?;
    // SAFETY: takes no pointers.
    int(unsafe { call!(sys, SYS_fsmount, context, FSMOUNT_CLOEXEC, attributes) }?)
}

/// Changes options of the file system that is mounted at `place`; those that are not named stay. fspick(2), 5.2.
pub(crate) fn reconfigure(sys: &dyn Sys, place: RawFd, options: &[(&CStr, &CStr)]) -> Result<(), Errno> {
    // SAFETY: the path ends in NUL.
    let context = int(unsafe { call!(sys, SYS_fspick, place, c"", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH) }?)?;
    let context = super::file::owned(context);
    for (name, value) in options {
        // SAFETY: key and value end in NUL.
        unsafe { call!(sys, SYS_fsconfig, context.as_raw_fd(), FSCONFIG_SET_STRING, *name, *value, 0) }?;
    }
    // SAFETY: this command reads neither key nor value.
    unsafe { call!(sys, SYS_fsconfig, context.as_raw_fd(), FSCONFIG_RECONFIGURE, 0usize, 0usize, 0) }
        .map(|_| ())
}

/// Makes the current directory, a mount, the root; the old root comes to lie on top of it.
pub(crate) fn pivot(sys: &dyn Sys) -> Result<(), Errno> {
    // SAFETY: both paths end in NUL.
    unsafe { call!(sys, SYS_pivot_root, c".", c".") }.map(|_| ())
}

/// Detaches the mount that lies on top of the root, with everything below it. (umount2(2) goes to the topmost
/// mount at a place, while paths inside start at the process's root, whatever lies on it.)
pub(crate) fn detach(sys: &dyn Sys) -> Result<(), Errno> {
    // SAFETY: the path ends in NUL.
    unsafe { call!(sys, SYS_umount2, c"/", libc::MNT_DETACH) }.map(|_| ())
}

fn empty(path: &CStr) -> u32 {
    if path.is_empty() { AT_EMPTY_PATH } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::mem::{offset_of, size_of};

    #[test]
    fn structure_is_the_kernels() {
        assert_eq!(size_of::<MountAttr>(), 32);
        assert_eq!(offset_of!(MountAttr, propagation), 16);
    }
}
