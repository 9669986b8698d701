//! A directory that can be limited: what it is, and what it lies on.

use super::QuotaError;
use super::backend::{self, Backend, On};
use crate::sys::{Kernel, uuid};
use rustix::fs::{
    CWD, Dir, Mode, OFlags, ResolveFlags, StatVfsMountFlags, fstat, fstatfs, fstatvfs, openat2,
};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::{Component, Path, PathBuf};
use stockade_observe::Task;
use stockade_observe::mounts::{Mount, Mounts};

/// A file system, recognised wherever it is mounted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Filesystem {
    /// Its type, as mount(8) takes it.
    pub kind: String,
    /// What it was given when it was made, in hexadecimal; `None` for one that is gone with its mount.
    pub uuid: Option<String>,
}

/// A directory on a file system that can have quotas; whether they are enforced is asked where one is set.
pub(super) struct Place {
    /// Open for reading.
    pub directory: File,
    /// As it was named.
    pub path: PathBuf,
    pub filesystem: Filesystem,
    pub backend: Box<dyn Backend>,
}

/// Walks no link, and none of those in /proc.
const NO_LINKS: ResolveFlags = ResolveFlags::NO_SYMLINKS.union(ResolveFlags::NO_MAGICLINKS);

impl Place {
    /// Opens `path`, and refuses what no quota would hold. Changes nothing.
    pub(super) fn open(path: &Path, mounts: &Mounts) -> Result<Place, QuotaError> {
        let mut components = path.components();
        let plain = components.next() == Some(Component::RootDir)
            && components.all(|component| matches!(component, Component::Normal(_)));
        if !plain {
            return Err(QuotaError::Relative { path: path.to_owned() });
        }
        let directory = open(path)?;
        let call = |operation| move |errno: Errno| QuotaError::call(operation, path)(errno.into());
        let device = fstat(&directory).map_err(call("look at"))?.st_dev;
        let magic = magic(&directory).map_err(call("look at"))?;
        let mount = holding(path, device, mounts);
        let kind = mount.map_or_else(|| format!("{magic:#x}"), |mount| mount.filesystem.clone());
        let filesystem = identify(&directory, kind, magic, path)?;
        let again =
            directory.try_clone().map_err(|source| QuotaError::Open { path: path.to_owned(), source })?;
        let backend = backend::of(magic, on(again, path, mount, &filesystem)).ok_or_else(|| {
            QuotaError::NoQuota { path: path.to_owned(), filesystem: filesystem.kind.clone() }
        })?;
        let flags = fstatvfs(&directory).map_err(call("look at"))?.f_flag;
        if flags.contains(StatVfsMountFlags::RDONLY) {
            return Err(QuotaError::ReadOnly { path: path.to_owned() });
        }
        let below = mounts.0.iter().find(|mount| mount.at != path && mount.at.starts_with(path));
        if let Some(below) = below {
            return Err(QuotaError::Crosses { path: path.to_owned(), below: below.at.clone() });
        }
        Ok(Place { directory, path: path.to_owned(), filesystem, backend })
    }

