//! Reduced, ordered, shared: where diagrams are built.
//!
//! An arena never holds a test whose branches are equal, nor two equal slots. So what hangs below a
//! [`Ref`] is canonical by construction, and two functions are equal exactly where their refs are.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

/// A slot of an arena.
pub(crate) type Ref = u32;

/// A bit by its place in the order of tests: in a diagram over the arguments, argument 0 bit 63 is 0 and
/// argument 5 bit 0 is 383.
pub(crate) type Place = u16;

/// Values for places, 64 in each word, the first one its top bit.
pub(crate) type Bits = [u64; 8];

/// What stands at a slot.
pub(crate) enum Step<'a, L> {
    /// The end.
    Leaf(&'a L),
    /// Test the bit, go on at `clear` or `set`.
    Test { place: Place, clear: Ref, set: Ref },
}

/// A diagram that can be walked.
pub(crate) trait Walk {
    /// What its leaves say.
    type Leaf;
    /// Where to begin.
    fn root(&self) -> Ref;
    /// What stands at `at`.
    fn step(&self, at: Ref) -> Step<'_, Self::Leaf>;
}

/// A construction grew past the arena's limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

enum Slot {
    Leaf(usize),
    Test { place: Place, clear: Ref, set: Ref },
}

/// Slots under construction.
pub(crate) struct Arena<L> {
    slots: Vec<Slot>,
    leaves: Vec<L>,
    leaf_refs: HashMap<L, Ref>,
    tests: HashMap<(Place, Ref, Ref), Ref>,
    limit: usize,
}

/// An arena with a root: a finished diagram.
pub(crate) struct Rooted<L> {
    arena: Arena<L>,
    root: Ref,
}

impl<L> Arena<L> {
    /// An arena for at most `limit` slots, dead ones included.
    pub(crate) fn new(limit: usize) -> Self {
        Arena {
            slots: Vec::new(),
            leaves: Vec::new(),
            leaf_refs: HashMap::new(),
            tests: HashMap::new(),
            limit,
        }
    }

    /// What stands at `at`.
    pub(crate) fn step(&self, at: Ref) -> Step<'_, L> {
        match self.slots[at as usize] {
            Slot::Leaf(leaf) => Step::Leaf(&self.leaves[leaf]),
            Slot::Test { place, clear, set } => Step::Test { place, clear, set },
        }
    }
}

impl<L: Clone + Eq + Hash> Arena<L> {
    fn push(&mut self, slot: Slot) -> Result<Ref, Full> {
        if self.slots.len() >= self.limit {
            return Err(Full);
        }
        let at = Ref::try_from(self.slots.len()).map_err(|_| Full)?;
        self.slots.push(slot);
        Ok(at)
    }

    /// The leaf that says `leaf`.
    pub(crate) fn leaf(&mut self, leaf: L) -> Result<Ref, Full> {
        if let Some(at) = self.leaf_refs.get(&leaf) {
            return Ok(*at);
        }
        let at = self.push(Slot::Leaf(self.leaves.len()))?;
        self.leaves.push(leaf.clone());
        self.leaf_refs.insert(leaf, at);
        Ok(at)
    }

    /// The test of `place`, or just the branch where both are the same.
    pub(crate) fn test(&mut self, place: Place, clear: Ref, set: Ref) -> Result<Ref, Full> {
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
    pub(crate) fn rooted(self, root: Ref) -> Rooted<L> {
        Rooted { arena: self, root }
    }
}

impl<L> Walk for Rooted<L> {
    type Leaf = L;

    fn root(&self) -> Ref {
        self.root
    }

    fn step(&self, at: Ref) -> Step<'_, L> {
        self.arena.step(at)
    }
}

/// The same leaf for every argument.
pub(crate) struct Constant<L>(pub(crate) L);

impl<L> Walk for Constant<L> {
    type Leaf = L;

    fn root(&self) -> Ref {
        0
    }

    fn step(&self, _: Ref) -> Step<'_, L> {
        Step::Leaf(&self.0)
    }
}

/// The part of a diagram below one of its nodes, as a diagram of its own whose first place is `from`.
pub(crate) struct Below<'a, W> {
    pub(crate) whole: &'a W,
    pub(crate) root: Ref,
    /// No node below `root` tests a place before it.
    pub(crate) from: Place,
}

