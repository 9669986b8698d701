//! Decision diagrams over the six 64-bit arguments of a system call.
//!
//! A diagram tests single bits, argument 0 first and within an argument bit 63 first; no node tests a
//! bit twice, none has equal branches, no two are alike. So two diagrams decide alike exactly where they
//! are identical, whatever text they come from.

use super::LatticeError;
use super::action::Action;
use crate::condition::Condition;
use crate::origin::Origins;
use serde::Serialize;

/// What a leaf says: the action and who decided it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Decision {
    /// The action.
    pub action: Action,
    /// Who decided it.
    pub origins: Origins,
}

/// A node, by its index in [`Diagram::nodes`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum Node {
    /// The decision.
    Leaf(Decision),
    /// Tests one bit of one argument.
    Test {
        /// Argument, 0 to 5.
        argument: u8,
        /// Bit, 63 (the top) to 0.
        bit: u8,
        /// Where to go when the bit is clear.
        clear: u32,
        /// Where to go when the bit is set.
        set: u32,
    },
}

/// Nodes that one diagram may have.
pub const LIMIT: usize = 100_000;

/// A canonical decision diagram. Nodes are stored in depth-first order from the root, clear branch
/// first, root at index 0, so that equal diagrams have equal node lists.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct Diagram {
    nodes: Vec<Node>,
}

impl Diagram {
    /// The same decision for every argument.
    pub fn leaf(decision: Decision) -> Self {
        Diagram { nodes: vec![Node::Leaf(decision)] }
    }

    /// `then` where `condition` holds, `otherwise` where it does not. [`LatticeError::TooLarge`] past
    /// [`LIMIT`] nodes; `call` names the system call in it.
    pub fn choose(
        call: &str,
        condition: &Condition,
        then: &Diagram,
        otherwise: &Diagram,
    ) -> Result<Self, LatticeError> {
        let _ = (call, condition, then, otherwise);
        unimplemented!()
    }

    /// The nodes, the root first; every test's branches stand at indices of their own, not in test order.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The decision for these arguments.
    pub fn decide(&self, arguments: &[u64; 6]) -> &Decision {
        let _ = arguments;
        unimplemented!()
    }

    /// The one decision, where no argument is tested.
    pub fn constant(&self) -> Option<&Decision> {
        match self.nodes.as_slice() {
            [Node::Leaf(decision)] => Some(decision),
            _ => None,
        }
    }
}

/// Equality is equality in meaning: of the diagrams with their origins forgotten.
impl PartialEq for Diagram {
    fn eq(&self, other: &Self) -> bool {
        let _ = other;
        unimplemented!()
    }
}
impl Eq for Diagram {}
