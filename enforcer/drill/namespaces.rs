//! Namespaces made and joined.

use crate::found::Found;
use crate::processes::init_is_here;
use crate::{call, exit, files};
use core::ffi::CStr;

const USER: usize = 0x1000_0000;
const MOUNTS: usize = 0x2_0000;
const PROCESSES: usize = 0x2000_0000;
const NETWORK: usize = 0x4000_0000;
const SIGCHLD: usize = 17;

fn unshare(flags: usize) -> Found {
    call!(UNSHARE, flags).into()
}

pub(crate) fn unshare_user() -> Found {
    unshare(USER)
}

pub(crate) fn unshare_mount() -> Found {
    unshare(MOUNTS)
}

pub(crate) fn unshare_process() -> Found {
    unshare(PROCESSES)
}

pub(crate) fn unshare_network() -> Found {
    unshare(NETWORK)
}

pub(crate) fn unshare_ipc() -> Found {
    unshare(0x800_0000)
}

pub(crate) fn unshare_uts() -> Found {
    unshare(0x400_0000)
}

pub(crate) fn unshare_cgroup() -> Found {
    unshare(0x200_0000)
}

pub(crate) fn unshare_time() -> Found {
    unshare(0x80)
}

/// The other side of a clone ends at once, and is reaped.
fn cloned(pid: isize) -> Found {
    if pid == 0 {
        exit(0);
    }
    if pid > 0 {
        call!(WAIT4, pid, 0, 0, 0);
    }
    pid.into()
}

pub(crate) fn clone_user() -> Found {
    cloned(call!(CLONE, USER | SIGCHLD, 0, 0, 0, 0))
}

pub(crate) fn clone3_user() -> Found {
    // struct clone_args: flags, pidfd, child_tid, parent_tid, exit_signal, and nothing else.
    let arguments = [USER as u64, 0, 0, 0, SIGCHLD as u64, 0, 0, 0];
    cloned(call!(CLONE3, &raw const arguments, size_of_val(&arguments)))
}

/// Joins a namespace of process 1, and tells one that it was in before.
fn join(path: &CStr, own: &CStr, kind: usize) -> Found {
    if init_is_here() {
        return Found::Own;
    }
    // Not by the path alone: a filter answers before anything is looked up.
    let descriptor = files::open(path, files::RDONLY);
    let answer = call!(SETNS, descriptor, kind);
    if answer < 0 {
        return if descriptor < 0 && -answer == crate::found::errno::EBADF {
            descriptor.into()
        } else {
            answer.into()
        };
    }
    if files::same_link(path, own) { Found::Own } else { Found::Obtained }
}

pub(crate) fn join_mounts() -> Found {
    join(c"/proc/1/ns/mnt", c"/proc/self/ns/mnt", MOUNTS)
}

pub(crate) fn join_network() -> Found {
    join(c"/proc/1/ns/net", c"/proc/self/ns/net", NETWORK)
}

pub(crate) fn join_processes() -> Found {
    join(c"/proc/1/ns/pid", c"/proc/self/ns/pid", PROCESSES)
}

pub(crate) fn join_by_descriptor() -> Found {
    if init_is_here() {
        return Found::Own;
    }
    let init = call!(PIDFD_OPEN, 1, 0);
    if init < 0 {
        return init.into();
    }
    match call!(SETNS, init, MOUNTS) {
        0 if files::same_link(c"/proc/1/ns/mnt", c"/proc/self/ns/mnt") => Found::Own,
        answer => answer.into(),
    }
}
