//! A decision diagram as a condition on registers.

use super::values::{Values, and, or};
use crate::expression::Expression;
use crate::lattice::action::Action;
use crate::lattice::diagram::{Diagram, Node};
use std::collections::HashMap;

/// Parts that a condition may be joined of on the way; the language takes 256 comparisons in one.
const PARTS: usize = 2_000;

/// When something holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// With no arguments.
    Never,
    /// With any.
    Always,
    /// With those that this is true of.
    If(Expression),
}

/// The names of the registers of a call, where it has any, and the bits that can be compared.
pub(super) struct Registers {
    /// By position.
    pub(super) names: [Option<&'static str>; 6],
    /// All ones of the widest interface.
    pub(super) whole: u64,
}

/// Why a diagram is no condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unsaid {
    /// It takes too many comparisons.
    TooLong,
    /// The register has no name.
    NoName(u8),
}

/// When `diagram` decides `action`.
pub(super) fn when(diagram: &Diagram, action: Action, registers: &Registers) -> Result<When, Unsaid> {
    let wanted = diagram.only(|decision| decision.action == action);
    let mut reader = Reader { nodes: wanted.nodes(), registers, known: HashMap::new(), parts: 0 };
    reader.read(0)
}

struct Reader<'a> {
    nodes: &'a [Node],
    registers: &'a Registers,
    known: HashMap<u32, When>,
    parts: usize,
}

impl Reader<'_> {
    /// When the walk from `at` ends where it is wanted. Recurses once for each register.
    fn read(&mut self, at: u32) -> Result<When, Unsaid> {
        if let Some(known) = self.known.get(&at) {
            return Ok(known.clone());
        }
        let read = match &self.nodes[at as usize] {
            Node::Leaf(decision) if decision.action == Action::Allow => When::Always,
            Node::Leaf(_) => When::Never,
            Node::Test { argument, .. } => self.register(at, *argument)?,
        };
        self.known.insert(at, read.clone());
        Ok(read)
    }

    fn register(&mut self, at: u32, argument: u8) -> Result<When, Unsaid> {
        let name = self.registers.names[usize::from(argument)].ok_or(Unsaid::NoName(argument))?;
        let mut ways: Vec<(When, Vec<u32>)> = Vec::new();
        for exit in self.exits(at, argument) {
            let when = self.read(exit)?;
            match ways.iter_mut().find(|(known, _)| *known == when) {
                Some((_, exits)) => exits.push(exit),
                None => ways.push((when, vec![exit])),
            }
        }
        let never = ways.iter().any(|(when, _)| *when == When::Never);
        let conditional = ways.iter().filter(|(when, _)| matches!(when, When::If(_))).count();
        let mut parts = Vec::new();
        for (when, exits) in &ways {
            let holds = |exits: &[u32]| -> Result<Expression, Unsaid> {
                let values = Values::new(self.nodes, at, argument, &|exit| exits.contains(&exit));
                values.expression(name, self.registers.whole).ok_or(Unsaid::TooLong)
            };
            match when {
                When::Never => {}
                When::Always => parts.push(holds(exits)?),
                // Where the rest always holds it may be asked in vain.
                When::If(rest) if !never && conditional == 1 => parts.push(rest.clone()),
                When::If(rest) => parts.push(and(vec![holds(exits)?, rest.clone()])),
            }
        }
        self.parts += parts.len();
        if self.parts > PARTS {
            return Err(Unsaid::TooLong);
        }
        // What always holds reads best in front.
        parts.sort_by_key(|part| matches!(part, Expression::And(_)));
        Ok(When::If(flat(parts)))
    }

    /// Where the walk from `at` leaves the register.
    fn exits(&self, at: u32, register: u8) -> Vec<u32> {
        let (mut seen, mut open, mut exits) = (std::collections::BTreeSet::new(), vec![at], Vec::new());
        while let Some(at) = open.pop() {
            if !seen.insert(at) {
                continue;
            }
            match &self.nodes[at as usize] {
                Node::Test { argument, clear, set, .. } if *argument == register => {
                    open.extend([*set, *clear])
                }
                _ => exits.push(at),
            }
        }
        exits
    }
}

/// One of these, without an `or` inside an `or`.
fn flat(parts: Vec<Expression>) -> Expression {
    let each = parts.into_iter().flat_map(|part| match part {
        Expression::Or(inner) => inner,
        other => vec![other],
    });
    or(each.collect())
}
