//! The mounts of what was restored. criu makes what the images say, a disk of the host among it: so each mount must be one
//! that the bundle asks for, or that runc makes for it, and nothing of these may be missing.
//!
//! Compared is what mountinfo lists, covered or not: what covers a mount may be taken away.

use super::RestoredError;
use super::wanted::{Wanted, Wish, below};
use crate::sys::{Kernel, clone};
use crate::verify::found::{Tree, mount_of};
use rustix::fs::{CWD, Mode, OFlags, openat};
use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use stockade_observe::mounts::{Mount, Mounts};
use stockade_observe::{ObserveError, Task};
use stockade_policy::oci::Document;

/// Major and minor of /dev/null; Documentation/admin-guide/devices.txt.
const NULL: (u32, u32) = (1, 3);

/// Kinds of which each mount has a file system of its own.
const OWN: [&str; 3] = ["tmpfs", "devpts", "proc"];

/// What of a thread must lie in the container's tree.
const INSIDE: [&str; 3] = ["root", "cwd", "exe"];

/// What a bundle asks for, and what this host has.
pub(super) struct Expected {
    wanted: Wanted,
    host: Mounts,
}

impl Expected {
    /// What `document`, as the inner runtime read it, asks for.
    pub(super) fn of(document: &Document) -> Result<Expected, RestoredError> {
        let host = Task::ours()?.mounts()?;
        Ok(Expected { wanted: Wanted::of(document, &host)?, host })
    }

    /// Refuses what is more than that, and what is missing, in each mount namespace of these processes.
    pub(super) fn check(&self, tasks: &[Task]) -> Result<(), RestoredError> {
        let mut seen = BTreeSet::new();
        for task in tasks {
            if task.start()?.ended {
                continue;
            }
            let mounts = task.mounts()?;
            for thread in task.threads()? {
                inside(&thread, &mounts)?;
            }
            if seen.insert(task.metadata("ns/mnt")?.ino()) {
                let view = View { pid: task.pid(), expected: self, tree: Tree::of(task, &mounts)? };
                view.nothing_more()?;
                view.nothing_missing()?;
            }
        }
        Ok(())
    }
}

/// Whether a thread stands in the tree of these mounts, and that is all of its namespace.
fn inside(thread: &Task, mounts: &Mounts) -> Result<(), RestoredError> {
    let wrong = |what: String| RestoredError::Outside { pid: thread.pid(), what };
    let root = mounts.root().ok_or_else(|| wrong("root is no mount".to_owned()))?;
    for name in INSIDE {
        let path = thread.path(name);
        let handle = openat(CWD, &path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty());
        let handle = match handle.map_err(io::Error::from) {
            // A thread of the kernel's, that a process may have, has no program.
            Err(error) if name == "exe" && error.kind() == io::ErrorKind::NotFound => continue,
            other => other.map_err(|source| ObserveError::Read { path: name.into(), source })?,
        };
        let on = mount_of(&handle).map_err(|source| ObserveError::Read { path: name.into(), source })?;
        let is_inside = match name {
            "root" => on == Some(root.id),
            _ => on.is_some_and(|id| mounts.by_id(id).is_some()),
        };
        if !is_inside {
            return Err(wrong(format!("{name} lies outside of the container's mounts")));
        }
    }
    // Whoever may chroot(2) leaves a root that is not the namespace's own.
    if top(thread)? != Some(root.id) {
        return Err(wrong("root is not that of its mount namespace".to_owned()));
    }
    Ok(())
}

/// The id of the mount that is the root of a thread's mount namespace. setns(2): whoever joins it finds himself there.
fn top(thread: &Task) -> Result<Option<u32>, ObserveError> {
    let failed = |source| ObserveError::Read { path: "ns/mnt".into(), source };
    let namespace = File::open(thread.path("ns/mnt")).map_err(failed)?;
    let look = || -> io::Result<OwnedFd> {
        let system = |errno: crate::sys::Errno| io::Error::from_raw_os_error(errno.0);
        clone::join_mounts(&Kernel, namespace.as_raw_fd()).map_err(system)?;
        Ok(openat(CWD, "/", OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?)
    };
    // On a thread of its own, which ends there.
    let looked = std::thread::scope(|scope| scope.spawn(look).join());
    let handle = looked.unwrap_or_else(|fault| std::panic::resume_unwind(fault)).map_err(failed)?;
    mount_of(&handle).map_err(failed)
}

/// One mount namespace.
struct View<'a> {
    pid: u32,
    expected: &'a Expected,
    tree: Tree<'a>,
}

