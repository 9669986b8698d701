//! Random policies of a small world, and every event in it.

use crate::generate::{NUMBERS, PATHS, addresses, intervals, limit, limits, ruled, syscalls, tree, words};
use proptest::collection::{btree_map, btree_set};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use stockade_policy::lattice::action::Action;
use stockade_policy::lattice::event::{Direction, Event, Flow, Quantity, SecurityModule, Switch};
use stockade_policy::lattice::files::Rights;
use stockade_policy::lattice::network::Protocol;
use stockade_policy::origin::Ruled;
use stockade_policy::policy::{
    Device, Disk, Files, Filter, Label, Lsm, Mount, MountRight, NamespaceKind, NamespaceMode, Namespaces,
    Network, Policy, ProcView, Process, Rate, Resource, Rlimit, Section, Traffic, Users,
};
use stockade_policy::vocab::{Arch, CapSet};

pub(crate) const KINDS: [NamespaceKind; 3] =
    [NamespaceKind::User, NamespaceKind::Pid, NamespaceKind::Network];
pub(crate) const MODES: [NamespaceMode; 3] =
    [NamespaceMode::Private, NamespaceMode::Auto, NamespaceMode::Host];
pub(crate) const RIGHTS: [MountRight; 3] = [MountRight::Write, MountRight::Exec, MountRight::Suid];
pub(crate) const VIEWS: [ProcView; 4] = [ProcView::None, ProcView::Minimal, ProcView::Hidden, ProcView::Full];
pub(crate) const FLAGGED: [Section; 3] = [Section::Network, Section::Lsm, Section::Resources];
pub(crate) const PLACES: [&str; 2] = ["/srv", "/data"];
pub(crate) const SOURCES: [&str; 2] = ["/host/a", "/host/b"];
pub(crate) const FLOWS: [Flow; 4] =
    [Flow::Bits, Flow::Packets, Flow::NewConnections, Flow::NewConnectionsOfSource];

pub(crate) fn labels() -> Vec<Label> {
    vec![Label::Generate, Label::Name("a".to_owned()), Label::Unconfined]
}

pub(crate) fn devices() -> Vec<Device> {
    vec![Device::Node("null".to_owned()), Device::Node("kvm".to_owned()), Device::Pts]
}

pub(crate) fn process() -> impl Strategy<Value = Process> {
    (
        ruled(any::<bool>()),
        ruled(any::<bool>()),
        option::of(ruled(words())),
        ruled(0..8u32),
        ruled(select(vec![0, 0o022, 0o027, 0o077])),
        limits(vec![Rlimit::OpenFiles, Rlimit::Core]),
    )
        .prop_map(|(no_new_privileges, write_xor_execute, environment, securebits, umask, limits)| {
            Process {
                no_new_privileges,
                write_xor_execute,
                environment,
                securebits,
                umask,
                limits,
                workdir: None,
                hostname: None,
                sysctls: BTreeMap::new(),
            }
        })
}

pub(crate) fn filter() -> impl Strategy<Value = Filter> {
    (ruled(any::<bool>()), ruled(any::<bool>()))
        .prop_map(|(mitigate_speculation, log_denied)| Filter { mitigate_speculation, log_denied })
}

pub(crate) fn files() -> impl Strategy<Value = Files> {
    (tree(), limit(), ruled(select(VIEWS.to_vec()))).prop_map(|(tree, tmp, proc)| Files { tree, tmp, proc })
}

pub(crate) fn mounts() -> impl Strategy<Value = Option<BTreeMap<String, Mount>>> {
    let mount = (ruled(select(SOURCES.to_vec())), ruled(btree_set(select(RIGHTS.to_vec()), 0..3))).prop_map(
        |(from, allows)| Mount {
            from: Ruled { value: from.value.to_owned(), origins: from.origins },
            allows,
        },
    );
    option::of(btree_map(select(PLACES.to_vec()).prop_map(str::to_owned), mount, 0..3))
}

pub(crate) fn namespaces() -> impl Strategy<Value = Namespaces> {
    let modes = btree_map(select(KINDS.to_vec()), ruled(select(MODES.to_vec())), 0..3);
    let path = option::weighted(0.2, ruled(Just("/run/netns/a".to_owned())));
    (modes, path).prop_map(|(modes, network_path)| Namespaces { modes, network_path })
}

