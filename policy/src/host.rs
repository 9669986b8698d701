//! What a host can enforce: the input of `compile` beside the policy. Read by `enforcer`'s probe, or
//! from a file (`compile --host FILE`).

use crate::vocab::{Arch, CapSet};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A host as `compile` sees it. Two equal descriptions give equal plans.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// Kernel version, for messages; what counts is probed.
    pub kernel: String,
    /// The kernel's own interface.
    pub arch: Arch,
    /// Who launches: decides which user namespaces and id maps are possible.
    pub caller: Caller,
    /// Capabilities that the kernel has (`cap_last_cap`).
    pub kernel_capabilities: CapSet,
    /// Landlock ABI; 0: not there. landlock(7), 5.13.
    pub landlock_abi: u32,
    /// What seccomp offers; `None`: no filters.
    pub seccomp: Option<SeccompHost>,
    /// Whether the caller can make a user namespace.
    pub user_namespaces: Availability,
    /// Whether `PR_SET_MDWE` works, 6.3.
    pub write_xor_execute: bool,
    /// Whether procfs takes `hidepid=4` and `subset=pid`, 5.8.
    pub proc_options: bool,
    /// Whether `mount_setattr` works, 5.12.
    pub mount_setattr: bool,
    /// cgroups that the caller can make.
    pub cgroup: CgroupHost,
    /// Whether a child cgroup has a limit on swap: `memory.swap.max`, or `memory.memsw.limit_in_bytes` on v1.
    pub swap_accounting: bool,
    /// Whole disks that `io` limits apply to, as `MAJOR:MINOR`; the kernel takes no partitions.
    pub block_devices: BTreeSet<String>,
    /// Security modules that are active, by name; empty where they cannot be seen. lsm_list_modules(2), 6.8, or
    /// /sys/kernel/security/lsm, 4.11.
    pub security_modules: BTreeSet<String>,
}

/// Who launches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// Effective user id.
    pub uid: u32,
    /// Effective group id.
    pub gid: u32,
    /// Supplementary group ids, which only a caller with privilege can lay down.
    #[serde(default)]
    pub groups: BTreeSet<u32>,
    /// Effective capabilities in the caller's user namespace.
    pub capabilities: CapSet,
}

/// Whether something can be had, and if not why and what would make it possible.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Availability {
    /// It works.
    Yes,
    /// It does not.
    No {
        /// Why, as a clause: `the kernel has no CONFIG_…`.
        why: String,
        /// What would make it possible, as an imperative.
        remedy: String,
    },
}

/// What seccomp offers. seccomp(2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeccompHost {
    /// `actions_avail` of /proc/sys/kernel/seccomp, 4.14.
    pub actions: BTreeSet<String>,
    /// Filter flags that the kernel takes (`SECCOMP_FILTER_FLAG_*` bits).
    pub flags: u32,
}

/// Where cgroups can be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CgroupHost {
    /// Nowhere.
    None {
        /// Why.
        why: String,
        /// What would make it possible.
        remedy: String,
    },
    /// The unified hierarchy.
    V2 {
        /// Directory in which the caller can make children, with controllers enabled for them.
        parent: String,
        /// Controllers that children get.
        controllers: BTreeSet<String>,
    },
    /// Legacy hierarchies, by controller.
    V1 {
        /// Directory in which the caller can make children, by the controller's name on v2 (`io` is
        /// `blkio`).
        parents: BTreeMap<String, String>,
    },
}
