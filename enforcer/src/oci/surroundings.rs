//! What the meet must know of the host.

use super::canonical::{canonical, is_plain};
use super::others;
use super::sources::Namespaces;
use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, fstat, fstatfs, major, minor, openat2, stat};
use rustix::io::Errno;
use std::cell::{OnceCell, RefCell};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use stockade_observe::Task;
use stockade_observe::mounts::{Mount, Mounts};
use stockade_policy::oci::Surroundings;
use stockade_policy::policy::NamespaceKind;

/// What namespaces are files of: linux/magic.h, `NSFS_MAGIC`.
const NSFS: i64 = 0x6e73_6673;

/// This host, and the root of one container.
#[derive(Debug)]
pub struct Here {
    root: OwnedFd,
    /// The mounts of this process, once somebody asked.
    mounts: OnceCell<Mounts>,
    /// Paths in the root that are there, and on whose way no link is.
    straight: RefCell<BTreeSet<String>>,
    /// Namespaces that were asked about, from the first look at each.
    namespaces: RefCell<Namespaces>,
}

impl Here {
    /// With the container's root at `root`.
    pub fn new(root: &Path) -> io::Result<Here> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Here {
            root: rustix::fs::open(root, flags, Mode::empty())?,
            mounts: OnceCell::new(),
            straight: RefCell::default(),
            namespaces: RefCell::default(),
        })
    }
}

impl Here {
    /// The path of what was opened as `path`, seen from the root; empty for the root.
    fn below(&self, path: &str, found: &OwnedFd) -> Result<String, String> {
        let full = |fd: &OwnedFd| fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd()));
        let (root, found) = full(&self.root)
            .and_then(|root| Ok((root, full(found)?)))
            .map_err(|error| format!("cannot name {path} in the container's root: {error}"))?;
        let below = found.strip_prefix(&root).map_err(|_| format!("{path} left the container's root"))?;
        let below = below.to_str().ok_or_else(|| format!("{path} leads to a name that is not UTF-8"))?;
        Ok(format!("/{below}").trim_end_matches('/').to_owned())
    }
}

impl Here {
    /// What tells the namespace at a path from every other. It is opened once: the process by which a path names it may
    /// end, and another get its number.
    fn joined(&self, path: &str) -> Result<(u64, u64), String> {
        let fault = |errno: Errno| format!("cannot look at the namespace {path}: {errno}");
        let mut namespaces = self.namespaces.borrow_mut();
        if !namespaces.contains_key(path) {
            let opened =
                rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).map_err(fault)?;
            if fstatfs(&opened).map_err(fault)?.f_type != NSFS {
                return Err(format!("{path} is no namespace"));
            }
            namespaces.insert(path.to_owned(), opened);
        }
        let opened = namespaces.get(path).ok_or_else(|| format!("{path} was not opened"))?;
        let found = fstat(opened).map_err(fault)?;
        Ok((found.st_dev, found.st_ino))
    }

    /// Whether the namespace of a kind at a path is that of a process.
    pub(super) fn is_of(&self, path: &str, kind: NamespaceKind, process: u32) -> bool {
        let theirs = identity(&of_process(&process.to_string(), kind));
        self.joined(path).is_ok_and(|found| theirs == Ok(found))
    }

    /// The namespaces that were asked about, by their paths.
    pub fn into_namespaces(self) -> Namespaces {
        self.namespaces.into_inner()
    }
}

/// The profiles that AppArmor has, one a line with its mode: `NAME (MODE)`. security/apparmor/apparmorfs.c,
/// `seq_show_profile`; securityfs.
const APPARMOR_PROFILES: &str = "/sys/kernel/security/apparmor/profiles";

/// The file of a process's namespace. namespaces(7).
fn of_process(process: &str, kind: NamespaceKind) -> String {
    format!("/proc/{process}/ns/{}", kind.file())
}

