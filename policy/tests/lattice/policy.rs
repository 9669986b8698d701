//! Whole policies: every section at once, against every event of a small world.

use crate::generate::{
    NUMBERS, PATHS, addresses, intervals, limit, limits, origin, ruled, syscalls, tree, words,
};
use crate::with_origins;
use proptest::collection::{btree_map, btree_set};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use stockade_policy::lattice::action::Action;
use stockade_policy::lattice::event::{Direction, Event, Flow, Quantity, SecurityModule, Switch};
use stockade_policy::lattice::files::Rights;
use stockade_policy::lattice::intervals::IntervalSet;
use stockade_policy::lattice::network::Protocol;
use stockade_policy::lattice::{Lattice, LatticeError, Toward};
use stockade_policy::origin::{Origin, Ruled};
use stockade_policy::policy::{
    Device, Disk, Files, Label, Lsm, Mount, MountRight, NamespaceKind, NamespaceMode, Namespaces, Network,
    Policy, ProcView, Process, Rate, Resource, Rlimit, Section, Traffic, Users,
};
use stockade_policy::vocab::{Arch, CapSet};

const KINDS: [NamespaceKind; 3] = [NamespaceKind::User, NamespaceKind::Pid, NamespaceKind::Network];
const MODES: [NamespaceMode; 3] = [NamespaceMode::Private, NamespaceMode::Auto, NamespaceMode::Host];
const RIGHTS: [MountRight; 3] = [MountRight::Write, MountRight::Exec, MountRight::Suid];
const VIEWS: [ProcView; 4] = [ProcView::None, ProcView::Minimal, ProcView::Hidden, ProcView::Full];
const FLAGGED: [Section; 3] = [Section::Network, Section::Lsm, Section::Resources];
const PLACES: [&str; 2] = ["/srv", "/data"];
const SOURCES: [&str; 2] = ["/host/a", "/host/b"];
const FLOWS: [Flow; 4] = [Flow::Bits, Flow::Packets, Flow::NewConnections, Flow::NewConnectionsOfSource];

fn labels() -> Vec<Label> {
    vec![Label::Generate, Label::Name("a".to_owned()), Label::Unconfined]
}

fn devices() -> Vec<Device> {
    vec![Device::Node("null".to_owned()), Device::Node("kvm".to_owned()), Device::Pts]
}

