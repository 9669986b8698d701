//! Which cgroups a task is in, where they are mounted, and what their files say. cgroups(7).

use crate::error::{FormatError, ObserveError};
use crate::mounts::{Mount, Mounts};
use crate::process::Task;
use crate::read;
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};

/// Cgroups below one that are looked at.
const MOST: usize = 10_000;

/// One line of `/proc/PID/cgroup`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Membership {
    /// Id of the hierarchy; 0 is the unified one.
    pub hierarchy: u32,
    /// Controllers of a legacy hierarchy, or its `name=…`; empty for the unified one.
    pub controllers: Vec<String>,
    /// The cgroup, from the root of the reader's cgroup namespace; begins with `/..` outside it.
    pub path: String,
}

impl Membership {
    /// Reads the file.
    pub fn parse(content: &[u8]) -> Result<Vec<Membership>, FormatError> {
        let lines = content.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.map(|line| membership(line).ok_or_else(|| FormatError::new("no membership", line))).collect()
    }

    /// The directory of the cgroup, among mounts of the same cgroup namespace; `None` where it is not
    /// mounted, or lies outside what is.
    pub fn directory(&self, mounts: &Mounts) -> Option<PathBuf> {
        // The last one mounted covers those before it.
        mounts.0.iter().rev().filter(|mount| self.is_of(mount)).find_map(|mount| {
            let below = Path::new(&self.path).strip_prefix(&mount.root).ok()?;
            let inside = below.components().all(|part| matches!(part, std::path::Component::Normal(_)));
            inside.then(|| if below.as_os_str().is_empty() { mount.at.clone() } else { mount.at.join(below) })
        })
    }

    fn is_of(&self, mount: &Mount) -> bool {
        if self.hierarchy == 0 {
            return mount.filesystem == "cgroup2";
        }
        mount.filesystem == "cgroup"
            && !self.controllers.is_empty()
            && self.controllers.iter().all(|name| mount.super_options.contains(name))
    }
}

/// The cgroup of a process in the unified hierarchy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unified {
    /// As [`Membership::path`].
    pub path: PathBuf,
    /// As [`Membership::directory`].
    pub directory: Option<PathBuf>,
}

impl Unified {
    /// That of `task`, among `mounts` of the reader; `None` where the kernel has no such hierarchy.
    pub fn of(task: &Task, mounts: &Mounts) -> Result<Option<Unified>, ObserveError> {
        let own = task.cgroups()?.into_iter().find(|one| one.hierarchy == 0);
        Ok(own.map(|own| Unified { directory: own.directory(mounts), path: own.path.into() }))
    }

    /// Whether it is the one of all processes.
    pub fn is_root(&self) -> bool {
        self.path == Path::new("/")
    }
}

fn membership(line: &[u8]) -> Option<Membership> {
    let mut fields = std::str::from_utf8(line).ok()?.splitn(3, ':');
    let hierarchy = fields.next()?.parse().ok()?;
    let controllers = fields.next()?.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    let path = fields.next()?.to_owned();
    path.starts_with('/').then_some(Membership { hierarchy, controllers, path })
}

/// What the file `name` of the cgroup at `directory` holds, without the line end.
pub fn value(directory: &Path, name: &str) -> Result<String, ObserveError> {
    let path = directory.join(name);
    let content = read::record(&path)?;
    match String::from_utf8(content) {
        Ok(text) => Ok(text.trim_ascii_end().to_owned()),
        Err(error) => {
            let source = FormatError::new("no text", error.as_bytes());
            Err(ObserveError::Format { path, source })
        }
    }
}

/// Members of the cgroup at `directory`, by process id; 0 stands for one outside the reader's pid
/// namespace. At most 4 MiB of them.
pub fn members(directory: &Path) -> Result<Vec<u32>, ObserveError> {
    let path = directory.join("cgroup.procs");
    let content = read::bounded(&path, 4 << 20)?;
    let lines = content.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let pids = lines.map(|line| {
        let pid = std::str::from_utf8(line).ok().and_then(|line| line.parse().ok());
        pid.ok_or_else(|| FormatError::new("no process id", line))
    });
    pids.collect::<Result<_, _>>().map_err(|source| ObserveError::Format { path, source })
}

