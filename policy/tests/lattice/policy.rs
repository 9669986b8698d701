//! Whole policies: every section at once, against every event of a small world.

use crate::generate::origin;
use crate::with_origins;
use crate::world::{GRAFTS, KINDS, events, policy};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use stockade_policy::lattice::event::{Direction, Event, Flow, Quantity, SecurityModule, Switch};
use stockade_policy::lattice::intervals::IntervalSet;
use stockade_policy::lattice::{Lattice, LatticeError, Toward};
use stockade_policy::origin::{Origin, Ruled};
use stockade_policy::policy::{
    Device, Disk, Label, Mount, MountRight, NamespaceKind, NamespaceMode, Namespaces, Policy, ProcView, Rate,
    Resource, Rlimit, Section,
};
use stockade_policy::vocab::CapSet;

fn allows(policy: &Policy, event: &Event) -> bool {
    policy.admits(event).expect("every event belongs to a section").allowed
}

/// Two points that are equal in the order.
fn same(a: &Policy, b: &Policy) -> bool {
    normal(a) == normal(b) && a.le(b) && b.le(a)
}

/// Without what `==` sees and the order does not: an explicit `host` or `optional: false`, which mean the
/// same as an absent one, a flag on a section that constrains nothing, a path to join.
fn normal(policy: &Policy) -> Policy {
    let mut normal = policy.clone();
    normal.namespaces.modes = KINDS
        .into_iter()
        .map(|kind| (kind, policy.namespaces.mode(kind)))
        .filter(|(_, mode)| mode.value != NamespaceMode::Host)
        .collect();
    normal.namespaces.network_path = None;
    normal.optional.retain(|section, flag| flag.value && policy.constrains(*section));
    normal.monitor.retain(|section, flag| flag.value && policy.constrains(*section));
    normal
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
            prop_assert_eq!(witnesses.is_empty(), normal(&meet) == normal(&a));
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
    fn each_part_counts_alone(a in policy(), b in policy()) {
        for (index, graft) in GRAFTS.iter().enumerate() {
            let mut other = a.clone();
            graft(&mut other, &b);
            for (left, right) in [(&a, &other), (&other, &a)] {
                let Ok(meet) = left.meet(right) else { continue };
                prop_assert_eq!(left.le(right), normal(&meet) == normal(left), "graft {}", index);
            }
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

/// The verdicts straight from the meaning: what the laws lean on.
#[test]
fn verdicts_of_a_written_policy() {
    let mut policy = Policy::unconstrained("test");
    policy.users.uids = Ruled::at(IntervalSet::single(101), at(1));
    policy.capabilities = Ruled::at(CapSet(1 << 10), at(2));
    policy.process.no_new_privileges = Ruled::at(true, at(3));
    policy.process.securebits = Ruled::at(0b101, at(4));
    policy.process.umask = Ruled::at(0o022, at(5));
    policy.process.environment = Some(Ruled::at(BTreeSet::from(["PATH".to_owned()]), at(6)));
    policy.process.limits.insert(Rlimit::Core, Ruled::at(0, at(7)));
    policy.files.proc = Ruled::at(ProcView::Hidden, at(8));
    policy.files.tmp = Some(Ruled::at(64, at(9)));
    policy.devices = Some(Ruled::at(BTreeSet::from([Device::Shm]), at(10)));
    policy.namespaces.modes.insert(NamespaceKind::User, Ruled::at(NamespaceMode::Auto, at(11)));
    policy.resources.insert(Resource::Memory, Ruled::at(512, at(12)));
    policy.disk = Disk { size: Some(Ruled::at(20, at(13))), files: Some(Ruled::at(30, at(14))) };
    policy.network.egress.rate = Some(Ruled::at(Rate { per_second: 100, burst: 5 }, at(15)));
    policy.network.ingress.packets = Some(Ruled::at(Rate { per_second: 7, burst: 9 }, at(16)));
    policy.network.ingress.open_connections = Some(Ruled::at(3, at(17)));
    policy.lsm.apparmor = Some(Ruled::at(Label::Name("web".to_owned()), at(18)));
    policy.filter.log_denied = Ruled::at(true, at(20));
    policy.optional.insert(Section::Lsm, Ruled::at(true, at(19)));

    let amount = |quantity, edge: u64| {
        [(Event::Amount(quantity, Some(edge)), true), (Event::Amount(quantity, Some(edge + 1)), false)]
    };
    let bits =
        (Quantity::Rate(Direction::Egress, Flow::Bits), Quantity::Burst(Direction::Egress, Flow::Bits));
    let packets = (
        Quantity::Rate(Direction::Ingress, Flow::Packets),
        Quantity::Burst(Direction::Ingress, Flow::Packets),
    );
    let label = |name: &str| Event::Label(SecurityModule::Apparmor, Some(Label::Name(name.to_owned())));
    let mut expected = vec![
        (Event::User(101), true),
        (Event::User(0), false),
        (Event::Capability(10), true),
        (Event::Capability(21), false),
        (Event::Capability(63), false),
        (Event::Without(Switch::NoNewPrivileges), false),
        (Event::Without(Switch::WriteXorExecute), true),
        (Event::Without(Switch::LogDenied), false),
        (Event::Without(Switch::MitigatedSpeculation), true),
        (Event::SecurebitClear(0), false),
        (Event::SecurebitClear(1), true),
        (Event::FileModeBit(1), false),
        (Event::FileModeBit(0), true),
        (Event::Environment(Some("PATH".to_owned())), true),
        (Event::Environment(Some("LD_PRELOAD".to_owned())), false),
        (Event::Environment(None), false),
        (Event::Proc(ProcView::Hidden), true),
        (Event::Proc(ProcView::Full), false),
        (Event::Tmp(64), true),
        (Event::Tmp(65), false),
        (Event::Device(Device::Shm), true),
        (Event::Device(Device::Pts), false),
        (Event::HostDevices, false),
        (Event::Namespace(NamespaceKind::User, NamespaceMode::Auto), true),
        (Event::Namespace(NamespaceKind::User, NamespaceMode::Host), false),
        (Event::Namespace(NamespaceKind::Pid, NamespaceMode::Host), true),
        (Event::Amount(Quantity::Resource(Resource::Swap), None), true),
        (Event::Amount(Quantity::Resource(Resource::Memory), None), false),
        (label("web"), true),
        (label("db"), false),
        (Event::Label(SecurityModule::Apparmor, None), false),
        (Event::Label(SecurityModule::Selinux, None), true),
        (Event::Unenforceable(Section::Lsm), true),
        (Event::Unenforceable(Section::Disk), false),
        (Event::Unenforceable(Section::Mounts), true),
        (Event::Monitored(Section::Lsm), false),
        (Event::AnyMount, true),
    ];
    expected.extend(amount(Quantity::Rlimit(Rlimit::Core), 0));
    expected.extend(amount(Quantity::Resource(Resource::Memory), 512));
    expected.extend(amount(Quantity::DiskSize, 20).into_iter().chain(amount(Quantity::DiskFiles, 30)));
    expected.extend(amount(bits.0, 100).into_iter().chain(amount(bits.1, 5)));
    expected.extend(amount(packets.0, 7).into_iter().chain(amount(packets.1, 9)));
    expected.extend(amount(Quantity::OpenConnections(Direction::Ingress), 3));
    for (event, allowed) in expected {
        assert_eq!(allows(&policy, &event), allowed, "{event}");
    }
}
