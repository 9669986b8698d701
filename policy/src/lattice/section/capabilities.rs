//! Capabilities kept: a set.

use super::{confirmed, verdict};
use crate::lattice::event::Event;
use crate::lattice::ruled::together;
use crate::lattice::{Lattice, LatticeError, Toward, Verdict, Witness};
use crate::origin::Ruled;
use crate::vocab::CapSet;

impl Lattice for Ruled<CapSet> {
    fn combine(&self, other: &Self, toward: Toward) -> Result<Self, LatticeError> {
        let value = match toward {
            Toward::Strict => self.value.intersection(other.value),
            Toward::Loose => self.value.union(other.value),
        };
        Ok(together(self, other, value))
    }

    fn admits(&self, event: &Event) -> Option<Verdict> {
        match event {
            Event::Capability(number) => Some(verdict(has(self.value, *number), self)),
            _ => None,
        }
    }

    fn looser(&self, other: &Self) -> Vec<Witness> {
        let more = self.value.minus(other.value);
        confirmed(self, other, (0..64).filter(|number| has(more, *number)).map(Event::Capability))
    }
}

/// By number, so that a bit without a name counts too.
fn has(set: CapSet, number: u8) -> bool {
    set.0.checked_shr(u32::from(number)).is_some_and(|bits| bits & 1 == 1)
}
