//! Which file system one is, wherever and as whatever device it is mounted.

use super::{Errno, Sys, call};
use std::os::fd::RawFd;

/// How to ask one kind of file system: its magic number, the command, what the argument begins with, and where in it
/// the answer stands. `FS_IOC_GETFSUUID` would do for all, from 6.9 on.
const WAYS: [(u64, u32, u8, usize); 3] = [
    // XFS_IOC_FSGEOMETRY_V1, struct xfs_fsop_geom_v1
    (0x5846_5342, 0x8070_5864, 0, 64),
    // EXT4_IOC_GETFSUUID, 6.0, struct fsuuid: the length that is expected, first.
    (0xef53, 0x8008_662c, 16, 8),
    // BTRFS_IOC_FS_INFO, struct btrfs_ioctl_fs_info_args
    (0x9123_683e, 0x8400_941f, 0, 16),
];

/// As long as the longest argument, that of btrfs.
const LONGEST: usize = 1024;

/// The 16 bytes that a file system was given when it was made; `None` for a kind that has none.
pub(crate) fn of(sys: &dyn Sys, fd: RawFd, magic: u64) -> Result<Option<[u8; 16]>, Errno> {
    let Some((_, command, begins, at)) = WAYS.into_iter().find(|(of, ..)| *of == magic) else {
        return Ok(None);
    };
    let mut argument = [0_u8; LONGEST];
    argument[0] = begins;
    // SAFETY: the bytes live here, and none of the arguments is longer.
    unsafe { call!(sys, SYS_ioctl, fd, command, argument.as_mut_ptr()) }?;
    Ok(argument.get(at..at + 16).and_then(|uuid| uuid.try_into().ok()))
}
