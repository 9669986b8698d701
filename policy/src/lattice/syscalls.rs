//! Decisions on every number of every architecture.

mod denying;

use super::action::Action;
use super::diagram::{Decision, Diagram};
use super::event::Event;
use super::{Lattice, LatticeError, Toward, Verdict, Witness};
use crate::origin::Origins;
use crate::vocab::Arch;
use crate::vocab::arch::X32_BIT;
use crate::vocab::syscalls as names;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::sync::Arc;

/// For every architecture a decision on every number, 0 to `u32::MAX`. Every [`Arch`] has a table.
/// A table's numbers are the ones that seccomp sees less the x32 bit: x32's are without bit 30, and
/// x86_64's with that bit set are never met. Both tables repeat the number before there, so that equal
/// meaning stays equal form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Syscalls {
    tables: BTreeMap<Arch, Table>,
}

/// Decisions by number: intervals in order that cover all numbers; neighbours differ (origins count).
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct Table {
    /// First number of each interval, ascending from 0, with its diagram.
    starts: Vec<(u32, Arc<Diagram>)>,
}

impl Syscalls {
    /// Allows everything, everywhere.
    pub fn unconstrained() -> Self {
        Syscalls::new(BTreeMap::new(), &Decision::unwritten_allow())
    }

    /// From one table for each architecture; an architecture without one gets `absent` for every number.
    pub fn new(mut tables: BTreeMap<Arch, Table>, absent: &Decision) -> Self {
        let complete = Arch::ALL.into_iter().map(|arch| {
            let table = tables.remove(&arch).unwrap_or_else(|| Table::new(BTreeMap::new(), absent.clone()));
            (arch, if owns_bit_30(arch) { table } else { table.without_x32_bit() })
        });
        Syscalls { tables: complete.collect() }
    }

    /// The same for the interfaces that a kernel of `host`'s architecture accepts; kills what comes through any
    /// other one.
    #[must_use]
    pub fn on(&self, host: Arch) -> Self {
        let family = |(arch, _): &(&Arch, &Table)| host.family().contains(arch);
        let tables = self.tables.iter().filter(family).map(|(arch, table)| (*arch, table.clone()));
        Syscalls::new(tables.collect(), &Decision { action: Action::KillProcess, origins: Origins::new() })
    }

    /// The table of `arch`.
    pub fn table(&self, arch: Arch) -> &Table {
        &self.tables[&arch]
    }

    /// The decision on one call.
    pub fn decide(&self, arch: Arch, number: u32, arguments: &[u64; 6]) -> &Decision {
        self.table(arch).diagram(number).decide(arguments)
    }
}

impl Table {
    /// A decision for each number given, `rest` for every other one.
    pub fn new(numbers: BTreeMap<u32, Diagram>, rest: Decision) -> Self {
        let rest = Arc::new(Diagram::leaf(rest));
        let mut starts = vec![(0, Arc::clone(&rest))];
        for (number, diagram) in numbers {
            starts.push((number, Arc::new(diagram)));
            starts.extend(number.checked_add(1).map(|next| (next, Arc::clone(&rest))));
        }
        Table::coalesced(starts)
    }

    /// From the first number of each interval, ascending from 0, with what decides it.
    pub(crate) fn from_starts(starts: Vec<(u32, Arc<Diagram>)>) -> Self {
        Table::coalesced(starts)
    }

    /// From starts in order, of which the last for a number counts.
    fn coalesced(starts: impl IntoIterator<Item = (u32, Arc<Diagram>)>) -> Self {
        let mut shared: Vec<(u32, Arc<Diagram>)> = Vec::new();
        for (first, diagram) in starts {
            if shared.last().is_some_and(|(last, _)| *last == first) {
                shared.pop();
            }
            if !shared.last().is_some_and(|(_, before)| same(before, &diagram)) {
                shared.push((first, diagram));
            }
        }
        Table { starts: shared }
    }

