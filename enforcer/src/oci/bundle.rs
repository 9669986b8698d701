//! The `config.json` of a bundle, and other files in its terms that an engine hands over.

use super::canonical::canonical;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, fstat, openat, renameat, unlinkat};
use rustix::io::Errno;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use stockade_policy::oci::{Document, DocumentError};

/// The file in a bundle. OCI runtime specification, bundle.md.
pub const CONFIG: &str = "config.json";

/// Where what was given is kept once something else stands in its place: behind a line with the hash of that. A bundle that
/// is started again is met as it was given, and not as it was made: whoever can write either can write the bundle.
const GIVEN: &str = "config.json.given";

/// More than the longest text that is read, bytes.
const LONGEST: u64 = (8 << 20) + 1;

/// Why a file of an engine could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
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
    /// Something else than a regular file.
    #[error("{} is no regular file", path.display())]
    Kind {
        /// What.
        path: PathBuf,
    },
    /// No document.
    #[error("{} is not what a runtime reads: {source}", path.display())]
    Document {
        /// The file.
        path: PathBuf,
        /// Why.
        source: DocumentError,
    },
}

/// An opened bundle: all that is read and written of it is in this very directory.
#[derive(Debug)]
pub struct Bundle {
    directory: OwnedFd,
    path: PathBuf,
    mode: Mode,
    /// The text of `config`.
    given: Vec<u8>,
    /// Whether something else stands in its place.
    is_made: bool,
    /// Its `config.json`, as it was given: what was put into its place earlier does not count.
    pub config: Document,
}

impl Bundle {
    /// Opens the bundle at `path` and reads its `config.json`. Links are not followed: an engine writes files.
    pub fn open(path: &Path) -> Result<Bundle, BundleError> {
        let fault = |operation, path: &Path, source: io::Error| BundleError::File {
            operation,
            path: path.to_owned(),
            source,
        };
        let path = canonical(path).map_err(|source| fault("find", path, source))?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let directory =
            openat(CWD, &path, flags, Mode::empty()).map_err(|errno| fault("open", &path, errno.into()))?;
        let place = path.join(CONFIG);
        let Some((text, mode)) = regular(&directory, CONFIG, &place, LONGEST)? else {
            return Err(fault("open", &place, Errno::NOENT.into()));
        };
        let kept = regular(&directory, GIVEN, &path.join(GIVEN), LONGEST + HASH)?;
        let kept = kept.and_then(|(kept, _)| split(kept, &text));
        let (is_made, given) = (kept.is_some(), kept.unwrap_or(text));
        let config =
            Document::parse(&given).map_err(|source| BundleError::Document { path: place, source })?;
        Ok(Bundle { directory, path, mode, given, is_made, config })
    }

    /// The directory, absolute.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The root of the container as a path of the host, with links followed.
    pub fn root(&self) -> Result<PathBuf, BundleError> {
        let root = self.path.join(self.config.string(&["root", "path"]));
        canonical(&root).map_err(|source| BundleError::File {
            operation: "find the root",
            path: root,
            source,
        })
    }

    /// Puts `config` in the place of the `config.json`, and keeps what was given: whoever reads it finds the old one or the
    /// new one, whole.
    pub fn replace(&self, config: &Document) -> Result<(), BundleError> {
        let text = config.text();
        let kept = [hash(text.as_bytes()).as_bytes(), &self.given].concat();
        // First: it says itself what it counts for.
        replace(&self.directory, &self.path, GIVEN, &kept, self.mode)?;
        replace(&self.directory, &self.path, CONFIG, text.as_bytes(), self.mode)
    }

    /// Puts back what was given where something else stands in its place: for a container that is observed.
    pub fn give_back(&self) -> Result<(), BundleError> {
        if !self.is_made {
            return Ok(());
        }
        replace(&self.directory, &self.path, CONFIG, &self.given, self.mode)
    }
}

/// Bytes of a hash as it is written, and of the end of its line.
const HASH: u64 = 65;