impl<W: Walk> Walk for Below<'_, W> {
    type Leaf = W::Leaf;

    fn root(&self) -> Ref {
        self.root
    }

    fn step(&self, at: Ref) -> Step<'_, W::Leaf> {
        match self.whole.step(at) {
            Step::Test { place, clear, set } => Step::Test { place: place - self.from, clear, set },
            leaf @ Step::Leaf(_) => leaf,
        }
    }
}

/// Pairs of nodes that making a product may visit, for each slot that it may take: pairs that come to what is
/// there already take no slot, but time.
const PAIRS: usize = 4;

/// The diagram that says, for every argument, what `combine` makes of what `left` and `right` say.
pub(crate) fn product<A: Walk, B: Walk, L: Clone + Eq + Hash>(
    left: &A,
    right: &B,
    limit: usize,
    combine: impl Fn(&A::Leaf, &B::Leaf) -> L,
) -> Result<Rooted<L>, Full> {
    let (arena, most) = (Arena::new(limit), limit.saturating_mul(PAIRS));
    let mut pairs = Product { left, right, combine, arena, done: HashMap::new(), most };
    let root = pairs.visit(left.root(), right.root())?;
    Ok(pairs.arena.rooted(root))
}

struct Product<'a, A, B, F, L> {
    left: &'a A,
    right: &'a B,
    combine: F,
    arena: Arena<L>,
    done: HashMap<(Ref, Ref), Ref>,
    most: usize,
}

impl<A: Walk, B: Walk, L: Clone + Eq + Hash, F: Fn(&A::Leaf, &B::Leaf) -> L> Product<'_, A, B, F, L> {
    /// Recurses once for each place, so at most 512 deep.
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
        if self.done.len() >= self.most {
            return Err(Full);
        }
        self.done.insert((left, right), made);
        Ok(made)
    }
}

/// Where a walk over two diagrams at once goes on.
pub(crate) enum Split<'a, L, M> {
    /// Both have ended.
    Leaves(&'a L, &'a M),
    /// The first bit that either tests, with both sides' branches.
    Test { place: Place, clear: (Ref, Ref), set: (Ref, Ref) },
}

/// One step of a walk over two diagrams at once.
pub(crate) fn split<'a, A: Walk, B: Walk>(
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

/// What `walk` says of these bits.
pub(crate) fn decide<'a, W: Walk>(walk: &'a W, bits: &Bits) -> &'a W::Leaf {
    let mut at = walk.root();
    loop {
        match walk.step(at) {
            Step::Leaf(leaf) => return leaf,
            Step::Test { place, clear, set } => {
                at = if bits[usize::from(place / 64)] >> (63 - place % 64) & 1 == 1 { set } else { clear };
            }
        }
    }
}

/// The smallest bits (the first, most significant) for which `test` holds of what both say.
pub(crate) fn find<A: Walk, B: Walk>(
    left: &A,
    right: &B,
    test: impl Fn(&A::Leaf, &B::Leaf) -> bool,
) -> Option<Bits> {
    let mut search = Search { left, right, test, seen: HashSet::new(), bits: [0; 8] };
    search.visit(left.root(), right.root()).then_some(search.bits)
}

/// Looks for bits, the clear branch first.
struct Search<'a, A, B, F> {
    left: &'a A,
    right: &'a B,
    test: F,
    seen: HashSet<(Ref, Ref)>,
    bits: Bits,
}

impl<A: Walk, B: Walk, F: Fn(&A::Leaf, &B::Leaf) -> bool> Search<'_, A, B, F> {
    fn visit(&mut self, left: Ref, right: Ref) -> bool {
        if !self.seen.insert((left, right)) {
            return false;
        }
        match split(self.left, left, self.right, right) {
            Split::Leaves(a, b) => (self.test)(a, b),
            Split::Test { place, clear, set } => {
                if self.visit(clear.0, clear.1) {
                    return true;
                }
                let (word, bit) = (usize::from(place / 64), 1 << (63 - place % 64));
                self.bits[word] |= bit;
                if self.visit(set.0, set.1) {
                    return true;
                }
                self.bits[word] &= !bit;
                false
            }
        }
    }
}
