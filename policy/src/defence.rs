//! What a disk quota needs beside itself: that nobody inside changes by what it counts.
//!
//! A project quota counts files by an id that each of them carries, and whoever owns a file may give it another one: under
//! Docker's `--storage-opt size=` that is how it is left. So a policy with a limit on the disk denies the calls that set
//! project ids, make subvolumes and change quotas: `resolve` puts that in, a meet keeps it, a join keeps it as long as
//! there is a limit, and `compile` refuses a policy without it.
//!
//! What leaves the container leaves its quota too, and is decided where it is granted: mounts of CAP_SYS_ADMIN, devices
//! of CAP_MKNOD, files of others by CAP_DAC_READ_SEARCH.

use crate::condition::{Comparison, Condition, Operator, Width};
use crate::lattice::action::Action;
use crate::lattice::diagram::Decision;
use crate::lattice::event::Event;
use crate::lattice::syscalls::Syscalls;
use crate::lattice::{Lattice, LatticeError};
use crate::origin::Origins;
use crate::policy::Policy;
use crate::vocab::{Arch, constants};
use std::collections::BTreeSet;

/// `EPERM`, errno(3): what the kernel answers to who may not change a quota. quotactl(2).
const EPERM: u16 = 1;

/// Requests of ioctl(2) by which a file comes to be counted elsewhere, or not at all; linux/fs.h, linux/btrfs.h. ext4, XFS
/// and f2fs have the first three under names of their own and no other that sets a project id. io_uring reaches none of them:
/// of file systems only btrfs takes commands by it, for encoded reads and writes (`btrfs_uring_cmd`, 6.13).
const REQUESTS: [&str; 12] = [
    // The project id itself.
    "FS_IOC_FSSETXATTR",
    // FS_PROJINHERIT_FL: without it, what is made in a directory has no project.
    "FS_IOC_SETFLAGS",
    "FS_IOC32_SETFLAGS",
    // What is in a new subvolume, full qgroups do not charge to the one that it is in.
    "BTRFS_IOC_SUBVOL_CREATE",
    "BTRFS_IOC_SUBVOL_CREATE_V2",
    "BTRFS_IOC_SNAP_CREATE",
    "BTRFS_IOC_SNAP_CREATE_V2",
    "BTRFS_IOC_QUOTA_CTL",
    "BTRFS_IOC_QGROUP_ASSIGN",
    "BTRFS_IOC_QGROUP_CREATE",
    "BTRFS_IOC_QGROUP_LIMIT",
    // Counts anew from zero, and until it is done what is there counts for nothing.
    "BTRFS_IOC_QUOTA_RESCAN",
];

/// Who limits the disk; `None`: nobody does.
pub(crate) fn limited(policy: &Policy) -> Option<Origins> {
    let limits = [&policy.disk.size, &policy.disk.files].into_iter().flatten();
    limits.map(|limit| limit.origins.clone()).reduce(|all, more| all.union(&more).cloned().collect())
}

/// Denies what would lead out of the policy's disk quota, where it has one. [`LatticeError::TooLarge`] where the conditions
/// on ioctl(2) outgrow their limit by it.
pub fn defend(policy: &mut Policy) -> Result<(), LatticeError> {
    if let Some(origins) = limited(policy) {
        policy.syscalls = policy.syscalls.meet(&denial(origins)?)?;
    }
    Ok(())
}

/// A call that leads out of the policy's disk quota and that it does not deny.
pub fn hole(policy: &Policy) -> Result<Option<Event>, LatticeError> {
    let Some(origins) = limited(policy) else { return Ok(None) };
    let holes = policy.syscalls.looser_in_class(&denial(origins)?);
    Ok(holes.into_iter().next().map(|witness| witness.event))
}

fn denial(origins: Origins) -> Result<Syscalls, LatticeError> {
    let rules = [
        ("ioctl", requests()),
        // The attributes of FS_IOC_FSSETXATTR by path, 6.17.
        ("file_setattr", Condition::always()),
        ("quotactl", Condition::always()),
        ("quotactl_fd", Condition::always()),
    ];
    Syscalls::denying(&rules, &Decision { action: Action::Errno(EPERM), origins })
}

/// Any of the requests, of which the kernel reads 32 bits. Every interface's number is denied on each: they differ where a
/// size goes into them, and a number that an interface does not have is none that anyone misses.
fn requests() -> Condition {
    let values: BTreeSet<u64> = Arch::ALL
        .into_iter()
        .flat_map(|arch| REQUESTS.iter().filter_map(move |name| constants::value(arch, name)))
        .collect();
    let equal = |value| {
        let operator = Operator::Equal;
        Condition::Compare(Comparison { argument: 1, width: Width::U32, mask: u64::MAX, operator, value })
    };
    Condition::Any(values.into_iter().map(equal).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// linux/fs.h and linux/btrfs.h, computed from their `_IOW` by hand.
    const NUMBERS: [u64; 12] = [
        0x401c_5820,
        0x4008_6602,
        0x4004_6602,
        0x5000_940e,
        0x5000_9418,
        0x5000_9401,
        0x5000_9417,
        0xc010_9428,
        0x4018_9429,
        0x4010_942a,
        0x8030_942b,
        0x4040_942c,
    ];

    #[test]
    fn the_vocabulary_has_every_request() {
        for arch in Arch::ALL {
            for (name, number) in REQUESTS.into_iter().zip(NUMBERS) {
                let value = constants::value(arch, name).unwrap_or_else(|| panic!("{name} on {arch}"));
                assert!(
                    value == number || name == "FS_IOC_SETFLAGS" && value == 0x4004_6602,
                    "{name} on {arch}"
                );
            }
        }
    }

    #[test]
    fn each_number_is_denied_whatever_stands_above_it() {
        let condition = requests();
        for number in NUMBERS {
            for high in [0, 1 << 32, 0xdead_beef << 32, u64::MAX << 32] {
                assert!(condition.holds(&[3, high | number, 0, 0, 0, 0]), "{number:#x} with {high:#x}");
                assert!(!condition.holds(&[number, high, number, 0, 0, 0]));
            }
            for other in [number ^ 1, number ^ 1 << 31, number << 32] {
                let named = NUMBERS.contains(&other);
                assert_eq!(condition.holds(&[3, other, 0, 0, 0, 0]), named, "{other:#x}");
            }
        }
    }
}
