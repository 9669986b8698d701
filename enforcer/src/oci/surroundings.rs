//! What the meet must know of the host.

use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, major, minor, openat2, stat};
use rustix::io::Errno;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use stockade_policy::oci::Surroundings;
use stockade_policy::policy::NamespaceKind;

/// This host, and the root of one container.
#[derive(Debug)]
pub struct Here {
    root: OwnedFd,
}

impl Here {
    /// With the container's root at `root`.
    pub fn new(root: &Path) -> io::Result<Here> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Here { root: rustix::fs::open(root, flags, Mode::empty())? })
    }
}

impl Surroundings for Here {
    fn canonical(&self, path: &str) -> Result<Option<String>, String> {
        match fs::canonicalize(path) {
            Ok(found) => match found.into_os_string().into_string() {
                Ok(found) => Ok(Some(found)),
                Err(_) => Err(format!("{path} leads to a name that is not UTF-8")),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(format!("cannot find {path}: {error}")),
        }
    }

    fn is_hosts(&self, kind: NamespaceKind, path: &str) -> Result<bool, String> {
        let identity = |path: &str| -> Result<(u64, u64), String> {
            let data = fs::metadata(path)
                .map_err(|error| format!("cannot look at the namespace {path}: {error}"))?;
            Ok((data.dev(), data.ino()))
        };
        let wanted = identity(path)?;
        let name = match kind {
            NamespaceKind::User => "user",
            NamespaceKind::Mount => "mnt",
            NamespaceKind::Pid => "pid",
            NamespaceKind::Ipc => "ipc",
            NamespaceKind::Uts => "uts",
            NamespaceKind::Cgroup => "cgroup",
            NamespaceKind::Network => "net",
        };
        // The engine's own, and the first process's, which may be another's where the engine is in a container.
        let ours = [format!("/proc/self/ns/{name}"), format!("/proc/1/ns/{name}")];
        for path in ours {
            if identity(&path)? == wanted {
                return Ok(true);
            }
        }
        Ok(false)
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
}
