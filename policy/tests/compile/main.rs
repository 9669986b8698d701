//! Policies compiled for hosts.
#![expect(clippy::unwrap_used, reason = "a test that cannot build its input has failed")]

mod contradictions;
mod explain;
mod files;
mod filter;
mod identity;
mod resources;
mod world;

use std::collections::BTreeMap;
use stockade_policy::defence::defend;
use stockade_policy::host::{Availability, Host};
use stockade_policy::lattice::action::Action;
use stockade_policy::lattice::diagram::Decision;
use stockade_policy::lattice::syscalls::Syscalls;
use stockade_policy::origin::Origins;
use stockade_policy::plan::Plan;
use stockade_policy::policy::{Disk, Label, NamespaceKind, NamespaceMode, Policy, Rate, Section};
use stockade_policy::seccomp::bpf;
use world::{gaps, origin, plan, root_on_old_kernel, root_on_v1, ruled, user_on_v2, web};

/// The plan as JSON, its filter as text.
fn render(plan: &Plan) -> String {
    let mut json = serde_json::to_value(plan).unwrap();
    if let Some(seccomp) = &plan.seccomp {
        json["seccomp"]["program"] = bpf::text(&seccomp.program).lines().collect();
    }
    serde_json::to_string_pretty(&json).unwrap()
}

#[test]
fn web_as_root_on_v1() {
    insta::assert_snapshot!(render(&plan(&web(), &root_on_v1()).unwrap()));
}

#[test]
fn web_without_privilege_on_v2() {
    insta::assert_snapshot!(render(&plan(&web(), &user_on_v2()).unwrap()));
}

#[test]
fn web_on_an_old_kernel() {
    insta::assert_snapshot!(render(&plan(&web(), &root_on_old_kernel()).unwrap()));
}

#[test]
fn unconstrained_asks_for_nothing() {
    let plan = plan(&Policy::unconstrained("unconfined"), &root_on_v1()).unwrap();
    assert_eq!(gaps(&plan), [""; 0]);
    assert!(plan.landlock.is_none() && plan.seccomp.is_none() && plan.cgroup.is_none());
    assert!(plan.identity.user_namespace.is_none() && !plan.mounts.read_only && plan.mounts.tmp.is_none());
    // The view of /proc masks what leaks from the host all the same.
    assert!(plan.mounts.entries.iter().all(|entry| entry.at.starts_with("/proc/")));
}

#[test]
fn a_plan_survives_its_json() {
    for host in [root_on_v1(), user_on_v2(), root_on_old_kernel()] {
        let plan = plan(&web(), &host).unwrap();
        let json = serde_json::to_string(&plan).unwrap();
        assert_eq!(serde_json::from_str::<Plan>(&json).unwrap(), plan);
        assert_eq!(serde_json::to_string(&world::plan(&web(), &host).unwrap()).unwrap(), json);
    }
}

#[test]
fn every_gap_says_who_asked_and_what_helps() {
    for host in [root_on_v1(), user_on_v2(), root_on_old_kernel()] {
        for gap in plan(&web(), &host).unwrap().gaps {
            assert!(!gap.why.is_empty() && !gap.remedy.is_empty() && !gap.optional, "{gap:?}");
            // What comes through no interface of the family is killed on nobody's word.
            assert!(!gap.origins.is_empty() || gap.right == "seccomp: kill_process", "{gap:?}");
        }
    }
}

#[test]
fn an_optional_section_leaves_optional_gaps() {
    let mut policy = web();
    policy.optional = BTreeMap::from([(Section::Resources, ruled(true, 40))]);
    let plan = plan(&policy, &root_on_old_kernel()).unwrap();
    for gap in &plan.gaps {
        assert_eq!(gap.optional, gap.section == Section::Resources, "{gap:?}");
    }
}

