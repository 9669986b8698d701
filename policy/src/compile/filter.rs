//! The seccomp filter and its flags. seccomp(2).

use super::error::CompileError;
use super::gaps::{Gaps, Obstacle};
use crate::host::{Host, SeccompHost};
use crate::lattice::action::{Action, Class};
use crate::lattice::diagram::Decision;
use crate::lattice::syscalls::Syscalls;
use crate::origin::Origins;
use crate::plan::{Instruction, Seccomp};
use crate::policy::{Filter, Policy, Section};
use crate::seccomp::flags::{self, LOG, NEW_LISTENER, SPEC_ALLOW, WAIT_KILLABLE_RECV};
use crate::seccomp::{self, SeccompError, bpf, cost};
use crate::vocab::{Arch, syscalls};
use std::collections::BTreeMap;

/// The filter; `None` where every call is allowed and nothing else is asked of it, or the host has none.
pub(super) fn compile(
    policy: &Policy,
    host: &Host,
    gaps: &mut Gaps<'_>,
) -> Result<Option<Seccomp>, CompileError> {
    check_execve(policy, host)?;
    if !needs_filter(policy, host.arch) {
        return Ok(None);
    }
    let used = actions(policy, host);
    let Some(offered) = &host.seccomp else {
        let obstacle =
            Obstacle::new("the kernel takes no seccomp filter", "boot a kernel with CONFIG_SECCOMP_FILTER");
        let origins = used.into_values().flatten().collect();
        gaps.add(Section::Syscalls, "seccomp: filter", obstacle, &origins);
        return Ok(None);
    };
    note_gaps(&used, offered, gaps);
    let program = program(policy, host.arch)?;
    Ok(Some(Seccomp { flags: asked(policy, &used, offered, gaps), program }))
}

/// Whether the policy asks a kernel of this architecture for a filter: where every call is allowed and nothing else is
/// asked of it, there is none.
pub fn needs_filter(policy: &Policy, arch: Arch) -> bool {
    // The kernel ties mitigations to a filter, so that asking for them asks for one.
    !seccomp::allows_everything(&policy.syscalls, arch) || policy.filter.mitigate_speculation.value
}

/// The filter of the policy for a kernel of this architecture. [`CompileError::FilterTooLong`] names what to drop.
pub fn program(policy: &Policy, arch: Arch) -> Result<Vec<Instruction>, CompileError> {
    program_of(&policy.syscalls, policy, arch)
}

/// The filter that decides as `syscalls`, which are those of `policy` and calls that no one of the policy wrote.
pub(crate) fn program_of(
    syscalls: &Syscalls,
    policy: &Policy,
    arch: Arch,
) -> Result<Vec<Instruction>, CompileError> {
    seccomp::compile(syscalls, arch).map_err(|error| too_long(policy, arch, error))
}

/// Conditions that an error about a long filter names.
const COSTLIEST: usize = 5;

/// Names what to drop.
fn too_long(policy: &Policy, arch: Arch, error: SeccompError) -> CompileError {
    let mut costs = cost::costs(&policy.syscalls, arch);
    costs.truncate(COSTLIEST);
    if costs.is_empty() { CompileError::Seccomp(error) } else { CompileError::FilterTooLong { error, costs } }
}

/// The flags that the policy asks for, as far as the host takes them. See [`flags::FLAGS`].
fn asked(
    policy: &Policy,
    used: &BTreeMap<Action, Origins>,
    offered: &SeccompHost,
    gaps: &mut Gaps<'_>,
) -> u32 {
    let Filter { mitigate_speculation, log_denied } = &policy.filter;
    let mut asked = 0;
    // Where the kernel does not have it, it ties no mitigation to a filter either.
    if !mitigate_speculation.value {
        asked |= SPEC_ALLOW;
    }
    if log_denied.value {
        asked |= LOG;
        if let Some(flag) = flags::flag(LOG).filter(|flag| offered.flags & flag.bit == 0) {
            let (major, minor) = flag.kernel;
            let obstacle = Obstacle::new(
                "the kernel does not log what a filter denies",
                format!("boot a kernel of {major}.{minor} or later"),
            );
            gaps.add(Section::Syscalls, "seccomp: log_denied", obstacle, &log_denied.origins);
        }
    }
    // Nothing serves a listener yet: where the policy lets that be missing, the plan goes without one, and
    // the kernel answers ENOSYS.
    if used.contains_key(&Action::Notify) && !policy.is_optional(Section::Syscalls) {
        asked |= NEW_LISTENER | WAIT_KILLABLE_RECV;
    }
    let taken = asked & offered.flags;
    flags::FLAGS
        .iter()
        .filter(|flag| taken & flag.beside != flag.beside)
        .fold(taken, |taken, flag| taken & !flag.bit)
}

fn decisions<'a>(policy: &'a Policy, host: &Host) -> impl Iterator<Item = &'a Decision> {
    let tables = host.arch.family().iter().map(|arch| policy.syscalls.table(*arch));
    tables.flat_map(|table| table.intervals()).flat_map(|(_, _, diagram)| diagram.decisions())
}

/// The actions that the filter may answer with, without their data, and who decided them.
fn actions(policy: &Policy, host: &Host) -> BTreeMap<Action, Origins> {
    let mut used: BTreeMap<Action, Origins> = BTreeMap::new();
    for decision in decisions(policy, host) {
        let action = match decision.action {
            Action::Trap(_) => Action::Trap(0),
            Action::Errno(_) => Action::Errno(0),
            Action::Trace(_) => Action::Trace(0),
            other => other,
        };
        used.entry(action).or_default().extend(decision.origins.iter().cloned());
    }
    // What arrives through no interface of the family.
    used.entry(Action::KillProcess).or_default();
    used
}

fn note_gaps(used: &BTreeMap<Action, Origins>, offered: &SeccompHost, gaps: &mut Gaps<'_>) {
    for (action, origins) in used {
        let name = bpf::action_name(*action);
        if !offered.actions.contains(name) {
            let obstacle = Obstacle::new(
                format!("the kernel does not know the action {name}"),
                "boot a kernel of 5.0 or later",
            );
            gaps.add(Section::Syscalls, format!("seccomp: {name}"), obstacle, origins);
        } else if *action == Action::Notify {
            let obstacle = Obstacle::new(
                "nothing answers notifications yet, so that the kernel would answer ENOSYS",
                "decide the call with allow or with an errno",
            );
            gaps.add(Section::Syscalls, format!("seccomp: {name}"), obstacle, origins);
        }
    }
}

/// The filter is the last thing before exec: it must let that through.
fn check_execve(policy: &Policy, host: &Host) -> Result<(), CompileError> {
    let number = syscalls::number(host.arch, "execve");
    let diagram = number.map(|number| policy.syscalls.table(host.arch).diagram(number));
    let mut decisions = diagram.iter().flat_map(|diagram| diagram.decisions());
    if decisions.any(|decision| decision.action.class() == Class::Done) {
        return Ok(());
    }
    let decisions = diagram.iter().flat_map(|diagram| diagram.decisions());
    let origins = decisions.flat_map(|decision| decision.origins.iter().cloned()).collect();
    Err(CompileError::Execve { arch: host.arch, origins })
}
