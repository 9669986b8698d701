//! Limits put around directories, and taken away.
//!
//! In this order, so that a crash at any point leaves what [`super::reconcile`] finds: the entry, on disk; the limits,
//! before anything is counted by them; the directories; the file system's journal; the state, read back.

use super::backend::Backend;
use super::ledger::{Entry, Ledger, Phase};
use super::place::{self, Filesystem, Place};
use super::{Id, Limits, QuotaError, State, Usage};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// A quota that is in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Set {
    /// Its number; a tmpfs has none.
    pub id: Option<Id>,
    /// On which file system.
    pub filesystem: Filesystem,
    /// What is counted.
    pub directories: Vec<PathBuf>,
    /// The limits as the kernel keeps them, none looser than asked.
    pub limits: Limits,
    /// What is there already.
    pub usage: Usage,
    /// How whoever is limited can leave the quota nevertheless, as a clause.
    pub caveat: Option<&'static str>,
    /// Links, sockets and devices that were there and that this kernel cannot count.
    pub uncounted: u64,
}

/// Limits what lies in `directories`, all together; they are on one file system. What has a quota of ours gets these
/// limits in the place of the ones before.
///
/// # Errors
///
/// Everything is as it was before; what could not be taken back is by the next [`super::reconcile`].
pub fn set(ledger: &Ledger, directories: &[PathBuf], limits: &Limits) -> Result<Set, QuotaError> {
    ordered(limits)?;
    let mounts = place::mounts()?;
    let places = directories.iter().map(|path| Place::open(path, &mounts)).collect::<Result<Vec<_>, _>>()?;
    let Some(first) = places.first() else { return Err(QuotaError::NoDirectory) };
    if let Some(other) = places.iter().find(|place| place.filesystem != first.filesystem) {
        return Err(QuotaError::Two { first: first.path.clone(), second: other.path.clone() });
    }
    first.backend.enforced()?;
    let limits = first.backend.fitted(limits)?;
    if first.filesystem.uuid.is_none() {
        return whole(first, &limits);
    }
    match held(ledger, &places)? {
        Some(entry) => change(ledger, entry, first, &limits),
        None => match fresh(ledger, &places, &limits) {
            Err(QuotaError::Others { project, .. }) if take_back_cut_short(ledger, first, project)? => {
                fresh(ledger, &places, &limits)
            }
            done => done,
        },
    }
}

/// Takes the quotas of directories away, each with all that are counted together.
///
/// # Errors
///
/// Nothing is taken away where one of them has none; what could not be taken away is by the next [`super::reconcile`].
pub fn release(ledger: &Ledger, directories: &[PathBuf]) -> Result<Vec<Entry>, QuotaError> {
    let mounts = place::mounts()?;
    let mut found: Vec<(Entry, Place)> = Vec::new();
    for path in directories {
        let place = Place::open(path, &mounts)?;
        if place.filesystem.uuid.is_none() {
            return Err(QuotaError::Lacks {
                filesystem: "tmpfs",
                lacks: "has a size and no quota that could be taken away",
                remedy: "set another size",
            });
        }
        let number = Id(place.backend.counted_for(&place.directory)?);
        let entry = ledger.entry(number)?.filter(|entry| entry.filesystem == place.filesystem);
        let entry = entry.ok_or_else(|| QuotaError::None { path: path.clone() })?;
        if !entry.directories.contains(path) {
            return Err(nested(&entry, path));
        }
        if found.iter().all(|(other, _)| other.id != entry.id) {
            found.push((entry, place));
        }
    }
    let mut released = Vec::new();
    for (mut entry, place) in found {
        entry.phase = Phase::Going;
        ledger.write(&entry)?;
        take_back(ledger, &entry, place.backend.as_ref())?;
        released.push(entry);
    }
    Ok(released)
}

