//! What is said of a container: by its bundle, and by files that the engine keeps for it.

use super::bundle::{Bundle, read};
use rustix::fs::{FileType, Mode, OFlags, fstat, open};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use stockade_policy::rules::{Claims, REQUEST};

/// The variable by which a container asks for a profile.
const VARIABLE: &str = "STOCKADE_PROFILE=";

/// Where Docker keeps its containers if nothing else is said. dockerd(8), `--data-root`.
pub const DOCKER: &str = "/var/lib/docker";

/// Annotations by which runtimes of Kubernetes say what a container is: containerd, pkg/cri/annotations; CRI-O,
/// pkg/annotations.
const KINDS: [&str; 2] = ["io.kubernetes.cri.container-type", "io.kubernetes.cri-o.ContainerType"];
const IMAGES: [&str; 2] = ["io.kubernetes.cri.image-name", "io.kubernetes.cri-o.ImageName"];
const NAMES: [&str; 2] = ["io.kubernetes.cri.container-name", "io.kubernetes.cri-o.ContainerName"];

/// Longest file of Docker's about a container, bytes: it grows with labels and mounts.
const LONGEST: u64 = 8 << 20;

/// Why what an engine says of a container could not be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read what Docker keeps of this container in {}: {why}", path.display())]
pub struct ClaimsError {
    path: PathBuf,
    why: String,
}

/// What Docker writes of a container: moby, container/container.go.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Kept {
    #[serde(rename = "ID")]
    id: String,
    name: String,
    image: String,
    config: Config,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Config {
    image: String,
    labels: Option<BTreeMap<String, String>>,
}

/// What is said of the container `id`.
pub fn claims(bundle: &Bundle, id: &str, docker: &[PathBuf]) -> Result<Claims, ClaimsError> {
    let config = &bundle.config;
    let annotations: BTreeMap<String, String> = config
        .get(&["annotations"])
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
        .collect();
    let first = |names: &[&str]| names.iter().find_map(|name| annotations.get(*name)).cloned();
    let user = config.get(&["process", "user", "uid"]).and_then(Value::as_u64);
    let mut claims = Claims {
        image: first(&IMAGES),
        name: first(&NAMES),
        // A number that is none is refused with the bundle.
        user: user.and_then(|user| u32::try_from(user).ok()).unwrap_or_default(),
        sandbox: KINDS
            .iter()
            .find(|name| annotations.get(**name).is_some_and(|kind| kind == "sandbox"))
            .map(|name| (*name).to_owned()),
        ..Claims::default()
    };
    if let Some(kept) = kept(bundle, id, docker)? {
        claims.image = Some(kept.config.image);
        claims.digest = Some(kept.image);
        claims.name = Some(kept.name.trim_start_matches('/').to_owned());
        claims.labels = kept.config.labels.unwrap_or_default();
    }
    let environment = config.get(&["process", "env"]).and_then(Value::as_array);
    let variables =
        environment.into_iter().flatten().filter_map(|entry| entry.as_str()?.strip_prefix(VARIABLE));
    let asked = [claims.labels.get(REQUEST), annotations.get(REQUEST)].into_iter().flatten().cloned();
    claims.requests = asked.chain(variables.map(str::to_owned)).collect();
    claims.requests.dedup();
    claims.annotations = annotations;
    Ok(claims)
}

/// Docker's own file about the container, where Docker keeps this very container; counted only where nobody but root can
/// have written it. `None`: the container is not Docker's.
fn kept(bundle: &Bundle, id: &str, docker: &[PathBuf]) -> Result<Option<Kept>, ClaimsError> {
    let name = "config.v2.json";
    let paths = docker.iter().map(|root| root.join("containers").join(id).join(name));
    let Some(path) = paths.into_iter().find(|path| path.exists()) else { return elsewhere(bundle, name) };
    let fault = |why: String| ClaimsError { path: path.clone(), why };
    let text = owned_by_root(&path).map_err(|error| fault(error.to_string()))?;
    let kept: Kept = serde_json::from_slice(&text).map_err(|error| fault(error.to_string()))?;
    if kept.id != id {
        return Err(fault(format!("it is about the container {}", kept.id)));
    }
    Ok(Some(kept))
}

/// A Docker of which the rules know nothing shows by the file that it mounts into every container: labels that ask for
/// something stricter would be passed over.
fn elsewhere(bundle: &Bundle, name: &str) -> Result<Option<Kept>, ClaimsError> {
    let mounts = bundle.config.get(&["mounts"]).and_then(Value::as_array);
    let sources =
        mounts.into_iter().flatten().filter_map(|mount| mount.get("source").and_then(Value::as_str));
    for path in sources.filter_map(|source| Some(Path::new(source).parent()?.join(name))) {
        if path.exists() {
            let why = "it is not where the rules say that Docker keeps this container (`docker`)".to_owned();
            return Err(ClaimsError { path, why });
        }
    }
    Ok(None)
}

/// A file that nobody but root, or whoever runs this, can have written.
pub fn owned_by_root(path: &Path) -> io::Result<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = open(path, flags, Mode::empty())?;
    let stat = fstat(&file)?;
    let refuse = |why: &str| Err(io::Error::other(why));
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return refuse("it is no regular file");
    }
    let ours = [0, rustix::process::geteuid().as_raw()];
    if !ours.contains(&stat.st_uid) {
        return refuse("it does not belong to root");
    }
    if stat.st_mode & 0o022 != 0 {
        return refuse("others than its owner may write it");
    }
    read(File::from(file), stat.st_size, LONGEST)
}
