//! Why a launch did not come to its end.

use crate::layer::cgroup::CgroupError;
use crate::sys::Errno;
use std::ffi::OsString;
use stockade_policy::policy::Section;

/// Why a program was not started, or was taken down before its first instruction. Nothing of it runs
/// when one of these is returned.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// The plan says itself that the host cannot.
    #[error("this host cannot enforce {right}: {why}; {remedy}")]
    Gap {
        /// The section that asks.
        section: Section,
        /// What is missing.
        right: String,
        /// Why, as a clause.
        why: String,
        /// What would make it possible, as an imperative.
        remedy: String,
    },
    /// The plan asks for a layer that this build does not have.
    #[error("this build cannot enforce the section `{0}`; make it optional or leave it out")]
    NotBuilt(&'static str),
    /// The plan contradicts itself or the request.
    #[error("{object}: {why}")]
    BadInput {
        /// What is wrong: a field of the plan, an argument.
        object: String,
        /// Why.
        why: &'static str,
    },
    /// The cgroup could not be made or joined.
    #[error(transparent)]
    Cgroup(#[from] CgroupError),
    /// The launcher could not prepare or supervise.
    #[error("{operation} {object}: {errno}")]
    Launcher {
        /// What was tried.
        operation: &'static str,
        /// On what.
        object: String,
        /// The kernel's answer.
        errno: Errno,
    },
    /// A step of the sequence failed before the program was started.
    #[error("{step}{}{object}: {errno}{}", if .object.is_empty() { "" } else { " " }, hint(.step, .object, *.errno))]
    Step {
        /// Name of the step.
        step: &'static str,
        /// The path or name that it failed on; empty where there is none.
        object: String,
        /// The kernel's answer.
        errno: Errno,
        /// Whether the answer means that this host cannot do it at all.
        host: bool,
    },
    /// The program could not be executed.
    #[error("{}: {errno}", .program.to_string_lossy())]
    Exec {
        /// The program as it was asked for.
        program: OsString,
        /// The kernel's answer.
        errno: Errno,
    },
    /// The caller's `at_exec` refused what it saw.
    #[error("at the program's exec: {0}")]
    AtExec(String),
    /// The first process died without a word.
    #[error("the container's first process ended before the program was started (wait status {status:#x})")]
    Died {
        /// As wait(2) gives it.
        status: i32,
    },
}

impl LaunchError {
    /// The step or operation that failed, in a word.
    pub fn step(&self) -> &'static str {
        match self {
            LaunchError::Gap { .. } | LaunchError::NotBuilt(_) | LaunchError::BadInput { .. } => "plan",
            LaunchError::Cgroup(_) => "cgroup",
            LaunchError::Launcher { operation, .. } => operation,
            LaunchError::Step { step, .. } => step,
            LaunchError::Exec { .. } => "exec",
            LaunchError::AtExec(_) => "verify",
            LaunchError::Died { .. } => "init",
        }
    }

    /// The kernel's answer, where it was one.
    pub fn errno(&self) -> Option<Errno> {
        match self {
            LaunchError::Launcher { errno, .. }
            | LaunchError::Step { errno, .. }
            | LaunchError::Exec { errno, .. } => Some(*errno),
            _ => None,
        }
    }

    /// The exit code of `stockade run`: 2 bad input, 3 the host cannot, 125 stockade's own failure, 126
    /// not executable, 127 not found.
    pub fn exit_code(&self) -> u8 {
        match self {
            LaunchError::BadInput { .. } => 2,
            LaunchError::Gap { .. } | LaunchError::NotBuilt(_) | LaunchError::Step { host: true, .. } => 3,
            LaunchError::Exec { errno, .. } if matches!(*errno, Errno::ENOENT | Errno::ENOTDIR) => 127,
            LaunchError::Exec { .. } => 126,
            LaunchError::Cgroup(_)
            | LaunchError::Launcher { .. }
            | LaunchError::Step { host: false, .. }
            | LaunchError::AtExec(_)
            | LaunchError::Died { .. } => 125,
        }
    }
}

/// What an errno means for a path inside the root, where the kernel's words do not say it.
fn hint(step: &str, object: &str, errno: Errno) -> &'static str {
    match errno {
        Errno::ELOOP if object.starts_with('/') => " (it is, or leads through, a symbolic link of the root)",
        Errno::ENOENT if matches!(step, "proc" | "devices" | "tmp" | "entries" | "clones") => {
            " (the root must have it, as a place to mount on)"
        }
        _ => "",
    }
}
