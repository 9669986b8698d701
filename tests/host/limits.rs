//! The limits that a process is under, in cgroups of either version.

use std::fs;
use std::path::Path;

/// What its cgroups hold. cgroup-v2.rst; cgroup-v1/memory.rst, cgroup-v1/pids.rst, sched-bwc.rst.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Bytes.
    pub(crate) memory: u64,
    /// Memory and swap together, bytes; none where the host does not count swap.
    pub(crate) both: Option<u64>,
    pub(crate) processes: u64,
    /// Quota and period, microseconds.
    pub(crate) cpu: (u64, u64),
}

/// No limit is a word in the one version, and -1 in the other.
fn number(text: &str) -> u64 {
    text.trim().parse().unwrap_or(u64::MAX)
}

/// Of a process.
pub(crate) fn of(pid: u32) -> Limits {
    let cgroups = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    let unified = Path::new("/sys/fs/cgroup/cgroup.controllers").exists();
    let path = |controller: &str| {
        let mut lines = cgroups.lines().filter_map(|line| line.split_once(':')?.1.split_once(':'));
        let of = |names: &str| match unified {
            true => names.is_empty(),
            false => names.split(',').any(|name| name == controller),
        };
        let (_, path) =
            lines.find(|(names, _)| of(names)).unwrap_or_else(|| panic!("{controller}: {cgroups}"));
        format!("/sys/fs/cgroup/{}{path}", if unified { "" } else { controller })
    };
    let has = |controller: &str, file: &str| Path::new(&path(controller)).join(file).exists();
    let read = |controller: &str, file: &str| {
        let path = Path::new(&path(controller)).join(file);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let counted = |controller: &str, file: &str| number(&read(controller, file));
    let processes = counted("pids", "pids.max");
    if unified {
        let memory = counted("memory", "memory.max");
        let swap = has("memory", "memory.swap.max").then(|| counted("memory", "memory.swap.max"));
        let cpu = read("cpu", "cpu.max");
        let (quota, period) = cpu.split_once(' ').unwrap();
        let both = swap.map(|swap| memory.saturating_add(swap));
        return Limits { memory, both, processes, cpu: (number(quota), number(period)) };
    }
    let both = "memory.memsw.limit_in_bytes";
    Limits {
        memory: counted("memory", "memory.limit_in_bytes"),
        both: has("memory", both).then(|| counted("memory", both)),
        processes,
        cpu: (counted("cpu", "cpu.cfs_quota_us"), counted("cpu", "cpu.cfs_period_us")),
    }
}
