//! The search for a number: intervals that are decided alike, and a balanced tree over them.

use super::arguments::Diagrams;
use super::bpf;
use super::graph::{Full, Graph, Id, Test};
use crate::lattice::syscalls::Table;

/// First number of each interval, ascending, with what decides it.
pub(super) type Intervals = Vec<(u32, Id)>;

/// What decides the numbers `first` to `last` of `nr`, by a table that knows each of them less `offset`.
pub(super) fn intervals(
    table: &Table,
    (first, last): (u32, u32),
    offset: u32,
    diagrams: &mut Diagrams,
    graph: &mut Graph,
) -> Result<Intervals, Full> {
    let (lowest, highest) = (first - offset, last - offset);
    let mut out = Intervals::new();
    for (start, end, diagram) in table.intervals() {
        if end < lowest || start > highest {
            continue;
        }
        let id = diagrams.lower(diagram, graph)?;
        out.push((start.max(lowest) + offset, id));
    }
    Ok(out)
}

/// A balanced search over intervals that cover every number.
pub(super) fn search(mut intervals: Intervals, graph: &mut Graph) -> Id {
    // What differs only in its origins, and two tables that agree where they meet.
    intervals.dedup_by_key(|(_, id)| *id);
    halve(&intervals, graph)
}

fn halve(intervals: &[(u32, Id)], graph: &mut Graph) -> Id {
    let number = |operator, k, yes, no| Test { word: bpf::NUMBER, mask: u32::MAX, operator, k, yes, no };
    match intervals {
        // `search` is never called without an interval; an empty one must still not allow anything.
        [] => graph.leaf(crate::lattice::action::Action::KillProcess),
        [(_, id)] => *id,
        // One number that stands out among others: one test instead of two.
        [(_, around), (first, inside), (after, again)] if around == again && after - first == 1 => {
            graph.test(number(bpf::JUMP_EQUAL, *first, *inside, *around))
        }
        _ => {
            let (low, high) = intervals.split_at(intervals.len() / 2);
            let no = halve(low, graph);
            let yes = halve(high, graph);
            graph.test(number(bpf::JUMP_GREATER_OR_EQUAL, high[0].0, yes, no))
        }
    }
}