    fn without_x32_bit(&self) -> Self {
        let beyond = 2 * X32_BIT;
        let beyond = (beyond, Arc::clone(self.shared(beyond)));
        let (below, above): (Vec<_>, Vec<_>) = self
            .starts
            .iter()
            .filter(|(first, _)| first & X32_BIT == 0)
            .cloned()
            .partition(|(first, _)| *first < X32_BIT);
        Table::coalesced(below.into_iter().chain([beyond]).chain(above))
    }

    fn shared(&self, number: u32) -> &Arc<Diagram> {
        // The first interval starts at 0, so there is always one at or before `number`.
        let after = self.starts.partition_point(|(first, _)| *first <= number);
        &self.starts[after.saturating_sub(1)].1
    }

    /// The diagram that decides `number`.
    pub fn diagram(&self, number: u32) -> &Diagram {
        self.shared(number)
    }

    /// The last number of the interval that `number` is in.
    pub(crate) fn last_of_interval(&self, number: u32) -> u32 {
        let after = self.starts.partition_point(|(first, _)| *first <= number);
        self.starts.get(after).map_or(u32::MAX, |(next, _)| next - 1)
    }

    /// The intervals `(first, last, diagram)`, in order, covering every number.
    pub fn intervals(&self) -> impl Iterator<Item = (u32, u32, &Diagram)> {
        self.starts.iter().enumerate().map(|(index, (first, diagram))| {
            let last = self.starts.get(index + 1).map_or(u32::MAX, |(next, _)| next - 1);
            (*first, last, &**diagram)
        })
    }

    /// The intervals `(first, last)` in which neither table changes its mind, with both sides' diagrams.
    fn beside<'a>(&'a self, other: &'a Table) -> impl Iterator<Item = Beside<'a>> {
        let mut starts: Vec<u32> = self.starts.iter().chain(&other.starts).map(|(first, _)| *first).collect();
        starts.sort_unstable();
        starts.dedup();
        (0..starts.len()).map(move |index| {
            let first = starts[index];
            let last = starts.get(index + 1).map_or(u32::MAX, |next| next - 1);
            Beside { first, last, left: self.shared(first), right: other.shared(first) }
        })
    }
}

/// Two tables on an interval of numbers.
struct Beside<'a> {
    first: u32,
    last: u32,
    left: &'a Arc<Diagram>,
    right: &'a Arc<Diagram>,
}

impl Beside<'_> {
    /// The numbers to speak of: every one that has a name, and the first that has none.
    fn spoken_of(&self, arch: Arch) -> Vec<u32> {
        let table = names::table(arch);
        let from = table.partition_point(|(number, _)| *number < self.first);
        let named = table[from..].iter().map(|(number, _)| *number).take_while(|number| *number <= self.last);
        let mut spoken: Vec<u32> = named.collect();
        let mut gap = Some(self.first);
        for number in &spoken {
            if gap == Some(*number) {
                gap = number.checked_add(1);
            }
        }
        // x32 shares its numbers with x86_64 and is told apart by a bit: with it, these never come.
        let comes = |number: &u32| *number <= self.last && (owns_bit_30(arch) || number & X32_BIT == 0);
        spoken.extend(gap.filter(comes));
        spoken
    }
}

/// Whether numbers with bit 30 are the interface's own: on x86 that bit says which of two it is.
fn owns_bit_30(arch: Arch) -> bool {
    !matches!(arch, Arch::X86_64 | Arch::X32)
}

/// Alike with their origins.
fn same(left: &Arc<Diagram>, right: &Arc<Diagram>) -> bool {
    Arc::ptr_eq(left, right) || left.nodes() == right.nodes()
}

/// What was made of two shared diagrams: a table of 400 intervals holds few different ones.
struct Memo<T>(HashMap<(*const Diagram, *const Diagram), T>);

impl<T: Clone> Memo<T> {
    fn get<E>(
        &mut self,
        left: &Arc<Diagram>,
        right: &Arc<Diagram>,
        make: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        let key = (Arc::as_ptr(left), Arc::as_ptr(right));
        if let Some(made) = self.0.get(&key) {
            return Ok(made.clone());
        }
        let made = make()?;
        self.0.insert(key, made.clone());
        Ok(made)
    }

