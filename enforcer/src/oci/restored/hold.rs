//! What criu starts at its steps, while it still has under its trace what it restores: nothing of that has run by then.
//!
//! It takes criu out of the cgroups of the container, and then freezes the container's, from which no signal wakes it: no
//! timer of the checkpoint's, and no parent's death. criu(8), `--action-script`; a runtime's criu starts it too since 4.0.
//! Documentation/admin-guide/cgroup-v2.rst, `cgroup.freeze`, 5.2.

use crate::freeze;
use crate::layer::cgroup::{CgroupError, remove_tree};
use rustix::process::{Pid, Signal, getppid, kill_process};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use stockade_observe::cgroup::Unified;
use stockade_observe::mounts::Mounts;
use stockade_observe::{ObserveError, Task, process};

/// The name by which the program is this alone.
pub const NAME: &str = "stockade-hold";

/// What is written beside it: the cgroup that it looks after.
pub(in crate::oci) const CGROUP: &str = "hold.cgroup";

/// What is written beside it: why it does not hold that.
pub(in crate::oci) const WHY: &str = "hold.why";

/// Bytes of what is left there: a path, or a sentence about one.
const LONGEST: usize = 16 << 10;

/// Variables by which criu says what it is at, and the first process that it restores. criu, criu/action-scripts.c.
pub const VARIABLES: [&str; 2] = ["CRTOOLS_SCRIPT_ACTION", "CRTOOLS_INIT_PID"];

/// Why something is not held; none of it is left then.
#[derive(Debug, thiserror::Error)]
pub enum HoldError {
    /// A process, or its cgroup, could not be looked at.
    #[error(transparent)]
    Observe(#[from] ObserveError),
    /// What criu says cannot be.
    #[error("criu names no process that it restores")]
    Nobody,
    /// The process is not one that criu holds.
    #[error("process {0} is not under criu's trace")]
    NotTraced(u32),
    /// There is nothing to freeze it by.
    #[error(
        "process {0} has no cgroup of its own in the unified hierarchy (cgroup2), mounted here, by which it could be frozen"
    )]
    NoCgroup(u32),
    /// It stands where it would not be frozen.
    #[error("process {pid} was restored in the cgroup {}, outside of {}", path.display(), of.display())]
    Elsewhere {
        /// The process.
        pid: u32,
        /// Its cgroup.
        path: PathBuf,
        /// The container's.
        of: PathBuf,
    },
    /// A cgroup could not be changed.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What is left in a cgroup could not be ended.
    #[error(transparent)]
    Left(#[from] CgroupError),
    /// Not all of it stands.
    #[error("not all of what was restored stands still")]
    NotStill,
}

/// Does what belongs to one of criu's steps, `first` being the first process that it restores. What is to be said is left
/// in `place`.
///
/// What fails at `post-restore` ends the restore. Later criu goes on whatever it is told: then all that it holds is ended
/// here.
pub fn at(step: &str, first: Option<u32>, place: &Path) -> Result<(), HoldError> {
    let criu = getppid().map_or(0, |pid| pid.as_raw_nonzero().get().cast_unsigned());
    let first = || first.ok_or(HoldError::Nobody);
    let done = match step {
        "post-restore" => first().and_then(|first| leave(criu, first, place)),
        "pre-resume" => first().and_then(|first| freeze(criu, first)).inspect_err(|_| end(criu)),
        _ => Ok(()),
    };
    if let Err(error) = &done {
        // Without it the restore fails without a reason.
        drop(fs::write(place.join(WHY), error.to_string()));
    }
    done
}

/// Takes criu, and this, out of the container's cgroups, in which runc starts it: they go to those of criu's own parent.
/// Or they would be frozen too, and ended where the container takes too much memory, and what they hold would run.
fn leave(criu: u32, first: u32, place: &Path) -> Result<(), HoldError> {
    let mounts = Task::ours()?.mounts()?;
    let held = Task::open(first)?;
    let holder = Task::open(criu)?;
    if held.status()?.tracer != criu {
        return Err(HoldError::NotTraced(first));
    }
    let above = Task::open(holder.status()?.parent)?.cgroups()?;
    let (inside, now) = (held.cgroups()?, holder.cgroups()?);
    for own in now.iter().filter(|own| own.path != "/" && inside.contains(own)) {
        let parents = above.iter().find(|other| other.hierarchy == own.hierarchy && other.path != own.path);
        // A hierarchy that is not mounted here has been joined by nobody.
        let Some(to) = parents.and_then(|to| to.directory(&mounts)) else { continue };
        let path = to.join("cgroup.procs");
        for pid in [criu, std::process::id()] {
            fs::write(&path, pid.to_string())
                .map_err(|source| HoldError::Write { path: path.clone(), source })?;
        }
    }
    let (of, directory) = cgroup(&held, &mounts)?;
    for outside in [criu, std::process::id()] {
        if stands_in(&Task::open(outside)?, &mounts)?.starts_with(&of) {
            return Err(HoldError::NoCgroup(first));
        }
    }
    // Not before nobody else stands in it: all that is left there is ended.
    let path = place.join(CGROUP);
    fs::write(&path, directory.as_os_str().as_bytes()).map_err(|source| HoldError::Write { path, source })
}

