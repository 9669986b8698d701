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
    /// Its file system enforces nothing now, or it is not clear which one it is: nothing is done.
    Unclear,
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
    /// Why it is not clear, or could not be made right.
    pub why: Option<String>,
}

/// How every number stands.
///
/// # Errors
///
/// Where the ledger or a file system cannot be read.
pub fn show(ledger: &Ledger) -> Result<Vec<Judged>, QuotaError> {
    each(ledger, |_, _| Ok(()))
}

/// Makes them agree; how each stood before. One that could not be made right keeps no other from it.
///
/// # Errors
///
/// Where the ledger or a file system cannot be read.
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
    let clear = || mounted.iter().filter(|one| one.unclear.is_none());
    for one in clear() {
        one.backend.settle()?;
    }
    let mut all = Vec::new();
    for entry in &entries {
        let (id, filesystem) = (entry.id, entry.filesystem.clone());
        let on = mounted.iter().find(|one| one.filesystem == filesystem);
        let (standing, why) = (Standing::Absent, None);
        let mut judged = Judged { id, filesystem, entry: Some(entry.clone()), state: None, standing, why };
        match on {
            None => {}
            Some(one) if one.unclear.is_some() => {
                (judged.standing, judged.why) = (Standing::Unclear, one.unclear.clone());
            }
            Some(one) => {
                judged.state = one.backend.state(id)?;
                judged.standing = self::standing(entry, judged.state, one.backend.as_ref());
                judged.why = act(&judged, one.backend.as_ref()).err().map(|error| error.to_string());
            }
        }
        all.push(judged);
    }
    for one in clear() {
        for id in one.backend.ids()? {
            let at = entries.binary_search_by_key(&id, |entry| entry.id).ok();
            let entry = at.and_then(|at| entries.get(at));
            let is_known = entry.is_some_and(|entry| entry.filesystem == one.filesystem);
            let state = one.backend.state(id)?;
            // What is counted and not limited was left by a file that could not be changed: it is nobody's.
            let Some(found) = state.filter(|state| !is_known && state.limits != Limits::NONE) else {
                continue;
            };
            let standing = if found.usage.is_nothing() { Standing::Unused } else { Standing::Unknown };
            let filesystem = one.filesystem.clone();
            let mut judged = Judged { id, filesystem, entry: None, state, standing, why: None };
            judged.why = act(&judged, one.backend.as_ref()).err().map(|error| error.to_string());
            all.push(judged);
        }
    }
    Ok(all)
}
