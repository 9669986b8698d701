//! Whether a filter decides as a policy does: over every interface, both sides of every boundary between
//! numbers, and arguments that see every test of a diagram from both sides.

use std::collections::BTreeSet;
use stockade_policy::lattice::action::Action;
use stockade_policy::lattice::diagram::{Diagram, Node};
use stockade_policy::lattice::syscalls::Syscalls;
use stockade_policy::plan::Instruction;
use stockade_policy::seccomp::interpret::{Event, Program};
use stockade_policy::seccomp::{self, bpf};
use stockade_policy::vocab::Arch;
use stockade_policy::vocab::arch::X32_BIT;

pub(crate) const HOSTS: [Arch; 2] = [Arch::X86_64, Arch::Aarch64];

/// Audit numbers: the families', one of another machine, and one that stands for nothing.
pub(crate) const AUDITS: [u32; 6] = [0xc000_003e, 0x4000_0003, 0xc000_00b7, 0x4000_0028, 0xc000_0016, 0];

pub(crate) fn expected(syscalls: &Syscalls, host: Arch, event: &Event) -> Action {
    match seccomp::locate(host, event.arch, event.number) {
        Some((arch, number)) => syscalls.table(arch).diagram(number).decide(&event.arguments).action,
        None => Action::KillProcess,
    }
}

fn answer(program: &Program<'_>, event: &Event) -> Action {
    bpf::action(program.run(event).value)
}

/// Both sides of every boundary between numbers, and the ends.
fn numbers(syscalls: &Syscalls, host: Arch) -> BTreeSet<u32> {
    let mut out = BTreeSet::from([0, u32::MAX, X32_BIT - 1, X32_BIT, 2 * X32_BIT, 3 * X32_BIT, u32::MAX - 1]);
    for arch in host.family() {
        for (first, last, _) in syscalls.table(*arch).intervals() {
            for number in [first, last, first.saturating_sub(1)] {
                out.extend([number, number | X32_BIT, number & !X32_BIT]);
            }
        }
    }
    out
}

/// Arguments that reach every leaf of the diagrams that decide `number`, each with single bits turned: so
/// every test is seen from both sides.
pub(crate) fn arguments(diagram: &Diagram) -> Vec<[u64; 6]> {
    let mut paths: Vec<(u32, [u64; 6])> = vec![(0, [0; 6])];
    let mut seen = BTreeSet::new();
    let mut out = vec![[0; 6], [u64::MAX; 6]];
    while let Some((at, known)) = paths.pop() {
        if !seen.insert(at) {
            continue;
        }
        if let Node::Test { argument, bit, clear, set } = &diagram.nodes()[usize::try_from(at).unwrap()] {
            let mut with = known;
            with[usize::from(*argument)] |= 1 << bit;
            out.extend([known, with]);
            for noise in [u64::MAX << bit << 1, !(u64::MAX << bit)] {
                let mut noisy = known;
                noisy[usize::from(*argument)] ^= noise;
                out.push(noisy);
            }
            paths.extend([(*clear, known), (*set, with)]);
        }
    }
    out
}

pub(crate) fn agrees(syscalls: &Syscalls, host: Arch, program: &[Instruction], extra: &[Event]) {
    let runnable = Program::new(program).unwrap();
    let check = |event: &Event| {
        assert_eq!(
            answer(&runnable, event),
            expected(syscalls, host, event),
            "{event:x?}\n{}",
            bpf::text(program)
        );
    };
    for audit in AUDITS {
        for number in numbers(syscalls, host) {
            let tests = match seccomp::locate(host, audit, number) {
                Some((arch, number)) => arguments(syscalls.table(arch).diagram(number)),
                None => vec![[0; 6]],
            };
            for arguments in tests {
                check(&Event { number, arch: audit, instruction_pointer: 0, arguments });
            }
        }
    }
    extra.iter().for_each(check);
}
