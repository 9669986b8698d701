//! The launcher's side of a start: the clone, and what only the outside can give.

use super::LaunchError;
use super::prepared::Prepared;
use super::sequence::child;
use crate::layer::cgroup::Created;
use crate::layer::identity;
use crate::sys::clone::{Forked, fork_into, join_network};
use crate::sys::file::{self, CWD, owned};
use crate::sys::{Errno, Kernel, Sys, process, ptrace, socket};
use std::ffi::CString;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use stockade_policy::plan::Plan;

/// The child, waiting for its go. Dropping it takes it down.
pub(super) struct Started<'s> {
    sys: &'s dyn Sys,
    /// As the launcher sees it.
    pub(super) pid: i32,
    pub(super) pidfd: OwnedFd,
    traced: bool,
    reaped: bool,
    /// The files of its id maps and the copies of what is mounted, closed when there is time.
    open: Vec<OwnedFd>,
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

/// Makes the child, in its namespaces and cgroup, gives it what it cannot give itself, and does `then` while it
/// goes on. `prepared` is the child's from here on.
pub(super) fn start<'s, T>(
    sys: &'s dyn Sys,
    prepared: &Prepared,
    plan: &Plan,
    cgroup: Option<&Created>,
    trace: bool,
    then: impl FnOnce(Started<'s>) -> Result<T, LaunchError>,
) -> Result<T, LaunchError> {
    match prepared.mounts.open_sources(sys) {
        Ok(()) => {}
        // Without CAP_SYS_ADMIN; the child tries again, in its own namespace.
        Err(failure) if failure.errno == Errno::EPERM && plan.identity.user_namespace.is_some() => {
            // The numbers are ours alone.
            prepared.mounts.forget_sources().into_iter().map(owned).for_each(drop);
        }
        Err(failure) => {
            return Err(LaunchError::Step {
                step: "sources",
                object: failure.object.to_string_lossy().into_owned(),
                errno: failure.errno,
                host: failure.errno == Errno::ENOSYS,
            });
        }
    }
    // The child's numbers for them are the same, its descriptors are not: what it opens is not closed here.
    let sources = prepared.mounts.opened().into_iter().map(owned).collect();
    let unified = cgroup.and_then(Created::unified_fd);
    let network =
        plan.namespaces.network_path.as_deref().map(|path| Network::enter(sys, path)).transpose()?;
    let back = || network.as_ref().map_or(Ok(()), |network| network.leave(sys));
    let side = || child(&Kernel, prepared);
    let made = fork_into(sys, prepared.namespaces.flags, unified, &side, |Forked { pid, pidfd }| {
        let pidfd = owned(pidfd);
        let mut started = Started { sys, pid, pidfd, traced: trace, reaped: false, open: sources };
        back()?;
        if let Err(error) = give(&mut started, plan, cgroup) {
            let mut interests = [socket::readable(prepared.launcher)];
            // The child, which needs none of that at first, may have failed before: then it has said why.
            return match socket::poll(sys, &mut interests, false) {
                Ok(1..) => then(started).and(Err(error)),
                _ => Err(error),
            };
        }
        socket::send(sys, prepared.launcher, b"g").map_err(launcher("start", "first process"))?;
        then(started)
    });
    made.unwrap_or_else(|errno| {
        back()?;
        Err(LaunchError::Step {
            step: "namespaces",
            object: String::new(),
            errno,
            host: !matches!(errno, Errno::EAGAIN | Errno::ENOMEM),
        })
    })
}

/// What only the outside can give: id maps, a place in legacy cgroups, a tracer.
fn give(started: &mut Started<'_>, plan: &Plan, cgroup: Option<&Created>) -> Result<(), LaunchError> {
    let (sys, pid) = (started.sys, started.pid);
    if let Some(maps) = &plan.identity.user_namespace {
        started.open.extend(identity::write_maps(sys, pid, maps)?);
    }
    // Where every hierarchy is the unified one it was cloned into it.
    let legacy = plan.cgroup.iter().flat_map(|plan| &plan.hierarchies).any(|hierarchy| !hierarchy.unified);
    if let Some(cgroup) = cgroup.filter(|_| legacy) {
        cgroup.join(pid.cast_unsigned())?;
    }
    if started.traced {
        ptrace::seize(sys, pid).map_err(launcher("trace", "first process"))?;
    }
    Ok(())
}

/// A network namespace that the child is made in. Joined out here, since a child in a user namespace of its own has
/// no right to join a namespace that the host owns.
struct Network<'p> {
    path: &'p str,
    own: OwnedFd,
}

impl<'p> Network<'p> {
    fn enter(sys: &dyn Sys, path: &'p str) -> Result<Network<'p>, LaunchError> {
        let open = |path: &str| -> Result<OwnedFd, Errno> {
            let path = CString::new(path).map_err(|_| Errno::EINVAL)?;
            file::open(sys, CWD, &path, libc::O_RDONLY).map(owned)
        };
        let own = open("/proc/thread-self/ns/net").map_err(|errno| refused(path, errno))?;
        let other = open(path).map_err(|errno| refused(path, errno))?;
        join_network(sys, other.as_raw_fd()).map_err(|errno| refused(path, errno))?;
        Ok(Network { path, own })
    }

    fn leave(&self, sys: &dyn Sys) -> Result<(), LaunchError> {
        join_network(sys, self.own.as_raw_fd()).map_err(|errno| refused(self.path, errno))
    }
}

fn refused(path: &str, errno: Errno) -> LaunchError {
    LaunchError::Step {
        step: "network namespace",
        object: path.to_owned(),
        errno,
        host: matches!(errno, Errno::EPERM),
    }
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
