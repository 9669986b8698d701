//! The seccomp filters that a process runs under, as the kernel shows them.

pub use crate::sys::filters::{FilterError, Program};

use crate::sys::filters::filters;
use stockade_observe::status::SeccompMode;
use stockade_observe::{ObserveError, Task};

/// Rounds of looking for threads that started meanwhile.
const ROUNDS: usize = 8;

/// Threads under the same filters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stack {
    /// The threads' ids.
    pub threads: Vec<u32>,
    /// Their filters, the oldest first; empty where they run under none.
    pub programs: Vec<Program>,
}

/// Why the filters of a process are not known.
#[derive(Debug, thiserror::Error)]
pub enum FiltersError {
    /// The process could not be read, or ended meanwhile.
    #[error(transparent)]
    Observe(#[from] ObserveError),
    /// A thread's filters could not be read.
    #[error(transparent)]
    Read(#[from] FilterError),
    /// A thread runs under no filter and not without one: only read, write and exit are left to it.
    #[error("thread {tid} runs in seccomp's strict mode, which has no filter to read")]
    Strict {
        /// The thread.
        tid: u32,
    },
    /// A thread runs under other filters than were read, or so many that they could not all be.
    #[error("{read} filters of thread {tid} were read, and the kernel counts {counted}")]
    Count {
        /// The thread.
        tid: u32,
        /// How many were read.
        read: usize,
        /// `Seccomp_filters` in its status, 5.9.
        counted: u32,
    },
    /// New threads came as fast as they were read.
    #[error("threads start faster than their filters can be read")]
    Busy,
}

/// The filters of every thread of the process `pid`: one entry in most cases, as threads inherit them. Stops
/// each thread for as long as reading takes.
pub fn of(pid: u32) -> Result<Vec<Stack>, FiltersError> {
    let task = Task::open(pid)?;
    let mut seen: Vec<u32> = Vec::new();
    let mut stacks: Vec<Stack> = Vec::new();
    for _ in 0..ROUNDS {
        let new: Vec<_> = task.threads()?.into_iter().filter(|one| !seen.contains(&one.pid())).collect();
        if new.is_empty() {
            return if stacks.is_empty() { Err(ObserveError::Vanished { pid }.into()) } else { Ok(stacks) };
        }
        for thread in new {
            seen.push(thread.pid());
            let programs = match one(&thread) {
                Ok(programs) => programs,
                Err(FiltersError::Read(FilterError::Gone { .. }))
                | Err(FiltersError::Observe(ObserveError::Vanished { .. })) => continue,
                Err(error) => return Err(error),
            };
            match stacks.iter_mut().find(|stack| stack.programs == programs) {
                Some(stack) => stack.threads.push(thread.pid()),
                None => stacks.push(Stack { threads: vec![thread.pid()], programs }),
            }
        }
    }
    Err(FiltersError::Busy)
}

fn one(thread: &Task) -> Result<Vec<Program>, FiltersError> {
    let tid = thread.pid();
    let programs = filters(tid)?;
    // Read afterwards: filters are only ever added.
    let status = thread.status()?;
    if status.seccomp == Some(SeccompMode::Strict) {
        return Err(FiltersError::Strict { tid });
    }
    let counted = status.seccomp_filters.unwrap_or(0);
    if counted != 0 && usize::try_from(counted) != Ok(programs.len()) {
        return Err(FiltersError::Count { tid, read: programs.len(), counted });
    }
    Ok(programs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::filters::spawn_under;
    use std::process::{Command, Stdio};
    use stockade_policy::plan::Instruction;

    #[test]
    fn every_filter_of_a_process_is_read() {
        let allow = vec![Instruction(0x06, 0, 0, 0x7fff_0000)];
        let length = vec![Instruction(0x80, 0, 0, 0), Instruction(0x06, 0, 0, 0x7fff_0000)];
        let mut command = Command::new("sleep");
        command.arg("1000").stdin(Stdio::null());
        let mut child = spawn_under(command, vec![length.clone(), allow.clone()]);
        let id = child.id();
        let read = of(id);
        child.kill().expect("kill");
        child.wait().expect("wait");
        match read {
            Ok(read) => assert_eq!(read, [Stack { threads: vec![id], programs: vec![length, allow] }]),
            Err(FiltersError::Read(FilterError::Read { source, .. })) => {
                println!("SKIP filters: this kernel shows no filters: {source}")
            }
            Err(error) => panic!("{error}"),
        }
        // Above the highest number there can be: PID_MAX_LIMIT, linux/threads.h.
        assert!(matches!(of(1 << 22), Err(FiltersError::Observe(ObserveError::Vanished { .. }))));
    }
}
