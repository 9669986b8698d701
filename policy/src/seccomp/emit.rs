//! A graph of tests in the order of a program, with its jumps.
//!
//! BPF only jumps forward, so a program is written from its end: every branch has its place before the
//! test that goes there. A conditional jump reaches 255 instructions; beyond that stands a `JA` right
//! behind it, or a copy of the return.

use super::bpf;
use super::graph::{Graph, Id, Node, Test};
use crate::lattice::action::Action;
use crate::plan::Instruction;
use std::collections::BTreeMap;

/// What the accumulator holds: a word of `struct seccomp_data`, cut to a mask.
type Held = Option<(u32, u32)>;

/// The program that starts at `root`.
pub(super) fn program(graph: &Graph, root: Id) -> Vec<Instruction> {
    let order = order(graph, root);
    let mut writer = Writer {
        graph,
        arrivals: arrivals(graph, root, &order),
        reversed: Vec::new(),
        entries: vec![None; graph.len()],
        stepping_stones: BTreeMap::new(),
    };
    for id in order {
        writer.write(id);
    }
    writer.reversed.reverse();
    writer.reversed
}

/// Nodes under `root`, branches before the tests that go there.
fn order(graph: &Graph, root: Id) -> Vec<Id> {
    let mut out = Vec::new();
    let mut seen = vec![false; graph.len()];
    // (node, whether its branches are already written)
    let mut stack = vec![(root, false)];
    while let Some((id, branches_done)) = stack.pop() {
        if branches_done {
            out.push(id);
            continue;
        }
        if std::mem::replace(&mut seen[id.index()], true) {
            continue;
        }
        stack.push((id, true));
        if let Node::Test(test) = graph.node(id) {
            stack.push((test.no, false));
            stack.push((test.yes, false));
        }
    }
    out
}

/// What some way into a node leaves to be done before its test.
#[derive(Clone, Copy, Default)]
struct Arrivals {
    /// The accumulator holds something else.
    load: bool,
    /// It is not cut to the mask.
    cut: bool,
}

/// By node, over all ways into it.
fn arrivals(graph: &Graph, root: Id, order: &[Id]) -> Vec<Arrivals> {
    let mut out = vec![Arrivals::default(); graph.len()];
    let mut arrive = |target: Id, held: Held| {
        if let Node::Test(test) = graph.node(target) {
            let ready = held == Some((test.word, test.mask));
            let whole = held == Some((test.word, u32::MAX));
            let arrivals = &mut out[target.index()];
            arrivals.cut |= !ready;
            arrivals.load |= !(ready || whole);
        }
    };
    arrive(root, None);
    for id in order {
        if let Node::Test(test) = graph.node(*id) {
            arrive(test.yes, Some((test.word, test.mask)));
            arrive(test.no, Some((test.word, test.mask)));
        }
    }
    out
}

/// Positions from the end at which a node can be entered.
#[derive(Clone, Copy)]
enum Entry {
    Return(usize),
    Test {
        test: Test,
        /// The word is not loaded.
        load: usize,
        /// It is loaded whole.
        cut: usize,
        /// It is loaded and cut to the mask.
        jump: usize,
    },
}

struct Writer<'a> {
    graph: &'a Graph,
    arrivals: Vec<Arrivals>,
    /// Instructions, the last first.
    reversed: Vec<Instruction>,
    /// By node; those behind a test are there before it is written.
    entries: Vec<Option<Entry>>,
    /// The nearest `JA` to a position.
    stepping_stones: BTreeMap<usize, usize>,
}

/// How far a conditional jump reaches, less the two instructions that may still come between.
const REACH: usize = 255 - 2;

impl Writer<'_> {
    fn write(&mut self, id: Id) {
        match self.graph.node(id) {
            Node::Return(value) => {
                let at = self.push(Instruction(bpf::RETURN, 0, 0, value));
                self.entries[id.index()] = Some(Entry::Return(at));
            }
            Node::Test(test) => self.write_test(id, test),
        }
    }

    fn write_test(&mut self, id: Id, test: Test) {
        let held = (test.word, test.mask);
        let no = self.reach(test.no, held);
        let yes = self.reach(test.yes, held);
        let at = self.reversed.len();
        let offset = |target: usize| u8::try_from(at - target - 1).unwrap_or(u8::MAX);
        let jump = self.push(Instruction(test.operator, offset(yes), offset(no), test.k));
        let arrivals = self.arrivals[id.index()];
        let mut cut = jump;
        if test.mask != u32::MAX && arrivals.cut {
            cut = self.push(Instruction(bpf::AND, 0, 0, test.mask));
        }
        let mut load = cut;
        if arrivals.load {
            load = self.push(Instruction(bpf::LOAD, 0, 0, test.word));
        }
        self.entries[id.index()] = Some(Entry::Test { test, load, cut, jump });
    }

    /// A position near enough for a conditional jump that leads into `id` when the accumulator holds `held`.
    fn reach(&mut self, id: Id, held: (u32, u32)) -> usize {
        let entry = self.entries[id.index()];
        let target = match entry {
            Some(Entry::Return(at)) => at,
            Some(Entry::Test { test, jump, .. }) if (test.word, test.mask) == held => jump,
            Some(Entry::Test { test, cut, .. }) if (test.word, u32::MAX) == held => cut,
            Some(Entry::Test { load, .. }) => load,
            // Never: branches stand before the test in the order. It is a kill all the same.
            None => self.push(Instruction(bpf::RETURN, 0, 0, bpf::return_value(Action::KillProcess))),
        };
        if self.near(target) {
            return target;
        }
        if let Some(Entry::Return(at)) = entry {
            let copy = self.push(self.reversed[at]);
            self.entries[id.index()] = Some(Entry::Return(copy));
            return copy;
        }
        if let Some(stone) = self.stepping_stones.get(&target)
            && self.near(*stone)
        {
            return *stone;
        }
        let distance = u32::try_from(self.reversed.len() - target - 1).unwrap_or(u32::MAX);
        let stone = self.push(Instruction(bpf::JUMP, 0, 0, distance));
        self.stepping_stones.insert(target, stone);
        stone
    }

    fn near(&self, target: usize) -> bool {
        self.reversed.len() - target <= REACH
    }

    /// Position from the end.
    fn push(&mut self, instruction: Instruction) -> usize {
        self.reversed.push(instruction);
        self.reversed.len() - 1
    }
}
