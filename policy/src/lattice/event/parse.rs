//! The text form of events, read back.

use super::text::{
    flow_name, mount_right_name, namespace_mode_name, proc_name, right_name, switch_name, verb,
};
use super::{Direction, Event, Flow, Quantity, SecurityModule, Switch, lower};
use crate::lattice::action::Action;
use crate::lattice::files::{self, Rights};
use crate::lattice::network::Protocol;
use crate::policy::{Device, Label, MountRight, NamespaceMode, ProcView};
use crate::vocab::{Arch, Cap, syscalls};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::net::SocketAddr;
use std::str::FromStr;

/// A text that is no event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no event")]
pub struct EventError {
    /// The text.
    pub text: String,
}

/// The inverse of the text form. A system call without `on` is one of x86_64, registers that are left
/// out are 0.
impl FromStr for Event {
    type Err = EventError;

    fn from_str(text: &str) -> Result<Self, EventError> {
        event(text).ok_or_else(|| EventError { text: text.to_owned() })
    }
}

const DIRECTIONS: [Direction; 2] = [Direction::Egress, Direction::Ingress];
const FLOWS: [Flow; 4] = [Flow::Bits, Flow::Packets, Flow::NewConnections, Flow::NewConnectionsOfSource];
const MODES: [NamespaceMode; 3] = [NamespaceMode::Private, NamespaceMode::Auto, NamespaceMode::Host];
const MODULES: [SecurityModule; 2] = [SecurityModule::Apparmor, SecurityModule::Selinux];
const MOUNT_RIGHTS: [MountRight; 4] =
    [MountRight::Write, MountRight::Exec, MountRight::Suid, MountRight::Dev];
const SWITCHES: [Switch; 5] = [
    Switch::NoNewPrivileges,
    Switch::WriteXorExecute,
    Switch::TrustedPaths,
    Switch::MitigatedSpeculation,
    Switch::LogDenied,
];
const VIEWS: [ProcView; 4] = [ProcView::None, ProcView::Minimal, ProcView::Hidden, ProcView::Full];

/// The one of `all` that `name` calls `text`.
fn named<T: Copy>(all: &[T], name: impl Fn(T) -> &'static str, text: &str) -> Option<T> {
    all.iter().copied().find(|one| name(*one) == text)
}

/// The variant that profiles write so.
fn word<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_value(Value::String(text.to_owned())).ok()
}

fn event(text: &str) -> Option<Event> {
    let (kind, rest) = text.split_once(':')?;
    let right = named(&Rights::EACH, right_name, kind);
    if let Some(right) = right.filter(|_| files::validate(rest).is_ok()) {
        return Some(Event::File { right, path: rest.to_owned() });
    }
    if let Some(direction) = named(&DIRECTIONS, verb, kind) {
        return peer(direction, rest);
    }
    if let Some(module) = MODULES.into_iter().find(|module| lower(module) == kind) {
        return Some(Event::Label(module, label(rest)));
    }
    Some(match kind {
        "syscall" => syscall(rest)?,
        "cap" => Event::Capability(match rest.strip_prefix('#') {
            Some(number) => number.parse().ok()?,
            None => rest.parse::<Cap>().ok()?.number(),
        }),
        "tmp" => Event::Tmp(rest.strip_suffix(" bytes")?.parse().ok()?),
        "proc" => Event::Proc(named(&VIEWS, proc_name, rest)?),
        "mount" => mount(rest)?,
        "device" => match rest {
            "every device of the host" => Event::HostDevices,
            "pts" => Event::Device(Device::Pts),
            "shm" => Event::Device(Device::Shm),
            path => Event::Device(Device::Node(path.to_owned())),
        },
        "user" => Event::User(rest.parse().ok()?),
        "without" => Event::Without(named(&SWITCHES, switch_name, rest)?),
        "environment" if rest == "any other variable" => Event::Environment(None),
        "environment" => Event::Environment(Some(rest.to_owned())),
        "securebit" => Event::SecurebitClear(rest.strip_suffix(" clear")?.parse().ok()?),
        "umask" => Event::FileModeBit(mode_bit(rest)?),
        "namespace" => {
            let (kind, mode) = rest.split_once(' ')?;
            Event::Namespace(word(kind)?, named(&MODES, namespace_mode_name, mode)?)
        }
        "missing" => Event::Unenforceable(word(rest)?),
        "unenforced" => Event::Monitored(word(rest)?),
        _ => amount(kind, rest)?,
    })
}

