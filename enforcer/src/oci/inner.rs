//! The runtime that makes the containers.

use std::ffi::OsString;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where a runtime that is named without a path is looked for: what an engine's environment says is nothing to go by.
const PLACES: [&str; 6] = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// Why the inner runtime was not started.
#[derive(Debug, thiserror::Error)]
pub enum InnerError {
    /// There is none of that name.
    #[error("there is no runtime `{0}` in {places}", places = PLACES.join(", "))]
    NotFound(String),
    /// It is this very program, which would start itself for ever.
    #[error("{} is stockade itself, and not a runtime behind it", .0.display())]
    Itself(PathBuf),
    /// A system call.
    #[error("cannot start {}: {source}", path.display())]
    Start {
        /// The runtime.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A runtime that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inner {
    path: PathBuf,
    /// As the administrator calls it: it calls itself so in its messages.
    name: String,
}

impl Inner {
    /// The runtime `name`: an absolute path, or a name.
    pub fn find(name: &str) -> Result<Inner, InnerError> {
        let found = if name.starts_with('/') {
            Some(PathBuf::from(name)).filter(|path| path.exists())
        } else {
            PLACES
                .iter()
                .map(|place| Path::new(place).join(name))
                .find(|path| !name.contains('/') && path.exists())
        };
        let path = found.ok_or_else(|| InnerError::NotFound(name.to_owned()))?;
        let identity = |path: &Path| std::fs::metadata(path).map(|data| (data.dev(), data.ino()));
        let fault = |source| InnerError::Start { path: path.clone(), source };
        if identity(&path).map_err(fault)? == identity(Path::new("/proc/self/exe")).map_err(fault)? {
            return Err(InnerError::Itself(path));
        }
        Ok(Inner { path, name: name.to_owned() })
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it is crun, which takes a filter as a program.
    pub fn is_crun(&self) -> bool {
        self.path.file_name().is_some_and(|name| name == "crun")
    }

    /// Where it keeps its state if nothing else is said. runc(8), crun(1), `--root`.
    pub fn usual_state(&self) -> PathBuf {
        Path::new("/run").join(if self.is_crun() { "crun" } else { "runc" })
    }

    /// Becomes the runtime: its process, descriptors and signals are the caller's from here on. Returns only what went
    /// wrong.
    pub fn become_it(&self, arguments: &[OsString]) -> InnerError {
        let source = Command::new(&self.path).arg0(&self.name).args(arguments).exec();
        InnerError::Start { path: self.path.clone(), source }
    }

    /// The first process of a container, as the runtime knows it: `state`, OCI runtime specification, runtime.md.
    pub fn pid(&self, options: &[OsString], id: &str) -> Result<u32, InnerError> {
        #[derive(serde::Deserialize)]
        struct State {
            pid: u32,
        }
        let fault = |source| InnerError::Start { path: self.path.clone(), source };
        let output = Command::new(&self.path).args(options).args(["state", id]).output().map_err(fault)?;
        let state: State = serde_json::from_slice(&output.stdout)
            .map_err(|_| fault(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned())))?;
        Ok(state.pid)
    }
}
