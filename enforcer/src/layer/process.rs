//! Attributes of the process: session, keyring, umask, limits, W^X, working directory.

use super::{Done, On, absolute, c_string};
use crate::launch::LaunchError;
use crate::sys::{Errno, Sys, file, keyring, limits, prctl, process};
use std::ffi::CString;
use stockade_policy::plan;
use stockade_policy::policy::Rlimit;

/// What the steps about the process do.
pub(crate) struct Part {
    /// Number, limit, name.
    limits: Vec<(u32, u64, CString)>,
    umask: u32,
    workdir: CString,
    no_new_privileges: bool,
}

impl Part {
    /// Makes the values ready.
    pub(crate) fn prepare(plan: &plan::Process) -> Result<Part, LaunchError> {
        let limit = |(limit, value): (&Rlimit, &u64)| {
            Ok((number(*limit), *value, c_string("plan.process.limits", limit.name())?))
        };
        Ok(Part {
            limits: plan.limits.iter().map(limit).collect::<Result<_, LaunchError>>()?,
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
        for (resource, value, name) in &self.limits {
            match limits::set(sys, *resource, *value) {
                // A hard limit cannot be raised without privilege; one that is stricter already stays.
                Err(Errno::EPERM) => {
                    let hard = limits::hard(sys, *resource).on(name)?;
                    if hard > *value {
                        return Err(Errno::EPERM).on(name);
                    }
                    limits::set(sys, *resource, hard).on(name)?;
                }
                other => other.on(name)?,
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

/// asm-generic/resource.h.
pub(crate) fn number(limit: Rlimit) -> u32 {
    match limit {
        Rlimit::Cpu => libc::RLIMIT_CPU,
        Rlimit::FileSize => libc::RLIMIT_FSIZE,
        Rlimit::Data => libc::RLIMIT_DATA,
        Rlimit::Stack => libc::RLIMIT_STACK,
        Rlimit::Core => libc::RLIMIT_CORE,
        Rlimit::Processes => libc::RLIMIT_NPROC,
        Rlimit::OpenFiles => libc::RLIMIT_NOFILE,
        Rlimit::LockedMemory => libc::RLIMIT_MEMLOCK,
        Rlimit::AddressSpace => libc::RLIMIT_AS,
        Rlimit::PendingSignals => libc::RLIMIT_SIGPENDING,
        Rlimit::MessageQueues => libc::RLIMIT_MSGQUEUE,
    }
}
