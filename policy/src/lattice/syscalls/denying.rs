//! Denials of single calls, to be met with what a policy says of all of them.

use super::{Syscalls, Table};
use crate::condition::Condition;
use crate::lattice::LatticeError;
use crate::lattice::diagram::{Decision, Diagram};
use crate::vocab::{Arch, syscalls};
use std::collections::BTreeMap;

impl Syscalls {
    /// Decides each call as `denied` where its condition holds, on every architecture that has it, and allows all else.
    /// A call is named once.
    pub(crate) fn denying(rules: &[(&str, Condition)], denied: &Decision) -> Result<Syscalls, LatticeError> {
        let rest = Decision::unwritten_allow();
        let mut tables: BTreeMap<Arch, BTreeMap<u32, Diagram>> = BTreeMap::new();
        for (call, condition) in rules {
            let (then, otherwise) = (Diagram::leaf(denied.clone()), Diagram::leaf(rest.clone()));
            let diagram = Diagram::choose(call, condition, &then, &otherwise)?;
            for arch in Arch::ALL {
                if let Some(number) = syscalls::number(arch, call) {
                    tables.entry(arch).or_default().insert(number, diagram.clone());
                }
            }
        }
        let tables = tables.into_iter().map(|(arch, numbers)| (arch, Table::new(numbers, rest.clone())));
        Ok(Syscalls::new(tables.collect(), &rest))
    }
}
