//! containerd, by its state directory: a directory for each container that runs, with what its runtime was given.
//! No gRPC is needed, and it says the same when the daemon hangs.
//!
//! `STATE/io.containerd.runtime.v2.task/NAMESPACE/ID/`: `config.json`; `init.pid`; `runtime`, the program that runc's
//! shim starts. core/runtime/v2, containerd 1.5 and later.

use super::follow::{Event, Follower};
use super::{Container, EngineError, Kind};
use crate::error::ObserveError;
use crate::read::bounded;
use rustix::fs::inotify;
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Below the state directory.
const TASKS: &str = "io.containerd.runtime.v2.task";
/// Docker's own containers, of which Docker says more.
const DOCKER: &str = "moby";
/// Bytes of a `config.json`.
const CONFIG: usize = 4 << 20;
/// Bytes of the other files.
const SMALL: usize = 4096;
/// Containers of one namespace.
const MOST: usize = 100_000;

/// Of `config.json` what is asked for here. config.md of the OCI runtime specification.
#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

pub(super) fn containers(state: &Path) -> Result<Vec<Container>, EngineError> {
    let mut all = Vec::new();
    for namespace in directories(&state.join(TASKS))? {
        if namespace.ends_with(DOCKER) {
            continue;
        }
        for bundle in directories(&namespace)? {
            match container(&bundle) {
                Ok(container) => all.push(container),
                // Removed meanwhile, or not yet made.
                Err(_) if !bundle.join("config.json").exists() => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(all)
}

fn ask(at: &Path, source: io::Error) -> EngineError {
    EngineError::Ask { engine: Kind::Containerd, at: at.to_owned(), source }
}

/// The directories in a directory; none where there is none.
fn directories(at: &Path) -> Result<Vec<PathBuf>, EngineError> {
    let entries = match fs::read_dir(at) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(|source| ask(at, source))?,
    };
    let mut found = Vec::new();
    for entry in entries.take(MOST) {
        let entry = entry.map_err(|source| ask(at, source))?;
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

fn container(bundle: &Path) -> Result<Container, EngineError> {
    let config = bounded(&bundle.join("config.json"), CONFIG)?;
    let config: Config = serde_json::from_slice(&config).map_err(|source| EngineError::Answer {
        engine: Kind::Containerd,
        what: bundle.join("config.json").display().to_string(),
        source,
    })?;
    let id = bundle.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let annotation = |name: &str| config.annotations.get(name).cloned();
    // Created and not yet started, or of a shim that keeps it elsewhere: no process is known.
    let pid = small(&bundle.join("init.pid"))?.and_then(|text| text.parse().ok());
    let image = annotation("io.kubernetes.cri.image-name").unwrap_or_default();
    Ok(Container {
        engine: Kind::Containerd,
        name: name(&annotation).unwrap_or_else(|| id.clone()),
        id,
        pid: pid.filter(|pid| Path::new(&format!("/proc/{pid}")).exists()),
        bundle: Some(bundle.to_owned()),
        digest: image.split_once('@').map(|(_, digest)| digest.to_owned()),
        image,
        runtime: small(&bundle.join("runtime"))?.unwrap_or_default(),
        labels: config.annotations,
    })
}

/// What the CRI calls it, or nerdctl.
fn name(annotation: &impl Fn(&str) -> Option<String>) -> Option<String> {
    let Some(pod) = annotation("io.kubernetes.cri.sandbox-name") else { return annotation("nerdctl/name") };
    let namespace = annotation("io.kubernetes.cri.sandbox-namespace").unwrap_or_default();
    // What holds a pod has no name of its own; brackets are in none.
    let inside = annotation("io.kubernetes.cri.container-name").unwrap_or_else(|| "(sandbox)".to_owned());
    Some(format!("{namespace}/{pod}/{inside}"))
}

/// What a file of one line says; `None` where there is none.
fn small(path: &Path) -> Result<Option<String>, EngineError> {
    match bounded(path, SMALL) {
        Ok(content) => Ok(Some(String::from_utf8_lossy(&content).trim().to_owned())),
        Err(ObserveError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Follows what appears in the directories of tasks and goes. inotify(7).
pub(super) fn follow(state: &Path, follower: &mut Follower) -> Result<(), EngineError> {
    use inotify::{CreateFlags, WatchFlags};
    let tasks = state.join(TASKS);
    let failed = |source: rustix::io::Errno| ask(&tasks, source.into());
    let watch = inotify::init(CreateFlags::CLOEXEC).map_err(failed)?;
    let interest = WatchFlags::CREATE | WatchFlags::DELETE | WatchFlags::MOVED_TO | WatchFlags::ONLYDIR;
    inotify::add_watch(&watch, &tasks, interest).map_err(failed)?;
    let mut namespaces: HashMap<i32, PathBuf> = HashMap::new();
    for namespace in directories(&tasks)? {
        let number = inotify::add_watch(&watch, &namespace, interest).map_err(failed)?;
        namespaces.insert(number, namespace);
    }
    let mut buffer = vec![std::mem::MaybeUninit::uninit(); 64 << 10];
    follower.each(Kind::Containerd, move || {
        let mut events = Vec::new();
        let mut reader = inotify::Reader::new(&watch, &mut buffer);
        loop {
            let event = match reader.next() {
                Ok(event) => event,
                Err(rustix::io::Errno::INTR) => continue,
                Err(_) => return None,
            };
            let name = event.file_name().map(|name| name.to_string_lossy().into_owned());
            match (namespaces.get(&event.wd()), name) {
                (Some(at), Some(id)) if !at.ends_with(DOCKER) => {
                    events.push(Event { engine: Kind::Containerd, id });
                }
                (None, Some(name)) => {
                    let at = tasks.join(&name);
                    if let Ok(number) = inotify::add_watch(&watch, &at, interest) {
                        namespaces.insert(number, at.clone());
                        // What came before the watch.
                        let before = directories(&at).unwrap_or_default();
                        events.extend(before.iter().filter_map(|path| {
                            let id = path.file_name()?.to_string_lossy().into_owned();
                            Some(Event { engine: Kind::Containerd, id })
                        }));
                    }
                }
                _ => {}
            }
            if reader.is_buffer_empty() {
                return Some(events);
            }
        }
    });
    Ok(())
}
