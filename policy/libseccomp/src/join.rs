//! The instructions in front of the interfaces' programs.

use stockade_policy::lattice::action::Action;
use stockade_policy::plan::Instruction;
use stockade_policy::seccomp::bpf;
use stockade_policy::vocab::Arch;
use stockade_policy::vocab::arch::X32_BIT;

/// One program that goes to the one of the call's interface, and kills what comes through none of them.
pub(crate) fn join(parts: Vec<(Arch, Vec<Instruction>)>) -> Vec<Instruction> {
    // x86_64 and x32 share an audit number, and x32 is the half of it that sets the bit.
    let (x32, others): (Vec<_>, Vec<_>) = parts.into_iter().partition(|(arch, _)| *arch == Arch::X32);
    let others_code: usize = others.iter().map(|(arch, _)| 1 + ways(*arch)).sum();
    let mut program = vec![Instruction(bpf::LOAD, 0, 0, bpf::ARCH)];
    // Where the next program begins.
    let mut body_at = 1 + others_code + 1;
    let mut bodies = Vec::new();
    let mut goto = |program: &mut Vec<Instruction>, body: Vec<Instruction>| {
        let skipped = u32::try_from(body_at - program.len() - 1).unwrap_or(u32::MAX);
        program.push(Instruction(bpf::JUMP, 0, 0, skipped));
        body_at += body.len();
        bodies.extend(body);
    };
    let mut x32 = x32.into_iter();
    for (arch, body) in others {
        let skipped = u8::try_from(ways(arch)).unwrap_or(u8::MAX);
        program.push(Instruction(bpf::JUMP_EQUAL, 0, skipped, arch.audit()));
        if let (Arch::X86_64, Some((_, x32))) = (arch, x32.next()) {
            program.push(Instruction(bpf::LOAD, 0, 0, bpf::NUMBER));
            program.push(Instruction(bpf::JUMP_SET, 0, 1, X32_BIT));
            goto(&mut program, x32);
        }
        goto(&mut program, body);
    }
    program.push(Instruction(bpf::RETURN, 0, 0, bpf::return_value(Action::KillProcess)));
    program.extend(bodies);
    program
}

/// Instructions between the test of an audit number and the next one.
fn ways(arch: Arch) -> usize {
    if arch == Arch::X86_64 { 4 } else { 1 }
}
