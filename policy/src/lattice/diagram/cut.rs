//! What a diagram decides when a register is cut to the bits that the kernel looks at.

use super::arena::{Constant, Full, Ref, Step, Walk, product};
use super::{Decision, Diagram, Node, SCRATCH, truth};

/// A diagram for which the bits of `argument` outside `keep` are clear.
struct Cut<'a> {
    diagram: &'a Diagram,
    argument: u8,
    keep: u64,
}

impl Walk for Cut<'_> {
    type Leaf = Decision;

    fn root(&self) -> Ref {
        0
    }

    fn step(&self, mut at: Ref) -> Step<'_, Decision> {
        loop {
            match &self.diagram.nodes[at as usize] {
                Node::Leaf(decision) => return Step::Leaf(decision),
                Node::Test { argument, bit, clear, .. }
                    if *argument == self.argument && self.keep >> bit & 1 == 0 =>
                {
                    at = *clear;
                }
                Node::Test { argument, bit, clear, set } => {
                    return Step::Test { place: truth::place(*argument, *bit), clear: *clear, set: *set };
                }
            }
        }
    }
}

impl Diagram {
    /// The diagram that decides on what `keep` leaves of `argument` (0 to 5).
    #[must_use]
    pub fn cut(&self, argument: u8, keep: u64) -> Diagram {
        let cut = Cut { diagram: self, argument, keep };
        let made = product(&cut, &Constant(()), SCRATCH, |decision, ()| decision.clone());
        // Leaving tests out never adds nodes, so the limit that this diagram met is met again.
        made.and_then(|rooted| Diagram::from_walk(&rooted)).unwrap_or_else(|Full| self.clone())
    }
}
