//! The proof: what it calls equal is equal, and what it calls different differs where it says.

use crate::policies::{decision, syscalls};
use crate::{HOSTS, agrees, expected, one_call, profiles};
use proptest::prelude::*;
use std::collections::BTreeSet;
use stockade_policy::condition::Condition;
use stockade_policy::lattice::action::Action;
use stockade_policy::lattice::syscalls::Syscalls;
use stockade_policy::plan::Instruction;
use stockade_policy::seccomp::interpret::Program;
use stockade_policy::seccomp::prove::{MOST_DIFFERENCES, Proof, prove, prove_all};
use stockade_policy::seccomp::{self, bpf};
use stockade_policy::vocab::Arch;
use stockade_policy::vocab::arch::X32_BIT;

#[test]
fn every_built_in_profile_is_proven_on_both_hosts() {
    let mut told = String::new();
    for name in profiles::names() {
        let policy = profiles::policy(&name).syscalls;
        for host in HOSTS {
            let program = seccomp::compile(&policy, host).unwrap();
            let proof = prove(&policy, host, &program).unwrap();
            assert!(proof.proven, "{name}: {}", proof.text());
            let bitmaps: Vec<String> = proof
                .bitmaps
                .iter()
                .map(|bitmap| format!("{} {}", bitmap.interface, bitmap.allowed - bitmap.missed.len()))
                .collect();
            told.push_str(&format!("{name}: {}\n", bitmaps.join(", ")));
        }
    }
    // What the kernel's bitmap holds. 306: every call that Docker allows whatever its arguments.
    insta::assert_snapshot!(told);
}

/// Every difference replays: the interpreter says what the proof says of the filter, and it is not what the
/// policy says.
fn replays(proof: &Proof, policy: &Syscalls, host: Arch, program: &[Instruction]) {
    let runnable = Program::new(program).unwrap();
    assert!(!proof.differences.is_empty());
    for difference in &proof.differences {
        let answer = bpf::action(runnable.run(&difference.example).value);
        assert_eq!(answer, difference.filter.action, "{}", proof.text());
        assert_eq!(expected(policy, host, &difference.example), difference.policy.action, "{}", proof.text());
        assert_ne!(answer, difference.policy.action, "{}", proof.text());
        let Instruction(code, _, _, k) = program[usize::from(difference.filter.instruction)];
        assert_eq!((code, bpf::action(k)), (bpf::RETURN, answer), "{}", proof.text());
    }
}

/// The program with one instruction changed, in every way that the kernel still takes.
fn mutants(program: &[Instruction]) -> impl Iterator<Item = Vec<Instruction>> + '_ {
    let change = |at: usize, way: usize| {
        let Instruction(code, yes, no, k) = program[at];
        let other = |codes: &[u16]| {
            let here = codes.iter().position(|known| *known == code)?;
            Some(codes[(here + 1) % codes.len()])
        };
        let changed = match way {
            0 => Instruction(code, yes, no, k.wrapping_add(1)),
            1 => Instruction(code, yes, no, k.wrapping_sub(1)),
            2 => Instruction(code, no, yes, k),
            3 => Instruction(other(&[0x15, 0x25, 0x35, 0x45]).or(other(&[0x54, 0x44]))?, yes, no, k),
            4 => Instruction(code, yes, no, k ^ 0x0002_0000),
            _ => Instruction(code, yes, no, k ^ 4),
        };
        let mut mutant = program.to_vec();
        mutant[at] = changed;
        (changed != program[at] && Program::new(&mutant).is_ok()).then_some(mutant)
    };
    (0..program.len()).flat_map(move |at| (0..6).filter_map(move |way| change(at, way)))
}

/// (how many mutants were proven equal, how many not)
fn mutate(policy: &Syscalls, host: Arch, events: &[seccomp::interpret::Event]) -> (usize, usize) {
    let program = seccomp::compile(policy, host).unwrap();
    let mut seen = (0, 0);
    for mutant in mutants(&program) {
        let proof = prove(policy, host, &mutant).unwrap();
        if proof.differing == 0 {
            agrees(policy, host, &mutant, events);
            seen.0 += 1;
        } else {
            replays(&proof, policy, host, &mutant);
            seen.1 += 1;
        }
    }
    seen
}

