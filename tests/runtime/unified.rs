//! Containers on hosts that have the unified hierarchy of cgroups alone, which are guests.

use crate::bench::{Bench, TIGHT, ended};
use crate::facts;
use crate::guests::with_runtimes;
use crate::limits;
use crate::patience::patiently;
use crate::verified::{Layer, holds, verdict, verified};
use serde_json::json;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use stockade_enforcer::freeze::Stood;
use stockade_vm::{Disk, Guest, KERNELS, again, is_guest, test};

fn with_disk(guest: Guest) -> Result<Guest, Box<dyn Error>> {
    Ok(with_runtimes(guest)?.disk(Disk::blank(8)?))
}

/// The cgroup of a process.
fn cgroup(pid: u32) -> PathBuf {
    let memberships = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    let own = memberships.strip_prefix("0::").unwrap().trim_end();
    assert!(own.len() > 1 && !own.contains('\n'), "{memberships}");
    PathBuf::from(format!("/sys/fs/cgroup{own}"))
}

/// A bench whose profile limits the disk too, and nothing that 6.1 has not.
fn limited(inner: &'static str) -> Bench {
    let bench = Bench::of(inner);
    let io = "cpu: 0.5, io: {read: 1 MiB/s, write: 2 MiB/s, read_operations: 30/s, write_operations: 40/s}}";
    let tight = TIGHT.replace("cpu: 0.5}", io).replace("  write_xor_execute: true\n", "");
    bench.profile("tight", &tight);
    bench
}

fn limits_are_met_and_read_back(inner: &'static str) {
    let bench = limited(inner);
    let bundle = bench.bundle("x");
    // Looser in one, stricter in another.
    bundle.edit(|config| {
        let block = json!({
            "throttleReadBpsDevice": [{"major": 254, "minor": 0, "rate": 1 << 30}],
            "throttleWriteBpsDevice": [{"major": 254, "minor": 0, "rate": 4096}],
        });
        config["linux"]["resources"]["blockIO"] = block;
        config["linux"]["resources"]["memory"] = json!({"limit": -1, "swap": -1});
        config["linux"]["resources"]["pids"] = json!({"limit": 7});
    });
    let pid = bench.start(&bundle);
    let at = cgroup(pid);
    for (file, limit) in [
        ("memory.max", "67108864\n"),
        ("memory.swap.max", "0\n"),
        ("pids.max", "7\n"),
        ("cpu.max", "50000 100000\n"),
        ("io.max", "254:0 rbps=1048576 wbps=4096 riops=30 wiops=40\n"),
    ] {
        assert_eq!(fs::read_to_string(at.join(file)).unwrap(), limit, "{inner}: {file}");
    }
    assert_eq!(holds(&bench, "x", inner), Stood::Frozen);
    assert_eq!(fs::read_to_string(at.join("cgroup.freeze")).unwrap(), "0\n");
    for (file, looser) in
        [("io.max", "254:0 riops=max"), ("pids.max", "max"), ("cpu.max", "max"), ("memory.swap.max", "4096")]
    {
        let before = fs::read_to_string(at.join(file)).unwrap();
        fs::write(at.join(file), looser).unwrap();
        let said = verdict(&bench, "x", Layer::Cgroup);
        assert!(said.starts_with("LOOSER: ") && said.contains(file), "{inner}: {file}: {said}");
        fs::write(at.join(file), before.trim()).unwrap();
    }
    assert_eq!(holds(&bench, "x", inner), Stood::Frozen);
}

fn what_is_added_or_changed_keeps_to_the_policy(inner: &'static str) {
    let bench = limited(inner);
    let pid = bench.start(&bench.bundle("x"));
    let added = ended(bench.stockade(&["exec", "x"]).args(facts::OWN));
    facts::is_tight(&facts::from(&added.success()), inner);
    ended(&mut bench.stockade(&["exec", "--detach", "x", "/bin/sleep", "120"])).success();
    patiently("the added process", || {
        let members = fs::read_to_string(cgroup(pid).join("cgroup.procs")).unwrap();
        let comm = |pid: &str| fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        (members.lines().filter(|pid| comm(pid) == "sleep\n").count() == 2).then_some(())
    });
    assert_eq!(holds(&bench, "x", inner), Stood::Frozen);
    assert_eq!(verified(&bench, "x").0.processes, 2);
    let resources = json!({
        "memory": {"limit": 1 << 30, "swap": 2 << 30},
        "pids": {"limit": 9},
        "cpu": {"quota": 90_000, "period": 100_000},
    });
    let file = bench.join("resources.json");
    fs::write(&file, resources.to_string()).unwrap();
    ended(&mut bench.stockade(&["update", "--resources", file.to_str().unwrap(), "x"])).success();
    let found = limits::of(pid);
    assert_eq!((found.memory, found.both, found.processes), (64 << 20, Some(64 << 20), 9), "{inner}");
    assert_eq!(found.cpu, (50_000, 100_000), "{inner}");
    assert_eq!(holds(&bench, "x", inner), Stood::Frozen);
}

