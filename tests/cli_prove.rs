//! `stockade prove` as a user meets it: what is proven, what is not, and what is no filter.
#![forbid(unsafe_code)]

use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

fn prove(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_stockade"))
        .arg("prove")
        .args(arguments)
        .output()
        .expect("the program runs")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("output is UTF-8")
}

#[track_caller]
fn expect_code(output: &Output, code: i32) {
    assert_eq!(output.status.code(), Some(code), "{}{}", text(&output.stdout), text(&output.stderr));
}

/// A filter in a file, of instructions `(code, jt, jf, k)`.
fn filter(directory: &Path, program: &[(u16, u8, u8, u32)]) -> String {
    let mut bytes = Vec::new();
    for (code, yes, no, k) in program {
        bytes.extend(code.to_le_bytes());
        bytes.extend([*yes, *no]);
        bytes.extend(k.to_le_bytes());
    }
    file(directory, &bytes)
}

fn file(directory: &Path, bytes: &[u8]) -> String {
    let path = directory.join("filter.bpf");
    fs::write(&path, bytes).expect("the filter can be written");
    path.to_str().expect("scratch directories are UTF-8").to_owned()
}

#[test]
fn every_built_in_profile_is_proven() {
    let names = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles")).unwrap();
    for name in names {
        let name = name.unwrap().file_name();
        let output = prove(&[name.to_str().unwrap().strip_suffix(".yaml").unwrap()]);
        expect_code(&output, 0);
        let report = text(&output.stdout);
        assert!(report.contains("x86_64: proven equal: "), "{report}");
        assert!(report.contains("aarch64: proven equal: "), "{report}");
    }
}

#[test]
fn docker_is_cached_whole() {
    let output = prove(&["docker-default", "--arch", "x86_64"]);
    expect_code(&output, 0);
    assert!(text(&output.stdout).contains("306 of 306 unconditional allows cached on x86_64"));
}

#[test]
fn what_is_exported_is_proven_and_another_policy_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let exported = Command::new(env!("CARGO_BIN_EXE_stockade"))
        .args(["compile", "restricted", "--emit", "seccomp-bpf"])
        .output()
        .unwrap();
    let path = file(directory.path(), &exported.stdout);
    expect_code(&prove(&["restricted", "--filter", &path]), 0);
    let output = prove(&["docker-default", "--filter", &path]);
    expect_code(&output, 1);
    assert!(text(&output.stdout).contains("NOT equal"), "{}", text(&output.stdout));
    assert!(text(&output.stdout).contains("(builtin:docker-default:"), "{}", text(&output.stdout));
}

#[test]
fn a_difference_names_the_call_and_the_line() {
    let directory = tempfile::tempdir().unwrap();
    let profile = directory.path().join("p.yaml");
    fs::write(
        &profile,
        "stockade: 1\nextends: [unconfined]\nsyscalls:\n  allow: [read, execve]\n  otherwise: eperm\n",
    )
    .unwrap();
    let profile = profile.to_str().unwrap();
    // Allows write, too.
    let path = filter(
        directory.path(),
        &[
            (0x20, 0, 0, 4),
            (0x15, 1, 0, 0xc000_003e),
            (0x06, 0, 0, 0x8000_0000),
            (0x20, 0, 0, 0),
            (0x15, 3, 0, 0),
            (0x15, 2, 0, 1),
            (0x15, 1, 0, 59),
            (0x06, 0, 0, 0x0005_0001),
            (0x06, 0, 0, 0x7fff_0000),
        ],
    );
    let output = prove(&[profile, "--filter", &path, "--arch", "x86_64", "--format", "json"]);
    expect_code(&output, 1);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["kind"], &report["proven"]), (&"prove".into(), &false.into()));
    let differences = report["filters"][0]["differences"].as_array().unwrap();
    let write = differences.iter().find(|one| one["numbers"] == serde_json::json!([[1, 1]])).unwrap();
    assert_eq!(write["filter"], serde_json::json!({"action": "allow", "filter": 0, "instruction": 8}));
    assert_eq!(write["policy"]["action"], serde_json::json!({"errno": 1}));
    assert_eq!(write["policy"]["origins"][0]["line"], 5);
    assert_eq!(write["example"]["nr"], 1);
}

