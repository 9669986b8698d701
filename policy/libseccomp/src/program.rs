//! What libseccomp makes of the rules for one interface.

use crate::part::{Part, Rule};
use crate::{LibseccompError, Search};
use libseccomp::{ScmpAction, ScmpArch, ScmpArgCompare, ScmpCompareOp, ScmpFilterContext, ScmpSyscall};
use rustix::fs::{MemfdFlags, memfd_create};
use std::fs::File;
use std::io::{Read, Seek};
use stockade_policy::lattice::action::Action;
use stockade_policy::lattice::diagram::Cube;
use stockade_policy::plan::Instruction;
use stockade_policy::seccomp::bpf;
use stockade_policy::vocab::Arch;

/// The program, which tests the interface first and kills what comes through another.
pub(crate) fn write(part: &Part, search: Search) -> Result<Vec<Instruction>, LibseccompError> {
    if part.rules.is_empty() {
        return Ok(vec![Instruction(bpf::RETURN, 0, 0, bpf::return_value(part.default))]);
    }
    let context = context(part, search)?;
    let mut program = read(&context)?;
    match program.get_mut(..2) {
        Some([Instruction(bpf::LOAD, _, _, bpf::ARCH), Instruction(bpf::JUMP_EQUAL, _, _, audit)])
            if *audit == native().audit() =>
        {
            *audit = part.audit;
        }
        _ => return Err(LibseccompError::Foreign),
    }
    Ok(program)
}

/// The interface that libseccomp takes numbers of as they are: the one that it was compiled for.
fn native() -> Arch {
    if cfg!(target_arch = "aarch64") { Arch::Aarch64 } else { Arch::X86_64 }
}

fn context(part: &Part, search: Search) -> Result<ScmpFilterContext, LibseccompError> {
    let failed = |operation| move |source| LibseccompError::Library { operation, source };
    let mut context =
        ScmpFilterContext::new(action(part.default)).map_err(failed("take the default action"))?;
    context.set_act_badarch(ScmpAction::KillProcess).map_err(failed("kill what is of no known interface"))?;
    if search == Search::Tree {
        context.set_ctl_optimize(2).map_err(failed("arrange numbers as a tree (2.5)"))?;
    }
    for Rule { number, cube, action: answer } in &part.rules {
        context
            .add_rule_conditional_exact(action(*answer), ScmpSyscall::from(*number), &comparisons(cube))
            .map_err(failed("take a rule"))?;
    }
    if native() == Arch::X86_64 {
        // Alone, x86_64 would kill numbers from the x32 bit on; beside x32 it takes every number as it is.
        // After the rules: exact ones go to a filter of one interface.
        context.add_arch(ScmpArch::X32).map_err(failed("leave the x32 bit alone"))?;
    }
    Ok(context)
}

fn comparisons(cube: &Cube) -> Vec<ScmpArgCompare> {
    (0..)
        .zip(cube.masks.iter().zip(&cube.values))
        .filter(|(_, (mask, _))| **mask != 0)
        .map(|(argument, (mask, value))| {
            let operator =
                if *mask == u64::MAX { ScmpCompareOp::Equal } else { ScmpCompareOp::MaskedEqual(*mask) };
            ScmpArgCompare::new(argument, operator, *value)
        })
        .collect()
}

fn action(action: Action) -> ScmpAction {
    match action {
        Action::KillProcess => ScmpAction::KillProcess,
        Action::KillThread => ScmpAction::KillThread,
        Action::Trap(_) => ScmpAction::Trap,
        Action::Errno(errno) => ScmpAction::Errno(i32::from(errno)),
        Action::Notify => ScmpAction::Notify,
        Action::Trace(message) => ScmpAction::Trace(message),
        Action::Log => ScmpAction::Log,
        Action::Allow => ScmpAction::Allow,
    }
}

/// The program that libseccomp writes as an array of `struct sock_filter`.
fn read(context: &ScmpFilterContext) -> Result<Vec<Instruction>, LibseccompError> {
    let descriptor = memfd_create("libseccomp", MemfdFlags::CLOEXEC)
        .map_err(|errno| LibseccompError::Read(errno.into()))?;
    let mut file = File::from(descriptor);
    context
        .export_bpf(&file)
        .map_err(|source| LibseccompError::Library { operation: "write a program", source })?;
    let mut bytes = Vec::new();
    file.rewind().and_then(|()| file.read_to_end(&mut bytes)).map_err(LibseccompError::Read)?;
    let (instructions, rest) = bytes.as_chunks::<8>();
    if !rest.is_empty() {
        return Err(LibseccompError::Foreign);
    }
    let instruction = |[code, more, yes, no, k @ ..]: &[u8; 8]| {
        Instruction(u16::from_le_bytes([*code, *more]), *yes, *no, u32::from_le_bytes(*k))
    };
    Ok(instructions.iter().map(instruction).collect())
}
