//! An exact interpreter of the BPF that seccomp takes: what the kernel would say of one system call.
//! seccomp(2), kernel/seccomp.c (`seccomp_check_filter`), net/core/filter.c (`bpf_check_classic`).

use super::bpf::MAX_INSTRUCTIONS;
use crate::plan::Instruction;
use serde::Serialize;

/// `struct seccomp_data`: what a filter sees of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Event {
    /// `nr`
    #[serde(rename = "nr")]
    pub number: u32,
    /// `arch`, an `AUDIT_ARCH_*`.
    pub arch: u32,
    /// `instruction_pointer`
    pub instruction_pointer: u64,
    /// `args`
    #[serde(rename = "args")]
    pub arguments: [u64; 6],
}

/// Why the kernel refuses a program (`EINVAL`).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// No instruction, or more than `BPF_MAXINSNS`.
    #[error("a filter has 1 to {MAX_INSTRUCTIONS} instructions, not {0}")]
    Length(usize),
    /// An operation that seccomp does not take.
    #[error("instruction {at}: seccomp does not take operation {code:#06x}")]
    Operation {
        /// Position.
        at: usize,
        /// `code`
        code: u16,
    },
    /// A constant out of range.
    #[error("instruction {at}: {k} is out of range: {what}")]
    Constant {
        /// Position.
        at: usize,
        /// `k`
        k: u32,
        /// What is meant by it.
        what: &'static str,
    },
    /// A jump beyond the end.
    #[error("instruction {at}: jumps beyond the end")]
    Jump {
        /// Position.
        at: usize,
    },
    /// A scratch word is read on a path that never wrote it.
    #[error("instruction {at}: reads scratch word {k}, which was not written on every path")]
    Scratch {
        /// Position.
        at: usize,
        /// `k`
        k: u32,
    },
    /// The last instruction does not return.
    #[error("the last instruction does not return")]
    End,
}

const CLASS: u16 = 0x07;
const LD: u16 = 0x00;
const LDX: u16 = 0x01;
const ST: u16 = 0x02;
const STX: u16 = 0x03;
const ALU: u16 = 0x04;
const JMP: u16 = 0x05;
const RET: u16 = 0x06;
/// `BPF_SRC`: the operand is X and not k.
const SOURCE_X: u16 = 0x08;

/// `BPF_MEMWORDS`
const SCRATCH_WORDS: u32 = 16;
/// `sizeof(struct seccomp_data)`
const DATA_BYTES: u32 = 64;

/// Operations that `seccomp_check_filter` lets through.
const OPERATIONS: [u16; 41] = [
    0x20, // LD W ABS: a word of seccomp_data
    0x80, // LD W LEN
    0x81, // LDX W LEN
    0x06, 0x16, // RET K, RET A
    0x04, 0x0c, 0x14, 0x1c, 0x24, 0x2c, 0x34, 0x3c, // ADD, SUB, MUL, DIV
    0x44, 0x4c, 0x54, 0x5c, 0x64, 0x6c, 0x74, 0x7c, // OR, AND, LSH, RSH
    0xa4, 0xac, 0x84, // XOR, NEG
    0x00, 0x01, // LD IMM, LDX IMM
    0x07, 0x87, // TAX, TXA
    0x60, 0x61, 0x02, 0x03, // LD MEM, LDX MEM, ST, STX
    0x05, 0x15, 0x1d, 0x25, 0x2d, 0x35, 0x3d, 0x45, 0x4d, // JA, JEQ, JGT, JGE, JSET
];

/// Whether the kernel would take the program.
pub fn check(program: &[Instruction]) -> Result<(), CheckError> {
    if program.is_empty() || program.len() > MAX_INSTRUCTIONS {
        return Err(CheckError::Length(program.len()));
    }
    for (at, instruction) in program.iter().enumerate() {
        check_instruction(at, *instruction, program.len())?;
    }
    if program.last().is_none_or(|Instruction(code, ..)| code & CLASS != RET) {
        return Err(CheckError::End);
    }
    check_scratch(program)
}

