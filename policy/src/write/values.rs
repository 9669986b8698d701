//! A set of values of one register, as few comparisons as can be found.

use crate::condition::Operator;
use crate::expression::{Comparison, Expression, Test, Value};
use crate::lattice::diagram::Node;
use crate::origin::{At, Origin};
use std::collections::{HashMap, HashSet};

/// Values that one `in { }` may list, and ranges or masks that one set may take.
const MOST: usize = 64;
/// Steps that the search for ranges may take: a mask with holes can hide very many.
const STEPS: usize = 20_000;

/// A range of fewer values is a list.
const FEW: u64 = 4;

/// A branch: never in the set, always, or where the bit of `nodes[n]` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Branch {
    End(bool),
    Bit(usize),
}

/// A set of 64-bit values: a decision tree over bits, the top one first, in which equal parts are one.
pub(super) struct Values {
    /// Bit, and where to go when it is clear or set.
    nodes: Vec<(u8, Branch, Branch)>,
    root: Branch,
}

/// The way values are compared: only the bits of `mask` count.
struct Ranges {
    mask: u64,
    /// First and last, in order; none touches the next.
    ranges: Vec<(u64, u64)>,
}

impl Values {
    /// The values of register `argument` with which the walk from node `at` leaves that register for a node
    /// that is `wanted`.
    pub(super) fn new(nodes: &[Node], at: u32, argument: u8, wanted: &dyn Fn(u32) -> bool) -> Values {
        let mut values = Values { nodes: Vec::new(), root: Branch::End(false) };
        let mut builder =
            Builder { diagram: nodes, argument, wanted, made: HashMap::new(), known: HashMap::new() };
        values.root = builder.branch(at, &mut values.nodes);
        values
    }

    /// The bits that are tested.
    fn support(&self) -> u64 {
        self.nodes.iter().fold(0, |bits, (bit, ..)| bits | 1 << bit)
    }

    /// The set, or what is not in it, as ranges of what a mask leaves of a value.
    fn ranges(&self, mask: u64, inside: bool) -> Option<Ranges> {
        let bits: Vec<u8> = (0..64).rev().filter(|bit| mask >> bit & 1 == 1).collect();
        let mut ranges = Ranges { mask, ranges: Vec::new() };
        let mut open = vec![(self.root, 0, 0_u64)];
        let mut steps = 0;
        while let Some((branch, index, prefix)) = open.pop() {
            steps += 1;
            if steps > STEPS || ranges.ranges.len() > MOST {
                return None;
            }
            match (branch, bits.get(index)) {
                (Branch::End(held), _) if held == inside => {
                    let rest = bits[index..].iter().fold(0, |rest, bit| rest | 1 << bit);
                    ranges.add(prefix, prefix | rest);
                }
                (Branch::End(_), _) => {}
                (Branch::Bit(node), Some(bit)) => {
                    let (tested, clear, set) = self.nodes[node];
                    let (clear, set) = if tested == *bit { (clear, set) } else { (branch, branch) };
                    open.push((set, index + 1, prefix | 1 << bit));
                    open.push((clear, index + 1, prefix));
                }
                // A bit that the mask leaves out is tested: callers give masks that hold the support.
                (Branch::Bit(_), None) => return None,
            }
        }
        Some(ranges)
    }

    /// The set, or what is not in it, as values under masks.
    fn cubes(&self, inside: bool) -> Option<Vec<(u64, u64)>> {
        let mut cubes = Vec::new();
        let mut open = vec![(self.root, 0_u64, 0_u64)];
        let mut steps = 0;
        while let Some((branch, mask, value)) = open.pop() {
            steps += 1;
            match branch {
                Branch::End(held) if held == inside => cubes.push((mask, value)),
                Branch::End(_) => {}
                Branch::Bit(node) => {
                    let (bit, clear, set) = self.nodes[node];
                    open.push((set, mask | 1 << bit, value | 1 << bit));
                    open.push((clear, mask | 1 << bit, value));
                }
            }
            if cubes.len() > MOST || steps > STEPS {
                return None;
            }
        }
        Some(self.primes(&cubes, inside))
    }

