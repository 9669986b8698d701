//! What holds of every built-in profile.

use crate::{hosts, world};
use std::collections::BTreeSet;
use stockade_policy::compile::{Request, compile};
use stockade_policy::host::Host;
use stockade_policy::lattice::Lattice;
use stockade_policy::lattice::action::{Action, Class};
use stockade_policy::lattice::event::Event;
use stockade_policy::policy::{NamespaceKind, NamespaceMode, Policy};
use stockade_policy::vocab::groups::{Risk, leaf_groups};
use stockade_policy::vocab::{Arch, CapSet, syscalls};

/// Those that are no descendants of `restricted`.
const OPEN: [&str; 2] = ["docker-default", "unconfined"];

fn all() -> Vec<(String, Policy)> {
    let all: Vec<_> = world::names().into_iter().map(|name| (name.clone(), world::policy(&name))).collect();
    assert_eq!(all.len(), 10);
    all
}

fn strict() -> impl Iterator<Item = (String, Policy)> {
    all().into_iter().filter(|(name, _)| !OPEN.contains(&name.as_str()))
}

#[test]
fn each_says_in_one_line_whom_it_is_for() {
    for (name, policy) in all() {
        assert_eq!(policy.name, name);
        assert!(policy.about.len() > 20 && !policy.about.contains('\n'), "{name}: {:?}", policy.about);
    }
}

/// What a host cannot enforce is a gap of the plan; a plan there must be, but on a host whose own limits
/// contradict the profile.
#[test]
fn each_compiles_on_three_hosts() {
    let hosts: [(&str, Host); 3] = [
        ("root, v1", hosts::root_on_v1()),
        ("user, v2", hosts::user_on_v2()),
        ("root, 4.19", hosts::root_on_old_kernel()),
    ];
    let mut told = Vec::new();
    for (name, policy) in all() {
        for (host_name, host) in &hosts {
            let request = Request { root: "/".to_owned(), floors: "none".to_owned() };
            let outcome = match compile(&policy, host, &request, &world::BuiltIn) {
                Ok(plan) => {
                    let gaps: BTreeSet<String> = plan.gaps.iter().map(|gap| gap.right.clone()).collect();
                    if gaps.is_empty() { "all enforced".to_owned() } else { format!("gaps {gaps:?}") }
                }
                Err(error) => format!("refused: {error}"),
            };
            told.push(format!("{name} ({host_name}): {outcome}"));
        }
    }
    insta::assert_snapshot!(told.join("\n"));
}

/// The events on which `left` is looser than `right`, but for a private `/tmp`: `unconfined` has none, as it
/// leaves the root's own alone.
fn looser(left: &Policy, right: &Policy) -> Vec<Event> {
    let events = left.looser(right).into_iter().map(|witness| witness.event);
    events.filter(|event| right.name != "unconfined" || !matches!(event, Event::Tmp(_))).collect()
}

/// The whole relation, and of it what must never change.
#[test]
fn the_order_of_strictness() {
    let all = all();
    let find = |name: &str| &all.iter().find(|(other, _)| other == name).unwrap().1;
    for (name, policy) in &all {
        assert_eq!(looser(policy, find("unconfined")), [], "{name} beside unconfined");
        assert_eq!(looser(policy, policy), [], "{name} beside itself");
    }
    let must =
        [("offline", "restricted"), ("restricted", "batch"), ("restricted", "worker"), ("offline", "worker")];
    for (stricter, than) in must {
        assert_eq!(looser(find(stricter), find(than)), [], "{stricter} beside {than}");
        assert_ne!(looser(find(than), find(stricter)), [], "{than} beside {stricter}");
    }
    let pairs = all.iter().flat_map(|left| all.iter().map(move |right| (left, right)));
    let relation: Vec<String> = pairs
        .filter(|((left, a), (right, b))| left != right && looser(a, b).is_empty())
        .map(|((left, _), (right, _))| format!("{left} ≤ {right}"))
        .collect();
    insta::assert_snapshot!(relation.join("\n"));
}

/// But for what every container has: mount and process namespaces of its own. Nor has it a private `/tmp`,
/// whose size the order counts as something granted.
#[test]
fn unconfined_is_the_top() {
    let top = Policy::unconstrained("top");
    let unconfined = world::policy("unconfined");
    assert_eq!(unconfined.looser(&top), []);
    let always =
        [NamespaceKind::Mount, NamespaceKind::Pid].map(|kind| Event::Namespace(kind, NamespaceMode::Host));
    assert_eq!(looser(&top, &unconfined), always);
}

#[test]
fn offline_opens_no_socket_but_local_ones() {
    let offline = world::policy("offline");
    for arch in Arch::ALL {
        let Some(number) = syscalls::number(arch, "socket") else { continue };
        for domain in (0..64).filter(|domain| *domain != 1) {
            for upper in [0, 1 << 32, 0xffff_ffff << 32] {
                let class =
                    offline.syscalls.decide(arch, number, &[domain | upper, 1, 0, 0, 0, 0]).action.class();
                assert_eq!(class, Class::Denied, "{domain} on {arch}");
            }
        }
    }
}

#[test]
fn critical_groups_are_closed() {
    let critical: Vec<_> = leaf_groups().iter().filter(|group| group.risk == Risk::Critical).collect();
    assert!(!critical.is_empty());
    for (name, policy) in strict() {
        for (arch, group) in
            Arch::ALL.iter().flat_map(|arch| critical.iter().map(move |group| (*arch, group)))
        {
            for call in group.on(arch) {
                let number = syscalls::number(arch, call).unwrap();
                let diagram = policy.syscalls.table(arch).diagram(number);
                let open = diagram.decisions().find(|decision| decision.action.class() != Class::Denied);
                assert_eq!(open, None, "{name}: {call} (@{}) on {arch}", group.name);
            }
        }
    }
}

#[test]
fn unknown_numbers_and_foreign_interfaces_are_closed() {
    for (name, policy) in strict() {
        for arch in [Arch::I386, Arch::X32, Arch::Arm] {
            for (first, _, diagram) in policy.syscalls.table(arch).intervals() {
                let action = diagram.constant().map(|decision| decision.action);
                assert_eq!(action, Some(Action::KillProcess), "{name}: {first} on {arch}");
            }
        }
        for arch in [Arch::X86_64, Arch::Aarch64] {
            let unknown = policy.syscalls.decide(arch, 0x0fff_ffff, &[0; 6]);
            assert_eq!(unknown.action, Action::Errno(38), "{name} on {arch}");
        }
    }
}

#[test]
fn no_capability_but_the_low_ports_of_web() {
    for (name, policy) in strict() {
        let expected: CapSet = match name.as_str() {
            "web" => ["net_bind_service".parse().unwrap()].into_iter().collect(),
            _ => CapSet::EMPTY,
        };
        assert_eq!(policy.capabilities.value, expected, "{name}");
    }
}

#[test]
fn strict_profiles_never_run_as_root_nor_gain_privileges() {
    for (name, policy) in strict() {
        let root = policy.admits(&Event::User(0));
        assert!(root.is_some_and(|verdict| !verdict.allowed), "{name} admits root");
        assert!(policy.process.no_new_privileges.value, "{name}");
    }
}
