//! What runc makes of Docker's default profile, against what it means: by the filter that a container's process is
//! found under.
//!
//! They differ, and the whole list is explained here:
//!
//! - runc answers ENOSYS to every number above the largest that it knows of those that the JSON names, whatever
//!   the JSON says (its stub, opencontainers/runc#2750);
//! - a call that the libseccomp under runc has no number for gets no rule, and so the default;
//! - an audit number that this kernel never shows is killed as a thread, libseccomp's default, not as a process.
#![forbid(unsafe_code)]
#![cfg(target_arch = "x86_64")]
#![expect(clippy::unwrap_used, reason = "a test that cannot build its input has failed")]

mod container;
mod docker;
#[path = "../../policy/tests/profiles/docker_json.rs"]
#[expect(dead_code, reason = "its rules and its answers are wanted here")]
mod docker_json;

use container::Container;
use docker_json::Docker;
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
/// Its default, and runc's answer beyond what it knows.
const EPERM: Action = Action::Errno(1);
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
fn differences(profile: &Path, filter: &Path) -> (Differences, Vec<(String, String)>) {
    let profile = profile.to_str().unwrap();
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

/// What runc 1.1 must make of `docker` where that is not what it says.
fn explained(docker: &Docker) -> Differences {
    let mut out = Differences::new();
    for arch in [Arch::X86_64, Arch::I386, Arch::X32] {
        let bit = if arch == Arch::X32 { X32_BIT } else { 0 };
        let numbers = docker.calls().filter_map(|call| known(arch, call));
        let largest = numbers.filter_map(|number| u32::try_from(number).ok()).max().unwrap() & !bit;
        let mut differ = |numbers, theirs: Action, ours: Action| {
            if theirs != ours {
                out.insert((arch, numbers, theirs.to_string(), ours.to_string()));
            }
        };
        let mut last = largest;
        for (number, call) in syscalls::table(arch) {
            let says = docker.decide(arch, Some(call), &[0; 6]);
            last = last.max(*number);
            if *number > largest {
                differ((*number, *number), ENOSYS, says);
            } else if known(arch, call).is_none() {
                differ((*number, *number), EPERM, says);
            }
        }
        if arch == Arch::I386 {
            differ((last + 1, u32::MAX), ENOSYS, EPERM);
        } else {
            // The two share an audit number in quarters, by turns.
            differ((last + 1, X32_BIT - 1), ENOSYS, EPERM);
            differ((2 * X32_BIT, 3 * X32_BIT - 1), ENOSYS, EPERM);
        }
    }
    out
}

#[test]
fn runc_installs_what_docker_says_but_for_what_is_explained() {
    if !Command::new("runc").arg("--version").output().is_ok_and(|output| output.status.success()) {
        return println!("SKIP seccomp-runc: there is no runc here");
    }
    let docker = docker::docker();
    let architectures = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"];
    let installed = Container::start(&docker::oci(&docker, &architectures)).filter();
    let scratch = tempfile::tempdir().unwrap();
    let (filter, profile) = (scratch.path().join("runc.bpf"), scratch.path().join("docker.yaml"));
    fs::write(&filter, bpf::bytes(&installed)).unwrap();
    let imported = stockade(&["import", DOCKER, "--arch", "x86_64", "--kernel", "6.18"]);
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    fs::write(&profile, imported.stdout).unwrap();

    let (found, foreign) = differences(&profile, &filter);
    assert_eq!(found, explained(&docker));
    assert_eq!(foreign, [("kill_thread".to_owned(), "kill_process".to_owned())]);
}
