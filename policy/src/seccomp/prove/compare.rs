//! A policy's decision on arguments beside a filter's.

use crate::lattice::action::Action;
use crate::lattice::diagram::Diagram;
use crate::lattice::diagram::arena::{Below, Bits, Full, Ref, Rooted, Split, Walk, split};
use crate::seccomp::bpf;
use crate::seccomp::recover::space::{ARGUMENTS, SLOTS};
use std::collections::HashMap;

/// How two answers differ, the least first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Differ {
    /// Not at all.
    Not,
    /// Another action, of the same class.
    Action,
    /// Another class: one denies what the other does.
    Class,
}

/// What was found out of two diagrams.
#[derive(Clone, Copy)]
struct Found {
    /// The worst difference.
    worst: Differ,
    /// Classes of arguments that the two tell apart.
    classes: u64,
}

/// Compares diagrams of one policy with those of one filter; nothing is compared twice.
pub(super) struct Comparison<'a> {
    actions: &'a Rooted<Action>,
    found: HashMap<(*const Diagram, Ref, Ref), Found>,
}

/// A comparison of all arguments.
pub(super) struct Compared {
    /// Classes of arguments that the two tell apart; at most `u64::MAX`.
    pub(super) classes: u64,
    /// Arguments, and an instruction pointer, for which they differ.
    pub(super) example: Option<([u64; 6], u64)>,
}

impl<'a> Comparison<'a> {
    pub(super) fn new(actions: &'a Rooted<Action>) -> Self {
        Comparison { actions, found: HashMap::new() }
    }

    /// Compares what `policy` says with what the filter says below `node`, which tests arguments only.
    pub(super) fn compare(&mut self, policy: &Diagram, node: Ref) -> Result<Compared, Full> {
        let Found { worst, classes } = self.visit(policy, policy.root(), node)?;
        let example = match worst {
            Differ::Not => None,
            worst => {
                let [arguments @ .., pointer, _] = self.descend(policy, node, worst)?;
                Some((arguments, pointer))
            }
        };
        Ok(Compared { classes, example })
    }

    /// Recurses once for each place, so at most 448 deep.
    fn visit(&mut self, policy: &Diagram, at: Ref, node: Ref) -> Result<Found, Full> {
        let key = (std::ptr::from_ref(policy), at, node);
        if let Some(found) = self.found.get(&key) {
            return Ok(*found);
        }
        let below = Below { whole: self.actions, root: node, from: ARGUMENTS };
        let found = match split(policy, at, &below, node) {
            Split::Leaves(decision, filter) => {
                // As the kernel answers it: an errno beyond the largest is the largest.
                let policy = bpf::action(bpf::return_value(decision.action));
                let worst = match () {
                    () if policy == *filter => Differ::Not,
                    () if policy.class() == filter.class() => Differ::Action,
                    () => Differ::Class,
                };
                Found { worst, classes: 1 }
            }
            Split::Test { clear, set, .. } => {
                let clear = self.visit(policy, clear.0, clear.1)?;
                let set = self.visit(policy, set.0, set.1)?;
                let classes = clear.classes.saturating_add(set.classes);
                Found { worst: clear.worst.max(set.worst), classes }
            }
        };
        if self.found.len() == SLOTS {
            return Err(Full);
        }
        self.found.insert(key, found);
        Ok(found)
    }

    /// The smallest bits for which the difference is as bad as `worst`.
    fn descend(&mut self, policy: &Diagram, node: Ref, worst: Differ) -> Result<Bits, Full> {
        let mut bits = Bits::default();
        let (mut at, mut node) = (policy.root(), node);
        loop {
            let below = Below { whole: self.actions, root: node, from: ARGUMENTS };
            let Split::Test { place, clear, set } = split(policy, at, &below, node) else { return Ok(bits) };
            (at, node) = if self.visit(policy, clear.0, clear.1)?.worst == worst {
                clear
            } else {
                bits[usize::from(place / 64)] |= 1 << (63 - place % 64);
                set
            };
        }
    }
}
