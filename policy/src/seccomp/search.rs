//! The search for a value among runs of values that are decided alike: a tree of comparisons as cheap as it gets.
//!
//! A tree costs what it executes, weighted by how often each run is met, and a price for every instruction that it
//! has. Dynamic programming finds it from short ranges of runs to long ones: a range is settled where all of it is
//! decided alike, split by one `>=`, or, where single values stand out from one decision, tested by `==` one after
//! the other, the most frequent first. Splits are looked for near those of the two ranges that are one run
//! shorter (Knuth, Optimum binary search trees, 1971), which is what makes it quadratic; a test compares
//! with the search of every split.

use super::bpf;
use super::graph::{Graph, Id, Test};
use crate::lattice::action::Action;

/// Values that are decided alike: from `first` to the one before the next run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// The smallest of them.
    pub(super) first: u32,
    /// What decides them; `None` where they never come.
    pub(super) outcome: Option<Id>,
    /// How often they come.
    pub(super) weight: u32,
}

/// Single values that are tested one after the other: of more, a split makes less work.
const CHAIN: usize = 8;
/// What is done with a range of runs: settled, singles by `==`, or `>=` the first value of a run. In 16 bits, because
/// there are many.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Step(u16);

impl Step {
    /// All of it is decided alike, or it has no run.
    const SETTLED: Step = Step(0);
    /// Singles by `==`.
    const CHAIN: u16 = 1 << 15;

    /// The best split, also where a chain is better; 0 where all is settled.
    fn split(self) -> usize {
        usize::from(self.0 & !Step::CHAIN)
    }

    fn is_chain(self) -> bool {
        self.0 & Step::CHAIN != 0
    }
}

/// A tree that is not built yet.
pub(super) struct Tree {
    runs: Vec<Run>,
    /// Which of the runs are a single value.
    single: Vec<bool>,
    /// By range.
    steps: Vec<Step>,
}

/// The cheapest tree over `runs`, which are in order, cover all values that have bits of `space` only, and differ from
/// their neighbours; `price` is what an instruction costs, in the unit of weights.
pub(super) fn plan(runs: Vec<Run>, space: u32, price: u32) -> Tree {
    planned(runs, space, price, false).0
}

/// The tree and what it costs; with `every` split tried, not only those between Knuth's bounds.
fn planned(runs: Vec<Run>, space: u32, price: u32, every: bool) -> (Tree, u32) {
    let count = runs.len();
    let single: Vec<bool> = (0..count).map(|index| is_single(&runs, space, index)).collect();
    let ranges = Ranges(count);
    let mut steps = vec![Step::SETTLED; ranges.len()];
    let mut costs = vec![0_u32; ranges.len()];
    for first in (0..count).rev() {
        let row = ranges.row(first);
        let settled = settled_until(&runs, first);
        let mut chain = Some(Chain::default());
        let mut weight = 0;
        for (last, run) in runs.iter().enumerate().skip(first) {
            weight += run.weight;
            if chain.as_mut().is_some_and(|chain| !chain.add(run, single[last])) {
                chain = None;
            }
            if last <= settled {
                continue;
            }
            let (low, high) =
                match (steps[row + last - 1].split(), steps[ranges.row(first + 1) + last].split()) {
                    _ if every => (first + 1, last),
                    (0, 0) => (first + 1, last),
                    (0, split) => (first + 1, split),
                    (split, 0) => (split, last),
                    (one, other) => (one.min(other), one.max(other)),
                };
            let mut best = (u32::MAX, low);
            for split in low..=high {
                let both = costs[row + split - 1] + costs[ranges.row(split) + last];
                if both < best.0 {
                    best = (both, split);
                }
            }
            let mut cost = best.0 + weight + price;
            // More runs than 15 bits count have no program that the kernel takes.
            let mut step = u16::try_from(best.1).unwrap_or(u16::MAX) & !Step::CHAIN;
            if let Some(chained) = chain.as_ref().map(|chain| chain.cost(weight, price))
                && chained <= cost
            {
                cost = chained;
                step |= Step::CHAIN;
            }
            steps[row + last] = Step(step);
            costs[row + last] = cost;
        }
    }
    let cost = costs.get(count.saturating_sub(1)).copied().unwrap_or(0);
    (Tree { runs, single, steps }, cost)
}

/// Where the ranges of so many runs stand: those with the same first run side by side.
#[derive(Clone, Copy)]
struct Ranges(usize);

