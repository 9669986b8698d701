//! The filter that an OCI runtime installs before it starts the container init (`enforcer/init/container`).
//!
//! The init takes on the exact filter last, so that the filter before it must let through what taking on Landlock and
//! `PR_SET_MDWE` needs. Both stay on the process, and the kernel takes the stricter answer: what the outer filter
//! allows beyond the policy ends where the exact one is installed, before the command starts. A test holds this table
//! and the calls that the init makes together, in both directions (`enforcer/tests/init/calls.rs`).

use crate::condition::{Comparison, Condition, Operator};
use crate::lattice::action::Action;
use crate::lattice::diagram::{Decision, Diagram};
use crate::lattice::syscalls::{Syscalls, Table};
use crate::lattice::{Lattice, LatticeError};
use crate::origin::Origins;
use crate::vocab::{Arch, parameters, syscalls};
use crate::write;
use std::collections::BTreeMap;

/// A call of the init.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// Its name.
    pub name: &'static str,
    /// Which register must hold one of which values; `None`: nothing that a filter sees is always the same.
    pub only: Option<(u8, &'static [u64])>,
    /// What for.
    pub why: &'static str,
}

/// Every call of the init but execve(2), which the policy itself must allow: nothing could start otherwise.
pub const CALLS: [Call; 11] = [
    Call {
        name: "prctl",
        // PR_SET_DUMPABLE, PR_GET_NO_NEW_PRIVS, PR_SET_MDWE, PR_GET_MDWE: linux/prctl.h
        only: Some((0, &[4, 39, 65, 66])),
        why: "closes it to tracers; confirms no_new_privs; memory that was writable never becomes executable",
    },
    Call { name: "umask", only: None, why: "runc sets the container's for its first process alone" },
    Call { name: "landlock_create_ruleset", only: None, why: "Landlock" },
    // openat has its flags in a register, but follows the links of /proc: an image could lay one where a rule is, to a
    // descriptor that leaks from outside.
    Call { name: "openat2", only: None, why: "the places of Landlock's rules, as O_PATH" },
    Call { name: "landlock_add_rule", only: None, why: "Landlock" },
    Call { name: "landlock_restrict_self", only: None, why: "Landlock" },
    Call { name: "close", only: None, why: "the places and the ruleset, which are not the command's" },
    // No flags: neither AT_EMPTY_PATH nor AT_SYMLINK_NOFOLLOW.
    Call { name: "newfstatat", only: Some((3, &[0])), why: "looks the command up in PATH" },
    // SECCOMP_SET_MODE_FILTER: linux/seccomp.h
    Call { name: "seccomp", only: Some((0, &[1])), why: "the exact filter" },
    Call { name: "write", only: Some((0, &[2])), why: "says on standard error why there is no command" },
    Call { name: "exit_group", only: None, why: "ends where there is no command" },
];

/// The strictest policy that allows what `exact` allows, and the init its calls on every interface that `exact` opens:
/// rules in JSON are about names, and the same on all of them. `meet(outer, exact)` is `exact`.
/// [`LatticeError::TooLarge`] where conditions of `exact` on one of those calls are at their limit.
pub fn outer(exact: &Syscalls) -> Result<Syscalls, LatticeError> {
    let tables = write::interfaces(exact, &Arch::ALL)
        .into_iter()
        .map(|arch| Ok((arch, own(arch)?)))
        .collect::<Result<BTreeMap<Arch, Table>, LatticeError>>()?;
    exact.join(&Syscalls::new(tables, &decision(Action::KillProcess)))
}

/// The init's calls and nothing else.
fn own(arch: Arch) -> Result<Table, LatticeError> {
    let (allow, kill) = (decision(Action::Allow), decision(Action::KillProcess));
    let mut numbers = BTreeMap::new();
    for call in &CALLS {
        let Some(number) = syscalls::number(arch, call.name) else { continue };
        let (then, otherwise) = (Diagram::leaf(allow.clone()), Diagram::leaf(kill.clone()));
        numbers.insert(number, Diagram::choose(call.name, &call.condition(arch), &then, &otherwise)?);
    }
    Ok(Table::new(numbers, kill))
}

/// Nobody wrote it.
fn decision(action: Action) -> Decision {
    Decision { action, origins: Origins::new() }
}

impl Call {
    /// When the init makes it. Registers are compared whole: it leaves nothing in their upper halves.
    pub fn condition(&self, arch: Arch) -> Condition {
        let Some((argument, values)) = self.only else { return Condition::always() };
        let width = parameters::registers(arch)[usize::from(argument)].width;
        let is = |value: &u64| {
            let operator = Operator::Equal;
            let width = width.unwrap_or(crate::condition::Width::U64);
            Condition::Compare(Comparison { argument, width, mask: u64::MAX, operator, value: *value })
        };
        Condition::Any(values.iter().map(is).collect())
    }
}
