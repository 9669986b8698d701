//! Starts a program inside a plan and stays with it until it ends.
//!
//! Three processes take part. The launcher (the caller) prepares everything, makes the namespaces, writes
//! id maps and stays outside. The child, process 1 inside, walks one ordered list of steps, with
//! nothing allocated and nothing left to decide, and becomes the init. The init, a kilobyte of system calls in
//! a sealed file of its own, starts the target, which takes on the filter last, and then reaps.
//!
//! Whatever fails before the target's exec ends the launch: there is no weaker run.

mod error;

pub use error::LaunchError;

use std::ffi::OsString;
use std::os::fd::RawFd;
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
///
/// # Errors
///
/// Whatever stopped the launch; then nothing of the program has run.
pub fn launch(launch: Launch<'_>) -> Result<Outcome, LaunchError> {
    let _ = launch;
    Err(LaunchError::NotBuilt("launch"))
}
