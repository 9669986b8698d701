//! Bits that are known on the way to an instruction.
//!
//! States know nothing of the jumps before them, but for these bits: after `nr == 5` the rest of a filter
//! needs to be decided for number 5 only. Without that every test of an argument would be combined with all
//! numbers that come after it.

use super::space::{FALSE, Space, TRUE};
use crate::lattice::diagram::arena::{Bits, Full, Place, Ref};
use std::collections::HashMap;

/// Values of some bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cube {
    fixed: Bits,
    value: Bits,
}

fn position(place: Place) -> (usize, u64) {
    (usize::from(place / 64), 1 << (63 - place % 64))
}

impl Cube {
    /// The value of the bit at `place`, if it is known.
    fn get(&self, place: Place) -> Option<bool> {
        let (word, bit) = position(place);
        (self.fixed[word] & bit != 0).then_some(self.value[word] & bit != 0)
    }

    fn set(&mut self, place: Place, value: bool) {
        let (word, bit) = position(place);
        self.fixed[word] |= bit;
        self.value[word] = if value { self.value[word] | bit } else { self.value[word] & !bit };
    }

    /// What is known where either way may have been taken.
    pub(super) fn common(self, other: Cube) -> Cube {
        let mut both = Cube::default();
        for word in 0..both.fixed.len() {
            both.fixed[word] = self.fixed[word] & other.fixed[word] & !(self.value[word] ^ other.value[word]);
            both.value[word] = self.value[word] & both.fixed[word];
        }
        both
    }

    /// What is known beside what `other` knows.
    fn beside(self, other: &Cube) -> Cube {
        let mut rest = self;
        for (word, known) in other.fixed.iter().enumerate() {
            rest.fixed[word] &= !known;
            rest.value[word] &= !known;
        }
        rest
    }

    /// With the bits that must be so where `condition` is `holds`: those at its top that leave no choice.
    pub(super) fn with(mut self, space: &Space, condition: Ref, holds: bool) -> Cube {
        let never = if holds { FALSE } else { TRUE };
        let mut at = condition;
        while at > TRUE {
            let place = space.place(at);
            let (clear, set) = space.branches(at, place);
            let value = match (clear == never, set == never) {
                (true, false) => true,
                (false, true) => false,
                _ => break,
            };
            self.set(place, value);
            at = if value { set } else { clear };
        }
        self
    }

    /// `at` where the bits are so, as far as `known`, of which it is free, did not know them.
    pub(super) fn cut(self, space: &mut Space, at: Ref, known: &Cube) -> Result<Ref, Full> {
        let rest = self.beside(known);
        // Below the last one there is nothing to cut.
        let Some(last) = rest.last() else { return Ok(at) };
        Cut { rest, last, space, done: HashMap::new() }.visit(at)
    }

    fn last(&self) -> Option<Place> {
        let word = self.fixed.iter().rposition(|word| *word != 0)?;
        let from_top = 63 - self.fixed[word].trailing_zeros();
        Place::try_from(word).ok()?.checked_mul(64)?.checked_add(Place::try_from(from_top).ok()?)
    }
}

struct Cut<'a> {
    rest: Cube,
    last: Place,
    space: &'a mut Space,
    done: HashMap<Ref, Ref>,
}

impl Cut<'_> {
    fn visit(&mut self, at: Ref) -> Result<Ref, Full> {
        let place = self.space.place(at);
        if place > self.last {
            return Ok(at);
        }
        if let Some(done) = self.done.get(&at) {
            return Ok(*done);
        }
        let (clear, set) = self.space.branches(at, place);
        self.space.count()?;
        let made = match self.rest.get(place) {
            Some(value) => self.visit(if value { set } else { clear })?,
            None => {
                let (clear, set) = (self.visit(clear)?, self.visit(set)?);
                self.space.test(place, clear, set)?
            }
        };
        self.done.insert(at, made);
        Ok(made)
    }
}
