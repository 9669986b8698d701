//! The plan: what the enforcer does on one host, step by step, with nothing left to decide.
//!
//! The noun after `compile`. It serialises, so that a compiled plan can be kept and given back
//! (`run --plan FILE`).

use crate::lattice::files::Rights;
use crate::origin::Origins;
use crate::policy::{Device, NamespaceKind, ProcView, Rlimit, Section};
use crate::vocab::{Arch, CapSet};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Everything that is put around one process on one host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Name of the profile.
    pub profile: String,
    /// Hash of the floors that were met, as the caller computed it; a plan is refused under others.
    pub floors: String,
    /// The interface that it was compiled for.
    pub arch: Arch,
    /// User, groups and id maps.
    pub identity: Identity,
    /// Namespaces to make and to join.
    pub namespaces: Namespaces,
    /// Mounts, in order.
    pub mounts: Mounts,
    /// Attributes of the process.
    pub process: Process,
    /// The five capability sets at the target's exec.
    pub capabilities: Capabilities,
    /// Landlock; `None`: the policy does not constrain files, or a gap says why.
    pub landlock: Option<Landlock>,
    /// The filter; `None`: the policy allows every call.
    pub seccomp: Option<Seccomp>,
    /// The cgroup; `None`: no limit asks for one.
    pub cgroup: Option<Cgroup>,
    /// Disk quota; `run` refuses it until its layer exists.
    pub disk: Option<Disk>,
    /// Traffic; `run` refuses it until its layer exists.
    pub traffic: Option<crate::policy::Network>,
    /// Labels; `run` refuses them until their layer exists.
    pub lsm: Option<crate::policy::Lsm>,
    /// What the policy asks for and this host cannot do. A gap that is not optional stops the launch.
    pub gaps: Vec<Gap>,
}

/// Something that the policy asks for and this host cannot enforce.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// The section that asks.
    pub section: Section,
    /// What exactly is missing: `landlock: truncate`, `cgroup: memory.max`.
    pub right: String,
    /// Why this host cannot.
    pub why: String,
    /// What would make it possible.
    pub remedy: String,
    /// Whether the policy lets it be missing.
    pub optional: bool,
    /// Who asked.
    pub origins: Origins,
}

/// User, groups, id maps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The user id inside.
    pub uid: u32,
    /// The group id inside.
    pub gid: u32,
    /// Supplementary groups inside.
    pub groups: Vec<u32>,
    /// Id maps, where a user namespace is made.
    pub user_namespace: Option<IdMaps>,
}

/// Contents of `uid_map`, `gid_map`, `setgroups`. user_namespaces(7).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdMaps {
    /// `uid_map`
    pub uids: Vec<IdMap>,
    /// `gid_map`
    pub gids: Vec<IdMap>,
    /// Whether `setgroups` is denied first (required without privilege).
    pub deny_setgroups: bool,
}

/// One line of an id map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdMap {
    /// First id inside.
    pub inside: u32,
    /// First id outside.
    pub outside: u32,
    /// How many.
    pub count: u32,
}

/// Namespaces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Namespaces {
    /// Made anew. Always holds `Mount` and `Pid`.
    pub private: BTreeSet<NamespaceKind>,
    /// Joined, by path.
    pub network_path: Option<String>,
}

/// The root and what is mounted into it, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mounts {
    /// The directory that becomes `/`; `/` itself is the host's own tree.
    pub root: String,
    /// Whether the whole tree is made read-only.
    pub read_only: bool,
    /// What `/proc` shows.
    pub proc: ProcView,
    /// What stands in `/dev`; `None` leaves the root's own.
    pub devices: Option<BTreeSet<Device>>,
    /// Bytes of the private `/tmp`.
    pub tmp: Option<u64>,
    /// Paths inside the root, in order.
    pub entries: Vec<MountEntry>,
}

/// One mount at a path inside the root. Shallow paths come first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MountEntry {
    /// Absolute path inside the root.
    pub at: String,
    /// What is put there.
    pub what: MountKind,
    /// Who asked.
    pub origins: Origins,
}

