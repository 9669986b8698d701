//! Reading inside the directory that becomes `/`. Its contents may be hostile: no path leads out of it,
//! and nothing but a regular file is opened for reading.

use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fstat, open, openat2, readlinkat};
use rustix::io::Errno;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// The directory that becomes `/`.
#[derive(Debug)]
pub(crate) struct Root {
    directory: OwnedFd,
    shown: PathBuf,
}

/// Why something inside the root could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RootError {
    /// The directory itself.
    #[error("cannot open the root {}: {source}", path.display())]
    Open { path: PathBuf, source: Errno },
    /// Something inside it.
    #[error("cannot {operation} {path} inside {}: {source}", root.display())]
    Inside { operation: &'static str, path: String, root: PathBuf, source: std::io::Error },
    /// A file larger than anything of its kind.
    #[error("{path} inside {} is larger than {limit} bytes", root.display())]
    TooLarge { path: String, root: PathBuf, limit: u64 },
    /// A name that no profile can hold.
    #[error("{path} inside {} leads to a name that is not UTF-8", root.display())]
    NotUtf8 { path: String, root: PathBuf },
}

/// Something found inside the root.
pub(crate) struct Found {
    /// Its path inside the root, with every symbolic link followed.
    pub(crate) path: String,
    /// It, opened for reading; `None` where it is no regular file.
    pub(crate) file: Option<File>,
}

impl Root {
    /// Opens the directory at `path`.
    pub(crate) fn open(path: &Path) -> Result<Root, RootError> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = open(path, flags, Mode::empty())
            .map_err(|source| RootError::Open { path: path.to_owned(), source })?;
        Ok(Root { directory, shown: path.to_owned() })
    }

    fn fault(&self, operation: &'static str, path: &str, source: impl Into<std::io::Error>) -> RootError {
        RootError::Inside {
            operation,
            path: path.to_owned(),
            root: self.shown.clone(),
            source: source.into(),
        }
    }

    /// What stands at `path`, which may lead through symbolic links but never out; `None`: nothing.
    pub(crate) fn find(&self, path: &str) -> Result<Option<Found>, RootError> {
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        // O_PATH first: opening a device or a pipe for reading has effects.
        let entry =
            match openat2(&self.directory, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), resolve) {
                Ok(entry) => entry,
                Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
                Err(source) => return Err(self.fault("open", path, source)),
            };
        let inside = self.inside(path, &entry)?;
        let stat = fstat(&entry).map_err(|source| self.fault("stat", path, source))?;
        let file = if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile {
            let link = descriptor_link(&entry);
            Some(File::open(link).map_err(|source| self.fault("read", path, source))?)
        } else {
            None
        };
        Ok(Some(Found { path: inside, file }))
    }

    /// The path of an open entry, seen from the root.
    fn inside(&self, path: &str, entry: &OwnedFd) -> Result<String, RootError> {
        let full = |descriptor: &OwnedFd| {
            readlinkat(CWD, descriptor_link(descriptor), Vec::new())
                .map(|name| PathBuf::from(std::ffi::OsString::from_vec(name.into_bytes())))
                .map_err(|source| self.fault("name", path, source))
        };
        let (root, found) = (full(&self.directory)?, full(entry)?);
        let below = found.strip_prefix(&root).map_err(|_| {
            self.fault("name", path, std::io::Error::other("it was moved out while it was looked up"))
        })?;
        match Path::new("/").join(below).into_os_string().into_string() {
            Ok(name) => Ok(name),
            Err(_) => Err(RootError::NotUtf8 { path: path.to_owned(), root: self.shown.clone() }),
        }
    }

    /// The text of a small file, with bad UTF-8 replaced; `None`: there is no such regular file.
    pub(crate) fn read(&self, path: &str, limit: u64) -> Result<Option<String>, RootError> {
        let Some(file) = self.find(path)?.and_then(|found| found.file) else { return Ok(None) };
        let mut bytes = Vec::new();
        file.take(limit + 1).read_to_end(&mut bytes).map_err(|source| self.fault("read", path, source))?;
        if u64::try_from(bytes.len()).is_ok_and(|length| length > limit) {
            return Err(RootError::TooLarge { path: path.to_owned(), root: self.shown.clone(), limit });
        }
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }
}

/// The link in /proc through which an open entry is opened again or named. proc(5).
fn descriptor_link(descriptor: &OwnedFd) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", descriptor.as_raw_fd()))
}
