//! The ways through a diagram as rules: what each fixes of the registers, and what it decides.
//!
//! Ways exclude each other, because they part at a bit. So they may be written as rules in any order, for
//! readers that take several rules of one call as alternatives.

use super::{Decision, Diagram, Node};

/// Registers that hold `value` in the bits of `mask`, argument by argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cube {
    /// Bits that are fixed.
    pub masks: [u64; 6],
    /// What they are fixed to; no other bits are set.
    pub values: [u64; 6],
}

impl Cube {
    /// All registers.
    pub const EVERYTHING: Cube = Cube { masks: [0; 6], values: [0; 6] };

    /// Whether these registers are in it.
    pub fn holds(&self, arguments: &[u64; 6]) -> bool {
        let fixed = self.masks.iter().zip(&self.values);
        arguments.iter().zip(fixed).all(|(register, (mask, value))| register & mask == *value)
    }

    /// The part of it in which one more bit is `set` or clear.
    fn with(mut self, argument: u8, bit: u8, set: bool) -> Cube {
        let (argument, bit) = (usize::from(argument), 1 << bit);
        self.masks[argument] |= bit;
        if set {
            self.values[argument] |= bit;
        }
        self
    }
}

impl Diagram {
    /// The ways that end in a decision for which `wanted` holds, clear bits first; each two exclude each
    /// other, and together they are all registers so decided. `None` where there are more than `limit`.
    pub fn cubes(&self, limit: usize, wanted: impl Fn(&Decision) -> bool) -> Option<Vec<(Cube, &Decision)>> {
        let leads = self.leads(&wanted);
        let mut cubes = Vec::new();
        let mut open = vec![(0_u32, Cube::EVERYTHING)];
        while let Some((at, cube)) = open.pop() {
            // Without this a few wanted ways could hide behind very many others.
            if !leads[at as usize] {
                continue;
            }
            match &self.nodes[at as usize] {
                Node::Leaf(_) if cubes.len() == limit => return None,
                Node::Leaf(decision) => cubes.push((cube, decision)),
                Node::Test { argument, bit, clear, set } => {
                    open.push((*set, cube.with(*argument, *bit, true)));
                    open.push((*clear, cube.with(*argument, *bit, false)));
                }
            }
        }
        Some(cubes)
    }

    /// For each node whether some way from there ends in a decision that is wanted.
    fn leads(&self, wanted: &impl Fn(&Decision) -> bool) -> Vec<bool> {
        let mut known = vec![None; self.nodes.len()];
        self.lead(0, wanted, &mut known);
        known.into_iter().map(Option::unwrap_or_default).collect()
    }

    /// Recurses once for each bit, so at most 384 deep.
    fn lead(&self, at: u32, wanted: &impl Fn(&Decision) -> bool, known: &mut [Option<bool>]) -> bool {
        let index = at as usize;
        if let Some(leads) = known[index] {
            return leads;
        }
        let leads = match &self.nodes[index] {
            Node::Leaf(decision) => wanted(decision),
            Node::Test { clear, set, .. } => {
                // Both, so that no node stays unknown.
                self.lead(*clear, wanted, known) | self.lead(*set, wanted, known)
            }
        };
        known[index] = Some(leads);
        leads
    }
}
