//! Classic BPF as seccomp takes it: operation codes, return values, and a text form.
//! linux/bpf_common.h, linux/filter.h, linux/seccomp.h.

use super::interpret::{CheckError, check};
use crate::lattice::action::Action;
use crate::plan::Instruction;
use std::fmt::Write as _;

/// `BPF_LD | BPF_W | BPF_ABS`: A ← the word at byte `k` of `struct seccomp_data`.
pub const LOAD: u16 = 0x20;
/// `BPF_ALU | BPF_AND | BPF_K`: A ← A & k.
pub const AND: u16 = 0x54;
/// `BPF_JMP | BPF_JA`: goes `k` instructions on.
pub const JUMP: u16 = 0x05;
/// `BPF_JMP | BPF_JEQ | BPF_K`: A == k.
pub const JUMP_EQUAL: u16 = 0x15;
/// `BPF_JMP | BPF_JGT | BPF_K`: A > k, unsigned.
pub const JUMP_GREATER: u16 = 0x25;
/// `BPF_JMP | BPF_JGE | BPF_K`: A >= k, unsigned.
pub const JUMP_GREATER_OR_EQUAL: u16 = 0x35;
/// `BPF_JMP | BPF_JSET | BPF_K`: A & k != 0.
pub const JUMP_SET: u16 = 0x45;
/// `BPF_RET | BPF_K`: the verdict.
pub const RETURN: u16 = 0x06;

/// Byte of `nr` in `struct seccomp_data`.
pub const NUMBER: u32 = 0;
/// Byte of `arch` in `struct seccomp_data`.
pub const ARCH: u32 = 4;
/// Byte of the first argument in `struct seccomp_data`; eight bytes each, the low word first on every
/// architecture of the vocabulary.
pub const ARGUMENTS: u32 = 16;

/// `BPF_MAXINSNS`: instructions that one filter may have.
pub const MAX_INSTRUCTIONS: usize = 4096;

/// `SECCOMP_RET_ACTION_FULL`: the action in a return value.
pub const ACTION_FULL: u32 = 0xffff_0000;
/// `SECCOMP_RET_DATA`: its data.
pub const DATA: u32 = 0x0000_ffff;

/// Return values, without data. linux/seccomp.h.
mod verdict {
    pub(super) const KILL_PROCESS: u32 = 0x8000_0000;
    pub(super) const KILL_THREAD: u32 = 0x0000_0000;
    pub(super) const TRAP: u32 = 0x0003_0000;
    pub(super) const ERRNO: u32 = 0x0005_0000;
    pub(super) const USER_NOTIF: u32 = 0x7fc0_0000;
    pub(super) const TRACE: u32 = 0x7ff0_0000;
    pub(super) const LOG: u32 = 0x7ffc_0000;
    pub(super) const ALLOW: u32 = 0x7fff_0000;
}

/// What a filter returns for `action`.
pub fn return_value(action: Action) -> u32 {
    match action {
        Action::KillProcess => verdict::KILL_PROCESS,
        Action::KillThread => verdict::KILL_THREAD,
        Action::Trap(data) => verdict::TRAP | u32::from(data),
        Action::Errno(errno) => verdict::ERRNO | u32::from(errno),
        Action::Notify => verdict::USER_NOTIF,
        Action::Trace(data) => verdict::TRACE | u32::from(data),
        Action::Log => verdict::LOG,
        Action::Allow => verdict::ALLOW,
    }
}

/// `MAX_ERRNO`, linux/err.h: a larger errno is answered as this one. `__seccomp_filter`, kernel/seccomp.c.
const MAX_ERRNO: u16 = 4095;

/// What the kernel does on a return value; what it does not know kills the process (4.14).
pub fn action(value: u32) -> Action {
    let [low, high, ..] = value.to_le_bytes();
    let data = u16::from_le_bytes([low, high]);
    match value & ACTION_FULL {
        verdict::KILL_THREAD => Action::KillThread,
        verdict::TRAP => Action::Trap(data),
        verdict::ERRNO => Action::Errno(data.min(MAX_ERRNO)),
        verdict::USER_NOTIF => Action::Notify,
        verdict::TRACE => Action::Trace(data),
        verdict::LOG => Action::Log,
        verdict::ALLOW => Action::Allow,
        _ => Action::KillProcess,
    }
}

