//! The seccomp compiler against the policy it compiles, by an exact interpreter of the kernel's BPF.
#![expect(clippy::unwrap_used, reason = "a test that cannot build its input has failed")]

mod agreement;
mod outer;
mod policies;
#[path = "../profiles/world.rs"]
mod profiles;
mod prove;
mod recover;

use agreement::{AUDITS, HOSTS, agrees};
use policies::{decision, syscalls};
use proptest::prelude::*;
use std::collections::BTreeMap;
use stockade_policy::condition::{Comparison, Condition, Operator, Width};
use stockade_policy::lattice::Lattice;
use stockade_policy::lattice::action::Action;
use stockade_policy::lattice::diagram::Diagram;
use stockade_policy::lattice::syscalls::{Syscalls, Table};
use stockade_policy::plan::Instruction;
use stockade_policy::seccomp::interpret::{Event, Program};
use stockade_policy::seccomp::{self, SeccompError, bpf};
use stockade_policy::vocab::Arch;
use stockade_policy::vocab::arch::X32_BIT;

prop_compose! {
    fn events()(
        events in prop::collection::vec(
            (prop_oneof![any::<u32>(), 0..600u32], prop::sample::select(&AUDITS[..]), any::<u64>(), any::<[u64; 6]>()),
            40,
        )
    ) -> Vec<Event> {
        events
            .into_iter()
            .map(|(number, arch, instruction_pointer, arguments)| {
                Event { number, arch, instruction_pointer, arguments }
            })
            .collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_filter_decides_as_the_policy(policy in syscalls(), events in events()) {
        for host in HOSTS {
            let program = seccomp::compile(&policy, host).unwrap();
            agrees(&policy, host, &program, &events);
        }
    }

    /// The kernel takes the strictest answer of stacked filters; data decides nothing.
    #[test]
    fn a_meet_is_two_stacked_filters(a in syscalls(), b in syscalls(), events in events()) {
        let Ok(both) = a.meet(&b) else { return Ok(()) };
        for host in HOSTS {
            let [a, b, both] = [&a, &b, &both].map(|policy| seccomp::compile(policy, host).unwrap());
            let rank = |program: &[Instruction], event: &Event| {
                (Program::new(program).unwrap().run(event).value & bpf::ACTION_FULL).cast_signed()
            };
            for event in &events {
                prop_assert_eq!(rank(&both, event), rank(&a, event).min(rank(&b, event)), "{:x?}", event);
            }
        }
    }

    /// What keeps allowed calls in the kernel's bitmap.
    #[test]
    fn no_argument_is_loaded_before_the_number(policy in syscalls()) {
        let program = seccomp::compile(&policy, Arch::X86_64).unwrap();
        for (first, _, diagram) in policy.table(Arch::X86_64).intervals() {
            if diagram.constant().is_none() || first >= X32_BIT {
                continue;
            }
            let loads = loads_on_the_way(&program, first);
            prop_assert!(loads.iter().all(|offset| *offset < 8), "{first}: {loads:?}\n{}", bpf::text(&program));
        }
    }
}

/// Words loaded when `number` is called natively.
fn loads_on_the_way(program: &[Instruction], number: u32) -> Vec<u32> {
    let (mut at, mut a, mut loads) = (0, 0, Vec::new());
    loop {
        let Instruction(code, yes, no, k) = program[at];
        let goes = |holds: bool| usize::from(if holds { yes } else { no });
        at += 1 + match code {
            bpf::LOAD => {
                a = [number, Arch::X86_64.audit()].get(usize::try_from(k / 4).unwrap()).copied().unwrap_or(0);
                loads.push(k);
                0
            }
            bpf::AND => {
                a &= k;
                0
            }
            bpf::JUMP => usize::try_from(k).unwrap(),
            bpf::JUMP_EQUAL => goes(a == k),
            bpf::JUMP_GREATER => goes(a > k),
            bpf::JUMP_GREATER_OR_EQUAL => goes(a >= k),
            bpf::JUMP_SET => goes(a & k != 0),
            _ => return loads,
        };
    }
}

fn one_call(number: u32, condition: &Condition) -> Syscalls {
    let allow = Diagram::leaf(decision(Action::Allow, 1));
    let deny = Diagram::leaf(decision(Action::Errno(1), 2));
    let diagram = Diagram::choose("call", condition, &allow, &deny).unwrap();
    let table = Table::new(BTreeMap::from([(number, diagram)]), decision(Action::Errno(38), 3));
    Syscalls::new(BTreeMap::from([(Arch::X86_64, table)]), &decision(Action::KillProcess, 4))
}

fn compare(width: Width, mask: u64, operator: Operator, value: u64) -> Condition {
    Condition::Compare(Comparison { argument: 1, width, mask, operator, value })
}

/// A comparison that fits one word is at most a load, a mask and two jumps; one of 64 bits twice that.
#[test]
fn a_comparison_is_few_instructions() {
    use Operator::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    let around = seccomp::compile(&one_call(41, &Condition::always()), Arch::X86_64).unwrap().len();
    for operator in [Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual] {
        for value in [1, 2, 10, 4096, 0x7fff_0001, 0xffff_fffe, u64::MAX - 5, 0x1234_5678_9abc] {
            for mask in [u64::MAX, 0xff00, 0xfffffff0, 0x0f0f_0f0f] {
                for (width, most) in [(Width::U32, 4), (Width::I32, 6), (Width::U64, 8), (Width::I64, 10)] {
                    let policy = one_call(41, &compare(width, mask, operator, value));
                    let program = seccomp::compile(&policy, Arch::X86_64).unwrap();
                    agrees(&policy, Arch::X86_64, &program, &[]);
                    let own = program.len() - around;
                    assert!(
                        own <= most + 1,
                        "{width:?} {mask:#x} {operator:?} {value:#x}: {own}\n{}",
                        bpf::text(&program)
                    );
                }
            }
        }
    }
}

#[test]
fn a_flag_test_is_one_instruction_and_a_load() {
    let policy = one_call(56, &compare(Width::U64, 0x7e02_0000, Operator::Equal, 0));
    let program = seccomp::compile(&policy, Arch::X86_64).unwrap();
    insta::assert_snapshot!(bpf::text(&program), @r"
     0: A = arch
     1: if A == 0xc000003e goto 2 else 13
     2: A = nr
     3: if A >= 0x39 goto 9 else 4
     4: if A == 0x38 goto 5 else 12
     5: A = arg1.low
     6: if A & 0x7e020000 goto 8 else 7
     7: return allow
     8: return errno 1
     9: if A >= 0x40000000 goto 10 else 12
    10: if A >= 0x80000000 goto 11 else 13
    11: if A >= 0xc0000000 goto 13 else 12
    12: return errno 38
    13: return kill_process
    ");
}

#[test]
fn a_set_of_values() {
    let any = Condition::Any(
        [1, 2, 10].map(|value| compare(Width::I32, u64::MAX, Operator::Equal, value)).to_vec(),
    );
    let policy = one_call(41, &any);
    let program = seccomp::compile(&policy, Arch::X86_64).unwrap();
    agrees(&policy, Arch::X86_64, &program, &[]);
    insta::assert_snapshot!(bpf::text(&program), @r"
     0: A = arch
     1: if A == 0xc000003e goto 2 else 15
     2: A = nr
     3: if A >= 0x2a goto 11 else 4
     4: if A == 0x29 goto 5 else 14
     5: A = arg1.low
     6: if A >= 0x3 goto 8 else 7
     7: if A == 0x0 goto 9 else 10
     8: if A == 0xa goto 10 else 9
     9: return errno 1
    10: return allow
    11: if A >= 0x40000000 goto 12 else 14
    12: if A >= 0x80000000 goto 13 else 15
    13: if A >= 0xc0000000 goto 15 else 14
    14: return errno 38
    15: return kill_process
    ");
}

/// More than 255 instructions between a test and where it leads.
#[test]
fn long_jumps() {
    let mut numbers = BTreeMap::new();
    for number in 0..600 {
        let condition = compare(Width::U32, u64::MAX, Operator::Equal, u64::from(number) * 3 + 7);
        let allow = Diagram::leaf(decision(Action::Allow, 1));
        let deny = Diagram::leaf(decision(Action::Errno(u16::try_from(number).unwrap()), 2));
        numbers.insert(number, Diagram::choose("call", &condition, &allow, &deny).unwrap());
    }
    let table = Table::new(numbers, decision(Action::Errno(38), 3));
    let policy = Syscalls::new(BTreeMap::from([(Arch::X86_64, table)]), &decision(Action::KillProcess, 4));
    let program = seccomp::compile(&policy, Arch::X86_64).unwrap();
    assert!(program.len() > 1500, "{}", program.len());
    assert!(program.iter().any(|Instruction(code, ..)| *code == bpf::JUMP));
    agrees(&policy, Arch::X86_64, &program, &[]);
}

#[test]
fn too_long_is_an_error() {
    let mut numbers = BTreeMap::new();
    for number in 0..3000 {
        let condition = compare(Width::U32, u64::MAX, Operator::Equal, u64::from(number) * 3 + 7);
        let allow = Diagram::leaf(decision(Action::Allow, 1));
        let deny = Diagram::leaf(decision(Action::Errno(u16::try_from(number).unwrap()), 2));
        numbers.insert(number, Diagram::choose("call", &condition, &allow, &deny).unwrap());
    }
    let table = Table::new(numbers, decision(Action::Errno(38), 3));
    let policy = Syscalls::new(BTreeMap::from([(Arch::X86_64, table)]), &decision(Action::KillProcess, 4));
    let error = seccomp::compile(&policy, Arch::X86_64).unwrap_err();
    let SeccompError::TooLong { arch, instructions } = &error;
    assert!(*arch == Arch::X86_64 && *instructions > bpf::MAX_INSTRUCTIONS);
    assert!(error.to_string().contains("4096"), "{error}");
}

#[test]
fn everything_allowed_needs_no_filter() {
    assert!(seccomp::allows_everything(&Syscalls::unconstrained(), Arch::X86_64));
    let policy = one_call(41, &Condition::always());
    assert!(!seccomp::allows_everything(&policy, Arch::X86_64));
}

/// Tests and loads of arguments, by word.
fn loads(program: &[Instruction]) -> Vec<u32> {
    program.iter().filter(|one| one.0 == bpf::LOAD).map(|one| one.3).filter(|word| *word >= 16).collect()
}

#[test]
fn equal_checks_of_different_calls_are_made_once() {
    let condition = compare(Width::U32, u64::MAX, Operator::Equal, 7);
    let allow = Diagram::leaf(decision(Action::Allow, 1));
    let deny = Diagram::leaf(decision(Action::Errno(1), 2));
    let diagram = Diagram::choose("call", &condition, &allow, &deny).unwrap();
    let numbers: BTreeMap<u32, Diagram> = [3, 90, 200].map(|number| (number, diagram.clone())).into();
    let table = |rest| Table::new(numbers.clone(), decision(Action::Errno(rest), 3));
    let tables = [(Arch::X86_64, table(38)), (Arch::I386, table(1)), (Arch::X32, table(38))];
    let policy = Syscalls::new(tables.into(), &decision(Action::KillProcess, 4));
    let program = seccomp::compile(&policy, Arch::X86_64).unwrap();
    agrees(&policy, Arch::X86_64, &program, &[]);
    assert_eq!(loads(&program), [24], "{}", bpf::text(&program));
}

/// Numbers that most calls go to are told from all others by one test of bits, where they are decided alike.
#[test]
fn frequent_numbers_are_set_apart_by_their_bits() {
    // Everything below 96 is allowed but for 32 to 63; above, every other number.
    let allow = Diagram::leaf(decision(Action::Allow, 1));
    let allowed = (0..32).chain(64..96).chain((96..200).step_by(2));
    let numbers: BTreeMap<u32, Diagram> = allowed.map(|number| (number, allow.clone())).collect();
    let table = Table::new(numbers, decision(Action::Errno(38), 3));
    let policy = Syscalls::new(BTreeMap::from([(Arch::X86_64, table)]), &decision(Action::KillProcess, 4));
    let program = seccomp::compile(&policy, Arch::X86_64).unwrap();
    agrees(&policy, Arch::X86_64, &program, &[]);
    let Instruction(code, .., bits) = program[3];
    assert_eq!((code, bits), (bpf::JUMP_SET, !0x5f), "{}", bpf::text(&program));
}
