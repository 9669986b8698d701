//! What runc makes of seccomp JSON, against what it means: by the filter that a container's process is
//! found under.
//!
//! They differ, and the whole list is explained here:
//!
//! - runc answers ENOSYS to every number above the largest that it knows of those that the JSON names, whatever
//!   the JSON says (its stub, opencontainers/runc#2750);
//! - a call that the libseccomp under runc has no number for gets no rule, and so the default;
//! - what comes through an interface that is not listed is killed as a thread, libseccomp's default, not as a
//!   process; but -1, a tracer's way to skip a call, gets the default where x32 is not listed.
#![forbid(unsafe_code)]
#![cfg(target_arch = "x86_64")]
#![expect(clippy::unwrap_used, reason = "a test that cannot build its input has failed")]

#[macro_use]
#[path = "../host/needs.rs"]
mod needs;
#[path = "../host/cgroups.rs"]
mod cgroups;
mod container;
mod docker;
#[path = "../../policy/tests/profiles/docker_json.rs"]
#[expect(dead_code, reason = "its rules and its answers are wanted here")]
mod docker_json;
#[path = "../../policy/tests/profiles/world.rs"]
mod world;

use container::Container;
use libseccomp::{ScmpArch, ScmpSyscall};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use stockade_policy::lattice::action::Action;
use stockade_policy::seccomp::bpf;
use stockade_policy::vocab::arch::X32_BIT;
use stockade_policy::vocab::{Arch, syscalls};

/// The JSON of which both filters are made.
const DOCKER: &str = "policy/data/docker-default-seccomp.json";
/// runc's answer beyond what it knows.
const ENOSYS: Action = Action::Errno(38);

/// Everything that one filter answers otherwise than a policy: interface, first and last number, both answers.
/// Numbers with a name stand alone.
type Differences = BTreeSet<(Arch, (u32, u32), String, String)>;

fn stockade(arguments: &[&str]) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_stockade"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap()
}

/// What `prove` says of a filter in a file: its differences, and the answers to audit numbers of other families.
fn differences(profile: &str, filter: &Path) -> (Differences, Vec<(String, String)>) {
    let filter = filter.to_str().unwrap();
    let arguments = ["prove", profile, "--filter", filter, "--arch", "x86_64", "--format", "json"];
    let output = stockade(&arguments);
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let proof = &report["filters"][0];
    assert!(proof["complete"].as_bool().unwrap() && proof["more"] == 0, "the whole list");
    let (mut found, mut foreign) = (Differences::new(), Vec::new());
    for difference in proof["differences"].as_array().unwrap() {
        let answers = [&difference["filter"], &difference["policy"]].map(|side| {
            let action: Action = serde_json::from_value(side["action"].clone()).unwrap();
            action.to_string()
        });
        let [theirs, ours] = answers;
        let Some(arch) = difference["interface"].as_str() else {
            foreign.push((theirs, ours));
            continue;
        };
        let arch: Arch = arch.parse().unwrap();
        let ranges: Vec<(u32, u32)> = serde_json::from_value(difference["numbers"].clone()).unwrap();
        let counted: u64 = ranges.iter().map(|(first, last)| u64::from(last - first) + 1).sum();
        assert_eq!(difference["count"].as_u64(), Some(counted), "every range is listed");
        for (first, last) in ranges {
            let pieces = pieces(arch, first, last).into_iter();
            found.extend(pieces.map(|piece| (arch, piece, theirs.clone(), ours.clone())));
        }
    }
    (found, foreign)
}

/// A range, taken apart at the numbers that have a name.
fn pieces(arch: Arch, first: u32, last: u32) -> Vec<(u32, u32)> {
    let named = syscalls::table(arch).iter().map(|(number, _)| *number);
    let mut out = Vec::new();
    let mut open = Some(first);
    for number in named.filter(|number| (first..=last).contains(number)) {
        out.extend(open.filter(|from| *from < number).map(|from| (from, number - 1)));
        out.push((number, number));
        open = number.checked_add(1);
    }
    out.extend(open.filter(|from| *from <= last).map(|from| (from, last)));
    out
}

/// The number that libseccomp has for a call; negative where it stands for something else, as `socket` of i386.
fn known(arch: Arch, call: &str) -> Option<i32> {
    /// Below -100 stand calls that go through `socketcall` and `ipc`; from -10000 on those that an interface
    /// does not have. `__PNR_*`, seccomp.h.
    const ABSENT: i32 = -10_000;
    let token = match arch {
        Arch::I386 => ScmpArch::X86,
        Arch::X32 => ScmpArch::X32,
        _ => ScmpArch::X8664,
    };
    let number = i32::from(ScmpSyscall::from_name_by_arch(call, token).ok()?);
    (number > ABSENT).then_some(number)
}