/// Counts the directories of an entry no more, takes its limits away, and strikes it out. An entry whose directories are
/// there says so on disk before: it is [`Phase::Going`], or was never set.
pub(super) fn take_back(ledger: &Ledger, entry: &Entry, backend: &dyn Backend) -> Result<(), QuotaError> {
    for path in &entry.directories {
        let Ok(directory) = place::open(path) else { continue };
        // By its own number it may be done, and what lies in it not.
        if backend.holds(&directory) {
            backend.discharge(&directory, path, entry.id)?;
            backend.sync(&directory, false)?;
        }
    }
    backend.limit(entry.id, &Limits::NONE)?;
    ledger.strike(entry.id)
}

/// Ends what was cut short while it was taken away, if that is why something in a directory is counted: the directory itself
/// was the first to be done.
fn take_back_cut_short(ledger: &Ledger, place: &Place, project: u32) -> Result<bool, QuotaError> {
    let entry = ledger.entry(Id(project))?;
    let cut_short = |entry: &Entry| entry.phase != Phase::Set && entry.filesystem == place.filesystem;
    let Some(entry) = entry.filter(cut_short) else { return Ok(false) };
    take_back(ledger, &entry, place.backend.as_ref())?;
    Ok(true)
}

/// A soft limit lies below the hard one: XFS takes others, and keeps none.
fn ordered(limits: &Limits) -> Result<(), QuotaError> {
    if *limits == Limits::NONE {
        return Err(QuotaError::NoLimit);
    }
    let pairs = [("size", limits.soft_size, limits.size), ("files", limits.soft_files, limits.files)];
    for (what, soft, hard) in pairs {
        if let (Some(soft), Some(hard)) = (soft, hard)
            && soft > hard
        {
            return Err(QuotaError::Soft { what, soft, hard });
        }
    }
    Ok(())
}

/// The entry that these directories have already, all of them.
fn held(ledger: &Ledger, places: &[Place]) -> Result<Option<Entry>, QuotaError> {
    let mut found = None;
    for place in places {
        let number = place.backend.counted_for(&place.directory)?;
        if number == 0 {
            continue;
        }
        let entry = ledger.entry(Id(number))?.filter(|entry| entry.filesystem == place.filesystem);
        let entry = entry.ok_or_else(|| QuotaError::others(&place.path, number))?;
        if entry.phase != Phase::Set {
            // Cut short: not all that lies there need be counted.
            take_back(ledger, &entry, place.backend.as_ref())?;
            continue;
        }
        if !entry.directories.contains(&place.path) {
            return Err(nested(&entry, &place.path));
        }
        found = Some(entry);
    }
    let Some(entry) = found else { return Ok(None) };
    let named = |path: &PathBuf| places.iter().any(|place| place.path == *path);
    if !entry.directories.iter().all(named) || places.len() != entry.directories.len() {
        return Err(QuotaError::Part { all: entry.directories });
    }
    Ok(Some(entry))
}

fn nested(entry: &Entry, path: &Path) -> QuotaError {
    let of = entry.directories.first().cloned().unwrap_or_default();
    QuotaError::Nested { path: path.to_owned(), of }
}

/// Other limits for what has some.
fn change(ledger: &Ledger, entry: Entry, place: &Place, limits: &Limits) -> Result<Set, QuotaError> {
    let before = state(place, entry.id)?;
    fits(place, &before.usage, limits)?;
    let changed = Entry { limits: *limits, ..entry.clone() };
    ledger.write(&changed)?;
    let kept = place.backend.limit(entry.id, limits).and_then(|()| kept(place, entry.id, limits));
    match kept {
        Ok(state) => Ok(in_force(&changed, place, &state, 0)),
        Err(error) => {
            place.backend.limit(entry.id, &entry.limits)?;
            ledger.write(&entry)?;
            Err(error)
        }
    }
}

