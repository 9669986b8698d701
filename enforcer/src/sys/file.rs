//! Descriptors and paths. openat2(2), openat(2), mknod(2), close_range(2), fcntl(2).

use super::{Errno, Sys, call, int};
use std::ffi::CStr;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicI32, Ordering};

/// The current directory, where a directory descriptor is taken.
pub(crate) const CWD: RawFd = libc::AT_FDCWD;

/// The number of a descriptor that is opened later, by the child, while the launcher has the same memory.
pub(crate) struct Slot(AtomicI32);

impl Slot {
    /// Not open yet.
    const CLOSED: RawFd = -1;

    /// Nothing is open yet.
    pub(crate) fn closed() -> Slot {
        Slot(AtomicI32::new(Slot::CLOSED))
    }

    /// The descriptor; -1 where there is none, which every call refuses.
    pub(crate) fn get(&self) -> RawFd {
        self.0.load(Ordering::Relaxed)
    }

    /// Whether there is one.
    pub(crate) fn is_open(&self) -> bool {
        self.get() != Slot::CLOSED
    }

    /// It has been opened.
    pub(crate) fn set(&self, fd: RawFd) {
        self.0.store(fd, Ordering::Relaxed);
    }

    /// Takes it out, where there is one.
    pub(crate) fn take(&self) -> Option<RawFd> {
        let fd = self.0.swap(Slot::CLOSED, Ordering::Relaxed);
        (fd != Slot::CLOSED).then_some(fd)
    }
}

/// `struct open_how`, linux/openat2.h, 5.6.
#[repr(C)]
struct OpenHow {
    flags: u64,
    mode: u64,
    resolve: u64,
}

/// How a path is walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Walk {
    /// No symbolic link anywhere in it.
    NoLinks,
    /// Links are followed as if the directory were the root.
    InRoot,
}

impl Walk {
    fn resolve(self) -> u64 {
        libc::RESOLVE_NO_MAGICLINKS
            | match self {
                Walk::NoLinks => libc::RESOLVE_NO_SYMLINKS | libc::RESOLVE_IN_ROOT,
                Walk::InRoot => libc::RESOLVE_IN_ROOT,
            }
    }
}

/// Opens the place itself (`O_PATH`), as a mount point or for Landlock.
pub(crate) fn open_place(
    sys: &dyn Sys,
    root: RawFd,
    path: &CStr,
    walk: Walk,
    directory: bool,
) -> Result<RawFd, Errno> {
    let only = if directory { libc::O_DIRECTORY } else { 0 };
    let how = OpenHow {
        flags: u64::from((libc::O_PATH | libc::O_CLOEXEC | only).cast_unsigned()),
        mode: 0,
        resolve: walk.resolve(),
    };
    // SAFETY: the path ends in NUL and the structure lives here, of the size given.
    int(unsafe { call!(sys, SYS_openat2, root, path, &raw const how, size_of::<OpenHow>()) }?)
}

/// Whether `/..` is still the root: `EXDEV` where something is mounted over it, which `/..` would reach.
pub(crate) fn root_is_bare(sys: &dyn Sys) -> Result<(), Errno> {
    let flags = u64::from((libc::O_PATH | libc::O_CLOEXEC).cast_unsigned());
    let how = OpenHow { flags, mode: 0, resolve: libc::RESOLVE_NO_XDEV };
    // SAFETY: the path ends in NUL and the structure lives here, of the size given.
    unsafe { call!(sys, SYS_openat2, CWD, c"/..", &raw const how, size_of::<OpenHow>()) }.map(|_| ())
}

/// openat(2), always with `O_CLOEXEC`.
pub(crate) fn open(sys: &dyn Sys, directory: RawFd, path: &CStr, flags: i32) -> Result<RawFd, Errno> {
    // SAFETY: the path ends in NUL; without O_CREAT no mode is read.
    int(unsafe { call!(sys, SYS_openat, directory, path, flags | libc::O_CLOEXEC, 0) }?)
}

/// The lowest free number becomes `/dev/null`, which passes exec as a standard stream does.
pub(crate) fn open_null(sys: &dyn Sys) -> Result<RawFd, Errno> {
    // SAFETY: the path ends in NUL; without O_CREAT no mode is read.
    int(unsafe { call!(sys, SYS_openat, CWD, c"/dev/null", libc::O_RDWR, 0) }?)
}

/// An empty regular file. mknod(2).
pub(crate) fn make_file(sys: &dyn Sys, directory: RawFd, path: &CStr, mode: u32) -> Result<(), Errno> {
    // SAFETY: the path ends in NUL.
    unsafe { call!(sys, SYS_mknodat, directory, path, libc::S_IFREG | mode, 0) }.map(|_| ())
}

/// mkdir(2).
pub(crate) fn make_directory(sys: &dyn Sys, directory: RawFd, path: &CStr, mode: u32) -> Result<(), Errno> {
    // SAFETY: the path ends in NUL.
    unsafe { call!(sys, SYS_mkdirat, directory, path, mode) }.map(|_| ())
}

/// symlink(2).
pub(crate) fn make_link(sys: &dyn Sys, target: &CStr, directory: RawFd, path: &CStr) -> Result<(), Errno> {
    // SAFETY: both paths end in NUL.
    unsafe { call!(sys, SYS_symlinkat, target, directory, path) }.map(|_| ())
}

