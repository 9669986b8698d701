//! All that lies in a directory, counted for another project. Nothing is followed out of it: no link, no mount.
//!
//! Whoever owns it may have made it as deep as he likes. What is still to be walked is kept by handles of the file system, so
//! that depth costs neither descriptors nor paths.

use super::QuotaError;
use crate::sys::handle::{self, Handle};
use crate::sys::project::{self, Membership};
use crate::sys::{Errno, Kernel};
use rustix::fs::{Dir, FileType, Mode, OFlags, ResolveFlags, fstat, openat2};
use std::ffi::CStr;
use std::fs::{self, File};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

/// What a file becomes, by what it is.
pub(super) enum Change {
    /// It is counted for this project.
    To(u32),
    /// It is as it should be.
    Stays,
    /// It is somebody else's.
    Others(u32),
}

/// Decides it.
pub(super) type Becomes<'a> = &'a dyn Fn(Membership) -> Change;

/// A walk through one directory.
struct Walk<'a> {
    top: &'a File,
    path: &'a Path,
    becomes: Becomes<'a>,
    /// Directories that are still to be walked.
    waiting: Vec<Handle>,
    /// Files that a lease keeps for somebody until he has had his time. fcntl(2)
    leased: Vec<Handle>,
    uncounted: u64,
}

/// Changes the directory first, so that what is made meanwhile is right from the start, then all that is in it. How many
/// files this kernel cannot change.
pub(super) fn change(top: &File, path: &Path, becomes: Becomes<'_>) -> Result<u64, QuotaError> {
    let mut walk = Walk { top, path, becomes, waiting: Vec::new(), leased: Vec::new(), uncounted: 0 };
    walk.waiting.push(walk.handle(top.as_fd())?);
    while let Some(directory) = walk.waiting.pop() {
        match handle::open(&Kernel, top.as_raw_fd(), &directory, libc::O_RDONLY | libc::O_DIRECTORY) {
            Ok(directory) => walk.directory(&directory)?,
            Err(Errno::ESTALE | Errno::ENOENT) => {}
            Err(errno) => return Err(walk.failed("open what lies in")(errno)),
        }
    }
    walk.wait_for_leases()?;
    Ok(walk.uncounted)
}

/// What was found in a directory.
enum Kind {
    Directory(OwnedFd),
    File(OwnedFd),
    Special,
    Gone,
}

impl Walk<'_> {
    fn failed(&self, operation: &'static str) -> impl FnOnce(Errno) -> QuotaError {
        QuotaError::call(operation, self.path)
    }

    fn handle(&self, file: BorrowedFd<'_>) -> Result<Handle, QuotaError> {
        handle::of(&Kernel, file.as_raw_fd()).map_err(self.failed("walk"))
    }

    /// Changes one, and what is in it but other directories, which have to wait.
    fn directory(&mut self, directory: &OwnedFd) -> Result<(), QuotaError> {
        self.set(directory.as_fd(), true)?;
        let listed =
            |errno: rustix::io::Errno| QuotaError::call("list what lies in", self.path)(errno.into());
        for entry in Dir::read_from(directory).map_err(listed)? {
            let entry = entry.map_err(listed)?;
            let name = entry.file_name();
            if [c".", c".."].contains(&name) {
                continue;
            }
            match self.look(directory.as_fd(), name)? {
                Kind::Gone => {}
                Kind::Directory(inner) => {
                    let inner = self.handle(inner.as_fd())?;
                    self.waiting.push(inner);
                }
                Kind::File(place) => self.file(&self.handle(place.as_fd())?)?,
                Kind::Special => match self.special(directory.as_fd(), name)? {
                    Ok(()) | Err(Errno::ENOENT) => {}
                    Err(Errno::ENOSYS | Errno::EOPNOTSUPP) => self.uncounted += 1,
                    Err(errno) => return Err(self.failed("count a link or device in")(errno)),
                },
            }
        }
        Ok(())
    }

    /// What is at a name, by a descriptor that opens nothing: a device or a FIFO must not be.
    fn look(&self, directory: BorrowedFd<'_>, name: &CStr) -> Result<Kind, QuotaError> {
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let failed = |errno: rustix::io::Errno| self.failed("open what lies in")(errno.into());
        let place = match openat2(directory, name, flags, Mode::empty(), resolve) {
            Ok(place) => place,
            Err(rustix::io::Errno::NOENT) => return Ok(Kind::Gone),
            // A link itself, which is never walked.
            Err(rustix::io::Errno::LOOP) => return Ok(Kind::Special),
            Err(errno) => return Err(failed(errno)),
        };
        Ok(match FileType::from_raw_mode(fstat(&place).map_err(failed)?.st_mode) {
            FileType::Directory => Kind::Directory(place),
            FileType::RegularFile => Kind::File(place),
            _ => Kind::Special,
        })
    }

    /// Changes a file, or puts it aside where somebody has a lease on it.
    fn file(&mut self, handle: &Handle) -> Result<(), QuotaError> {
        let flags = libc::O_RDONLY | libc::O_NONBLOCK;
        match handle::open(&Kernel, self.top.as_raw_fd(), handle, flags) {
            Ok(file) => self.set(file.as_fd(), false),
            Err(Errno::ESTALE | Errno::ENOENT) => Ok(()),
            Err(Errno::EAGAIN) => {
                self.leased.push(*handle);
                Ok(())
            }
            Err(errno) => Err(self.failed("open what lies in")(errno)),
        }
    }

    /// Each lease was asked back when its file was tried first, so that all together take the time of one.
    fn wait_for_leases(&mut self) -> Result<(), QuotaError> {
        let path = Path::new("/proc/sys/fs/lease-break-time");
        let start = Instant::now();
        while !self.leased.is_empty() {
            let seconds = fs::read_to_string(path).map_err(QuotaError::shown(path))?;
            let seconds = seconds.trim().parse().unwrap_or(45);
            if start.elapsed() > Duration::from_secs(seconds) + Duration::from_secs(5) {
                return Err(self.failed("open what others have leases on in")(Errno::EAGAIN));
            }
            std::thread::sleep(Duration::from_millis(50));
            for handle in std::mem::take(&mut self.leased) {
                self.file(&handle)?;
            }
        }
        Ok(())
    }

    fn set(&self, file: BorrowedFd<'_>, is_directory: bool) -> Result<(), QuotaError> {
        let fd = file.as_raw_fd();
        let before = project::get(&Kernel, fd).map_err(self.failed("read the project of what lies in"))?;
        match (self.becomes)(before) {
            Change::Stays => Ok(()),
            Change::Others(project) => Err(QuotaError::others(self.path, project)),
            Change::To(project) => project::set(&Kernel, fd, Membership::of(project, is_directory))
                .map_err(self.failed("count what lies in")),
        }
    }

    /// Changes what cannot be opened; the kernel's own answer where it cannot be changed either.
    fn special(&self, directory: BorrowedFd<'_>, name: &CStr) -> Result<Result<(), Errno>, QuotaError> {
        let directory = directory.as_raw_fd();
        let before = match project::get_special(&Kernel, directory, name) {
            Ok(before) => before,
            Err(errno) => return Ok(Err(errno)),
        };
        match (self.becomes)(before) {
            Change::Stays => Ok(Ok(())),
            Change::Others(project) => Err(QuotaError::others(self.path, project)),
            Change::To(project) => Ok(project::set_special(&Kernel, directory, name, project)),
        }
    }
}
