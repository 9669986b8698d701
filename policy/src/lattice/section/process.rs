//! Attributes of the process.

use super::{below_top, confirmed, first, verdict};
use crate::lattice::event::{Event, Quantity, Switch};
use crate::lattice::{Lattice, LatticeError, Toward, Verdict, Witness};
use crate::policy::Process;

impl Lattice for Process {
    fn combine(&self, other: &Self, toward: Toward) -> Result<Self, LatticeError> {
        let Process {
            no_new_privileges,
            write_xor_execute,
            environment,
            securebits,
            umask,
            limits,
            workdir,
            hostname,
            sysctls,
        } = self;
        let mut all_sysctls = other.sysctls.clone();
        all_sysctls.extend(sysctls.clone());
        Ok(Process {
            no_new_privileges: toward.switch(no_new_privileges, &other.no_new_privileges),
            write_xor_execute: toward.switch(write_xor_execute, &other.write_xor_execute),
            environment: toward.below_top(environment.as_ref(), other.environment.as_ref(), |left, right| {
                toward.set(left, right)
            }),
            securebits: toward.protective_bits(securebits, &other.securebits),
            umask: toward.protective_bits(umask, &other.umask),
            limits: toward.limits(limits, &other.limits),
            workdir: first(workdir.as_ref(), other.workdir.as_ref()),
            hostname: first(hostname.as_ref(), other.hostname.as_ref()),
            sysctls: all_sysctls,
        })
    }

    fn admits(&self, event: &Event) -> Option<Verdict> {
        let clear = |bits: u32, bit: u32| bits.checked_shr(bit).is_none_or(|bits| bits & 1 == 0);
        match event {
            Event::Without(Switch::NoNewPrivileges) => {
                Some(verdict(!self.no_new_privileges.value, &self.no_new_privileges))
            }
            Event::Without(Switch::WriteXorExecute) => {
                Some(verdict(!self.write_xor_execute.value, &self.write_xor_execute))
            }
            Event::Environment(name) => Some(below_top(self.environment.as_ref(), |passed| {
                name.as_ref().is_some_and(|name| passed.contains(name))
            })),
            Event::SecurebitClear(bit) => Some(verdict(clear(self.securebits.value, *bit), &self.securebits)),
            Event::FileModeBit(bit) => Some(verdict(clear(self.umask.value, *bit), &self.umask)),
            Event::Amount(Quantity::Rlimit(name), amount) => {
                Some(below_top(self.limits.get(name), |limit| amount.is_some_and(|amount| amount <= *limit)))
            }
            _ => None,
        }
    }

    fn looser(&self, other: &Self) -> Vec<Witness> {
        let switches = [Switch::NoNewPrivileges, Switch::WriteXorExecute].map(Event::Without);
        let environment = match &self.environment {
            None => vec![Event::Environment(None)],
            Some(passed) => passed.value.iter().cloned().map(Some).map(Event::Environment).collect(),
        };
        let limits = other.limits.keys().map(|name| {
            let mine = self.limits.get(name).map(|limit| limit.value);
            Event::Amount(Quantity::Rlimit(*name), mine)
        });
        let bits = (0..u32::BITS).flat_map(|bit| [Event::SecurebitClear(bit), Event::FileModeBit(bit)]);
        confirmed(self, other, switches.into_iter().chain(environment).chain(bits).chain(limits))
    }
}
