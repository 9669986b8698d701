//! The command line as a user meets it: exit codes, messages, formats.
#![forbid(unsafe_code)]

#[path = "command/output.rs"]
mod output;

use output::{code, stderr, stdout};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// Runs the program with a cache of its own.
fn stockade(arguments: &[&str]) -> Output {
    let cache = tempfile::tempdir().expect("a scratch directory");
    stockade_with(cache.path(), arguments)
}

fn stockade_with(cache: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_stockade"))
        .args(arguments)
        .env("XDG_CACHE_HOME", cache)
        .output()
        .expect("the program runs")
}

/// The JSON document that a command prints, which must be in the envelope and of this kind.
fn document(arguments: &[&str], kind: &str) -> Value {
    let output = stockade(arguments);
    let value: Value = serde_json::from_str(stdout(&output))
        .unwrap_or_else(|error| panic!("{arguments:?}: {error}: {}{}", stdout(&output), stderr(&output)));
    assert_eq!(value["stockade"], 1, "{arguments:?}");
    assert_eq!(value["kind"], kind, "{arguments:?}");
    value
}

/// A profile in a file of its own.
fn profile(directory: &Path, name: &str, text: &str) -> String {
    let path = directory.join(name);
    fs::write(&path, text).expect("the profile can be written");
    path.to_str().expect("scratch directories are UTF-8").to_owned()
}

#[test]
fn wrong_usage_is_2_and_goes_to_standard_error() {
    for arguments in
        [&[][..], &["no-such-command"], &["run"], &["run", "--no-such-option", "--", "true"], &["check"]]
    {
        let output = stockade(arguments);
        assert_eq!(code(&output), 2, "{arguments:?}: {}", stderr(&output));
        assert_eq!(stdout(&output), "", "{arguments:?}");
        assert!(stderr(&output).contains("Usage") || stderr(&output).contains("error"), "{arguments:?}");
    }
}

#[test]
fn an_unknown_profile_names_the_nearest() {
    for command in [
        &["run", "--profile", "restrictd", "--", "/bin/true"][..],
        &["check", "restrictd"],
        &["compile", "restrictd"],
    ] {
        let output = stockade(command);
        assert_eq!(code(&output), 2, "{command:?}");
        assert!(stderr(&output).contains("did you mean `restricted`?"), "{command:?}: {}", stderr(&output));
    }
}

#[test]
fn a_profile_file_that_is_missing_is_named() {
    let output = stockade(&["check", "./no-such.yaml"]);
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("./no-such.yaml"), "{}", stderr(&output));
}

#[test]
fn check_points_at_the_place() {
    let directory = tempfile::tempdir().unwrap();
    let path = profile(directory.path(), "bad.yaml", "stockade: 1\nname: bad\nfils:\n  read: [/usr]\n");
    let output = stockade(&["check", &path]);
    assert_eq!(code(&output), 2);
    let message = stderr(&output);
    assert!(message.contains("bad.yaml:3:1"), "{message}");
    assert!(message.contains("`files`"), "{message}");
    assert!(!message.contains('\u{1b}'), "no colour where there is no terminal");
    let report = document(&["check", &path, "--format", "json"], "check");
    assert_eq!(report["profiles"][0]["fine"], false);
    assert_eq!(report["profiles"][0]["diagnostics"][0]["severity"], "error");
}

