//! What can happen to a policy: the events that it allows or denies.
//!
//! A policy is the set of events that it allows; `a ≤ b` is inclusion. So an event is a question with a
//! yes or a no, also where the lattice has more than two levels: a system call is asked for together
//! with the strictest answer that will do, an amount of memory is a number of bytes.

mod parse;
mod text;

pub use parse::EventError;
pub(crate) use text::{call_name, lower};

use super::action::Action;
use super::files::Rights;
use super::network::Protocol;
use crate::policy::{Device, Label, MountRight, NamespaceKind, NamespaceMode, ProcView, Resource};
use crate::policy::{Rlimit, Section};
use crate::vocab::Arch;
use std::net::IpAddr;

/// Something that a policy allows or denies. Its text form is what `explain` takes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    /// A system call is answered at least as loosely as `answer`.
    Syscall {
        /// Through which interface.
        arch: Arch,
        /// The number in that interface's table.
        number: u32,
        /// The six raw registers.
        arguments: [u64; 6],
        /// The strictest answer that counts as yes.
        answer: Action,
    },
    /// The capability with this number is kept.
    Capability(u8),
    /// A right, one bit, is used on a path.
    File {
        /// The right.
        right: Rights,
        /// Absolute, normalised path inside the root.
        path: String,
    },
    /// A private `/tmp` takes this many bytes.
    Tmp(u64),
    /// `/proc` shows this much.
    Proc(ProcView),
    /// A path of the host is mounted.
    Mount {
        /// The source on the host.
        from: String,
        /// Where inside the root.
        at: String,
        /// With this right; `None`: at all.
        right: Option<MountRight>,
    },
    /// Something is mounted that no list names.
    AnyMount,
    /// A device appears in `/dev`.
    Device(Device),
    /// The whole of the host's `/dev` appears.
    HostDevices,
    /// It runs as this user id.
    User(u32),
    /// It runs without one of the protective switches.
    Without(Switch),
    /// An environment variable is passed on; `None`: one that no list names.
    Environment(Option<String>),
    /// This securebit, by its number, is not set.
    SecurebitClear(u32),
    /// New files may get this permission bit, by its number.
    FileModeBit(u32),
    /// A namespace is this loosely its own.
    Namespace(NamespaceKind, NamespaceMode),
    /// An amount is used; `None`: without any limit.
    Amount(Quantity, Option<u64>),
    /// A peer is talked to.
    Peer {
        /// Which way.
        direction: Direction,
        /// The peer's address.
        address: IpAddr,
        /// The transport.
        protocol: Protocol,
        /// The port: the peer's for egress, its own for ingress.
        port: u16,
    },
    /// A peer is talked to that no list names.
    AnyPeer(Direction),
    /// It runs under a label of a security module; `None`: under the caller's own.
    Label(SecurityModule, Option<Label>),
    /// A host that cannot enforce the section runs it nevertheless.
    Unenforceable(Section),
    /// The section only reports.
    Monitored(Section),
}

impl Event {
    /// The section of a profile that decides it.
    pub fn section(&self) -> Section {
        match self {
            Event::Syscall { .. } | Event::Without(Switch::MitigatedSpeculation | Switch::LogDenied) => {
                Section::Syscalls
            }
            Event::Capability(_) => Section::Capabilities,
            Event::File { .. } | Event::Tmp(_) | Event::Proc(_) => Section::Files,
            Event::Mount { .. } | Event::AnyMount => Section::Mounts,
            Event::Device(_) | Event::HostDevices => Section::Devices,
            Event::User(_)
            | Event::Environment(_)
            | Event::SecurebitClear(_)
            | Event::FileModeBit(_)
            | Event::Without(Switch::NoNewPrivileges | Switch::WriteXorExecute) => Section::Process,
            Event::Without(Switch::TrustedPaths) | Event::Label(..) => Section::Lsm,
            Event::Namespace(..) => Section::Namespaces,
            Event::Amount(quantity, _) => quantity.section(),
            Event::Peer { .. } | Event::AnyPeer(_) => Section::Network,
            Event::Unenforceable(section) | Event::Monitored(section) => *section,
        }
    }
}

impl Quantity {
    fn section(self) -> Section {
        match self {
            Quantity::Resource(_) => Section::Resources,
            Quantity::Rlimit(_) => Section::Process,
            Quantity::DiskSize | Quantity::DiskFiles => Section::Disk,
            Quantity::Rate(..) | Quantity::Burst(..) | Quantity::OpenConnections(_) => Section::Network,
        }
    }
}

/// A protective switch: on is the stricter side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Switch {
    /// `PR_SET_NO_NEW_PRIVS`
    NoNewPrivileges,
    /// `PR_SET_MDWE`
    WriteXorExecute,
    /// Trusted path execution.
    TrustedPaths,
    /// Mitigations against speculation that the kernel ties to filters.
    MitigatedSpeculation,
    /// A line in the kernel's log for what a filter does not allow.
    LogDenied,
}

/// Which way traffic goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// What leaves.
    Egress,
    /// What arrives.
    Ingress,
}

/// A security module with labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecurityModule {
    /// AppArmor
    Apparmor,
    /// SELinux
    Selinux,
}

/// Something that is counted, and of which more is looser.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quantity {
    /// A limit on the whole group of processes.
    Resource(Resource),
    /// A limit on one process.
    Rlimit(Rlimit),
    /// Bytes on disk.
    DiskSize,
    /// Inodes.
    DiskFiles,
    /// Units a second.
    Rate(Direction, Flow),
    /// Units at once above the rate.
    Burst(Direction, Flow),
    /// Connections open at once.
    OpenConnections(Direction),
}

/// What a rate counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Flow {
    /// Bits
    Bits,
    /// Packets
    Packets,
    /// New connections
    NewConnections,
    /// New connections of each source
    NewConnectionsOfSource,
}
