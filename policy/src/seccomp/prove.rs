//! Whether a filter does what a policy says: on every audit number, every call number and every argument.
//!
//! Nothing is sampled: the filter is decided as a whole ([`super::recover`]), and its diagram is walked
//! beside the policy's.

mod compare;
mod text;

use super::cache::{Bitmap, bitmaps};
use super::interpret::Event;
use super::recover::answer::Answer;
use super::recover::blocks::{Block, Blocks, RANGES, follow};
use super::recover::space::{NUMBER, SLOTS, bits};
use super::recover::{Limit, RecoverError, Undecided, decide, tables};
use super::{Segment, segments};
use crate::lattice::action::Action;
use crate::lattice::diagram::Decision;
use crate::lattice::diagram::arena::{self, Constant, Full, Ref, Rooted, Walk, product};
use crate::lattice::syscalls::{Syscalls, Table};
use crate::origin::Origins;
use crate::plan::Instruction;
use crate::vocab::Arch;
use compare::Comparison;
use serde::Serialize;
use std::collections::BTreeMap;

/// What was found out about one filter, or a stack of them, and one policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Proof {
    /// Whether the filter decides every call as the policy does, and the kernel's cache holds what it can.
    pub proven: bool,
    /// The kernel's own interface.
    pub host: Arch,
    /// Instructions of each filter, the oldest first; empty where there is none.
    pub instructions: Vec<usize>,
    /// What was decided.
    pub decided: Extent,
    /// How many numbers are answered otherwise, audit numbers of other families as one each; a lower bound
    /// where not `complete`.
    pub differing: u64,
    /// Whether every range of numbers was looked at. A filter with more ranges than that differs from
    /// every policy.
    pub complete: bool,
    /// What is answered otherwise, at most [`MOST_DIFFERENCES`].
    pub differences: Vec<Difference>,
    /// Ranges of numbers with other differences than those.
    pub more: usize,
    /// What the kernel caches; empty without a filter.
    pub bitmaps: Vec<Bitmap>,
}

/// How much there was to decide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Extent {
    /// Interfaces of the family; every other audit number was decided too.
    pub interfaces: usize,
    /// Ranges of numbers in which neither policy nor filter changes its mind.
    pub ranges: u64,
    /// Classes of arguments that either tells apart, over all ranges.
    pub classes: u64,
}

/// Numbers on which filter and policy differ alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Through which interface; `None`: an audit number that no kernel of this family shows.
    pub interface: Option<Arch>,
    /// The numbers in the interface's table, first and last of each range; at most [`MOST_RANGES`].
    pub numbers: Vec<(u32, u32)>,
    /// How many numbers it is about.
    pub count: u64,
    /// A call on which they differ. The first of the worst: denied on one side and done on the other.
    pub example: Event,
    /// The same as `explain` takes it.
    pub call: String,
    /// What the filter answers to the example.
    pub filter: FilterAnswer,
    /// What the policy says.
    pub policy: Decision,
}

/// What a filter answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct FilterAnswer {
    /// The action.
    pub action: Action,
    /// Which filter of a stack, from the oldest, from 0.
    pub filter: u16,
    /// The position of its instruction that returns, from 0.
    pub instruction: u16,
}

/// Differences that are listed.
pub const MOST_DIFFERENCES: usize = 64;
/// Ranges of numbers that are listed of one difference.
pub const MOST_RANGES: usize = 64;

/// Compares what `program` decides on a kernel of `host`'s family with what `syscalls` says.
/// [`RecoverError`] where the program is none that the kernel takes, or cannot be decided.
pub fn prove(syscalls: &Syscalls, host: Arch, program: &[Instruction]) -> Result<Proof, RecoverError> {
    prove_all(syscalls, host, &[program])
}

/// The same for stacked filters, the oldest first; none at all allows everything.
pub fn prove_all<P: AsRef<[Instruction]>>(
    syscalls: &Syscalls,
    host: Arch,
    programs: &[P],
) -> Result<Proof, RecoverError> {
    let decided = decide(programs)?;
    let undecided = |Full| {
        let last = programs.last().map_or(0, |program| program.as_ref().len().saturating_sub(1));
        Undecided { filter: last_filter(programs.len()), at: last, limit: Limit::Diagrams }
    };
    let actions = product(&decided, &Constant(()), SLOTS, |answer, ()| answer.action()).map_err(undecided)?;
    let mut prover = Prover {
        decided: &decided,
        actions: &actions,
        comparison: Comparison::new(&actions),
        extent: Extent { interfaces: host.family().len(), ..Extent::default() },
        groups: BTreeMap::new(),
        differing: 0,
        complete: true,
        more: 0,
    };
    for segment in segments(host) {
        prover.segment(syscalls.table(segment.arch), &segment).map_err(undecided)?;
    }
    if !programs.is_empty() {
        prover.foreign(host).map_err(undecided)?;
    }
    let bitmaps = if programs.is_empty() { Vec::new() } else { bitmaps(syscalls, host, programs) };
    let cached = bitmaps.iter().all(|bitmap| bitmap.missed.is_empty());
    Ok(Proof {
        proven: prover.differing == 0 && prover.complete && cached,
        host,
        instructions: programs.iter().map(|program| program.as_ref().len()).collect(),
        decided: prover.extent,
        differing: prover.differing,
        complete: prover.complete,
        differences: prover.groups.into_values().collect(),
        more: prover.more,
        bitmaps,
    })
}