#[test]
fn every_built_in_profile_is_listed_and_checks() {
    let list = document(&["profile", "list", "--format", "json"], "profiles");
    let names: Vec<&str> =
        list["profiles"].as_array().unwrap().iter().map(|entry| entry["name"].as_str().unwrap()).collect();
    let files: BTreeSet<String> = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles"))
        .unwrap()
        .filter_map(|entry| Some(entry.unwrap().file_name().to_str()?.strip_suffix(".yaml")?.to_owned()))
        .collect();
    assert_eq!(names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>(), files);
    assert!(names.contains(&"restricted") && names.contains(&"unconfined"));
    for entry in list["profiles"].as_array().unwrap() {
        assert!(!entry["about"].as_str().unwrap().is_empty(), "{entry} says for whom it is");
    }
    let output = stockade(&[&["check"][..], &names].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    for name in names {
        let shown = stockade(&["profile", "show", name]);
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles").join(format!("{name}.yaml"));
        assert_eq!(stdout(&shown), fs::read_to_string(file).unwrap());
    }
}

#[test]
fn every_result_can_be_json() {
    document(&["doctor", "--format", "json"], "doctor");
    document(&["profile", "show", "restricted", "--format", "json"], "profile");
    document(&["compile", "restricted", "--format", "json"], "plan");
    document(&["compile", "restricted", "--emit", "seccomp", "--format", "json"], "seccomp");
    document(&["prove", "restricted", "--format", "json"], "prove");
    document(&["explain", "restricted", "syscall:mount", "--format", "json"], "explain");
}

#[test]
fn completions_and_pages_cover_every_command() {
    let commands = [
        "run",
        "check",
        "compile",
        "explain",
        "diff",
        "import",
        "prove",
        "profile",
        "verify",
        "doctor",
        "drill",
        "completions",
        "man",
    ];
    for shell in ["bash", "zsh", "fish"] {
        let output = stockade(&["completions", shell]);
        assert_eq!(code(&output), 0);
        for command in commands {
            assert!(stdout(&output).contains(command), "{shell} completes {command}");
        }
    }
    let directory = tempfile::tempdir().unwrap();
    let output = stockade(&["man", "--all", directory.path().to_str().unwrap()]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    for command in commands {
        let page = fs::read_to_string(directory.path().join(format!("stockade-{command}.1"))).unwrap();
        assert!(page.contains(".TH"), "{command} has a page");
    }
    assert_eq!(code(&stockade(&["man", "no-such-command"])), 2);
}

#[test]
fn a_compiled_plan_belongs_to_its_floors() {
    let directory = tempfile::tempdir().unwrap();
    let floor = profile(
        directory.path(),
        "floor.yaml",
        "stockade: 1\nname: floor\nprocess: {no_new_privileges: true}\n",
    );
    let other =
        profile(directory.path(), "other.yaml", "stockade: 1\nname: floor\nprocess: {umask: \"077\"}\n");
    let compiled = stockade(&["compile", "restricted", "--floor", &floor, "--format", "json"]);
    assert_eq!(code(&compiled), 0, "{}", stderr(&compiled));
    let plan = profile(directory.path(), "plan.json", stdout(&compiled));
    for floors in [&[][..], &["--floor", &other]] {
        let output = stockade(&[&["run", "--plan", &plan][..], floors, &["--", "/bin/true"]].concat());
        assert_eq!(code(&output), 2, "{floors:?}: {}", stderr(&output));
        assert!(stderr(&output).contains("other floors"), "{}", stderr(&output));
    }
    let output = stockade(&["run", "--plan", &plan, "--floor", &floor, "--", "/bin/true"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
}

#[test]
fn what_is_no_plan_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("empty", ""),
        ("text", "hello"),
        ("other", "{\"stockade\": 1, \"kind\": \"doctor\"}"),
        ("part", "{\"stockade\": 1, \"kind\": \"plan\"}"),
    ] {
        let path = profile(directory.path(), name, text);
        let output = stockade(&["run", "--plan", &path, "--", "/bin/true"]);
        assert_eq!(code(&output), 2, "{name}: {}", stderr(&output));
        assert!(stderr(&output).contains(&path), "{name}: {}", stderr(&output));
    }
}

#[test]
fn a_floor_is_met() {
    let directory = tempfile::tempdir().unwrap();
    let floor = profile(directory.path(), "floor.yaml", "stockade: 1\nname: floor\ncapabilities: []\n");
    let loose = profile(directory.path(), "loose.yaml", "stockade: 1\nname: loose\ncapabilities: [chown]\n");
    let bounding = |floors: &[&str]| {
        let arguments = [&["compile", &loose][..], floors, &["--format", "json"]].concat();
        document(&arguments, "plan")["capabilities"]["bounding"].clone()
    };
    assert_eq!(bounding(&[]), serde_json::json!(["chown"]));
    assert_eq!(bounding(&["--floor", &floor]), serde_json::json!([]));
}
