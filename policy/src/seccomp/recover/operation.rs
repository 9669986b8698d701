//! Instructions as what they do to registers, and which registers their future still reads.

use crate::plan::Instruction;

/// A, X and the 16 scratch words.
pub(super) const REGISTERS: usize = 18;
/// A
pub(super) const A: usize = 0;
/// X
pub(super) const X: usize = 1;

/// Where a value comes from.
#[derive(Clone, Copy)]
pub(super) enum Value {
    Constant(u32),
    Register(usize),
    /// A word at a byte offset of `struct seccomp_data`.
    Data(u32),
}

/// What an instruction does.
#[derive(Clone, Copy)]
pub(super) enum Operation {
    /// Puts a value into a register.
    Copy { to: usize, from: Value },
    /// A ← A `code` operand.
    Compute { code: u16, operand: Value },
    /// Goes on there.
    Jump(usize),
    /// Compares A.
    Branch { code: u16, operand: Value, yes: usize, no: usize },
    /// Ends.
    Return(Value),
}

/// Scratch word `k`.
fn scratch(k: u32) -> usize {
    2 + usize::try_from(k % 16).unwrap_or(0)
}

impl Operation {
    /// What the instruction at `at` does, of a program that the kernel would take.
    pub(super) fn of(at: usize, Instruction(code, yes, no, k): Instruction) -> Self {
        let copy = |to, from| Operation::Copy { to, from };
        let operand = if code & 0x08 == 0 { Value::Constant(k) } else { Value::Register(X) };
        match code {
            0x20 => copy(A, Value::Data(k)),
            // `sizeof(struct seccomp_data)`
            0x80 => copy(A, Value::Constant(64)),
            0x81 => copy(X, Value::Constant(64)),
            0x00 => copy(A, Value::Constant(k)),
            0x01 => copy(X, Value::Constant(k)),
            0x60 => copy(A, Value::Register(scratch(k))),
            0x61 => copy(X, Value::Register(scratch(k))),
            0x02 => copy(scratch(k), Value::Register(A)),
            0x03 => copy(scratch(k), Value::Register(X)),
            0x07 => copy(X, Value::Register(A)),
            0x87 => copy(A, Value::Register(X)),
            0x06 => Operation::Return(Value::Constant(k)),
            0x16 => Operation::Return(Value::Register(A)),
            0x05 => Operation::Jump(usize::try_from(k).map_or(usize::MAX, |k| at + 1 + k)),
            _ if code & 0x07 == 0x05 => Operation::Branch {
                code,
                operand,
                yes: at + 1 + usize::from(yes),
                no: at + 1 + usize::from(no),
            },
            _ => Operation::Compute { code, operand },
        }
    }

    /// Whether it can end the program with 0: the kernel does so where X is 0 in a division.
    pub(super) fn divides_by_x(self) -> bool {
        matches!(self, Operation::Compute { code: 0x3c, .. })
    }
}

/// A set of registers, a bit each.
#[derive(Clone, Copy, Default)]
pub(super) struct Registers(u32);

impl Registers {
    pub(super) fn contains(self, register: usize) -> bool {
        self.0 >> register & 1 == 1
    }

    fn with(self, value: Value) -> Self {
        match value {
            Value::Register(register) => Registers(self.0 | 1 << register),
            Value::Constant(_) | Value::Data(_) => self,
        }
    }

    fn without(self, register: usize) -> Self {
        Registers(self.0 & !(1 << register))
    }
}

/// For each instruction, the registers that it or what comes after it reads before they are written.
/// Jumps only go forward, so one pass from the end is enough.
pub(super) fn live(program: &[Operation]) -> Vec<Registers> {
    let mut live = vec![Registers::default(); program.len()];
    for (at, operation) in program.iter().enumerate().rev() {
        let from = |at: usize| live.get(at).copied().unwrap_or_default();
        let accumulator = Value::Register(A);
        live[at] = match *operation {
            Operation::Copy { to, from: value } => from(at + 1).without(to).with(value),
            Operation::Compute { operand, .. } => from(at + 1).with(accumulator).with(operand),
            Operation::Jump(target) => from(target),
            Operation::Branch { operand, yes, no, .. } => {
                Registers(from(yes).0 | from(no).0).with(accumulator).with(operand)
            }
            Operation::Return(value) => Registers::default().with(value),
        };
    }
    live
}
