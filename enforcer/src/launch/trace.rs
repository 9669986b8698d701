//! Stops the target at its exec, for a look at what it has been given.
//!
//! The first process is traced from before its go: it executes the init, which forks the target; both
//! are followed, and let go as soon as they have done that.

use super::start::launcher;
use super::{AtExec, LaunchError};
use crate::sys::{Errno, Sys, process, ptrace};

/// How the tracing ended.
pub(super) enum Traced {
    /// The target has executed, and runs on.
    Executed,
    /// It never came to that; the control socket says why.
    Failed,
    /// The first process ended and was reaped, with this wait status.
    Gone(i32),
}

/// Follows the first process to the target's exec, and calls `at_exec` there.
pub(super) fn follow(sys: &dyn Sys, first: i32, at_exec: AtExec<'_>) -> Result<Traced, LaunchError> {
    let failed = launcher("trace", "first process");
    let mut target = None;
    loop {
        let (pid, status) = process::wait_any(sys, -1).map_err(&failed)?;
        if pid != first && target.is_none() {
            target = Some(pid);
        }
        if !libc::WIFSTOPPED(status) {
            match pid {
                _ if pid == first => return Ok(Traced::Gone(status)),
                _ if Some(pid) == target => return Ok(Traced::Failed),
                _ => continue,
            }
        }
        let event = status >> 16;
        let signal = libc::WSTOPSIG(status);
        let answer = match event {
            libc::PTRACE_EVENT_EXEC if Some(pid) == target => {
                at_exec(pid.cast_unsigned()).map_err(LaunchError::AtExec)?;
                ptrace::detach(sys, pid).map_err(&failed)?;
                return Ok(Traced::Executed);
            }
            // The init has made the target, which is traced by now; nothing else of it is of interest.
            libc::PTRACE_EVENT_FORK | libc::PTRACE_EVENT_VFORK | libc::PTRACE_EVENT_CLONE if pid == first => {
                ptrace::detach(sys, pid)
            }
            libc::PTRACE_EVENT_STOP
                if matches!(signal, libc::SIGSTOP | libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU) =>
            {
                ptrace::listen(sys, pid)
            }
            0 => ptrace::resume(sys, pid, signal),
            _ => ptrace::resume(sys, pid, 0),
        };
        match answer {
            // It was killed meanwhile; its end comes next.
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(errno) => return Err(failed(errno)),
        }
    }
}
