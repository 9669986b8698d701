//! From a decision diagram over single bits to tests of 32-bit words.
//!
//! A diagram that tests one word bit by bit mostly spells a comparison: as long as the bits agree with a
//! constant it goes on, and where they first differ it leaves, one way for the set bit and one way for
//! the clear one. Such a chain is `word & mask` compared to that constant, with three outcomes: below,
//! equal, above. Two of them usually coincide, and one instruction decides.
//!
//! A set of values is shorter as a search among runs of values (`search`). Where a word is first tested both are
//! built, and the one with fewer instructions stays.

use super::bpf;
use super::graph::{Full, Graph, Id, Node as Built, Test};
use super::search::{self, Run};
use crate::lattice::action::Action;
use crate::lattice::diagram::{Diagram, Node};
use std::collections::{BTreeMap, BTreeSet};

/// Nodes at which lowering stops. A program has at most 4096 instructions, and two tests of a chain with
/// three outcomes share their load, so that no graph of this size could fit.
const LIMIT: usize = 4 * bpf::MAX_INSTRUCTIONS;

/// Runs of values of one word that are searched: more come from masks, for which chains are better.
const RUNS: usize = 128;
/// Work that one filter may take for searches, in pairs of runs: a hostile profile has many words with many runs.
const PAIRS: usize = 1 << 20;
/// How often a run of values comes: nobody counted arguments.
const WEIGHT: u32 = 1;
/// What an instruction costs beside: as much as two more tests for one value.
const PRICE: u32 = 2;

/// The actions that a diagram can answer with.
pub(super) fn actions(diagram: &Diagram) -> impl Iterator<Item = Action> {
    diagram.nodes().iter().filter_map(|node| match node {
        Node::Leaf(decision) => Some(decision.action),
        Node::Test { .. } => None,
    })
}

/// A diagram node without its origins, so that leaves that act alike are one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Bare {
    Leaf(Action),
    Test { word: u32, bit: u32, clear: u32, set: u32 },
}

/// Diagrams seen so far, shared over all calls and interfaces.
pub(super) struct Diagrams {
    nodes: Vec<Bare>,
    known: BTreeMap<Bare, u32>,
    lowered: BTreeMap<u32, Id>,
    /// What is left of [`PAIRS`].
    pairs: usize,
}

impl Default for Diagrams {
    fn default() -> Self {
        Diagrams { nodes: Vec::new(), known: BTreeMap::new(), lowered: BTreeMap::new(), pairs: PAIRS }
    }
}

/// A comparison found in a diagram: where to go when `word & mask` is below, equal to, above `value`.
#[derive(Clone, Copy)]
struct Chain {
    mask: u32,
    value: u32,
    /// `None` where nothing can be below: `value` is 0.
    below: Option<u32>,
    equal: u32,
    /// `None` where nothing can be above: `value` is `mask`.
    above: Option<u32>,
}

impl Diagrams {
    /// The tests that decide as `diagram` does.
    pub(super) fn lower(&mut self, diagram: &Diagram, graph: &mut Graph) -> Result<Id, Full> {
        if let [Node::Leaf(decision)] = diagram.nodes() {
            return Ok(graph.leaf(decision.action));
        }
        let mut seen = vec![None; diagram.nodes().len()];
        let root = self.strip(diagram.nodes(), 0, &mut seen);
        self.lower_node(root, graph)
    }

    fn strip(&mut self, nodes: &[Node], at: u32, seen: &mut [Option<u32>]) -> u32 {
        if let Some(known) = seen[position(at)] {
            return known;
        }
        let bare = match &nodes[position(at)] {
            Node::Leaf(decision) => self.intern(Bare::Leaf(decision.action)),
            Node::Test { argument, bit, clear, set } => {
                let clear = self.strip(nodes, *clear, seen);
                let set = self.strip(nodes, *set, seen);
                let high = u32::from(*bit) / 32;
                let word = bpf::ARGUMENTS + 8 * u32::from(*argument) + 4 * high;
                let test = Bare::Test { word, bit: 1 << (u32::from(*bit) % 32), clear, set };
                if clear == set { clear } else { self.intern(test) }
            }
        };
        seen[position(at)] = Some(bare);
        bare
    }

    fn intern(&mut self, node: Bare) -> u32 {
        if let Some(id) = self.known.get(&node) {
            return *id;
        }
        // Bounded by the diagrams' own limit times the system calls there are.
        let id = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        self.nodes.push(node);
        self.known.insert(node, id);
        id
    }

