//! What Docker keeps of a container.

use super::{Bundle, ClaimsError, kept_by_root};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What Docker writes of a container: moby, container/container.go.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Kept {
    #[serde(rename = "ID")]
    id: String,
    pub(super) name: String,
    pub(super) image: String,
    pub(super) config: Config,
    /// What lays its root out: `overlay2`.
    driver: String,
    state: State,
}

/// Of a container that ran already.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct State {
    running: bool,
    pid: u32,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Config {
    pub(super) image: String,
    pub(super) labels: Option<BTreeMap<String, String>>,
}

/// Docker's file about a container.
const FILE: &str = "config.v2.json";

/// Docker's own file about the container, where Docker keeps this very container; counted only where nobody but root can
/// have written it, and for the root that Docker has for it: elsewhere ids are chosen by whoever brings a checkpoint, or by
/// clients of containerd. What else it says of the bundle, as the command, is Docker's user's word in both. `None`: the
/// container is not Docker's.
pub(super) fn kept(bundle: &Bundle, id: &str, docker: &[PathBuf]) -> Result<Option<Kept>, ClaimsError> {
    let Some((store, path)) =
        docker.iter().map(|store| (store, file(store, id))).find(|(_, path)| path.exists())
    else {
        return elsewhere(bundle);
    };
    let fault = |why: String| ClaimsError { engine: "Docker", path: path.clone(), why };
    let kept = read(store, id).map_err(fault)?;
    let root = bundle.root().map_err(|error| fault(error.to_string()))?;
    if !has_root(store, id, &kept.driver, &root) {
        return Err(fault(format!("Docker's container {id} has not the root {}", root.display())));
    }
    Ok(Some(kept))
}

/// The first process of Docker's container `id`, where Docker says that it runs; what is not root's says nothing.
pub(super) fn process(store: &Path, id: &str) -> Option<u32> {
    let state = read(store, id).ok()?.state;
    state.running.then_some(state.pid)
}

fn file(store: &Path, id: &str) -> PathBuf {
    store.join("containers").join(id).join(FILE)
}

fn read(store: &Path, id: &str) -> Result<Kept, String> {
    let text = kept_by_root(&file(store, id)).map_err(|error| error.to_string())?;
    let kept: Kept = serde_json::from_slice(&text).map_err(|error| error.to_string())?;
    if kept.id == id { Ok(kept) } else { Err(format!("it is about the container {}", kept.id)) }
}

/// Where Docker's drivers lay roots out, below its own directory: what stands before the name of one, and behind it. moby,
/// daemon/graphdriver.
const DRIVERS: [(&str, &str, &str); 5] = [
    ("overlay2", "overlay2", "merged"),
    ("fuse-overlayfs", "fuse-overlayfs", "merged"),
    ("vfs", "vfs/dir", ""),
    ("btrfs", "btrfs/subvolumes", ""),
    ("zfs", "zfs/graph", ""),
];

/// Where snapshots of containerd's are mounted, by the snapshotter and the id. moby, daemon/snapshotter/mount.go.
const SNAPSHOTS: &str = "rootfs";

/// Whether a root is the one that Docker lays out for the container: named by a number of its own, or by the id where the
/// image is containerd's. moby, layer/filestore.go, `mount-id`. The place counts too: whoever makes a volume names it.
fn has_root(store: &Path, id: &str, driver: &str, root: &Path) -> bool {
    let Ok(store) = store.canonicalize() else { return false };
    let number = store.join("image").join(driver).join("layerdb/mounts").join(id).join("mount-id");
    let number = kept_by_root(&number).ok().and_then(|text| String::from_utf8(text).ok());
    let Ok(below) = root.strip_prefix(&store) else { return false };
    match number.as_deref().map(str::trim) {
        Some(number) => DRIVERS.iter().any(|(name, before, behind)| {
            let place = Path::new(before).join(number).join(behind);
            *name == driver && !number.is_empty() && below == place
        }),
        None => {
            let snapshotter = below.parent().and_then(Path::parent);
            snapshotter == Some(Path::new(SNAPSHOTS)) && below.file_name().is_some_and(|name| name == id)
        }
    }
}

/// A Docker of which the rules know nothing shows by the file that it mounts into every container: labels that ask for
/// something stricter would be passed over.
fn elsewhere(bundle: &Bundle) -> Result<Option<Kept>, ClaimsError> {
    let mounts = bundle.config.get(&["mounts"]).and_then(Value::as_array);
    let sources =
        mounts.into_iter().flatten().filter_map(|mount| mount.get("source").and_then(Value::as_str));
    for path in sources.filter_map(|source| Some(Path::new(source).parent()?.join(FILE))) {
        if path.exists() {
            let why = "it is not where the rules say that Docker keeps this container (`docker`)".to_owned();
            return Err(ClaimsError { engine: "Docker", path, why });
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests;
