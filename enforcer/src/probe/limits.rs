//! What cgroup limits need to know beside where cgroups are made.

use super::read;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use stockade_policy::host::CgroupHost;

/// Whether a child cgroup has a limit on swap. What cannot be seen counts as absent, so that a plan that
/// needs it says so.
pub(super) fn swap_accounting(cgroup: &CgroupHost) -> bool {
    match cgroup {
        CgroupHost::None { .. } => false,
        CgroupHost::V1 { parents } => parents
            .get("memory")
            .is_some_and(|parent| Path::new(parent).join("memory.memsw.limit_in_bytes").exists()),
        CgroupHost::V2 { parent, .. } => accounts_swap(Path::new(parent)),
    }
}

/// The hierarchy's root has no limits, and the parent may not be made yet: any cgroup at it, around it or
/// on the way up tells.
fn accounts_swap(parent: &Path) -> bool {
    let has_limit = |directory: &Path| directory.join("memory.swap.max").exists();
    parent
        .ancestors()
        .take_while(|directory| directory.join("cgroup.procs").exists() || *directory == parent)
        .any(|directory| has_limit(directory) || children(directory).iter().any(|child| has_limit(child)))
}

fn children(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    entries.flatten().map(|entry| entry.path()).collect()
}

/// Whole disks with something behind them, as `MAJOR:MINOR`. sysfs(5), `/sys/block`.
pub(super) fn block_devices() -> BTreeSet<String> {
    let number = |disk: &Path, name: &str| {
        let content = read::record(&disk.join(name)).ok()?;
        Some(String::from_utf8_lossy(&content).trim().to_owned())
    };
    children(Path::new("/sys/block"))
        .iter()
        // Loop devices without a file have no sectors.
        .filter(|disk| number(disk, "size").is_some_and(|sectors| sectors != "0"))
        .filter_map(|disk| number(disk, "dev"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disks_are_major_and_minor() {
        for disk in block_devices() {
            let (major, minor) = disk.split_once(':').expect("a colon");
            assert!(major.parse::<u32>().is_ok() && minor.parse::<u32>().is_ok(), "{disk}");
            assert!(Path::new("/sys/dev/block").join(&disk).exists(), "{disk}");
        }
    }

    #[test]
    fn swap_is_not_accounted_where_there_is_no_cgroup() {
        let nowhere = CgroupHost::V2 { parent: "/nowhere/stockade".to_owned(), controllers: BTreeSet::new() };
        assert!(!swap_accounting(&nowhere));
    }
}
