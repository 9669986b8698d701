//! The tree against a model of what Landlock rules and mounts do together.

use crate::world::{gaps, plan, root_on_old_kernel, root_on_v1, ruled, tree, web};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use stockade_policy::lattice::Lattice;
use stockade_policy::lattice::files::{FileTree, Rights};
use stockade_policy::plan::{MountEntry, MountKind, Plan};
use stockade_policy::policy::{Device, Mount, MountRight, Policy, ProcView};

fn is_within(path: &str, ancestor: &str) -> bool {
    std::path::Path::new(path).starts_with(ancestor)
}

/// What a process may do at `path`, by the plan alone: Landlock adds up all rules above, the last mount above
/// decides the rest.
pub(crate) fn effective(plan: &Plan, path: &str) -> Rights {
    let by_rules = plan.landlock.as_ref().map_or(u64::MAX, |landlock| {
        let above = landlock.rules.iter().filter(|rule| is_within(path, &rule.path));
        above.fold(0, |access, rule| access | rule.access)
    });
    let (visible, write, exec) = mounted(plan, path);
    if !visible {
        return Rights::NONE;
    }
    let can = |bit: u64| by_rules & bit != 0;
    [
        (Rights::VISIBLE, true),
        (Rights::READ, can(1 << 2)),
        (Rights::WRITE, can(1 << 1) && write),
        (Rights::EXECUTE, can(1 << 0) && exec),
    ]
    .into_iter()
    .filter(|(_, holds)| *holds)
    .fold(Rights::NONE, |rights, (right, _)| rights.union(right))
}

/// Whether the mount nearest above `path` shows it, lets it be written, lets it be executed: of two at one
/// path the later one, and the special file systems come before the entries.
fn mounted(plan: &Plan, path: &str) -> (bool, bool, bool) {
    let special = [
        ("/proc", plan.mounts.proc != ProcView::None),
        ("/dev", plan.mounts.devices.is_some()),
        ("/tmp", plan.mounts.tmp.is_some()),
    ];
    let special =
        special.into_iter().filter(|(_, is_there)| *is_there).map(|(at, _)| (at, (true, true, false)));
    let entries = plan.mounts.entries.iter().map(|entry| {
        let allows = match &entry.what {
            MountKind::Hide => (false, false, false),
            MountKind::Writable { exec } => (true, true, *exec),
            MountKind::ReadOnly { exec } => (true, false, *exec),
            MountKind::Bind { write, exec, .. } => (true, *write, *exec),
        };
        (entry.at.as_str(), allows)
    });
    let above = special.chain(entries).filter(|(at, _)| is_within(path, at));
    above.max_by_key(|(at, _)| at.len()).map_or((true, !plan.mounts.read_only, true), |(_, allows)| allows)
}

/// Nothing but the tree.
fn only_files(tree: FileTree) -> Policy {
    let mut policy = web();
    policy.files.tree = tree;
    policy.files.tmp = None;
    policy.files.proc = ruled(ProcView::Minimal, 27);
    policy.process.workdir = None;
    policy.devices = None;
    policy.mounts = None;
    policy
}

fn statements() -> impl Strategy<Value = Vec<(String, Rights)>> {
    let path = prop::collection::vec(prop::sample::select(vec!["a", "b", "a-b"]), 0..4)
        .prop_map(|parts| format!("/{}", parts.join("/")));
    let rights = prop::sample::select(vec![Rights::NONE, Rights::READ, Rights::WRITE, Rights::EXECUTE]);
    let rights = prop_oneof![5 => rights, 1 => Just(Rights::WRITE.union(Rights::EXECUTE))];
    prop::collection::vec((path, rights), 0..7)
}

pub(crate) fn trees() -> impl Strategy<Value = FileTree> {
    statements().prop_map(|statements| {
        let statements: Vec<(&str, Rights, u32)> =
            statements.iter().map(|(path, rights)| (path.as_str(), *rights, 21)).collect();
        tree(&statements)
    })
}

pub(crate) fn probes() -> Vec<String> {
    let mut paths = vec![String::new()];
    for depth in 0..4 {
        for index in 0..paths.len() {
            let path = paths[index].clone();
            if path.matches('/').count() == depth {
                paths.extend(["a", "b", "a-b"].map(|part| format!("{path}/{part}")));
            }
        }
    }
    paths[0] = "/".to_owned();
    paths
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rules_and_mounts_are_the_tree(a in trees(), b in trees(), meet in any::<bool>()) {
        let tree = if meet { a.meet(&b).unwrap() } else { a.join(&b).unwrap() };
        // One that hides the root itself is refused.
        prop_assume!(tree.rights("/").value != Rights::NONE);
        let plan = plan(&only_files(tree.clone()), &root_on_v1()).unwrap();
        let unenforced: Vec<&str> = gaps(&plan)
            .into_iter()
            .filter_map(|right| right.strip_prefix("read: "))
            .collect();
        for path in probes() {
            let (wanted, got) = (tree.rights(&path).value, effective(&plan, &path));
            if unenforced.iter().any(|place| is_within(&path, place)) {
                // Reading alone cannot be taken back, and the plan says so.
                prop_assert_eq!(got.minus(Rights::READ), wanted.minus(Rights::READ), "{} of {:#?}", path, plan);
            } else {
                prop_assert_eq!(got, wanted, "{} of {:#?}", path, plan);
            }
        }
        let depths: Vec<usize> =
            plan.mounts.entries.iter().map(|entry| entry.at.matches('/').count()).collect();
        prop_assert!(depths.is_sorted());
    }

    #[test]
    fn without_landlock_what_is_not_a_gap_is_enforced(tree in trees()) {
        prop_assume!(tree.rights("/").value != Rights::NONE);
        let plan = plan(&only_files(tree.clone()), &root_on_old_kernel()).unwrap();
        let gaps = gaps(&plan);
        prop_assert!(plan.landlock.is_none());
        for path in probes() {
            let (wanted, got) = (tree.rights(&path).value, effective(&plan, &path));
            let excess = got.minus(wanted);
            prop_assert_eq!(wanted.minus(got), Rights::NONE);
            prop_assert!(!excess.contains(Rights::WRITE) && !excess.contains(Rights::VISIBLE));
            prop_assert!(!excess.contains(Rights::READ) || gaps.contains(&"landlock: read"));
            prop_assert!(!excess.contains(Rights::EXECUTE) || gaps.contains(&"landlock: execute"));
        }
    }
}

