//! From one diagram over everything that a filter sees to the tables of a policy.

use super::answer::Answer;
use super::blocks::{Block, Blocks, RANGES, follow};
use super::space::{ARGUMENTS, NUMBER, POINTER, SLOTS, event};
use super::{Limit, Recovered, Undecided};
use crate::lattice::action::Action;
use crate::lattice::diagram::arena::{Arena, Below, Bits, Constant, Full, Ref, Rooted, Step, Walk, product};
use crate::lattice::diagram::{Decision, Diagram};
use crate::lattice::syscalls::{Syscalls, Table};
use crate::origin::{Origin, Origins};
use crate::seccomp::interpret::Event;
use crate::seccomp::segments;
use crate::vocab::Arch;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;

/// The tables of what `decided` says; `name` says where an answer comes from.
pub(super) fn recovered(
    decided: &Rooted<Answer>,
    host: Arch,
    name: impl Fn(&Answer) -> String,
) -> Result<Recovered, Undecided> {
    let undecided = |limit| Undecided { filter: 0, at: 0, limit };
    let decision = |answer: &Answer| Decision {
        action: answer.action(),
        origins: Origins::from([Origin {
            file: name(answer).into(),
            line: u32::from(answer.instruction) + 1,
            column: 1,
        }]),
    };
    let pointless = without_pointer(decided, decision).map_err(|Full| undecided(Limit::Diagrams))?;
    let mut tables = BTreeMap::new();
    let mut made = HashMap::new();
    for arch in Arch::ALL {
        tables.insert(arch, table(&pointless, arch, &mut made).map_err(undecided)?);
    }
    Ok(Recovered {
        syscalls: Syscalls::new(tables, &Decision::unwritten_allow()),
        foreign: foreign(decided, host)
            .map_err(|Full| undecided(Limit::Diagrams))?
            .into_iter()
            .map(|(answer, event)| (decision(&answer), event))
            .collect(),
        instruction_pointer: pointer(decided).map_err(|Full| undecided(Limit::Diagrams))?,
    })
}

/// The decisions on every number of one interface.
fn table(
    pointless: &Rooted<Decision>,
    arch: Arch,
    made: &mut HashMap<Ref, Arc<Diagram>>,
) -> Result<Table, Limit> {
    let numbers = follow(pointless, pointless.root(), 0, arch.audit());
    let mut starts = Vec::new();
    for segment in segments(arch).filter(|segment| segment.arch == arch) {
        for block in ranges(pointless, numbers, (segment.first, segment.last))? {
            let diagram = match made.get(&block.node) {
                Some(diagram) => Arc::clone(diagram),
                None => {
                    let below = Below { whole: pointless, root: block.node, from: ARGUMENTS };
                    Arc::new(Diagram::from_walk(&below).map_err(|Full| Limit::Diagrams)?)
                }
            };
            made.insert(block.node, Arc::clone(&diagram));
            starts.push((block.first - segment.offset, diagram));
        }
    }
    Ok(Table::from_starts(starts))
}

fn ranges<W: Walk>(walk: &W, numbers: Ref, within: (u32, u32)) -> Result<Vec<Block>, Limit> {
    let ranges: Vec<_> = Blocks::new(walk, numbers, NUMBER, within).take(RANGES + 1).collect();
    if ranges.len() > RANGES { Err(Limit::Ranges) } else { Ok(ranges) }
}

/// The decisions without the instruction pointer, the strictest where it matters.
fn without_pointer(
    decided: &Rooted<Answer>,
    decision: impl Fn(&Answer) -> Decision,
) -> Result<Rooted<Decision>, Full> {
    let mut forget = Forget { decided, decision, arena: Arena::new(SLOTS), done: HashMap::new() };
    let root = forget.visit(decided.root())?;
    Ok(forget.arena.rooted(root))
}

struct Forget<'a, F> {
    decided: &'a Rooted<Answer>,
    decision: F,
    arena: Arena<Decision>,
    done: HashMap<Ref, Ref>,
}

