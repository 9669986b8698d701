//! Profile → [`Policy`]: parents joined in, names looked up, everything decided.
//!
//! A profile begins with nothing granted: what no one in the chain of its parents writes is denied. A
//! floor begins with no constraint at all, and what it leaves out puts none.

mod anonymous;
mod extends;
mod files;
mod limits;
mod namespaces;
mod network;
mod process;
mod syscalls;
mod users;

use crate::diagnostic::Diagnostic;
use crate::lookup::Lookup;
use crate::origin::{At, Origin, Origins, Ruled};
use crate::parse::list::List;
use crate::parse::report::Report;
use crate::policy::{Policy, Section};
use crate::profile::{Profile, Sections};
use crate::vocab::CapSet;
use std::sync::Arc;
use syscalls::Settled;

/// Which decision of a call lets through what a condition on another one is about.
pub(crate) use syscalls::open as open_way;

/// What a text is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A profile: `restricted` is its parent where it names none, and what is not granted is denied.
    Profile,
    /// A floor: no parent but those it names, and what it leaves out is not constrained.
    Floor,
}

/// What `profile` means. All faults that can be told apart are reported at once.
pub fn resolve(profile: &Profile, lookup: &dyn Lookup, mode: Mode) -> Result<Policy, Vec<Diagnostic>> {
    examine(profile, lookup, mode).map(|(policy, _)| policy)
}

/// As [`resolve`], with what may not mean what was intended.
pub fn examine(
    profile: &Profile,
    lookup: &dyn Lookup,
    mode: Mode,
) -> Result<(Policy, Vec<Diagnostic>), Vec<Diagnostic>> {
    let mut report = Report::new(Arc::clone(&profile.text));
    let Some(sections) = extends::flatten(profile, lookup, mode, &mut report) else {
        return Err(report.finish());
    };
    let begin = profile.sections.begin().clone();
    let mut resolver = Resolver { lookup, mode, report, begin, decisions: 0, settled: Settled::default() };
    let mut policy = Policy::unconstrained(&profile.name());
    policy.about = profile.sections.about.as_ref().map(|about| about.value.clone()).unwrap_or_default();
    resolver.sections(&sections, &mut policy);
    let faulty = resolver.report.has_errors();
    let found = resolver.report.finish();
    if faulty { Err(found) } else { Ok((policy, found)) }
}

/// What every section needs while it is resolved.
struct Resolver<'a> {
    lookup: &'a dyn Lookup,
    mode: Mode,
    report: Report,
    /// The beginning of the profile: it decides what nobody wrote.
    begin: Origin,
    /// Nodes of all diagrams made so far.
    decisions: usize,
    /// What the conditions on system calls come to.
    settled: Settled,
}

impl Resolver<'_> {
    fn sections(&mut self, sections: &Sections, policy: &mut Policy) {
        self.users(sections.process.as_ref(), &mut policy.users);
        self.process(sections.process.as_ref(), &mut policy.process);
        match &sections.capabilities {
            Some(list) if list.all => policy.capabilities = Ruled::at(CapSet::ALL, list.origin.clone()),
            Some(list) => {
                let kept = list.items.iter().map(|name| name.value.0).collect();
                policy.capabilities = Ruled { value: kept, origins: origins(list) };
            }
            None if self.is_floor() => {}
            None => policy.capabilities = Ruled::at(CapSet::EMPTY, self.begin.clone()),
        }
        self.syscalls(sections, policy);
        self.files(sections.files.as_ref(), &mut policy.files);
        self.anonymous(policy);
        self.mounts(sections.mounts.as_ref(), policy);
        self.devices(sections.devices.as_ref(), policy);
        self.namespaces(sections.namespaces.as_ref(), &mut policy.namespaces);
        self.resources(sections.resources.as_ref(), policy);
        self.disk(sections.disk.as_ref(), &mut policy.disk);
        self.network(sections.network.as_ref(), &mut policy.network);
        self.lsm(sections.lsm.as_ref(), &mut policy.lsm);
        self.defend(policy);
        namespaces::check(sections, policy, &mut self.report);
        flags(sections, policy);
    }

    fn is_floor(&self) -> bool {
        self.mode == Mode::Floor
    }

    /// Reports a fault of the value at `origin`.
    fn fault(&mut self, origin: &Origin, diagnostic: Diagnostic) {
        self.report.push(diagnostic, origin);
    }
}

/// The places of a list and of its entries, some of which may be its parents'.
fn origins<T>(list: &List<T>) -> Origins {
    list.items.iter().map(|item| item.origin.clone()).chain([list.origin.clone()]).collect()
}

/// Fills `optional` and `monitor`. Only what is on is kept: a section that is not named is required and
/// enforces, so that equal policies have equal maps.
fn flags(sections: &Sections, policy: &mut Policy) {
    /// The switch of a section, as written.
    macro_rules! flag {
        ($section:ident) => {
            sections.$section.as_ref().and_then(|section| section.optional.as_ref())
        };
    }
    let optional = [
        (Section::Process, flag!(process)),
        (Section::Capabilities, flag!(capabilities)),
        (Section::Syscalls, flag!(syscalls)),
        (Section::Files, flag!(files)),
        (Section::Mounts, flag!(mounts)),
        (Section::Devices, flag!(devices)),
        (Section::Namespaces, flag!(namespaces)),
        (Section::Resources, flag!(resources)),
        (Section::Disk, flag!(disk)),
        (Section::Network, flag!(network)),
        (Section::Lsm, flag!(lsm)),
    ];
    let monitor = [
        (Section::Network, sections.network.as_ref().and_then(|network| network.monitor.as_ref())),
        (Section::Lsm, sections.lsm.as_ref().and_then(|lsm| lsm.monitor.as_ref())),
    ];
    let on = |(section, flag): (Section, Option<&At<bool>>)| {
        flag.filter(|flag| flag.value).map(|flag| (section, Ruled::from(flag.clone())))
    };
    policy.optional = optional.into_iter().filter_map(on).collect();
    policy.monitor = monitor.into_iter().filter_map(on).collect();
}
