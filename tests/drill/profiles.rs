//! The probes under profiles.

use crate::drilled::{Drilled, run};
use crate::single::drilled;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

/// What does not open without any restriction, and why not.
const CLOSED_ANYWAY: &[(&str, &str)] = &[
    ("join_mounts", "process 1 is the launch's own init, in the same namespaces"),
    ("join_network", "the same"),
    ("join_processes", "the same"),
    ("join_by_descriptor", "the same"),
    ("root_of_init", "the same: its root is the program's"),
    ("core_pattern", "the whole /proc is a container's: what is the kernel's there is read-only"),
    ("sysctl", "the same"),
    ("sysrq", "the same"),
    ("modprobe_path", "the same"),
    ("binary_formats", "the same"),
    ("kernel_core", "the same: what holds the kernel's secrets is masked"),
    ("key_list", "the same"),
    ("process_burst", "no limit stands before the host's own, so it is not tried"),
    ("descriptor_burst", "the same"),
    ("memory_burst", "the same"),
];

#[test]
fn nothing_is_open_under_restricted_and_every_denial_has_its_line() {
    needs!("drill");
    let found = drilled(0, &["--profile", "restricted"]);
    assert_eq!(found.with("open"), Vec::<&str>::new());
    assert_eq!(found.with("undecided"), Vec::<&str>::new());
    assert!(found.count("stopped") >= 80, "{}", found.counts);
    // The default is the same, and the table says what the JSON says.
    let ended = run(|_| {}, &[]);
    let summary = ended.stdout.lines().last().unwrap();
    let expected = format!(
        "{} probes: {} stopped, 0 open, {} not on this host, {} not tried",
        found.count("probes"),
        found.count("stopped"),
        found.count("absent"),
        found.count("not_tried")
    );
    assert_eq!((ended.code, summary), (Some(0), expected.as_str()));

    let mut asked: BTreeMap<&str, &Value> = BTreeMap::new();
    for name in found.with("stopped") {
        let probe = &found.probes[name];
        assert!(probe["layer"].is_string(), "{probe}: a layer stopped it");
        let subject =
            probe["subject"].as_str().unwrap_or_else(|| panic!("{probe}: by something of the profile"));
        assert!(!probe["origins"].as_array().unwrap().is_empty(), "{probe}: on a line");
        asked.insert(subject, &probe["origins"]);
    }
    for (subject, origins) in asked {
        let output = Command::new(env!("CARGO_BIN_EXE_stockade"))
            .args(["explain", "restricted", subject, "--format", "json"])
            .output()
            .unwrap();
        let explained: Value = serde_json::from_slice(&output.stdout).unwrap();
        let answers = explained["answers"].as_array().unwrap();
        let same = |answer: &Value| answer["verdict"] == "denied" && answer["origins"] == *origins;
        assert!(answers.iter().any(same), "{subject}: {origins} and {explained}");
    }
}

#[test]
fn what_is_tried_is_what_is_listed() {
    needs!("drill");
    let ended = run(|_| {}, &["--list", "--format", "json"]);
    let listed: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((ended.code, listed["kind"].as_str()), (Some(0), Some("probes")), "{}", ended.stderr);
    let mut names: Vec<&str> =
        listed["probes"].as_array().unwrap().iter().map(|probe| probe["name"].as_str().unwrap()).collect();
    let text = run(|_| {}, &["--list"]);
    assert_eq!(text.stdout.lines().count(), names.len());
    names.sort_unstable();
    assert_eq!(drilled(0, &[]).probes.keys().collect::<Vec<_>>(), names);
}