    fn lower_node(&mut self, at: u32, graph: &mut Graph) -> Result<Id, Full> {
        if let Some(id) = self.lowered.get(&at) {
            return Ok(*id);
        }
        if graph.len() > LIMIT {
            return Err(Full { nodes: graph.len() });
        }
        let id = match self.nodes[position(at)] {
            Bare::Leaf(action) => graph.leaf(action),
            Bare::Test { word, .. } => {
                let start = Chain { mask: 0, value: 0, below: None, equal: at, above: None };
                let chain = self.longest(word, start);
                let chained = self.compare(word, chain, graph)?;
                match self.search(word, at, graph)? {
                    Some(searched)
                        if Effort::of(searched, word, graph) < Effort::of(chained, word, graph) =>
                    {
                        searched
                    }
                    _ => chained,
                }
            }
        };
        self.lowered.insert(at, id);
        Ok(id)
    }

    /// A search among the runs of values of `word`, where they are few.
    fn search(&mut self, word: u32, at: u32, graph: &mut Graph) -> Result<Option<Id>, Full> {
        let mut mask = 0;
        self.bits(word, at, &mut mask, &mut BTreeSet::new());
        let mut found = Runs { word, starts: Vec::new() };
        // One run has no test, and two are a single one as a chain too.
        if !found.collect(self, at, mask, 0) || found.starts.len() < 3 {
            return Ok(None);
        }
        let pairs = found.starts.len().pow(2);
        let Some(rest) = self.pairs.checked_sub(pairs) else { return Ok(None) };
        self.pairs = rest;
        let mut runs = Vec::with_capacity(found.starts.len());
        for (first, node) in found.starts {
            let outcome = Some(self.lower_node(node, graph)?);
            // Nodes that differ may do the same.
            if runs.last().is_none_or(|last: &Run| last.outcome != outcome) {
                runs.push(Run { first, outcome, weight: WEIGHT });
            }
        }
        Ok(Some(search::plan(runs, mask, PRICE).build(word, mask, graph)))
    }

    /// The bits of `word` that are tested at `at` and below, before another word is.
    fn bits(&self, word: u32, at: u32, mask: &mut u32, seen: &mut BTreeSet<u32>) {
        match self.nodes[position(at)] {
            Bare::Test { word: here, bit, clear, set } if here == word && seen.insert(at) => {
                *mask |= bit;
                self.bits(word, clear, mask, seen);
                self.bits(word, set, mask, seen);
            }
            _ => {}
        }
    }

    /// The best way to go on with a chain. Each outcome is fixed by the first bit that leaves for it, so
    /// that few ways remain to be tried.
    fn longest(&self, word: u32, chain: Chain) -> Chain {
        let Bare::Test { word: here, bit, clear, set } = self.nodes[position(chain.equal)] else {
            return chain;
        };
        if here != word {
            return chain;
        }
        let mut best = chain;
        let mask = chain.mask | bit;
        if chain.below.is_none_or(|below| below == clear) {
            let value = chain.value | bit;
            best = best.better(
                self.longest(word, Chain { mask, value, below: Some(clear), equal: set, above: chain.above }),
            );
        }
        if chain.above.is_none_or(|above| above == set) {
            best = best.better(self.longest(word, Chain { mask, equal: clear, above: Some(set), ..chain }));
        }
        best
    }

    fn compare(&mut self, word: u32, chain: Chain, graph: &mut Graph) -> Result<Id, Full> {
        let equal = self.lower_node(chain.equal, graph)?;
        let below = chain.below.map(|at| self.lower_node(at, graph)).transpose()?;
        let above = chain.above.map(|at| self.lower_node(at, graph)).transpose()?;
        let Chain { mask, value, .. } = chain;
        // Bits under the lowest one that counts do not change an order, so the mask may be left out.
        let low = (!mask).wrapping_add(1) & !mask == 0;
        let test = |operator, mask, k, yes, no| Test { word, mask, operator, k, yes, no };
        Ok(match (below, above) {
            (None, None) => equal,
            (None, Some(above)) => graph.test(test(bpf::JUMP_SET, u32::MAX, mask, above, equal)),
            (Some(below), None) if mask.is_power_of_two() => {
                graph.test(test(bpf::JUMP_SET, u32::MAX, mask, equal, below))
            }
            (Some(other), None) => graph.test(test(bpf::JUMP_EQUAL, mask, value, equal, other)),
            (Some(below), Some(above)) if below == above => {
                graph.test(test(bpf::JUMP_EQUAL, mask, value, equal, below))
            }
            (Some(below), Some(above)) if above == equal => {
                let mask = if low { u32::MAX } else { mask };
                graph.test(test(bpf::JUMP_GREATER_OR_EQUAL, mask, value, equal, below))
            }
            (Some(below), Some(above)) if below == equal => {
                let (mask, k) = if low { (u32::MAX, value | !mask) } else { (mask, value) };
                graph.test(test(bpf::JUMP_GREATER, mask, k, above, equal))
            }
            (Some(below), Some(above)) => {
                let differs = graph.test(test(bpf::JUMP_GREATER, mask, value, above, below));
                graph.test(test(bpf::JUMP_EQUAL, mask, value, equal, differs))
            }
        })
    }
}

