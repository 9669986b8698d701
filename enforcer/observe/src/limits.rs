//! The limits of a process. proc_pid_limits(5), getrlimit(2).

use crate::error::FormatError;
use serde::Serialize;
use std::collections::BTreeMap;
use stockade_policy::policy::Rlimit;

/// What the file calls each limit: `lnames` of fs/proc/base.c.
const NAMES: [(&str, Rlimit); 11] = [
    ("Max cpu time", Rlimit::Cpu),
    ("Max file size", Rlimit::FileSize),
    ("Max data size", Rlimit::Data),
    ("Max stack size", Rlimit::Stack),
    ("Max core file size", Rlimit::Core),
    ("Max processes", Rlimit::Processes),
    ("Max open files", Rlimit::OpenFiles),
    ("Max locked memory", Rlimit::LockedMemory),
    ("Max address space", Rlimit::AddressSpace),
    ("Max pending signals", Rlimit::PendingSignals),
    ("Max msgqueue size", Rlimit::MessageQueues),
];

/// One limit; `None` is `RLIM_INFINITY`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Limit {
    /// What is enforced.
    pub soft: Option<u64>,
    /// Up to what the process may raise it.
    pub hard: Option<u64>,
}

/// The limits of the vocabulary, by kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Limits(pub BTreeMap<Rlimit, Limit>);

impl Limits {
    /// Reads the file; every limit of the vocabulary must be in it.
    pub fn parse(content: &[u8]) -> Result<Limits, FormatError> {
        let text = std::str::from_utf8(content).map_err(|_| FormatError::new("no text", content))?;
        let mut limits = BTreeMap::new();
        for (name, kind) in NAMES {
            let rest = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            let rest = rest.ok_or_else(|| FormatError::new("a limit is missing", content))?;
            let mut columns = rest.split_ascii_whitespace().map(value);
            match (columns.next().flatten(), columns.next().flatten()) {
                (Some(soft), Some(hard)) => limits.insert(kind, Limit { soft, hard }),
                _ => return Err(FormatError::new("no soft and hard limit", rest.as_bytes())),
            };
        }
        Ok(Limits(limits))
    }
}

fn value(text: &str) -> Option<Option<u64>> {
    if text == "unlimited" { Some(None) } else { text.parse().ok().map(Some) }
}

#[cfg(test)]
mod tests {
    use crate::process::Task;
    use std::process::{Command, Stdio};
    use stockade_policy::policy::Rlimit;

    #[test]
    fn reads_what_prlimit_set() {
        let mut child = Command::new("prlimit")
            .args(["--nofile=100:200", "--core=0", "--as=unlimited", "--fsize=4096", "sleep", "1000"])
            .stdin(Stdio::null())
            .spawn()
            .expect("prlimit of util-linux");
        // prlimit sets the limits, then becomes sleep.
        let task = Task::open(child.id()).expect("task");
        while task.status().expect("status").name != "sleep" {
            assert_eq!(child.try_wait().expect("wait"), None, "it ended before it was what it becomes");
            std::thread::yield_now();
        }
        let limits = task.limits().expect("limits").0;
        child.kill().expect("kill");
        child.wait().expect("wait");
        assert_eq!(
            (limits[&Rlimit::OpenFiles].soft, limits[&Rlimit::OpenFiles].hard),
            (Some(100), Some(200))
        );
        assert_eq!((limits[&Rlimit::Core].soft, limits[&Rlimit::Core].hard), (Some(0), Some(0)));
        assert_eq!(limits[&Rlimit::AddressSpace].hard, None);
        assert_eq!(limits[&Rlimit::FileSize].hard, Some(4096));
    }
}
