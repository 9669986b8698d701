//! Limits as cgroup files.

use crate::world::{gaps, plan, root_on_v1, ruled, user_on_v2, web};
use stockade_policy::host::{CgroupHost, Host};
use stockade_policy::plan::{CgroupHierarchy, Plan};
use stockade_policy::policy::{Policy, Resource};

fn limited(limits: &[(Resource, u64)]) -> Policy {
    let mut policy = web();
    policy.resources = limits.iter().map(|(resource, value)| (*resource, ruled(*value, 32))).collect();
    policy
}

fn v2() -> Host {
    let cgroup = CgroupHost::V2 {
        parent: "/sys/fs/cgroup/a".to_owned(),
        controllers: ["memory", "cpu", "pids", "io"].map(str::to_owned).into(),
    };
    Host { cgroup, block_devices: ["8:0", "8:16"].map(str::to_owned).into(), ..root_on_v1() }
}

fn written(plan: &Plan) -> Vec<(String, String)> {
    let hierarchies: &[CgroupHierarchy] =
        plan.cgroup.as_ref().map_or(&[], |cgroup| cgroup.hierarchies.as_slice());
    hierarchies.iter().flat_map(|hierarchy| hierarchy.values.iter().cloned()).collect()
}

fn files(policy: &Policy, host: &Host) -> Vec<String> {
    let plan = plan(policy, host).unwrap();
    written(&plan).into_iter().map(|(file, value)| format!("{file} {value}")).collect()
}

#[test]
fn v2_files() {
    let policy = limited(&[
        (Resource::Memory, 1 << 20),
        (Resource::Swap, 4096),
        (Resource::CpuMillis, 250),
        (Resource::Processes, 7),
        (Resource::IoRead, 1000),
        (Resource::IoWriteOperations, 50),
    ]);
    assert_eq!(
        files(&policy, &v2()),
        [
            "memory.max 1048576",
            "memory.swap.max 4096",
            "cpu.max 25000 100000",
            "pids.max 7",
            "io.max 8:0 rbps=1000 wiops=50",
            "io.max 8:16 rbps=1000 wiops=50",
        ]
    );
    let plan = plan(&policy, &v2()).unwrap();
    assert!(plan.gaps.is_empty() && plan.cgroup.unwrap().hierarchies[0].unified);
}

#[test]
fn a_small_share_takes_a_long_period() {
    assert_eq!(files(&limited(&[(Resource::CpuMillis, 1)]), &v2()), ["cpu.max 1000 1000000"]);
    assert_eq!(files(&limited(&[(Resource::CpuMillis, 10)]), &v2()), ["cpu.max 1000 100000"]);
}

#[test]
fn no_limit_is_no_file() {
    let policy = limited(&[(Resource::Memory, u64::MAX)]);
    assert!(plan(&policy, &v2()).unwrap().cgroup.is_none());
}

#[test]
fn v1_counts_swap_with_memory() {
    let host = root_on_v1();
    assert_eq!(
        files(&limited(&[(Resource::Memory, 1000), (Resource::Swap, 24)]), &host),
        ["memory.limit_in_bytes 1000", "memory.memsw.limit_in_bytes 1024"]
    );
    let alone = plan(&limited(&[(Resource::Swap, 24)]), &host).unwrap();
    assert_eq!(gaps(&alone), ["cgroup: memory.memsw.limit_in_bytes"]);
    let unaccounted = Host { swap_accounting: false, ..root_on_v1() };
    let both = plan(&limited(&[(Resource::Memory, 1000), (Resource::Swap, 24)]), &unaccounted).unwrap();
    assert_eq!(gaps(&both), ["cgroup: memory.memsw.limit_in_bytes"]);
    assert_eq!(written(&both).len(), 1);
}

#[test]
fn v1_cannot_hold_back_what_the_page_cache_writes() {
    let policy = limited(&[(Resource::IoRead, 5), (Resource::IoWrite, 6)]);
    let plan = plan(&policy, &root_on_v1()).unwrap();
    assert_eq!(gaps(&plan), ["cgroup: blkio.throttle.write_bps_device"]);
    assert_eq!(
        written(&plan),
        [("blkio.throttle.read_bps_device", "254:0 5"), ("blkio.throttle.write_bps_device", "254:0 6")]
            .map(|(file, value)| (file.to_owned(), value.to_owned()))
    );
}

#[test]
fn a_missing_controller_is_a_gap_of_its_own() {
    let plan = plan(&web(), &user_on_v2()).unwrap();
    let missing = plan.gaps.iter().find(|gap| gap.right == "cgroup: io").unwrap();
    assert_eq!(
        missing.remedy,
        "write +io to /sys/fs/cgroup/user.slice/user-1000.slice/cgroup.subtree_control"
    );
    let no_disks = Host { block_devices: [].into(), ..v2() };
    let policy = limited(&[(Resource::IoRead, 5)]);
    assert_eq!(gaps(&crate::world::plan(&policy, &no_disks).unwrap()), ["cgroup: io.max"]);
}