    /// The same values under masks of as few bits as can be: what the order of the bits took apart is one again.
    fn primes(&self, cubes: &[(u64, u64)], inside: bool) -> Vec<(u64, u64)> {
        let mut primes: Vec<(u64, u64)> = Vec::new();
        for &(mut mask, mut value) in cubes {
            for bit in (0..64).rev().map(|bit| 1 << bit) {
                let wider = (mask & !bit, value & !bit);
                if self.all(wider, inside, self.root, &mut HashSet::new()) {
                    (mask, value) = wider;
                }
            }
            if !primes.contains(&(mask, value)) {
                primes.push((mask, value));
            }
        }
        primes
    }

    /// Whether all values under a mask are in the set, or none is.
    fn all(&self, cube: (u64, u64), inside: bool, at: Branch, seen: &mut HashSet<usize>) -> bool {
        match at {
            Branch::End(held) => held == inside,
            Branch::Bit(node) => {
                let (bit, clear, set) = self.nodes[node];
                let free = cube.0 >> bit & 1 == 0;
                let stands = cube.1 >> bit & 1 == 1;
                !seen.insert(node)
                    || (stands || self.all(cube, inside, clear, seen))
                        && (!(stands || free) || self.all(cube, inside, set, seen))
            }
        }
    }

    /// The set, or what is not in it, as the bits that all its values share and what of the values that have
    /// them is not in it: `arg0 & 1 == 0 and arg0 != 2`.
    fn factored(&self, name: &str, whole: u64, inside: bool) -> Option<(usize, Expression)> {
        let (mask, value) = self.common(inside)?;
        if mask == 0 {
            return None;
        }
        let mut rest = Values { nodes: Vec::new(), root: Branch::End(false) };
        let mut known = HashMap::new();
        rest.root = self.missing(self.root, inside, (mask, value), 64, &mut rest.nodes, &mut known);
        if rest.root == Branch::End(false) {
            return None;
        }
        let mut found = [whole, rest.support()].into_iter().filter(|mask| rest.support() & !mask == 0);
        let ranges = found.find_map(|mask| rest.ranges(mask, true))?;
        let (cost, missing) = ranges.expression(name, whole, !inside);
        let (share, shared) = masked(name, whole, &[(mask, value)], inside);
        let both = vec![shared, missing];
        Some((cost + share, if inside { and(both) } else { or(both) }))
    }

    /// The bits that all values in the set, or not in it, share, and how they stand; `None` where there is no
    /// value.
    fn common(&self, inside: bool) -> Option<(u64, u64)> {
        let mut known: Vec<Option<(u64, u64)>> = Vec::with_capacity(self.nodes.len());
        let of = |known: &[Option<(u64, u64)>], at| match at {
            Branch::End(held) => (held == inside).then_some((0, 0)),
            Branch::Bit(node) => known[node],
        };
        // Branches of a node stand before it.
        for (bit, clear, set) in &self.nodes {
            let bit = 1 << bit;
            known.push(match (of(&known, *clear), of(&known, *set)) {
                (None, None) => None,
                (Some((mask, value)), None) => Some((mask | bit, value)),
                (None, Some((mask, value))) => Some((mask | bit, value | bit)),
                (Some((left, a)), Some((right, b))) => {
                    let mask = left & right & !(a ^ b);
                    Some((mask, a & mask))
                }
            });
        }
        of(&known, self.root)
    }

