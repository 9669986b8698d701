//! Steps of image builds. BuildKit tells nobody of them and starts them with a program of its own choice, runc unless it
//! is told otherwise, whatever the default runtime of its engine is; what shows them is the cgroup, `…/buildkit/ID`.

use super::{Container, EngineError, Kind};
use crate::error::ObserveError;
use crate::process::{self, Task};
use std::collections::BTreeMap;

pub(super) fn containers() -> Result<Vec<Container>, EngineError> {
    let mut steps: BTreeMap<String, u32> = BTreeMap::new();
    for pid in process::all()? {
        let memberships = match Task::open(pid).and_then(|task| task.cgroups()) {
            Ok(memberships) => memberships,
            Err(ObserveError::Vanished { .. }) => continue,
            Err(error) if error.is_denied() => continue,
            Err(error) => return Err(error.into()),
        };
        if let Some(id) = memberships.iter().find_map(|membership| step(&membership.path)) {
            // The first process of a step is its oldest.
            let first = steps.entry(id.to_owned()).or_insert(pid);
            *first = pid.min(*first);
        }
    }
    Ok(steps.into_iter().map(|(id, pid)| container(id, pid)).collect())
}

/// The step of which a cgroup is.
fn step(path: &str) -> Option<&str> {
    let (above, id) = path.rsplit_once('/')?;
    (above.ends_with("/buildkit") && !id.is_empty()).then_some(id)
}

fn container(id: String, pid: u32) -> Container {
    Container {
        engine: Kind::Buildkit,
        name: id.clone(),
        id,
        pid: Some(pid),
        bundle: None,
        image: String::new(),
        digest: None,
        runtime: "runc".to_owned(),
        labels: BTreeMap::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::step;

    #[test]
    fn steps_are_told_from_other_cgroups() {
        assert_eq!(step("/docker/buildkit/abc"), Some("abc"));
        assert_eq!(step("/buildkit/abc"), Some("abc"));
        for path in ["/", "/docker/abc", "/buildkit", "/buildkit/", "/mybuildkit/abc", "/buildkit/a/b"] {
            assert_eq!(step(path), None, "{path}");
        }
    }
}
