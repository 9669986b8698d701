//! `resources` and `disk`.

use super::Resolver;
use super::process::most;
use crate::defence;
use crate::diagnostic::Diagnostic;
use crate::origin::{At, Ruled};
use crate::policy::{Disk, Policy, Resource};
use crate::profile::{self, Limit, Resources};
use crate::units::{ByteRate, EventRate};

impl Resolver<'_> {
    pub(super) fn resources(&mut self, written: Option<&Resources>, policy: &mut Policy) {
        let Some(Resources { origin: _, memory, swap, cpu, processes, io, optional: _ }) = written else {
            return;
        };
        let mut all = vec![
            (Resource::Memory, most(memory.as_ref(), |bytes| bytes.0)),
            (Resource::Swap, most(swap.as_ref(), |bytes| bytes.0)),
            (Resource::CpuMillis, most(cpu.as_ref(), |processors| processors.0)),
            (Resource::Processes, most(processes.as_ref(), |count| count.0)),
        ];
        for (limit, what) in [(&all[0].1, "memory"), (&all[3].1, "processes")] {
            let none = limit.as_ref().filter(|limit| limit.value == 0);
            if let Some(place) = none.and_then(|limit| limit.origins.first()).cloned() {
                self.report.push(Diagnostic::error(format!("without {what} nothing can start")), &place);
            }
        }
        if let Some(io) = io {
            let bytes = |limit: Option<&At<Limit<ByteRate>>>| most(limit, |rate| rate.0);
            all.push((Resource::IoRead, bytes(io.read.as_ref())));
            all.push((Resource::IoWrite, bytes(io.write.as_ref())));
            all.push((Resource::IoReadOperations, self.operations(io.read_operations.as_ref())));
            all.push((Resource::IoWriteOperations, self.operations(io.write_operations.as_ref())));
        }
        policy.resources = all.into_iter().filter_map(|(name, limit)| Some((name, limit?))).collect();
    }

    /// Operations a second; a cgroup knows no burst. `io.max`, cgroup v2.
    fn operations(&mut self, limit: Option<&At<Limit<EventRate>>>) -> Option<Ruled<u64>> {
        if let Some(At { value: Limit::Most(EventRate { burst: Some(_), .. }), origin }) = limit {
            let diagnostic = Diagnostic::error("the kernel limits operations without a burst");
            self.fault(origin, diagnostic.help("write the rate alone: `100/s`"));
        }
        most(limit, |rate| rate.per_second)
    }

    pub(super) fn disk(&mut self, written: Option<&profile::Disk>, disk: &mut Disk) {
        let Some(profile::Disk { origin: _, size, files, optional: _ }) = written else { return };
        disk.size = most(size.as_ref(), |bytes| bytes.0);
        disk.files = most(files.as_ref(), |count| count.0);
        for limit in [&disk.size, &disk.files] {
            // A project quota of 0 is none. quotactl(2).
            let none = limit.as_ref().filter(|limit| limit.value == 0);
            if let Some(place) = none.and_then(|limit| limit.origins.first()).cloned() {
                let diagnostic = Diagnostic::error("the kernel takes a quota of 0 for no quota");
                self.report
                    .push(diagnostic.help("leave `write` out of `files`, or write `unlimited`"), &place);
            }
        }
    }

    /// Denies what would lead out of a disk quota; see [`defence`].
    pub(super) fn defend(&mut self, policy: &mut Policy) {
        if let Err(error) = defence::defend(policy) {
            let place = defence::limited(policy).and_then(|origins| origins.first().cloned());
            let place = place.unwrap_or_else(|| self.begin.clone());
            self.fault(&place, Diagnostic::error(error.to_string()));
        }
    }
}