/// Members of the cgroup at `directory` and of all below it. A container that may make cgroups could make many: at most
/// [`MOST`] are read.
pub fn members_below(directory: &Path) -> Result<Vec<u32>, ObserveError> {
    let mut found = members(directory)?;
    let mut open = vec![directory.to_owned()];
    let mut seen = 0;
    while let Some(at) = open.pop() {
        let failed = |source| ObserveError::Read { path: at.clone(), source };
        for entry in fs::read_dir(&at).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if !entry.file_type().map_err(failed)?.is_dir() {
                continue;
            }
            seen += 1;
            if seen > MOST {
                return Err(ObserveError::TooLarge { path: directory.to_owned(), limit: MOST });
            }
            match members(&entry.path()) {
                Ok(more) => found.extend(more),
                // Removed meanwhile; or threaded, so that the cgroup above lists its processes.
                Err(ObserveError::Read { source, .. })
                    if matches!(
                        source.raw_os_error(),
                        Some(libc::ENOENT | libc::ENODEV | libc::EOPNOTSUPP)
                    ) => {}
                Err(error) => return Err(error),
            }
            open.push(entry.path());
        }
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mounts(text: &str) -> Mounts {
        Mounts::parse(text.as_bytes()).expect("mountinfo")
    }

    #[test]
    fn memberships_find_their_directories() {
        let text = b"5:cpu,cpuacct:/a/b\n4:memory:/docker/x\n1:name=systemd:/init.scope\n0::/../other\n";
        let all = Membership::parse(text).expect("cgroup");
        let mounts = mounts(
            "1 0 0:1 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n\
             2 0 0:2 /docker/x /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
             3 0 0:3 / /sys/fs/cgroup/systemd rw - cgroup systemd rw,xattr,name=systemd\n\
             4 0 0:4 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
        );
        let found: Vec<_> = all.iter().map(|one| one.directory(&mounts)).collect();
        let expected =
            ["/sys/fs/cgroup/cpu/a/b", "/sys/fs/cgroup/memory", "/sys/fs/cgroup/systemd/init.scope"];
        assert_eq!(found[..3], expected.map(|path| Some(PathBuf::from(path))));
        assert_eq!(found[3], None, "outside the cgroup namespace");
    }

    #[test]
    fn strange_lines_are_errors() {
        for line in ["", "x:cpu:/", "1:cpu", "1:cpu:relative"] {
            let parsed = Membership::parse(line.as_bytes());
            assert!(parsed.map(|all| all.is_empty()).unwrap_or(true), "{line}");
        }
        assert_eq!(Membership::parse(b"0::/a:b (deleted)\n").expect("one")[0].path, "/a:b (deleted)");
    }

    #[test]
    fn our_own_cgroups_hold_us() {
        let ours = Task::ours().expect("ours");
        let mounts = ours.mounts().expect("mounts");
        let mut found = 0;
        let unified = Unified::of(&ours, &mounts).expect("cgroups");
        for membership in ours.cgroups().expect("cgroups") {
            if membership.hierarchy == 0 {
                let unified = unified.as_ref().expect("the unified one");
                assert_eq!(unified.path, Path::new(&membership.path));
                assert_eq!(unified.directory, membership.directory(&mounts));
                assert_eq!(unified.is_root(), membership.path == "/");
            }
            if let Some(directory) = membership.directory(&mounts) {
                assert!(members(&directory).expect("members").contains(&std::process::id()), "{directory:?}");
                found += 1;
            }
        }
        if found == 0 {
            println!("SKIP observe-cgroup: no cgroup file system is mounted");
        }
    }
}
