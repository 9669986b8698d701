//! The ledger, the kernel and the tree, made to agree: after a crash, and when what had a quota is gone.
//!
//! The kernel's own count decides: a number that counts nothing is nobody's, and one that counts something is kept.
//! Nothing is searched for in the tree; each number costs a few system calls.

use super::backend::Backend;
use super::ledger::{Entry, Ledger, Owner};
use super::place::{self, Filesystem};
use super::set::take_back;
use super::{Id, Limits, QuotaError, State};
use serde::Serialize;

/// What was found of a number, and done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Found {
    /// All agree.
    Kept,
    /// The kernel kept other limits than the entry says: the entry's are in force again.
    Repaired,
    /// It counted nothing more, its owner is gone, or it was never set to its end: it is free.
    Released,
    /// Its file system is not mounted: nothing can be said.
    Absent,
    /// It counts something, and its directory is not where it was: it stays limited.
    Moved,
    /// The file system limits it, and no entry has it: it counts something, so that it stays.
    Unknown,
}

/// A number after it was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reconciled {
    /// The number.
    pub id: Id,
    /// Where it is counted.
    pub filesystem: Filesystem,
    /// Its entry, if there is one.
    pub entry: Option<Entry>,
    /// What the kernel keeps of it now.
    pub state: Option<State>,
    /// What was found.
    pub found: Found,
}

/// Makes them agree. `lives` says whether an owner does.
///
/// # Errors
///
/// What was made right before stays right.
pub fn reconcile(ledger: &Ledger, lives: &dyn Fn(&Owner) -> bool) -> Result<Vec<Reconciled>, QuotaError> {
    each(
        ledger,
        |entry, state, backend| {
            let counts = state.is_some_and(|state| !state.usage.is_nothing());
            let gone = !entry.settled || !lives(&entry.owner);
            if !counts || gone {
                take_back(ledger, entry, backend)?;
                return Ok(Found::Released);
            }
            if state.is_none_or(|state| state.limits != entry.limits) {
                backend.limit(entry.id, &entry.limits)?;
                return Ok(Found::Repaired);
            }
            Ok(standing(entry, backend))
        },
        |id, state, backend| {
            if state.is_some_and(|state| !state.usage.is_nothing()) {
                return Ok(Found::Unknown);
            }
            backend.limit(id, &Limits::NONE)?;
            Ok(Found::Released)
        },
    )
}

/// The same, and nothing is changed: what would be repaired or released is said.
///
/// # Errors
///
/// Where the ledger or a file system cannot be read.
pub fn show(ledger: &Ledger) -> Result<Vec<Reconciled>, QuotaError> {
    each(
        ledger,
        |entry, state, backend| {
            Ok(match state {
                Some(state) if entry.settled && !state.usage.is_nothing() => {
                    if state.limits == entry.limits {
                        standing(entry, backend)
                    } else {
                        Found::Repaired
                    }
                }
                _ => Found::Released,
            })
        },
        |_, state, _| {
            let counts = state.is_some_and(|state| !state.usage.is_nothing());
            Ok(if counts { Found::Unknown } else { Found::Released })
        },
    )
}

/// Whether one of its directories is where it was.
fn standing(entry: &Entry, backend: &dyn Backend) -> Found {
    let is_there = |path: &std::path::PathBuf| {
        let number = place::open(path).and_then(|directory| backend.counted_for(&directory));
        number.ok() == Some(entry.id.0)
    };
    if entry.directories.iter().any(is_there) { Found::Kept } else { Found::Moved }
}

/// Looks at every entry, and at every number of ours that a mounted file system keeps and no entry has.
fn each(
    ledger: &Ledger,
    known: impl Fn(&Entry, Option<State>, &dyn Backend) -> Result<Found, QuotaError>,
    unknown: impl Fn(Id, Option<State>, &dyn Backend) -> Result<Found, QuotaError>,
) -> Result<Vec<Reconciled>, QuotaError> {
    let mounted = place::mounted(&place::mounts()?);
    let entries = ledger.entries()?;
    for (_, backend) in &mounted {
        backend.settle()?;
    }
    let mut all = Vec::new();
    for entry in &entries {
        let on = mounted.iter().find(|(filesystem, _)| *filesystem == entry.filesystem);
        let (state, found) = match on {
            None => (None, Found::Absent),
            Some((_, backend)) => {
                let found = known(entry, backend.state(entry.id)?, backend.as_ref())?;
                (backend.state(entry.id)?, found)
            }
        };
        let (id, filesystem) = (entry.id, entry.filesystem.clone());
        all.push(Reconciled { id, filesystem, entry: Some(entry.clone()), state, found });
    }
    for (filesystem, backend) in &mounted {
        for id in backend.ids()? {
            let has = |entry: &&Entry| entry.id == id && entry.filesystem == *filesystem;
            let state = backend.state(id)?;
            // What is counted and not limited was left by a file that could not be changed: it is nobody's.
            let limited = state.is_some_and(|state| state.limits != Limits::NONE);
            if entries.binary_search_by_key(&id, |entry| entry.id).is_ok_and(|at| has(&&entries[at]))
                || !limited
            {
                continue;
            }
            let found = unknown(id, state, backend.as_ref())?;
            all.push(Reconciled {
                id,
                filesystem: filesystem.clone(),
                entry: None,
                state: backend.state(id)?,
                found,
            });
        }
    }
    Ok(all)
}
