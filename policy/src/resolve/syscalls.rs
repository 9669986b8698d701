//! `syscalls`: entries → one decision diagram for each call of each architecture.
//!
//! A call that is named by itself is decided by the entries that name it, not by a group that it also
//! belongs to: `@file-io` beside `ioctl(request != TIOCSTI)` leaves the condition standing. Entries of
//! `deny` come after everything that allows, groups before names, parents before children; of two that hold
//! the later one decides.

mod around;

mod contradictions;
mod entries;
mod faults;

pub(crate) use around::open;

use super::Resolver;
use crate::diagnostic::Diagnostic;
use crate::expression::{Stance, lower};
use crate::lattice::action::Action;
use crate::lattice::diagram::{Decision, Diagram, LIMIT};
use crate::lattice::syscalls::{Syscalls, Table};
use crate::origin::{At, Origin, Origins, Ruled};
use crate::policy::{Filter, Policy};
use crate::profile::{self, Sections};
use crate::vocab::{Arch, TABLE_VERSION, TableVersion, syscalls};
pub(super) use contradictions::Settled;
use entries::{Rules, Statement};
use std::collections::BTreeMap;

/// `EPERM`, errno(3): what a denied call answers where nothing is said.
const EPERM: u16 = 1;
/// `ENOSYS`, errno(3): what an unknown one does. Newer programs take it as "try the older call", where
/// EPERM would make them give up.
const ENOSYS: u16 = 38;
/// The interfaces that a profile uses where it names none: the native ones of the two 64-bit families.
const NATIVE: [Arch; 2] = [Arch::X86_64, Arch::Aarch64];
/// Conditions that one call may have; each multiplies the work on its diagram.
const CONDITIONS: usize = 64;

/// Decisions that are made for all conditions of a profile together. The built-in profiles need some
/// hundreds; a hostile text of calls that each need `diagram::LIMIT` would take minutes.
const DECISIONS: usize = 50_000;

/// What holds for every architecture.
struct Plan<'a> {
    rules: Rules<'a>,
    table: TableVersion,
    /// What a known call that is not listed gets.
    otherwise: Decision,
    /// What a number without a name gets.
    unknown: Decision,
    /// What a denied call gets where the entry does not say.
    denied: Action,
}