#[test]
fn a_changed_filter_is_told_from_an_equal_one() {
    for (name, host) in [("restricted", Arch::X86_64), ("docker-default", Arch::Aarch64)] {
        let (_, different) = mutate(&profiles::policy(name).syscalls, host, &[]);
        assert!(different > 100, "{name}: {different}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_changed_filter_of_any_policy_is_told_from_an_equal_one(policy in syscalls(), events in crate::events()) {
        for host in HOSTS {
            if seccomp::compile(&policy, host).unwrap().len() < 120 {
                mutate(&policy, host, &events);
            }
        }
    }

    /// Two policies, one's filter against the other: equal exactly where no table differs.
    #[test]
    fn equal_means_equal(policy in syscalls(), other in syscalls(), events in crate::events()) {
        for host in HOSTS {
            let program = seccomp::compile(&other, host).unwrap();
            let proof = prove(&policy, host, &program).unwrap();
            let same = host.family().iter().all(|arch| policy.table(*arch) == other.table(*arch));
            prop_assert_eq!(proof.differing == 0, same, "{}", proof.text());
            if same {
                agrees(&policy, host, &program, &events);
            } else {
                replays(&proof, &policy, host, &program);
            }
        }
    }
}

const ALLOW: Instruction = Instruction(bpf::RETURN, 0, 0, 0x7fff_0000);
const KILL: Instruction = Instruction(bpf::RETURN, 0, 0, 0x8000_0000);

fn errno(errno: u32) -> Instruction {
    Instruction(bpf::RETURN, 0, 0, 0x0005_0000 | errno)
}

fn native(body: &[Instruction]) -> Vec<Instruction> {
    let head = [
        Instruction(bpf::LOAD, 0, 0, bpf::ARCH),
        Instruction(bpf::JUMP_EQUAL, 1, 0, Arch::X86_64.audit()),
        KILL,
        Instruction(bpf::LOAD, 0, 0, bpf::NUMBER),
    ];
    [&head, body].concat()
}

#[test]
fn a_wrong_filter_reads_well() {
    // Allows call 41 whatever its arguments, forgets the x32 bit, and knows another errno.
    let program = native(&[Instruction(bpf::JUMP_EQUAL, 0, 1, 41), ALLOW, errno(1)]);
    let condition = crate::compare(
        stockade_policy::condition::Width::I32,
        u64::MAX,
        stockade_policy::condition::Operator::LessOrEqual,
        2,
    );
    let policy = one_call(41, &condition);
    let proof = prove(&policy, Arch::X86_64, &program).unwrap();
    replays(&proof, &policy, Arch::X86_64, &program);
    insta::assert_snapshot!(proof.text());
    insta::assert_snapshot!("a_wrong_filter_as_json", serde_json::to_string_pretty(&proof).unwrap());
}

#[test]
fn a_filter_that_forgets_a_foreign_interface_is_not_equal() {
    let policy = Syscalls::new([].into(), &decision(Action::Errno(1), 1));
    let proof = prove(&policy, Arch::X86_64, &[errno(1)]).unwrap();
    assert_eq!((proof.proven, proof.differing), (false, 1));
    assert_eq!(proof.differences[0].interface, None);
    assert!(proof.text().contains("an audit number that is not of this host"), "{}", proof.text());
}

#[test]
fn the_x32_bit_and_negative_numbers_count() {
    // `nr == 41`, with the x32 bit or the sign cut away.
    for mask in [!X32_BIT, !(1 << 31)] {
        let program =
            native(&[Instruction(bpf::AND, 0, 0, mask), Instruction(bpf::JUMP_EQUAL, 0, 1, 41), ALLOW, KILL]);
        let policy = one_call(41, &Condition::always());
        let proof = prove(&policy, Arch::X86_64, &program).unwrap();
        let allowed: BTreeSet<u32> = proof
            .differences
            .iter()
            .filter(|difference| difference.filter.action == Action::Allow)
            .map(|difference| difference.example.number)
            .collect();
        assert_eq!(allowed, BTreeSet::from([41 | !mask]), "{}", proof.text());
    }
}

#[test]
fn an_errno_too_large_is_the_largest() {
    let policy = Syscalls::new([].into(), &decision(Action::Errno(4095), 1));
    let program = native(&[errno(0xffff)]);
    let differing = |program: &[Instruction]| {
        let proof = prove(&policy, Arch::X86_64, program).unwrap();
        proof.differences.iter().filter(|one| one.interface == Some(Arch::X86_64)).count()
    };
    assert_eq!(differing(&program), 0);
    assert_eq!(differing(&native(&[errno(4094)])), 1);
}

#[test]
fn more_ranges_than_can_be_listed_are_a_difference() {
    let program = native(&[Instruction(bpf::JUMP_SET, 0, 1, 1), ALLOW, KILL]);
    let policy = one_call(41, &Condition::always());
    let proof = prove(&policy, Arch::X86_64, &program).unwrap();
    assert!(!proof.proven && !proof.complete && proof.differing > 60_000);
    assert!(proof.differences.len() <= MOST_DIFFERENCES);
    assert!(proof.text().contains("at least"), "{}", proof.text());
}

#[test]
fn an_allow_that_is_not_cached_is_no_proof() {
    // Loads an argument before it looks at the number.
    let policy = one_call(41, &Condition::always());
    let program = seccomp::compile(&policy, Arch::X86_64).unwrap();
    let slow = [&[Instruction(bpf::LOAD, 0, 0, bpf::ARGUMENTS)], program.as_slice()].concat();
    let proof = prove(&policy, Arch::X86_64, &slow).unwrap();
    assert_eq!((proof.proven, proof.differing), (false, 0));
    let missed: Vec<_> = proof.bitmaps[0].missed.iter().map(|missed| missed.name).collect();
    assert_eq!(missed, [Some("socket")]);
    assert!(
        proof.text().contains("always allowed on x86_64, and not cached: socket (41)"),
        "{}",
        proof.text()
    );
}

#[test]
fn stacked_filters_are_proven_together() {
    // One of them decides the number, the other the architecture.
    let policy = one_call(41, &Condition::always());
    let exact = seccomp::compile(&policy, Arch::X86_64).unwrap();
    let proof = prove_all(&policy, Arch::X86_64, &[&[ALLOW][..], &exact]).unwrap();
    assert!(proof.proven, "{}", proof.text());
    let stricter = prove_all(&policy, Arch::X86_64, &[&exact[..], &[errno(7)]]).unwrap();
    assert!(!stricter.proven);
    let call = stricter.differences.iter().find(|one| one.filter.action == Action::Errno(7)).unwrap();
    assert_eq!(call.filter.filter, 1);
}

#[test]
fn without_a_filter_only_the_top_is_proven() {
    let none: [&[Instruction]; 0] = [];
    let top = prove_all(&Syscalls::unconstrained(), Arch::X86_64, &none).unwrap();
    assert!(top.proven && top.bitmaps.is_empty(), "{}", top.text());
    let policy = one_call(41, &Condition::always());
    assert!(!prove_all(&policy, Arch::X86_64, &none).unwrap().proven);
}
