//! A diagram as rules of seccomp JSON: comparisons that all hold together, at most one for a register.
//!
//! Comparisons there are of 64 bits, unsigned, and runc takes several rules of one call as alternatives. So the
//! rules of a diagram exclude each other, and what is compared as 32 bits is compared under a mask.

use crate::condition::Operator;
use crate::lattice::action::Action;
use crate::lattice::diagram::{Diagram, Node};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Rules that one call may need: far more than any built-in profile's; what runc installs grows with each.
pub(super) const MOST: usize = 512;

/// An entry of `args`. runtime-spec, config-linux.md, "Seccomp".
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct Comparison {
    index: u8,
    /// The value; under a mask that.
    value: u64,
    /// The value under the mask.
    #[serde(rename = "valueTwo")]
    value_two: u64,
    op: &'static str,
}

/// A rule about one call: what must hold, and the answer.
pub(super) type Rule = (Vec<Comparison>, Action);

/// The rules for everything that `diagram` does not decide as `default`; `None` where they are too many.
pub(super) fn rules(diagram: &Diagram, default: Action) -> Option<Vec<Rule>> {
    let mut found = Vec::new();
    let plain = diagram.forget_origins();
    visit(plain.nodes(), 0, default, &mut Vec::new(), &mut found)?;
    Some(found)
}

/// Adds the rules of the ways on from `at`; `held` holds on the way there.
fn visit(
    nodes: &[Node],
    at: u32,
    default: Action,
    held: &mut Vec<Comparison>,
    found: &mut Vec<Rule>,
) -> Option<()> {
    match &nodes[at as usize] {
        Node::Leaf(decision) if decision.action == default => Some(()),
        Node::Leaf(_) if found.len() == MOST => None,
        Node::Leaf(decision) => {
            found.push((held.clone(), decision.action));
            Some(())
        }
        Node::Test { argument, .. } => {
            for (comparison, next) in ways(nodes, at, *argument)? {
                held.push(comparison);
                visit(nodes, next, default, held, found)?;
                held.pop();
            }
            Some(())
        }
    }
}

/// The comparisons of one register that part the ways from `at`, with the nodes where they lead.
fn ways(nodes: &[Node], at: u32, argument: u8) -> Option<Vec<(Comparison, u32)>> {
    let cubes = cubes(nodes, at, argument, &mut BTreeMap::new())?;
    let mut ways = Vec::new();
    let exits: BTreeSet<u32> = cubes.iter().map(|cube| cube.exit).collect();
    for exit in exits {
        let own: Vec<(u64, u64)> =
            cubes.iter().filter(|cube| cube.exit == exit).map(|cube| (cube.mask, cube.value)).collect();
        let others = cubes.iter().filter(|cube| cube.exit != exit).map(|cube| (cube.mask, cube.value));
        let one = single(&own, &others.collect::<Vec<_>>());
        let comparison =
            |(operator, value, value_two)| Comparison { index: argument, value, value_two, op: operator };
        match one {
            Some((operator, value)) => ways.push((comparison((name(operator), value, 0)), exit)),
            None => ways.extend(own.iter().map(|(mask, value)| (comparison(masked(*mask, *value)), exit))),
        }
    }
    Some(ways)
}

/// Values of a register that have these bits under a mask, and the node where they lead.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Cube {
    value: u64,
    mask: u64,
    exit: u32,
}

/// Cubes that lie apart from each other and together are all values of a register from `at`. What both sides of a test
/// have needs no word about its bit: the high half of a register, where most values are compared as 32 bits and one as
/// 64.
fn cubes(
    nodes: &[Node],
    at: u32,
    argument: u8,
    known: &mut BTreeMap<u32, BTreeSet<Cube>>,
) -> Option<BTreeSet<Cube>> {
    let (bit, clear, set) = match &nodes[at as usize] {
        Node::Test { argument: other, bit, clear, set } if *other == argument => (1 << bit, *clear, *set),
        _ => return Some(BTreeSet::from([Cube { value: 0, mask: 0, exit: at }])),
    };
    if let Some(known) = known.get(&at) {
        return Some(known.clone());
    }
    let (clear, set) = (cubes(nodes, clear, argument, known)?, cubes(nodes, set, argument, known)?);
    let mut found: BTreeSet<Cube> = clear.intersection(&set).copied().collect();
    found.extend(clear.difference(&set).map(|cube| Cube { mask: cube.mask | bit, ..*cube }));
    found.extend(set.difference(&clear).map(|cube| Cube {
        mask: cube.mask | bit,
        value: cube.value | bit,
        ..*cube
    }));
    if found.len() > MOST {
        return None;
    }
    known.insert(at, found.clone());
    Some(found)
}

/// The one comparison of the whole register that the cubes of a way are, where there is one.
fn single(own: &[(u64, u64)], others: &[(u64, u64)]) -> Option<(Operator, u64)> {
    if let [(u64::MAX, value)] = own {
        return Some((Operator::Equal, *value));
    }
    if let [(u64::MAX, value)] = others {
        return Some((Operator::NotEqual, *value));
    }
    let (least, most) = (
        |cubes: &[(u64, u64)]| cubes.iter().map(|(_, value)| *value).min(),
        |cubes: &[(u64, u64)]| cubes.iter().map(|(mask, value)| value | !mask).max(),
    );
    let (first, last) = (least(own)?, most(own)?);
    // Cubes lie apart from each other: what begins behind all others reaches to the end.
    if last == u64::MAX && most(others)? < first {
        return Some((Operator::GreaterOrEqual, first));
    }
    if first == 0 && last < least(others)? {
        return Some((Operator::LessOrEqual, last));
    }
    None
}

fn masked(mask: u64, value: u64) -> (&'static str, u64, u64) {
    if mask == u64::MAX { (name(Operator::Equal), value, 0) } else { ("SCMP_CMP_MASKED_EQ", mask, value) }
}

/// As JSON calls it. seccomp_rule_add(3).
fn name(operator: Operator) -> &'static str {
    match operator {
        Operator::Equal => "SCMP_CMP_EQ",
        Operator::NotEqual => "SCMP_CMP_NE",
        Operator::Less => "SCMP_CMP_LT",
        Operator::LessOrEqual => "SCMP_CMP_LE",
        Operator::Greater => "SCMP_CMP_GT",
        Operator::GreaterOrEqual => "SCMP_CMP_GE",
    }
}
