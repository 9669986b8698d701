//! Limits that are changed keep to the policy's, whatever form the change has.

use crate::bench::{Bench, ended};
use crate::ended::Ended;
use crate::limits::{self, Limits};
use serde_json::{Value, json};
use std::fs::{self, File};

const MEMORY: u64 = 64 << 20;
const PROCESSES: u64 = 32;

fn limits(bench: &Bench) -> Limits {
    limits::of(bench.pid("x"))
}

/// Half a processor, no swap.
fn is_within(limits: &Limits, what: &str) {
    assert!(limits.memory <= MEMORY, "{what}: {limits:?}");
    assert!(limits.both.is_none_or(|both| both <= limits.memory), "{what}: {limits:?}");
    assert!(limits.processes <= PROCESSES, "{what}: {limits:?}");
    assert!(limits.cpu.0 <= limits.cpu.1 / 2, "{what}: {limits:?}");
}

fn started() -> Bench {
    let bench = Bench::new();
    bench.start(&bench.bundle("x"));
    is_within(&limits(&bench), "made");
    bench
}

fn by_options(bench: &Bench, options: &[&str]) -> Ended {
    ended(bench.stockade(&["update"]).args(options).arg("x"))
}

/// By a file, or by standard input.
fn by_file(bench: &Bench, resources: &Value, standard_input: bool) -> Ended {
    let path = bench.join("resources.json");
    fs::write(&path, serde_json::to_vec(resources).unwrap()).unwrap();
    let name = if standard_input { "-" } else { path.to_str().unwrap() };
    ended(bench.stockade(&["update", "--resources", name, "x"]).stdin(File::open(&path).unwrap()))
}

/// Values above the policy's, or none at all. Fields that depend on each other are given alone, too.
fn files() -> Vec<Value> {
    vec![
        json!({"memory": {"limit": -1}}),
        json!({"memory": {"limit": -1, "swap": -1}}),
        json!({"memory": {"limit": 1_u64 << 40, "swap": 1_u64 << 41}}),
        json!({"memory": {"swap": -1}}),
        json!({"memory": {"swap": 1_u64 << 40}}),
        json!({"memory": {"limit": 32 << 20}}),
        json!({"memory": {"limit": 32 << 20, "swap": 64 << 20}}),
        json!({"cpu": {"quota": -1}}),
        json!({"cpu": {"quota": 1_000_000}}),
        json!({"cpu": {"quota": 1_000_000, "period": 100_000}}),
        json!({"cpu": {"period": 1000}}),
        json!({"cpu": {"quota": 1000, "period": 1000}}),
        json!({"cpu": {"quota": 5000, "period": 10_000}}),
        json!({"cpu": {"quota": 50_000}}),
        json!({"cpu": {"period": 1_000_000}}),
        json!({"cpu": {"quota": 50_000}}),
        json!({"pids": {"limit": -1}}),
        json!({"pids": {"limit": 0}}),
        json!({"pids": {"limit": 1_000_000}}),
        json!({"unified": {"memory.max": "max", "pids.max": "max", "cpu.max": "max"}}),
        json!({"memory": {"limit": 0, "swap": 0}, "cpu": {"quota": 0, "period": 0}, "pids": {"limit": 0}}),
    ]
}

#[test]
fn files_and_standard_input_keep_to_the_limits() {
    needs!("runtime", "runc", "busybox");
    let bench = started();
    for resources in files() {
        for standard_input in [false, true] {
            let ended = by_file(&bench, &resources, standard_input);
            is_within(&limits(&bench), &format!("{resources}: {ended:?}"));
        }
    }
    // What is within is done.
    let lower = json!({
        "memory": {"limit": 16 << 20, "swap": 16 << 20},
        "pids": {"limit": 9},
        "cpu": {"quota": 10_000, "period": 100_000},
    });
    by_file(&bench, &lower, true).success();
    let found = limits(&bench);
    assert_eq!((found.memory, found.processes, found.cpu), (16 << 20, 9, (10_000, 100_000)));
}

#[test]
fn options_keep_to_the_limits() {
    needs!("runtime", "runc", "busybox");
    let bench = started();
    let cases: [&[&str]; 19] = [
        &["--memory", "-1"],
        &["--memory", "1g"],
        &["--memory=1g", "--memory-swap=2g"],
        &["--memory-swap", "-1"],
        &["--memory-swap", "1g"],
        &["--memory", "32m"],
        &["--memory", "64m"],
        &["--cpu-quota", "-1"],
        &["--cpu-quota", "1000000"],
        &["--cpu-quota=1000000", "--cpu-period=100000"],
        &["--cpu-period", "1000"],
        &["--cpu-period", "1000", "--cpu-quota", "1000"],
        &["--cpu-period", "10000", "--cpu-quota", "5000"],
        &["--cpu-quota", "50000"],
        &["--cpu-period", "1000000", "--cpu-quota", "50000"],
        &["--cpu-quota", "50000"],
        &["--pids-limit", "-1"],
        &["--pids-limit", "0"],
        &["--pids-limit", "1000000"],
    ];
    for options in cases {
        let ended = by_options(&bench, options);
        is_within(&limits(&bench), &format!("{options:?}: {ended:?}"));
    }
    by_options(&bench, &["--memory", "16m", "--pids-limit=9", "--cpu-quota", "10000"]).success();
    let found = limits(&bench);
    assert_eq!((found.memory, found.processes, found.cpu), (16 << 20, 9, (10_000, 100_000)));
}

#[test]
fn what_no_policy_has_a_word_for_is_refused() {
    needs!("runtime", "runc", "busybox");
    let bench = started();
    let before = limits(&bench);
    for option in ["--cpu-rt-period", "--cpu-rt-runtime", "--l3-cache-schema", "--mem-bw-schema"] {
        by_options(&bench, &[option, "1000"]).refused("is no value of the option");
    }
    by_options(&bench, &["--all"]).refused("is not known");
    let refused = [
        (json!({"cpu": {"realtimeRuntime": 1000}}), "linux.resources.cpu.realtimeRuntime"),
        (json!({"devices": [{"allow": true, "access": "rwm"}]}), "linux.resources.devices"),
        (json!({"unified": {"cgroup.procs": "1"}}), "linux.resources.unified.cgroup.procs"),
        (json!({"unified": {"../memory.max": "max"}}), "linux.resources.unified.../memory.max"),
        (json!({"noSuchField": 1}), "linux.resources.noSuchField: no field of this name is known"),
        (json!({"memory": {"Limit": -1}}), "linux.resources.memory.Limit: no field of this name is known"),
    ];
    for (resources, words) in refused {
        by_file(&bench, &resources, false).refused(words);
        by_file(&bench, &resources, true).refused(words);
    }
    assert_eq!(limits(&bench), before);
}
