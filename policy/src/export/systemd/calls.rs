//! System calls by name: what systemd can say of decisions that look at arguments.

use super::super::engine::Said;
use super::Directive;
use crate::condition::{Comparison, Condition, Operator, Width};
use crate::lattice::action::Action;
use crate::lattice::diagram::{Decision, Diagram};
use crate::lattice::syscalls::Syscalls;
use crate::origin::Origins;
use crate::vocab::{Arch, constants, syscalls};
use crate::write;
use std::collections::{BTreeMap, BTreeSet};

/// Calls that systemd allows whatever the list says: its group `@default`. systemd.exec(5), 252.
pub(super) const ALWAYS: [&str; 58] = [
    "arch_prctl",
    "brk",
    "cacheflush",
    "clock_getres",
    "clock_getres_time64",
    "clock_gettime",
    "clock_gettime64",
    "clock_nanosleep",
    "clock_nanosleep_time64",
    "execve",
    "exit",
    "exit_group",
    "futex",
    "futex_time64",
    "futex_waitv",
    "get_robust_list",
    "get_thread_area",
    "getegid",
    "getegid32",
    "geteuid",
    "geteuid32",
    "getgid",
    "getgid32",
    "getgroups",
    "getgroups32",
    "getpgid",
    "getpgrp",
    "getpid",
    "getppid",
    "getrandom",
    "getresgid",
    "getresgid32",
    "getresuid",
    "getresuid32",
    "getrlimit",
    "getsid",
    "gettid",
    "gettimeofday",
    "getuid",
    "getuid32",
    "membarrier",
    "mmap",
    "mmap2",
    "mprotect",
    "munmap",
    "nanosleep",
    "pause",
    "prlimit64",
    "restart_syscall",
    "rseq",
    "rt_sigreturn",
    "sched_getaffinity",
    "sched_yield",
    "set_robust_list",
    "set_thread_area",
    "set_tid_address",
    "sigreturn",
    "time",
];

/// Address families by their names in `linux/socket.h`; aliases are left out.
const FAMILIES: [&str; 40] = [
    "AF_UNIX",
    "AF_INET",
    "AF_AX25",
    "AF_IPX",
    "AF_APPLETALK",
    "AF_NETROM",
    "AF_BRIDGE",
    "AF_ATMPVC",
    "AF_X25",
    "AF_INET6",
    "AF_ROSE",
    "AF_NETBEUI",
    "AF_SECURITY",
    "AF_KEY",
    "AF_NETLINK",
    "AF_PACKET",
    "AF_ASH",
    "AF_ECONET",
    "AF_ATMSVC",
    "AF_RDS",
    "AF_SNA",
    "AF_IRDA",
    "AF_PPPOX",
    "AF_WANPIPE",
    "AF_LLC",
    "AF_IB",
    "AF_MPLS",
    "AF_CAN",
    "AF_TIPC",
    "AF_BLUETOOTH",
    "AF_IUCV",
    "AF_RXRPC",
    "AF_ISDN",
    "AF_PHONET",
    "AF_IEEE802154",
    "AF_CAIF",
    "AF_ALG",
    "AF_VSOCK",
    "AF_KCM",
    "AF_QIPCRTR",
];

/// Kinds of namespaces as `RestrictNamespaces=` names them, with their flags.
const NAMESPACES: [(&str, &str); 7] = [
    ("cgroup", "CLONE_NEWCGROUP"),
    ("ipc", "CLONE_NEWIPC"),
    ("net", "CLONE_NEWNET"),
    ("mnt", "CLONE_NEWNS"),
    ("pid", "CLONE_NEWPID"),
    ("user", "CLONE_NEWUSER"),
    ("uts", "CLONE_NEWUTS"),
];

/// Names of interfaces beside the machine's own. systemd.exec(5), `SystemCallArchitectures=`.
const INTERFACES: [(Arch, &str); 3] = [(Arch::I386, "x86"), (Arch::X32, "x32"), (Arch::Arm, "arm")];

/// Names that one remark lists.
const NAMED: usize = 24;

const ENOSYS: Action = Action::Errno(38);

/// The answers of all interfaces to one call.
#[derive(Default)]
struct Answers {
    actions: BTreeSet<Action>,
}

impl Answers {
    fn allowed(&self) -> bool {
        self.actions.iter().any(|action| runs(*action))
    }
}

fn runs(action: Action) -> bool {
    matches!(action, Action::Allow | Action::Log)
}

/// The directives for these decisions on a host of `arch`.
pub(super) fn say(decisions: &Syscalls, arch: Arch) -> Said<Directive> {
    let interfaces = write::interfaces(decisions, arch.family());
    let mut calls: BTreeMap<&'static str, Answers> = BTreeMap::new();
    for interface in &interfaces {
        for (number, call) in syscalls::table(*interface) {
            let diagram = decisions.table(*interface).diagram(*number);
            calls
                .entry(call)
                .or_default()
                .actions
                .extend(diagram.decisions().map(|decision| decision.action));
        }
    }
    let named = |test: &dyn Fn(&str, &Answers) -> bool| -> Vec<&str> {
        calls.iter().filter(|(call, answers)| test(call, answers)).map(|(call, _)| *call).collect()
    };
    let allowed = named(&|_, answers| answers.allowed());
    let mut said = Said::exactly([("SystemCallArchitectures", architectures(&interfaces))]);
    // One call a line would be 300 of them, one line 4,000 characters.
    let lines = allowed.chunks(8).map(|names| ("SystemCallFilter", names.join(" ")));
    said.settings.extend(lines);
    if allowed.is_empty() {
        // An empty list would allow everything.
        said.settings.push(("SystemCallFilter", "exit_group".to_owned()));
    }
    said.settings.extend(families(decisions, arch));
    said.settings.extend(namespaces(decisions, arch, &calls));
    let said = answer(said, &calls);
    let parted = named(&|_, answers| answers.allowed() && answers.actions.len() > 1);
    let said = noted(said, "systemd does not look at arguments, and allows these calls with any", &parted);
    let always = named(&|call, answers| !answers.allowed() && ALWAYS.contains(&call));
    noted(said, "systemd always allows these calls", &always)
}

