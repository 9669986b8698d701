//! Decision diagrams over the six 64-bit arguments of a system call.
//!
//! A diagram tests single bits, argument 0 first and within an argument bit 63 first; no node tests a
//! bit twice, none has equal branches, no two are alike. So two diagrams decide alike exactly where they
//! are identical, whatever text they come from.

pub(crate) mod arena;
mod cubes;
mod cut;
mod truth;

pub use cubes::Cube;

use super::action::Action;
use super::{LatticeError, Toward};
use crate::condition::Condition;
use crate::origin::Origins;
use arena::{Constant, Full, Ref, Step, Walk, find, product};
use serde::Serialize;
use std::cmp::Ordering;
use std::collections::HashMap;

/// What a leaf says: the action and who decided it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Decision {
    /// The action.
    pub action: Action,
    /// Who decided it.
    pub origins: Origins,
}

impl Decision {
    /// Allows, and nobody wrote it: the top of the order.
    pub fn unwritten_allow() -> Self {
        Decision { action: Action::Allow, origins: Origins::new() }
    }

    /// The stricter or the looser of two decisions, both sides' origins in a tie.
    #[must_use]
    pub fn combine(&self, other: &Self, toward: Toward) -> Self {
        match toward.prefers(self.action.cmp(&other.action)) {
            Ordering::Less => self.clone(),
            Ordering::Greater => other.clone(),
            Ordering::Equal => Decision {
                action: self.action,
                origins: self.origins.union(&other.origins).cloned().collect(),
            },
        }
    }
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
pub const LIMIT: usize = 50_000;

/// Slots that building one may take: steps on the way are larger than what they end in.
const SCRATCH: usize = 4 * LIMIT;

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
        let build = || {
            let holds = truth::truth(condition, SCRATCH)?;
            let first = product(&holds, then, SCRATCH, |holds, then| holds.then(|| then.clone()))?;
            let both = product(&first, otherwise, SCRATCH, |then, otherwise| {
                then.clone().unwrap_or_else(|| otherwise.clone())
            })?;
            Diagram::from_walk(&both)
        };
        build().map_err(|Full| too_large(call))
    }

    /// Whether `condition` holds, where the arguments do not decide that. [`LatticeError::TooLarge`] past
    /// [`LIMIT`] nodes; `call` names the system call in it.
    pub fn settled(call: &str, condition: &Condition) -> Result<Option<bool>, LatticeError> {
        let holds = truth::truth(condition, SCRATCH).map_err(|Full| too_large(call))?;
        Ok(match holds.step(holds.root()) {
            Step::Leaf(holds) => Some(*holds),
            Step::Test { .. } => None,
        })
    }

    /// The loosest diagram at least as strict as both; `call` names the system call in an error.
    pub fn meet(&self, call: &str, other: &Self) -> Result<Self, LatticeError> {
        self.combine(other, Toward::Strict).ok_or_else(|| too_large(call))
    }

    /// The strictest diagram at least as loose as both; `call` names the system call in an error.
    pub fn join(&self, call: &str, other: &Self) -> Result<Self, LatticeError> {
        self.combine(other, Toward::Loose).ok_or_else(|| too_large(call))
    }

    /// The meet or the join; `None` past [`LIMIT`].
    pub(super) fn combine(&self, other: &Self, toward: Toward) -> Option<Self> {
        let both = product(self, other, SCRATCH, |a, b| a.combine(b, toward)).ok()?;
        Diagram::from_walk(&both).ok()
    }

    /// The diagram in which every decision is what `change` makes of it.
    fn map(&self, change: impl Fn(&Decision) -> Decision) -> Result<Self, Full> {
        Diagram::from_walk(&product(self, &Constant(()), SCRATCH, |decision, ()| change(decision))?)
    }

    /// The diagram without its origins: the canonical form of what it decides.
    #[must_use]
    pub fn forget_origins(&self) -> Self {
        // Merging leaves never adds nodes, so the limit that this diagram met is met again.
        self.map(|decision| Decision { action: decision.action, origins: Origins::new() })
            .unwrap_or_else(|Full| self.clone())
    }

    /// The diagram that allows where `wanted` holds of the decision, and kills elsewhere.
    pub(crate) fn only(&self, wanted: impl Fn(&Decision) -> bool) -> Self {
        let mark = |decision: &Decision| {
            let action = if wanted(decision) { Action::Allow } else { Action::KillProcess };
            Decision { action, origins: Origins::new() }
        };
        // As in `forget_origins` nothing is added.
        self.map(mark).unwrap_or_else(|Full| self.clone())
    }

    /// The smallest arguments (the first, most significant) for which `test` holds of what this diagram
    /// and `other` decide.
    pub fn find(&self, other: &Self, test: impl Fn(&Decision, &Decision) -> bool) -> Option<[u64; 6]> {
        let [arguments @ .., _, _] = find(self, other, test)?;
        Some(arguments)
    }

    /// The nodes, the root first; every test's branches stand at indices of their own, not in test order.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The decision for these arguments.
    pub fn decide(&self, arguments: &[u64; 6]) -> &Decision {
        let mut at = 0;
        loop {
            match &self.nodes[at as usize] {
                Node::Leaf(decision) => return decision,
                Node::Test { argument, bit, clear, set } => {
                    at = if arguments[usize::from(*argument)] >> bit & 1 == 1 { *set } else { *clear };
                }
            }
        }
    }

    /// The one decision, where no argument is tested.
    pub fn constant(&self) -> Option<&Decision> {
        match self.nodes.as_slice() {
            [Node::Leaf(decision)] => Some(decision),
            _ => None,
        }
    }

    /// The decisions that it can come to.
    pub fn decisions(&self) -> impl Iterator<Item = &Decision> {
        self.nodes.iter().filter_map(|node| match node {
            Node::Leaf(decision) => Some(decision),
            Node::Test { .. } => None,
        })
    }

    /// The diagram that `walk` walks, which tests no other places than those of the arguments.
    pub(crate) fn from_walk(walk: &impl Walk<Leaf = Decision>) -> Result<Self, Full> {
        let mut layout = Layout { walk, nodes: Vec::new(), places: HashMap::new() };
        layout.visit(walk.root())?;
        Ok(Diagram { nodes: layout.nodes })
    }
}

