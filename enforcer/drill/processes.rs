//! Other processes: the first one, and the parent of the probe, which is the drill.

use crate::found::{Found, errno::*};
use crate::{call, files};
use core::ffi::CStr;

fn parent() -> isize {
    call!(GETPPID)
}

/// Whether the drill is itself process 1: nobody else's is in reach then.
pub(crate) fn init_is_here() -> bool {
    parent() == 1
}

fn trace(pid: isize) -> Found {
    // A seized process runs on, and is let go with its tracer.
    const SEIZE: usize = 0x4206;
    call!(PTRACE, SEIZE, pid, 0, 0).into()
}

pub(crate) fn trace_init() -> Found {
    if init_is_here() { Found::Own } else { trace(1) }
}

pub(crate) fn trace_parent() -> Found {
    trace(parent())
}

pub(crate) fn trace_me() -> Found {
    call!(PTRACE, 0, 0, 0, 0).into()
}

pub(crate) fn read_memory() -> Found {
    let here = [0u8; 8];
    // The parent is the same program: the same address is there.
    let part = [(&raw const here) as usize, 8];
    call!(PROCESS_VM_READV, parent(), &raw const part, 1, &raw const part, 1, 0).into()
}

pub(crate) fn write_memory() -> Found {
    let here = [0u8; 8];
    let from = [(&raw const here) as usize, 8];
    // Nothing is mapped there, which is found out after the right to write.
    let to = [8usize, 8];
    Found::reached(call!(PROCESS_VM_WRITEV, parent(), &raw const from, 1, &raw const to, 1, 0), &[EFAULT])
}

pub(crate) fn compare() -> Found {
    const MEMORY: usize = 1;
    call!(KCMP, parent(), call!(GETPID), MEMORY, 0, 0).into()
}

pub(crate) fn take_descriptor() -> Found {
    let descriptor = call!(PIDFD_OPEN, parent(), 0);
    if descriptor < 0 {
        return descriptor.into();
    }
    // A number that the parent may not have: the right to take is looked at first.
    Found::reached(call!(PIDFD_GETFD, descriptor, 0, 0), &[EBADF])
}

fn of_init(path: &CStr, flags: usize) -> Found {
    if init_is_here() { Found::Own } else { files::opened(path, flags) }
}

pub(crate) fn root_of_init() -> Found {
    match of_init(c"/proc/1/root/.", files::PATH) {
        Found::Obtained if files::same_place(c"/proc/1/root/.", c"/") => Found::Own,
        other => other,
    }
}

pub(crate) fn program_of_init() -> Found {
    of_init(c"/proc/1/exe", files::RDONLY)
}

pub(crate) fn memory_of_init() -> Found {
    of_init(c"/proc/1/mem", files::RDONLY)
}

pub(crate) fn environment_of_init() -> Found {
    of_init(c"/proc/1/environ", files::RDONLY)
}

pub(crate) fn descriptors_of_init() -> Found {
    of_init(c"/proc/1/fd", files::RDONLY)
}
