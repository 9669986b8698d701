//! libseccomp in the compiler's place.
#![cfg(feature = "libseccomp")]
#![forbid(unsafe_code)]

use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn stockade(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_stockade")).args(arguments).output().expect("the program runs")
}

fn compiled(arguments: &[&str]) -> Vec<u8> {
    let output = stockade(&[&["compile"], arguments].concat());
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn program(plan: &[u8]) -> Vec<Value> {
    let plan: Value = serde_json::from_slice(plan).expect("a plan is JSON");
    plan["seccomp"]["program"].as_array().expect("a plan has a filter").clone()
}

#[test]
fn a_plan_with_libseccomps_filter_is_the_same_plan_otherwise() {
    let ours = compiled(&["docker-default", "--format", "json"]);
    let theirs = compiled(&["docker-default", "--format", "json", "--backend", "libseccomp"]);
    assert!(program(&theirs).len() > program(&ours).len());
    let without = |plan: &[u8]| {
        let mut plan: Value = serde_json::from_slice(plan).expect("a plan is JSON");
        plan["seccomp"]["program"].take();
        plan
    };
    assert_eq!(without(&ours), without(&theirs));
}

#[test]
fn every_form_of_the_filter_has_the_same_program() {
    let plan = compiled(&["web", "--format", "json", "--backend", "libseccomp"]);
    let raw = compiled(&["web", "--emit", "seccomp-bpf", "--backend", "libseccomp"]);
    let text = compiled(&["web", "--emit", "seccomp", "--backend", "libseccomp"]);
    let length = program(&plan).len();
    assert_eq!(raw.len(), 8 * length);
    assert_eq!(text.iter().filter(|byte| **byte == b'\n').count(), length);
}

#[test]
fn every_built_in_profile_is_proven() {
    let list = stockade(&["profile", "list", "--format", "json"]);
    let list: Value = serde_json::from_slice(&list.stdout).expect("the list is JSON");
    let profiles = list["profiles"].as_array().expect("a list");
    assert!(profiles.len() > 5);
    for profile in profiles {
        let name = profile["name"].as_str().expect("a name");
        let output = stockade(&["prove", name, "--backend", "libseccomp"]);
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stdout));
    }
}

#[test]
fn a_plan_with_libseccomps_filter_runs() {
    let directory = tempfile::tempdir().expect("a scratch directory");
    let plan = directory.path().join("plan.json");
    fs::write(&plan, compiled(&["restricted", "--format", "json", "--backend", "libseccomp"]))
        .expect("written");
    let run = |command: &[&str]| {
        let plan: &Path = &plan;
        let plan = plan.to_str().expect("scratch directories are UTF-8");
        stockade(&[&["run", "--plan", plan, "--"], command].concat())
    };
    let echoed = run(&["/bin/echo", "here"]);
    assert!(echoed.status.success(), "{}", String::from_utf8_lossy(&echoed.stderr));
    assert_eq!(echoed.stdout, b"here\n");
    // Not allowed by `restricted`, and refused before the kernel looks at what would be mounted.
    let mounted = run(&["/bin/busybox", "mount", "-t", "tmpfs", "none", "/tmp"]);
    assert!(!mounted.status.success());
}

/// Whoever asks for what libseccomp cannot say gets no filter, and is told what and why.
#[test]
fn what_libseccomp_cannot_say_is_bad_input() {
    let directory = tempfile::tempdir().expect("a scratch directory");
    let file = directory.path().join("trap.yaml");
    let text = "stockade: 1\ntable: v6.18\nname: trap\nextends: [restricted]\nsyscalls:\n  deny:\n    - mount: trap(7)\n";
    fs::write(&file, text).expect("written");
    let file = file.to_str().expect("scratch directories are UTF-8");
    let output = stockade(&["compile", file, "--backend", "libseccomp"]);
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(message.contains("libseccomp cannot answer with trap(7): its trap carries no data"), "{message}");
    assert!(output.stdout.is_empty());
}

#[test]
fn rules_for_an_engine_are_no_filter_of_libseccomps() {
    for emit in ["docker-seccomp", "oci"] {
        let output = stockade(&["compile", "web", "--emit", emit, "--backend", "libseccomp"]);
        assert_eq!(output.status.code(), Some(2));
        assert!(output.stdout.is_empty());
        assert!(String::from_utf8_lossy(&output.stderr).contains("holds rules and no filter"));
    }
}
