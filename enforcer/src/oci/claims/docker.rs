//! What Docker keeps of a container.

use super::{Bundle, ClaimsError, kept_by_root};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What Docker writes of a container: moby, container/container.go.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Kept {
    #[serde(rename = "ID")]
    id: String,
    pub(super) name: String,
    pub(super) image: String,
    pub(super) config: Config,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Config {
    pub(super) image: String,
    pub(super) labels: Option<BTreeMap<String, String>>,
}

/// Docker's own file about the container, where Docker keeps this very container; counted only where nobody but root can
/// have written it. `None`: the container is not Docker's.
pub(super) fn kept(bundle: &Bundle, id: &str, docker: &[PathBuf]) -> Result<Option<Kept>, ClaimsError> {
    let name = "config.v2.json";
    let paths = docker.iter().map(|root| root.join("containers").join(id).join(name));
    let Some(path) = paths.into_iter().find(|path| path.exists()) else { return elsewhere(bundle, name) };
    let fault = |why: String| ClaimsError { engine: "Docker", path: path.clone(), why };
    let text = kept_by_root(&path).map_err(|error| fault(error.to_string()))?;
    let kept: Kept = serde_json::from_slice(&text).map_err(|error| fault(error.to_string()))?;
    if kept.id != id {
        return Err(fault(format!("it is about the container {}", kept.id)));
    }
    Ok(Some(kept))
}

/// A Docker of which the rules know nothing shows by the file that it mounts into every container: labels that ask for
/// something stricter would be passed over.
fn elsewhere(bundle: &Bundle, name: &str) -> Result<Option<Kept>, ClaimsError> {
    let mounts = bundle.config.get(&["mounts"]).and_then(Value::as_array);
    let sources =
        mounts.into_iter().flatten().filter_map(|mount| mount.get("source").and_then(Value::as_str));
    for path in sources.filter_map(|source| Some(Path::new(source).parent()?.join(name))) {
        if path.exists() {
            let why = "it is not where the rules say that Docker keeps this container (`docker`)".to_owned();
            return Err(ClaimsError { engine: "Docker", path, why });
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests;
