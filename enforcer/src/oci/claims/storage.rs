//! What podman and CRI-O keep of a container, in containers/storage.

use super::bolt::Bolt;
use super::{ClaimsError, kept_by_root, opened_there};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// Whose error it is.
const ENGINE: &str = "podman";

/// The last part of a bundle's path: below a directory `overlay-containers`, or of another driver, and the id.
const BUNDLE: &str = "userdata";

/// Files of one store that list its containers; the second those that do not outlive a restart of the host.
/// containers/storage, containers.go; since 1.45.
const LISTS: [&str; 2] = ["containers.json", "volatile-containers.json"];

/// What is kept of a container.
#[derive(Debug)]
pub(super) struct Kept {
    /// The image's name, as whoever started the container wrote it.
    pub(super) image: Option<String>,
    /// `sha256:` and the image's id, where that is the digest of its configuration.
    pub(super) digest: Option<String>,
    /// The container's name.
    pub(super) name: Option<String>,
}

/// One in the list of containers.
#[derive(Debug, Deserialize)]
struct Container {
    id: String,
    #[serde(default)]
    names: Option<Vec<String>>,
    #[serde(default)]
    image: String,
    /// JSON of the engine's.
    #[serde(default)]
    metadata: String,
}

/// What both engines write as metadata. libpod/storage.go; CRI-O, internal/storage/runtime.go.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Metadata {
    image_name: Option<String>,
}

/// What is kept of the container `id` with this bundle. `None`: it is in no containers/storage.
pub(super) fn kept(bundle: &Path, id: &str, stores: &[PathBuf]) -> Result<Option<Kept>, ClaimsError> {
    let Some((driver, own)) = named(bundle) else { return Ok(None) };
    let fault = |path: &Path, why: &str| {
        let why = why.to_owned();
        ClaimsError { engine: ENGINE, path: path.to_owned(), why }
    };
    if own != id {
        return Err(fault(bundle, &format!("it is about the container {own}")));
    }
    let stores: Vec<PathBuf> = stores.iter().filter_map(|store| store.canonicalize().ok()).collect();
    if !stores.iter().any(|store| bundle == store.join(format!("{driver}-containers")).join(id).join(BUNDLE))
    {
        return Err(fault(
            bundle,
            "it is not where the rules say that podman keeps its containers (`podman`)",
        ));
    }
    for store in &stores {
        for list in LISTS {
            let path = store.join(format!("{driver}-containers")).join(list);
            if !path.exists() {
                continue;
            }
            let listed: Vec<Container> = read(&path)?;
            let mut own = listed.into_iter().filter(|container| container.id == id);
            let Some(container) = own.next() else { continue };
            if own.next().is_some() {
                return Err(fault(&path, "it is listed twice"));
            }
            let metadata: Metadata = serde_json::from_str(&container.metadata).unwrap_or_default();
            return Ok(Some(Kept {
                digest: digest(&stores, driver, &container.image)?,
                image: metadata.image_name.filter(|name| !name.is_empty()),
                name: container.names.and_then(|names| names.into_iter().next()),
            }));
        }
    }
    Err(fault(bundle, "no list of containers beside it has it"))
}

/// The labels of podman's container `id`, of its image and of whoever made it. libpod/boltdb_state_internal.go. Since 4.8
/// podman keeps them in SQLite: such are not read.
pub(super) fn labels(id: &str, stores: &[PathBuf]) -> Result<BTreeMap<String, String>, ClaimsError> {
    #[derive(Deserialize)]
    struct Config {
        #[serde(default)]
        labels: Option<BTreeMap<String, String>>,
    }
    let mut asked = PathBuf::from("libpod");
    for path in stores.iter().map(|store| store.join("libpod/bolt_state.db")).filter(|path| path.exists()) {
        let fault =
            |error: io::Error| ClaimsError { engine: ENGINE, path: path.clone(), why: error.to_string() };
        let database = opened_there(&path).and_then(Bolt::open).map_err(fault)?;
        if let Some(text) = database.value(&["ctr", id], "config").map_err(fault)? {
            let config: Config = serde_json::from_slice(&text).map_err(|error| fault(error.into()))?;
            return Ok(config.labels.unwrap_or_default());
        }
        asked = path;
    }
    let why = "the rules ask for labels, and no database that can be read has this container's (`bolt_state.db`; \
               `--annotation`, and rules about annotations, need none)";
    Err(ClaimsError { engine: ENGINE, path: asked, why: why.to_owned() })
}

/// The storage driver and the id in the path of a bundle.
fn named(bundle: &Path) -> Option<(&str, &str)> {
    let own = bundle.ends_with(BUNDLE).then(|| bundle.parent()).flatten()?;
    let driver = own.parent()?.file_name()?.to_str()?.strip_suffix("-containers")?;
    Some((driver, own.file_name()?.to_str()?))
}

/// The digest of an image. Its id is that of its configuration, unless a tool gave it another: such a one says nothing.
fn digest(stores: &[PathBuf], driver: &str, image: &str) -> Result<Option<String>, ClaimsError> {
    if image.len() != 64 || !image.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(None);
    }
    let digest = format!("sha256:{image}");
    // containers/storage, images.go, `makeBigDataBaseName`.
    let name = format!("={}", BASE64_STANDARD.encode(&digest));
    let paths = stores.iter().map(|store| store.join(format!("{driver}-images")).join(image).join(&name));
    let Some(path) = paths.into_iter().find(|path| path.exists()) else { return Ok(None) };
    let text = kept_by_root(&path).map_err(|error| ClaimsError {
        engine: ENGINE,
        path: path.clone(),
        why: error.to_string(),
    })?;
    let found: String = Sha256::digest(&text).iter().map(|byte| format!("{byte:02x}")).collect();
    Ok((found == image).then_some(digest))
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, ClaimsError> {
    let fault = |why: String| ClaimsError { engine: ENGINE, path: path.to_owned(), why };
    let text = kept_by_root(path).map_err(|error| fault(error.to_string()))?;
    serde_json::from_slice(&text).map_err(|error| fault(error.to_string()))
}

#[cfg(test)]
mod tests;
