//! Other containers of Docker and podman whose namespaces a container is started in: files that their engine keeps for
//! them it mounts into that container, too.

use super::{Bundle, Stores, docker, kept_by_root};
use crate::oci::surroundings::Here;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};
use stockade_policy::policy::NamespaceKind;

/// The namespaces with which files come: `--network container:…`, `--ipc container:…`. docker-run(1), podman-run(1).
const KINDS: [NamespaceKind; 2] = [NamespaceKind::Network, NamespaceKind::Ipc];

/// podman's containers, with its usual driver.
const OF_PODMAN: &str = "overlay-containers";

/// What an engine with a store says is the first process of one of its containers.
type Process = fn(&Path, &str) -> Option<u32>;

/// A container in whose namespace another one is started.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Partner {
    /// Which of its namespaces.
    pub kind: NamespaceKind,
    /// Its id: letters and digits.
    pub id: String,
}

/// The containers of whose files the bundle would mount some, and of which it joins a namespace: that of the process that
/// the engine, in a file that nobody but root can write, says is theirs. One of which that cannot be said is none.
pub fn partners(bundle: &Bundle, stores: &Stores, here: &Here) -> BTreeSet<Partner> {
    let list = |path: &[&str]| bundle.config.get(path).and_then(Value::as_array).into_iter().flatten();
    let text = |entry: &Value, key: &str| entry.get(key).and_then(Value::as_str).map(str::to_owned);
    let joined: Vec<(NamespaceKind, String)> = list(&["linux", "namespaces"])
        .filter_map(|entry| {
            let kind = KINDS.into_iter().find(|kind| entry.get("type") == Some(&kind.name().into()))?;
            Some((kind, text(entry, "path").filter(|path| !path.is_empty())?))
        })
        .collect();
    let mut partners = BTreeSet::new();
    if joined.is_empty() {
        return partners;
    }
    let sources: BTreeSet<String> = list(&["mounts"]).filter_map(|mount| text(mount, "source")).collect();
    let engines: [(&[PathBuf], &str, Process); 2] =
        [(&stores.docker, "containers", docker::process), (&stores.podman, OF_PODMAN, of_podman)];
    for (stores, containers, process) in engines {
        let places: Vec<PathBuf> = stores.iter().map(|store| store.join(containers)).collect();
        let named = sources.iter().filter_map(|path| places.iter().find_map(|place| below(place, path)));
        for id in named.collect::<BTreeSet<&str>>() {
            // podman has one store for what lives until a restart of the host, and one for the rest.
            let Some(process) = stores.iter().find_map(|store| process(store, id)) else { continue };
            let shared = joined.iter().filter(|(kind, path)| here.is_of(path, *kind, process));
            partners.extend(shared.map(|(kind, _)| Partner { kind: *kind, id: id.to_owned() }));
        }
    }
    partners
}

/// The name below `directory` that a path begins with, where it can be an id.
fn below<'a>(directory: &Path, path: &'a str) -> Option<&'a str> {
    let Component::Normal(name) = Path::new(path).strip_prefix(directory).ok()?.components().next()? else {
        return None;
    };
    let is_id = |name: &&str| name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    name.to_str().filter(is_id)
}

/// By the file that conmon(8) writes for podman.
fn of_podman(store: &Path, id: &str) -> Option<u32> {
    let text = kept_by_root(&store.join(OF_PODMAN).join(id).join("userdata/pidfile")).ok()?;
    std::str::from_utf8(&text).ok()?.trim().parse().ok()
}
