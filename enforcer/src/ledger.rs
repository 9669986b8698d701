//! What stockade owns on a host, and how it goes when its owner is gone.
//!
//! There is no file to keep in step with the kernel: a cgroup carries its owner in its own name, so that
//! it is on the ledger from the moment it exists, and a launcher that is killed at any point leaves
//! nothing that cannot be found. `stockade-PID-START-PIDNS`: the launcher's pid, its start time, and the
//! pid namespace in which both are meant. Who holds that name is alive, or its cgroups are collected.

use crate::layer::cgroup::{self, CgroupError};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use stockade_observe::status::Start;
use stockade_observe::{ObserveError, Task, read};

/// What the name of everything of ours begins with.
const PREFIX: &str = "stockade-";

/// A launcher, named so that no later process can have the same name while the host runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner {
    /// Process id in its own pid namespace.
    pub pid: u32,
    /// Field 22 of `/proc/PID/stat`: clock ticks since boot.
    pub start: u64,
    /// Inode of its pid namespace.
    pub pid_namespace: u64,
}

/// Why the ledger could not be read or cleared.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// Who we are could not be read.
    #[error("cannot tell who owns this launch")]
    Owner(#[source] ObserveError),
    /// A parent directory could not be listed.
    #[error("cannot list the cgroups in {}: {source}", path.display())]
    List {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Whether an owner lives could not be read.
    #[error("cannot tell whether the owner of {} lives", path.display())]
    Alive {
        /// The cgroup.
        path: PathBuf,
        /// Why.
        source: ObserveError,
    },
    /// One that nobody owns could not be removed.
    #[error("cannot remove what a killed launcher left")]
    Remove(#[source] CgroupError),
}

impl Owner {
    /// The calling process. Four system calls.
    pub fn ours() -> Result<Owner, ObserveError> {
        let path = Path::new("/proc/self/stat");
        let content = read::record(path)?;
        let start = Start::parse(&content)
            .map_err(|source| ObserveError::Format { path: path.to_owned(), source })?;
        Ok(Owner { pid: std::process::id(), start: start.ticks, pid_namespace: our_pid_namespace()? })
    }

    /// The name of the `count`th thing that it owns in one place.
    pub fn name(self, count: u32) -> String {
        let Owner { pid, start, pid_namespace } = self;
        match count {
            0 => format!("{PREFIX}{pid}-{start}-{pid_namespace}"),
            _ => format!("{PREFIX}{pid}-{start}-{pid_namespace}.{count}"),
        }
    }

    /// The owner of something with this name; `None`: it is not ours.
    pub fn of(name: &str) -> Option<Owner> {
        let rest = name.strip_prefix(PREFIX)?;
        let (rest, count) = match rest.split_once('.') {
            Some((rest, count)) => (rest, count.parse().ok()?),
            None => (rest, 0),
        };
        let mut fields = rest.split('-');
        let owner = Owner {
            pid: fields.next()?.parse().ok()?,
            start: fields.next()?.parse().ok()?,
            pid_namespace: fields.next()?.parse().ok()?,
        };
        // Nothing behind it, no `007`, no `+7`: the name is the one that we would give.
        (owner.name(count) == name).then_some(owner)
    }

    /// Whether it lives; `None` where it cannot be known, as for one in another pid namespace.
    fn lives(self, our_pid_namespace: u64) -> Result<Option<bool>, ObserveError> {
        if self.pid_namespace != our_pid_namespace {
            return Ok(None);
        }
        match Task::open(self.pid).and_then(|task| task.start()) {
            // One that has ended and was not reaped holds its number and does nothing any more.
            Ok(start) => Ok(Some(start.ticks == self.start && !start.ended)),
            Err(ObserveError::Vanished { .. }) => Ok(Some(false)),
            Err(error) => Err(error),
        }
    }
}

fn our_pid_namespace() -> Result<u64, ObserveError> {
    let path = Path::new("/proc/self/ns/pid");
    let metadata =
        fs::metadata(path).map_err(|source| ObserveError::Read { path: path.to_owned(), source })?;
    Ok(metadata.ino())
}

/// Removes the cgroups beneath `parents` whose owner is dead, with the processes that may still be in
/// them, and gives their directories. One system call a parent where there is nothing.
///
/// Two launchers may do this at once: whoever is second finds nothing. One that is being launched has a
/// living owner from its first moment. What belongs to another user, or to a pid namespace whose
/// processes cannot be told apart from here, stays.
pub fn collect<'a>(parents: impl IntoIterator<Item = &'a Path>) -> Result<Vec<PathBuf>, LedgerError> {
    let mut collected = Vec::new();
    let mut namespace = None;
    for parent in parents.into_iter().collect::<BTreeSet<_>>() {
        let failed = |source| LedgerError::List { path: parent.to_owned(), source };
        let metadata = match fs::metadata(parent) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(failed(error)),
        };
        // A directory of cgroups has two links and one for each below it (kernfs).
        if metadata.nlink() <= 2 {
            continue;
        }
        for entry in fs::read_dir(parent).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let Some(owner) = entry.file_name().to_str().and_then(Owner::of) else { continue };
            let path = entry.path();
            let namespace = match namespace {
                Some(namespace) => namespace,
                None => *namespace.insert(our_pid_namespace().map_err(LedgerError::Owner)?),
            };
            match owner.lives(namespace) {
                Ok(Some(false)) => {}
                Ok(Some(true) | None) => continue,
                Err(source) => return Err(LedgerError::Alive { path, source }),
            }
            if !is_our_users(&path).map_err(failed)? {
                continue;
            }
            cgroup::remove_tree(&path).map_err(LedgerError::Remove)?;
            collected.push(path);
        }
    }
    Ok(collected)
}

/// Whether the directory was made by the user that we act as; one that is gone is nobody's.
fn is_our_users(path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(metadata) => Ok(metadata.is_dir() && metadata.uid() == crate::sys::probe::effective_uid()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back_and_others_are_not_ours() {
        let owner = Owner { pid: 7, start: 4711, pid_namespace: 4_026_531_836 };
        assert_eq!(owner.name(0), "stockade-7-4711-4026531836");
        for count in [0, 1, 12] {
            assert_eq!(Owner::of(&owner.name(count)), Some(owner));
        }
        for name in [
            "stockade",
            "stockade-",
            "stockade-7",
            "stockade-7-4711",
            "stockade-07-4711-1",
            "stockade-7-4711-1-2",
            "stockade-7-4711-1.0",
            "stockade-7-4711-1.x",
            "stockade-+7-1-1",
            "docker-7-4711-1",
        ] {
            assert_eq!(Owner::of(name), None, "{name}");
        }
    }

    #[test]
    fn we_live_and_one_with_our_pid_and_another_start_does_not() {
        let ours = Owner::ours().expect("ours");
        assert_eq!(ours.lives(ours.pid_namespace).expect("lives"), Some(true));
        let before = Owner { start: ours.start - 1, ..ours };
        assert_eq!(before.lives(ours.pid_namespace).expect("lives"), Some(false));
        assert_eq!(ours.lives(1).expect("lives"), None, "another pid namespace cannot be judged");
    }
}
