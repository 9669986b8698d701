//! The ledger, the kernel and the tree, made to agree: after a crash, and when what had a quota is gone.
//!
//! The kernel's own count decides: a number that counts nothing is nobody's, and one that counts something is kept. That
//! takes a few system calls for each number and searches for nothing; only what was cut short is walked, to be taken back.

use super::backend::Backend;
use super::ledger::{Entry, Ledger, Phase};
use super::place::{self, Filesystem};
use super::set::take_back;
use super::{Id, Limits, QuotaError, State};
use serde::Serialize;

/// How a number stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// All agree.
    Kept,
    /// The kernel keeps other limits than the entry says. Repaired, the entry's are in force again.
    Drifted,
    /// It counts nothing more, or was cut short. Repaired, it is free.
    Unused,
    /// Its file system is not mounted: nothing can be said, and nothing is done.
    Absent,
    /// It counts something, and its directory is not where it was: it stays limited.
    Moved,
    /// The file system limits it, and no entry has it: it counts something, so that it stays.
    Unknown,
}

/// A number, and how it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Judged {
    /// The number.
    pub id: Id,
    /// Where it is counted.
    pub filesystem: Filesystem,
    /// Its entry, if there is one.
    pub entry: Option<Entry>,
    /// What the kernel kept of it.
    pub state: Option<State>,
    /// How it stood.
    pub standing: Standing,
}

/// How every number stands.
///
/// # Errors
///
/// Where the ledger or a file system cannot be read.
pub fn show(ledger: &Ledger) -> Result<Vec<Judged>, QuotaError> {
    each(ledger, |_, _| Ok(()))
}

/// Makes them agree; how each stood before.
///
/// # Errors
///
/// What was made right before stays right.
pub fn reconcile(ledger: &Ledger) -> Result<Vec<Judged>, QuotaError> {
    each(ledger, |judged, backend| match (&judged.entry, judged.standing) {
        (Some(entry), Standing::Unused) => take_back(ledger, entry, backend),
        (None, Standing::Unused) => backend.limit(judged.id, &Limits::NONE),
        (Some(entry), Standing::Drifted) => {
            backend.limit(entry.id, &entry.limits)?;
            match backend.state(entry.id)? {
                Some(state) if state.limits == entry.limits => Ok(()),
                found => Err(QuotaError::NotKept {
                    path: entry.directories.first().cloned().unwrap_or_default(),
                    found: format!("{found:?}"),
                }),
            }
        }
        _ => Ok(()),
    })
}

/// How an entry stands by what the kernel keeps of it.
fn standing(entry: &Entry, state: Option<State>, backend: &dyn Backend) -> Standing {
    let Some(state) = state.filter(|state| !state.usage.is_nothing() && entry.phase == Phase::Set) else {
        return Standing::Unused;
    };
    if state.limits != entry.limits {
        return Standing::Drifted;
    }
    let is_there = |path: &std::path::PathBuf| {
        let number = place::open(path).and_then(|directory| backend.counted_for(&directory));
        number.ok() == Some(entry.id.0)
    };
    if entry.directories.iter().any(is_there) { Standing::Kept } else { Standing::Moved }
}

/// Looks at every entry, and at every number of ours that a mounted file system keeps and no entry has, and does something
/// about each.
fn each(
    ledger: &Ledger,
    act: impl Fn(&Judged, &dyn Backend) -> Result<(), QuotaError>,
) -> Result<Vec<Judged>, QuotaError> {
    let mounted = place::mounted(&place::mounts()?);
    let entries = ledger.entries()?;
    for (_, backend) in &mounted {
        backend.settle()?;
    }
    let mut all = Vec::new();
    for entry in &entries {
        let (id, filesystem) = (entry.id, entry.filesystem.clone());
        let on = mounted.iter().find(|(of, _)| *of == filesystem);
        let mut judged =
            Judged { id, filesystem, entry: Some(entry.clone()), state: None, standing: Standing::Absent };
        if let Some((_, backend)) = on {
            judged.state = backend.state(id)?;
            judged.standing = standing(entry, judged.state, backend.as_ref());
            act(&judged, backend.as_ref())?;
        }
        all.push(judged);
    }
    for (filesystem, backend) in &mounted {
        for id in backend.ids()? {
            let at = entries.binary_search_by_key(&id, |entry| entry.id).ok();
            let is_known =
                at.and_then(|at| entries.get(at)).is_some_and(|entry| entry.filesystem == *filesystem);
            let state = backend.state(id)?;
            // What is counted and not limited was left by a file that could not be changed: it is nobody's.
            let Some(found) = state.filter(|state| !is_known && state.limits != Limits::NONE) else {
                continue;
            };
            let standing = if found.usage.is_nothing() { Standing::Unused } else { Standing::Unknown };
            let judged = Judged { id, filesystem: filesystem.clone(), entry: None, state, standing };
            act(&judged, backend.as_ref())?;
            all.push(judged);
        }
    }
    Ok(all)
}
