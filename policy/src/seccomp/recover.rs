//! From a seccomp filter to what it decides: every audit number, every call number, every argument, with
//! nothing tried out and nothing left out.
//!
//! A filter is run once on every call at the same time ([`execute`]): registers hold functions of the call
//! instead of numbers. What comes out is one decision diagram over all bits of `struct seccomp_data`, which
//! is then cut into the tables of a policy.

pub(crate) mod answer;
pub(crate) mod blocks;
mod cube;
mod execute;
mod operation;
pub(crate) mod space;
pub(crate) mod tables;
#[cfg(test)]
mod tests;
mod word;

use super::bpf::MAX_INSTRUCTIONS;
use super::interpret::{CheckError, Event, check};
use crate::lattice::diagram::Decision;
use crate::lattice::diagram::arena::{Arena, Full, Rooted, product};
use crate::lattice::syscalls::Syscalls;
use crate::plan::Instruction;
use crate::vocab::Arch;
use answer::Answer;
use std::fmt;

/// What a filter, or a stack of them, decides.
#[derive(Clone, Debug)]
pub struct Recovered {
    /// Its decision on every number of every interface. The origin of a decision is the instruction that
    /// returns it: file `filter` (`filter 0` is the oldest of several), the line is its position from 1.
    /// Where the decision hangs on the instruction pointer, the strictest one stands here. For an
    /// interface that is not of the host's family it is what the filter says under its audit number.
    pub syscalls: Syscalls,
    /// Every decision that it comes to on an audit number that is not of the host's family, with a call
    /// each. A kernel of that family never shows such a number.
    pub foreign: Vec<(Decision, Event)>,
    /// A call on which it decides otherwise when only the instruction pointer changes, with the two
    /// pointers; `None` where that never matters. No policy can say such a thing.
    pub instruction_pointer: Option<(Event, u64)>,
}

/// Why a filter could not be turned into a policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecoverError {
    /// The kernel would refuse it.
    #[error("{}{source}", prefix(*filter))]
    Malformed {
        /// Which of a stack, from the oldest, from 0.
        filter: u16,
        /// Why.
        source: CheckError,
    },
    /// It may be fine, but deciding that takes too much.
    #[error(transparent)]
    Undecided(#[from] Undecided),
}

/// A filter that is too large, or computes too much with arguments, to be decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}instruction {at}: what the filter does cannot be decided within {limit}", prefix(*filter))]
pub struct Undecided {
    /// Which of a stack, from the oldest, from 0.
    pub filter: u16,
    /// Position of the instruction at which the limit was met.
    pub at: usize,
    /// Which limit.
    pub limit: Limit,
}

/// What deciding a filter may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Nodes of diagrams, and steps in making them.
    Diagrams,
    /// Combinations of register contents.
    States,
    /// Ranges of call numbers that are decided differently.
    Ranges,
    /// Filters on top of each other.
    Filters,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Limit::Diagrams => write!(f, "{} nodes and {} steps", space::SLOTS, space::STEPS),
            Limit::States => write!(f, "{} combinations of register contents", execute::STATES),
            Limit::Ranges => write!(f, "{} ranges of call numbers", blocks::RANGES),
            Limit::Filters => write!(f, "{FILTERS} filters"),
        }
    }
}

/// Filters that are decided together.
const FILTERS: u16 = 64;

fn prefix(filter: u16) -> String {
    if filter == 0 { String::new() } else { format!("filter {filter}, ") }
}

/// What `program` decides on a kernel of `host`'s family.
pub fn recover(program: &[Instruction], host: Arch) -> Result<Recovered, RecoverError> {
    recover_all(&[program], host)
}

/// What stacked filters, the oldest first, decide together: the kernel takes the strictest action of all,
/// of several that rank alike the newest filter's.
pub fn recover_all<P: AsRef<[Instruction]>>(programs: &[P], host: Arch) -> Result<Recovered, RecoverError> {
    let decided = decide(programs)?;
    let name = |answer: &Answer| match programs {
        [_] => "filter".to_owned(),
        _ => format!("filter {}", answer.filter),
    };
    Ok(tables::recovered(&decided, host, name)?)
}

/// The answers of stacked filters, the oldest first. No filter at all allows everything.
pub(crate) fn decide<P: AsRef<[Instruction]>>(programs: &[P]) -> Result<Rooted<Answer>, RecoverError> {
    let mut all: Option<Rooted<Answer>> = None;
    for (filter, program) in (0..).zip(programs) {
        let program = program.as_ref();
        check(program).map_err(|source| RecoverError::Malformed { filter, source })?;
        let at = program.len() - 1;
        if filter == FILTERS {
            return Err(Undecided { filter, at, limit: Limit::Filters }.into());
        }
        let newer = execute::execute(program, filter)?;
        all = Some(match all {
            None => newer,
            Some(older) => product(&newer, &older, space::SLOTS, |newer, older| newer.before(*older))
                .map_err(|Full| Undecided { filter, at, limit: Limit::Diagrams })?,
        });
    }
    let nothing = || {
        let mut arena = Arena::new(1);
        let root = arena.leaf(Answer::ALLOW)?;
        Ok(arena.rooted(root))
    };
    match all {
        Some(all) => Ok(all),
        None => nothing().map_err(|Full| Undecided { filter: 0, at: 0, limit: Limit::Diagrams }.into()),
    }
}

const _: () = assert!(MAX_INSTRUCTIONS <= u16::MAX as usize, "positions fit an `Answer`");
