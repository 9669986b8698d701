//! The plan that a launcher declares: it holds it in a sealed memory file named `stockade-plan` for as
//! long as its container runs.

use super::VerifyError;
use crate::sys::{probe, seals};
use std::fs::File;
use std::io::Read;
use std::os::fd::AsFd;
use stockade_observe::namespace::Namespaces;
use stockade_observe::{ObserveError, Task};
use stockade_policy::plan::Plan;
use stockade_policy::policy::NamespaceKind;

/// The file, as /proc shows a memfd.
const LINK: &str = "/memfd:stockade-plan (deleted)";
/// Bytes of a plan; the largest filter has 4096 instructions of 30 characters.
const LIMIT: u64 = 16 << 20;
/// Ancestors that are looked at.
const GENERATIONS: usize = 64;
/// Descriptors of one launcher that are looked at.
const DESCRIPTORS: usize = 4096;

/// A plan with who declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared {
    /// The launcher, in the reader's pid namespace.
    pub launcher: u32,
    /// What it declares.
    pub plan: Plan,
}

/// The plan under which `pid` was launched, if a launcher is among its ancestors.
///
/// Only an ancestor in the reader's own pid and user namespaces, run by the reader's own user or by root,
/// is believed: a container can hold a file of this name too, and would declare what suits it.
pub fn declared(pid: u32) -> Result<Option<Declared>, VerifyError> {
    let ours = Task::ours()?;
    let (our_pids, our_users) =
        (Namespaces::one(&ours, NamespaceKind::Pid)?, Namespaces::one(&ours, NamespaceKind::User)?);
    let mut parent = Task::open(pid)?.status()?.parent;
    for _ in 0..GENERATIONS {
        if parent == 0 {
            break;
        }
        let task = match Task::open(parent) {
            Err(ObserveError::Vanished { .. }) => break,
            other => other?,
        };
        let status = task.status()?;
        let trusted = status.uids.iter().all(|uid| *uid == 0 || *uid == probe::effective_uid());
        let outside = |kind, ours| match Namespaces::one(&task, kind) {
            Err(error) if error.is_denied() => Ok(false),
            other => other.map(|id| id == ours),
        };
        if trusted
            && outside(NamespaceKind::Pid, our_pids)?
            && outside(NamespaceKind::User, our_users)?
            && let Some(plan) = held(&task)?
        {
            return Ok(Some(Declared { launcher: parent, plan }));
        }
        parent = status.parent;
    }
    Ok(None)
}

fn held(task: &Task) -> Result<Option<Plan>, VerifyError> {
    let descriptors = match task.descriptors(DESCRIPTORS) {
        // Not ours to look at, or no launcher: one has a handful.
        Err(ObserveError::TooLarge { .. }) => return Ok(None),
        Err(error) if error.is_denied() => return Ok(None),
        other => other?,
    };
    for descriptor in descriptors {
        let name = format!("fd/{descriptor}");
        match task.link(&name) {
            Ok(link) if link.as_os_str() == LINK => {}
            // Closed meanwhile, or another file.
            _ => continue,
        }
        let Ok(file) = File::open(task.path(&name)) else { continue };
        // Whoever could still write it could declare another plan than the one that was applied.
        if !seals::of(file.as_fd()).is_ok_and(|seals| seals & seals::FINAL == seals::FINAL) {
            continue;
        }
        let mut content = Vec::new();
        let failed = |source| VerifyError::Declared { pid: task.pid(), source };
        file.take(LIMIT).read_to_end(&mut content).map_err(|error| failed(serde_json::Error::io(error)))?;
        return serde_json::from_slice(&content).map(Some).map_err(failed);
    }
    Ok(None)
}
