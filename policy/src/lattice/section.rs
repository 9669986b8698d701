//! The sections of a policy, each with its meet and join, its verdict on an event, and the events that
//! tell two of them apart, side by side.

mod capabilities;
mod devices;
mod files;
mod filter;
mod limits;
mod lsm;
mod mounts;
mod namespaces;
mod process;
mod traffic;
mod users;

use super::{Event, Lattice, Verdict, Witness};
use crate::origin::Ruled;

/// The candidates that `left` allows and `right` denies.
pub(super) fn confirmed<L: Lattice>(
    left: &L,
    right: &L,
    candidates: impl IntoIterator<Item = Event>,
) -> Vec<Witness> {
    candidates
        .into_iter()
        .filter_map(|event| {
            let (allows, denies) = (left.admits(&event)?, right.admits(&event)?);
            (allows.allowed && !denies.allowed).then_some(Witness {
                event,
                allowed_by: allows.origins,
                denied_by: denies.origins,
            })
        })
        .collect()
}

/// A verdict by those who decided a value.
fn verdict<T>(allowed: bool, by: &Ruled<T>) -> Verdict {
    Verdict { allowed, origins: by.origins.clone() }
}

/// A verdict by a value whose absence is the top of the order.
fn below_top<T>(by: Option<&Ruled<T>>, allowed: impl FnOnce(&T) -> bool) -> Verdict {
    by.map_or_else(Verdict::unwritten, |by| verdict(allowed(&by.value), by))
}

/// What is outside the order: the first side that says something.
fn first<T: Clone>(left: Option<&T>, right: Option<&T>) -> Option<T> {
    left.or(right).cloned()
}
