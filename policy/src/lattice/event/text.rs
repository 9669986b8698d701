//! Events as `explain` takes them.

use super::{Direction, Event, Flow, Quantity, Switch};
use crate::lattice::action::Action;
use crate::lattice::files::Rights;
use crate::policy::{Device, Label, MountRight, NamespaceMode, ProcView};
use crate::vocab::parameters::parameters;
use crate::vocab::{Arch, Cap, syscalls};
use serde::{Serialize, Serializer};
use std::fmt;
use std::net::SocketAddr;

/// The name of a system call, or its number where it has none.
pub(crate) fn call_name(arch: Arch, number: u32) -> String {
    syscalls::name(arch, number).map_or_else(|| format!("#{number}"), str::to_owned)
}

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Syscall { arch, number, arguments, answer } => {
                let name = call_name(*arch, *number);
                let used = parameters(*arch, &name).map_or(0, <[_]>::len);
                write!(f, "syscall:{name}({})", Registers { arguments, used })?;
                if *arch != Arch::X86_64 {
                    write!(f, " on {arch}")?;
                }
                if *answer != Action::Allow {
                    write!(f, " answered by {answer}")?;
                }
                Ok(())
            }
            Event::Capability(number) => match Cap::from_number(*number) {
                Some(cap) => write!(f, "cap:{cap}"),
                None => write!(f, "cap:#{number}"),
            },
            Event::File { right, path } => write!(f, "{}:{path}", right_name(*right)),
            Event::Tmp(bytes) => write!(f, "tmp:{bytes} bytes"),
            Event::Proc(view) => write!(f, "proc:{}", proc_name(*view)),
            Event::Mount { from, at, right: None } => write!(f, "mount:{from} at {at}"),
            Event::Mount { from, at, right: Some(right) } => {
                write!(f, "mount:{from} at {at} with {}", mount_right_name(*right))
            }
            Event::AnyMount => f.write_str("mount:anything else"),
            Event::Device(Device::Node(path)) => write!(f, "device:{path}"),
            Event::Device(Device::Pts) => f.write_str("device:pts"),
            Event::Device(Device::Shm) => f.write_str("device:shm"),
            Event::HostDevices => f.write_str("device:every device of the host"),
            Event::User(uid) => write!(f, "user:{uid}"),
            Event::Without(switch) => write!(f, "without:{}", switch_name(*switch)),
            Event::Environment(Some(name)) => write!(f, "environment:{name}"),
            Event::Environment(None) => f.write_str("environment:any other variable"),
            Event::SecurebitClear(bit) => write!(f, "securebit:{bit} clear"),
            Event::FileModeBit(bit) => write!(f, "umask:files with mode bit {:03o}", 1u64 << bit),
            Event::Namespace(kind, mode) => {
                write!(f, "namespace:{} {}", lower(kind), namespace_mode_name(*mode))
            }
            Event::Amount(quantity, Some(amount)) => write!(f, "{quantity}={amount}"),
            Event::Amount(quantity, None) => write!(f, "{quantity} without limit"),
            Event::Peer { direction, address, protocol, port } => {
                let peer = SocketAddr::new(*address, *port);
                write!(f, "{}:{peer}/{}", verb(*direction), lower(protocol))
            }
            Event::AnyPeer(direction) => write!(f, "{}:any other peer", verb(*direction)),
            Event::Label(module, label) => {
                write!(f, "{}:", lower(module))?;
                match label {
                    Some(Label::Generate) => f.write_str("generated label"),
                    Some(Label::Name(name)) => f.write_str(name),
                    Some(Label::Unconfined) => f.write_str("unconfined"),
                    None => f.write_str("the caller's own label"),
                }
            }
            Event::Unenforceable(section) => write!(f, "missing:{}", lower(section)),
            Event::Monitored(section) => write!(f, "unenforced:{}", lower(section)),
        }
    }
}

/// The registers that the call uses, and those before the last one that is not zero; large ones in
/// hexadecimal.
struct Registers<'a> {
    arguments: &'a [u64; 6],
    used: usize,
}

impl fmt::Display for Registers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = self.arguments.iter().rposition(|register| *register != 0).map_or(0, |last| last + 1);
        for (index, register) in self.arguments.iter().take(self.used.max(set)).enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            if *register < 4096 {
                write!(f, "{comma}{register}")?
            } else {
                write!(f, "{comma}{register:#x}")?
            }
        }
        Ok(())
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Quantity::Resource(resource) => write!(f, "resources:{}", lower(resource)),
            Quantity::Rlimit(limit) => write!(f, "limits:{}", lower(limit)),
            Quantity::DiskSize => f.write_str("disk:size"),
            Quantity::DiskFiles => f.write_str("disk:files"),
            Quantity::Rate(direction, flow) => write!(f, "{}:{}", lower(direction), flow_name(*flow)),
            Quantity::Burst(direction, flow) => {
                write!(f, "{}:burst of {}", lower(direction), flow_name(*flow))
            }
            Quantity::OpenConnections(direction) => write!(f, "{}:open_connections", lower(direction)),
        }
    }
}

/// A variant's name as profiles write it: `OpenFiles` is `open_files`.
pub(crate) fn lower(variant: &impl fmt::Debug) -> String {
    let mut name = String::new();
    for letter in format!("{variant:?}").chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

pub(super) fn verb(direction: Direction) -> &'static str {
    match direction {
        Direction::Egress => "connect",
        Direction::Ingress => "accept",
    }
}

pub(super) fn right_name(right: Rights) -> &'static str {
    match right {
        Rights::VISIBLE => "see",
        Rights::READ => "read",
        Rights::WRITE => "write",
        Rights::EXECUTE => "execute",
        _ => "use",
    }
}

pub(super) fn proc_name(view: ProcView) -> &'static str {
    match view {
        ProcView::None => "none",
        ProcView::Minimal => "minimal",
        ProcView::Hidden => "hidden",
        ProcView::Full => "full",
    }
}

pub(super) fn mount_right_name(right: MountRight) -> &'static str {
    match right {
        MountRight::Write => "write",
        MountRight::Exec => "exec",
        MountRight::Suid => "suid",
        MountRight::Dev => "dev",
    }
}

pub(super) fn namespace_mode_name(mode: NamespaceMode) -> &'static str {
    match mode {
        NamespaceMode::Private => "private",
        NamespaceMode::Auto => "auto",
        NamespaceMode::Host => "host",
    }
}

pub(super) fn switch_name(switch: Switch) -> &'static str {
    match switch {
        Switch::NoNewPrivileges => "no_new_privileges",
        Switch::WriteXorExecute => "write_xor_execute",
        Switch::TrustedPaths => "trusted_paths",
        Switch::MitigatedSpeculation => "mitigated_speculation",
        Switch::LogDenied => "log_denied",
    }
}

pub(super) fn flow_name(flow: Flow) -> &'static str {
    match flow {
        Flow::Bits => "rate",
        Flow::Packets => "packets",
        Flow::NewConnections => "new_connections",
        Flow::NewConnectionsOfSource => "per_source.new_connections",
    }
}