fn check_instruction(at: usize, instruction: Instruction, length: usize) -> Result<(), CheckError> {
    let Instruction(code, yes, no, k) = instruction;
    if !OPERATIONS.contains(&code) {
        return Err(CheckError::Operation { at, code });
    }
    let constant = |what| Err(CheckError::Constant { at, k, what });
    match code {
        0x20 if k >= DATA_BYTES || k % 4 != 0 => constant("an aligned word of seccomp_data"),
        0x34 if k == 0 => constant("a divisor"),
        0x64 | 0x74 if k >= 32 => constant("a shift of 32 bits"),
        0x60 | 0x61 | 0x02 | 0x03 if k >= SCRATCH_WORDS => constant("a scratch word"),
        0x05 if usize::try_from(k).map_or(true, |k| k >= length - at - 1) => Err(CheckError::Jump { at }),
        _ if code & CLASS == JMP && code != 0x05 && at + 1 + usize::from(yes.max(no)) >= length => {
            Err(CheckError::Jump { at })
        }
        _ => Ok(()),
    }
}

/// `check_load_and_stores`: scratch words written on every path that reaches an instruction.
fn check_scratch(program: &[Instruction]) -> Result<(), CheckError> {
    // All ones where no jump has arrived yet, as the kernel starts.
    let mut arriving = vec![u16::MAX; program.len()];
    let mut valid = 0u16;
    for (at, Instruction(code, yes, no, k)) in program.iter().copied().enumerate() {
        valid &= arriving[at];
        match code {
            0x02 | 0x03 => valid |= 1 << k,
            0x60 | 0x61 if valid >> k & 1 == 0 => return Err(CheckError::Scratch { at, k }),
            0x05 => {
                let target = usize::try_from(k).map_or(at + 1, |k| at + 1 + k);
                arriving[target] &= valid;
                valid = u16::MAX;
            }
            _ if code & CLASS == JMP => {
                arriving[at + 1 + usize::from(yes)] &= valid;
                arriving[at + 1 + usize::from(no)] &= valid;
                valid = u16::MAX;
            }
            _ => {}
        }
    }
    Ok(())
}

/// What the kernel saw of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The return value.
    pub value: u32,
    /// Instructions executed, the return included.
    pub steps: usize,
}

/// A program that the kernel would take.
#[derive(Clone, Copy, Debug)]
pub struct Program<'a>(&'a [Instruction]);

impl<'a> Program<'a> {
    /// Checks the program once, for any number of runs.
    pub fn new(instructions: &'a [Instruction]) -> Result<Self, CheckError> {
        check(instructions)?;
        Ok(Program(instructions))
    }

    /// What it says of one event.
    pub fn run(&self, event: &Event) -> Outcome {
        let mut state = State::default();
        let mut at = 0;
        let mut steps = 0;
        // Jumps only go forward, so this ends.
        while let Some(instruction) = self.0.get(at) {
            steps += 1;
            match state.step(*instruction, event) {
                Step::Next(skipped) => at += 1 + skipped,
                Step::Return(value) => return Outcome { value, steps },
            }
        }
        // Never reached: `check` refuses jumps beyond the end. It is a kill all the same.
        Outcome { value: 0, steps }
    }
}

#[derive(Default)]
struct State {
    a: u32,
    x: u32,
    scratch: [u32; SCRATCH_WORDS as usize],
}

enum Step {
    Next(usize),
    Return(u32),
}

impl State {
    fn step(&mut self, Instruction(code, yes, no, k): Instruction, event: &Event) -> Step {
        let operand = if code & SOURCE_X == 0 { k } else { self.x };
        match code & CLASS {
            RET => return Step::Return(if code == 0x16 { self.a } else { k }),
            JMP if code == 0x05 => return Step::Next(usize::try_from(k).unwrap_or(usize::MAX - 1)),
            JMP => return Step::Next(usize::from(if self.holds(code, operand) { yes } else { no })),
            ALU => match self.compute(code, operand) {
                Some(value) => self.a = value,
                // Dividing by X = 0 ends the program with 0: kill the thread.
                None => return Step::Return(0),
            },
            LD => self.a = self.load(code, k, event),
            LDX => self.x = self.load(code & !CLASS, k, event),
            ST => self.scratch[scratch(k)] = self.a,
            STX => self.scratch[scratch(k)] = self.x,
            // MISC: TAX and TXA.
            _ if code == 0x07 => self.x = self.a,
            _ => self.a = self.x,
        }
        Step::Next(0)
    }

