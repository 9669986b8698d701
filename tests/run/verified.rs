//! `stockade verify` against the kernel: what was launched holds, and what drifts is named.

use crate::ended::Ended;
use crate::harness::{Scratch, Server, busybox_root, run, stockade, target_of};
use std::fs;
use std::process::Command;

/// A policy with something in every layer that the kernel shows.
const PROFILE: &str = "
stockade: 1
name: watched
process: {limits: {open_files: 64}, umask: \"077\"}
files: {execute: [/bin], read: [/etc], hide: [/root], tmp: 1 MiB}
namespaces: {user: private, network: private}
resources: {processes: 32, memory: 64 MiB}
";

struct Watched {
    scratch: Scratch,
    server: Server,
    profile: String,
    target: u32,
}

fn watched() -> Watched {
    watched_under(PROFILE)
}

fn watched_under(text: &str) -> Watched {
    let scratch = Scratch::new();
    let root = scratch.join("root");
    busybox_root(&root);
    let profile = scratch.file("watched.yaml", text);
    let server = Server::start(stockade(&["run", "--profile", &profile, "--root"]).arg(&root).args([
        "--",
        "/bin/sleep",
        "1000",
    ]));
    let target = target_of(server.pid());
    Watched { scratch, server, profile, target }
}

/// The verdict on one layer.
fn layer<'a>(report: &'a str, name: &str) -> &'a str {
    report
        .lines()
        .find_map(|line| line.strip_prefix(name)?.split_whitespace().next())
        .unwrap_or_else(|| panic!("no {name} in\n{report}"))
}

#[test]
fn what_was_launched_is_what_runs() {
    needs!("run", "busybox");
    let watched = watched();
    let report = run(&["verify", &watched.target.to_string()]).success();
    for name in [
        "identity",
        "namespaces",
        "mounts",
        "capabilities",
        "no_new_privileges",
        "seccomp",
        "limits",
        "umask",
        "cgroup",
    ] {
        assert_eq!(layer(&report, name), "exact", "{name} in\n{report}");
    }
    for name in ["landlock", "write_xor_execute"] {
        assert_eq!(layer(&report, name), "attested", "{name} in\n{report}");
    }
    let json = run(&["verify", "--format", "json", &watched.target.to_string()]).success();
    assert!(json.contains("\"kind\": \"status\"") && json.contains("\"attested\""), "{json}");
}

/// Of the flags of a filter the kernel shows whether it logs.
#[test]
fn a_filter_that_does_not_log_as_it_should_is_drift() {
    needs!("run", "busybox");
    let logging = format!("{PROFILE}syscalls: {{log_denied: true}}\n");
    let (silent, logged) = (watched(), watched_under(&logging));
    let root = silent.scratch.join("root").display().to_string();
    let verify = |of: &Watched| {
        run(&["verify", &of.target.to_string(), "--profile", &logged.profile, "--root", &root])
    };
    assert_eq!(layer(&run(&["verify", &logged.target.to_string()]).success(), "seccomp"), "exact");
    let report = verify(&silent);
    assert_eq!((report.code, layer(&report.stdout, "seccomp")), (Some(1), "LOOSER"), "{}", report.stdout);
    assert_eq!(layer(&verify(&logged).stdout, "seccomp"), "exact");
}

#[test]
fn a_limit_lifted_on_a_running_program_is_drift() {
    needs!("run", "busybox");
    let watched = watched();
    let pid = watched.target.to_string();
    // What an administrator could do to a running program.
    let cgroups = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    // On the legacy hierarchy of its own, else on the unified one.
    let legacy = cgroups.lines().find_map(|line| line.split(":pids:").nth(1));
    let file = match (legacy, cgroups.lines().find_map(|line| line.strip_prefix("0::"))) {
        (Some(own), _) => format!("/sys/fs/cgroup/pids{own}/pids.max"),
        (None, Some(own)) => format!("/sys/fs/cgroup{own}/pids.max"),
        (None, None) => panic!("in no cgroup: {cgroups}"),
    };
    fs::write(file, "max").unwrap();
    let ended = run(&["verify", &pid]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(layer(&ended.stdout, "cgroup"), "LOOSER", "{}", ended.stdout);
}

#[test]
fn a_process_without_a_profile_is_looser_everywhere() {
    needs!("run", "busybox");
    let watched = watched();
    let mut plain = Command::new("sleep").arg("1000").spawn().unwrap();
    let ended = run(&["verify", &plain.id().to_string(), "--profile", &watched.profile]);
    plain.kill().unwrap();
    plain.wait().unwrap();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    for name in ["namespaces", "mounts", "capabilities", "no_new_privileges", "seccomp"] {
        assert_eq!(layer(&ended.stdout, name), "LOOSER", "{name} in\n{}", ended.stdout);
    }
    drop(watched.server);
}

#[test]
fn run_verifies_at_the_exec() {
    needs!("run", "busybox");
    let ended = Ended::from(
        stockade(&["run", "--verify", "--profile", "restricted", "--", "/bin/echo", "ran"]).output().unwrap(),
    );
    assert!(ended.stderr.contains("verified: restricted"), "{ended:?}");
    assert_eq!(ended.success(), "ran\n");
}

#[test]
fn what_does_not_run_is_an_error_and_no_verdict() {
    needs!("run", "busybox");
    let ended = run(&["verify", "4194304"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("4194304"), "{ended:?}");
}
