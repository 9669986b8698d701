//! What libseccomp makes of rules on sockets and System V IPC for i386, where both are one call each.
//!
//! src/arch-x86.c, x86_rule_add, of 2.5.4: beside the rule on the call itself, where i386 has that, there is
//! one on `socketcall` or `ipc` with the call's number as the first argument, whatever was asked of that argument;
//! the other comparisons stay.

use super::seccomp_json::{Comparison, Operator};
use crate::condition::Operator::Equal;

/// A call, the one that makes it, and what the first argument is then.
const MULTIPLEXED: [(&str, &str, u64); 32] = [
    ("socket", "socketcall", 1),
    ("bind", "socketcall", 2),
    ("connect", "socketcall", 3),
    ("listen", "socketcall", 4),
    ("accept", "socketcall", 5),
    ("getsockname", "socketcall", 6),
    ("getpeername", "socketcall", 7),
    ("socketpair", "socketcall", 8),
    ("send", "socketcall", 9),
    ("recv", "socketcall", 10),
    ("sendto", "socketcall", 11),
    ("recvfrom", "socketcall", 12),
    ("shutdown", "socketcall", 13),
    ("setsockopt", "socketcall", 14),
    ("getsockopt", "socketcall", 15),
    ("sendmsg", "socketcall", 16),
    ("recvmsg", "socketcall", 17),
    ("accept4", "socketcall", 18),
    ("recvmmsg", "socketcall", 19),
    ("sendmmsg", "socketcall", 20),
    ("semop", "ipc", 1),
    ("semget", "ipc", 2),
    ("semctl", "ipc", 3),
    ("semtimedop", "ipc", 4),
    ("msgsnd", "ipc", 11),
    ("msgrcv", "ipc", 12),
    ("msgget", "ipc", 13),
    ("msgctl", "ipc", 14),
    ("shmat", "ipc", 21),
    ("shmdt", "ipc", 22),
    ("shmget", "ipc", 23),
    ("shmctl", "ipc", 24),
];

/// The call and the comparisons that a rule on `call` also makes a rule of on i386.
pub(super) fn also(call: &str, comparisons: &[Comparison]) -> Option<(&'static str, Vec<Comparison>)> {
    let (_, through, number) = MULTIPLEXED.iter().find(|(known, ..)| *known == call)?;
    let chosen = Comparison { argument: 0, operator: Operator::Plain(Equal), value: *number, value_two: 0 };
    let others = comparisons.iter().filter(|comparison| comparison.argument != 0).cloned();
    Some((*through, std::iter::once(chosen).chain(others).collect()))
}