    fn holds(&self, code: u16, operand: u32) -> bool {
        match code & 0xf0 {
            0x10 => self.a == operand,
            0x20 => self.a > operand,
            0x30 => self.a >= operand,
            _ => self.a & operand != 0,
        }
    }

    fn compute(&self, code: u16, operand: u32) -> Option<u32> {
        let a = self.a;
        Some(match code & 0xf0 {
            0x00 => a.wrapping_add(operand),
            0x10 => a.wrapping_sub(operand),
            0x20 => a.wrapping_mul(operand),
            0x30 => a.checked_div(operand)?,
            0x40 => a | operand,
            0x50 => a & operand,
            // The kernel's own interpreter takes a shift by X modulo 32.
            0x60 => a.wrapping_shl(operand),
            0x70 => a.wrapping_shr(operand),
            0xa0 => a ^ operand,
            _ => a.wrapping_neg(),
        })
    }

    fn load(&self, code: u16, k: u32, event: &Event) -> u32 {
        match code {
            0x20 => event.word(k),
            0x80 => DATA_BYTES,
            0x60 => self.scratch[scratch(k)],
            _ => k,
        }
    }
}

/// `check` keeps scratch words below [`SCRATCH_WORDS`].
fn scratch(k: u32) -> usize {
    usize::try_from(k % SCRATCH_WORDS).unwrap_or(0)
}

