//! Where the program stands, and what outside it reaches for.

use super::DrillError;
use crate::sys::probe;
use std::fs;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::{Path, PathBuf};
use stockade_policy::lattice::files::Rights;
use stockade_policy::origin::Origins;
use stockade_policy::plan::{LandlockRule, MountEntry, MountKind, Plan};

/// The program; built by build.rs.
const PROGRAM: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/drill"));
/// Where it stands in a root of its own.
pub const PROGRAM_INSIDE: &str = "/bin/drill";
/// How the names of places begin; the process that made it follows.
const PREFIX: &str = "stockade-drill-";
/// Directories of a root that hardly any program needs.
const SPARE: [&str; 4] = ["/mnt", "/media", "/srv", "/opt"];
/// `LANDLOCK_ACCESS_FS_EXECUTE`, `_READ_FILE`, `_READ_DIR`. linux/landlock.h
const READ_AND_EXECUTE: u64 = 1 | 4 | 8;
/// What stands in that root beside it, for others to mount on.
const DIRECTORIES: [&str; 7] = ["bin", "dev", "etc", "proc", "run", "sys", "tmp"];

/// A root with the program in it and nothing else, and a socket outside. Gone when dropped.
#[derive(Debug)]
pub struct Place {
    directory: tempfile::TempDir,
    socket: String,
    _listener: UnixListener,
}

impl Place {
    /// Makes it.
    pub fn new() -> Result<Place, DrillError> {
        let fault = |operation| move |source| DrillError::Place { operation, source };
        let make = fault("make a root for the drill");
        collect();
        let prefix = format!("{PREFIX}{}-", std::process::id());
        let directory = tempfile::Builder::new().prefix(&prefix).tempdir().map_err(make)?;
        let root = directory.path().join("root");
        for path in DIRECTORIES.map(|name| root.join(name)).iter().chain([&root]) {
            fs::create_dir_all(path).map_err(make)?;
        }
        let program = root.join(PROGRAM_INSIDE.trim_start_matches('/'));
        fs::write(&program, PROGRAM).map_err(make)?;
        // Whoever the container runs as must get there, whatever the caller's umask.
        for path in [directory.path(), &root, &root.join("bin"), &program] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).map_err(make)?;
        }
        let listen = fault("listen on an abstract socket");
        // The directory's name is one that nobody else has; those of images are in lower case.
        let socket = directory.path().file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let address = SocketAddr::from_abstract_name(&socket).map_err(listen)?;
        let listener = UnixListener::bind_addr(&address).map_err(listen)?;
        Ok(Place { directory, socket, _listener: listener })
    }

    /// The root.
    pub fn root(&self) -> PathBuf {
        self.directory.path().join("root")
    }

    /// The program, as a path of the host.
    pub fn program(&self) -> PathBuf {
        self.root().join(PROGRAM_INSIDE.trim_start_matches('/'))
    }

    /// The plan with the program in its root `root`, and where there. Nothing is written into that root: the
    /// directory of the program stands over one of those that hardly anything needs.
    pub fn put_into(&self, mut plan: Plan, root: &Path) -> Result<(Plan, String), DrillError> {
        let place = SPARE.iter().find(|path| {
            // No symbolic link, which could lead out of the root.
            fs::symlink_metadata(root.join(path.trim_start_matches('/'))).is_ok_and(|found| found.is_dir())
        });
        let at = place.copied().ok_or(DrillError::NoDirectory)?;
        let from = self.root().join("bin").to_string_lossy().into_owned();
        plan.mounts.entries.retain(|entry| entry.at != at);
        let what = MountKind::Bind { from, write: false, exec: true, suid: false, dev: false };
        plan.mounts.entries.push(MountEntry { at: at.to_owned(), what, origins: Origins::new() });
        if let Some(landlock) = &mut plan.landlock {
            let rights = Rights::VISIBLE.union(Rights::READ).union(Rights::EXECUTE);
            let access = landlock.handled_fs & READ_AND_EXECUTE;
            landlock.rules.push(LandlockRule {
                path: at.to_owned(),
                access,
                rights,
                origins: Origins::new(),
            });
        }
        Ok((plan, format!("{at}/drill")))
    }

    /// The program's arguments: the descriptor that it writes to, and what it may.
    pub fn arguments(&self, descriptor: i32, letters: &str) -> [String; 3] {
        [descriptor.to_string(), letters.to_owned(), self.socket.clone()]
    }

    /// A name that no other container has.
    pub fn name(&self) -> &str {
        &self.socket
    }

    /// The directory that all of it is in.
    pub(super) fn directory(&self) -> &Path {
        self.directory.path()
    }
}

/// Removes the places of this user whose process was killed. What stays is tried again by the next.
fn collect() {
    let mine =
        |path: &Path| fs::symlink_metadata(path).is_ok_and(|found| found.uid() == probe::effective_uid());
    let entries = fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()) {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let maker = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next()?.parse::<u32>().ok());
        if maker.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) && mine(&path) {
            let _ = fs::remove_dir_all(&path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_static_and_small() {
        assert!(PROGRAM.starts_with(b"\x7fELF"));
        // elf(5): e_type is ET_EXEC, so that there is nothing to relocate.
        assert_eq!(PROGRAM[16], 2);
        assert!(PROGRAM.len() <= 0x1_0000, "{}", PROGRAM.len());
    }

    #[test]
    fn a_place_is_gone_when_dropped() {
        let place = Place::new().unwrap();
        let directory = place.directory().to_owned();
        assert!(place.program().exists());
        drop(place);
        assert!(!directory.exists());
    }
}