    /// The values that have the shared bits, and are not in the set (or are, where `inside` is not asked for).
    /// Bits from `below` on are decided.
    fn missing(
        &self,
        at: Branch,
        inside: bool,
        shared: (u64, u64),
        below: u8,
        nodes: &mut Vec<(u8, Branch, Branch)>,
        known: &mut HashMap<(Branch, u8), Branch>,
    ) -> Branch {
        let own = match at {
            Branch::Bit(node) => Some(self.nodes[node].0),
            Branch::End(_) => None,
        };
        let (mask, value) = shared;
        let lower = mask & (u64::MAX.checked_shr(64 - u32::from(below)).unwrap_or(0));
        let next = (0..64_u8).rev().find(|bit| lower >> bit & 1 == 1);
        let Some(bit) = own.max(next) else { return Branch::End(at != Branch::End(inside)) };
        if let Some(known) = known.get(&(at, bit)) {
            return *known;
        }
        let (clear, set) = match at {
            Branch::Bit(node) if own == Some(bit) => (self.nodes[node].1, self.nodes[node].2),
            _ => (at, at),
        };
        let is_shared = mask >> bit & 1 == 1;
        let mut branch = |to, stands: u64| {
            if is_shared && value >> bit & 1 != stands {
                Branch::End(false)
            } else {
                self.missing(to, inside, shared, bit, nodes, known)
            }
        };
        let (clear, set) = (branch(clear, 0), branch(set, 1));
        let made = if clear == set {
            clear
        } else {
            nodes.push((bit, clear, set));
            Branch::Bit(nodes.len() - 1)
        };
        known.insert((at, bit), made);
        made
    }

    /// The set as a condition on the register `name`, of which the bits of `whole` can be compared; `None`
    /// where it takes too many comparisons. The set is neither empty nor everything.
    pub(super) fn expression(&self, name: &str, whole: u64) -> Option<Expression> {
        let support = self.support();
        if support == 0 {
            return None;
        }
        let filled = u64::MAX >> support.leading_zeros();
        let mut best: Option<(usize, Expression)> = None;
        let mut offer = |(cost, expression): (usize, Expression)| {
            if best.as_ref().is_none_or(|(least, _)| cost < *least) {
                best = Some((cost, expression));
            }
        };
        for mask in [whole, filled, support].into_iter().filter(|mask| support & !mask == 0) {
            for inside in [true, false] {
                if let Some(ranges) = self.ranges(mask, inside) {
                    offer(ranges.expression(name, whole, inside));
                }
            }
        }
        for inside in [true, false] {
            if let Some(cubes) = self.cubes(inside) {
                offer(masked(name, whole, &cubes, inside));
            }
            if let Some(factored) = self.factored(name, whole, inside) {
                offer(factored);
            }
        }
        best.map(|(_, expression)| expression)
    }
}

/// Copies a register's part of a diagram.
struct Builder<'a> {
    diagram: &'a [Node],
    argument: u8,
    wanted: &'a dyn Fn(u32) -> bool,
    made: HashMap<(u8, Branch, Branch), Branch>,
    known: HashMap<u32, Branch>,
}

impl Builder<'_> {
    /// Recurses once for each bit, so at most 64 deep.
    fn branch(&mut self, at: u32, nodes: &mut Vec<(u8, Branch, Branch)>) -> Branch {
        let &Node::Test { argument, bit, clear, set } = &self.diagram[at as usize] else {
            return Branch::End((self.wanted)(at));
        };
        if argument != self.argument {
            return Branch::End((self.wanted)(at));
        }
        if let Some(known) = self.known.get(&at) {
            return *known;
        }
        let (clear, set) = (self.branch(clear, nodes), self.branch(set, nodes));
        let branch = if clear == set {
            clear
        } else {
            *self.made.entry((bit, clear, set)).or_insert_with(|| {
                nodes.push((bit, clear, set));
                Branch::Bit(nodes.len() - 1)
            })
        };
        self.known.insert(at, branch);
        branch
    }
}

impl Ranges {
    /// Adds the next range; one that touches the last becomes part of it.
    fn add(&mut self, first: u64, last: u64) {
        match self.ranges.last_mut() {
            // The next value under the mask: carries run through the bits that do not count.
            Some((_, end)) if (*end | !self.mask).wrapping_add(1) & self.mask == first => *end = last,
            _ => self.ranges.push((first, last)),
        }
    }

