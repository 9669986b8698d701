//! Conditions on the arguments of a system call, as written:
//!
//! ```text
//! rule := name ['(' or ')']
//! or   := and {'or' and}
//! and  := not {'and' not}
//! not  := 'not' not | '(' or ')' | cmp
//! cmp  := parameter ['&' mask] (op value | ['not'] 'in' '{' value {',' value} '}')
//! mask := value | '(' value {'|' value} ')'
//! op   := '==' | '!=' | '<' | '<=' | '>' | '>='
//! ```
//!
//! A value is a number (decimal, `0x…`, `0o…`, with `-` in front) or the name of a constant; `&` binds
//! tighter than `==`, unlike in C. A parameter is one that the call declares, or a register, `arg0` to `arg5`. What the names mean on an architecture is [`lower`]'s business.

mod lexer;
mod lower;
mod parser;

pub use lower::{LowerError, Stance, lower};
pub use parser::{ExpressionError, parse_condition, parse_rule};

use crate::condition::Operator;
use crate::origin::At;
use std::fmt;

/// A system call, with a condition or without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The call.
    pub call: At<String>,
    /// When the rule holds; `None`: always.
    pub when: Option<Expression>,
}

/// A boolean combination of comparisons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expression {
    /// One of these, at least two.
    Or(Vec<Expression>),
    /// All of these, at least two.
    And(Vec<Expression>),
    /// Not this one.
    Not(Box<Expression>),
    /// A comparison.
    Compare(Comparison),
}

/// `parameter & mask op value`, or `parameter & mask in {values}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// The parameter's name.
    pub parameter: At<String>,
    /// Values that make up the mask together; none where no mask is written.
    pub mask: Vec<At<Value>>,
    /// What is asked.
    pub test: Test,
}

/// What a comparison asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// `op value`
    Against(Operator, At<Value>),
    /// `in {values}`, or with `not` before it.
    In {
        /// Whether `not` stands before it.
        negated: bool,
        /// The values, at least one.
        values: Vec<At<Value>>,
    },
}

/// A number or the name of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A number; between -2^63 and 2^64 - 1.
    Number {
        /// The number.
        number: i128,
        /// Whether it was written in base 16, and prints so.
        hexadecimal: bool,
    },
    /// A constant of a kernel header.
    Name(String),
}

impl Operator {
    /// As written.
    pub fn symbol(self) -> &'static str {
        match self {
            Operator::Equal => "==",
            Operator::NotEqual => "!=",
            Operator::Less => "<",
            Operator::LessOrEqual => "<=",
            Operator::Greater => ">",
            Operator::GreaterOrEqual => ">=",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.when {
            None => f.write_str(&self.call.value),
            Some(when) => write!(f, "{}({when})", self.call.value),
        }
    }
}

/// Parts joined by a word; a part that binds weaker stands in parentheses.
fn joined(
    f: &mut fmt::Formatter<'_>,
    parts: &[Expression],
    word: &str,
    weaker: fn(&Expression) -> bool,
) -> fmt::Result {
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            write!(f, " {word} ")?;
        }
        if weaker(part) {
            write!(f, "({part})")?;
        } else {
            write!(f, "{part}")?;
        }
    }
    Ok(())
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Expression::Or(parts) => joined(f, parts, "or", |part| matches!(part, Expression::Or(_))),
            Expression::And(parts) => {
                joined(f, parts, "and", |part| matches!(part, Expression::Or(_) | Expression::And(_)))
            }
            Expression::Not(part) if matches!(**part, Expression::Or(_) | Expression::And(_)) => {
                write!(f, "not ({part})")
            }
            Expression::Not(part) => write!(f, "not {part}"),
            Expression::Compare(comparison) => write!(f, "{comparison}"),
        }
    }
}

fn list(f: &mut fmt::Formatter<'_>, values: &[At<Value>], separator: &str) -> fmt::Result {
    for (index, value) in values.iter().enumerate() {
        write!(f, "{}{}", if index > 0 { separator } else { "" }, value.value)?;
    }
    Ok(())
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.parameter.value)?;
        match self.mask.as_slice() {
            [] => {}
            [mask] => write!(f, " & {}", mask.value)?,
            masks => {
                f.write_str(" & (")?;
                list(f, masks, " | ")?;
                f.write_str(")")?;
            }
        }
        match &self.test {
            Test::Against(operator, value) => write!(f, " {} {}", operator.symbol(), value.value),
            Test::In { negated, values } => {
                write!(f, " {}in {{", if *negated { "not " } else { "" })?;
                list(f, values, ", ")?;
                f.write_str("}")
            }
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Number { number, hexadecimal: true } if *number < 0 => write!(f, "-{:#x}", -number),
            Value::Number { number, hexadecimal: true } => write!(f, "{number:#x}"),
            Value::Number { number, hexadecimal: false } => write!(f, "{number}"),
            Value::Name(name) => f.write_str(name),
        }
    }
}

#[cfg(test)]
mod tests;