/// A number for what has none.
fn fresh(ledger: &Ledger, places: &[Place], limits: &Limits) -> Result<Set, QuotaError> {
    let [first, rest @ ..] = places else { return Err(QuotaError::NoDirectory) };
    // One step, which is done or is not, needs no second look at the ledger.
    let at_once = rest.is_empty() && first.is_empty()?;
    let entry = |id| Entry {
        id,
        filesystem: first.filesystem.clone(),
        directories: places.iter().map(|place| place.path.clone()).collect(),
        limits: *limits,
        phase: if at_once { Phase::Set } else { Phase::Begun },
    };
    let is_free = |id| {
        let state = first.backend.state(id)?;
        Ok(state.is_none_or(|state| state.limits == Limits::NONE && state.usage.is_nothing()))
    };
    let mut entry = ledger.allot(entry, is_free)?;
    let applied = apply(&entry, places, at_once);
    entry.phase = if applied.is_ok() { Phase::Set } else { Phase::Going };
    if applied.is_err() {
        // Whatever of this fails is done by the next reconcile; what is wrong is what went wrong first.
        let _undone = ledger.write(&entry).and_then(|()| take_back(ledger, &entry, first.backend.as_ref()));
    } else if !at_once {
        ledger.write(&entry)?;
    }
    applied
}

fn apply(entry: &Entry, places: &[Place], at_once: bool) -> Result<Set, QuotaError> {
    let Some(first) = places.first() else { return Err(QuotaError::NoDirectory) };
    first.backend.limit(entry.id, &entry.limits)?;
    kept(first, entry.id, &entry.limits)?;
    let mut uncounted = 0;
    for place in places {
        uncounted += place.backend.charge(&place.directory, &place.path, entry.id)?.uncounted;
        place.backend.sync(&place.directory, at_once)?;
        let number = place.backend.counted_for(&place.directory)?;
        if number != entry.id.0 {
            let found = format!("it is counted for {number} and not for {}", entry.id);
            return Err(QuotaError::NotKept { path: place.path.clone(), found });
        }
    }
    let state = kept(first, entry.id, &entry.limits)?;
    fits(first, &state.usage, &entry.limits)?;
    Ok(in_force(entry, first, &state, uncounted))
}

/// The size of a file system of its own.
fn whole(place: &Place, limits: &Limits) -> Result<Set, QuotaError> {
    let id = Id(0);
    let before = state(place, id)?;
    fits(place, &before.usage, limits)?;
    // What is not named stays.
    let limits = Limits {
        size: limits.size.or(before.limits.size),
        files: limits.files.or(before.limits.files),
        ..*limits
    };
    let kept = place.backend.limit(id, &limits).and_then(|()| kept(place, id, &limits));
    let state = match kept {
        Ok(state) => state,
        Err(error) => {
            place.backend.limit(id, &before.limits)?;
            return Err(error);
        }
    };
    Ok(Set {
        id: None,
        filesystem: place.filesystem.clone(),
        directories: vec![place.path.clone()],
        limits: state.limits,
        usage: state.usage,
        caveat: place.backend.caveat(),
        uncounted: 0,
    })
}

fn in_force(entry: &Entry, place: &Place, state: &State, uncounted: u64) -> Set {
    Set {
        id: Some(entry.id),
        filesystem: entry.filesystem.clone(),
        directories: entry.directories.clone(),
        limits: state.limits,
        usage: state.usage,
        caveat: place.backend.caveat(),
        uncounted,
    }
}

fn state(place: &Place, id: Id) -> Result<State, QuotaError> {
    Ok(place.backend.state(id)?.unwrap_or_default())
}

/// The state, if the kernel keeps just these limits.
fn kept(place: &Place, id: Id, limits: &Limits) -> Result<State, QuotaError> {
    let state = state(place, id)?;
    if state.limits == *limits {
        return Ok(state);
    }
    let found = format!("asked for {limits:?}, found {:?}", state.limits);
    Err(QuotaError::NotKept { path: place.path.clone(), found })
}

/// Refuses limits below what is there.
fn fits(place: &Place, usage: &Usage, limits: &Limits) -> Result<(), QuotaError> {
    let sums = [("bytes", Some(usage.size), limits.size), ("files", usage.files, limits.files)];
    for (what, holds, most) in sums {
        if let (Some(holds), Some(most)) = (holds, most)
            && holds > most
        {
            return Err(QuotaError::Holds { path: place.path.clone(), what, holds, most });
        }
    }
    Ok(())
}
