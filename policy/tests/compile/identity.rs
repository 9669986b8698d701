//! Users, id maps, namespaces and capabilities.

use crate::world::{gaps, plan, root_on_v1, ruled, user_on_v2, web};
use stockade_policy::host::{Availability, Host};
use stockade_policy::lattice::intervals::IntervalSet;
use stockade_policy::plan::IdMap;
use stockade_policy::policy::{NamespaceKind, NamespaceMode, Policy};
use stockade_policy::vocab::{Cap, CapSet};

const USER: NamespaceKind = NamespaceKind::User;

fn one(inside: u32, outside: u32) -> IdMap {
    IdMap { inside, outside, count: 1 }
}

fn with_mode(mode: NamespaceMode) -> Policy {
    let mut policy = web();
    policy.namespaces.modes.insert(USER, ruled(mode, 31));
    policy
}

fn keeping(mut policy: Policy, names: &[&str]) -> Policy {
    policy.capabilities = ruled(names.iter().map(|name| name.parse::<Cap>().unwrap()).collect(), 14);
    policy
}

#[test]
fn auto_is_private_where_nothing_is_lost() {
    let host = root_on_v1();
    assert_eq!(plan(&web(), &host).unwrap().identity.user_namespace, None);
    let plan = plan(&keeping(web(), &[]), &host).unwrap();
    let maps = plan.identity.user_namespace.unwrap();
    assert_eq!((maps.uids, maps.deny_setgroups), (vec![one(101, 101)], false));
    assert_eq!(maps.gids, [one(44, 44), one(101, 101)]);
    assert!(plan.namespaces.private.contains(&USER));
}

#[test]
fn auto_does_without_where_it_can() {
    let why = || Availability::No { why: "off".to_owned(), remedy: "turn it on".to_owned() };
    let host = Host { user_namespaces: why(), ..root_on_v1() };
    let as_root = plan(&keeping(web(), &[]), &host).unwrap();
    assert_eq!(as_root.identity.user_namespace, None);
    assert!(!gaps(&as_root).contains(&"namespaces: user"));
    let private = plan(&with_mode(NamespaceMode::Private), &host).unwrap();
    assert!(gaps(&private).contains(&"namespaces: user"));
    let as_user = plan(&web(), &Host { user_namespaces: why(), ..user_on_v2() }).unwrap();
    assert!(gaps(&as_user).contains(&"namespaces: user"));
}

#[test]
fn without_privilege_one_id_is_mapped_and_groups_are_a_gap() {
    let plan = plan(&web(), &user_on_v2()).unwrap();
    let maps = plan.identity.user_namespace.as_ref().unwrap();
    assert_eq!((&maps.uids, &maps.gids), (&vec![one(101, 1000)], &vec![one(101, 1000)]));
    assert!(maps.deny_setgroups && plan.identity.groups.is_empty());
    assert!(gaps(&plan).contains(&"process: groups 44"));
}

#[test]
fn host_without_privilege_is_a_gap() {
    let plan = plan(&with_mode(NamespaceMode::Host), &user_on_v2()).unwrap();
    assert!(gaps(&plan).contains(&"namespaces: user"));
}

#[test]
fn whoever_may_change_ids_gets_all_of_them() {
    let policy = keeping(with_mode(NamespaceMode::Private), &["setuid"]);
    let maps = plan(&policy, &root_on_v1()).unwrap().identity.user_namespace.unwrap();
    assert_eq!(maps.uids, [IdMap { inside: 0, outside: 0, count: u32::MAX }]);
    assert_eq!(maps.gids, [one(44, 44), one(101, 101)]);
}

#[test]
fn the_caller_runs_where_several_are_admitted() {
    let mut policy = web();
    policy.users.uids = ruled(IntervalSet::range(1, u32::MAX), 4);
    assert_eq!(plan(&policy, &user_on_v2()).unwrap().identity.uid, 1000);
    let error = plan(&policy, &root_on_v1()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the profile admits user 1 to 4294967295, which is not one user, and not the caller's own 0; name the \
         one it runs as (web.yaml:4:3)"
    );
}

#[test]
fn ambient_for_users_and_bounding_for_root() {
    let kept: CapSet = ["net_bind_service".parse::<Cap>().unwrap()].into_iter().collect();
    let user = plan(&web(), &root_on_v1()).unwrap().capabilities;
    assert_eq!([user.bounding, user.permitted, user.effective, user.inheritable, user.ambient], [kept; 5]);
    let mut policy = web();
    policy.users.uids = ruled(IntervalSet::single(0), 4);
    let root = plan(&policy, &root_on_v1()).unwrap().capabilities;
    assert_eq!([root.bounding, root.permitted, root.effective], [kept; 3]);
    assert_eq!([root.inheritable, root.ambient], [CapSet::EMPTY; 2]);
    // SECBIT_NOROOT: user 0 is a user like any other.
    policy.process.securebits = ruled(1, 15);
    assert_eq!(plan(&policy, &root_on_v1()).unwrap().capabilities.ambient, kept);
}

#[test]
fn a_capability_that_the_caller_lacks_is_a_gap() {
    let mut host = root_on_v1();
    host.caller.capabilities = host.caller.capabilities.minus([Cap::SYS_RESOURCE].into_iter().collect());
    let policy = keeping(web(), &["sys_resource", "kill"]);
    let plan_on_host = plan(&policy, &host).unwrap();
    assert_eq!(gaps(&plan_on_host)[0], "capabilities: sys_resource");
    assert_eq!(plan_on_host.capabilities.bounding, ["kill".parse().unwrap()].into_iter().collect());
    // Inside a user namespace of its own everything can be had.
    let private = keeping(with_mode(NamespaceMode::Private), &["sys_resource"]);
    assert!(plan(&private, &host).unwrap().capabilities.effective.contains(Cap::SYS_RESOURCE));
    // All of them is no wish.
    let everything = plan(&Policy::unconstrained("all"), &host).unwrap();
    assert_eq!(everything.capabilities.bounding, host.caller.capabilities);
    assert!(everything.gaps.is_empty());
}

#[test]
fn a_joined_network_is_not_made_anew() {
    let mut policy = web();
    policy.namespaces.modes.remove(&NamespaceKind::Network);
    policy.namespaces.network_path = Some(ruled("/run/netns/a".to_owned(), 31));
    policy.process.sysctls.clear();
    let plan_as_root = plan(&policy, &root_on_v1()).unwrap();
    assert_eq!(plan_as_root.namespaces.network_path.as_deref(), Some("/run/netns/a"));
    assert!(!plan_as_root.namespaces.private.contains(&NamespaceKind::Network));
    assert!(gaps(&plan(&policy, &user_on_v2()).unwrap()).contains(&"namespaces: network"));
}
