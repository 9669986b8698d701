//! Names → numbers: what an expression means on one architecture.

use super::{Comparison, Expression, Test, Value};
use crate::condition::{self, Condition, Operator, Width};
use crate::origin::At;
use crate::vocab::parameters::{self, Parameter, ParameterError};
use crate::vocab::{Arch, constants};

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
    /// The parameter cannot be tested.
    Parameter {
        /// As written.
        parameter: At<String>,
        /// Why not.
        source: Box<ParameterError>,
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
        value: At<String>,
        /// The parameter.
        parameter: String,
        /// Bits that the kernel looks at.
        bits: u32,
    },
    /// Bits that the mask takes away.
    OutsideMask {
        /// The value as written.
        value: At<String>,
    },
}

/// What `expression`, about the arguments of `call`, means on `arch`.
pub fn lower(
    expression: &Expression,
    call: &str,
    arch: Arch,
    stance: Stance,
) -> Result<Condition, LowerError> {
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
    mask: u64,
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
                mask: self.mask,
                operator,
                value,
            })
        };
        stance.combine(self.widths.iter().map(reading).collect())
    }
}

fn compare(comparison: &Comparison, call: &str, arch: Arch, stance: Stance) -> Result<Condition, LowerError> {
    let Comparison { parameter, mask, test } = comparison;
    let (argument, known) = parameters::find(arch, call, &parameter.value)
        .map_err(|source| LowerError::Parameter { parameter: parameter.clone(), source: Box::new(source) })?;
    let ordered = matches!(test, Test::Against(operator, _)
        if !matches!(operator, Operator::Equal | Operator::NotEqual));
    let widths = match known.width {
        Some(width) => vec![width],
        // For equality the sign does not matter.
        None if ordered => vec![Width::U32, Width::I32, Width::U64, Width::I64],
        None => vec![Width::U32, Width::U64],
    };
    let number = |value: &At<Value>| number(value, &parameter.value, known, arch);
    let mask = match mask.as_slice() {
        [] => None,
        masks => Some(masks.iter().try_fold(0, |mask, value| number(value).map(|bits| mask | bits))?),
    };
    // Of a 16-bit type the kernel looks at 16 bits.
    let meaning = Meaning { argument, mask: mask.unwrap_or(u64::MAX) & known.bits, widths };
    let checked = |value: &At<Value>| {
        let bits = number(value)?;
        let bits_outside = mask.is_some_and(|mask| bits & !mask != 0);
        if bits_outside { Err(LowerError::OutsideMask { value: written(value) }) } else { Ok(bits) }
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
fn number(value: &At<Value>, parameter: &str, known: &Parameter, arch: Arch) -> Result<u64, LowerError> {
    let number = match &value.value {
        Value::Number { number, .. } => *number,
        Value::Name(name) => match constants::value(arch, name) {
            Some(bits) => i128::from(bits),
            None => {
                let name = At { value: name.clone(), origin: value.origin.clone() };
                let elsewhere =
                    Arch::ALL.into_iter().any(|arch| constants::value(arch, &name.value).is_some());
                return Err(if elsewhere {
                    LowerError::NoValueHere { name, arch }
                } else {
                    LowerError::UnknownConstant { name }
                });
            }
        },
    };
    let register = known.width.map_or(64, |width| width.bits().count_ones());
    let bits = register.min(known.bits.count_ones());
    let (least, most) = (-(1i128 << (bits - 1)), (1i128 << bits) - 1);
    // A constant whose upper half only repeats the sign is a negative number.
    let extended = number - (1i128 << 64);
    let number = if number > most && extended >= least { extended } else { number };
    if !(least..=most).contains(&number) {
        return Err(LowerError::DoesNotFit { value: written(value), parameter: parameter.to_owned(), bits });
    }
    let ones = u64::MAX >> (64 - bits);
    let low = low_half(number) & ones;
    let negative = known.width.is_some_and(Width::is_signed) && bits == register && low >> (bits - 1) == 1;
    Ok(if negative { low | !ones } else { low })
}

/// A value as written.
fn written(value: &At<Value>) -> At<String> {
    At { value: value.value.to_string(), origin: value.origin.clone() }
}

/// The low 64 bits of a number's two's complement.
fn low_half(number: i128) -> u64 {
    let mut half = [0; 8];
    half.copy_from_slice(&number.to_le_bytes()[..8]);
    u64::from_le_bytes(half)
}
