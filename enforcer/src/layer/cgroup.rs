//! The cgroup of a launch.

use std::os::fd::RawFd;
use stockade_policy::plan;

/// A cgroup that was made for a launch.
#[derive(Debug)]
pub struct Created {
    directories: Vec<String>,
}

/// Why there is no cgroup.
#[derive(Debug, thiserror::Error)]
#[error("cgroup `{directory}`: this build makes none")]
pub struct CgroupError {
    /// The directory.
    pub directory: String,
}

impl Created {
    /// Makes the directories and writes the values.
    pub fn create(plan: &plan::Cgroup) -> Result<Created, CgroupError> {
        match plan.hierarchies.first() {
            None => Ok(Created { directories: Vec::new() }),
            Some(first) => Err(CgroupError { directory: first.parent.clone() }),
        }
    }

    /// The directory for `CLONE_INTO_CGROUP`.
    pub fn unified_fd(&self) -> Option<RawFd> {
        None
    }

    /// Puts a process into the legacy hierarchies.
    pub fn join(&self, _pid: u32) -> Result<(), CgroupError> {
        Ok(())
    }

    /// Removes what was made.
    pub fn remove(self) -> Result<(), CgroupError> {
        self.directories
            .into_iter()
            .try_for_each(|directory| std::fs::remove_dir(&directory).map_err(|_| CgroupError { directory }))
    }
}