/// What tells a namespace from every other.
fn identity(path: &str) -> Result<(u64, u64), String> {
    let found =
        fs::metadata(path).map_err(|error| format!("cannot look at the namespace {path}: {error}"))?;
    Ok((found.dev(), found.ino()))
}

impl Surroundings for Here {
    fn canonical(&self, path: &str) -> Result<Option<String>, String> {
        match canonical(Path::new(path)) {
            Ok(found) => match found.into_os_string().into_string() {
                Ok(found) => Ok(Some(found)),
                Err(_) => Err(format!("{path} leads to a name that is not UTF-8")),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(format!("cannot find {path}: {error}")),
        }
    }

    fn changeable(&self, path: &str) -> Result<Option<String>, String> {
        let found = others::changeable(Path::new(path));
        let found = found.map_err(|error| format!("cannot look at the way to {path}: {error}"))?;
        Ok(found.map(|part| part.display().to_string()))
    }

    fn settled(&self, path: &str) -> Result<String, String> {
        let found =
            others::settled(Path::new(path)).map_err(|error| format!("cannot find {path}: {error}"))?;
        let found = found.map_err(|directory| {
            format!(
                "others than root can lay a link on the way to {path} elsewhere, in {}",
                directory.display()
            )
        })?;
        let found = found.into_os_string().into_string();
        found.map_err(|_| format!("{path} leads to a name that is not UTF-8"))
    }

    fn is_hosts(&self, kind: NamespaceKind, path: &str) -> Result<bool, String> {
        let wanted = self.joined(path)?;
        // The engine's own.
        if identity(&of_process("self", kind))? == wanted {
            return Ok(true);
        }
        // And the first process's, where the engine has namespaces of its own: whoever may not look at it cannot join
        // it either.
        let first = of_process("1", kind);
        match fs::metadata(&first) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(false),
            _ => Ok(identity(&first)? == wanted),
        }
    }

    fn inhabitant(&self, kind: NamespaceKind, path: &str) -> Result<Option<u32>, String> {
        let wanted = self.joined(path)?;
        let fault = |error: io::Error| format!("cannot look at /proc: {error}");
        for entry in fs::read_dir("/proc").map_err(fault)? {
            let name = entry.map_err(fault)?.file_name();
            let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
            // One that has ended meanwhile, or of somebody whose namespaces nobody here could join.
            if identity(&of_process(&pid.to_string(), kind)).is_ok_and(|found| found == wanted) {
                return Ok(Some(pid));
            }
        }
        Ok(None)
    }

    fn device(&self, name: &str) -> Result<Option<(char, u32, u32)>, String> {
        let path = format!("/dev/{name}");
        match stat(path.as_str()) {
            Ok(found) => Ok(match FileType::from_raw_mode(found.st_mode) {
                FileType::CharacterDevice => Some(('c', major(found.st_rdev), minor(found.st_rdev))),
                FileType::BlockDevice => Some(('b', major(found.st_rdev), minor(found.st_rdev))),
                _ => None,
            }),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(format!("cannot look at {path}: {errno}")),
        }
    }

