//! The process's own attributes.

use super::{Resolver, origins};
use crate::diagnostic::Diagnostic;
use crate::origin::{At, Ruled};
use crate::policy::{Process, Rlimit};
use crate::profile::{self, Limit, ProcessLimits};
use crate::units::{Bytes, Count, Seconds};
use std::collections::BTreeSet;

impl Resolver<'_> {
    pub(super) fn process(&mut self, written: Option<&profile::Process>, process: &mut Process) {
        if !self.is_floor() {
            // What a profile does not mention is the strict side, where that needs no newer kernel.
            process.no_new_privileges = Ruled::at(true, self.begin.clone());
            process.environment = Some(Ruled::at(BTreeSet::new(), self.begin.clone()));
        }
        let Some(written) = written else { return };
        if let Some(flag) = &written.no_new_privileges {
            process.no_new_privileges = flag.clone().into();
        }
        if let Some(flag) = &written.write_xor_execute {
            process.write_xor_execute = flag.clone().into();
        }
        if let Some(list) = &written.environment {
            let names = || list.items.iter().map(|name| name.value.0.clone()).collect();
            process.environment = (!list.all).then(|| Ruled { value: names(), origins: origins(list) });
        }
        if let Some(list) = &written.securebits {
            let bits = list.items.iter().fold(0, |bits, bit| bits | bit.value.bit());
            process.securebits = Ruled { value: bits, origins: origins(list) };
        }
        if let Some(mask) = &written.umask {
            process.umask = mask.clone().map(|mask| mask.0).into();
        }
        process.workdir = written.workdir.clone().map(|path| path.map(|path| path.0).into());
        process.hostname = written.hostname.clone().map(|name| name.map(|name| name.0).into());
        if let Some(sysctls) = &written.sysctls {
            let each = sysctls.values.iter().map(|(name, value)| (name.clone(), value.clone().into()));
            process.sysctls = each.collect();
        }
        if let Some(limits) = &written.limits {
            self.rlimits(limits, process);
        }
    }

    fn rlimits(&mut self, limits: &ProcessLimits, process: &mut Process) {
        let ProcessLimits {
            origin: _,
            cpu,
            file_size,
            data,
            stack,
            core,
            processes,
            open_files,
            locked_memory,
            address_space,
            pending_signals,
            message_queues,
        } = limits;
        let bytes = |limit: &Option<At<Limit<Bytes>>>| most(limit.as_ref(), |bytes| bytes.0);
        let count = |limit: &Option<At<Limit<Count>>>| most(limit.as_ref(), |count| count.0);
        let all = [
            (Rlimit::Cpu, most(cpu.as_ref(), |seconds: Seconds| seconds.0)),
            (Rlimit::FileSize, bytes(file_size)),
            (Rlimit::Data, bytes(data)),
            (Rlimit::Stack, bytes(stack)),
            (Rlimit::Core, bytes(core)),
            (Rlimit::Processes, count(processes)),
            (Rlimit::OpenFiles, count(open_files)),
            (Rlimit::LockedMemory, bytes(locked_memory)),
            (Rlimit::AddressSpace, bytes(address_space)),
            (Rlimit::PendingSignals, count(pending_signals)),
            (Rlimit::MessageQueues, bytes(message_queues)),
        ];
        // RLIM_INFINITY: to the kernel the largest number is no limit at all. getrlimit(2).
        for (_, limit) in &all {
            let infinite = limit.as_ref().filter(|limit| limit.value == u64::MAX);
            if let Some(place) = infinite.and_then(|limit| limit.origins.first()) {
                self.fault(
                    place,
                    Diagnostic::error("the kernel takes this number for no limit").help("write `unlimited`"),
                );
            }
        }
        process.limits = all.into_iter().filter_map(|(name, limit)| Some((name, limit?))).collect();
    }
}

/// The number of a limit; none where it is unlimited.
pub(super) fn most<Q: Copy>(limit: Option<&At<Limit<Q>>>, number: impl Fn(Q) -> u64) -> Option<Ruled<u64>> {
    let limit = limit?;
    match limit.value {
        Limit::Unlimited => None,
        Limit::Most(most) => Some(Ruled::at(number(most), limit.origin.clone())),
    }
}