/// Freezes the container's cgroup, in which all must stand that criu has under its trace.
fn freeze(criu: u32, first: u32) -> Result<(), HoldError> {
    let mounts = Task::ours()?.mounts()?;
    let held = Task::open(first)?;
    if held.status()?.tracer != criu {
        return Err(HoldError::NotTraced(first));
    }
    let (of, directory) = cgroup(&held, &mounts)?;
    for task in traced(criu)? {
        let path = stands_in(&task, &mounts)?;
        if !path.starts_with(&of) {
            return Err(HoldError::Elsewhere { pid: task.pid(), path, of });
        }
    }
    if freeze::stop(&directory)? { Ok(()) } else { Err(HoldError::NotStill) }
}

/// The cgroup of a process in the unified hierarchy, and its directory; never the one of all processes.
fn cgroup(task: &Task, mounts: &Mounts) -> Result<(PathBuf, PathBuf), HoldError> {
    let own = Unified::of(task, mounts)?.filter(|own| !own.is_root());
    let found = own.and_then(|own| Some((own.path, own.directory?)));
    found.ok_or_else(|| HoldError::NoCgroup(task.pid()))
}

fn stands_in(task: &Task, mounts: &Mounts) -> Result<PathBuf, HoldError> {
    let own = Unified::of(task, mounts)?;
    own.map(|own| own.path).ok_or_else(|| HoldError::NoCgroup(task.pid()))
}

/// All processes under criu's trace: what it restores, whatever the images say of cgroups and namespaces.
fn traced(criu: u32) -> Result<Vec<Task>, ObserveError> {
    let mut found = Vec::new();
    for pid in process::all()? {
        let read = Task::open(pid).and_then(|task| Ok((task.status()?.tracer, task)));
        match read {
            Ok((tracer, task)) if tracer == criu => found.push(task),
            Ok(_) | Err(ObserveError::Vanished { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// Ends all that criu holds. What cannot be found is ended by who waits for it: it is not frozen.
fn end(criu: u32) {
    for task in traced(criu).unwrap_or_default() {
        let number = i32::try_from(task.pid()).ok().and_then(Pid::from_raw);
        // It may have ended.
        let _ended = number.map(|number| kill_process(number, Signal::KILL));
    }
}

/// Why it did not hold something, as it was left in `place`.
pub(super) fn why(place: &Path) -> Option<String> {
    Some(String::from_utf8_lossy(&read(place, WHY).ok()?).into_owned())
}

/// Ends whatever is in the cgroup that was left in `place`, and takes it away: what criu had restored when it failed itself.
pub(super) fn end_left(place: &Path) -> Result<(), HoldError> {
    let directory = match read(place, CGROUP) {
        Ok(directory) => directory,
        // Before that step nothing was restored.
        Err(ObserveError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    Ok(remove_tree(Path::new(OsStr::from_bytes(&directory)))?)
}

fn read(place: &Path, name: &str) -> Result<Vec<u8>, ObserveError> {
    stockade_observe::read::bounded(&place.join(name), LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe;
    use std::process::Command;
    use stockade_policy::host::CgroupHost;

    /// Version 1 has no `cgroup.kill`, as the unified hierarchy of a kernel before 5.14 has none.
    #[test]
    fn what_is_left_is_ended_with_its_cgroup() {
        let parent = match probe::host().unwrap().cgroup {
            CgroupHost::V1 { parents } => parents.get("pids").cloned(),
            CgroupHost::V2 { parent, .. } => Some(parent),
            CgroupHost::None { .. } => None,
        };
        let Some(parent) = parent else {
            return println!("SKIP hold-left: this host lets us make no cgroup");
        };
        let directory = Path::new(&parent).join(format!("stockade-test-{}-left", std::process::id()));
        fs::create_dir_all(directory.join("inner")).unwrap();
        let mut left = ["", "inner"].map(|below| {
            let child = Command::new("sleep").arg("120").spawn().unwrap();
            fs::write(directory.join(below).join("cgroup.procs"), child.id().to_string()).unwrap();
            child
        });
        let place = tempfile::tempdir().unwrap();
        end_left(place.path()).unwrap();
        fs::write(place.path().join(CGROUP), directory.as_os_str().as_bytes()).unwrap();
        end_left(place.path()).unwrap();
        let stays = directory.exists();
        if stays {
            left.iter_mut().for_each(|child| child.kill().unwrap());
        }
        assert_eq!(left.map(|mut child| child.wait().unwrap().success()), [false; 2]);
        if stays {
            crate::layer::cgroup::remove_tree(&directory).unwrap();
        }
        assert!(!stays, "what was left lived on");
        end_left(place.path()).unwrap();
    }
}
