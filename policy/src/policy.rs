//! The policy as meant: a point in the lattice.
//!
//! Absent always means "no constraint": [`Policy::unconstrained`] is the top of the order. Everything
//! that is not in the order (name, working directory, group ids, a joined path) is plan data.

mod namespace;
mod rlimit;

pub use namespace::NamespaceKind;
pub use rlimit::Rlimit;

use crate::lattice::files::FileTree;
use crate::lattice::intervals::IntervalSet;
use crate::lattice::network::Addresses;
use crate::lattice::syscalls::Syscalls;
use crate::origin::{Origin, Ruled};
use crate::vocab::CapSet;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A resolved profile: a point in the lattice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Policy {
    /// The name of the profile; outside the order.
    pub name: String,
    /// One line about whom it is for; outside the order.
    pub about: String,
    /// Who it runs as.
    pub users: Users,
    /// The process's own attributes.
    pub process: Process,
    /// Capabilities kept; every other one leaves all five sets.
    pub capabilities: Ruled<CapSet>,
    /// Decisions on every system call of every architecture.
    pub syscalls: Syscalls,
    /// How the filter that decides them is put on.
    pub filter: Filter,
    /// What may be done where in the tree.
    pub files: Files,
    /// What is mounted in addition, by absolute path inside the root; `None` is no constraint, and
    /// mounts nothing.
    pub mounts: Option<BTreeMap<String, Mount>>,
    /// Devices in `/dev`; `None` is no constraint (the host's own `/dev`).
    pub devices: Option<Ruled<BTreeSet<Device>>>,
    /// Which namespaces are its own.
    pub namespaces: Namespaces,
    /// Limits on what it consumes, absent = none.
    pub resources: BTreeMap<Resource, Ruled<u64>>,
    /// Disk quota.
    pub disk: Disk,
    /// Traffic.
    pub network: Network,
    /// Labels of the security modules.
    pub lsm: Lsm,
    /// Sections that may be missing on a host; a section that is not named is required.
    pub optional: BTreeMap<Section, Ruled<bool>>,
    /// Sections that only report (`network`, `lsm`); a section that is not named enforces.
    pub monitor: BTreeMap<Section, Ruled<bool>>,
}

/// A section of a profile that can be made optional.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Section {
    /// `process`
    Process,
    /// `capabilities`
    Capabilities,
    /// `syscalls`
    Syscalls,
    /// `files`
    Files,
    /// `mounts`
    Mounts,
    /// `devices`
    Devices,
    /// `namespaces`
    Namespaces,
    /// `resources`
    Resources,
    /// `disk`
    Disk,
    /// `network`
    Network,
    /// `lsm`
    Lsm,
}

/// Who it runs as.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Users {
    /// User ids admitted. Where there is exactly one, it is the one that runs; else the caller's own.
    pub uids: Ruled<IntervalSet<u32>>,
    /// The primary group; plan data. `None`: the user's own number.
    pub gid: Option<Ruled<u32>>,
    /// Supplementary groups; plan data.
    pub groups: Vec<Ruled<u32>>,
}

/// Attributes of the process. Switches are protective: `true` is the stricter side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// `PR_SET_NO_NEW_PRIVS`, 3.5.
    pub no_new_privileges: Ruled<bool>,
    /// `PR_SET_MDWE`, 6.3.
    pub write_xor_execute: Ruled<bool>,
    /// Names of environment variables passed on; `None` passes all.
    pub environment: Option<Ruled<BTreeSet<String>>>,
    /// Securebits that must be set, as the kernel numbers them (capabilities(7)); more is stricter.
    pub securebits: Ruled<u32>,
    /// Permission bits that new files never get; more is stricter. umask(2).
    pub umask: Ruled<u32>,
    /// rlimits by name, hard and soft alike; absent = none. getrlimit(2).
    pub limits: BTreeMap<Rlimit, Ruled<u64>>,
    /// Working directory inside the root; plan data.
    pub workdir: Option<Ruled<String>>,
    /// Host name in its own UTS namespace; plan data.
    pub hostname: Option<Ruled<String>>,
    /// Namespaced sysctls, by dotted name; plan data.
    pub sysctls: BTreeMap<String, Ruled<String>>,
}

/// How the filter of system calls is put on, beside what it decides. Switches are protective: `true` is the
/// stricter side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filter {
    /// Mitigations against speculation that the kernel ties to filters are turned on:
    /// `SECCOMP_FILTER_FLAG_SPEC_ALLOW`, 4.17, is not set.
    pub mitigate_speculation: Ruled<bool>,
    /// What is not allowed is logged: `SECCOMP_FILTER_FLAG_LOG`, 4.14. It denies nothing; it is the stricter
    /// side because a floor that asks for a trail must not lose it to a profile that asks for none.
    pub log_denied: Ruled<bool>,
}

/// What may be done where in the tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Files {
    /// Rights by path. The root is mounted read-only where `/` lacks the write right.
    pub tree: FileTree,
    /// Bytes of the private `/tmp`; `None`: no private `/tmp`. Absent is the strict side.
    pub tmp: Option<Ruled<u64>>,
    /// What `/proc` shows.
    pub proc: Ruled<ProcView>,
}

/// What `/proc` shows, strict first. proc(5), 5.8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProcView {
    /// Not mounted.
    None,
    /// Its own processes that it could trace, and nothing else: `hidepid=4,subset=pid`.
    Minimal,
    /// As [`ProcView::Full`] but only processes it could trace: `hidepid=4`.
    Hidden,
    /// All of it, with the paths that leak or change the host masked.
    Full,
}

