//! Whose namespaces a container of Docker's is in.

use super::super::container::Sections;
use super::super::members::{Reader, member};
use super::super::oci::extend;
use super::super::told::Told;
use crate::parse::tree::Node;
use crate::policy::NamespaceKind;

/// Keys of `HostConfig` by the kind of namespace that they are about.
const MODES: [(NamespaceKind, &str); 6] = [
    (NamespaceKind::Network, "NetworkMode"),
    (NamespaceKind::Ipc, "IpcMode"),
    (NamespaceKind::Uts, "UTSMode"),
    (NamespaceKind::Cgroup, "CgroupnsMode"),
    (NamespaceKind::User, "UsernsMode"),
    (NamespaceKind::Pid, "PidMode"),
];

/// Reads them.
pub(super) fn read(node: &Node, sections: &mut Sections, reader: &mut Reader<'_>) {
    for (kind, key) in MODES {
        let found = member(node, key);
        let mode = found.and_then(|node| reader.text(node, key)).unwrap_or_default();
        let told: &mut Told = &mut reader.told;
        let origin = found.map_or(&node.origin, |node| &node.origin);
        let private = match (kind, mode) {
            // Before 1.41 there was no such key, and containers saw the host's.
            (NamespaceKind::Cgroup, mode) => mode == "private",
            // Whether dockerd maps users for all containers does not stand here.
            (NamespaceKind::User, _) => false,
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
        if kind == NamespaceKind::Pid && !private {
            told.note(origin, "the pid namespace is the host's or another's: a profile's is always its own");
        }
        if kind == NamespaceKind::Network && private && mode != "none" {
            told.note(origin, format!("the network is its own, and Docker connects it (`{mode}`): a profile's `private` is connected to nothing"));
        }
        if kind == NamespaceKind::Ipc && mode != "none" {
            extend(sections, "shm");
        }
        if private && kind != NamespaceKind::Pid {
            sections.private.insert(kind);
        }
    }
}
