//! Limits on the group of processes as cgroup files. cgroups(7); Documentation/admin-guide/cgroup-v2.rst and
//! cgroup-v1/ of the kernel.

use super::error::CompileError;
use super::gaps::{Gaps, Obstacle};
use crate::host::{CgroupHost, Host};
use crate::origin::{Origins, Ruled};
use crate::plan::{Cgroup, CgroupHierarchy};
use crate::policy::{Policy, Resource, Section};
use std::collections::BTreeMap;

/// Microseconds in which a share of processor time is counted: the kernel's default.
pub(crate) const PERIOD: u64 = 100_000;
/// The longest period that the kernel takes; for shares so small that [`PERIOD`] would be under
/// [`MIN_QUOTA`].
const LONG_PERIOD: u64 = 1_000_000;
/// The smallest quota that the kernel takes, microseconds. kernel/sched/core.c, `min_cfs_quota_period`.
const MIN_QUOTA: u64 = 1_000;

/// Directories by controller, and what is written there.
struct Writer<'a> {
    host: &'a Host,
    /// By directory; the controllers of v1 may share one.
    values: BTreeMap<String, Vec<(String, String)>>,
}

/// What is asked for, in the order in which it is written.
struct Asked<'a> {
    limits: BTreeMap<Resource, &'a Ruled<u64>>,
}

impl Asked<'_> {
    fn value(&self, resource: Resource) -> Option<u64> {
        self.limits.get(&resource).map(|limit| limit.value)
    }

    fn origins(&self, resources: &[Resource]) -> Origins {
        let asked = resources.iter().filter_map(|resource| self.limits.get(resource));
        asked.flat_map(|limit| limit.origins.iter().cloned()).collect()
    }

    fn any(&self, resources: &[Resource]) -> bool {
        resources.iter().any(|resource| self.limits.contains_key(resource))
    }
}

/// Limits by the controller that has them, on v2 and on v1.
const CONTROLLERS: [(&[Resource], &str, &str); 4] = [
    (&[Resource::Memory, Resource::Swap], "memory", "memory"),
    (&[Resource::CpuMillis], "cpu", "cpu"),
    (&[Resource::Processes], "pids", "pids"),
    (&INPUT_OUTPUT, "io", "blkio"),
];

const INPUT_OUTPUT: [Resource; 4] =
    [Resource::IoRead, Resource::IoWrite, Resource::IoReadOperations, Resource::IoWriteOperations];

/// The cgroup; `None` where no limit asks for one, or the host has none.
pub(super) fn compile(
    policy: &Policy,
    host: &Host,
    gaps: &mut Gaps<'_>,
) -> Result<Option<Cgroup>, CompileError> {
    let bounded = policy.resources.iter().filter(|(_, limit)| limit.value != u64::MAX);
    let asked = Asked { limits: bounded.map(|(resource, limit)| (*resource, limit)).collect() };
    check(&asked)?;
    let mut writer = Writer { host, values: BTreeMap::new() };
    for (resources, v2, v1) in CONTROLLERS {
        if !asked.any(resources) {
            continue;
        }
        match writer.directory(v2, v1) {
            Ok(directory) => writer.controller(v2, &directory, &asked, gaps),
            Err(obstacle) => {
                let right = format!("cgroup: {v2}");
                gaps.add(Section::Resources, right, obstacle, &asked.origins(resources));
            }
        }
    }
    let unified = matches!(host.cgroup, CgroupHost::V2 { .. });
    let hierarchies: Vec<CgroupHierarchy> = writer
        .values
        .into_iter()
        .map(|(parent, values)| CgroupHierarchy { parent, unified, values })
        .collect();
    Ok((!hierarchies.is_empty()).then_some(Cgroup { hierarchies }))
}

/// Refuses limits of nothing that the kernel refuses.
fn check(asked: &Asked<'_>) -> Result<(), CompileError> {
    let never_zero = [
        (Resource::CpuMillis, "cpu"),
        (Resource::IoRead, "io read"),
        (Resource::IoWrite, "io write"),
        (Resource::IoReadOperations, "io read operations"),
        (Resource::IoWriteOperations, "io write operations"),
    ];
    match never_zero.into_iter().find(|(resource, _)| asked.value(*resource) == Some(0)) {
        Some((resource, name)) => {
            Err(CompileError::ZeroLimit { resource: name, origins: asked.origins(&[resource]) })
        }
        None => Ok(()),
    }
}

