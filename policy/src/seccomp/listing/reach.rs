//! Which calls reach each instruction of a filter.

use crate::lattice::intervals::IntervalSet;
use crate::plan::Instruction;
use crate::seccomp::bpf;
use crate::vocab::Arch;
use std::collections::BTreeMap;

/// Blocks that a test of a number may part an interval into: masks with holes can make very many.
const BLOCKS: usize = 100_000;

/// Numbers by audit number; `None` is every other one.
pub(super) type Numbers = BTreeMap<Option<u32>, IntervalSet<u32>>;

/// What the accumulator holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Held {
    /// Nothing that is followed.
    Unknown,
    /// The word at a byte of `struct seccomp_data`, cut to a mask.
    Word(u32, u32),
}

/// What arrives at an instruction, by what the accumulator holds then.
pub(super) type Arrivals = BTreeMap<Held, Numbers>;

/// What arrives at each instruction on a host.
pub(super) fn walk(program: &[Instruction], host: Arch) -> Vec<Arrivals> {
    let audits = host.family().iter().map(|arch| Some(arch.audit())).chain([None]);
    let everything: Numbers = audits.map(|audit| (audit, IntervalSet::full())).collect();
    let mut reached = vec![Arrivals::new(); program.len()];
    if let Some(first) = reached.first_mut() {
        first.insert(Held::Unknown, everything);
    }
    // Jumps lead forward only.
    for at in 0..program.len() {
        for (held, numbers) in reached[at].clone() {
            for (to, held, numbers) in step(program[at], at, held, numbers) {
                let Some(arrivals) = reached.get_mut(to) else { continue };
                let known = arrivals.entry(held).or_default();
                for (audit, more) in numbers.into_iter().filter(|(_, more)| !more.is_empty()) {
                    let before = known.entry(audit).or_insert_with(IntervalSet::empty);
                    *before = before.union(&more);
                }
            }
        }
    }
    reached
}

/// Where an instruction leads, with what.
fn step(instruction: Instruction, at: usize, held: Held, numbers: Numbers) -> Vec<(usize, Held, Numbers)> {
    let Instruction(code, yes, no, k) = instruction;
    let next = at + 1;
    match code {
        bpf::LOAD => vec![(next, Held::Word(k, u32::MAX), numbers)],
        bpf::AND => {
            let held = match held {
                Held::Word(word, mask) => Held::Word(word, mask & k),
                Held::Unknown => Held::Unknown,
            };
            vec![(next, held, numbers)]
        }
        bpf::JUMP => {
            let distance = usize::try_from(k).unwrap_or(usize::MAX);
            vec![(next.saturating_add(distance), held, numbers)]
        }
        bpf::RETURN => Vec::new(),
        bpf::JUMP_EQUAL | bpf::JUMP_GREATER | bpf::JUMP_GREATER_OR_EQUAL | bpf::JUMP_SET => {
            let (holds, fails) = part(code, k, held, &numbers);
            vec![(next + usize::from(yes), held, holds), (next + usize::from(no), held, fails)]
        }
        // Nothing else is compiled; the accumulator is no longer followed.
        _ => vec![(next, Held::Unknown, numbers)],
    }
}

/// The numbers for which a test holds, and those for which it does not.
fn part(code: u16, k: u32, held: Held, numbers: &Numbers) -> (Numbers, Numbers) {
    let (mut holds, mut fails) = (Numbers::new(), Numbers::new());
    for (audit, set) in numbers {
        let (yes, no) = match (held, audit) {
            (Held::Word(bpf::ARCH, mask), Some(audit)) => {
                if of_word(code, k, audit & mask) {
                    (set.clone(), IntervalSet::empty())
                } else {
                    (IntervalSet::empty(), set.clone())
                }
            }
            (Held::Word(bpf::NUMBER, mask), _) => match numbers_that_hold(code, k, mask, set) {
                Some(yes) => (yes.clone(), set.minus(&yes)),
                None => (set.clone(), set.clone()),
            },
            // Another machine's audit number: none of those that are asked for.
            (Held::Word(bpf::ARCH, u32::MAX), None) if code == bpf::JUMP_EQUAL => {
                (IntervalSet::empty(), set.clone())
            }
            _ => (set.clone(), set.clone()),
        };
        holds.insert(*audit, yes);
        fails.insert(*audit, no);
    }
    (holds, fails)
}

/// Whether a test holds of a word.
fn of_word(code: u16, k: u32, word: u32) -> bool {
    match code {
        bpf::JUMP_EQUAL => word == k,
        bpf::JUMP_GREATER => word > k,
        bpf::JUMP_GREATER_OR_EQUAL => word >= k,
        _ => word & k != 0,
    }
}

/// Whether a test holds of all words `high | x & low`, where no bit of `low` is in `high`; `None`: of some.
fn of_block(code: u16, k: u32, mask: u32, high: u32, low: u32) -> Option<bool> {
    let (least, most) = (high & mask, (high | low) & mask);
    let free = low & mask;
    if free == 0 {
        return Some(of_word(code, k, least));
    }
    match code {
        bpf::JUMP_EQUAL => ((least ^ k) & !free != 0).then_some(false),
        bpf::JUMP_SET if least & k != 0 => Some(true),
        bpf::JUMP_SET => (free & k == 0).then_some(false),
        _ if of_word(code, k, least) => Some(true),
        _ => (!of_word(code, k, most)).then_some(false),
    }
}