fn entry<'a>(plan: &'a Plan, at: &str) -> Option<&'a MountEntry> {
    plan.mounts.entries.iter().find(|entry| entry.at == at)
}

fn access(plan: &Plan, path: &str) -> Option<u64> {
    let rules = &plan.landlock.as_ref().unwrap().rules;
    rules.iter().find(|rule| rule.path == path).map(|rule| rule.access)
}

#[test]
fn a_mount_bounds_what_the_tree_grants_below() {
    let mut policy = only_files(tree(&[
        ("/srv/write", Rights::WRITE, 21),
        ("/srv/run", Rights::EXECUTE, 22),
        ("/srv/hidden", Rights::NONE, 23),
        ("/srv/hidden/again", Rights::WRITE, 24),
    ]));
    let mount = Mount {
        from: ruled("/host".to_owned(), 29),
        allows: ruled(BTreeSet::from([MountRight::Exec, MountRight::Dev]), 29),
    };
    policy.mounts = Some(BTreeMap::from([("/srv".to_owned(), mount)]));
    let plan = plan(&policy, &root_on_v1()).unwrap();
    assert_eq!(plan.mounts.entries[0].at, "/srv");
    assert_eq!(entry(&plan, "/srv/hidden").unwrap().what, MountKind::Hide);
    assert_eq!(entry(&plan, "/srv/hidden/again").unwrap().what, MountKind::ReadOnly { exec: false });
    assert!(entry(&plan, "/srv/write").is_none() && entry(&plan, "/srv/run").is_none());
    // Landlock: read, execute, and control of the devices that it lets appear.
    assert_eq!(access(&plan, "/srv"), Some(1 << 0 | 1 << 2 | 1 << 3 | 1 << 15));
}

#[test]
fn devices_and_proc_and_tmp_are_part_of_the_view() {
    let mut policy = only_files(tree(&[("/usr", Rights::READ, 21)]));
    policy.devices = Some(ruled([Device::Node("null".to_owned()), Device::Pts].into(), 30));
    policy.files.tmp = Some(ruled(1 << 20, 26));
    let plan_on = plan(&policy, &root_on_v1()).unwrap();
    assert_eq!(access(&plan_on, "/dev/null"), Some(1 << 1 | 1 << 2 | 1 << 15));
    assert_eq!(access(&plan_on, "/proc"), Some(1 << 2 | 1 << 3));
    assert_eq!(access(&plan_on, "/tmp"), Some(0x7ffe));
    assert_eq!(access(&plan_on, "/dev"), None);
    // Without the fifth ABI there is no right to control devices.
    let older = stockade_policy::host::Host { landlock_abi: 4, ..root_on_v1() };
    assert_eq!(access(&plan(&policy, &older).unwrap(), "/dev/null"), Some(1 << 1 | 1 << 2));
}

#[test]
fn what_starts_a_program_may_be_executed_too() {
    let plan = plan(&web(), &root_on_v1()).unwrap();
    for path in ["/usr/sbin/nginx", "/opt/nginx/bin/nginx", "/usr/lib64/ld-linux-x86-64.so.2"] {
        let rules = &plan.landlock.as_ref().unwrap().rules;
        let rule = rules.iter().find(|rule| rule.path == path).unwrap();
        assert!(rule.access & 1 == 1 && rule.origins.iter().any(|origin| origin.line == 24), "{rule:?}");
    }
}

#[test]
fn a_whole_proc_is_masked() {
    let mut policy = web();
    policy.files.proc = ruled(ProcView::Hidden, 27);
    let plan = plan(&policy, &root_on_v1()).unwrap();
    assert_eq!(entry(&plan, "/proc/kcore").unwrap().what, MountKind::Hide);
    assert_eq!(entry(&plan, "/proc/sys").unwrap().what, MountKind::ReadOnly { exec: false });
    assert_eq!(plan.mounts.entries.iter().filter(|entry| entry.at.starts_with("/proc/")).count(), 14);
}

#[test]
fn no_proc_leaves_none_of_the_roots_own() {
    let mut policy = web();
    policy.files.proc = ruled(ProcView::None, 27);
    let plan = plan(&policy, &root_on_v1()).unwrap();
    assert_eq!(entry(&plan, "/proc").unwrap().what, MountKind::Hide);
    assert_eq!(access(&plan, "/proc"), None);
}
