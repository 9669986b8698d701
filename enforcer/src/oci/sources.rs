//! Sources of bind mounts that somebody else could swap between our look at them and the inner runtime's mount, and
//! namespaces that are joined: the process by which a path names one may end meanwhile, and another get its number.
//!
//! The inner runtime gets a mount namespace of its own, in which each of them is mounted where only root reaches; it
//! ends with the runtime, whatever ends that. A descriptor would not do: what is opened in another mount namespace
//! cannot be mounted in the container's, and what the inner runtime inherits it may hand on to the container.

use super::others::replaceable;
use crate::sys::{Errno, Kernel, clone, mount};
use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fstat, openat2};
use serde_json::Value;
use std::collections::BTreeMap;
use std::ffi::CString;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use stockade_policy::oci::Document;

/// The directory in the state over which they are mounted. On the host it stays empty.
const PLACE: &str = "sources";

/// Namespaces by the paths that a bundle has for them.
pub type Namespaces = BTreeMap<String, OwnedFd>;

/// Why something could not be held.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A source of a mount.
    #[error(
        "{} would be mounted, others can put something else in its place in {}, and it cannot be held until then: cannot {operation}: {source}",
        path.display(),
        directory.display()
    )]
    Mount {
        /// The source.
        path: PathBuf,
        /// Where others can put something else.
        directory: PathBuf,
        /// What was tried.
        operation: &'static str,
        /// Why it failed.
        source: io::Error,
    },
    /// A namespace.
    #[error(
        "the namespace {path} would be joined, and cannot be held until then: cannot {operation}: {source}"
    )]
    Namespace {
        /// Its path in the bundle.
        path: String,
        /// What was tried.
        operation: &'static str,
        /// Why it failed.
        source: io::Error,
    },
}

fn in_namespace(path: &str, operation: &'static str, source: io::Error) -> SourceError {
    SourceError::Namespace { path: path.to_owned(), operation, source }
}

/// A source, the mount that it is of, and the directory in which, or below which, it could be swapped.
struct Swappable {
    mount: usize,
    path: PathBuf,
    directory: PathBuf,
}

impl Swappable {
    fn fault(&self, operation: &'static str, source: impl Into<io::Error>) -> SourceError {
        let (path, directory) = (self.path.clone(), self.directory.clone());
        SourceError::Mount { path, directory, operation, source: source.into() }
    }
}

/// Holds every source that others could swap, and each of `namespaces`, which are all that `document` joins, and has
/// `document` name where; from then on this process is in a mount namespace of its own. The sources are paths without
/// links. `is_named` says of one that it is itself what is admitted: what lies below that can be swapped by a container
/// that has it as a volume, root there, whoever owns the directories. What lies in the container's own root, or in
/// `state`, is nobody else's. open_tree(2), move_mount(2), 5.2; openat2(2), 5.6.
pub fn hold(
    document: &mut Document,
    root: &Path,
    state: &Path,
    is_named: &dyn Fn(&str) -> bool,
    namespaces: &Namespaces,
) -> Result<(), SourceError> {
    let found = swappable(document, &[root, state], is_named)?;
    let place = state.join(PLACE);
    let first: &dyn Fn(_, _) -> _ = match (found.first(), namespaces.keys().next()) {
        (Some(first), _) => &|operation, source| first.fault(operation, source),
        (None, Some(path)) => &|operation, source| in_namespace(path, operation, source),
        (None, None) => return Ok(()),
    };
    separate(&place).map_err(|(operation, source)| first(operation, source))?;
    for (number, source) in found.iter().enumerate() {
        let at = place.join(number.to_string());
        attach(source, &at)?;
        document.set_source(source.mount, &at.to_string_lossy());
    }
    document.set_joined(|path| {
        let fault = |(operation, source)| in_namespace(path, operation, source);
        let found = namespaces.iter().enumerate().find(|(_, (held, _))| *held == path);
        let Some((number, (_, namespace))) = found else {
            return Err(fault(("tell it from others", io::ErrorKind::NotFound.into())));
        };
        let at = place.join(format!("namespace-{number}"));
        File::create(&at).map_err(|error| fault(("make a place for it", error)))?;
        mount_at(namespace, &at).map_err(fault)?;
        Ok(at.to_string_lossy().into_owned())
    })
}