/// Something mounted into the root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// The source on the host.
    pub from: Ruled<String>,
    /// What the mount allows.
    pub allows: Ruled<BTreeSet<MountRight>>,
}

/// What a mount allows; more is looser. mount(8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MountRight {
    /// Without `ro`.
    Write,
    /// Without `noexec`.
    Exec,
    /// Without `nosuid`.
    Suid,
    /// Without `nodev`.
    Dev,
}

/// A device or device directory in `/dev`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Device {
    /// A node of the host, by its path below `/dev`.
    Node(String),
    /// A private `/dev/pts` with `/dev/ptmx`.
    Pts,
    /// A private `/dev/shm`.
    Shm,
}

/// Whose namespace it is, strict first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NamespaceMode {
    /// Its own.
    Private,
    /// Decided when compiled for a host; user namespaces only.
    Auto,
    /// The caller's.
    Host,
}

/// Which namespaces are its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Namespaces {
    /// Mode by kind; a kind that is not named is the host's.
    pub modes: BTreeMap<NamespaceKind, Ruled<NamespaceMode>>,
    /// A network namespace to join, by path; counts as private; plan data.
    pub network_path: Option<Ruled<String>>,
}

/// A limit on what the whole group of processes consumes. cgroups(7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    /// Bytes; `memory.max`.
    Memory,
    /// Bytes beyond memory; `memory.swap.max`.
    Swap,
    /// Thousandths of a processor; `cpu.max`.
    CpuMillis,
    /// Processes; `pids.max`.
    Processes,
    /// Bytes a second read from every block device; `io.max` rbps.
    IoRead,
    /// Bytes a second written to every block device; `io.max` wbps.
    IoWrite,
    /// Operations a second read; `io.max` riops.
    IoReadOperations,
    /// Operations a second written; `io.max` wiops.
    IoWriteOperations,
}

/// Disk quota of everything it can write. Absent = none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disk {
    /// Bytes.
    pub size: Option<Ruled<u64>>,
    /// Inodes.
    pub files: Option<Ruled<u64>>,
}

/// Traffic in both directions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// What leaves.
    pub egress: Traffic,
    /// What arrives.
    pub ingress: Traffic,
}

/// Limits on one direction; absent = none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// Bits a second with burst in bits.
    pub rate: Option<Ruled<Rate>>,
    /// Packets a second.
    pub packets: Option<Ruled<Rate>>,
    /// New connections a second.
    pub new_connections: Option<Ruled<Rate>>,
    /// New connections a second of each source.
    pub per_source_new_connections: Option<Ruled<Rate>>,
    /// Connections open at once.
    pub open_connections: Option<Ruled<u64>>,
    /// Peers admitted; `None` admits all.
    pub peers: Option<Ruled<Addresses>>,
}

/// A rate with its burst; ordered componentwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Rate {
    /// Units a second.
    pub per_second: u64,
    /// Units at once above the rate; `u64::MAX` where none is written.
    pub burst: u64,
}

/// Labels of the security modules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lsm {
    /// AppArmor; `None` is no constraint.
    pub apparmor: Option<Ruled<Label>>,
    /// SELinux; `None` is no constraint.
    pub selinux: Option<Ruled<Label>>,
    /// Trusted path execution.
    pub trusted_paths: Ruled<bool>,
}

/// A label, flat but for `unconfined` above all.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Label {
    /// Written by stockade from this policy.
    Generate,
    /// One that the host has.
    Name(String),
    /// None at all.
    Unconfined,
}

impl Policy {
    /// The top of the order: no constraint at all.
    pub fn unconstrained(name: &str) -> Policy {
        Policy {
            name: name.to_owned(),
            about: String::new(),
            users: Users { uids: Ruled::unwritten(IntervalSet::full()), gid: None, groups: Vec::new() },
            process: Process {
                no_new_privileges: Ruled::unwritten(false),
                write_xor_execute: Ruled::unwritten(false),
                environment: None,
                securebits: Ruled::unwritten(0),
                umask: Ruled::unwritten(0),
                limits: BTreeMap::new(),
                workdir: None,
                hostname: None,
                sysctls: BTreeMap::new(),
            },
            capabilities: Ruled::unwritten(CapSet::ALL),
            syscalls: Syscalls::unconstrained(),
            filter: Filter {
                mitigate_speculation: Ruled::unwritten(false),
                log_denied: Ruled::unwritten(false),
            },
            files: Files {
                tree: FileTree::unconstrained(),
                tmp: Some(Ruled::unwritten(u64::MAX)),
                proc: Ruled::unwritten(ProcView::Full),
            },
            mounts: None,
            devices: None,
            namespaces: Namespaces { modes: BTreeMap::new(), network_path: None },
            resources: BTreeMap::new(),
            disk: Disk::default(),
            network: Network::default(),
            lsm: Lsm { apparmor: None, selinux: None, trusted_paths: Ruled::unwritten(false) },
            optional: BTreeMap::new(),
            monitor: BTreeMap::new(),
        }
    }

    /// Whether `section` may be missing on a host.
    pub fn is_optional(&self, section: Section) -> bool {
        self.optional.get(&section).is_some_and(|flag| flag.value)
    }

    /// Where `section` was made optional.
    pub fn optional_origin(&self, section: Section) -> Option<&Origin> {
        self.optional.get(&section).and_then(|flag| flag.origins.first())
    }
}
