//! Docker's default profile, beside an independent reader of it.

use crate::docker_json::{Docker, capabilities};
use crate::world::{container, import};
use std::collections::BTreeSet;
use stockade_policy::import::Imported;
use stockade_policy::lattice::diagram::{Diagram, Node};
use stockade_policy::vocab::{Arch, syscalls};

const JSON: &str = include_str!("../../data/docker-default-seccomp.json");
const HOSTS: [Arch; 2] = [Arch::X86_64, Arch::Aarch64];

fn imported(host: Arch) -> Imported {
    import(JSON, &container(host)).unwrap()
}

/// Registers on both sides of every test of a diagram and of every number that is compared.
fn registers(diagram: &Diagram, docker: &Docker, call: &str) -> BTreeSet<[u64; 6]> {
    let mut values: BTreeSet<u64> = BTreeSet::from([0, u64::MAX, 1 << 32, u64::from(u32::MAX)]);
    for node in diagram.nodes() {
        if let Node::Test { bit, .. } = node {
            values.extend([1 << bit, !(1 << bit), u64::MAX << bit]);
        }
    }
    for comparison in docker.comparisons(call) {
        for value in [comparison.value, comparison.value_two] {
            for near in [value.wrapping_sub(1), value, value.wrapping_add(1)] {
                values.extend([near, near | 1 << 32, near | 0xffff_ffff << 32, near ^ (1 << 63)]);
            }
        }
    }
    let noise = 0x5555_aaaa_5555_aaaa;
    let mut all = BTreeSet::from([[0; 6], [u64::MAX; 6]]);
    for value in values {
        for register in 0..6 {
            let mut registers = [noise; 6];
            registers[register] = value;
            all.insert(registers);
        }
    }
    all
}

#[test]
fn every_call_is_decided_as_the_json_does() {
    for host in HOSTS {
        let imported = imported(host);
        let docker = Docker::new(host, &capabilities(), (6, 18));
        for arch in Docker::interfaces(host) {
            let mut conditional = BTreeSet::new();
            for (number, call) in syscalls::table(arch) {
                let diagram = imported.calls.as_ref().unwrap().0.table(arch).diagram(*number);
                if diagram.constant().is_none() {
                    conditional.insert(*call);
                }
                for registers in registers(diagram, &docker, call) {
                    let expected = docker.decide(arch, Some(call), &registers);
                    assert_eq!(
                        diagram.decide(&registers).action,
                        expected,
                        "{call}({registers:x?}) on {arch}"
                    );
                }
            }
            assert_eq!(Vec::from_iter(conditional), ["clone", "personality", "socket"], "{arch}");
            for (first, last, diagram) in imported.calls.as_ref().unwrap().0.table(arch).intervals() {
                for number in
                    [first, last].into_iter().filter(|number| syscalls::name(arch, *number).is_none())
                {
                    assert_eq!(
                        diagram.decide(&[0; 6]).action,
                        docker.decide(arch, None, &[0; 6]),
                        "{number}"
                    );
                }
            }
        }
    }
}

#[test]
fn the_profile_can_be_read() {
    for host in HOSTS {
        let imported = imported(host);
        let kept = |line: &&str| !line.starts_with("    - ") || line.contains(['(', ':', '#', '{']);
        let shown: Vec<&str> = imported.profile.lines().filter(kept).collect();
        insta::assert_snapshot!(format!("on_{host}"), shown.join("\n"));
        assert!(imported.profile.lines().count() < 460);
    }
}

#[test]
fn the_holes_are_named() {
    for host in HOSTS {
        let imported = imported(host);
        let holes: Vec<String> = imported.holes.iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(format!("holes_on_{host}"), holes.join("\n"));
        for hole in &imported.holes {
            for arch in &hole.interfaces {
                let number = syscalls::number(*arch, hole.call).unwrap();
                let decide =
                    |arguments| imported.calls.as_ref().unwrap().0.decide(*arch, number, arguments).action;
                assert_eq!(decide(&hole.arguments), hole.answer);
                let mut seen = hole.arguments;
                seen[usize::from(hole.register)] = hole.read;
                assert_eq!(decide(&seen), hole.otherwise);
            }
        }
    }
}

#[test]
fn notes_and_warnings() {
    for host in HOSTS {
        let imported = imported(host);
        assert_eq!(imported.warnings, []);
        insta::assert_snapshot!(format!("notes_on_{host}"), imported.notes.join("\n"));
    }
}

/// Capabilities, kernels and architectures choose rules.
#[test]
fn rules_are_those_of_the_container() {
    let call = |container: &_, call| {
        let imported = import(JSON, container).unwrap();
        let number = syscalls::number(Arch::X86_64, call).unwrap();
        imported.calls.as_ref().unwrap().0.decide(Arch::X86_64, number, &[0; 6]).action.to_string()
    };
    let mut container = container(Arch::X86_64);
    assert_eq!(call(&container, "bpf"), "errno(1)");
    assert_eq!(call(&container, "ptrace"), "allow");
    container.kernel = (4, 7);
    assert_eq!(call(&container, "ptrace"), "errno(1)");
    container.capabilities = ["bpf".parse().unwrap()].into_iter().collect();
    assert_eq!(call(&container, "bpf"), "allow");
    assert_eq!(call(&container, "chroot"), "errno(1)");
    // With CAP_SYS_ADMIN clone is allowed whatever its flags.
    container.capabilities = ["sys_admin".parse().unwrap()].into_iter().collect();
    let imported = import(JSON, &container).unwrap();
    assert!(imported.calls.as_ref().unwrap().0.table(Arch::X86_64).diagram(56).constant().is_some());
}
