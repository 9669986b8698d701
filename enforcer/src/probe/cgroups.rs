//! Where the caller can make cgroups.
//!
//! Always at or beneath the caller's own place, so that the limits which the caller itself is under hold
//! for what it launches.

use super::ProbeError;
use crate::sys::probe as sys;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use stockade_observe::cgroup::{self, Membership};
use stockade_observe::mounts::Mounts;
use stockade_observe::{ObserveError, read};
use stockade_policy::host::CgroupHost;

/// The controllers that resources need, with their names in a legacy hierarchy.
pub(super) const CONTROLLERS: [(&str, &str); 4] =
    [("cpu", "cpu"), ("io", "blkio"), ("memory", "memory"), ("pids", "pids")];

/// The directory that holds the cgroups of all launches in the unified hierarchy, where a cgroup that
/// passes controllers on may hold no process itself.
const PARENT: &str = "stockade";

pub(super) fn find() -> Result<CgroupHost, ProbeError> {
    let failed = |source| ProbeError::Read { what: "which cgroups the caller is in", source };
    let memberships = match file("/proc/self/cgroup", read::record, Membership::parse) {
        Ok(memberships) => memberships,
        Err(ObserveError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            return Ok(none("the kernel has no cgroups", "boot a kernel with CONFIG_CGROUPS"));
        }
        Err(error) => return Err(failed(error)),
    };
    let mounts = file(
        "/proc/self/mountinfo",
        |path| read::bounded(path, 32 << 20),
        |text| Mounts::of_kind(text, b"cgroup"),
    )
    .map_err(failed)?;
    let unified = memberships.iter().find(|one| one.hierarchy == 0);
    let unified = unified.and_then(|one| Some((one, one.directory(&mounts)?)));
    let v2 = match &unified {
        Some((membership, directory)) => above(membership, directory)?,
        None => None,
    };
    let v1 = legacy(&memberships, &mounts);
    Ok(match (v2, v1) {
        // A hybrid host has its controllers in either; the side with more of them is the one in use.
        (Some((parent, controllers)), v1) if controllers.len() >= v1.len() && !controllers.is_empty() => {
            CgroupHost::V2 { parent, controllers }
        }
        (_, parents) if !parents.is_empty() => CgroupHost::V1 { parents },
        _ if unified.is_some() => none(
            "no cgroup that the caller is in, or above it, lets it make others with a controller",
            "run as root, or in a delegated cgroup: `systemd-run --user --scope -p Delegate=yes`",
        ),
        _ => none(
            "no cgroup file system is mounted where the caller may write",
            "run as root on the host, with /sys/fs/cgroup mounted read-write",
        ),
    })
}

/// Whether children have a limit on swap: CONFIG_SWAP, and not switched off by `swapaccount=0` or
/// `cgroup.memory=noswap`.
pub(super) fn swap_accounting(host: &CgroupHost) -> bool {
    match host {
        CgroupHost::None { .. } => false,
        CgroupHost::V1 { parents } => parents
            .get("memory")
            .is_some_and(|parent| Path::new(parent).join("memory.memsw.limit_in_bytes").exists()),
        CgroupHost::V2 { parent, controllers } => {
            let parent = Path::new(parent);
            let above = parent.parent().unwrap_or(parent);
            // The root of the hierarchy has no such file. Where only that can be asked, a kernel with swap
            // is taken to account for it; a launch that then does not find the file fails closed.
            let is_root = !above.join("cgroup.type").exists();
            controllers.contains("memory")
                && (parent.join("memory.swap.max").exists()
                    || above.join("memory.swap.max").exists()
                    || (is_root && !parent.join("memory.max").exists() && Path::new("/proc/swaps").exists()))
        }
    }
}

fn none(why: &str, remedy: &str) -> CgroupHost {
    CgroupHost::None { why: why.to_owned(), remedy: remedy.to_owned() }
}

fn file<T>(
    path: &str,
    read: impl FnOnce(&Path) -> Result<Vec<u8>, ObserveError>,
    parse: impl FnOnce(&[u8]) -> Result<T, stockade_observe::FormatError>,
) -> Result<T, ObserveError> {
    let path = Path::new(path);
    parse(&read(path)?).map_err(|source| ObserveError::Format { path: path.to_owned(), source })
}

/// The nearest cgroup, from the caller's own upwards, in which children with controllers can be made.
fn above(membership: &Membership, own: &Path) -> Result<Option<(String, BTreeSet<String>)>, ProbeError> {
    let mut directory = own;
    for _ in Path::new(&membership.path).components() {
        let controllers = usable(directory)?;
        if !controllers.is_empty() {
            let parent = directory.join(PARENT);
            return Ok(parent.to_str().map(|parent| (parent.to_owned(), controllers)));
        }
        let Some(above) = directory.parent() else { break };
        directory = above;
    }
    Ok(None)
}

/// The controllers that children of the cgroup at `directory` can be given by the caller.
fn usable(directory: &Path) -> Result<BTreeSet<String>, ProbeError> {
    let failed = |source| ProbeError::Read { what: "what a cgroup passes on", source };
    let nothing = Ok(BTreeSet::new());
    if !sys::writable(directory) || !sys::writable(&directory.join("cgroup.procs")) {
        return nothing;
    }
    let wanted = |text: String| -> BTreeSet<String> {
        let wanted = |name: &&str| CONTROLLERS.iter().any(|(known, _)| known == name);
        text.split(' ').filter(wanted).map(str::to_owned).collect()
    };
    let available = wanted(cgroup::value(directory, "cgroup.controllers").map_err(failed)?);
    if available.is_empty() {
        return nothing;
    }
    // Only the root of the hierarchy may hold processes and pass controllers on; it has no type.
    let is_root = !directory.join("cgroup.type").exists();
    let empty = || cgroup::members(directory).map(|members| members.is_empty()).map_err(failed);
    if sys::writable(&directory.join("cgroup.subtree_control")) && (is_root || empty()?) {
        return Ok(available);
    }
    Ok(wanted(cgroup::value(directory, "cgroup.subtree_control").map_err(failed)?))
}

/// In each legacy hierarchy the caller's own cgroup takes children beside its processes.
fn legacy(memberships: &[Membership], mounts: &Mounts) -> BTreeMap<String, String> {
    let own = |name: &str| -> Option<PathBuf> {
        let membership = memberships.iter().find(|one| one.controllers.iter().any(|other| other == name))?;
        membership.directory(mounts).filter(|directory| sys::writable(directory))
    };
    CONTROLLERS
        .iter()
        .filter_map(|(name, legacy)| Some(((*name).to_owned(), own(legacy)?.to_str()?.to_owned())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn legacy_places_are_our_own_cgroups() {
        match find().expect("find") {
            CgroupHost::V1 { parents } => {
                let pid = std::process::id();
                for (controller, parent) in parents {
                    let members = cgroup::members(Path::new(&parent)).expect("members");
                    assert!(members.contains(&pid), "{controller}: {parent}");
                }
            }
            CgroupHost::V2 { parent, controllers } => {
                assert!(parent.ends_with("/stockade") && !controllers.is_empty());
            }
            CgroupHost::None { why, .. } => println!("SKIP cgroups: {why}"),
        }
    }
}
