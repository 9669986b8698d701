//! All that lies in a directory, counted for another project. Nothing is followed out of it: no link, no mount.

use super::QuotaError;
use crate::sys::project::{self, Membership};
use crate::sys::{Errno, Kernel};
use rustix::fs::{Dir, FileType, Mode, OFlags, ResolveFlags, fstat, openat, openat2};
use std::ffi::{CStr, OsStr};
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// How deep directories may lie in each other: each takes a descriptor while it is walked.
const DEPTH: usize = 500;

/// What a file becomes, by what it is; `None`: it stays.
pub(super) type Becomes<'a> = &'a dyn Fn(Membership) -> Option<u32>;

/// A directory on the way: what is still to be looked at in it, and where it lies.
struct Open {
    directory: OwnedFd,
    entries: Dir,
    path: PathBuf,
}

/// Changes the directory first, so that what is made meanwhile is right from the start, then all that is in it. How many
/// files this kernel cannot change.
pub(super) fn change(top: &File, path: &Path, becomes: Becomes<'_>) -> Result<u64, QuotaError> {
    let mut uncounted = 0;
    let again = top.as_fd().try_clone_to_owned();
    let again = again.map_err(|source| QuotaError::Open { path: path.to_owned(), source })?;
    let mut stack = vec![enter(again, path.to_owned(), becomes)?];
    loop {
        let depth = stack.len();
        let Some(open) = stack.last_mut() else { return Ok(uncounted) };
        let Some(entry) = open.entries.next() else {
            stack.pop();
            continue;
        };
        let entry = entry.map_err(|errno| QuotaError::call("list", &open.path)(errno.into()))?;
        let name = entry.file_name().to_owned();
        if [c".", c".."].contains(&name.as_c_str()) {
            continue;
        }
        let at = open.path.join(OsStr::from_bytes(name.to_bytes()));
        match look(open.directory.as_fd(), &name, &at)? {
            Kind::Gone => {}
            Kind::Directory(directory) if depth < DEPTH => stack.push(enter(directory, at, becomes)?),
            Kind::Directory(_) => return Err(QuotaError::call("count", &at)(Errno::EMFILE)),
            Kind::File(file) => set(file.as_fd(), &at, false, becomes)?,
            Kind::Special => match set_special(open.directory.as_fd(), &name, becomes) {
                Ok(()) | Err(Errno::ENOENT) => {}
                Err(Errno::ENOSYS | Errno::EOPNOTSUPP) => uncounted += 1,
                Err(errno) => return Err(QuotaError::call("count", &at)(errno)),
            },
        }
    }
}

enum Kind {
    Directory(OwnedFd),
    File(OwnedFd),
    Special,
    Gone,
}

/// Opens what can be opened without a side effect, which a device or a FIFO cannot: what it is is asked first, of a
/// descriptor that opens nothing.
fn look(directory: BorrowedFd<'_>, name: &CStr, at: &Path) -> Result<Kind, QuotaError> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let failed = |errno: rustix::io::Errno| QuotaError::call("open", at)(errno.into());
    let place = match openat2(directory, name, flags, Mode::empty(), resolve) {
        Ok(place) => place,
        Err(rustix::io::Errno::NOENT) => return Ok(Kind::Gone),
        // A link itself, which is never walked.
        Err(rustix::io::Errno::LOOP) => return Ok(Kind::Special),
        Err(errno) => return Err(failed(errno)),
    };
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    match FileType::from_raw_mode(fstat(&place).map_err(failed)?.st_mode) {
        FileType::Directory => {
            let opened = openat(&place, c".", flags | OFlags::DIRECTORY, Mode::empty());
            opened.map(Kind::Directory).map_err(failed)
        }
        FileType::RegularFile => {
            let opened = rustix::fs::open(magic_link(&place), flags, Mode::empty());
            opened.map(Kind::File).map_err(failed)
        }
        _ => Ok(Kind::Special),
    }
}

/// The file itself, whatever its name leads to now. proc_pid_fd(5)
fn magic_link(place: &OwnedFd) -> String {
    format!("/proc/self/fd/{}", place.as_raw_fd())
}

fn set_special(directory: BorrowedFd<'_>, name: &CStr, becomes: Becomes<'_>) -> Result<(), Errno> {
    let directory = directory.as_raw_fd();
    match becomes(project::get_special(&Kernel, directory, name)?) {
        Some(project) => project::set_special(&Kernel, directory, name, project),
        None => Ok(()),
    }
}

fn enter(directory: OwnedFd, path: PathBuf, becomes: Becomes<'_>) -> Result<Open, QuotaError> {
    set(directory.as_fd(), &path, true, becomes)?;
    let entries =
        Dir::read_from(&directory).map_err(|errno| QuotaError::call("list", &path)(errno.into()))?;
    Ok(Open { directory, entries, path })
}

fn set(
    file: BorrowedFd<'_>,
    path: &Path,
    is_directory: bool,
    becomes: Becomes<'_>,
) -> Result<(), QuotaError> {
    let fd = file.as_raw_fd();
    let before = project::get(&Kernel, fd).map_err(QuotaError::call("read the project of", path))?;
    let Some(project) = becomes(before) else { return Ok(()) };
    project::set(&Kernel, fd, Membership::of(project, is_directory)).map_err(QuotaError::call("count", path))
}
