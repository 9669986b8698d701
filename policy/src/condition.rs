//! A test over the six arguments of a system call, as meant: numbers instead of names.
//! Its text form (`flags & NAMESPACE_FLAGS == 0`) is parsed in `expression`.

use serde::{Deserialize, Serialize};

/// How much of the 64-bit register counts, and how it is ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Width {
    /// The low 32 bits, unsigned (`unsigned int`, `uid_t`, flags of 32 bits).
    U32,
    /// The low 32 bits, two's complement (`int`).
    I32,
    /// All 64 bits, unsigned (`size_t`, pointers, `unsigned long`).
    U64,
    /// All 64 bits, two's complement (`long`, `loff_t`).
    I64,
}

/// A comparison operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Operator {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// `argument & mask operator value`, taken at `width`: mask and value are cut to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Comparison {
    /// Which argument, 0 to 5.
    pub argument: u8,
    /// How it is read.
    pub width: Width,
    /// Bits that count; all ones where none is written.
    pub mask: u64,
    /// The operator.
    pub operator: Operator,
    /// The value, sign-extended for the signed widths.
    pub value: u64,
}

/// A boolean combination of comparisons.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Condition {
    /// All of these hold; `All([])` is true.
    All(Vec<Condition>),
    /// One of these holds; `Any([])` is false.
    Any(Vec<Condition>),
    /// This one does not hold.
    Not(Box<Condition>),
    /// A single comparison.
    Compare(Comparison),
}

impl Width {
    /// The bits of the register that count.
    pub fn bits(self) -> u64 {
        match self {
            Width::U32 | Width::I32 => 0xffff_ffff,
            Width::U64 | Width::I64 => u64::MAX,
        }
    }

    /// The highest bit, the sign of the signed widths.
    pub fn top_bit(self) -> u64 {
        match self {
            Width::U32 | Width::I32 => 1 << 31,
            Width::U64 | Width::I64 => 1 << 63,
        }
    }

    /// Whether the top bit is a sign.
    pub fn is_signed(self) -> bool {
        matches!(self, Width::I32 | Width::I64)
    }
}

impl Comparison {
    /// Whether the comparison holds for these six raw registers.
    pub fn holds(&self, arguments: &[u64; 6]) -> bool {
        let flip = if self.width.is_signed() { self.width.top_bit() } else { 0 };
        let bits = self.width.bits();
        let left = (arguments[usize::from(self.argument)] & self.mask & bits) ^ flip;
        let right = (self.value & bits) ^ flip;
        match self.operator {
            Operator::Equal => left == right,
            Operator::NotEqual => left != right,
            Operator::Less => left < right,
            Operator::LessOrEqual => left <= right,
            Operator::Greater => left > right,
            Operator::GreaterOrEqual => left >= right,
        }
    }
}

impl Condition {
    /// Always true.
    pub fn always() -> Self {
        Condition::All(Vec::new())
    }

    /// Whether the condition holds for these six raw registers.
    pub fn holds(&self, arguments: &[u64; 6]) -> bool {
        match self {
            Condition::All(parts) => parts.iter().all(|part| part.holds(arguments)),
            Condition::Any(parts) => parts.iter().any(|part| part.holds(arguments)),
            Condition::Not(part) => !part.holds(arguments),
            Condition::Compare(comparison) => comparison.holds(arguments),
        }
    }
}
