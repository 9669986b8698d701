//! A cgroup of its own for each container. cgroups(7), Documentation/admin-guide/cgroup-v2.rst.
//!
//! The files are written here and not by `libcgroups` or `cgroups-rs`: the plan already holds each file
//! with the text that goes into it, which is all that such a crate would compute from an OCI `resources`
//! section; they bring 67 and 74 crates (one of them a D-Bus client), kill by process id when they remove
//! a cgroup (another process may have that id by then), and read nothing back.

pub mod value;

use crate::ledger::Owner;
use crate::status::Verdict;
use crate::sys::pidfd;
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::path::{Path, PathBuf};
use std::time::Duration;
use stockade_observe::{ObserveError, Task, cgroup};
use stockade_policy::plan::{Cgroup, CgroupHierarchy};

/// How often removing is tried. With the pauses below about a second and a half in all.
const ATTEMPTS: u32 = 60;
/// Cgroups that one launcher may have in one place at the same time.
const MOST: u32 = 4096;
/// How deep a container may have nested cgroups of its own.
const DEPTH: u32 = 64;

/// What went wrong with a cgroup.
#[derive(Debug, thiserror::Error)]
pub enum CgroupError {
    /// Its name could not be formed.
    #[error("cannot name the cgroup")]
    Owner(#[source] ObserveError),
    /// mkdir(2)
    #[error("cannot make the cgroup {}: {source}", path.display())]
    Create {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The launcher has too many of them already.
    #[error("this launcher has {MOST} cgroups in {} already", path.display())]
    Full {
        /// The parent directory.
        path: PathBuf,
    },
    /// A value was refused.
    #[error("cannot write `{value}` to {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What was to be written.
        value: String,
        /// Why.
        source: io::Error,
    },
    /// A cgroup could not be opened or listed.
    #[error("cannot open the cgroup {}: {source}", path.display())]
    Open {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Who is in it could not be read.
    #[error("cannot read a cgroup")]
    Read(#[source] ObserveError),
    /// A process in it could not be killed.
    #[error("cannot kill process {pid} in {}: {source}", path.display())]
    Kill {
        /// The process; 0: one outside our pid namespace.
        pid: u32,
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// rmdir(2)
    #[error("cannot remove the cgroup {}: {source}", path.display())]
    Remove {
        /// The directory.
        path: PathBuf,
        /// Why; EBUSY: a process in it does not end.
        source: io::Error,
    },
}

/// The cgroup of one container: a directory in each hierarchy of its plan. Removed when dropped, with
/// whatever still runs in it.
#[derive(Debug)]
pub struct Created {
    directories: Vec<PathBuf>,
    unified: Option<File>,
}

impl Created {
    /// Makes the directories and writes the values, in the plan's order. On an error nothing is left.
    pub fn create(plan: &Cgroup) -> Result<Created, CgroupError> {
        let owner = Owner::ours().map_err(CgroupError::Owner)?;
        let mut created = Created { directories: Vec::new(), unified: None };
        // Two controllers of one legacy hierarchy share their directory.
        let mut made: Vec<(&str, PathBuf)> = Vec::new();
        for hierarchy in &plan.hierarchies {
            let known = made.iter().find(|(parent, _)| *parent == hierarchy.parent);
            let directory = match known {
                Some((_, directory)) => directory.clone(),
                None => {
                    if hierarchy.unified {
                        enable(hierarchy)?;
                    }
                    let directory = make(Path::new(&hierarchy.parent), owner)?;
                    created.directories.push(directory.clone());
                    made.push((&hierarchy.parent, directory.clone()));
                    directory
                }
            };
            for (file, value) in &hierarchy.values {
                write(&directory.join(file), value)?;
            }
            if hierarchy.unified {
                let opened = File::open(&directory);
                created.unified =
                    Some(opened.map_err(|source| CgroupError::Open { path: directory, source })?);
            }
        }
        Ok(created)
    }

    /// The directory in the unified hierarchy, for `CLONE_INTO_CGROUP` (5.7); open as long as
    /// `self` lives.
    pub fn unified_fd(&self) -> Option<RawFd> {
        self.unified.as_ref().map(AsRawFd::as_raw_fd)
    }

    /// Its directories.
    pub fn directories(&self) -> &[PathBuf] {
        &self.directories
    }

    /// Moves a process with all its threads into it, in every hierarchy: the legacy ones, and the unified
    /// one where the process was not cloned into it.
    pub fn join(&self, pid: u32) -> Result<(), CgroupError> {
        self.directories
            .iter()
            .try_for_each(|directory| write(&directory.join("cgroup.procs"), &pid.to_string()))
    }

    /// Removes it, and kills what is still in it.
    pub fn remove(mut self) -> Result<(), CgroupError> {
        self.unified = None;
        while let Some(directory) = self.directories.last() {
            remove_tree(directory)?;
            self.directories.pop();
        }
        Ok(())
    }
}

impl Drop for Created {
    fn drop(&mut self) {
        for directory in &self.directories {
            // What cannot be removed here stays on the ledger by its name; the next launch tries again.
            let _ = remove_tree(directory);
        }
    }
}

fn make(parent: &Path, owner: Owner) -> Result<PathBuf, CgroupError> {
    for count in 0..MOST {
        let path = parent.join(owner.name(count));
        match fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(source) => return Err(CgroupError::Create { path, source }),
        }
    }
    Err(CgroupError::Full { path: parent.to_owned() })
}

/// Makes the parent directory and enables in it the controllers whose files the plan writes. The parent
/// stays: it is one for all launches, and holds nothing itself.
fn enable(hierarchy: &CgroupHierarchy) -> Result<(), CgroupError> {
    let parent = Path::new(&hierarchy.parent);
    let files = hierarchy.values.iter().map(|(file, _)| file.as_str());
    let controllers: BTreeSet<_> = files
        .filter_map(|file| file.split_once('.'))
        .map(|(name, _)| name)
        .filter(|name| *name != "cgroup")
        .collect();
    match cgroup::value(parent, "cgroup.subtree_control") {
        Ok(enabled) if controllers.iter().all(|name| enabled.split(' ').any(|word| word == *name)) => {
            return Ok(());
        }
        Ok(_) => {}
        Err(ObserveError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            match fs::create_dir(parent) {
                Ok(()) => {}
                // Another launcher was first.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(source) => return Err(CgroupError::Create { path: parent.to_owned(), source }),
            }
        }
        Err(error) => return Err(CgroupError::Read(error)),
    }
    if controllers.is_empty() {
        return Ok(());
    }
    let words: Vec<_> = controllers.iter().map(|name| format!("+{name}")).collect();
    let words = words.join(" ");
    // A cgroup can pass on only what it was given itself: from the outside inwards.
    let available = cgroup::value(parent, "cgroup.controllers").map_err(CgroupError::Read)?;
    if let Some(above) = parent.parent()
        && !controllers.iter().all(|name| available.split(' ').any(|word| word == *name))
    {
        write(&above.join("cgroup.subtree_control"), &words)?;
    }
    write(&parent.join("cgroup.subtree_control"), &words)
}

/// Writes without creating: in a cgroup every file is there already, or the kernel does not have it.
fn write(path: &Path, value: &str) -> Result<(), CgroupError> {
    let written =
        OpenOptions::new().write(true).open(path).and_then(|mut file| file.write_all(value.as_bytes()));
    written.map_err(|source| CgroupError::Write { path: path.to_owned(), value: value.to_owned(), source })
}

/// Kills what is in the cgroup at `path` and below, and removes it. Not there: done.
pub(crate) fn remove_tree(path: &Path) -> Result<(), CgroupError> {
    // Most often nothing is in it any more: then this is the only call.
    if removed(path).is_ok() {
        return Ok(());
    }
    let mut pause = Duration::from_millis(1);
    let mut attempt = 0;
    loop {
        kill(path)?;
        match remove_below(path, DEPTH) {
            Ok(()) => return Ok(()),
            // A killed process leaves its cgroup on its way out, which takes it a moment.
            Err(CgroupError::Remove { source, .. })
                if source.raw_os_error() == Some(libc::EBUSY) && attempt < ATTEMPTS => {}
            Err(error) => return Err(error),
        }
        attempt += 1;
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(32));
    }
}

fn removed(path: &Path) -> io::Result<()> {
    match fs::remove_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn children(path: &Path) -> Result<Vec<PathBuf>, CgroupError> {
    let failed = |source| CgroupError::Open { path: path.to_owned(), source };
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut directories = Vec::new();
    for entry in entries {
        let entry = match entry {
            // The directory went while it was listed.
            Err(error) if matches!(error.raw_os_error(), Some(libc::ENODEV | libc::ENOENT)) => break,
            other => other.map_err(failed)?,
        };
        if entry.file_type().map_err(failed)?.is_dir() {
            directories.push(entry.path());
        }
    }
    Ok(directories)
}

fn remove_below(path: &Path, depth: u32) -> Result<(), CgroupError> {
    if depth > 0 {
        children(path)?.iter().try_for_each(|child| remove_below(child, depth - 1))?;
    }
    removed(path).map_err(|source| CgroupError::Remove { path: path.to_owned(), source })
}

/// Kills everything in the cgroup and below.
fn kill(path: &Path) -> Result<(), CgroupError> {
    // 5.14, unified hierarchy: at once, and nothing that forks meanwhile gets away.
    match OpenOptions::new()
        .write(true)
        .open(path.join("cgroup.kill"))
        .and_then(|mut file| file.write_all(b"1"))
    {
        Ok(()) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(source) => return Err(CgroupError::Kill { pid: 0, path: path.to_owned(), source }),
    }
    kill_one_by_one(path, DEPTH)
}

fn kill_one_by_one(path: &Path, depth: u32) -> Result<(), CgroupError> {
    if depth > 0 {
        children(path)?.iter().try_for_each(|child| kill_one_by_one(child, depth - 1))?;
    }
    let members = || match cgroup::members(path) {
        Ok(members) => Ok(members),
        Err(ObserveError::Read { source, .. })
            // Gone; or threaded, so that the cgroup above lists its processes.
            if matches!(source.raw_os_error(), Some(libc::ENOENT | libc::ENODEV | libc::EOPNOTSUPP)) =>
        {
            Ok(Vec::new())
        }
        Err(error) => Err(CgroupError::Read(error)),
    };
    let failed = |pid, source| CgroupError::Kill { pid, path: path.to_owned(), source };
    let mut held = Vec::new();
    for pid in members()? {
        match pidfd::hold(pid) {
            Ok(process) => held.push((pid, process)),
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => {}
            Err(source) => return Err(failed(pid, source)),
        }
    }
    if held.is_empty() {
        return Ok(());
    }
    // Held first, then asked again: a process that took the number of one that ended in between is not
    // in the cgroup, and one that is was held.
    let still: BTreeSet<_> = members()?.into_iter().collect();
    held.iter()
        .filter(|(pid, _)| still.contains(pid))
        .try_for_each(|(pid, process)| process.kill().map_err(|source| failed(*pid, source)))
}

/// Reads back: whether the process is in a cgroup of ours where the plan puts it, and every value.
pub fn verify(plan: &Cgroup, task: &Task) -> Result<Verdict, ObserveError> {
    let mounts = Task::ours()?.mounts()?;
    let memberships = task.cgroups()?;
    let directories: Vec<_> = memberships.iter().filter_map(|one| one.directory(&mounts)).collect();
    let mut verdict = Verdict::Exact;
    for hierarchy in &plan.hierarchies {
        let parent = Path::new(&hierarchy.parent);
        let ours = directories.iter().find_map(|directory| {
            let first = directory.strip_prefix(parent).ok()?.components().next()?;
            let name = first.as_os_str().to_str()?;
            Owner::of(name).map(|_| parent.join(name))
        });
        verdict = verdict.and(match ours {
            Some(directory) => value::verify(hierarchy, &directory)?,
            None => Verdict::looser(format!("in no cgroup of stockade in {}", hierarchy.parent)),
        });
    }
    Ok(verdict)
}

/// The same where an engine's runtime has put the process into a cgroup: wherever that is, it or one that it lies in
/// holds every value.
pub fn verify_wherever(plan: &Cgroup, task: &Task) -> Result<Verdict, ObserveError> {
    let mounts = Task::ours()?.mounts()?;
    let tops: Vec<&Path> = mounts
        .0
        .iter()
        .filter(|mount| mount.filesystem.starts_with("cgroup"))
        .map(|mount| mount.at.as_path())
        .collect();
    let directories: Vec<_> = task.cgroups()?.iter().filter_map(|one| one.directory(&mounts)).collect();
    let mut verdict = Verdict::Exact;
    for hierarchy in &plan.hierarchies {
        let parent = Path::new(&hierarchy.parent);
        let top =
            tops.iter().filter(|top| parent.starts_with(top)).max_by_key(|top| top.components().count());
        let own = top.and_then(|top| directories.iter().find(|one| one.starts_with(top) && *one != top));
        let Some((top, own)) = top.zip(own) else {
            verdict =
                verdict.and(Verdict::looser(format!("in no cgroup of its own beside {}", parent.display())));
            continue;
        };
        let mut best = value::verify(hierarchy, own)?;
        for above in own.ancestors().skip(1).take_while(|above| above != top) {
            if !matches!(best, Verdict::Looser { .. }) {
                break;
            }
            best = value::verify(hierarchy, above)?;
        }
        verdict = verdict.and(best);
    }
    Ok(verdict)
}

#[cfg(test)]
mod tests;
