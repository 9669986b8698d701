//! The seccomp filter and its flags. seccomp(2).

use super::error::CompileError;
use super::gaps::{Gaps, Obstacle};
use crate::host::{Host, SeccompHost};
use crate::lattice::action::{Action, Class};
use crate::lattice::diagram::Decision;
use crate::origin::Origins;
use crate::plan::Seccomp;
use crate::policy::{Policy, Section};
use crate::seccomp::{self, bpf};
use crate::vocab::syscalls;
use std::collections::BTreeMap;

/// `SECCOMP_FILTER_FLAG_SPEC_ALLOW`, 4.17: without it some kernels slow the process down against
/// speculation that a filter does not guard against anyway.
const SPEC_ALLOW: u32 = 1 << 2;

/// The filter; `None` where every call is allowed, or the host has none.
pub(super) fn compile(
    policy: &Policy,
    host: &Host,
    gaps: &mut Gaps<'_>,
) -> Result<Option<Seccomp>, CompileError> {
    check_execve(policy, host)?;
    if seccomp::allows_everything(&policy.syscalls, host.arch) {
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
    let program = seccomp::compile(&policy.syscalls, host.arch)?;
    Ok(Some(Seccomp { flags: offered.flags & SPEC_ALLOW, program }))
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