impl View<'_> {
    fn wrong(&self, at: &Path, why: impl Into<String>) -> RestoredError {
        RestoredError::Mount { pid: self.pid, at: at.to_owned(), why: why.into() }
    }

    fn nothing_more(&self) -> Result<(), RestoredError> {
        let root = self.tree.mounts.root().map(|root| root.id);
        for mount in &self.tree.mounts.0 {
            let why = if Some(mount.id) == root { self.root(mount) } else { self.one(mount) };
            if let Some(why) = why.or_else(|| self.propagates(mount)) {
                return Err(self.wrong(&mount.at, why));
            }
        }
        Ok(())
    }

    /// What is wrong with the root. Which directory it is was compared with the plan.
    fn root(&self, mount: &Mount) -> Option<String> {
        (self.expected.wanted.read_only && !mount.is_read_only()).then(|| "can be written".to_owned())
    }

    /// What is wrong with another mount.
    fn one(&self, mount: &Mount) -> Option<String> {
        let wanted = &self.expected.wanted;
        if self.resolved(&wanted.masked).contains(&mount.at) && is_mask(mount)
            || self.resolved(&wanted.read_only_paths).contains(&mount.at) && self.shows_the_same(mount)
            || wanted.terminal && mount.at == *"/dev/console" && mount.filesystem == "devpts"
        {
            return None;
        }
        let mut why = None;
        for wish in &wanted.mounts {
            let Some(found) = self.is_of(wish, mount) else { continue };
            match found {
                Ok(()) => return None,
                Err(wrong) => why = Some(wrong),
            }
        }
        Some(why.unwrap_or_else(|| format!("({}) is none of its bundle's", mount.filesystem)))
    }

    /// Whether a mount is what a wish of the bundle makes; `None`: it is not at its place.
    fn is_of(&self, wish: &Wish, mount: &Mount) -> Option<Result<(), String>> {
        let said = |more: Option<&str>| more.map_or(Ok(()), |more| Err(more.to_owned()));
        if mount.at == wish.at {
            let other = match &wish.bound {
                Some(bound) if (bound.device, &bound.root) != (mount.device, &mount.root) => {
                    Some(format!("is not {} of the host", bound.source.display()))
                }
                Some(_) => None,
                None => self.is_other(wish, mount),
            };
            // Over which runc mounts the hierarchies of version 1, and leaves it writable.
            let is_frame = wish.is_cgroups() && mount.filesystem == "tmpfs";
            return Some(other.map_or_else(|| said(wish.more(mount).filter(|_| !is_frame)), Err));
        }
        let rest = mount.at.strip_prefix(&wish.at).ok()?;
        if wish.is_cgroups() {
            // One for each hierarchy of version 1.
            let kind = mount.filesystem.starts_with("cgroup");
            return Some(if kind { said(wish.more(mount)) } else { Err("shows no cgroups".to_owned()) });
        }
        let bound = wish.bound.as_ref().filter(|_| wish.is_recursive())?;
        let place = bound.source.join(rest);
        let host = self.expected.host.0.iter().rev().find(|host| host.at == place);
        Some(match host {
            Some(host) if (host.device, &host.root) == (mount.device, &mount.root) => {
                said(wish.more_below(mount, host))
            }
            _ => Err(format!("is not {} of the host", place.display())),
        })
    }

    /// What else than the file system that the bundle names a mount has.
    fn is_other(&self, wish: &Wish, mount: &Mount) -> Option<String> {
        let is_kind = if wish.is_cgroups() {
            mount.filesystem.starts_with("cgroup") || mount.filesystem == "tmpfs"
        } else {
            mount.filesystem == wish.kind && mount.root == *"/"
        };
        if !is_kind {
            return Some(format!("({}) is no {} of its own", mount.filesystem, wish.kind));
        }
        // The host has it mounted: it is the host's.
        if OWN.contains(&mount.filesystem.as_str())
            && self.expected.host.0.iter().any(|host| host.device == mount.device)
        {
            return Some(format!("is a {} of the host", mount.filesystem));
        }
        let hidden = |word: &String| match word.split_once('=')? {
            ("hidepid", "4" | "ptraceable") => {
                Some(matches!(mount.super_option("hidepid"), Some("4" | "ptraceable")))
            }
            ("subset", "pid") => Some(mount.super_option("subset") == Some("pid")),
            _ => None,
        };
        let shows =
            mount.filesystem == "proc" && wish.options.iter().filter_map(hidden).any(|hidden| !hidden);
        shows.then(|| "shows more than its bundle's".to_owned())
    }

    /// Whether a mount shows what is below it anyway, read-only.
    fn shows_the_same(&self, mount: &Mount) -> bool {
        let parent = self.tree.mounts.by_id(mount.parent);
        let same = parent.is_some_and(|parent| {
            parent.device == mount.device
                && below(&parent.at, &parent.root, &mount.at).is_some_and(|root| root == mount.root)
        });
        same && mount.is_read_only()
    }

    /// Whether what is mounted on the host appears there, where the bundle does not ask for it.
    fn propagates(&self, mount: &Mount) -> Option<String> {
        let wanted = &self.expected.wanted;
        let asked = wanted.slave
            || wanted.mounts.iter().any(|wish| wish.is_slave() && mount.at.starts_with(&wish.at));
        let is_slave = mount.propagation.iter().any(|one| one.starts_with("master:"));
        (is_slave && !asked).then(|| "gets what is mounted on the host".to_owned())
    }

    /// Where paths lead, through links of the image; and themselves.
    fn resolved(&self, paths: &[PathBuf]) -> BTreeSet<PathBuf> {
        let leads = |path: &PathBuf| {
            let found = self.tree.find(path.to_str()?).ok()??;
            std::fs::read_link(crate::verify::found::through(&found.handle)).ok()
        };
        paths.iter().cloned().chain(paths.iter().filter_map(leads)).collect()
    }

    fn nothing_missing(&self) -> Result<(), RestoredError> {
        let wanted = &self.expected.wanted;
        let find = |path: &Path| {
            let text = path.to_str().unwrap_or_default();
            self.tree.find(text).map_err(|verdict| self.wrong(path, verdict.text()))
        };
        for (index, wish) in wanted.mounts.iter().enumerate() {
            let later = wanted.mounts.get(index + 1..).unwrap_or_default();
            if later.iter().any(|later| wish.at.starts_with(&later.at)) {
                continue;
            }
            match find(&wish.at)? {
                Some(found) if found.mount.at == wish.at => {}
                _ => return Err(self.wrong(&wish.at, "is missing")),
            }
        }
        for path in &wanted.masked {
            let Some(found) = find(path)? else { continue };
            let device = (rustix::fs::major(found.metadata.rdev()), rustix::fs::minor(found.metadata.rdev()));
            let is_null = found.metadata.file_type().is_char_device() && device == NULL;
            let is_cover =
                found.metadata.is_dir() && is_mask(found.mount) && found.mount.filesystem == "tmpfs";
            if !is_null && !is_cover {
                return Err(self.wrong(path, "is not masked"));
            }
        }
        for path in &wanted.read_only_paths {
            if let Some(found) = find(path)?.filter(|found| !found.mount.is_read_only()) {
                let is_masked = is_mask(found.mount);
                if !is_masked {
                    return Err(self.wrong(path, "can be written"));
                }
            }
        }
        Ok(())
    }
}

