//! Where an engine of a test keeps everything, and what is taken away with it.

use crate::cgroups;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Places of this process, so that no two have one name.
static MADE: AtomicUsize = AtomicUsize::new(0);

/// A directory and a cgroup of one engine.
pub(crate) struct Place {
    directory: tempfile::TempDir,
    cgroup: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        // Short: a socket's path ends at 107 bytes.
        let directory = tempfile::Builder::new().prefix("stockade-test-").tempdir().unwrap();
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        Place { directory, cgroup: format!("stockade-test-{}-{number}", std::process::id()) }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// The cgroup below which the engine puts its containers, in every hierarchy.
    pub(crate) fn cgroup(&self) -> String {
        format!("/{}", self.cgroup)
    }

    /// Whether a process was started with a path below: podman's own that cleans up behind a container mounts its store anew.
    fn is_named(&self) -> bool {
        let path = self.path().as_os_str().as_bytes();
        let named = |entry: fs::DirEntry| {
            let words = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            words.windows(path.len()).any(|part| part == path)
        };
        fs::read_dir("/proc").into_iter().flatten().flatten().any(named)
    }

    /// What is still mounted below, innermost first.
    fn mounted(&self) -> Vec<String> {
        let table = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let below = |path: &&str| Path::new(path).starts_with(self.path());
        let mut found: Vec<String> = table
            .lines()
            .filter_map(|line| line.split(' ').nth(4))
            .filter(below)
            .map(str::to_owned)
            .collect();
        found.reverse();
        found
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // What was killed may still be leaving.
        for _ in 0..200 {
            if !self.is_named() && cgroups::remove(&self.cgroup) {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        for path in self.mounted() {
            let _ = Command::new("umount").arg("--lazy").arg(path).status();
        }
    }
}
