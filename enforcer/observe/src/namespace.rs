//! Which namespaces a task is in. namespaces(7).

use crate::error::ObserveError;
use crate::process::Task;
use serde::Serialize;
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use stockade_policy::policy::NamespaceKind;

/// What identifies a namespace while it exists: device and inode of its file in nsfs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct NamespaceId {
    /// `st_dev`
    pub device: u64,
    /// `st_ino`
    pub inode: u64,
}

/// The namespaces of a task, by kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Namespaces(pub BTreeMap<NamespaceKind, NamespaceId>);

impl Namespaces {
    /// Reads all of them. Needs the right to trace the task (ptrace(2), `PTRACE_MODE_READ`).
    pub fn of(task: &Task) -> Result<Namespaces, ObserveError> {
        let ids = NamespaceKind::ALL.into_iter().map(|kind| Ok((kind, Namespaces::one(task, kind)?)));
        ids.collect::<Result<_, _>>().map(Namespaces)
    }

    /// Reads one of them.
    pub fn one(task: &Task, kind: NamespaceKind) -> Result<NamespaceId, ObserveError> {
        let metadata = task.metadata(&format!("ns/{}", kind.file()))?;
        Ok(NamespaceId { device: metadata.dev(), inode: metadata.ino() })
    }

    /// The kinds in which the two stand in the same namespace.
    pub fn shared<'a>(&'a self, other: &'a Namespaces) -> impl Iterator<Item = NamespaceKind> + 'a {
        self.0.iter().filter(|(kind, id)| other.0.get(kind) == Some(id)).map(|(kind, _)| *kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[test]
    fn unshared_namespaces_differ_and_the_rest_is_shared() {
        if std::fs::metadata("/proc/self").expect("/proc").uid() != 0 {
            return println!("SKIP observe-namespaces: it needs root");
        }
        let mut child = Command::new("unshare")
            .args(["--uts", "--ipc", "sleep", "1000"])
            .stdin(Stdio::null())
            .spawn()
            .expect("unshare of util-linux");
        let task = Task::open(child.id()).expect("task");
        while task.status().expect("status").name != "sleep" {
            assert_eq!(child.try_wait().expect("wait"), None, "it ended before it was what it becomes");
            std::thread::yield_now();
        }
        let theirs = task.namespaces();
        child.kill().expect("kill");
        child.wait().expect("wait");
        let theirs = theirs.expect("namespaces; this test runs as root");
        let ours = Task::ours().and_then(|ours| ours.namespaces()).expect("ours");
        let shared: Vec<_> = theirs.shared(&ours).collect();
        use NamespaceKind::{Cgroup, Mount, Network, Pid, User};
        assert_eq!(shared, [User, Mount, Pid, Cgroup, Network]);
    }
}