/// The hash of a text, as a line.
fn hash(text: &[u8]) -> String {
    let hex = Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    hex + "\n"
}

/// What was given where `made` was put into its place; `None`: something else was.
fn split(mut kept: Vec<u8>, made: &[u8]) -> Option<Vec<u8>> {
    let hash = hash(made);
    kept.starts_with(hash.as_bytes()).then(|| kept.split_off(hash.len()))
}

/// The bytes of a regular file in `directory`, and its permissions; `None`: it is not there. Links are not followed.
fn regular(
    directory: &OwnedFd,
    name: &str,
    path: &Path,
    limit: u64,
) -> Result<Option<(Vec<u8>, Mode)>, BundleError> {
    let fault = |operation, source| BundleError::File { operation, path: path.to_owned(), source };
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match openat(directory, name, flags, Mode::empty()) {
        Ok(file) => file,
        Err(Errno::NOENT) => return Ok(None),
        Err(errno) => return Err(fault("open", errno.into())),
    };
    let stat = fstat(&file).map_err(|errno| fault("stat", errno.into()))?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(BundleError::Kind { path: path.to_owned() });
    }
    let text = read(File::from(file), stat.st_size, limit).map_err(|source| fault("read", source))?;
    Ok(Some((text, Mode::from_raw_mode(stat.st_mode & 0o777))))
}

/// A file in a bundle's terms that stands alone: the process of an `exec`, the resources of an `update`.
pub fn read_part(path: &Path) -> Result<Document, BundleError> {
    let fault = |source: io::Error| BundleError::File { operation: "open", path: path.to_owned(), source };
    // An engine hands over a file or a pipe of its own; nobody else can have written its name.
    let file = File::open(path).map_err(fault)?;
    let size = fstat(&file).map_or(0, |stat| stat.st_size);
    parse(file, size, path)
}

/// The same from standard input.
pub fn read_standard_input() -> Result<Document, BundleError> {
    parse(io::stdin().lock(), 0, Path::new("standard input"))
}

fn parse(from: impl Read, size: i64, path: &Path) -> Result<Document, BundleError> {
    let text = read(from, size, LONGEST).map_err(|source| BundleError::File {
        operation: "read",
        path: path.to_owned(),
        source,
    })?;
    Document::parse(&text).map_err(|source| BundleError::Document { path: path.to_owned(), source })
}

/// What is there up to `limit` bytes: in one call, and one that finds the end, where it has the `size` that fstat(2) told.
pub(super) fn read(from: impl Read, size: i64, limit: u64) -> io::Result<Vec<u8>> {
    // The standard library looks for the end in a place of its own where there is less room than this.
    const ROOM: u64 = 32;
    let size = u64::try_from(size).unwrap_or_default().min(limit) + ROOM;
    let mut text = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    from.take(limit).read_to_end(&mut text)?;
    Ok(text)
}

/// Writes a file under another name and gives it its own when it is whole.
pub(super) fn replace(
    directory: &OwnedFd,
    path: &Path,
    name: &str,
    content: &[u8],
    mode: Mode,
) -> Result<(), BundleError> {
    let half = format!(".{name}.{}", std::process::id());
    let fault = |operation, source: io::Error| BundleError::File { operation, path: path.join(name), source };
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = openat(directory, &half, flags, mode).or_else(|errno| {
        if errno == Errno::EXIST {
            // One of an earlier process with our number, which is gone.
            unlinkat(directory, &half, AtFlags::empty())?;
            return openat(directory, &half, flags, mode);
        }
        Err(errno)
    });
    let file = file.map_err(|errno| fault("create", errno.into()))?;
    let written = File::from(file)
        .write_all(content)
        .and_then(|()| renameat(directory, &half, directory, name).map_err(io::Error::from));
    if written.is_err() {
        // A full disk leaves the old file as it was.
        let _ = unlinkat(directory, &half, AtFlags::empty());
    }
    written.map_err(|source| fault("write", source))
}
