//! The search for a number of one audit architecture.
//!
//! Beside the tree of comparisons there is one more thing to try: numbers that share all their zero bits are told
//! from all others by a single `BPF_JSET`. Where a set of such numbers is decided alike and called often (0 to 31
//! and 64 to 95, say), that test comes first, and behind it those numbers never come, which makes gaps that the
//! tree may close as it likes.

use super::Segment;
use super::arguments::Diagrams;
use super::bpf;
use super::graph::{Full, Graph, Id, Test};
use super::search::{self, Run};
use super::weights::PRICE;
use crate::lattice::action::Action;
use crate::lattice::syscalls::Table;

/// First number of each interval, ascending, with what decides it.
pub(super) type Intervals = Vec<(u32, Id)>;

/// What decides the numbers of a segment, by the table of its interface; neighbours differ.
pub(super) fn intervals(
    table: &Table,
    segment: &Segment,
    diagrams: &mut Diagrams,
    graph: &mut Graph,
) -> Result<Intervals, Full> {
    let offset = segment.offset;
    let (lowest, highest) = (segment.first - offset, segment.last - offset);
    let mut out = Intervals::new();
    for (start, end, diagram) in table.intervals() {
        if end < lowest || start > highest {
            continue;
        }
        let id = diagrams.lower(diagram, graph)?;
        // What differs only in its origins is one.
        if out.last().is_none_or(|(_, last)| *last != id) {
            out.push((start.max(lowest) + offset, id));
        }
    }
    Ok(out)
}

/// Numbers that a mask may set apart: every table's calls lie below but for a few of 32-bit ARM.
const LOW: usize = 1 << LOW_BITS;
const LOW_BITS: usize = 9;
/// The part of all calls that a mask must set apart, one in so many: the first test of a tree without it halves them,
/// but not into parts that are decided.
const WORTH: u32 = 3;
/// Intervals from which on a mask is tried: a tree over few is not much deeper than the test.
const DEEP: usize = 16;

/// A cheap search over intervals that cover every number. `weights` are by number, in order.
pub(super) fn search(intervals: &Intervals, weights: &[(u32, u32)], graph: &mut Graph) -> Id {
    let all: u32 = weights.iter().map(|(_, weight)| weight).sum();
    // Programs seldom make calls that are denied.
    let allow = graph.leaf(Action::Allow);
    let worth = |mask: &Mask| mask.outcome == allow && mask.weight >= all / WORTH && intervals.len() >= DEEP;
    let mask = mask(intervals, weights).filter(worth);
    let runs = runs(intervals, weights, mask.as_ref().map(|mask| mask.bits));
    let rest = search::plan(runs, u32::MAX, PRICE).build(bpf::NUMBER, u32::MAX, graph);
    match mask {
        None => rest,
        Some(Mask { bits, outcome, .. }) => {
            let (word, operator) = (bpf::NUMBER, bpf::JUMP_SET);
            graph.test(Test { word, mask: u32::MAX, operator, k: !bits, yes: rest, no: outcome })
        }
    }
}

/// Numbers that have no bit outside `bits`, all decided alike.
struct Mask {
    bits: u32,
    outcome: Id,
    /// How often they come.
    weight: u32,
}

/// The set of numbers that most calls go to; `None` where the intervals begin above such numbers.
fn mask(intervals: &Intervals, weights: &[(u32, u32)]) -> Option<Mask> {
    if intervals.first()?.0 != 0 {
        return None;
    }
    let mut outcomes = Vec::with_capacity(LOW);
    for (index, (_, id)) in intervals.iter().enumerate() {
        let next =
            intervals.get(index + 1).map_or(LOW, |(next, _)| usize::try_from(*next).unwrap_or(LOW).min(LOW));
        outcomes.resize(next.max(outcomes.len()), *id);
    }
    let mut weight = vec![0; LOW];
    for (number, one) in weights {
        if let Some(sum) = usize::try_from(*number).ok().and_then(|number| weight.get_mut(number)) {
            *sum += one;
        }
    }
    // Number 0 is in every set.
    let outcome = *outcomes.first()?;
    let mut pure: Vec<bool> = outcomes.iter().map(|other| *other == outcome).collect();
    pure.resize(LOW, false);
    // Sums over the subsets of every set of bits, one bit after the other.
    for bit in (0..LOW_BITS).map(|bit| 1 << bit) {
        for set in (0..LOW).filter(|set| set & bit != 0) {
            pure[set] &= pure[set ^ bit];
            weight[set] += weight[set ^ bit];
        }
    }
    let set = (0..LOW).filter(|set| pure[*set]).max_by_key(|set| weight[*set])?;
    Some(Mask { bits: u32::try_from(set).ok()?, outcome, weight: weight[set] })
}

/// Intervals with their weights. Numbers without a bit outside `apart` never come.
fn runs(intervals: &Intervals, weights: &[(u32, u32)], apart: Option<u32>) -> Vec<Run> {
    let never = |number: u32| apart.is_some_and(|bits| number & !bits == 0);
    let mut runs: Vec<Run> = Vec::with_capacity(intervals.len() + 16);
    let mut push = |first: u32, outcome: Option<Id>| match runs.last() {
        Some(last) if last.outcome == outcome => {}
        _ => runs.push(Run { first, outcome, weight: 0 }),
    };
    for (index, (first, id)) in intervals.iter().enumerate() {
        let end = intervals.get(index + 1).map_or(u32::MAX, |(next, _)| next - 1);
        let mut at = *first;
        if let Some(bits) = apart {
            // Sets of numbers begin and end at multiples of the lowest bit that is not in them.
            let block = !bits & bits.wrapping_add(1);
            while at <= end && at <= bits {
                push(at, if never(at) { None } else { Some(*id) });
                at = (at | (block - 1)) + 1;
            }
        }
        if at <= end {
            push(at, Some(*id));
        }
    }
    let mut run = 0;
    for (number, weight) in weights {
        while runs.get(run + 1).is_some_and(|next| next.first <= *number) {
            run += 1;
        }
        if let Some(run) = runs.get_mut(run).filter(|run| run.outcome.is_some()) {
            run.weight += weight;
        }
    }
    runs
}
