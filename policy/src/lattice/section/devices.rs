//! Devices in `/dev`: a set, below the host's own `/dev`.

use super::{below_top, confirmed};
use crate::lattice::event::Event;
use crate::lattice::{Lattice, LatticeError, Toward, Verdict, Witness};
use crate::origin::Ruled;
use crate::policy::Device;
use std::collections::BTreeSet;

impl Lattice for Option<Ruled<BTreeSet<Device>>> {
    fn combine(&self, other: &Self, toward: Toward) -> Result<Self, LatticeError> {
        Ok(toward.below_top(self.as_ref(), other.as_ref(), |left, right| toward.set(left, right)))
    }

    fn admits(&self, event: &Event) -> Option<Verdict> {
        match event {
            Event::Device(device) => Some(below_top(self.as_ref(), |set| set.contains(device))),
            Event::HostDevices => Some(below_top(self.as_ref(), |_| false)),
            _ => None,
        }
    }

    fn looser(&self, other: &Self) -> Vec<Witness> {
        let named = self.iter().flat_map(|set| set.value.iter().cloned().map(Event::Device));
        confirmed(self, other, named.chain([Event::HostDevices]))
    }
}
