//! Quotas of directories: how much, and how many files, may lie in them.
//!
//! ```text
//! directories → Place → Backend → the kernel's state, read back
//!                  Ledger
//! ```
//!
//! What can be limited, and how, is the file system's: it is looked at, and one of three backends stands for it. Each
//! limit belongs to a number of our own, which the ledger has on disk before anything uses it.

mod backend;
mod btrfs;
mod error;
mod ledger;
mod place;
mod project;
mod reconcile;
mod set;
mod tmpfs;
mod tree;

pub use error::QuotaError;
pub use ledger::{Entry, Ledger, Phase};
pub use place::Filesystem;
pub use reconcile::{Judged, Standing, reconcile, show};
pub use set::{Set, release, set};

use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;

/// The number by which a file system counts what belongs together: a project of XFS and ext4, a group of btrfs on
/// level 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Id(pub u32);

/// Numbers of ours. Docker counts up from the project of its own directory, which is 0 as a rule; kubelet from 1048577;
/// people in /etc/projid write small ones. The kernel takes 32 bits but for the last, -1.
pub const IDS: RangeInclusive<u32> = 0x5300_0000..=0x53ff_ffff;

/// What may lie in a directory at most. Absent is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes.
    pub size: Option<u64>,
    /// Bytes that may be exceeded for the grace period of the file system.
    pub soft_size: Option<u64>,
    /// Files, directories and everything else that has an inode.
    pub files: Option<u64>,
    /// Inodes that may be exceeded for the grace period.
    pub soft_files: Option<u64>,
}

impl Limits {
    /// No limit at all.
    pub const NONE: Limits = Limits { size: None, soft_size: None, files: None, soft_files: None };
}

/// What lies there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// Bytes that the file system gives to it.
    pub size: u64,
    /// Inodes; a file system that does not count them says none.
    pub files: Option<u64>,
}

impl Usage {
    /// Whether nothing is counted.
    pub fn is_nothing(&self) -> bool {
        self.size == 0 && self.files.unwrap_or_default() == 0
    }
}

/// What the kernel keeps of one number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct State {
    /// Limits in force.
    pub limits: Limits,
    /// What is counted.
    pub usage: Usage,
    /// Seconds since 1970 from which on the soft size holds as a hard one.
    pub size_until: Option<i64>,
    /// The same of files.
    pub files_until: Option<i64>,
}
