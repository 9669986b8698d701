//! From a policy to the plan for one host: everything decided, nothing done.
//!
//! What contradicts itself is a [`CompileError`]; what only this host cannot do is a
//! [`crate::plan::Gap`] in the plan, for each right and not only for each layer.

mod capabilities;
pub(crate) mod cgroup;
mod disk;
mod error;
mod filter;
mod gaps;
mod identity;
pub(crate) mod implied;
mod landlock;
mod later;
mod mounts;
mod namespaces;
pub(crate) mod paths;
mod process;
mod view;

pub(crate) use disk::binds as disk_binds;
pub use error::CompileError;
pub(crate) use filter::program_of;
pub use filter::{needs_filter, program as filter};
pub(crate) use later::limits as traffic_limits;
pub(crate) use mounts::private_tmp;

use crate::host::Host;
use crate::lookup::Lookup;
use crate::plan::Plan;
use crate::policy::Policy;
use gaps::Gaps;
use view::View;

/// What is asked of [`compile`] beside the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The directory that becomes `/`, absolute; `/` is the host's own tree.
    pub root: String,
    /// Hash of the floors that the policy was met with.
    pub floors: String,
}

/// The plan of `policy` on `host`. The same input gives the same plan.
pub fn compile(
    policy: &Policy,
    host: &Host,
    request: &Request,
    lookup: &dyn Lookup,
) -> Result<Plan, CompileError> {
    let mut gaps = Gaps::new(policy);
    let identity = identity::compile(policy, host, &mut gaps)?;
    let namespaces = namespaces::compile(policy, host, &identity, &mut gaps)?;
    let view = View::new(policy, lookup)?;
    let mounts = mounts::compile(policy, host, &view, &request.root, &mut gaps)?;
    let process = process::compile(policy, host, &namespaces, &mut gaps)?;
    let capabilities = capabilities::compile(policy, host, &identity, &mut gaps)?;
    let landlock = landlock::compile(policy, host, &view, &namespaces, &capabilities, &mut gaps)?;
    let seccomp = filter::compile(policy, host, &mut gaps)?;
    let cgroup = cgroup::compile(policy, host, &mut gaps)?;
    let disk = disk::compile(policy, host, &identity, &mut gaps)?;
    let traffic = later::traffic(policy, &mut gaps);
    let lsm = later::lsm(policy, &mut gaps);
    Ok(Plan {
        profile: policy.name.clone(),
        floors: request.floors.clone(),
        arch: host.arch,
        identity,
        namespaces,
        mounts,
        process,
        capabilities,
        landlock,
        seccomp,
        cgroup,
        disk,
        traffic,
        lsm,
        gaps: gaps.into_found(),
    })
}
