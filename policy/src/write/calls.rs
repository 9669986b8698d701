//! Decisions → statements about calls, by name.

use super::condition::{Registers, Unsaid, When, when};
use super::{Calls, Draft, WriteError};
use crate::condition::Width;
use crate::expression::{Expression, Stance, lower};
use crate::lattice::action::{Action, Class};
use crate::lattice::diagram::{Decision, Diagram};
use crate::origin::Origins;
use crate::resolve::open_way;
use crate::vocab::parameters::{self, parameters, registers};
use crate::vocab::{Arch, bypass, syscalls};

/// An entry of `allow` or `deny`.
pub(super) struct Statement {
    pub(super) call: &'static str,
    pub(super) when: Option<Expression>,
    pub(super) action: Action,
    /// Who decided it.
    pub(super) origins: Origins,
    /// Whether it must say why: it is a way around a condition.
    pub(super) reasoned: bool,
}

/// What each interface of a draft decides on the calls that it has.
pub(super) fn by_name<'a>(draft: &Draft<'a>) -> Calls<'a> {
    let mut calls = Calls::new();
    for arch in draft.interfaces {
        let table = draft.syscalls.table(*arch);
        for (number, call) in syscalls::table(*arch) {
            calls.entry(call).or_default().push((*arch, table.diagram(*number)));
        }
    }
    calls
}

/// The entries that make every interface decide on `call` as it should, in an order in which later ones of
/// `deny` count.
pub(super) fn statements(
    call: &'static str,
    diagrams: &[(Arch, &Diagram)],
    otherwise: Action,
) -> Result<Vec<Statement>, WriteError> {
    let registers = named_registers(call, diagrams);
    // What 64 bits decide can be cut to 32, not the other way round.
    let widest = diagrams.iter().max_by_key(|(arch, _)| whole(*arch));
    let Some((first, lead)) = widest else { return Ok(Vec::new()) };
    let statements = about(call, lead, otherwise, &registers).map_err(|(unsaid, action)| match unsaid {
        Unsaid::TooLong => WriteError::TooLong { call, action },
        Unsaid::NoName(register) => {
            let interfaces = diagrams.iter().map(|(arch, _)| *arch).collect();
            WriteError::NoName { call, register, interfaces }
        }
    })?;
    for (arch, diagram) in diagrams {
        if resolved(call, *arch, &statements, otherwise).as_ref() != Some(*diagram) {
            return Err(WriteError::Interfaces { call, first: *first, second: *arch });
        }
    }
    Ok(statements)
}

/// The entries for one diagram.
fn about(
    call: &'static str,
    diagram: &Diagram,
    otherwise: Action,
    registers: &Registers,
) -> Result<Vec<Statement>, (Unsaid, Action)> {
    let mut actions: Vec<Action> = diagram.decisions().map(|decision| decision.action).collect();
    actions.sort();
    actions.dedup();
    let origins = |action: Action| {
        let deciding = diagram.decisions().filter(|decision| decision.action == action);
        deciding.flat_map(|decision| decision.origins.iter().cloned()).collect()
    };
    let statement =
        |when, action| Statement { call, when, action, origins: origins(action), reasoned: false };
    // What is not said is `otherwise`; else the loosest is said first, and the others over it.
    let base = if actions.contains(&otherwise) { None } else { actions.pop() };
    let mut statements: Vec<Statement> = base.map(|action| statement(None, action)).into_iter().collect();
    actions.retain(|action| *action != otherwise);
    for action in actions.into_iter().rev() {
        match when(diagram, action, registers).map_err(|unsaid| (unsaid, action))? {
            When::If(condition) => statements.push(statement(Some(condition), action)),
            When::Always => statements.push(statement(None, action)),
            When::Never => {}
        }
    }
    Ok(statements)
}

/// What the entries mean on an interface, as `resolve` takes them; `None` where they mean nothing there.
fn resolved(call: &str, arch: Arch, statements: &[Statement], otherwise: Action) -> Option<Diagram> {
    let leaf = |action| Diagram::leaf(Decision { action, origins: Origins::new() });
    let (allowed, denied): (Vec<_>, Vec<_>) =
        statements.iter().partition(|statement| statement.action == Action::Allow);
    allowed.into_iter().chain(denied).try_fold(leaf(otherwise), |base, statement| match &statement.when {
        None => Some(leaf(statement.action)),
        Some(when) => {
            let stance = if statement.action == Action::Allow { Stance::Allow } else { Stance::Deny };
            let condition = lower(when, call, arch, stance).ok()?;
            Diagram::choose(call, &condition, &leaf(statement.action), &base).ok()
        }
    })
}

/// The bits of a register that conditions can compare.
fn whole(arch: Arch) -> u64 {
    registers(arch)[0].bits
}

/// For each register a name that means it, whole and without a sign, on every interface that has the call.
fn named_registers(call: &str, diagrams: &[(Arch, &Diagram)]) -> Registers {
    let means = |name: &str, position: usize| {
        diagrams.iter().all(|(arch, _)| {
            let raw = &registers(*arch)[position];
            parameters::find(*arch, call, name).is_ok_and(|(register, one)| {
                usize::from(register) == position && one.width == raw.width && one.bits == raw.bits
            })
        })
    };
    let mut names = [None; 6];
    let declared = diagrams.first().and_then(|(arch, _)| parameters(*arch, call)).unwrap_or_default();
    for (position, name) in names.iter_mut().enumerate() {
        let raw = registers(Arch::X86_64)[position].name;
        let own = declared.get(position).map(|one| one.name).filter(|name| !name.is_empty());
        *name = [Some(raw), own].into_iter().flatten().find(|name| means(name, position));
    }
    let whole = diagrams.iter().map(|(arch, _)| whole(*arch)).max().unwrap_or(Width::U64.bits());
    Registers { names, whole }
}

/// Calls that a condition can be walked around with, and that are open, need an entry that says why.
pub(super) fn open_ways(calls: &Calls<'_>, statements: &mut Vec<Statement>) {
    let on = |arch: Arch, call: &str| {
        calls.get(call).and_then(|diagrams| diagrams.iter().find(|(other, _)| *other == arch))
    };
    for (call, diagrams) in calls {
        for (arch, _) in diagrams.iter().filter(|(_, diagram)| diagram.constant().is_none()) {
            for way in bypass::ways_around(*arch, call) {
                let Some((_, diagram)) = on(*arch, way) else { continue };
                let Some(decision) = open_way(diagram, way, call) else { continue };
                let opens = |one: &&mut Statement| one.call == way && one.action.class() > Class::Denied;
                match statements.iter_mut().find(opens) {
                    Some(statement) => statement.reasoned = true,
                    None => statements.push(Statement {
                        call: way,
                        when: None,
                        action: decision.action,
                        origins: decision.origins.clone(),
                        reasoned: true,
                    }),
                }
            }
        }
    }
}
