//! Limits on the whole group of processes, and the disk quota.

use super::{below_top, confirmed};
use crate::lattice::event::{Event, Quantity};
use crate::lattice::{Lattice, LatticeError, Toward, Verdict, Witness};
use crate::origin::Ruled;
use crate::policy::{Disk, Resource};
use std::collections::BTreeMap;

/// The verdict of a limit on an amount; no amount asks for no limit.
pub(super) fn amount(limit: Option<&Ruled<u64>>, amount: Option<u64>) -> Verdict {
    below_top(limit, |limit| amount.is_some_and(|amount| amount <= *limit))
}

impl Lattice for BTreeMap<Resource, Ruled<u64>> {
    fn combine(&self, other: &Self, toward: Toward) -> Result<Self, LatticeError> {
        Ok(toward.limits(self, other))
    }

    fn admits(&self, event: &Event) -> Option<Verdict> {
        match event {
            Event::Amount(Quantity::Resource(name), used) => Some(amount(self.get(name), *used)),
            _ => None,
        }
    }

    fn looser(&self, other: &Self) -> Vec<Witness> {
        let amounts = other
            .keys()
            .map(|name| Event::Amount(Quantity::Resource(*name), self.get(name).map(|limit| limit.value)));
        confirmed(self, other, amounts)
    }
}

impl Lattice for Disk {
    fn combine(&self, other: &Self, toward: Toward) -> Result<Self, LatticeError> {
        let Disk { size, files } = self;
        Ok(Disk {
            size: toward.limit(size.as_ref(), other.size.as_ref()),
            files: toward.limit(files.as_ref(), other.files.as_ref()),
        })
    }

    fn admits(&self, event: &Event) -> Option<Verdict> {
        match event {
            Event::Amount(Quantity::DiskSize, used) => Some(amount(self.size.as_ref(), *used)),
            Event::Amount(Quantity::DiskFiles, used) => Some(amount(self.files.as_ref(), *used)),
            _ => None,
        }
    }

    fn looser(&self, other: &Self) -> Vec<Witness> {
        let value = |limit: &Option<Ruled<u64>>| limit.as_ref().map(|limit| limit.value);
        let amounts = [
            Event::Amount(Quantity::DiskSize, value(&self.size)),
            Event::Amount(Quantity::DiskFiles, value(&self.files)),
        ];
        confirmed(self, other, amounts)
    }
}