/// The numbers of `set` for which a test under a mask holds; `None` where they are too scattered.
fn numbers_that_hold(code: u16, k: u32, mask: u32, set: &IntervalSet<u32>) -> Option<IntervalSet<u32>> {
    let mut open = vec![(0_u32, u32::MAX)];
    let mut found = Vec::new();
    let mut blocks = 0;
    while let Some((high, low)) = open.pop() {
        let comes = |(first, last): (u32, u32)| first <= high | low && high <= last;
        if !set.ranges().any(comes) {
            continue;
        }
        blocks += 1;
        if blocks > BLOCKS {
            return None;
        }
        match of_block(code, k, mask, high, low) {
            Some(true) => found.push((high, high | low)),
            Some(false) => {}
            None => {
                let half = low >> 1;
                open.extend([(high, half), (high | (half + 1), half)]);
            }
        }
    }
    Some(found.into_iter().collect::<IntervalSet<u32>>().intersection(set))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::condition::{Comparison, Condition, Operator, Width};
    use crate::lattice::action::Action;
    use crate::lattice::diagram::{Decision, Diagram};
    use crate::lattice::syscalls::{Syscalls, Table};
    use crate::origin::Origins;
    use crate::seccomp::compile;
    use crate::vocab::arch::X32_BIT;
    use std::collections::BTreeSet;

    /// The instructions that one number comes to, with every argument.
    fn visited(program: &[Instruction], audit: u32, number: u32) -> BTreeSet<usize> {
        let (mut seen, mut open) = (BTreeSet::new(), BTreeSet::from([(0, None)]));
        while let Some((at, word)) = open.pop_first() {
            seen.insert(at);
            let Instruction(code, yes, no, k) = program[at];
            let mut go = |far: usize, word| open.insert((at + 1 + far, word));
            match code {
                bpf::LOAD => drop(go(0, [number, audit].get(usize::try_from(k / 4).unwrap()).copied())),
                bpf::AND => drop(go(0, word.map(|word| word & k))),
                bpf::JUMP => drop(go(usize::try_from(k).unwrap(), word)),
                bpf::RETURN => {}
                _ => {
                    let known = word.map(|word| of_word(code, k, word));
                    for (holds, far) in [(true, yes), (false, no)] {
                        if known.is_none_or(|known| known == holds) {
                            go(usize::from(far), word);
                        }
                    }
                }
            }
        }
        seen
    }

    #[test]
    fn everything_that_comes_is_known_and_nothing_else() {
        let leaf = |action| Diagram::leaf(Decision { action, origins: Origins::new() });
        let test = Condition::Compare(Comparison {
            argument: 0,
            width: Width::U64,
            mask: u64::MAX,
            operator: Operator::Equal,
            value: 1 << 40 | 5,
        });
        let asks = Diagram::choose("x", &test, &leaf(Action::Allow), &leaf(Action::Errno(1))).unwrap();
        let numbers = (0..300)
            .filter(|number| number % 7 < 3)
            .map(|number| (number, if number % 5 == 0 { asks.clone() } else { leaf(Action::Allow) }));
        let rest = Decision { action: Action::Errno(38), origins: Origins::new() };
        let table = Table::new(numbers.collect(), rest.clone());
        let few = Table::new([(3, asks.clone())].into(), rest.clone());
        let policy = Syscalls::new([(Arch::X86_64, table), (Arch::I386, few)].into(), &rest);
        let program = compile(&policy, Arch::X86_64).unwrap();
        let reached = walk(&program, Arch::X86_64);
        for (audit, key) in [
            (Arch::X86_64.audit(), Some(Arch::X86_64.audit())),
            (Arch::I386.audit(), Some(Arch::I386.audit())),
            (1, None),
        ] {
            for number in (0..400).chain([X32_BIT - 1, X32_BIT, X32_BIT + 3, 2 * X32_BIT + 1, u32::MAX]) {
                let visited = visited(&program, audit, number);
                for (at, arrivals) in reached.iter().enumerate() {
                    let comes =
                        arrivals.values().any(|all| all.get(&key).is_some_and(|set| set.contains(number)));
                    assert_eq!(comes, visited.contains(&at), "{number} of {audit:#x} at {at}");
                }
            }
        }
    }

    #[test]
    fn numbers_are_parted_exactly() {
        let set = IntervalSet::range(3, 300);
        for code in [bpf::JUMP_EQUAL, bpf::JUMP_GREATER, bpf::JUMP_GREATER_OR_EQUAL, bpf::JUMP_SET] {
            for mask in [u32::MAX, 0xf0, 0x55, 1, 0] {
                for k in [0, 1, 5, 0x50, 0x51, 255, 256, u32::MAX] {
                    let holds = numbers_that_hold(code, k, mask, &set).unwrap();
                    for number in 0..400 {
                        let expected = set.contains(number) && of_word(code, k, number & mask);
                        assert_eq!(holds.contains(number), expected, "{code:#x} {number} & {mask:#x} {k:#x}");
                    }
                }
            }
        }
        // Too scattered to be told.
        assert!(numbers_that_hold(bpf::JUMP_EQUAL, 0, 0x5555_5555, &IntervalSet::full()).is_none());
    }
}