/// The name of an action in `actions_avail`. seccomp(2).
pub fn action_name(action: Action) -> &'static str {
    match action {
        Action::KillProcess => "kill_process",
        Action::KillThread => "kill_thread",
        Action::Trap(_) => "trap",
        Action::Errno(_) => "errno",
        Action::Notify => "user_notif",
        Action::Trace(_) => "trace",
        Action::Log => "log",
        Action::Allow => "allow",
    }
}

/// `struct sock_filter` as it stands in memory of a little-endian machine: eight bytes each.
pub fn bytes(program: &[Instruction]) -> Vec<u8> {
    program
        .iter()
        .flat_map(|Instruction(code, yes, no, k)| {
            let [code_low, code_high] = code.to_le_bytes();
            let [a, b, c, d] = k.to_le_bytes();
            [code_low, code_high, *yes, *no, a, b, c, d]
        })
        .collect()
}

/// Why bytes are no filter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BytesError {
    /// Nothing is there.
    #[error("it is empty; a filter has 1 to {MAX_INSTRUCTIONS} instructions of 8 bytes each")]
    Empty,
    /// The last instruction is not whole.
    #[error("instruction {at}, from byte {}, is cut short: {} of its 8 bytes are there", at * 8, length % 8)]
    Truncated {
        /// Position of the instruction.
        at: usize,
        /// Bytes in all.
        length: usize,
    },
    /// More instructions than the kernel takes.
    #[error("it has more than {MAX_INSTRUCTIONS} instructions, the last that the kernel takes ends at byte {}",
        MAX_INSTRUCTIONS * 8)]
    TooLong,
    /// The kernel would refuse it.
    #[error(transparent)]
    Refused(#[from] CheckError),
}

/// The program in an array of `struct sock_filter` of a little-endian machine, checked as the kernel checks
/// it. What is no such program is refused with the place.
pub fn from_bytes(bytes: &[u8]) -> Result<Vec<Instruction>, BytesError> {
    let (whole, rest) = bytes.as_chunks::<8>();
    if whole.len() > MAX_INSTRUCTIONS {
        return Err(BytesError::TooLong);
    }
    if !rest.is_empty() {
        return Err(BytesError::Truncated { at: whole.len(), length: bytes.len() });
    }
    if whole.is_empty() {
        return Err(BytesError::Empty);
    }
    let instruction = |[code_low, code_high, yes, no, a, b, c, d]: &[u8; 8]| {
        Instruction(
            u16::from_le_bytes([*code_low, *code_high]),
            *yes,
            *no,
            u32::from_le_bytes([*a, *b, *c, *d]),
        )
    };
    let program: Vec<_> = whole.iter().map(instruction).collect();
    check(&program)?;
    Ok(program)
}

/// One line an instruction, with jump targets as absolute positions.
pub fn text(program: &[Instruction]) -> String {
    let mut out = String::new();
    for (at, instruction) in program.iter().enumerate() {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{at:4}: {}", line(at, *instruction));
    }
    out
}

/// The word at a byte of `struct seccomp_data`, as a reader names it.
fn word(offset: u32) -> String {
    match offset {
        NUMBER => "nr".to_owned(),
        ARCH => "arch".to_owned(),
        8 => "ip.low".to_owned(),
        12 => "ip.high".to_owned(),
        16..64 if offset.is_multiple_of(4) => {
            let half = if offset.is_multiple_of(8) { "low" } else { "high" };
            format!("arg{}.{half}", (offset - ARGUMENTS) / 8)
        }
        _ => format!("[{offset}]"),
    }
}

