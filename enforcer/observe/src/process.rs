//! A process or one of its threads, held by its directory in /proc.

use crate::cgroup::Membership;
use crate::error::{FormatError, ObserveError};
use crate::limits::Limits;
use crate::mounts::Mounts;
use crate::namespace::Namespaces;
use crate::read;
use crate::status::{IdMapLine, Start, Status};
use std::fs::{self, File, Metadata};
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

/// Bytes of one file of a task. The largest honest one is the mountinfo of a host with 100,000 mounts.
const LIMIT: usize = 32 << 20;
/// Threads of one process; `pid_max` cannot be larger. proc_sys_kernel(5).
const THREADS: usize = 1 << 22;

/// A process, or a thread of one. All reads go through the directory that was opened once, so that they
/// are of one task: when it ends they fail, whoever has its number then.
#[derive(Debug)]
pub struct Task {
    pid: u32,
    /// For messages: `/proc/PID` or `/proc/PID/task/TID`.
    named: PathBuf,
    directory: File,
}

impl Task {
    /// The process with this id in the reader's pid namespace.
    pub fn open(pid: u32) -> Result<Task, ObserveError> {
        Task::at(pid, PathBuf::from(format!("/proc/{pid}")), None)
    }

    /// The reader itself.
    pub fn ours() -> Result<Task, ObserveError> {
        Task::open(std::process::id())
    }

    fn at(pid: u32, named: PathBuf, through: Option<PathBuf>) -> Result<Task, ObserveError> {
        match File::open(through.as_ref().unwrap_or(&named)) {
            Ok(directory) => Ok(Task { pid, named, directory }),
            Err(error) if is_gone(&error) => Err(ObserveError::Vanished { pid }),
            Err(source) => Err(ObserveError::Read { path: named, source }),
        }
    }