pub(crate) fn traffic() -> impl Strategy<Value = Traffic> {
    let rate =
        || option::of(ruled((0..3u64, 0..3u64).prop_map(|(per_second, burst)| Rate { per_second, burst })));
    (rate(), rate(), rate(), rate(), limit(), option::of(ruled(addresses()))).prop_map(
        |(rate, packets, new_connections, per_source_new_connections, open_connections, peers)| Traffic {
            rate,
            packets,
            new_connections,
            per_source_new_connections,
            open_connections,
            peers,
        },
    )
}

pub(crate) fn lsm() -> impl Strategy<Value = Lsm> {
    let label = || option::of(ruled(select(labels())));
    (label(), label(), ruled(any::<bool>())).prop_map(|(apparmor, selinux, trusted_paths)| Lsm {
        apparmor,
        selinux,
        trusted_paths,
    })
}

pub(crate) fn flags() -> impl Strategy<Value = BTreeMap<Section, Ruled<bool>>> {
    btree_map(select(FLAGGED.to_vec()), ruled(any::<bool>()), 0..3)
}

pub(crate) fn policy() -> impl Strategy<Value = Policy> {
    let users = intervals(0..4u32).prop_filter("someone must run", |uids| !uids.is_empty());
    let caps = select(vec![0, 1 << 21, 1 << 12 | 1 << 21, u64::MAX, 1 << 62]).prop_map(CapSet);
    let held = (ruled(users), process(), ruled(caps), syscalls(), filter(), files(), mounts());
    let devices = option::of(ruled(btree_set(select(devices()), 0..3)));
    let resources = prop_oneof![Just(BTreeMap::new()), limits(vec![Resource::Memory, Resource::Processes])];
    let used = (devices, namespaces(), resources, limit(), limit());
    let network = prop_oneof![
        Just(Network::default()),
        (traffic(), traffic()).prop_map(|(egress, ingress)| Network { egress, ingress })
    ];
    let unlabelled = Lsm { apparmor: None, selinux: None, trusted_paths: Ruled::unwritten(false) };
    (held, used, network, prop_oneof![1 => Just(unlabelled), 3 => lsm()], flags(), flags()).prop_map(
        |(held, used, network, lsm, optional, monitor)| {
            let (uids, process, capabilities, syscalls, filter, files, mounts) = held;
            let (devices, namespaces, resources, size, inodes) = used;
            Policy {
                name: "test".to_owned(),
                about: String::new(),
                users: Users { uids, gid: None, groups: Vec::new() },
                process,
                capabilities,
                syscalls,
                filter,
                files,
                mounts,
                devices,
                namespaces,
                resources,
                disk: Disk { size, files: inodes },
                network,
                lsm,
                optional,
                monitor,
            }
        },
    )
}

