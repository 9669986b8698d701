//! An OCI runtime's `config.json`, the whole of it. runtime-spec 1.2, config.md and config-linux.md.

use super::container::{EITHER, Sections, capability};
use super::members::{Reader, member};
use crate::parse::tree::Node;
use crate::policy::{NamespaceKind, ProcView};
use crate::vocab::CapSet;

/// Whether a document is a whole configuration.
pub(super) fn is_config(node: &Node) -> bool {
    member(node, "ociVersion").is_some()
}

/// The sections of a configuration; its seccomp object is read elsewhere.
pub(super) fn sections(node: &Node, reader: &mut Reader<'_>) -> Sections {
    let mut sections = Sections::none();
    // What others depend on comes first.
    if let Some(namespaces) = member(node, "linux").and_then(|linux| member(linux, "namespaces")) {
        self::namespaces(namespaces, &mut sections, reader);
    }
    if let Some(root) = member(node, "root").and_then(|root| member(root, "readonly")) {
        sections.read_only_root = reader.switch(root, "root.readonly").unwrap_or(false);
    }
    for (key, node) in reader.members(node, "the configuration") {
        match key {
            "ociVersion" => {
                reader.text(node, key);
            }
            "process" => process(node, &mut sections, reader),
            // Where it lies is the caller's business.
            "root" => {
                reader.members(node, key);
            }
            "hostname" => {
                if let Some(name) = reader.text(node, key).filter(|name| !name.is_empty()) {
                    sections.host_name(name, &node.origin, &mut reader.told);
                }
            }
            "mounts" => {
                for node in reader.items(node, key) {
                    mount(node, &mut sections, reader);
                }
            }
            "linux" => linux(node, &mut sections, reader),
            _ => reader.no_word(key, node),
        }
    }
    sections.compare_masks(&mut reader.told);
    sections
}

fn process(node: &Node, sections: &mut Sections, reader: &mut Reader<'_>) {
    for (key, node) in reader.members(node, "process") {
        let name = format!("process.{key}");
        match key {
            "user" => user(node, sections, reader),
            "env" => {
                for (variable, origin) in reader.texts(node, &name) {
                    sections.variable(variable, origin, &mut reader.told);
                }
            }
            "cwd" => {
                let path = reader.text(node, &name);
                sections.workdir = path.and_then(|path| Sections::path(path, &node.origin, &mut reader.told));
            }
            "capabilities" => sections.capabilities = capabilities(node, reader),
            "rlimits" => {
                for node in reader.items(node, &name) {
                    rlimit(node, sections, reader);
                }
            }
            "noNewPrivileges" => sections.no_new_privileges = reader.switch(node, &name).unwrap_or(false),
            "apparmorProfile" => {
                let label = reader.text(node, &name);
                sections.apparmor =
                    label.and_then(|label| Sections::label(label, &node.origin, &mut reader.told));
            }

            "selinuxLabel" => {
                if let Some(label) = reader.text(node, &name) {
                    selinux(label, node, sections, reader);
                }
            }
            _ => reader.no_word(&name, node),
        }
    }
}

/// The type of a context `user:role:type:level`.
pub(super) fn selinux(label: &str, node: &Node, sections: &mut Sections, reader: &mut Reader<'_>) {
    let mut parts = label.splitn(4, ':');
    if let Some(kind) = parts.nth(2) {
        sections.selinux = Sections::label(kind, &node.origin, &mut reader.told);
        reader
            .told
            .note(&node.origin, format!("of the SELinux context `{label}` a profile names the type alone"));
    }
}

fn user(node: &Node, sections: &mut Sections, reader: &mut Reader<'_>) {
    let (mut uid, mut gid) = (0, 0);
    for (key, node) in reader.members(node, "process.user") {
        let name = format!("process.user.{key}");
        match key {
            "uid" => uid = reader.id(node, &name).unwrap_or(0),
            "gid" => gid = reader.id(node, &name).unwrap_or(0),
            "umask" => sections.umask = reader.count(node, &name).map(|mask| mask & 0o777),
            "additionalGids" => {
                for node in reader.items(node, &name) {
                    sections.groups.extend(reader.id(node, &name));
                }
            }
            _ => reader.no_word(&name, node),
        }
    }
    sections.user = Some(format!("{uid}:{gid}"));
}

/// What is in any of the five sets; a profile's are in all that the kernel gives.
fn capabilities(node: &Node, reader: &mut Reader<'_>) -> CapSet {
    let mut sets: Vec<(String, CapSet)> = Vec::new();
    for (key, node) in reader.members(node, "process.capabilities") {
        let names = reader.texts(node, key);
        let caps =
            names.into_iter().filter_map(|(name, origin)| capability(name, origin, reader.report)).collect();
        sets.push((key.to_owned(), caps));
    }
    let bounding = sets.iter().find(|(key, _)| key == "bounding").map_or(CapSet::EMPTY, |(_, caps)| *caps);
    let all: CapSet = sets.iter().flat_map(|(_, caps)| caps.iter()).collect();
    let differing: Vec<&str> =
        sets.iter().filter(|(_, caps)| *caps != bounding).map(|(key, _)| key.as_str()).collect();
    if !differing.is_empty() {
        let text = "other capabilities than the bounding set: a profile has one list, which is all of them";
        reader.told.note(&node.origin, format!("{} holds {text}", differing.join(", ")));
    }
    all
}

