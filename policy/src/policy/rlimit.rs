//! Limits of a process, and how the kernel and the language call them. getrlimit(2).

use serde::{Deserialize, Serialize};

/// A per-process limit. getrlimit(2). Units: bytes, but for the counts and `cpu` (seconds).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rlimit {
    /// `RLIMIT_CPU`, seconds.
    Cpu,
    /// `RLIMIT_FSIZE`, bytes.
    FileSize,
    /// `RLIMIT_DATA`, bytes.
    Data,
    /// `RLIMIT_STACK`, bytes.
    Stack,
    /// `RLIMIT_CORE`, bytes.
    Core,
    /// `RLIMIT_NPROC`, processes of the user in its user namespace.
    Processes,
    /// `RLIMIT_NOFILE`, descriptors.
    OpenFiles,
    /// `RLIMIT_MEMLOCK`, bytes.
    LockedMemory,
    /// `RLIMIT_AS`, bytes.
    AddressSpace,
    /// `RLIMIT_SIGPENDING`, signals.
    PendingSignals,
    /// `RLIMIT_MSGQUEUE`, bytes.
    MessageQueues,
}

/// One limit as it is called.
struct Named {
    limit: Rlimit,
    /// The language's name.
    word: &'static str,
    /// The kernel's, without `RLIMIT_`. Docker and systemd have the same.
    kernel: &'static str,
    /// What a number of the kernel's counts, as the language writes it behind a number.
    unit: &'static str,
}

const fn named(limit: Rlimit, word: &'static str, kernel: &'static str, unit: &'static str) -> Named {
    Named { limit, word, kernel, unit }
}

/// In the order of the type.
const NAMES: [Named; 11] = [
    named(Rlimit::Cpu, "cpu", "CPU", "s"),
    named(Rlimit::FileSize, "file_size", "FSIZE", "B"),
    named(Rlimit::Data, "data", "DATA", "B"),
    named(Rlimit::Stack, "stack", "STACK", "B"),
    named(Rlimit::Core, "core", "CORE", "B"),
    named(Rlimit::Processes, "processes", "NPROC", ""),
    named(Rlimit::OpenFiles, "open_files", "NOFILE", ""),
    named(Rlimit::LockedMemory, "locked_memory", "MEMLOCK", "B"),
    named(Rlimit::AddressSpace, "address_space", "AS", "B"),
    named(Rlimit::PendingSignals, "pending_signals", "SIGPENDING", ""),
    named(Rlimit::MessageQueues, "message_queues", "MSGQUEUE", "B"),
];

impl Rlimit {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Rlimit> {
        NAMES.iter().map(|named| named.limit)
    }

    fn named(self) -> &'static Named {
        &NAMES[self as usize]
    }

    /// As profiles write it.
    pub fn name(self) -> &'static str {
        self.named().word
    }

    /// As the kernel calls it, without `RLIMIT_`.
    pub fn kernel_name(self) -> &'static str {
        self.named().kernel
    }

    /// What its number counts: `B`, `s`, or nothing where it counts things.
    pub fn unit(self) -> &'static str {
        self.named().unit
    }

    /// The limit that the kernel calls so, without `RLIMIT_`.
    pub fn by_kernel_name(name: &str) -> Option<Rlimit> {
        NAMES.iter().find(|named| named.kernel == name).map(|named| named.limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_stands_at_its_place_under_the_name_that_is_written() {
        for (index, limit) in Rlimit::all().enumerate() {
            assert_eq!(limit as usize, index);
            assert_eq!(serde_json::json!(limit), limit.name());
            assert_eq!(Rlimit::by_kernel_name(limit.kernel_name()), Some(limit));
        }
    }
}
