//! Why a directory was not limited.

use super::Id;
use crate::sys::Errno;
use std::io;
use std::path::{Path, PathBuf};

/// Why a quota was not set, shown or released. Nothing is changed, or everything is as it was before.
#[derive(Debug, thiserror::Error)]
pub enum QuotaError {
    /// The directory could not be opened.
    #[error("cannot open {}: {source}", path.display())]
    Open {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Somebody else could lead the path elsewhere.
    #[error("{} is a symbolic link, or has one in it: name the directory that it leads to", path.display())]
    Link {
        /// The path.
        path: PathBuf,
    },
    /// No absolute path.
    #[error("{} is no absolute path without `.` and `..`", path.display())]
    Relative {
        /// The path.
        path: PathBuf,
    },
    /// A file system that no backend knows.
    #[error("{} lies on {filesystem}, which has no quota of directories: xfs, ext4, btrfs and tmpfs have one", path.display())]
    NoQuota {
        /// The directory.
        path: PathBuf,
        /// Type of the file system.
        filesystem: String,
    },
    /// A file system that would not enforce it.
    #[error("quotas are not enforced on {}, where {} lies: {remedy}", at.display(), path.display())]
    NotEnforced {
        /// The directory.
        path: PathBuf,
        /// Where the file system is mounted.
        at: PathBuf,
        /// How it is done, as an imperative.
        remedy: String,
    },
    /// Nothing can be written there.
    #[error("{} is mounted read-only", path.display())]
    ReadOnly {
        /// The directory.
        path: PathBuf,
    },
    /// What is written below a mount is not counted.
    #[error("{} is mounted below {}, and what is written there would not be counted: limit it by itself", below.display(), path.display())]
    Crosses {
        /// The directory.
        path: PathBuf,
        /// The mount.
        below: PathBuf,
    },
    /// The whole of a file system is limited, or nothing of it.
    #[error("{} is no {what}: {remedy}", path.display())]
    NotWhole {
        /// The directory.
        path: PathBuf,
        /// What it would have to be.
        what: &'static str,
        /// How that is had, as an imperative.
        remedy: &'static str,
    },
    /// Directories of one quota lie on one file system.
    #[error("{} and {} lie on two file systems, and each counts by itself: limit each", first.display(), second.display())]
    Two {
        /// One.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
    /// Somebody counts it already.
    #[error("{}, or what lies in it, is counted for project {project} already, which is not this quota's: {}", path.display(), of_whom(*project))]
    Others {
        /// The directory.
        path: PathBuf,
        /// The project.
        project: u32,
    },
    /// It has a quota of ours, or lies in one.
    #[error("{} is counted in the quota of {}: a quota in a quota is none", path.display(), of.display())]
    Nested {
        /// The directory.
        path: PathBuf,
        /// The directory that has the quota.
        of: PathBuf,
    },
    /// There is more in it already.
    #[error("{} holds {holds} {what}, more than the {most} that it may: allow more, or make room", path.display())]
    Holds {
        /// The directory.
        path: PathBuf,
        /// `bytes` or `files`.
        what: &'static str,
        /// How much there is.
        holds: u64,
        /// How much there may be.
        most: u64,
    },
    /// No directory is named.
    #[error("no directory is named")]
    NoDirectory,
    /// Nothing is limited.
    #[error("no limit is named: name a size or a number of files")]
    NoLimit,
    /// Less than the file system counts at once.
    #[error("a size of {size} bytes is less than the {unit} that are counted at once")]
    Small {
        /// What was asked.
        size: u64,
        /// The smallest.
        unit: u64,
    },
    /// The directory itself is a file.
    #[error("no file at all cannot be: the directory itself is one")]
    NoFile,
    /// A soft limit that is none.
    #[error("the soft limit of {what}, {soft}, lies above the hard one, {hard}")]
    Soft {
        /// `size` or `files`.
        what: &'static str,
        /// The soft limit.
        soft: u64,
        /// The hard one.
        hard: u64,
    },
    /// Limits that this file system does not keep.
    #[error("{filesystem} {lacks}: {remedy}")]
    Lacks {
        /// Its type.
        filesystem: &'static str,
        /// What it does not do.
        lacks: &'static str,
        /// What would be right, as an imperative.
        remedy: &'static str,
    },
    /// Only some of the directories of a quota.
    #[error("{} have one quota: name all of them, or take it away first", list(all))]
    Part {
        /// All of them.
        all: Vec<PathBuf>,
    },
    /// There is no quota to be released.
    #[error("{} has no quota of stockade's", path.display())]
    None {
        /// The directory.
        path: PathBuf,
    },
    /// The kernel refused.
    #[error("cannot {operation} {}: {errno}{}", path.display(), hint(*errno))]
    Call {
        /// What was tried.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// The answer.
        errno: Errno,
    },
    /// The kernel said yes and did something else.
    #[error("the kernel took the limits of {} and does not keep them: {found}", path.display())]
    NotKept {
        /// The directory.
        path: PathBuf,
        /// What it keeps.
        found: String,
    },
    /// The list of mounts could not be read.
    #[error("cannot read the mounts")]
    Mounts(#[source] stockade_observe::ObserveError),
    /// What the kernel shows of a file system could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Shown {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The ledger could not be read or written.
    #[error("cannot {operation} {}: {source}", path.display())]
    Ledger {
        /// What was tried.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The ledger says what cannot be.
    #[error("{} is no entry of the ledger: {why}", path.display())]
    Entry {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// Others can change the ledger.
    #[error("{} can be changed by others than its owner, or is not the caller's: it is not believed", path.display())]
    NotOurs {
        /// The directory.
        path: PathBuf,
    },
    /// All numbers are given.
    #[error("all {count} numbers for quotas are given: release some, or run `stockade quota gc`")]
    Full {
        /// How many there are.
        count: usize,
    },
}

impl QuotaError {
    pub(super) fn call(operation: &'static str, path: &Path) -> impl FnOnce(Errno) -> QuotaError {
        let path = path.to_owned();
        move |errno| QuotaError::Call { operation, path, errno }
    }

    pub(super) fn ledger(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> QuotaError {
        let path = path.to_owned();
        move |source| QuotaError::Ledger { operation, path, source }
    }

    pub(super) fn shown(path: &Path) -> impl FnOnce(io::Error) -> QuotaError {
        let path = path.to_owned();
        move |source| QuotaError::Shown { path, source }
    }

    pub(super) fn others(path: &Path, project: u32) -> QuotaError {
        QuotaError::Others { path: path.to_owned(), project }
    }

    /// Whether it is the host that cannot, and not the input that is wrong.
    pub fn is_the_hosts(&self) -> bool {
        if let QuotaError::Ledger { source, .. } = self {
            return source.kind() == io::ErrorKind::PermissionDenied;
        }
        matches!(
            self,
            QuotaError::NoQuota { .. }
                | QuotaError::NotEnforced { .. }
                | QuotaError::Call { .. }
                | QuotaError::NotKept { .. }
                | QuotaError::Shown { .. }
                | QuotaError::Full { .. }
        )
    }

    /// Whether the ledger or the host's mounts failed.
    pub fn is_internal(&self) -> bool {
        matches!(
            self,
            QuotaError::Mounts(_)
                | QuotaError::Ledger { .. }
                | QuotaError::Entry { .. }
                | QuotaError::NotOurs { .. }
        )
    }
}

/// Who gives numbers like this.
fn of_whom(project: u32) -> &'static str {
    // pkg/volume/util/fsquota of Kubernetes, 1.15.
    const KUBELET: std::ops::RangeFrom<u32> = 1_048_577..;
    if super::IDS.contains(&project) {
        "another ledger of stockade has it"
    } else if KUBELET.contains(&project) {
        "kubelet gives numbers like this"
    } else {
        "Docker with --storage-opt size, or /etc/projid"
    }
}

fn list(paths: &[PathBuf]) -> String {
    let paths: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    paths.join(", ")
}

fn hint(errno: Errno) -> &'static str {
    match errno {
        Errno::EPERM | Errno::EACCES => " (it takes CAP_SYS_ADMIN in the first user namespace)",
        _ => "",
    }
}

/// What a call of rustix answers.
impl From<rustix::io::Errno> for Errno {
    fn from(errno: rustix::io::Errno) -> Errno {
        Errno(errno.raw_os_error())
    }
}

/// A number as the kernel's own tools show it.
impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
