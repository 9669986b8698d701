//! 32-bit values of which every bit is a diagram, and what BPF computes with them, exactly as
//! [`crate::seccomp::interpret`] does.

use super::space::{FALSE, Space, TRUE, first_place};
use crate::lattice::diagram::arena::{Full, Place, Ref};

/// A value, the lowest bit first.
pub(super) type Word = [Ref; 32];

/// A number.
pub(super) fn constant(value: u32) -> Word {
    std::array::from_fn(|bit| if value >> bit & 1 == 1 { TRUE } else { FALSE })
}

/// The number that a word is, whatever is called.
pub(super) fn known(word: &Word) -> Option<u32> {
    word.iter().rev().try_fold(0, |value, bit| (*bit <= TRUE).then_some(value << 1 | *bit))
}

/// The word at a byte offset of `struct seccomp_data`.
pub(super) fn load(space: &mut Space, offset: u32) -> Result<Word, Full> {
    let mut word = constant(0);
    for (place, bit) in (first_place(offset)..).zip(word.iter_mut().rev()) {
        *bit = space.bit(place)?;
    }
    Ok(word)
}

/// What an `ALU` operation makes of two words; a division by zero gives something, and is for the caller to
/// tell apart.
pub(super) fn compute(space: &mut Space, code: u16, a: &Word, b: &Word) -> Result<Word, Full> {
    match code & 0xf0 {
        0x00 => add(space, a, b, FALSE),
        0x10 => subtract(space, a, b),
        0x20 => multiply(space, a, b),
        0x30 => divide(space, a, b),
        0x40 => each(space, a, b, Space::or),
        0x50 => each(space, a, b, Space::and),
        0x60 => shift(space, a, b, |bit, by| bit.checked_sub(by)),
        0x70 => shift(space, a, b, |bit, by| Some(bit + by).filter(|from| *from < 32)),
        0xa0 => each(space, a, b, Space::xor),
        _ => subtract(space, &constant(0), a),
    }
}

/// Where the comparison of a conditional jump holds.
pub(super) fn compare(space: &mut Space, code: u16, a: &Word, b: &Word) -> Result<Ref, Full> {
    match code & 0xf0 {
        0x10 => equal(space, a, b),
        0x20 => above(space, a, b, FALSE),
        0x30 => above(space, a, b, TRUE),
        _ => {
            let both = each(space, a, b, Space::and)?;
            both.iter().try_fold(FALSE, |any, bit| space.or(any, *bit))
        }
    }
}

/// Where two words are equal.
pub(super) fn equal(space: &mut Space, a: &Word, b: &Word) -> Result<Ref, Full> {
    let mut all = TRUE;
    // From the lowest bit, which is tested last, so that every step finds the rest ready.
    for (a, b) in a.iter().zip(b) {
        let differs = space.xor(*a, *b)?;
        all = space.choose(differs, FALSE, all)?;
    }
    Ok(all)
}

/// Where `a` is greater than `b`, or `tie` where they are equal.
fn above(space: &mut Space, a: &[Ref], b: &[Ref], tie: Ref) -> Result<Ref, Full> {
    let mut above = tie;
    for (a, b) in a.iter().zip(b) {
        let differs = space.xor(*a, *b)?;
        above = space.choose(differs, *a, above)?;
    }
    Ok(above)
}

type Gate = fn(&mut Space, Ref, Ref) -> Result<Ref, Full>;

fn each(space: &mut Space, a: &Word, b: &Word, gate: Gate) -> Result<Word, Full> {
    let mut out = *a;
    for (out, b) in out.iter_mut().zip(b) {
        *out = gate(space, *out, *b)?;
    }
    Ok(out)
}

fn add<const N: usize>(space: &mut Space, a: &[Ref; N], b: &[Ref; N], carry: Ref) -> Result<[Ref; N], Full> {
    let mut carry = carry;
    let mut out = *a;
    for (out, b) in out.iter_mut().zip(b) {
        let a = *out;
        let differ = space.xor(a, *b)?;
        *out = space.xor(differ, carry)?;
        carry = space.choose(differ, carry, a)?;
    }
    Ok(out)
}

fn subtract<const N: usize>(space: &mut Space, a: &[Ref; N], b: &[Ref; N]) -> Result<[Ref; N], Full> {
    let mut inverse = *b;
    for bit in &mut inverse {
        *bit = space.not(*bit)?;
    }
    add(space, a, &inverse, TRUE)
}

fn multiply(space: &mut Space, a: &Word, b: &Word) -> Result<Word, Full> {
    // A constant factor says which rows there are.
    let (a, b) = if known(a).is_some() { (b, a) } else { (a, b) };
    let mut sum = constant(0);
    for (by, taken) in b.iter().enumerate().filter(|(_, taken)| **taken != FALSE) {
        let mut row = constant(0);
        for (out, bit) in row.iter_mut().skip(by).zip(a) {
            *out = space.and(*taken, *bit)?;
        }
        sum = add(space, &sum, &row, FALSE)?;
    }
    Ok(sum)
}

/// Long division, a bit at a time.
fn divide(space: &mut Space, a: &Word, b: &Word) -> Result<Word, Full> {
    let widened =
        |word: &[Ref]| -> [Ref; 33] { std::array::from_fn(|bit| word.get(bit).copied().unwrap_or(FALSE)) };
    let divisor = widened(b);
    let mut rest = [FALSE; 33];
    let mut quotient = constant(0);
    for (out, bit) in quotient.iter_mut().zip(a).rev() {
        rest.rotate_right(1);
        rest[0] = *bit;
        *out = above(space, &rest, &divisor, TRUE)?;
        let less = subtract(space, &rest, &divisor)?;
        for (rest, less) in rest.iter_mut().zip(less) {
            *rest = space.choose(*out, less, *rest)?;
        }
    }
    Ok(quotient)
}

/// Each bit taken from another place, by the lowest five bits of `b`: the kernel shifts modulo 32.
fn shift(
    space: &mut Space,
    a: &Word,
    b: &Word,
    from: impl Fn(usize, usize) -> Option<usize>,
) -> Result<Word, Full> {
    let mut out = *a;
    for (stage, taken) in b.iter().take(5).enumerate() {
        let before = out;
        for (bit, out) in out.iter_mut().enumerate() {
            let moved = from(bit, 1 << stage).map_or(FALSE, |from| before[from]);
            *out = space.choose(*taken, moved, *out)?;
        }
    }
    Ok(out)
}

/// The first place that any bit of a word tests; past every place where it is a number.
pub(super) fn first_tested(space: &Space, word: &Word) -> Place {
    word.iter().map(|bit| space.place(*bit)).min().unwrap_or(Place::MAX)
}