/// `NAME(1, 0x1000) on ARCH answered by ACTION`
fn syscall(text: &str) -> Option<Event> {
    let (text, answer) = match text.rsplit_once(" answered by ") {
        Some((text, answer)) => (text, answer.parse().ok()?),
        None => (text, Action::Allow),
    };
    let (text, arch) = match text.rsplit_once(" on ") {
        Some((text, arch)) => (text, arch.parse().ok()?),
        None => (text, Arch::X86_64),
    };
    let (name, inside) = text.strip_suffix(')')?.split_once('(')?;
    let number = match name.strip_prefix('#') {
        Some(number) => number.parse().ok()?,
        None => syscalls::number(arch, name)?,
    };
    let mut arguments = [0; 6];
    for (index, register) in inside.split(", ").filter(|_| !inside.is_empty()).enumerate() {
        *arguments.get_mut(index)? = match register.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16).ok()?,
            None => register.parse().ok()?,
        };
    }
    Some(Event::Syscall { arch, number, arguments, answer })
}

fn mount(text: &str) -> Option<Event> {
    if text == "anything else" {
        return Some(Event::AnyMount);
    }
    let right = text
        .rsplit_once(" with ")
        .and_then(|(rest, right)| Some((rest, named(&MOUNT_RIGHTS, mount_right_name, right)?)));
    let (text, right) = right.map_or((text, None), |(rest, right)| (rest, Some(right)));
    let (from, at) = text.rsplit_once(" at ")?;
    Some(Event::Mount { from: from.to_owned(), at: at.to_owned(), right })
}

fn mode_bit(text: &str) -> Option<u32> {
    let bits = u64::from_str_radix(text.strip_prefix("files with mode bit ")?, 8).ok()?;
    bits.is_power_of_two().then(|| bits.trailing_zeros())
}

fn peer(direction: Direction, text: &str) -> Option<Event> {
    if text == "any other peer" {
        return Some(Event::AnyPeer(direction));
    }
    let (socket, protocol) = text.rsplit_once('/')?;
    let socket: SocketAddr = socket.parse().ok()?;
    let protocol = Protocol::ALL.into_iter().find(|known| lower(known) == protocol)?;
    Some(Event::Peer { direction, address: socket.ip(), protocol, port: socket.port() })
}

fn label(text: &str) -> Option<Label> {
    match text {
        "the caller's own label" => None,
        "generated label" => Some(Label::Generate),
        "unconfined" => Some(Label::Unconfined),
        name => Some(Label::Name(name.to_owned())),
    }
}

/// `memory=512`, `memory without limit`
fn amount(kind: &str, text: &str) -> Option<Event> {
    let (name, amount) = match text.rsplit_once('=') {
        Some((name, amount)) => (name, Some(amount.parse().ok()?)),
        None => (text.strip_suffix(" without limit")?, None),
    };
    let direction = DIRECTIONS.into_iter().find(|direction| lower(direction) == kind);
    let quantity = match (kind, direction) {
        ("resources", _) => Quantity::Resource(word(name)?),
        ("limits", _) => Quantity::Rlimit(word(name)?),
        ("disk", _) if name == "size" => Quantity::DiskSize,
        ("disk", _) if name == "files" => Quantity::DiskFiles,
        (_, Some(direction)) if name == "open_connections" => Quantity::OpenConnections(direction),
        (_, Some(direction)) => match name.strip_prefix("burst of ") {
            Some(flow) => Quantity::Burst(direction, named(&FLOWS, flow_name, flow)?),
            None => Quantity::Rate(direction, named(&FLOWS, flow_name, name)?),
        },
        _ => return None,
    };
    Some(Event::Amount(quantity, amount))
}
