//! Differences that a person reads as one: the same answers by the same texts.

use super::{Difference, Side};
use crate::lattice::event::{Event, call_name};
use crate::policy::Section;
use crate::vocab::{Arch, syscalls};
use std::collections::{BTreeMap, BTreeSet};

/// Differences with the same answers by lines of the same texts.
pub(super) struct Group<'a> {
    /// What they are about, each once.
    pub(super) names: Vec<String>,
    /// The interfaces on which they differ, where they are system calls.
    pub(super) interfaces: BTreeSet<Arch>,
    /// The interfaces that have one of them on which it does not differ; none of those above.
    pub(super) alike: BTreeSet<Arch>,
    /// The first one.
    pub(super) example: &'a Difference,
    /// What `a` says, with everyone who does.
    pub(super) a: Side,
    /// What `b` says, with everyone who does.
    pub(super) b: Side,
}

/// An answer and the texts that give it.
type Said<'a> = (&'a str, BTreeSet<&'a str>);

/// What a group has in common: section and both answers; a call whose arguments decide stands alone.
type Key<'a> = (Section, Said<'a>, Said<'a>, Option<String>);

/// The groups, in the order of their first members.
pub(super) fn groups(differences: &[Difference]) -> Vec<Group<'_>> {
    let mut calls: BTreeMap<(Key<'_>, String), BTreeSet<Arch>> = BTreeMap::new();
    for difference in differences {
        calls.entry((key(difference), name(&difference.event))).or_default().extend(interface(difference));
    }
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut places: BTreeMap<Key<'_>, Vec<usize>> = BTreeMap::new();
    for difference in differences {
        let (key, name) = (key(difference), name(&difference.event));
        let Some(differing) = calls.get(&(key.clone(), name.clone())) else { continue };
        let alike = alike(&name, differing);
        let known = places.entry(key).or_default();
        let fits = |place: &&usize| {
            let group = &groups[**place];
            group.alike.is_disjoint(differing) && group.interfaces.is_disjoint(&alike)
        };
        // The second interface of a call fits where the first one went.
        let place = known.iter().find(fits).copied().unwrap_or(groups.len());
        if place == groups.len() {
            known.push(place);
            let Difference { a, b, .. } = difference.clone();
            let (interfaces, none) = (BTreeSet::new(), BTreeSet::new());
            groups.push(Group { names: Vec::new(), interfaces, alike: none, example: difference, a, b });
        }
        let group = &mut groups[place];
        if !group.names.contains(&name) {
            group.names.push(name);
        }
        group.interfaces.extend(differing);
        group.alike.extend(alike);
        group.a.origins.extend(difference.a.origins.iter().cloned());
        group.b.origins.extend(difference.b.origins.iter().cloned());
    }
    groups
}

fn key(difference: &Difference) -> Key<'_> {
    let Difference { section, event, conditional, a, b } = difference;
    (*section, said(a), said(b), conditional.then(|| name(event)))
}

fn said(side: &Side) -> Said<'_> {
    (&side.answer, side.origins.iter().map(|origin| &*origin.file).collect())
}

fn interface(difference: &Difference) -> Option<Arch> {
    match &difference.event {
        Event::Syscall { arch, .. } => Some(*arch),
        _ => None,
    }
}

/// Every number without a name, on whichever interface.
const NAMELESS: &str = "numbers without a name";

fn name(event: &Event) -> String {
    match event {
        Event::Syscall { arch, number, .. } if syscalls::name(*arch, *number).is_none() => {
            NAMELESS.to_owned()
        }
        Event::Syscall { arch, number, .. } => call_name(*arch, *number),
        other => other.to_string(),
    }
}

/// The interfaces that have the call and are not among those that differ; none of what is no call.
fn alike(name: &str, differing: &BTreeSet<Arch>) -> BTreeSet<Arch> {
    let has = |arch: &Arch| name == NAMELESS || syscalls::number(*arch, name).is_some();
    Arch::ALL.into_iter().filter(has).filter(|arch| !differing.contains(arch)).collect()
}
