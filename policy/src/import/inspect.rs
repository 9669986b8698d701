//! What `docker inspect` says of a container. Docker Engine API 1.41, ContainerInspect.

mod config;
mod host;
mod namespaces;

use super::container::Sections;
use super::members::{Reader, member};
use super::oci::{extend, selinux};
use crate::diagnostic::Diagnostic;
use crate::parse::report::Report;
use crate::parse::tree::{Content, Node};
use crate::policy::ProcView;

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
    if let Some(node) = member(node, "HostConfig") {
        let privileged =
            member(node, "Privileged").and_then(|node| reader.switch(node, "Privileged")).unwrap_or(false);
        sections.capabilities = host::capabilities(node, privileged, reader);
        if privileged {
            sections.devices = None;
            inspected.seccomp = Seccomp::Unconfined;
        }
        host::read(node, &mut inspected, reader);
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
    if let Some(node) = member(node, "Config") {
        config::read(node, sections, reader);
    }
    if let Some(mounts) = member(node, "Mounts") {
        for node in reader.items(mounts, "Mounts") {
            mount(node, sections, reader);
        }
    }
    sections.compare_masks(&mut reader.told);
    inspected
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
