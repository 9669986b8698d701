//! Compiled plans of earlier launches. An entry is found by what was asked for, on which host, with which
//! binary, and taken only where everything that was looked up for it still gives the same answer.
//!
//! A plan decides what a program may do, so nobody but its owner may have written it: the directory and the
//! entry belong to the caller and are closed to everyone else, and no symbolic link is followed to the
//! entry. Whatever is wrong with the cache, the launch compiles anew.

use crate::context::Context;
use crate::context::question::Question;
use crate::stages::hex;
use rustix::fs::{
    AtFlags, Dir, FileType, Mode, OFlags, Stat, fstat, open, openat, renameat, statat, unlinkat,
};
use rustix::process::geteuid;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::{DirBuilder, File};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use stockade_policy::host::Host;
use stockade_policy::plan::Plan;

/// Entries that are kept; beyond, the oldest goes.
const ENTRIES: usize = 128;

/// What is asked for.
#[derive(Serialize)]
pub(crate) struct Request<'a> {
    /// The profile, or the outermost of the flags on top of it.
    pub(crate) profile: &'a str,
    /// What the flags stand for.
    pub(crate) overrides: Vec<&'a [u8]>,
    /// Floors, by name.
    pub(crate) floors: &'a [String],
    /// The directory that becomes `/`.
    pub(crate) root: &'a Path,
    /// The host.
    pub(crate) host: &'a Host,
}

/// The place of one plan in the cache.
pub(crate) struct PlanCache {
    directory: OwnedFd,
    entry: String,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    questions: Vec<Question>,
    plan: Plan,
}

impl PlanCache {
    /// The place for the plan that `request` asks for; `None` where there is no safe one.
    pub(crate) fn open(request: &Request<'_>) -> Option<PlanCache> {
        let path = location()?;
        // The caller's own, from the first moment on.
        let made = DirBuilder::new().mode(0o700).recursive(true).create(&path);
        made.ok()?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let directory = open(&path, flags, Mode::empty()).ok()?;
        if !is_private(&fstat(&directory).ok()?) {
            return None;
        }
        let mut key = Sha256::new();
        key.update(binary()?);
        // Relative paths of profiles count from here.
        key.update(std::env::current_dir().ok()?.as_os_str().as_bytes());
        key.update(serde_json::to_vec(request).ok()?);
        Some(PlanCache { directory, entry: format!("{}.json", hex(&key.finalize())) })
    }

    /// The plan, if it is there and nothing that it depends on has changed.
    pub(crate) fn read(&self, context: &Context) -> Option<Plan> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = openat(&self.directory, &self.entry, flags, Mode::empty()).ok()?;
        let stat = fstat(&file).ok()?;
        if !is_private(&stat) || FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return None;
        }
        let mut text = Vec::new();
        File::from(file).read_to_end(&mut text).ok()?;
        let entry: Entry = serde_json::from_slice(&text).ok()?;
        context.still(&entry.questions).then_some(entry.plan)
    }

    /// Keeps `plan` with everything that `context` was asked for it. One that cannot be kept is compiled
    /// again next time.
    pub(crate) fn write(&self, context: &Context, plan: &Plan) {
        let entry = Entry { questions: context.asked(), plan: plan.clone() };
        let Ok(text) = serde_json::to_vec(&entry) else { return };
        self.make_room();
        // Under another name first: a reader sees a whole entry or none.
        let half = format!("{}.{}", self.entry, std::process::id());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let Ok(file) = openat(&self.directory, &half, flags, Mode::RUSR | Mode::WUSR) else { return };
        let written = File::from(file).write_all(&text).is_ok()
            && renameat(&self.directory, &half, &self.directory, &self.entry).is_ok();
        if !written {
            // What is left behind is collected with the other entries.
            let _ = unlinkat(&self.directory, &half, AtFlags::empty());
        }
    }

    /// Removes the oldest entries until there is room for one more.
    fn make_room(&self) {
        let Ok(entries) = Dir::read_from(&self.directory) else { return };
        let mut entries: Vec<_> = entries
            .filter_map(Result::ok)
            .map(|entry| entry.file_name().to_owned())
            .filter(|name| name.to_bytes().iter().any(|byte| *byte != b'.'))
            .filter_map(|name| {
                let stat = statat(&self.directory, &name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
                Some(((stat.st_mtime, stat.st_mtime_nsec), name))
            })
            .collect();
        entries.sort();
        let surplus = (entries.len() + 1).saturating_sub(ENTRIES);
        for (_, name) in entries.into_iter().take(surplus) {
            // One that stays takes space, no more.
            let _ = unlinkat(&self.directory, &name, AtFlags::empty());
        }
    }
}

/// Whether nobody but the caller can write it, or read what it holds.
fn is_private(stat: &Stat) -> bool {
    stat.st_uid == geteuid().as_raw() && stat.st_mode & 0o077 == 0
}

/// Where plans are kept. `XDG_CACHE_HOME` counts for root too: a directory of someone else's is refused.
fn location() -> Option<PathBuf> {
    let named = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let parent = match named("XDG_CACHE_HOME") {
        Some(path) => path,
        None if geteuid().is_root() => PathBuf::from("/var/cache"),
        None => named("HOME")?.join(".cache"),
    };
    Some(parent.join("stockade").join("plans"))
}

/// What tells this binary from another one at the same path.
fn binary() -> Option<Vec<u8>> {
    let stat = std::fs::metadata("/proc/self/exe").ok()?;
    let fields = [stat.dev(), stat.ino(), stat.size()];
    let times = [stat.mtime(), stat.mtime_nsec(), stat.ctime(), stat.ctime_nsec()];
    Some(
        fields
            .iter()
            .flat_map(|field| field.to_le_bytes())
            .chain(times.iter().flat_map(|time| time.to_le_bytes()))
            .collect(),
    )
}