fn too_large(call: &str) -> LatticeError {
    LatticeError::TooLarge { call: call.to_owned(), limit: LIMIT }
}

/// Equality is equality in meaning: of the diagrams with their origins forgotten.
impl PartialEq for Diagram {
    fn eq(&self, other: &Self) -> bool {
        self.nodes == other.nodes || self.forget_origins().nodes == other.forget_origins().nodes
    }
}
impl Eq for Diagram {}

impl Walk for Diagram {
    type Leaf = Decision;

    fn root(&self) -> Ref {
        0
    }

    fn step(&self, at: Ref) -> Step<'_, Decision> {
        match &self.nodes[at as usize] {
            Node::Leaf(decision) => Step::Leaf(decision),
            Node::Test { argument, bit, clear, set } => {
                Step::Test { place: truth::place(*argument, *bit), clear: *clear, set: *set }
            }
        }
    }
}

/// Numbers the live nodes depth first.
struct Layout<'a, W> {
    walk: &'a W,
    nodes: Vec<Node>,
    places: HashMap<Ref, u32>,
}

impl<W: Walk<Leaf = Decision>> Layout<'_, W> {
    fn visit(&mut self, at: Ref) -> Result<u32, Full> {
        if let Some(index) = self.places.get(&at) {
            return Ok(*index);
        }
        if self.nodes.len() >= LIMIT {
            return Err(Full);
        }
        let index = u32::try_from(self.nodes.len()).map_err(|_| Full)?;
        self.places.insert(at, index);
        match self.walk.step(at) {
            Step::Leaf(decision) => self.nodes.push(Node::Leaf(decision.clone())),
            Step::Test { place, clear, set } => {
                let (argument, bit) = truth::bit(place);
                self.nodes.push(Node::Test { argument, bit, clear: 0, set: 0 });
                let (clear, set) = (self.visit(clear)?, self.visit(set)?);
                self.nodes[index as usize] = Node::Test { argument, bit, clear, set };
            }
        }
        Ok(index)
    }
}
