//! The ledger and the kernel, made to agree again.

use crate::area::{Area, KINDS, run};
use crate::held::{MIB, write};
use serde_json::Value;
use std::fs;

/// What `gc` found, which ends with 1 where it could not make it right.
fn collected(area: &Area) -> Vec<String> {
    let output = area.quota(&["gc", "--format", "json"]);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let standing = |quota: &Value| quota["standing"].as_str().unwrap().to_owned();
    document["quotas"].as_array().unwrap().iter().map(standing).collect()
}

pub(crate) fn gone(area: &Area) {
    if !area.kind.by_directory {
        return;
    }
    let (kept, removed, moved) = (area.directory("kept"), area.directory("removed"), area.directory("moved"));
    let ids = [&kept, &removed, &moved].map(|path| {
        let set = area.set(path, &["--size", "8MiB"]);
        write(&path.join("file"), MIB).unwrap();
        set["id"].as_u64().unwrap()
    });
    area.remove(&removed);
    fs::rename(&moved, area.at.join("elsewhere")).unwrap();
    let mut states: Vec<String> = area.shown().into_iter().map(|(state, _)| state).collect();
    assert_eq!(states, ["kept", "unused", "moved"]);
    assert!(!area.quota(&["show"]).status.success());
    assert_eq!(collected(area), states);
    states.remove(1);
    assert_eq!(collected(area), states);
    // What moved is limited all the same, and is known again when it is back.
    assert_eq!(write(&area.at.join("elsewhere/more"), 9 * MIB), Err(area.kind.full));
    fs::rename(area.at.join("elsewhere"), &moved).unwrap();
    assert_eq!(collected(area), ["kept", "kept"]);
    run(&["umount", area.at.to_str().unwrap()]);
    assert_eq!(collected(area), ["absent", "absent"]);
    area.mount();
    assert_eq!(collected(area), ["kept", "kept"]);
    // Without its entry one that is used stays, and one that is not does not.
    area.forget(ids[0]);
    area.forget(ids[2]);
    area.remove(&kept);
    run(&["sync"]);
    let mut found = collected(area);
    found.sort();
    assert_eq!(found, ["unknown", "unused"]);
    assert_eq!(collected(area), ["unknown"]);
}

/// A mount that lost its option, or counts no more.
pub(crate) fn not_enforced(area: &Area) {
    if !area.kind.by_directory {
        return;
    }
    let (limited, at) = (area.directory("limited"), area.at.to_str().unwrap());
    area.set(&limited, &["--size", "8MiB"]);
    if area.kind.name == "btrfs" {
        run(&["btrfs", "quota", "disable", at]);
    } else {
        run(&["umount", at]);
        run(&["mount", "-t", area.kind.name, "-o", "noquota", area.kind.device, at]);
    }
    assert_eq!(area.shown()[0].0, "unclear");
    assert_eq!(collected(area), ["unclear"]);
    assert!(!area.quota(&["show"]).status.success());
    if area.kind.name == "btrfs" {
        run(&["btrfs", "quota", "enable", at]);
        run(&["btrfs", "quota", "rescan", "-w", at]);
        // The group went with the quotas, and with it the limit.
        assert_eq!(collected(area), ["unused"]);
        return;
    }
    run(&["umount", at]);
    area.mount();
    assert_eq!(collected(area), ["kept"]);
    assert_eq!(write(&limited.join("file"), 9 * MIB), Err(area.kind.full));
}

/// A copy of a file system has its name: nothing is said of either, and nothing is given back.
pub(crate) fn copy() {
    let area = Area::new(&KINDS[1]);
    let limited = area.directory("limited");
    run(&["dd", "if=/dev/vdb", "of=/dev/vdd", "bs=1M"]);
    area.set(&limited, &["--size", "8MiB"]);
    fs::create_dir_all("/mnt/copy").unwrap();
    run(&["mount", "-t", "ext4", "-o", "prjquota", "/dev/vdd", "/mnt/copy"]);
    assert_eq!(collected(&area), ["unclear"]);
    run(&["umount", "/mnt/copy"]);
    assert_eq!(collected(&area), ["kept"]);
    assert_eq!(write(&limited.join("file"), 9 * MIB), Err(area.kind.full));
}

pub(crate) fn drift(area: &Area) {
    if !area.kind.by_directory {
        return;
    }
    let limited = area.directory("limited");
    let id = area.set(&limited, &["--size", "8MiB"])["id"].as_u64().unwrap();
    let at = area.at.to_str().unwrap();
    if area.kind.name == "btrfs" {
        run(&["btrfs", "qgroup", "limit", "none", &format!("1/{id}"), at]);
    } else {
        run(&["xfs_quota", "-f", "-x", "-c", &format!("limit -p bhard=1g {id}"), at]);
    }
    assert_eq!(area.shown()[0].0, "drifted");
    // What is mounted later and cannot be written is not the way to it.
    fs::create_dir_all("/mnt/read-only").unwrap();
    run(&["mount", "--bind", at, "/mnt/read-only"]);
    run(&["mount", "-o", "remount,bind,ro", "/mnt/read-only"]);
    assert_eq!(collected(area), ["drifted"]);
    run(&["umount", "/mnt/read-only"]);
    assert_eq!(collected(area), ["kept"]);
    assert_eq!(write(&limited.join("file"), 9 * MIB), Err(area.kind.full));
}
