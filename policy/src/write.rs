//! Decisions on system calls → the text of a profile that decides alike.
//!
//! The profile extends `unconfined` and says nothing but its `syscalls`. Conditions are recovered from the
//! diagrams, on registers: whatever the decisions came from, only what they decide is written. What the
//! language cannot say is an error that names the call or the number; nothing is changed to fit.

mod calls;
mod condition;
pub(crate) mod constants;
mod document;
mod values;

use crate::lattice::action::Action;
use crate::lattice::diagram::Diagram;
use crate::lattice::syscalls::{Syscalls, Table};
use crate::origin::Origins;
use crate::policy::Filter;
use crate::vocab::arch::X32_BIT;
use crate::vocab::{Arch, syscalls};
use std::collections::BTreeMap;

/// What is written beside the decisions.
pub struct Draft<'a> {
    /// The profile's name.
    pub name: &'a str,
    /// Comments above everything, one line each.
    pub head: &'a [String],
    /// Other sections than the system calls, as YAML, a line each.
    pub sections: &'a [String],
    /// Interfaces to speak of; of those in no list every call must kill the process.
    pub interfaces: &'a [Arch],
    /// The decisions.
    pub syscalls: &'a Syscalls,
    /// How the filter is put on.
    pub filter: &'a Filter,
    /// The answer to known calls that are not listed, where the source has one.
    pub otherwise: Option<Action>,
    /// What stands behind an entry, from the places that decided it.
    pub remark: &'a dyn Fn(&Origins) -> Option<String>,
    /// Why a call is open though a condition on another can be walked around with it.
    pub because: &'a str,
}

/// Why decisions are no profile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// Numbers without a name are not decided alike.
    #[error(
        "number {number} has no name on {arch} and gets {found}, other numbers without a name get {usual}: \
         a profile has one answer for them"
    )]
    Unnamed {
        /// The interface.
        arch: Arch,
        /// The first such number, as the table counts.
        number: u32,
        /// What it gets.
        found: String,
        /// What the first one without a name gets.
        usual: String,
    },
    /// One name, two meanings.
    #[error("`{call}` is decided differently on {first} and {second}: a profile decides a call by its name")]
    Interfaces {
        /// The call.
        call: &'static str,
        /// One interface.
        first: Arch,
        /// The other.
        second: Arch,
    },
    /// An errno that no call returns.
    #[error("{} gets {action}: an errno is a number from 1 to 4095", place(*.call))]
    Errno {
        /// The call; `None` is one that is not listed or has no name.
        call: Option<&'static str>,
        /// The answer.
        action: Action,
    },
    /// The condition takes too many comparisons.
    #[error("the arguments of `{call}` that get {action} take more comparisons than a condition has")]
    TooLong {
        /// The call.
        call: &'static str,
        /// The answer.
        action: Action,
    },
    /// A register that a declared parameter of another one hides.
    #[error(
        "`{call}` is decided by register {register}, which no name in a profile means on {}",
        list(.interfaces)
    )]
    NoName {
        /// The call.
        call: &'static str,
        /// The register, from 0.
        register: u8,
        /// The interfaces that have the call.
        interfaces: Vec<Arch>,
    },
    /// Every interface kills whatever is called.
    #[error("every call of every interface kills the process, so that there is no profile to write")]
    Nothing,
}

impl WriteError {
    /// The call that it is about.
    pub fn call(&self) -> Option<&'static str> {
        match self {
            WriteError::Interfaces { call, .. }
            | WriteError::TooLong { call, .. }
            | WriteError::NoName { call, .. } => Some(*call),
            WriteError::Errno { call, .. } => *call,
            WriteError::Unnamed { .. } | WriteError::Nothing => None,
        }
    }
}

fn place(call: Option<&str>) -> String {
    call.map_or_else(|| "a call that is not listed".to_owned(), |call| format!("`{call}`"))
}

fn list(interfaces: &[Arch]) -> String {
    interfaces.iter().map(|arch| arch.name()).collect::<Vec<_>>().join(", ")
}

