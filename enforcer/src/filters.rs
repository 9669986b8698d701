//! The filters that a process runs under, as the kernel shows them.

use crate::sys::filters;
use stockade_observe::Task;
use stockade_observe::status::SeccompMode;
use stockade_policy::plan::Instruction;

pub use crate::sys::filters::FilterError;

/// Why the filters of a process are not known.
#[derive(Debug, thiserror::Error)]
pub enum FiltersError {
    /// Its state cannot be read.
    #[error(transparent)]
    Observe(#[from] stockade_observe::ObserveError),
    /// The kernel does not show them.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// There are none.
    #[error("process {pid} runs under no filter")]
    None {
        /// The process.
        pid: u32,
    },
    /// read, write, exit and sigreturn, and no filter that says so. seccomp(2).
    #[error("process {pid} runs in seccomp's strict mode, which is no filter")]
    Strict {
        /// The process.
        pid: u32,
    },
}

/// The filters of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filters {
    /// Those of its main thread, the oldest first.
    pub main: Vec<Vec<Instruction>>,
    /// Threads that have another number of filters.
    pub others: Vec<u32>,
}

/// Reads them; stops the main thread for as long as that takes. The reader must have CAP_SYS_ADMIN in the initial
/// user namespace and be under no filter itself. PTRACE_SECCOMP_GET_FILTER, 4.4.
pub fn read(pid: u32) -> Result<Filters, FiltersError> {
    let task = Task::open(pid)?;
    let status = task.status()?;
    match status.seccomp {
        Some(SeccompMode::Filter) => {}
        Some(SeccompMode::Strict) => return Err(FiltersError::Strict { pid }),
        Some(SeccompMode::Disabled) | None => return Err(FiltersError::None { pid }),
    }
    let main = filters::filters(pid)?;
    let mut others = Vec::new();
    for thread in task.threads()? {
        let count = thread.status()?.seccomp_filters;
        if count != status.seccomp_filters {
            others.push(thread.pid());
        }
    }
    Ok(Filters { main, others })
}