#[test]
fn nothing_is_open_for_a_caller_without_root() {
    needs!("drill");
    let directory = tempfile::Builder::new().prefix("stockade-test-").tempdir().unwrap();
    std::os::unix::fs::chown(directory.path(), Some(1000), Some(1000)).unwrap();
    let output = Command::new("setpriv")
        .args(["--reuid", "1000", "--regid", "1000", "--clear-groups"])
        .args([env!("CARGO_BIN_EXE_stockade"), "drill"])
        .env("TMPDIR", directory.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("note: not run as root"), "{said}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.lines().last().unwrap().contains(" stopped, 0 open, "), "{text}");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn every_probe_that_this_kernel_has_opens_without_restrictions() {
    needs!("drill");
    let found = drilled(0, &["--profile", "unconfined", "--root", "/"]);
    let listed = |probe: &&str| CLOSED_ANYWAY.iter().any(|(name, _)| name == probe);
    for verdict in ["stopped", "not_tried", "undecided"] {
        let others: Vec<&str> = found.with(verdict).into_iter().filter(|probe| !listed(probe)).collect();
        assert_eq!(others, Vec::<&str>::new(), "{verdict}");
    }
    assert!(found.count("open") >= 80, "{}", found.counts);
    for (name, _) in CLOSED_ANYWAY {
        assert_ne!(found.verdict(name), "open", "{name} needs no exception");
    }
}

/// A profile like `restricted`, with more.
fn with(more: &str) -> tempfile::NamedTempFile {
    let file = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
    fs::write(file.path(), format!("stockade: 1\nname: more\nextends: [restricted]\n{more}\n")).unwrap();
    file
}

#[test]
fn a_profile_that_opens_one_thing_opens_that_probe_alone() {
    needs!("drill");
    let restricted = drilled(0, &[]);
    let mut cases = vec![
        ("unshare", "unshare_user"),
        ("kcmp", "compare"),
        ("name_to_handle_at", "make_handle"),
        ("file_setattr", "file_setattr"),
    ];
    if cfg!(target_arch = "x86_64") {
        cases.push(("modify_ldt", "descriptor_table"));
    }
    for (call, probe) in cases {
        let profile = with(&format!("syscalls: {{allow: [{call}]}}"));
        let found = drilled(0, &["--profile", profile.path().to_str().unwrap()]);
        let changed = |name: &&str| found.verdict(name) != restricted.verdict(name);
        let changed: Vec<&str> = found.probes.keys().map(String::as_str).filter(changed).collect();
        if restricted.verdict(probe) == "absent" {
            println!("SKIP drill-{call}: this kernel does not have it");
            continue;
        }
        assert_eq!(changed, [probe], "{call}");
        assert_eq!(found.verdict(probe), "open");
        assert_eq!(found.probes[probe]["declared_stopped"], false);
    }
}

#[test]
fn what_the_filter_lets_through_the_next_layer_stops() {
    needs!("drill");
    let profile = with("syscalls: {allow: [unshare]}");
    let found = drilled(0, &["--profile", profile.path().to_str().unwrap()]);
    assert_eq!(found.probes["unshare_mount"]["layer"], "capabilities");
    assert_eq!(found.probes["unshare_mount"]["subject"], "cap:sys_admin");
}

#[test]
fn bursts_are_tried_behind_limits_alone() {
    needs!("drill");
    let layers = |found: &Drilled| {
        ["process_burst", "descriptor_burst", "memory_burst"]
            .map(|probe| found.probes[probe]["layer"].clone())
    };
    let profile = with("resources: {memory: 128 MiB}");
    let found = drilled(0, &["--profile", profile.path().to_str().unwrap()]);
    assert_eq!(layers(&found), ["limits", "limits", "cgroup"]);
    let profile = with("process: {limits: {processes: 100000, open_files: 100000}}");
    let found = drilled(0, &["--profile", profile.path().to_str().unwrap()]);
    assert_eq!(found.with("not_tried"), ["descriptor_burst", "memory_burst", "process_burst"]);
}

#[test]
fn a_floor_stops_what_the_profile_opens() {
    needs!("drill");
    let profile = with("syscalls: {allow: [unshare]}");
    let path = profile.path().to_str().unwrap();
    let found = drilled(0, &["--profile", path, "--floor", "restricted"]);
    assert_eq!(found.with("open"), Vec::<&str>::new());
}

#[test]
fn a_root_is_not_written_into() {
    needs!("drill");
    let root = tempfile::Builder::new().prefix("stockade-test-").tempdir().unwrap();
    for directory in ["bin", "dev", "etc", "mnt", "proc", "sys", "tmp"] {
        fs::create_dir(root.path().join(directory)).unwrap();
    }
    fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let path = root.path().to_str().unwrap();
    let found = drilled(0, &["--root", path]);
    assert_eq!(found.with("open"), Vec::<&str>::new());
    assert_eq!(fs::read_dir(root.path().join("mnt")).unwrap().count(), 0);
    // Somewhere the program must stand.
    fs::remove_dir(root.path().join("mnt")).unwrap();
    let ended = run(|_| {}, &["--root", path]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{}", ended.stderr);
    assert!(ended.stderr.contains("/mnt"), "{}", ended.stderr);
}