/// The interfaces of `among` on which some call does something else than kill the process.
pub fn interfaces(syscalls: &Syscalls, among: &[Arch]) -> Vec<Arch> {
    let lives = |arch: &&Arch| {
        let mut decisions =
            syscalls.table(**arch).intervals().flat_map(|(_, _, diagram)| diagram.decisions());
        decisions.any(|decision| decision.action != Action::KillProcess)
    };
    among.iter().filter(lives).copied().collect()
}

/// The text of a profile that decides as the draft's system calls.
pub fn write(draft: &Draft<'_>) -> Result<String, WriteError> {
    let unknown = unknown(draft.interfaces, draft.syscalls)?;
    let calls = calls::by_name(draft);
    let otherwise = match draft.otherwise {
        Some(action) => action,
        None => usual(&calls, unknown),
    };
    let mut statements = Vec::new();
    for (call, diagrams) in &calls {
        statements.extend(calls::statements(call, diagrams, otherwise)?);
    }
    calls::open_ways(&calls, &mut statements);
    statements.sort_by_key(|statement| (statement.when.is_some(), statement.call));
    document::text(draft, &statements, otherwise, unknown)
}

/// The text of a profile called `name` that says nothing about system calls, but what `extends` does.
pub fn without_calls(name: &str, head: &[String], extends: &str, sections: &[String]) -> String {
    let mut lines = document::beginning(name, head, extends);
    lines.extend(sections.iter().cloned());
    lines.push(String::new());
    lines.join("\n")
}

/// By call the diagram of each interface that has it.
type Calls<'a> = BTreeMap<&'static str, Vec<(Arch, &'a Diagram)>>;

/// What most calls get that are not simply allowed; the answer to unknown numbers where that is none.
fn usual(calls: &Calls<'_>, unknown: Action) -> Action {
    if unknown == Action::Allow {
        return unknown;
    }
    let mut counts: BTreeMap<Action, usize> = BTreeMap::new();
    let constant = |(_, diagram): &(Arch, &Diagram)| diagram.constant().map(|decision| decision.action);
    for action in calls.values().filter_map(|diagrams| diagrams.first().and_then(constant)) {
        if action != Action::Allow {
            *counts.entry(action).or_default() += 1;
        }
    }
    let most = counts.iter().max_by_key(|(action, count)| (**count, **action == unknown));
    most.map_or(unknown, |(action, _)| *action)
}

/// The one answer to every number without a name.
pub(crate) fn unknown(interfaces: &[Arch], syscalls: &Syscalls) -> Result<Action, WriteError> {
    let mut usual: Option<Action> = None;
    for arch in interfaces {
        for (number, diagram) in unnamed(*arch, syscalls.table(*arch)) {
            let found = diagram.constant().map(|decision| decision.action);
            match (usual, found) {
                (None, Some(found)) => usual = Some(found),
                (Some(usual), Some(found)) if usual == found => {}
                (usual, found) => {
                    let text = |action: Option<Action>| {
                        action.map_or_else(
                            || "different answers by its arguments".to_owned(),
                            |action| action.to_string(),
                        )
                    };
                    let (found, usual) =
                        (text(found), usual.map_or_else(|| "one".to_owned(), |usual| usual.to_string()));
                    return Err(WriteError::Unnamed { arch: *arch, number, found, usual });
                }
            }
        }
    }
    usual.ok_or(WriteError::Nothing)
}

/// The first number without a name in each interval of a table, with its diagram.
fn unnamed(arch: Arch, table: &Table) -> impl Iterator<Item = (u32, &Diagram)> {
    let shares_bit_30 = matches!(arch, Arch::X86_64 | Arch::X32);
    table.intervals().filter_map(move |(first, last, diagram)| {
        let mut number = first;
        while syscalls::name(arch, number).is_some() {
            number = number.checked_add(1).filter(|next| *next <= last)?;
        }
        // On x86 the bit says which of the two tables it is: such numbers never come to either.
        (number <= last && !(shares_bit_30 && number & X32_BIT != 0)).then_some((number, diagram))
    })
}
