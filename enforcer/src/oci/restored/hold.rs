//! What criu starts at its steps, while it still has under its trace what it restores: nothing of that has run by then.
//!
//! It takes criu out of the cgroups of the container, and then freezes the container's, from which no signal wakes it: no
//! timer of the checkpoint's, and no parent's death. criu(8), `--action-script`; a runtime's criu starts it too since 4.0.
//! Documentation/admin-guide/cgroup-v2.rst, `cgroup.freeze`, 5.2.

use crate::freeze;
use rustix::process::{Pid, Signal, getppid, kill_process};
use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
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
    let path = place.join(CGROUP);
    fs::write(&path, directory.as_os_str().as_bytes()).map_err(|source| HoldError::Write { path, source })?;
    for outside in [criu, std::process::id()] {
        if stands_in(&Task::open(outside)?, &mounts)?.starts_with(&of) {
            return Err(HoldError::NoCgroup(first));
        }
    }
    Ok(())
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

/// Ends whatever is in the cgroup that was left in `place`: what criu had restored when it failed itself.
/// Documentation/admin-guide/cgroup-v2.rst, `cgroup.kill`, 5.14.
pub(super) fn end_left(place: &Path) -> Result<(), HoldError> {
    let Ok(directory) = read(place, CGROUP) else { return Ok(()) };
    let path = Path::new(OsStr::from_bytes(&directory)).join("cgroup.kill");
    match OpenOptions::new().write(true).open(&path).and_then(|mut file| file.write_all(b"1")) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(HoldError::Write { path, source }),
        // Gone with all that was in it.
        _ => Ok(()),
    }
}

fn read(place: &Path, name: &str) -> Result<Vec<u8>, ObserveError> {
    stockade_observe::read::bounded(&place.join(name), LONGEST)
}
