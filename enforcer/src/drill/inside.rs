//! A container that runs already: the program is put into its root, the engine's `exec` starts it, and it is taken out
//! again.

use super::DrillError;
use super::client::{Client, Words};
use super::place::Place;
use super::report::Outcome;
use super::run::{Bursts, by_client};
use crate::sys::file::owned;
use crate::sys::{Errno, Kernel, clone, mount};
use rustix::fs::{AtFlags, Mode, OFlags, ResolveFlags, openat, openat2, unlinkat};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

/// A container of somebody.
#[derive(Clone, Copy, Debug)]
pub struct Running<'a> {
    /// The client of its engine.
    pub client: &'static Client,
    /// Its name or id, as the client takes it.
    pub container: &'a str,
    /// The directory inside that the program is put into: one from which the container may execute.
    pub directory: &'a str,
    /// Options of `exec`.
    pub options: &'a [OsString],
}

/// What the program obtains there.
pub fn in_container(
    place: &Place,
    running: &Running<'_>,
    bursts: Bursts,
) -> Result<Vec<Outcome>, DrillError> {
    let client = running.client;
    let pid = client.pid_of(running.container)?;
    let namespace = File::open(format!("/proc/{pid}/ns/mnt")).map_err(enter)?;
    // The number may have become another process's before it was opened: of the same container it still is.
    if client.pid_of(running.container)? != pid {
        return Err(DrillError::NotRunning { container: running.container.to_owned() });
    }
    let planted = Planted::put(&namespace, place, running.directory)?;
    let arguments = place.arguments(1, &bursts.letters());
    let mut words = Words::new(running.options, &arguments);
    words.set("name", place.name());
    words.set("container", running.container);
    words.set("inside", &format!("{}/{}", running.directory.trim_end_matches('/'), place.name()));
    let outcomes = by_client(words.command(client, client.exec), client.program);
    planted.take_out()?;
    outcomes
}

fn enter(source: impl Into<io::Error>) -> DrillError {
    DrillError::Inside { operation: "enter the container's mounts", source: source.into() }
}

fn put(source: impl Into<io::Error>) -> DrillError {
    DrillError::Inside { operation: "put the drill into the container's root", source: source.into() }
}

/// The program in somebody's root, taken out when dropped.
struct Planted {
    /// The directory that it is in, through a mount of nobody else's.
    directory: OwnedFd,
    name: String,
    done: bool,
}

impl Planted {
    /// Through a mount of its own, which can be written where the container's cannot.
    fn put(namespace: &File, place: &Place, directory: &str) -> Result<Planted, DrillError> {
        let own = fs::metadata("/proc/self/ns/mnt").map_err(enter)?;
        let theirs = namespace.metadata().map_err(enter)?;
        if (own.dev(), own.ino()) == (theirs.dev(), theirs.ino()) {
            return Err(enter(io::Error::other("they are this process's own")));
        }
        // A thread of its own, which ends inside: this process stays where it is.
        let opened = std::thread::scope(|scope| scope.spawn(|| open(namespace, directory)).join());
        let directory = opened.unwrap_or_else(|_| Err(enter(io::Error::other("the thread ended"))))?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(&directory, place.name(), flags, Mode::RWXU).map_err(put)?;
        let planted = Planted { directory, name: place.name().to_owned(), done: false };
        let mut file = File::from(file);
        let program = fs::read(place.program()).map_err(put)?;
        let written = file.write_all(&program);
        // Whoever the container runs as must get there, whatever the caller's umask.
        written.and_then(|()| file.set_permissions(fs::Permissions::from_mode(0o755))).map_err(put)?;
        Ok(planted)
    }

    fn take_out(mut self) -> Result<(), DrillError> {
        self.done = true;
        self.remove().map_err(|source| DrillError::Left { name: self.name.clone(), source })
    }

    fn remove(&self) -> io::Result<()> {
        Ok(unlinkat(&self.directory, &self.name, AtFlags::empty())?)
    }
}

impl Drop for Planted {
    fn drop(&mut self) {
        if !self.done {
            // What went wrong before is told.
            let _ = self.remove();
        }
    }
}

/// The directory of the container's root; no link is followed, nothing mounted there is entered.
fn open(namespace: &File, directory: &str) -> Result<OwnedFd, DrillError> {
    let errno = |error: Errno| io::Error::from_raw_os_error(error.0);
    clone::join_mounts(&Kernel, namespace.as_raw_fd()).map_err(|error| enter(errno(error)))?;
    let root = File::open(Path::new("/")).map_err(enter)?;
    let tree = mount::clone_mount(&Kernel, root.as_raw_fd(), c"").map_err(|error| put(errno(error)))?;
    let tree = owned(tree);
    mount::make_writable(&Kernel, tree.as_raw_fd()).map_err(|error| put(errno(error)))?;
    let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV | ResolveFlags::IN_ROOT;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    openat2(tree.as_fd(), directory, flags, Mode::empty(), resolve).map_err(put)
}