/// What is paused is read as it stands, and stays paused.
fn what_is_paused_stays_so(inner: &'static str) {
    let bench = limited(inner);
    let pid = bench.start(&bench.bundle("x"));
    ended(&mut bench.stockade(&["pause", "x"])).success();
    assert_eq!(holds(&bench, "x", inner), Stood::Paused { traceable: true });
    assert_eq!(fs::read_to_string(cgroup(pid).join("cgroup.freeze")).unwrap(), "1\n");
    ended(&mut bench.stockade(&["resume", "x"])).success();
    assert_eq!(holds(&bench, "x", inner), Stood::Frozen);
}

/// The device cgroup is a program here: the node of a disk, made by one who may, is not opened.
fn devices_are_as_the_policy_says(inner: &'static str) {
    let bench = Bench::of(inner);
    bench.profile(
        "tight",
        "stockade: 1\nname: devices\nextends: [docker-default]\nprocess: {no_new_privileges: true}\n",
    );
    let bundle = bench.bundle("x");
    bench.start(&bundle);
    let script = "mknod /tmp/disk b 254 0 && mknod /tmp/mem c 1 1 && mknod /tmp/null c 1 3 || exit 9; \
                  echo through >/tmp/null && echo null; cat /tmp/disk >/dev/null && echo disk; \
                  cat /tmp/mem >/dev/null && echo mem";
    std::os::unix::fs::symlink("busybox", bundle.path.join("rootfs/bin/mknod")).unwrap();
    let found = ended(&mut bench.stockade(&["exec", "x", "/bin/sh", "-c", script]));
    assert_eq!(found.stdout, "null\n", "{inner}: {found:?}");
    assert_eq!(found.stderr.matches("Operation not permitted").count(), 2, "{inner}: {found:?}");
    assert_eq!(holds(&bench, "x", inner), Stood::Frozen);
}

fn nothing_is_left(inner: &'static str) {
    let bench = limited(inner);
    let at = cgroup(bench.start(&bench.bundle("x")));
    let mounts = || fs::read_to_string("/proc/self/mountinfo").unwrap();
    let (above, before) = (at.parent().unwrap().to_owned(), mounts());
    ended(&mut bench.stockade(&["delete", "--force", "x"])).success();
    assert!(!at.exists() && above.exists() && bench.state("x").is_none(), "{inner}");
    assert_eq!(mounts(), before, "{inner}");
}

fn a_container_is_under_its_policy(inner: &'static str) {
    assert!(Path::new("/sys/fs/cgroup/cgroup.controllers").exists());
    limits_are_met_and_read_back(inner);
    what_is_added_or_changed_keeps_to_the_policy(inner);
    what_is_paused_stays_so(inner);
    devices_are_as_the_policy_says(inner);
    nothing_is_left(inner);
}

#[test]
fn a_container_is_under_its_policy_where_that_is_the_only_hierarchy() {
    needs!("runtime", "runc", "crun", "busybox");
    test(KERNELS, with_disk, || a_container_is_under_its_policy("runc"));
}

#[test]
fn a_container_of_crun_is_too() {
    needs!("runtime", "runc", "crun", "busybox");
    test(&["6.12"], with_disk, || a_container_is_under_its_policy("crun"));
}

#[test]
fn what_holds_here_holds_there() {
    needs!("runtime", "runc", "crun", "busybox");
    if is_guest() {
        return;
    }
    let tests = [
        "meet::what_is_written_is_never_looser_and_its_own_meet",
        "meet::what_is_observed_is_left_as_it_is",
        "added::a_process_in_a_file_is_under_the_policy",
        "updated::files_and_standard_input_keep_to_the_limits",
        "updated::what_no_policy_has_a_word_for_is_refused",
    ];
    again(&["6.12"], with_runtimes, "runtime-unified", &tests);
}
