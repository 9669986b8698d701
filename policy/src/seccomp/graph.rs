//! A filter before it has an order: a graph of tests without cycles in which equal parts are one.

use super::bpf;
use crate::lattice::action::Action;
use std::collections::BTreeMap;

/// A node of a [`Graph`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Id(u32);

/// What a node does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Node {
    /// Ends with this return value.
    Return(u32),
    /// Goes one of two ways.
    Test(Test),
}

/// `word & mask operator k`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Test {
    /// Byte in `struct seccomp_data`.
    pub(super) word: u32,
    /// Bits that count; all ones needs no instruction.
    pub(super) mask: u32,
    /// A conditional `BPF_JMP` on a constant.
    pub(super) operator: u16,
    /// The constant.
    pub(super) k: u32,
    /// Where to go when it holds.
    pub(super) yes: Id,
    /// Where to go when not.
    pub(super) no: Id,
}

/// Nodes by id; branches of a node always have smaller ids.
#[derive(Default)]
pub(super) struct Graph {
    nodes: Vec<Node>,
    known: BTreeMap<Node, Id>,
}

impl Graph {
    /// The node that decides `action`.
    pub(super) fn leaf(&mut self, action: Action) -> Id {
        self.intern(Node::Return(bpf::return_value(action)))
    }

    /// The node that tests; the branch itself where both are the same.
    pub(super) fn test(&mut self, test: Test) -> Id {
        if test.yes == test.no { test.yes } else { self.intern(Node::Test(test)) }
    }

    /// What a node does.
    pub(super) fn node(&self, id: Id) -> Node {
        self.nodes[id.index()]
    }

    /// How many nodes there are.
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    fn intern(&mut self, node: Node) -> Id {
        if let Some(id) = self.known.get(&node) {
            return *id;
        }
        // Callers stop at some ten thousand nodes: see `Full`.
        let id = Id(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        self.nodes.push(node);
        self.known.insert(node, id);
        id
    }
}

impl Id {
    /// Position among the nodes.
    pub(super) fn index(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

/// The graph holds more tests than any program the kernel takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Full {
    /// Nodes so far.
    pub(super) nodes: usize,
}
