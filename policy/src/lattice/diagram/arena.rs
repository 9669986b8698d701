//! Reduced, ordered, shared: where diagrams are built.
//!
//! An arena never holds a test whose branches are equal, nor two equal slots. So what hangs below a
//! [`Ref`] is canonical by construction, and two functions are equal exactly where their refs are.

use std::collections::HashMap;
use std::hash::Hash;

/// A slot of an arena.
pub(super) type Ref = u32;

/// A bit of the arguments by its place in the order of tests: argument 0 bit 63 is 0, argument 5 bit 0
/// is 383.
pub(super) type Place = u16;

/// What stands at a slot.
pub(super) enum Step<'a, L> {
    /// The end.
    Leaf(&'a L),
    /// Test the bit, go on at `clear` or `set`.
    Test { place: Place, clear: Ref, set: Ref },
}

/// A diagram that can be walked.
pub(super) trait Walk {
    /// What its leaves say.
    type Leaf;
    /// Where to begin.
    fn root(&self) -> Ref;
    /// What stands at `at`.
    fn step(&self, at: Ref) -> Step<'_, Self::Leaf>;
}

/// A construction grew past the arena's limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

enum Slot {
    Leaf(usize),
    Test { place: Place, clear: Ref, set: Ref },
}

/// Slots under construction.
pub(super) struct Arena<L> {
    slots: Vec<Slot>,
    leaves: Vec<L>,
    leaf_refs: HashMap<L, Ref>,
    tests: HashMap<(Place, Ref, Ref), Ref>,
    limit: usize,
}

/// An arena with a root: a finished diagram.
pub(super) struct Rooted<L> {
    arena: Arena<L>,
    root: Ref,
}

impl<L: Clone + Eq + Hash> Arena<L> {
    /// An arena for at most `limit` slots, dead ones included.
    pub(super) fn new(limit: usize) -> Self {
        Arena {
            slots: Vec::new(),
            leaves: Vec::new(),
            leaf_refs: HashMap::new(),
            tests: HashMap::new(),
            limit,
        }
    }

    fn push(&mut self, slot: Slot) -> Result<Ref, Full> {
        if self.slots.len() >= self.limit {
            return Err(Full);
        }
        let at = Ref::try_from(self.slots.len()).map_err(|_| Full)?;
        self.slots.push(slot);
        Ok(at)
    }

    /// The leaf that says `leaf`.
    pub(super) fn leaf(&mut self, leaf: L) -> Result<Ref, Full> {
        if let Some(at) = self.leaf_refs.get(&leaf) {
            return Ok(*at);
        }
        let at = self.push(Slot::Leaf(self.leaves.len()))?;
        self.leaves.push(leaf.clone());
        self.leaf_refs.insert(leaf, at);
        Ok(at)
    }

    /// The test of `place`, or just the branch where both are the same.
    pub(super) fn test(&mut self, place: Place, clear: Ref, set: Ref) -> Result<Ref, Full> {
        if clear == set {
            return Ok(clear);
        }
        if let Some(at) = self.tests.get(&(place, clear, set)) {
            return Ok(*at);
        }
        let at = self.push(Slot::Test { place, clear, set })?;
        self.tests.insert((place, clear, set), at);
        Ok(at)
    }

    /// The finished diagram below `root`.
    pub(super) fn rooted(self, root: Ref) -> Rooted<L> {
        Rooted { arena: self, root }
    }
}

impl<L> Walk for Rooted<L> {
    type Leaf = L;

    fn root(&self) -> Ref {
        self.root
    }

    fn step(&self, at: Ref) -> Step<'_, L> {
        match self.arena.slots[at as usize] {
            Slot::Leaf(leaf) => Step::Leaf(&self.arena.leaves[leaf]),
            Slot::Test { place, clear, set } => Step::Test { place, clear, set },
        }
    }
}

/// The same leaf for every argument.
pub(super) struct Constant<L>(pub(super) L);

impl<L> Walk for Constant<L> {
    type Leaf = L;

    fn root(&self) -> Ref {
        0
    }

    fn step(&self, _: Ref) -> Step<'_, L> {
        Step::Leaf(&self.0)
    }
}

/// The diagram that says, for every argument, what `combine` makes of what `left` and `right` say.
pub(super) fn product<A: Walk, B: Walk, L: Clone + Eq + Hash>(
    left: &A,
    right: &B,
    limit: usize,
    combine: impl Fn(&A::Leaf, &B::Leaf) -> L,
) -> Result<Rooted<L>, Full> {
    let mut pairs = Product { left, right, combine, arena: Arena::new(limit), done: HashMap::new() };
    let root = pairs.visit(left.root(), right.root())?;
    Ok(pairs.arena.rooted(root))
}

struct Product<'a, A, B, F, L> {
    left: &'a A,
    right: &'a B,
    combine: F,
    arena: Arena<L>,
    done: HashMap<(Ref, Ref), Ref>,
}

impl<A: Walk, B: Walk, L: Clone + Eq + Hash, F: Fn(&A::Leaf, &B::Leaf) -> L> Product<'_, A, B, F, L> {
    /// Recurses once for each place, so at most 384 deep.
    fn visit(&mut self, left: Ref, right: Ref) -> Result<Ref, Full> {
        if let Some(done) = self.done.get(&(left, right)) {
            return Ok(*done);
        }
        let made = match split(self.left, left, self.right, right) {
            Split::Leaves(a, b) => {
                let leaf = (self.combine)(a, b);
                self.arena.leaf(leaf)?
            }
            Split::Test { place, clear, set } => {
                let clear = self.visit(clear.0, clear.1)?;
                let set = self.visit(set.0, set.1)?;
                self.arena.test(place, clear, set)?
            }
        };
        self.done.insert((left, right), made);
        Ok(made)
    }
}

/// Where a walk over two diagrams at once goes on.
pub(super) enum Split<'a, L, M> {
    /// Both have ended.
    Leaves(&'a L, &'a M),
    /// The first bit that either tests, with both sides' branches.
    Test { place: Place, clear: (Ref, Ref), set: (Ref, Ref) },
}

/// One step of a walk over two diagrams at once.
pub(super) fn split<'a, A: Walk, B: Walk>(
    left: &'a A,
    at_left: Ref,
    right: &'a B,
    at_right: Ref,
) -> Split<'a, A::Leaf, B::Leaf> {
    match (left.step(at_left), right.step(at_right)) {
        (Step::Leaf(a), Step::Leaf(b)) => Split::Leaves(a, b),
        (Step::Test { place, clear, set }, Step::Leaf(_)) => {
            Split::Test { place, clear: (clear, at_right), set: (set, at_right) }
        }
        (Step::Leaf(_), Step::Test { place, clear, set }) => {
            Split::Test { place, clear: (at_left, clear), set: (at_left, set) }
        }
        (Step::Test { place: p, clear: c, set: s }, Step::Test { place: q, clear: d, set: t }) => {
            let place = p.min(q);
            let (c, s) = if p == place { (c, s) } else { (at_left, at_left) };
            let (d, t) = if q == place { (d, t) } else { (at_right, at_right) };
            Split::Test { place, clear: (c, d), set: (s, t) }
        }
    }
}