impl Ranges {
    /// How many there are.
    fn len(self) -> usize {
        self.0 * (self.0 + 1) / 2
    }

    /// What the last run is added to.
    fn row(self, first: usize) -> usize {
        first * self.0 - first * (first + 1) / 2
    }
}

/// The last run of the longest range from `first` on that is decided alike.
fn settled_until(runs: &[Run], first: usize) -> usize {
    let mut outcome = None;
    let alike = |run: &&Run| match (outcome, run.outcome) {
        (Some(one), Some(other)) => one == other,
        (None, other) => {
            outcome = other;
            true
        }
        (_, None) => true,
    };
    first + runs[first..].iter().take_while(alike).count() - 1
}

/// Whether a run is a single value.
fn is_single(runs: &[Run], space: u32, index: usize) -> bool {
    // The next value that has bits of `space` only; 0 after the last one.
    let next = (runs[index].first | !space).wrapping_add(1) & space;
    runs.get(index + 1).map_or(next == 0, |run| run.first == next)
}

/// Single values that stand out from one decision.
#[derive(Default)]
struct Chain {
    /// The decision; of the first run until a wide one comes.
    base: Option<Id>,
    /// Whether a wide run has decided it.
    wide: bool,
    /// The single values, the most frequent first; until a wide run has come, some of them may be the decision's.
    singles: [Option<Run>; CHAIN],
    count: usize,
}

impl Chain {
    /// One run more, whether it can be.
    fn add(&mut self, run: &Run, single: bool) -> bool {
        if run.outcome.is_none() {
            return true;
        }
        if !single {
            if self.wide && self.base != run.outcome {
                return false;
            }
            self.base = run.outcome;
            self.wide = true;
            return true;
        }
        if self.count == CHAIN {
            return false;
        }
        self.base = self.base.or(run.outcome);
        let mut place = self.count;
        while place > 0 && self.singles[place - 1].is_some_and(|before| before.weight < run.weight) {
            self.singles[place] = self.singles[place - 1];
            place -= 1;
        }
        self.singles[place] = Some(*run);
        self.count += 1;
        true
    }

    /// The runs to be tested, the most frequent first.
    fn tested(&self) -> impl DoubleEndedIterator<Item = &Run> {
        self.singles[..self.count].iter().flatten().filter(|run| run.outcome != self.base)
    }

    fn cost(&self, total: u32, price: u32) -> u32 {
        let mut rest = total;
        let mut cost = 0;
        for run in self.tested() {
            cost += rest + price;
            rest -= run.weight;
        }
        cost
    }
}

impl Tree {
    /// Builds it: tests of `word`, of which `mask` counts.
    pub(super) fn build(&self, word: u32, mask: u32, graph: &mut Graph) -> Id {
        match self.runs.len() {
            // Never without a run; nothing may be allowed by that.
            0 => graph.leaf(Action::KillProcess),
            count => self.range(
                0,
                count - 1,
                &|operator, k, yes, no| Test { word, mask, operator, k, yes, no },
                graph,
            ),
        }
    }

