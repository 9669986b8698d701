//! Decisions on every number of every architecture.

use super::diagram::{Decision, Diagram};
use super::event::Event;
use super::{Lattice, LatticeError, Toward, Verdict, Witness};
use crate::vocab::Arch;
use crate::vocab::arch::X32_BIT;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
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
            (arch, if matches!(arch, Arch::X86_64 | Arch::X32) { table.without_x32_bit() } else { table })
        });
        Syscalls { tables: complete.collect() }
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
        let beyond = (beyond, self.shared(beyond));
        let (below, above): (Vec<_>, Vec<_>) = self
            .starts
            .iter()
            .filter(|(first, _)| first & X32_BIT == 0)
            .cloned()
            .partition(|(first, _)| *first < X32_BIT);
        Table::coalesced(below.into_iter().chain([beyond]).chain(above))
    }

    fn shared(&self, number: u32) -> Arc<Diagram> {
        // The first interval starts at 0, so there is always one at or before `number`.
        let after = self.starts.partition_point(|(first, _)| *first <= number);
        Arc::clone(&self.starts[after.saturating_sub(1)].1)
    }

    /// The diagram that decides `number`.
    pub fn diagram(&self, number: u32) -> &Diagram {
        let after = self.starts.partition_point(|(first, _)| *first <= number);
        &self.starts[after.saturating_sub(1)].1
    }

    /// The intervals `(first, last, diagram)`, in order, covering every number.
    pub fn intervals(&self) -> impl Iterator<Item = (u32, u32, &Diagram)> {
        self.starts.iter().enumerate().map(|(index, (first, diagram))| {
            let last = self.starts.get(index + 1).map_or(u32::MAX, |(next, _)| next - 1);
            (*first, last, &**diagram)
        })
    }

    /// The first numbers of both tables' intervals with both sides' diagrams, in order.
    fn beside<'a>(
        &'a self,
        other: &'a Table,
    ) -> impl Iterator<Item = (u32, &'a Arc<Diagram>, &'a Arc<Diagram>)> {
        let (mut left, mut right) = (self.starts.iter().peekable(), other.starts.iter().peekable());
        let mut here = (&self.starts[0].1, &other.starts[0].1);
        std::iter::from_fn(move || {
            let first = match (left.peek(), right.peek()) {
                (Some((a, _)), Some((b, _))) => *a.min(b),
                (Some((a, _)), None) => *a,
                (None, Some((b, _))) => *b,
                (None, None) => return None,
            };
            if let Some((_, diagram)) = left.next_if(|(start, _)| *start == first) {
                here.0 = diagram;
            }
            if let Some((_, diagram)) = right.next_if(|(start, _)| *start == first) {
                here.1 = diagram;
            }
            Some((first, here.0, here.1))
        })
    }
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
}

impl Lattice for Syscalls {
    fn combine(&self, other: &Self, toward: Toward) -> Result<Self, LatticeError> {
        let mut memo = Memo(HashMap::new());
        let mut tables = BTreeMap::new();
        for (arch, left) in &self.tables {
            let mut starts = Vec::new();
            for (first, a, b) in left.beside(other.table(*arch)) {
                let both = memo.get(a, b, || {
                    a.combine(b, toward).map(Arc::new).ok_or_else(|| LatticeError::TooLarge {
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

    /// One witness for each interval of numbers in which neither side changes its mind: the arguments
    /// with which the answers differ most in kind.
    fn looser(&self, other: &Self) -> Vec<Witness> {
        let mut memo = Memo(HashMap::new());
        let mut witnesses = Vec::new();
        for (arch, left) in &self.tables {
            for (number, a, b) in left.beside(other.table(*arch)) {
                let found = memo.get(a, b, || Ok::<_, std::convert::Infallible>(looser_arguments(a, b)));
                let Ok(Some(arguments)) = found else { continue };
                let (allows, denies) = (a.decide(&arguments), b.decide(&arguments));
                witnesses.push(Witness {
                    event: Event::Syscall { arch: *arch, number, arguments, answer: allows.action },
                    allowed_by: allows.origins.clone(),
                    denied_by: denies.origins.clone(),
                });
            }
        }
        witnesses
    }
}

/// Arguments on which `left` is looser: of another class if there are any, else of another action.
fn looser_arguments(left: &Diagram, right: &Diagram) -> Option<[u64; 6]> {
    left.find(right, |a, b| a.action.class() > b.action.class())
        .or_else(|| left.find(right, |a, b| a.action > b.action))
}

/// Equality ignores origins: neighbouring intervals that differ only in them count as one.
impl PartialEq for Table {
    fn eq(&self, other: &Self) -> bool {
        let mut memo = Memo(HashMap::new());
        self.beside(other).all(|(_, a, b)| {
            memo.get(a, b, || Ok::<_, std::convert::Infallible>(Arc::ptr_eq(a, b) || a == b)) == Ok(true)
        })
    }
}
impl Eq for Table {}
