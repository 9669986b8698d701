//! `stockade diff`, and what `check` warns of, as a user meets them.
#![forbid(unsafe_code)]

#[path = "command/output.rs"]
mod output;

use output::{code, stderr, stdout};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// Runs the program in `directory`, so that messages name files as they are written here.
fn stockade(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_stockade"))
        .args(arguments)
        .current_dir(directory)
        .env("XDG_CACHE_HOME", directory.join("cache"))
        .output()
        .expect("the program runs")
}

/// A directory with two profiles that differ in every way, and a floor.
fn profiles() -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a scratch directory");
    let files = [
        (
            "a.yaml",
            "stockade: 1\nname: a\nsyscalls:\n  allow:\n    - io_submit\n  deny:\n    - ptrace: eacces\n    - kill: log\n",
        ),
        (
            "b.yaml",
            "stockade: 1\nname: b\ncapabilities: [net_bind_service, chown, kill, setuid]\nsyscalls:\n  architectures: [i386]\n  \
             allow:\n    - mount\n    - umount2\n    - swapon\n    - swapoff\n    - personality(persona == 8)\n  deny:\n    \
             - ptrace: enosys\n  log_denied: true\nfiles:\n  write: [/srv]\nresources: {memory: 1 GiB}\n",
        ),
        (
            "floor.yaml",
            "stockade: 1\nname: floor\ncapabilities: []\nsyscalls: {deny: [\"@mount\", swapon]}\n",
        ),
        ("broken.yaml", "stockade: 1\nname: broken\nsyscalls: {allow: [opneat]}\n"),
    ];
    for (name, text) in files {
        fs::write(directory.path().join(name), text).expect("the profile can be written");
    }
    directory
}

fn document(directory: &Path, arguments: &[&str]) -> Value {
    let output = stockade(directory, &[arguments, &["--format", "json"]].concat());
    serde_json::from_str(stdout(&output)).unwrap_or_else(|error| panic!("{error}: {}", stderr(&output)))
}

#[test]
fn differences_as_a_person_reads_them() {
    let directory = profiles();
    let output = stockade(directory.path(), &["diff", "a.yaml", "b.yaml"]);
    assert_eq!(code(&output), 1, "{}", stderr(&output));
    insta::assert_snapshot!(stdout(&output));
}

#[test]
fn exit_codes() {
    let directory = profiles();
    let exit = |arguments: &[&str]| code(&stockade(directory.path(), &[&["diff"], arguments].concat()));
    assert_eq!(exit(&["a.yaml", "a.yaml"]), 0);
    assert_eq!(exit(&["restricted", "unconfined"]), 1);
    assert_eq!(exit(&["a.yaml", "broken.yaml"]), 2);
    assert_eq!(exit(&["restrictd", "unconfined"]), 2);
    assert_eq!(exit(&["a.yaml"]), 2);
    // A floor holds for both.
    fs::write(directory.path().join("c.yaml"), "stockade: 1\nname: c\ncapabilities: [chown]\n")
        .expect("write");
    assert_eq!(exit(&["restricted", "c.yaml"]), 1);
    assert_eq!(exit(&["c.yaml", "restricted"]), 0, "stricter is fine");
    assert_eq!(exit(&["restricted", "c.yaml", "--floor", "floor.yaml"]), 0);
    // Answers count where they are asked for.
    let text = "stockade: 1\nname: d\nsyscalls: {otherwise: eacces}\n";
    fs::write(directory.path().join("d.yaml"), text).expect("write");
    assert_eq!(exit(&["restricted", "d.yaml"]), 0);
    assert_eq!(exit(&["restricted", "d.yaml", "--answers"]), 1);
    assert_eq!(exit(&["d.yaml", "d.yaml", "--answers"]), 0);
}

#[test]
fn the_same_policy_in_other_words() {
    let directory = profiles();
    let text = "stockade: 1\nname: same\nextends: [restricted]\nsyscalls: {allow: [read, \"socket(domain == 2)\"]}\n";
    fs::write(directory.path().join("same.yaml"), text).expect("write");
    let output = stockade(directory.path(), &["diff", "restricted", "same.yaml"]);
    assert_eq!(stdout(&output), "same.yaml and restricted mean the same\n");
    assert_eq!(code(&output), 0);
}

/// Each printed event is asked of both policies again, through `explain`.
#[test]
fn every_event_replays() {
    let directory = profiles();
    let found = document(directory.path(), &["diff", "a.yaml", "b.yaml"]);
    assert_eq!((&found["stockade"], &found["kind"]), (&1.into(), &"diff".into()));
    let events = |part: &str| -> Vec<&Value> {
        let all = found[part].as_array().expect("a list");
        // Some hundreds of calls: every 20th, and everything else.
        let is_call = |one: &&Value| one["event"].as_str().expect("text").starts_with("syscall:");
        all.iter().filter(|one| !is_call(one)).chain(all.iter().filter(is_call).step_by(20)).collect()
    };
    let explained = |profile: &str, difference: &Value| -> Value {
        let event = difference["event"].as_str().expect("text");
        document(directory.path(), &["explain", profile, event])
    };
    let verdict = |profile: &str, difference: &Value| explained(profile, difference)["verdict"].clone();
    for (part, allows, denies) in [("looser", "b.yaml", "a.yaml"), ("stricter", "a.yaml", "b.yaml")] {
        assert!(events(part).len() > 2, "{part}");
        for difference in events(part) {
            assert_eq!(verdict(allows, difference), "allowed", "{difference}");
            assert_eq!(verdict(denies, difference), "denied", "{difference}");
        }
    }
    for difference in events("answers") {
        let [a, b] = ["a.yaml", "b.yaml"].map(|profile| explained(profile, difference)["answers"].clone());
        assert_ne!(a, b, "{difference}");
        assert_ne!(difference["a"]["answer"], difference["b"]["answer"]);
    }
}

#[test]
fn warnings_leave_a_profile_fine() {
    let directory = tempfile::tempdir().expect("a scratch directory");
    let text = "stockade: 1\nname: w\nsyscalls:\n  allow: [ptrace]\n  deny: [ptrace]\n";
    fs::write(directory.path().join("w.yaml"), text).expect("write");
    let output = stockade(directory.path(), &["check", "w.yaml", "restricted"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(stdout(&output), "w.yaml      fine: 1 warning\nrestricted  fine\n");
    insta::assert_snapshot!(stderr(&output));
    let report = document(directory.path(), &["check", "w.yaml"]);
    assert_eq!(report["profiles"][0]["fine"], true);
    assert_eq!(report["profiles"][0]["diagnostics"][0]["severity"], "warning");
}

#[test]
fn nothing_is_to_be_warned_of_in_what_is_built_in() {
    let directory = tempfile::tempdir().expect("a scratch directory");
    let list = document(directory.path(), &["profile", "list"]);
    let profiles = list["profiles"].as_array().expect("a list").iter();
    let names: Vec<&str> = profiles.map(|entry| entry["name"].as_str().expect("text")).collect();
    let output = stockade(directory.path(), &[&["check"][..], &names].concat());
    assert_eq!((code(&output), stderr(&output)), (0, ""));
}

#[test]
fn doctor_names_the_flags_of_filters() {
    let directory = tempfile::tempdir().expect("a scratch directory");
    let output = stockade(directory.path(), &["doctor"]);
    let line = stdout(&output).lines().find(|line| line.starts_with("seccomp")).expect("a line");
    assert!(line.contains("filter flags tsync"), "{line}");
}
