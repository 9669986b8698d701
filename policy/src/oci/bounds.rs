//! What every process of one container keeps to, also one that is added later, and what its limits may not leave.

use crate::lattice::intervals::IntervalSet;
use crate::origin::Ruled;
use crate::policy::{Policy, Resource, Rlimit};
use crate::vocab::CapSet;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The part of a policy that `exec` and `update` are met with, kept from the `create` of a container on: a profile
/// that changes meanwhile does not change what runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bounds {
    /// User ids admitted.
    pub users: Ruled<IntervalSet<u32>>,
    /// The group that goes with the one user whom the policy names.
    pub gid: Option<Ruled<u32>>,
    /// Its supplementary groups.
    pub groups: Vec<Ruled<u32>>,
    /// Capabilities that may be in any set.
    pub capabilities: Ruled<CapSet>,
    /// `PR_SET_NO_NEW_PRIVS`
    pub no_new_privileges: Ruled<bool>,
    /// rlimits, hard and soft.
    pub limits: BTreeMap<Rlimit, Ruled<u64>>,
    /// Permission bits that new files never get.
    pub umask: Ruled<u32>,
    /// Names of environment variables passed on; `None` passes all.
    pub environment: Option<Ruled<BTreeSet<String>>>,
    /// Limits of the cgroup.
    pub resources: BTreeMap<Resource, Ruled<u64>>,
    /// The labels of AppArmor and SELinux that the container was made with; processes that are added have the same.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// The program that is put before every command, by its path inside.
    pub init: Option<String>,
}

impl Bounds {
    /// Those of a policy.
    pub(super) fn of(policy: &Policy, init: Option<String>) -> Bounds {
        Bounds {
            users: policy.users.uids.clone(),
            gid: policy.users.gid.clone(),
            groups: policy.users.groups.clone(),
            capabilities: policy.capabilities.clone(),
            no_new_privileges: policy.process.no_new_privileges.clone(),
            limits: policy.process.limits.clone(),
            umask: policy.process.umask.clone(),
            environment: policy.process.environment.clone(),
            resources: policy.resources.clone(),
            labels: BTreeMap::new(),
            init,
        }
    }
}
