//! Who it runs as: a set of ids that may not become empty.

use super::{confirmed, verdict};
use crate::lattice::event::Event;
use crate::lattice::ruled::{together, written};
use crate::lattice::{Lattice, LatticeError, Toward, Verdict, Witness};
use crate::policy::Users;

impl Lattice for Users {
    fn combine(&self, other: &Self, toward: Toward) -> Result<Self, LatticeError> {
        let (left, right) = (&self.uids, &other.uids);
        let value = match toward {
            Toward::Strict => left.value.intersection(&right.value),
            Toward::Loose => left.value.union(&right.value),
        };
        if value.is_empty() {
            return Err(LatticeError::Empty {
                what: "users",
                left: written(&left.value, &left.origins),
                right: written(&right.value, &right.origins),
            });
        }
        // Groups go with the user they were written for: a floor that admits many users must not lend
        // its groups to one that the profile names.
        let named = |users: &Users| users.uids.value.value().is_some();
        let who = if !named(self) && named(other) { other } else { self };
        Ok(Users { uids: together(left, right, value), gid: who.gid.clone(), groups: who.groups.clone() })
    }

    fn admits(&self, event: &Event) -> Option<Verdict> {
        match event {
            Event::User(uid) => Some(verdict(self.uids.value.contains(*uid), &self.uids)),
            _ => None,
        }
    }

    fn looser(&self, other: &Self) -> Vec<Witness> {
        let more = self.uids.value.minus(&other.uids.value);
        confirmed(self, other, more.first().map(Event::User))
    }
}
