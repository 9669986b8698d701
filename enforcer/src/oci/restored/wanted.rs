//! What a bundle has the inner runtime mount. OCI runtime specification, config.md, "Mounts"; config-linux.md, "Masked Paths".

use super::RestoredError;
use crate::verify::found::mount_of;
use rustix::fs::{CWD, Mode, OFlags, openat};
use serde_json::Value;
use std::path::{Path, PathBuf};
use stockade_observe::mounts::{Mount, Mounts};
use stockade_policy::oci::Document;

/// What the bundle says of mounts.
pub(super) struct Wanted {
    /// Whether the root is read-only.
    pub(super) read_only: bool,
    /// Whether the container has a terminal, which runc binds to /dev/console.
    pub(super) terminal: bool,
    /// Whether all mounts may be slaves of the host's.
    pub(super) slave: bool,
    /// In the order of the bundle.
    pub(super) mounts: Vec<Wish>,
    pub(super) masked: Vec<PathBuf>,
    pub(super) read_only_paths: Vec<PathBuf>,
}

/// One mount that the bundle asks for.
pub(super) struct Wish {
    pub(super) at: PathBuf,
    /// The type of the file system; of no meaning where it has a source.
    pub(super) kind: String,
    pub(super) options: Vec<String>,
    /// What of the host is bound there.
    pub(super) bound: Option<Bound>,
}

/// Something of the host's, as mountinfo names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bound {
    /// Its path on the host.
    pub(super) source: PathBuf,
    /// The device of its file system.
    pub(super) device: (u32, u32),
    /// Its path in that.
    pub(super) root: PathBuf,
}

impl Wanted {
    /// What `document` says, with sources as `host`, the caller's own mounts, has them.
    pub(super) fn of(document: &Document, host: &Mounts) -> Result<Wanted, RestoredError> {
        let flag = |path: &[&str]| document.get(path).and_then(Value::as_bool) == Some(true);
        let paths = |name: &str| {
            let list = document.get(&["linux", name]).and_then(Value::as_array);
            list.into_iter().flatten().filter_map(Value::as_str).map(PathBuf::from).collect()
        };
        let mounts = document.get(&["mounts"]).and_then(Value::as_array);
        let propagation = document.string(&["linux", "rootfsPropagation"]);
        Ok(Wanted {
            read_only: flag(&["root", "readonly"]),
            terminal: flag(&["process", "terminal"]),
            slave: matches!(propagation, "slave" | "rslave"),
            mounts: mounts.into_iter().flatten().map(|mount| wish(mount, host)).collect::<Result<_, _>>()?,
            masked: paths("maskedPaths"),
            read_only_paths: paths("readonlyPaths"),
        })
    }
}

fn wish(mount: &Value, host: &Mounts) -> Result<Wish, RestoredError> {
    let text = |key: &str| mount.get(key).and_then(Value::as_str).unwrap_or_default();
    let options = mount.get("options").and_then(Value::as_array);
    let options: Vec<String> =
        options.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    let is_bind =
        text("type") == "bind" || options.iter().any(|option| option == "bind" || option == "rbind");
    let bound = if is_bind { Some(bound(Path::new(text("source")), host)?) } else { None };
    Ok(Wish { at: text("destination").into(), kind: text("type").to_owned(), options, bound })
}

/// Where a path of the host leads to.
fn bound(source: &Path, host: &Mounts) -> Result<Bound, RestoredError> {
    let look = |source_of| RestoredError::Source { path: source.to_owned(), source: source_of };
    let handle = openat(CWD, source, OFlags::PATH | OFlags::CLOEXEC, Mode::empty());
    let handle = handle.map_err(|errno| look(errno.into()))?;
    let mount = mount_of(&handle).map_err(look)?.and_then(|id| host.by_id(id));
    let found = mount.and_then(|mount| Some((mount, below(&mount.at, &mount.root, source)?)));
    let (mount, root) = found.ok_or_else(|| look(std::io::ErrorKind::NotFound.into()))?;
    Ok(Bound { source: source.to_owned(), device: mount.device, root })
}

/// The path in its file system of what a mount at `at`, with `root` of it, shows at `path`; `None`: it is not below.
pub(super) fn below(at: &Path, root: &Path, path: &Path) -> Option<PathBuf> {
    let rest = path.strip_prefix(at).ok()?;
    Some(if rest.as_os_str().is_empty() { root.to_owned() } else { root.join(rest) })
}

impl Wish {
    /// Whether an option is given, and not taken back by one behind it.
    fn has(&self, option: &str) -> bool {
        let opposite = match option {
            "ro" => "rw",
            other => other.strip_prefix("no").unwrap_or(other),
        };
        let last = self.options.iter().rev().find(|one| *one == option || *one == opposite);
        last.is_some_and(|last| last == option)
    }

    fn names(&self, option: &str) -> bool {
        self.options.iter().any(|one| one == option)
    }

    /// Whether mounts there may be slaves of the host's.
    pub(super) fn is_slave(&self) -> bool {
        self.names("slave") || self.names("rslave")
    }

    /// Whether what is mounted below the source comes along.
    pub(super) fn is_recursive(&self) -> bool {
        self.names("rbind")
    }

    /// Whether it is one of the kinds that show cgroups.
    pub(super) fn is_cgroups(&self) -> bool {
        self.bound.is_none() && matches!(self.kind.as_str(), "cgroup" | "cgroup2")
    }

    /// What a mount there allows that the bundle does not, as a clause.
    pub(super) fn more(&self, mount: &Mount) -> Option<&'static str> {
        LIMITS
            .iter()
            .find(|(option, _)| self.has(option) && !is_limited(mount, option))
            .map(|(_, more)| *more)
    }

    /// The same of what came along from below its source, where the host has `host`.
    pub(super) fn more_below(&self, mount: &Mount, host: &Mount) -> Option<&'static str> {
        let asked = |option: &str| self.names(&format!("r{option}")) || host.has(option);
        LIMITS.iter().find(|(option, _)| asked(option) && !is_limited(mount, option)).map(|(_, more)| *more)
    }
}

/// Options that limit, and what they take away. mount(8).
const LIMITS: [(&str, &str); 4] = [
    ("ro", "can be written"),
    ("nosuid", "lacks nosuid"),
    ("nodev", "lacks nodev"),
    ("noexec", "can be started from"),
];

fn is_limited(mount: &Mount, option: &str) -> bool {
    if option == "ro" { mount.is_read_only() } else { mount.has(option) }
}
