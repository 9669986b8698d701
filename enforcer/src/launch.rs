//! Starts a program inside a plan and stays with it until it ends.
//!
//! Three processes take part. The launcher (the caller) prepares everything, makes the namespaces, writes
//! id maps and stays outside. The child, process 1 inside, walks one ordered list of steps, with nothing
//! allocated and nothing left to decide, and becomes the init; until then it uses the launcher's memory. The
//! init, a kilobyte of system calls in a sealed file of its own, starts the target, which takes on the filter
//! last, and then reaps.
//!
//! Whatever fails before the target's exec ends the launch: there is no weaker run.

mod error;
mod init;
mod prepared;
mod progress;
pub(crate) mod refuse;
mod relay;
mod sequence;
#[cfg(test)]
mod sequence_tests;
mod start;
mod supervise;
mod trace;

pub use error::LaunchError;

use crate::layer::cgroup::Created;
use crate::ledger;
use crate::sys::file::{self, owned};
use crate::sys::{Kernel, Sys, signal};
use prepared::{Opened, Prepared};
use progress::Progress;
use relay::Relay;
use start::launcher;
use std::ffi::OsString;
use std::os::fd::{AsRawFd, RawFd};
use std::path::Path;
use stockade_policy::plan::Plan;

/// What is seen at the target's exec: its process id, as the launcher sees it, stopped before its first
/// instruction. An error takes it down.
pub type AtExec<'a> = &'a mut dyn FnMut(u32) -> Result<(), String>;

/// What to start, inside what.
pub struct Launch<'a> {
    /// What is put around it.
    pub plan: &'a Plan,
    /// Program and arguments. A program without `/` is looked for in the `PATH` that it will see.
    pub command: &'a [OsString],
    /// The caller's environment; what the plan does not name is not passed on.
    pub environment: &'a [(OsString, OsString)],
    /// Descriptors above 2 that the program gets under the same numbers. They are the program's from then
    /// on: the caller's copies are closed, so that a pipe ends when the program closes it.
    pub pass_fds: &'a [RawFd],
    /// Whether the program gets a terminal of its own, relayed to the caller's standard streams. Without
    /// it the streams are passed on as they are, in a session without a terminal.
    pub tty: bool,
    /// Where one line of JSON is written at every stage: `exec` (with `pid`), `failed` (with `step`, `errno`,
    /// `exit`), `exit` (with `code`, or `signal`).
    pub status_fd: Option<RawFd>,
    /// Called at the program's exec (`PTRACE_EVENT_EXEC`).
    pub at_exec: Option<AtExec<'a>>,
}

/// How the program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// With this code.
    Exited(u8),
    /// By this signal.
    Signaled(i32),
}

impl Outcome {
    /// The exit code of `stockade run`: the program's own, 128 + N for signal N.
    pub fn exit_code(self) -> u8 {
        match self {
            Outcome::Exited(code) => code,
            Outcome::Signaled(signal) => u8::try_from(signal).map_or(u8::MAX, |signal| 128 | signal),
        }
    }
}

/// Starts `launch.command` inside `launch.plan` and waits for its end, forwarding signals.
///
/// The calling thread must be the only one of its process, or one that outlives the call: the program dies with
/// it. While it runs, that thread's signals are blocked and forwarded.
/// The process becomes undumpable (`PR_SET_DUMPABLE`, prctl(2)) where the plan's user is another one than its own.
///
/// # Errors
///
/// Whatever stopped the launch; then nothing of the program has run.
pub fn launch(launch: Launch<'_>) -> Result<Outcome, LaunchError> {
    let progress = Progress::new(launch.status_fd);
    let end = refuse::check(&launch).and_then(|()| masked(&Kernel, launch, &progress));
    progress.ended(&end);
    end
}

