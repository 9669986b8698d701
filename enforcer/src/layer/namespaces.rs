//! Namespaces, and what is set inside of them. namespaces(7).

use super::{Done, On, c_string};
use crate::launch::LaunchError;
use crate::sys::file::{self, CWD};
use crate::sys::{Sys, clone, net, process};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::CString;
use stockade_policy::plan::Plan;
use stockade_policy::policy::NamespaceKind;

/// `CLONE_NEW*` by kind, linux/sched.h. The cgroup namespace is not among them: its root is the cgroup that the
/// process is in when it is made, so the child makes it once it has been moved.
const FLAGS: [(NamespaceKind, i32); 6] = [
    (NamespaceKind::User, libc::CLONE_NEWUSER),
    (NamespaceKind::Mount, libc::CLONE_NEWNS),
    (NamespaceKind::Pid, libc::CLONE_NEWPID),
    (NamespaceKind::Ipc, libc::CLONE_NEWIPC),
    (NamespaceKind::Uts, libc::CLONE_NEWUTS),
    (NamespaceKind::Network, libc::CLONE_NEWNET),
];

/// What the namespace steps do.
pub(crate) struct Part {
    /// For clone3.
    pub flags: u64,
    cgroup: bool,
    loopback: bool,
    hostname: Option<CString>,
    /// Path below /proc/sys, value.
    sysctls: Vec<(CString, CString)>,
}

impl Part {
    /// Checks that nothing is set in a namespace that is the host's.
    pub(crate) fn prepare(plan: &Plan) -> Result<Part, LaunchError> {
        let private = &plan.namespaces.private;
        let refuse = |object: &str, why| Err(LaunchError::BadInput { object: object.to_owned(), why });
        if !private.contains(&NamespaceKind::Mount) || !private.contains(&NamespaceKind::Pid) {
            return refuse("plan.namespaces.private", "a launch always has its own mount and pid namespaces");
        }
        if private.contains(&NamespaceKind::User) != plan.identity.user_namespace.is_some() {
            return refuse("plan.identity.user_namespace", "id maps and a user namespace come together");
        }
        if private.contains(&NamespaceKind::Network) && plan.namespaces.network_path.is_some() {
            return refuse("plan.namespaces.network_path", "a network namespace is made or joined, not both");
        }
        if plan.process.hostname.is_some() && !private.contains(&NamespaceKind::Uts) {
            return refuse("plan.process.hostname", "without a private uts namespace it would be the host's");
        }
        Ok(Part {
            flags: FLAGS
                .iter()
                .filter(|(kind, _)| private.contains(kind))
                .fold(0, |flags, (_, flag)| flags | u64::from(flag.cast_unsigned())),
            cgroup: private.contains(&NamespaceKind::Cgroup),
            loopback: private.contains(&NamespaceKind::Network),
            hostname: plan
                .process
                .hostname
                .as_deref()
                .map(|name| c_string("plan.process.hostname", name))
                .transpose()?,
            sysctls: sysctls(private, &plan.process.sysctls)?,
        })
    }

    /// Writes the sysctls.
    pub(crate) fn set_sysctls(&self, sys: &dyn Sys) -> Done<'_> {
        for (path, value) in &self.sysctls {
            let fd = file::open(sys, CWD, path, libc::O_WRONLY | libc::O_NOFOLLOW).on(path)?;
            file::write(sys, fd, value.as_bytes()).on(path)?;
        }
        Ok(())
    }

    /// Makes the cgroup namespace.
    pub(crate) fn unshare_cgroup(&self, sys: &dyn Sys) -> Done<'_> {
        if self.cgroup { clone::unshare_cgroup(sys).on(c"cgroup namespace") } else { Ok(()) }
    }

    /// Sets the host name.
    pub(crate) fn set_hostname(&self, sys: &dyn Sys) -> Done<'_> {
        self.hostname.as_deref().map_or(Ok(()), |name| process::set_hostname(sys, name).on(name))
    }

    /// Brings the loopback device up.
    pub(crate) fn raise_loopback(&self, sys: &dyn Sys) -> Done<'_> {
        if self.loopback { net::loopback_up(sys).on(c"lo") } else { Ok(()) }
    }
}

/// The file of a sysctl. As sysctl(8): a dot separates, and a slash stands for a dot inside a name
/// (`net.ipv4.conf.eth0/1.x`).
pub(crate) fn sysctl_file(name: &str) -> String {
    let swapped = |c| match c {
        '.' => '/',
        '/' => '.',
        c => c,
    };
    format!("/proc/sys/{}", name.chars().map(swapped).collect::<String>())
}

fn sysctls(
    private: &BTreeSet<NamespaceKind>,
    wanted: &BTreeMap<String, String>,
) -> Result<Vec<(CString, CString)>, LaunchError> {
    let one = |(name, value): (&String, &String)| {
        if name.contains("..") || !NamespaceKind::of_sysctl(name).is_some_and(|kind| private.contains(&kind))
        {
            return Err(LaunchError::BadInput {
                object: format!("plan.process.sysctls `{name}`"),
                why: "does not belong to a namespace that is private here, so it would change the host",
            });
        }
        let file = sysctl_file(name);
        if file.split('/').any(|part| part == "..") {
            return Err(LaunchError::BadInput {
                object: format!("sysctl `{name}`"),
                why: "leads out of /proc/sys",
            });
        }
        Ok((c_string("sysctl", &file)?, c_string("sysctl", value)?))
    };
    wanted.iter().map(one).collect()
}
