//! From the decisions on one interface to rules as libseccomp takes them: a number, one comparison an
//! argument, all of which must hold, and what to answer then.

use crate::LibseccompError;
use stockade_policy::lattice::action::Action;
use stockade_policy::lattice::diagram::{Cube, Diagram};
use stockade_policy::lattice::syscalls::Table;
use stockade_policy::seccomp::bpf::MAX_INSTRUCTIONS;
use stockade_policy::vocab::arch::X32_BIT;
use stockade_policy::vocab::{Arch, syscalls};

/// What decides one interface.
pub(crate) struct Part {
    /// `seccomp_data.arch`
    pub(crate) audit: u32,
    /// What numbers without a rule get.
    pub(crate) default: Action,
    /// Rules, none of which says `default`. Those of one number exclude each other, so their order does not
    /// matter.
    pub(crate) rules: Vec<Rule>,
}

/// One rule.
pub(crate) struct Rule {
    /// The number as seccomp sees it.
    pub(crate) number: i32,
    /// The arguments for which it speaks.
    pub(crate) cube: Cube,
    /// What it says.
    pub(crate) action: Action,
}

/// The rules that say what `table` does.
pub(crate) fn part(arch: Arch, table: &Table) -> Result<Part, LibseccompError> {
    // Beyond every name, and not negative.
    let beyond = table.diagram(X32_BIT - 1);
    let Some(default) = constant(beyond) else { return Err(LibseccompError::ConditionalRest { arch }) };
    check(default)?;
    let mut part = Part { audit: arch.audit(), default, rules: Vec::new() };
    for (first, last, diagram) in table.intervals() {
        if constant(diagram) == Some(default) {
            continue;
        }
        for number in (first..=last).map_while(|number| seen(arch, number)) {
            part.decide(arch, number, diagram)?;
        }
    }
    Ok(part)
}

impl Part {
    fn decide(&mut self, arch: Arch, number: u32, diagram: &Diagram) -> Result<(), LibseccompError> {
        let signed = i32::try_from(number).map_err(|_| LibseccompError::Negative { arch, number })?;
        let room = MAX_INSTRUCTIONS - self.rules.len();
        // Who decided does not matter here, and would part what is decided alike.
        let diagram = diagram.forget_origins();
        let cubes = diagram.cubes(room, |decision| decision.action != self.default);
        let Some(cubes) = cubes else {
            let number = number & !bit(arch);
            let call = syscalls::name(arch, number).map_or_else(|| number.to_string(), str::to_owned);
            return Err(LibseccompError::TooManyRules { arch, call });
        };
        for (cube, decision) in cubes {
            check(decision.action)?;
            self.rules.push(Rule { number: signed, cube, action: decision.action });
        }
        Ok(())
    }
}

/// The one action, whoever decided it.
fn constant(diagram: &Diagram) -> Option<Action> {
    let mut actions = diagram.decisions().map(|decision| decision.action);
    let first = actions.next()?;
    actions.all(|action| action == first).then_some(first)
}

/// The number of a table as seccomp sees it; `None` from the x32 bit on, where a table of x86 says again
/// what it says of the number before.
fn seen(arch: Arch, number: u32) -> Option<u32> {
    match arch {
        Arch::X86_64 | Arch::X32 if number & X32_BIT != 0 => None,
        _ => Some(number | bit(arch)),
    }
}

fn bit(arch: Arch) -> u32 {
    if arch == Arch::X32 { X32_BIT } else { 0 }
}

/// Data that libseccomp has a place for.
fn check(action: Action) -> Result<(), LibseccompError> {
    /// `MAX_ERRNO`, linux/err.h: from here on libseccomp takes no errno, and the kernel gives this one.
    const MOST: u16 = 4095;
    let why = match action {
        Action::Trap(1..) => "its trap carries no data",
        Action::Errno(MOST..) => "an errno is below 4095",
        _ => return Ok(()),
    };
    Err(LibseccompError::Action { action, why })
}
