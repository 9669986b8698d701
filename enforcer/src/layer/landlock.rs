//! Landlock: which paths may be used how. landlock(7).

use super::{Done, On, absolute};
use crate::launch::LaunchError;
use crate::sys::file::{Walk, open_place};
use crate::sys::{Errno, Sys, landlock};
use std::ffi::CString;
use std::os::fd::RawFd;
use stockade_policy::plan;

/// Rights that a rule on a file can hold: execute, write, read (ABI 1), truncate (3), ioctl on devices (5).
/// `ACCESS_FILE` of security/landlock/fs.c.
const ON_FILES: u64 = 1 | 1 << 1 | 1 << 2 | 1 << 14 | 1 << 15;

/// What the Landlock step does.
pub(crate) struct Part {
    abi: u32,
    handled: u64,
    scoped: u64,
    rules: Vec<(CString, u64)>,
}

impl Part {
    /// Makes the paths ready.
    pub(crate) fn prepare(plan: &plan::Landlock) -> Result<Part, LaunchError> {
        let rules = plan
            .rules
            .iter()
            .map(|rule| Ok((absolute("plan.landlock", &rule.path)?, rule.access)))
            .collect::<Result<_, LaunchError>>()?;
        Ok(Part { abi: plan.abi, handled: plan.handled_fs, scoped: plan.scoped, rules })
    }

    /// Takes the ruleset on. Links are followed inside the root, which has nothing else below it by now.
    pub(crate) fn apply(&self, sys: &dyn Sys, root: RawFd) -> Done<'_> {
        let ruleset = landlock::create(sys, self.abi, self.handled, self.scoped).on(c"ruleset")?;
        for (path, access) in &self.rules {
            let place = match open_place(sys, root, path, Walk::InRoot, false) {
                // A path that is not there grants nothing.
                Err(Errno::ENOENT) => continue,
                other => other.on(path)?,
            };
            match landlock::add_path(sys, ruleset, place, *access) {
                // The rule names rights that only directories have, and this is none.
                Err(Errno::EINVAL) if access & ON_FILES != *access => {
                    if access & ON_FILES != 0 {
                        landlock::add_path(sys, ruleset, place, access & ON_FILES).on(path)?;
                    }
                }
                other => other.on(path)?,
            }
        }
        landlock::restrict(sys, ruleset).on(c"ruleset")
    }
}
