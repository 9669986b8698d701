//! Quotas of projects: XFS and ext4. A directory has a number, what is made in it inherits it, and the kernel counts by it.

use super::backend::{Backend, Charged, On};
use super::tree::{self, Change};
use super::{IDS, Id, Limits, QuotaError, State, Usage};
use crate::sys::project::{self, Membership};
use crate::sys::quota::{self, Project as Numbers};
use crate::sys::{Errno, Kernel};
use rustix::fs::{fstat, fstatfs, fsync, syncfs};
use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::Path;

/// The unit of the kernel's interface. linux/dqblk_xfs.h
const BLOCK: u64 = 512;

/// A file system with quotas of projects.
pub(super) struct Project {
    on: On,
    /// How quotas are had, given the device and where it is mounted.
    remedy: fn(&str, &str) -> String,
}

impl Project {
    pub(super) fn xfs(on: On) -> Project {
        // A remount with the option succeeds and changes nothing.
        let remedy = |device: &str, at: &str| {
            format!(
                "unmount it and mount it with the option: `umount {at} && mount -o prjquota {device} {at}`, for the \
                 root file system `rootflags=prjquota` on the kernel's command line; the kernel needs CONFIG_XFS_QUOTA"
            )
        };
        Project { on, remedy }
    }

    pub(super) fn ext4(on: On) -> Project {
        let remedy = |device: &str, at: &str| {
            format!(
                "unmount it, then `tune2fs -O quota,project -Q prjquota {device} && mount -o prjquota {device} {at}`; \
                 the kernel needs CONFIG_QFMT_V2"
            )
        };
        Project { on, remedy }
    }

    /// Bytes that limits are kept in multiples of: what the kernel rounded up would be looser than asked.
    fn unit(&self) -> Result<u64, QuotaError> {
        let found = fstatfs(&self.on.directory).map_err(|errno| self.on.call("look at")(errno.into()))?;
        Ok(found.f_bsize.cast_unsigned())
    }
}

impl Backend for Project {
    fn enforced(&self) -> Result<(), QuotaError> {
        match quota::is_enforced(&Kernel, self.on.fd()) {
            Ok(true) => Ok(()),
            // ENOSYS: none is kept, whether the kernel could or not. quota_getxstatev(), fs/quota/quota.c
            Ok(false) | Err(Errno::ENOSYS | Errno::ESRCH | Errno::EINVAL) => {
                let (device, at) = (self.on.source.to_string_lossy(), self.on.at.to_string_lossy());
                Err(self.on.not_enforced((self.remedy)(&device, &at)))
            }
            Err(errno) => Err(self.on.call("read the state of quotas of")(errno)),
        }
    }

    fn fitted(&self, limits: &Limits) -> Result<Limits, QuotaError> {
        let unit = self.unit()?;
        let whole = |size: Option<u64>| match size {
            Some(size) if size < unit => Err(QuotaError::Small { size, unit }),
            size => Ok(size.map(|size| size / unit * unit)),
        };
        if [limits.files, limits.soft_files].contains(&Some(0)) {
            return Err(QuotaError::NoFile);
        }
        Ok(Limits { size: whole(limits.size)?, soft_size: whole(limits.soft_size)?, ..*limits })
    }

    fn state(&self, id: Id) -> Result<Option<State>, QuotaError> {
        match quota::get(&Kernel, self.on.fd(), id.0) {
            Ok(numbers) => Ok(Some(state(&numbers))),
            Err(Errno::ENOENT | Errno::ESRCH) => Ok(None),
            Err(errno) => Err(self.on.call("read a quota of")(errno)),
        }
    }

    fn limit(&self, id: Id, limits: &Limits) -> Result<(), QuotaError> {
        let blocks = |size: Option<u64>| size.unwrap_or_default() / BLOCK;
        let numbers = Numbers {
            id: id.0,
            blocks_most: blocks(limits.size),
            blocks_soft: blocks(limits.soft_size),
            inodes_most: limits.files.unwrap_or_default(),
            inodes_soft: limits.soft_files.unwrap_or_default(),
            ..Numbers::default()
        };
        quota::set(&Kernel, self.on.fd(), &numbers).map_err(self.on.call("limit"))
    }

    fn counted_for(&self, directory: &File) -> Result<u32, QuotaError> {
        let membership = project::get(&Kernel, directory.as_raw_fd());
        membership.map(|membership| membership.project).map_err(self.on.call("read the project of"))
    }

    fn holds(&self, directory: &File) -> bool {
        // A copy of a file system has its name, and another device.
        let device = |file: &File| fstat(file).ok().map(|found| found.st_dev);
        device(directory) == device(&self.on.directory)
    }

    fn charge(&self, directory: &File, path: &Path, id: Id) -> Result<Charged, QuotaError> {
        let uncounted = tree::change(directory, path, &|before| match before.project {
            0 => Change::To(id.0),
            project if project == id.0 => Change::Stays,
            // Whoever made it could go on filling it.
            project => Change::Others(project),
        })?;
        Ok(Charged { uncounted })
    }

    fn discharge(&self, directory: &File, path: &Path, id: Id) -> Result<(), QuotaError> {
        let ours = |before: Membership| if before.project == id.0 { Change::To(0) } else { Change::Stays };
        tree::change(directory, path, &ours).map(|_| ())
    }

    fn sync(&self, directory: &File, alone: bool) -> Result<(), QuotaError> {
        // The journal is one: what was changed before the directory is on the disk with it.
        let synced = if alone { fsync(directory) } else { syncfs(directory) };
        synced.map_err(|errno| self.on.call("sync")(errno.into()))
    }

    fn settle(&self) -> Result<(), QuotaError> {
        // XFS ends what waits to be freed when project 0 is asked for. xfs_qm_scall_getquota(), 5.14
        match quota::get(&Kernel, self.on.fd(), 0) {
            Ok(_) | Err(Errno::ENOENT | Errno::ESRCH) => Ok(()),
            Err(errno) => Err(self.on.call("read a quota of")(errno)),
        }
    }

    fn ids(&self) -> Result<Vec<Id>, QuotaError> {
        let mut ids = Vec::new();
        let mut from = *IDS.start();
        loop {
            match quota::next(&Kernel, self.on.fd(), from) {
                Ok(numbers) if IDS.contains(&numbers.id) && numbers.id >= from => {
                    ids.push(Id(numbers.id));
                    from = numbers.id + 1;
                }
                Ok(_) | Err(Errno::ENOENT | Errno::ESRCH) => return Ok(ids),
                Err(errno) => return Err(self.on.call("list the quotas of")(errno)),
            }
        }
    }
}

/// Zero is none.
fn some(number: u64) -> Option<u64> {
    (number != 0).then_some(number)
}

fn state(numbers: &Numbers) -> State {
    let size = |blocks: u64| blocks.saturating_mul(BLOCK);
    let until = |seconds: i64| (seconds != 0).then_some(seconds);
    State {
        limits: Limits {
            size: some(size(numbers.blocks_most)),
            soft_size: some(size(numbers.blocks_soft)),
            files: some(numbers.inodes_most),
            soft_files: some(numbers.inodes_soft),
        },
        usage: Usage { size: size(numbers.blocks), files: Some(numbers.inodes) },
        size_until: until(numbers.blocks_until),
        files_until: until(numbers.inodes_until),
    }
}

impl Membership {
    /// What a file is given: directories pass it on.
    pub(super) fn of(project: u32, is_directory: bool) -> Membership {
        Membership { project, inherited: is_directory && project != 0 }
    }
}
