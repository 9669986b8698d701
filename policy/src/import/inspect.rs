//! What `docker inspect` says of a container. Docker Engine API 1.41, ContainerInspect.

use super::container::{Sections, Told, capability};
use super::members::{Reader, member};
use super::oci::{extend, selinux, sysctl};
use super::resources::processors;
use super::selection::Container;
use crate::diagnostic::Diagnostic;
use crate::parse::report::Report;
use crate::parse::tree::{Content, Node};
use crate::policy::ProcView;
use crate::vocab::{Arch, Cap, CapSet};

/// A container.
pub(super) struct Inspected {
    pub(super) name: String,
    pub(super) sections: Sections,
    pub(super) seccomp: Seccomp,
}

/// Which filter it is under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Seccomp {
    /// Docker's own.
    Default,
    /// None.
    Unconfined,
    /// This one.
    Json(String),
}

/// What a container is and how it fares, which is no configuration; and what is read under another key.
const STATE: [&str; 25] = [
    "Args",
    "Config",
    "Created",
    "Driver",
    "ExecIDs",
    "GraphDriver",
    "HostConfig",
    "HostnamePath",
    "HostsPath",
    "Id",
    "Image",
    "ImageManifestDescriptor",
    "LogPath",
    "MountLabel",
    "Mounts",
    "Name",
    "NetworkSettings",
    "Path",
    "Platform",
    "ResolvConfPath",
    "RestartCount",
    "SizeRootFs",
    "SizeRw",
    "State",
    "Storage",
];

/// Keys of `HostConfig` that come back under `Mounts`, or count with another one.
const ELSEWHERE: [&str; 10] = [
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
];

/// The container that is meant: the only one, or the one of that name or id.
pub(super) fn choose<'n>(node: &'n Node, chosen: Option<&str>, report: &mut Report) -> Option<&'n Node> {
    let all: &[Node] = match &node.content {
        Content::Sequence(items) => items,
        _ => std::slice::from_ref(node),
    };
    let meant = |node: &&Node| {
        chosen.is_none_or(|chosen| {
            let chosen = chosen.trim_start_matches('/');
            !chosen.is_empty() && (name_of(node) == chosen || id_of(node).starts_with(chosen))
        })
    };
    let found: Vec<&Node> = all.iter().filter(meant).collect();
    if let [one] = found.as_slice() {
        if member(one, "HostConfig").is_some() && member(one, "Config").is_some() {
            return Some(one);
        }
        let diagnostic = Diagnostic::error(
            "this is no container of `docker inspect`: it has no `HostConfig` and `Config`",
        );
        report.push(diagnostic, &one.origin);
        return None;
    }
    let names: Vec<&str> = all.iter().map(name_of).filter(|name| !name.is_empty()).collect();
    let message = match (chosen, found.len()) {
        (Some(chosen), 0) => format!("there is no container `{chosen}`"),
        (Some(chosen), count) => format!("`{chosen}` is {count} containers"),
        (None, count) => format!("there are {count} containers: name one with --container"),
    };
    report.push(Diagnostic::error(message).help(format!("containers: {}", names.join(", "))), &node.origin);
    None
}

fn name_of(node: &Node) -> &str {
    scalar_of(node, "Name").trim_start_matches('/')
}

fn id_of(node: &Node) -> &str {
    scalar_of(node, "Id")
}

fn scalar_of<'n>(node: &'n Node, key: &str) -> &'n str {
    match member(node, key).map(|node| &node.content) {
        Some(Content::Scalar(scalar)) => &scalar.text,
        _ => "",
    }
}

/// The container.
pub(super) fn read(node: &Node, reader: &mut Reader<'_>) -> Inspected {
    let mut inspected =
        Inspected { name: name_of(node).to_owned(), sections: Sections::none(), seccomp: Seccomp::Default };
    if inspected.name.is_empty() {
        "container".clone_into(&mut inspected.name);
    }
    let sections = &mut inspected.sections;
    sections.proc = ProcView::Full;
    sections.umask = Some(crate::export::ENGINE_UMASK.into());
    extend(sections, "pts");
    if let Some(host) = member(node, "HostConfig") {
        let privileged =
            member(host, "Privileged").and_then(|node| reader.switch(node, "Privileged")).unwrap_or(false);
        sections.capabilities = capabilities(host, privileged, reader);
        if privileged {
            sections.devices = None;
            inspected.seccomp = Seccomp::Unconfined;
        }
        self::host(host, &mut inspected, reader);
    }
    let sections = &mut inspected.sections;
    for (key, node) in reader.members(node, "the container") {
        match key {
            "AppArmorProfile" => {
                let label = reader.text(node, key);
                sections.apparmor =
                    label.and_then(|label| Sections::label(label, &node.origin, &mut reader.told));
            }

            "ProcessLabel" => {
                if let Some(label) = reader.text(node, key) {
                    selinux(label, node, sections, reader);
                }
            }
            _ if STATE.contains(&key) => {}
            _ => reader.no_word(key, node),
        }
    }
    if let Some(config) = member(node, "Config") {
        self::config(config, sections, reader);
    }
    if let Some(mounts) = member(node, "Mounts") {
        for node in reader.items(mounts, "Mounts") {
            mount(node, sections, reader);
        }
    }
    sections.compare_masks(&mut reader.told);
    inspected
}

