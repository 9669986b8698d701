//! Disks of guests: files of the host, sparse.

use crate::{program, scratch};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use tempfile::TempDir;

/// A disk. Copies of it are the same disk: it keeps what one guest wrote for the next one.
#[derive(Clone, Debug)]
pub struct Disk(Arc<TempDir>);

/// Why there is no disk.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    /// The host gives no file for it.
    #[error("cannot make the file of a disk: {0}")]
    File(#[from] io::Error),
    /// Its file system could not be made.
    #[error("{program}: {why}")]
    Format {
        /// The program that makes it.
        program: &'static str,
        /// What it said.
        why: String,
    },
}

impl Disk {
    /// A disk with nothing on it, in MiB.
    ///
    /// # Errors
    ///
    /// Without space for its file.
    pub fn blank(mib: u64) -> Result<Disk, DiskError> {
        let disk = Disk(Arc::new(scratch::directory()?));
        File::create(disk.path())?.set_len(mib << 20)?;
        Ok(disk)
    }

    /// A disk with XFS on it, in MiB; 300 at least, for mkfs.xfs(8).
    ///
    /// # Errors
    ///
    /// Without the program.
    pub fn xfs(mib: u64) -> Result<Disk, DiskError> {
        Disk::blank(mib)?.formatted("mkfs.xfs", &["-q"])
    }

    /// A disk with ext4 on it, in MiB, with the features for project quotas and without enforcement by default.
    ///
    /// # Errors
    ///
    /// Without the program.
    pub fn ext4(mib: u64) -> Result<Disk, DiskError> {
        Disk::blank(mib)?.formatted("mkfs.ext4", &["-q", "-O", "project,quota"])
    }

    /// A disk with btrfs on it, in MiB; 109 at least, for mkfs.btrfs(8).
    ///
    /// # Errors
    ///
    /// Without the program.
    pub fn btrfs(mib: u64) -> Result<Disk, DiskError> {
        Disk::blank(mib)?.formatted("mkfs.btrfs", &["-q"])
    }

    /// The disk with what a program of the mkfs family makes of it.
    ///
    /// # Errors
    ///
    /// Where the program is not there, or says no.
    pub fn formatted(self, program: &'static str, options: &[&str]) -> Result<Disk, DiskError> {
        let why = |why: String| DiskError::Format { program, why };
        let path =
            program::find(Path::new(program)).ok_or_else(|| why("there is no such program".to_owned()))?;
        let output = Command::new(path).args(options).arg(self.path()).output();
        let output = output.map_err(|error| why(error.to_string()))?;
        if !output.status.success() {
            return Err(why(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
        }
        Ok(self)
    }

    /// Its file on the host.
    pub fn path(&self) -> PathBuf {
        self.0.path().join("disk")
    }
}
