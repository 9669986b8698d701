//! Killed at every step: afterwards `gc` makes ids and limits equal what lives.
//!
//! What a file is counted for is asked of lsattr(1) and btrfs-qgroup(8), not of the program that is tested.

use crate::STOCKADE;
use crate::area::{Area, run};
use crate::held::{MIB, write};
use serde_json::Value;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The calls that change something, or by which others are kept out.
const CALLS: &str = "flock,mkdir,openat2,ioctl,quotactl_fd,write,fsync,syncfs,rename,unlink";

/// What is killed.
struct Operation {
    what: &'static str,
    /// Makes the directory ready.
    before: fn(&Area, &Path),
    arguments: &'static [&'static str],
    /// What is done afterwards.
    after: fn(&Area, &Path),
}

const OPERATIONS: [Operation; 7] = [
    Operation {
        what: "set",
        before: |_, _| (),
        arguments: &["set", "DIR", "--size", "8MiB"],
        after: collect,
    },
    Operation {
        what: "set what is full",
        before: full,
        arguments: &["set", "DIR", "--size", "8MiB"],
        after: collect,
    },
    Operation {
        what: "set what is full, and again",
        before: full,
        arguments: &["set", "DIR", "--size", "8MiB"],
        after: again,
    },
    Operation {
        what: "change",
        before: limited,
        arguments: &["set", "DIR", "--size", "16MiB"],
        after: collect,
    },
    Operation { what: "take away", before: limited, arguments: &["set", "DIR", "--none"], after: collect },
    Operation {
        what: "take away, and set",
        before: limited,
        arguments: &["set", "DIR", "--none"],
        after: again,
    },
    Operation {
        what: "give back",
        before: |area, path| {
            limited(area, path);
            area.remove(path);
        },
        arguments: &["gc"],
        after: collect,
    },
];

fn collect(area: &Area, _: &Path) {
    area.json(&["gc"]);
}

fn again(area: &Area, path: &Path) {
    area.set(path, &["--size", "12MiB"]);
    // A number by which nothing was counted yet is left over.
    collect(area, path);
}

fn full(_: &Area, path: &Path) {
    fs::create_dir(path.join("below")).unwrap();
    write(&path.join("below/file"), MIB).unwrap();
}

fn limited(area: &Area, path: &Path) {
    area.set(path, &["--size", "8MiB"]);
    write(&path.join("file"), MIB).unwrap();
}

/// Kills each operation before each of its calls from the `first` on by `stride`; how many times.
pub(crate) fn everywhere(area: &Area, first: usize, stride: usize) -> usize {
    let beside = area.at.join("beside");
    write(&beside, MIB).unwrap();
    let content = fs::read(&beside).unwrap();
    let mut kills = 0;
    for operation in &OPERATIONS {
        for step in (first..).step_by(stride) {
            let path = area.directory("limited");
            (operation.before)(area, &path);
            let killed = kill(area, operation, &path, step);
            (operation.after)(area, &path);
            agree(area, &path, &format!("{} {}, killed before call {step}", area.kind.name, operation.what));
            if path.exists() {
                area.remove(&path);
            }
            area.json(&["gc"]);
            assert_eq!(area.shown(), [], "{} {}: call {step}", area.kind.name, operation.what);
            if !killed {
                break;
            }
            kills += 1;
        }
    }
    assert_eq!(fs::read(&beside).unwrap(), content, "what is beside it is not touched");
    kills
}

/// Whether it was killed before it came to its end.
fn kill(area: &Area, operation: &Operation, path: &Path, step: usize) -> bool {
    let named = |argument: &&str| {
        if *argument == "DIR" { path.to_str().unwrap().to_owned() } else { (*argument).to_owned() }
    };
    let status = Command::new("strace")
        .args(["-qq", "-o", "/dev/null", "-e", &format!("trace={CALLS}")])
        .args(["-e", &format!("inject={CALLS}:signal=SIGKILL:when={step}")])
        .args([STOCKADE, "quota"])
        .args(operation.arguments.iter().map(named))
        .args(["--state", area.state_path().to_str().unwrap()])
        .stdout(Stdio::null())
        .status()
        .unwrap();
    let killed = status.signal() == Some(9);
    assert!(killed || status.success(), "{}: {status}", operation.what);
    killed
}

/// The ledger, the kernel and the tree say the same of a directory.
fn agree(area: &Area, path: &Path, when: &str) {
    let shown = area.json(&["show"]);
    let quotas = shown["quotas"].as_array().unwrap();
    assert!(quotas.iter().all(|quota| quota["standing"] == "kept"), "{when}: {shown}");
    let of = |quota: &&Value| quota["entry"]["directories"][0] == path.to_str().unwrap();
    let entries: Vec<u64> = quotas.iter().filter(of).map(|quota| quota["id"].as_u64().unwrap()).collect();
    assert_eq!(entries, counted(area, path), "{when}");
    assert!(entries.len() == quotas.len(), "{when}: {shown}");
}

/// What numbers of ours a directory and all that is in it are counted for.
fn counted(area: &Area, path: &Path) -> Vec<u64> {
    if !path.exists() {
        return Vec::new();
    }
    let mut numbers: Vec<u64> = if area.kind.name == "btrfs" {
        let groups = run(&["btrfs", "qgroup", "show", "--raw", "-F", path.to_str().unwrap()]);
        let of_level_1 = |line: &str| line.split_whitespace().next()?.strip_prefix("1/")?.parse().ok();
        groups.lines().filter_map(of_level_1).collect()
    } else {
        let mut paths = vec![path.to_owned()];
        paths.extend(
            [PathBuf::from("below"), "below/file".into(), "file".into()].map(|inside| path.join(inside)),
        );
        let project = |path: &PathBuf| -> u64 {
            run(&["lsattr", "-d", "-p", path.to_str().unwrap()])
                .split_whitespace()
                .next()
                .unwrap()
                .parse()
                .unwrap()
        };
        paths.iter().filter(|path| path.exists()).map(project).collect()
    };
    numbers.dedup();
    // All of it is counted, or nothing.
    if numbers == [0] { Vec::new() } else { numbers }
}