    /// As a condition, and how hard it is to read.
    fn expression(&self, name: &str, whole: u64, inside: bool) -> (usize, Expression) {
        let mask = (self.mask != whole).then_some(self.mask);
        let compare = |operator, value| comparison(name, mask, Test::Against(operator, number(value)));
        let (mut values, mut parts, mut cost) = (Vec::new(), Vec::new(), 0);
        for (first, last) in &self.ranges {
            match (*first, *last) {
                (first, last) if self.mask.trailing_ones() > 2 && last - first < FEW => {
                    values.extend(first..=last)
                }
                (first, last) if first == last => values.push(first),
                (0, last) => parts.push(compare(Operator::LessOrEqual, last)),
                (first, last) if last == self.mask => parts.push(compare(Operator::GreaterOrEqual, first)),
                (first, last) => {
                    cost += 2;
                    let (from, to) =
                        (compare(Operator::GreaterOrEqual, first), compare(Operator::LessOrEqual, last));
                    parts.push(Expression::And(vec![from, to]));
                }
            }
        }
        cost +=
            2 * parts.len() + values.len() + usize::from(!values.is_empty()) + usize::from(mask.is_some());
        cost += usize::from(!inside);
        let only = parts.is_empty();
        if !values.is_empty() {
            let test = match (values.as_slice(), inside || !only) {
                ([value], true) => Test::Against(Operator::Equal, number(*value)),
                ([value], false) => Test::Against(Operator::NotEqual, number(*value)),
                (values, inside) => {
                    Test::In { negated: !inside, values: values.iter().map(|value| number(*value)).collect() }
                }
            };
            parts.insert(0, comparison(name, mask, test));
        }
        let any = or(parts);
        (cost, if inside || only { any } else { negated(any) })
    }
}

/// Values under masks as a condition, and how hard it is to read.
fn masked(name: &str, whole: u64, cubes: &[(u64, u64)], inside: bool) -> (usize, Expression) {
    let operator = if inside { Operator::Equal } else { Operator::NotEqual };
    let parts = cubes.iter().map(|(mask, value)| {
        let mask = (*mask != whole).then_some(*mask);
        comparison(name, mask, Test::Against(operator, number(*value)))
    });
    let parts: Vec<Expression> = parts.collect();
    let cost = 3 * parts.len() + usize::from(!inside);
    (cost, if inside { or(parts) } else { and(parts) })
}

fn comparison(name: &str, mask: Option<u64>, test: Test) -> Expression {
    let mask = mask.map(|mask| At { value: hexadecimal(mask), origin: nowhere() });
    Expression::Compare(Comparison {
        parameter: At { value: name.to_owned(), origin: nowhere() },
        mask: mask.into_iter().collect(),
        test,
    })
}

/// Numbers that stand for bits more likely than for a count or a family are easier to read in base 16.
const COUNTABLE: u64 = 4096;

fn number(value: u64) -> At<Value> {
    At { value: shown(value), origin: nowhere() }
}

/// A number as it is written here.
pub(super) fn shown(value: u64) -> Value {
    Value::Number { number: i128::from(value), hexadecimal: value > COUNTABLE }
}

fn hexadecimal(value: u64) -> Value {
    Value::Number { number: i128::from(value), hexadecimal: true }
}

/// What is made here stands in no text yet.
fn nowhere() -> Origin {
    Origin { file: "".into(), line: 1, column: 1 }
}

/// One of these holds; of one it is that one.
pub(super) fn or(mut parts: Vec<Expression>) -> Expression {
    if parts.len() == 1 { parts.remove(0) } else { Expression::Or(parts) }
}

/// All of these hold; of one it is that one.
pub(super) fn and(parts: Vec<Expression>) -> Expression {
    let mut flat = Vec::new();
    for part in parts {
        match part {
            Expression::And(inner) => flat.extend(inner),
            other => flat.push(other),
        }
    }
    if flat.len() == 1 { flat.remove(0) } else { Expression::And(flat) }
}

/// This does not hold.
pub(super) fn negated(part: Expression) -> Expression {
    Expression::Not(Box::new(part))
}
