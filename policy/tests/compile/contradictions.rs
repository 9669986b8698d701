//! Policies that no host can run as they are meant.

use crate::world::{origin, plan, root_on_v1, ruled, tree, web};
use std::collections::{BTreeMap, BTreeSet};
use stockade_policy::compile::CompileError;
use stockade_policy::defence::defend;
use stockade_policy::lattice::action::Action;
use stockade_policy::lattice::diagram::Decision;
use stockade_policy::lattice::files::Rights;
use stockade_policy::lattice::syscalls::Syscalls;
use stockade_policy::origin::Origins;
use stockade_policy::policy::{Mount, NamespaceKind, NamespaceMode, Policy, ProcView, Resource};

fn refused(change: impl FnOnce(&mut Policy)) -> String {
    let mut policy = web();
    change(&mut policy);
    let error = plan(&policy, &root_on_v1()).unwrap_err();
    assert!(error.origins().is_some_and(|origins| !origins.is_empty()), "{error}");
    error.to_string()
}

fn mount_at(at: &str, from: &str) -> Option<BTreeMap<String, Mount>> {
    let mount = Mount { from: ruled(from.to_owned(), 29), allows: ruled(BTreeSet::new(), 29) };
    Some(BTreeMap::from([(at.to_owned(), mount)]))
}

#[test]
fn messages() {
    let messages = [
        refused(|policy| {
            let denied = Decision { action: Action::Errno(1), origins: Origins::from([origin(16)]) };
            policy.syscalls = Syscalls::new(BTreeMap::new(), &denied);
        }),
        refused(|policy| policy.process.no_new_privileges = ruled(false, 6)),
        refused(|policy| policy.process.securebits = ruled(1 << 6, 15)),
        refused(|policy| {
            policy.namespaces.modes.insert(NamespaceKind::Uts, ruled(NamespaceMode::Host, 31));
        }),
        refused(|policy| {
            policy.namespaces.modes.remove(&NamespaceKind::Network);
        }),
        refused(|policy| {
            policy.process.sysctls.insert("kernel.panic".to_owned(), ruled("1".to_owned(), 11));
        }),
        refused(|policy| {
            policy.namespaces.modes.insert(NamespaceKind::Network, ruled(NamespaceMode::Host, 31));
            policy.namespaces.network_path = Some(ruled("/run/netns/a".to_owned(), 32));
        }),
        refused(|policy| policy.mounts = mount_at("/", "/host")),
        refused(|policy| policy.mounts = mount_at("/srv/../etc", "/host")),
        refused(|policy| policy.mounts = mount_at("/srv", "site")),
        refused(|policy| policy.mounts = mount_at("/tmp", "/host")),
        refused(|policy| policy.mounts = mount_at("/proc", "/proc")),
        refused(|policy| {
            policy.files.tree = tree(&[("/mnt", Rights::NONE, 21)]);
            policy.mounts = mount_at("/mnt", "/host");
        }),
        refused(|policy| policy.files.tree = tree(&[("/", Rights::NONE, 21)])),
        refused(|policy| {
            policy.files.proc = ruled(ProcView::Full, 27);
            policy.files.tree = tree(&[("/proc/sys/net", Rights::WRITE, 21)]);
        }),
        refused(|policy| {
            policy.files.tree = tree(&[("/data", Rights::NONE, 21)]);
            policy.process.workdir = Some(ruled("/data/x".to_owned(), 9));
        }),
        refused(|policy| {
            policy.files.tree = tree(&[("/usr/sbin/nginx", Rights::EXECUTE, 24), ("/opt", Rights::NONE, 25)]);
        }),
        refused(|policy| policy.files.tree = tree(&[("/broken", Rights::EXECUTE, 24)])),
        refused(|policy| {
            policy.resources.insert(Resource::CpuMillis, ruled(0, 34));
        }),
        refused(|policy| policy.disk.size = Some(ruled(2 << 30, 41))),
        refused(|policy| {
            policy.disk.files = Some(ruled(1000, 42));
            policy.capabilities = ruled(["sys_resource".parse().unwrap()].into_iter().collect(), 14);
            defend(policy).unwrap();
        }),
    ];
    insta::assert_snapshot!(messages.join("\n"));
}

#[test]
fn landlock_without_no_new_privs_takes_sys_admin() {
    let mut policy = web();
    policy.process.no_new_privileges = ruled(false, 6);
    policy.capabilities = ruled(["sys_admin".parse().unwrap()].into_iter().collect(), 14);
    assert!(plan(&policy, &root_on_v1()).unwrap().landlock.is_some());
    policy.capabilities = ruled(["sys_chroot".parse().unwrap()].into_iter().collect(), 14);
    assert!(matches!(plan(&policy, &root_on_v1()), Err(CompileError::LandlockNeedsNoNewPrivileges { .. })));
}
