//! The policy: the product of its sections, and the two flags that a section can carry.

use super::event::Event;
use super::{Lattice, LatticeError, Toward, Verdict, Witness};
use crate::origin::Ruled;
use crate::policy::{Policy, Section};
use std::collections::{BTreeMap, BTreeSet};

type Flags = BTreeMap<Section, Ruled<bool>>;

impl Lattice for Policy {
    /// Names, and what else is outside the order, are the left side's where it has them.
    fn combine(&self, other: &Self, toward: Toward) -> Result<Self, LatticeError> {
        let Policy {
            name,
            about,
            users,
            process,
            capabilities,
            syscalls,
            filter,
            files,
            mounts,
            devices,
            namespaces,
            resources,
            disk,
            network,
            lsm,
            optional: _, // below, by `flags`: they need both sides whole
            monitor: _,
        } = self;
        let mut both = Policy {
            name: name.clone(),
            about: about.clone(),
            users: users.combine(&other.users, toward)?,
            process: process.combine(&other.process, toward)?,
            capabilities: capabilities.combine(&other.capabilities, toward)?,
            syscalls: syscalls.combine(&other.syscalls, toward)?,
            filter: filter.combine(&other.filter, toward)?,
            files: files.combine(&other.files, toward)?,
            mounts: mounts.combine(&other.mounts, toward)?,
            devices: devices.combine(&other.devices, toward)?,
            namespaces: namespaces.combine(&other.namespaces, toward)?,
            resources: resources.combine(&other.resources, toward)?,
            disk: disk.combine(&other.disk, toward)?,
            network: network.combine(&other.network, toward)?,
            lsm: lsm.combine(&other.lsm, toward)?,
            optional: Flags::new(),
            monitor: Flags::new(),
        };
        both.optional = flags((self, &self.optional), (other, &other.optional), &both, toward);
        both.monitor = flags((self, &self.monitor), (other, &other.monitor), &both, toward);
        Ok(both)
    }

    fn admits(&self, event: &Event) -> Option<Verdict> {
        match event {
            Event::Unenforceable(section) => return Some(self.flag(&self.optional, *section).into()),
            Event::Monitored(section) => return Some(self.flag(&self.monitor, *section).into()),
            _ => {}
        }
        let Policy {
            name: _,
            about: _,
            users,
            process,
            capabilities,
            syscalls,
            filter,
            files,
            mounts,
            devices,
            namespaces,
            resources,
            disk,
            network,
            lsm,
            optional: _,
            monitor: _,
        } = self;
        let sections: [&dyn Fn() -> Option<Verdict>; 13] = [
            &|| users.admits(event),
            &|| process.admits(event),
            &|| capabilities.admits(event),
            &|| syscalls.admits(event),
            &|| filter.admits(event),
            &|| files.admits(event),
            &|| mounts.admits(event),
            &|| devices.admits(event),
            &|| namespaces.admits(event),
            &|| resources.admits(event),
            &|| disk.admits(event),
            &|| network.admits(event),
            &|| lsm.admits(event),
        ];
        sections.into_iter().find_map(|section| section())
    }

    fn looser(&self, other: &Self) -> Vec<Witness> {
        let Policy {
            name: _,
            about: _,
            users,
            process,
            capabilities,
            syscalls,
            filter,
            files,
            mounts,
            devices,
            namespaces,
            resources,
            disk,
            network,
            lsm,
            optional,
            monitor,
        } = self;
        let optional = optional.keys().copied().map(Event::Unenforceable);
        let monitor = monitor.keys().copied().map(Event::Monitored);
        let mut witnesses = users.looser(&other.users);
        witnesses.extend(process.looser(&other.process));
        witnesses.extend(capabilities.looser(&other.capabilities));
        witnesses.extend(syscalls.looser(&other.syscalls));
        witnesses.extend(filter.looser(&other.filter));
        witnesses.extend(files.looser(&other.files));
        witnesses.extend(mounts.looser(&other.mounts));
        witnesses.extend(devices.looser(&other.devices));
        witnesses.extend(namespaces.looser(&other.namespaces));
        witnesses.extend(resources.looser(&other.resources));
        witnesses.extend(disk.looser(&other.disk));
        witnesses.extend(network.looser(&other.network));
        witnesses.extend(lsm.looser(&other.lsm));
        witnesses.extend(super::section::confirmed(self, other, optional.chain(monitor)));
        witnesses
    }
}

impl Policy {
    /// Whether `section` constrains anything: whether it is below the top of its order.
    pub fn constrains(&self, section: Section) -> bool {
        let top = Policy::unconstrained("");
        match section {
            Section::Process => !(top.process.le(&self.process) && top.users.le(&self.users)),
            Section::Capabilities => !top.capabilities.le(&self.capabilities),
            Section::Syscalls => !(top.syscalls.le(&self.syscalls) && top.filter.le(&self.filter)),
            Section::Files => !top.files.le(&self.files),
            Section::Mounts => !top.mounts.le(&self.mounts),
            Section::Devices => !top.devices.le(&self.devices),
            Section::Namespaces => !top.namespaces.le(&self.namespaces),
            Section::Resources => !top.resources.le(&self.resources),
            Section::Disk => !top.disk.le(&self.disk),
            Section::Network => !top.network.le(&self.network),
            Section::Lsm => !top.lsm.le(&self.lsm),
        }
    }

    /// A flag of a section. A section without constraint carries every flag: nothing is missing where
    /// nothing is asked for. So a floor that leaves a section out does not make it required.
    fn flag(&self, flags: &Flags, section: Section) -> Ruled<bool> {
        match flags.get(&section) {
            _ if !self.constrains(section) => Ruled::unwritten(true),
            Some(flag) => flag.clone(),
            None => Ruled::unwritten(false),
        }
    }
}

/// The flags of `both`, which was made of `left` and `right`.
fn flags(left: (&Policy, &Flags), right: (&Policy, &Flags), both: &Policy, toward: Toward) -> Flags {
    let named: BTreeSet<Section> = left.1.keys().chain(right.1.keys()).copied().collect();
    named
        .into_iter()
        .filter(|section| both.constrains(*section))
        .map(|section| {
            (section, toward.chain(&left.0.flag(left.1, section), &right.0.flag(right.1, section)))
        })
        .filter(|(_, flag)| flag.value || !flag.origins.is_empty())
        .collect()
}

impl From<Ruled<bool>> for Verdict {
    fn from(flag: Ruled<bool>) -> Self {
        Verdict { allowed: flag.value, origins: flag.origins }
    }
}