/// What Docker makes of its own capabilities, those to add and those to drop: moby, oci/caps/utils.go, TweakCapabilities.
fn capabilities(host: &Node, privileged: bool, reader: &mut Reader<'_>) -> CapSet {
    let mut list = |key: &str| -> (bool, CapSet) {
        let Some(node) = member(host, key) else { return (false, CapSet::EMPTY) };
        let names = reader.texts(node, key);
        let all = names.iter().any(|(name, _)| name.eq_ignore_ascii_case("all"));
        let one = names.into_iter().filter(|(name, _)| !name.eq_ignore_ascii_case("all"));
        (all, one.filter_map(|(name, origin)| capability(name, origin, reader.report)).collect())
    };
    let ((add_all, add), (drop_all, drop)) = (list("CapAdd"), list("CapDrop"));
    let own = Container::docker(Arch::X86_64, (0, 0)).capabilities;
    let without = |from: CapSet| {
        Cap::all().filter(|cap| from.contains(*cap) && !drop.contains(*cap)).collect::<CapSet>()
    };
    match (privileged || add_all, drop_all) {
        _ if privileged => CapSet::ALL,
        (true, _) if drop == CapSet::EMPTY => CapSet::ALL,
        (true, _) => without(CapSet::ALL),
        (false, true) => add,
        (false, false) => without(own).iter().chain(add.iter()).collect(),
    }
}