impl Resolver<'_> {
    pub(super) fn syscalls(&mut self, sections: &Sections, policy: &mut Policy) {
        let written = sections.syscalls.as_ref();
        if written.is_none() && self.is_floor() {
            return;
        }
        self.filter(written, &mut policy.filter);
        let begin = written.map_or_else(|| self.begin.clone(), |written| written.origin.clone());
        let table = sections.table.as_ref().map_or(TABLE_VERSION, |table| table.value);
        let plan = self.plan(written, table, &begin);
        contradictions::warn(&plan.rules, plan.denied, &mut self.report);
        let named = written.and_then(|written| written.architectures.as_ref());
        let architectures: Vec<Arch> = match named {
            Some(list) => list.items.iter().map(|arch| arch.value).collect(),
            None if self.is_floor() => Arch::ALL.to_vec(),
            None => NATIVE.to_vec(),
        };
        let mut tables = BTreeMap::new();
        for arch in architectures {
            // What a floor does not name it constrains as well as it can: see `Implied`.
            let implied = named.is_none() && !NATIVE.contains(&arch);
            tables.entry(arch).or_insert_with(|| self.table(arch, implied, &plan));
        }
        std::mem::take(&mut self.settled).warn(&mut self.report);
        let absent = named.map_or(&begin, |list| &list.origin).clone();
        let absent = Decision { action: Action::KillProcess, origins: Origins::from([absent]) };
        policy.syscalls = Syscalls::new(tables, &absent);
    }

    /// How the filter is put on.
    fn filter(&self, written: Option<&profile::Syscalls>, filter: &mut Filter) {
        if !self.is_floor() {
            // As elsewhere, what no profile mentions is the strict side where that needs no newer kernel.
            filter.mitigate_speculation = Ruled::at(true, self.begin.clone());
        }
        let Some(written) = written else { return };
        if let Some(choice) = &written.speculation {
            filter.mitigate_speculation =
                choice.clone().map(|choice| choice == profile::Speculation::Mitigated).into();
        }
        if let Some(flag) = &written.log_denied {
            filter.log_denied = flag.clone().into();
        }
    }

    /// Reads the entries and the default answers.
    fn plan<'s>(
        &mut self,
        written: Option<&'s profile::Syscalls>,
        table: TableVersion,
        begin: &Origin,
    ) -> Plan<'s> {
        let rules = entries::read(written, &mut self.report);
        let default = |action: Option<&At<Action>>, errno| match action {
            Some(action) => {
                Decision { action: action.value, origins: Origins::from([action.origin.clone()]) }
            }
            None => Decision { action: Action::Errno(errno), origins: Origins::from([begin.clone()]) },
        };
        // A floor that only denies leaves everything else alone.
        let open = self.is_floor() && written.is_none_or(|written| written.allow.is_none());
        let answer = |action: Option<&At<Action>>, errno| match action {
            None if open => Decision::unwritten_allow(),
            action => default(action, errno),
        };
        let otherwise = answer(written.and_then(|written| written.otherwise.as_ref()), EPERM);
        let unknown = answer(written.and_then(|written| written.unknown.as_ref()), ENOSYS);
        let denied = if otherwise.action <= DENIES { otherwise.action } else { Action::Errno(EPERM) };
        Plan { rules, table, otherwise, unknown, denied }
    }

    /// The decisions of one architecture.
    fn table(&mut self, arch: Arch, implied: bool, plan: &Plan<'_>) -> Table {
        let mut numbers = BTreeMap::new();
        for (number, name) in syscalls::table(arch) {
            let (allow, deny) = (plan.rules.allow(name), plan.rules.deny(name));
            let named = allow.iter().chain(deny).any(|statement| statement.named);
            if !plan.table.has(name) && !named {
                continue;
            }
            let lowering = Lowering { arch, name, implied };
            let diagram = self
                .allowed(allow, plan, &lowering)
                .and_then(|base| self.denied(deny, base, plan, &lowering));
            if let Some(diagram) = diagram {
                numbers.insert(*number, diagram);
            }
        }
        around::check(arch, &numbers, &plan.rules, &mut self.report);
        Table::new(numbers, plan.unknown.clone())
    }

    /// `otherwise`, and over it what is allowed.
    fn allowed(
        &mut self,
        statements: &[Statement<'_>],
        plan: &Plan<'_>,
        lowering: &Lowering<'_>,
    ) -> Option<Diagram> {
        let named = statements.iter().any(|statement| statement.named);
        let deciding: Vec<_> = statements.iter().filter(|statement| statement.named == named).collect();
        let always: Origins = deciding
            .iter()
            .filter(|statement| statement.when.is_none())
            .map(|statement| statement.origin.clone())
            .collect();
        if !always.is_empty() {
            return Some(Diagram::leaf(Decision { action: Action::Allow, origins: always }));
        }
        let base = Diagram::leaf(plan.otherwise.clone());
        deciding.into_iter().try_fold(base, |base, statement| {
            self.choose(statement, Action::Allow, Stance::Allow, base, lowering)
        })
    }

    /// `base`, and over it what is denied.
    fn denied(
        &mut self,
        statements: &[Statement<'_>],
        base: Diagram,
        plan: &Plan<'_>,
        lowering: &Lowering<'_>,
    ) -> Option<Diagram> {
        let (named, grouped): (Vec<_>, Vec<_>) = statements.iter().partition(|statement| statement.named);
        grouped.into_iter().chain(named).try_fold(base, |base, statement| {
            let action = statement.action.unwrap_or(plan.denied);
            self.choose(statement, action, Stance::Deny, base, lowering)
        })
    }

    /// `action` where the statement holds, `base` elsewhere; `None` where a fault was reported.
    fn choose(
        &mut self,
        statement: &Statement<'_>,
        action: Action,
        stance: Stance,
        base: Diagram,
        lowering: &Lowering<'_>,
    ) -> Option<Diagram> {
        let then = Diagram::leaf(Decision { action, origins: Origins::from([statement.origin.clone()]) });
        let Some(when) = statement.when else { return Some(then) };
        let condition = match lower(when, lowering.name, lowering.arch, stance) {
            Ok(condition) => condition,
            // On an interface that nobody asked for the rule errs on the strict side.
            Err(_) if lowering.implied => {
                return Some(if stance == Stance::Deny { then } else { base });
            }
            Err(error) => {
                faults::explain(&error, lowering.name, &mut self.report);
                return None;
            }
        };
        if self.decisions >= DECISIONS {
            let message = format!("the conditions of a profile need at most {DECISIONS} decisions together");
            // One place is enough: every condition behind it would be reported too.
            if !self.report.has_errors() {
                let diagnostic = Diagnostic::error(message).help("write them with fewer distinct bits");
                self.fault(&statement.origin, diagnostic);
            }
            return None;
        }
        let made = Diagram::settled(lowering.name, &condition).and_then(|settled| {
            self.settled.note(&statement.origin, lowering.name, stance, settled);
            Diagram::choose(lowering.name, &condition, &then, &base)
        });
        match made {
            Ok(diagram) => {
                self.decisions += diagram.nodes().len();
                Some(diagram)
            }
            Err(error) => {
                self.decisions += LIMIT;
                self.fault(&statement.origin, Diagnostic::error(error.to_string()));
                None
            }
        }
    }
}

/// The loosest action that keeps a call from running.
const DENIES: Action = Action::Errno(u16::MAX);

/// The call that a condition is about, and where.
struct Lowering<'a> {
    arch: Arch,
    name: &'a str,
    /// Whether the architecture is there only because a floor names none.
    implied: bool,
}
