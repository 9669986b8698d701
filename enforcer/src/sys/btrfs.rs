//! Quota groups of btrfs. linux/btrfs.h, linux/btrfs_tree.h. (btrfs-uapi has them too, and makes its structures with
//! clang when it is built.)

use super::{Errno, Sys, call};
use std::os::fd::RawFd;

/// `struct btrfs_ioctl_qgroup_limit_args`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Limit {
    group: u64,
    flags: u64,
    max_referenced: u64,
    max_exclusive: u64,
    reserved_referenced: u64,
    reserved_exclusive: u64,
}

/// `struct btrfs_ioctl_qgroup_assign_args`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Assign {
    assign: u64,
    member: u64,
    group: u64,
}

/// `struct btrfs_ioctl_qgroup_create_args`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Create {
    create: u64,
    group: u64,
}

/// `struct btrfs_ioctl_quota_rescan_args`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Rescan {
    flags: u64,
    progress: u64,
    reserved: [u64; 6],
}

/// `struct btrfs_ioctl_ino_lookup_args`.
#[repr(C)]
struct Lookup {
    tree: u64,
    object: u64,
    name: [u8; 4080],
}

/// `struct btrfs_ioctl_search_key`, and the space for what is found.
#[repr(C)]
struct Search {
    tree: u64,
    object_first: u64,
    object_last: u64,
    offset_first: u64,
    offset_last: u64,
    transaction_first: u64,
    transaction_last: u64,
    kind_first: u32,
    kind_last: u32,
    /// How many at most; how many there were.
    items: u32,
    unused: u32,
    unused_more: [u64; 4],
    found: [u8; 3992],
}

const MAGIC: u32 = 0x94;
const ASSIGN: u32 = write_of(41, size_of::<Assign>());
const CREATE: u32 = write_of(42, size_of::<Create>());
/// `_IOR` by mistake: its argument is read all the same.
const LIMIT: u32 = 2 << 30 | number(43, size_of::<Limit>());
const RESCAN: u32 = write_of(44, size_of::<Rescan>());
const RESCAN_WAIT: u32 = number(46, 0);
const START_SYNC: u32 = 2 << 30 | number(24, size_of::<u64>());
const WAIT_SYNC: u32 = write_of(22, size_of::<u64>());
const LOOKUP: u32 = 3 << 30 | number(18, size_of::<Lookup>());
const SEARCH: u32 = 3 << 30 | number(17, size_of::<Search>());

#[expect(clippy::cast_possible_truncation, reason = "structures here have less than 2^14 bytes")]
const fn number(of: u32, size: usize) -> u32 {
    (size as u32) << 16 | MAGIC << 8 | of
}

const fn write_of(of: u32, size: usize) -> u32 {
    1 << 30 | number(of, size)
}

/// `BTRFS_QGROUP_LIMIT_MAX_RFER`.
const MAX_REFERENCED: u64 = 1;
/// `BTRFS_FIRST_FREE_OBJECTID`: the inode of the root of every subvolume.
pub(crate) const SUBVOLUME_ROOT: u64 = 256;

const ROOT_TREE: u64 = 1;
const QUOTA_TREE: u64 = 8;
/// A subvolume, and one that stands in it. `BTRFS_ROOT_REF_KEY`.
const ROOT_REF: u32 = 156;
/// A group, and one that it is a member of, in both directions. `BTRFS_QGROUP_RELATION_KEY`.
const RELATION: u32 = 246;

/// The id of a group: its level, and its number on it. Level 0 has the subvolumes.
pub(crate) const fn group(level: u16, number: u64) -> u64 {
    (level as u64) << 48 | number
}

/// Makes a group. EEXIST.
pub(crate) fn create(sys: &dyn Sys, fd: RawFd, group: u64) -> Result<(), Errno> {
    change(sys, fd, Create { create: 1, group })
}

/// Removes a group. EBUSY where it has members, ENOENT.
pub(crate) fn remove(sys: &dyn Sys, fd: RawFd, group: u64) -> Result<(), Errno> {
    change(sys, fd, Create { create: 0, group })
}

fn change(sys: &dyn Sys, fd: RawFd, create: Create) -> Result<(), Errno> {
    // SAFETY: the structure lives here, of the size that the command's number names.
    unsafe { call!(sys, SYS_ioctl, fd, CREATE, &raw const create) }.map(|_| ())
}

/// Counts the members of one group in another too, or no more. Whether everything must be counted anew.
pub(crate) fn assign(
    sys: &dyn Sys,
    fd: RawFd,
    member: u64,
    group: u64,
    counted: bool,
) -> Result<bool, Errno> {
    let assign = Assign { assign: u64::from(counted), member, group };
    // SAFETY: the structure lives here, of the size that the command's number names.
    unsafe { call!(sys, SYS_ioctl, fd, ASSIGN, &raw const assign) }.map(|answer| answer > 0)
}

/// Limits what the members of a group refer to, in bytes; no limit where there is none.
pub(crate) fn limit(sys: &dyn Sys, fd: RawFd, group: u64, bytes: Option<u64>) -> Result<(), Errno> {
    // The largest value takes a limit away. btrfs_limit_qgroup(), fs/btrfs/qgroup.c
    let max_referenced = bytes.unwrap_or(u64::MAX);
    let limit = Limit { group, flags: MAX_REFERENCED, max_referenced, ..Limit::default() };
    // SAFETY: the structure lives here, of the size that the command's number names.
    unsafe { call!(sys, SYS_ioctl, fd, LIMIT, &raw const limit) }.map(|_| ())
}