/// The runs of values of one word, by the node that decides behind it.
struct Runs {
    word: u32,
    starts: Vec<(u32, u32)>,
}

impl Runs {
    /// Adds the runs of the values that begin as `value` does, where the bits of `left` are still open, the highest
    /// first. Whether there was room for them: every call that is not a leaf of this walk adds two runs at least.
    fn collect(&mut self, diagrams: &Diagrams, at: u32, left: u32, value: u32) -> bool {
        match diagrams.nodes[position(at)] {
            Bare::Test { word, bit, clear, set } if word == self.word => {
                // There is one: `left` began as every bit that is tested.
                let Some(open) = left.checked_ilog2().map(|top| 1 << top) else { return false };
                let (clear, set) = if bit == open { (clear, set) } else { (at, at) };
                self.collect(diagrams, clear, left & !open, value)
                    && self.collect(diagrams, set, left & !open, value | open)
            }
            _ => {
                if self.starts.last().is_none_or(|(_, last)| *last != at) {
                    self.starts.push((value, at));
                }
                self.starts.len() <= RUNS
            }
        }
    }
}

/// What a word costs to decide: instructions, then the longest way through them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Effort {
    instructions: usize,
    longest: usize,
}

impl Effort {
    fn of(root: Id, word: u32, graph: &Graph) -> Effort {
        let mut longest = BTreeMap::new();
        let mut masks = BTreeSet::new();
        let depth = Effort::visit(root, word, graph, &mut longest, &mut masks);
        Effort { instructions: longest.len() + masks.len(), longest: depth }
    }

    /// The longest way from `at` on. A mask other than the one before costs a load and an AND.
    fn visit(
        at: Id,
        word: u32,
        graph: &Graph,
        longest: &mut BTreeMap<Id, usize>,
        masks: &mut BTreeSet<(Id, u32)>,
    ) -> usize {
        let Built::Test(test) = graph.node(at) else { return 0 };
        if test.word != word {
            return 0;
        }
        if let Some(known) = longest.get(&at) {
            return *known;
        }
        let mut most = 0;
        for next in [test.yes, test.no] {
            let mut steps = Effort::visit(next, word, graph, longest, masks);
            if let Built::Test(after) = graph.node(next)
                && after.word == word
                && after.mask != test.mask
                && test.mask != u32::MAX
            {
                masks.insert((next, test.mask));
                steps += 1;
            }
            most = most.max(steps);
        }
        let own = if test.mask == u32::MAX { 1 } else { 2 };
        if own == 2 {
            masks.insert((at, test.mask));
        }
        longest.insert(at, most + own);
        most + own
    }
}

impl Chain {
    /// Bits decided, less the second test that three different outcomes take; then how cheap the test is.
    fn worth(&self) -> (u32, u32) {
        let (tests, cheapness) = match (self.below, self.above) {
            // One bit set among many, which needs no mask.
            (None, _) => (1, 2),
            (Some(below), above) if above.is_none_or(|above| above == below) => (1, 1),
            (_, above) if above == Some(self.equal) || self.below == Some(self.equal) => (1, 0),
            _ => (2, 0),
        };
        ((self.mask.count_ones() + 1).saturating_sub(tests), cheapness)
    }

    /// The one worth more; of two that are worth the same, `self`.
    fn better(self, other: Chain) -> Chain {
        // The chain without a bit is worth 0, any that goes on from it more.
        if other.worth() > self.worth() { other } else { self }
    }
}

/// An id as an index.
fn position(id: u32) -> usize {
    usize::try_from(id).unwrap_or(usize::MAX)
}
