//! Containers that stand still while they are read. Documentation/admin-guide/cgroup-v2.rst, `cgroup.freeze`, 5.2.
//!
//! By the unified hierarchy, in which containers stand on hosts with version 1 too. The freezer of version 1 is of no
//! use here: what it has frozen cannot be traced, so that no filter could be read.

use crate::sys::guard::{self, Guard};
use serde::Serialize;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use stockade_observe::cgroup::Unified;
use stockade_observe::namespace::Namespaces;
use stockade_observe::{ObserveError, Task, cgroup};
use stockade_policy::policy::NamespaceKind;

/// How long all processes may take to stand. One that waits for a device does not before that is over.
const PATIENCE: Duration = Duration::from_secs(2);

/// The file by which a cgroup is frozen.
const FREEZE: &str = "cgroup.freeze";

/// How a container stood while it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stood {
    /// Frozen for the time of reading.
    Frozen,
    /// Its engine had paused it, and it still is.
    Paused {
        /// Whether its processes can be traced, which reading filters takes.
        traceable: bool,
    },
    /// It went on: what was read may be of different moments.
    Running {
        /// Why it could not be frozen.
        why: String,
    },
}

impl fmt::Display for Stood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stood::Frozen => f.write_str("frozen while it was read"),
            Stood::Paused { .. } => f.write_str("paused by its engine"),
            Stood::Running { why } => write!(f, "running while it was read: {why}"),
        }
    }
}

/// Holds a container still. When it is dropped, or this process dies of whatever, the container goes on; one that was
/// paused stays so.
pub struct Hold {
    /// How it stands.
    pub stood: Stood,
    _guard: Option<Guard>,
}

/// Freezes the cgroup of `task` with all below it, if that is the container's own.
pub fn freeze(task: &Task) -> Result<Hold, ObserveError> {
    let hold = |stood| Ok(Hold { stood, _guard: None });
    let running = |why: &str| hold(Stood::Running { why: why.to_owned() });
    let mounts = Task::ours()?.mounts()?;
    let legacy = task.cgroups()?.into_iter().find(|one| one.controllers.iter().any(|name| name == "freezer"));
    if let Some(at) = legacy.and_then(|one| one.directory(&mounts))
        // The root cgroup has no such file.
        && cgroup::value(&at, "freezer.state").is_ok_and(|state| state != "THAWED")
    {
        return hold(Stood::Paused { traceable: false });
    }
    let Some(unified) = Unified::of(task, &mounts)?.filter(|own| !own.is_root()) else {
        return running("it has no cgroup of its own in the unified hierarchy");
    };
    let Some(at) = unified.directory else {
        return running("its cgroup of the unified hierarchy is not mounted here");
    };
    if is_frozen(&at)? || cgroup::value(&at, FREEZE)? == "1" {
        return hold(Stood::Paused { traceable: true });
    }
    if !is_its_own(&at)? {
        return running("processes of the host stand in its cgroup");
    }
    let switch = Switch::of(&at)?;
    // Before anything stands still there is one who lets it go.
    let guard = guard::start(switch.file.as_fd(), b"0").map_err(|source| switch.failed(source))?;
    switch.write(b"1")?;
    if !stands(&at)? {
        return running("not all of its processes stopped in time");
    }
    Ok(Hold { stood: Stood::Frozen, _guard: Some(guard) })
}

/// Waits until all processes of a cgroup stand; whether they do.
fn stands(at: &Path) -> Result<bool, ObserveError> {
    let start = Instant::now();
    while !is_frozen(at)? {
        if start.elapsed() > PATIENCE {
            return Ok(false);
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    Ok(true)
}

/// Freezes the cgroup at `at` until [`go_on`]: whatever becomes of this process, it stays so.
pub(crate) fn stop(at: &Path) -> Result<bool, ObserveError> {
    Switch::of(at)?.write(b"1")?;
    stands(at)
}

/// Lets the cgroup of `task` go on.
pub(crate) fn go_on(task: &Task) -> Result<(), ObserveError> {
    match directory(task)? {
        Some(at) => Switch::of(&at)?.write(b"0"),
        None => Ok(()),
    }
}

/// Whether the cgroup of `task` is frozen, by the unified hierarchy.
pub(crate) fn is_stopped(task: &Task) -> Result<bool, ObserveError> {
    match directory(task)? {
        Some(at) => Ok(cgroup::value(&at, FREEZE)? == "1" && is_frozen(&at)?),
        None => Ok(false),
    }
}

/// The file of a cgroup by which it is frozen, open.
struct Switch {
    path: PathBuf,
    file: File,
}

impl Switch {
    fn of(at: &Path) -> Result<Switch, ObserveError> {
        let path = at.join(FREEZE);
        // No O_CREAT: what is no cgroup has no such file.
        match OpenOptions::new().write(true).open(&path) {
            Ok(file) => Ok(Switch { path, file }),
            Err(source) => Err(ObserveError::Write { path, source }),
        }
    }

    fn write(&self, value: &[u8]) -> Result<(), ObserveError> {
        (&self.file).write_all(value).map_err(|source| self.failed(source))
    }

    fn failed(&self, source: io::Error) -> ObserveError {
        ObserveError::Write { path: self.path.clone(), source }
    }
}

/// The directory of the cgroup of `task` by which it can be frozen.
fn directory(task: &Task) -> Result<Option<PathBuf>, ObserveError> {
    let own = Unified::of(task, &Task::ours()?.mounts()?)?;
    Ok(own.filter(|own| !own.is_root()).and_then(|own| own.directory))
}

/// Whether all processes of a cgroup stand, for whatever reason.
fn is_frozen(at: &Path) -> Result<bool, ObserveError> {
    Ok(cgroup::value(at, "cgroup.events")?.lines().any(|line| line == "frozen 1"))
}

/// Whether no process of the reader's own pid namespace stands in a cgroup: freezing it could stop who lets it go.
fn is_its_own(at: &Path) -> Result<bool, ObserveError> {
    let ours = Namespaces::one(&Task::ours()?, NamespaceKind::Pid)?;
    for pid in cgroup::members_below(at)? {
        let namespace = match Task::open(pid).and_then(|task| Namespaces::one(&task, NamespaceKind::Pid)) {
            Err(ObserveError::Vanished { .. }) => continue,
            other => other?,
        };
        if namespace == ours {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The directory of the cgroup in which `task` stands, of the unified hierarchy where it has one of its own there.
pub(crate) fn cgroup_of(task: &Task) -> Result<Option<PathBuf>, ObserveError> {
    let mounts = Task::ours()?.mounts()?;
    let mut memberships = task.cgroups()?;
    memberships.retain(|one| one.path != "/");
    memberships.sort_by_key(|one| one.hierarchy);
    Ok(memberships.iter().find_map(|one| one.directory(&mounts)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_cgroup_is_not_written() {
        let place = tempfile::tempdir().unwrap();
        let said = stop(place.path()).unwrap_err().to_string();
        let file = place.path().join(FREEZE);
        assert!(said.starts_with(&format!("cannot write {}: ", file.display())), "{said}");
        assert!(!file.exists());
    }
}
