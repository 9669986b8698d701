//! Namespaces of other containers.

use crate::bench::{Bench, Bundle};
use serde_json::json;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A network namespace in which nobody is, kept by a file; gone when dropped.
struct Kept(PathBuf);

impl Kept {
    fn new(at: PathBuf) -> Kept {
        File::create(&at).unwrap();
        let made = Command::new("unshare").arg(format!("--net={}", at.display())).arg("true").status();
        assert!(made.unwrap().success());
        Kept(at)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        drop(Command::new("umount").arg(&self.0).status());
    }
}

/// Puts a bundle into the namespace of a kind at `path`.
fn join(bundle: &Bundle, kind: &str, path: &Path) {
    bundle.edit(|config| {
        let namespaces = config["linux"]["namespaces"].as_array_mut().unwrap();
        namespaces.retain(|entry| entry["type"] != kind);
        namespaces.push(json!({"type": kind, "path": path}));
    });
}

fn namespace(pid: u32, file: &str) -> PathBuf {
    fs::read_link(format!("/proc/{pid}/ns/{file}")).unwrap()
}

#[test]
fn namespaces_of_another_container_are_joined_where_the_rules_say_so() {
    needs!("runtime", "runc", "busybox");
    let bench = Bench::new();
    let first = bench.start(&bench.bundle("first"));
    for (kind, file) in [("network", "net"), ("ipc", "ipc"), ("uts", "uts"), ("pid", "pid")] {
        bench.rules("default: ./tight.yaml\n");
        let second = bench.bundle(kind);
        join(&second, kind, Path::new(&format!("/proc/{first}/ns/{file}")));
        let before = second.bytes();
        let refused = bench.create(&second);
        refused.refused(&format!("it would be in the {kind} namespace of another container (process "));
        refused.refused(&format!("`joins: [{kind}]`"));
        assert_eq!(second.bytes(), before);
        bench.rules(&format!("default: ./tight.yaml\njoins: [{kind}]\n"));
        let pid = bench.start(&second);
        assert_eq!(namespace(pid, file), namespace(first, file));
        // Nothing else of it.
        for other in ["mnt", "net", "ipc", "uts", "pid"].into_iter().filter(|other| *other != file) {
            assert_ne!(namespace(pid, other), namespace(first, other), "{kind}, {other}");
        }
        bench.end(&second.id);
    }
}

#[test]
fn a_mount_namespace_is_never_joined() {
    needs!("runtime", "runc", "busybox");
    let bench = Bench::with("default: ./tight.yaml\njoins: [network, ipc, uts, pid, cgroup]\n");
    let first = bench.start(&bench.bundle("first"));
    let second = bench.bundle("second");
    join(&second, "mount", Path::new(&format!("/proc/{first}/ns/mnt")));
    bench.create(&second).refused("nothing here has looked at the root");
}

#[test]
fn one_that_nobody_is_in_was_made_for_the_container() {
    needs!("runtime", "runc", "busybox");
    let bench = Bench::new();
    let kept = Kept::new(bench.join("net"));
    let bundle = bench.bundle("x");
    join(&bundle, "network", &kept.0);
    bench.start(&bundle);
    // The first container is somebody to the second.
    let second = bench.bundle("y");
    join(&second, "network", &kept.0);
    bench.create(&second).refused("network namespace of another container");
}
