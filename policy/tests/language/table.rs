//! `table:` pins the vocabulary: what came later is unknown.

use super::world::World;
use stockade_policy::lattice::action::Action;
use stockade_policy::vocab::{Arch, TableVersion, groups, syscalls};

const OLD: TableVersion = TableVersion { major: 5, minor: 10 };

fn text(entries: &str) -> String {
    format!(
        "stockade: 1\ntable: {OLD}\nextends: [unconfined]\nsyscalls:\n  allow: [{entries}]\n  otherwise: eacces\n  \
         unknown: errno(95)\n"
    )
}

/// Whatever group allows it, a call that came after the table has the answer of `unknown`.
#[test]
fn a_group_does_not_bring_what_came_later() {
    let world = World::new();
    let mut later = 0;
    for group in groups::all() {
        let policy = world.policy(&text(&format!("\"@{}\"", group.name)));
        for arch in Arch::ALL {
            for call in group.on(arch) {
                let number = syscalls::number(arch, call).unwrap();
                let action = policy.syscalls.decide(arch, number, &[0; 6]).action;
                let expected = if OLD.has(call) { Action::Allow } else { Action::Errno(95) };
                assert_eq!(action, expected, "{call} in @{} on {arch}", group.name);
                later += usize::from(!OLD.has(call));
            }
        }
    }
    assert!(later > 100, "{later}");
}

#[test]
fn a_name_brings_it() {
    let world = World::new();
    let (grouped, named) = (
        world.policy(&text("\"@file-io\", \"@basic\"")),
        world.policy(&text("\"@file-io\", cachestat, futex_waitv")),
    );
    for arch in Arch::ALL {
        for call in ["cachestat", "futex_waitv"] {
            assert!(!OLD.has(call) && groups::all().iter().any(|group| group.contains(call)));
            let number = syscalls::number(arch, call).unwrap();
            assert_eq!(
                grouped.syscalls.decide(arch, number, &[0; 6]).action,
                Action::Errno(95),
                "{call} {arch}"
            );
            assert_eq!(named.syscalls.decide(arch, number, &[0; 6]).action, Action::Allow, "{call} {arch}");
        }
    }
}

/// A call without a known version counts as one of every table: none may be as young as that.
#[test]
fn every_young_call_has_a_version() {
    // 424 and up are one list for all architectures since 5.1; 5.0 is the youngest kernel that gave numbers
    // of one architecture to calls that others had.
    for arch in Arch::ALL {
        for (number, call) in syscalls::table(arch) {
            let private = arch == Arch::Arm && *number >= 0xf_0000 || arch == Arch::X32 && *number >= 512;
            if *number >= 424 && !private {
                assert!(syscalls::introduced(call).is_some(), "{call} on {arch}");
            }
        }
    }
}