/// Counts everything anew, and waits for it.
pub(crate) fn rescan(sys: &dyn Sys, fd: RawFd) -> Result<(), Errno> {
    let rescan = Rescan::default();
    // SAFETY: the structure lives here, of the size that the command's number names.
    match unsafe { call!(sys, SYS_ioctl, fd, RESCAN, &raw const rescan) } {
        // One is under way.
        Ok(_) | Err(Errno::EINPROGRESS) => {}
        Err(errno) => return Err(errno),
    }
    wait_for_rescan(sys, fd)
}

/// Waits until everything is counted, where that is under way.
pub(crate) fn wait_for_rescan(sys: &dyn Sys, fd: RawFd) -> Result<(), Errno> {
    // SAFETY: takes no argument.
    unsafe { call!(sys, SYS_ioctl, fd, RESCAN_WAIT, 0usize) }.map(|_| ())
}

/// Ends the transaction, and waits until it is on the disk; data that is not written yet is not waited for.
pub(crate) fn commit(sys: &dyn Sys, fd: RawFd) -> Result<(), Errno> {
    let mut transaction = 0_u64;
    // SAFETY: the number lives here.
    unsafe { call!(sys, SYS_ioctl, fd, START_SYNC, &raw mut transaction) }?;
    // SAFETY: the number lives here.
    unsafe { call!(sys, SYS_ioctl, fd, WAIT_SYNC, &raw const transaction) }.map(|_| ())
}

/// The subvolume that an open directory lies in.
pub(crate) fn subvolume(sys: &dyn Sys, fd: RawFd) -> Result<u64, Errno> {
    let mut lookup = Lookup { tree: 0, object: SUBVOLUME_ROOT, name: [0; 4080] };
    // SAFETY: the structure lives here, of the size that the command's number names.
    unsafe { call!(sys, SYS_ioctl, fd, LOOKUP, &raw mut lookup) }?;
    Ok(lookup.tree)
}

/// The subvolumes that stand directly in one.
pub(crate) fn subvolumes_in(sys: &dyn Sys, fd: RawFd, subvolume: u64) -> Result<Vec<u64>, Errno> {
    offsets(sys, fd, ROOT_TREE, subvolume, ROOT_REF)
}

/// The groups that a group is a member of, and those that are members of it.
pub(crate) fn related(sys: &dyn Sys, fd: RawFd, group: u64) -> Result<Vec<u64>, Errno> {
    offsets(sys, fd, QUOTA_TREE, group, RELATION)
}

/// The offsets of all keys of one object and kind.
fn offsets(sys: &dyn Sys, fd: RawFd, tree: u64, object: u64, kind: u32) -> Result<Vec<u64>, Errno> {
    let mut all = Vec::new();
    let mut first = 0;
    loop {
        let mut search = Search {
            tree,
            object_first: object,
            object_last: object,
            offset_first: first,
            offset_last: u64::MAX,
            transaction_first: 0,
            transaction_last: u64::MAX,
            kind_first: kind,
            kind_last: kind,
            items: u32::MAX,
            unused: 0,
            unused_more: [0; 4],
            found: [0; 3992],
        };
        // SAFETY: the structure lives here, of the size that the command's number names.
        unsafe { call!(sys, SYS_ioctl, fd, SEARCH, &raw mut search) }?;
        let found = found(&search.found, search.items).ok_or(Errno::EIO)?;
        let Some(next) = found.last().and_then(|offset| offset.checked_add(1)) else { return Ok(all) };
        all.extend(found);
        first = next;
    }
}

/// The offset of each item: `struct btrfs_ioctl_search_header`, and the item itself.
fn found(bytes: &[u8], items: u32) -> Option<Vec<u64>> {
    const HEADER: usize = 32;
    let mut rest = bytes;
    let mut offsets = Vec::new();
    for _ in 0..items {
        offsets.push(u64::from_ne_bytes(rest.get(16..24)?.try_into().ok()?));
        let length = u32::from_ne_bytes(rest.get(28..HEADER)?.try_into().ok()?);
        rest = rest.get(HEADER + usize::try_from(length).ok()?..)?;
    }
    Some(offsets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_the_kernels() {
        assert_eq!(size_of::<Search>(), 4096);
        // linux/btrfs.h, as a C compiler has it.
        assert_eq!([ASSIGN, CREATE, LIMIT], [0x4018_9429, 0x4010_942a, 0x8030_942b]);
        assert_eq!([START_SYNC, WAIT_SYNC], [0x8008_9418, 0x4008_9416]);
        assert_eq!([RESCAN, RESCAN_WAIT, LOOKUP, SEARCH], [0x4040_942c, 0x942e, 0xd000_9412, 0xd000_9411]);
    }

    #[test]
    fn what_is_cut_off_is_not_read() {
        let mut bytes = vec![0; 40];
        bytes[16] = 7;
        bytes[28] = 8;
        assert_eq!(found(&bytes, 1), Some(vec![7]));
        assert_eq!(found(&bytes, 2), None);
        bytes[28] = 9;
        assert_eq!(found(&bytes, 1), None);
    }
}
