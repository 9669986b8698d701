//! Names → numbers: what an expression means on one architecture.

use super::{Comparison, Expression, Test, Value};
use crate::condition::{self, Condition, Operator, Width};
use crate::origin::At;
use crate::vocab::{Arch, constants, parameters};

/// Which way to err where the kernel's reading of an argument is not known.
///
/// Every comparison is then made in each reading that is possible. A rule that allows holds only where
/// all of them agree, so that `== V` tests 64 bits; one that denies holds where any does, so that
/// `== V` tests the low 32. Under a `not` it is the other way round, which keeps `!= V` as safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stance {
    /// The rule allows.
    Allow,
    /// The rule denies.
    Deny,
}

/// Why an expression means nothing on an architecture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LowerError {
    /// The vocabulary does not know the call's parameters.
    NoParameters {
        /// The architecture.
        arch: Arch,
        /// The parameter that was written.
        parameter: At<String>,
    },
    /// No parameter of the call has this name.
    UnknownParameter {
        /// The name.
        parameter: At<String>,
        /// The names that the call's parameters have.
        valid: Vec<&'static str>,
    },
    /// No constant has this name.
    UnknownConstant {
        /// The name.
        name: At<String>,
    },
    /// The constant has no value on this architecture.
    NoValueHere {
        /// The name.
        name: At<String>,
        /// The architecture.
        arch: Arch,
    },
    /// A value that the parameter cannot have.
    DoesNotFit {
        /// The value as written.
        value: At<Value>,
        /// The parameter.
        parameter: String,
        /// Bits that the kernel looks at.
        bits: u32,
    },
    /// Bits that the mask takes away.
    OutsideMask {
        /// The value as written.
        value: At<Value>,
    },
}

/// What `expression`, about the arguments of `call`, means on `arch`.
pub fn lower(expression: &Expression, call: &str, arch: Arch, stance: Stance) -> Result<Condition, LowerError> {
    let each = |parts: &[Expression]| -> Result<Vec<Condition>, LowerError> {
        parts.iter().map(|part| lower(part, call, arch, stance)).collect()
    };
    Ok(match expression {
        Expression::Or(parts) => Condition::Any(each(parts)?),
        Expression::And(parts) => Condition::All(each(parts)?),
        Expression::Not(part) => Condition::Not(Box::new(lower(part, call, arch, stance.opposite())?)),
        Expression::Compare(comparison) => compare(comparison, call, arch, stance)?,
    })
}

impl Stance {
    fn opposite(self) -> Self {
        match self {
            Stance::Allow => Stance::Deny,
            Stance::Deny => Stance::Allow,
        }
    }

    /// The condition that holds where enough readings hold.
    fn combine(self, mut readings: Vec<Condition>) -> Condition {
        match (readings.len(), self) {
            (1, _) => readings.remove(0),
            (_, Stance::Allow) => Condition::All(readings),
            (_, Stance::Deny) => Condition::Any(readings),
        }
    }
}

/// A comparison with its names looked up.
struct Meaning {
    argument: u8,
    mask: Option<u64>,
    /// Readings of the argument that are possible.
    widths: Vec<Width>,
}

impl Meaning {
    /// `argument & mask operator value` in every reading.
    fn test(&self, operator: Operator, value: u64, stance: Stance) -> Condition {
        let reading = |width: &Width| {
            Condition::Compare(condition::Comparison {
                argument: self.argument,
                width: *width,
                mask: self.mask.unwrap_or(u64::MAX),
                operator,
                value,
            })
        };
        stance.combine(self.widths.iter().map(reading).collect())
    }
}

fn compare(comparison: &Comparison, call: &str, arch: Arch, stance: Stance) -> Result<Condition, LowerError> {
    let Comparison { parameter, mask, test } = comparison;
    let Some(known) = parameters::parameters(arch, call) else {
        return Err(LowerError::NoParameters { arch, parameter: parameter.clone() });
    };
    let found = known.iter().enumerate().find(|(_, known)| known.is_called(&parameter.value));
    let (Some((index, known)), false) = (found, known.is_empty()) else {
        let valid = known.iter().flat_map(parameters::Parameter::names).collect();
        return Err(LowerError::UnknownParameter { parameter: parameter.clone(), valid });
    };
    let ordered = matches!(test, Test::Against(operator, _)
        if !matches!(operator, Operator::Equal | Operator::NotEqual));
    let widths = match known.width {
        Some(width) => vec![width],
        // For equality the sign does not matter.
        None if ordered => vec![Width::U32, Width::I32, Width::U64, Width::I64],
        None => vec![Width::U32, Width::U64],
    };
    let width = known.width;
    let number = |value: &At<Value>| number(value, &parameter.value, width, arch);
    let mask = match mask.as_slice() {
        [] => None,
        masks => Some(masks.iter().try_fold(0, |mask, value| number(value).map(|bits| mask | bits))?),
    };
    let meaning = Meaning { argument: u8::try_from(index).unwrap_or(u8::MAX), mask, widths };
    let checked = |value: &At<Value>| {
        let bits = number(value)?;
        let bits_outside = mask.is_some_and(|mask| bits & !mask != 0);
        if bits_outside { Err(LowerError::OutsideMask { value: value.clone() }) } else { Ok(bits) }
    };
    match test {
        Test::Against(operator, value) => Ok(meaning.test(*operator, checked(value)?, stance)),
        Test::In { negated, values } => {
            let stance = if *negated { stance.opposite() } else { stance };
            let each = values.iter().map(|value| Ok(meaning.test(Operator::Equal, checked(value)?, stance)));
            let any = Condition::Any(each.collect::<Result<_, LowerError>>()?);
            Ok(if *negated { Condition::Not(Box::new(any)) } else { any })
        }
    }
}

/// The bits of a value at the parameter's width; negative numbers in two's complement.
fn number(value: &At<Value>, parameter: &str, width: Option<Width>, arch: Arch) -> Result<u64, LowerError> {
    let number = match &value.value {
        Value::Number { number, .. } => *number,
        Value::Name(name) => match constants::value(arch, name) {
            Some(bits) => i128::from(bits),
            None => {
                let name = At { value: name.clone(), origin: value.origin.clone() };
                let elsewhere = Arch::ALL.into_iter().any(|arch| constants::value(arch, &name.value).is_some());
                return Err(if elsewhere {
                    LowerError::NoValueHere { name, arch }
                } else {
                    LowerError::UnknownConstant { name }
                });
            }
        },
    };
    let bits = width.map_or(64, |width| width.bits().count_ones());
    let (least, most) = (-(1i128 << (bits - 1)), (1i128 << bits) - 1);
    // A 64-bit constant whose upper half only repeats the sign is a negative number of 32 bits.
    let extended = number - (1i128 << 64);
    let number = if number > most && bits == 32 && extended >= least { extended } else { number };
    if !(least..=most).contains(&number) {
        let value = value.clone();
        return Err(LowerError::DoesNotFit { value, parameter: parameter.to_owned(), bits });
    }
    let [low, _] = halves(number);
    Ok(if bits == 32 && width.is_some_and(Width::is_signed) && low & (1 << 31) != 0 {
        low | !u64::from(u32::MAX)
    } else if bits == 32 {
        low & u64::from(u32::MAX)
    } else {
        low
    })
}

/// The two's complement of a number, low half first.
fn halves(number: i128) -> [u64; 2] {
    let bytes = number.to_le_bytes();
    let half = |from: usize| {
        let mut half = [0; 8];
        half.copy_from_slice(&bytes[from..from + 8]);
        u64::from_le_bytes(half)
    };
    [half(0), half(8)]
}
