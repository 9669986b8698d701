//! Decisions on every number of every architecture.

use super::LatticeError;
use super::diagram::{Decision, Diagram};
use crate::origin::Origins;
use crate::vocab::Arch;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// For every architecture a decision on every number, 0 to `u32::MAX`. Every [`Arch`] has a table.
/// A table's numbers are the ones that seccomp sees less the x32 bit: x32's are without bit 30, and
/// x86_64's table ends where that bit begins.
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
        unimplemented!()
    }

    /// From one table for each architecture; an architecture without one gets `absent` for every number.
    pub fn new(tables: BTreeMap<Arch, Table>, absent: &Decision) -> Self {
        let _ = (tables, absent);
        unimplemented!()
    }

    /// The table of `arch`.
    pub fn table(&self, arch: Arch) -> &Table {
        &self.tables[&arch]
    }
}

impl Table {
    /// A decision for each number given, `rest` for every other one.
    pub fn new(numbers: BTreeMap<u32, Diagram>, rest: Decision) -> Self {
        let _ = (numbers, rest);
        unimplemented!()
    }

    /// The diagram that decides `number`.
    pub fn diagram(&self, number: u32) -> &Diagram {
        let _ = number;
        unimplemented!()
    }

    /// The intervals `(first, last, diagram)`, in order, covering every number.
    pub fn intervals(&self) -> impl Iterator<Item = (u32, u32, &Diagram)> {
        self.starts.iter().enumerate().map(|(index, (first, diagram))| {
            let last = self.starts.get(index + 1).map_or(u32::MAX, |(next, _)| next - 1);
            (*first, last, &**diagram)
        })
    }
}

/// Equality ignores origins: neighbouring intervals that differ only in them count as one.
impl PartialEq for Table {
    fn eq(&self, other: &Self) -> bool {
        let _ = other;
        unimplemented!()
    }
}
impl Eq for Table {}

#[doc(hidden)]
pub fn _shape(_: LatticeError, _: Origins) {}
