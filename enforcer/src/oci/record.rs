//! What is known of the containers that were made: kept from `create` on, until the container is gone.

use super::bundle::{self, BundleError};
use super::init;
use super::maker::{self, Maker};
use super::restored::hold;
use rustix::fs::{
    AtFlags, FlockOperation, Mode, OFlags, StatVfsMountFlags, flock, fstat, open, statvfs, symlinkat,
    unlinkat,
};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use std::fs::{self, DirBuilder, File};
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;
use stockade_policy::oci::{Bounds, Cut};
use stockade_policy::plan::Plan;

/// Where the state is kept if nothing else is said. Not in /run, where many hosts start no program from.
pub const STATE: &str = "/var/lib/stockade";

const RECORD: &str = "record.json";
const INIT: &str = "init";
const CRIU: &str = "criu.conf";
const COLLECTED: &str = "collected";

/// What a `create` takes at most between the directory of a container and the container.
const CREATE: Duration = Duration::from_secs(60);

/// A container that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The engine's id of it.
    pub id: String,
    /// The bundle it was made from.
    pub bundle: PathBuf,
    /// Where the inner runtime keeps its state of it.
    pub inner_state: PathBuf,
    /// The inner runtime.
    pub inner: PathBuf,
    /// The profiles and floors that were met, the one that gives the name first.
    pub profiles: Vec<String>,
    /// The rule that chose them, as `file:line:column`.
    pub rule: Option<String>,
    /// Whether it was only observed: the plan says what would be around it.
    pub observed: bool,
    /// What the kernel must show.
    pub plan: Plan,
    /// What later processes and limits keep to.
    pub bounds: Bounds,
    /// What was changed in the bundle.
    pub cuts: Vec<Cut>,
}

impl Record {
    /// Whether the inner runtime knows the container.
    fn is_there(&self) -> bool {
        self.inner_state.join(&self.id).exists()
    }
}

