//! Stopping a process at its exec. ptrace(2).

use super::{Errno, Sys, call};

/// Attaches without stopping it, follows every new process, and has the tracee stop at exec and die with the
/// tracer. 3.4.
pub(crate) fn seize(sys: &dyn Sys, pid: i32) -> Result<(), Errno> {
    let options = libc::PTRACE_O_TRACEEXEC
        | libc::PTRACE_O_TRACEFORK
        | libc::PTRACE_O_TRACEVFORK
        | libc::PTRACE_O_TRACECLONE
        | libc::PTRACE_O_EXITKILL;
    // SAFETY: PTRACE_SEIZE takes options in place of the data pointer.
    unsafe { call!(sys, SYS_ptrace, libc::PTRACE_SEIZE, pid, 0usize, options) }.map(|_| ())
}

/// Lets a stopped tracee go on, with a signal or 0.
pub(crate) fn resume(sys: &dyn Sys, pid: i32, signal: i32) -> Result<(), Errno> {
    // SAFETY: the data argument is a signal number.
    unsafe { call!(sys, SYS_ptrace, libc::PTRACE_CONT, pid, 0usize, signal) }.map(|_| ())
}

/// Keeps a tracee in its group stop. 3.4.
pub(crate) fn listen(sys: &dyn Sys, pid: i32) -> Result<(), Errno> {
    // SAFETY: takes no pointers.
    unsafe { call!(sys, SYS_ptrace, libc::PTRACE_LISTEN, pid, 0usize, 0usize) }.map(|_| ())
}

/// Lets a stopped tracee go for good.
pub(crate) fn detach(sys: &dyn Sys, pid: i32) -> Result<(), Errno> {
    // SAFETY: takes no pointers; no signal is delivered.
    unsafe { call!(sys, SYS_ptrace, libc::PTRACE_DETACH, pid, 0usize, 0usize) }.map(|_| ())
}