impl Writer<'_> {
    /// Where the controller's files of a new cgroup will be.
    fn directory(&self, v2: &str, v1: &str) -> Result<String, Obstacle> {
        match &self.host.cgroup {
            CgroupHost::None { why, remedy } => Err(Obstacle::new(why.clone(), remedy.clone())),
            CgroupHost::V2 { parent, controllers } if controllers.contains(v2) => Ok(parent.clone()),
            CgroupHost::V2 { parent, .. } => Err(Obstacle::new(
                format!("children of {parent} do not get the controller {v2}"),
                format!("write +{v2} to {parent}/cgroup.subtree_control"),
            )),
            CgroupHost::V1 { parents } => parents.get(v2).cloned().ok_or_else(|| {
                Obstacle::new(
                    format!("no hierarchy of the controller {v1} takes a new cgroup of the caller's"),
                    format!("mount the controller {v1} and give the caller a cgroup in it"),
                )
            }),
        }
    }

    fn write(&mut self, directory: &str, file: &str, value: impl ToString) {
        let values = self.values.entry(directory.to_owned()).or_default();
        values.push((file.to_owned(), value.to_string()));
    }

    fn controller(&mut self, name: &str, directory: &str, asked: &Asked<'_>, gaps: &mut Gaps<'_>) {
        let v2 = matches!(self.host.cgroup, CgroupHost::V2 { .. });
        match (name, v2) {
            ("memory", true) => self.memory(directory, asked, gaps),
            ("memory", false) => self.memory_v1(directory, asked, gaps),
            ("cpu", _) => self.cpu(directory, asked, v2),
            ("pids", _) => {
                if let Some(processes) = asked.value(Resource::Processes) {
                    self.write(directory, "pids.max", processes);
                }
            }
            (_, true) => self.io(directory, asked, gaps),
            (_, false) => self.io_v1(directory, asked, gaps),
        }
    }

    fn memory(&mut self, directory: &str, asked: &Asked<'_>, gaps: &mut Gaps<'_>) {
        if let Some(bytes) = asked.value(Resource::Memory) {
            self.write(directory, "memory.max", bytes);
        }
        let Some(bytes) = asked.value(Resource::Swap) else { return };
        if self.host.swap_accounting {
            self.write(directory, "memory.swap.max", bytes);
        } else {
            no_swap_accounting("memory.swap.max", asked, gaps);
        }
    }

    /// v1 limits memory and swap together, and never below memory alone.
    fn memory_v1(&mut self, directory: &str, asked: &Asked<'_>, gaps: &mut Gaps<'_>) {
        let memory = asked.value(Resource::Memory);
        if let Some(bytes) = memory {
            self.write(directory, "memory.limit_in_bytes", bytes);
        }
        let file = "memory.memsw.limit_in_bytes";
        match (asked.value(Resource::Swap), memory) {
            (None, _) => {}
            (Some(_), _) if !self.host.swap_accounting => no_swap_accounting(file, asked, gaps),
            (Some(swap), Some(memory)) => self.write(directory, file, memory.saturating_add(swap)),
            (Some(_), None) => {
                let why = "cgroup v1 limits swap only together with memory";
                let obstacle = Obstacle::new(why, "limit `memory` too, or boot with cgroup v2");
                gaps.add(
                    Section::Resources,
                    format!("cgroup: {file}"),
                    obstacle,
                    &asked.origins(&[Resource::Swap]),
                );
            }
        }
    }

    fn cpu(&mut self, directory: &str, asked: &Asked<'_>, v2: bool) {
        let Some(millis) = asked.value(Resource::CpuMillis) else { return };
        let quota = |period: u64| millis.saturating_mul(period / 1000);
        let period = if quota(PERIOD) < MIN_QUOTA { LONG_PERIOD } else { PERIOD };
        if v2 {
            self.write(directory, "cpu.max", format!("{} {period}", quota(period)));
        } else {
            self.write(directory, "cpu.cfs_period_us", period);
            self.write(directory, "cpu.cfs_quota_us", quota(period));
        }
    }

    fn io(&mut self, directory: &str, asked: &Asked<'_>, gaps: &mut Gaps<'_>) {
        let keys = INPUT_OUTPUT.into_iter().zip(["rbps", "wbps", "riops", "wiops"]);
        let limits: String =
            keys.filter_map(|(resource, key)| Some(format!(" {key}={}", asked.value(resource)?))).collect();
        self.without_devices("io.max", asked, gaps);
        for device in &self.host.block_devices {
            self.values
                .entry(directory.to_owned())
                .or_default()
                .push(("io.max".to_owned(), format!("{device}{limits}")));
        }
    }

    fn io_v1(&mut self, directory: &str, asked: &Asked<'_>, gaps: &mut Gaps<'_>) {
        let files = ["read_bps_device", "write_bps_device", "read_iops_device", "write_iops_device"];
        self.without_devices("blkio.throttle", asked, gaps);
        for (resource, file) in INPUT_OUTPUT.into_iter().zip(files) {
            let Some(limit) = asked.value(resource) else { continue };
            for device in &self.host.block_devices {
                self.values
                    .entry(directory.to_owned())
                    .or_default()
                    .push((format!("blkio.throttle.{file}"), format!("{device} {limit}")));
            }
            if matches!(resource, Resource::IoWrite | Resource::IoWriteOperations) {
                let why = "cgroup v1 does not charge what the page cache writes back to whoever wrote it";
                let obstacle = Obstacle::new(why, "boot with cgroup v2");
                let right = format!("cgroup: blkio.throttle.{file}");
                gaps.add(Section::Resources, right, obstacle, &asked.origins(&[resource]));
            }
        }
    }

    fn without_devices(&self, file: &str, asked: &Asked<'_>, gaps: &mut Gaps<'_>) {
        if self.host.block_devices.is_empty() {
            let why = "no block device is known that could be limited";
            let obstacle = Obstacle::new(why, "leave `io` out, or describe the host's `block_devices`");
            gaps.add(Section::Resources, format!("cgroup: {file}"), obstacle, &asked.origins(&INPUT_OUTPUT));
        }
    }
}

fn no_swap_accounting(file: &str, asked: &Asked<'_>, gaps: &mut Gaps<'_>) {
    let obstacle = Obstacle::new(
        format!("the kernel does not account swap, so there is no {file}"),
        "boot with swapaccount=1 and CONFIG_SWAP",
    );
    gaps.add(Section::Resources, format!("cgroup: {file}"), obstacle, &asked.origins(&[Resource::Swap]));
}
