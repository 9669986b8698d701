//! `HostConfig` of a container of Docker's: what the host gives it.

use super::super::container::{Sections, capability};
use super::super::members::{Reader, member};
use super::super::oci::sysctl;
use super::super::resources::processors;
use super::namespaces;
use super::{Inspected, Seccomp};
use crate::compile::cgroup::PERIOD;
use crate::parse::tree::Node;
use crate::vocab::{Cap, CapSet};

/// Keys of `HostConfig` that come back under `Mounts`, count with another one, or are read before the others.
const ELSEWHERE: [&str; 17] = [
    "Binds",
    "CapAdd",
    "CapDrop",
    "CpuPeriod",
    "CpuQuota",
    "Memory",
    "MemorySwap",
    "Mounts",
    "Privileged",
    "ConsoleSize",
    "ReadonlyRootfs",
    "NetworkMode",
    "IpcMode",
    "PidMode",
    "UTSMode",
    "UsernsMode",
    "CgroupnsMode",
];

/// What reads a key.
type Read = fn(&Node, &str, &mut Inspected, &mut Reader<'_>);

/// Keys that are each read by themselves.
const KEYS: [(&str, Read); 10] = [
    ("SecurityOpt", security_options),
    ("GroupAdd", groups),
    ("Tmpfs", tmpfs),
    ("Sysctls", sysctls),
    ("Ulimits", ulimits),
    ("PidsLimit", processes),
    ("NanoCpus", cpus),
    ("Devices", devices),
    ("MaskedPaths", masked),
    ("ReadonlyPaths", read_only),
];

/// Reads it.
pub(super) fn read(node: &Node, inspected: &mut Inspected, reader: &mut Reader<'_>) {
    namespaces::read(node, &mut inspected.sections, reader);
    memory(node, &mut inspected.sections, reader);
    quota(node, &mut inspected.sections, reader);
    let root = member(node, "ReadonlyRootfs").and_then(|node| reader.switch(node, "ReadonlyRootfs"));
    inspected.sections.read_only_root = root.unwrap_or(false);
    for (key, node) in reader.members(node, "HostConfig") {
        match KEYS.iter().find(|(known, _)| *known == key) {
            Some((_, read)) => read(node, key, inspected, reader),
            None if ELSEWHERE.contains(&key) => {}
            None => reader.no_word(&format!("HostConfig.{key}"), node),
        }
    }
}

fn security_options(node: &Node, key: &str, inspected: &mut Inspected, reader: &mut Reader<'_>) {
    for node in reader.items(node, key) {
        if let Some(option) = reader.text(node, key) {
            security(option, node, inspected, reader);
        }
    }
}

fn groups(node: &Node, key: &str, inspected: &mut Inspected, reader: &mut Reader<'_>) {
    for (group, origin) in reader.texts(node, key) {
        match group.parse() {
            Ok(gid) if gid != u32::MAX => {
                inspected.sections.groups.insert(gid);
            }
            _ => reader.told.note(origin, format!("left out: the group `{group}` is looked up in the image")),
        }
    }
}

fn tmpfs(node: &Node, key: &str, inspected: &mut Inspected, reader: &mut Reader<'_>) {
    for (at, node) in reader.members(node, key) {
        let options = reader.text(node, at).unwrap_or_default();
        let mut options: Vec<&str> = options.split(',').collect();
        // Docker's own, where nothing else is said: moby, container/container_unix.go, TmpfsMounts.
        for (option, not) in [("noexec", "exec"), ("nosuid", "suid"), ("nodev", "dev")] {
            if !options.contains(&not) {
                options.push(option);
            }
        }
        inspected.sections.tmpfs(at, &options, &node.origin, &mut reader.told);
    }
}

fn sysctls(node: &Node, key: &str, inspected: &mut Inspected, reader: &mut Reader<'_>) {
    for (name, node) in reader.members(node, key) {
        if let Some(value) = reader.text(node, name) {
            sysctl(name, value, node, &mut inspected.sections, reader);
        }
    }
}

fn ulimits(node: &Node, key: &str, inspected: &mut Inspected, reader: &mut Reader<'_>) {
    for node in reader.items(node, key) {
        ulimit(node, &mut inspected.sections, reader);
    }
}

fn processes(node: &Node, key: &str, inspected: &mut Inspected, reader: &mut Reader<'_>) {
    if let Some(limit) = reader.number(node, key).filter(|limit| *limit > 0) {
        inspected.sections.resources.insert("processes", limit.to_string());
    }
}

fn cpus(node: &Node, key: &str, inspected: &mut Inspected, reader: &mut Reader<'_>) {
    if let Some(cpus) = reader.number(node, key).filter(|cpus| *cpus > 0) {
        processors(cpus, 1_000_000_000, node, &mut inspected.sections, reader);
    }
}

fn devices(node: &Node, key: &str, inspected: &mut Inspected, reader: &mut Reader<'_>) {
    for node in reader.items(node, key) {
        device(node, &mut inspected.sections, reader);
    }
}

fn masked(node: &Node, key: &str, inspected: &mut Inspected, reader: &mut Reader<'_>) {
    for (path, origin) in reader.texts(node, key) {
        inspected.sections.masked(path, origin, &mut reader.told);
    }
}

fn read_only(node: &Node, key: &str, inspected: &mut Inspected, reader: &mut Reader<'_>) {
    for (path, origin) in reader.texts(node, key) {
        inspected.sections.read_only(path, origin, &mut reader.told);
    }
}

/// What Docker makes of its own capabilities, those to add and those to drop: moby, oci/caps/utils.go, TweakCapabilities.
pub(super) fn capabilities(host: &Node, privileged: bool, reader: &mut Reader<'_>) -> CapSet {
    let mut list = |key: &str| -> (bool, CapSet) {
        let Some(node) = member(host, key) else { return (false, CapSet::EMPTY) };
        let names = reader.texts(node, key);
        let all = names.iter().any(|(name, _)| name.eq_ignore_ascii_case("all"));
        let one = names.into_iter().filter(|(name, _)| !name.eq_ignore_ascii_case("all"));
        (all, one.filter_map(|(name, origin)| capability(name, origin, reader.report)).collect())
    };
    let ((add_all, add), (drop_all, drop)) = (list("CapAdd"), list("CapDrop"));
    let without = |from: CapSet| {
        Cap::all().filter(|cap| from.contains(*cap) && !drop.contains(*cap)).collect::<CapSet>()
    };
    match (privileged || add_all, drop_all) {
        _ if privileged => CapSet::ALL,
        (true, _) if drop == CapSet::EMPTY => CapSet::ALL,
        (true, _) => without(CapSet::ALL),
        (false, true) => add,
        (false, false) => without(CapSet::docker()).iter().chain(add.iter()).collect(),
    }
}

fn security(option: &str, node: &Node, inspected: &mut Inspected, reader: &mut Reader<'_>) {
    let (key, value) = option.split_once(['=', ':']).unwrap_or((option, ""));
    match (key, value) {
        ("no-new-privileges", "" | "true") => inspected.sections.no_new_privileges = true,
        ("no-new-privileges", "false") => {}
        // `--privileged` puts no filter on, whatever else is asked for.
        ("seccomp", _) if inspected.sections.devices.is_none() => {
            reader
                .told
                .note(&node.origin, "a privileged container is under no filter, whatever is asked for");
        }
        ("seccomp", "unconfined") => inspected.seccomp = Seccomp::Unconfined,
        ("seccomp", "builtin" | "") => {}
        ("seccomp", json) => inspected.seccomp = Seccomp::Json(json.to_owned()),
        // It is in `AppArmorProfile`, `MaskedPaths` and `ReadonlyPaths`.
        ("apparmor", _) | ("systempaths", "unconfined") => {}
        ("label", kind) if kind.starts_with("type:") => {
            let kind = kind.strip_prefix("type:").unwrap_or_default();
            inspected.sections.selinux = Sections::label(kind, &node.origin, &mut reader.told);
        }
        ("label", "disable") => inspected.sections.selinux = Some("unconfined".to_owned()),
        _ => reader.told.no_word(&format!("HostConfig.SecurityOpt: {key}"), &node.origin),
    }
}

/// Of memory and swap together Docker gives as much swap as memory where nothing is said.
fn memory(node: &Node, sections: &mut Sections, reader: &mut Reader<'_>) {
    let mut read = |key: &str| member(node, key).and_then(|node| reader.number(node, key)).unwrap_or(0);
    let (memory, both) = (read("Memory"), read("MemorySwap"));
    let Some(memory) = u64::try_from(memory).ok().filter(|memory| *memory > 0) else { return };
    sections.bytes("memory", memory);
    match u64::try_from(both) {
        Ok(0) => sections.bytes("swap", memory),
        Ok(both) => sections.bytes("swap", both.saturating_sub(memory)),
        // -1 is no limit.
        Err(_) => {}
    }
}

fn quota(node: &Node, sections: &mut Sections, reader: &mut Reader<'_>) {
    let mut read =
        |key: &str| member(node, key).and_then(|node| reader.number(node, key)).filter(|value| *value > 0);
    let (quota, period) = (read("CpuQuota"), read("CpuPeriod"));
    if let (Some(quota), Some(place)) = (quota, member(node, "CpuQuota")) {
        processors(quota, period.unwrap_or(PERIOD.into()), place, sections, reader);
    }
}

fn ulimit(node: &Node, sections: &mut Sections, reader: &mut Reader<'_>) {
    let (mut name, mut soft, mut hard) = (None, None, None);
    for (key, node) in reader.members(node, "an entry of `Ulimits`") {
        match key {
            "Name" => name = reader.text(node, key),
            "Soft" => soft = reader.number(node, key),
            "Hard" => hard = reader.number(node, key),
            _ => reader.no_word(&format!("HostConfig.Ulimits.{key}"), node),
        }
    }
    if let (Some(name), Some(soft), Some(hard)) = (name, soft, hard) {
        // -1 is no limit.
        let value = |value| u64::try_from(value).unwrap_or(u64::MAX);
        sections.limit(name, value(soft), value(hard), &node.origin, &mut reader.told);
    }
}

fn device(node: &Node, sections: &mut Sections, reader: &mut Reader<'_>) {
    let mut read = |key: &str| member(node, key).and_then(|node| reader.text(node, key)).unwrap_or_default();
    let (from, at) = (read("PathOnHost"), read("PathInContainer"));
    if from == at {
        sections.device(at, &node.origin, &mut reader.told);
    } else {
        reader.told.note(&node.origin, format!("left out: the device `{from}` under another name, `{at}`"));
    }
}
