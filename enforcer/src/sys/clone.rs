//! New processes and namespaces. clone(2), unshare(2), setns(2), linux/sched.h.

use super::{Errno, Sys, call, int};
use std::os::fd::RawFd;

/// `struct clone_args` as of 5.7 (`CLONE_ARGS_SIZE_VER2`).
#[repr(C)]
#[derive(Default)]
struct CloneArgs {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
    set_tid: u64,
    set_tid_size: u64,
    cgroup: u64,
}

/// `CLONE_INTO_CGROUP`, 5.7.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;
/// `CLONE_PIDFD`, 5.2.
const CLONE_PIDFD: u64 = 0x1000;
/// `SIGCHLD`, as the structure has it.
const SIGCHLD: u64 = 17;

/// A child of [`fork_into`].
#[derive(Debug)]
pub(crate) struct Forked {
    /// The new process, as the caller sees it.
    pub pid: i32,
    /// Its descriptor, closed at exec.
    pub pidfd: RawFd,
}

/// Copies the process into new namespaces (`CLONE_NEW*` in `namespaces`), and into a cgroup of the
/// unified hierarchy. The copy does `child` and ends.
///
/// In a process with several threads the child is alone and may find any lock taken: `child` must not
/// allocate, nor use anything else that takes one, or it hangs.
pub(crate) fn fork_into(
    sys: &dyn Sys,
    namespaces: u64,
    cgroup: Option<RawFd>,
    child: impl FnOnce(),
) -> Result<Forked, Errno> {
    let mut pidfd: RawFd = -1;
    let mut args = CloneArgs {
        flags: namespaces | CLONE_PIDFD,
        pidfd: &raw mut pidfd as u64,
        exit_signal: SIGCHLD,
        ..CloneArgs::default()
    };
    if let Some(cgroup) = cgroup {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = u64::from(cgroup.cast_unsigned());
    }
    // SAFETY: without CLONE_VM the child has its own copy of this stack and of all memory; the structure
    // and the place for the descriptor live here. The child never returns into the caller's frames.
    match unsafe { call!(sys, SYS_clone3, &raw const args, size_of::<CloneArgs>()) }? {
        0 => {
            child();
            super::process::exit(125)
        }
        pid => Ok(Forked { pid: int(pid)?, pidfd }),
    }
}

/// Leaves the cgroup namespace for one whose root is the caller's cgroup. 4.6.
pub(crate) fn unshare_cgroup(sys: &dyn Sys) -> Result<(), Errno> {
    // SAFETY: takes no pointers.
    unsafe { call!(sys, SYS_unshare, libc::CLONE_NEWCGROUP) }.map(|_| ())
}

/// Joins a network namespace.
pub(crate) fn join_network(sys: &dyn Sys, namespace: RawFd) -> Result<(), Errno> {
    // SAFETY: takes no pointers.
    unsafe { call!(sys, SYS_setns, namespace, libc::CLONE_NEWNET) }.map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::mem::{offset_of, size_of};

    #[test]
    fn structure_is_the_kernels() {
        assert_eq!(size_of::<CloneArgs>(), 88);
        assert_eq!(offset_of!(CloneArgs, exit_signal), 32);
        assert_eq!(offset_of!(CloneArgs, set_tid), 64);
        assert_eq!(offset_of!(CloneArgs, cgroup), 80);
    }
}