#[test]
fn what_is_no_filter_is_refused_with_the_place() {
    let directory = tempfile::tempdir().unwrap();
    let refused = |bytes: &[u8], message: &str| {
        let path = file(directory.path(), bytes);
        let output = prove(&["restricted", "--filter", &path]);
        expect_code(&output, 2);
        assert_eq!(text(&output.stdout), "");
        assert!(text(&output.stderr).contains(&path), "{}", text(&output.stderr));
        assert!(text(&output.stderr).contains(message), "{}", text(&output.stderr));
    };
    refused(b"", "it is empty");
    refused(&[6, 0, 0, 0, 0, 0, 255, 127, 6], "instruction 1, from byte 8, is cut short");
    refused(&[6, 0, 0, 0, 0, 0, 255, 127].repeat(4097), "more than 4096 instructions");
    refused(&[0x20, 0, 0, 0, 0, 0, 0, 0], "the last instruction does not return");
    refused(
        b"{\"defaultAction\": \"SCMP_ACT_ERRNO\"}.....",
        "instruction 0: seccomp does not take operation",
    );
    let output = prove(&["restricted", "--filter", "/no/such/file"]);
    expect_code(&output, 2);
}

#[test]
fn what_is_not_decided_is_neither_yes_nor_no() {
    let directory = tempfile::tempdir().unwrap();
    // Returns the product of two arguments.
    let path = filter(
        directory.path(),
        &[(0x20, 0, 0, 16), (0x07, 0, 0, 0), (0x20, 0, 0, 24), (0x2c, 0, 0, 0), (0x16, 0, 0, 0)],
    );
    let output = prove(&["restricted", "--filter", &path]);
    expect_code(&output, 70);
    assert_eq!(text(&output.stdout), "");
    let message = text(&output.stderr);
    assert!(message.contains("neither proven nor disproved: instruction 3: "), "{message}");
}

#[test]
fn a_running_process_is_proven() {
    let mut launcher = Command::new(env!("CARGO_BIN_EXE_stockade"))
        .args(["run", "--profile", "restricted", "--", "/bin/sh", "-c", "echo $$; exec sleep 1000"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let target = target(&mut launcher).expect("the launcher goes on");
    let target = target.to_string();
    let same = prove(&["restricted", "--pid", &target]);
    let other = prove(&["docker-default", "--pid", &target]);
    let bare = prove(&["restricted", "--pid", &std::process::id().to_string()]);
    launcher.kill().unwrap();
    launcher.wait().unwrap();
    if text(&same.stderr).contains("cannot read filter") {
        println!("SKIP prove-pid: this kernel shows no filters: {}", text(&same.stderr));
        return;
    }
    expect_code(&same, 0);
    assert!(text(&same.stdout).contains(": proven equal: "), "{}", text(&same.stdout));
    expect_code(&other, 1);
    expect_code(&bare, 1);
    assert!(text(&bare.stdout).contains("no filter"), "{}", text(&bare.stdout));
    // One above the highest there can be: PID_MAX_LIMIT, linux/threads.h.
    expect_code(&prove(&["restricted", "--pid", "4194304"]), 2);
}

/// The process that sleeps below the launcher, once it does.
fn target(launcher: &mut Child) -> Option<u32> {
    while matches!(launcher.try_wait(), Ok(None)) {
        let mut below = vec![launcher.id()];
        while let Some(pid) = below.pop() {
            let command = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            if command == "sleep\n" {
                return Some(pid);
            }
            let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
            below.extend(children.split_whitespace().filter_map(|child| child.parse::<u32>().ok()));
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    None
}

/// The kernel ties mitigations to a filter: where they are asked for there is one, though it allows everything.
#[test]
fn a_filter_for_its_mitigations_is_proven_too() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("mitigated.yaml");
    fs::write(&path, "stockade: 1\nextends: [unconfined]\nsyscalls: {speculation: mitigated}\n").unwrap();
    let output = prove(&[path.to_str().unwrap(), "--arch", "x86_64"]);
    expect_code(&output, 0);
    assert!(text(&output.stdout).contains(" instruction"), "{}", text(&output.stdout));
    assert!(text(&prove(&["unconfined", "--arch", "x86_64"]).stdout).contains("no filter"));
}
