//! A policy as it is kept beside its filters: all of it but its calls.

use crate::lattice::files::{self, FileTree};
use crate::lattice::syscalls::Syscalls;
use crate::origin::Ruled;
use crate::policy::{
    Device, Disk, Files, Filter, Lsm, Mount, Namespaces, Network, Policy, ProcView, Process, Resource,
    Section, Users,
};
use crate::vocab::CapSet;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A policy whose calls, and how their filter is put on, are not constrained: [`super::Filters`] say what became of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Around(#[serde(with = "Fields")] Policy);

impl Around {
    /// All of `policy` but its calls.
    pub fn of(policy: &Policy) -> Around {
        let mut around = policy.clone();
        around.syscalls = Syscalls::unconstrained();
        around.filter = unconstrained();
        Around(around)
    }

    /// It, for a meet that has the filters.
    pub(super) fn policy(&self) -> &Policy {
        &self.0
    }
}

fn unconstrained() -> Filter {
    Filter { mitigate_speculation: Ruled::unwritten(false), log_denied: Ruled::unwritten(false) }
}

/// The fields that are kept; the compiler holds the list and the policy together.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Policy")]
struct Fields {
    name: String,
    about: String,
    users: Users,
    process: Process,
    capabilities: Ruled<CapSet>,
    #[serde(skip, default = "Syscalls::unconstrained")]
    syscalls: Syscalls,
    #[serde(skip, default = "unconstrained")]
    filter: Filter,
    #[serde(with = "FilesFields")]
    files: Files,
    mounts: Option<BTreeMap<String, Mount>>,
    devices: Option<Ruled<BTreeSet<Device>>>,
    namespaces: Namespaces,
    resources: BTreeMap<Resource, Ruled<u64>>,
    disk: Disk,
    network: Network,
    lsm: Lsm,
    optional: BTreeMap<Section, Ruled<bool>>,
    monitor: BTreeMap<Section, Ruled<bool>>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Files")]
struct FilesFields {
    #[serde(with = "files::whole")]
    tree: FileTree,
    tmp: Option<Ruled<u64>>,
    proc: Ruled<ProcView>,
}
