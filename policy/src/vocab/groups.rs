//! Groups of system calls.
//!
//! Leaf groups partition every call of every architecture, each with its risk and the reason for it. Unions of
//! them (`@basic`, `@file-io`, `@network-server` …) and foreign sets (`@systemd/system-service`,
//! `@docker/default`) name calls across leaves.

use super::Arch;
use super::generated::groups::{GROUPS, MEMBERS, WORDS};
use super::generated::syscalls::NAMES;
use super::syscalls;
use serde::Serialize;
use std::collections::HashMap;
use std::fmt;
use std::sync::LazyLock;

/// What an attacker inside a container gains from the calls of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Risk {
    /// Every program may have them.
    Low,
    /// Attack surface, or a way to hinder others.
    Medium,
    /// Weakens the host or another container where a capability or a kernel bug helps.
    High,
    /// Host administration.
    Critical,
}

impl fmt::Display for Risk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Risk::Low => "low",
            Risk::Medium => "medium",
            Risk::High => "high",
            Risk::Critical => "critical",
        })
    }
}

/// A named set of system calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Without the `@`.
    pub name: &'static str,
    /// One line for people.
    pub about: &'static str,
    /// Of a union the highest of its members.
    pub risk: Risk,
    /// Why the risk is what it is; only leaf groups say.
    pub reason: Option<&'static str>,
    /// Whether no other leaf group shares a member.
    pub leaf: bool,
    /// Names of calls, sorted; of any architecture.
    pub members: Vec<&'static str>,
}

impl Group {
    /// The members that an architecture has, sorted by name.
    pub fn on(&self, arch: Arch) -> impl Iterator<Item = &'static str> {
        self.members.iter().copied().filter(move |call| syscalls::number(arch, call).is_some())
    }

    /// Whether the call is a member.
    pub fn contains(&self, call: &str) -> bool {
        self.members.binary_search(&call).is_ok()
    }
}

/// A [`Group`] without pointers, as generated.
pub(super) struct Row {
    pub(super) name: u16,
    pub(super) about: u16,
    pub(super) reason: u16,
    pub(super) risk: Risk,
    pub(super) leaf: bool,
    pub(super) start: u16,
    pub(super) count: u16,
}

/// Leaf groups first, and which leaf a call is in.
struct Built {
    groups: Vec<Group>,
    leaves: usize,
    leaf_of: HashMap<&'static str, usize>,
}

static BUILT: LazyLock<Built> = LazyLock::new(|| {
    let groups: Vec<Group> = GROUPS.iter().map(group_of).collect();
    let leaves = groups.iter().take_while(|group| group.leaf).count();
    let leaf_of = groups[..leaves]
        .iter()
        .enumerate()
        .flat_map(|(index, leaf)| leaf.members.iter().map(move |call| (*call, index)))
        .collect();
    Built { groups, leaves, leaf_of }
});

fn group_of(row: &Row) -> Group {
    let word = |index: u16| WORDS.get(usize::from(index));
    let start = usize::from(row.start);
    let members = &MEMBERS[start..start + usize::from(row.count)];
    Group {
        name: word(row.name),
        about: word(row.about),
        risk: row.risk,
        reason: Some(word(row.reason)).filter(|reason| !reason.is_empty()),
        leaf: row.leaf,
        members: members.iter().map(|index| NAMES.get(usize::from(*index))).collect(),
    }
}

/// The leaf groups: they partition every call of every architecture.
pub fn leaf_groups() -> &'static [Group] {
    &BUILT.groups[..BUILT.leaves]
}

/// Every group: leaves, unions, foreign sets.
pub fn all() -> &'static [Group] {
    &BUILT.groups
}

/// The group of a name, with or without `@`.
pub fn group(name: &str) -> Option<&'static Group> {
    let name = name.strip_prefix('@').unwrap_or(name);
    all().iter().find(|group| group.name == name)
}

/// The leaf group of a call.
pub fn leaf_of(call: &str) -> Option<&'static Group> {
    BUILT.leaf_of.get(call).map(|index| &BUILT.groups[*index])
}

/// Names of all groups, without `@`.
pub fn names() -> impl ExactSizeIterator<Item = &'static str> {
    all().iter().map(|group| group.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn leaf_groups_partition_every_call_of_every_architecture() {
        for arch in Arch::ALL {
            for (_, call) in syscalls::table(arch) {
                let owners: Vec<&str> =
                    leaf_groups().iter().filter(|leaf| leaf.contains(call)).map(|leaf| leaf.name).collect();
                assert_eq!(owners.len(), 1, "{call} on {arch} is in {owners:?}");
                assert_eq!(leaf_of(call).unwrap().name, owners[0]);
            }
        }
        let members: usize = leaf_groups().iter().map(|leaf| leaf.members.len()).sum();
        assert_eq!(members, syscalls::all_names().len());
    }

    #[test]
    fn every_leaf_gives_a_reason_and_every_group_is_found_by_its_name() {
        assert!(leaf_groups().iter().all(|leaf| leaf.reason.is_some() && !leaf.members.is_empty()));
        for name in names() {
            assert_eq!(group(name).unwrap().name, name);
            assert_eq!(group(&format!("@{name}")).unwrap().name, name);
        }
        assert_eq!(names().collect::<BTreeSet<_>>().len(), names().len());
        assert!(group("no-such-group").is_none());
    }

    /// A union never brings in what must be asked for by name.
    #[test]
    fn unions_for_programs_hold_only_low_risk() {
        for name in ["basic", "file-io", "process", "network-client", "network-server", "ipc"] {
            assert_eq!(group(name).unwrap().risk, Risk::Low, "@{name}");
        }
        let basic = group("basic").unwrap();
        for call in ["clone", "clone3", "ioctl", "prctl", "socket", "memfd_create", "mount", "socketcall"] {
            assert!(!basic.contains(call), "{call}");
        }
    }

    #[test]
    fn dangerous_is_every_high_and_critical_leaf_but_clone() {
        let dangerous: BTreeSet<_> = group("dangerous").unwrap().members.iter().copied().collect();
        let expected = leaf_groups().iter().filter(|leaf| leaf.risk >= Risk::High && leaf.name != "clone");
        assert_eq!(dangerous, expected.flat_map(|leaf| leaf.members.iter().copied()).collect());
    }

    #[test]
    fn docker_default_leaves_out_what_is_conditional_or_privileged() {
        let docker = group("docker/default").unwrap();
        for call in ["read", "chroot", "arch_prctl", "modify_ldt", "ptrace", "set_tls", "mknod", "statx"] {
            assert!(docker.contains(call), "{call}");
        }
        for call in ["socket", "personality", "clone", "clone3", "mount", "bpf", "io_uring_setup", "keyctl"] {
            assert!(!docker.contains(call), "{call}");
        }
    }

    #[test]
    fn systemd_sets_hold_the_sets_they_name() {
        let service = group("systemd/system-service").unwrap();
        for call in ["read", "openat", "io_submit", "setuid", "futex", "epoll_wait", "bind"] {
            assert!(service.contains(call), "{call}");
        }
        assert!(!service.contains("mount"));
    }

    #[test]
    fn members_on_an_architecture_exist_there() {
        let open = group("file-open").unwrap();
        assert_eq!(open.on(Arch::Aarch64).collect::<Vec<_>>(), ["openat", "openat2"]);
        assert_eq!(open.on(Arch::X86_64).count(), 4);
    }
}
