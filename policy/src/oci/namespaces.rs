//! `linux.namespaces`, id maps and propagation. config-linux.md.

use super::{Cut, Document, Refusal, Surroundings};
use crate::origin::Ruled;
use crate::plan::{IdMap, IdMaps};
use crate::policy::{NamespaceKind, NamespaceMode, Policy};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A kind that no policy speaks of: clocks of its own take nothing from anyone.
const TIME: &str = "time";

/// Whose namespaces a container is in. One that it joins counts as its own if nothing runs in it yet: engines make
/// such ones for a container. One that others are in must be admitted, and the host's never counts as its own.
pub(super) fn modes(
    document: &Document,
    joins: &BTreeSet<NamespaceKind>,
    surroundings: &dyn Surroundings,
    refusals: &mut Vec<Refusal>,
) -> Result<BTreeMap<NamespaceKind, Ruled<NamespaceMode>>, String> {
    let mut modes = BTreeMap::new();
    for (index, entry) in document.list(&["linux", "namespaces"]).iter().enumerate() {
        let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default();
        let field = format!("linux.namespaces[{index}]");
        let joined = !text("path").is_empty();
        let Some(kind) = NamespaceKind::ALL.into_iter().find(|kind| kind.name() == text("type")) else {
            if text("type") != TIME {
                refusals.push(Refusal::plain(field, format!("no namespace `{}` is known", text("type"))));
            } else if joined {
                refusals.push(Refusal::plain(field, "nothing here looks at a joined time namespace"));
            }
            continue;
        };
        let mode = if joined && surroundings.is_hosts(kind, text("path"))? {
            NamespaceMode::Host
        } else {
            NamespaceMode::Private
        };
        if joined && kind == NamespaceKind::User {
            refusals
                .push(Refusal::plain(&field, "nothing here says how a joined user namespace maps its ids"));
        } else if joined && kind == NamespaceKind::Mount {
            refusals.push(Refusal::plain(&field, "nothing here has looked at the root of a joined one"));
        } else if joined
            && mode == NamespaceMode::Private
            && !joins.contains(&kind)
            && let Some(process) = surroundings.inhabitant(kind, text("path"))?
        {
            let word = kind.name();
            let why = format!(
                "it would be in the {word} namespace of another container (process {process}), and the rules admit \
                 none (`joins: [{word}]`)"
            );
            refusals.push(Refusal::plain(&field, why));
        }
        if modes.insert(kind, Ruled::unwritten(mode)).is_some() {
            refusals.push(Refusal::plain(field, format!("a namespace `{}` stands twice", kind.name())));
        }
    }
    for kind in NamespaceKind::ALL {
        modes.entry(kind).or_insert(Ruled::unwritten(NamespaceMode::Host));
    }
    Ok(modes)
}

/// Gives the container a view of the cgroup tree of its own, where the policy wants one: it only hides the host's, and
/// Docker leaves it out on hosts with cgroup v1 though nobody asked for that.
pub(super) fn hide_cgroups(
    document: &mut Document,
    policy: &Policy,
    modes: &mut BTreeMap<NamespaceKind, Ruled<NamespaceMode>>,
) -> Option<Cut> {
    let asked = policy.namespaces.mode(NamespaceKind::Cgroup);
    let mut namespaces = document.list(&["linux", "namespaces"]).to_vec();
    let named = namespaces.iter().any(|entry| entry.get("type") == Some(&"cgroup".into()));
    if asked.value != NamespaceMode::Private || named {
        return None;
    }
    namespaces.push(json!({"type": "cgroup"}));
    document.set(&["linux", "namespaces"], namespaces);
    modes.insert(NamespaceKind::Cgroup, Ruled::unwritten(NamespaceMode::Private));
    Some(Cut {
        field: "linux.namespaces".to_owned(),
        change: "a cgroup namespace of its own".to_owned(),
        origins: asked.origins,
    })
}

/// What the policy wants private and the container shares with the host: it cannot be changed without changing what
/// the container is.
pub(super) fn check(
    policy: &Policy,
    modes: &BTreeMap<NamespaceKind, Ruled<NamespaceMode>>,
    refusals: &mut Vec<Refusal>,
) {
    for kind in NamespaceKind::ALL {
        let asked = policy.namespaces.mode(kind);
        // The view of the tree and of processes stands on these two: no profile can have the host's.
        let always = matches!(kind, NamespaceKind::Mount | NamespaceKind::Pid);
        let is_hosts = modes.get(&kind).is_none_or(|mode| mode.value == NamespaceMode::Host);
        if is_hosts && (always || asked.value == NamespaceMode::Private) {
            let why = format!("the container is in the host's {} namespace", kind.name());
            refusals.push(Refusal { field: "linux.namespaces".to_owned(), why, origins: asked.origins });
        }
    }
}

/// The id maps of a user namespace of its own.
pub(super) fn id_maps(
    document: &Document,
    policy: &Policy,
    mode: NamespaceMode,
    refusals: &mut Vec<Refusal>,
) -> Option<IdMaps> {
    let mut read = |kind: &str| -> Vec<IdMap> {
        let number = |entry: &Value, key: &str| {
            entry.get(key).and_then(Value::as_u64).and_then(|number| u32::try_from(number).ok())
        };
        let field = format!("linux.{kind}");
        let entries = document.list(&["linux", kind]).iter();
        let maps: Vec<Option<IdMap>> = entries
            .map(|entry| {
                Some(IdMap {
                    inside: number(entry, "containerID")?,
                    outside: number(entry, "hostID")?,
                    count: number(entry, "size")?,
                })
            })
            .collect();
        if maps.iter().any(Option::is_none) {
            refusals
                .push(Refusal::plain(&field, "a line of the map lacks a number, or has one above 32 bits"));
        }
        let asked = policy.namespaces.mode(NamespaceKind::User);
        let root = maps.iter().flatten().any(|map| map.outside == 0 && map.count > 0);
        if root && asked.value == NamespaceMode::Private && kind == "uidMappings" {
            let why = "the host's root is mapped into the container".to_owned();
            refusals.push(Refusal { field, why, origins: asked.origins });
        }
        maps.into_iter().flatten().collect()
    };
    let (uids, gids) = (read("uidMappings"), read("gidMappings"));
    (mode == NamespaceMode::Private).then_some(IdMaps { uids, gids, deny_setgroups: false })
}

/// A root from which mounts of the container reach the host.
pub(super) fn check_propagation(document: &Document, refusals: &mut Vec<Refusal>) {
    let propagation = document.string(&["linux", "rootfsPropagation"]);
    if matches!(propagation, "shared" | "rshared") {
        let why = format!("`{propagation}`: what the container mounts would be mounted on the host");
        refusals.push(Refusal::plain("linux.rootfsPropagation", why));
    }
}
