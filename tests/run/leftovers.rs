//! Launchers killed at random points leave nothing.

use crate::harness::{Scratch, busybox_root, children, run, stockade};
use crate::mounts::Mounts;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const KILLS: u64 = 200;

/// A policy with a cgroup, so that there is something to leave behind.
const PROFILE: &str = "
stockade: 1
name: limited
files: {execute: [/bin], read: [/etc], tmp: 1 MiB}
namespaces: {user: private, network: private}
resources: {processes: 32}
";

/// How long is waited for what must happen; only a hang takes as long.
const PATIENCE: Duration = Duration::from_secs(60);

/// Processes on this host with `mark` among their arguments.
fn marked(mark: &str) -> Vec<String> {
    fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let line = fs::read(path.join("cmdline")).ok()?;
            let marked = line.split(|byte| *byte == 0).any(|argument| argument == mark.as_bytes());
            marked.then(|| path.display().to_string())
        })
        .collect()
}

/// Every cgroup of ours, in every hierarchy.
fn cgroups() -> BTreeSet<String> {
    fn walk(directory: &Path, found: &mut BTreeSet<String>) {
        let Ok(entries) = fs::read_dir(directory) else { return };
        for entry in entries.flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                let path = entry.path();
                let name = entry.file_name().to_string_lossy().into_owned();
                // Those of other tests' engines are no launcher's.
                if name.starts_with("stockade-") && !name.starts_with("stockade-test-") {
                    found.insert(path.display().to_string());
                }
                walk(&path, found);
            }
        }
    }
    let mut found = BTreeSet::new();
    walk(Path::new("/sys/fs/cgroup"), &mut found);
    found
}

fn temporary() -> BTreeSet<String> {
    ["/tmp", "/run", "/dev/shm", "/var/tmp"]
        .iter()
        .flat_map(|directory| fs::read_dir(directory).into_iter().flatten())
        .map(|entry| entry.unwrap().path().display().to_string())
        // Those of tests that run beside this one.
        .filter(|path| !path.contains("stockade-test-"))
        .collect()
}

/// Points in time that differ from kill to kill and not from run to run (a linear congruence).
fn delays() -> impl Iterator<Item = Duration> {
    let mut state = 0x2545_f491_u64;
    std::iter::from_fn(move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Some(Duration::from_micros((state >> 33) % 25_000))
    })
}

#[test]
fn killed_launchers_leave_nothing() {
    needs!("run", "busybox");
    let scratch = Scratch::new();
    let root = scratch.join("root");
    busybox_root(&root);
    let root = root.to_str().unwrap().to_owned();
    let profile = scratch.file("limited.yaml", PROFILE);
    let (mounts, before_files) = (Mounts::now(), temporary());
    let mut launchers = BTreeSet::new();
    let mark = format!("86400{}", std::process::id());
    for (round, delay) in (0..KILLS).zip(delays()) {
        let mut launcher =
            stockade(&["run", "--profile", &profile, "--root", &root, "--", "/bin/sleep", &mark])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
        launchers.insert(launcher.id().to_string());
        std::thread::sleep(delay);
        // Every other time it is the pid 1 that dies, where it stands already.
        let victim = if round % 2 == 0 { None } else { children(launcher.id()).first().copied() };
        let victim = victim.unwrap_or(launcher.id());
        let _ =
            Command::new("kill").args(["-KILL", &victim.to_string()]).stderr(Stdio::null()).status().unwrap();
        launcher.wait().unwrap();
        let start = Instant::now();
        while !marked(&mark).is_empty() {
            assert!(start.elapsed() < PATIENCE, "round {round}, {delay:?}: {:?} live on", marked(&mark));
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    // The next run collects what a killed launcher could not.
    run(&["run", "--profile", &profile, "--root", &root, "--", "/bin/true"]).success();
    // Launchers of others, too, may have been killed a moment ago.
    let owner =
        |path: &str| path.rsplit('/').next().and_then(|name| name.split('-').nth(1)).unwrap().to_owned();
    let left: Vec<String> = cgroups().into_iter().filter(|path| launchers.contains(&owner(path))).collect();
    assert_eq!(left, Vec::<String>::new(), "cgroups of dead launchers");
    assert_eq!(mounts.since(&scratch.join("")), Vec::<String>::new());
    let after: Vec<String> = temporary().difference(&before_files).cloned().collect();
    println!("{KILLS} kills, nothing left");
    assert!(!after.iter().any(|path| path.contains("stockade")), "{after:?}");
}
