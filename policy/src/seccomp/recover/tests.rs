//! Random programs: what is decided of all calls is what the interpreter says of each.

use super::answer::Answer;
use super::space::bits;
use super::{Limit, RecoverError, Undecided, decide};
use crate::lattice::diagram::arena::{self, Rooted};
use crate::plan::Instruction;
use crate::seccomp::bpf;
use crate::seccomp::interpret::{Event, Program};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

/// Scratch words that a random program writes first, so that it may read them.
const WRITTEN: u32 = 3;

/// Numbers as they come up: small, single bits, runs of bits, an audit number, anything.
fn constants() -> impl Strategy<Value = u32> {
    prop_oneof![
        4 => 0..40u32,
        2 => (0..32u32).prop_map(|bit| 1 << bit),
        1 => (0..32u32).prop_map(|bit| u32::MAX << bit),
        1 => Just(0xc000_003e),
        1 => any::<u32>(),
    ]
}

fn returns() -> impl Strategy<Value = u32> {
    let data = prop::sample::select(vec![0, 1, 38, 4095, 4096, 0xffff]);
    let action = prop::sample::select(vec![
        0x8000_0000,
        0,
        0x0003_0000,
        0x0005_0000,
        0x7fc0_0000,
        0x7ff0_0000,
        0x7ffc_0000,
        0x7fff_0000,
        0x1234_0000,
    ]);
    (action, data).prop_map(|(action, data)| action | data)
}

/// One instruction; jumps are brought into the program afterwards.
fn instructions() -> impl Strategy<Value = Instruction> {
    let plain = |codes: Vec<u16>| {
        (prop::sample::select(codes), constants()).prop_map(|(code, k)| Instruction(code, 0, 0, k))
    };
    let scratch = (prop::sample::select(vec![0x60_u16, 0x61, 0x02, 0x03]), 0..WRITTEN)
        .prop_map(|(code, k)| Instruction(code, 0, 0, k));
    let load = (0..16_u32).prop_map(|word| Instruction(0x20, 0, 0, word * 4));
    let jump = prop::sample::select(vec![0x15_u16, 0x1d, 0x25, 0x2d, 0x35, 0x3d, 0x45, 0x4d]);
    let jump = (jump, any::<u8>(), any::<u8>(), constants())
        .prop_map(|(code, yes, no, k)| Instruction(code, yes, no, k));
    prop_oneof![
        6 => load,
        4 => plain(vec![0x54]),
        4 => plain(vec![0x04, 0x14, 0x44, 0xa4, 0x84, 0x00, 0x01, 0x80, 0x81]),
        3 => plain(vec![0x07, 0x87]),
        2 => plain(vec![0x0c, 0x1c, 0x4c, 0x5c, 0xac]),
        2 => plain(vec![0x64, 0x74, 0x6c, 0x7c]),
        1 => plain(vec![0x24, 0x34, 0x2c, 0x3c]),
        3 => scratch,
        8 => jump,
        1 => Just(Instruction(0x05, 0, 0, 1)),
        2 => returns().prop_map(|k| Instruction(0x06, 0, 0, k)),
        1 => Just(Instruction(0x16, 0, 0, 0)),
    ]
}

/// A program that the kernel takes.
fn programs() -> impl Strategy<Value = Vec<Instruction>> {
    (prop::collection::vec(instructions(), 1..16), returns(), returns()).prop_map(|(middle, first, last)| {
        let mut program: Vec<_> = (0..WRITTEN).map(|k| Instruction(0x02, 0, 0, k)).collect();
        program.extend(middle);
        program.extend([Instruction(0x06, 0, 0, first), Instruction(0x06, 0, 0, last)]);
        let length = program.len();
        for (at, instruction) in program.iter_mut().enumerate() {
            let Instruction(code, yes, no, k) = *instruction;
            let room = u8::try_from(length - at - 1).unwrap();
            *instruction = match code {
                0x05 => Instruction(code, 0, 0, k % u32::from(room)),
                0x34 if k == 0 => Instruction(code, 0, 0, 7),
                0x64 | 0x74 => Instruction(code, 0, 0, k % 32),
                _ if code & 7 == 5 => Instruction(code, yes % room, no % room, k),
                _ => *instruction,
            };
        }
        program
    })
}

