//! A graph of tests in the order of a program, with its jumps.
//!
//! BPF only jumps forward, so a program is written from its end: every branch has its place before the
//! test that goes there. A conditional jump reaches 255 instructions; beyond that stands a `JA` right
//! behind it, or a copy of the return.

use super::bpf;
use super::graph::{Graph, Id, Node, Test};
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
        entries: BTreeMap::new(),
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

/// What the accumulator holds at each way into each node.
fn arrivals(graph: &Graph, root: Id, order: &[Id]) -> BTreeMap<Id, Vec<Held>> {
    let mut out: BTreeMap<Id, Vec<Held>> = BTreeMap::from([(root, vec![None])]);
    for id in order {
        if let Node::Test(test) = graph.node(*id) {
            for target in [test.yes, test.no] {
                out.entry(target).or_default().push(Some((test.word, test.mask)));
            }
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
    arrivals: BTreeMap<Id, Vec<Held>>,
    /// Instructions, the last first.
    reversed: Vec<Instruction>,
    entries: BTreeMap<Id, Entry>,
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
                self.entries.insert(id, Entry::Return(at));
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
        let arrivals = self.arrivals.get(&id).cloned().unwrap_or_default();
        let ready = |arrival: &Held| *arrival == Some(held);
        let whole = |arrival: &Held| *arrival == Some((test.word, u32::MAX));
        let mut cut = jump;
        if test.mask != u32::MAX && !arrivals.iter().all(ready) {
            cut = self.push(Instruction(bpf::AND, 0, 0, test.mask));
        }
        let mut load = cut;
        if !arrivals.iter().all(|arrival| ready(arrival) || whole(arrival)) {
            load = self.push(Instruction(bpf::LOAD, 0, 0, test.word));
        }
        self.entries.insert(id, Entry::Test { test, load, cut, jump });
    }

    /// A position near enough for a conditional jump that leads into `id` when the accumulator holds `held`.
    fn reach(&mut self, id: Id, held: (u32, u32)) -> usize {
        let entry = self.entries[&id];
        let target = match entry {
            Entry::Return(at) => at,
            Entry::Test { test, jump, .. } if (test.word, test.mask) == held => jump,
            Entry::Test { test, cut, .. } if (test.word, u32::MAX) == held => cut,
            Entry::Test { load, .. } => load,
        };
        if self.near(target) {
            return target;
        }
        if let Entry::Return(at) = entry {
            let copy = self.push(self.reversed[at]);
            self.entries.insert(id, Entry::Return(copy));
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
