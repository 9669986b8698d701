//! Files in which what was made once is kept, by what it was made of.
//!
//! What is kept decides what a program may do, so nobody but its owner may have written it: directory and file belong to
//! the caller and are closed to everyone else, and no symbolic link is followed to the file. Whatever is wrong with it,
//! it is made anew.

use crate::stages::hex;
use rustix::fs::{
    AtFlags, Dir, FileType, Mode, OFlags, Stat, fstat, open, openat, renameat, statat, unlinkat,
};
use rustix::process::geteuid;
use sha2::{Digest, Sha256};
use std::fs::{DirBuilder, File};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::Path;

/// Entries that are kept in a directory; beyond, the oldest goes.
const ENTRIES: usize = 128;

/// The place of one entry.
pub(crate) struct Kept {
    directory: OwnedFd,
    entry: String,
}

impl Kept {
    /// The place in the directory `path` for what this binary makes of `parts`; `None` where there is no safe one.
    pub(crate) fn open(path: &Path, parts: &[&[u8]]) -> Option<Kept> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let directory = open(path, flags, Mode::empty()).ok().or_else(|| {
            // The caller's own, from the first moment on.
            DirBuilder::new().mode(0o700).recursive(true).create(path).ok()?;
            open(path, flags, Mode::empty()).ok()
        })?;
        if !is_private(&fstat(&directory).ok()?) {
            return None;
        }
        let mut key = Sha256::new();
        key.update(binary()?);
        for part in parts {
            // With its length, so that no two lists of parts are one text.
            key.update(u64::try_from(part.len()).ok()?.to_le_bytes());
            key.update(part);
        }
        Some(Kept { directory, entry: format!("{}.json", hex(&key.finalize())) })
    }

    /// What is kept there.
    pub(crate) fn read(&self) -> Option<Vec<u8>> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = openat(&self.directory, &self.entry, flags, Mode::empty()).ok()?;
        let stat = fstat(&file).ok()?;
        if !is_private(&stat) || FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return None;
        }
        // With room for the look at the end, so that one call reads it and one finds the end.
        let size = u64::try_from(stat.st_size).ok()?;
        let mut text = Vec::with_capacity(usize::try_from(size).ok()?.saturating_add(32));
        File::from(file).take(size + 1).read_to_end(&mut text).ok()?;
        Some(text)
    }

    /// Keeps `text`. What cannot be kept is made again next time.
    pub(crate) fn write(&self, text: &[u8]) {
        self.make_room();
        // Under another name first: a reader sees a whole entry or none.
        let half = format!("{}.{}", self.entry, std::process::id());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let Ok(file) = openat(&self.directory, &half, flags, Mode::RUSR | Mode::WUSR) else { return };
        let written = File::from(file).write_all(text).is_ok()
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