    /// Recurses as deep as the tree.
    fn range(
        &self,
        first: usize,
        last: usize,
        test: &dyn Fn(u16, u32, Id, Id) -> Test,
        graph: &mut Graph,
    ) -> Id {
        let settled = || self.runs[first..=last].iter().find_map(|run| run.outcome);
        let step = self.steps[Ranges(self.runs.len()).row(first) + last];
        if step == Step::SETTLED {
            // Values that never come: whoever is wrong about that is not let through.
            return settled().unwrap_or_else(|| graph.leaf(Action::KillProcess));
        }
        if step.is_chain() {
            let mut chain = Chain::default();
            let fits = (first..=last).all(|index| chain.add(&self.runs[index], self.single[index]));
            let base = chain.base.filter(|_| fits).unwrap_or_else(|| graph.leaf(Action::KillProcess));
            return chain.tested().rev().fold(base, |rest, run| {
                graph.test(test(bpf::JUMP_EQUAL, run.first, run.outcome.unwrap_or(rest), rest))
            });
        }
        let split = step.split();
        let below = self.range(first, split - 1, test, graph);
        let above = self.range(split, last, test, graph);
        graph.test(test(bpf::JUMP_GREATER_OR_EQUAL, self.runs[split].first, above, below))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seccomp::graph::Node;
    use proptest::prelude::*;

    /// Runs over all values, decided by a few actions; some never come.
    fn runs() -> impl Strategy<Value = Vec<(u32, u16, u32)>> {
        prop::collection::vec((prop_oneof![3 => Just(1_u32), 2 => 2..40_u32], 0..5_u16, 0..1000_u32), 1..40)
    }

    fn build(written: &[(u32, u16, u32)], graph: &mut Graph) -> Vec<Run> {
        let mut first = 0;
        let mut runs: Vec<Run> = Vec::new();
        for (width, action, weight) in written {
            let outcome = (*action > 0).then(|| graph.leaf(Action::Errno(*action)));
            let weight = if outcome.is_some() { *weight } else { 0 };
            match runs.last_mut() {
                Some(last) if last.outcome == outcome => last.weight += weight,
                _ => runs.push(Run { first, outcome, weight }),
            }
            first += width;
        }
        runs
    }

    /// Where a value ends, and after how many tests.
    fn decide(graph: &Graph, root: Id, value: u32) -> (Id, u32) {
        let (mut at, mut tests) = (root, 0);
        while let Node::Test(test) = graph.node(at) {
            let holds = match test.operator {
                bpf::JUMP_EQUAL => value == test.k,
                _ => value >= test.k,
            };
            at = if holds { test.yes } else { test.no };
            tests += 1;
        }
        (at, tests)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn every_value_ends_where_its_run_says_and_costs_what_was_planned(written in runs()) {
            let mut graph = Graph::default();
            let runs = build(&written, &mut graph);
            let (tree, cost) = planned(runs.clone(), u32::MAX, 0, false);
            let root = tree.build(bpf::NUMBER, u32::MAX, &mut graph);
            let mut executed = 0;
            for (index, run) in runs.iter().enumerate() {
                let next = runs.get(index + 1).map_or(run.first + 5, |next| next.first);
                for value in run.first..next {
                    let (end, tests) = decide(&graph, root, value);
                    prop_assert!(run.outcome.is_none_or(|outcome| outcome == end), "{value} of {runs:?}");
                    if value == run.first {
                        executed += tests * run.weight;
                    }
                }
            }
            // A chain tests runs that never come as part of the rest, in any place of it.
            let certain = runs.iter().all(|run| run.outcome.is_some());
            prop_assert!(!certain || executed <= cost, "{executed} {cost}");
        }

        /// Knuth's condition is not always met, with chains and runs that never come; what that loses is bounded.
        #[test]
        fn bounds_cost_little(written in runs()) {
            let mut graph = Graph::default();
            let runs = build(&written, &mut graph);
            let (_, bounded) = planned(runs.clone(), u32::MAX, 10, false);
            let (_, every) = planned(runs, u32::MAX, 10, true);
            prop_assert!(every <= bounded && bounded <= every + every / 4, "{bounded} {every}");
        }
    }

    #[test]
    fn singles_are_tested_by_equality_the_most_frequent_first() {
        let mut graph = Graph::default();
        let written = [(7, 1, 5), (1, 2, 10), (5, 1, 5), (1, 3, 100), (20, 1, 5)];
        let runs = build(&written, &mut graph);
        let root = plan(runs, u32::MAX, 1).build(bpf::NUMBER, u32::MAX, &mut graph);
        let Node::Test(first) = graph.node(root) else { panic!("a leaf") };
        assert_eq!((first.operator, first.k), (bpf::JUMP_EQUAL, 13));
        let Node::Test(second) = graph.node(first.no) else { panic!("a leaf") };
        assert_eq!((second.operator, second.k), (bpf::JUMP_EQUAL, 7));
        assert!(matches!(graph.node(second.no), Node::Return(_)));
    }

    #[test]
    fn values_under_a_mask_are_next_to_each_other() {
        let mut graph = Graph::default();
        let [one, other] = [1, 2].map(|errno| graph.leaf(Action::Errno(errno)));
        // 0x00, 0x10, 0x20, 0x30: the third stands out.
        let run = |first, outcome| Run { first, outcome: Some(outcome), weight: 1 };
        let runs = vec![run(0, one), run(0x20, other), run(0x30, one)];
        let root = plan(runs, 0x30, 1).build(bpf::ARGUMENTS, 0x30, &mut graph);
        let expected = Test {
            word: bpf::ARGUMENTS,
            mask: 0x30,
            operator: bpf::JUMP_EQUAL,
            k: 0x20,
            yes: other,
            no: one,
        };
        assert_eq!(graph.node(root), Node::Test(expected));
    }
}
