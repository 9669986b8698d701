//! Namespaces of its own.

use super::Read;
use crate::status::Verdict;
use std::fs;
use std::os::unix::fs::MetadataExt;
use stockade_observe::namespace::NamespaceId;
use stockade_observe::{ObserveError, Task};
use stockade_policy::plan::{Identity, Namespaces};
use stockade_policy::policy::NamespaceKind;

/// Each private kind must differ from the reader's own namespace and from that of process 1: either may be
/// in a container itself.
pub(super) fn verify(plan: &Namespaces, identity: &Identity, task: &Task) -> Read {
    let theirs = task.namespaces()?;
    let ours = Task::ours()?.namespaces()?;
    let first = match Task::open(1).and_then(|first| first.namespaces()) {
        Ok(first) => Some(first),
        // Someone else's; ours is what the launcher stood in.
        Err(error) if error.is_denied() => None,
        Err(ObserveError::Vanished { .. }) => None,
        Err(error) => return Err(error),
    };
    let shared = |kind| {
        let id = theirs.0.get(&kind);
        id == ours.0.get(&kind) || first.as_ref().is_some_and(|first| id == first.0.get(&kind))
    };
    let mut verdict = Verdict::Exact;
    for kind in NamespaceKind::ALL {
        let planned = plan.private.contains(&kind)
            || (kind == NamespaceKind::User && identity.user_namespace.is_some());
        let name = kind.file();
        verdict = verdict.and(match (planned, shared(kind)) {
            (true, true) => Verdict::looser(format!("shares the host's {name} namespace")),
            (false, false) if kind == NamespaceKind::Network && plan.network_path.is_some() => Verdict::Exact,
            (false, false) => Verdict::stricter(format!("has a {name} namespace of its own")),
            _ => Verdict::Exact,
        });
    }
    if let Some(path) = &plan.network_path {
        let actual = theirs.0.get(&NamespaceKind::Network).copied();
        verdict = verdict.and(match fs::metadata(path) {
            Ok(file) if actual == Some(NamespaceId { device: file.dev(), inode: file.ino() }) => {
                Verdict::Exact
            }
            Ok(_) => Verdict::looser(format!("is not in the network namespace {path}")),
            Err(error) => {
                Verdict::not_visible(format!("cannot look at the network namespace {path}: {error}"))
            }
        });
    }
    let own: Vec<_> =
        NamespaceKind::ALL.into_iter().filter(|kind| !shared(*kind)).map(NamespaceKind::file).collect();
    Ok((verdict, format!("own: {}", own.join(", "))))
}
