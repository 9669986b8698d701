//! The runtime that makes the containers.

use super::record::State;
use std::ffi::OsString;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where a runtime that is named without a path is looked for: what an engine's environment says is nothing to go by.
const PLACES: [&str; 6] = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// Where runtimes keep their state if nothing else is said. runc(8), crun(1), `--root`; youki, src/rootpath.rs.
const STATES: [(&str, &str); 3] = [("runc", "/run/runc"), ("crun", "/run/crun"), ("youki", "/run/youki")];
/// What runtimes keep of a container: runc, libcontainer/factory_linux.go; crun, src/libcrun/status.c.
const KEPT: [(&str, &str); 2] = [("crun", "status"), ("runc", "state.json")];

/// Why the inner runtime was not started.
#[derive(Debug, thiserror::Error)]
pub enum InnerError {
    /// There is none of that name.
    #[error("there is no runtime `{0}` in {places}", places = PLACES.join(", "))]
    NotFound(String),
    /// It is this very program, which would start itself for ever.
    #[error("{} is stockade itself, and not a runtime behind it", .0.display())]
    Itself(PathBuf),
    /// It is none of those that are known.
    #[error("where {} keeps its containers is not known: it is none of {known}, and must be given --root", path.display(),
        known = STATES.map(|(name, _)| name).join(", "))]
    State {
        /// The runtime.
        path: PathBuf,
    },
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

    /// Whether it keeps a container `id` below its `root`, or its usual place.
    pub fn keeps(&self, root: Option<&Path>, id: &str) -> bool {
        let file = KEPT.iter().find(|(name, _)| self.is(name)).map(|(_, file)| *file);
        let usual = self.usual_state();
        let (Some(file), Some(place)) = (file, root.or(usual.as_deref().ok())) else { return false };
        is_name(id) && place.join(id).join(file).exists()
    }

    /// The runtime that made the container `id`: by the record that is kept of it, or by what the runtime itself keeps
    /// below its `root`, or its usual place. `None`: there is no container of that name.
    pub fn of_container(state: &State, root: Option<&Path>, id: &str) -> Option<Inner> {
        if !is_name(id) {
            return None;
        }
        let kept = KEPT.iter().find(|(name, file)| {
            let usual = Path::new("/run").join(name);
            root.unwrap_or(&usual).join(id).join(file).exists()
        });
        let recorded = state.of(id).ok().flatten();
        let recorded = recorded.filter(|record| root.is_none_or(|root| record.inner_state == root));
        let recorded = recorded.and_then(|record| record.inner.into_os_string().into_string().ok());
        Inner::find(recorded.as_deref().or(kept.map(|(name, _)| *name))?).ok()
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn is(&self, name: &str) -> bool {
        self.path.file_name().is_some_and(|own| own == name)
    }

    /// Whether it is crun, which takes a filter as a program.
    pub fn is_crun(&self) -> bool {
        self.is("crun")
    }

    /// Whether it is known to give processes that `exec` adds the filter of the container. youki gives it to the first
    /// process alone: libcontainer 0.7, container/tenant_builder.rs.
    pub fn filters_added(&self) -> bool {
        self.is_runc() || self.is_crun()
    }

    /// Where it keeps its state if nothing else is said.
    pub fn usual_state(&self) -> Result<PathBuf, InnerError> {
        let known = STATES.iter().find(|(name, _)| self.is(name)).map(|(_, state)| PathBuf::from(state));
        known.ok_or_else(|| InnerError::State { path: self.path.clone() })
    }

    /// Whether it is runc, whatever of its versions.
    pub fn is_runc(&self) -> bool {
        self.path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("runc"))
    }

    /// Becomes the runtime: its process, descriptors and signals are the caller's from here on. Returns only what went
    /// wrong.
    pub fn become_it(&self, arguments: &[OsString]) -> InnerError {
        let source = Command::new(&self.path).arg0(&self.name).args(arguments).exec();
        InnerError::Start { path: self.path.clone(), source }
    }

    /// Starts the runtime and waits; the exit code, 128+N where signal N ended it.
    pub fn run(&self, arguments: &[OsString]) -> Result<u8, InnerError> {
        let fault = |source| InnerError::Start { path: self.path.clone(), source };
        let status = Command::new(&self.path).arg0(&self.name).args(arguments).status().map_err(fault)?;
        let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default());
        Ok(u8::try_from(code).unwrap_or(u8::MAX))
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

/// Whether a word can be a container's name.
fn is_name(word: &str) -> bool {
    !(word.is_empty() || word.starts_with('.') || word.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_state_of_a_runtime_that_is_not_known_is_not_guessed() {
        let state = |path: &str| Inner { path: path.into(), name: String::new() }.usual_state();
        assert_eq!(state("/usr/sbin/runc").unwrap(), Path::new("/run/runc"));
        assert_eq!(state("/opt/bin/crun").unwrap(), Path::new("/run/crun"));
        assert_eq!(state("/usr/local/bin/youki").unwrap(), Path::new("/run/youki"));
        let error = state("/usr/bin/kata-runtime").unwrap_err().to_string();
        assert!(error.contains("/usr/bin/kata-runtime") && error.contains("--root"), "{error}");
    }

    #[test]
    fn a_container_is_its_makers_by_what_that_one_keeps() {
        let place = tempfile::tempdir().unwrap();
        let (root, state) = (place.path().join("root"), State::existing(&place.path().join("state")));
        let made = |id: &str| Inner::of_container(&state, Some(&root), id).map(|inner| inner.name);
        for (id, file) in [("a", "state.json"), ("b", "status")] {
            fs::create_dir_all(root.join(id)).unwrap();
            fs::write(root.join(id).join(file), "{}").unwrap();
        }
        // Only those that are installed are found.
        let found = |name: &str| Inner::find(name).ok().map(|inner| inner.name);
        assert_eq!((made("a"), made("b")), (found("runc"), found("crun")));
        for id in ["c", "", ".", "..", "../root/a"] {
            assert_eq!(made(id), None, "{id}");
        }
    }
}
