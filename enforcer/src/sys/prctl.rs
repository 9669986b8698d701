//! Attributes of the calling process. prctl(2), linux/prctl.h.

use super::{Errno, Sys, call};

fn prctl(sys: &dyn Sys, option: i32, a: u32, b: u32) -> Result<usize, Errno> {
    // SAFETY: every option used here takes numbers alone; unused arguments are zero.
    unsafe { call!(sys, SYS_prctl, option, a, b, 0, 0) }
}

/// The signal that comes when the parent thread dies. Cleared by a change of credentials.
pub(crate) fn set_parent_death_signal(sys: &dyn Sys, signal: i32) -> Result<(), Errno> {
    prctl(sys, libc::PR_SET_PDEATHSIG, signal.cast_unsigned(), 0).map(|_| ())
}

/// All securebits at once. Needs `CAP_SETPCAP`.
pub(crate) fn set_securebits(sys: &dyn Sys, bits: u32) -> Result<(), Errno> {
    prctl(sys, libc::PR_SET_SECUREBITS, bits, 0).map(|_| ())
}

/// Takes a capability out of the bounding set. Needs `CAP_SETPCAP`.
pub(crate) fn drop_bounding(sys: &dyn Sys, capability: u32) -> Result<(), Errno> {
    prctl(sys, libc::PR_CAPBSET_DROP, capability, 0).map(|_| ())
}

/// Whether a capability is in the bounding set; `EINVAL`: the kernel has no such capability.
pub(crate) fn in_bounding(sys: &dyn Sys, capability: u32) -> Result<bool, Errno> {
    prctl(sys, libc::PR_CAPBSET_READ, capability, 0).map(|answer| answer != 0)
}

/// Empties the ambient set. 4.3.
pub(crate) fn clear_ambient(sys: &dyn Sys) -> Result<(), Errno> {
    prctl(sys, libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL.cast_unsigned(), 0).map(|_| ())
}

/// Adds a capability that is permitted and inheritable to the ambient set. 4.3.
pub(crate) fn raise_ambient(sys: &dyn Sys, capability: u32) -> Result<(), Errno> {
    prctl(sys, libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_RAISE.cast_unsigned(), capability).map(|_| ())
}

/// No exec gains privileges any more. 3.5.
pub(crate) fn set_no_new_privileges(sys: &dyn Sys) -> Result<(), Errno> {
    prctl(sys, libc::PR_SET_NO_NEW_PRIVS, 1, 0).map(|_| ())
}