/// What is put at a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MountKind {
    /// An empty read-only directory, or an unreadable empty file, over what is there; nothing where
    /// nothing is there.
    Hide,
    /// The same path again, writable, `nosuid,nodev`, and `noexec` unless execution is granted on it.
    Writable {
        /// Whether programs in it may be started.
        exec: bool,
    },
    /// The same path again, read-only, inside something hidden or writable.
    ReadOnly {
        /// Whether programs in it may be started.
        exec: bool,
    },
    /// A path of the host.
    Bind {
        /// Absolute path on the host.
        from: String,
        /// Without `ro`.
        write: bool,
        /// Without `noexec`.
        exec: bool,
        /// Without `nosuid`.
        suid: bool,
        /// Without `nodev`.
        dev: bool,
    },
}

/// Attributes of the process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// `PR_SET_NO_NEW_PRIVS`
    pub no_new_privileges: bool,
    /// `PR_SET_MDWE`
    pub write_xor_execute: bool,
    /// Names passed on; `None` passes all.
    pub environment: Option<BTreeSet<String>>,
    /// `PR_SET_SECUREBITS`
    pub securebits: u32,
    /// umask(2)
    pub umask: u32,
    /// Hard and soft alike.
    pub limits: BTreeMap<Rlimit, u64>,
    /// Absolute path inside the root; `None`: `/`.
    pub workdir: Option<String>,
    /// sethostname(2), with a private UTS namespace.
    pub hostname: Option<String>,
    /// Namespaced sysctls, by dotted name.
    pub sysctls: BTreeMap<String, String>,
}

/// The five sets at the target's exec. capabilities(7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities {
    /// Limits what any exec can gain.
    pub bounding: CapSet,
    /// What may be made effective.
    pub permitted: CapSet,
    /// What is checked.
    pub effective: CapSet,
    /// Kept over exec with file inheritable sets.
    pub inheritable: CapSet,
    /// Kept over exec of ordinary programs, for a user that is not root. 4.3.
    pub ambient: CapSet,
}

/// A Landlock ruleset. landlock(7).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Landlock {
    /// ABI that it was compiled for.
    pub abi: u32,
    /// `handled_access_fs`
    pub handled_fs: u64,
    /// `scoped` (ABI 6): abstract sockets and signals stay inside.
    pub scoped: u64,
    /// Rules, by path inside the root.
    pub rules: Vec<LandlockRule>,
}

/// What is allowed beneath a path. A path that does not exist in the root grants nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LandlockRule {
    /// Absolute path inside the root.
    pub path: String,
    /// `allowed_access` for a directory; the enforcer cuts it to what a file takes where it is one.
    pub access: u64,
    /// The rights in the policy that it stands for.
    pub rights: Rights,
    /// Who granted it.
    pub origins: Origins,
}

/// A seccomp filter. seccomp(2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seccomp {
    /// `SECCOMP_FILTER_FLAG_*`
    pub flags: u32,
    /// The program.
    pub program: Vec<Instruction>,
}

/// One instruction of classic BPF. `struct sock_filter`, linux/filter.h; serialised as `[code, jt, jf, k]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Instruction(
    /// `code`
    pub u16,
    /// `jt`
    pub u8,
    /// `jf`
    pub u8,
    /// `k`
    pub u32,
);

/// A cgroup of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cgroup {
    /// Where it is made and what is written.
    pub hierarchies: Vec<CgroupHierarchy>,
}

/// One directory and its values: one in all on v2, one a controller on v1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CgroupHierarchy {
    /// Directory in which the cgroup is made.
    pub parent: String,
    /// Whether it is the unified hierarchy, which takes `CLONE_INTO_CGROUP` (5.7).
    pub unified: bool,
    /// Files and what is written, in order: `memory.max` `536870912`.
    pub values: Vec<(String, String)>,
}

/// Disk quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disk {
    /// Bytes.
    pub size: Option<u64>,
    /// Inodes.
    pub files: Option<u64>,
}