fn swappable(
    document: &Document,
    own: &[&Path],
    is_named: &dyn Fn(&str) -> bool,
) -> Result<Vec<Swappable>, SourceError> {
    let mut found = Vec::new();
    let mounts = document.get(&["mounts"]).and_then(Value::as_array);
    for (index, mount) in mounts.into_iter().flatten().enumerate() {
        let text = |key: &str| mount.get(key).and_then(Value::as_str).unwrap_or_default();
        let options = mount.get("options").and_then(Value::as_array).into_iter().flatten();
        let is_bind = text("type") == "bind"
            || options.filter_map(Value::as_str).any(|option| matches!(option, "bind" | "rbind"));
        let path = PathBuf::from(text("source"));
        if !is_bind || own.iter().any(|own| path.starts_with(own)) {
            continue;
        }
        if !is_named(text("source")) {
            let directory = path.parent().unwrap_or(&path).to_owned();
            found.push(Swappable { mount: index, path, directory });
            continue;
        }
        let looked = replaceable(&path).map_err(|error| {
            Swappable { mount: index, path: path.clone(), directory: path.clone() }.fault("look at it", error)
        })?;
        found.extend(looked.map(|directory| Swappable { mount: index, path, directory }));
    }
    Ok(found)
}

/// Leaves the host's mount namespace for a copy in which `place` is a file system of its own. What the host mounts
/// later still arrives, and nothing goes back.
fn separate(place: &Path) -> Result<(), (&'static str, io::Error)> {
    let made = DirBuilder::new().mode(0o700).recursive(true).create(place);
    made.map_err(|error| ("make a place for it", error))?;
    let path = text(place).map_err(|error| ("name a place for it", error))?;
    let system = |operation| move |errno: Errno| (operation, io::Error::from_raw_os_error(errno.0));
    clone::unshare_mounts(&Kernel).map_err(system("leave the mount namespace"))?;
    mount::make_all_slaves(&Kernel).map_err(system("end the propagation of mounts"))?;
    mount::mount(&Kernel, c"tmpfs", &path, libc::MS_NOSUID | libc::MS_NODEV, c"mode=0700,size=1m")
        .map_err(system("mount a place for it"))
}

/// Mounts what stands at the source's path now at `at`, with all that is mounted below it.
fn attach(source: &Swappable, at: &Path) -> Result<(), SourceError> {
    // The path that the rules admit, and not where a link leads that somebody has put there since.
    let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let opened = openat2(CWD, &source.path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), resolve)
        .map_err(|errno| source.fault("open it without following links", errno))?;
    let kind = fstat(&opened).map_err(|errno| source.fault("look at it", errno))?.st_mode;
    let made = match FileType::from_raw_mode(kind) {
        FileType::Directory => fs::create_dir(at),
        _ => File::create(at).map(drop),
    };
    made.map_err(|error| source.fault("make a place for it", error))?;
    mount_at(&opened, at).map_err(|(operation, error)| source.fault(operation, error))
}

/// Mounts what was opened at `at`.
fn mount_at(opened: &OwnedFd, at: &Path) -> Result<(), (&'static str, io::Error)> {
    let system = |operation| move |errno: Errno| (operation, io::Error::from_raw_os_error(errno.0));
    let path = text(at).map_err(|error| ("name a place for it", error))?;
    // Descriptors of the tree end with the program: it becomes another one.
    let tree = mount::clone_tree(&Kernel, opened.as_raw_fd(), c"").map_err(system("copy its mount"))?;
    mount::attach(&Kernel, tree, libc::AT_FDCWD, &path).map_err(system("mount it"))
}

fn text(path: &Path) -> io::Result<CString> {
    Ok(CString::new(path.as_os_str().as_bytes())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn a_link_that_somebody_put_there_is_refused() {
        if !rustix::process::geteuid().is_root() {
            return println!("SKIP sources-link: not root");
        }
        let place = tempfile::tempdir().unwrap();
        let shared = place.path().join("shared");
        fs::create_dir_all(shared.join("data")).unwrap();
        fs::set_permissions(&shared, Permissions::from_mode(0o777)).unwrap();
        symlink("/etc", shared.join("link")).unwrap();
        let state = place.path().join("state");
        let hold = |source: PathBuf| {
            let mount = json!({"type": "bind", "source": source, "destination": "/x"});
            let bundle =
                json!({"mounts": [mount], "linux": {"seccomp": {"defaultAction": "SCMP_ACT_ERRNO"}}});
            let mut document = Document::parse(bundle.to_string().as_bytes()).unwrap();
            hold(&mut document, Path::new("/none"), &state, &|_| true, &Namespaces::new()).map(|()| document)
        };
        for source in ["link", "link/apt", "missing"] {
            let error = hold(shared.join(source)).unwrap_err().to_string();
            assert!(error.contains("shared") && error.contains("cannot"), "{error}");
        }
        let held = state.join("sources/0");
        let document = hold(shared.join("data")).unwrap();
        assert_eq!(document.get(&["mounts"]).unwrap()[0]["source"], held.to_str().unwrap());
        assert!(document.text().contains("SCMP_ACT_ERRNO"), "all else stays: {}", document.text());
    }
}
