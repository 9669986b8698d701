//! Representatives of every class of a register's values that a diagram and comparisons tell apart.
//!
//! A path through a diagram fixes some bits: a cube. Comparisons with numbers cut the line of values at
//! boundaries; a cube meets the stretch from one boundary to the next exactly where its smallest value
//! past the boundary lies before the next. So those smallest values are all classes there are.

use crate::docker_json::Comparison;
use std::collections::BTreeSet;
use stockade_policy::lattice::diagram::{Diagram, Node};

/// Values that agree with `value` in the bits of `fixed`.
#[derive(Clone, Copy, Debug)]
struct Cube {
    fixed: u64,
    value: u64,
}

impl Cube {
    fn with(self, bit: u64, set: bool) -> Cube {
        Cube { fixed: self.fixed | bit, value: if set { self.value | bit } else { self.value & !bit } }
    }

    fn holds(self, value: u64) -> bool {
        value & self.fixed == self.value
    }

    /// The smallest value of the cube that is not below `bound`.
    fn smallest_from(self, bound: u64) -> Option<u64> {
        if self.holds(bound) {
            return Some(bound);
        }
        // It agrees with `bound` above some bit, has a 1 there where `bound` has a 0, and is as small as it
        // can be below. The lowest such bit gives the smallest value.
        (0..64).find_map(|position| {
            let (bit, below) = (1_u64 << position, (1_u64 << position) - 1);
            let above = !(bit | below);
            let candidate = (bound & above) | bit | (self.value & below);
            (bound & bit == 0 && self.holds(candidate)).then_some(candidate)
        })
    }
}

/// The registers that a diagram tests.
pub(crate) fn tested(diagram: &Diagram) -> BTreeSet<u8> {
    let nodes = diagram.nodes().iter();
    nodes
        .filter_map(|node| if let Node::Test { argument, .. } = node { Some(*argument) } else { None })
        .collect()
}

/// The cubes of a diagram that tests one register.
fn cubes(diagram: &Diagram) -> Vec<Cube> {
    let mut open = vec![(0_u32, Cube { fixed: 0, value: 0 })];
    let mut cubes = Vec::new();
    while let Some((at, cube)) = open.pop() {
        match &diagram.nodes()[at as usize] {
            Node::Leaf(_) => cubes.push(cube),
            Node::Test { bit, clear, set, .. } => {
                open.push((*clear, cube.with(1 << bit, false)));
                open.push((*set, cube.with(1 << bit, true)));
            }
        }
    }
    cubes
}

/// One value at least of every class that `diagram` (which tests one register), `comparisons` (of the same
/// one) and the boundaries tell apart. The comparisons are all with numbers, or one with a mask.
pub(crate) fn values(diagram: &Diagram, comparisons: &[&Comparison], boundaries: &[u64]) -> BTreeSet<u64> {
    let (masked, plain): (Vec<&Comparison>, Vec<_>) =
        comparisons.iter().partition(|one| one.op == "SCMP_CMP_MASKED_EQ");
    assert!(masked.is_empty() || (masked.len() == 1 && plain.is_empty()), "{comparisons:?}");
    let edges =
        plain.iter().flat_map(|one| [one.value.saturating_sub(1), one.value, one.value.saturating_add(1)]);
    // What a 32-bit reader sees of a wide register comes again and again: each boundary with other upper halves.
    let upper = [0, 1 << 32, 1 << 63, 0xffff_ffff << 32];
    let bounds: BTreeSet<u64> = edges
        .chain(boundaries.iter().copied())
        .chain([0])
        .flat_map(|edge| upper.map(|upper| edge | upper))
        .collect();
    let mut values = BTreeSet::new();
    for cube in cubes(diagram) {
        let mut wanted = vec![cube];
        for one in &masked {
            // Every bit of the mask as asked, and each alone otherwise.
            let bits: Vec<u64> = (0..64).map(|bit| 1 << bit).filter(|bit| one.value & bit != 0).collect();
            let free = |bit: &&u64| cube.fixed & **bit == 0;
            let asked =
                bits.iter().filter(free).fold(cube, |cube, bit| cube.with(*bit, one.value_two & bit != 0));
            wanted.push(asked);
            wanted.extend(bits.iter().filter(free).map(|bit| asked.with(*bit, one.value_two & bit == 0)));
        }
        for cube in wanted {
            values.extend(bounds.iter().filter_map(|bound| cube.smallest_from(*bound)));
            values.insert(cube.value | !cube.fixed);
        }
    }
    values
}

#[test]
fn the_smallest_value_is_the_smallest() {
    for fixed in 0..32_u64 {
        for value in (0..32).filter(|value| value & !fixed == 0) {
            // The upper bits are fixed to 0.
            let cube = Cube { fixed: fixed | !31, value };
            for bound in 0..33 {
                let expected = (bound..32).find(|candidate| cube.holds(*candidate));
                assert_eq!(cube.smallest_from(bound), expected, "{cube:?} from {bound}");
            }
        }
    }
}