fn process() -> impl Strategy<Value = Process> {
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

fn files() -> impl Strategy<Value = Files> {
    (tree(), limit(), ruled(select(VIEWS.to_vec()))).prop_map(|(tree, tmp, proc)| Files { tree, tmp, proc })
}

fn mounts() -> impl Strategy<Value = Option<BTreeMap<String, Mount>>> {
    let mount = (ruled(select(SOURCES.to_vec())), ruled(btree_set(select(RIGHTS.to_vec()), 0..3))).prop_map(
        |(from, allows)| Mount {
            from: Ruled { value: from.value.to_owned(), origins: from.origins },
            allows,
        },
    );
    option::of(btree_map(select(PLACES.to_vec()).prop_map(str::to_owned), mount, 0..3))
}

fn namespaces() -> impl Strategy<Value = Namespaces> {
    let modes = btree_map(select(KINDS.to_vec()), ruled(select(MODES.to_vec())), 0..3);
    let path = option::weighted(0.2, ruled(Just("/run/netns/a".to_owned())));
    (modes, path).prop_map(|(modes, network_path)| Namespaces { modes, network_path })
}

fn traffic() -> impl Strategy<Value = Traffic> {
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

fn lsm() -> impl Strategy<Value = Lsm> {
    let label = || option::of(ruled(select(labels())));
    (label(), label(), ruled(any::<bool>())).prop_map(|(apparmor, selinux, trusted_paths)| Lsm {
        apparmor,
        selinux,
        trusted_paths,
    })
}

fn flags() -> impl Strategy<Value = BTreeMap<Section, Ruled<bool>>> {
    btree_map(select(FLAGGED.to_vec()), ruled(any::<bool>()), 0..3)
}

fn policy() -> impl Strategy<Value = Policy> {
    let users = intervals(0..4u32).prop_filter("someone must run", |uids| !uids.is_empty());
    let caps = select(vec![0, 1 << 21, 1 << 12 | 1 << 21, u64::MAX, 1 << 62]).prop_map(CapSet);
    let held = (ruled(users), process(), ruled(caps), syscalls(), files(), mounts());
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
            let (uids, process, capabilities, syscalls, files, mounts) = held;
            let (devices, namespaces, resources, size, inodes) = used;
            Policy {
                name: "test".to_owned(),
                about: String::new(),
                users: Users { uids, gid: None, groups: Vec::new() },
                process,
                capabilities,
                syscalls,
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
fn events() -> Vec<Event> {
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
    let switches = [Switch::NoNewPrivileges, Switch::WriteXorExecute, Switch::TrustedPaths];
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

fn allows(policy: &Policy, event: &Event) -> bool {
    policy.admits(event).expect("every event belongs to a section").allowed
}

/// Two points that are equal in the order. `==` also tells an explicit `host` or `optional: false` from
/// an absent one, which mean the same.
fn same(a: &Policy, b: &Policy) -> bool {
    a.le(b) && b.le(a)
}

/// Everything about the point with its origins; the path of a joined namespace is plan data, the first
/// side's, and its origin has gone into the mode.
fn in_order(policy: &Policy) -> String {
    let namespaces = Namespaces { network_path: None, ..policy.namespaces.clone() };
    with_origins(&Policy { namespaces, ..policy.clone() })
}

fn combine(a: &Policy, b: &Policy, toward: Toward) -> Result<Policy, TestCaseError> {
    a.combine(b, toward).map_err(|error| TestCaseError::reject(error.to_string()))
}

/// Flags follow the section that they stand on: what one side says of a section that the other leaves out.
fn is_flag(event: &Event) -> bool {
    matches!(event, Event::Unenforceable(_) | Event::Monitored(_))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, max_global_rejects: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn a_meet_allows_what_both_allow(a in policy(), b in policy()) {
        let meet = combine(&a, &b, Toward::Strict)?;
        for event in events() {
            prop_assert_eq!(allows(&meet, &event), allows(&a, &event) && allows(&b, &event), "{}", event);
        }
    }

    #[test]
    fn a_join_allows_what_either_allows(a in policy(), b in policy()) {
        let join = combine(&a, &b, Toward::Loose)?;
        prop_assert!(a.le(&join) && b.le(&join));
        for event in events() {
            let either = allows(&a, &event) || allows(&b, &event);
            let coarse = match &event {
                // Between two labels the join knows none but `unconfined`.
                Event::Label(..) => true,
                // A flag goes where its constraint goes.
                event => is_flag(event),
            };
            prop_assert!(allows(&join, &event) || !either, "{}", event);
            prop_assert!(either || coarse || !allows(&join, &event), "{}", event);
        }
    }

    #[test]
    fn inclusion_is_the_absence_of_witnesses(a in policy(), b in policy(), related in any::<bool>()) {
        // Two random policies are hardly ever comparable; a meet with one of its sides always is.
        let a = if related { combine(&a, &b, Toward::Strict)? } else { a };
        let witnesses = a.looser(&b);
        if let Ok(meet) = a.meet(&b) {
            prop_assert_eq!(witnesses.is_empty(), a.le(&meet));
        }
        if witnesses.is_empty() {
            for event in events() {
                prop_assert!(!allows(&a, &event) || allows(&b, &event), "{}", event);
            }
        }
        for witness in witnesses {
            let (x, y) = (a.admits(&witness.event).unwrap(), b.admits(&witness.event).unwrap());
            prop_assert!(x.allowed && !y.allowed, "{}", witness.event);
            prop_assert_eq!((x.origins, y.origins), (witness.allowed_by, witness.denied_by));
        }
    }

    #[test]
    fn an_event_apart_is_a_witness_found(a in policy(), b in policy()) {
        let apart = events().into_iter().find(|event| allows(&a, event) && !allows(&b, event));
        if let Some(event) = apart {
            prop_assert!(!a.le(&b), "{}", event);
        }
    }

    #[test]
    fn semilattice_laws_with_origins(a in policy(), b in policy(), c in policy(), strict in any::<bool>()) {
        let toward = if strict { Toward::Strict } else { Toward::Loose };
        let aa = combine(&a, &a, toward)?;
        prop_assert!(same(&aa, &a));
        let ab = combine(&a, &b, toward)?;
        prop_assert_eq!(in_order(&ab), in_order(&combine(&b, &a, toward)?));
        let left = combine(&ab, &c, toward)?;
        let right = combine(&a, &combine(&b, &c, toward)?, toward)?;
        prop_assert_eq!(in_order(&left), in_order(&right));
        let again = combine(&left, &left, toward)?;
        prop_assert_eq!(in_order(&again), in_order(&left));
    }

    #[test]
    fn absorption(a in policy(), b in policy()) {
        if let Ok(join) = a.join(&b) {
            prop_assert!(same(&combine(&a, &join, Toward::Strict)?, &a));
        }
        if let Ok(meet) = a.meet(&b) {
            prop_assert!(same(&combine(&a, &meet, Toward::Loose)?, &a));
        }
    }

    #[test]
    fn the_top_is_neutral(a in policy()) {
        let top = Policy::unconstrained("test");
        prop_assert!(a.le(&top));
        prop_assert!(same(&a.meet(&top).unwrap(), &a));
        prop_assert!(same(&top.meet(&a).unwrap(), &a));
        prop_assert!(same(&a.join(&top).unwrap(), &top));
    }

    #[test]
    fn what_is_written_and_denied_has_an_address(a in policy(), b in policy(), strict in any::<bool>()) {
        let made = combine(&a, &b, if strict { Toward::Strict } else { Toward::Loose })?;
        for event in events() {
            let verdict = made.admits(&event).unwrap();
            let unwritten = match &event {
                // What is not there was written by nobody.
                Event::Tmp(_) => made.files.tmp.is_none(),
                Event::Mount { at, .. } => !made.mounts.as_ref().unwrap_or(&BTreeMap::new()).contains_key(at),
                Event::AnyMount => true,
                event => is_flag(event),
            };
            prop_assert!(verdict.allowed || unwritten || !verdict.origins.is_empty(), "{}", event);
        }
    }

    #[test]
    fn a_meet_that_does_not_exist_says_which_lines(a in policy(), b in policy()) {
        match a.meet(&b) {
            Ok(_) | Err(LatticeError::TooLarge { .. }) => {}
            Err(LatticeError::Empty { what: "users", left, right }) => {
                let anyone = (0..6).any(|uid| allows(&a, &Event::User(uid)) && allows(&b, &Event::User(uid)));
                prop_assert!(!anyone);
                prop_assert!(left.contains(".yaml:") && right.contains(".yaml:"));
            }
            Err(LatticeError::Empty { left, right, .. }) => {
                prop_assert_ne!(&left, &right);
                prop_assert!(left.contains(".yaml:") && right.contains(".yaml:"));
            }
            Err(LatticeError::Clash { .. }) => prop_assert!(false, "a meet has no clash"),
        }
    }

    #[test]
    fn events_have_a_text_of_their_own(origin in origin()) {
        let texts: BTreeSet<String> = events().iter().map(ToString::to_string).collect();
        prop_assert_eq!(texts.len(), events().into_iter().collect::<BTreeSet<_>>().len());
        prop_assert!(!origin.file.is_empty());
    }
}

fn at(line: u32) -> Origin {
    Origin { file: "floor.yaml".into(), line, column: 1 }
}

#[test]
fn a_floor_that_leaves_a_section_out_does_not_make_it_required() {
    let top = Policy::unconstrained("floor");
    let mut profile = Policy::unconstrained("web");
    profile.lsm.apparmor = Some(Ruled::at(Label::Generate, at(1)));
    profile.optional.insert(Section::Lsm, Ruled::at(true, at(2)));
    assert!(profile.meet(&top).unwrap().is_optional(Section::Lsm));

    let mut floor = top.clone();
    floor.lsm.apparmor = Some(Ruled::at(Label::Generate, at(3)));
    assert!(!profile.meet(&floor).unwrap().is_optional(Section::Lsm));
    assert!(!profile.le(&floor), "it may run without a label that the floor requires");
    floor.optional.insert(Section::Lsm, Ruled::at(true, at(4)));
    assert!(profile.meet(&floor).unwrap().is_optional(Section::Lsm));
    assert!(!top.constrains(Section::Lsm) && floor.constrains(Section::Lsm));
}

#[test]
fn users_without_a_common_one_are_an_error_with_both_lines() {
    let with = |uids, line| {
        let mut policy = Policy::unconstrained("test");
        policy.users.uids = Ruled::at(uids, at(line));
        policy
    };
    let (web, not_root) = (with(IntervalSet::single(0), 3), with(IntervalSet::single(0).complement(), 7));
    let error = web.meet(&not_root).unwrap_err();
    assert_eq!(
        error.to_string(),
        "nothing satisfies both users: 0 (floor.yaml:3:1) and 1-4294967295 (floor.yaml:7:1)"
    );
}

#[test]
fn groups_go_with_the_user_they_were_written_for() {
    let mut floor = Policy::unconstrained("floor");
    floor.users.gid = Some(Ruled::at(0, at(1)));
    floor.users.groups = vec![Ruled::at(27, at(1))];
    let mut web = Policy::unconstrained("web");
    web.users.uids = Ruled::at(IntervalSet::single(101), at(2));
    for met in [web.meet(&floor).unwrap(), floor.meet(&web).unwrap()] {
        assert_eq!(met.users.uids.value.value(), Some(101));
        assert!(met.users.gid.is_none() && met.users.groups.is_empty());
    }
}

#[test]
fn two_mounts_at_one_place_have_no_join() {
    let with = |from: &str, line| {
        let mount = Mount {
            from: Ruled::at(from.to_owned(), at(line)),
            allows: Ruled::at(BTreeSet::from([MountRight::Write]), at(line)),
        };
        let mut policy = Policy::unconstrained("test");
        policy.mounts = Some(BTreeMap::from([("/srv".to_owned(), mount)]));
        policy
    };
    let error = with("/a", 1).join(&with("/b", 2)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "no profile can hold both mounts: /a at /srv (floor.yaml:1:1) and /b at /srv (floor.yaml:2:1)"
    );
    let met = with("/a", 1).meet(&with("/b", 2)).unwrap();
    assert_eq!(met.mounts, Some(BTreeMap::new()), "what both mount is nothing");
}

#[test]
fn a_joined_network_counts_as_private() {
    let mut joined = Policy::unconstrained("test");
    joined.namespaces.network_path = Some(Ruled::at("/run/netns/a".to_owned(), at(1)));
    let mut private = Policy::unconstrained("test");
    private.namespaces.modes.insert(NamespaceKind::Network, Ruled::at(NamespaceMode::Private, at(2)));
    assert!(joined.le(&private) && private.le(&joined));
    assert!(joined.meet(&private).unwrap().namespaces.network_path.is_some());
    let host = joined.join(&Policy::unconstrained("test")).unwrap();
    assert!(host.namespaces.network_path.is_none(), "nothing to join once it may be the host's");
}
