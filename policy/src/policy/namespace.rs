//! Kinds of namespaces, their names, and which settings of the kernel each has for itself. namespaces(7).

use serde::{Deserialize, Serialize};

/// Kinds of namespaces. namespaces(7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NamespaceKind {
    /// `CLONE_NEWUSER`
    User,
    /// `CLONE_NEWNS`
    Mount,
    /// `CLONE_NEWPID`
    Pid,
    /// `CLONE_NEWIPC`
    Ipc,
    /// `CLONE_NEWUTS`
    Uts,
    /// `CLONE_NEWCGROUP`, 4.6
    Cgroup,
    /// `CLONE_NEWNET`
    Network,
}

/// Settings that a namespace has for itself: a whole name, or the beginning of one, which ends with `.` or `_`.
/// ipc_namespaces(7), network_namespaces(7), Documentation/admin-guide/sysctl, and the kernel's `register_*_sysctl`
/// of each namespace. What a namespace does not show cannot be written in it.
const SYSCTLS: [(&str, NamespaceKind); 18] = [
    ("net.", NamespaceKind::Network),
    ("fs.mqueue.", NamespaceKind::Ipc),
    ("kernel.auto_msgmni", NamespaceKind::Ipc),
    ("kernel.msgmax", NamespaceKind::Ipc),
    ("kernel.msgmnb", NamespaceKind::Ipc),
    ("kernel.msgmni", NamespaceKind::Ipc),
    ("kernel.msg_next_id", NamespaceKind::Ipc),
    ("kernel.sem", NamespaceKind::Ipc),
    ("kernel.sem_next_id", NamespaceKind::Ipc),
    ("kernel.shmall", NamespaceKind::Ipc),
    ("kernel.shmmax", NamespaceKind::Ipc),
    ("kernel.shmmni", NamespaceKind::Ipc),
    ("kernel.shm_next_id", NamespaceKind::Ipc),
    ("kernel.shm_rmid_forced", NamespaceKind::Ipc),
    ("kernel.domainname", NamespaceKind::Uts),
    ("kernel.hostname", NamespaceKind::Uts),
    ("user.max_", NamespaceKind::User),
    // 6.3; the pid namespace's.
    ("vm.memfd_noexec", NamespaceKind::Pid),
];

fn is_beginning(entry: &str) -> bool {
    entry.ends_with(['.', '_'])
}

impl NamespaceKind {
    /// All of them.
    pub const ALL: [NamespaceKind; 7] = [
        NamespaceKind::User,
        NamespaceKind::Mount,
        NamespaceKind::Pid,
        NamespaceKind::Ipc,
        NamespaceKind::Uts,
        NamespaceKind::Cgroup,
        NamespaceKind::Network,
    ];

    /// As profiles and the OCI runtime specification write it.
    pub fn name(self) -> &'static str {
        match self {
            NamespaceKind::User => "user",
            NamespaceKind::Mount => "mount",
            NamespaceKind::Pid => "pid",
            NamespaceKind::Ipc => "ipc",
            NamespaceKind::Uts => "uts",
            NamespaceKind::Cgroup => "cgroup",
            NamespaceKind::Network => "network",
        }
    }

    /// Its file in `/proc/PID/ns`.
    pub fn file(self) -> &'static str {
        match self {
            NamespaceKind::Mount => "mnt",
            NamespaceKind::Network => "net",
            other => other.name(),
        }
    }

    /// The kind that has a setting of this name for itself; `None`: it is the host's.
    pub fn of_sysctl(name: &str) -> Option<NamespaceKind> {
        let fits = |entry: &str| if is_beginning(entry) { name.starts_with(entry) } else { name == entry };
        SYSCTLS.iter().find(|(entry, _)| fits(entry)).map(|(_, kind)| *kind)
    }

    /// A regular expression for the names that [`NamespaceKind::of_sysctl`] knows.
    pub(crate) fn sysctl_pattern() -> String {
        let one = |(entry, _): &(&str, NamespaceKind)| {
            let end = if is_beginning(entry) { "" } else { "$" };
            format!("{}{end}", entry.replace('.', r"\."))
        };
        format!("^({})", SYSCTLS.iter().map(one).collect::<Vec<_>>().join("|"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_their_namespaces_own() {
        for (name, kind) in [
            ("net.core.somaxconn", Some(NamespaceKind::Network)),
            ("fs.mqueue.msg_max", Some(NamespaceKind::Ipc)),
            ("kernel.sem", Some(NamespaceKind::Ipc)),
            ("kernel.domainname", Some(NamespaceKind::Uts)),
            ("user.max_pid_namespaces", Some(NamespaceKind::User)),
            ("kernel.semx", None),
            ("kernel.shmmax.x", None),
            ("kernel.core_pattern", None),
            ("vm.overcommit_memory", None),
            ("network", None),
        ] {
            assert_eq!(NamespaceKind::of_sysctl(name), kind, "{name}");
        }
    }

    #[test]
    fn names_are_those_that_are_written() {
        for kind in NamespaceKind::ALL {
            assert_eq!(serde_json::json!(kind), kind.name());
        }
    }
}
