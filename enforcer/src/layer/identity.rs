//! User, groups and id maps. user_namespaces(7), credentials(7).

use super::{Done, On};
use crate::launch::LaunchError;
use crate::sys::file::{self, CWD};
use crate::sys::{Errno, Sys, ids, prctl};
use std::ffi::CString;
use std::fmt::Write;
use stockade_policy::plan;

/// `SECBIT_NO_SETUID_FIXUP`: capabilities stay as they are when the user changes. linux/securebits.h.
const NO_SETUID_FIXUP: u32 = 1 << 2;

/// What the identity step does.
pub(crate) struct Part {
    uid: u32,
    gid: u32,
    /// `None`: setgroups(2) is denied, the groups stay the caller's, without an id inside.
    groups: Option<Vec<u32>>,
}

impl Part {
    /// Checks that the plan can be followed.
    pub(crate) fn prepare(plan: &plan::Identity) -> Result<Part, LaunchError> {
        let denied = plan.user_namespace.as_ref().is_some_and(|maps| maps.deny_setgroups);
        if denied && !plan.groups.is_empty() {
            return Err(LaunchError::BadInput {
                object: "plan.identity.groups".to_owned(),
                why: "the plan denies setgroups, so there can be no supplementary groups",
            });
        }
        Ok(Part { uid: plan.uid, gid: plan.gid, groups: (!denied).then(|| plan.groups.clone()) })
    }

    /// Becomes the user, keeping all capabilities for the steps to come.
    pub(crate) fn apply(&self, sys: &dyn Sys) -> Done<'_> {
        prctl::set_securebits(sys, NO_SETUID_FIXUP).on(c"securebits")?;
        if let Some(groups) = &self.groups {
            ids::set_groups(sys, groups).on(c"supplementary groups")?;
        }
        ids::set_gid(sys, self.gid).on(c"group")?;
        ids::set_uid(sys, self.uid).on(c"user")
    }
}

/// Writes the maps of a process that is in a new user namespace; done by the launcher.
pub(crate) fn write_maps(sys: &dyn Sys, pid: i32, maps: &plan::IdMaps) -> Result<(), LaunchError> {
    let denial = maps.deny_setgroups.then(|| ("setgroups", "deny".to_owned()));
    let files = [("uid_map", lines(&maps.uids)), ("gid_map", lines(&maps.gids))];
    for (name, text) in denial.into_iter().chain(files) {
        let path = format!("/proc/{pid}/{name}");
        let written = CString::new(path.as_str()).map_err(|_| Errno::EINVAL).and_then(|path| {
            let fd = file::owned(file::open(sys, CWD, &path, libc::O_WRONLY)?);
            file::write(sys, std::os::fd::AsRawFd::as_raw_fd(&fd), text.as_bytes())
        });
        written.map_err(|errno| LaunchError::Step {
            step: "id maps",
            object: format!("{name} `{}`", text.trim_end().replace('\n', ", ")),
            errno,
            host: matches!(errno, Errno::EPERM | Errno::EINVAL),
        })?;
    }
    Ok(())
}

fn lines(maps: &[plan::IdMap]) -> String {
    maps.iter().fold(String::new(), |mut text, map| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{} {} {}", map.inside, map.outside, map.count);
        text
    })
}
