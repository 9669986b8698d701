//! Other processes, sessions, exec. waitid(2), pidfd_send_signal(2), execveat(2), setsid(2).

use super::{Errno, Sys, call, int};
use std::ffi::{CStr, c_char};
use std::os::fd::RawFd;

/// A table of pointers to strings, ended by a null pointer, as execve(2) takes it.
pub(crate) struct Strings {
    pointers: Vec<*const c_char>,
    /// What the pointers point into.
    _owned: Vec<std::ffi::CString>,
}

// SAFETY: nothing is ever changed behind the pointers, which the structure owns.
unsafe impl Sync for Strings {}

impl Strings {
    /// Keeps the strings for as long as the table lives.
    pub(crate) fn new(owned: Vec<std::ffi::CString>) -> Strings {
        let pointers = owned.iter().map(|text| text.as_ptr()).chain([std::ptr::null()]).collect();
        Strings { pointers, _owned: owned }
    }
}

/// Becomes the program in `file`. Returns only where it fails.
pub(crate) fn exec_file(sys: &dyn Sys, file: RawFd, argv: &Strings, envp: &Strings) -> Result<(), Errno> {
    // SAFETY: both tables end in a null pointer and their strings live as long as the tables do.
    unsafe {
        call!(
            sys,
            SYS_execveat,
            file,
            c"",
            argv.pointers.as_ptr(),
            envp.pointers.as_ptr(),
            libc::AT_EMPTY_PATH
        )
    }
    .map(|_| ())
}

/// Ends the calling process.
pub(crate) fn exit(code: i32) -> ! {
    loop {
        // SAFETY: takes a number and does not come back; no destructor or handler runs.
        let _ = unsafe { call!(super::Kernel, SYS_exit_group, code) };
    }
}

/// A session of its own, without a terminal.
pub(crate) fn new_session(sys: &dyn Sys) -> Result<(), Errno> {
    // SAFETY: takes no arguments.
    unsafe { call!(sys, SYS_setsid) }.map(|_| ())
}

/// sethostname(2).
pub(crate) fn set_hostname(sys: &dyn Sys, name: &CStr) -> Result<(), Errno> {
    // SAFETY: the kernel reads as many bytes as the name has.
    unsafe { call!(sys, SYS_sethostname, name, name.count_bytes()) }.map(|_| ())
}

/// Sends a signal to the process behind a descriptor. 5.1.
pub(crate) fn signal(sys: &dyn Sys, pidfd: RawFd, signal: i32) -> Result<(), Errno> {
    // SAFETY: with a null siginfo the kernel makes one up as kill(2) does.
    unsafe { call!(sys, SYS_pidfd_send_signal, pidfd, signal, 0usize, 0) }.map(|_| ())
}

/// Waits for a process and reaps it; its wait status. wait4(2).
pub(crate) fn wait(sys: &dyn Sys, pid: i32) -> Result<i32, Errno> {
    wait_any(sys, pid).map(|(_, status)| status)
}

/// Waits for `pid` (-1: any child or tracee) to change state; who it was and the wait status.
pub(crate) fn wait_any(sys: &dyn Sys, pid: i32) -> Result<(i32, i32), Errno> {
    loop {
        let mut status: i32 = 0;
        // SAFETY: the status lives here; no resource usage is asked for.
        match unsafe { call!(sys, SYS_wait4, pid, &raw mut status, libc::__WALL, 0usize) } {
            Err(Errno::EINTR) => {}
            other => return Ok((int(other?)?, status)),
        }
    }
}