/// Why the state could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// A system call.
    #[error("cannot {operation} {}: {source}", path.display())]
    File {
        /// What was tried.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others can change what is kept.
    #[error("{} can be changed by others than its owner, or is not the caller's: it is not believed", path.display())]
    NotOurs {
        /// The directory.
        path: PathBuf,
    },
    /// A record that cannot be read.
    #[error("{} is no record: {source}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// Another container of this id is there, or about to be.
    #[error("there is a container {id} already, or it is being made")]
    Exists {
        /// The id.
        id: String,
    },
    /// The state lies where no program can be started from.
    #[error("{} lies on a file system that is mounted noexec: name another `state` in the rules", path.display())]
    NoExec {
        /// The directory.
        path: PathBuf,
    },
    /// Two runtimes keep a container of this id.
    #[error("{} and {} are both records of {id}", first.display(), second.display())]
    Two {
        /// The id.
        id: String,
        /// One.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
    /// A file could not be written.
    #[error(transparent)]
    Write(#[from] BundleError),
}

/// The directory in which the containers of one host are known.
#[derive(Clone, Debug)]
pub struct State {
    path: PathBuf,
}

/// The directory of one container.
#[derive(Debug)]
pub struct Place {
    directory: OwnedFd,
    path: PathBuf,
    maker: Maker,
}

/// A record as it is written.
#[derive(Serialize)]
struct Written<'a> {
    #[serde(flatten)]
    record: &'a Record,
    maker: &'a Maker,
}

impl State {
    /// The state at `path`, which nobody but its owner may enter; made where it is not there.
    pub fn open(path: &Path) -> Result<State, RecordError> {
        let state = State { path: path.to_owned() };
        private(&state.containers())?;
        state.check()?;
        Ok(state)
    }

    /// The state at `path`, if there is one.
    pub fn existing(path: &Path) -> State {
        State { path: path.to_owned() }
    }

    /// Whether nobody else can have put something of his own in the place of what is kept.
    fn check(&self) -> Result<(), RecordError> {
        for path in [self.path.clone(), self.containers()] {
            match fs::symlink_metadata(&path) {
                Ok(data) if data.is_dir() && is_ours(data.uid()) && data.mode() & 0o022 == 0 => {}
                Ok(_) => return Err(RecordError::NotOurs { path }),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => return Err(RecordError::File { operation: "look at", path, source }),
            }
        }
        Ok(())
    }

    fn containers(&self) -> PathBuf {
        self.path.join("containers")
    }

    /// The directory of a container, made where it is not there. Two runtimes may use one id: the place where the inner
    /// one keeps its state is part of the name. Refused where a container of this id is there or is being made: what is
    /// kept would be of another one.
    pub fn place(&self, inner_state: &Path, id: &str) -> Result<Place, RecordError> {
        let path = self.containers().join(key(inner_state, id));
        loop {
            let directory = private(&path)?;
            let maker = maker::ours(&directory, &path, &path.join(RECORD))?;
            // What was kept of an earlier one may have been collected before this one locked it.
            if !is_named(&directory, &path) {
                continue;
            }
            return match maker {
                Some(maker) if is_gone(&inner_state.join(id)) => Ok(Place { directory, path, maker }),
                _ => Err(RecordError::Exists { id: id.to_owned() }),
            };
        }
    }

    /// Where the init of a container will stand.
    pub fn init(&self, inner_state: &Path, id: &str) -> PathBuf {
        self.containers().join(key(inner_state, id)).join(INIT)
    }

    /// Whether the init stands in the container of the process `pid` as it was put there.
    pub fn has_init(&self, inner_state: &Path, id: &str, pid: u32) -> Result<bool, RecordError> {
        let identity = |path: PathBuf| {
            let data = fs::symlink_metadata(&path);
            data.map(|data| (data.dev(), data.ino())).map_err(|source| RecordError::File {
                operation: "look at",
                path,
                source,
            })
        };
        let inside = PathBuf::from(format!("/proc/{pid}/root{}", init::PATH));
        Ok(identity(inside)? == identity(self.init(inner_state, id))?)
    }

    /// The record of a container; `None`: it was not made here.
    pub fn find(&self, inner_state: &Path, id: &str) -> Result<Option<Record>, RecordError> {
        self.check()?;
        read(&self.containers().join(key(inner_state, id)).join(RECORD))
    }

    /// The record of the container with the engine's id `id`; `None`: it was not made here.
    pub fn of(&self, id: &str) -> Result<Option<Record>, RecordError> {
        let suffix = format!("@{id}");
        let mut found: Vec<(PathBuf, Record)> = Vec::new();
        for place in self.places()?.into_iter().filter(|place| place.to_string_lossy().ends_with(&suffix)) {
            // What is asked for may have an `@` in it, and be the end of another's name.
            let record = read(&place.join(RECORD))?.filter(|record| record.id == id);
            found.extend(record.map(|record| (place, record)));
        }
        if found.len() > 1 {
            // One that was ended is kept until the next create.
            found.retain(|(_, record)| record.is_there());
        }
        match found.as_slice() {
            [(first, _), (second, _), ..] => {
                Err(RecordError::Two { id: id.to_owned(), first: first.clone(), second: second.clone() })
            }
            _ => Ok(found.pop().map(|(_, record)| record)),
        }
    }

    /// The directories of containers. Where others than the owner can make one nothing is believed.
    fn places(&self) -> Result<Vec<PathBuf>, RecordError> {
        let path = self.containers();
        let fault = |source| RecordError::File { operation: "list", path: path.clone(), source };
        let entries = match fs::read_dir(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(fault)?,
        };
        let about = fs::symlink_metadata(&path).map_err(fault)?;
        let ours = about.is_dir() && about.uid() == rustix::process::geteuid().as_raw();
        if !ours || about.mode() & 0o022 != 0 {
            return Err(RecordError::NotOurs { path });
        }
        entries.map(|entry| entry.map(|entry| entry.path()).map_err(fault)).collect()
    }

    /// Takes away what is kept of containers that the inner runtime no longer knows, and of those whose making was
    /// cut short.
    ///
    /// What is younger than [`CREATE`] stays anyway, so that it is looked at once in that time: the file [`COLLECTED`]
    /// tells when.
    pub fn collect(&self) -> Result<(), RecordError> {
        let collected = self.path.join(COLLECTED);
        if fs::symlink_metadata(&collected).is_ok_and(|data| !is_old(&data)) {
            return Ok(());
        }
        for place in self.places()? {
            // The name says whose it is; without reading what is kept.
            let container = place.file_name().and_then(|name| container(name.to_str()?));
            let gone = || {
                container.as_ref().is_some_and(|(inner_state, id)| {
                    inner_state.is_absolute() && is_gone(&inner_state.join(id))
                })
            };
            let old = || fs::symlink_metadata(&place).is_ok_and(|data| is_old(&data));
            if !(gone() && old()) {
                continue;
            }
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let Ok(directory) = open(&place, flags, Mode::empty()) else { continue };
            // Whoever makes a container there again holds it; and where nobody does, nobody can from here on.
            let locked = flock(&directory, FlockOperation::NonBlockingLockExclusive).is_ok();
            if locked && is_named(&directory, &place) && gone() && old() {
                remove(&place)?;
            }
        }
        // Now is its time, also where it is there. open(2), `O_TRUNC`.
        let fault = |source| RecordError::File { operation: "write", path: collected.clone(), source };
        fs::write(&collected, []).map_err(fault)
    }

    /// Takes away what is kept of one container.
    pub fn remove(&self, inner_state: &Path, id: &str) -> Result<(), RecordError> {
        remove(&self.containers().join(key(inner_state, id)))
    }
}

fn remove(place: &Path) -> Result<(), RecordError> {
    match fs::remove_dir_all(place) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(RecordError::File { operation: "remove", path: place.to_owned(), source })
        }
        _ => Ok(()),
    }
}

