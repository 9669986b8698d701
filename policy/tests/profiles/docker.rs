//! `docker-default` decides as Docker's own profile does, for the capabilities that Docker gives.
//!
//! Docker compares whole 64-bit registers, the kernel looks at what the parameter's type holds. For every
//! value that fits the type both decide alike. For wider ones `docker-default` decides on what the kernel
//! will see; where that differs from Docker is listed in a snapshot.
//!
//! One difference is meant and lies outside the JSON: runc answers numbers above the largest that the JSON
//! names with ENOSYS, whatever the JSON says. Here, as in the JSON, unknown numbers get EPERM.

use crate::classes;
use crate::docker_json::{self, Docker, seen_bits};
use crate::world;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use stockade_policy::condition::Width;
use stockade_policy::lattice::action::Action;
use stockade_policy::lattice::diagram::Diagram;
use stockade_policy::policy::Policy;
use stockade_policy::vocab::arch::X32_BIT;
use stockade_policy::vocab::parameters::{Parameter, parameters};
use stockade_policy::vocab::{Arch, Cap, syscalls};

/// A kernel after 4.8, where Docker begins to allow ptrace.
const KERNEL: (u32, u32) = (6, 18);

fn docker(host: Arch) -> Docker {
    Docker::new(host, &docker_json::capabilities(), KERNEL)
}

/// Every interface with the profile of a host that accepts it.
fn interfaces() -> Vec<(Arch, Docker)> {
    [Arch::X86_64, Arch::Aarch64]
        .into_iter()
        .flat_map(|host| Docker::interfaces(host).into_iter().map(move |arch| (arch, docker(host))))
        .collect()
}

fn ours(policy: &Policy, arch: Arch, number: u32, registers: &[u64; 6]) -> Action {
    policy.syscalls.decide(arch, number, registers).action
}

/// A call whose arguments are tested by either side: the register and the parameter in it.
struct Tested {
    number: u32,
    call: &'static str,
    register: u8,
    parameter: &'static Parameter,
}

impl Tested {
    fn registers(&self, value: u64) -> [u64; 6] {
        // What is not tested must not matter.
        let mut registers = [0x5555_aaaa_5555_aaaa; 6];
        registers[usize::from(self.register)] = value;
        registers
    }

    fn values(&self, diagram: &Diagram, docker: &Docker) -> BTreeSet<u64> {
        let comparisons: Vec<_> = docker.comparisons(self.call).collect();
        // Where values begin and end to fit their types.
        classes::values(diagram, &comparisons, &[0x7fff_ffff, 0x8000_0000, 0xffff_ffff, !0 << 31, !0])
    }

    /// The value that the kernel sees in a register.
    fn seen(&self, arch: Arch, value: u64) -> u64 {
        let narrow = matches!(self.parameter.width, Some(Width::U32 | Width::I32));
        if narrow { value & u64::from(u32::MAX) } else { value & seen_bits(arch) }
    }

    /// Whether a register holds the value as a compiler puts it there: extended with zeros, or with the
    /// sign where there is one.
    fn fits(&self, arch: Arch, value: u64) -> bool {
        let seen = self.seen(arch, value);
        let negative = self.parameter.width == Some(Width::I32) && seen >> 31 == 1;
        value == seen || (negative && value == seen | u64::from(u32::MAX) << 32)
    }
}

fn tested(policy: &Policy, docker: &Docker, arch: Arch) -> Vec<Tested> {
    let all = syscalls::table(arch).iter().filter_map(|(number, call)| {
        let mut registers = classes::tested(policy.syscalls.table(arch).diagram(*number));
        registers.extend(docker.comparisons(call).map(|one| one.index));
        // More than one would need combinations of values.
        assert!(registers.len() < 2, "{call} on {arch} tests {registers:?}");
        let register = registers.pop_first()?;
        let parameter = &parameters(arch, call).unwrap()[usize::from(register)];
        Some(Tested { number: *number, call, register, parameter })
    });
    all.collect()
}

#[test]
fn it_keeps_the_capabilities_that_docker_keeps() {
    let expected = docker_json::capabilities().iter().map(|name| name.parse::<Cap>().unwrap()).collect();
    assert_eq!(world::policy("docker-default").capabilities.value, expected);
}

#[test]
fn the_interfaces_are_the_families_of_the_vocabulary() {
    for host in [Arch::X86_64, Arch::Aarch64] {
        assert_eq!(Docker::interfaces(host), host.family());
    }
}

