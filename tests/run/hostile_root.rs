//! A root that someone else prepared never makes the launcher touch a path outside it.

use crate::harness::{Scratch, busybox_root, run};
use crate::mounts::Mounts;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// Every path below `directory` with its kind, size and change time.
fn fingerprint(directory: &Path) -> Vec<(PathBuf, String)> {
    let mut all = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(path) = open.pop() {
        let data = fs::symlink_metadata(&path).unwrap();
        all.push((
            path.clone(),
            format!("{:?} {:?} {}", data.file_type(), data.modified().unwrap(), data.len()),
        ));
        if data.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    all.sort();
    all
}

#[test]
fn planted_links_lead_nowhere() {
    needs!("run", "busybox");
    for planted in ["proc", "dev", "tmp", "etc"] {
        for target in ["outside", "/../../../outside"] {
            let scratch = Scratch::new();
            let (root, outside) = (scratch.join("root"), scratch.join("outside"));
            busybox_root(&root);
            fs::create_dir(&outside).unwrap();
            fs::write(outside.join("passwd"), "evil:x:0:0::/:/bin/sh\n").unwrap();
            let at = root.join(planted);
            fs::remove_dir_all(&at).unwrap();
            let target = if target.starts_with('/') {
                PathBuf::from(format!("..{}", target))
            } else {
                outside.clone()
            };
            symlink(&target, &at).unwrap();
            let before = fingerprint(&outside);
            let mounts = Mounts::now();
            let ended = run(&[
                "run",
                "--profile",
                "restricted",
                "--set",
                "{files: {write: [/var], execute: [/bin], read: [/etc]}}",
                "--root",
                root.to_str().unwrap(),
                "--",
                "/bin/cat",
                "/etc/passwd",
            ]);
            assert!(!ended.stdout.contains("evil"), "{planted} -> {}: {ended:?}", target.display());
            if planted != "etc" {
                assert_ne!(ended.code, Some(0), "{planted} -> {}: {ended:?}", target.display());
                assert!(ended.stderr.contains(&format!("/{planted}")), "the error names the path: {ended:?}");
            }
            assert_eq!(fingerprint(&outside), before, "{planted} -> {}", target.display());
            assert_eq!(mounts.since(&scratch.join("")), Vec::<String>::new());
        }
    }
}
