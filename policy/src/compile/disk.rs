//! Disk quota, and that it binds whoever is inside: see [`defence`].

use super::error::{CompileError, both};
use super::gaps::{Gaps, Obstacle};
use super::later;
use crate::defence;
use crate::host::Host;
use crate::origin::Ruled;
use crate::plan::{Disk, Identity};
use crate::policy::{NamespaceKind, NamespaceMode, Policy, Section};
use crate::vocab::Cap;

/// What the quota limits; `None` where nothing does.
pub(super) fn compile(
    policy: &Policy,
    host: &Host,
    identity: &Identity,
    gaps: &mut Gaps<'_>,
) -> Result<Option<Disk>, CompileError> {
    let Some(origins) = defence::limited(policy) else { return Ok(None) };
    if let Some(hole) = defence::hole(policy)? {
        return Err(CompileError::DiskUndefended { call: hole.to_string(), origins });
    }
    binds(policy, &policy.namespaces.mode(NamespaceKind::User))?;
    let asked = &policy.disk;
    for (right, limit) in [("disk: size", &asked.size), ("disk: files", &asked.files)] {
        if let Some(limit) = limit {
            later::no_layer(Section::Disk, right, &limit.origins, gaps);
        }
    }
    // A plan goes without a filter, or a user namespace, where the policy lets that be missing. The quota goes with it.
    if host.seccomp.is_none() {
        let why = "the kernel takes no seccomp filter, and without one files are moved out of the quota from inside";
        let obstacle = Obstacle::new(why, "boot a kernel with CONFIG_SECCOMP_FILTER");
        gaps.add(Section::Disk, "disk: defence", obstacle, &origins);
    }
    if keeps_sys_resource(policy) && identity.user_namespace.is_none() {
        let why = "without a user namespace the capability sys_resource is above the limit";
        let remedy = "leave sys_resource out of `capabilities`, or make user namespaces possible";
        gaps.add(Section::Disk, "disk: sys_resource", Obstacle::new(why, remedy), &origins);
    }
    let value = |limit: &Option<Ruled<u64>>| limit.as_ref().map(|limit| limit.value);
    Ok(Some(Disk { size: value(&asked.size), files: value(&asked.files) }))
}

/// Refuses a disk limit, and a capability above it, in a user namespace that is not a private one. The capabilities of the
/// policy count, also those that a process has which is added later.
pub(crate) fn binds(policy: &Policy, user: &Ruled<NamespaceMode>) -> Result<(), CompileError> {
    match defence::limited(policy) {
        Some(limited) if keeps_sys_resource(policy) && user.value != NamespaceMode::Private => {
            let keeps = both(&policy.capabilities.origins, &user.origins);
            Err(CompileError::DiskUnbound { origins: both(&limited, &keeps) })
        }
        _ => Ok(()),
    }
}

/// Every set, the bounding one too, is a part of these.
fn keeps_sys_resource(policy: &Policy) -> bool {
    policy.capabilities.value.contains(Cap::SYS_RESOURCE)
}
