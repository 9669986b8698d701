//! The launcher's side of a start: the clone, and what only the outside can give.

use super::LaunchError;
use super::prepared::Prepared;
use super::sequence::child;
use crate::layer::cgroup::Created;
use crate::layer::identity;
use crate::sys::caps;
use crate::sys::clone::{Forked, fork_into, join_network};
use crate::sys::file::{self, CWD, owned};
use crate::sys::{Errno, Sys, process, ptrace, socket};
use std::ffi::CString;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use stockade_policy::plan::Plan;
use stockade_policy::vocab::Cap;

/// The child, waiting for its go. Dropping it takes it down.
pub(super) struct Started<'s> {
    sys: &'s dyn Sys,
    /// As the launcher sees it.
    pub(super) pid: i32,
    pub(super) pidfd: OwnedFd,
    traced: bool,
    reaped: bool,
}

impl Drop for Started<'_> {
    fn drop(&mut self) {
        if !self.reaped {
            // Where it is gone already there is nothing to kill, and it is reaped all the same.
            let _ = process::signal(self.sys, self.pidfd.as_raw_fd(), libc::SIGKILL);
            // A tracee inside is the tracer's to reap, and the first process does not end before it is.
            let whom = if self.traced { -1 } else { self.pid };
            while process::wait_any(self.sys, whom).is_ok_and(|(pid, _)| pid != self.pid) {}
        }
    }
}

impl Started<'_> {
    /// Waits for its end.
    pub(super) fn wait(mut self) -> Result<i32, LaunchError> {
        self.reaped = true;
        process::wait(self.sys, self.pid).map_err(|errno| LaunchError::Launcher {
            operation: "wait for",
            object: "first process".to_owned(),
            errno,
        })
    }

    /// It was reaped elsewhere.
    pub(super) fn forget(mut self) {
        self.reaped = true;
    }
}

/// Makes the child, in its namespaces and cgroup, and gives it what it cannot give itself.
pub(super) fn start<'s>(
    sys: &'s dyn Sys,
    prepared: &Prepared,
    plan: &Plan,
    cgroup: Option<&Created>,
    trace: bool,
) -> Result<Started<'s>, LaunchError> {
    if is_privileged(sys)? {
        prepared.mounts.open_sources(sys).map_err(|failure| LaunchError::Step {
            step: "sources",
            object: failure.object.to_string_lossy().into_owned(),
            errno: failure.errno,
            host: failure.errno == Errno::ENOSYS,
        })?;
    }
    let clone = || {
        let unified = cgroup.and_then(Created::unified_fd);
        fork_into(sys, prepared.namespaces.flags, unified, || child(sys, prepared)).map_err(|errno| {
            LaunchError::Step {
                step: "namespaces",
                object: String::new(),
                errno,
                host: !matches!(errno, Errno::EAGAIN | Errno::ENOMEM),
            }
        })
    };
    let Forked { pid, pidfd } = match &plan.namespaces.network_path {
        None => clone(),
        Some(path) => in_network(sys, path, clone),
    }?;
    let started = Started { sys, pid, pidfd: owned(pidfd), traced: trace, reaped: false };
    prepared.mounts.close_sources(sys);
    if let Some(maps) = &plan.identity.user_namespace {
        identity::write_maps(sys, pid, maps)?;
    }
    // Where every hierarchy is the unified one it was cloned into it.
    let legacy = plan.cgroup.iter().flat_map(|plan| &plan.hierarchies).any(|hierarchy| !hierarchy.unified);
    if let Some(cgroup) = cgroup.filter(|_| legacy) {
        cgroup.join(pid.cast_unsigned())?;
    }
    if trace {
        ptrace::seize(sys, pid).map_err(launcher("trace", "first process"))?;
    }
    socket::send(sys, prepared.launcher.as_raw_fd(), b"g").map_err(launcher("start", "first process"))?;
    Ok(started)
}

/// Clones inside a network namespace and comes back. Out here, since a child in a user namespace of its own has no right
/// to join a namespace that the host owns.
fn in_network<T>(
    sys: &dyn Sys,
    path: &str,
    clone: impl FnOnce() -> Result<T, LaunchError>,
) -> Result<T, LaunchError> {
    let open = |path: &str| -> Result<OwnedFd, Errno> {
        let path = CString::new(path).map_err(|_| Errno::EINVAL)?;
        file::open(sys, CWD, &path, libc::O_RDONLY).map(owned)
    };
    let failed = |errno| LaunchError::Step {
        step: "network namespace",
        object: path.to_owned(),
        errno,
        host: matches!(errno, Errno::EPERM),
    };
    let own = open("/proc/thread-self/ns/net").map_err(failed)?;
    let other = open(path).map_err(failed)?;
    join_network(sys, other.as_raw_fd()).map_err(failed)?;
    let made = clone();
    join_network(sys, own.as_raw_fd()).map_err(failed)?;
    made
}

fn is_privileged(sys: &dyn Sys) -> Result<bool, LaunchError> {
    let effective = caps::effective(sys).map_err(launcher("read", "own capabilities"))?;
    Ok(effective >> Cap::SYS_ADMIN.number() & 1 == 1)
}

/// Names what the launcher was at.
pub(super) fn launcher(operation: &'static str, object: &'static str) -> impl Fn(Errno) -> LaunchError {
    move |errno| LaunchError::Launcher { operation, object: object.to_owned(), errno }
}

/// Closes what was handed over, so that a pipe ends when the program closes it.
pub(super) fn hand_over(sys: &dyn Sys, descriptors: &[RawFd]) {
    for fd in descriptors {
        // Checked to be open before; a second mention of one number closes nothing.
        let _ = file::close(sys, *fd);
    }
}
