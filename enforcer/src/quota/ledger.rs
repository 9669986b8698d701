//! Which number is whose: a file for each, on disk before the number is used and until nothing uses it.

use super::place::Filesystem;
use super::{IDS, Id, Limits, QuotaError};
use rustix::fs::{FlockOperation, Mode, OFlags, flock, open};
use serde::{Deserialize, Serialize};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// How far a quota has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// It is being set: what was done of it is to be taken back.
    Begun,
    /// It is in force.
    Set,
    /// It is being taken away.
    Going,
}

/// One number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The number.
    pub id: Id,
    /// On which file system.
    pub filesystem: Filesystem,
    /// What is counted, each with all that lies in it.
    pub directories: Vec<PathBuf>,
    /// What is to be in force.
    pub limits: Limits,
    /// How far it has come.
    pub phase: Phase,
}

/// The entries of a host, held so that nobody else changes them.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    directory: File,
}

/// Where the number before the next is written. It is a hint: what counts is which files there are.
const LAST: &str = "last";
/// An entry is smaller: it has a few paths.
const LONGEST: u64 = 1 << 20;
/// projid(5): what people gave by hand.
const PROJID: &str = "/etc/projid";

impl Ledger {
    /// The ledger below `state`, made where there is none. Waits for whoever holds it.
    ///
    /// # Errors
    ///
    /// Where others could have written it.
    pub fn open(state: &Path) -> Result<Ledger, QuotaError> {
        let path = state.join("quota");
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&path)
            .map_err(QuotaError::ledger("make", &path))?;
        let directory = open_directory(&path)?;
        for path in [state, &path] {
            let found = fs::symlink_metadata(path).map_err(QuotaError::ledger("look at", path))?;
            let ours = found.uid() == rustix::process::geteuid().as_raw();
            if !found.is_dir() || !ours || found.mode() & 0o022 != 0 {
                return Err(QuotaError::NotOurs { path: path.to_owned() });
            }
        }
        flock(&directory, FlockOperation::LockExclusive)
            .map_err(|errno| QuotaError::ledger("lock", &path)(errno.into()))?;
        Ok(Ledger { path, directory: File::from(directory) })
    }

    /// All entries, by number.
    pub fn entries(&self) -> Result<Vec<Entry>, QuotaError> {
        let mut entries = Vec::new();
        for file in fs::read_dir(&self.path).map_err(QuotaError::ledger("list", &self.path))? {
            let name = file.map_err(QuotaError::ledger("list", &self.path))?.file_name();
            // What was cut short has another name, and never was an entry.
            let Some(id) = name.to_str().and_then(|name| name.parse().ok()).map(Id) else { continue };
            entries.extend(self.entry(id)?);
        }
        entries.sort_by_key(|entry: &Entry| entry.id);
        Ok(entries)
    }

    /// The entry of a number, if it is given.
    pub fn entry(&self, id: Id) -> Result<Option<Entry>, QuotaError> {
        let path = self.file(id);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(QuotaError::ledger("open", &path)(error)),
        };
        let mut content = Vec::new();
        file.take(LONGEST).read_to_end(&mut content).map_err(QuotaError::ledger("read", &path))?;
        let wrong = |why: String| QuotaError::Entry { path: path.clone(), why };
        let entry: Entry = serde_json::from_slice(&content).map_err(|error| wrong(error.to_string()))?;
        if entry.id != id || !IDS.contains(&id.0) {
            return Err(wrong(format!("it is of number {}", entry.id)));
        }
        Ok(Some(entry))
    }

    /// Gives a number that nothing has: no entry, no line of projid(5), and not the file system (`is_free`). The entry is
    /// on disk before this returns.
    pub(super) fn allot(
        &self,
        entry: impl Fn(Id) -> Entry,
        is_free: impl Fn(Id) -> Result<bool, QuotaError>,
    ) -> Result<Entry, QuotaError> {
        let named = by_hand();
        let last = fs::read_to_string(self.path.join(LAST)).ok().and_then(|last| last.trim().parse().ok());
        let last = last.filter(|last| IDS.contains(last)).unwrap_or(*IDS.end());
        // From the one after the last that was given once round.
        let candidates = (last + 1..=*IDS.end()).chain(*IDS.start()..=last);
        for id in candidates.map(Id) {
            if named.contains(&id.0) || self.file(id).exists() || !is_free(id)? {
                continue;
            }
            let entry = entry(id);
            self.write(&entry)?;
            // Without it the next one looks a little longer.
            let _ = fs::write(self.path.join(LAST), id.to_string());
            return Ok(entry);
        }
        Err(QuotaError::Full { count: IDS.count() })
    }

    /// Writes an entry in the place of the one before, as a whole or not at all, and onto the disk.
    pub(super) fn write(&self, entry: &Entry) -> Result<(), QuotaError> {
        let path = self.file(entry.id);
        let beside = self.path.join(format!(".{}", entry.id));
        let text = serde_json::to_vec(entry)
            .map_err(|error| QuotaError::Entry { path: path.clone(), why: error.to_string() })?;
        let written =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside).and_then(
                |mut file| {
                    file.write_all(&text)?;
                    file.sync_all()
                },
            );
        let written = written.and_then(|()| fs::rename(&beside, &path));
        let written = written.and_then(|()| self.directory.sync_all());
        written.map_err(QuotaError::ledger("write", &path))
    }

    /// Takes an entry out, on the disk too.
    pub(super) fn strike(&self, id: Id) -> Result<(), QuotaError> {
        let path = self.file(id);
        let struck = fs::remove_file(&path).and_then(|()| self.directory.sync_all());
        struck.map_err(QuotaError::ledger("remove", &path))
    }

    fn file(&self, id: Id) -> PathBuf {
        self.path.join(id.to_string())
    }
}