    fn find(&mut self, left: &Arc<Diagram>, right: &Arc<Diagram>, make: impl FnOnce() -> T) -> T {
        let Ok(made) = self.get(left, right, || Ok::<T, Infallible>(make()));
        made
    }
}

impl Lattice for Syscalls {
    fn combine(&self, other: &Self, toward: Toward) -> Result<Self, LatticeError> {
        let mut memo = Memo(HashMap::new());
        let mut tables = BTreeMap::new();
        for (arch, left) in &self.tables {
            let mut starts = Vec::new();
            for Beside { first, left, right, .. } in left.beside(other.table(*arch)) {
                let both = memo.get(left, right, || {
                    left.combine(right, toward).map(Arc::new).ok_or_else(|| LatticeError::TooLarge {
                        call: super::event::call_name(*arch, first),
                        limit: super::diagram::LIMIT,
                    })
                })?;
                starts.push((first, both));
            }
            tables.insert(*arch, Table::coalesced(starts));
        }
        Ok(Syscalls { tables })
    }

    fn admits(&self, event: &Event) -> Option<Verdict> {
        match event {
            Event::Syscall { arch, number, arguments, answer } => {
                let decision = self.decide(*arch, *number, arguments);
                let allowed = decision.action >= *answer;
                Some(Verdict { allowed, origins: decision.origins.clone() })
            }
            _ => None,
        }
    }

    /// One witness for each number that has a name, and one for those between: the arguments with which
    /// the answers differ most in kind.
    fn looser(&self, other: &Self) -> Vec<Witness> {
        self.witnesses(other, |a, b| looser_in_class(a, b).or_else(|| looser_in_answer(a, b)))
    }
}

impl Syscalls {
    /// As [`Lattice::looser`], of the calls alone that `self` answers in a looser class: what another
    /// answer of the same class hides there is not looked for.
    pub fn looser_in_class(&self, other: &Self) -> Vec<Witness> {
        self.witnesses(other, looser_in_class)
    }

    /// As [`Lattice::looser`], of the arguments alone on which both answer in the same class, and `self`
    /// the more loosely.
    pub fn looser_in_answer(&self, other: &Self) -> Vec<Witness> {
        self.witnesses(other, looser_in_answer)
    }

    /// One witness for each number that has a name, and one for those between, with the arguments that
    /// `find` finds.
    fn witnesses(&self, other: &Self, find: impl Fn(&Diagram, &Diagram) -> Option<[u64; 6]>) -> Vec<Witness> {
        let mut memo = Memo(HashMap::new());
        let mut witnesses = Vec::new();
        for (arch, left) in &self.tables {
            for beside in left.beside(other.table(*arch)) {
                let (a, b) = (beside.left, beside.right);
                let Some(arguments) = memo.find(a, b, || find(a, b)) else { continue };
                let (allows, denies) = (a.decide(&arguments), b.decide(&arguments));
                witnesses.extend(beside.spoken_of(*arch).into_iter().map(|number| Witness {
                    event: Event::Syscall { arch: *arch, number, arguments, answer: allows.action },
                    allowed_by: allows.origins.clone(),
                    denied_by: denies.origins.clone(),
                }));
            }
        }
        witnesses
    }
}

/// Arguments on which the answer of `left` is of a looser class.
fn looser_in_class(left: &Diagram, right: &Diagram) -> Option<[u64; 6]> {
    left.find(right, |a, b| a.action.class() > b.action.class())
}

/// Arguments on which the answer of `left` is looser, and of the same class.
fn looser_in_answer(left: &Diagram, right: &Diagram) -> Option<[u64; 6]> {
    left.find(right, |a, b| a.action.class() == b.action.class() && a.action > b.action)
}

/// Equality ignores origins: neighbouring intervals that differ only in them count as one.
impl PartialEq for Table {
    fn eq(&self, other: &Self) -> bool {
        let mut memo = Memo(HashMap::new());
        self.beside(other).all(|Beside { left, right, .. }| memo.find(left, right, || left == right))
    }
}
impl Eq for Table {}