/// What runc 1.1 must make of a `seccomp` object where that is not what `says` says of an interface and a number.
fn explained(json: &Value, says: impl Fn(Arch, u32) -> Action) -> Differences {
    let listed: Vec<&str> = strings(&json["architectures"]).collect();
    assert_eq!(json["defaultAction"], "SCMP_ACT_ERRNO");
    let default = Action::Errno(u16::try_from(json["defaultErrnoRet"].as_u64().unwrap()).unwrap());
    let mut out = Differences::new();
    for (arch, name) in INTERFACES {
        let mut differ = |(first, last): (u32, u32), theirs: Action| {
            for (first, last) in pieces(arch, first, last) {
                let ours = says(arch, first);
                if theirs != ours {
                    out.insert((arch, (first, last), theirs.to_string(), ours.to_string()));
                }
            }
        };
        // The numbers of a table, of x86_64 and x32 in the quarters that are theirs.
        let halves = [(0, X32_BIT - 1), (2 * X32_BIT, 3 * X32_BIT - 1)];
        let ranges: &[(u32, u32)] = if arch == Arch::I386 { &[(0, u32::MAX)] } else { &halves };
        if !listed.contains(&name) {
            for (first, last) in ranges {
                // -1 is the last of x32.
                let skips = arch == Arch::X32 && *first > 0;
                differ((*first, last - u32::from(skips)), Action::KillThread);
                if skips {
                    differ((*last, *last), default);
                }
            }
            continue;
        }
        let rules = json["syscalls"].as_array().unwrap();
        let numbers =
            rules.iter().flat_map(|rule| strings(&rule["names"])).filter_map(|call| known(arch, call));
        let largest = numbers.filter_map(|number| u32::try_from(number).ok()).max().unwrap() % X32_BIT;
        for (number, call) in syscalls::table(arch) {
            if *number <= largest && known(arch, call).is_none() {
                differ((*number, *number), default);
            }
        }
        for (first, last) in ranges {
            differ((if *first == 0 { largest + 1 } else { *first }, *last), ENOSYS);
        }
    }
    out
}

/// The interfaces of this host, and their names in the JSON.
const INTERFACES: [(Arch, &str); 3] =
    [(Arch::X86_64, "SCMP_ARCH_X86_64"), (Arch::I386, "SCMP_ARCH_X86"), (Arch::X32, "SCMP_ARCH_X32")];

fn strings(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().unwrap().iter().map(|one| one.as_str().unwrap())
}

/// Has runc install what `json` says, and compares it with `profile`, of which `says` tells the meaning.
fn differs_as_explained(json: &Value, profile: &str, says: impl Fn(Arch, u32) -> Action) {
    let installed = Container::start(json).filter();
    let scratch = tempfile::tempdir().unwrap();
    let filter = scratch.path().join("runc.bpf");
    fs::write(&filter, bpf::bytes(&installed)).unwrap();
    let (found, foreign) = differences(profile, &filter);
    assert_eq!(found, explained(json, says), "{profile}");
    assert_eq!(foreign, [("kill_thread".to_owned(), "kill_process".to_owned())]);
}

#[test]
fn dockers_profile_imported_is_what_runc_installs() {
    needs!("seccomp-runc", "runc", "busybox");
    let imported = stockade(&["import", DOCKER, "--arch", "x86_64", "--kernel", "6.18"]);
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    let scratch = tempfile::tempdir().unwrap();
    let profile = scratch.path().join("docker.yaml");
    fs::write(&profile, imported.stdout).unwrap();
    let docker = docker::docker();
    let json = docker::oci(&docker, &INTERFACES.map(|(_, name)| name));
    differs_as_explained(&json, profile.to_str().unwrap(), |arch, number| {
        docker.decide(arch, syscalls::name(arch, number), &[0; 6])
    });
}

#[test]
fn profiles_written_for_runc_are_what_it_installs() {
    needs!("seccomp-runc", "runc", "busybox");
    for profile in ["docker-default", "web"] {
        let written = stockade(&["compile", profile, "--emit", "oci"]);
        assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
        let json = serde_json::from_slice(&written.stdout).unwrap();
        let policy = world::policy(profile).syscalls;
        differs_as_explained(&json, profile, |arch, number| policy.decide(arch, number, &[0; 6]).action);
    }
}
