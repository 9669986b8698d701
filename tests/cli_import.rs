//! `stockade import` as a user meets it.
#![forbid(unsafe_code)]

use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

const DOCKER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/policy/data/docker-default-seccomp.json");

fn stockade(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_stockade")).args(arguments).output().expect("the program runs")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("output is UTF-8")
}

/// What a command prints when all is well.
fn fine(arguments: &[&str]) -> (String, String) {
    let output = stockade(arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", text(&output.stderr));
    (text(&output.stdout).to_owned(), text(&output.stderr).to_owned())
}

/// A file in a scratch directory.
fn file(directory: &Path, name: &str, bytes: &[u8]) -> String {
    let path = directory.join(name);
    fs::write(&path, bytes).expect("the file can be written");
    path.to_str().expect("scratch directories are UTF-8").to_owned()
}

/// The filter that a profile compiles to.
fn filter(profile: &str) -> Vec<u8> {
    let output = stockade(&["compile", profile, "--emit", "seccomp-bpf"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    output.stdout
}

#[test]
fn dockers_json_becomes_a_profile() {
    let (profile, messages) =
        fine(&["import", DOCKER, "--name", "docker", "--kernel", "6.18", "--arch", "x86_64"]);
    assert!(profile.contains("    - socket(arg0 not in {38, 40})\n"), "{profile}");
    assert!(profile.contains("    # 38 = AF_ALG, 40 = AF_VSOCK\n"), "{profile}");
    insta::assert_snapshot!(messages);
    let directory = tempfile::tempdir().unwrap();
    let path = file(directory.path(), "docker.yaml", profile.as_bytes());
    fine(&["check", &path]);
    let (verdict, _) = fine(&["explain", &path, "syscall:socket(AF_VSOCK, _, _)"]);
    assert!(verdict.contains("errno(1)"), "{verdict}");
    // The hole is there, as it is in Docker's.
    let (verdict, _) = fine(&["explain", &path, "syscall:socket(0x100000028, _, _) on x86_64"]);
    assert!(!verdict.contains("errno(1)"), "{verdict}");
}

#[test]
fn the_container_chooses_the_rules() {
    let common = ["import", DOCKER, "--arch", "x86_64"];
    let with = |more: &[&str]| fine(&[&common[..], more].concat()).0;
    assert!(with(&[]).contains("    - chroot\n") && !with(&[]).contains("    - bpf\n"));
    let other = with(&["--cap", "bpf", "--cap", "CAP_SYSLOG", "--kernel", "4.7"]);
    assert!(
        other.contains("    - bpf\n")
            && other.contains("    - syslog\n")
            && !other.contains("    - chroot\n")
    );
    assert!(!other.contains("    - ptrace\n") && with(&["--kernel", "4.8"]).contains("    - ptrace\n"));
    for (option, value) in
        [("--cap", "sys_everything"), ("--kernel", "six"), ("--arch", "mips"), ("--arch", "i386")]
    {
        let output = stockade(&[&common[..2], &[option, value]].concat());
        assert_eq!(output.status.code(), Some(2), "{option} {value}");
        assert!(text(&output.stderr).contains(value), "{}", text(&output.stderr));
    }
}

#[test]
fn json_has_the_holes() {
    let (document, messages) = fine(&["import", DOCKER, "--arch", "x86_64", "--format", "json"]);
    let document: Value = serde_json::from_str(&document).unwrap();
    assert_eq!((document["stockade"].as_u64(), document["kind"].as_str()), (Some(1), Some("import")));
    assert_eq!(messages, "");
    let holes = document["holes"].as_array().unwrap();
    assert_eq!(holes.len(), 1);
    assert_eq!(holes[0]["call"], "socket");
    assert_eq!(holes[0]["arguments"][0], "0x100000026");
    assert_eq!(holes[0]["constant"], "AF_ALG");
    assert!(document["profile"].as_str().unwrap().contains("extends: [unconfined]"));
}

#[test]
fn what_is_wrong_has_its_place() {
    let directory = tempfile::tempdir().unwrap();
    for (name, content, expected) in [
        ("cut.json", &b"{\"defaultAction\": \"SCMP_ACT_"[..], "cut.json:1:"),
        ("action.json", b"{\n \"defaultAction\": \"SCMP_ACT_EROR\"}", "action.json:2:"),
        ("nothing", b"", "nothing:1:1"),
        ("words", b"hello", "words:1:1"),
        ("part.bpf", &[0x20, 0, 0, 0, 4, 0, 0, 0, 1][..], "part.bpf"),
        ("loop.bpf", &[0x05, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 6, 0, 0, 0, 0, 0, 0, 0][..], "instruction 0"),
    ] {
        let path = file(directory.path(), name, content);
        let from: &[&str] = if name.ends_with(".bpf") { &["--from", "bpf"] } else { &[] };
        let output = stockade(&[&["import", &path][..], from].concat());
        assert_eq!(output.status.code(), Some(2), "{name}: {}", text(&output.stderr));
        assert_eq!(text(&output.stdout), "", "{name}");
        assert!(text(&output.stderr).contains(expected), "{name}: {}", text(&output.stderr));
    }
    for arguments in [&["import"][..], &["import", DOCKER, "--pid", "1"], &["import", "/no/such/file"]] {
        assert_eq!(stockade(arguments).status.code(), Some(2), "{arguments:?}");
    }
}

/// What is compiled, imported and compiled again is the same filter.
#[test]
fn a_filter_survives() {
    let directory = tempfile::tempdir().unwrap();
    for profile in ["restricted", "docker-default", "web"] {
        let before = filter(profile);
        let path = file(directory.path(), "filter.bpf", &before);
        let (imported, _) = fine(&["import", &path]);
        assert!(imported.contains("name: filter\n"), "{imported}");
        let path = file(directory.path(), "again.yaml", imported.as_bytes());
        assert!(filter(&path) == before, "{profile}:\n{imported}");
    }
}

/// A child that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The process that sleeps somewhere below `pid`.
fn sleeper(pid: u32) -> Option<u32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    children.split_whitespace().filter_map(|child| child.parse().ok()).find_map(|child: u32| {
        let name = fs::read_to_string(format!("/proc/{child}/comm")).ok()?;
        if name.trim() == "sleep" { Some(child) } else { sleeper(child) }
    })
}

#[test]
fn the_filters_of_a_running_process_become_a_profile() {
    let output = stockade(&["import", "--pid", &std::process::id().to_string()]);
    let own = fs::read_to_string("/proc/self/status").unwrap();
    if !own.contains("Seccomp:\t0") {
        println!("SKIP import-pid: this process is under seccomp itself, so that no filter is shown to it");
        return;
    }
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("no filter"), "{}", text(&output.stderr));
    let running = Command::new(env!("CARGO_BIN_EXE_stockade"))
        .args(["run", "--profile", "docker-default", "--", "/bin/sleep", "600"])
        .stdout(Stdio::null())
        .spawn()
        .map(Running)
        .expect("the program runs");
    let mut found = None;
    for _ in 0..600 {
        // It is under its filter from the moment it has its own name.
        found = sleeper(running.0.id());
        if found.is_some() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let pid = found.expect("sleep is started").to_string();
    let output = stockade(&["import", "--pid", &pid, "--name", "sleep"]);
    let messages = text(&output.stderr);
    if output.status.code() == Some(70) && messages.contains("Operation not permitted") {
        println!("SKIP import-pid: {messages}");
        return;
    }
    assert_eq!(output.status.code(), Some(0), "{messages}");
    let directory = tempfile::tempdir().unwrap();
    let path = file(directory.path(), "sleep.yaml", &output.stdout);
    assert!(filter(&path) == filter("docker-default"), "{}", text(&output.stdout));
}