fn line(at: usize, Instruction(code, yes, no, k): Instruction) -> String {
    let target = |offset: u8| at + 1 + usize::from(offset);
    let conditional =
        |operator: &str| format!("if A {operator} {k:#x} goto {} else {}", target(yes), target(no));
    match code {
        LOAD => format!("A = {}", word(k)),
        AND => format!("A &= {k:#x}"),
        JUMP => format!("goto {}", u64::try_from(at).unwrap_or(u64::MAX).saturating_add(1 + u64::from(k))),
        JUMP_EQUAL => conditional("=="),
        JUMP_GREATER => conditional(">"),
        JUMP_GREATER_OR_EQUAL => conditional(">="),
        JUMP_SET => conditional("&"),
        RETURN => match action(k) {
            Action::Errno(errno) => format!("return errno {errno}"),
            Action::Trap(data) => format!("return trap {data}"),
            Action::Trace(data) => format!("return trace {data}"),
            other => format!("return {}", action_name(other)),
        },
        _ => format!("{code:#06x} {yes} {no} {k:#x}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_survives_its_return_value() {
        let actions = [
            Action::KillProcess,
            Action::KillThread,
            Action::Trap(7),
            Action::Errno(38),
            Action::Notify,
            Action::Trace(9),
            Action::Log,
            Action::Allow,
        ];
        for known in actions {
            assert_eq!(action(return_value(known)), known);
        }
        assert_eq!(action(0x0005_ffff), Action::Errno(4095));
        // A rank that no kernel has.
        assert_eq!(action(0x1234_0000), Action::KillProcess);
    }

    #[test]
    fn the_order_of_actions_is_the_kernels() {
        // `ACTION_ONLY` compares the signed upper half: kernel/seccomp.c.
        let mut actions = [
            Action::Allow,
            Action::Log,
            Action::Trace(0),
            Action::Notify,
            Action::Errno(38),
            Action::Trap(0),
            Action::KillThread,
            Action::KillProcess,
        ];
        actions.sort();
        let ranks: Vec<i32> =
            actions.iter().map(|action| (return_value(*action) & ACTION_FULL).cast_signed()).collect();
        assert!(ranks.is_sorted(), "{ranks:?}");
    }

    #[test]
    fn bytes_come_back_or_are_refused_with_the_place() {
        let program = [Instruction(LOAD, 0, 0, 28), Instruction(RETURN, 1, 2, 0x7fff_0000)];
        let whole = bytes(&program);
        assert_eq!(from_bytes(&whole), Ok(program.to_vec()));
        let refused = |bytes: &[u8]| from_bytes(bytes).unwrap_err().to_string();
        assert_eq!(refused(&[]), "it is empty; a filter has 1 to 4096 instructions of 8 bytes each");
        assert_eq!(
            refused(&whole[..11]),
            "instruction 1, from byte 8, is cut short: 3 of its 8 bytes are there"
        );
        assert_eq!(refused(&whole[..8]), "the last instruction does not return");
        assert!(refused(&whole.repeat(2049)).contains("more than 4096"));
        assert_eq!(
            refused(&[&[0x30, 0], &whole[2..]].concat()),
            "instruction 0: seccomp does not take operation 0x0030"
        );
    }

    #[test]
    fn text_names_words_and_targets() {
        let program = [
            Instruction(LOAD, 0, 0, 28),
            Instruction(AND, 0, 0, 0xff),
            Instruction(JUMP_EQUAL, 0, 1, 3),
            Instruction(RETURN, 0, 0, 0x0005_0026),
            Instruction(RETURN, 0, 0, 0x7fff_0000),
        ];
        assert_eq!(
            text(&program),
            "   0: A = arg1.high\n   1: A &= 0xff\n   2: if A == 0x3 goto 3 else 4\n   3: return errno \
             38\n   4: return allow\n"
        );
        assert_eq!(bytes(&program)[24..32], [6, 0, 0, 0, 0x26, 0, 5, 0]);
        assert_eq!(from_bytes(&bytes(&program)).as_deref(), Ok(&program[..]));
    }
}
