//! From decisions on system calls to a seccomp filter. seccomp(2).
//!
//! A filter first tells the interface by its audit number (x32 by its bit), then the number by a search over the
//! intervals that are decided alike, and only then loads arguments: a number whose verdict hangs on nothing else
//! stays in the kernel's bitmap of allowed calls (5.11).

mod arguments;
pub mod bpf;
pub mod cache;
pub mod cost;
mod emit;
pub mod flags;
mod graph;
pub mod interpret;
pub mod listing;
pub mod outer;
pub mod prove;
pub mod recover;
mod search;
mod tree;
mod weights;

use crate::lattice::action::Action;
use crate::lattice::syscalls::Syscalls;
use crate::plan::Instruction;
use crate::vocab::Arch;
use crate::vocab::arch::X32_BIT;
use arguments::Diagrams;
use graph::{Graph, Test};
use std::collections::BTreeSet;
use tree::Intervals;

pub use weights::Weights;

/// Why no filter came out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SeccompError {
    /// The kernel takes no program of this length.
    #[error(
        "the seccomp filter for {arch} needs {instructions} instructions and the kernel takes {}; test fewer \
         distinct bits of arguments",
        bpf::MAX_INSTRUCTIONS
    )]
    TooLong {
        /// The kernel's own interface.
        arch: Arch,
        /// How many it would have; a lower bound.
        instructions: usize,
    },
}

/// The interface, and the number in its table, that `arch` and `nr` of a call stand for on a kernel of
/// `host`'s family; `None` for an audit number that the kernel never shows.
pub fn locate(host: Arch, audit: u32, number: u32) -> Option<(Arch, u32)> {
    let segment = segments(host)
        .find(|segment| segment.arch.audit() == audit && (segment.first..=segment.last).contains(&number))?;
    Some((segment.arch, number - segment.offset))
}

/// A range of `nr` under one audit number that one table decides.
struct Segment {
    arch: Arch,
    first: u32,
    last: u32,
    /// What a number of the table is short of `nr`.
    offset: u32,
}

/// Which table decides what: x86_64 and x32 share an audit number and take turns, by the x32 bit.
fn segments(host: Arch) -> impl Iterator<Item = Segment> {
    const LAST: u32 = X32_BIT - 1;
    host.family().iter().flat_map(|arch| {
        let quarters: &[(u32, u32)] = match arch {
            Arch::X86_64 => &[(0, 0), (2 * X32_BIT, 0)],
            Arch::X32 => &[(X32_BIT, X32_BIT), (3 * X32_BIT, X32_BIT)],
            Arch::I386 | Arch::Aarch64 | Arch::Arm => {
                return vec![Segment { arch: *arch, first: 0, last: u32::MAX, offset: 0 }];
            }
        };
        let segment = |(first, offset): &(u32, u32)| Segment {
            arch: *arch,
            first: *first,
            last: first + LAST,
            offset: *offset,
        };
        quarters.iter().map(segment).collect()
    })
}

/// Whether every call of every interface of `host`'s family is allowed, so that no filter is needed.
pub fn allows_everything(syscalls: &Syscalls, host: Arch) -> bool {
    host.family().iter().all(|arch| {
        syscalls
            .table(*arch)
            .intervals()
            .all(|(_, _, diagram)| arguments::actions(diagram).all(|action| action == Action::Allow))
    })
}

/// The filter for a kernel of `host`'s architecture: decides every interface that this kernel accepts as
/// `syscalls` says, and kills what comes through any other.
pub fn compile(syscalls: &Syscalls, host: Arch) -> Result<Vec<Instruction>, SeccompError> {
    compile_for(syscalls, host, Weights::default())
}

/// The filter that [`compile`] makes, optimal for other weights: the same decisions in another order.
pub fn compile_for(
    syscalls: &Syscalls,
    host: Arch,
    weights: Weights,
) -> Result<Vec<Instruction>, SeccompError> {
    let too_long = |instructions| SeccompError::TooLong { arch: host, instructions };
    let mut graph = Graph::default();
    let mut diagrams = Diagrams::default();
    let mut root = graph.leaf(Action::KillProcess);
    // The host's own interface comes last and so is tested first: it is the one that programs use.
    let audits: BTreeSet<(bool, u32)> =
        host.family().iter().map(|arch| (arch.audit() == host.audit(), arch.audit())).collect();
    for (_, audit) in audits {
        let mut intervals = Intervals::new();
        let mut calls = Vec::new();
        for segment in segments(host).filter(|segment| segment.arch.audit() == audit) {
            let table = syscalls.table(segment.arch);
            let part = tree::intervals(table, &segment, &mut diagrams, &mut graph)
                .map_err(|full| too_long(full.nodes))?;
            if segment.first == 0 {
                intervals.extend(part);
                calls = weights.numbers(&segment);
            } else {
                // Few calls go there, so that one test on the way is no loss, and two small searches are soon found.
                let part = tree::search(&part, &weights.numbers(&segment), &mut graph);
                intervals.push((segment.first, part));
            }
        }
        intervals.sort_unstable_by_key(|(start, _)| *start);
        intervals.dedup_by_key(|(_, id)| *id);
        let numbers = tree::search(&intervals, &calls, &mut graph);
        root = graph.test(Test {
            word: bpf::ARCH,
            mask: u32::MAX,
            operator: bpf::JUMP_EQUAL,
            k: audit,
            yes: numbers,
            no: root,
        });
    }
    let program = emit::program(&graph, root);
    if program.len() > bpf::MAX_INSTRUCTIONS {
        return Err(too_long(program.len()));
    }
    Ok(program)
}