#[test]
fn sections_without_a_layer_are_gaps() {
    let mut policy = web();
    policy.disk = Disk { size: Some(ruled(2 << 30, 41)), files: None };
    defend(&mut policy).unwrap();
    policy.network.egress.rate = Some(ruled(Rate { per_second: 1000, burst: u64::MAX }, 42));
    policy.network.ingress.open_connections = Some(ruled(2000, 43));
    policy.lsm.apparmor = Some(ruled(Label::Generate, 44));
    policy.lsm.selinux = Some(ruled(Label::Unconfined, 45));
    policy.optional = BTreeMap::from([(Section::Lsm, ruled(true, 46))]);
    let before = plan(&web(), &root_on_v1()).unwrap();
    let plan = plan(&policy, &root_on_v1()).unwrap();
    assert!(plan.disk.is_some() && plan.traffic.is_some() && plan.lsm.is_some());
    assert!(before.disk.is_none() && before.traffic.is_none() && before.lsm.is_none());
    assert_eq!(
        gaps(&plan)[before.gaps.len()..],
        ["disk: size", "network: egress rate", "network: ingress open_connections", "lsm: apparmor"]
    );
    assert!(plan.gaps.last().unwrap().optional);
}

#[test]
fn a_host_without_seccomp_is_a_gap() {
    let host = Host { seccomp: None, ..root_on_v1() };
    let plan = plan(&web(), &host).unwrap();
    assert!(plan.seccomp.is_none());
    assert!(gaps(&plan).contains(&"seccomp: filter"));
}

/// A disk limit that may not be missing stops a launch without a filter, also where the filter may be.
#[test]
fn a_disk_limit_is_missing_where_what_defends_it_is() {
    let mut policy = web();
    policy.disk = Disk { size: None, files: Some(ruled(1000, 41)) };
    policy.optional =
        [Section::Syscalls, Section::Namespaces].map(|section| (section, ruled(true, 42))).into();
    defend(&mut policy).unwrap();
    let of_disk = |policy: &Policy, host: &Host| {
        let plan = plan(policy, host).unwrap();
        let found = plan.gaps.iter().filter(|gap| gap.section == Section::Disk);
        let found: Vec<_> = found.map(|gap| (gap.right.clone(), gap.optional, gap.origins.clone())).collect();
        found
    };
    let at = || Origins::from([origin(41)]);
    let files = ("disk: files".to_owned(), false, at());
    assert_eq!(of_disk(&policy, &root_on_v1()), std::slice::from_ref(&files));
    let without = Host { seccomp: None, ..root_on_v1() };
    let defence = ("disk: defence".to_owned(), false, at());
    assert_eq!(of_disk(&policy, &without), [files.clone(), defence]);

    policy.capabilities = ruled(["sys_resource".parse().unwrap()].into_iter().collect(), 14);
    policy.namespaces.modes.insert(NamespaceKind::User, ruled(NamespaceMode::Private, 31));
    assert_eq!(of_disk(&policy, &root_on_v1()), std::slice::from_ref(&files));
    let why = Availability::No { why: "there are none".to_owned(), remedy: "allow some".to_owned() };
    let without = Host { user_namespaces: why, ..root_on_v1() };
    let above = ("disk: sys_resource".to_owned(), false, at());
    assert_eq!(of_disk(&policy, &without), [files, above]);
}

#[test]
fn an_action_that_the_kernel_lacks_is_a_gap() {
    let mut host = root_on_v1();
    let seccomp = host.seccomp.as_mut().unwrap();
    seccomp.actions.remove("kill_process");
    seccomp.actions.remove("log");
    seccomp.flags = 0;
    let without = plan(&web(), &host).unwrap();
    assert!(gaps(&without).contains(&"seccomp: kill_process") && !gaps(&without).contains(&"seccomp: log"));
    assert_eq!(without.seccomp.unwrap().flags, 0);
    let mut policy = web();
    let log = Decision { action: Action::Log, origins: Origins::from([origin(50)]) };
    policy.syscalls = Syscalls::new(BTreeMap::new(), &log);
    assert!(gaps(&plan(&policy, &host).unwrap()).contains(&"seccomp: log"));
}

#[test]
fn a_raw_filter_is_eight_bytes_an_instruction() {
    let filtered = plan(&web(), &root_on_v1()).unwrap();
    let bytes = stockade_policy::export::seccomp_bpf(&filtered);
    assert_eq!(bytes.len(), 8 * filtered.seccomp.unwrap().program.len());
    // BPF_LD | BPF_W | BPF_ABS of seccomp_data.arch.
    assert_eq!(bytes[..8], [0x20, 0, 0, 0, 4, 0, 0, 0]);
    let unconstrained = plan(&Policy::unconstrained("all"), &root_on_v1()).unwrap();
    assert_eq!(stockade_policy::export::seccomp_bpf(&unconstrained), [6, 0, 0, 0, 0, 0, 0xff, 0x7f]);
}