fn noted(said: Said<Directive>, why: &str, names: &[&str]) -> Said<Directive> {
    if names.is_empty() {
        return said;
    }
    let more = names.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let names: Vec<&str> = names.iter().take(NAMED).copied().collect();
    said.looser(format!("{why}: {}{more}", names.join(" ")))
}

fn architectures(interfaces: &[Arch]) -> String {
    let others = INTERFACES.iter().filter(|(arch, _)| interfaces.contains(arch)).map(|(_, name)| *name);
    std::iter::once("native").chain(others).collect::<Vec<_>>().join(" ")
}

/// What a call that is not listed gets: systemd has one answer.
fn answer(mut said: Said<Directive>, calls: &BTreeMap<&'static str, Answers>) -> Said<Directive> {
    let mut counts: BTreeMap<Action, usize> = BTreeMap::new();
    for answers in calls.values().filter(|answers| !answers.allowed()) {
        for action in &answers.actions {
            *counts.entry(*action).or_default() += 1;
        }
    }
    let usual = counts.iter().max_by_key(|(_, count)| **count).map(|(action, _)| *action);
    // The C library falls back to clone where clone3 is not there, and to nothing where it is not permitted.
    let clone3 = calls.get("clone3").is_some_and(|answers| answers.actions == BTreeSet::from([ENOSYS]));
    let given = if clone3 { Some(ENOSYS) } else { usual };
    let number = match given {
        Some(ENOSYS) => Some("ENOSYS".to_owned()),
        Some(Action::Errno(1)) => Some("EPERM".to_owned()),
        Some(Action::Errno(errno)) => Some(errno.to_string()),
        // Without a number the process is killed.
        _ => None,
    };
    said.settings.extend(number.map(|number| ("SystemCallErrorNumber", number)));
    let others = counts.keys().any(|action| Some(*action) != given);
    if others { said.differs("every call that is not listed gets the same answer") } else { said }
}

/// Whether some call of that name is allowed when the condition on it holds.
fn possible(decisions: &Syscalls, arch: Arch, call: &str, comparison: Comparison) -> bool {
    let Some(number) = syscalls::number(arch, call) else { return false };
    let leaf = |action| Diagram::leaf(Decision { action, origins: Origins::new() });
    let condition = Condition::Compare(comparison);
    let Ok(holds) = Diagram::choose(call, &condition, &leaf(Action::Allow), &leaf(Action::KillProcess))
    else {
        return true;
    };
    let diagram = decisions.table(arch).diagram(number);
    diagram.find(&holds, |decision, holds| runs(decision.action) && holds.action == Action::Allow).is_some()
}

fn comparison(mask: u64, operator: Operator, value: u64) -> Comparison {
    Comparison { argument: 0, width: Width::U32, mask, operator, value }
}

/// `RestrictAddressFamilies=`, where not every family is allowed.
fn families(decisions: &Syscalls, arch: Arch) -> Option<Directive> {
    let allowed = |name: &&str| {
        let value = constants::value(arch, name).unwrap_or(u64::MAX);
        possible(decisions, arch, "socket", comparison(u64::MAX, Operator::Equal, value))
    };
    let names: Vec<&str> = FAMILIES.into_iter().filter(|name| allowed(name)).collect();
    match names.len() {
        0 => Some(("RestrictAddressFamilies", "none".to_owned())),
        count if count == FAMILIES.len() => None,
        _ => Some(("RestrictAddressFamilies", names.join(" "))),
    }
}

/// `RestrictNamespaces=`, where not every kind can be made.
fn namespaces(
    decisions: &Syscalls,
    arch: Arch,
    calls: &BTreeMap<&'static str, Answers>,
) -> Option<Directive> {
    // Flags behind a pointer: whatever systemd would forbid there, it forbids the call.
    if calls.get("clone3").is_some_and(Answers::allowed) {
        return None;
    }
    let made = |flag: &str| {
        let flag = constants::value(arch, flag).unwrap_or_default();
        let with = comparison(flag, Operator::NotEqual, 0);
        ["clone", "unshare"].iter().any(|call| possible(decisions, arch, call, with))
    };
    let kinds: Vec<&str> = NAMESPACES.iter().filter(|(_, flag)| made(flag)).map(|(kind, _)| *kind).collect();
    match kinds.len() {
        0 => Some(("RestrictNamespaces", "yes".to_owned())),
        count if count == NAMESPACES.len() => None,
        _ => Some(("RestrictNamespaces", kinds.join(" "))),
    }
}
