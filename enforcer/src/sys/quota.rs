//! Quotas of projects. quotactl(2), quotactl_fd (5.14), linux/dqblk_xfs.h; XFS and ext4 alike take these commands.

use super::{Errno, Sys, call};
use std::os::fd::RawFd;

/// `struct fs_disk_quota`. Sizes are in blocks of 512 bytes, whatever the file system's are.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct DiskQuota {
    version: i8,
    flags: i8,
    fields: u16,
    id: u32,
    block_hard: u64,
    block_soft: u64,
    inode_hard: u64,
    inode_soft: u64,
    blocks: u64,
    inodes: u64,
    inode_timer: i32,
    block_timer: i32,
    inode_warnings: u16,
    block_warnings: u16,
    inode_timer_high: i8,
    block_timer_high: i8,
    realtime_timer_high: i8,
    padding: i8,
    realtime: [u64; 3],
    realtime_timer: i32,
    realtime_warnings: u16,
    padding_3: i16,
    padding_4: [u8; 8],
}

/// `struct fs_qfilestatv`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct QuotaFile {
    inode: u64,
    blocks: u64,
    extents: u32,
    padding: u32,
}

/// `struct fs_quota_statv`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct QuotaState {
    version: i8,
    padding_1: u8,
    flags: u16,
    in_core: u32,
    files: [QuotaFile; 3],
    block_grace: i32,
    inode_grace: i32,
    realtime_grace: i32,
    block_warnings: u16,
    inode_warnings: u16,
    realtime_warnings: u16,
    padding_3: u16,
    padding_4: u32,
    padding_2: [u64; 7],
}

const VERSION: i8 = 1;
const PROJECTS: i8 = 1 << 1;
const LIMITS: u16 = 0b1111;
const BIG_TIME: u16 = 1 << 15;
const ENFORCED: u16 = 1 << 5;

const GET: u32 = command(3);
const SET: u32 = command(4);
const STATE: u32 = command(8);
const NEXT: u32 = command(9);

/// `QCMD(XQM_CMD(number), XQM_PRJQUOTA)`.
const fn command(number: u32) -> u32 {
    (0x5800 + number) << 8 | 2
}

/// Limits, usage and deadlines of one project. Zero is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Project {
    /// The project.
    pub id: u32,
    /// Hard limit, in blocks of 512 bytes.
    pub blocks_most: u64,
    /// Soft limit, in blocks of 512 bytes.
    pub blocks_soft: u64,
    /// Hard limit of inodes.
    pub inodes_most: u64,
    /// Soft limit of inodes.
    pub inodes_soft: u64,
    /// Blocks of 512 bytes in use.
    pub blocks: u64,
    /// Inodes in use.
    pub inodes: u64,
    /// Seconds since 1970 from which on the soft limit of blocks is a hard one.
    pub blocks_until: i64,
    /// The same of inodes.
    pub inodes_until: i64,
}

/// What the file system of `fd` keeps of a project. XFS: ENOENT where there is nothing.
pub(crate) fn get(sys: &dyn Sys, fd: RawFd, id: u32) -> Result<Project, Errno> {
    read(sys, fd, GET, id)
}

/// The first project from `id` on of which something is kept; ENOENT where there is none, and ESRCH on ext4.
pub(crate) fn next(sys: &dyn Sys, fd: RawFd, id: u32) -> Result<Project, Errno> {
    read(sys, fd, NEXT, id)
}

fn read(sys: &dyn Sys, fd: RawFd, command: u32, id: u32) -> Result<Project, Errno> {
    let mut quota = DiskQuota::default();
    // SAFETY: the structure lives here, of the size that these commands write.
    unsafe { call!(sys, SYS_quotactl_fd, fd, command, id, &raw mut quota) }?;
    // Upper bits come only with this flag: XFS and ext4, 5.10.
    let until = |low: i32, high: i8| match quota.fields & BIG_TIME {
        0 => i64::from(low),
        _ => i64::from(high) << 32 | i64::from(low.cast_unsigned()),
    };
    Ok(Project {
        id: quota.id,
        blocks_most: quota.block_hard,
        blocks_soft: quota.block_soft,
        inodes_most: quota.inode_hard,
        inodes_soft: quota.inode_soft,
        blocks: quota.blocks,
        inodes: quota.inodes,
        blocks_until: until(quota.block_timer, quota.block_timer_high),
        inodes_until: until(quota.inode_timer, quota.inode_timer_high),
    })
}

/// Sets the four limits of a project; nothing else of it is read.
pub(crate) fn set(sys: &dyn Sys, fd: RawFd, project: &Project) -> Result<(), Errno> {
    let quota = DiskQuota {
        version: VERSION,
        flags: PROJECTS,
        fields: LIMITS,
        id: project.id,
        block_hard: project.blocks_most,
        block_soft: project.blocks_soft,
        inode_hard: project.inodes_most,
        inode_soft: project.inodes_soft,
        ..DiskQuota::default()
    };
    // SAFETY: the structure lives here, of the size that this command reads.
    unsafe { call!(sys, SYS_quotactl_fd, fd, SET, project.id, &raw const quota) }.map(|_| ())
}

/// Whether limits are enforced; what is only counted is not. ENOSYS where the file system keeps no quotas.
pub(crate) fn is_enforced(sys: &dyn Sys, fd: RawFd) -> Result<bool, Errno> {
    let mut state = QuotaState { version: VERSION, ..QuotaState::default() };
    // SAFETY: the structure lives here, of the size of the version that it asks for.
    unsafe { call!(sys, SYS_quotactl_fd, fd, STATE, 0, &raw mut state) }?;
    Ok(state.flags & ENFORCED != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::mem::{offset_of, size_of};

    #[test]
    fn structures_are_the_kernels() {
        assert_eq!(size_of::<DiskQuota>(), 112);
        assert_eq!(offset_of!(DiskQuota, block_hard), 8);
        assert_eq!(offset_of!(DiskQuota, inodes), 48);
        assert_eq!(offset_of!(DiskQuota, inode_timer_high), 68);
        assert_eq!(offset_of!(DiskQuota, realtime), 72);
        assert_eq!(offset_of!(DiskQuota, padding_4), 104);
        assert_eq!(size_of::<QuotaState>(), 160);
        assert_eq!(offset_of!(QuotaState, files), 8);
        assert_eq!(offset_of!(QuotaState, block_grace), 80);
        assert_eq!(offset_of!(QuotaState, padding_2), 104);
        assert_eq!([GET, SET, STATE, NEXT], [0x58_0302, 0x58_0402, 0x58_0802, 0x58_0902]);
    }
}
