//! Conditions as diagrams of true and false.

use super::arena::{Arena, Full, Place, Ref, Rooted, product};
use crate::condition::{Comparison, Condition, Operator};
use std::cmp::Ordering;

/// Where `condition` holds.
pub(super) fn truth(condition: &Condition, limit: usize) -> Result<Rooted<bool>, Full> {
    match condition {
        Condition::All(parts) => fold(parts, limit, true, |a, b| a && b),
        Condition::Any(parts) => fold(parts, limit, false, |a, b| a || b),
        Condition::Not(part) => product(&truth(part, limit)?, &constant(true, limit)?, limit, |a, _| !a),
        Condition::Compare(comparison) => compare(comparison, limit),
    }
}

fn constant(value: bool, limit: usize) -> Result<Rooted<bool>, Full> {
    let mut arena = Arena::new(limit);
    let root = arena.leaf(value)?;
    Ok(arena.rooted(root))
}

fn fold(
    parts: &[Condition],
    limit: usize,
    none: bool,
    join: impl Fn(bool, bool) -> bool,
) -> Result<Rooted<bool>, Full> {
    parts.iter().try_fold(constant(none, limit)?, |sum, part| {
        product(&sum, &truth(part, limit)?, limit, |a, b| join(*a, *b))
    })
}

/// A comparison tests each bit once, from the top: the first one that differs decides, and where none
/// does, equality. Built from the lowest bit up, so that every bit finds its successor ready.
fn compare(comparison: &Comparison, limit: usize) -> Result<Rooted<bool>, Full> {
    let Comparison { argument, width, mask, operator, value } = *comparison;
    let mut arena = Arena::new(limit);
    let outcome = |ordering: Ordering| match operator {
        Operator::Equal => ordering.is_eq(),
        Operator::NotEqual => ordering.is_ne(),
        Operator::Less => ordering.is_lt(),
        Operator::LessOrEqual => ordering.is_le(),
        Operator::Greater => ordering.is_gt(),
        Operator::GreaterOrEqual => ordering.is_ge(),
    };
    let less = arena.leaf(outcome(Ordering::Less))?;
    let greater = arena.leaf(outcome(Ordering::Greater))?;
    let mut equal = arena.leaf(outcome(Ordering::Equal))?;
    for bit in 0..64 {
        let weight = 1u64 << bit;
        if width.bits() & weight == 0 {
            break; // the kernel cuts the register to the parameter's width
        }
        // In two's complement a set sign bit makes a number smaller.
        let flipped = width.is_signed() && width.top_bit() == weight;
        let wanted = (value & weight != 0) ^ flipped;
        let branch = |found: bool| -> Ref {
            match (found ^ flipped).cmp(&wanted) {
                Ordering::Less => less,
                Ordering::Equal => equal,
                Ordering::Greater => greater,
            }
        };
        let (clear, set) = (branch(false), branch(mask & weight != 0));
        equal = arena.test(place(argument, bit), clear, set)?;
    }
    Ok(arena.rooted(equal))
}

/// The place of a bit in the order of tests.
pub(super) fn place(argument: u8, bit: u8) -> Place {
    Place::from(argument) * 64 + (63 - Place::from(bit))
}

/// The argument and bit at a place.
pub(super) fn bit(place: Place) -> (u8, u8) {
    let [low, _] = (place / 64).to_le_bytes();
    let [from_top, _] = (place % 64).to_le_bytes();
    (low, 63 - from_top)
}
