//! What the kernel finds at a path in a process's root (openat2(2)), and on which of its mounts.

use crate::status::Verdict;
use crate::sys::in_root;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use stockade_observe::mounts::{Mount, Mounts};
use stockade_observe::{ObserveError, Task};

/// The mounts of a process, and its root.
pub(crate) struct Tree<'a> {
    pub(crate) mounts: &'a Mounts,
    /// Those that a path can lead to.
    pub(crate) visible: Vec<&'a Mount>,
    root: File,
}

/// Something found at a path.
pub(crate) struct Found<'a> {
    pub(crate) handle: OwnedFd,
    pub(crate) metadata: Metadata,
    pub(crate) mount: &'a Mount,
}

impl<'a> Tree<'a> {
    /// That of `task`, whose mounts these are.
    pub(crate) fn of(task: &Task, mounts: &'a Mounts) -> Result<Tree<'a>, ObserveError> {
        let root = File::open(task.path("root"))
            .map_err(|source| ObserveError::Read { path: "root".into(), source })?;
        Ok(Tree { mounts, visible: mounts.visible(), root })
    }

    /// What the kernel finds at `path` in the process's root; `Err`: the verdict that ends the question.
    pub(crate) fn find(&self, path: &str) -> Result<Option<Found<'a>>, Verdict> {
        let unknown = |error: io::Error| Verdict::not_visible(format!("cannot look at {path}: {error}"));
        // A look at a path in a user-space file system asks a process, which may never answer.
        if let Some(fuse) =
            self.visible.iter().find(|one| is_fuse(one) && Path::new(path).starts_with(&one.at))
        {
            return Err(Verdict::not_visible(format!(
                "{path} lies in the user-space mount {}",
                fuse.at.display()
            )));
        }
        let handle = match in_root::open(self.root.as_fd(), Path::new(path)) {
            Ok(handle) => handle,
            Err(error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ENOTDIR)) => {
                return Ok(None);
            }
            Err(error) => return Err(unknown(error)),
        };
        let metadata = fs::metadata(through(&handle)).map_err(unknown)?;
        match mount_of(&handle).map_err(unknown)?.and_then(|id| self.mounts.by_id(id)) {
            Some(mount) => Ok(Some(Found { handle, metadata, mount })),
            None => Err(Verdict::not_visible(format!("{path} changed while it was read"))),
        }
    }
}

/// A path to what a handle holds, in our own /proc.
pub(crate) fn through(handle: &impl AsRawFd) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", handle.as_raw_fd()))
}

/// The id of the mount that what a handle holds is on. proc_pid_fdinfo(5), `mnt_id`, 3.15.
pub(crate) fn mount_of(handle: &impl AsRawFd) -> io::Result<Option<u32>> {
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{}", handle.as_raw_fd()))?;
    Ok(info.lines().find_map(|line| line.strip_prefix("mnt_id:")?.trim().parse().ok()))
}

fn is_fuse(mount: &Mount) -> bool {
    mount.filesystem == "fuse" || mount.filesystem.starts_with("fuse.") || mount.filesystem == "fuseblk"
}