    fn resolve(&self, path: &str) -> Result<Result<String, String>, String> {
        let fault = |errno: Errno| format!("cannot look at {path} in the container's root: {errno}");
        let inside = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        let open = |path: &str, flags: OFlags, resolve: ResolveFlags| {
            openat2(&self.root, path, OFlags::PATH | OFlags::CLOEXEC | flags, Mode::empty(), inside | resolve)
        };
        // The longest part that is there, and what will be made below it.
        let (mut there, mut rest) = (path.to_owned(), String::new());
        loop {
            if there == "/" {
                return Ok(Ok(if rest.is_empty() { there } else { rest }));
            }
            if self.straight.borrow().contains(&there) {
                return Ok(Ok(there + &rest));
            }
            // Without a link on the way it leads where it says, and one call tells.
            let straight = open(&there, OFlags::empty(), ResolveFlags::NO_SYMLINKS);
            match straight {
                Ok(_) if is_plain(Path::new(&there)) => {
                    self.straight.borrow_mut().insert(there.clone());
                    return Ok(Ok(there + &rest));
                }
                Err(Errno::NOENT) => {}
                _ => match open(&there, OFlags::empty(), ResolveFlags::empty()) {
                    Ok(found) => {
                        let resolved = self.below(&there, &found)? + &rest;
                        return Ok(Ok(if resolved.is_empty() { "/".to_owned() } else { resolved }));
                    }
                    Err(Errno::NOENT) => {
                        if open(&there, OFlags::NOFOLLOW, ResolveFlags::empty()).is_ok() {
                            return Ok(Err(format!("{there} is a link of the image to what is not there")));
                        }
                    }
                    Err(Errno::NOTDIR) => {
                        return Ok(Err(format!("something on the way to {there} is no directory")));
                    }
                    Err(Errno::LOOP) => {
                        return Ok(Err(format!("the links of the image to {there} go round")));
                    }
                    Err(errno) => return Err(fault(errno)),
                },
            }
            let (above, name) = there.rsplit_once('/').unwrap_or(("", &there));
            rest = format!("/{name}{rest}");
            there = if above.is_empty() { "/".to_owned() } else { above.to_owned() };
        }
    }

    fn is_plain(&self, base: &str, path: &str) -> Result<Option<bool>, String> {
        let fault = |errno: Errno| format!("cannot look at {path} below {base}: {errno}");
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let base = rustix::fs::open(base, flags, Mode::empty()).map_err(fault)?;
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        match openat2(&base, path, flags, Mode::empty(), resolve) {
            Ok(_) => Ok(Some(true)),
            Err(Errno::NOENT) => Ok(None),
            Err(Errno::NOTDIR | Errno::LOOP) => Ok(Some(false)),
            Err(errno) => Err(fault(errno)),
        }
    }

    fn mounted(&self, path: &str, base: &str) -> Result<Vec<String>, String> {
        let mounts = match self.mounts.get() {
            Some(mounts) => mounts,
            None => {
                let mounts =
                    Task::ours().and_then(|ours| ours.mounts()).map_err(|error| error.to_string())?;
                self.mounts.get_or_init(|| mounts)
            }
        };
        let path = Path::new(path);
        let is_below_base = |at: &Path| at.starts_with(base) && at != Path::new(base);
        let is_part = |mount: &&Mount| {
            mount.at.starts_with(path) || path.starts_with(&mount.at) && is_below_base(&mount.at)
        };
        // One of the host, `/run` for example, is whole as well where it is bound.
        let is_elsewhere =
            |mount: &Mount| mounts.0.iter().any(|other| other.device == mount.device && other.id != mount.id);
        let is_made_there = |mount: &Mount| {
            mount.filesystem == "tmpfs" && mount.root == Path::new("/") && !is_elsewhere(mount)
        };
        let within = mounts.0.iter().filter(is_part).filter(|mount| !is_made_there(mount));
        Ok(within.map(|mount| mount.filesystem.clone()).collect())
    }

    fn is_directory(&self, path: &str) -> Result<Option<bool>, String> {
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        match openat2(&self.root, path, flags, Mode::empty(), resolve) {
            Ok(_) => Ok(Some(true)),
            Err(Errno::NOENT) => Ok(None),
            Err(Errno::NOTDIR | Errno::LOOP) => Ok(Some(false)),
            Err(errno) => Err(format!("cannot look at {path} in the container's root: {errno}")),
        }
    }
    fn apparmor_mode(&self, profile: &str) -> Result<Option<String>, String> {
        let loaded = fs::read_to_string(APPARMOR_PROFILES).map_err(|error| {
            format!("cannot read which profiles AppArmor has, {APPARMOR_PROFILES}: {error}")
        })?;
        Ok(loaded.lines().find_map(|line| {
            Some(line.strip_prefix(profile)?.strip_prefix(" (")?.strip_suffix(')')?.to_owned())
        }))
    }
}