/// Events of which every word is random, or at or beside a number of the program.
fn events(program: &[Instruction], seeds: &[[u32; 16]]) -> Vec<Event> {
    let mut near: Vec<u32> = program
        .iter()
        .flat_map(|Instruction(_, _, _, k)| [*k, k.wrapping_add(1), k.wrapping_sub(1), !k])
        .collect();
    near.extend([0, 1, u32::MAX]);
    let word = |seed: u32| match seed % 8 {
        0 => seed,
        _ => near[usize::try_from(seed / 8).unwrap() % near.len()],
    };
    let event = |seed: &[u32; 16]| {
        let [number, arch, a, b, arguments @ ..] = seed.map(word);
        let wide = |low, high| u64::from(high) << 32 | u64::from(low);
        Event {
            number,
            arch,
            instruction_pointer: wide(a, b),
            arguments: std::array::from_fn(|index| wide(arguments[2 * index], arguments[2 * index + 1])),
        }
    };
    seeds.iter().map(event).collect()
}

/// What the interpreter says, with the instruction that returns: the one at which a run of it ends.
fn agree(program: &[Instruction], decided: &Rooted<Answer>, events: &[Event]) {
    let runnable = Program::new(program).unwrap();
    for event in events {
        let answer = *arena::decide(decided, &bits(event));
        let value = runnable.run(event).value;
        assert_eq!(answer, Answer::new(value, 0, answer.instruction), "{event:x?}\n{}", bpf::text(program));
        let Instruction(code, _, _, k) = program[usize::from(answer.instruction)];
        assert!(
            code == 0x16 || code == 0x3c && value == 0 || (code, k) == (0x06, value),
            "{event:x?} ends at {}\n{}",
            answer.instruction,
            bpf::text(program)
        );
    }
}

fn seeds() -> impl Strategy<Value = Vec<[u32; 16]>> {
    prop::collection::vec(any::<[u32; 16]>(), 200)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_decided_is_what_the_interpreter_says(program in programs(), seeds in seeds()) {
        match decide(&[&program]) {
            Ok(decided) => agree(&program, &decided, &events(&program, &seeds)),
            Err(RecoverError::Undecided(_)) => {}
            Err(error) => panic!("{error}\n{}", bpf::text(&program)),
        }
    }

    /// The kernel begins with the newest filter, and takes another one's answer where its action is less.
    #[test]
    fn a_stack_is_decided_as_the_kernel_does(
        (older, newer) in (programs(), programs()),
        seeds in seeds(),
    ) {
        let Ok(decided) = decide(&[&older, &newer]) else { return Ok(()) };
        let [old, new] = [&older, &newer].map(|program| Program::new(program).unwrap());
        for event in events(&[older.clone(), newer.clone()].concat(), &seeds) {
            let mut value = 0x7fff_0000_u32;
            for program in [new, old] {
                let one = program.run(&event).value;
                let action = |value: u32| (value & bpf::ACTION_FULL).cast_signed();
                if action(one) < action(value) {
                    value = one;
                }
            }
            prop_assert_eq!(arena::decide(&decided, &bits(&event)).action(), bpf::action(value));
        }
    }
}

/// The tests above are worth little where most programs are given up.
#[test]
fn most_random_programs_are_decided() {
    let mut runner = TestRunner::deterministic();
    let mut given_up = Vec::new();
    for _ in 0..300 {
        let program = programs().new_tree(&mut runner).unwrap().current();
        if let Err(error) = decide(&[&program]) {
            given_up.push(error.to_string());
        }
    }
    assert!(given_up.len() < 30, "{} of 300: {given_up:#?}", given_up.len());
}