fn host(node: &Node, inspected: &mut Inspected, reader: &mut Reader<'_>) {
    namespaces(node, &mut inspected.sections, reader);
    memory(node, &mut inspected.sections, reader);
    quota(node, &mut inspected.sections, reader);
    let root = member(node, "ReadonlyRootfs").and_then(|node| reader.switch(node, "ReadonlyRootfs"));
    inspected.sections.read_only_root = root.unwrap_or(false);
    for (key, node) in reader.members(node, "HostConfig") {
        let sections = &mut inspected.sections;
        match key {
            "SecurityOpt" => {
                for node in reader.items(node, key) {
                    if let Some(option) = reader.text(node, key) {
                        security(option, node, inspected, reader);
                    }
                }
            }
            "GroupAdd" => {
                for (group, origin) in reader.texts(node, key) {
                    match group.parse() {
                        Ok(gid) if gid != u32::MAX => {
                            sections.groups.insert(gid);
                        }
                        _ => reader
                            .told
                            .note(origin, format!("left out: the group `{group}` is looked up in the image")),
                    }
                }
            }
            "Tmpfs" => {
                for (at, node) in reader.members(node, key) {
                    let options = reader.text(node, at).unwrap_or_default();
                    let mut options: Vec<&str> = options.split(',').collect();
                    // Docker's own, where nothing else is said: moby, container/container_unix.go, TmpfsMounts.
                    for (option, not) in [("noexec", "exec"), ("nosuid", "suid"), ("nodev", "dev")] {
                        if !options.contains(&not) {
                            options.push(option);
                        }
                    }
                    sections.tmpfs(at, &options, &node.origin, &mut reader.told);
                }
            }
            "Sysctls" => {
                for (name, node) in reader.members(node, key) {
                    if let Some(value) = reader.text(node, name) {
                        sysctl(name, value, node, sections, reader);
                    }
                }
            }
            "Ulimits" => {
                for node in reader.items(node, key) {
                    ulimit(node, sections, reader);
                }
            }
            "PidsLimit" => {
                if let Some(limit) = reader.number(node, key).filter(|limit| *limit > 0) {
                    sections.resources.insert("processes", limit.to_string());
                }
            }
            "NanoCpus" => {
                if let Some(cpus) = reader.number(node, key).filter(|cpus| *cpus > 0) {
                    processors(cpus, 1_000_000_000, node, sections, reader);
                }
            }
            "Devices" => {
                for node in reader.items(node, key) {
                    device(node, sections, reader);
                }
            }
            "MaskedPaths" => {
                for (path, origin) in reader.texts(node, key) {
                    sections.masked(path, origin, &mut reader.told);
                }
            }
            "ReadonlyPaths" => {
                for (path, origin) in reader.texts(node, key) {
                    sections.read_only(path, origin, &mut reader.told);
                }
            }
            "NetworkMode" | "IpcMode" | "PidMode" | "UTSMode" | "UsernsMode" | "CgroupnsMode"
            | "ReadonlyRootfs" => {}
            _ if ELSEWHERE.contains(&key) => {}
            _ => reader.no_word(&format!("HostConfig.{key}"), node),
        }
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

fn namespaces(node: &Node, sections: &mut Sections, reader: &mut Reader<'_>) {
    let kinds = [
        ("network", "NetworkMode"),
        ("ipc", "IpcMode"),
        ("uts", "UTSMode"),
        ("cgroup", "CgroupnsMode"),
        ("user", "UsernsMode"),
        ("pid", "PidMode"),
    ];
    for (kind, key) in kinds {
        let found = member(node, key);
        let mode = found.and_then(|node| reader.text(node, key)).unwrap_or_default();
        let told: &mut Told = &mut reader.told;
        let origin = found.map_or(&node.origin, |node| &node.origin);
        let private = match (kind, mode) {
            // Before 1.41 there was no such key, and containers saw the host's.
            ("cgroup", mode) => mode == "private",
            // Whether dockerd maps users for all containers does not stand here.
            ("user", _) => false,
            (_, "host") => false,
            (_, mode) if mode.starts_with("container:") => {
                told.note(
                    origin,
                    format!("{key} `{mode}` is another container's: it is written as the host's"),
                );
                false
            }
            _ => true,
        };
        if kind == "pid" && !private {
            told.note(origin, "the pid namespace is the host's or another's: a profile's is always its own");
        }
        if kind == "network" && private && mode != "none" {
            told.note(origin, format!("the network is its own, and Docker connects it (`{mode}`): a profile's `private` is connected to nothing"));
        }
        if kind == "ipc" && mode != "none" {
            extend(sections, "shm");
        }
        if private && kind != "pid" {
            sections.private.insert(kind);
        }
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
        processors(quota, period.unwrap_or(100_000), place, sections, reader);
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

fn config(node: &Node, sections: &mut Sections, reader: &mut Reader<'_>) {
    // Nobody is named: root.
    sections.user = Some("0:0".to_owned());
    for (key, node) in reader.members(node, "Config") {
        match key {
            "User" => {
                if let Some(user) = reader.text(node, key).filter(|user| !user.is_empty()) {
                    sections.user = self::user(user, node, reader);
                }
            }
            "Env" => {
                for (variable, origin) in reader.texts(node, key) {
                    sections.variable(variable, origin, &mut reader.told);
                }
            }
            "WorkingDir" => {
                let path = reader.text(node, key).filter(|path| !path.is_empty());
                sections.workdir = path.and_then(|path| Sections::path(path, &node.origin, &mut reader.told));
            }
            "Hostname" => {
                if let Some(name) = reader.text(node, key).filter(|name| !name.is_empty()) {
                    sections.host_name(name, &node.origin, &mut reader.told);
                }
            }
            _ => reader.no_word(&format!("Config.{key}"), node),
        }
    }
}

/// Numbers as they are; names are the image's to know.
fn user(written: &str, node: &Node, reader: &mut Reader<'_>) -> Option<String> {
    let (user, group) = written.split_once(':').unwrap_or((written, ""));
    let number = |text: &str| text.parse::<u32>().is_ok_and(|id| id != u32::MAX);
    if !number(user) || !(group.is_empty() || number(group)) {
        reader.told.note(
            &node.origin,
            format!("left out: the user `{written}` is looked up in the image: write the number"),
        );
        return None;
    }
    if group.is_empty() {
        reader
            .told
            .note(&node.origin, format!("the group of user {user} is looked up in the image; written as 0"));
    }
    Some(format!("{user}:{}", if group.is_empty() { "0" } else { group }))
}

fn mount(node: &Node, sections: &mut Sections, reader: &mut Reader<'_>) {
    let mut read = |key: &str| member(node, key).and_then(|node| reader.text(node, key)).unwrap_or_default();
    let (kind, from, at) = (read("Type"), read("Source"), read("Destination"));
    let writable = member(node, "RW").and_then(|node| reader.switch(node, "RW")).unwrap_or(true);
    let options: &[&str] = if writable { &[] } else { &["ro"] };
    let told = &mut reader.told;
    match kind {
        "tmpfs" => sections.tmpfs(at, &["noexec", "nosuid", "nodev"], &node.origin, told),
        "bind" | "volume" if !from.is_empty() => sections.bind(at, from, options, &node.origin, told),
        _ => told.note(
            &node.origin,
            format!("left out: `{at}` is a mount of type `{kind}` without a path on the host"),
        ),
    }
    if let Some(driver) = member(node, "Driver")
        && reader.text(driver, "Driver").is_some_and(|driver| !driver.is_empty() && driver != "local")
    {
        reader.told.note(&driver.origin, format!("`{at}` is a volume that a driver provides"));
    }
}
