//! Ranges of a word that a diagram decides alike.

use super::space::ARGUMENTS;
use crate::lattice::diagram::arena::{Place, Ref, Step, Walk};

/// Ranges that are listed; a filter that looks at the lowest bit of `nr` alone has 4 thousand million.
pub(crate) const RANGES: usize = 1 << 17;

/// Ranges of one 32-bit word, in order and covering all of it, each with the node that decides it.
pub(crate) struct Blocks<'a, W> {
    walk: &'a W,
    /// Place of the word's bit 31.
    from: Place,
    /// Blocks still to come, the next one last: the node, the first value, how many bits are decided.
    open: Vec<(Ref, u32, Place)>,
    next: Option<Block>,
}

/// A range of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) first: u32,
    pub(crate) last: u32,
    pub(crate) node: Ref,
}

impl<'a, W: Walk> Blocks<'a, W> {
    /// Ranges of the word whose top bit is at `from`, below a node that tests nothing before it.
    pub(crate) fn new(walk: &'a W, node: Ref, from: Place) -> Self {
        Blocks { walk, from, open: vec![(node, 0, 0)], next: None }
    }

    /// The next aligned block.
    fn aligned(&mut self) -> Option<Block> {
        let (node, first, decided) = self.open.pop()?;
        let place = match self.walk.step(node) {
            Step::Test { place, clear, set } if place < self.from + 32 => Some((place, clear, set)),
            _ => None,
        };
        let Some((place, clear, set)) = place else {
            let last = first | u32::MAX.checked_shr(u32::from(decided)).unwrap_or(0);
            return Some(Block { first, last, node });
        };
        // Where it tests a later bit than the next one, both halves go on alike.
        let (clear, set) = if place == self.from + decided { (clear, set) } else { (node, node) };
        self.open.push((set, first | 1 << (31 - decided), decided + 1));
        self.open.push((clear, first, decided + 1));
        self.aligned()
    }
}

impl<W: Walk> Iterator for Blocks<'_, W> {
    type Item = Block;

    fn next(&mut self) -> Option<Block> {
        let mut block = match self.next.take() {
            Some(block) => block,
            None => self.aligned()?,
        };
        while let Some(after) = self.aligned() {
            if after.node != block.node {
                self.next = Some(after);
                break;
            }
            block.last = after.last;
        }
        Some(block)
    }
}

/// The node that decides what comes after a word of which every bit is known, or `None` where `node` goes
/// on to test none of it.
pub(crate) fn follow<W: Walk>(walk: &W, node: Ref, from: Place, value: u32) -> Ref {
    let mut at = node;
    loop {
        match walk.step(at) {
            Step::Test { place, clear, set } if place < from + 32 => {
                at = if value >> (31 - (place - from)) & 1 == 1 { set } else { clear };
            }
            _ => return at,
        }
    }
}

const _: () = assert!(ARGUMENTS == 64, "two words come before the arguments");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lattice::diagram::arena::{Arena, Full};

    #[test]
    fn ranges_cover_the_word_and_differ_from_their_neighbours() -> Result<(), Full> {
        let mut arena = Arena::new(100);
        let (no, yes) = (arena.leaf(false)?, arena.leaf(true)?);
        // Where bits 31 and 0 are both set, or bit 31 is clear.
        let low = arena.test(31, no, yes)?;
        let root = arena.test(0, yes, low)?;
        let rooted = arena.rooted(root);
        let first: Vec<Block> = Blocks::new(&rooted, root, 0).take(4).collect();
        let block = |first, last, node| Block { first, last, node };
        let half = 1 << 31;
        assert_eq!(
            first,
            [
                block(0, half - 1, yes),
                block(half, half, no),
                block(half + 1, half + 1, yes),
                block(half + 2, half + 2, no)
            ]
        );
        assert_eq!(Blocks::new(&rooted, yes, 0).collect::<Vec<_>>(), [block(0, u32::MAX, yes)]);
        assert_eq!(follow(&rooted, root, 0, half + 1), yes);
        assert_eq!(follow(&rooted, root, 0, half + 2), no);
        Ok(())
    }
}