impl Event {
    /// The little-endian word at a byte offset that `check` let through.
    fn word(&self, offset: u32) -> u32 {
        let mut bytes = [0u8; DATA_BYTES as usize];
        bytes[0..4].copy_from_slice(&self.number.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.arch.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.instruction_pointer.to_le_bytes());
        for (argument, chunk) in self.arguments.iter().zip(bytes[16..].chunks_exact_mut(8)) {
            chunk.copy_from_slice(&argument.to_le_bytes());
        }
        let at = usize::try_from(offset).unwrap_or(0);
        bytes
            .get(at..at + 4)
            .map_or(0, |word| word.iter().rev().fold(0, |value, byte| value << 8 | u32::from(*byte)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: Event = Event {
        number: 41,
        arch: 0xc000_003e,
        instruction_pointer: 0x1111_2222_3333_4444,
        arguments: [0x5555_6666_7777_8888, 1, 2, 3, 4, 0xfedc_ba98_7654_3210],
    };

    fn result(program: &[Instruction]) -> Result<u32, CheckError> {
        Program::new(program).map(|program| program.run(&EVENT).value)
    }

    #[test]
    fn loads_every_word() {
        let words = [
            (0, 41),
            (4, 0xc000_003e),
            (8, 0x3333_4444),
            (12, 0x1111_2222),
            (16, 0x7777_8888),
            (60, 0xfedc_ba98),
        ];
        for (offset, value) in words {
            let program = [Instruction(0x20, 0, 0, offset), Instruction(0x16, 0, 0, 0)];
            assert_eq!(result(&program), Ok(value));
        }
        let length = [Instruction(0x81, 0, 0, 0), Instruction(0x87, 0, 0, 0), Instruction(0x16, 0, 0, 0)];
        assert_eq!(result(&length), Ok(64));
    }

    #[test]
    fn computes() {
        // (operation on k, start, operand, result)
        let table = [
            (0x04, 5, 7, 12),
            (0x14, 5, 7, 0xffff_fffe),
            (0x24, 0x8000_0001, 2, 2),
            (0x34, 17, 5, 3),
            (0x44, 0b100, 0b001, 0b101),
            (0x54, 0b110, 0b011, 0b010),
            (0x64, 3, 4, 48),
            (0x74, 48, 4, 3),
            (0xa4, 0b110, 0b011, 0b101),
            (0x84, 1, 0, u32::MAX),
        ];
        for (code, start, operand, expected) in table {
            let by_constant = [
                Instruction(0x00, 0, 0, start),
                Instruction(code, 0, 0, operand),
                Instruction(0x16, 0, 0, 0),
            ];
            assert_eq!(result(&by_constant), Ok(expected), "{code:#x}");
            if code == 0x84 {
                continue;
            }
            let by_register = [
                Instruction(0x01, 0, 0, operand),
                Instruction(0x00, 0, 0, start),
                Instruction(code | 0x08, 0, 0, 0),
                Instruction(0x16, 0, 0, 0),
            ];
            assert_eq!(result(&by_register), Ok(expected), "{code:#x} X");
        }
        let divide_by_zero =
            [Instruction(0x00, 0, 0, 9), Instruction(0x3c, 0, 0, 0), Instruction(0x06, 0, 0, 0x7fff_0000)];
        assert_eq!(result(&divide_by_zero), Ok(0));
    }

    #[test]
    fn jumps() {
        // (operation, A, k, taken)
        let table = [
            (0x15, 4, 4, true),
            (0x15, 4, 5, false),
            (0x25, 5, 4, true),
            (0x25, 4, 4, false),
            (0x35, 4, 4, true),
            (0x35, 3, 4, false),
            (0x45, 6, 2, true),
            (0x45, 6, 1, false),
        ];
        for (code, a, k, taken) in table {
            let program = [
                Instruction(0x00, 0, 0, a),
                Instruction(code, 1, 0, k),
                Instruction(0x06, 0, 0, 0),
                Instruction(0x06, 0, 0, 1),
            ];
            assert_eq!(result(&program), Ok(u32::from(taken)), "{code:#x} {a} {k}");
        }
    }

    #[test]
    fn refuses_what_the_kernel_refuses() {
        let ret = Instruction(0x06, 0, 0, 0);
        let refused = [
            (vec![], CheckError::Length(0)),
            (vec![ret; MAX_INSTRUCTIONS + 1], CheckError::Length(MAX_INSTRUCTIONS + 1)),
            // MOD and byte loads are classic BPF but not seccomp's.
            (vec![Instruction(0x94, 0, 0, 3), ret], CheckError::Operation { at: 0, code: 0x94 }),
            (vec![Instruction(0x30, 0, 0, 0), ret], CheckError::Operation { at: 0, code: 0x30 }),
            (vec![Instruction(0x15, 0, 1, 0), ret], CheckError::Jump { at: 0 }),
            (vec![Instruction(0x05, 0, 0, 1), ret], CheckError::Jump { at: 0 }),
            (vec![Instruction(0x05, 0, 0, u32::MAX), ret], CheckError::Jump { at: 0 }),
            (vec![Instruction(0x60, 0, 0, 2), ret], CheckError::Scratch { at: 0, k: 2 }),
            (vec![Instruction(0x20, 0, 0, 0)], CheckError::End),
        ];
        for (program, error) in refused {
            assert_eq!(check(&program), Err(error));
        }
        for (code, k) in [(0x20, 64), (0x20, 2), (0x34, 0), (0x64, 32), (0x02, 16)] {
            let refused = check(&[Instruction(code, 0, 0, k), ret]);
            assert!(matches!(refused, Err(CheckError::Constant { at: 0, .. })), "{code:#x} {k}: {refused:?}");
        }
    }

    #[test]
    fn scratch_must_be_written_on_every_path() {
        let half = [
            Instruction(0x15, 0, 1, 0),
            Instruction(0x02, 0, 0, 1),
            Instruction(0x60, 0, 0, 1),
            Instruction(0x16, 0, 0, 0),
        ];
        assert_eq!(check(&half), Err(CheckError::Scratch { at: 2, k: 1 }));
        let both = [
            Instruction(0x02, 0, 0, 1),
            Instruction(0x15, 0, 0, 0),
            Instruction(0x60, 0, 0, 1),
            Instruction(0x16, 0, 0, 0),
        ];
        assert_eq!(check(&both), Ok(()));
    }
}