/// What runc masks with: the null device over a file, an empty tmpfs over a directory. libcontainer, rootfs_linux.go,
/// `maskPath`. That it is this device is looked at by its path.
fn is_mask(mount: &Mount) -> bool {
    match mount.filesystem.as_str() {
        "tmpfs" if mount.root == *"/" => mount.is_read_only(),
        "tmpfs" | "devtmpfs" => mount.root == *"/null",
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::asleep::Asleep;
    use super::*;
    use std::process::Stdio;

    /// What is said of what `script` becomes, which is `name`.
    fn said(script: &str, name: &str) -> Result<(), String> {
        let asleep = Asleep::new(script, name, Stdio::null());
        let task = asleep.task();
        inside(&task, &task.mounts().unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_root_that_could_be_left_is_refused() {
        if !rustix::process::geteuid().is_root() || !Path::new("/bin/busybox").exists() {
            println!("SKIP restored-root: it takes root, and busybox");
            return;
        }
        assert_eq!(said("exec sleep 60", "sleep"), Ok(()));
        let prepare =
            "mount -t tmpfs none /mnt && mkdir /mnt/a && cp /bin/busybox /mnt && cp /bin/busybox /mnt/a";
        // `/mnt` is a mount, and the host's root is still below it.
        let left =
            said(&format!("{prepare} && cd /mnt && exec chroot . /busybox sleep 60"), "busybox").unwrap_err();
        assert!(left.contains("root is not that of its mount namespace"), "{left}");
        let left = said(&format!("{prepare} && cd /mnt/a && exec chroot . /busybox sleep 60"), "busybox")
            .unwrap_err();
        assert!(left.contains("root is no mount"), "{left}");
        let outside = "cd / && mount -t tmpfs none /mnt && cd /mnt && umount -l /mnt && exec sleep 60";
        let outside = said(outside, "sleep").unwrap_err();
        assert!(outside.contains("cwd lies outside"), "{outside}");
    }

    #[test]
    fn masks_are_what_runc_makes() {
        let is = |line: &str| is_mask(&Mounts::parse(line.as_bytes()).unwrap().0[0]);
        assert!(is("2 1 0:2 /null /proc/keys rw - tmpfs tmpfs rw"));
        assert!(is("2 1 0:2 /null /proc/keys rw - devtmpfs devtmpfs rw"));
        assert!(is("2 1 0:2 / /proc/acpi ro - tmpfs tmpfs ro"));
        assert!(!is("2 1 0:2 / /proc/acpi rw - tmpfs tmpfs rw"));
        assert!(!is("2 1 0:2 /null /proc/keys ro - ext4 disk ro"));
        assert!(!is("2 1 0:2 /zero /proc/keys ro - devtmpfs devtmpfs ro"));
    }
}
