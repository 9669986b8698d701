//! Attributes of the process: session, keyring, umask, limits, W^X, working directory.

use super::{Done, On, absolute};
use crate::launch::LaunchError;
use crate::sys::{Errno, Sys, file, keyring, limits, prctl, process};
use std::ffi::CString;
use stockade_policy::plan;
use stockade_policy::policy::Rlimit;

/// What the steps about the process do.
pub(crate) struct Part {
    /// Number, limit.
    limits: Vec<(u32, u64)>,
    umask: u32,
    workdir: CString,
    no_new_privileges: bool,
}

impl Part {
    /// Makes the values ready.
    pub(crate) fn prepare(plan: &plan::Process) -> Result<Part, LaunchError> {
        Ok(Part {
            limits: plan.limits.iter().map(|(limit, value)| (number(*limit), *value)).collect(),
            umask: plan.umask & 0o777,
            workdir: absolute("plan.process.workdir", plan.workdir.as_deref().unwrap_or("/"))?,
            no_new_privileges: plan.no_new_privileges,
        })
    }

    /// A session without a terminal.
    pub(crate) fn new_session(sys: &dyn Sys) -> Done<'static> {
        process::new_session(sys).on(c"session")
    }

    /// A session keyring without the caller's keys.
    pub(crate) fn new_keyring(sys: &dyn Sys) -> Done<'static> {
        match keyring::join_new_session(sys) {
            // A kernel without keyrings has nothing to leak.
            Err(Errno::ENOSYS) => Ok(()),
            other => other.on(c"session keyring"),
        }
    }

    /// umask.
    pub(crate) fn set_umask(&self, sys: &dyn Sys) -> Done<'_> {
        file::umask(sys, self.umask).on(c"umask")
    }

    /// Resource limits.
    pub(crate) fn set_limits(&self, sys: &dyn Sys) -> Done<'_> {
        for (resource, value) in &self.limits {
            match limits::set(sys, *resource, *value) {
                // A hard limit cannot be raised without privilege; one that is stricter already stays.
                Err(Errno::EPERM) => {
                    let hard = limits::hard(sys, *resource).on(name(*resource))?;
                    if hard > *value {
                        return Err(Errno::EPERM).on(name(*resource));
                    }
                    limits::set(sys, *resource, hard).on(name(*resource))?;
                }
                other => other.on(name(*resource))?,
            }
        }
        Ok(())
    }

    /// No exec gains privileges.
    pub(crate) fn set_no_new_privileges(&self, sys: &dyn Sys) -> Done<'_> {
        if self.no_new_privileges { prctl::set_no_new_privileges(sys).on(c"no_new_privs") } else { Ok(()) }
    }

    /// The working directory.
    pub(crate) fn enter_workdir(&self, sys: &dyn Sys) -> Done<'_> {
        file::chdir(sys, &self.workdir).on(&self.workdir)
    }
}

/// Number and name of each limit, asm-generic/resource.h.
const LIMITS: [(Rlimit, u32, &std::ffi::CStr); 11] = [
    (Rlimit::Cpu, libc::RLIMIT_CPU, c"cpu"),
    (Rlimit::FileSize, libc::RLIMIT_FSIZE, c"file_size"),
    (Rlimit::Data, libc::RLIMIT_DATA, c"data"),
    (Rlimit::Stack, libc::RLIMIT_STACK, c"stack"),
    (Rlimit::Core, libc::RLIMIT_CORE, c"core"),
    (Rlimit::Processes, libc::RLIMIT_NPROC, c"processes"),
    (Rlimit::OpenFiles, libc::RLIMIT_NOFILE, c"open_files"),
    (Rlimit::LockedMemory, libc::RLIMIT_MEMLOCK, c"locked_memory"),
    (Rlimit::AddressSpace, libc::RLIMIT_AS, c"address_space"),
    (Rlimit::PendingSignals, libc::RLIMIT_SIGPENDING, c"pending_signals"),
    (Rlimit::MessageQueues, libc::RLIMIT_MSGQUEUE, c"message_queues"),
];

fn number(limit: Rlimit) -> u32 {
    // Every limit is in the table; a number that no kernel has would be refused with EINVAL.
    LIMITS.iter().find(|(of, ..)| *of == limit).map_or(u32::MAX, |(_, number, _)| *number)
}

fn name(number: u32) -> &'static std::ffi::CStr {
    LIMITS.iter().find(|(_, of, _)| *of == number).map_or(c"", |(.., name)| *name)
}
