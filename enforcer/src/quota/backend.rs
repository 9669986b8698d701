//! What a file system can do about a quota, and which one it is.

use super::btrfs::Btrfs;
use super::project::Project;
use super::tmpfs::Tmpfs;
use super::{Id, Limits, QuotaError, State};
use crate::sys::Errno;
use std::ffi::OsString;
use std::fs::File;
use std::os::fd::{AsRawFd, RawFd};
use std::path::{Path, PathBuf};

/// One file system, as far as it can be limited.
pub(super) trait Backend {
    /// Refuses where limits would be taken and not be enforced.
    fn enforced(&self) -> Result<(), QuotaError>;

    /// The limits as the file system can keep them, none looser than asked; refuses what it cannot.
    fn fitted(&self, limits: &Limits) -> Result<Limits, QuotaError>;

    /// What the kernel keeps of a number; nothing where it knows none.
    fn state(&self, id: Id) -> Result<Option<State>, QuotaError>;

    /// Puts limits in force. [`Limits::NONE`] takes them away, and gives the number back where nothing is counted.
    fn limit(&self, id: Id, limits: &Limits) -> Result<(), QuotaError>;

    /// Whom a directory is counted for; 0 is nobody.
    fn counted_for(&self, directory: &File) -> Result<u32, QuotaError>;

    /// Whether a directory lies on this very file system.
    fn holds(&self, directory: &File) -> bool;

    /// How whoever is limited can leave the quota nevertheless, as a clause.
    fn caveat(&self) -> Option<&'static str> {
        None
    }

    /// Counts a directory, all that is in it and all that will be made in it.
    fn charge(&self, directory: &File, path: &Path, id: Id) -> Result<Charged, QuotaError>;

    /// Counts them no more.
    fn discharge(&self, directory: &File, path: &Path, id: Id) -> Result<(), QuotaError>;

    /// Puts what was done on the disk: one directory alone, or everything.
    fn sync(&self, directory: &File, alone: bool) -> Result<(), QuotaError>;

    /// Waits until what was deleted is counted no more: some of it happens later.
    fn settle(&self) -> Result<(), QuotaError>;

    /// All numbers of ours of which the kernel keeps something, in order.
    fn ids(&self) -> Result<Vec<Id>, QuotaError>;
}

/// What became of what lay in a directory already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Charged {
    /// Files whose number cannot be set by this kernel: links, sockets, devices.
    pub uncounted: u64,
}

/// A way to a backend, by a file system's magic number. statfs(2), linux/magic.h
type Open = fn(On) -> Box<dyn Backend>;

const BACKENDS: [(u64, Open); 4] = [
    (0x5846_5342, |on| Box::new(Project::xfs(on))),
    (0xef53, |on| Box::new(Project::ext4(on))),
    (0x9123_683e, |on| Box::new(Btrfs::new(on))),
    (0x0102_1994, |on| Box::new(Tmpfs::new(on))),
];

/// What a backend works on.
pub(super) struct On {
    /// A directory of the file system.
    pub directory: File,
    /// Its path.
    pub path: PathBuf,
    /// Where the file system is mounted.
    pub at: PathBuf,
    /// What of it is mounted there: `/` is all.
    pub root: PathBuf,
    /// What is mounted: a device.
    pub source: OsString,
    /// What the file system was given when it was made.
    pub uuid: Option<String>,
}

impl On {
    pub(super) fn fd(&self) -> RawFd {
        self.directory.as_raw_fd()
    }

    pub(super) fn call(&self, operation: &'static str) -> impl FnOnce(Errno) -> QuotaError {
        QuotaError::call(operation, &self.path)
    }

    /// An error that says how quotas are had.
    pub(super) fn not_enforced(&self, remedy: String) -> QuotaError {
        QuotaError::NotEnforced { path: self.path.clone(), at: self.at.clone(), remedy }
    }
}

/// The backend of a file system of this kind; nothing where none knows it.
pub(super) fn of(magic: u64, on: On) -> Option<Box<dyn Backend>> {
    let (_, open) = BACKENDS.into_iter().find(|(of, _)| *of == magic)?;
    Some(open(on))
}
