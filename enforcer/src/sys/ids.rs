//! User and group ids. setresuid(2), setgroups(2).

use super::{Errno, Sys, call};

/// All supplementary groups.
pub(crate) fn set_groups(sys: &dyn Sys, groups: &[u32]) -> Result<(), Errno> {
    // SAFETY: the kernel reads as many ids as the slice has.
    unsafe { call!(sys, SYS_setgroups, groups.len(), groups.as_ptr()) }.map(|_| ())
}

/// Real, effective and saved group id.
pub(crate) fn set_gid(sys: &dyn Sys, gid: u32) -> Result<(), Errno> {
    // SAFETY: takes no pointers.
    unsafe { call!(sys, SYS_setresgid, gid, gid, gid) }.map(|_| ())
}

/// Real, effective and saved user id.
pub(crate) fn set_uid(sys: &dyn Sys, uid: u32) -> Result<(), Errno> {
    // SAFETY: takes no pointers.
    unsafe { call!(sys, SYS_setresuid, uid, uid, uid) }.map(|_| ())
}