fn open_directory(path: &Path) -> Result<OwnedFd, QuotaError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    open(path, flags, Mode::empty()).map_err(|errno| QuotaError::ledger("open", path)(errno.into()))
}

/// Numbers that people gave. What cannot be read as one is no number of ours.
fn by_hand() -> Vec<u32> {
    let text = fs::read_to_string(PROJID).unwrap_or_default();
    text.lines().filter_map(|line| line.split_once(':')?.1.trim().parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::fchmod;

    fn entry(id: Id) -> Entry {
        Entry {
            id,
            filesystem: Filesystem { kind: "xfs".to_owned(), uuid: Some("00".to_owned()) },
            directories: vec!["/srv/a".into()],
            limits: Limits { size: Some(1 << 20), ..Limits::NONE },
            phase: Phase::Set,
        }
    }

    #[test]
    fn no_number_is_given_twice() {
        let state = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(state.path()).unwrap();
        let taken = Id(IDS.start() + 2);
        let given: Vec<Id> = (0..4).map(|_| ledger.allot(entry, |id| Ok(id != taken)).unwrap().id).collect();
        let expected = [0, 1, 3, 4].map(|offset| Id(IDS.start() + offset));
        assert_eq!(given, expected);
        // One that was released is not the next: whoever still has it by mistake hits nobody else.
        ledger.strike(given[0]).unwrap();
        assert_eq!(ledger.allot(entry, |_| Ok(true)).unwrap().id, Id(IDS.start() + 5));
        // Without the hint.
        fs::remove_file(state.path().join("quota").join(LAST)).unwrap();
        assert_eq!(ledger.allot(entry, |_| Ok(true)).unwrap().id, Id(*IDS.start()));
        fs::write(state.path().join("quota").join(LAST), IDS.end().to_string()).unwrap();
        assert_eq!(ledger.allot(entry, |_| Ok(true)).unwrap().id, taken, "once round");
        let all: Vec<Id> = ledger.entries().unwrap().iter().map(|entry| entry.id).collect();
        assert_eq!(all, [0, 1, 2, 3, 4, 5].map(|offset| Id(IDS.start() + offset)));
    }

    #[test]
    fn what_others_could_have_written_is_not_believed() {
        let state = tempfile::tempdir().unwrap();
        drop(Ledger::open(state.path()).unwrap());
        let quota = File::open(state.path().join("quota")).unwrap();
        fchmod(&quota, Mode::from_raw_mode(0o770)).unwrap();
        assert!(matches!(Ledger::open(state.path()), Err(QuotaError::NotOurs { .. })));
    }

    #[test]
    fn an_entry_that_was_cut_short_is_an_error_and_one_beside_is_none() {
        let state = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(state.path()).unwrap();
        let id = ledger.allot(entry, |_| Ok(true)).unwrap().id;
        fs::write(state.path().join("quota").join(format!(".{id}")), "{").unwrap();
        assert_eq!(ledger.entries().unwrap(), [entry(id)]);
        let other = Id(id.0 + 1);
        fs::rename(ledger.file(id), ledger.file(other)).unwrap();
        assert!(matches!(ledger.entries(), Err(QuotaError::Entry { .. })), "a file of another number");
        fs::write(ledger.file(other), "{\"id\":").unwrap();
        assert!(matches!(ledger.entries(), Err(QuotaError::Entry { .. })));
    }
}
