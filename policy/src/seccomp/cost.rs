//! What the conditions of a policy cost in a filter.

use super::{SeccompError, bpf, compile};
use crate::lattice::action::Action;
use crate::lattice::diagram::{Decision, Diagram};
use crate::lattice::event::call_name;
use crate::lattice::syscalls::{Syscalls, Table};
use crate::origin::Origins;
use crate::plan::Instruction;
use crate::vocab::Arch;
use std::collections::BTreeMap;
use std::fmt;

/// The conditions on one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cost {
    /// The call.
    pub call: String,
    /// The interfaces on which it is decided so; their tests are made once.
    pub interfaces: Vec<Arch>,
    /// Conditional jumps; at least so many where they alone do not fit into a filter.
    pub tests: usize,
    /// The lines that ask for them.
    pub origins: Origins,
}

/// The conditional calls of every interface of `host`'s family, the costliest first. Each is weighed alone:
/// in the whole filter equal parts are shared.
pub fn costs(syscalls: &Syscalls, host: Arch) -> Vec<Cost> {
    let mut found: Vec<(&Diagram, Cost)> = Vec::new();
    for arch in host.family() {
        for (first, _, diagram) in syscalls.table(*arch).intervals() {
            if diagram.constant().is_some() {
                continue;
            }
            let call = call_name(*arch, first);
            match found.iter_mut().find(|(known, cost)| cost.call == call && *known == diagram) {
                Some((_, cost)) => cost.interfaces.push(*arch),
                None => {
                    let tests = tests(diagram, host);
                    let origins = diagram.decisions().flat_map(|decision| decision.origins.iter().cloned());
                    let origins = origins.collect();
                    found.push((diagram, Cost { call, interfaces: vec![*arch], tests, origins }));
                }
            }
        }
    }
    let mut costs: Vec<Cost> = found.into_iter().map(|(_, cost)| cost).collect();
    costs.sort_by(|left, right| right.tests.cmp(&left.tests).then_with(|| left.call.cmp(&right.call)));
    costs
}

/// Conditional jumps of a filter that decides one call, less those that find it.
fn tests(diagram: &Diagram, host: Arch) -> usize {
    let jumps = |diagram: Diagram| match compile(&one_call(host, diagram), host) {
        Ok(program) => program.iter().filter(|instruction| is_test(instruction)).count(),
        Err(SeccompError::TooLong { instructions, .. }) => instructions,
    };
    let found = Decision { action: Action::Allow, origins: Origins::new() };
    jumps(diagram.clone()).saturating_sub(jumps(Diagram::leaf(found)))
}

/// The number that stands for every call here.
const NUMBER: u32 = 1;

fn one_call(host: Arch, diagram: Diagram) -> Syscalls {
    let rest = Decision { action: Action::KillProcess, origins: Origins::new() };
    let table = Table::new(BTreeMap::from([(NUMBER, diagram)]), rest.clone());
    Syscalls::new(BTreeMap::from([(host, table)]), &rest)
}

fn is_test(Instruction(code, ..): &Instruction) -> bool {
    [bpf::JUMP_EQUAL, bpf::JUMP_GREATER, bpf::JUMP_GREATER_OR_EQUAL, bpf::JUMP_SET].contains(code)
}

/// `ioctl with 812 tests (web.yaml:3:5)`
impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} with {} tests", self.call, self.tests)?;
        for (position, origin) in self.origins.iter().enumerate() {
            write!(f, "{}{origin}", if position == 0 { " (" } else { ", " })?;
        }
        if self.origins.is_empty() { Ok(()) } else { f.write_str(")") }
    }
}
