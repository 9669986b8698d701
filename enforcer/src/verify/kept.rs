//! The plan that our runtime kept of an engine's container when it made it.

use serde::Deserialize;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use stockade_observe::{ObserveError, read};
use stockade_policy::plan::Plan;

/// Where the runtime keeps its state.
pub const STATE: &str = "/run/stockade";

/// Bytes of one record; most of it is the plan's filter.
const LIMIT: usize = 32 << 20;

/// Of a record what verification needs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Kept {
    /// The engine's id of the container.
    pub id: String,
    /// The bundle that it was made from.
    pub bundle: PathBuf,
    /// Whether its rule only observes: nothing of the plan was put around it.
    #[serde(default)]
    pub observed: bool,
    /// What the kernel must show.
    pub plan: Plan,
}

/// Why it is not known whether there is a record.
#[derive(Debug, thiserror::Error)]
pub enum KeptError {
    /// The state could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// What of it.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A record could not be read.
    #[error(transparent)]
    Observe(#[from] ObserveError),
    /// Whoever can write there could say what suits him.
    #[error("{} can be changed by others than its owner, or is not the caller's: it is not believed", path.display())]
    NotOurs {
        /// The directory.
        path: PathBuf,
    },
    /// A record that is none.
    #[error("{} is no record: {source}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
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
}

/// The record of the container `id` in the state directory `state`; `None`: it was not made by our runtime. The
/// directory of a record is called by the place of the inner runtime's state, `@`, and the id.
pub fn kept(state: &Path, id: &str) -> Result<Option<Kept>, KeptError> {
    let containers = state.join("containers");
    let failed = |source| KeptError::Read { path: containers.clone(), source };
    let entries = match fs::read_dir(&containers) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(failed)?,
    };
    let about = fs::symlink_metadata(&containers).map_err(failed)?;
    if !about.is_dir() || about.uid() != crate::sys::probe::effective_uid() || about.mode() & 0o022 != 0 {
        return Err(KeptError::NotOurs { path: containers });
    }
    let suffix = format!("@{id}");
    let mut found: Option<(PathBuf, Kept)> = None;
    for entry in entries {
        let entry = entry.map_err(failed)?;
        if !entry.file_name().to_string_lossy().ends_with(&suffix) {
            continue;
        }
        let path = entry.path().join("record.json");
        let content = match read::bounded(&path, LIMIT) {
            Err(ObserveError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => continue,
            other => other?,
        };
        let kept: Kept = serde_json::from_slice(&content)
            .map_err(|source| KeptError::Json { path: path.clone(), source })?;
        // An id may have an `@` in it.
        if kept.id != id {
            continue;
        }
        if let Some((first, _)) = found {
            return Err(KeptError::Two { id: id.to_owned(), first, second: path });
        }
        found = Some((path, kept));
    }
    Ok(found.map(|(_, kept)| kept))
}