fn rlimit(node: &Node, sections: &mut Sections, reader: &mut Reader<'_>) {
    let (mut kind, mut soft, mut hard) = (None, None, None);
    for (key, node) in reader.members(node, "an entry of `rlimits`") {
        match key {
            "type" => kind = reader.text(node, key),
            "soft" => soft = reader.count(node, key),
            "hard" => hard = reader.count(node, key),
            _ => reader.no_word(&format!("process.rlimits.{key}"), node),
        }
    }
    if let (Some(kind), Some(soft), Some(hard)) = (kind, soft, hard) {
        let kind = kind.strip_prefix("RLIMIT_").unwrap_or(kind);
        sections.limit(kind, soft, hard, &node.origin, &mut reader.told);
    }
}

fn mount(node: &Node, sections: &mut Sections, reader: &mut Reader<'_>) {
    let (mut at, mut kind, mut from, mut options) = (None, "", None, Vec::new());
    for (key, node) in reader.members(node, "an entry of `mounts`") {
        match key {
            "destination" => at = reader.text(node, key),
            "type" => kind = reader.text(node, key).unwrap_or_default(),
            "source" => from = reader.text(node, key),
            "options" => options = reader.texts(node, key).into_iter().map(|(option, _)| option).collect(),
            _ => reader.no_word(&format!("mounts.{key}"), node),
        }
    }
    let Some(at) = at else { return };
    let told = &mut reader.told;
    let bound = options.iter().any(|option| matches!(*option, "bind" | "rbind"));
    match (kind, at) {
        _ if bound || kind == "bind" => match from {
            Some(from) if from.starts_with('/') => sections.bind(at, from, &options, &node.origin, told),
            _ => told.note(&node.origin, format!("left out: `{at}` is mounted from a path in the bundle")),
        },
        ("proc", "/proc") => sections.proc = view(&options),
        ("tmpfs", "/dev") => {}
        ("devpts", "/dev/pts") => extend(sections, "pts"),
        ("tmpfs", "/dev/shm") => extend(sections, "shm"),
        ("tmpfs", _) => sections.tmpfs(at, &options, &node.origin, told),
        _ => told.no_word(&format!("{at} ({kind})"), &node.origin),
    }
}

/// A directory of `/dev`.
pub(super) fn extend(sections: &mut Sections, name: &str) {
    if let Some(devices) = &mut sections.devices {
        devices.insert(name.to_owned());
    }
}

/// proc(5): `hidepid`, `subset`.
fn view(options: &[&str]) -> ProcView {
    let hidden = options.iter().any(|option| matches!(*option, "hidepid=4" | "hidepid=ptraceable"));
    match (hidden, options.contains(&"subset=pid")) {
        (true, true) => ProcView::Minimal,
        (true, false) => ProcView::Hidden,
        _ => ProcView::Full,
    }
}

fn linux(node: &Node, sections: &mut Sections, reader: &mut Reader<'_>) {
    for (key, node) in reader.members(node, "linux") {
        let name = format!("linux.{key}");
        match key {
            // Read before, or by those who read filters.
            "namespaces" | "seccomp" => {}
            "sysctl" => {
                for (key, node) in reader.members(node, &name) {
                    if let Some(value) = reader.text(node, key) {
                        sysctl(key, value, node, sections, reader);
                    }
                }
            }
            "resources" => super::resources::read(node, sections, reader),
            "devices" => {
                for node in reader.items(node, &name) {
                    if let Some(path) = member(node, "path").and_then(|path| reader.text(path, "path")) {
                        sections.device(path, &node.origin, &mut reader.told);
                    }
                }
            }
            "maskedPaths" => {
                for (path, origin) in reader.texts(node, &name) {
                    sections.masked(path, origin, &mut reader.told);
                }
            }
            "readonlyPaths" => {
                for (path, origin) in reader.texts(node, &name) {
                    sections.read_only(path, origin, &mut reader.told);
                }
            }
            _ => reader.no_word(&name, node),
        }
    }
}

/// A sysctl that a namespace has for itself.
pub(super) fn sysctl(name: &str, value: &str, node: &Node, sections: &mut Sections, reader: &mut Reader<'_>) {
    if crate::profile::is_namespaced(name) {
        sections.sysctls.insert(name.to_owned(), value.to_owned());
    } else {
        reader
            .told
            .note(&node.origin, format!("left out: `{name}` is no sysctl that a namespace has of its own"));
    }
}

fn namespaces(node: &Node, sections: &mut Sections, reader: &mut Reader<'_>) {
    let mut own = Vec::new();
    for node in reader.items(node, "linux.namespaces") {
        let kind = member(node, "type").and_then(|kind| reader.text(kind, "type"));
        let path =
            member(node, "path").and_then(|path| reader.text(path, "path")).filter(|path| !path.is_empty());
        let Some(kind) = kind else { continue };
        own.push(kind);
        let known = EITHER.into_iter().find(|known| known.name() == kind);
        match (known, path) {
            (Some(NamespaceKind::Network), Some(path)) => {
                sections.network = Sections::path(path, &node.origin, &mut reader.told);
            }
            (Some(known), None) => {
                sections.private.insert(known);
            }
            (None, None) if matches!(kind, "pid" | "mount") => {}
            (_, Some(_)) => {
                reader.told.note(&node.origin, format!("the {kind} namespace of another is joined: a profile joins networks alone, so it is written as the host's"));
            }
            (None, None) => reader.told.no_word(&format!("the {kind} namespace"), &node.origin),
        }
    }
    for kind in ["pid", "mount"].into_iter().filter(|kind| !own.contains(kind)) {
        reader
            .told
            .note(&node.origin, format!("the {kind} namespace is the host's: a profile's is always its own"));
    }
}
