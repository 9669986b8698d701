//! Decision diagrams over all of `struct seccomp_data`, and what it costs to build them.
//!
//! The order of tests: `arch`, `nr`, the arguments as in [`crate::lattice::diagram`], the instruction
//! pointer; of each the top bit first.

use super::answer::Answer;
use crate::lattice::diagram::arena::{Arena, Bits, Constant, Full, Place, Ref, Rooted, Step, product};
use crate::seccomp::bpf;
use crate::seccomp::interpret::Event;
use std::collections::HashMap;

/// Place of bit 31 of `nr`.
pub(crate) const NUMBER: Place = 32;
/// Place of bit 63 of argument 0.
pub(crate) const ARGUMENTS: Place = 64;
/// Place of bit 63 of the instruction pointer.
pub(crate) const POINTER: Place = 448;

/// Slots that deciding one filter may take; a filter of 4096 comparisons in a line takes a quarter.
pub(crate) const SLOTS: usize = 1 << 20;
/// Steps that it may take: some seconds.
pub(super) const STEPS: usize = 1 << 23;
/// Steps that are remembered at once, which bounds memory.
const REMEMBERED: usize = 1 << 20;

/// What stands at the end of a diagram under construction: a bit of a register, or an answer.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Leaf {
    Truth(bool),
    Answer(Answer),
}

/// False, as a diagram of every [`Space`].
pub(super) const FALSE: Ref = 0;
/// True.
pub(super) const TRUE: Ref = 1;

/// Diagrams under construction.
pub(super) struct Space {
    arena: Arena<Leaf>,
    chosen: HashMap<(Ref, Ref, Ref), Ref>,
    steps: usize,
}

impl Space {
    pub(super) fn new() -> Result<Self, Full> {
        let mut arena = Arena::new(SLOTS);
        arena.leaf(Leaf::Truth(false))?;
        arena.leaf(Leaf::Truth(true))?;
        Ok(Space { arena, chosen: HashMap::new(), steps: 0 })
    }

    /// The bit at a place.
    pub(super) fn bit(&mut self, place: Place) -> Result<Ref, Full> {
        self.arena.test(place, FALSE, TRUE)
    }

    /// `answer`, whatever is called.
    pub(super) fn answer(&mut self, answer: Answer) -> Result<Ref, Full> {
        self.arena.leaf(Leaf::Answer(answer))
    }

    /// `then` where `condition` is true, `otherwise` where not. Recurses once for each place.
    pub(super) fn choose(&mut self, condition: Ref, then: Ref, otherwise: Ref) -> Result<Ref, Full> {
        match condition {
            TRUE => return Ok(then),
            FALSE => return Ok(otherwise),
            _ if then == otherwise => return Ok(then),
            _ if then == TRUE && otherwise == FALSE => return Ok(condition),
            _ => {}
        }
        if let Some(known) = self.chosen.get(&(condition, then, otherwise)) {
            return Ok(*known);
        }
        self.count()?;
        // One of the three tests something, or one of the cases above would have been met.
        let place = [condition, then, otherwise].map(|at| self.place(at)).into_iter().min().unwrap_or(0);
        let [condition_at, then_at, otherwise_at] =
            [condition, then, otherwise].map(|at| self.branches(at, place));
        let clear = self.choose(condition_at.0, then_at.0, otherwise_at.0)?;
        let set = self.choose(condition_at.1, then_at.1, otherwise_at.1)?;
        let made = self.arena.test(place, clear, set)?;
        if self.chosen.len() == REMEMBERED {
            self.chosen.clear();
        }
        self.chosen.insert((condition, then, otherwise), made);
        Ok(made)
    }

    /// One more step.
    pub(super) fn count(&mut self) -> Result<(), Full> {
        if self.steps == STEPS {
            return Err(Full);
        }
        self.steps += 1;
        Ok(())
    }

    /// The place that is tested at `at`; past every place where none is.
    pub(super) fn place(&self, at: Ref) -> Place {
        match self.arena.step(at) {
            Step::Leaf(_) => Place::MAX,
            Step::Test { place, .. } => place,
        }
    }

    /// Where `at` goes when the bit at `place`, which is not after its own, is clear and when it is set.
    pub(super) fn branches(&self, at: Ref, place: Place) -> (Ref, Ref) {
        match self.arena.step(at) {
            Step::Test { place: here, clear, set } if here == place => (clear, set),
            _ => (at, at),
        }
    }

    /// The test of `place` before everything below.
    pub(super) fn test(&mut self, place: Place, clear: Ref, set: Ref) -> Result<Ref, Full> {
        self.arena.test(place, clear, set)
    }

    pub(super) fn not(&mut self, a: Ref) -> Result<Ref, Full> {
        self.choose(a, FALSE, TRUE)
    }

    pub(super) fn and(&mut self, a: Ref, b: Ref) -> Result<Ref, Full> {
        self.choose(a.min(b), a.max(b), FALSE)
    }

    pub(super) fn or(&mut self, a: Ref, b: Ref) -> Result<Ref, Full> {
        self.choose(a.min(b), TRUE, a.max(b))
    }

    pub(super) fn xor(&mut self, a: Ref, b: Ref) -> Result<Ref, Full> {
        let (a, b) = (a.min(b), a.max(b));
        let not = self.not(b)?;
        self.choose(a, not, b)
    }

    /// The answers below `root`, without what else was built.
    pub(super) fn finish(self, root: Ref) -> Result<Rooted<Answer>, Full> {
        product(&self.arena.rooted(root), &Constant(()), SLOTS, |leaf, ()| match leaf {
            Leaf::Answer(answer) => *answer,
            // Never below a root: every path ends in a return. It is a kill all the same.
            Leaf::Truth(_) => Answer::KILL,
        })
    }
}

/// The place of bit 31 of the word at a byte offset of `struct seccomp_data`.
pub(super) fn first_place(offset: u32) -> Place {
    let word = Place::try_from(offset / 4).unwrap_or(0);
    match offset {
        bpf::ARCH => 0,
        bpf::NUMBER => NUMBER,
        8 => POINTER + 32,
        12 => POINTER,
        // Little-endian: the high word stands behind the low one and is tested before it.
        _ => ARGUMENTS + ((word ^ 1) - 4) * 32,
    }
}

/// The bits of an event.
pub(crate) fn bits(event: &Event) -> Bits {
    let [a, b, c, d, e, f] = event.arguments;
    let call = u64::from(event.arch) << 32 | u64::from(event.number);
    [call, a, b, c, d, e, f, event.instruction_pointer]
}

/// The event that has these bits.
pub(crate) fn event(bits: &Bits) -> Event {
    let [call, arguments @ .., instruction_pointer] = *bits;
    let [number, arch] =
        [call & u64::from(u32::MAX), call >> 32].map(|half| u32::try_from(half).unwrap_or(0));
    Event { number, arch, instruction_pointer, arguments }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_has_its_place() {
        let words: Vec<Place> = (0..16).map(|word| first_place(word * 4)).collect();
        assert_eq!(words, [32, 0, 480, 448, 96, 64, 160, 128, 224, 192, 288, 256, 352, 320, 416, 384]);
    }

    #[test]
    fn events_have_their_bits() {
        let all = [0x1_0000_0002, 3, 4, 5, 6, 7, 8, 9];
        let event = event(&all);
        assert_eq!(bits(&event), all);
        assert_eq!((event.arch, event.number, event.instruction_pointer), (1, 2, 9));
        assert_eq!(event.arguments, [3, 4, 5, 6, 7, 8]);
    }
}
