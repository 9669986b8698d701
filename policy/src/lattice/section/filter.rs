//! How the filter of system calls is put on: two switches.

use super::{confirmed, verdict};
use crate::lattice::event::{Event, Switch};
use crate::lattice::{Lattice, LatticeError, Toward, Verdict, Witness};
use crate::policy::Filter;

impl Lattice for Filter {
    fn combine(&self, other: &Self, toward: Toward) -> Result<Self, LatticeError> {
        let Filter { mitigate_speculation, log_denied } = self;
        Ok(Filter {
            mitigate_speculation: toward.switch(mitigate_speculation, &other.mitigate_speculation),
            log_denied: toward.switch(log_denied, &other.log_denied),
        })
    }

    fn admits(&self, event: &Event) -> Option<Verdict> {
        let switch = match event {
            Event::Without(Switch::MitigatedSpeculation) => &self.mitigate_speculation,
            Event::Without(Switch::LogDenied) => &self.log_denied,
            _ => return None,
        };
        Some(verdict(!switch.value, switch))
    }

    fn looser(&self, other: &Self) -> Vec<Witness> {
        let Filter { mitigate_speculation: _, log_denied: _ } = self;
        confirmed(self, other, [Switch::MitigatedSpeculation, Switch::LogDenied].map(Event::Without))
    }
}