/// A number in the accumulator, so that folding has its say, and in an argument.
#[test]
fn every_operation_on_numbers_and_on_arguments() {
    let values = [0, 1, 2, 5, 31, 32, 33, 0x7fff_ffff, 0x8000_0000, 0xffff_fff1, u32::MAX];
    let operations = [0x04, 0x14, 0x24, 0x34, 0x44, 0x54, 0x64, 0x74, 0xa4];
    for operation in operations {
        for operand in values {
            let constant = match operation {
                0x34 if operand == 0 => continue,
                0x64 | 0x74 => operand % 32,
                _ => operand,
            };
            let head = [Instruction(0x20, 0, 0, 16), Instruction(0x54, 0, 0, 0xf000_000f)];
            let by_constant = [head[0], head[1], Instruction(operation, 0, 0, constant)];
            let by_register =
                [Instruction(0x01, 0, 0, operand), head[0], head[1], Instruction(operation | 8, 0, 0, 0)];
            let by_argument = [
                Instruction(0x20, 0, 0, 24),
                Instruction(0x54, 0, 0, 0x8000_0027),
                Instruction(0x07, 0, 0, 0),
                Instruction(0x00, 0, 0, operand),
                Instruction(operation | 8, 0, 0, 0),
            ];
            for body in [&by_constant[..], &by_register, &by_argument] {
                let tail = [
                    Instruction(0x15, 0, 1, operand),
                    Instruction(0x06, 0, 0, 0x7fff_0000),
                    Instruction(0x54, 0, 0, 7),
                    Instruction(0x44, 0, 0, 0x0005_0000),
                    Instruction(0x16, 0, 0, 0),
                ];
                let program = [body, &tail].concat();
                let decided = decide(&[&program]).unwrap();
                let event = |first: u32, second: u32| Event {
                    number: 0,
                    arch: 0,
                    instruction_pointer: 0,
                    arguments: [first.into(), second.into(), 0, 0, 0, 0],
                };
                let pairs = values.iter().flat_map(|first| values.map(|second| event(*first, second)));
                agree(&program, &decided, &pairs.collect::<Vec<_>>());
            }
        }
    }
}

/// 4096 instructions in a line, as libseccomp writes them.
#[test]
fn the_longest_line_of_comparisons_is_decided() {
    let mut program = vec![Instruction(0x20, 0, 0, 4), Instruction(0x15, 1, 0, 0xc000_003e)];
    program.extend([Instruction(0x06, 0, 0, 0), Instruction(0x20, 0, 0, 0)]);
    while program.len() < bpf::MAX_INSTRUCTIONS - 5 {
        let k = u32::try_from(program.len()).unwrap();
        program.extend([
            Instruction(0x15, 0, 3, k),
            Instruction(0x20, 0, 0, 16 + 4 * (k % 12)),
            Instruction(0x15, 0, 1, k),
            Instruction(0x06, 0, 0, 0x0005_0000 | (k % 4096)),
            Instruction(0x20, 0, 0, 0),
        ]);
    }
    program.push(Instruction(0x06, 0, 0, 0x7fff_0000));
    let decided = decide(&[&program]).unwrap();
    agree(&program, &decided, &events(&program, &[[9; 16], [0x1234_5678; 16]]));
}

/// Registers that double the states at each step, products of arguments: hostile, and told so with the place.
#[test]
fn what_cannot_be_decided_says_where() {
    let mut doubling = vec![Instruction(0x00, 0, 0, 0), Instruction(0x02, 0, 0, 0)];
    for bit in 0..20 {
        doubling.extend([
            Instruction(0x20, 0, 0, 16),
            Instruction(0x45, 0, 3, 1 << bit),
            Instruction(0x60, 0, 0, 0),
            Instruction(0x44, 0, 0, 1 << bit),
            Instruction(0x02, 0, 0, 0),
        ]);
    }
    doubling.extend([Instruction(0x60, 0, 0, 0), Instruction(0x16, 0, 0, 0)]);
    let error = decide(&[&doubling]).err().unwrap();
    assert!(
        matches!(error, RecoverError::Undecided(Undecided { limit: Limit::States, at: 50.., .. })),
        "{error}"
    );
    let product = [
        Instruction(0x20, 0, 0, 16),
        Instruction(0x07, 0, 0, 0),
        Instruction(0x20, 0, 0, 24),
        Instruction(0x2c, 0, 0, 0),
        Instruction(0x16, 0, 0, 0),
    ];
    let error = decide(&[&product]).err().unwrap();
    assert_eq!(
        error.to_string(),
        "instruction 3: what the filter does cannot be decided within 1048576 nodes and 8388608 steps"
    );
    let malformed = decide(&[&product[..], &product[..3]]).err().unwrap();
    assert!(matches!(malformed, RecoverError::Undecided(_)), "{malformed}");
    let malformed = decide(&[&product[4..], &product[..3]]).err().unwrap();
    assert_eq!(malformed.to_string(), "filter 1, the last instruction does not return");
}
