//! Landlock. landlock(7), linux/landlock.h, 5.13.

use super::{Errno, Sys, call, int};
use std::os::fd::RawFd;

/// `struct landlock_ruleset_attr` as of ABI 6 (6.12).
#[repr(C)]
struct RulesetAttr {
    handled_fs: u64,
    handled_net: u64,
    scoped: u64,
}

/// `struct landlock_path_beneath_attr`, packed in the header.
#[repr(C, packed)]
struct PathBeneath {
    allowed: u64,
    parent: i32,
}

/// `LANDLOCK_RULE_PATH_BENEATH`.
const PATH_BENEATH: u32 = 1;

/// Bytes of the structure that an ABI knows.
pub(crate) fn ruleset_size(abi: u32) -> usize {
    match abi {
        ..4 => 8,
        4..6 => 16,
        6.. => size_of::<RulesetAttr>(),
    }
}

/// A ruleset that handles `handled_fs` and `scoped`; only as much of the structure is given as the ABI knows.
pub(crate) fn create(sys: &dyn Sys, abi: u32, handled_fs: u64, scoped: u64) -> Result<RawFd, Errno> {
    let attr = RulesetAttr { handled_fs, handled_net: 0, scoped };
    let size = ruleset_size(abi);
    // SAFETY: the structure lives here and `size` is at most its size.
    int(unsafe { call!(sys, SYS_landlock_create_ruleset, &raw const attr, size, 0) }?)
}

/// Allows `access` beneath `place`.
pub(crate) fn add_path(sys: &dyn Sys, ruleset: RawFd, place: RawFd, access: u64) -> Result<(), Errno> {
    let attr = PathBeneath { allowed: access, parent: place };
    // SAFETY: the structure for this rule type lives here.
    unsafe { call!(sys, SYS_landlock_add_rule, ruleset, PATH_BENEATH, &raw const attr, 0) }.map(|_| ())
}

/// Puts the calling thread under the ruleset.
pub(crate) fn restrict(sys: &dyn Sys, ruleset: RawFd) -> Result<(), Errno> {
    // SAFETY: takes no pointers.
    unsafe { call!(sys, SYS_landlock_restrict_self, ruleset, 0) }.map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::mem::{offset_of, size_of};

    #[test]
    fn structures_are_the_kernels() {
        assert_eq!(size_of::<RulesetAttr>(), 24);
        assert_eq!(size_of::<PathBeneath>(), 12);
        assert_eq!(offset_of!(PathBeneath, parent), 8);
    }
}
