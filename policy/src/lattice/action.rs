//! What the kernel does with a system call. seccomp(2).

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A seccomp action. Ordered by strictness as the kernel ranks stacked filters (seccomp(2)), strict
/// first; of equal rank `ENOSYS` first, then data ascending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// `SECCOMP_RET_KILL_PROCESS`, 4.14.
    KillProcess,
    /// `SECCOMP_RET_KILL_THREAD`.
    KillThread,
    /// `SECCOMP_RET_TRAP` with `si_errno`.
    Trap(u16),
    /// `SECCOMP_RET_ERRNO` with the errno.
    Errno(u16),
    /// `SECCOMP_RET_USER_NOTIF`, 5.0.
    Notify,
    /// `SECCOMP_RET_TRACE` with the message.
    Trace(u16),
    /// `SECCOMP_RET_LOG`, 4.14.
    Log,
    /// `SECCOMP_RET_ALLOW`.
    Allow,
}

/// `ENOSYS`: "this kernel does not have it", which programs take best. errno(3), the same on every
/// architecture of the vocabulary.
const ENOSYS: u16 = 38;

impl Action {
    /// Position in the kernel's ranking, then the order inside a rank.
    fn key(self) -> (u8, bool, u16) {
        match self {
            Action::KillProcess => (0, false, 0),
            Action::KillThread => (1, false, 0),
            Action::Trap(data) => (2, false, data),
            Action::Errno(errno) => (3, errno != ENOSYS, errno),
            Action::Notify => (4, false, 0),
            Action::Trace(data) => (5, false, data),
            Action::Log => (6, false, 0),
            Action::Allow => (7, false, 0),
        }
    }
}

/// How kinds of answers differ to the program: what `diff` calls looser. Strict first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// The call does not happen: kill, trap, errno.
    Denied,
    /// Someone else decides: notify, trace.
    Referred,
    /// The call happens: log, allow.
    Done,
}

impl Action {
    /// The class of this answer.
    pub fn class(self) -> Class {
        match self {
            Action::KillProcess | Action::KillThread | Action::Trap(_) | Action::Errno(_) => Class::Denied,
            Action::Notify | Action::Trace(_) => Class::Referred,
            Action::Log | Action::Allow => Class::Done,
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::KillProcess => f.write_str("kill_process"),
            Action::KillThread => f.write_str("kill_thread"),
            Action::Trap(data) => write!(f, "trap({data})"),
            Action::Errno(errno) => write!(f, "errno({errno})"),
            Action::Notify => f.write_str("notify"),
            Action::Trace(data) => write!(f, "trace({data})"),
            Action::Log => f.write_str("log"),
            Action::Allow => f.write_str("allow"),
        }
    }
}

/// The inverse of the text form; profiles have more words, see `profile::action`.
impl FromStr for Action {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (word, data) = match text.strip_suffix(')').and_then(|text| text.split_once('(')) {
            Some((word, data)) => (word, Some(data.parse().map_err(drop)?)),
            None => (text, None),
        };
        match (word, data) {
            ("kill_process", None) => Ok(Action::KillProcess),
            ("kill_thread", None) => Ok(Action::KillThread),
            ("trap", Some(data)) => Ok(Action::Trap(data)),
            ("errno", Some(errno)) => Ok(Action::Errno(errno)),
            ("notify", None) => Ok(Action::Notify),
            ("trace", Some(data)) => Ok(Action::Trace(data)),
            ("log", None) => Ok(Action::Log),
            ("allow", None) => Ok(Action::Allow),
            _ => Err(()),
        }
    }
}

impl Ord for Action {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

impl PartialOrd for Action {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
