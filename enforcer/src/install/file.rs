//! Files that are replaced whole: the old one stands until the new one is complete and on the disk.

use super::{InstallError, LARGEST};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

/// The file that is edited.
pub(super) struct Target {
    /// Absolute, without symbolic links; a name is never followed again.
    pub(super) path: PathBuf,
    metadata: Option<fs::Metadata>,
}

/// A new file beside the old one; removed where it did not take its place.
pub(super) struct Half {
    path: PathBuf,
    /// Its lock says that someone is at it.
    _file: File,
    done: bool,
}

fn fault(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> InstallError {
    move |source| InstallError::Write { operation, path: path.to_owned(), source }
}

/// A name beside `path`.
fn beside(path: &Path, before: &str, behind: &str) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{before}{name}{behind}"))
}

impl Target {
    /// What `path` leads to.
    pub(super) fn find(path: &Path) -> Result<Target, InstallError> {
        let read = |source| InstallError::Read { path: path.to_owned(), source };
        let refuse = |why: &str| InstallError::NotAFile { path: path.to_owned(), why: why.to_owned() };
        let metadata = match fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if fs::symlink_metadata(path).is_ok() {
                    return Err(refuse("it is a symbolic link that leads nowhere"));
                }
                let absolute = std::path::absolute(path).map_err(read)?;
                return Ok(Target { path: absolute, metadata: None });
            }
            Err(error) => return Err(read(error)),
        };
        if !metadata.is_file() {
            return Err(refuse("it is no regular file"));
        }
        if metadata.len() > LARGEST {
            return Err(refuse("it is larger than 1 MiB"));
        }
        if metadata.nlink() > 1 {
            return Err(refuse("it has other names (hard links), which would keep the old text"));
        }
        Ok(Target { path: fs::canonicalize(path).map_err(read)?, metadata: Some(metadata) })
    }

    /// Its text; `None` where there is no file.
    pub(super) fn read(&self) -> Result<Option<String>, InstallError> {
        if self.metadata.is_none() {
            return Ok(None);
        }
        read(&self.path).map(Some)
    }

    fn backup_path(&self) -> PathBuf {
        beside(&self.path, "", ".stockade-backup")
    }

    /// The text as it was before the runtime came.
    pub(super) fn backup(&self) -> Result<Option<String>, InstallError> {
        let path = self.backup_path();
        if fs::symlink_metadata(&path).is_err() {
            return Ok(None);
        }
        read(&path).map(Some)
    }

    /// Keeps `text` as the backup, in the place of one of an earlier time.
    pub(super) fn keep(&self, text: &str) -> Result<PathBuf, InstallError> {
        let backup = self.backup_path();
        self.write_beside(&beside(&self.path, ".", ".stockade-old"), text)?.replace(&backup)?;
        Ok(backup)
    }

    /// Removes the backup.
    pub(super) fn forget(&self) -> Result<(), InstallError> {
        absent(&self.backup_path())
    }

    /// Removes the file.
    pub(super) fn remove(&self) -> Result<(), InstallError> {
        absent(&self.path)
    }

    /// A complete new file beside it, with its mode and owner.
    pub(super) fn write(&self, text: &str) -> Result<Half, InstallError> {
        if let (None, Some(directory)) = (&self.metadata, self.path.parent()) {
            match fs::create_dir(directory) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(fault("create", directory)(error));
                }
                _ => {}
            }
        }
        self.write_beside(&beside(&self.path, ".", ".stockade-new"), text)
    }

    fn write_beside(&self, path: &Path, text: &str) -> Result<Half, InstallError> {
        stale(path)?;
        let open = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let mut file = open.map_err(fault("create", path))?;
        let half = |file| Half { path: path.to_owned(), _file: file, done: false };
        let written = file.try_lock().map_err(io::Error::from).and_then(|()| file.write_all(text.as_bytes()));
        let written = written.and_then(|()| match &self.metadata {
            Some(metadata) => {
                fchown(&file, Some(metadata.uid()), Some(metadata.gid()))?;
                // After the owner: a change of owner clears bits.
                file.set_permissions(fs::Permissions::from_mode(metadata.mode() & 0o7777))
            }
            None => file.set_permissions(fs::Permissions::from_mode(0o644)),
        });
        let written = written.and_then(|()| file.sync_all());
        let half = half(file);
        written.map_err(fault("write", path))?;
        Ok(half)
    }
}

impl Half {
    /// Where it is for now.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Puts it into the place of `path`.
    pub(super) fn replace(mut self, path: &Path) -> Result<(), InstallError> {
        fs::rename(&self.path, path).map_err(fault("replace", path))?;
        self.done = true;
        // The name is on the disk only when the directory is.
        let directory = path.parent().unwrap_or(Path::new("/"));
        let synced = File::open(directory).and_then(|directory| directory.sync_all());
        synced.map_err(fault("write to the disk", directory))
    }
}

impl Drop for Half {
    fn drop(&mut self) {
        if !self.done {
            // What stays is removed by the next one.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Removes what an interrupted one left behind; one that is still being written is held.
fn stale(path: &Path) -> Result<(), InstallError> {
    let file =
        match OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(fault("open", path)(error)),
        };
    match file.try_lock() {
        Ok(()) => absent(path),
        Err(TryLockError::WouldBlock) => Err(InstallError::Busy { path: path.to_owned() }),
        Err(TryLockError::Error(error)) => Err(fault("lock", path)(error)),
    }
}

fn absent(path: &Path) -> Result<(), InstallError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(fault("remove", path)(error)),
        _ => Ok(()),
    }
}

fn read(path: &Path) -> Result<String, InstallError> {
    let fault = |source| InstallError::Read { path: path.to_owned(), source };
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(fault)?;
    if !file.metadata().map_err(fault)?.is_file() {
        return Err(InstallError::NotAFile {
            path: path.to_owned(),
            why: "it is no regular file".to_owned(),
        });
    }
    let mut text = String::new();
    let read = file.take(LARGEST + 1).read_to_string(&mut text).map_err(fault)?;
    if u64::try_from(read).unwrap_or(u64::MAX) > LARGEST {
        return Err(InstallError::NotAFile {
            path: path.to_owned(),
            why: "it is larger than 1 MiB".to_owned(),
        });
    }
    Ok(text)
}