/// Every event of the small world on which two generated policies can differ, but for system calls,
/// which are tried at a few arguments.
pub(crate) fn events() -> Vec<Event> {
    let mut events = vec![Event::AnyMount, Event::HostDevices, Event::Environment(None)];
    for arch in Arch::ALL {
        for number in NUMBERS.into_iter().chain([4, 42, 0x8000_0000]) {
            for first in [0, 1, 5, 1 << 31, u64::MAX] {
                for answer in [Action::KillThread, Action::Errno(1), Action::Trace(2), Action::Allow] {
                    let arguments = [first, 0, 0, 0, 0, 0];
                    events.push(Event::Syscall { arch, number, arguments, answer });
                }
            }
        }
    }
    events.extend((0..64).map(Event::Capability));
    for path in PATHS {
        events.extend(Rights::EACH.map(|right| Event::File { right, path: path.to_owned() }));
    }
    events.extend((0..4).map(Event::Tmp));
    events.extend(VIEWS.map(Event::Proc));
    for from in SOURCES {
        for at in PLACES {
            events.extend(RIGHTS.map(Some).into_iter().chain([None]).map(|right| Event::Mount {
                from: from.to_owned(),
                at: at.to_owned(),
                right,
            }));
        }
    }
    events.extend(devices().into_iter().map(Event::Device));
    events.extend((0..6).map(Event::User));
    let switches = [
        Switch::NoNewPrivileges,
        Switch::WriteXorExecute,
        Switch::TrustedPaths,
        Switch::MitigatedSpeculation,
        Switch::LogDenied,
    ];
    events.extend(switches.map(Event::Without));
    events.extend(["PATH", "LANG", "HOME"].map(|name| Event::Environment(Some(name.to_owned()))));
    events.extend((0..32).flat_map(|bit| [Event::SecurebitClear(bit), Event::FileModeBit(bit)]));
    for kind in KINDS {
        events.extend(MODES.map(|mode| Event::Namespace(kind, mode)));
    }
    let mut quantities = vec![
        Quantity::Resource(Resource::Memory),
        Quantity::Resource(Resource::Processes),
        Quantity::Rlimit(Rlimit::OpenFiles),
        Quantity::Rlimit(Rlimit::Core),
        Quantity::DiskSize,
        Quantity::DiskFiles,
    ];
    for direction in [Direction::Egress, Direction::Ingress] {
        quantities.push(Quantity::OpenConnections(direction));
        quantities.extend(FLOWS.map(|flow| Quantity::Rate(direction, flow)));
        quantities.extend(FLOWS.map(|flow| Quantity::Burst(direction, flow)));
        events.push(Event::AnyPeer(direction));
        for protocol in Protocol::ALL {
            for bits in [0, 1, 0x0a00_0000, 0x0a00_0001, 0x0aff_ffff, 0x0b00_0000, u32::MAX] {
                let v4 = IpAddr::V4(Ipv4Addr::from_bits(bits));
                let v6 = IpAddr::V6(Ipv6Addr::from_bits(u128::from(bits) << 96));
                for (address, port) in [(v4, 0), (v4, 80), (v4, 444), (v6, 80), (v6, 65535)] {
                    events.push(Event::Peer { direction, address, protocol, port });
                }
            }
        }
    }
    for quantity in quantities {
        events.extend((0..4).map(Some).chain([None]).map(|amount| Event::Amount(quantity, amount)));
    }
    for module in [SecurityModule::Apparmor, SecurityModule::Selinux] {
        events.extend(labels().into_iter().map(Some).chain([None]).map(|label| Event::Label(module, label)));
    }
    events.extend(FLAGGED.map(Event::Unenforceable));
    events.extend(FLAGGED.map(Event::Monitored));
    events
}

/// Puts one part of `b` into `a`: policies that differ everywhere hide a part that is never looked at.
pub(crate) type Graft = fn(&mut Policy, &Policy);
pub(crate) const GRAFTS: [Graft; 29] = [
    |a, b| a.users = b.users.clone(),
    |a, b| a.process.no_new_privileges = b.process.no_new_privileges.clone(),
    |a, b| a.process.write_xor_execute = b.process.write_xor_execute.clone(),
    |a, b| a.process.environment = b.process.environment.clone(),
    |a, b| a.process.securebits = b.process.securebits.clone(),
    |a, b| a.process.umask = b.process.umask.clone(),
    |a, b| a.process.limits = b.process.limits.clone(),
    |a, b| a.capabilities = b.capabilities.clone(),
    |a, b| a.syscalls = b.syscalls.clone(),
    |a, b| a.filter.mitigate_speculation = b.filter.mitigate_speculation.clone(),
    |a, b| a.filter.log_denied = b.filter.log_denied.clone(),
    |a, b| a.files.tree = b.files.tree.clone(),
    |a, b| a.files.tmp = b.files.tmp.clone(),
    |a, b| a.files.proc = b.files.proc.clone(),
    |a, b| a.mounts = b.mounts.clone(),
    |a, b| a.devices = b.devices.clone(),
    |a, b| a.namespaces = b.namespaces.clone(),
    |a, b| a.resources = b.resources.clone(),
    |a, b| a.disk.size = b.disk.size.clone(),
    |a, b| a.disk.files = b.disk.files.clone(),
    |a, b| a.network.egress.rate = b.network.egress.rate.clone(),
    |a, b| a.network.ingress.packets = b.network.ingress.packets.clone(),
    |a, b| a.network.egress.new_connections = b.network.egress.new_connections.clone(),
    |a, b| a.network.ingress.open_connections = b.network.ingress.open_connections.clone(),
    |a, b| a.network.egress.peers = b.network.egress.peers.clone(),
    |a, b| a.lsm.selinux = b.lsm.selinux.clone(),
    |a, b| a.lsm.trusted_paths = b.lsm.trusted_paths.clone(),
    |a, b| a.optional = b.optional.clone(),
    |a, b| a.monitor = b.monitor.clone(),
];