/// fchdir(2).
pub(crate) fn enter(sys: &dyn Sys, directory: RawFd) -> Result<(), Errno> {
    // SAFETY: takes no pointers.
    unsafe { call!(sys, SYS_fchdir, directory) }.map(|_| ())
}

/// chdir(2).
pub(crate) fn chdir(sys: &dyn Sys, path: &CStr) -> Result<(), Errno> {
    // SAFETY: the path ends in NUL.
    unsafe { call!(sys, SYS_chdir, path) }.map(|_| ())
}

/// Writes all of `bytes` in one call, as files of /proc demand.
pub(crate) fn write(sys: &dyn Sys, fd: RawFd, bytes: &[u8]) -> Result<(), Errno> {
    // SAFETY: the slice is readable for its length.
    let written = unsafe { call!(sys, SYS_write, fd, bytes.as_ptr(), bytes.len()) }?;
    if written == bytes.len() { Ok(()) } else { Err(Errno::EIO) }
}

/// Writes what the other side takes now; how much it was.
pub(crate) fn write_some(sys: &dyn Sys, fd: RawFd, bytes: &[u8]) -> Result<usize, Errno> {
    // SAFETY: the slice is readable for its length.
    unsafe { call!(sys, SYS_write, fd, bytes.as_ptr(), bytes.len()) }
}

/// read(2).
pub(crate) fn read(sys: &dyn Sys, fd: RawFd, into: &mut [u8]) -> Result<usize, Errno> {
    // SAFETY: the slice is writable for its length.
    unsafe { call!(sys, SYS_read, fd, into.as_mut_ptr(), into.len()) }
}

/// close(2). The descriptor is gone whatever the answer.
pub(crate) fn close(sys: &dyn Sys, fd: RawFd) -> Result<(), Errno> {
    // SAFETY: takes no pointers; that nothing else uses the number is the caller's concern, and a
    // stale number gives EBADF.
    unsafe { call!(sys, SYS_close, fd) }.map(|_| ())
}

/// Makes a descriptor that the kernel has just given end with its owner.
pub(crate) fn owned(fd: RawFd) -> OwnedFd {
    // SAFETY: every caller passes what a call of this module returned, and to nobody else.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

/// Marks every descriptor from `first` to be closed at exec. close_range(2), 5.11.
pub(crate) fn close_at_exec_from(sys: &dyn Sys, first: u32) -> Result<(), Errno> {
    // SAFETY: takes no pointers.
    unsafe { call!(sys, SYS_close_range, first, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) }.map(|_| ())
}

/// Lets a descriptor pass exec. `F_SETFD`.
pub(crate) fn keep_at_exec(sys: &dyn Sys, fd: RawFd) -> Result<(), Errno> {
    // SAFETY: takes no pointers.
    unsafe { call!(sys, SYS_fcntl, fd, libc::F_SETFD, 0) }.map(|_| ())
}

/// Whether a descriptor is of a directory. fstat(2).
pub(crate) fn is_directory(sys: &dyn Sys, fd: RawFd) -> Result<bool, Errno> {
    let mut stat = std::mem::MaybeUninit::<libc::stat>::zeroed();
    // SAFETY: the structure lives here, and is the kernel's own on 64-bit architectures.
    unsafe { call!(sys, SYS_fstat, fd, stat.as_mut_ptr()) }?;
    // SAFETY: all bytes zero is a valid value, and the kernel has filled it in.
    let mode = unsafe { stat.assume_init() }.st_mode;
    Ok(mode & libc::S_IFMT == libc::S_IFDIR)
}

/// Makes `to` a copy of `from` that passes exec. dup3(2).
pub(crate) fn duplicate_to(sys: &dyn Sys, from: RawFd, to: RawFd) -> Result<(), Errno> {
    // SAFETY: takes no pointers.
    unsafe { call!(sys, SYS_dup3, from, to, 0) }.map(|_| ())
}

/// A copy of `fd` that passes exec, with a number of at least `first`. `F_DUPFD`.
pub(crate) fn duplicate_from(sys: &dyn Sys, fd: RawFd, first: RawFd) -> Result<RawFd, Errno> {
    // SAFETY: takes no pointers.
    int(unsafe { call!(sys, SYS_fcntl, fd, libc::F_DUPFD, first) }?)
}

/// umask(2), which cannot fail.
pub(crate) fn umask(sys: &dyn Sys, mask: u32) -> Result<(), Errno> {
    // SAFETY: takes no pointers.
    unsafe { call!(sys, SYS_umask, mask) }.map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::Kernel;
    use std::mem::{offset_of, size_of};

    #[test]
    fn structure_is_the_kernels() {
        assert_eq!(size_of::<OpenHow>(), 24);
        assert_eq!(offset_of!(OpenHow, resolve), 16);
    }

    #[test]
    fn a_link_is_refused_or_stays_inside() {
        let scratch = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/etc", scratch.path().join("out")).unwrap();
        let path = std::ffi::CString::new(scratch.path().to_str().unwrap()).unwrap();
        let root = open(&Kernel, CWD, &path, libc::O_PATH).unwrap();
        assert_eq!(open_place(&Kernel, root, c"/out", Walk::NoLinks, false), Err(Errno::ELOOP));
        assert_eq!(open_place(&Kernel, root, c"/out", Walk::InRoot, false), Err(Errno::ENOENT));
        std::fs::create_dir(scratch.path().join("etc")).unwrap();
        assert!(open_place(&Kernel, root, c"/out", Walk::InRoot, true).is_ok());
    }
}
