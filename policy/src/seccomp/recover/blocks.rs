//! Ranges of a word that a diagram decides alike.

use super::space::ARGUMENTS;
use crate::lattice::diagram::arena::{Place, Ref, Step, Walk};

/// Ranges that are listed; a filter that looks at the lowest bit of `nr` alone has 4 thousand million.
pub(crate) const RANGES: usize = 1 << 17;

/// Ranges of one 32-bit word, in order and without gaps, each with the node that decides it.
pub(crate) struct Blocks<'a, W> {
    walk: &'a W,
    /// Place of the word's bit 31.
    from: Place,
    /// Values that are listed.
    within: (u32, u32),
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
    /// Ranges of the word whose top bit is at `from`, below a node that tests nothing before it; only what
    /// lies between the two values `within`.
    pub(crate) fn new(walk: &'a W, node: Ref, from: Place, within: (u32, u32)) -> Self {
        Blocks { walk, from, within, open: vec![(node, 0, 0)], next: None }
    }

    /// The next aligned block.
    fn aligned(&mut self) -> Option<Block> {
        let (lowest, highest) = self.within;
        while let Some((node, first, decided)) = self.open.pop() {
            let last = first | u32::MAX.checked_shr(u32::from(decided)).unwrap_or(0);
            if last < lowest || first > highest {
                continue;
            }
            let (place, clear, set) = match self.walk.step(node) {
                Step::Test { place, clear, set } if place < self.from + 32 => (place, clear, set),
                _ => return Some(Block { first: first.max(lowest), last: last.min(highest), node }),
            };
            // Where it tests a later bit than the next one, both halves go on alike.
            let (clear, set) = if place == self.from + decided { (clear, set) } else { (node, node) };
            self.open.push((set, first | 1 << (31 - decided), decided + 1));
            self.open.push((clear, first, decided + 1));
        }
        None
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

/// The node that decides what comes after a word with this value.
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
        let first: Vec<Block> = Blocks::new(&rooted, root, 0, (0, u32::MAX)).take(4).collect();
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
        let within = |node, within| Blocks::new(&rooted, node, 0, within).collect::<Vec<_>>();
        assert_eq!(within(yes, (0, u32::MAX)), [block(0, u32::MAX, yes)]);
        let end = u32::MAX;
        assert_eq!(within(root, (end - 1, end)), [block(end - 1, end - 1, no), block(end, end, yes)]);
        assert_eq!(within(root, (3, half)), [block(3, half - 1, yes), block(half, half, no)]);
        assert_eq!(follow(&rooted, root, 0, half + 1), yes);
        assert_eq!(follow(&rooted, root, 0, half + 2), no);
        Ok(())
    }
}