    /// Whether nothing lies in it.
    pub(super) fn is_empty(&self) -> Result<bool, QuotaError> {
        let failed = |errno: Errno| QuotaError::call("list", &self.path)(errno.into());
        for entry in Dir::read_from(&self.directory).map_err(failed)? {
            if ![c".", c".."].contains(&entry.map_err(failed)?.file_name()) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// A file system that is mounted, and has numbers of ours.
pub(super) struct Mounted {
    pub filesystem: Filesystem,
    pub backend: Box<dyn Backend>,
    device: u64,
    /// Why nothing can be said of numbers on it, as a clause.
    pub unclear: Option<String>,
}

/// The file systems that are mounted and have numbers of ours, each once, by a place where it can be written.
pub(super) fn mounted(mounts: &Mounts) -> Vec<Mounted> {
    let mut seen: Vec<Mounted> = Vec::new();
    let (read_only, writable): (Vec<&Mount>, Vec<&Mount>) =
        mounts.visible().into_iter().partition(|mount| mount.is_read_only());
    for mount in writable.into_iter().chain(read_only) {
        // Only types that have numbers are opened: an automount or a dead network file system would hang.
        if !["xfs", "ext4", "btrfs"].contains(&mount.filesystem.as_str()) {
            continue;
        }
        let Ok(directory) = open(&mount.at) else { continue };
        let (Ok(magic), Ok(about)) = (magic(&directory), fstat(&directory)) else { continue };
        let Ok(filesystem) = identify(&directory, mount.filesystem.clone(), magic, &mount.at) else {
            continue;
        };
        if filesystem.uuid.is_none() {
            continue;
        }
        if let Some(known) = seen.iter_mut().find(|known| known.filesystem == filesystem) {
            // Of btrfs each subvolume has a device of its own, and no copy can be mounted.
            if known.device != about.st_dev && filesystem.kind != "btrfs" {
                known.unclear =
                    Some("it is mounted twice, as two devices, of which one is a copy".to_owned());
            }
            continue;
        }
        let backend = backend::of(magic, on(directory, &mount.at, Some(mount), &filesystem));
        seen.extend(backend.map(|backend| {
            let unclear = backend.enforced().err().map(|error| error.to_string());
            Mounted { filesystem, backend, device: about.st_dev, unclear }
        }));
    }
    seen
}

/// Opens a directory without going through a link.
pub(super) fn open(path: &Path) -> Result<File, QuotaError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    match openat2(CWD, path, flags, Mode::empty(), NO_LINKS) {
        Ok(directory) => Ok(File::from(directory)),
        Err(Errno::LOOP) => Err(QuotaError::Link { path: path.to_owned() }),
        Err(errno) => Err(QuotaError::Open { path: path.to_owned(), source: errno.into() }),
    }
}

/// The mounts that we see.
pub(super) fn mounts() -> Result<Mounts, QuotaError> {
    Task::ours().and_then(|task| task.mounts()).map_err(QuotaError::Mounts)
}

fn magic(directory: &File) -> rustix::io::Result<u64> {
    Ok(fstatfs(directory)?.f_type.cast_unsigned())
}

fn identify(directory: &File, kind: String, magic: u64, path: &Path) -> Result<Filesystem, QuotaError> {
    let uuid = uuid::of(&Kernel, directory.as_raw_fd(), magic)
        .map_err(QuotaError::call("ask which file system holds", path))?;
    Ok(Filesystem { kind, uuid: uuid.map(|uuid| hexadecimal(&uuid)) })
}

/// Whether a directory lies on this file system.
pub(super) fn is_on(directory: &File, uuid: Option<&str>) -> bool {
    let found = magic(directory)
        .map_err(Into::into)
        .and_then(|magic| uuid::of(&Kernel, directory.as_raw_fd(), magic));
    found.ok().flatten().map(|found| hexadecimal(&found)).as_deref() == uuid
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The mount that a path lies in: the nearest above of its device, the last of those.
fn holding<'a>(path: &Path, device: u64, mounts: &'a Mounts) -> Option<&'a Mount> {
    let device = (rustix::fs::major(device), rustix::fs::minor(device));
    let above = mounts.0.iter().filter(|mount| path.starts_with(&mount.at));
    // Each subvolume of btrfs has a device number of its own, which no mount shows.
    let of = |mount: &&Mount| mount.device == device || mount.filesystem == "btrfs";
    above.filter(of).max_by_key(|mount| mount.at.as_os_str().len())
}

fn on(directory: File, path: &Path, mount: Option<&Mount>, filesystem: &Filesystem) -> On {
    On {
        directory,
        path: path.to_owned(),
        at: mount.map_or_else(|| path.to_owned(), |mount| mount.at.clone()),
        root: mount.map_or_else(PathBuf::new, |mount| mount.root.clone()),
        source: mount.map_or_else(|| "DEVICE".into(), |mount| mount.source.clone()),
        uuid: filesystem.uuid.clone(),
    }
}