impl<F: Fn(&Answer) -> Decision> Forget<'_, F> {
    fn visit(&mut self, at: Ref) -> Result<Ref, Full> {
        if let Some(done) = self.done.get(&at) {
            return Ok(*done);
        }
        let made = match self.decided.step(at) {
            Step::Test { place, clear, set } if place < POINTER => {
                let (clear, set) = (self.visit(clear)?, self.visit(set)?);
                self.arena.test(place, clear, set)?
            }
            // What hangs on nothing but the pointer: all answers are possible.
            _ => {
                let below = Below { whole: self.decided, root: at, from: 0 };
                let answers = leaves(&below).into_iter().map(|(answer, _)| (self.decision)(&answer));
                let strictest = answers.reduce(|a, b| a.combine(&b, crate::lattice::Toward::Strict));
                self.arena.leaf(strictest.unwrap_or_else(|| (self.decision)(&Answer::KILL)))?
            }
        };
        self.done.insert(at, made);
        Ok(made)
    }
}

/// Every leaf, with bits that lead to it.
pub(super) fn leaves<W: Walk<Leaf: Clone + Eq + Hash>>(walk: &W) -> Vec<(W::Leaf, Bits)> {
    let mut out = Vec::new();
    let mut seen = HashSet::new();
    let mut open = vec![(walk.root(), [0; 8])];
    while let Some((at, bits)) = open.pop() {
        if !seen.insert(at) {
            continue;
        }
        match walk.step(at) {
            Step::Leaf(leaf) => out.push((leaf.clone(), bits)),
            Step::Test { place, clear, set } => {
                let mut with = bits;
                with[usize::from(place / 64)] |= 1 << (63 - place % 64);
                open.extend([(set, with), (clear, bits)]);
            }
        }
    }
    out
}

/// Every answer on an audit number that is not of `host`'s family, with a call for each.
pub(crate) fn foreign(decided: &Rooted<Answer>, host: Arch) -> Result<Vec<(Answer, Event)>, Full> {
    let mut rest = product(decided, &Constant(()), SLOTS, |answer, ()| Some(*answer))?;
    for arch in host.family() {
        let own = equals(arch.audit())?;
        rest = product(&rest, &own, SLOTS, |answer, own| answer.filter(|_| !own))?;
    }
    let answers = leaves(&rest).into_iter();
    Ok(answers.filter_map(|(answer, bits)| Some((answer?, event(&bits)))).collect())
}

/// Where `arch` is this number.
fn equals(audit: u32) -> Result<Rooted<bool>, Full> {
    let mut arena = Arena::new(64);
    let no = arena.leaf(false)?;
    let mut at = arena.leaf(true)?;
    for place in (0..32).rev() {
        at = if audit >> (31 - place) & 1 == 1 {
            arena.test(place, no, at)?
        } else {
            arena.test(place, at, no)?
        };
    }
    Ok(arena.rooted(at))
}

/// A call that is decided otherwise when only the instruction pointer changes.
fn pointer(decided: &Rooted<Answer>) -> Result<Option<(Event, u64)>, Full> {
    let actions = product(decided, &Constant(()), SLOTS, |answer, ()| answer.action())?;
    Ok(pointer_matters(&actions))
}

/// A call that is decided otherwise when only the instruction pointer changes, and the other pointer.
pub(crate) fn pointer_matters(actions: &Rooted<Action>) -> Option<(Event, u64)> {
    let mut seen = HashSet::new();
    let mut open = vec![(actions.root(), [0; 8])];
    while let Some((at, bits)) = open.pop() {
        let Step::Test { place, clear, set } = actions.step(at) else { continue };
        if !seen.insert(at) {
            continue;
        }
        if place >= POINTER {
            // Reduced, so that it has two leaves at least.
            let below = Below { whole: actions, root: at, from: 0 };
            let pointers: Vec<u64> = leaves(&below).into_iter().map(|(_, bits)| bits[7]).collect();
            let [one, other, ..] = pointers[..] else { return None };
            let mut bits = bits;
            bits[7] = one;
            return Some((event(&bits), other));
        }
        let mut with = bits;
        with[usize::from(place / 64)] |= 1 << (63 - place % 64);
        open.extend([(set, with), (clear, bits)]);
    }
    None
}
