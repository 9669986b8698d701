//! What is mounted on the host.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The table of mounts at one moment. proc_pid_mountinfo(5).
pub(crate) struct Mounts(BTreeSet<String>);

impl Mounts {
    pub(crate) fn now() -> Mounts {
        let table = fs::read_to_string("/proc/self/mountinfo").unwrap();
        Mounts(table.lines().map(str::to_owned).collect())
    }

    /// What has been mounted since; of what lies in places of tests only what is below `own`, for others run meanwhile.
    pub(crate) fn since(&self, own: &Path) -> Vec<String> {
        let ours = |line: &&String| !line.contains("stockade-test-") || line.contains(own.to_str().unwrap());
        Mounts::now().0.difference(&self.0).filter(ours).cloned().collect()
    }
}