#[test]
fn calls_without_conditions_are_decided_as_docker_does() {
    let policy = world::policy("docker-default");
    let mut conditional = BTreeSet::new();
    for (arch, docker) in interfaces() {
        let tested: BTreeSet<u32> = tested(&policy, &docker, arch).iter().map(|one| one.number).collect();
        for (number, call) in syscalls::table(arch) {
            if tested.contains(number) {
                conditional.insert(*call);
                continue;
            }
            let theirs = docker.decide(arch, Some(call), &[0; 6]);
            assert_eq!(ours(&policy, arch, *number, &[0; 6]), theirs, "{call} on {arch}");
        }
    }
    assert_eq!(Vec::from_iter(conditional), ["clone", "personality", "socket"]);
}

#[test]
fn numbers_without_a_name_get_what_the_json_gives_them() {
    let policy = world::policy("docker-default");
    for (arch, docker) in interfaces() {
        let mut unnamed = 0;
        for (first, last, diagram) in policy.syscalls.table(arch).intervals() {
            // An interval of one decision either has no name in it, or was compared above name by name.
            let step = |number: &u32| syscalls::name(arch, *number).is_none();
            let near = (first..=last).take(2048).chain([last]).filter(step);
            for number in near.filter(|number| arch.family()[0] != Arch::X86_64 || number & X32_BIT == 0) {
                unnamed += 1;
                assert_eq!(
                    diagram.constant().unwrap().action,
                    docker.decide(arch, None, &[0; 6]),
                    "{number}"
                );
            }
        }
        assert!(unnamed > 1000, "{arch}");
    }
}

#[test]
fn arguments_that_fit_their_types_are_decided_as_docker_does() {
    let policy = world::policy("docker-default");
    for (arch, docker) in interfaces() {
        let tested = tested(&policy, &docker, arch);
        assert!(tested.iter().any(|one| one.call == "socket"), "{arch}");
        for one in tested {
            let values = one.values(policy.syscalls.table(arch).diagram(one.number), &docker);
            let fitting: Vec<u64> = values.into_iter().filter(|value| one.fits(arch, *value)).collect();
            assert!(fitting.len() > 10, "{} on {arch}: {fitting:?}", one.call);
            for value in fitting {
                let registers = one.registers(value);
                let theirs = docker.decide(arch, Some(one.call), &registers);
                let ours = ours(&policy, arch, one.number, &registers);
                assert_eq!(ours, theirs, "{}({value:#x}) on {arch}", one.call);
            }
        }
    }
}

#[test]
fn wider_arguments_are_decided_on_what_the_kernel_sees_of_them() {
    let policy = world::policy("docker-default");
    let mut differences = String::new();
    for (arch, docker) in interfaces() {
        for one in tested(&policy, &docker, arch) {
            let diagram = policy.syscalls.table(arch).diagram(one.number);
            let mut stricter = BTreeSet::new();
            let mut looser = BTreeSet::new();
            let values = one.values(diagram, &docker);
            for value in values.into_iter().filter(|value| !one.fits(arch, *value)) {
                let seen = one.seen(arch, value);
                let ours = ours(&policy, arch, one.number, &one.registers(value));
                let truncated = docker.decide(arch, Some(one.call), &one.registers(seen));
                assert_eq!(ours, truncated, "{}({value:#x}) on {arch}, seen as {seen:#x}", one.call);
                let theirs = docker.decide(arch, Some(one.call), &one.registers(value));
                // By what the kernel makes of it: the upper half is noise.
                match ours.cmp(&theirs) {
                    std::cmp::Ordering::Less => stricter.insert((seen, theirs, ours)),
                    std::cmp::Ordering::Greater => looser.insert((seen, theirs, ours)),
                    std::cmp::Ordering::Equal => false,
                };
            }
            for (kind, list) in [("stricter", stricter), ("looser", looser)] {
                for (seen, theirs, ours) in list {
                    let (call, name) = (one.call, one.parameter.name);
                    writeln!(
                        differences,
                        "{arch}: {call}({name} seen as {seen:#x}, upper half dirty): Docker {theirs}, here {ours}, {kind}"
                    )
                    .unwrap();
                }
            }
        }
    }
    insta::assert_snapshot!(differences);
}

#[test]
fn names_that_the_vocabulary_does_not_have_belong_to_other_architectures() {
    let names: BTreeSet<String> = interfaces()
        .iter()
        .flat_map(|(_, docker)| docker.calls().map(str::to_owned).collect::<Vec<_>>())
        .filter(|name| !syscalls::exists(name))
        .collect();
    insta::assert_snapshot!(Vec::from_iter(names).join("\n"));
}