fn last_filter(filters: usize) -> u16 {
    u16::try_from(filters.saturating_sub(1)).unwrap_or(u16::MAX)
}

/// What makes two differences one to a reader; those that no call can show come last.
type Key = (bool, Option<Arch>, Action, Action, Origins);

struct Prover<'a> {
    decided: &'a Rooted<Answer>,
    actions: &'a Rooted<Action>,
    comparison: Comparison<'a>,
    extent: Extent,
    groups: BTreeMap<Key, Difference>,
    differing: u64,
    complete: bool,
    more: usize,
}

impl Prover<'_> {
    /// Compares all numbers of a segment.
    fn segment(&mut self, table: &Table, segment: &Segment) -> Result<(), Full> {
        let numbers = follow(self.actions, self.actions.root(), 0, segment.arch.audit());
        for (first, last, node) in self.ranges(table, segment, numbers) {
            let policy = table.diagram(first - segment.offset);
            let compared = self.comparison.compare(policy, node)?;
            self.extent.ranges += 1;
            self.extent.classes = self.extent.classes.saturating_add(compared.classes);
            if let Some((arguments, instruction_pointer)) = compared.example {
                let example =
                    Event { number: first, arch: segment.arch.audit(), instruction_pointer, arguments };
                let range = (first - segment.offset, last - segment.offset);
                self.differ(Some(segment.arch), range, example, policy.decide(&arguments));
            }
        }
        Ok(())
    }

    /// The ranges of `nr` in which neither side changes its mind, with the filter's node for each.
    fn ranges(&mut self, table: &Table, segment: &Segment, numbers: Ref) -> Vec<(u32, u32, Ref)> {
        let within = (segment.first, segment.last);
        let mut blocks: Vec<Block> =
            Blocks::new(self.actions, numbers, NUMBER, within).take(RANGES + 1).collect();
        if blocks.len() > RANGES {
            blocks.pop();
            self.complete = false;
        }
        let mut out = Vec::new();
        for Block { mut first, last, node } in blocks {
            loop {
                let until = table.last_of_interval(first - segment.offset);
                let until = until.checked_add(segment.offset).map_or(last, |until| until.min(last));
                out.push((first, until, node));
                if until == last {
                    break;
                }
                first = until + 1;
            }
        }
        out
    }

    /// What arrives under an audit number of another family is killed, as the kernel never sends it. Without
    /// any filter there is nobody to say so.
    fn foreign(&mut self, host: Arch) -> Result<(), Full> {
        for (answer, example) in tables::foreign(self.decided, host)? {
            if answer.action() != Action::KillProcess {
                let policy = Decision { action: Action::KillProcess, origins: Origins::new() };
                self.differ(None, (example.number, example.number), example, &policy);
            }
        }
        Ok(())
    }

    fn differ(&mut self, interface: Option<Arch>, range: (u32, u32), example: Event, policy: &Decision) {
        let count = u64::from(range.1 - range.0) + 1;
        self.differing = self.differing.saturating_add(count);
        let answer = *arena::decide(self.decided, &bits(&example));
        let key = (interface.is_none(), interface, answer.action(), policy.action, policy.origins.clone());
        if !self.groups.contains_key(&key) && self.groups.len() == MOST_DIFFERENCES {
            self.more += 1;
            return;
        }
        let group = self.groups.entry(key).or_insert_with(|| Difference {
            interface,
            numbers: Vec::new(),
            count: 0,
            example,
            call: text::call(interface, range.0, &example),
            filter: FilterAnswer {
                action: answer.action(),
                filter: answer.filter,
                instruction: answer.instruction,
            },
            policy: policy.clone(),
        });
        group.count = group.count.saturating_add(count);
        let listed = group.numbers.len();
        match group.numbers.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(range.0) => *last = range.1,
            _ if listed < MOST_RANGES => group.numbers.push(range),
            _ => {}
        }
    }
}