/// With all signals blocked, and the caller's mask restored at the end.
fn masked(sys: &dyn Sys, launch: Launch<'_>, progress: &Progress) -> Result<Outcome, LaunchError> {
    check_descriptors(sys, launch.pass_fds)?;
    let mask = signal::set_mask(sys, signal::Mask::MAX).map_err(launcher("block", "signals"))?;
    let end = in_cgroup(sys, launch, progress, mask);
    signal::set_mask(sys, mask).map_err(launcher("unblock", "signals"))?;
    end
}

/// Checks what the program will be given: 0, 1, 2 and what was asked for.
fn check_descriptors(sys: &dyn Sys, passed: &[RawFd]) -> Result<(), LaunchError> {
    for fd in (0..3).chain(passed.iter().copied()) {
        let refuse = |why| Err(LaunchError::BadInput { object: format!("descriptor {fd}"), why });
        match file::is_directory(sys, fd) {
            Ok(false) => {}
            // From a directory of the host `..` leads past every mount of the plan.
            Ok(true) => return refuse("is a directory outside the root; mount it instead"),
            // A standard stream may be closed. Another number that is free could become one of the launcher's own.
            Err(_) if fd < 3 => {}
            Err(_) => return refuse("is not open"),
        }
    }
    Ok(())
}

/// In a cgroup of its own, removed at the end.
fn in_cgroup(
    sys: &dyn Sys,
    launch: Launch<'_>,
    progress: &Progress,
    mask: signal::Mask,
) -> Result<Outcome, LaunchError> {
    if let Some(cgroup) = &launch.plan.cgroup {
        // What killed launchers left. It weakens nothing here where that fails, and the next launch tries again.
        let _ = ledger::collect(cgroup.hierarchies.iter().map(|hierarchy| Path::new(&hierarchy.parent)));
    }
    let cgroup = launch.plan.cgroup.as_ref().map(Created::create).transpose()?;
    let end = prepared_run(sys, launch, progress, mask, cgroup.as_ref());
    if let Some(cgroup) = cgroup {
        // A cgroup that stays is no reason to lose how the program ended; one that never ran loses nothing.
        if let (Err(error), Err(_)) = (cgroup.remove(), &end) {
            return Err(error.into());
        }
    }
    end
}

fn prepared_run(
    sys: &dyn Sys,
    launch: Launch<'_>,
    progress: &Progress,
    mask: signal::Mask,
    cgroup: Option<&Created>,
) -> Result<Outcome, LaunchError> {
    let (prepared, opened) = Prepared::new(sys, &launch, mask)?;
    // A caller that ignores it would have no child to wait for, and hand that on to everything inside.
    signal::set_default(sys, libc::SIGCHLD).map_err(launcher("reset", "SIGCHLD"))?;
    let signals = owned(signal::descriptor(sys, signal::Mask::MAX).map_err(launcher("read", "signals"))?);
    let Launch { plan, command, pass_fds, at_exec, .. } = launch;
    start::start(sys, &prepared, plan, cgroup, at_exec.is_some(), |started| {
        // Kept open as long as the program runs.
        let _declared = prepared::declare(sys, plan)?;
        let Opened { launcher: control, control: childs, master, slave, .. } = opened;
        // Its own copies alone keep the child's ends open from now on.
        drop((childs, slave));
        start::hand_over(sys, pass_fds);
        let mut supervisor = supervise::Supervisor {
            sys,
            control: control.as_raw_fd(),
            signals: signals.as_raw_fd(),
            relay: master.as_ref().map(|master| Relay::new(sys, master.as_raw_fd())),
            progress,
            program: command.first().cloned().unwrap_or_default(),
        };
        let mut heard = supervise::Heard::default();
        if let Some(at_exec) = at_exec
            && let trace::Traced::Gone(status) = trace::follow(sys, started.pid, at_exec)?
        {
            started.forget();
            supervisor.run(&mut heard)?;
            return heard.conclude(status);
        }
        supervisor.run(&mut heard)?;
        drop(supervisor);
        heard.conclude(started.wait()?)
    })
}
