//! Mounts: by place and source, each with the rights it allows.

use super::confirmed;
use crate::lattice::event::Event;
use crate::lattice::ruled::{together, written};
use crate::lattice::{Lattice, LatticeError, Toward, Verdict, Witness};
use crate::origin::Origins;
use crate::policy::Mount;
use std::collections::BTreeMap;

type Mounts = BTreeMap<String, Mount>;

impl Lattice for Option<Mounts> {
    fn combine(&self, other: &Self, toward: Toward) -> Result<Self, LatticeError> {
        match (toward, self, other) {
            (Toward::Strict, Some(left), Some(right)) => Ok(Some(common(left, right))),
            (Toward::Strict, one, None) | (Toward::Strict, None, one) => Ok(one.clone()),
            (Toward::Loose, Some(left), Some(right)) => either(left, right).map(Some),
            (Toward::Loose, _, _) => Ok(None),
        }
    }

    fn admits(&self, event: &Event) -> Option<Verdict> {
        let (from, at, right) = match event {
            Event::AnyMount if self.is_none() => return Some(Verdict::unwritten()),
            Event::AnyMount => return Some(Verdict::absent()),
            Event::Mount { from, at, right } => (from, at, right),
            _ => return None,
        };
        let Some(mounts) = self else { return Some(Verdict::unwritten()) };
        let Some(mount) = mounts.get(at) else { return Some(Verdict::absent()) };
        let same = mount.from.value == *from;
        let allowed = same && right.is_none_or(|right| mount.allows.value.contains(&right));
        let by = if same && right.is_some() { &mount.allows.origins } else { &mount.from.origins };
        Some(Verdict { allowed, origins: by.clone() })
    }

    fn looser(&self, other: &Self) -> Vec<Witness> {
        let named = self.iter().flatten().flat_map(|(at, mount)| {
            let rights = mount.allows.value.iter().copied().map(Some);
            rights.chain([None]).map(|right| Event::Mount {
                from: mount.from.value.clone(),
                at: at.clone(),
                right,
            })
        });
        confirmed(self, other, named.chain([Event::AnyMount]))
    }
}

/// One mount that both sides have.
fn both(left: &Mount, right: &Mount, toward: Toward) -> Mount {
    Mount {
        from: together(&left.from, &right.from, left.from.value.clone()),
        allows: toward.set(&left.allows, &right.allows),
    }
}

fn common(left: &Mounts, right: &Mounts) -> Mounts {
    left.iter()
        .filter_map(|(at, mine)| {
            let theirs = right.get(at).filter(|theirs| theirs.from == mine.from)?;
            Some((at.clone(), both(mine, theirs, Toward::Strict)))
        })
        .collect()
}

fn either(left: &Mounts, right: &Mounts) -> Result<Mounts, LatticeError> {
    let mut all = left.clone();
    for (at, theirs) in right {
        let mount = match left.get(at) {
            None => theirs.clone(),
            Some(mine) if mine.from == theirs.from => both(mine, theirs, Toward::Loose),
            Some(mine) => {
                let side = |mount: &Mount| {
                    let origins: &Origins = &mount.from.origins;
                    written(&format_args!("{} at {at}", mount.from.value), origins)
                };
                return Err(LatticeError::Clash { what: "mounts", left: side(mine), right: side(theirs) });
            }
        };
        all.insert(at.clone(), mount);
    }
    Ok(all)
}