/// Whether nothing is there; what cannot be looked at may be.
fn is_gone(path: &Path) -> bool {
    fs::symlink_metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

/// Whether `path` still names the directory.
fn is_named(directory: &OwnedFd, path: &Path) -> bool {
    let (Ok(opened), Ok(named)) = (fstat(directory), fs::symlink_metadata(path)) else { return false };
    (opened.st_dev, opened.st_ino) == (named.dev(), named.ino())
}

/// Whether a file is older than a `create` takes between it and its container.
fn is_old(data: &fs::Metadata) -> bool {
    let age = data.modified().map(|time| time.elapsed());
    // A clock that went back makes nothing old.
    age.is_ok_and(|age| age.is_ok_and(|age| age > CREATE))
}

impl Place {
    /// Writes the init: a file that is read and started, and changed by nobody.
    pub fn write_init(&self, program: &[u8]) -> Result<(), RecordError> {
        let flags = statvfs(&self.path).map_err(|errno| self.fault("look at", errno.into()))?.f_flag;
        if flags.contains(StatVfsMountFlags::NOEXEC) {
            return Err(RecordError::NoExec { path: self.path.clone() });
        }
        Ok(bundle::replace(&self.directory, &self.path, INIT, program, Mode::from_raw_mode(init::MODE))?)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes what criu is told when it restores the container, and under which name it starts `program`; where that
    /// stands.
    pub fn write_criu(&self, options: &str, program: &Path) -> Result<PathBuf, RecordError> {
        symlinkat(program, &self.directory, hold::NAME)
            .map_err(|errno| self.fault("link in", errno.into()))?;
        bundle::replace(&self.directory, &self.path, CRIU, options.as_bytes(), Mode::from_raw_mode(0o600))?;
        Ok(self.path.join(CRIU))
    }

    /// Writes the record.
    pub fn write(&self, record: &Record) -> Result<(), RecordError> {
        let text = serde_json::to_vec(&Written { record, maker: &self.maker })
            .map_err(|source| RecordError::Json { path: self.path.join(RECORD), source })?;
        Ok(bundle::replace(&self.directory, &self.path, RECORD, &text, Mode::from_raw_mode(0o600))?)
    }

    /// Forgets an earlier container of the same id.
    pub fn clear(&self) -> Result<(), RecordError> {
        for name in [RECORD, INIT, CRIU, hold::NAME, hold::CGROUP, hold::WHY] {
            match unlinkat(&self.directory, name, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(errno) => return Err(self.fault("remove from", errno.into())),
            }
        }
        Ok(())
    }

    fn fault(&self, operation: &'static str, source: io::Error) -> RecordError {
        RecordError::File { operation, path: self.path.clone(), source }
    }
}

/// The name of a container's directory: the same in every version of stockade.
fn key(inner_state: &Path, id: &str) -> String {
    let place = inner_state.to_string_lossy().replace('%', "%25").replace('/', "%2f");
    format!("{place}@{id}")
}

/// Where the inner runtime keeps its state of a container, and the id, by the name of the container's directory.
fn container(key: &str) -> Option<(PathBuf, &str)> {
    let (place, id) = key.rsplit_once('@')?;
    Some((PathBuf::from(place.replace("%2f", "/").replace("%25", "%")), id))
}

/// Bytes of one record; most of it is the plan's filter.
const LONGEST: u64 = 32 << 20;

fn read(path: &Path) -> Result<Option<Record>, RecordError> {
    let text = File::open(path).and_then(|file| {
        let mut text = Vec::new();
        file.take(LONGEST).read_to_end(&mut text).map(|_| text)
    });
    match text {
        Ok(text) => serde_json::from_slice(&text)
            .map(Some)
            .map_err(|source| RecordError::Json { path: path.to_owned(), source }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(RecordError::File { operation: "read", path: path.to_owned(), source }),
    }
}

/// A directory of the caller's that nobody else may enter or change.
fn private(path: &Path) -> Result<OwnedFd, RecordError> {
    let fault = |operation, source: io::Error| RecordError::File { operation, path: path.to_owned(), source };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let directory = match open(path, flags, Mode::empty()) {
        Err(Errno::NOENT) => {
            let made = DirBuilder::new().mode(0o700).recursive(true).create(path);
            made.map_err(|source| fault("create", source))?;
            open(path, flags, Mode::empty())
        }
        found => found,
    };
    let directory = directory.map_err(|errno| fault("open", errno.into()))?;
    let stat = fstat(&directory).map_err(|errno| fault("stat", errno.into()))?;
    let ours = is_ours(stat.st_uid) && stat.st_mode & 0o077 == 0;
    if ours { Ok(directory) } else { Err(RecordError::NotOurs { path: path.to_owned() }) }
}

fn is_ours(uid: u32) -> bool {
    uid == rustix::process::geteuid().as_raw()
}

#[cfg(test)]
mod tests;
