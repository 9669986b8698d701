//! Entries that contradict each other: what wins, and what is said about it.

use super::world::World;
use stockade_policy::lattice::action::Action;
use stockade_policy::resolve::Mode;
use stockade_policy::vocab::{Arch, syscalls};

fn profile(entries: &str) -> String {
    format!("stockade: 1\nsyscalls:\n{entries}")
}

fn action(world: &World, text: &str, call: &str, first: u64) -> Action {
    let number = syscalls::number(Arch::X86_64, call).unwrap();
    world.policy(text).syscalls.decide(Arch::X86_64, number, &[first, 0, 0, 0, 0, 0]).action
}

#[test]
fn warnings() {
    let cases = [
        ("both allowed and denied", "  allow: [ptrace, read]\n  deny: [ptrace]\n"),
        ("two answers", "  deny:\n    - ptrace: eacces\n    - ptrace: enosys\n"),
        ("an answer beside the usual one", "  deny:\n    - ptrace\n    - ptrace: enosys\n"),
        (
            "a condition before the whole",
            "  deny:\n    - \"personality(persona == 1)\": kill_process\n    - personality: enosys\n",
        ),
        ("never allowed", "  allow:\n    - personality(persona == 1 and persona == 2)\n"),
        ("always allowed", "  allow:\n    - personality(persona & 0 == 0)\n"),
        ("never denied", "  deny:\n    - personality(persona < 0)\n"),
        ("always denied", "  deny:\n    - personality(persona == 1 or persona != 1)\n"),
        ("denied with a way around", "  allow: [clone3]\n  deny: [clone]\n"),
    ];
    let world = World::new();
    let texts = cases.map(|(name, entries)| format!("=== {name}\n{}", world.warnings(&profile(entries))));
    insta::assert_snapshot!(texts.join("\n"));
}

#[test]
fn what_is_meant_is_not_warned_of() {
    let world = World::new()
        .with("parent", "stockade: 1\nsyscalls:\n  allow: [ptrace]\n  deny:\n    - bpf: eacces\n");
    for entries in [
        "  allow: [\"@file-io\", ioctl]\n  deny: [\"@ioctl\"]\n",
        "  allow: [kill]\n  deny:\n    - kill(sig == 9)\n",
        "  deny:\n    - \"@debug\"\n    - ptrace: enosys\n",
        "  deny:\n    - ptrace: enosys\n    - ptrace: enosys\n",
        "  deny:\n    - ptrace: enosys\n    - \"ptrace(request == 1)\": eacces\n",
    ] {
        assert_eq!(world.warnings(&profile(entries)), "", "{entries}");
    }
    // What a parent says is its child's to change.
    let child = "stockade: 1\nextends: [parent]\nsyscalls:\n  deny:\n    - ptrace\n    - bpf: enosys\n";
    assert_eq!(world.warnings(child), "");
    assert_eq!(action(&world, child, "bpf", 0), Action::Errno(38));
    assert_eq!(action(&world, child, "ptrace", 0), Action::Errno(1));
}

#[test]
fn the_later_of_two_denials_wins_and_a_condition_behind_the_whole_stands() {
    let world = World::new();
    let two = |first: &str, second: &str| profile(&format!("  deny:\n    - {first}\n    - {second}\n"));
    let text = two("personality: eacces", "personality: enosys");
    assert_eq!(action(&world, &text, "personality", 0), Action::Errno(38));
    let text = two("personality: enosys", "personality: eacces");
    assert_eq!(action(&world, &text, "personality", 0), Action::Errno(13));
    let text = two("personality: enosys", "\"personality(persona == 1)\": eacces");
    assert_eq!(action(&world, &text, "personality", 1), Action::Errno(13));
    assert_eq!(action(&world, &text, "personality", 2), Action::Errno(38));
}

/// A condition that holds on one interface alone is none that always holds.
#[test]
fn what_an_interface_decides_is_not_settled() {
    // O_DIRECTORY is 0x10000 on x86_64 and 0x4000 on aarch64.
    let warnings = |architectures: &str| {
        let entry = "openat(flags & O_DIRECTORY == 0 and flags & 0x10000 != 0)";
        let begin = "stockade: 1\nsyscalls:\n";
        World::new().warnings(&format!(
            "{begin}  architectures: {{replace: [{architectures}]}}\n  deny:\n    - {entry}\n"
        ))
    };
    assert!(warnings("x86_64").contains("this condition never holds"));
    assert_eq!(warnings("aarch64"), "");
    assert_eq!(warnings("x86_64, aarch64"), "");
}

#[test]
fn warnings_never_crowd_out_an_error() {
    let mut entries = "  deny:\n".to_owned();
    for (_, call) in &syscalls::table(Arch::X86_64)[..120] {
        entries.push_str(&format!("    - {call}: eacces\n    - {call}: enosys\n"));
    }
    let world = World::new();
    assert!(world.warnings(&profile(&entries)).contains("and 70 more warnings"));
    entries.push_str("    - no_such_call\n");
    assert!(world.resolve(&profile(&entries), Mode::Profile).is_err());
}
