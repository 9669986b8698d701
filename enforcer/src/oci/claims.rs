//! What is said of a container: by its bundle, and by files that the engine keeps for it.

mod bolt;
mod docker;
mod partners;
mod storage;

pub use partners::{Partner, partners};

use super::bundle::{Bundle, read};
use super::others::replaceable;
use rustix::fs::{FileType, Mode, OFlags, fstat, open};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use stockade_policy::rules::{Claims, REQUEST};

/// The variable by which a container asks for a profile.
const VARIABLE: &str = "STOCKADE_PROFILE=";

/// Where Docker keeps its containers if nothing else is said. dockerd(8), `--data-root`.
pub const DOCKER: &str = "/var/lib/docker";

/// Where podman and CRI-O keep theirs, and what of them lives until the host's restart. containers-storage.conf(5),
/// `graphroot` and `runroot`.
pub const PODMAN: [&str; 2] = ["/var/lib/containers/storage", "/run/containers/storage"];

/// Annotations by which runtimes of Kubernetes say what a container is: containerd, pkg/cri/annotations; CRI-O,
/// pkg/annotations.
const KINDS: [&str; 2] = ["io.kubernetes.cri.container-type", "io.kubernetes.cri-o.ContainerType"];
const IMAGES: [&str; 2] = ["io.kubernetes.cri.image-name", "io.kubernetes.cri-o.ImageName"];
const NAMES: [&str; 2] = ["io.kubernetes.cri.container-name", "io.kubernetes.cri-o.ContainerName"];

/// Whose a container in containers/storage is. podman writes it over what a user says. libpod/container_internal_common.go.
const MANAGER: &str = "io.container.manager";

/// Where containerd puts the bundles of containers of the CRI, below its state: the namespace `k8s.io` is its own.
/// containerd, runtime/v2/bundle.go; pkg/cri/constants.
const OF_CRI: [&str; 2] = ["io.containerd.runtime.v2.task", "k8s.io"];

/// Longest file of an engine's about containers, bytes: it grows with labels and mounts, or with their number.
const LONGEST: u64 = 8 << 20;

/// Why what an engine says of a container could not be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read what {engine} keeps of this container in {}: {why}", path.display())]
pub struct ClaimsError {
    engine: &'static str,
    path: PathBuf,
    why: String,
}

/// Directories in which engines keep their containers, by the rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stores {
    /// Docker's.
    pub docker: Vec<PathBuf>,
    /// Podman's and CRI-O's.
    pub podman: Vec<PathBuf>,
}

/// What is said of the container `id`. Labels are looked for in podman's database only where the rules ask for some.
pub fn claims(bundle: &Bundle, id: &str, stores: &Stores, labels: bool) -> Result<Claims, ClaimsError> {
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
    if let Some(kept) = docker::kept(bundle, id, &stores.docker)? {
        claims.image = Some(kept.config.image);
        claims.digest = Some(kept.image);
        claims.name = Some(kept.name.trim_start_matches('/').to_owned());
        claims.labels = kept.config.labels.unwrap_or_default();
    } else if let Some(kept) = storage::kept(bundle.path(), id, &stores.podman)? {
        // What annotations say of them is anybody's.
        claims.image = kept.image.or(claims.image);
        claims.digest = kept.digest;
        claims.name = kept.name.or(claims.name);
        if labels && annotations.get(MANAGER).is_some_and(|manager| manager == "libpod") {
            claims.labels = storage::labels(id, &stores.podman)?;
        }
    } else {
        // Not CRI-O's: it hands all annotations of a pod on, with containerd's names, too.
        claims.through_cri = bundle.path().ends_with(OF_CRI.iter().collect::<PathBuf>().join(id));
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

/// A file that nobody but root, or whoever runs this, can have written.
pub fn owned_by_root(path: &Path) -> io::Result<Vec<u8>> {
    whole(opened(path)?)
}

fn whole(file: File) -> io::Result<Vec<u8>> {
    let size = fstat(&file)?.st_size;
    read(file, size, LONGEST)
}

fn opened(path: &Path) -> io::Result<File> {
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
    Ok(File::from(file))
}

/// The same of a file that an engine keeps, where nobody else can have put another of root's: what a container writes on
/// a volume belongs to root, too.
fn kept_by_root(path: &Path) -> io::Result<Vec<u8>> {
    whole(opened_there(path)?)
}

/// That file, to be read in parts.
fn opened_there(path: &Path) -> io::Result<File> {
    let file = opened(path)?;
    match replaceable(&fs::canonicalize(path)?)? {
        None => Ok(file),
        Some(directory) => {
            Err(io::Error::other(format!("others than root may write {}", directory.display())))
        }
    }
}