    /// Its id; a thread's own.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// A path to `file` in the held directory. Not to be shown: it is one of the reader's descriptors.
    pub fn path(&self, file: &str) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}/{file}", self.directory.as_raw_fd()))
    }

    /// What `file` of it holds.
    pub fn read(&self, file: &str) -> Result<Vec<u8>, ObserveError> {
        read::bounded(&self.path(file), LIMIT).map_err(|error| self.renamed(file, error))
    }

    /// Where the link `file` points, as the kernel writes it.
    pub fn link(&self, file: &str) -> Result<PathBuf, ObserveError> {
        fs::read_link(self.path(file)).map_err(|source| self.failed(file, source))
    }

    /// What `file` is, its link followed (`root`, `exe`, `ns/…`, `fd/N`).
    pub fn metadata(&self, file: &str) -> Result<Metadata, ObserveError> {
        fs::metadata(self.path(file)).map_err(|source| self.failed(file, source))
    }

    /// `status`. proc_pid_status(5).
    pub fn status(&self) -> Result<Status, ObserveError> {
        self.parsed("status", Status::parse)
    }

    /// The state letter and start time of `stat`. proc_pid_stat(5).
    pub fn start(&self) -> Result<Start, ObserveError> {
        self.parsed("stat", Start::parse)
    }

    /// `limits`. proc_pid_limits(5).
    pub fn limits(&self) -> Result<Limits, ObserveError> {
        self.parsed("limits", Limits::parse)
    }

    /// `mountinfo`. proc_pid_mountinfo(5).
    pub fn mounts(&self) -> Result<Mounts, ObserveError> {
        self.parsed("mountinfo", Mounts::parse)
    }

    /// `cgroup`. cgroups(7).
    pub fn cgroups(&self) -> Result<Vec<Membership>, ObserveError> {
        self.parsed("cgroup", Membership::parse)
    }

    /// `uid_map`. user_namespaces(7).
    pub fn uid_map(&self) -> Result<Vec<IdMapLine>, ObserveError> {
        self.parsed("uid_map", IdMapLine::parse)
    }

    /// `gid_map`. user_namespaces(7).
    pub fn gid_map(&self) -> Result<Vec<IdMapLine>, ObserveError> {
        self.parsed("gid_map", IdMapLine::parse)
    }

    /// Its namespaces. namespaces(7).
    pub fn namespaces(&self) -> Result<Namespaces, ObserveError> {
        Namespaces::of(self)
    }

    /// Its threads, itself among them. One that starts while this reads may be missing: whoever needs
    /// all of them asks again until nothing new appears, or freezes the cgroup.
    pub fn threads(&self) -> Result<Vec<Task>, ObserveError> {
        let mut threads = Vec::new();
        for tid in self.numbers("task", THREADS)? {
            let named = self.named.join("task").join(tid.to_string());
            match Task::at(tid, named, Some(self.path(&format!("task/{tid}")))) {
                Ok(thread) => threads.push(thread),
                // A thread may end; the process that it leaves behind is still the same.
                Err(ObserveError::Vanished { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        if threads.is_empty() {
            return Err(ObserveError::Vanished { pid: self.pid });
        }
        Ok(threads)
    }

    /// Numbers of its open descriptors, at most `most`.
    pub fn descriptors(&self, most: usize) -> Result<Vec<u32>, ObserveError> {
        self.numbers("fd", most)
    }

    fn numbers(&self, folder: &str, most: usize) -> Result<Vec<u32>, ObserveError> {
        let entries = fs::read_dir(self.path(folder)).map_err(|source| self.failed(folder, source))?;
        let mut numbers = Vec::new();
        for entry in entries {
            let name = entry.map_err(|source| self.failed(folder, source))?.file_name();
            if let Some(number) = name.to_str().and_then(|name| name.parse().ok()) {
                if numbers.len() == most {
                    return Err(ObserveError::TooLarge { path: self.named.join(folder), limit: most });
                }
                numbers.push(number);
            }
        }
        Ok(numbers)
    }

    fn parsed<T>(
        &self,
        file: &str,
        parse: impl FnOnce(&[u8]) -> Result<T, FormatError>,
    ) -> Result<T, ObserveError> {
        let content = self.read(file)?;
        // A process that ends between open and read gives an empty file of some kinds.
        if content.is_empty() && !self.path("stat").exists() {
            return Err(ObserveError::Vanished { pid: self.pid });
        }
        parse(&content).map_err(|source| ObserveError::Format { path: self.named.join(file), source })
    }

    fn failed(&self, file: &str, source: io::Error) -> ObserveError {
        self.renamed(file, ObserveError::Read { path: PathBuf::new(), source })
    }

    /// The error as of `/proc/PID/file`; `Vanished` where that is why.
    fn renamed(&self, file: &str, error: ObserveError) -> ObserveError {
        let path = self.named.join(file);
        match error {
            ObserveError::Read { source, .. } if is_gone(&source) && !self.path("stat").exists() => {
                ObserveError::Vanished { pid: self.pid }
            }
            ObserveError::Read { source, .. } => ObserveError::Read { path, source },
            ObserveError::TooLarge { limit, .. } => ObserveError::TooLarge { path, limit },
            other => other,
        }
    }
}

fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(libc::ESRCH)
}

/// Every process that the reader sees, by id. One that starts meanwhile may be missing.
pub fn all() -> Result<Vec<u32>, ObserveError> {
    let proc = Path::new("/proc");
    let failed = |source| ObserveError::Read { path: proc.to_owned(), source };
    let mut pids = Vec::new();
    for entry in fs::read_dir(proc).map_err(failed)? {
        if let Some(pid) = entry.map_err(failed)?.file_name().to_str().and_then(|name| name.parse().ok()) {
            pids.push(pid);
        }
    }
    Ok(pids)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[test]
    fn a_process_that_ends_is_gone_and_never_another() {
        let mut child = Command::new("sleep").arg("1000").stdin(Stdio::null()).spawn().expect("sleep");
        let task = Task::open(child.id()).expect("runs");
        assert_eq!(task.status().expect("status").pid, child.id());
        child.kill().expect("kill");
        child.wait().expect("wait");
        for outcome in [task.status().map(drop), task.mounts().map(drop), task.namespaces().map(drop)] {
            assert!(matches!(outcome, Err(ObserveError::Vanished { .. })), "{outcome:?}");
        }
        assert!(matches!(task.threads(), Err(ObserveError::Vanished { .. })));
        // Its number may be another's by now; one above the highest there can be (PID_MAX_LIMIT, linux/threads.h) is nobody's.
        assert!(matches!(Task::open(1 << 22), Err(ObserveError::Vanished { .. })));
    }

    #[test]
    fn threads_are_tasks_of_their_own() {
        let (send, receive) = std::sync::mpsc::channel::<()>();
        std::thread::scope(|scope| {
            scope.spawn(move || receive.recv());
            let threads = Task::ours().expect("ours").threads().expect("threads");
            assert!(threads.len() >= 2);
            let mut seen = 0;
            for thread in &threads {
                // Those of tests that run beside this one may end meanwhile.
                let status = match thread.status() {
                    Err(ObserveError::Vanished { .. }) => continue,
                    status => status.expect("status"),
                };
                seen += 1;
                assert_eq!((status.pid, status.thread_group), (thread.pid(), std::process::id()));
            }
            assert!(seen >= 2, "{seen}");
            drop(send);
        });
    }
}
