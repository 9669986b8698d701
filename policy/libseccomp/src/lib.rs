//! The same filters by libseccomp: a second opinion on the compiler of `stockade-policy`, and what to fall
//! back on.
//!
//! What is asked of libseccomp is the search for the number and the comparisons of arguments. Its own way of
//! telling interfaces apart is not: it takes rules for a foreign interface by name only, and version 2.5 knows
//! the names of Linux 5.17; `socket` of i386 changes what it does with `socketcall`; it compares x32 arguments
//! as 32 bits; it has one default action for all interfaces; and it kills the negative numbers of x86_64, or
//! lets -1 through. So each interface gets a libseccomp filter of its own, by number, and a few instructions in
//! front of them ([`join`]) say which one decides.
#![forbid(unsafe_code)]

mod join;
mod part;
mod program;

use stockade_policy::lattice::action::Action;
use stockade_policy::lattice::syscalls::Syscalls;
use stockade_policy::plan::Instruction;
use stockade_policy::seccomp::bpf;
use stockade_policy::vocab::Arch;

/// How libseccomp looks for a number. `SCMP_FLTATR_CTL_OPTIMIZE`, seccomp_attr_set(3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Search {
    /// One after the other, what has the fewest comparisons first: its default.
    Linear,
    /// A binary tree over the numbers, since 2.5.
    Tree,
}

/// The API level that knows every action, `SCMP_ACT_NOTIFY` the last: Linux 5.0. seccomp_api_set(3).
const EVERY_ACTION: u32 = 5;

/// Why libseccomp made no filter.
#[derive(Debug, thiserror::Error)]
pub enum LibseccompError {
    /// An action that it cannot return.
    #[error("libseccomp cannot answer with {action}: {why}")]
    Action {
        /// The action.
        action: Action,
        /// What it can.
        why: &'static str,
    },
    /// A rule for a number that it takes no rules for.
    #[error(
        "libseccomp takes no rule for the negative number {number:#x} of {arch}, which is not decided as the \
         other numbers without a name are"
    )]
    Negative {
        /// The interface.
        arch: Arch,
        /// The number as seccomp sees it.
        number: u32,
    },
    /// Numbers that have no name are decided by their arguments.
    #[error("libseccomp has one default action, and the numbers of {arch} without a name have a condition")]
    ConditionalRest {
        /// The interface.
        arch: Arch,
    },
    /// More rules than a program can hold.
    #[error(
        "libseccomp needs more than {} rules for {call} of {arch}, and the kernel takes as many instructions; \
         test fewer distinct bits of arguments",
        bpf::MAX_INSTRUCTIONS
    )]
    TooManyRules {
        /// The interface.
        arch: Arch,
        /// The call at which it was too much.
        call: String,
    },
    /// The kernel takes no program of this length.
    #[error(
        "libseccomp's filter for {host} needs {instructions} instructions and the kernel takes {}",
        bpf::MAX_INSTRUCTIONS
    )]
    TooLong {
        /// The kernel's own interface.
        host: Arch,
        /// How many it has.
        instructions: usize,
    },
    /// The library refused.
    #[error("libseccomp cannot {operation}")]
    Library {
        /// What was asked of it.
        operation: &'static str,
        /// Its answer.
        source: libseccomp::error::SeccompError,
    },
    /// Its program could not be read.
    #[error("cannot read the program that libseccomp wrote")]
    Read(#[source] std::io::Error),
    /// Its program is not what it writes.
    #[error("libseccomp wrote a program that does not begin with the test of the interface")]
    Foreign,
}

/// The filter for a kernel of `host`'s architecture: decides every interface that this kernel accepts as
/// `syscalls` says, and kills what comes through any other.
///
/// The same on every kernel: whether the host knows the actions is for the plan to say.
pub fn compile(syscalls: &Syscalls, host: Arch, search: Search) -> Result<Vec<Instruction>, LibseccompError> {
    // The library would ask the running kernel for the actions that it knows, and refuse the others.
    libseccomp::set_api(EVERY_ACTION)
        .map_err(|source| LibseccompError::Library { operation: "take every action (2.5)", source })?;
    let mut parts = Vec::new();
    for arch in host.family() {
        let part = part::part(*arch, syscalls.table(*arch))?;
        let program = program::write(&part, search)?;
        parts.push((*arch, program));
    }
    let joined = join::join(parts);
    if joined.len() > bpf::MAX_INSTRUCTIONS {
        return Err(LibseccompError::TooLong { host, instructions: joined.len() });
    }
    Ok(joined)
}
